"""Words."""
from __future__ import annotations
from collections import defaultdict
from dataclasses import dataclass

@dataclass(frozen=True)
class Words:
    literal: tuple[str, ...]
    people: tuple[str, ...]

LEXICON = defaultdict(lambda: Words(("x",), ("a", "b", "c")))
