"""The benchmark of what policies have learned, when they explore no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acting import act
from hypothesis import given, settings
from hypothesis import strategies as st
from small_views import FIGURES, tiny_small_listener, views

from multiref_gym import cli
from multiref_gym.listener import View


def command(*arguments: object) -> int:
    return cli.main(["bench", "fixed-games", *map(str, arguments)])


@settings(max_examples=5, deadline=None)
@given(st.lists(views(), min_size=1, max_size=4))
def test_the_likeliest_action_is_taken_by_who_is_greedy(seen: list[View]) -> None:
    listener = tiny_small_listener()
    listener.greedy = True
    chosen = act(listener, seen, 0)
    assert chosen == act(listener, seen, 1)
    listener.greedy = False
    for seed in range(20):
        for decision, likeliest in zip(act(listener, seen, seed), chosen, strict=True):
            assert decision.log_prob <= likeliest.log_prob


def test_policies_of_a_system_are_taken_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = [tmp_path / name / "round-1" for name in ("SUP-0", "SUP-1", "A-B-0")]
    for policy in policies:
        policy.parent.mkdir()
        tiny_small_listener().save(policy)
    assert command(*policies, "--games", 3, "--json", tmp_path / "figures.json") == 0
    out = capsys.readouterr().out
    assert "SUP, round 1, 2 seeds" in out
    assert "A-B, round 1, 1 seeds" in out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert len(figures["policies"]["SUP, round 1"]["runs"]) == 2
    assert set(figures["policies"]["A-B, round 1"]["mean"]) == {
        f"{split}, {way}" for split in ("seen", "unseen") for way in ("sampled", "likeliest")
    }
    assert figures["config"]["games"] == 3
    assert FIGURES.name == figures["config"]["tangrams"]


@pytest.mark.parametrize(
    ("folder", "told"), [("SUP-0/round-1", "no checkpoint"), ("SUP/round-1", "SYSTEM-SEED/round-N")]
)
def test_what_is_no_policy_is_named(folder: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / folder).mkdir(parents=True)
    assert command(tmp_path / folder) == 2
    assert told in capsys.readouterr().err
