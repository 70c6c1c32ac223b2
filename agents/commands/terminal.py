"""A game in a terminal, with a person as the listener or as the speaker."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from multiref_gym.answers import read_answer
from multiref_gym.chat import NO_CLICK
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS, TARGETS, Action, Game, InvalidAction, check_action
from multiref_gym.listener import View
from multiref_gym.tangrams import Atlas, TangramSet
from multiref_gym.utterance import checked

QUIT, HELP = ("q", "quit"), ("?", "help")
COLUMNS = 5
FRAME = 2  # characters, on both sides of a picture together
WIDEST_PICTURE = 28  # characters
SILHOUETTE_SIZE = 256

# A character for each way to fill its quarters: 1 is the upper left, 2 the upper right, 4 the lower left, 8 the rest.
QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"

RULES = {
    "listener": f"""\
You are the listener. The speaker sees the same {{size}} tangrams in another order. {{least}} to {{most}} of them are
targets, and only the speaker knows which. You win when all targets and nothing else are selected, within {{turns}}
turns. The speaker replies to each of your actions.
Type letters to click them: "A" or "B, C". A click selects a tangram, or deselects it if it is selected. "{NO_CLICK}"
leaves everything as it is. {HELP[0]} shows this again, {QUIT[0]} quits.""",
    "speaker": f"""\
You are the speaker. {{targets}} of the {{size}} tangrams are targets, marked "target". The listener sees the tangrams
in another order and does not know the targets. Describe them, one or a few at a time, and tell the listener when it is
wrong. You win when all targets and nothing else are selected, within {{turns}} turns.
Type what you say in one line. {HELP[0]} shows this again, {QUIT[0]} quits.""",
}
"""The instructions for each role: a paragraph on the game, and one on what to type."""
_BARE_LETTERS = re.compile(r"[a-z](?:(?:\s*,\s*|\s+)(?:and\s+)?[a-z])*", re.IGNORECASE)


class Left(Exception):
    """The person leaves the game."""


class Terminal:
    """Shows a game to a person, and reads what the person types.

    Args:
        console: The console to write to.
        tangrams: The set of the game's tangrams.
        role: The person's role, "listener" or "speaker".
    """

    def __init__(self, console: Console, tangrams: TangramSet, role: str) -> None:
        self._console, self._role = console, role
        self._rules = ""
        self._width = max(8, min(WIDEST_PICTURE, console.width // COLUMNS - FRAME)) // 2 * 2
        self._atlas = Atlas(tangrams, SILHOUETTE_SIZE)

    def say(self, text: str, style: str = "", who: str = "") -> None:
        """Writes a line, with the name of the one who says it in front."""
        line = " ".join(text.splitlines())
        self._console.print(Text(f"{who}: ", "bold") if who else "", Text(line, style), sep="")

    def show_rules(self, game: Game) -> None:
        """Shows the person's role, the rules, and what to type."""
        size, (least, most) = len(game.context.listener_order), TARGETS
        targets = len(game.targets)
        self._rules = RULES[self._role].format(size=size, least=least, most=most, targets=targets, turns=game.max_turns)
        self._show_instructions()

    def ask_for_action(self, game: Game, view: View) -> Action:
        """Shows the listener's view, and asks for an action until the answer is a legal one."""
        size = len(view.tangrams)
        self._show_turn(game, [(said, str(done) or NO_CLICK) for said, done in view.dialogue])
        self._show_board(view.tangrams, LETTERS[:size], {view.tangrams[i] for i in view.selected})
        self.say(view.utterance, who="speaker")
        while True:
            try:
                action = read_clicks(self._ask(), view.selected, size)
                check_action(action, view.selected, size)
            except InvalidAction as error:
                self.say(str(error), "yellow")
            else:
                return action

    def ask_for_utterance(self, game: Game, dialogue: Sequence[tuple[str, str]]) -> str:
        """Shows the speaker's view, and asks for an utterance until it is not empty.

        Args:
            game: The game.
            dialogue: The turns so far: the utterances and the listener's actions.
        """
        self._show_turn(game, dialogue)
        self._show_game(game)
        if dialogue:
            self.say(dialogue[-1][1], who="listener")
        while True:
            try:
                if utterance := checked(self._ask()):
                    return utterance
            except UserError as error:
                self.say(str(error), "yellow")
            else:
                self.say("say something that helps the listener to find the targets", "yellow")

    def show_end(self, episode: Episode) -> None:
        """Shows the targets, the selection, and whether the game was won."""
        game = episode.game
        self._console.print(Rule("The end", style="dim"))
        self._show_game(game)
        if episode.utterance:
            self.say(episode.utterance, who="speaker")
        turns = f"{game.turn} turn{'' if game.turn == 1 else 's'}"
        if game.success:
            self.say(f"Won in {turns}.", "bold green")
        else:
            self.say(f"Lost after {turns}.", "bold red")

    def _ask(self) -> str:
        """Returns what the person types, after showing the instructions as often as asked.

        Raises:
            Left: If the person wants to quit, the input has ended, or Ctrl-C was pressed.
        """
        while True:
            try:
                answer = self._console.input(Text("you: ", "bold")).strip()
            except (EOFError, KeyboardInterrupt) as error:
                raise Left from error
            if answer.lower() in QUIT:
                raise Left
            if answer.lower() not in HELP:
                return answer
            self._show_instructions()

    def _show_instructions(self) -> None:
        for paragraph in re.split(r"\n(?=Type)", self._rules):
            self.say(paragraph, "dim")

    def _show_turn(self, game: Game, dialogue: Sequence[tuple[str, str]]) -> None:
        """Shows the number of the turn, and a line for each turn so far."""
        self._console.print(Rule(f"Turn {game.turn + 1} of {game.max_turns}", style="dim"))
        for number, (said, done) in enumerate(dialogue, start=1):
            self._console.print(Text(f"{number}. ", "dim"), Text(said), Text(f"  → {done}", "bold"), sep="")

    def _show_game(self, game: Game) -> None:
        """Shows the game with its targets: to a listener with letters, to a speaker in its order with numbers."""
        context = game.context
        if self._role == "listener":
            order, names = context.listener_order, list(LETTERS[: len(context.listener_order)])
        else:
            order, names = context.speaker_order, [str(i) for i, _ in enumerate(context.speaker_order, start=1)]
        self._show_board(order, names, {context.listener_order[i] for i in game.selected}, context.targets)

    def _show_board(
        self,
        tangrams: Sequence[str],
        names: Sequence[str],
        selected: Collection[str],
        targets: Collection[str] = (),
    ) -> None:
        """Shows a board: each tangram in a frame, with its name above and "selected" below if it is."""
        panels = [
            Panel(
                picture(image, self._width),
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
        self._dialogue: list[tuple[str, str]] = []

    @property
    def wanted(self) -> Action:
        """Is not available, because nobody knows what a person wants.

        Raises:
            UserError: Always.
        """
        raise UserError("nobody knows what a person wants: an oracle cannot listen to one")

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Shows the game and returns the first utterance."""
        self._game = game
        return self._say()

    def reply(self, action: Action | None) -> str:
        """Shows the listener's action and returns the next utterance; "" at the end of the game."""
        self._dialogue.append((self._said, self._in_numbers(action or Action())))
        if self._game.over:
            self._terminal.say(self._dialogue[-1][1], who="listener")
            return ""
        return self._say()

    def _say(self) -> str:
        self._said = self._terminal.ask_for_utterance(self._game, self._dialogue)
        return self._said

    def _in_numbers(self, action: Action) -> str:
        """Returns the action in words, with the speaker's numbers."""
        context = self._game.context
        halves = []
        for verb, positions in (("deselects", action.deselect), ("selects", action.select)):
            numbers = sorted(context.speaker_order.index(context.listener_order[i]) + 1 for i in positions)
            if numbers:
                halves.append(f"{verb} {', '.join(map(str, numbers))}")
        return " and ".join(halves) or "does nothing"


def read_clicks(text: str, selected: frozenset[int], size: int) -> Action:
    """Returns the action that a person typed: bare letters are clicks, anything else is read as by `read_answer`.

    Args:
        text: The typed text.
        selected: The selected positions.
        size: The number of tangrams.

    Raises:
        InvalidAction: As `read_answer` does.
    """
    if _BARE_LETTERS.fullmatch(text):
        clicks = {LETTERS.index(letter) for letter in re.findall(r"\b[A-Z]\b", text.upper())}
        if max(clicks) < size:
            return Action.clicking(clicks, selected)
    return read_answer(text, size)


def picture(silhouette: np.ndarray, width: int) -> Text:
    """Draws a silhouette with characters, each of which shows 2 by 2 quarters; the figure fills the room.

    Args:
        silhouette: uint8 (size, size), dark on light.
        width: The number of columns, which is even.

    Returns:
        A text of `width / 2` lines and `width` columns, because characters are about twice as high as wide.
    """
    figure = Image.fromarray(255 - silhouette)
    figure = figure.crop(figure.getbbox())
    scale = 2 * width / max(figure.size)  # in quarters, which are about twice as high as wide
    size = max(1, round(figure.width * scale)), max(1, round(figure.height * scale / 2))
    dark = np.zeros((width, 2 * width), bool)
    top, left = (width - size[1]) // 2, (2 * width - size[0]) // 2
    dark[top : top + size[1], left : left + size[0]] = np.asarray(figure.resize(size, Image.Resampling.BOX)) > 127
    quarters = dark.reshape(width // 2, 2, width, 2).transpose(0, 2, 1, 3).reshape(width // 2, width, 4)
    codes = quarters @ np.array([1, 2, 4, 8])
    return Text("\n".join("".join(QUARTERS[code] for code in row) for row in codes))
