"""MULTIREF with both roles as agents, in PettingZoo's two forms: turn by turn (AEC), and parallel.

`env()` and `parallel_env()` make them. Once this module is imported, `pettingzoo.make` makes them too, by "aec" or
"parallel" and "MultiRef-v0". A policy can play the role that nobody trains: `SpeakerPolicy` with any speaker,
`ListenerPolicy` with any listener.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv, Observation
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.game import Action, Game
from multiref_gym.listener import Listener, decided
from multiref_gym.parts import part_name
from multiref_gym.registry import made, speaker_maker
from multiref_gym.speaker import Speaker, opened, replied
from multiref_gym.tangrams import TangramSet, speaker_board
from multiref_gym.utterance import UtteranceSpace
from multiref_gym.window import transcript

try:
    from pettingzoo import AECEnv, ParallelEnv, register
    from pettingzoo.utils import OrderEnforcingWrapper
    from pettingzoo.utils.conversions import turn_based_aec_to_parallel
except ImportError as error:
    raise UserError("the game of two agents needs PettingZoo: run `pip install multiref-gym[pettingzoo]`") from error

SPEAKER, LISTENER = "speaker", "listener"


def env(**options: Any) -> AECEnv:
    """Returns the game turn by turn, with PettingZoo's check that it was reset; see `TwoAgentEnv` for the options."""
    return OrderEnforcingWrapper(TwoAgentEnv(**options))


def parallel_env(**options: Any) -> ParallelEnv:
    """Returns the game as a parallel environment; see `TwoAgentEnv` for the options.

    The agents still take turns: each step uses only the action of the agent whose turn it is. The speaker is first;
    then `info["active_agent"]` of either agent names the next one.
    """
    return turn_based_aec_to_parallel(env(**options))


class TwoAgentEnv(AECEnv):  # type: ignore[misc]  # PettingZoo has no types
    """The game of `MultiRefEnv`, with the speaker as a second agent.

    `speaker` says something and `listener` clicks, by turns, until the game is over. They win or lose together: both
    get the reward of each action of the listener. There is no closing remark, and so no reply to the last action.

    | Agent      | Action                          | Observation, a `Dict`                                       |
    |------------|---------------------------------|-------------------------------------------------------------|
    | `speaker`  | `UtteranceSpace`: what it says  | `targets`, `selected` and `clicks`, what the listener did   |
    |            |                                 | last, each `MultiBinary` in the speaker's order; `turn` and |
    |            |                                 | `image`                                                     |
    | `listener` | `MultiBinary(context_size)`:    | as in `MultiRef-v0`: `utterance`, `selected` in the         |
    |            | clicks, in the listener's order | listener's order, `turn` and `image`                        |

    With `image="board"`, the speaker's board marks its targets; with `image="tangrams"`, the speaker sees the
    silhouettes in its own order. `info` is that of `MultiRef-v0`. Only the speaker's observation holds the targets.

    Args:
        render_mode: "ansi" for the dialogue as text, or None.
        options: The arguments of `MultiRefEnv`, except `speaker`.

    Raises:
        UserError: If an argument is not allowed.

    Example:
        >>> from multiref_gym import pettingzoo_env
        >>> env = pettingzoo_env.env(image=None, render_mode="ansi")
        >>> env.reset(seed=1)
        >>> env.step("the house, please")
        >>> env.last()[0]["utterance"]
        'the house, please'
        >>> env.step(np.eye(10, dtype=np.int8)[2])
        >>> int(env.last()[0]["clicks"].sum()), env.agent_selection
        (1, 'speaker')
        >>> print(env.render())
        Speaker: the house, please
        Listener: select C
    """

    metadata = {"name": "multiref_v0", "render_modes": ["ansi"], "is_parallelizable": False}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        if render_mode not in (None, "ansi"):
            raise UserError(f"render_mode={render_mode!r}: allowed is 'ansi' or None")
        if "speaker" in options:
            raise UserError("speaker: it is an agent here; play it with a SpeakerPolicy")
        super().__init__()
        self.render_mode = render_mode
        self.possible_agents = [SPEAKER, LISTENER]
        self._game_env = MultiRefEnv(speaker=_Silence, **options)
        clicks, heard = self._game_env.action_space, self._game_env.observation_space
        assert isinstance(heard, spaces.Dict)
        seen = {key: space for key, space in heard.items() if key != "utterance"} | {
            "targets": clicks,
            "clicks": clicks,
        }
        self.observation_spaces = {SPEAKER: spaces.Dict(seen), LISTENER: heard}
        self.action_spaces = {SPEAKER: UtteranceSpace(), LISTENER: clicks}
        self._as_board = options.get("image", "board") == "board"

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Returns an agent's observation space."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Returns an agent's action space."""
        return self.action_spaces[agent]

    @property
    def episode(self) -> Episode:
        """The current game with its dialogue."""
        return self._game_env.episode

    @property
    def game(self) -> Game:
        """The current game, which knows the targets: for evaluation and for the speaker, never for a listener."""
        return self._game_env.game

    @property
    def tangrams(self) -> TangramSet:
        """The whole set that the games are drawn from, regardless of the split."""
        return self._game_env.tangrams

    @property
    def rng(self) -> np.random.Generator:
        """The random generator of the games, seeded by `reset`."""
        return self._game_env.np_random

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Starts a game; the speaker is to act first.

        Args:
            seed: Seeds all randomness of this game and the following ones.
            options: `{"game": game}` plays a given game, as in `MultiRefEnv.reset`. Other options are ignored, because
                PettingZoo's tests send some.
        """
        given = {"game": options["game"]} if options and "game" in options else None
        self._seen, info = self._game_env.reset(seed=seed, options=given)
        self.agents = self.possible_agents.copy()
        self.agent_selection = SPEAKER
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self._conclude(over=False, info=info)

    def step(self, action: str | NDArray[np.int8] | None) -> None:
        """Takes the action of the agent whose turn it is; an agent whose game is over gives None.

        Raises:
            ValueError: If the action is not in the agent's space.
        """
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        if not self.action_spaces[agent].contains(action):
            raise ValueError(f"{agent} did {action!r:.80}: allowed is {self.action_spaces[agent]!r:.80}")
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        if isinstance(action, str):
            self._game_env.say(action)
            self.agent_selection = LISTENER
            return
        self._seen, reward, over, _, info = self._game_env.step(action)
        self.rewards = dict.fromkeys(self.agents, reward)
        self._accumulate_rewards()
        self._conclude(over, info)
        self.agent_selection = SPEAKER

    def _conclude(self, over: bool, info: dict[str, Any]) -> None:
        self.terminations = dict.fromkeys(self.agents, over)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: deepcopy(info) for agent in self.agents}

    def observe(self, agent: str) -> Observation:
        """Returns an agent's current observation, as a fresh copy.

        Raises:
            ResetNeeded: If no game has begun.
        """
        dialogue, game = self.episode.dialogue, self.episode.game
        context = game.context
        if agent == LISTENER:
            said = dialogue[-1][0] if dialogue else ""  # until the speaker speaks again
            return deepcopy(self._seen) | {"utterance": self.episode.utterance if self._spoken else said}
        place = {name: position for position, name in enumerate(context.listener_order)}
        order = [place[name] for name in context.speaker_order]  # the listener's positions, in the speaker's order
        clicked = dialogue[-1][1].clicks if dialogue else ()
        seen: Observation = {"turn": game.turn}
        for key, positions in (("targets", game.targets), ("selected", game.selected), ("clicks", clicked)):
            seen[key] = np.array([position in positions for position in order], np.int8)
        if "image" in self._seen:
            silhouettes = self._game_env.atlas.silhouettes(context.speaker_order)
            marks = (np.flatnonzero(seen[key]).tolist() for key in ("targets", "selected"))
            seen["image"] = speaker_board(silhouettes, *marks) if self._as_board else silhouettes
        return seen

    def render(self) -> str | None:
        """Returns the dialogue, a line for each utterance and action, or None without a render mode."""
        if self.render_mode is None:
            return None
        return transcript(self.episode.dialogue, self.episode.utterance if self._spoken else None)

    @property
    def _spoken(self) -> bool:
        """Whether the speaker has spoken in this turn."""
        return bool(self.agent_selection == LISTENER and not self.terminations[LISTENER])

    def close(self) -> None:
        """Does nothing: there is no window."""


class SpeakerPolicy:
    """Plays the agent `speaker` with any speaker. The speaker reads the game itself, not the observation.

    Its random generator is the environment's: the same seed gives the same game, word for word. It is not the game that
    `MultiRef-v0` plays with that seed.

    Args:
        env: The result of `env()` or `parallel_env()`.
        speaker: A registered name, "module:attribute", or a callable that makes a speaker from a `TangramSet`.

    Example:
        >>> from multiref_gym import pettingzoo_env
        >>> env = pettingzoo_env.env(image=None)
        >>> speak = SpeakerPolicy(env)
        >>> env.reset(seed=1)
        >>> env.step(speak(env.last()[0]))
        >>> env.agent_selection
        'listener'
    """

    def __init__(self, env: AECEnv | ParallelEnv, speaker: str | Callable[[TangramSet], Speaker] = "scripted") -> None:
        self._env: TwoAgentEnv = env.unwrapped
        name = speaker if isinstance(speaker, str) else part_name(speaker)
        make = speaker_maker(speaker) if isinstance(speaker, str) else speaker
        self._speaker: Speaker = made("speaker", name, make, self._env.tangrams)

    def __call__(self, observation: Observation) -> str:
        """Returns the next utterance; call it once in each turn of the speaker.

        Raises:
            ResetNeeded: If no game has begun.
            UserError: As in `multiref_gym.speaker.opened`.
        """
        episode = self._env.episode
        if episode.dialogue:
            return replied(self._speaker, episode.dialogue[-1][1])
        return opened(self._speaker, episode.game, self._env.rng)


class ListenerPolicy:
    """Plays the agent `listener` with any listener.

    Args:
        env: The result of `env()` or `parallel_env()`.
        listener: Acts on views.
        rng: Its random generator.
    """

    def __init__(self, env: AECEnv | ParallelEnv, listener: Listener, rng: np.random.Generator) -> None:
        self._env: TwoAgentEnv = env.unwrapped
        self._listener = listener
        self._rng = rng

    def __call__(self, observation: Observation) -> NDArray[np.int8]:
        """Returns the clicks that answer the last utterance.

        Raises:
            ResetNeeded: If no game has begun.
            UserError: As in `multiref_gym.listener.decided`.
        """
        view = self._env.episode.view
        [decision] = decided(self._listener, [view], [self._rng])
        return (decision.action or Action()).bits(len(view.tangrams))


class _Silence:
    """Stands in for the speaker and says nothing, because an agent speaks."""

    name = ""
    wanted = Action()

    def __init__(self, tangrams: TangramSet) -> None:
        pass

    def start(self, game: Game, rng: np.random.Generator) -> str:
        return ""

    def reply(self, action: Action | None) -> str:
        return ""


register("aec", "MultiRef-v0", env)
register("parallel", "MultiRef-v0", parallel_env)
