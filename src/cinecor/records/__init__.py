"""The nouns of cinecor: what flows from a file to a report. Each is frozen and defined once, here.

    Cine → Study → Clip → Batch → Prediction → Measurement → Report

Arrays of frames are always ``time channel height width``; a clip, which is what a network sees, is
``channel time height width``. This module imports neither torch nor any reader, so that naming things costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Float32, UInt8

from cinecor.errors import ConfigError
from cinecor.records.mappings import empty
from cinecor.records.reporting import (
    NOT_FOR_CLINICAL_USE,
    BeatEf,
    CineSummary,
    Curve,
    Diagnosis,
    Explanation,
    Measurement,
    Modality,
    NotDone,
    Picture,
    Provenance,
    Report,
    ToldView,
    UsedNetwork,
)

__all__ = [
    "NOT_FOR_CLINICAL_USE",
    "OUTLINED",
    "PRESERVED_EF",
    "REDUCED_EF",
    "SPLITS",
    "STRUCTURES",
    "Batch",
    "BeatEf",
    "Caliper",
    "Cine",
    "CineSummary",
    "Clip",
    "ClipSpec",
    "Contour",
    "Curve",
    "Diagnosis",
    "Directions",
    "Explanation",
    "Frames",
    "Mask",
    "MaskSource",
    "Measurement",
    "Modality",
    "NotDone",
    "Picture",
    "Prediction",
    "Provenance",
    "Report",
    "Source",
    "Split",
    "Study",
    "ToldView",
    "UsedNetwork",
]

Directions: TypeAlias = tuple[float, float, float, float, float, float]
"""Unit vectors along a row and along a column of pixels in the patient: left, back and head are positive (DICOM)."""

Frames: TypeAlias = UInt8[np.ndarray, "time channel height width"] | Float32[np.ndarray, "time channel height width"]
"""Decoded frames: uint8 as stored (echo, video), float32 where the voxels have no fixed range (MRI)."""

Mask: TypeAlias = UInt8[np.ndarray, "height width"]
"""Label of every pixel: 0 background; cine MRI as ACDC has it: 1 right ventricle, 2 myocardium, 3 left ventricle."""

STRUCTURES = ("rv", "myocardium", "lv")
"""What the labels 1, 2 and 3 of a mask are called."""
LV = "lv"

OUTLINED = ("fov", "epicardium")
"""Structures of echo frames that have outlines alone, and no label in a mask: the field of view (what the probe sees;
of a screen with several images the left-most, of Doppler and M-mode the strip and its trace), and the left ventricle
with its wall, closed by the plane of the mitral valve."""

Contour: TypeAlias = Float[np.ndarray, "_points 2"]
"""An outline (x, y) in pixels of the cine's own frames. An LV endocardium starts at one mitral hinge and ends at the
other, by way of the apex; the mitral plane closes it."""

MaskSource: TypeAlias = Mask | Path | tuple[Path, int]
"""A mask, a volume file that holds it (the cine's ``slice_index`` applies), or a file and which of its planes it is."""

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Source: TypeAlias = Path | tuple[Path, ...] | np.ndarray
"""Where the frames are: one file, several files in the order of time, or the frames themselves."""

REDUCED_EF = 40.0  # %, HFrEF below this (ESC 2021)
PRESERVED_EF = 50.0  # %, HFpEF from this on; between the two HFmrEF (ESC 2021)


@dataclass(frozen=True, kw_only=True)
class Caliper:
    """Two points between which somebody measured, (x, y) in pixels of the cine's own frames."""

    frame: int
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length(self) -> float:
        """Distance of the points, pixels."""
        return math.dist(self.start, self.end)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cine:
    """One recorded loop. Only its header has been read: ``io.load`` decodes the frames.

    An ACDC or DICOM short-axis stack is a study of many cines, one for each slice.
    """

    source: Source
    modality: Modality
    view: str | None = None
    """Clinical name (A4C, A2C, PLAX, SAX …), None where unknown."""
    frames: int | None = None
    """Number of frames that the header declares, None where it says nothing."""
    height: int | None = None
    width: int | None = None
    spacing_mm: tuple[float, float] | None = None
    """Height and width of a pixel (row, column), mm."""
    times_ms: tuple[float, ...] | None = None
    """Time of each frame from the first, ms; None where nothing reliable says so."""
    region: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom of the image content in pixels (right and bottom excluded), inside the frame."""
    slice_index: int | None = None
    """Which slice of a volume file this cine is."""
    frame_index: int | None = None
    """Which frame of its source this cine is, alone; None: all of them."""
    position_mm: float | None = None
    """Position of the slice along the normal of its stack, mm."""
    directions: Directions | None = None
    """How the slice lies in the patient; None where nothing reliable says so."""
    stack: int | None = None
    """Which of the study's stacks of parallel slices this is one of, from 0; None where one file is the stack."""
    thickness_mm: float | None = None
    """Distance to the next slice of the stack, mm."""
    contours: Mapping[int, Contour] = field(default_factory=empty)
    """LV endocardial outlines by frame index."""
    masks: Mapping[int, MaskSource] = field(default_factory=empty)
    """Label masks by frame index, or where they are; ``io.load_mask`` decodes one."""
    outlines: Mapping[str, Mapping[int, Contour]] = field(default_factory=empty)
    """Closed outlines of other structures (``OUTLINED``) by name and frame index."""
    calipers: Mapping[str, Caliper] = field(default_factory=empty)
    """Distances that a reader measured, by name (``ivsd``, ``lvidd`` …)."""
    notes: tuple[str, ...] = ()
    """What the reader noticed and the user should know ("colour Doppler", "frame times from CineRate")."""

    @property
    def frame_ms(self) -> float | None:
        """Mean time between frames, ms; None where the times are unknown or there is one frame."""
        if self.times_ms is None or len(self.times_ms) < 2:
            return None
        return (self.times_ms[-1] - self.times_ms[0]) / (len(self.times_ms) - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One examination of one patient: the unit of splitting, of reporting and of leakage control."""

    id: str
    cines: tuple[Cine, ...]
    patient: str | None = None
    """Who was examined; None means that the study stands for its patient. Never an input of a model."""
    split: Split | None = None
    labels: Mapping[str, float | str] = field(default_factory=empty)
    """What is known: ``ef`` (%), ``edv_ml``, ``esv_ml``, ``group``, ``ed_frame``, ``es_frame`` (indices from 0), the
    ``fold`` (from 0) in which the study is tested on …"""

    @property
    def patient_id(self) -> str:
        """The patient, or the study where the layout knows no patients."""
        return self.patient if self.patient is not None else self.id


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """How frames become a network's input. Training and inference share it, and the checkpoint carries it."""

    length: int = 28
    """Frames in a clip."""
    period: int = 1
    """Take every ``period``-th recorded frame; used when ``step_ms`` is not given."""
    step_ms: float | None = None
    """Time between the frames of a clip, ms; a loop is resampled to it (nearest frame). Not given: as recorded."""
    time: Literal["frames", "loop", "cycle"] = "frames"
    """``frames``: recorded frames, by ``period`` or ``step_ms``. ``loop``: the whole loop, brought to ``length`` frames
    by splines through time. ``cycle``: so too, one heartbeat, named by the study or found in it; else the loop."""
    height: int = 112
    """Of the network's input, pixels."""
    width: int = 112
    """Of the network's input, pixels."""
    channels: Literal[1, 3] = 1
    """1: luminance. 3: as recorded, grey triplicated."""
    crop: Literal["none", "sector", "centre", "roi"] = "none"
    """``sector``: find the ultrasound sector, blank what lies outside it, crop it square. ``centre``: what lies about
    the middle of the frame, every pixel ``spacing_mm`` wide. ``roi``: the square around the heart as an expert's masks
    have it, which nobody has of a new patient (paper 003). ``none``: the whole frame."""
    spacing_mm: float | None = None
    """Height and width of a pixel where ``crop`` is ``centre``, mm."""
    resize: Literal["smooth", "nearest"] = "smooth"
    """How frames come to their size. ``smooth``: the mean of what a pixel covers where they shrink, else bilinear.
    ``nearest``: the recorded pixel at the middle of each, as paper 004 has it."""
    mask: str = ""
    """Which outline of which network blanks all that lies outside it on recorded frames, before anything else is done
    with them (``clips.masking``): the structure, a colon, the hash of the weights. Empty: none."""
    neighbours: int = 0
    """Of a stack of slices: so many on each side are shown with a slice at the same phase, as further channels; black
    beyond the ends of the stack."""
    mean: tuple[float, ...] = (0.0,)
    """Subtracted, in grey levels 0–255; one value, or one a channel."""
    std: tuple[float, ...] = (255.0,)
    """Divided by, in grey levels 0–255; one value, or one a channel."""
    padding: Literal["before", "after"] = "before"
    """Zeros that extend a short loop or a shifted frame come before normalisation (black, as CoReEcho does) or after
    it (the mean grey, as EchoNet-Dynamic does)."""

    def __post_init__(self) -> None:
        positive = {"length": self.length, "period": self.period, "height": self.height, "width": self.width}
        for name, value in positive.items():
            if value < 1:
                raise ConfigError("OUT_OF_RANGE", f"{value} is below 1", "give at least 1", where=name)
        if self.step_ms is not None and not 0 < self.step_ms < math.inf:
            raise ConfigError(
                "OUT_OF_RANGE", f"{self.step_ms} ms is not a time step", "give ms above 0", where="step_ms"
            )
        if self.time != "frames" and self.step_ms is not None:
            what = f"a clip of a whole {self.time} has no step of its own"
            raise ConfigError("CONFLICT", what, "leave step_ms out, or choose time frames", where="step_ms")
        self._check_spacing()
        self._check_neighbours()
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels) or not all(math.isfinite(value) for value in values):
                raise ConfigError("OUT_OF_RANGE", f"{values} does not fit {self.channels} channel(s)", where=name)
        if min(self.std) <= 0:
            raise ConfigError("OUT_OF_RANGE", f"{self.std} holds a value that is not above 0", where="std")

    def _check_spacing(self) -> None:
        if (self.spacing_mm is None) != (self.crop != "centre"):
            what = f"crop {self.crop} and a spacing of {self.spacing_mm} mm do not go together"
            raise ConfigError("CONFLICT", what, "crop centre has a spacing, no other has", where="spacing_mm")
        if self.spacing_mm is not None and not 0 < self.spacing_mm < math.inf:
            raise ConfigError("OUT_OF_RANGE", f"{self.spacing_mm} mm is no size", "give mm above 0", where="spacing_mm")

    def _check_neighbours(self) -> None:
        if self.neighbours < 0:
            raise ConfigError("OUT_OF_RANGE", f"{self.neighbours} is below 0", "give 0 or more", where="neighbours")
        if self.neighbours and (self.channels != 1 or self.time != "frames"):
            what = f"neighbouring slices are shown as channels of recorded grey frames, not of {self.time} in colour"
            raise ConfigError("CONFLICT", what, "choose channels 1 and time frames", where="neighbours")

    @property
    def planes(self) -> int:
        """Channels of the network's input: those of a frame, and of its neighbours."""
        return self.channels * (1 + 2 * self.neighbours)

    @property
    def span(self) -> int:
        """Recorded frames from the first to the last of a clip when ``period`` decides, both included."""
        return (self.length - 1) * self.period + 1

    def as_dict(self) -> dict[str, Any]:
        """A plain mapping for a manifest; ``from_dict`` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClipSpec:
        """The specification that ``as_dict`` wrote.

        Raises:
            ConfigError: UNKNOWN_KEY for a field that this version does not have.
        """
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise ConfigError("UNKNOWN_KEY", f"{sorted(unknown)} is not part of a clip specification", where="clip")
        tuples = {name: tuple(values[name]) for name in ("mean", "std") if name in values}
        return cls(**{**values, **tuples})


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One sampled window. It keeps its frame indices, so that any prediction can be traced to frames."""

    study: str
    cine: int
    indices: tuple[int, ...]
    """Frame index in the recording of each clip frame; -1 where the loop was too short and zeros stand in."""
    inputs: Mapping[str, Float32[np.ndarray, "channel time height width"]]
    """Named streams (``rgb``; later ``flow``, ``A2C`` …), normalised."""
    targets: Mapping[str, float] = field(default_factory=empty)
    masks: Mapping[str, Float32[np.ndarray, "time height width"]] = field(default_factory=empty)
    """Share of each pixel that a structure (``lv``) covers, 0 to 1; NaN throughout frames that nobody outlined."""

    @property
    def start(self) -> int:
        """Index of the first recorded frame."""
        return self.indices[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Clips side by side, as torch tensors."""

    inputs: Mapping[str, Float[Any, "batch channel time height width"]]
    targets: Mapping[str, Float[Any, " batch"]]
    studies: tuple[str, ...]
    cines: tuple[int, ...]
    starts: tuple[int, ...]
    masks: Mapping[str, Float[Any, "batch time height width"]] = field(default_factory=empty)

    def to(self, device: Any) -> Batch:
        """The same batch on another device."""
        inputs, targets, masks = (
            {name: tensor.to(device, non_blocking=True) for name, tensor in part.items()}
            for part in (self.inputs, self.targets, self.masks)
        )
        return replace(self, inputs=inputs, targets=targets, masks=masks)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One row of a prediction table: what a model said of one clip."""

    study: str
    patient: str
    split: str
    cine: int
    start: int
    quantity: str
    value: float
