"""Chats in files: how they are read, where feedback belongs, and what is written of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chat_logs import chat, records, write_chats
from fuzzing import changed, damaged, examples, read_or_refused
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.conversation import ChatExchange, ChatMessage, Verdict, exchanges_of
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.chats import BadConversation, LoggedChat, TrainingRows, read_feedback, stream_chats
from multiref_gym.formats.rows import holds_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chats")


GOOD, BAD = Verdict(Feedback.POSITIVE, 0.75), Verdict(Feedback.NEGATIVE, 0.25)


def read(path: Path) -> list[LoggedChat]:
    return list(stream_chats(path))


def one(tmp_path: Path, record: Any) -> LoggedChat:
    [logged] = read(write_chats(tmp_path / "one.jsonl", [record]))
    return logged


def said(*turns: tuple[str, str]) -> list[ChatMessage]:
    return [ChatMessage(role, text) for role, text in turns]  # type: ignore[arg-type]


# Where feedback belongs.


def test_an_answer_is_judged_by_what_the_user_says_next() -> None:
    messages = said(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "e"))
    assert exchanges_of(messages) == {1: ChatExchange("", "a", "b", "c"), 3: ChatExchange("b", "c", "d", "e")}


def test_the_last_answer_has_no_reply() -> None:
    assert exchanges_of(said(("user", "a"), ("assistant", "b"))) == {}


def test_calls_of_tools_are_no_answers_and_tools_do_not_reply() -> None:
    messages = said(
        ("system", "be brief"),
        ("user", "weather?"),
        ("assistant", ""),
        ("tool", "5 degrees"),
        ("assistant", "let me see"),
        ("tool", "rain"),
        ("assistant", "5 degrees, rain"),
        ("system", "a reminder"),
        ("user", "thanks"),
    )
    assert exchanges_of(messages) == {6: ChatExchange("", "weather?", "5 degrees, rain", "thanks")}


def test_what_a_user_says_in_several_messages_is_one_reply() -> None:
    messages = said(("user", "a"), ("assistant", "b"), ("user", "no"), ("user", " "), ("user", "c"), ("assistant", "d"))
    assert exchanges_of(messages) == {1: ChatExchange("", "a", "b", "no\nc")}


def test_a_reply_without_words_is_no_feedback() -> None:
    messages = said(("user", "a"), ("assistant", "b"), ("user", " \n"), ("assistant", "d"), ("user", "e"))
    assert exchanges_of(messages) == {3: ChatExchange("b", "", "d", "e")}


def test_a_greeting_answers_no_request() -> None:
    messages = said(("assistant", "hello"), ("user", "a"), ("assistant", "b"), ("user", "c"))
    assert exchanges_of(messages) == {0: ChatExchange("", "", "hello", "a"), 2: ChatExchange("hello", "a", "b", "c")}


@given(record=records)
@examples(100)
def test_feedback_is_parallel_to_the_messages_and_at_answers_alone(record: dict[str, Any], folder: Path) -> None:
    logged = one(folder, record)
    found = logged.exchanges()
    labelled = logged.with_feedback(dict.fromkeys(found, GOOD), probabilities=True)
    assert {name: labelled[name] for name in record} == record
    assert labelled.keys() - record.keys() == {"feedback", "feedback_probability"}
    roles = [message["role"] for message in record["messages"]]
    assert len(labelled["feedback"]) == len(labelled["feedback_probability"]) == len(roles)
    for number, value in enumerate(labelled["feedback"]):
        if value is None:
            assert labelled["feedback_probability"][number] is None
        else:
            assert (value, roles[number]) == (1, "assistant")
            assert "user" in roles[number + 1 :]
            assert found[number].answer == logged.messages[number].text
            assert found[number].reply.strip()


# How they are read.


@pytest.mark.parametrize(
    "record",
    [
        chat("a", "b", "c", id=7),
        {
            "id": 7,
            "conversations": [
                {"from": "human", "value": "a"},
                {"from": "gpt", "value": "b"},
                {"from": "human", "value": "c"},
            ],
        },
        {"conversation": chat("a", "b", "c")["messages"], "language": "English"},
        {"conversations": chat("a", "b", "c")["messages"], "messages": None},
        chat("a", "b", "c")["messages"],
        {
            "messages": [
                {"role": role, "content": [{"type": "text", "text": text}]}
                for role, text in (("user", "a"), ("assistant", "b"), ("user", "c"))
            ]
        },
    ],
    ids=["OpenAI", "ShareGPT", "conversation", "mixed", "list", "parts"],
)
def test_the_forms_that_a_record_may_have(record: Any, tmp_path: Path) -> None:
    logged = one(tmp_path, record)
    assert logged.exchanges() == {1: ChatExchange("", "a", "b", "c")}
    labelled = logged.with_feedback({1: BAD}, probabilities=False)
    assert labelled == {**(record if isinstance(record, dict) else {"messages": record}), "feedback": [None, -1, None]}


def test_a_list_and_windows_lines_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    records = [chat("a", "b", "c"), chat("d", "e\r\n\u2028\0", "f")]
    (tmp_path / "list.json").write_text(json.dumps(records), encoding="utf-8-sig")
    lines = "\r\n\r\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    (tmp_path / "lines.jsonl").write_bytes(lines.encode("utf-8-sig"))
    for name in ("list.json", "lines.jsonl"):
        assert [logged.record for logged in read(tmp_path / name)] == records
    assert read(tmp_path / "lines.jsonl")[1].place == f"{tmp_path / 'lines.jsonl'}, line 3"


USER = {"role": "user", "content": "a"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: not JSON"),
        ('{"id": NaN, "messages": [{"role": "user", "content": "NaN"}]}', "line 2: not JSON: NaN and Infinity are"),
        ("7", "line 2: expected an object or a list of messages, got 7"),
        ('{"id": 1}', "line 2: no messages: expected one of the fields messages, conversations, conversation"),
        ('{"messages": [], "conversations": []}', "line 2: messages in 'messages' and 'conversations'"),
        ('{"messages": []}', "line 2, field 'messages': expected a list of one message or more, got []"),
        ('{"messages": "hi"}', "line 2, field 'messages': expected a list of one message or more, got 'hi'"),
        ("[]", "line 2: expected a list of one message or more"),
        ('{"messages": ["hi"]}', "line 2, field 'messages[0]': expected a message, an object, got 'hi'"),
        ('{"messages": [{"content": "a"}]}', "line 2, field 'messages[0].role': missing: allowed is one of system"),
        (
            '{"messages": [{"role": "narrator", "content": "a"}]}',
            "field 'messages[0].role': 'narrator': allowed is one of",
        ),
        ('{"messages": [{"role": [], "content": "a"}]}', "field 'messages[0].role': []: allowed is one of"),
        ('{"conversations": [{"from": "judge", "value": "a"}]}', "field 'conversations[0].from': 'judge'"),
        ('{"messages": [{"role": "user"}]}', "field 'messages[0].content': missing: allowed is a text or a list of"),
        (
            '{"messages": [{"role": "user", "content": null}]}',
            "field 'messages[0].content': null, which only tool calls",
        ),
        ('{"messages": [{"role": "assistant", "content": null}]}', "field 'messages[0].content': null"),
        ('{"messages": [{"role": "user", "content": 5}]}', "field 'messages[0].content': expected a text or a list of"),
        ('{"messages": [{"role": "user", "content": ["a"]}]}', "field 'messages[0].content[0]': expected a part with"),
        (
            '{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
            "'messages[0].content[0].text': expected a",
        ),
        (
            '{"messages": [{"role": "user", "content": "\\ud83d"}]}',
            r"field 'messages[0].content': character 1 is '\ud83d'",
        ),
        ('{"messages": [{"role": "user", "content": "a"}], "feedback": [1]}', "field 'feedback': exists already"),
        (
            '{"messages": [{"role": "user", "content": "a"}], "feedback_probability": null}',
            "field 'feedback_probability'",
        ),
    ],
)
def test_what_is_malformed_is_named_by_line_and_field(line: str, told: str, tmp_path: Path) -> None:
    path = write_chats(tmp_path / "chats.jsonl", [chat("a", "b", "c"), chat("d", "e", "f")])
    path.write_text(path.read_text().replace("\n", f"\n{line}\n", 1), encoding="utf-8")
    with pytest.raises(BadConversation) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    bad: list[BadConversation] = []
    assert [logged.record for logged in stream_chats(path, bad.append)] == [chat("a", "b", "c"), chat("d", "e", "f")]
    assert [str(error) for error in bad] == [str(caught.value)]


def test_a_file_without_conversations_says_so(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n")
    with pytest.raises(UserError, match=f"{path}: no conversations$"):
        read(path)
    path.write_text("{}\n")
    with pytest.raises(UserError, match=r"no conversations: all are bad; .*line 1: no messages"):
        list(stream_chats(path, lambda error: None))


@given(data=st.data())
@examples(100)
def test_fuzz_damaged_chats_are_refused_in_one_line_or_read(data: st.DataObject, folder: Path) -> None:
    path = folder / "chats.jsonl"
    record = data.draw(records)
    if data.draw(st.booleans()):
        content = json.dumps(data.draw(changed(record))).encode()
    else:
        content = data.draw(damaged(json.dumps(record).encode()))
    path.write_bytes(content)
    found = read_or_refused(lambda: read(path), str(path))
    for logged in found or ():
        assert len(logged.with_feedback({}, probabilities=False)["feedback"]) == len(logged.messages)


# What is learned from.


def rows(
    objective: Any, logged: LoggedChat, verdict_of: dict[int, Verdict]
) -> tuple[list[dict[str, Any]], TrainingRows]:
    training = TrainingRows(objective, probabilities=False)
    return list(training.of(logged, verdict_of)), training


def test_a_row_for_kto_is_an_answer_after_what_was_said_before(tmp_path: Path) -> None:
    logged = one(
        tmp_path,
        {
            "conversations": [
                {"from": "system", "value": "be brief"},
                *({"from": ("human", "gpt")[number % 2], "value": words} for number, words in enumerate("abcde")),
            ]
        },
    )
    made, training = rows("kto", logged, {2: BAD, 4: GOOD})
    system, a, b, c, d = (
        {"role": role, "content": words}
        for role, words in (
            ("system", "be brief"),
            ("user", "a"),
            ("assistant", "b"),
            ("user", "c"),
            ("assistant", "d"),
        )
    )
    assert made == [
        {"prompt": [system, a], "completion": [b], "label": False},
        {"prompt": [system, a, b, c], "completion": [d], "label": True},
    ]
    assert training.counts == {Feedback.POSITIVE: 1, Feedback.NEGATIVE: 1}


def test_sft_learns_from_positives_alone(tmp_path: Path) -> None:
    logged = one(tmp_path, chat("a", "b", "c", "d", "e"))
    made, training = rows("sft", logged, {1: BAD, 3: GOOD})
    assert [row["completion"] for row in made] == [[{"role": "assistant", "content": "d"}]]
    assert "label" not in made[0]
    assert training.left_out == {"negative": 1}


def test_what_is_left_out_is_counted_with_its_reason(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    logged = one(
        tmp_path,
        {
            "messages": [
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": [{"type": "text", "text": "c"}, picture]},
                {"role": "assistant", "content": "d"},
                {"role": "user", "content": "e"},
            ]
        },
    )
    verdict_of = {0: GOOD, 2: Verdict(Feedback.NEUTRAL), 4: GOOD}
    made, training = rows("kto", logged, verdict_of)
    assert not made
    assert training.left_out == {"before any request": 1, "neutral": 1, "beside what is no text": 1}


def test_calls_of_tools_stay_in_the_prompt(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "5 degrees"}
    logged = one(tmp_path, {"messages": [USER, call, result, {"role": "assistant", "content": "cold"}, USER]})
    [row], _ = rows("kto", logged, {3: GOOD})
    assert row["prompt"] == [USER, {**call, "content": ""}, result]


def test_what_is_not_in_words_makes_no_row(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}}
    result = {"role": "function", "name": "weather", "content": "5 degrees"}
    logged = one(tmp_path, {"messages": [USER, call, result, {"role": "assistant", "content": "cold"}, USER]})
    made, training = rows("kto", logged, {3: GOOD})
    assert not made
    assert training.left_out == {"beside what is no text": 1}


def test_what_holds_rows_is_told_by_their_fields(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "rows.jsonl", [{"prompt": 1, "completion": 2, "label": 3}, {"prompt": 1}])
    assert holds_rows(path, ["prompt"])
    assert not holds_rows(path, ["prompt", "completion"])
    assert holds_rows(path, ["prompt"], one_of=["label", "prompt"])
    assert not holds_rows(path, ["prompt"], one_of=["label", "messages"])
    assert not holds_rows(tmp_path / "absent", ["prompt"])
    (tmp_path / "list.json").write_text("[1]")
    assert not holds_rows(tmp_path / "list.json", ["prompt"])


# Feedback that is given.


def test_feedback_that_was_decoded_and_corrected_is_read_with_its_exchanges(tmp_path: Path) -> None:
    record = chat("a", "b", "yes", "c", "no", "d")
    logged = one(tmp_path, record)
    written = logged.with_feedback({1: GOOD, 3: BAD}, probabilities=True)
    path = write_chats(
        tmp_path / "labelled.jsonl", [written, {**written, "feedback": [None, 0, None, None, None, None]}]
    )
    first, second = ChatExchange("", "a", "b", "yes"), ChatExchange("b", "yes", "c", "no")
    expected = [(first, Feedback.POSITIVE), (second, Feedback.NEGATIVE), (first, Feedback.NEUTRAL)]
    assert read_feedback(path) == expected


@pytest.mark.parametrize(
    ("feedback", "complaint"),
    [
        (None, r"field 'feedback': expected a list with an item for each of 3 messages, got None"),
        ([None, 1], r"field 'feedback': expected a list"),
        ([None, 2, None], r"field 'feedback\[1\]': 2: allowed is -1, 0 or 1 on an answer that was followed up"),
        ([None, True, None], r"field 'feedback\[1\]': True"),
        ([1, None, None], r"field 'feedback\[0\]': 1: allowed is -1, 0 or 1 on an answer"),
        ([None, None, None], r"no feedback on any answer"),
    ],
)
def test_feedback_that_is_none_is_named(tmp_path: Path, feedback: object, complaint: str) -> None:
    path = write_chats(tmp_path / "labelled.jsonl", [chat("a", "b", "c", feedback=feedback)])
    with pytest.raises(BadConversation, match=complaint):
        read_feedback(path)
