"""Tables of single labelled replies, either of the game or of chats with an assistant."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from multiref_gym.conversation import ChatExchange
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action

OF_GAME = ("utterance", "action", "reply", "label", "kind")
OF_CHATS = ("request", "answer", "reply", "label", "kind")
"""The columns of the two kinds of table."""
LABELS = {"positive": True, "negative": False}


@dataclass(frozen=True)
class LabelledReply:
    """A row of a table: an exchange, whether the reply's author is content, and the kind of the reply."""

    exchange: Exchange | ChatExchange
    content: bool
    kind: str


def read_replies(path: Path) -> list[LabelledReply]:
    """Reads a table of replies; its columns show whether it is of the game or of chats.

    Raises:
        UserError: If the file is missing or is no such table, or a row is wrong; the message names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, strict=True)
            columns = set(table.fieldnames or ())
            if not (columns >= set(OF_GAME) or columns >= set(OF_CHATS)):
                raise ValueError(f"expected the columns {', '.join(OF_GAME)}, or for chats {', '.join(OF_CHATS)}")
            replies = []
            for row in table:
                if None in row.values() or row["label"] not in LABELS:
                    raise ValueError(f"expected {len(OF_GAME)} values, with the label {' or '.join(LABELS)}")
                replies.append(LabelledReply(_exchange(row), LABELS[row["label"]], row["kind"]))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}, line {table.line_num}: {error}") from error
    if not replies:
        raise UserError(f"{path}: no replies")
    return replies


def _exchange(row: dict[str, str]) -> Exchange | ChatExchange:
    if "utterance" in row:
        return Exchange(None, row["utterance"], Action.parse(row["action"]), row["reply"])
    return ChatExchange("", row["request"], row["answer"], row["reply"])
