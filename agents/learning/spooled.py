"""Examples in a temporary file, so that a log of any size needs little memory: only the place of each example."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, overload

from multiref_gym.agents.learning.learn import Example
from multiref_gym.feedback import Feedback
from multiref_gym.game import LETTERS, Action
from multiref_gym.listener import View


class SpooledExamples(Sequence[Example]):
    """Examples, written to a temporary file once and read from it one at a time.

    Args:
        examples: The examples.
        folder: The folder of the file. The file has no name there, and disappears when this process ends in any way.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, examples: Iterable[Example], folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 (it lives as long as this object)
        self._starts = array("q", [0])
        for example in examples:
            self._starts.append(self._starts[-1] + self._file.write(_written(example)))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, number: int) -> Example: ...

    @overload
    def __getitem__(self, number: slice) -> list[Example]: ...

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        start, end = self._starts[range(len(self))[number]], self._starts[range(len(self))[number] + 1]
        self._file.seek(start)
        return _read(self._file.read(end - start))


def _written(example: Example) -> bytes:
    view = example.view
    dialogue = [[utterance, str(action)] for utterance, action in view.dialogue]
    seen = [view.tangrams, dialogue, view.utterance, sorted(view.selected), view.game_id]
    done = [str(example.action), int(example.feedback), example.log_prob, example.weight]
    return json.dumps([*seen, *done]).encode()


def _read(written: bytes) -> Example:
    tangrams, dialogue, utterance, selected, game_id, action, feedback, log_prob, weight = json.loads(written)
    said_and_done = tuple((said, _action(done)) for said, done in dialogue)
    view = View(tuple(tangrams), said_and_done, utterance, frozenset(selected), game_id)
    return Example(view, _action(action), Feedback(feedback), log_prob, weight)


def _action(text: str) -> Action:
    return Action.parse(text, len(LETTERS)) if text else Action()
