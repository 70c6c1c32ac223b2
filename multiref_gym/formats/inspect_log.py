"""Games as an Inspect log, to read turn by turn in `inspect view`: the pictures, the chat, the decoded feedback.

A sample is a game. Its input is the first utterance, its messages are those of `multiref_gym.messages`, and its target
is the letters of the targets. The metadata of each assistant message hold the `feedback` decoded from the reply to the
action (null if there is none), the `true_feedback`, which no listener and no decoder knows, and the `log_prob` of the
action under the policy that acted. The scores of a game are `success` (1 or 0), `decoded` (the sum of the decoded
feedback; missing if the game was not decoded), and `turns`; the explanation of `decoded` lists the turns.

A store does not record when a game was played, so all times are the time of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from zipfile import BadZipFile

from PIL import Image

from multiref_gym.errors import UserError
from multiref_gym.feedback import ground_truth
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import LETTERS
from multiref_gym.messages import Messages, Part
from multiref_gym.png import data_url, png
from multiref_gym.tangrams import Atlas

try:
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalMetric,
        EvalResults,
        EvalSample,
        EvalScore,
        EvalSpec,
        EvalStats,
        read_eval_log,
        write_eval_log,
    )
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser
    from inspect_ai.scorer import Score
except ImportError as error:
    raise UserError("Inspect logs need Inspect: run `pip install multiref-gym[inspect]`") from error

TASK = "multiref"
SUFFIX = ".eval"


@dataclass(frozen=True)
class InspectLog:
    """An Inspect log.

    Attributes:
        atlas: The tangrams and their pictures.
        words: Whether to show the tangrams in words.
        decoder: The name of the decoder that the labels come from, "" if nothing was decoded.
    """

    atlas: Atlas
    words: bool = False
    decoder: str = ""

    def write(self, where: Path, games: Iterable[LoggedGame]) -> None:
        """Writes a log. All of it is in memory, about 10 kB a game.

        Raises:
            TangramError: If a tangram is unknown or cannot be shown.
            OSError: If the file cannot be written.
        """
        form = Messages(self.atlas, "words" if self.words else "tangrams", _new_pictures())
        games = list(games)
        samples = [_sample(logged, form) for logged in games]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        systems = ", ".join(sorted({logged.system for logged in games}))
        log = EvalLog(
            status="success",
            eval=EvalSpec(
                created=now,
                task=TASK,
                dataset=EvalDataset(name=systems, samples=len(samples)),
                model=f"{TASK}/{systems}",
                config=EvalConfig(),
                packages={"multiref-gym": metadata.version("multiref-gym")},
                metadata={
                    "decoder": self.decoder or None,
                    "policies": sorted({logged.interaction.policy for logged in games}),
                    "rounds": sorted({logged.interaction.round for logged in games}),
                    "tangrams": self.atlas.tangrams.name,
                },
            ),
            results=EvalResults(
                total_samples=len(samples), completed_samples=len(samples), scores=_mean_scores(samples)
            ),
            stats=EvalStats(started_at=now, completed_at=now),
            samples=samples,
        )
        write_eval_log(log, where, format="eval")


def check_log_file(path: Path) -> None:
    """Raises UserError if Inspect would not read a file of this name as a log."""
    if path.suffix != SUFFIX:
        raise UserError(f"cannot write an Inspect log to {path}: allowed is a file whose name ends in {SUFFIX}")


def holds_log(path: Path) -> bool:
    """Whether a file is a log that `InspectLog` wrote."""
    try:
        return bool(read_eval_log(str(path), header_only=True, format="eval").eval.task == TASK)
    except (OSError, ValueError, LookupError, BadZipFile):
        return False


def _sample(logged: LoggedGame, form: Messages) -> EvalSample:
    game = logged.interaction
    messages: list[ChatMessage] = []
    turns = [
        {
            "feedback": None if label is None else label.name.lower(),
            "true_feedback": ground_truth(turn.action, game.targets).name.lower(),
            "log_prob": turn.log_prob,
        }
        for turn, label in zip(game.turns, logged.labels, strict=True)
    ]
    for number, message in enumerate(form.of_game(game)):
        if message["role"] == "user":
            messages.append(ChatMessageUser(content=message["content"]))
        else:
            messages.append(ChatMessageAssistant(content=message["content"], metadata=turns[number // 2]))
    return EvalSample(
        id=game.game_id,
        epoch=1,
        input=game.turns[0].utterance,  # shown in the list of samples
        target=" ".join(LETTERS[position] for position in sorted(game.targets)),
        messages=messages,
        scores=_scores(logged, [str(message.text) for message in messages[1::2]]),
        metadata={
            "system": logged.system,
            "round": game.round,
            "policy": game.policy,
            "speaker": game.speaker,
        },
    )


def _scores(logged: LoggedGame, actions: list[str]) -> dict[str, Score]:
    """Returns the scores of a game with these actions, by their names."""
    scores = {"success": Score(value=int(logged.interaction.success)), "turns": Score(value=len(actions))}
    decoded = [label for label in logged.labels if label is not None]
    if decoded:
        lines = [
            f"{number}. {action}: {'no feedback' if label is None else label.name.lower()}"
            for number, (action, label) in enumerate(zip(actions, logged.labels, strict=True), start=1)
        ]
        scores["decoded"] = Score(value=sum(map(int, decoded)), explanation="\n".join(lines))
    return scores


def _mean_scores(samples: list[EvalSample]) -> list[EvalScore]:
    """Returns the mean of each score over the games that have it."""
    values: dict[str, list[float]] = {}
    for sample in samples:
        for name, score in (sample.scores or {}).items():
            values.setdefault(name, []).append(score.as_float())
    return [
        EvalScore(
            name=name,
            scorer=name,
            scored_samples=len(of_games),
            unscored_samples=len(samples) - len(of_games),
            metrics={"mean": EvalMetric(name="mean", value=sum(of_games) / len(of_games))},
        )
        for name, of_games in values.items()
    ]


def _new_pictures() -> Callable[[Image.Image], Part]:
    """Returns a function that makes Inspect's message part of a picture; each tangram's file is made once."""
    url_of: dict[bytes, str] = {}  # by the pixels

    def part(image: Image.Image) -> Part:
        pixels = image.tobytes()
        if pixels not in url_of:
            url_of[pixels] = data_url(png(image))
        return {"type": "image", "image": url_of[pixels]}

    return part
