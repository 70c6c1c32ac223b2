"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers.

The population is a simulation. Its rates follow what was measured on 159 games of 17 people with a learned
listener: most praise nearly every good action and a few almost never do, nearly all mark a bad one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np

from multiref_gym.errors import UserError

Rate = float
"""How often something is done, from 0 to 1."""

Phrases = tuple[str, ...]
"""What is said, one of these each time; a phrase that stands twice is said twice as often."""

Article = Literal["the", "as it is", "none"]


class PersonaError(UserError):
    """A persona that cannot be: an unknown key, a rate outside [0, 1], a value of the wrong kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """The habits of one speaker.

    Attributes:
        name: "speaker07".
        praise: How often a good action is praised in words; otherwise the speaker just moves on.
        praises: The words of praise in use.
        corrections: The words for a bad action.
        punctuation: What ends a word of praise or correction.
        accepts_luck: How often a target that was selected, but not the one described, is taken as good.
        slip: How often the speaker misjudges what it sees: praise for a bad action, a correction of a good one.
        undos: The words that ask for an undo.
        undo_only: How often a bad action is answered by an undo request and no more.
        asks_undo: How often an undo is asked for in words where a new description follows.
        clears_up: How often, when all went well, a mistake of before is to be deselected first.
        announces: How often the first utterance says how many targets there are.
        says_last: How often the last target is called the last.
        connectives: What comes between praise and the next description.
        commands: What comes before a description.
        two_at_once: How often two targets are described in one utterance.
        forgets: How often a target is described that is selected already.
        fresh_start: How often, after a failure, the speaker turns to another target instead of rephrasing.
        compares: How often a description that failed is followed by what sets the target off from what was selected
            in its place, if both are of a kind: "the other bird, facing left".
        names: How often a description says what kind of thing the target is; less than half as often after a failure.
        detail: How many things are said of a target, if there are as many.
        cares: How likely it is, each time, that what is said is what tells the target from most others, and that
            more is said as long as others fit.
        article: What becomes of the article of a description.
        joiner: What comes between two things said of a target.
        pronoun: What stands in place of the kind of thing.
        capitals: Whether sentences begin with a capital letter.
        full_stop: Whether an utterance ends with a full stop.
        typos: How often a word is misspelt.
    """

    name: str
    praise: Rate = 0.85
    praises: Phrases = ("yes", "good")
    corrections: Phrases = ("no",)
    punctuation: str = ","
    accepts_luck: Rate = 0.95
    slip: Rate = 0.015
    undos: Phrases = ("deselect that",)
    undo_only: Rate = 0.2
    asks_undo: Rate = 0.25
    clears_up: Rate = 0.95
    announces: Rate = 0.0
    says_last: Rate = 0.15
    connectives: Phrases = ("",)
    commands: Phrases = ("",)
    two_at_once: Rate = 0.04
    forgets: Rate = 0.01
    fresh_start: Rate = 0.25
    compares: Rate = 0.3
    names: Rate = 0.9
    detail: int = 2
    cares: Rate = 0.8
    article: Article = "as it is"
    joiner: str = " and "
    pronoun: str = ""
    capitals: bool = False
    full_stop: bool = False
    typos: Rate = 0.0

    def __post_init__(self) -> None:
        """Raises PersonaError if a value is none that its attribute can have."""
        for attribute, kind in _KINDS.items():
            value = getattr(self, attribute)
            if not _fits(value, kind):
                raise PersonaError(f"{attribute} = {value!r}: expected {_EXPECTED[kind]}")


_KINDS: dict[str, Any] = get_type_hints(Persona)

_EXPECTED: dict[Any, str] = {
    Rate: "a number from 0 to 1",
    Phrases: "one phrase or more",
    Article: f"one of {', '.join(get_args(Article))}",
    str: "a text",
    int: "a whole number of at least 1",
    bool: "true or false",
}


def _fits(value: Any, kind: Any) -> bool:
    if kind is Rate:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if kind == Phrases:
        return isinstance(value, tuple) and bool(value) and all(isinstance(phrase, str) for phrase in value)
    if kind == Article:
        return value in get_args(Article)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, kind)


def read_personas(path: str | Path) -> tuple[Persona, ...]:
    """Reads personas from a TOML file with a table `[[persona]]` for each; what one leaves out is as in `Persona`.

    Raises:
        PersonaError: One line on the file that is missing or malformed, or the persona and key that are wrong.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PersonaError(f"cannot read personas from {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PersonaError(f"malformed personas {path}: {error}") from None
    tables = content.pop("persona", [])
    if content or not isinstance(tables, list) or not tables:
        raise PersonaError(f"malformed personas {path}: expected a table [[persona]] for each, and nothing else")
    personas = tuple(_read(table, f"{path}: persona {number}") for number, table in enumerate(tables, start=1))
    if len({persona.name for persona in personas}) < len(personas):
        raise PersonaError(f"malformed personas {path}: two of them have the same name")
    return personas


def _read(table: Mapping[str, Any], where: str) -> Persona:
    unknown = sorted(table.keys() - _KINDS.keys())
    if unknown:
        raise PersonaError(f"{where}: unknown key {unknown[0]!r}: expected some of {', '.join(_KINDS)}")
    if "name" not in table:
        raise PersonaError(f"{where} has no name")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return Persona(**values)
    except PersonaError as error:
        raise PersonaError(f"{where}: {error}") from None


POPULATION = 48
_POPULATION_SEED = 2410_13852

# A phrase that stands several times is that much more common among speakers.
PRAISES = ("yes", "yes", "good", "good", "correct", "correct", "very good", "great", "perfect", "that is right", "ok")
CORRECTIONS = ("no", "no", "no", "wrong", "wrong", "incorrect", "that is wrong", "no, not that one")
UNDOS = (
    "deselect that",
    "deselect it",
    "deselect",
    "deselect the last object",
    "remove the last selection",
    "remove the last one",
    "please deselect this",
    "unselect that one",
    "undo that",
)
CONNECTIVES = ("",) * 6 + ("next", "now", "the next is")
COMMANDS = ("",) * 6 + ("pick", "click", "select", "choose", "looks like", "look for")
PRONOUNS = ("", "", "", "", "shape", "it is", "the one", "something")
PUNCTUATION = (",", ",", ".", ".", ".", ".", "", "")


@cache
def population() -> tuple[Persona, ...]:
    """Returns the speakers there are if no others are given, always the same."""
    rng = np.random.default_rng(_POPULATION_SEED)
    return tuple(_persona(f"speaker{number:02d}", rng) for number in range(POPULATION))


def _persona(name: str, rng: np.random.Generator) -> Persona:
    def some(phrases: Phrases, most: int) -> Phrases:
        return tuple(phrases[i] for i in rng.permutation(len(phrases))[: rng.integers(1, most + 1)])

    return Persona(
        name=name,
        # Bimodal as people are: of 17, three almost never praised and twelve praised over 60 % of the time.
        praise=float(rng.beta(12, 2) if rng.random() < 0.77 else rng.beta(1, 12)),
        praises=some(PRAISES, 2),
        corrections=some(CORRECTIONS, 1),
        punctuation=str(rng.choice(PUNCTUATION)),
        undos=some(UNDOS, 2),
        undo_only=float(rng.beta(1, 4)),
        asks_undo=float(rng.beta(1, 3)),
        announces=float(rng.random() < 0.2),
        says_last=float(rng.beta(1, 6)),
        connectives=some(CONNECTIVES, 2),
        commands=some(COMMANDS, 1),
        compares=float(rng.beta(2, 4)),
        detail=int(rng.choice([1, 1, 2, 3, 4])),
        cares=float(rng.beta(6, 2)),
        article=rng.choice(["the", "as it is", "as it is", "none"]).item(),
        joiner=str(rng.choice([" and ", ", ", " "])),
        pronoun=str(rng.choice(PRONOUNS)),
        capitals=bool(rng.random() < 0.4),
        full_stop=bool(rng.random() < 0.3),
        typos=float(rng.choice([0, 0.01, 0.03, 0.05])),
    )
