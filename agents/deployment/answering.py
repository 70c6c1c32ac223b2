"""A thread that writes people's turns to the database and lets listeners answer them, all waiting ones in one batch.

Each pass is one transaction: it writes the last pass's decisions and the turns that arrived meanwhile. People get an
answer only after it, so everything that was acknowledged is on the disk. Turns that a killed process left unanswered
are answered once, with the same random numbers, by the next process or by another one that is asked for them.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from sqlalchemy import Row, select

from multiref_gym.agents.deployment.events import note, placed
from multiref_gym.agents.deployment.games import Games, Outcome, Received, Sent
from multiref_gym.agents.deployment.live_game import LiveGame, by_public_ids, unanswered
from multiref_gym.agents.deployment.policies import Policies
from multiref_gym.agents.deployment.tables import State, arms
from multiref_gym.agents.learning.respect import round_seed
from multiref_gym.agents.play import Stream
from multiref_gym.commands.screen import printable
from multiref_gym.database import Database, StoreError
from multiref_gym.listener import Decision, decided, recorded_log_prob

TRIES = 3
"""The most attempts at an answer before a listener counts as failed."""
PAUSE = 0.5
"""Seconds between the attempts."""
MOST = 96
"""The most answers in one batch."""
SLOW = 0.9
"""The share of a listener's answers that are at least as fast as its stated time."""
LOOK_EVERY = 0.02
"""Seconds between looks at the writes of other processes."""
LEFT_AFTER = 30.0
"""Seconds after which an unanswered turn counts as left behind by another process."""


_Decided = tuple[LiveGame, Decision | None]


@dataclass(eq=False)
class _Waiting:
    sent: Sent
    outcome: Future[Received]


class Answering:
    """Receives turns, and has them answered.

    Args:
        database: The database of the deployment.
        games: The rules.
        policies: The listeners.
        answers: Whether listeners answer in this process. If not, it writes the turns, and another process answers
            them.
        shared: Whether there are such other processes.

    Attributes:
        on_failure: Called if it cannot continue, because of a defect of the program.
        failure: The error.
    """

    def __init__(
        self, database: Database, games: Games, policies: Policies, *, answers: bool = True, shared: bool = False
    ) -> None:
        self._database, self._games, self._policies = database, games, policies
        self._answers, self._shared, self._looked = answers, shared, 0.0
        self._sent: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._asked: dict[str, LiveGame] = {}  # games waiting for an answer, by public id
        self._waiting: defaultdict[str, list[_Waiting]] = defaultdict(list)  # people waiting, by public id
        self._took: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=20))
        self._thread = Thread(target=self._run_or_fail, name="answering", daemon=True)
        self.on_failure: Callable[[], None] = lambda: None
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begins to work, starting with turns that another process left unanswered."""
        self._thread.start()

    def stop(self) -> None:
        """Ends when all received turns are answered."""
        self._sent.put(None)
        if self._thread.ident is not None:  # it was started
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether it is working."""
        return self._thread.is_alive()

    def send(self, sent: Sent) -> Future[Received]:
        """Receives a turn. The outcome is known when it is answered, if a model answers it."""
        waiting = _Waiting(sent, Future())
        self._sent.put(waiting)
        return waiting.outcome

    def _run_or_fail(self) -> None:
        try:
            self._run()
        except Exception as error:  # the process ends; a restart loses nothing
            self.failure = error
            self.on_failure()

    def _run(self) -> None:
        more, decisions = True, list[_Decided]()
        while more or decisions:
            slowest = self._slowest
            due = [live.pending.said_at + slowest - time.time() for live, _ in decisions if live.pending]
            new, more = self._new(more, 0.0 if self._asked else min([*due, self._look_every]))
            ready = [decided for decided, left in zip(decisions, due, strict=True) if left <= 0.0]
            if new or ready:
                self._write(ready, new)
            decisions = [decided for decided, left in zip(decisions, due, strict=True) if left > 0.0]
            try:
                if self._answers:
                    self._look_for_unanswered({live.row.public_id for live, _ in decisions})
                    decisions += self._decide()
                else:
                    self._look_for_answered()
            except StoreError as error:  # unanswered turns are looked up again
                sys.stderr.write(printable(f"multiref: {error}") + "\n")
                time.sleep(PAUSE)
        self._look_for_answered(even_if_not=True)

    @property
    def _look_every(self) -> float:
        return LOOK_EVERY if self._shared else 1.0

    @property
    def _slowest(self) -> float:
        """The slowest listener's seconds for an answer, if there are several: their speed must not give them away."""
        took = [float(np.quantile(times, SLOW)) for times in self._took.values()]
        return max(took) if len(took) > 1 else 0.0

    def _new(self, more: bool, wait: float) -> tuple[list[_Waiting], bool]:
        """Returns the turns that arrive within these seconds, and whether more may come."""
        new = list[_Waiting]()
        if not more:
            time.sleep(max(0.0, wait))
        with suppress(Empty):
            while more:
                one = self._sent.get(block=wait > 0.0 and not new, timeout=wait)
                more = one is not None
                new += [one] if one else []
        return new, more

    def _tell_all(self, live: LiveGame) -> None:
        for waiting in self._waiting.pop(live.row.public_id, []):
            _tell(waiting, Received(Outcome.ACCEPTED, live))

    def _look_for_unanswered(self, decided: Collection[str]) -> None:
        """Finds the turns that other processes write or, if there are none, those that a killed process left.

        Args:
            decided: Games whose answer is already decided.
        """
        first, now = not self._looked, time.monotonic()
        if first or now - self._looked > (LOOK_EVERY if self._shared else LEFT_AFTER):
            self._looked = now
            with self._database.transaction() as connection:
                found = unanswered(connection, time.time() - (0.0 if first or self._shared else LEFT_AFTER))
            new = [live for live in found.values() if live.row.public_id not in decided]
            self._asked |= {live.row.public_id: live for live in new}

    def _look_for_answered(self, *, even_if_not: bool = False) -> None:
        """Finds the answers of another process, and passes them to the people who wait for them.

        Args:
            even_if_not: Whether people get the state of their games even if there is no answer; their turns are stored.
        """
        if self._waiting:
            with self._database.transaction() as connection:
                for live in by_public_ids(connection, list(self._waiting)):
                    if even_if_not or live.pending is None or live.state is not State.OPEN:
                        self._tell_all(live)

    def _write(self, decisions: Sequence[_Decided], new: Sequence[_Waiting]) -> None:
        """Writes decisions and new turns, then passes them to the people who wait for them."""
        now = time.time()
        try:
            with self._database.transaction(write=True) as connection:
                for live, decision in decisions:
                    if decision is None:
                        self._games.end(connection, [live.row.id], State.FAILED, now)
                        live.state = State.FAILED
                    else:
                        log_prob = recorded_log_prob(decision.log_prob)
                        if not self._games.answer(connection, live, decision.action, log_prob, now):
                            live.state = State.ABANDONED  # a player has left it meanwhile
                received = self._games.receive(connection, [waiting.sent for waiting in new], now)
        except StoreError as error:  # senders try again; stored turns are answered later
            for waiting in new:
                if waiting.outcome.set_running_or_notify_cancel():
                    waiting.outcome.set_exception(error)
            return
        for live, _ in decisions:
            self._tell_all(live)
        for waiting, one in zip(new, received, strict=True):
            sent_in, taken = one.game, one.outcome in (Outcome.ACCEPTED, Outcome.REPEATED)
            waits = taken and sent_in is not None and sent_in.pending is not None and sent_in.state is State.OPEN
            if sent_in is None or not waits or self._games.deployment.role != "speaker":
                _tell(waiting, one)
                continue
            self._waiting[sent_in.row.public_id].append(waiting)
            if one.outcome is Outcome.ACCEPTED and self._answers:
                self._asked[sent_in.row.public_id] = sent_in

    def _decide(self) -> list[_Decided]:
        """Has the games answered that have waited longest, and returns the decisions; None for failures."""
        chosen = [self._asked.pop(game) for game in list(self._asked)[:MOST]]
        of_arm = defaultdict[int, list[LiveGame]](list)
        for live in chosen:
            of_arm[live.arm].append(live)
        return [decided for arm, asked in of_arm.items() for decided in self._decided(arm, asked)]

    def _decided(self, arm: int, asked: Sequence[LiveGame]) -> list[_Decided]:
        with self._database.transaction() as connection:
            row = connection.execute(select(arms).where(arms.c.id == arm)).one()
        for tried in range(TRIES):
            try:
                return self._act(row, asked)
            except Exception as error:  # whatever the failure, the waiting person gets an answer, and nothing is lost
                self._note_failure(row, error)
                time.sleep(PAUSE * (tried + 1 < TRIES))
        if len(asked) == 1:
            return [(asked[0], None)]
        return [decided for live in asked for decided in self._alone(row, live)]

    def _alone(self, arm: Row[Any], live: LiveGame) -> list[_Decided]:
        """Has a single game answered, because a model may fail because of one game only."""
        try:
            return self._act(arm, [live])
        except Exception as error:
            self._note_failure(arm, error)
            return [(live, None)]

    def _act(self, arm: Row[Any], asked: Sequence[LiveGame]) -> list[_Decided]:
        listener = self._policies.get(arm)
        began = time.perf_counter()
        decisions = decided(listener, [live.view for live in asked], [self._chance(live) for live in asked])
        self._took[arm.system].append(time.perf_counter() - began)
        return list(zip(asked, decisions, strict=True))

    def _chance(self, live: LiveGame) -> np.random.Generator:
        """Returns the random generator of a turn, the same in any process."""
        row = live.row
        seed = round_seed(self._games.deployment.seed, row.round)
        key = *seed.spawn_key, row.context, Stream.LISTENER, len(live.turns)
        return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=key))

    def _note_failure(self, arm: Row[Any], error: Exception) -> None:
        with self._database.transaction(write=True) as connection:
            note(connection, "model failed", f"{arm.system}: {placed(error)}")


def _tell(waiting: _Waiting, received: Received) -> None:
    """Passes the outcome of a turn to the person who waits for it, unless they have gone."""
    if waiting.outcome.set_running_or_notify_cancel():
        waiting.outcome.set_result(received)
