"""A run or a policy with a damaged file is refused, or is what it was: never another run, never another policy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from acting import act
from fuzzing import changed, damaged, examples, read_or_refused
from hypothesis import given
from hypothesis import strategies as st
from running import run
from small_views import FIGURES, VIEWS

from multiref_gym.agents.commands import respect
from multiref_gym.agents.listeners.ppo.listener import PPOListener, new_policy
from multiref_gym.agents.listeners.ppo.observation import shared_encoder
from multiref_gym.agents.listeners.small.listener import CHECKPOINT, SmallListener
from multiref_gym.vocabulary import Vocabulary

RESPECT = ("respect", "--rounds", 1, "--games", 4, "--listener", "tiny_listener:TinyListener", "--out")


@pytest.fixture(scope="module", autouse=True)
def _without_pictures() -> Iterator[None]:
    """Drawing takes longer than all else, and is made anew each time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw_curves", "write_report"):
            patch.setattr(respect, name, lambda *_: None)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    run(*RESPECT, out)
    return out


def found(out: Path) -> dict[str, Any]:
    results = json.loads((out / "results.json").read_text())
    return {name: results[name] for name in ("config", "base", "rounds")}


@given(data=st.data(), known=st.booleans())
@examples(25)
def test_runs(data: st.DataObject, known: bool, finished: Path) -> None:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        shutil.copytree(finished, out)
        if not known:  # what was found is found again, from what the rounds left
            (out / "results.json").unlink()
        path = data.draw(st.sampled_from(sorted(path for path in out.rglob("*") if path.is_file())))
        content = data.draw(damaged(path.read_bytes()) | st.none())
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        if read_or_refused(lambda: run(*RESPECT, out) or True):
            assert found(out) == found(finished)


@contextmanager
def copied(policy: Path) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(shutil.copytree(policy, Path(folder) / "policy"))


@pytest.fixture(scope="module")
def ppo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ppo")
    words, encoder = Vocabulary(["bird", "no", "yes"]), shared_encoder(FIGURES)
    PPOListener(new_policy(10, 10, words, encoder), words, encoder).save(folder, {"steps": 0})
    return folder


@given(data=st.data())
@examples(10)
def test_policies_of_ppo(data: st.DataObject, ppo: Path) -> None:
    with copied(ppo) as folder:
        path = data.draw(st.sampled_from(sorted(folder.iterdir())))
        content = path.read_bytes()
        others = damaged(content)
        if path.suffix == ".json":
            others |= changed(json.loads(content)).map(json.dumps).map(str.encode)
        path.write_bytes(data.draw(others))
        loaded = read_or_refused(lambda: PPOListener.load(FIGURES, folder))
        if loaded is not None:
            assert act(loaded, VIEWS) == act(PPOListener.load(FIGURES, ppo), VIEWS)


@given(data=st.data())
@examples(10)
def test_settings_of_the_small_listener(data: st.DataObject) -> None:
    config = json.loads((CHECKPOINT / "config.json").read_text())
    with TemporaryDirectory() as folder:
        (Path(folder) / "model.safetensors").symlink_to(CHECKPOINT / "model.safetensors")
        content = data.draw(damaged(json.dumps(config).encode()) | changed(config).map(json.dumps).map(str.encode))
        (Path(folder) / "config.json").write_bytes(content)
        loaded = read_or_refused(lambda: SmallListener.load(FIGURES, Path(folder)), folder)
        if loaded is not None:
            assert len(act(loaded, VIEWS)) == 3
