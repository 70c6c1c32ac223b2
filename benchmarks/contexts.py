"""How easily are the tangrams of a context confused, by the similarity it is drawn with?

    multiref bench contexts [--tangrams figures|kilogram:PATH] [--contexts 2000] [--seed 0]

One tangram of each context is described, by rule and in plain words. The description is ambiguous if it also fits
another tangram of the context. The package's own figures are described by facts, beginning with the one that excludes
most of the tangrams that still fit (the greedy algorithm of Dale and Reiter 1995), up to a number of facts. A KiloGram
tangram is described by one of its recorded descriptions, which also fits every tangram for which people ever used all
of its words. Intervals are 95 % Wilson intervals, since contexts are independent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.intervals import wilson
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent
from multiref_gym.commands.options import Count, FiguresOptions, Natural, TangramsName
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import shared_contexts
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet, load_tangrams
from multiref_gym.tangrams.kilogram import content_words

SIMILARITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
LIMITS = {"1 fact": 1, "2 facts": 2, "3 facts": 3, "all facts": None}
RECORDED = "a recorded description"


def fitting(facts: Collection[str], tangrams: Sequence[Tangram]) -> list[Tangram]:
    """Returns the tangrams that all of these facts fit."""
    return [tangram for tangram in tangrams if tangram.facts.issuperset(facts)]


def greedy(target: Tangram, context: Sequence[Tangram], limit: int | None) -> list[str]:
    """Returns facts of the target, each the one that excludes most of the tangrams that still fit.

    It ends when only the target fits, when no fact excludes another tangram, or at the limit of facts.
    """
    facts: list[str] = []
    fit = list(context)
    while len(fit) > 1 and len(facts) != limit:
        fact = min(sorted(target.facts), key=lambda fact: len(fitting([fact], fit)))
        left = fitting([fact], fit)
        if len(left) == len(fit):
            break
        facts.append(fact)
        fit = left
    return facts


def ambiguous(target: Tangram, context: Sequence[Tangram], rng: np.random.Generator) -> dict[str, bool]:
    """Returns whether the description of the target also fits another tangram, by the kind of description."""
    if target.facts <= LEXICON.keys():
        descriptions = {name: greedy(target, context, limit) for name, limit in LIMITS.items()}
    else:
        descriptions = {RECORDED: list(content_words(target.descriptions[rng.integers(len(target.descriptions))]))}
    return {name: len(fitting(words, context)) > 1 for name, words in descriptions.items()}


def measure(tangrams: TangramSet, contexts: int, seed: int) -> dict[str, Any]:
    """Returns the fraction of ambiguous descriptions with its interval, by similarity and by kind of description.

    Raises:
        UserError: If contexts with all similarities cannot be drawn from the set.
    """
    results: dict[str, Any] = {}
    for similarity in SIMILARITIES:
        drawing, rng = shared_contexts(tangrams, similarity), np.random.default_rng(seed)
        found = []
        for _ in range(contexts):
            context = [tangrams[id] for id in drawing.draw(rng).listener_order]
            found.append(ambiguous(context[rng.integers(CONTEXT_SIZE)], context, rng))
        hits = {name: sum(each[name] for each in found) for name in found[0]}
        shares = {name: wilson(count, contexts) for name, count in hits.items()}
        results[str(similarity)] = {
            name: {"ambiguous": share.mean, "interval": (share.low, share.high)} for name, share in shares.items()
        }
    return results


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the fractions as a table."""
    levels = results["similarity"]
    title = "Ambiguous descriptions; {contexts} contexts of {tangrams} for each similarity".format(**results)
    rows = [
        [similarity, *(percent(apart(kind["ambiguous"], kind["interval"]), 1, "%", 1) for kind in kinds.values())]
        for similarity, kinds in levels.items()
    ]
    screen.show(Sheet(title, ["similarity", *levels[str(SIMILARITIES[0])]], rows))


@dataclass(frozen=True, kw_only=True)
class Contexts(FiguresOptions):
    """How easily are the tangrams of a context confused, by the similarity it is drawn with?

    Attributes:
        tangrams: figures or kilogram:PATH.
        contexts: Contexts for each level of similarity.
        seed: The seed of the contexts.
    """

    tangrams: TangramsName = "figures"
    contexts: Count = 2000
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Prints the fractions and writes them.

        Raises:
            UserError: If there are no such tangrams, or contexts with all similarities cannot be drawn from them.
        """
        tangrams = load_tangrams(self.tangrams)
        results = {"tangrams": tangrams.name, "size": len(tangrams), "contexts": self.contexts, "seed": self.seed}
        results["similarity"] = measure(tangrams, self.contexts, self.seed)
        show(self.write(results), screen)
