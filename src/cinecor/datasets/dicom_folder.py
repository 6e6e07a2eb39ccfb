"""A folder of DICOM files, however nested, as a lab exports it; what is known of its studies beside it.

::

    any/where/any-name         ultrasound loops, stills, cine MR; grouped by StudyInstanceUID
    labels.csv                 optional: uid, study, split, and a column for each label (ef, edv_ml, esv_ml, group …)

``uid`` is the StudyInstanceUID of a row's study. ``study`` is what it is called from then on, ``split`` one of train,
validation and test; both may be left out or empty. An empty label is unknown. Outlines and masks have no place here.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from cinecor import io
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.labels import check_labels, number_or_text
from cinecor.datasets.names import plain_name
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io.kinds import kind_of
from cinecor.io.loading import reader
from cinecor.io.tables import Row, read_csv, write_csv
from cinecor.records import SPLITS, Study

LABELS = "labels.csv"
LOOKED_AT = 1000  # files that recognise() opens before it gives up
BODY = {"height_cm", "weight_kg"}  # labels that the images themselves bring
_OWN = uuid.UUID("6f1c3a52-5f5e-5d38-9d3e-8c0d1f6a7b21")  # name space of the UIDs that write() makes
_PASSED_OVER = ("NO_PIXELS", "WRONG_MODALITY")  # DICOM that holds no loop, such as a report; it stops nothing


def recognise(root: Path) -> bool:
    """Whether a folder holds a DICOM file among the first thousand files below it."""
    for _, path in zip(range(LOOKED_AT), _files(root), strict=False):
        try:
            if kind_of(path) == "dicom":
                return True
        except CinecorError:
            continue
    return False


def read(root: Path | str) -> list[Study]:
    """Every study below the folder, headers only, with the labels of labels.csv where there is one.

    Files that are no loop or still (reports, DICOMDIR, text) are passed over; a damaged one is an error.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, DUPLICATE_ID, BAD_LABEL,
            BAD_SPLIT, MISSING_COLUMN, ENCODING.
        InputError, LimitError: an image that cannot be read.
        ConfigError: MISSING_EXTRA where pydicom is not installed.
    """
    root = Path(root)
    studies, problems = _survey(root)
    raise_first(problems)
    return studies


def check(root: Path | str) -> Findings:
    """Everything that is below the folder and all that is wrong with it; headers only."""
    root = Path(root)
    try:
        studies, problems = _survey(root)
    except ConfigError:
        raise
    except CinecorError as error:
        return find("dicom_folder", [], [Problem.of(error)])
    unlabelled = sum(set(study.labels) <= BODY for study in studies)
    if unlabelled and unlabelled < len(studies):
        what = f"{unlabelled} of {len(studies)} studies have no labels in {LABELS}"
        problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=LABELS))
    return find("dicom_folder", studies, [*problems, *find_leaks(studies)])


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as DICOM, a folder each, one by one as they come; labels.csv comes last.

    Ultrasound becomes a multi-frame file for each loop, MR a classic series with a file for each phase of each slice.
    Outlines, masks and view names are not written.

    Raises:
        ConfigError: CONFLICT where the folder holds a labels.csv already; MISSING_EXTRA.
        DatasetError: UNSAFE_PATH, DUPLICATE_ID, BAD_LABEL for an id or a label that the table cannot hold.
        InputError: a loop that cannot be loaded, or that DICOM cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if (root / LABELS).exists():
        raise ConfigError("CONFLICT", f"the folder holds a {LABELS} already", "choose another", where=root.name)
    rows: list[dict[str, object]] = []
    names: set[str] = set()
    for study in studies:
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        check_labels(study.labels, where=name)
        _write_images(study, root / name)
        rows.append({"uid": _uid(name), "study": name, "split": study.split or "", **study.labels})
    columns = list(dict.fromkeys(["uid", "study", "split", *(key for row in rows for key in row)]))
    write_csv(root / LABELS, rows, columns)


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every study below the folder, labelled, and every problem."""
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", "check the name", where=root.name)
    paths, problems = _dicom_files(root)
    found, failures = io.discover(paths)
    problems += [_failed(failure.error, failure.path, root) for failure in failures]
    rows = _rows(root, problems)
    if not paths:
        problems.append(Problem(code="MISSING_FILE", what="no DICOM file below the folder", where=root.name))
    studies = [_labelled(study, rows.get(study.id)) for study in found]
    for uid in rows.keys() - {study.id for study in found}:
        what, where = "no file has the UID of this row", f"{LABELS}, line {rows[uid].line}"
        problems.append(Problem(code="MISSING_FILE", what=what, where=where, cure="add the files or remove the row"))
    return studies, problems


def _dicom_files(root: Path) -> tuple[list[Path], list[Problem]]:
    """The DICOM files below the folder, and one warning that counts all others."""
    paths: list[Path] = []
    others: list[Path] = []
    for path in _files(root):
        try:
            (paths if kind_of(path) == "dicom" else others).append(path)
        except InputError:
            others.append(path)
    if not others:
        return paths, []
    what = f"{len(others)} files are not DICOM and are passed over"
    where = str(others[0].relative_to(root))
    return paths, [Problem(severity="warning", code="NOT_RECOGNISED", what=what, where=where)]


def _failed(error: CinecorError, path: Path, root: Path) -> Problem:
    severity: Literal["error", "warning"] = "warning" if error.code in _PASSED_OVER else "error"
    where = str(path.relative_to(root))
    return Problem(severity=severity, code=error.code, what=error.what, where=where, cure=error.cure)


def _rows(root: Path, problems: list[Problem]) -> dict[str, Row]:
    """The rows of labels.csv that are right, by UID; what is wrong with the others is added to the problems."""
    path = root / LABELS
    by_uid: dict[str, Row] = {}
    by_name: dict[str, Row] = {}
    for row in read_csv(path, ["uid"]) if path.exists() else []:
        where = f"{LABELS}, line {row.line}"
        twin = by_uid.get(row["uid"]) or by_name.get(_name(row))
        if twin is not None:
            what = f"the uid or the study of line {twin.line} again"
            problems.append(Problem(code="DUPLICATE_ID", what=what, where=where, cure="remove one row"))
            continue
        try:
            _labelled(Study(id=row["uid"], cines=()), row)
        except DatasetError as error:
            problems.append(Problem.of(error, where))
            continue
        by_uid[row["uid"]] = by_name[_name(row)] = row
    return by_uid


def _name(row: Row) -> str:
    return row.get("study") or row["uid"]


def _labelled(study: Study, row: Row | None) -> Study:
    """A study with what its row says of it."""
    if row is None:
        return study
    named = row.get("split", "").strip().lower()
    split = next((name for name in SPLITS if name == named), None)
    if named and split is None:
        raise DatasetError("BAD_SPLIT", f"{named[:20]!r} is not train, validation or test", "correct it")
    known = {key: text for key, text in row.items() if key not in ("uid", "study", "split") and text != ""}
    labels = {key: number_or_text(text) for key, text in known.items()}
    check_labels(labels)
    return replace(study, id=plain_name(_name(row)), split=split, labels={**study.labels, **labels})


def _write_images(study: Study, folder: Path) -> None:
    dicom = reader("dicom")
    given = {"patient_id": study.patient or "", "study_uid": _uid(study.id), "seed": study.id}
    resonance = [(cine, io.load(cine)) for cine in study.cines if cine.modality == "MR"]
    if resonance:
        dicom.write_mr(folder, resonance, **given)
    for index, cine in enumerate(cine for cine in study.cines if cine.modality == "US"):
        frames = io.load(cine)
        if frames.dtype != np.uint8:
            raise InputError("UNSUPPORTED", "ultrasound is written from uint8 frames", "scale them", where=study.id)
        dicom.write_ultrasound(
            folder / f"loop-{index:02d}.dcm",
            frames,
            frame_ms=cine.frame_ms,
            spacing_mm=cine.spacing_mm,
            region=cine.region,
            instance_number=index + 1,
            **given,
        )


def _uid(name: str) -> str:
    """A StudyInstanceUID that is a function of the study's id (PS3.5 B.2: 2.25 and a UUID as a decimal number)."""
    return f"2.25.{uuid.uuid5(_OWN, name).int}"


def _files(root: Path) -> Iterator[Path]:
    """Every file below a folder but labels.csv and hidden ones, sorted; links to folders are not followed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and (Path(folder), name) != (root, LABELS):
                yield Path(folder) / name
