"""The curves and the page of a run."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from multiref_gym.agents.evaluation.measures import decoder_quality, measure
from multiref_gym.agents.evaluation.report import COLUMNS, draw_curves, table_row, write_report
from multiref_gym.agents.learning.respect import SUP, Config, recorded
from multiref_gym.contexts import shared_contexts
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.png import data_url
from multiref_gym.provenance import write_results
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import TangramSet, load_tangrams

RUDE = '<script>alert("1")</script> & "co"'


@pytest.fixture(scope="module")
def tangrams() -> TangramSet:
    return load_tangrams("figures")


def game(tangrams: TangramSet, system: str, round: int, number: int, won: bool, utterance: str) -> Interaction:
    """Returns a game in which A, B and C are the targets: A is selected, D by mistake, and at last the rest, or not."""
    rng = np.random.default_rng(number)
    order = shared_contexts(tangrams).draw(rng).listener_order
    last = Action(select=frozenset({1, 2}), deselect=frozenset({3}))
    actions = [Action(select=frozenset({0})), Action(select=frozenset({3})), last if won else Action()]
    turns = tuple(Turn(utterance, action, -1.0) for action in actions)
    closing = "thanks!" if won else ""
    context = Context(order[::-1], order, frozenset(order[:3]))
    return Interaction(f"{system}-{round}-{number}", context, turns, RUDE, system, round, closing)


@pytest.fixture
def store(tangrams: TangramSet, tmp_path: Path) -> InteractionStore:
    store = InteractionStore(tmp_path / "interactions.db")
    for system in ("SUP", "CONTROL"):
        for round in (0, 1, 2):
            games = [
                game(tangrams, system, round, number, number == 1, f"words of round {round}, game {number} {RUDE}")
                for number in range(3)
            ]
            store.add(games, system)
            feedback = [[Feedback.POSITIVE, Feedback.NEGATIVE]] * 3
            store.add_feedback(system, round, "lexical", feedback)
    return store


@pytest.fixture
def run_results(store: InteractionStore) -> dict[str, Any]:
    measures = [
        {
            "round": round,
            "examples": 100 + round,
            "systems": {system: measure(store.interactions(system, round)) for system in ("SUP", "CONTROL")},
            "decoder": decoder_quality(store.interactions("SUP", round), store.feedback("lexical", "SUP", round)),
        }
        for round in (0, 1, 2)
    ]
    record = recorded(Config(rounds=2, games=3, tangrams="figures"), SUP, base="0123456789abcdef", settings={})
    return write_results(None, {**record, "rounds": measures})


class Page(HTMLParser):
    """What a page holds, and whether its elements are closed in order."""

    VOID = ("meta", "img", "br", "link", "input", "source")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(run_results: dict[str, Any], store: InteractionStore, tangrams: TangramSet, tmp_path: Path) -> str:
    write_report(run_results, b"curves", store, tangrams, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    for tag, attributes in Page(page).elements:
        assert tag not in ("script", "link", "iframe")
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("srcset") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_shows_what_was_said_letter_by_letter(page: str) -> None:
    assert RUDE in Page(page).text
    assert RUDE not in page


def test_a_game_won_and_a_game_lost_are_replayed_of_the_first_and_of_the_last_round(page: str) -> None:
    text = Page(page).text
    shown = set(re.findall(r"words of round (\d), game (\d)", text))
    assert shown == {("0", "0"), ("0", "1"), ("2", "0"), ("2", "1")}
    assert "SUP-0-1" in text
    assert "CONTROL-0-1" not in text
    assert text.count("thanks!") == 2


def turns_of(page: str) -> list[str]:
    """Returns the turns of the first game, which was won, each as its part of the page."""
    won = re.findall(r"<article>.*?</article>", page, flags=re.DOTALL)[0]
    assert won.count('class="target"') == 3
    return re.findall(r"<li>.*?</li>", won, flags=re.DOTALL)


def test_a_reply_stands_beside_the_verdict_that_it_led_to(page: str) -> None:
    turns = [" ".join(Page(turn).text.split()) for turn in turns_of(page)]
    said = f"speaker: words of round 0, game 1 {RUDE}"
    assert turns == [
        f"1. listener: select A true: positive {said} decoded: positive",
        f"2. listener: select D true: negative {said} decoded: negative",
        "3. listener: deselect D select B C true: positive speaker: thanks! "
        "The game is won, so no feedback is decoded.",
    ]


def test_each_turn_has_the_board_after_it(page: str) -> None:
    turns = turns_of(page)
    selected = [re.findall(r"after turn (\d); selected: (.*?)\"", turn) for turn in turns]
    assert selected == [[("1", "A")], [("2", "A, D")], [("3", "A, B, C")]]
    assert [turn.count('class="frame"') for turn in turns] == [1, 2, 3]
    assert [turn.count('class="frame left"') for turn in turns] == [0, 0, 1]
    assert len(set(re.findall(r'<use href="#(.*?)"', "".join(turns)))) == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_the_arrow_keys_step_through_the_boards_in_a_browser(width: int, page: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright, which shows pages, is not here")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("the page is tested in chromium or google-chrome, and neither is here")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": width, "height": 700}, offline=True)
        shown.set_content(page)
        game = shown.locator("article").first
        boards = game.locator("svg.board")
        assert [board.is_visible() for board in boards.all()] == [True, False, False]
        game.get_by_role("radio").first.focus()
        shown.keyboard.press("ArrowDown")
        assert [board.is_visible() for board in boards.all()] == [False, True, False]
        assert boards.nth(1).get_attribute("aria-label") == "The board after turn 2; selected: A, D"
        assert boards.nth(1).bounding_box()["width"] > 250
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()


def test_the_page_is_named_after_its_run(page: str) -> None:
    assert "<title>RESPECT: SUP on figures, seed 0</title>" in page
    assert "<h1>RESPECT: SUP on figures, seed 0</h1>" in page


def test_the_name_of_a_page_has_the_file_of_kilogram_and_no_folder(
    run_results: dict[str, Any], store: InteractionStore, tangrams: TangramSet, tmp_path: Path
) -> None:
    run_results["config"]["tangrams"] = "kilogram:/home/somebody/dense.json"
    write_report(run_results, b"", store, tangrams, tmp_path / "report.html")
    assert "SUP on kilogram (dense.json), seed 0</title>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_action_without_clicks_is_told(page: str) -> None:
    assert "no click" in page


def test_the_page_tells_the_setup(page: str, run_results: dict[str, Any]) -> None:
    text = Page(page).text
    for value in (
        "learner.optimisation.learning_rate",
        "learner.objective.class",
        "split",
        run_results["versions"]["torch"],
        run_results["machine"]["system"],
    ):
        assert value in text
    assert "simulated" in text


def test_the_page_has_the_curves_and_the_table(page: str, run_results: dict[str, Any]) -> None:
    assert data_url(b"curves") in page
    cells = re.findall(r"<td>(.*?)</td>", page)
    rows = [text for measured in run_results["rounds"] for text in table_row(measured)]
    assert cells[: len(rows)] == rows
    # In each of 9 games the first action was good and the second one bad, and so they were decoded.
    assert cells[len(rows) :] == ["negative", "9", "0", "0", "neutral", "0", "0", "0", "positive", "0", "0", "9"]


def test_a_row_has_a_text_for_each_column(run_results: dict[str, Any]) -> None:
    row = dict(zip(COLUMNS, table_row(run_results["rounds"][1]), strict=True))
    assert row["round"] == "1"
    assert row["success"].startswith("33.3% (0–")
    assert row["turns a game"] == "3.0"
    assert row["decoder accuracy"] == "100.0%"


def test_a_run_in_which_nobody_won_has_a_page(
    run_results: dict[str, Any], tangrams: TangramSet, tmp_path: Path
) -> None:
    with InteractionStore(tmp_path / "lost.db") as store:
        store.add([game(tangrams, "SUP", 0, 0, False, "no")], "SUP")
        store.add_feedback("SUP", 0, "lexical", [[Feedback.NEGATIVE] * 2])
        one_round = {**run_results, "rounds": run_results["rounds"][:1]}
        write_report(one_round, b"curves", store, tangrams, tmp_path / "lost.html")
    text = Page((tmp_path / "lost.html").read_text(encoding="utf-8")).text
    assert "game that was lost" in text
    assert "game that was won" not in text


@pytest.mark.parametrize("rounds", [1, 3])
def test_curves_are_a_picture_with_the_colours_of_both_systems(
    rounds: int, run_results: dict[str, Any], tmp_path: Path
) -> None:
    drawn = draw_curves({**run_results, "rounds": run_results["rounds"][:rounds]}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes() == drawn
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")).reshape(-1, 3)
    for colour in ((0x00, 0x72, 0xB2), (0x8A, 0x6D, 0x3B)):
        assert (pixels == colour).all(1).sum() > 50
    assert [path.name for path in tmp_path.glob("*.unfinished")] == []
