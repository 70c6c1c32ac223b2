"""The messages between a client and the server of MULTIREF."""

from __future__ import annotations

from typing import Any

from openenv.core.env_server import Action, Observation
from pydantic import Field


class MultiRefAction(Action):
    """The model's answer."""

    text: str = Field(description='The answer of the listener, such as "deselect F select G"; any text is read.')


class MultiRefObservation(Observation):
    """The model's next message, and further data of the turn.

    `reward` is the feedback that was decoded from the speaker's reply: -1, 0 or 1. At the end of the game there is no
    reply, and the reward is 0. No field shows the targets.
    """

    message: dict[str, Any] = Field(description='The next message: {"role": "user", "content": ...}')
    turn: int = Field(description="The number of turns taken so far")
    invalid_action: str | None = Field(
        None, description="The reason why the last text was not an action, if it was not"
    )
    success: bool = Field(False, description="Whether the game was won; false until it ends")
    reward_sum: float = Field(0.0, description="The sum of the rewards so far")
