"""What is installed: one import root, with all files in it, whatever else is called `agents` or `benchmarks`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("agents", "simulators", "benchmarks")
SOURCES = ("multiref_gym", *LINKED)
FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")


def setuptools(folder: Path, task: str) -> Path:
    """Has setuptools build something of the sources in a folder, without any network, and returns its file."""
    code = f"from setuptools import build_meta; print(build_meta.build_{task}('dist'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a copy, as what lies about in a checkout must not get into it, nor anything new into a checkout."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return setuptools(folder, "sdist")


@pytest.fixture(scope="module")
def wheel(source_distribution: Path) -> Path:
    """Built of the checkout."""
    return setuptools(source_distribution.parents[1], "wheel")


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_one_package_and_every_file_of_it(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        assert {name.split("/")[0].split("-")[0] for name in archive.namelist()} == {"multiref_gym"}
    files = (path for path in (ROOT / "multiref_gym").rglob("*") if path.is_file())
    linked = (path for name in LINKED for path in (ROOT / name).rglob("*") if path.is_file())
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts} | {
        f"multiref_gym/{path.relative_to(ROOT)}" for path in linked if "__pycache__" not in path.parts
    }
    assert {"multiref_gym/py.typed", "multiref_gym/agents/decoders/learned.json"} <= expected
    assert any(name.endswith("checkpoint/model.safetensors") for name in expected)
    assert any(name.endswith(".html") for name in expected)
    assert names_in(wheel) == expected


def test_a_source_distribution_makes_the_same_wheel(source_distribution: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(source_distribution) as archive:
        assert not any(member.issym() or member.islnk() for member in archive)
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    assert names_in(setuptools(folder, "wheel")) == names_in(wheel)


def test_an_installed_wheel_and_packages_of_other_people_do_not_know_of_one_another(
    wheel: Path, tmp_path: Path
) -> None:
    installed, work = tmp_path / "site", tmp_path / "work"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--no-index"]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("no pip to install a wheel with")
    subprocess.run([*pip, "--target", str(installed), str(wheel)], check=True)
    # A package of somebody else beside it, and the folders of somebody's own work in front of everything.
    for folder in (installed / "agents", work / "simulators", work / "benchmarks"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("OWNER = 'somebody else'\n")
    code = (
        "import agents, simulators, benchmarks, gymnasium\n"
        "import multiref_gym.agents, multiref_gym.simulators, multiref_gym.benchmarks\n"
        "import multiref_gym.agents.play, multiref_gym.simulators.scripted, multiref_gym.benchmarks.contexts\n"
        "assert agents.OWNER == simulators.OWNER == benchmarks.OWNER == 'somebody else'\n"
        f"assert multiref_gym.agents.__file__.startswith({str(installed)!r}), multiref_gym.agents.__file__\n"
        "observation, _ = gymnasium.make('MultiRef-v0').reset(seed=0)\n"
        "print(observation['utterance'])\n"
    )
    # Not isolated (-I), as PYTHONPATH is what puts the wheel before an editable install. Nothing is compiled, which
    # would take half a minute.
    environment = {"PYTHONPATH": str(installed), "PATH": "", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
