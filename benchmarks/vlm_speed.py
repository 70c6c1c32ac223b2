"""How fast does a vision-language model play and learn, and which choices make it faster?

    multiref bench vlm-speed [--size tiny] [--games 32] [--at-once 8 32] [--seed 0]

An Idefics2 of a given size with random weights plays games in batches, with and without keeping what it has read. For
comparison, the same model plays as it would without this package: game by game, with each prompt through the processor,
and `generate` restricted to legal actions. Then it learns from its turns for one epoch, and again by TRL's supervised
fine-tuning, if TRL is installed, in batches of the same size. Everything is measured in one run, and the ways of
playing alternate. The figures are medians, and ratios are to playing game by game or to TRL. On a GPU with a known
peak, the reached share of it is given as well.
"""

from __future__ import annotations

import resource
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
from cyclopts import Parameter
from peft import PeftModel
from PIL import Image
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.agents.listeners.lm.lora import adapt, adapted_layers
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.agents.listeners.lm.random_model import SIZES, TEXTS, byte_tokenizer, random_idefics2
from multiref_gym.agents.listeners.lm.vision import IMAGE_SIZE
from multiref_gym.benchmarks.learning_speed import examples_of, played, rates
from multiref_gym.commands.options import Count, Natural
from multiref_gym.commands.screen import Screen
from multiref_gym.listener import Decision, Listener, View
from multiref_gym.provenance import provenance
from multiref_gym.tangrams import Atlas, TangramSet, load_tangrams

REPEATS = 3

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""The peak of matrix multiplication in bfloat16 without sparsity, from the maker, by part of a GPU's name."""

KEPT_GIB = 32.0
"""Memory in GiB, enough to keep what was read of all games."""

NAIVE = "game by game, as `generate` does it"


class NaiveListener:
    """The same model and the same actions, without anything that makes it fast.

    Args:
        model: The model.
        processor: The model's own processor.
        tangrams: The set of the views' tangrams.
    """

    def __init__(self, model: PeftModel, processor: Any, tangrams: TangramSet) -> None:
        self._model, self._processor = model, processor
        self._form, self._atlas = PictureForm(processor, "idefics2"), Atlas(tangrams, IMAGE_SIZE)

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view."""
        with torch.inference_mode():
            return [self._decision(view, rng) for view, rng in zip(views, rngs, strict=True)]

    def _decision(self, view: View, rng: np.random.Generator) -> Decision:
        torch.manual_seed(int(rng.integers(2**31)))
        text = self._processor.apply_chat_template(self._form.messages(view), add_generation_prompt=True)
        images = [Image.fromarray(image).convert("RGB") for image in self._atlas.silhouettes(view.tangrams)]
        inputs = self._processor(text=[text], images=[images], return_tensors="pt").to(self._model.device)
        trie, prompt = self._form.trie(view.selected, len(view.tangrams)), inputs["input_ids"].shape[1]

        def node(tokens: Sequence[int]) -> int:
            at = trie.START
            for token in tokens:
                at = trie.step(at, token)
            return at

        model: Any = self._model
        written = model.generate(
            **inputs,
            do_sample=True,
            max_new_tokens=trie.longest,
            prefix_allowed_tokens_fn=lambda _, tokens: list(trie.allowed(node(tokens[prompt:].tolist()))),
            eos_token_id=self._form.end,
            pad_token_id=self._form.pad,
        )
        action = trie.action(node(written[0, prompt:].tolist()))
        return Decision(action, None, str(action))


def random_base(size: str, tangrams: TangramSet) -> tuple[Any, Any]:
    """Returns a model with random weights and its processor, on the GPU in bfloat16 if there is one.

    The tokenizer knows the words of the tangrams' descriptions, so that utterances have a realistic length.
    """
    described = [text for tangram in tangrams for text in tangram.descriptions]
    tokenizer = byte_tokenizer(texts=[*TEXTS, *described], words=1500)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device), torch.random.fork_rng():
        torch.manual_seed(0)
        torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
        try:
            return random_idefics2(SIZES[size], tokenizer=tokenizer)
        finally:
            torch.set_default_dtype(torch.float32)


def random_policy(size: str, tangrams: TangramSet) -> tuple[PeftModel, Any]:
    """Returns such a model with an adapter, and its processor."""
    model, processor = random_base(size, tangrams)
    layers = adapted_layers(model, "idefics2")
    return adapt(model, layers, rank=8, alpha=8, dropout=0.1, dora=False).eval(), processor


def most_memory() -> str:
    """Returns the peak memory so far: of the GPU if there is one, otherwise of the process."""
    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB"


def peak_of_device() -> float | None:
    """Returns the peak of the GPU in bfloat16, in operations a second; None if there is no GPU, or an unknown one."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def share_of_peak(run: Callable[[], object], items: int, rate: float) -> str:
    """Returns the reached share of the GPU's peak, if a run processes `items` at this rate per second."""
    if (peak := peak_of_device()) is None:
        return ""
    with FlopCounterMode(display=False) as counter:
        run()
    return f"{int(counter.get_total_flops()) / items * rate / peak:.1%}"


def learn_once(listener: VlmListener, examples: Sequence[Example], at_once: int, seed: int) -> int:
    """Learns from all examples once, `at_once` in a step, and returns their number."""
    learn(listener, examples, Sup(), Optimisation(epochs=1, batch=at_once), seed)
    return len(examples)


def trl_rate(
    model: PeftModel, processor: Any, tangrams: TangramSet, examples: Sequence[Example], batch_size: int
) -> float | None:
    """Returns the examples per second of TRL in one epoch, with the model's adapter in place; None without TRL."""
    if find_spec("trl") is None:
        return None
    datasets: Any = import_module("datasets")
    trl: Any = import_module("trl")
    form, atlas = PictureForm(processor, "idefics2"), Atlas(tangrams, IMAGE_SIZE)
    rows = []
    for example in examples:
        answer = {"role": "assistant", "content": [{"type": "text", "text": str(example.action)}]}
        images = [Image.fromarray(image).convert("RGB") for image in atlas.silhouettes(example.view.tangrams)]
        rows.append({"images": images, "messages": [*form.messages(example.view), answer]})
    with tempfile.TemporaryDirectory() as folder:
        settings = trl.SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=batch_size,
            num_train_epochs=1,
            max_length=None,
            use_cpu=not torch.cuda.is_available(),
            bf16=torch.cuda.is_available(),
            gradient_checkpointing=False,  # the learner here does not recompute activations, either
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = trl.SFTTrainer(
            model=model, args=settings, train_dataset=datasets.Dataset.from_list(rows), processing_class=processor
        )
        start = perf_counter()
        trainer.train()
        return len(rows) / (perf_counter() - start)


@dataclass(frozen=True, kw_only=True)
class VlmSpeed:
    """How fast does a vision-language model play and learn, and which choices make it faster?

    Attributes:
        size: The size of the model; 8b needs a GPU.
        games: The number of games each time.
        at_once: Views in a batch.
        seed: The seed of the games.
    """

    size: Annotated[str, Parameter(choices=SIZES)] = "tiny"
    games: Count = 32
    at_once: Annotated[tuple[Count, ...], Parameter(consume_multiple=True)] = (8, 32)
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Measures, and prints the table."""
        transformers_logging.set_verbosity_error()
        warnings.simplefilter("ignore", FutureWarning)
        figures = load_tangrams("figures")
        model, processor = random_policy(self.size, figures)

        def listener(at_once: int, kept_gib: float = KEPT_GIB) -> VlmListener:
            config = VlmConfig("idefics2", played_at_once=at_once, trained_at_once=at_once, kept_gib=kept_gib)
            return VlmListener(model, processor, figures, config)

        def turns_of(make: Callable[[], Listener]) -> int:
            return sum(len(game.turns) for game in played(make(), figures, self.games, self.seed))

        ways = {NAIVE: partial(turns_of, partial(NaiveListener, model, processor, figures))}
        for at_once in self.at_once:
            for kept_gib, how in ((KEPT_GIB, "what was read is kept"), (0.0, "all is read each turn")):
                ways[f"{at_once} at once, {how}"] = partial(turns_of, partial(listener, at_once, kept_gib))
        found = rates(ways, REPEATS)
        playing = most_memory()
        examples = examples_of(played(listener(max(self.at_once)), figures, self.games, self.seed))
        weights = sum(weights.numel() for weights in model.parameters())
        title = f"Idefics2 of {weights / 1e6:,.1f} M weights; {self.games} games"
        table = Table("", "a second", "ratio", "share of peak", title=title)
        for way, rate in found.items():
            share = share_of_peak(ways[way], len(examples), rate)
            table.add_row(f"turns played, {way}", f"{rate:,.1f}", f"{rate / found[NAIVE]:.1f}", share)
        table.add_section()
        for at_once in self.at_once:
            run = partial(learn_once, listener(at_once), examples, at_once, self.seed)
            [rate] = rates({"": run}, 1).values()
            peer = trl_rate(model, processor, figures, examples, at_once)
            ratio = f"{rate / peer:.1f}" if peer else ""
            share = share_of_peak(run, len(examples), rate)
            table.add_row(f"examples learned, {at_once} at once", f"{rate:,.1f}", ratio, share)
            by_trl = f"{peer:,.1f}" if peer else "TRL is not installed"
            table.add_row(f"examples learned, {at_once} at once, TRL's SFT", by_trl, "1.0" if peer else "")
        table.add_section()
        table.add_row("most memory, playing", playing)
        table.add_row("most memory, learning too", most_memory())
        screen.show(table, str(provenance()["machine"]))
