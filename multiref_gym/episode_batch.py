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
"""What a batch says in arrays, a row for each game: "targets", int8 (games, context_size), ones for the targets;
"max_turns", int64 (games,); where it is wanted "image", uint8 (games, ...), as `MultiRefEnv` draws it; and where it is
wanted in bytes "utterance", uint8 (games, bytes), UTF-8 cut off or with zeros after the end."""


class Final(NamedTuple):
    """How a game was when it ended, before another took its place."""

    utterance: str | NDArray[np.uint8]
    clicks: list[str]
    image: NDArray[np.uint8] | None


class Told(NamedTuple):
    """What a batch says of its games besides the arrays.

    Attributes:
        utterances: What was said last in each, or nothing where an array says it.
        clicks: What was done so far in each, as texts.
        finals: Those of `PLAY_AND_START`, in order.
    """

    utterances: tuple[str, ...]
    clicks: list[list[str]]
    finals: list[Final]


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
        self._images, self._encodings = arrays.get("image"), arrays.get("utterance")
        self._boards = self._images if board else None
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
        return self._told([])

    def step(self, clicks: bytes, plan: bytes) -> Told:
        """Does with each game what is planned.

        Args:
            clicks: A byte of 0 or 1 for each position of each game; of no account where a game just starts.
            plan: `PLAY`, `START` or `PLAY_AND_START` for each game.

        Raises:
            ValueError: If a speaker says what an utterance may not be.
        """
        finals = []
        size = len(clicks) // len(plan)
        for i, (episode, planned) in enumerate(zip(self._episodes, plan, strict=True)):
            if planned == START:
                self._start(i)
                continue
            game, before = episode.game, episode.game.selected
            episode.turn(clicks[i * size : (i + 1) * size])
            if self._boards is not None:
                changed = before ^ game.selected
                self._env.atlas.redraw(self._boards[i], game.context.listener_order, changed, game.selected)
            if planned == PLAY_AND_START:
                finals.append(self._final(i, episode))
                self._start(i)
        return self._told(finals)

    def _start(self, i: int, options: dict[str, Any] | None = None) -> None:
        rng = self._rngs[i]
        game = self._env.new_game(rng, options)
        self._episodes[i] = Episode(game, self._speakers[i], rng)
        self._targets[i] = 0
        self._targets[i, list(game.targets)] = 1
        self._max_turns[i] = game.max_turns
        if self._images is not None:
            self._images[i] = self._env.picture(game)

    def _final(self, i: int, episode: Episode) -> Final:
        image = None if self._images is None else self._images[i].copy()
        if self._encodings is None:
            return Final(episode.utterance, episode.clicks, image)
        return Final(_encoded([episode.utterance], self._encodings.shape[1])[0], episode.clicks, image)

    def _told(self, finals: list[Final]) -> Told:
        episodes = self._episodes
        utterances = tuple([episode.utterance for episode in episodes])
        clicks = [episode.clicks.copy() for episode in episodes]
        if self._encodings is None:
            return Told(utterances, clicks, finals)
        self._encodings[:] = _encoded(utterances, self._encodings.shape[1])
        return Told((), clicks, finals)


def _encoded(utterances: Sequence[str], length: int) -> NDArray[np.uint8]:
    rows = [utterance.encode()[:length].ljust(length, b"\0") for utterance in utterances]
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(-1, length)
