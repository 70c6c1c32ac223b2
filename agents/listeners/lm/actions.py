"""Actions as token sequences: exactly the legal actions, with probabilities that add up to one.

Each word of an action has one spelling, so each action is one sequence of tokens. Together they form a trie. At each
node, the model chooses among the tokens that lead on, by their logits alone. So every sampled sequence is a legal
action, and the probability of an action is the product over its nodes. A regular expression over letters would not
work, because many token sequences spell the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from multiref_gym.game import LETTERS, Action


class Choice(NamedTuple):
    """A step of an action with more than one allowed token.

    Attributes:
        step: The number of tokens before it.
        allowed: The allowed tokens.
        chosen: The place of the chosen one among them.
    """

    step: int
    allowed: tuple[int, ...]
    chosen: int


class Answer(NamedTuple):
    """An action as tokens.

    Attributes:
        tokens: All tokens, including the end.
        choices: The steps with more than one allowed token.
    """

    tokens: tuple[int, ...]
    choices: tuple[Choice, ...]


class Spelling(NamedTuple):
    """A model's tokens for the words of actions.

    Attributes:
        first: The tokens of a verb that begins an action.
        later: The tokens of a verb or a letter in another place.
        end: The token that ends an action.
    """

    first: Mapping[str, tuple[int, ...]]
    later: Mapping[str, tuple[int, ...]]
    end: int

    def tokens(self, action: Action) -> tuple[int, ...]:
        """Returns the tokens of an action."""
        verb, *words = str(action).split()
        return (*self.first[verb], *(token for word in words for token in self.later[word]), self.end)


class _Written(NamedTuple):
    """An unfinished action, up to the end of a word."""

    verb: str = ""
    clicks: frozenset[int] = frozenset()
    last: int = -1
    """The position clicked last since the verb."""
    ended: bool = False


class ActionTrie:
    """The token sequences of all non-empty actions for a selection; nodes are made when they are reached.

    Args:
        selected: The selected positions.
        tangrams: The number of tangrams.
        spelling: The tokens of the words.
    """

    START = 0
    """The node where nothing is written yet."""

    def __init__(self, selected: frozenset[int], tangrams: int, spelling: Spelling) -> None:
        self._selected, self._spelling = selected, spelling
        free = [position for position in range(tangrams) if position not in selected]
        self._positions = {"deselect": sorted(selected), "select": free}
        # For each node, the words that may be under way: the rest of each, and the action with it.
        self._under_way = [[*self._following(_Written())]]
        self._next: list[dict[int, int] | None] = [None]

    def allowed(self, node: int) -> tuple[int, ...]:
        """Returns the tokens that lead on from a node; none if an action ends there."""
        return tuple(self._steps(node))

    def step(self, node: int, token: int) -> int:
        """Returns the node that a token leads to. Raises KeyError if it is not allowed."""
        return self._steps(node)[token]

    def action(self, node: int) -> Action:
        """Returns the action that ends at a node."""
        ((_, written),) = self._under_way[node]
        return Action.clicking(written.clicks, self._selected)

    def answer(self, action: Action) -> Answer:
        """Returns an action as tokens and choices. Raises KeyError if it is illegal."""
        tokens = self._spelling.tokens(action)
        node, choices = self.START, []
        for step, token in enumerate(tokens):
            allowed = self.allowed(node)
            node = self.step(node, token)
            if len(allowed) > 1:
                choices.append(Choice(step, allowed, allowed.index(token)))
        return Answer(tokens, tuple(choices))

    @property
    def actions(self) -> list[Action]:
        """All actions, by the number whose binary digits are their clicks."""
        size = sum(map(len, self._positions.values()))
        clicks = ([i for i in range(size) if number >> i & 1] for number in range(1, 2**size))
        return [Action.clicking(positions, self._selected) for positions in clicks]

    @property
    def longest(self) -> int:
        """The number of tokens of the longest action, which clicks everything."""
        everything = [position for positions in self._positions.values() for position in positions]
        return len(self._spelling.tokens(Action.clicking(everything, self._selected)))

    def _steps(self, node: int) -> dict[int, int]:
        steps = self._next[node]
        if steps is None:
            led: dict[int, list[tuple[tuple[int, ...], _Written]]] = {}
            for (token, *rest), written in (word for word in self._under_way[node] if word[0]):
                following = [(tuple(rest), written)] if rest or written.ended else self._following(written)
                led.setdefault(token, []).extend(following)
            steps = self._next[node] = dict(zip(led, range(len(self._next), len(self._next) + len(led)), strict=True))
            self._under_way += led.values()
            self._next += [None] * len(led)
        return steps

    def _following(self, written: _Written) -> list[tuple[tuple[int, ...], _Written]]:
        """Returns the tokens of each possible next word, with the action after it."""
        verb, clicks, last, _ = written
        if not verb:
            return [(self._spelling.first[v], _Written(v)) for v, positions in self._positions.items() if positions]
        words = [
            (self._spelling.later[LETTERS[position]], _Written(verb, clicks | {position}, position))
            for position in self._positions[verb]
            if position > last
        ]
        if clicks and verb == "deselect" and self._positions["select"]:
            words.append((self._spelling.later["select"], _Written("select", clicks)))
        if last >= 0:
            words.append(((self._spelling.end,), _Written(verb, clicks, last, ended=True)))
        return words


def among(logits: Tensor, places: Sequence[tuple[int, ...]], allowed: Sequence[Sequence[int]]) -> Tensor:
    """Returns the log-probabilities of the allowed tokens at some places, normalised over these tokens only.

    Args:
        logits: A language model's logits, (..., vocabulary).
        places: Indices into all but the last dimension.
        allowed: The allowed tokens at each place.

    Returns:
        float32 (places, most allowed tokens), with -inf where a place has fewer.
    """
    width = max(map(len, allowed))
    tokens = torch.tensor([[*row, *[row[0]] * (width - len(row))] for row in allowed], device=logits.device)
    beyond = torch.tensor([[False] * len(row) + [True] * (width - len(row)) for row in allowed], device=logits.device)
    index = [torch.tensor(part, device=logits.device)[:, None] for part in zip(*places, strict=True)]
    return logits[(*index, tokens)].float().masked_fill(beyond, -torch.inf).log_softmax(1)


def score_answers(logits: Tensor, answers: Sequence[Answer]) -> tuple[Tensor, Tensor]:
    """Returns the log-probability of answers, and the sum over steps of the mean over the allowed tokens.

    Args:
        logits: The model's logits for the answers, (answers, steps, vocabulary), each step's for its token.
        answers: The answers.

    Returns:
        Two tensors float32 (answers,).
    """
    log_prob, mean = torch.zeros(2, len(answers), device=logits.device).unbind()
    steps = [(row, choice) for row, answer in enumerate(answers) for choice in answer.choices]
    if not steps:
        return log_prob, mean
    found = among(logits, [(row, choice.step) for row, choice in steps], [choice.allowed for _, choice in steps])
    rows = torch.tensor([row for row, _ in steps], device=logits.device)
    chosen = torch.tensor([choice.chosen for _, choice in steps], device=logits.device)
    count = torch.tensor([len(choice.allowed) for _, choice in steps], device=logits.device)
    allowed = torch.arange(found.shape[1], device=logits.device) < count[:, None]
    means = found.where(allowed, 0.0).sum(1) / count
    return log_prob.index_add(0, rows, found.gather(1, chosen[:, None]).squeeze(1)), mean.index_add(0, rows, means)
