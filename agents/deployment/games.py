"""The rules for beginning, playing and ending games over a network: the turns that people send, and their outcomes.

The whole state of a game is in the database, so a process may end at any moment and another one continues. A turn
counts once, by its form's key and its number, however often it is sent.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, exists, func, insert, select, update

from multiref_gym.agents.deployment import slots
from multiref_gym.agents.deployment.live_game import GAMES, LiveGame, load
from multiref_gym.agents.deployment.tables import (
    PLAYED,
    RoundState,
    State,
    arms,
    games,
    insert_new,
    people,
    rounds,
    sessions,
    turns,
)
from multiref_gym.agents.deployment.tables import slots as places
from multiref_gym.agents.learning.respect import SIMILARITY, round_seed
from multiref_gym.agents.play import Stream, chance
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.game import MAX_TURNS, Action, Context, Game, InvalidAction, check_action
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet

Role = Literal["speaker", "listener", "pairs"]
"""The role of people: they speak to a listener, listen to a simulated speaker, or play with each other."""


class Outcome(StrEnum):
    """The outcome of something that a person sent."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  # it was sent before and gets the same answer again
    CONFLICT = "conflict"  # another action or utterance was sent for this turn, or it is another turn now
    OVER = "over"  # the game has ended
    TAKEN = "taken"  # others have begun this game meanwhile
    ABSENT = "absent"  # there is no such game, or it is not the sender's


@dataclass(frozen=True, slots=True)
class Sent:
    """A turn that a person sent.

    Attributes:
        session: The hash of the session's token.
        game: The public id of the game.
        key: The key of the form.
        turn: The number of the turn that it is for.
        utterance: A speaker's utterance, None from a listener.
        action: A listener's action, None from a speaker.
    """

    session: str
    game: str
    key: str
    turn: int
    utterance: str | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The outcome of a turn, and the game after it; None if there is no such game, or it was not looked up."""

    outcome: Outcome
    game: LiveGame | None


@dataclass(frozen=True)
class Deployment:
    """The settings of a deployment.

    Attributes:
        tangrams: The set that contexts are drawn from.
        seed: Seeds all randomness.
        plan: The games of a round.
        role: The role of people.
        make_speaker: Makes the speaker that people listen to.
        patience: Seconds that a person has for a turn.
        consent: The hash of the consent that people must have given; None for none.
    """

    tangrams: TangramSet
    seed: int
    plan: slots.Plan
    role: Role = "speaker"
    make_speaker: Callable[[], Speaker] | None = None
    patience: float = 600.0
    consent: str | None = None

    def context(self, round: int, number: int) -> Context:
        """Returns a context of a round, the same as in the simulated loop with this seed."""
        rng = chance(round_seed(self.seed, round), number, Stream.CONTEXT)
        return shared_contexts(self.tangrams, SIMILARITY).draw(rng)


# Statements that every turn needs, made once.
_OF_SESSIONS = sessions.c.hash.in_(bindparam("hashes", expanding=True))
_SPEAKERS_GAMES, _LISTENERS_GAMES = (
    GAMES.add_columns(sessions.c.hash, people.c.consent_hash)
    .join(sessions, sessions.c.person_id == whose)
    .join(people, people.c.id == whose)
    .where(_OF_SESSIONS)
    for whose in (games.c.speaker_id, games.c.listener_id)
)
_ANSWER = (
    update(turns)
    .where(turns.c.game_id == bindparam("of_game"), turns.c.turn == bindparam("of_turn"), turns.c.action.is_(None))
    .where(exists().where(games.c.id == bindparam("of_game"), games.c.state == State.OPEN))
    .values(
        action=bindparam("new_action"),
        log_prob=bindparam("new_log_prob"),
        understood=bindparam("is_understood"),
        answered_at=bindparam("now"),
        answer_key=bindparam("new_key"),
    )
)


class Games:
    """The rules of a deployment: begins, plays and ends games in its database.

    Args:
        deployment: The settings.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self._since = deployment, time.time()
        self._plan, self._role = deployment.plan, deployment.role

    def for_person(self, connection: Connection, person: int, now: float) -> str | None:
        """Returns the public id of a person's current game, or of one to begin; None if there is none."""
        own = (games.c.speaker_id == person) | (games.c.listener_id == person)
        current = (
            select(games.c.public_id)
            .join(rounds, rounds.c.number == games.c.round)
            .where(own, (games.c.state == State.OPEN) | ((games.c.state == State.DRAFT) & _ROUND_OPEN))
            .order_by(games.c.id.desc())
        )
        if there := connection.scalar(current):
            return str(there)
        if self._role == "pairs":
            return None
        shown = self.context_for(connection, person, now)
        if shown is None:
            return None
        return self.new(
            connection, *shown, now, **{"listener_id" if self._role == "listener" else "speaker_id": person}
        )

    def context_for(self, connection: Connection, person: int, now: float) -> tuple[int, int] | None:
        """Returns a round and the number of a context to show to a person, in the oldest round that has one."""
        for round in connection.scalars(select(rounds.c.number).where(_ROUND_OPEN).order_by(rounds.c.number)).all():
            context = slots.shown(connection, self._plan, round, person, now)
            if context is not None:
                return round, context
        return None

    def new(self, connection: Connection, round: int, number: int, now: float, **players: int) -> str:
        """Makes a game in a context of a round, which takes no place yet, and returns its public id."""
        context = self.deployment.context(round, number)
        row = {
            "public_id": secrets.token_hex(12),
            "round": round,
            "context": number,
            "speaker_order": json.dumps(context.speaker_order),
            "listener_order": json.dumps(context.listener_order),
            "targets": json.dumps(sorted(context.targets)),
            "state": State.DRAFT,
            "drafted_at": now,
        }
        made = connection.execute(insert(games).values(row | players).returning(games)).one()
        if self._role == "listener":
            self._speak(connection, LiveGame(made, []), now)
        return str(made.public_id)

    def receive(self, connection: Connection, sent: Sequence[Sent], now: float) -> list[Received]:
        """Receives turns of several games in one transaction, and returns the outcome of each."""
        rows = self._sendable_games(connection, sent)
        state = load(connection, rows.values())
        received = []
        for one in sent:
            row = rows.get((one.session, one.game))
            if row is None:
                received.append(Received(Outcome.ABSENT, None))
                continue
            outcome = self._receive(connection, one, state[row.id], now)
            if outcome is Outcome.ACCEPTED and one.action is not None:  # later turns in the batch meet the new state
                state |= load(connection, connection.execute(select(games).where(games.c.id == row.id)))
            received.append(Received(outcome, state[row.id]))
        return received

    def _sendable_games(self, connection: Connection, sent: Sequence[Sent]) -> dict[tuple[str, str], Row[Any]]:
        """Returns the games, by session and public id, in which the sender has the role to send such a turn."""
        found = dict[tuple[str, str], Row[Any]]()
        for speaks, query in (True, _SPEAKERS_GAMES), (False, _LISTENERS_GAMES):
            some = [one for one in sent if (one.action is None) == speaks]
            if some:
                these = {"public_ids": [one.game for one in some], "hashes": [one.session for one in some]}
                found |= {
                    (row.hash, row.public_id): row
                    for row in connection.execute(query, these)
                    if self.deployment.consent in (None, row.consent_hash)  # the consent may have changed meanwhile
                }
        return found

    def _receive(self, connection: Connection, one: Sent, live: LiveGame, now: float) -> Outcome:
        said = live.said[one.turn] if one.turn < len(live.said) else None
        if said is not None and one.key in (said.key, said.answer_key):
            same = one.utterance in (None, said.utterance) and (one.action is None or str(one.action) == said.action)
            return Outcome.REPEATED if same else Outcome.CONFLICT
        if live.state not in (State.DRAFT, State.OPEN):
            return Outcome.CONFLICT if said is not None else Outcome.OVER
        if one.turn != len(live.turns) or (live.pending is None) == (one.utterance is None):
            return Outcome.CONFLICT  # it is another turn now, or the other player's turn
        if one.action is not None and not _is_allowed(one.action, live.game):
            return Outcome.CONFLICT  # it was made for another selection
        if live.state is State.DRAFT and not self._begin(connection, live, now):
            return Outcome.TAKEN
        if one.action is not None:
            taken = self.answer(connection, live, one.action, None, now, answer_key=one.key)
            return Outcome.ACCEPTED if taken else Outcome.CONFLICT
        turn = {"game_id": live.row.id, "turn": one.turn, "key": one.key, "utterance": one.utterance, "said_at": now}
        new = insert_new(connection, turns, [turn])
        if not new:
            return Outcome.CONFLICT  # another process was faster, or the key is of another game
        live.wait_for_answer(new[0])
        return Outcome.ACCEPTED

    def _begin(self, connection: Connection, live: LiveGame, now: float) -> bool:
        """Begins a game that was shown to a person; returns whether there was a place for it."""
        row = live.row
        mine = update(games).where(games.c.id == row.id, games.c.state == State.DRAFT).values(state=State.OPEN)
        if not connection.execute(mine).rowcount:
            return False
        system = None
        if connection.scalar(select(_ROUND_OPEN).where(rounds.c.number == row.round)):
            system = slots.take(connection, self._plan, row.round, row.context, row.id)
        if system is None:
            live.state = State.ABANDONED
            self._set(connection, row.id, state=live.state, ended_at=now)
            return False
        of_system = games.join(places, places.c.game_id == games.c.id)
        played = select(func.count()).select_from(of_system).where(places.c.system == system, games.c.state.in_(PLAYED))
        finished = connection.scalar(played)
        live.state, live.arm = State.OPEN, active_arm(connection, system)
        self._set(connection, row.id, arm_id=live.arm, began_at=now, finished=finished)
        return True

    def answer(
        self,
        connection: Connection,
        live: LiveGame,
        action: Action | None,
        log_prob: float | None,
        now: float,
        answer_key: str | None = None,
    ) -> bool:
        """Answers the waiting turn, with all consequences.

        Args:
            connection: A connection in a transaction that writes.
            live: The game.
            action: None if the listener's answer was not an action.
            log_prob: The action's natural log-probability, None if unknown.
            now: The time.
            answer_key: The key of the form, if a person sent it.

        Returns:
            Whether it counts: a turn is answered once, and not after a player has left.

        Raises:
            InvalidAction: If the rules forbid the action.
        """
        done, turn, id = action or Action(), live.pending, live.row.id
        assert turn is not None, "a turn is answered that waits"
        check_action(done, live.game.selected, len(live.game.context.listener_order))
        answered = {
            "of_game": id,
            "of_turn": turn.turn,
            "new_key": answer_key,
            "new_action": str(done),
            "new_log_prob": log_prob,
            "is_understood": action is not None,
            "now": now,
        }
        if not connection.execute(_ANSWER, answered).rowcount:
            return False
        live.apply(turn.utterance, done, log_prob)
        live.pending = None
        if live.game.over:
            live.state = State.WON if live.game.success else State.LOST
            self._set(connection, id, state=live.state, ended_at=now)
            return True
        if self._role == "listener":
            self._speak(connection, live, now)
        return True

    def _speak(self, connection: Connection, live: LiveGame, now: float) -> None:
        """Has the simulated speaker speak; its words depend only on the earlier turns."""
        assert self.deployment.make_speaker is not None, "somebody speaks to people who listen"
        rng = chance(round_seed(self.deployment.seed, live.row.round), live.row.context, Stream.SPEAKER)
        episode = Episode(Game(live.game.context, MAX_TURNS), self.deployment.make_speaker(), rng)
        for turn in live.turns:
            episode.take(turn.action)
        row = {"game_id": live.row.id, "turn": len(live.turns), "key": secrets.token_urlsafe(16)}
        connection.execute(insert(turns).values(row | {"utterance": episode.utterance, "said_at": now}))

    def end(self, connection: Connection, ids: Sequence[int], state: State, now: float) -> None:
        """Ends games before their regular end, which frees their places."""
        if ids:
            still = games.c.id.in_(ids) & games.c.state.in_((State.OPEN, State.DRAFT))
            ended = update(games).where(still).values(state=state, ended_at=now).returning(games.c.id)
            slots.give_back(connection, list(connection.scalars(ended)))

    def end_overdue(self, connection: Connection, now: float) -> int:
        """Ends the games of people who have not come back in time, and returns their number.

        Time in which a model thinks or the server was down does not count.
        """
        if now - self._since < self.deployment.patience:
            return 0
        last = func.max(func.coalesce(turns.c.answered_at, turns.c.said_at if self._waits_for_answers else now))
        in_play = select(games.c.id).join(turns).where(games.c.state == State.OPEN).group_by(games.c.id)
        ids = list(connection.scalars(in_play.having(last < now - self.deployment.patience)))
        if self._role == "pairs":  # two people have met, and neither says anything
            met = (games.c.state == State.DRAFT) & (games.c.drafted_at < now - self.deployment.patience)
            ids += connection.scalars(select(games.c.id).where(met))
        self.end(connection, ids, State.ABANDONED, now)
        return len(ids)

    def seconds_left(self, live: LiveGame, now: float) -> float | None:
        """Returns the seconds that a person has left in a game; None if nobody has to act."""
        if live.state is not State.OPEN or (live.pending is not None and not self._waits_for_answers):
            return None
        last: Any = live.said[-1]
        since = float(last.answered_at or last.said_at)
        return max(0.0, since + self.deployment.patience - now)

    @property
    def _waits_for_answers(self) -> bool:
        return self._role != "speaker"

    @staticmethod
    def _set(connection: Connection, id: int, **values: Any) -> None:
        connection.execute(update(games).where(games.c.id == id).values(values))


def _is_allowed(action: Action, game: Game) -> bool:
    try:
        check_action(action, game.selected, len(game.context.listener_order))
    except InvalidAction:
        return False
    return True


_ROUND_OPEN = rounds.c.state == RoundState.OPEN


def active_arm(connection: Connection, system: str) -> int | None:
    """Returns the id of the arm that plays a system's new games; None if people play."""
    active = arms.c.activated_at.is_not(None) & arms.c.withdrawn_at.is_(None)
    return connection.scalar(
        select(arms.c.id).where(arms.c.system == system, active).order_by(arms.c.activated_at.desc())
    )
