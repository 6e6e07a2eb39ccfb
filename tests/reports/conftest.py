"""Reports for tests: one full one, and a maker of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cinecor.records import CineSummary, Curve, Measurement, NotDone, Picture, Provenance, Report

PROVENANCE = Provenance(
    version="0.1.0", model="i3d", weights_sha256="0123456789abcdef" * 4, trained_on="800 studies of synthetic hearts"
)


def _report(**changes: Any) -> Report:
    """An echo study of two loops with every kind of content; ``changes`` replace fields."""
    rng = np.random.default_rng(0)
    times = np.arange(60) * 20.0
    values = 80 + 30 * np.cos(times * 2 * np.pi / 800)
    full: dict[str, Any] = {
        "study": "0X1A2B",
        "modality": "US",
        "cines": (
            CineSummary(
                index=0,
                view="A4C",
                frames=60,
                frame_ms=20.00049,
                spacing_mm=(0.30000004, 0.4),
                height=112,
                width=120,
                ed_frames=(0, 40),
                es_frames=(20,),
                beats=((0, 20, 40),),
                heart_rate_bpm=75.0,
                notes=("frame times from CineRate",),
            ),
            CineSummary(index=1, view=None, frames=1, frame_ms=None, spacing_mm=None, height=112, width=112),
        ),
        "measurements": (
            Measurement(
                name="ef",
                value=48.12345,
                unit="%",
                low=39.05,
                high=57.2,
                level=0.9,
                method="mean of 3 clips",
                clips=((0, 0), (0, 8)),
            ),
            Measurement(name="edv_ml", value=110.04, unit="mL", method="single-plane Simpson"),
            Measurement(name="heart_rate", value=74.6, unit="1/min", low=70.2, high=80.9, level=0.95),
        ),
        "not_done": (NotDone(what="ef of loop 1", reason="the loop has one frame"),),
        "warnings": ("the weights were trained on synthetic hearts only",),
        "provenance": PROVENANCE,
        "pictures": (
            Picture(title="ED frame 0", pixels=rng.integers(0, 256, (112, 120, 1), dtype=np.uint8), cine=0),
            Picture(title="ES frame 20", pixels=rng.integers(0, 256, (112, 120, 3), dtype=np.uint8), cine=0),
        ),
        "curves": (
            Curve(
                title="LV volume",
                times_ms=times,
                values=values,
                unit="mL",
                marks={"ED": (0, 40), "ES": (20, 999)},
                cine=0,
            ),
        ),
    }
    return Report(**{**full, **changes})


def _stack(slices: int = 10, **changes: Any) -> Report:
    """A short-axis stack whose volumes come from masks: no weights, no training."""
    cines = tuple(
        CineSummary(
            index=index, view="SAX", frames=30, frame_ms=33.3, spacing_mm=(1.4, 1.4), height=216, width=256, **changes
        )
        for index in range(slices)
    )
    names = ("ef", "edv_ml", "esv_ml", "rvef", "rv_edv_ml", "rv_esv_ml", "lv_mass_g")
    return _report(
        study="patient101",
        modality="MR",
        cines=cines,
        measurements=tuple(
            Measurement(name=name, value=55.5, unit="%" if "ef" in name else "mL", method="masks") for name in names
        ),
        not_done=(),
        warnings=(),
        pictures=(),
        curves=(),
        provenance=Provenance(version="0.1.0", model="none (geometry of masks)", weights_sha256="", trained_on=""),
    )


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """``make_report(**changes)``: the full echo report with fields replaced."""
    return _report


@pytest.fixture
def make_stack() -> Callable[..., Report]:
    """``make_stack(slices, **changes)``: a stack measured from masks, fields of every loop replaced."""
    return _stack
