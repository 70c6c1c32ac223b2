"""Loads a language model from a model id, its folder, or the folder of a learned policy."""

from __future__ import annotations

import copy
import re
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from peft import PeftModel
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveInt
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BitsAndBytesConfig,
)

from multiref_gym.agents.listeners.lm.lora import adapt, adapted_layers, read_adapter
from multiref_gym.agents.listeners.weights import UNLOADABLE, pretrained
from multiref_gym.checking import check_fields, read_json
from multiref_gym.digests import check_digests
from multiref_gym.errors import UserError
from multiref_gym.files import write_json

ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""The files of a saved policy besides its settings; a base has neither."""

INDIFFERENT = ("model", "device", "played_at_once", "kept_gib", "trained_at_once", "learned")
"""Settings about the folder, the model's place and its memory: a policy is the same under others,
but for rounding."""


def _device(name: str) -> str:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # PyTorch asserts that it was built for GPUs
        raise ValueError("expected null or a device that PyTorch finds here, such as 'cpu' or 'cuda:1'") from error
    return name


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"expected null or a regular expression ({error})") from error
    return text


Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The model, how it is run, and which parts of it are trained; as a file in a folder it is a base to start from.

    Attributes:
        FILE: The name of that file, for models of this kind.
        KIND: The kind's name in messages.
        LOADS: The classes of transformers that load a model and its processor.
        model: A folder (in the file, relative to the file's folder) or an id on the Hugging Face hub.
        device: "cuda", "cpu"; if None, a GPU if there is one.
        dtype: "bfloat16", "float16", "float32"; if None, bfloat16 on a GPU and float32 elsewhere.
        attention: Implementation of attention ("sdpa", "flash_attention_2"); if None, the library's choice.
        four_bit: Whether to keep frozen weights in four bits, which needs bitsandbytes and a GPU.
        rank: The adapter's rank.
        alpha: The adapter's scale, in units of the rank.
        dropout: Dropout before the adapter, in training.
        dora: Whether the weights' lengths are learned separately from their directions (DoRA).
        layers: A regular expression over the layers to adapt, for an architecture without known ones.
        greedy: Whether to take the likeliest token at each step instead of a sampled one.
        played_at_once: Views in a batch of play.
        kept_gib: Memory for the read parts of games in play, in GiB; further games are read again each turn.
        trained_at_once: Prompts whose activations are kept at once in training; those of others are computed again.
        learned: Whether this is a saved policy, which needs its adapter beside the settings.

    Raises:
        UserError: If a value is not allowed.
    """

    FILE: ClassVar[str]
    KIND: ClassVar[str]
    LOADS: ClassVar[tuple[Any, Any]]

    model: Name
    device: Annotated[str, AfterValidator(_device)] | None = None
    dtype: Literal["bfloat16", "float16", "float32"] | None = None
    attention: Name | None = None
    four_bit: bool = False
    rank: PositiveInt = 8
    alpha: PositiveInt = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dora: bool = False
    layers: Annotated[str, AfterValidator(_expression)] | None = None
    greedy: bool = False
    played_at_once: PositiveInt = 32
    kept_gib: NonNegativeFloat = 8.0
    trained_at_once: PositiveInt = 8
    learned: bool = False

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        check_fields(self)

    @classmethod
    def of(cls, path: Path) -> Self:
        """Returns the settings in a folder or, if it holds none, those of the model that is there or has this id.

        Raises:
            UserError: If the settings cannot be read, or those of an adapter are missing.
        """
        file = path / cls.FILE
        if not file.is_file():
            if (path / ADAPTER).exists():
                raise UserError(f"{file} is missing, which names the base of {ADAPTER} beside it")
            # Resolved, because a policy that starts from it may be loaded elsewhere.
            return cls(str(path.resolve() if path.is_dir() else path))
        config = read_json(cls, file)
        beside = path / config.model
        return replace(config, model=str(beside.resolve())) if beside.is_dir() else config

    @property
    def deciding(self) -> dict[str, Any]:
        """The settings that decide what a policy learns and does, except the model, which its weights identify."""
        return {name: value for name, value in asdict(self).items() if name not in INDIFFERENT}

    def write(self, path: Path) -> None:
        """Writes the settings to a folder."""
        write_json(path / self.FILE, asdict(self))


@dataclass(frozen=True, slots=True)
class VlmConfig(ModelConfig):
    """The settings of a vision-language model; see `ModelConfig`."""

    FILE = "vlm.json"
    KIND = "vision-language model"
    LOADS = AutoModelForImageTextToText, AutoProcessor


@dataclass(frozen=True, slots=True)
class LlmConfig(ModelConfig):
    """The settings of a language model that reads the tangrams in words; see `ModelConfig`.

    Attributes:
        words: The set whose words it reads, if not that of the tangrams in play: a name as for `--tangrams`.
    """

    FILE = "llm.json"
    KIND = "language model"
    LOADS = AutoModelForCausalLM, AutoTokenizer

    trained_at_once: PositiveInt = 2
    words: Name | None = None


def load_policy(config: ModelConfig, path: Path | None = None) -> tuple[PeftModel, Any]:
    """Returns a model with the adapter in a folder, or with a new one if there is none, and its processor.

    All policies of a base share its frozen weights; each has its own modules and adapter.

    Raises:
        UserError: If there is no such model, or the adapter is missing, damaged, or does not fit it.
    """
    if path is not None:
        check_digests(path)
    processor, base = _processor(type(config)(config.model)), load_base(config)
    shared = {id(tensor): tensor for tensor in [*base.parameters(), *base.buffers()]}
    model = copy.deepcopy(base, shared)
    layers = adapted_layers(model, model.config.model_type, config.layers)
    policy = adapt(model, layers, rank=config.rank, alpha=config.alpha, dropout=config.dropout, dora=config.dora)
    if path is not None and (config.learned or (path / ADAPTER).exists() or (path / ADAPTER_CONFIG).exists()):
        read_adapter(policy, path / ADAPTER)
        _check_adapter_config(policy, path / ADAPTER_CONFIG, config.FILE)
    return policy.eval(), processor


def _check_adapter_config(policy: PeftModel, file: Path, settings: str) -> None:
    """Raises UserError if an adapter, whose weights fit, was learned with other settings than those beside it."""
    there, own = read_json(dict[str, Any], file), policy.peft_config["default"]
    for field in ("r", "lora_alpha", "use_dora"):
        if there.get(field) != getattr(own, field):
            raise UserError(
                f"{file}, field {field!r}: {there.get(field)!r}, but {getattr(own, field)!r} by {settings} beside it"
            )


def load_base(config: ModelConfig) -> Any:
    """Returns a model with frozen weights, the same object as last time if the same form is asked for.

    Raises:
        UserError: If there is no such model.
    """
    named = {name: getattr(config, name) for name in ("model", "device", "dtype", "attention", "four_bit")}
    return _base(type(config)(**named))


@lru_cache(maxsize=1)
def _base(config: ModelConfig) -> Any:
    place = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = config.dtype or ("bfloat16" if place.startswith("cuda") else "float32")
    options: dict[str, Any] = {"dtype": kind}
    if config.attention is not None:
        options["attn_implementation"] = config.attention
    if config.four_bit:
        options |= {"quantization_config": _four_bits(kind), "device_map": {"": place}}
    load, _ = config.LOADS
    model: Any
    try:
        model = pretrained(load, config.model, **options)
        model = model if config.four_bit else model.to(place)
    except UNLOADABLE as error:
        raise UserError(f"cannot load a {config.KIND} from {config.model!r}: {_first(error)}") from error
    if getattr(model, "_is_stateful", False):
        raise UserError(f"{config.model!r} keeps one state of all that it has read, which cannot be gone back in")
    model.requires_grad_(False)
    return model.eval()


@lru_cache(maxsize=1)
def _processor(config: ModelConfig) -> Any:
    name, (_, load) = config.model, config.LOADS
    if Path(name).is_absolute() and not Path(name).is_dir():  # Hugging Face would take it for an odd id
        raise UserError(f"there is no folder {name}, from which a {config.KIND} is to be loaded")
    try:
        AutoConfig.from_pretrained(name)  # without network, a processor would retry for each of its files, for minutes
        return load.from_pretrained(name)
    except UNLOADABLE as error:
        # Some processors also prepare videos, or numbers in words, whether needed here or not.
        missing = [package for package in ("torchvision", "num2words") if package in str(error).lower()]
        hint = ": run `pip install 'multiref-gym[vlm]'`" if missing else ""
        part = load.__name__.removeprefix("Auto").lower()
        why = f"{_first(error)}{hint}"
        if not Path(name).is_dir():
            why = f"it is no folder here, and from the hub: {why}"
        elif not any(Path(name).glob("*token*")):  # otherwise the error has ten lines
            why = "there is no tokenizer.json"
        raise UserError(f"cannot load the {part} of a {config.KIND} from {name!r}: {why}") from error


def _four_bits(kind: str) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise UserError("weights in four bits need bitsandbytes: run `pip install 'multiref-gym[four-bit]'`")
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, kind))


def _first(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
