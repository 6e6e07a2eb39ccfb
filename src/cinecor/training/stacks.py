"""Short-axis stacks: the labels that a network gives their voxels at ED and ES, and what is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cinecor import io
from cinecor.clips import Cache, cut
from cinecor.clips.labelling import choose_labels, restore
from cinecor.clips.neighbours import read_frames
from cinecor.clips.structures import label_masks
from cinecor.errors import InputError
from cinecor.measures.components import largest_components
from cinecor.measures.short_axis import measure_stack
from cinecor.records import ClipSpec, Study
from cinecor.training.prediction import Said
from cinecor.training.task import Task

PHASES: Mapping[str, str] = {"ed": "ed_frame", "es": "es_frame"}
"""Name of a phase, and the label that says which frame it is."""

MEASURED = ("ef", "edv_ml", "esv_ml", "rvef", "rv_edv_ml", "rv_esv_ml", "lv_mass_g")
"""What the tables have of a stack."""

Volume: TypeAlias = UInt8[np.ndarray, "slice height width"]
"""Labels of ``records.STRUCTURES`` on the recorded grid, slices in the order of the study's cines."""

Keep: TypeAlias = Callable[[Study, Mapping[str, Volume]], None]
"""What else is done with the labels of a stack, by phase."""


def is_stack(study: Study) -> bool:
    """Whether the loops of a study are parallel slices of one heart."""
    return bool(study.cines) and all(cine.position_mm is not None for cine in study.cines)


def measure_truth(study: Study) -> Study:
    """The study with what its own masks at ED and ES say as labels, beside those that it has.

    Raises:
        InputError: a mask cannot be read, or holds no left ventricle at ED.
    """
    frames = phase_frames(study)
    if not (is_stack(study) and frames and all(set(frames.values()) <= set(label_masks(c)) for c in study.cines)):
        return study
    found = measure(study, {phase: read_labels(study, frame) for phase, frame in frames.items()})
    return replace(study, labels={**found, **study.labels})


def read_labels(study: Study, frame: int) -> Volume:
    """The masks that a study brings, slice by slice.

    Raises:
        InputError: one cannot be read, or the slices differ in size.
    """
    masks = [io.load_mask(cine, frame) for cine in study.cines]
    if len({mask.shape for mask in masks}) > 1:
        raise InputError("INCONSISTENT", "the slices of the stack differ in size", where=study.id)
    return np.stack(masks)


def phase_frames(study: Study) -> dict[str, int]:
    """The frames of ED and ES; empty where the study does not say both."""
    known = {phase: study.labels.get(label) for phase, label in PHASES.items()}
    numbers = {phase: int(frame) for phase, frame in known.items() if isinstance(frame, int | float)}
    return numbers if len(numbers) == len(PHASES) else {}


def measure(study: Study, labels: Mapping[str, Volume]) -> dict[str, float]:
    """What the label volumes of ED and ES say, of the names in ``MEASURED``.

    Raises:
        InputError: INCONSISTENT where there is no left ventricle at ED, or the voxels have no size.
    """
    spacing, thickness = study.cines[0].spacing_mm, study.cines[0].thickness_mm
    if spacing is None or thickness is None:
        raise InputError("INCONSISTENT", "the slices have no size in mm", where=study.id)
    found = measure_stack(labels["ed"], labels["es"], spacing, thickness)
    return {name: found[name] for name in MEASURED if name in found}


def predict_stack(
    task: Task,
    study: Study,
    cache: Cache,
    spec: ClipSpec,
    structures: Sequence[str],
    device: torch.device,
    keep: Keep | None = None,
) -> list[Said]:
    """One row for a stack: EF, and with it the other figures of the masks that the network draws at ED and ES.

    No row where ED and ES are unknown, or nothing can be measured on the masks.

    Args:
        task: a dense network on ``device``, in evaluation mode.
        study: a stack, whose frames the cache holds.
        cache: prepared frames.
        spec: how they are normalised.
        structures: of the network's outputs.
        device: where to compute.
        keep: is given the labels.
    """
    frames = phase_frames(study)
    if not frames:
        return []
    labels = {phase: label_stack(task, study, cache, spec, structures, at, device) for phase, at in frames.items()}
    if keep is not None:
        keep(study, labels)
    try:
        found = measure(study, labels)
    except InputError:
        return []
    targets = {name: float(study.labels[name]) for name in MEASURED if name in study.labels}
    more = {name: value for name, value in found.items() if name != "ef" and name in targets}
    return [Said(study.id, 0, frames["ed"], found["ef"], targets, more=more)]


def label_stack(
    task: Task,
    study: Study,
    cache: Cache,
    spec: ClipSpec,
    structures: Sequence[str],
    frame: int,
    device: torch.device,
) -> Volume:
    """The largest connected part of each structure on one frame of a stack.

    Raises:
        InputError: INCONSISTENT where the slices differ in size.
    """
    shown = [read_frames(cache, study, index, spec) for index in range(len(study.cines))]
    prepared = [cut(frames, np.array([frame]), spec) for frames in shown]
    probabilities = _look(task, np.stack(prepared), device)
    slices = []
    for index, (cine, maps) in enumerate(zip(study.cines, probabilities, strict=True)):
        if cine.height is None or cine.width is None:
            raise InputError("INCONSISTENT", "the slices have no size in pixels", where=study.id)
        restored = restore(maps, cache.square(study.id, index), cine.height, cine.width)
        slices.append(choose_labels(restored, structures))
    if len({labels.shape for labels in slices}) > 1:
        raise InputError("INCONSISTENT", "the slices of the stack differ in size", where=study.id)
    return largest_components(np.stack(slices))


@torch.no_grad()
def _look(
    task: Task, clips: Float32[np.ndarray, "slice channel 1 tall wide"], device: torch.device
) -> Float32[np.ndarray, "slice structure tall wide"]:
    return np.asarray(task(torch.from_numpy(clips).to(device))[:, :, 0].sigmoid().cpu().numpy())
