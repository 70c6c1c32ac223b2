"""`multiref decode --chats`: reads feedback on the answers in logged chats from what users said next.

A log need not fit into memory. It is read three times: to check it, to decode it block by block, and to write it with
the feedback. Each block is on disk before the next one; see `multiref_gym.agents.kept_verdicts`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiref_gym.agents.decoders.chats import OF_THE_GAME, OUT_OF_PLACE, new_chat_decoder
from multiref_gym.agents.evaluation.chat_report import HEADING, ChatCounts
from multiref_gym.agents.kept_verdicts import KeptVerdicts, kept_verdicts
from multiref_gym.commands.export import say_skipped
from multiref_gym.commands.process import progress_beside
from multiref_gym.commands.screen import Screen
from multiref_gym.conversation import ChatDecoder, Verdict, verdicts
from multiref_gym.digests import file_digest
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.files import whole, write_atomically
from multiref_gym.formats.chats import (
    FEEDBACK,
    FIELDS,
    PROBABILITY,
    ROW_PROBABILITY,
    BadConversation,
    LoggedChat,
    TrainingRows,
    stream_chats,
)
from multiref_gym.formats.rows import PARQUET, Columns, holds_rows, in_json
from multiref_gym.formats.trainer import ROW, Trainer
from multiref_gym.registry import decoder_of, feedback_name

if TYPE_CHECKING:
    from multiref_gym.agents.commands.decode import Decode

BLOCK = 32
"""The conversations that are decoded together. A killed command loses one block at most."""
SHOWN, SHORT = 2, 160
"""The number of examples of each feedback on the screen, and the most characters of a message in them."""

Decoded = Iterator[tuple[LoggedChat, dict[int, Verdict]]]
"""Conversations with their verdicts, by the number of the message; an answer without a clear reply has none."""


def decode_chats(path: Path, command: Decode, screen: Screen) -> None:
    """Decodes chats, writes the feedback or rows to learn from, and shows the counts.

    Args:
        path: The log.
        command: The options.
        screen: Shows the progress and the results.

    Raises:
        UserError: As `Decode.run` does.
        OSError: If a file cannot be read or written. An existing file stays as it was.
    """
    out = _checked_out(command)
    name = feedback_name(command.decoder, command.ternary)
    decoder_of(command.decoder, command.ternary)  # report a wrong name before reading a long log
    log = ChatLog(path, command.skip_bad)
    columns = log.check(out, command.trl, screen)
    decoder = new_chat_decoder(command.decoder, command.ternary)
    made = {"decoder": name, **_asked(command.decoder), "multiref-gym": metadata.version("multiref-gym")}
    counts = ChatCounts(name, OUT_OF_PLACE.format(name) if command.decoder in OF_THE_GAME else "")
    for note in counts.notes():
        screen.say(note)  # before the work, and after it again
    with kept_verdicts(progress_beside(out), {"log": log.digest, **made, "block": BLOCK}) as kept:
        decoded = partial(log.decoded, kept, decoder)
        if kept.count:
            screen.say(f"{min(kept.count * BLOCK, log.conversations)} conversations were decoded before")
        for logged, found in decoded():
            counts.add(logged.place, logged.exchanges(), found)
            screen.report("conversations decoded", counts.conversations, log.conversations)
        log.check_same()
        training = TrainingRows(command.trl, counts.probabilities) if command.trl else None
        with whole(out, command.force) as unfinished:
            _write(unfinished, decoded, training, counts.probabilities, columns)
            if training is not None and not training.counts:
                raise UserError(f"{log.path}: no rows for --trl {command.trl}: no answer with such feedback fits")
        if command.report is not None:
            setup = {"log": str(log.path), "SHA-256": log.digest, **made}
            write_atomically(command.report, counts.page(setup), command.force)
    _show(screen, counts, training)
    say_skipped(log.bad, screen, "conversations")
    screen.say(f"feedback on {counts.values.total()} answers of {counts.conversations} conversations, in {out}")


class ChatLog:
    """A log of chats that is read more than once.

    Args:
        path: The file.
        skip_bad: Whether to leave out bad conversations.

    Attributes:
        path: The file.
        digest: The file's SHA-256, after the check.
        conversations: The number of conversations, after the check.
        bad: The errors of the conversations that are left out.
    """

    def __init__(self, path: Path, skip_bad: bool) -> None:
        self.path, self._skip_bad = path, skip_bad
        self.digest, self.conversations, self.bad = "", 0, list[BadConversation]()

    def check(self, out: Path, trl: Trainer | None, screen: Screen) -> Columns | None:
        """Reads the whole log, before any of it is decoded.

        Args:
            out: The file to write.
            trl: The trainer, if the output is rows to learn from.
            screen: Shows the progress.

        Returns:
            The columns of the Parquet file to write; None if the output is not Parquet.

        Raises:
            UserError: If a conversation is bad, no answer was followed up, or a value cannot be written.
        """
        if not self.path.is_file():
            what = "a folder" if self.path.is_dir() else "no file" if self.path.exists() else "no such file"
            raise UserError(f"{self.path}: {what}: expected a file of chats")
        self.digest = file_digest(self.path)
        from_columns, to_columns = self.path.suffix == PARQUET, out.suffix == PARQUET
        like = self.path if from_columns and not trl else None
        columns = Columns(out, like) if to_columns else None
        training = TrainingRows(trl, probabilities=True) if trl else None
        exchanges = 0
        for logged in stream_chats(self.path, self.bad.append if self._skip_bad else None):
            exchanges += len(logged.exchanges())
            self.conversations += 1
            for row in _like_those_written(logged, training) if from_columns or to_columns else ():
                if columns is None:
                    in_json(row, logged.place)
                else:
                    columns.add(row if like is None else {name: row[name] for name in (FEEDBACK, PROBABILITY)})
            screen.report("conversations read", self.conversations, None)
        if not exchanges:
            raise UserError(f"{self.path}: no feedback to decode: no user follows up an answer")
        if columns is not None:
            columns.finish()
        return columns

    def decoded(self, kept: KeptVerdicts, decoder: ChatDecoder) -> Decoded:
        """Yields the conversations with their verdicts; blocks without kept verdicts are decoded, and then kept.

        Raises:
            UserError: As `verdicts` does, or if the kept verdicts do not belong to this log.
        """
        # The check has reported bad conversations.
        chats = stream_chats(self.path, (lambda error: None) if self._skip_bad else None)
        there = kept.blocks()
        while block := list(islice(chats, BLOCK)):
            exchanges = [logged.exchanges() for logged in block]
            found = next(there, None)
            if found is None:
                found = verdicts(decoder, [exchange for of_chat in exchanges for exchange in of_chat.values()])
                kept.add(found)
            if len(found) != sum(map(len, exchanges)):
                raise UserError(f"{kept.path} is damaged: delete it to decode everything again")
            left = iter(found)
            for logged, of_chat in zip(block, exchanges, strict=True):
                of_answers = {number: next(left) for number in of_chat}
                yield logged, {number: verdict for number, verdict in of_answers.items() if verdict is not None}

    def check_same(self) -> None:
        """Raises UserError if the file has changed since it was checked."""
        if file_digest(self.path) != self.digest:
            raise UserError(f"{self.path} changed while it was decoded: choose another --out for the changed log")


def _checked_out(command: Decode) -> Path:
    """Returns the file to write, after checking that it and the report may be written."""
    out, report = command.out, command.report
    if out is None:
        raise UserError("expected --out, the file for the feedback")
    if out.suffix == ".csv":
        raise UserError(f"--out {out}: allowed are JSON Lines or FILE.parquet; tables are for games only")
    if report is not None:
        if report.absolute() == out.absolute():
            raise UserError(f"--report {report}: allowed is a file other than --out")
        command.check_replaced(report, "a report", lambda path: HEADING in path.read_text(errors="replace"))
    if command.trl:
        command.check_replaced(out, "rows for TRL", partial(holds_rows, fields=ROW))
    else:  # games with feedback are not chats
        command.check_replaced(out, "chats with feedback", partial(holds_rows, fields=(FEEDBACK,), one_of=FIELDS))
    return out


def _asked(decoder: str) -> dict[str, str]:
    """Returns what determines a decoder besides its name: the environment variables of its endpoint, or its weights."""
    match decoder.split(":"):
        case ["prompted-api", *_]:
            from multiref_gym.agents.openai_api import ENDPOINT, MODEL  # imported here, because it needs httpx

            return {name: os.environ.get(name, "") for name in (ENDPOINT, MODEL)}
        case ["tuned", *folder]:
            from multiref_gym.agents.decoders.tuned import WEIGHTS  # imported here, because it needs torch

            return {"weights": file_digest(Path(":".join(folder), WEIGHTS))}
    return {}


def _like_those_written(logged: LoggedChat, training: TrainingRows | None) -> Iterator[dict[str, Any]]:
    """Yields rows with the same types as the rows to be written for a conversation, whatever will be decoded."""
    likely = Verdict(Feedback.POSITIVE, 0.5)
    if training is None:
        yield logged.with_feedback(dict.fromkeys(range(len(logged.messages)), likely), probabilities=True)
    else:
        yield from training.of(logged, dict.fromkeys(logged.exchanges(), likely))


def _write(
    unfinished: Path,
    decoded: Callable[[], Decoded],
    training: TrainingRows | None,
    probabilities: bool,
    columns: Columns | None,
) -> None:
    """Writes the conversations with their feedback, or the rows to learn from."""

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        for logged, found in decoded():
            if training is None:
                yield logged.place, logged.with_feedback(found, probabilities)
            else:
                yield from ((logged.place, row) for row in training.of(logged, found))

    if columns is not None:
        added = PROBABILITY if training is None else ROW_PROBABILITY
        columns.write(unfinished, (row for _, row in rows()), leave_out=() if probabilities else (added,))
        return
    with unfinished.open("wb") as file:
        file.writelines(f"{in_json(row, place)}\n".encode() for place, row in rows())


def _show(screen: Screen, counts: ChatCounts, training: TrainingRows | None) -> None:
    screen.show(*counts.sheets())
    for note in counts.notes():
        screen.say(note)
    for examples in counts.examples.values():
        for example in examples[:SHOWN]:
            screen.say(f"{example.decoded} ({example.place})")
            for who, words in example.messages(SHORT):
                screen.say(f"    {who}: {words}")
    if training is not None:
        made = training.counts
        rows = f"{made[Feedback.POSITIVE]} desirable and {made[Feedback.NEGATIVE]} undesirable rows"
        left_out = ", ".join(f"{n} {reason}" for reason, n in sorted(training.left_out.items()))
        screen.say(rows + (f"; answers left out: {left_out}" if left_out else ""))
