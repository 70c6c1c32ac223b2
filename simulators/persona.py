"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, MinLen

from multiref_gym.checking import checked
from multiref_gym.errors import UserError

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

    Phrases are said as they stand here, with their punctuation: words of praise, a correction and an undo request that
    something follows may end in a mark, and a joiner or a remark begins with what sets it off.

    Attributes:
        name: "speaker07".
        praise: How often a good action is praised in words; otherwise the speaker just moves on.
        praises: The words of praise in use.
        corrections: The words for a bad action.
        accepts_luck: How often a target that was selected, but not the one described, is taken as good.
        slip: How often the speaker misjudges what it sees: praise for a bad action, a correction of a good one.
        undos: The words that ask for an undo, and for nothing else.
        undos_then: The words that ask for an undo where a new description follows.
        undo_only: How often a bad action is answered by an undo request and no more.
        asks_undo: How often an undo is asked for in words where a new description follows.
        buts: What comes between praise and an undo request.
        clears_up: How often, when all went well, a mistake of before is to be deselected first.
        before_mistake: What comes before the description of what is to be deselected.
        announces: How often the first utterance says how many targets there are.
        before_first: What comes before the first description of a game.
        before_next: What comes before the description of another target.
        before_again: What comes before another description of the same target.
        before_last: What comes before the description of the last target, if it is called the last.
        numbered: What comes before the descriptions of the first target, the second and so on, the last of these ever
            after; none if the speaker does not count.
        says_last: How often the last target is called the last.
        remarks: What is said after a description: "", or ", i think".
        two_at_once: How often two targets are described in one utterance.
        forgets: How often a target is described that is selected already.
        confuses: How often another tangram is described than the one that is meant.
        fresh_start: How often the speaker turns to another target while what it described is not selected.
        compares: How often a description that failed is followed by what sets the target off from what was selected
            in its place, if both are of a kind: "the other bird, facing left".
        names: How often a description says what kind of thing the target is; less than half as often after a failure.
        detail: How many things are said of a target, if there are as many.
        cares: How likely it is, each time, that what is said is what tells the target from most others, and that
            more is said as long as others fit.
        article: What becomes of the article of a description.
        joiners: What comes between two things said of a target.
        alternatives: What comes between two descriptions of a target that are recorded.
        pronoun: What stands in place of the kind of thing.
        capitals: How often the sentences of an utterance begin with a capital letter.
        endings: What ends an utterance that has no mark at its end.
        typos: How often a word is misspelt.
        silence: How often nothing is said.
    """

    name: str
    praise: Rate = 0.85
    praises: Phrases = ("yes,", "good,")
    corrections: Phrases = ("no,",)
    accepts_luck: Rate = 0.9
    slip: Rate = 0.012
    undos: Phrases = ("deselect that",)
    undos_then: Phrases = ("deselect that,",)
    undo_only: Rate = 0.2
    asks_undo: Rate = 0.25
    buts: Phrases = ("but",)
    clears_up: Rate = 0.95
    before_mistake: Phrases = ("deselect",)
    announces: Rate = 0.0
    before_first: Phrases = ("",)
    before_next: Phrases = ("",)
    before_again: Phrases = ("",)
    before_last: Phrases = ("last",)
    numbered: tuple[str, ...] = ()
    says_last: Rate = 0.15
    remarks: Phrases = ("",)
    two_at_once: Rate = 0.04
    forgets: Rate = 0.01
    confuses: Rate = 0.0
    fresh_start: Rate = 0.25
    compares: Rate = 0.3
    names: Rate = 0.9
    detail: Annotated[int, Ge(1)] = 2
    cares: Rate = 0.8
    article: Article = "as it is"
    joiners: Phrases = (" and ",)
    alternatives: Phrases = (" or ",)
    pronoun: str = ""
    capitals: Rate = 0.0
    endings: Phrases = ("",)
    typos: Rate = 0.0
    silence: Rate = 0.0

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


def checked_personas(personas: Sequence[Persona]) -> tuple[Persona, ...]:
    """Returns personas if there can be such; the same ones are checked once, however many games they speak in.

    Raises:
        PersonaError: If there are none, or a habit of one is none that there can be.
    """
    personas = tuple(personas)
    try:
        return _checked(personas)
    except TypeError:  # one holds a list, say: it cannot be looked up, and the check tells
        return _checked.__wrapped__(personas)


@lru_cache(maxsize=16)
def _checked(personas: tuple[Persona, ...]) -> tuple[Persona, ...]:
    if not personas:
        raise PersonaError("no personas: at least one has to speak")
    return checked(tuple[Persona, ...], personas, "personas", PersonaError)
