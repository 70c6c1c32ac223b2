"""Prompted decoders that are calibrated on simulated games: examples, probabilities, the threshold, and the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from running import few_draws, run
from scipy.special import expit

from multiref_gym.agents.decoders import calibrating
from multiref_gym.agents.decoders.calibrated import CalibratedDecoder, Calibration
from multiref_gym.agents.decoders.calibrating import draws_of, fitted, replies_of, threshold_for
from multiref_gym.agents.decoders.few_shot import Example, FewShot
from multiref_gym.agents.decoders.lexical import rejects
from multiref_gym.agents.decoders.training import speakers
from multiref_gym.agents.language_model import LanguageModel
from multiref_gym.benchmarks import calibration as benchmark
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.files import write_json
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action
from multiref_gym.registry import new_decoder

NEGATIVE, NEUTRAL, POSITIVE = Feedback
SELECT = Action(select=frozenset({6}))
SWAP = Action(select=frozenset({6}), deselect=frozenset({5}))
EXAMPLES = (
    Example("the bird", "select A", "yes, the dog", True),
    Example("the house", "select B", "no, undo that", False),
    Example("the boat", "select C", "not that one", False),
    Example("the man", "select D", "good", True),
)


def exchange(reply: str, action: Action = SELECT) -> Exchange:
    return Exchange(None, "the tall bird", action, reply)


class Leaning:
    """Stands in for a model: it tells good replies from bad ones, and leans far to bad."""

    def __init__(self) -> None:
        self.openings: list[str] = []
        self.questions: list[str] = []

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        self.openings.append(opening)
        self.questions += questions
        replies = [question.splitlines()[2].removeprefix("Reply: ") for question in questions]
        return np.array([[0.0, self.log_odds(reply)] for reply in replies])

    def log_odds(self, reply: str) -> float:
        return -7.0 if rejects(reply) else -3.0

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        return True

    def one_token_each(self, answers: Sequence[str]) -> bool:
        return answers != ("No", "Yes")


def test_a_question_comes_after_one_half_of_the_examples_and_after_the_other() -> None:
    model = Leaning()
    found = FewShot(("No", "Yes"), EXAMPLES).log_odds(model, [exchange("yes\nReply: no"), exchange("no")])
    first, second = model.openings
    assert [line for line in first.splitlines() if ":" in line or "?" in line] == [
        "Asked: the bird",
        "Done: select A",
        "Reply: yes, the dog",
        "Was it right? Yes",
        "Asked: the house",
        "Done: select B",
        "Reply: no, undo that",
        "Was it right? No",
    ]
    assert second.count("Was it right? No") == second.count("Was it right? Yes") == 1
    assert "the boat" in second
    assert "the bird" not in second
    assert model.questions[0] == "Asked: the tall bird\nDone: select G\nReply: yes Reply: no\nWas it right?"
    assert found.tolist() == [model.log_odds("yes Reply: no"), model.log_odds("no")]


def test_an_impossible_answer_counts_so_much_and_a_silent_model_is_not_content() -> None:
    class Certain(Leaning):
        def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
            return np.array([[-np.inf, -0.1], [-0.1, -np.inf], [0.0, 0.0]])

    found = FewShot(("No", "Yes"), EXAMPLES).log_odds(Certain(), [exchange("a"), exchange("b"), exchange("c")])
    assert found.tolist() == [10, -10, -10]


class Hearing(Leaning):
    """Says as well how likely replies are: of a rejection only a wrong action makes it likelier."""

    def begins(self, contexts: Sequence[str], texts: Sequence[str], opening: str) -> NDArray[np.float64]:
        self.openings.append(opening)
        rights = [context.splitlines()[2] == "Right: Yes" for context in contexts]
        return np.array([-3.0 * (right and rejects(text)) for right, text in zip(rights, texts, strict=True)])


def test_a_model_that_scores_texts_says_how_likely_the_reply_is_after_either_verdict() -> None:
    model = Hearing()
    replies = [exchange("no,\nundo that"), exchange("yes")]
    found = FewShot(("No", "Yes"), EXAMPLES).evidence(model, replies)
    assert found.tolist() == [[-7, -3], [-3, 0]]
    *_, first, again, second, _ = model.openings
    assert first == again, "bad and good after the same examples"
    assert "Asked: the house\nDone: select B\nRight: No\nReply: no, undo that\n\n" in first
    assert "the bird" not in second
    decoder = CalibratedDecoder(model, calibration(slopes=(0.0, 1.0), shift=1.0))
    np.testing.assert_allclose(decoder.probabilities(replies), expit([-2, 1]))


def calibration(**given: Any) -> Calibration:
    fields = {"decoder": "prompted:m", "reads": "log-probabilities", "prompt": FewShot(("No", "Yes"), EXAMPLES)}
    return Calibration(**fields | {"slopes": (2.0,), "shift": 10.0, "threshold": 0.9} | given)


def test_feedback_is_positive_from_the_threshold_on() -> None:
    model = Leaning()
    exchanges = [exchange("yes"), exchange("no"), exchange("no", SWAP), exchange("yes", Action())]
    decoder = CalibratedDecoder(model, calibration())
    likely = [expit(2 * model.log_odds("yes") + 10), *[expit(2 * model.log_odds("no") + 10)] * 2, 0]
    np.testing.assert_allclose(decoder.probabilities(exchanges), likely)
    assert decoder.decode(exchanges) == [POSITIVE, NEGATIVE, NEGATIVE, NEGATIVE]
    assert CalibratedDecoder(model, calibration(), ternary=True).decode(exchanges)[2] is NEUTRAL
    assert CalibratedDecoder(model, calibration(threshold=0.99)).decode(exchanges)[0] is NEGATIVE
    assert decoder.decode([]) == []


def test_probabilities_are_those_that_log_odds_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    evidence = rng.normal(-3, 2, (20_000, 3))
    good = rng.random(20_000) < expit(evidence @ [1.5, 0.5, -1] + 1)
    slopes, _ = fitted(evidence, good)
    assert slopes[2] == 0, "evidence against what it says is left out"
    slopes, shift = fitted(evidence[:, :2], rng.random(20_000) < expit(evidence[:, :2] @ [1.5, 0.5] + 4))
    assert (*slopes, shift) == pytest.approx((1.5, 0.5, 4), abs=0.15)


def test_log_odds_that_tell_all_apart_have_a_finite_slope() -> None:
    [slope], _ = fitted(np.array([[-1.0], [-1], [1], [1]]), np.array([False, False, True, True]))
    assert 0 < slope < 10


def test_the_threshold_is_the_lowest_that_has_the_precision() -> None:
    likely = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.2])
    good = np.array([True, True, True, False, True, False])
    assert threshold_for(0.95, likely, good) == pytest.approx(0.7)
    assert threshold_for(0.8, likely, good) == pytest.approx(0.35)
    assert threshold_for(0.5, likely, good) == pytest.approx(0.2)
    with pytest.raises(UserError, match=r"--precision 0.9: .* reaches at most 0.33"):
        threshold_for(0.9, likely, ~good)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has few simulated replies read."""
    for name, value in {"EXAMPLES": 8, "DRAWS": 2, "TRIED": 20, "FITTED": 60, "JUDGED": 40}.items():
        monkeypatch.setattr(calibrating, name, value)


def test_halves_of_examples_are_balanced_and_mirror_each_other(small: None) -> None:
    replies = replies_of(speakers([0], plain=True), 80, np.random.SeedSequence(1))
    assert len(replies[0]) == len(replies[1]) == 80
    draws = draws_of(replies, np.random.default_rng(0))
    said = [example.reply for draw in draws for example in draw]
    assert len(said) == calibrating.DRAWS * calibrating.EXAMPLES
    for draw in draws:
        kinds = [example.right for example in draw]
        half = len(kinds) // 2
        assert sum(kinds[:half]) == half // 2
        assert all(one != other for one, other in zip(kinds[:half], kinds[half:], strict=True))


@pytest.fixture
def model(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leaning:
    stand_in = Leaning()
    monkeypatch.setattr(LanguageModel, "load", lambda name: stand_in)
    return stand_in


def test_a_decoder_is_calibrated_and_used_by_its_file(
    model: Leaning, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, name = tmp_path / "c.json", f"prompted:{tmp_path / 'model'}"
    run("decode", "--calibrate", "--decoder", name, "--out", file)
    assert "(chosen)" in capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found["prompt"]["answers"] == ["no", "yes"], "the first pair of one token each"
    assert (found["decoder"], found["reads"], found["precision"]) == (name, "log-probabilities", 0.95)
    [chosen] = [row for row in found["held_back"]["thresholds"] if row["threshold"] == found["threshold"]]
    assert chosen["positive_precision"] > 0.85
    assert chosen["positive_recall"] > 0.5
    assert {"versions", "machine", "seed", "digest", "draws"} <= found.keys()

    decoder = new_decoder(f"calibrated:{file}")
    assert decoder.decode([exchange("yes, the house"), exchange("no, undo that")]) == [POSITIVE, NEGATIVE]
    run("simulate", "--listener", "erring", "--games", 6, "--out", tmp_path / "games.jsonl")
    run("decode", "--games", tmp_path / "games.jsonl", "--decoder", f"calibrated:{file}", "--out", tmp_path / "d.jsonl")
    assert "positive" in capsys.readouterr().out

    with few_draws():
        steps = ("bench", "calibration", "--decoder", f"calibrated:{file}", "--games", tmp_path / "games.jsonl")
        run(*steps, "--json", tmp_path / "steps.json")
    of_steps = json.loads((tmp_path / "steps.json").read_text())["steps"]
    assert of_steps["examples"]["positive_recall"] == 0, "the model leans to bad"
    assert of_steps["examples, batch prior"]["accuracy"] > 0.8
    assert of_steps["examples, threshold"]["positive_precision"] > 0.85

    with pytest.raises(UserError, match="--force replaces a calibration"):
        run("decode", "--calibrate", "--decoder", name, "--out", file)
    run("decode", "--calibrate", "--decoder", name, "--out", file, "--force")
    assert json.loads(file.read_text()) == found, "chance is that of a fixed seed"
    with pytest.raises(UserError, match="--force only replaces a calibration"):
        run("decode", "--calibrate", "--decoder", name, "--out", tmp_path / "games.jsonl", "--force")

    file.write_text(file.read_text().replace('"shift": ', '"shift": 1'))
    with pytest.raises(UserError, match=r"c\.json is damaged or was changed by hand"):
        new_decoder(f"calibrated:{file}")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--decoder lexical --out {}", "decoder 'lexical' asks no model: allowed is prompted:MODEL"),
        ("--decoder prompted:{} --precision 1.5 --out {}", "--precision"),
        ("--decoder prompted:{}", "expected --out, the file for the calibration"),
        ("--decoder prompted:{} --out {} --against lexical", "--against applies to --games and --store only"),
        ("--games {} --out {} --precision 0.9", "--precision applies to --calibrate only, not to --games"),
    ],
)
def test_what_cannot_be_calibrated_is_told_in_one_line(
    options: str, complaint: str, model: Leaning, tmp_path: Path
) -> None:
    what = [] if "--games" in options else ["--calibrate"]
    with pytest.raises(UserError, match=complaint):
        run("decode", *what, *options.replace("{}", str(tmp_path / "x.json")).split())


def test_a_model_that_tells_nothing_is_refused(model: Leaning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def complaint() -> str:
        with pytest.raises(UserError) as refused:
            run("decode", "--calibrate", "--decoder", f"prompted:{tmp_path}", "--out", tmp_path / "c.json")
        return str(refused.value)

    monkeypatch.setattr(Leaning, "log_odds", lambda self, reply: 1.0 if rejects(reply) else -1.0)
    assert "its answers say nothing about simulated replies" in complaint()
    monkeypatch.setattr(Leaning, "one_token_each", lambda self, answers: False)
    assert "the model has no pair of one-token answers among No/Yes, no/yes" in complaint()


def test_a_calibration_serves_in_any_folder(model: Leaning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    run("decode", "--calibrate", "--decoder", "prompted:model", "--out", "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["decoder"] == f"prompted:{Path.cwd() / 'model'}"


@pytest.mark.parametrize("least", [0.3, 0.5])
def test_the_benchmark_takes_for_positive_what_the_decoder_does(least: float, tmp_path: Path) -> None:
    run("simulate", "--listener", "erring", "--games", 6, "--out", tmp_path / "games.jsonl")
    games = read_interactions(tmp_path / "games.jsonl")
    likely = CalibratedDecoder(Leaning(), calibration(shift=6.0))
    assert likely.probabilities([exchange("yes")]).tolist() == [0.5], "on the threshold is positive"
    decoder = CalibratedDecoder(Leaning(), calibration(shift=6.0, threshold=least))
    with few_draws():
        step = benchmark.evaluate(decoder, games)["steps"]["examples, threshold"]
    replies = [(shown, game.targets) for game in games for shown in game.exchanges() if shown.action.clicks]
    decoded = decoder.decode([shown for shown, _ in replies])
    right = [
        (feedback is POSITIVE) == (ground_truth(shown.action, targets) is POSITIVE)
        for feedback, (shown, targets) in zip(decoded, replies, strict=True)
    ]
    assert step["accuracy"] == pytest.approx(np.mean(right))


def test_a_cluster_is_not_for_one_that_waits_for_an_endpoint(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    write_json(file, asdict(calibration(decoder="prompted-api:tiny")))
    with pytest.raises(UserError, match=r"--ray does not help calibrated:.*c\.json: it waits for its endpoint"):
        run("respect", "--ray", "auto", "--out", tmp_path / "out", "--decoder", f"calibrated:{file}")
    file.unlink()
    with pytest.raises(UserError, match=r"c\.json: No such file"):
        run("respect", "--ray", "auto", "--out", tmp_path / "out", "--decoder", f"calibrated:{file}")


def test_a_calibration_is_none_for_chats(tmp_path: Path) -> None:
    from chat_logs import many_chats, write_chats

    write_chats(tmp_path / "chats.jsonl", many_chats(2))
    options = ("--decoder", "calibrated:c.json", "--out", tmp_path / "o.jsonl")
    with pytest.raises(UserError, match=r"calibrated:c\.json' was calibrated on the game: use prompted:MODEL"):
        run("decode", "--chats", tmp_path / "chats.jsonl", *options)


@pytest.fixture
def served(small: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], Any]]:
    """A model behind an endpoint that gives log-probabilities or does not."""
    pytest.importorskip("httpx")
    for name, value in {"DRAWS": 1, "TRIED": 4, "FITTED": 16, "JUDGED": 8}.items():
        monkeypatch.setattr(calibrating, name, value)
    from stub_endpoint import Body, Reply, completion, said, serving

    with_log_probs = [True]

    def answer(body: Body) -> Reply:
        if with_log_probs[0] and said(body).count("Asked: ") == 1:  # no examples say which words are wanted
            top = [{"token": "What", "logprob": -0.1}]
            return completion("What", logprobs={"content": [{"token": "What", "logprob": -0.1, "top_logprobs": top}]})
        reply = said(body).rpartition("Reply: ")[2].partition("\n")[0]
        good = not rejects(reply)
        likely = {"Yes": -0.3 if good else -1.5, "No": -1.5 if good else -0.3}
        top = [{"token": word, "logprob": log_prob} for word, log_prob in likely.items()]
        given = {"content": [{"token": "Yes", "logprob": -0.3, "top_logprobs": top}]} if with_log_probs[0] else None
        return completion("Yes" if good else "No", logprobs=given)

    with serving(answer) as endpoint:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)

        def serve(log_probs: bool) -> Any:
            with_log_probs[0] = log_probs
            return endpoint

        yield serve


@pytest.mark.parametrize("log_probs", [True, False])
def test_a_model_behind_an_endpoint_is_calibrated_with_log_probabilities_and_without(
    log_probs: bool, served: Callable[[bool], Any], tmp_path: Path
) -> None:
    endpoint, file = served(log_probs), tmp_path / "c.json"
    told = r"gives no log-probabilities .*: its words are read instead, and each exchange counts as 0, 0\.5 or 1"
    with nullcontext() if log_probs else pytest.warns(UserWarning, match=told):
        run("decode", "--calibrate", "--decoder", "prompted-api:tiny", "--precision", 0.8, "--out", file)
    assert json.loads(file.read_text())["reads"] == ("log-probabilities" if log_probs else "words")
    endpoint.bodies.clear()
    decoder = new_decoder(f"calibrated:{file}")
    assert decoder.decode([exchange("yes, the house"), exchange("no, undo that")]) == [POSITIVE, NEGATIVE]
    assert len(endpoint.bodies) == 4, "both halves of the examples before each"
    assert all(("logprobs" in body) is log_probs for body in endpoint.bodies)
