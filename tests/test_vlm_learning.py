"""The benchmark of learning with a tiny vision-language model: lessons, the guide, and a run of the smallest size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rounding import LOG_PROB
from small_views import FIGURES
from tiny_vlm import randomise

from multiref_gym import cli
from multiref_gym.agents.learning import respect
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.agents.listeners.lm.random_model import SIZES, random_idefics2
from multiref_gym.agents.listeners.small.pretrain import watched_games
from multiref_gym.benchmarks import vlm_learning
from multiref_gym.benchmarks.vlm_lessons import Lesson, plain_lesson, watched_lesson
from multiref_gym.benchmarks.vlm_pretrain import HEADS, LOOKS_IN, Plan, attention
from multiref_gym.game import LETTERS
from multiref_gym.tangrams import TangramSet

FEW = TangramSet("few", FIGURES.tangrams[::20])
SMALLEST = Plan(SIZES["tiny"], vision_epochs=1, plain_steps=2, questions=2, games=8, turns=2, batch=4)


@pytest.fixture(scope="module")
def form() -> PictureForm:
    return PictureForm(random_idefics2(SIZES["tiny"])[1], "idefics2")


def check(lesson: Lesson, form: PictureForm) -> None:
    """Checks that what is learned stands where it is said to."""
    spelt = {form.trie(frozenset(), 10)._spelling.later[letter][-1]: letter for letter in LETTERS[:10]}
    for place, answer in lesson.answers:
        assert tuple(lesson.tokens[place + 1 : place + 1 + len(answer.tokens)]) == answer.tokens
    for place, position in lesson.looks:
        assert spelt[lesson.tokens[place + 1]] == LETTERS[position]


def test_a_plain_lesson_asks_for_what_it_describes(form: PictureForm) -> None:
    lesson = plain_lesson(form, FIGURES, 4, np.random.default_rng(0))
    check(lesson, form)
    assert len(lesson.answers) == len({position for _, position in lesson.looks}) == 4


def test_a_watched_game_teaches_what_was_done_and_which_letters_were_meant(form: PictureForm) -> None:
    mistakes = 0
    for game, wanted in watched_games(FIGURES.split("train"), 20, 0, mistakes=0.5):
        lesson = watched_lesson(form, game, wanted, 5)
        check(lesson, form)
        turns = list(zip(game.turns[:5], wanted, strict=False))
        assert len(lesson.answers) == len(turns)
        right = [meant.select for turn, meant in turns if turn.action == meant and not meant.deselect]
        assert [position for _, position in lesson.looks] == [
            position for select in right for position in sorted(select)
        ]
        mistakes += sum(turn.action != meant for turn, meant in turns)
        assert len(game.views()) == len(wanted)
    assert mistakes > 10


def test_the_guide_knows_where_the_model_looks() -> None:
    model, _ = random_idefics2(SIZES["tiny"])
    randomise(model)
    text = model.model.text_model
    text.set_attn_implementation("eager")
    read = text(input_ids=torch.randint(0, 200, (2, 9)), output_hidden_states=True, output_attentions=True)
    rows, places = torch.tensor([0, 1, 1]), torch.tensor([3, 8, 5])
    normed = text.layers[LOOKS_IN].input_layernorm(read.hidden_states[LOOKS_IN])
    found = attention(text, normed, rows, places).softmax(2)
    torch.testing.assert_close(found, read.attentions[LOOKS_IN][rows, :HEADS, places], atol=LOG_PROB, rtol=0)


def test_runs_from_random_weights_to_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vlm_learning, "load_tangrams", lambda name: FEW)
    # In this process, as one of its own would take longer to start than to run.
    monkeypatch.setattr(vlm_learning, "run_all", lambda run, jobs, *rest: [run(job) for job in jobs])
    monkeypatch.setattr(respect, "SEED_TURNS", 8)
    monkeypatch.setattr(vlm_learning, "PLAN", SMALLEST)
    arguments = [
        "bench",
        "vlm-learning",
        *["--seeds", "1", "--rounds", "1", "--games", "2", "--jobs", "1"],
        "--out",
        str(tmp_path),
    ]
    assert cli.main(arguments) == 0
    assert "round 1" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert [len(won) for won in results["runs"][0]["won"]["SUP"]] == [2, 2]
    assert results["base"]["seed"] == vlm_learning.BASE_SEED
    monkeypatch.setattr(vlm_learning, "PLAN", replace(SMALLEST, games=9))
    assert cli.main(arguments) == 2
    assert "another plan" in capsys.readouterr().err
