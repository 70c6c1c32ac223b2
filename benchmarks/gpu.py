"""How fast do large models play and learn on a GPU? A check of one GPU in eight minutes.

    multiref bench gpu [--text MODEL] [--size 8b] [--games 32] [--out runs/gpu]

An Idefics2 of the size of Idefics2-8B with random weights plays and learns: with PyTorch's attention, with
FlashAttention, and with its frozen weights in four bits. Then a language model that reads the tangrams in words, such
as SmolLM2, has its first lesson and two rounds of RESPECT (`llm_learning.py`). Each part runs in its own process with a
time limit; if one fails, a line says why, and the others continue. The operations of a turn and of an example are
counted with PyTorch's attention, and the share of the GPU's peak counts these operations.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

from cyclopts import Parameter
from torch.utils.flop_counter import FlopCounterMode
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.jobs import Job
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.loading import VlmConfig, load_policy
from multiref_gym.agents.listeners.lm.random_model import SIZES
from multiref_gym.benchmarks.learning_speed import examples_of, played
from multiref_gym.benchmarks.limited import limited
from multiref_gym.benchmarks.llm_learning import LEARNER, Plan, config_of, made_base
from multiref_gym.benchmarks.vlm_learning import run_job
from multiref_gym.benchmarks.vlm_speed import learn_once, most_memory, peak_of_device, random_base
from multiref_gym.commands.options import Count, check_new_folder
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.provenance import provenance, write_results
from multiref_gym.tangrams import load_tangrams

SEED = 0
COUNTED = "PyTorch's attention"
"""The part whose operations are counted: FlashAttention and weights in four bits use other operations."""
TEXT_ROUNDS, TEXT_GAMES = 2, 40
"""The plan of RESPECT with the language model that reads words."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement.

    Attributes:
        what: The measured work.
        note: The memory that it took, or its result.
        rate: The amount of work per second.
        operations: Floating-point operations of one unit.
    """

    what: str
    note: str
    rate: float | None = None
    operations: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the check.

    Attributes:
        name: Its name.
        seconds: Its time limit.
        measure: The function that measures.
    """

    name: str
    seconds: int
    measure: Callable[[], list[Measure]]


def make(folder: Path, size: str) -> list[Measure]:
    """Saves a model with random weights, and its processor, to a folder."""
    model, processor = random_base(size, load_tangrams("figures"))
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    weights = sum(weights.numel() for weights in model.parameters())
    return [Measure(f"{weights / 1e6:,.1f} M weights, made and saved", most_memory())]


def speed(folder: Path, settings: Mapping[str, Any], at_once: Sequence[int], games: int) -> list[Measure]:
    """Lets a model play games and learn from their turns, once to warm up and once measured.

    Args:
        folder: The model's folder.
        settings: Settings of `vlm.json`.
        at_once: Batch sizes of play and of learning; everything is measured with each.
        games: The number of games each time.
    """
    transformers_logging.set_verbosity_error()
    warnings.simplefilter("ignore", FutureWarning)
    figures, found = load_tangrams("figures"), list[Measure]()
    for size in at_once:
        config = VlmConfig(str(folder), played_at_once=size, trained_at_once=size, **settings)
        listener = VlmListener(*load_policy(config), figures, config)
        examples = examples_of(played(listener, figures, games, SEED))
        ways: dict[str, Callable[[], object]] = {
            "turns played": partial(played, listener, figures, games, SEED),
            "examples learned": partial(learn_once, listener, examples, size, SEED),
        }
        for what, run in ways.items():
            with FlopCounterMode(display=False) as counter:
                run()
            start = perf_counter()
            run()
            rate, operations = len(examples) / (perf_counter() - start), counter.get_total_flops() / len(examples)
            found.append(Measure(f"{what}, {size} at once", most_memory(), rate, operations))
    return found


def respect(model: str | None, plan: Plan, games: int, folder: Path) -> list[Measure]:
    """Gives a language model its first lesson, runs RESPECT, and returns the success of each round.

    Raises:
        UserError: If no model is named, or it cannot be loaded.
    """
    if model is None:
        raise UserError("left out: name a language model by --text")
    made_base(folder / "base", Path(model), plan, lambda what, done, total: None)
    curve = run_job(LEARNER, Job(config_of(folder / "base", TEXT_ROUNDS, games), folder / "seed-0"))
    return [
        Measure(f"round {measured['round']}, {system}", f"won {percent(of_system['success'])} %")
        for measured in curve["rounds"]
        for system, of_system in measured["systems"].items()
    ]


def sheet(found: Mapping[str, Sequence[Measure]], peak: float | None) -> Sheet:
    """Returns the measurements of each part, with the share of a GPU's peak if operations were counted."""
    rows, operations = [], {measure.what: measure.operations for measure in found.get(COUNTED, ())}
    for name, measures in found.items():
        for measure in measures:
            of_one = operations.get(measure.what)
            share = f"{measure.rate * of_one / peak:.1%}" if measure.rate and of_one and peak else ""
            rate = "" if measure.rate is None else f"{measure.rate:,.1f}"
            rows.append([f"{name}: {measure.what}", rate, share, measure.note])
    return Sheet("", ["", "a second", "share of peak", "most memory, or success"], rows)


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """How fast do large models play and learn on a GPU? A check of one GPU in eight minutes.

    Attributes:
        size: The size of the vision-language model; all but tiny need a GPU.
        text: A language model that reads words: a folder, or its id on the hub. Without it the last part is left out.
        games: The number of games that the vision-language model plays each time.
        out: The folder of results.json and table.md, which must be empty.
    """

    size: Annotated[str, Parameter(choices=SIZES)] = "8b"
    text: str | None = None
    games: Count = 32
    out: Path = Path("runs/gpu")

    def run(self, screen: Screen) -> None:
        """Measures part after part, and prints and writes the results.

        Raises:
            UserError: If the folder is not empty.
        """
        check_new_folder(self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        found, failed = dict[str, list[Measure]](), dict[str, str]()
        with TemporaryDirectory(dir=self.out) as folder:
            for part in self._parts(Path(folder)):
                screen.say(f"{part.name}, for {part.seconds} s at most")
                try:
                    found[part.name] = limited(part.measure, part.seconds)
                except UserError as error:
                    failed[part.name] = str(error)
                    screen.say(f"{part.name}: {error}")
        shown = sheet(found, peak_of_device())
        lines = (f"- {name}: {why}\n" for name, why in failed.items())
        write_atomically(self.out / "table.md", "".join([shown.markdown(), "\n", *lines]))
        parts = {name: [*map(asdict, measures)] for name, measures in found.items()} | failed
        write_results(self.out / "results.json", {"size": self.size, "games": self.games, "parts": parts})
        screen.show(shown, str(provenance()["machine"]))

    def _parts(self, folder: Path) -> list[Part]:
        """Returns the parts; their limits add up to eight minutes."""
        flash, four_bits = {"attention": "flash_attention_2"}, {"four_bit": True}
        return [
            Part("random weights", 60, partial(make, folder, self.size)),
            Part(COUNTED, 120, partial(speed, folder, {"attention": "sdpa"}, (8, 32), self.games)),
            Part("FlashAttention", 70, partial(speed, folder, flash, (32,), self.games)),
            Part("four bits", 80, partial(speed, folder, four_bits, (32,), self.games)),
            Part("text", 150, partial(respect, self.text, Plan(), TEXT_GAMES, self.out / "text")),
        ]
