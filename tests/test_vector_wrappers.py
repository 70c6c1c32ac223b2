"""The wrappers of many games at once: the same as those of one, game by game."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import VectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from numpy.typing import NDArray
from terse_speaker import TerseSpeaker

from multiref_gym import wrappers
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action, Context, Game
from multiref_gym.registry import UnknownName
from multiref_gym.tangrams import load_tangrams, shared_atlas
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers import vector
from multiref_gym.wrappers.vector import ImplicitReward

N = 4
GAME = {"image": None, "max_turns": 5, "targets": (1, 2), "reward": "progress"}
MODES = ("NextStep", "SameStep", "Disabled")
WORDS = Vocabulary.of(["yes, no, now the bird with a pointed top"], 12)


class Recorder:
    """Answers by the length of the reply, and keeps what it was shown at each call."""

    def __init__(self) -> None:
        self.calls: list[list[Exchange]] = []

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        self.calls.append(list(exchanges))
        return [Feedback(len(exchange.reply) % 3 - 1) for exchange in exchanges]


def make(mode: str = "NextStep", **options: Any) -> VectorEnv:
    return gym.make_vec("MultiRef-v0", N, autoreset_mode=mode, **GAME | options)


def scalar(decoder: Any, **arguments: Any) -> gym.Env:
    return wrappers.ImplicitReward(gym.make("MultiRef-v0", disable_env_checker=True, **GAME), decoder, **arguments)


def start(max_turns: int = 5, **options: Any) -> dict[str, Any]:
    """Options for games in which A and B are the targets."""
    ids = load_tangrams("figures").ids[:10]
    return {"options": {"game": Game(Context(ids, ids, frozenset(ids[:2])), max_turns), **options}}


def clicks(*rows: Sequence[int]) -> NDArray[np.int8]:
    actions = np.zeros((len(rows), 10), np.int8)
    for action, row in zip(actions, rows, strict=True):
        action[list(row)] = 1
    return actions


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(vector.__path__)])
def test_the_examples_of_the_docstrings_run(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"{vector.__name__}.{name}"))
    assert tried > 3 or name == "base"
    assert not failed


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("utterance_bytes", [None, 8])
def test_rewards_and_exchanges_are_those_of_the_scalar_wrapper(utterance_bytes: int | None, mode: str) -> None:
    together, alone, values = Recorder(), Recorder(), (-0.5, 0.25, 2)
    envs = ImplicitReward(make(mode, utterance_bytes=utterance_bytes), together, values)
    scalars = [scalar(alone, values=values) for _ in range(N)]
    envs.reset(seed=30)
    for i, env in enumerate(scalars):
        env.reset(seed=30 + i)
    rng = np.random.default_rng(0)
    over, ended, won = np.zeros(N, np.bool_), 0, 0
    for _ in range(250):
        actions = (rng.random((N, 10)) < 0.15).astype(np.int8)
        given = actions.copy()
        _, rewards, terminated, truncated, infos = envs.step(given)
        given[:] = 1  # as one who uses the same array again
        expected = np.zeros((2, N))
        took = np.ones(N, np.bool_)
        alone.calls.clear()
        for i, env in enumerate(scalars):
            if mode == "NextStep" and over[i]:
                env.reset()
                over[i] = took[i] = False
                continue
            _, expected[0, i], over[i], _, info = env.step(actions[i])
            expected[1, i] = info["true_reward"]
            assert (terminated[i], truncated[i]) == (over[i], False)
            won += info["success"]
            if mode == "SameStep" and over[i]:
                env.reset()
        ended += over.sum()
        assert rewards.dtype == np.float64
        assert rewards.tolist() == expected[0].tolist()
        assert infos["true_reward"].tolist() == expected[1].tolist()
        assert infos["_true_reward"].tolist() == took.tolist()
        # One call a step, and none where there is nothing to decode.
        assert together.calls == [list(chain(*alone.calls))] * bool(alone.calls)
        together.calls.clear()
        if mode == "Disabled":
            mask = over | (rng.random(N) < 0.1)
            if mask.any():
                seeds = [int(seed) if seed < 500 else None for seed in rng.integers(1000, size=N)]
                envs.reset(seed=seeds, options={"reset_mask": mask})
                for i in np.flatnonzero(mask):
                    scalars[i].reset(seed=seeds[i])
                over[:] = False
    assert ended > 3
    assert won > 0


def test_many_lexical_rewards_are_those_of_the_scalar_wrapper() -> None:
    envs = ImplicitReward(make("SameStep"))
    scalars = [scalar("lexical") for _ in range(N)]
    envs.reset(seed=1)
    for i, env in enumerate(scalars):
        env.reset(seed=1 + i)
    rng = np.random.default_rng(1)
    seen: set[float] = set()
    for _ in range(150):
        actions = (rng.random((N, 10)) < 0.2).astype(np.int8)
        _, rewards, terminated, *_ = envs.step(actions)
        expected = [env.step(action)[1] for env, action in zip(scalars, actions, strict=True)]
        assert rewards.tolist() == expected
        seen |= set(expected)
        for i in np.flatnonzero(terminated):
            scalars[i].reset()
    assert seen == {-1.0, 0.0, 1.0}


def test_a_game_that_begins_anew_forgets_its_actions_and_the_others_keep_theirs() -> None:
    decoder = Recorder()
    envs = ImplicitReward(make(speaker=TerseSpeaker), decoder)
    envs.reset(**start())
    envs.step(clicks([5], [6], [7], [8]))
    said = envs.reset(**start(reset_mask=np.array([True, False, False, True])))[0]["utterance"]
    observations, *_ = envs.step(clicks([1], [], [7], []))
    [_, exchanges] = decoder.calls
    select = {letter: Action.parse(f"select {letter}") for letter in "BGH"}
    assert exchanges == [
        Exchange(None, said[0], select["B"], observations["utterance"][0]),
        Exchange(select["G"], said[1], Action(), observations["utterance"][1]),
        Exchange(select["H"], said[2], Action.parse("deselect H"), observations["utterance"][2]),
        Exchange(None, said[3], Action(), observations["utterance"][3]),
    ]


def test_replies_are_read_whole_where_observations_cut_them_off() -> None:
    decoder = Recorder()
    envs = ImplicitReward(make(utterance_bytes=2, speaker=TerseSpeaker), decoder)
    envs.reset(**start())
    envs.step(clicks([0], [0], [5], []))
    [exchanges] = decoder.calls
    assert [exchange.reply for exchange in exchanges[:2]] == ["yes, pick B"] * 2


def test_the_rewards_of_a_game_that_ended_are_told_and_nothing_is_decoded() -> None:
    decoder = Recorder()
    envs = ImplicitReward(make("SameStep", reward="success"), decoder, values=(-5, -5, -5))
    envs.reset(**start(max_turns=1))
    _, rewards, terminated, _, infos = envs.step(clicks([0, 1], [], [0, 1], [2]))
    assert terminated.all()
    assert rewards.tolist() == [0.0] * N
    assert infos["true_reward"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert infos["_true_reward"].all()
    assert decoder.calls == []


def test_the_wrappers_of_gymnasium_go_below_and_above() -> None:
    envs = DictInfoToList(RecordEpisodeStatistics(ImplicitReward(RecordEpisodeStatistics(make()), Recorder())))
    envs.reset(seed=0)
    *_, infos = envs.step(clicks([0], [1], [2], [3]))
    assert [sorted(info) for info in infos] == [["clicks", "success", "true_reward", "turn"]] * N


WRAPPERS: dict[str, Callable[[VectorEnv], Any]] = {
    "ImplicitReward": ImplicitReward,
    "EncodeUtterance": partial(vector.EncodeUtterance, length=8, vocabulary=WORDS),
    "LastClick": vector.LastClick,
    "TangramObservation": vector.TangramObservation,
    "DiscreteClick": vector.DiscreteClick,
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_says_what_it_cannot_wrap(name: str) -> None:
    for envs in (gym.make_vec("CartPole-v1", 2), gym.make_vec("MultiRef-v0", 2, "sync", image=None)):
        with pytest.raises(ValueError, match=f"vector.{name} wraps gymnasium.make_vec.*wrap each environment") as error:
            WRAPPERS[name](envs)
        assert "\n" not in str(error.value)
    with pytest.raises(TypeError, match="VectorEnv"):
        WRAPPERS[name](gym.make("MultiRef-v0", image=None))


def test_says_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="EncodeUtterance reads 'utterance' of observations, a Text"):
        vector.EncodeUtterance(make(utterance_bytes=8), 8, WORDS)
    with pytest.raises(ValueError, match=r"DiscreteClick makes MultiBinary\(10\), but .* takes Discrete\(11\)"):
        vector.DiscreteClick(vector.DiscreteClick(make()))
    with pytest.raises(ValueError, match="a table of 3 rows: allowed is one for each of 2353 tangrams"):
        vector.TangramObservation(make(), np.zeros((3, 2)))


def test_says_what_is_wrong_with_its_arguments() -> None:
    with pytest.raises(UnknownName, match="unknown decoder 'psychic'"):
        ImplicitReward(make(), "psychic")
    with pytest.raises(ValueError, match="values="):
        ImplicitReward(make(), values=(0, 1))


def test_needs_a_reset_through_it() -> None:
    envs = make()
    envs.reset(seed=0)
    with pytest.raises(ResetNeeded):
        ImplicitReward(envs).step(clicks([], [], [], []))


def test_a_decoder_answers_once_for_each_exchange() -> None:
    class Silent:
        def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
            return [Feedback.POSITIVE]

    envs = ImplicitReward(make(), Silent())
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="1 answers for 4 exchanges"):
        envs.step(clicks([], [], [], []))


def seen_by_learners(envs: VectorEnv, table: NDArray[np.uint8] | None) -> VectorEnv:
    envs = vector.LastClick(vector.TangramObservation(vector.EncodeUtterance(ImplicitReward(envs), 12, WORDS), table))
    return vector.DiscreteClick(envs)


def seen_by_one() -> gym.Env:
    env = wrappers.EncodeUtterance(scalar("lexical"), 12, WORDS)
    return wrappers.DiscreteClick(wrappers.TangramObservation(env, 8))


@pytest.mark.parametrize("mode", MODES)
def test_observations_are_those_of_the_scalar_wrappers(mode: str) -> None:
    tangrams = load_tangrams("figures")
    envs = seen_by_learners(make(mode), shared_atlas(tangrams, 8).silhouettes(tangrams.ids))
    scalars = [seen_by_one() for _ in range(N)]

    def assert_same(seen: dict[str, Any], i: int, observation: dict[str, Any]) -> None:
        assert seen.keys() == {*observation, "clicked"}
        for key, value in observation.items():
            np.testing.assert_array_equal(seen[key], value)
        dialogue = scalars[i].unwrapped.dialogue
        last = dialogue[-1][1].clicks if dialogue else set()
        assert set(np.flatnonzero(seen["clicked"])) == last

    observations, _ = envs.reset(seed=5)
    last = [env.reset(seed=5 + i)[0] for i, env in enumerate(scalars)]
    rng, over, ended = np.random.default_rng(0), np.zeros(N, np.bool_), 0
    for _ in range(60):
        assert observations in envs.observation_space
        for i, observation in enumerate(last):
            assert_same({key: rows[i] for key, rows in observations.items()}, i, observation)
        actions = rng.integers(11, size=N)
        observations, _, terminated, _, infos = envs.step(actions)
        for i, env in enumerate(scalars):
            if mode == "NextStep" and over[i]:
                last[i], _ = env.reset()
                over[i] = False
                continue
            last[i], _, over[i], *_ = env.step(actions[i])
            assert terminated[i] == over[i]
            if mode == "SameStep" and over[i]:
                assert_same(infos["final_obs"][i], i, last[i])
                last[i], _ = env.reset()
        ended += terminated.sum()
        if mode == "Disabled" and over.any():
            observations, _ = envs.reset(options={"reset_mask": over.copy()})
            for i in np.flatnonzero(over):
                last[i], _ = scalars[i].reset()
            over[:] = False
    assert ended > 5


def test_tangrams_without_a_table_are_places_in_the_set() -> None:
    envs = vector.TangramObservation(make(image="board"))
    observations, _ = envs.reset(**start())
    assert "image" not in observations
    assert observations["tangrams"].tolist() == [list(range(10))] * N
    assert observations in envs.observation_space


@pytest.mark.parametrize("actions", [[11, 0, 0, 0], [-1, 0, 0, 0], [0, 0, 0], [0.5, 0, 0, 0], [True] * N])
def test_says_which_numbers_are_clicks(actions: list[Any]) -> None:
    envs = vector.DiscreteClick(make())
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="allowed are 4 numbers, 0 to 9, a click, and 10, none"):
        envs.step(np.array(actions))
