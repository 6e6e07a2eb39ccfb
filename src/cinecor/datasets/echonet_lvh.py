"""EchoNet-LVH: parasternal long-axis loops of 12,000 patients with the calipers of their wall and cavity measurements.

::

    MeasurementsList.csv   a row for each caliper: (index), HashedFileName, Calc, CalcValue (cm), Frame, X1, X2, Y1, Y2,
                           Frames, FPS, Width, Height, split (train, val, test)
    Batch1/ … Batch4/      HashedFileName.avi, in the size that the machine recorded

Calc is one of IVSd, LVIDd, LVPWd, IVSs, LVIDs, LVPWs; not every video has all six. A caliper's length in centimetres
and in pixels gives the pixel size, which nothing else states. There are no disease labels, and no sex: which hearts are
hypertrophic follows from their walls alone (:mod:`cinecor.measures.hypertrophy`), and why they are, nobody says.
The data are Stanford's, for non-commercial research under their own agreement (https://echonet.github.io/lvh).

Source: Duffy et al., JAMA Cardiol. 7(4), 386–395, 2022.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.labels import number
from cinecor.datasets.names import plain_name
from cinecor.datasets.tracings import stem
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io import video
from cinecor.io.limits import DEFAULT
from cinecor.io.tables import Row, read_csv, write_csv
from cinecor.measures.hypertrophy import GRADES, grade_walls
from cinecor.records import Caliper, Cine, Split, Study

TABLE = "MeasurementsList.csv"
BATCHES = ("Batch1", "Batch2", "Batch3", "Batch4")
COLUMNS = (
    *("", "HashedFileName", "Calc", "CalcValue", "Frame", "X1", "X2", "Y1", "Y2"),
    *("Frames", "FPS", "Width", "Height", "split"),
)
NEEDED = COLUMNS[1:]
CALCS = ("IVSd", "LVIDd", "LVPWd", "IVSs", "LVIDs", "LVPWs")
SPLIT_NAMES: Mapping[str, Split] = {"train": "train", "val": "validation", "test": "test", "validation": "validation"}
MM_IN_CM = 10.0
MOST_MM = 200.0  # no wall or cavity is longer: a value beyond it is not in centimetres
SPACING_TOLERANCE = 0.1  # how far the pixel sizes of one video's calipers may lie apart, of their median


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return (root / TABLE).is_file()


def read(root: Path | str) -> list[Study]:
    """Every video of the table that is measured, in the order of its first row. No video is opened.

    Labels: ``ivsd_mm``, ``lvidd_mm``, ``lvpwd_mm``, ``ivss_mm``, ``lvids_mm``, ``lvpws_mm``, those that were measured;
    and what follows from the walls at end-diastole by the limits of men, as the sex is unknown: ``lvh`` (0 or 1),
    ``lvh_grade`` (none, mild, moderate, severe), ``lvh_pattern`` (none, concentric, asymmetric).
    The cine's ``calipers`` say where and in which frame; its pixel size is the median of what they imply, the same in
    both directions.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, MISSING_COLUMN, ENCODING,
            DUPLICATE_ID, BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, LEAKAGE.
    """
    studies, problems = _survey(Path(root))
    raise_first(problems)
    return studies


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as this layout, one by one as they come, over the four batches; the table comes last.

    A study needs one loop of uint8 frames with frame times, a caliper for each of its measurements, and a split.

    Raises:
        ConfigError: CONFLICT where the folder holds a table already.
        DatasetError: BAD_LABEL, BAD_SPLIT, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, NO_TIMING for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if (root / TABLE).exists():
        raise ConfigError("CONFLICT", f"the folder holds a {TABLE} already", "choose another", where=root.name)
    rows: list[dict[str, object]] = []
    names: set[str] = set()
    for index, study in enumerate(studies):
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        for row in _rows(study, root / BATCHES[index % len(BATCHES)] / f"{name}.avi"):
            rows.append({"": len(rows), **row})
    write_csv(root / TABLE, rows, COLUMNS)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; every video's frames are counted, none decoded.

    Beyond what ``read`` refuses: videos that are damaged, of another size or length than the table says, the same under
    two names, or not listed; calipers outside the frame, or of one video that imply different pixel sizes.
    """
    root = Path(root)
    try:
        studies, problems = _survey(root)
    except CinecorError as error:
        return find("echonet_lvh", [], [Problem.of(error)])
    files = [(study, path) for study in studies if isinstance(path := study.cines[0].source, Path)]
    problems += [*find_leaks(studies), *find_copies(files)]
    unlisted = set(_videos(root, [])) - {study.id for study in studies}
    if unlisted:
        what = f"{len(unlisted)} videos are not in {TABLE} (or their rows have a problem)"
        problems.append(Problem(severity="warning", code="MISSING_FILE", what=what))
    for study in studies:
        problems += [*_oddities(study), *_contradictions(study)]
    notes = ["EchoNet-LVH holds measurements, not diagnoses: hypertrophy follows from wall thickness, by men's limits"]
    notes += _count_grades(studies)
    return find("echonet_lvh", studies, problems, notes)


def _count_grades(studies: Sequence[Study]) -> list[str]:
    """A line that counts the grades of hypertrophy; none where there are none."""
    counts = Counter(str(study.labels["lvh_grade"]) for study in studies if "lvh_grade" in study.labels)
    listed = ", ".join(f"{grade} {counts[grade]}" for grade in GRADES if grade in counts)
    return [f"hypertrophy: {listed}; too little was measured: {len(studies) - counts.total()}"] if counts else []


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every video whose rows are right, and every problem."""
    problems: list[Problem] = []
    groups: dict[str, list[Row]] = {}
    for row in read_csv(root / TABLE, NEEDED):
        try:
            groups.setdefault(plain_name(stem(row["HashedFileName"])), []).append(row)
        except DatasetError as error:
            problems.append(Problem.of(error, f"{TABLE}, line {row.line}"))
    videos = _videos(root, problems)
    studies: list[Study] = []
    for name, rows in groups.items():
        try:
            studies.append(_study(name, rows, videos))
        except DatasetError as error:
            problems.append(Problem.of(error, f"{TABLE}, {error.where or f'line {rows[0].line}'}"))
    return studies, problems


def _videos(root: Path, problems: list[Problem]) -> dict[str, Path]:
    """The videos of all batches by name; one that is in two batches is a problem."""
    found: dict[str, Path] = {}
    for batch in BATCHES:
        for path in sorted((root / batch).glob("*.avi")) if (root / batch).is_dir() else []:
            if found.setdefault(path.stem, path) != path:
                what = f"the video is in {found[path.stem].parent.name} too"
                problems.append(Problem(code="DUPLICATE_ID", what=what, where=f"{batch}/{path.name}", cure="keep one"))
    return found


def _study(name: str, rows: Sequence[Row], videos: Mapping[str, Path]) -> Study:
    splits = {row["split"].strip().lower() for row in rows}
    if len(splits) > 1:
        what = f"the video is in {' and '.join(sorted(splits))}"
        raise DatasetError("LEAKAGE", what, "give all its rows one split", where=f"line {rows[0].line}")
    split = SPLIT_NAMES.get(next(iter(splits)))
    if split is None:
        what = f"{next(iter(splits))[:20]!r} is not train, val or test"
        raise DatasetError("BAD_SPLIT", what, "correct the row")
    calipers: dict[str, Caliper] = {}
    labels: dict[str, float | str] = {}
    for row in rows:
        calc = next((calc for calc in CALCS if calc.lower() == row["Calc"].strip().lower()), None)
        where = f"line {row.line}"
        if calc is None:
            what = f"Calc {row['Calc'][:20]!r} is none of {', '.join(CALCS)}"
            raise DatasetError("BAD_LABEL", what, "correct the row", where=where)
        if calc.lower() in calipers:
            raise DatasetError("DUPLICATE_ID", f"{calc} of a video again", "keep one row", where=where)
        calipers[calc.lower()], labels[f"{calc.lower()}_mm"] = _caliper(row, where)
    if name not in videos:
        what = f"{name}.avi is in none of {', '.join(BATCHES)}"
        raise DatasetError("MISSING_FILE", what, "complete the download", where=f"line {rows[0].line}")
    cine = _cine(rows[0], videos[name], calipers, labels)
    septum, posterior = (float(labels[key]) if key in labels else None for key in ("ivsd_mm", "lvpwd_mm"))
    return Study(id=name, cines=(cine,), split=split, labels={**labels, **grade_walls(septum, posterior)})


def _caliper(row: Row, where: str) -> tuple[Caliper, float]:
    """A caliper and the length that was measured with it, mm."""
    value, frame = number(row["CalcValue"]), number(row["Frame"])
    ends = [number(row[column]) for column in ("X1", "Y1", "X2", "Y2")]
    if value is None or not 0 < value * MM_IN_CM <= MOST_MM:
        what = f"CalcValue {row['CalcValue'][:20]!r} is not a length in cm"
        raise DatasetError("BAD_LABEL", what, "correct the row", where=where)
    if None in ends or frame is None or frame < 0 or frame != int(frame):
        what = "the row does not hold a frame index and two points"
        raise DatasetError("BAD_LABEL", what, "correct the row", where=where)
    x1, y1, x2, y2 = (float(end) for end in ends if end is not None)
    caliper = Caliper(frame=int(frame), start=(x1, y1), end=(x2, y2))
    if caliper.length == 0:
        raise DatasetError("BAD_LABEL", "both ends of a caliper are one point", "correct the row", where=where)
    return caliper, round(value * MM_IN_CM, 9)


def _cine(row: Row, path: Path, calipers: Mapping[str, Caliper], labels: Mapping[str, float | str]) -> Cine:
    frames, height, width = (_count(row, name) for name in ("Frames", "Height", "Width"))
    rate = number(row["FPS"])
    timed = rate is not None and rate > 0
    spacing = median(_spacings(calipers, labels))
    return Cine(
        source=path,
        modality="US",
        view="PLAX",
        frames=frames,
        height=height,
        width=width,
        spacing_mm=(spacing, spacing),
        times_ms=tuple(1000 * index / float(rate or 1) for index in range(frames)) if timed else None,
        calipers=calipers,
        notes=(f"frame times from {TABLE}" if timed else f"no frame times in {TABLE}", "pixel size from calipers"),
    )


def _spacings(calipers: Mapping[str, Caliper], labels: Mapping[str, float | str]) -> list[float]:
    """The pixel size that each caliper implies, mm."""
    return [float(labels[f"{name}_mm"]) / caliper.length for name, caliper in calipers.items()]


def _count(row: Row, name: str) -> int:
    value = number(row[name])
    if value is None or not 1 <= value <= DEFAULT.frames or value != int(value):
        what = f"{name} {row[name][:20]!r} is not a whole number from 1 to {DEFAULT.frames}"
        raise DatasetError("BAD_LABEL", what, "correct the row", where=f"line {row.line}")
    return int(value)


def _oddities(study: Study) -> list[Problem]:
    """What the table says of a video that need not be wrong."""
    cine, found = study.cines[0], []
    spacings = _spacings(cine.calipers, study.labels)
    middle = median(spacings)
    if max(abs(spacing - middle) for spacing in spacings) > SPACING_TOLERANCE * middle:
        found.append(f"its calipers imply pixels of {min(spacings):.3f} to {max(spacings):.3f} mm")
    for name, caliper in cine.calipers.items():
        inside = all(
            0 <= x <= (cine.width or 0) and 0 <= y <= (cine.height or 0) for x, y in (caliper.start, caliper.end)
        )
        if not inside or caliper.frame >= (cine.frames or 0):
            found.append(f"the caliper {name} lies outside the video")
    return [Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id) for what in found]


def _contradictions(study: Study) -> list[Problem]:
    """What is wrong with a video, by its own header and its packets."""
    cine = study.cines[0]
    assert isinstance(cine.source, Path)
    try:
        found = video.describe(cine.source)
    except CinecorError as error:
        return [Problem.of(error, f"{cine.source.parent.name}/{cine.source.name}")]
    told = replace(found, frames=cine.frames, height=cine.height, width=cine.width)
    return [
        Problem(
            code="INCONSISTENT",
            what=f"{TABLE} says {name} {getattr(told, name)}, the video has {getattr(found, name)}",
            where=study.id,
        )
        for name in ("frames", "height", "width")
        if getattr(told, name) != getattr(found, name)
    ]


def _rows(study: Study, path: Path) -> list[dict[str, object]]:
    """Write a study's video; its rows of the table."""
    if len(study.cines) != 1:
        raise InputError("UNSUPPORTED", f"the layout holds one loop a study, not {len(study.cines)}", where=study.id)
    split = next((name for name, meant in SPLIT_NAMES.items() if meant == study.split), None)
    if split is None:
        raise DatasetError("BAD_SPLIT", "the study is in no split", "give it one", where=study.id)
    cine = study.cines[0]
    measured = [calc for calc in CALCS if f"{calc.lower()}_mm" in study.labels]
    lacking = [calc for calc in measured if calc.lower() not in cine.calipers]
    if lacking or not measured:
        what = f"the layout needs a caliper for {lacking[0]}" if lacking else "nothing was measured in the study"
        raise DatasetError("BAD_LABEL", what, "give the cine its calipers", where=study.id)
    frames, frame_ms = io.load(cine), cine.frame_ms
    if frame_ms is None:
        raise InputError("NO_TIMING", "the layout needs the time of each frame", "give times_ms", where=study.id)
    if frames.dtype != np.uint8:
        raise InputError("UNSUPPORTED", "the layout holds uint8 frames", "scale them to 0–255", where=study.id)
    video.write(path, frames, frame_ms, "mjpeg")
    shared = {
        "Frames": len(frames),
        "FPS": round(1000 / frame_ms, 9),
        "Width": frames.shape[3],
        "Height": frames.shape[2],
    }
    return [
        {
            "HashedFileName": study.id,
            "Calc": calc,
            "CalcValue": round(float(study.labels[f"{calc.lower()}_mm"]) / MM_IN_CM, 10),
            "Frame": cine.calipers[calc.lower()].frame,
            **_ends(cine.calipers[calc.lower()]),
            **shared,
            "split": split,
        }
        for calc in measured
    ]


def _ends(caliper: Caliper) -> dict[str, object]:
    return {"X1": caliper.start[0], "X2": caliper.end[0], "Y1": caliper.start[1], "Y2": caliper.end[1]}
