"""Logs the figures of a run to the user's experiment tracker: TensorBoard, trackio, Weights & Biases, and others.

The trackers are those of Accelerate. Nothing is sent anywhere unless the user chooses a tracker that sends it.
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
from multiref_gym.parts import error_text

PROJECT = "multiref"


def check_tracker(kind: Any, name: str | None) -> None:
    """Raises UserError if the tracker does not exist or is not installed."""
    if name is None:
        return
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UserError(f"unknown tracker {name!r}: choose from {', '.join(LOGGER_TYPE_TO_CLASS)}")
    if name not in map(str, get_available_trackers()):
        raise UserError(f"the tracker {name} is not installed: run `pip install {name}`")


TrackerName = Annotated[str, Parameter(validator=check_tracker)]
"""An installed tracker."""


Log = Callable[[int, Mapping[str, Any]], None]
"""Logs a point: a step and its numbers, nested or not. Other values are left out."""


@dataclass(frozen=True)
class _State:
    """The state of a run in a tracker: its name there, and the number of logged points."""

    run: str
    logged: int


@contextmanager
def tracked(name: str | None, out: Path, config: Mapping[str, Any]) -> Iterator[Log]:
    """Yields a function that logs the points of a run.

    A point is logged once, even if a run is interrupted and continues: `tracker-NAME.json` in its folder counts the
    points. A continued run stays the same run in TensorBoard, trackio and Weights & Biases, and is a new one elsewhere.

    Args:
        name: The tracker; if None, nothing is logged.
        out: The folder of the run. Trackers that write files write them there.
        config: The settings of the run, as JSON can hold them.

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
    """Returns one of Accelerate's trackers for a run."""
    kind = LOGGER_TYPE_TO_CLASS[name]
    resumed = {"trackio": {"name": run, "resume": "allow"}, "wandb": {"id": run, "name": run, "resume": "allow"}}
    try:
        tracker = kind(PROJECT, *([str(out)] if kind.requires_logging_directory else []), **resumed.get(name, {}))
        tracker.start()
    except (Exception, SystemExit) as error:
        raise UserError(f"the tracker {name} cannot be started: {error_text(error)}") from error
    return tracker


def _plain(value: Any) -> Any:
    """Returns a value in a form that every tracker accepts."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
