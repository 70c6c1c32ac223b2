"""The numbers of a run in an experiment tracker that its user has: TensorBoard, trackio, Weights & Biases, and others.

The trackers are those of Accelerate. Nothing is sent anywhere unless a tracker is asked for that sends it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from cyclopts import Parameter

from multiref_gym.agents.learning.parallel import is_main
from multiref_gym.agents.learning.run_folder import fields
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.files import write_json
from multiref_gym.parts import told

PROJECT = "multiref"


def check_tracker(kind: Any, name: str | None) -> None:
    """Raises UserError if there is no such tracker, or it is not installed."""
    if name is None:
        return
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UserError(f"unknown tracker {name!r}: choose from {', '.join(LOGGER_TYPE_TO_CLASS)}")
    if name not in map(str, get_available_trackers()):
        raise UserError(f"the tracker {name} is not installed: run `pip install {name}`")


TrackerName = Annotated[str, Parameter(validator=check_tracker)]
"""A tracker that is installed."""


Log = Callable[[int, Mapping[str, Any]], None]
"""Logs a point: a step and its numbers, nested or not. What is no number is left out."""


@dataclass(frozen=True)
class _State:
    """What is known of a run in a tracker: its name there, and how many points have been logged."""

    run: str
    logged: int


@contextmanager
def tracked(name: str | None, out: Path, config: Mapping[str, Any]) -> Iterator[Log]:
    """Yields what logs the points of a run.

    A point is logged once, also when a run is interrupted and goes on: `tracker-NAME.json` in its folder says how many
    have been. A run that goes on is the same one in TensorBoard, trackio and Weights & Biases, and a new one elsewhere.

    Args:
        name: Which tracker; if None, nothing is logged.
        out: The folder of the run. Trackers that keep files keep them there.
        config: What the run is, fit for JSON.

    Raises:
        UserError: If the tracker cannot be started.
    """
    if name is None or not is_main():
        yield lambda step, numbers: None
        return
    path = out / f"tracker-{name}.json"
    begun = path.exists()
    state = read_json(_State, path) if begun else _State(f"{out.absolute().name}-{uuid4().hex[:8]}", 0)
    tracker = _started(name, out, state.run)
    if not begun:
        tracker.store_init_configuration({field: _plain(value) for field, value in fields(dict(config)).items()})
        write_json(path, asdict(state))
    points = 0

    def log(step: int, numbers: Mapping[str, Any]) -> None:
        nonlocal points
        points += 1
        if points > state.logged:
            named = {field.replace(".", "/"): value for field, value in fields(dict(numbers)).items()}
            tracker.log({name: value for name, value in named.items() if _is_number(value)}, step)
            write_json(path, asdict(replace(state, logged=points)))

    try:
        yield log
    finally:
        tracker.finish()


def _started(name: str, out: Path, run: str) -> Any:
    """Returns a tracker of Accelerate for a run."""
    kind = LOGGER_TYPE_TO_CLASS[name]
    resumed = {"trackio": {"name": run, "resume": "allow"}, "wandb": {"id": run, "name": run, "resume": "allow"}}
    try:
        tracker = kind(PROJECT, *([str(out)] if kind.requires_logging_directory else []), **resumed.get(name, {}))
        tracker.start()
    except (Exception, SystemExit) as error:
        raise UserError(f"the tracker {name} cannot be started: {told(error)}") from error
    return tracker


def _plain(value: Any) -> Any:
    """Returns a value that every tracker takes."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
