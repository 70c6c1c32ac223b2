"""A memory of people's descriptions of each tangram, with which new words are compared.

A described tangram's score rises with how much closer than usual the utterance is to its descriptions. A few
descriptions of a tangram help more here than in training, where the network would need a few hundred games, because a
sentence encoder knows that "a dog sitting" and "the puppy" are similar. For a tangram without descriptions the memory
says nothing. It stores sums, so it does not grow with the number of games. A tangram is recognised by its name.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from multiref_gym.agents.listeners.sentences import Encoder, sentence_encoder
from multiref_gym.agents.listeners.weights import model_name
from multiref_gym.errors import UserError

FILE = "said.safetensors"
"""The file of the memory in a policy's folder."""

STRENGTH = 12.0
USUAL = 0.21
"""The worth of a cosine as a click score, and the cosine that is worth nothing, about that of another tangram's words.

Both were set on folds of the 159 games of docs/people.md; a strength of 8 or 16 works nearly as well.
"""

AT_ONCE = 1024
"""The number of utterances that are encoded together."""
REMEMBERED = 100_000
"""The number of utterances whose vectors are kept."""


@lru_cache(maxsize=2)
def _encoder(model: str) -> Encoder:
    return sentence_encoder(model)


class Said:
    """A memory of tangrams' descriptions.

    Args:
        encoder: A folder or a hub id of a sentence-transformers model.

    Raises:
        UserError: If the encoder cannot be loaded.
    """

    def __init__(self, encoder: str) -> None:
        self.encoder = model_name(encoder)
        self._encoder = _encoder(encoder)
        self._lock = Lock()
        # One by one: the last bits depend on the batch, and the batch on the course of the run.
        self._vector = lru_cache(maxsize=REMEMBERED)(lambda utterance: self._encoded([utterance])[0])
        self._sums: dict[str, np.ndarray] = {}
        self._counts = Counter[str]()
        self._centre: np.ndarray | None = None
        self._in_game: dict[tuple[str, str], list[str]] = defaultdict(list)

    def remember(self, said: Iterable[tuple[str, str, str]]) -> None:
        """Adds descriptions of tangrams.

        Args:
            said: Utterances, each with the name of its tangram and of its game, "" for no game. Empty ones are skipped.
        """
        said = (each for each in said if each[0])
        while some := list(islice(said, AT_ONCE)):
            vectors = self._encoded([utterance for utterance, _, _ in some])
            for (utterance, tangram, game), vector in zip(some, vectors, strict=True):
                self._sums[tangram] = self._sums.get(tangram, np.zeros_like(vector)) + vector
                self._counts[tangram] += 1
                if game:
                    self._in_game[game, tangram].append(utterance)
        self._find_centre()

    def _find_centre(self) -> None:
        if self._sums:
            self._centre = np.sum(list(self._sums.values()), axis=0) / self._counts.total()

    def _encoded(self, utterances: Sequence[str]) -> np.ndarray:
        with self._lock:  # threads share a batch of views, but cannot share a tokenizer
            return np.asarray(self._encoder(utterances), np.float32)

    def scores(self, utterance: str, tangrams: Sequence[str], but_of: str = "") -> np.ndarray:
        """Returns how much the descriptions raise each tangram's score, float32 (tangrams,); 0 without descriptions.

        Args:
            utterance: The new utterance.
            tangrams: The tangrams' names.
            but_of: A game whose descriptions are ignored, because the listener learns from it and would find the answer
                there. Works for games remembered in this process, not before the memory was saved.
        """
        found = np.zeros(len(tangrams), np.float32)
        if self._centre is None or not utterance:
            return found
        now = self._vector(utterance) - self._centre
        for position, tangram in enumerate(tangrams):
            own = self._in_game.get((but_of, tangram), [])
            count = self._counts[tangram] - len(own)
            if count > 0:
                before = self._sums[tangram] - sum(map(self._vector, own)) - count * self._centre
                size = np.linalg.norm(now) * np.linalg.norm(before)
                found[position] = STRENGTH * (now @ before / size - USUAL) if size else 0
        return found

    @property
    def fingerprint(self) -> str:
        """A short hash of the memory."""
        found = hashlib.sha256(json.dumps(sorted(self._counts.items())).encode())
        for _, total in sorted(self._sums.items()):
            found.update(total.tobytes())
        return found.hexdigest()[:16]

    def save(self, folder: Path) -> None:
        """Writes the memory to a folder, without the speakers and games of its descriptions."""
        names = list(self._sums)
        sums = np.stack([self._sums[name] for name in names]) if names else np.zeros((0, 0), np.float32)
        counts = np.array([self._counts[name] for name in names], np.float32)
        save_file({"sums": sums, "counts": counts}, folder / FILE, {"tangrams": json.dumps(names)})

    def read(self, folder: Path) -> None:
        """Reads the memory in a folder.

        Raises:
            UserError: If it cannot be read, or is not a memory.
        """
        path = folder / FILE
        try:
            with safe_open(path, "numpy") as file:
                names = json.loads((file.metadata() or {})["tangrams"])
                sums, counts = file.get_tensor("sums"), file.get_tensor("counts")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise UserError(f"{path} holds no memory of descriptions: {error}") from error
        if not len(names) == len(sums) == len(counts) or not np.isfinite(sums).all():
            raise UserError(f"{path} holds no memory of descriptions: {len(names)} names, {len(sums)} rows")
        if names and sums.shape[1:] != (width := self._vector("a").shape):
            raise UserError(
                f"{path} is not of the sentence encoder {self.encoder}: its rows are {sums.shape[1:]}, not {width}"
            )
        self._sums = dict(zip(names, sums, strict=True))
        self._counts = Counter(dict(zip(names, map(int, counts), strict=True)))
        self._find_centre()
