"""EchoNet-Pediatric: four-chamber and short-axis loops of children, with EF, body size, an outline and ten folds.

::

    A4C/ and PSAX/, each with
        FileList.csv         FileName (with .avi), EF, Sex, Age, Weight, Height, Split (the fold, 0 to 9)
        VolumeTracings.csv   FileName, X, Y, Frame: the points of an outline; EchoNet-Dynamic's form is read too
        Videos/PATIENT-STUDY-NUMBER.avi

A file is named after its patient, the study and the loop, so the loops of both views make one study of one patient.
The tables give neither size nor frame rate: each video's own header is read. The data are Stanford's, for
non-commercial research under their own agreement (https://echonet.github.io/pediatric).

Source: Reddy et al., J. Am. Soc. Echocardiogr. 36(5), 482–489, 2023.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.folds import FOLD
from cinecor.datasets.labels import check_labels, number
from cinecor.datasets.names import plain_name
from cinecor.datasets.points import read_outlines, write_outlines
from cinecor.datasets.tracings import stem
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io import video
from cinecor.io.tables import Row, read_csv, write_csv
from cinecor.records import Cine, Contour, Study

VIEWS = ("A4C", "PSAX")
FILE_LIST = "FileList.csv"
TRACINGS = "VolumeTracings.csv"
VIDEOS = "Videos"
COLUMNS = ("FileName", "EF", "Sex", "Age", "Weight", "Height", "Split")
NEEDED = ("FileName", "EF", "Split")
FOLDS = 10
_BODY = {"age_years": "Age", "weight_kg": "Weight", "height_cm": "Height"}


@dataclass(frozen=True, kw_only=True)
class _Loop:
    """A row that is right: one loop of a study."""

    study: str
    patient: str | None
    cine: Cine
    labels: Mapping[str, float | str]
    where: str


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return any((root / view / FILE_LIST).is_file() for view in VIEWS)


def read(root: Path | str) -> list[Study]:
    """Every study of the folder, in the order of the tables, A4C first; videos by header.

    Labels: ``ef`` (%), ``fold`` (0 to 9, see :mod:`cinecor.datasets.folds`), ``sex``, ``age_years``, ``weight_kg`` and
    ``height_cm`` where given. No study has a split: folds take turns at it.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, MISSING_COLUMN, ENCODING,
            DUPLICATE_ID, BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, LEAKAGE.
        InputError, LimitError: a video that cannot be read.
    """
    studies, problems = _survey(Path(root))
    raise_first([*(problem for problem in find_leaks(studies)), *problems])
    return studies


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as this layout, one by one as they come; the tables come last, when every video is there.

    A study needs loops of A4C or PSAX, uint8 with frame times, and the labels ``ef`` and ``fold``. Its id is
    PATIENT-STUDY, or, where it stands for its patient, has no single ``-`` in it.

    Raises:
        ConfigError: CONFLICT where the folder holds a FileList.csv already.
        DatasetError: BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, NO_TIMING for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if recognise(root):
        raise ConfigError("CONFLICT", f"the folder holds a {FILE_LIST} already", "choose another", where=root.name)
    listed: dict[str, list[dict[str, object]]] = {view: [] for view in VIEWS}
    traced: dict[str, list[tuple[str, Mapping[int, Contour]]]] = {view: [] for view in VIEWS}
    names: set[str] = set()
    for study in studies:
        name = _writable(study)
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        row = _row(study)
        for index, cine in enumerate(study.cines):
            view, file = str(cine.view), f"{name}-{index:06d}.avi"
            _write_video(root / view / VIDEOS / file, cine, name)
            listed[view].append({"FileName": file, **row})
            traced[view].append((file, cine.contours))
    for view in VIEWS:
        if listed[view]:
            write_outlines(root / view / TRACINGS, traced[view])
            write_csv(root / view / FILE_LIST, listed[view], COLUMNS)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; every video's frames are counted, none decoded.

    Beyond what ``read`` refuses: the same video under two names, videos that no table lists, outlined frames that a
    video does not have.
    """
    root = Path(root)
    studies, problems = _survey(root)
    files = [(study, source) for study in studies for cine in study.cines if isinstance(source := cine.source, Path)]
    problems += [*find_leaks(studies), *find_copies(files), *_unlisted(root, files)]
    for study in studies:
        for cine in study.cines:
            outside = [frame for frame in cine.contours if cine.frames is not None and frame >= cine.frames]
            if outside:
                what = f"frame {outside[0]} of {cine.view} is outlined, the video has {cine.frames}"
                problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    return find("echonet_pediatric", studies, problems)


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every study of both tables, and every problem."""
    problems: list[Problem] = []
    loops: list[_Loop] = []
    if not recognise(root):
        what, cure = f"no A4C/{FILE_LIST} or PSAX/{FILE_LIST}", "give the folder that holds A4C and PSAX"
        return [], [Problem(code="MISSING_FILE", what=what, where=root.name, cure=cure)]
    for view in VIEWS:
        if not (root / view / FILE_LIST).is_file():
            what = f"there is no {view}"
            problems.append(Problem(severity="warning", code="MISSING_FILE", what=what, where=f"{view}/{FILE_LIST}"))
            continue
        try:
            loops += _read_view(root / view, problems)
        except DatasetError as error:
            problems.append(Problem.of(error, f"{view}/{error.where}"))
    studies: dict[str, list[_Loop]] = {}
    for loop in loops:
        studies.setdefault(loop.study, []).append(loop)
    return [_joined(found, problems) for found in studies.values()], problems


def _read_view(folder: Path, problems: list[Problem]) -> list[_Loop]:
    rows = read_csv(folder / FILE_LIST, NEEDED)
    outlines: Mapping[str, Mapping[int, Contour]] = {}
    if (folder / TRACINGS).exists():
        outlines = read_outlines(folder / TRACINGS, problems)
    loops: list[_Loop] = []
    first: dict[str, Row] = {}
    for row in rows:
        where = f"{folder.name}/{FILE_LIST}, line {row.line}"
        try:
            loop = _loop(row, folder, outlines, where)
        except CinecorError as error:
            problems.append(Problem.of(error, where))
            continue
        twin = first.setdefault(stem(row["FileName"]).lower(), row)
        if twin is row:
            loops.append(loop)
            continue
        code = "DUPLICATE_ID" if twin["Split"] == row["Split"] else "LEAKAGE"
        what = f"the file name of line {twin.line} again" + (", in another fold" if code == "LEAKAGE" else "")
        problems.append(Problem(code=code, what=what, where=where, cure="remove one row"))
    return loops


def _loop(row: Row, folder: Path, outlines: Mapping[str, Mapping[int, Contour]], where: str) -> _Loop:
    name = plain_name(stem(row["FileName"]))
    fold, ef = number(row["Split"]), number(row["EF"])
    if fold is None or not 0 <= fold < FOLDS or fold != int(fold):
        raise DatasetError("BAD_SPLIT", f"{row['Split'][:20]!r} is not a fold from 0 to {FOLDS - 1}", "correct the row")
    labels: dict[str, float | str] = {"ef": row["EF"] if ef is None else ef, FOLD: fold}
    check_labels(labels)
    if row.get("Sex", "").strip():
        labels["sex"] = row["Sex"].strip()
    for label, column in _BODY.items():
        value = number(row.get(column, ""))
        if value is None and row.get(column, "").strip():
            what = f"{column} {row[column][:20]!r} is not a number"
            raise DatasetError("BAD_LABEL", what, "correct the row")
        if value is not None:
            labels[label] = value
    path = folder / VIDEOS / f"{name}.avi"
    if not path.is_file():
        raise DatasetError("MISSING_FILE", f"{VIDEOS}/{path.name} is not there", "complete the download")
    cine = replace(video.describe(path), view=folder.name, contours=outlines.get(name, {}))
    study, patient = _who(name)
    return _Loop(study=study, patient=patient, cine=cine, labels=labels, where=where)


def _who(name: str) -> tuple[str, str | None]:
    """The study and the patient of PATIENT-STUDY-NUMBER; by any other name a study stands for its patient."""
    head, dash, tail = name.rpartition("-")
    if not dash or not tail.isdigit() or not head:
        return name, None
    parts = head.split("-")
    return head, parts[0] if len(parts) == 2 and all(parts) else None


def _joined(loops: list[_Loop], problems: list[Problem]) -> Study:
    """The loops of a study; EF and fold must agree, the other labels should."""
    labels: dict[str, float | str] = {}
    for loop in loops:
        for key, value in loop.labels.items():
            if labels.setdefault(key, value) != value:
                code = "LEAKAGE" if key == FOLD else "BAD_LABEL"
                what = f"{key} is not that of the study's other loops"
                severity = "error" if key in (FOLD, "ef") else "warning"
                problems.append(Problem(severity=severity, code=code, what=what, where=loop.where))  # type: ignore[arg-type]
    cines = tuple(loop.cine for loop in loops)
    return Study(id=loops[0].study, patient=loops[0].patient, cines=cines, labels=labels)


def _unlisted(root: Path, files: Iterable[tuple[Study, Path]]) -> list[Problem]:
    """A warning for videos on disk that the tables do not name."""
    on_disk = {path for view in VIEWS for path in (root / view / VIDEOS).glob("*.avi")}
    strays = on_disk - {path for _, path in files}
    what = f"{len(strays)} videos are not in {FILE_LIST} (or their row has a problem)"
    return [Problem(severity="warning", code="MISSING_FILE", what=what, where=VIDEOS)] if strays else []


def _writable(study: Study) -> str:
    """The study's id, if its file names say the same of study and patient when they are read."""
    name = plain_name(study.id, where="study id")
    if _who(f"{name}-000000") != (name, study.patient):
        what = "the layout names a study PATIENT-STUDY, or without a single '-' where it stands for its patient"
        raise DatasetError("UNSAFE_PATH", what, "rename the study", where=name)
    return name


def _row(study: Study) -> dict[str, object]:
    """The columns that all loops of a study share."""
    if not study.cines or not {cine.view for cine in study.cines} <= set(VIEWS):
        raise InputError("UNSUPPORTED", f"the layout holds loops of {' and '.join(VIEWS)}", where=study.id)
    lacking = [name for name in ("ef", FOLD) if name not in study.labels]
    if lacking:
        raise DatasetError("BAD_LABEL", f"the layout needs the label {lacking[0]!r}", "give it", where=study.id)
    labels = study.labels
    check_labels(labels, where=study.id)
    fold = labels[FOLD]
    if isinstance(fold, str) or fold not in range(FOLDS):
        raise DatasetError("BAD_SPLIT", f"{fold!r} is not a fold from 0 to {FOLDS - 1}", "correct it", where=study.id)
    body = {column: labels.get(label) for label, column in _BODY.items()}
    return {"EF": labels["ef"], "Sex": labels.get("sex"), **body, "Split": int(fold)}


def _write_video(path: Path, cine: Cine, where: str) -> None:
    frames, frame_ms = io.load(cine), cine.frame_ms
    if frame_ms is None:
        raise InputError("NO_TIMING", "the layout needs the time of each frame", "give times_ms", where=where)
    if frames.dtype != np.uint8:
        raise InputError("UNSUPPORTED", "the layout holds uint8 frames", "scale them to 0–255", where=where)
    video.write(path, frames, frame_ms, "mjpeg")
