"""A dialogue as language models read it: the rules, then by turns what was said and what was done."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from multiref_gym.game import LETTERS, Action

NO_CLICK = "no click"
"""What stands for the empty action, whose canonical text is empty."""

RULES = """\
You are the listener in a game. Above are {count} tangrams with their letters, A to {last}. A speaker describes some \
of them to you, one or a few at a time, and wants those selected and no others: then the game is won. What the speaker \
says may also tell you that your last action was wrong. Each turn you read which tangrams are selected and what the \
speaker says. Answer with your action alone, such as "select A", "select B C", "deselect D" or "deselect D select E". \
Only what is selected can be deselected, and only what is not can be selected. "{no_click}" leaves everything as it is.
"""

MARK = re.compile(
    r"<[|｜][^<>|｜\s]{1,40}[|｜]>|<\|turn>|<turn\|>|</?s>|<(?:bos|eos|pad|unk|eod)>|<(?:start|end)_of_\w{1,20}>"
    r"|\[/?(?:inst|system_prompt|tool_\w{1,10}|available_tools|think|img\w{0,10}|gmask)\]|<</?sys>>"
    r"|</?[\w-]{0,30}(?:image|img|video|audio)[\w-]{0,30}>",
    re.IGNORECASE,
)
"""Marks that chat templates have: of turns, and of the ends of texts and images."""

LONGEST_ECHO = 500
"""How many characters of an answer that was not understood are shown again."""


def rules(context_size: int) -> str:
    """Returns what a model is told before the first turn, after it was shown the tangrams."""
    return RULES.format(count=context_size, last=LETTERS[context_size - 1], no_click=NO_CLICK)


def chat_turns(
    dialogue: Sequence[tuple[str, Action]],
    utterance: str,
    selected: frozenset[int],
    misread: Mapping[int, tuple[str, str]] | None = None,
) -> list[str]:
    r"""Returns what a user and an assistant say by turns, the user first and last.

    The user says what is selected and, on the next line, what the speaker said; the assistant says the action. Where an
    answer was no action the assistant says what it was, and the user says first why it was none. Nobody's words hold
    a `MARK` or the end of a line that would make them look like another's.

    Args:
        dialogue: The turns so far: what was said, and what was done.
        utterance: What the speaker said last.
        selected: The positions that are selected now.
        misread: Answers that were no action, by the number of the turn: what was written, and why it is none.

    Example:
        >>> chat_turns([("the house", Action(frozenset({0, 2})))], "yes, now the bird", frozenset({0, 2}))
        ['none is selected\nthe house', 'select A C', 'A C currently selected\nyes, now the bird']
        >>> chat_turns([("the house", Action())], "what?", frozenset(), {0: ("A?", "no action in 'a ?'")})
        ['none is selected\nthe house', 'A?', "not understood: no action in 'a ?'\nnone is selected\nwhat?"]
    """
    misread = misread or {}
    turns: list[str] = []
    for number, (said, action) in reversed([*enumerate(dialogue)]):
        answer, reason = misread.get(number, ("", ""))
        turns += [_heard(selected, utterance, reason), _echo(answer) if reason else str(action) or NO_CLICK]
        utterance, selected = said, (selected - action.select) | action.deselect
    turns.append(_heard(selected, utterance))
    return turns[::-1]


def without_marks(text: str, instead: str = " ") -> str:
    """Returns a text in which something stands in place of each `MARK`. As none holds a blank, none arises by that."""
    return MARK.sub(instead, text)


def _heard(selected: frozenset[int], utterance: str, reason: str = "") -> str:
    told = f"not understood: {_echo(reason)}\n" if reason else ""
    letters = " ".join(LETTERS[position] for position in sorted(selected))
    state = f"{letters} currently selected" if letters else "none is selected"
    return f"{told}{state}\n{' '.join(without_marks(utterance).splitlines())}"


def _echo(answer: str) -> str:
    """Returns what a model wrote in a form that it can be shown in: no longer than that, printable, without marks."""
    shown = answer[:LONGEST_ECHO] + "…" * (len(answer) > LONGEST_ECHO)
    shown = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in without_marks(shown, "\ufffd"))
    return shown.strip() or "(nothing)"
