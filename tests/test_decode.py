"""`multiref decode`: feedback on logged games, into a store or a file, and a table that people correct."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from running import run

from multiref_gym.agents.commands import decode
from multiref_gym.agents.decoders.learned import LearnedDecoder
from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, decoded_games
from multiref_gym.formats import read_games
from multiref_gym.formats.label_table import LabelTable
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.store import InteractionStore


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("games") / "games.jsonl"
    run("simulate", "--listener", "erring", "--games", 12, "--out", path)
    return path


@pytest.fixture(scope="module")
def table(games: Path) -> Path:
    path = games.with_name("table.csv")
    run("decode", "--games", games, "--decoder", "learned", "--against", "lexical", "--out", path)
    return path


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rewritten(table: Path, rows: list[dict[str, str]], out: Path) -> Path:
    with out.open("w", newline="", encoding="utf-8-sig") as file:  # as spreadsheets do
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return out


def read(games: Path) -> list[LoggedGame]:
    return read_games(games)[0]


def test_a_table_has_a_row_for_each_exchange(games: Path, table: Path) -> None:
    exchanges = [exchange for logged in read(games) for exchange in logged.exchanges()]
    rows = rows_of(table)
    assert [row["reply"] for row in rows] == [exchange.reply for exchange in exchanges]
    assert [row["action"] for row in rows] == [str(exchange.action) for exchange in exchanges]
    for name, decoder in (("feedback", LearnedDecoder()), ("against", LexicalDecoder())):
        assert [row[name] for row in rows] == [value.name.lower() for value in decoder.decode(exchanges)]
    said = [float(row["probability"]) for row in rows]
    assert said == pytest.approx(LearnedDecoder().probabilities(exchanges).tolist(), abs=1e-4)


def test_games_with_their_feedback_are_labelled_games(games: Path, tmp_path: Path) -> None:
    run("decode", "--games", games, "--out", tmp_path / "decoded.jsonl")
    for before, after in zip(read(games), read(tmp_path / "decoded.jsonl"), strict=True):
        assert after.interaction == before.interaction
        [values] = decoded_games(LexicalDecoder(), [before.exchanges()])
        assert after.labels == (*values, None)


def test_how_many_are_decoded_at_once_makes_no_difference(
    games: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "BLOCK", 5)
    run("decode", "--games", games, "--decoder", "learned", "--against", "lexical", "--out", tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == table.read_bytes()


def test_a_store_keeps_the_feedback_of_each_round(games: Path, tmp_path: Path) -> None:
    store = tmp_path / "games.db"
    run("import", "--games", games, "--store", store, "--system", "S")
    run("decode", "--store", store, "--decoder", "lexical")
    with InteractionStore(store, create=False) as opened:
        kept = opened.feedback("lexical", "S", 0)
        played = opened.interactions("S", 0)
    assert kept == decoded_games(LexicalDecoder(), [game.exchanges() for game in played])
    # What is there is not decoded again, but written where it is asked for.
    run("decode", "--store", store, "--decoder", "lexical", "--out", tmp_path / "table.csv")
    assert [row["feedback"] for row in rows_of(tmp_path / "table.csv")] == [
        value.name.lower() for values in kept for value in values
    ]
    with pytest.raises(UserError, match=r"no such interactions; there are: 'S' rounds \[0\]"):
        run("decode", "--store", store, "--system", "T")


def test_a_corrected_table_is_read_back_as_labels(games: Path, table: Path, tmp_path: Path) -> None:
    rows = rows_of(table)
    first, second, *rest = rows
    first["feedback"], second["feedback"] = "Neutral ", ""
    corrected = rewritten(table, [*rest[::-1], second, first], tmp_path / "corrected.csv")
    labelled = list(LabelTable(corrected).of(read(games)))
    assert labelled[0].labels[:2] == (Feedback.NEUTRAL, None)
    flat = [label.name.lower() for logged in labelled for label in logged.labels if label is not None]
    assert flat == ["neutral", *(row["feedback"] for row in rest)]
    without = rewritten(table, rest, tmp_path / "without.csv")
    assert next(LabelTable(without).of(read(games))).labels[:2] == (None, None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"feedback": "fine"}, "line 2, field 'feedback': 'fine' is none of negative, neutral, positive"),
        ({"turn": "-1"}, "line 2, field 'turn': '-1' is not the number of a turn"),
        ({"turn": "99"}, "line 2: game 'erring-0-0000' has"),
        ({"action": "select Z"}, "line 2: in turn 0 of 'erring-0-0000' the action was"),
        ({"game_id": "other"}, "line 2: no game 'other' among the games"),
        ({"turn": "1"}, "line 3: turn 1 of game 'erring-0-0000' exists already"),
    ],
)
def test_labels_that_do_not_match_are_one_line(
    games: Path, table: Path, tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    rows = rows_of(table)
    rows[0] |= change
    with pytest.raises(UserError, match=complaint) as error:
        list(LabelTable(rewritten(table, rows, tmp_path / "table.csv")).of(read(games)))
    assert "\n" not in str(error.value)


def test_what_is_no_table_says_so(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column 'game_id'"):
        LabelTable(path)
    path.write_bytes(b"game_id,turn,action,feedback\n\xff,0,select A,positive\n")
    with pytest.raises(UserError, match="not a table in UTF-8"):
        LabelTable(path)


def test_games_without_a_reply_have_nothing_to_decode(games: Path, tmp_path: Path) -> None:
    record = json.loads(games.read_text().splitlines()[0])
    record |= {name: record[name][:1] for name in ("chat", "clicks", "log_probs")}
    (tmp_path / "short.jsonl").write_text(json.dumps(record))
    with pytest.raises(UserError, match="no feedback to decode: no game has a second turn"):
        run("decode", "--games", tmp_path / "short.jsonl", "--out", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["short.jsonl"]


def test_agreement_is_counted_and_told_beyond_chance(
    games: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("decode", "--games", games, "--against", "lexical", "--out", tmp_path / "table.csv")
    assert "lexical and lexical agree on 100.0%, kappa 1.00" in " ".join(capsys.readouterr().out.split())


def test_a_table_is_replaced_only_by_force_and_only_a_table(games: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    out.write_bytes(table.read_bytes())
    with pytest.raises(UserError, match="--force replaces a table of feedback"):
        run("decode", "--games", games, "--out", out)
    run("decode", "--games", games, "--out", out, "--force")
    out.write_text("something else")
    with pytest.raises(UserError, match="--force only replaces a table of feedback"):
        run("decode", "--games", games, "--out", out, "--force")
    assert out.read_text() == "something else"


def test_an_option_of_the_other_source_is_refused(games: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--system applies to --store only, not to --games"):
        run("decode", "--games", games, "--system", "S", "--out", tmp_path / "table.csv")
