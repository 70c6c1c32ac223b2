"""Saves policies to folders completely or not at all, and loads them with all weights or not at all."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from multiref_gym.digests import check_digests, write_digests
from multiref_gym.errors import UserError
from multiref_gym.files import whole

UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, TypeError, ImportError, RuntimeError, SafetensorError)
"""Errors of PyTorch and Hugging Face for a missing model, a missing or broken part, or too little memory."""


@contextmanager
def saved(path: Path) -> Iterator[Path]:
    """Yields a temporary path for a policy or its weights, a folder or a file, and moves it to its place when complete.

    A folder gets digests of its files.

    Raises:
        UserError: If something exists at the path already, or the weights cannot be written.
        OSError: If something else cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole(path, replace=False) as unfinished:
            yield unfinished
            if unfinished.is_dir():
                write_digests(unfinished)
            _let_others_read(unfinished)
    except SafetensorError as error:
        raise UserError(f"cannot write the weights to {path}: {error}") from error


def _let_others_read(path: Path) -> None:
    """Gives files the usual permissions of new files; safetensors makes them readable for their owner only."""
    umask = os.umask(0)
    os.umask(umask)
    for file in (path, *path.rglob("*")):
        if file.is_file():
            file.chmod(0o666 & ~umask)


def model_name(model: str) -> str:
    """Returns a model's name that is valid in any working folder: its absolute path if it is a folder, else its id."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def pretrained(kind: Any, name: str, **options: Any) -> Any:
    """Returns a Hugging Face model with all of its weights, while `from_pretrained` would invent missing ones.

    Weights that the model has no place for are left out, with a warning: those of another head, or of layers that its
    config.json does not count.

    Args:
        kind: A class of transformers with `from_pretrained`.
        name: A folder, or an id on the hub.
        **options: Options of `from_pretrained`.

    Raises:
        ValueError: If weights are missing; or else one of `UNLOADABLE`, if it cannot be loaded.
    """
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)  # its table would repeat the error
    try:
        model, loaded = kind.from_pretrained(name, output_loading_info=True, **options)
    finally:
        logger.setLevel(level)
    if missing := sorted(loaded["missing_keys"]):
        raise ValueError(f"the weights {missing[0]} are missing")
    # Superfluous buffers of older versions do not matter: they are not weights.
    if others := sorted(key for key in loaded["unexpected_keys"] if key.endswith((".weight", ".bias"))):
        problem = f"{len(others)} weights such as {others[0]} have no place in the model of its config.json"
        warnings.warn(f"{name}: {problem}, and are left out", stacklevel=2)
    return model


def read_weights(file: Path, own: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Returns the weights in a safetensors file.

    Args:
        file: The file.
        own: The weights of the model, whose names and shapes the file must have.
        what: The kind of model, for the message.

    Raises:
        UserError: If the file cannot be read, was damaged, or holds the weights of another model.
    """
    check_digests(file.parent)
    try:
        saved = load_file(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise UserError(f"{file} is broken: {error}") from error
    found, wanted = ({name: _form(values) for name, values in weights.items()} for weights in (saved, own))
    for name in {**wanted, **found}:
        if found.get(name) != wanted.get(name):
            there, asked = found.get(name, "missing"), wanted.get(name, "unknown")
            raise UserError(f"{file} does not fit {what}: {name} is {there} there, and should be {asked}")
    check_finite(saved, file)
    return saved


def check_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    """Raises UserError for the first weights, in a file or folder, with a number that is NaN or infinite."""
    for name, values in weights.items():
        if not torch.isfinite(values).all():
            raise UserError(f"{path} holds no policy that can play: {name} has a number that is not finite")


def _form(weights: Tensor) -> str:
    return f"{list(weights.shape)}" + ("" if weights.is_floating_point() else f" of {weights.dtype}")
