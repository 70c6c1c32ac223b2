"""MULTIREF: a multi-turn reference game whose speakers give implicit feedback, as a Gymnasium environment.

Importing the package registers `MultiRef-v0`, so that `gymnasium.make("MultiRef-v0")` finds it.
"""

from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder
from multiref_gym.game import Action, Context, Game, GameOver, InvalidAction
from multiref_gym.interaction import Interaction, Turn

__all__ = [
    "Action",
    "Context",
    "Exchange",
    "Feedback",
    "FeedbackDecoder",
    "Game",
    "GameOver",
    "Interaction",
    "InvalidAction",
    "Turn",
    "register_envs",
]


def register_envs() -> None:
    """Registers `MultiRef-v0` with Gymnasium; does nothing if it is registered."""
    from gymnasium.envs.registration import register, registry

    if "MultiRef-v0" not in registry:
        register(
            id="MultiRef-v0",
            entry_point="multiref_gym.env:MultiRefEnv",
            vector_entry_point="multiref_gym.vector_env:MultiRefVectorEnv",
        )


register_envs()
