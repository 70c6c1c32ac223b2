"""Trains the learned decoder on simulated games alone, in ten seconds on one core.

Listeners of several skills play with several populations of speakers. From the replies, a logistic regression learns
which actions were entirely right. On other populations its log-odds are then scaled and shifted until they are right on
average (Platt scaling); the scale and the shift become part of the weights. The speakers in deployment (`population()`)
are in neither.

Half of the speakers have their own phrases, because the scripted population rejects in six ways, and people in many
more. These phrases were thought up. Only two things come from games of people, as elsewhere in the package: the phrases
of the scripted population, and the spellings of undo verbs in the lexical decoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.decoders.learned import Weights, features
from multiref_gym.agents.decoders.words import STOP, words_of
from multiref_gym.agents.listeners.baselines import ErringListener, RandomListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, Natural, NewFile
from multiref_gym.commands.screen import Screen
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.files import write_json
from multiref_gym.listener import Listener
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.population import CORRECTIONS, PRAISES, UNDO_OBJECTS, UNDO_VERBS, population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

LEARNED_FROM, CALIBRATED_ON = range(101, 109), range(109, 117)
"""Seeds of the populations. There are several, so that no phrase belongs to a single speaker."""
LISTENERS: dict[str, Callable[[Sequence[Episode]], Listener]] = {
    "good": partial(ErringListener, mistakes=0.1, hard=0.3),
    "like people's": ErringListener,
    "poor": partial(ErringListener, mistakes=0.6, hard=0.9),
    "random": lambda games: RandomListener(),
}
INVERSE_PENALTY = 0.1
"""C of the logistic regression."""
FEWEST = 5
"""The number of replies that a feature needs to get a weight."""


def _phrases(listed: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in listed.split(";"))


# Phrases of speakers, besides those of the scripted population.
MORE_PRAISES = _phrases("""
    yes; yeah; yep; yup; yes; good; great; nice; right; perfect; excellent; awesome; exactly; good job; nice job;
    great job; well done; you got it; got it; that's it; that's right; cool; that's correct; that is correct;
    that's the one; correct choice; thanks; thank you; ok; okay; fine; sure; all good; looks good; that works;
    keep that; keep it; yes, that is it; amazing; no problem; no worries; not bad; no, you are right; no complaints;
    oh yes; yesss; no mistakes so far; wait no, that is right; sorry, you were right; don't change that; exacly
""")
MORE_CORRECTIONS = _phrases("""
    no; nope; no; nah; wrong; wrong one; wrong choice; incorrect; not that; not that one; oops; that's not it;
    that is not it; that isn't it; it's not that one; that's wrong; that was wrong; not quite; not correct;
    not right; that's not right; that is incorrect; close, but no; almost; try again; no, try again; sorry, no;
    sorry, wrong one; that was a mistake; mistake; error; close; not what i meant; you picked the wrong one; you chose
    the wrong one; don't pick that; not this one; neither; still wrong; still no; no, the other one; not it;
    no no; again, no; i meant another one; nooo; oh no; wrng; good try, but no; yes but not that one; look again;
    great, but that is wrong; thanks, but no; close, but not it; i meant the other one; are you sure?;
    right, but undo that; half right; only one of them is right
""")
HINTS = _phrases("""
    the other one; it should be another one; i said something else; you picked another; still the same one; i mean;
    i wanted a different one; you have the other one; more like; mine is;
    you missed it; i asked for; not so much; i was thinking of; elsewhere
""")
MORE_UNDOS = tuple(
    f"{verb} {what}".strip()
    for verb in _phrases("deselect; please deselect; undo; take off; get rid of; you need to deselect")
    for what in _phrases("""
        ; that; it; this; that one; this one; the last one; the last shape; last one; those; the last selection;
        your last choice; what you just picked; the one you just selected; the previous
    """)
)
OWN_PHRASES = 2
"""A speaker's number of phrases for praise, for correction and for asking for an undo."""
MARKS = (".", ".", ",", "")
"""The ends of a speaker's own phrases; each speaker uses one of them."""
UNDOERS = 8
"""Of this many people, one answers a wrong action by asking for an undo and then goes on, and four only hint."""

# The figures' descriptions have no negations, but people's have.
NEGATIONS = (("without a ", "with no "), ("facing ", "not facing "), ("looking ", "not looking "))

FUNCTION_WORDS = """
    a an the this that thats these those it its he she they them i im ive me my we you your who which what where there
    is isnt are arent was wasnt were be do does doesnt did didnt dont have has can cant should and or but so if then
    at by for from in into of off on to with without like as about both all every any some other another else one two
    three four five first second third last final previous prior total more again still also too just only very now
    before after next
"""
COMMAND_WORDS = "pick click select selected choose find look looks need want get take keep leave deselect"


def learned_words() -> frozenset[str]:
    """Returns the words that are not masked: those of judgements, and the common words of requests."""
    of_population = (*PRAISES, *CORRECTIONS, *UNDO_VERBS, *UNDO_OBJECTS)
    phrases = (*of_population, *MORE_PRAISES, *MORE_CORRECTIONS, *HINTS, *MORE_UNDOS)
    return frozenset(word for text in (*phrases, FUNCTION_WORDS, COMMAND_WORDS) for word in words_of(text)) - {STOP}


def speakers(populations: Iterable[int], plain: bool = False) -> list[Persona]:
    """Returns the people of some populations, each twice: once as they are, and once with their own phrases.

    Further people with their own phrases answer a wrong action only by asking for an undo, or only by a hint.

    Args:
        populations: The populations' seeds.
        plain: Whether to leave out the further people.
    """
    personas = [persona for seed in populations for persona in population(seed)]
    rng = np.random.default_rng([*populations])

    def own(phrases: Sequence[str], mark: str = "") -> tuple[str, ...]:
        return tuple(phrase + mark for phrase in rng.choice(phrases, OWN_PHRASES, replace=False).tolist())

    def with_own_words(persona: Persona) -> Persona:
        mark, undos = str(rng.choice(MARKS)), own(MORE_UNDOS)
        return replace(
            persona,
            praises=own(MORE_PRAISES, mark),
            corrections=own(MORE_CORRECTIONS, mark),
            undos=undos,
            undos_then=tuple(undo + mark for undo in undos),
        )

    others = list(map(with_own_words, personas))
    if plain:
        return [*personas, *others]
    undoers = [replace(other, corrections=("",), undos_then=other.undos, asks_undo=1.0) for other in others[::UNDOERS]]
    hinters = [replace(other, corrections=own(HINTS)) for other in others[1 :: UNDOERS // 4]]
    return [*personas, *others, *undoers, *hinters]


def simulated(
    personas: Sequence[Persona],
    games: int,
    seed: np.random.SeedSequence,
    listeners: Mapping[str, Callable[[Sequence[Episode]], Listener]] = LISTENERS,
) -> tuple[list[Exchange], list[bool]]:
    """Plays games of each listener with speakers.

    Args:
        personas: The speakers.
        games: The number of games of each listener.
        seed: Seeds all randomness.
        listeners: By name, callables that make a listener for given games.

    Returns:
        The exchanges, and whether each action was entirely right. Actions without clicks are left out, because they are
        never right.
    """
    tangrams = load_tangrams("figures").split("train")
    exchanges, good = [], []
    for (name, listener), child in zip(listeners.items(), seed.spawn(len(listeners)), strict=True):
        rng = np.random.default_rng(child)
        started = new_games(tangrams, range(games), partial(ScriptedSpeaker, tangrams, personas=personas), child)
        for game in play(listener(started), started, policy=name):
            for exchange in game.exchanges():
                if exchange.action.clicks:
                    exchanges.append(_negated(exchange) if rng.random() < 0.5 else exchange)
                    good.append(ground_truth(exchange.action, game.targets) is Feedback.POSITIVE)
    return exchanges, good


def _negated(exchange: Exchange) -> Exchange:
    """Returns the exchange with negations in the reply's descriptions."""
    reply = exchange.reply
    for plain, negation in NEGATIONS:
        reply = reply.replace(plain, negation)
    return replace(exchange, reply=reply)


def train(games: int, seed: int) -> Weights:
    """Learns from simulated games.

    Args:
        games: The number of games of each listener, once for learning and once for calibration.
        seed: Seeds all randomness except the populations.

    Raises:
        UserError: If scikit-learn is missing.
    """
    try:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise UserError("training the decoder needs scikit-learn: run `pip install multiref-gym[learned]`") from error
    words = learned_words()
    for_learning, for_calibration = np.random.SeedSequence(seed).spawn(2)

    exchanges, good = simulated(speakers(LEARNED_FROM), games, for_learning)
    replies = [features(exchange, words) for exchange in exchanges]
    seen = Counter(name for reply in replies for name in reply)
    frequent = {name for name, count in seen.items() if count >= FEWEST}
    table = DictVectorizer()
    rows = table.fit_transform([dict.fromkeys(reply & frequent, 1.0) for reply in replies])
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, tol=1e-6).fit(rows, good)

    exchanges, good = simulated(speakers(CALIBRATED_ON), games, for_calibration)
    rows = table.transform([dict.fromkeys(features(exchange, words), 1.0) for exchange in exchanges])
    scores = model.decision_function(rows)[:, None]
    scaling = LogisticRegression(C=np.inf).fit(scores, good)
    slope, shift = float(scaling.coef_[0, 0]), float(scaling.intercept_[0])
    by_feature = {
        name: weight
        for name, value in zip(table.get_feature_names_out().tolist(), model.coef_[0].tolist(), strict=True)
        if (weight := round(slope * value, 4))
    }
    return Weights(words & frequent, round(slope * float(model.intercept_[0]) + shift, 4), by_feature)


def write(path: Path, weights: Weights, settings: dict[str, Any]) -> None:
    """Writes weights and their settings as JSON, with one weight on each line."""
    write_json(path, settings | weights.to_json(), indent=1)


@dataclass(frozen=True, kw_only=True)
class TrainDecoder:
    """Trains the learned decoder on simulated games alone, in ten seconds on one core.

    Attributes:
        out: The file to write the weights to.
        games: The number of games of each listener, once for learning and once for calibration.
        seed: Seeds all randomness except the populations.
    """

    out: NewFile
    games: Count = 500
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Trains and writes the weights.

        Raises:
            UserError: If scikit-learn is missing.
        """
        weights = train(self.games, self.seed)
        write(self.out, weights, {"games": self.games, "seed": self.seed})
        screen.say(f"{len(weights.by_feature)} weights in {self.out}")
