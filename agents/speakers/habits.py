"""A persona's habits in words, for the prompt of a language model."""

from __future__ import annotations

from collections.abc import Iterable

from multiref_gym.simulators.persona import Persona

_HOW_OFTEN = ((0.05, "never"), (0.3, "seldom"), (0.7, "sometimes"), (0.95, "mostly"), (1.0, "always"))
"""Words for rates, each with the highest rate that it covers."""

NOTABLE = 0.1
"""The lowest rate at which a fault of the speaker is mentioned."""


def in_words(persona: Persona) -> str:
    """Returns the habits of a persona as lines of a list.

    These are habits that a model can follow: the detail of descriptions, the form of feedback, and the typing. The
    persona's phrases are given as examples, because it has only a few of each.
    """
    undoes = max(persona.asks_undo, persona.undo_only)
    lines = [
        _at_a_rate(persona.praise, "praise the listener after a good action", persona.praises),
        f"After a bad action you say so{_in_words(persona.corrections)}.",
        _at_a_rate(undoes, "ask to undo what was wrong", persona.undos),
        {1: "You say one thing about a target.", 2: "You say two things about a target."}.get(
            persona.detail, "You say a lot about a target."
        ),
    ]
    if persona.undo_only > 0.5:
        lines.append("When you ask to undo something you say nothing else.")
    if persona.praise < 0.5:
        lines.append("You just go on to the next target when all is well.")
    if any(persona.before_first):
        lines.append(f"You introduce each description{_in_words(persona.before_first)}.")
    if persona.announces > 0.5:
        lines.append("In your first message you say how many targets there are.")
    if persona.numbered:
        lines.append("You count your descriptions: the first, the second and so on.")
    if persona.slip >= NOTABLE:
        lines.append("You often misjudge what the listener did: you praise mistakes and correct what was right.")
    if persona.confuses >= NOTABLE:
        lines.append("You often describe another picture than the one that you mean.")
    lines.append("You begin with a capital letter." if persona.capitals > 0.5 else "You type in lower case.")
    if not any(persona.endings):
        lines.append("You put no full stop at the end.")
    if persona.typos >= 0.03:
        lines.append("You mistype a word now and then.")
    return "\n".join(f"- {line}" for line in lines)


def _at_a_rate(rate: float, deed: str, phrases: Iterable[str]) -> str:
    """Returns how often a speaker does something, with examples of the words unless it never does."""
    often = next(words for most, words in _HOW_OFTEN if rate <= most)
    return f"You {often} {deed}{'' if often == 'never' else _in_words(phrases)}."


def _in_words(phrases: Iterable[str]) -> str:
    """Returns a few of the phrases as examples, "" if there are none."""
    bare = dict.fromkeys(phrase.strip(" .,;!") for phrase in phrases)
    quoted = [f'"{phrase}"' for phrase in bare if phrase][:3]
    return f", for example with {' or '.join(quoted)}" if quoted else ""
