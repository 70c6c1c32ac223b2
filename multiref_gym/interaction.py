"""The record of a game: what was said, what was done, and by whom.

On disk an interaction is one line of JSON in the schema of the published human games: `chat` holds one utterance
a turn and `clicks` the set selected *after* each turn, so an action is the difference of two neighbours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action, Context
from multiref_gym.listener import View


class MalformedInteraction(UserError):
    """A record that is no interaction; the message says where and what is wrong."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and the action that answered it.

    Attributes:
        utterance: What the speaker said.
        action: What the listener did.
        log_prob: The natural log-probability of the action under the distribution that it was sampled from, or
            None where it is unknown (a person, a logged game without it).
    """

    utterance: str
    action: Action
    log_prob: float | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A game from its first utterance to its end.

    Attributes:
        game_id: A name unique within a file or store.
        context: Tangrams, orders, targets.
        turns: At least one turn.
        speaker: Who spoke.
        policy: Which listener policy acted.
        round: The round of deployment.
        closing: What the speaker said after the last action, "" if nothing. It is a courtesy of the simulation,
            no reply that feedback is decoded from.
    """

    game_id: str
    context: Context
    turns: tuple[Turn, ...]
    speaker: str = ""
    policy: str = ""
    round: int = 0
    closing: str = ""

    @property
    def selections(self) -> list[frozenset[int]]:
        """The selected positions before each turn and, as the last item, after the last turn."""
        states = [frozenset[int]()]
        for turn in self.turns:
            states.append(turn.action.after(states[-1]))
        return states

    @property
    def targets(self) -> frozenset[int]:
        """The positions of the targets in the listener's order."""
        return self.context.target_positions

    @property
    def success(self) -> bool:
        """Whether the game ended with exactly the targets selected."""
        return self.selections[-1] == self.targets

    def views(self) -> list[View]:
        """Returns what the listener saw before each of its actions."""
        order = self.context.listener_order
        dialogue = tuple((turn.utterance, turn.action) for turn in self.turns)
        return [
            View(order, dialogue[:i], turn.utterance, selected, self.game_id)
            for i, (turn, selected) in enumerate(zip(self.turns, self.selections, strict=False))
        ]

    def exchanges(self) -> list[Exchange]:
        """Returns an exchange for every turn but the last, which has no reply and so no feedback."""
        previous = [None, *(turn.action for turn in self.turns)]
        return [
            Exchange(previous_action, turn.utterance, turn.action, following.utterance)
            for previous_action, (turn, following) in zip(previous, pairwise(self.turns), strict=False)
        ]

    def to_json(self) -> dict[str, Any]:
        """Returns the record as one JSON object of the human games' schema, plus `log_probs` and `closing`."""
        order = self.context.listener_order
        return {
            "game_id": self.game_id,
            "speaker": self.speaker,
            "policy_name": self.policy,
            "round": self.round,
            "end": "successful" if self.success else "unsuccessful",
            "turn": len(self.turns),
            "context": list(self.context.speaker_order),
            "context_listener": list(order),
            "targets": [name for name in order if name in self.context.targets],
            "chat": [turn.utterance for turn in self.turns],
            "clicks": [[order[i] for i in sorted(state)] for state in self.selections[1:]],
            "log_probs": [turn.log_prob for turn in self.turns],
            "closing": self.closing,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Interaction:
        """Reads what `to_json` writes; `log_probs` and `closing` may be missing, as in the human games.

        `end` and `turn` follow from the rest and are not read.

        Raises:
            MalformedInteraction: If a key is missing, of the wrong type, or contradicts another one.
        """
        if not isinstance(record, dict):
            raise MalformedInteraction(f"a game is one JSON object, not {record!r:.60}")
        try:
            speaker_order, listener_order, targets = (
                _texts(record[key], key) for key in ("context", "context_listener", "targets")
            )
            context = Context(tuple(speaker_order), tuple(listener_order), frozenset(targets))
            chat = _texts(record["chat"], "chat")
            clicks = [_texts(state, "clicks") for state in record["clicks"]]
            log_probs = record.get("log_probs") or [None] * len(chat)
            if not chat or not len(chat) == len(clicks) == len(log_probs):
                raise MalformedInteraction(
                    f"a turn has one item in each of 'chat' ({len(chat)}), 'clicks' ({len(clicks)}) and, "
                    f"where given, 'log_probs' ({len(log_probs)}), and a game has at least one turn"
                )
            position = {name: i for i, name in enumerate(context.listener_order)}
            states = [frozenset[int](), *(frozenset(position[name] for name in state) for state in clicks)]
            turns = tuple(
                Turn(
                    utterance,
                    Action(select=after - before, deselect=before - after),
                    None if log_prob is None else float(log_prob),
                )
                for utterance, (before, after), log_prob in zip(chat, pairwise(states), log_probs, strict=True)
            )
            return cls(
                game_id=_text(record["game_id"], "game_id"),
                context=context,
                turns=turns,
                speaker=_text(record.get("speaker", ""), "speaker"),
                policy=_text(record.get("policy_name", ""), "policy_name"),
                round=int(record.get("round", 0)),
                closing=_text(record.get("closing", ""), "closing"),
            )
        except KeyError as error:
            raise MalformedInteraction(f"no key or tangram {error}") from error
        except (TypeError, ValueError) as error:
            raise MalformedInteraction(str(error)) from error


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise MalformedInteraction(f"{key!r} must be a text, not {value!r:.60}")
    return value


def _texts(value: object, key: str) -> list[str]:
    if not isinstance(value, list):
        raise MalformedInteraction(f"{key!r} must be a list of texts, not {value!r:.60}")
    return [_text(item, key) for item in value]


def write_jsonl(path: Path, interactions: Iterable[Interaction]) -> None:
    """Writes one interaction a line."""
    write_records(path, (interaction.to_json() for interaction in interactions))


def read_jsonl(path: Path) -> Iterator[Interaction]:
    """Yields the interactions of a file, one a line.

    Raises:
        MalformedInteraction: At the first line that is no interaction (a truncated file's last one, say), with
            the file and the line's number.
    """
    for number, record in enumerate(read_records(path), start=1):
        try:
            yield Interaction.from_json(record)
        except MalformedInteraction as error:
            raise MalformedInteraction(f"{path}, line {number}: {error}") from error


def write_records(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line. The file appears when it is complete; until then an older one stays."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as lines:
            for record in records:
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_records(path: Path) -> Iterator[Any]:
    """Yields what each line of a JSON Lines file holds.

    Raises:
        MalformedInteraction: At the first line that is not JSON, with the file and the line's number.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise MalformedInteraction(f"{path}, line {number}: not UTF-8 ({error.reason})") from error
            except json.JSONDecodeError as error:
                raise MalformedInteraction(f"{path}, line {number}: not JSON ({error.msg})") from error
