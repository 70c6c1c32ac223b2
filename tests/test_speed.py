"""The benchmark of speed says what it measured. What it measures is the machine's business."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import speed


def test_writes_figures_beside_minigrids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("minigrid")
    file = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["speed", "--seconds", "0.001", "--json", str(file)])
    speed.main()
    results = json.loads(file.read_text())
    assert results["environments"][speed.MINIGRID]["ratio_to_minigrid"] == 1.0
    assert [name for name in results["environments"] if name in capsys.readouterr().out]
    assert {"processor", "cores"} <= results["machine"].keys()
    assert {"gymnasium", "minigrid", "python"} <= results["versions"].keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--seconds", "0"], "allowed is a number above 0"), (["--seconds", "0.001"], "pip install minigrid")],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "minigrid", None)
    monkeypatch.setattr(sys, "argv", ["speed", *arguments])
    with pytest.raises(SystemExit) as stopped:
        speed.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
