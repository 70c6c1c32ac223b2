"""The commands that write the games of a store, and read games into one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from running import run

from multiref_gym.cli import main
from multiref_gym.errors import UserError
from multiref_gym.formats import FORMATS, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.store import InteractionStore

GAME = Interaction(
    game_id="g",
    context=Context(("c", "a", "b"), ("a", "b", "c"), frozenset("bc")),
    turns=(
        Turn("the bird", Action(frozenset({0})), -1.5),
        Turn("no, the boat", Action(frozenset({1}), frozenset({0})), None),
        Turn("yes, and the fish", Action(frozenset({2})), -0.5),
    ),
    speaker="someone",
    policy="B-SUP 2",
    round=2,
    closing="great",
)

OWN_FORMATS = r"""
from pathlib import Path

from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn


class Shouted(GameRecords):  # records in files, of which the base class knows all but the fields
    def to_records(self, logged):
        for record in super().to_records(logged):
            yield record | {"chat": [utterance.upper() for utterance in record["chat"]]}


class Words:  # a text a line, the first utterance of a game: no more than the contract
    def read(self, where):
        context = Context(tuple("abc"), tuple("abc"), frozenset("a"))
        for number, line in enumerate(Path(where).read_text().splitlines(), start=1):
            place = f"{where}, line {number}"
            turn = Turn(line, Action(frozenset({0})))
            logged = LoggedGame(Interaction(f"{number}", context, (turn,)), place=place)
            yield logged if line else BadGame("expected an utterance", place)

    def write(self, where, games):
        Path(where).write_text("".join(f"{game.interaction.turns[0].utterance}\n" for game in games))


class Odd(Words):  # each line is an expression
    def read(self, where):
        context = Context(tuple("abc"), tuple("abc"), frozenset("a"))
        yield eval(Path(where).read_text())

    def write(self, where, games):
        raise SystemExit(3)


def no_format():
    pass
"""


def named_clicks(interaction: Interaction) -> list[tuple[set[str], set[str]]]:
    """What each turn selects and deselects, whatever the listener's order."""
    order = interaction.context.listener_order
    return [
        ({order[i] for i in turn.action.select}, {order[i] for i in turn.action.deselect}) for turn in interaction.turns
    ]


@pytest.fixture
def own_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with formats of one's own."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "my_formats.py").write_text(OWN_FORMATS)
    monkeypatch.syspath_prepend(str(tmp_path / "folder"))
    monkeypatch.delitem(sys.modules, "my_formats", raising=False)
    return "my_formats"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "interactions.db"
    with InteractionStore(path) as opened:
        opened.add([GAME, replace(GAME, game_id="h", round=3)], "B-SUP")
        opened.add([replace(GAME, game_id="i")], "CONTROL")
    return path


def test_what_was_exported_can_be_imported(store: Path, tmp_path: Path) -> None:
    games, copy = tmp_path / "games.jsonl", tmp_path / "copy.db"
    run("export", "--store", store, "--out", games, "--system", "B-SUP")
    run("import", "--store", copy, "--games", games, "--system", "B-SUP")
    with InteractionStore(store) as original, InteractionStore(copy) as copied:
        assert copied.interactions() == original.interactions("B-SUP")


@pytest.mark.parametrize("format", ["interaction", "turn"])
def test_rows_of_the_public_data_set_can_be_exported_and_imported(store: Path, tmp_path: Path, format: str) -> None:
    rows, copy = tmp_path / "rows.jsonl", tmp_path / "copy.db"
    run("export", "--store", store, "--out", rows, "--format", format, "--round", 2)
    assert {json.loads(line)["dataset_alias"] for line in rows.read_text().splitlines()} == {"B-SUP", "CONTROL"}
    run("import", "--store", copy, "--games", rows, "--system", "PUBLIC", "--round", 5)
    with InteractionStore(copy) as copied:
        assert [named_clicks(game) for game in copied.interactions("PUBLIC", 5)] == [named_clicks(GAME)] * 2


@pytest.mark.parametrize("options", [["--system", "T-SUP"], ["--round", 9]])
def test_an_export_of_nothing_says_what_there_is(store: Path, tmp_path: Path, options: list[object]) -> None:
    with pytest.raises(UserError, match=r"'B-SUP' rounds \[2, 3\], 'CONTROL' rounds \[2\]"):
        run("export", "--store", store, "--out", tmp_path / "games.jsonl", *options)
    assert not (tmp_path / "games.jsonl").exists()


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        (
            "export",
            ["--out", "games.jsonl", "--decoder", "lexical"],
            "--decoder applies to --trl and --inspect and --minari only, not to --out",
        ),
        ("export", ["--out", "games.jsonl", "--image", "tangrams"], "--image applies to --minari only"),
        (
            "export",
            ["--out", "games.jsonl", "--tangrams", "figures"],
            "--tangrams applies to --trl and --inspect and --minari",
        ),
        ("export", ["--out", "games.jsonl", "--skip-bad"], "--skip-bad applies to --trl and --inspect and --minari"),
        ("export", ["--minari", "games-v0", "--format", "jsonl"], "--format applies to --out only, not to --minari"),
        ("export", ["--minari", "games-v0", "--ternary"], "--ternary needs a decoder: add --decoder"),
        ("import", ["--minari", "games-v0", "--system", "S", "--format", "turn"], "--format applies to --games only"),
    ],
)
def test_an_option_that_does_not_apply_is_named(tmp_path: Path, command: str, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(command, "--store", tmp_path / "absent.db", *words)


def test_an_export_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such store"):
        run("export", "--store", tmp_path / "absent.db", "--out", tmp_path / "games.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["jsonl", "interaction", "turn"])
def test_a_malformed_line_imports_nothing(tmp_path: Path, format: str) -> None:
    games = tmp_path / "games.jsonl"
    write_games(format, games, [LoggedGame(GAME)])
    with games.open("a") as lines:
        lines.write('{"game_id": "broken", "dataset_alias": ""}\n')
    line = len(games.read_text().splitlines())
    with pytest.raises(UserError, match=rf"games\.jsonl, line {line}, field "):
        run("import", "--store", tmp_path / "new.db", "--games", games, "--system", "HUMAN")
    assert not (tmp_path / "new.db").exists()


def test_bad_games_are_skipped_where_it_is_asked_for_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    games = tmp_path / "games.jsonl"
    write_games("jsonl", games, [LoggedGame(GAME)])
    games.write_text(f'{{"game_id": "\\ud83d"}}\n{games.read_text()}{{"game_id": "broken"}}\n')
    run("import", "--store", tmp_path / "new.db", "--games", games, "--system", "HUMAN", "--skip-bad")
    first, second, *skipped = capsys.readouterr().out.splitlines()
    assert (first, second) == ("1 interactions of 'HUMAN' added, rounds 2", "2 bad games skipped:")
    assert [line.removeprefix(f"{games}, ").split(":")[0] for line in skipped] == [
        "line 1, field 'game_id'",
        "line 3, field 'context'",
    ]


@pytest.mark.parametrize("system", ["a\udcff", "\0"])
def test_a_system_whose_name_is_no_text_leaves_no_store_behind(tmp_path: Path, system: str) -> None:
    games = tmp_path / "games.jsonl"
    write_games("jsonl", games, [LoggedGame(GAME)])
    assert main(["import", "--store", f"{tmp_path}/new.db", "--games", str(games), "--system", system]) == 2
    assert list(tmp_path.iterdir()) == [games]


def test_an_import_that_does_not_fit_leaves_the_store_as_it_was(store: Path, tmp_path: Path) -> None:
    games = tmp_path / "games.jsonl"
    new = [replace(GAME, game_id="new", round=7), replace(GAME, game_id="newer", round=3)]
    write_games("jsonl", games, map(LoggedGame, new))
    with pytest.raises(UserError, match="round 3 of 'B-SUP' exists already"):
        run("import", "--store", store, "--games", games, "--system", "B-SUP")
    with InteractionStore(store) as opened:
        assert opened.rounds("B-SUP") == [2, 3]


def test_records_of_a_format_of_ones_own_can_be_exported_and_imported(
    store: Path, tmp_path: Path, own_formats: str
) -> None:
    games, copy, format = tmp_path / "games.jsonl", tmp_path / "copy.db", f"{own_formats}:Shouted"
    run("export", "--store", store, "--out", games, "--system", "B-SUP", "--format", format)
    run("import", "--store", copy, "--games", games, "--system", "LOUD", "--format", format)
    with InteractionStore(copy) as copied:
        (game,) = copied.interactions("LOUD", 2)
    assert [turn.utterance for turn in game.turns] == ["THE BIRD", "NO, THE BOAT", "YES, AND THE FISH"]
    assert [turn.action for turn in game.turns] == [turn.action for turn in GAME.turns]


def test_a_format_of_ones_own_needs_no_more_than_the_contract(store: Path, tmp_path: Path, own_formats: str) -> None:
    words, copy, format = tmp_path / "words.txt", tmp_path / "copy.db", f"{own_formats}:Words"
    run("export", "--store", store, "--out", words, "--format", format)
    assert words.read_text() == "the bird\n" * 3
    run("import", "--store", copy, "--games", words, "--system", "TOLD", "--format", format)
    with InteractionStore(copy) as copied:
        assert [game.game_id for game in copied.interactions("TOLD")] == ["1", "2", "3"]
    words.write_text("the bird\n\n")
    with pytest.raises(UserError, match=r"words\.txt, line 2: expected an utterance"):
        run("import", "--store", copy, "--games", words, "--system", "MORE", "--format", format)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ("None", "format my_formats:Odd failed: TypeError: it returned None: allowed is a LoggedGame or a BadGame"),
        ("1 / 0", "format my_formats:Odd failed: ZeroDivisionError: "),
        ("LoggedGame('a game')", "format my_formats:Odd failed: AttributeError: "),
        ("LoggedGame(Interaction('1', context, ()))", "game '1': expected one turn or more"),
        ("LoggedGame(Interaction('1', context, (Turn(2, Action()),)))", "format my_formats:Odd failed: TypeError: "),
        (
            "LoggedGame(Interaction('1', context, (Turn('a', Action(frozenset({7}))),)))",
            "game '1', turn 0: no such pos",
        ),
    ],
)
def test_what_a_format_of_ones_own_reads_is_a_game_or_refused(
    tmp_path: Path, own_formats: str, read: str, message: str
) -> None:
    (tmp_path / "games.odd").write_text(read)
    copy, games, format = tmp_path / "new.db", tmp_path / "games.odd", f"{own_formats}:Odd"
    with pytest.raises(UserError, match=f"error: {message}"):
        run("import", "--store", copy, "--games", games, "--system", "S", "--format", format)
    assert not copy.exists()


def test_a_format_of_ones_own_that_cannot_write_is_named(store: Path, tmp_path: Path, own_formats: str) -> None:
    with pytest.raises(UserError, match=r"error: format my_formats:Odd failed: SystemExit: 3"):
        run("export", "--store", store, "--out", tmp_path / "games.odd", "--format", f"{own_formats}:Odd")


@pytest.mark.parametrize("round", [2**31, 2**70])
def test_a_round_that_no_database_takes_is_refused(
    store: Path, tmp_path: Path, round: int, capsys: pytest.CaptureFixture[str]
) -> None:
    games = tmp_path / "games.jsonl"
    run("export", "--store", store, "--out", games)
    for command in ("import", "--games", games, "--system", "S"), ("export", "--force", "--out", games):
        assert main([*map(str, command), "--store", str(store), "--round", str(round)]) == 2
        assert "--round" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("csv", f"unknown format 'csv': choose from {', '.join(FORMATS)}, or give 'module:attribute'"),
        ("my_formats:no_format", "not a class with the methods 'read' and 'write'"),
        ("my_formats:Absent", "has no attribute 'Absent'"),
    ],
)
def test_a_format_that_is_none_is_named(
    store: Path, tmp_path: Path, own_formats: str, format: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run("export", "--store", store, "--out", tmp_path / "games.jsonl", "--format", format)
    with pytest.raises(UserError, match=message):
        run("import", "--store", store, "--games", tmp_path / "games.jsonl", "--system", "S", "--format", format)
