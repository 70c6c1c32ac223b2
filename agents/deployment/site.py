"""The objects that all pages share, and the person who makes a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment
from sqlalchemy import Connection, Row, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from multiref_gym.agents.deployment import people
from multiref_gym.agents.deployment.answering import Answering
from multiref_gym.agents.deployment.games import Games
from multiref_gym.agents.deployment.people import Secrets, hashed
from multiref_gym.agents.deployment.pictures import Pictures
from multiref_gym.agents.deployment.policies import Policies
from multiref_gym.agents.deployment.study import Study
from multiref_gym.agents.deployment.tables import surveys as surveys_table
from multiref_gym.agents.deployment.web import Limit, form_of
from multiref_gym.database import Database

COOKIE = "multiref"


@dataclass
class Limits:
    """Limits on the frequency of actions, for an address or a session."""

    entries: Limit = field(default_factory=lambda: Limit(1000, 20))
    turns: Limit = field(default_factory=lambda: Limit(60, 20))
    passwords: Limit = field(default_factory=lambda: Limit(10, 0.1))


@dataclass
class Site:
    """The objects that all pages share.

    Attributes:
        database: The database of the deployment.
        rules: The rules of the games.
        answering: Receives turns.
        policies: The listeners.
        secrets: The secrets.
        pages: The page templates.
        pictures: The pictures of the tangrams.
        texts: Further texts for people, by name.
        study: The study, None if the games are open to anybody.
        limits: Limits on the frequency of actions.
    """

    database: Database
    rules: Games
    answering: Answering
    policies: Policies
    secrets: Secrets
    pages: Environment
    pictures: Pictures
    texts: Mapping[str, str]
    study: Study | None
    limits: Limits = field(default_factory=Limits)

    def page(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Returns a page made from a template."""
        title = self.study.settings.title if self.study else "MULTIREF"
        shared = {"title": title, "study": self.study, "role": self.rules.deployment.role}
        return HTMLResponse(self.pages.get_template(name).render(shared | values), status)

    def text(self, name: str) -> str:
        """Returns the text with a name, or the name itself if there is no such text."""
        return self.texts.get(name, name)

    def form_token(self, request: Request) -> str:
        """Returns the token that a form of this session must have."""
        return self.secrets.sign("form", hashed(request.cookies.get(COOKIE, "")))

    def check_form(self, request: Request, form: dict[str, str]) -> None:
        """Raises HTTPException if a form does not belong to this session."""
        session = hashed(request.cookies.get(COOKIE, ""))
        if not self.secrets.is_signed("form", session, form.get("token", "")):
            raise HTTPException(403, "other-form")

    def person(self, connection: Connection, request: Request) -> Row[Any]:
        """Returns the person who makes the request. Raises HTTPException if they are unknown."""
        person = people.person_of(connection, request.cookies.get(COOKIE, ""))
        if person is None:
            raise HTTPException(404, "unknown")
        return person

    def next_step(self, connection: Connection, person: Row[Any]) -> str:
        """Returns the path of the page where a person continues."""
        if self.study is None:
            return "/play"
        if person.consented_at is None or person.consent_hash != self.study.hash:
            return "/consent"
        if person.quiz_passed_at is None:
            return "/rules"
        if people.played(connection, person.id)[0] < self.study.settings.games and person.done_at is None:
            return "/play"
        answered = connection.scalar(select(surveys_table.c.person_id).where(surveys_table.c.person_id == person.id))
        return "/survey" if self.study.settings.survey and answered is None else "/done"


Handler = Callable[[Site, Request, dict[str, str]], Response]


def plain(site: Site, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint for a handler that may wait for the database."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await run_in_threadpool(handler, site, request, form)

    return endpoint


def wants_json(request: Request) -> bool:
    """Whether the request comes from a program rather than a person's browser."""
    return "application/json" in request.headers.get("accept", "")


def go_to(path: str) -> Response:
    """Returns a redirect to another page."""
    return RedirectResponse(path, 303)


def address_of(request: Request) -> str:
    """Returns the address that a request comes from."""
    return request.client.host if request.client else ""


def at_step(site: Site, connection: Connection, request: Request, path: str) -> tuple[Row[Any], Response | None]:
    """Returns the person, and a redirect if they belong on another page."""
    person = site.person(connection, request)
    step = site.next_step(connection, person)
    return person, None if step == path else go_to(step)
