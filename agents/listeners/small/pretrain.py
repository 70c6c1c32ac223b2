"""Builds the base checkpoint, in 12 minutes on two cores.

First the vision learns to name the attributes of figures, and to redraw them. Then, with the vision frozen, the
listener learns plain language: it watches games of a literal speaker with an erring listener, and gets the speaker's
wanted action in each turn. It never hears figurative language, which deployed speakers use.

`multiref pretrain --tangrams SET --out FOLDER` builds a base for tangrams that people described (KiloGram) instead of
figures. It starts from the base that ships: the vision stays unchanged, and the language is trained further on games in
people's words. With `--sentences` it also remembers people's names for each tangram (`said.py`).

The seed fixes the weights, on any number of cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from multiref_gym.agents.learning import respect
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.learned_from import LearnedFrom
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.learning.respect import Report
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.listeners.small.listener import SmallListener, new_model
from multiref_gym.agents.listeners.small.model import SmallConfig, SmallModel
from multiref_gym.agents.listeners.small.said import Said
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, Natural, TangramsName, check_new_folder
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import shared_contexts
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.provenance import write_results
from multiref_gym.simulators.population import population
from multiref_gym.simulators.scripted import ScriptedSpeaker, literal_speaker
from multiref_gym.tangrams import Atlas, TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

VISION_EPOCHS = 100
VISION_BATCH = 64
VISION_RATE = 2e-3
REDRAWN = 16
"""Height and width of the drawing that the vision learns to redraw, to keep details without attribute names."""

GAMES = 12000
SPEAKERS = 1
"""Seeds the population of speakers, which differ from the deployed ones."""
MISTAKES = 0.3
"""How often the watched listener selects a wrong tangram."""
SIMILARITY = 0.3
RECORDED_GAMES = 3000
RECORDED_SIMILARITY = 0.0
"""The similarity for recorded descriptions: nearly half of them fit another tangram even in random contexts."""
SCORED_GAMES = 1000
"""The number of scored games of each split, in contexts as in deployment."""
LANGUAGE = Optimisation(epochs=4, batch=64, learning_rate=1e-3, embedding_rate=2.0)
RECORDED_LANGUAGE = Optimisation(epochs=3, batch=64, embedding_rate=4.0, other_distractors=0.9)
"""The probability of other distractors: a few hundred tangrams' descriptions are soon memorised with their contexts."""


def literal_speakers(tangrams: TangramSet) -> Callable[[], ScriptedSpeaker]:
    """Returns a callable that makes a speaker in plain words."""
    return partial(literal_speaker, tangrams, personas=population(SPEAKERS))


def watched_games(
    tangrams: TangramSet, games: int, seed: int, similarity: float = SIMILARITY, mistakes: float = MISTAKES
) -> list[tuple[Interaction, list[Action]]]:
    """Returns games of a literal speaker with an erring listener, and the wanted action of each turn."""
    seeds = np.random.SeedSequence(seed)
    started = new_games(tangrams, range(games), literal_speakers(tangrams), seeds, similarity=similarity)
    listener = ErringListener(started, mistakes, mistakes)
    return [
        (game, [listener.wanted[view.game_id, len(view.dialogue)] for view in game.views()])
        for game in play(listener, started)
    ]


class VisionTeacher(nn.Module):
    """The training targets of the vision: attribute labels and a small drawing, both predicted from the features."""

    def __init__(self, vision_width: int, facts: int) -> None:
        super().__init__()
        self.facts = nn.Linear(vision_width, facts)
        self.drawing = nn.Linear(vision_width, REDRAWN * REDRAWN)

    def forward(self, features: Tensor, labels: Tensor, silhouettes: Tensor) -> Tensor:
        """Returns the loss of features (n, vision_width), labels (n, facts) and silhouettes (n, size, size)."""
        ink = 1 - F.adaptive_avg_pool2d(silhouettes[:, None].float() / 255, REDRAWN).flatten(1)
        naming = F.binary_cross_entropy_with_logits(self.facts(features), labels)
        redrawing = F.binary_cross_entropy_with_logits(self.drawing(features), ink)
        # Each figure has few of all facts, so the mean over them is small.
        return 30 * naming + redrawing


def shifted(silhouettes: Tensor, rng: np.random.Generator, most: int = 3) -> Tensor:
    """Moves each silhouette by up to `most` pixels in each direction."""
    moved = F.pad(silhouettes, (most,) * 4, value=255)
    size = silhouettes.shape[-1]
    corners = rng.integers(0, 2 * most + 1, (len(silhouettes), 2))
    return torch.stack([image[y : y + size, x : x + size] for image, (y, x) in zip(moved, corners, strict=True)])


def train_vision(model: SmallModel, tangrams: TangramSet, seed: int, report: Report) -> float:
    """Trains the vision in place; returns the share of correct attribute labels on the training figures."""
    facts = sorted({fact for tangram in tangrams for fact in tangram.facts})
    labels = torch.tensor([[float(fact in tangram.facts) for fact in facts] for tangram in tangrams])
    silhouettes = torch.from_numpy(Atlas(tangrams, model.config.image_size).silhouettes(tangrams.ids))
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        teacher = VisionTeacher(model.config.vision_width, len(facts))
    parameters = [*model.vision.parameters(), *teacher.parameters()]
    steps_an_epoch = -(-len(tangrams) // VISION_BATCH)
    optimizer = torch.optim.AdamW(parameters, lr=VISION_RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, VISION_RATE, VISION_EPOCHS * steps_an_epoch)
    for epoch in range(VISION_EPOCHS):
        report("vision", epoch, VISION_EPOCHS)
        for rows in np.array_split(rng.permutation(len(tangrams)), steps_an_epoch):
            images = shifted(silhouettes[rows], rng)
            with torch.autocast("cpu", torch.bfloat16):  # takes half the time on processors that support it
                features = model.vision(images)
            loss = teacher(features.float(), labels[rows], images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.inference_mode():
        named = teacher.facts(model.vision(silhouettes)) > 0
    return float((named == labels.bool()).all(1).float().mean())


def learn_language(
    listener: SmallListener,
    tangrams: TangramSet,
    games: int,
    similarity: float,
    optimisation: Optimisation,
    seed: int,
    report: Report,
) -> int:
    """Trains the listener in place on watched games; returns the number of turns watched."""
    examples = [
        Example(view, wanted, Feedback.POSITIVE)
        for game, meant in watched_games(tangrams, games, seed, similarity)
        for view, wanted in zip(game.views(), meant, strict=True)
        if wanted.clicks
    ]
    learn(listener, examples, Sup(), optimisation, seed, partial(report, "language"))
    return len(examples)


def literal_success(listener: Listener, tangrams: TangramSet, games: int, seed: int) -> float:
    """Returns the share of games with a literal speaker that the listener wins, in contexts as in deployment."""
    seeds = np.random.SeedSequence(seed)
    started = new_games(tangrams, range(games), literal_speakers(tangrams), seeds, similarity=respect.SIMILARITY)
    return float(np.mean([game.success for game in play(listener, started)]))


@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """Builds a base checkpoint of the small listener, from scratch in 12 minutes on two cores.

    Attributes:
        tangrams: figures, or kilogram:PATH or a part of KiloGram; with KiloGram, the base that ships learns people's
            words.
        out: The folder of the checkpoint, which must be empty.
        split: The part of the tangrams to learn from.
        sentences: With KiloGram, a sentence encoder (a folder or hub id) for remembering descriptions and, later,
            speakers' words.
        seed: Seeds all randomness.
        games: Games watched (12,000; with KiloGram 3,000).
    """

    tangrams: TangramsName = "figures"
    out: Path
    split: SplitName = "train"
    sentences: str | None = None
    seed: Natural = 0
    games: Count | None = None

    def run(self, screen: Screen) -> None:
        """Builds the checkpoint and writes it with its scores.

        Raises:
            UserError: If the tangrams are too few, or the checkpoint cannot be written.
        """
        from_scratch = self.tangrams == "figures"
        if from_scratch and self.sentences:
            raise UserError("--sentences needs tangrams that people described, not --tangrams figures")
        games = self.games or (GAMES if from_scratch else RECORDED_GAMES)
        similarity = SIMILARITY if from_scratch else RECORDED_SIMILARITY
        started = time.monotonic()
        # Fail now rather than after a quarter of an hour: a folder that is taken, a set too small, no encoder.
        check_new_folder(self.out)
        tangrams = load_tangrams(self.tangrams)
        names: set[SplitName] = {self.split} if self.split == "all" else {self.split, "test"}
        parts = {str(name): tangrams.split(name) for name in sorted(names)}
        if self.tangrams.startswith("kilogram-known:"):
            parts["new"] = load_tangrams(self.tangrams.replace("known", "new", 1)).split(self.split)
        for part in parts.values():
            shared_contexts(part, max(similarity, respect.SIMILARITY))
        said = Said(self.sentences) if self.sentences else None

        learned_from, scores = parts[self.split], {}
        if from_scratch:
            model = new_model(SmallConfig(), self.seed)
            scores["figures_with_all_attributes_right"] = train_vision(model, learned_from, self.seed, screen.report)
            listener = SmallListener(model, tangrams)
        else:
            listener = SmallListener.load(tangrams)
        optimisation = LANGUAGE if from_scratch else RECORDED_LANGUAGE
        watched = games, similarity, optimisation, self.seed, screen.report
        examples = learn_language(listener, learned_from, *watched)
        if said:
            said.remember((text, tangram.id, "") for tangram in learned_from for text in tangram.descriptions)
            listener.said = said
        minutes = round((time.monotonic() - started) / 60, 1)
        for name, part in parts.items():
            scores[f"literal_success_{name}"] = literal_success(listener, part, SCORED_GAMES, self.seed + 1)
        what = {name: getattr(self, name) for name in ("tangrams", "split", "sentences", "seed")}
        what |= {"games": games, "examples": examples, "minutes": minutes}
        with saved(self.out) as unfinished:
            listener.save(unfinished)
            write_results(unfinished / "scores.json", {**what, "scores": scores})
            LearnedFrom(set(), set()).save(unfinished)
        screen.show(scores)
