"""A listener, speaker, decoder or objective is added by one file of one's own and a name on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiref_gym.cli import main
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.store import InteractionStore

LISTENER = """
from multiref_gym.game import Action
from multiref_gym.listener import Decision

class FirstListener:
    def act(self, views, rngs):
        return [Decision(Action.clicking([0], view.selected), 0.0, "select A") for view in views]
"""
SPEAKER = """
class MonotonousSpeaker:
    name = "monotonous"

    def __init__(self, tangrams):
        pass

    def start(self, game, rng):
        return "any of them"

    def reply(self, action):
        return "another one"
"""
DECODER = """
from multiref_gym.feedback import Feedback

class ContentDecoder:
    def __init__(self, ternary=False):
        self.answer = Feedback.NEUTRAL if ternary else Feedback.POSITIVE

    def decode(self, exchanges):
        return [self.answer] * len(exchanges)
"""
OBJECTIVE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Likelihood:
    scale: float = 2.0
    needs_reference: bool = False
    negatives: float = 0.0

    def __call__(self, turns):
        return -self.scale * turns.log_prob.mean(), {"turns": float(len(turns.log_prob))}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {"listener": LISTENER, "speaker": SPEAKER, "decoder": DECODER, "objective": OBJECTIVE}.items():
        Path(f"my_{name}.py").write_text(text)


def simulated(*options: str) -> list[Interaction]:
    assert main(["simulate", "--games", "2", "--out", "games.jsonl", *options]) == 0
    return read_interactions(Path("games.jsonl"))


def learned(*options: str) -> dict[str, object]:
    default = ["--rounds", "1", "--games", "3", "--listener", "tiny_listener:TinyListener", "--out", "run"]
    assert main(["respect", *default, *options]) == 0
    results: dict[str, object] = json.loads(Path("run/results.json").read_text())
    return results


def test_a_listener() -> None:
    games = simulated("--listener", "my_listener:FirstListener")
    assert {str(turn.action) for game in games for turn in game.turns} == {"select A", "deselect A"}


def test_a_speaker() -> None:
    games = simulated("--listener", "random", "--speaker", "my_speaker:MonotonousSpeaker")
    assert {game.speaker for game in games} == {"monotonous"}
    assert {turn.utterance for game in games for turn in game.turns} == {"any of them", "another one"}


@pytest.mark.parametrize(("options", "stored", "value"), [([], "", 1), (["--ternary"], ", ternary", 0)])
def test_a_decoder(options: list[str], stored: str, value: int) -> None:
    learned("--decoder", "my_decoder:ContentDecoder", *options)
    with InteractionStore("run/interactions.db", create=False) as store:
        feedback = store.feedback(f"my_decoder:ContentDecoder{stored}", "SUP", 0)
    assert {decoded for of_game in feedback for decoded in of_game} == {value}


def test_an_objective(capsys: pytest.CaptureFixture[str]) -> None:
    results = learned("--objective", "my_objective:Likelihood")
    assert results["config"]["learner"]["objective"] == {  # type: ignore[index]
        "class": "my_objective:Likelihood",
        "scale": 2.0,
        "needs_reference": False,
        "negatives": 0.0,
    }
    first, second = results["rounds"]  # type: ignore[misc]
    assert list(second["systems"]) == ["Likelihood", "CONTROL"]
    assert "turns" in second["learning"]
    assert "turns" not in first["learning"]  # demonstrations are learned by SUP
    assert main(["respect", "--objective", "my_objective:Likelihoods", "--out", "other"]) == 2
    assert "module 'my_objective' has no attribute 'Likelihoods'" in capsys.readouterr().err
