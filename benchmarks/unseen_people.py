"""How similar is the simulated population's talk to that of people who did not shape it?

    multiref bench unseen-people --human HUMAN.jsonl

The speakers of a file of human games are divided into folds. For each fold, the habits of the other speakers are
counted (`habits_of`), a population is drawn with these frequencies (`people`), and its games with the erring listener
are compared with the games of the fold, as in `multiref bench likeness`. So no person who judges the population was
counted for it; "all" compares the games of all folds together with all people. The population's phrases for each habit
are the package's own and the same in all folds.

Plain rules count a habit by the openings, endings and words of a speaker's utterances. Half a person is added to each
count, because every habit occurs in some people. The counts of all speakers, which are printed last, are the content of
`HABITS` in `simulators/population.py`, as counted on its 17 speakers.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.dialogue_statistics import (
    ANNOUNCEMENT,
    PRAISE,
    UNDO_ONLY,
    compare,
    units_of,
)
from multiref_gym.agents.evaluation.reply_classifier import replies_of, tell_apart
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, FiguresOptions, Natural, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.formats import read_games
from multiref_gym.interaction import Interaction
from multiref_gym.simulators.population import COMMANDS, HABITS, UNDO_VERBS, Weights, people
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet

UNCOUNTED = 0.5
"""The number of people added to each habit's count."""
OPENING = 8
"""The number of words in an utterance's opening, which shows the kind of request; a mere undo request has no more."""
TERSE, WORDY = 7, 12
"""A speaker is terse below the first mean number of words in an utterance, and wordy above the second.

These are the means of such personas.
"""

_MARK = re.compile(r"^[\w' ]*?(?:yes|good|correct|great|perfect|right|no|wrong|incorrect|okay|nice)\b([.,!;]*)", re.I)
_COUNT = re.compile(r"\b(?:first|second|third|fourth|fifth|1st|2nd|3rd|4th|image \d|number \d)\b", re.I)
_COMMAND = re.compile(rf"\b(?:{'|'.join(sorted(COMMANDS, key=len, reverse=True))})\b", re.I)
_LIKENESS = re.compile(r"\b(?:looks?|resembles?|could be|it is|it's|this is)\b", re.I)
_UNDO = re.compile(rf"\b(?:{'|'.join(map(re.escape, UNDO_VERBS))})\b", re.I)


def habits_of(games: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the habits, among those of `HABITS`, of these games' speaker.

    Args:
        games: Games of one speaker, one or more.
    """
    utterances = [turn.utterance for game in games for turn in game.turns]
    openings = [" ".join(utterance.split()[:OPENING]) for utterance in utterances if not UNDO_ONLY.fullmatch(utterance)]
    answers: dict[Feedback, list[str]] = {truth: [] for truth in Feedback}
    for game in games:
        for exchange in game.exchanges():
            answers[ground_truth(exchange.action, game.targets)].append(exchange.reply)
    bad = answers[Feedback.NEGATIVE]

    def share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
        return float(np.mean([bool(pattern.search(text)) for text in texts])) if texts else 0.0

    kinds = {"count": 2 * share(_COUNT, openings), "command": share(_COMMAND, openings)}
    kinds |= {"likeness": share(_LIKENESS, openings), "bare": 0.4}
    marks = Counter(found[1] for text in utterances if (found := _MARK.match(text)))
    ends = [next((mark for mark in "!." if utterance.endswith(mark)), "") for utterance in utterances if utterance]
    plain = ends.count("") / max(1, len(ends))
    words = float(np.mean([len(utterance.split()) for utterance in utterances]))
    short = [text for text in bad if len(text.split()) <= OPENING]
    undoes, alone = share(_UNDO, bad), share(_UNDO, short) * len(short) / max(1, len(bad))
    return {
        "kind": max(kinds, key=kinds.__getitem__),
        "mark": marks.most_common(1)[0][0] if marks else "",
        "capitals": _nearest(HABITS["capitals"], np.mean([text[:1].isupper() for text in utterances])),
        "ending": "" if plain > 0.85 else "mixed" if plain > 0.3 else max(".!", key=ends.count),
        "undoes": "hardly" if undoes < 0.4 else "alone" if alone > undoes / 2 else "then",
        "announces": _nearest(
            HABITS["announces"], np.mean([bool(ANNOUNCEMENT.search(game.turns[0].utterance)) for game in games])
        ),
        "praises": "rarely" if share(PRAISE, [text[:30] for text in answers[Feedback.POSITIVE]]) < 0.25 else "often",
        "talk": "terse" if words < TERSE else "wordy" if words > WORDY else "usual",
    }


def _nearest(choices: Weights, value: Any) -> Any:
    return min(choices, key=lambda choice: abs(choice - float(value)))


def counted(speakers: Sequence[Sequence[Interaction]]) -> dict[str, dict[Any, float]]:
    """Returns the number of speakers with each habit, plus half a person: the weights for `people`."""
    counts: dict[str, dict[Any, float]] = {
        habit: dict.fromkeys(choices, UNCOUNTED) for habit, choices in HABITS.items()
    }
    for games in speakers:
        for habit, choice in habits_of(games).items():
            counts[habit][choice] = counts[habit].get(choice, UNCOUNTED) + 1
    return counts


def simulated(
    habits: Mapping[str, Weights], name: str, tangrams: TangramSet, games: int, seed: np.random.SeedSequence
) -> list[Interaction]:
    """Plays games of a named population with these habits and the erring listener."""
    of_people, of_games = seed.spawn(2)
    drawn = people(habits, np.random.default_rng(of_people))
    personas = [replace(persona, name=f"{name}-{persona.name}") for persona in drawn]
    make = partial(ScriptedSpeaker, tangrams, personas=personas)
    started = new_games(tangrams, range(games), make, of_games, name="erring")
    return list(play(ErringListener(started), started, policy="erring"))


def evaluate(
    human: Sequence[Interaction], folds: int, games: int, tangrams: TangramSet, seed: int, screen: Screen
) -> dict[str, Any]:
    """Returns the figures of each fold and of all together, and the habit counts of all speakers.

    Raises:
        UserError: If there are fewer than two speakers for a fold, or scikit-learn is missing.
    """
    by_speaker = defaultdict[str, list[Interaction]](list)
    for interaction in human:
        by_speaker[interaction.speaker].append(interaction)
    names = sorted(by_speaker.keys() - {""})
    if len(names) < 2 * folds:
        raise UserError(f"{len(names)} named speakers are too few for {folds} folds: allowed are two or more for each")
    found, samples = [], list[Interaction]()
    for fold, child in enumerate(np.random.SeedSequence(seed).spawn(folds)):
        screen.report("folds", fold, total=folds)
        held_out = names[fold::folds]
        habits = counted([by_speaker[name] for name in names if name not in held_out])
        held_out_games = [game for name in held_out for game in by_speaker[name]]
        rng, played = np.random.default_rng(child), simulated(habits, f"fold{fold}", tangrams, games, child)
        sample = [played[i] for i in np.sort(rng.choice(games, min(games, len(held_out_games)), replace=False))]
        samples += sample
        found.append({"speakers": held_out, **_compared(sample, held_out_games, rng)})
    everybody = [game for name in names for game in by_speaker[name]]
    together = _compared(samples, everybody, np.random.default_rng(seed))
    return {"folds": found, "together": together, "habits": counted([by_speaker[name] for name in names])}


def _compared(played: Sequence[Interaction], human: Sequence[Interaction], rng: np.random.Generator) -> dict[str, Any]:
    statistics = compare(units_of(played), [units_of(human)], rng)
    return {
        "games": [len(played), len(human)],
        "inside": sum(statistic["inside"] for statistic in statistics.values()),
        "statistics": statistics,
        "classifier": tell_apart(replies_of([played]), replies_of([human]), rng),
    }


@dataclass(frozen=True, kw_only=True)
class UnseenPeople(TangramOptions, FiguresOptions):
    """How similar is the simulated population's talk to that of people who did not shape it?

    Attributes:
        human: Games of people, whose speakers are named.
        folds: The number of parts that the speakers are divided into.
        games: The number of games that each population plays.
        seed: Seeds all randomness.
    """

    human: Path
    folds: Count = 3
    games: Count = 400
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If the file has no games or a bad one, too few speakers, or scikit-learn is missing.
        """
        human = [logged.interaction for logged in read_games(self.human)[0] if not logged.abandoned]
        results = evaluate(human, self.folds, self.games, self.chosen_tangrams(), self.seed, screen)
        as_json = json.loads(json.dumps({**results, "seed": self.seed}), parse_constant=lambda nan: None)
        self.write(as_json, "scikit-learn")
        parts = {", ".join(fold["speakers"]): fold for fold in results["folds"]} | {"all": results["together"]}
        rows = [
            [
                name,
                f"{part['inside']} of {len(part['statistics'])}",
                ", ".join(name for name, statistic in part["statistics"].items() if not statistic["inside"]),
                percent(apart(part["classifier"]["accuracy"], part["classifier"]["interval"]), 1, "%", 1),
            ]
            for name, part in parts.items()
        ]
        note = f"{len(human)} games; with few speakers, the 95 % intervals are too narrow for the differences of people"
        screen.show(Sheet("", ["held out", "inside", "outside", "classified correctly"], rows, note))
        for habit, counts in results["habits"].items():
            screen.say(f"{habit}: " + ", ".join(f"{choice!r} {count:g}" for choice, count in counts.items()))
