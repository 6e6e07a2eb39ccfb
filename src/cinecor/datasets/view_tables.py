"""The two tables of a folder of views: whose file is which (``patients.csv``), and outlines (``outlines.csv``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from cinecor.datasets.findings import Problem
from cinecor.datasets.labels import check_labels, number, number_or_text
from cinecor.datasets.names import plain_name
from cinecor.datasets.view_names import view_named
from cinecor.errors import DatasetError
from cinecor.io.tables import Row, iterate_csv, read_csv, write_csv
from cinecor.records import LV, OUTLINED, Contour, Split

PATIENTS, OUTLINES = "patients.csv", "outlines.csv"
PIXEL = ("pixel_height_mm", "pixel_width_mm")
OWN = ("file", "patient", "study", "split", "view", *PIXEL)
"""Columns of ``patients.csv`` that are no label."""
POINTS = ("file", "frame", "structure", "x", "y")
STRUCTURES = (LV, *OUTLINED)
FEWEST = 3  # points that enclose something
_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What ``patients.csv`` says of one file."""

    patient: str
    study: str
    split: Split | None
    view: str | None
    """None: that of its folder."""
    spacing_mm: tuple[float, float] | None
    labels: Mapping[str, float | str]


def read_patients(path: Path, problems: list[Problem]) -> dict[str, Entry]:
    """What the table says, by file; what is wrong with its other rows is added to the problems.

    Raises:
        DatasetError: MISSING_COLUMN, ENCODING for a table that cannot be read.
    """
    found: dict[str, Entry] = {}
    for row in read_csv(path, ("file", "patient")):
        where = f"{path.name}, line {row.line}"
        try:
            name = _file(row["file"])
            entry = _entry(row)
        except DatasetError as error:
            problems.append(Problem.of(error, where))
            continue
        if name in found:
            problems.append(Problem(code="DUPLICATE_ID", what="a file again", where=where, cure="keep one row"))
            continue
        found[name] = entry
    return found


def write_patients(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the table; columns that are empty throughout are left out.

    Raises:
        StorageError: the file cannot be written.
    """
    listed = list(rows)
    used = dict.fromkeys(name for row in listed for name, value in row.items() if value not in ("", None))
    own = [name for name in OWN if name in used or name in ("file", "patient")]
    columns = [*own, *(name for name in used if name not in OWN)]
    write_csv(path, ({name: row.get(name) for name in columns} for row in listed), columns)


def read_outlines(path: Path, problems: list[Problem]) -> dict[str, dict[str, dict[int, Contour]]]:
    """The outlines of a table by file, structure and frame, points in the order of the rows.

    Args:
        path: ``outlines.csv``: file, frame (from 0), structure, x, y (pixels of the file's frames, from the middle of
            the upper left one).
        problems: what is wrong is added here: a row without numbers or of an unknown structure (error), an outline
            that encloses nothing (warning, left out).

    Raises:
        DatasetError: MISSING_COLUMN, ENCODING for a table that cannot be read.
    """
    points: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    for row in iterate_csv(path, POINTS):
        try:
            key, point = _point(row)
        except DatasetError as error:
            problems.append(Problem.of(error, f"{path.name}, line {row.line}"))
            continue
        points[key].append(point)
    found: dict[str, dict[str, dict[int, Contour]]] = defaultdict(lambda: defaultdict(dict))
    for (name, structure, frame), listed in points.items():
        contour: Contour = np.array(listed, dtype=np.float64)
        if len(contour) < FEWEST or not np.ptp(contour, axis=0).all():
            what = f"the outline of {structure} on frame {frame} of {name} encloses nothing and is left out"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=path.name))
            continue
        found[name][structure][frame] = contour
    return found


def write_outlines(path: Path, outlines: Iterable[tuple[str, str, Mapping[int, Contour]]]) -> None:
    """Write outlines: file, structure, and contours by frame index. Nothing is written where there are none.

    Raises:
        StorageError: the file cannot be written.
    """
    rows = [
        {"file": name, "frame": frame, "structure": structure, "x": x, "y": y}
        for name, structure, contours in outlines
        for frame, contour in sorted(contours.items(), key=lambda item: item[0])
        for x, y in contour.tolist()
    ]
    if rows:
        write_csv(path, rows, POINTS)


@lru_cache(maxsize=4096)  # an outline repeats its file's name in every row
def _file(text: str) -> str:
    """A file as FOLDER/NAME; a path that leads anywhere else is refused."""
    parts = PurePosixPath(text.strip().replace("\\", "/")).parts
    if len(parts) != 2:
        what = f"{text[:40]!r} is not FOLDER/NAME"
        raise DatasetError("UNSAFE_PATH", what, "give the file inside its view's folder")
    return "/".join(plain_name(part) for part in parts)


def _entry(row: Row) -> Entry:
    patient = plain_name(row["patient"].strip())
    named = row.get("split", "").strip().lower()
    if named and named not in _SPLITS:
        raise DatasetError("BAD_SPLIT", f"{named[:20]!r} is not train, validation or test", "correct it")
    view = row.get("view", "").strip()
    known = {key: text for key, text in row.items() if key not in OWN and text != ""}
    labels = {key: number_or_text(text) for key, text in known.items()}
    check_labels(labels)
    return Entry(
        patient=patient,
        study=plain_name(row.get("study", "").strip() or patient),
        split=_SPLITS.get(named),
        view=view_named(view) if view else None,
        spacing_mm=_spacing(row),
        labels=labels,
    )


def _spacing(row: Row) -> tuple[float, float] | None:
    texts = [row.get(name, "").strip() for name in PIXEL]
    if not any(texts):
        return None
    sizes = [number(text) for text in texts]
    if any(size is None or size <= 0 for size in sizes):
        what = f"{' and '.join(PIXEL)} are not two sizes above 0"
        raise DatasetError("BAD_LABEL", what, "give both in mm, or none")
    height, width = (float(size) for size in sizes if size is not None)
    return height, width


def _point(row: Row) -> tuple[tuple[str, str, int], tuple[float, float]]:
    x, y, frame = number(row["x"]), number(row["y"]), number(row["frame"])
    if x is None or y is None or frame is None or frame < 0 or frame != int(frame):
        raise DatasetError("BAD_LABEL", "a row does not hold a frame index and a point", "correct it")
    structure = row["structure"].strip()
    if structure not in STRUCTURES:
        what = f"{structure[:20]!r} is no structure that is outlined"
        raise DatasetError("BAD_LABEL", what, f"choose of {', '.join(STRUCTURES)}")
    return (_file(row["file"]), structure, int(frame)), (x, y)
