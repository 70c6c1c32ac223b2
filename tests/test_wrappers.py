"""The wrappers of MultiRef-v0, alone, together and with Gymnasium's own in between."""

import doctest
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import NormalizeReward, PassiveEnvChecker, RecordEpisodeStatistics, TimeLimit
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from terse_speaker import TerseSpeaker

from multiref_gym import env as env_module
from multiref_gym.chat import rules
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action, Context, GameOver
from multiref_gym.listener import View
from multiref_gym.registry import UnknownName
from multiref_gym.tangrams import Atlas, load_tangrams
from multiref_gym.wrappers import (
    Chat,
    ChatObservation,
    DiscreteClick,
    EncodeUtterance,
    ImplicitReward,
    TangramObservation,
    TextAction,
)


class YesNo:
    """Reads the first word of the reply, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        self.seen += exchanges
        words = {"yes": Feedback.POSITIVE, "no": Feedback.NEGATIVE}
        return [words.get(exchange.reply.split(",")[0], Feedback.NEUTRAL) for exchange in exchanges]


def make(**options: Any) -> gym.Env:
    return gym.make("MultiRef-v0", **{"speaker": "terse_speaker:TerseSpeaker", "image": None, **options})


def clicks(*positions: int) -> np.ndarray:
    action = np.zeros(10, np.int8)
    action[list(positions)] = 1
    return action


@pytest.fixture
def start() -> dict[str, Any]:
    """Options for a game in which A and B are the targets."""
    ids = load_tangrams("figures").ids[:10]
    return {"options": {"game": Context(ids, ids, frozenset(ids[:2]))}}


WRAPPERS = (ChatObservation, DiscreteClick, EncodeUtterance, ImplicitReward, TangramObservation, TextAction)


@pytest.mark.parametrize("module", [env_module, *(sys.modules[wrapper.__module__] for wrapper in WRAPPERS)])
def test_examples_in_the_documentation(module: Any) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_reward_is_the_feedback_on_the_same_steps_action(start: dict[str, Any]) -> None:
    decoder = YesNo()
    env = ImplicitReward(make(), decoder)
    first = env.reset(**start)[0]["utterance"]
    second, bad, _, _, info = env.step(clicks(5))
    third, good, *_ = env.step(clicks(0))
    assert (bad, good, info["true_reward"]) == (-1.0, 1.0, 0.0)
    assert decoder.seen == [
        Exchange(None, first, Action.parse("select F"), second["utterance"]),
        Exchange(Action.parse("select F"), second["utterance"], Action.parse("select A"), third["utterance"]),
    ]


def test_last_action_has_no_reply_and_so_no_reward(start: dict[str, Any]) -> None:
    decoder = YesNo()
    env = ImplicitReward(make(max_turns=2), decoder, values=(-5.0, -5.0, -5.0))
    env.reset(**start)
    assert env.step(clicks())[1] == -5.0
    _, reward, terminated, _, info = env.step(clicks(0, 1))
    assert (reward, terminated, info["true_reward"], len(decoder.seen)) == (0.0, True, 1.0, 1)


def test_a_game_cut_short_from_outside_still_had_its_reply(start: dict[str, Any]) -> None:
    env = ImplicitReward(TimeLimit(make(), 1), YesNo())
    env.reset(**start)
    _, reward, terminated, truncated, _ = env.step(clicks(0))
    assert (reward, terminated, truncated) == (1.0, False, True)


def test_rewards_have_the_values_asked_for(start: dict[str, Any]) -> None:
    env = ImplicitReward(TextAction(make()), YesNo(), values=(-0.1, 0.25, 2))
    env.reset(**start)
    assert [env.step(text)[1] for text in ("select E", "dunno", "select A")] == [-0.1, 0.25, 2.0]


def test_decoder_comes_by_name() -> None:
    env = ImplicitReward(make(), "test_wrappers:YesNo")
    env.reset(seed=0)
    assert env.step(clicks())[1] == -1.0
    with pytest.raises(UnknownName, match="unknown decoder 'psychic'"):
        ImplicitReward(make(), "psychic")
    with pytest.raises(ValueError, match="values="):
        ImplicitReward(make(), YesNo(), values=(0, 1))


@given(picked=st.sets(st.integers(0, 9), min_size=1), seed=st.integers(0, 999))
def test_a_text_does_what_its_clicks_do(picked: set[int], seed: int) -> None:
    text, array = TextAction(make()), make()
    text.reset(seed=seed)
    array.reset(seed=seed)
    for _ in range(2):
        if array.unwrapped.game.over:
            return
        action = Action.clicking(picked, array.unwrapped.game.selected)
        *said, info = text.step(str(action))
        *expected, expected_info = array.step(clicks(*picked))
        assert data_equivalence(said, expected)
        assert info == expected_info | {"invalid_actions": 0}


def test_texts_that_are_no_action_are_counted_turns_that_the_speaker_answers(start: dict[str, Any]) -> None:
    env = TextAction(make())
    _, info = env.reset(**start)
    assert info["invalid_actions"] == 0
    for count, (text, message) in enumerate(
        [("", "empty"), ("pick me", "no action"), ("deselect A", "not selected"), ("select K", "letters A to J")],
        start=1,
    ):
        observation, reward, _, _, info = env.step(text)
        assert message in info["invalid_action"]
        assert (observation["utterance"], reward, info["turn"]) == ("what?", 0.0, count)
        assert (info["invalid_actions"], info["clicks"]) == (count, [""] * count)
    info = env.step("SELECT a")[4]
    assert (info["invalid_actions"], info["clicks"][-1], "invalid_action" in info) == (4, "select A", False)
    assert env.reset(**start)[1]["invalid_actions"] == 0


def test_the_count_of_invalid_texts_does_not_outlive_its_game(start: dict[str, Any]) -> None:
    env = TextAction(make())
    env.reset(**start)
    assert env.step("hm")[4]["invalid_actions"] == 1
    env.unwrapped.reset(**start)
    assert env.step("select A")[4]["invalid_actions"] == 0


def test_only_invalid_texts_end_the_game_too(start: dict[str, Any]) -> None:
    env = TextAction(make(max_turns=2))
    env.reset(**start)
    assert [env.step("hm")[2] for _ in range(2)] == [False, True]
    with pytest.raises(GameOver):
        env.step("hm")


def test_text_needs_the_clicks_below_it() -> None:
    with pytest.raises(ValueError, match="takes AnswerSpace"):
        TextAction(TextAction(make()))
    for wrapper in (TextAction, ChatObservation, ImplicitReward, DiscreteClick, TangramObservation):
        with pytest.raises(ValueError, match="wraps MultiRef-v0, not"):
            wrapper(gym.make("CartPole-v1"))


def test_a_number_is_a_click_or_none(start: dict[str, Any]) -> None:
    env = DiscreteClick(make())
    assert env.action_space == gym.spaces.Discrete(11)
    env.reset(**start)
    assert env.step(4)[0]["selected"].tolist() == clicks(4).tolist()
    assert env.step(np.int64(10))[0]["selected"].tolist() == clicks(4).tolist()
    *_, info = env.step(4)
    assert info["clicks"] == ["select E", "", "deselect E"]
    _, reward, terminated, _, info = [env.step(action) for action in (0, 1)][-1]
    assert (reward, terminated, info["turn"]) == (1.0, True, 5)
    with pytest.raises(GameOver):
        env.step(10)
    assert DiscreteClick(make(context_size=6)).action_space == gym.spaces.Discrete(7)


@pytest.mark.parametrize("action", [-1, 11, 2.5, True, np.True_, "A", None, clicks(3)])
def test_a_number_that_stands_for_nothing_is_refused(action: Any) -> None:
    env = DiscreteClick(make())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="allowed are 0 to 9, a click, and 10, none"):
        env.step(action)
    assert env.unwrapped.game.turn == 0


def test_each_click_has_a_reward_of_its_own_and_a_reset_forgets_it(start: dict[str, Any]) -> None:
    env = DiscreteClick(ImplicitReward(make(), YesNo()))
    for _ in range(2):
        observation, info = env.reset(**start)
        assert (observation["selected"].any(), info["clicks"]) == (False, [])
        assert [env.step(action)[1] for action in (7, 10, 7, 0)] == [-1.0, -1.0, -1.0, 1.0]


def test_numbers_need_the_clicks_below_them() -> None:
    for env in (TextAction(make()), DiscreteClick(make())):
        with pytest.raises(ValueError, match="DiscreteClick makes MultiBinary"):
            DiscreteClick(env)


def ink(images: np.ndarray) -> np.ndarray:
    """Embeds silhouettes as the ink of each row."""
    return 1 - images.mean(2, dtype=np.float32) / 255


def test_tangrams_are_small_silhouettes_in_the_listeners_order(start: dict[str, Any]) -> None:
    env = TangramObservation(make(image="board"), size=16)
    assert "image" not in env.observation_space.spaces
    first, _ = env.reset(**start)
    ids = env.unwrapped.game.context.listener_order
    assert (first["tangrams"] == Atlas(env.unwrapped.tangrams, 16).silhouettes(ids)).all()
    assert sorted(first) == ["selected", "tangrams", "turn", "utterance"]
    kept = first["tangrams"].copy()
    second, *_ = env.step(clicks(1))
    second["tangrams"][:] = 0
    assert (first["tangrams"] == kept).all()
    assert (env.step(clicks(1))[0]["tangrams"] == kept).all()


def test_a_tangram_is_embedded_once_and_each_game_has_its_own(start: dict[str, Any]) -> None:
    asked: list[np.ndarray] = []

    def embed(images: np.ndarray) -> np.ndarray:
        asked.extend(images)
        return ink(images)

    env, plain = TangramObservation(make(), 16, embed), TangramObservation(make(), 16)
    assert env.observation_space["tangrams"].shape == (10, 16)
    for options in (start, {"seed": 1}, start, {"seed": 2}):
        observation, _ = env.reset(**options)
        assert observation in env.observation_space
        assert (observation["tangrams"] == ink(plain.reset(**options)[0]["tangrams"])).all()
        observation["tangrams"][:] = 0
        assert env.step(clicks(0))[0]["tangrams"].any()
    assert len({image.tobytes() for image in asked}) == len(asked) <= 31


def test_the_vision_of_the_small_listener_embeds() -> None:
    pytest.importorskip("torch")
    from multiref_gym.agents.listeners.ppo.observation import SilhouetteEncoder
    from multiref_gym.agents.listeners.small.listener import SmallListener

    listener = SmallListener.load(load_tangrams("figures"))
    env = TangramObservation(make(), embed=SilhouetteEncoder(load_tangrams("figures")))
    observation, _ = env.reset(seed=3)
    ids = env.unwrapped.game.context.listener_order
    seen = listener.collate([View(ids, (), "", frozenset())]).features[0]
    np.testing.assert_allclose(observation["tangrams"], seen.numpy(), rtol=1e-4, atol=1e-4)


def test_says_what_embeddings_must_be(start: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"embed made \(1,\) of 1 silhouettes: allowed is \(1, width\)"):
        TangramObservation(make(), embed=lambda images: images.mean((1, 2)))
    with pytest.raises(ValueError, match="at least 8 pixels"):
        TangramObservation(make(), size=4)
    with pytest.raises(ValueError, match="adds to a Dict"):
        TangramObservation(ChatObservation(make()))


@pytest.mark.filterwarnings("ignore::UserWarning:stable_baselines3")  # of small images and matrices
@pytest.mark.parametrize("embed", [None, ink], ids=["silhouettes", "embeddings"])
def test_stable_baselines_takes_what_knows_no_text(embed: Any) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = TangramObservation(make(), embed=embed)
    checker.check_env(DiscreteClick(ImplicitReward(EncodeUtterance(env, 24), YesNo())))


@pytest.mark.parametrize("embed", [None, ink], ids=["silhouettes", "embeddings"])
def test_stable_baselines_trains_on_it(embed: Any) -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")

    def make_env() -> gym.Env:
        return DiscreteClick(EncodeUtterance(TangramObservation(make(), embed=embed), 24))

    envs = stable_baselines3.common.env_util.make_vec_env(make_env, 2)
    agent = stable_baselines3.PPO("MultiInputPolicy", envs, n_steps=8, batch_size=8, n_epochs=1, device="cpu")
    agent.learn(16)
    action, _ = agent.predict(make_env().reset(seed=0)[0])
    assert action in envs.action_space


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_what_knows_no_text_shares_memory(mode: str) -> None:
    wrap = [lambda env: EncodeUtterance(env, 24), lambda env: TangramObservation(env, 16), DiscreteClick]
    envs = gym.make_vec("MultiRef-v0", 2, mode, wrappers=wrap, speaker=TerseSpeaker, image=None, max_turns=2)
    scalars = [DiscreteClick(TangramObservation(EncodeUtterance(make(max_turns=2), 24), 16)) for _ in range(2)]
    observations, _ = envs.reset(seed=3)
    expected = [env.reset(seed=3 + i)[0] for i, env in enumerate(scalars)]
    for action in (1, 10):
        for key, batch in observations.items():
            assert (batch == [observation[key] for observation in expected]).all()
        observations, *_ = envs.step(np.array([action, action]))
        expected = [env.step(action)[0] for env in scalars]
    envs.close()


@pytest.mark.parametrize("order", ["text inside", "text outside"])
def test_wrappers_go_in_any_order_with_others_in_between(order: str, start: dict[str, Any]) -> None:
    env: gym.Env = RecordEpisodeStatistics(make(reward="progress"))
    if order == "text inside":
        env = ImplicitReward(RecordEpisodeStatistics(ChatObservation(TextAction(env)), stats_key="all"), YesNo())
    else:
        env = TextAction(RecordEpisodeStatistics(ImplicitReward(ChatObservation(env), YesNo()), stats_key="all"))
    for _ in range(2):
        env.reset(**start)
        rewards, true_rewards, counts = [], [], []
        for text in ("select E", "hello", "deselect E select A", "select B"):
            messages, reward, terminated, _, info = env.step(text)
            rewards.append(reward)
            true_rewards.append(info["true_reward"])
            counts.append(info["invalid_actions"])
        assert rewards == [-1.0, 0.0, 1.0, 0.0]
        assert true_rewards == [0.0, 0.0, 0.5, 0.5]
        assert counts == [0, 1, 1, 1]
        assert terminated
        assert len(messages) == 9


def test_chat_tells_the_game(start: dict[str, Any]) -> None:
    env = ChatObservation(make())
    messages, _ = env.reset(**start)
    [opening] = messages
    images, letters = opening["content"][:20:2], opening["content"][1:20:2]
    instruction, text = opening["content"][20:]
    assert instruction == {"type": "text", "text": rules(10)}
    assert [part["text"].strip() for part in letters] == list("ABCDEFGHIJ")
    silhouettes = make(image="tangrams").reset(**start)[0]["image"]
    for part, silhouette in zip(images, silhouettes, strict=True):
        assert isinstance(part["image"], Image.Image)
        assert (np.asarray(part["image"]) == silhouette[:, :, None]).all()
    said = env.unwrapped.utterance
    assert text == {"type": "text", "text": f"none is selected\n{said}"}
    env.step(clicks(0, 3))
    messages, *_ = env.step(clicks())
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2 + ["user"]
    assert [message["content"][0]["text"] for message in messages[1:]] == [
        "select A D",
        "A D currently selected\nno, pick B",
        "no click",
        "A D currently selected\nno, pick B",
    ]
    assert len(env.reset(**start)[0]) == 1


@pytest.mark.parametrize("inside", [False, True])
def test_an_answer_that_is_no_action_comes_back_with_the_reason(inside: bool, start: dict[str, Any]) -> None:
    env = ChatObservation(TextAction(make())) if inside else TextAction(ChatObservation(make()))
    env.reset(**start)
    for answer in ("I like\nthe bird", "select A", "select A"):
        messages, *_, info = env.step(answer)
    texts = [message["content"][0]["text"] for message in messages[1:]]
    assert texts[::2] == ["I like\nthe bird", "select A", "select A"]
    reasons = [text.splitlines()[0] for text in texts[1::2]]
    assert reasons[0].startswith("not understood: no action in 'the bird'")
    assert reasons[1] == "A currently selected"
    assert reasons[2] == f"not understood: {info['invalid_action']}"
    assert texts[5].splitlines()[1] == "A currently selected"
    assert [str(action) for _, action in env.unwrapped.dialogue] == ["", "select A", ""]
    record = env.unwrapped.episode.interaction()
    assert [view.misread for view in record.views()] == [{}] * 3, "it is no part of the record"
    assert len(env.reset(**start)[0]) == 1


def test_any_text_may_be_an_answer_and_nothing_else(start: dict[str, Any]) -> None:
    env = TextAction(make())
    env.reset(**start)
    for text in ("select A\nselect B", "\ud800\0", "鳥" * 10_000, ""):
        assert text in env.action_space
        assert "invalid_action" in env.step(text)[4]
    for other in (None, b"select A", 3, clicks(1)):
        assert other not in env.action_space
        with pytest.raises(ValueError, match="allowed is a text"):
            env.step(other)


def test_conversations_are_fresh_each_step(start: dict[str, Any]) -> None:
    env = ChatObservation(make())
    messages, _ = env.reset(**start)
    messages[0]["content"].clear()
    messages.clear()
    later, *_ = env.step(clicks())
    assert len(later) == 3
    assert len(later[0]["content"]) == 22


def test_chat_space_holds_conversations_and_nothing_else(start: dict[str, Any]) -> None:
    env = ChatObservation(make())
    messages, _ = env.reset(**start)
    space = env.observation_space
    assert messages in space
    assert space.sample() in space
    assert space == Chat()
    user = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    assistant = {**user, "role": "assistant"}
    assert [user, assistant, user] in space
    for wrong in (
        [],
        [user, user, user],
        [assistant],
        [user, assistant],
        [user | {"name": "x"}],
        [{"role": "user", "content": "hi"}],
        [{"role": "user", "content": [{"type": "text", "text": 3}]}],
        [{"role": "user", "content": [{"type": "image", "image": np.zeros((4, 4))}]}],
        (user,),
        "hi",
    ):
        assert wrong not in space


@pytest.mark.parametrize(
    "wrap",
    [lambda env: ImplicitReward(env, YesNo()), TextAction, ChatObservation, DiscreteClick, TangramObservation],
    ids=["reward", "text", "chat", "click", "tangrams"],
)
def test_gymnasiums_checkers_have_nothing_to_say(wrap: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version.*")
        env = wrap(make())
        check_env(env, skip_render_check=True, skip_close_check=True)
        env = NormalizeReward(PassiveEnvChecker(env))
        env.reset(seed=0)
        env.step(env.action_space.sample())


@pytest.mark.parametrize(
    ("wrap", "action"),
    [
        (lambda env: TextAction(ChatObservation(env)), "select A"),
        (lambda env: DiscreteClick(TangramObservation(EncodeUtterance(env, 24), size=16)), 0),
    ],
    ids=["text", "no text"],
)
def test_spec_with_wrappers_goes_through_json(wrap: Any, action: Any) -> None:
    env = wrap(ImplicitReward(make(), "test_wrappers:YesNo", values=(-0.1, 0.0, 1.0)))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    for one in (env, again):
        one.reset(seed=3)
    assert data_equivalence(env.step(action), again.step(action))
    assert str(env) == str(again)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectorised_with_wrappers(mode: str) -> None:
    options = {"vector_kwargs": {"shared_memory": False}} if mode == "async" else {}
    envs = gym.make_vec(
        "MultiRef-v0",
        2,
        mode,
        **options,
        wrappers=[ChatObservation, lambda env: ImplicitReward(env, YesNo()), TextAction],
        speaker=TerseSpeaker,
        image=None,
    )
    envs.reset(seed=7)
    messages, rewards, *_, infos = envs.step(("select A", "what"))
    scalar = TextAction(ImplicitReward(ChatObservation(make()), YesNo()))
    scalar.reset(seed=7)
    expected, reward, *_ = scalar.step("select A")
    assert data_equivalence(messages[0], expected)
    assert rewards.tolist() == [reward, 0.0]
    assert infos["invalid_actions"].tolist() == [0, 1]
    envs.close()
