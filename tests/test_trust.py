"""Trust: who misleads is found by what all others say, whatever order it is read in, and who does not is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.learning.respect import SUP, Config, Respect
from multiref_gym.agents.learning.trust import UNHEARD, Judged, Trust, judged, trusts
from multiref_gym.feedback import Feedback
from multiref_gym.game import MAX_TURNS, Action, Context
from multiref_gym.interaction import Interaction, Turn

TANGRAMS = tuple(f"t{number}" for number in range(10))
POSITIVE, NEGATIVE = Feedback.POSITIVE, Feedback.NEGATIVE


def heard(honest: int, liars: int, guessers: int, won: float = 0.3, replies: int = 150, seed: int = 0) -> list[Judged]:
    """Returns what speakers say of the actions of a policy that is right more often where it is sure."""
    rng = np.random.default_rng(seed)
    found = []
    for kind, count in (("honest", honest), ("liar", liars), ("guesser", guessers)):
        for number in range(count):
            for _ in range(replies):
                sure = rng.random()
                right = bool(rng.random() < 0.05 + 0.9 * sure)
                said = {"honest": right, "liar": not right, "guesser": bool(rng.random() < 0.5)}[kind]
                told = right if kind == "honest" and rng.random() < won else None
                found.append(Judged(f"{kind}{number}", said, int(rng.integers(3)), float(np.log(sure + 1e-9)), told))
    return found


def of_kind(trusted: dict[str, Trust], kind: str) -> list[float]:
    return [trust.alike for speaker, trust in trusted.items() if speaker.startswith(kind)]


@pytest.mark.parametrize("liars", [0, 4, 8])
def test_liars_and_guessers_are_found_and_nobody_else(liars: int) -> None:
    trusted = trusts(heard(12, liars, 3))
    assert min(of_kind(trusted, "honest")) > 0.9
    assert max([*of_kind(trusted, "liar"), *of_kind(trusted, "guesser")]) < 0.1
    for speaker, trust in trusted.items():
        assert (trust.opposed > 0.9) == speaker.startswith("liar")


def test_where_no_game_was_won_the_majority_decides() -> None:
    trusted = trusts(heard(12, 3, 0, won=0.0))
    assert min(of_kind(trusted, "honest")) > 0.9
    assert max(of_kind(trusted, "liar")) < 0.1


def test_of_whom_nothing_was_heard_yet_little_is_known() -> None:
    found = [*heard(12, 3, 0), Judged("new", True, 0, -1.0, None)]
    assert trusts(found)["new"] == pytest.approx(UNHEARD, abs=0.1)
    assert trusts([]) == {}


@given(st.randoms(use_true_random=False), st.integers(0, 2**16))
def test_the_order_does_not_matter(random: object, seed: int) -> None:
    found = heard(4, 1, 1, replies=5, seed=seed)
    # Some are as sure as each other, as where a policy is certain.
    found = [one._replace(log_prob=round(one.log_prob, 0)) for one in found]
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before, after = trusts(found), trusts(shuffled)
    assert after.keys() == before.keys()
    assert all(after[speaker] == pytest.approx(before[speaker], abs=1e-9) for speaker in before)


def game(actions: list[Action], log_prob: float | None = -1.0) -> Interaction:
    context = Context(TANGRAMS, TANGRAMS, frozenset(TANGRAMS[:3]))
    return Interaction(
        "g", context, tuple(Turn("that", action, log_prob) for action in actions), speaker="ann", round=2
    )


def test_the_final_selection_of_a_won_game_says_what_was_right() -> None:
    select = [Action(select=frozenset({number})) for number in range(10)]
    won = game([select[0], select[4], Action(deselect=frozenset({4})), select[1], select[2]])
    found = judged(won, [POSITIVE, NEGATIVE, None, Feedback.NEUTRAL])
    assert found == [Judged("ann", True, 2, -1.0, True), Judged("ann", False, 2, -1.0, False)]
    full = game([select[0], Action(deselect=frozenset({0}))] * (MAX_TURNS // 2))
    assert {one.right for one in judged(full, [POSITIVE] * (MAX_TURNS - 1))} == {None}
    assert judged(game(select[:3], log_prob=None), [POSITIVE, POSITIVE]) == []


@pytest.fixture(autouse=True)
def _own_parts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_a_run_weighs_the_turns_of_each_speaker_by_trust(tmp_path: Path) -> None:
    config = Config(rounds=1, games=8, listener="tiny_listener:TinyListener", control=False, trust=True)
    run = Respect(config, SUP, tmp_path / "run")
    with run.store:
        measured = list(run.rounds())
        examples, decoded = run._examples(1), run.store.feedback("lexical", "SUP", 0)
        seed, taught = [run._taught(system, 0) for system in ("SEED", "SUP")]
    trusted = {speaker: Trust(**trust) for speaker, trust in measured[1]["trusted"].items()}
    said = [(game.speaker, len(game.examples), len(game.opposite)) for game in taught]
    weights = [
        weight
        for speaker, *counts in said
        for weight, count in zip(trusted[speaker], counts, strict=True)
        for _ in range(count)
    ]
    of_seed = sum(len(game.examples) for game in seed)
    assert [example.weight for example in examples[of_seed:]] == weights
    assert {example.weight for example in examples[:of_seed]} == {1.0}
    positives = sum(feedback is POSITIVE for game in decoded for feedback in game)
    assert sum(count for _, count, _ in said) == positives < len(weights)
