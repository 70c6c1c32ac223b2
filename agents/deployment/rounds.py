"""The rounds of a deployment: they open, drain, close and are learned from; then the next policy plays new games.

One process manages them. All its state is in the database and in the run's folder, so it can end at any moment and
another one continues.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from multiref_gym.agents.deployment import learner, slots
from multiref_gym.agents.deployment.events import note
from multiref_gym.agents.deployment.games import Games, active_arm
from multiref_gym.agents.deployment.learner import Lesson, policy_folder
from multiref_gym.agents.deployment.live_game import LiveGame, load, named_games
from multiref_gym.agents.deployment.policies import Policies, Policy, fingerprint, warm_up
from multiref_gym.agents.deployment.tables import (
    PLAYED,
    RoundState,
    State,
    arms,
    games,
    rounds,
)
from multiref_gym.agents.deployment.tables import (
    slots as places,
)
from multiref_gym.database import Database
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.formats import write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.store import InteractionStore

HH = "HH"
"""Two people who play with each other."""
PERSON = "PERSON"
"""A person who listens to a simulated speaker."""


class Rounds:
    """Manages the rounds.

    Args:
        database: The database of the deployment.
        rules: The rules of the games.
        policies: The listeners.
        store: The store for closed rounds.
        out: The folder of the run.
        lesson: What to learn after a round, None for nothing.
        every_game: Whether games continue during learning.
    """

    def __init__(
        self,
        database: Database,
        rules: Games,
        policies: Policies,
        store: InteractionStore,
        out: Path,
        lesson: Lesson | None = None,
        *,
        every_game: bool = False,
    ) -> None:
        self._database, self._rules, self._policies, self._store, self._out = database, rules, policies, store, out
        self._lesson, self._every_game = lesson, every_game
        self._plan = rules.deployment.plan
        self._process: SpawnProcess | None = None
        self._learning = 0  # the round of the policy that the process learns

    def begin(self, systems: Mapping[str, Policy]) -> None:
        """Loads and warms up the deployed policies, and opens the first round if there is none.

        Args:
            systems: The policies for the first round, by system; people have none.

        Raises:
            UserError: If a policy cannot be loaded, or differs from the one deployed under its name.
        """
        with self._database.transaction() as connection:
            there = {row.system: row for row in _active(connection)}
            begun = connection.scalar(select(func.count()).select_from(rounds))
        for system, policy in systems.items():
            if system in there:
                self._load(there[system])
            else:
                self.activate(system, policy, 0)
        if not begun:
            with self._database.transaction(write=True) as connection:
                self._open(connection, 0)

    def activate(self, system: str, policy: Policy, round: int) -> None:
        """Lets a policy play the new games of a system; earlier games continue with their old policy.

        Raises:
            UserError: If it cannot be loaded.
        """
        tangrams = self._rules.deployment.tangrams
        listener = policy.load(tangrams)
        warm_up(listener, tangrams, CONTEXT_SIZE)
        digest = fingerprint(listener, policy)
        with self._database.transaction(write=True) as connection:
            now = time.time()
            learned = connection.scalar(
                select(func.count())
                .select_from(games.join(places, places.c.game_id == games.c.id))
                .where(games.c.state.in_(PLAYED), games.c.round < round, places.c.system == system)
            )
            active = arms.c.activated_at.is_not(None) & arms.c.withdrawn_at.is_(None) & (arms.c.system == system)
            connection.execute(update(arms).where(active).values(withdrawn_at=now))
            row = {"system": system, "policy": str(policy), "fingerprint": digest, "round": round}
            row |= {"learned": learned, "activated_at": now}
            arm = connection.scalar(insert(arms).values(row).returning(arms.c.id))
            assert arm is not None, "every arm has an id"
            note(connection, "policy", f"{system} is played by {policy} ({digest})")
            self._policies.put(arm, listener)

    def tick(self) -> None:
        """Does everything that is due; called about every second.

        Raises:
            UserError: If a round cannot be stored.
        """
        now = time.time()
        with self._database.transaction(write=True) as connection:
            self._rules.end_overdue(connection, now)
            closing = self._next_step(connection)
        for round in closing:
            self._close(round)
        if self._lesson:
            self._learn(self._lesson)
        with self._database.transaction() as connection:
            needed = select(games.c.arm_id).where(games.c.state == State.OPEN).distinct()
            self._policies.keep({row.id for row in _active(connection)} | set(connection.scalars(needed)))

    @property
    def is_over(self) -> bool:
        """Whether the last round is closed and measured."""
        return self._lesson is not None and learner.is_measured(self._out, self._lesson.config.rounds)

    def stop(self) -> None:
        """Stops learning; it starts again when the deployment continues."""
        if self._process is not None:
            self._process.kill()  # it ignores other signals
            self._process.join()

    def _load(self, arm: Row[Any]) -> None:
        """Loads the listener of an arm that plays already.

        Raises:
            UserError: If it has changed.
        """
        listener = self._policies.get(arm)
        policy = Policy.of(arm.policy)
        if fingerprint(listener, policy) != arm.fingerprint:
            raise UserError(
                f"{policy} is not the policy that plays {arm.system}: put that back, or choose another --out"
            )
        warm_up(listener, self._rules.deployment.tangrams, CONTEXT_SIZE)

    def _open(self, connection: Connection, round: int) -> None:
        connection.execute(insert(rounds).values(number=round, state=RoundState.OPEN, opened_at=time.time()))
        note(connection, "round", f"round {round} is open")

    def _next_step(self, connection: Connection) -> list[int]:
        """Opens the next round if games continue during learning, and returns the rounds to close.

        A game that was left frees its place, so a full round may have a free place again.
        """
        closing = []
        for round in connection.execute(select(rounds).where(rounds.c.state != RoundState.CLOSED)).all():
            full = slots.is_full(connection, self._plan, round.number)
            last = connection.scalar(select(func.max(rounds.c.number))) == round.number
            if full and last and self._every_game and self._lesson and round.number < self._lesson.config.rounds:
                self._open(connection, round.number + 1)
            in_play = select(func.count()).where(games.c.round == round.number, games.c.state == State.OPEN)
            ends = (full or round.state == RoundState.DRAINING) and not connection.scalar(in_play)
            if ends or round.state == RoundState.CLOSING:
                change(connection, round.number, state=RoundState.CLOSING)
                closing.append(round.number)
        return closing

    def _close(self, round: int) -> None:
        """Copies the games of a round into the run's store and, as rows, into files beside it."""
        with self._database.transaction() as connection:
            played = {system: played_games(connection, round, system) for system in self._plan.systems}
        if missing := [system for system, found in played.items() if not found]:
            with self._database.transaction(write=True) as connection:
                change(connection, round, state=RoundState.OPEN)
                note(connection, "round", f"round {round} stays open, as {missing[0]} has played no game to its end")
            return
        folder = self._out / "rounds"
        folder.mkdir(exist_ok=True)
        for system, found in played.items():
            played_here = [live.interaction() for live in found]
            if not self._store.has_round(system, round):
                self._store.add(played_here, system)
            elif [game.game_id for game in self._store.interactions(system, round)] != [g.game_id for g in played_here]:
                raise UserError(f"round {round} of {system} is in the store of {self._out} with other games")
            name = f"{system}-{round}"
            write_games(
                "turn", folder / f"{name}.jsonl", [LoggedGame(live.interaction(), system=system) for live in found]
            )
            write_atomically(folder / f"{name}.times.csv", times_of(found))
        with self._database.transaction(write=True) as connection:
            change(connection, round, state=RoundState.CLOSED, closed_at=time.time())
            note(connection, "round", f"round {round} is closed")

    def _learn(self, lesson: Lesson) -> None:
        """Learns from the closed rounds if that is not done, and deploys the new policy."""
        if self._process is not None:
            if self._process.is_alive():
                return
            code, self._process = self._process.exitcode, None
            if code:
                with self._database.transaction(write=True) as connection:
                    note(connection, "learning failed", f"the policy of round {self._learning}: exit code {code}")
                    change(connection, self._learning - 1, learning_failed_at=time.time())
                return
            self._deploy(lesson, self._learning)
        with self._database.transaction() as connection:
            there = connection.execute(select(rounds)).all()
            tried = connection.scalars(select(arms.c.round).where(arms.c.system == lesson.learner.name)).all()
            active = active_arm(connection, lesson.learner.name)
            current = connection.scalar(select(arms.c.round).where(arms.c.id == active))
        last = max(row.number for row in there)
        next_one = min((row.number for row in there if row.state != RoundState.CLOSED), default=last + 1)
        failed = any(row.number == next_one - 1 and row.learning_failed_at is not None for row in there)
        if next_one in tried:
            self._open_round(next_one, last)  # in case the process ended before it could do so
        if next_one in tried or failed or self.is_over:
            return
        self._learning = next_one
        self._process = learner.start(replace(lesson, round=next_one, current=current or 0))

    def _deploy(self, lesson: Lesson, round: int) -> None:
        """Deploys a new policy, unless it was clearly worse in the fixed games, and opens its round."""
        if round > lesson.config.rounds:
            return
        system, policy = lesson.learner.name, Policy(lesson.config.listener, str(policy_folder(self._out, round)))
        gate = learner.gate_of(self._out, round) if lesson.gate else None
        if gate is None or gate["passed"]:
            self.activate(system, policy, round)
        else:
            with self._database.transaction(write=True) as connection:
                outcome = f"won {gate['new']:.0%} of the fixed games, the current one {gate['current']:.0%}"
                note(connection, "gate", f"the policy of round {round} is not deployed: it {outcome}")
                row = {"system": system, "policy": str(policy), "fingerprint": "", "round": round, "learned": 0}
                connection.execute(insert(arms).values(row))

    def _open_round(self, round: int, last: int) -> None:
        """Opens a round, unless it is or was open."""
        if round > last:
            with self._database.transaction(write=True) as connection:
                self._open(connection, round)


def change(connection: Connection, round: int, **values: Any) -> None:
    """Records something about a round."""
    connection.execute(update(rounds).where(rounds.c.number == round).values(values))


def drain(connection: Connection) -> None:
    """Starts no new games in the open rounds, which close when their last games have ended."""
    is_open = rounds.c.state == RoundState.OPEN
    connection.execute(update(rounds).where(is_open).values(state=RoundState.DRAINING))
    note(connection, "operator", "the open rounds drain")


def learn_again(connection: Connection) -> None:
    """Tries again to learn after a failure."""
    connection.execute(update(rounds).values(learning_failed_at=None))
    note(connection, "operator", "learning is tried again")


def roll_back(connection: Connection, arm: str) -> None:
    """Lets the policy before a current one play the new games of its system again.

    Args:
        connection: A connection in a transaction that writes.
        arm: The id of the current arm, so that a repeated request goes back only once.

    Raises:
        UserError: If it is not a current arm, or there was none before.
    """
    current = next((one for one in _active(connection) if str(one.id) == arm), None)
    if current is None:
        raise UserError("this policy plays no new games any more")
    of_system = select(arms).where(arms.c.system == current.system, arms.c.activated_at.is_not(None))
    before = connection.execute(
        of_system.where(arms.c.id != current.id).order_by(arms.c.activated_at.desc()).limit(1)
    ).one_or_none()
    if before is None:
        raise UserError(f"{current.system} has had no other policy")
    gone = {"activated_at": None, "withdrawn_at": time.time()}
    connection.execute(update(arms).where(arms.c.id == current.id).values(gone))
    connection.execute(update(arms).where(arms.c.id == before.id).values(withdrawn_at=None))
    note(connection, "operator", f"{current.system} is played by {before.policy} again ({before.fingerprint})")


def _active(connection: Connection) -> list[Row[Any]]:
    """Returns the arms that play new games."""
    return list(connection.execute(select(arms).where(arms.c.activated_at.is_not(None), arms.c.withdrawn_at.is_(None))))


def played_games(connection: Connection, round: int, system: str) -> list[LiveGame]:
    """Returns the games that a system finished in a round, in the order of their contexts."""
    chosen = named_games().where(places.c.round == round, places.c.system == system, games.c.state.in_(PLAYED))
    return list(load(connection, connection.execute(chosen.order_by(games.c.context))).values())


TIMES = ("game_id", "turn", "said_at", "answered_at", "policy", "finished", "learned")


def times_of(games: Iterable[LiveGame]) -> str:
    """Returns the times of each utterance and answer, as CSV.

    For each game it has the policy, the number of its system's games before its start, and how many of those the policy
    had learned from: the difference is the policy's age.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(TIMES)
    for live in games:
        row = live.row
        for turn in live.said:
            times = f"{turn.said_at:.3f}", f"{turn.answered_at:.3f}"
            writer.writerow([row.public_id, turn.turn, *times, row.fingerprint, row.finished, row.learned])
    return file.getvalue()
