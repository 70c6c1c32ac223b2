"""Plays one game in the terminal: a person is the listener or the speaker, the program is the other one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from multiref_gym.agents.commands.options import ListenerOptions, SpeakerOptions
from multiref_gym.agents.play import play
from multiref_gym.answers import read_answer
from multiref_gym.commands.options import AnyFile, Natural, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.formats import read_games, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import LETTERS, Action, Game, InvalidAction, check_action
from multiref_gym.listener import View
from multiref_gym.tangrams import Atlas, TangramSet
from multiref_gym.tangrams.tangram_set import SplitName
from multiref_gym.utterance import checked

QUIT = ("q", "quit")
COLUMNS = 5
FRAME = 2  # Characters, on both sides of a picture together.
WIDEST_PICTURE = 28  # Characters.

# A character for each way to fill its quarters: 1 is the upper left, 2 the upper right, 4 the lower left, 8 the rest.
QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"


@dataclass(frozen=True, kw_only=True)
class Play(TangramOptions, SpeakerOptions, ListenerOptions):
    """Plays one game in the terminal: a person is the listener or the speaker, the program is the other one.

    Attributes:
        role: Who you are.
        seed: Plays the same game again; without it, it is another game each time.
        out: Adds the game to the games of this file, as JSON Lines.
    """

    role: Annotated[Literal["listener", "speaker"], Parameter(name="--as")] = "listener"
    split: SplitName = "train"
    seed: Natural | None = None
    out: AnyFile | None = None

    def run(self, screen: Screen) -> None:
        """Plays a game, and saves it even if it ends early: the person leaves, or the listener fails.

        Raises:
            UserError: If the listener or the speaker cannot be had, or a model is named where the person listens.
        """
        if self.role == "listener" and (self.model or self.endpoint or self.shown):
            raise UserError("--model, --endpoint and --shown are for a listener to speak to: add --as speaker")
        tangrams = self.chosen_tangrams()
        self._earlier()  # better refused now than after the game
        for_context, for_speaker, for_listener = np.random.SeedSequence(self.seed).spawn(3)
        rng = np.random.default_rng(for_context)
        context = shared_contexts(tangrams).draw(rng)
        terminal = Terminal(screen.console, tangrams)
        terminal.say(f"You are the {self.role}; {QUIT[0]} quits.", "dim")

        game, game_id, rng = Game(context), uuid.uuid4().hex, np.random.default_rng(for_speaker)
        episode = None
        try:
            if self.role == "listener":
                episode = Episode(game, self.chosen_speaker(tangrams)(), rng, game_id=game_id)
                while not game.over:
                    episode.take(terminal.ask_for_action(episode.view))  # what a person does has no known probability
            else:
                listener = self.chosen_listener(tangrams)
                episode = Episode(game, TypingSpeaker(terminal), rng, np.random.default_rng(for_listener), game_id)
                play(listener, [episode])
            terminal.show_end(episode, self.role)
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
        """Returns the games of the file, to which others may have been added since this one began."""
        if self.out and self.out.exists() and self.out.stat().st_size:
            return read_games(self.out, "jsonl")[0]
        return []


class Left(Exception):
    """The person does not want to go on."""


class Terminal:
    """What the person sees and types.

    Args:
        console: Where to write.
        tangrams: Where the tangrams come from.
    """

    def __init__(self, console: Console, tangrams: TangramSet) -> None:
        self._console = console
        self._width = max(8, min(WIDEST_PICTURE, console.width // COLUMNS - FRAME)) // 2 * 2
        self._atlas = Atlas(tangrams, 2 * self._width)

    def say(self, text: str, style: str = "", who: str = "") -> None:
        """Writes a line, and in front of it who says it."""
        line = " ".join(text.splitlines())
        self._console.print(Text(f"{who}: ", "bold") if who else "", Text(line, style), sep="")

    def ask(self) -> str:
        """Returns what the person types.

        Raises:
            Left: If that is a wish to quit, the input has ended, or Ctrl-C was pressed.
        """
        try:
            answer = self._console.input(Text("you: ", "bold")).strip()
        except (EOFError, KeyboardInterrupt) as error:
            raise Left from error
        if answer.lower() in QUIT:
            raise Left
        return answer

    def ask_for_action(self, view: View) -> Action:
        """Shows what a listener sees, and asks for an action until it is one."""
        size = len(view.tangrams)
        self._show(view.tangrams, LETTERS[:size], {view.tangrams[i] for i in view.selected})
        self.say(view.utterance, who="speaker")
        while True:
            try:
                action = read_answer(self.ask(), size)
                check_action(action, view.selected, size)
            except InvalidAction as error:
                self.say(str(error), "yellow")
            else:
                return action

    def ask_for_utterance(self, game: Game) -> str:
        """Shows what a speaker sees, and asks for an utterance until something is said."""
        self.show_game(game, "speaker")
        while True:
            try:
                if utterance := checked(self.ask()):
                    return utterance
            except UserError as error:
                self.say(str(error), "yellow")
            else:
                self.say("say something that helps the listener to find the targets", "yellow")

    def show_game(self, game: Game, role: str) -> None:
        """Shows the game with its targets: in the listener's order with letters, or in the speaker's with numbers."""
        order = game.context.listener_order if role == "listener" else game.context.speaker_order
        names = LETTERS[: len(order)] if role == "listener" else [str(i) for i in range(1, len(order) + 1)]
        self._show(order, names, {game.context.listener_order[i] for i in game.selected}, game.context.targets)

    def show_end(self, episode: Episode, role: str) -> None:
        """Shows how the game ended."""
        game = episode.game
        self.show_game(game, role)
        if episode.utterance:
            self.say(episode.utterance, who="speaker")
        if game.success:
            self.say(f"Won in {game.turn} turns.", "bold green")
        else:
            self.say(f"Lost after {game.turn} turns.", "bold red")

    def _show(
        self,
        tangrams: Sequence[str],
        names: Sequence[str],
        selected: Collection[str],
        targets: Collection[str] = (),
    ) -> None:
        """Shows a board: names on the upper frames, and what is selected on the lower ones."""
        panels = [
            Panel(
                picture(image),
                title=f"{name} [red]◎ target[/]" if tangram in targets else name,
                subtitle="selected" if tangram in selected else None,
                border_style="bold green" if tangram in selected else "dim",
                width=self._width + FRAME,
                padding=0,
            )
            for tangram, name, image in zip(tangrams, names, self._atlas.silhouettes(tangrams), strict=True)
        ]
        grid = Grid.grid()
        for start in range(0, len(panels), COLUMNS):
            grid.add_row(*panels[start : start + COLUMNS])
        self._console.print(grid)


class TypingSpeaker:
    """A person who speaks in the terminal."""

    name = "person"

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    @property
    def wanted(self) -> Action:
        """Nobody can look into a person's head.

        Raises:
            UserError: Always.
        """
        raise UserError("what a person means is not known: no oracle can listen")

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Shows the game and returns the first utterance."""
        self._game = game
        return self._terminal.ask_for_utterance(game)

    def reply(self, action: Action | None) -> str:
        """Shows what the listener did and returns the next utterance, "" at the end of the game."""
        self._terminal.say(self._told(action or Action()), who="listener")
        return "" if self._game.over else self._terminal.ask_for_utterance(self._game)

    def _told(self, action: Action) -> str:
        """Returns the action in the speaker's numbers."""
        context = self._game.context
        halves = []
        for verb, positions in (("deselects", action.deselect), ("selects", action.select)):
            numbers = sorted(context.speaker_order.index(context.listener_order[i]) + 1 for i in positions)
            if numbers:
                halves.append(f"{verb} {', '.join(map(str, numbers))}")
        return " and ".join(halves) or "does nothing"


def picture(silhouette: np.ndarray) -> Text:
    """Draws a silhouette with characters, each of which shows 2 by 4 pixels as 2 by 2 quarters.

    Args:
        silhouette: uint8 (size, size), dark on light; `size` is a multiple of 4.

    Returns:
        Text of `size / 4` lines and `size / 2` columns, as characters are about twice as high as wide.
    """
    size = len(silhouette)
    dark = silhouette.reshape(size // 2, 2, size).mean(axis=1) < 128
    quarters = dark.reshape(size // 4, 2, size // 2, 2).transpose(0, 2, 1, 3).reshape(size // 4, size // 2, 4)
    codes = quarters @ np.array([1, 2, 4, 8])
    return Text("\n".join("".join(QUARTERS[code] for code in row) for row in codes))
