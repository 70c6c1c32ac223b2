"""The game as a Gymnasium environment: a thin adapter from `Games` to spaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from multiref_gym.compiled.seen import PROGRESS
from multiref_gym.contexts import Contexts
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError, is_int, is_number, require
from multiref_gym.game import CONTEXT_SIZE, LETTERS, MAX_TURNS, TARGETS, Action, Context, Game, GameOver, action_text
from multiref_gym.games import Games
from multiref_gym.parts import part_name
from multiref_gym.pictures import Pictures
from multiref_gym.registry import made, speaker_maker
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet, load_tangrams, shared_atlas
from multiref_gym.tangrams.tangram_set import SplitName
from multiref_gym.utterance import CHARSET as CHARSET
from multiref_gym.utterance import MAX_LENGTH as MAX_LENGTH
from multiref_gym.utterance import UtteranceSpace, checked
from multiref_gym.window import Window, captioned, transcript

IMAGE_SIZE = 64
"""The side of a silhouette in pixels."""

LARGEST_IMAGE = 1024
MOST_TURNS = 10_000

_IMAGES = ("board", "tangrams", None)
_REWARDS = ("success", "progress")

_ONE = np.ones(1, np.bool_)
"""Marks the one game of an environment."""

Observation = dict[str, Any]


class MultiRefEnv(gym.Env[Observation, NDArray[np.int8] | None]):
    """The listener's side of MULTIREF, the multi-turn reference game of arXiv 2410.13852.

    ## Description

    Speaker and listener see the same tangrams, each in their own order. Only the speaker knows which of them are the
    targets. Each turn the speaker, who is part of the environment, says something. The agent is the listener: it clicks
    any number of tangrams, and a click selects a tangram or deselects a selected one. The game is won as soon as
    exactly the targets are selected. No reward comes on the way, but the speaker's next words show whether an action
    was right: "yes, now the ...", "no, undo that". This is implicit feedback, and
    `multiref_gym.wrappers.ImplicitReward` turns it into a reward.

    ## Action Space

    `MultiBinary(context_size)`: the clicks of one turn, in the listener's order.

    | Num | Action                                 | Value  |
    |-----|----------------------------------------|--------|
    | 0   | Click the tangram with the letter A    | 0 or 1 |
    | 1   | Click the tangram with the letter B    | 0 or 1 |
    | ... | ...                                    | ...    |
    | 9   | Click the tangram with the letter J    | 0 or 1 |

    An action without clicks is legal: the turn passes and the speaker replies to it. `step(None)` stands for an answer
    that was not an action (`multiref_gym.wrappers.TextAction` sends it): nothing is clicked, the turn passes, and the
    speaker hears that the answer was not understood.

    ## Observation Space

    A `Dict`:

    | Key         | Space                        | Meaning                                                    |
    |-------------|------------------------------|------------------------------------------------------------|
    | `image`     | `Box(0, 255, ..., uint8)`    | `image="board"`: the listener's board (height, width, 3)   |
    |             |                              | with letters, and frames on what is selected;              |
    |             |                              | `image="tangrams"`: silhouettes (context_size, image_size, |
    |             |                              | image_size) in the listener's order; `image=None`: no key  |
    | `selected`  | `MultiBinary(context_size)`  | The selected tangrams, in the listener's order             |
    | `turn`      | `Discrete(max_turns + 1)`    | The number of actions so far                               |
    | `utterance` | `UtteranceSpace`: a `Text`   | The speaker's last utterance; after the last action its    |
    |             | of one line, up to 512       | closing remark, which may be empty. Any script and emoji;  |
    |             | characters                   | no control characters; samples are Latin                   |

    `info` has `success` (bool), `turn` (int) and `clicks` (list of str): the text of each action so far, such as
    `"deselect F select G"`, and `""` for an action without clicks. Observations and `info` never hold the targets;
    `env.unwrapped.game` knows them, for evaluation only.

    ## Rewards

    - `reward="success"`: 1 if the action wins the game, else 0.
    - `reward="progress"`: the change in the overlap of the selection S and the targets T, |S ∩ T| / |S ∪ T|
      (Jaccard). The overlap is 0 at the start and 1 when the game is won, so the rewards of a won game add up to 1,
      and those of a lost game to its final overlap.

    ## Starting State

    `context_size` tangrams are drawn from the split. With probability `similarity`, each is the one most like the first
    in its attributes. Both orders are shuffled. The number of targets is uniform between the two bounds of `targets`,
    and so is their choice. Nothing is selected, and the speaker has said its first utterance.
    `reset(options={"game": game})` starts a given `Context`, or a `Game` in which no turn was taken.

    ## Episode End

    The episode terminates when the selection equals the targets, and after `max_turns` actions in any case. The turn
    limit is a rule of the game and `turn` is observed, so reaching the limit also terminates the episode; the
    environment never truncates.

    ## Arguments

    | Parameter      | Type                   | Default      | Description                                           |
    |----------------|------------------------|--------------|-------------------------------------------------------|
    | `tangrams`     | **str or TangramSet**  | `"figures"`  | `"figures"`, `"kilogram:PATH"`, or a set              |
    | `split`        | **str**                | `"train"`    | The split contexts come from: train, dev, test or all |
    | `speaker`      | **str or Callable**    | `"scripted"` | A registered name, `"module:attribute"`, one of these |
    |                |                        |              | with a model (`"api:MODEL"`), or a callable that      |
    |                |                        |              | makes a speaker from a `TangramSet`                   |
    | `context_size` | **int**                | `10`         | The number of tangrams, 2 to 26                       |
    | `targets`      | **(int, int)**         | `(3, 5)`     | The smallest and the largest number of targets        |
    | `max_turns`    | **int**                | `10`         | The number of actions after which the game ends, up   |
    |                |                        |              | to 10,000                                             |
    | `similarity`   | **float**              | `0.0`        | How similar the tangrams of a context are, 0 to 1:    |
    |                |                        |              | see `Contexts`                                        |
    | `image`        | **str or None**        | `"board"`    | `"board"`, `"tangrams"` or None                       |
    | `image_size`   | **int**                | `64`         | The side of a silhouette in pixels, 8 to 1,024        |
    | `reward`       | **str**                | `"success"`  | `"success"` or `"progress"`                           |
    | `render_mode`  | **str or None**        | `None`       | `"rgb_array"`: the board over the utterance, of even  |
    |                |                        |              | sides; `"ansi"`: the dialogue; `"human"`: a window    |

    ```python
    >>> import gymnasium as gym
    >>> import multiref_gym
    >>> env = gym.make("MultiRef-v0", max_turns=5, reward="progress", image=None)
    >>> env.action_space, env.observation_space["turn"]
    (MultiBinary(10), Discrete(6))
    >>> observation, info = env.reset(seed=1)
    >>> info
    {'success': False, 'turn': 0, 'clicks': []}

    ```

    ## Vectorisation

    `gymnasium.make_vec("MultiRef-v0", 64)` makes a `multiref_gym.vector_env.MultiRefVectorEnv`: the same games, many
    at once, with utterances as texts or bytes. `vectorization_mode="sync"` plays the same games, and takes wrappers of
    single environments. `"async"` needs `vector_kwargs={"shared_memory": False}`: in shared memory, Gymnasium's texts
    silently go stale, so this environment refuses it.

    ## Version History

    - v0: The first version.

    Attributes:
        tangrams: The whole set, regardless of the split.
        atlas: The pictures of the tangrams.
    """

    metadata = {"render_modes": ["human", "rgb_array", "ansi"], "render_fps": 1}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        tangrams: str | TangramSet = "figures",
        split: SplitName = "train",
        speaker: str | Callable[[TangramSet], Speaker] = "scripted",
        context_size: int = CONTEXT_SIZE,
        targets: Sequence[int] = TARGETS,
        max_turns: int = MAX_TURNS,
        similarity: float = 0.0,
        image: str | None = "board",
        image_size: int = IMAGE_SIZE,
        reward: str = "success",
        render_mode: str | None = None,
    ) -> None:
        render_modes = (*self.metadata["render_modes"], None)
        require("context_size", context_size, f"an int from 2 to {len(LETTERS)}", is_int(context_size, 2, len(LETTERS)))
        require(
            "targets",
            targets,
            f"two ints, the smallest and the largest number, from 1 to context_size={context_size}",
            isinstance(targets, Sequence)
            and len(targets) == 2
            and all(is_int(bound, 1, context_size) for bound in targets)
            and targets[0] <= targets[1],
        )
        require("max_turns", max_turns, f"an int from 1 to {MOST_TURNS}", is_int(max_turns, 1, MOST_TURNS))
        require("similarity", similarity, "a number from 0 to 1", is_number(similarity, 0, 1))
        require("image", image, f"one of {_IMAGES}", image in _IMAGES)
        allowed = f"an int from 8 to {LARGEST_IMAGE}"
        require("image_size", image_size, allowed, is_int(image_size, 8, LARGEST_IMAGE))
        require("reward", reward, f"one of {_REWARDS}", reward in _REWARDS)
        require("render_mode", render_mode, f"one of {render_modes}", render_mode in render_modes)
        require("tangrams", tangrams, "a text or a TangramSet", isinstance(tangrams, str | TangramSet))
        require("speaker", speaker, "a text or a callable", isinstance(speaker, str) or callable(speaker))

        self.tangrams = load_tangrams(tangrams) if isinstance(tangrams, str) else tangrams
        drawn_from = self.tangrams.split(split)
        if len(drawn_from) < context_size:
            raise UserError(f"context_size={context_size}: {drawn_from.name} has only {len(drawn_from)} tangrams")
        self._make_speaker = speaker_maker(speaker) if isinstance(speaker, str) else speaker
        self._speaker_name = speaker if isinstance(speaker, str) else part_name(speaker)
        self._context_size = context_size = int(context_size)
        self._max_turns = max_turns = int(max_turns)
        bounds = int(targets[0]), int(targets[1])
        self._contexts = Contexts(drawn_from, context_size, bounds, float(similarity), max_turns, self.tangrams)
        self._progress = reward == "progress"
        self._image = image
        self.render_mode = render_mode
        self.atlas = shared_atlas(self.tangrams, int(image_size))
        self._window: Window | None = None
        self._games, self._pictures = self.new_games(1), self.new_pictures(1)
        self._seen, self._earned = self._games.new_seen(), self._games.new_earned()
        self._actions = np.zeros((1, context_size), np.int8)
        self._episode: Episode | None = None
        self._begun = self._seeded = False

        self.action_space = spaces.MultiBinary(context_size)
        observation: dict[str, spaces.Space[Any]] = {
            "selected": spaces.MultiBinary(context_size),
            "turn": spaces.Discrete(max_turns + 1),
            "utterance": UtteranceSpace(),
        }
        if image is not None:
            board = self.atlas.board_shape(context_size)
            shape = board if image == "board" else (context_size, image_size, image_size)
            observation["image"] = spaces.Box(0, 255, shape, np.uint8)
        self.observation_space = spaces.Dict(observation)

    @property
    def episode(self) -> Episode:
        """The current game and its speaker, to inspect only: play it by `step`."""
        self._check_begun()
        if self._episode is None:
            game = self._games.game(0)
            self._episode = Episode.watched(game, self._games.speaker(0, game))
        for utterance, clicks, selected, understood in self._turns[len(self._episode.dialogue) :]:
            self._episode.note(utterance, Action.of_record(clicks, selected) if understood else None)
        self._episode.utterance = self.utterance
        return self._episode

    @property
    def game(self) -> Game:
        """The current game. It knows the targets: for evaluation, never for an agent."""
        return self.episode.game

    @property
    def dialogue(self) -> list[tuple[str, Action]]:
        """The turns so far: each utterance and its action (the empty action if the answer was not understood)."""
        return self.episode.dialogue

    @property
    def utterance(self) -> str:
        """The speaker's last utterance."""
        self._check_begun()
        return self._utterance

    def say(self, utterance: str) -> None:
        """Replaces the speaker's last utterance, for an agent that speaks in its place.

        Raises:
            UserError: If the text is not a valid utterance.
        """
        self._utterance = checked(utterance)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts a game.

        Args:
            seed: Seeds all randomness of this game and the following ones; an int of at least 0.
            options: `{"game": game}` plays a given `Context`, or a copy of a given `Game` that has not begun.

        Raises:
            ValueError: If the seed is invalid, an option is unknown, or the game does not fit this environment; also
                as in `multiref_gym.speaker.opened`.
        """
        super().reset(seed=checked_seed(seed))
        given = self.given_game(options) if options else None
        games = self._games
        if seed is not None or not self._seeded:
            games.seed(0, self.np_random)
            self._seeded = True
        if self._episode is not None and self._begun:  # whoever holds the old episode keeps its final state
            game = self.episode.game
            game.records = game.records.copy()
        self._begun = self._over = False  # if the speaker fails now, no game is in play
        games.begin(_ONE, self._seen, given)
        self._begun = True
        self._episode = None
        self._turns: list[tuple[str, int, int, bool]] = []
        self._clicks: list[str] = []
        self._utterance = games.utterance(0)
        if self._pictures is not None:
            self._pictures.begin(_ONE, games.tangrams)
        if self.render_mode == "human":
            self.render()
        return self._observation(), {"success": False, "turn": 0, "clicks": []}

    def step(self, action: NDArray[np.int8] | None) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Takes one turn: applies the clicks, then lets the speaker speak.

        Args:
            action: int8 (context_size,) of zeros and ones, or None for an answer that was not an action.

        Raises:
            ValueError: If the action is anything else; also as in `multiref_gym.speaker.replied`. After any error of
                the speaker, no game is in play.
            GameOver: If the game has ended.
            ResetNeeded: If no game has begun.
        """
        self._check_begun()
        games, seen = self._games, self._seen
        if self._over:
            raise GameOver(f"the game ended after turn {seen.turn[0]}; start another one")
        self._actions[0] = 0 if action is None else checked_clicks(action, self._context_size)
        try:
            games.step(self._actions, action is not None, seen, self._earned, seen)
        except BaseException:
            self._begun = False  # the turn was taken, but has no reply
            raise
        clicks, selected = games.clicks.item(), games.selected.item()
        self._turns.append((self._utterance, clicks, selected, action is not None))
        self._clicks.append(action_text(clicks & selected, clicks & ~selected))
        self._utterance = games.utterance(0)
        if self._pictures is not None:
            self._pictures.click(self._actions, games.tangrams, seen.selected)
        if self.render_mode == "human":
            self.render()
        reward, terminated, success = self._earned
        self._over = terminated.item()
        info = {"success": success.item(), "turn": seen.turn.item(), "clicks": self._clicks.copy()}
        return self._observation(), reward.item(), self._over, False, info

    def render(self) -> NDArray[np.uint8] | str | None:
        """Renders the game in the way of `render_mode`.

        Returns:
            With "rgb_array", the listener's board over the utterance, uint8 (height, width, 3). The shape is always the
            same, with even sides, as videos need. With "ansi", the dialogue, one line for each utterance and action.
            With "human", None; a window shows the picture.

        Raises:
            DependencyNotInstalled: If `render_mode` is "human" and pygame is missing.
        """
        if self.render_mode is None:
            gym.logger.warn('render() without a mode shows nothing: gymnasium.make("MultiRef-v0", render_mode=...)')
            return None
        game = self.game
        if self.render_mode == "ansi":
            return transcript(self.dialogue, self.utterance)
        board = self.atlas.listener_board(game.context.listener_order, game.selected)
        picture = captioned(board, self.utterance)
        if self.render_mode == "rgb_array":
            return picture
        if self._window is None:
            height, width, _ = picture.shape
            self._window = Window(width, height)
        self._window.show(picture, self.metadata["render_fps"])
        return None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def new_games(self, count: int, mode: int = 0) -> Games:
        """Returns games with this environment's settings, each with a speaker; `MultiRefVectorEnv` plays many."""

        def new_speaker() -> Speaker:
            # A speaker knows the whole set, because a given game may come from any split.
            return made("speaker", self._speaker_name, self._make_speaker, self.tangrams)  # type: ignore[no-any-return]

        return Games(count, self._contexts, new_speaker, mode | (PROGRESS if self._progress else 0))

    def given_game(self, options: dict[str, Any]) -> Game:
        """Returns the game in the `options` of `reset`.

        Raises:
            ValueError: If there is none, it has begun, or it does not fit this environment.
        """
        given = options.get("game")
        if options.keys() != {"game"} or not isinstance(given, Context | Game):
            raise ValueError(f"options={options!r}: allowed is {{'game': a Context or a Game}}")
        game = Game(given, self._max_turns) if isinstance(given, Context) else given
        if game.turn:
            raise ValueError(f"options['game'] is at turn {game.turn}: allowed is a game that has not begun")
        if not 1 <= game.max_turns <= self._max_turns:
            raise ValueError(f"options['game'] has max_turns={game.max_turns}: allowed is 1 to {self._max_turns}")
        order = game.context.listener_order
        if len(order) != self._context_size:
            raise ValueError(f"options['game'] has {len(order)} tangrams: allowed is context_size={self._context_size}")
        if unknown := [name for name in order if name not in self.tangrams]:
            raise ValueError(f"options['game'] has {unknown[0]!r}, which is not in {self.tangrams.name}")
        return game

    def new_pictures(self, count: int) -> Pictures | None:
        """Returns pictures for games, or None if this environment has no images."""
        if self._image is None:
            return None
        return Pictures(self.atlas, self._image == "board", count, self._context_size)

    def _check_begun(self) -> None:
        if not self._begun:
            raise ResetNeeded("no game yet: call reset() first")

    def _observation(self) -> Observation:
        seen = self._seen
        observation = {"selected": seen.selected[0].copy(), "turn": seen.turn.item(), "utterance": self._utterance}
        if self._pictures is not None:
            observation["image"] = self._pictures.images[0].copy()
        return observation


def checked_seed(seed: Any) -> int | None:
    """Returns a seed as a Python int, or None; raises ValueError if it is neither."""
    require("seed", seed, "an int of at least 0, or None", seed is None or is_int(seed, 0))
    return None if seed is None else int(seed)


def checked_clicks(action: Any, size: int) -> NDArray[Any]:
    """Returns clicks as an array (size,); raises ValueError unless they are a 0 or 1 for each tangram."""
    array = np.asarray(action)
    if array.shape == (size,) and array.dtype.kind in "buif":
        bits = array.tobytes() if array.itemsize == 1 else array.tolist()
        if bits.count(0) + bits.count(1) == size:
            return array
    raise ValueError(f"action {action!r}: allowed are {size} zeros and ones, one for each letter")
