"""Games as people play them, and a folder as KiloGram has it, both made by rule: nobody's words are copied.

Each speaker has words of praise and of correction, says more or less, and at times praises nothing. The listener is
right three times out of four. What is written down has the fields of recorded games.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CALLED = {
    "page1-0": ("a rabbit with long ears", "a bunny hopping", "a hare sitting up", "some rabbit", "long ears, a hare"),
    "page1-4": ("a swan on a lake", "a goose swimming", "a swan", "a long white neck, a goose", "a duck on a pond"),
    "page2-7": ("a candle burning", "a flame on a stick", "a candle", "a torch with a flame", "a burning torch"),
    "page2-11": ("a sailing boat", "a ship with one sail", "a boat at sea", "a yacht", "a ship on the waves"),
    "page3-2": ("a dancer on one leg", "a ballerina", "someone dancing", "a dancing woman", "a ballerina spinning"),
    "page3-9": ("a fox lying down", "a sleepy fox", "a fox with a tail", "a wolf asleep", "a wolf lying on the floor"),
    "page4-1": ("a house with a chimney", "a cottage", "a home with a roof", "a small house", "a cottage with smoke"),
    "page4-13": ("a teapot", "a kettle with a spout", "a pot for tea", "a kettle", "a teapot with a handle"),
    "page5-3": ("a crab with claws", "a lobster", "a crab", "two claws, a lobster", "a crab on the beach"),
    "page6-5": ("a rocket taking off", "a space ship", "a rocket", "a missile", "a rocket to the moon"),
    "page7-8": ("a king with a crown", "a queen on a throne", "a crown", "a royal person", "a king sitting"),
    "page8-6": ("a fir tree", "a pine", "a tree in a forest", "a christmas tree", "a pine with branches"),
}

# Name: words after what was right, words after what was wrong, how often the former are said.
SPEAKERS = {
    "Ada": (("yes", "good", "great"), ("no, deselect that", "wrong, deselect the last one"), 0.9),
    "Ben": (("ok",), ("undo that", "undo"), 0.3),
    "Cleo": (("Perfect!", "Great job!"), ("No, please unselect that one", "Not that one, deselect it"), 0.8),
    "Dev": (("correct.", "right."), ("incorrect, deselect the last one", "that is wrong. undo it"), 0.6),
    "Eve": (("good",), ("nope, deselect that", "no, take that one off"), 0.1),
    "Finn": (("Yes,", "Nice,"), ("No, remove the last one", "Wrong one, remove it"), 0.7),
    "Gus": (("thanks,", "good one,"), ("not it. deselect it please", "no, sorry, undo"), 0.5),
    "Hope": (("yep", "cool", "nice"), ("wrong, undo", "oops no, deselect it"), 0.6),
}
GAMES_EACH = 6
RIGHT = 0.75
MAX_TURNS = 10


class People(NamedTuple):
    """Games of people in a file, and the folder of KiloGram that their tangrams are of."""

    games: Path
    kilogram: Path


def records() -> list[dict[str, Any]]:
    """Returns the games as they are written down, some for each speaker; always the same ones."""
    rng = random.Random(0)
    return [_game(f"game-{name}-{number}", name, rng) for number in range(GAMES_EACH) for name in SPEAKERS]


def _game(game_id: str, speaker: str, rng: random.Random) -> dict[str, Any]:
    praise, correction, praises = SPEAKERS[speaker]
    context = [f"{name}.png" for name in rng.sample(sorted(CALLED), 10)]
    targets = set(rng.sample(context, rng.randint(2, 4)))
    selected: set[str] = set()
    chat: list[str] = []
    clicks: list[list[str]] = []
    opening = ""
    while selected != targets and len(chat) < MAX_TURNS:
        mistaken = sorted(selected - targets)
        if mistaken:
            chat.append(rng.choice(correction))
            selected = selected - set(mistaken)
        else:
            wanted = rng.choice(sorted(targets - selected))
            chat.append(f"{opening} {rng.choice(CALLED[wanted.removesuffix('.png')])}".strip())
            clicked = wanted if rng.random() < RIGHT else rng.choice(sorted(set(context) - selected - {wanted}))
            selected = selected | {clicked}
        clicks.append(sorted(selected))
        opening = rng.choice(praise) if rng.random() < praises else ""
    return {
        "game_id": game_id,
        "speaker": speaker,
        "policy_name": "by rule",
        "round": 0,
        "end": "successful" if selected == targets else "unsuccessful",
        "turn": len(chat),
        "context": context,
        "context_listener": rng.sample(context, len(context)),
        "targets": sorted(targets),
        "chat": chat,
        "clicks": clicks,
    }


def write_games(path: Path) -> Path:
    """Writes the games to a file, one a line, and returns it."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records()), encoding="utf-8")
    return path


def write_kilogram(folder: Path, called: Mapping[str, Sequence[str]] = CALLED) -> Path:
    """Writes a drawing of seven squares and the descriptions of each tangram, and returns the folder."""
    drawings = folder / "dataset" / "tangrams-svg"
    drawings.mkdir(parents=True)
    for number, name in enumerate(called):
        (drawings / f"{name}.svg").write_text(_drawing(number), encoding="utf-8")
    entries = {
        name: {
            "annotations": [
                {"whole": {"wholeAnnotation": text}, "part": {str(id): text.split()[-1] for id in range(1, 8)}}
                for text in texts
            ]
        }
        for name, texts in called.items()
    }
    (folder / "dataset" / "full.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def _drawing(number: int) -> str:
    """Returns seven squares side by side, one of them higher than the others, in the way of KiloGram's files."""
    squares = [(id - 1, int(id - 1 == number % 7) * (1 + number // 7)) for id in range(1, 8)]
    polygons = "".join(
        f'<polygon id="{id}" points="{x},{y} {x + 1},{y} {x + 1},{y + 1} {x},{y + 1}"/>'
        for id, (x, y) in enumerate(squares, start=1)
    )
    return f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{polygons}</svg>'
