"""The scripted speaker: wants one target at a time, and reacts to what the listener did against what it meant.

A simulation of people, no more. Each turn it holds an intention, the action it wants (`wanted`), and after the
listener's action it
  1. judges the action: as wanted (or a part of it), good though not as wanted, or bad;
  2. forms the next intention from what is still missing and what is selected by mistake;
  3. says how it judged (praise, a correction, or nothing), then what it wants now.
How often it does what is a matter of its persona. Only the words reach the listener; the judgement is what a decoder
of implicit feedback has to recover.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial

import numpy as np
from plain_chance import Chance
from plain_language import language_of

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import Action, Game
from multiref_gym.simulators.persona import Persona, checked_personas
from multiref_gym.simulators.population import population
from multiref_gym.tangrams import TangramSet

FIGURATIVE = 1.0
"""The share of a deployed speaker's phrases that a plain description does not hold."""

CORRECTS_FIRST = 0.7
"""How often a request to undo, and nothing more, follows words for a bad action."""

ANNOUNCEMENTS = (
    *("there are {}.", "there are {}.", "total {}.", "there are {} objects.", "there are {} shapes.", "{} shapes."),
    *("{} images.", "there are {} to find.", "we need {}.", "total of {}."),
)
CLOSING = ("perfect, that's all of them", "great, we are done", "yes! thank you", "good job", "", "")
NOBODY: frozenset[int] = frozenset()


class ScriptedSpeaker:
    """A simulated speaker with a persona drawn for each game.

    Args:
        tangrams: Where the game's tangrams come from.
        figurative: The share of phrases that people would say and no plain description holds; for figures only.
        personas: Who speaks, one of these in each game; `population` if None. `read_personas` reads them from a file.

    Raises:
        PersonaError: As `checked_personas` does.
    """

    def __init__(
        self, tangrams: TangramSet, figurative: float = FIGURATIVE, personas: Sequence[Persona] | None = None
    ) -> None:
        self._tangrams = tangrams
        self._language = language_of(tangrams, figurative)
        self._personas = population()
        if personas is not None:
            self._personas = checked_personas(personas)

    @property
    def name(self) -> str:
        """Who speaks in this game."""
        return self._persona.name

    @property
    def wanted(self) -> Action:
        """The action that would answer the current utterance as it was meant."""
        return self._wanted

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Draws a persona, chooses the first target and describes it."""
        self._game, self._chance = game, Chance(rng)
        self._persona = self._chance.pick(self._personas)
        self._language.meet([self._tangrams[name] for name in game.context.listener_order])
        self._said: dict[int, set[str]] = {}
        self._described = NOBODY
        announced = ""
        if self._chance.happens(self._persona.announces):
            announced = self._chance.pick(ANNOUNCEMENTS).format(len(game.targets))
        return self._typed(_joined(announced, self._ask_for_next()))

    def reply(self, action: Action | None) -> str:
        """Judges the action, says so or not, and asks for what is wanted next."""
        return self._typed(self._answer(action))

    def _answer(self, action: Action | None) -> str:
        game, persona, chance = self._game, self._persona, self._chance
        if game.over:
            return chance.pick(CLOSING) if game.success else ""
        mistakes = game.selected - game.targets
        if action is None or not (action.select or action.deselect):
            if not self._wanted.clicks:  # what was described is selected already
                return self._ask_for_next()
            return f"please {'click something' if action is not None else 'select or deselect'}. {self._go_on()}"
        if self._pleases(action):
            praise = persona.praise / 2 if mistakes else persona.praise
            opening = chance.pick(persona.praises) if chance.happens(praise) else ""
            if mistakes and chance.happens(persona.clears_up):
                but = chance.pick(persona.buts) if opening else ""
                return _joined(opening, but, self._ask_to_deselect(mistakes, action.select))
            return _joined(opening, self._go_on())
        opening = chance.pick(persona.corrections)
        fresh = mistakes & action.select
        if mistakes and (not fresh or chance.happens(persona.undo_only)):
            return _joined(opening if chance.happens(CORRECTS_FIRST) else "", self._ask_to_deselect(mistakes, fresh))
        undo = chance.pick(persona.undos_then) if fresh and chance.happens(persona.asks_undo) else ""
        return _joined(opening, undo, self._go_on(fresh))

    def _pleases(self, action: Action) -> bool:
        """Whether the speaker takes the action as what it wanted, rightly or not."""
        wanted = self._wanted
        as_wanted = action.select <= wanted.select and action.deselect <= wanted.deselect
        lucky = not as_wanted and ground_truth(action, self._game.targets) is Feedback.POSITIVE
        pleased = as_wanted or (lucky and (not action.select or self._chance.happens(self._persona.accepts_luck)))
        return pleased != self._chance.happens(self._persona.slip)

    def _ask_for_next(self) -> str:
        """Describes a missing target, or two; a mistake just made is to be undone along with it."""
        game, persona, chance = self._game, self._persona, self._chance
        missing = sorted(game.targets - game.selected)
        if not missing:
            return self._ask_to_deselect(game.selected - game.targets)
        found = game.targets & game.selected
        if found and chance.happens(persona.forgets):
            return self._ask_for([chance.pick(sorted(found))], persona.before_next)
        chosen = [missing.pop(int(chance() * len(missing)))]
        if missing and chance.happens(persona.two_at_once):
            chosen.append(missing.pop(int(chance() * len(missing))))
        if not missing and game.turn > 0 and chance.happens(persona.says_last):
            return self._ask_for(chosen, persona.before_last)
        if persona.numbered:
            return self._ask_for(chosen, [persona.numbered[min(len(found), len(persona.numbered) - 1)]])
        return self._ask_for(chosen, persona.before_next if game.turn else persona.before_first)

    def _go_on(self, instead: Collection[int] = ()) -> str:
        """Describes in other words what is still missing of what was described before, or a new target.

        Args:
            instead: What the listener selected in its place.
        """
        missing = self._described - self._game.selected
        if missing and not self._chance.happens(self._persona.fresh_start):
            before = self._persona.before_again if instead else self._persona.before_next
            return self._ask_for(sorted(missing), before, instead)
        return self._ask_for_next()

    def _ask_for(self, positions: Iterable[int], before: Sequence[str], instead: Collection[int] = ()) -> str:
        self._described = frozenset(positions)
        selected, targets = self._game.selected, self._game.targets
        self._wanted = Action(select=self._described - selected, deselect=selected - targets)
        unlike = min(instead) if len(instead) == len(self._described) == 1 else None
        request = self._chance.pick(before)
        described = " and ".join([self._describe(position, unlike) for position in positions])
        return _joined(request, described) + self._chance.pick(self._persona.remarks)

    def _ask_to_deselect(self, mistakes: frozenset[int], clicked: frozenset[int] = NOBODY) -> str:
        """Asks to undo mistakes: in a word if they were made just now, else by describing one of them."""
        fresh = mistakes & clicked
        if fresh:
            self._wanted = Action(deselect=fresh)
            return self._chance.pick(self._persona.undos)
        mistake = self._chance.pick(sorted(mistakes))
        self._wanted = Action(deselect=frozenset([mistake]))
        return _joined(self._chance.pick(self._persona.before_mistake), self._describe(mistake))

    def _describe(self, position: int, unlike: int | None = None) -> str:
        if self._chance.happens(self._persona.confuses):
            position = int(self._chance() * len(self._game.context.listener_order))
        return self._language.describe(
            position, self._persona, self._chance, self._said.setdefault(position, set()), unlike
        )

    def _typed(self, text: str) -> str:
        """Returns the text as this speaker types: with its capital letters, marks and slips of the finger, or not."""
        persona, chance = self._persona, self._chance
        if chance.happens(persona.silence):
            return ""
        if chance.happens(persona.typos * (text.count(" ") + 1)):
            words = text.split(" ")
            place = int(chance() * len(words))
            words[place] = _misspelt(words[place], chance)
            text = " ".join(words)
        if text and text[-1].isalnum():
            text += chance.pick(persona.endings)
        if chance.happens(persona.capitals):
            for end in (". ", "! ", "? "):
                text = end.join([sentence[:1].upper() + sentence[1:] for sentence in text.split(end)])
        return text


literal_speaker = partial(ScriptedSpeaker, figurative=0.0)
"""Makes a scripted speaker that says nothing but plain descriptions."""


def _misspelt(word: str, chance: Chance) -> str:
    """Swaps two letters inside a word, or drops one; a short word stays."""
    if len(word) < 5:
        return word
    place = 1 + int(chance() * (len(word) - 3))
    swapped = word[place + 1] + word[place] if chance() < 0.5 else word[place + 1]
    return word[:place] + swapped + word[place + 2 :]


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))
