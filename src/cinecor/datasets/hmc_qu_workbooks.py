"""HMC-QU's two workbooks, A4C.xlsx and A2C.xlsx: a row for each loop, its segments, its cycle, whether it has masks.

::

    ECHO | SEG3 … SEG6 | match with A2C | One cardiac-cycle frames    | LV Wall Ground-truth Segmentation Masks
         |             |                | Reference Frame | End of Cycle |

The head takes two rows, with merged cells. A segment is ``MI`` or ``non-MI``; frames count from 1; ``ü``, which is a
tick in the font that was used, means yes. Names are irregular (``ES0001 _4CH_1``, ``ES000100 N_4CH_1``), in the
workbooks and in the file names, not always alike: they are matched by the number in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cinecor.datasets.labels import number
from cinecor.errors import DatasetError
from cinecor.io.loading import reader

SEGMENTS: Mapping[str, tuple[int, ...]] = {"A4C": (3, 9, 14, 16, 12, 6), "A2C": (4, 10, 15, 13, 7, 1)}
"""Segments of the left ventricle that a view shows, as the columns of its workbook number and order them."""

CODES: Mapping[str, str] = {"A4C": "4CH", "A2C": "2CH"}
_ECHO, _START, _END, _CYCLE, _MASKS = "echo", "reference frame", "end of cycle", "one cardiac-cycle frames", "lv wall"
_YES = ("ü", "✓", "√", "x", "yes", "1")
_MI: Mapping[str, float] = {"mi": 1.0, "non-mi": 0.0, "nonmi": 0.0, "non mi": 0.0}
_NAME = re.compile(r"(.+?)\s*_\s*[24]\s*CH\s*(?:_\s*(\d{1,4})\s*)?", re.IGNORECASE)
_NUMBER = re.compile(r"ES\s*0*(\d{1,8})\s*N?", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Key:
    """Whose loop, and which of this patient's in the view."""

    patient: str
    loop: int = 1

    @property
    def study(self) -> str:
        """The id of the study that holds the loop."""
        return self.patient if self.loop == 1 else f"{self.patient}-{self.loop}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row that is right."""

    line: int
    echo: str
    """The name as it stands."""
    key: Key
    segments: Mapping[str, float] = field(default_factory=dict)
    """1.0 where there is an infarct, by label (``seg3`` …)."""
    cycle: tuple[int | None, int | None] = (None, None)
    """Reference frame and end of the cycle, from 0."""
    matched: bool = False
    masks: bool = False


def key_of(name: str) -> Key:
    """What a name says: ``ES0001 _4CH_1`` and ``ES000001_4CH_1`` are loop 1 of ``ES0001``."""
    match = _NAME.fullmatch(name.strip())
    base, loop = (match[1].strip(), int(match[2] or 1)) if match is not None else (name.strip(), 1)
    numbered = _NUMBER.fullmatch(base)
    return Key(f"ES{int(numbered[1]):04d}" if numbered is not None else base, loop)


def read_workbook(path: Path, view: str) -> list[tuple[int, Entry | DatasetError]]:
    """Every row below the head with its number in the sheet, or what is wrong with it.

    Raises:
        DatasetError: MISSING_FILE; ENCODING; MISSING_COLUMN where the head lacks ECHO or a segment.
        LimitError: BYTES, RATIO, FILES.
        ConfigError: MISSING_EXTRA where openpyxl is not installed.
    """
    module: Any = reader("workbook")
    rows: list[list[str]] = module.read_rows(path)
    columns, first = _head(rows, view, path)
    found: list[tuple[int, Entry | DatasetError]] = []
    for line, cells in enumerate(rows[first:], start=first + 1):
        if cells[columns[_ECHO]]:
            try:
                found.append((line, _entry(line, cells, columns, view)))
            except DatasetError as error:
                found.append((line, error))
    return found


def write_workbook(path: Path, view: str, entries: Sequence[Entry]) -> None:
    """Write entries with the published head, merged cells and all.

    Raises:
        StorageError: the file cannot be written.
        ConfigError: MISSING_EXTRA.
    """
    other = "A2C" if view == "A4C" else "A4C"
    names = [f"SEG{segment}" for segment in SEGMENTS[view]]
    masks = "LV Wall Ground-truth Segmentation Masks"
    rows: list[list[object]] = [
        ["ECHO", *names, f"match with {other}", "One cardiac-cycle frames", None, masks],
        [None, *[None] * len(names), None, "Reference Frame", "End of Cycle", None],
    ]
    for entry in entries:
        marks = ["MI" if entry.segments[name.lower()] else "non-MI" for name in names]
        cycle = [None if frame is None else frame + 1 for frame in entry.cycle]
        rows.append([entry.echo, *marks, "ü" if entry.matched else None, *cycle, "ü" if entry.masks else None])
    module: Any = reader("workbook")
    module.write_rows(path, rows, merged=("A1:A2", "I1:J1", "K1:K2"))


def _head(rows: Sequence[Sequence[str]], view: str, path: Path) -> tuple[dict[str, int], int]:
    """Columns by name in small letters, and the first row below the head."""
    place = next((place for place, row in enumerate(rows) if _ECHO in map(_plain, row)), None)
    if place is None:
        raise DatasetError("MISSING_COLUMN", "no row of the sheet names a column ECHO", where=path.name)
    columns: dict[str, int] = {}
    for column, name in enumerate(map(_plain, rows[place])):
        if name in columns:
            raise DatasetError("MISSING_COLUMN", f"the head names {name!r} twice", "rename one", where=path.name)
        if name:
            columns[name] = column
    below = place + 1
    if _CYCLE in columns and columns[_CYCLE] + 1 < len(rows[place]):
        columns |= {_START: columns[_CYCLE], _END: columns[_CYCLE] + 1}
    if below < len(rows) and not rows[below][columns[_ECHO]]:
        columns |= {name: column for column, name in enumerate(map(_plain, rows[below])) if name in (_START, _END)}
        below += 1
    missing = [f"SEG{segment}" for segment in SEGMENTS[view] if f"seg{segment}" not in columns]
    if missing:
        raise DatasetError("MISSING_COLUMN", f"the head lacks {', '.join(missing)}", where=path.name)
    return columns, below


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _entry(line: int, cells: Sequence[str], columns: Mapping[str, int], view: str) -> Entry:
    segments: dict[str, float] = {}
    for name in (f"seg{segment}" for segment in SEGMENTS[view]):
        text = cells[columns[name]]
        if _plain(text) not in _MI:
            raise DatasetError("BAD_LABEL", f"{name.upper()} {text[:20]!r} is neither MI nor non-MI", "correct it")
        segments[name] = _MI[_plain(text)]
    start, end = (_frame(cells, columns, name) for name in (_START, _END))
    if start is not None and end is not None and end <= start:
        what = f"the cycle ends at frame {end + 1} and begins at {start + 1}"
        raise DatasetError("BAD_LABEL", what, "correct the row")
    echo = cells[columns[_ECHO]]
    return Entry(
        line=line,
        echo=echo,
        key=key_of(echo),
        segments=segments,
        cycle=(start, end),
        matched=_mark(cells, columns, "match with"),
        masks=_mark(cells, columns, _MASKS),
    )


def _frame(cells: Sequence[str], columns: Mapping[str, int], name: str) -> int | None:
    """A frame, from 0; None where the cell is empty or there is no such column."""
    text = cells[columns[name]] if name in columns else ""
    value = number(text) if text else None
    if text and (value is None or value < 1 or value != int(value)):
        raise DatasetError("BAD_LABEL", f"{name} {text[:20]!r} is not a whole number above 0", "correct the row")
    return None if value is None else int(value) - 1


def _mark(cells: Sequence[str], columns: Mapping[str, int], start: str) -> bool:
    """Whether the column whose name begins so is ticked."""
    column = next((column for name, column in columns.items() if name.startswith(start)), None)
    text = "" if column is None else cells[column]
    if text and text.lower() not in _YES:
        raise DatasetError("BAD_LABEL", f"{text[:20]!r} where a tick (ü) was expected", "correct the row")
    return bool(text)
