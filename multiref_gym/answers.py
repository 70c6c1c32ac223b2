"""Reads the action in a text that a listener wrote, be it a model or a person, if its meaning is certain.

The reader ignores what surrounds an action: a label ("Action:"), Markdown, a code fence, JSON, tags, finished thoughts,
end-of-turn marks. It also ignores case, commas and "and", and joins lines that together say one action. If the meaning
is not certain, the whole text is rejected and no part of it is used: two different actions, a sentence that mentions
letters, an answer that was cut off.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile

from multiref_gym.chat import NO_CLICK, without_marks
from multiref_gym.game import CONTEXT_SIZE, LETTERS, Action, InvalidAction

# These patterns see lower-case text. The time of each is at most proportional to the length of the text.
_ENDS_TURN = re.compile(
    r"<\|(?:im_end|return|e(?:nd|o)(?![^<>|]*(?:header|role|thought))[^<>|]*)\|>"
    r"|</s>|<eos>|<end_of_(?:turn|utterance)>|<turn\|>"
)
_THINK = r"(?:\w+:|ant)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|rationale|reflection|analysis|plan|scratchpad)>"
_THOUGHT = re.compile(
    rf"(?P<ends></{_THINK}|\[/think]|◁/think▷|<\|channel\|>final(?=<))|<{_THINK}|\[think]|◁think▷|<\|channel\|>",
    re.IGNORECASE,
)
_FENCE = re.compile(r"(?:`{3,}|~{3,})(?:[\w+-]+(?=\s*\n))?")
_NAME = r"(?:answer|actions?|response|reply|output|decision|choice|move|command|result|listener|assistant)"
_TAG = re.compile(
    rf"<(?P<ends>/?)(?:(?P<answer>(?:final[_ -]?)?{_NAME})"
    r"|(?P<inline>(?:a|b|code|em|font|i|kbd|mark|small|span|strong|u)(?: [^<>\n]*)?)|[a-z][\w:-]*(?: [^<>\n]*)?/?)>"
)
_STRUCK_OUT = re.compile(r"~~|<(?:del|strike)>")
_LATEX = re.compile(r"\\(?:(?:boxed|fbox|text[a-z]{0,6}|math[a-z]{2}|quad)\b|[()\[\] ,;_*\"])")
# Emoji are decoration, except those that say no or ask, and unticked boxes.
_SAYING, _TINTS = "❌❎✕✖✗✘☒☓🚫⛔🛑👎🙅❓❔🤔🤷🧐☐🔲🔳", "\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_DECORATION = str.maketrans(dict.fromkeys('*_`~"“”„«»「」『』$()[]{}', " ") | {"。": ".", "、": ","})
_BULLET = re.compile(r"^(?:[-+•◦–—#]+ |>+ ?|\d{1,2}\.? )+")
# A gloss on a letter: "A (the swan)", but not "A (or the swan)" or "A (the one like C)".
_GLOSS = re.compile(r"(?<=\b[a-z]) ?\((?:the|an?) (?:(?!(?<!')\b(?:[b-z]|or|not|if)\b)[\w' ,-]){1,60}\)")
_START = r"(?:^|(?<=\n)|(?<=[:=]) |[.,;:!?] ?)"
_LABEL = re.compile(
    rf"{_START}(?:(?:so|thus|therefore),? )?(?:here(?:'s| is) )?(?:(?:my|the) )?"
    rf"(?:(?:final|next|best|chosen|correct) )?(?:{_NAME}|final)"
    r"(?: ?(?:[:=-]?>|[:=→]|[-–—] )| is(?: to)?\b:?)(?: ?(?:->|→|•))?"
)
_REMARK = re.compile(
    rf"\0|{_START}(?:reasons?|reasoning|explanation|rationale|justification|thoughts?|analysis|notes?|confidence|speaker"
    r"|user|human) ?:"
)
_INTERJECTION = (
    r"(?:ok|okay|alright|sure|yes|great|certainly|of course|understood|got it|thanks|thank you|so|thus|therefore|hence"
    r"|please)[,.!]* "
)
_SUBJECT = r"(?:(?:i|we)(?: will|'ll| would|'d| choose to|(?: am|'m| are|'re)(?: going to)?)?|let(?: me|'s| us))"
_SAME = [
    (re.compile(pattern), same)
    for pattern, same in (
        (r"\bno[ -]clicks?\b", "noclick"),
        (r"\b(?:de|un)-?select(?:ing)?\b", "deselect"),
        (r"\bselecting\b", "select"),
        (r"\b(select|deselect) ?:", r"\1"),
        (r" ?\| ?(?=(?:de)?select\b)", "; "),
        (r"(?:\band |[,;] ?)?\b(?:de)?select (?:none\b|nothing\b|n/a\b|[-–—](?=$|\n)),?", ""),
        (rf"(?:^|(?<=\n))(?:{_INTERJECTION}){{1,3}}(?=(?:first|{_SUBJECT}|(?:de)?select)\b)", ""),
        (rf"(?:^|(?<=\n)|(?<=[.,!] ))(?:first|then|next|also|now|finally),? (?=(?:{_SUBJECT}|(?:de)?select)\b)", ""),
        (rf"(?:^|(?<=\n)|(?<=[.!] )){_SUBJECT} (?=(?:de)?select\b)", ""),
        # Not after a letter, which may be an article: "select a tangram".
        (
            r"(select|and|,) (?:the )?(?:tangram|letter|image|picture|figure|shape|option|target)s? ?:?(?= [a-z]\b)",
            r"\1",
        ),
        (r"select both(?= [a-z]\b)", "select"),
    )
]
_TOKEN = re.compile(r"\w+(?:'\w+)*|\.{2,}|[^\w\s']")
_MENTION = re.compile(r"\b(deselect|select(?! a \w\w)) ([a-z])\b")
_VERBS, _JOINS, _ENDS = {"select", "deselect"}, {",", ";", "&", "+", "and", "then"}, {".", "!", "\n"}
_POSITIONS = {letter: position for position, letter in enumerate(LETTERS.lower())}
_WORDS = {*_VERBS, *_JOINS, *_ENDS, *_POSITIONS, "noclick"}


def read_answer(text: str, context_size: int = CONTEXT_SIZE) -> Action:
    r"""Returns the action in a text. `check_action` says whether the rules allow it.

    Args:
        text: Anything that a listener wrote.
        context_size: The number of tangrams; their letters begin at A.

    Raises:
        InvalidAction: If the text is not an action, or its meaning is not certain; the message says why and what is
            allowed.

    Example:
        >>> str(read_answer("The swan has a long neck, so A or C.\n\n**Action:** Select A, and deselect C."))
        'deselect C select A'
        >>> read_answer("select A or C")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        multiref_gym.game.InvalidAction: 'or' in 'select a or c' is no letter of a tangram: allowed is e.g. ...
    """
    try:
        said = without_thoughts(_normal(text))
        if said is None:
            raise _Unclear("the answer was cut off in a thought")
        before, answer, after = _divided(_plain_lines(said))
        # The action is in the last lines: all those that hold only action words.
        lines = [_tokens(line) for line in answer]
        length = len([*takewhile(_WORDS.issuperset, reversed(lines))])
        if not length and len(lines) > 1 and _WORDS.issuperset(lines[0]):
            raise _Unclear(f"{_quoted(lines[-1])} after the action")
        if not length:
            raise _Unclear(_strange(lines[-1]))
        action = _action([token for line in lines[-length:] for token in line], context_size)
        _check_others(before, [*answer[:-length], *after], action, context_size)
    except _Unclear as unclear:
        letters = f"letters A to {LETTERS[context_size - 1]}"
        raise InvalidAction(
            f"{unclear}: allowed is e.g. 'deselect F select G' with {letters}, or '{NO_CLICK}'"
        ) from None
    return action


def without_thoughts(text: str) -> str | None:
    """Returns a model's text without its thoughts, or None if it was cut off in a thought.

    If only the end of a thought is marked, the thought began at the start of the text.
    """
    kept, start, thinking = [], 0, False
    for tag in _THOUGHT.finditer(text):
        if not thinking:
            kept.append(text[start : tag.start()])
        if tag["ends"] and not thinking:
            kept.clear()
        start, thinking = tag.end(), not tag["ends"]
    return None if thinking else "".join([*kept, text[start:]])


class _Unclear(Exception):
    """Says why a text is not an action."""


def _normal(text: str) -> str:
    """Returns the text in lower case, with one form of each letter, and without invisible characters."""
    # Character by character: normalising a whole text takes quadratic time if it has many accents in a row.
    text = re.sub("&(?:nbsp|lt|gt|amp|quot|#39);", lambda entity: html.unescape(entity[0]), text)
    text = text if text.isascii() else "".join(map(_seen, text))
    return text.lower().replace("’", "'").replace("‘", "'").replace("\0", "\ufffd")


@lru_cache(maxsize=1 << 12)
def _seen(char: str) -> str:
    same, category = unicodedata.normalize("NFKC", char), unicodedata.category(char)
    if category == "So" and ("\u2600" <= char <= "\u27bf" or char >= "\U0001f300") and char not in _SAYING:
        return "•"
    return "" if category == "Cf" or char in _TINTS else same if len(same) == 1 else char


def _plain_lines(text: str) -> str:
    r"""Returns the lines without decoration. Fences and tags become labels, and "\0" marks the end of an answer."""
    pieces = _FENCE.split(text)
    if len(pieces) % 2 == 0:
        raise _Unclear("the answer was cut off in a code fence")
    pieces[1::2] = [f"\nanswer:\n{fenced}\0\n" for fenced in pieces[1::2]]
    text = without_marks(_ENDS_TURN.sub("\0", "".join(pieces)), "\n")
    if _STRUCK_OUT.search(text):
        raise _Unclear("something in the answer is struck out")
    tags = [tag["ends"] for tag in _TAG.finditer(text) if tag["answer"]]
    if tags.count("") > tags.count("/") or any(text.count(a) > text.count(b) for a, b in ("()", "[]", "{}")):
        raise _Unclear("the answer was cut off: a tag or a bracket has no end")
    text = _TAG.sub(_plain_tag, text)
    text = _LATEX.sub(" ", _GLOSS.sub("", text.replace("\\n", "\n").replace("[]", " none ")))
    text = re.sub(r"\B'|'\B", " ", text).translate(_DECORATION)
    lines = [_BULLET.sub("", " ".join(line.split())).rstrip(" •") for line in text.splitlines()]
    text = "\n".join(line for line in lines if line.strip("-= "))
    for pattern, same in _SAME:
        text = pattern.sub(same, text)
    return text


def _plain_tag(tag: re.Match[str]) -> str:
    if tag["answer"]:
        return "\0\n" if tag["ends"] else "\nanswer:\n"
    # Text on the line of an action may negate it: "don't <b>select A</b>".
    return " " if tag["inline"] else "\n"


def _divided(text: str) -> tuple[list[str], list[str], list[str]]:
    """Returns the lines before the answer, those of the answer, and those after it."""
    text, before = text.strip(" \n\0"), ""
    labels = [*_LABEL.finditer(text)]
    if labels:
        before, text = _LABEL.sub("\n", text[: labels[-1].start()]), text[labels[-1].end() :].lstrip()
    # Before an answer begins, a seeming remark may be a thought before it.
    begun = labels or re.match(r"(?:(?:de)?select|noclick)\b", text)
    ends = _REMARK.search(text) if begun else re.search("\0", text)
    answer, after = (text[: ends.start()], text[ends.end() :]) if ends else (text, "")
    return re.split("[\n\0]", before), answer.strip(" \n;").split("\n"), re.split("[\n\0]", after)


def _tokens(line: str) -> list[str]:
    return [*_TOKEN.findall(line), "\n"]


def _action(tokens: Iterable[str], context_size: int) -> Action:
    """Returns the action of tokens that are all action words."""
    said = " ".join(tokens)
    words = said.split()
    if not words or _ENDS.issuperset(words):
        raise _Unclear("the answer is empty")
    if set(words) - _ENDS == {"noclick"}:
        return Action()
    if re.search(r"(?:[,;&+]|\b(?:and|then)) i (?:de)?select\b", said):
        raise _Unclear(f"'i' in {_quoted(words)} may be a letter or the pronoun")
    clauses: list[tuple[str, set[int], bool]] = []
    waits = begins = stopped = False
    for token in tokens:
        if token in _VERBS:
            clauses.append((token, set(), begins))
            waits, begins, stopped = True, False, False
        elif token in _JOINS:
            waits = True
        elif token in _ENDS:
            begins, stopped = begins or not waits, stopped or token != "\n"
        elif token == "noclick" or not clauses or stopped:
            raise _Unclear(f"no action in {_quoted(words)}")
        elif _POSITIONS[token] >= context_size:
            raise _Unclear(f"{token.upper()!r} in {_quoted(words)} is no letter of a tangram")
        else:
            clauses[-1][1].add(_POSITIONS[token])
            waits = False
    clicks: dict[str, set[int]] = {}
    for verb, positions, begins in clauses:
        if not positions:
            raise _Unclear(f"nothing to {verb} in {_quoted(words)}")
        if begins and clicks.get(verb, positions) != positions:
            raise _Unclear(f"two different actions in {_quoted(words)}; one is e.g. '{verb} A C'")
        clicks.setdefault(verb, set()).update(positions)
    if waits:
        raise _Unclear(f"{_quoted(words)} was cut off")
    action = Action(*(frozenset(clicks.get(verb, ())) for verb in ("select", "deselect")))
    if both := action.select & action.deselect:
        raise _Unclear(f"{' '.join(LETTERS[i] for i in sorted(both))} both selected and deselected in {_quoted(words)}")
    return action


def _check_others(before: list[str], beside: list[str], action: Action, context_size: int) -> None:
    """Raises _Unclear if another line says a different action, or if an unlabelled line mentions a different click.

    After a verb, a replacement character stands for a click that can no longer be read.
    """
    for line in map(_tokens, before + beside):
        if line[0] in _VERBS and "\ufffd" in line:
            raise _Unclear(f"{_quoted(line)} cannot be read")
        if _WORDS.issuperset(line):
            try:
                other = _action(line, context_size)
            except _Unclear:
                continue
            if other != action:
                raise _Unclear(f"two different actions, one of which is {_quoted(line)}")
    clicks = {"select": action.select, "deselect": action.deselect}
    for verb, letter in _MENTION.findall("\n".join(beside)):
        if _POSITIONS[letter] not in clicks[verb]:
            raise _Unclear(f"'{verb} {letter.upper()}' is mentioned beside the action, which is not labelled 'Action:'")


def _strange(line: list[str]) -> str:
    """Returns what is wrong with a line that holds other words than those of actions."""
    strange = next(token for token in line if token not in _WORDS)
    if _VERBS.isdisjoint(line[: line.index(strange)]):
        return f"no action in {_quoted(line)}"
    return f"{strange[:20]!r} in {_quoted(line)} is no letter of a tangram"


def _quoted(tokens: Iterable[str]) -> str:
    said = " ".join(" ".join(tokens).split()).replace("noclick", NO_CLICK)
    return repr(said if len(said) <= 60 else f"{said[:60]}...")
