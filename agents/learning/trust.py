"""Trust in each speaker: whether its feedback agrees with that of the others, found without labels.

Some people may mislead a deployed listener: they praise wrong actions, reject right ones, or judge at random. No single
reply gives them away, but all replies of a speaker together do. A speaker is of one of three kinds, whose probabilities
before any reply are `PRIOR`:

  1. it judges as the others do,
  2. it judges the opposite,
  3. it judges regardless of the action.

Expectation-maximisation finds the judgement of "the others" (Dempster et al. 1977, in the way that Dawid and Skene 1979
rate raters). Actions form a group if the policy was equally sure of them. A game that ended before its last turn was
won, so its final selection shows which of its actions were right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, softmax
from scipy.stats import rankdata

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import MAX_TURNS
from multiref_gym.interaction import Interaction

PRIOR = 0.8, 0.1, 0.1
"""The probability of each kind of speaker: most are honest."""
BANDS = 5
"""The number of equally large bands, by probability, of the actions of a round."""
STEPS = 30


class Judged(NamedTuple):
    """A speaker's judgement of an action.

    Attributes:
        speaker: The speaker's name.
        positive: Whether the feedback was positive; if not, it was negative.
        round: The round of the game.
        log_prob: The action's log-probability under the policy that acted.
        right: Whether the action was right, None if the game does not show it.
    """

    speaker: str
    positive: bool
    round: int
    log_prob: float
    right: bool | None


def judged(game: Interaction, feedback: Sequence[Feedback | None]) -> list[Judged]:
    """Returns the judgements of a game's speaker.

    Neutral and unknown feedback is left out, and so are actions of unknown probability.

    Args:
        game: The game; its targets are not used.
        feedback: The decoded feedback on each action with a reply.
    """
    won = len(game.turns) < MAX_TURNS
    found = []
    for turn, value in zip(game.turns, feedback, strict=False):
        if value and turn.log_prob is not None:
            right = ground_truth(turn.action, game.selections[-1]) is Feedback.POSITIVE if won else None
            found.append(Judged(game.speaker, value is Feedback.POSITIVE, game.round, turn.log_prob, right))
    return found


class Trust(NamedTuple):
    """The probabilities of two kinds of judging; the rest to 1 is that the speaker judges regardless of the action.

    Attributes:
        alike: That the speaker judges as the others do.
        opposed: That the speaker judges the opposite.
    """

    alike: float
    opposed: float


UNHEARD = Trust(*PRIOR[:2])
"""The trust in a speaker without any judgements."""


def trusts(found: Sequence[Judged]) -> dict[str, Trust]:
    """Returns the trust in each speaker; if no game was won, the majority decides.

    Args:
        found: The judgements of the actions of all rounds, in any order.
    """
    speakers, who = np.unique([one.speaker for one in found], return_inverse=True)
    positive, groups = np.array([one.positive for one in found], bool), _groups(found)
    won = np.array([one.right is not None for one in found], bool)
    kinds = np.tile(PRIOR, (len(speakers), 1))
    for step in range(STEPS):
        alike, opposed = kinds[who, 0], kinds[who, 1]
        approved = np.bincount(groups, alike * positive + opposed * ~positive)
        rates = ((approved + 1) / (np.bincount(groups, alike + opposed) + 2))[groups]
        # At first only won games count, if there are any: elsewhere, many misleading speakers could pass for the
        # others.
        counts = won if step == 0 else np.ones(len(found))
        likely = np.log(np.where(positive, [rates, 1 - rates], [1 - rates, rates])) * counts
        praised, replies = np.bincount(who, positive * counts), np.bincount(who, counts)
        # A speaker who judges regardless of the action praises at some rate; before any reply, all rates are equally
        # likely.
        regardless = betaln(praised + 1, replies - praised + 1)
        of_kinds = np.stack([*(np.bincount(who, each) for each in likely), regardless], axis=1)
        kinds = softmax(of_kinds + np.log(PRIOR), axis=1)
    return {name: Trust(*kind) for name, kind in zip(speakers.tolist(), kinds[:, :2].tolist(), strict=True)}


def _groups(found: Sequence[Judged]) -> NDArray[np.int64]:
    """Returns the group number of each action: known to be wrong, known to be right, or a band of a round."""
    groups = np.array([int(one.right or 0) for one in found], np.int64)
    rounds = np.array([one.round if one.right is None else -1 for one in found])
    sure = np.array([one.log_prob for one in found])
    for number, round in enumerate(np.unique(rounds[rounds >= 0])):
        rows = np.flatnonzero(rounds == round)
        ranks = rankdata(sure[rows]) - 1  # equally sure actions are in one band, whatever their order
        groups[rows] = 2 + number * BANDS + (ranks * BANDS // len(rows)).astype(int)
    return groups
