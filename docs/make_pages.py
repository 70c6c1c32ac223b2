"""Takes the pictures of the pages that people and operators see, for the page on deployments.

    python docs/make_pages.py

It starts `multiref serve`, plays in Chromium what `SAID` says, and lets a simulated crowd play for the operator's page.
The person's game is the same each time, but for the last bits of what the listener computes; the crowd's games are not.
It needs playwright, and Chromium or Chrome.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import cyclopts
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from multiref_gym.files import write_atomically
from multiref_gym.png import png

FOLDER = Path(__file__).parent / "pictures"
MULTIREF = str(Path(sys.executable).with_name("multiref"))
COLOURS = 48
"""How many colours a picture has."""

DESK, PHONE = (1280, 800), (360, 640)
"""The width and height of a window."""

SAID = (
    "a lamp with a chain",
    "yes, now a bird with a big head",
    "no, undo that. the bird that looks left",
    "yes. now the person in a dress",
)
"""What is said in the first game with seed 0, turn by turn; the last of it is written and not sent yet."""
GAMES = 12
"""How many games the crowd plays."""

EDGES: dict[Literal["light", "dark"], str] = {"light": "#c9ced6", "dark": "#3b434d"}
"""The colour of the line around a picture, for each colour scheme of pages."""
EDGE = 2
"""The width of that line in pixels."""


def main() -> None:
    """Takes the pictures of the pages that people and operators see, for the page on deployments."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        take_study(browser, Path(folder))
        take_operator(browser, Path(folder))
        browser.close()


def take_study(browser: Browser, folder: Path) -> None:
    """Takes the pictures of what a person sees: the consent, and a game on a desk and on a phone."""
    study = files("multiref_gym.agents.deployment").joinpath("study")
    with serving(folder / "study", "--study", str(study)) as links:
        page = new_page(browser, 2)
        page.goto(links["people"].replace("{THEIR-ID}", "ann"))
        take(page, "consent", DESK)
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Continue").click()
        for question, answer in ((0, 0), (2, 1), (3, 1)):  # the second question is for listeners
            page.locator(f"input[name=question-{question}]").nth(answer).check()
        page.get_by_role("button", name="Continue").click()
        for turn, text in enumerate(SAID, 1):
            page.get_by_role("heading", name=f"Turn {turn} of").wait_for()
            page.locator("#text").fill(text)
            if turn < len(SAID):
                page.get_by_role("button", name="Send").click()
        take(page, "game-desk", DESK)
        take(page, "game-phone", PHONE)


def take_operator(browser: Browser, folder: Path) -> None:
    """Takes pictures of the operator's page, after a crowd has played with two systems."""
    systems = ("--open", "--arms", "small=small", "--arms", "random=random", "--games", str(GAMES // 2))
    with serving(folder / "operator", *systems) as links:
        crowd = (MULTIREF, "serve-crowd", "--url", links["people"].rstrip("/"), "--browsers", "2", "--split", "dev")
        subprocess.run([*crowd, "--games", str(GAMES)], check=True, stdout=subprocess.DEVNULL)
        page = new_page(browser, 1.5)  # long texts make large files
        page.goto(links["operator"])
        take(page, "operator", DESK)
        latest = page.get_by_role("heading", name="Latest games")
        latest.evaluate("heading => window.scrollTo(0, heading.offsetTop - 24)")
        take(page, "operator-games", DESK)


@contextmanager
def serving(out: Path, *options: str) -> Iterator[dict[str, str]]:
    """Yields the links of people and of the operator to a server, which ends afterwards."""
    command = (MULTIREF, "serve", *options, "--out", str(out), "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            links: dict[str, str] = {}
            for line in process.stdout or ():
                who, _, links[who] = line.strip().partition(": ")
                if who == "operator":  # the last line of those
                    break
            yield links
        finally:
            process.terminate()


def new_page(browser: Browser, scale: float) -> Page:
    """Returns a page of somebody new, in which nothing moves, and whose pictures are larger by a scale."""
    return browser.new_context(reduced_motion="reduce", device_scale_factor=scale).new_page()


def take(page: Page, name: str, size: tuple[int, int]) -> None:
    """Takes pictures of a page as it is now, in both colour schemes."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    for scheme, edge in EDGES.items():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_load_state("networkidle")
        taken = ImageOps.expand(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), EDGE, edge)
        write_atomically(FOLDER / f"{name}-{scheme}.png", png(taken.quantize(COLOURS, dither=Image.Dither.NONE)))


if __name__ == "__main__":
    cyclopts.run(main)
