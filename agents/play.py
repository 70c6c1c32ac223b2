"""Plays many games at once, with one batch of views a turn.

A game depends only on the seed of the games and on its number among them. So the games of a round may be played in any
order and in parts, on one machine or on several. For each decision, a listener draws random numbers from the generator
of that game. Only rounding remains: the last bits of a model's numbers may depend on the rest of its batch. A listener
that takes care of this itself, as the small one does, plays any number of games together. All others play them in
blocks, which do not depend on the division: each block goes to one worker as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any

import numpy as np

from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.agents.workers import Report, Workers, summed
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.game import Game
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener, decided
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet

BLOCK = 128
"""The number of games in a block, for a listener that does not choose one."""


class Stream(IntEnum):
    """The streams of random numbers of a game."""

    CONTEXT = 0
    SPEAKER = 1
    LISTENER = 2


def chance(seed: np.random.SeedSequence, game: int, stream: Stream) -> np.random.Generator:
    """Returns the random generator of a game for a stream.

    Args:
        seed: The seed of all the games.
        game: The number of the game among them.
        stream: The stream.
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
    """Starts games, each with its own context, speaker and random generators.

    Args:
        tangrams: The set of the games' tangrams.
        numbers: The numbers of the games, among all games with this seed.
        make_speaker: Makes the speaker of one game.
        seed: The seed of all the games.
        name: The beginning of the games' ids, before their numbers.
        similarity: How similar the tangrams of a context are; see `Contexts`.

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
    """Returns the number of games that are played together: the listener's, or its class's, `block`, or else `BLOCK`.

    None means any number: the listener's actions in a game do not depend on the other games.
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
        listener: Acts in all games.
        games: The games, in any state.
        policy: The name of the listener's policy in the records.
        round: The round of deployment.
        on_turn: Called after each turn of a block with the number of finished games.

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
    """Plays parts of many games; a worker makes it once.

    Args:
        start: Starts the games with some `numbers`; see `new_games`.
        load: Returns the listener; it is called with the games, because an oracle asks their speakers.
        policy: The name of the listener's policy in the records.
        round: The round of deployment.

    Attributes:
        listener: The listener, None before the first part.
        speaker: The speaker of the first game of the last part.
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

    def __call__(self, numbers: range, report: Report) -> list[Interaction]:
        """Returns the games of these numbers, played to their end; reports the number of finished games."""
        games = self._start(numbers=numbers)
        self.speaker = games[0].speaker
        if self.listener is None or isinstance(self.listener, OracleListener):
            self.listener = self._load(games)
        return play(self.listener, games, policy=self._policy, round=self._round, on_turn=report)


def play_divided(
    workers: Workers,
    make: Callable[[], Player],
    numbers: range,
    block: int | None,
    on_turn: Callable[[int], None] = lambda games_over: None,
) -> list[Interaction]:
    """Has workers play games, and returns the games in order; they do not depend on the division.

    Args:
        workers: The workers.
        make: Makes a player; it is sent to each worker.
        numbers: The numbers of the games.
        block: The number of games that are played together; see `block_of`.
        on_turn: Called with the number of finished games.

    Raises:
        UserError: As `play` and the workers do.
    """
    parts = workers.divided(numbers, block)
    return list(chain.from_iterable(workers.run(make, parts, summed(on_turn, len(parts)))))
