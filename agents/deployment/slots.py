"""Places for games: in a round each system plays each context once, and chance decides who meets which system.

A person who comes is shown a context. Only with their first action or utterance a system is chosen: among those that
have not played this context yet, the one with the fewest games. So merely looking takes no place, and all systems have
equally many games when a round is full. Before that, they differ by at most one game, once the people who are looking
have begun. A game that was left frees its place, to be played again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select, update

from multiref_gym.agents.deployment.tables import State, games, insert_new, slots

LOOKED_AT = 600.0
"""Seconds for which a context shown to one person is kept from others, if there is another context for them."""

_FREE = slots.c.game_id.is_(None)


@dataclass(frozen=True, slots=True)
class Plan:
    """The games of a round.

    Attributes:
        systems: The systems that play.
        contexts: The number of contexts for each of them; None for no end.
        seed: Seeds the order of the systems.
    """

    systems: Sequence[str]
    contexts: int | None
    seed: int

    def order(self, round: int, context: int) -> list[str]:
        """Returns the systems in their order of preference for a context."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(round + 1, context)))
        return [self.systems[i] for i in rng.permutation(len(self.systems)).tolist()]


def shown(connection: Connection, plan: Plan, round: int, person: int, now: float) -> int | None:
    """Returns the number of a context for a person, who should not have played it; None if there is none.

    If only one system has not played a context yet, the person will meet that system. Such a context is only shown if
    this system has the fewest games, including those promised to it in this way, or if there is no other context.
    """
    in_round = games.c.round == round
    free: dict[int, list[str]] = {}
    for context, system in connection.execute(
        select(slots.c.context, slots.c.system).where(slots.c.round == round, _FREE).order_by(slots.c.context)
    ):
        free.setdefault(context, []).append(system)
    drafts = (
        select(games.c.context, func.count())
        .where(in_round, games.c.state == State.DRAFT, games.c.drafted_at > now - LOOKED_AT)
        .group_by(games.c.context)
    )
    looked_at: dict[int, int] = dict(map(tuple, connection.execute(drafts)))
    own = (games.c.speaker_id == person) | (games.c.listener_id == person)
    played = set(connection.scalars(select(games.c.context).where(in_round, own, games.c.state != State.DRAFT)))

    had = Counter(dict.fromkeys(plan.systems, 0)) + Counter(_taken(connection, round))
    promised = Counter(free[context][0] for context in looked_at if len(free.get(context, [])) == 1)
    fewest = min(had[system] + promised[system] for system in plan.systems)
    unseen = [context for context in free if context not in played]
    left = [context for context in unseen if len(free[context]) > looked_at.get(context, 0)]
    for context in left:
        if len(free[context]) > 1 or had[free[context][0]] + promised[free[context][0]] == fewest:
            return context
    made = connection.scalar(select(func.max(slots.c.context)).where(slots.c.round == round))
    next_one = 0 if made is None else made + 1
    if plan.contexts is None or next_one < plan.contexts:
        new = [{"round": round, "context": next_one, "system": system, "attempt": 0} for system in plan.systems]
        insert_new(connection, slots, new)
        return int(next_one)
    return left[0] if left else min(unseen or free, key=lambda one: (looked_at.get(one, 0), one), default=None)


def take(connection: Connection, plan: Plan, round: int, context: int, game: int) -> str | None:
    """Takes a place for a game, and returns the system that plays it; None if the context has no free place."""
    taken = _taken(connection, round)
    order = plan.order(round, context)
    free = connection.execute(
        select(slots.c.id, slots.c.system).where(slots.c.round == round, slots.c.context == context, _FREE)
    ).all()
    for place in sorted(free, key=lambda place: (taken.get(place.system, 0), order.index(place.system))):
        mine = update(slots).where(slots.c.id == place.id, _FREE).values(game_id=game)
        if connection.execute(mine).rowcount:
            return str(place.system)
    return None


def _taken(connection: Connection, round: int) -> dict[str, int]:
    counted = select(slots.c.system, func.count()).where(slots.c.round == round, ~_FREE).group_by(slots.c.system)
    return dict(map(tuple, connection.execute(counted)))


def give_back(connection: Connection, of: Sequence[int]) -> None:
    """Frees the places of games, to be played again."""
    if of:
        again = {"game_id": None, "attempt": slots.c.attempt + 1}
        connection.execute(update(slots).where(slots.c.game_id.in_(of)).values(again))


def is_full(connection: Connection, plan: Plan, round: int) -> bool:
    """Whether all places of a round are taken."""
    if plan.contexts is None:
        return False
    return taken_of(connection, round) == plan.contexts * len(plan.systems)


def taken_of(connection: Connection, round: int) -> int:
    """Returns the number of taken places of a round."""
    return connection.scalar(select(func.count()).where(slots.c.round == round, ~_FREE)) or 0
