"""Short-axis stacks: which slices of a study make one, their order, their distance, and which end is the base."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from jaxtyping import UInt8

from cinecor.clips.labelling import label_of
from cinecor.clips.orientation import AS_IT_IS, find_turn
from cinecor.records import Cine, Study

FEWEST_SLICES = 3
FEW_PHASES = 10  # of a beat: with fewer, the smallest ventricle may lie between two of them
UNEVEN = 0.05  # part of the usual step
MISSING = 1.5  # usual steps from slice to slice, from which on one is missing between them

_Plane = tuple[int | None, int | None, int | None, tuple[float, float] | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Parallel slices of one heart, in the order of position."""

    cines: tuple[Cine, ...]
    indices: tuple[int, ...]
    """Number of each slice among the study's cines."""
    phases: int
    """Frames of the beat; a slice that was recorded at fewer gives each of its frames for the phases nearest to it."""
    spacing_mm: tuple[float, float]
    thickness_mm: float
    """Usual distance from slice to slice."""
    warnings: tuple[str, ...] = ()

    def frame(self, place: int, phase: int) -> int:
        """Which recorded frame of a slice shows a phase of the stack."""
        own = self.cines[place].frames or self.phases
        return phase if own == self.phases else min(int((phase + 0.5) * own / self.phases), own - 1)


def find_stack(study: Study) -> Stack | str:
    """The largest stack of parallel cine MRI slices of a study, or why there is none.

    Slices of one plane, size and pixel size belong together; other views of an examination (two, four chambers) are
    stacks of their own, and smaller. Slices without positions keep the order in which they came.
    """
    resonance = [(index, cine) for index, cine in enumerate(study.cines) if cine.modality == "MR"]
    if not resonance:
        return "these weights outline short-axis cine MRI; this is an echo loop"
    short = [(index, cine) for index, cine in resonance if cine.view in (None, "SAX")]
    groups: dict[_Plane, list[tuple[int, Cine]]] = defaultdict(list)
    for index, cine in short:
        groups[cine.stack, cine.height, cine.width, cine.spacing_mm].append((index, cine))
    largest = max(groups.values(), key=_worth, default=[])
    return _reason(largest) or _ordered(largest)


def _worth(slices: list[tuple[int, Cine]]) -> tuple[bool, int]:
    """Stills (localisers, late enhancement) may be more slices than the cine of the same examination."""
    return max(cine.frames or 1 for _, cine in slices) > 1, len(slices)


def _reason(slices: list[tuple[int, Cine]]) -> str:
    """Why slices can give no volumes; empty where they can."""
    if len(slices) < FEWEST_SLICES:
        return f"{len(slices)} parallel short-axis slices, and volumes need {FEWEST_SLICES} at the least"
    if slices[0][1].spacing_mm is None:
        return "the file does not say how large its pixels are"
    if _step([cine for _, cine in slices]) is None:
        return "nothing says how far apart the slices are"
    if max(cine.frames or 1 for _, cine in slices) < 2:
        return "one phase of the beat alone: an ejection fraction needs end-diastole and end-systole"
    return ""


def _step(cines: list[Cine]) -> float | None:
    """Usual distance from slice to slice, mm: by positions, else as the files say."""
    positions = sorted(cine.position_mm for cine in cines if cine.position_mm is not None)
    gaps = [after - before for before, after in pairwise(positions)]
    if len(positions) < len(cines) or min(gaps) <= 0:
        gaps = [cine.thickness_mm for cine in cines if cine.thickness_mm is not None]
    return median(gaps) if gaps and median(gaps) > 0 else None


def _ordered(slices: list[tuple[int, Cine]]) -> Stack:
    known = all(cine.position_mm is not None for _, cine in slices)
    if known:
        slices = sorted(slices, key=lambda each: each[1].position_mm or 0.0)
    cines = [cine for _, cine in slices]
    step, spacing = _step(cines), cines[0].spacing_mm
    assert step is not None
    assert spacing is not None
    phases = max(cine.frames or 1 for cine in cines)
    return Stack(
        cines=tuple(cines),
        indices=tuple(index for index, _ in slices),
        phases=phases,
        spacing_mm=spacing,
        thickness_mm=step,
        warnings=tuple(
            text for text in (_spaced(cines, step, known=known), *_timed(cines, phases), _lying(cines[0])) if text
        ),
    )


def _lying(cine: Cine) -> str:
    turn = find_turn(cine.directions)
    return "" if turn == AS_IT_IS else f"the slices were stored {turn.title}: the networks saw them as is usual"


def _spaced(cines: list[Cine], step: float, *, known: bool) -> str:
    if not known:
        return "the slices have no positions: they are taken in the order of their files"
    positions = [cine.position_mm or 0.0 for cine in cines]
    gaps = [after - before for before, after in pairwise(positions)]
    if all(abs(gap / step - 1) <= UNEVEN for gap in gaps):
        return ""
    said = f"the slices are {min(gaps):.1f} to {max(gaps):.1f} mm apart, and {step:.1f} mm is taken for all"
    missing = sum(round(gap / step) - 1 for gap in gaps if gap >= MISSING * step)
    return f"{said}: about {missing} missing, volumes are too small" if missing else f"{said}: volumes are less exact"


def _timed(cines: list[Cine], phases: int) -> list[str]:
    said = []
    short = [cine for cine in cines if (cine.frames or 1) < phases]
    if short:
        fewest = min(cine.frames or 1 for cine in short)
        said.append(f"{len(short)} of {len(cines)} slices have fewer phases than {phases} (at the least {fewest})")
    if 2 < phases < FEW_PHASES:
        said.append(f"{phases} phases are few: end-systole may lie between two of them")
    return said


def base_is_first(labels: UInt8[np.ndarray, "slice height width"]) -> bool:
    """Whether the stack runs from base to apex, by its masks at end-diastole.

    Among the slices that hold left ventricle, those of the third near the base show more heart: of 100 patients of
    ACDC it is 1.8 to 17 times as much.
    """
    holding = np.flatnonzero((labels == label_of("lv")).any(axis=(1, 2)))
    if len(holding) < 2:
        return True
    areas = np.count_nonzero(labels[holding], axis=(1, 2))
    third = max(len(holding) // 3, 1)
    return bool(areas[:third].sum() >= areas[-third:].sum())
