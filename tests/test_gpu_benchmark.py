"""The benchmark of a GPU, with a tiny model on the CPU: a part that fails is told, and the rest goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from multiref_gym import cli
from multiref_gym.agents import play as playing
from multiref_gym.benchmarks import gpu
from multiref_gym.benchmarks.gpu import COUNTED, Measure, sheet
from multiref_gym.benchmarks.limited import limited
from multiref_gym.errors import UserError
from multiref_gym.game import Game


def here(measure: Callable[[], list[Measure]], seconds: float) -> list[Measure]:
    """Measures in this process, as one of its own takes seconds to start."""
    try:
        return measure()
    except ImportError as error:
        raise UserError(str(error)) from error


def test_a_tiny_model_plays_and_learns_and_what_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "limited", here)
    monkeypatch.setattr(playing, "Game", partial(Game, max_turns=2))
    arguments = ["bench", "gpu", "--size", "tiny", "--games", "2", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    parts = json.loads((tmp_path / "out" / "results.json").read_text())["parts"]
    measured = {measure["what"]: measure for measure in parts["PyTorch's attention"]}
    assert measured.keys() == {f"{what}, {n} at once" for what in ("turns played", "examples learned") for n in (8, 32)}
    assert all(measure["rate"] > 0 and measure["operations"] > 0 for measure in measured.values())
    assert "FlashAttention" in parts["FlashAttention"]
    assert "bitsandbytes" in parts["four bits"]
    assert parts["text"] == "left out: name a language model by --text"
    table, told = (tmp_path / "out" / "table.md").read_text(), capsys.readouterr().out
    assert "turns played, 8 at once" in table
    assert "- text: left out" in table
    assert "\ntext: left out: name a language model by --text\n" in told
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["results.json", "table.md"]
    assert cli.main(arguments) == 2
    assert "it is not empty" in capsys.readouterr().err


def test_the_parts_take_eight_minutes_at_most(tmp_path: Path) -> None:
    assert sum(part.seconds for part in gpu.Gpu()._parts(tmp_path)) <= 480


def test_the_share_is_of_the_operations_that_were_counted() -> None:
    counted, other = Measure("turns", "1 GiB", 2.0, 30.0), Measure("turns", "1 GiB", 4.0, 7.0)
    rows = sheet({COUNTED: [counted], "b": [other]}, 100.0).rows
    assert rows == [[f"{COUNTED}: turns", "2.0", "60.0%", "1 GiB"], ["b: turns", "4.0", "120.0%", "1 GiB"]]
    assert sheet({"b": [other]}, 100.0).rows == [["b: turns", "4.0", "", "1 GiB"]]


def test_a_call_ends_at_its_limit_and_says_what_it_found_or_why_not() -> None:
    assert limited(partial(int, "7"), 60) == 7
    with pytest.raises(UserError, match=r"stopped at its time limit of 0.1 s"):
        limited(partial(time.sleep, 60), 0.1)
    with pytest.raises(UserError, match=r"^invalid literal for int"):
        limited(partial(int, "seven"), 60)
