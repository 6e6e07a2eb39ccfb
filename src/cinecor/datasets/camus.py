"""CAMUS: apical two- and four-chamber loops of 500 patients from ED to ES, with masks, volumes and image quality.

::

    database_nifti/patient0001/                  the present edition
        Info_2CH.cfg, Info_4CH.cfg               ED, ES (from 1), NbFrame, Sex, Age, ImageQuality, EF, FrameRate
        patient0001_4CH_ED.nii.gz, …_ES.nii.gz   single frames; their masks are …_ED_gt.nii.gz, …_ES_gt.nii.gz
        patient0001_4CH_half_sequence.nii.gz     the loop; …_half_sequence_gt.nii.gz has a mask for each frame
    database_split/subgroup_training.txt …       patients of each split; also the thirty lists of the ten folds

    training/patient0001/, testing/…             the first edition: .mhd with .raw, the loop is …_4CH_sequence.mhd,
                                                 masks of ED and ES alone, keys LVedv, LVesv, LVef

Masks: 1 left ventricle, 2 myocardium, 3 left atrium. A loop may run from ES to ED: the settings say which frame is
which. The data are from CREATIS, Lyon, for research (https://www.creatis.insa-lyon.fr/Challenge/camus).

Source: Leclerc et al., IEEE Trans. Med. Imaging 38(9), 2198–2210, 2019.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cinecor import io
from cinecor.datasets.camus_subgroups import FOLDER as SPLIT_FOLDER
from cinecor.datasets.camus_subgroups import Subgroups, find_lists, read_subgroups, write_subgroups
from cinecor.datasets.camus_writing import VIEWS, write_study
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.folds import FOLD
from cinecor.datasets.labels import check_labels, number
from cinecor.datasets.names import plain_name
from cinecor.datasets.pairs import read_pairs, read_phases, read_positive
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io.kinds import kind_of
from cinecor.io.loading import reader
from cinecor.records import Cine, MaskSource, Split, Study

NEEDED = ("ED", "ES", "NbFrame")
QUALITIES = ("Good", "Medium", "Poor")
LEFT_VENTRICLE, MYOCARDIUM, LEFT_ATRIUM = 1, 2, 3  # labels of the masks
FOLDERS: Mapping[str, Split] = {"training": "train", "testing": "test", "validation": "validation"}
NIFTI = "database_nifti"
_SUFFIXES = (".nii.gz", ".nii", ".mhd")
_LOOPS = ("half_sequence", "sequence")
_KEYS = {"ef": ("EF", "LVef"), "edv_ml": ("EDV", "LVedv"), "esv_ml": ("ESV", "LVesv"), "age_years": ("Age",)}


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout: a patient's with Info_4CH.cfg or Info_2CH.cfg, or one that holds such."""
    return next(_patients(root), None) is not None


def read(root: Path | str, *, subgroups: Path | str | None = None) -> list[Study]:
    """Every patient of either edition, sorted by name; headers only. A study has a cine for each view, A4C first.

    Labels: ``ef`` (%), ``edv_ml``, ``esv_ml`` where given, ``sex``, ``age_years``, and of each view, because the two
    loops differ, ``ed_frame_a4c``, ``es_frame_a4c`` (indices from 0), ``quality_a4c`` (Good, Medium, Poor), and the
    same for ``a2c``. Where only the single frames are there, a cine is these two in the order of time, and a note says
    so; the labels ``ed_phase_a4c``, ``es_phase_a4c`` and ``phases_a4c`` keep their places in the loop.

    Splits are those of the lists, or of the folders of the first edition; where there are lists of folds, ``fold``
    (from 0) is the one in which the patient is tested on (:mod:`cinecor.datasets.folds`).

    The first edition counts its test patients from patient0001 again; where both are there, these become
    ``testing_patient0001``.

    Args:
        root: the folder that holds ``database_nifti`` or ``training``, or one of these, or patients' folders.
        subgroups: the folder of the lists, where it is not beside the patients.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, BAD_LABEL, MISSING_COLUMN,
            DUPLICATE_ID, BAD_SPLIT, LEAKAGE, ENCODING.
        InputError, LimitError: an image that cannot be read.
        ConfigError: MISSING_EXTRA where nibabel is not installed.
    """
    studies, problems = _survey(Path(root), None if subgroups is None else Path(subgroups))
    raise_first(problems)
    return studies


def write(studies: Iterable[Study], root: Path | str, *, edition: Literal["nifti", "metaimage"] = "nifti") -> None:
    """Write studies as this layout, one by one as they come; the lists of splits and folds come last.

    A study needs a grey uint8 loop of A4C, A2C or both with a pixel size, and for each ``ed_frame_a4c`` and
    ``es_frame_a4c`` (of a study with one loop, ``ed_frame`` and ``es_frame`` do). Masks of ED and ES are written, in
    the present edition those of the loop too, where every frame has one. The first edition holds no frame times.

    Raises:
        ConfigError: CONFLICT where a patient's folder or lists are there already; MISSING_EXTRA.
        DatasetError: BAD_LABEL, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: UNSUPPORTED, INCONSISTENT for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    if find_lists([root / SPLIT_FOLDER]):
        what = "the folder holds lists of patients already"
        raise ConfigError("CONFLICT", what, "choose another folder", where=SPLIT_FOLDER)
    written: list[Study] = []
    names: set[str] = set()
    for study in studies:
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        place = next((place for place, split in FOLDERS.items() if split == study.split), "")
        folder = (root / NIFTI if edition == "nifti" else root / place) / name
        if folder.exists():
            raise ConfigError("CONFLICT", "the patient's folder is there already", "choose another folder", where=name)
        write_study(study, folder, edition)
        kept = study if edition == "nifti" else replace(study, split=None)
        written.append(replace(kept, cines=()))  # the lists need no frames
    write_subgroups(written, root / SPLIT_FOLDER)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; masks of ED and ES are decoded, loops by header.

    Beyond what ``read`` refuses: the same recording under two names, a view that is missing, masks that are missing, of
    another size or with unknown labels, a ventricle larger at ES than at ED, EF that does not follow from the volumes.
    """
    studies, problems = _survey(Path(root), None)
    first = [(study, _first_file(study)) for study in studies]
    problems += [*find_leaks(studies), *find_copies(first)]
    for study in studies:
        problems += _oddities(study)
    return find("camus", studies, problems)


def _patients(root: Path) -> Iterator[tuple[Path, Split | None]]:
    """Patients' folders, each with the split that the first edition's folders say."""
    if _is_patient(root):
        yield root, FOLDERS.get(root.parent.name.lower())
        return
    places = [(root / NIFTI, None), *((root / name, split) for name, split in FOLDERS.items())]
    for folder, split in [(root, FOLDERS.get(root.name.lower())), *places]:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if _is_patient(path):
                yield path, split


def _is_patient(folder: Path) -> bool:
    return any((folder / f"Info_{code}.cfg").is_file() for code in VIEWS.values())


def _survey(root: Path, lists: Path | None) -> tuple[list[Study], list[Problem]]:
    """Every patient that makes a study, and every problem of the others and of the lists."""
    problems: list[Problem] = []
    places = [lists] if lists is not None else [root / SPLIT_FOLDER, root.parent / SPLIT_FOLDER, root]
    paths = find_lists(places)
    if lists is not None and not paths:
        what, cure = "no list of a subgroup", "give the folder of subGroup1_training.txt"
        problems.append(Problem(code="MISSING_FILE", what=what, where=lists.name, cure=cure))
    subgroups = read_subgroups(paths)
    found: dict[str, Study] = {}
    for folder, split in _patients(root):
        study = _readable(folder, split, found, problems)
        if study is not None:
            found[study.id] = _listed(study, subgroups)
    if not found and not problems:
        what, cure = "no folder with an Info_4CH.cfg or Info_2CH.cfg", "give the folder that holds the patients"
        problems.append(Problem(code="MISSING_FILE", what=what, cure=cure))
    if strays := subgroups.patients - found.keys():
        what = f"{len(strays)} patients of the lists have no folder (or it has a problem)"
        problems.append(Problem(severity="warning", code="MISSING_FILE", what=what, where=SPLIT_FOLDER))
    return list(found.values()), [*problems, *subgroups.problems]


def _readable(folder: Path, split: Split | None, found: Container[str], problems: list[Problem]) -> Study | None:
    """The study of a patient, under a name that was not found before; None where it has a problem."""
    try:
        study = _study(folder, split, problems)
    except ConfigError:
        raise
    except CinecorError as error:
        problems.append(Problem.of(error, f"{folder.name}/{error.where}".rstrip("/")))
        return None
    if study.id in found and split == "test":
        study = replace(study, id=f"testing_{study.id}")
    if study.id in found:
        problems.append(Problem(code="DUPLICATE_ID", what="the patient is there twice", where=study.id))
        return None
    return study


def _listed(study: Study, subgroups: Subgroups) -> Study:
    """The study with the split and the fold that the lists give it."""
    fold = subgroups.folds.get(study.id)
    labels = study.labels if fold is None else {**study.labels, FOLD: float(fold)}
    return replace(study, split=subgroups.splits.get(study.id, study.split), labels=labels)


def _study(folder: Path, split: Split | None, problems: list[Problem]) -> Study:
    name = plain_name(folder.name)
    cines: list[Cine] = []
    labels: dict[str, float | str] = {}
    for view, code in VIEWS.items():
        path = folder / f"Info_{code}.cfg"
        if not path.is_file():
            what = f"there is no {view}"
            problems.append(Problem(severity="warning", code="MISSING_FILE", what=what, where=f"{name}/{path.name}"))
            continue
        info = read_pairs(path, NEEDED)
        cine, phases = _cine(folder, view, info)
        cines.append(cine)
        for key, value in _labels(info, path.name).items():
            if labels.setdefault(key, value) != value:
                what = f"{key} is {labels[key]} in one view and {value} in the other"
                problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=name))
        labels |= {f"{key}_{view.lower()}": value for key, value in phases.items()}
        if info.get("ImageQuality"):
            labels[f"quality_{view.lower()}"] = info["ImageQuality"]
    return Study(id=name, cines=tuple(cines), split=split, labels=labels)


def _labels(info: Mapping[str, str], where: str) -> dict[str, float | str]:
    """What the settings of a view say of the patient."""
    labels: dict[str, float | str] = {"sex": info["Sex"]} if info.get("Sex") else {}
    for label, keys in _KEYS.items():
        key = next((key for key in keys if info.get(key)), None)
        if key is None:
            continue
        value = number(info[key])
        if value is None:
            raise DatasetError("BAD_LABEL", f"{key} {info[key][:20]!r} is not a number", "correct it", where=where)
        labels[label] = value
    check_labels(labels, where)
    return labels


def _cine(folder: Path, view: str, info: Mapping[str, str]) -> tuple[Cine, dict[str, float | str]]:
    """The loop of a view with its masks, and which of its frames are ED and ES."""
    code = VIEWS[view]
    stem, where = folder / f"{folder.name}_{code}", f"Info_{code}.cfg"
    phases, ed, es = read_phases(info, where)
    rate = read_positive(info, "FrameRate", where) if info.get("FrameRate") else None
    loop = next((path for name in _LOOPS if (path := _file(f"{stem}_{name}")) is not None), None)
    if loop is None:
        return _single_frames(stem, view, (phases, ed, es))
    cine = _describe(loop)
    if cine.frames != phases:
        what = f"the loop holds {cine.frames} frames, {where} says {phases}"
        raise InputError("INCONSISTENT", what, "copy the patient again", where=loop.name)
    times = None if rate is None else tuple(1000 * index / rate for index in range(phases))
    note = f"no frame times in {where}" if rate is None else f"frame times from {where}"
    masks = _masks(stem, {ed - 1: "ED", es - 1: "ES"}, phases)
    loop_notes = (*cine.notes, note)
    return (
        replace(cine, view=view, times_ms=times, masks=masks, notes=loop_notes),
        {"ed_frame": float(ed - 1), "es_frame": float(es - 1)},
    )


def _single_frames(stem: Path, view: str, phases: tuple[int, int, int]) -> tuple[Cine, dict[str, float | str]]:
    """ED and ES as a cine of two frames in the order of time, where there is no loop."""
    count, ed, es = phases
    order = ["ED", "ES"] if ed < es else ["ES", "ED"]
    paths = [_file(f"{stem}_{phase}") for phase in order]
    found = tuple(path for path in paths if path is not None)
    if len(found) < 2:
        where = f"{stem.name}_half_sequence.nii.gz"
        raise DatasetError("MISSING_FILE", "neither the loop nor ED and ES are there", "copy them", where=where)
    cines = [_describe(path) for path in found]
    shapes = {(cine.height, cine.width, cine.frames) for cine in cines}
    if len(shapes) > 1 or cines[0].frames != 1:
        raise InputError("INCONSISTENT", "ED and ES are not two frames of one size", "copy them again", where=stem.name)
    masks = _masks(stem, dict(enumerate(order)), None)
    notes = (f"frames {min(ed, es)}, {max(ed, es)} of {count}",)
    cine = replace(cines[0], source=found, frames=2, view=view, masks=masks, notes=notes)
    labels = {"ed_frame": order.index("ED"), "es_frame": order.index("ES")}
    labels |= {"ed_phase": ed - 1, "es_phase": es - 1, "phases": count} if count > 2 else {}
    return cine, {name: float(value) for name, value in labels.items()}


def _masks(stem: Path, single: Mapping[int, str], phases: int | None) -> dict[int, MaskSource]:
    """A mask for each frame where the loop has them, else those of ED and ES."""
    whole = next((path for name in _LOOPS if (path := _file(f"{stem}_{name}_gt")) is not None), None)
    if whole is not None and phases is not None:
        return {frame: (whole, frame) for frame in range(phases)}
    found = {frame: _file(f"{stem}_{phase}_gt") for frame, phase in single.items()}
    return {frame: (path, 0) for frame, path in found.items() if path is not None}


def _file(stem: str) -> Path | None:
    """The image of a name in the format that is there."""
    return next((path for suffix in _SUFFIXES if (path := Path(stem + suffix)).is_file()), None)


def _describe(path: Path) -> Cine:
    kind = kind_of(path)
    if kind == "metaimage":
        return io.describe(path)
    if kind != "nifti":
        raise InputError("UNSUPPORTED", f"{kind}, where an image volume was expected", where=path.name)
    module: Any = reader("nifti")
    cine: Cine = module.loop_cine(path)
    return cine


def _first_file(study: Study) -> Path:
    """A file that holds voxels; the headers of MetaImage are alike in many patients."""
    source = study.cines[0].source
    assert not isinstance(source, np.ndarray)
    path = source if isinstance(source, Path) else source[0]
    voxels: Path = reader("metaimage").read_header(path).data if path.suffix == ".mhd" else path
    return voxels if voxels.is_file() else path


def _oddities(study: Study) -> list[Problem]:
    """What is wrong with a patient's masks and labels."""
    labels, problems = study.labels, []
    if {"ef", "edv_ml", "esv_ml"} <= labels.keys() and float(labels["edv_ml"]) > 0:
        follows = 100 * (1 - float(labels["esv_ml"]) / float(labels["edv_ml"]))
        if abs(follows - float(labels["ef"])) > 1.0:
            what = f"EF {labels['ef']:.1f} % does not follow from EDV and ESV ({follows:.1f} %)"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    for cine in study.cines:
        view = str(cine.view)
        quality = labels.get(f"quality_{view.lower()}")
        if quality is not None and quality not in QUALITIES:
            what = f"image quality {str(quality)[:20]!r} of {view} is none of {', '.join(QUALITIES)}"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
        try:
            ed, es = (_ventricle(cine, int(labels[f"{phase}_{view.lower()}"])) for phase in ("ed_frame", "es_frame"))
        except CinecorError as error:
            problems.append(Problem.of(error, f"{study.id}, {view}"))
            continue
        if not ed > es > 0:
            what = f"the left ventricle of {view} has {ed} pixels at ED and {es} at ES"
            problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    return problems


def _ventricle(cine: Cine, frame: int) -> int:
    """Pixels of the left ventricle in the mask of one frame, which is looked at on the way."""
    mask = io.load_mask(cine, frame)
    if mask.shape != (cine.height, cine.width):
        raise InputError("INCONSISTENT", f"a mask is {mask.shape}, its image {(cine.height, cine.width)}")
    if mask.max(initial=0) > LEFT_ATRIUM:
        raise InputError("INCONSISTENT", f"a mask holds the label {mask.max()}, CAMUS has 0 to {LEFT_ATRIUM}")
    return int(np.count_nonzero(mask == LEFT_VENTRICLE))
