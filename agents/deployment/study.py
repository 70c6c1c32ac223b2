"""What a study asks of people: consent, quiz, number of games, survey. It is in a folder that a team can edit."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from multiref_gym.checking import checked
from multiref_gym.errors import UserError, require

CONSENT, SETTINGS, TEXTS = "consent.txt", "study.toml", "texts.toml"


@dataclass(frozen=True)
class Question:
    """A question of the quiz.

    Attributes:
        question: What is asked.
        answers: What can be answered.
        right: The number of the right answer; the first one is 1.
        roles: Whom it is asked: "speaker", "listener", "pairs"; everybody if there are none.
    """

    question: str
    answers: tuple[str, ...]
    right: int
    roles: tuple[Literal["speaker", "listener", "pairs"], ...] = ()

    def __post_init__(self) -> None:
        require("right", self.right, f"1 to {len(self.answers)}", 1 <= self.right <= len(self.answers))


@dataclass(frozen=True)
class Asked:
    """A question of the survey.

    Attributes:
        name: What it is called in the data.
        question: What is asked.
        answers: What can be answered; anything, if there are none.
    """

    name: str
    question: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What `study.toml` says.

    Attributes:
        title: What the study is called.
        games: How many games a person plays.
        tries: How often the quiz may be tried.
        quiz: Its questions.
        survey: Those of the survey.
    """

    title: str
    games: int
    tries: int = 3
    quiz: tuple[Question, ...] = ()
    survey: tuple[Asked, ...] = ()

    def __post_init__(self) -> None:
        require("games", self.games, "1 or more", self.games >= 1)
        require("tries", self.tries, "1 or more", self.tries >= 1)


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        settings: What is asked.
        consent: The text that people agree to.
        folder: Where pages may be that replace those of the package.
    """

    settings: Settings
    consent: str
    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Study:
        """Reads a study's folder: `consent.txt`, and `study.toml` unless the package's own is to be used.

        Raises:
            UserError: If there is no consent, or a file says something else.
        """
        path = folder / CONSENT
        if not path.is_file():
            raise UserError(f"{path}: there is no such file, and nobody takes part who has agreed to nothing")
        try:
            consent = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8: {error.reason}") from error
        if not consent.strip():
            raise UserError(f"{path}: it is empty, and nobody takes part who has agreed to nothing")
        said = _read(folder / SETTINGS) or _own(SETTINGS)
        return cls(checked(Settings, json.dumps(said, default=str).encode(), str(folder / SETTINGS)), consent, folder)

    @property
    def version(self) -> str:
        """What the first line of the consent calls it, or the start of its hash."""
        first, _, version = self.consent.splitlines()[0].partition(":")
        return version.strip() if first.strip().lower() == "version" and version.strip() else self.hash[:12]

    @property
    def hash(self) -> str:
        """The SHA-256 of the consent."""
        return hashlib.sha256(self.consent.encode()).hexdigest()

    @property
    def consent_paragraphs(self) -> list[str]:
        """The consent as it is shown: without the line that says its version."""
        text = self.consent.strip()
        if text.partition(":")[0].strip().lower() == "version":
            text = text.partition("\n")[2]
        return [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]


def texts(folder: Path | None) -> dict[str, str]:
    """Returns what people are told beside the pages, by name, with what is in a study's folder in place of our own.

    Raises:
        UserError: If the file in the folder has other names, or is broken.
    """
    own = checked(dict[str, str], _own(TEXTS), TEXTS)
    if folder is None:
        return own
    given = checked(dict[str, str], _read(folder / TEXTS), str(folder / TEXTS))
    for name in given:
        if name not in own:
            raise UserError(f"{folder / TEXTS}: there is no text {name!r:.60}; there are {', '.join(own)}")
    return own | given


def _own(name: str) -> dict[str, Any]:
    return tomllib.loads(files("multiref_gym.agents.deployment").joinpath("study", name).read_text(encoding="utf-8"))


def _read(path: Path) -> dict[str, Any]:
    """Returns what a file of TOML holds, nothing if there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
