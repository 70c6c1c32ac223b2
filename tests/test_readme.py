"""The code of the README and of the pages that it sends a newcomer to runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from acting import games_of

from multiref_gym.agents.play import play
from multiref_gym.tangrams import load_tangrams

ROOT = Path(__file__).parents[1]
README, HOUSE, TRAINING, PARTS = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "docs/training.md", "docs/tutorials/own-parts.md")
)


def blocks(*pages: str) -> list[str]:
    """Returns the blocks of Python in some pages."""
    return re.findall(r"^```python\n(.*?)^```", "".join(pages), flags=re.MULTILINE | re.DOTALL)


BLOCKS = blocks(README, TRAINING)  # `test_tutorials.py` runs those of tutorials


def defined(name: str) -> Any:
    """Returns what the block that defines this class defines."""
    (block,) = (block for block in blocks(PARTS) if f"class {name}" in block)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    return namespace[name]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().split("\n")[0])
def test_a_block_runs(block: str) -> None:
    exec(block, {})


def test_there_is_a_block_for_each_part_that_a_user_brings_and_each_loop_that_it_goes_into() -> None:
    assert len(BLOCKS) == 4
    parts = {"FreshListener", "WordListener", "SpellingSpeaker", "PraiseDecoder", "Likelihood", "LetterListener"}
    assert set(re.findall(r"^class (\w+)", PARTS, flags=re.MULTILINE)) == parts


def test_the_speaker_speaks_in_the_environment() -> None:
    env = gymnasium.make("MultiRef-v0", speaker=defined("SpellingSpeaker"), image=None)
    observation, _ = env.reset(seed=0)
    assert observation["utterance"].startswith("please select ")
    letters = {letter: position for position, letter in enumerate("ABCDEFGHIJ")}
    terminated, reward, turns = False, 0.0, 0
    while not terminated:
        clicks = np.zeros(10, np.int8)
        clicks[letters[observation["utterance"][-1]]] = 1
        observation, reward, terminated, _, _ = env.step(clicks)
        turns += 1
        assert observation["utterance"].startswith(("yes", "thanks"))
    assert reward == 1
    assert turns <= 5


def test_the_speaker_has_a_mistake_undone() -> None:
    env = gymnasium.make("MultiRef-v0", speaker=defined("SpellingSpeaker"), image=None)
    env.reset(seed=0)
    wrong = min(set(range(10)) - env.unwrapped.game.targets)  # type: ignore[attr-defined]
    observation, *_ = env.step(np.eye(10, dtype=np.int8)[wrong])
    assert observation["utterance"].startswith(f"no, now deselect {'ABCDEFGHIJ'[wrong]} select ")


def test_the_listener_plays_and_the_decoder_decodes() -> None:
    tangrams, speaker = load_tangrams("figures"), defined("SpellingSpeaker")
    games = play(defined("FreshListener")(), games_of(tangrams, 5, make_speaker=lambda: speaker(tangrams)))
    assert all(len(turn.action.select) == 1 for game in games for turn in game.turns)
    feedback = [defined("PraiseDecoder")().decode(game.exchanges()) for game in games]
    praised = [exchange.reply.startswith("yes") for game in games for exchange in game.exchanges()]
    assert [value == 1 for values in feedback for value in values] == praised


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 130


def test_what_it_links_to_is_there() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)|(?:srcset|src)=\"([^\"]+)\"", README)
    for name in ("".join(found) for found in linked):
        assert "://" in name or (ROOT / name).is_file(), name


def test_what_the_table_of_the_house_names_is_there() -> None:
    table = HOUSE[HOUSE.index("## Where things are") : HOUSE.index("## To add something")]
    for cell in re.findall(r"^\| (.+?) \|", table, flags=re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell) or [""]
        folder = (ROOT / first).parent
        assert (ROOT / first).exists(), first
        assert all((folder / other).exists() for other in others), cell
