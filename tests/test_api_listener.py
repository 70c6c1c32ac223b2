"""The API listener and its client, against an endpoint on this machine that answers well or badly."""

from __future__ import annotations

import base64
import importlib
import io
import json
import logging
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from stub_endpoint import Body, Endpoint, Reply, completion, failure, in_turn, said, serving

pytest.importorskip("httpx")

from acting import act, games_of

from multiref_gym import cli
from multiref_gym.agents.listeners.api import ApiListener
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.openai_api import ENDPOINT, KEY, ChatClient
from multiref_gym.agents.play import play
from multiref_gym.chat import rules
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action
from multiref_gym.listener import View
from multiref_gym.messages import Messages
from multiref_gym.tangrams import Atlas, load_tangrams

FIGURES = load_tangrams("figures")
NAMES = FIGURES.ids[:10]
SECRET = "sk-very-secret-0123456789"
SELECT_A = completion("select A")


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(ENDPOINT, raising=False)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def view(utterance: str = "the house", selected: frozenset[int] = frozenset()) -> View:
    return View(NAMES, (), utterance, selected)


def client(endpoint: Endpoint, **options: Any) -> ChatClient:
    return ChatClient("tiny", endpoint.url, **{"attempts": 3, "backoff": 0.001, "timeout": 10.0} | options)


def listener(endpoint: Endpoint, **options: Any) -> ApiListener:
    return ApiListener(FIGURES, client(endpoint), **options)


def actions(player: ApiListener, *views: View, seed: int = 0) -> list[Action]:
    return [decision.action for decision in act(player, views, seed)]


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def pictures(body: Body) -> list[Image.Image]:
    parts = [part for message in body["messages"] for part in message["content"] if isinstance(part, dict)]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def test_the_model_sees_the_board_and_the_dialogue_and_acts() -> None:
    dialogue = (("the house", select(0)), ("no, the bird", Action()), ("undo", Action(deselect=frozenset({0}))))
    with serving(in_turn(completion("select B C"))) as endpoint:
        [decision] = act(listener(endpoint), [View(NAMES, dialogue, "both boats", frozenset())])
    assert decision.action == select(1, 2)
    assert (decision.log_prob, decision.text) == (None, "select B C")
    [body] = endpoint.bodies
    assert body["model"] == "tiny"
    assert endpoint.keys == [f"Bearer {SECRET}"]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"] * 3 + ["user"]
    assert [message["content"][0]["text"] for message in body["messages"][1::2]] == [
        "select A",
        "no click",
        "deselect A",
    ]
    heard = [message["content"][-1]["text"] for message in body["messages"][::2]]
    assert heard == [
        "none is selected\nthe house",
        "A currently selected\nno, the bird",
        "A currently selected\nundo",
        "none is selected\nboth boats",
    ]
    [board] = pictures(body)
    assert board.mode == "RGB"


def test_ten_tangrams_come_with_their_letters() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        actions(listener(endpoint, shown="tangrams"), view())
    [body] = endpoint.bodies
    assert len(pictures(body)) == 10
    parts = body["messages"][0]["content"]
    assert [part.get("text") for part in parts[1:20:2]] == [f"{letter}\n" for letter in "ABCDEFGHIJ"]


def test_tangrams_come_in_words_if_the_command_line_says_so() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        player = new_listener("api", FIGURES, model="tiny", endpoint=endpoint.url, shown="words")
        act(player, [view()])
    assert endpoint.bodies[0]["messages"] == Messages(Atlas(FIGURES, 8), "words").of(view())
    with pytest.raises(UserError, match="--shown does not work with --listener random"):
        new_listener("random", FIGURES, shown="words")


def test_a_way_to_show_tangrams_that_there_is_not_is_refused() -> None:
    with serving(in_turn(SELECT_A)) as endpoint, pytest.raises(UserError, match="choose from tangrams, board, words"):
        listener(endpoint, shown="film")


def test_it_plays_whole_games_that_can_be_stored(tmp_path: Path) -> None:
    with serving(in_turn(completion("I am not sure.\nselect A"))) as endpoint:
        player = listener(endpoint)
        games = play(player, games_of(FIGURES, 2), policy="api")
    assert all(turn.log_prob is None for game in games for turn in game.turns)
    write_games("jsonl", tmp_path / "games.jsonl", map(LoggedGame, games))
    assert read_interactions(tmp_path / "games.jsonl") == games
    turns = sum(len(game.turns) for game in games)
    assert player.usage["illegal"] == turns - len(games), "A is selected on the first turn, and cannot be again"


def test_chance_is_drawn_from_the_generator() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        for seed in (1, 1, 2):
            actions(ApiListener(FIGURES, client(endpoint, concurrency=1)), view(), view(), seed=seed)
    seeds = [body["seed"] for body in endpoint.bodies]
    assert seeds[:2] == seeds[2:4] != seeds[4:]
    assert seeds[0] != seeds[1]


def test_options_go_into_every_request() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        actions(listener(endpoint, options={"temperature": 0, "max_completion_tokens": 20}), view(), view())
    assert all((body["temperature"], body["max_completion_tokens"]) == (0, 20) for body in endpoint.bodies)


@pytest.mark.parametrize("text", ["Select g.", "**Action:** select G", "It is A.\n\nselect G", "```\nselect G\n```"])
def test_what_surrounds_an_action_does_not_matter(text: str) -> None:
    with serving(in_turn(completion(text))) as endpoint:
        assert actions(listener(endpoint), view()) == [select(6)]


def test_what_was_not_understood_is_read_again_with_the_reason() -> None:
    with serving(in_turn(completion("the bird is A"), completion("select A"))) as endpoint:
        play(listener(endpoint), games_of(FIGURES, 1))
    *_, body = endpoint.bodies
    assert [message["content"][0]["text"] for message in body["messages"][1:6:2]] == [
        "the bird is A",
        "select A",
        "select A",
    ]
    reasons = [message["content"][0]["text"].splitlines()[0] for message in body["messages"][2:7:2]]
    assert reasons[0].startswith("not understood: no action in 'the bird is a': allowed is e.g. 'deselect F select G'")
    assert reasons[1:] == [
        "A currently selected",
        "not understood: A cannot be selected again; selected now: A",
    ]


def test_the_rules_come_after_the_pictures_as_in_the_environment() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        actions(listener(endpoint), view())
    assert endpoint.bodies[0]["messages"][0]["content"][1] == {"type": "text", "text": rules(10)}


def test_what_is_no_action_clicks_nothing_and_is_counted() -> None:
    replies = {"one": "the bird", "two": None, "three": "select B", "four": "deselect C", "five": "no click"}
    with serving(lambda body: completion(replies[said(body).split()[-1]])) as endpoint:
        player = listener(endpoint)
        decisions = act(player, [*map(view, replies)], 0)
    assert [decision.action for decision in decisions] == [None, None, select(1), None, Action()]
    assert {key: player.usage[key] for key in ("unparsed", "illegal", "first_unparsed")} == {
        "unparsed": 2,
        "illegal": 1,
        "first_unparsed": "the bird",
    }


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "select A"}],
        [{"type": "text", "text": "select"}, {"type": "text", "text": " A"}],
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "select B"}]},
            {"type": "text", "text": "select A"},
        ],
        [{"type": "reasoning", "text": "select B"}, {"type": "output_text", "text": "select A"}],
        [{"type": "text", "text": {"value": "select A", "annotations": []}}],
        [{"type": "text", "text": "select B", "thought": True}, {"type": "text", "text": "select A"}],
        ["select A"],
        {"type": "text", "text": "select A"},
    ],
    ids=str,
)
def test_an_answer_in_parts_is_the_text_of_them(content: Any) -> None:
    with serving(in_turn(completion(content))) as endpoint:
        assert actions(listener(endpoint), view()) == [select(0)]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_what_is_thought_in_a_field_of_its_own_is_no_answer(field: str) -> None:
    thought: dict[str, Any] = {field: "select B"}
    with serving(in_turn(completion("select A", **thought), completion(None, **thought))) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [select(0)]
        assert actions(player, view()) == [None]
    assert player.usage["unparsed"] == 1


CALL = {"type": "function", "function": {"name": "select", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (completion("select A", finish="length"), "cut off: select A"),
        *(
            (completion("select A", finish=finish), "cut off: select A")
            for finish in ("MAX_TOKENS", "token_limit", "model_context_window_exceeded", "error", "abort")
        ),
        (completion("select A", finish="content_filter"), "withheld by a content filter: select A"),
        (completion(None, finish="content_filter: PROHIBITED_CONTENT"), "withheld by a content filter: "),
        (Reply({"choices": [{"finish_reason": "SAFETY"}]}), "withheld by a content filter: "),
        (completion("", refusal="I cannot."), "a refusal: I cannot."),
        (completion([{"type": "refusal", "refusal": "I cannot."}]), "a refusal: I cannot."),
        (completion("select A", tool_calls=[CALL]), f"a call of a tool: {json.dumps([CALL])}"),
        (completion(None, function_call=CALL), f"a call of a tool: {json.dumps(CALL)}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_answer_clicks_nothing_whatever_it_says(reply: Reply, shown: str) -> None:
    with serving(in_turn(reply)) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [None]
    assert (player.usage["unparsed"], player.usage["first_unparsed"]) == (1, shown)


def test_fields_that_are_empty_are_no_refusal_and_no_call() -> None:
    with serving(in_turn(completion("select A", refusal=None, tool_calls=[], reasoning=""))) as endpoint:
        assert actions(listener(endpoint), view()) == [select(0)]


FILTERED = [
    failure(400, "filtered by the content policy"),
    Reply({"error": {"message": "no", "code": "content_filter", "status": 400}}, 400),
    Reply({"error": {"message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, 400),
    Reply({"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}, 400),
    Reply({"error": {"message": "no", "code": "content_policy_violation"}}),
    Reply({"error": {"message": "no", "code": 403, "metadata": {"reasons": ["x"], "flagged_input": "y"}}}, 403),
    Reply({"error": {"message": "Blocked by guardrails.", "type": "guardrail_intervened"}}, 400),
    Reply({"error": {"message": "considered high risk", "type": "invalid_request_error"}}, 400),
    Reply({"error": {"message": "no", "code": "content_filter"}}, 403),
    Reply({"error": {"message": "no", "code": "content_filter"}}, 500),
    Reply({"code": "no permission", "error": "Content violates usage guidelines. Failed check: X"}, 403),
    completion("sel", finish="content_filter"),
    completion("sel", finish="guardrail_intervened"),
]


@pytest.mark.parametrize("filtered", FILTERED, ids=lambda reply: f"{reply.status} {reply.body!s:.60}")
def test_a_prompt_that_a_content_filter_refuses_costs_that_turn_alone(filtered: Reply) -> None:
    with serving(lambda body: filtered if said(body).endswith("two") else SELECT_A) as endpoint:
        player = listener(endpoint)
        assert actions(player, *map(view, ["one", "two", "three"])) == [select(0), None, select(0)]
    assert (player.usage["filtered"], player.usage["unparsed"]) == (1, 1)
    assert player.usage["first_unparsed"].startswith("withheld by a content filter: ")
    assert len(endpoint.bodies) == 3


def detail(*place: Any) -> Reply:
    return Reply({"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": "not permitted"}]}, 422)


@pytest.mark.parametrize(
    "refusal",
    [
        detail("seed"),
        failure(400, "Unknown parameter: 'seed'."),
        failure(400, "Unrecognized request argument supplied: seed"),
        Reply(b"seed is not supported", 400),
        Reply([{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}], 400),
        Reply({"error": {"message": "Unsupported value", "param": "seed"}}, 400),
        Reply({"error": {"message": "Unsupported value", "param": "body.seed"}}, 400),
        failure(400, "Parameter SEED is not supported"),
        Reply({"error": {"message": "no", "param": "seed", "code": 400}}),
        Reply({"object": "error", "message": "seed: extra fields not permitted", "code": 400}, 422),
    ],
    ids=lambda reply: f"{reply.status} {reply.body!s:.60}",
)
def test_a_field_that_the_server_does_not_take_is_left_out_once_and_for_all(refusal: Reply) -> None:
    with serving(lambda body: refusal if "seed" in body else SELECT_A) as endpoint:
        player = ApiListener(FIGURES, client(endpoint, concurrency=1), options={"temperature": 0})
        with pytest.warns(UserWarning, match=r"^tiny at http\S+ does not take 'seed': left out of") as warned:
            assert actions(player, *[view()] * 3) == [select(0)] * 3
    assert [warning.category for warning in warned].count(UserWarning) == 1
    assert ["seed" in body for body in endpoint.bodies] == [True, False, False, False]
    assert all("temperature" in body for body in endpoint.bodies)
    assert (player.usage["left_out"], player.usage["retries"]) == (["seed"], 0)


@pytest.mark.parametrize(
    "refusal",
    [failure(400, "the context is too long"), detail("messages", 0, "content"), failure(404, "no seed here")],
    ids=lambda reply: str(reply.status),
)
def test_a_refusal_that_names_no_field_that_could_be_left_out_ends_the_run(refusal: Reply) -> None:
    with (
        serving(in_turn(refusal)) as endpoint,
        pytest.raises(UserError, match=f"answers with status {refusal.status}: "),
    ):
        actions(listener(endpoint), view())
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize("code", [429, "503"])
def test_an_error_within_a_200_that_passes_is_tried_again(code: Any) -> None:
    bad = {"error": {"message": "busy", "code": code}}
    with serving(in_turn(Reply(bad), Reply({"choices": [bad]}), SELECT_A)) as endpoint:
        assert actions(listener(endpoint), view()) == [select(0)]


def test_an_error_within_a_200_that_does_not_pass_is_told() -> None:
    never = Reply({"error": {"message": "no such model", "code": 404}})
    with serving(in_turn(never)) as endpoint, pytest.raises(UserError, match=r"status 404: no such model$"):
        actions(listener(endpoint), view())
    assert len(endpoint.bodies) == 1


def test_a_completion_that_never_has_a_choice_is_no_action() -> None:
    with serving(lambda body: Reply({"choices": []}) if said(body).endswith("two") else SELECT_A) as endpoint:
        player = listener(endpoint)
        assert actions(player, view("one"), view("two")) == [select(0), None]
    assert (player.usage["unparsed"], player.usage["retries"], len(endpoint.bodies)) == (1, 2, 4)


def test_an_address_that_has_moved_is_told() -> None:
    moved = Reply(b"", 307, {"Location": "https://elsewhere/v1"})
    told = "answers with status 307: go to https://elsewhere/v1$"
    with serving(in_turn(moved)) as endpoint, pytest.raises(UserError, match=told):
        actions(listener(endpoint), view())


def test_bytes_that_are_no_text_are_no_action() -> None:
    body = json.dumps(completion("select A?").body).encode().replace(b"?", b"\xff")
    with serving(in_turn(Reply(body))) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [None]
    assert player.usage["first_unparsed"] == "select A\ufffd"


@pytest.mark.parametrize("counts", [b"{}", b"null", b"[]", b'{"prompt_tokens": NaN}', b'{"prompt_tokens": 1e999}'])
def test_counts_that_are_none_are_told_to_be_missing(counts: bytes) -> None:
    body = json.dumps(SELECT_A.body).encode()[:-1] + b', "usage": ' + counts + b"}"  # the second one counts
    with serving(in_turn(Reply(body))) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [select(0)]
    assert (player.usage["uncounted"], player.usage["input_tokens"]) == (1, 0)


def test_what_is_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiref_gym.agents.openai_api.LONGEST_ANSWER", 999)
    with serving(in_turn(Reply(b" " * 1000))) as endpoint, pytest.raises(UserError, match="more than 999 bytes"):
        actions(listener(endpoint), view())


def test_tokens_and_their_cost_are_counted() -> None:
    with serving(in_turn(completion("select A", (1000, 20)), completion("select A", tokens=None))) as endpoint:
        player = listener(endpoint, prices=(2.0, 10.0))
        actions(player, view(), view(), view())
    assert player.usage == {
        "requests": 3,
        "kept": 0,
        "retries": 0,
        "filtered": 0,
        "uncounted": 2,
        "input_tokens": 1000,
        "output_tokens": 20,
        "left_out": [],
        "cost": pytest.approx(0.0022),
        "unparsed": 0,
        "illegal": 0,
        "first_unparsed": None,
    }
    assert json.dumps(player.usage)


def test_without_prices_nobody_knows_the_cost() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        assert listener(endpoint).usage["cost"] is None


def test_answers_come_in_the_order_of_the_requests() -> None:
    others = threading.Semaphore(0)

    def answer(body: Body) -> Reply:
        letter = said(body)[-1]
        if letter == "A":  # is answered last
            assert all(others.acquire(timeout=10) for _ in range(3))
        else:
            others.release()
        return completion(f"select {letter}")

    with serving(answer) as endpoint:
        assert actions(listener(endpoint), *map(view, "ABCD")) == [select(i) for i in range(4)]


def test_as_many_requests_as_allowed_are_under_way_and_no_more() -> None:
    together = threading.Barrier(3)  # each waits until there are three

    def answer(body: Body) -> Reply:
        together.wait(timeout=10)
        return SELECT_A

    with serving(answer) as endpoint:
        act(ApiListener(FIGURES, client(endpoint, concurrency=3)), [view()] * 9, 0)
        assert endpoint.most_at_once == 3


@pytest.mark.parametrize(
    "bad",
    [
        failure(429, "slow down"),
        failure(429, "slow down", Retry_After="0"),
        failure(500, "oops"),
        failure(503, "busy"),
        failure(409, "another request is under way"),
        Reply(b"<html>bad gateway</html>", 502),
        Reply(b'{"choices": [{"mess'),
        Reply(b'"select A"'),
        Reply({"choices": []}),
        Reply({"choices": [{"message": "select A"}]}),
    ],
    ids=lambda reply: f"{reply.status} {reply.body!s:.30}",
)
def test_what_passes_is_tried_again(bad: Reply) -> None:
    with serving(in_turn(bad, bad, SELECT_A)) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [select(0)]
    assert (player.usage["requests"], player.usage["retries"]) == (1, 2)
    assert endpoint.bodies[0] == endpoint.bodies[1] == endpoint.bodies[2]


def test_the_waits_double_and_the_server_may_ask_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            waits.append(timeout)
            return False

    monkeypatch.setattr("multiref_gym.agents.openai_api.threading", SimpleNamespace(Event=Event, Lock=threading.Lock))
    monkeypatch.setattr("multiref_gym.agents.openai_api.random.uniform", lambda low, high: 1.0)
    asks = [failure(429, "slow down", Retry_After=seconds) for seconds in ("7", "3600", "Fri, 21 Nov 2025")]
    with serving(in_turn(*[failure(500, "oops")] * 3, *asks, SELECT_A)) as endpoint:
        client(endpoint, attempts=7, backoff=0.5).complete([{"messages": []}])
    assert waits == [0.5, 1.0, 2.0, 7.0, 60.0, 16.0]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (failure(500, f"oops\nwith {SECRET}"), "answers with status 500: oops with [key], at attempt 3 of 3"),
        (failure(429, "no money left"), "answers with status 429: no money left, at attempt 3 of 3"),
        (Reply(b"not JSON"), "answers with something other than a chat completion: not JSON, at attempt 3 of 3"),
        (Reply(b"x" * 999), f"{'x' * 200}..., at attempt 3 of 3"),
    ],
)
def test_when_all_attempts_fail_it_says_why(bad: Reply, told: str, logged: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(bad)) as endpoint, pytest.raises(UserError) as caught:
        actions(listener(endpoint), view())
    assert str(caught.value).startswith(endpoint.url)
    assert str(caught.value).endswith(told)
    assert len(endpoint.bodies) == 3
    assert SECRET not in logged.text


@pytest.mark.parametrize("body", [b"", b" "])
def test_a_slow_answer_times_out(body: bytes) -> None:
    # The server is silent, or keeps the line open with blanks.
    gone = threading.Event()

    def answer(request: Body) -> Reply:
        if not body:
            gone.wait(10)
        return Reply(body, stalls=True)

    with serving(answer) as endpoint:
        with pytest.raises(UserError, match=r"does not answer within 0.2 s, at attempt 2 of 2"):
            client(endpoint, timeout=0.2, attempts=2).complete([{"messages": []}])
        gone.set()


def test_an_endpoint_that_is_not_there() -> None:
    with serving(in_turn(SELECT_A)) as endpoint:
        url = endpoint.url
    with pytest.raises(UserError, match=r"cannot be reached \(.*refused.*\), at attempt 1 of 1"):
        ChatClient("tiny", url, attempts=1).complete([{"messages": []}])


def test_what_the_endpoint_will_never_answer_is_not_tried_again() -> None:
    never = in_turn(failure(404, f"no model 'tiny' for {SECRET}"))
    with serving(never) as endpoint, pytest.raises(UserError, match=r"status 404: no model 'tiny' for \[key\]$"):
        actions(listener(endpoint), view())
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_without_it(status: int, logged: pytest.LogCaptureFixture) -> None:
    with serving(in_turn(failure(status, f"Incorrect API key: {SECRET[:8]}*** {SECRET}"))) as endpoint:
        player = listener(endpoint)
        with pytest.raises(UserError, match=rf"refuses the key in {KEY} \(status {status}\)$") as caught:
            actions(player, *[view()] * 50)
    told = f"{caught.value!r} {caught.getrepr()} {logged.text} {player!r} {vars(player)}"
    told += f" {player.usage}"
    assert SECRET[:8] not in told
    assert len(endpoint.bodies) < 50, "the others are not sent any more"


def test_a_refusal_ends_all_that_waits_and_is_what_is_told() -> None:
    slow = threading.Event()

    def answer(body: Body) -> Reply:
        if said(body).endswith("first"):
            return failure(503, "busy", Retry_After="2")
        if said(body).endswith("second"):
            return failure(401, "no key")
        slow.wait(0.1)
        return SELECT_A

    with serving(answer) as endpoint:
        player = ApiListener(FIGURES, client(endpoint, concurrency=2))
        with pytest.raises(UserError, match=r"\(status 401\)$"):
            actions(player, view("first"), view("second"), *[view()] * 58)
    assert len(endpoint.bodies) < 10, "neither the first is waited for nor the others are sent"


def test_a_missing_key_is_asked_for_where_the_endpoint_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY)
    with serving(in_turn(SELECT_A, failure(401, "no key"))) as endpoint:
        player = listener(endpoint)
        assert actions(player, view()) == [select(0)]
        with pytest.raises(UserError, match=f"refuses a request without a key: set {KEY}"):
            actions(player, view())
    assert endpoint.keys == [None, None]


@pytest.mark.parametrize("key", ["sk-ä", "sk-1\nX-Other: 2"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, key)
    with pytest.raises(UserError) as caught:
        ChatClient("tiny", "http://127.0.0.1:9/v1")
    assert str(caught.value) == f"the key in {KEY} has characters that no key has"


def test_the_line_end_that_a_file_gave_a_key_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, f"{SECRET}\n")
    with serving(in_turn(SELECT_A)) as endpoint:
        actions(listener(endpoint), view())
    assert endpoint.keys == [f"Bearer {SECRET}"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "tiny",
        "ftp://host/v1",
        "http://",
        "http://me:pass@host/v1",
        "https://host/v1?key=pass",
        "http://host:port/v1",
    ],
)
def test_an_address_that_is_none_or_holds_secrets_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="not an address such as https://HOST/v1") as caught:
        ChatClient("tiny", address or " ")
    assert "pass@" not in str(caught.value)
    assert "key=" not in str(caught.value)


def test_the_environment_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatClient("tiny").endpoint == "https://api.openai.com/v1"
    with serving(in_turn(SELECT_A)) as endpoint:
        monkeypatch.setenv(ENDPOINT, f"{endpoint.url}/")
        assert actions(ApiListener.load(FIGURES, "tiny"), view()) == [select(0)]


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "multiref_gym.agents.openai_api")
    with pytest.raises(UserError, match=r"pip install multiref-gym\[api\]"):
        importlib.import_module("multiref_gym.agents.openai_api")


def test_the_benchmark_shows_what_it_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games, out = str(tmp_path / "games.jsonl"), tmp_path / "out"
    assert not cli.main(["simulate", "--listener", "erring", "--games", "2", "--out", games])
    options = ["--listener", "api", "--model", "tiny", "--prices", "2", "10", "--out", str(out)]
    with serving(in_turn(completion("the [bird]"), SELECT_A)) as endpoint:
        assert not cli.main(["benchmark", "--games", games, "--endpoint", endpoint.url, *options])
    written = (out / "results.json").read_text()
    results = json.loads(written)
    usage, turns = results["usage"], results["counts"]["turns"]
    assert (usage["requests"], usage["unparsed"], usage["first_unparsed"]) == (turns, 1, "the [bird]")
    legal = 1 - (usage["unparsed"] + usage["illegal"]) / turns
    assert results["figures"]["legality"]["mean"] == pytest.approx(legal), "what clicks nothing instead is not legal"
    assert usage["cost"] == pytest.approx(turns * (100 * 2 + 5 * 10) / 1e6)
    printed = capsys.readouterr().out
    assert all(told in printed for told in ("input tokens", "cost", "unparsed", "the [bird]"))
    assert SECRET not in printed + written


def test_simulated_games_end_with_what_they_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--listener", "api", "--model", "tiny", "--prices", "2", "10", "--out", str(tmp_path / "games.jsonl")]
    with serving(in_turn(completion("the [bird]"), SELECT_A)) as endpoint:
        assert not cli.main(["simulate", "--games", "1", "--endpoint", endpoint.url, *options])
        requests = len(endpoint.bodies)
    assert (
        f"requests: {requests}, kept: 0, retries: 0, filtered: 0, uncounted: 0, input tokens: {100 * requests}, "
        f"output tokens: {5 * requests}, left out: –, cost: {requests * 250 / 1e6:.4g}, unparsed: 1, "
        f"illegal: {requests - 2}, first unparsed: the [bird]"
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--listener", "api"], "--listener api needs a --model"),
        (["--listener", "oracle", "--model", "tiny"], "asks the speaker"),
        (["--listener", "small", "--endpoint", "http://localhost"], "--endpoint does not work with --listener small"),
    ],
)
def test_a_model_goes_to_listeners_that_load_one(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    games = str(tmp_path / "games.jsonl")
    cli.main(["simulate", "--listener", "erring", "--games", "2", "--out", games])
    assert cli.main(["benchmark", "--games", games, *options]) == 2
    assert told in capsys.readouterr().err
