"""The package's own figures: proper tangrams, told apart by their facts, with words for every fact."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from multiref_gym.tangrams import LEXICON, Tangram, load_tangrams, silhouette
from multiref_gym.tangrams.figures import FAMILIES, proposed
from multiref_gym.tangrams.figures.assembly import (
    PARALLELOGRAM_POSES,
    SQUARE_POSES,
    TRIANGLE_POSES,
    Sketch,
    point,
    posed,
    put,
    units,
)
from multiref_gym.tangrams.figures.checks import faults
from multiref_gym.tangrams.figures.family import Family
from multiref_gym.tangrams.kilogram import content_words
from multiref_gym.tangrams.pieces import Contact, contact
from multiref_gym.tangrams.render import FIELD, FIGURE_AREA

FIGURES = load_tangrams("figures")


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


def test_there_are_at_least_300_distinct_silhouettes_in_six_families() -> None:
    outlines = {(silhouette(tangram, 48) < 128).tobytes() for tangram in FIGURES}
    assert len(outlines) == len(FIGURES) >= 300
    sizes = Counter(family_of(tangram) for tangram in FIGURES)
    assert len(sizes) >= 6
    assert min(sizes.values()) >= 20


def test_no_two_figures_have_the_same_facts() -> None:
    assert len({tangram.facts for tangram in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_has_three_to_six_attributes_of_two_to_five_values(family: Family) -> None:
    values = defaultdict(set)
    for tangram in FIGURES:
        if family_of(tangram) == family.name:
            attributes = dict(fact.split("=") for fact in tangram.facts)
            assert attributes.pop("family") == family.name
            assert 3 <= len(attributes) <= 6
            for attribute, value in attributes.items():
                values[attribute].add(value)
    for attribute, found in values.items():
        assert 2 <= len(found) <= 5, attribute


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
def test_a_fact_has_plain_words_and_twice_those_of_people(fact: str) -> None:
    words = LEXICON[fact]
    assert 1 <= len(words.literal) <= 2
    assert len(words.people) == 2
    assert all(phrase == phrase.strip().lower() and phrase for phrase in words.literal + words.people)


def test_no_phrase_means_two_things() -> None:
    phrases = Counter(phrase for words in LEXICON.values() for phrase in words.literal + words.people)
    assert [phrase for phrase, count in phrases.items() if count > 1] == []


def test_people_use_no_word_of_the_plain_phrases() -> None:
    plain = {word for words in LEXICON.values() for word in content(words.literal)}
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
        vertices = posed("parallelogram", pose).array()
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
    assert contact(head, hat) is Contact.TOUCH


def test_a_sketch_says_what_is_wrong_with_it() -> None:
    sketch = next(iter(FAMILIES[0].sketches()))
    assert sketch.fault() == ""
    *rest, (part, last) = sketch.pieces
    far = Sketch({}, (*rest, (part, last.moved(units(40)))))
    assert far.fault() == "not connected"
    assert Sketch({}, tuple(rest)).fault() == "not the seven pieces"
    middle = rest[0][1].anchor("c")
    on_top = put("parallelogram", "flat /", "c", middle)
    assert Sketch({}, (*rest, (part, on_top))).fault().startswith("overlap: ")
