"""Wrappers for many games at once, as in `gymnasium.wrappers.vector`.

They wrap the native vector environment, `gymnasium.make_vec("MultiRef-v0", n)`, in each `autoreset_mode`, and work on
arrays. With Gymnasium's sync or async vector environment, wrap each environment in `multiref_gym.wrappers` instead.
They can be combined in any order, with other wrappers in between.
"""

from multiref_gym.wrappers.vector.discrete_click import DiscreteClick
from multiref_gym.wrappers.vector.encode_utterance import EncodeUtterance
from multiref_gym.wrappers.vector.implicit_reward import ImplicitReward
from multiref_gym.wrappers.vector.last_click import LastClick
from multiref_gym.wrappers.vector.tangram_observation import TangramObservation

__all__ = ["DiscreteClick", "EncodeUtterance", "ImplicitReward", "LastClick", "TangramObservation"]
