"""Wrappers of many games at once, as `gymnasium.wrappers.vector` has them beside those of one environment.

They wrap the native vector environment, `gymnasium.make_vec("MultiRef-v0", n)`, with each `autoreset_mode`, and work on
arrays. Where Gymnasium's own sync or async vector environment is wanted, each environment takes the wrappers of
`multiref_gym.wrappers` instead. They go in any order, and with other wrappers in between.
"""

from multiref_gym.wrappers.vector.discrete_click import DiscreteClick
from multiref_gym.wrappers.vector.encode_utterance import EncodeUtterance
from multiref_gym.wrappers.vector.implicit_reward import ImplicitReward
from multiref_gym.wrappers.vector.last_click import LastClick
from multiref_gym.wrappers.vector.tangram_observation import TangramObservation

__all__ = ["DiscreteClick", "EncodeUtterance", "ImplicitReward", "LastClick", "TangramObservation"]
