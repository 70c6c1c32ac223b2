"""Finds words that may offend in people's descriptions of tangrams, before other people read them.

The list is short and has whole words. The long lists of libraries would also remove the screw, the cock on a roof, the
butt of a dog and the breast of a bird. The list has three kinds of words: words about sex, vulgar words, and names that
demean a group. It covers English only, and it cannot recognise a harmless word that is meant to offend.
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
"""The words to leave out; a plural that ends in "s" or "es" is left out with its singular."""


def may_offend(text: str) -> bool:
    """Whether a text contains one of `WORDS`, in upper or lower case."""
    words = re.findall(r"[a-z]+", text.lower())
    return any(not WORDS.isdisjoint((word, word.removesuffix("s"), word.removesuffix("es"))) for word in words)
