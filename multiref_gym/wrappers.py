"""Wrappers of MultiRef-v0: decoded feedback as the reward, actions as text, the dialogue as chat messages.

They go in any order, and with other wrappers in between. None keeps a record of its own: what was said and done is
read from the environment, so nothing leaks over a reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from PIL import Image

from multiref_gym.env import CHARSET, MAX_LENGTH, MultiRefEnv
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder
from multiref_gym.game import LETTERS, Action, InvalidAction, check_action
from multiref_gym.registry import DECODERS, resolve

Chats = list[dict[str, Any]]
Step = tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]


class ImplicitReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Puts what the speaker's reply gives away in the place of the reward.

    The reply to an action is the utterance of the observation that the same `step` returns, so the reward of a step
    is the decoded feedback on its own action. The last action of a game has no reply, since the closing remark is
    none, and its reward is 0 whatever is said. The environment's own reward is `info["true_reward"]`.

    Args:
        env: MultiRef-v0, wrapped or not.
        decoder: A registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.

    Raises:
        UnknownName: If no decoder has this name.
        ValueError: If `values` are not three numbers, or the environment is not MultiRef-v0.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.feedback import Feedback
        >>> from multiref_gym.wrappers import ImplicitReward
        >>> class Praise:
        ...     def decode(self, exchanges):
        ...         return [Feedback.POSITIVE if "yes" in e.reply else Feedback.NEGATIVE for e in exchanges]
        >>> env = ImplicitReward(gym.make("MultiRef-v0", image=None), Praise(), values=(-0.1, 0.0, 1.0))
        >>> _ = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(np.zeros(10, np.int8))
        >>> reward, info["true_reward"]
        (-0.1, 0.0)
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        decoder: str | FeedbackDecoder = "lexical",
        values: Sequence[float] = (-1.0, 0.0, 1.0),
    ) -> None:
        # A decoder may be a large model, which is no thing to copy.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, decoder=decoder, values=values)
        super().__init__(env)
        _multiref(self)
        if len(values) != len(Feedback):
            raise ValueError(f"values={values!r}: allowed are three, of negative, neutral and positive feedback")
        self._decoder: FeedbackDecoder = (
            resolve("decoder", DECODERS, decoder)() if isinstance(decoder, str) else decoder
        )
        self._values = dict(zip(sorted(Feedback), map(float, values), strict=True))

    def step(self, action: Any) -> Step:
        """Takes the step and decodes the reply to its action."""
        observation, true_reward, terminated, truncated, info = self.env.step(action)
        reward = 0.0
        if not terminated:
            env = _multiref(self)
            utterance, done = env.dialogue[-1]
            previous = env.dialogue[-2][1] if len(env.dialogue) > 1 else None
            [feedback] = self._decoder.decode([Exchange(previous, utterance, done, env.utterance)])
            reward = self._values[feedback]
        return observation, reward, terminated, truncated, info | {"true_reward": true_reward}


class TextAction(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Accepts actions as texts, such as "deselect F select G".

    A text that is no action, or an action that the rules forbid, is a turn in which nothing is clicked: it counts,
    the speaker hears that it was not understood, and `info["invalid_action"]` says what was wrong with it.
    `info["invalid_actions"]` counts such texts in this game.

    Args:
        env: MultiRef-v0, wrapped or not, with the clicks as its action space.

    Raises:
        ValueError: If the environment is not MultiRef-v0 or its action space is another one.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import TextAction
        >>> env = TextAction(gym.make("MultiRef-v0", image=None))
        >>> _ = env.reset(seed=1)
        >>> observation, _, _, _, info = env.step("Select A, C")
        >>> info["clicks"], info["invalid_actions"]
        (['select A C'], 0)
        >>> observation, _, _, _, info = env.step("select A")
        >>> info["invalid_action"]
        'A cannot be selected again; selected now: A C'
        >>> info["turn"], info["invalid_actions"]
        (2, 1)
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        if env.action_space != _multiref(self).action_space:
            raise ValueError(f"TextAction makes {_multiref(self).action_space}, but {env} takes {env.action_space}")
        self.action_space = spaces.Text(MAX_LENGTH, min_length=0, charset=CHARSET)
        self._invalid_actions = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts a game and the count of invalid actions."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._invalid_actions = 0
        return observation, info | {"invalid_actions": 0}

    def step(self, action: str) -> Step:
        """Takes the step that the text stands for, or one in which nothing is clicked."""
        game = _multiref(self).game
        size = len(game.context.listener_order)
        invalid: dict[str, Any] = {}
        clicks = None
        try:
            parsed = Action.parse(action, size)
            check_action(parsed, game.selected, size)
        except InvalidAction as error:
            invalid["invalid_action"] = str(error)
        else:
            clicks = np.zeros(size, np.int8)
            clicks[list(parsed.clicks)] = 1
        observation, reward, terminated, truncated, info = self.env.step(clicks)
        self._invalid_actions += len(invalid)
        return (
            observation,
            reward,
            terminated,
            truncated,
            info | invalid | {"invalid_actions": self._invalid_actions},
        )


class ChatObservation(gym.Wrapper[Chats, Any, Any, Any], RecordConstructorArgs):
    """Turns the observation into the chat messages of the game so far, for agents that are language models.

    The first message of the user shows the images, each followed by its letter. Each turn the user says what is
    selected ("A C currently selected", "none is selected") and, on the next line, what the speaker said; the
    assistant says the action, or "no click". This is the form that chat templates of vision-language models read:
    `{"role": ..., "content": [{"type": "image", "image": ...}, {"type": "text", "text": ...}]}`.

    Gymnasium has no space for this, so the observation space is a `Chat`. It passes Gymnasium's checkers and works in
    both vector modes (with `shared_memory=False`), which batch it as a tuple of conversations.

    Args:
        env: MultiRef-v0, wrapped or not. Its own observation is dropped, so `image=None` saves drawing it.

    Raises:
        ValueError: If the environment is not MultiRef-v0.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import ChatObservation
        >>> env = ChatObservation(gym.make("MultiRef-v0", image=None))
        >>> messages, info = env.reset(seed=1)
        >>> [part["type"] for part in messages[0]["content"]].count("image")
        10
        >>> messages, *_ = env.step(np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], np.int8))
        >>> [message["role"] for message in messages]
        ['user', 'assistant', 'user']
        >>> messages[1]["content"]
        [{'type': 'text', 'text': 'select A C'}]
        >>> messages[2]["content"][0]["text"].splitlines()[0]
        'A C currently selected'
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        _multiref(self)
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
        env = _multiref(self)
        messages: Chats = []
        selected: frozenset[int] = frozenset()
        for utterance, action in env.dialogue:
            messages += [_message("user", _view(selected, utterance)), _message("assistant", str(action) or "no click")]
            selected = (selected - action.deselect) | action.select
        messages.append(_message("user", _view(selected, env.utterance)))
        shown: list[dict[str, Any]] = []
        for letter, silhouette in zip(LETTERS, env.atlas.silhouettes(env.game.context.listener_order), strict=False):
            shown.append({"type": "image", "image": Image.fromarray(silhouette).convert("RGB")})
            # Chat templates put the parts together without a space in between.
            shown.append({"type": "text", "text": f"{letter}\n"})
        messages[0]["content"][:0] = shown
        return messages


class Chat(spaces.Space[Chats]):
    """The space of conversations: messages of a user and an assistant by turns, the user's first and last.

    A message is `{"role": ..., "content": [part, ...]}`, a part `{"type": "text", "text": str}` or
    `{"type": "image", "image": PIL.Image.Image}`.
    """

    def contains(self, x: Any) -> bool:
        """Returns whether `x` is such a conversation."""
        return (
            isinstance(x, list)
            and len(x) % 2 == 1
            and all(_is_message(message, ("user", "assistant")[i % 2]) for i, message in enumerate(x))
        )

    def sample(self, mask: None = None, probability: None = None) -> Chats:
        """Draws a conversation of one message of letters; a mask has no meaning here."""
        if mask is not None or probability is not None:
            raise ValueError("Chat.sample takes no mask and no probability")
        return [_message("user", "".join(self.np_random.permutation(list(LETTERS))))]

    @property
    def is_np_flattenable(self) -> bool:
        """False: a conversation is no array."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chat)

    def __repr__(self) -> str:
        return "Chat()"


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _view(selected: frozenset[int], utterance: str) -> str:
    letters = " ".join(LETTERS[position] for position in sorted(selected))
    return f"{letters} currently selected\n{utterance}" if letters else f"none is selected\n{utterance}"


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


def _multiref(wrapper: gym.Wrapper[Any, Any, Any, Any]) -> MultiRefEnv:
    env = wrapper.unwrapped
    if not isinstance(env, MultiRefEnv):
        raise ValueError(f"{wrapper.class_name()} wraps MultiRef-v0, not {env}")
    return env
