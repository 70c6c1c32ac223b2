"""A dialogue as a chat for language models: the rules, then utterances and actions by turns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from multiref_gym.game import LETTERS, Action

NO_CLICK = "no click"
"""The chat's words for the empty action, whose canonical text is empty."""

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
"""Special tokens of chat templates: marks of turns, of ends of texts and of images."""

LONGEST_ECHO = 500
"""The most characters of a misunderstood answer that are shown again."""


def rules(context_size: int) -> str:
    """Returns the rules, which a model reads after the tangrams and before the first turn."""
    return RULES.format(count=context_size, last=LETTERS[context_size - 1], no_click=NO_CLICK)


def chat_turns(
    dialogue: Sequence[tuple[str, Action]],
    utterance: str,
    selected: frozenset[int],
    misread: Mapping[int, tuple[str, str]] | None = None,
) -> list[str]:
    r"""Returns the messages of a user and an assistant by turns; the user speaks first and last.

    The user states the selection and, on the next line, the speaker's utterance; the assistant says the action. If an
    answer was not an action, the assistant's message is that answer, and the next user message begins with the reason.
    Special tokens (`MARK`) and line ends are removed from all words, so that nobody can imitate another role.

    Args:
        dialogue: The turns so far: each utterance and its action.
        utterance: The speaker's last utterance.
        selected: The positions that are selected now.
        misread: Answers that were not actions, by turn number: the text, and why it was rejected.

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
    """Replaces each `MARK` in a text. A mark holds no blank, so replacing by a blank creates no new mark."""
    return MARK.sub(instead, text)


def _heard(selected: frozenset[int], utterance: str, reason: str = "") -> str:
    note = f"not understood: {_echo(reason)}\n" if reason else ""
    letters = " ".join(LETTERS[position] for position in sorted(selected))
    state = f"{letters} currently selected" if letters else "none is selected"
    return f"{note}{state}\n{' '.join(without_marks(utterance).splitlines())}"


def _echo(answer: str) -> str:
    """Returns a model's answer in a form that is safe to show: shortened, printable, without marks."""
    shown = answer[:LONGEST_ECHO] + "…" * (len(answer) > LONGEST_ECHO)
    shown = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in without_marks(shown, "\ufffd"))
    return shown.strip() or "(nothing)"
