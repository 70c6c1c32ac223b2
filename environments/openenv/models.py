"""What a client and the server of MULTIREF send each other."""

from __future__ import annotations

from typing import Any

from openenv.core.env_server import Action, Observation
from pydantic import Field


class MultiRefAction(Action):
    """What the model wrote."""

    text: str = Field(description='The answer of the listener, such as "deselect F select G"; any text is read.')


class MultiRefObservation(Observation):
    """What the model reads next, and what else is known of the turn.

    `reward` is the feedback that was decoded from the speaker's reply: -1, 0 or 1. At the end of the game there is no
    reply, and it is 0. The targets are nowhere in it.
    """

    message: dict[str, Any] = Field(description='The next message: {"role": "user", "content": ...}')
    turn: int = Field(description="How many turns have been taken")
    invalid_action: str | None = Field(None, description="Why the last text was no action, if it was none")
    success: bool = Field(False, description="Whether the game has been won; it is known at its end")
    reward_sum: float = Field(0.0, description="The sum of the rewards so far")
