"""ACDC's published layout: short-axis cine MRI of 150 patients in five groups, with masks at ED and ES.

::

    training/ or testing/
        patient001/
            Info.cfg                         ED, ES (frames from 1), Group, Height (cm), NbFrame, Weight (kg)
            patient001_4d.nii.gz             the whole cine; not in every copy
            patient001_frame01.nii.gz        the ED and the ES frame alone
            patient001_frame01_gt.nii.gz     their masks: 1 right ventricle, 2 myocardium, 3 left ventricle

The data are for non-commercial research (CC BY-NC-SA 4.0); whoever uses them must cite their paper.

Source: Bernard et al., IEEE Trans. Med. Imaging 37(11), 2514–2525, 2018.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cinecor import io
from cinecor.datasets.copies import find_copies
from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first
from cinecor.datasets.names import plain_name
from cinecor.datasets.pairs import read_pairs, read_phases, read_positive
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.io.loading import reader
from cinecor.measures.ejection_fraction import ejection_fraction
from cinecor.measures.volume import stack_volume_ml
from cinecor.records import Cine, Split, Study
from cinecor.storage import write_text

INFO = "Info.cfg"
FOLDERS: Mapping[str, Split] = {"training": "train", "testing": "test", "validation": "validation"}
GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")
RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE = 1, 2, 3  # labels of the masks
PHASES = ("ED", "ES", "NbFrame")
KEYS = ("ED", "ES", "Group", "NbFrame")  # of an Info.cfg
LICENCE = "ACDC is for non-commercial research (CC BY-NC-SA 4.0); cite doi 10.1109/TMI.2018.2837502"


def recognise(root: Path) -> bool:
    """Whether a folder is of this layout: a patient's with an Info.cfg, or one that holds such folders."""
    return next(_patients(root), None) is not None


def read(root: Path | str, *, measured: bool = False) -> list[Study]:
    """Every patient of the folder, sorted by name; headers only. A study has one cine for each slice.

    Where the 4-D file is there, a cine is the whole loop. Where it is not, the cine is what there is: the ED and the
    ES frame; a note says so, and the labels ``ed_phase``, ``es_phase`` and ``phases`` keep their places in the loop.

    Labels: ``group``, ``height_cm``, ``weight_kg``, and ``ed_frame`` and ``es_frame`` as indices (from 0) into the
    cines' frames. The split is that of the folder: ``training`` is train, ``testing`` is test.

    Args:
        root: the folder that holds ``training`` and ``testing``, or one of the two, or patients' folders.
        measured: also decode the masks and label ``ef`` (%), ``edv_ml`` and ``esv_ml``, measured on them.

    Raises:
        DatasetError: the first problem, and how many more there are: MISSING_FILE, BAD_LABEL, MISSING_COLUMN,
            DUPLICATE_ID, LEAKAGE, ENCODING.
        InputError, LimitError: an image or a mask that cannot be read.
        ConfigError: MISSING_EXTRA where nibabel is not installed.
    """
    root = Path(root)
    studies, problems = _survey(root)
    raise_first(problems)
    return [replace(study, labels={**study.labels, **measure(study)}) for study in studies] if measured else studies


def read_each(root: Path | str) -> tuple[list[Study], list[io.Failure]]:
    """Every patient of the folder that has images, and why the others cannot be read; for an analysis, not a training.

    Neither group nor phases need be known: a study has the labels that its Info.cfg gives, if there is one, and a
    patient that cannot be read stops no other.

    Raises:
        ConfigError: MISSING_EXTRA where nibabel is not installed.
    """
    studies: list[Study] = []
    failures: list[io.Failure] = []
    for folder, split in _patients(Path(root), bare=True):
        try:
            studies.append(_study(folder, split, needed=()))
        except ConfigError:
            raise
        except CinecorError as error:
            failures.append(io.Failure(folder, error))
    return studies, failures


def measure(study: Study) -> dict[str, float]:
    """EF (%) and volumes (mL) of a study on its masks, every slice standing for its full thickness.

    Returns:
        ``ef``, ``edv_ml``, ``esv_ml``.

    Raises:
        InputError: NO_PIXELS where the ED or ES masks are missing; as ``io.load_mask``; INCONSISTENT where spacing or
            thickness is unknown or EDV is 0.
    """
    volumes = {}
    for name, phase in (("edv_ml", "ed_frame"), ("esv_ml", "es_frame")):
        masks = np.stack([io.load_mask(cine, int(study.labels[phase])) for cine in study.cines])
        spacing, thickness = study.cines[0].spacing_mm, study.cines[0].thickness_mm
        if spacing is None or thickness is None:
            raise InputError("INCONSISTENT", "the masks have no voxel size", where=study.id)
        volumes[name] = stack_volume_ml(masks, LEFT_VENTRICLE, spacing, thickness)
    return {"ef": ejection_fraction(volumes["edv_ml"], volumes["esv_ml"]), **volumes}


def _patients(root: Path, *, bare: bool = False) -> Iterator[tuple[Path, Split | None]]:
    """Patients' folders, sorted, each with its split; ``bare``: those too that have images but no Info.cfg."""
    if (root / INFO).is_file():
        yield root, FOLDERS.get(root.parent.name.lower())
        return
    named = [(root / name, split) for name, split in FOLDERS.items()]
    for folder, split in [(root, FOLDERS.get(root.name.lower())), *named]:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if (path / INFO).is_file() or (bare and path.is_dir() and _has_images(path)):
                yield path, split


def _has_images(folder: Path) -> bool:
    whole = any(path.is_file() for path in _either(folder / f"{folder.name}_4d"))
    return whole or bool(_numbered(folder, f"{folder.name}_frame"))


def _survey(root: Path) -> tuple[list[Study], list[Problem]]:
    """Every patient that makes a study, and every problem of the others."""
    studies: list[Study] = []
    problems: list[Problem] = []
    for folder, split in _patients(root):
        try:
            # Of patients that are kept apart the group need not be known: the challenge told it to nobody.
            studies.append(_study(folder, split, PHASES if split == "test" else KEYS))
        except ConfigError:
            raise
        except CinecorError as error:
            problems.append(Problem.of(error, f"{folder.name}/{error.where or INFO}"))
    if not studies and not problems:
        what = f"no folder with an {INFO}"
        problems.append(Problem(code="MISSING_FILE", what=what, cure="give the folder that holds the patients"))
    names = [study.id for study in studies]
    problems += [
        Problem(code="DUPLICATE_ID", what="the patient is in training and in testing", where=name)
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    return studies, problems


def _study(folder: Path, split: Split | None, needed: Sequence[str] = KEYS) -> Study:
    name = plain_name(folder.name)
    info = read_pairs(folder / INFO, needed) if needed or (folder / INFO).is_file() else {}
    labels: dict[str, float | str] = {"group": info["Group"]} if info.get("Group") else {}
    for label, key in (("height_cm", "Height"), ("weight_kg", "Weight")):
        if key in info:
            labels[label] = read_positive(info, key, INFO)
    if not all(info.get(key) for key in PHASES):
        return Study(id=name, cines=_unmarked(folder, name), split=split, labels=labels)
    phases, ed, es = read_phases(info, INFO)
    whole = next((path for path in _either(folder / f"{name}_4d") if path.is_file()), None)
    frames = _numbered(folder, f"{name}_frame")
    if whole is not None:
        cines, place = _loops(whole, phases), {phase: phase - 1 for phase in range(1, phases + 1)}
    else:
        cines, place = _single_frames(frames, (ed, es), phases, name)
        labels |= {"ed_phase": ed - 1, "es_phase": es - 1, "phases": phases} if len(place) < phases else {}
    labels |= {"ed_frame": place[ed], "es_frame": place[es]}
    masks = {
        place[number]: path for number, path in _numbered(folder, f"{name}_frame", "_gt").items() if number in place
    }
    return Study(
        id=name, cines=tuple(replace(cine, view="SAX", masks=masks) for cine in cines), split=split, labels=labels
    )


def _unmarked(folder: Path, name: str) -> tuple[Cine, ...]:
    """The slices of a patient of whom nobody says which frames are ED and ES."""
    whole = next((path for path in _either(folder / f"{name}_4d") if path.is_file()), None)
    if whole is not None:
        cines: tuple[Cine, ...] = reader("nifti").slice_cines(whole)
    else:
        frames = _numbered(folder, f"{name}_frame")
        if not frames:
            what = "neither the 4-D file nor one of single frames is there"
            raise DatasetError("MISSING_FILE", what, "copy it", where=f"{name}_4d.nii.gz")
        cines, _ = _single_frames(frames, (), max(frames), name)
    return tuple(replace(cine, view="SAX") for cine in cines)


def _loops(path: Path, phases: int) -> tuple[Cine, ...]:
    """The slices of a 4-D file."""
    cines: tuple[Cine, ...] = reader("nifti").slice_cines(path)
    if cines[0].frames != phases:
        what = f"the file holds {cines[0].frames} frames, {INFO} says {phases}"
        raise InputError("INCONSISTENT", what, "copy the patient again", where=path.name)
    return cines


def _single_frames(
    paths: Mapping[int, Path], needed: Sequence[int], phases: int, name: str
) -> tuple[tuple[Cine, ...], dict[int, int]]:
    """The slices of 3-D files, one file a frame, and the place of each numbered frame in them."""
    for phase in needed:
        if phase not in paths:
            where = f"{name}_frame{phase:02d}.nii.gz"
            raise DatasetError("MISSING_FILE", "neither this file nor the 4-D file is there", "copy it", where=where)
    order = sorted(phase for phase in paths if phase <= phases)
    volumes: list[tuple[Cine, ...]] = [reader("nifti").slice_cines(paths[phase]) for phase in order]
    shapes = {tuple((cine.height, cine.width, cine.spacing_mm) for cine in volume) for volume in volumes}
    if len(shapes) > 1:
        raise InputError("INCONSISTENT", "the frames differ in size or spacing", "copy them again", where=name)
    note = f"frames {', '.join(map(str, order))} of {phases}" if len(order) < phases else "one file a frame"
    source = tuple(paths[phase] for phase in order)
    cines = tuple(
        replace(cine, source=source, frames=len(order), times_ms=None, notes=(*cine.notes, note)) for cine in volumes[0]
    )
    return cines, {phase: place for place, phase in enumerate(order)}


def _either(stem: Path) -> tuple[Path, Path]:
    """The packed and the plain name of a volume."""
    return stem.with_name(f"{stem.name}.nii.gz"), stem.with_name(f"{stem.name}.nii")


def _numbered(folder: Path, start: str, end: str = "") -> dict[int, Path]:
    """Volumes whose names hold a frame number, by that number (from 1)."""
    pattern = re.compile(rf"{re.escape(start)}(\d+){end}\.nii(\.gz)?")
    found = ((pattern.fullmatch(path.name), path) for path in sorted(folder.iterdir(), reverse=True))
    return {int(match[1]): path for match, path in found if match is not None and int(match[1]) > 0}


def read_info(path: Path) -> dict[str, str]:
    """The keys and values of an ``Info.cfg``.

    Raises:
        DatasetError: MISSING_FILE; ENCODING; BAD_LABEL for a line that is no ``Key: value`` or a key there twice;
            MISSING_COLUMN where ED, ES, Group or NbFrame is missing.
    """
    return read_pairs(path, KEYS)


def write(studies: Iterable[Study], root: Path | str) -> None:
    """Write studies as this layout, one by one as they come.

    A study needs its slices as cines of the same size and length in the order of the stack, spacing and thickness,
    and the labels ``group``, ``ed_frame`` and ``es_frame``; ``height_cm`` and ``weight_kg`` are written where known.
    Other labels have no place here. A study in the validation split goes to ``validation``, which ACDC does not
    have; one without a split to the folder itself.

    Raises:
        ConfigError: CONFLICT where a patient's folder is there already; MISSING_EXTRA.
        DatasetError: BAD_LABEL, UNSAFE_PATH, DUPLICATE_ID for a study that the layout cannot hold.
        InputError: INCONSISTENT for slices that make no stack; a cine that cannot be loaded.
        StorageError: the folder cannot be written.
    """
    root = Path(root)
    names: set[str] = set()
    for study in studies:
        name = plain_name(study.id, where="study id")
        if name.lower() in names:
            raise DatasetError("DUPLICATE_ID", "two studies have the same id", "give each its own", where=name)
        names.add(name.lower())
        folder = next((root / place for place, split in FOLDERS.items() if split == study.split), root) / name
        if folder.exists():
            raise ConfigError("CONFLICT", "the patient's folder is there already", "choose another folder", where=name)
        _write_study(study, folder)


def check(root: Path | str) -> Findings:
    """Everything that is in the folder and all that is wrong with it; every mask is decoded, images by header.

    Beyond what ``read`` refuses: the same recording under two names, masks that are missing, of another size, empty or
    with unknown labels, a left ventricle that is larger at ES than at ED, a group that ACDC does not have.
    """
    root = Path(root)
    studies, problems = _survey(root)
    first_images = [(study, _first_image(study)) for study in studies]
    problems += [*find_leaks(studies), *find_copies(first_images)]
    for study in studies:
        problems += _oddities(study)
    return find("acdc", studies, problems, [LICENCE])


def _first_image(study: Study) -> Path:
    source = study.cines[0].source
    assert not isinstance(source, np.ndarray)
    return source if isinstance(source, Path) else source[0]


def _oddities(study: Study) -> list[Problem]:
    """What is wrong with a patient's masks and labels."""
    problems = []
    group = study.labels.get("group")
    if group is not None and group not in GROUPS:
        what = f"group {str(group)[:20]!r} is none of {', '.join(GROUPS)}"
        problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    try:
        sizes = [_left_ventricle(study, int(study.labels[phase])) for phase in ("ed_frame", "es_frame")]
    except CinecorError as error:
        return [*problems, Problem.of(error, study.id)]
    if not sizes[0] > sizes[1] > 0:
        what = f"the left ventricle has {sizes[0]} voxels at ED and {sizes[1]} at ES"
        problems.append(Problem(severity="warning", code="BAD_LABEL", what=what, where=study.id))
    return problems


def _left_ventricle(study: Study, frame: int) -> int:
    """Voxels of the left ventricle in the masks of one frame, which are looked at on the way."""
    masks = [io.load_mask(cine, frame) for cine in study.cines]
    for cine, mask in zip(study.cines, masks, strict=True):
        if mask.shape != (cine.height, cine.width):
            raise InputError("INCONSISTENT", f"a mask is {mask.shape}, its image {(cine.height, cine.width)}")
        if mask.max(initial=0) > LEFT_VENTRICLE:
            raise InputError("INCONSISTENT", f"a mask holds the label {mask.max()}, ACDC has 0 to {LEFT_VENTRICLE}")
    return sum(int(np.count_nonzero(mask == LEFT_VENTRICLE)) for mask in masks)


def _save(path: Path, volume: np.ndarray, first: Cine) -> None:
    """Write ``time slice height width``; one frame becomes a 3-D file."""
    assert first.spacing_mm is not None
    assert first.thickness_mm is not None
    reader("nifti").write(
        path,
        volume[0] if len(volume) == 1 else volume,
        spacing_mm=first.spacing_mm,
        thickness_mm=first.thickness_mm,
        frame_ms=first.frame_ms,
    )


def _write_study(study: Study, folder: Path) -> None:
    first, volume = _stack(study)
    labels = study.labels
    ed, es = int(labels["ed_frame"]), int(labels["es_frame"])
    phases = int(labels.get("phases", len(volume)))
    place = {ed: int(labels.get("ed_phase", ed)), es: int(labels.get("es_phase", es))}
    if phases == len(volume):
        _save(folder / f"{study.id}_4d.nii.gz", volume, first)
    for frame, phase in place.items():
        stem = f"{study.id}_frame{phase + 1:02d}"
        _save(folder / f"{stem}.nii.gz", volume[frame : frame + 1], first)
        if all(frame in cine.masks for cine in study.cines):
            masks = np.stack([io.load_mask(cine, frame) for cine in study.cines])
            _save(folder / f"{stem}_gt.nii.gz", masks[None], first)
    sizes = {"Height": labels.get("height_cm"), "Weight": labels.get("weight_kg")}
    info = {"ED": place[ed] + 1, "ES": place[es] + 1, "Group": labels["group"], "NbFrame": phases, **sizes}
    lines = [f"{key}: {value}\n" for key, value in sorted(info.items()) if value is not None]
    write_text(folder / INFO, "".join(lines))


def _stack(study: Study) -> tuple[Cine, np.ndarray]:
    """The first slice and all voxels, ``time slice height width``, of a study that the layout can hold."""
    first = study.cines[0] if study.cines else None
    if first is None or first.spacing_mm is None or first.thickness_mm is None:
        raise InputError("INCONSISTENT", "the layout needs slices with a voxel size", where=study.id)
    lacking = [name for name in ("group", "ed_frame", "es_frame") if name not in study.labels]
    if lacking:
        raise DatasetError("BAD_LABEL", f"the layout needs the label {lacking[0]!r}", "give it", where=study.id)
    stack = [io.load(cine) for cine in study.cines]
    if len({frames.shape for frames in stack}) > 1 or stack[0].shape[1] != 1:
        raise InputError("INCONSISTENT", "the slices differ in size or length, or have colours", where=study.id)
    return first, np.stack([frames[:, 0] for frames in stack], axis=1)
