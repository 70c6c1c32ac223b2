"""Wrappers of MultiRef-v0: decoded feedback as the reward, and other forms of its observations and actions.

`ImplicitReward` is for any agent. `TextAction` and `ChatObservation` are for language models. `EncodeUtterance`,
`DiscreteClick` and `TangramObservation` are for agents that do not read text.

They can be combined in any order, with other wrappers in between. None keeps a record of its own: they read the
dialogue from the environment, so nothing leaks over a reset. `vector` has wrappers for many games at once.
"""

from multiref_gym.wrappers import vector
from multiref_gym.wrappers.chat_observation import Chat, ChatObservation
from multiref_gym.wrappers.discrete_click import DiscreteClick
from multiref_gym.wrappers.encode_utterance import EncodeUtterance
from multiref_gym.wrappers.implicit_reward import ImplicitReward
from multiref_gym.wrappers.tangram_observation import TangramObservation
from multiref_gym.wrappers.text_action import TextAction

__all__ = [
    "Chat",
    "ChatObservation",
    "DiscreteClick",
    "EncodeUtterance",
    "ImplicitReward",
    "TangramObservation",
    "TextAction",
    "vector",
]
