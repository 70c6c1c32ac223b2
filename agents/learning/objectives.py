"""What a round minimises: pure functions of what is known of some turns, each a loss and named statistics of it.

An objective is a frozen dataclass that is called. Its settings are its fields, so that a run records them. One of your
own is such a class in a file of your own, and is named `module:attribute`.
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
    """A batch of turns as objectives see it; each a float32 tensor (batch,).

    Attributes:
        log_prob: Log-probability of the action under the policy that is learned.
        mean_log_prob: The mean of the log-probabilities of all that could have been done.
        steps: In how many steps the action was chosen, with log-probabilities that add up: the tokens of a text, and 1
            where a whole action is chosen at once.
        behaviour_log_prob: Log-probability of the action under the policy that acted; where that is unknown, under the
            reference, and NaN where there is no reference either.
        mismatched: Log-ratio of the policy that is learned to its reference, for an action of another turn; NaN where
            there is no reference. No gradient flows through it.
        feedback: Decoded feedback, -1, 0 or +1.
        weight: How much each turn counts beside the others.
    """

    log_prob: Tensor
    mean_log_prob: Tensor
    steps: Tensor
    behaviour_log_prob: Tensor
    mismatched: Tensor
    feedback: Tensor
    weight: Tensor

    def smoothed(self, smoothing: float) -> Tensor:
        """Returns the log-probability a step of labels that are smoothed over all that could have been done."""
        return ((1 - smoothing) * self.log_prob + smoothing * self.mean_log_prob) / self.steps


class Objective(Protocol):
    """What is minimised: a frozen dataclass, and its fields are its settings.

    Attributes:
        needs_reference: Whether it compares the policy with a reference. Learning starts from the reference then.
        negatives: The weight of turns that were decoded as negative beside the positives, 0 to leave them out.
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
    """Supervised learning: cross-entropy on the positives, whatever else there is (arXiv 2410.13852, section 4).

    Attributes:
        smoothing: Of the labels. The paper smooths them by 0.1 over the vocabulary of its language model; over all
            1,023 actions it flattens a policy that is then sampled from.
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

    Unlike a negative reward times the log-probability it is bounded from below: an action that is unlikely already
    is left alone.

    Attributes:
        negatives: See `Objective`.
    """

    negatives: float = 0.1
    needs_reference: ClassVar[bool] = False

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the mean loss over positives and negatives, by weight, and the mean log-probability of the former.

        Weights that add up to less than 1 count as they are: light negatives alone make no step of full length.
        """
        positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
        # A hair less than p, so that loss and slope are finite where the policy is certain of a negative.
        unlikelihood = torch.log1p(-0.999 * turns.log_prob.exp())
        weighted = positive * turns.smoothed(0.0) + negative * unlikelihood
        loss = -weighted.sum() / (positive + negative).sum().clamp(min=1)
        return loss, {"positive_log_prob": _mean(turns.log_prob, positive)}


@dataclass(frozen=True, slots=True)
class Reinforce:
    """Off-policy REINFORCE on decoded feedback (arXiv 2410.13852, section 4, which the defaults are of).

    The reward is +1, 0 or `negative_reward`. Negatives alone carry an importance weight, the action's probability now
    over that when it was done: as a negative becomes unlikely its gradient goes to 0, and without that the
    log-probability would be pushed down without end. An action whose probability when it was done is unknown, as of
    demonstrations, has a weight of 1.

    Attributes:
        negative_reward: What a negative is rewarded with.
        least_behaviour: The floor of a probability that is divided by.
        smoothing: Of the labels; the paper takes 0.1, over the vocabulary of its language model.
        negatives: See `Objective`.
    """

    negative_reward: float = -0.1
    least_behaviour: float = 0.01
    smoothing: float = 0.0
    negatives: float = 1.0
    needs_reference: ClassVar[bool] = False

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the mean loss over all turns, by weight, and the mean log-probabilities of either kind.

        Weights that add up to less than 1 count as they are, as of `SupAndUnlikelihood`.
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

    With r the log-ratio of the policy to the one that acted, and z how far the policy is from its reference on the
    whole, positives are to have r above z and negatives below it. z is the mean log-ratio of mismatched actions, no
    less than 0, over the batch, and is taken as given. Neutral turns are left out.

    Attributes:
        beta: How soon a log-ratio is far enough; 0.5 is the paper's.
        negatives: See `Objective`.
    """

    beta: float = 0.5
    negatives: float = 0.1
    needs_reference: ClassVar[bool] = True

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        """Returns the mean loss over positives and negatives, by weight, z, and the mean log-probabilities of both.

        Weights that add up to less than 1 count as they are, as of `SupAndUnlikelihood`.
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
    """Returns the objective that a name stands for: an object, or a class that is made with its defaults.

    Args:
        name: A registered name ("kto"), or an entry-point string.

    Raises:
        UnknownName: If the name is neither.
        UserError: If it stands for no objective, or as `made` does, as where a setting has no default.
    """
    objective = resolve("objective", OBJECTIVES, name)
    if isinstance(objective, type):
        objective = made("objective", name, objective)
    missing = [of for of in ("needs_reference", "negatives") if not hasattr(objective, of)]
    if missing or not is_dataclass(objective):
        raise UserError(f"objective {name!r} is none: it is no dataclass with {missing[0] if missing else 'settings'}")
    try:
        json.dumps(asdict(objective), allow_nan=False)  # type: ignore[arg-type]  # as a run records it
    except (TypeError, ValueError) as error:
        raise UserError(f"objective {name!r}: allowed are settings that JSON holds: {error}") from error
    found: Objective = objective  # type: ignore[assignment]
    allowed = is_number(found.negatives, 0, sys.float_info.max)
    require(f"objective {name!r}: negatives", found.negatives, "a number of at least 0", allowed)
    return found


def _total(weight: Tensor) -> Tensor:
    """Returns what a sum by weight is divided by: the sum of the weights, and 1 where there are none."""
    total = weight.sum()
    return torch.where(total > torch.finfo(torch.float32).tiny, total, torch.ones_like(total))


def _mean(log_prob: Tensor, weight: Tensor) -> float:
    return ((weight * log_prob).sum() / _total(weight)).item()
