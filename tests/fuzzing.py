"""What damages files and texts for the tests named `fuzz`, and the law that those tests hold readers to.

The law: what is read is refused in one line that says where, or read as it is meant; nothing else is raised, and
nothing is silently changed. The short form always tries the same examples; `HYPOTHESIS_PROFILE=long` tries many others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from multiref_gym.errors import UserError

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

Read = TypeVar("Read")
Test = TypeVar("Test", bound=Callable[..., Any])


def examples(short: int) -> Callable[[Test], Test]:
    """Returns a decorator that says how many examples the short form takes; the long one takes 20 times as many."""
    return settings(max_examples=short * 20 if LONG else short, derandomize=not LONG)  # type: ignore[return-value]


def read_or_refused(read: Callable[[], Read], where: str = "") -> Read | None:
    """Returns what is read, or None if it is refused in one line that says where."""
    try:
        return read()
    except UserError as error:
        line = str(error)
    assert "\n" not in line
    assert where in line
    return None


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes of a file that was cut off, or in which bytes changed, went, were added or came twice."""
    place = st.integers(0, max(0, len(content) - 1))
    how = draw(st.sampled_from(["cut off", "changed", "gone", "added", "twice", "zeros"]))
    if how == "cut off":
        return content[: draw(place)]
    if how == "changed":
        changed = bytearray(content)
        for where in draw(st.lists(place, min_size=1, max_size=3)) if content else ():
            changed[where] ^= draw(st.integers(1, 255))
        return bytes(changed)
    start, end = sorted((draw(place), draw(place)))
    if how == "gone":
        return content[:start] + content[end:]
    if how == "added":
        return content[:start] + draw(st.binary(min_size=1, max_size=8)) + content[start:]
    if how == "twice":
        return content[:end] + content[start:]
    return content[:start] + bytes(end - start) + content[end:]


@st.composite
def changed(draw: st.DrawFn, value: Any, values: st.SearchStrategy[Any] = json_values) -> Any:
    """A value of JSON or TOML in which one part, however deep, is missing or another one."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 9)) == 0:
            return {name: part for name, part in value.items() if name != key}
        return value | {key: draw(changed(value[key], values))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(value) - 1))
        if draw(st.integers(0, 9)) == 0:
            return value[:index] + value[index + 1 :]
        return [*value[:index], draw(changed(value[index], values)), *value[index + 1 :]]
    return draw(values)
