"""The interface of a speaker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.contexts import Drawing
from multiref_gym.compiled.record import Records
from multiref_gym.compiled.seen import Earned, Seen
from multiref_gym.errors import UserError
from multiref_gym.game import Action, Game
from multiref_gym.parts import blame, part_name
from multiref_gym.utterance import checked, is_utterance


class Speaker(Protocol):
    """Asks for tangrams, turn by turn; it knows the targets, but not how the listener works.

    A speaker speaks in one game at a time: `start` opens a game and forgets the one before.

    Attributes:
        name: Who speaks in the current game; it stays the same throughout the game.
        wanted: The action that the current utterance asks for. Oracles and evaluation read it through
            `Episode.wanted`; a learning listener must never see it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def wanted(self) -> Action: ...  # noqa: D102

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Opens a game and returns the first utterance. All randomness of the game comes from `rng`."""
        ...

    def reply(self, action: Action | None) -> str:
        """Replies to an action that the game has just applied.

        Args:
            action: The action, or None if the listener's answer was not an action and nothing changed.

        Returns:
            The next utterance or, if the action ended the game, a closing remark, which may be empty.
        """
        ...


class BatchedSpeaker(Speaker, Protocol):
    """A speaker whose class speaks in many games at once, for models that answer in batches.

    It says the same in each game as it would alone.
    """

    @staticmethod
    def start_all(speakers: Sequence[Any], games: Sequence[Game], rngs: Sequence[np.random.Generator]) -> list[str]:
        """Opens a game for each speaker; see `Speaker.start`."""
        ...

    @staticmethod
    def reply_all(speakers: Sequence[Any], actions: Sequence[Action | None]) -> list[str]:
        """Returns each speaker's reply to the action in its game; see `Speaker.reply`."""
        ...


class CompiledSpeaker(Protocol):
    """A speaker that also speaks in many games at once: environments call it once a step for all games."""

    def of_game(self, game: Game) -> Speaker:
        """Returns an ordinary speaker for one of the games."""
        ...

    def begin_games(self, drawing: Drawing, games: Records, which: NDArray[np.bool_], drawn: bool) -> None:
        """Begins and opens new games in some places of the records.

        Args:
            drawing: How contexts are drawn.
            games: The records.
            which: The places, bool (games,).
            drawn: Whether to draw contexts; if False, the records already have them.

        Raises:
            UserError: If an utterance is too long.
        """
        ...

    def step_games(
        self,
        drawing: Drawing,
        games: Records,
        actions: NDArray[np.int8],
        understood: bool,
        mode: int,
        seen: Seen,
        earned: Earned,
        final: Seen,
    ) -> None:
        """Takes a turn in each game and replies to it; see `multiref_gym.games.Games.step`.

        Args:
            drawing: How contexts are drawn.
            games: The records.
            actions: int8 (games, size) of zeros and ones.
            understood: False if the listeners' answers were not actions.
            mode: Bits of `compiled.seen`.
            seen: Receives the listeners' observations.
            earned: Receives their rewards.
            final: Receives the last observations of games that ended, if a new game begins in the same step.

        Raises:
            UserError: If an utterance is too long.
        """
        ...


def compiled(speaker: Speaker) -> CompiledSpeaker | None:
    """Returns the speaker if it is compiled, else None: a subclass or wrapper of one may say other things."""
    return cast(CompiledSpeaker, speaker) if "step_games" in vars(type(speaker)) else None


def opened(speaker: Speaker, game: Game, rng: np.random.Generator) -> str:
    """Has a speaker open a game, and returns the first utterance.

    Raises:
        UserError: If the utterance or the speaker's name is invalid, or if a speaker from outside this package fails.
            The message names the speaker.
    """
    try:
        said = speaker.start(game, rng)
    except (Exception, SystemExit) as error:
        blame("speaker", speaker, error)
        raise
    return _checked_opening(speaker, said)


def opened_all(speakers: Sequence[Speaker], games: Sequence[Game], rngs: Sequence[np.random.Generator]) -> list[str]:
    """Has each speaker open a game, in one call if all share a `BatchedSpeaker` class; see `opened`."""
    if (batched := _batched(speakers)) is None:
        return [opened(*one) for one in zip(speakers, games, rngs, strict=True)]
    said = _said_by(batched, lambda: batched.start_all(speakers, games, rngs), len(speakers))
    return [_checked_opening(*one) for one in zip(speakers, said, strict=True)]


def _checked_opening(speaker: Speaker, said: str) -> str:
    try:
        name = speaker.name
    except (Exception, SystemExit) as error:
        blame("speaker", speaker, error)
        raise
    if not is_utterance(name):
        raise UserError(f"speaker {part_name(speaker)} has the name {name!r:.60}: allowed is a text of one line")
    return checked(said, speaker)


def replied(speaker: Speaker, action: Action | None) -> str:
    """Returns a speaker's reply to an action; see `opened` for the errors."""
    try:
        said = speaker.reply(action)
    except (Exception, SystemExit) as error:
        blame("speaker", speaker, error)
        raise
    return checked(said, speaker)


def replied_all(speakers: Sequence[Speaker], actions: Sequence[Action | None]) -> list[str]:
    """Returns each speaker's reply to an action, from one call if all share a `BatchedSpeaker` class; see `opened`."""
    if (batched := _batched(speakers)) is None:
        return [replied(*one) for one in zip(speakers, actions, strict=True)]
    said = _said_by(batched, lambda: batched.reply_all(speakers, actions), len(speakers))
    return [checked(utterance, speaker) for speaker, utterance in zip(speakers, said, strict=True)]


def _said_by(batched: type[BatchedSpeaker], ask: Callable[[], Any], games: int) -> Sequence[Any]:
    """Asks a class of speakers about many games at once, and returns the utterance for each."""
    try:
        said = ask()
    except (Exception, SystemExit) as error:
        blame("speaker", batched, error)
        raise
    if not isinstance(said, list | tuple) or len(said) != games:
        raise UserError(
            f"speaker {part_name(batched)} said {said!r:.60} in {games} games: allowed is a list of one utterance each"
        )
    return said


def _batched(speakers: Sequence[Speaker]) -> type[BatchedSpeaker] | None:
    """Returns the common class of the speakers if it can speak in many games at once."""
    kinds = {type(speaker) for speaker in speakers}
    if len(kinds) != 1:
        return None
    [kind] = kinds
    for one, many in (("start", "start_all"), ("reply", "reply_all")):
        # A subclass that overrides only the method for one game must not use the inherited method for many.
        first = next((base for base in kind.__mro__ if {one, many} & vars(base).keys()), None)
        if first is None or many not in vars(first):
            return None
    return cast("type[BatchedSpeaker]", kind)
