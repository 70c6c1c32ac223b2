"""Plays many games at once: one batch of views a turn, whatever the number of games.

What happens in a game follows from its own seed: that of the games, and its number among them. So the games of a round
may be played in any order and in parts, on one machine or on several. A listener draws the chance of each decision from
the generator of that game. What is left is rounding: the last bits of a model's numbers may depend on who else is in
its batch. A listener that sees to it itself, as the small one does, plays any number of games together. All others play
them in blocks, which are the same however the games are divided: a block goes to one worker as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any

import numpy as np

from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.agents.workers import Tell, Workers, summed
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.game import Game
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener, decided
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet

BLOCK = 128
"""Games that are played together by a listener that does not say how many."""


class Stream(IntEnum):
    """The streams of chance of a game."""

    CONTEXT = 0
    SPEAKER = 1
    LISTENER = 2


def chance(seed: np.random.SeedSequence, game: int, stream: Stream) -> np.random.Generator:
    """Returns a stream of a game.

    Args:
        seed: That of all the games.
        game: The number of the game among them.
        stream: Which.
    """
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, game, stream)))


def new_games(
    tangrams: TangramSet,
    numbers: Iterable[int],
    make_speaker: Callable[[], Speaker],
    seed: np.random.SeedSequence,
    *,
    name: str = "game",
    similarity: float = 0.0,
) -> list[Episode]:
    """Starts games, each with a context, a speaker and chance of its own.

    Args:
        tangrams: Where their tangrams come from.
        numbers: Which of the games that have this seed.
        make_speaker: Makes the speaker of one game.
        seed: That of all the games.
        name: What the games are called, before their numbers.
        similarity: How alike the tangrams of a context are; see `Contexts`.

    Raises:
        TangramError: If such contexts cannot be drawn.
        UserError: As `multiref_gym.speaker.opened` does.
    """
    contexts, numbers = shared_contexts(tangrams, similarity), list(numbers)

    def chances(stream: Stream) -> list[np.random.Generator]:
        return [chance(seed, number, stream) for number in numbers]

    games = [Game(contexts.draw(rng)) for rng in chances(Stream.CONTEXT)]
    speakers = [make_speaker() for _ in games]
    names = [f"{name}-{number:04d}" for number in numbers]
    return Episode.begun(games, speakers, chances(Stream.SPEAKER), chances(Stream.LISTENER), names)


def block_of(listener: Any) -> int | None:
    """Returns how many games are played together: what the listener, or its class, says as `block`, or else `BLOCK`.

    None is any number: what it does in a game does not depend on the others.
    """
    block: int | None = getattr(listener, "block", BLOCK)
    return block


def play(
    listener: Listener,
    games: Sequence[Episode],
    *,
    policy: str = "",
    round: int = 0,
    on_turn: Callable[[int], None] = lambda games_over: None,
) -> list[Interaction]:
    """Plays all games to their end, block after block.

    Args:
        listener: Acts in all of them.
        games: The games, in any state.
        policy: What the listener's policy is called in the records.
        round: The round of deployment.
        on_turn: Called after each turn of a block with the number of games that are over.

    Returns:
        The interactions, in the order of the games.

    Raises:
        UserError: As `multiref_gym.listener.decided` does, before the turn is taken in any game; or if a speaker fails.
    """
    size = block_of(listener) or len(games) or 1
    for start in range(0, len(games), size):
        block = games[start : start + size]
        running = [game for game in block if not game.game.over]
        while running:
            decisions = decided(listener, [game.view for game in running], [game.listener_rng for game in running])
            for game, decision in zip(running, decisions, strict=True):
                if decision.action is None and decision.reason:
                    game.misread[game.game.turn] = (decision.text, decision.reason)
            actions, log_probs = zip(*((decision.action, decision.log_prob) for decision in decisions), strict=True)
            Episode.take_all(running, actions, log_probs)
            running = [game for game in running if not game.game.over]
            on_turn(start + len(block) - len(running))
    return [game.interaction(policy, round) for game in games]


class Player:
    """Plays parts of many games: what a worker makes once.

    Args:
        start: Starts the games of some `numbers`; see `new_games`.
        load: Returns who listens, given the games if it is an oracle that asks their speakers.
        policy: What its policy is called in the records.
        round: The round of deployment.

    Attributes:
        listener: Who listens, None before the first part.
        speaker: Who spoke in the first game of the last part.
    """

    def __init__(
        self,
        start: Callable[..., list[Episode]],
        load: Callable[[Sequence[Episode]], Listener],
        policy: str,
        round: int = 0,
    ) -> None:
        self._start, self._load, self._policy, self._round = start, load, policy, round
        self.listener: Listener | None = None
        self.speaker: Speaker | None = None

    def __call__(self, numbers: range, tell: Tell) -> list[Interaction]:
        """Returns the games of these numbers, played to their end; tells how many are over."""
        games = self._start(numbers=numbers)
        self.speaker = games[0].speaker
        if self.listener is None or isinstance(self.listener, OracleListener):
            self.listener = self._load(games)
        return play(self.listener, games, policy=self._policy, round=self._round, on_turn=tell)


def play_divided(
    workers: Workers,
    make: Callable[[], Player],
    numbers: range,
    block: int | None,
    on_turn: Callable[[int], None] = lambda games_over: None,
) -> list[Interaction]:
    """Has workers play games, and returns them in order; they are the same however they are divided.

    Args:
        workers: Who plays.
        make: Makes what plays; sent to each worker.
        numbers: Which games.
        block: How many are played together; see `block_of`.
        on_turn: Called with the number of games that are over.

    Raises:
        UserError: As `play` and the workers do.
    """
    parts = workers.divided(numbers, block)
    return list(chain.from_iterable(workers.run(make, parts, summed(on_turn, len(parts)))))
