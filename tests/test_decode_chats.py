"""`multiref decode --chats`: feedback on chats, in the chats or as rows to learn from, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from chat_logs import Record, chat, many_chats, read_lines, records, write_chats
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st
from running import run

from multiref_gym import cli
from multiref_gym.agents.commands import decode_chats
from multiref_gym.agents.commands.decode_chats import BLOCK
from multiref_gym.errors import UserError

NOTING = ("--decoder", "chat_logs:NotingDecoder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chats")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Seventy conversations, which are three blocks."""
    return write_chats(tmp_path / "chats.jsonl", many_chats(70))


def decode(log: Path, out: Path, *options: object) -> None:
    run("decode", "--chats", log, *NOTING, "--out", out, *options)


def without_feedback(records: list[Record]) -> list[Record]:
    return [{name: value for name, value in record.items() if not name.startswith("feedback")} for record in records]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# What comes out.


def test_the_same_conversations_come_out_with_their_feedback(log: Path, tmp_path: Path) -> None:
    decode(log, tmp_path / "out.jsonl")
    out = read_lines(tmp_path / "out.jsonl")
    assert without_feedback(out) == many_chats(70)
    assert out[0]["feedback"] == [None, -1, None]
    assert out[1]["feedback"] == [None, 1, None, 1, None]
    assert out[1]["feedback_probability"] == [None, 0.9, None, 0.9, None]
    assert names(tmp_path) == ["chats.jsonl", "out.jsonl"]


@given(chats=st.lists(records, min_size=1, max_size=5))
@examples(20)
def test_each_conversation_comes_out_once_in_order(chats: list[Record], folder: Path) -> None:
    log, out = write_chats(folder / "some.jsonl", [chat("a", "b", "yes"), *chats]), folder / "some.out.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_chats, "BLOCK", 2)
        decode(log, out, *(["--force"] if out.exists() else []))
    assert without_feedback(read_lines(out)) == [chat("a", "b", "yes"), *chats]


def test_a_share_gpt_log_and_parquet_keep_their_form(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet files need the extra 'datasets'")
    parquet = pytest.importorskip("pyarrow.parquet")
    words = ["q", "a", "yes", "b", "no"]
    turns = [{"from": ("human", "gpt")[number % 2], "value": said} for number, said in enumerate(words)]
    when = pyarrow.array([5, None, 7], pyarrow.timestamp("us", "UTC"))
    table = pyarrow.table({"id": [1, 2, 3], "when": when, "conversations": [turns, turns[:2], turns[2:]]})
    parquet.write_table(table, tmp_path / "log.parquet")
    decode(tmp_path / "log.parquet", tmp_path / "out.parquet")
    out = parquet.read_table(tmp_path / "out.parquet")
    assert out.select(table.column_names) == table
    assert out["feedback"].to_pylist() == [[None, 1, None, -1, None], [None] * 2, [None, -1, None]]
    decode(tmp_path / "log.parquet", tmp_path / "out.jsonl")
    lines = read_lines(tmp_path / "out.jsonl")
    assert [line["conversations"] for line in lines] == table["conversations"].to_pylist()
    assert lines[0]["when"] == "1970-01-01T00:00:00.000005+00:00"
    # A column of the log's own stays, also where a row to learn from would have one of that name.
    parquet.write_table(table.append_column("probability", [[0.1, 0.2, 0.3]]), tmp_path / "log.parquet")
    command = "decode", "--chats", tmp_path / "log.parquet", "--decoder", "lexical", "--out", tmp_path / "plain.parquet"
    run(*command)
    assert parquet.read_schema(tmp_path / "plain.parquet").names == [*table.column_names, "probability", "feedback"]
    # And from lines to columns: what some records lack is null.
    write_chats(tmp_path / "log.jsonl", [chat("a", "b", "yes", id=1), chat("a", "b", "no", score=0.5)])
    decode(tmp_path / "log.jsonl", tmp_path / "columns.parquet")
    first, second = parquet.read_table(tmp_path / "columns.parquet").to_pylist()
    assert (first["id"], first["score"], second["id"], second["score"]) == (1, None, None, 0.5)
    assert (first["feedback"], second["feedback_probability"]) == ([None, 1, None], [None, 0.1, None])


def test_what_columns_or_json_cannot_hold_is_told_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet files need the extra 'datasets'")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    for odd in ("two", [1], {}, True, 2**70):
        log = write_chats(tmp_path / "log.jsonl", [chat("a", "b", "yes", id=odd), chat("a", "b", "no", id=1)])
        with pytest.raises(UserError, match=r"out\.parquet: no columns can hold these rows .* name a \.jsonl file"):
            decode(log, tmp_path / "out.parquet")
    write_chats(log, [chat("a", "b", "yes", id={})])
    with pytest.raises(UserError, match=r"out\.parquet: no columns can hold these rows .* name a \.jsonl file"):
        decode(log, tmp_path / "out.parquet")
    table = pyarrow.table({"messages": [chat("a", "b", "yes")["messages"]], "picture": [b"\x89PNG"]})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "log.parquet")
    with pytest.raises(UserError, match=r"log\.parquet, line 1: JSON cannot hold b'.*: name a \.parquet file"):
        decode(tmp_path / "log.parquet", tmp_path / "out.jsonl")
    assert names(tmp_path) == ["log.jsonl", "log.parquet"]
    decode(tmp_path / "log.parquet", tmp_path / "rows.jsonl", "--trl", "kto")  # in which no picture is
    assert len(read_lines(tmp_path / "rows.jsonl")) == 1


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_rows_to_learn_from(log: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    datasets = pytest.importorskip("datasets")
    decode(log, tmp_path / "labelled.jsonl")
    feedback = [value for line in read_lines(tmp_path / "labelled.jsonl") for value in line["feedback"] if value]
    kind = "json" if suffix == "jsonl" else suffix
    for objective, columns in (("kto", {"label", "probability"}), ("sft", {"probability"})):
        out = tmp_path / f"{objective}.{suffix}"
        decode(log, out, "--trl", objective)
        rows = datasets.load_dataset(kind, data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
        assert set(rows.column_names) == {"prompt", "completion", *columns}
        if objective == "kto":
            assert rows["label"][:] == [value == 1 for value in feedback]
        else:
            assert len(rows) == feedback.count(1)
    told = capsys.readouterr().out
    good, bad = feedback.count(1), feedback.count(-1)
    assert f"{good} desirable and {bad} undesirable rows" in told
    assert f"{good} desirable and 0 undesirable rows; answers left out: {bad} negative" in told


def test_a_log_without_rows_to_learn_from_leaves_no_file(tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", [chat("a", "b", "no")])
    with pytest.raises(UserError, match="no rows for --trl sft: no answer with such feedback fits"):
        decode(log, tmp_path / "rows.jsonl", "--trl", "sft")
    assert not (tmp_path / "rows.jsonl").exists()


# What is shown.


def test_the_screen_and_the_page_show_counts_and_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoken = [chat("a <b>", "x" * 900, "yes <script>alert(1)</script>"), chat("a", "b", "no \x1b[31m\u202e")]
    log = write_chats(tmp_path / "log.jsonl", spoken)
    decode(log, tmp_path / "out.jsonl", "--report", tmp_path / "page.html")
    told = capsys.readouterr().out
    assert "positive, probability of a positive 0.90" in told
    assert "    user: no \ufffd[31m\ufffd" in told
    assert "\x1b" not in told
    assert "feedback on 2 answers of 2 conversations" in told
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "yes &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "x [...] x" in page
    assert "50.0%" in page


@pytest.mark.parametrize("decoder", ["lexical", "learned"])
def test_the_decoders_of_the_game_come_with_a_warning(
    decoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_chats(tmp_path / "log.jsonl", [chat("a", "b", "yes, thanks"), chat("a", "b", "no, that is wrong")])
    report = ("--report", tmp_path / "page.html")
    run("decode", "--chats", log, "--decoder", decoder, "--out", tmp_path / "out.jsonl", *report)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Warning: {decoder} was made for the game, ")
    assert first in others
    assert [line["feedback"] for line in read_lines(tmp_path / "out.jsonl")] == [[None, 1, None], [None, -1, None]]
    assert ("feedback_probability" in read_lines(tmp_path / "out.jsonl")[0]) == (decoder == "learned")
    assert f"{decoder} was made for the game" in (tmp_path / "page.html").read_text(encoding="utf-8")


# What is refused.


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("", "expected --out"),
        ("--out out.csv", "--out out.csv: allowed are JSON Lines or FILE.parquet"),
        ("--out out.jsonl --report out.jsonl", "--report out.jsonl: allowed is a file other than --out"),
        ("--out chats.jsonl", "chats.jsonl: it exists already; --force replaces chats with feedback"),
        (
            "--out chats.jsonl --force",
            "chats.jsonl: it exists already, and --force only replaces chats with feedback",
        ),
        ("--out chats.jsonl --trl kto --force", "and --force only replaces rows for TRL"),
        ("--out out.jsonl --report chats.jsonl --force", "and --force only replaces a report"),
        ("--out out.jsonl --games chats.jsonl", "--games"),
        ("--out out.jsonl --format jsonl", "--format applies to --games only, not to --chats"),
        ("--out out.jsonl --round 0", "--round applies to --store only, not to --chats"),
        ("--out out.jsonl --against lexical", "--against applies to --games and --store only, not to --chats"),
        ("--out out.jsonl --trl dpo", 'Invalid value "dpo" for --trl'),
        ("--out out.jsonl --decoder absent", "unknown decoder 'absent'"),
        ("--out out.jsonl --decoder prompted", "decoder 'prompted' needs a model: expected 'prompted:MODEL'"),
        (
            "--out out.jsonl --decoder chat_logs:MuteDecoder",
            "'chat_logs:MuteDecoder' does not fit: MuteDecoder has no method 'decode_chats'",
        ),
    ],
)
def test_what_makes_no_sense_gets_one_line(
    options: str, complaint: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(log.parent)
    before = log.read_bytes()
    with pytest.raises(UserError) as caught:
        run("decode", "--chats", log.name, *options.split())
    assert complaint in str(caught.value)
    assert names(log.parent) == ["chats.jsonl"]
    assert log.read_bytes() == before


@pytest.mark.parametrize("option", ["--trl kto", "--report page.html"])
def test_what_is_of_chats_is_refused_of_games(option: str) -> None:
    with pytest.raises(UserError, match=rf"{option.split()[0]} applies to --chats only, not to --games"):
        run("decode", "--games", "games.jsonl", "--out", "out.csv", *option.split())


@pytest.mark.parametrize("name", ["absent.jsonl", "", "absent.parquet"])
def test_a_log_that_is_no_file_gets_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(no such file|a folder): expected a file of chats"):
        decode(tmp_path / name, tmp_path / "out.jsonl")


def test_chats_without_a_reply_have_nothing_to_decode(tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", [chat("a", "b"), chat("a")])
    with pytest.raises(UserError, match="no feedback to decode: no user follows up an answer"):
        decode(log, tmp_path / "out.jsonl")


def test_a_bad_conversation_stops_all_before_it_begins_or_is_left_out_and_named(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:40], '{"messages": [{"role": "user"}]}', *lines[40:], "{"]))
    with pytest.raises(UserError, match=r"chats\.jsonl, line 41, field 'messages\[0\]\.content': missing"):
        decode(log, tmp_path / "out.jsonl")
    assert names(tmp_path) == ["chats.jsonl"]
    decode(log, tmp_path / "out.jsonl", "--skip-bad")
    assert without_feedback(read_lines(tmp_path / "out.jsonl")) == many_chats(70)
    told = capsys.readouterr().out
    assert "2 bad conversations skipped:" in told
    assert "line 41, field 'messages[0].content': missing" in told
    assert "line 72: not JSON" in told


# What a command that was interrupted leaves.


def waiting(command: list[object], **environment: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, sys.path))
    words = [sys.executable, "-m", "multiref_gym.cli", *map(str, command)]
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": path, **environment})


def test_a_thousand_conversations_survive_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, asked = write_chats(tmp_path / "chats.jsonl", many_chats(1000)), tmp_path / "asked"
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    decode(log, whole)
    monkeypatch.setenv("ASKED", str(asked))
    kept = tmp_path / "out.jsonl.progress"
    process = waiting(["decode", "--chats", log, *NOTING, "--out", out], SECONDS="0.1")
    for _ in range(1200):
        if kept.exists() and kept.read_bytes().count(b"\n") > 5:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    blocks = kept.read_bytes().count(b"\n") - 1
    assert 5 <= blocks < 1000 / BLOCK
    decode(log, out)
    assert out.read_bytes() == whole.read_bytes()
    assert without_feedback(read_lines(out)) == many_chats(1000)
    answers = asked.read_text().splitlines()
    needed = sum(record["id"] % 4 + 1 for record in many_chats(1000))
    assert len(set(answers)) == needed
    assert needed <= len(answers) <= needed + 4 * BLOCK, "the block that was under way alone is asked twice"
    assert names(tmp_path) == ["asked", "chats.jsonl", "out.jsonl", "whole.jsonl"]


def stopped(log: Path, out: Path, patch: pytest.MonkeyPatch, *options: object) -> Path:
    """Has a command stop before its last block, and returns the file that it leaves."""
    before = decode_chats.verdicts
    left = [2]

    def decoded(*args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise UserError("stopped")
        return before(*args)

    with patch.context() as context:
        context.setattr(decode_chats, "verdicts", decoded)
        with pytest.raises(UserError, match="stopped"):
            decode(log, out, *options)
    assert not out.exists()
    return out.with_name(f"{out.name}.progress")


def test_who_interrupts_it_is_told_that_it_goes_on(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["decode", "--chats", str(log), *NOTING, "--out", str(tmp_path / "out.jsonl")]
    with monkeypatch.context() as patch:
        patch.setattr(decode_chats, "verdicts", interrupted)
        assert cli.main(words) == 130
        assert capsys.readouterr().err == "multiref: interrupted\n", "nothing was decoded yet"
    stopped(log, tmp_path / "out.jsonl", monkeypatch)
    monkeypatch.setattr(decode_chats, "verdicts", interrupted)
    assert cli.main(words) == 130
    assert capsys.readouterr().err == "multiref: interrupted; the same command continues from here\n"


def interrupted(*args: object) -> None:
    raise KeyboardInterrupt


@given(data=st.data())
@examples(12)
def test_whatever_was_kept_of_it_the_same_comes_out(data: st.DataObject, folder: Path) -> None:
    log, out = write_chats(folder / "chats.jsonl", many_chats(70)), folder / "out.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_chats, "BLOCK", 32)
        kept = stopped(log, out, patch)
    content = kept.read_bytes()
    kept.write_bytes(content[: data.draw(st.integers(0, len(content)))] + data.draw(st.sampled_from([b"", b"\0\0"])))
    decode(log, out)
    lines = read_lines(out)
    out.unlink()
    assert without_feedback(lines) == many_chats(70)
    assert all(value is not None for line in lines for value in line["feedback"][1::2])


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (lambda log: log.write_text(log.read_text() + "\n"), (), "its log is '"),
        (lambda log: None, ("--decoder", "lexical"), "its decoder is 'chat_logs:NotingDecoder' and not 'lexical'"),
    ],
)
def test_another_command_does_not_go_on_from_there(
    change: Any, options: tuple[str, ...], told: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stopped(log, tmp_path / "out.jsonl", monkeypatch)
    before = kept.read_bytes()
    change(log)
    with pytest.raises(
        UserError, match=r"holds what another command has decoded: .*: remove it, or choose another"
    ) as caught:
        decode(log, tmp_path / "out.jsonl", *options)
    assert told in str(caught.value)
    assert kept.read_bytes() == before


def test_a_full_disk_costs_one_block(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    out, limits = tmp_path / "out.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    before = stopped(log, out, monkeypatch).stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 100, limits[1]))  # a part of the line is written
        with pytest.raises(UserError, match=r"out\.jsonl\.progress: what was decoded cannot be kept: "):
            decode(log, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    decode(log, out)
    assert without_feedback(read_lines(out)) == many_chats(70)


@pytest.mark.parametrize("words", ["mine\n", "mine", '{"decodes": "mine"}\n', "\n"])
def test_a_file_of_something_else_is_left_alone(words: str, log: Path, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.progress").write_text(words)
    with pytest.raises(UserError, match=r"out\.jsonl\.progress holds something else: remove it, or choose another"):
        decode(log, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl.progress").read_text() == words


def test_what_is_kept_may_be_written_in_the_other_form(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(log, tmp_path / "out.jsonl", monkeypatch)
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    decode(log, tmp_path / "out.jsonl", "--trl", "kto")
    assert len(set((tmp_path / "asked").read_text().splitlines())) < 70
    assert read_lines(tmp_path / "out.jsonl")[0].keys() == {"prompt", "completion", "label", "probability"}


def test_two_processes_do_not_decode_into_one_file(log: Path, tmp_path: Path) -> None:
    filelock = pytest.importorskip("filelock")
    lock = filelock.FileLock(tmp_path / "out.jsonl.progress.lock")
    with lock, pytest.raises(UserError, match=r"another process is at work with .*out\.jsonl\.progress"):
        decode(log, tmp_path / "out.jsonl")


def test_a_log_that_changes_meanwhile_is_told(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = decode_chats.verdicts

    def decoded(*args: Any) -> Any:
        with log.open("a") as file:
            file.write(json.dumps(chat("late", "answer", "yes")) + "\n")
        return before(*args)

    monkeypatch.setattr(decode_chats, "verdicts", decoded)
    with pytest.raises(UserError, match=r"chats\.jsonl changed while it was decoded"):
        decode(log, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
