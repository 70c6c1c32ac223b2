"""Building a base: what learns and what stays, and which folders are written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from small_views import tiny_small_listener

from multiref_gym import cli
from multiref_gym.agents.learning.learned_from import LearnedFrom
from multiref_gym.agents.listeners.small import listener as small_listener
from multiref_gym.agents.listeners.small import pretrain, said
from multiref_gym.agents.listeners.small.listener import CHECKPOINT, SmallListener
from multiref_gym.tangrams import Tangram, TangramSet, load_tangrams

PIECE = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
RECORDED = TangramSet(
    "recorded",
    [
        Tangram(f"page1-{number}.png", (PIECE,), frozenset({"thing", f"thing{number}"}), (f"a thing{number}",), ("",))
        for number in range(150)
    ],
    split_by="id",
)


def run(*arguments: str) -> int:
    return cli.main(["pretrain", *arguments])


def test_the_games_watched_are_in_the_words_recorded() -> None:
    games = pretrain.watched_games(RECORDED, 5, 0, similarity=0.0)
    watched = [pair for game, meant in games for pair in zip(game.views(), meant, strict=True)]
    assert {name for view, _ in watched for name in view.tangrams} <= set(RECORDED.ids)
    wanted = [(view.tangrams[i], view.utterance) for view, action in watched for i in action.select]
    assert wanted
    # A typo may spoil a word here and there.
    things = [RECORDED[name].descriptions[0].removeprefix("a ") for name, _ in wanted]
    assert np.mean([thing in said.lower() for thing, (_, said) in zip(things, wanted, strict=True)]) > 0.5


def test_a_base_for_recorded_tangrams_goes_on_from_the_one_that_ships(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start, out = tmp_path / "start", tmp_path / "out"
    tiny_small_listener().save(start)
    monkeypatch.setattr(small_listener, "CHECKPOINT", start)
    monkeypatch.setattr(pretrain, "load_tangrams", lambda spec: RECORDED)
    monkeypatch.setattr(pretrain, "SCORED_GAMES", 2)
    assert run("--tangrams", "kilogram:somewhere", "--out", str(out), "--games", "3") == 0

    before, after = (SmallListener.load(RECORDED, path).model.state_dict() for path in (start, out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"pieces.weight", "click_head.weight"} <= changed
    assert not any(name.startswith("vision.") for name in changed)
    written = json.loads((out / "scores.json").read_text())
    assert (written["tangrams"], written["games"]) == ("kilogram:somewhere", 3)
    assert written["scores"].keys() == {"literal_success_train", "literal_success_test"}


def test_a_base_may_remember_what_people_called_each_tangram(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(small_listener, "CHECKPOINT", tmp_path / "start")
    tiny_small_listener().save(tmp_path / "start")
    monkeypatch.setattr(pretrain, "load_tangrams", lambda spec: RECORDED)
    monkeypatch.setattr(pretrain, "SCORED_GAMES", 2)
    # Texts are alike by their numbers.
    number = lambda texts: np.array([np.eye(200)[int("0" + re.sub(r"\D", "", text)[:2])] for text in texts])  # noqa: E731
    monkeypatch.setattr(said, "_encoder", lambda model: number)
    out = tmp_path / "out"
    words = f"--tangrams kilogram-known:somewhere --split all --sentences some/encoder --out {out} --games 3"
    assert run(*words.split()) == 0
    listener = SmallListener.load(RECORDED, out)
    assert listener.said is not None
    assert listener.said.scores("a thing7", RECORDED.ids).argmax() == RECORDED.ids.index("page1-7.png")
    scores = json.loads((out / "scores.json").read_text())
    assert (scores["split"], scores["sentences"]) == ("all", "some/encoder")
    assert scores["scores"].keys() == {"literal_success_all", "literal_success_new"}
    assert LearnedFrom.of(out) == LearnedFrom(set(), set())


def test_figures_have_no_descriptions_to_remember(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", str(tmp_path / "out"), "--sentences", "some/encoder") == 2
    assert "--sentences needs tangrams that people described" in capsys.readouterr().err


@pytest.mark.parametrize("tangrams", ["figures", "kilogram:somewhere"])
def test_the_base_that_ships_is_not_overwritten(tangrams: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--tangrams", tangrams) == 2
    assert "parameter --out requires an argument" in capsys.readouterr().err
    assert run("--tangrams", tangrams, "--out", str(CHECKPOINT)) == 2
    assert f"cannot write to {CHECKPOINT}: it is not empty" in capsys.readouterr().err


def test_what_cannot_be_built_is_refused_at_once_and_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = TangramSet("few", RECORDED.tangrams[:30], split_by="id")
    for load, message in ((load_tangrams, "nowhere does not exist"), (lambda spec: few, "from few/test: it has")):
        monkeypatch.setattr(pretrain, "load_tangrams", load)
        assert run("--tangrams", "kilogram:nowhere", "--out", str(out)) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()
