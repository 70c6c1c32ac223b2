"""Personas of simulated speakers: a population drawn from the habits and the words of people.

The population simulates a distribution of people. Habit frequencies are counted on 159 games of 17 people with a
learned listener: most praise nearly every good action and a few almost never do; nearly all mark a bad one. The words
of each speaker are drawn from lists of everyday phrases, and put together by rules. The adversarial speakers are not
fitted to people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.simulators.persona import Persona, Phrases, read_personas

POPULATION = 48

Weights = Mapping[Any, float]
"""The relative number of people with each habit or phrase; the numbers need not add up to anything."""


def _weights(listed: str) -> dict[str, float]:
    """Reads "3 yes; 0.5 that is right": phrases, each after the relative number of people who say it."""
    found = (" ".join(item.split()).partition(" ") for item in listed.split(";"))
    return {phrase: float(count) for count, _, phrase in found}


# Speakers' phrases, with how often each is said relative to the others. They are everyday English, written after a look
# at 11 of the 17 people of the human games: most people use one of a few common phrases, and a few use rare ones. Some
# phrases come from earlier lists, written with all 17 in view, and the weights were set with figures of all 17 in view.
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
"""Verbs that need an object."""
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
# The number of people with each habit, of 17 people with 159 games, plus half a person: see `multiref bench
# unseen-people`.
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
    """Returns the default speakers; another seed draws other people."""
    return people(HABITS, np.random.default_rng(seed))


def people(habits: Mapping[str, Weights], rng: np.random.Generator) -> tuple[Persona, ...]:
    """Draws a population in which habits are as frequent as their weights say; each person has their own phrases.

    Args:
        habits: See `HABITS`.
        rng: The random generator.
    """

    def dealt(weights: Weights) -> list[Any]:
        """Gives each speaker one of the choices, in proportion to their weights, give or take one speaker."""
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
    """Draws a speaker of a style: its rates, and phrases that rules put together from words that it has chosen."""

    def some(weights: Weights, most: int = 3) -> list[Any]:
        """Returns a few choices; the first is more frequent than all others together."""
        shares = np.array([*weights.values()]) / sum(weights.values())
        count = int(rng.integers(1, most + 1))
        first, *others = (list(weights)[i] for i in rng.choice(len(weights), count, False, shares))
        return [first] * (1 + 2 * len(others)) + others

    def one(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    def rate(mean: float, people: float = 8) -> float:
        """Draws a rate from a beta distribution; more `people` draw it nearer to the mean."""
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
"""The habits of difficult speakers that differ from the population's."""


@cache
def adversarial() -> tuple[Persona, ...]:
    """Returns difficult speakers, to test listeners and decoders: equally many of each kind.

    The sarcastic praise bad actions, the lazy hardly say anything, the wrong misjudge actions and describe other
    tangrams than they mean, and the silent say nothing half of the time. All other habits are those of the population.
    They are a test, not fitted to people.
    """
    others = population()[: POPULATION // len(ADVERSARIAL)]
    return tuple(
        replace(persona, name=f"{kind}{number:02d}", **habits)
        for kind, habits in ADVERSARIAL.items()
        for number, persona in enumerate(others)
    )


SETS = {"population": population, "adversarial": adversarial}
"""The named sets of personas."""


def personas_of(name: str | Path) -> tuple[Persona, ...]:
    """Returns a set of personas by its name, `population` or `adversarial`, or else from a file.

    Raises:
        PersonaError: As in `read_personas`.
    """
    return SETS[str(name)]() if str(name) in SETS else read_personas(name)
