"""Where a vision-language model comes from: a model id, its folder, or the folder of a policy that was learned."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, BitsAndBytesConfig

from multiref_gym.agents.listeners.vlm.lora import adapt, adapted_layers, read_adapter
from multiref_gym.errors import UserError
from multiref_gym.files import write_json

SETTINGS = "vlm.json"
"""Names the base of a policy, in its folder, and how it is run."""

ADAPTER = "adapter_model.safetensors"

DTYPES = ("bfloat16", "float16", "float32")

UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, ImportError, RuntimeError, SafetensorError)
"""What Hugging Face raises where there is no such model, a part is missing or broken, or memory is out."""

INDIFFERENT = ("model", "device", "played_at_once", "kept_gib", "trained_at_once")
"""Settings of where the model is and in what memory it runs: a policy is the same under others, but for rounding."""


@dataclass(frozen=True, slots=True)
class VlmConfig:
    """Which model, how it is run, and what of it is trained; as `vlm.json` in a folder it is a base to start from.

    Attributes:
        model: A folder, in `vlm.json` as seen from there, or an id on the Hugging Face hub.
        device: "cuda", "cpu"; a GPU if there is one, if None.
        dtype: "bfloat16", "float16", "float32"; bfloat16 on a GPU and float32 elsewhere, if None.
        attention: Implementation of attention ("sdpa", "flash_attention_2"); the library's choice if None.
        four_bit: Whether frozen weights are kept in four bits, which needs bitsandbytes and a GPU.
        rank: Of the adapter.
        alpha: Its scale, in units of the rank.
        dropout: In front of it, in training.
        dora: Whether lengths of weights are learned apart from directions (DoRA).
        layers: A regular expression over the layers that are adapted, for an architecture that none is known for.
        greedy: Whether the likeliest token is taken at each step in place of a sampled one.
        played_at_once: Views in a batch of play.
        kept_gib: Memory for what was read of the games that are played, in GiB; further ones are read anew each turn.
        trained_at_once: Views whose activations are kept at once in training; others are computed again.

    Raises:
        UserError: If a value is not allowed.
    """

    model: str
    device: str | None = None
    dtype: str | None = None
    attention: str | None = None
    four_bit: bool = False
    rank: int = 8
    alpha: int = 8
    dropout: float = 0.1
    dora: bool = False
    layers: str | None = None
    greedy: bool = False
    played_at_once: int = 32
    kept_gib: float = 8.0
    trained_at_once: int = 8

    def __post_init__(self) -> None:
        for name, (is_allowed, allowed) in ALLOWED.items():
            if not is_allowed(value := getattr(self, name)):
                raise UserError(f"{name} = {value!r}: allowed is {allowed}")

    @classmethod
    def of(cls, path: Path) -> Self:
        """Returns the settings in a folder or, if it holds none, those of the model that is there or has this id.

        Raises:
            UserError: If the settings cannot be read.
        """
        file = path / SETTINGS
        if not file.is_file():
            # Resolved, as what is learned from it may be loaded elsewhere.
            return cls(str(path.resolve() if path.is_dir() else path))
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
            config = cls(**settings)
        except UserError as error:
            raise UserError(f"{file}: {error}") from error
        except (OSError, ValueError, TypeError) as error:
            names = ", ".join(field.name for field in fields(cls))
            raise UserError(f"{file} names no model and its settings ({names}): {error}") from error
        beside = path / config.model
        return replace(config, model=str(beside.resolve())) if beside.is_dir() else config

    @property
    def deciding(self) -> dict[str, Any]:
        """The settings that decide what a policy learns and does, but for the model, whose weights tell it better."""
        return {name: value for name, value in asdict(self).items() if name not in INDIFFERENT}

    def write(self, path: Path) -> None:
        """Writes the settings to a folder."""
        write_json(path / SETTINGS, asdict(self))


def load_policy(config: VlmConfig, path: Path | None = None) -> tuple[PeftModel, Any]:
    """Returns a model with the adapter in a folder, or a fresh one if there is none, and its processor.

    All policies of a base share its frozen weights; each has modules and an adapter of its own.

    Raises:
        UserError: If there is no such model, or the adapter does not fit it.
    """
    processor, base = _processor(config.model), load_base(config)
    shared = {id(tensor): tensor for tensor in [*base.parameters(), *base.buffers()]}
    model = copy.deepcopy(base, shared)
    layers = adapted_layers(model, model.config.model_type, config.layers)
    policy = adapt(model, layers, rank=config.rank, alpha=config.alpha, dropout=config.dropout, dora=config.dora)
    if path is not None and (path / ADAPTER).is_file():
        read_adapter(policy, path / ADAPTER)
    return policy.eval(), processor


def load_base(config: VlmConfig) -> Any:
    """Returns a model with frozen weights, the same one as the last time if it is asked for in the same form.

    Raises:
        UserError: If there is no such model.
    """
    return _base(config.model, config.device, config.dtype, config.attention, config.four_bit)


@lru_cache(maxsize=1)
def _base(name: str, device: str | None, dtype: str | None, attention: str | None, four_bit: bool) -> Any:
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = dtype or ("bfloat16" if place.startswith("cuda") else "float32")
    options: dict[str, Any] = {"dtype": kind}
    if attention is not None:
        options["attn_implementation"] = attention
    if four_bit:
        options |= {"quantization_config": _four_bits(kind), "device_map": {"": place}}
    model: Any
    try:
        model = AutoModelForImageTextToText.from_pretrained(name, **options)
        model = model if four_bit else model.to(place)
    except UNLOADABLE as error:
        raise UserError(f"cannot load a vision-language model from {name!r}: {_first(error)}") from error
    model.requires_grad_(False)
    return model.eval()


@lru_cache(maxsize=1)
def _processor(name: str) -> Any:
    try:
        AutoConfig.from_pretrained(name)  # without network a processor would try for each of its files, for minutes
        return AutoProcessor.from_pretrained(name)
    except UNLOADABLE as error:
        # Some processors prepare videos as well, or numbers in words, whether they are needed here or not.
        missing = [package for package in ("torchvision", "num2words") if package in str(error).lower()]
        hint = ": run `pip install 'multiref-gym[vlm]'`" if missing else ""
        raise UserError(
            f"cannot load the processor of a vision-language model from {name!r}: {_first(error)}{hint}"
        ) from error


def _four_bits(kind: str) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise UserError("weights in four bits need bitsandbytes: run `pip install 'multiref-gym[four-bit]'`")
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, kind))


def _first(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]


def _is_device(value: Any) -> bool:
    try:
        torch.empty(0, device=value)
    except (RuntimeError, AssertionError, TypeError):  # PyTorch asserts that it was built for GPUs
        return False
    return value is None or isinstance(value, str)


def _is_expression(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


Check = tuple[Callable[[Any], bool], str]

SWITCH: Check = (lambda value: isinstance(value, bool), "true or false")
COUNT: Check = (lambda value: type(value) is int and value > 0, "a whole number from 1 on")
ALLOWED: dict[str, Check] = {
    "model": (_is_text, "a folder or an id on the Hugging Face hub"),
    "device": (_is_device, "null or a device that PyTorch finds here, such as 'cpu', 'cuda' or 'cuda:1'"),
    "dtype": (lambda value: value in (None, *DTYPES), f"null, {', '.join(map(repr, DTYPES))}"),
    "attention": (lambda value: value is None or _is_text(value), "null or a name such as 'sdpa'"),
    "four_bit": SWITCH,
    "rank": COUNT,
    "alpha": COUNT,
    "dropout": (lambda value: _is_number(value) and 0 <= value < 1, "a number from 0 on and below 1"),
    "dora": SWITCH,
    "layers": (lambda value: value is None or _is_expression(value), "null or a regular expression"),
    "greedy": SWITCH,
    "played_at_once": COUNT,
    "kept_gib": (lambda value: _is_number(value) and value >= 0, "a number from 0 on"),
    "trained_at_once": COUNT,
}
"""Of each setting, what tells whether a value is allowed, and which values are, in words."""
