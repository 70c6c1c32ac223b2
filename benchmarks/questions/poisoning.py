"""How far does success fall if some speakers mislead the listener, and what helps without labels?

    multiref bench poisoning [--seeds 3] [--jobs 2] [--out runs/poisoning]

Liars praise each wrong action as if it were right and go on, and they reject each right one. They describe the tangrams
as all speakers do. Guessers praise and reject at random. The speakers of the seed's demonstrations do not mislead,
because whoever deploys the listener makes them. The measures are the success of the last policy in fixed games with
honest speakers, and that of honest speakers' games while deployed.

The defence is `--trust` of `multiref respect`: see `multiref_gym.agents.learning.trust`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.jobs import Curve
from multiref_gym.agents.learning.respect import KTO, RL, SUP, TURNS, Config, Learner, Respect
from multiref_gym.benchmarks.questions.asking import FEWER, Question, Way, deployed, fixed
from multiref_gym.simulators.named import speaker_of
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.population import population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

MISLEADS = "misleads"
"""The beginning of the names of speakers who mislead."""
LIAR: Mapping[str, Any] = {"slip": 1.0, "praise": 1.0, "clears_up": 0.0, "fresh_start": 1.0}
GUESSER = {**LIAR, "slip": 0.5}
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
"""The fractions of liars: all for TURNS, every second one for the other learners."""
LEARNERS = {
    "TURNS": (TURNS, False),
    "TURNS, trust": (TURNS, True),
    "SUP": (SUP, False),
    "RL": (RL, False),
    "KTO": (KTO, False),
}
"""The learners, and whether they weigh speakers by trust."""


def misled_by(habits: Mapping[str, Any], share: float) -> tuple[Persona, ...]:
    """Returns the population in which an evenly spread fraction of the personas has these habits."""
    people = population()
    count = round(share * len(people))
    some = {number * len(people) // count for number in range(count)}
    return tuple(
        replace(persona, name=f"{MISLEADS}{number:02d}", **habits) if number in some else persona
        for number, persona in enumerate(people)
    )


class Liars(ScriptedSpeaker):
    """A population with a fraction of liars."""

    @staticmethod
    def load(share: str) -> Callable[..., ScriptedSpeaker]:
        """Returns a callable that makes the speaker, given the fraction."""
        return partial(ScriptedSpeaker, personas=misled_by(LIAR, float(share)))


class Guessers(ScriptedSpeaker):
    """A population with a fraction of guessers."""

    @staticmethod
    def load(share: str) -> Callable[..., ScriptedSpeaker]:
        """Returns a callable that makes the speaker, given the fraction."""
        return partial(ScriptedSpeaker, personas=misled_by(GUESSER, float(share)))


class HonestSeed(Respect):
    """RESPECT with demonstrations by speakers who do not mislead."""

    def __init__(self, config: Config, learner: Learner, out: Path) -> None:
        super().__init__(config, learner, out)
        self._make_seed_speaker = speaker_of(FEWER.speaker, load_tangrams(config.tangrams))


@dataclass(frozen=True, kw_only=True)
class PoisoningCommand(Question):
    """How far does success fall if some speakers mislead the listener, and what helps without labels?

    Attributes:
        out: The folder of the runs.
    """

    name = "poisoning"

    out: Path = Path("runs/poisoning")

    def ways(self) -> Mapping[str, Way]:
        """Returns each learner with each fraction of liars, and TURNS with guessers."""

        def way(learner: Learner, trust: bool, kind: type[ScriptedSpeaker], share: float) -> Way:
            changes = {"speaker": f"{__name__}:{kind.__name__}:{share}", "trust": trust}
            return Way("", learner, HonestSeed, changes)

        asked: list[tuple[str, type[ScriptedSpeaker], float]]
        asked = [
            (name, Liars, share)
            for name, (learner, _) in LEARNERS.items()
            for share in (SHARES if learner is TURNS else SHARES[::2])
        ]
        asked += [(name, Guessers, SHARES[-1]) for name in ("TURNS", "TURNS, trust")]
        return {f"{name}, {_column(kind, share)}": way(*LEARNERS[name], kind, share) for name, kind, share in asked}

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns tables of the fixed games that the last policies win, and of honest speakers' deployed games won."""
        columns = [_column(Liars, share) for share in SHARES] + [_column(Guessers, SHARES[-1])]

        def sheet(title: str, found: Callable[[Sequence[Curve]], str]) -> Sheet:
            rows = [
                [name, *(found(of_way) if (of_way := curves.get(f"{name}, {column}")) else "–" for column in columns)]
                for name in LEARNERS
            ]
            return Sheet(f"{title}; {self.title}", ["learner", *columns], rows)

        return [
            sheet(f"Fixed games won after round {self.config.rounds}", lambda of_way: fixed(of_way, "seen, sampled")),
            sheet("Deployed games won with honest speakers, all rounds", lambda of_way: deployed(of_way, _honest)),
        ]


def _honest(speaker: str) -> bool:
    return not speaker.startswith(MISLEADS)


def _column(kind: type[ScriptedSpeaker], share: float) -> str:
    return f"{share:.0%} {kind.__name__.lower()}"
