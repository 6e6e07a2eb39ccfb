"""EchoNet-Dynamic's published layout: one apical four-chamber loop a patient, with EF, volumes and two outlines.

::

    FileList.csv         FileName (without .avi), EF, ESV, EDV, FrameHeight, FrameWidth, FPS, NumberOfFrames, Split
    VolumeTracings.csv   FileName (with .avi), X1, Y1, X2, Y2, Frame
    Videos/NAME.avi      Motion JPEG, 112 × 112, grey stored as colour

The data are Stanford's, for non-commercial research under their own agreement, to be had from the Stanford AIMI
center alone (https://echonet.github.io/dynamic). No pixel size is published: volumes cannot be recomputed in mL.

Source: Ouyang et al., Nature 580, 252–256, 2020.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.labels import check_labels, number, number_or_text
from cinecor.datasets.names import plain_name
from cinecor.datasets.tracings import COLUMNS as TRACING_COLUMNS
from cinecor.datasets.tracings import ed_and_es, read_tracings, stem, tracing_rows, unknown
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io import video
from cinecor.io.limits import DEFAULT
from cinecor.io.tables import Row, read_csv, write_csv
from cinecor.records import Cine, Contour, Split, Study

FILE_LIST = "FileList.csv"
TRACINGS = "VolumeTracings.csv"
VIDEOS = "Videos"
COLUMNS = ("FileName", "EF", "ESV", "EDV", "FrameHeight", "FrameWidth", "FPS", "NumberOfFrames", "Split")
NEEDED = ("FileName", "EF", "ESV", "EDV", "Split")
SPLIT_NAMES: Mapping[str, Split] = {"train": "train", "val": "validation", "test": "test", "validation": "validation"}
MOST = DEFAULT.frames  # frames, rows or columns: beyond it the file itself would be refused
EF_TOLERANCE = 1.0  # %: how far EF may lie from 1 - ESV/EDV, which it was computed from


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return (root / FILE_LIST).is_file()


def read(root: Path | str, missing: Literal["raise", "omit"] = "raise") -> list[Study]:
    """Every study of the folder, in the order of FileList.csv. No video is opened.

    Labels: ``ef`` (%), ``edv_ml``, ``esv_ml``, and where two frames are traced ``ed_frame`` and ``es_frame``, the
    frames of the largest and the smallest outline. Frame times are those of the table's FPS, not of the video files,
    whose own rate can be wrong.

    Args:
        root: the folder that holds FileList.csv.
        missing: what to do about videos that are not on disk: ``raise``, or ``omit`` their studies with a warning.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, MISSING_COLUMN, ENCODING,
            DUPLICATE_ID, BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, LEAKAGE.
    """
    root = Path(root)
    studies, problems = _survey(root)
    absent = [study for study in studies if not _is_there(study)]
    if missing == "raise":
        problems += _missing(absent)
    raise_first(problems)
    if absent and missing == "omit":
        warnings.warn(f"{len(absent)} of {len(studies)} videos are missing; their studies are left out", stacklevel=2)
        gone = {study.id for study in absent}
        studies = [study for study in studies if study.id not in gone]
    return studies


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as this layout, one by one as they come; the tables come last, when every video is there.

    A study needs one loop of uint8 frames with frame times, the labels ``ef``, ``edv_ml`` and ``esv_ml``, and a split.
    Its id becomes the file name, its contours the tracings. Patients are not written: the layout knows none.

    Raises:
        ConfigError: CONFLICT where the folder holds a FileList.csv already.
        DatasetError: BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, NO_TIMING for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if (root / FILE_LIST).exists():
        raise ConfigError("CONFLICT", f"the folder holds a {FILE_LIST} already", "choose another", where=root.name)
    listed: list[dict[str, object]] = []
    traced: list[dict[str, object]] = []
    names: set[str] = set()
    for study in studies:
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        listed.append(_listing(study, root / VIDEOS / f"{name}.avi"))
        traced += tracing_rows(f"{name}.avi", study.cines[0].contours)
    write_csv(root / TRACINGS, traced, TRACING_COLUMNS)
    write_csv(root / FILE_LIST, listed, COLUMNS)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; every video's frames are counted, none decoded.

    Beyond what ``read`` refuses: videos that are damaged, cut short, of another size or length than the table says,
    the same under two names, or not listed; EF that does not follow from the volumes; fewer than two traced frames.
    """
    root = Path(root)
    try:
        studies, problems = _survey(root)
    except CinecorError as error:
        return find("echonet_dynamic", [], [Problem.of(error)])
    present = [study for study in studies if _is_there(study)]
    absent = [study for study in studies if not _is_there(study)]
    problems += [
        *_missing(absent),
        *find_leaks(studies),
        *find_copies((study, _path(study)) for study in present),
        *_unlisted(root, studies),
    ]
    for study in studies:
        problems += _oddities(study)
    for study in present:
        problems += _contradictions(study)
    return find("echonet_dynamic", studies, problems)


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every row that makes a study, and every problem of the two tables."""
    rows = read_csv(root / FILE_LIST, NEEDED)
    problems: list[Problem] = []
    outlines = read_tracings(root / TRACINGS, problems) if (root / TRACINGS).exists() else {}
    if not (root / TRACINGS).exists():
        what = "there is no such table, so no frame is outlined"
        problems.append(Problem(severity="warning", code="MISSING_FILE", what=what, where=TRACINGS))
    studies: list[Study] = []
    first: dict[str, Row] = {}
    for row in rows:
        try:
            study = _study(row, root / VIDEOS, outlines)
        except DatasetError as error:
            problems.append(Problem.of(error, f"{FILE_LIST}, line {row.line}"))
            continue
        twin = first.setdefault(study.id.lower(), row)
        if twin is row:
            studies.append(study)
        else:
            problems.append(_duplicate(twin, row))
    return studies, problems + unknown(outlines, (stem(row["FileName"]) for row in rows), TRACINGS)


def _duplicate(twin: Row, row: Row) -> Problem:
    where, what = f"{FILE_LIST}, line {row.line}", f"the file name of line {twin.line} again"
    if twin["Split"].strip().lower() != row["Split"].strip().lower():
        return Problem(code="LEAKAGE", what=f"{what}, in another split", where=where, cure="remove one row")
    return Problem(code="DUPLICATE_ID", what=what, where=where, cure="remove one row")


def _study(row: Row, videos: Path, outlines: Mapping[str, Mapping[int, Contour]]) -> Study:
    name = plain_name(stem(row["FileName"]))
    split = SPLIT_NAMES.get(row["Split"].strip().lower())
    if split is None:
        raise DatasetError("BAD_SPLIT", f"{row['Split'][:20]!r} is not TRAIN, VAL or TEST", "correct the row")
    columns = (("ef", "EF"), ("edv_ml", "EDV"), ("esv_ml", "ESV"))
    labels = {label: number_or_text(row[column]) for label, column in columns}
    check_labels(labels)
    contours = outlines.get(name, {})
    if (phases := ed_and_es(contours)) is not None:
        labels |= {"ed_frame": phases[0], "es_frame": phases[1]}
    return Study(id=name, cines=(_cine(row, videos / f"{name}.avi", contours),), split=split, labels=labels)


def _cine(row: Row, path: Path, contours: Mapping[int, Contour]) -> Cine:
    frames, rate = _count(row, "NumberOfFrames"), number(row.get("FPS", ""))
    timed = frames is not None and rate is not None and rate > 0
    return Cine(
        source=path,
        modality="US",
        view="A4C",
        frames=frames,
        height=_count(row, "FrameHeight"),
        width=_count(row, "FrameWidth"),
        times_ms=_times(frames or 0, rate or 1.0) if timed else None,
        contours=contours,
        notes=(f"frame times from {FILE_LIST}" if timed else f"no frame times in {FILE_LIST}",),
    )


@lru_cache(maxsize=4096)
def _times(frames: int, rate: float) -> tuple[float, ...]:
    """Frame times, ms; shared by the many videos of the same length and rate."""
    return tuple(1000 * index / rate for index in range(frames))


def _count(row: Row, name: str) -> int | None:
    """A whole number above 0 of an optional column, None where the column is absent or empty."""
    text = row.get(name, "").strip()
    if not text:
        return None
    value = number(text)
    if value is None or not 1 <= value <= MOST or value != math.floor(value):
        raise DatasetError("BAD_LABEL", f"{name} {text[:20]!r} is not a whole number from 1 to {MOST}", "correct it")
    return int(value)


def _is_there(study: Study) -> bool:
    source = study.cines[0].source
    return isinstance(source, Path) and os.path.isfile(source)  # noqa: PTH113 (half the time, ten thousand times)


def _missing(absent: Iterable[Study]) -> list[Problem]:
    cure = "complete the download, or read with missing='omit'"
    return [
        Problem(code="MISSING_FILE", what="the video is not there", where=f"{VIDEOS}/{study.id}.avi", cure=cure)
        for study in absent
    ]


def _unlisted(root: Path, studies: Iterable[Study]) -> list[Problem]:
    """A warning for videos on disk that the table does not name."""
    on_disk = {path.stem for path in (root / VIDEOS).glob("*.avi")} if (root / VIDEOS).is_dir() else set()
    strays = on_disk - {study.id for study in studies}
    what = f"{len(strays)} videos are not in {FILE_LIST} (or their row has a problem)"
    return [Problem(severity="warning", code="MISSING_FILE", what=what, where=VIDEOS)] if strays else []


def _oddities(study: Study) -> list[Problem]:
    """What the tables say of a study that need not be wrong."""
    cine, labels, found = study.cines[0], study.labels, []
    edv, esv = float(labels["edv_ml"]), float(labels["esv_ml"])
    if edv > 0 and abs(100 * (1 - esv / edv) - float(labels["ef"])) > EF_TOLERANCE:
        found.append(f"EF {labels['ef']:.1f} % does not follow from EDV and ESV ({100 * (1 - esv / edv):.1f} %)")
    if len(cine.contours) < 2:
        found.append(f"{len(cine.contours)} of the two frames ED and ES are traced")
    outside = [frame for frame in cine.contours if cine.frames is not None and frame >= cine.frames]
    if outside:
        found.append(f"frame {outside[0]} is traced, the video has {cine.frames}")
    if cine.times_ms is None:
        found.append("neither frame rate nor number of frames is given")
    return [Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id) for what in found]


def _contradictions(study: Study) -> list[Problem]:
    """What is wrong with a video, by its own header and its packets."""
    cine = study.cines[0]
    try:
        found = video.describe(_path(study))
    except CinecorError as error:
        return [Problem.of(error, f"{VIDEOS}/{study.id}.avi")]
    pairs = (
        ("frames", cine.frames, found.frames),
        ("height", cine.height, found.height),
        ("width", cine.width, found.width),
    )
    return [
        Problem(code="INCONSISTENT", what=f"{FILE_LIST} says {name} {told}, the video has {has}", where=study.id)
        for name, told, has in pairs
        if told is not None and told != has
    ]


def _listing(study: Study, path: Path) -> dict[str, object]:
    """Write a study's video; its row of FileList.csv."""
    if len(study.cines) != 1:
        raise InputError("UNSUPPORTED", f"the layout holds one loop a study, not {len(study.cines)}", where=study.id)
    split = next((name for name, meant in SPLIT_NAMES.items() if meant == study.split), None)
    if split is None:
        raise DatasetError("BAD_SPLIT", "the study is in no split", "give it one", where=study.id)
    labels = study.labels
    lacking = [name for name in ("ef", "edv_ml", "esv_ml") if name not in labels]
    if lacking:
        raise DatasetError("BAD_LABEL", f"the layout needs the label {lacking[0]!r}", "give it", where=study.id)
    check_labels(labels, where=study.id)
    cine = study.cines[0]
    frames, frame_ms = io.load(cine), cine.frame_ms
    if frame_ms is None:
        raise InputError("NO_TIMING", "the layout needs the time of each frame", "give times_ms", where=study.id)
    if frames.dtype != np.uint8:
        raise InputError("UNSUPPORTED", "the layout holds uint8 frames", "scale them to 0–255", where=study.id)
    video.write(path, frames, frame_ms, "mjpeg")
    rate = round(1000 / frame_ms, 9)
    return {
        "FileName": study.id,
        "EF": labels["ef"],
        "ESV": labels["esv_ml"],
        "EDV": labels["edv_ml"],
        "FrameHeight": frames.shape[2],
        "FrameWidth": frames.shape[3],
        "FPS": int(rate) if rate == int(rate) else rate,
        "NumberOfFrames": frames.shape[0],
        "Split": split.upper(),
    }


def _path(study: Study) -> Path:
    source = study.cines[0].source
    assert isinstance(source, Path)
    return source
