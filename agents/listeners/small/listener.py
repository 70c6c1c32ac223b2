"""The small listener: turns views into tensors, samples actions, and scores given ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, NamedTuple, Self, cast

import numpy as np
import torch
from pydantic import Field, PositiveInt, create_model
from scipy.special import softmax
from torch import Tensor
from torch.func import functional_call

from multiref_gym.agents.learning.learn import Example, Scores, fingerprint
from multiref_gym.agents.listeners.small.halves import joined
from multiref_gym.agents.listeners.small.model import Batch, SmallConfig, SmallModel
from multiref_gym.agents.listeners.small.said import Said
from multiref_gym.agents.listeners.small.text import encode_words, padded
from multiref_gym.agents.listeners.weights import read_weights
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import Atlas, TangramSet
from multiref_gym.vocabulary import words_of

CHECKPOINT = Path(__file__).with_name("checkpoint")
"""The base that ships with the package; `multiref pretrain` builds it."""

_sizes = {name: (PositiveInt, ...) for name, kind in SmallConfig.__annotations__.items() if kind in (int, "int")}
_rate = Annotated[float, Field(ge=0, lt=1)]
SETTINGS: Any = create_model(
    "SmallSettings", dropout=(_rate, ...), sentences=(str, ""), greedy=(bool, False), **cast(Any, _sizes)
)
"""The fields that are read from `config.json`; Transformers, which writes the file, checks nothing."""

PLAYED_AT_ONCE = 96
"""Views in a batch of play."""

DECIMALS = 3
"""The decimals of an action's reported log-probability."""

DOUBTFUL = 2e-5
"""If a number is this near to a bound that decides, it is computed again in double precision. Single precision was off
by 9e-6 at most in the log-probabilities of 60,000 sampled actions, and by 2e-6 in sums of probabilities."""


class Heard(NamedTuple):
    """The words of some utterances, each with its age in turns and its place in its utterance."""

    words: list[str]
    ages: list[int]
    places: list[int]


# Cached, because each epoch sees the examples again.
@lru_cache(maxsize=100_000)
def heard(utterances: tuple[str, ...], most: int) -> Heard:
    """Returns the words of some utterances, the last utterance first, at most `most` words of each."""
    said = [words_of(utterance)[:most] for utterance in utterances]
    places = [place for words in said for place in range(len(words))]
    return Heard([word for words in said for word in words], [a for a, words in enumerate(said) for _ in words], places)


@lru_cache(maxsize=100_000)
def board(dialogue: tuple[tuple[str, Action], ...], selected: frozenset[int], tangrams: int) -> np.ndarray:
    """Returns `selected`, `clicks` and `clicked` of a `Batch` for one view, int8 (tangrams, 4)."""
    marks = np.zeros((tangrams, 4), np.int8)
    marks[list(selected), 0] = 1
    for ago, (_, action) in enumerate(reversed(dialogue)):
        if ago < 2:
            marks[list(action.select), 1 + ago] = 1
            marks[list(action.deselect), 1 + ago] = 2
        marks[list(action.clicks), 3] = 1
    return marks


class SmallListener:
    """A listener that samples from the small model's distribution over actions.

    Args:
        model: The network. Its vision is frozen: each tangram is encoded once and then remembered.
        tangrams: The set of the views' tangrams.
        said: The memory of earlier descriptions, None for none.

    Attributes:
        greedy: Whether it takes the likeliest action instead of a sampled one. It is right more often, but explores
            less, so there is less to learn.
    """

    block = None

    def __init__(self, model: SmallModel, tangrams: TangramSet, said: Said | None = None) -> None:
        self.model, self.said, self.greedy = model, said, bool(model.config.greedy)
        self.model.train(False)
        self.model.vision.requires_grad_(False)
        self._memory = _memory(fingerprint(model.vision), tangrams, model.config.image_size)

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads a checkpoint folder (`config.json`, `model.safetensors`), by default the base.

        Raises:
            FileNotFoundError: If the folder holds no checkpoint.
            UserError: If the checkpoint is of another network, lacks weights, or is broken.
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
        with torch.device("meta"):  # all weights come from the file
            model = SmallModel(SmallConfig(**settings.model_dump()))
        weights = read_weights(path / "model.safetensors", model.state_dict(), "the small listener")
        model.load_state_dict(weights, assign=True)
        said = None
        if settings.sentences:
            said = Said(settings.sentences)
            said.read(path)
        return cls(model, tangrams, said)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that decide how it acts, besides the network."""
        memory = {"sentences": self.said.encoder, "said": self.said.fingerprint} if self.said else {}
        return memory | ({"greedy": True} if self.greedy else {})

    def save(self, path: Path) -> None:
        """Saves the network, and the memory of descriptions, as a checkpoint folder."""
        self.model.config.sentences = self.said.encoder if self.said else ""
        self.model.config.greedy = self.greedy
        self.model.save_pretrained(path)
        if self.said:
            self.said.save(path)

    def remember(self, examples: Iterable[Example]) -> None:
        """Adds the descriptions of rightly selected tangrams to the memory, if it has one.

        Args:
            examples: The turns to learn from. While learning from a game, its own descriptions are not recalled.
        """
        if self.said:
            self.said.remember(
                (view.utterance, view.tangrams[position], view.game_id)
                for view, action, feedback in ((each.view, each.action, each.feedback) for each in examples)
                if feedback is Feedback.POSITIVE
                for position in sorted(action.select)
            )

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view from the distribution of `score`; see `greedy`.

        The action, and its log-probability to `DECIMALS`, do not depend on the other views: if the last bits, which do,
        could decide, the view is computed again in double precision.
        """
        draws = np.array([rng.random() for rng in rngs])
        with torch.no_grad():
            log_probs = self._log_probs(views, math.ceil(len(views) / PLAYED_AT_ONCE)).double().numpy()
            numbers, doubtful = self._drawn(log_probs, draws)
            if self.model.dtype != torch.float64 and (rows := np.flatnonzero(doubtful).tolist()):
                log_probs[rows] = self._in_double([views[row] for row in rows])
                numbers[rows], _ = self._drawn(log_probs[rows], draws[rows])
        decisions = []
        for view, row, number in zip(views, log_probs, numbers.tolist(), strict=True):
            clicks = [i for i in range(len(view.tangrams)) if number + 1 >> i & 1]
            action = Action.clicking(clicks, view.selected)
            log_prob = 0.0 if self.greedy else round(float(row[number]), DECIMALS)
            decisions.append(Decision(action, log_prob, str(action)))
        return decisions

    def _drawn(self, log_probs: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the number of each view's action, and whether other last bits could change the answer.

        Args:
            log_probs: Log-probabilities of all actions, float64 (views, actions).
            draws: A number from 0 to 1 for each view, float64 (views,).
        """
        if self.greedy:
            likely = log_probs > log_probs.max(axis=1, keepdims=True) - DOUBTFUL
            return log_probs.argmax(axis=1), likely.sum(axis=1) > 1
        bounds = softmax(log_probs, axis=1).cumsum(axis=1)
        bounds /= bounds[:, -1:]
        numbers, rows = (bounds <= draws[:, None]).sum(axis=1), np.arange(len(draws))
        below = np.where(numbers > 0, bounds[rows, numbers - 1], -1.0)
        near = (draws - below < DOUBTFUL) | (bounds[rows, numbers] - draws < DOUBTFUL)
        scaled = log_probs[rows, numbers] * 10**DECIMALS
        return numbers, near | (np.abs(scaled - np.floor(scaled) - 0.5) < DOUBTFUL * 10**DECIMALS)

    def _in_double(self, views: Sequence[View]) -> np.ndarray:
        """Returns the log-probability of each action, float64 (views, actions), computed in double precision."""
        weights = {name: values.double() for name, values in self.model.named_parameters() if "vision" not in name}
        batch = self.collate(views)
        batch = batch._replace(features=batch.features.double(), recalled=batch.recalled.double())
        found: Tensor = functional_call(self.model, weights, (batch,))
        return found.numpy()

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns the log-probability of each action; an action is chosen in one step.

        Raises:
            ValueError: If an action is empty, because this listener always clicks.
        """
        if not all(action.clicks for action in actions):
            raise ValueError("an empty action has no probability: the small listener always clicks")
        numbers = torch.tensor([sum(1 << i for i in action.clicks) - 1 for action in actions])
        log_probs = self._log_probs(views, 2)
        log_prob = log_probs.gather(1, numbers[:, None]).squeeze(1)
        return Scores(log_prob, log_probs.mean(1), torch.ones_like(log_prob))

    def _log_probs(self, views: Sequence[View], parts: int) -> Tensor:
        """Returns the log-probability of each action, float32 (views, actions), computed in at least two parts."""
        # A part is padded to its longest view.
        order = np.argsort([len(self._heard(view).words) for view in views], kind="stable")
        noises = [torch.Generator() for _ in range(min(max(2, parts), len(views)))]
        if self.model.training:
            for noise in noises:
                noise.manual_seed(int(torch.randint(2**62, ())))

        def found(part: tuple[np.ndarray, torch.Generator]) -> Tensor:
            rows, noise = part
            log_probs: Tensor = self.model(self.collate([views[row] for row in rows]), noise)
            return log_probs

        trained = [weights for weights in self.model.parameters() if weights.requires_grad]
        in_order = joined(found, list(zip(np.array_split(order, len(noises)), noises, strict=True)), trained)
        return in_order[torch.from_numpy(np.argsort(order))]

    def collate(self, views: Sequence[View]) -> Batch:
        """Turns views into tensors; all views must have the same number of tangrams."""
        config = self.model.config
        boards = [board(view.dialogue, view.selected, len(view.tangrams)) for view in views]
        marks = torch.from_numpy(np.stack(boards)).long()
        texts = [self._heard(view) for view in views]
        pieces, words = encode_words([text.words for text in texts], config.buckets)
        features = self._look([name for view in views for name in view.tangrams])
        return Batch(
            features=features.to(self.model.dtype).unflatten(0, (len(views), -1)),
            selected=marks[..., 0],
            clicks=marks[..., 1:3],
            clicked=marks[..., 3],
            recalled=torch.from_numpy(np.stack([self._recalled(view) for view in views])),
            pieces=pieces,
            words=words,
            ages=padded([text.ages for text in texts]),
            places=padded([text.places for text in texts]),
        )

    def _recalled(self, view: View) -> np.ndarray:
        """Returns how much earlier descriptions raise each tangram's score, float32 (tangrams,)."""
        if self.said is None:
            return np.zeros(len(view.tangrams), np.float32)
        return self.said.scores(view.utterance, view.tangrams, view.game_id if self.model.training else "")

    def _heard(self, view: View) -> Heard:
        """Returns the words of the last utterances."""
        said = (view.utterance, *(utterance for utterance, _ in reversed(view.dialogue)))
        return heard(said[: self.model.config.history], self.model.config.max_words)

    def _look(self, names: Sequence[str]) -> Tensor:
        """Returns the features of tangrams, float32 (n, vision_width); only new tangrams are encoded."""
        memory = self._memory
        with memory.lock:
            if new := [name for name in dict.fromkeys(names) if name not in memory.rows]:
                silhouettes = torch.from_numpy(memory.atlas.silhouettes(new))
                with torch.no_grad():
                    # One by one: the last bits depend on the batch, and the batch on the course of the run.
                    features = torch.cat([self.model.vision(silhouette[None]) for silhouette in silhouettes])
                memory.rows.update(zip(new, range(len(memory.rows), len(memory.rows) + len(new)), strict=True))
                memory.features = torch.cat([memory.features, features])
            return memory.features[torch.tensor([memory.rows[name] for name in names])]


@dataclass
class Memory:
    """The features of the tangrams that a vision has encoded.

    Attributes:
        atlas: Draws the tangrams.
        rows: The row of each tangram.
        features: float32 (n, vision_width).
        lock: Held by the thread that encodes.
    """

    atlas: Atlas
    rows: dict[str, int] = field(default_factory=dict)
    features: Tensor = field(default_factory=lambda: torch.empty(0))
    lock: Lock = field(default_factory=Lock)


@lru_cache(maxsize=4)
def _memory(vision: str, tangrams: TangramSet, image_size: int) -> Memory:
    """Returns the memory shared by all listeners with the same vision, like all rounds': no image is encoded twice."""
    return Memory(Atlas(tangrams, image_size))


def new_model(config: SmallConfig, seed: int) -> SmallModel:
    """Returns a model with random weights, the same for the same seed; the global generator stays unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SmallModel(config)
