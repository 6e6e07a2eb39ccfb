"""``VolumeTracings.csv`` of EchoNet-Dynamic: LV outlines as a long axis and the chords of the discs across it.

A traced frame has about 21 rows ``X1, Y1, X2, Y2`` in pixels: the long axis from apex to mitral plane, then a chord
for each disc. The published table writes the smaller (ES) outline of a video first and the larger (ED) last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cinecor.datasets.findings import Problem
from cinecor.datasets.labels import number
from cinecor.errors import InputError
from cinecor.io.tables import Row, iterate_csv
from cinecor.measures.outline import chords, contour_from_chords
from cinecor.measures.volume import contour_area_mm2
from cinecor.records import Contour

COLUMNS = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")
FEWEST_ROWS = 3  # the long axis and two chords; fewer enclose nothing


def read_tracings(path: Path, problems: list[Problem]) -> dict[str, dict[int, Contour]]:
    """The outlines of a table by video (name without ``.avi``) and frame.

    Args:
        path: ``VolumeTracings.csv``.
        problems: what is wrong is added here: a row without numbers (error), an outline that encloses nothing
            (warning, left out).

    Raises:
        DatasetError: the table cannot be read (:func:`cinecor.io.tables.read_csv`).
    """
    rows: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    lines: dict[tuple[str, int], int] = {}
    for row in iterate_csv(path, COLUMNS):
        parsed = _parsed(row)
        if parsed is None:
            what = "a row does not hold four coordinates and a frame index"
            problems.append(Problem(code="BAD_LABEL", what=what, where=f"{path.name}, line {row.line}"))
            continue
        key, ends = parsed
        rows.setdefault(key, []).append(ends)
        lines.setdefault(key, row.line)
    outlines: dict[str, dict[int, Contour]] = {}
    for (name, frame), ends_of_all in rows.items():
        found = outlines.setdefault(name, {})
        try:
            found[frame] = to_contour(np.array(ends_of_all))
        except InputError as error:
            where = f"{path.name}, line {lines[name, frame]}"
            what = f"the outline of frame {frame} is left out: {error.what}"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=where))
    return outlines


def tracing_rows(name: str, contours: Mapping[int, Contour]) -> Iterator[dict[str, object]]:
    """The rows of a video's outlines, the smallest outline first, the largest last.

    Args:
        name: what stands in FileName, with ``.avi`` as in the published table.
        contours: outlines by frame index.

    Raises:
        InputError: INCONSISTENT where an outline has no long axis.
    """
    for frame in sorted(contours, key=lambda index: area(contours[index])):
        for x1, y1, x2, y2 in chords(contours[frame]).tolist():
            yield {"FileName": name, "X1": x1, "Y1": y1, "X2": x2, "Y2": y2, "Frame": frame}


def to_contour(rows: Float[np.ndarray, "rows 4"]) -> Contour:
    """The outline hinge – apex – hinge of a tracing, whichever way its lines were drawn.

    The long axis is turned so that it starts near the first chord, and a chord so that it runs as the one before.

    Raises:
        InputError: INCONSISTENT where there are fewer than two chords.
    """
    if len(rows) < FEWEST_ROWS:
        raise InputError("INCONSISTENT", f"{len(rows)} rows are no long axis and two chords")
    turned = rows.astype(np.float64)
    middle = (turned[1, :2] + turned[1, 2:]) / 2
    if np.linalg.norm(turned[0, 2:] - middle) < np.linalg.norm(turned[0, :2] - middle):
        turned[0] = turned[0, [2, 3, 0, 1]]
    across = turned[1, 2:] - turned[1, :2]
    for chord in turned[2:]:
        if (chord[2:] - chord[:2]) @ across < 0:
            chord[:] = chord[[2, 3, 0, 1]]
    contour: Contour = contour_from_chords(turned)
    if not np.ptp(contour, axis=0).all():
        raise InputError("INCONSISTENT", "it encloses nothing")
    return contour


def area(contour: Contour) -> float:
    """Area inside an outline, square pixels."""
    return contour_area_mm2(contour, (1.0, 1.0))


def ed_and_es(contours: Mapping[int, Contour]) -> tuple[int, int] | None:
    """Frame of the largest and of the smallest outline; None where fewer than two frames are traced."""
    if len(contours) < 2:
        return None
    by_area = sorted(contours, key=lambda index: area(contours[index]))
    return by_area[-1], by_area[0]


def stem(name: str) -> str:
    """A video's name without ``.avi``: the published tables have it once with and once without."""
    return name[:-4] if name.lower().endswith(".avi") else name


def unknown(outlines: Iterable[str], known: Iterable[str], where: str) -> list[Problem]:
    """A warning for outlines whose video no study names."""
    strays = set(outlines) - set(known)
    what = f"{len(strays)} traced videos are not in FileList.csv"
    return [Problem(severity="warning", code="MISSING_FILE", what=what, where=where)] if strays else []


def _parsed(row: Row) -> tuple[tuple[str, int], tuple[float, ...]] | None:
    ends = [number(row[name]) for name in ("X1", "Y1", "X2", "Y2")]
    frame = number(row["Frame"])
    if None in ends or frame is None or frame < 0 or frame != int(frame) or not row["FileName"]:
        return None
    return (stem(row["FileName"]), int(frame)), tuple(end for end in ends if end is not None)
