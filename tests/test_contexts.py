"""The benchmark of contexts: greedy descriptions and their shares, on contexts small enough to see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multiref_gym import cli
from multiref_gym.agents.evaluation.intervals import wilson
from multiref_gym.benchmarks.contexts import ambiguous, fitting, greedy, measure
from multiref_gym.tangrams import Tangram, TangramSet, load_tangrams


def tangram(*facts: str, description: str = "") -> Tangram:
    return Tangram(" ".join(facts), (), frozenset(facts), (description,), ())


TARGET = tangram("family=bird", "facing=left", "tail=up")
CONTEXT = [
    TARGET,
    tangram("family=bird", "facing=left", "tail=down"),
    tangram("family=bird", "facing=right", "tail=up"),
    tangram("family=fish", "facing=left", "tail=up"),
    tangram("family=fish", "facing=left", "tail=down"),
]


def test_the_fact_that_rules_out_most_is_said_first_and_no_more_than_needed() -> None:
    assert greedy(TARGET, CONTEXT, None)[0] in ("family=bird", "tail=up")
    assert len(greedy(TARGET, CONTEXT, None)) == 3
    assert greedy(TARGET, CONTEXT[:2], None) == ["tail=up"]
    assert greedy(TARGET, CONTEXT, 2) == greedy(TARGET, CONTEXT, None)[:2]
    assert greedy(TARGET, [TARGET], None) == []


def test_a_description_that_fits_another_tangram_is_ambiguous() -> None:
    rng = np.random.default_rng(0)
    assert ambiguous(TARGET, CONTEXT, rng) == {"1 fact": True, "2 facts": True, "3 facts": False, "all facts": False}
    twin = tangram(*TARGET.facts, "head=square")
    assert ambiguous(TARGET, [TARGET, twin], rng)["all facts"], "nothing is true of the target alone"
    assert len(fitting(greedy(TARGET, CONTEXT, 2), CONTEXT)) == 2


def test_a_recorded_description_is_taken_by_its_words() -> None:
    rng = np.random.default_rng(0)
    target = tangram("bird", "flying", "kite", description="a flying bird")
    assert ambiguous(target, [target, tangram("bird", "kite")], rng) == {"a recorded description": False}
    assert ambiguous(target, [target, tangram("bird", "low", "flying")], rng) == {"a recorded description": True}


def test_the_interval_holds_the_share_and_narrows_with_the_count() -> None:
    few, many = wilson(3, 10), wilson(300, 1000)
    assert few.mean == 0.3
    assert (few.low, few.high) == pytest.approx((0.108, 0.603), abs=1e-3)
    assert many.high - many.low < 0.06
    assert wilson(0, 10).low == pytest.approx(0)


def test_more_similar_contexts_of_figures_are_more_ambiguous() -> None:
    shares = [kinds["1 fact"]["ambiguous"] for kinds in measure(load_tangrams("figures"), 200, seed=0).values()]
    assert shares[0] + 0.1 < shares[2] < shares[4] - 0.1


def test_the_figures_are_written_with_their_provenance(tmp_path: Path) -> None:
    out = tmp_path / "contexts.json"
    assert cli.main(["bench", "contexts", "--contexts", "5", "--json", str(out)]) == 0
    written = json.loads(out.read_text())
    assert list(written["similarity"]) == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert {"tangrams", "contexts", "seed", "versions", "machine"} <= written.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--tangrams", "kilogram:nowhere"], "nowhere does not exist"), (["--contexts", "0"], "Must be >= 1")],
)
def test_bad_options_get_one_clear_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "contexts", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_set_without_similar_tangrams_is_refused() -> None:
    strangers = TangramSet("strangers", [tangram(f"family={i}") for i in range(12)])
    with pytest.raises(ValueError, match="contexts of strangers cannot be made similar"):
        measure(strangers, 1, seed=0)
