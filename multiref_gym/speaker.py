"""The contract of a speaker."""

from __future__ import annotations

from typing import Protocol, cast

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
        said, name = speaker.start(game, rng), speaker.name
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
