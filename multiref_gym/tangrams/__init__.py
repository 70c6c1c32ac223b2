"""Tangrams: exact pieces, the package's own figures and their words, KiloGram, pictures."""

from .atlas import Atlas
from .lexicon import LEXICON, Words
from .loading import load_tangrams
from .render import contact_sheet, listener_board, silhouette, speaker_board
from .tangram_set import Tangram, TangramError, TangramSet

__all__ = [
    "LEXICON",
    "Atlas",
    "Tangram",
    "TangramError",
    "TangramSet",
    "Words",
    "contact_sheet",
    "listener_board",
    "load_tangrams",
    "silhouette",
    "speaker_board",
]
