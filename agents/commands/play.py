"""Plays one game in the terminal: a person is the listener or the speaker, and the program is the other one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from multiref_gym.agents.commands.options import ListenerOptions, SpeakerOptions
from multiref_gym.agents.commands.terminal import Left, Terminal, TypingSpeaker
from multiref_gym.agents.play import play
from multiref_gym.commands.options import AnyFile, Natural, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.formats import read_games, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Game
from multiref_gym.tangrams.tangram_set import SplitName


@dataclass(frozen=True, kw_only=True)
class Play(TangramOptions, SpeakerOptions, ListenerOptions):
    """Plays one game in the terminal: a person is the listener or the speaker, and the program is the other one.

    Attributes:
        role: Your role.
        seed: The seed of the game, to play it again; without it, each game is new.
        out: A file of games as JSON Lines, to which the game is added.
    """

    role: Annotated[Literal["listener", "speaker"], Parameter(name="--as")] = "listener"
    split: SplitName = "train"
    seed: Natural | None = None
    out: AnyFile | None = None

    def run(self, screen: Screen) -> None:
        """Plays a game, and saves it even if it ends early: the person leaves, or the listener fails.

        Raises:
            UserError: If the listener or the speaker cannot be made, or a model is named although the person listens.
        """
        if self.role == "listener" and (self.model or self.endpoint or self.shown):
            raise UserError("--model, --endpoint and --shown are for a listener to speak to: add --as speaker")
        tangrams = self.chosen_tangrams()
        self._earlier()  # report a bad file now rather than after the game
        for_context, for_speaker, for_listener = np.random.SeedSequence(self.seed).spawn(3)
        rng = np.random.default_rng(for_context)
        context = shared_contexts(tangrams).draw(rng)
        terminal = Terminal(screen.console, tangrams, self.role)

        game, game_id, rng = Game(context), uuid.uuid4().hex, np.random.default_rng(for_speaker)
        episode = None
        terminal.show_rules(game)
        try:
            if self.role == "listener":
                episode = Episode(game, self.chosen_speaker(tangrams)(), rng, game_id=game_id)
                while not game.over:
                    episode.take(
                        terminal.ask_for_action(game, episode.view)
                    )  # what a person does has no known probability
            else:
                listener = self.chosen_listener(tangrams)
                episode = Episode(game, TypingSpeaker(terminal), rng, np.random.default_rng(for_listener), game_id)
                play(listener, [episode])
            terminal.show_end(episode)
        except Left:
            terminal.say("You left the game.", "dim")
        finally:
            if self.out and episode and episode.dialogue:
                policy = "person" if self.role == "listener" else self.listener
                played = LoggedGame(episode.interaction(policy), abandoned=not game.over)
                games = [*self._earlier(), played]
                write_games("jsonl", self.out.resolve(), games)
                terminal.say(f"The game is the last of {len(games)} in {self.out}.", "dim")

    def _earlier(self) -> list[LoggedGame]:
        """Returns the games in the file; other programs may have added some since this game began."""
        if self.out and self.out.exists() and self.out.stat().st_size:
            return read_games(self.out, "jsonl")[0]
        return []
