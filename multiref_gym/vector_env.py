"""Many games at once: the environment of `gymnasium.make_vec("MultiRef-v0", n)`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from multiref_gym.compiled.seen import SAME_STEP, Seen
from multiref_gym.env import MultiRefEnv, Observation, checked_seed
from multiref_gym.errors import UserError, is_int, require
from multiref_gym.game import GameOver
from multiref_gym.tangrams import TangramSet
from multiref_gym.utterance import MOST_BYTES

MOST_GAMES = 100_000
MOST_MEMORY = 2**34
"""The most bytes of memory for the pictures of all games, with their copies."""
COPIES = 6
"""The copies of each picture in memory: here, in an observation, and four in the bounds of Gymnasium's spaces."""


class MultiRefVectorEnv(VectorEnv[Observation, NDArray[np.int8], NDArray[Any]]):
    """Many games of MULTIREF in one environment; each is played as in `MultiRefEnv`.

    For the same seeds and actions, observations and rewards equal those of `SyncVectorEnv` with as many `MultiRefEnv`.
    The infos are equal too, except for `clicks`: here it is an array, int8 (num_envs, context_size), of the clicks of
    this step only, with zeros where a game has just begun.

    The scripted speaker speaks in all games at once, in compiled code. Any other speaker, including a subclass of the
    scripted one, is made once for each game and called game by game.

    `reset(options={"reset_mask": mask})` starts only the games of a bool (num_envs,) mask, and `{"game": game}` starts
    all of them with that game. An array of clicks cannot hold an answer that was not an action
    (`MultiRefEnv.step(None)`).

    Args:
        num_envs: The number of games, up to 100,000; their pictures may take 16 GiB of memory.
        autoreset_mode: When a new game follows one that has ended, as in `SyncVectorEnv`: "NextStep", with the next
            step, whose action is ignored; "SameStep", at once, with the last observation and info in
            `info["final_obs"]` and `info["final_info"]`; "Disabled", never, and stepping an ended game is an error.
        utterance_bytes: None for a tuple of texts. A number n for UTF-8, uint8 (num_envs, n), cut off or padded with
            zeros, as in `multiref_gym.wrappers.EncodeUtterance`. No utterance has more than 2,048 bytes.
        options: The arguments of `MultiRefEnv`, except `render_mode`.

    Raises:
        UserError: If an argument is not allowed.

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
        require("num_envs", num_envs, f"an int from 1 to {MOST_GAMES}", is_int(num_envs, 1, MOST_GAMES))
        modes = [mode.value for mode in AutoresetMode]
        if autoreset_mode not in (*modes, *AutoresetMode):
            raise UserError(f"autoreset_mode={autoreset_mode!r}: allowed is one of {modes}")
        valid = utterance_bytes is None or is_int(utterance_bytes, 1, MOST_BYTES)
        require("utterance_bytes", utterance_bytes, f"an int from 1 to {MOST_BYTES}, or None for texts", valid)
        if options.get("render_mode") is not None:
            raise UserError(f"render_mode={options['render_mode']!r}: only vectorization_mode='sync' can render")
        if "max_episode_steps" in options:  # Gymnasium gives it to every vector environment
            raise UserError(
                f"max_episode_steps={options['max_episode_steps']!r}: use max_turns, after which a game ends; "
                "only vectorization_mode='sync' cuts games short"
            )
        self.num_envs = num_envs = int(num_envs)
        self._autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self._autoreset}
        self._scalar = MultiRefEnv(**options)  # knows the arguments, the spaces, and how a game starts
        self.single_action_space = self._scalar.action_space
        single = dict(cast(spaces.Dict, self._scalar.observation_space).spaces)
        image = single.get("image")
        if image is not None and (needed := COPIES * num_envs * math.prod(image.shape or ())) > MOST_MEMORY:
            problem = f"num_envs={num_envs}: pictures of {image.shape} need {needed / 2**30:.0f} GiB of memory"
            raise UserError(f"{problem}; allowed are {MOST_MEMORY // 2**30}")
        if utterance_bytes is not None:
            single["utterance"] = spaces.Box(0, 255, (int(utterance_bytes),), np.uint8)
        self.single_observation_space = spaces.Dict(single)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        self._bytes = 0 if utterance_bytes is None else int(utterance_bytes)
        same_step = SAME_STEP if self._autoreset is AutoresetMode.SAME_STEP else 0
        self.games = self._scalar.new_games(num_envs, same_step)
        self._begun, self._ready = np.zeros(num_envs, np.bool_), False  # each, and all
        self._seeded = np.zeros(num_envs, np.bool_)
        self._ended = np.zeros(num_envs, np.bool_)
        self._pictures = self._scalar.new_pictures(num_envs)

    def utterances(self) -> list[str]:
        """Returns each speaker's last utterance in full, whatever `utterance_bytes` is."""
        return self.games.utterances()

    @property
    def tangrams(self) -> TangramSet:
        """The whole set, regardless of the split."""
        return self._scalar.tangrams

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts all games, or those of a mask.

        Args:
            seed: Seeds all randomness of these games and the following ones: one seed for each game, or an int for the
                first game, which counts up for the others.
            options: `{"reset_mask": mask}`, bool (num_envs,), and `{"game": game}` as in `MultiRefEnv.reset`.

        Raises:
            ValueError: If the seeds or the mask do not fit the games; also as in `MultiRefEnv.reset`. After an error of
                a speaker, none of the games that were to start has begun.
            ResetNeeded: If the mask leaves out a game that has not begun; no game is started then.
        """
        seeds: Sequence[int | None] = [None] * self.num_envs
        if isinstance(seed, Sequence | np.ndarray):
            seeds = [checked_seed(of_game) for of_game in seed]
        elif (first := checked_seed(seed)) is not None:
            seeds = range(first, first + self.num_envs)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds: allowed is one for each of {self.num_envs} games")
        options = dict(options or {})
        mask = options.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] is {mask!r}: allowed is an array of {self.num_envs} bools")
        if not (self._begun | mask).all():
            raise ResetNeeded("a game has not begun: call reset() first")
        given = self._scalar.given_game(options) if options else None
        for i in np.flatnonzero(mask).tolist():
            if seeds[i] is not None or not self._seeded[i]:
                self.games.seed(i, seeding.np_random(seeds[i])[0])
                self._seeded[i] = True
        self._begun[mask] = self._ready = False  # if a speaker fails now, these games have not begun
        seen = self.games.new_seen(self._bytes)
        self.games.begin(mask, seen, given)
        self._begun[mask] = self._ready = True
        self._ended[mask] = False
        if self._pictures is not None:
            self._pictures.begin(mask, self.games.tangrams)
        nothing = np.zeros_like(mask), np.zeros_like(seen.turn), np.zeros_like(seen.selected)
        return self._observations(seen), self._infos(mask.copy(), *nothing)

    def step(
        self, actions: NDArray[np.int8]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Takes one turn of each game; where a game had ended, `autoreset_mode` says what happens.

        Args:
            actions: int8 (num_envs, context_size) of zeros and ones.

        Raises:
            ValueError: If the actions are anything else; no turn is taken then. Also if a speaker's words are not in
                the observation space. After this or any other error of a speaker, no game is in play.
            GameOver: If a game has ended and `autoreset_mode` is "Disabled"; no turn is taken then.
            ResetNeeded: If a game has not begun.
        """
        if not self._ready:
            raise ResetNeeded("a game has not begun: call reset() first")
        clicks = self._checked(actions)
        if self._autoreset is AutoresetMode.DISABLED and self._ended.any():
            raise GameOver(f"games {np.flatnonzero(self._ended).tolist()} have ended: reset them with 'reset_mask'")
        games, same_step = self.games, self._autoreset is AutoresetMode.SAME_STEP
        seen, earned = games.new_seen(self._bytes), games.new_earned()
        final = games.new_seen(self._bytes or MOST_BYTES) if same_step else seen
        tangrams = games.tangrams if self._pictures is None else games.tangrams.copy()
        try:
            games.step(clicks, True, seen, earned, final)
        except BaseException:
            self._begun[:] = self._ready = False  # only some games have taken the turn, so none can go on
            raise
        reward, terminated, success = earned
        begun = terminated if same_step else self._ended  # the games that have begun in this step
        infos = self._infos(np.ones_like(terminated), success, seen.turn, clicks)
        if self._pictures is not None:
            selected = np.where(begun[:, None], final.selected, seen.selected)
            self._pictures.click(clicks * ~self._ended[:, None], tangrams, selected)
        if begun.any():
            infos["clicks"] = clicks * ~begun[:, None]
            if same_step:
                infos["success"] = np.zeros_like(success)  # a game that was won has ended
                infos |= self._final(final, self._infos(begun.copy(), success, final.turn, clicks - infos["clicks"]))
            if self._pictures is not None:
                self._pictures.begin(begun, games.tangrams)
        if not same_step:
            self._ended = terminated.copy()
        return self._observations(seen), reward, terminated, np.zeros_like(terminated), infos

    def _checked(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        """Returns the actions as a fresh array."""
        array = np.asarray(actions)
        if array.shape == self.games.tangrams.shape:
            match array.dtype.kind:
                case "b" | "u" | "i" if not (array >> 1).any():  # only the last bit may be set
                    return array.astype(np.int8)
                case "f" if ((array == 0) | (array == 1)).all():
                    return array.astype(np.int8)
        n, size = self.games.tangrams.shape
        raise ValueError(f"actions {actions!r}: allowed are zeros and ones, {size} for each of {n} games")

    def _observations(self, seen: Seen) -> Observation:
        observations: Observation = {"selected": seen.selected, "turn": seen.turn}
        observations["utterance"] = seen.utterance if self._bytes else tuple(self.utterances())
        if self._pictures is not None:
            observations["image"] = self._pictures.images.copy()
        return observations

    def _infos(
        self, games: NDArray[np.bool_], success: NDArray[np.bool_], turn: NDArray[np.int64], clicks: NDArray[np.int8]
    ) -> dict[str, Any]:
        """Returns the infos of some games, and a mask of these games."""
        infos = {"success": success, "turn": turn.copy(), "clicks": clicks}
        return infos | {f"_{key}": games for key in infos}

    def _final(self, final: Seen, infos: dict[str, Any]) -> dict[str, Any]:
        """Returns the last observations and infos of games that were replaced."""
        observations = np.full(self.num_envs, None, object)
        ended = infos["_success"]
        places = np.flatnonzero(ended)
        rows = zip(places.tolist(), *(array[places] for array in final), strict=True)
        for i, selected, turn, utterance in rows:
            observations[i] = {"selected": selected, "turn": int(turn), "utterance": utterance}
            if not self._bytes:
                observations[i]["utterance"] = utterance.tobytes().rstrip(b"\0").decode()
            if self._pictures is not None:
                observations[i]["image"] = self._pictures.images[i].copy()
        return {"final_obs": observations, "_final_obs": ended, "final_info": infos, "_final_info": ended}
