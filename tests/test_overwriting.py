"""Nothing that is there is overwritten unasked, and a command that cannot write leaves what was there."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from chat_logs import many_chats, write_chats
from PIL import Image
from running import run

from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions
from multiref_gym.store import InteractionStore

WRITES = {
    "simulate": "simulate --games 2 --listener random --out {}",
    "export": "export --store {folder}/store.db --out {}",
    "export rows": "export --store {folder}/store.db --format turn --out {}",
    "tangrams": "tangrams --split test --sample 1 --out {}",
    "decoders": "bench decoders --games {folder}/games.jsonl --json {}",
    "chats": "decode --chats {folder}/chats.jsonl --decoder chat_logs:NotingDecoder --out {}",
}
"""Commands that write a file, and what its name ends in."""
ENDINGS = {"tangrams": "png", "decoders": "json"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with games, a store of them, a PNG file, results, and chats."""
    folder = tmp_path_factory.mktemp("made")
    run("simulate", "--games", 2, "--listener", "random", "--out", folder / "games.jsonl")
    run("import", "--store", folder / "store.db", "--games", folder / "games.jsonl", "--system", "S")
    run("export", "--store", folder / "store.db", "--format", "turn", "--out", folder / "turns.jsonl")
    Image.new("L", (8, 8)).save(folder / "picture.png")
    run("bench", "decoders", "--games", folder / "games.jsonl", "--json", folder / "results.json")
    write_chats(folder / "chats.jsonl", many_chats(2))
    write("chats", folder, folder / "labelled.jsonl")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "folder"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(name: str, folder: Path, out: Path, *options: str) -> None:
    """Runs the command, which is to write a file."""
    run(*WRITES[name].format(out, folder=folder).split(), *options)


OF_SAME_KIND = {
    "simulate": "games.jsonl",
    "export": "games.jsonl",
    "export rows": "turns.jsonl",
    "tangrams": "picture.png",
    "decoders": "results.json",
    "chats": "labelled.jsonl",
}


@pytest.mark.parametrize("name", WRITES)
def test_a_file_of_the_same_kind_is_replaced_only_by_force(name: str, folder: Path) -> None:
    before, out = contents(folder), folder / OF_SAME_KIND[name]
    with pytest.raises(UserError, match="it exists already; --force replaces"):
        write(name, folder, out)
    assert contents(folder) == before
    earlier = out.stat().st_ino
    write(name, folder, out, "--force")
    assert out.stat().st_ino != earlier
    assert contents(folder).keys() == before.keys()


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("options", [[], ["--force"]])
@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_no_other_file_is_ever_replaced(
    name: str, options: list[str], link: Callable[[Path, Path], None] | None, folder: Path, tmp_path: Path
) -> None:
    before = contents(folder)
    for there in before:
        if there == OF_SAME_KIND[name]:
            continue
        out = folder / there
        if link:
            out = tmp_path / f"{there}.{ENDINGS.get(name, 'jsonl')}"
            link(folder / there, out)
        with pytest.raises(UserError, match=r"it exists already|a file whose name ends in \.png"):
            write(name, folder, out, *options)
        assert contents(folder) == before


def test_a_store_is_not_exported_onto_itself_by_any_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for out in ("folder/store.db", "folder/../folder/store.db", "./folder/store.db"):
        with pytest.raises(UserError, match="it exists already"):
            run("export", "--store", folder / "store.db", "--out", out, "--force")
    with InteractionStore(folder / "store.db", create=False) as store:
        assert len(store.interactions()) == 2


@pytest.mark.parametrize(
    "command",
    [
        "play --out",
        "simulate --games 1 --out",
        "export --store x.db --out",
        "train-decoder --out",
        "tangrams --out",
        "bench speed --json",
    ],
)
def test_a_pipe_or_a_device_stays(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="it exists and is not a file"):
        run(*command.split(), pipe)
    assert pipe.is_fifo()


def test_an_empty_file_is_replaced_by_force(tmp_path: Path) -> None:
    (tmp_path / "games.jsonl").touch()
    with pytest.raises(UserError, match="it exists already"):
        write("simulate", tmp_path, tmp_path / "games.jsonl")
    write("simulate", tmp_path, tmp_path / "games.jsonl", "--force")
    assert len(read_interactions(tmp_path / "games.jsonl")) == 2


def test_a_file_that_comes_to_be_there_meanwhile_stays_and_so_do_the_games(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "games.jsonl"

    def play(*args: object, **options: object) -> object:
        out.write_text("of somebody else")
        return played(*args, **options)  # type: ignore[arg-type]

    from multiref_gym.agents.play import play as played

    monkeypatch.setattr("multiref_gym.agents.play.play", play)
    with pytest.raises(UserError, match=r"File exists; the new content is in games\.jsonl.* beside it"):
        write("simulate", tmp_path, out)
    assert out.read_text() == "of somebody else"
    [kept] = tmp_path.glob("*.unfinished")
    assert len(read_interactions(kept)) == 2


@pytest.mark.parametrize("command", ["ppo", "pretrain"])
def test_a_folder_with_anything_in_it_takes_no_policy(command: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="it is not empty; choose another --out"):
        run(command, "--out", tmp_path)
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(UserError, match=r"notes\.txt is a file"):
        run(command, "--out", tmp_path / "notes.txt" / "policy")


def test_a_leaderboard_is_replaced_only_by_force(tmp_path: Path, folder: Path) -> None:
    for seed in (0, 1):
        options = ("--listener", "random", "--seed", seed, "--out", tmp_path / f"{seed}")
        run("benchmark", "--games", folder / "games.jsonl", *options)
    board = ("leaderboard", tmp_path / "0", "--out", tmp_path / "board")
    run(*board)
    before = contents(tmp_path / "board")
    with pytest.raises(UserError, match="--force replaces a leaderboard"):
        run(*board)
    assert contents(tmp_path / "board") == before
    run(*board, "--force")


@pytest.mark.parametrize("command", ["benchmark --games {games} --listener random", "leaderboard {results}"])
def test_a_folder_that_takes_no_files_is_told_before_the_work(
    command: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, results = tmp_path / "out", tmp_path / "results"
    run("benchmark", "--games", folder / "games.jsonl", "--listener", "random", "--out", results)
    out.mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != out and access(path, mode))
    with pytest.raises(UserError, match=f"cannot write to {out}: permission denied"):
        run(*command.format(games=folder / "games.jsonl", results=results).split(), "--out", out)


@pytest.mark.parametrize(
    "command",
    ["systems", "bench learning-curve", "bench rewards", "bench vlm-learning", "bench llm-learning --base tiny"],
)
def test_the_folder_of_something_else_takes_no_comparison(command: str, folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(UserError, match="of something else: choose another --out"):
        run(*command.split(), "--out", folder)
    assert contents(folder) == before


def limited(command: Sequence[object], size: int) -> subprocess.CompletedProcess[str]:
    """Runs a command that can write no file beyond this size, as on a disk that is full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [sys.executable, "-B", "-m", "multiref_gym.cli", *map(str, command)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_games_that_find_no_room_are_told_and_leave_those_that_were_there(folder: Path) -> None:
    before = contents(folder)
    out = folder / "games.jsonl"
    done = limited(["simulate", "--games", 9, "--listener", "random", "--out", out, "--force"], 2000)
    assert done.returncode == 2
    assert done.stderr == f"multiref: error: {out}: File too large\n"
    assert contents(folder) == before


def test_a_run_that_finds_no_room_goes_on_later_to_the_same_results(tmp_path: Path) -> None:
    options = ("--rounds", 1, "--games", 4, "--listener", "tiny_listener:TinyListener")
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (30_000, 150_000):  # not even the first games, and not the pictures
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most[1]))
        try:
            with pytest.raises(UserError, match=r"^multiref: error: "):
                run("respect", *options, "--out", tmp_path / "full")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)
    run("respect", *options, "--out", tmp_path / "full")
    run("respect", *options, "--out", tmp_path / "whole")
    full, whole = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("full", "whole"))
    assert full == whole
    assert not list((tmp_path / "full").rglob("*.unfinished"))
