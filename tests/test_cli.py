"""The console command: what it does, and how it complains."""

from __future__ import annotations

import argparse
import builtins
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from multiref_gym import cli
from multiref_gym.agents.commands.play import picture
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.tangrams import load_tangrams


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def simulate(path: Path, *arguments: object) -> list[Interaction]:
    assert run("simulate", "--games", 5, "--out", path, *arguments) == 0
    return read_interactions(path)


# The command line.


def test_help_and_version_import_neither_torch_nor_a_command() -> None:
    code = (
        "import sys\nfrom multiref_gym import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert not {'torch', 'agents', 'sqlalchemy', 'rich'} & set(sys.modules)"
    )
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True)
        assert "multiref" in done.stdout
    assert "multiref-gym" in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_tells_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        run(name, "--help")
    assert done.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: multiref {name}" in told
    assert "--out" in told or "--store" in told


@pytest.mark.parametrize("arguments", [[], ["dance"], ["simulate"], ["simulate", "--games", "0", "--out", "x"]])
def test_a_command_line_that_makes_no_sense_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as done:
        run(*arguments)
    assert done.value.code == 2


def command_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch, *, resumes: bool = False) -> None:
    def fail(args: argparse.Namespace) -> None:
        raise error

    module = SimpleNamespace(__doc__="Fails.", add_arguments=lambda parser: None, run=fail)
    monkeypatch.setitem(sys.modules, "failing", module)
    monkeypatch.setitem(cli.COMMANDS, "fail", cli.Command("failing", "fails", resumes))


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (UserError("no such thing:\n  try another"), "multiref: error: no such thing: try another\n"),
        (PermissionError(13, "Permission denied", "out"), "multiref: error: [Errno 13] Permission denied: 'out'\n"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    error: Exception, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that_raises(error, monkeypatch)
    assert run("fail") == 2
    assert capsys.readouterr().err == complaint


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyError("x"), RuntimeError("a defect")])
def test_a_defect_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    command_that_raises(error, monkeypatch)
    with pytest.raises(type(error)):
        run("fail")


@pytest.mark.parametrize("resumes", [False, True])
def test_an_interruption_exits_with_130(
    resumes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that_raises(KeyboardInterrupt(), monkeypatch, resumes=resumes)
    assert run("fail") == 130
    assert ("goes on from here" in capsys.readouterr().err) == resumes


def test_the_main_job_says_that_it_resumes() -> None:
    assert cli.COMMANDS["respect"].resumes


# Bad input, as a user meets it.


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("simulate --games 1 --out g.jsonl --listener telepathy", "unknown listener 'telepathy': choose from random"),
        ("simulate --games 1 --out g.jsonl --listener random --speaker mime", "unknown speaker 'mime'"),
        ("simulate --games 1 --out nowhere/g.jsonl --listener random", "there is no folder nowhere"),
        ("simulate --games 1 --out . --listener random", "it is a folder"),
        ("simulate --games 1 --out g.jsonl --listener random --tangrams cubes", "unknown tangrams 'cubes'"),
        ("simulate --games 1 --out g.jsonl --listener random --tangrams kilogram:nowhere", "nowhere"),
        ("tangrams --out sheet.png --tangrams kilogram:nowhere", "nowhere"),
        ("tangrams --out nowhere/sheet.png", "there is no folder nowhere"),
        ("respect --decoder telepathy", "unknown decoder 'telepathy': choose from lexical"),
        ("respect --listener telepathy", "unknown listener 'telepathy'"),
        ("respect --listener random", "cannot learn"),
        ("respect --speaker mime", "unknown speaker 'mime'"),
        ("respect --base nowhere", "no checkpoint of a small listener in nowhere"),
        ("play --as speaker --listener oracle", "asks the speaker what was meant"),
        ("play --out truncated.jsonl", "truncated.jsonl, line 1: not JSON"),
        ("import --store store.db --system s --games truncated.jsonl", "truncated.jsonl, line 1: not JSON"),
        ("export --store nowhere.db --out g.jsonl", "nowhere.db"),
    ],
)
def test_bad_input_is_named(
    arguments: str,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("truncated.jsonl").write_text('{"game_id": "1", "chat": [')
    assert run(*arguments.split()) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.startswith("multiref: error: ")
    assert error.count("\n") == 1
    assert not Path("g.jsonl").exists()


def test_the_exit_code_is_that_of_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "multiref_gym.cli", "tangrams", "--out", str(tmp_path / "nowhere" / "sheet.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


# simulate and tangrams.


def test_simulated_games_are_written_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    games = simulate(tmp_path / "a.jsonl", "--listener", "random")
    assert len({game.game_id for game in games}) == 5
    assert all(game.policy == "random" and game.speaker for game in games)
    assert simulate(tmp_path / "b.jsonl", "--listener", "random") == games
    assert simulate(tmp_path / "c.jsonl", "--listener", "random", "--seed", 1) != games


def test_the_speakers_of_simulated_games_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    personas = tmp_path / "personas.toml"
    personas.write_text('[[persona]]\nname = "mother"\n\n[[persona]]\nname = "father"\npraise = 0.0\n')
    games = simulate(tmp_path / "a.jsonl", "--listener", "random", "--personas", personas)
    assert {game.speaker for game in games} == {"mother", "father"}
    personas.write_text('[[persona]]\nname = "mother"\nprase = 0.5\n')
    arguments = ("simulate", "--games", 5, "--out", tmp_path / "b.jsonl", "--listener", "random")
    assert run(*arguments, "--personas", personas) == 2
    assert "persona 1: unknown key 'prase': expected some of name, praise" in capsys.readouterr().err
    assert run(*arguments, "--personas", personas, "--speaker", "terse_speaker:TerseSpeaker") == 2
    assert "--personas are for the scripted speaker, not for terse_speaker" in capsys.readouterr().err
    assert not (tmp_path / "b.jsonl").exists()


def test_an_oracle_wins_and_keeps_to_the_split(tmp_path: Path) -> None:
    games = simulate(tmp_path / "games.jsonl", "--listener", "oracle", "--split", "test")
    assert all(game.success for game in games)
    test = set(load_tangrams("figures").split("test").ids)
    assert all(test.issuperset(game.context.listener_order) for game in games)


def test_an_interrupted_simulation_leaves_the_games_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    games = simulate(tmp_path / "games.jsonl", "--listener", "random")

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("multiref_gym.agents.commands.simulate.play", interrupted)
    assert run("simulate", "--games", 5, "--out", tmp_path / "games.jsonl", "--listener", "random") == 130
    assert read_interactions(tmp_path / "games.jsonl") == games
    assert [path.name for path in tmp_path.iterdir()] == ["games.jsonl"]


def test_a_contact_sheet_is_a_png_whatever_its_name(tmp_path: Path) -> None:
    assert run("tangrams", "--split", "test", "--out", tmp_path / "sheet") == 0
    with Image.open(tmp_path / "sheet") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 500


# play.


def types(answers: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who types these answers and then closes the terminal."""
    answers = iter(answers)

    def answer(prompt: str = "") -> str:
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "input", answer)


def test_a_person_listens_is_asked_again_and_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(["hm", "select z", "select A", "select a", "deselect A select B, C", "q", "select D"], monkeypatch)
    assert run("play", "--seed", 1, "--out", tmp_path / "games.jsonl") == 0
    (game,) = read_interactions(tmp_path / "games.jsonl")
    assert [str(turn.action) for turn in game.turns] == ["select A", "deselect A select B C"]
    assert [turn.log_prob for turn in game.turns] == [None, None]
    assert game.policy == "person"
    shown = capsys.readouterr().out
    assert "no action in 'hm'" in shown
    assert "A cannot be selected again" in shown
    assert game.turns[0].utterance in " ".join(shown.split())
    assert "target" not in shown


def test_a_person_who_selects_the_targets_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(["select A"], monkeypatch)
    path = tmp_path / "games.jsonl"
    path.touch()
    run("play", "--seed", 2, "--out", path)
    (lost,) = read_interactions(path)
    types([str(Action(select=lost.targets))], monkeypatch)
    run("play", "--seed", 2, "--out", path)
    games = read_interactions(path)
    assert games[0] == lost
    assert games[1].success
    assert "Won in 1 turns." in capsys.readouterr().out


def test_a_person_speaks_sees_targets_and_no_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(["the [tall] bird", "", "no, the other one", "Q"], monkeypatch)
    arguments = ("--as", "speaker", "--listener", "random", "--seed", 1, "--out", tmp_path / "games.jsonl")
    assert run("play", *arguments) == 0
    (game,) = read_interactions(tmp_path / "games.jsonl")
    assert [turn.utterance for turn in game.turns] == ["the [tall] bird", "no, the other one"]
    assert (game.speaker, game.policy) == ("person", "random")
    assert all(turn.log_prob is not None for turn in game.turns)
    shown = capsys.readouterr().out
    assert "target" in shown
    assert "say something" in shown
    (position,) = game.turns[0].action.select
    number = game.context.speaker_order.index(game.context.listener_order[position]) + 1
    assert f"listener: selects {number}" in shown


@pytest.mark.parametrize("option", ["--model", "--endpoint"])
def test_a_person_who_listens_needs_no_model(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types([], monkeypatch)
    assert run("play", option, "x") == 2
    assert "add --as speaker" in capsys.readouterr().err


def test_whoever_leaves_at_once_leaves_no_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types([], monkeypatch)
    assert run("play", "--out", tmp_path / "games.jsonl") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_game_left_by_ctrl_c_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["select A"])

    def answer(prompt: str = "") -> str:
        for text in answers:
            return text
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", answer)
    assert run("play", "--seed", 1, "--out", tmp_path / "games.jsonl") == 0
    (game,) = read_interactions(tmp_path / "games.jsonl")
    assert [str(turn.action) for turn in game.turns] == ["select A"]


def test_a_picture_has_a_quarter_for_every_two_dark_pixels() -> None:
    silhouette = np.full((8, 8), 255, np.uint8)
    silhouette[:2, 0] = 0
    silhouette[4:, 6:] = 0
    assert picture(silhouette).plain.split("\n") == ["▘   ", "   █"]


# respect: its own tests are those of the loop.


def test_the_main_job_has_the_papers_size_by_default() -> None:
    from multiref_gym.agents.commands import respect

    parser = argparse.ArgumentParser()
    respect.add_arguments(parser)
    args = vars(parser.parse_args([]))
    assert args == {
        "rounds": 6,
        "games": 330,
        "seed": 0,
        "out": Path("runs/respect"),
        "listener": "small",
        "decoder": "lexical",
        "ternary": False,
        "speaker": "scripted",
        "tangrams": "figures",
        "seed_tangrams": None,
        "personas": None,
        "objective": "sup",
        "credit": "reply",
        "split": "dev",
        "base": None,
        "epochs": 4,
        "batch": 48,
        "learning_rate": 0.001,
    }


def test_simulated_games_can_be_judged_by_the_benchmark_of_decoders(tmp_path: Path) -> None:
    simulate(tmp_path / "games.jsonl", "--listener", "random")
    out = tmp_path / "figures.json"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "multiref_gym.benchmarks.decoders",
        "--games",
        tmp_path / "games.jsonl",
        "--json",
        out,
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert json.loads(out.read_text())["games"] == 5
