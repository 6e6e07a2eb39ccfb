"""The nouns of a report: what was measured, what was not and why, and what it was made with.

A part of :mod:`cinecor.records`, which exports all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, UInt8

from cinecor.records.mappings import empty

Modality: TypeAlias = Literal["US", "MR"]
"""DICOM's defined terms: ultrasound, magnetic resonance."""

NOT_FOR_CLINICAL_USE = "Research software, not a medical device: not for clinical use."


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A clinical quantity with its unit, its interval and where it came from."""

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    level: float | None = None
    """Confidence of the interval from ``low`` to ``high``, 0 to 1."""
    method: str = ""
    clips: tuple[tuple[int, int], ...] = ()
    """Cine index and first frame of each clip that the value was made from."""

    def __post_init__(self) -> None:
        numbers = [number for number in (self.value, self.low, self.high, self.level) if number is not None]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{self.name}: a measurement is finite, not {numbers}")


@dataclass(frozen=True, kw_only=True)
class NotDone:
    """A quantity that was not measured, and the reason in words for its reader."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ToldView:
    """What networks say of the view of a loop that nobody states."""

    probabilities: Mapping[str, float]
    """Of each view, 0 to 1, together 1; empty where the networks could not be asked."""
    novelty: float | None = None
    """Distance to the training clips, 1 at their edge; None for weights that do not know them."""
    doubt: str = ""
    """Why the view counts as unknown; empty where it is told."""

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """The views and their probabilities, the most probable first."""
        return tuple(sorted(self.probabilities.items(), key=lambda each: -each[1]))

    @property
    def view(self) -> str | None:
        """The view, None where it counts as unknown."""
        return None if self.doubt else self.ranked[0][0]


@dataclass(frozen=True, kw_only=True)
class CineSummary:
    """What a report says of one loop."""

    index: int
    view: str | None
    """As the file or its layout states it, or as ``told``; None where unknown."""
    frames: int
    frame_ms: float | None
    spacing_mm: tuple[float, float] | None
    height: int
    width: int
    ed_frames: tuple[int, ...] = ()
    es_frames: tuple[int, ...] = ()
    beats: tuple[tuple[int, int, int], ...] = ()
    """(ED, ES, next ED) frame index of each complete beat."""
    heart_rate_bpm: float | None = None
    notes: tuple[str, ...] = ()
    told: ToldView | None = None
    """Where networks were asked for the view; None where it is stated, or nobody asked."""

    @property
    def view_source(self) -> Literal["stated", "told"] | None:
        """Where ``view`` comes from; None where it is unknown."""
        if self.view is None:
            return None
        return "stated" if self.told is None else "told"


@dataclass(frozen=True, kw_only=True)
class BeatEf:
    """One beat that a network of clips judged, beside what the outlines of the same beat say."""

    cine: int
    systole: int
    start: int
    """First frame of the clip; ``systole`` is that of the smallest ventricle."""
    ef: float
    ef_outline: float | None = None
    """By the volumes at ED and ES, where ``ef`` is by the clip, %; None where no complete beat holds the systole."""


@dataclass(frozen=True, kw_only=True)
class UsedNetwork:
    """A network that had a part in a report beside the one that measures."""

    role: str
    """What it was asked for: ``views``, ``hypertrophy``, ``mask of views`` …"""
    model: str
    weights_sha256: str
    trained_on: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Which program and which weights made a report."""

    version: str
    model: str
    weights_sha256: str
    trained_on: str
    use: str = NOT_FOR_CLINICAL_USE
    segmentation: str = ""
    """Second network, that found the beats by its outlines."""
    segmentation_sha256: str = ""
    segmentation_trained_on: str = ""
    diagnosis: str = ""
    """Classifier that named the group of diseases."""
    diagnosis_sha256: str = ""
    networks: tuple[UsedNetwork, ...] = ()
    """All others: those that told views, judged hypertrophy or drew masks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An image for the reader of a report; not part of its JSON."""

    title: str
    pixels: UInt8[np.ndarray, "height width channel"]
    cine: int | None = None
    strip: bool = False
    """Several frames side by side, which want the whole width of a page."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A line for the reader of a report (volume or motion over time); not part of its JSON."""

    title: str
    times_ms: Float[np.ndarray, " time"]
    values: Float[np.ndarray, " time"]
    unit: str
    marks: Mapping[str, tuple[int, ...]] = field(default_factory=empty)
    """Frame indices to mark, by label (ED, ES)."""
    cine: int | None = None
    axis: str = "Time (ms)"
    """What ``times_ms`` counts: frames where nothing says when they were taken."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """How much a heart is like each group of patients that a classifier was trained on. No clinical diagnosis."""

    probabilities: Mapping[str, float]
    """Of each group, 0 to 1, together 1."""
    method: str = ""

    @property
    def group(self) -> str:
        """The most probable group, of equals the first."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """What a network made of one loop: its value, where that loop lies among others, and where in it was looked."""

    study: str
    patient: str
    cine: int
    predicted: float
    true: float | None
    """What the study's labels say, None where they say nothing."""
    embedding: Float[np.ndarray, " feature"]
    """Mean over the loop's clips."""
    novelty: float | None
    """Distance to the training clips, 1 at their edge; None for weights that do not know them."""
    picture: Picture | None = None
    """Frames from ED to ES under their heat maps, side by side."""
    frames: UInt8[np.ndarray, "time channel height width"] | None = None
    """The clip under its heat map, red, green, blue."""
    frame_ms: float | None = None
    """Time between those frames, ms, where known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """All that was measured in one study, and what was not."""

    study: str
    modality: Modality
    cines: tuple[CineSummary, ...]
    measurements: tuple[Measurement, ...]
    not_done: tuple[NotDone, ...]
    warnings: tuple[str, ...]
    provenance: Provenance
    pictures: tuple[Picture, ...] = ()
    curves: tuple[Curve, ...] = ()
    beats: tuple[BeatEf, ...] = ()
    """Beats that were judged one by one, of all loops."""
    diagnosis: Diagnosis | None = None
    """Of a short-axis stack, where the weights bring a classifier."""

    def measurement(self, name: str) -> Measurement | None:
        """The measurement of that name, None where it was not made."""
        return next((found for found in self.measurements if found.name == name), None)
