"""A feedback decoder fine-tuned from a language model: `multiref tune-decoder` makes one (`tuning.py`).

The model reads an exchange of the game or of any chat, and a short question. In the game it also reads the lexical
decoder's reading of the reply. Tuning fits a low-rank adapter (Hu et al. 2022, arXiv 2106.09685) and a head: a linear
layer that turns the state of the last token into the log-odds that the speaker, or the user, is content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from pydantic import Field, PositiveInt
from safetensors.torch import save_file
from scipy.special import expit
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from multiref_gym.agents.decoders.lexical import feedback_on, read
from multiref_gym.agents.listeners.lm.lora import adapt
from multiref_gym.agents.listeners.lm.prompt import padded
from multiref_gym.agents.listeners.weights import UNLOADABLE, pretrained, read_weights
from multiref_gym.agents.marks import guard
from multiref_gym.checking import read_json
from multiref_gym.conversation import ChatExchange, Verdict, shortened
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.files import write_json

SETTINGS, WEIGHTS = "tuned.json", "tuned.safetensors"
"""The files in the folder of a decoder."""

LONGEST, SHORTEST = 400, 25
"""The most characters of a message that are shown, and the smallest length that messages are cut to."""
BATCH = 16
"""The number of texts that are read at once."""


@dataclass(frozen=True, slots=True)
class TunedConfig:
    """What a decoder was tuned from, and how: `tuned.json` in its folder.

    Attributes:
        model: The folder of the language model, or its id on the Hugging Face hub.
        rank: The rank of the adapter.
        made: How the decoder was made, and its figures on simulated replies that were held back.
    """

    model: Annotated[str, Field(min_length=1)]
    rank: PositiveInt
    made: dict[str, Any] = field(default_factory=dict)

    __pydantic_config__: ClassVar = {"extra": "forbid"}


class Judge(nn.Module):
    """A language model with an adapter and a head, which judges exchanges.

    Args:
        model: The folder of the model, or its id on the hub. Its own weights do not change.
        rank: The rank of the adapter. The adapter and the head are new, so they have learned nothing.

    Attributes:
        head: Turns the state of the last token into the log-odds of a positive.

    Raises:
        UserError: If the model cannot be loaded, or has no linear layers.
    """

    def __init__(self, model: str, rank: int) -> None:
        super().__init__()
        self._last: tuple[list[Exchange | ChatExchange], tuple[Tensor, list[bool]]] | None = None
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
            base = pretrained(AutoModelForCausalLM, model, dtype="float32").get_decoder()
        except UNLOADABLE as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"cannot load the language model {model!r}: {reason}") from error
        base.requires_grad_(False)
        layers = [name for name, module in base.named_modules() if isinstance(module, nn.Linear)]
        if not layers:
            raise UserError(f"the language model {model!r} has no linear layers for an adapter")
        self._limit = getattr(base.config, "max_position_embeddings", None)
        self._plain = guard(self._tokenizer)
        self._body = adapt(base, layers, rank=rank, alpha=2 * rank, dropout=0.0, dora=False)
        self.head = nn.Linear(base.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to("cuda" if torch.cuda.is_available() else "cpu")

    def tokens(self, exchange: Exchange | ChatExchange) -> tuple[list[int], bool]:
        """Returns the tokens of an exchange as the model reads it, and whether its words had to be cut.

        Words that would be marks of the model's template are left out; see `multiref_gym.agents.marks`.

        Raises:
            UserError: If the model's limit is too small for any exchange.
        """
        longest = LONGEST
        while True:
            text, cut = _shown(exchange, self._plain, longest)
            tokens: list[int] = self._tokenizer(text).input_ids
            if self._limit is None or len(tokens) <= self._limit:
                return tokens, cut
            longest //= 2
            if longest < SHORTEST:
                raise UserError(
                    f"the language model reads only {self._limit} tokens, which are too few for an exchange"
                )

    def states(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Returns the state of the last token of each text, float32 (texts, hidden size)."""
        # Padding is on the right, where no token of the text sees it.
        tokens, _ = padded(texts, 0)
        device = self.head.weight.device
        states = self._body(input_ids=tokens.to(device), use_cache=False).last_hidden_state
        last = torch.tensor([len(text) - 1 for text in texts], device=device)
        found: Tensor = states[torch.arange(len(texts), device=device), last]
        return found

    def forward(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Returns the log-odds that each text ends in a positive, float32 (texts,)."""
        return self.head(self.states(texts))[:, 0]  # type: ignore[no-any-return]

    @torch.inference_mode()
    def read(
        self, exchanges: Sequence[Exchange | ChatExchange], report: Callable[[int], None] = lambda done: None
    ) -> tuple[Tensor, list[bool]]:
        """Reads exchanges for decoding, without gradients.

        The last result is kept until training begins, because callers often want both feedback and probabilities of
        the same exchanges.

        Args:
            exchanges: The exchanges.
            report: Called with the number of exchanges read so far.

        Returns:
            The state of the last token of each exchange, float32 (exchanges, hidden size) on the CPU, and whether its
            words had to be cut.

        Raises:
            UserError: If the model's limit is too small for any exchange.
        """
        last = self._last  # read once, because another thread may replace it
        if last is not None and last[0] == exchanges:
            return last[1]
        tokens = [self.tokens(exchange) for exchange in exchanges]
        states = torch.zeros(len(tokens), self.head.in_features)
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row][0]))  # a batch is padded to its longest
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            states[rows] = self.states([tokens[row][0] for row in rows]).cpu()
            report(first + len(rows))
        result = states, [cut for _, cut in tokens]
        self._last = list(exchanges), result
        return result

    def train(self, mode: bool = True) -> Self:
        """Sets training or evaluation mode, as `nn.Module` does, and forgets the last result of `read`."""
        self._last = None
        return super().train(mode)

    def learned(self) -> dict[str, Tensor]:
        """Returns all learned weights by name: those of the adapter and of the head."""
        head = {f"head.{name}": values for name, values in self.head.state_dict().items()}
        return {**get_peft_model_state_dict(self._body, save_embedding_layers=False), **head}

    def set_learned(self, weights: dict[str, Tensor]) -> None:
        """Replaces the learned weights by others of the same names and shapes; see `learned`."""
        of_head = {name.removeprefix("head."): v for name, v in weights.items() if name.startswith("head.")}
        self.head.load_state_dict(of_head)
        set_peft_model_state_dict(self._body, {n: v for n, v in weights.items() if not n.startswith("head.")})


@torch.inference_mode()
def log_odds(head: nn.Linear, states: Tensor) -> NDArray[np.float64]:
    """Returns a head's log-odds of a positive, float64 (states,).

    Args:
        head: The head of a `Judge`.
        states: float32 (states, hidden size); see `Judge.read`.
    """
    found: NDArray[np.float64] = head(states.to(head.weight.device))[:, 0].double().cpu().numpy()
    return found


class TunedDecoder:
    """Decodes feedback by a language model that was tuned for it, in the game and in chats.

    An action without clicks is negative, as for the other decoders.

    Args:
        judge: Judges exchanges.
        ternary: Whether to return neutral. In the game, an action is neutral if it is not positive and both selects and
            deselects, as for the other decoders. In chats, an answer is neutral if neither positive nor negative is
            twice as likely as the other.
    """

    def __init__(self, judge: Judge, ternary: bool = False) -> None:
        self.judge, self._ternary = judge, ternary

    @classmethod
    def load(cls, folder: str, ternary: bool = False) -> Self:
        """Loads the decoder in a folder that `multiref tune-decoder` made.

        Raises:
            UserError: If there is no decoder, it is damaged, or the model that it was tuned from cannot be loaded.
        """
        return cls(_loaded(folder), ternary)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the probability that each action was entirely right, float64 (exchanges,); 0 for one without clicks.

        Raises:
            UserError: If the model's limit is too small for any exchange.
        """
        clicked = np.array([bool(exchange.action.clicks) for exchange in exchanges], bool)
        likely, _ = self._read(exchanges)
        return np.where(clicked, likely, 0.0)

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback of each reply on the action before it, in order; see `probabilities` for the errors."""
        accepted = (self.probabilities(exchanges) >= 0.5).tolist()
        return [
            feedback_on(exchange.action, good, read(exchange), self._ternary)
            for exchange, good in zip(exchanges, accepted, strict=True)
        ]

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> list[Verdict]:
        """Returns a verdict on each answer of a chat, in order; see `probabilities` for the errors."""
        likely, cut = self._read(exchanges)
        return [Verdict(self._feedback(p), p, was_cut) for p, was_cut in zip(likely.tolist(), cut, strict=True)]

    def _read(self, exchanges: Sequence[Exchange | ChatExchange]) -> tuple[NDArray[np.float64], list[bool]]:
        """Returns the probability of a positive for each exchange, float64 (exchanges,), and whether words were cut."""
        states, cut = self.judge.read(exchanges)
        likely: NDArray[np.float64] = expit(log_odds(self.judge.head, states))
        return likely, cut

    def _feedback(self, probability: float) -> Feedback:
        if self._ternary and 1 / 3 < probability < 2 / 3:
            return Feedback.NEUTRAL
        return Feedback.POSITIVE if probability >= 0.5 else Feedback.NEGATIVE


@lru_cache(maxsize=1)
def _loaded(folder: str) -> Judge:
    """Returns the judge in a folder, which the binary and the ternary form of the decoder share."""
    config = read_json(TunedConfig, Path(folder) / SETTINGS)
    judge = Judge(config.model, config.rank)
    judge.set_learned(read_weights(Path(folder) / WEIGHTS, judge.learned(), f"the model that {SETTINGS} names"))
    return judge.eval()


def write(folder: Path, judge: Judge, config: TunedConfig) -> None:
    """Writes a decoder to a new folder."""
    folder.mkdir()
    save_file({name: values.contiguous().cpu() for name, values in judge.learned().items()}, folder / WEIGHTS)
    write_json(folder / SETTINGS, asdict(config), indent=1)


def _shown(exchange: Exchange | ChatExchange, plain: Callable[[str], str], longest: int) -> tuple[str, bool]:
    """Returns an exchange as text that ends in a question, and whether words were cut."""
    match exchange:
        case Exchange():
            author, other = "Speaker", "Listener"
            messages = [exchange.utterance, str(exchange.action), exchange.reply]
            rules = [f"By rules: {read(exchange).name.lower().replace('_', ' ')}"]
        case ChatExchange():
            author, other = "User", "Assistant"
            messages = [exchange.request, exchange.answer, exchange.reply]
            rules = []  # the rules of the lexical decoder were made for the game
    # On one line each, so that the words cannot look like another turn.
    lines = [" ".join(plain(words).split()) for words in messages]
    turns = [f"{name}: {shortened(line, longest)}" for name, line in zip((author, other, author), lines, strict=True)]
    return "\n".join([*turns, *rules, f"Is the {author.lower()} content?"]), any(len(line) > longest for line in lines)
