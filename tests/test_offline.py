"""The offline benchmark: its figures counted by hand, and its command."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from acting import games_of
from human_like import People
from running import few_draws
from small_views import tiny_small_listener

from multiref_gym import cli
from multiref_gym.agents.evaluation.intervals import area, auc, over_units, ratio
from multiref_gym.agents.evaluation.offline import Answers, LoggedTurn, ask, by_part, compare, logged_turns, measure
from multiref_gym.agents.learning.learn import Scores
from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats import write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
NAMES = FIGURES.ids[:10]
POSITIVE, NEGATIVE = Feedback.POSITIVE, Feedback.NEGATIVE


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def deselect(*positions: int) -> Action:
    return Action(deselect=frozenset(positions))


def game(*turns: tuple[str, Action], game_id: str = "1", speaker: str = "") -> Interaction:
    """A game for the first three tangrams."""
    context = Context(NAMES, NAMES, frozenset(NAMES[:3]))
    return Interaction(game_id, context, tuple(Turn(*turn) for turn in turns), speaker)


ONE = game(
    ("the house", select(0)),  # rewarded
    ("yes, the bird", select(5)),  # corrected
    ("no, undo that", deselect(5)),  # rewarded
    ("good. the bird", Action()),  # corrected
    ("no, the bird", select(1)),  # no reply
)
OTHER = game(("the boat", select(2)), ("yes, the cat", select(0)), game_id="2")  # rewarded, no reply


class FixedAnswers:
    """A listener that does what it is told for each turn, and scores a position by the logarithm of its share."""

    def __init__(self, actions: Sequence[Action], shares: Sequence[float] = (0.1,) * 10) -> None:
        self.actions = iter(actions)
        self.shares = shares
        self.views: list[View] = []
        self.batches: list[int] = []

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        self.views += views
        self.batches.append(len(views))
        return [Decision(action, 0.0, str(action)) for _, action in zip(views, self.actions, strict=False)]

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        assert all(action.clicks for action in actions)
        log_prob = torch.tensor([self.shares[min(action.clicks)] for action in actions], dtype=torch.float64).log()
        return Scores(log_prob, log_prob, torch.ones_like(log_prob))


class Lexicon:
    """A decoder of one word."""

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        return [NEGATIVE if exchange.reply.startswith("no") else POSITIVE for exchange in exchanges]


def logged(*games: Interaction) -> list[LoggedGame]:
    return [LoggedGame(game) for game in games]


def turns_of(*games: Interaction) -> list[LoggedTurn]:
    return logged_turns(logged(*games), Lexicon())


def measured(listener: Any, *games: Interaction, batch_size: int = 3) -> dict[str, Any]:
    turns = turns_of(*games)
    return measure(turns, ask(listener, turns, 0, batch_size))


def mean(results: dict[str, Any], name: str) -> float:
    return float(results["figures"][name]["mean"])


# The measure.


def test_the_listener_sees_what_was_said_and_done_whatever_it_does_itself() -> None:
    listener = FixedAnswers([select(9)] * 7)
    measured(listener, ONE, OTHER)
    assert listener.batches == [3, 3, 1]
    assert [sorted(view.selected) for view in listener.views] == [[], [0], [0, 5], [0], [0], [], [2]]
    assert listener.views[2].utterance == "no, undo that"
    assert listener.views[2].dialogue == (("the house", select(0)), ("yes, the bird", select(5)))


def test_the_figures_of_two_games_counted_by_hand() -> None:
    done = [
        select(0),  # rewarded, and the same; right
        select(1),  # corrected; right
        Action(frozenset({1, 6}), frozenset({5})),  # rewarded, and not the same; two clicks of three right
        select(0),  # is selected already: illegal, and wrong
        deselect(0),  # wrong
        select(2, 3),  # rewarded, and not the same; one of two right
        Action(frozenset({0, 1}), frozenset({9})),  # no reply; illegal, as 9 is not selected; two clicks of three right
    ]
    results = measured(FixedAnswers(done), ONE, OTHER)
    assert results["counts"] == {
        **{"games": 2, "speakers": 1, "turns": 7, "replies": 5, "rewarded": 3, "corrected": 2, "without_clicks": 1},
        "impossible": 0,
    }
    assert mean(results, "exact_match") == pytest.approx(1 / 3)
    assert mean(results, "legality") == pytest.approx(5 / 7)
    assert mean(results, "click_precision") == pytest.approx((1 + 1 + 2 + 0 + 0 + 1 + 2) / (1 + 1 + 3 + 1 + 1 + 2 + 3))
    # Still to be clicked: three targets, two, two and one mistake, two, two; three, two.
    assert mean(results, "click_recall") == pytest.approx(7 / (3 + 2 + 3 + 2 + 2 + 3 + 2))
    assert results["logged"]["click_precision"]["mean"] == pytest.approx(5 / 6)
    assert results["milliseconds"] > 0


def test_whoever_does_the_same_again_matches_all() -> None:
    done = [turn.action for game in (ONE, OTHER) for turn in game.turns]
    results = measured(FixedAnswers(done), ONE, OTHER)
    for name in ("exact_match", "legality"):
        assert results["figures"][name] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    for name in ("click_precision", "click_recall"):
        assert results["figures"][name] == results["logged"][name]


def test_log_probabilities_are_of_rewarded_and_of_corrected_clicks() -> None:
    shares = [0.5, 0.1, 0.25, 0.0, 0.0, 0.125, 0.0, 0.0, 0.0, 0.0]
    results = measured(FixedAnswers([select(0)] * 7, shares), ONE, OTHER)
    assert mean(results, "log_prob_rewarded") == pytest.approx(math.log(0.5 * 0.125 * 0.25) / 3)
    assert mean(results, "log_prob_corrected") == pytest.approx(math.log(0.125))
    # The same position is once corrected and once rewarded: a tie, which counts as half.
    assert mean(results, "auc") == pytest.approx((1 + 0.5 + 1) / 3)


def test_an_impossible_action_is_counted_and_ranked_last() -> None:
    results = measured(
        FixedAnswers([select(0)] * 7, [0.5, 0.1, 0.25, *[0.0] * 7]), ONE, game(*OTHER_CORRECTED, game_id="2")
    )
    assert results["counts"]["impossible"] == 2  # selecting it was corrected, deselecting it rewarded
    assert results["figures"]["log_prob_rewarded"] is None
    assert results["figures"]["log_prob_corrected"] is None
    assert mean(results, "auc") == pytest.approx((2 + 0.5) / 4)


OTHER_CORRECTED = (("the boat", select(1)), ("no, the cat", select(0)))


def test_chance_at_a_turn_does_not_depend_on_the_other_games() -> None:
    turns = turns_of(ONE, OTHER)
    together = ask(RandomListener(), turns, 0, 3).actions
    apart = [action for turn in turns[::-1] for action in ask(RandomListener(), [turn], 0, 1).actions]
    assert together == apart[::-1]
    assert together != ask(RandomListener(), turns, 1, 3).actions


def test_a_listener_without_log_probabilities_has_dashes() -> None:
    results = measured(RandomListener(), ONE, OTHER)
    assert [results["figures"][name] for name in ("log_prob_rewarded", "log_prob_corrected", "auc")] == [None] * 3
    assert results["counts"]["impossible"] is None


def test_what_nobody_replied_to_is_neither_rewarded_nor_corrected() -> None:
    results = measured(FixedAnswers([select(0)]), game(("the house", select(0))))
    assert results["counts"]["replies"] == 0
    assert results["figures"]["exact_match"] is None
    assert results["figures"]["auc"] is None
    assert mean(results, "click_precision") == 1


def test_neutral_feedback_is_neither() -> None:
    turns = [LoggedTurn(0, "", view, action, frozenset({0}), Feedback.NEUTRAL) for view, action in [(VIEW, select(0))]]
    results = measure(turns, Answers([select(0)], [True], np.array([-1.0]), [0.1]))
    assert results["counts"]["rewarded"] == results["counts"]["corrected"] == 0
    assert results["counts"]["replies"] == 1


VIEW = View(NAMES, (), "the house", frozenset())


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [
        ([2, 3], [0, 1], 1.0),
        ([0, 1], [2, 3], 0.0),
        ([1, 1], [1, 1, 1], 0.5),
        ([1, 3], [2], 0.5),
        ([1, 3], [0, 1, 2, 4], (1.5 + 3) / 8),
        ([-math.inf, 0], [-math.inf], 0.75),
    ],
)
def test_auc(positives: list[float], negatives: list[float], expected: float) -> None:
    assert auc(np.array(positives, float), np.array(negatives, float)) == pytest.approx(expected)


def test_the_interval_of_the_auc_is_over_games() -> None:
    scores, positive, games = np.array([1.0, 0.0, 0.0, 1.0]), np.array([True, False, True, False]), [0, 0, 1, 1]
    found = over_units(area(scores, positive, np.array(games), 2), 2)
    assert found is not None
    assert (found.low, found.mean, found.high) == (0, 0.5, 1)  # either game alone is drawn now and then
    alike = over_units(area(scores[[0, 1, 0, 1]], positive[[0, 1, 0, 1]], np.array(games), 2), 2)
    assert alike is not None
    assert (alike.low, alike.mean, alike.high) == (1, 1, 1)


def test_a_statistic_that_has_no_value_has_no_estimate() -> None:
    assert over_units(ratio([0, 0], [0, 0]), 2) is None


# Comparisons.


def test_turns_of_one_speaker_are_drawn_together() -> None:
    """Ten games of one and of another who differ: as games they are twenty, as speakers two."""
    right = [game(("the house", select(0)), ("yes", select(1)), game_id=f"a{n}", speaker="ann") for n in range(10)]
    wrong = [game(("the house", select(2)), ("yes", select(1)), game_id=f"b{n}", speaker="bob") for n in range(10)]
    done = [select(0), select(1)] * 20
    assert measured(FixedAnswers(done), *right, *wrong)["figures"]["exact_match"] == {
        "mean": 0.5,
        "low": 0.0,
        "high": 1.0,
    }


def test_what_two_listeners_have_in_common_is_not_uncertain_in_their_difference() -> None:
    games = [game(("x", select(n % 4)), ("yes", select(4)), game_id=str(n), speaker=f"speaker {n}") for n in range(20)]
    turns = turns_of(*games)
    one = ask(FixedAnswers([select(0)] * 40), turns, 0, 64)
    same, other = (ask(FixedAnswers([select(to)] * 40), turns, 0, 64) for to in (0, 9))
    assert measure(turns, one)["figures"]["exact_match"]["low"] < 0.2
    assert compare(turns, one, same)["exact_match"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    difference = compare(turns, one, other)
    assert difference["exact_match"] == measure(turns, one)["figures"]["exact_match"]
    assert compare(turns, one, Answers(one.actions, one.legal, None, one.seconds))["auc"] is None


def test_the_parts_of_the_turns_are_measured_one_by_one() -> None:
    turns = turns_of(ONE, OTHER)
    answers = ask(FixedAnswers([select(0), *[select(9)] * 6]), turns, 0, 64)
    parts = by_part(turns, answers, lambda turn: turn.number)
    assert list(parts) == ["1", "2", "3", "4", "5"]
    assert parts["1"] == {"turns": 2, "rewarded": 2, "exact_match": 0.5, "click_precision": 0.5}
    assert parts["5"] == {"turns": 1, "rewarded": 0, "exact_match": None, "click_precision": 0.0}


def test_the_reply_to_the_last_turn_counts_where_the_game_goes_on() -> None:
    begun = LoggedGame(game(*[(turn.utterance, turn.action) for turn in ONE.turns[:2]]), "no, undo that")
    assert [turn.feedback for turn in logged_turns([begun], Lexicon())] == [POSITIVE, NEGATIVE]


def test_labels_of_the_games_count_where_they_are_asked_for() -> None:
    games = [LoggedGame(OTHER, labels=(NEGATIVE,)), LoggedGame(ONE, labels=(POSITIVE, None, NEGATIVE))]
    labels = [turn.feedback for turn in logged_turns(games, None)]
    assert labels == [NEGATIVE, None, POSITIVE, None, NEGATIVE, None, None]
    with pytest.raises(UserError, match="no game has labels"):
        logged_turns(logged(ONE), None)


def test_a_decoder_that_answers_nonsense_is_told_so() -> None:
    nonsense = SimpleNamespace(decode=lambda exchanges: [7 for _ in exchanges])
    with pytest.raises(UserError, match="returned 7: feedback is -1, 0 or 1"):
        logged_turns(logged(ONE), nonsense)


# The command.


@pytest.fixture(scope="module")
def played() -> list[Interaction]:
    return play(RandomListener(), games_of(FIGURES, 8), policy="random")


def write(path: Path, games: Sequence[Interaction], format: str = "jsonl") -> Path:
    write_games(format, path, map(LoggedGame, games))
    return path


def run(*arguments: object) -> int:
    with few_draws():
        return cli.main(["benchmark", *map(str, arguments)])


def test_the_command_writes_what_it_measured_and_how(
    played: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "games.jsonl", played)
    out = tmp_path / "out"
    assert run("--games", path, "--listener", "random", "--batch", 5, "--seed", 3, "--out", out) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["config"]["listener"] == "random"
    assert results["config"]["batch"] == 5
    assert results["counts"]["games"] == len(played)
    assert results["figures"]["legality"]["mean"] == 1
    assert {"versions", "machine", "skipped", "milliseconds"} <= results.keys()
    told = capsys.readouterr().out
    assert "exact match" in told
    assert "batches of 5" in told


def test_the_games_of_the_benchmark_may_be_of_any_format(played: list[Interaction], tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", played, "interaction")
    assert run("--games", path, "--listener", "random", "--format", "interaction") == 0
    assert run("--games", path, "--listener", "random", "--format", "jsonl") == 2


def test_figures_that_are_not_kept_are_shown(
    played: list[Interaction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--games", write(tmp_path / "games.jsonl", played), "--listener", "random") == 0
    assert "exact match" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["games.jsonl"]


def test_a_seed_decides_and_so_do_not_rows_or_batches(played: list[Interaction], tmp_path: Path) -> None:
    games = write(tmp_path / "games.jsonl", played)
    turns = write(tmp_path / "turns.jsonl", played, "turn")
    figures = []
    for number, (path, batch) in enumerate([(games, 7), (turns, 7), (games, 100)]):
        out = tmp_path / str(number)
        assert run("--games", path, "--listener", "random", "--batch", batch, "--out", out) == 0
        results = json.loads((out / "results.json").read_text())
        del results["counts"]["speakers"]  # rows of turns do not say
        figures.append((results["figures"], results["logged"], results["counts"], results["config"]["games"]))
    assert figures[0] == figures[1] == figures[2]


def test_the_small_listener_scores_what_people_did(played: list[Interaction], tmp_path: Path) -> None:
    path = write(tmp_path / "games.jsonl", played[:3])
    assert run("--games", path, "--listener", "small", "--out", tmp_path / "out") == 0
    figures = json.loads((tmp_path / "out" / "results.json").read_text())["figures"]
    assert figures["log_prob_corrected"]["mean"] < 0
    assert 0 <= figures["auc"]["low"] <= figures["auc"]["mean"] <= figures["auc"]["high"] <= 1


def test_listeners_are_compared_on_the_same_turns(
    played: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, policy = write(tmp_path / "games.jsonl", played), tmp_path / "policy"
    tiny_small_listener().save(policy)
    assert (
        run("--games", path, "--model", policy, "--against", "random", "--against", policy, "--out", tmp_path / "o")
        == 0
    )
    results = json.loads((tmp_path / "o" / "results.json").read_text())
    random, itself = results["against"]
    assert (random["name"], itself["name"]) == ("random", str(policy))
    assert itself["figures"] == results["figures"]
    assert itself["difference"]["auc"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert random["difference"]["auc"] is None
    low, high = (random["difference"]["click_precision"][end] for end in ("low", "high"))
    assert low <= results["figures"]["click_precision"]["mean"] - random["figures"]["click_precision"]["mean"] <= high
    assert results["by_turn"]["1"]["turns"] == len(played)
    assert sum(part["turns"] for part in results["by_speaker"].values()) == results["counts"]["turns"]
    assert results["learned_from"] == {str(policy): None}
    assert "higher by" in capsys.readouterr().out


def test_who_was_learned_from_is_told_and_refused_where_they_are_to_be_kept_apart(
    played: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, policy = tmp_path / "base", tmp_path / "policy"
    named = [replace(game, speaker=f"speaker {number % 4}") for number, game in enumerate(played)]
    tiny_small_listener().save(base)
    learned = write(tmp_path / "learned.jsonl", named[:3])
    words = f"learn --games {learned} --decoder lexical --base {base} --epochs 1 --out {policy}"
    assert cli.main(words.split()) == 0
    path = write(tmp_path / "games.jsonl", named)
    assert run("--games", path, "--model", policy, "--out", tmp_path / "out") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["learned_from"] == {str(policy): {"games": 3, "speakers": 3}}
    assert "learned from 3 of these games, and from 3 of their speakers" in " ".join(capsys.readouterr().out.split())
    assert run("--games", path, "--model", policy, "--apart") == 2
    assert "learned from 3 speakers of these games: speaker 0, speaker 1, speaker 2" in capsys.readouterr().err
    assert run("--games", path, "--model", base, "--apart") == 2
    assert "does not record what it learned from" in capsys.readouterr().err
    others = write(tmp_path / "others.jsonl", [game for game in named if game.speaker == "speaker 3"])
    assert run("--games", others, "--model", policy, "--apart") == 0


def test_results_of_another_configuration_are_kept(
    played: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = write(tmp_path / "games.jsonl", played), tmp_path / "out"
    assert run("--games", path, "--listener", "random", "--out", out) == 0
    before = (out / "results.json").read_text()
    assert run("--games", path, "--listener", "random", "--seed", 1, "--out", out) == 2
    assert f"{out / 'results.json'}, field 'config.seed'" in capsys.readouterr().err
    assert (out / "results.json").read_text() == before
    assert run("--games", path, "--listener", "random", "--out", out) == 0
    (out / "results.json").write_text("{")
    assert run("--games", path, "--listener", "random", "--out", out) == 2
    assert "choose another --out" in capsys.readouterr().err


def test_bad_games_are_skipped_where_it_is_asked_for_and_counted(
    played: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "games.jsonl", played)
    first, second, *others = map(json.loads, path.read_text().splitlines())
    second["targets"] = []
    path.write_text("".join(f"{json.dumps(record)}\n" for record in (first, second, *others)))
    arguments = ("--games", path, "--listener", "random", "--out", tmp_path / "out")
    assert run(*arguments) == 2
    assert "line 2, field 'targets'" in capsys.readouterr().err
    assert run(*arguments, "--skip-bad") == 0
    assert "1 bad games skipped" in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["skipped"] == 1
    assert results["counts"]["games"] == len(played) - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listener", "oracle"], "there is no speaker"),
        (["--listener", "erring"], "there is no speaker"),
        (["--listener", "telepathy"], "unknown listener"),
        (["--listener", "random", "--model", "x"], "--model does not work with --listener random"),
        (["--listener", "random", "--decoder", "telepathy"], "unknown decoder"),
        (["--listener", "random", "--decoder", "logged"], "no game has labels"),
        (["--listener", "random", "--decoder", "logged", "--ternary"], "--ternary needs a decoder"),
        (["--listener", "random", "--tangrams", "kilogram:nowhere"], "no KiloGram there"),
        (["--listener", "small", "--model", "nowhere"], "no checkpoint"),
    ],
)
def test_what_cannot_be_measured_gets_one_clear_line(
    arguments: list[str],
    message: str,
    played: list[Interaction],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "games.jsonl", played)
    assert run("--games", path, "--out", tmp_path / "out", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_games_of_people_are_replayed_with_the_drawings_of_kilogram(tmp_path: Path, people: People) -> None:
    tangrams = f"kilogram:{people.kilogram}"
    assert run("--games", people.games, "--tangrams", tangrams, "--listener", "random", "--out", tmp_path / "out") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert Path(results["config"]["tangrams"].removeprefix("kilogram:")).is_file()
    turns = [json.loads(line)["turn"] for line in people.games.read_text().splitlines()]
    assert results["counts"]["games"] == len(turns)
    assert results["counts"]["turns"] == sum(turns)
    assert results["counts"]["replies"] == sum(turns) - len(turns)
    assert results["logged"]["click_precision"]["low"] > 0.6
    assert results["figures"]["exact_match"]["high"] < 0.2
