"""Lets a simulated speaker follow a game in a browser: it recognises tangrams, and remembers the game."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from multiref_gym.errors import UserError
from multiref_gym.game import Action, Context, Game
from multiref_gym.speaker import Speaker, opened, replied
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.render import silhouette

Scene = Mapping[str, Any]
"""A player's view of a game, as JSON: the fields of `scene.Scene`, and `token`."""
PLAYS, PLAYED = ("draft", "open"), ("won", "lost")
REDUCTION = 4
"""Pictures are compared at this fraction of their size, which is much faster."""
CLOSE = 1.0
"""The largest difference, in grey levels of 255, between two drawings of a tangram; other tangrams differ more."""


class Mistake(Exception):
    """The server did not answer, or its answer contradicts the rules or an earlier acknowledgement."""


class Recogniser:
    """Recognises tangrams by their pictures, because the pictures' names reveal nothing.

    Args:
        tangrams: The possible tangrams.
    """

    def __init__(self, tangrams: TangramSet) -> None:
        self._tangrams, self._size = tangrams, 0

    def __call__(self, content: bytes) -> str:
        """Returns the id of the tangram in a picture.

        Raises:
            UserError: If it is none of these tangrams.
        """
        with Image.open(BytesIO(content)) as image:
            picture = _reduced(image.convert("L"))
            if image.size[0] != self._size:
                self._draw(image.size[0])
        if picture.shape != self._drawn.shape[1:]:
            raise UserError("the server shows other pictures than silhouettes")
        if (same := self._by_content.get(picture.tobytes())) is not None:
            return same
        differences = np.abs(self._drawn - picture).mean((1, 2))
        if differences.min() > CLOSE:
            raise UserError("the server plays with other tangrams: name them by --tangrams")
        return self._tangrams.ids[int(differences.argmin())]

    def _draw(self, size: int) -> None:
        drawn = [_reduced(Image.fromarray(silhouette(tangram, size))) for tangram in self._tangrams]
        self._size, self._drawn = size, np.stack(drawn)
        self._by_content = dict(zip((one.tobytes() for one in drawn), self._tangrams.ids, strict=True))


def _reduced(image: Image.Image) -> np.ndarray:
    return np.asarray(image.reduce(REDUCTION), np.int16)


class Speaking:
    """A simulated speaker in a game that it follows scene by scene.

    Args:
        scene: The first scene of the game. If the game has begun, the speaker catches up.
        ids: The tangrams in the order of the scene. A speaker does not see the listener's order, so this order is used.
        speaker: The speaker.
        rng: The speaker's random generator.

    Attributes:
        utterance: The next utterance, in a form that a page accepts.
    """

    def __init__(self, scene: Scene, ids: Sequence[str], speaker: Speaker, rng: np.random.Generator) -> None:
        targets = frozenset(id for id, cell in zip(ids, scene["cells"], strict=True) if cell["target"])
        self._places = {cell["picture"]: place for place, cell in enumerate(scene["cells"])}
        self._game = Game(Context(tuple(ids), tuple(ids), targets), scene["max_turns"])
        self._speaker = speaker
        self.utterance = _on_one_line(opened(speaker, self._game, rng))
        self.hear(scene)

    def hear(self, scene: Scene) -> None:
        """Takes in the listener's actions since the last scene."""
        for line in scene["lines"][self._game.turn :]:
            if line["answered"]:
                halves = (line["selected"], line["deselected"])
                action = Action(*(frozenset(self._places[picture] for picture in half) for half in halves))
                self._game.apply(action)
                self.utterance = _on_one_line(replied(self._speaker, action))


def _on_one_line(utterance: str) -> str:
    return " ".join(utterance.split()) or "..."  # empty utterances are refused


class Memory:
    """A browser's memory of a game, which no later scene may contradict.

    Args:
        scene: The first scene of the game.

    Attributes:
        said: The acknowledged utterances, turn by turn.
    """

    def __init__(self, scene: Scene) -> None:
        self.said = [line["utterance"] for line in scene["lines"]]
        self._board, self._answered = _board(scene), list[Mapping[str, Any]]()
        self.check(scene)

    def check(self, scene: Scene) -> None:
        """Raises Mistake if a scene contradicts the memory; otherwise adds its news to the memory."""
        lines, selected = scene["lines"], set[str]()
        answered = [line for line in lines if line["answered"]]
        for line in answered:
            selected = (selected - set(line["deselected"])) | set(line["selected"])
        won = selected == {picture for picture, is_target in self._board if is_target}
        outcome = ("won",) if won else ("lost",) if len(answered) == scene["max_turns"] else PLAYS
        rules = {
            "other tangrams or targets": _board(scene) == self._board,
            f"other utterances than {self.said}": [line["utterance"] for line in lines] == self.said,
            "other answers than before": answered[: len(self._answered)] == self._answered,
            "a number of turns that differs from the lines": scene["turn"] == len(answered),
            "a selection that does not follow": {c["picture"] for c in scene["cells"] if c["selected"]} == selected,
            "another outcome": scene["state"] in (*outcome, "abandoned", "failed"),
            "no turn for anybody": scene["mine"] == (scene["state"] in PLAYS and len(answered) == len(lines)),
        }
        for wrong, is_right in rules.items():
            if not is_right:
                raise Mistake(f"game {scene['game']}, turn {scene['turn']}, {scene['state']}: {wrong}")
        self._answered = answered


def _board(scene: Scene) -> list[tuple[str, bool]]:
    return [(cell["picture"], cell["target"]) for cell in scene["cells"]]
