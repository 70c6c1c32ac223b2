"""The small listener's network: silhouettes and dialogue in, one score for each of the 1,023 actions out.

    silhouettes -> Vision -> one token a tangram, with what was clicked before  -+
                                                                                 +-> Joint layers -> click scores
    words       -> hashed embeddings -> Text layer -> one token a word ----------+                -> count scores

An action is a non-empty set of clicks. Its energy is the sum of its clicks' scores plus a score for the numbers of
selected and deselected tangrams. One softmax over all non-empty sets gives an exact distribution in which every action
is legal, so there is no sampling in steps and no masking. No token has a letter or a position, so the network treats
all tangrams of the listener alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

COUNTS = 4
"""The different numbers of selects, and of deselects: 0, 1, 2, and 3 or more."""


class SmallConfig(PretrainedConfig):
    """The sizes of the small listener.

    Args:
        width: Width of all tokens.
        heads: Attention heads.
        text_layers: Self-attention layers over the words.
        joint_layers: Layers in which tangrams attend to one another and to the words.
        buckets: Rows of the hashed table of word pieces.
        word_width: Width of that table.
        history: The number of utterances that are read, including the current one.
        max_words: The number of words of an utterance that are read; the rest is cut off.
        image_size: Height and width of a silhouette in pixels.
        vision_width: Width of a silhouette's features.
        sentences: The sentence encoder for the memory of descriptions, "" for no memory.
        greedy: Whether to take the likeliest action instead of a sampled one.
        dropout: Dropout rate on the outputs of the feed-forward networks; on attention it would cost a third of a
            step's time.
    """

    model_type = "multiref-small"

    width: int = 96
    heads: int = 4
    text_layers: int = 1
    joint_layers: int = 2
    buckets: int = 16384
    word_width: int = 64
    history: int = 3
    max_words: int = 32
    image_size: int = 64
    vision_width: int = 192
    sentences: str = ""
    greedy: bool = False
    dropout: float = 0.1


class Batch(NamedTuple):
    """Views as tensors; B views of N tangrams, W words each of D distinct ones.

    Attributes:
        features: The tangrams' visual features, float32 (B, N, vision_width).
        selected: 1 where selected, int64 (B, N).
        clicks: The effect of the last two actions on each tangram, int64 (B, N, 2): 0 none, 1 selected, 2 deselected.
        clicked: 1 if it was clicked in any earlier turn, int64 (B, N).
        recalled: How much earlier descriptions raise its score, float32 (B, N).
        pieces: Rows of the distinct words, int64 (D, PIECES_PER_WORD).
        words: Index of each word among the distinct ones, 0 for padding, int64 (B, W).
        ages: The age of each word in turns, int64 (B, W).
        places: The place of each word in its utterance, int64 (B, W).
    """

    features: Tensor
    selected: Tensor
    clicks: Tensor
    clicked: Tensor
    recalled: Tensor
    pieces: Tensor
    words: Tensor
    ages: Tensor
    places: Tensor


class Residual(nn.Module):
    """Two convolutions that keep the size, with a residual connection and norms before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for _ in range(2):
            self.layers.append(nn.GroupNorm(4, channels))
            self.layers.append(nn.GELU())
            self.layers.append(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """Maps an image (n, channels, size, size) to the same shape."""
        return image + self.layers(image)  # type: ignore[no-any-return]


class Vision(nn.Module):
    """A convolutional encoder of silhouettes."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 32, 5, stride=2, padding=2))
        for narrow, wide in ((32, 64), (64, 128), (128, 128)):
            self.layers.extend([nn.GroupNorm(4, narrow), nn.GELU(), nn.Conv2d(narrow, wide, 3, stride=2, padding=1)])
            self.layers.append(Residual(wide))
        self.layers.extend([nn.GroupNorm(4, 128), nn.GELU(), nn.Conv2d(128, 32, 1), nn.GELU()])
        side = config.image_size // 16
        self.head = nn.Linear(32 * side * side, config.vision_width)
        self.norm = nn.LayerNorm(config.vision_width)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, silhouettes: Tensor) -> Tensor:
        """Maps silhouettes, uint8 (n, size, size), black on white, to features (n, vision_width)."""
        dtype = self.head.weight.dtype
        ink = (1.0 - silhouettes[:, None].to(dtype) / 255.0).to(memory_format=torch.channels_last)
        features: Tensor = self.norm(self.head(self.layers(ink).to(dtype).flatten(1)))
        return features


class Attention(nn.Module):
    """Multi-head attention of `queries` to `keys`, with a residual connection and a norm before."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.width)
        self.q_proj = nn.Linear(config.width, config.width)
        self.k_proj = nn.Linear(config.width, config.width)
        self.v_proj = nn.Linear(config.width, config.width)
        self.o_proj = nn.Linear(config.width, config.width)

    def forward(self, queries: Tensor, keys: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Attends; `keys` None is self-attention; `mask` bool (B, K) is True for visible keys."""
        normed = self.norm(queries)
        keys = normed if keys is None else keys
        q, k, v = (
            projection(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, tokens in ((self.q_proj, normed), (self.k_proj, keys), (self.v_proj, keys))
        )
        mask = None if mask is None else mask[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, mask)
        output: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return queries + output


class FeedForward(nn.Module):
    """A two-layer perceptron on each token, with a residual connection and a norm before."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.up_proj = nn.Linear(config.width, 2 * config.width)
        self.down_proj = nn.Linear(2 * config.width, config.width)
        self.dropout = config.dropout

    def forward(self, tokens: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Maps tokens (B, T, width) to the same shape; in training `noise` seeds the dropout."""
        added: Tensor = self.down_proj(F.gelu(self.up_proj(self.norm(tokens))))
        if self.training:
            added = added * torch.empty_like(added).bernoulli_(1 - self.dropout, generator=noise) / (1 - self.dropout)
        return tokens + added


class TextLayer(nn.Module):
    """Words attend to one another."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.attend_words = Attention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, words: Tensor, mask: Tensor, noise: torch.Generator | None) -> Tensor:
        """Maps words (B, W, width), with a mask (B, W) of real words, to the same shape."""
        return self.feed_forward(self.attend_words(words, mask=mask), noise)  # type: ignore[no-any-return]


class JointLayer(nn.Module):
    """Tangrams attend to one another, then to the words."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.attend_tangrams = Attention(config)
        self.attend_words = Attention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, tangrams: Tensor, words: Tensor, mask: Tensor, noise: torch.Generator | None) -> Tensor:
        """Maps tangram tokens (B, T, width) to the same shape, given words (B, W, width) and their mask."""
        tangrams = self.attend_words(self.attend_tangrams(tangrams), words, mask)
        return self.feed_forward(tangrams, noise)  # type: ignore[no-any-return]


class SmallModel(PreTrainedModel):
    """Scores every action of every view."""

    config_class = SmallConfig
    base_model_prefix = "small"

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        width = config.width
        self.vision = Vision(config)
        self.pieces = nn.Embedding(config.buckets, config.word_width, padding_idx=0)
        self.word_proj = nn.Linear(config.word_width, width)
        self.ages = nn.Embedding(config.history, width)
        self.places = nn.Embedding(config.max_words, width)
        self.text_layers = nn.ModuleList(TextLayer(config) for _ in range(config.text_layers))
        self.text_norm = nn.LayerNorm(width)
        self.tangram_proj = nn.Linear(config.vision_width, width)
        self.selected = nn.Embedding(2, width)
        self.last_click = nn.Embedding(3, width)
        self.click_before = nn.Embedding(3, width)
        self.clicked = nn.Embedding(2, width)
        self.board = nn.Parameter(torch.empty(width))
        self.joint_layers = nn.ModuleList(JointLayer(config) for _ in range(config.joint_layers))
        self.joint_norm = nn.LayerNorm(width)
        self.click_head = nn.Linear(width, 1)
        self.count_head = nn.Linear(width, COUNTS * COUNTS)
        self.word_weight = nn.Linear(width, 1)
        self.word_query = nn.Linear(width, width)
        self.tangram_key = nn.Linear(config.vision_width, width)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx])
        elif isinstance(module, SmallModel):
            nn.init.normal_(module.board, std=0.1)

    def forward(self, batch: Batch, noise: torch.Generator | None = None) -> Tensor:
        """Returns the log-probability of every action (B, 2**N - 1), float64 if the weights are, else float32.

        Action number k - 1 clicks the positions of the set bits of k.
        """
        there = batch.words > 0
        there[:, 0] = True  # attention needs a key even if nothing was said
        pieces = self.pieces(batch.pieces)
        spelled = (batch.pieces[:, 1:] > 0).sum(1, keepdim=True).clamp(min=1)
        distinct = self.word_proj(pieces[:, 0] + pieces[:, 1:].sum(1) / spelled)
        words = distinct[batch.words] + self.ages(batch.ages) + self.places(batch.places)
        for layer in self.text_layers:
            words = layer(words, there, noise)
        words = self.text_norm(words)

        tangrams = (
            self.tangram_proj(batch.features)
            + self.selected(batch.selected)
            + self.last_click(batch.clicks[..., 0])
            + self.click_before(batch.clicks[..., 1])
            + self.clicked(batch.clicked)
        )
        tokens = torch.cat([self.board.expand(len(tangrams), 1, -1), tangrams], dim=1)
        for layer in self.joint_layers:
            tokens = layer(tokens, words, there, noise)
        tokens = self.joint_norm(tokens)

        # A direct match of words and images, beside the joint layers, lets new words be learned from fewer examples.
        now = there & (batch.ages == 0)
        now[:, 0] = True
        weight = self.word_weight(words).squeeze(-1).masked_fill(~now, -torch.inf).softmax(-1)
        query = self.word_query(torch.einsum("bw,bwd->bd", weight, words))
        match = torch.einsum("bd,bnd->bn", query, self.tangram_key(batch.features)) / math.sqrt(query.shape[-1])
        clicks = self.click_head(tokens[:, 1:]).squeeze(-1) + match
        # Speakers describe only tangrams to select; they point at those to deselect.
        clicks = clicks + batch.recalled.to(clicks.dtype) * (1 - batch.selected)
        return self._over_actions(clicks, self.count_head(tokens[:, 0]), batch.selected)

    @staticmethod
    def _over_actions(clicks: Tensor, counts: Tensor, selected: Tensor) -> Tensor:
        """Normalises click scores (B, N) and count scores (B, COUNTS**2) over all non-empty sets of clicks."""
        tangrams = clicks.shape[1]
        numbers = torch.arange(1, 2**tangrams, device=clicks.device)
        dtype = torch.promote_types(clicks.dtype, torch.float32)
        members = (numbers[:, None] >> torch.arange(tangrams, device=clicks.device) & 1).to(dtype)
        deselects = selected.to(dtype) @ members.T
        selects = members.sum(1) - deselects
        kind = selects.clamp(max=COUNTS - 1) * COUNTS + deselects.clamp(max=COUNTS - 1)
        energy = clicks @ members.T + counts.gather(1, kind.long())
        return energy.to(dtype).log_softmax(-1)
