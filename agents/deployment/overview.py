"""Data for the operator: counts by system and round, the latest games, deployed policies."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from multiref_gym.agents.deployment.live_game import LiveGame, load, named_games
from multiref_gym.agents.deployment.tables import PLAYED, State, arms, games, people, rounds, surveys, turns
from multiref_gym.agents.deployment.tables import slots as places
from multiref_gym.agents.evaluation.intervals import estimate
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder
from multiref_gym.formats.logged_game import LoggedGame

LATEST_GAMES = 15
LATEST_TURNS = 500
"""The number of latest turns whose times are summarised."""


@dataclass(frozen=True)
class Deployed:
    """A system's results in a round.

    Attributes:
        round: The round.
        system: The system.
        counts: The number of games in each state.
        success: The share of finished games that were won, with its 95 % interval; None if there are none.
        turns: The mean number of turns in these games.
    """

    round: int
    system: str
    counts: Mapping[str, int]
    success: tuple[float, float, float] | None
    turns: float | None


def by_round(connection: Connection) -> list[Deployed]:
    """Returns the results of each system in each round, the last round first."""
    length = select(turns.c.game_id, func.count().label("turns")).group_by(turns.c.game_id).subquery()
    system = func.coalesce(arms.c.system, places.c.system, "people")
    query = (
        select(games.c.round, system, games.c.state, func.count(), func.sum(length.c.turns))
        .outerjoin(arms, arms.c.id == games.c.arm_id)
        .outerjoin(places, places.c.game_id == games.c.id)
        .outerjoin(length, length.c.game_id == games.c.id)
        .where(games.c.state != State.DRAFT)
        .group_by(games.c.round, system, games.c.state)
    )
    counts, taken = defaultdict[tuple[int, str], Counter[str]](Counter), Counter[tuple[int, str]]()
    for round, name, state, count, total in connection.execute(query):
        counts[-round, name][state] = count
        taken[-round, name] += total or 0 if state in PLAYED else 0
    return [_deployed(-round, name, counts[round, name], taken[round, name]) for round, name in sorted(counts)]


def _deployed(round: int, system: str, counts: Counter[str], taken: int) -> Deployed:
    by_state = {state.value: counts[state] for state in State if state is not State.DRAFT}
    won, played = counts[State.WON], sum(counts[state] for state in PLAYED)
    if not played:
        return Deployed(round, system, by_state, None, None)
    success = estimate([1.0] * won + [0.0] * (played - won), [1.0] * played)
    return Deployed(round, system, by_state, (success.mean, success.low, success.high), taken / played)


def latency(connection: Connection) -> tuple[float, float] | None:
    """Returns the median and the 95th percentile of listeners' recent seconds per turn, None without turns."""
    took = select(turns.c.answered_at - turns.c.said_at).where(turns.c.answered_at.is_not(None))
    seconds = connection.scalars(took.order_by(turns.c.answered_at.desc()).limit(LATEST_TURNS)).all()
    return (float(np.median(seconds)), float(np.percentile(seconds, 95))) if seconds else None


def latest_games(
    connection: Connection, decoder: FeedbackDecoder
) -> list[tuple[LiveGame, list[tuple[str, str, Feedback | None]]]]:
    """Returns the games that began last, each with its turns: utterances, actions, and decoded feedback."""
    query = named_games().order_by(games.c.id.desc()).limit(LATEST_GAMES)
    found = list(load(connection, connection.execute(query)).values())
    exchanges = [_exchanges(live) for live in found]
    decoded = iter(
        decoder.decode([exchange for of_game in exchanges for exchange in of_game]) if any(exchanges) else []
    )
    shown = []
    for live, of_game in zip(found, exchanges, strict=True):
        feedback = [next(decoded) for _ in of_game]
        lines = [
            (turn.utterance, turn.action or "", feedback[number] if number < len(feedback) else None)
            for number, turn in enumerate(live.said)
        ]
        shown.append((live, lines))
    return shown


def _exchanges(live: LiveGame) -> list[Exchange]:
    """Returns the actions with a reply, including the action whose reply still waits for an answer."""
    reply = live.pending.utterance if live.pending is not None and live.turns else ""
    return LoggedGame(live.interaction(), reply).exchanges()


def all_games(connection: Connection) -> list[LiveGame]:
    """Returns all games with an utterance, with the names of their players and arms."""
    query = named_games().order_by(games.c.id)
    return [live for live in load(connection, connection.execute(query)).values() if live.said]


TURN_COLUMNS = (
    *("game", "round", "context", "system", "policy", "speaker", "listener", "state"),
    *("turn", "utterance", "action", "log_prob", "said_at", "answered_at"),
)


def turn_rows(found: Iterable[LiveGame]) -> list[list[Any]]:
    """Returns a row for each turn, in the order of `TURN_COLUMNS`."""
    return [
        [
            *(live.row.public_id, live.row.round, live.row.context, live.row.system, live.row.fingerprint),
            *(live.row.speaker, live.row.listener, live.row.state),
            *(turn.turn, turn.utterance, turn.action, turn.log_prob, turn.said_at, turn.answered_at),
        ]
        for live in found
        for turn in live.said
    ]


def survey_rows(connection: Connection) -> list[list[Any]]:
    """Returns the answers to the survey: the pseudonym, the answers in JSON, and the time."""
    query = select(people.c.pseudonym, surveys.c.answers, surveys.c.answered_at).join(surveys)
    return [list(row) for row in connection.execute(query)]


def people_counts(connection: Connection) -> dict[str, int]:
    """Returns how many people have come, agreed, passed the quiz, finished, and been erased."""
    steps = {"came": "came_at", "agreed": "consented_at", "passed the quiz": "quiz_passed_at", "finished": "done_at"}
    counted = [func.count(people.c[column]) for column in (*steps.values(), "erased_at")]
    return dict(zip((*steps, "erased"), connection.execute(select(*counted)).one(), strict=True))


def all_rounds(connection: Connection) -> list[Row[Any]]:
    """Returns all rounds, the last one first."""
    return list(connection.execute(select(rounds).order_by(rounds.c.number.desc())))


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table as CSV in which nothing is read as a formula, whatever was typed (owasp.org, CSV Injection)."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([inert(value) if isinstance(value, str) else value for value in row] for row in rows)
    return file.getvalue()


def inert(text: str) -> str:
    """Returns a text that spreadsheets read as text: an apostrophe precedes everything that could be a formula."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) or text[:1] in ("\t", "\r", "\n") else text
