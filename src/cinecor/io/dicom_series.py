"""Cine MR from single pictures: stacks of parallel slices, slices of phases, each slice a cine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from cinecor.errors import InputError
from cinecor.io.dicom_slices import SlicePicture
from cinecor.io.dicom_timing import MAX_FRAME_MS, MIN_FRAME_MS
from cinecor.records import Cine

SAME_SLICE_MM = 0.1
"""Pictures closer than this along their normal are phases of one slice; no slices are cut so thin."""
UNEVEN = 0.05
"""Gaps that differ from the median gap by more than this part of it are told in the notes."""

Slice = list[SlicePicture]
"""The phases of one slice, in the order of time."""
Stack = list[Slice]
"""Parallel slices, in the order of their positions."""


@dataclass(frozen=True)
class Assembly:
    """Slice cines, and what could not be assembled."""

    cines: tuple[Cine, ...]
    failures: tuple[tuple[Path, InputError], ...]


def assemble(pictures: Iterable[SlicePicture]) -> Assembly:
    """Sort the MR pictures of one study into stacks, slices and phases.

    Slices are told apart by ImagePositionPatient along the normal, never by SliceLocation. Phases follow TriggerTime,
    else the temporal position, else the instance number. Stacks whose slices are series of their own are put
    together when their planes agree and no position comes twice.

    Returns:
        A cine for each slice: stack by stack, each in the order of positions. Notes tell what is missing or uneven.
    """
    stacks, failures = _stacks(pictures)
    seen: Counter[Path] = Counter()
    cines = []
    for number, stack in enumerate(stacks):
        for cine, phases in zip(_cines(stack), stack, strict=True):
            path = phases[0].path
            many = phases[0].file_frames > 1
            cines.append(replace(cine, stack=number, slice_index=seen[path] if many else None))
            seen[path] += 1
    return Assembly(tuple(cines), tuple(failures))


def frames_of_slice(pictures: Sequence[SlicePicture], slice_index: int) -> tuple[int, ...]:
    """Which frames of a multi-frame file are the phases of one of its slices, in the order of time.

    Args:
        pictures: all of that file.
        slice_index: the slice as ``assemble`` counts those of the file.

    Raises:
        InputError: INCONSISTENT where the file has no such slice.
    """
    slices = [phases for stack in _stacks(pictures)[0] for phases in stack]
    if not 0 <= slice_index < len(slices):
        what = f"there is no slice {slice_index} among its {len(slices)}"
        raise InputError("INCONSISTENT", what, where=pictures[0].path.name)
    return tuple(picture.frame for picture in slices[slice_index])


def _stacks(pictures: Iterable[SlicePicture]) -> tuple[list[Stack], list[tuple[Path, InputError]]]:
    stacks: list[Stack] = []
    failures: list[tuple[Path, InputError]] = []
    for group in _by_series_and_plane(pictures):
        try:
            stacks.append(_stack(group))
        except InputError as error:
            failures.append((group[0].path, error))
    return _joined(stacks), failures


def _by_series_and_plane(pictures: Iterable[SlicePicture]) -> list[list[SlicePicture]]:
    groups: dict[object, list[SlicePicture]] = defaultdict(list)
    for picture in pictures:
        # Pictures without position cannot be mixed up across multi-frame files.
        groups[picture.series, picture.plane, picture.path if picture.file_frames > 1 else None].append(picture)
    return list(groups.values())


def _stack(pictures: Sequence[SlicePicture]) -> Stack:
    known = {(picture.instance_uid or str(picture.path), picture.frame): picture for picture in reversed(pictures)}
    unique = [known[key] for key in reversed(known)]
    if any(picture.depth_mm is None for picture in unique):
        return [_phases_without_position(unique)]
    ordered = sorted(unique, key=_depth)
    slices: Stack = [[ordered[0]]]
    for picture in ordered[1:]:
        if _depth(picture) - _depth(slices[-1][0]) > SAME_SLICE_MM:
            slices.append([])
        slices[-1].append(picture)
    return [_in_time(phases) for phases in slices]


def _depth(picture: SlicePicture) -> float:
    assert picture.depth_mm is not None
    return picture.depth_mm


def _phases_without_position(pictures: Slice) -> Slice:
    triggers = [picture.trigger_ms for picture in pictures]
    if len(pictures) > 1 and len(set(triggers)) < len(triggers) and triggers[0] is not None:
        what = "pictures of one phase without ImagePositionPatient: their slices cannot be told apart"
        raise InputError("INCONSISTENT", what, "export the series with positions", where=pictures[0].path.name)
    return _in_time(pictures)


def _in_time(pictures: Slice) -> Slice:
    by_number = sorted(pictures, key=lambda picture: (picture.instance, picture.frame, picture.path.name))
    for value in ("trigger_ms", "temporal_index"):
        values = [getattr(picture, value) for picture in by_number]
        if None not in values and len(set(values)) == len(values):
            return sorted(by_number, key=lambda picture: float(getattr(picture, value)))
    return by_number


def _joined(stacks: Sequence[Stack]) -> list[Stack]:
    """Stacks of one plane become one, where no slice comes twice; repeated acquisitions stay apart."""
    groups: dict[object, list[Stack]] = defaultdict(list)
    for index, stack in enumerate(stacks):
        first = stack[0][0]
        alone = index if first.depth_mm is None or first.file_frames > 1 else None
        groups[first.plane, len(stack[0]) > 1, alone].append(stack)
    joined: list[Stack] = []
    for group in groups.values():
        slices = sorted((phases for stack in group for phases in stack), key=lambda phases: phases[0].depth_mm or 0.0)
        apart = all(_depth(after[0]) - _depth(before[0]) > SAME_SLICE_MM for before, after in pairwise(slices))
        joined.extend([slices] if apart else group)
    return joined


def _cines(stack: Stack) -> list[Cine]:
    depths = [phases[0].depth_mm for phases in stack]
    gaps = [after - before for before, after in pairwise(depths) if before is not None and after is not None]
    usual_phases = Counter(len(phases) for phases in stack).most_common(1)[0][0]
    cines = []
    for index, phases in enumerate(stack):
        cine = _cine(phases)
        gap = gaps[min(index, len(gaps) - 1)] if gaps else phases[0].gap_mm
        notes = [f"{len(phases)} of {usual_phases} phases"] * (len(phases) < usual_phases)
        if index < len(gaps) and abs(gaps[index] / median(gaps) - 1) > UNEVEN:
            notes.append(f"the next slice lies {gaps[index]:.1f} mm on, where {median(gaps):.1f} mm is usual")
        cines.append(replace(cine, thickness_mm=gap, notes=(*cine.notes, *notes)))
    return cines


def _cine(phases: Slice) -> Cine:
    first = phases[0]
    times_ms, notes = _times(phases)
    return Cine(
        source=first.path if first.file_frames > 1 or len(phases) == 1 else tuple(phase.path for phase in phases),
        modality="MR",
        frames=len(phases),
        height=first.height,
        width=first.width,
        spacing_mm=first.spacing_mm,
        times_ms=times_ms,
        position_mm=first.depth_mm,
        directions=first.directions,
        notes=notes if first.depth_mm is not None else (*notes, "no slice position"),
    )


def _times(phases: Slice) -> tuple[tuple[float, ...] | None, tuple[str, ...]]:
    """Times of the phases from the first, ms, and their source."""
    if len(phases) < 2:
        return None, ()
    triggers = [phase.trigger_ms for phase in phases]
    known = [trigger for trigger in triggers if trigger is not None]
    if len(known) == len(phases) and _plausible(known):
        return tuple(trigger - known[0] for trigger in known), ("frame times from TriggerTime",)
    if phases[0].interval_ms is not None and _plausible([0.0, phases[0].interval_ms / len(phases)]):
        step = phases[0].interval_ms / len(phases)
        return tuple(index * step for index in range(len(phases))), ("frame times from NominalInterval",)
    return None, ("no frame times",)


def _plausible(times: Sequence[float]) -> bool:
    return all(MIN_FRAME_MS <= after - before <= MAX_FRAME_MS for before, after in pairwise(times))
