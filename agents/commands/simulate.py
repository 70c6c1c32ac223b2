"""Plays games between a simulated speaker and a listener, and writes them as JSON Lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from multiref_gym.agents.commands.options import PricedListenerOptions, SpeakerOptions, told_usage
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import AnyFile, Count, ForceOption, Natural, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.files import whole
from multiref_gym.formats import holds_games, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.tangrams.tangram_set import SplitName


@dataclass(frozen=True, kw_only=True)
class Simulate(TangramOptions, SpeakerOptions, PricedListenerOptions, ForceOption):
    """Plays games between a simulated speaker and a listener, and writes them as JSON Lines.

    Attributes:
        games: How many.
        out: The file to write them to.
        seed: Seeds all chance.
    """

    games: Count
    out: AnyFile
    split: SplitName = "train"
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Plays the games and writes them, all or none, and tells what the listener used, if it says so.

        Raises:
            UserError: If the listener or the speaker cannot be had, or a file is there that is not to be replaced.
        """
        self.check_replaced(self.out, "games as JSON Lines", partial(holds_games, format="jsonl"))
        tangrams = self.chosen_tangrams()
        seed, name = np.random.SeedSequence(self.seed), f"{self.listener}-0"
        make_speaker = self.chosen_speaker(tangrams)
        on_game = partial(screen.report, "new games", total=self.games)
        games = new_games(tangrams, range(self.games), make_speaker, seed, name=name, on_game=on_game)
        listener = self.chosen_listener(tangrams, games)
        on_turn = partial(screen.report, "games", total=self.games)
        interactions = play(listener, games, policy=self.listener, on_turn=on_turn)
        with whole(self.out, self.force) as unfinished:
            write_games("jsonl", unfinished, map(LoggedGame, interactions))
        won = sum(interaction.success for interaction in interactions)
        turns = sum(len(interaction.turns) for interaction in interactions)
        screen.say(f"{won / self.games:.1%} won, {turns / self.games:.1f} turns a game, in {self.out}")
        if usage := told_usage(getattr(listener, "usage", None)):
            screen.say(", ".join(f"{name}: {value}" for name, value in usage.items()))
