"""Compiled once on a machine: where machine code is kept, and that plain Python says the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import multiref_gym

PACKAGE = Path(multiref_gym.__file__).parent
TURN = (
    "from multiref_gym.game import Action, Context, Game\n"
    "game = Game(Context(('a', 'b'), ('a', 'b'), frozenset('a')))\n"
    "game.apply(Action(frozenset({0})))\n"
    "print(game.success)\n"
)
DIALOGUES = (
    "import gymnasium as gym, numpy as np, multiref_gym\n"
    "np.seterr(over='ignore')  # hashes of 64 bits\n"
    "envs = gym.make_vec('MultiRef-v0', 6, image=None, similarity=0.5, autoreset_mode='SameStep', max_turns=7)\n"
    "print(envs.reset(seed=1)[0]['utterance'])\n"
    "clicks = (np.random.default_rng(0).random((15, 6, 10)) < 0.15).astype(np.int8)\n"
    "for actions in clicks:\n"
    "    observations, rewards, *_ = envs.step(actions)\n"
    "    print(observations['utterance'], observations['selected'].tolist(), rewards)\n"
)


def start(code: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=cwd,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def ran(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def test_plain_python_says_what_machine_code_says() -> None:
    compiled, plain = (start(DIALOGUES, NUMBA_DISABLE_JIT=disabled) for disabled in ("0", "1"))
    said, _ = ran(compiled)
    assert len(said.splitlines()) > 15
    assert said == ran(plain)[0]


def test_processes_that_start_together_say_that_they_compile_and_keep_it(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    together = [ran(process) for process in [start(TURN, **cache) for _ in range(3)]]
    assert all(out == "True\n" for out, _ in together)
    assert any("compiles the game and its speakers, once on this machine" in told for _, told in together)
    assert ran(start(TURN, **cache)) == ("True\n", "")
    assert list(tmp_path.glob("multiref-gym/*/*/entries.take*.nbc"))


def test_without_a_folder_for_a_cache_games_are_played_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    homeless = "import os, pwd, sys; del os.environ['HOME']; sys.modules['pwd'] = None\n"
    for code, cache in (("", str(tmp_path / "file")), (homeless, "")):
        out, told = ran(start(code + TURN, XDG_CACHE_HOME=cache, NUMBA_CACHE_DIR=""))
        assert out == "True\n"
        assert "as no cache can be written" in told


def test_an_installation_that_cannot_be_written_is_enough() -> None:
    assert not [path for path in PACKAGE.rglob("*.nb[ci]") if "benchmarks" not in path.parts]


def test_a_change_of_any_compiled_source_has_machine_code_of_its_own(tmp_path: Path) -> None:
    folder = "from multiref_gym.compiled.compiling import cache_folder; print(cache_folder().name)"
    twin = tmp_path / "multiref_gym"
    skip = shutil.ignore_patterns("__pycache__", "agents", "benchmarks", "weights")
    shutil.copytree(PACKAGE, twin, ignore=skip)
    here, same = (ran(start(folder, cwd))[0] for cwd in (None, tmp_path))
    with (twin / "simulators" / "text.py").open("a") as source:
        source.write("# changed\n")
    assert here == same != ran(start(folder, tmp_path))[0]
