"""Lets people play with a listener in a browser, and learns from their words."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from multiref_gym.agents.commands.options import SpeakerOptions
from multiref_gym.agents.evaluation.report import draw_curves, write_report
from multiref_gym.agents.learning.respect import (
    CONTROL,
    OPTIMISATION,
    Config,
    CreditName,
    Respect,
    RoundOptimisation,
    learner_of,
)
from multiref_gym.agents.learning.run_folder import claim, locked, made_by
from multiref_gym.commands.options import (
    Count,
    DecoderName,
    Flat,
    ListenerName,
    Natural,
    Positive,
    TangramOptions,
    named,
)
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.provenance import write_results
from multiref_gym.registry import OBJECTIVES, is_language_model
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

try:
    from multiref_gym.agents.deployment import learner, server
    from multiref_gym.agents.deployment.games import Role
    from multiref_gym.agents.deployment.learner import Lesson, policy_folder
    from multiref_gym.agents.deployment.policies import Policy
    from multiref_gym.agents.deployment.rounds import HH, PERSON, Rounds
    from multiref_gym.agents.deployment.server import Setup
    from multiref_gym.agents.deployment.tables import DATABASE
except ModuleNotFoundError as error:
    raise UserError("Starlette and uvicorn serve pages: run `pip install multiref-gym[serve]`") from error

DEFAULT = Config()

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]


@dataclass(frozen=True, kw_only=True)
class ServeCommand(TangramOptions, SpeakerOptions):
    """Lets people play with a listener in a browser, and learns from their words.

    To try it on a laptop:

        multiref serve --open

    Attributes:
        open: Anybody may play, without consent, quiz and survey: for a demo.
        study: The folder of a study: consent.txt, and files that replace the package's study.toml and pages.
        out: The folder of the deployment.
        respect: The folder of a run that learns from people's words, instead of --out.
        role: The role of people: they speak to the listener, or they listen to the simulated speaker.
        pairs: People play with each other, one as the speaker and one as the listener.
        listener: The listener.
        model: The policy, or the base to learn from: a checkpoint's folder; for vlm and llm, a model's folder or hub
            id.
        arms: Several systems, each NAME=LISTENER or NAME=LISTENER:MODEL; all of them play the same contexts.
        games: The number of contexts that each system plays in a round; without it and --respect, games never end.
        rounds: With --respect, the number of rounds of learning.
        every_game: With --respect, the next round opens at once, with the previous policy until the next is learned.
        gate: With --respect, the number of fixed games with simulated speakers that test a policy before it plays; 0
            for no test.
        decoder: With --respect, the decoder of feedback.
        ternary: With --respect, the decoder also returns neutral.
        objective: With --respect, the objective to minimise.
        credit: With --respect, the judge of an action.
        trust: With --respect, weigh each person's turns by the probability that the person judges as the others do.
        optimisation: How the objective is minimised.
        seed: Seeds all randomness.
        patience: Seconds that a person has for a turn; after that the game ends, and its place is free again.
        database: A database URL instead of a SQLite file in the folder.
        processes: The number of processes that answer browsers; only the first one has the listeners.
        host: The address to listen on; 0.0.0.0 for all.
        port: The port.
        proxy: The address of a reverse proxy, which is trusted to report the client's address and scheme.
    """

    open: bool = False
    study: Path | None = None
    out: Path = Path("runs/serve")
    respect: Path | None = None
    role: Literal["speaker", "listener"] = "speaker"
    pairs: bool = False
    listener: ListenerName = "small"
    model: str | None = None
    arms: tuple[str, ...] = ()
    split: SplitName = "dev"
    games: Count | None = None
    rounds: Count = 6
    every_game: bool = False
    gate: Natural = 100
    decoder: DecoderName = "lexical"
    ternary: bool = False
    objective: Annotated[str, named(OBJECTIVES)] = "sup"
    credit: CreditName = "reply"
    trust: bool = False
    optimisation: Flat[RoundOptimisation] = OPTIMISATION
    seed: Natural = 0
    patience: Positive = 600.0
    database: str | None = None
    processes: Count = 1
    host: str = "127.0.0.1"
    port: Port = 8000
    proxy: str | None = None

    def run(self, screen: Screen) -> None:
        """Serves until the process is asked to end.

        Raises:
            UserError: If something cannot be made or opened, before the first page is served.
        """
        if self.open == (self.study is not None):
            raise UserError("expected --study FOLDER or, for a demo without consent, --open")
        if self.pairs and self.role != "speaker":
            raise UserError("--pairs has people speak and listen: leave out --role")
        if self.respect and (self.arms or self._played_as != "speaker"):
            raise UserError(
                "--respect learns from what people say to its systems: leave out --arms, --role and --pairs"
            )
        if self.role == "listener" and is_language_model(self.speaker):
            raise UserError(f"people do not wait for a language model to speak: leave out --speaker {self.speaker}")
        if self.every_game and not self.respect:
            raise UserError("--every-game says when to learn: add --respect RUN")
        listening = server.bound(self.host, self.port)
        out = (self.respect or self.out).resolve()
        with ExitStack() as stack:
            stack.callback(listening.close)
            stack.callback(os.umask, os.umask(0o077))  # only the owner may read people's words
            if self.respect:
                respect, lesson, systems = self._respect(stack, out, screen)
                store = respect.store
            else:
                claim(out, made_by(command="serve", config=self._config()))
                stack.enter_context(locked(out))
                store = stack.enter_context(InteractionStore(out / "interactions.db"))
                respect, lesson, systems = None, None, self._systems()
            setup = self._setup(out, tuple(systems))
            site = setup.site()
            rounds = Rounds(site.database, site.rules, site.policies, store, out, lesson, every_game=self.every_game)
            screen.report("warming up", 0, None)
            rounds.begin({name: policy for name, policy in systems.items() if policy is not None})
            screen.settle()
            host = f"[{self.host}]" if ":" in self.host else self.host
            url = f"http://{host}:{listening.getsockname()[1]}"
            screen.say(
                f"people: {url}/" + ("" if self.open else f"join/{site.secrets.sign('join', '')}?worker={{THEIR-ID}}")
            )
            screen.say(f"operator: {url}/operator?token={site.secrets.operator}")
            sys.stdout.flush()  # people read the log while the process runs
            finish = (lambda: _finish(respect, out, screen)) if respect else (lambda: None)
            stack.enter_context(server.looked_after(site, rounds, finish))
            stack.enter_context(server.beside(setup, listening, self.proxy))
            server.serve(site, server.new_server(site, self.proxy), listening)

    def _respect(self, stack: ExitStack, out: Path, screen: Screen) -> tuple[Respect, Lesson, dict[str, Policy | None]]:
        """Makes or opens the run, and learns the first policy from demonstrations."""
        config = Config(
            rounds=self.rounds,
            games=self.games or DEFAULT.games,
            seed=self.seed,
            listener=self.listener,
            decoder=self.decoder,
            ternary=self.ternary,
            speaker=self.speaker,
            personas=self.personas,
            tangrams=self.tangrams,
            split=self.split,
            base=self.model,
            trust=self.trust,
        )
        chosen = learner_of(self.objective, self.credit, self.optimisation)
        out.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(out))
        respect = Respect(config, chosen, out, screen.report, to_people=True)
        stack.enter_context(respect.store)
        respect.demonstrate()
        respect.policy(0)
        first = Policy(config.listener, str(policy_folder(out, 0)))
        systems: dict[str, Policy | None] = {chosen.name: first, CONTROL: first}
        return respect, Lesson(config, chosen, out, 0, 0, self.gate), systems

    @property
    def _played_as(self) -> Role:
        return "pairs" if self.pairs else self.role

    def _systems(self) -> dict[str, Policy | None]:
        """Returns the playing systems by name, None for people."""
        if self._played_as != "speaker":
            if self.arms or self.model:
                raise UserError("people listen themselves: leave out --arms and --model")
            return {HH if self.pairs else PERSON: None}
        systems: dict[str, Policy | None] = {}
        for arm in self.arms:
            name, equals, policy = arm.partition("=")
            if not (name and equals and policy) or name in systems:
                raise UserError(f"--arms {arm!r}: expected NAME=LISTENER or NAME=LISTENER:MODEL, each name once")
            systems[name] = Policy.of(policy).resolved()
        return systems or {self.listener: Policy(self.listener, self.model).resolved()}

    def _config(self) -> dict[str, Any]:
        """Returns the settings that must be the same when a deployment continues."""
        systems = {name: None if policy is None else str(policy) for name, policy in self._systems().items()}
        return {
            "seed": self.seed,
            "games": self.games,
            "role": self._played_as,
            "systems": systems,
            "tangrams": self.tangrams,
            "split": self.split,
            "speaker": self.speaker,
            "personas": None if self.personas is None else str(self.personas),
        }

    def _setup(self, out: Path, systems: tuple[str, ...]) -> Setup:
        return Setup(
            out=out,
            database=self.database or str(out / DATABASE),
            tangrams=self.tangrams,
            split=self.split,
            seed=self.seed,
            systems=systems,
            contexts=(self.games or DEFAULT.games) if self.respect else self.games,
            role=self._played_as,
            speaker=self.speaker,
            personas=self.personas,
            patience=self.patience,
            study=self.study,
            processes=self.processes,
        )


def _finish(respect: Respect, out: Path, screen: Screen) -> None:
    """Writes the files that the simulated loop writes at its end."""
    measured = [learner.measures(out, round) for round in range(respect.config.rounds + 1)]
    results = write_results(out / "results.json", {**respect.record, "rounds": measured})
    curves = draw_curves(results, out / "curves.png")
    with InteractionStore(out / "interactions.db", create=False) as store:
        write_report(results, curves, store, load_tangrams(respect.config.tangrams), out / "report.html")
    screen.say(f"the last round is over: results.json, curves.png and report.html are in {out}")
