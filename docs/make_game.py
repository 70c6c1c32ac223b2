"""Draws the README's moving picture of a game from the folder of a finished run.

    python docs/make_game.py runs/respect-0

`game-light.gif` and `game-dark.gif` show the first game of the last round that was won in four to six turns, with
feedback of both kinds that was all decoded correctly, and with utterances that fit into their lines. Each verdict
appears with the reply that it was decoded from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cyclopts
from drawing import NEGATIVE, POSITIVE, THEMES, Sheet, Theme, font, write_gif
from PIL import Image

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.interaction import Interaction
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, load_tangrams

FOLDER = Path(__file__).parent
SILHOUETTE, TEXT, NOTE, MARGIN, LINE, TURN = 110, 22, 18, 28, 30, 74
DIALOGUE_WIDTH = 640
CHIPS = {Feedback.POSITIVE: (POSITIVE, "+ positive"), Feedback.NEGATIVE: (NEGATIVE, "- negative")}
SAID, DONE, LAST = 1600, 1400, 5000
"""The milliseconds that a new utterance, a new action and the last picture are shown."""


def main(run: Path) -> None:
    """Draws the README's moving picture of a game from the folder of a finished run."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]
    with InteractionStore(run / "interactions.db", create=False) as store:
        game, feedback = chosen_game(store, config["learner"]["name"], config["decoder"], config["rounds"])
    atlas = Atlas(load_tangrams(config["tangrams"]), SILHOUETTE)
    times = [*([SAID, DONE] * len(game.turns))[:-1], LAST]
    for name, theme in THEMES.items():
        frames = [*zip(pictures(game, feedback, atlas, theme), times, strict=True)]
        write_gif(FOLDER / f"game-{name}.gif", frames, theme)


def chosen_game(store: InteractionStore, system: str, decoder: str, round: int) -> tuple[Interaction, list[Feedback]]:
    """Returns the game to show and its decoded feedback."""
    for game, feedback in zip(store.interactions(system, round), store.feedback(decoder, system, round), strict=True):
        true = [ground_truth(turn.action, game.targets) for turn in game.turns[:-1]]
        suitable = game.success and 4 <= len(game.turns) <= 6 and set(feedback) == set(CHIPS) and feedback == true
        if suitable and all(fits(turn.utterance) for turn in game.turns):
            return game, feedback
    raise SystemExit(
        f"no game of round {round} was won in four to six turns with right feedback of both kinds and short utterances"
    )


def fits(utterance: str) -> bool:
    """Whether an utterance fits into its line."""
    return font(TEXT).getlength(f"“{utterance}”") <= DIALOGUE_WIDTH


def pictures(game: Interaction, feedback: list[Feedback], atlas: Atlas, theme: Theme) -> Iterator[Image.Image]:
    """Yields two pictures for each turn: after the speaker has spoken, and after the listener has acted."""
    for number in range(len(game.turns)):
        yield picture(game, feedback, atlas, theme, said=number + 1, done=number)
        yield picture(game, feedback, atlas, theme, said=number + 1, done=number + 1)


def picture(
    game: Interaction,
    feedback: list[Feedback],
    atlas: Atlas,
    theme: Theme,
    said: int,
    done: int,
) -> Image.Image:
    """Draws the board and the dialogue beside it.

    Args:
        game: The game.
        feedback: The decoded feedback on each action except the last.
        atlas: The pictures of the tangrams.
        theme: The colours.
        said: The number of utterances to show.
        done: The number of actions to show.
    """
    board = atlas.listener_board(game.context.listener_order, game.selections[done])
    left = MARGIN + board.shape[1] + MARGIN
    height = 2 * MARGIN + max(board.shape[0], TURN * len(game.turns)) + LINE
    sheet = Sheet(left + DIALOGUE_WIDTH + MARGIN, height, theme)
    sheet.paste(MARGIN, MARGIN, board)
    for number, turn in enumerate(game.turns[:said]):
        top = MARGIN + number * TURN
        sheet.write(left, top, f"“{turn.utterance}”", TEXT)
        if number >= done:
            continue
        at = sheet.write(left + MARGIN, top + LINE + 3, f"listener: {turn.action}", NOTE, theme.faint) + 18
        if number + 1 < said:  # the reply is shown
            colour, label = CHIPS[feedback[number]]
            sheet.chip(at, top + LINE + 14, label, colour, NOTE)
        elif done == len(game.turns):
            sheet.write(at, top + LINE + 3, "(all targets are selected: the game is won)", NOTE, theme.faint)
    told = "feedback on each action is decoded from the speaker's next words"
    sheet.write(left, height - MARGIN - LINE + 10, told, NOTE, theme.faint)
    return sheet.image


if __name__ == "__main__":
    cyclopts.run(main)
