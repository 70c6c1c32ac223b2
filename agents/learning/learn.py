"""Learns a policy from turns with feedback: the same few lines for any listener that can score actions."""

# Annotations are evaluated here, because cyclopts would look for their names in the modules of subclasses.

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from multiref_gym.agents.learning.kept_state import read_state, write_state
from multiref_gym.agents.learning.objectives import Objective, ScoredTurns
from multiref_gym.agents.learning.parallel import add_gradients, gathered, is_main, share
from multiref_gym.commands.options import Count, Positive, Share
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from multiref_gym.listener import Listener, View
from multiref_gym.parts import blame, part_name
from multiref_gym.tangrams import TangramSet


@dataclass(frozen=True, slots=True)
class Example:
    """A turn to learn from: the listener's view, its action, the feedback on it, and its probability.

    Attributes:
        view: The listener's view.
        action: The listener's action.
        feedback: The feedback in the speaker's reply.
        log_prob: The action's log-probability under the policy that acted, or None if unknown.
        weight: The weight of the turn among the others.
    """

    view: View
    action: Action
    feedback: Feedback
    log_prob: float | None = None
    weight: float = 1.0


class Scores(NamedTuple):
    """The log-probabilities of actions under a policy; each a float32 tensor (batch,).

    Attributes:
        log_prob: Log-probability of the action.
        mean_log_prob: The mean of the log-probabilities of all possible actions.
        steps: The number of steps in which an action is chosen; see `ScoredTurns`.
    """

    log_prob: Tensor
    mean_log_prob: Tensor
    steps: Tensor


class TrainableListener(Listener, Protocol):
    """A listener that can be trained: it has a model, and scores given actions."""

    @property
    def model(self) -> nn.Module:
        """The network to train."""
        ...

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads the policy in a folder or, if None, the base that every round starts from."""
        ...

    def save(self, path: Path) -> None:
        """Saves the policy to a folder, as safetensors."""
        ...

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns the log-probability of each action.

        Raises:
            ValueError: If the listener cannot take an action, such as the empty one.
        """
        ...


def fingerprint(model: nn.Module) -> str:
    """Returns a short hash of a model's weights."""
    digest = hashlib.sha256()
    for name, weights in sorted(model.state_dict().items()):
        # As bytes, because NumPy has no bfloat16.
        digest.update(name.encode() + weights.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How the loss is minimised: AdamW with a cosine schedule after a short warm-up.

    Attributes:
        epochs: Passes over the examples.
        batch: Examples a step.
        learning_rate: Peak learning rate.
        embedding_rate: Factor on the learning rate of word embeddings, which see few examples each.
        weight_decay: Decoupled weight decay.
        warmup: Share of the steps in which the learning rate rises.
        clip: Largest norm of the gradient.
        other_distractors: The probability, in each epoch, that an uninvolved tangram is replaced by another one.
    """

    epochs: Count
    batch: Count = 64
    learning_rate: Positive = 1e-3
    embedding_rate: Positive = 4.0
    weight_decay: Share = 0.01
    warmup: Share = 0.05
    clip: Positive = 1.0
    other_distractors: Share = 0.0

    def schedule(self, step: int, steps: int) -> float:
        """Returns a step's share of the peak rate: a linear warm-up, times half a cosine."""
        warmup = max(1, round(self.warmup * steps))
        return min((step + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def learn(
    listener: TrainableListener,
    examples: Sequence[Example],
    objective: Objective,
    optimisation: Optimisation,
    seed: int,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
    reference: TrainableListener | None = None,
    measured: Callable[[], dict[str, float]] = dict,
    kept: Path | None = None,
    on_epoch: Callable[[], None] = lambda: None,
) -> list[dict[str, float]]:
    """Trains the listener's model in place; the same seed gives the same weights on the same machine.

    In several processes (`parallel.py`), each scores its share of a batch, and all end with the same weights.

    Args:
        listener: The listener to train, from its current weights. If it has a function `remember`, because it keeps
            past words, it gets the examples first. If it has a true `whole_games`, because it reads all turns of a game
            at once, a batch holds a few games; otherwise it holds examples of similar length.
        examples: The examples.
        objective: The objective to minimise.
        optimisation: How it is minimised.
        seed: Seeds the order of the examples and dropout.
        on_step: Called after each step with its number and the total number of steps.
        reference: The policy to compare with, if the objective needs one.
        measured: Called after each epoch; its result is added to the statistics of the epoch.
        kept: A file for the state after each epoch. If it exists, learning continues from it, so it must come from the
            same arguments.
        on_epoch: Called after each epoch, when its state has been written.

    Returns:
        For each epoch the loss and the objective's statistics (means over its steps), and the result of `measured`.

    Raises:
        ValueError: If there are no examples.
        UserError: If the objective needs a reference and there is none, or a step would make weights NaN or infinite,
            or an objective or a listener from outside this package fails. The message names it.
    """
    if objective.needs_reference and reference is None:
        raise UserError(f"objective {type(objective).__name__} compares the policy with a reference, and there is none")
    if not examples:
        raise ValueError("no examples to learn from")
    if remember := getattr(listener, "remember", None):
        remember(examples)
    order = np.random.default_rng(seed)
    steps_an_epoch = math.ceil(len(examples) / optimisation.batch)
    steps = optimisation.epochs * steps_an_epoch
    optimizer = _optimizer(listener.model, optimisation)
    if getattr(listener, "whole_games", False):
        numbers: dict[tuple[str, tuple[str, ...]], int] = {}
        keys = ((example.view.game_id, example.view.tangrams) for example in examples)
        divide = partial(batches_of_games, [numbers.setdefault(key, len(numbers)) for key in keys])
    else:
        divide = partial(batches, [example.view.length for example in examples])
    pool = sorted({name for example in examples for name in example.view.tangrams})
    trained = [weights for weights in listener.model.parameters() if weights.requires_grad]
    curve: list[dict[str, float]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kept is not None and kept.exists():
            curve = read_state(kept, trained, optimizer, order)
        for epoch in range(len(curve), optimisation.epochs):
            listener.model.train()
            statistics: list[dict[str, float]] = []
            for step, rows in enumerate(divide(optimisation.batch, order), epoch * steps_an_epoch):
                batch = [with_other_distractors(examples[i], pool, optimisation.other_distractors, order) for i in rows]
                loss, values = _loss(objective, scored(listener, batch, reference))
                optimizer.zero_grad()
                loss.backward()
                add_gradients(trained)
                norm = nn.utils.clip_grad_norm_(trained, optimisation.clip).item()
                _check_finite(objective, values | {"norm of the gradient": norm})
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * optimisation.schedule(step, steps)
                optimizer.step()
                statistics.append(values)
                on_step(step + 1, steps)
            listener.model.eval()
            means = {name: float(np.mean([step[name] for step in statistics])) for name in statistics[0]}
            curve.append(means | measured())
            if kept is not None and is_main():
                write_state(kept, trained, optimizer, order, curve)
            on_epoch()
    return curve


def _loss(objective: Objective, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
    """Returns the loss of a batch, and its value with the objective's statistics as numbers."""
    try:
        loss, named = objective(turns)
        numbers = {"loss": loss.item()} | {name: float(number) for name, number in named.items()}
    except (Exception, SystemExit) as error:
        blame("objective", objective, error)
        raise
    if not loss.requires_grad:
        raise UserError(f"objective {part_name(objective)} gives a loss that does not depend on the policy")
    return loss, numbers


def _check_finite(objective: Objective, numbers: Mapping[str, float]) -> None:
    """Raises UserError unless all numbers are finite."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise UserError(f"objective {part_name(objective)}: the {name} is {number}: allowed is a finite number")


def batches(lengths: Sequence[int], size: int, rng: np.random.Generator, mixed: int = 8) -> list[np.ndarray]:
    """Returns the indices of all examples in batches, in random order; a batch holds examples of similar length.

    A batch is padded to its longest example, so similar lengths save work.

    Args:
        lengths: The length of each example, in any unit.
        size: Examples in a batch; some batches have fewer.
        rng: The random generator.
        mixed: The number of batches whose examples are drawn at random and then sorted by length.
    """
    shuffled = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(shuffled), mixed * size):
        drawn = shuffled[start : start + mixed * size]
        drawn = drawn[np.argsort(np.asarray(lengths)[drawn], kind="stable")]
        batches += np.split(drawn, range(size, len(drawn), size))
    return [batches[i] for i in rng.permutation(len(batches))]


def batches_of_games(games: Sequence[int], size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Returns the indices of all examples in batches: one game after another, in random order.

    Args:
        games: The number of each example's game, from 0.
        size: Examples in a batch; the last may have fewer. A game may be split between two batches.
        rng: The random generator.
    """
    places = rng.permutation(max(games) + 1)[np.asarray(games)]
    return np.split(np.argsort(places, kind="stable"), range(size, len(games), size))


def with_other_distractors(example: Example, pool: Sequence[str], share: float, rng: np.random.Generator) -> Example:
    """Returns the example with other tangrams in place of some that were neither selected nor clicked.

    A model soon memorises a few thousand turns. A target's description also fits among other tangrams, so with new
    distractors in each epoch the model can only learn how the words fit the target. Sometimes the words also fit a new
    distractor; this is rare, because they were chosen to set the target apart.

    Args:
        example: The example, which stays unchanged.
        pool: The tangrams to draw from.
        share: The probability that such a tangram is replaced; it stays if the drawn one is in the context already.
        rng: The random generator.
    """
    view = example.view
    concerned = view.selected.union(example.action.clicks, *(action.clicks for _, action in view.dialogue))
    tangrams = list(view.tangrams)
    for position, (chance, draw) in enumerate(rng.random((len(tangrams), 2)).tolist()):
        newcomer = pool[int(draw * len(pool))]
        if chance < share and position not in concerned and newcomer not in tangrams:
            tangrams[position] = newcomer
    return replace(example, view=replace(view, tangrams=tuple(tangrams)))


def scored(
    listener: TrainableListener, batch: Sequence[Example], reference: TrainableListener | None = None
) -> ScoredTurns:
    """Returns the data of a batch for an objective.

    The mismatched action of each turn is that of the next turn in the batch.
    """
    views, actions = [example.view for example in batch], [example.action for example in batch]
    scores = _scores(listener, views, actions)
    behaviour = torch.tensor([math.nan if e.log_prob is None else e.log_prob for e in batch])
    mismatched = torch.full_like(behaviour, math.nan)
    if reference is not None:
        others = [Action.clicking(a.clicks, v.selected) for v, a in zip(views, actions[1:] + actions[:1], strict=True)]
        with torch.no_grad():
            mismatched = _scores(listener, views, others).log_prob - _scores(reference, views, others).log_prob
            behaviour = torch.where(behaviour.isnan(), _scores(reference, views, actions).log_prob, behaviour)
    return ScoredTurns(
        *scores,
        behaviour_log_prob=behaviour,
        mismatched=mismatched,
        feedback=torch.tensor([float(e.feedback) for e in batch]),
        weight=torch.tensor([e.weight for e in batch]),
    )


def _scores(listener: TrainableListener, views: Sequence[View], actions: Sequence[Action]) -> Scores:
    """Returns the scores of a batch; each process computes its share."""
    rows = share(len(views))
    try:
        found = Scores(*listener.score([views[row] for row in rows], [actions[row] for row in rows]))
    except (Exception, SystemExit) as error:
        blame("listener", listener, error)
        raise
    return Scores(*(gathered(values, rows, len(views)) for values in found))


def _optimizer(model: nn.Module, optimisation: Optimisation) -> torch.optim.Optimizer:
    """Returns AdamW over all trained weights; a group's `peak` is its largest learning rate."""
    embeddings = [p for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters() if p.requires_grad]
    fast = {id(p) for p in embeddings}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in fast]
    rate = optimisation.learning_rate
    groups = [
        {"params": others, "peak": rate, "weight_decay": optimisation.weight_decay},
        {"params": embeddings, "peak": rate * optimisation.embedding_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)
