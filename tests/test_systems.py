"""`multiref systems`: what is compared, on what, and what the command leaves."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_listener import TinyListener

from multiref_gym.agents.learning.objectives import Kto, Reinforce, Sup
from multiref_gym.agents.learning.respect import CONTROL, OPTIMISATION, Config
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.benchmarks.systems import (
    HH,
    MEANINGS,
    MEASURES,
    game_counts,
    jobs_of,
    run_system,
    turn_counts,
)
from multiref_gym.cli import main
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import Decision, View
from multiref_gym.store import InteractionStore

LEARNERS = ["B-SUP", "T-SUP", "B-RL", "T-RL", "B-KTO", "T-KTO"]
OPTIONS = ["--rounds", "1", "--games", "6", "--seeds", "2", "--listener", "tiny_listener:TinyListener"]


@pytest.fixture(autouse=True)
def _one_thread_and_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
    yield
    torch.set_num_threads(before)


def compare(out: Path, *options: str) -> int:
    return main(["systems", *OPTIONS, "--out", str(out), *options])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison, with two seeds."""
    out = tmp_path_factory.mktemp("systems") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
        assert compare(out, "--jobs", "1") == 0
    return out


def results_of(out: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


def test_six_systems_are_compared_with_control_and_people(whole: Path) -> None:
    results = results_of(whole)
    assert list(results["systems"]) == [*LEARNERS, CONTROL, HH]
    assert {"versions", "machine", "config", "learners", "seeds"} <= results.keys()
    for name, system in results["systems"].items():
        assert list(system["runs"]) == ["0", "1"]
        assert len(system["measures"]["success"]) == 2
        assert (system["measures"]["exact_match"] is None) == (name == HH)
    people = results["systems"][HH]["measures"]
    assert all(won["mean"] == 1 for won in people["success"])
    assert people["turns"][1]["mean"] < results["systems"]["B-SUP"]["measures"]["turns"][1]["mean"]


def test_all_systems_start_from_one_policy_and_meet_the_same_contexts_and_speakers(whole: Path) -> None:
    for seed in ("0", "1"):
        firsts = [results_of(whole)["systems"][name]["runs"][seed]["turns"][0] for name in (*LEARNERS, CONTROL)]
        assert all(first == firsts[0] for first in firsts)
        met = []
        for name in LEARNERS:
            with InteractionStore(whole / f"{name}-{seed}" / "interactions.db", create=False) as store:
                games = store.interactions(name, 1)
            met.append([(game.context, game.speaker, game.turns[0].utterance) for game in games])
        assert all(each == met[0] for each in met)
    policies = {path.read_bytes() for path in whole.glob("*-0/round-1/model.safetensors")}
    assert len(policies) >= 3  # what is minimised differs


def test_a_system_is_what_its_name_says() -> None:
    jobs = jobs_of(Config(rounds=3, decoder="learned"), OPTIMISATION, 2, Path("out"))
    assert [job.folder.name for job in jobs] == [f"{name}-{seed}" for seed in (0, 1) for name in LEARNERS]
    for job in jobs:
        kind, _, objective = job.learner.name.partition("-")
        assert (job.config.decoder, job.config.ternary) == ("learned", kind == "T")
        assert job.learner.objective == {"SUP": Sup(), "RL": Reinforce(), "KTO": Kto()}[objective]
    assert [job.config.control for job in jobs] == [True, *[False] * 5] * 2
    assert set(MEANINGS) == {*LEARNERS, CONTROL, HH}


class Echo(TinyListener):
    """Always clicks the first two positions."""

    def act(self, views: Any, rngs: Any) -> list[Decision]:
        return [Decision(Action.clicking([0, 1], view.selected), 0.0, "") for view in views]


NAMES = tuple("abcdefghij")
GAME = Interaction(
    "game",
    Context(NAMES, NAMES, frozenset("abd")),
    tuple(Turn("this", Action.parse(action)) for action in ("select A B", "select B C", "select J")),
)


def test_turns_are_judged_by_the_clicks_that_were_made() -> None:
    counts = turn_counts(Echo(), [GAME, GAME])
    assert counts["asked"] == [3, 3]
    assert counts["matched"] == [1, 1]
    assert counts["similarity"] == pytest.approx([1 + 1 / 3 + 0] * 2)


def test_games_are_counted_with_the_feedback_on_them() -> None:
    class Praise:
        def decode(self, exchanges: Any) -> list[Feedback]:
            return [Feedback.POSITIVE if number == 0 else Feedback.NEUTRAL for number, _ in enumerate(exchanges)]

    counts = game_counts([GAME, GAME], Praise())
    assert counts["turns"] == [3, 3]
    assert counts["clicks"] == [5, 5]
    assert counts["right_clicks"] == [3, 3]
    assert counts["replies"] == [2, 2]
    assert counts["positives"] == [1, 0]
    assert {below for _, below in MEASURES.values()} <= counts.keys() | {"asked"}


def test_pictures_tables_and_the_page_are_left(whole: Path) -> None:
    for name in ("games.png", "turns.png", "decoders.png"):
        with Image.open(whole / name) as picture:
            assert picture.width > 500
    page = (whole / "report.html").read_text()
    assert page.count("data:image/png") == 2 * 3  # each to be read on a desk and on a phone
    assert "Games won" in page
    assert "<script" not in page
    assert "simulated" in page
    rows = list(csv.DictReader(io.StringIO((whole / "systems.csv").read_text())))
    assert len(rows) == len(MEANINGS) * 3 * 2  # two seeds and all, two rounds
    won = results_of(whole)["systems"]["T-RL"]["runs"]["1"]["success"][1]["mean"]
    [row] = [row for row in rows if (row["system"], row["seed"], row["round"]) == ("T-RL", "1", "1")]
    assert float(row["success_mean"]) == won
    table = (whole / "table.md").read_text()
    assert all(f"| {name} |" in table and f"| {name}, seed 1 |" in table for name in MEANINGS)
    assert "lexical, ternary, precision of positives" in table


def test_the_confusion_counts_every_reply_once(whole: Path) -> None:
    for kind, of_rounds in results_of(whole)["decoders"].items():
        for round, confusion in enumerate(of_rounds):
            replies = 0
            for folder in whole.glob(f"{kind}-*"):
                with InteractionStore(folder / "interactions.db", create=False) as store:
                    replies += sum(len(g.turns) - 1 for g in store.interactions(folder.name[:-2], round))
            assert sum(map(sum, confusion)) == replies


def test_an_interrupted_comparison_goes_on_where_it_was(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def interrupted(self: ThisProcess, where_it_is: Any, run: Any, job: Any, seen: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(job.folder.name)
        return run(job)

    monkeypatch.setattr(ThisProcess, "call", interrupted)
    assert compare(tmp_path, "--jobs", "1") == 130
    assert "the same command continues from here" in capsys.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/curve.json")}
    assert len(before) == 3
    for folder in sorted(whole.glob("*-*"))[:7]:  # most of what is left need not be waited for
        if not (tmp_path / folder.name).exists():
            shutil.copytree(folder, tmp_path / folder.name)
    monkeypatch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
    assert compare(tmp_path, "--jobs", "1") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (tmp_path / "systems.csv").read_text() == (whole / "systems.csv").read_text()


def test_the_folder_of_another_comparison_is_refused(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (whole / "results.json").read_bytes()
    assert compare(whole, "--games", "7") == 2
    told = capsys.readouterr().err
    assert "is of another configuration" in told
    assert "field 'config.games' is 6 and not 7" in told
    assert (whole / "results.json").read_bytes() == before


class Unmoved:
    """A decoder that has no ternary form."""


def test_a_decoder_that_has_no_ternary_form_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tmp_path / "out", "--decoder", "test_systems:Unmoved") == 2
    assert "decoder 'test_systems:Unmoved' has no ternary form; these have one: lexical" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_curve_is_of_its_system_alone_but_for_the_first(whole: Path) -> None:
    for name in LEARNERS:
        curve = json.loads((whole / f"{name}-0" / "curve.json").read_text())
        expected = {name, CONTROL, HH} if name == "B-SUP" else {name}
        assert all(set(measured["counts"]) == expected for measured in curve["rounds"])
    config = Config(rounds=1, games=6, listener="tiny_listener:TinyListener")
    job = jobs_of(config, OPTIMISATION, 1, whole)[0]
    assert run_system(job)["seed"] == 0


def test_views_are_those_of_the_games() -> None:
    seen: list[View] = []

    class Watching(Echo):
        def act(self, views: Any, rngs: Any) -> list[Decision]:
            seen.extend(views)
            return super().act(views, rngs)

    turn_counts(Watching(), [GAME])
    assert [view.selected for view in seen] == [frozenset(), frozenset({0, 1}), frozenset({0, 1, 2})]
