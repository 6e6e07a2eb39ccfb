"""Workbooks (.xlsx) as rows of text, by way of openpyxl, which is asked only once the archive has been looked at.

An .xlsx is a zip of XML. A few kilobytes of it can unpack to gigabytes, and a sheet can claim a million rows, so the
sizes that the archive declares are compared with the limits, and no more rows and columns are read than a table has.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from cinecor.errors import CinecorError, DatasetError, InputError, LimitError
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, MIB, Limits
from cinecor.storage import write_bytes

MOST_ROWS = 20_000  # empty ones too
MOST_COLUMNS = 100
MOST_XML_BYTES = 8 * MIB  # unpacked; a table of a thousand patients takes 200 kB
MOST_MEMBERS = 1000  # files in the archive; a workbook of one sheet has about ten


def read_rows(path: Path, limits: Limits = DEFAULT) -> list[list[str]]:
    """The cells of the first sheet as text, row by row from the first; empty cells and the rest of merged ones are ''.

    A whole number is written without a decimal point. Formulas give the value that the program saved with them.

    Raises:
        DatasetError: MISSING_FILE; ENCODING for what is no workbook, or a damaged one.
        LimitError: BYTES, RATIO, FILES.
    """
    try:
        with opened(path) as file:
            limits.check_bytes(path.stat().st_size, where=path.name)
            content = file.read()
    except InputError as error:
        raise DatasetError("MISSING_FILE", error.what, error.cure, where=path.name) from error
    try:
        _check_archive(content, limits, path)
        return _cells(content, path)
    except CinecorError:
        raise
    # openpyxl has no error of its own for most of what can be wrong with a file
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        InvalidFileException,
        ParseError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        zlib.error,
    ) as error:
        what = "not a workbook (.xlsx), or a damaged one"
        raise DatasetError("ENCODING", what, "save it again", where=path.name) from error


def write_rows(path: Path, rows: Iterable[Sequence[object]], merged: Sequence[str] = ()) -> None:
    """Write a workbook of one sheet, whole or not at all.

    Args:
        path: where to.
        rows: the cells; None leaves one empty.
        merged: ranges that become one cell, such as ``H1:I1``.

    Raises:
        StorageError: the file cannot be written.
    """
    book = Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merge_cells(cells)
    buffer = io.BytesIO()
    book.save(buffer)
    write_bytes(path, buffer.getvalue())


def _check_archive(content: bytes, limits: Limits, path: Path) -> None:
    """Refuse an archive that unpacks to too much; zipfile gives no more of a member than its entry declares."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise LimitError("FILES", f"{len(members)} files in a workbook", "save it again", where=path.name)
    size = sum(member.file_size for member in members)
    if size > MOST_XML_BYTES:
        what = f"{size / MIB:.0f} MiB once unpacked, where the limit is {MOST_XML_BYTES / MIB:.0f} MiB"
        raise LimitError("BYTES", what, "save the table alone", where=path.name)
    limits.check_ratio(len(content), size, where=path.name)


def _cells(content: bytes, path: Path) -> list[list[str]]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the sheet says of its own size may be wrong, and rows would be cut off
        texts: list[list[str]] = []
        for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)):
            empty = all(value is None for value in row)
            texts.append([] if empty else [_text(value) for value in row])
            if number >= MOST_ROWS or any(texts[-1][MOST_COLUMNS:]):
                what = f"a sheet with more than {MOST_ROWS} rows or {MOST_COLUMNS} columns"
                raise LimitError("FILES", what, "save the table alone", where=path.name)
    finally:
        book.close()
    while texts and not any(texts[-1]):
        texts.pop()
    width = max((place + 1 for row in texts for place, text in enumerate(row) if text), default=0)
    return [[*row, *[""] * width][:width] for row in texts]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
