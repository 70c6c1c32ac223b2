"""MULTIREF for OpenEnv: `uvicorn server.app:app` in the folder above serves many games at once.

The game: speaker and listener see the same ten tangrams. Only the speaker knows which three to five of them are the
targets, and describes them turn by turn. The model is the listener, and answers each utterance with an action such as
"deselect F select G". The game is won when exactly the targets are selected, and it ends after ten turns. The speaker's
next utterance shows what it thinks of the last action: this is implicit feedback, and a decoder turns it into the
reward of the turn.

`reset(seed=3)` starts the game of seed 3. The public state has the number of turns, and never a target. Environment
variables set the options of `multiref_gym.chat_game.ChatGame`: MULTIREF_SPLIT, MULTIREF_SHOWN, MULTIREF_SPEAKER,
MULTIREF_DECODER, MULTIREF_TANGRAMS.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

from openenv.core.env_server import Environment, State, create_app
from openenv.core.env_server.types import EnvironmentMetadata

from multiref_gym.chat_game import ChatGame

try:
    from ..models import MultiRefAction, MultiRefObservation
except ImportError:  # run from the folder above, which is not a package then
    from models import MultiRefAction, MultiRefObservation

SESSIONS = 64
"""The most games at once."""

OPTIONS = ("split", "shown", "speaker", "decoder", "tangrams")


class MultiRefEnvironment(Environment[MultiRefAction, MultiRefObservation, State]):
    """One game at a time between a speaker of multiref-gym and the model."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        given = {option: os.environ.get(f"MULTIREF_{option.upper()}") for option in OPTIONS}
        self._game = ChatGame(**{option: value for option, value in given.items() if value})
        self._state = State()

    def reset(self, seed: int | None = None, episode_id: str | None = None, **kwargs: Any) -> MultiRefObservation:
        """Starts the game of a seed."""
        [message] = self._game.reset(seed)
        self._state = State(episode_id=episode_id)
        return MultiRefObservation(message=message, turn=0, reward=0.0)

    def step(self, action: MultiRefAction, timeout_s: float | None = None, **kwargs: Any) -> MultiRefObservation:
        """Takes a turn. A failure is an error for the client, and gives no reward."""
        message, reward, done, info = self._game.step(action.text)
        self._state.step_count = info["turn"]
        shown = {name: info[name] for name in ("turn", "invalid_action", "success", "reward_sum")}
        return MultiRefObservation(message=message, reward=reward, done=done, **shown)

    @property
    def state(self) -> State:
        """The id of the episode, and the number of turns taken so far."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """Returns the environment's name, description and version."""
        return EnvironmentMetadata(name="multiref", description=str(__doc__), version=version("multiref-gym"))


MultiRefEnvironment()  # so that a wrong setting stops the server at its start, rather than fail for each client
app = create_app(
    MultiRefEnvironment, MultiRefAction, MultiRefObservation, env_name="multiref", max_concurrent_envs=SESSIONS
)


def main(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serves games."""
    import uvicorn

    uvicorn.run(app, host=host, port=port)


if __name__ == "__main__":
    main()
