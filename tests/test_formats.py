"""What the readers of all formats share: where games come from, what is refused, and how it is named."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from acting import games_of
from hypothesis import given, settings
from hypothesis import strategies as st

from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats import read_games, read_interactions, write_games
from multiref_gym.formats.interaction_rows import InteractionRows
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import BadGame, LoggedGame, fingerprint
from multiref_gym.formats.records import Record, RecordFormat
from multiref_gym.formats.turn_rows import TurnRows
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
NAMES = FIGURES.ids[:10]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]), max_size=5),
    lambda item: st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=3), item, max_size=3),
    max_leaves=9,
)
Change = Callable[[dict[str, Any]], Any]


def game(*turns: tuple[str, Action], game_id: str) -> Interaction:
    """A game for the first three tangrams."""
    return Interaction(game_id, Context(NAMES, NAMES, frozenset(NAMES[:3])), tuple(Turn(*turn) for turn in turns))


ONE = game(
    ("the house", Action(frozenset({0}))),
    ("yes, the bird", Action(frozenset({5}))),
    ("no, undo that", Action(frozenset(), frozenset({5}))),
    ("good. the bird", Action()),
    game_id="1",
)
OTHER = game(("the boat", Action(frozenset({2}))), ("yes, the cat", Action(frozenset({0}))), game_id="2")


@pytest.fixture(scope="module")
def played() -> list[Interaction]:
    return play(RandomListener(), games_of(FIGURES, 8), policy="random")


def records_of(games: Sequence[Interaction], format: RecordFormat | None = None) -> list[dict[str, Any]]:
    """Records that share no lists."""
    form = format or GameRecords()
    records: list[dict[str, Any]] = json.loads(
        json.dumps([record for game in games for record in form.to_records(LoggedGame(game))])
    )
    return records


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def write(path: Path, games: Sequence[Interaction], change: Change = lambda record: None) -> Path:
    """Writes games to a file, the second of them changed."""
    records = records_of(games)
    change(records[1])
    return write_lines(path, records)


def same_games(one: Sequence[LoggedGame], other: Sequence[LoggedGame]) -> bool:
    return fingerprint(one) == fingerprint(other)


# Where games come from, and which form they have.


def test_turn_rows_are_read_as_the_games_that_they_are_of(played: list[Interaction], tmp_path: Path) -> None:
    games, _ = read_games(write(tmp_path / "games.jsonl", played))
    rows = records_of(played, TurnRows())
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    write_lines(tmp_path / "turns.jsonl", rows)
    (tmp_path / "turns.json").write_text(json.dumps(rows))
    for name in ("turns.jsonl", "turns.json"):
        for format in ("turn", None):
            assert same_games(games, read_games(tmp_path / name, format)[0])


def test_a_file_may_hold_records_of_several_forms(tmp_path: Path) -> None:
    third = replace(OTHER, game_id="3")
    records = [*records_of([ONE], TurnRows()), *records_of([OTHER]), *records_of([third], InteractionRows())]
    assert [game.game_id for game in read_interactions(write_lines(tmp_path / "games.jsonl", records))] == [*"123"]


def test_a_format_that_is_told_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "games.jsonl", records_of([ONE]))
    with pytest.raises(BadGame, match="line 1, field 'chats': missing"):
        read_games(path, "turn")
    assert read_games(path, "interaction")[0][0].interaction == ONE  # both orders are the same


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    for name, text in (
        ("games.jsonl", json.dumps(records_of([ONE])[0])),
        ("games.json", json.dumps(records_of([ONE]))),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert read_interactions(tmp_path / name) == [ONE]


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "games.jsonl", records_of([ONE, OTHER]))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_interactions(path) == [ONE, OTHER]


def test_parquet_files_are_read(played: list[Interaction], tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet files need the extra 'datasets'")
    parquet = pytest.importorskip("pyarrow.parquet")

    rows = records_of(played, TurnRows())
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "turns.parquet")
    write_lines(tmp_path / "turns.jsonl", rows)
    assert same_games(*(read_games(tmp_path / f"turns.{end}")[0] for end in ("parquet", "jsonl")))
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"broken\.parquet"):
        read_games(tmp_path / "broken.parquet")


def test_without_the_extra_a_parquet_file_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "turns.parquet").touch()
    with pytest.raises(UserError, match=r"pip install 'multiref-gym\[datasets\]'"):
        read_games(tmp_path / "turns.parquet")


@pytest.mark.parametrize(
    ("format", "configuration", "form"),
    [(None, "turn", TurnRows()), ("turn", "turn", TurnRows()), ("interaction", "interaction", InteractionRows())],
)
def test_a_data_set_of_the_hub_is_read(
    format: str | None,
    configuration: str,
    form: RecordFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load_dataset(name: str, asked: str) -> dict[str, Iterator[dict[str, Any]]]:
        assert (name, asked) == ("somebody/games", configuration)
        return {"train": iter(records_of([ONE], form)), "test": iter(records_of([OTHER], form))}

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    games, _ = read_games("somebody/games", format)
    assert same_games(games, [LoggedGame(ONE), LoggedGame(OTHER)])
    assert games[0].place == "somebody/games, line 1"


def test_without_the_extra_the_id_of_a_data_set_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"somebody/games: no such file, .* 'multiref-gym\[datasets\]'"):
        read_games("somebody/games")


def test_a_folder_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "games.jsonl", records_of([ONE]))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="a folder, not a file, and reading a data set on the hub needs"):
        read_games(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("datasets", reason="folders are read by the extra 'datasets'")
    with pytest.raises(UserError, match="a folder, not a file, and no data set on the hub with a configuration 'turn'"):
        read_games(tmp_path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read_games(tmp_path / "absent.jsonl")


# What a record says besides.


def test_labels_are_words_or_numbers(tmp_path: Path) -> None:
    [row] = records_of([replace(OTHER, game_id="4", turns=OTHER.turns[:1])], TurnRows())
    records = [
        records_of([ONE])[0] | {"feedback": ["negative", None, 1]},
        records_of([OTHER])[0],
        row | {"feedback": "neutral"},
    ]
    games, _ = read_games(write_lines(tmp_path / "games.jsonl", records))
    negative, neutral, positive = Feedback
    assert [game.labels for game in games] == [(negative, None, positive, None), (None, None), (neutral,)]


def test_the_reply_to_the_last_turn_row_is_kept_where_the_game_goes_on(tmp_path: Path) -> None:
    [game], _ = read_games(write_lines(tmp_path / "turns.jsonl", records_of([ONE], TurnRows())[:2]))
    assert game.reply == "no, undo that"
    assert [exchange.reply for exchange in game.exchanges()] == ["yes, the bird", "no, undo that"]
    [whole], _ = read_games(write_lines(tmp_path / "turns.jsonl", records_of([ONE], TurnRows())))
    assert whole.exchanges() == ONE.exchanges()


@pytest.mark.parametrize("format", ["interaction", "turn"])
def test_the_system_of_a_row_is_read(tmp_path: Path, format: str) -> None:
    write_games(format, tmp_path / "rows.jsonl", [LoggedGame(ONE, system="B-SUP")])
    assert read_games(tmp_path / "rows.jsonl")[0][0].system == "B-SUP"


def test_the_fingerprint_of_games_is_of_what_is_replayed() -> None:
    one, other = LoggedGame(ONE), LoggedGame(OTHER)
    assert same_games([one, other], [other, replace(one, place="elsewhere", system="S")])
    for another in (
        replace(one, reply="no"),
        replace(one, labels=(Feedback.NEUTRAL,)),
        LoggedGame(replace(ONE, turns=ONE.turns[:1])),
    ):
        assert not same_games([one], [another])


# What is bad.


def changed(field: str, value: Any) -> Change:
    return lambda record: record.update({field: value})


def rename(record: dict[str, Any]) -> None:
    """Gives one tangram of a game a name that no tangram of the set has."""
    record.update(json.loads(json.dumps(record).replace(record["context"][0], "page1-0.png")))


def shrink(record: dict[str, Any]) -> None:
    """Takes a tangram that is no target away."""
    spare = next(name for name in record["context"] if name not in record["targets"])
    for names in (record["context"], record["context_listener"], *record["clicks"]):
        if spare in names:
            names.remove(spare)


BAD: dict[str, tuple[str, Change]] = {
    "too few tangrams": ("context", shrink),
    "orders of different lengths": ("context_listener", lambda record: record["context"].pop()),
    "a tangram twice": ("context", lambda record: record["context"].__setitem__(0, record["context"][1])),
    "tangrams of another game": ("context_listener", changed("context_listener", list(FIGURES.ids[40:50]))),
    "no such tangram": ("context", rename),
    "a click outside the context": ("clicks", lambda record: record["clicks"][0].append(FIGURES.ids[40])),
    "a target outside the context": ("targets", changed("targets", ["page1-0.png"])),
    "no targets": ("targets", changed("targets", [])),
    "more chats than clicks": ("clicks", lambda record: record["chat"].append("and the last one")),
    "more clicks than chats": ("clicks", lambda record: record["clicks"].append([])),
    "no turns": ("clicks", lambda record: record.update(chat=[], clicks=[])),
    "chat that is no list": ("chat", changed("chat", "the house")),
    "clicks that are no lists": ("clicks[0]", changed("clicks", [1, 2])),
    "no id": ("game_id", lambda record: record.pop("game_id")),
    "an id that is no text": ("game_id", changed("game_id", 7)),
    "a round that is no number": ("round", changed("round", "last")),
    "half a round": ("round", changed("round", 1.5)),
    "a round that is true": ("round", changed("round", True)),
    "a probability": ("log_probs[0]", lambda r: r.update(log_probs=[0.5] * len(r["chat"]))),
    "an unknown label": ("feedback[0]", lambda r: r.update(feedback=["perhaps"] * (len(r["chat"]) - 1))),
    "a label that is no text": ("feedback[0]", lambda r: r.update(feedback=[[]] * (len(r["chat"]) - 1))),
    "a label too many": ("feedback", lambda r: r.update(feedback=[1] * len(r["chat"]))),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_game_is_named_by_file_line_and_field(kind: str, played: list[Interaction], tmp_path: Path) -> None:
    field, change = BAD[kind]
    path = write(tmp_path / "games.jsonl", played, change)
    with pytest.raises(BadGame) as raised:
        read_games(path, tangrams=FIGURES, context_size=10)
    assert str(raised.value).startswith(f"{path}, line 2, field '{field}': ")
    good, bad = read_games(path, tangrams=FIGURES, context_size=10, skip_bad=True)
    assert len(good) == len(played) - 1
    assert [str(error) for error in bad] == [str(raised.value)]


@pytest.mark.parametrize("change", [rename, shrink])
def test_tangrams_and_their_number_count_where_they_are_asked_for(
    change: Change, played: list[Interaction], tmp_path: Path
) -> None:
    assert len(read_games(write(tmp_path / "games.jsonl", played, change))[0]) == len(played)


BAD_ROWS: dict[str, tuple[str, Change]] = {
    "too few tangrams": ("clicks", lambda row: row["context"].remove(NAMES[5])),
    "no reply": ("chat_feedback", lambda row: row.pop("chat_feedback")),
    "a reply that is no text": ("chat_feedback", changed("chat_feedback", None)),
    "a click outside the context": ("clicks", lambda row: row["clicks"][0].append("page1-0.png")),
    "a selection outside the context": ("currently_selected", changed("currently_selected", ["page1-0.png"])),
    "another selection than was clicked": ("currently_selected", changed("currently_selected", [])),
    "chats and clicks of other lengths": ("clicks", lambda row: row["chats"].pop()),
    "an unknown label": ("feedback", changed("feedback", 2)),
    "another round": ("round", changed("round", 7)),
    "another dialogue": ("chats", lambda row: row["chats"].__setitem__(0, "the ship")),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_turn_row_is_named_and_spoils_its_game(kind: str, tmp_path: Path) -> None:
    field, change = BAD_ROWS[kind]
    rows = records_of([OTHER, ONE], TurnRows())
    change(rows[3])
    path = write_lines(tmp_path / "turns.jsonl", rows)
    with pytest.raises(BadGame) as raised:
        read_games(path)
    assert str(raised.value).startswith(f"{path}, line 4, field '{field}': ")
    good, bad = read_games(path, skip_bad=True)
    assert [game.interaction.game_id for game in good] == ["2"]
    assert len(bad) == 1


@pytest.mark.parametrize("form", [GameRecords(), InteractionRows(), TurnRows()])
def test_a_game_that_comes_twice_is_named_with_the_other_one(form: RecordFormat, tmp_path: Path) -> None:
    records = [*records_of([ONE, OTHER], form), *records_of([ONE], form)]
    path = write_lines(tmp_path / "games.jsonl", records)
    last = len(records) - (len(ONE.turns) - 1 if isinstance(form, TurnRows) else 0)
    with pytest.raises(BadGame, match=rf"games\.jsonl, line {last}.*'1' is already .*in {path}, line 1"):
        read_games(path)
    good, bad = read_games(path, skip_bad=True)
    assert [len(good), len(bad)] == ([1, 1] if isinstance(form, TurnRows) else [2, 1])


def test_a_game_that_comes_twice_in_two_forms_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "games.jsonl", [*records_of([ONE], TurnRows()), *records_of([ONE])])
    with pytest.raises(
        BadGame, match=rf"line {len(ONE.turns) + 1}, field 'game_id': '1' is already the game in .*, line 1"
    ):
        read_games(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"game_id": "1", "chat": [', "not JSON"),
        (b'{"game_id": "\xff"}', "not JSON in UTF-8"),
        (b'{"game_id": "\\ud83d"}', r"field 'game_id': character 1 is '\\ud83d'"),
        (b'{"chat": ["a", "a \\udc00"]}', r"field 'chat\[1\]': character 3 is '\\udc00'"),
        (b'{"a": {"b\\ud83d": 1}}', r"field 'a': character 2 is '\\ud83d'"),
        (b'{"game_id": "\\ud8"}', r"not JSON \("),
        (b"[]", "input should be an object, got "),
        (b"game_id,chat", "not JSON"),
        (gzip.compress(b"{}", mtime=0), "not JSON in UTF-8"),
        (b'{"game_id": NaN}', "field 'game_id'"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b'{"game_id": ' + b"1" * 4300 + b"}", "field 'game_id'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    line: bytes, message: str, played: list[Interaction], tmp_path: Path
) -> None:
    path = write(tmp_path / "games.jsonl", played)
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line, b"\n", *others]))
    with pytest.raises(BadGame, match=f"line 2(: |, ){message}"):
        read_games(path)
    good, bad = read_games(path, skip_bad=True)
    assert (len(good), len(bad)) == (len(played), 1)


def test_a_blank_line_is_nothing_and_is_counted(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "games.jsonl", records_of([ONE, OTHER]))
    path.write_bytes(b"\n" + path.read_bytes().replace(b"\n", b"\n \r\n\n"))
    assert [game.place for game in read_games(path)[0]] == [f"{path}, line {number}" for number in (2, 5)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_in_another_encoding_is_named(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    path.write_text(json.dumps(records_of([ONE])[0]), encoding=encoding)
    with pytest.raises(BadGame, match=r"games\.jsonl, line 1: not JSON in UTF-8"):
        read_games(path)


def test_of_a_key_that_comes_twice_the_last_counts(tmp_path: Path) -> None:
    for name, brackets in (("games.jsonl", ("", "")), ("games.json", "[]")):
        record = json.dumps(records_of([ONE])[0]).replace("{", '{"game_id": "first", ', 1)
        (tmp_path / name).write_text(record.join(brackets))
        assert read_interactions(tmp_path / name) == [ONE]


NAMED = ("game_id", "speaker", "policy_name", "closing", "dataset_alias")
TEXTS = [
    *[(GameRecords(), field) for field in (*NAMED, "chat[0]", "context[0]", "context_listener[0]")],
    *[(InteractionRows(), field) for field in ("chat[0]", "context[0]", "speaker")],
    *[(TurnRows(), field) for field in ("chats[0]", "context[0]", "chat_feedback", "policy_name")],
]


@pytest.mark.parametrize(("form", "field"), TEXTS)
@pytest.mark.parametrize("odd", ["\0", "a bird \ud83d", "\udcff"])
def test_a_text_that_no_database_holds_is_named_by_its_field(form: RecordFormat, field: str, odd: str) -> None:
    record, *_ = records_of([ONE], form)
    name, _, item = field.partition("[")
    record[name] = [odd, *record[name][1:]] if item else odd
    with pytest.raises(BadGame) as raised:
        form.to_game([Record("rows, line 1", record)])
    assert str(raised.value).startswith(f"rows, line 1, field '{field}': character {len(odd)} is ")


LINES = [
    json.dumps(record).encode()
    for form in (GameRecords(), InteractionRows(), TurnRows())
    for record in records_of([ONE, OTHER], form)
]
PIECES = st.binary(max_size=9) | st.sampled_from(
    [b"\xef\xbb\xbf", b"\0", b'\\ud83d"', b"NaN", b"[" * 999, b"1" * 5000, b"\r\n"]
)


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    """A record of a game that something was done to, or something else."""
    line = draw(st.sampled_from(LINES))
    if draw(st.booleans()):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(line))] * 2)))
        return line[:start] + draw(PIECES) + line[draw(st.sampled_from([start, end])) :]
    record = json.loads(line)
    record[draw(st.sampled_from(list(record)))] = draw(JSON_VALUES)
    return draw(st.just(json.dumps(record).encode()) | PIECES)


@given(
    lines=st.lists(odd_lines() | st.sampled_from(LINES), max_size=5),
    name=st.sampled_from(["g.jsonl", "g.json", "g.parquet"]),
    format=st.sampled_from([None, "jsonl", "turn", "interaction"]),
    skip_bad=st.booleans(),
)
@settings(max_examples=200)
def test_any_file_is_read_or_named(
    lines: list[bytes], name: str, format: str | None, skip_bad: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("odd") / name
    path.write_bytes(b"\n".join(lines))
    try:
        games, _ = read_games(path, format, skip_bad=skip_bad)
    except UserError as error:
        told = str(error)
    else:
        write_games("jsonl", path.with_suffix(".again"), games)
        assert read_interactions(path.with_suffix(".again")) == [game.interaction for game in games]
        return
    assert name in told
    assert told.isprintable()


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "games.json").write_text('[{"game_id": ')
    with pytest.raises(BadGame, match=r"games\.json: not JSON"):
        read_games(tmp_path / "games.json")


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_file_without_a_good_game_is_an_error(skip_bad: bool, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(BadGame, match=r"empty\.jsonl: no games"):
        read_games(tmp_path / "empty.jsonl", skip_bad=skip_bad)
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(BadGame, match="line 1, field 'game_id': missing"):
        read_games(tmp_path / "bad.jsonl", skip_bad=skip_bad)
