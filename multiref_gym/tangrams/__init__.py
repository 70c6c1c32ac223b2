"""Tangrams: exact pieces, the package's own figures and their words, KiloGram, pictures."""

from multiref_gym.tangrams.atlas import Atlas, shared_atlas
from multiref_gym.tangrams.figures import LEXICON
from multiref_gym.tangrams.figures.family import Words
from multiref_gym.tangrams.loading import drawn_tangrams, load_tangrams
from multiref_gym.tangrams.render import contact_sheet, listener_board, silhouette, speaker_board
from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramSet, TangramWarning, in_words

__all__ = [
    "LEXICON",
    "Atlas",
    "Tangram",
    "TangramError",
    "TangramSet",
    "TangramWarning",
    "Words",
    "contact_sheet",
    "drawn_tangrams",
    "in_words",
    "listener_board",
    "load_tangrams",
    "shared_atlas",
    "silhouette",
    "speaker_board",
]
