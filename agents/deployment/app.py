"""The routes of a deployment: the pages and their paths."""

from __future__ import annotations

import sys

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from multiref_gym.agents.deployment import game_pages, study_pages
from multiref_gym.agents.deployment.site import Handler, Site, plain, wants_json
from multiref_gym.agents.deployment.tables import games
from multiref_gym.agents.deployment.web import Guard
from multiref_gym.commands.screen import printable
from multiref_gym.database import StoreError


def new_app(site: Site, *more: BaseRoute) -> Starlette:
    """Returns the application of a site; `more` routes follow those for people."""

    def route(path: str, handler: Handler, *methods: str) -> Route:
        return Route(path, plain(site, handler), methods=list(methods or ("GET",)))

    routes = [
        # The most frequent requests come first.
        Route("/game/{game}/say", game_pages.sending(site, game_pages.said), methods=["POST"]),
        Route("/game/{game}/do", game_pages.sending(site, game_pages.done), methods=["POST"]),
        Route("/game/{game}/changed", game_pages.changed(site)),
        route("/game/{game}/leave", game_pages.leave, "POST"),
        route("/game/{game}", game_pages.show_game),
        route("/tangrams/{name}.png", game_pages.picture),
        route("/healthz", healthz),
        route("/", study_pages.start),
        route("/begin", study_pages.begin, "POST"),
        route("/enter/{worker}/{signature}", study_pages.enter),
        route("/join/{signature}", study_pages.join),
        route("/go", study_pages.go),
        route("/consent", study_pages.consent),
        route("/consent", study_pages.give_consent, "POST"),
        route("/rules", study_pages.rules),
        route("/rules", study_pages.take_quiz, "POST"),
        route("/play", game_pages.play),
        route("/stop", study_pages.stop, "POST"),
        route("/survey", study_pages.survey),
        route("/survey", study_pages.answer_survey, "POST"),
        route("/done", study_pages.finished),
        Mount("/static", StaticFiles(packages=[("multiref_gym.agents.deployment", "static")]), name="static"),
    ]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if wants_json(request):
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


def healthz(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Tells whether turns are accepted and the database can be read."""
    with site.database.transaction() as connection:
        connection.execute(select(games.c.id).limit(1))
    alive = site.answering.is_alive
    return JSONResponse({"status": "ok" if alive else "not answering"}, 200 if alive else 503)
