"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers.

The population is a simulation. Its rates follow what was measured on 159 games of 17 people with a learned
listener: most praise nearly every good action and a few almost never do, nearly all mark a bad one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
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


POPULATION = 48

Weights = Mapping[Any, float]
"""How many people have a habit or say a phrase, for each that there is; the sum may be any."""

KINDS = ("bare", "command", "likeness", "count")
"""How a request begins: "a bird", "select the bird", "looks like a bird", "the second is a bird"."""

# What people say, and how many of 17 would: English in general, not the phrases of those people.
PRAISES = {
    **{"yes": 15, "good": 13, "correct": 12, "great": 6, "perfect": 5, "right": 1, "very good": 3, "nice": 1, "ok": 3},
    **{"okay": 1, "that is right": 0.8, "that's right": 0.8, "that is correct": 0.7, "that's correct": 0.7, "yep": 0.7},
    **{"good job": 0.7, "great job": 0.6, "yeah": 0.5, "excellent": 0.3, "awesome": 0.5, "cool": 0.3},
    **{"well done": 0.3, "nice job": 0.3, "yes good": 0.3, "yes, that's right": 0.4, "exactly": 0.3},
    **{"yes that's it": 0.3, "got it": 0.1, "you got it": 0.1, "yup": 0.2, "good work": 0.2, "that's it": 0.3},
    **{
        "all good so far": 0.1,
        "good choice": 0.2,
        "yes correct": 0.3,
        "that's good": 0.3,
    },
}
CORRECTIONS = {
    **{
        "no": 30,
        "wrong": 9,
        "not that": 0.7,
        "not that one": 0.8,
        "nope": 1,
        "incorrect": 3,
        "that is wrong": 0.8,
        "wrong one": 0.4,
    },
    **{"that's wrong": 0.7, "that's not it": 0.7, "that is not it": 0.4, "no that's not it": 0.6, "not it": 0.4},
    **{
        "not quite": 0.5,
        "that is incorrect": 0.5,
        "that is not correct": 0.4,
        "no, not that one": 0.8,
        "sorry no": 0.2,
    },
    **{"no sorry": 0.2, "no wrong one": 0.3, "close but no": 0.3, "not quite but close": 0.2, "that's incorrect": 0.3},
    **{"no that is not right": 0.3, "that was wrong": 0.3, "wrong choice": 0.2, "not correct": 0.3, "no no": 0.1},
    **{"that's not the one": 0.3, "not the right one": 0.3, "that is completely wrong": 0.2, "no that is wrong": 0.4},
    **{
        "not the one i meant": 0.2,
    },
}
UNDO_VERBS = {
    **{"deselect": 16, "remove": 6, "unselect": 6, "undo": 2, "delete": 1.2, "get rid of": 0.8, "unclick": 0.7},
    **{"de-select": 0.7, "take off": 0.4, "cancel": 0.2, "clear": 0.3, "take away": 0.2, "un-select": 0.2},
}
UNDO_OBJECTS = {
    **{
        "": 4,
        "that": 4,
        "it": 3,
        "that one": 1.5,
        "this": 0.7,
        "the last one": 1,
        "the last selection": 0.8,
        "last one": 0.5,
    },
    **{"the last object": 0.6, "the last shape": 0.7, "the last choice": 0.4, "the last image": 0.5, "that shape": 0.5},
    **{"your last choice": 0.4, "the one you just selected": 0.3, "the previous one": 0.4, "the last piece": 0.4},
    **{
        "last selection": 0.4,
        "that piece": 0.4,
        "the prior choice": 0.2,
        "this one": 0.4,
        "the one you just picked": 0.2,
    },
}
TRANSITIVE = ("get rid of", "take off", "cancel", "clear", "take away", "delete")
"""Verbs that ask for an object."""
COMMANDS = {
    **{"select": 7, "pick": 4, "click": 3.5, "choose": 4.5, "click on": 1.2, "find": 1, "get": 0.8, "look for": 0.8},
    **{"try": 0.4, "let's choose": 0.4, "please select": 0.6, "can you find": 0.3, "we need": 0.5},
    **{"go for": 0.2, "give me": 0.2, "take": 0.3, "add": 0.3, "let's get": 0.2, "please pick": 0.2},
    **{"please choose": 0.3, "can you select": 0.2, "find me": 0.1},
}
LIKENESSES = {
    **{
        "looks like": 6,
        "it looks like": 1.5,
        "resembles": 0.8,
        "it is": 1,
        "it's": 0.8,
        "this is": 0.4,
        "kind of looks like": 0.7,
    },
    **{
        "this one looks like": 0.5,
        "shape looks like": 0.5,
        "one looks like": 0.4,
        "could be": 0.5,
        "like": 0.3,
        "there is": 0.3,
    },
    **{
        "this one is": 0.4,
        "i see": 0.3,
        "shape is": 0.2,
        "it kind of looks like": 0.4,
        "sort of like": 0.2,
        "this looks like": 0.5,
    },
    **{"almost looks like": 0.2, "the one that looks like": 0.6, "the shape that looks like": 0.3, "it could be": 0.3},
}
CONNECTIVES = {
    "": 8,
    "now": 4,
    "next": 2.5,
    "then": 0.7,
    "and": 0.4,
    "ok": 0.3,
    "ok now": 0.3,
    "and now": 0.2,
    "also": 0.3,
}
NEXT_ONES = {
    "": 8,
    "next": 1.5,
    "next one": 0.5,
    "the next one": 0.7,
    "now": 1,
    "next shape": 0.3,
    "the next": 0.5,
    "another": 0.3,
}
LASTS = {
    "last": 3,
    "last one": 2,
    "the last one": 1,
    "the last one is": 2,
    "the last is": 1,
    "the last": 2,
    "finally": 1,
    "lastly": 0.4,
}
AGAIN = {
    "bare": {"": 12, "it's": 0.5, "more like": 0.5, "maybe": 0.4, "it looks like": 1, "looks like": 1, "try": 0.4},
    "command": {"look for": 1.5, "try": 1, "find": 1, "we need": 0.7, "instead": 0.3, "": 1},
    "likeness": {
        **{
            "it also looks like": 1,
            "could also be": 0.6,
            "more like": 0.8,
            "it could be": 0.5,
            "also looks like": 0.6,
            "": 1,
        },
        **{
            "the correct shape looks like": 0.4,
            "the right one is": 0.3,
            "it is more like": 0.5,
            "the correct one is": 0.3,
        },
    },
}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "next")
COUNTS = {
    **{
        "the {} is": 3,
        "{}": 2.5,
        "the {} one is": 1,
        "{} one": 0.5,
        "{} one looks like": 0.5,
        "the {} looks like": 1.5,
    },
    **{"{} image": 1, "{} is": 1, "{} image is": 0.5, "{} shape": 0.7, "the {} one": 0.8, "the {} shape is": 0.7},
}
ALTERNATIVES = {
    **{" or ": 5, ", or ": 3, ", ": 3, ". it also looks like ": 1, ". could also be ": 1, ". or ": 1, " or maybe ": 1},
    **{" and also like ": 0.4, ", kind of like ": 1, ". it could be ": 0.7, ", like ": 0.7, ". looks like ": 0.7},
}
JOINERS = {
    " and ": 4,
    " ": 5,
    ". ": 2,
    ", ": 2,
    " that is ": 0.6,
    ", and ": 0.4,
    " - ": 0.2,
    " kind of ": 0.3,
    ". also ": 0.3,
}
BUTS = {"but": 4, "": 3, "now": 2, "but please": 0.7, "but also": 0.5, "and": 0.7, "so": 0.4, "but you need to": 0.4}
REMARKS = {
    **{", i think": 1, " i guess": 0.7, " please": 0.7, " if that makes sense": 0.8, " thanks": 0.5},
    **{". it is the only one": 0.8, ". it's the only one like that": 0.8, " to me": 0.7, " or something like that": 1},
    **{
        ". that is what it looks like to me": 0.7,
        ". do you see it?": 0.8,
        ", at least to me": 0.5,
        " i would say": 0.5,
    },
    **{", or close to it": 0.6},
    **{
        ". there is only one of these": 0.8,
        ". you can see it on the board": 0.5,
        ". take your time": 0.3,
        " maybe": 0.7,
    },
    **{". please click on it": 0.5, ", you will see what i mean": 0.4, " lol": 0.3},
}

# How many of the 17 people have which habit, and half a person more for each; `multiref bench likeness --folds` counts.
HABITS: Mapping[str, Weights] = {
    "kind": {"bare": 8, "command": 5, "likeness": 3, "count": 1},
    "mark": {".": 10, ",": 3, "": 4, "!": 0.8, "..": 0.4, "...": 0.3, ";": 0.2},
    "capitals": {1.0: 4, 0.85: 3, 0.1: 3, 0.0: 7},
    "ending": {"": 11, ".": 3.5, "mixed": 2.5, "!": 0.5},
    "undoes": {"alone": 4, "then": 5, "hardly": 8},
    "announces": {1.0: 3, 0.1: 2, 0.0: 12},
    "praises": {"rarely": 3.5, "often": 13.5},
    "talk": {"terse": 6, "usual": 7, "wordy": 4},
}


@cache
def population(seed: int = 0) -> tuple[Persona, ...]:
    """Returns the speakers there are if no others are given; another seed makes other people."""
    return people(HABITS, np.random.default_rng(seed))


def people(habits: Mapping[str, Weights], rng: np.random.Generator) -> tuple[Persona, ...]:
    """Draws a population of which as many have each habit as the weights say, with phrases of their own.

    Args:
        habits: As `HABITS`.
        rng: The source of all chance.
    """

    def dealt(weights: Weights) -> list[Any]:
        """Gives each speaker one of the choices, each choice to its share of them, give or take one."""
        shares = np.cumsum([*weights.values()]) / sum(weights.values())
        drawn = [[*weights][np.searchsorted(shares, (i + rng.random()) / POPULATION)] for i in range(POPULATION)]
        return [drawn[i] for i in rng.permutation(POPULATION)]

    styles = {habit: dealt(weights) for habit, weights in habits.items()}
    return tuple(
        _person(f"speaker{number:02d}", {habit: dealt[number] for habit, dealt in styles.items()}, rng)
        for number in range(POPULATION)
    )


def _person(name: str, style: Mapping[str, Any], rng: np.random.Generator) -> Persona:
    """Draws a speaker of a style: the words it uses, by rule from a few that it has chosen, and its rates."""

    def some(weights: Weights, most: int = 3) -> list[Any]:
        """Returns a few choices, the first of them more often than the others."""
        probabilities = np.array([*weights.values()]) / sum(weights.values())
        count = int(rng.integers(1, most + 1))
        first, *others = (list(weights)[i] for i in rng.choice(len(weights), count, False, probabilities))
        return [first] * (1 + len(others)) + others

    def marked(phrases: Sequence[str], mark: str) -> Phrases:
        return tuple(phrase + mark for phrase in phrases)

    def both(ones: Sequence[str], others: Sequence[str]) -> Phrases:
        return tuple(f"{one} {other}".strip() for one in ones for other in others)

    kind, mark = style["kind"], style["mark"]
    verbs = some(UNDO_VERBS, 2)
    objects = some({what: n for what, n in UNDO_OBJECTS.items() if what or not {*verbs} & {*TRANSITIVE}}, 2)
    please = rng.choice(["", "please"], p=[0.93, 0.07])
    undos = both([please], both(verbs, objects))
    links = some({mark or ",": 3, "": 3, " and": 3, ".": 2, " and then": 0.5}, 1)
    likeness, connective = some(LIKENESSES, 2), some(CONNECTIVES | ({"": 30} if kind == "bare" else {}), 2)
    commands = some(COMMANDS, 2)
    begins = {
        "bare": [""] * 3,
        "command": commands,
        "likeness": likeness,
        "count": [""],
    }[kind]
    again = some(AGAIN["likeness" if kind == "count" else kind], 2) + begins
    nexts = both(some(NEXT_ONES, 2), likeness) if kind == "likeness" else both(connective, begins)
    if kind == "bare" and rng.random() < 0.3:
        nexts += both(connective, commands[:1])
    count = some(COUNTS, 1)[0]
    alone, then = {"alone": (0.75, 0.3), "then": (0.1, 0.9), "hardly": (0.06, 0.08)}[style["undoes"]]
    remarks = some(REMARKS, 3)
    return Persona(
        name=name,
        praise=float(rng.beta(1, 12) if style["praises"] == "rarely" else rng.beta(12, 2)),
        praises=marked(some(PRAISES), mark),
        corrections=marked(some(CORRECTIONS), mark),
        undos=undos,
        undos_then=both(undos, [""]) if not links[0] else marked(undos, links[0]),
        undo_only=float(rng.beta(8 * alone, 8 * (1 - alone))),
        asks_undo=float(rng.beta(8 * then, 8 * (1 - then))),
        buts=tuple(some(BUTS, 2)),
        before_mistake=both([please], verbs),
        announces=style["announces"],
        before_first=tuple(begins),
        before_next=nexts,
        before_again=tuple(again),
        before_last=tuple(some(LASTS, 2)),
        numbered=tuple(count.format(ordinal) for ordinal in ORDINALS) if kind == "count" else (),
        says_last=float(rng.beta(1, 11)),
        remarks=("",) * int(rng.choice([10, 20, 40])) + tuple(remarks) if rng.random() < 0.4 else ("",),
        compares=float(rng.beta(2, 4)),
        detail={"terse": 1, "usual": int(rng.integers(1, 3)), "wordy": int(rng.integers(3, 5))}[style["talk"]],
        cares=float(rng.beta(3, 4) if style["talk"] == "terse" else rng.beta(6, 2)),
        article="the"
        if kind == "command" and rng.random() < 0.75
        else "none"
        if kind == "bare" and rng.random() < 0.5
        else "as it is",
        joiners=tuple(some(JOINERS, 2)),
        alternatives=tuple(some(ALTERNATIVES, 2)),
        pronoun=str(
            rng.choice(
                {
                    "command": ["the shape", "the piece", "the thing", "something", "the object", "the one"],
                    "bare": ["", "", "", "", "shape", "something"],
                    "likeness": ["something", "a shape", "a thing", "it has"],
                    "count": ["", "shape", "something", "a shape"],
                }[kind]
            )
        ),
        capitals=style["capitals"],
        endings={"": ("",), ".": (".",), "!": ("!", "."), "mixed": ("", ".")}[style["ending"]],
        typos=float(rng.choice([0.0, 0.0, 0.01, 0.02, 0.04])),
    )
