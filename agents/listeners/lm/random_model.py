"""Idefics2 of any size with random weights, and its processor, made without a download: for speed measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics2Config,
    Idefics2ForConditionalGeneration,
    Idefics2Processor,
    MistralConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics2.configuration_idefics2 import Idefics2PerceiverConfig, Idefics2VisionConfig
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

CHAT = (
    "{% for message in messages %}{{ message['role'].capitalize() }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""The form of Idefics2's own template."""

TEXTS = (
    "select A B C D E F G H I J",
    "deselect A B C D E F G H I J select A",
    "none is selected, A B C currently selected",
    "User: the bird with no chimneys, yes good, no undo that, the house Assistant:",
)


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a model; sizes that are not named are the configuration's defaults.

    Attributes:
        text: Sizes of the text model, by default those of Idefics2-8B.
        vision: Sizes of the vision.
        perceiver: Sizes of the part that makes few tokens of an image; `resampler_n_latents` is their number.
        image: Side of the image for the vision, in pixels.
    """

    text: dict[str, Any] = field(default_factory=lambda: {"vocab_size": 32_003})
    vision: dict[str, Any] = field(default_factory=dict)
    perceiver: dict[str, Any] = field(default_factory=dict)
    image: int = 378


def layers(width: int, inner: int, count: int, heads: int) -> dict[str, Any]:
    """Returns the sizes of layers: their number, width, feed-forward width, and heads."""
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": count,
        "num_attention_heads": heads,
    }


def perceiver(width: int, latents: int, heads: int = 2, head_width: int = 8, key_heads: int = 1) -> dict[str, Any]:
    """Returns the sizes of a one-layer perceiver that makes this many tokens of an image."""
    return {
        "hidden_size": width,
        "resampler_n_latents": latents,
        "resampler_depth": 1,
        "resampler_n_heads": heads,
        "resampler_head_dim": head_width,
        "num_key_value_heads": key_heads,
    }


SIZES = {
    "tiny": Size(
        {**layers(32, 64, 2, 4), "num_key_value_heads": 2},
        {**layers(16, 32, 2, 2), "image_size": 28, "patch_size": 7},
        perceiver(32, 4),
        28,
    ),
    "small": Size(
        {**layers(128, 256, 4, 4), "num_key_value_heads": 2},
        {**layers(64, 128, 4, 4), "image_size": 112, "patch_size": 14},
        perceiver(128, 64),
        112,
    ),
    "8b": Size(vision={**layers(1152, 4304, 27, 16), "image_size": 980, "patch_size": 14}),
}
"""The size for tests; one with Idefics2-8B's number of image tokens but few weights; and Idefics2-8B's own."""


def byte_tokenizer(
    *special: str, texts: Iterable[str] = TEXTS, words: int = 400, **named: str
) -> PreTrainedTokenizerFast:
    """Returns a byte-level tokenizer with the words of some texts, special tokens, and named special tokens."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=["<pad>", "<bos>", "</s>", *special, *named.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    raw.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="</s>",
        additional_special_tokens=list(special),
        extra_special_tokens=named,
        padding_side="left",
    )


def random_idefics2(
    size: Size, length: int = 2048, tokenizer: PreTrainedTokenizerFast | None = None
) -> tuple[Idefics2ForConditionalGeneration, Idefics2Processor]:
    """Returns a model that can read `length` tokens, and its processor, by default with a tokenizer of few words.

    The model is made on torch's default device, in its default type, by its global generator.
    """
    perceiver = Idefics2PerceiverConfig(**size.perceiver)
    images = Idefics2ImageProcessorPil(
        size={"shortest_edge": size.image, "longest_edge": size.image}, do_image_splitting=False
    )
    processor = Idefics2Processor(
        images, tokenizer or byte_tokenizer(), image_seq_len=perceiver.resampler_n_latents, chat_template=CHAT
    )
    words: Any = processor.tokenizer
    text = {"vocab_size": len(words), **size.text}
    config = Idefics2Config(
        text_config=MistralConfig(**text, max_position_embeddings=length, pad_token_id=words.pad_token_id),
        vision_config=Idefics2VisionConfig(**size.vision),
        perceiver_config=perceiver,
        image_token_id=processor.image_token_id,
    )
    return Idefics2ForConditionalGeneration(config), processor
