"""The files of one CAMUS patient, written: the settings, the images and the masks of each view, in either edition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cinecor import io
from cinecor.datasets.labels import check_labels
from cinecor.errors import DatasetError, InputError
from cinecor.io.loading import reader
from cinecor.records import Cine, Frames, Study
from cinecor.storage import write_text

VIEWS: Mapping[str, str] = {"A4C": "4CH", "A2C": "2CH"}
"""The views, and what the names of files call them."""


def write_study(study: Study, folder: Path, edition: Literal["nifti", "metaimage"]) -> None:
    """Write a patient's folder.

    Raises:
        DatasetError: BAD_LABEL for a study that the layout cannot hold.
        InputError: UNSUPPORTED, INCONSISTENT for a loop that it cannot hold.
        StorageError: the folder cannot be written.
    """
    views = [cine.view for cine in study.cines]
    if not views or len(set(views)) < len(views) or not set(views) <= set(VIEWS):
        raise InputError("UNSUPPORTED", "the layout holds one loop of A4C, one of A2C", where=study.id)
    check_labels(study.labels, where=study.id)
    for cine in study.cines:
        phases = [_phase(study, f"{phase}_frame", str(cine.view)) for phase in ("ed", "es")]
        _write_view(study, cine, (phases[0], phases[1]), folder, edition)


def _phase(study: Study, name: str, view: str) -> int:
    alone = study.labels.get(name) if len(study.cines) == 1 else None
    value = study.labels.get(f"{name}_{view.lower()}", alone)
    if value is None:
        what = f"the layout needs the label '{name}_{view.lower()}'"
        raise DatasetError("BAD_LABEL", what, "give it", where=study.id)
    return int(value)


def _write_view(study: Study, cine: Cine, phases: tuple[int, int], folder: Path, edition: str) -> None:
    code = VIEWS[str(cine.view)]
    frames = io.load(cine)
    if frames.dtype != np.uint8 or frames.shape[1] != 1 or cine.spacing_mm is None:
        raise InputError("UNSUPPORTED", "the layout holds grey uint8 loops with a pixel size", where=study.id)
    if phases[0] == phases[1] or not all(0 <= phase < len(frames) for phase in phases):
        what = f"frames {phases[0]} and {phases[1]} are not two of {len(frames)}"
        raise DatasetError("BAD_LABEL", what, "correct ed_frame and es_frame", where=study.id)
    info = _info(study, cine, phases, len(frames), edition)
    whole = info["NbFrame"] == len(frames)
    _write_images(cine, frames, phases, folder / f"{study.id}_{code}", edition, whole=whole)
    lines = [f"{key}: {value}\n" for key, value in info.items() if value is not None]
    write_text(folder / f"Info_{code}.cfg", "".join(lines))


def _write_images(
    cine: Cine, frames: Frames, phases: tuple[int, int], stem: Path, edition: str, *, whole: bool
) -> None:
    """The ED and the ES frame and their masks; the sequence too, where the frames are the whole of it."""
    if whole:
        _save(Path(f"{stem}_{'half_' if edition == 'nifti' else ''}sequence"), frames[:, 0], cine, edition)
    for name, phase in zip(("ED", "ES"), phases, strict=True):
        _save(Path(f"{stem}_{name}"), frames[phase], cine, edition)
        if phase in cine.masks:
            _save(Path(f"{stem}_{name}_gt"), io.load_mask(cine, phase)[None], cine, edition)
    if whole and edition == "nifti" and set(cine.masks) == set(range(len(frames))):
        every = np.stack([io.load_mask(cine, frame) for frame in range(len(frames))])
        _save(Path(f"{stem}_half_sequence_gt"), every, cine, edition)


def _info(study: Study, cine: Cine, phases: tuple[int, int], frames: int, edition: str) -> dict[str, Any]:
    """What the text beside the images says; None for what is not known."""
    view, labels = str(cine.view).lower(), study.labels
    names = ("EF", "EDV", "ESV") if edition == "nifti" else ("LVef", "LVedv", "LVesv")
    rated = edition == "nifti" and cine.frame_ms is not None
    return {
        "ED": int(labels.get(f"ed_phase_{view}", phases[0])) + 1,
        "ES": int(labels.get(f"es_phase_{view}", phases[1])) + 1,
        "NbFrame": int(labels.get(f"phases_{view}", frames)),
        "Sex": labels.get("sex"),
        "Age": labels.get("age_years"),
        "ImageQuality": labels.get(f"quality_{view}"),
        **{name: labels.get(label) for name, label in zip(names, ("ef", "edv_ml", "esv_ml"), strict=True)},
        "FrameRate": round(1000 / (cine.frame_ms or 1.0), 9) if rated else None,
    }


def _save(stem: Path, planes: np.ndarray, cine: Cine, edition: str) -> None:
    """Write ``plane height width``; a single plane becomes a 2-D file in the present edition."""
    assert cine.spacing_mm is not None
    if edition == "metaimage":
        reader("metaimage").write(Path(f"{stem}.mhd"), planes, spacing_mm=cine.spacing_mm)
        return
    voxels = planes[0] if len(planes) == 1 else planes
    reader("nifti").write(Path(f"{stem}.nii.gz"), voxels, spacing_mm=cine.spacing_mm, thickness_mm=1.0)
