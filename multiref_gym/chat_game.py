"""The game as messages in and texts out, for the training loops of language models."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from threading import Lock
from typing import Any

from multiref_gym.env import MultiRefEnv
from multiref_gym.errors import UserError, require
from multiref_gym.feedback import FeedbackDecoder
from multiref_gym.messages import Message, Messages, Shown
from multiref_gym.wrappers import ImplicitReward, TextAction

_OWN = ("image", "render_mode", "reward")
"""Options of the environment that a `ChatGame` sets itself."""

_MAKING = Lock()
"""Held while a game is made, so that only one of many starting threads loads the shared data."""


class ChatGame:
    """Plays one game at a time, in OpenAI's message format.

    The reward of a turn is the feedback decoded from the speaker's reply; see `ImplicitReward`. Only the seed makes
    games differ: games with the same seed have the same tangrams, the same targets, and a speaker who gives the same
    replies to the same actions. So a group of answers to one prompt shares its game.

    If a text is not an action, or the rules forbid the action, nothing is clicked. The reason is in
    `info["invalid_action"]` and in the next message to the model. Other failures, such as a speaker or a decoder behind
    an endpoint, raise an error; they never become a reward.

    Past messages never change: a loop can append the model's text and the new message to its list.

    Args:
        decoder: Decodes the feedback: a registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.
        shown: How the tangrams are shown: in "words"; "tangrams", a picture each; or "board", one picture.
        **options: Other arguments of `MultiRefEnv`, such as `split`, `speaker`, `tangrams`, `similarity`.

    Attributes:
        messages: All messages so far, with the model's texts as it wrote them.
        rewards: The reward of each turn so far.

    Raises:
        ValueError: If an option is unknown, or a value is not allowed.

    Example:
        >>> from multiref_gym.chat_game import ChatGame
        >>> game = ChatGame(split="dev")
        >>> [message] = game.reset(seed=3)
        >>> message["role"], message["content"].splitlines()[0].partition(":")[0]
        ('user', 'A')
        >>> message, reward, done, info = game.step("**Action:** select C")
        >>> message["content"].splitlines()[0]
        'C currently selected'
        >>> message, reward, done, info = game.step("hm, hard to say")
        >>> reward, info["invalid_action"].partition(":")[0]
        (-1.0, "no action in 'hm , hard to say'")
    """

    def __init__(
        self,
        decoder: str | FeedbackDecoder = "lexical",
        *,
        values: Sequence[float] = (-1.0, 0.0, 1.0),
        shown: Shown = "words",
        **options: Any,
    ) -> None:
        of_env = [name for name in signature(MultiRefEnv).parameters if name not in _OWN]
        allowed = ("decoder", "values", "shown", *of_env)
        for name in options:
            if name not in allowed:
                raise UserError(f"{name} is not an option of ChatGame: allowed are {', '.join(allowed)}")
        with _MAKING:
            self._env = ImplicitReward(TextAction(MultiRefEnv(image=None, **options)), decoder, values)
        self._form, self._negative = Messages(self.env.atlas, shown), float(values[0])
        self.messages: list[Message] = []
        self.rewards: list[float] = []
        self._running = False

    @property
    def env(self) -> MultiRefEnv:
        """The environment of the game. It knows the targets: for evaluation, never for an agent."""
        env = self._env.unwrapped
        assert isinstance(env, MultiRefEnv)
        return env

    @property
    def total_reward(self) -> float:
        """The sum of the rewards of the game, for loops that need one number for a whole game.

        If the game was left before its end, each missing turn counts as negative, like a turn without clicks. So a
        model that plays badly gains nothing by falling silent.
        """
        left = self.env.game.max_turns - len(self.rewards) if self._running else 0
        return sum(self.rewards) + self._negative * left

    def reset(self, seed: int | None = None) -> list[Message]:
        """Starts a game.

        Args:
            seed: An int of at least 0 that picks the game; if None, the next game that follows from the last seed.

        Returns:
            The first message: the tangrams, the rules and the speaker's first utterance.

        Raises:
            ValueError: If the seed is invalid, or a tangram cannot be shown.
            UserError: If the speaker fails.
        """
        self._running = False
        self._env.reset(seed=seed)
        self.messages, self.rewards, self._running = self._form.of(self.env.episode.view), [], True
        return self.messages.copy()

    def step(self, text: str) -> tuple[Message, float, bool, dict[str, Any]]:
        """Takes one turn.

        Args:
            text: The model's text.

        Returns:
            The next message (after the last turn, a closing remark that needs no answer); the decoded reward of this
            turn, 0 for the last turn, which has no reply; whether the game is over; and a dict: `success`, `turn`,
            `clicks` (all actions as texts), `invalid_action` (why the text was not an action, or None),
            `invalid_actions` (their number), `true_reward` (1 if this turn won the game), `reward_sum` (of the rewards
            so far).

        Raises:
            UserError: If no game is running, or if the speaker or the decoder fails; then the game ends without a
                result.
            ValueError: If `text` is not a str.
        """
        if not self._running:
            raise UserError("no game is running: call reset() first")
        require("text", text, "a text", isinstance(text, str))
        self._running = False
        _, reward, over, _, info = self._env.step(text)
        self._running = not over
        message = self._form.last_of(self.env.episode.view)
        self.messages += [{"role": "assistant", "content": text}, message]
        self.rewards.append(float(reward))
        return message, float(reward), over, {"invalid_action": None, **info, "reward_sum": sum(self.rewards)}
