"""A dialogue as language models read it: what is selected and what was said by turns with what was done."""

from __future__ import annotations

from collections.abc import Sequence

from multiref_gym.game import LETTERS, Action

NO_CLICK = "no click"
"""What stands for the empty action, whose canonical text is empty."""


def chat_turns(dialogue: Sequence[tuple[str, Action]], utterance: str, selected: frozenset[int]) -> list[str]:
    r"""Returns what a user and an assistant say by turns, the user first and last.

    The user says what is selected and, on the next line, what the speaker said; the assistant says the action.

    Args:
        dialogue: The turns so far: what was said, and what was done.
        utterance: What the speaker said last.
        selected: The positions that are selected now.

    Example:
        >>> chat_turns([("the house", Action(frozenset({0, 2})))], "yes, now the bird", frozenset({0, 2}))
        ['none is selected\nthe house', 'select A C', 'A C currently selected\nyes, now the bird']
    """
    turns = [_heard(selected, utterance)]
    for said, action in reversed(dialogue):
        selected = (selected - action.select) | action.deselect
        turns += [str(action) or NO_CLICK, _heard(selected, said)]
    return turns[::-1]


def _heard(selected: frozenset[int], utterance: str) -> str:
    letters = " ".join(LETTERS[position] for position in sorted(selected))
    return f"{letters} currently selected\n{utterance}" if letters else f"none is selected\n{utterance}"
