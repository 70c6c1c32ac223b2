"""Tangrams in words, for a text-only model: the same messages that `api` sends with `--shown words`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from multiref_gym.agents.listeners.lm.prompt import ChatForm
from multiref_gym.listener import View
from multiref_gym.messages import Message, Messages
from multiref_gym.tangrams import Atlas, TangramSet

PLAIN = (
    "{% for message in messages %}{{ message['role'].capitalize() + ': ' + message['content'] }}"
    "{{ ((eos_token or '') if message['role'] == 'assistant' else '') + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""The turns of a chat as plain text, for models that have no chat template."""

SIZE = 8
"""The side, in pixels, of tangrams whose pictures are not used."""


class WordForm(ChatForm):
    """A chat whose first message shows the tangrams in words and states the rules.

    Args:
        tokenizer: The model's own, with its chat template; without one the chat is plain text.
        name: The model's name in messages.
        tangrams: The set whose words are read.

    Raises:
        UserError: As in `ChatForm`.
    """

    def __init__(self, tokenizer: Any, name: str, tangrams: TangramSet) -> None:
        self._messages = Messages(Atlas(tangrams, SIZE), "words")
        template = tokenizer.chat_template or PLAIN
        super().__init__(tokenizer, name, partial(tokenizer.apply_chat_template, chat_template=template))

    def messages(self, view: View) -> list[Message]:
        """Returns a view as the chat for the template.

        Raises:
            TangramError: If a tangram has no words.
        """
        dialogue = tuple((self._plain(said), action) for said, action in view.dialogue)
        return self._messages.of(replace(view, dialogue=dialogue, utterance=self._plain(view.utterance)))
