"""A deployment in this process, on a port of its own, and browsers that talk to it over HTTP."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from multiref_gym.agents.deployment.policies import Policy
from multiref_gym.agents.deployment.rounds import Rounds
from multiref_gym.agents.deployment.server import Setup, bound, new_server, serve
from multiref_gym.agents.deployment.site import Site
from multiref_gym.store import InteractionStore

JSON = {"Accept": "application/json"}


def setup_in(folder: Path, **changes: Any) -> Setup:
    """Returns a deployment of the random listener, open to anybody, in rounds of three contexts."""
    setup = Setup(
        out=folder,
        database=str(folder / "deployment.db"),
        tangrams="figures",
        split="dev",
        seed=0,
        systems=("A", "B"),
        contexts=3,
        role="speaker",
        speaker="scripted",
        personas=None,
        patience=600.0,
        study=None,
    )
    return replace(setup, **changes)


@dataclass
class Deployed:
    """A deployment at work."""

    url: str
    site: Site
    rounds: Rounds
    setup: Setup

    def browser(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, follow_redirects=True, timeout=60)

    def begin(self) -> tuple[httpx.Client, dict[str, Any]]:
        """Returns a browser of somebody new, and the game that they see."""
        browser = self.browser(**JSON)
        return browser, browser.post("/begin").raise_for_status().json()


@contextmanager
def deployed(setup: Setup, policies: Mapping[str, str] | None = None, proxy: str | None = None) -> Iterator[Deployed]:
    """Yields a deployment at work.

    Args:
        setup: What is deployed.
        policies: The listener of each system; random ones if None.
        proxy: Whose word counts on who asks.
    """
    setup.out.mkdir(parents=True, exist_ok=True)
    site = setup.site()
    site.limits.turns._at_once = 1e9  # what is tested here is not how often
    with InteractionStore(setup.out / "interactions.db") as store:
        rounds = Rounds(site.database, site.rules, site.policies, store, setup.out)
        chosen = policies if policies is not None else dict.fromkeys(setup.systems, "random")
        rounds.begin({name: Policy.of(told) for name, told in chosen.items()})
        listening = bound("127.0.0.1", 0)
        server = new_server(site, proxy)
        thread = threading.Thread(target=serve, args=(site, server, listening))
        thread.start()
        try:
            yield Deployed(f"http://127.0.0.1:{listening.getsockname()[1]}", site, rounds, setup)
        finally:
            server.should_exit = True
            thread.join()
            listening.close()


def form(scene: Mapping[str, Any], text: str = "the one like a house", **changes: Any) -> dict[str, Any]:
    """Returns what a browser sends to say something."""
    fields = {"token": scene["token"], "key": scene["key"], "turn": str(scene["turn"]), "text": text}
    return fields | changes


def say(browser: httpx.Client, scene: Mapping[str, Any], text: str = "the one like a house", **changes: Any) -> Any:
    """Says something, and returns the answer."""
    return browser.post(f"/game/{scene['game']}/say", data=form(scene, text, **changes))


def play_on(browser: httpx.Client, scene: dict[str, Any]) -> dict[str, Any]:
    """Plays a game to its end."""
    while scene["state"] in ("draft", "open"):
        scene = say(browser, scene).raise_for_status().json()
    return scene


def a_key() -> str:
    """Returns the key of another form."""
    return secrets.token_urlsafe(16)
