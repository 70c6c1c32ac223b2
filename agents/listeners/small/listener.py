"""The small listener: turns views into tensors, samples actions, and scores given ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, cast

import numpy as np
import torch
from pydantic import Field, PositiveInt, create_model
from scipy.special import softmax
from torch import Tensor

from multiref_gym.agents.learning.learn import Scores, fingerprint
from multiref_gym.agents.listeners.small.model import Batch, SmallConfig, SmallModel
from multiref_gym.agents.listeners.small.text import encode_words, padded
from multiref_gym.agents.listeners.weights import read_weights
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import Atlas, TangramSet
from multiref_gym.vocabulary import words_of

CHECKPOINT = Path(__file__).with_name("checkpoint")
"""The base that ships with the package; `multiref pretrain` builds it."""

_sizes = {name: (PositiveInt, ...) for name, kind in SmallConfig.__annotations__.items() if kind in (int, "int")}
_rate = Annotated[float, Field(ge=0, lt=1)]
SETTINGS: Any = create_model("SmallSettings", dropout=(_rate, ...), **cast(Any, _sizes))
"""What is read of `config.json`; Transformers, which writes it, would take anything."""

PLAYED_AT_ONCE = 96
"""Views in a batch of play."""

cached_words = lru_cache(maxsize=100_000)(words_of)


class SmallListener:
    """A listener that samples from the small model's distribution over actions.

    Args:
        model: The network. Its vision is frozen: each tangram is looked at once and then remembered.
        tangrams: Where the views' tangrams come from.

    Attributes:
        greedy: Whether it takes the likeliest action in place of a sampled one. Off, as who never tries anything else
            learns less.
    """

    def __init__(self, model: SmallModel, tangrams: TangramSet) -> None:
        self.model, self.greedy = model, False
        self.model.train(False)
        self.model.vision.requires_grad_(False)
        self._memory = _memory(fingerprint(model.vision), tangrams, model.config.image_size)

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads a checkpoint folder (`config.json`, `model.safetensors`), by default the base.

        Raises:
            FileNotFoundError: If the folder holds no checkpoint.
            UserError: If it is one of another network, lacks weights, or is broken.
        """
        path = path or CHECKPOINT
        for name in ("model.safetensors", "config.json"):
            if not (path / name).is_file():
                raise FileNotFoundError(f"no checkpoint of a small listener in {path}: {name} is missing")
        kind = read_json(dict[str, Any], path / "config.json").get("model_type")
        if kind != SmallConfig.model_type:
            raise UserError(f"{path} holds no checkpoint of a small listener: its config.json is of {kind!r}")
        settings = read_json(SETTINGS, path / "config.json")
        if settings.width % settings.heads:
            raise UserError(f"{path / 'config.json'}: {settings.heads} heads cannot share a width of {settings.width}")
        with torch.device("meta"):  # the weights are all in the file
            model = SmallModel(SmallConfig(**settings.model_dump()))
        weights = read_weights(path / "model.safetensors", model.state_dict(), "the small listener")
        model.load_state_dict(weights, assign=True)
        return cls(model, tangrams)

    def save(self, path: Path) -> None:
        """Saves the network as a checkpoint folder."""
        self.model.save_pretrained(path)

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view from the distribution that `score` is of; see `greedy`."""
        log_probs = self._log_probs_of_all(views)
        decisions = []
        for view, row, shares, rng in zip(views, log_probs, softmax(log_probs, axis=1), rngs, strict=True):
            number = int(row.argmax() if self.greedy else rng.choice(len(row), p=shares))
            clicks = [i for i in range(len(view.tangrams)) if number + 1 >> i & 1]
            action = Action.clicking(clicks, view.selected)
            decisions.append(Decision(action, float(row[number]), str(action)))
        return decisions

    def _log_probs_of_all(self, views: Sequence[View]) -> np.ndarray:
        """Returns the log-probability of each action, float64 (views, actions)."""
        order = np.argsort([view.length for view in views], kind="stable")  # a batch is padded to its longest view
        scored = np.empty((len(views), 2 ** len(views[0].tangrams) - 1))
        with torch.inference_mode():
            for rows in np.array_split(order, math.ceil(len(views) / PLAYED_AT_ONCE)):
                scored[rows] = self.model(self.collate([views[row] for row in rows]))
        return scored

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns how likely each action is; it is chosen in one step.

        Raises:
            ValueError: If an action is empty, as this listener always clicks.
        """
        if not all(action.clicks for action in actions):
            raise ValueError("an empty action has no probability: the small listener always clicks")
        numbers = torch.tensor([sum(1 << i for i in action.clicks) - 1 for action in actions])
        log_probs: Tensor = self.model(self.collate(views))
        log_prob = log_probs.gather(1, numbers[:, None]).squeeze(1)
        return Scores(log_prob, log_probs.mean(1), torch.ones_like(log_prob))

    def collate(self, views: Sequence[View]) -> Batch:
        """Turns views into tensors; all views must have equally many tangrams."""
        config = self.model.config
        tangrams = len(views[0].tangrams)
        selected = np.zeros((len(views), tangrams), np.int64)
        clicks = np.zeros((len(views), tangrams, 2), np.int64)
        clicked = np.zeros((len(views), tangrams), np.int64)
        texts, ages, places = [], [], []
        for row, view in enumerate(views):
            selected[row, list(view.selected)] = 1
            for ago, (_, action) in enumerate(reversed(view.dialogue)):
                if ago < 2:
                    clicks[row, list(action.select), ago] = 1
                    clicks[row, list(action.deselect), ago] = 2
                clicked[row, list(action.clicks)] = 1
            said = [view.utterance, *(utterance for utterance, _ in reversed(view.dialogue))][: config.history]
            heard = [cached_words(utterance)[: config.max_words] for utterance in said]
            texts.append([word for words in heard for word in words])
            ages.append([age for age, words in enumerate(heard) for _ in words])
            places.append([place for words in heard for place in range(len(words))])
        pieces, words = encode_words(texts, config.buckets)
        features = self._look([name for view in views for name in view.tangrams])
        return Batch(
            features=features.to(self.model.dtype).unflatten(0, (len(views), -1)),
            selected=torch.from_numpy(selected),
            clicks=torch.from_numpy(clicks),
            clicked=torch.from_numpy(clicked),
            pieces=pieces,
            words=words,
            ages=padded(ages),
            places=padded(places),
        )

    def _look(self, names: Sequence[str]) -> Tensor:
        """Returns the features of tangrams, float32 (n, vision_width), looking only at those that are new."""
        memory = self._memory
        if new := [name for name in dict.fromkeys(names) if name not in memory.rows]:
            silhouettes = torch.from_numpy(memory.atlas.silhouettes(new))
            with torch.no_grad():
                # One by one, as the last bits depend on the batch, and who comes together depends on the run's course.
                features = torch.cat([self.model.vision(silhouette[None]) for silhouette in silhouettes])
            memory.rows.update(zip(new, range(len(memory.rows), len(memory.rows) + len(new)), strict=True))
            memory.features = torch.cat([memory.features, features])
        return memory.features[[memory.rows[name] for name in names]]


@dataclass
class Memory:
    """What a vision has made of the tangrams that it has looked at.

    Attributes:
        atlas: Draws them.
        rows: The row of each of them.
        features: float32 (n, vision_width).
    """

    atlas: Atlas
    rows: dict[str, int]
    features: Tensor


@lru_cache(maxsize=4)
def _memory(vision: str, tangrams: TangramSet, image_size: int) -> Memory:
    """Returns one memory for all listeners with the same vision, as every round's have: no image is encoded twice."""
    return Memory(Atlas(tangrams, image_size), {}, torch.empty(0))


def new_model(config: SmallConfig, seed: int) -> SmallModel:
    """Returns a model with random weights, the same for the same seed, leaving the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SmallModel(config)
