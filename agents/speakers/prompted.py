"""A speaker that asks a language model what to say, turn by turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from multiref_gym.agents.speakers.habits import in_words as habits_in_words
from multiref_gym.agents.speakers.prompt import names_letter, prompt, read_utterance
from multiref_gym.errors import UserError
from multiref_gym.game import Action, Game
from multiref_gym.messages import Part, text_part, url_part
from multiref_gym.simulators.persona import Persona, checked_personas
from multiref_gym.simulators.population import population
from multiref_gym.tangrams import TangramSet, in_words, shared_atlas

SIZE = 128
"""The side of a tangram's picture in pixels."""

ATTEMPTS = 4
"""How often a model is asked for one utterance, at most."""


class SpeakingModel(Protocol):
    """A language model that many speakers share. A copy is the model itself.

    Attributes:
        name: What it is called in messages.
        sees: Whether tangrams are shown to it in pictures, and not in words.
        tally: What became of its answers, counted by the speakers.
    """

    name: str
    sees: bool
    tally: Counter[str]

    @property
    def usage(self) -> dict[str, Any]:
        """What it was asked so far, for JSON."""
        ...

    def write(self, prompts: Sequence[Sequence[Part]], seeds: Sequence[int]) -> list[tuple[str, str]]:
        """Answers prompts, each with chance from its seed: what it wrote and, if that is no answer, why."""
        ...


class PromptedSpeaker:
    """A speaker whose utterances a language model writes.

    The model knows the game as a person who speaks would: which tangrams are the targets, what is selected, what was
    said and done. Who it is to be, one of the personas, is drawn for each game and told in words.

    It is asked again, with other chance, if it wrote nothing that can be said or names a picture by a letter, which it
    has made up. After `ATTEMPTS` a made-up letter is let pass: it tells nothing. When a game is over nothing is said.

    Args:
        tangrams: Where the game's tangrams come from.
        model: The language model.
        personas: Who speaks, one of these in each game; `population` if None.

    Raises:
        PersonaError: As `checked_personas` does.
    """

    def __init__(self, tangrams: TangramSet, model: SpeakingModel, personas: Sequence[Persona] | None = None) -> None:
        self._tangrams, self._model = tangrams, model
        self._personas = population() if personas is None else checked_personas(personas)

    @property
    def name(self) -> str:
        """Who speaks in this game."""
        return self._persona.name

    @property
    def wanted(self) -> Action:
        """Nobody can look into a model's head.

        Raises:
            UserError: Always.
        """
        raise UserError(f"{self._model.name} does not tell what it means by its words: no oracle can listen to it")

    @property
    def usage(self) -> dict[str, Any]:
        """What the model was asked so far by all speakers that share it, for JSON.

        Beside what the model itself tells, `asked_again`: answers in place of which another one was asked for; and
        `letters`, utterances that name a picture by a letter or a number nevertheless.
        """
        tally = self._model.tally
        return {**self._model.usage, "asked_again": tally["asked again"], "letters": tally["letters"]}

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Draws who speaks and in which order the tangrams are shown, and asks for the first utterance.

        Raises:
            UserError: If the model cannot be asked, or says nothing.
        """
        return self.start_all([self], [game], [rng])[0]

    def reply(self, action: Action | None) -> str:
        """Asks for the next utterance, "" if the game is over; see `start` for the errors."""
        return self.reply_all([self], [action])[0]

    @staticmethod
    def start_all(
        speakers: Sequence[PromptedSpeaker], games: Sequence[Game], rngs: Sequence[np.random.Generator]
    ) -> list[str]:
        """Opens a game for each of some speakers; see `multiref_gym.speaker.BatchedSpeaker`."""
        for speaker, game, rng in zip(speakers, games, rngs, strict=True):
            speaker._begin(game, rng)
        return _said(speakers)

    @staticmethod
    def reply_all(speakers: Sequence[PromptedSpeaker], actions: Sequence[Action | None]) -> list[str]:
        """Returns what each of some speakers says to an action; see `multiref_gym.speaker.BatchedSpeaker`."""
        for speaker, action in zip(speakers, actions, strict=True):
            speaker._dialogue.append((speaker._utterance, action))
        return _said(speakers)

    def _begin(self, game: Game, rng: np.random.Generator) -> None:
        self._game, self._rng = game, rng
        self._persona = self._personas[int(rng.integers(len(self._personas)))]
        self._order = [game.context.speaker_order[i] for i in rng.permutation(len(game.context.speaker_order))]
        self._dialogue: list[tuple[str, Action | None]] = []
        self._utterance = ""

    def _prompt(self) -> list[Part]:
        return prompt(self._game, self._order, self._dialogue, habits_in_words(self._persona), self._shown)

    def _shown(self, ids: Sequence[str]) -> list[Part]:
        if self._model.sees:
            silhouettes = shared_atlas(self._tangrams, SIZE).silhouettes(ids)
            return [url_part(Image.fromarray(silhouette)) for silhouette in silhouettes]
        return list(map(text_part, in_words(self._tangrams, ids)))


def _said(speakers: Sequence[PromptedSpeaker]) -> list[str]:
    """Asks for the next utterance of each speaker whose game goes on, all that share a model together."""
    for speaker in speakers:
        speaker._utterance = ""
    waiting = [speaker for speaker in speakers if not speaker._game.over]
    for model in {id(speaker._model): speaker._model for speaker in waiting}.values():
        _ask(model, [speaker for speaker in waiting if speaker._model is model])
    return [speaker._utterance for speaker in speakers]


def _ask(model: SpeakingModel, waiting: Sequence[PromptedSpeaker]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        seeds = [int(speaker._rng.integers(2**31)) for speaker in waiting]
        answers = model.write([speaker._prompt() for speaker in waiting], seeds)
        again = []
        for speaker, (text, flaw) in zip(waiting, answers, strict=True):
            said = "" if flaw else read_utterance(text)
            has_letter = names_letter(said)
            if attempt < ATTEMPTS and (has_letter or not said):
                again.append(speaker)
            elif not said:
                why = flaw or "nothing that can be said"
                told = f"{model.name} wrote {text!r:.60}, {why}, as the last of {ATTEMPTS} answers"
                raise UserError(f"{told}; another seed, or a new file for paid answers, may meet others")
            else:
                speaker._utterance = said
                model.tally["letters"] += has_letter
        model.tally["asked again"] += len(again)
        if not again:
            return
        waiting = again
