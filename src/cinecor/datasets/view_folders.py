"""Folders of views: pictures and loops of echo studies, in one folder for each view.

::

    VIEW/NAME.png, .jpg, .bmp, .tif      a still
    VIEW/NAME.avi, .mp4, .mov, .mkv …    a loop
    VIEW/NAME.dcm                        either
    patients.csv                         optional: file, patient, study, split, view, pixel_height_mm, pixel_width_mm,
                                         and a column for each label; only file and patient are needed
    outlines.csv                         optional: file, frame, structure, x, y

VIEW is one of :data:`cinecor.datasets.view_names.VIEWS`, in any letter case; where folders are called otherwise, the
table's ``view`` says what a file shows. ``file`` is VIEW/NAME with its ending. Without a table the patient is what
stands before the first ``_`` of NAME (all of it where there is none), and nothing is split: a DICOM file's own patient
is not looked at. With a table, every file has a row. All files of a patient are one study, unless ``study`` divides
them; all of a patient are in one split.

An outline is a polygon, point by point in the order of its rows, on one frame (from 0); structures are ``fov``,
``epicardium`` and ``lv`` (``records.OUTLINED``; ``lv`` begins and ends at the hinges of the mitral valve).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies, group_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.labels import check_labels
from cinecor.datasets.names import plain_name
from cinecor.datasets.view_names import VIEWS, find_view, view_named
from cinecor.datasets.view_tables import (
    OUTLINES,
    OWN,
    PATIENTS,
    PIXEL,
    Entry,
    read_outlines,
    read_patients,
    write_outlines,
    write_patients,
)
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io import images, video
from cinecor.io.loading import reader
from cinecor.records import LV, Cine, Contour, Split, Study

_STILLS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_LOOPS = (".avi", ".mp4", ".mov", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg", ".dcm")
ENDINGS = (*_STILLS, *_LOOPS)
_SPACE = uuid.UUID("0b5d6c1e-9a57-5c0e-8b61-5f0c3f5d7a42")  # name space of the UIDs that write() makes


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout: a folder in it holds images and is called as a view, or there is a table."""
    listed = (root / PATIENTS).is_file()
    return any((listed or find_view(folder.name)) and any(_images(folder)) for folder in _folders(root))


def read(root: Path | str) -> list[Study]:
    """Every study, sorted by name; headers only. Its cines are in the order of their files' names, whatever the folder.

    Labels are those of the table; an empty one is unknown, and what one row of a study says holds for all of it.

    Raises:
        DatasetError: the first problem, and how many more there are: BAD_LABEL for a folder that is called as no view,
            a label that rows of a study contradict each other in, or an outline on a frame that is not there;
            BAD_SPLIT, DUPLICATE_ID, ENCODING, LEAKAGE, MISSING_COLUMN, MISSING_FILE, UNSAFE_PATH.
        InputError, LimitError: a file that cannot be read.
        ConfigError: MISSING_EXTRA where pydicom is needed and not installed.
    """
    studies, problems = _survey(Path(root))
    raise_first(problems)
    return studies


def write(studies: Iterable[Study], root: Path | str, *, files: Literal["plain", "dicom"] = "plain") -> None:
    """Write studies as this layout, one by one as they come; both tables come last.

    A cine needs uint8 frames and one of the fifteen views. Outlines and LV contours are written, label masks and
    calipers are not.

    Args:
        studies: of several studies of a patient, the table says so.
        root: the folder.
        files: ``plain``: a PNG for a still, Motion JPEG (lossy, with frame times) for a loop; ``dicom``: DICOM for
            both, which keeps every pixel.

    Raises:
        ConfigError: CONFLICT where the folder holds a table already; MISSING_EXTRA.
        DatasetError: BAD_LABEL, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, NO_TIMING for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    for name in (PATIENTS, OUTLINES):
        if (root / name).exists():
            raise ConfigError("CONFLICT", f"the folder holds a {name} already", "choose another", where=root.name)
    rows: list[dict[str, object]] = []
    outlines: list[tuple[str, str, Mapping[int, Contour]]] = []
    names: set[str] = set()
    for study in studies:
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        about = _about(study)
        for index, cine in enumerate(study.cines):
            place = _write_cine(study, index, root, files)
            pixel = dict(zip(PIXEL, cine.spacing_mm or ("", ""), strict=True))
            rows.append({"file": place, **about, **pixel, **study.labels})
            drawn = {LV: cine.contours, **cine.outlines}
            outlines += [(place, structure, contours) for structure, contours in drawn.items()]
    write_patients(root / PATIENTS, rows)
    write_outlines(root / OUTLINES, outlines)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; headers only.

    Beyond what ``read`` refuses: the same recording under two names, which is an error where its patients are in
    different splits or where it stands under two views; files that are no images.
    """
    root = Path(root)
    try:
        studies, problems = _survey(root)
    except ConfigError:
        raise
    except CinecorError as error:
        return find("view_folders", [], [Problem.of(error)])
    files = [(study, cine.source) for study in studies for cine in study.cines if isinstance(cine.source, Path)]
    problems += [*find_copies(files), *_twice_named(studies)]
    return find("view_folders", studies, problems, _count_views(studies))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """One file and what is known of it."""

    name: str
    cine: Cine
    entry: Entry


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every study whose files are right, and every problem."""
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", "check the name", where=root.name)
    problems: list[Problem] = []
    paths = _list_images(root, problems)
    listed = (root / PATIENTS).is_file()
    entries = read_patients(root / PATIENTS, problems) if listed else _entries_by_name(paths, problems)
    problems += _unmatched(paths, entries) if listed else []
    known = {name: path for name, path in paths.items() if name in entries}
    views = _views(known, entries, problems)
    outlines = read_outlines(root / OUTLINES, problems) if (root / OUTLINES).is_file() else {}
    for name in outlines.keys() - paths.keys():
        problems.append(Problem(code="MISSING_FILE", what=f"{name} is not there", where=OUTLINES, cure="add the file"))
    studies = _read_files({name: known[name] for name in known if name in views}, views, entries, outlines, problems)
    made = [study for name in sorted(studies) if (study := _study(name, studies[name], problems)) is not None]
    if not paths:
        what, cure = "no folder of images", f"put the files into folders called {', '.join(VIEWS[:4])} …"
        problems.append(Problem(code="MISSING_FILE", what=what, where=root.name, cure=cure))
    return made, [*problems, *find_leaks(made)]


def _read_files(
    paths: Mapping[str, Path],
    views: Mapping[str, str],
    entries: Mapping[str, Entry],
    outlines: Mapping[str, Mapping[str, Mapping[int, Contour]]],
    problems: list[Problem],
) -> dict[str, list[_Found]]:
    """The files that are right, by study."""
    studies: dict[str, list[_Found]] = defaultdict(list)
    for name, path in paths.items():
        entry = entries[name]
        try:
            cine = _cine(path, views[name], entry.spacing_mm, outlines.get(name, {}))
        except ConfigError:
            raise
        except CinecorError as error:
            problems.append(Problem.of(error, name))
        else:
            studies[entry.study].append(_Found(name=name, cine=cine, entry=entry))
    return studies


def _folders(root: Path) -> list[Path]:
    paths = sorted(root.iterdir()) if root.is_dir() else []
    return [path for path in paths if path.is_dir() and not path.name.startswith(".")]


def _images(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS and path.name[0] != ".")


def _list_images(root: Path, problems: list[Problem]) -> dict[str, Path]:
    """The images by FOLDER/NAME; one warning counts all else that lies in folders that hold images."""
    found: dict[str, Path] = {}
    others: list[str] = []
    for folder in _folders(root):
        inside = {f"{folder.name}/{path.name}": path for path in _images(folder)}
        found |= inside
        names = (f"{folder.name}/{path.name}" for path in sorted(folder.iterdir()) if path.name[0] != ".")
        others += [name for name in names if name not in inside] if inside or find_view(folder.name) else []
    if others:
        what = f"{len(others)} files or folders are no images by their ending and are passed over"
        cure = f"endings are {', '.join(ENDINGS)}"
        problems.append(Problem(severity="warning", code="NOT_RECOGNISED", what=what, where=others[0], cure=cure))
    return dict(sorted(found.items(), key=lambda item: (item[1].name, item[0])))


def _entries_by_name(paths: Mapping[str, Path], problems: list[Problem]) -> dict[str, Entry]:
    """Who each file is of, where no table says it: what its name begins with."""
    entries: dict[str, Entry] = {}
    for name, path in paths.items():
        try:
            patient = plain_name(path.stem.partition("_")[0])
        except DatasetError as error:
            problems.append(Problem.of(error, name))
            continue
        entries[name] = Entry(patient=patient, study=patient, split=None, view=None, spacing_mm=None, labels={})
    return entries


def _unmatched(paths: Mapping[str, Path], entries: Mapping[str, Entry]) -> Iterable[Problem]:
    """Files without a row, and rows without a file."""
    for name in sorted(paths.keys() - entries.keys()):
        what, cure = f"the file has no row in {PATIENTS} (or it has a problem)", "say whose it is, or remove it"
        yield Problem(code="BAD_LABEL", what=what, where=name, cure=cure)
    for name in sorted(entries.keys() - paths.keys()):
        cure = "add the file or remove the row"
        yield Problem(code="MISSING_FILE", what=f"{name} is not there", where=PATIENTS, cure=cure)


def _views(paths: Mapping[str, Path], entries: Mapping[str, Entry], problems: list[Problem]) -> dict[str, str]:
    """The view of each file; a folder that is called as none is one problem, however many files are in it."""
    found: dict[str, str] = {}
    refused: set[str] = set()
    for name, path in paths.items():
        folder = path.parent.name
        view = entries[name].view or find_view(folder)
        if view is not None:
            found[name] = view
        elif folder not in refused:
            refused.add(folder)
            try:
                view_named(folder)
            except DatasetError as error:
                cure = f"{error.cure}; rename the folder, or give its files a view in {PATIENTS}"
                problems.append(Problem(code=error.code, what=error.what, where=f"{folder}/", cure=cure))
    return found


def _cine(
    path: Path,
    view: str,
    spacing_mm: tuple[float, float] | None,
    outlines: Mapping[str, Mapping[int, Contour]],
) -> Cine:
    cine = io.describe(path)
    if cine.modality != "US":
        raise InputError("WRONG_MODALITY", f"this is {cine.modality}, not ultrasound", "take it out")
    last = max((frame for contours in outlines.values() for frame in contours), default=0)
    if cine.frames is not None and last >= cine.frames:
        what = f"{OUTLINES} has an outline on frame {last} of {cine.frames}, which count from 0"
        raise DatasetError("BAD_LABEL", what, "correct it")
    others = {name: contours for name, contours in outlines.items() if name != LV}
    spacing = spacing_mm or cine.spacing_mm
    return replace(cine, view=view, spacing_mm=spacing, contours=outlines.get(LV, {}), outlines=others)


def _study(name: str, found: list[_Found], problems: list[Problem]) -> Study | None:
    """The files of a study together; None, and a problem, where their rows contradict each other."""
    labels: dict[str, float | str] = {}
    patients = {each.entry.patient for each in found}
    splits: set[Split] = {each.entry.split for each in found if each.entry.split is not None}
    wrong = "is of several patients" if len(patients) > 1 else "is in several splits" if len(splits) > 1 else ""
    if wrong:
        cure = f"correct {PATIENTS}"
        problems.append(Problem(code="LEAKAGE", what=f"a study {wrong}", where=found[0].name, cure=cure))
        return None
    for each in found:
        clash = next((key for key, value in each.entry.labels.items() if labels.setdefault(key, value) != value), None)
        if clash is not None:
            what = f"{clash} is {labels[clash]} in one row of the study and {each.entry.labels[clash]} in another"
            problems.append(Problem(code="BAD_LABEL", what=what, where=each.name, cure=f"correct {PATIENTS}"))
            return None
    patient = patients.pop()
    return Study(
        id=name,
        cines=tuple(each.cine for each in found),
        patient=None if patient == name else patient,
        split=next(iter(splits), None),
        labels=labels,
    )


def _twice_named(studies: Iterable[Study]) -> list[Problem]:
    """Recordings that stand, byte for byte, under two views: one of them is wrong."""
    loops = [(study, cine.view, cine.source) for study in studies for cine in study.cines]
    files = [(study, view, path) for study, view, path in loops if isinstance(path, Path)]
    views = {path: view for _, view, path in files}
    problems = []
    for same in group_copies((study, path) for study, _, path in files):
        named = sorted({str(views[path]) for _, path in same})
        if len(named) > 1:
            what, where = f"the same recording stands under {' and '.join(named)}", _name(same[0][1])
            problems.append(Problem(code="BAD_LABEL", what=what, where=where, cure="keep the right one"))
    return problems


def _count_views(studies: Iterable[Study]) -> list[str]:
    """A line for each view that occurs."""
    loops: dict[str, list[str]] = defaultdict(list)
    for study in studies:
        for cine in study.cines:
            loops[str(cine.view)].append(study.patient_id)
    return [f"{view}: {len(loops[view])} files of {len(set(loops[view]))} patients" for view in VIEWS if view in loops]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _about(study: Study) -> dict[str, object]:
    """What the table has of every file of a study, but for its labels."""
    check_labels(study.labels, where=study.id)
    own = next((name for name in study.labels if name in OWN), None)
    if own is not None:
        what = f"a label cannot be called {own}, which is a column of its own"
        raise DatasetError("BAD_LABEL", what, "rename it", where=study.id)
    patient = plain_name(study.patient_id, where="patient")
    return {"patient": patient, "study": "" if study.id == patient else study.id, "split": study.split or ""}


def _write_cine(study: Study, index: int, root: Path, files: str) -> str:
    """Write one still or loop; where it is, as VIEW/NAME."""
    cine = study.cines[index]
    if cine.view is None:
        raise DatasetError("BAD_LABEL", f"loop {index} has no view", "say what it shows", where=study.id)
    view, frames = view_named(cine.view, where=study.id), io.load(cine)
    if frames.dtype != np.uint8:
        raise InputError("UNSUPPORTED", "the layout holds uint8 frames", "scale them to 0–255", where=study.id)
    path = root / view / f"{study.id}_{index:03d}"
    if files == "dicom":
        return _name(_write_dicom(study, index, frames, path.with_name(f"{path.name}.dcm")))
    if len(frames) == 1:
        path = path.with_name(f"{path.name}.png")
        images.write_png(path, frames[0].transpose(1, 2, 0))
        return _name(path)
    if cine.frame_ms is None:
        raise InputError("NO_TIMING", "a video needs the time of each frame", "write DICOM", where=study.id)
    path = path.with_name(f"{path.name}.avi")
    video.write(path, frames, cine.frame_ms, "mjpeg")
    return _name(path)


def _write_dicom(study: Study, index: int, frames: np.ndarray, path: Path) -> Path:
    cine = study.cines[index]
    reader("dicom").write_ultrasound(
        path,
        frames,
        frame_ms=cine.frame_ms,
        spacing_mm=cine.spacing_mm,
        region=cine.region,
        patient_id=study.patient_id,
        study_uid=f"2.25.{uuid.uuid5(_SPACE, study.id).int}",
        instance_number=index + 1,
        seed=study.id,
    )
    return path
