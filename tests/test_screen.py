"""What a command shows, and how its results are kept."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.commands.play import Terminal
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.commands.screen import Screen, printable
from multiref_gym.digests import with_digest
from multiref_gym.provenance import provenance, write_results
from multiref_gym.tangrams import load_tangrams


def test_a_log_has_what_was_said_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen() as screen:
        screen.report("games", 1, 3)
        screen.say("[a] line " * 40)
        screen.report("games", 3, 3)
        screen.show("[b]a text[/]")
    assert capsys.readouterr().out == "[a] line " * 40 + "\na text\n"


def test_a_terminal_has_one_bar_which_starts_again_with_each_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with Screen() as screen:
        screen.report("vision", 3, 3)
        screen.report("language", 1, 7)
        screen.show_above("what stands above")
        screen.show("done")
        screen.report("more", 0, 2)
    shown = capsys.readouterr().out
    places = [shown.index(text) for text in ("vision", "3/3", "language", "1/7", "what stands above", "done", "more")]
    assert places == sorted(places)


FOREIGN = "a\x1b[2Jb\x07c\x9b31md\u202ee\ud800f\x00g"
SHOWN = "a\ufffd[2Jbc\ufffd31md\ufffde\ufffdf\ufffdg"


def test_what_others_wrote_does_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with Screen() as screen:
        screen.say(FOREIGN)
        screen.say("one\nline\u2028only")
        screen.show(Sheet(FOREIGN, ["", FOREIGN], [[FOREIGN, FOREIGN]], FOREIGN))
        Terminal(screen.console, load_tangrams("figures"), "listener").say(FOREIGN, "dim", who="listener")
    shown = capsys.readouterr().out
    assert set(re.sub(r"\x1b\[[0-9;]*m", "", shown)) & set("\x1b\x07\x9b\u202e\ud800\x00") == set()
    assert f"{SHOWN}\none line only\n" in shown


@given(st.text())
def test_what_is_printable_is_kept_and_done_once(text: str) -> None:
    assert len(printable(text)) == len(text)
    assert printable(printable(text)) == printable(text)
    if text.isprintable():
        assert printable(text) == text


def test_results_are_written_with_what_they_were_made_with(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = write_results(path, {"won": 0.5}, "cyclopts", "no-such-package")
    assert json.loads(path.read_text()) == results == with_digest({"won": 0.5, **provenance("cyclopts")})
    assert "cyclopts" in results["versions"]
    assert "no-such-package" not in results["versions"]
    assert write_results(None, {"won": 0.5})["versions"] == provenance()["versions"]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_results_that_json_has_no_word_for_are_refused_and_leave_the_file_as_it_was(
    number: float, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    write_results(path, {"won": 0.5})
    before = path.read_text()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(path, {"won": {"mean": number}})
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
