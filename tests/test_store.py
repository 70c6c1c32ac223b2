"""Whole rounds in a database, whatever happens to the process that writes them."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest
import sqlalchemy
from human_like import People
from hypothesis import given, settings
from strategies import games

from multiref_gym.database import StoreError
from multiref_gym.feedback import Feedback
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.store import InteractionStore

CONTEXT = Context(("c", "a", "b"), ("a", "b", "c"), frozenset("bc"))


def game(game_id: str, round: int = 0, turns: int = 3) -> Interaction:
    """Clicks one tangram on and off."""
    clicks = [Action(frozenset({0})), Action(deselect=frozenset({0}))]
    return Interaction(
        game_id=game_id,
        context=CONTEXT,
        turns=tuple(Turn(f"utterance {i}", clicks[i % 2], -0.1 * i) for i in range(turns)),
        speaker="someone",
        policy="base",
        round=round,
    )


def played(system: str, round: int) -> list[Interaction]:
    return [game(f"{system} {round} {i}", round, turns=1 + i % 4) for i in range(8)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "interactions.db"


@given(interactions=games())
@settings(max_examples=50)
def test_interactions_come_back_as_they_went_in(interactions: list[Interaction]) -> None:
    with InteractionStore(":memory:") as store:
        store.add(interactions, "B-SUP")
        assert store.interactions() == interactions
        assert store.rounds("B-SUP") == sorted({interaction.round for interaction in interactions})


def test_human_games_come_back_as_they_went_in(path: Path, people: People) -> None:
    interactions = read_interactions(people.games)
    with InteractionStore(path) as store:
        store.add(interactions, "HUMAN")
    with InteractionStore(path, create=False) as store:
        assert store.interactions("HUMAN") == interactions


def test_systems_and_rounds_are_told_apart(path: Path) -> None:
    with InteractionStore(path) as store:
        assert store.systems() == store.interactions() == []
        for system, number in (("SEED", 0), ("B-SUP", 1), ("CONTROL", 1), ("B-SUP", 0)):
            assert not store.has_round(system, number)
            store.add(played(system, number), system)
            assert store.has_round(system, number)
        assert store.systems() == ["SEED", "B-SUP", "CONTROL"]
        assert store.rounds("B-SUP") == [0, 1]
        assert store.rounds("T-SUP") == []
        assert store.interactions("B-SUP", 1) == played("B-SUP", 1)
        assert store.interactions("B-SUP") == played("B-SUP", 1) + played("B-SUP", 0)
        assert store.interactions(round=1) == played("B-SUP", 1) + played("CONTROL", 1)


@pytest.mark.parametrize(
    ("interactions", "complaint"),
    [
        ([game("new", 1), game("newer", 0)], "round 0 of 'B-SUP' exists already"),
        ([game("new", 1), game("B-SUP 0 3", 1)], "a game 'B-SUP 0 3' exists already"),
        ([game("new", 1), game("new", 1)], "2 of the interactions to add have the id 'new'"),
        (
            [game("new", 1), replace(game("bad", 1), turns=(Turn("", Action(deselect=frozenset({1}))),))],
            "game 'bad', turn 0: B cannot be deselected",
        ),
        (
            [game("new", 1), replace(game("bad", 1), turns=(Turn("", Action(), float("nan")),))],
            "game 'bad', turn 0: a log-probability is a finite number or None, got nan",
        ),
    ],
)
def test_rounds_are_added_as_a_whole_or_not_at_all(path: Path, interactions: list[Interaction], complaint: str) -> None:
    with InteractionStore(path) as store:
        store.add(played("B-SUP", 0), "B-SUP")
        with pytest.raises(StoreError, match=complaint):
            store.add(interactions, "B-SUP")
        assert store.rounds("B-SUP") == [0]
        assert store.interactions() == played("B-SUP", 0)


def test_an_utterance_that_cannot_be_stored_leaves_nothing_behind(path: Path) -> None:
    with InteractionStore(path) as store:
        for text in ("\ud800", "a\0"):
            with pytest.raises(StoreError, match=f"game 'bad', .*: character {len(text)} is "):
                store.add([game("good"), replace(game("bad"), closing=text)], "B-SUP")
            with pytest.raises(StoreError, match=f"system .*: character {len(text)} is "):
                store.add([game("good")], text)
        assert store.interactions() == []
        with pytest.raises(StoreError, match="surrogates not allowed"):
            store.rounds("\ud800")


def test_feedback_is_parallel_to_the_interactions(path: Path) -> None:
    values = list(Feedback)
    with InteractionStore(path) as store:
        decoded = {}
        for system in ("SEED", "B-SUP"):
            interactions = played(system, 0)
            store.add(interactions, system)
            decoded[system] = [
                [values[(i + j) % 3] for j, _ in enumerate(interaction.exchanges())]
                for i, interaction in enumerate(interactions)
            ]
        for system in ("B-SUP", "SEED"):
            assert not store.has_feedback(system, 0, "lexical")
            store.add_feedback(system, 0, "lexical", decoded[system])
            assert store.has_feedback(system, 0, "lexical")
        assert store.feedback("lexical", "B-SUP", 0) == decoded["B-SUP"]
        assert store.feedback("lexical") == decoded["SEED"] + decoded["B-SUP"]
        assert not store.has_feedback("B-SUP", 0, "another")


def test_a_round_of_one_turn_games_is_decoded_though_there_was_nothing_to_decode(path: Path) -> None:
    with InteractionStore(path) as store:
        store.add([game("short", turns=1)], "B-SUP")
        assert not store.has_feedback("B-SUP", 0, "lexical")
        store.add_feedback("B-SUP", 0, "lexical", [[]])
        assert store.has_feedback("B-SUP", 0, "lexical")
        assert store.feedback("lexical") == [[]]


@pytest.mark.parametrize(
    ("round", "feedback", "complaint"),
    [
        (1, [[1, 1]], "there is no round 1 of 'B-SUP'"),
        (0, [], "has 1 interactions, got feedback on 0"),
        (0, [[1, 1, 1]], "game 'g' of 3 turns has 2 exchanges, got feedback on 3"),
        (0, [[1, 2]], "game 'g', turn 1: feedback is -1, 0 or 1, got 2"),
    ],
)
def test_feedback_that_does_not_fit_is_refused(
    path: Path, round: int, feedback: list[list[Feedback]], complaint: str
) -> None:
    with InteractionStore(path) as store:
        store.add([game("g")], "B-SUP")
        with pytest.raises(StoreError, match=complaint):
            store.add_feedback("B-SUP", round, "lexical", feedback)
        assert not store.has_feedback("B-SUP", 0, "lexical")


def test_games_and_their_feedback_are_added_together_or_not_at_all(path: Path) -> None:
    games = [game("g", 0), game("h", 1), game("i", 2)]
    good, bad = [[Feedback.POSITIVE, Feedback.NEGATIVE]], [[Feedback.POSITIVE]]
    with InteractionStore(path) as store:
        with pytest.raises(StoreError, match="game 'i' of 3 turns has 2 exchanges, got feedback on 1"):
            store.add(games, "B-SUP", {0: good, 2: bad}, "lexical")
        assert store.systems() == []
        store.add(games, "B-SUP", {0: good, 2: good}, "lexical")
        assert store.interactions() == games
        assert [store.has_feedback("B-SUP", round, "lexical") for round in (0, 1, 2)] == [True, False, True]
        assert store.feedback("lexical", "B-SUP", 2) == good


def test_feedback_is_neither_overwritten_nor_missed(path: Path) -> None:
    with InteractionStore(path) as store:
        store.add([game("g")], "B-SUP")
        with pytest.raises(StoreError, match="'lexical' has not decoded round 0 of 'B-SUP'"):
            store.feedback("lexical")
        store.add_feedback("B-SUP", 0, "lexical", [[Feedback.POSITIVE, Feedback.NEGATIVE]])
        with pytest.raises(StoreError, match="'lexical' has decoded round 0 of 'B-SUP' already"):
            store.add_feedback("B-SUP", 0, "lexical", [[Feedback.NEGATIVE, Feedback.NEGATIVE]])
        assert store.feedback("lexical") == [[Feedback.POSITIVE, Feedback.NEGATIVE]]


# What is there may be no store, or one that this version cannot read.


@pytest.mark.parametrize("version", [1, 99])  # 1 is that of version 0.1
def test_a_store_of_another_version_is_refused_and_left_as_it_is(version: int, path: Path) -> None:
    InteractionStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE meta SET schema_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=rf"interactions\.db: written in schema {version} by another version"):
        InteractionStore(path)
    assert path.read_bytes() == before


def test_a_damaged_store_is_refused(path: Path) -> None:
    with InteractionStore(path) as store:
        store.add(played("B-SUP", 0), "B-SUP")
    whole = path.read_bytes()
    for size in (100, len(whole) // 2, len(whole) - 4096):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError, match=r"interactions\.db: "):
            InteractionStore(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            "UPDATE turns SET utterance = 'utterance 8' WHERE turn = 1 AND interaction_id = 3",
            "round 0 of 'B-SUP' has changed",
        ),
        ("UPDATE turns SET log_prob = -0.25 WHERE turn = 1 AND interaction_id = 3", "round 0 of 'B-SUP' has changed"),
        ("DELETE FROM interactions WHERE id = 3", "rows of turns refer to missing rows"),
        ("UPDATE interactions SET targets = '[\"a\"]' WHERE id = 3", "round 0 of 'B-SUP' has changed"),
        (
            "UPDATE feedback SET value = 0 WHERE interaction_id = 3",
            "feedback of 'lexical' on round 0 of 'B-SUP' has changed",
        ),
        ("UPDATE rounds SET round = 'x'", "a round 'x' of 'B-SUP'"),
    ],
)
def test_what_was_changed_since_it_was_written_is_an_error(path: Path, change: str, what: str) -> None:
    games = played("B-SUP", 0)
    with InteractionStore(path) as store:
        store.add(games, "B-SUP", {0: [[Feedback.POSITIVE] * (len(game.turns) - 1) for game in games]}, "lexical")
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()

    def read() -> None:
        with InteractionStore(path) as store:
            store.interactions()
            store.feedback("lexical")

    with pytest.raises(StoreError, match=rf"interactions\.db: damaged: {what}"):
        read()


def test_what_is_no_store_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_text("a letter to a friend\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        InteractionStore(path)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match=r"other.db: a database, but not a store of interactions"):
        InteractionStore(other)


@pytest.mark.parametrize("where", ["absent/interactions.db", "nosuchbackend://host/name", "://"])
def test_where_no_store_can_be_is_said(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=where):
        InteractionStore(where)


def test_no_store_is_made_unasked(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such store"):
        InteractionStore(path, create=False)
    assert not path.exists()


def test_a_url_is_a_store_as_well(path: Path) -> None:
    with InteractionStore(f"sqlite:///{path}") as store:
        store.add([game("g")], "B-SUP")
    with InteractionStore(path) as store:
        assert store.interactions() == [game("g")]


# Several processes, some of them killed. They are spawned, as SQLite connections must not be carried over a fork.

SPAWN = multiprocessing.get_context("spawn")


def write_rounds(path: Path, system: str, rounds: int, outcomes: Queue[str]) -> None:
    """Opens a store that may not be there yet, and adds rounds one by one."""
    with InteractionStore(path) as store:
        for number in range(rounds):
            try:
                store.add([game(f"{system} {number} {os.getpid()}", number)], system)
                outcomes.put("added")
            except StoreError as error:
                outcomes.put(str(error))


def outcomes_of_writers(path: Path, systems: list[str], rounds: int) -> list[str]:
    outcomes: Queue[str] = SPAWN.Queue()
    writers = [SPAWN.Process(target=write_rounds, args=(path, system, rounds, outcomes)) for system in systems]
    for writer in writers:
        writer.start()
    said = [outcomes.get(timeout=100) for _ in range(len(systems) * rounds)]
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    return said


def test_writers_in_several_processes_lose_nothing(path: Path) -> None:
    assert set(outcomes_of_writers(path, ["B-SUP", "T-SUP"], rounds=20)) == {"added"}
    with InteractionStore(path) as store:
        assert store.rounds("B-SUP") == store.rounds("T-SUP") == list(range(20))
        assert len(store.interactions()) == 40


def test_a_round_that_two_processes_add_is_added_once(path: Path) -> None:
    said = outcomes_of_writers(path, ["B-SUP", "B-SUP"], rounds=10)
    assert said.count("added") == 10
    assert all("exists already" in outcome for outcome in said if outcome != "added")
    with InteractionStore(path) as store:
        assert len(store.interactions()) == 10


def write_and_be_killed(path: Path, before: str) -> None:
    """Adds round 0 whole; the process is killed before the given statement of round 1 reaches the database."""
    with InteractionStore(path) as store:
        store.add(played("B-SUP", 0), "B-SUP")
        if before == "COMMIT":
            sqlalchemy.event.listen(sqlalchemy.Engine, "commit", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        else:

            def kill(connection: object, cursor: object, statement: str, *_: object) -> None:
                if statement.startswith(before):
                    os.kill(os.getpid(), signal.SIGKILL)

            sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", kill)
        store.add(played("B-SUP", 1), "B-SUP")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("before", ["INSERT INTO interactions", "INSERT INTO turns", "COMMIT"])
def test_a_killed_writer_leaves_exactly_the_rounds_that_were_written(path: Path, before: str) -> None:
    writer = SPAWN.Process(target=write_and_be_killed, args=(path, before))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    with InteractionStore(path) as store:
        assert store.interactions() == played("B-SUP", 0)
        store.add(played("B-SUP", 1), "B-SUP")
        assert store.interactions() == played("B-SUP", 0) + played("B-SUP", 1)


def write_until_killed(path: Path, outcomes: Queue[int]) -> None:
    with InteractionStore(path) as store:
        for number in range(10_000):
            store.add(played("B-SUP", number), "B-SUP")
            outcomes.put(number)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_writer_killed_at_any_moment_has_lost_nothing_that_it_was_told_was_written(path: Path) -> None:
    outcomes: Queue[int] = SPAWN.Queue()
    writer = SPAWN.Process(target=write_until_killed, args=(path, outcomes))
    writer.start()
    acknowledged = [outcomes.get(timeout=100) for _ in range(5)]
    writer.kill()
    writer.join()
    with InteractionStore(path) as store:
        rounds = store.rounds("B-SUP")
        assert rounds == list(range(len(rounds)))
        assert set(acknowledged) <= set(rounds)
        for number in rounds:
            assert store.interactions("B-SUP", number) == played("B-SUP", number)


# Without write permission.


def write_and_leave_the_log(path: Path) -> None:
    store = InteractionStore(path)
    store.add(played("B-SUP", 1), "B-SUP")
    os._exit(0)


def read_by_another(path: Path) -> tuple[int, str]:
    """Returns what somebody who may write nothing there reads: how many interactions, or why none."""
    code = (
        "import sys\nfrom multiref_gym.database import StoreError\nfrom multiref_gym.store import InteractionStore\n"
        "try:\n    with InteractionStore(sys.argv[1]) as store: print(len(store.interactions()))\n"
        "except StoreError as error: print(0, error)"
    )
    user = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    paths = os.pathsep.join(filter(None, sys.path))
    command = [*user, sys.executable, "-B", "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths})
    count, _, complaint = done.stdout.strip().partition(" ")
    return int(count), complaint


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that other users can read, in which everything can be removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        Path(folder).chmod(0o755)


def only_to_read(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


NEEDS_ANOTHER_USER = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0 and not shutil.which("setpriv"),
    reason="root, and no setpriv to be another user",
)


@NEEDS_ANOTHER_USER
@pytest.mark.parametrize("name", ["interactions.db", "100 % of?games#1.db"])
def test_a_store_that_may_only_be_read_can_be_read(name: str, elsewhere: Path) -> None:
    with InteractionStore(elsewhere / name) as store:
        store.add(played("B-SUP", 0), "B-SUP")
    only_to_read(elsewhere)
    assert read_by_another(elsewhere / name) == (8, "")
    assert [path.name for path in elsewhere.iterdir()] == [name]


@NEEDS_ANOTHER_USER
def test_what_was_written_last_is_read_too_or_it_is_said_what_to_do(elsewhere: Path) -> None:
    path = elsewhere / "interactions.db"
    with InteractionStore(path) as store:
        store.add(played("B-SUP", 0), "B-SUP")
    writer = SPAWN.Process(target=write_and_leave_the_log, args=(path,))
    writer.start()
    writer.join()
    only_to_read(elsewhere)
    assert read_by_another(path) == (16, "")
    elsewhere.chmod(0o755)
    (elsewhere / "interactions.db-shm").unlink()
    elsewhere.chmod(0o555)
    complaint = "interactions.db-wal beside it has to be read too, which takes write permission"
    assert complaint in read_by_another(path)[1]


def test_a_database_of_something_else_stays_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE birds (name)")
    other.close()
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StoreError, match="a database, but not a store of interactions"):
            InteractionStore(path, create=create)
    assert path.read_bytes() == before


def write_until_the_disk_is_full(path: Path, outcomes: Queue[int | str]) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    with InteractionStore(path) as store:
        try:
            for number in range(1000):
                store.add(played("B-SUP", number), "B-SUP")
                outcomes.put(number)
        except StoreError as error:
            outcomes.put(str(error))
        assert store.rounds("B-SUP") == list(range(number))  # it can be read on


def test_a_full_disk_loses_nothing_that_was_written(path: Path) -> None:
    outcomes: Queue[int | str] = SPAWN.Queue()
    writer = SPAWN.Process(target=write_until_the_disk_is_full, args=(path, outcomes))
    writer.start()
    written = []
    while isinstance(outcome := outcomes.get(timeout=100), int):
        written.append(outcome)
    writer.join()
    assert writer.exitcode == 0
    assert str(path) in outcome
    with InteractionStore(path) as store:
        assert store.rounds("B-SUP") == written
        assert store.interactions() == [game for number in range(len(written)) for game in played("B-SUP", number)]
        store.add(played("B-SUP", len(written)), "B-SUP")
