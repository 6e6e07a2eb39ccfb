"""Which loops of a study can give an ejection fraction, and why the others cannot; from their headers alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cinecor.records import Cine, ClipSpec, Study

SHORTEST_MS = 500.0  # less than a beat at 120 a minute
COVERED = 0.9  # part of a clip that the loop must fill: the rest would be black frames
FEWEST_FRAMES = 8
VIEWS = ("A4C", "A2C", "A3C", "A5C")
"""Apical views show both ends of the left ventricle; a loop of unknown view is tried."""


def with_times(cine: Cine, frame_ms: float | None) -> Cine:
    """The cine with evenly spaced times where it has none and the user knows them."""
    if cine.times_ms is not None or frame_ms is None or cine.frames is None:
        return cine
    times = tuple(index * frame_ms for index in range(cine.frames))
    return replace(cine, times_ms=times, notes=(*cine.notes, f"frame times from the user ({frame_ms:g} ms)"))


def refusal(cine: Cine, spec: ClipSpec, view: str | None = None) -> str:
    """Why no ejection fraction can be had from this loop; empty where it can be tried.

    Args:
        cine: header of the loop.
        spec: clips of the weights.
        view: the only one that the weights were trained on; None where it was not one alone.
    """
    if view is not None and cine.view not in (None, view):
        return f"the view is {cine.view}; these weights were trained on {view} alone"
    return _by_kind(cine) or _by_time(cine, spec)


def _by_kind(cine: Cine) -> str:
    if cine.modality != "US":
        return "cine MRI needs outlines of the ventricle: masks beside the images, or weights that outline it"
    if (cine.frames or 0) < 2:
        return "a still shows no beat"
    if any("colour doppler" in note.lower() for note in cine.notes):
        return "colour Doppler hides the walls"
    if cine.view is not None and cine.view not in VIEWS:
        return f"the view is {cine.view}, not apical"
    return ""


def _by_time(cine: Cine, spec: ClipSpec) -> str:
    if spec.step_ms is not None and cine.times_ms is None:
        return "the file does not say when its frames were taken; give the time between frames (--frame-ms)"
    duration = None if cine.times_ms is None else cine.times_ms[-1] - cine.times_ms[0]
    wanted = SHORTEST_MS if spec.step_ms is None else max(SHORTEST_MS, COVERED * (spec.length - 1) * spec.step_ms)
    if (cine.frames or 0) < FEWEST_FRAMES or (duration is not None and duration < wanted):
        length = f"{cine.frames} frames" if duration is None else f"{duration:.0f} ms"
        return f"too short ({length}; these weights need {wanted:.0f} ms)"
    return ""


def path_of(study: Study) -> Path:
    """Where a study came from, for a failure that is about it."""
    source = study.cines[0].source if study.cines else Path(study.id)
    if isinstance(source, tuple):
        return source[0]
    return source if isinstance(source, Path) else Path(study.id)
