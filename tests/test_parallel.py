"""Learning in two processes, as `torchrun` starts them, is learning in one."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rounding import EXACT, assert_same_gradients
from running import run
from safetensors.torch import load_file
from tiny_vlm import configured

TESTS = Path(__file__).parent

LEARN = """
import sys
from pathlib import Path
import numpy as np
import torch
from multiref_gym.agents.learning.objectives import Kto, Reinforce, Sup, SupAndUnlikelihood
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.listener import View
from multiref_gym.agents.learning.parallel import is_main, share
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from tiny_listener import ExactListener

view = View(tuple("abcdefghij"), (), "this one", frozenset())
# Batches of 4 and a last one of 1, which leaves nothing to the second process.
examples = [
    Example(view, Action.clicking([i % 5], ()), Feedback(1 if i % 3 else -1), -1.0 if i % 2 else None, 1 + i % 2)
    for i in range(13)
]
for objective in (Sup(), SupAndUnlikelihood(), Reinforce(), Kto()):
    listener = ExactListener()
    reference = ExactListener() if objective.needs_reference else None
    optimisation = Optimisation(epochs=3, batch=4, learning_rate=0.05)
    learn(listener, examples, objective, optimisation, 0, reference=reference)
    assert len(share(4)) == 4 // int(sys.argv[2])
    if is_main():
        listener.save(Path(sys.argv[1]) / sys.argv[2] / type(objective).__name__)
"""

LEARN_VLM = """
import math, os
from safetensors.torch import save_file
from multiref_gym.agents.listeners.lm.listener import VlmListener
from small_views import FIGURES, VIEWS
from tiny_vlm import randomise_adapters

listener = VlmListener.load(FIGURES, Path(sys.argv[1]) / "base")
randomise_adapters(listener.model)
examples = [
    Example(view, Action.clicking([3 + i], view.selected), Feedback(1 - 2 * (i % 2)), -1.0)
    for i in range(3)
    for view in VIEWS
]
trained = {name: weights for name, weights in listener.model.named_parameters() if weights.requires_grad}
gradients = {}
# One step with a batch that is divided unevenly, and one that leaves nothing to the second process.
for size in (9, 1):
    learn(listener, examples[:size], Reinforce(), Optimisation(epochs=1, batch=9, clip=math.inf), 0)
    gradients |= {f"{size} {name}": weights.grad.clone() for name, weights in trained.items()}
    randomise_adapters(listener.model)  # as they were before the step
save_file(gradients, f"{sys.argv[1]}/{sys.argv[2]}-{os.environ.get('RANK', '0')}.safetensors")
"""


def run_two(*command: str | Path) -> None:
    """Runs a script or module in two processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launcher, *map(str, command)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which both scripts have run in this process and, started together, in two others."""
    folder = tmp_path_factory.mktemp("learned")
    for name in ("base", "1", "2"):
        (folder / name).mkdir()
    configured(folder / "base", dropout=0.0)  # which each process would draw for itself
    script = folder / "learn.py"
    script.write_text(f"{LEARN}\n{LEARN_VLM}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["learn.py", str(folder), "1"])
        runpy.run_path(str(script))
    run_two(script, folder, "2")
    return folder


def test_two_processes_take_the_steps_of_one(learned: Path) -> None:
    for name in ("Sup", "SupAndUnlikelihood", "Reinforce", "Kto"):
        one, two = (load_file(learned / count / name / "model.safetensors") for count in ("1", "2"))
        assert one["bias"].abs().max() > 0.01  # it learned
        torch.testing.assert_close(two, one, atol=EXACT, rtol=0)


def test_two_processes_have_the_gradients_of_one_with_a_vision_language_model(learned: Path) -> None:
    one, two, other = (load_file(learned / f"{name}.safetensors") for name in ("1-0", "2-0", "2-1"))
    assert all(torch.equal(two[name], other[name]) for name in two)  # so they stay in step
    for size in ("9", "1"):
        assert_same_gradients(*({n: g for n, g in of.items() if n.startswith(f"{size} ")} for of in (two, one)))


def test_a_run_in_two_processes_is_one_run(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--games", "6", "--listener", "tiny_listener:ExactListener", "--out"]
    run("respect", *options, tmp_path / "1")
    run_two("--module", "multiref_gym.cli", "respect", *options, tmp_path / "2")
    one, two = (json.loads((tmp_path / count / "results.json").read_text())["rounds"] for count in ("1", "2"))
    assert [measured["systems"] for measured in one] == [measured["systems"] for measured in two]
    assert one[1]["learning"] == pytest.approx(two[1]["learning"], abs=EXACT)
