"""Reads the rows of a file one by one: lines of JSON, the items of a JSON list, or the rows of a Parquet file.

Errors name the file, the line and the field; items of a list and rows of a Parquet file are counted as lines. Blank
lines are skipped. A JSON list is in memory as a whole; other files are read in parts.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from multiref_gym.checking import checked
from multiref_gym.errors import UserError

EXTRA = "pip install 'multiref-gym[datasets]'"
PARQUET = ".parquet"
"""The ending of a Parquet file's name."""
GROUP = 256
"""The number of Parquet rows that are read or written together."""


class BadRow(UserError):
    """A row is invalid.

    Args:
        what: What is wrong, and what is allowed.
        place: The file and the line.
        field: The invalid field, "" if it is not one field.
    """

    def __init__(self, what: object, place: str = "", field: str = "") -> None:
        where = ", ".join(filter(None, (place, field and f"field {field!r}")))
        super().__init__(f"{where}: {what}" if where else str(what))


def rows_of(path: Path, error: type[BadRow] = BadRow) -> Iterator[Any]:
    """Yields the rows of a file: a line as bytes, any other row as a Python value.

    Raises:
        BadRow: Or `error`, if the file as a whole cannot be read.
        UserError: If an extra to read it is not installed.
        OSError: If there is no such file.
    """
    if path.suffix == PARQUET:
        return _parquet_rows(path, error)
    if path.suffix == ".json" and (content := _plain(path.read_bytes())).startswith(b"["):
        return iter(checked(list[Any], content, str(path), error))
    return _lines(path)


def placed(rows: Iterable[Any], where: object) -> Iterator[tuple[str, Any]]:
    """Yields the rows that are not blank, each with its place, such as "FILE, line 3"."""
    for number, row in enumerate(rows, start=1):
        if row != b"":
            yield f"{where}, line {number}", row


def holds_rows(path: Path, fields: Collection[str], one_of: Collection[str] = ()) -> bool:
    """Whether a file holds only rows that have all `fields` and, if `one_of` names any, one of those."""
    try:
        rows = placed(rows_of(path), path)
        names = (checked(dict[str, Any], row, place).keys() for place, row in rows)
        return all(held >= set(fields) and (not one_of or held & set(one_of)) for held in names)
    except (UserError, OSError):
        return False


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        yield from map(_plain, lines)


def _plain(text: bytes) -> bytes:
    return text.removeprefix(BOM_UTF8).strip()


def _parquet_rows(path: Path, error: type[BadRow]) -> Iterator[Any]:
    parquet, arrow = _parquet(path)
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(GROUP):
                yield from batch.to_pylist()
    except (ValueError, OSError, arrow.ArrowException) as broken:  # damaged, or not a table
        raise error(broken, str(path)) from broken


def _parquet(path: Path) -> tuple[Any, Any]:
    try:
        return import_module("pyarrow.parquet"), import_module("pyarrow")
    except ImportError as error:
        raise UserError(f"{path}: Parquet files need the extra 'datasets': {EXTRA}") from error


class Columns:
    """The columns of a Parquet file that will hold some rows, found row by row.

    Args:
        path: The file to be written.
        like: A Parquet file whose columns are included, or None.

    Raises:
        UserError: If pyarrow is not installed, or there is no such Parquet file.
    """

    def __init__(self, path: Path, like: Path | None = None) -> None:
        self._path, self._rows = path, list[dict[str, Any]]()
        self._parquet, self._arrow = _parquet(path)
        self._schema = self._arrow.schema([]) if like is None else _schema(like)

    def add(self, row: dict[str, Any]) -> None:
        """Takes a row into account.

        Raises:
            UserError: If no columns can hold this row together with those before it.
        """
        self._rows.append(row)
        if len(self._rows) == GROUP:
            self._unify()

    def finish(self) -> None:
        """Ends the rows; see `add` for the errors."""
        if self._rows:
            self._unify()
        try:  # some columns exist only in memory
            self._parquet.ParquetWriter(self._arrow.BufferOutputStream(), self._schema).close()
        except self._arrow.ArrowException as error:
            raise self._unfit(error) from error

    def _unify(self) -> None:
        try:
            new = self._arrow.schema(list(self._arrow.array(self._rows).type))
            self._schema = self._arrow.unify_schemas([self._schema, new], promote_options="permissive")
        except (self._arrow.ArrowException, ValueError, OverflowError) as error:
            raise self._unfit(error) from error
        self._rows.clear()

    def write(self, unfinished: Path, rows: Iterable[dict[str, Any]], leave_out: Collection[str] = ()) -> None:
        """Writes a Parquet file in parts.

        Args:
            unfinished: The path to write to.
            rows: The rows.
            leave_out: Columns to leave out.

        Raises:
            UserError: If the columns cannot hold a row.
        """
        schema = self._arrow.schema([column for column in self._schema if column.name not in leave_out])
        rows = iter(rows)
        with self._parquet.ParquetWriter(unfinished, schema) as writer:
            while group := list(islice(rows, GROUP)):
                try:
                    writer.write_table(self._arrow.Table.from_pylist(group, schema=schema))
                except (self._arrow.ArrowException, ValueError, OverflowError) as error:
                    raise self._unfit(error) from error

    def _unfit(self, error: Exception) -> UserError:
        problem = " ".join(str(error).split())
        return UserError(
            f"cannot write to {self._path}: no columns can hold these rows ({problem:.200}): name a .jsonl file"
        )


def _schema(path: Path) -> Any:
    """Returns the columns of a Parquet file."""
    parquet, arrow = _parquet(path)
    try:
        # Metadata that libraries add to a schema describe the columns that they wrote.
        return parquet.read_schema(path).remove_metadata()
    except (ValueError, OSError, arrow.ArrowException) as error:
        raise BadRow(error, str(path)) from error


def in_json(row: Any, place: str) -> str:
    """Returns a row as a line of JSON; dates and times, which columns may hold, become texts.

    Args:
        row: The row.
        place: The place where it was read, for messages.

    Raises:
        BadRow: If it holds anything else that JSON cannot hold.
    """

    def named(value: Any) -> str:
        if hasattr(value, "isoformat"):
            return str(value.isoformat())
        raise BadRow(f"JSON cannot hold {value!r:.40}: name a .parquet file to write", place)

    return json.dumps(row, ensure_ascii=False, default=named)
