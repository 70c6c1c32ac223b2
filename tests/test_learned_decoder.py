"""The learned decoder: what it makes of replies, its threshold, its weights and how they are made."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from human_like import People
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym import cli
from multiref_gym.agents.decoders import training as decoder_training
from multiref_gym.agents.decoders.learned import WEIGHTS, LearnedDecoder, Weights, features
from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.benchmarks import decoders
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action

SELECT = Action(select=frozenset({3}))
DESELECT = Action(deselect=frozenset({3}))
SWAP = Action(select=frozenset({3}), deselect=frozenset({5}))
DECODER = LearnedDecoder()


def exchange(reply: str, action: Action = SELECT) -> Exchange:
    return Exchange(None, "the tall bird", action, reply)


def probability(reply: str, action: Action = SELECT) -> float:
    return float(DECODER.probabilities([exchange(reply, action)])[0])


PRAISE = [
    "yes, now the house",
    "Perfect! a person with no legs",
    "good. deselect the lamp",
    "that is right. a bird not facing left",
    "ok, the swan",
    "a house without a door, no chimney",
    "right arrow",
    "the one with a hat",
    "no problem, next one is the swan",
    "nope nvm, you are right",
    "yesssss",
]
REJECTION = [
    "no",
    "Nope, the small one",
    "that's not it",
    "that isn’t the one",
    "Close, but no. The tall one",
    "undo",
    "Deselect the last object. Pick the horse",
    "unselct this and find a tree",
    "get rid of that, then the boat",
    "wrong, deselect it and look for the house",
    "noooo",
    "incorect",
    "great, now undo that",
    "\u274c",
    "nein",
]


@pytest.mark.parametrize("reply", PRAISE)
def test_praise_and_moving_on_are_positive(reply: str) -> None:
    assert DECODER.decode([exchange(reply)]) == [Feedback.POSITIVE]
    assert DECODER.decode([exchange(reply.upper())]) == [Feedback.POSITIVE]


@pytest.mark.parametrize("reply", REJECTION)
@pytest.mark.parametrize("action", [SELECT, DESELECT, SWAP])
def test_rejections_and_undo_requests_are_negative(reply: str, action: Action) -> None:
    assert DECODER.decode([exchange(reply, action)]) == [Feedback.NEGATIVE]
    assert DECODER.decode([exchange(reply.upper(), action)]) == [Feedback.NEGATIVE]


def test_what_is_not_understood_is_never_positive() -> None:
    reply = "птица с длинной шеей"
    assert probability(reply) == 0
    assert LearnedDecoder(ternary=True).decode([exchange(reply)]) == [Feedback.NEUTRAL]


def test_moving_on_is_less_sure_to_be_praise_than_praise() -> None:
    assert 0.5 < probability("the house with a chimney") < probability("yes, the house with a chimney")


@pytest.mark.parametrize("reply", ["yes, now the house", "please click something", ""])
def test_doing_nothing_is_never_positive(reply: str) -> None:
    assert probability(reply, Action()) == 0
    assert LearnedDecoder(threshold=0).decode([exchange(reply, Action())]) == [Feedback.NEGATIVE]


@pytest.mark.parametrize("reply", ["no, the wolf", "yes, the wolf", "the wolf with a long tail"])
def test_words_that_describe_tangrams_do_not_matter(reply: str) -> None:
    assert probability(reply.replace("wolf", "zeppelin").replace("tail", "gondola")) == probability(reply)


def test_a_description_that_is_repeated_is_known_to_be() -> None:
    words = read_json(Weights, WEIGHTS).words
    other = features(Exchange(None, "the tall bird", SELECT, "the boat"), words)
    assert features(Exchange(None, "the tall bird", SELECT, "the bird"), words) != other


def test_a_rejected_swap_is_neutral_for_the_ternary_decoder_alone() -> None:
    ternary = LearnedDecoder(ternary=True)
    assert ternary.decode([exchange("no, the wolf", SWAP)]) == [Feedback.NEUTRAL]
    assert ternary.decode([exchange("no, the wolf", SELECT)]) == [Feedback.NEGATIVE]
    assert ternary.decode([exchange("yes, the wolf", SWAP)]) == [Feedback.POSITIVE]
    assert DECODER.decode([exchange("no, the wolf", SWAP)]) == [Feedback.NEGATIVE]


@given(st.lists(st.text(), max_size=5))
def test_every_exchange_has_a_probability_and_a_binary_answer(replies: list[str]) -> None:
    exchanges = [exchange(reply, SWAP) for reply in replies]
    probabilities, decoded = DECODER.probabilities(exchanges), DECODER.decode(exchanges)
    assert probabilities.shape == (len(replies),)
    assert probabilities.dtype == np.float64
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert [value is Feedback.POSITIVE for value in decoded] == (probabilities >= 0.5).tolist()
    assert Feedback.NEUTRAL not in decoded


def test_an_answer_does_not_depend_on_what_else_is_asked() -> None:
    together = DECODER.probabilities([exchange(reply) for reply in PRAISE + REJECTION])
    assert together.tolist() == [probability(reply) for reply in PRAISE + REJECTION]


def test_a_higher_threshold_gives_fewer_and_surer_positives() -> None:
    exchanges, good = decoder_training.simulated(decoder_training.speakers([7]), 30, np.random.SeedSequence(7))
    truth = np.array(good)
    positives, precisions, recalls = [], [], []
    for threshold in (0.0, 0.1, 0.5, 0.9, 1.0):
        decoded = np.array(LearnedDecoder(threshold).decode(exchanges)) == Feedback.POSITIVE
        positives.append(decoded)
        recalls.append(np.mean(decoded[truth]))
        if decoded.any():
            precisions.append(np.mean(truth[decoded]))
    assert all((fewer <= more).all() for more, fewer in pairwise(positives))
    assert positives[0].all()
    assert precisions == sorted(precisions)
    assert precisions[0] < 0.7 < 0.95 < precisions[-1]
    assert recalls[2] > 0.9


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(UserError, match="expected a number from 0 to 1"):
        LearnedDecoder(threshold)


def test_the_weights_that_ship_are_small_and_plain_json() -> None:
    assert WEIGHTS.suffix == ".json"
    assert WEIGHTS.stat().st_size < 500_000
    record = json.loads(WEIGHTS.read_text())
    default = decoder_training.TrainDecoder(out=WEIGHTS)
    assert (record["games"], record["seed"]) == (default.games, default.seed)
    # Of another training there would be other words.
    assert set(record["words"]) <= decoder_training.learned_words()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "not JSON"),
        (b"\x80\x04\x95", "not JSON"),
        (b"[]", "input should be an object"),
        (b"{}", "field 'words': missing"),
        (b'{"words": ["no"], "bias": 1}', "field 'features': missing"),
        (b'{"words": "no", "bias": 1, "features": {}}', "field 'words': .*, got 'no'"),
        (b'{"words": ["no"], "bias": 1, "features": []}', "field 'features': input should be an object"),
        (
            b'{"words": ["no"], "bias": 1, "features": {"no": "much"}}',
            "field 'features.no': input should be a valid number",
        ),
        (
            b'{"words": ["no"], "bias": 1, "features": {"no": NaN}}',
            "field 'features.no': input should be a finite number, got nan",
        ),
    ],
)
def test_a_broken_file_of_weights_is_named_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        LearnedDecoder(weights=path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_seed_fixes_the_weights() -> None:
    weights = decoder_training.train(5, seed=3)
    assert weights == decoder_training.train(5, seed=3)
    assert weights != decoder_training.train(5, seed=4)


def test_the_command_makes_weights_that_agree_with_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, train, trained = tmp_path / "weights.json", decoder_training.train, []

    def noted(games: int, seed: int) -> Weights:
        trained.append((games, seed, train(games, seed)))
        return trained[-1][-1]

    monkeypatch.setattr(decoder_training, "train", noted)
    assert cli.main(["train-decoder", "--games", "20", "--out", str(path)]) == 0
    made = LearnedDecoder(weights=path)
    assert json.loads(path.read_text())["games"] == 20
    assert trained == [(20, 0, read_json(Weights, path))]
    exchanges, _ = decoder_training.simulated(decoder_training.speakers([8]), 12, np.random.SeedSequence(8))
    assert np.mean(np.array(made.decode(exchanges)) == np.array(DECODER.decode(exchanges))) > 0.95


def test_the_command_writes_nowhere_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train-decoder"]) == 2
    assert "--out" in capsys.readouterr().err


def test_training_without_scikit_learn_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(UserError, match=r"pip install multiref-gym\[learned\]"):
        decoder_training.train(1, 0)


def test_no_word_of_a_description_alone_is_kept() -> None:
    assert {"bird", "house", "wolf", "left", "tail", "head"}.isdisjoint(decoder_training.learned_words())


def test_bins_and_their_error_are_those_counted_by_hand() -> None:
    probabilities, good = np.array([0.0, 0.05, 0.95, 0.95, 1.0]), np.array([False, True, True, True, False])
    figures = decoders.calibration(probabilities, good)
    assert [(row["from"], row["replies"]) for row in figures["bins"]] == [(0.0, 2), (0.9, 3)]
    assert [row["true"] for row in figures["bins"]] == pytest.approx([1 / 2, 2 / 3])
    expected = (2 * (0.5 - 0.025) + 3 * (2.9 / 3 - 2 / 3)) / 5
    assert figures["expected_calibration_error"] == pytest.approx(expected)
    assert figures["thresholds"][-1] == {
        "threshold": 0.95,
        "accuracy": 3 / 5,
        "positive_precision": 2 / 3,
        "positive_recall": 2 / 3,
    }
    unsure = decoders.calibration(probabilities[:2], good[:2])["thresholds"]
    assert [row["positive_precision"] for row in unsure] == [None] * len(decoders.THRESHOLDS)


def test_a_decoder_that_knows_no_probabilities_is_judged_without_them(people: People) -> None:
    games = read_interactions(people.games)[:5]
    added = decoders.evaluate(LearnedDecoder, games).keys() - decoders.evaluate(LexicalDecoder, games).keys()
    assert added == {"expected_calibration_error", "auc", "bins", "thresholds"}


def test_people_whom_it_never_heard_are_understood_nearly_as_well_as_by_rules_made_for_them(people: People) -> None:
    games = read_interactions(people.games)
    exchanges = [exchange for game in games for exchange in game.exchanges()]
    truth = [ground_truth(e.action, game.targets) is Feedback.POSITIVE for game in games for e in game.exchanges()]
    good, decoded, by_rules = (
        np.array([value is True or value is Feedback.POSITIVE for value in values])
        for values in (truth, DECODER.decode(exchanges), LexicalDecoder().decode(exchanges))
    )
    assert np.mean(decoded == good) >= np.mean(by_rules == good) - 0.02
    assert np.mean(good[decoded]) >= 0.95
    assert decoders.evaluate(lambda: DECODER, games)["expected_calibration_error"] <= 0.05
