"""What holds for all tests, and the games of people that several of them read."""

from __future__ import annotations

import os

# Before torch is imported: threads that wait for one another on busy cores make small batches a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
from collections.abc import Generator
from pathlib import Path

import pytest
from human_like import People, write_games, write_kilogram
from hypothesis import HealthCheck, settings

# How long a busy machine takes says nothing of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects no garbage meanwhile: what is imported stays, and to look through it again and again takes a third."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


RECORDED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(params=["made by rule", "recorded"])
def people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> People:
    """Games like those of people, which are made here, and games of people where they are."""
    if request.param == "made by rule":
        folder = tmp_path_factory.mktemp("people")
        return People(write_games(folder / "games.jsonl"), write_kilogram(folder / "kilogram"))
    if not RECORDED.exists():
        pytest.skip(f"no games of people in {RECORDED}")
    return People(RECORDED / "human_games" / "dev.jsonl", RECORDED / "kilogram")
