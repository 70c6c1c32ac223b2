"""The six systems of arXiv 2410.13852 side by side, beside CONTROL and HH, as `multiref systems` compares them.

A system is a decoder and an objective: B and T are a binary and a ternary decoder, SUP, RL and KTO what is minimised.
All start from one policy, learned from the seed. In each round all of them meet the same sequence of contexts, each
context with the same speaker, so that no system is luckier in what it was assigned than another. CONTROL is the initial
policy redeployed to them, and HH an oracle that knows what the speaker means: it stands in for a person, as the bound.

Besides games, turns are judged. In each round every policy is asked what it would have done in HH's games of that
round, turn by turn, with the dialogue and the selection as HH had them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.intervals import over_samples
from multiref_gym.agents.evaluation.measures import RATIOS, Counts, counts_of
from multiref_gym.agents.learning.jobs import Curve, Job, Measures, run_curve
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import CONTROL, KTO, RL, SUP, Config, Learner, Respect
from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.play import play
from multiref_gym.feedback import Feedback, FeedbackDecoder
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.registry import decoder_of, new_decoder
from multiref_gym.tangrams import load_tangrams

HH = "HH"
KINDS = ("B", "T")
"""The letters of systems with a binary and with a ternary decoder."""

OBJECTIVES = {
    SUP: "supervised learning on positives",
    RL: "REINFORCE",
    KTO: "Kahneman-Tversky optimisation",
}
MEANINGS = {
    f"{letter}-{learner.name}": f"{kind} feedback, {objective}"
    for learner, objective in OBJECTIVES.items()
    for letter, kind in (("B", "binary"), ("T", "ternary"))
} | {CONTROL: "the initial policy redeployed", HH: "the oracle, in place of a person"}

MEASURES = {
    **RATIOS,
    "exact_match": ("matched", "asked"),
    "similarity": ("similarity", "asked"),
    "positive_share": ("positives", "replies"),
}
"""Each measure is a ratio of two sums over games."""


@dataclass(frozen=True, slots=True)
class LearnerJob(Job):
    """One system with one seed.

    Attributes:
        learner: How it learns; its name is that of the system.
    """

    learner: Learner


def jobs_of(config: Config, optimisation: Optimisation, seeds: int, out: Path) -> list[LearnerJob]:
    """Returns the runs of the six systems, with seeds from that of the configuration.

    Args:
        config: What they have in common, the decoder among it.
        optimisation: How all of them minimise their losses.
        seeds: Runs of each system.
        out: Where their folders are.

    Raises:
        UserError: If there is no such decoder, or it has no ternary form.
    """
    decoder_of(config.decoder, ternary=True)
    # CONTROL is the same in all runs of a seed, so the first of them deploys it.
    return [
        LearnerJob(
            replace(config, seed=seed, ternary=kind == "T", control=(learner, kind) == (SUP, "B")),
            out / f"{kind}-{learner.name}-{seed}",
            replace(learner, name=f"{kind}-{learner.name}", optimisation=optimisation),
        )
        for seed in range(config.seed, config.seed + seeds)
        for learner in OBJECTIVES
        for kind in KINDS
    ]


def run_system(job: LearnerJob) -> Curve:
    """Runs a job; of each round are kept what the decoder was worth and the counts of all that it deployed.

    Returns:
        As `run_curve` does, with `decoder` and `counts`, by system, for each round.
    """
    config = job.config
    decoder, tangrams = new_decoder(config.decoder, config.ternary), load_tangrams(config.tangrams)

    def counts(respect: Respect, round: int) -> dict[str, Counts]:
        # Every job has HH's games played anew, which takes no time, to compare turns with; one counts them.
        games = respect.games(HH, round)
        people = play(OracleListener(games), games, policy=HH, round=round)
        counted = {}
        for system, policy in {job.learner.name: round, **({CONTROL: 0} if config.control else {})}.items():
            listener = new_listener(config.listener, tangrams, model=job.folder / f"round-{policy}")
            played = respect.store.interactions(system, round)
            counted[system] = game_counts(played, decoder) | turn_counts(listener, people)
        return counted | ({HH: game_counts(people, decoder)} if config.control else {})

    def told(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        return [{"round": m["round"], "decoder": m["decoder"], "counts": counts(respect, m["round"])} for m in rounds]

    return run_curve(job, lambda: Respect(config, job.learner, job.folder), told)


def game_counts(games: Sequence[Interaction], decoder: FeedbackDecoder) -> Counts:
    """Returns the counts of games and of the feedback on their actions."""
    exchanges = [game.exchanges() for game in games]
    decoded = iter(decoder.decode([exchange for of_game in exchanges for exchange in of_game]))
    return counts_of(games) | {
        "positives": [float(sum(next(decoded) is Feedback.POSITIVE for _ in of_game)) for of_game in exchanges],
        "replies": [float(len(of_game)) for of_game in exchanges],
    }


def turn_counts(listener: Listener, games: Sequence[Interaction]) -> Counts:
    """Returns how a listener's actions compare with those that were taken in some games.

    The similarity of two actions is that of their sets of clicks, after Jaccard: how many they share, of how many there
    are in either.
    """
    views = [view for game in games for view in game.views()]
    rngs = [np.random.default_rng(child) for child in np.random.SeedSequence(0).spawn(len(views))]
    acted = iter(listener.act(views, rngs))
    pairs = [[((next(acted).action or Action()).clicks, turn.action.clicks) for turn in game.turns] for game in games]
    return {
        "asked": [float(len(game.turns)) for game in games],
        "matched": [float(sum(mine == theirs for mine, theirs in of_game)) for of_game in pairs],
        "similarity": [sum(len(a & b) / max(1, len(a | b)) for a, b in of_game) for of_game in pairs],
    }


def summaries(curves: Sequence[Curve]) -> dict[str, Any]:
    """Returns by system what its runs come to.

    Returns:
        For each system its `meaning`; by round each of `MEASURES` over all runs (`measures`, None where there is
        nothing to measure) and in each run (`runs`, by seed); and of a system that learns the mean `minutes` of a run.
    """
    summaries = {}
    for name, meaning in MEANINGS.items():
        runs = {c["seed"]: [m["counts"][name] for m in c["rounds"]] for c in curves if name in c["rounds"][0]["counts"]}
        seconds = [curve["cost"]["seconds"] for curve in curves if curve["system"] == name]
        summaries[name] = {
            "meaning": meaning,
            "measures": _measures(list(runs.values())),
            "runs": {str(seed): _measures([counts]) for seed, counts in runs.items()},
            "minutes": float(np.mean(seconds)) / 60 if seconds and None not in seconds else None,
        }
    return summaries


def _measures(runs: Sequence[Sequence[Counts]]) -> dict[str, list[dict[str, float]] | None]:
    rounds = list(zip(*runs, strict=True))
    return {
        measure: [asdict(over_samples([c[above] for c in counts], [c[below] for c in counts])) for counts in rounds]
        if above in rounds[0][0]
        else None
        for measure, (above, below) in MEASURES.items()
    }


def decoders(curves: Sequence[Curve]) -> dict[str, list[list[list[int]]]]:
    """Returns by kind of decoder ("B" or "T") and round the confusion over all runs, as `decoder_quality` does."""
    return {
        kind: [
            np.sum([measured["decoder"]["confusion"] for measured in of_round], axis=0).tolist()
            for of_round in zip(*(c["rounds"] for c in curves if c["system"].startswith(f"{kind}-")), strict=True)
        ]
        for kind in KINDS
    }
