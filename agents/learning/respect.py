"""RESPECT: retrospective learning from interactions (arXiv 2410.13852, section 4), the whole loop.

Round after round the listener policy is deployed, feedback on each of its past actions is decoded from what the
speaker said next, and the next policy is learned from the base checkpoint on the seed and on all rounds so far.
Beside it the initial policy is redeployed to the same contexts and speakers (CONTROL), so that a gain is a gain of
learning. The true targets are used for the measures alone.

Everything that a round leaves is in the run folder: its policy in `round-N/`, its interactions and feedback in
`interactions.db`. A step that is there is not taken again, so a run that was killed goes on where it was.
"""

# Annotations are evaluated here, as cyclopts would look for their names in the modules of subclasses.

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from cyclopts import Parameter

from multiref_gym.agents.decoders.dividing import decode_divided
from multiref_gym.agents.evaluation.measures import decoder_quality, measure
from multiref_gym.agents.learning.credit import Credit, examples_of
from multiref_gym.agents.learning.learn import Example, Optimisation, TrainableListener, fingerprint
from multiref_gym.agents.learning.lesson import Lesson
from multiref_gym.agents.learning.objectives import Kto, Objective, Reinforce, Sup, SupAndUnlikelihood, new_objective
from multiref_gym.agents.learning.parallel import is_main, main_first
from multiref_gym.agents.learning.run_folder import claim, locked, made_by
from multiref_gym.agents.learning.trust import UNHEARD, Judged, Trust, judged, trusts
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.listeners.named import Load, new_trainable
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.agents.play import Player, block_of, new_games, play, play_divided
from multiref_gym.agents.workers import ThisProcess, Workers
from multiref_gym.agents.workers.folder import Folder, carried
from multiref_gym.checking import read_json
from multiref_gym.commands.options import (
    Count,
    DecoderName,
    ListenerName,
    Natural,
    Positive,
    Share,
    SpeakerName,
    TangramsName,
)
from multiref_gym.contexts import shared_contexts
from multiref_gym.digests import check_digests
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder
from multiref_gym.files import write_json
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.registry import OBJECTIVES, decoder_of, feedback_name, is_language_model, new_decoder
from multiref_gym.simulators.named import speaker_of
from multiref_gym.simulators.population import personas_of
from multiref_gym.simulators.scripted import FIGURATIVE
from multiref_gym.speaker import Speaker
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

CONTROL, SEED = "CONTROL", "SEED"
"""What is deployed beside the learner: the initial policy again, and the demonstrations' oracle."""

CreditName = Literal["reply", "turns"]

FIXED_GAMES = 2**30
"""In place of the number of a round, the seed of games that no round has."""

LEARNING = "learning.json"
"""In the folder of a round: the loss and the objective's statistics in the last epoch."""

# What changes the outcome, beside the configuration of a run and the speakers' FIGURATIVE, which `recorded` adds.
SEED_TURNS = 50
SEED_MISTAKES = 0.075, 0.19
SEED_CREDIT = Credit(last_action=True)
REPLY = Credit()
SIMILARITY = 0.1
NEGLIGIBLE = 0.01
"""Turns of less weight are left out."""


@dataclass(frozen=True, slots=True)
class RoundOptimisation(Optimisation):
    """How the loss of a round is minimised, with what suits the small listener by default."""

    epochs: Count = 3
    batch: Count = 48
    embedding_rate: Positive = 16.0
    other_distractors: Share = 0.9


OPTIMISATION = RoundOptimisation()


@dataclass(frozen=True, slots=True)
class Learner:
    """How a policy learns from interactions.

    Attributes:
        name: What it is called in the store and in results.
        objective: What it minimises.
        credit: What says how good an action was: the reply to it, or what else the game tells too (`credit.py`).
        optimisation: How the loss is minimised.
    """

    name: str
    objective: Objective
    credit: Credit = REPLY
    optimisation: Optimisation = OPTIMISATION

    def recorded(self) -> dict[str, Any]:
        """Returns all settings, the objective's with the entry-point string of its class."""
        kind, settings = type(self.objective), asdict(self)
        settings["objective"] = {"class": f"{kind.__module__}:{kind.__qualname__}", **settings["objective"]}
        return settings


SUP = Learner("SUP", Sup())
RL = Learner("RL", Reinforce())
KTO = Learner("KTO", Kto())
TURNS = Learner("TURNS", SupAndUnlikelihood(), Credit(last_action=True, final_selection=True))


def learner_of(objective: str, credit: CreditName = "reply", optimisation: Optimisation = OPTIMISATION) -> Learner:
    """Returns the learner that is asked for by names.

    Args:
        objective: A registered name ("kto"), or an entry-point string.
        credit: Whether the reply to an action says how good it was, or all that the game tells in its turns.
        optimisation: How the loss is minimised.

    Raises:
        UnknownName: If there is no such objective.
        UserError: If it is none, or no learner gives such credit with it.
    """
    if credit == "turns":
        if objective != "sup":
            raise UserError(f"--credit turns is learned from by --objective sup, not {objective}")
        return replace(TURNS, optimisation=optimisation)
    made = new_objective(objective)
    name = objective.upper() if objective in OBJECTIVES else type(made).__name__
    return Learner(name, made, optimisation=optimisation)


@dataclass(frozen=True, slots=True)
class Config:
    """What a run is: it resumes only under the same.

    Attributes:
        rounds: Rounds of learning; round 0 deploys the initial policy.
        games: Games of each round.
        seed: Seeds all chance of the run.
        listener: Registered name or entry-point string of a trainable listener.
        decoder: Of a feedback decoder.
        ternary: Whether the decoder also answers neutral.
        speaker: Of a speaker.
        personas: Who the speakers are: population, adversarial, or a file.
        tangrams: figures, kilogram:PATH, or a part of what people said: kilogram-known:PATH, kilogram-new:PATH.
        seed_tangrams: What the seed's speakers describe the tangrams by, if not the same: another part.
        split: The part of them that is deployed; the base that ships has seen the figures of "train".
        base: What every round starts from: a checkpoint's folder, of vlm and llm a model's folder or hub id. By
            default the one that ships.
        trust: Weigh each speaker's turns by how likely its feedback agrees with that of the others.
        control: Whether the initial policy is deployed beside the learner, in all rounds.
    """

    rounds: Count = 6
    games: Count = 330
    seed: Natural = 0
    listener: ListenerName = "small"
    decoder: DecoderName = "lexical"
    ternary: bool = False
    speaker: SpeakerName = "scripted"
    personas: Path | None = None
    tangrams: TangramsName = "figures"
    seed_tangrams: TangramsName | None = None
    split: SplitName = "dev"
    base: Annotated[str | None, Parameter(alias="--model")] = None
    trust: bool = False
    control: Annotated[bool, Parameter(parse=False)] = True

    def common(self) -> dict[str, Any]:
        """Returns what runs with other seeds have in common with this one, fit for JSON."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("seed", "control")}
        return fields | {"personas": None if self.personas is None else str(self.personas)}


class Taught(NamedTuple):
    """What a game teaches.

    Attributes:
        speaker: Who spoke.
        examples: Turns to learn from.
        opposite: The same if the speaker says the opposite of what is so; empty if nobody asks.
        judged: What the speaker said of the actions; the same.
    """

    speaker: str
    examples: list[Example]
    opposite: list[Example]
    judged: list[Judged]


Report = Callable[[str, int, int], None]
"""Told of each step: what is done, how much of it, and of how much."""


class Respect:
    """A run in a folder.

    Args:
        config: What to run.
        learner: How the policy learns.
        out: The run's folder; made if it is not there.
        report: Told of the progress of each step.
        to_people: Whether people play the rounds, which whoever deploys puts into the store. Who deploys keeps the
            folder locked, and asks for each step; `rounds` is for simulated speakers.
        workers: Who plays, decodes and learns; this process if None. What it comes to is the same.

    Attributes:
        record: What decides the outcome; `config.json` holds it.
        systems: What is deployed in each round.
        store: The run's interactions and feedback.

    Raises:
        UserError: If the configuration names what does not exist or cannot learn, or the folder holds a run of
            another configuration.
    """

    def __init__(
        self,
        config: Config,
        learner: Learner,
        out: Path,
        report: Report = lambda step, done, total: None,
        *,
        to_people: bool = False,
        workers: Workers | None = None,
    ) -> None:
        self.config, self.learner, self.out, self._report = config, learner, out, report
        self._workers: Workers = workers or ThisProcess()
        if learner.name in (CONTROL, SEED):
            raise UserError(f"learner {learner.name!r}: {CONTROL} and {SEED} are other systems of a run")
        if is_language_model(config.speaker):
            raise UserError(f"the seed's demonstrations want a speaker that tells what it means, not {config.speaker}")
        tangrams = load_tangrams(config.tangrams)
        self._tangrams = tangrams.split(config.split)
        shared_contexts(self._tangrams)  # too small a set is an error now, not later
        self._load = new_trainable(config.listener, tangrams)
        self.systems = (learner.name, CONTROL) if config.control else (learner.name,)
        self._system = learner.name
        self._make_decoder: Callable[[], FeedbackDecoder] = partial(new_decoder, config.decoder, config.ternary)
        if isinstance(self._workers, ThisProcess):  # better a bad one is known now than after a round
            decoder = self._make_decoder()
            self._make_decoder = lambda: decoder
        else:
            decoder_of(config.decoder, config.ternary)
        self._feedback = feedback_name(config.decoder, config.ternary)
        self._make_speaker = speaker_of(config.speaker, tangrams, config.personas)
        described = tangrams if config.seed_tangrams is None else load_tangrams(config.seed_tangrams)
        if missing := [name for name in self._tangrams.ids if name not in described]:
            raise UserError(f"{described.name} cannot describe the seed: it has no {missing[0]} of {tangrams.name}")
        self._make_seed_speaker = speaker_of(config.speaker, described, config.personas)
        if is_main() and os.access(out, os.W_OK) and not to_people:
            with locked(out):  # better refused now than after the base has been loaded
                pass
        self._base = carried(config.base)
        base = self._load(self._base)
        self._block = block_of(base)
        self.record = recorded(config, learner, fingerprint(base.model), getattr(base, "settings", {}))
        self._to_people = to_people
        if to_people:
            self.record["deployed_to"] = "people"
        with main_first():
            claim(out, self.record)
            begun = (out / "round-0").exists() or (out / "results.json").exists()
            self.store = InteractionStore(out / "interactions.db", create=not begun)
        self._taught = cache(self._read)

    def rounds(self) -> Iterator[dict[str, Any]]:
        """Yields the measures of each round, after running what of it is not there yet.

        Raises:
            UserError: If another process is at work in the folder, or something has gone from it.
        """
        with locked(self.out) if is_main() else nullcontext():
            with main_first():  # of several processes that learn together: the others find that it is done
                self._check_nothing_is_gone()
                self.demonstrate()
            for round in range(self.config.rounds + 1):
                policy = self._learned(round)
                with main_first():
                    self._deploy(policy, self._system, round)
                    if self.config.control:
                        self._deploy(self._learned(0), CONTROL, round)
                    self.decode(self._system, round)
                yield self.measured(round)

    def _check_nothing_is_gone(self) -> None:
        """Raises UserError if a policy or a round is not there that something is there of: it would be another one."""
        folders = {round for round in range(self.config.rounds + 1) if (self.out / f"round-{round}").exists()}
        played = self.store.rounds(self._system)
        for round in played:
            if round not in folders and round <= self.config.rounds:
                raise UserError(f"{self.out} lacks round-{round}, the policy whose games are there: put it back")
        for round in folders:
            taught = [(SEED, 0), *((self._system, earlier) for earlier in range(round))]
            for system, earlier in taught:
                if not self.store.has_feedback(system, earlier, self._feedback):
                    raise UserError(
                        f"{self.out / 'interactions.db'} lacks the decoded games of {system}, round {earlier}, "
                        f"which the policy in round-{round} was learned from: put them back"
                    )

    def demonstrate(self) -> None:
        """Has the seed played: about fifty turns of won games of a listener that understands as people do."""
        if not self.store.has_round(SEED, 0):
            started = self._start(f"{SEED}-0", self._make_seed_speaker, -1)(numbers=range(SEED_TURNS))
            games = play(ErringListener(started, *SEED_MISTAKES), started, policy=SEED)
            won = [game for game in games if game.success]
            if not won:
                raise UserError(f"no game of {len(games)} was won to learn from first: speaker {self.config.speaker!r}")
            turns = np.cumsum([len(game.turns) for game in won])
            self.store.add(won[: int(np.searchsorted(turns, SEED_TURNS)) + 1], SEED)
        self.decode(SEED, 0)

    def policy(self, round: int) -> TrainableListener:
        """Returns the policy of a round: learned from the base on the seed and all rounds before."""
        return self._load(self._learned(round))

    def _learned(self, round: int) -> Folder:
        """Returns the folder of the policy of a round, after learning it if it is not there.

        Raises:
            UserError: If it is there, but not as it was written.
        """
        folder = self.out / f"round-{round}"
        if folder.exists():
            check_digests(folder)
        else:
            lesson = self._lesson(round)
            kept = self.out / f"round-{round}.state"
            learned = self._workers.learn(lesson, partial(self._report, f"round {round}: learn"), kept)
            with main_first():
                if is_main():
                    with saved(folder) as unfinished:
                        learned.save(unfinished)
                        write_json(unfinished / LEARNING, learned.curve[-1])
                    kept.unlink(missing_ok=True)
        return Folder(folder)

    def _lesson(self, round: int) -> Lesson:
        """Returns what the policy of a round is learned from, and how."""
        # Demonstrations alone are learned by supervised learning, so that all systems start from one policy.
        objective = self.learner.objective if round else Sup()
        # It starts from what it is compared with.
        start = self._learned(0) if objective.needs_reference else self._base
        seed = int(self._seed(round).generate_state(1)[0])
        return Lesson(self._load, start, start, self._examples(round), objective, self.learner.optimisation, seed)

    def _examples(self, round: int) -> list[Example]:
        """Returns what the seed and all rounds before teach."""
        seed = [example for game in self._taught(SEED, 0) for example in game.examples]
        trusted = self._trusts(round)
        return seed + [example for earlier in range(round) for example in self._taught_by(earlier, trusted)]

    def _taught_by(self, round: int, trusted: Mapping[str, Trust]) -> list[Example]:
        """Returns what a round teaches, given how far its speakers are trusted, if that is asked for."""
        games = self._taught(self._system, round)
        if not self.config.trust:
            return [example for game in games for example in game.examples]
        return [
            replace(example, weight=example.weight * weight)
            for game in games
            for examples, weight in zip((game.examples, game.opposite), trusted.get(game.speaker, UNHEARD), strict=True)
            if weight >= NEGLIGIBLE
            for example in examples
        ]

    def _trusts(self, round: int) -> dict[str, Trust]:
        """Returns how far each speaker of the rounds before is trusted; see `trusts`."""
        games = (game for earlier in range(round) for game in self._taught(self._system, earlier))
        return trusts([one for game in games for one in game.judged])

    def _read(self, system: str, round: int) -> list[Taught]:
        """Returns what the games of one round teach."""
        games = self.store.interactions(system, round)
        trust = self.config.trust and system != SEED
        return [
            Taught(
                game.speaker,
                self._teaches(system, game, values),
                self._teaches(system, game, [value and Feedback(-value) for value in values]) if trust else [],
                judged(game, values) if trust else [],
            )
            for game, values in zip(games, self.store.feedback(self._feedback, system, round), strict=True)
        ]

    def _teaches(self, system: str, game: Interaction, feedback: Sequence[Feedback]) -> list[Example]:
        """Returns what a game teaches, given the feedback on its actions."""
        if system == SEED:
            return examples_of(game, feedback, SEED_CREDIT)
        return examples_of(game, feedback, self.learner.credit, self.learner.objective.negatives)

    def _deploy(self, policy: Folder, system: str, round: int) -> None:
        """Has a policy play the round's games."""
        if self.store.has_round(system, round):
            return
        start = self._start(f"{system}-{round}", self._make_speaker, round)
        make = partial(Player, start, partial(_loaded, self._acting(round), policy), system, round)
        numbers = range(self._count(round))
        on_turn = lambda over: self._report(f"round {round}: deploy {system}", over, len(numbers))  # noqa: E731
        self.store.add(play_divided(self._workers, make, numbers, self._block, on_turn), system)

    def _acting(self, round: int) -> Load:
        """Returns what loads a policy as the listener that acts in a round."""
        return self._load

    def _count(self, round: int) -> int:
        """Returns how many games a round has."""
        return self.config.games

    def games(self, system: str, round: int) -> list[Episode]:
        """Returns the games of a round before their first turn: every system meets the same contexts and speakers."""
        return self._start(f"{system}-{round}", self._make_speaker, round)(numbers=range(self._count(round)))

    def fixed_games(self, count: int) -> list[Episode]:
        """Returns games of simulated speakers that no round has, for policies to be compared in."""
        return self._start("fixed", self._make_speaker, FIXED_GAMES)(numbers=range(count))

    def _start(self, name: str, make_speaker: Callable[[], Speaker], round: int) -> Callable[..., list[Episode]]:
        """Returns what starts the games of a round that have some `numbers`."""
        seed = self._seed(round)
        return partial(
            new_games, self._tangrams, make_speaker=make_speaker, seed=seed, name=name, similarity=SIMILARITY
        )

    def decode(self, system: str, round: int) -> None:
        """Decodes feedback on every action of a round that was replied to."""
        if self.store.has_feedback(system, round, self._feedback):
            return
        games = self.store.interactions(system, round)
        feedback = decode_divided(self._workers, self._make_decoder, (game.exchanges() for game in games))
        self.store.add_feedback(system, round, self._feedback, list(feedback))

    def measured(self, round: int) -> dict[str, Any]:
        """Returns the measures of a round that has been decoded."""
        games = {system: self.store.interactions(system, round) for system in self.systems}
        feedback = self.store.feedback(self._feedback, self._system, round)
        measures: dict[str, Any] = {
            "round": round,
            "examples": len(self._examples(round)),
            "learning": self._learning(round),
            "systems": {system: measure(played) for system, played in games.items()},
            "decoder": decoder_quality(games[self._system], feedback),
        }
        if self.config.trust:
            measures["trusted"] = {name: trust._asdict() for name, trust in self._trusts(round).items()}
        return measures

    def _learning(self, round: int) -> dict[str, Any] | None:
        """Returns how the policy of a round was learned; None if people played on with the one before."""
        path = self.out / f"round-{round}" / LEARNING
        return None if self._to_people and not path.exists() else read_json(dict[str, Any], path)

    def _seed(self, round: int) -> np.random.SeedSequence:
        """Returns the seed of a round."""
        return round_seed(self.config.seed, round)


def _loaded(load: Load, policy: Folder, games: Sequence[Episode]) -> Listener:
    return load(policy)


def round_seed(seed: int, round: int) -> np.random.SeedSequence:
    """Returns the seed of a round of a run: of its games, and of what is learned before them; the seed's is -1."""
    return np.random.SeedSequence(seed, spawn_key=(round + 1,))


def recorded(config: Config, learner: Learner, base: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns what decides the outcome of a run: it resumes only under the same.

    Args:
        config: What was asked for.
        learner: How the policy learns.
        base: The fingerprint of the checkpoint that every round starts from.
        settings: What else the listener is set to.
    """
    hyperparameters = {
        "seed_turns": SEED_TURNS,
        "similarity": SIMILARITY,
        "seed_mistakes": SEED_MISTAKES,
        "seed_credit": asdict(SEED_CREDIT),
        "figurative": FIGURATIVE,
    }
    resolved = {
        "decoder": feedback_name(config.decoder, config.ternary),  # as the store of the run has it
        "personas": None if config.personas is None else list(map(asdict, personas_of(config.personas))),
        "learner": learner.recorded(),
    }
    return made_by(config=asdict(config) | resolved, hyperparameters=hyperparameters, base=base, settings=settings)
