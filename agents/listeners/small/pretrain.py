"""Builds the base checkpoint, in 21 minutes on one core of a busy machine.

First the vision learns to name the attributes of figures, and to redraw them; then, with the vision frozen, the
listener learns what plain language means by watching games of a literal speaker with a listener that errs, told at
each turn what the speaker wanted. Figurative language, which deployed speakers use, it never hears.

`--tangrams SET --out FOLDER` builds a base for tangrams that people described (KiloGram) in place of figures. The base
that ships is its start: the vision stays as it is, and the language goes on with games in people's words.

It runs on one thread, where the seed fixes the weights.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from multiref_gym.agents.learning import respect
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.listeners.small.listener import CHECKPOINT, SmallListener, new_model
from multiref_gym.agents.listeners.small.model import SmallConfig, SmallModel
from multiref_gym.agents.play import new_games, play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.listener import Listener
from multiref_gym.provenance import provenance
from multiref_gym.simulators.persona import population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import Atlas, TangramSet, load_tangrams

VISION_EPOCHS = 100
VISION_BATCH = 64
VISION_RATE = 2e-3
REDRAWN = 16
"""Height and width of the drawing that the vision learns to redraw, so that it keeps what no attribute names."""

GAMES = 12000
SPEAKERS = 1
"""Seeds the population of speakers, who are others than those who are met in deployment."""
MISTAKES = 0.3
"""How often the listener whose games are watched selects what was not meant."""
SIMILARITY = 0.3
RECORDED_GAMES = 3000
RECORDED_SIMILARITY = 0.0
"""With recorded descriptions: nearly half of them fit another tangram of the context however unlike they are."""
SCORED_GAMES = 1000
"""Games of each split that the scores are of, in contexts as in deployment."""
LANGUAGE = Optimisation(epochs=4, batch=64, learning_rate=1e-3, embedding_rate=2.0)


def literal_speakers(tangrams: TangramSet) -> Callable[[], ScriptedSpeaker]:
    """Returns what makes a speaker in plain words."""
    return partial(ScriptedSpeaker, tangrams, figurative=0.0, personas=population(SPEAKERS))


def watched_games(
    tangrams: TangramSet, games: int, seed: np.random.SeedSequence, similarity: float = SIMILARITY
) -> list[Example]:
    """Plays games of a literal speaker and an erring listener; returns each view with what was wanted."""
    started = new_games(tangrams, range(games), literal_speakers(tangrams), seed, similarity=similarity)
    listener = ErringListener(started, MISTAKES, MISTAKES)
    interactions = play(listener, started)
    return [
        Example(view, wanted, Feedback.POSITIVE)
        for interaction in interactions
        for view in interaction.views()
        if (wanted := listener.wanted[view.game_id, len(view.dialogue)]).clicks
    ]


class VisionTeacher(nn.Module):
    """What the vision is trained with: attribute labels and a small drawing, both from the features."""

    def __init__(self, vision_width: int, facts: int) -> None:
        super().__init__()
        self.facts = nn.Linear(vision_width, facts)
        self.drawing = nn.Linear(vision_width, REDRAWN * REDRAWN)

    def forward(self, features: Tensor, labels: Tensor, silhouettes: Tensor) -> Tensor:
        """Returns the loss of features (n, vision_width), labels (n, facts) and silhouettes (n, size, size)."""
        ink = 1 - F.adaptive_avg_pool2d(silhouettes[:, None].float() / 255, REDRAWN).flatten(1)
        naming = F.binary_cross_entropy_with_logits(self.facts(features), labels)
        redrawing = F.binary_cross_entropy_with_logits(self.drawing(features), ink)
        # Few of all facts are true of a figure, so the mean over them is small.
        return 30 * naming + redrawing


def shifted(silhouettes: Tensor, rng: np.random.Generator, most: int = 3) -> Tensor:
    """Moves each silhouette by up to `most` pixels in each direction."""
    moved = F.pad(silhouettes, (most,) * 4, value=255)
    size = silhouettes.shape[-1]
    corners = rng.integers(0, 2 * most + 1, (len(silhouettes), 2))
    return torch.stack([image[y : y + size, x : x + size] for image, (y, x) in zip(moved, corners, strict=True)])


def train_vision(model: SmallModel, tangrams: TangramSet, seed: int, progress: Progress) -> float:
    """Trains the vision in place; returns its share of right attribute labels on the training figures."""
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
    task = progress.add_task("vision", total=VISION_EPOCHS * steps_an_epoch)
    for _ in range(VISION_EPOCHS):
        for rows in np.array_split(rng.permutation(len(tangrams)), steps_an_epoch):
            images = shifted(silhouettes[rows], rng)
            with torch.autocast("cpu", torch.bfloat16):  # half the time, where the processor has it
                features = model.vision(images)
            loss = teacher(features.float(), labels[rows], images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.advance(task)
    with torch.inference_mode():
        named = teacher.facts(model.vision(silhouettes)) > 0
    return float((named == labels.bool()).all(1).float().mean())


def learn_language(
    listener: SmallListener, tangrams: TangramSet, games: int, similarity: float, seed: int, progress: Progress
) -> int:
    """Has the listener watch games and learn in place what words mean; returns the number of turns watched."""
    examples = watched_games(tangrams, games, np.random.SeedSequence(seed), similarity)
    task = progress.add_task("language")
    learn(
        listener,
        examples,
        Sup(),
        LANGUAGE,
        seed,
        on_step=lambda step, steps: progress.update(task, completed=step, total=steps),
    )
    return len(examples)


def literal_success(listener: Listener, tangrams: TangramSet, games: int, seed: int) -> float:
    """Returns the share of games with a literal speaker that the listener wins, in contexts as in deployment."""
    seeds = np.random.SeedSequence(seed)
    started = new_games(tangrams, range(games), literal_speakers(tangrams), seeds, similarity=respect.SIMILARITY)
    return float(np.mean([game.success for game in play(listener, started)]))


def main() -> None:
    """Builds the checkpoint and writes it with its scores."""
    parser = argparse.ArgumentParser(
        prog="python -m multiref_gym.agents.listeners.small.pretrain",
        description="Build a base checkpoint of the small listener.",
    )
    parser.add_argument(
        "--tangrams",
        default="figures",
        metavar="SET",
        help="figures (default), or kilogram:PATH or a part of KiloGram: the base that ships learns people's words",
    )
    parser.add_argument("--out", type=Path, help="folder of the checkpoint; for figures, by default the one that ships")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--games", type=int, help=f"games watched ({GAMES}, of KiloGram {RECORDED_GAMES})")
    args = parser.parse_args()
    from_scratch = args.tangrams == "figures"
    if not from_scratch and (args.out is None or args.out.resolve() == CHECKPOINT.resolve()):
        parser.error(
            f"--tangrams {args.tangrams} needs an --out, other than the base that ships: that one is its start"
        )
    out = args.out or CHECKPOINT
    games = args.games or (GAMES if from_scratch else RECORDED_GAMES)
    similarity = SIMILARITY if from_scratch else RECORDED_SIMILARITY
    started = time.monotonic()
    try:
        # Better refused now than after a quarter of an hour: a set that is too small, a folder that cannot be written.
        tangrams = load_tangrams(args.tangrams)
        train, test = tangrams.split("train"), tangrams.split("test")
        for split in train, test:
            split.draw(np.random.default_rng(), CONTEXT_SIZE, max(similarity, respect.SIMILARITY))
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, UserError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    torch.set_num_threads(1)  # on more, sums have no fixed order, and the seed would not fix the weights

    scores = {}
    with Progress() as progress:
        if from_scratch:
            model = new_model(SmallConfig(), args.seed)
            scores["figures_with_all_attributes_right"] = train_vision(model, train, args.seed, progress)
            listener = SmallListener(model, tangrams)
        else:
            listener = SmallListener.load(tangrams)
        examples = learn_language(listener, train, games, similarity, args.seed, progress)
    minutes = round((time.monotonic() - started) / 60, 1)
    for name, split in (("train", train), ("test", test)):
        scores[f"literal_success_{name}"] = literal_success(listener, split, SCORED_GAMES, args.seed + 1)
    listener.save(out)
    what = {"tangrams": args.tangrams, "seed": args.seed, "games": games, "examples": examples, "minutes": minutes}
    (out / "scores.json").write_text(json.dumps({**what, "scores": scores, **provenance()}, indent=2) + "\n")
    Console().print(scores)


if __name__ == "__main__":
    main()
