"""Games as Minari data sets, for offline reinforcement learning, and back.

An episode is a game as the listener sees it in `MultiRef-v0`: observations, the last one with the closing remark;
clicks; the reward of "success"; and `infos`. For each action, at the index of the observation after it, `infos` holds

- `log_prob`: the action's natural log-probability under the policy that acted;
- `feedback`: the feedback decoded from the reply, -1, 0 or 1.

Both are NaN if unknown: at index 0, the reset; for the log-probability of a person's action; for the feedback on the
last action, or in a game that was not decoded. Only the metadata of an episode hold the targets, with everything else
needed to restore the game.
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
    raise UserError("Minari data sets need Minari: run `pip install multiref-gym[minari]`") from error

FORMAT = "parquet"
"""The storage format: the one of Minari's that compresses, since images are mostly white."""

_PER_TURN = ("turn", "chat", "clicks", "log_probs", "closing", "feedback")
"""The fields of a game's record that an episode holds as arrays."""


_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""The errors of Minari, NumPy and PyArrow for files with unexpected content."""


@dataclass(frozen=True)
class Minari:
    """Minari data sets, by their names, such as "multiref/sup-v0". The reply to the last turn is lost.

    Attributes:
        tangrams: The set that the games were played with: a name for `load_tangrams`. Only writing uses it, for the
            images and for the data set's environment. Without images, the games may have any tangrams.
        image: The images in observations, as in `MultiRefEnv`. They are stored without loss.
        decoder: The name of the decoder that the labels come from, "" if nothing was decoded.
        skip: Called with the error of each game that the environment could not have played, which is left out; if None,
            the first error is raised.
    """

    tangrams: str = "figures"
    image: str | None = "tangrams"
    decoder: str = ""
    skip: Callable[[BadGame], None] | None = None

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Makes a data set of at least one game, completely or not at all.

        Raises:
            BadGame: If the environment could not have played a game with these tangrams and it is not to be left out,
                or if no game is left.
            UserError: If the name is invalid or taken, or the games differ in their number of tangrams.
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
                # Minari asks for authors and a link to their code, which are unknown here.
                warnings.simplefilter("ignore", UserWarning)
                data = minari.create_dataset_from_buffers(
                    where,
                    _episodes(logged, env, log),  # one by one: all images at once may not fit into memory
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
        """Yields the games of a data set that `write` made.

        Raises:
            UserError: If there is no data set of this name, or it is not of MULTIREF.
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
        UserError: If there is no data set of this name, or it is not of MULTIREF.
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
    """A speaker that repeats the utterances of a logged game."""

    name = "log"
    wanted = Action()
    game: Interaction

    def start(self, game: Game, rng: np.random.Generator) -> str:
        self._said = iter([*(turn.utterance for turn in self.game.turns), self.game.closing])
        return next(self._said)

    def reply(self, action: Action | None) -> str:
        return next(self._said)


def _names(games: Iterable[Interaction]) -> TangramSet:
    """Returns the tangrams of games by name only: without images, nothing else of them is used."""
    names = dict.fromkeys(name for game in games for name in game.context.listener_order)
    return TangramSet("the games", [Tangram(name, (), frozenset(), (), ()) for name in names])


def _with_texts(space: Space[Any], games: Iterable[Interaction]) -> Dict:
    """Returns the observation space with all characters of these games, because Minari stores a list of them."""
    assert isinstance(space, Dict)
    said = [text for game in games for text in (*(turn.utterance for turn in game.turns), game.closing)]
    texts = Text(MAX_LENGTH, min_length=0, charset="".join(set(CHARSET).union(*said)))
    return Dict({**space.spaces, "utterance": texts})


def _check_playable(game: Interaction, drawn: TangramSet | None) -> None:
    """Raises BadGame unless the environment could have played the game with the tangrams `drawn`, None for any."""
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
    """Plays the games again, so that the environment itself makes everything in an episode."""
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
            # Lists, because Minari 0.5.4 cannot read back arrays of numbers that it wrote.
            infos={
                "log_prob": _nans([None, *record["log_probs"]]),
                "feedback": _nans([None, *logged.labels[:-1], None]),
            },
        )


def _nans(values: Iterable[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _logged_game(record: dict[str, Any], episode: minari.EpisodeData, place: str) -> LoggedGame:
    """Returns the game of an episode, given the fields of its record that are the same in all turns."""
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
    """Returns numbers with None in place of NaN, as records have it."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def _check_name(name: str) -> None:
    try:
        parse_dataset_id(name)
    except (ValueError, TypeError) as error:  # a missing version is a TypeError
        raise UserError(f"{name!r} is not a name of a Minari data set, such as multiref/sup-v0") from error
