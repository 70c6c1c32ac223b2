"""Actions as a language model writes them: exactly the legal ones, with probabilities that add up to one.

Each non-empty action has one canonical text, and each text one canonical sequence of tokens. Together they are a trie,
and at each of its nodes the model chooses among the tokens that lead on, by their logits alone. What would lead nowhere
has no probability, so every sequence that is sampled is a legal action, and the probability of an action is the product
over its nodes. A regular expression over characters would not do: many sequences of tokens spell the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from multiref_gym.game import Action


class Choice(NamedTuple):
    """A step of an action at which there was something to choose.

    Attributes:
        step: The number of tokens before it.
        allowed: The tokens that could have been written.
        chosen: The place among them of the one that was.
    """

    step: int
    allowed: tuple[int, ...]
    chosen: int


class Answer(NamedTuple):
    """An action as tokens.

    Attributes:
        tokens: All of them, the end included.
        choices: The steps that more than one action could have taken.
    """

    tokens: tuple[int, ...]
    choices: tuple[Choice, ...]


class ActionTrie:
    """The token sequences of all actions; node 0 is the start.

    Args:
        spelled: The tokens of each action. No sequence is the beginning of another one, so each ends in a token that
            stands nowhere else.
    """

    def __init__(self, spelled: Mapping[Action, Sequence[int]]) -> None:
        self._next: list[dict[int, int]] = [{}]
        self._tokens = {action: tuple(tokens) for action, tokens in spelled.items()}
        self._actions: dict[int, Action] = {}
        for action, tokens in self._tokens.items():
            node = 0
            for token in tokens:
                if token not in self._next[node]:
                    self._next[node][token] = len(self._next)
                    self._next.append({})
                node = self._next[node][token]
            self._actions[node] = action
        if len(self._actions) < len(self._tokens) or any(self._next[node] for node in self._actions):
            raise ValueError("two actions cannot be told apart by their tokens")

    def allowed(self, node: int) -> tuple[int, ...]:
        """Returns the tokens that lead on from a node; none if an action is complete there."""
        return tuple(self._next[node])

    def step(self, node: int, token: int) -> int:
        """Returns the node that a token leads to."""
        return self._next[node][token]

    def action(self, node: int) -> Action:
        """Returns the action that is complete at a node."""
        return self._actions[node]

    def answer(self, action: Action) -> Answer:
        """Returns an action as tokens and choices. Raises KeyError if it is not among the trie's."""
        node, choices = 0, []
        for step, token in enumerate(self._tokens[action]):
            allowed = self.allowed(node)
            if len(allowed) > 1:
                choices.append(Choice(step, allowed, allowed.index(token)))
            node = self.step(node, token)
        return Answer(self._tokens[action], tuple(choices))

    @property
    def longest(self) -> int:
        """The number of tokens of the longest action."""
        return max(map(len, self._tokens.values()))

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions, in the order that they were given in."""
        return tuple(self._tokens)


def among(logits: Tensor, places: Sequence[tuple[int, ...]], allowed: Sequence[Sequence[int]]) -> Tensor:
    """Returns the log-probabilities of the allowed tokens at some places, normalised over them alone.

    Args:
        logits: Of a language model, (..., vocabulary).
        places: Indices into all but the last dimension.
        allowed: The tokens allowed at each place.

    Returns:
        float32 (places, most allowed), and -inf beyond those that are allowed.
    """
    width = max(map(len, allowed))
    tokens = torch.tensor([[*row, *[row[0]] * (width - len(row))] for row in allowed], device=logits.device)
    beyond = torch.tensor([[False] * len(row) + [True] * (width - len(row)) for row in allowed], device=logits.device)
    index = [torch.tensor(part, device=logits.device)[:, None] for part in zip(*places, strict=True)]
    return logits[(*index, tokens)].float().masked_fill(beyond, -torch.inf).log_softmax(1)


def score_answers(logits: Tensor, answers: Sequence[Answer]) -> tuple[Tensor, Tensor]:
    """Returns the log-probability of answers, and the same with the mean over what was allowed at each step.

    Args:
        logits: Of the model when it read the answers, (answers, steps, vocabulary): at each step those of its token.
        answers: The answers.

    Returns:
        Two of float32 (answers,).
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
