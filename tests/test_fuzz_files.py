"""Files from outside, damaged or of any content, are refused by name or read as what they say."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from fuzzing import changed, damaged, examples, json_values, read_or_refused, texts
from human_like import write_games, write_kilogram
from hypothesis import example, given
from hypothesis import strategies as st

from multiref_gym.agents.decoders.learned import WEIGHTS, LearnedDecoder
from multiref_gym.agents.learning.run_folder import claim
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.benchmarks.benchmark import _check_folder
from multiref_gym.contexts import shared_contexts
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats import read_games
from multiref_gym.formats import write_games as write
from multiref_gym.game import Action, Game
from multiref_gym.simulators.persona import Persona, read_personas
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams, silhouette
from multiref_gym.tangrams.kilogram import described_alike, read_drawings, read_kilogram, read_svg
from multiref_gym.vocabulary import Vocabulary


def in_file(name: str, content: bytes, read: Callable[[Path], Any]) -> Any:
    """Returns what is read from a file with this content, or None if it is refused by the file's name."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read_or_refused(lambda: read(path), name)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


# KiloGram.


@pytest.fixture(scope="module")
def kilogram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kilogram(tmp_path_factory.mktemp("kilogram")) / "dataset"


def few(kilogram: Path) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads((kilogram / "full.json").read_text())
    return {name: {"annotations": entries[name]["annotations"][:2]} for name in list(entries)[:3]}


@given(data=st.data())
@examples(80)
def test_descriptions(data: st.DataObject, kilogram: Path) -> None:
    entries = few(kilogram)
    contents = json_values.map(as_json) | changed(entries).map(as_json) | damaged(as_json(entries))
    content = data.draw(contents | st.dictionaries(texts, st.just(next(iter(entries.values())))).map(as_json))
    with TemporaryDirectory() as folder:
        (Path(folder) / "tangrams-svg").symlink_to(kilogram / "tangrams-svg")
        path = Path(folder) / "full.json"
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tangrams = read_or_refused(lambda: read_kilogram(path), "full.json")
    if tangrams is not None:
        assert {tangram.id for tangram in tangrams} <= {f"{drawing.stem}.png" for drawing in kilogram.rglob("*.svg")}
        assert all(tangram.descriptions for tangram in tangrams)
        assert np.isfinite(described_alike(tangrams)).all()


numbers = st.floats().map(str) | st.sampled_from(["1e400", "-1e308", "0x1", "٣", "1e", "", "1,,2", "9" * 400])
calls = st.builds(
    "{}({})".format,
    st.sampled_from(["matrix", "translate", "scale", "rotate", "skewX", "", "é"]),
    st.lists(numbers, max_size=6).map(" ".join),
)


@st.composite
def drawings(draw: st.DrawFn) -> bytes:
    """SVG of polygons whose attributes hold what they should not."""
    polygons = ""
    for _ in range(draw(st.integers(0, 3))):
        points = " ".join(draw(st.lists(numbers, max_size=8))) if draw(st.booleans()) else "0,0 1,0 1,1"
        transform = draw(st.just("") | st.lists(calls, max_size=2).map(" ".join) | st.text("(), a1-", max_size=9))
        id = draw(st.sampled_from(['id="1"', 'id="2"', "id=''", ""]))
        polygons += f'<polygon {id} points="{points}" transform="{transform}"/>'
    wrapped = draw(st.sampled_from(["{}", "<g>{}</g>", "<g>" * 5000 + "{}" + "</g>" * 5000, "{}&amp;", "&xxe;{}"]))
    start = draw(
        st.sampled_from(["", '<?xml version="1.0" encoding="utf-16"?>', '<?xml version="1.0" encoding="idna"?>'])
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
    return f'{start}<svg xmlns="http://www.w3.org/2000/svg">{wrapped.format(polygons)}</svg>'.encode(encoding)


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(10))
LAUGHING = f'<!DOCTYPE svg [{LAUGHS}]><svg><polygon id="&l9;" points="0,0 1,0 1,1"/></svg>'


def drawn(path: Path) -> dict[str, np.ndarray]:
    polygons = read_svg(path)
    assert all(polygon.shape[0] >= 3 and np.isfinite(polygon).all() for polygon in polygons.values())
    [tangram] = read_drawings(path.parent.parent)
    picture = silhouette(tangram, 32)
    assert picture.shape == (32, 32)
    return polygons


@given(data=st.data())
@examples(120)
@pytest.mark.filterwarnings("error")
def test_drawings(data: st.DataObject, kilogram: Path) -> None:
    whole = (kilogram / "tangrams-svg" / "page1-0.svg").read_bytes()
    content = data.draw(damaged(whole) | drawings() | st.binary(max_size=20))
    with TemporaryDirectory() as folder:
        (Path(folder) / "full.json").write_text("{}")
        path = Path(folder) / "tangrams-svg" / "page1-0.svg"
        path.parent.mkdir()
        path.write_bytes(content)
        read_or_refused(lambda: drawn(path), "page1-0.svg")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_drawing_that_stands_for_more_than_memory_holds_is_refused_at_once(encoding: str) -> None:
    assert in_file("page1-0.svg", LAUGHING.encode(encoding), read_svg) is None


# Personas.


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return (
        "2026-11-29" if value is None else json.dumps(value).lower() if isinstance(value, float) else json.dumps(value)
    )


HABITS = {
    "name": "Ada",
    "praise": 0.5,
    "praises": ["good"],
    "detail": 2,
    "article": "the",
    "capitals": True,
    "typos": 0.1,
}


def tables(people: list[Any]) -> bytes:
    """Returns a file of personas."""
    lines = []
    for person in people:
        lines += ["[[persona]]", *(f"{json.dumps(name)} = {toml(value)}" for name, value in dict(person).items())]
    return "\n".join(lines).encode(errors="replace")


@cache
def figures() -> TangramSet:
    return load_tangrams("figures").split("dev")


def spoken(personas: tuple[Persona, ...]) -> None:
    rng = np.random.default_rng(0)
    for persona in personas:
        speaker = read_or_refused(partial(ScriptedSpeaker, figures(), personas=[persona]))
        if speaker is None:  # it has a phrase that nobody can say
            continue
        game = Game(shared_contexts(figures()).draw(rng))
        assert isinstance(speaker.start(game, rng), str)
        for position in (0, 1, 2):
            action = Action(frozenset({position}))
            game.apply(action)
            assert isinstance(speaker.reply(action), str)
            if game.over:
                break


people = st.lists(changed(HABITS).filter(lambda person: isinstance(person, dict)), max_size=3)


@given(content=people.map(tables) | damaged(tables([HABITS])) | texts.map(str.encode))
@example(content=b"persona = " + b"[" * 9999)
@example(content=b"\xef\xbb\xbf" + tables([HABITS]))
@example(content=tables([HABITS | {"detail": 10**99}]))
@examples(100)
def test_personas(content: bytes) -> None:
    personas = in_file("personas.toml", content, read_personas)
    if personas is not None:
        spoken(personas)


# Games in files.


@pytest.fixture(scope="module")
def games_by_format(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("games")
    games = read_games(write_games(folder / "games.jsonl"))[0]
    by_format = {}
    for format in ("jsonl", "interaction", "turn"):
        write(format, folder / format, random.Random(1).sample(games, 2))
        by_format[format] = [json.loads(line) for line in (folder / format).read_text().splitlines()]
    return by_format


@given(data=st.data(), format=st.sampled_from(["jsonl", "interaction", "turn"]), told=st.booleans())
@examples(150)
def test_games(data: st.DataObject, format: str, told: bool, games_by_format: dict[str, list[Any]]) -> None:
    records = games_by_format[format]
    lines = changed(records).map(lambda rows: rows if isinstance(rows, list) else [rows])
    contents = lines.map(lambda rows: b"\n".join(map(as_json, rows)))
    content = data.draw(contents | damaged(b"\n".join(map(as_json, records))))
    games = in_file("games.jsonl", content, lambda path: read_games(path, format if told else None)[0])
    if games is not None:
        with TemporaryDirectory() as folder:
            write(format, Path(folder) / "again.jsonl", games)
            again = read_games(Path(folder) / "again.jsonl", format)[0]
        assert len(again) == len(games)
        if format == "jsonl":
            assert [logged.interaction for logged in again] == [logged.interaction for logged in games]


# Settings and weights as JSON.

SETTINGS_OF_A_MODEL = {
    "model": "org/model",
    "device": "cpu",
    "dtype": "float32",
    "rank": 4,
    "dropout": 0.1,
    "layers": "q",
}


@given(
    content=json_values.map(as_json) | changed(SETTINGS_OF_A_MODEL).map(as_json) | damaged(as_json(SETTINGS_OF_A_MODEL))
)
@examples(80)
def test_settings_of_a_vision_language_model(content: bytes) -> None:
    config = in_file(VlmConfig.FILE, content, lambda path: VlmConfig.of(path.parent))
    assert config is None or config == VlmConfig(
        **config.deciding,
        **{
            name: getattr(config, name) for name in ("model", "device", "played_at_once", "kept_gib", "trained_at_once")
        },
    )


RUN = {"format": 2, "version": "0", "config": {"rounds": 1, "seed": 0, "personas": None}, "base": "0123"}
DEEP = b'{"config": ' + b"[" * 99_999


@given(content=json_values.map(as_json) | changed(RUN).map(as_json) | damaged(as_json(RUN)))
@example(content=DEEP)
@example(content=as_json(RUN).replace(b"personas", b"ersonas"))
@example(content=as_json({**RUN, "base": {"\n": None}}))
@examples(80)
def test_configurations_of_runs(content: bytes) -> None:
    def claimed(path: Path) -> Any:
        claim(path.parent, RUN)
        return json.loads(path.read_bytes())  # to a run of fewer rounds some may have been added

    record = in_file("config.json", content, claimed)
    assert record is None or record == RUN


@given(content=json_values.map(as_json) | changed({"config": RUN}).map(as_json) | damaged(as_json({"config": RUN})))
@example(content=DEEP)
@examples(80)
def test_results_that_a_benchmark_may_replace(content: bytes) -> None:
    def checked(path: Path) -> Path:
        _check_folder(path, RUN)
        return path

    if in_file("results.json", content, checked):
        assert RUN.items() <= json.loads(content)["config"].items()


@given(content=json_values.map(as_json) | changed({"words": ["a", "bird"]}).map(as_json) | damaged(b'{"words": ["a"]}'))
@examples(60)
def test_vocabularies(content: bytes) -> None:
    words = in_file("vocabulary.json", content, Vocabulary.load)
    assert words is None or len(words.ids("a bird")) == 2


REPLIES = [Exchange(None, "the bird", Action(frozenset({1})), reply) for reply in ("yes, the dog", "no", "", "🙂")]


@given(data=st.data())
@examples(60)
def test_weights_of_the_learned_decoder(data: st.DataObject) -> None:
    whole = json.loads(WEIGHTS.read_text())
    small = whole | {"words": whole["words"][:3], "features": dict(list(whole["features"].items())[:3])}
    content = data.draw(json_values.map(as_json) | changed(small).map(as_json) | damaged(as_json(small)))
    answers = in_file("learned.json", content, lambda path: LearnedDecoder(weights=path).decode(REPLIES))
    assert answers is None or (len(answers) == len(REPLIES) and set(answers) <= set(Feedback))


# Actions.


@given(text=st.text() | st.text("selct dABKZabé,.\n&-", max_size=30))
@examples(200)
def test_texts_of_actions(text: str) -> None:
    action = read_or_refused(lambda: Action.parse(text.replace("\n", " ")))
    assert action is None or Action.parse(str(action)) == action


@given(select=st.sets(st.integers(0, 25)), deselect=st.sets(st.integers(0, 25)))
@examples(60)
def test_actions_are_read_as_they_are_shown(select: set[int], deselect: set[int]) -> None:
    action = Action(frozenset(select - deselect), frozenset(deselect))
    if action.clicks:
        assert Action.parse(str(action), 26) == action
