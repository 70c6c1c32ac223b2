"""The objectives that a round minimises: pure functions of turns, which return a loss and named statistics.

An objective is a frozen dataclass with a `__call__`. Its settings are its fields, so that a run records them. You can
bring your own such class and name it `module:attribute`.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass, is_dataclass
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from multiref_gym.errors import UserError, is_number, require
from multiref_gym.registry import OBJECTIVES, made, resolve


class ScoredTurns(NamedTuple):
    """A batch of turns, as objectives get it; each a float32 tensor (batch,).

    Attributes:
        log_prob: Log-probability of the action under the policy that learns.
        mean_log_prob: The mean of the log-probabilities of all possible actions.
        steps: The number of steps in which the action was chosen, whose log-probabilities add up: the tokens of a text,
            or 1 if a whole action is chosen at once.
        behaviour_log_prob: Log-probability of the action under the policy that acted; if unknown, under the reference;
            NaN without a reference.
        mismatched: Log-ratio of the learning policy to its reference, for an action of another turn; NaN without a
            reference. No gradient flows through it.
        feedback: Decoded feedback, -1, 0 or +1.
        weight: The weight of each turn among the others.
    """

    log_prob: Tensor
    mean_log_prob: Tensor
    steps: Tensor
    behaviour_log_prob: Tensor
    mismatched: Tensor
    feedback: Tensor
    weight: Tensor

    def smoothed(self, smoothing: float) -> Tensor:
        """Returns the log-probability per step of labels that are smoothed over all possible actions."""
        return ((1 - smoothing) * self.log_prob + smoothing * self.mean_log_prob) / self.steps


class Objective(Protocol):
    """An objective to minimise: a frozen dataclass whose fields are its settings.

    Attributes:
        needs_reference: Whether it compares the policy with a reference. Then learning starts from the reference.
        negatives: The weight of turns decoded as negative relative to positives, 0 to leave them out.
    """

    @property
    def needs_reference(self) -> bool: ...  # noqa: D102

    @property
    def negatives(self) -> float: ...  # noqa: D102

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the loss of a batch, and named statistics of it."""
        ...


@dataclass(frozen=True, slots=True)
class Sup:
    """Supervised learning: cross-entropy on the positives only (arXiv 2410.13852, section 4).

    Attributes:
        smoothing: Label smoothing. The paper smooths by 0.1 over the vocabulary of its language model; over all 1,023
            actions, smoothing flattens a policy, which is then sampled from.
    """

    smoothing: float = 0.0
    needs_reference: ClassVar[bool] = False
    negatives: ClassVar[float] = 0.0

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the mean loss over the positives by weight, 0 if there are none, and their mean log-probability."""
        weight = turns.weight * (turns.feedback > 0)
        loss = -(weight * turns.smoothed(self.smoothing)).sum() / _total(weight)
        return loss, {"positive_log_prob": _mean(turns.log_prob, weight)}


@dataclass(frozen=True, slots=True)
class SupAndUnlikelihood:
    """Supervised learning on the positives, and unlikelihood, -log(1 - p), on the negatives (Welleck et al. 2020).

    Unlike a negative reward times the log-probability, it is bounded from below: it leaves alone an action that is
    already unlikely.

    Attributes:
        negatives: See `Objective`.
    """

    negatives: float = 0.1
    needs_reference: ClassVar[bool] = False

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the weighted mean loss over positives and negatives, and the positives' mean log-probability.

        Weights that add up to less than 1 are not scaled up: light negatives alone make only a small step.
        """
        positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
        # Slightly less than p, so that loss and slope are finite if the policy is certain of a negative.
        unlikelihood = torch.log1p(-0.999 * turns.log_prob.exp())
        weighted = positive * turns.smoothed(0.0) + negative * unlikelihood
        loss = -weighted.sum() / (positive + negative).sum().clamp(min=1)
        return loss, {"positive_log_prob": _mean(turns.log_prob, positive)}


@dataclass(frozen=True, slots=True)
class Reinforce:
    """Off-policy REINFORCE on decoded feedback (arXiv 2410.13852, section 4; the defaults are the paper's).

    The reward is +1, 0 or `negative_reward`. Only negatives have an importance weight: the action's probability now
    over its probability when it was taken. So the gradient of a negative goes to 0 as it becomes unlikely; otherwise
    its log-probability would be pushed down without end. The weight is 1 if the old probability is unknown, as for
    demonstrations.

    Attributes:
        negative_reward: The reward of a negative.
        least_behaviour: The smallest probability to divide by.
        smoothing: Label smoothing; the paper uses 0.1, over the vocabulary of its language model.
        negatives: See `Objective`.
    """

    negative_reward: float = -0.1
    least_behaviour: float = 0.01
    smoothing: float = 0.0
    negatives: float = 1.0
    needs_reference: ClassVar[bool] = False

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the weighted mean loss over all turns, and the mean log-probabilities of positives and negatives.

        Weights that add up to less than 1 are not scaled up, as in `SupAndUnlikelihood`.
        """
        positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
        behaviour = turns.behaviour_log_prob.clamp(min=math.log(self.least_behaviour))
        ratio = (turns.log_prob.detach() - behaviour).exp()
        reward = positive + self.negative_reward * negative * ratio.nan_to_num(nan=1.0)
        loss = -(reward * turns.smoothed(self.smoothing)).sum() / turns.weight.sum().clamp(min=1)
        return loss, {
            "positive_log_prob": _mean(turns.log_prob, positive),
            "negative_log_prob": _mean(turns.log_prob, negative),
        }


@dataclass(frozen=True, slots=True)
class Kto:
    """Kahneman-Tversky optimisation on decoded feedback (Ethayarajh et al. 2024; arXiv 2410.13852, section 4).

    Let r be the log-ratio of the policy to the one that acted, and z the policy's overall distance from its reference.
    Positives should have r above z, and negatives r below z. z is the batch mean of the log-ratios of mismatched
    actions, at least 0, and has no gradient. Neutral turns are left out.

    Attributes:
        beta: The scale of log-ratios: the larger, the sooner r is far enough from z. The paper's value is 0.5.
        negatives: See `Objective`.
    """

    beta: float = 0.5
    negatives: float = 0.1
    needs_reference: ClassVar[bool] = True

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the weighted mean loss over positives and negatives, z, and the mean log-probabilities of both.

        Weights that add up to less than 1 are not scaled up, as in `SupAndUnlikelihood`.
        """
        positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
        z = turns.mismatched.mean().clamp(min=0).detach()
        margin = self.beta * (turns.log_prob - turns.behaviour_log_prob - z)
        loss = positive * torch.sigmoid(-margin) + negative * torch.sigmoid(margin)
        return loss.sum() / (positive + negative).sum().clamp(min=1), {
            "z": z.item(),
            "positive_log_prob": _mean(turns.log_prob, positive),
            "negative_log_prob": _mean(turns.log_prob, negative),
        }


def new_objective(name: str) -> Objective:
    """Returns the objective with a name: an object, or a class that is called with its defaults.

    Args:
        name: A registered name ("kto"), or an entry-point string.

    Raises:
        UnknownName: If the name is neither.
        UserError: If the object is not an objective, or as in `made`, if a setting has no default.
    """
    objective = resolve("objective", OBJECTIVES, name)
    if isinstance(objective, type):
        objective = made("objective", name, objective)
    missing = [of for of in ("needs_reference", "negatives") if not hasattr(objective, of)]
    if missing or not is_dataclass(objective):
        raise UserError(
            f"objective {name!r} does not fit: it is not a dataclass with {missing[0] if missing else 'settings'}"
        )
    try:
        json.dumps(asdict(objective), allow_nan=False)  # type: ignore[arg-type]  # as a run records it
    except (TypeError, ValueError) as error:
        raise UserError(f"objective {name!r}: allowed are settings that JSON holds: {error}") from error
    found: Objective = objective  # type: ignore[assignment]
    allowed = is_number(found.negatives, 0, sys.float_info.max)
    require(f"objective {name!r}: negatives", found.negatives, "a number of at least 0", allowed)
    return found


def _total(weight: Tensor) -> Tensor:
    """Returns the divisor of a weighted sum: the sum of the weights, at least 1."""
    total = weight.sum()
    return torch.where(total > torch.finfo(torch.float32).tiny, total, torch.ones_like(total))


def _mean(log_prob: Tensor, weight: Tensor) -> float:
    return ((weight * log_prob).sum() / _total(weight)).item()
