"""Games as data sets of Minari, for offline reinforcement learning, and back.

An episode is a game as `MultiRef-v0` shows it to the listener: observations, the last one with the closing remark;
clicks; the reward of "success"; and in `infos`, for each action at the index of the observation that follows it,

- `log_prob`: the natural log-probability that the action had under the policy which acted;
- `feedback`: what a decoder made of the reply, -1, 0 or 1.

Both are NaN where there is none: at index 0, which is the reset; for the log-probability of a person's action; for
the last action's feedback, or in a game that was not decoded. The targets are in the metadata of an episode alone, with
all else that makes it a game again.
"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import CONTEXT_SIZE, MAX_TURNS, TARGETS, Action, Game, GameOver
from multiref_gym.interaction import Interaction, MalformedInteraction

try:
    import minari
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage import get_dataset_path
except ImportError as error:
    raise UserError("data sets of Minari need it: run `pip install multiref-gym[minari]`") from error

FORMAT = "parquet"
"""How episodes are stored: the one of Minari's formats that compresses, and images are mostly white."""

_PER_TURN = ("end", "turn", "chat", "clicks", "log_probs", "closing")
"""What an interaction's record holds and an episode has as arrays."""


@dataclass(frozen=True, slots=True)
class Games:
    """What a data set holds.

    Attributes:
        interactions: The games.
        feedback: For each game the feedback on each of its exchanges, or None if it was not decoded; None in the place
            of the list if nothing was. A game of one turn has no exchanges: it is read as [], decoded or not.
        decoder: The name of the decoder, "" if nothing was decoded.
    """

    interactions: list[Interaction]
    feedback: list[list[Feedback] | None] | None = None
    decoder: str = ""


def write_minari(name: str, games: Games, tangrams: str = "figures", image: str | None = "tangrams") -> None:
    """Makes a data set, all of it or nothing.

    Args:
        name: What Minari calls it, such as "multiref/sup-v0".
        games: At least one game, all with equally many tangrams.
        tangrams: The set that the games were played with: a name for `load_tangrams`.
        image: What the observations show, as in `MultiRefEnv`. Images are stored without loss.

    Raises:
        UserError: If the name is none or taken, the games differ in their number of tangrams, or a game is none that
            the environment could have played with these tangrams.
    """
    _check_name(name)
    if get_dataset_path(name).exists():
        raise UserError(f"there is a Minari data set {name!r} already")
    sizes = {len(game.context.listener_order) for game in games.interactions}
    if len(sizes) != 1:
        raise UserError(f"a data set has games of one context size, not of {sorted(sizes)} tangrams")
    [size] = sizes
    targets = [len(game.context.targets) for game in games.interactions]
    options: dict[str, Any] = {
        "tangrams": tangrams,
        "image": image,
        "context_size": size,
        "targets": [min(TARGETS[0], *targets), max(min(TARGETS[1], size), *targets)],
        "max_turns": max(MAX_TURNS, *(len(game.turns) for game in games.interactions)),
    }
    log = _Log()
    env = MultiRefEnv(split="all", speaker=lambda _: log, **options)
    try:
        with warnings.catch_warnings():
            # Minari would like to know authors and a link to their code, which nobody has told us.
            warnings.simplefilter("ignore", UserWarning)
            data = minari.create_dataset_from_buffers(
                name,
                _episodes(games, env, log),  # one by one, as all images at once may be more than fits into memory
                env=gym.make("MultiRef-v0", **options).spec,
                algorithm_name=", ".join(sorted({game.policy for game in games.interactions})),
                description="Games of MULTIREF, a reference game of many turns with implicit feedback.",
                data_format=FORMAT,
                jpeg_encoding=False,
            )
            data.storage.update_metadata({"decoder": games.decoder})
    except BaseException:
        shutil.rmtree(get_dataset_path(name), ignore_errors=True)
        raise


def read_minari(name: str, context_size: int = CONTEXT_SIZE) -> Games:
    """Reads a data set that `write_minari` made.

    Raises:
        UserError: If there is none of this name, or it is none of MULTIREF, or of games with another number of
            tangrams.
        MalformedInteraction: If an episode is no game.
    """
    _check_name(name)
    if not get_dataset_path(name).exists():
        raise UserError(f"there is no Minari data set {name!r} in {get_dataset_path()}")
    try:
        data = minari.load_dataset(name)
    except (OSError, ValueError, KeyError, AssertionError) as error:
        raise UserError(f"cannot read the Minari data set {name!r}: {error}") from error
    clicks, seen = data.action_space, data.observation_space
    decoder = data.storage.metadata.get("decoder")
    if not isinstance(clicks, spaces.MultiBinary) or not isinstance(seen, spaces.Dict) or decoder is None:
        raise UserError(f"the Minari data set {name!r} was not made by `multiref export --minari`")
    if clicks.shape != (context_size,):
        raise UserError(f"the Minari data set {name!r} has games of {clicks.n} tangrams: allowed is {context_size}")
    interactions: list[Interaction] = []
    feedback: list[list[Feedback] | None] = []
    for number in data.episode_indices.tolist():
        try:
            [record] = data.storage.get_episode_metadata([number])
            [episode] = data.iterate_episodes([number])
            interactions.append(_interaction(record["options"], episode))
            feedback.append(_feedback(episode.infos["feedback"][1:-1]) if decoder else None)
        except KeyError as error:
            raise MalformedInteraction(f"{name}, episode {number}: no {error}") from error
        except (OSError, ValueError) as error:
            raise MalformedInteraction(f"{name}, episode {number}: {error}") from error
    return Games(interactions, feedback if decoder else None, decoder)


class _Log:
    """A speaker that says what was said in a logged game."""

    name = "log"
    wanted = Action()
    game: Interaction

    def start(self, game: Game, rng: np.random.Generator) -> str:
        self._said = iter([*(turn.utterance for turn in self.game.turns), self.game.closing])
        return next(self._said)

    def reply(self, action: Action | None) -> str:
        return next(self._said)


def _episodes(games: Games, env: MultiRefEnv, log: _Log) -> Iterator[EpisodeBuffer]:
    """Plays the games again, so that all in an episode is the environment's own."""
    for number, game in enumerate(games.interactions):
        log.game = game
        actions = [_clicks(turn.action, len(game.context.listener_order)) for turn in game.turns]
        try:
            observation, _ = env.reset(options={"game": game.context})
            steps = [env.step(action) for action in actions]
        except (ValueError, GameOver) as error:
            raise UserError(f"game {game.game_id!r}: {error}") from error
        seen = [observation, *(step[0] for step in steps)]
        over = [step[2] for step in steps]
        values = None if games.feedback is None else games.feedback[number]
        decoded = [math.nan] * (len(steps) - 1) if values is None else map(float, values)
        log_probs = [math.nan if turn.log_prob is None else turn.log_prob for turn in game.turns]
        yield EpisodeBuffer(
            options={key: value for key, value in game.to_json().items() if key not in _PER_TURN},
            observations={key: [observation[key] for observation in seen] for key in observation},
            actions=actions,
            rewards=[step[1] for step in steps],
            terminations=over,
            truncations=[False] * (len(over) - 1) + [not over[-1]],
            infos={
                # Lists, as Minari 0.5.4 cannot read again an array of numbers that it has written.
                "log_prob": [math.nan, *log_probs],
                "feedback": [math.nan, *decoded, math.nan],
            },
        )


def _clicks(action: Action, size: int) -> NDArray[np.int8]:
    clicks = np.zeros(size, np.int8)
    clicks[list(action.clicks)] = 1
    return clicks


def _feedback(values: NDArray[np.float64]) -> list[Feedback] | None:
    """Returns the feedback of an episode, or None if nobody decoded it, which is known where it has an exchange."""
    if len(values) and np.isnan(values).all():
        return None
    return [Feedback(value) for value in values]


def _interaction(record: dict[str, Any], episode: minari.EpisodeData) -> Interaction:
    """Returns the game of an episode, whose record has what is the same in all turns."""
    order, selected = record["context_listener"], episode.observations["selected"]
    *chat, closing = episode.observations["utterance"]
    if (np.cumsum(episode.actions, axis=0) % 2 != selected[1:]).any():
        raise MalformedInteraction("the clicks do not lead to what is selected")
    turns = {
        "chat": chat,
        "clicks": [[order[position] for position in np.flatnonzero(state)] for state in selected[1:]],
        "log_probs": [None if math.isnan(value) else value for value in episode.infos["log_prob"][1:].tolist()],
        "closing": closing,
    }
    return Interaction.from_json(record | turns)


def _check_name(name: str) -> None:
    try:
        parse_dataset_id(name)
    except (ValueError, TypeError) as error:  # the version missing is a TypeError
        raise UserError(f"{name!r} is no name of a Minari data set, such as multiref/sup-v0") from error
