"""MULTIREF for verifiers: `vf-eval multiref`.

The game: speaker and listener see the same ten tangrams. Only the speaker knows which three to five of them are the
targets, and describes them turn by turn. The model is the listener, and answers each utterance with an action such as
"deselect F select G". The game is won when exactly the targets are selected, and it ends after ten turns. The speaker's
next utterance shows what it thinks of the last action ("yes, now the ...", "no, undo that"): this is implicit feedback,
and a decoder turns it into the reward of the turn. The targets give no reward.

A task is a game: its seed decides the tangrams, the targets and the speaker, so all rollouts of a task play the same
game. A rollout has

- the reward `implicit`: the sum of the decoded rewards of its turns, each -1, 0 or 1; if a limit ends the rollout
  early, a turn that was not taken counts as -1;
- the metrics `success`, `turns` and `invalid_actions`, for evaluation;
- `trace.info["turn_rewards"]`: the reward of each turn, for trainers that assign credit to turns;
- `trace.info["clicks"]`: each action as it was understood.

A failure of the endpoint, the speaker or the decoder is an error of the rollout, and gives no reward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any, Literal

import aiohttp
import verifiers.v1 as vf
from pydantic import Field, ValidationInfo, field_validator
from verifiers.v1.dialects.chat import message_to_wire

from multiref_gym.chat_game import ChatGame
from multiref_gym.registry import decoder_of, is_language_model, speaker_maker
from multiref_gym.tangrams import load_tangrams


class GameConfig(vf.TasksetConfig):
    """The options of the games; `vf-eval multiref --env.taskset.split dev` sets one of them."""

    split: Literal["train", "dev", "test", "all"] = "train"
    """The part of the tangrams."""
    similarity: float = Field(0.0, ge=0, le=1)
    """How similar the tangrams of a game are, from 0 to 1."""
    tangrams: str = "figures"
    """"figures", or "kilogram:PATH" for KiloGram."""
    shown: Literal["tangrams", "board", "words"] = "words"
    """How the model sees the tangrams: as single pictures, as one picture, or in words."""
    speaker: str = "scripted"
    """The speaker: a speaker of multiref-gym, or "module:attribute"."""
    decoder: str = "lexical"
    """The decoder of the feedback: a decoder of multiref-gym, or "module:attribute"."""
    first_seed: int = Field(0, ge=0)
    """The seed of the first game; the next ones follow."""

    @field_validator("tangrams", "speaker", "decoder")
    @classmethod
    def _is_known(cls, name: str, field: ValidationInfo) -> str:
        """Refuses a wrong name before the first rollout, without loading a model."""
        if field.field_name == "tangrams":
            load_tangrams(name)
        elif field.field_name == "decoder":
            decoder_of(name)
        elif not is_language_model(name):
            speaker_maker(name)
        return name


class GameData(vf.TaskData):
    """A game: its seed, and the arguments of its `ChatGame`."""

    seed: int
    options: dict[str, Any]


class GameTask(vf.Task[GameData]):
    """A game to play."""


class Games(vf.Taskset[GameTask, GameConfig]):
    """Infinitely many games, one for each seed."""

    INFINITE = True

    def load(self) -> Iterator[GameTask]:
        """Yields a task for each game."""
        names = {"split", "similarity", "tangrams", "shown", "speaker", "decoder"}
        options = self.config.model_dump(include=names)
        for seed in count(self.config.first_seed):
            yield GameTask(GameData(name=f"multiref#{seed}", seed=seed, options=options), self.config.task)


class Conversation(vf.HarnessSession):
    """The chat of one game. Each request repeats all messages so far, unchanged, and adds the next one."""

    _http: aiohttp.ClientSession | None = None

    async def _run(self, messages: vf.Messages | None) -> vf.ProgramResult:
        """Asks for one completion, through verifiers, which records the request and the answer."""
        if self._http is None:  # one connection for all turns
            headers = {"Authorization": f"Bearer {self.secret}"}
            self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout())
            system, _ = self.harness.resolve_prompt(self.data)
            self._sent = [{"role": "system", "content": system}] if system else []
        self._sent += map(message_to_wire, messages or [])
        request = {"model": self.ctx.model, "messages": self._sent}
        async with self._http.post(f"{self.endpoint}/chat/completions", json=request) as answer:
            if not answer.ok:
                return vf.ProgramResult(exit_code=1, stdout="", stderr=await answer.text())
            self._sent.append((await answer.json())["choices"][0]["message"])
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")

    async def close(self) -> None:
        """Closes the connection."""
        await super().close()
        if self._http is not None:
            await self._http.close()


class InProcess(vf.Harness[vf.HarnessConfig]):
    """A chat without tools, in this process; the one that ships with verifiers starts a process for each turn."""

    APPENDS_SYSTEM_PROMPT = SUPPORTS_RESUME = True
    EXECUTES_CODE = NEEDS_CONTAINER = False

    async def session(self, *args: Any, **kwargs: Any) -> Conversation:
        """Returns the chat of a game."""
        return Conversation(self, *args, **kwargs)

    async def launch(self, *args: Any, **kwargs: Any) -> vf.ProgramResult:
        """Is never called, because `session` returns the object that runs."""
        raise NotImplementedError


class MultiRefConfig(vf.EnvConfig):
    """The environment's settings: its only agent needs no sandbox, because it runs no code."""

    listener: vf.AgentConfig = vf.AgentConfig(runtime={"type": "subprocess"})


class MultiRef(vf.Env[MultiRefConfig]):
    """Plays a game between a speaker of multiref-gym and the model."""

    async def run(self, task: GameTask, agents: vf.Agents) -> None:
        """Plays the game of a task to its end."""
        game = await asyncio.to_thread(ChatGame, **task.data.options)
        messages = await asyncio.to_thread(game.reset, task.data.seed)
        async with agents.listener.interaction(task) as interaction:
            segment = await interaction.turn(messages)
            over = False
            while not (over or segment.terminated):
                message, _, over, _ = await asyncio.to_thread(game.step, segment.last_reply)
                if not over:
                    segment = await interaction.turn([message])
        trace = interaction.trace
        if trace.ok:
            played = game.env.episode
            metrics = {
                "success": played.game.success,
                "turns": played.game.turn,
                "invalid_actions": played.not_understood,
            }
            trace.record_reward("implicit", game.total_reward)
            trace.record_metrics({name: float(value) for name, value in metrics.items()})
            trace.info |= {"turn_rewards": game.rewards, "clicks": played.clicks}


__all__ = ["Games", "InProcess", "MultiRef"]
