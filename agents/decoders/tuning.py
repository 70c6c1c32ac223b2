"""Tunes a decoder from a language model: on simulated games, and on replies and games of one's own.

One pass over everything by gradient descent fits the adapter and the head. Where games of people are given, whose
targets are known, the head is then fitted to them: a logistic regression that starts from the head that was tuned.
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
"""How many simulated replies, of speakers that are not learned from, a decoder is tried on."""
WARM_UP = 0.05
"""In which share of the steps the learning rate rises; then it falls to 0."""
CLIP = 1.0
"""The longest gradient."""
BATCH = 8
"""Examples of a step."""
SORTED = 16
"""How many batches are sorted by length together, so that there is little padding."""

Example = tuple[Exchange | ChatExchange, bool]
"""An exchange, and whether the speaker was content: the action was wholly good."""


def simulated_examples(populations: Iterable[int], count: int, seed: np.random.SeedSequence) -> list[Example]:
    """Returns so many exchanges of simulated games, hardly any two of one game.

    Args:
        populations: Seeds of the populations that speak.
        count: How many exchanges.
        seed: Seeds all other chance.
    """
    of_games, of_choice = seed.spawn(2)
    exchanges, good = simulated(speakers(populations), -(-count // len(LISTENERS)), of_games)
    chosen = np.random.default_rng(of_choice).choice(len(exchanges), count, replace=False)
    return [(exchanges[row], good[row]) for row in chosen.tolist()]


def people_examples(games: Sequence[Interaction]) -> list[Example]:
    """Returns the exchanges of games whose targets are known, but for those in which nothing was clicked."""
    return [
        (exchange, ground_truth(exchange.action, game.targets) is Feedback.POSITIVE)
        for game in games
        for exchange in game.exchanges()
        if exchange.action.clicks
    ]


def chat_examples(path: Path) -> list[Example]:
    """Returns the exchanges of chats whose feedback is given, but for neutral ones; see `read_feedback` for errors."""
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
        judge: What is fitted.
        examples: One or more.
        passes: How often each is seen.
        learning_rate: The highest one.
        rng: The source of the order.
        report: Is told how many examples were seen.
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
        said = judge([texts[row] for row in rows])
        loss = nn.functional.binary_cross_entropy_with_logits(said, truth[rows].to(said.device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        schedule.step()
        seen += len(rows)
        report(seen)
    judge.eval()


def fitted_head(head: nn.Linear, states: Tensor, good: Sequence[bool]) -> nn.Linear:
    """Returns a head that is fitted to examples, as near to the one that was tuned as a ridge penalty has it.

    The change of its weights minimises the sum of the log-losses and half its squared length, in units in which a state
    has the mean squared length 1: a logistic regression with C = 1, and the log-odds of the tuned head as its offset.

    Args:
        head: The one that was tuned.
        states: Of the examples, float32 (examples, hidden size); see `Judge.read`.
        good: Whether each is a positive, of the same length.
    """
    before, truth = log_odds(head, states), np.array(good, np.float64)
    raw: NDArray[np.float64] = states.double().numpy()
    scale = float(np.sqrt((raw**2).sum(axis=1).mean()))
    rows = np.column_stack([raw / scale, np.ones(len(raw))])
    penalised = np.ones(rows.shape[1])
    penalised[-1] = 0  # all but the bias

    def loss(change: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        said = before + rows @ change
        total = np.logaddexp(0, said).sum() - truth @ said + (penalised * change**2).sum() / 2
        return float(total), rows.T @ (expit(said) - truth) + penalised * change

    change = torch.from_numpy(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x).to(head.weight)
    fitted = copy.deepcopy(head)
    with torch.no_grad():
        fitted.weight.add_(change[:-1] / scale)
        fitted.bias.add_(change[-1])
    return fitted


def _batches(lengths: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Returns the rows of texts in batches of like length, each once, in random order."""
    order = rng.permutation(len(lengths))
    found = []
    for start in range(0, len(order), SORTED * BATCH):
        rows = sorted(order[start : start + SORTED * BATCH].tolist(), key=lambda row: lengths[row])
        found += [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    return [found[number] for number in rng.permutation(len(found)).tolist()]


@dataclass(frozen=True, kw_only=True)
class TuneDecoder:
    """Tunes a decoder from a language model, on simulated games and on what else is given.

    SmolLM2-135M takes five to six CPU minutes for 1,000 replies. An interrupted run begins anew.

    Attributes:
        model: The language model: a folder, or an id of the Hugging Face hub.
        out: A new folder for the decoder; `--decoder tuned:FOLDER` is its name.
        simulated: How many replies of simulated games are learned from.
        replies: Tables of replies with labels, of the game or of chats: CSV files, learned from as well.
        chats: Chats with feedback, as `multiref decode --chats` writes them and people correct them; the same.
        games: Games of people whose targets are known, one JSON object a line: the head is fitted to them in the end.
        passes: How often each reply is learned from.
        learning_rate: The highest one.
        rank: Of the adapter.
        seed: Seeds all chance but the populations.
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
            UserError: If the model cannot be loaded, a table, a chat or a game is bad, all or none of the actions in
                the games are good, or the folder holds something.
        """
        check_new_folder(self.out)
        tables = {path: read_replies(path) for path in self.replies}
        chats = chat_examples(self.chats) if self.chats else []
        people = people_examples(read_interactions(self.games)) if self.games else []
        if self.games and len({good for _, good in people}) < 2:
            raise UserError(f"{self.games}: of {len(people)} replies some must be to good actions and some to others")
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
        screen.say(f"{share(scores['accuracy'])} of {HELD_BACK} simulated replies held back are decoded right")
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
    """Returns the figures of the judge on examples."""
    said = log_odds(judge.head, _states(judge, examples, screen, "replies held back"))
    good = np.array([good for _, good in examples])
    return Confusion.of(np.where(said >= 0, 1, -1), np.where(good, 1, -1)).figures()
