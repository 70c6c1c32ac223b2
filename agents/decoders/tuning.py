"""Tunes a decoder from a language model: on simulated games, and on your own replies, chats and games.

Gradient descent fits the adapter and the head, in one pass over all examples by default. If games of people with known
targets are given, the head is then fitted to them by a logistic regression that starts from the tuned head.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn

from multiref_gym.agents.decoders.replies import LabelledReply, read_replies
from multiref_gym.agents.decoders.training import CALIBRATED_ON, LEARNED_FROM, LISTENERS, simulated, speakers
from multiref_gym.agents.decoders.tuned import Judge, TunedConfig, log_odds, write
from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.tables import share
from multiref_gym.agents.listeners.weights import model_name, saved
from multiref_gym.commands.options import Count, Natural, Positive, check_new_folder
from multiref_gym.commands.screen import Screen
from multiref_gym.conversation import ChatExchange
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.formats.chats import read_feedback
from multiref_gym.interaction import Interaction
from multiref_gym.provenance import provenance

HELD_BACK = 200
"""The number of simulated replies that a decoder is tested on. Their speakers are not learned from."""
WARM_UP = 0.05
"""The share of the steps in which the learning rate rises; after them it falls to 0."""
CLIP = 1.0
"""The largest norm of a gradient."""
BATCH = 8
"""The number of examples in a step."""
SORTED = 16
"""The number of batches whose texts are sorted by length together, to reduce padding."""

Example = tuple[Exchange | ChatExchange, bool]
"""An exchange, and whether the action was entirely right or, in a chat, the user content."""


def simulated_examples(populations: Iterable[int], count: int, seed: np.random.SeedSequence) -> list[Example]:
    """Returns exchanges of simulated games, hardly any two from the same game.

    Args:
        populations: Seeds of the speakers' populations.
        count: The number of exchanges.
        seed: Seeds all other randomness.
    """
    of_games, of_choice = seed.spawn(2)
    exchanges, good = simulated(speakers(populations), -(-count // len(LISTENERS)), of_games)
    chosen = np.random.default_rng(of_choice).choice(len(exchanges), count, replace=False)
    return [(exchanges[row], good[row]) for row in chosen.tolist()]


def people_examples(games: Sequence[Interaction]) -> list[Example]:
    """Returns the exchanges with clicks of games whose targets are known."""
    return [
        (exchange, ground_truth(exchange.action, game.targets) is Feedback.POSITIVE)
        for game in games
        for exchange in game.exchanges()
        if exchange.action.clicks
    ]


def chat_examples(path: Path) -> list[Example]:
    """Returns the exchanges of chats with positive or negative feedback; see `read_feedback` for the errors."""
    return [
        (exchange, feedback is Feedback.POSITIVE)
        for exchange, feedback in read_feedback(path)
        if feedback is not Feedback.NEUTRAL
    ]


def tune(
    judge: Judge,
    examples: Sequence[Example],
    passes: int,
    learning_rate: float,
    rng: np.random.Generator,
    report: Callable[[int], None],
) -> None:
    """Fits the adapter and the head to examples, by AdamW on the log-loss.

    Args:
        judge: The adapter and the head.
        examples: One or more examples.
        passes: The number of passes over the examples.
        learning_rate: The peak learning rate.
        rng: The source of the order of the examples.
        report: Called with the number of examples seen so far.
    """
    judge.train()
    texts = [judge.tokens(exchange)[0] for exchange, _ in examples]
    truth = torch.tensor([float(good) for _, good in examples])
    batches = [batch for _ in range(passes) for batch in _batches([*map(len, texts)], rng)]
    weights = [values for values in judge.parameters() if values.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=0.0)
    warm = max(1, round(WARM_UP * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / max(1, len(batches) - warm))
    )
    seen = 0
    for rows in batches:
        logits = judge([texts[row] for row in rows])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth[rows].to(logits.device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        schedule.step()
        seen += len(rows)
        report(seen)
    judge.eval()


def fitted_head(head: nn.Linear, states: Tensor, good: Sequence[bool]) -> nn.Linear:
    """Returns a head that is fitted to examples; a ridge penalty keeps it near the tuned head.

    The change of its weights minimises the sum of the log-losses plus half the change's squared length. The units are
    those in which states have a mean squared length of 1. This is a logistic regression with C = 1 whose offset is the
    log-odds of the tuned head.

    Args:
        head: The tuned head.
        states: The states of the examples, float32 (examples, hidden size); see `Judge.read`.
        good: Whether each example is a positive, of the same length.
    """
    before, truth = log_odds(head, states), np.array(good, np.float64)
    raw: NDArray[np.float64] = states.double().numpy()
    scale = float(np.sqrt((raw**2).sum(axis=1).mean()))
    rows = np.column_stack([raw / scale, np.ones(len(raw))])
    penalised = np.ones(rows.shape[1])
    penalised[-1] = 0  # all but the bias

    def loss(change: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = before + rows @ change
        total = np.logaddexp(0, logits).sum() - truth @ logits + (penalised * change**2).sum() / 2
        return float(total), rows.T @ (expit(logits) - truth) + penalised * change

    change = torch.from_numpy(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x).to(head.weight)
    fitted = copy.deepcopy(head)
    with torch.no_grad():
        fitted.weight.add_(change[:-1] / scale)
        fitted.bias.add_(change[-1])
    return fitted


def _batches(lengths: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Returns the rows of all texts in batches of similar length, in random order."""
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), SORTED * BATCH):
        rows = sorted(order[start : start + SORTED * BATCH].tolist(), key=lambda row: lengths[row])
        batches += [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    return [batches[number] for number in rng.permutation(len(batches)).tolist()]


@dataclass(frozen=True, kw_only=True)
class TuneDecoder:
    """Tunes a decoder from a language model, on simulated games and on your own data.

    SmolLM2-135M takes five to six CPU minutes for 1,000 replies. If you interrupt a run, it starts again from the
    beginning.

    Attributes:
        model: The language model: a folder, or an id of the Hugging Face hub.
        out: A new folder for the decoder; `--decoder tuned:FOLDER` is its name.
        simulated: The number of replies from simulated games to learn from.
        replies: Tables of labelled replies to learn from, of the game or of chats, as CSV files.
        chats: Chats with feedback to learn from, as `multiref decode --chats` writes them and people correct them.
        games: Games of people with known targets, one JSON object a line. The head is fitted to them at the end.
        passes: The number of passes over all replies.
        learning_rate: The peak learning rate.
        rank: The rank of the adapter.
        seed: Seeds all randomness except the populations.
    """

    model: str
    out: Path
    simulated: Count = 500
    replies: tuple[Path, ...] = ()
    chats: Path | None = None
    games: Path | None = None
    passes: Count = 1
    learning_rate: Positive = 1e-3
    rank: Count = 8
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Tunes and writes the decoder.

        Raises:
            UserError: If the model cannot be loaded, a table, a chat or a game is invalid, all or none of the actions
                in the games are entirely right, or the folder is not empty.
        """
        check_new_folder(self.out)
        tables = {path: read_replies(path) for path in self.replies}
        chats = chat_examples(self.chats) if self.chats else []
        people = people_examples(read_interactions(self.games)) if self.games else []
        if self.games and len({good for _, good in people}) < 2:
            raise UserError(
                f"{self.games}: some of the {len(people)} replies must be to right actions, and some to others"
            )
        for_learning, for_trial, for_order = np.random.SeedSequence(self.seed).spawn(3)
        examples = simulated_examples(LEARNED_FROM, self.simulated, for_learning)
        examples += [(reply.exchange, reply.content) for table in tables.values() for reply in table]
        examples += chats
        judge = Judge(self.model, self.rank)
        total = self.passes * len(examples)
        order = np.random.default_rng(for_order)
        tune(judge, examples, self.passes, self.learning_rate, order, lambda n: screen.report("replies", n, total))
        if people:
            states = _states(judge, people, screen, "people's replies")
            judge.head = fitted_head(judge.head, states, [good for _, good in people])
        trial = simulated_examples(CALIBRATED_ON, HELD_BACK, for_trial)
        scores = _scores(judge, trial, screen)
        config = TunedConfig(model_name(self.model), self.rank, self._made(tables, len(chats), len(people), scores))
        with saved(self.out) as unfinished:
            write(unfinished, judge, config)
        screen.say(f"accuracy on {HELD_BACK} simulated replies that were held back: {share(scores['accuracy'])}")
        screen.say(f"use it as --decoder tuned:{self.out}")

    def _made(
        self, tables: dict[Path, list[LabelledReply]], chats: int, people: int, scores: dict[str, float | None]
    ) -> dict[str, Any]:
        return {
            "simulated": self.simulated,
            "replies": {str(path): len(replies) for path, replies in tables.items()},
            "chats": chats,
            "people": people,
            "passes": self.passes,
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            "held_back": {"replies": HELD_BACK, **scores},
            **provenance("safetensors"),
        }


def _states(judge: Judge, examples: Sequence[Example], screen: Screen, what: str) -> Tensor:
    exchanges = [exchange for exchange, _ in examples]
    return judge.read(exchanges, lambda done: screen.report(what, done, len(exchanges)))[0]


def _scores(judge: Judge, examples: Sequence[Example], screen: Screen) -> dict[str, float | None]:
    """Returns the judge's figures on examples."""
    logits = log_odds(judge.head, _states(judge, examples, screen, "replies held back"))
    good = np.array([good for _, good in examples])
    return Confusion.of(np.where(logits >= 0, 1, -1), np.where(good, 1, -1)).figures()
