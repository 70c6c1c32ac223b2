"""Both roles as agents, as a user of PettingZoo meets them."""

from __future__ import annotations

import doctest
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from terse_speaker import TerseSpeaker

from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS, Action, Context, Game
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import Atlas, load_tangrams, speaker_board

pettingzoo_test = pytest.importorskip("pettingzoo.test", reason="PettingZoo is an extra")
import pettingzoo  # noqa: E402 (the same)

from multiref_gym import pettingzoo_env  # noqa: E402 (it needs PettingZoo)
from multiref_gym.pettingzoo_env import ListenerPolicy, SpeakerPolicy  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "error::UserWarning",
    # PettingZoo's tests would have arrays, agents that see the same, and numbers in their names.
    "ignore:(Observation|Action) space for each agent probably:UserWarning",
    "ignore:Observation is not a NumPy array:UserWarning",
    "ignore:We recommend agents to be named:UserWarning",
    "ignore:Agents have different observation space sizes:UserWarning",
    "ignore:The class of action spaces:UserWarning",
)

TARGETS = frozenset({0, 1})


class ObedientListener:
    """Clicks the letter that a terse speaker names, and keeps the views."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        self.views += views
        named = [LETTERS.index(view.utterance[-1]) for view in views]
        return [
            Decision(Action.clicking([position], view.selected), 0.0, "")
            for view, position in zip(views, named, strict=True)
        ]


@pytest.fixture
def context() -> Context:
    ids = load_tangrams("figures").ids[:10]
    return Context(ids[::-1], ids, frozenset(ids[position] for position in TARGETS))


def clicks(*positions: int) -> np.ndarray:
    action = np.zeros(10, np.int8)
    action[list(positions)] = 1
    return action


def play(env: Any, policies: dict[str, Callable[[Any], Any]]) -> list[Any]:
    """Plays a game to its end and returns what each agent saw, got and did."""
    log = []
    for agent in env.agent_iter():
        observation, reward, over, _, info = env.last()
        action = None if over else policies[agent](observation)
        log.append((agent, observation, reward, over, info, action))
        env.step(action)
    return log


def test_examples_in_the_documentation() -> None:
    failed, tried = doctest.testmod(pettingzoo_env)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("image", ["board", "tangrams", None])
@pytest.mark.parametrize("reward", ["success", "progress"])
def test_passes_the_tests_of_pettingzoo(image: str | None, reward: str, capsys: pytest.CaptureFixture[str]) -> None:
    pettingzoo_test.api_test(pettingzoo_env.env(image=image, reward=reward), num_cycles=30)
    pettingzoo_test.parallel_api_test(pettingzoo_env.parallel_env(image=image, reward=reward), num_cycles=30)
    assert "Passed API test\n" in capsys.readouterr().out


def test_the_same_seed_plays_the_same_games() -> None:
    pettingzoo_test.seed_test(lambda: pettingzoo_env.env(image="tangrams"), num_cycles=30)
    pettingzoo_test.parallel_seed_test(lambda: pettingzoo_env.parallel_env(image=None), num_cycles=30)


@pytest.mark.parametrize("speaker", ["scripted", TerseSpeaker])
def test_one_seed_plays_a_game_again_with_the_speaker_of_the_environment_of_one_agent(speaker: Any) -> None:
    logs = []
    for _ in range(2):
        env = pettingzoo_env.env(image="board")
        env.reset(seed=5)
        listen = ListenerPolicy(env, RandomListener(), np.random.default_rng(3))
        log = play(env, {"speaker": SpeakerPolicy(env, speaker), "listener": listen})
        env.reset()
        logs.append([*log, *play(env, {"speaker": SpeakerPolicy(env, speaker), "listener": listen})])
    assert data_equivalence(*logs, exact=True)
    said = [action for agent, *_, action in logs[0] if agent == "speaker" and action]
    assert len(set(said)) > 3


@pytest.mark.parametrize("reward", ["success", "progress"])
def test_games_are_those_of_the_environment_of_one_agent(context: Context, reward: str) -> None:
    two = pettingzoo_env.env(image="board", reward=reward)
    one = gym.make("MultiRef-v0", image="board", reward=reward, speaker=TerseSpeaker)
    two.reset(options={"game": context})
    expected, *rest = one.reset(options={"game": context})
    rng, total, over = np.random.default_rng(0), 0.0, False
    while not over:
        assert two.last()[1] == total
        two.step(expected["utterance"])
        observation, _, _, _, info = two.last()
        assert data_equivalence(observation, expected)
        assert info == rest[-1]
        action = clicks(*rng.permutation(10)[: rng.integers(3)])
        two.step(action)
        expected, total, over, *rest = one.step(action)
    assert two.terminations == {"speaker": True, "listener": True}
    assert two.rewards == {"speaker": total, "listener": total}


@pytest.mark.parametrize("seed", range(4))
def test_the_scripted_speaker_wins_with_a_listener_who_does_what_it_wants(seed: int) -> None:
    env = pettingzoo_env.env(image=None)
    env.reset(seed=seed)
    speak = SpeakerPolicy(env)
    log = play(env, {"speaker": speak, "listener": lambda _: speak._speaker.wanted.bits(10)})
    dialogue = env.unwrapped.episode.dialogue
    assert [said for said, _ in dialogue] == [action for agent, *_, action in log if agent == "speaker" and action]
    assert all(said for said, _ in dialogue)
    assert log[-1][4]["success"]


def test_each_sees_the_game_from_its_own_side(context: Context) -> None:
    env = pettingzoo_env.env(image="board")
    env.reset(options={"game": context})
    seen = env.observe("speaker")
    assert np.flatnonzero(seen["targets"]).tolist() == [8, 9]
    assert not seen["selected"].any()
    assert not seen["clicks"].any()
    env.step("A please")
    heard = env.last()[0]
    assert (heard["utterance"], sorted(heard)) == ("A please", ["image", "selected", "turn", "utterance"])
    env.step(clicks(0, 5))
    env.step("not F")
    env.step(clicks(5))
    seen = env.last()[0]
    assert np.flatnonzero(seen["selected"]).tolist() == [9]
    assert np.flatnonzero(seen["clicks"]).tolist() == [4]
    pictures = Atlas(load_tangrams("figures"), 64).silhouettes(context.speaker_order)
    assert (seen["image"] == speaker_board(pictures, {8, 9}, {9})).all()
    env = pettingzoo_env.env(image="tangrams")
    env.reset(options={"game": context})
    assert (env.last()[0]["image"] == pictures).all()


def test_nothing_tells_the_listener_the_targets(context: Context) -> None:
    heard = []
    for targets in (context.targets, frozenset(context.listener_order[4:])):
        env = pettingzoo_env.env(image="tangrams")
        env.reset(options={"game": Context(context.speaker_order, context.listener_order, targets)})
        for _ in range(3):
            env.step("hm")
            heard.append(env.last())
            env.step(clicks(9))
    assert data_equivalence(heard[:3], heard[3:])


def test_any_speaker_and_any_listener_plug_in(context: Context) -> None:
    env = pettingzoo_env.env(image=None)
    listener = ObedientListener()
    policies = {
        "speaker": SpeakerPolicy(env, TerseSpeaker),
        "listener": ListenerPolicy(env, listener, np.random.default_rng(0)),
    }
    for _ in range(2):
        env.reset(seed=0, options={"game": context})
        log = play(env, policies)
        assert [agent for agent, *_ in log] == ["speaker", "listener"] * 3
        assert [reward for _, _, reward, *_ in log] == [0, 0, 0, 0, 1, 1]
        first, second = listener.views[-2:]
        assert (first.dialogue, first.selected) == ((), frozenset())
        assert second.dialogue == ((first.utterance, Action(second.selected)),)
        assert second.selected < TARGETS
        assert second.tangrams == context.listener_order


def test_a_speaker_is_paid_for_what_the_listener_makes_of_its_words(context: Context) -> None:
    env = pettingzoo_env.env(image=None, reward="progress")
    listen = ListenerPolicy(env, ObedientListener(), np.random.default_rng(0))
    paid = []
    for letter in LETTERS[:10]:
        env.reset(options={"game": context})
        env.step(f"take {letter}")
        env.step(listen(env.last()[0]))
        paid.append(env.last()[1])
    assert paid == [0.5, 0.5] + [0.0] * 8


def test_in_parallel_only_the_one_whose_turn_it_is_acts(context: Context) -> None:
    env = pettingzoo_env.parallel_env(image=None)
    observations, _ = env.reset(options={"game": context})
    assert observations["listener"]["utterance"] == ""
    observations, rewards, _, _, infos = env.step({"speaker": "A and B", "listener": clicks(7)})
    assert observations["listener"]["utterance"] == "A and B"
    assert not observations["listener"]["selected"].any()
    assert {agent: info["active_agent"] for agent, info in infos.items()} == dict.fromkeys(env.agents, "listener")
    observations, rewards, over, *_ = env.step({"speaker": "unheard", "listener": clicks(0, 1)})
    assert observations["listener"]["utterance"] == "A and B"
    assert rewards == {"speaker": 1.0, "listener": 1.0}
    assert over == {"speaker": True, "listener": True}
    assert env.agents == []


def test_a_dialogue_that_is_over_ends_with_the_last_action(context: Context) -> None:
    env = pettingzoo_env.env(image=None, render_mode="ansi")
    env.reset(options={"game": context})
    env.step("A and B")
    env.step(clicks(0, 1))
    for _ in range(2):  # each agent hears that the game is over
        assert env.render() == "Speaker: A and B\nListener: select A B"
        env.step(None)


def test_a_reset_forgets_a_game_that_was_left(context: Context) -> None:
    env = pettingzoo_env.env(image=None, render_mode="ansi")
    speak = SpeakerPolicy(env, TerseSpeaker)
    for _ in range(2):
        env.reset(options={"game": context})
        assert env.render() == ""
        env.step(speak(env.last()[0]))
        said = env.last()[0]["utterance"]
        assert said.startswith("pick ")
        assert env.render() == f"Speaker: {said}"
        env.step(clicks())
        assert env.render() == f"Speaker: {said}\nListener: (no click)"
        env.step(speak(env.last()[0]))
        assert env.last()[0]["utterance"].startswith("no, pick ")


@pytest.mark.parametrize("image", ["board", None])
def test_what_an_agent_was_shown_is_its_own_to_change(context: Context, image: str | None) -> None:
    changed, left = (pettingzoo_env.env(image=image) for _ in range(2))
    for env in (changed, left):
        env.reset(options={"game": context})
        env.step("the house")
    for agent in changed.agents:
        for value in changed.observe(agent).values():
            if isinstance(value, np.ndarray):
                value[...] = 1
    for env in (changed, left):
        env.step(clicks(3))
    changed.infos["speaker"]["clicks"].clear()
    assert changed.infos["listener"] == left.infos["listener"]
    changed.observe("listener")["selected"][:] = 1
    for agent in changed.agents:
        assert data_equivalence(changed.observe(agent), left.observe(agent), exact=True)


@pytest.mark.parametrize("kind", ["aec", "parallel"])
def test_pettingzoo_makes_it_by_its_name(kind: Any) -> None:
    made = pettingzoo.make(kind, "MultiRef-v0", image=None)
    made.reset(seed=1)
    assert isinstance(made.unwrapped, pettingzoo_env.TwoAgentEnv)


def test_a_policy_of_ones_own_is_checked() -> None:
    class Idle:
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> Any:
            return [None]

    class Silent(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> Any:
            return None

    env = pettingzoo_env.env(image=None)
    speak, listen = SpeakerPolicy(env, Silent), ListenerPolicy(env, Idle(), np.random.default_rng(0))
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"speaker test_pettingzoo:.*Silent said None"):
        speak(env.last()[0])
    env.step("a boat 🙂")
    with pytest.raises(UserError, match=r"listener test_pettingzoo:.*Idle: it returned None"):
        listen(env.last()[0])
    with pytest.raises(UserError, match="speaker 'builtins:object' cannot be made"):
        SpeakerPolicy(env, "builtins:object")


def test_policies_and_observations_need_a_game() -> None:
    env = pettingzoo_env.env(image=None)
    for policy in (SpeakerPolicy(env), ListenerPolicy(env, RandomListener(), np.random.default_rng(0))):
        with pytest.raises(ResetNeeded):
            policy({"utterance": ""})
    for agent in env.possible_agents:
        with pytest.raises(ResetNeeded):
            env.unwrapped.observe(agent)


@pytest.mark.parametrize("spoken", [None, 3, "ab\n", "\ud83d", "a" * 513])
@pytest.mark.parametrize("clicked", [None, "A", np.full(10, 2, np.int8), np.zeros(9, np.int8), 3])
def test_refuses_what_is_no_action_of_an_agent(spoken: Any, clicked: Any) -> None:
    env = pettingzoo_env.env(image=None)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"speaker did .*: allowed is Text"):
        env.step(spoken)
    env.step("hello")
    with pytest.raises(ValueError, match=r"listener did .*: allowed is MultiBinary"):
        env.step(clicked)
    assert env.unwrapped.game.turn == 0


def test_an_agent_whose_game_is_over_does_nothing(context: Context) -> None:
    env = pettingzoo_env.env(image=None)
    env.reset(options={"game": Game(context, max_turns=1)})
    env.step("A")
    env.step(clicks(0))
    with pytest.raises(ValueError, match="only valid action is None"):
        env.step("B")


def test_refuses_bad_arguments() -> None:
    for options, message in (
        ({"render_mode": "human"}, "render_mode='human'"),
        ({"speaker": "scripted"}, "it is an agent here"),
        ({"image": "photo"}, "image='photo'"),
    ):
        with pytest.raises(UserError, match=message):
            pettingzoo_env.env(**options)
    with pytest.raises(UserError, match="unknown speaker 'mime'"):
        SpeakerPolicy(pettingzoo_env.env(image=None), "mime")


def test_a_random_listener_plays_with_the_scripted_speaker_to_the_end() -> None:
    env = pettingzoo_env.env(image=None)
    env.reset(seed=3)
    listen = ListenerPolicy(env, RandomListener(), np.random.default_rng(3))
    log = play(env, {"speaker": SpeakerPolicy(env), "listener": listen})
    assert log[-1][3]
    assert log[-1][4]["turn"] == len(log) / 2 - 1


def test_without_pettingzoo_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['pettingzoo'] = None\n"
        "from multiref_gym.errors import UserError\n"
        "try: import multiref_gym.pettingzoo_env\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install multiref-gym[pettingzoo]" in done.stdout
