"""The leaderboard: who comes first, what is written, and whose results cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from multiref_gym import cli

Change = Callable[[dict[str, Any]], Any]


def run(*arguments: object) -> int:
    return cli.main(["leaderboard", *map(str, arguments)])


def figure(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}


def results(folder: Path, exact_match: float | None, change: Change = lambda results: None) -> Path:
    """Writes what `multiref benchmark` would."""
    figures = dict.fromkeys(("click_precision", "click_recall", "legality", "auc"), figure(0.7))
    written: dict[str, Any] = {
        "config": {"games": "abc", "listener": "random", "model": None, "decoder": "lexical", "batch": 32, "seed": 0},
        "counts": {"games": 9, "turns": 60, "replies": 51, "rewarded": 30, "corrected": 20},
        "figures": {
            **figures,
            "exact_match": None if exact_match is None else figure(exact_match),
            "log_prob_rewarded": None,
            "log_prob_corrected": figure(-3),
        },
        "milliseconds": 1.25,
    }
    change(written)
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(written))
    return folder


def test_the_best_comes_first_in_all_that_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = {"poor": 0.2, "unknown": None, "good": 0.8, "fair": 0.5}
    folders = [results(tmp_path / name, share) for name, share in shares.items()]
    out = tmp_path / "board"
    assert run(*folders, "--out", out) == 0
    order = ["good", "fair", "poor", "unknown"]

    board = json.loads((out / "leaderboard.json").read_text())
    assert [listener["name"] for listener in board["listeners"]] == order
    assert board["config"] == {"games": "abc", "decoder": "lexical"}
    assert board["listeners"][0]["figures"]["exact_match"]["mean"] == 0.8

    heading, _, *rows, _, caption = (out / "leaderboard.md").read_text().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == order
    assert {len(row) for row in cells} == {heading.count("|") - 1}
    assert cells[0][1] == "80.0% (75–85)"
    assert cells[3][1] == "–"
    assert cells[0][-1] == "1.25 (32)"
    assert "60 turns of 9 games" in caption

    assert Image.open(out / "leaderboard.png").width > 500
    printed = capsys.readouterr().out
    assert sorted(order, key=printed.index) == order


def test_results_of_the_benchmark_are_collected(tmp_path: Path) -> None:
    games = tmp_path / "games.jsonl"
    assert cli.main(["simulate", "--games", "3", "--listener", "random", "--out", str(games)]) == 0
    for seed in ("0", "1"):
        arguments = ["--games", str(games), "--listener", "random", "--seed", seed, "--out", str(tmp_path / seed)]
        assert cli.main(["benchmark", *arguments]) == 0
    assert run(tmp_path / "0", tmp_path / "1", "--out", tmp_path / "board") == 0
    assert len(json.loads((tmp_path / "board" / "leaderboard.json").read_text())["listeners"]) == 2


def test_folders_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    folders = [results(tmp_path / parent / "small", 0.5) for parent in ("a", "b")]
    assert run(*folders, "--out", tmp_path / "board") == 0
    board = json.loads((tmp_path / "board" / "leaderboard.json").read_text())
    assert {listener["name"] for listener in board["listeners"]} == set(map(str, folders))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["config"].update(games="xyz"), "field 'config.games': 'xyz', but 'abc'"),
        (lambda r: r["config"].update(decoder="mine"), "field 'config.decoder': 'mine', but 'lexical'"),
        (lambda r: r["figures"].pop("auc"), "field 'figures.auc': missing"),
        (lambda r: r.pop("counts"), "field 'counts': missing"),
        (lambda r: r.update(config=1), "field 'config': input should be an object, got 1"),
    ],
)
def test_results_that_do_not_fit_are_named_and_skipped_where_it_is_asked_for(
    change: Change, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [results(tmp_path / "good", 0.5), results(tmp_path / "bad", 0.5, change)]
    out = tmp_path / "board"
    assert run(*folders, "--out", out) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'bad' / 'results.json'}" in error
    assert message in error
    assert not out.exists()
    assert run(*folders, "--out", out, "--skip-bad") == 0
    assert "1 bad results skipped" in capsys.readouterr().out
    assert len(json.loads((out / "leaderboard.json").read_text())["listeners"]) == 1


@pytest.mark.parametrize(
    ("text", "message"), [(None, "No such file"), ('{\n"config', "not JSON (EOF while parsing a string at line 2")]
)
def test_a_folder_without_results_is_named(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    for options in ([], ["--skip-bad"]):
        assert run(tmp_path, "--out", tmp_path / "board", *options) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("again", ["one", "./one", "other/../one", "link"])
def test_a_folder_comes_once(again: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = results(tmp_path / "one", 0.5), results(tmp_path / "other", 0.6)
    (tmp_path / "link").symlink_to(one)
    assert run(one, other, tmp_path / again, "--out", tmp_path / "board") == 2
    assert "the folder is given twice" in capsys.readouterr().err
    assert run(one, other, tmp_path / again, "--out", tmp_path / "board", "--skip-bad") == 0
    board = json.loads((tmp_path / "board" / "leaderboard.json").read_text())
    assert [listener["name"] for listener in board["listeners"]] == ["other", "one"]
