"""The benchmark of vision-language models' speed: what it compares plays the same game."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from acting import act
from small_views import FIGURES, VIEWS

from multiref_gym import cli
from multiref_gym.agents import play as playing
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.benchmarks import vlm_speed
from multiref_gym.game import Game, check_action


def test_the_naive_listener_is_the_same_policy() -> None:
    model, processor = vlm_speed.random_policy("tiny", FIGURES)
    naive = vlm_speed.NaiveListener(model, processor, FIGURES)
    for view, decision in zip(VIEWS, act(naive, VIEWS, 0), strict=True):
        check_action(decision.action, view.selected)
        assert decision.action.clicks
    ours = VlmListener(model, processor, FIGURES, VlmConfig("idefics2"))
    view, draws = VIEWS[0], 100
    first = [min(decision.action.clicks) for decision in act(naive, [view] * draws, 0)]
    expected = np.zeros(10)
    for action, log_prob in ours.distribution(view).items():
        expected[min(action.clicks)] += np.exp(log_prob)
    shares = np.bincount(first, minlength=10) / draws
    assert shares == pytest.approx(expected, abs=4 * 0.5 / draws**0.5)


def test_prints_what_it_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(vlm_speed, "REPEATS", 1)
    monkeypatch.setattr(playing, "Game", partial(Game, max_turns=2))
    monkeypatch.setattr(vlm_speed, "peak_of_device", lambda: 1e9)
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["bench", "vlm-speed", "--size", "tiny", "--games", "2", "--at-once", "2"]) == 0
    shown = capsys.readouterr().out
    for row in (vlm_speed.NAIVE, "2 at once, what was read is kept", "2 at once, all is read each turn"):
        assert row in shown
    assert "examples learned, 2 at once" in shown
    shares = [float(share) for share in re.findall(r"([\d.]+)%", shown)]
    assert len(shares) == 4  # of three ways to play and one to learn
    assert all(share > 0 for share in shares)
    assert "most memory" in shown
