"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers.

The population is a simulation. Its rates follow what was measured on 159 games of 17 people with a learned
listener: most praise nearly every good action and a few almost never do, nearly all mark a bad one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

PRAISE = ("yes", "good", "correct", "great", "very good", "right", "perfect", "ok", "nice", "yep")
CORRECTION = ("no", "wrong", "not that one", "incorrect", "that is wrong", "nope", "no, not that", "that's not it")
UNDO = ("undo", "deselect that", "remove that", "take that back", "deselect the last one", "unselect it")
COMMANDS = ("", "", "", "pick", "click", "select", "choose", "find", "look for")
NEXT = ("", "", "", "", "", "next", "now", "then")
CLOSING = ("perfect, that's all of them", "great, we are done", "yes! thank you", "good job", "")
POPULATION = 48
_POPULATION_SEED = 2410_13852


@dataclass(frozen=True, slots=True)
class Persona:
    """The habits of one speaker.

    Attributes:
        name: "speaker07".
        praise: How likely a good action is praised in words; otherwise the speaker just moves on.
        praises: The words of praise in use.
        corrections: The words for a bad action.
        undos: The words that ask for an undo.
        commands: What comes before a description.
        connectives: What comes between praise and the next description.
        undo_only: How likely a bad action is answered by an undo request and no more.
        asks_undo: How likely an undo is asked for in words where a new description follows.
        announces: How likely the first utterance says how many targets there are.
        says_last: How likely the last target is called the last, in place of a command.
        punctuation: What ends a word of praise or correction.
    """

    name: str
    praise: float
    praises: tuple[str, ...]
    corrections: tuple[str, ...]
    undos: tuple[str, ...]
    commands: tuple[str, ...]
    connectives: tuple[str, ...]
    undo_only: float
    asks_undo: float
    announces: float
    says_last: float
    punctuation: str


@cache
def population() -> tuple[Persona, ...]:
    """Returns all speakers there are, always the same."""
    rng = np.random.default_rng(_POPULATION_SEED)
    return tuple(_persona(f"speaker{number:02d}", rng) for number in range(POPULATION))


def _persona(name: str, rng: np.random.Generator) -> Persona:
    def some(words: tuple[str, ...], most: int) -> tuple[str, ...]:
        return tuple(words[i] for i in rng.permutation(len(words))[: rng.integers(1, most + 1)])

    return Persona(
        name=name,
        # Bimodal as people are: of 17, three almost never praised and twelve praised over 60 % of the time.
        praise=float(rng.beta(12, 2) if rng.random() < 0.77 else rng.beta(1, 12)),
        praises=some(PRAISE, 3),
        corrections=some(CORRECTION, 3),
        undos=some(UNDO, 2),
        commands=some(COMMANDS, 2),
        connectives=some(NEXT, 2),
        undo_only=float(rng.beta(1, 4)),
        asks_undo=float(rng.beta(1, 3)),
        announces=float(rng.random() < 0.17),
        says_last=float(rng.beta(1, 5)),
        punctuation=str(rng.choice([",", ".", ".", "!", ""])),
    )
