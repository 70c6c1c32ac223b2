"""What was paid for is on disk, and the same command goes on from there: whatever ended it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_endpoint import Body, Endpoint, Reply, completion, failure, in_turn, said, serving

pytest.importorskip("httpx")

from multiref_gym import cli
from multiref_gym.agents.kept_answers import Answer, KeptAnswers
from multiref_gym.agents.openai_api import ChatClient
from multiref_gym.commands.process import ANSWERS
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(ANSWERS, raising=False)


def request(text: str) -> Body:
    return {"messages": [{"role": "user", "content": text}]}


def client(endpoint: Endpoint, **options: Any) -> ChatClient:
    given_ = {"attempts": 1, "timeout": 10.0, "answers": Path("answers")}
    return ChatClient("tiny", endpoint.url, **given_ | options)


def texts(asks: ChatClient, *asked: str) -> list[str]:
    return [choice["message"]["content"] for choice in asks.complete(list(map(request, asked)))]


def numbered() -> Callable[[Body], Reply]:
    """Answers with the number of the request, so that no two answers are the same."""
    return in_turn(*(completion(str(number)) for number in range(1000)))


def test_the_same_request_is_asked_once_and_counted() -> None:
    with serving(numbered()) as endpoint:
        first = client(endpoint)
        told = texts(first, "a", "b")
        again = client(endpoint)
        assert texts(again, "a", "b") == told
        assert len(endpoint.bodies) == 2
    assert (first.usage.requests, first.usage.kept) == (2, 0)
    assert (again.usage.requests, again.usage.kept) == (2, 2)
    assert again.usage.input_tokens == first.usage.input_tokens


def test_requests_that_are_the_same_have_an_answer_each_in_their_order() -> None:
    with serving(numbered()) as endpoint:
        asks = client(endpoint)
        told = [*texts(asks, "a", "a", "b"), *texts(asks, "a")]
        assert len(set(told)) == 4
        again = client(endpoint, concurrency=1)
        assert [*texts(again, "a"), *texts(again, "a", "b", "a")] == [told[i] for i in (0, 1, 2, 3)]
        assert len(endpoint.bodies) == 4


def test_another_model_is_asked_anew() -> None:
    with serving(numbered()) as endpoint:
        texts(client(endpoint), "a")
        ChatClient("large", endpoint.url, answers=Path("answers")).complete([request("a")])
        assert len(endpoint.bodies) == 2


def test_without_a_file_nothing_is_kept() -> None:
    with serving(numbered()) as endpoint:
        assert texts(client(endpoint, answers=None), "a") != texts(client(endpoint, answers=None), "a")
    assert not list(Path().iterdir())


def test_a_failure_loses_nothing_that_was_under_way() -> None:
    refused = threading.Event()

    def answer(body: Body) -> Reply:
        if said(body) == "bad":
            return failure(401, "no key")
        refused.wait(0.2)
        return completion(said(body))

    with serving(answer) as endpoint, pytest.raises(UserError, match="the answers are in answers; the same command"):
        texts(client(endpoint, concurrency=3), "bad", "a", "b", *"cdefghij")
    under_way = [said(body) for body in endpoint.bodies if said(body) != "bad"]
    assert len(under_way) >= 2
    with serving(answer) as other:
        other.url = endpoint.url  # which is gone: only what is kept is answered
        assert texts(client(other), *under_way) == under_way


def test_what_a_content_filter_refused_and_fields_that_are_left_out_are_kept() -> None:
    def answer(body: Body) -> Reply:
        if "seed" in body:
            return failure(400, "Unknown parameter: 'seed'")
        return failure(400, "the content filter") if said(body) == "bad" else completion("x")

    asked = [{**request(text), "seed": 1} for text in ("bad", "good")]
    told = []
    with serving(answer) as endpoint:
        for _ in range(2):
            asks = client(endpoint, concurrency=1)
            with pytest.warns(UserWarning, match="does not take 'seed'"):
                told.append(asks.complete(asked))
            assert (asks.usage.filtered, asks.usage.left_out) == (1, ["seed"])
        assert len(endpoint.bodies) == 3
    assert told[0] == told[1]


def answer_of(text: str) -> Answer:
    return Answer({"message": {"content": text}}, None, [])


def filled(path: Path, count: int) -> bytes:
    answers = KeptAnswers(path)
    for number in range(count):
        answers.add(str(number), answer_of(f"text {number}"))
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore:.*damaged lines")
@given(st.data())
@settings(max_examples=50)
def test_a_damaged_file_never_gives_a_wrong_answer(data: st.DataObject) -> None:
    path = Path("damaged")
    path.unlink(missing_ok=True)
    whole = filled(path, 3)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:place])
    else:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))]) + whole[place + 1 :])
    answers = KeptAnswers(path)
    for number in range(3):
        assert answers.get(str(number)) in (None, answer_of(f"text {number}"))
    answers.add("new", answer_of("new"))
    assert KeptAnswers(path).get("new") == answer_of("new")


def test_a_torn_line_is_left_out_and_ends_with_the_next() -> None:
    path = Path("answers")
    path.write_bytes(filled(path, 2)[:-5])
    with pytest.warns(UserWarning, match="answers: 1 damaged lines are left out"):
        answers = KeptAnswers(path)
    assert [answers.get(name) is None for name in "01"] == [False, True]


@pytest.mark.filterwarnings("ignore:.*damaged lines")
def test_a_full_disk_loses_nothing_that_was_kept() -> None:
    resource = pytest.importorskip("resource")
    path = Path("answers")
    size = len(filled(path, 2))
    answers, limits = KeptAnswers(path), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))  # a part of the line is written
        with pytest.raises(UserError, match=r"^answers: an answer cannot be kept: "):
            answers.add("2", answer_of("text 2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    answers.add("3", answer_of("text 3"))
    again = KeptAnswers(path)
    assert [again.get(name) is None for name in "0123"] == [False, False, True, False]


def test_a_file_of_something_else_is_left_alone() -> None:
    Path("games.jsonl").write_text('{"game_id": 1}\n')
    with pytest.raises(UserError, match=rf"games.jsonl holds no paid answers; {ANSWERS} names another"):
        KeptAnswers(Path("games.jsonl"))
    assert Path("games.jsonl").read_text() == '{"game_id": 1}\n'


def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked() -> None:
    Path("folder").mkdir()
    Path("file").write_text("")
    for path in (Path("folder"), Path("file/answers")):
        with pytest.raises(UserError, match=rf"{path}: .*; {ANSWERS} names another file"):
            KeptAnswers(path)


COMMAND = ["--listener", "api", "--model", "tiny", "--endpoint"]


def playing(body: Body) -> Reply:
    """Answers as the seed of the request says."""
    return completion(f"select {'ABCDEFGHIJ'[body['seed'] % 10]}")


def simulated(url: str, out: str, games: int = 1) -> list[str]:
    return ["simulate", "--games", str(games), "--out", out, *COMMAND, url]


def test_a_run_that_is_killed_goes_on_where_it_was() -> None:
    with serving(playing) as endpoint:
        assert cli.main(simulated(endpoint.url, "whole.jsonl", 3)) == 0
        needed = len(endpoint.bodies)
    under_way, killed = threading.Event(), threading.Event()

    def answer(body: Body) -> Reply:
        if not killed.is_set() and len(endpoint.bodies) > needed // 2:
            under_way.set()
            killed.wait(30)
        return playing(body)

    with serving(answer) as endpoint:
        words = simulated(endpoint.url, "games.jsonl", 3)
        process = subprocess.Popen([sys.executable, "-m", "multiref_gym.cli", *words], stderr=subprocess.PIPE)
        assert under_way.wait(60)
        process.kill()
        process.communicate()
        killed.set()
        assert not Path("games.jsonl").exists()
        assert cli.main(words) == 0
        asked = len(endpoint.bodies)
    assert read_interactions(Path("games.jsonl")) == read_interactions(Path("whole.jsonl"))
    assert needed <= asked <= needed + 3, "those that were under way alone are asked twice"


def test_a_key_that_is_refused_in_the_middle_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    valid = threading.Event()

    def answer(body: Body) -> Reply:
        return playing(body) if valid.is_set() or len(endpoint.bodies) < 9 else failure(401, "expired")

    with serving(answer) as endpoint:
        words = simulated(endpoint.url, "games.jsonl")
        assert cli.main(words) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.endswith("games.jsonl.answers; the same command continues from there")
        paid = len(Path("games.jsonl.answers").read_text().splitlines())
        assert paid == 8
        valid.set()
        assert cli.main(words) == 0
    assert f"kept: {paid}, " in capsys.readouterr().out


def test_a_command_without_a_file_keeps_them_among_the_runs() -> None:
    with serving(playing) as endpoint:
        assert cli.main(simulated(endpoint.url, "games.jsonl")) == 0
        asked = len(endpoint.bodies)
        words = ["benchmark", "--games", "games.jsonl", *COMMAND, endpoint.url]
        assert cli.main(words) == 0
        turns = len(endpoint.bodies) - asked
        assert cli.main(words) == 0
        assert len(endpoint.bodies) == asked + turns
    assert len(Path("runs/benchmark.answers").read_text().splitlines()) == turns


@pytest.mark.parametrize(("named", "kept"), [("elsewhere", ["elsewhere"]), ("", [])])
def test_the_environment_names_another_file_or_none(
    named: str, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ANSWERS, named)
    with serving(playing) as endpoint:
        assert cli.main(simulated(endpoint.url, "games.jsonl")) == 0
    assert sorted(path.name for path in Path().iterdir()) == [*kept, "games.jsonl"]
    assert os.environ[ANSWERS] == named


def test_the_file_of_one_command_is_not_that_of_the_next() -> None:
    with serving(playing) as endpoint:
        for out in ("one", "two"):
            assert cli.main(simulated(endpoint.url, out)) == 0
    assert json.loads(Path("one.answers").read_text().splitlines()[0]).keys() >= {"request", "choice"}
    assert len(Path("two.answers").read_text().splitlines()) == len(Path("one.answers").read_text().splitlines())
    assert ANSWERS not in os.environ
