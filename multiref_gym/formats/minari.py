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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Dict, MultiBinary, Space, Text
from numpy.typing import NDArray

from multiref_gym.env import MultiRefEnv
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.records import Record
from multiref_gym.game import MAX_TURNS, TARGETS, Action, Game, GameOver
from multiref_gym.interaction import Interaction
from multiref_gym.tangrams import Tangram, TangramSet, drawn_tangrams
from multiref_gym.utterance import CHARSET, MAX_LENGTH

try:
    import minari
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage import get_dataset_path
except ImportError as error:
    raise UserError("data sets of Minari need it: run `pip install multiref-gym[minari]`") from error

FORMAT = "parquet"
"""How episodes are stored: the one of Minari's formats that compresses, and images are mostly white."""

_PER_TURN = ("turn", "chat", "clicks", "log_probs", "closing", "feedback")
"""What a game's record holds and an episode has as arrays."""


_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What Minari, NumPy and PyArrow raise for files that hold something else than they should."""


@dataclass(frozen=True)
class Minari:
    """Data sets of Minari, by their names, such as "multiref/sup-v0". A last reply is lost.

    Attributes:
        tangrams: The set that the games were played with: a name for `load_tangrams`. It is used in writing alone: the
            images are of it, and the data set's environment has it. Without images the games may be of any tangrams.
        image: What the observations show, as in `MultiRefEnv`. Images are stored without loss.
        decoder: The name of the decoder that the labels of the games are from, "" if nothing was decoded.
        skip: What is told of each game that the environment could not have played, so that it is left out; if None, the
            first one is refused.
    """

    tangrams: str = "figures"
    image: str | None = "tangrams"
    decoder: str = ""
    skip: Callable[[BadGame], None] | None = None

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Makes a data set of at least one game, all of it or nothing.

        Raises:
            BadGame: If a game is none that the environment could have played with these tangrams and is not to be left
                out, or no game is left.
            UserError: If the name is none or taken, or the games differ in their number of tangrams.
        """
        _check_name(where)
        if get_dataset_path(where).exists():
            raise UserError(f"there is a Minari data set {where!r} already")
        drawn = drawn_tangrams(self.tangrams) if self.image else None
        logged = list(self._playable(games, drawn))
        if not logged:
            raise BadGame(f"{where}: there is no game that the environment could have played")
        played = [game.interaction for game in logged]
        sizes = {len(game.context.listener_order) for game in played}
        if len(sizes) != 1:
            raise UserError(f"a data set has games of one context size, not of {sorted(sizes)} tangrams")
        [size] = sizes
        targets = [len(game.context.targets) for game in played]
        options: dict[str, Any] = {
            "tangrams": self.tangrams,
            "split": "all",
            "image": self.image,
            "context_size": size,
            "targets": [min(TARGETS[0], *targets), max(min(TARGETS[1], size), *targets)],
            "max_turns": max(MAX_TURNS, *(len(game.turns) for game in played)),
        }
        log = _Log()
        env = MultiRefEnv(speaker=lambda _: log, **options | {"tangrams": drawn or _names(played)})
        try:
            with warnings.catch_warnings():
                # Minari would like to know authors and a link to their code, which nobody has told us.
                warnings.simplefilter("ignore", UserWarning)
                data = minari.create_dataset_from_buffers(
                    where,
                    _episodes(logged, env, log),  # one by one, as all images at once may be more than fits into memory
                    env=gym.make("MultiRef-v0", **options).spec,
                    observation_space=_with_texts(env.observation_space, played),
                    algorithm_name=", ".join(sorted({game.policy for game in played})),
                    description="Games of MULTIREF, a reference game of many turns with implicit feedback.",
                    data_format=FORMAT,
                    jpeg_encoding=False,
                )
                data.storage.update_metadata({"decoder": self.decoder})
        except BaseException:
            shutil.rmtree(get_dataset_path(where), ignore_errors=True)
            raise

    def _playable(self, games: Iterable[LoggedGame], drawn: TangramSet | None) -> Iterator[LoggedGame]:
        """Yields the games that the environment could have played."""
        for logged in games:
            try:
                _check_playable(logged.interaction, drawn)
            except BadGame as error:
                if self.skip is None:
                    raise
                self.skip(error)
            else:
                yield logged

    def read(self, where: str) -> Iterator[LoggedGame | BadGame]:
        """Yields the games of a data set that was made so.

        Raises:
            UserError: If there is none of this name, or it is none of MULTIREF.
        """
        data = _data_set(where)
        for number in data.episode_indices.tolist():
            place = f"{where}, episode {number}"
            try:
                [record] = data.storage.get_episode_metadata([number])
                [episode] = data.iterate_episodes([number])
                yield _logged_game(record["options"], episode, place)
            except BadGame as error:
                yield error
            except KeyError as error:
                yield BadGame(f"no {error}", place)
            except _DAMAGED as error:
                yield BadGame(f"damaged: {error}", place)


def decoder_of(name: str) -> str:
    """Returns the name of the decoder whose feedback a data set has, "" if it has none.

    Raises:
        UserError: If there is none of this name, or it is none of MULTIREF.
    """
    return str(_data_set(name).storage.metadata["decoder"])


def _data_set(name: str) -> minari.MinariDataset:
    _check_name(name)
    if not get_dataset_path(name).exists():
        raise UserError(f"there is no Minari data set {name!r} in {get_dataset_path()}")
    try:
        data = minari.load_dataset(name)
    except _DAMAGED as error:
        raise UserError(f"cannot read the Minari data set {name!r}: {error}") from error
    spaces_are_ours = isinstance(data.action_space, MultiBinary) and isinstance(data.observation_space, Dict)
    if not spaces_are_ours or data.storage.metadata.get("decoder") is None:
        raise UserError(f"the Minari data set {name!r} was not made by `multiref export --minari`")
    return data


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


def _names(games: Iterable[Interaction]) -> TangramSet:
    """Returns the tangrams of games by their names alone: nothing else of them is seen without images."""
    names = dict.fromkeys(name for game in games for name in game.context.listener_order)
    return TangramSet("the games", [Tangram(name, (), frozenset(), (), ()) for name in names])


def _with_texts(space: Space[Any], games: Iterable[Interaction]) -> Dict:
    """Returns the space of observations with all characters of these games, as Minari keeps a list of them."""
    assert isinstance(space, Dict)
    said = [text for game in games for text in (*(turn.utterance for turn in game.turns), game.closing)]
    texts = Text(MAX_LENGTH, min_length=0, charset="".join(set(CHARSET).union(*said)))
    return Dict({**space.spaces, "utterance": texts})


def _check_playable(game: Interaction, drawn: TangramSet | None) -> None:
    """Raises BadGame unless the environment could have played the game with tangrams that are drawn, None for any."""
    place = f"game {game.game_id!r}"
    if drawn and (missing := [name for name in game.context.listener_order if name not in drawn]):
        raise BadGame(f"it has {missing[0]!r}, which is not in {drawn.name}", place)
    log = _Log()
    log.game = game
    try:
        episode = Episode(Game(game.context, len(game.turns)), log, np.random.default_rng(0))
        for turn in game.turns:
            episode.take(turn.action)
    except (UserError, GameOver) as error:
        raise BadGame(error, place) from error


def _episodes(games: Sequence[LoggedGame], env: MultiRefEnv, log: _Log) -> Iterator[EpisodeBuffer]:
    """Plays the games again, so that all in an episode is the environment's own."""
    for logged in games:
        log.game = game = logged.interaction
        actions = [turn.action.bits(len(game.context.listener_order)) for turn in game.turns]
        observation, _ = env.reset(options={"game": game.context})
        steps = [env.step(action) for action in actions]
        seen = [observation, *(step[0] for step in steps)]
        over = [step[2] for step in steps]
        [record] = GameRecords().to_records(logged)
        yield EpisodeBuffer(
            options={key: value for key, value in record.items() if key not in _PER_TURN},
            observations={key: [observation[key] for observation in seen] for key in observation},
            actions=actions,
            rewards=[step[1] for step in steps],
            terminations=over,
            truncations=[False] * (len(over) - 1) + [not over[-1]],
            # Lists, as Minari 0.5.4 cannot read again an array of numbers that it has written.
            infos={
                "log_prob": _nans([None, *record["log_probs"]]),
                "feedback": _nans([None, *logged.labels[:-1], None]),
            },
        )


def _nans(values: Iterable[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _logged_game(record: dict[str, Any], episode: minari.EpisodeData, place: str) -> LoggedGame:
    """Returns the game of an episode, whose record has what is the same in all turns."""
    order, selected = record["context_listener"], episode.observations["selected"]
    *chat, closing = episode.observations["utterance"]
    if (np.cumsum(episode.actions, axis=0) % 2 != selected[1:]).any():
        raise BadGame("the clicks do not lead to what is selected", place)
    turns = {
        "chat": chat,
        "clicks": [[order[position] for position in np.flatnonzero(state)] for state in selected[1:]],
        "log_probs": _nulls(episode.infos["log_prob"][1:]),
        "feedback": _nulls(episode.infos["feedback"][1:-1]),
        "closing": closing,
    }
    return GameRecords().to_game([Record(place, record | turns)])


def _nulls(values: NDArray[np.float64]) -> list[float | None]:
    """Returns numbers with None for NaN, for which a record has no number."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def _check_name(name: str) -> None:
    try:
        parse_dataset_id(name)
    except (ValueError, TypeError) as error:  # the version missing is a TypeError
        raise UserError(f"{name!r} is no name of a Minari data set, such as multiref/sup-v0") from error
