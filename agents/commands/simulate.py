"""Plays games between a simulated speaker and a listener, and writes them as JSON Lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from multiref_gym.agents.commands.options import PartsOptions, PricedListenerOptions, SpeakerOptions, told_usage
from multiref_gym.agents.play import Player, block_of, new_games, play_divided
from multiref_gym.commands.options import AnyFile, ForceOption, Natural, Numbers, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import whole
from multiref_gym.formats import holds_games, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.registry import LISTENERS, resolve
from multiref_gym.tangrams.tangram_set import SplitName


@dataclass(frozen=True, kw_only=True)
class Simulate(TangramOptions, SpeakerOptions, PricedListenerOptions, PartsOptions, ForceOption):
    """Plays games between a simulated speaker and a listener, and writes them as JSON Lines.

    Attributes:
        games: How many; or FIRST:LAST, of a run's games only those from number FIRST on and before LAST, so that
            several commands can share a run, and `multiref import` can join what they write.
        out: The file to write them to.
        seed: Seeds all chance.
    """

    games: Numbers
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
        start = partial(
            new_games,
            tangrams,
            make_speaker=self.chosen_speaker(tangrams),
            seed=np.random.SeedSequence(self.seed),
            name=f"{self.listener}-0",
        )
        load = self.listener_of(tangrams)
        players: list[Player] = []  # of this process: who it was says what it used

        def make() -> Player:
            players.append(Player(start, load, self.listener))
            return players[-1]

        on_turn = partial(screen.report, "games", total=len(self.games))
        block = block_of(resolve("listener", LISTENERS, self.listener))
        if self.games.start % (block or 1):
            raise UserError(
                f"--games: {self.listener} plays blocks of {block} games, so FIRST must be a multiple of that"
            )
        with self.chosen_workers(self.listener) as workers:
            interactions = play_divided(workers, make, self.games, block, on_turn)
        with whole(self.out, self.force) as unfinished:
            write_games("jsonl", unfinished, map(LoggedGame, interactions))
        won = sum(interaction.success for interaction in interactions)
        turns = sum(len(interaction.turns) for interaction in interactions)
        screen.say(f"{won / len(self.games):.1%} won, {turns / len(self.games):.1f} turns a game, in {self.out}")
        if usage := told_usage(getattr(players and players[0].listener, "usage", None)):
            screen.say(", ".join(f"{name}: {value}" for name, value in usage.items()))
