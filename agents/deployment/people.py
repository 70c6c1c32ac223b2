"""The participants, by pseudonym: only one table holds the platform's ids of people.

A pseudonym, a completion code and a form's token are HMACs under the deployment's secret: always the same for the same
person, and useless to anybody without the secret. A session token is random; the database only holds its hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from multiref_gym.agents.deployment.tables import (
    PLAYED,
    RoundState,
    State,
    games,
    insert_new,
    payees,
    payments,
    people,
    rounds,
    sessions,
    surveys,
    turns,
)
from multiref_gym.checking import checked
from multiref_gym.errors import UserError
from multiref_gym.files import whole

SECRETS = "secrets.json"
"""A file in the run's folder that only its owner may read."""

TOKEN_BYTES = 16
"""128 bits, as OWASP asks of session tokens at least 64 (cheatsheetseries.owasp.org, Session Management)."""


@dataclass(frozen=True)
class Secrets:
    """The secrets of a deployment.

    Attributes:
        key: The key of all HMACs.
        operator: The token of the operator's pages.
    """

    key: str
    operator: str

    @classmethod
    def of(cls, folder: Path, *, create: bool = False) -> Secrets:
        """Returns the secrets of a run's folder.

        Args:
            folder: The folder.
            create: Whether to create missing secrets.

        Raises:
            UserError: If there are none, or the file holds something else.
        """
        path = folder / SECRETS
        if not path.exists():
            if not create:
                raise UserError(f"{path}: there is no such file, so this is not the folder of a deployment")
            made = cls(token_urlsafe(32), token_urlsafe(TOKEN_BYTES))
            with whole(path) as unfinished:  # only the first process does this, and it has locked the folder
                os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))
                unfinished.write_text(json.dumps({"key": made.key, "operator": made.operator}) + "\n")
        return checked(cls, path.read_bytes(), str(path))

    def sign(self, purpose: str, text: str) -> str:
        """Returns 128 bits of the HMAC-SHA-256 of a text for one purpose, fit for a URL."""
        mac = hmac.digest(self.key.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")

    def is_signed(self, purpose: str, text: str, signature: str) -> bool:
        """Whether a signature is valid for a text."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode(errors="replace"))

    def pseudonym(self, worker: str) -> str:
        """Returns a person's name in all data."""
        return "person-" + hmac.digest(self.key.encode(), f"pseudonym\n{worker}".encode(), hashlib.sha256).hex()[:16]

    def completion_code(self, pseudonym: str) -> str:
        """Returns the code that a person gives to the platform at the end; each person has one."""
        mac = hmac.digest(self.key.encode(), f"code\n{pseudonym}".encode(), hashlib.sha256)
        return base64.b32encode(mac[:5]).decode()


def hashed(token: str) -> str:
    """Returns the form in which the database holds a session token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def enter(connection: Connection, secrets: Secrets, worker: str, now: float, *, to_be_paid: bool) -> str:
    """Lets a person in, who may have been here before, and returns the token of a new session.

    Raises:
        UserError: If their data were erased at their wish.
    """
    pseudonym = secrets.pseudonym(worker)
    insert_new(connection, people, [{"pseudonym": pseudonym, "came_at": now, "quiz_tries": 0}])
    person = connection.execute(select(people).where(people.c.pseudonym == pseudonym)).one()
    if person.erased_at is not None:
        raise UserError("what you said here was erased as you wished, so you cannot take part again")
    paid = connection.scalar(select(payments.c.written_at).where(payments.c.person_id == person.id))
    if to_be_paid and paid is None:
        insert_new(connection, payees, [{"person_id": person.id, "worker": worker}])
    token = token_urlsafe(TOKEN_BYTES)
    connection.execute(insert(sessions).values(hash=hashed(token), person_id=person.id, came_at=now))
    return token


def person_of(connection: Connection, token: str) -> Row[Any] | None:
    """Returns the person of a session, None if there is no such session."""
    query = select(people).join(sessions).where(sessions.c.hash == hashed(token), people.c.erased_at.is_(None))
    return connection.execute(query).one_or_none()


def change(connection: Connection, person: int, **values: Any) -> None:
    """Records something about a person."""
    connection.execute(update(people).where(people.c.id == person).values(values))


def played(connection: Connection, person: int) -> tuple[int, int]:
    """Returns the number of games that a person has finished, and how many of them were won."""
    own = (games.c.speaker_id == person) | (games.c.listener_id == person)
    query = select(games.c.state, func.count()).where(own, games.c.state.in_(PLAYED)).group_by(games.c.state)
    counts = dict(map(tuple, connection.execute(query)))
    return sum(counts.values()), counts.get(State.WON, 0)


def answer_survey(connection: Connection, person: int, answers: dict[str, str], now: float) -> None:
    """Stores a person's answers to the survey; later answers are ignored."""
    insert_new(connection, surveys, [{"person_id": person, "answers": json.dumps(answers), "answered_at": now}])


def finish(connection: Connection, person: int, now: float) -> None:
    """Records, once, that a person has finished and is to be paid."""
    count, won = played(connection, person)
    token = token_hex(TOKEN_BYTES)
    insert_new(connection, payments, [{"person_id": person, "token": token, "games": count, "won": won}])
    connection.execute(update(people).where(people.c.id == person, people.c.done_at.is_(None)).values(done_at=now))


def finish_absent(connection: Connection, last_seen_before: float, now: float) -> None:
    """Records as finished the people who have played and have not come back."""
    own = (games.c.speaker_id == people.c.id) | (games.c.listener_id == people.c.id)
    played_before = (
        select(people.c.id)
        .join(games, own)
        .where(people.c.done_at.is_(None), people.c.quiz_passed_at.is_not(None), games.c.began_at.is_not(None))
        .group_by(people.c.id)
        .having(func.max(games.c.began_at) < last_seen_before)
    )
    for person in connection.scalars(played_before).all():
        finish(connection, person, now)


def forget_paid(connection: Connection) -> int:
    """Deletes the platform's ids of people who are in a file of payments, and returns their number."""
    paid = select(payments.c.person_id).where(payments.c.written_at.is_not(None))
    return connection.execute(delete(payees).where(payees.c.person_id.in_(paid))).rowcount


PAYMENT = ("worker", "code", "games", "won", "token")


def new_payments(connection: Connection, now: float) -> None:
    """Puts the people who are to be paid, and are in no file of payments yet, into a new one."""
    connection.execute(update(payments).where(payments.c.written_at.is_(None)).values(written_at=now))


def payment_files(connection: Connection) -> list[tuple[float, int]]:
    """Returns the times of the files of payments, the last one first, and the number of people in each."""
    written = payments.c.written_at
    query = select(written, func.count()).where(written.is_not(None)).group_by(written).order_by(written.desc())
    return [(at, count) for at, count in connection.execute(query)]


def payments_of(connection: Connection, secrets: Secrets, written_at: float) -> list[tuple[Any, ...]]:
    """Returns the people in a file of payments, in the order of `PAYMENT`.

    The tokens are the same each time the file is requested, so that a platform can refuse to pay twice.
    """
    due = (
        select(payments, payees.c.worker, people.c.pseudonym)
        .join(payees, payees.c.person_id == payments.c.person_id)
        .join(people, people.c.id == payments.c.person_id)
        .where(payments.c.written_at == written_at)
        .order_by(payments.c.person_id)
    )
    rows = connection.execute(due)
    return [(row.worker, secrets.completion_code(row.pseudonym), row.games, row.won, row.token) for row in rows]


def erase(connection: Connection, pseudonym: str, now: float) -> list[int]:
    """Erases a person's words, actions and answers, and the platform's id.

    Data of closed rounds stay, because they have been copied and learned from.

    Returns:
        The games that this ended; their places are free again.

    Raises:
        UserError: If there is no such person, or some of their data are in a closed round.
    """
    person = connection.scalar(select(people.c.id).where(people.c.pseudonym == pseudonym, people.c.erased_at.is_(None)))
    if person is None:
        raise UserError(f"there is nobody called {pseudonym!r:.60} here")
    own = (games.c.speaker_id == person) | (games.c.listener_id == person)
    kept = select(func.count()).select_from(games.join(rounds, rounds.c.number == games.c.round))
    closed = kept.where(own, games.c.state.in_(PLAYED), rounds.c.state.in_((RoundState.CLOSING, RoundState.CLOSED)))
    if count := connection.scalar(closed):
        raise UserError(f"{pseudonym} has played {count} games of closed rounds, which were learned from and stay")
    game_ids = list(connection.scalars(select(games.c.id).where(own)))
    connection.execute(delete(turns).where(turns.c.game_id.in_(game_ids)))
    connection.execute(
        update(games)
        .where(games.c.id.in_(game_ids))
        .values(state=State.ABANDONED, ended_at=func.coalesce(games.c.ended_at, now))
    )
    for table in (surveys, payees, payments, sessions):
        connection.execute(delete(table).where(table.c.person_id == person))
    change(connection, person, erased_at=now, waiting_since=None)
    return game_ids
