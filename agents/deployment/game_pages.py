"""The pages of games: viewing a game, sending a turn, waiting for an answer. A whole game works without scripts."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from multiref_gym.agents.deployment import pairs, people
from multiref_gym.agents.deployment.games import Outcome, Received, Sent
from multiref_gym.agents.deployment.live_game import LiveGame, load
from multiref_gym.agents.deployment.people import hashed
from multiref_gym.agents.deployment.scene import Cell, Line, Scene, scene
from multiref_gym.agents.deployment.site import COOKIE, Site, at_step, go_to, wants_json
from multiref_gym.agents.deployment.tables import State, games, sessions, turns
from multiref_gym.agents.deployment.tables import people as people_table
from multiref_gym.agents.deployment.web import form_of
from multiref_gym.game import LETTERS, MAX_TURNS, Action
from multiref_gym.utterance import MAX_LENGTH, is_utterance

ANSWER_WAIT = 20.0
"""Seconds that a request waits for an answer; after that the page asks again."""
LONGEST_POLL, POLL_EVERY = 20.0, 1.0
GAME = re.compile(r"[0-9a-f]{24}", re.ASCII)
KEY = re.compile(r"[\w-]{8,64}", re.ASCII)


def play(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Leads a person to their game or a new one, or asks them to wait."""
    now = time.time()
    with site.database.transaction(write=True) as connection:
        person, elsewhere = at_step(site, connection, request, "/play")
        if elsewhere:
            return elsewhere
        game = site.rules.for_person(connection, person.id, now)
        if game is None and site.rules.deployment.role == "pairs":
            game = pairs.meet(connection, site.rules, person.id, now)
        has_played = people.played(connection, person.id)[0]
    if game is None:
        if wants_json(request):
            raise HTTPException(503, "no-game", {"Retry-After": "5"})
        return site.page("waiting.html", token=site.form_token(request), played=has_played)
    return go_to(f"/game/{game}")


def _their_game(
    site: Site, connection: Connection, request: Request
) -> tuple[LiveGame, Literal["speaker", "listener"], int]:
    """Returns the requested game, the person's role and their id. Raises HTTPException if it is not their game."""
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
    """Shows a game in its current state."""
    return _shown(site, request)


def _shown(site: Site, request: Request, status: int = 200, problem: str = "", typed: str = "") -> Response:
    with site.database.transaction() as connection:
        live, role, person = _their_game(site, connection, request)
        has_played, won = (0, 0) if wants_json(request) else people.played(connection, person)
    shown = scene(live, role, site.pictures.names, secrets.token_urlsafe(16))
    token, problem = site.form_token(request), problem and site.text(problem)
    if wants_json(request):
        return JSONResponse(described(shown) | {"token": token} | ({"error": problem} if problem else {}), status)
    seconds = site.rules.seconds_left(live, time.time()) if shown.mine else None
    left = None if seconds is None else round(seconds)
    values = {"scene": shown, "token": token, "problem": problem, "typed": typed, "seconds_left": left}
    return site.page("game.html", status, played=has_played, won=won, **values)


def described(shown: Scene) -> dict[str, Any]:
    """Returns a person's view of a game for JSON."""
    parts = {"cells": [_fields(cell) for cell in shown.cells], "lines": [_fields(line) for line in shown.lines]}
    return _fields(shown) | parts


def _fields(part: Scene | Cell | Line) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__slots__}  # `asdict` copies, which is slow


class Refused(Exception):
    """A form is not a valid turn; the message is the name of a text."""


def said(request: Request, form: dict[str, str], sent: Sent) -> Sent:
    """Reads a speaker's utterance. Raises Refused if it is not valid."""
    text = " ".join(form.get("text", "").split())
    if not is_utterance(text) or not text:
        raise Refused("say-something" if not text else "too-long" if len(text) > MAX_LENGTH else "odd-characters")
    return Sent(sent.session, sent.game, sent.key, sent.turn, utterance=text)


def done(request: Request, form: dict[str, str], sent: Sent) -> Sent:
    """Reads a listener's action: the letters selected after it, and those selected before."""
    halves = []
    for name in ("selected", "before"):
        letters = form.get(name, "").split()
        if not all(len(letter) == 1 and letter in LETTERS for letter in letters):
            raise Refused("letters")
        halves.append(frozenset(map(LETTERS.index, letters)))
    after, before = halves
    return Sent(sent.session, sent.game, sent.key, sent.turn, action=Action(after - before, before - after))


def sending(
    site: Site, read: Callable[[Request, dict[str, str], Sent], Sent]
) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint that receives a turn."""

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
            answer = asyncio.wrap_future(site.answering.send(sent))
            received = await asyncio.wait_for(asyncio.shield(answer), ANSWER_WAIT)
        except TimeoutError as error:
            if not await run_in_threadpool(_is_kept, site, sent):
                raise HTTPException(503, "not-kept", headers={"Retry-After": "5"}) from error
            received = Received(Outcome.ACCEPTED, None)  # the page will ask for the answer
        outcome = received.outcome
        if outcome is Outcome.ABSENT:
            raise HTTPException(404, "not-yours")
        if outcome is Outcome.TAKEN:
            raise HTTPException(409, outcome.value)
        if outcome in (Outcome.CONFLICT, Outcome.OVER):
            return await run_in_threadpool(_shown, site, request, 409, outcome.value, form.get("text", "")[:2000])
        if not wants_json(request):
            return go_to(f"/game/{game}")
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
    """Ends a game that a player leaves."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        live, _, _ = _their_game(site, connection, request)
        site.rules.end(connection, [live.row.id], State.ABANDONED, time.time())
    return go_to(f"/game/{request.path_params['game']}")


def changed(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint that answers when a game differs from the player's page, or after a while."""

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


def picture(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows a tangram."""
    content = site.pictures.get(request.path_params["name"])
    if content is None:
        raise HTTPException(404, "no-page")
    return Response(content, media_type="image/png", headers={"Cache-Control": "public, max-age=31536000, immutable"})
