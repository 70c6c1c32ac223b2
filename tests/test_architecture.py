"""Where things are: which package may import which, and that every module says what it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("multiref_gym", "simulators", "agents", "benchmarks")  # each imports only those before it, and itself
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the top-level packages that a module imports, at any depth of its code; its own if relative."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_imports_to_its_right(path: Path) -> None:
    package = PACKAGES.index(path.relative_to(ROOT).parts[0])
    assert set(imported(ast.parse(path.read_text()))).isdisjoint(PACKAGES[package + 1 :])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_tells_type_checkers_that_it_has_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_a_game_with_its_speaker_is_to_be_had_without_torch() -> None:
    code = (
        "import sys, gymnasium, multiref_gym, multiref_gym.cli, multiref_gym.store, multiref_gym.public_data\n"
        "gymnasium.make('MultiRef-v0').reset(seed=0)\n"
        "print(sorted({'torch', 'transformers', 'peft', 'agents', 'benchmarks'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
