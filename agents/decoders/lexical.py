"""A feedback decoder made of word lists: no model, no training, and the floor for every other decoder.

A reply says what it thinks of an action in its first words, mostly. So the opening is searched for words that
reject, then for words that praise; a reply with neither is a negative one if it asks for the action to be undone,
and otherwise the speaker has simply moved on, which is how many people say that all is well.

The difficulty is that the words of rejection also describe tangrams ("the bird with no legs", "not facing left")
and that asking to remove something is no complaint if that something is an older choice ("remove the lamp").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action


def words_of(text: str) -> list[str]:
    """Returns the words in lower case, without punctuation; they keep their apostrophes."""
    return re.findall(r"[a-z0-9']+", text.lower())


# How many words are the opening of a reply.
OPENING = 4

# Words that reject the action wherever they stand in the opening.
REJECTION = frozenset(
    words_of(
        "wrong incorrect nope nah mistake mistaken error oops whoops instead neither bad false again meant reselect"
    )
)

# Words that reject the action wherever they stand, unless praise came first: no tangram looks like them.
REJECTION_ANYWHERE = frozenset(words_of("wrong incorrect undo undue nope oops whoops"))

# Words that reject as the first word only: "close, but ..." against "two squares close together".
NEAR_MISS = frozenset(words_of("close almost nearly"))

# Words that reject as the first word or after one of BEFORE_NEGATION: "but no", "that is not it" against
# "a bird with no legs", "an arrow not facing left".
NEGATION = frozenset(words_of("no not don't dont isn't isnt aren't arent wasn't wasnt ain't aint"))
BEFORE_NEGATION = frozenset(
    words_of("""
    but again oh ah uh um hmm sorry still definitely absolutely actually close almost please ok okay do
    is are was it's its that's thats it that this these those they
    """)
)

# Words of praise. "ok" is none of them: it lets pass what is said next, but not a request to undo ("ok, remove that").
PRAISE = frozenset(
    words_of("""
    yes yep yup yeah ya good great correct perfect nice excellent awesome exactly brilliant wonderful fantastic amazing
    super cool bingo done thanks thank keep
    """)
)

# "right" is praise as the first word or after one of these; elsewhere it is a direction.
BEFORE_RIGHT = frozenset(words_of("is are was that's thats it's its all you're yes absolutely exactly very"))

# Verbs that ask for something to be undone, misspelt (deselct, unslect) or split ("de-select", "take it back") as well.
UNDO = re.compile(
    r"\b(?:(?:de|un|dis)[- ]?(?:s\w{0,4}l\w*t|click|pick|check|choose|mark|highlight|do|due)|remove|delete|clear|cancel"
    r"|get rid of|(?:take|put) (?:(?:it|this|that|these|those|them|both|the|last|one) )*(?:off|away|out|back))\b"
)

# The action just done is meant if nothing follows the verb, after words of ARTICLE, or nothing but one of ANY_TANGRAM,
# or one of JUST_DONE: "deselect", "remove the shape", "remove the last two" against "remove the shape with a tail".
ARTICLE = frozenset(words_of("please the your my of"))
ANY_TANGRAM = frozenset(words_of("one shape object piece image picture item tangram selection choice"))
JUST_DONE = frozenset(
    words_of("it that this these those them both all everything what last latest previous prior recent")
)

# Where one thing that is asked for ends and another begins.
BOUNDARY = re.compile(r"[.,;:!?]|\b(?:and|then|now|next)\b")


class LexicalDecoder:
    """Decodes feedback by the words of the reply.

    Args:
        ternary: Whether neutral is an answer. A rejected action that deselects one thing and selects another is
            neutral then: people ask for the deselection, and what they reject is the new choice. In the binary
            form it is negative, as the speaker is not content.
    """

    def __init__(self, ternary: bool = False) -> None:
        self.ternary = ternary

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        return [feedback_on(exchange.action, not rejects(exchange.reply), self.ternary) for exchange in exchanges]


def feedback_on(action: Action, accepted: bool, ternary: bool) -> Feedback:
    """Returns the feedback on an action that was accepted or not; see `LexicalDecoder`."""
    # Where nothing was clicked the speaker cannot have moved on: whatever is said asks for it once more.
    if action.clicks and accepted:
        return Feedback.POSITIVE
    return Feedback.NEUTRAL if ternary and action.select and action.deselect else Feedback.NEGATIVE


def rejects(reply: str) -> bool:
    """Whether a reply says that the action before it was not, or not wholly, what the speaker wanted."""
    text = reply.lower().replace("’", "'")
    words = words_of(text)
    opening = [(words[i - 1] if i else "", word) for i, word in enumerate(words[:OPENING])]
    if any(_rejects(before, word) for before, word in opening):
        return True
    if any(_praises(before, word) for before, word in opening):
        return False
    return not REJECTION_ANYWHERE.isdisjoint(words) or _asks_to_undo(text)


def _rejects(before: str, word: str) -> bool:
    if word in NEGATION:
        return not before or before in BEFORE_NEGATION
    return word in REJECTION or (word in NEAR_MISS and not before)


def _praises(before: str, word: str) -> bool:
    if word == "right":
        return not before or before in BEFORE_RIGHT
    return word in PRAISE


def _asks_to_undo(text: str) -> bool:
    """Whether the words ask for the last action, not an older one, to be undone."""
    for verb in UNDO.finditer(text):
        undone = [word for word in words_of(BOUNDARY.split(text[verb.end() :])[0]) if word not in ARTICLE]
        if not undone or undone[0] in JUST_DONE or "just" in undone:
            return True
        if undone[0] in ANY_TANGRAM and len(undone) == 1:
            return True
    return False
