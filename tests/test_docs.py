"""The pages of the documentation: their examples are read by the package, and their prose reads easily."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT

from multiref_gym.agents.decoders.replies import read_replies
from multiref_gym.agents.deployment.study import Study
from multiref_gym.feedback import Feedback
from multiref_gym.formats import read_games, write_games
from multiref_gym.formats.chats import read_feedback, stream_chats
from multiref_gym.formats.label_table import LabelTable
from multiref_gym.simulators.persona import read_personas

FORMATS = (ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8")

SUFFIXES = {"json": ".json", "text": ".csv", "toml": ".toml", "python": ".py"}


def examples() -> Iterator[tuple[str, str, str]]:
    """Yields each example of a format: its heading, its language, and what is in it."""
    for section in FORMATS.split("\n## ")[1:]:
        for language, content in re.findall(r"^```(\w+)\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL):
            yield section.partition("\n")[0], language, content


EXAMPLES = {heading: (language, content) for heading, language, content in examples()}


def example_file(heading: str, folder: Path) -> Path:
    """Writes an example as the file that it is of."""
    language, content = EXAMPLES[heading]
    path = folder / f"example{SUFFIXES[language]}"
    path.write_text(content, encoding="utf-8")
    return path


def study(path: Path) -> list[Study]:
    shutil.copy(path, path.with_name("study.toml"))
    path.with_name("consent.txt").write_text("I agree.")
    return [Study.of(path.parent)]


def table(path: Path) -> list[LabelTable]:
    return [LabelTable(path)]


READERS: dict[str, Callable[[Path], object]] = {
    "Games: JSON Lines": lambda path: read_games(path, "jsonl")[0],
    "Games: one row each": lambda path: read_games(path, "interaction")[0],
    "Games: one row a turn": lambda path: read_games(path, "turn")[0],
    "Feedback: a table": table,
    "Chats: OpenAI's form": lambda path: list(stream_chats(path)),
    "Chats: ShareGPT's form": lambda path: list(stream_chats(path)),
    "Chats with feedback": read_feedback,
    "Replies of the game": read_replies,
    "Replies in chats": read_replies,
    "Personas": read_personas,
    "A study": study,
}


@pytest.mark.parametrize("heading", READERS)
def test_the_example_of_a_format_is_read(heading: str, tmp_path: Path) -> None:
    assert READERS[heading](example_file(heading, tmp_path))


def test_every_example_is_tested() -> None:
    assert EXAMPLES.keys() == READERS.keys() | {"Games: Minari"}


def test_the_forms_of_games_tell_of_the_same_game(tmp_path: Path) -> None:
    [[game], [row], [turns]] = [
        read_games(example_file(f"Games: {form}", tmp_path))[0]
        for form in ("JSON Lines", "one row each", "one row a turn")
    ]
    said = [[(turn.utterance, turn.action) for turn in logged.interaction.turns] for logged in (game, turns)]
    assert said[0] == said[1]
    assert [turn.utterance for turn in row.interaction.turns] == [utterance for utterance, _ in said[0]]
    assert all(logged.interaction.success for logged in (game, row, turns))


def test_the_table_of_feedback_fits_the_example_of_a_game(tmp_path: Path) -> None:
    [game] = read_games(example_file("Games: JSON Lines", tmp_path))[0]
    [labelled] = LabelTable(example_file("Feedback: a table", tmp_path)).of([game])
    assert labelled.labels == (Feedback.NEGATIVE, None)


def test_the_code_for_minari_writes_the_games_as_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    monkeypatch.chdir(tmp_path)
    [game] = read_games(example_file("Games: JSON Lines", tmp_path))[0]
    write_games("jsonl", "games.jsonl", [game])
    exec(EXAMPLES["Games: Minari"][1], {})
    [again] = read_games("multiref/example-v0", "minari")[0]
    assert again.interaction == game.interaction


# Reading ease.

EASE = 50


def prose(page: str) -> str:
    """Returns the text of a page in Markdown: no code, no tables, no headings, no directives, no targets of links."""
    page = re.sub(r"^(`{3,}|:{3,}).*?^\1 *$", "", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"^(\||#|\*\*?\w[^.]*\*\*?$).*$", "", page, flags=re.MULTILINE)
    page = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", page)
    page = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page)
    page = re.sub(r"`[^`]*`", "it", page)  # a name counts as one short word
    page = re.sub(r"(?<=\d)[.,](?=\d)", "", page)  # the point of a number ends no sentence
    page = re.sub(r"^\s*(?:[-*]|\d+\.) (.*)$", r"\n\1", page, flags=re.MULTILINE)
    return re.sub(r"[*_>]", "", page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_reads_easily(page: Path) -> None:
    textstat = pytest.importorskip("textstat")
    text = prose(page.read_text(encoding="utf-8"))
    assert not text.strip() or textstat.flesch_reading_ease(text) >= EASE


def test_reading_ease_tells_plain_prose_from_hard_prose() -> None:
    textstat = pytest.importorskip("textstat")
    plain = "The listener clicks on a shape. Then the speaker says if it was right."
    hard = "Heterogeneous implementations necessitate considerable configurational sophistication beforehand."
    assert textstat.flesch_reading_ease(prose(plain)) > EASE > textstat.flesch_reading_ease(prose(hard))


def test_prose_is_without_code_tables_and_targets_of_links() -> None:
    page = (
        "# Title\n\nRead [this page](a-long/path.md).\n\n| a | b |\n|---|---|\n\n```bash\nmultiref\n```\nThe `end`.\n"
    )
    assert prose(page).split() == ["Read", "this", "page.", "The", "it."]
