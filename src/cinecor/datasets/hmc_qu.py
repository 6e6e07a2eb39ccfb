"""HMC-QU: apical loops with and without a myocardial infarct, by segment, some with the wall of the LV outlined.

::

    A4C.xlsx, A2C.xlsx                                  segments, one cardiac cycle, which loops have masks
    HMC-QU/A4C/*.avi, HMC-QU/A2C/*.avi                  25 frames a second, in several sizes, text and ECG burnt in
    LV Ground-truth Segmentation Masks/Mask_NAME.mat    the LV wall in the frames of the cycle, 224 × 224

A mask was drawn on a frame that had been squeezed to 224 × 224, and is brought back to the frame's own size. Label 1 is
the wall. The data are from Hamad Medical Corporation and Qatar University, to be had from Kaggle
(aysendegerli/hmcqu-dataset). No folds are published.

Source: Degerli et al., IEEE Access 9, 84014–84027, 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.hmc_qu_workbooks import CODES, SEGMENTS, Entry, Key, key_of, read_workbook, write_workbook
from cinecor.datasets.names import plain_name
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io import matlab, video
from cinecor.records import Cine, Study

VIEWS = tuple(CODES)
VIDEOS = "HMC-QU"
MASKS = "LV Ground-truth Segmentation Masks"
MASK_SIZE = (224, 224)
MASK_NAME = "predicted"
"""What the array is called in a mask's file."""


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout: a workbook, and the loops that it lists."""
    return any((root / f"{view}.xlsx").is_file() and _folder(root, view) is not None for view in VIEWS)


def read(root: Path | str) -> list[Study]:
    """Every patient of the folder, sorted by name, with A4C first; videos by header.

    Labels: ``infarct`` is 1.0 where any segment is infarcted, ``infarct_a4c`` and ``infarct_a2c`` where any that this
    view shows is; ``seg1`` … ``seg16`` are 1.0 or 0.0; ``reference_frame_a4c`` and ``end_of_cycle_a4c`` (from 0), and
    the same for ``a2c``, bound the cycle. A second loop of a patient in the same view makes a second study of this
    patient, ``ES0001-2``. No study has a split.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, MISSING_COLUMN, ENCODING,
            DUPLICATE_ID, BAD_LABEL, UNSAFE_PATH.
        InputError, LimitError: a video or a mask that cannot be read.
        ConfigError: MISSING_EXTRA where openpyxl is not installed.
    """
    studies, problems = _survey(Path(root))
    raise_first(problems)
    return studies


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as this layout, one by one as they come; the workbooks come last, when every video is there.

    A study needs a uint8 loop with frame times of A4C, A2C or both, and the segments of each. Masks are written where
    the frames that have them follow one another, resampled to 224 × 224 as the published ones.

    Raises:
        ConfigError: CONFLICT where the folder holds a workbook already; MISSING_EXTRA.
        DatasetError: BAD_LABEL, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, INCONSISTENT, NO_TIMING for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if any((root / f"{view}.xlsx").exists() for view in VIEWS):
        raise ConfigError("CONFLICT", "the folder holds a workbook already", "choose another", where=root.name)
    entries: dict[str, list[Entry]] = {view: [] for view in VIEWS}
    names: set[str] = set()
    for study in studies:
        key = _writable(study)
        if study.id.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=study.id)
        names.add(study.id.lower())
        for cine in study.cines:
            entries[str(cine.view)].append(_write_loop(study, cine, key, root))
    for view in VIEWS:
        if entries[view]:
            write_workbook(root / f"{view}.xlsx", view, entries[view])


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; masks are decoded, videos counted.

    Beyond what ``read`` refuses: the same video under two names, videos and masks that no workbook lists, masks that do
    not cover the cycle or go beyond the video, ticks for a view that is not there.
    """
    root = Path(root)
    studies, problems = _survey(root)
    files = [(study, source) for study in studies for cine in study.cines if isinstance(source := cine.source, Path)]
    problems += [*find_leaks(studies), *find_copies(files), *_unlisted(root, files)]
    for study in studies:
        for cine in study.cines:
            problems += _oddities(study, cine)
    return find("hmc_qu", studies, problems)


def _folder(root: Path, view: str) -> Path | None:
    """The folder of a view's loops."""
    return next((folder for folder in (root / VIDEOS / view, root / view) if folder.is_dir()), None)


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every patient whose rows are right, and every problem."""
    problems: list[Problem] = []
    masks = _by_key(root / MASKS, "Mask_*.mat", problems)
    views: dict[Key, dict[str, tuple[Cine, Entry]]] = {}
    for view in VIEWS:
        path = root / f"{view}.xlsx"
        if not path.is_file():
            problems.append(
                Problem(severity="warning", code="MISSING_FILE", what=f"there is no {view}", where=path.name)
            )
            continue
        loops = _by_key(_folder(root, view) or root / VIDEOS / view, "*.avi", problems)
        for entry in _entries(path, view, problems):
            try:
                cine = _cine(entry, view, loops, masks, problems)
            except CinecorError as error:
                problems.append(Problem.of(error, f"{path.name}, row {entry.line}"))
                continue
            views.setdefault(entry.key, {})[view] = cine, entry
    if not any((root / f"{view}.xlsx").is_file() for view in VIEWS):
        what = "neither A4C.xlsx nor A2C.xlsx"
        problems = [Problem(code="MISSING_FILE", what=what, where=root.name, cure="give the folder that holds them")]
    return [_study(key, views[key]) for key in sorted(views)], problems


def _entries(path: Path, view: str, problems: list[Problem]) -> list[Entry]:
    """The rows of a workbook that are right; a loop that is listed twice is so once."""
    try:
        rows = read_workbook(path, view)
    except ConfigError:
        raise
    except CinecorError as error:
        problems.append(Problem.of(error, path.name))
        return []
    first: dict[Key, Entry] = {}
    for line, entry in rows:
        where = f"{path.name}, row {line}"
        if isinstance(entry, DatasetError):
            problems.append(Problem.of(entry, where))
        elif (twin := first.setdefault(entry.key, entry)) is not entry:
            what = f"the loop of row {twin.line} again"
            problems.append(Problem(code="DUPLICATE_ID", what=what, where=where, cure="remove one row"))
    return list(first.values())


def _by_key(folder: Path, pattern: str, problems: list[Problem]) -> dict[tuple[str, Key], Path]:
    """Files by view and by what their names say."""
    found: dict[tuple[str, Key], Path] = {}
    for path in sorted(folder.glob(pattern)) if folder.is_dir() else []:
        name = path.stem.removeprefix("Mask_")
        view = "A2C" if "_2CH" in name.upper().replace(" ", "") or folder.name == "A2C" else "A4C"
        if found.setdefault((view, key_of(name)), path) != path:
            what = f"the same number as {found[view, key_of(name)].name!r}"
            problems.append(
                Problem(code="DUPLICATE_ID", what=what, where=f"{folder.name}/{path.name}", cure="keep one")
            )
    return found


def _cine(
    entry: Entry,
    view: str,
    loops: Mapping[tuple[str, Key], Path],
    masks: Mapping[tuple[str, Key], Path],
    problems: list[Problem],
) -> Cine:
    plain_name(entry.key.study)
    path, mask = loops.get((view, entry.key)), masks.get((view, entry.key))
    if path is None:
        raise DatasetError("MISSING_FILE", f"no video of {view} has the number of this row", "complete the download")
    cine = replace(video.describe(path), view=view)
    if not entry.masks:
        return cine
    if mask is None:
        where, what = f"{view}.xlsx, row {entry.line}", "the row says that there are masks, but no file has its number"
        problems.append(Problem(severity="warning", code="MISSING_FILE", what=what, where=where))
        return cine
    planes = matlab.shape(mask)[0]
    start = entry.cycle[0] or 0
    return replace(cine, masks={start + plane: (mask, plane) for plane in range(planes)})


def _study(key: Key, views: Mapping[str, tuple[Cine, Entry]]) -> Study:
    labels: dict[str, float | str] = {}
    for view, (_, entry) in views.items():
        labels |= entry.segments
        labels[f"infarct_{view.lower()}"] = max(entry.segments.values())
        for name, frame in zip(("reference_frame", "end_of_cycle"), entry.cycle, strict=True):
            if frame is not None:
                labels[f"{name}_{view.lower()}"] = float(frame)
    labels["infarct"] = max(value for _, entry in views.values() for value in entry.segments.values())
    patient = None if key.loop == 1 else key.patient
    return Study(id=key.study, patient=patient, cines=tuple(cine for cine, _ in views.values()), labels=labels)


def _unlisted(root: Path, files: Iterable[tuple[Study, Path]]) -> list[Problem]:
    """A warning for videos that no workbook lists."""
    folders = [folder for view in VIEWS if (folder := _folder(root, view)) is not None]
    strays = {path for folder in folders for path in folder.glob("*.avi")} - {path for _, path in files}
    what = f"{len(strays)} videos are in no workbook (or their row has a problem)"
    return [Problem(severity="warning", code="MISSING_FILE", what=what, where=VIDEOS)] if strays else []


def _oddities(study: Study, cine: Cine) -> list[Problem]:
    """What is wrong with the masks and the cycle of a loop."""
    view, found = str(cine.view).lower(), []
    start, end = (study.labels.get(f"{name}_{view}") for name in ("reference_frame", "end_of_cycle"))
    last = max([*cine.masks, int(end or 0)])
    if cine.frames is not None and last >= cine.frames:
        what = f"frame {last + 1} of {cine.view} is in the cycle or has a mask, the video has {cine.frames}"
        found.append(Problem(code="INCONSISTENT", what=what, where=study.id))
    if cine.masks and start is not None and end is not None and len(cine.masks) != int(end) - int(start) + 1:
        what = f"{len(cine.masks)} masks of {cine.view} for a cycle of {int(end) - int(start) + 1} frames"
        found.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    try:
        labels = {int(label) for frame in cine.masks for label in np.unique(io.load_mask(cine, frame))}
    except CinecorError as error:
        return [*found, Problem.of(error, f"{study.id}, {cine.view}")]
    if not labels <= {0, 1}:
        what = f"the masks of {cine.view} hold the labels {sorted(labels)}, HMC-QU has 0 and 1"
        found.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    return found


def _writable(study: Study) -> Key:
    """What the study's name says, if that is what it is called when it is read."""
    plain_name(study.id, where="study id")
    head, _, tail = study.id.rpartition("-")
    key = Key(head, int(tail)) if study.patient == head and tail.isdigit() and int(tail) > 1 else Key(study.id)
    again = key_of(f"{key.patient}_4CH_{key.loop}")
    if again != key or again.study != study.id or study.patient not in (None, key.patient):
        what = f"the layout would call the study {again.study!r}"
        raise DatasetError("UNSAFE_PATH", what, "rename it; PATIENT-2 is a patient's second study", where=study.id)
    views = [cine.view for cine in study.cines]
    if not views or len(set(views)) < len(views) or not set(views) <= set(VIEWS):
        raise InputError("UNSUPPORTED", "the layout holds one loop of A4C, one of A2C", where=study.id)
    return key


def _write_loop(study: Study, cine: Cine, key: Key, root: Path) -> Entry:
    """Write a loop and its masks; its row of the workbook."""
    view = str(cine.view)
    segments = _segments(study, view)
    frames, frame_ms = io.load(cine), cine.frame_ms
    if frame_ms is None:
        raise InputError("NO_TIMING", "the layout needs the time of each frame", "give times_ms", where=study.id)
    if frames.dtype != np.uint8:
        raise InputError("UNSUPPORTED", "the layout holds uint8 frames", "scale them to 0–255", where=study.id)
    cycle = _cycle(study, cine)
    echo = f"{key.patient}_{CODES[view]}_{key.loop}"
    video.write(root / VIDEOS / view / f"{echo}.avi", frames, frame_ms, "mjpeg")
    if cine.masks:
        found = [matlab.resample(io.load_mask(cine, frame), MASK_SIZE) for frame in sorted(cine.masks)]
        matlab.write(root / MASKS / f"Mask_{echo}.mat", MASK_NAME, np.stack(found).astype(np.float64))
    matched = len(study.cines) == len(VIEWS)
    return Entry(line=0, echo=echo, key=key, segments=segments, cycle=cycle, matched=matched, masks=bool(cine.masks))


def _segments(study: Study, view: str) -> dict[str, float]:
    """Infarct or not of each segment that a view shows."""
    names = [f"seg{segment}" for segment in SEGMENTS[view]]
    for name in names:
        if name not in study.labels:
            raise DatasetError("BAD_LABEL", f"the layout needs the label {name!r}", "give it", where=study.id)
        if study.labels[name] not in (0, 1):
            raise DatasetError("BAD_LABEL", "a segment is neither 0 nor 1", "correct it", where=study.id)
    return {name: float(study.labels[name]) for name in names}


def _cycle(study: Study, cine: Cine) -> tuple[int | None, int | None]:
    """First and last frame of the heartbeat, where known; the masks begin with it."""
    names = [f"{name}_{str(cine.view).lower()}" for name in ("reference_frame", "end_of_cycle")]
    start, end = (int(study.labels[name]) if name in study.labels else None for name in names)
    if not cine.masks:
        return start, end
    first = min(cine.masks) if start is None else start
    if sorted(cine.masks) != list(range(first, first + len(cine.masks))):
        what = "the frames with masks do not follow one another from the reference frame"
        raise InputError("INCONSISTENT", what, where=study.id)
    return first, end
