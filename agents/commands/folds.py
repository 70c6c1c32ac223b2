"""Cross-validation over speakers: a log of a few hundred games gives both what is learned from and what it is tried on.

Of each part of the speakers the games are asked about by a policy that learned from the games of all others. All turns
are then measured together, beside the base on the same turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.offline import Answers, LoggedTurn, ask, logged_turns
from multiref_gym.agents.evaluation.offline_report import draw, reported, sheets
from multiref_gym.agents.learning.learn import TrainableListener
from multiref_gym.agents.learning.learned_from import LearnedFrom
from multiref_gym.agents.learning.run_folder import claim, locked
from multiref_gym.agents.listeners.named import Load
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.formats.logged_game import LoggedGame, fingerprint
from multiref_gym.provenance import write_results

AT_ONCE = 64
"""Turns that are asked about together."""
NAME = "learned from others"
"""What the policies of the folds are called in tables."""


def parts_of(speakers: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Returns the speakers in parts of about the same number, drawn by chance.

    Raises:
        UserError: If there are fewer speakers than parts.
    """
    names = sorted(set(speakers))
    if len(names) < folds:
        raise UserError(f"--folds {folds}: there are {len(names)} speakers: allowed is at most as many folds")
    drawn = np.random.default_rng(seed).permutation(len(names))
    return [[names[number] for number in sorted(part)] for part in np.array_split(drawn, folds)]


def cross_validate(
    games: list[LoggedGame],
    folds: int,
    seed: int,
    out: Path,
    load: Load,
    base: TrainableListener,
    learned: LearnedFrom | None,
    learn: Callable[[list[LoggedGame], Path], Any],
    record: dict[str, Any],
    screen: Screen,
) -> None:
    """Learns a policy for each part, and writes what they make of the games of the others; goes on if it was killed.

    Args:
        games: With feedback as labels.
        folds: How many parts.
        seed: Of the division, and of the listeners' chance.
        out: The folder: of the policies, `fold-1` and so on, and of `results.json` and `speakers.png`.
        load: Loads a policy.
        base: What the policies start from.
        learned: What that learned from.
        learn: Learns a policy from games and saves it in a folder.
        record: What decides the outcome, beside the games and the folds.
        screen: Shows progress and tables.

    Raises:
        UserError: If there are fewer speakers than folds, the base learned from one of them, or the folder is of
            something else.
    """
    known, speakers = learned.shared(games) if learned else (0, set())
    if speakers:
        raise UserError(
            f"--folds: --base learned from {known} of these games and from {len(speakers)} of their speakers"
        )
    parts = parts_of([logged.interaction.speaker for logged in games], folds, seed)
    turns = logged_turns(games, None)
    claim(out, {**record, "games": fingerprint(games), "folds": folds})
    pooled = []
    with locked(out):
        for number, part in enumerate(parts, start=1):
            folder = out / f"fold-{number}"
            if not folder.exists():
                learn([logged for logged in games if logged.interaction.speaker not in part], folder)
            screen.report("folds", number, folds)
            rows = [row for row, turn in enumerate(turns) if turn.speaker in part]
            pooled.append((rows, ask(load(folder), [turns[row] for row in rows], seed, AT_ONCE)))
        report = partial(screen.report, "base", total=len(turns))
        answers = together(turns, pooled)
        results = {
            **record,
            "parts": parts,
            **reported(turns, answers, {"base": ask(base, turns, seed, AT_ONCE, report)}),
        }
        results = write_results(out / "results.json", results)
        draw(results, NAME, out / "speakers.png")
    for sheet in sheets(results, NAME):
        screen.show(sheet)
    screen.say(f"the policies of the folds, results.json and speakers.png are in {out}")


def together(turns: Sequence[LoggedTurn], parts: Sequence[tuple[Sequence[int], Answers]]) -> Answers:
    """Returns answers on parts of the turns as those on all of them.

    Args:
        turns: All turns.
        parts: The rows of some turns and the answers on them; each turn is in one.
    """
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    answers = [own for _, own in parts]
    actions = [action for own in answers for action in own.actions]
    legal = [value for own in answers for value in own.legal]
    log_probs = [own.log_probs for own in answers if own.log_probs is not None]
    return Answers(
        actions=[actions[row] for row in order],
        legal=[legal[row] for row in order],
        log_probs=np.concatenate(log_probs)[order] if log_probs else None,
        seconds=[seconds for own in answers for seconds in own.seconds],
    )
