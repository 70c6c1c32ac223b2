"""A client of MULTIREF's server: `async with MultiRefClient(base_url=...) as client: await client.reset(seed=3)`."""

from __future__ import annotations

from typing import Any

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server import State

try:
    from .models import MultiRefAction, MultiRefObservation
except ImportError:  # run from this folder, which is not a package then
    from models import MultiRefAction, MultiRefObservation


class MultiRefClient(EnvClient[MultiRefAction, MultiRefObservation, State]):
    """Plays one game at a time, in its own session."""

    def _step_payload(self, action: MultiRefAction) -> dict[str, Any]:
        return action.model_dump()

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[MultiRefObservation]:
        reward, done = payload.get("reward"), payload.get("done", False)
        observation = MultiRefObservation(**payload["observation"], reward=reward, done=done)
        return StepResult(observation=observation, reward=reward, done=done)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State(**payload)
