"""The pages of a study: entry, consent, rules and quiz, survey, and the final code."""

from __future__ import annotations

import re
import secrets
import time

from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from multiref_gym.agents.deployment import pairs, people
from multiref_gym.agents.deployment.site import COOKIE, Site, address_of, at_step, go_to
from multiref_gym.agents.deployment.study import Question
from multiref_gym.agents.deployment.tables import State, games
from multiref_gym.errors import UserError

WORKER = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
PANELS = ("worker", "PROLIFIC_PID", "workerId")
"""The parameters for a person's id in platforms' links: any platform, Prolific, Mechanical Turk."""


def start(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows where anybody can begin or, in a study, that a link is needed."""
    return site.page("start.html")


def begin(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets anybody in if there is no study."""
    if site.study is not None:
        raise HTTPException(404, "own-links")
    site.limits.entries.check(address_of(request))
    return _entered(site, request, f"open {secrets.token_urlsafe(16)}", to_be_paid=False)


def enter(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets a person in by a personal link."""
    site.limits.entries.check(address_of(request))
    worker, signature = request.path_params["worker"], request.path_params["signature"]
    if site.study is None or not site.secrets.is_signed("entry", worker, signature):
        raise HTTPException(404, "bad-link")
    return _entered(site, request, worker, to_be_paid=True)


def join(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Lets a person in by a platform's link, which contains the platform's id of them."""
    site.limits.entries.check(address_of(request))
    worker = next((request.query_params[name] for name in PANELS if name in request.query_params), "")
    if site.study is None or not site.secrets.is_signed("join", "", request.path_params["signature"]):
        raise HTTPException(404, "bad-link")
    if not WORKER.fullmatch(worker):
        raise HTTPException(404, "nameless-link")
    return _entered(site, request, worker, to_be_paid=True)


def _entered(site: Site, request: Request, worker: str, *, to_be_paid: bool) -> Response:
    token = request.cookies.get(COOKIE, "")
    with site.database.transaction(write=True) as connection:
        person = people.person_of(connection, token)
        if person is None or person.pseudonym != site.secrets.pseudonym(worker):
            try:
                token = people.enter(connection, site.secrets, worker, time.time(), to_be_paid=to_be_paid)
            except UserError as error:
                raise HTTPException(403, "erased") from error
    answer = go_to("/go")
    safe = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, max_age=30 * 86400, httponly=True, samesite="lax", secure=safe, path="/")
    return answer


def go(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Leads a person to their next page."""
    with site.database.transaction() as connection:
        person = people.person_of(connection, request.cookies.get(COOKIE, ""))
        return go_to("/" if person is None else site.next_step(connection, person))


def consent(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows the consent."""
    with site.database.transaction() as connection:
        _, elsewhere = at_step(site, connection, request, "/consent")
    return elsewhere or site.page("consent.html", token=site.form_token(request), refused=False)


def give_consent(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Records that a person agreed, and to which text."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        person, elsewhere = at_step(site, connection, request, "/consent")
        if elsewhere or site.study is None:
            return elsewhere or go_to("/go")
        if form.get("agree") != "yes" or form.get("hash") != site.study.hash:
            return site.page("consent.html", 422, token=site.form_token(request), refused=True)
        agreed = {"consent_version": site.study.version, "consent_hash": site.study.hash}
        people.change(connection, person.id, consented_at=time.time(), **agreed)
    return go_to("/go")


def rules(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows the rules and the quiz about them."""
    with site.database.transaction() as connection:
        person, elsewhere = at_step(site, connection, request, "/rules")
    return elsewhere or _quiz(site, request, person.quiz_tries)


def _questions(site: Site) -> list[tuple[int, Question]]:
    """Returns the quiz questions for people's role, with their numbers."""
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
        person, elsewhere = at_step(site, connection, request, "/rules")
        if elsewhere or site.study is None:
            return elsewhere or go_to("/go")
        tries = person.quiz_tries
        if tries >= site.study.settings.tries:
            return _quiz(site, request, tries)
        wrong = tuple(
            number for number, asked in _questions(site) if form.get(f"question-{number}") != str(asked.right)
        )
        passed = {} if wrong else {"quiz_passed_at": time.time()}
        people.change(connection, person.id, quiz_tries=tries + 1, **passed)
    return _quiz(site, request, tries + 1, wrong, 422) if wrong else go_to("/go")


def stop(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Ends a person's participation, or their waiting for another person, at their wish."""
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
    return go_to("/go" if site.study else "/")


def survey(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Shows the survey."""
    with site.database.transaction() as connection:
        _, elsewhere = at_step(site, connection, request, "/survey")
    return elsewhere or site.page("survey.html", token=site.form_token(request))


def answer_survey(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Stores the answers."""
    site.check_form(request, form)
    with site.database.transaction(write=True) as connection:
        person, elsewhere = at_step(site, connection, request, "/survey")
        if elsewhere or site.study is None:
            return elsewhere or go_to("/go")
        asked = site.study.settings.survey
        answers = {one.name: form.get(f"answer-{number}", "")[:5000] for number, one in enumerate(asked)}
        people.answer_survey(connection, person.id, answers, time.time())
    return go_to("/go")


def finished(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Thanks a person, and shows the code that proves their participation."""
    with site.database.transaction(write=True) as connection:
        person, elsewhere = at_step(site, connection, request, "/done")
        if elsewhere:
            return elsewhere
        people.finish(connection, person.id, time.time())
        has_played, won = people.played(connection, person.id)
    return site.page("done.html", code=site.secrets.completion_code(person.pseudonym), played=has_played, won=won)
