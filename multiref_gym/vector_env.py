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

from multiref_gym.divided_batch import DividedBatch
from multiref_gym.env import MultiRefEnv, Observation
from multiref_gym.episode_batch import Arrays, EpisodeBatch, Told, encoded
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
        workers: The number of processes that the games are divided over, this one included; for the same seeds all is
            the same with any number. As in `AsyncVectorEnv` with context="spawn", a script needs
            `if __name__ == "__main__":`, and the options, such as a speaker, must pickle. `close` ends the processes.
        options: What `MultiRefEnv` takes, but for `render_mode`.

    Raises:
        UserError: If an argument is none that is allowed.
        RuntimeError: If another process has ended, now or at a later call.

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
        workers: int = 1,
        **options: Any,
    ) -> None:
        if not _is_count(num_envs):
            raise UserError(f"num_envs={num_envs!r}: allowed is an int of at least 1")
        modes = [mode.value for mode in AutoresetMode]
        if autoreset_mode not in (*modes, *AutoresetMode):
            raise UserError(f"autoreset_mode={autoreset_mode!r}: allowed is one of {modes}")
        if utterance_bytes is not None and not _is_count(utterance_bytes):
            raise UserError(f"utterance_bytes={utterance_bytes!r}: allowed is an int of at least 1, or None for texts")
        if not _is_count(workers) or workers > num_envs:
            raise UserError(f"workers={workers!r}: allowed is an int from 1 to num_envs={num_envs}")
        if options.get("render_mode") is not None:
            raise UserError(f"render_mode={options['render_mode']!r}: only vectorization_mode='sync' can render")
        self.num_envs = num_envs
        self._autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self._autoreset}
        self._scalar = MultiRefEnv(**options)  # knows the arguments, the spaces, and how a game starts
        self.single_action_space = self._scalar.action_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        single = dict(cast(spaces.Dict, self._scalar.observation_space).spaces)
        if utterance_bytes is not None:
            single["utterance"] = spaces.Box(0, 255, (utterance_bytes,), np.uint8)
        self.single_observation_space = spaces.Dict(single)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        (size,) = self.single_action_space.shape or ()
        self._begun, self._ended = np.zeros((2, num_envs), np.bool_)
        self._selected = np.zeros((num_envs, size), np.int8)
        self._turn = np.zeros(num_envs, np.int64)
        self._clicks: list[list[str]] = [[] for _ in range(num_envs)]
        arrays: Arrays = {}
        if (image := single.get("image")) is not None:
            arrays["image"] = np.zeros((num_envs, *(image.shape or ())), np.uint8)
            if workers > 1 and self._autoreset is AutoresetMode.SAME_STEP:
                arrays["final_image"] = np.zeros(arrays["image"].shape, np.uint8)
        if utterance_bytes is not None:
            arrays["utterance"] = np.zeros((num_envs, utterance_bytes), np.uint8)
        # Silhouettes stay for a whole game, a board is drawn anew where something was clicked.
        board = options.get("image", "board") == "board"
        self._games: EpisodeBatch | DividedBatch
        if workers == 1:
            self._games = EpisodeBatch(self._scalar, num_envs, arrays, board, self._autoreset)
        else:
            self._games = DividedBatch(self._scalar, options, num_envs, arrays, board, self._autoreset, workers)
            arrays = self._games.arrays
        self._images, self._encodings = arrays.get("image"), arrays.get("utterance")

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts all games, or those of a mask.

        Args:
            seed: Seeds all chance of these and the following games: one for each, or the first of as many in a row.
            options: `{"reset_mask": mask}`, bool (num_envs,), and `{"game": game}` as in `MultiRefEnv.reset`.

        Raises:
            ValueError: If the seeds are no such list, or more or fewer than games, the mask is none, or
                `MultiRefEnv.reset` would. After an error of a speaker none of the games that were to start has begun.
            ResetNeeded: If the mask leaves out a game that has not begun; none is started then.
        """
        seeds: Sequence[int | None] = [None] * self.num_envs
        if isinstance(seed, int):
            seeds = range(seed, seed + self.num_envs)
        elif isinstance(seed, Sequence):
            seeds = seed
        elif seed is not None:
            raise ValueError(f"seed={seed!r}: allowed is an int, or a list of one for each of {self.num_envs} games")
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds: allowed is one for each of {self.num_envs} games")
        options = dict(options or {})
        mask = options.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] is {mask!r}: allowed is an array of {self.num_envs} bools")
        if not (self._begun | mask).all():
            raise ResetNeeded("a game has not begun: call reset() first")
        if options:
            self._scalar.new_game(self._scalar.np_random, options)  # raises before anything is changed
        rngs = {i: None if seeds[i] is None else seeding.np_random(seeds[i])[0] for i in np.flatnonzero(mask).tolist()}
        self._begun[mask] = False  # so it stays if a speaker fails
        told = self._games.reset(rngs, options)
        self._begun[mask] = True
        self._ended = np.array(told.over)
        self._clear(mask)
        return self._observations(told), self._infos(mask, np.zeros_like(mask))

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
        if not self._begun.all():
            raise ResetNeeded("a game has not begun: call reset() first")
        clicks = self._checked(actions)
        if self._autoreset is AutoresetMode.DISABLED and self._ended.any():
            raise GameOver(f"games {np.flatnonzero(self._ended).tolist()} have ended: reset them with 'reset_mask'")
        try:
            told = self._games.step(clicks.tobytes())
        except BaseException:
            self._begun[:] = False  # some games have taken the turn, others have not: none can go on
            raise
        self._selected ^= clicks  # a click toggles
        self._turn += 1
        self._clear(self._ended)  # others have started in their place
        terminated, success = np.array(told.over), np.array(told.success)
        restarted = terminated & (self._autoreset is AutoresetMode.SAME_STEP)
        self._ended = terminated & ~restarted
        for done, action in zip(self._clicks, told.actions, strict=True):
            if action is not None:
                done.append(action)
        final = self._final(told, restarted, success) if restarted.any() else {}
        self._clear(restarted)
        infos = self._infos(np.ones_like(terminated), success & ~restarted)
        rewards = np.array(told.rewards, np.float64)
        return self._observations(told), rewards, terminated, np.zeros_like(terminated), infos | final

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the other processes, if there are any."""
        if isinstance(self._games, DividedBatch):
            self._games.close()

    def _clear(self, games: NDArray[np.bool_]) -> None:
        """Forgets what was done in games that others take the place of."""
        self._selected[games] = 0
        self._turn[games] = 0
        for i in np.flatnonzero(games).tolist():
            self._clicks[i] = []

    def _checked(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        array = np.asarray(actions)
        numbers = array.dtype.kind in "buif" and array.shape == self._selected.shape
        if not numbers or not ((array == 0) | (array == 1)).all():
            n, size = self._selected.shape
            raise ValueError(f"actions {actions!r}: allowed are zeros and ones, {size} for each of {n} games")
        return array.astype(np.int8)

    def _observations(self, told: Told) -> Observation:
        observations: Observation = {"selected": self._selected.copy(), "turn": self._turn.copy()}
        if self._images is not None:
            observations["image"] = self._images.copy()
        observations["utterance"] = tuple(told.utterances) if self._encodings is None else self._encodings.copy()
        return observations

    def _infos(self, games: NDArray[np.bool_], success: NDArray[np.bool_]) -> dict[str, Any]:
        clicks = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(games).tolist():
            clicks[i] = self._clicks[i].copy()
        infos = {"success": success & games, "turn": np.where(games, self._turn, 0), "clicks": clicks}
        return infos | {f"_{key}": games.copy() for key in infos}

    def _final(self, told: Told, games: NDArray[np.bool_], success: NDArray[np.bool_]) -> dict[str, Any]:
        """Returns the last observations and infos of games that others take the place of."""
        said = told.closing if self._encodings is None else encoded(told.closing, self._encodings.shape[1])
        observations = np.full(self.num_envs, None, object)
        indices = np.flatnonzero(games).tolist()
        for i, utterance in zip(indices, said, strict=True):
            observations[i] = {"selected": self._selected[i].copy(), "turn": int(self._turn[i]), "utterance": utterance}
        if self._images is not None:
            for i, image in zip(indices, told.final_images, strict=True):
                observations[i]["image"] = image
        final = {"final_obs": observations, "final_info": self._infos(games, success)}
        return final | {f"_{key}": games.copy() for key in final}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
