"""A speaker that has a language model write its words, turn by turn."""

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
"""The side of a tangram's picture, in pixels."""

ATTEMPTS = 4
"""The most answers that a model gives for one utterance."""


class SpeakingModel(Protocol):
    """A language model that many speakers share. Copying it returns the same model.

    Attributes:
        name: Its name in messages.
        sees: Whether it gets pictures of the tangrams, instead of words.
        tally: Counts of its answers by what the speakers did with them.
    """

    name: str
    sees: bool
    tally: Counter[str]

    @property
    def usage(self) -> dict[str, Any]:
        """Its usage so far, as JSON can hold it."""
        ...

    def write(self, prompts: Sequence[Sequence[Part]], seeds: Sequence[int]) -> list[tuple[str, str]]:
        """Answers prompts, each with its seed: returns the text and, if it is not an answer, the reason."""
        ...


class PromptedSpeaker:
    """A speaker whose utterances a language model writes.

    The model knows the game as a human speaker would: the targets, the selection, the dialogue. A persona is drawn for
    each game and described in words.

    The model is asked again, with other randomness, if its text is not a valid utterance, or names a picture by a
    letter, which it must have invented. After `ATTEMPTS`, an invented letter is accepted, since it reveals nothing.
    When a game is over, the speaker says nothing.

    Args:
        tangrams: The set of the game's tangrams.
        model: The language model.
        personas: The personas, one of which speaks in each game; `population` if None.

    Raises:
        PersonaError: As in `checked_personas`.
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
        """Not available: the wanted action cannot be read from a model's text.

        Raises:
            UserError: Always.
        """
        raise UserError(f"{self._model.name} does not report the action that it wants, so no oracle can listen to it")

    @property
    def usage(self) -> dict[str, Any]:
        """The model's usage so far by all speakers that share it, as JSON can hold it.

        Besides the model's own counts, it has `asked_again`, the answers that were replaced by another one, and
        `letters`, the utterances that still name a picture by a letter or a number.
        """
        tally = self._model.tally
        return {**self._model.usage, "asked_again": tally["asked again"], "letters": tally["letters"]}

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Draws the persona and the order of the tangrams, and asks for the first utterance.

        Raises:
            UserError: If the model cannot be reached, or gives no valid utterance.
        """
        return self.start_all([self], [game], [rng])[0]

    def reply(self, action: Action | None) -> str:
        """Asks for the next utterance, "" if the game is over; see `start` for the errors."""
        return self.reply_all([self], [action])[0]

    @staticmethod
    def start_all(
        speakers: Sequence[PromptedSpeaker], games: Sequence[Game], rngs: Sequence[np.random.Generator]
    ) -> list[str]:
        """Opens a game for each speaker; see `multiref_gym.speaker.BatchedSpeaker`."""
        for speaker, game, rng in zip(speakers, games, rngs, strict=True):
            speaker._begin(game, rng)
        return _utterances(speakers)

    @staticmethod
    def reply_all(speakers: Sequence[PromptedSpeaker], actions: Sequence[Action | None]) -> list[str]:
        """Returns each speaker's reply to an action; see `multiref_gym.speaker.BatchedSpeaker`."""
        for speaker, action in zip(speakers, actions, strict=True):
            speaker._dialogue.append((speaker._utterance, action))
        return _utterances(speakers)

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


def _utterances(speakers: Sequence[PromptedSpeaker]) -> list[str]:
    """Asks for the next utterance of each speaker whose game continues; speakers with the same model share a call."""
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
            utterance = "" if flaw else read_utterance(text)
            has_letter = names_letter(utterance)
            if attempt < ATTEMPTS and (has_letter or not utterance):
                again.append(speaker)
            elif not utterance:
                reason = f"the last one, {text!r:.60}, is {flaw or 'not an utterance'}"
                advice = "try another seed, or a new file for paid answers"
                raise UserError(f"{model.name} gave no valid utterance in {ATTEMPTS} answers: {reason}; {advice}")
            else:
                speaker._utterance = utterance
                model.tally["letters"] += has_letter
        model.tally["asked again"] += len(again)
        if not again:
            return
        waiting = again
