r"""Turns what people type into plain words: letters, spellings, punctuation and emoji are read alike by all decoders.

"NOOOO!!!", "n\u200bo" and "nо" with a Cyrillic о are "no"; "worng" is "wrong", but "prong" is not; "un-select",
"take it back" and "dese4lect" are all "deselect".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

STOP = "."
"""The token for any run of punctuation, and for the end of a line."""

SIGNS = {
    "🙂": "🙂😀😃😄😁😊😍🤩❤💚💙💛💜🧡😎🤗🥰😘☺😇💖✨⭐🌟🥇🔥",
    "👍": "👍👌✅✔☑✓💯🎉🎊🙌👏🥳🏆🎯🆗⭕🫡🤝💪🙏",
    "👎": "👎❌✖✗✘❎🚫⛔🙅🛑🤦😡😠🤬😞😟😢😭☹🙁😕😒🙄😤😖😣😩😫😑💔🆖↩🔙😐😶🤔🤷🙃🙈🤨🥴😓😔🥺🤢🤮💩",
}
"""Emoji that judge, by the emoji that replaces them. A smile judges only if no word does."""
_SIGN_OF = {sign: name for name, signs in SIGNS.items() for sign in signs}

EMOTICONS = re.compile(
    r"""(?<!\w)(?:
    (?P<sad> >?[:=;]'?-?[(\[/\\|]+(?!\w) | [)\]]-?[:=](?!\w) | d:(?!\w) | -_+- | t_t | ;_; | >_< | ಠ_ಠ | /s(?!\w) )
    | [:=;]'?-?[)\]dp3]+(?!\w) | \(-?: | \^_?\^ | <3+ | xd\b | \\o/
)""",
    re.VERBOSE,
)
"""Emoticons in lower case, and the mark of irony. The sad ones judge."""
_OF_FACES = re.compile("[:=;_/^<]|xd")
"""Every emoticon has one of these."""

# Letters of other scripts, digits and signs that look like Latin letters.
_LOOKALIKES = str.maketrans("авеікмнорстухуѕјԁԛԝαβεικνορτυχ0134579@$", "abeikmhopctyxysjdqwabeikvoptuxoleasq9as")

_MARKS = "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0e31-\u0e3a\u0e47-\u0e4e"
_IDEOGRAPHS = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u9fff"
_PUNCTUATION = ".,;:!?\n()。、！？，।؟،…—–-"
_LETTER = rf"(?:[^\W_{_IDEOGRAPHS}]|[{_MARKS}])"
_TOKEN = re.compile(rf"[{_IDEOGRAPHS}]|{_LETTER}(?:{_LETTER}|[@$])*|[{''.join(_SIGN_OF)}]|[{re.escape(_PUNCTUATION)}]+")
# The same tokens in ASCII text, in a third of the time.
_ASCII_TOKEN = re.compile(r"[a-z0-9][a-z0-9@$]*|[.,;:!?\n()-]+")
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
_LEFT_OUT = re.compile(r"['’‘`´\x00-\x08\x0e-\x1b\x7f]")
_SPELT_OUT = re.compile(r"(?<![^\W_])[^\W\d_](?:[-. *_][^\W\d_]){1,9}(?![^\W_])")


def set_of(listed: str) -> frozenset[str]:
    """Returns the words of a list as a set."""
    return frozenset(listed.split())


# The object of a request to undo, if it is not a description.
_MEANT = r"""(?:(?:it | this | that | these | those | them | both | all | everything | what[ ](?:you|u)
    | (?:(?:the|your|ur|my)[ ])?(?:very[ ])?
      (?:last|latest|newest|new|previous|prior|most[ ]recent|one|thing|choice|pick|click|selection|move))\b)"""
# Verbs that ask for an undo, also misspelt ("deselct", "unslect") or split ("de-select", "take it back"). Some of them
# count only with an object: "drop it", but not "a drop".
UNDO = re.compile(
    rf"""\b(?:(?:de|un|dis)[- ]?(?:s\w{{0,4}}l\w*t|click|pick|check|choose|mark|highlight|tick|tap|do|due)
    | remov(?:e|ing) | (?:de|un)selecting | undoing | delete | cancel | get[ ]rid[ ]of | revert
    | retract | discard | eliminate | erase
    | (?:clear|drop|ditch|lose|scrap|kill|nix|toss|dump|chuck|bin|trash|yank|kick|reverse|skip|reject|pull
        |withdraw|rescind|subtract|minus|empty|let[ ]go[ ]of|back[ ]out[ ]of|roll[ ]back|turn[ ]off|switch[ ]off)
      (?=[ ]{_MEANT}(?![ ](?:is|looks|has)\b))
    | clear(?=[ ](?:the|my)\b) | (?:scratch|strike|forget)(?=[ ](?:that|this|(?:the|your)[ ]last)[ ](?:one|pick|click))
    | (?<!\bi[ ])(?:take|put|get|throw|kick|pull|toss|leave|turn|switch|make|have|click|tap|toggle|send|bring)
      (?P<object>(?:[ ]{_MEANT}|[ ](?:the|your|ur)[ ]\w+(?:[ ]\w+)?)*)
      [ ](?:off|out|outta|away|(?P<back>back)(?:[ ](?:off|on|out))?|(?:un|de)selected))\b""",
    re.VERBOSE,
)

# Words that are recognised with repeated letters and, from five letters on, with one typing mistake.
SPELT = set_of("""
    no nope nah yes yep yeah yup ok okay good nice great cool right wrong incorrect mistake correct perfect excellent
    exactly awesome amazing brilliant fantastic wonderful almost close nearly oops whoops undo deselect unselect remove
    delete bad not wait sorry keep thanks please done stop
""")
# Those of them that mean "deselect".
_UNDOES = frozenset({"undo", "deselect", "unselect", "remove", "delete"})
_ONLY_STRETCHED = set_of("oops whoops sorry thanks close nearly please done stop wait keep cool yeah okay")
# Words that are one typing mistake away from one of those but mean something else.
_OTHER_WORDS = set_of("""
    wrung wring rights rite ride rig rough grate greet greed treat clothe cloves closed closer closes chose choose
    prefect connect collect noon note knot nod nor niece god gods goods gold goo stoop stomp shop removed remote
    removes dine don dome thank tanks sorely nearby early keel kept sleek
""")


@lru_cache(maxsize=100_000)
def spelt(word: str) -> str:
    """Returns the word of `SPELT` that was meant, "deselect" for verbs that ask for an undo, or the word itself."""
    for spelling in dict.fromkeys((word, word.translate(_LOOKALIKES))):
        if found := _meant(spelling):
            return "deselect" if found in _UNDOES else found
    return word


def _meant(word: str) -> str | None:
    """Returns the word of `SPELT` that was meant, None if there is none."""
    if word in SPELT or word in _OTHER_WORDS:
        return word if word in SPELT else None
    typed = _runs(word)
    for candidate in _BY_LETTER.get(word[:1], ()):
        meant = _runs(candidate)
        same_letters = _letters(typed) == _letters(meant)
        if same_letters and all(count >= least for (_, count), (_, least) in zip(typed, meant, strict=True)):
            return candidate
        long_enough = len(word) >= 4 if len(candidate) >= 5 else len(candidate) == 4 and len(word) == 5
        if long_enough and candidate not in _ONLY_STRETCHED and _one_slip(_letters(typed), _letters(meant)):
            return candidate
    return None


def _runs(word: str) -> list[tuple[str, int]]:
    """Returns the runs of equal letters in a word: each letter and the length of its run."""
    return [(letter, len(list(run))) for letter, run in groupby(word)]


def _letters(runs: list[tuple[str, int]]) -> str:
    return "".join(letter for letter, _ in runs)


def _one_slip(typed: str, meant: str) -> bool:
    """Whether at most one letter is missing, added, replaced or swapped with the next."""
    while typed and meant and typed[0] == meant[0]:
        typed, meant = typed[1:], meant[1:]
    while typed and meant and typed[-1] == meant[-1]:
        typed, meant = typed[:-1], meant[:-1]
    return max(len(typed), len(meant)) <= 1 or (len(typed) == 2 and typed == meant[::-1])


_BY_LETTER = {letter: [w for w in sorted(SPELT) if w[0] == letter] for letter in {w[0] for w in SPELT}}


def plain(text: str) -> str:
    """Returns the text in lower case, without accents, apostrophes and invisible characters."""
    text = text.lower()
    if not text.isascii():
        letters = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", "".join(letter for letter in letters if not _is_hidden(letter))).lower()
    return _LEFT_OUT.sub("", text)


def _is_hidden(letter: str) -> bool:
    """Whether it is an accent, a variation selector, a skin colour, or a format or control character, but no blank."""
    if "\u0300" <= letter <= "\u036f" or "\ufe00" <= letter <= "\ufe0f":
        return True
    return not (letter.isascii() or letter.isspace()) and unicodedata.category(letter) in ("Cf", "Sk", "Cc")


@lru_cache(maxsize=100_000)
def words_of(text: str) -> tuple[str, ...]:
    """Returns the words of a text with corrected spelling, and `STOP` for punctuation between them.

    Emoji and emoticons that judge become keys of `SIGNS`. Verbs that ask for an undo become "deselect". Each ideogram
    is a word.
    """
    text = plain(text)
    if _OF_FACES.search(text):
        text = EMOTICONS.sub(lambda face: " 👎 " if face["sad"] else " 🙂 ", text)
    text = _SPELT_OUT.sub(_joined, text)
    text = UNDO.sub(lambda verb: "deselect it" if verb["back"] else f"deselect{verb['object'] or ''}", text)
    tokens = _ASCII_TOKEN if text.isascii() else _TOKEN
    return tuple(map(_meaning, tokens.findall(_HYPHEN.sub(" ", text) if "-" in text else text)))


@lru_cache(maxsize=100_000)
def _meaning(token: str) -> str:
    return _SIGN_OF.get(token) or (STOP if token[0] in _PUNCTUATION else spelt(token))


def _joined(letters: re.Match[str]) -> str:
    """Joins single letters that spell a word: "n.o.p.e", "t a l l"."""
    word = "".join(filter(str.isalpha, letters[0]))
    return word if len(word) > 3 or word in SPELT else letters[0]
