"""A store that was damaged is refused, or read as it was: never as something else."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fuzzing import damaged, examples, read_or_refused
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.store import InteractionStore

SYSTEMS = ("SEED", "SUP", "CONTROL")
ROUNDS = 2
DECODER = "lexical"

Contents = list[tuple[str, int, list[Interaction], list[list[Feedback]]]]


def played(system: str, round: int) -> list[Interaction]:
    names = ("page1-0.png", "page1-1.png", "é 🙂")
    context = Context(names[::-1], names, frozenset(names[1:]))
    select, undo = Action(frozenset({0})), Action(deselect=frozenset({0}))
    turns = (
        Turn("the bird", select, -0.5),
        Turn("no", undo, 0.0),
        Turn("the dog", Action()),
        Turn("yes", select, -2.0),
    )
    return [
        Interaction(f"{system} {round} {i}", context, turns[: 1 + i % 4], "someone", "base", round, "thanks")
        for i in range(6)
    ]


def feedback_on(games: list[Interaction]) -> list[list[Feedback]]:
    values = [Feedback.POSITIVE, Feedback.NEGATIVE, Feedback.NEUTRAL]
    return [values[: len(game.turns) - 1] for game in games]


def write(path: Path, systems: tuple[str, ...] = SYSTEMS) -> Contents:
    contents: Contents = []
    with InteractionStore(path) as store:
        for system in systems:
            for round in range(ROUNDS):
                games = played(system, round)
                store.add(games, system, {round: feedback_on(games)}, DECODER)
                contents.append((system, round, games, feedback_on(games)))
    return contents


def read(path: Path) -> Contents:
    with InteractionStore(path, create=False) as store:
        return [
            (system, round, store.interactions(system, round), store.feedback(DECODER, system, round))
            for system in store.systems()
            for round in store.rounds(system)
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Contents]:
    path = tmp_path_factory.mktemp("store") / "interactions.db"
    contents = write(path)
    return path.read_bytes(), contents


def check(path: Path, *allowed: Contents) -> None:
    """Checks that a store is refused, or holds one of these contents."""
    contents = read_or_refused(lambda: read(path), path.name)
    assert contents is None or contents in allowed


@given(data=st.data())
@examples(150)
def test_bytes(data: st.DataObject, whole: tuple[bytes, Contents]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "interactions.db"
        path.write_bytes(data.draw(damaged(whole[0])))
        check(path, whole[1])


def columns(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [(table, row[1]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]


cells = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=9) | st.binary(max_size=9)


@given(data=st.data())
@examples(100)
def test_cells_and_rows(data: st.DataObject, whole: tuple[bytes, Contents]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "interactions.db"
        path.write_bytes(whole[0])
        table, column = data.draw(st.sampled_from(columns(path)))
        connection = sqlite3.connect(path)
        rows = [row for (row,) in connection.execute(f"SELECT rowid FROM {table}")]
        row = data.draw(st.sampled_from(rows))
        statements: list[tuple[str, tuple[Any, ...]]] = [
            (f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (data.draw(cells), row)),
            (f"DELETE FROM {table} WHERE rowid = ?", (row,)),
            (f"DELETE FROM {table}", ()),
            (f"DROP TABLE {table}", ()),
            (f"ALTER TABLE {table} RENAME COLUMN {column} TO another", ()),
        ]
        try:
            with connection:
                connection.execute(*data.draw(st.sampled_from(statements)))
        except (sqlite3.Error, UnicodeEncodeError):
            return  # the database itself does not allow it
        finally:
            connection.close()
        check(path, whole[1])


def left_behind(folder: Path, systems: tuple[str, ...]) -> Contents:
    """Leaves what a process that was killed leaves: a store whose last writes are in a file of their own."""
    working = folder / "working"
    working.mkdir()
    with InteractionStore(working / "interactions.db") as store:
        holder = sqlite3.connect(working / "interactions.db")  # so that closing does not tidy up
        holder.execute("BEGIN").execute("SELECT count(*) FROM sqlite_master").fetchone()
        store.close()
        contents = write(working / "interactions.db", systems)
        for path in working.iterdir():
            shutil.copy(path, folder)
        holder.close()
    return contents


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Contents, Path, Contents]:
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    return one, left_behind(one, SYSTEMS), other, left_behind(other, ("MINE", "SUP"))


@given(data=st.data())
@examples(60)
def test_a_log_of_writes_that_is_damaged_or_of_another_store(
    data: st.DataObject, killed: tuple[Path, Contents, Path, Contents]
) -> None:
    one, its_contents, other, other_contents = killed
    log = "interactions.db-wal"
    with TemporaryDirectory() as folder:
        for path in one.glob("interactions.db*"):
            shutil.copy(path, folder)
        replacement = data.draw(damaged((one / log).read_bytes()) | st.just((other / log).read_bytes()) | st.just(None))
        if replacement is None:
            (Path(folder) / log).unlink()
        else:
            (Path(folder) / log).write_bytes(replacement)
        # Writes from the damage on never were, as after a power cut.
        begun = [its_contents[:count] for count in range(len(its_contents) + 1)]
        check(Path(folder) / "interactions.db", *begun, other_contents)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("a letter\n" * 999),
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(84)),
        lambda path: sqlite3.connect(path).executescript("CREATE TABLE meta (name); INSERT INTO meta VALUES (3)"),
        lambda path: sqlite3.connect(path).executescript(
            "CREATE TABLE meta (schema_version); INSERT INTO meta VALUES (3)"
        ),
        lambda path: sqlite3.connect(path).executescript(
            "CREATE TABLE meta (schema_version); INSERT INTO meta VALUES ('x')"
        ),
        lambda path: path.mkdir(),
    ],
)
def test_what_is_no_store(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "interactions.db")
    assert read_or_refused(lambda: read(tmp_path / "interactions.db"), "interactions.db") is None
