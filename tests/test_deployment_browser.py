"""Pages in a browser: Chromium shows them, a keyboard or a mouse works them, axe-core looks for barriers."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from deployed import Deployed, deployed, setup_in
from sqlalchemy import select

from multiref_gym.agents.deployment.tables import games, people, turns
from multiref_gym.game import LETTERS, Action
from multiref_gym.listener import Decision

api = pytest.importorskip("playwright.sync_api", reason="playwright, which shows pages, is not here")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe, which finds barriers, is not here")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("pages are tested in chromium or google-chrome, and neither is here", allow_module_level=True)

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
OPTIONS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHONE, DESK = {"width": 360, "height": 640}, {"width": 1280, "height": 800}
expect = api.expect
expect.set_options(timeout=30_000)

Opened = Callable[..., Any]
"""Opens a window of somebody new on a page of a deployment."""


class SpelledListener:
    """Has exactly those tangrams selected whose letters are said."""

    def act(self, views: Any, rngs: Any) -> list[Decision]:
        decisions = []
        for view in views:
            meant = frozenset(LETTERS.index(word) for word in view.utterance.split() if word in LETTERS)
            action = Action(meant - view.selected, view.selected - meant)
            decisions.append(Decision(action, 0.0, str(action)))
        return decisions


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Opened]:
    """Whatever is opened with it: nothing runs that should not, and no other host is asked for anything."""
    contexts, faults = [], []

    def note_dialog(dialog: Any) -> None:
        faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note_console(message: Any) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def note_request(url: str, host: str) -> None:
        if urlsplit(url).netloc != host:
            faults.append(f"request: {url}")

    def open_page(there: Deployed, path: str = "/", **options: Any) -> Any:
        context = chromium.new_context(base_url=there.url, **{"viewport": DESK} | options)
        context.set_default_timeout(30_000)
        context.on("dialog", note_dialog)
        context.on("console", note_console)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("request", lambda request: note_request(request.url, urlsplit(there.url).netloc))
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Anybody may play with a listener who understands letters."""
    setup = setup_in(tmp_path_factory.mktemp("there"), contexts=None, systems=("A",))
    with deployed(setup, {"A": "test_deployment_browser:SpelledListener"}) as there:
        yield there


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The study that ships, but of two games a person."""
    folder = tmp_path_factory.mktemp("study")
    shipped = files("multiref_gym.agents.deployment").joinpath("study")
    (folder / "consent.txt").write_text(shipped.joinpath("consent.txt").read_text())
    told = shipped.joinpath("study.toml").read_text()
    assert "games = 5" in told
    (folder / "study.toml").write_text(told.replace("games = 5", "games = 2"))
    setup = setup_in(tmp_path_factory.mktemp("studied"), contexts=None, systems=("A",), study=folder)
    with deployed(setup, {"A": "test_deployment_browser:SpelledListener"}) as there:
        yield there


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    setup = setup_in(tmp_path_factory.mktemp("listening"), contexts=None, role="listener", systems=("PERSON",))
    with deployed(setup, {}) as there:
        yield there


@pytest.fixture
def paired(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(setup_in(tmp_path, contexts=None, role="pairs", systems=("HH",)), {}) as there:
        yield there


def link(there: Deployed) -> str:
    """Returns the path that leads somebody new into a study."""
    worker = secrets.token_hex(8)
    return f"/enter/{worker}/{there.site.secrets.sign('entry', worker)}"


def game_of(there: Deployed, page: Any) -> Any:
    """Returns the row of the game that a page shows."""
    with there.site.database.transaction() as connection:
        return connection.execute(select(games).where(games.c.public_id == page.url.rpartition("/")[2])).one()


def said_in(there: Deployed, page: Any) -> list[str]:
    with there.site.database.transaction() as connection:
        kept = select(turns.c.utterance).where(turns.c.game_id == game_of(there, page).id)
        return list(connection.scalars(kept.order_by(turns.c.turn)))


def targets_of(there: Deployed, page: Any) -> str:
    """Returns the letters of the targets, which a `SpelledListener` understands."""
    row = game_of(there, page)
    order = json.loads(row.listener_order)
    return " ".join(sorted(LETTERS[order.index(target)] for target in json.loads(row.targets)))


def play(page: Any) -> None:
    page.get_by_role("button", name="Play").click()
    expect(page.locator("h1")).to_have_text("Turn 1 of 10")


def say(page: Any, text: str) -> None:
    """Says something by the keyboard, with script, and waits until the page shows the next turn or the end."""
    page.wait_for_load_state()  # with the script, without which Enter begins a new line
    before = page.locator("h1").inner_text()
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")
    expect(page.locator("h1")).not_to_have_text(before)


def tab_to(page: Any, what: Any) -> None:
    """Goes to something by the Tab key alone, once the page is there with its script."""
    page.wait_for_load_state()
    for _ in range(40):
        page.keyboard.press("Tab")
        if what.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("the Tab key does not lead there")


def press(page: Any, role: str, name: str) -> None:
    """Goes to a button or a link by the Tab key, and presses Enter."""
    tab_to(page, page.get_by_role(role, name=name, exact=True))
    page.keyboard.press("Enter")


def choose(page: Any, name: str, number: int) -> None:
    """Goes to a question by the Tab key and chooses an answer by the arrow keys; the first one is 1."""
    choices = page.locator(f"input[name={name}]")
    tab_to(page, choices.first)
    page.keyboard.press("Space")
    for _ in range(number - 1):
        page.keyboard.press("ArrowDown")
    expect(choices.nth(number - 1)).to_be_checked()


def look_up(there: Deployed, page: Any) -> None:
    """Opens the operator's page."""
    page.goto("/operator")
    page.locator("#operator").fill(there.site.secrets.operator)
    page.locator("#operator").press("Enter")
    expect(page.get_by_role("heading", name="Latest games")).to_be_visible()


def scrolls_sideways(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def test_a_person_plays_a_whole_game_with_the_listener_that_ships(tmp_path: Path, opened: Opened) -> None:
    with deployed(setup_in(tmp_path, contexts=None, systems=("A",)), {"A": "small"}) as there:
        page = opened(there)
        play(page)
        for turn in range(1, 11):
            say(page, "the one like a house" if turn % 2 else "no, the bird")
            expect(page.locator(".dialogue li")).to_have_count(turn)
            expect(page.locator(".dialogue li").first).to_contain_text("The listener")
            if page.locator(".end").is_visible():
                break
        said = said_in(there, page)
        assert len(said) == turn
        expect(page.locator(".end")).to_contain_text("Games that you have played: 1.")
        page.get_by_role("link", name="Next game").click()
        expect(page.locator("h1")).to_have_text("Turn 1 of 10")
        assert not said_in(there, page), "this is another game"


def test_a_whole_game_needs_a_keyboard_and_no_script(there: Deployed, opened: Opened) -> None:
    page = opened(there, java_script_enabled=False, viewport=PHONE)
    press(page, "button", "Play")
    expect(page.locator("h1")).to_have_text("Turn 1 of 10")
    for turn, said in enumerate(["A B", "A", targets_of(there, page)], 1):
        expect(page.locator("h1")).to_have_text(f"Turn {turn} of 10")
        if turn == 1:
            tab_to(page, page.locator("#text"))
        expect(page.locator("#text")).to_be_focused()
        page.keyboard.type(said)
        press(page, "button", "Send")
    expect(page.locator("h1")).to_have_text("You won this game!")
    assert said_in(there, page) == ["A B", "A", targets_of(there, page)]
    press(page, "link", "Next game")
    expect(page.locator("h1")).to_have_text("Turn 1 of 10")


def test_the_keyboard_alone_plays_and_the_text_box_has_the_focus_after_a_turn(there: Deployed, opened: Opened) -> None:
    page = opened(there)
    press(page, "button", "Play")
    tab_to(page, page.locator("#text"))
    page.keyboard.type("A B")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator("#news")).to_contain_text("The listener selected: row")
    page.keyboard.type(targets_of(there, page))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("You won this game!")
    expect(page.locator("h1")).to_be_focused()
    press(page, "link", "Next game")
    expect(page.locator("h1")).to_have_text("Turn 1 of 10")


def test_what_is_said_without_a_connection_is_kept_and_sent_once(there: Deployed, opened: Opened) -> None:
    page = opened(there)
    play(page)
    page.context.set_offline(True)
    page.locator("#text").fill("A")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_contain_text("No connection")
    expect(page.locator("#text")).to_have_value("A")
    assert not said_in(there, page)
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    assert said_in(there, page) == ["A"]


def test_what_was_said_counts_once_though_the_answer_was_lost(there: Deployed, opened: Opened) -> None:
    page = opened(there)
    play(page)
    lost = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch(max_redirects=0).status)
            route.abort()

    page.route("**/say", lose)
    say(page, "A")
    assert lost == [303]
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    assert said_in(there, page) == ["A"]


def test_enter_twice_is_one_turn(there: Deployed, opened: Opened) -> None:
    page = opened(there)
    play(page)
    held: list[Any] = []
    page.route("**/say", lambda route: held.append(route))
    page.locator("#text").fill("A")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_have_text("Sending…")
    page.get_by_role("button", name="Send").click(force=True)
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    assert len(held) == 1
    assert said_in(there, page) == ["A"]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_double_click_is_one_turn(there: Deployed, opened: Opened, script: bool) -> None:
    page = opened(there, java_script_enabled=script)
    play(page)
    page.locator("#text").fill("A")
    page.get_by_role("button", name="Send").dblclick()
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    assert said_in(there, page) == ["A"]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_of_two_windows_of_a_game_the_second_is_told_and_keeps_its_text(
    there: Deployed, opened: Opened, script: bool
) -> None:
    first = opened(there, java_script_enabled=script)
    play(first)
    second = first.context.new_page()
    second.goto(first.url)
    for page, text in ((first, "A"), (second, "something else")):
        page.locator("#text").fill(text)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    expect(second.get_by_role("alert")).to_contain_text("Something else was sent")
    expect(second.locator("#text")).to_have_value("something else")
    assert said_in(there, first) == ["A"]


def test_a_phone_shows_all_of_a_game_at_once(there: Deployed, opened: Opened) -> None:
    page = opened(there, viewport=PHONE)
    play(page)
    for turn in range(2):
        assert not scrolls_sideways(page)
        assert page.evaluate("window.scrollY") == 0
        assert page.locator(".cell").count() == 10
        for what in (*page.locator(".cell img").all(), page.locator("#text"), page.get_by_role("button", name="Send")):
            box = what.bounding_box()
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]
            assert box["y"] + box["height"] <= PHONE["height"]
        if turn == 0:
            say(page, "A B C D E F G H I J")


def test_the_keyboard_leads_through_a_study(studied: Deployed, opened: Opened) -> None:
    page = opened(studied, link(studied))
    tab_to(page, page.locator("input[name=agree]"))
    page.keyboard.press("Space")
    press(page, "button", "Continue")
    expect(page.locator("h1")).to_have_text("How to play")
    for question in (0, 2, 3):
        choose(page, f"question-{question}", 1)
    press(page, "button", "Continue")
    expect(page.get_by_role("alert")).to_contain_text("2 answers are not right")
    expect(page.locator("input[name=question-0]").first).to_be_checked()
    for question in (2, 3):
        choose(page, f"question-{question}", 2)
    press(page, "button", "Continue")
    for on in ("Next game", "Continue"):
        expect(page.locator("h1")).to_have_text("Turn 1 of 10")
        tab_to(page, page.locator("#text"))
        page.keyboard.type(targets_of(studied, page))
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("You won this game!")
        press(page, "link", on)
    choose(page, "answer-0", 3)
    tab_to(page, page.locator("textarea"))
    page.keyboard.type("It was fun.")
    press(page, "button", "Send")
    expect(page.locator("h1")).to_have_text("Thank you!")
    with studied.site.database.transaction() as connection:
        known = [studied.site.secrets.completion_code(name) for name in connection.scalars(select(people.c.pseudonym))]
    assert page.locator(".code").inner_text() in known


def test_the_keyboard_alone_listens(listening: Deployed, opened: Opened) -> None:
    page = opened(listening)
    press(page, "button", "Play")
    expect(page.locator(".now q")).not_to_be_empty()
    first, second = page.get_by_role("checkbox").nth(0), page.get_by_role("checkbox").nth(1)
    tab_to(page, first)
    page.keyboard.press("Space")
    tab_to(page, second)
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    press(page, "button", "Done")
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")
    expect(first).to_be_checked()
    expect(second).not_to_be_checked()


def test_two_people_see_what_the_other_does_without_a_click(paired: Deployed, opened: Opened) -> None:
    waiting, coming = opened(paired), opened(paired)
    for page in (waiting, coming):
        page.get_by_role("button", name="Play").click()
    for page in (waiting, coming):
        expect(page.locator("h1")).to_have_text("Turn 1 of 10")
    speaker, listener = (waiting, coming) if waiting.locator("#text").count() else (coming, waiting)
    speaker.wait_for_load_state()  # with the script, without which Enter begins a new line
    speaker.locator("#text").fill("the house")
    speaker.locator("#text").press("Enter")
    expect(listener.locator(".now q")).to_have_text("the house")
    listener.get_by_role("checkbox").first.check()
    listener.get_by_role("button", name="Done").click()
    expect(speaker.locator("h1")).to_have_text("Turn 2 of 10")
    expect(speaker.locator(".cell.selected")).to_have_count(1)


@pytest.mark.parametrize("bypass_csp", [False, True], ids=["policy", "no policy"])
def test_what_people_type_cannot_run(there: Deployed, opened: Opened, bypass_csp: bool) -> None:
    typed = "<script>alert(1)</script> <img src=https://elsewhere.example/x onerror=alert(2)> '\"><svg onload=alert(3)>"
    page = opened(there, bypass_csp=bypass_csp)
    play(page)
    say(page, typed)
    expect(page.locator(".dialogue q")).to_have_text(typed)
    page.reload()
    expect(page.locator(".dialogue q")).to_have_text(typed)
    look_up(there, page)
    expect(page.locator(".games q", has_text=typed).first).to_be_visible()


def at_start(there: Deployed, page: Any) -> None:
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def at_first_turn(there: Deployed, page: Any) -> None:
    play(page)


def at_third_turn(there: Deployed, page: Any) -> None:
    play(page)
    say(page, "A B")
    say(page, "A C")


def at_refused_text(there: Deployed, page: Any) -> None:
    at_third_turn(there, page)
    page.locator("#text").fill(" ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def at_end(there: Deployed, page: Any) -> None:
    play(page)
    say(page, targets_of(there, page))
    expect(page.locator("h1")).to_have_text("You won this game!")


def at_left_game(there: Deployed, page: Any) -> None:
    play(page)
    page.get_by_text("Leave this game").click()
    page.get_by_role("button", name="Leave the game").click()
    expect(page.locator("h1")).to_have_text("This game has ended")


def at_nothing(there: Deployed, page: Any) -> None:
    page.goto("/nowhere")
    expect(page.locator("h1")).to_have_text("This did not work")


def at_login(there: Deployed, page: Any) -> None:
    page.goto("/operator")
    page.locator("#operator").fill("wrong")
    page.locator("#operator").press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def at_operator(there: Deployed, page: Any) -> None:
    at_third_turn(there, page)
    page.goto("/")
    at_end(there, page)
    look_up(there, page)


def at_consent(there: Deployed, page: Any) -> None:
    page.goto(link(there))
    expect(page.locator("h1")).to_have_text("Before you begin")


def at_rules(there: Deployed, page: Any) -> None:
    at_consent(there, page)
    page.locator("input[name=agree]").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("h1")).to_have_text("How to play")


def answer(page: Any, *answers: int) -> None:
    for question, number in zip((0, 2, 3), answers, strict=True):
        page.locator(f"input[name=question-{question}]").nth(number - 1).check()
    page.get_by_role("button", name="Continue").click()


def at_wrong_answers(there: Deployed, page: Any) -> None:
    at_rules(there, page)
    answer(page, 1, 1, 1)
    expect(page.get_by_role("alert")).to_be_visible()


def at_survey(there: Deployed, page: Any) -> None:
    at_rules(there, page)
    answer(page, 1, 2, 2)
    for on in ("Next game", "Continue"):
        expect(page.locator("h1")).to_have_text("Turn 1 of 10")
        say(page, targets_of(there, page))
        page.get_by_role("link", name=on).click()
    expect(page.locator("h1")).to_have_text("A few questions")


def at_done(there: Deployed, page: Any) -> None:
    at_survey(there, page)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("h1")).to_have_text("Thank you!")


def at_heard(there: Deployed, page: Any) -> None:
    play(page)
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("h1")).to_have_text("Turn 2 of 10")


def at_waiting(there: Deployed, page: Any) -> None:
    page.get_by_role("button", name="Play").click()
    expect(page.locator("h1")).to_have_text("Waiting for somebody to play with")


PAGES = [
    *(("there", to) for to in (at_start, at_first_turn, at_third_turn, at_refused_text, at_end, at_left_game)),
    *(("there", to) for to in (at_nothing, at_login, at_operator)),
    *(("studied", to) for to in (at_consent, at_rules, at_wrong_answers, at_survey, at_done)),
    ("listening", at_heard),
    ("paired", at_waiting),
]


@pytest.mark.parametrize(("where", "to"), PAGES, ids=[to.__name__.removeprefix("at_") for _, to in PAGES])
def test_a_page_has_no_barriers_light_on_a_phone_and_dark_on_a_desk(
    where: str, to: Callable[[Deployed, Any], None], request: pytest.FixtureRequest, opened: Opened
) -> None:
    # Without the policy, as axe is put into the page as a script. Nothing moves: colours are read while they are still.
    page = opened(request.getfixturevalue(where), bypass_csp=True, reduced_motion="reduce")
    to(request.getfixturevalue(where), page)
    found = []
    for size, scheme in ((PHONE, "light"), (DESK, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        assert not scrolls_sideways(page)
        for fault in axe.Axe().run(page).response["violations"]:
            nodes = [f"{node['html'][:120]} {node['failureSummary']}" for node in fault["nodes"]]
            found.append(f"{size['width']} {scheme} {fault['id']}: {nodes}")
    assert not found, "\n".join(found)
