"""Reads KiloGram, 1,013 tangrams described by people (Ji et al., EMNLP 2022; https://github.com/lil-lab/kilogram).

A checkout holds ``dataset/tangrams-svg/page1-0.svg`` and so on, and JSON files of descriptions by tangram:
``{"page1-0": {"annotations": [{"whole": {"wholeAnnotation": "a bird"}, "part": {"1": "beak", ...}}, ...]}, ...}``.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from multiref_gym.checking import read_json
from multiref_gym.tangrams.screening import may_offend
from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramWarning

DESCRIPTION_FILES = ("full.json", "dense.json", "dense10.json")
"""The description files to look for in a folder; the first that exists is read."""

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be by for from has have having he her his in into is it its like looks of off on one or
        out over she that the their them there this to two up upside very was which who with you""",
    )
)
"""Words too common to tell tangrams apart."""

NAMED = 3
"""The most left-out tangrams that a warning names."""

DESCRIPTIONS_TO_DIVIDE = 5
"""The fewest descriptions that a tangram must have to be divided into known and new ones."""

KNOWN_SHARE = 0.4
"""The share of descriptions that are known; the others are new."""

SIZES = 1e-6, 1e9
"""The smallest size of a drawing, and its largest distance from the origin; KiloGram's are 144 units large."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TRANSFORM = re.compile(r"\b(\w+)\s*\(([^)]*)\)")


@dataclass(frozen=True)
class _Entry:
    annotations: list[dict[str, Any]]


def read_kilogram(path: str | Path, screened: bool = False) -> tuple[Tangram, ...]:
    """Returns the tangrams that have both a drawing and a usable description, sorted by page and number.

    Args:
        path: a checkout of KiloGram, its ``dataset`` folder, or a description file in that folder.
        screened: whether descriptions and names of parts that ``may_offend`` are left out.

    Warns:
        TangramWarning: the number of left-out entries, with the first few of them and the reasons, and the number of
            left-out descriptions and names of parts.

    Raises:
        TangramError: one line about the missing or malformed folder or file.
    """
    descriptions_file = find_descriptions(Path(path).expanduser())
    drawings = descriptions_file.parent / "tangrams-svg"
    if not drawings.is_dir():
        raise TangramError(f"no drawings of tangrams: {drawings} is not a folder")
    drawn = {drawing.stem for drawing in drawings.glob("*.svg")}
    entries = read_json(dict[str, _Entry], descriptions_file, TangramError)
    tangrams, left_out, read = [], [], _Reader(screened)
    for name in sorted(entries, key=_page_and_number):
        annotations = entries[name].annotations
        descriptions = tuple(filter(None, (read(_whole(annotation), "description") for annotation in annotations)))
        if not descriptions:
            left_out.append(f"{name} (no description)")
        elif name not in drawn:
            left_out.append(f"{name} (no drawing)")
        else:
            polygons = read_svg(drawings / f"{name}.svg")
            tangrams.append(
                Tangram(
                    id=f"{name}.png",
                    pieces=tuple(polygons.values()),
                    facts=frozenset(word for text in descriptions for word in content_words(text)),
                    descriptions=descriptions,
                    parts=_part_names(annotations, tuple(polygons), read),
                )
            )
    if not tangrams:
        raise TangramError(f"no tangram with both a drawing in {drawings} and a description in {descriptions_file}")
    if left_out:
        named = ", ".join(left_out[:NAMED]) + (", ..." if len(left_out) > NAMED else "")
        message = f"{len(left_out)} of {len(entries)} tangrams of {descriptions_file} are left out: {named}"
        warnings.warn(message, TangramWarning, stacklevel=2)
    if read.left_out:
        counts = f"{read.left_out['description']} descriptions and {read.left_out['part']} names of parts"
        message = f"{counts} in {descriptions_file} are left out: their words may offend"
        warnings.warn(message, TangramWarning, stacklevel=2)
    return tuple(tangrams)


def read_drawings(path: str | Path) -> Iterator[Tangram]:
    """Yields all drawn tangrams, described or not, without descriptions.

    Args:
        path: as for ``read_kilogram``.

    Raises:
        TangramError: one line about the missing or malformed folder or file.
    """
    for drawing in sorted((find_descriptions(Path(path).expanduser()).parent / "tangrams-svg").glob("*.svg")):
        yield Tangram(f"{drawing.stem}.png", tuple(read_svg(drawing).values()), frozenset(), (), ())


def read_part(path: str | Path, known: bool) -> tuple[Tangram, ...]:
    """Returns the tangrams with many descriptions, each with one part of them: the known or the new ones.

    A description's text alone decides whether it is known, so no wording is in both parts, even of different tangrams.
    Both parts have the same tangrams: those with ``DESCRIPTIONS_TO_DIVIDE`` descriptions or more, some known and some
    new. Their facts are the words of all descriptions, because speakers know a tangram's other names.

    Args:
        path: as for ``read_kilogram``.
        known: whether to return the known descriptions, rather than the new ones.

    Raises:
        TangramError: no tangram has such descriptions, or a folder or file is missing or malformed.
    """
    tangrams = []
    for tangram in read_kilogram(path):
        parts: dict[bool, list[str]] = {True: [], False: []}
        for text in tangram.descriptions:
            parts[is_known(text)].append(text)
        if len(tangram.descriptions) >= DESCRIPTIONS_TO_DIVIDE and all(parts.values()):
            tangrams.append(replace(tangram, descriptions=tuple(parts[known])))
    if not tangrams:
        raise TangramError(
            f"no tangram of {path} can be divided: expected {DESCRIPTIONS_TO_DIVIDE} descriptions or more of one, "
            "some of them known and some new"
        )
    return tuple(tangrams)


def is_known(description: str) -> bool:
    """Whether a description is a known one; its text alone decides it, always in the same way."""
    return int.from_bytes(hashlib.sha256(description.encode()).digest()[:8], "big") / 2**64 < KNOWN_SHARE


def content_words(text: str) -> Iterator[str]:
    """Yields the lower-case words of a description that are not stop words."""
    return (word for word in re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower()) if word not in STOP_WORDS)


def described_alike(tangrams: Sequence[Tangram]) -> np.ndarray:
    """Returns the similarity of each two tangrams' descriptions: the cosine of their word weights, float32 (n, n).

    A word's weight is the share of the tangram's descriptions that contain it, so that a tangram with fifty
    descriptions is comparable to one with a single one, times the logarithm of the word's rarity among the tangrams
    (tf-idf; Salton and Buckley 1988). Contexts drawn by it are more confusable than those drawn by the overlap of all
    words ever said (`benchmarks/contexts.py`).
    """
    column = {word: i for i, word in enumerate(sorted({word for tangram in tangrams for word in tangram.facts}))}
    weights = np.zeros((len(tangrams), len(column)), np.float32)
    for row, tangram in enumerate(tangrams):
        said = [word for text in tangram.descriptions for word in set(content_words(text))]
        np.add.at(weights[row], [column[word] for word in said], 1 / len(tangram.descriptions))
    weights *= np.log1p(len(tangrams) / np.maximum((weights > 0).sum(axis=0), 1))
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(weights @ weights.T)


@np.errstate(all="ignore")  # what overflows is refused
def read_svg(path: Path) -> dict[str, np.ndarray]:
    """Returns the polygons of a drawing by id, each float64 (n, 2), with their transforms applied.

    Raises:
        TangramError: the file cannot be read, is not XML or defines entities, has no polygon, two with one id, or one
            with unreadable points or transform, or it is too small or too large to be drawn.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TangramError(f"cannot read {path}: {error.strerror}") from None
    if b"<!ENTITY" in content.replace(b"\0", b""):  # it may stand for more than memory holds; with zeros, as UTF-16
        raise TangramError(f"malformed SVG {path}: an entity is defined in it")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two for an unknown encoding
        raise TangramError(f"malformed SVG {path}: {error}") from None
    polygons: dict[str, np.ndarray] = {}
    for index, element in enumerate(root.iterfind(".//{*}polygon"), start=1):
        name = element.get("id", str(index))
        where = f"malformed SVG {path}: polygon {' '.join(name.split())}"
        if name in polygons:
            raise TangramError(f"{where} comes twice")
        numbers = _numbers(element.get("points", ""), where)
        if len(numbers) < 6 or len(numbers) % 2:
            raise TangramError(f"{where} needs pairs of numbers for at least three points")
        matrix = _transform(element.get("transform", ""), where)
        polygons[name] = np.reshape(numbers, (-1, 2)) @ matrix[:2, :2].T + matrix[:2, 2]
    if not polygons:
        raise TangramError(f"malformed SVG {path}: no polygon in it")
    vertices = np.concatenate(list(polygons.values()))
    smallest, largest = SIZES
    if not np.abs(vertices).max() <= largest or np.ptp(vertices, axis=0).max() < smallest:
        raise TangramError(f"malformed SVG {path}: too large or too small to be drawn")
    return polygons


def _numbers(text: str, where: str) -> list[float]:
    if _NUMBER.sub("", text).strip(" ,\t\r\n"):
        raise TangramError(f"{where} has unreadable numbers {text[:40]!r}")
    return [float(number) for number in _NUMBER.findall(text)]


def _transform(text: str, where: str) -> np.ndarray:
    """Returns an SVG transform list as a (3, 3) matrix for column vectors; the leftmost transform acts last."""
    matrix = np.eye(3)
    if _TRANSFORM.sub("", text).strip(" ,\t\r\n"):
        raise TangramError(f"{where} has an unreadable transform {text[:40]!r}")
    for name, arguments in _TRANSFORM.findall(text):
        match name, _numbers(arguments, where):
            case "matrix", [a, b, c, d, e, f]:
                step = np.array([[a, c, e], [b, d, f], [0, 0, 1]])
            case "translate", [x, *rest] if len(rest) < 2:
                step = np.array([[1, 0, x], [0, 1, rest[0] if rest else 0], [0, 0, 1]])
            case "scale", [x, *rest] if len(rest) < 2:
                step = np.diag([x, rest[0] if rest else x, 1])
            case "rotate", [angle, *centre] if len(centre) in (0, 2):
                cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
                turn = np.array([[cosine, -sine], [sine, cosine]])
                step = np.eye(3)
                step[:2, :2] = turn
                step[:2, 2] = (np.eye(2) - turn) @ (centre or (0, 0))
            case _:
                raise TangramError(f"{where} has an unreadable transform {text[:40]!r}")
        matrix = matrix @ step
    return matrix


def find_descriptions(path: Path) -> Path:
    """Returns the description file that is read: the path itself, or of a folder the first of ``DESCRIPTION_FILES``.

    Raises:
        TangramError: there is none.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise TangramError(f"no KiloGram there: {path} does not exist")
    folder = path / "dataset" if (path / "dataset").is_dir() else path
    for name in DESCRIPTION_FILES:
        if (folder / name).is_file():
            return folder / name
    raise TangramError(f"no descriptions in {folder}: looked for {', '.join(DESCRIPTION_FILES)}")


def _whole(annotation: Mapping[str, Any]) -> Any:
    whole = annotation.get("whole")
    return whole.get("wholeAnnotation") if isinstance(whole, dict) else None


def _usable(text: Any) -> str:
    """Returns an annotation in lower case and single spaces, or "" if it says nothing."""
    words = " ".join(text.lower().split()) if isinstance(text, str) else ""
    return "" if words == "unknown" else words


@dataclass
class _Reader:
    """Reads as `_usable` does, but for what may offend if that is screened, and counts what it leaves out by kind."""

    screened: bool
    left_out: Counter[str] = field(default_factory=Counter)

    def __call__(self, text: Any, kind: str) -> str:
        words = _usable(text)
        if self.screened and may_offend(words):
            self.left_out[kind] += 1
            return ""
        return words


def _part_names(annotations: Sequence[Mapping[str, Any]], piece_ids: tuple[str, ...], read: _Reader) -> tuple[str, ...]:
    """Returns each piece's most common part name, the first in the alphabet of equally common ones."""
    counts: dict[str, Counter[str]] = {piece_id: Counter() for piece_id in piece_ids}
    for annotation in annotations:
        parts = annotation.get("part")
        for piece_id, part in parts.items() if isinstance(parts, dict) else ():
            if piece_id in counts and (name := read(part, "part")):
                counts[piece_id][name] += 1
    return tuple(min(counter, key=lambda part: (-counter[part], part), default="") for counter in counts.values())


def _page_and_number(name: str) -> tuple[tuple[int, str], ...]:
    """Orders "page2-3" before "page2-10" before "page10-1"."""
    runs = [run.lstrip("0") if run[0] in "0123456789" else run for run in re.findall("[0-9]+|[^0-9]+", name)]
    return tuple((-1 if re.match("[^0-9]", run) else len(run), run) for run in runs)
