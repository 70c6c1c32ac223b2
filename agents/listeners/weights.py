"""Policies in folders: there whole or not at all, and loaded with all of their weights or not at all."""

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
"""What PyTorch and Hugging Face raise where there is no such model, a part is missing or broken, or memory is out."""


@contextmanager
def saved(path: Path) -> Iterator[Path]:
    """Yields where to save a policy, or its weights: a new folder or file, which is at its path when it is whole.

    A folder gets digests of its files.

    Raises:
        UserError: If there is something at the path already, or the weights cannot be written.
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
    """Gives files the permissions that new ones usually have; safetensors lets nobody else read what it writes."""
    umask = os.umask(0)
    os.umask(umask)
    for file in (path, *path.rglob("*")):
        if file.is_file():
            file.chmod(0o666 & ~umask)


def model_name(model: str) -> str:
    """Returns the name of a model that is good in any folder: its whole path if it is a folder, else its id."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def pretrained(kind: Any, name: str, **options: Any) -> Any:
    """Returns a model of Hugging Face with all of its weights, where `from_pretrained` makes up those that it lacks.

    It also leaves out those that the model has no place for: of a head for something else, or of layers that its
    config.json does not count. That is told by a warning.

    Args:
        kind: A class of transformers with `from_pretrained`.
        name: A folder, or an id on the hub.
        **options: Of `from_pretrained`.

    Raises:
        ValueError: If it lacks weights; or else one of `UNLOADABLE`, if it cannot be loaded.
    """
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it would tell in a table what the error says in a line
    try:
        model, loaded = kind.from_pretrained(name, output_loading_info=True, **options)
    finally:
        logger.setLevel(level)
    if missing := sorted(loaded["missing_keys"]):
        raise ValueError(f"the weights {missing[0]} are missing")
    # Buffers of older versions may be too many: they are no weights.
    if others := sorted(key for key in loaded["unexpected_keys"] if key.endswith((".weight", ".bias"))):
        told = f"{len(others)} weights such as {others[0]} have no place in the model of its config.json"
        warnings.warn(f"{name}: {told}, and are left out", stacklevel=2)
    return model


def read_weights(file: Path, own: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Returns the weights in a file of safetensors.

    Args:
        file: The file.
        own: The weights of the model that they are for, whose names and shapes they must have.
        what: What they must be of, for the message.

    Raises:
        UserError: If the file cannot be read, or is not what was saved, or they are of something else.
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
    """Raises UserError for the first of the weights in a file or folder in which a number is NaN or infinite."""
    for name, values in weights.items():
        if not torch.isfinite(values).all():
            raise UserError(f"{path} holds no policy that can play: {name} has a number that is not finite")


def _form(weights: Tensor) -> str:
    return f"{list(weights.shape)}" + ("" if weights.is_floating_point() else f" of {weights.dtype}")
