"""``VolumeTracings.csv`` of EchoNet-Pediatric: an outline as its points, row by row; chords are read too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cinecor.datasets.findings import Problem
from cinecor.datasets.labels import number
from cinecor.datasets.tracings import area, read_tracings, stem
from cinecor.io.tables import Row, iterate_csv, write_csv
from cinecor.records import Contour

COLUMNS = ("FileName", "X", "Y", "Frame")
FEWEST = 3  # points that enclose something


def read_outlines(path: Path, problems: list[Problem]) -> dict[str, dict[int, Contour]]:
    """The outlines of a table by video (name without ``.avi``) and frame, points in the order of the rows.

    Args:
        path: ``VolumeTracings.csv`` with X and Y, or with X1, Y1, X2 and Y2 as EchoNet-Dynamic has it.
        problems: what is wrong is added here: a row without numbers (error); a frame that is given as text, as where
            a reader saw no systole, and an outline that encloses nothing (warnings, left out).

    Raises:
        DatasetError: the table cannot be read (:func:`cinecor.io.tables.read_csv`).
    """
    if "X1" in _columns(path):
        return read_tracings(path, problems)
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    wordy: Counter[str] = Counter()
    for row in iterate_csv(path, COLUMNS):
        x, y, frame = number(row["X"]), number(row["Y"]), number(row["Frame"])
        if (
            frame is None
            and any(mark.isalpha() for mark in row["Frame"])
            and row["Frame"].lower() not in ("nan", "inf")
        ):
            wordy[row["Frame"][:20]] += 1
            continue
        if x is None or y is None or frame is None or frame < 0 or frame != int(frame) or not row["FileName"]:
            what, where = "a row does not hold a point and a frame index", f"{_where(path)}, line {row.line}"
            problems.append(Problem(code="BAD_LABEL", what=what, where=where))
            continue
        points.setdefault((stem(row["FileName"]), int(frame)), []).append((x, y))
    for text, count in wordy.items():
        what = f"{count} points of frame {text!r} are left out"
        problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=_where(path)))
    return _contours(points, path, problems)


def write_outlines(path: Path, outlines: Iterable[tuple[str, Mapping[int, Contour]]]) -> None:
    """Write the outlines of videos, of each the smallest first, as the points that they are.

    Args:
        path: where to.
        outlines: what stands in FileName, and contours by frame index.

    Raises:
        StorageError: the file cannot be written.
    """
    rows = (
        {"FileName": name, "X": x, "Y": y, "Frame": frame}
        for name, contours in outlines
        for frame in sorted(contours, key=lambda index: area(contours[index]))
        for x, y in contours[frame].tolist()
    )
    write_csv(path, rows, COLUMNS)


def _columns(path: Path) -> Iterable[str]:
    first: Row | None = next(iterate_csv(path), None)
    return first.keys() if first is not None else ()


def _contours(
    points: Mapping[tuple[str, int], list[tuple[float, float]]], path: Path, problems: list[Problem]
) -> dict[str, dict[int, Contour]]:
    outlines: dict[str, dict[int, Contour]] = {}
    for (name, frame), found in points.items():
        contour: Contour = np.array(found, dtype=np.float64)
        if len(contour) < FEWEST or not np.ptp(contour, axis=0).all():
            what = f"the outline of frame {frame} of {name} encloses nothing and is left out"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=_where(path)))
            continue
        outlines.setdefault(name, {})[frame] = contour
    return outlines


def _where(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
