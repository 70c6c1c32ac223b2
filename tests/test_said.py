"""The memory of what was said of tangrams: what it recalls, what it does not, and how it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from running import run
from small_views import tiny_small_listener

from multiref_gym.agents.commands.learn import _greedily
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.small import said
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.said import Said
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from multiref_gym.listener import View
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
NAMES = FIGURES.ids[:4]
WORDS = ("dog", "puppy", "boat", "ship", "house")
MEANINGS = {"dog": 0, "puppy": 0, "boat": 1, "ship": 1, "house": 2}


def encode(texts: Sequence[str]) -> np.ndarray:
    """Knows what five words mean: a column each meaning, and one for all other texts."""
    rows = np.zeros((len(texts), 4), np.float32)
    for row, text in zip(rows, texts, strict=True):
        meant = [MEANINGS[word] for word in text.split() if word in MEANINGS]
        row[meant or [3]] = 1
    return rows


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "_encoder", lambda model: encode)


def memory(*texts: tuple[str, str, str]) -> Said:
    found = Said("words")
    found.remember(texts)
    return found


def view(says: str, game: str = "new") -> View:
    return View(NAMES, (), says, frozenset(), game)


def test_what_was_said_of_a_tangram_makes_it_likelier_when_the_like_is_said_again() -> None:
    found = memory(("the dog", NAMES[0], "1"), ("a boat", NAMES[1], "1"), ("a house", NAMES[2], "2"))
    puppy = found.scores("a puppy", NAMES)
    assert puppy[0] > 0 > puppy[1]
    assert puppy[3] == 0  # nobody spoke of it
    assert found.scores("the ship", NAMES).argmax() == 1
    assert not found.scores("", NAMES).any()
    assert not memory().scores("a puppy", NAMES).any()
    found.remember([("", NAMES[3], "2")])  # who said nothing
    assert found.scores("a puppy", NAMES)[3] == 0


def test_a_game_that_is_learned_from_does_not_recall_itself() -> None:
    """It would know by heart what it says, and learn to trust what it recalls of others too much."""
    others = [("a boat", NAMES[1], "1"), ("a house", NAMES[2], "2")]
    found, without = memory(("the dog", NAMES[0], "3"), *others), memory(*others)
    assert found.scores("the dog", NAMES)[0] > 0
    assert found.scores("the dog", NAMES, "3")[0] == without.scores("the dog", NAMES)[0] == 0


def test_it_does_not_matter_how_the_texts_were_divided() -> None:
    texts = [(f"a {word}", NAMES[n % 4], str(n)) for n, word in enumerate(WORDS * 3)]
    at_once, bit_by_bit = memory(*texts), memory()
    for text in texts:
        bit_by_bit.remember([text])
    np.testing.assert_allclose(at_once.scores("the ship", NAMES), bit_by_bit.scores("the ship", NAMES), atol=1e-5)


def test_learning_remembers_what_was_rightly_selected(tmp_path: Path) -> None:
    listener = tiny_small_listener()
    listener.said = memory()
    examples = [
        Example(view("the dog", "1"), Action(frozenset({0})), Feedback.POSITIVE),
        Example(view("a boat", "2"), Action(frozenset({1})), Feedback.POSITIVE),
        Example(view("a house", "3"), Action(frozenset({2})), Feedback.NEGATIVE, weight=0.1),
    ]
    learn(listener, examples, Sup(), Optimisation(epochs=1), 0)
    scores = listener.said.scores("the puppy", NAMES)
    assert scores[0] > 0 > scores[1]
    assert scores[2] == 0

    listener.save(tmp_path / "policy")
    again = SmallListener.load(FIGURES, tmp_path / "policy")
    asked, actions = [view("the puppy"), view("a ship")], [Action(frozenset({0})), Action(frozenset({1}))]
    with torch.inference_mode():
        assert torch.equal(again.score(asked, actions).log_prob, listener.score(asked, actions).log_prob)
        listener.said = None
        assert (again.score(asked, actions).log_prob > listener.score(asked, actions).log_prob).all()


def test_games_that_are_remembered_are_not_learned_from_again(tmp_path: Path) -> None:
    listener = tiny_small_listener()
    listener.said = memory()
    listener.save(tmp_path / "base")
    run("simulate", "--listener", "erring", "--games", 4, "--split", "dev", "--out", tmp_path / "games.jsonl")
    words = f"learn --games {tmp_path}/games.jsonl --epochs 1"
    run(*f"{words} --base {tmp_path}/base --out {tmp_path}/first".split())
    with pytest.raises(UserError, match="remembers 4 of these games: start from what it started from"):
        run(*f"{words} --base {tmp_path}/first --out {tmp_path}/second".split())


def test_a_run_is_of_one_memory() -> None:
    listener = tiny_small_listener()
    assert listener.settings == {}
    listener.said = memory(("the dog", NAMES[0], ""))
    before = listener.settings
    assert before == {**before, "sentences": "words"}
    listener.said.remember([("the dog", NAMES[1], "")])
    assert listener.settings != before


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_a_memory_that_cannot_be_read_is_refused(content: bytes, tmp_path: Path) -> None:
    listener = tiny_small_listener()
    listener.said = memory(("the dog", NAMES[0], ""))
    listener.save(tmp_path)
    (tmp_path / said.FILE).write_bytes(content)
    with pytest.raises(UserError, match="holds no memory of descriptions"):
        SmallListener.load(FIGURES, tmp_path)


def test_a_memory_of_another_encoder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = tiny_small_listener()
    listener.said = memory(("the dog", NAMES[0], ""))
    listener.save(tmp_path)
    monkeypatch.setattr(said, "_encoder", lambda model: lambda texts: np.zeros((len(texts), 7)))
    with pytest.raises(UserError, match="is not of the sentence encoder words"):
        SmallListener.load(FIGURES, tmp_path)


def test_a_policy_may_take_the_likeliest_action(tmp_path: Path) -> None:
    tiny_small_listener().save(tmp_path / "base")
    games = tmp_path / "games.jsonl"
    run("simulate", "--listener", "erring", "--games", 5, "--split", "dev", "--out", games)
    for option in ("", "--greedy"):
        folder = tmp_path / f"policy{option}"
        run(*f"learn --games {games} --base {tmp_path}/base --epochs 1 --out {folder} {option}".split())
        assert SmallListener.load(FIGURES, folder).greedy == bool(option)
    with pytest.raises(UserError, match="--greedy does not work with --listener terse"):
        _greedily(lambda model: SimpleNamespace(), "terse")(None)  # type: ignore[arg-type, return-value]
