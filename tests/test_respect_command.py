"""`multiref respect`, as a user runs it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from tiny_listener import TinyListener

from multiref_gym import cli
from multiref_gym.agents.commands import respect
from multiref_gym.agents.learning.respect import KTO, SUP, TURNS, fingerprint
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import load_tangrams

LISTENER = "tiny_listener:TinyListener"


@pytest.fixture(autouse=True)
def _own_parts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(out: Path, *options: object) -> int:
    default = ["--rounds", 1, "--games", 4, "--listener", LISTENER, "--out", out]
    return cli.main(["respect", *map(str, [*default, *options])])


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, to be read."""
    out = tmp_path_factory.mktemp("once") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        assert run(out) == 0
    return out


@pytest.fixture
def finished(once: Path, tmp_path: Path) -> Path:
    """The folder of a finished run of the test's own."""
    return shutil.copytree(once, tmp_path / "run")


def test_a_run_leaves_results_curves_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "run") == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {
        "config.json",
        "interactions.db",
        "results.json",
        "curves.png",
        "report.html",
        "round-0",
        "round-1",
    }
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["config"]["listener"] == LISTENER
    assert [measured["round"] for measured in results["rounds"]] == [0, 1]
    assert results["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    printed = capsys.readouterr()
    assert "Simulated speakers" in printed.out
    assert f"results.json, curves.png and report.html are in {tmp_path / 'run'}" in printed.out
    assert "Loading weights" not in printed.out + printed.err


def test_without_a_terminal_each_round_is_a_plain_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "run")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    lines = [line for line in printed.split("\n") if line.startswith("round ")]
    assert [line.split(",")[0] for line in lines] == ["round 0", "round 1"]
    assert all("round" in line and "CONTROL success" in line for line in lines)


def test_a_terminal_of_80_columns_shows_a_live_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    run(tmp_path / "run")
    printed = capsys.readouterr().out
    assert "round 1: deploy CONTROL" in printed
    assert "precision" in printed  # the last column, whole


def test_a_finished_run_shows_its_table_and_keeps_its_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run")
    results = (tmp_path / "run" / "results.json").read_bytes()
    first = capsys.readouterr().out
    (tmp_path / "run" / "report.html").unlink()
    assert run(tmp_path / "run") == 0
    again = capsys.readouterr().out
    assert (tmp_path / "run" / "results.json").read_bytes() == results
    assert (tmp_path / "run" / "report.html").is_file()
    assert again == first[first.index(again.lstrip("\n").split("\n")[0]) :]


@pytest.mark.parametrize("name", ["round-1/model.safetensors", "round-0/learning.json", "results.json"])
def test_what_has_changed_since_it_was_written_is_named(
    name: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name != "results.json":
        (finished / "results.json").unlink()  # else the rounds are not read again
    path = finished / name
    content = bytearray(path.read_bytes())
    place = content.rindex(b"1") if name.endswith("json") else -1
    content[place] ^= 2
    path.write_bytes(content)
    assert run(finished) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert "damaged" in error


def test_an_interrupted_run_goes_on_to_the_same_results(
    once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(respect.Respect, "decode", interrupted)
        assert run(tmp_path / "halved") == 130
    assert "the same command continues from here" in capsys.readouterr().err
    assert not (tmp_path / "halved" / "results.json").exists()
    assert run(tmp_path / "halved") == 0
    whole, halved = (json.loads((out / "results.json").read_text()) for out in (once, tmp_path / "halved"))
    assert whole == halved


def test_a_run_records_who_spoke_and_what_credit_is(tmp_path: Path) -> None:
    personas = tmp_path / "personas.toml"
    personas.write_text('[[persona]]\nname = "mother"\ndetail = 3\n')
    assert run(tmp_path / "run", "--personas", personas, "--credit", "turns") == 0
    record = json.loads((tmp_path / "run" / "results.json").read_text())
    [mother] = record["config"]["personas"]
    assert (mother["name"], mother["detail"]) == ("mother", 3)
    assert record["config"]["learner"] == TURNS.recorded()
    assert record["config"]["learner"]["objective"]["negatives"] > 0
    assert run(tmp_path / "run", "--personas", personas, "--credit", "turns") == 0  # it is the same run


def test_an_objective_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "run", "--objective", "kto", "--decoder", "lexical", "--ternary") == 0
    record = json.loads((tmp_path / "run" / "results.json").read_text())
    assert record["config"]["learner"] == KTO.recorded()
    assert record["config"]["decoder"] == "lexical, ternary"
    assert list(record["rounds"][0]["systems"]) == ["KTO", "CONTROL"]
    assert run(tmp_path / "other", "--objective", "kto", "--credit", "turns") == 2
    assert "--credit turns works with --objective sup only" in capsys.readouterr().err


def test_how_a_round_is_learned_can_be_chosen(tmp_path: Path) -> None:
    assert run(tmp_path / "run", "--epochs", "2", "--batch", "7", "--learning-rate", "3e-4") == 0
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    optimisation = record["config"]["learner"]["optimisation"]
    assert (optimisation["epochs"], optimisation["batch"], optimisation["learning_rate"]) == (2, 7, 3e-4)


def test_by_default_positives_are_learned_from_and_the_base_the_one_that_ships(once: Path) -> None:
    record = json.loads((once / "config.json").read_text())
    assert record["config"]["learner"] == SUP.recorded()
    assert (record["config"]["split"], record["config"]["base"]) == ("dev", None)


def test_a_run_has_a_split_and_a_base_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = TinyListener()
    torch.nn.init.constant_(base.model.weight, 0.25)
    base.save(tmp_path / "base")
    options = ("--split", "test", "--base", tmp_path / "base")
    assert run(tmp_path / "run", *options) == 0
    for name in ("config.json", "results.json"):
        record = json.loads((tmp_path / "run" / name).read_text())
        assert (record["config"]["split"], record["config"]["base"]) == ("test", str(tmp_path / "base"))
        assert record["base"] == fingerprint(base.model)
    test = load_tangrams("figures").split("test")
    with InteractionStore(tmp_path / "run" / "interactions.db", create=False) as store:
        assert all(name in test for game in store.interactions() for name in game.context.listener_order)
    assert str(tmp_path / "base") in (tmp_path / "run" / "report.html").read_text()
    assert run(tmp_path / "run", *options) == 0  # it is the same run
    capsys.readouterr()
    assert run(tmp_path / "run") == 2
    assert "another configuration" in capsys.readouterr().err


@pytest.mark.parametrize("listener", ["small", LISTENER])
@pytest.mark.parametrize("there", [True, False])
def test_a_base_without_a_checkpoint_is_named(
    listener: str, there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        (tmp_path / "base").mkdir()
    assert run(tmp_path / "run", "--listener", listener, "--base", tmp_path / "base") == 2
    error = capsys.readouterr().err
    assert error.startswith("multiref: error: ")
    assert str(tmp_path / "base") in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--listener", "random"], "listener 'random' cannot learn"),
        (["--listener", "telepathy"], "unknown listener 'telepathy'"),
        (["--decoder", "telepathy"], "unknown decoder 'telepathy'"),
        (["--decoder", "lexical-ternary"], "unknown decoder 'lexical-ternary'"),
        (["--objective", "dpo"], "unknown objective 'dpo': choose from sup, rl, kto, or give 'module:attribute'"),
        (["--speaker", "mime"], "unknown speaker 'mime'"),
        (["--tangrams", "cubes"], "unknown tangrams 'cubes'"),
        (["--tangrams", "kilogram:nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_named_before_anything_is_written(
    options: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "run", *options) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "option",
    [
        "--rounds=0",
        "--games=-3",
        "--seed=-1",
        "--games=many",
        "--split=exam",
        "--credit=all",
        "--learning-rate=0",
    ],
)
def test_a_value_out_of_range_is_named(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "run", option) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert option.split("=")[0] in line


def test_the_folder_of_another_configuration_is_left_as_it_is(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    assert run(finished, "--seed", 7) == 2
    assert "another configuration" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file" / "run") == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "file" / "run") in error
    assert error.count("\n") == 1
