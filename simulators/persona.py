"""Who a speaker is: habits that stay the same for a whole game, and differ between speakers.

The population is a simulation: a distribution of people. How many have a habit is counted on 159 games of 17 people
with a learned listener: most praise nearly every good action and a few almost never do, nearly all mark a bad one. In
which words they do is drawn for each speaker from lists of what anybody may type, and put together by rule.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """Returns the personas of a set by its name, `population` or `adversarial`, or else those of a TOML file.

    The file has a table `[[persona]]` for each; what one leaves out is as in `Persona`.

    Raises:
        PersonaError: One line on the file that is missing or malformed, or the persona and key that are wrong.
    """
    if str(path) in SETS:
        return SETS[str(path)]()
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


def _weights(listed: str) -> dict[str, float]:
    """Reads "3 yes; 0.5 that is right", phrases with how many people say them."""
    found = (" ".join(item.split()).partition(" ") for item in listed.split(";"))
    return {phrase: float(count) for count, _, phrase in found}


# What speakers say, and how often beside the rest. It is English in general, what anybody may type, written after a
# look at 11 of the 17 people of the human games: most say one of a few words, and a few say any other. Some phrases
# come from earlier lists, written with all 17 in view, and the weights were set with figures of all 17 in view.
PRAISES = _weights("""
    44 yes; 38 good; 34 correct; 18 great; 14 perfect; 9 very good; 7 ok; 7 that is right; 1 right; 1 nice; 1 okay;
    0.8 that's right; 0.7 that is correct; 0.7 that's correct; 0.7 yep; 0.7 good job; 0.6 great job; 0.5 yeah; 0.5
    awesome; 0.4 yes, that's right; 0.3 excellent; 0.3 cool; 0.3 well done; 0.3 nice job; 0.3 yes good; 0.3
    exactly; 0.3 yes that's it; 0.3 that's it; 0.3 yes correct; 0.3 that's good; 0.2 yup; 0.2 good work; 0.2 good
    choice; 0.1 got it; 0.1 you got it; 0.1 all good so far
""")
CORRECTIONS = _weights("""
    90 no; 28 wrong; 8 incorrect; 4 that is wrong; 4 no, not that one; 1 nope; 0.8 not that one; 0.7 not that;
    0.7 that's wrong; 0.7 that's not it; 0.6 no that's not it; 0.5 not quite; 0.5 that is incorrect; 0.4 wrong
    one; 0.4 that is not it; 0.4 not it; 0.4 that is not correct; 0.4 no that is wrong; 0.3 no, wrong one; 0.3
    close but no; 0.3 that's incorrect; 0.3 no that is not right; 0.3 that was wrong; 0.3 not correct; 0.3 that's
    not the one; 0.3 not the right one; 0.2 sorry no; 0.2 no sorry; 0.2 not quite but close; 0.2 wrong choice; 0.2
    that is completely wrong; 0.2 not the one i meant; 0.1 no no
""")
UNDO_VERBS = _weights("""
    36 deselect; 12 remove; 10 unselect; 4 undo; 1.2 delete; 0.8 get rid of; 0.7 unclick; 0.7 de-select; 0.4 take
    off; 0.3 clear; 0.2 cancel; 0.2 take away; 0.2 un-select
""")
UNDO_OBJECTS = _weights("""
    6; 6 that; 5 it; 1.5 that one; 1.5 the last selection; 1.5 the last shape; 1.5 the last object; 1 the last
    one; 0.7 this; 0.5 last one; 0.5 the last image; 0.5 that shape; 0.4 the last choice; 0.4 your last choice;
    0.4 the previous one; 0.4 the last piece; 0.4 last selection; 0.4 that piece; 0.4 this one; 0.3 the one you
    just selected; 0.2 the prior choice; 0.2 the one you just picked
""")
TRANSITIVE = ("get rid of", "take off", "cancel", "clear", "take away", "delete")
"""Verbs that ask for an object."""
COMMANDS = _weights("""
    10 select; 6 choose; 6 pick; 5 click; 1.2 click on; 1 find; 0.8 get; 0.8 look for; 0.6 please select; 0.5 we
    need; 0.4 try; 0.4 let's choose; 0.3 can you find; 0.3 take; 0.3 add; 0.3 please choose; 0.2 go for; 0.2 give
    me; 0.2 let's get; 0.2 please pick; 0.2 can you select; 0.1 find me
""")
LIKENESSES = _weights("""
    8 looks like; 1.5 it looks like; 1 it is; 0.8 resembles; 0.8 it's; 0.7 kind of looks like; 0.5 this one looks
    like; 0.5 shape looks like; 0.5 could be; 0.5 this looks like; 0.4 this is; 0.4 one looks like; 0.4 this one
    is; 0.4 it kind of looks like; 0.3 like; 0.3 there is; 0.3 i see; 0.3 the one that looks like; 0.3 the shape
    that looks like; 0.3 it could be; 0.2 shape is; 0.2 sort of like; 0.2 almost looks like
""")
CONNECTIVES = _weights("""
    18; 4 now; 2.5 next; 0.7 then; 0.4 and; 0.3 ok; 0.3 ok now; 0.3 also; 0.2 and now
""")
NEXT_ONES = _weights("""
    10; 1.5 next; 1 now; 0.5 the next one; 0.5 the next; 0.3 next one; 0.3 next shape; 0.3 another
""")
LASTS = _weights("""
    3 last; 2 last one; 2 the last one is; 2 the last; 1 the last one; 1 the last is; 1 finally; 0.4 lastly
""")
BUTS = _weights("""
    4 but; 3; 2 now; 0.7 but please; 0.7 and; 0.5 but also; 0.4 so; 0.4 but you need to
""")
AGAIN_BARE = _weights("""
    12; 1 it looks like; 1 looks like; 0.5 it's; 0.5 more like; 0.4 maybe; 0.4 try
""")
AGAIN_COMMAND = _weights("""
    1.5 look for; 1 try; 1 find; 1; 0.7 we need; 0.3 instead
""")
AGAIN_LIKENESS = _weights("""
    1 it also looks like; 1; 0.8 more like; 0.6 could also be; 0.6 also looks like; 0.5 it could be; 0.5 it is
    more like; 0.4 the correct shape looks like; 0.3 the right one is; 0.3 the correct one is
""")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "next")
COUNTS = _weights("""
    3 the {} is; 2.5 {}; 1.5 the {} looks like; 1 the {} one is; 1 {} image; 1 {} is; 0.8 the {} one; 0.7 {}
    shape; 0.7 the {} shape is; 0.5 {} one; 0.5 {} one looks like; 0.5 {} image is
""")
# These stand with the spaces and marks before them.
JOINERS = {
    **{" and ": 4, " ": 5, ". ": 2, ", ": 2, " that is ": 0.4, ", and ": 0.4, " - ": 0.2, " kind of ": 0.2},
    **{". also ": 0.3},
}
ALTERNATIVES = {
    **{" or ": 5, ", or ": 3, ", ": 3, ". it also looks like ": 1, ". could also be ": 1, ". or ": 1},
    **{" or maybe ": 1, " and also like ": 0.4, ", kind of like ": 1, ". it could be ": 0.7, ", like ": 0.7},
    **{". looks like ": 0.7},
}
REMARKS = {
    **{", i think": 1, " i guess": 0.8, " please": 0.7, " if that makes sense": 0.8, " thanks": 0.4, " or so": 0.5},
    **{" to me": 0.8, " or something like that": 1, ". that is what it looks like to me": 0.8, ", sort of": 0.8},
    **{", at least to me": 0.7, " i would say": 0.6, ", or close to it": 0.5, ". hope that helps": 0.6, " maybe": 0.7},
    **{". you can see it on the board": 0.5, ". take your time": 0.4, ". please click on it": 0.5, " lol": 0.3},
}
# How many of 17 people with 159 games have which habit, and half a person more: `multiref bench unseen-people` counts.
HABITS: Mapping[str, Weights] = {
    "kind": {"bare": 10.5, "command": 4.5, "likeness": 2.5, "count": 1.5},
    "mark": {".": 7.5, ",": 5.5, "": 4.5, "..": 1.5, "!": 0.5, "...": 0.5, ";": 0.5},
    "capitals": {1.0: 6.5, 0.85: 1.5, 0.1: 2.5, 0.0: 8.5},
    "ending": {"": 13.5, ".": 3.5, "mixed": 1.5, "!": 0.5},
    "undoes": {"alone": 3.5, "then": 4.5, "hardly": 10.5},
    "announces": {1.0: 3.5, 0.1: 0.5, 0.0: 14.5},
    "praises": {"rarely": 3.5, "often": 14.5},
    "talk": {"terse": 7.5, "usual": 7.5, "wordy": 3.5},
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
        until = np.cumsum([*weights.values()])
        places = (np.arange(POPULATION) + rng.random(POPULATION)) / POPULATION * until[-1]
        drawn = [[*weights][i] for i in np.searchsorted(until, places, side="right")]
        return [drawn[i] for i in rng.permutation(POPULATION)]

    styles = {habit: dealt(weights) for habit, weights in habits.items()}
    return tuple(
        _person(f"speaker{number:02d}", {habit: dealt[number] for habit, dealt in styles.items()}, rng)
        for number in range(POPULATION)
    )


def _person(name: str, style: Mapping[str, Any], rng: np.random.Generator) -> Persona:
    """Draws a speaker of a style: its rates, and its phrases, put together by rule from words that it has chosen."""

    def some(weights: Weights, most: int = 3) -> list[Any]:
        """Returns a few choices, the first of them oftener than the others together."""
        shares = np.array([*weights.values()]) / sum(weights.values())
        count = int(rng.integers(1, most + 1))
        first, *others = (list(weights)[i] for i in rng.choice(len(weights), count, False, shares))
        return [first] * (1 + 2 * len(others)) + others

    def one(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    def rate(mean: float, people: float = 8) -> float:
        """Draws a rate from a beta distribution; the more people, the nearer it is to the mean."""
        return float(rng.beta(people * mean, people * (1 - mean)))

    def pairs(ones: Sequence[str], others: Sequence[str]) -> Phrases:
        return tuple(f"{one} {other}".strip() for one in ones for other in others)

    kind, mark, talk = style["kind"], style["mark"], style["talk"]
    commands, likenesses, connectives = some(COMMANDS, 2), some(LIKENESSES, 2), some(CONNECTIVES, 2)
    if kind == "command":
        first, following = commands, pairs(connectives, commands)
        again = some(AGAIN_COMMAND, 2)
        pronoun = one("the shape", "the piece", "the thing", "something", "the object", "the one")
        article = one("the", "the", "the", "as it is")
    elif kind == "likeness":
        first, following = likenesses, pairs(some(NEXT_ONES, 2), likenesses)
        again = some(AGAIN_LIKENESS, 2)
        pronoun, article = one("something", "a shape", "a thing"), "as it is"
    elif kind == "count":
        first, following = [""], ("",)
        again = some(AGAIN_LIKENESS, 2)
        pronoun, article = one("", "shape", "something", "a shape"), "as it is"
    else:
        first = [""] * len(commands)
        following = pairs(one([""], [""], connectives), one(first, first, [*first, *commands]))
        again = some(AGAIN_BARE, 2)
        pronoun, article = one("", "", "", "", "shape", "something"), one("none", "as it is")

    please = str(rng.choice(["", "please"], p=[0.93, 0.07]))
    verbs = some(UNDO_VERBS, 2)
    objects = some({it: n for it, n in UNDO_OBJECTS.items() if it or not {*verbs} & {*TRANSITIVE}}, 2)
    undos = pairs([please], pairs(verbs, objects))
    link = some({mark or ",": 3, "": 3, " and": 3, ".": 2, " and then": 0.5}, 1)[0]
    undo_only, asks_undo = {"alone": (0.75, 0.3), "then": (0.1, 0.9), "hardly": (0.06, 0.08)}[style["undoes"]]
    count = some(COUNTS, 1)[0]
    return Persona(
        name=name,
        praise=rate(0.08, 13) if style["praises"] == "rarely" else rate(0.88, 14),
        praises=tuple(praise + mark for praise in some(PRAISES)),
        corrections=tuple(correction + mark for correction in some(CORRECTIONS)),
        undos=undos,
        undos_then=tuple(undo + link for undo in undos),
        undo_only=rate(undo_only),
        asks_undo=rate(asks_undo),
        buts=tuple(some(BUTS, 2)),
        before_mistake=pairs([please], verbs),
        announces=style["announces"],
        before_first=tuple(first),
        before_next=following,
        before_again=(*again, *first),
        before_last=tuple(some(LASTS, 2)),
        numbered=tuple(count.format(ordinal) for ordinal in ORDINALS) if kind == "count" else (),
        says_last=rate(0.08, 12),
        remarks=one(("",), ("",), ("",), ("",) * one(15, 30, 60) + tuple(some(REMARKS))),
        compares=rate(0.33, 6),
        detail=one(*{"terse": (1,), "usual": (1, 2), "wordy": (3, 4)}[talk]),
        cares=rate(0.65) if talk == "terse" else rate(0.78),
        article=article,
        joiners=tuple(some(JOINERS, 2)),
        alternatives=tuple(some(ALTERNATIVES, 2)),
        pronoun=pronoun,
        capitals=style["capitals"],
        endings={"": ("",), ".": (".",), "!": ("!", "."), "mixed": ("", ".")}[style["ending"]],
        typos=one(0.0, 0.01, 0.02, 0.03, 0.05),
    )


ADVERSARIAL: Mapping[str, Mapping[str, Any]] = {
    "sarcastic": {
        "corrections": ("oh great.", "well done,", "brilliant,", "nice one.", "perfect, just perfect.", "good job,")
    },
    "lazy": {
        **{"praise": 0.0, "corrections": ("no", "no", ""), "undos": ("undo",), "undo_only": 0.7, "asks_undo": 0.0},
        **{"before_first": ("",), "before_next": ("",), "before_again": ("",), "numbered": (), "remarks": ("",)},
        **{"names": 0.5, "detail": 1, "cares": 0.0, "compares": 0.0, "pronoun": "", "article": "none"},
    },
    "wrong": {"slip": 0.2, "confuses": 0.2, "forgets": 0.1, "accepts_luck": 0.5},
    "silent": {"silence": 0.5},
}
"""What is other about speakers who make it hard."""


@cache
def adversarial() -> tuple[Persona, ...]:
    """Returns speakers who make it hard, to see what a listener or a decoder stands: as many of each kind.

    The sarcastic say words of praise after bad actions, the lazy hardly say anything, the wrong misjudge actions and
    describe other tangrams than they mean, and the silent say nothing half of the time. For the rest they are people
    of the population. They are a test, and no fit to people.
    """
    others = population()[: POPULATION // len(ADVERSARIAL)]
    return tuple(
        replace(persona, name=f"{kind}{number:02d}", **habits)
        for kind, habits in ADVERSARIAL.items()
        for number, persona in enumerate(others)
    )


SETS = {"population": population, "adversarial": adversarial}
"""The sets of personas that have a name."""
