"""The benchmark of decoders: its figures on games small enough to count by hand, and its complaints."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from strategies import games

from multiref_gym import cli
from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.decoders.replies import read_replies
from multiref_gym.benchmarks import decoders
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats import write_games
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

NAMES = tuple("abcdef")


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def game(*turns: tuple[str, Action], game_id: str = "1") -> Interaction:
    """A game for the first three tangrams."""
    context = Context(NAMES, NAMES, frozenset(NAMES[:3]))
    return Interaction(game_id, context, tuple(Turn(*turn) for turn in turns), speaker="someone")


SWAP = Action(select=frozenset({4}), deselect=frozenset({5}))
GAME = game(
    ("the first", select(0)),  # good
    ("yes, the second", select(5)),  # bad
    ("no, the second", SWAP),  # half good
    ("no, the second", select(1)),  # good, and yet:
    ("no, the second", select(2)),  # the last turn, which has no reply
)


class Optimist:
    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        return [Feedback.POSITIVE for _ in exchanges]


class Pessimist:
    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        return [Feedback.NEGATIVE for _ in exchanges]


def run(*arguments: object) -> int:
    return cli.main(["bench", "decoders", *map(str, arguments)])


def test_the_figures_of_a_game_counted_by_hand(tmp_path: Path) -> None:
    write_games("jsonl", tmp_path / "games.jsonl", [LoggedGame(GAME)])
    out = tmp_path / "figures.json"
    assert run("--games", tmp_path / "games.jsonl", "--decoder", "lexical", "--json", out) == 0
    figures = json.loads(out.read_text())
    assert figures["turns"] == 4
    assert figures["binary"] == {"accuracy": 0.75, "positive_precision": 1.0, "positive_recall": 0.5}
    assert set(figures["ternary"]) == {"accuracy", "confusion"}
    assert figures["ternary"]["accuracy"] == 0.75
    assert figures["ternary"]["confusion"] == {
        "negative": {"negative": 1, "neutral": 0, "positive": 0},
        "neutral": {"negative": 0, "neutral": 1, "positive": 0},
        "positive": {"negative": 1, "neutral": 0, "positive": 1},
    }
    assert {"versions", "machine", "seed", "file"} <= set(figures)


def test_a_decoder_is_judged_in_both_of_its_forms_and_may_have_to_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_games("jsonl", tmp_path / "games.jsonl", [LoggedGame(GAME)])
    figures = []
    for number, options in enumerate(([], ["--ternary"])):
        out = tmp_path / f"{number}.json"
        assert run("--games", tmp_path / "games.jsonl", "--json", out, *options) == 0
        figures.append(json.loads(out.read_text()))
    differing = {name for name in figures[0] if figures[0][name] != figures[1][name]}
    assert differing <= {"cpu_seconds_per_thousand", "digest"}
    assert run("--games", "games.jsonl", "--decoder", "test_decoder_benchmark:Optimist", "--ternary") == 2
    assert "'test_decoder_benchmark:Optimist' has no ternary form" in capsys.readouterr().err


def test_a_decoder_of_ones_own_needs_no_second_form() -> None:
    figures = decoders.evaluate(Optimist, [GAME])
    assert figures["binary"] == {"accuracy": 0.5, "positive_precision": 0.5, "positive_recall": 1.0}


class Guessing(Optimist):
    """Says of its answers how sure it is, if that is what it was made with."""

    def __init__(self, said: object) -> None:
        self.said = said

    def probabilities(self, exchanges: Sequence[Exchange]) -> object:
        return self.said


@pytest.mark.parametrize("said", [None, 0.5, [0.5], [math.nan] * 2, [1.5, 0.5], ["sure", "so"], [0.5] * 3])
def test_probabilities_that_are_none_are_refused(said: object) -> None:
    with pytest.raises(UserError, match=r"^decoder test_decoder_benchmark:Guessing (returned|failed)"):
        decoders.evaluate(lambda: Guessing(said), [GAME])  # type: ignore[arg-type, return-value]


def test_probabilities_may_be_a_list() -> None:
    said = [0.5] * len(GAME.exchanges())
    assert "expected_calibration_error" in decoders.evaluate(lambda: Guessing(said), [GAME])  # type: ignore[arg-type, return-value]


def test_precision_is_unknown_where_nothing_is_decoded_as_positive() -> None:
    assert decoders.evaluate(Pessimist, [GAME])["binary"]["positive_precision"] is None


@given(games(min_size=1))
def test_every_reply_is_counted_once(interactions: list[Interaction]) -> None:
    replies = sum(len(interaction.turns) - 1 for interaction in interactions)
    if replies:
        figures = decoders.evaluate(Optimist, interactions)
        counted = np.array([list(row.values()) for row in figures["ternary"]["confusion"].values()])
        assert figures["turns"] == counted.sum() == replies
        low, high = figures["intervals"]["ternary_accuracy"]
        assert low <= figures["ternary"]["accuracy"] <= high


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("", "games.jsonl: no games"),
        (json.dumps(next(GameRecords().to_records(LoggedGame(game(("the first", select(0))))))), "nothing to decode"),
        ('{"game_id": "1", "chat": [', "line 1: not JSON"),
        ("[]", "line 1"),
    ],
)
def test_bad_files_get_one_clear_line(
    content: str | None,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "games.jsonl"
    if content is not None:
        path.write_text(content)
    assert run("--games", path) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


TABLE = """utterance,action,reply,label,kind
the first,select A,yes,positive,praise
the second,deselect A select B,"no, the second",negative,correction
the second,select C,"fine, whatever",negative,correction
"""


def test_the_figures_of_odd_replies_counted_by_hand(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(TABLE)
    out = tmp_path / "figures.json"
    options = ("--decoder", "test_decoder_benchmark:Optimist", "--json", out)
    assert run("--replies", tmp_path / "odd.csv", *options) == 0
    figures = json.loads(out.read_text())
    assert figures["binary"] == {"accuracy": 1 / 3, "positive_precision": 1 / 3, "positive_recall": 1.0}
    assert {kind: (row["replies"], row["accuracy"]) for kind, row in figures["kinds"].items()} == {
        "praise": (1, 1.0),
        "correction": (2, 0.0),
    }
    assert (figures["all"]["replies"], figures["all"]["accuracy"]) == (3, 1 / 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "expected the columns utterance, action, reply, label, kind"),
        (TABLE.encode().splitlines()[0], "no replies"),
        (TABLE.encode() + b"a,select A,yes,content,praise\n", "line 5: expected 5 values, with the label"),
        (TABLE.encode() + b"a,select A,yes\n", "line 5: expected 5 values"),
        (TABLE.encode() + b"a,press A,yes,positive,praise\n", "line 5"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_bad_tables_of_replies_get_one_clear_line(
    content: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.csv"
    if content is not None:
        path.write_bytes(content)
    assert run("--replies", path) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error
    assert error.count("\n") == 1


def test_either_games_or_replies_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ((), ("--games", "games.jsonl", "--replies", "odd.csv")):
        assert run(*options) == 2
        assert "either --games or --replies" in capsys.readouterr().err


ODD = Path(decoders.__file__).resolve().parent / "odd_replies"


@pytest.mark.parametrize(("table", "least"), [("tuning", 0.9), ("held_back", 0.9), ("unseen", 0.79)])
@pytest.mark.parametrize("decoder", ["lexical", "learned"])
def test_odd_replies_are_understood(decoder: str, table: str, least: float) -> None:
    figures = decoders.evaluate_replies(decoder, read_replies(ODD / f"{table}.csv"))
    assert figures["all"]["accuracy"] >= least


def test_without_the_phrases_of_one_speaker_alone_that_speaker_is_less_understood() -> None:
    odd = replace(game(("the first", select(0)), ("yes, the second", select(5)), ("wrong", SWAP)), speaker="else")
    figures = decoders.leave_one_speaker_out([GAME, odd])
    # "yes" and "no" both say or one alone; "wrong" is no longer known, and so it is a description
    assert figures["lowest"] == 0.5
    assert decoders.evaluate(LexicalDecoder, [odd])["binary"]["accuracy"] == 1.0


def test_an_unknown_decoder_gets_the_names_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--games", "games.jsonl", "--decoder", "telepathy") == 2
    assert "'telepathy': choose from lexical" in capsys.readouterr().err
