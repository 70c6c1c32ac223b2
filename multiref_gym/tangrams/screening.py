"""Finds words that may offend in what people called a tangram, before other people read them.

The list is short and holds whole words. The long lists of libraries also take the screw, the cock on a roof, the butt
of a dog and the breast of a bird. It has three kinds of words: on sex, vulgar ones, and names that demean a group. It
knows English alone, and it cannot know how a harmless word is meant.
"""

from __future__ import annotations

import re

WORDS = frozenset(
    re.findall(
        r"\w+",
        """anus blowjob boner boob clitoris condom cum dick dildo ejaculation erection genital genitalia hooker horny
        intercourse kinky masturbation naked nipple nude orgasm orgy penis porn porno pornography prostitute pubic rape
        raped rapist scrotum semen sex sexual sexy slut sperm strapon stripper testicle tits vagina vulva whore
        arse arsehole ass asshole bastard bitch bullshit crap cunt fuck fucked fucker fucking motherfucker piss pissed
        pissing shit shitting shitty turd wanker
        chinaman chink coon cripple darkie darky eskimo fag faggot fatso gook gypsy heeb injun jap kike midget negro
        nigga nigger paki raghead redskin retard retarded spastic spic squaw towelhead tranny wetback""",
    )
)
"""What is left out; a plural that ends in "s" or "es" goes with its singular."""


def may_offend(text: str) -> bool:
    """Whether a text has one of `WORDS` in it, in upper or lower case."""
    words = re.findall(r"[a-z]+", text.lower())
    return any(not WORDS.isdisjoint((word, word.removesuffix("s"), word.removesuffix("es"))) for word in words)
