"""A study's settings: consent, quiz, number of games, survey. They are in a folder that a team can edit."""

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
        question: The question.
        answers: The possible answers.
        right: The number of the right answer, counted from 1.
        roles: The roles that it is for: "speaker", "listener", "pairs"; empty for all.
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
        name: Its name in the data.
        question: The question.
        answers: The possible answers; empty for free text.
    """

    name: str
    question: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The contents of `study.toml`.

    Attributes:
        title: The title of the study.
        games: The number of games for a person.
        tries: The number of attempts at the quiz.
        quiz: The questions of the quiz.
        survey: The questions of the survey.
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
        settings: The settings.
        consent: The text that people agree to.
        folder: A folder whose pages replace those of the package.
    """

    settings: Settings
    consent: str
    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Study:
        """Reads a study's folder: `consent.txt`, and `study.toml` if there is one, in place of the package's own.

        Raises:
            UserError: If there is no consent, or a file is invalid.
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
        """The version in the consent's first line, or the start of its hash."""
        first, _, version = self.consent.splitlines()[0].partition(":")
        return version.strip() if first.strip().lower() == "version" and version.strip() else self.hash[:12]

    @property
    def hash(self) -> str:
        """The SHA-256 of the consent."""
        return hashlib.sha256(self.consent.encode()).hexdigest()

    @property
    def consent_paragraphs(self) -> list[str]:
        """The paragraphs of the consent to show: without the line with the version."""
        text = self.consent.strip()
        if text.partition(":")[0].strip().lower() == "version":
            text = text.partition("\n")[2]
        return [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]


def texts(folder: Path | None) -> dict[str, str]:
    """Returns further texts for people, by name; those in a study's folder replace our own.

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
    """Returns the contents of a TOML file, empty if there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
