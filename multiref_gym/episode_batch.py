"""Several games with a speaker each, played one after another: what a process plays of `MultiRefVectorEnv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv
from multiref_gym.episode import Episode
from multiref_gym.game import Action

Arrays = dict[str, NDArray[Any]]
"""What a batch says in arrays, a row for each game, where it is wanted.

"image", uint8 (games, ...), as `MultiRefEnv` draws it; "utterance", uint8 (games, bytes), what was said last, as
`encoded`; and "final_image", for the images of games that others take the place of, where a pipe would be too slow.
"""


class Told(NamedTuple):
    """What a batch says besides its arrays, an item for each game but in the last two.

    Attributes:
        utterances: What was said last, or nothing where an array says it.
        actions: What was done in this step, None where a game has just started.
        rewards: Of this step.
        success: Whether this step won the game.
        over: Whether it ended the game.
        closing: What was said last in the games that this step ended and others took the place of.
        final_images: Fresh images of the same games as they ended, if there are images and no array has these.
    """

    utterances: list[str]
    actions: list[str | None]
    rewards: list[float]
    success: list[bool]
    over: list[bool]
    closing: list[str]
    final_images: list[NDArray[np.uint8]]


class EpisodeBatch:
    """Plays games, each with a speaker and chance of its own. After an error of a speaker all have to be started again.

    Args:
        env: How a game starts, with whom, what it rewards and how it is drawn.
        games: How many.
        arrays: What is written to.
        board: Whether the images change with what is selected.
        autoreset: When a game that has ended is followed by a new one.
    """

    def __init__(self, env: MultiRefEnv, games: int, arrays: Arrays, board: bool, autoreset: AutoresetMode) -> None:
        self._env, self._same_step = env, autoreset is AutoresetMode.SAME_STEP
        self._images, self._final_images = arrays.get("image"), arrays.get("final_image")
        self._boards = self._images if board else None
        self._encodings = arrays.get("utterance")
        self._speakers = [env.new_speaker() for _ in range(games)]
        self._rngs = [np.random.default_rng() for _ in range(games)]
        self._episodes: list[Any] = [None] * games  # an Episode each, once it has begun
        self._over = [False] * games

    def reset(self, rngs: Mapping[int, np.random.Generator | None], options: dict[str, Any]) -> Told:
        """Starts games.

        Args:
            rngs: Which, and the chance of each from now on, or None for what it has.
            options: As in `MultiRefEnv.reset`.

        Raises:
            ValueError: If a speaker says what an utterance may not be.
        """
        for i, rng in rngs.items():
            if rng is not None:
                self._rngs[i] = rng
            self._start(i, options)
        said = self._said([episode.utterance for episode in self._episodes])
        return Told(said, [], [], [], self._over.copy(), [], [])

    def step(self, clicks: bytes) -> Told:
        """Takes a turn of each game, or starts another one in the place of one that has ended.

        Args:
            clicks: A byte of 0 or 1 for each position of each game; of no account where a game just starts.

        Raises:
            ValueError: If a speaker says what an utterance may not be.
        """
        # All is taken down game by game: once the last has been played the first has left the processor's cache.
        told = utterances, actions, rewards, success, ended, closing, final_images = Told([], [], [], [], [], [], [])
        env, boards, starts_anew = self._env, self._boards, self._same_step
        size = len(clicks) // len(self._episodes)
        for i, episode in enumerate(self._episodes):
            if self._over[i]:
                actions.append(None)
                rewards.append(0.0)
                success.append(False)
                ended.append(False)
                episode = self._start(i)
            else:
                game, before = episode.game, episode.game.selected
                episode.take(Action.of_bits(clicks[i * size : (i + 1) * size], before))
                over = game.over
                actions.append(episode.clicks[-1])
                rewards.append(env.reward(game, before))
                success.append(over and game.success)
                ended.append(over)
                if boards is not None:
                    changed = before ^ game.selected
                    env.atlas.redraw(boards[i], game.context.listener_order, changed, game.selected)
                if over and starts_anew:
                    closing.append(episode.utterance)
                    self._keep_image(i, final_images)
                    episode = self._start(i)
                else:
                    self._over[i] = over
            utterances.append(episode.utterance)
        return told._replace(utterances=self._said(utterances))

    def _start(self, i: int, options: dict[str, Any] | None = None) -> Episode:
        rng = self._rngs[i]
        game = self._env.new_game(rng, options)
        self._episodes[i] = episode = Episode(game, self._speakers[i], rng)
        self._over[i] = False
        if self._images is not None:
            self._images[i] = self._env.picture(game)
        return episode

    def _keep_image(self, i: int, final_images: list[NDArray[np.uint8]]) -> None:
        if self._images is not None and self._final_images is not None:
            self._final_images[i] = self._images[i]
        elif self._images is not None:
            final_images.append(self._images[i].copy())

    def _said(self, utterances: list[str]) -> list[str]:
        if self._encodings is None:
            return utterances
        self._encodings[:] = encoded(utterances, self._encodings.shape[1])
        return []


def encoded(utterances: Sequence[str], length: int) -> NDArray[np.uint8]:
    """Returns the UTF-8 of utterances, uint8 (utterances, length), cut off or with zeros after the end."""
    rows = [utterance.encode()[:length].ljust(length, b"\0") for utterance in utterances]
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(-1, length)
