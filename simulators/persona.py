"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers.

The population is a simulation. Its rates follow what was measured on 159 games of 17 people with a learned
listener: most praise nearly every good action and a few almost never do, nearly all mark a bad one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from annotated_types import Ge, Le, MinLen

from multiref_gym.checking import checked
from multiref_gym.errors import UserError

Choice = TypeVar("Choice")

Rate = Annotated[float, Ge(0), Le(1)]
"""How often something is done, from 0 to 1."""

Phrases = Annotated[tuple[str, ...], MinLen(1)]
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
        punctuation: What ends praise, a correction, or a request to undo.
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
        fresh_start: How often the speaker turns to another target while what it described is not selected.
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
    accepts_luck: Rate = 0.9
    slip: Rate = 0.012
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
    detail: Annotated[int, Ge(1)] = 2
    cares: Rate = 0.8
    article: Article = "as it is"
    joiner: str = " and "
    pronoun: str = ""
    capitals: bool = False
    full_stop: bool = False
    typos: Rate = 0.0

    __pydantic_config__: ClassVar = {"extra": "forbid", "revalidate_instances": "always"}


def read_personas(path: str | Path) -> tuple[Persona, ...]:
    """Reads personas from a TOML file with a table `[[persona]]` for each; what one leaves out is as in `Persona`.

    Raises:
        PersonaError: One line on the file that is missing or malformed, or the persona and key that are wrong.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        tables = content.pop("persona", [])
        if content or not tables or not isinstance(tables, list):
            raise ValueError("expected a table [[persona]] for each, and nothing else")
        records = [json.dumps(table).encode() for table in tables]
    except OSError as error:
        raise PersonaError(f"cannot read personas from {path}: {error.strerror}") from None
    except (ValueError, TypeError, RecursionError) as error:  # neither TOML nor JSON, which has no dates
        raise PersonaError(f"malformed personas {path}: {error}") from None
    personas = tuple(
        checked(Persona, record, f"{path}: persona {number}", PersonaError)
        for number, record in enumerate(records, start=1)
    )
    if len({persona.name for persona in personas}) < len(personas):
        raise PersonaError(f"malformed personas {path}: two of them have the same name")
    return personas


POPULATION = 48

# What speakers say, each as many times as its share of them: most of it once for each of the 17 people who says so.
PRAISES = ("yes",) * 4 + ("good",) * 5 + ("correct",) * 5 + ("very good", "great", "perfect", "that is right", "ok")
CORRECTIONS = ("no",) * 10 + ("wrong",) * 4 + ("incorrect", "that is wrong", "no, not that one")
UNDOS = (
    *("deselect", "deselect", "deselect that", "deselect it", "deselect the last object", "deselect the last shape"),
    *("remove the last selection", "please deselect this", "unselect prior shape", "undo"),
)
CONNECTIVES = ("",) * 11 + ("next",) * 3 + ("now",) * 3
IMPERATIVES = ("pick", "pick", "select", "select", "choose", "choose", "click")
COMMANDS = ("",) * 10 + IMPERATIVES + ("looks like",)
PRONOUNS = ("",) * 8 + ("shape", "it is", "something")
PUNCTUATION = (".",) * 10 + (",",) * 4 + ("",) * 3


@cache
def population(seed: int = 0) -> tuple[Persona, ...]:
    """Returns the speakers there are if no others are given; another seed makes other people."""
    rng = np.random.default_rng(seed)

    def dealt(choices: Sequence[Choice]) -> list[Choice]:
        """Gives each speaker one of the choices, each choice to as many as any other, give or take one."""
        order = [choices[i] for i in rng.permutation(len(choices))]
        return [order[i % len(order)] for i in rng.permutation(POPULATION)]

    def rates(a: float, b: float, count: int = POPULATION) -> list[float]:
        return [float(rate) for rate in rng.beta(a, b, count)]

    commands, articles = dealt(COMMANDS), dealt(["as it is", "as it is", "none"])
    rarely = round(0.23 * POPULATION)
    habits: dict[str, Sequence[Any]] = {
        # Bimodal as people are: of 17, three almost never praised and twelve praised over 60 % of the time.
        "praise": dealt(rates(12, 2, POPULATION - rarely) + rates(1, 12, rarely)),
        "praises": list(zip(dealt(PRAISES), dealt(PRAISES), strict=True)),
        "corrections": [(correction,) for correction in dealt(CORRECTIONS)],
        "punctuation": dealt(PUNCTUATION),
        "undos": list(zip(dealt(UNDOS), dealt(UNDOS), strict=True)),
        # Some ask for an undo whenever they correct, some do nothing else, and most hardly ever do.
        "undo_only": dealt([0.8, 0.3, 0.1, 0.1, 0.1, 0.1]),
        "asks_undo": dealt([0.9, 0.9, 0.1, 0.1, 0.1, 0.1]),
        "announces": dealt([1.0, 0.0, 0.0, 0.0, 0.0]),
        "says_last": rates(1, 8),
        "connectives": [(connective,) for connective in dealt(CONNECTIVES)],
        "commands": [(command,) for command in commands],
        "compares": rates(2, 4),
        "detail": dealt([1, 1, 1, 2, 2, 3, 4]),
        "cares": rates(6, 2),
        # "pick the bird", but "looks like a bird", and with no command "a bird" or "bird".
        "article": [
            "the" if command in IMPERATIVES else article for command, article in zip(commands, articles, strict=True)
        ],
        "joiner": dealt([" and ", ", ", " "]),
        "pronoun": dealt(PRONOUNS),
        "capitals": dealt([True, True, False, False, False]),
        "full_stop": dealt([True, False, False, False]),
        "typos": dealt([0.0, 0.01, 0.03, 0.05]),
    }
    return tuple(
        Persona(name=f"speaker{number:02d}", **{habit: values[number] for habit, values in habits.items()})
        for number in range(POPULATION)
    )
