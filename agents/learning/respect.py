"""RESPECT: retrospective learning from interactions (arXiv 2410.13852, section 4), the whole loop.

Round after round, the listener policy is deployed, feedback on each of its past actions is decoded from the speaker's
reply, and the next policy is learned from the base checkpoint, on the seed and all rounds so far. The initial policy is
redeployed beside it to the same contexts and speakers (CONTROL), so that a gain must come from learning. The true
targets are used only for the measures.

All output of a round is in the run folder: its policy in `round-N/`, its interactions and feedback in
`interactions.db`. Finished steps are not repeated, so a killed run continues where it was.
"""

# Annotations are evaluated here, because cyclopts would look for their names in the modules of subclasses.

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
"""The systems beside the learner: the initial policy again, and the oracle of the demonstrations."""

CreditName = Literal["reply", "turns"]

FIXED_GAMES = 2**30
"""Stands for the round number in the seed of games that belong to no round."""

LEARNING = "learning.json"
"""A file in a round's folder: the loss and the objective's statistics in the last epoch."""

# Settings that change the outcome, besides the run's configuration and the speakers' FIGURATIVE, which `recorded` adds.
SEED_TURNS = 50
SEED_MISTAKES = 0.075, 0.19
SEED_CREDIT = Credit(last_action=True)
REPLY = Credit()
SIMILARITY = 0.1
NEGLIGIBLE = 0.01
"""Turns of lower weight are left out."""


@dataclass(frozen=True, slots=True)
class RoundOptimisation(Optimisation):
    """The optimisation of a round; the defaults suit the small listener."""

    epochs: Count = 3
    batch: Count = 48
    embedding_rate: Positive = 16.0
    other_distractors: Share = 0.9


OPTIMISATION = RoundOptimisation()


@dataclass(frozen=True, slots=True)
class Learner:
    """A way for a policy to learn from interactions.

    Attributes:
        name: Its name in the store and in results.
        objective: The objective to minimise.
        credit: The judge of an action: the reply to it, or more of the game, too (`credit.py`).
        optimisation: How the loss is minimised.
    """

    name: str
    objective: Objective
    credit: Credit = REPLY
    optimisation: Optimisation = OPTIMISATION

    def recorded(self) -> dict[str, Any]:
        """Returns all settings; the objective's include the entry-point string of its class."""
        kind, settings = type(self.objective), asdict(self)
        settings["objective"] = {"class": f"{kind.__module__}:{kind.__qualname__}", **settings["objective"]}
        return settings


SUP = Learner("SUP", Sup())
RL = Learner("RL", Reinforce())
KTO = Learner("KTO", Kto())
TURNS = Learner("TURNS", SupAndUnlikelihood(), Credit(last_action=True, final_selection=True))


def learner_of(objective: str, credit: CreditName = "reply", optimisation: Optimisation = OPTIMISATION) -> Learner:
    """Returns the learner with these names.

    Args:
        objective: A registered name ("kto"), or an entry-point string.
        credit: Whether only the reply to an action judges it, or everything in the game's turns.
        optimisation: How the loss is minimised.

    Raises:
        UnknownName: If there is no such objective.
        UserError: If it is not an objective, or no learner combines it with this credit.
    """
    if credit == "turns":
        if objective != "sup":
            raise UserError(f"--credit turns works with --objective sup only, not {objective}")
        return replace(TURNS, optimisation=optimisation)
    made = new_objective(objective)
    name = objective.upper() if objective in OBJECTIVES else type(made).__name__
    return Learner(name, made, optimisation=optimisation)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a run, which must be the same when it is resumed.

    Attributes:
        rounds: Rounds of learning; round 0 deploys the initial policy.
        games: Games in each round.
        seed: Seeds all randomness of the run.
        listener: Registered name or entry-point string of a trainable listener.
        decoder: Name of a feedback decoder, likewise.
        ternary: The decoder also returns neutral.
        speaker: Name of a speaker, likewise.
        personas: The personas of the speakers: population, adversarial, or a file.
        tangrams: figures, kilogram:PATH, or a part of people's descriptions: kilogram-known:PATH, kilogram-new:PATH.
        seed_tangrams: The tangrams with the descriptions of the seed's speakers, if they use another part.
        split: The split to deploy; the base that ships has seen the figures of "train".
        base: The policy that every round starts from: a checkpoint's folder; for vlm and llm, a model's folder or hub
            id. By default the one that ships.
        trust: Weigh each speaker's turns by the probability that its feedback agrees with that of the others.
        control: Deploy the initial policy beside the learner, in all rounds.
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
        """Returns the settings that runs with other seeds share with this one, as JSON can hold them."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("seed", "control")}
        return fields | {"personas": None if self.personas is None else str(self.personas)}


class Taught(NamedTuple):
    """The lessons of a game.

    Attributes:
        speaker: The speaker's name.
        examples: Turns to learn from.
        opposite: The examples if the speaker says the opposite of the truth; empty if trust is not used.
        judged: The speaker's judgements of actions; likewise.
    """

    speaker: str
    examples: list[Example]
    opposite: list[Example]
    judged: list[Judged]


Report = Callable[[str, int, int], None]
"""Called with the progress of each step: its name, the amount done, and the total."""


class Respect:
    """A run in a folder.

    Args:
        config: The settings of the run.
        learner: How the policy learns.
        out: The run's folder, created if missing.
        report: Called with the progress of each step.
        to_people: Whether people play the rounds, which the deployment puts into the store. The deployment keeps the
            folder locked, and calls each step; `rounds` is for simulated speakers.
        workers: Play, decode and learn; this process if None. The outcome is the same.

    Attributes:
        record: Everything that decides the outcome, as in `config.json`.
        systems: The systems deployed in each round.
        store: The run's interactions and feedback.

    Raises:
        UserError: If the configuration names something that does not exist or cannot learn, or the folder holds a run
            of another configuration.
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
            raise UserError(
                f"the seed's demonstrations need a speaker that gives its wanted actions, not {config.speaker}"
            )
        tangrams = load_tangrams(config.tangrams)
        self._tangrams = tangrams.split(config.split)
        shared_contexts(self._tangrams)  # report too small a set now rather than later
        self._load = new_trainable(config.listener, tangrams)
        self.systems = (learner.name, CONTROL) if config.control else (learner.name,)
        self._system = learner.name
        self._make_decoder: Callable[[], FeedbackDecoder] = partial(new_decoder, config.decoder, config.ternary)
        if isinstance(self._workers, ThisProcess):  # report a bad one now rather than after a round
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
            with locked(out):  # fail now rather than after loading the base
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
        """Runs the missing steps of each round, and yields its measures.

        Raises:
            UserError: If another process is using the folder, or something is missing from it.
        """
        with locked(self.out) if is_main() else nullcontext():
            with main_first():  # of several processes that learn together, the others find it done
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
        """Raises UserError if a policy or a round is missing that others depend on: a new one would differ."""
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
        """Plays the seed: about fifty turns of won games, by a listener that understands as people do."""
        if not self.store.has_round(SEED, 0):
            started = self._start(f"{SEED}-0", self._make_seed_speaker, -1)(numbers=range(SEED_TURNS))
            games = play(ErringListener(started, *SEED_MISTAKES), started, policy=SEED)
            won = [game for game in games if game.success]
            if not won:
                raise UserError(
                    f"no game of {len(games)} was won: nothing to learn from; speaker {self.config.speaker!r}"
                )
            turns = np.cumsum([len(game.turns) for game in won])
            self.store.add(won[: int(np.searchsorted(turns, SEED_TURNS)) + 1], SEED)
        self.decode(SEED, 0)

    def policy(self, round: int) -> TrainableListener:
        """Returns the policy of a round: learned from the base, on the seed and all earlier rounds."""
        return self._load(self._learned(round))

    def _learned(self, round: int) -> Folder:
        """Returns the folder of a round's policy, after learning it if it is missing.

        Raises:
            UserError: If it exists but has changed since it was written.
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
        """Returns the lesson of a round's policy."""
        # Demonstrations alone are learned by supervised learning, so that all systems start from one policy.
        objective = self.learner.objective if round else Sup()
        # The policy starts from its reference.
        start = self._learned(0) if objective.needs_reference else self._base
        seed = int(self._seed(round).generate_state(1)[0])
        return Lesson(self._load, start, start, self._examples(round), objective, self.learner.optimisation, seed)

    def _examples(self, round: int) -> list[Example]:
        """Returns the examples in the seed and all earlier rounds."""
        seed = [example for game in self._taught(SEED, 0) for example in game.examples]
        trusted = self._trusts(round)
        return seed + [example for earlier in range(round) for example in self._taught_by(earlier, trusted)]

    def _taught_by(self, round: int, trusted: Mapping[str, Trust]) -> list[Example]:
        """Returns the examples in a round, weighted by the trust in its speakers if trust is used."""
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
        """Returns the trust in each speaker of the earlier rounds; see `trusts`."""
        games = (game for earlier in range(round) for game in self._taught(self._system, earlier))
        return trusts([one for game in games for one in game.judged])

    def _read(self, system: str, round: int) -> list[Taught]:
        """Returns the lessons of the games of one round."""
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
        """Returns the examples in a game, given the feedback on its actions."""
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
        """Returns a callable that loads a policy as the listener of a round."""
        return self._load

    def _count(self, round: int) -> int:
        """Returns the number of games in a round."""
        return self.config.games

    def games(self, system: str, round: int) -> list[Episode]:
        """Returns the unplayed games of a round: every system meets the same contexts and speakers."""
        return self._start(f"{system}-{round}", self._make_speaker, round)(numbers=range(self._count(round)))

    def fixed_games(self, count: int) -> list[Episode]:
        """Returns games of simulated speakers that belong to no round, to compare policies."""
        return self._start("fixed", self._make_speaker, FIXED_GAMES)(numbers=range(count))

    def _start(self, name: str, make_speaker: Callable[[], Speaker], round: int) -> Callable[..., list[Episode]]:
        """Returns a callable that starts the games of a round with some `numbers`."""
        seed = self._seed(round)
        return partial(
            new_games, self._tangrams, make_speaker=make_speaker, seed=seed, name=name, similarity=SIMILARITY
        )

    def decode(self, system: str, round: int) -> None:
        """Decodes feedback on every action of a round that has a reply."""
        if self.store.has_feedback(system, round, self._feedback):
            return
        games = self.store.interactions(system, round)
        feedback = decode_divided(self._workers, self._make_decoder, (game.exchanges() for game in games))
        self.store.add_feedback(system, round, self._feedback, list(feedback))

    def measured(self, round: int) -> dict[str, Any]:
        """Returns the measures of a decoded round."""
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
        """Returns statistics of learning a round's policy; None if people continued with the policy before it."""
        path = self.out / f"round-{round}" / LEARNING
        return None if self._to_people and not path.exists() else read_json(dict[str, Any], path)

    def _seed(self, round: int) -> np.random.SeedSequence:
        """Returns the seed of a round."""
        return round_seed(self.config.seed, round)


def _loaded(load: Load, policy: Folder, games: Sequence[Episode]) -> Listener:
    return load(policy)


def round_seed(seed: int, round: int) -> np.random.SeedSequence:
    """Returns the seed of a round's games, and of the learning before them; the seed round is -1."""
    return np.random.SeedSequence(seed, spawn_key=(round + 1,))


def recorded(config: Config, learner: Learner, base: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns everything that decides the outcome of a run; it must be the same when the run is resumed.

    Args:
        config: The settings of the run.
        learner: How the policy learns.
        base: The fingerprint of the checkpoint that every round starts from.
        settings: Further settings of the listener.
    """
    hyperparameters = {
        "seed_turns": SEED_TURNS,
        "similarity": SIMILARITY,
        "seed_mistakes": SEED_MISTAKES,
        "seed_credit": asdict(SEED_CREDIT),
        "figurative": FIGURATIVE,
    }
    resolved = {
        "decoder": feedback_name(config.decoder, config.ternary),  # the name in the run's store
        "personas": None if config.personas is None else list(map(asdict, personas_of(config.personas))),
        "learner": learner.recorded(),
    }
    return made_by(config=asdict(config) | resolved, hyperparameters=hyperparameters, base=base, settings=settings)
