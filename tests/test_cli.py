"""The console command: what it does, and how it complains."""

from __future__ import annotations

import builtins
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from multiref_gym import cli
from multiref_gym.agents.commands.play import Play
from multiref_gym.agents.commands.terminal import picture
from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.formats import read_games, read_interactions
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import Atlas, load_tangrams


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def simulate(path: Path, *arguments: object) -> list[Interaction]:
    assert run("simulate", "--games", 5, "--out", path, *arguments) == 0
    return read_interactions(path)


# The command line.


def test_help_and_version_import_neither_torch_nor_a_command() -> None:
    code = (
        "import sys\nfrom multiref_gym import cli\n"
        "assert cli.main(sys.argv[1:]) == 0\n"
        "assert not {'torch', 'multiref_gym.agents', 'multiref_gym.benchmarks', 'sqlalchemy'} & set(sys.modules)"
    )
    for options in (["--help"], ["bench", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, text=True, check=True)
        assert "multiref" in done.stdout
    assert "multiref-gym" in done.stdout


def options_of(command: type[Any]) -> Iterator[str]:
    """Yields the options of a command, and those of the dataclasses that it has."""
    for field in fields(command):
        if field.name in ("config", "optimisation"):
            yield from options_of(type(field.default))
        elif "parse=False" not in str(field.type):
            yield "as" if "--as" in str(field.type) else field.name.replace("_", "-")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_tells_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*name.split(), "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"Usage: multiref {name}" in told
    module, _, attribute = cli.COMMANDS[name].entry_point.partition(":")
    command = getattr(import_module(module), attribute)
    for option in options_of(command):
        assert f"--{option}" in told
    told_of_itself = command.__doc__.split("\n")[0].replace("`", "")
    assert told_of_itself in told  # at more length than in the table
    assert all(f" {part} " not in told for part in ("Attributes:", "[default: None]"))


def test_the_commands_are_told_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    run("bench", "--help")
    told = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert any(name.split()[-1] in line and command.summary in line for line in told.splitlines())


@pytest.mark.parametrize("arguments", [[], ["bench"]])
def test_who_names_no_command_is_told_of_them(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "Usage: multiref" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("dance", "unknown command 'dance'"),
        ("bench dance", "unknown command 'bench dance'"),
        ("simulate", "--games requires an argument"),
        ("simulate --games 0 --out x", "Invalid value for --games: '0': allowed are 1 to 1000000 games, or FIRST:LAST"),
        ("simulate --games 7:3 --out x", "'7:3': allowed are 1 to 1000000 games, or FIRST:LAST with FIRST before LAST"),
        ("simulate --games 2.5 --out x", "'2.5': allowed is a number of games, or FIRST:LAST"),
        ("simulate --games 1:many --out x", "'1:many': allowed is a number of games, or FIRST:LAST"),
        ("simulate --games 1 --out x --parts 2", "--parts needs --ray"),
        ("simulate --games 1 --out x --split exam", 'Invalid value "exam" for --split. Choose from: "train"'),
        ("simulate --games 1 --out x --sped 1", "--sped"),
        ("simulate --games 1 --out x y", "y"),
        ("bench speed --seconds inf", 'Invalid value "inf" for --seconds'),
    ],
)
def test_a_command_line_that_makes_no_sense_gets_one_line(
    arguments: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments.split()) == 2
    shown = capsys.readouterr()
    [line] = shown.err.splitlines()
    assert line.startswith("multiref: error: ")
    assert complaint in line
    assert not shown.out


def command_that_raises(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, *, resumes: bool = False, says: str = ""
) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Failing:
        """Fails."""

        def run(self, screen: Screen) -> None:
            screen.report("nothing", 1, 2)
            if says:
                screen.say(says)
            raise error

    monkeypatch.setitem(sys.modules, "failing", SimpleNamespace(Failing=Failing))
    monkeypatch.setitem(cli.COMMANDS, "fail", cli.Command("failing:Failing", "fails", resumes))


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (UserError("no such thing:\n  try another"), "multiref: error: no such thing: try another\n"),
        (PermissionError(13, "Permission denied", "out"), "multiref: error: out: Permission denied\n"),
        (UserError("a \x1b[2J b\u2028c \ud800"), "multiref: error: a \ufffd[2J b c \ufffd\n"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    error: Exception, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that_raises(error, monkeypatch)
    assert run("fail") == 2
    assert capsys.readouterr().err == complaint


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_console_that_lacks_a_character_prints_the_rest(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    command_that_raises(UserError("not a → b"), monkeypatch, says="80 % – 90 % 🙂")
    assert run("fail") == 2
    shown = []
    for stream in streams:
        stream.flush()
        shown.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
    assert shown == ["80 % \\u2013 90 % \\U0001f642\n", "multiref: error: not a \\u2192 b\n"]


def test_a_warning_is_one_line_too() -> None:
    run("--version")
    told = warnings.formatwarning("a\nwarning \x07", UserWarning, "module.py", 1)
    assert told == "multiref: warning: a warning \ufffd\n"


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
    assert ("continues from here" in capsys.readouterr().err) == resumes


def test_the_main_job_says_that_it_resumes() -> None:
    assert cli.COMMANDS["respect"].resumes


@pytest.mark.parametrize("all_threads", [False, True])
def test_a_command_takes_one_thread_but_where_it_wants_all(
    all_threads: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[int] = []

    @dataclass(frozen=True, kw_only=True)
    class Counting:
        """Counts threads."""

        def run(self, screen: Screen) -> None:
            found.append(torch.get_num_threads())

    monkeypatch.setitem(sys.modules, "counting", SimpleNamespace(Counting=Counting))
    monkeypatch.setitem(cli.COMMANDS, "count", cli.Command("counting:Counting", "counts", all_threads=all_threads))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert run("count") == 0
    finally:
        torch.set_num_threads(before)
    assert found == [2 if all_threads else 1]
    assert os.environ["OMP_NUM_THREADS"] == ("2" if all_threads else "1")  # for what it starts


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
        ("play --as speaker --listener oracle", "asks the speaker for the wanted action"),
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
    assert "persona 1, field 'prase': unknown; allowed is name, praise" in capsys.readouterr().err
    assert run(*arguments, "--personas", personas, "--speaker", "terse_speaker:TerseSpeaker") == 2
    assert (
        "--personas are for speakers with habits, such as scripted, and not for terse_speaker"
        in capsys.readouterr().err
    )
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

    monkeypatch.setattr("multiref_gym.agents.play.play", interrupted)
    options = ("--games", 5, "--out", tmp_path / "games.jsonl", "--listener", "random")
    assert run("simulate", *options, "--force") == 130
    assert read_interactions(tmp_path / "games.jsonl") == games
    assert [path.name for path in tmp_path.iterdir()] == ["games.jsonl"]


def test_a_contact_sheet_is_a_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tangrams", "--split", "test", "--out", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 500
    assert run("tangrams", "--split", "test", "--out", tmp_path / "sheet.jpg") == 2
    assert "allowed is a file whose name ends in .png" in capsys.readouterr().err


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


NOTHING = ("select A", "deselect A") * (MAX_TURNS // 2)
"""What a listener does who loses."""


def test_a_person_listens_is_asked_again_and_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(["hm", "select z", "select A", "select a", "deselect A select B, C", "q", "select D"], monkeypatch)
    assert run("play", "--seed", 1) == 0
    shown = capsys.readouterr().out
    assert "no action in 'hm'" in shown
    assert "A cannot be selected again" in shown
    assert "◎" not in shown


def test_a_person_who_listens_reads_the_rules_the_turn_and_the_dialogue_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(["no click", "?", "A"], monkeypatch)
    assert run("play", "--seed", 1) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count("You are the listener.") == 2  # at the beginning, and where it was asked for
    assert "3 to 5 of them are targets" in shown
    turns = [shown.index(f"Turn {number} of {MAX_TURNS}") for number in (1, 2, 3)]
    assert turns == sorted(turns)
    first = shown[: turns[1]].rpartition("speaker: ")[2].rpartition(" you:")[0]
    assert f"1. {first} → no click" in shown[turns[1] : turns[2]]
    assert f"1. {first} → no click 2." in shown[turns[2] :]
    assert "→ select A" in shown[turns[2] :]


def test_letters_alone_are_clicks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types(["a", "B, c and D", "b E", "z", "a or b"], monkeypatch)
    assert run("play", "--seed", 1, "--out", tmp_path / "games.jsonl") == 0
    ([game], _) = read_games(tmp_path / "games.jsonl")
    assert [str(turn.action) for turn in game.interaction.turns] == ["select A", "select B C D", "deselect B select E"]


def test_a_person_who_selects_the_targets_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(NOTHING, monkeypatch)
    path = tmp_path / "games.jsonl"
    path.touch()
    run("play", "--seed", 2, "--out", path)
    (lost,) = read_interactions(path)
    assert [str(turn.action) for turn in lost.turns] == list(NOTHING)
    assert {turn.log_prob for turn in lost.turns} == {None}
    assert (lost.policy, lost.success) == ("person", False)
    types([str(Action(select=lost.targets))], monkeypatch)
    run("play", "--seed", 2, "--out", path)
    games, _ = read_games(path)
    assert games[0].interaction == lost
    assert games[1].interaction.success
    assert [game.abandoned for game in games] == [False, False]
    assert "Won in 1 turn." in capsys.readouterr().out


def test_a_person_speaks_sees_targets_and_no_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["the [tall] bird", *["no, the other one"] * (MAX_TURNS - 1)]
    types([said[0], "", "a\x1b[31mred one", *said[1:]], monkeypatch)
    arguments = ("--as", "speaker", "--listener", "random", "--seed", 1, "--out", tmp_path / "games.jsonl")
    assert run("play", *arguments) == 0
    (game,) = read_interactions(tmp_path / "games.jsonl")
    assert [turn.utterance for turn in game.turns] == said
    assert (game.speaker, game.policy, game.closing) == ("person", "random", "")
    assert all(turn.log_prob is not None for turn in game.turns)
    shown = capsys.readouterr().out
    assert f"You are the speaker. {len(game.targets)} of the 10 tangrams are targets" in " ".join(shown.split())
    assert shown.count("◎ target") == (MAX_TURNS + 1) * len(game.targets)
    assert "say something" in shown
    assert "without control characters" in " ".join(shown.split())
    (position,) = game.turns[0].action.select
    number = game.context.speaker_order.index(game.context.listener_order[position]) + 1
    assert f"listener: selects {number}" in shown
    assert f"1. the [tall] bird  → selects {number}" in shown


@pytest.mark.parametrize(("option", "value"), [("--model", "x"), ("--endpoint", "x"), ("--shown", "words")])
def test_a_person_who_listens_needs_no_model(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types([], monkeypatch)
    assert run("play", option, value) == 2
    assert "add --as speaker" in capsys.readouterr().err


def test_whoever_leaves_at_once_leaves_no_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types([], monkeypatch)
    assert run("play", "--out", tmp_path / "games.jsonl") == 0
    assert list(tmp_path.iterdir()) == []


def test_games_that_others_add_meanwhile_stay_and_a_link_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, out = tmp_path / "kept.jsonl", tmp_path / "games.jsonl"
    out.symlink_to(kept)

    def answer(prompt: str = "") -> str:
        if not kept.exists():
            assert run("simulate", "--games", 2, "--listener", "random", "--out", kept) == 0
        return "A"

    monkeypatch.setattr(builtins, "input", answer)
    assert run("play", "--as", "speaker", "--listener", "random", "--out", out) == 0
    assert out.is_symlink()
    assert [game.speaker == "person" for game in read_interactions(kept)] == [False, False, True]


@pytest.mark.parametrize("answers", [["the bird"], ["the bird", "q"]])
@pytest.mark.parametrize("leaving", [EOFError, KeyboardInterrupt])
def test_a_game_that_was_left_is_kept_as_abandoned(
    answers: list[str], leaving: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(answers)

    def answer(prompt: str = "") -> str:
        for text in typed:
            return text
        raise leaving

    monkeypatch.setattr(builtins, "input", answer)
    out = tmp_path / "games.jsonl"
    assert run("play", "--as", "speaker", "--listener", "random", "--out", out) == 0
    ([game], _) = read_games(out)
    assert game.abandoned
    assert [turn.utterance for turn in game.interaction.turns] == ["the bird"]
    assert game.interaction.closing == ""


def test_a_game_in_which_the_listener_fails_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(RandomListener):
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
            if views[0].dialogue:
                raise UserError("the endpoint is gone")
            return super().act(views, rngs)

    types(["the bird", "no", "no"], monkeypatch)
    monkeypatch.setattr(Play, "chosen_listener", lambda options, tangrams: Failing())
    assert run("play", "--as", "speaker", "--listener", "random", "--out", tmp_path / "games.jsonl") == 2
    ([game], _) = read_games(tmp_path / "games.jsonl")
    assert game.abandoned
    assert [turn.utterance for turn in game.interaction.turns] == ["the bird"]


def test_a_picture_has_a_quarter_for_every_two_dark_pixels() -> None:
    silhouette = np.full((8, 8), 255, np.uint8)
    silhouette[:2, 0] = 0
    silhouette[4:, 6:] = 0
    assert picture(silhouette, 4).plain.split("\n") == ["▘   ", "   █"]


def test_a_picture_is_as_large_as_there_is_room() -> None:
    silhouette = np.full((40, 40), 255, np.uint8)
    silhouette[10:15, 20:40] = 0  # a bar, four times as wide as it is high
    assert picture(silhouette, 8).plain.split("\n") == [" " * 8, "▄" * 8, "▀" * 8, " " * 8]


def test_the_tangrams_of_a_game_can_be_told_apart_at_80_columns() -> None:
    tangrams = load_tangrams("figures")
    silhouettes = Atlas(tangrams, 256).silhouettes(tangrams.ids[:200])
    pictures = {picture(silhouette, 14).plain for silhouette in silhouettes}
    assert len(pictures) >= 0.98 * len({silhouette.tobytes() for silhouette in silhouettes})
    assert {len(line) for drawn in pictures for line in drawn.split("\n")} == {14}


# respect: its own tests are those of the loop.


def test_the_main_job_has_the_papers_size_by_default() -> None:
    from multiref_gym.agents.commands.respect import RespectCommand

    command = RespectCommand()
    assert (command.config.rounds, command.config.games, command.config.seed) == (6, 330, 0)
    assert (command.config.listener, command.config.decoder, command.config.ternary) == ("small", "lexical", False)
    assert (command.config.tangrams, command.config.split, command.config.base) == ("figures", "dev", None)
    assert (command.objective, command.credit, command.out) == ("sup", "reply", Path("runs/respect"))
    optimisation = command.optimisation
    assert (optimisation.epochs, optimisation.batch, optimisation.learning_rate) == (3, 48, 0.001)
    assert (optimisation.embedding_rate, optimisation.other_distractors) == (16.0, 0.9)


def test_simulated_games_can_be_judged_by_the_benchmark_of_decoders(tmp_path: Path) -> None:
    simulate(tmp_path / "games.jsonl", "--listener", "random")
    out = tmp_path / "figures.json"
    assert run("bench", "decoders", "--games", tmp_path / "games.jsonl", "--json", out) == 0
    assert json.loads(out.read_text())["games"] == 5
