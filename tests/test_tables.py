"""Tables and pages of results: how an estimate is written, and what is done with texts that look like markup."""

from __future__ import annotations

import jinja2
import pytest
from rich.console import Console

from multiref_gym.agents.evaluation.pages import page
from multiref_gym.agents.evaluation.tables import Sheet, percent, share, success_sheet

SHEET = Sheet("Won", ["listener", "success"], [["[red]a|b", "80 (75–85)"]], "simulated")


def printed(sheet: Sheet, width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(sheet)
    return capture.get()


def test_an_estimate_is_written_with_its_interval_in_percent() -> None:
    found = {"mean": 0.804, "low": 0.75, "high": 0.852}
    assert percent(found) == "80 (75–85)"
    assert percent(found, 1, "%") == "80.4% (75–85)"
    assert percent(found, 1, "%", 1) == "80.4% (75.0–85.2)"
    assert percent(None) == share(None) == "–"
    assert share(0.804) == "80.4%"


def test_a_sheet_is_markdown_or_printed() -> None:
    assert SHEET.markdown() == (
        "**Won**\n\n| listener | success |\n| --- | ---: |\n| [red]a\\|b | 80 (75–85) |\n\nsimulated.\n"
    )
    assert Sheet("", ["a"], [["b"]]).markdown() == "| a |\n| --- |\n| b |\n"
    assert all(text in printed(SHEET) for text in ("Won", "[red]a|b", "80 (75–85)", "simulated"))


def test_long_names_are_folded_and_never_cut() -> None:
    name = "runs/" + "x" * 60
    lines = printed(Sheet("", ["listener", "success"], [[name, "80 (75–85)"]]), width=50).splitlines()
    assert "".join(line.replace("80 (75–85)", "").strip() for line in lines).count("x") == 60


@pytest.mark.parametrize(("seeds", "names"), [([0], ["A"]), ([0, 1], ["A", "A, seed 0", "A, seed 1"])])
def test_runs_have_rows_of_their_own_where_there_are_several(seeds: list[int], names: list[str]) -> None:
    won = [{"mean": 0.5, "low": 0.4, "high": 0.6}] * 2
    results = {"seeds": seeds, "config": {"rounds": 1, "games": 9}}
    sheet = success_sheet("Games won", results, {"A": won}, {"A": dict.fromkeys(seeds, won)})
    assert [row[0] for row in sheet.rows] == names
    assert list(sheet.columns) == ["system", "round 0", "1"]
    assert "9 games a round" in sheet.title


def test_what_is_put_into_a_page_is_escaped_and_what_it_asks_for_has_to_be_there() -> None:
    values = {"systems": {"<b>": "a & b"}, "pictures": {}, "sheets": [SHEET], "setup": {"config": {"games": 9}}}
    text = page("systems.html", **values)
    assert "<dt>&lt;b&gt;</dt><dd>a &amp; b</dd>" in text
    assert "<dt>games</dt><dd>9</dd>" in text
    assert "<caption>Won</caption>" in text
    with pytest.raises(jinja2.UndefinedError):
        page("systems.html")
