"""What people meet in a browser, page by page: consent, rules, games, survey. A whole game needs no script."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jinja2 import Environment
from sqlalchemy import Connection, Row, select
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from multiref_gym.agents.deployment import pairs, people
from multiref_gym.agents.deployment.answering import Answering
from multiref_gym.agents.deployment.games import Games, LiveGame, Outcome, Received, Sent, load
from multiref_gym.agents.deployment.people import Secrets, hashed
from multiref_gym.agents.deployment.pictures import Pictures
from multiref_gym.agents.deployment.policies import Policies
from multiref_gym.agents.deployment.scene import Cell, Line, Scene, scene
from multiref_gym.agents.deployment.study import Question, Study
from multiref_gym.agents.deployment.tables import State, games, sessions, turns
from multiref_gym.agents.deployment.tables import people as people_table
from multiref_gym.agents.deployment.tables import surveys as surveys_table
from multiref_gym.agents.deployment.web import Guard, Limit, form_of
from multiref_gym.commands.screen import printable
from multiref_gym.database import Database, StoreError
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS, MAX_TURNS, Action
from multiref_gym.utterance import MAX_LENGTH, is_utterance

COOKIE = "multiref"
ANSWER_WAIT = 20.0
"""Seconds that a request waits for an answer; after that the page asks for it again."""
LONGEST_POLL, POLL_EVERY = 20.0, 1.0
WORKER = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
GAME = re.compile(r"[0-9a-f]{24}", re.ASCII)
KEY = re.compile(r"[\w-]{8,64}", re.ASCII)
PANELS = ("worker", "PROLIFIC_PID", "workerId")
"""Where a platform's link has what it calls somebody: any, Prolific, Mechanical Turk."""


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


def new_app(site: Site, *more: BaseRoute) -> Starlette:
    """Returns the application of a site, with more routes after those of people."""

    def route(path: str, handler: Handler, *methods: str) -> Route:
        return Route(path, plain(site, handler), methods=list(methods or ("GET",)))

    routes = [
        Route("/game/{game}/say", _sending(site, said), methods=["POST"]),  # what is asked most often comes first
        Route("/game/{game}/do", _sending(site, done), methods=["POST"]),
        Route("/game/{game}/changed", _changed(site)),
        route("/game/{game}/leave", leave, "POST"),
        route("/game/{game}", show_game),
        route("/tangrams/{name}.png", picture),
        route("/healthz", healthz),
        route("/", start),
        route("/begin", begin, "POST"),
        route("/enter/{worker}/{signature}", enter),
        route("/join/{signature}", join),
        route("/go", go),
        route("/consent", consent),
        route("/consent", give_consent, "POST"),
        route("/rules", rules),
        route("/rules", take_quiz, "POST"),
        route("/play", play),
        route("/stop", stop, "POST"),
        route("/survey", survey),
        route("/survey", answer_survey, "POST"),
        route("/done", finished),
        Mount("/static", StaticFiles(packages=[("multiref_gym.agents.deployment", "static")]), name="static"),
    ]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if _wants_json(request):
            return JSONResponse({"error": site.text(error.detail)}, error.status_code, error.headers)
        answer = site.page("problem.html", error.status_code, problem=site.text(error.detail), on="/go")
        answer.headers.update(error.headers or {})
        return answer

    async def unreachable(request: Request, error: Exception) -> Response:
        sys.stderr.write(printable(f"multiref: {error}") + "\n")
        return await refused(request, HTTPException(503, "not-kept", {"Retry-After": "5"}))

    handlers = {HTTPException: refused, StoreError: unreachable}
    app = Starlette(routes=[*routes, *more], exception_handlers=handlers)
    app.add_middleware(Guard)
    return app


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _go(path: str) -> Response:
    return RedirectResponse(path, 303)


def healthz(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Says whether turns are taken and the database can be read."""
    with site.database.transaction() as connection:
        connection.execute(select(games.c.id).limit(1))
    alive = site.answering.is_alive
    return JSONResponse({"status": "ok" if alive else "not answering"}, 200 if alive else 503)


def start(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows where anybody can begin or, of a study, that a link is needed."""
    return site.page("start.html")


def begin(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets anybody in, if there is no study."""
    if site.study is not None:
        raise HTTPException(404, "own-links")
    site.limits.entries.check(_address(request))
    return _entered(site, request, f"open {secrets.token_urlsafe(16)}", to_be_paid=False)


def enter(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets somebody in by a link of their own."""
    site.limits.entries.check(_address(request))
    worker, signature = request.path_params["worker"], request.path_params["signature"]
    if site.study is None or not site.known.is_signed("entry", worker, signature):
        raise HTTPException(404, "bad-link")
    return _entered(site, request, worker, to_be_paid=True)


def join(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets somebody in by the link of a platform, which adds what it calls them."""
    site.limits.entries.check(_address(request))
    worker = next((request.query_params[name] for name in PANELS if name in request.query_params), "")
    if site.study is None or not site.known.is_signed("join", "", request.path_params["signature"]):
        raise HTTPException(404, "bad-link")
    if not WORKER.fullmatch(worker):
        raise HTTPException(404, "nameless-link")
    return _entered(site, request, worker, to_be_paid=True)


def _entered(site: Site, request: Request, worker: str, *, to_be_paid: bool) -> Response:
    token = request.cookies.get(COOKIE, "")
    with site.database.transaction(write=True) as connection:
        person = people.person_of(connection, token)
        if person is None or person.pseudonym != site.known.pseudonym(worker):
            try:
                token = people.enter(connection, site.known, worker, time.time(), to_be_paid=to_be_paid)
            except UserError as error:
                raise HTTPException(403, "erased") from error
    answer = _go("/go")
    safe = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, max_age=30 * 86400, httponly=True, samesite="lax", secure=safe, path="/")
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def go(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Leads to where somebody is."""
    with site.database.transaction() as connection:
        person = people.person_of(connection, request.cookies.get(COOKIE, ""))
        return _go("/" if person is None else site.next_step(connection, person))


def _at(site: Site, connection: Connection, request: Request, path: str) -> tuple[Row[Any], Response | None]:
    """Returns who asks, and where they are to go if that is not this page."""
    person = site.person(connection, request)
    step = site.next_step(connection, person)
    return person, None if step == path else _go(step)


def consent(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows what is agreed to."""
    with site.database.transaction() as connection:
        _, elsewhere = _at(site, connection, request, "/consent")
    return elsewhere or site.page("consent.html", token=site.form_token(request), refused=False)


def give_consent(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Notes that somebody agreed, and to what."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        person, elsewhere = _at(site, connection, request, "/consent")
        if elsewhere or site.study is None:
            return elsewhere or _go("/go")
        if form.get("agree") != "yes" or form.get("hash") != site.study.hash:
            return site.page("consent.html", 422, token=site.form_token(request), refused=True)
        agreed = {"consent_version": site.study.version, "consent_hash": site.study.hash}
        people.change(connection, person.id, consented_at=time.time(), **agreed)
    return _go("/go")


def rules(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows the rules, and asks whether they were understood."""
    with site.database.transaction() as connection:
        person, elsewhere = _at(site, connection, request, "/rules")
    return elsewhere or _quiz(site, request, person.quiz_tries)


def _questions(site: Site) -> list[tuple[int, Question]]:
    """Returns the questions of the quiz for what people do, with their numbers."""
    assert site.study is not None, "a study alone has a quiz"
    role = site.rules.deployment.role
    return [(i, asked) for i, asked in enumerate(site.study.settings.quiz) if not asked.roles or role in asked.roles]


def _quiz(site: Site, request: Request, tries: int, wrong: tuple[int, ...] = (), status: int = 200) -> Response:
    assert site.study is not None, "a study alone has a quiz"
    left = site.study.settings.tries - tries
    if left <= 0:
        return site.page("problem.html", 403, problem=site.text("no-more-tries"), on=None)
    values = {"token": site.form_token(request), "wrong": wrong, "left": left, "questions": _questions(site)}
    return site.page("rules.html", status, **values)


def take_quiz(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Grades the quiz."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        person, elsewhere = _at(site, connection, request, "/rules")
        if elsewhere or site.study is None:
            return elsewhere or _go("/go")
        tries = person.quiz_tries
        if tries >= site.study.settings.tries:
            return _quiz(site, request, tries)
        wrong = tuple(
            number for number, asked in _questions(site) if form.get(f"question-{number}") != str(asked.right)
        )
        passed = {} if wrong else {"quiz_passed_at": time.time()}
        people.change(connection, person.id, quiz_tries=tries + 1, **passed)
    return _quiz(site, request, tries + 1, wrong, 422) if wrong else _go("/go")


def play(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Leads to somebody's game, or to a new one, or shows that they have to wait."""
    now = time.time()
    with site.database.transaction(write=True) as connection:
        person, elsewhere = _at(site, connection, request, "/play")
        if elsewhere:
            return elsewhere
        game = site.rules.for_person(connection, person.id, now)
        if game is None and site.rules.deployment.role == "pairs":
            game = pairs.meet(connection, site.rules, person.id, now)
        has_played = people.played(connection, person.id)[0]
    if game is None:
        if _wants_json(request):
            raise HTTPException(503, "no-game", {"Retry-After": "5"})
        return site.page("waiting.html", token=site.form_token(request), played=has_played)
    return _go(f"/game/{game}")


def stop(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Ends taking part, or waiting for somebody, for who does not want to go on."""
    site.check_form(request, form)
    now = time.time()
    with site.database.transaction(write=True) as connection:
        person = site.person(connection, request)
        pairs.stop_waiting(connection, person.id)
        own = (games.c.speaker_id == person.id) | (games.c.listener_id == person.id)
        playing = select(games.c.id).where(own, games.c.state.in_((State.DRAFT, State.OPEN)))
        site.rules.end(connection, list(connection.scalars(playing)), State.ABANDONED, now)
        if site.study is not None and person.quiz_passed_at is not None:
            people.finish(connection, person.id, now)
    return _go("/go" if site.study else "/")


def _their_game(
    site: Site, connection: Connection, request: Request
) -> tuple[LiveGame, Literal["speaker", "listener"], int]:
    """Returns the game that is asked for, as what, and the id of who asks. Raises HTTPException if it is not theirs."""
    if not GAME.fullmatch(request.path_params["game"]):
        raise HTTPException(404, "not-yours")
    own = (games.c.speaker_id == people_table.c.id) | (games.c.listener_id == people_table.c.id)
    row = connection.execute(
        select(games, people_table.c.id.label("person"), people_table.c.consent_hash)
        .join(people_table, own)
        .join(sessions, sessions.c.person_id == people_table.c.id)
        .where(games.c.public_id == request.path_params["game"])
        .where(sessions.c.hash == hashed(request.cookies.get(COOKIE, "")), people_table.c.erased_at.is_(None))
    ).one_or_none()
    if row is None or (site.study is not None and row.consent_hash != site.study.hash):
        raise HTTPException(404, "not-yours")
    [live] = load(connection, [row]).values()
    return live, "speaker" if row.speaker_id == row.person else "listener", row.person


def show_game(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows a game as it is."""
    return _shown(site, request)


def _shown(site: Site, request: Request, status: int = 200, problem: str = "", typed: str = "") -> Response:
    with site.database.transaction() as connection:
        live, role, person = _their_game(site, connection, request)
        has_played, won = (0, 0) if _wants_json(request) else people.played(connection, person)
    shown = scene(live, role, site.pictures.names, secrets.token_urlsafe(16))
    token, problem = site.form_token(request), problem and site.text(problem)
    if _wants_json(request):
        return JSONResponse(described(shown) | {"token": token} | ({"error": problem} if problem else {}), status)
    seconds = site.rules.seconds_left(live, time.time()) if shown.mine else None
    left = None if seconds is None else round(seconds)
    values = {"scene": shown, "token": token, "problem": problem, "typed": typed, "seconds_left": left}
    return site.page("game.html", status, played=has_played, won=won, **values)


def described(shown: Scene) -> dict[str, Any]:
    """Returns what is seen of a game as JSON has it."""
    parts = {"cells": [_fields(cell) for cell in shown.cells], "lines": [_fields(line) for line in shown.lines]}
    return _fields(shown) | parts


def _fields(part: Scene | Cell | Line) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__slots__}  # `asdict` copies, which takes longer than all else


class Refused(Exception):
    """What somebody sent that is no turn; the message is the name of a text."""


def said(request: Request, form: dict[str, str], sent: Sent) -> Sent:
    """Reads what a speaker says. Raises Refused if it is no utterance."""
    text = " ".join(form.get("text", "").split())
    if not is_utterance(text) or not text:
        raise Refused("say-something" if not text else "too-long" if len(text) > MAX_LENGTH else "odd-characters")
    return Sent(sent.session, sent.game, sent.key, sent.turn, utterance=text)


def done(request: Request, form: dict[str, str], sent: Sent) -> Sent:
    """Reads what a listener does: the letters that are to be selected after it, and those that were before."""
    halves = []
    for name in ("selected", "before"):
        letters = form.get(name, "").split()
        if not all(len(letter) == 1 and letter in LETTERS for letter in letters):
            raise Refused("letters")
        halves.append(frozenset(map(LETTERS.index, letters)))
    after, before = halves
    return Sent(sent.session, sent.game, sent.key, sent.turn, action=Action(after - before, before - after))


def _sending(
    site: Site, read: Callable[[Request, dict[str, str], Sent], Sent]
) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint to which a turn is sent."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request)
        site.check_form(request, form)
        session = hashed(request.cookies.get(COOKIE, ""))
        site.limits.turns.check(session)
        game, turn, key = request.path_params["game"], form.get("turn", ""), form.get("key", "")
        if not GAME.fullmatch(game):
            raise HTTPException(404, "not-yours")
        if not KEY.fullmatch(key) or not turn.isascii() or not turn.isdigit() or int(turn[:6]) >= MAX_TURNS:
            raise HTTPException(400, "incomplete-form")
        try:
            sent = read(request, form, Sent(session, game, key, int(turn[:6])))
        except Refused as error:
            return await run_in_threadpool(_shown, site, request, 422, str(error), form.get("text", "")[:2000])
        try:
            told = asyncio.wrap_future(site.answering.send(sent))
            received = await asyncio.wait_for(asyncio.shield(told), ANSWER_WAIT)
        except TimeoutError as error:
            if not await run_in_threadpool(_is_kept, site, sent):
                raise HTTPException(503, "not-kept", headers={"Retry-After": "5"}) from error
            received = Received(Outcome.ACCEPTED, None)  # the page asks for the answer
        outcome = received.outcome
        if outcome is Outcome.ABSENT:
            raise HTTPException(404, "not-yours")
        if outcome is Outcome.TAKEN:
            raise HTTPException(409, outcome.value)
        if outcome in (Outcome.CONFLICT, Outcome.OVER):
            return await run_in_threadpool(_shown, site, request, 409, outcome.value, form.get("text", "")[:2000])
        if not _wants_json(request):
            return _go(f"/game/{game}")
        if received.game is None:
            return await run_in_threadpool(_shown, site, request)
        role: Literal["speaker", "listener"] = "listener" if sent.utterance is None else "speaker"
        shown = scene(received.game, role, site.pictures.names, secrets.token_urlsafe(16))
        return JSONResponse(described(shown) | {"token": site.form_token(request)})

    return endpoint


def _is_kept(site: Site, sent: Sent) -> bool:
    with site.database.transaction() as connection:
        keyed = (turns.c.key == sent.key) | (turns.c.answer_key == sent.key)
        return connection.scalar(select(turns.c.turn).where(keyed)) is not None


def leave(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Ends a game that somebody leaves."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        live, _, _ = _their_game(site, connection, request)
        site.rules.end(connection, [live.row.id], State.ABANDONED, time.time())
    return _go(f"/game/{request.path_params['game']}")


def _changed(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint that answers when a game is no longer as somebody has seen it, or after a while."""

    def now(request: Request) -> str:
        with site.database.transaction() as connection:
            live, _, _ = _their_game(site, connection, request)
        return f"{live.row.state}-{len(live.turns)}-{int(live.pending is not None)}"

    async def endpoint(request: Request) -> Response:
        ends = time.monotonic() + LONGEST_POLL
        while (state := await run_in_threadpool(now, request)) == request.query_params.get("seen"):
            if time.monotonic() > ends or await request.is_disconnected():
                break
            await asyncio.sleep(POLL_EVERY)
        return JSONResponse({"seen": state})

    return endpoint


def survey(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows the survey."""
    with site.database.transaction() as connection:
        _, elsewhere = _at(site, connection, request, "/survey")
    return elsewhere or site.page("survey.html", token=site.form_token(request))


def answer_survey(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Keeps the answers."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        person, elsewhere = _at(site, connection, request, "/survey")
        if elsewhere or site.study is None:
            return elsewhere or _go("/go")
        asked = site.study.settings.survey
        answers = {one.name: form.get(f"answer-{number}", "")[:5000] for number, one in enumerate(asked)}
        people.answer_survey(connection, person.id, answers, time.time())
    return _go("/go")


def finished(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Thanks somebody, and shows the code that says that they have taken part."""
    with site.database.transaction(write=True) as connection:
        person, elsewhere = _at(site, connection, request, "/done")
        if elsewhere:
            return elsewhere
        people.finish(connection, person.id, time.time())
        has_played, won = people.played(connection, person.id)
    return site.page("done.html", code=site.known.completion_code(person.pseudonym), played=has_played, won=won)


def picture(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows a tangram."""
    content = site.pictures.get(request.path_params["name"])
    if content is None:
        raise HTTPException(404, "no-page")
    return Response(content, media_type="image/png", headers={"Cache-Control": "public, max-age=31536000, immutable"})
