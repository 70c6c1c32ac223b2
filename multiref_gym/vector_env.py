"""Many games at once: what `gymnasium.make_vec("MultiRef-v0", n)` returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv, Observation
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.game import GameOver


class MultiRefVectorEnv(VectorEnv[Observation, NDArray[np.int8], NDArray[Any]]):
    """Many games of MULTIREF in one environment, each as `MultiRefEnv` plays it.

    For the same seeds and actions, observations, rewards and infos are those of `SyncVectorEnv` with as many
    `MultiRefEnv`, item for item. What is selected, the targets and the turns are arrays for all games at once; each
    game has a speaker of its own, the same as in the scalar environment.

    `reset(options={"reset_mask": mask})` starts the games of a bool (num_envs,) mask only, and `{"game": game}` starts
    all of them with that game. An answer that was no action (`MultiRefEnv.step(None)`) has no place in an array of
    clicks.

    Args:
        num_envs: The number of games.
        autoreset_mode: When a game that has ended is followed by a new one, as in `SyncVectorEnv`: "NextStep", with
            the next step, whose action is ignored; "SameStep", at once, with the last observation and info in
            `info["final_obs"]` and `info["final_info"]`; "Disabled", never, and a step of it is an error.
        utterance_bytes: None for a tuple of texts; a number n for their UTF-8, uint8 (num_envs, n), cut off or with
            zeros after the end, as `multiref_gym.wrappers.EncodeUtterance` has it.
        options: What `MultiRefEnv` takes, but for `render_mode`.

    Raises:
        UserError: If an argument is none that is allowed.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> envs = gym.make_vec("MultiRef-v0", 64, image=None, utterance_bytes=128, autoreset_mode="SameStep")
        >>> observations, infos = envs.reset(seed=1)
        >>> {key: array.shape for key, array in observations.items()}
        {'selected': (64, 10), 'turn': (64,), 'utterance': (64, 128)}
        >>> observations, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
        >>> rewards.shape
        (64,)
    """

    def __init__(
        self,
        num_envs: int = 1,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        utterance_bytes: int | None = None,
        **options: Any,
    ) -> None:
        if not _is_count(num_envs):
            raise UserError(f"num_envs={num_envs!r}: allowed is an int of at least 1")
        modes = [mode.value for mode in AutoresetMode]
        if autoreset_mode not in (*modes, *AutoresetMode):
            raise UserError(f"autoreset_mode={autoreset_mode!r}: allowed is one of {modes}")
        if utterance_bytes is not None and not _is_count(utterance_bytes):
            raise UserError(f"utterance_bytes={utterance_bytes!r}: allowed is an int of at least 1, or None for texts")
        if options.get("render_mode") is not None:
            raise UserError(f"render_mode={options['render_mode']!r}: only vectorization_mode='sync' can render")
        self.num_envs = num_envs
        self._autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self._autoreset}
        self._utterance_bytes = utterance_bytes
        self._scalar = MultiRefEnv(**options)  # knows the arguments, the spaces, and how a game starts
        self.single_action_space = self._scalar.action_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        single = dict(cast(spaces.Dict, self._scalar.observation_space).spaces)
        if utterance_bytes is not None:
            single["utterance"] = spaces.Box(0, 255, (utterance_bytes,), np.uint8)
        self.single_observation_space = spaces.Dict(single)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        (size,) = self.single_action_space.shape or ()
        self._progress = options.get("reward") == "progress"
        self._speakers = [self._scalar.new_speaker() for _ in range(num_envs)]
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._episodes: list[Any] = [None] * num_envs  # an Episode each, once it has begun
        self._selected = np.zeros((num_envs, size), np.int8)
        self._targets = np.zeros((num_envs, size), np.int8)
        self._turn = np.zeros(num_envs, np.int64)
        self._max_turns = np.zeros(num_envs, np.int64)
        image = single.get("image")
        self._images = None if image is None else np.zeros((num_envs, *(image.shape or ())), np.uint8)
        # Silhouettes stay for a whole game, a board is drawn anew where something was clicked.
        self._boards = self._images if options.get("image", "board") == "board" else None

    @property
    def episodes(self) -> list[Episode]:
        """The games in play with their speakers; a game knows the targets, for evaluation, never for an agent."""
        if None in self._episodes:
            raise ResetNeeded("a game has not begun: call reset() first")
        return self._episodes

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts all games, or those of a mask.

        Args:
            seed: Seeds all chance of these and the following games: one for each, or the first of as many in a row.
            options: `{"reset_mask": mask}`, bool (num_envs,), and `{"game": game}` as in `MultiRefEnv.reset`.

        Raises:
            ValueError: If there are more or fewer seeds than games, the mask is none, or `MultiRefEnv.reset` would.
            ResetNeeded: If the mask leaves out a game that has not begun.
        """
        seeds: Sequence[int | None] = [None] * self.num_envs
        if isinstance(seed, int):
            seeds = range(seed, seed + self.num_envs)
        elif seed is not None:
            seeds = seed
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds: allowed is one for each of {self.num_envs} games")
        options = dict(options or {})
        mask = options.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] is {mask!r}: allowed is an array of {self.num_envs} bools")
        for i in np.flatnonzero(mask).tolist():
            if seeds[i] is not None or self._rngs[i] is None:
                self._rngs[i], _ = seeding.np_random(seeds[i])
            self._start(i, options)
        return self._observations(), self._infos(mask)

    def step(
        self, actions: NDArray[np.int8]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Takes one turn of each game; where a game had ended, `autoreset_mode` says what happens.

        Args:
            actions: int8 (num_envs, context_size) of zeros and ones.

        Raises:
            ValueError: If the actions are anything else; no turn is taken then. Or if a speaker says what the
                observation space does not hold. After this or any other error of a speaker no game has begun.
            GameOver: If a game has ended and `autoreset_mode` is "Disabled"; no turn is taken then.
            ResetNeeded: If a game has not begun.
        """
        episodes = self.episodes
        clicks = self._checked(actions)
        ended = self._over()
        if self._autoreset is AutoresetMode.DISABLED and ended.any():
            raise GameOver(f"games {np.flatnonzero(ended).tolist()} have ended: reset them with 'reset_mask'")
        try:
            return self._played(episodes, clicks, ended)
        except BaseException:
            # Some games have taken the turn, others have not: none can go on.
            self._episodes = [None] * self.num_envs
            raise

    def _played(
        self, episodes: Sequence[Episode], clicks: NDArray[np.int8], ended: NDArray[np.bool_]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Returns what `step` does; of the games that have ended the clicks do not count."""
        overlap = self._overlap()
        rows, size = clicks.tobytes(), clicks.shape[1]
        self._selected ^= clicks
        self._turn += 1
        for i, (episode, over) in enumerate(zip(episodes, ended.tolist(), strict=True)):
            if over:
                self._start(i)
                continue
            game, before = episode.game, episode.game.selected
            episode.turn(rows[i * size : (i + 1) * size])
            if self._boards is not None:
                changed = before ^ game.selected
                self._scalar.atlas.redraw(self._boards[i], game.context.listener_order, changed, game.selected)
        terminated = self._over()
        rewards = self._overlap() - overlap if self._progress else self._success().astype(np.float64)
        rewards[ended] = 0.0
        final: dict[str, Any] = {}
        if self._autoreset is AutoresetMode.SAME_STEP:
            for i in np.flatnonzero(terminated).tolist():
                final = self._add_info(final, {"final_obs": self._observation(i), "final_info": self._info(i)}, i)
                self._start(i)
        truncated = np.zeros(self.num_envs, np.bool_)
        return self._observations(), rewards, terminated, truncated, final | self._infos(np.ones_like(terminated))

    def _start(self, i: int, options: dict[str, Any] | None = None) -> None:
        rng = self._rngs[i]
        assert rng is not None
        game = self._scalar.new_game(rng, options)
        self._episodes[i] = None  # so it stays if the speaker fails, which has left the game before
        self._episodes[i] = Episode(game, self._speakers[i], rng)
        self._selected[i] = 0
        self._targets[i] = 0
        self._targets[i, list(game.targets)] = 1
        self._turn[i] = 0
        self._max_turns[i] = game.max_turns
        if self._images is not None:
            self._images[i] = self._scalar.picture(game)

    def _checked(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        array = np.asarray(actions)
        if array.shape != self._selected.shape or not ((array == 0) | (array == 1)).all():
            n, size = self._selected.shape
            raise ValueError(f"actions {actions!r}: allowed are zeros and ones, {size} for each of {n} games")
        return array.astype(np.int8)

    def _success(self) -> NDArray[np.bool_]:
        success: NDArray[np.bool_] = (self._selected == self._targets).all(axis=1)
        return success

    def _over(self) -> NDArray[np.bool_]:
        return self._success() | (self._turn >= self._max_turns)

    def _overlap(self) -> NDArray[np.float64]:
        both, either = self._selected & self._targets, self._selected | self._targets
        overlap: NDArray[np.float64] = both.sum(axis=1) / either.sum(axis=1)
        return overlap

    def _observations(self) -> Observation:
        observations: Observation = {"selected": self._selected.copy(), "turn": self._turn.copy()}
        if self._images is not None:
            observations["image"] = self._images.copy()
        utterances = tuple([episode.utterance for episode in self.episodes])
        length = self._utterance_bytes
        observations["utterance"] = utterances if length is None else _encoded(utterances, length)
        return observations

    def _observation(self, i: int) -> Observation:
        observation: Observation = {"selected": self._selected[i].copy(), "turn": int(self._turn[i])}
        if self._images is not None:
            observation["image"] = self._images[i].copy()
        utterance = self._episodes[i].utterance
        length = self._utterance_bytes
        observation["utterance"] = utterance if length is None else _encoded([utterance], length)[0]
        return observation

    def _infos(self, told: NDArray[np.bool_]) -> dict[str, Any]:
        clicks = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(told).tolist():
            clicks[i] = self._episodes[i].clicks.copy()
        infos = {"success": self._success() & told, "turn": np.where(told, self._turn, 0), "clicks": clicks}
        return infos | {f"_{key}": told.copy() for key in infos}

    def _info(self, i: int) -> dict[str, Any]:
        episode = self._episodes[i]
        return {"success": episode.game.success, "turn": episode.game.turn, "clicks": episode.clicks.copy()}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _encoded(utterances: Sequence[str], length: int) -> NDArray[np.uint8]:
    rows = [utterance.encode()[:length].ljust(length, b"\0") for utterance in utterances]
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(-1, length)
