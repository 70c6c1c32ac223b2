"""`multiref decode`: reads feedback on the actions of logged games from what speakers said next.

`decode_chats.py` does the same for chats, and `decode_calibrate.py` calibrates a decoder.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np

from multiref_gym.agents.commands.decode_chats import decode_chats
from multiref_gym.agents.commands.options import WHAT, LogOptions
from multiref_gym.agents.decoders.dividing import BLOCK
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.commands.export import check_applies, say_skipped
from multiref_gym.commands.options import AnyFile, DecoderName, ForceOption, Share, named
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder, decoded_games, probabilities
from multiref_gym.files import whole
from multiref_gym.formats import holds_games, stream_games, write_games
from multiref_gym.formats.label_table import Decoded, holds_table, write_table
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.trainer import Trainer
from multiref_gym.registry import DECODERS, feedback_name, new_decoder
from multiref_gym.store import InteractionStore

APPLIES = {
    "games": ("format", "against", "ternary", "skip_bad"),
    "store": ("system", "round", "against", "ternary", "skip_bad"),
    "chats": ("trl", "report", "ternary", "skip_bad"),
    "calibrate": ("precision",),
}
"""The options that apply only to some inputs, by the kind of input."""


class Counted:
    """Counts the decoded feedback, and how often another decoder agrees.

    Args:
        decoder: The decoder's name.
        against: The name of the other decoder, None if there is none.
    """

    def __init__(self, decoder: str, against: str | None) -> None:
        self._decoder, self._against = decoder, against
        self.games, self.values, self._pairs = 0, Counter[Feedback](), Counter[tuple[Feedback, Feedback]]()

    def add(self, logged: LoggedGame, decoded: Decoded) -> None:
        """Counts the feedback in a game."""
        labels = [label for label in logged.labels if label is not None]
        self.games += 1
        self.values.update(labels)
        self._pairs.update(zip(labels, decoded.against, strict=False))

    def sheets(self) -> list[Sheet]:
        """Returns a table of the counts and, for two decoders, one of how often each pair of values occurred."""
        total = self.values.total()
        rows = [[value.name.lower(), str(n), share(n / total)] for value, n in sorted(self.values.items())[::-1]]
        sheets = [Sheet(f"{self._decoder} on {total} actions of {self.games} games", ["feedback", "actions", ""], rows)]
        if self._pairs:
            found = sorted(set(self.values) | {other for _, other in self._pairs})
            rows = [[own.name.lower(), *(str(self._pairs[own, other]) for other in found)] for own in found]
            same, kappa = self._agreement()
            title = f"{self._decoder} and {self._against} agree on {share(same)}, kappa {kappa:.2f}"
            heads = [f"{self._decoder} \\ {self._against}", *(other.name.lower() for other in found)]
            sheets.append(Sheet(title, heads, rows))
        return sheets

    def _agreement(self) -> tuple[float, float]:
        """Returns how often the decoders agree, and Cohen's kappa (1960): 1 is always, 0 as often as by chance."""
        total = self._pairs.total()
        own, other = Counter[Feedback](), Counter[Feedback]()
        for (first, second), n in self._pairs.items():
            own[first] += n
            other[second] += n
        same = sum(n for (first, second), n in self._pairs.items() if first is second) / total
        by_chance = sum(own[value] * other[value] for value in Feedback) / total**2
        return same, 1.0 if by_chance == 1 else (same - by_chance) / (1 - by_chance)


def decode(
    games: Iterable[LoggedGame], decoder: FeedbackDecoder | None, against: FeedbackDecoder | None = None
) -> Iterator[tuple[LoggedGame, Decoded]]:
    """Yields games with the decoded feedback as their labels, and further data; only a part is in memory at a time.

    Args:
        games: The games.
        decoder: Decodes the feedback, with probabilities if it has them; None if the games already have feedback.
        against: Another decoder.

    Raises:
        UserError: As `multiref_gym.feedback.decoded` and `probabilities` do.
    """
    games = iter(games)
    while part := list(islice(games, BLOCK)):
        exchanges = [logged.exchanges() for logged in part]
        likely: Sequence[Sequence[float]] = [()] * len(part)
        if hasattr(decoder, "probabilities"):
            flat = probabilities(decoder, [exchange for of_game in exchanges for exchange in of_game])
            likely = np.split(flat, np.cumsum(list(map(len, exchanges)))[:-1])  # type: ignore[assignment]
        others = decoded_games(against, exchanges) if against else [[]] * len(part)
        if decoder:
            feedback = decoded_games(decoder, exchanges)
            part = [replace(logged, labels=tuple(labels)) for logged, labels in zip(part, feedback, strict=True)]
        yield from zip(part, map(Decoded, likely, others), strict=True)


@dataclass(frozen=True, kw_only=True)
class Decode(LogOptions, ForceOption):
    """Decodes feedback from what speakers or users said next, in logged games or chats.

    A store keeps the decoded feedback by rounds, and no round is decoded twice. An interrupted command on chats
    continues when it is given again.

    Attributes:
        chats: Conversations with an assistant, instead of games: JSON Lines, JSON or Parquet.
        calibrate: Calibrate prompted:MODEL on simulated games instead of decoding; --out is then for calibrated:FILE.
        ternary: The decoder also returns neutral.
        out: The output. For games, FILE.csv is a table of exchanges to read and to correct; any other file gets the
            games with their feedback as JSON Lines. For chats, the conversations with their feedback, as FILE.parquet
            or JSON Lines.
        trl: For chats, write rows to learn from instead: kto (answers with a label) or sft (good answers only).
        report: For chats, a page with counts and examples: FILE.html.
        precision: For --calibrate, the fraction of positives that must be right on simulated replies (0.95).
    """

    chats: Annotated[Path | None, WHAT] = None
    calibrate: Annotated[bool, WHAT] = False
    decoder: DecoderName = "lexical"
    ternary: bool = False
    against: Annotated[str | None, named(DECODERS, "Another decoder, to show how often the two agree: ")] = None
    out: AnyFile | None = None
    trl: Trainer | None = None
    report: AnyFile | None = None
    precision: Share | None = None

    def __post_init__(self) -> None:
        what = "calibrate" if self.calibrate else "chats" if self.chats else "store" if self.store else "games"
        check_applies(self, what, APPLIES)

    def run(self, screen: Screen) -> None:
        """Decodes the games or chats, writes the feedback and shows its counts; or calibrates a decoder.

        Raises:
            UserError: If a game or a conversation is bad or none has a second turn; if a decoder cannot be made, fails
                or cannot be calibrated; or if an existing file may not be replaced.
            StoreError: If there is no such store, or it has no such games.
            OSError: If a file cannot be read or written. An existing file stays as it was.
        """
        if self.calibrate:
            from multiref_gym.agents.commands.decode_calibrate import (
                calibrate_decoder,
            )  # imported here, because it needs torch

            return calibrate_decoder(self, screen)
        if self.chats is not None:
            return decode_chats(self.chats, self, screen)
        if self.games is not None and self.out is None:
            raise UserError("expected --out, the file for the feedback")
        is_table = self.out is not None and self.out.suffix == ".csv"
        if self.out is not None:
            holds = holds_table if is_table else partial(holds_games, format="jsonl")
            self.check_replaced(self.out, "a table of feedback" if is_table else "games as JSON Lines", holds)
        bad: list[BadGame] = []
        counted = Counted(feedback_name(self.decoder, self.ternary), self.against)
        decoder = new_decoder(self.decoder, self.ternary)
        against = new_decoder(self.against, self.ternary) if self.against else None
        if self.store:
            found = self._in_store(decoder, against)
        else:
            on_bad = bad.append if self.skip_bad else None
            found = decode(stream_games(str(self.games), self.format, on_bad=on_bad), decoder, against)
        found = self._counted(found, counted, screen)
        if self.out is None:
            deque(found, maxlen=0)
        else:
            with whole(self.out, self.force) as unfinished:
                if is_table:
                    write_table(unfinished, found)
                else:
                    write_games("jsonl", unfinished, (logged for logged, _ in found))
        screen.show(*counted.sheets())
        say_skipped(bad, screen)
        screen.say(f"feedback on {counted.games} games, in {self.out or self.store}")

    def _in_store(
        self, decoder: FeedbackDecoder, against: FeedbackDecoder | None
    ) -> Iterator[tuple[LoggedGame, Decoded]]:
        """Yields the games of a store, after decoding their rounds in it if needed."""
        name = feedback_name(self.decoder, self.ternary)
        with InteractionStore(str(self.store), create=False) as store:
            for system, round in self.rounds(store):
                games = store.interactions(system, round)
                if not store.has_feedback(system, round, name):
                    found = decoded_games(decoder, [game.exchanges() for game in games])
                    store.add_feedback(system, round, name, found)
                kept = store.feedback(name, system, round)
                logged = [
                    LoggedGame(g, labels=tuple(labels), system=system) for g, labels in zip(games, kept, strict=True)
                ]
                yield from decode(logged, None, against)

    def _counted(
        self, found: Iterable[tuple[LoggedGame, Decoded]], counted: Counted, screen: Screen
    ) -> Iterator[tuple[LoggedGame, Decoded]]:
        for logged, decoded in found:
            counted.add(logged, decoded)
            screen.report("games decoded", counted.games, None)
            yield logged, decoded
        if not counted.values:
            raise UserError(f"{self.games or self.store}: no feedback to decode: no game has a second turn")
