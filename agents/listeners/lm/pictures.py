"""Tangrams in pictures, for a vision-language model: each is an image, followed by its letter."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from multiref_gym.agents.listeners.lm.prompt import ChatForm, Opening
from multiref_gym.chat import chat_turns
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS
from multiref_gym.listener import View
from multiref_gym.messages import Message, text_part


class PictureForm(ChatForm):
    """A chat whose first message shows the tangrams in pictures. All openings with the same number of tangrams have the
    same text.

    Args:
        processor: The model's own: its tokenizer, its chat template, and its image processor.
        name: The model's name in messages.

    Raises:
        UserError: If the processor prepares no images or has no chat template; also as in `ChatForm`.
    """

    def __init__(self, processor: Any, name: str) -> None:
        if not (hasattr(processor, "image_processor") and hasattr(processor, "tokenizer")):
            raise UserError(f"{name} has no processor of images and text: preprocessor_config.json is missing")
        if not getattr(processor, "chat_template", None):
            raise UserError(f"{name} has no chat template: chat_template.jinja is missing")
        if hasattr(processor.image_processor, "do_image_splitting"):
            processor.image_processor.do_image_splitting = False  # a silhouette has no details to be shown in crops
        self._processor = processor
        super().__init__(processor.tokenizer, name, processor.apply_chat_template)

    def messages(self, view: View) -> list[Message]:
        """Returns a view as the chat for the template."""
        dialogue = [(self._plain(said), action) for said, action in view.dialogue]
        turns = chat_turns(dialogue, self._plain(view.utterance), view.selected)
        count = len(view.tangrams)
        shown: list[dict[str, str]] = [{"type": "image"}]
        for letter in LETTERS[: count - 1]:
            shown += [text_part(letter), {"type": "image"}]
        # In one text with the last letter, because some templates trim each text and put nothing between two.
        first = text_part(f"{LETTERS[count - 1]}\n{turns[0]}")
        messages: list[Message] = [{"role": "user", "content": [*shown, first]}]
        for action, heard in zip(turns[1::2], turns[2::2], strict=True):
            messages += [self.message("assistant", action), self.message("user", heard)]
        return messages

    def message(self, role: str, text: str) -> Message:
        """Returns a text as a message of the chat."""
        return {"role": role, "content": [text_part(text)]}

    def image(self, silhouette: np.ndarray) -> dict[str, Tensor]:
        """Returns the vision's inputs for a silhouette, uint8 (size, size), by the name of the argument."""
        return dict(self._processor.image_processor([[_picture(silhouette)]], return_tensors="pt"))

    def _in_text(self, tangrams: tuple[str, ...]) -> tuple[str, ...]:
        return ("",) * len(tangrams)

    def _read_opening(self, tangrams: tuple[str, ...]) -> Opening:
        text, count = self._opening_text(tangrams), len(tangrams)
        blank = [_picture(np.full((64, 64), 255, np.uint8))] * count
        try:
            read = self._processor(text=[text], images=[blank], add_special_tokens=not self._begins(text))
        except ValueError as error:
            raise UserError(f"the chat template of {self.name} does not show {count} images: {error}") from error
        kinds = {name: list(read[name][0]) for name in read if name.endswith("token_type_ids")}
        return Opening(list(read["input_ids"][0]), kinds)


def _picture(silhouette: np.ndarray) -> Image.Image:
    return Image.fromarray(silhouette).convert("RGB")
