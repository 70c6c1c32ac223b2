"""The contract of a speaker."""

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
    """Says what it wants selected, turn by turn; knows the targets, and nothing of how the listener works.

    One speaker speaks in one game at a time: `start` opens a game and forgets the one before.

    Attributes:
        name: Who speaks in the current game, the same for the whole of it.
        wanted: The action that would answer the current utterance as it was meant. It is for oracles and for
            evaluation, who ask for it by `Episode.wanted`; no listener that learns may see it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def wanted(self) -> Action: ...  # noqa: D102

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Opens a game and returns the first utterance. All chance of the game is drawn from `rng`."""
        ...

    def reply(self, action: Action | None) -> str:
        """Returns what the speaker says to an action that the game has just applied.

        Args:
            action: The action, or None if the listener's answer was none and nothing changed.

        Returns:
            The next utterance or, if the action ended the game, a closing remark, which may be empty.
        """
        ...


class BatchedSpeaker(Speaker, Protocol):
    """A speaker whose class can be asked for many games at once, as a model behind it answers many at a time.

    In each game it says what it says alone.
    """

    @staticmethod
    def start_all(speakers: Sequence[Any], games: Sequence[Game], rngs: Sequence[np.random.Generator]) -> list[str]:
        """Opens a game for each of some speakers; see `Speaker.start`."""
        ...

    @staticmethod
    def reply_all(speakers: Sequence[Any], actions: Sequence[Action | None]) -> list[str]:
        """Returns what each of some speakers says to an action in its game; see `Speaker.reply`."""
        ...


class CompiledSpeaker(Protocol):
    """A speaker that can also speak in many games at once: environments ask it once a step, for all of them."""

    def of_game(self, game: Game) -> Speaker:
        """Returns the speaker of one of the games, as others have it."""
        ...

    def begin_games(self, drawing: Drawing, games: Records, which: NDArray[np.bool_], drawn: bool) -> None:
        """Begins other games in the places of some and opens them.

        Args:
            drawing: How contexts are drawn.
            games: The records.
            which: In which places, bool (games,).
            drawn: Whether contexts are drawn; if not, the records have them.

        Raises:
            UserError: If more is said than an utterance may be.
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
            understood: False if what the listeners answered was no action.
            mode: Bits of `compiled.seen`.
            seen: Takes what the listeners see.
            earned: Takes what they earn.
            final: Takes what those saw last whose games have ended, if another one begins in the same step.

        Raises:
            UserError: If more is said than an utterance may be.
        """
        ...


def compiled(speaker: Speaker) -> CompiledSpeaker | None:
    """Returns a speaker that is compiled, None for any other: what extends or wraps one may say other things."""
    return cast(CompiledSpeaker, speaker) if "step_games" in vars(type(speaker)) else None


def opened(speaker: Speaker, game: Game, rng: np.random.Generator) -> str:
    """Has a speaker open a game, and returns the first utterance.

    Raises:
        UserError: If it says what an utterance may not be, or has no name; or if a speaker that is not of this package
            fails. The message names it.
    """
    try:
        said = speaker.start(game, rng)
    except (Exception, SystemExit) as error:
        blame("speaker", speaker, error)
        raise
    return _checked_opening(speaker, said)


def opened_all(speakers: Sequence[Speaker], games: Sequence[Game], rngs: Sequence[np.random.Generator]) -> list[str]:
    """Has each speaker open a game, together if they are of one `BatchedSpeaker`; see `opened`."""
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
    """Returns what a speaker says to an action; see `opened` for the errors."""
    try:
        said = speaker.reply(action)
    except (Exception, SystemExit) as error:
        blame("speaker", speaker, error)
        raise
    return checked(said, speaker)


def replied_all(speakers: Sequence[Speaker], actions: Sequence[Action | None]) -> list[str]:
    """Returns what speakers say to actions, asked together if they are of one `BatchedSpeaker`; see `opened`."""
    if (batched := _batched(speakers)) is None:
        return [replied(*one) for one in zip(speakers, actions, strict=True)]
    said = _said_by(batched, lambda: batched.reply_all(speakers, actions), len(speakers))
    return [checked(utterance, speaker) for speaker, utterance in zip(speakers, said, strict=True)]


def _said_by(batched: type[BatchedSpeaker], ask: Callable[[], Any], games: int) -> Sequence[Any]:
    """Asks speakers of a class for many games at once, and returns what is said in each."""
    try:
        said = ask()
    except (Exception, SystemExit) as error:
        blame("speaker", batched, error)
        raise
    if not isinstance(said, list | tuple) or len(said) != games:
        raise UserError(
            f"speaker {part_name(batched)} says {said!r:.60} in {games} games: allowed is a list of an utterance each"
        )
    return said


def _batched(speakers: Sequence[Speaker]) -> type[BatchedSpeaker] | None:
    """Returns the class that all are of if it can be asked for all at once."""
    kinds = {type(speaker) for speaker in speakers}
    if len(kinds) != 1:
        return None
    [kind] = kinds
    for one, many in (("start", "start_all"), ("reply", "reply_all")):
        # A class that extends another one, and says other things in one game, says them in many.
        first = next((base for base in kind.__mro__ if {one, many} & vars(base).keys()), None)
        if first is None or many not in vars(first):
            return None
    return cast("type[BatchedSpeaker]", kind)
