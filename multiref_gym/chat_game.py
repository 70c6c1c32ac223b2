"""The game for whoever reads messages and writes texts: what the training loops of language models are connected to."""

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
"""Options of the environment in whose place a `ChatGame` has its own."""

_MAKING = Lock()
"""Held while a game is made, so that of many threads that begin at once only one loads what all share."""


class ChatGame:
    """One game at a time, in messages of OpenAI's form.

    The reward of a turn is the feedback that is decoded from what the speaker says next; see `ImplicitReward`. Nothing
    of the game is random but by its seed: games of one seed have the same tangrams, the same targets, and a speaker who
    answers the same to the same actions, so a group of answers to one prompt shares its game.

    A text that is no action, or one that the rules forbid, is a turn in which nothing is clicked:
    `info["invalid_action"]` says why, and the next message tells the model. What else fails, such as a speaker or a
    decoder behind an endpoint, raises: it is never a reward.

    Nothing that was said changes later: a loop appends its own text and the new message to what it has.

    Args:
        decoder: Who decodes the feedback: a registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.
        shown: How the tangrams are shown: in "words"; "tangrams", a picture each; or "board", one picture.
        **options: What else `MultiRefEnv` takes, such as `split`, `speaker`, `tangrams`, `similarity`.

    Attributes:
        messages: All messages so far, with the texts of the model as it wrote them.
        rewards: The reward of each turn so far.

    Raises:
        ValueError: If an option is none of these, or a value is not allowed.

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
                raise UserError(f"{name} is no option of a ChatGame: allowed are {', '.join(allowed)}")
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
        """The sum of the rewards of the game, for a loop that gives one number for all of it.

        If the game was left before its end, each turn that was not taken counts as negative, like one in which nothing
        is clicked: a model that plays badly gains nothing by falling silent.
        """
        left = self.env.game.max_turns - len(self.rewards) if self._running else 0
        return sum(self.rewards) + self._negative * left

    def reset(self, seed: int | None = None) -> list[Message]:
        """Starts a game.

        Args:
            seed: Which game, an int of at least 0; if None, the next one that follows from the last seed.

        Returns:
            The first message: the tangrams, the rules and what the speaker says.

        Raises:
            ValueError: If the seed is none, or a tangram cannot be shown.
            UserError: If the speaker fails.
        """
        self._running = False
        self._env.reset(seed=seed)
        self.messages, self.rewards, self._running = self._form.of(self.env.episode.view), [], True
        return self.messages.copy()

    def step(self, text: str) -> tuple[Message, float, bool, dict[str, Any]]:
        """Takes one turn.

        Args:
            text: What the model wrote.

        Returns:
            The next message; the decoded reward of this turn, 0 for the last one, which nobody replies to; whether the
            game is over, whose message is a closing remark that needs no answer; and more to know: `success`, `turn`,
            `clicks` (all actions as texts), `invalid_action` (why the text was none, or None), `invalid_actions` (how
            many), `true_reward` (1 if this turn won the game), `reward_sum` (of the rewards so far).

        Raises:
            UserError: If no game is running, or the speaker or the decoder fails, which ends the game without a result.
            ValueError: If `text` is none.
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
