"""What all pages are made of, and who asks for them."""

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
    """How often what may be done, by one address or in one session."""

    entries: Limit = field(default_factory=lambda: Limit(1000, 20))
    turns: Limit = field(default_factory=lambda: Limit(60, 20))
    passwords: Limit = field(default_factory=lambda: Limit(10, 0.1))


@dataclass
class Site:
    """What all pages are made of.

    Attributes:
        database: Of the deployment.
        rules: By which games are played.
        answering: Takes what is sent.
        policies: Who answers.
        known: The secrets.
        pages: The templates.
        pictures: Of the tangrams.
        texts: What people are told beside the pages, by name.
        study: What is asked of people, None if the games are open to anybody.
        limits: How often what may be done.
    """

    database: Database
    rules: Games
    answering: Answering
    policies: Policies
    known: Secrets
    pages: Environment
    pictures: Pictures
    texts: Mapping[str, str]
    study: Study | None
    limits: Limits = field(default_factory=Limits)

    def page(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Returns a page of a template."""
        title = self.study.settings.title if self.study else "MULTIREF"
        shared = {"title": title, "study": self.study, "role": self.rules.deployment.role}
        return HTMLResponse(self.pages.get_template(name).render(shared | values), status)

    def text(self, name: str) -> str:
        """Returns what people are told, by its name; a name that there is no text of is one itself."""
        return self.texts.get(name, name)

    def form_token(self, request: Request) -> str:
        """Returns what a form of this session has to bring."""
        return self.known.sign("form", hashed(request.cookies.get(COOKIE, "")))

    def check_form(self, request: Request, form: dict[str, str]) -> None:
        """Raises HTTPException if a form is none of this session."""
        session = hashed(request.cookies.get(COOKIE, ""))
        if not self.known.is_signed("form", session, form.get("token", "")):
            raise HTTPException(403, "other-form")

    def person(self, connection: Connection, request: Request) -> Row[Any]:
        """Returns who asks. Raises HTTPException if nobody knows them."""
        person = people.person_of(connection, request.cookies.get(COOKIE, ""))
        if person is None:
            raise HTTPException(404, "unknown")
        return person

    def next_step(self, connection: Connection, person: Row[Any]) -> str:
        """Returns the path of the page where somebody is to go on."""
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
    """Returns an endpoint of a handler that may wait for the database."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await run_in_threadpool(handler, site, request, form)

    return endpoint


def wants_json(request: Request) -> bool:
    """Whether a program asks, and not a browser for its reader."""
    return "application/json" in request.headers.get("accept", "")


def go_to(path: str) -> Response:
    """Returns an answer that leads to another page."""
    return RedirectResponse(path, 303)


def address_of(request: Request) -> str:
    """Returns the address that somebody asks from."""
    return request.client.host if request.client else ""


def at_step(site: Site, connection: Connection, request: Request, path: str) -> tuple[Row[Any], Response | None]:
    """Returns who asks, and where they are to go if that is not this page."""
    person = site.person(connection, request)
    step = site.next_step(connection, person)
    return person, None if step == path else go_to(step)
