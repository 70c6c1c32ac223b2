"""What is read of any JSON that an endpoint sends, and how long it asks to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.completions import (
    error_in,
    first_choice,
    is_filtered,
    message_of,
    read_json,
    refused_fields,
    said,
    seconds_to_wait,
    status_of,
)

FIELDS = [
    "choices", "message", "content", "text", "type", "error", "code", "status", "detail", "loc", "param", "metadata",
    "innererror", "finish_reason", "refusal", "tool_calls", "value", "usage",
]  # fmt: skip
WORDS = (
    st.sampled_from(["text", "seed", "content_filter", "length", "429", "select A", "\ud800", "\x1b[2J"]) | st.text()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=30,
)


@given(JSON | st.fixed_dictionaries({"choices": st.lists(st.fixed_dictionaries({"message": JSON, "error": JSON}))}))
def test_nothing_that_a_server_may_send_is_a_defect(sent: Any) -> None:
    found = read_json(json.dumps(sent).encode())
    error = error_in(found)
    assert isinstance(message_of(error), str)
    assert status_of(error) in (None, *range(400, 600))
    assert refused_fields(error, {"seed"}) <= {"seed"}
    assert is_filtered(error, 400) in (True, False)
    if choice := first_choice(found):
        text, flaw = said(choice)
        assert isinstance(text, str)
        assert isinstance(flaw, str)


@given(st.binary())
def test_what_is_no_json_is_nothing(content: bytes) -> None:
    read_json(content)


@pytest.mark.parametrize("content", [b"", b"<html>", b"data: {}", b"[" * 100_000, b"9" * 100_000, b'{"a": 1'])
def test_examples_of_no_json(content: bytes) -> None:
    assert read_json(content) is None


def test_a_byte_order_mark_and_bytes_that_are_no_text_are_borne() -> None:
    assert read_json(b'\xef\xbb\xbf{"a": "\xff"}') == {"a": "\ufffd"}


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "7", "retry-after-ms": "soon"}, 7),
        ({"retry-after": in_seconds(-60)}, None),
        *(
            ({"retry-after": asked}, None)
            for asked in ["-1", "nan", "inf", "1e999", "soon", "Fri, 31 Feb 2025 1:2:3 GMT"]
        ),
    ],
)
def test_how_long_the_server_asks_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert seconds_to_wait(headers) == wait


def test_until_when_the_server_asks_to_wait() -> None:
    waits = seconds_to_wait({"retry-after": in_seconds(1000)}), seconds_to_wait({"retry-after": in_seconds(1000)[:-3]})
    assert all(wait is not None and 900 < wait <= 1000 for wait in waits)


@given(st.text())
def test_any_wait_is_read(asked: str) -> None:
    wait = seconds_to_wait({"retry-after": asked})
    assert wait is None or wait >= 0
