"""The operator's pages: the state of the deployment, exports, and actions on rounds, policies and people."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from multiref_gym.agents.deployment import overview, people, rounds, slots
from multiref_gym.agents.deployment.events import latest, note
from multiref_gym.agents.deployment.site import Handler, Site, address_of, plain
from multiref_gym.agents.deployment.tables import State, arms
from multiref_gym.database import StoreError
from multiref_gym.errors import UserError
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.registry import new_decoder

COOKIE = "multiref-operator"
LATEST_EVENTS = 20
ABSENT_AFTER = 86400.0
"""Seconds after which a person who has not come back is paid for their games."""


def routes(site: Site) -> list[BaseRoute]:
    """Returns the routes of the operator's pages."""

    def route(path: str, handler: Handler, *methods: str, guarded: bool = True) -> Route:
        return Route(path, plain(site, _guarded(handler) if guarded else handler), methods=list(methods or ("GET",)))

    return [
        route("/operator", show, guarded=False),
        route("/operator", log_in, "POST", guarded=False),
        route("/operator/{action}", act, "POST"),
        route("/operator/export/turns.csv", export_turns),
        route("/operator/export/games.jsonl", export_games),
        route("/operator/export/surveys.csv", export_surveys),
        route("/operator/payments/new", new_payments, "POST"),
        route("/operator/export/payments/{written_at}.csv", export_payments),
    ]


def _session(site: Site) -> str:
    return site.secrets.sign("operator", site.secrets.operator)


def _is_operator(site: Site, request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), site.secrets.operator.encode()):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), _session(site).encode())


def _form_token(site: Site) -> str:
    return site.secrets.sign("operator form", site.secrets.operator)


def _guarded(handler: Handler) -> Handler:
    """Returns a handler for the operator only."""

    def guarded(site: Site, request: Request, form: dict[str, str]) -> Response:
        if not _is_operator(site, request):
            raise HTTPException(404, "no-page")
        by_token = "authorization" in request.headers  # other sites cannot make a browser send it
        if request.method == "POST" and not by_token and form.get("token") != _form_token(site):
            raise HTTPException(403, "other-form")
        return handler(site, request, form)

    return guarded


def _let_in(site: Site, request: Request, token: str) -> Response:
    site.limits.passwords.check(address_of(request))
    if not hmac.compare_digest(token.encode(errors="replace"), site.secrets.operator.encode()):
        return site.page("operator_login.html", 403, problem="This is not the token.")
    answer = RedirectResponse("/operator", 303)
    safe = request.url.scheme == "https"
    answer.set_cookie(COOKIE, _session(site), httponly=True, samesite="strict", secure=safe, path="/operator")
    return answer


def log_in(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets the operator in with the token."""
    return _let_in(site, request, form.get("operator", ""))


def show(site: Site, request: Request, form: dict[str, str], problem: str = "") -> Response:
    """Shows the state of the deployment."""
    if "token" in request.query_params:
        return _let_in(site, request, request.query_params["token"])
    if not _is_operator(site, request):
        return site.page("operator_login.html", 401, problem="")
    with site.database.transaction() as connection:
        values: dict[str, Any] = {
            "deployed": overview.by_round(connection),
            "rounds": [(row, slots.taken_of(connection, row.number)) for row in overview.all_rounds(connection)],
            "payments": people.payment_files(connection),
            "arms": list(connection.execute(arms.select().order_by(arms.c.id.desc()))),
            "latency": overview.latency(connection),
            "games": overview.latest_games(connection, new_decoder("lexical")),
            "events": latest(connection, LATEST_EVENTS),
            "people": overview.people_counts(connection),
        }
    systems = site.rules.deployment.plan.systems
    return site.page(
        "operator.html",
        422 if problem else 200,
        **values,
        systems=systems,
        contexts=site.rules.deployment.plan.contexts,
        token=_form_token(site),
        problem=problem,
        clock=lambda at: "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)),
        states=[state.value for state in State if state is not State.DRAFT],
    )


def act(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Carries out an action of the operator."""
    name, problem = request.path_params["action"], ""
    with site.database.transaction(write=True) as connection:
        actions: dict[str, Callable[[], None]] = {
            "drain": lambda: rounds.drain(connection),
            "learn-again": lambda: rounds.learn_again(connection),
            "roll-back": lambda: rounds.roll_back(connection, form.get("arm", "")),
            "forget-paid": lambda: _forget_paid(connection),
            "erase": lambda: _erase(connection, form.get("person", "").strip()),
        }
        if name not in actions:
            raise HTTPException(404, "no-page")
        try:
            actions[name]()
        except UserError as error:
            problem = str(error)
    if name in ("erase", "forget-paid") and not problem:
        try:
            site.database.forget()
        except StoreError as error:
            problem = f"it was deleted, but {error}: forget something again to try"
    return show(site, request, form, problem) if problem else RedirectResponse("/operator", 303)


def _forget_paid(connection: Connection) -> None:
    note(connection, "operator", f"what a platform calls {people.forget_paid(connection)} people was forgotten")


def _erase(connection: Connection, pseudonym: str) -> None:
    ended = people.erase(connection, pseudonym, time.time())
    slots.give_back(connection, ended)
    note(connection, "operator", "what a person said was erased")


def _file(content: str, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def export_turns(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Returns all turns as CSV."""
    with site.database.transaction() as connection:
        rows = overview.turn_rows(overview.all_games(connection))
    return _file(overview.as_csv(overview.TURN_COLUMNS, rows), "turns.csv", "text/csv")


def export_games(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Returns all games that have ended as JSON Lines, which `multiref learn` and `benchmark` read."""
    with site.database.transaction() as connection:
        found = [live for live in overview.all_games(connection) if live.turns and live.state is not State.OPEN]
    records = [record for live in found for record in GameRecords().to_records(live.logged())]
    return _file("".join(json.dumps(record) + "\n" for record in records), "games.jsonl", "application/jsonl")


def export_surveys(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Returns the answers to the survey as CSV."""
    with site.database.transaction() as connection:
        rows = overview.survey_rows(connection)
    return _file(overview.as_csv(("person", "answers", "answered_at"), rows), "surveys.csv", "text/csv")


def new_payments(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Makes a new file of payments, with the people who are in none."""
    now = time.time()
    with site.database.transaction(write=True) as connection:
        people.finish_absent(connection, now - ABSENT_AFTER, now)
        people.new_payments(connection, now)
        note(connection, "operator", "a file of payments was made")
    return RedirectResponse("/operator", 303)


def export_payments(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Returns a file of payments as CSV; each person is in one file only."""
    try:
        written_at = float(request.path_params["written_at"])
    except ValueError as error:
        raise HTTPException(404, "no-page") from error
    with site.database.transaction() as connection:
        rows = people.payments_of(connection, site.secrets, written_at)
    return _file(overview.as_csv(people.PAYMENT, rows), f"payments-{written_at:.0f}.csv", "text/csv")
