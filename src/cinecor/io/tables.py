"""CSV tables, strictly: every field is text (``0001`` and ``NA`` stay what they are), and no row may shift."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cinecor.errors import DatasetError, InputError
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.storage import write_text

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Row(dict[str, str]):
    """One row by column name; ``line`` is its line in the file, for messages."""

    def __init__(self, values: Iterable[tuple[str, str]], line: int) -> None:
        super().__init__(values)
        self.line = line


def read_csv(path: Path, columns: Sequence[str] = (), limits: Limits = DEFAULT) -> list[Row]:
    """Read a comma-separated table with a header; blank lines are skipped.

    Args:
        path: the file, in UTF-8 with or without a byte order mark.
        columns: names that the header must hold; further columns are kept, in any order.
        limits: what the file may ask for.

    Raises:
        DatasetError: MISSING_FILE; ENCODING (not UTF-8, a NUL, an open quote); MISSING_COLUMN (a column that is absent
            or there twice, a row with more or fewer fields than the header).
        LimitError: BYTES.
    """
    return list(iterate_csv(path, columns, limits))


def iterate_csv(path: Path, columns: Sequence[str] = (), limits: Limits = DEFAULT) -> Iterator[Row]:
    """The rows of :func:`read_csv` one by one, for tables of many thousand.

    Raises:
        DatasetError, LimitError: as :func:`read_csv`, when the row in question is reached.
    """
    lines = csv.reader(io.StringIO(_text(path, limits), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for fields in lines:
            if not fields:
                continue
            if header is None:
                header = _checked(fields, columns, path)
            elif len(fields) != len(header):
                what = f"line {lines.line_num} has {len(fields)} fields, the header {len(header)}"
                raise DatasetError("MISSING_COLUMN", what, "correct the row", where=path.name)
            else:
                yield Row(zip(header, fields, strict=True), lines.line_num)
    except csv.Error as error:
        what = f"line {lines.line_num} is not CSV: {error}"
        raise DatasetError("ENCODING", what, "correct the row", where=path.name) from error
    if header is None:
        raise DatasetError("MISSING_COLUMN", "the table is empty", "give it a header", where=path.name)


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str] | None = None) -> None:
    """Write a table that :func:`read_csv` reads back, whole or not at all.

    Args:
        path: where to.
        rows: the rows; None becomes an empty field, a float its shortest exact text.
        columns: the header; the keys of the first row where None.

    Raises:
        ValueError: a number that is not finite, a row with a key that is no column, or no columns at all.
        StorageError: the file cannot be written.
    """
    listed = list(rows)
    header = list(columns) if columns is not None else list(listed[0]) if listed else []
    if not header:
        raise ValueError("a table needs columns")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    for row in listed:
        if any(isinstance(value, float) and not math.isfinite(value) for value in row.values()):
            raise ValueError(f"{path.name}: a table holds no number that is not finite")
        writer.writerow(row)
    write_text(path, text.getvalue())


def _text(path: Path, limits: Limits) -> str:
    try:
        with opened(path) as file:
            limits.check_bytes(path.stat().st_size, where=path.name)
            content = file.read()
    except InputError as error:
        raise DatasetError("MISSING_FILE", error.what, error.cure, where=path.name) from error
    if content.startswith(_BYTE_ORDER_MARKS) or b"\0" in content:
        raise DatasetError("ENCODING", "not UTF-8 text", "save it as CSV in UTF-8", where=path.name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"line {line} is not UTF-8"
        raise DatasetError("ENCODING", what, "save it as CSV in UTF-8", where=path.name) from error


def _checked(header: list[str], columns: Sequence[str], path: Path) -> list[str]:
    """The header, if it names every column once and all that are needed."""
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        what = f"the header names {twice[0]!r} more than once"
        raise DatasetError("MISSING_COLUMN", what, "rename or remove one", where=path.name)
    missing = [name for name in columns if name not in header]
    if missing:
        separator = next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None)
        cure = "separate the fields by commas" if separator else f"the header has {', '.join(header)}"
        what = f"the header lacks {', '.join(missing)}"
        raise DatasetError("MISSING_COLUMN", what, cure, where=path.name)
    return header
