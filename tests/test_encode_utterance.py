"""Utterances as integers: the vocabulary, its file, and the wrapper."""

import doctest
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym import vocabulary as vocabulary_module
from multiref_gym.env import CHARSET
from multiref_gym.errors import UserError
from multiref_gym.vocabulary import PADDING, UNKNOWN, Vocabulary, encode, words_of
from multiref_gym.wrappers import ChatObservation, EncodeUtterance, TextAction

WORDS = Vocabulary(["pick", "yes", ",", "no", "a"])


def make(**options: Any) -> gym.Env:
    return gym.make("MultiRef-v0", **{"speaker": "terse_speaker:TerseSpeaker", "image": None, **options})


def test_examples_in_the_documentation() -> None:
    failed, tried = doctest.testmod(vocabulary_module)
    assert tried > 0
    assert failed == 0


@given(st.text(CHARSET, max_size=100), st.integers(1, 600))
def test_bytes_are_the_utf8_of_the_text_and_then_zeros(text: str, length: int) -> None:
    encoded = encode(text, length)
    assert (encoded.dtype, encoded.shape) == (np.uint8, (length,))
    assert encoded.tobytes().rstrip(b"\0") == text.encode()[:length]


@given(st.text(CHARSET, max_size=100), st.integers(1, 40))
def test_each_word_has_its_id_and_the_rest_is_padding(text: str, length: int) -> None:
    vocabulary = Vocabulary(sorted(set(words_of(text)))[::2])
    said = words_of(text)[:length]
    encoded = encode(text, length, vocabulary)
    assert encoded.dtype == np.int32
    assert (encoded[len(said) :] == PADDING).all()
    for word, id in zip(said, encoded, strict=False):
        assert id == (vocabulary.words.index(word) + 2 if word in vocabulary.words else UNKNOWN)


def test_the_most_frequent_words_have_an_id() -> None:
    vocabulary = Vocabulary.of(["the boat", "the Boat", "the bird", "a bird"], size=4)
    assert vocabulary.words == ("the", "bird")
    assert len(vocabulary) == 4
    assert len(Vocabulary.of(["the boat"], size=100)) == 4
    assert Vocabulary.of(["the boat"], size=2).words == ()


@pytest.mark.parametrize("size", [1, 0, -5])
def test_a_vocabulary_has_room_for_padding_and_the_unknown_word(size: int) -> None:
    with pytest.raises(UserError, match=f"size={size}: allowed is an int of at least 2"):
        Vocabulary.of(["the boat and the bird"], size)


@pytest.mark.parametrize(
    ("words", "message"), [(["a", "b", "a"], "'a' twice"), (["Two"], "'Two'"), (["to go"], "'to go'"), ([3], "3")]
)
def test_a_vocabulary_holds_each_word_once(words: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Vocabulary(words)


def test_a_run_keeps_its_vocabulary_and_takes_no_other(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    WORDS.save(path)
    kept = Vocabulary.load(path)
    assert kept.words == WORDS.words
    WORDS.save(path)
    with pytest.raises(UserError, match=r"vocabulary.json is different: its id 4 is ',', here 'no'"):
        Vocabulary(["pick", "yes", "no", ",", "a"]).save(path)
    with pytest.raises(UserError, match="the model has 7 ids, this one has 3"):
        Vocabulary(["pick"]).check_same(kept)
    assert Vocabulary.load(path).words == WORDS.words


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"words": "ab"}', '{"words": ["a", "a"]}', '{"words": [null]}'])
def test_a_malformed_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"vocabulary\.json(: not JSON|: input should be|, field 'words)"):
        Vocabulary.load(path)
    with pytest.raises(UserError, match=r"absent\.json: No such file"):
        EncodeUtterance(make(), 8, tmp_path / "absent.json")


@pytest.mark.parametrize("vocabulary", [None, WORDS], ids=["bytes", "words"])
def test_only_the_utterance_changes(vocabulary: Vocabulary | None) -> None:
    plain, env = make(), EncodeUtterance(make(), 12, vocabulary)
    for seed in range(3):
        steps = [(plain.reset(seed=seed), env.reset(seed=seed))]
        for _ in range(4):
            clicks = plain.action_space.sample()
            steps.append((plain.step(clicks), env.step(clicks)))
            if steps[-1][0][2]:
                break
        for (said, *expected), (encoded, *others) in steps:
            assert encoded in env.observation_space
            assert (encoded.pop("utterance") == encode(said.pop("utterance"), 12, vocabulary)).all()
            assert data_equivalence(said, encoded)
            assert data_equivalence(expected, others)


def test_observations_of_one_game_stay_as_they_were_in_the_next() -> None:
    env = EncodeUtterance(make(), 30)
    first, _ = env.reset(seed=0)
    before = first["utterance"].copy()
    env.step(np.ones(10, np.int8))
    again, _ = env.reset(seed=0)
    assert (first["utterance"] == before).all()
    assert (again["utterance"] == before).all()


@pytest.mark.parametrize("vocabulary", [None, WORDS], ids=["bytes", "words"])
@pytest.mark.filterwarnings("error", "ignore:.*different from the unwrapped version")
def test_checkers_of_gymnasium_and_stable_baselines_have_nothing_to_say(vocabulary: Vocabulary | None) -> None:
    env = EncodeUtterance(make(), 40, vocabulary)
    check_env(env, skip_render_check=True, skip_close_check=True)
    pytest.importorskip("stable_baselines3.common.env_checker").check_env(env)


def test_a_spec_names_the_vocabularys_file(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    WORDS.save(path)
    env = EncodeUtterance(TextAction(make()), 12, str(path))
    spec = env.spec.to_json()
    assert json.loads(spec)
    again = gym.make(EnvSpec.from_json(spec))
    assert data_equivalence(env.reset(seed=2), again.reset(seed=2))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_encoded_utterances_go_through_both_vector_modes(mode: str) -> None:
    envs = gym.make_vec(
        "MultiRef-v0",
        2,
        mode,
        wrappers=[lambda env: EncodeUtterance(env, 20)],
        speaker="terse_speaker:TerseSpeaker",
        image=None,
    )
    observations, _ = envs.reset(seed=5)
    assert observations["utterance"].dtype == np.uint8
    for i in range(2):
        said = make().reset(seed=5 + i)[0]["utterance"]
        assert observations["utterance"][i].tobytes().rstrip(b"\0").decode() == said
    envs.close()


def test_needs_a_text_to_encode() -> None:
    with pytest.raises(ValueError, match="wraps MultiRef-v0, not"):
        EncodeUtterance(gym.make("CartPole-v1"), 8)
    for without in (ChatObservation(make()), EncodeUtterance(make(), 8)):
        with pytest.raises(ValueError, match="needs observations with a text 'utterance'"):
            EncodeUtterance(without, 8)


@pytest.mark.parametrize("length", [0, 2.5, True, "8", 10**12])
def test_needs_a_length(length: Any) -> None:
    with pytest.raises(UserError, match=f"length={length!r}: allowed is an int from 1 to 2048"):
        EncodeUtterance(make(), length)
