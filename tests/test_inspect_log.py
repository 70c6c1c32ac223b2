"""Logs of Inspect: games that one can read turn by turn."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from acting import games_of
from PIL import Image
from running import run

from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import LETTERS
from multiref_gym.interaction import Interaction
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, load_tangrams

log = pytest.importorskip("inspect_ai.log", reason="Inspect is an extra")

ATLAS = Atlas(load_tangrams("figures"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a decoded round and one that nobody has decoded."""
    path = tmp_path_factory.mktemp("store") / "interactions.db"
    with InteractionStore(path) as opened:
        for round in range(2):
            started = games_of(ATLAS.tangrams, 2, round, name=f"game-{round}")
            opened.add(play(RandomListener(), started, policy=f"random-{round}", round=round), "SUP")
        values = [[Feedback(number % 3 - 1) for number, _ in enumerate(g.exchanges())] for g in opened.interactions()]
        opened.add_feedback("SUP", 0, "ours", values[:2])
    return path


def games_in(store: Path) -> list[Interaction]:
    with InteractionStore(store, create=False) as opened:
        return opened.interactions()


def test_a_log_has_the_games_with_pictures_and_decoded_feedback(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "games.eval"
    run("export", "--store", store, "--inspect", "--out", out)
    read = log.read_eval_log(str(out), resolve_attachments=True)
    games = games_in(store)
    assert [sample.id for sample in read.samples] == [game.game_id for game in games]
    assert read.eval.metadata["decoder"] == "ours"
    for sample, game in zip(read.samples, games, strict=True):
        said, done = sample.messages[::2], sample.messages[1::2]
        assert sample.target == " ".join(LETTERS[position] for position in sorted(game.targets))
        assert [message.role for message in sample.messages[:2]] == ["user", "assistant"]
        heard = [turn.utterance for turn in game.turns] + [game.closing] * bool(game.closing)
        assert [message.text.splitlines()[-1] for message in said] == heard
        assert [message.text for message in done] == [str(turn.action) for turn in game.turns]
        truth = [ground_truth(turn.action, game.targets).name.lower() for turn in game.turns]
        assert [message.metadata["true_feedback"] for message in done] == truth
        assert [message.metadata["log_prob"] for message in done] == [turn.log_prob for turn in game.turns]
        decoded = [Feedback(number % 3 - 1).name.lower() for number, _ in enumerate(game.exchanges())]
        expected = [*decoded, None] if game.round == 0 else [None] * len(game.turns)
        assert [message.metadata["feedback"] for message in done] == expected
        assert sample.scores["success"].value == game.success
        assert ("decoded" in sample.scores) == (game.round == 0)
        pictures = [part.image for part in said[0].content if part.type == "image"]
        shown = [Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))) for picture in pictures]
        expected_pixels = ATLAS.silhouettes(game.context.listener_order)
        assert (np.stack([np.asarray(image.convert("L")) for image in shown]) == expected_pixels).all()
    means = {score.name: score.metrics["mean"].value for score in read.results.scores}
    assert means["turns"] == np.mean([len(game.turns) for game in games])


def test_a_log_can_show_the_tangrams_in_words_and_have_no_feedback(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "games.eval"
    run("export", "--store", store, "--inspect", "--text", "--round", 1, "--out", out)
    read = log.read_eval_log(str(out))
    assert len(read.samples) == 2
    assert read.eval.metadata["decoder"] is None
    assert all(sample.messages[0].text.startswith("A: ") for sample in read.samples)


def test_a_log_replaces_a_log_alone_and_if_that_is_asked_for(store: Path, tmp_path: Path) -> None:
    out, games = tmp_path / "games.eval", tmp_path / "others.eval"
    games.write_text("games")
    export = "export", "--store", store, "--inspect", "--text", "--out"
    run(*export, out)
    with pytest.raises(UserError, match="it exists already; --force replaces logs of Inspect"):
        run(*export, out)
    run(*export, out, "--force")
    with pytest.raises(UserError, match="--force only replaces logs of Inspect"):
        run(*export, games, "--force")
    with pytest.raises(UserError, match="allowed is a file whose name ends in"):
        run(*export, tmp_path / "games.json")
    assert games.read_text() == "games"
