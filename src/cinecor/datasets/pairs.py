"""Patients' settings files: lines of ``Key: value``, as ACDC and CAMUS have them, and numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cinecor.datasets.labels import number
from cinecor.errors import DatasetError

MOST_BYTES = 64 * 1024


def read_pairs(path: Path, needed: Sequence[str]) -> dict[str, str]:
    """The keys and values of a file.

    Raises:
        DatasetError: MISSING_FILE; ENCODING; BAD_LABEL for a line that is no ``Key: value`` or a key there twice;
            MISSING_COLUMN where a needed key is missing or has no value.
    """
    pairs: dict[str, str] = {}
    for place, line in enumerate(read_lines(path), start=1):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if line.strip() and (not colon or key in pairs):
            what = f"line {place} is no 'Key: value'" if not colon else f"{key[:20]!r} is there twice"
            raise DatasetError("BAD_LABEL", what, "correct the file", where=path.name)
        if line.strip():
            pairs[key] = value
    missing = [key for key in needed if not pairs.get(key)]
    if missing:
        raise DatasetError("MISSING_COLUMN", f"{', '.join(missing)} is missing", "complete the file", where=path.name)
    return pairs


def read_lines(path: Path) -> list[str]:
    """The lines of a small text file.

    Raises:
        DatasetError: MISSING_FILE, ENCODING; BAD_LABEL for a file too large to be one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DatasetError("MISSING_FILE", "the file cannot be read", "copy it again", where=path.name) from error
    if len(content) > MOST_BYTES:
        raise DatasetError("BAD_LABEL", f"more than {MOST_BYTES} bytes", "copy it again", where=path.name)
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError("ENCODING", "not UTF-8 text", "save it as UTF-8", where=path.name) from error


def read_phases(pairs: Mapping[str, str], where: str) -> tuple[int, int, int]:
    """Frames of the loop, and which (from 1) are ED and ES: the keys ``NbFrame``, ``ED`` and ``ES``.

    Raises:
        DatasetError: BAD_LABEL.
    """
    phases, ed, es = (_whole(pairs, key, where) for key in ("NbFrame", "ED", "ES"))
    if not (ed <= phases and es <= phases and ed != es):
        what = f"ED {ed} and ES {es} are not two of {phases} frames"
        raise DatasetError("BAD_LABEL", what, "correct it", where=where)
    return phases, ed, es


def read_positive(pairs: Mapping[str, str], key: str, where: str) -> float:
    """A number above 0.

    Raises:
        DatasetError: BAD_LABEL.
    """
    value = number(pairs[key])
    if value is None or value <= 0:
        what = f"{key} {pairs[key][:20]!r} is not a number above 0"
        raise DatasetError("BAD_LABEL", what, "correct it", where=where)
    return value


def _whole(pairs: Mapping[str, str], key: str, where: str) -> int:
    value = number(pairs[key])
    if value is None or value < 1 or value != int(value):
        what = f"{key} {pairs[key][:20]!r} is not a whole number above 0"
        raise DatasetError("BAD_LABEL", what, "correct it", where=where)
    return int(value)
