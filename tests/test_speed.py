"""The benchmark of speed says what it measured. What it measures is the machine's business."""

import json
import sys
from pathlib import Path

import pytest

from multiref_gym import cli
from multiref_gym.benchmarks import speed


def test_writes_figures_beside_those_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("minigrid")
    monkeypatch.setitem(sys.modules, "envpool", None)
    monkeypatch.setattr(speed, "REPEATS", 1)
    file = tmp_path / "speed.json"
    assert cli.main(["bench", "speed", "--seconds", "0.001", "--json", str(file)]) == 0
    results, shown = json.loads(file.read_text()), capsys.readouterr().out
    assert {len(turns) for turns in results["measured"].values()} == {speed.REPEATS}
    assert {"MultiRef", "MultiRef vector 1024", "MiniGrid"} <= results["measured"].keys()
    assert "MultiRef vector 64" in shown
    assert "Left out, because envpool is not installed" in shown
    assert {"processor", "cores"} <= results["machine"].keys()
    assert {"gymnasium", "minigrid", "python"} <= results["versions"].keys()


def test_a_ratio_is_the_median_of_the_turns_and_what_was_not_measured_is_left_out() -> None:
    measured = {"MultiRef": [10.0, 30.0, 100.0], "MiniGrid": [10.0, 10.0, 10.0]}
    [row] = speed.ratios(measured)
    assert (row["ours"], row["theirs"], row["ratio"], row["all"]) == ("MultiRef", "MiniGrid", 3.0, [1.0, 3.0, 10.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--seconds", "0"], "Must be > 0"), (["--seconds", "0.001"], "pip install minigrid")],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "minigrid.wrappers", None)
    assert cli.main(["bench", "speed", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
