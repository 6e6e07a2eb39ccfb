"""Volumes of both ventricles over a heart beat, and which phases are end-diastole and end-systole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cinecor.clips.labelling import label_of
from cinecor.inference.stack import Stack
from cinecor.measures.volume import stack_volume_ml
from cinecor.records import Curve

JUMP = 0.25
"""Part of the range of all volumes by which a phase may lie off the middle one of itself and its two neighbours; a
ventricle that fills in a quarter of its beat changes by less in one of twenty phases."""

SMOOTHED = 6  # phases from which on neighbours say enough of each other
CURVED = 3  # points of a line worth drawing


@dataclass(frozen=True, kw_only=True, eq=False)
class Beat:
    """One heart beat as volumes, mL."""

    lv_ml: Float[np.ndarray, " phase"]
    rv_ml: Float[np.ndarray, " phase"]
    ed: int
    es: int
    method: str
    """How ED and ES were chosen."""
    warnings: tuple[str, ...] = ()


def find_beat(
    labels: UInt8[np.ndarray, "phase slice height width"], stack: Stack, known: Mapping[str, float | str]
) -> Beat:
    """Volumes of every phase; ED and ES where the study names them, else the largest and the smallest left ventricle.

    Args:
        labels: of every pixel.
        stack: where they lie.
        known: labels of the study, for ``ed_frame`` and ``es_frame``.
    """
    lv, rv = (_volumes(labels, name, stack) for name in ("lv", "rv"))
    named = _named(known, stack.phases)
    if named is not None:
        return Beat(lv_ml=lv, rv_ml=rv, ed=named[0], es=named[1], method="ED and ES as the study names them")
    steady = find_steady(lv)
    candidates = np.flatnonzero(steady)
    ed, es = int(candidates[lv[candidates].argmax()]), int(candidates[lv[candidates].argmin()])
    how = "the larger of two frames is ED" if stack.phases == 2 else "ED and ES by the volume curve"
    outliers = np.flatnonzero(~steady).tolist()
    said = f"the left ventricle of phase {', '.join(map(str, outliers))} does not fit its neighbours, and is not used"
    return Beat(lv_ml=lv, rv_ml=rv, ed=ed, es=es, method=how, warnings=(said,) if outliers else ())


def find_steady(volumes: Float[np.ndarray, " phase"]) -> Bool[np.ndarray, " phase"]:
    """Which phases fit their neighbours; the beat is closed, so that the first and the last are neighbours.

    A network that fails on one phase would else make it ED or ES.
    """
    if len(volumes) < SMOOTHED:
        return np.ones(len(volumes), np.bool_)
    middle = np.median([np.roll(volumes, 1), volumes, np.roll(volumes, -1)], axis=0)
    steady: Bool[np.ndarray, " phase"] = np.abs(volumes - middle) <= JUMP * np.ptp(middle)
    return steady if steady.any() else np.ones(len(volumes), np.bool_)


def draw_curves(beat: Beat, stack: Stack) -> tuple[Curve, ...]:
    """The volume of each ventricle over time, or over frames where no times are known."""
    if stack.phases < CURVED:
        return ()
    timed = next((cine.times_ms for cine in stack.cines if len(cine.times_ms or ()) == stack.phases), None)
    times = np.arange(stack.phases, dtype=np.float64) if timed is None else np.asarray(timed, dtype=np.float64)
    marks = {"ED": (beat.ed,), "ES": (beat.es,)}
    axis = "Frame" if timed is None else "Time (ms)"
    return tuple(
        Curve(title=title, times_ms=times, values=values, unit="mL", marks=marks, axis=axis)
        for title, values in (("LV volume", beat.lv_ml), ("RV volume", beat.rv_ml))
    )


def _volumes(
    labels: UInt8[np.ndarray, "phase slice height width"], structure: str, stack: Stack
) -> Float[np.ndarray, " phase"]:
    label = label_of(structure)
    return np.array([stack_volume_ml(each, label, stack.spacing_mm, stack.thickness_mm) for each in labels])


def _named(known: Mapping[str, float | str], phases: int) -> tuple[int, int] | None:
    values = [known.get(name) for name in ("ed_frame", "es_frame")]
    frames = [int(value) for value in values if isinstance(value, int | float)]
    inside = len(frames) == 2 and frames[0] != frames[1] and all(0 <= frame < phases for frame in frames)
    return (frames[0], frames[1]) if inside else None
