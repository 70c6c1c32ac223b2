"""`multiref learn`: a policy from logged games, of the kind that every other command takes."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import few_draws, run
from safetensors.torch import load_file
from small_views import tiny_small_listener
from strategies import interactions

from multiref_gym.agents.commands import learn as command
from multiref_gym.agents.learning.learn import Example
from multiref_gym.agents.learning.learned_from import LearnedFrom
from multiref_gym.agents.learning.spooled import SpooledExamples
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.interaction import Interaction


@pytest.fixture(scope="module", autouse=True)
def _few_draws() -> Iterator[None]:
    with few_draws():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with games, a base that is quick to train, and a policy learned from the games."""
    folder = tmp_path_factory.mktemp("learned")
    run("simulate", "--listener", "erring", "--games", 20, "--split", "dev", "--out", folder / "games.jsonl")
    tiny_small_listener().save(folder / "base")
    learn(folder, folder / "policy")
    return folder


def learn(folder: Path, out: Path, *options: object, games: str = "games.jsonl") -> dict[str, Any]:
    words = ["--games", folder / games] if games else []
    run("learn", *words, *f"--base {folder}/base --epochs 2 --held-back 0.2 --out {out}".split(), *options)
    found: dict[str, Any] = json.loads((out / "learning.json").read_text())
    return found


def weights(policy: Path) -> dict[str, Any]:
    return {name: values.tolist() for name, values in load_file(policy / "model.safetensors").items()}


def test_what_it_learned_from_is_in_the_folder(folder: Path) -> None:
    found = json.loads((folder / "policy" / "learning.json").read_text())
    log = found["log"]
    assert log["games"] + log["held_back"] == 20
    assert 0 < log["held_back"] < 15
    assert len(log["learned"]) == log["games"]
    assert log["labels"] >= log["examples"] > 0
    assert len(found["curve"]) == 2
    assert found["before"].keys() <= found["curve"][0].keys()
    assert found["seed"] == 0
    assert (folder / "policy" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert weights(folder / "policy") != weights(folder / "base")


def test_other_commands_take_the_folder(folder: Path, tmp_path: Path) -> None:
    policy = folder / "policy"
    run("simulate", "--model", policy, "--games", 2, "--out", tmp_path / "games.jsonl")
    run("benchmark", "--model", policy, "--games", folder / "games.jsonl")
    learn(folder, tmp_path / "next", "--base", policy)


def test_the_same_seed_learns_the_same(folder: Path, tmp_path: Path) -> None:
    learn(folder, tmp_path / "again")
    learn(folder, tmp_path / "other", "--seed", 1)
    assert weights(tmp_path / "again") == weights(folder / "policy") != weights(tmp_path / "other")


def test_labels_and_a_store_teach_what_their_decoder_does(folder: Path, tmp_path: Path) -> None:
    games, table = folder / "games.jsonl", tmp_path / "table.csv"
    run("decode", "--games", games, "--out", table)
    run("decode", "--games", games, "--out", tmp_path / "decoded.jsonl")
    run("import", "--games", games, "--store", tmp_path / "games.db", "--system", "S")
    run("decode", "--store", tmp_path / "games.db")
    learn(folder, tmp_path / "by-table", "--labels", table)
    run("learn", *f"--games {tmp_path}/decoded.jsonl --decoder logged --out {tmp_path}/by-label".split(),
        *f"--base {folder}/base --epochs 2 --held-back 0.2".split())  # fmt: skip
    learn(folder, tmp_path / "by-store", "--store", tmp_path / "games.db", games="")
    for name in ("by-table", "by-label", "by-store"):
        assert weights(tmp_path / name) == weights(folder / "policy"), name


def test_a_corrected_label_is_learned_from(folder: Path, tmp_path: Path) -> None:
    run("decode", "--games", folder / "games.jsonl", "--out", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["feedback"] = "negative"
    with (tmp_path / "corrected.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(UserError, match="nothing to learn from in"):
        learn(folder, tmp_path / "policy", "--labels", tmp_path / "corrected.csv")
    assert not (tmp_path / "policy").exists()


def test_one_label_is_enough_and_games_without_any_are_not_held_back(folder: Path, tmp_path: Path) -> None:
    run("decode", "--games", folder / "games.jsonl", "--out", tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text().splitlines(keepends=True)
    found = next(line for line in lines if ",positive," in line)
    (tmp_path / "one.csv").write_text(lines[0] + found)
    log = learn(folder, tmp_path / "policy", "--labels", tmp_path / "one.csv", "--held-back", 0)["log"]
    assert (log["labels"], log["examples"], log["held_back"]) == (1, 1, 0)
    with pytest.raises(UserError, match="nothing to learn from in"):
        learn(folder, tmp_path / "none", "--labels", tmp_path / "one.csv", "--held-back", 1)


def test_an_interrupted_command_goes_on_to_the_same_policy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, epochs = command._measured, []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        epochs.append(whole(*arguments, **named))
        if len(epochs) == 3:  # once before all, and after each epoch
            raise UserError("interrupted")
        return epochs[-1]

    monkeypatch.setattr(command, "_measured", interrupted)
    with pytest.raises(UserError, match="interrupted"):
        learn(folder, tmp_path / "policy")
    [state] = tmp_path.iterdir()
    assert state.suffix == ".state"
    learn(folder, tmp_path / "policy")
    assert len(epochs) == 5  # once more before all, and only after the second epoch
    assert weights(tmp_path / "policy") == weights(folder / "policy")
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--listener", "oracle"], "cannot learn: it has no weights"),
        (["--decoder", "logged"], "nothing to learn from in"),
        (["--tangrams", "kilogram:absent"], "absent"),
        (["--store", "x.db"], "Exactly 1 of {--games, --store}"),
    ],
)
def test_what_cannot_be_learned_is_one_line(folder: Path, tmp_path: Path, options: list[str], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        learn(folder, tmp_path / "policy", *options)
    assert not (tmp_path / "policy").exists()


def test_a_store_that_is_not_decoded_says_so(folder: Path, tmp_path: Path) -> None:
    run("import", "--games", folder / "games.jsonl", "--store", tmp_path / "games.db", "--system", "S")
    with pytest.raises(UserError, match="'lexical' has not decoded round 0 of 'S'"):
        learn(folder, tmp_path / "policy", "--store", tmp_path / "games.db", games="")


def test_a_folder_with_something_in_it_stays_as_it_is(folder: Path) -> None:
    before = weights(folder / "policy")
    with pytest.raises(UserError, match="it is not empty"):
        learn(folder, folder / "policy")
    assert weights(folder / "policy") == before


@given(st.lists(interactions(), max_size=3), st.sampled_from(Feedback), st.none() | st.floats(-9, 0))
def test_spooled_examples_are_what_they_were(games: list[Interaction], feedback: Feedback, log_prob: float) -> None:
    examples = [
        Example(view, turn.action, feedback, log_prob, 0.5)
        for game in games
        for view, turn in zip(game.views(), game.turns, strict=True)
    ]
    spooled = SpooledExamples(examples, Path(tempfile.gettempdir()))
    assert len(spooled) == len(examples)
    assert list(spooled) == examples
    assert spooled[1:3] == examples[1:3]


# Cross-validation.


def test_folds_learn_from_all_but_the_speakers_that_they_are_asked_about(folder: Path, tmp_path: Path) -> None:
    words = f"learn --games {folder}/games.jsonl --base {folder}/base --epochs 1 --folds 3 --out {tmp_path}/folds"
    run(*words.split())
    results = json.loads((tmp_path / "folds" / "results.json").read_text())
    games = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    assert sorted(name for part in results["parts"] for name in part) == sorted({game["speaker"] for game in games})
    assert results["counts"]["games"] == 20
    assert results["against"][0]["name"] == "base"
    assert (tmp_path / "folds" / "speakers.png").read_bytes().startswith(b"\x89PNG")
    for number, part in enumerate(results["parts"], start=1):
        learned = json.loads((tmp_path / "folds" / f"fold-{number}" / "learning.json").read_text())["log"]
        assert learned["games"] == sum(game["speaker"] not in part for game in games)

    # What is there is not learned again, and comes out the same.
    (tmp_path / "folds" / "results.json").unlink()
    run(*words.split())
    again = json.loads((tmp_path / "folds" / "results.json").read_text())
    assert again["figures"] == results["figures"]
    assert again["against"] == results["against"]
    with pytest.raises(UserError, match="of another configuration"):
        run(*words.split(), "--seed", 1)


def test_more_folds_than_speakers_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--folds 40: there are \d+ speakers: allowed is at most as many folds"):
        run(*f"learn --games {folder}/games.jsonl --folds 40 --out {tmp_path}/folds".split())


def test_one_fold_leaves_nobody_to_learn_from(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'"1" for --folds. Must be >= 2') as error:
        run(*f"learn --games {folder}/games.jsonl --folds 1 --out {tmp_path}/folds".split())
    assert "\n" not in str(error.value)


def test_folds_start_from_nobody_who_learned_from_their_speakers(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--base learned from \d+ of these games and from \d+ of their speakers"):
        run(*f"learn --games {folder}/games.jsonl --base {folder}/policy --folds 2 --out {tmp_path}/folds".split())


@pytest.mark.parametrize("content", ['{"log": {"games": 3}}', '{"log": "x"}', "[]"])
def test_a_record_of_what_was_learned_from_that_is_broken_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "learning.json").write_text(content)
    with pytest.raises(UserError, match=r"learning\.json"):
        LearnedFrom.of(tmp_path)


def test_what_a_policy_learned_from_includes_what_its_base_did(folder: Path, tmp_path: Path) -> None:
    run(
        "simulate",
        "--listener",
        "erring",
        "--games",
        3,
        "--seed",
        9,
        "--split",
        "dev",
        "--out",
        tmp_path / "more.jsonl",
    )
    run(*f"learn --games {tmp_path}/more.jsonl --base {folder}/policy --epochs 1 --out {tmp_path}/next".split())
    first, both = LearnedFrom.of(folder / "policy"), LearnedFrom.of(tmp_path / "next")
    assert first is not None
    assert both is not None
    assert first.games < both.games
    assert len(both.games) == len(first.games) + 3
