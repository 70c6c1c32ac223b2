"""The prompt of a speaker's model, and the utterance in its answer.

The model never sees a letter, a tangram's id or the listener's order, so it cannot reveal any of them. The tangrams are
in two groups, the targets and the others, in an order of this game only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from multiref_gym.answers import without_thoughts
from multiref_gym.chat import without_marks
from multiref_gym.game import Action, Game
from multiref_gym.messages import Part, text_part
from multiref_gym.utterance import as_utterance

RULES = """\
You play a game with another person, the listener, by chat. You both see the same pictures of tangrams, each of you in \
another order. Some of them are your targets, and you alone know which. The game is won as soon as the listener has \
selected all of your targets and nothing else, and lost if that takes too long. You take turns: you write a message, \
then the listener selects pictures or deselects some that are selected.

- Describe one or a few of the targets that are not selected yet: what they look like, in your own words.
- React to what the listener did last: go on if it was right, and if it was wrong say so, ask to deselect what should \
not be selected, or describe the same target in other words.
- Never name a picture by a letter, a number or its place: the listener has the pictures in another order.
- Write one short line, as a person types it. No quotes, no explanation.

This is how you write:
{habits}

"""
ENDING = "\nWrite your next message to the listener, and nothing else.\nYou:"

_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_LABEL = re.compile(
    r"[\W_]*(?:(?:(?:here(?:'s| is)|my|your|the|next|first) )*"
    r"(?:speaker|you|me|user|assistant|message|utterance|answer|reply|response|output|chat)[\s*_]*:[\s*_]*){1,3}",
    re.IGNORECASE,
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“"}
_ADORNED = " \t*_`#>"

_LETTER = re.compile(
    r"\b(?:(?:de|un)-?)?(?:select|click|choose|pick|remove|undo)(?:ed|s|ing)?(?: on)?"
    r"(?:(?: the)?(?: one)?(?: (?:tangram|picture|image|shape|figure|piece|option|letter|number|labelled|labeled|marked"
    r"|called))+)? #?(?:[a-z]|\d{1,2})(?= *(?:[.,;!?&]|$|(?:and|or)\b))",
    re.IGNORECASE,
)
"""A picture named by a letter or a number: "select B", "click on the one labelled C"."""


def prompt(
    game: Game,
    order: Sequence[str],
    dialogue: Sequence[tuple[str, Action | None]],
    habits: str,
    shown: Callable[[Sequence[str]], Sequence[Part]],
) -> list[Part]:
    """Returns the prompt as parts of one message.

    Args:
        game: The game, before the turn.
        order: The ids of its tangrams, in the order of the prompt.
        dialogue: The turns so far: each utterance and its action; None if the listener was not understood.
        habits: The speaker's habits in words.
        shown: Returns one part for each tangram id.
    """
    tangrams, targets = game.context.listener_order, game.context.targets
    looks = dict(zip(order, shown(order), strict=True))
    selected = {tangrams[position] for position in game.selected}

    def listed(ids: Iterable[str], marked: Collection[str], mark: str) -> Iterator[Part]:
        for id in ids:
            yield from (text_part("- "), looks[id], text_part(f" ({mark})\n" if id in marked else "\n"))

    def clicked(positions: Collection[int]) -> list[str]:
        return [id for id in order if id in {tangrams[position] for position in positions}]

    parts = [text_part(RULES.format(habits=habits)), text_part("Your targets:\n")]
    parts += listed([id for id in order if id in targets], selected, "selected")
    parts.append(text_part("\nThe others, which must not be selected:\n"))
    parts += listed([id for id in order if id not in targets], selected, "selected, which is wrong")
    if dialogue:
        lines = [f"You: {utterance}\nThe listener {_done(action, game.targets)}.\n" for utterance, action in dialogue]
        parts.append(text_part("\nWhat was said and done so far:\n" + "".join(lines)))
        last = dialogue[-1][1] or Action()
        for deed, positions in (("selected", last.select), ("deselected", last.deselect)):
            if positions:
                parts.append(text_part(f"\nThe listener has just {deed}:\n"))
                parts += listed(clicked(positions), targets, "your target")
    parts.append(text_part(ENDING))
    return parts


def read_utterance(text: str) -> str:
    """Returns the utterance in a model's text, "" if there is none.

    It is the first line with any words, made valid. Thoughts, marks of chat templates, a label in front ("Speaker:")
    and quotes around it are removed.
    """
    spoken = without_thoughts(text)
    lines = [as_utterance(line) for line in without_marks(spoken or "", "\n").splitlines()]
    lines = [line for line in lines if re.search(r"[^\W_]|[^\x00-\x7f]", line)]
    if len(lines) > 1 and lines[0].endswith(":"):  # "Here is what I would say:"
        lines = lines[1:]
    for line in lines:
        if utterance := _bare(line):
            return utterance
    return ""


def names_letter(utterance: str) -> bool:
    """Whether an utterance names a picture by a letter or a number, which the model must have invented."""
    return bool(_LETTER.search(utterance))


def _bare(line: str) -> str:
    """Returns a line without decoration."""
    bare = line.strip(_ADORNED)
    if label := _LABEL.match(bare):
        bare = bare[label.end() :].strip(_ADORNED)
    while len(bare) > 1 and _QUOTES.get(bare[0]) == bare[-1]:
        bare = bare[1:-1].strip(_ADORNED)
    return bare


def _done(action: Action | None, targets: Collection[int]) -> str:
    """Returns the listener's action in words: how many of its clicks were on targets."""
    if action is None:
        return "did nothing, as it did not understand"
    deeds = []
    for deed, positions in (("selected", action.select), ("deselected", action.deselect)):
        right = len(positions.intersection(targets))
        counts = ((right, "of your targets"), (len(positions) - right, "of the others"))
        if objects := " and ".join(f"{_number(count)} {of}" for count, of in counts if count):
            deeds.append(f"{deed} {objects}")
    return ", and ".join(deeds) or "did nothing"


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else "many"
