"""Pretrains a tiny Idefics2 from random weights in minutes, so that RESPECT has a base that can see and read.

First the vision model learns to name the attributes of figures, and to redraw them, like the small listener's. Then,
with the vision model frozen, the text model learns plain words: from descriptions of one figure after another, and from
watched games. The listener of those games errs, and the model learns to act like it, including its mistakes. From
answers alone it would learn only after hours, because three things must come together first: the letter after an image
represents the image, the words match it, and the answer attends from one to the other. So a guide teaches each of them
separately, and is removed afterwards. All figures are from "train", and all language is plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from transformers.models.mistral.modeling_mistral import rotate_half

from multiref_gym.agents.learning.learn import batches
from multiref_gym.agents.learning.respect import Report
from multiref_gym.agents.listeners.lm.actions import score_answers
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.agents.listeners.lm.prompt import padded
from multiref_gym.agents.listeners.lm.random_model import (
    TEXTS,
    Size,
    byte_tokenizer,
    layers,
    perceiver,
    random_idefics2,
)
from multiref_gym.agents.listeners.lm.vision import IMAGE_SIZE, Vision
from multiref_gym.agents.listeners.small.pretrain import VisionTeacher, shifted, watched_games
from multiref_gym.benchmarks.vlm_lessons import Lesson, plain_lesson, watched_lesson
from multiref_gym.game import CONTEXT_SIZE, Action
from multiref_gym.tangrams import Atlas, TangramSet

WORDS = 1500
"""The size of the vocabulary."""

LOOKS_IN = 1
"""The layer of the text model in which answers attend to letters; its input represents images and words."""
HEADS = 2
"""The number of its heads that attend to letters."""
SHARPNESS = 20.0

SIZE = Size(
    {**layers(128, 384, 3, 4), "num_key_value_heads": 4, "initializer_range": 0.05},
    {**layers(128, 256, 3, 4), "image_size": 64, "patch_size": 16},
    perceiver(128, 2, 4, 32, 2),
    64,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of pretraining.

    Attributes:
        size: The size of the model.
        vision_epochs: Passes of the vision over the figures.
        vision_batch: Figures in a step.
        vision_rate: The vision's peak learning rate.
        plain_steps: Steps of plain descriptions.
        questions: Descriptions in such a lesson.
        games: Games watched afterwards, each once.
        mistakes: How often the watched listener selects a wrong tangram.
        turns: Watched turns of a game.
        batch: Lessons in a step.
        rate: Peak learning rate of the text model.
    """

    size: Size = SIZE
    vision_epochs: int = 40
    vision_batch: int = 64
    vision_rate: float = 1e-3
    plain_steps: int = 600
    questions: int = 5
    games: int = 9_600
    mistakes: float = 0.3
    turns: int = 6
    batch: int = 16
    rate: float = 2e-3


class Guide(nn.Module):
    """Teaches each part of the way from words to a letter.

    Args:
        image: The width of an image's features.
        width: The width of the text model.
    """

    def __init__(self, image: int, width: int) -> None:
        super().__init__()
        self.image, self.letter, self.words = nn.Linear(image, width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, text: Any, hidden: Tensor, seen: Tensor, places: Tensor, looks: Tensor) -> Tensor:
        """Returns the sum of three losses: of letters that represent images, of words that match them, and of answers
        that attend to letters.

        Args:
            text: The text model.
            hidden: The input of the layer `LOOKS_IN`, (dialogues, tokens, width).
            seen: Features of the images, (dialogues, tangrams, features).
            places: The places of the letters, int64 (tangrams,).
            looks: The dialogue, the place that attends, and the right position, int64 (looks, 3).
        """
        rows, asked, right = looks.unbind(1)
        normed = text.layers[LOOKS_IN].input_layernorm(hidden)
        images = normalize(self.image(seen).float(), dim=-1)
        letters = normalize(self.letter(normed[:, places]).float(), dim=-1)
        words = normalize(self.words(normed[rows, asked]).float(), dim=-1)
        own = torch.arange(len(places)).repeat(len(hidden))
        letter_loss = cross_entropy(SHARPNESS * (letters @ images.mT).flatten(0, 1), own)
        word_loss = cross_entropy(SHARPNESS * (images[rows] @ words[:, :, None]).squeeze(2), right)
        looked = attention(text, normed, rows, asked).log_softmax(2)
        return letter_loss + word_loss - looked[torch.arange(len(rows)), :, places[right]].mean()


def attention(text: Any, normed: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """Returns the attention logits of the first heads from some places to all tokens, (places, heads, tokens)."""
    layer = text.layers[LOOKS_IN].self_attn
    length, width = normed.shape[1], layer.head_dim
    cosine, sine = (part[0].float() for part in text.rotary_emb(normed, torch.arange(length)[None]))
    queries = layer.q_proj(normed[rows, places]).float().unflatten(1, (-1, width))[:, :HEADS]
    keys = layer.k_proj(normed).float().unflatten(2, (-1, width))
    keys = keys.repeat_interleave(layer.num_key_value_groups, 2)[:, :, :HEADS]
    queries = queries * cosine[places][:, None] + rotate_half(queries) * sine[places][:, None]
    keys = keys * cosine[:, None] + rotate_half(keys) * sine[:, None]
    logits: Tensor = torch.einsum("nhw,nthw->nht", queries, keys[rows]) * layer.scaling
    return logits.masked_fill(torch.arange(length) > places[:, None, None], -torch.inf)


def train_vision(model: Any, form: PictureForm, tangrams: TangramSet, plan: Plan, seed: int, report: Report) -> float:
    """Trains vision and connector in place; returns the share of right attributes among those that are named.

    Both the patches and the connector's output are trained; otherwise the connector would learn nothing at first.
    """
    facts = sorted({fact for tangram in tangrams for fact in tangram.facts})
    labels = torch.tensor([[float(fact in tangram.facts) for fact in facts] for tangram in tangrams])
    prepared = [form.image(silhouette) for silhouette in Atlas(tangrams, IMAGE_SIZE).silhouettes(tangrams.ids)]
    silhouettes = (torch.cat([image["pixel_values"] for image in prepared])[:, 0, 0] + 1) * 127.5

    def features(images: Tensor) -> tuple[Tensor, Tensor]:
        shown = (images / 127.5 - 1)[:, None, None].expand(-1, -1, 3, -1, -1)
        seen = model.get_image_features(shown, torch.ones_like(shown[:, :, 0], dtype=torch.int64))
        whole: Tensor = torch.cat(tuple(seen.pooler_output)).float()
        return whole.reshape(len(images), -1), seen.last_hidden_state.float().reshape(len(images), -1)

    with torch.no_grad():
        teachers = [VisionTeacher(part.shape[1], len(facts)) for part in features(silhouettes[:1])]
    taught = [model.model.vision_model, model.model.connector, *teachers]
    parameters = [weights for module in taught for weights in module.parameters()]
    rng = np.random.default_rng(seed)
    steps = plan.vision_epochs * -(-len(tangrams) // plan.vision_batch)
    optimizer = AdamW(parameters, lr=plan.vision_rate, weight_decay=0.01, fused=True)
    schedule = OneCycleLR(optimizer, plan.vision_rate, steps + 1)
    for epoch in range(plan.vision_epochs):
        for rows in np.array_split(rng.permutation(len(tangrams)), steps // plan.vision_epochs):
            images = shifted(silhouettes[rows], rng)
            with torch.autocast("cpu", torch.bfloat16):
                parts = features(images)
            loss = torch.stack([t(part, labels[rows], images) for t, part in zip(teachers, parts, strict=True)]).sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
        report("vision", epoch + 1, plan.vision_epochs)
    with torch.inference_mode():
        named = torch.cat([teachers[0].facts(features(part)[0]) > 0 for part in silhouettes.split(256)])
    return float((named & labels.bool()).sum() / named.sum().clamp(min=1))


def lessons(form: PictureForm, tangrams: TangramSet, plan: Plan, seed: int) -> Iterator[list[Lesson]]:
    """Yields the lessons of each step: first plain descriptions, then watched games, of similar length in a batch."""
    rng = np.random.default_rng(seed)
    for _ in range(plan.plain_steps):
        yield [plain_lesson(form, tangrams, plan.questions, rng) for _ in range(plan.batch)]
    games = watched_games(tangrams, plan.games, seed, mistakes=plan.mistakes)
    for rows in batches([len(game.turns) for game, _ in games], plan.batch, rng):
        watched = [watched_lesson(form, game, wanted, plan.turns) for game, wanted in (games[row] for row in rows)]
        yield [lesson for lesson in watched if lesson.looks]


def train_language(
    model: Any, form: PictureForm, vision: Vision, tangrams: TangramSet, plan: Plan, seed: int, report: Report
) -> float:
    """Trains the text model in place; returns the mean probability of the actions in the last lessons."""
    text = model.model.text_model
    width = text.config.hidden_size
    guide = Guide(width * model.config.perceiver_config.resampler_n_latents, width)
    parameters = [*text.parameters(), *model.lm_head.parameters(), *guide.parameters()]
    steps = plan.plain_steps + -(-plan.games // plan.batch)
    optimizer = AdamW(parameters, lr=plan.rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    schedule = OneCycleLR(optimizer, plan.rate, steps + 1, pct_start=0.1)
    opening = form.opening(tangrams.ids[:CONTEXT_SIZE]).tokens
    letters = form.trie(frozenset(), CONTEXT_SIZE).answer(Action(select=frozenset(range(CONTEXT_SIZE)))).tokens[1:-1]
    places = torch.tensor([opening.index(letter) for letter in letters])
    found: list[float] = []
    for step, batch in enumerate(lessons(form, tangrams, plan, seed)):
        with torch.no_grad():
            shown = vision.show([lesson.board for lesson in batch])
        seen = torch.stack(list(shown["mm_encoder_outputs"]["image"].pooler_output))
        looks = torch.tensor([(row, *look) for row, lesson in enumerate(batch) for look in lesson.looks])
        answers = [(row, place, answer) for row, lesson in enumerate(batch) for place, answer in lesson.answers]
        most = max(len(answer.tokens) for *_, answer in answers)
        rows = torch.tensor([row for row, *_ in answers])[:, None]
        steps_of = torch.tensor([place for _, place, _ in answers])[:, None] + torch.arange(most)
        tokens, _ = padded([lesson.tokens for lesson in batch], form.pad)
        with torch.autocast("cpu", torch.bfloat16):
            # Padding is on the right, where no token sees it, so no mask is needed.
            read = model.model(input_ids=tokens, use_cache=False, output_hidden_states=True, **shown)
            logits = model.lm_head(read.last_hidden_state[rows, steps_of.clamp(max=tokens.shape[1] - 1)])
            guided = guide(
                text, read.hidden_states[LOOKS_IN], seen.reshape(len(batch), CONTEXT_SIZE, -1), places, looks
            )
        log_prob, _ = score_answers(logits, [answer for *_, answer in answers])
        optimizer.zero_grad()
        (guided - log_prob.mean()).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        found.append(float(log_prob.detach().exp().mean()))
        report("language", step + 1, steps)
    return float(np.mean(found[-50:]))


def pretrain(tangrams: TangramSet, plan: Plan, seed: int, folder: Path, report: Report) -> dict[str, Any]:
    """Builds a base, saves it with its processor to a folder, and returns the result of each part."""
    start = perf_counter()
    train = tangrams.split("train")
    described = [text for tangram in train for text in (tangram.descriptions[0], f" {tangram.descriptions[0]}")]
    utterances = [
        turn.utterance
        for game, _ in watched_games(train, min(plan.games, 1000), seed, mistakes=plan.mistakes)
        for turn in game.turns
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # Words of actions, repeated so that each becomes a token.
        tokenizer = byte_tokenizer(texts=[*TEXTS * 1000, *described, *utterances], words=WORDS)
        model, processor = random_idefics2(plan.size, tokenizer=tokenizer)
        form = PictureForm(processor, "idefics2")
        attributes = train_vision(model, form, train, plan, seed, report)
        actions = train_language(model, form, Vision(model, form, tangrams), train, plan, seed, report)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    minutes = round((perf_counter() - start) / 60, 1)
    return {"plan": asdict(plan), "seed": seed, "attributes": attributes, "actions": actions, "minutes": minutes}
