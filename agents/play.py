"""Plays many games at once: one batch of views a turn, whatever the number of games."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from multiref_gym.game import MAX_TURNS, Action, Context, Game
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import Listener, View
from multiref_gym.speaker import Speaker


class Table:
    """One game in play, with its speaker and what has been said and done.

    Args:
        context: What the game is about.
        speaker: Speaks in this game and no other.
        rng: The source of the speaker's chance.
        max_turns: The length of the game.
    """

    def __init__(self, context: Context, speaker: Speaker, rng: np.random.Generator, max_turns: int = MAX_TURNS):
        self.game = Game(context, max_turns)
        self.speaker = speaker
        self.turns: list[Turn] = []
        self.utterance = speaker.start(self.game, rng)

    @property
    def view(self) -> View:
        """What the listener knows now."""
        dialogue = tuple((turn.utterance, turn.action) for turn in self.turns)
        return View(self.game.context.listener_order, dialogue, self.utterance, self.game.selected)

    def take_turn(self, action: Action, log_prob: float | None) -> None:
        """Applies the listener's action and hears what the speaker says to it."""
        self.game.apply(action)
        self.turns.append(Turn(self.utterance, action, log_prob))
        self.utterance = self.speaker.reply(action)

    def interaction(self, game_id: str, policy: str, round: int) -> Interaction:
        """Returns the record of the game so far."""
        return Interaction(
            game_id, self.game.context, tuple(self.turns), self.speaker.name, policy, round, closing=self.utterance
        )


def set_tables(
    contexts: Sequence[Context], make_speaker: Callable[[], Speaker], seed: np.random.SeedSequence
) -> list[Table]:
    """Returns a table for each context, with a speaker and a random generator of its own."""
    children = seed.spawn(len(contexts))
    return [
        Table(context, make_speaker(), np.random.default_rng(child))
        for context, child in zip(contexts, children, strict=True)
    ]


def play(
    listener: Listener,
    tables: Sequence[Table],
    rng: np.random.Generator,
    *,
    policy: str,
    round: int = 0,
    on_turn: Callable[[int], None] = lambda games_over: None,
) -> list[Interaction]:
    """Plays all games to their end.

    Args:
        listener: Acts in all of them.
        tables: The games, in any state but over.
        rng: The source of the listener's chance.
        policy: What the listener's policy is called in the records; a game is called `policy-round-number`.
        round: The round of deployment.
        on_turn: Called after each turn of the batch with the number of games that are over.

    Returns:
        The interactions, in the order of the tables.
    """
    running = [table for table in tables if not table.game.over]
    while running:
        decisions = listener.act([table.view for table in running], rng)
        for table, decision in zip(running, decisions, strict=True):
            table.take_turn(decision.action, decision.log_prob)
        running = [table for table in running if not table.game.over]
        on_turn(len(tables) - len(running))
    return [table.interaction(f"{policy}-{round}-{i:04d}", policy, round) for i, table in enumerate(tables)]
