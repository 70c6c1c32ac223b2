"""Several games with a speaker each, played one after another: what a process plays of `MultiRefVectorEnv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv
from multiref_gym.episode import Episode

PLAY, START, PLAY_AND_START = range(3)
"""What a step does with a game: a turn, a new game in its place, or a turn, its last, and then a new game."""

Arrays = dict[str, NDArray[Any]]
"""What a batch says in arrays, a row for each game.

"targets", int8 (games, context_size), has ones for the targets; "max_turns" is int64 (games,). Where they are wanted
there are "image", uint8 (games, ...), as `MultiRefEnv` draws it; "utterance", uint8 (games, bytes), what was said last,
as `encoded`; and "final_image", for the images at the end of `PLAY_AND_START` where a pipe would be too slow for them.
"""


class Told(NamedTuple):
    """What a batch says besides its arrays.

    Attributes:
        utterances: What was said last in each game, or nothing where an array says it.
        actions: What was done in each game in this step, None where a game has just started.
        closing: What was said last in the games of `PLAY_AND_START`.
        final_images: Fresh images of the same games as they ended, if there are images and no array has these.
    """

    utterances: list[str]
    actions: list[str | None]
    closing: list[str]
    final_images: list[NDArray[np.uint8]]


class EpisodeBatch:
    """Plays games, each with a speaker and chance of its own.

    What a game is made of is not asked for again: whoever steps a batch knows what is selected, at which turn, and
    so which games end. After an error of a speaker all games have to be started again.

    Args:
        env: How a game starts, with whom, and how it is drawn.
        arrays: What is written to.
        board: Whether the images change with what is selected.
    """

    def __init__(self, env: MultiRefEnv, arrays: Arrays, board: bool) -> None:
        self._env = env
        self._targets, self._max_turns = arrays["targets"], arrays["max_turns"]
        self._images, self._final_images = arrays.get("image"), arrays.get("final_image")
        self._boards = self._images if board else None
        self._encodings = arrays.get("utterance")
        games = len(self._targets)
        self._speakers = [env.new_speaker() for _ in range(games)]
        self._rngs = [np.random.default_rng() for _ in range(games)]
        self._episodes: list[Any] = [None] * games  # an Episode each, once it has begun

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
        return Told(self._said([episode.utterance for episode in self._episodes]), [], [], [])

    def step(self, clicks: bytes, plan: bytes) -> Told:
        """Does with each game what is planned.

        Args:
            clicks: A byte of 0 or 1 for each position of each game; of no account where a game just starts.
            plan: `PLAY`, `START` or `PLAY_AND_START` for each game.

        Raises:
            ValueError: If a speaker says what an utterance may not be.
        """
        # All is taken down game by game: once the last has been played the first has left the processor's cache.
        utterances: list[str] = []
        actions: list[str | None] = []
        closing: list[str] = []
        final_images: list[NDArray[np.uint8]] = []
        size = len(clicks) // len(plan)
        for i, (episode, planned) in enumerate(zip(self._episodes, plan, strict=True)):
            if planned == START:
                utterances.append(self._start(i).utterance)
                actions.append(None)
                continue
            game, before = episode.game, episode.game.selected
            episode.turn(clicks[i * size : (i + 1) * size])
            actions.append(episode.clicks[-1])
            if self._boards is not None:
                changed = before ^ game.selected
                self._env.atlas.redraw(self._boards[i], game.context.listener_order, changed, game.selected)
            if planned == PLAY_AND_START:
                closing.append(episode.utterance)
                if self._images is not None:
                    if self._final_images is None:
                        final_images.append(self._images[i].copy())
                    else:
                        self._final_images[i] = self._images[i]
                episode = self._start(i)
            utterances.append(episode.utterance)
        return Told(self._said(utterances), actions, closing, final_images)

    def _start(self, i: int, options: dict[str, Any] | None = None) -> Episode:
        rng = self._rngs[i]
        game = self._env.new_game(rng, options)
        self._episodes[i] = episode = Episode(game, self._speakers[i], rng)
        self._targets[i] = 0
        self._targets[i, list(game.targets)] = 1
        self._max_turns[i] = game.max_turns
        if self._images is not None:
            self._images[i] = self._env.picture(game)
        return episode

    def _said(self, utterances: list[str]) -> list[str]:
        if self._encodings is None:
            return utterances
        self._encodings[:] = encoded(utterances, self._encodings.shape[1])
        return []


def encoded(utterances: Sequence[str], length: int) -> NDArray[np.uint8]:
    """Returns the UTF-8 of utterances, uint8 (utterances, length), cut off or with zeros after the end."""
    rows = [utterance.encode()[:length].ljust(length, b"\0") for utterance in utterances]
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(-1, length)
