"""Turns with decoded feedback, as rows for TRL's trainers `SFTTrainer` and `KTOTrainer`.

A row is a turn on which there is feedback. Its columns are

- `prompt`: the chat up to the speaker's utterance, in the messages of `multiref_gym.messages`;
- `completion`: the action, in one message of the assistant;
- `images`: the pictures of the prompt as PNG files, in its order; missing if the tangrams are shown in words;
- `label`, for KTO: whether the feedback is positive;
- `game_id`, `system`, `round`, `turn` (from 0): the turn's place in the store;
- `log_prob`: the natural log-probability of the action under the policy that acted, null if unknown.

SFT learns from the turns with positive feedback, KTO from those with positive or negative feedback. The trainers read
the first four columns and ignore the others. They have no weights for rows.

A turn without clicks is a row, too, with the completion "no click": a language model can say it, and the feedback
teaches when it should. A model's answer that was not an action is also such a turn.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.rows import EXTRA
from multiref_gym.formats.trainer import LEARNED_FROM, Trainer
from multiref_gym.messages import Messages, Part
from multiref_gym.png import png
from multiref_gym.tangrams import Atlas

SUFFIXES = (".jsonl", ".parquet")
ROWS_AT_ONCE = 500
"""Rows of a Parquet file that are in memory at once; with ten pictures each they take a few MB."""


def check_rows_file(path: Path, words: bool) -> None:
    """Raises UserError if a file of this name cannot hold rows, with the tangrams in words or in pictures."""
    if path.suffix not in SUFFIXES:
        suffixes = " or ".join(SUFFIXES)
        raise UserError(f"cannot write rows for TRL to {path}: allowed is a file whose name ends in {suffixes}")
    if path.suffix == ".jsonl" and not words:
        raise UserError(f"cannot write pictures to {path}: name a .parquet file, or add --text for words")
    if path.suffix == ".parquet" and not find_spec("datasets"):
        raise UserError(f"cannot write {path}: Parquet files need the extra 'datasets': {EXTRA}")


@dataclass(frozen=True)
class Trl:
    """Rows for a trainer of TRL.

    Attributes:
        kind: The trainer.
        atlas: The tangrams and their pictures.
        words: Whether to show the tangrams in words.
    """

    kind: Trainer
    atlas: Atlas
    words: bool = False

    def write(self, where: Path, suffix: str, games: Iterable[LoggedGame]) -> Counter[Feedback | None]:
        """Writes the rows one by one, so that not all of them need be in memory.

        Args:
            where: The file.
            suffix: The kind of file, one of `SUFFIXES`.
            games: The games, with the feedback as labels.

        Returns:
            The number of turns by feedback, None for turns without.

        Raises:
            TangramError: If a tangram is unknown or cannot be shown.
            UserError: If there is nothing to learn from, or the extra for Parquet files is not installed.
            OSError: If the file cannot be written.
        """
        counts = Counter[Feedback | None]()
        rows = self._rows(games, counts)
        if suffix == ".jsonl":
            with where.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            _write_parquet(where, rows, self._schema())
        if not any(counts[feedback] for feedback in LEARNED_FROM[self.kind]):
            raise UserError(f"there is nothing for --trl {self.kind} to learn from in {sum(counts.values())} turns")
        return counts

    def _rows(self, games: Iterable[LoggedGame], counts: Counter[Feedback | None]) -> Iterator[dict[str, Any]]:
        """Yields the rows, and counts the turns by their feedback."""
        form = Messages(self.atlas, "words" if self.words else "tangrams", _placeholder)
        picture_of: dict[str, dict[str, Any]] = {}  # by tangram: there are far fewer tangrams than turns
        for logged in games:
            game, messages = logged.interaction, form.of_game(logged.interaction)
            order = game.context.listener_order
            for name in () if self.words else set(order).difference(picture_of):
                picture = Image.fromarray(self.atlas.silhouettes([name])[0]).convert("RGB")
                picture_of[name] = {"bytes": png(picture), "path": None}
            for number, (turn, feedback) in enumerate(zip(game.turns, logged.labels, strict=True)):
                counts[feedback] += 1
                if feedback not in LEARNED_FROM[self.kind]:
                    continue
                row: dict[str, Any] = {
                    "prompt": messages[: 2 * number + 1],
                    "completion": messages[2 * number + 1 : 2 * number + 2],
                }
                if not self.words:
                    row["images"] = [picture_of[name] for name in order]
                if self.kind == "kto":
                    row["label"] = feedback is Feedback.POSITIVE
                yield row | {
                    "game_id": game.game_id,
                    "system": logged.system,
                    "round": game.round,
                    "turn": number,
                    "log_prob": turn.log_prob,
                }

    def _schema(self) -> Any:
        """Returns the columns with the marks of `datasets`, so that pictures are loaded as pictures."""
        datasets = import_module("datasets")
        text, part = datasets.Value("string"), {"type": datasets.Value("string"), "text": datasets.Value("string")}
        message = {"role": text, "content": text if self.words else datasets.List(part)}
        columns = (
            {"prompt": datasets.List(message), "completion": datasets.List(message)}
            | ({} if self.words else {"images": datasets.List(datasets.Image())})
            | ({"label": datasets.Value("bool")} if self.kind == "kto" else {})
            | {"game_id": text, "system": text}
            | {name: datasets.Value("int64") for name in ("round", "turn")}
            | {"log_prob": datasets.Value("float64")}
        )
        return datasets.Features(columns).arrow_schema


def summary(kind: Trainer, counts: Counter[Feedback | None], decoder: str) -> str:
    """Returns a sentence with the number of rows, the turns by feedback, and a weight for KTO.

    TRL advises a total weight of positive to negative turns between 1:1 and 4:3; the weight here gives 1:1.
    """
    named = ", ".join(f"{counts[feedback]} {feedback.name.lower()}" for feedback in reversed(Feedback))
    rows = sum(counts[feedback] for feedback in LEARNED_FROM[kind])
    said = f"{rows} rows; turns by the feedback of {decoder}: {named}, {counts[None]} without"
    positive, negative = counts[Feedback.POSITIVE], counts[Feedback.NEGATIVE]
    if kind == "kto" and positive and negative:
        said += f"; KTOConfig(undesirable_weight={positive / negative:.2f}) weighs both alike"
    return said


def _placeholder(image: Image.Image) -> Part:
    """Returns the place of a picture of `images`. All parts have the same keys, because a column's values must."""
    return {"type": "image", "text": None}


def _write_parquet(where: Path, rows: Iterator[dict[str, Any]], schema: Any) -> None:
    table = import_module("pyarrow").Table
    with import_module("pyarrow.parquet").ParquetWriter(where, schema, compression="zstd") as writer:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(table.from_pylist(some, schema=schema))
