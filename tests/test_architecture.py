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
CODE = [*MODULES, *sorted((ROOT / "tests").glob("*.py")), *sorted((ROOT / "docs").rglob("*.py"))]


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the modules that a module imports, at any depth of its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def package_of(module: str) -> str:
    """Returns the one of `PACKAGES` that a module is in, or its top-level package if it is in none."""
    first, *others = module.split(".")
    return others[0] if first == "multiref_gym" and others and others[0] in PACKAGES else first


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_imports_to_its_right(path: Path) -> None:
    package = PACKAGES.index(path.relative_to(ROOT).parts[0])
    found = map(package_of, imported(ast.parse(path.read_text())))
    assert set(found).isdisjoint(PACKAGES[package + 1 :])


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_there_is_one_import_root(path: Path) -> None:
    roots = {module.partition(".")[0] for module in imported(ast.parse(path.read_text()))}
    assert roots.isdisjoint({"simulators", "agents", "benchmarks", ""})  # "" is a relative import
    assert not any(root.startswith("test_") for root in roots), "what tests share is in a module of its own"


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_each_folder_is_part_of_the_package_by_a_relative_link(package: str) -> None:
    link = ROOT / "multiref_gym" / package
    assert link.is_symlink()
    assert link.readlink() == Path("..", package)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_package_tells_type_checkers_that_it_has_types() -> None:
    assert (ROOT / "multiref_gym" / "py.typed").is_file()


def test_a_game_with_its_speaker_is_to_be_had_without_torch() -> None:
    code = (
        "import sys, gymnasium, multiref_gym, multiref_gym.cli, multiref_gym.store, multiref_gym.formats.by_fields\n"
        "gymnasium.make('MultiRef-v0').reset(seed=0)\n"
        "heavy = {'torch', 'transformers', 'peft', 'multiref_gym.agents', 'multiref_gym.benchmarks'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
