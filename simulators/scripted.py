"""The scripted speaker: wants one target at a time, and reacts to what the listener did against what it meant.

A simulation of people, no more. Each turn it holds an intention, the action it wants (`wanted`), and after the
listener's action it
  1. judges the action: as wanted (or a part of it), good though not as wanted, or bad;
  2. forms the next intention from what is still missing and what is selected by mistake;
  3. says how it judged (praise, a correction, or nothing), then what it wants now.
Only the words reach the listener; the judgement is what a decoder of implicit feedback has to recover.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import Action, Game
from multiref_gym.tangrams import TangramSet
from simulators.language import language_of, pick
from simulators.persona import CLOSING, Persona, population

FIGURATIVE = 0.95
"""The share of a deployed speaker's phrases that a plain description does not hold."""

TWO_AT_ONCE = 0.04
"""How often two targets are described in one utterance."""

ACCEPTS_LUCK = 0.7
"""How often a target that was selected, but not the one described, is taken as good."""

SLIP = 0.02
"""How often a speaker misjudges what it sees: praise for a bad action, a correction of a good one."""

FRESH_START = 0.25
"""How often, after a failure, the speaker turns to another target instead of rephrasing."""


class ScriptedSpeaker:
    """A simulated speaker with a persona drawn for each game.

    Args:
        tangrams: Where the game's tangrams come from.
        figurative: The share of phrases that people would say and no plain description holds; for figures only.
    """

    def __init__(self, tangrams: TangramSet, figurative: float = FIGURATIVE) -> None:
        self._tangrams = tangrams
        self._language = language_of(tangrams, figurative)

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
        self._game, self._rng = game, rng
        self._persona: Persona = pick(rng, population())
        self._language.meet([self._tangrams[name] for name in game.context.listener_order])
        self._said: dict[int, set[str]] = {}
        self._described: frozenset[int] = frozenset()
        request = self._ask_for_next()
        if rng.random() < self._persona.announces:
            return f"there are {len(game.targets)}. {request}"
        return request

    def reply(self, action: Action | None) -> str:
        """Judges the action, says so or not, and asks for what is wanted next."""
        game, rng, persona = self._game, self._rng, self._persona
        if game.over:
            return pick(rng, CLOSING) if game.success else ""
        if action is None or not action.clicks:
            return f"please {'click something' if action is not None else 'select or deselect'}. {self._ask_again()}"
        as_wanted = action.select <= self._wanted.select and action.deselect <= self._wanted.deselect
        good = ground_truth(action, game.targets) is Feedback.POSITIVE
        pleased = as_wanted or (good and (not action.select or rng.random() < ACCEPTS_LUCK))
        if rng.random() < SLIP:
            pleased = not pleased
        mistakes = game.selected - game.targets
        if pleased:
            opening = self._marked(pick(rng, persona.praises)) if rng.random() < persona.praise else ""
            if mistakes and rng.random() < 0.7:
                return _joined(opening, "but" if opening else "", self._ask_to_deselect(mistakes, action))
            return _joined(opening, pick(rng, persona.connectives), self._ask_for_next())
        opening = self._marked(pick(rng, persona.corrections))
        if good and not mistakes:
            return _joined(opening, "but leave it.", self._ask_again())
        if mistakes and (rng.random() < persona.undo_only or not mistakes & action.select):
            return _joined(opening if rng.random() < 0.7 else "", self._ask_to_deselect(mistakes, action))
        undo = f"{pick(rng, persona.undos)}." if mistakes and rng.random() < persona.asks_undo else ""
        return _joined(opening, undo, self._ask_for_next() if rng.random() < FRESH_START else self._ask_again())

    def _ask_for_next(self) -> str:
        """Describes a missing target, or two; a mistake just made is to be undone along with it."""
        missing = sorted(self._game.targets - self._game.selected)
        rng = self._rng
        if not missing:
            return self._ask_to_deselect(self._game.selected - self._game.targets, None)
        chosen = [missing.pop(int(rng.random() * len(missing)))]
        if missing and rng.random() < TWO_AT_ONCE:
            chosen.append(missing.pop(int(rng.random() * len(missing))))
        last = not missing and self._game.turn and rng.random() < self._persona.says_last
        return self._ask_for(chosen, "the last one is" if last else pick(rng, self._persona.commands))

    def _ask_again(self) -> str:
        """Describes what was described before in other words, or the next target if it is selected by now."""
        missing = self._described - self._game.selected
        if missing & self._game.targets:
            return self._ask_for(sorted(missing), pick(self._rng, self._persona.commands))
        return self._ask_for_next()

    def _ask_for(self, positions: Iterable[int], command: str) -> str:
        self._described = frozenset(positions)
        self._wanted = Action(select=self._described, deselect=self._game.selected - self._game.targets)
        return _joined(command, " and ".join([self._describe(position) for position in sorted(self._described)]))

    def _ask_to_deselect(self, mistakes: frozenset[int], action: Action | None) -> str:
        """Asks to undo mistakes: in a word if they were made just now, else by describing one of them."""
        fresh = mistakes & action.select if action else frozenset[int]()
        self._wanted = Action(deselect=fresh or frozenset([min(mistakes)]))
        if fresh:
            return pick(self._rng, self._persona.undos)
        return f"deselect {self._describe(min(mistakes))}"

    def _describe(self, position: int) -> str:
        said = self._said.setdefault(position, set())
        text = self._language.describe(position, said, self._rng)
        said.add(text)
        return text

    def _marked(self, word: str) -> str:
        return word + self._persona.punctuation


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))
