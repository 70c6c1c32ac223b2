"""Plays games between a simulated speaker and a listener, and writes them as JSON Lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from multiref_gym.agents.commands.options import PartsOptions, PricedListenerOptions, SpeakerOptions, usage_texts
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
        games: The number of games; or FIRST:LAST, only the games of a run from number FIRST to before LAST, so that
            several commands can share a run and `multiref import` can join their files.
        out: The file for the games.
        seed: Seeds all randomness.
        speaker_prices: For a speaker api:MODEL, the prices of a million input tokens and a million output tokens, to
            report the cost.
    """

    games: Numbers
    out: AnyFile
    split: SplitName = "train"
    seed: Natural = 0
    speaker_prices: tuple[float, float] | None = None

    def run(self, screen: Screen) -> None:
        """Plays the games and writes them, all or none; reports the usage of speaker and listener if they count it.

        Raises:
            UserError: If the listener or the speaker cannot be made, or an existing file may not be replaced.
        """
        if self.speaker_prices and self.speaker.partition(":")[0] not in ("api", "api-pictures"):
            raise UserError(f"--speaker-prices do not apply to --speaker {self.speaker}")
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
        players: list[Player] = []  # of this process; they have the usage

        def make() -> Player:
            players.append(Player(start, load, self.listener))
            return players[-1]

        on_turn = partial(screen.report, "games", total=len(self.games))
        block = block_of(resolve("listener", LISTENERS, self.listener))
        if self.games.start % (block or 1):
            raise UserError(
                f"--games: {self.listener} plays blocks of {block} games, so FIRST must be a multiple of it"
            )
        with self.chosen_workers(self.listener, speaker=self.speaker) as workers:
            interactions = play_divided(workers, make, self.games, block, on_turn)
        with whole(self.out, self.force) as unfinished:
            write_games("jsonl", unfinished, map(LoggedGame, interactions))
        won = sum(interaction.success for interaction in interactions)
        turns = sum(len(interaction.turns) for interaction in interactions)
        screen.say(f"{won / len(self.games):.1%} won, {turns / len(self.games):.1f} turns a game, in {self.out}")
        for player in players:
            self._show_usage("speaker", getattr(player.speaker, "usage", None), self.speaker_prices, screen)
            self._show_usage("listener", getattr(player.listener, "usage", None), None, screen)

    def _show_usage(
        self, who: str, usage: Mapping[str, Any] | None, prices: tuple[float, float] | None, screen: Screen
    ) -> None:
        if usage and prices:
            tokens = zip(prices, (usage["input_tokens"], usage["output_tokens"]), strict=True)
            usage = {**usage, "cost": sum(price * count for price, count in tokens) / 1e6}
        if texts := usage_texts(usage):
            screen.say(f"{who}: " + ", ".join(f"{name}: {value}" for name, value in texts.items()))
