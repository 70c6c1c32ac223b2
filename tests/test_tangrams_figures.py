"""The package's own figures: proper tangrams, told apart by their facts, with words for every fact."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from multiref_gym.tangrams import LEXICON, Tangram, TangramError, load_tangrams, silhouette
from multiref_gym.tangrams.figures import FAMILIES, figures, proposed
from multiref_gym.tangrams.figures.assembly import (
    PARALLELOGRAM_POSES,
    SQUARE_POSES,
    TRIANGLE_POSES,
    Kind,
    Point,
    Sketch,
    laid,
    point,
    posed,
    put,
    roots,
    units,
)
from multiref_gym.tangrams.figures.checks import faults
from multiref_gym.tangrams.figures.family import Family
from multiref_gym.tangrams.kilogram import content_words
from multiref_gym.tangrams.pieces import contacts, exact_corners, rounded
from multiref_gym.tangrams.render import FIELD, FIGURE_AREA

FIGURES = load_tangrams("figures")

FEEDBACK = {"good", "yes", "no", "wrong", "undo", "remove", "deselect", "not", "perfect", "nice", "great"}
DIRECTIONS = {"left", "right", "up", "down", "top", "bottom", "side"}


def family_of(tangram: Tangram) -> str:
    return tangram.id.rpartition("-")[0]


def content(phrases: tuple[str, ...]) -> set[str]:
    return set(content_words(" ".join(phrases)))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_proposes_only_what_can_be_laid(family: Family) -> None:
    assert list(faults(proposed([family]))) == []


def test_no_two_families_propose_the_same_outline() -> None:
    assert list(faults(proposed(FAMILIES))) == []


def test_figures_cover_the_area_of_seven_pieces_on_the_picture_too() -> None:
    """Counts pixels, which knows nothing of the exact geometry: an overlap would make a figure smaller."""
    for tangram in FIGURES.tangrams[::7]:
        vertices = np.concatenate(tangram.pieces)
        longest = (vertices.max(axis=0) - vertices.min(axis=0)).max()
        field = max(FIELD, longest / 0.94)
        share = 1 - silhouette(tangram, 200).mean() / 255
        assert share * field**2 == pytest.approx(FIGURE_AREA, rel=0.03), tangram.id


def test_there_are_2000_figures_in_14_families_told_apart_by_their_attributes_and_on_a_small_picture() -> None:
    sizes = Counter(family_of(tangram) for tangram in FIGURES)
    assert len(sizes) == len(FAMILIES) >= 14
    assert min(sizes.values()) >= 20
    assert len(FIGURES) >= 2000
    assert len({tangram.facts for tangram in FIGURES}) == len(FIGURES)
    outlines = {(silhouette(tangram, 48) < 128).tobytes() for tangram in FIGURES}
    assert len(outlines) == len(FIGURES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_has_three_to_six_attributes_of_its_own(family: Family) -> None:
    values = defaultdict(set)
    for sketch in family.sketches():
        assert 3 <= len(sketch.attributes) <= 6, str(sketch)
        for attribute, value in sketch.attributes.items():
            values[attribute].add(value)
    assert {attribute for attribute, found in values.items() if len(found) < 2} == set()
    assert not {"family", "shape", "summit", "ground", "sides"} & values.keys()


def test_figures_that_face_left_and_right_are_mirror_images() -> None:
    by_facts = {tangram.facts: tangram for tangram in FIGURES}
    pairs = 0
    for facts, left in by_facts.items():
        right = by_facts.get(facts - {"facing=left"} | {"facing=right"})
        if "facing=left" in facts and right:
            mirrored = silhouette(right, 64)[:, ::-1]
            assert np.abs(silhouette(left, 64).astype(int) - mirrored).mean() < 4, left.id
            pairs += 1
    assert pairs > 50


def test_ids_number_the_figures_of_a_family() -> None:
    assert all(re.fullmatch(rf"({'|'.join(family.name for family in FAMILIES)})-\d{{4}}", id) for id in FIGURES.ids)


def test_parts_name_each_piece_and_descriptions_begin_with_the_family() -> None:
    for tangram in FIGURES:
        assert len(tangram.parts) == len(tangram.pieces) == 7
        assert all(tangram.parts)
        words = LEXICON[f"family={family_of(tangram)}"]
        assert tangram.descriptions[0].startswith(words.literal[0])
        assert all(text.startswith(noun) for text, noun in zip(tangram.descriptions[1:], words.people, strict=True))


def test_there_are_words_for_every_fact_and_for_nothing_else() -> None:
    assert set(LEXICON) == {fact for tangram in FIGURES for fact in tangram.facts}


@pytest.mark.parametrize("fact", LEXICON)
def test_a_fact_has_plain_words_and_more_of_people(fact: str) -> None:
    words = LEXICON[fact]
    assert len(words.literal) == 1
    assert len(words.people) == (3 if fact.startswith("family=") else 2)
    assert all(phrase == phrase.strip().lower() and phrase for phrase in words.literal + words.people)


@pytest.mark.parametrize("fact", LEXICON)
def test_no_phrase_reads_as_feedback(fact: str) -> None:
    words = set(re.findall(r"[a-z]+", " ".join(LEXICON[fact].literal + LEXICON[fact].people)))
    assert not words & FEEDBACK


def test_no_phrase_means_two_things() -> None:
    phrases = Counter(phrase for words in LEXICON.values() for phrase in words.literal + words.people)
    assert [phrase for phrase, count in phrases.items() if count > 1] == []


def test_people_use_no_word_of_the_plain_phrases_but_directions() -> None:
    plain = {word for words in LEXICON.values() for word in content(words.literal)}
    plain -= DIRECTIONS
    assert {
        fact: content(words.people) & plain for fact, words in LEXICON.items() if content(words.people) & plain
    } == {}


@pytest.mark.parametrize("kind", ["large", "medium", "small"])
@pytest.mark.parametrize("pose", TRIANGLE_POSES)
def test_the_pose_of_a_triangle_tells_where_its_right_angle_is(kind: str, pose: str) -> None:
    triangle = posed(kind, pose)  # type: ignore[arg-type]
    compass = {"up": "n", "right": "e", "down": "s", "left": "w"}.get(pose, pose)
    assert triangle.vertices[0] == triangle.anchor(compass)


def test_the_pose_of_a_parallelogram_tells_its_box_and_its_lean() -> None:
    boxes = {"flat": (4, 2), "tall": (2, 4), "long": (18**0.5, 2**0.5), "steep": (2**0.5, 18**0.5)}
    for pose in PARALLELOGRAM_POSES:
        name, stroke = pose.split()
        vertices = rounded(exact_corners([[posed("parallelogram", pose)]]))[0, 0]
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        assert high - low == pytest.approx(boxes[name])
        holds_upper_left = np.isclose(vertices, low).all(axis=1).any()
        assert holds_upper_left == (stroke == "\\")


def test_a_pose_that_a_piece_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(ValueError, match=f"unknown pose 'up' of the square: expected one of {', '.join(SQUARE_POSES)}"):
        posed("square", "up")


def test_a_piece_is_put_with_its_anchor_on_the_point() -> None:
    head = put("square", "diamond", "s", point(3, -2))
    assert head.anchor("s") == point(3, -2)
    hat = put("small", "up", "s", head.anchor("n"))
    _, touch = contacts(exact_corners([[head, hat]]))
    assert touch[0, 0, 1]


def test_listed_pieces_are_laid_with_the_upper_left_corners_of_their_boxes_on_the_places_named() -> None:
    listed = laid("small ne 0 2, tall \\ -4 0, square 2 -6, diamond 0 0", point(10, 1))
    assert listed == (
        put("small", "ne", "nw", point(10, 3)),
        put("parallelogram", "tall \\", "nw", point(6, 1)),
        put("square", "square", "nw", point(12, -5)),
        put("square", "diamond", "nw", point(10, 1)),
    )
    with pytest.raises(ValueError, match="unknown piece 'tiny'"):
        laid("tiny up 0 0")


TIP = Point(roots(4), roots(-4))


def row(square: str, at: Point, **attributes: str) -> Sketch:
    """The pieces side by side, the first one's tip at `TIP`, but for the square, whose lower left corner is at `at`."""
    pieces = [put("large", "up", "s", point(0, 0)).moved(roots(4))]
    kinds: tuple[Kind, ...] = ("large", "medium", "small", "small")
    for kind in kinds:
        pieces.append(put(kind, "up", "sw", pieces[-1].anchor("se")))
    pieces.append(put("parallelogram", "flat /", "sw", pieces[-1].anchor("se")))
    parts = tuple(("block", piece) for piece in pieces)
    return Sketch({"family": "row", **attributes}, (*parts, (square, put("square", "square", "sw", at))))


def test_a_sketch_that_cannot_be_laid_is_refused_with_its_template_and_its_pieces() -> None:
    well = row("head", TIP, pose="standing")
    assert list(faults([well])) == []
    assert list(faults([row("head", TIP.moved(dy=units(1)), pose="lying", hat="none")])) == [
        "figure template row(pose=lying, hat=none): block (large) overlaps head (square)"
    ]
    assert list(faults([row("head", TIP.moved(dy=units(-1)))])) == [
        "figure template row(): block (large) is not connected with head (square)"
    ]
    assert list(faults([Sketch({"family": "row"}, well.pieces[1:])])) == [
        "figure template row(): not the seven pieces but large, medium, small, small, parallelogram, square"
    ]


def test_two_sketches_that_look_alike_or_share_their_attributes_are_refused_with_both_named() -> None:
    standing = row("head", TIP, pose="standing")
    elsewhere = tuple((part, piece.moved(units(3), roots(1))) for part, piece in standing.pieces)
    assert list(faults([standing, Sketch({"family": "hill"}, elsewhere)])) == [
        "figure template hill(): has the outline of row(pose=standing)"
    ]
    mirrored = standing.facing("right")
    assert list(faults([standing, mirrored])) == []
    assert list(faults([standing, Sketch(standing.attributes, mirrored.pieces)])) == [
        "figure template row(pose=standing): has the attributes of row(pose=standing)"
    ]


def test_a_fault_stops_the_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    floating = Family("row", lambda: iter([row("head", TIP.moved(dy=units(-1)))]), {})
    monkeypatch.setattr("multiref_gym.tangrams.figures.FAMILIES", (floating,))
    with pytest.raises(TangramError, match=r"^figure template row\(\): block \(large\) is not connected with head"):
        figures.__wrapped__()
