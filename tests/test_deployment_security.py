"""What a deployment keeps from whom: a test for each promise of docs/deployment.md."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from deployed import JSON, Deployed, deployed, form, play_on, say, setup_in
from sqlalchemy import select, update

from multiref_gym.agents.deployment.live_game import LiveGame
from multiref_gym.agents.deployment.overview import as_csv, inert
from multiref_gym.agents.deployment.people import TOKEN_BYTES, Secrets, hashed
from multiref_gym.agents.deployment.scene import scene
from multiref_gym.agents.deployment.server import templates
from multiref_gym.agents.deployment.tables import games, payees, people, schema, sessions, slots
from multiref_gym.agents.deployment.web import LARGEST_BODY, Limit
from multiref_gym.errors import UserError

CONSENT = "Version: 7\n\nYou play a game.\n\nYou can stop at any time."
WORKER = "5f3c0ffee-worker@panel"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(setup_in(tmp_path / "run", contexts=None)) as there:
        yield there


@pytest.fixture
def studied(tmp_path: Path) -> Iterator[Deployed]:
    """A study of two games a person."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "consent.txt").write_text(CONSENT)
    (folder / "study.toml").write_text(
        'title = "A study"\ngames = 2\ntries = 2\n'
        '[[quiz]]\nquestion = "Which?"\nanswers = ["this", "that"]\nright = 2\n'
        '[[survey]]\nname = "remarks"\nquestion = "What else?"\n'
    )
    with deployed(setup_in(tmp_path / "run", contexts=None, study=folder)) as there:
        yield there


def link(there: Deployed, worker: str = WORKER) -> str:
    return f"/enter/{worker}/{there.site.secrets.sign('entry', worker)}"


def hidden(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def agreed(there: Deployed, worker: str = WORKER) -> httpx.Client:
    """Returns the browser of somebody who has agreed and passed the quiz."""
    browser = there.browser()
    page = browser.get(link(there, worker))
    page = browser.post("/consent", data=hidden(page) | {"agree": "yes"})
    page = browser.post("/rules", data=hidden(page) | {"question-0": "2"}).raise_for_status()
    assert "/game/" in str(page.url)
    browser.headers.update(JSON)
    return browser


def everything(there: Deployed) -> str:
    """Returns all that the tables hold, but for that of who is paid."""
    with there.site.database.transaction() as connection:
        tables = [table for table in schema.sorted_tables if table is not payees]
        return "\n".join(str(list(row)) for table in tables for row in connection.execute(select(table)))


def test_a_study_leads_from_consent_to_the_code(studied: Deployed) -> None:
    browser = agreed(studied)
    for _ in range(2):
        play_on(browser, browser.get("/play").json())
    browser.headers.pop("Accept")
    page = browser.get("/go")
    assert page.url.path == "/survey"
    page = browser.post("/survey", data=hidden(page) | {"answer-0": "nothing"})
    assert page.url.path == "/done"
    with studied.site.database.transaction() as connection:
        [person] = connection.execute(select(people))
    assert studied.site.secrets.completion_code(person.pseudonym) in page.text
    assert person.consent_version == "7"
    assert person.consent_hash == studied.site.study.hash  # type: ignore[union-attr]
    assert browser.get(link(studied)).url.path == "/done", "the same link leads to where one was"


def test_there_is_no_game_before_consent_and_quiz(studied: Deployed) -> None:
    browser = studied.browser()
    page = browser.get(link(studied))
    assert page.url.path == "/consent"
    assert browser.get("/play").url.path == "/consent"
    assert browser.post("/consent", data=hidden(page)).status_code == 422
    assert browser.post("/consent", data=hidden(page) | {"agree": "yes", "hash": "of another text"}).status_code == 422
    with studied.site.database.transaction() as connection:
        assert not connection.execute(select(games)).all()
    page = browser.post("/consent", data=hidden(page) | {"agree": "yes"})
    assert page.url.path == "/rules"
    assert browser.post("/rules", data=hidden(page) | {"question-0": "1"}).status_code == 422
    assert browser.get("/play").url.path == "/rules"
    assert browser.post("/rules", data=hidden(page) | {"question-0": "1"}).status_code == 403
    assert browser.post("/rules", data=hidden(page) | {"question-0": "2"}).status_code == 403, "tries are counted"


def test_nothing_is_taken_under_another_consent_than_that_of_now(studied: Deployed) -> None:
    browser = agreed(studied)
    seen = browser.get("/play").json()
    with studied.site.database.transaction(write=True) as connection:
        connection.execute(update(people).values(consent_hash="of the text before"))
    assert say(browser, seen).status_code == 404
    assert browser.get(f"/game/{seen['game']}").status_code == 404


def test_a_session_token_has_128_random_bits_and_is_stored_hashed(there: Deployed) -> None:
    browser, _ = there.begin()
    token = browser.cookies["multiref"]
    assert TOKEN_BYTES == 16
    assert len(token) == 22
    with there.site.database.transaction() as connection:
        assert list(connection.scalars(select(sessions.c.hash))) == [hashed(token)]
    assert token not in everything(there)


def test_an_entry_link_has_to_be_signed(studied: Deployed) -> None:
    browser = studied.browser()
    assert browser.get(f"/enter/{WORKER}/{'A' * 22}").status_code == 404
    assert browser.get(link(studied).replace(WORKER, "another")).status_code == 404
    assert browser.get(f"/join/{'A' * 22}?PROLIFIC_PID={WORKER}").status_code == 404
    signed = studied.site.secrets.sign("join", "")
    assert browser.get(f"/join/{signed}").status_code == 404
    assert browser.get(f"/join/{signed}?PROLIFIC_PID={WORKER}").url.path == "/consent"
    assert studied.browser().post("/begin").status_code == 404


def test_what_another_site_sends_is_refused(there: Deployed) -> None:
    browser, seen = there.begin()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.post(f"/game/{seen['game']}/say", data=form(seen), headers=headers).status_code == 403
        assert there.browser().post("/begin", headers=headers).status_code == 403
    _, other = there.begin()
    assert say(browser, seen, token=other["token"]).status_code == 403
    assert say(browser, seen, token="").status_code == 403
    assert say(browser, seen).status_code == 200


def test_cookies_are_for_the_server_alone(there: Deployed) -> None:
    plain = there.browser().post("/begin", follow_redirects=False).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain


def test_the_word_of_a_proxy_counts_only_if_it_is_named(tmp_path: Path) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    with deployed(setup_in(tmp_path / "alone")) as there:
        assert (
            "Secure" not in there.browser().post("/begin", headers=said, follow_redirects=False).headers["set-cookie"]
        )
    with deployed(setup_in(tmp_path / "behind"), proxy="127.0.0.1") as there:
        assert "Secure" in there.browser().post("/begin", headers=said, follow_redirects=False).headers["set-cookie"]


def test_every_page_has_a_policy_without_inline_code(studied: Deployed) -> None:
    browser = studied.browser()
    for path in ("/", link(studied), "/nowhere", "/static/style.css", "/operator"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


def test_what_people_type_is_shown_as_text(there: Deployed) -> None:
    typed = "<script>alert(1)</script> {{ 7 * 7 }} '\"><img src=x onerror=alert(1)>"
    browser, seen = there.begin()
    say(browser, seen, typed)
    page = there.browser()
    page.cookies = browser.cookies
    operator = there.browser(Authorization=f"Bearer {there.site.secrets.operator}")
    for shown in (page.get(f"/game/{seen['game']}"), operator.get("/operator")):
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
        assert "&lt;script&gt;alert(1)" in shown.text
        assert "{{ 7 * 7 }}" in shown.text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_no_export_holds_a_formula(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert as_csv(("said",), [[text]]).splitlines()[1].lstrip('"').startswith("'")


def test_ordinary_words_are_exported_as_they_are() -> None:
    assert inert("the one with = in it") == "the one with = in it"


def test_control_characters_are_no_utterance(there: Deployed) -> None:
    browser, seen = there.begin()
    assert say(browser, seen, "a\x1b[2Jb").status_code == 422
    assert say(browser, seen, "a\x00b").status_code == 422


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(there: Deployed, chunked: bool) -> None:
    browser, seen = there.begin()
    body = b"text=" + b"x" * (2 * LARGEST_BODY)
    content: Any = (body[i : i + 1000] for i in range(0, len(body), 1000)) if chunked else body
    assert browser.post(f"/game/{seen['game']}/say", content=content).status_code == 413


def test_how_often_something_is_done_is_limited() -> None:
    now = [0.0]
    limit = Limit(2, 0.5, clock=lambda: now[0])
    limit.check("a")
    limit.check("a")
    limit.check("b")
    with pytest.raises(Exception, match="too-often") as refused:
        limit.check("a")
    assert refused.value.headers["Retry-After"] == "2"  # type: ignore[attr-defined]
    now[0] = 2.0
    limit.check("a")


def test_entries_and_turns_are_limited(there: Deployed) -> None:
    there.site.limits.entries = Limit(1, 0.001)
    browser, seen = there.begin()
    assert there.browser().post("/begin").status_code == 429
    there.site.limits.turns = Limit(1, 0.001)
    assert say(browser, seen).status_code == 200
    answer = say(browser, seen)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_forged_entries_take_no_place(there: Deployed) -> None:
    for _ in range(30):
        there.begin()
    with there.site.database.transaction() as connection:
        assert not connection.execute(select(slots).where(slots.c.game_id.is_not(None))).all()


def test_the_operators_pages_need_their_token(there: Deployed) -> None:
    paths = ["/operator/export/turns.csv", "/operator/export/games.jsonl", "/operator/export/surveys.csv"]
    paths.append("/operator/export/payments/1.csv")
    browser, seen = there.begin()
    for nobody in (there.browser(), browser, there.browser(Authorization="Bearer wrong")):
        assert nobody.get("/operator").status_code == 401
        assert all(nobody.get(path).status_code == 404 for path in paths)
        for action in ("drain", "roll-back", "erase", "learn-again", "forget-paid", "payments/new"):
            assert nobody.post(f"/operator/{action}", data=form(seen)).status_code == 404
        assert nobody.post("/operator", data={"operator": "wrong"}).status_code == 403
    operator = there.browser()
    page = operator.get("/operator", params={"token": there.site.secrets.operator})
    assert page.status_code == 200
    assert "token=" not in str(page.url)
    assert all(operator.get(path).status_code == 200 for path in paths)
    assert operator.post("/operator/drain").status_code == 403, "a form brings a token of its own"
    assert operator.post("/operator/drain", data=hidden(page)).status_code == 200


@pytest.mark.parametrize("path", ["../people.py", "..%2fpeople.py", "%2e%2e/app.py", "....//app.py", "/etc/passwd"])
def test_no_path_leads_out_of_the_static_files(there: Deployed, path: str) -> None:
    host, port = there.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /static/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"404"


def test_no_worker_id_is_anywhere_but_in_its_own_table(studied: Deployed, capfd: pytest.CaptureFixture[str]) -> None:
    browser = agreed(studied)
    play_on(browser, browser.get("/play").json())
    operator = studied.browser(Authorization=f"Bearer {studied.site.secrets.operator}")
    shown = [operator.get(path).text for path in ("/operator", "/operator/export/turns.csv")]
    shown += [operator.get(path).text for path in ("/operator/export/games.jsonl", "/operator/export/surveys.csv")]
    shown += [everything(studied), *capfd.readouterr()]
    assert all(WORKER not in text for text in shown)
    with studied.site.database.transaction() as connection:
        assert list(connection.scalars(select(payees.c.worker))) == [WORKER]


def files_of_payments(operator: httpx.Client) -> list[tuple[str, int]]:
    """Makes a new file of payments, and returns the paths of all, and how many people are in each."""
    page = operator.post("/operator/payments/new").text
    found = re.findall(r'href="(/operator/export/payments/[\d.]+csv)">[^<]*</a>: (\d+) people', page)
    return [(path, int(count)) for path, count in found]


def test_somebody_is_paid_in_one_file_alone(studied: Deployed) -> None:
    browser = agreed(studied)
    for _ in range(2):
        play_on(browser, browser.get("/play").json())
    browser.headers.pop("Accept")
    browser.post("/survey", data=hidden(browser.get("/survey")) | {"answer-0": ""})
    browser.get("/done")
    operator = studied.browser(Authorization=f"Bearer {studied.site.secrets.operator}")
    [(first, count)] = files_of_payments(operator)
    assert count == 1
    assert len(files_of_payments(operator)) == 1, "there is nobody for another file"
    written = operator.get(first).text
    assert [line.split(",")[0] for line in written.splitlines()] == ["worker", WORKER]
    assert operator.get(first).text == written, "a file can be had again"
    operator.post("/operator/forget-paid")
    browser.get(link(studied))
    with studied.site.database.transaction() as connection:
        assert not connection.execute(select(payees)).all(), "who is paid is no longer known, and not known again"


def test_who_does_not_come_back_is_paid_for_what_they_played(
    studied: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = agreed(studied)
    play_on(browser, browser.get("/play").json())
    operator = studied.browser(Authorization=f"Bearer {studied.site.secrets.operator}")
    assert files_of_payments(operator) == [], "they may still come back"
    monkeypatch.setattr("multiref_gym.agents.deployment.operator_pages.ABSENT_AFTER", -60.0)
    [(path, _)] = files_of_payments(operator)
    assert WORKER in operator.get(path).text


def test_erasure_leaves_no_utterance_anywhere(studied: Deployed) -> None:
    said = "the unmistakable platypus of Zanzibar"
    browser = agreed(studied)
    say(browser, browser.get("/play").json(), said)
    with studied.site.database.transaction() as connection:
        [person] = connection.execute(select(people))
    operator = studied.browser(Authorization=f"Bearer {studied.site.secrets.operator}")
    assert operator.post("/operator/erase", data={"person": person.pseudonym}).status_code == 200
    files = [path for path in studied.setup.out.rglob("*") if path.is_file()]
    assert any("deployment.db" in path.name for path in files)
    assert not [path.name for path in files if b"platypus" in path.read_bytes() or WORKER.encode() in path.read_bytes()]
    assert browser.get("/play").status_code == 404
    with studied.site.database.transaction() as connection:
        assert not connection.execute(select(slots).where(slots.c.game_id.is_not(None))).all()
    assert "nobody called" in operator.post("/operator/erase", data={"person": person.pseudonym}).text


def test_a_game_of_a_closed_round_is_not_erased_but_said_to_stay(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, contexts=1, systems=("A",))) as there:
        play_on(*there.begin())
        there.rounds.tick()
        with there.site.database.transaction() as connection:
            [person] = connection.execute(select(people))
        operator = there.browser(Authorization=f"Bearer {there.site.secrets.operator}")
        answer = operator.post("/operator/erase", data={"person": person.pseudonym})
        assert answer.status_code == 422
        assert "closed round" in answer.text


def a_row(**changes: Any) -> Any:
    order = [f"figure-{i}" for i in range(10)]
    row = {"id": 1, "public_id": "game", "round": 0, "context": 0, "state": "open", "arm_id": None}
    row |= {"speaker_order": json.dumps(order), "listener_order": json.dumps(order[::-1])}
    return SimpleNamespace(**row, targets=json.dumps(order[:3]), **changes)


def test_what_a_listener_gets_is_the_same_whatever_the_targets_and_the_policy_are() -> None:
    pictures = {f"figure-{i}": f"picture{i}" for i in range(10)}
    said = [SimpleNamespace(turn=0, utterance="the house", action=None, key="k", answer_key=None, log_prob=None)]
    one, other = a_row(), a_row()
    other.targets = json.dumps([f"figure-{i}" for i in (3, 5, 7, 9)])
    other.arm_id, other.fingerprint, other.system = 7, "secret-policy", "SUP"
    seen = [scene(LiveGame(row, said), "listener", pictures, "key") for row in (one, other)]
    assert seen[0] == seen[1]
    page = templates(None).get_template("game.html")
    shared = {"title": "t", "study": None, "role": "listener", "token": "t", "problem": "", "typed": ""}
    shared |= {"seconds_left": None, "played": 0, "won": 0}
    pages = [page.render(shared | {"scene": one}) for one in seen]
    assert pages[0] == pages[1]
    assert "figure" not in pages[0]


def test_a_listener_meets_a_simulated_speaker_and_sees_no_target(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, role="listener", systems=("PERSON",)), policies={}) as there:
        browser, seen = there.begin()
        assert seen["role"] == "listener"
        assert seen["lines"][0]["utterance"]
        for turn in range(10):
            assert not any(cell["target"] for cell in seen["cells"])
            before = " ".join(cell["letter"] for cell in seen["cells"] if cell["selected"])
            fields = {"token": seen["token"], "key": seen["key"], "turn": str(turn), "before": before}
            answer = browser.post(f"/game/{seen['game']}/do", data=fields | {"selected": "ABCDEFGHIJ"[turn]})
            assert browser.post(f"/game/{seen['game']}/do", data=fields | {"selected": "J"}).status_code == (
                200 if turn == 9 else 409
            )
            seen = answer.raise_for_status().json()
            if seen["state"] != "open":
                break
        assert seen["state"] in ("won", "lost")
        assert all(line["utterance"] for line in seen["lines"])


def test_two_people_meet_and_play(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, role="pairs", systems=("HH",)), policies={}) as there:
        first, second = there.browser(**JSON), there.browser(**JSON)
        assert first.post("/begin").status_code == 503, "the first one waits"
        seen = second.post("/begin").raise_for_status().json()
        theirs = first.get("/play").raise_for_status().json()
        assert {seen["role"], theirs["role"]} == {"speaker", "listener"}
        assert seen["game"] == theirs["game"]
        by_role = {seen["role"]: second, theirs["role"]: first}
        speaker, listener = by_role["speaker"], by_role["listener"]
        seen, theirs = (browser.get(f"/game/{seen['game']}").json() for browser in (speaker, listener))
        assert listener.post(f"/game/{seen['game']}/say", data=form(theirs)).status_code in (403, 404)
        seen = say(speaker, seen).raise_for_status().json()
        assert not seen["mine"]
        heard = listener.get(f"/game/{seen['game']}").json()
        assert heard["mine"]
        assert heard["lines"][-1]["utterance"] == "the one like a house"
        fields = {"token": heard["token"], "key": heard["key"], "turn": "0", "before": "", "selected": "C"}
        heard = listener.post(f"/game/{seen['game']}/do", data=fields).raise_for_status().json()
        assert [cell["letter"] for cell in heard["cells"] if cell["selected"]] == ["C"]
        seen = speaker.get(f"/game/{seen['game']}").json()
        assert seen["mine"]
        assert sum(cell["selected"] for cell in seen["cells"]) == 1


def test_a_writer_that_holds_the_lock_for_longer_than_sqlite_waits_is_waited_for(there: Deployed) -> None:
    browser, seen = there.begin()
    other = sqlite3.connect(there.setup.database, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    threading.Timer(5.5, other.rollback).start()
    assert say(browser, seen).status_code == 200
    assert time.monotonic() - began > 5


class SlowListener:
    """Thinks for a while."""

    def act(self, views: Any, rngs: Any) -> Any:
        from multiref_gym.agents.listeners.baselines import RandomListener

        time.sleep(0.3 * (views[0].game_id != "warm-up"))
        return RandomListener().act(views, rngs)


def test_systems_cannot_be_told_apart_by_how_long_they_think(tmp_path: Path) -> None:
    policies = {"A": "random", "B": "test_deployment_security:SlowListener"}
    with deployed(setup_in(tmp_path, contexts=None), policies=policies) as there:
        took: dict[str, list[float]] = {"A": [], "B": []}
        for _ in range(6):
            browser, seen = there.begin()
            began = time.monotonic()
            say(browser, seen)
            took_now = time.monotonic() - began
            with there.site.database.transaction() as connection:
                arm = select(slots.c.system).join(games, games.c.id == slots.c.game_id)
                system = connection.scalar(arm.where(games.c.public_id == seen["game"]))
            took[str(system)].append(took_now)
        assert min(took["A"][1:]) > 0.29, "the fast one is as slow as the slow one"
        assert np.median(took["B"]) > 0.29


def test_the_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the folder of a deployment"):
        Secrets.of(tmp_path)
    secrets = Secrets.of(tmp_path, create=True)
    assert Secrets.of(tmp_path) == secrets
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    assert secrets.sign("entry", "a") != secrets.sign("form", "a")
    assert not secrets.is_signed("entry", "a", "é")
