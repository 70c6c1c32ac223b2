"""Many games at once: what `gymnasium.make_vec("MultiRef-v0", n)` returns."""

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

from multiref_gym.env import MultiRefEnv, Observation, checked_seed
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError, is_int, require
from multiref_gym.game import Action, GameOver
from multiref_gym.utterance import MOST_BYTES

MOST_GAMES = 100_000
MOST_MEMORY = 2**34
"""The bytes that the pictures of all games may take, with their copies."""
COPIES = 6
"""How often they are in memory: here, in an observation, and as four bounds of a space of Gymnasium's."""


class MultiRefVectorEnv(VectorEnv[Observation, NDArray[np.int8], NDArray[Any]]):
    """Many games of MULTIREF in one environment, each as `MultiRefEnv` plays it.

    For the same seeds and actions, observations, rewards and infos are those of `SyncVectorEnv` with as many
    `MultiRefEnv`, item for item. What is selected, the targets and the turns are arrays for all games at once; each
    game has a speaker of its own, the same as in the scalar environment.

    `reset(options={"reset_mask": mask})` starts the games of a bool (num_envs,) mask only, and `{"game": game}` starts
    all of them with that game. An answer that was no action (`MultiRefEnv.step(None)`) has no place in an array of
    clicks.

    Args:
        num_envs: The number of games, up to 100,000; their pictures may take 16 GiB of memory.
        autoreset_mode: When a game that has ended is followed by a new one, as in `SyncVectorEnv`: "NextStep", with
            the next step, whose action is ignored; "SameStep", at once, with the last observation and info in
            `info["final_obs"]` and `info["final_info"]`; "Disabled", never, and a step of it is an error.
        utterance_bytes: None for a tuple of texts; a number n for their UTF-8, uint8 (num_envs, n), cut off or with
            zeros after the end, as `multiref_gym.wrappers.EncodeUtterance` has it. No utterance has more than 2,048.
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
                f"max_episode_steps={options['max_episode_steps']!r}: allowed is max_turns, after which a game ends; "
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
            told = f"num_envs={num_envs}: pictures of {image.shape} need {needed / 2**30:.0f} GiB of memory"
            raise UserError(f"{told}; allowed are {MOST_MEMORY // 2**30}")
        if utterance_bytes is not None:
            single["utterance"] = spaces.Box(0, 255, (int(utterance_bytes),), np.uint8)
        self.single_observation_space = spaces.Dict(single)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        (size,) = self.single_action_space.shape or ()
        self._speakers = [self._scalar.new_speaker() for _ in range(num_envs)]
        self._rngs = [np.random.default_rng() for _ in range(num_envs)]
        self._episodes: list[Any] = [None] * num_envs  # an Episode each, once it has begun
        self._begun = np.zeros(num_envs, np.bool_)
        self._ended = [False] * num_envs
        self._selected = np.zeros((num_envs, size), np.int8)
        self._turn = np.zeros(num_envs, np.int64)
        self._images = None if image is None else np.zeros((num_envs, *(image.shape or ())), np.uint8)
        # Silhouettes stay for a whole game, a board is drawn anew where something was clicked.
        self._boards = self._images if options.get("image", "board") == "board" else None
        self._bytes = None if utterance_bytes is None else int(utterance_bytes)

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
        if options:
            self._scalar.new_game(self._scalar.np_random, options)  # raises before anything is changed
        self._begun[mask] = False  # so it stays if a speaker fails
        for i in np.flatnonzero(mask).tolist():
            if seeds[i] is not None:
                self._rngs[i] = seeding.np_random(seeds[i])[0]
            self._start(i, options)
        self._begun[mask] = True
        utterances = [episode.utterance for episode in self._episodes]
        return self._observations(utterances), self._infos(mask, np.zeros_like(mask))

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
        if self._autoreset is AutoresetMode.DISABLED and any(self._ended):
            raise GameOver(f"games {np.flatnonzero(self._ended).tolist()} have ended: reset them with 'reset_mask'")
        self._selected ^= clicks  # a click toggles
        self._turn += 1
        try:
            return self._played(clicks.tobytes())
        except BaseException:
            self._begun[:] = False  # some games have taken the turn, others have not: none can go on
            raise

    def _played(
        self, clicks: bytes
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Takes a turn of each game, or starts another one in the place of one that had ended."""
        env, boards = self._scalar, self._boards
        size, same_step = len(clicks) // self.num_envs, self._autoreset is AutoresetMode.SAME_STEP
        utterances: list[str] = []
        rewards: list[float] = []
        success: list[bool] = []
        ended: list[bool] = []
        final: dict[int, tuple[Observation, list[str]]] = {}
        # All is taken down game by game: once the last has been played the first has left the processor's cache.
        for i, episode in enumerate(self._episodes):
            if self._ended[i]:
                episode = self._start(i)
                rewards.append(0.0)
                success.append(False)
                ended.append(False)
            else:
                game, before = episode.game, episode.game.selected
                episode.take(Action.of_bits(clicks[i * size : (i + 1) * size], before))
                over = game.over
                rewards.append(env.reward(game, before))
                success.append(over and game.success)
                ended.append(over)
                if boards is not None:
                    changed = before ^ game.selected
                    env.atlas.redraw(boards[i], game.context.listener_order, changed, game.selected)
                if over and same_step:
                    final[i] = self._observation(i), episode.clicks
                    episode = self._start(i)
                else:
                    self._ended[i] = over
            utterances.append(episode.utterance)
        terminated, won = np.array(ended), np.array(success)
        restarted = np.isin(np.arange(self.num_envs), list(final))
        infos = self._infos(np.ones_like(terminated), won & ~restarted)
        if final:
            infos |= self._final(final, restarted, won)
        return self._observations(utterances), np.array(rewards), terminated, np.zeros_like(terminated), infos

    def _start(self, i: int, options: dict[str, Any] | None = None) -> Episode:
        rng = self._rngs[i]
        game = self._scalar.new_game(rng, options)
        self._episodes[i] = episode = Episode(game, self._speakers[i], rng)
        self._ended[i] = False
        self._selected[i] = 0
        self._turn[i] = 0
        if self._images is not None:
            self._images[i] = self._scalar.picture(game)
        return episode

    def _checked(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        array = np.asarray(actions)
        numbers = array.dtype.kind in "buif" and array.shape == self._selected.shape
        if not numbers or not ((array == 0) | (array == 1)).all():
            n, size = self._selected.shape
            raise ValueError(f"actions {actions!r}: allowed are zeros and ones, {size} for each of {n} games")
        return array.astype(np.int8)

    def _observation(self, i: int) -> Observation:
        """Returns what is to be seen of a game, by itself."""
        (utterance,) = self._said([self._episodes[i].utterance])
        observation = {"selected": self._selected[i].copy(), "turn": int(self._turn[i]), "utterance": utterance}
        return observation if self._images is None else observation | {"image": self._images[i].copy()}

    def _observations(self, utterances: list[str]) -> Observation:
        observations: Observation = {"selected": self._selected.copy(), "turn": self._turn.copy()}
        if self._images is not None:
            observations["image"] = self._images.copy()
        return observations | {"utterance": self._said(utterances)}

    def _said(self, utterances: list[str]) -> tuple[str, ...] | NDArray[np.uint8]:
        """Returns utterances as texts or as UTF-8, uint8 (utterances, bytes), cut off or with zeros after the end."""
        if self._bytes is None:
            return tuple(utterances)
        rows = [utterance.encode()[: self._bytes].ljust(self._bytes, b"\0") for utterance in utterances]
        return np.frombuffer(bytearray().join(rows), np.uint8).reshape(-1, self._bytes)

    def _infos(self, games: NDArray[np.bool_], success: NDArray[np.bool_]) -> dict[str, Any]:
        done = {i: self._episodes[i].clicks for i in np.flatnonzero(games).tolist()}
        return self._marked(games, success, np.where(games, self._turn, 0), done)

    def _final(
        self, final: dict[int, tuple[Observation, list[str]]], games: NDArray[np.bool_], success: NDArray[np.bool_]
    ) -> dict[str, Any]:
        """Returns the last observations and infos of games that others took the place of."""
        observations = np.full(self.num_envs, None, object)
        turns = np.zeros_like(self._turn)
        for i, (observation, clicks) in final.items():
            observations[i], turns[i] = observation, len(clicks)
        done = {i: clicks for i, (_, clicks) in final.items()}
        infos = {"final_obs": observations, "final_info": self._marked(games, success, turns, done)}
        return infos | {f"_{key}": games.copy() for key in infos}

    def _marked(
        self, games: NDArray[np.bool_], success: NDArray[np.bool_], turns: NDArray[np.int64], done: dict[int, list[str]]
    ) -> dict[str, Any]:
        """Returns the infos of some games, with marks of which."""
        clicks = np.full(self.num_envs, None, object)
        for i, texts in done.items():
            clicks[i] = texts.copy()
        infos = {"success": success & games, "turn": turns, "clicks": clicks}
        return infos | {f"_{key}": games.copy() for key in infos}
