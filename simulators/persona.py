"""A speaker's habits, which stay the same for a whole game and differ between speakers."""

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
"""A frequency, from 0 to 1."""

Phrases = Annotated[tuple[str, ...], MinLen(1)]
"""Phrases, one of which is said each time; a phrase that is listed twice is said twice as often."""

Article = Literal["the", "as it is", "none"]


class PersonaError(UserError):
    """A persona is invalid: an unknown key, a rate outside [0, 1], a value of the wrong kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """The habits of one speaker.

    Phrases are said exactly as written, with their punctuation. Praise, corrections and undo requests before other
    words may end in a punctuation mark; joiners and remarks begin with theirs.

    Attributes:
        name: "speaker07".
        praise: How often a good action is praised in words; otherwise the speaker just moves on.
        praises: Words of praise.
        corrections: Words for a bad action.
        accepts_luck: How often a selected target counts as good although another one was described.
        slip: How often the speaker misjudges an action: praise for a bad one, a correction of a good one.
        undos: Words that ask for an undo, without a description after them.
        undos_then: Words that ask for an undo before a new description.
        undo_only: How often the reply to a bad action is only an undo request.
        asks_undo: How often an undo is requested before a new description.
        buts: Words between praise and an undo request.
        clears_up: How often, after a good action, an earlier mistake is to be deselected first.
        before_mistake: Words before the description of a tangram to deselect.
        announces: How often the first utterance gives the number of targets.
        before_first: Words before the first description of a game.
        before_next: Words before the description of another target.
        before_again: Words before another description of the same target.
        before_last: Words before the description of the last target, if it is called the last.
        numbered: Words before the description of the first target, the second and so on; the last of them is used for
            all later targets. Empty if the speaker does not count.
        says_last: How often the last target is called the last.
        remarks: Words after a description: "", or ", i think".
        two_at_once: How often two targets are described in one utterance.
        forgets: How often a target is described although it is already selected.
        confuses: How often a tangram is described by mistake instead of the intended one.
        fresh_start: How often the speaker turns to another target before the described one is selected.
        compares: How often, after a failed description, the speaker compares the target with a wrongly selected tangram
            of the same kind: "the other bird, facing left".
        names: How often a description names the kind of thing; less than half as often after a failure.
        detail: The number of facts in a description, if there are as many.
        cares: How likely it is, for each fact, that the speaker picks the one that excludes most other tangrams, and
            adds more as long as others fit.
        article: The handling of a description's article.
        joiners: Words between two facts of a target.
        alternatives: Words between two recorded descriptions of a target.
        pronoun: A word that stands for the kind of thing.
        capitals: How often the sentences of an utterance begin with a capital letter.
        endings: Marks at the end of an utterance that has none.
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
    """Reads personas from a TOML file with a table `[[persona]]` for each; missing keys take the defaults of `Persona`.

    Raises:
        PersonaError: One line that names the missing or malformed file, or the wrong persona and key.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        tables = content.pop("persona", [])
        if content or not tables or not isinstance(tables, list):
            raise ValueError("expected a table [[persona]] for each, and nothing else")
        records = [json.dumps(table).encode() for table in tables]
    except OSError as error:
        raise PersonaError(f"cannot read personas from {path}: {error.strerror}") from None
    except (ValueError, TypeError, RecursionError) as error:  # not TOML, or with dates, which JSON lacks
        raise PersonaError(f"malformed personas {path}: {error}") from None
    personas = tuple(
        checked(Persona, record, f"{path}: persona {number}", PersonaError)
        for number, record in enumerate(records, start=1)
    )
    if len({persona.name for persona in personas}) < len(personas):
        raise PersonaError(f"malformed personas {path}: two of them have the same name")
    return personas


def checked_personas(personas: Sequence[Persona]) -> tuple[Persona, ...]:
    """Returns the personas if they are valid; the same ones are checked once, however many games they speak in.

    Raises:
        PersonaError: If there are none, or a habit is invalid.
    """
    personas = tuple(personas)
    try:
        return _checked(personas)
    except TypeError:  # a persona with a list, say, is not hashable; the check reports it
        return _checked.__wrapped__(personas)


@lru_cache(maxsize=16)
def _checked(personas: tuple[Persona, ...]) -> tuple[Persona, ...]:
    if not personas:
        raise PersonaError("no personas: expected at least one")
    return checked(tuple[Persona, ...], personas, "personas", PersonaError)
