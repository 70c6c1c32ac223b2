"""The script: the speaker wants one target at a time, and reacts to the listener's action by comparing it with its
intention.

It only simulates people. Each turn it has an intention, the action that it wants. After the listener's action it

1. judges the action: as wanted (or a part of it), good though not as wanted, or bad;
2. forms the next intention from the missing targets and the tangrams selected by mistake;
3. states its judgement (praise, a correction, or nothing), then its next wish.

Its persona decides how often it does each of these. The listener only gets the words; a decoder of implicit feedback
has to recover the judgement.
"""

from __future__ import annotations

from multiref_gym.compiled.chance import below, happens
from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record
from multiref_gym.compiled.rules import is_over, is_won
from multiref_gym.compiled.sets import member, size_of
from multiref_gym.simulators.language import NOBODY, describe
from multiref_gym.simulators.tables import AND, CLICK, SELECT_OR_DESELECT, pick
from multiref_gym.simulators.text import say, type_it, write

CORRECTS_FIRST = 0.7
"""How often words for a bad action are followed by an undo request and nothing more."""


@compiled
def start(tables: Record, game: Record) -> None:
    """Draws a persona, chooses the first target and describes it."""
    game.persona = below(game, tables.persona_count) if tables.persona_count > 1 else 0
    persona = tables.personas[game.persona]
    game.described = game.descriptions = game.length = 0
    if happens(game, persona.announces):
        say(tables, game, pick(tables, game, tables.announcements[size_of(game.targets)]))
    _ask_for_next(tables, game, persona)
    type_it(tables, game, persona)


@compiled
def reply(tables: Record, game: Record, understood: bool) -> None:
    """Replies to the turn just taken; `understood` is False if the listener's answer was not an action."""
    persona = tables.personas[game.persona]
    game.length, clicks = 0, game.clicks if understood else 0
    _answer(tables, game, persona, clicks & game.selected, clicks & ~game.selected, understood)
    type_it(tables, game, persona)


@compiled
def _answer(tables: Record, game: Record, persona: Record, select: int, deselect: int, understood: bool) -> None:
    """Judges the action, perhaps says so, and asks for the next one."""
    if is_over(game):
        if is_won(game):
            say(tables, game, pick(tables, game, tables.closing))
        return
    mistakes = game.selected & ~game.targets
    if not (select or deselect):
        if not (game.wanted_select or game.wanted_deselect):  # the described targets are selected already
            _ask_for_next(tables, game, persona)
        else:
            say(tables, game, tables.fixed[CLICK if understood else SELECT_OR_DESELECT])
            _go_on(tables, game, persona, 0)
    elif _pleases(game, persona, select, deselect):
        if happens(game, persona.praise / 2 if mistakes else persona.praise):
            say(tables, game, pick(tables, game, persona.praises))
        if mistakes and happens(game, persona.clears_up):
            if game.length:
                say(tables, game, pick(tables, game, persona.buts))
            _ask_to_deselect(tables, game, persona, mistakes, select)
        else:
            _go_on(tables, game, persona, 0)
    else:
        opening, fresh = pick(tables, game, persona.corrections), mistakes & select
        if mistakes and (not fresh or happens(game, persona.undo_only)):
            if happens(game, CORRECTS_FIRST):
                say(tables, game, opening)
            _ask_to_deselect(tables, game, persona, mistakes, fresh)
        else:
            say(tables, game, opening)
            if fresh and happens(game, persona.asks_undo):
                say(tables, game, pick(tables, game, persona.undos_then))
            _go_on(tables, game, persona, fresh)


@compiled
def _pleases(game: Record, persona: Record, select: int, deselect: int) -> bool:
    """Whether the speaker takes the action as the wanted one, rightly or not."""
    as_wanted = not (select & ~game.wanted_select or deselect & ~game.wanted_deselect)
    good = not (select & ~game.targets or deselect & game.targets)
    pleased = as_wanted or (good and (not select or happens(game, persona.accepts_luck)))
    return bool(pleased != happens(game, persona.slip))


@compiled
def _ask_for_next(tables: Record, game: Record, persona: Record) -> None:
    """Describes one or two missing targets, and asks to undo a mistake that was just made."""
    missing = game.targets & ~game.selected
    if not missing:
        _ask_to_deselect(tables, game, persona, game.selected & ~game.targets, 0)
        return
    found = game.targets & game.selected
    if found and happens(game, persona.forgets):
        forgotten = _one_of(game, found)
        _ask_for(tables, game, persona, forgotten, NOBODY, pick(tables, game, persona.before_next), 0)
        return
    first = member(missing, below(game, size_of(missing)))
    missing &= ~(1 << first)
    second = NOBODY
    if missing and happens(game, persona.two_at_once):
        second = member(missing, below(game, size_of(missing)))
        missing &= ~(1 << second)
    if not missing and game.turn > 0 and happens(game, persona.says_last):
        before = pick(tables, game, persona.before_last)
    elif persona.numbered[1]:
        before = tables.lists[persona.numbered[0] + min(size_of(found), persona.numbered[1] - 1)]
    else:
        before = pick(tables, game, persona.before_next if game.turn else persona.before_first)
    _ask_for(tables, game, persona, first, second, before, 0)


@compiled
def _go_on(tables: Record, game: Record, persona: Record, instead: int) -> None:
    """Describes the targets of the last utterance that are still missing in other words, or else a new target.

    `instead` is the listener's selection in its place.
    """
    missing = game.described & ~game.selected
    if missing and not happens(game, persona.fresh_start):
        second = member(missing, 1) if size_of(missing) > 1 else NOBODY
        before = pick(tables, game, persona.before_again if instead else persona.before_next)
        _ask_for(tables, game, persona, member(missing, 0), second, before, instead)
    else:
        _ask_for_next(tables, game, persona)


@compiled
def _ask_for(tables: Record, game: Record, persona: Record, first: int, second: int, before: int, instead: int) -> None:
    """Asks for one position or two, after the phrase `before`."""
    game.described = 1 << first | (1 << second if second != NOBODY else 0)
    game.wanted_select = game.described & ~game.selected
    game.wanted_deselect = game.selected & ~game.targets
    say(tables, game, before)
    unlike = member(instead, 0) if second == NOBODY and size_of(instead) == 1 else NOBODY
    _describe(tables, game, persona, first, unlike)
    if second != NOBODY:
        say(tables, game, tables.fixed[AND])
        _describe(tables, game, persona, second, NOBODY)
    write(tables, game, pick(tables, game, persona.remarks))


@compiled
def _ask_to_deselect(tables: Record, game: Record, persona: Record, mistakes: int, clicked: int) -> None:
    """Asks to undo mistakes: in a word if they were just made, else by describing one of them."""
    fresh = mistakes & clicked
    game.wanted_select, game.wanted_deselect = 0, fresh
    if fresh:
        say(tables, game, pick(tables, game, persona.undos))
    else:
        mistake = _one_of(game, mistakes)
        game.wanted_deselect = 1 << mistake
        say(tables, game, pick(tables, game, persona.before_mistake))
        _describe(tables, game, persona, mistake, NOBODY)


@compiled
def _describe(tables: Record, game: Record, persona: Record, position: int, unlike: int) -> None:
    """Describes a tangram, or by mistake another one."""
    if happens(game, persona.confuses):
        position = below(game, game.context_size)
    describe(tables, game, persona, position, unlike)


@compiled
def _one_of(game: Record, positions: int) -> int:
    count = size_of(positions)
    return member(positions, below(game, count) if count > 1 else 0)
