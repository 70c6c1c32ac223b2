"""The RESPECT loop: a run that is killed anywhere and run again is the run that was not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tiny_listener
import torch
from tiny_listener import TinyListener

from multiref_gym.agents.learning import lesson, respect
from multiref_gym.agents.learning.credit import Credit, examples_of
from multiref_gym.agents.learning.learn import Example, learn
from multiref_gym.agents.learning.objectives import Kto, Objective, Reinforce, Sup
from multiref_gym.agents.learning.respect import (
    CONTROL,
    KTO,
    OPTIMISATION,
    RL,
    SEED,
    SEED_TURNS,
    SUP,
    TURNS,
    Config,
    Learner,
    Respect,
    learner_of,
)
from multiref_gym.agents.learning.run_folder import finished_results
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.interaction import Interaction
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

CONFIG = Config(rounds=2, games=5, listener="tiny_listener:TinyListener")
ROUNDS = range(CONFIG.rounds + 1)
STEPS = [step for r in ROUNDS for step in (f"round {r}: learn", f"round {r}: deploy SUP", f"round {r}: deploy CONTROL")]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(out: Path, config: Config = CONFIG, learner: Learner = SUP, **options: Any) -> list[dict[str, Any]]:
    """Runs to the end and returns the measures of all rounds."""
    experiment = Respect(config, learner, out, **options)
    try:
        return list(experiment.rounds())
    finally:
        experiment.store.close()


def remembered(out: Path) -> tuple[list[Interaction], dict[str, bytes], list[list[list[Feedback]]]]:
    """Returns all that a run leaves: its games, the weights of its policies, its feedback."""
    with InteractionStore(out / "interactions.db", create=False) as store:
        feedback = [store.feedback("lexical", SUP.name, round) for round in ROUNDS]
        games = store.interactions()
    weights = {path.parent.name: path.read_bytes() for path in sorted(out.glob("round-*/model.safetensors"))}
    return games, weights, feedback


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A run that nobody interrupted: its folder and its measures."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return out, run(out)


def killed(out: Path, at_step: str, at_count: int) -> None:
    """Runs until a step has been reported a number of times, and interrupts it there."""
    count = 0

    def report(step: str, done: int, total: int) -> None:
        nonlocal count
        count += step == at_step
        if count == at_count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(out, report=report)


def test_a_run_reports_every_step_from_its_start_to_its_end(tmp_path: Path) -> None:
    reported: dict[str, list[tuple[int, int]]] = {}
    run(tmp_path, report=lambda step, done, total: reported.setdefault(step, []).append((done, total)))
    assert list(reported) == STEPS
    for progress in reported.values():
        assert progress == sorted(progress)
        assert progress[-1][0] == progress[-1][1]


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_any_step_and_run_again_it_is_the_same_run(
    step: str, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    out, measures = whole
    killed(tmp_path, step, at_count=3)
    assert run(tmp_path) == measures
    assert remembered(tmp_path) == remembered(out)


def test_killed_in_every_step_it_is_the_same_run(tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]) -> None:
    out, measures = whole
    for step in STEPS:
        killed(tmp_path, step, at_count=1)
    assert run(tmp_path) == measures
    assert remembered(tmp_path) == remembered(out)


@pytest.mark.parametrize("method", ["add", "add_feedback", "interactions"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_the_store_it_is_the_same_run(
    method: str, when: str, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, measures = whole
    original, calls = getattr(InteractionStore, method), 0

    def interrupted(self: InteractionStore, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        result = None if calls == 3 and when == "before" else original(self, *args)
        if calls == 3:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(InteractionStore, method, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert run(tmp_path) == measures
    assert remembered(tmp_path) == remembered(out)


def test_killed_in_the_middle_of_a_file_it_is_the_same_run(
    tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, measures = whole

    def torn(self: TinyListener, path: Path) -> None:
        path.mkdir()
        (path / "model.safetensors").write_bytes(b"half of")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tiny_listener.TinyListener, "save", torn)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert not (tmp_path / "round-0").exists()
    assert run(tmp_path) == measures
    assert remembered(tmp_path) == remembered(out)


def test_killed_by_the_system_it_is_the_same_run(tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]) -> None:
    out, measures = whole
    code = (
        "import sys\nfrom pathlib import Path\nfrom multiref_gym.agents.learning.respect import SUP, Config, Respect\n"
        "config = Config(rounds=2, games=5, listener='tiny_listener:TinyListener')\n"
        "report = lambda step, done, total: print(step, flush=True)\n"
        "list(Respect(config, SUP, Path(sys.argv[1]), report).rounds())"
    )
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    assert process.stdout is not None
    # The pipe holds what the process said while it ran on: where it is when it dies nobody knows.
    for line in process.stdout:
        if line.startswith(b"round 1: learn"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert run(tmp_path) == measures
    assert remembered(tmp_path) == remembered(out)


def test_a_finished_run_does_nothing_again(whole: tuple[Path, list[dict[str, Any]]]) -> None:
    out, measures = whole
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if "interactions" not in path.name}
    reports: list[str] = []
    assert run(out, report=lambda step, done, total: reports.append(step)) == measures
    assert reports == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_longer_run_begins_as_the_shorter_one(tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]) -> None:
    _, measures = whole
    assert run(tmp_path, Config(rounds=1, games=5, listener=CONFIG.listener)) == measures[:2]


def test_the_same_seed_is_the_same_run_and_another_is_not(
    tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    out, measures = whole
    assert run(tmp_path / "again") == measures
    assert remembered(tmp_path / "again") == remembered(out)
    other = Config(rounds=2, games=5, seed=1, listener=CONFIG.listener)
    run(tmp_path / "other", other)
    assert remembered(tmp_path / "other")[0] != remembered(out)[0]


def test_chance_outside_makes_no_difference(tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]) -> None:
    torch.manual_seed(123)
    assert run(tmp_path) == whole[1]


def test_the_seed_is_about_a_hundred_turns_of_won_games(whole: tuple[Path, list[dict[str, Any]]]) -> None:
    with InteractionStore(whole[0] / "interactions.db") as store:
        seed = store.interactions(SEED)
        feedback = store.feedback("lexical", SEED, 0)
    assert all(game.success for game in seed)
    assert {(game.policy, game.round) for game in seed} == {(SEED, 0)}
    assert SEED_TURNS <= sum(len(game.turns) for game in seed) < SEED_TURNS + MAX_TURNS
    assert sum(len(game.turns) for game in seed[:-1]) < SEED_TURNS  # no game too many
    assert [len(values) for values in feedback] == [len(game.turns) - 1 for game in seed]


def test_the_seed_holds_mistakes_and_learning_is_told_by_the_replies_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[ErringListener] = []

    def watch(games: Sequence[Episode], *mistakes: float) -> ErringListener:
        watched.append(ErringListener(games, *mistakes))
        return watched[-1]

    monkeypatch.setattr(respect, "ErringListener", watch)
    turns = mistakes = known_mistakes = 0
    for seed in range(3):
        experiment = Respect(replace(CONFIG, seed=seed), SUP, tmp_path / str(seed))
        experiment.demonstrate()
        learned = {(e.view.game_id, len(e.view.dialogue)): e for e in experiment._examples(0)}
        games, feedback = experiment.store.interactions(SEED), experiment.store.feedback("lexical", SEED, 0)
        experiment.store.close()
        for game, values in zip(games, feedback, strict=True):
            # A game of all ten turns could as well be a lost one, so nothing is known of its last action.
            last = [Feedback.POSITIVE] if len(game.turns) < MAX_TURNS else []
            for number, (turn, value) in enumerate(zip(game.turns, values + last, strict=False)):
                key = game.game_id, number
                assert (key in learned) == (value is Feedback.POSITIVE)
                mistaken = turn.action != watched[seed].wanted[key]
                turns, mistakes = turns + 1, mistakes + mistaken
                known_mistakes += mistaken and key not in learned
    assert 0 < mistakes < turns / 3
    assert known_mistakes > mistakes / 2


class DeafDecoder:
    """Takes every reply as negative."""

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        return [Feedback.NEGATIVE] * len(exchanges)


def test_what_no_reply_praises_is_not_learned_in_the_seed_either(tmp_path: Path) -> None:
    experiment = Respect(replace(CONFIG, decoder="test_respect:DeafDecoder"), SUP, tmp_path)
    experiment.demonstrate()
    seed = experiment.store.interactions(SEED)
    last = [game.turns[-1] for game in seed if len(game.turns) < MAX_TURNS]
    assert [(e.view.utterance, e.action) for e in experiment._examples(0)] == [(t.utterance, t.action) for t in last]
    experiment.store.close()


def test_a_round_learns_from_the_decoded_positives_of_the_seed_and_of_rounds_before(
    whole: tuple[Path, list[dict[str, Any]]],
) -> None:
    out, measures = whole
    experiment = Respect(CONFIG, SUP, out)
    store = experiment.store
    expected = []
    for game, values in zip(store.interactions(SEED), store.feedback("lexical", SEED, 0), strict=True):
        won = [Feedback.POSITIVE] if len(game.turns) < MAX_TURNS else []  # whoever wins has selected well at last
        expected += praised(game, values + won)
    assert 0 < len(expected) <= sum(len(game.turns) for game in store.interactions(SEED))
    for round in ROUNDS:
        learned = experiment._examples(round)
        assert [(example.view.utterance, example.action) for example in learned] == expected
        assert all(example.feedback is Feedback.POSITIVE for example in learned)
        assert measures[round]["examples"] == len(expected)
        games, feedback = store.interactions(SUP.name, round), store.feedback("lexical", SUP.name, round)
        for game, values in zip(games, feedback, strict=True):
            assert len(values) == len(game.turns) - 1  # nobody replied to the last turn
            expected += praised(game, values)
    store.close()
    assert len(expected) > measures[0]["examples"]  # there was something to learn


def praised(game: Interaction, feedback: Sequence[Feedback]) -> list[tuple[str, Action]]:
    """Returns what was said and done in the turns that feedback takes as positive."""
    turns = zip(game.turns, feedback, strict=False)
    return [(turn.utterance, turn.action) for turn, value in turns if value is Feedback.POSITIVE and turn.action.clicks]


def test_what_the_whole_game_tells_teaches_more_and_negatives_too(tmp_path: Path) -> None:
    experiment = Respect(replace(CONFIG, rounds=1, games=10), TURNS, tmp_path)
    list(experiment.rounds())
    learned = experiment._examples(1)[len(experiment._examples(0)) :]
    feedback = [value for values in experiment.store.feedback("lexical", TURNS.name, 0) for value in values]
    experiment.store.close()
    bad = [example for example in learned if example.feedback is Feedback.NEGATIVE]
    assert len(bad) == feedback.count(Feedback.NEGATIVE) > 0
    assert {example.weight for example in bad} == {TURNS.objective.negatives} == {0.1}
    assert {example.feedback for example in experiment._examples(0)} == {Feedback.POSITIVE}


@pytest.mark.parametrize("learner", [SUP, TURNS, RL, KTO])
def test_what_is_minimised_is_the_learners_objective_and_in_round_0_that_of_demonstrations(
    learner: Learner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[Objective, bool]] = []

    def watched(
        listener: TinyListener, examples: list[Example], objective: Objective, *args: Any, **kept: Any
    ) -> list[dict[str, float]]:
        used.append((objective, args[-1] is not None))
        return learn(listener, examples, objective, *args, **kept)

    monkeypatch.setattr(lesson, "learn", watched)
    run(tmp_path, replace(CONFIG, rounds=1), learner)
    assert used == [(Sup(), False), (learner.objective, learner is KTO)]


def test_examples_carry_what_the_listener_saw_then(whole: tuple[Path, list[dict[str, Any]]]) -> None:
    with InteractionStore(whole[0] / "interactions.db") as store:
        game = store.interactions(SUP.name, 0)[0]
    feedback = ([Feedback.POSITIVE, Feedback.NEGATIVE] * 5)[: len(game.turns) - 1]
    examples = examples_of(game, feedback, negatives=1.0)
    assert [example.feedback for example in examples] == feedback
    for number, example in enumerate(examples):
        assert example.view.selected == game.selections[number]
        assert len(example.view.dialogue) == number
        assert example.action == game.turns[number].action


def test_learner_and_control_meet_the_same_games_and_begin_as_the_same_policy(
    whole: tuple[Path, list[dict[str, Any]]],
) -> None:
    with InteractionStore(whole[0] / "interactions.db") as store:
        for round in ROUNDS:
            learner, control = store.interactions(SUP.name, round), store.interactions(CONTROL, round)
            assert len(learner) == CONFIG.games
            assert [game.context for game in learner] == [game.context for game in control]
            assert [game.speaker for game in learner] == [game.speaker for game in control]
            first = [[game.turns[0].utterance for game in games] for games in (learner, control)]
            assert first[0] == first[1]
            same = [game.turns for game in learner] == [game.turns for game in control]
            assert same == (round == 0)
        contexts = [game.context for round in ROUNDS for game in store.interactions(SUP.name, round)]
    assert len(set(contexts)) == len(contexts)  # no game comes twice


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_only_tangrams_of_the_split_are_played_with(
    split: SplitName, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    out = whole[0]
    if split != CONFIG.split:
        out = tmp_path
        run(out, replace(CONFIG, rounds=1, split=split))
    part = load_tangrams("figures").split(split)
    with InteractionStore(out / "interactions.db") as store:
        games = store.interactions()
    assert {game.policy for game in games} == {SEED, SUP.name, CONTROL}
    assert all(id in part for game in games for id in game.context.listener_order)


def test_every_round_begins_from_the_base_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = TinyListener()
    torch.nn.init.constant_(base.model.bias, 0.25)
    base.save(tmp_path / "base")
    started: list[float] = []

    def watched(listener: TinyListener, *args: Any, **kept: Any) -> list[dict[str, float]]:
        started.append(listener.model.bias.mean().item())
        return learn(listener, *args, **kept)

    monkeypatch.setattr(lesson, "learn", watched)
    config = replace(CONFIG, base=str(tmp_path / "base"))
    run(tmp_path / "run", config)
    assert started == [0.25] * len(ROUNDS)
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["config"]["base"] == str(tmp_path / "base")
    assert record["base"] == respect.fingerprint(base.model)
    torch.nn.init.constant_(base.model.bias, 0.5)
    base.save(tmp_path / "base")
    with pytest.raises(UserError, match="of another configuration"):
        Respect(config, SUP, tmp_path / "run")


def test_learning_begins_from_the_base_in_every_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []

    def watched(listener: TinyListener, *args: Any, **kept: Any) -> list[dict[str, float]]:
        started.append(not any(weights.any() for weights in listener.model.parameters()))  # the base is all zeros
        return learn(listener, *args, **kept)

    monkeypatch.setattr(lesson, "learn", watched)
    run(tmp_path)
    assert started == [True] * len(ROUNDS)


def test_broken_results_are_told(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"seed": 0, ')
    with pytest.raises(UserError, match=r"results\.json: not JSON"):
        finished_results(path, {"seed": 0})


def test_a_broken_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is broken"):
        Respect(CONFIG, SUP, tmp_path)


def test_the_folder_of_another_version_is_refused_as_such(tmp_path: Path) -> None:
    for record in ({"config": {"rounds": 6, "decoder": "lexical"}, "version": "0.1.0"}, {"format": 3}, []):
        (tmp_path / "config.json").write_text(json.dumps(record))
        with pytest.raises(UserError, match=r"config\.json was written by another version of multiref-gym") as error:
            Respect(CONFIG, SUP, tmp_path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"rounds": 1},
        {"games": 6},
        {"decoder": "learned"},
        {"ternary": True},
        {"split": "test"},
    ],
)
def test_the_folder_of_another_run_is_left_as_it_is(
    change: dict[str, Any], whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    out, _ = whole
    before = remembered(out), (out / "config.json").read_bytes()
    with pytest.raises(UserError, match=r"config\.json is of another configuration"):
        Respect(replace(CONFIG, **change), SUP, out)
    assert (remembered(out), (out / "config.json").read_bytes()) == before


@pytest.mark.parametrize(
    ("there", "asked", "complaint"),
    [
        (SUP, TURNS, "'config.learner.name' is 'SUP' and not 'TURNS'"),
        (SUP, replace(SUP, objective=Sup(smoothing=0.1)), "'config.learner.objective.smoothing' is 0.0 and not 0.1"),
        (KTO, replace(KTO, objective=Kto(beta=0.1)), "'config.learner.objective.beta' is 0.5 and not 0.1"),
        (KTO, replace(KTO, objective=Kto(negatives=1.0)), "'config.learner.objective.negatives' is 0.1 and not 1.0"),
        (RL, replace(RL, objective=Reinforce(-0.5)), "'config.learner.objective.negative_reward' is -0.1 and not -0.5"),
        (SUP, replace(SUP, credit=Credit(last_action=True)), "'config.learner.credit.last_action' is False and not"),
        (SUP, replace(SUP, optimisation=replace(OPTIMISATION, epochs=1)), "'config.learner.optimisation.epochs' is 3"),
    ],
)
def test_a_run_that_learns_otherwise_is_another_run(
    there: Learner, asked: Learner, complaint: str, tmp_path: Path
) -> None:
    Respect(CONFIG, there, tmp_path).store.close()
    with pytest.raises(UserError, match=re.escape(complaint)):
        Respect(CONFIG, asked, tmp_path)


@dataclass(frozen=True)
class Halved(Sup):
    """An objective of one's own."""

    factor: float = 0.5


def test_learners_are_had_by_names() -> None:
    fast = replace(OPTIMISATION, epochs=1)
    for objective, learner in (("sup", SUP), ("rl", RL), ("kto", KTO)):
        assert learner_of(objective) == learner
        assert learner_of(objective, optimisation=fast) == replace(learner, optimisation=fast)
    assert learner_of("sup", "turns", fast) == replace(TURNS, optimisation=fast)
    assert learner_of("test_respect:Halved") == Learner("Halved", Halved())
    assert learner_of("test_respect:Halved").recorded()["objective"] == {
        "class": "test_respect:Halved",
        "smoothing": 0.0,
        "factor": 0.5,
    }
    with pytest.raises(UserError, match="--credit turns works with --objective sup only, not kto"):
        learner_of("kto", "turns")


@pytest.mark.parametrize("name", [CONTROL, SEED])
def test_a_learner_has_a_name_of_its_own(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"learner '{name}'"):
        Respect(CONFIG, replace(SUP, name=name), tmp_path)


def test_the_two_forms_of_a_decoder_are_told_apart_in_the_store(tmp_path: Path) -> None:
    measures = run(tmp_path, replace(CONFIG, rounds=1, ternary=True))
    assert len(measures) == 2
    record = json.loads((tmp_path / "config.json").read_text())["config"]
    assert (record["decoder"], record["ternary"]) == ("lexical, ternary", True)
    with InteractionStore(tmp_path / "interactions.db") as store:
        assert store.has_feedback(SUP.name, 1, "lexical, ternary")
        assert not store.has_feedback(SUP.name, 1, "lexical")


def test_it_is_what_personas_are_and_not_where_that_makes_a_run(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('[[persona]]\nname = "mother"\n')
    Respect(replace(CONFIG, personas=first), SUP, tmp_path / "run").store.close()
    first.rename(second)
    Respect(replace(CONFIG, personas=second), SUP, tmp_path / "run").store.close()
    second.write_text('[[persona]]\nname = "father"\n')
    with pytest.raises(UserError, match=r"field 'config\.personas' is .*mother.* and not .*father"):
        Respect(replace(CONFIG, personas=second), SUP, tmp_path / "run")


def test_other_hyperparameters_are_another_run(
    whole: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads((whole[0] / "config.json").read_text())["hyperparameters"]["seed_turns"] == SEED_TURNS
    monkeypatch.setattr(respect, "SEED_TURNS", 40)
    with pytest.raises(UserError, match="another configuration"):
        Respect(CONFIG, SUP, whole[0])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"listener": "telepathy"}, "unknown listener 'telepathy'"),
        ({"listener": "random"}, "listener 'random' cannot learn"),
        ({"decoder": "telepathy"}, "unknown decoder 'telepathy'"),
        ({"speaker": "mime"}, "unknown speaker 'mime'"),
        ({"tangrams": "cubes"}, "unknown tangrams 'cubes'"),
        ({"tangrams": "kilogram:nowhere"}, "nowhere"),
        ({"split": "exam"}, "unknown split 'exam': expected one of train, dev, test, all"),
    ],
)
def test_what_does_not_exist_is_named_before_anything_is_written(
    options: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=complaint) as error:
        Respect(Config(**{"listener": CONFIG.listener, **options}), SUP, tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_too_few_tangrams_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = TangramSet("few", load_tangrams("figures").tangrams[:9])
    monkeypatch.setattr(respect, "load_tangrams", lambda spec: few)
    with pytest.raises(UserError, match=r"cannot draw 10 distinct tangrams from few/dev: it has \d"):
        Respect(CONFIG, SUP, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to the run folder .*/file/run: Not a directory"):
        Respect(CONFIG, SUP, tmp_path / "file" / "run")


def test_the_small_listener_learns_and_resumes(tmp_path: Path) -> None:
    config, learner = Config(rounds=1, games=6), replace(SUP, optimisation=replace(OPTIMISATION, epochs=1))
    figures = load_tangrams("figures")
    before = {name: weights.clone() for name, weights in SmallListener.load(figures).model.state_dict().items()}
    measures = run(tmp_path / "whole", config, learner)

    def report(step: str, done: int, total: int) -> None:
        if step == "round 1: learn" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "halved", config, learner, report=report)
    assert run(tmp_path / "halved", config, learner) == measures
    learned = SmallListener.load(figures, tmp_path / "whole" / "round-1").model.state_dict()
    again = SmallListener.load(figures, tmp_path / "halved" / "round-1").model.state_dict()
    assert all(torch.equal(learned[name], again[name]) for name in learned)
    changed = {name for name in before if not torch.equal(before[name], learned[name])}
    assert changed
    assert not any(name.startswith("vision.") for name in changed)


def test_the_seed_is_described_in_words_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = load_tangrams("figures")
    called = [replace(tangram, facts=frozenset({"zork"}), descriptions=("zork",)) for tangram in figures]
    sets = {"figures": figures, "zorks": TangramSet("zorks", called), "few": TangramSet("few", called[:20])}
    monkeypatch.setattr(respect, "load_tangrams", lambda spec: sets[spec])
    run(tmp_path / "run", replace(CONFIG, rounds=1, seed_tangrams="zorks"))
    with InteractionStore(tmp_path / "run" / "interactions.db", create=False) as store:
        seed, deployed = (
            [turn.utterance for game in store.interactions(system, 0) for turn in game.turns]
            for system in (SEED, SUP.name)
        )
    assert sum("zork" in utterance for utterance in seed) > len(seed) / 2
    assert not any("zork" in utterance for utterance in deployed)
    with pytest.raises(UserError, match=r"few cannot describe the seed: it has no \S+ of figures"):
        Respect(replace(CONFIG, seed_tangrams="few"), SUP, tmp_path / "other")
