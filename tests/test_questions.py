"""The open questions: what is compared is what it is called, and each command leaves its tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acting import act
from hypothesis import given
from hypothesis import strategies as st
from small_views import FIGURES, VIEWS, tiny_small_listener

from multiref_gym import cli
from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.learning.respect import OPTIMISATION, SUP, Config, Respect
from multiref_gym.agents.listeners.baselines import ErringListener, OracleListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.agents.workers.folder import Folder
from multiref_gym.benchmarks.questions import asking, poisoning
from multiref_gym.benchmarks.questions.exploring import Exploring
from multiref_gym.benchmarks.questions.negatives import LastTarget, WantedInstead
from multiref_gym.benchmarks.questions.often import GROWING, Growing, Often, grown, passes
from multiref_gym.benchmarks.questions.poisoning import GUESSER, LIAR, MISLEADS, misled_by
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import Action
from multiref_gym.simulators.scripted import ScriptedSpeaker

CONFIG = Config(rounds=2, games=4, listener="tiny_listener:TinyListener", control=False)


@pytest.fixture(autouse=True)
def _own_parts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Respect]]:
    """Makes runs of RESPECT in some way."""
    runs: list[Respect] = []

    def made(loop: type[Respect], **changes: Any) -> Respect:
        learner = replace(SUP, optimisation=replace(OPTIMISATION, epochs=changes.pop("epochs", 3)))
        runs.append(loop(replace(CONFIG, **changes), learner, tmp_path / str(len(runs))))
        return runs[-1]

    yield made
    for each in runs:
        each.store.close()


@pytest.mark.parametrize("question", ["poisoning", "often", "negatives"])
def test_a_command_leaves_its_tables(question: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
    columns = [f"{split}, {way}" for split in ("seen", "unseen") for way in ("sampled", "likeliest")]
    monkeypatch.setattr(asking, "played", lambda folder, config, evaluation: {column: [1, 0] for column in columns})
    monkeypatch.setattr(poisoning, "SHARES", (0.25,))
    monkeypatch.setattr(poisoning, "LEARNERS", {name: poisoning.LEARNERS[name] for name in ("TURNS", "TURNS, trust")})
    options = ["--seeds", "1", "--rounds", "1", "--games", "3", "--listener", CONFIG.listener, "--jobs", "1"]
    command = ["bench", question, *options, "--out", str(tmp_path / "out")]
    assert cli.main(command) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {"versions", "machine", "config", "seeds", "runs", "tables"} <= results.keys()
    written = (tmp_path / "out" / "table.md").read_text()
    for table in results["tables"]:
        assert table["title"] in written
        assert "simulated speakers" in table["title"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("*/curve.json")}
    assert cli.main(command) == 0  # again: nothing is run again
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("habits", "right"), [(LIAR, (0.0, 0.1)), (GUESSER, (0.35, 0.65)), ({}, (0.9, 1.0))])
def test_who_misleads_says_what_its_name_says(habits: dict[str, Any], right: tuple[float, float]) -> None:
    personas = misled_by(habits, 1.0)
    games = new_games(
        FIGURES, range(60), lambda: ScriptedSpeaker(FIGURES, personas=personas), np.random.SeedSequence(3)
    )
    played = play(ErringListener(games), games)
    replies = [(exchange, game.targets) for game in played for exchange in game.exchanges()]
    heard = LexicalDecoder().decode([exchange for exchange, _ in replies])
    told = [
        (ground_truth(exchange.action, targets), feedback)
        for (exchange, targets), feedback in zip(replies, heard, strict=True)
        if ground_truth(exchange.action, targets)
    ]
    assert right[0] <= np.mean([truth == feedback for truth, feedback in told]) <= right[1]


def test_a_share_of_the_population_misleads() -> None:
    names = [persona.name for persona in misled_by(LIAR, 0.25)]
    assert sum(name.startswith(MISLEADS) for name in names) == 12
    assert len(set(names)) == 48


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 30))
def test_who_learns_often_learns_no_more_in_all(epochs: int, rounds: int, parts: int) -> None:
    lessons = (rounds + 1) * parts - 1
    new = 1 / parts  # in rounds
    assert lessons * new * passes(epochs, rounds, parts) <= max(epochs * rounds * (rounds + 1) / 2, lessons * new)


def test_rounds_that_grow_come_to_all_games(run: Callable[..., Respect]) -> None:
    growing = run(Growing, games=60, rounds=4)
    counts = [growing._count(round) for round in range(5)]
    assert sum(counts) == 60
    assert counts[0] == 1
    assert counts == sorted(counts)
    lessons = [grown(1980, GROWING, round) for round in range(GROWING)]
    assert sum(lessons) <= 330 * sum(range(1, 6))


def test_who_learns_often_goes_on_from_its_last_policy(run: Callable[..., Respect]) -> None:
    often = run(Often, epochs=4, trust=True)
    list(often.rounds())
    new, lesson = often._taught_by(1, often._trusts(2)), often._lesson(2)
    assert lesson.start == Folder(often.out / "round-1")
    assert lesson.examples[: len(new)] == new == often._examples(2)[-len(new) :], "the new ones, weighed by trust"
    assert len(lesson.examples) == 4 * len(new)
    assert all(example in often._examples(2) for example in lesson.examples)
    assert lesson.optimisation.epochs == 1


def test_the_last_target_is_known_where_a_game_was_won(run: Callable[..., Respect]) -> None:
    started = new_games(FIGURES, range(40), lambda: ScriptedSpeaker(FIGURES), np.random.SeedSequence(4))
    games = play(ErringListener(started), started)
    loop, found = run(LastTarget), 0
    for game in games:
        instead = loop._instead(game)  # type: ignore[attr-defined]
        assert game.success or not instead
        for number, action in instead.items():
            assert action.after(game.selections[number]) == game.targets
            found += 1
    assert found > 20


def test_what_is_told_is_what_the_speaker_wanted(run: Callable[..., Respect]) -> None:
    loop = run(WantedInstead)
    games = play(OracleListener(started := loop.games("SUP", 1)), started, policy="SUP", round=1)
    for game in games:
        assert loop._instead(game) == {number: turn.action for number, turn in enumerate(game.turns)}  # type: ignore[attr-defined]
    list(loop.rounds())
    taught = [example for game in loop._taught("SUP", 0) for example in game.examples]
    positives = [e for game in loop.store.feedback("lexical", "SUP", 0) for e in game if e is Feedback.POSITIVE]
    assert len(taught) > len(positives)
    assert {example.feedback for example in taught} == {Feedback.POSITIVE}


def test_an_exploring_listener_does_what_it_is_set_to() -> None:
    plain = tiny_small_listener()
    with torch.no_grad():
        explores = Exploring(plain.model, FIGURES)
    views = VIEWS * 20
    assert act(explores, views, 0) == act(plain, views, 0)
    explores.explores, plain.greedy = 0.0, True
    likeliest = [decision.action for decision in act(plain, views, 0)]
    assert [decision.action for decision in act(explores, views, 1)] == likeliest

    def agree(share: float, temperature: float) -> float:
        explores.explores, explores.temperature = share, temperature
        done: list[Action | None] = [decision.action for decision in act(explores, views, 2)]
        return float(np.mean([one == other for one, other in zip(done, likeliest, strict=True)]))

    assert agree(1.0, 1e-6) == 1.0
    assert agree(1.0, 1.0) < agree(0.3, 1.0) < 1.0
