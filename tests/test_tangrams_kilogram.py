"""The KiloGram reader, on a small checkout in the public layout and on the real one where it is present."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multiref_gym.contexts import shared_contexts
from multiref_gym.tangrams import Tangram, TangramError, TangramWarning, drawn_tangrams, load_tangrams, silhouette
from multiref_gym.tangrams.kilogram import (
    DESCRIPTIONS_TO_DIVIDE,
    KNOWN_SHARE,
    content_words,
    described_alike,
    is_known,
    read_kilogram,
    read_part,
    read_svg,
)
from multiref_gym.tangrams.screening import may_offend

REAL = Path(__file__).parents[2] / "shared" / "data" / "kilogram"
PARTIAL = REAL / "dataset" / "partial.json"
SOURCES = ("kilogram", "kilogram-known", "kilogram-new")

BIRD = {
    "annotations": [
        {"whole": {"wholeAnnotation": " A Bird "}, "part": {"1": "Beak", "2": "body", "3": "UNKNOWN"}},
        {"whole": {"wholeAnnotation": "UNKNOWN"}, "part": {"1": "beak", "2": "tail"}},
        {"whole": {"wholeAnnotation": "a bird  flying"}, "part": {"1": "nose", "2": "body"}},
    ]
}


def svg(polygons: str) -> str:
    return f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{polygons}</svg>'


def polygon(id: int, points: str, transform: str = "") -> str:
    attribute = f' transform="{transform}"' if transform else ""
    return f'<polygon id="{id}" points="{points}"{attribute}/>'


SQUARE = svg("".join(polygon(id, f"{id},0 {id + 1},0 {id + 1},1 {id},1") for id in range(1, 4)))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two tangrams out of page order, and a drawing that no description is of."""
    drawings = tmp_path / "dataset" / "tangrams-svg"
    drawings.mkdir(parents=True)
    for name in ("page1-10", "page1-2", "page2-0"):
        (drawings / f"{name}.svg").write_text(SQUARE)
    (drawings / "COPYRIGHT-COVER-SHEET.pdf").write_bytes(b"%PDF")
    entries = {"page1-10": BIRD, "page1-2": BIRD}
    (tmp_path / "dataset" / "full.json").write_text(json.dumps(entries))
    return tmp_path


def test_a_checkout_gives_the_tangrams_that_are_drawn_and_described(checkout: Path) -> None:
    tangrams = load_tangrams(f"kilogram:{checkout}")
    assert tangrams.ids == ("page1-2.png", "page1-10.png")
    bird = tangrams["page1-2.png"]
    assert bird.descriptions == ("a bird", "a bird flying")
    assert bird.facts == {"bird", "flying"}
    assert bird.parts == ("beak", "body", "")
    assert [piece.shape for piece in bird.pieces] == [(4, 2)] * 3


def test_what_is_left_out_is_said_once_with_the_reasons(checkout: Path) -> None:
    silent = {"annotations": [{"whole": {"wholeAnnotation": " UNKNOWN"}}, {"whole": {}}]}
    entries = {"page2-0": {"annotations": []}, "page1-2": BIRD, "page9-9": BIRD, "page1-10": silent}
    path = checkout / "dataset" / "full.json"
    path.write_text(json.dumps(entries))
    reasons = r"page1-10 \(no description\), page2-0 \(no description\), page9-9 \(no drawing\)"
    with pytest.warns(TangramWarning, match=rf"^3 of 4 tangrams of .*full\.json are left out: {reasons}$") as warned:
        assert [tangram.id for tangram in read_kilogram(path)] == ["page1-2.png"]
    assert len(warned) == 1
    path.write_text(json.dumps(entries | {f"page9-{number}": BIRD for number in range(10)}))
    with pytest.warns(TangramWarning, match=r"^12 of 13 tangrams .*page9-0 \(no drawing\), \.\.\.$"):
        read_kilogram(path)


@pytest.mark.filterwarnings("error")
def test_nothing_is_said_where_all_is_there(checkout: Path) -> None:
    assert len(read_kilogram(checkout)) == 2


def test_a_checkout_its_data_folder_and_a_file_in_it_are_the_same(checkout: Path) -> None:
    specs = [checkout, checkout / "dataset", checkout / "dataset" / "full.json"]
    assert len({load_tangrams(f"kilogram:{spec}").ids for spec in specs}) == 1


def test_the_fullest_descriptions_are_preferred(checkout: Path) -> None:
    dataset = checkout / "dataset"
    (dataset / "dense.json").write_text(json.dumps({"page1-2": BIRD}))
    (dataset / "dense10.json").write_text("{}")
    (dataset / "partial.json").write_text("{}")
    for folder, read, count in ((dataset, "full.json", 2), (checkout, "dense.json", 1)):
        tangrams = load_tangrams(f"kilogram:{folder}")
        assert (tangrams.name, len(tangrams)) == (f"kilogram:{dataset / read}", count)
        assert drawn_tangrams(f"kilogram:{folder}").name == tangrams.name
        (dataset / read).unlink()


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ("", (1, 2)),
        ("matrix(0, 1, -1, 0, 10, 20)", (8, 21)),
        ("matrix(1 0 0 1 .5 -.5)", (1.5, 1.5)),
        ("translate(3)", (4, 2)),
        ("scale(2 3)", (2, 6)),
        ("rotate(90)", (-2, 1)),
        ("rotate(180, 1, 1)", (1, 0)),
        ("translate(10, 0) scale(2)", (12, 4)),
    ],
)
def test_transforms_are_applied_as_svg_defines_them(
    tmp_path: Path, transform: str, expected: tuple[float, float]
) -> None:
    path = tmp_path / "t.svg"
    path.write_text(svg(polygon(1, "1 2 5 2 1 6", transform)))
    assert read_svg(path)["1"][0] == pytest.approx(expected)


def test_points_come_with_commas_spaces_or_signs_between_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.svg"
    path.write_text(svg(polygon(1, "0,0 4,-2\n1e1 .5") + polygon(2, "0 0 4-2 10 0.5")))
    first, second = read_svg(path).values()
    assert np.array_equal(first, second)
    assert first.tolist() == [[0, 0], [4, -2], [10, 0.5]]


def test_content_words_leave_out_small_words_and_punctuation() -> None:
    assert list(content_words("It looks like a Bird's nest, on the 2 trees")) == ["bird's", "nest", "2", "trees"]


@pytest.mark.parametrize(
    ("points", "transform", "message"),
    [
        ("0,0 1,1", "", "polygon 1 needs pairs of numbers for at least three points"),
        ("0,0 1,1 2,2 3", "", "polygon 1 needs pairs"),
        ("0,0 1,x 2,2", "", "polygon 1 has unreadable numbers"),
        ("0,0 1,1 2,0", "matrix(1, 2)", "polygon 1 has an unreadable transform"),
        ("0,0 1,1 2,0", "wobble(1)", "polygon 1 has an unreadable transform"),
        ("0,0 1,1 2,0", "turn it", "polygon 1 has an unreadable transform"),
    ],
)
def test_a_malformed_polygon_is_named(checkout: Path, points: str, transform: str, message: str) -> None:
    path = checkout / "dataset" / "tangrams-svg" / "page1-2.svg"
    path.write_text(svg(polygon(1, points, transform)))
    with pytest.raises(TangramError, match=f"page1-2.svg: {message}"):
        load_tangrams(f"kilogram:{checkout}")


@pytest.mark.parametrize("content", ["", "<svg><polygon", svg("")])
def test_a_malformed_drawing_is_named(checkout: Path, content: str) -> None:
    (checkout / "dataset" / "tangrams-svg" / "page1-10.svg").write_text(content)
    with pytest.raises(TangramError, match=r"^malformed SVG .*page1-10\.svg: [^\n]*$"):
        load_tangrams(f"kilogram:{checkout}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"page1-2":\n  oops}', r": not JSON \(.* at line 2 column 3"),
        (b"[]", ": input should be an object, got "),
        (b'{"page1-2": 7}', ", field 'page1-2': input should be an object, got 7"),
        (b'{"page1-2": {"annotations": ["a bird"]}}', r", field 'page1-2.annotations\[0\]': .* got 'a bird'"),
        (b'{"page1-2": {}}', ", field 'page1-2.annotations': missing"),
        (b"\xff\xfe", ": not JSON"),
    ],
)
def test_a_malformed_description_file_is_named_with_the_place(checkout: Path, content: bytes, message: str) -> None:
    (checkout / "dataset" / "full.json").write_bytes(content)
    with pytest.raises(TangramError, match=rf"full\.json{message}[^\n]*$"):
        load_tangrams(f"kilogram:{checkout}")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TangramError, match=r"no KiloGram there: .*nowhere does not exist"):
        load_tangrams(f"kilogram:{tmp_path / 'nowhere'}")
    with pytest.raises(TangramError, match=r"looked for full\.json, dense\.json, dense10\.json"):
        load_tangrams(f"kilogram:{tmp_path}")
    (tmp_path / "full.json").write_text("{}")
    with pytest.raises(TangramError, match="tangrams-svg is not a folder"):
        load_tangrams(f"kilogram:{tmp_path}/full.json")
    (tmp_path / "tangrams-svg").mkdir()
    with pytest.raises(TangramError, match=r"no tangram with both a drawing in .* and a description in .*full\.json"):
        load_tangrams(f"kilogram:{tmp_path}//full.json")


def test_tangrams_are_alike_as_far_as_they_are_described_alike() -> None:
    def described(*descriptions: str) -> Tangram:
        words = frozenset(word for text in descriptions for word in content_words(text))
        return Tangram(descriptions[0], (), words, descriptions, ())

    often = described("a bird", "bird flying", "a big bird", "bird", "a hat")
    once = described("a bird")
    hat = described("a hat", "a hat", "top hat")
    alike = described_alike([often, once, hat, described("house"), described("of the")])
    assert alike == pytest.approx(alike.T)
    assert alike[0, 1] > 2 * alike[0, 2] > 0, "one description counts as much as five that say the same"
    assert alike[3, :3] == pytest.approx(0)
    assert alike[4] == pytest.approx(0)


def spelled(number: int, count: int) -> dict[str, object]:
    """An entry with some descriptions of its own."""
    return {"annotations": [{"whole": {"wholeAnnotation": f"thing {number} {i}"}} for i in range(count)]}


def described_as(*texts: str) -> dict[str, object]:
    return {"annotations": [{"whole": {"wholeAnnotation": text}} for text in texts]}


def wordings(known: bool, count: int) -> list[str]:
    """Returns descriptions that are all known, or all new."""
    return [text for text in (f"a bird {number}" for number in range(100)) if is_known(text) is known][:count]


def test_known_and_new_descriptions_are_two_parts_of_the_same_tangrams(checkout: Path) -> None:
    entries = {name: spelled(number, 20) for number, name in enumerate(("page1-10", "page1-2", "page2-0"))}
    (checkout / "dataset" / "full.json").write_text(json.dumps(entries))
    whole, known, new = (load_tangrams(f"{source}:{checkout}") for source in SOURCES)
    assert known.ids == new.ids == whole.ids == ("page1-2.png", "page1-10.png", "page2-0.png")
    assert known.split("train").ids == new.split("train").ids == whole.split("train").ids
    assert known.name == f"kilogram-known:{checkout / 'dataset' / 'full.json'}"
    for tangram in whole:
        parts = [known[tangram.id], new[tangram.id]]
        assert all(part.descriptions for part in parts)
        assert sorted(parts[0].descriptions + parts[1].descriptions) == sorted(tangram.descriptions)
        for part in parts:
            assert (part.facts, part.parts, len(part.pieces)) == (tangram.facts, tangram.parts, len(tangram.pieces))


def test_the_text_alone_decides_whether_a_description_is_known(checkout: Path) -> None:
    texts = [f"thing {number}" for number in range(12)]
    entries = {"page1-2": described_as(*texts), "page2-0": described_as(*reversed(texts), "a hat")}
    (checkout / "dataset" / "full.json").write_text(json.dumps(entries))
    known, new = (load_tangrams(f"{source}:{checkout}") for source in SOURCES[1:])
    for part in known, new:
        first, second = (set(tangram.descriptions) - {"a hat"} for tangram in part)
        assert first == second
    # Fixed for good: a base that has read the known descriptions has not read any other.
    assert known["page1-2.png"].descriptions == tuple(f"thing {number}" for number in (2, 3, 5, 6, 7, 9))


def test_about_as_many_descriptions_are_known_as_was_said() -> None:
    known = np.mean([is_known(f"a description number {number}") for number in range(5000)])
    assert known == pytest.approx(KNOWN_SHARE, abs=0.03)


def test_only_tangrams_with_enough_descriptions_of_both_kinds_are_divided(checkout: Path) -> None:
    half = DESCRIPTIONS_TO_DIVIDE // 2
    enough = wordings(True, half) + wordings(False, DESCRIPTIONS_TO_DIVIDE - half)
    all_known = wordings(True, DESCRIPTIONS_TO_DIVIDE)
    path = checkout / "dataset" / "full.json"
    entries = {
        "page1-2": described_as(*enough),
        "page1-10": described_as(*enough[:-1], "UNKNOWN"),
        "page2-0": described_as(*all_known),
    }
    path.write_text(json.dumps(entries))
    for known in True, False:
        assert [tangram.id for tangram in read_part(path, known)] == ["page1-2.png"]
    path.write_text(json.dumps({"page2-0": described_as(*all_known)}))
    for source in SOURCES[1:]:
        message = rf"^no tangram of .*full\.json can be divided: expected {DESCRIPTIONS_TO_DIVIDE} descriptions or more"
        with pytest.raises(TangramError, match=message):
            load_tangrams(f"{source}:{path}")


def test_tangrams_are_alike_by_the_descriptions_they_keep_not_by_all_that_is_true_of_them() -> None:
    bird, cup, crow = (
        Tangram(text, (), frozenset({"bird", "cup"}), (text,), ()) for text in ("a bird", "a cup", "bird")
    )
    alike = described_alike([bird, cup, crow])
    assert alike[0, 2] == pytest.approx(1)
    assert alike[0, 1] == alike[1, 2] == 0


@pytest.mark.parametrize(
    ("text", "offends"),
    [
        ("two Penises", True),
        ("a SEXUAL act", True),
        ("a man,naked", True),
        ("a screw, a cockpit and a button", False),
        ("a bird with a red breast", False),
        ("an assassin at class", False),
        ("", False),
    ],
)
def test_words_that_may_offend_are_found_as_whole_words(text: str, offends: bool) -> None:
    assert may_offend(text) is offends


def test_what_may_offend_is_left_out_if_that_is_wanted_and_counted(checkout: Path) -> None:
    rude = {
        "annotations": [
            {"whole": {"wholeAnnotation": "a naked man"}, "part": {"1": "penis", "2": "body"}},
            {"whole": {"wholeAnnotation": "a bird"}, "part": {"1": "Penis"}},
            {"whole": {"wholeAnnotation": "naked bird"}, "part": {"1": "beak"}},
        ]
    }
    entries = {"page1-2": BIRD, "page1-10": rude, "page2-0": described_as("a whore")}
    (checkout / "dataset" / "full.json").write_text(json.dumps(entries))
    assert load_tangrams(f"kilogram:{checkout}")["page1-10.png"].parts[0] == "penis"
    with pytest.warns(TangramWarning) as told:
        screened = load_tangrams(f"kilogram-screened:{checkout}")
    assert screened.ids == ("page1-2.png", "page1-10.png")
    left = screened["page1-10.png"]
    assert (left.descriptions, left.facts, left.parts) == (("a bird",), frozenset({"bird"}), ("beak", "body", ""))
    messages = [str(warning.message) for warning in told]
    assert any("3 descriptions and 2 names of parts in" in message for message in messages)
    assert any("1 of 3 tangrams" in message and "page2-0 (no description)" in message for message in messages)


@pytest.mark.parametrize("spec", ["kilogram-known", "kilogram-new:", "kilogram-old:somewhere"])
def test_an_unknown_part_is_refused_with_the_parts_there_are(spec: str) -> None:
    with pytest.raises(TangramError, match=r"'kilogram-known:PATH' or 'kilogram-new:PATH' for a part"):
        load_tangrams(spec)


@pytest.mark.skipif(not PARTIAL.is_file(), reason=f"no descriptions at {PARTIAL}")
def test_no_wording_of_the_real_descriptions_is_in_both_parts() -> None:
    whole, known, new = (load_tangrams(f"{source}:{PARTIAL}") for source in SOURCES)
    enough = [tangram for tangram in whole if len(tangram.descriptions) >= DESCRIPTIONS_TO_DIVIDE]
    assert known.ids == new.ids
    assert 100 < len(known) <= len(enough) < len(whole)
    texts = [{text for tangram in part for text in tangram.descriptions} for part in (known, new)]
    assert not texts[0] & texts[1]
    counts = [sum(len(tangram.descriptions) for tangram in part) for part in (known, new)]
    assert sum(counts) == sum(len(whole[id].descriptions) for id in known.ids)
    assert counts[0] / sum(counts) == pytest.approx(KNOWN_SHARE, abs=0.03)
    for part in known, new:
        assert len(shared_contexts(part, 0.5).draw(np.random.default_rng(0)).listener_order) == 10


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no KiloGram at {REAL}")
def test_the_real_checkout_reads_with_all_its_drawings() -> None:
    tangrams = load_tangrams(f"kilogram:{REAL}")
    assert len(tangrams) == 74
    for tangram in tangrams:
        assert len(tangram.pieces) == len(tangram.parts) == 7
        assert tangram.facts
    for path in sorted((REAL / "dataset" / "tangrams-svg").glob("*.svg")):
        assert len(read_svg(path)) == 7
    share = np.mean([1 - silhouette(tangram, 48).mean() / 255 for tangram in tangrams])
    assert 0.15 < share < 0.25


def test_tangrams_need_a_drawing_and_no_description(tmp_path: Path) -> None:
    folder = tmp_path / "dataset" / "tangrams-svg"
    folder.mkdir(parents=True)
    for name in ("page1-0", "page1-1"):
        (folder / f"{name}.svg").write_text('<svg><polygon id="1" points="0,0 1,0 0,1"/></svg>')
    said = {"annotations": [{"whole": {"wholeAnnotation": "a bird"}}]}
    (folder.parent / "dense.json").write_text(json.dumps({"page1-1": said}))
    for path in (tmp_path, folder.parent, folder.parent / "dense.json"):
        tangrams = drawn_tangrams(f"kilogram:{path}")
        assert set(tangrams.ids) == {"page1-0.png", "page1-1.png"}
        assert tangrams["page1-1.png"].descriptions == ("a bird",)
        assert tangrams["page1-0.png"].descriptions == ()
    assert drawn_tangrams("figures") is load_tangrams("figures")
