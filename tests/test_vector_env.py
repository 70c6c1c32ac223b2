"""Many games at once: the same as one by one."""

from __future__ import annotations

import copy
import doctest
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from terse_speaker import TerseSpeaker
from vector_games import assert_same_infos, make, random_clicks
from wordy_speaker import WordySpeaker

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym import vector_env
from multiref_gym.errors import UserError
from multiref_gym.game import Context, Game, GameOver
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.vector_env import MultiRefVectorEnv
from multiref_gym.wrappers import EncodeUtterance


class SayingSpeaker(TerseSpeaker):
    """Says the same all the time."""

    def __init__(self, said: str, tangrams: TangramSet) -> None:
        super().__init__(tangrams)
        self.said = said

    def start(self, game: Game, rng: np.random.Generator) -> str:
        super().start(game, rng)
        return self.said


IMAGES = ("board", "tangrams", None)
MODES = ("NextStep", "SameStep")
ALL_MODES = (*MODES, "Disabled")


def test_the_example_of_the_docstring_runs() -> None:
    failed, tried = doctest.testmod(vector_env)
    assert tried > 3
    assert not failed


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("speaker", ["scripted", WordySpeaker])
def test_says_what_a_sync_vector_environment_says(image: str | None, mode: str, speaker: Any) -> None:
    options = {"image": image, "image_size": 16, "max_turns": 4, "speaker": speaker}
    envs = make(**options, autoreset_mode=mode)
    sync = gym.make_vec("MultiRef-v0", 3, "sync", vector_kwargs={"autoreset_mode": mode}, **options)
    assert envs.single_observation_space == sync.single_observation_space
    assert envs.observation_space == sync.observation_space
    assert envs.action_space == sync.action_space
    said, expected = envs.reset(seed=3), sync.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(15):
        assert data_equivalence(said[:-1], expected[:-1], exact=True)
        assert_same_infos(said[-1], expected[-1])
        assert said[0] in envs.observation_space
        clicks = random_clicks(rng, 3, 10)
        said, expected = envs.step(clicks), sync.step(clicks)
        if mode == "Disabled" and said[2].any():
            assert data_equivalence(said[:-1], expected[:-1], exact=True)
            said, expected = (some.reset(options={"reset_mask": said[2].copy()}) for some in (envs, sync))


def test_what_has_been_returned_stays_as_it_was() -> None:
    for options in ({"image": "board", "autoreset_mode": "SameStep"}, {"image": "tangrams", "utterance_bytes": 32}):
        envs = make(max_turns=2, **options)
        said = [envs.reset(seed=1)]
        rng = np.random.default_rng(0)
        said += [envs.step(random_clicks(rng, 3, 10)) for _ in range(3)]
        kept = copy.deepcopy(said)
        for _ in range(5):
            envs.step(random_clicks(rng, 3, 10))
        for before, after in zip(kept, said, strict=True):
            assert data_equivalence(before[:-1], after[:-1], exact=True)
            assert_same_infos(before[-1], after[-1])


@pytest.mark.parametrize("mode", MODES)
def test_utterances_as_bytes_are_those_of_the_wrapper(mode: str) -> None:
    envs = make(utterance_bytes=48, max_turns=4, autoreset_mode=mode)
    sync = gym.make_vec(
        "MultiRef-v0",
        3,
        "sync",
        vector_kwargs={"autoreset_mode": mode},
        wrappers=[partial(EncodeUtterance, length=48)],
        image=None,
        max_turns=4,
    )
    assert envs.observation_space == sync.observation_space
    said, expected = envs.reset(seed=5), sync.reset(seed=5)
    rng = np.random.default_rng(0)
    for _ in range(12):
        assert said[0] in envs.observation_space
        assert data_equivalence(said[:-1], expected[:-1], exact=True)
        assert_same_infos(said[-1], expected[-1])
        clicks = random_clicks(rng, 3, 10)
        said, expected = envs.step(clicks), sync.step(clicks)


def test_a_game_that_has_ended_takes_no_step_where_nothing_resets_it() -> None:
    envs = make(autoreset_mode=AutoresetMode.DISABLED, max_turns=2)
    nothing = np.zeros((3, 10), np.int8)
    envs.reset(seed=0)
    envs.reset(seed=7, options={"reset_mask": np.array([True, False, True])})
    envs.step(nothing)
    envs.reset(options={"reset_mask": np.array([False, True, False])})
    _, _, terminated, _, _ = envs.step(nothing)
    assert terminated.tolist() == [True, False, True]
    with pytest.raises(GameOver, match=r"games \[0, 2\] have ended"):
        envs.step(nothing)
    observations, infos = envs.reset(options={"reset_mask": terminated})
    assert observations["turn"].tolist() == [0, 1, 0]
    assert infos["_turn"].tolist() == [True, False, True]
    assert envs.step(nothing)[2].tolist() == [False, True, False]


def test_games_that_a_mask_leaves_out_play_on_as_if_nothing_had_been() -> None:
    envs, alone = make(), make()
    envs.reset(seed=0)
    alone.reset(seed=0)
    rng = np.random.default_rng(0)
    envs.reset(seed=[None, 9, None], options={"reset_mask": np.array([False, True, False])})
    for _ in range(3):
        clicks = random_clicks(rng, 3, 10)
        said, expected = envs.step(clicks)[0], alone.step(clicks)[0]
        assert [said["utterance"][i] for i in (0, 2)] == [expected["utterance"][i] for i in (0, 2)]


@pytest.mark.parametrize("speaker", ["scripted", TerseSpeaker, WordySpeaker])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda envs: pickle.loads(pickle.dumps(envs))])
def test_games_are_copied_in_the_middle(speaker: Any, copied: Callable[[Any], Any]) -> None:
    envs = make(image="board", autoreset_mode="SameStep", max_turns=4, speaker=speaker)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    envs.step(random_clicks(rng, 3, 10))
    twin, left = copied(envs), copied(envs)
    for _ in range(10):
        clicks = random_clicks(rng, 3, 10)
        assert data_equivalence(envs.step(clicks)[:-1], twin.step(clicks)[:-1], exact=True)
    assert left.step(clicks)[0]["turn"].tolist() == [2, 2, 2]  # others left it where it was


def test_the_wrappers_of_gymnasium_find_what_they_expect() -> None:
    envs = gym.wrappers.vector.RecordEpisodeStatistics(make(max_turns=2, autoreset_mode="SameStep"))
    envs.reset(seed=0)
    nothing = np.zeros((3, 10), np.int8)
    envs.step(nothing)
    infos = envs.step(nothing)[-1]
    assert infos["episode"]["l"].tolist() == [2, 2, 2]
    told = gym.wrappers.vector.DictInfoToList(make()).reset(seed=0)[1]
    for info in told:
        assert (info["success"], info["turn"], info["clicks"].tolist()) == (False, 0, [0] * 10)


def test_plays_a_given_game() -> None:
    ids = load_tangrams("figures").ids[:10]
    envs = make(speaker="terse_speaker:TerseSpeaker")
    envs.reset(options={"game": Game(Context(ids, ids, frozenset(ids[:1])), max_turns=2)})
    clicks = np.zeros((3, 10), np.int8)
    clicks[0, 0] = 1
    _, rewards, terminated, _, infos = envs.step(clicks)
    assert (rewards.tolist(), terminated.tolist()) == ([1.0, 0.0, 0.0], [True, False, False])
    assert infos["clicks"].tolist() == clicks.tolist()
    assert envs.step(clicks)[2].tolist() == [False, True, True]


@pytest.mark.parametrize(
    "actions",
    [
        np.zeros((2, 10), np.int8),
        np.zeros(10, np.int8),
        np.full((3, 10), 2),
        np.full((3, 10), -1),
        np.full((3, 10), np.nan),
        np.full((3, 10), 0.5),
        np.full((3, 10), "select A"),
        np.zeros((3, 10), complex),
        np.zeros((3, 10), object),
        [[None] * 10] * 3,
        None,
        7,
    ],
)
def test_refuses_actions_that_are_no_clicks_before_any_turn(actions: Any) -> None:
    envs = make()
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="allowed are zeros and ones, 10 for each of 3 games"):
        envs.step(actions)
    assert envs.step(np.zeros((3, 10), np.int8))[0]["turn"].tolist() == [1, 1, 1]


def test_an_utterance_that_does_not_fit_is_an_error() -> None:
    class Odd(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> Any:
            return "a\nb"

    with pytest.raises(ValueError, match=r"'a\\nb'"):
        make(speaker=Odd).reset(seed=0)


@pytest.mark.parametrize("mode", ["native", "sync", "async"])
def test_an_utterance_may_be_of_any_script(mode: str) -> None:
    said = "猫 and a boat 🙂 " * 30
    options = {"vector_kwargs": {"shared_memory": False}} if mode == "async" else {}
    speaker = partial(SayingSpeaker, said)
    vectorization = {} if mode == "native" else {"vectorization_mode": mode}
    envs = gym.make_vec("MultiRef-v0", 2, **vectorization, **options, image=None, speaker=speaker)
    observations, _ = envs.reset(seed=0)
    assert observations["utterance"] == (said, said)
    assert observations in envs.observation_space
    envs.close()


@pytest.mark.parametrize("length", [20, 2048])
def test_an_utterance_of_any_script_is_its_bytes(length: int) -> None:
    said = "猫🙂" * 256
    envs = make(speaker=partial(SayingSpeaker, said), utterance_bytes=length)
    [row, *_] = envs.reset(seed=0)[0]["utterance"]
    assert row.tobytes().rstrip(b"\0") == said.encode()[:length]


SCRIPTS = Persona(
    name="scripts",
    **{"praises": ("好的 👍🏽 👩\u200d💻,", "ÿes,"), "corrections": ("нет.", "لا"), "undos": ("ßo nicht 🙂",)},
    **{"before_first": ("выбери", "猫"), "before_next": ("ensuite…",), "joiners": (" 🙂 ",), "pronoun": "ŋoun"},
    **{"capitals": 1.0, "endings": (".", "！"), "typos": 0.3, "two_at_once": 0.5},
)


@pytest.mark.parametrize("mode", MODES)
def test_what_a_persona_says_may_be_of_any_script(mode: str) -> None:
    speaker = partial(ScriptedSpeaker, personas=[SCRIPTS])
    options = {"num_envs": 20, "speaker": speaker, "autoreset_mode": mode, "max_turns": 5}
    texts, cut, whole = make(**options), make(**options, utterance_bytes=11), make(**options, utterance_bytes=2048)
    all_said = []
    said = [envs.reset(seed=0) for envs in (texts, cut, whole)]
    rng = np.random.default_rng(0)
    for _ in range(30):
        utterances = said[0][0]["utterance"]
        assert said[0][0] in texts.observation_space
        assert utterances == tuple(texts.utterances()) == tuple(cut.utterances())
        for (observation, *_), length in zip(said[1:], (11, 2048), strict=True):
            expected = [utterance.encode()[:length] for utterance in utterances]
            assert [row.tobytes().rstrip(b"\0") for row in observation["utterance"]] == expected
        all_said += utterances
        clicks = random_clicks(rng, 20, 10)
        said = [envs.step(clicks) for envs in (texts, cut, whole)]
    together = "\n".join(all_said)
    phrases = ("好的 👍🏽 👩\u200d💻,", "Ÿes", "Нет", "لا", "ßo nicht 🙂", "Выбери", "猫", "nsuite…", " 🙂 ")
    assert [phrase for phrase in phrases if phrase not in together] == []


def click_everything(envs: gym.Env[Any, Any] | MultiRefVectorEnv) -> None:
    envs.reset(seed=0)
    for _ in range(9):
        envs.step(np.ones(envs.action_space.shape, np.int8))


@pytest.mark.parametrize("long", [{"before_first": ("w" * 500,), "detail": 9}, {"corrections": ("w" * 505,)}])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("utterance_bytes", [None, 16])
def test_a_persona_that_says_too_much_is_one_clear_error(
    long: dict[str, Any], mode: str, utterance_bytes: int | None
) -> None:
    speaker = partial(ScriptedSpeaker, personas=[Persona(name="long", **long)])
    native = make(20, speaker=speaker, autoreset_mode=mode, utterance_bytes=utterance_bytes)
    for envs in (native, gym.make("MultiRef-v0", image=None, speaker=speaker)):
        with pytest.raises(UserError, match=r"^the speaker said more than 512 characters$"):
            click_everything(envs)
        with pytest.raises(ResetNeeded):
            envs.step(np.ones(envs.action_space.shape, np.int8))


def test_numpys_integers_are_integers() -> None:
    envs = gym.make_vec("MultiRef-v0", np.int64(2), image=None, utterance_bytes=np.int64(40))
    first = envs.reset(seed=np.int64(3))
    assert data_equivalence(first, envs.reset(seed=[np.int32(3), 4]), exact=True)
    assert data_equivalence(first, envs.reset(seed=np.array([3, 4])), exact=True)


@pytest.mark.parametrize("mode", MODES)
def test_no_game_goes_on_after_an_error_of_a_speaker(mode: str) -> None:
    class Failing(TerseSpeaker):
        fails = False
        replies = 0

        def reply(self, action: Any) -> str:
            Failing.replies += 1
            if Failing.fails and Failing.replies % 3 == 2:  # the second of three games
                raise RuntimeError("no voice")
            return super().reply(action)

    envs = make(speaker=Failing, autoreset_mode=mode)
    envs.reset(seed=0)
    nothing = np.zeros((3, 10), np.int8)
    envs.step(nothing)
    Failing.fails = True
    with pytest.raises(UserError, match=r"speaker test_vector_env:.*Failing failed: RuntimeError: no voice"):
        envs.step(nothing)
    Failing.fails = False
    with pytest.raises(ResetNeeded):
        envs.step(nothing)
    observations, _ = envs.reset(seed=0)
    expected, _ = make(speaker=TerseSpeaker).reset(seed=0)
    assert data_equivalence(observations, expected, exact=True)
    assert envs.step(nothing)[0]["turn"].tolist() == [1, 1, 1]


def test_a_game_whose_start_failed_has_not_begun() -> None:
    class Failing(TerseSpeaker):
        fails = False

        def start(self, game: Game, rng: np.random.Generator) -> str:
            if Failing.fails:
                raise RuntimeError("no voice")
            return super().start(game, rng)

    envs = make(speaker=Failing)
    envs.reset(seed=0)
    Failing.fails = True
    with pytest.raises(UserError, match=r"speaker test_vector_env:.*Failing failed: RuntimeError: no voice"):
        envs.reset(options={"reset_mask": np.array([False, True, False])})
    Failing.fails = False
    with pytest.raises(ResetNeeded):
        envs.step(np.zeros((3, 10), np.int8))
    envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert envs.step(np.zeros((3, 10), np.int8))[0]["turn"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs=0: allowed is"),
        ({"num_envs": True}, "num_envs=True: allowed is"),
        ({"num_envs": 10**9}, "num_envs=1000000000: allowed is an int from 1 to 100000"),
        ({"num_envs": 50_000, "image_size": 512}, "pictures of .* need .* GiB of memory; allowed are 16"),
        ({"num_envs": 50_000}, "pictures of .* need 47 GiB of memory; allowed are 16"),
        ({"utterance_bytes": 10**6}, "utterance_bytes=1000000: allowed is an int from 1 to 2048"),
        ({"max_episode_steps": 3}, "max_episode_steps=3: use max_turns"),
        ({"autoreset_mode": "never"}, "autoreset_mode='never': allowed is one of"),
        ({"utterance_bytes": 0}, "utterance_bytes=0: allowed is"),
        ({"render_mode": "ansi"}, "vectorization_mode='sync'"),
        ({"image": "photo"}, "image='photo'"),
    ],
)
def test_refuses_bad_arguments_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        MultiRefVectorEnv(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": True}, "seed=True: allowed is an int"),
        ({"seed": [1, -1, 2]}, "seed=-1: allowed is an int"),
        ({"seed": 1.5}, "seed=1.5: allowed is an int"),
        ({"seed": [1, 2]}, "2 seeds: allowed is one for each of 3 games"),
        ({"options": {"reset_mask": [True] * 3}}, "allowed is an array of 3 bools"),
        ({"options": {"reset_mask": np.ones(2, bool)}}, "allowed is an array of 3 bools"),
        ({"options": {"context": 1}}, "allowed is {'game'"),
    ],
)
def test_refuses_what_no_game_starts_from(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make().reset(**arguments)


def test_needs_a_reset_of_all_before_a_step() -> None:
    envs = make()
    with pytest.raises(ResetNeeded):
        envs.step(np.zeros((3, 10), np.int8))
    with pytest.raises(ResetNeeded):
        envs.reset(options={"reset_mask": np.array([True, True, False])})


def test_async_environments_refuse_the_shared_memory_that_makes_texts_stale() -> None:
    with pytest.raises(ValueError, match="shared_memory=False"):
        gym.make_vec("MultiRef-v0", 2, "async", image=None)
    shared = {"shared_memory": False}
    envs = gym.make_vec("MultiRef-v0", 2, "async", vector_kwargs=shared, image=None, speaker="scripted")
    native = make(2)
    clicks = np.zeros((2, 10), np.int8)
    assert data_equivalence(envs.reset(seed=0)[0], native.reset(seed=0)[0], exact=True)
    assert data_equivalence(envs.step(clicks)[0], native.step(clicks)[0], exact=True)
    envs.close()
