"""Draws the README's board from the folder of a finished run.

    python docs/make_board.py runs/respect-0

`board.png` is the first game of the last round that was won in four to six turns with feedback of both kinds, all of
it decoded right, and with no utterance longer than its line.
"""

from __future__ import annotations

import json
from pathlib import Path

import cyclopts
from PIL import Image, ImageDraw, ImageFont

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.interaction import Interaction
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, load_tangrams

FOLDER = Path(__file__).parent
SILHOUETTE, TEXT, NOTE, MARGIN, LINE = 150, 30, 24, 40, 40
DIALOGUE_WIDTH = 860
PAPER, INK, FAINT = "#ffffff", "#1d2126", "#6a727c"
CHIPS = {Feedback.POSITIVE: ("#00694f", "+ positive"), Feedback.NEGATIVE: ("#b13d00", "- negative")}


def main(run: Path) -> None:
    """Draws the README's board from the folder of a finished run."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]
    with InteractionStore(run / "interactions.db", create=False) as store:
        game, feedback = chosen_game(store, config["learner"]["name"], config["decoder"], config["rounds"])
    atlas = Atlas(load_tangrams(config["tangrams"]), SILHOUETTE)
    picture(game, feedback, atlas).quantize(64).save(FOLDER / "board.png", optimize=True)


def chosen_game(store: InteractionStore, system: str, decoder: str, round: int) -> tuple[Interaction, list[Feedback]]:
    """Returns the game that is shown and its decoded feedback."""
    for game, feedback in zip(store.interactions(system, round), store.feedback(decoder, system, round), strict=True):
        true = [ground_truth(turn.action, game.targets) for turn in game.turns[:-1]]
        told = game.success and 4 <= len(game.turns) <= 6 and set(feedback) == set(CHIPS) and feedback == true
        if told and all(fits(turn.utterance) for turn in game.turns):
            return game, feedback
    raise SystemExit(
        f"no game of round {round} was won in four to six turns with right feedback of both kinds and short utterances"
    )


def fits(utterance: str) -> bool:
    """Whether an utterance fits into its line."""
    return ImageFont.load_default(TEXT).getlength(f"“{utterance}”") <= DIALOGUE_WIDTH


def picture(game: Interaction, feedback: list[Feedback], atlas: Atlas) -> Image.Image:
    """Draws the board after the last turn, and the dialogue beside it."""
    board = Image.fromarray(atlas.listener_board(game.context.listener_order, game.selections[-1]))
    left = MARGIN + board.width + MARGIN
    turn_height = round(2.5 * LINE)
    height = 2 * MARGIN + max(board.height + LINE, turn_height * len(game.turns) + LINE)
    image = Image.new("RGB", (left + DIALOGUE_WIDTH + MARGIN, height), PAPER)
    draw = ImageDraw.Draw(image)
    text, note = ImageFont.load_default(TEXT), ImageFont.load_default(NOTE)
    image.paste(board, (MARGIN, MARGIN))
    draw.text((MARGIN, MARGIN + board.height + 14), "the listener's board after the last turn", FAINT, note)
    for number, turn in enumerate(game.turns):
        top = MARGIN + number * turn_height
        draw.text((left, top), f"“{turn.utterance}”", INK, text)
        told = f"listener: {turn.action}"
        draw.text((left + MARGIN, top + LINE + 4), told, FAINT, note)
        at = left + MARGIN + draw.textlength(told, note) + 24
        if number < len(feedback):
            colour, label = CHIPS[feedback[number]]
            width = draw.textlength(label, note) + 28
            draw.rounded_rectangle((at, top + LINE, at + width, top + LINE + 36), 18, colour)
            draw.text((at + 14, top + LINE + 18), label, PAPER, note, "lm")
        else:
            draw.text((at, top + LINE + 4), "(the game is won)", FAINT, note)
    bottom = MARGIN + turn_height * len(game.turns)
    draw.text((left, bottom), "feedback on each action is decoded from the speaker's next words", FAINT, note)
    return image


if __name__ == "__main__":
    cyclopts.run(main)
