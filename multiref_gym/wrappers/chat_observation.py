"""The dialogue as chat messages, for language models."""

from __future__ import annotations

from itertools import cycle
from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from PIL import Image

from multiref_gym.game import LETTERS
from multiref_gym.messages import ROLES, Message, Messages, image_part
from multiref_gym.wrappers.base import multiref

Chats = list[Message]


class ChatObservation(gym.Wrapper[Chats, Any, Any, Any], RecordConstructorArgs):
    """Replaces the observation by the chat messages of the game so far, for language models.

    The user's first message shows the images, each followed by its letter, then the rules of the game and the form of
    an answer, so that any model can play. Each turn the user states the selection ("A C currently selected", "none is
    selected") and, on the next line, the speaker's utterance. The assistant says the action, or "no click". Together
    with `TextAction`, an answer that was not an action is kept word for word, and the next user message begins with
    the reason ("not understood: ..."), so that the model can correct itself. The messages have the form that chat
    templates of vision-language models read:
    `{"role": ..., "content": [{"type": "image", "image": ...}, {"type": "text", "text": ...}]}`.

    Gymnasium has no space of chats, so the observation space is a `Chat`. It passes Gymnasium's checkers and works in
    both vector modes (with `shared_memory=False`), which batch it as a tuple of conversations.

    Args:
        env: MultiRef-v0, wrapped or not. The wrapper drops its observation, so `image=None` saves drawing it.

    Raises:
        ValueError: If the environment is not MultiRef-v0.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import ChatObservation, TextAction
        >>> env = ChatObservation(TextAction(gym.make("MultiRef-v0", image=None)))
        >>> messages, info = env.reset(seed=1)
        >>> [part["type"] for part in messages[0]["content"]].count("image")
        10
        >>> messages[0]["content"][20]["text"].partition(".")[0]
        'You are the listener in a game'
        >>> messages, *_ = env.step("**Action:** select C and A")
        >>> [message["role"] for message in messages]
        ['user', 'assistant', 'user']
        >>> messages[1]["content"]
        [{'type': 'text', 'text': 'select A C'}]
        >>> messages[2]["content"][0]["text"].splitlines()[0]
        'A C currently selected'
        >>> messages, *_ = env.step("A again!")
        >>> messages[3]["content"][0]["text"]
        'A again!'
        >>> messages[4]["content"][0]["text"].partition(": allowed is")[0]
        "not understood: no action in 'a again !'"
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._form = Messages(multiref(self).atlas, part=image_part)
        self.observation_space = Chat()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Chats, dict[str, Any]]:
        """Starts a game and returns its first message."""
        _, info = self.env.reset(seed=seed, options=options)
        return self._messages(), info

    def step(self, action: Any) -> tuple[Chats, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes the step and returns all messages so far."""
        _, reward, terminated, truncated, info = self.env.step(action)
        return self._messages(), reward, terminated, truncated, info

    def _messages(self) -> Chats:
        return self._form.of(multiref(self).episode.view)


class Chat(spaces.Space[Chats]):
    """The space of conversations: a user and an assistant take turns, and the user speaks first and last.

    A message is `{"role": ..., "content": [part, ...]}`, a part `{"type": "text", "text": str}` or
    `{"type": "image", "image": PIL.Image.Image}`.
    """

    def contains(self, x: Any) -> bool:
        """Returns whether `x` is such a conversation."""
        return (
            isinstance(x, list)
            and len(x) % 2 == 1
            and all(_is_message(message, role) for message, role in zip(x, cycle(ROLES), strict=False))
        )

    def sample(self, mask: None = None, probability: None = None) -> Chats:
        """Draws a conversation of one message, the letters in random order; it takes no mask."""
        if mask is not None or probability is not None:
            raise ValueError("Chat.sample takes no mask and no probability")
        text = "".join(self.np_random.permutation(list(LETTERS)))
        return [{"role": "user", "content": [{"type": "text", "text": text}]}]

    @property
    def is_np_flattenable(self) -> bool:
        """False: a conversation is not an array."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chat)

    def __repr__(self) -> str:
        return "Chat()"


def _is_message(message: Any, role: str) -> bool:
    return (
        isinstance(message, dict)
        and message.keys() == {"role", "content"}
        and message["role"] == role
        and isinstance(message["content"], list)
        and all(_is_part(part) for part in message["content"])
    )


def _is_part(part: Any) -> bool:
    match part:
        case {"type": "text", "text": str()} | {"type": "image", "image": Image.Image()}:
            return len(part) == 2
    return False
