"""A trainable listener of a few weights, for tests of everything around learning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from multiref_gym.agents.learning.learn import Scores
from multiref_gym.game import CONTEXT_SIZE, Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import TangramSet


class TinyListener:
    """Clicks one position, by a learned distribution that heeds neither pictures nor words."""

    def __init__(self) -> None:
        self.model = nn.Linear(1, CONTEXT_SIZE)
        nn.init.zeros_(self.model.weight)
        nn.init.zeros_(self.model.bias)

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        listener = cls()
        if path is not None:
            listener.model.load_state_dict(load_file(path / "model.safetensors"))
        return listener

    def save(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        save_file(self.model.state_dict(), path / "model.safetensors")

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        log_probs = self._all(len(views)).detach().double().numpy()
        decisions = []
        for view, row, rng in zip(views, log_probs, rngs, strict=True):
            position = int(np.searchsorted(np.exp(row).cumsum()[:-1], rng.random()))
            action = Action.clicking([position], view.selected)
            decisions.append(Decision(action, float(row[position]), str(action)))
        return decisions

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        positions = torch.tensor([min(action.clicks, default=0) for action in actions])
        log_probs = self._all(len(views))
        log_prob = log_probs.gather(1, positions[:, None]).squeeze(1)
        return Scores(log_prob, log_probs.mean(1), torch.ones_like(log_prob))

    def _all(self, count: int) -> Tensor:
        log_probs: Tensor = self.model(torch.ones(count, 1, dtype=self.model.weight.dtype)).log_softmax(1)
        return log_probs


class ExactListener(TinyListener):
    """One in float64, whose weights can be compared after Adam has blown rounding up; see `rounding.py`."""

    def __init__(self) -> None:
        super().__init__()
        self.model.double()
