"""Cross-validation over speakers: a log of a few hundred games serves both for learning and for testing.

The speakers are divided into parts. A policy that learned from the games of all other speakers is tested on the games
of each part. All turns are then measured together, beside the base on the same turns.
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
"""The number of turns in one call of the policy."""
NAME = "learned from others"
"""The name of the folds' policies in tables."""


def parts_of(speakers: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Returns the speakers in parts of about equal size, drawn at random.

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
    """Learns a policy for each part from all other games, and tests it on the part's; continues when interrupted.

    Args:
        games: The games, with feedback as labels.
        folds: The number of parts.
        seed: The seed of the division, and of the listeners' randomness.
        out: The folder for the policies, `fold-1` and so on, and for `results.json` and `speakers.png`.
        load: Loads a policy.
        base: The base that the policies start from.
        learned: The games that the base learned from.
        learn: Learns a policy from games and saves it in a folder.
        record: Everything that decides the outcome, besides the games and the folds.
        screen: Shows progress and tables.

    Raises:
        UserError: If there are fewer speakers than folds, the base learned from one of them, or the folder belongs to
            something else.
    """
    learned_games, speakers = learned.shared(games) if learned else (0, set())
    if speakers:
        raise UserError(
            f"--folds: --base learned from {learned_games} of these games and from {len(speakers)} of their speakers"
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
    """Joins answers on parts of the turns into answers on all of them.

    Args:
        turns: All turns.
        parts: The rows of some turns, and the answers on them; each turn is in one part.
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
