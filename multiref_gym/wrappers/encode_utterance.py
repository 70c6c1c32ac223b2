"""Utterances as integers, for learners that do not read text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from multiref_gym.errors import is_int, require
from multiref_gym.utterance import MOST_BYTES
from multiref_gym.vocabulary import Vocabulary, encode
from multiref_gym.wrappers.base import multiref


class EncodeUtterance(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    r"""Turns the utterance of an observation into a fixed number of integers, by `vocabulary.encode`.

    A trained policy needs the vocabulary that it was trained with. `vocabulary.save(run / "vocabulary.json")` keeps it
    with a run, and raises an error if the run has another one already.

    Args:
        env: MultiRef-v0, wrapped or not, with the text of the utterance in its observations.
        length: The number of integers; longer utterances lose their end. 99.9 % of the scripted speaker's utterances
            have at most 31 words and 148 bytes.
        vocabulary: The words that have an id, or a file that `Vocabulary.save` wrote; None encodes UTF-8 bytes.

    Raises:
        UserError: If the length is not an int from 1 to 2,048, or the file holds no vocabulary.
        ValueError: If the environment is not MultiRef-v0, or its observations have no text of an utterance.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.vocabulary import Vocabulary
        >>> from multiref_gym.wrappers import EncodeUtterance
        >>> env = gym.make("MultiRef-v0", image=None)
        >>> heard = [env.reset(seed=seed)[0]["utterance"] for seed in range(100)]
        >>> encoded = EncodeUtterance(env, 24, Vocabulary.of(heard, size=200))
        >>> encoded.observation_space["utterance"]
        Box(0, 199, (24,), int32)
        >>> observation, info = encoded.reset(seed=1)
        >>> observation["utterance"].shape
        (24,)
        >>> EncodeUtterance(env, 128).reset(seed=1)[0]["utterance"].tobytes().rstrip(b"\0").decode() == heard[1]
        True
    """

    def __init__(self, env: gym.Env[Any, Any], length: int, vocabulary: Vocabulary | Path | str | None = None) -> None:
        RecordConstructorArgs.__init__(self, length=length, vocabulary=vocabulary)
        super().__init__(env)
        multiref(self)
        space = env.observation_space
        if not isinstance(space, spaces.Dict) or not isinstance(space.get("utterance"), spaces.Text):
            raise ValueError(f"EncodeUtterance needs observations with a text 'utterance'; {env} has {space}")
        require("length", length, f"an int from 1 to {MOST_BYTES}", is_int(length, 1, MOST_BYTES))
        self.vocabulary = Vocabulary.load(vocabulary) if isinstance(vocabulary, Path | str) else vocabulary
        self._length = length
        greatest = 255 if self.vocabulary is None else len(self.vocabulary) - 1
        encoded = spaces.Box(0, greatest, (length,), encode("", length, self.vocabulary).dtype.type)
        self.observation_space = spaces.Dict({**space, "utterance": encoded})

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the observation with its utterance as integers (length,)."""
        return observation | {"utterance": encode(observation["utterance"], self._length, self.vocabulary)}
