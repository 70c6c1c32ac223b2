"""The wrappers of many games at once: the same as those of one, game by game."""

from __future__ import annotations

import doctest
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import TimeLimit
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from numpy.typing import NDArray
from terse_speaker import TerseSpeaker

from multiref_gym import wrappers
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action, Context, Game
from multiref_gym.registry import UnknownName
from multiref_gym.tangrams import load_tangrams
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers import ChatObservation, DiscreteClick, EncodeUtterance, TextAction, vector
from multiref_gym.wrappers.vector import ImplicitReward

N = 4
GAME = {"image": None, "max_turns": 5, "targets": (1, 2), "reward": "progress"}
BYTES = 2048  # more than any utterance has
IN_SYNC: dict[str, list[Any]] = {
    "sync": [],
    "sync with bytes": [partial(EncodeUtterance, length=BYTES)],
    "sync cut short": [partial(TimeLimit, max_episode_steps=3)],
}
MODES = ("NextStep", "SameStep", "Disabled")


class Recorder:
    """Answers by the length of the reply, and keeps what it was shown at each call."""

    def __init__(self) -> None:
        self.calls: list[list[Exchange]] = []

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        self.calls.append(list(exchanges))
        return [Feedback(len(exchange.reply) % 3 - 1) for exchange in exchanges]


def make(kind: str, mode: str = "NextStep", **options: Any) -> VectorEnv:
    options = GAME | options
    if kind.startswith("native"):
        length = BYTES if kind == "native with bytes" else None
        return gym.make_vec("MultiRef-v0", N, autoreset_mode=mode, utterance_bytes=length, **options)
    if kind == "async":
        arguments = {"autoreset_mode": mode, "shared_memory": False}
        return gym.make_vec("MultiRef-v0", N, "async", vector_kwargs=arguments, **options)
    arguments = {"autoreset_mode": mode}
    return gym.make_vec("MultiRef-v0", N, "sync", vector_kwargs=arguments, wrappers=IN_SYNC[kind], **options)


def scalar(kind: str, decoder: Any, **arguments: Any) -> gym.Env:
    env: gym.Env = gym.make("MultiRef-v0", disable_env_checker=True, **GAME)
    if kind == "sync cut short":
        env = TimeLimit(env, 3)
    return wrappers.ImplicitReward(env, decoder, **arguments)


def start(max_turns: int = 5, **options: Any) -> dict[str, Any]:
    """Options for games in which A and B are the targets."""
    ids = load_tangrams("figures").ids[:10]
    return {"options": {"game": Game(Context(ids, ids, frozenset(ids[:2])), max_turns), **options}}


def clicks(*rows: Sequence[int]) -> NDArray[np.int8]:
    actions = np.zeros((len(rows), 10), np.int8)
    for action, row in zip(actions, rows, strict=True):
        action[list(row)] = 1
    return actions


def test_the_example_of_the_docstring_runs() -> None:
    failed, tried = doctest.testmod(vector)
    assert tried > 3
    assert not failed


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["native", "native with bytes", *IN_SYNC, "async"])
def test_rewards_and_exchanges_are_those_of_the_scalar_wrapper(kind: str, mode: str) -> None:
    together, alone, values = Recorder(), Recorder(), (-0.5, 0.25, 2)
    envs = ImplicitReward(make(kind, mode), together, values)
    scalars = [scalar(kind, alone, values=values) for _ in range(N)]
    envs.reset(seed=30)
    for i, env in enumerate(scalars):
        env.reset(seed=30 + i)
    rng = np.random.default_rng(0)
    over, ended, won = np.zeros(N, np.bool_), 0, 0
    for _ in range(15 if kind == "async" else 80):
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
            _, expected[0, i], ends, cut, info = env.step(actions[i])
            expected[1, i] = info["true_reward"]
            assert (terminated[i], truncated[i]) == (ends, cut)
            over[i] = ends or cut
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
    assert won > 0 or kind == "async"
    envs.close()


def test_many_lexical_rewards_are_those_of_the_scalar_wrapper() -> None:
    envs = ImplicitReward(make("native", "SameStep"))
    scalars = [scalar("native", "lexical") for _ in range(N)]
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


@pytest.mark.parametrize("kind", ["native", "sync"])
def test_a_game_that_begins_anew_forgets_its_actions_and_the_others_keep_theirs(kind: str) -> None:
    decoder = Recorder()
    envs = ImplicitReward(make(kind, speaker=TerseSpeaker), decoder)
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


@pytest.mark.parametrize(
    ("wrap", "actions"),
    [(DiscreteClick, np.array([5, 0, 10, 1])), (TextAction, ("select F", "select A", "dunno", "select B"))],
)
def test_actions_come_in_any_form(wrap: Any, actions: Any) -> None:
    decoder = Recorder()
    envs = gym.make_vec("MultiRef-v0", N, "sync", wrappers=[wrap], image=None, speaker=TerseSpeaker)
    envs = ImplicitReward(envs, decoder)
    envs.reset(seed=0)
    envs.step(actions)
    [exchanges] = decoder.calls
    assert [str(exchange.action) for exchange in exchanges] == ["select F", "select A", "", "select B"]


def test_an_utterance_cut_off_is_read_up_to_its_last_whole_character() -> None:
    class Accented(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> str:
            super().start(game, rng)
            return "né"

        def reply(self, action: Action | None) -> str:
            return "é, oui"

    read = []
    for length in (1, 2, 3, 4):
        decoder = Recorder()
        envs = ImplicitReward(gym.make_vec("MultiRef-v0", 1, utterance_bytes=length, speaker=Accented), decoder)
        envs.reset(seed=0)
        envs.step(clicks([0]))
        [[exchange]] = decoder.calls
        read.append((exchange.utterance, exchange.reply))
    assert read == [("n", ""), ("n", "é"), ("né", "é,"), ("né", "é, ")]


def test_the_rewards_of_a_game_that_ended_are_told_and_nothing_is_decoded() -> None:
    decoder = Recorder()
    envs = ImplicitReward(make("native", "SameStep", reward="success"), decoder, values=(-5, -5, -5))
    envs.reset(**start(max_turns=1))
    _, rewards, terminated, _, infos = envs.step(clicks([0, 1], [], [0, 1], [2]))
    assert terminated.all()
    assert rewards.tolist() == [0.0] * N
    assert infos["true_reward"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert infos["_true_reward"].all()
    assert decoder.calls == []


def test_the_wrappers_of_gymnasium_go_below_and_above() -> None:
    envs = DictInfoToList(RecordEpisodeStatistics(ImplicitReward(RecordEpisodeStatistics(make("native")), Recorder())))
    envs.reset(seed=0)
    *_, infos = envs.step(clicks([0], [1], [2], [3]))
    assert [sorted(info) for info in infos] == [["clicks", "success", "true_reward", "turn"]] * N


def test_says_what_it_cannot_wrap() -> None:
    words = partial(EncodeUtterance, length=8, vocabulary=Vocabulary(["yes"]))
    for envs in (
        gym.make_vec("CartPole-v1", 2),
        gym.make_vec("MultiRef-v0", 2, "sync", wrappers=[ChatObservation], image=None),
        gym.make_vec("MultiRef-v0", 2, "sync", wrappers=[words], image=None),
    ):
        with pytest.raises(ValueError, match="reads utterances of MultiRef-v0, texts or bytes; ") as error:
            ImplicitReward(envs)
        assert "\n" not in str(error.value)
    with pytest.raises(TypeError, match="VectorEnv"):
        ImplicitReward(gym.make("MultiRef-v0", image=None))


def test_says_what_is_wrong_with_its_arguments() -> None:
    with pytest.raises(UnknownName, match="unknown decoder 'psychic'"):
        ImplicitReward(make("native"), "psychic")
    with pytest.raises(ValueError, match="values="):
        ImplicitReward(make("native"), values=(0, 1))


def test_needs_a_reset_through_it() -> None:
    envs = make("native")
    envs.reset(seed=0)
    with pytest.raises(ResetNeeded):
        ImplicitReward(envs).step(clicks([], [], [], []))


def test_a_decoder_answers_once_for_each_exchange() -> None:
    class Silent:
        def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
            return [Feedback.POSITIVE]

    envs = ImplicitReward(make("native"), Silent())
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="1 answers to 4 exchanges"):
        envs.step(clicks([], [], [], []))
