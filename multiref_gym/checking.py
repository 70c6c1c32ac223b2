"""Checks outside data with Pydantic. An error is one line that names the place and the field.

Checks are strict: true is not a number, 1.5 is not an integer, and a number is not a text.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from multiref_gym.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

Kind = TypeVar("Kind")

_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """Returns the text if every file and database can hold it: it has no NUL and no half of a surrogate pair.

    PostgreSQL refuses NUL, and UTF-8 has no bytes for half a pair. Everything else is allowed: control characters,
    direction marks, line ends, any length.

    Raises:
        UserError: If the text has one of the two.
    """
    if found := _NOT_STORABLE.search(text):
        raise UserError(f"character {found.start() + 1} is {found[0]!r}, which not every file or database can hold")
    return text


def checked(kind: type[Kind], value: object, where: str, error: type[UserError] = UserError) -> Kind:
    """Returns outside data as the type that it should have.

    Args:
        kind: A type that Pydantic knows.
        value: The value, or bytes of JSON. In JSON, an object may stand for a dataclass and a list for a tuple; if a
            key occurs twice, the last one counts.
        where: The source, such as "FILE, line 3".
        error: The class of the error to raise.

    Raises:
        UserError: Or `error`, if the data does not have that type.
    """
    # Imported here, so that an environment that reads no files need not wait for it.
    from pydantic import ValidationError

    try:
        adapter: TypeAdapter[Kind] = _adapter(kind)  # type: ignore[arg-type]
        if isinstance(value, bytes):
            return adapter.validate_json(value, strict=True)
        return adapter.validate_python(value, strict=True)
    except ValidationError as refused:
        raise error(_line(refused, where, kind)) from refused


def read_json(kind: type[Kind], path: Path, error: type[UserError] = UserError) -> Kind:
    """Reads a JSON file as `checked` does; raises `error` also if the file cannot be read.

    A byte-order mark is ignored.
    """
    try:
        return checked(kind, path.read_bytes().removeprefix(BOM_UTF8), str(path), error)
    except OSError as absent:
        raise error(f"{path}: {absent.strerror}") from absent


def check_fields(instance: Any) -> None:
    """Raises UserError for the first field of a dataclass whose value does not fit its type."""
    kinds = get_type_hints(type(instance), include_extras=True)
    for field in fields(instance):
        checked(kinds[field.name], getattr(instance, field.name), f"field {field.name!r}")


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _line(refused: ValidationError, where: str, kind: Any) -> str:
    first = refused.errors(include_url=False)[0]
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]]
    place = where + (f", field {''.join(steps).removeprefix('.')!r}" if steps else "")
    match first["type"]:
        case "missing":
            return f"{place}: missing"
        case "json_invalid":
            return place + _not_json(first["input"], first["ctx"]["error"])
        case "unexpected_keyword_argument" if len(steps) == 1:
            return f"{place}: unknown; allowed is {', '.join(field.name for field in fields(kind))}"
    what = first["msg"].removeprefix("Value error, ")
    return f"{place}: {what[0].lower()}{what[1:]}, got {first['input']!r:.60}"


def _not_json(text: bytes, problem: str) -> str:
    """Returns what is wrong with text that is not JSON; names the field if half a surrogate pair is the problem."""
    try:
        for field, said in _texts(json.loads(text.decode())):
            try:
                storable(said)
            except UserError as error:
                return f", field {field!r}: {error}"
    except UnicodeDecodeError:
        return f": not JSON in UTF-8 ({problem})"
    except (ValueError, RecursionError):
        pass
    return f": not JSON ({problem})"


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yields all texts in JSON data, each with the name of its field."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{field}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from ((field, name), *_texts(item, f"{field}.{name}".removeprefix(".")))
