"""What a new user does: the README's commands in a new clone, and the built wheel in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from human_like import records, write_kilogram
from pages import Page

ROOT = Path(__file__).parents[1]

SMALL = {"ROUNDS": "1", "GAMES": "20"}
"""Variables of the Makefile, for a run of seconds."""


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Runs a command as a new user would, and returns what it printed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def readme_with_a_second_terminal(text: str) -> str:
    """Returns the README without the tests, which this is one of, and with its server in the background."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    wait = f"while kill -0 $! && ! curl --silent --fail --output page.html {url}; do sleep 1; done"
    text = re.sub(r"^make test .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(multiref serve --open) .*$", rf"\1 --port {port} & {wait}", text, flags=re.MULTILINE)
    return text.replace("multiref serve-crowd ", f"multiref serve-crowd --url {url} ")


def test_the_readme_and_then_the_wheel_work_in_a_new_environment(tmp_path: Path) -> None:
    clone, empty = tmp_path / "clone", tmp_path / "empty"
    run("git", "checkout-index", "--all", f"--prefix={clone}/", folder=ROOT)
    empty.mkdir()

    # What the README's commands name in capitals.
    write_kilogram(clone / "PATH")
    games = records()
    for name, half in (("HUMAN", "ABCD"), ("OTHERS", "EFGH")):
        kept = [json.dumps(game) for game in games if game["speaker"][0] in half]
        (clone / f"{name}.jsonl").write_text("\n".join(kept), encoding="utf-8")

    page = tmp_path / "README.md"
    page.write_text(readme_with_a_second_terminal((clone / "README.md").read_text(encoding="utf-8")), encoding="utf-8")
    # `make` may run this test, with an environment and flags of its own.
    made = {"PYTHON": sys.executable, "VENV": ".venv", "MAKEFLAGS": "", **SMALL}
    environment = {"PIP_CONSTRAINT": str(clone / "constraints.txt"), **made}
    output = Page.of(page).run(clone, clone / ".venv" / "bin", PYTHONPATH="", **environment)
    assert "report.html are in runs/respect-0" in output
    assert (clone / "policy" / "model.safetensors").exists()

    python = clone / ".venv" / "bin" / "python"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", empty, folder=clone)
    [wheel], [source] = empty.glob("*.whl"), empty.glob("*.tar.gz")
    for built in (source, wheel):
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "multiref-gym", folder=empty)
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", built, folder=empty)
        where = run(python, "-c", "import multiref_gym; print(multiref_gym.__file__)", folder=empty)
        assert Path(where.strip()).is_relative_to(clone / ".venv")
        out = f"{built.name}.jsonl"
        assert "% won" in run(python, "-m", "multiref_gym.cli", "simulate", "--games", "5", "--out", out, folder=empty)
    shutil.rmtree(clone)  # it takes more than a gigabyte


def test_one_version_is_named_everywhere() -> None:
    version = re.search(r"^version = (.+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    files = ["CITATION.cff", "environments/openenv/openenv.yaml", *ROOT.glob("environments/*/pyproject.toml")]
    for file in files:
        named = re.findall(r"^version(?:: | = )\"?([^\"\n]+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert named == [version[1]], file
    if "dev" not in version[1]:
        assert f"\n## [{version[1]}] - 20" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
