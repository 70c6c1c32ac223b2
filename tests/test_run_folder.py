"""The folder of a run: one process at a time, nothing of it gone unnoticed, more rounds, and reading alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import run as multiref

from multiref_gym.agents.learning.run_folder import LOCK, claim, claimed, locked, made_by
from multiref_gym.errors import UserError
from multiref_gym.store import InteractionStore

OPTIONS = ("--games", 4, "--listener", "tiny_listener:TinyListener")


def run(out: Path, rounds: int = 1) -> None:
    multiref("respect", *OPTIONS, "--rounds", rounds, "--out", out)


IN_TURN = """
import json, sys
from multiref_gym import cli
for words in json.loads(sys.argv[1]):
    print("exit code", cli.main(words), file=sys.stderr)
"""


def process(*words: object) -> subprocess.Popen[str]:
    """Starts `multiref` as another process."""
    return started("-m", "multiref_gym.cli", *map(str, words))


def started(*arguments: str, user: int | None = None) -> subprocess.Popen[str]:
    """Starts Python as another process; as root perhaps as another user."""
    command = [sys.executable, "-B", *arguments]
    if user is not None and os.geteuid() == 0:
        command = ["setpriv", f"--reuid={user}", "--clear-groups", *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for(path: Path, of: subprocess.Popen[str]) -> None:
    """Waits until a process has written this, and takes nothing of the processor from it meanwhile."""
    while not path.exists():
        assert of.poll() is None
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is finished."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(out)
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A run that is finished, to be broken."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def results(out: Path) -> Any:
    return json.loads((out / "results.json").read_text())


# One process at a time.


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(UserError, match=f"another process is at work in {tmp_path}"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):  # the first one is done
        pass


def test_a_second_run_is_told_at_once_and_the_first_goes_on(tmp_path: Path, whole: Path) -> None:
    first = process("respect", *OPTIONS, "--rounds", 1, "--out", tmp_path / "run")
    try:
        wait_for(tmp_path / "run" / "round-0", first)
        os.kill(first.pid, signal.SIGSTOP)  # so that it is there for sure
        with pytest.raises(UserError, match="another process is at work in"):
            run(tmp_path / "run")
        os.kill(first.pid, signal.SIGCONT)
        first.communicate()
    finally:
        first.kill()
    assert first.returncode == 0
    assert results(tmp_path / "run") == results(whole)


def test_the_lock_of_a_killed_process_is_gone_with_it_and_what_it_left_is_taken_away(
    tmp_path: Path, whole: Path
) -> None:
    first = process("respect", *OPTIONS, "--rounds", 1, "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "round-0", first)
    first.kill()
    first.communicate()
    half = tmp_path / "run" / "round-1.1234.unfinished"
    half.mkdir(exist_ok=True)
    (half / "model.safetensors").write_text("half")
    run(tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
    assert not list((tmp_path / "run").glob("*.unfinished"))


def test_comparisons_work_one_at_a_time_each_in_a_folder_of_its_own(tmp_path: Path) -> None:
    with claimed(tmp_path, "systems"), pytest.raises(UserError, match="another process"), claimed(tmp_path, "systems"):
        pass
    with (
        pytest.raises(UserError, match="field 'command' is 'systems' and not 'bench rewards'"),
        claimed(tmp_path, "bench rewards"),
    ):
        pass


def test_sigterm_ends_a_run_as_ctrl_c_does_and_it_goes_on(tmp_path: Path, whole: Path) -> None:
    first = process("respect", *OPTIONS, "--rounds", 1, "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "interactions.db", first)
    for _ in range(100):  # as of `timeout`, which sends it twice, and of schedulers
        first.terminate()
    _, said = first.communicate()
    assert first.returncode == 143
    assert said == "multiref: ended by SIGTERM; the same command continues from here\n"
    assert not list((tmp_path / "run").glob("*.unfinished"))
    run(tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)


# Nothing is gone unnoticed.


def without(name: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        (shutil.rmtree if (out / name).is_dir() else os.unlink)(out / name)

    return damage


OF_POLICIES = (
    "lacks round-0, the policy whose games are there",
    "lacks round-1, the policy whose games are there",
    "model.safetensors",
    "learning.json is missing",
    "learning.json is missing or damaged",
)


def cut(name: str) -> Callable[[Path], None]:
    return lambda out: (out / name).write_bytes((out / name).read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (without("interactions.db"), "interactions.db: there is no such store"),
        (without("round-0"), OF_POLICIES[0]),
        (without("round-1"), OF_POLICIES[1]),
        (without("round-1/model.safetensors"), OF_POLICIES[2]),
        (without("round-1/learning.json"), OF_POLICIES[3]),
        (cut("round-1/learning.json"), OF_POLICIES[4]),
        (cut("config.json"), "config.json is broken"),
        (without("config.json"), "of something else: choose another --out"),
        (cut("results.json"), "results.json: not JSON"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_what_is_gone_or_broken_is_told_and_nothing_is_played_again(
    damage: Callable[[Path], None], complaint: str, finished: bool, copy: Path
) -> None:
    damage(copy)
    if not finished:
        (copy / "results.json").unlink()
    kept = {path: path.read_bytes() for path in copy.rglob("*") if path.suffix in (".json", ".db", ".safetensors")}
    # Policies are not needed to show what came of them, and results are got again.
    if (finished and complaint in OF_POLICIES) or (not finished and complaint.startswith("results.json")):
        run(copy)
    else:
        with pytest.raises(UserError, match=re.escape(complaint)):
            run(copy)
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_store_of_fewer_rounds_is_told(copy: Path) -> None:
    (copy / "results.json").unlink()
    (copy / "interactions.db").unlink()
    InteractionStore(copy / "interactions.db").close()
    with pytest.raises(UserError, match="lacks the decoded games of SEED, round 0, which the policy in round-0 was"):
        run(copy)


# More rounds.


def test_a_finished_run_can_be_given_more_rounds_and_is_as_if_they_were_there_at_once(
    copy: Path, tmp_path: Path
) -> None:
    run(copy, rounds=2)
    run(tmp_path / "at once", rounds=2)
    assert results(copy) == results(tmp_path / "at once")
    assert (copy / "config.json").read_bytes() == (tmp_path / "at once" / "config.json").read_bytes()
    with pytest.raises(UserError, match=r"'config\.rounds' is 2 and not 1"):
        run(copy, rounds=1)


def test_a_field_that_is_no_number_of_rounds_does_not_grow(tmp_path: Path) -> None:
    for there in ("2", None, [], True, -1, 1.0):
        (tmp_path / "config.json").write_text(json.dumps(made_by(config={"rounds": there})))
        with pytest.raises(UserError, match=r"field 'config\.rounds'"):
            claim(tmp_path, made_by(config={"rounds": 3}))


# Reading alone.


def test_whoever_can_read_one_file_of_a_run_can_read_all(whole: Path) -> None:
    assert len({path.stat().st_mode for path in whole.rglob("*") if path.is_file() and path.name != LOCK}) == 1


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root, and no setpriv to be another user")
def test_a_finished_run_can_be_read_where_nothing_can_be_written(whole: Path) -> None:
    with tempfile.TemporaryDirectory() as outer:  # as pytest's own folder is for nobody else
        out = Path(shutil.copytree(whole, Path(outer) / "run"))
        for path in (Path(outer), out, *out.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            commands = [["respect", *map(str, OPTIONS), "--rounds", rounds, "--out", str(out)] for rounds in "12"]
            told, said = started("-c", IN_TURN, json.dumps(commands), user=65534).communicate()
            assert "results.json, curves.png and report.html are in" in told
            assert re.findall("exit code .", said) == ["exit code 0", "exit code 2"], said
            assert f"cannot write to the run folder {out}" in said
        finally:
            for path in filter(Path.is_dir, (Path(outer), out, *out.rglob("*"))):
                path.chmod(0o755)


def test_a_field_that_only_one_run_has_is_named(tmp_path: Path) -> None:
    claim(tmp_path, {"systems": {"one": 1}})
    with pytest.raises(UserError, match=r"field 'systems\.one' is there and is not asked for"):
        claim(tmp_path, {"systems": {"two": 1}})
    with pytest.raises(UserError, match="it lacks field 'seed'"):
        claim(tmp_path, {"systems": {"one": 1}, "seed": 0})
