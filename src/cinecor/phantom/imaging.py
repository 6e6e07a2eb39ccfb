"""How one echo loop is recorded: where the probe stands, what the beam does, how the machine draws grey levels.

Drawn from a stream of its own, so that nothing but the heart itself can tell its ejection fraction. The ranges are
wide on purpose: machines, settings and windows differ more between labs than hearts do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cinecor.phantom.population import generator
from cinecor.phantom.views import A4C, View


@dataclass(frozen=True, kw_only=True)
class Plane:
    """An imaging plane through the heart, and the probe in it. Millimetres and radians."""

    view: View = A4C
    """The plane that the hand looked for; the other fields say how well it found it."""
    probe: tuple[float, float]
    """Position of the sector's apex in the plane: u (to the right), w (down, away from the probe)."""
    yaw: float
    """Turn about the picture's vertical, away from the view's plane."""
    slope: float
    """Lean of the vertical out of the view's plane: a foreshortened apical view where it is large."""
    offset: float
    """Distance of the plane from the view's centre, along its normal."""
    tilt: float
    """Turn of the sector within the plane."""
    half_angle: float
    depth: float


@dataclass(frozen=True, kw_only=True)
class Beam:
    """Resolution, attenuation and artefacts in polar space."""

    axial: float
    """Sigma of the pulse, in samples of depth."""
    lateral: float
    """Sigma of the beam, in beams, at the focus."""
    spread: float
    """How much wider the beam is far from the focus."""
    focus: float
    """Depth of the focus as a part of the whole."""
    attenuation: float
    """Loss to the deepest sample, nepers, after compensation (negative: overcompensated)."""
    tgc: tuple[float, ...]
    """Gain (nepers) of eight sliders from shallow to deep."""
    edge_loss: float
    """Loss of amplitude at the sector's sides, 0 to 1."""
    shadows: tuple[tuple[float, float, float, float], ...]
    """Centre and width (in half-angles), remaining amplitude and first depth of each shadow."""
    near_clutter: float
    near_depth: float
    reverberation: float
    haze: float
    """Static clutter over the whole image."""
    noise: float
    specular: float
    """How much brighter a wall is that faces the beam."""


@dataclass(frozen=True, kw_only=True)
class Display:
    """From echo amplitude to grey level."""

    dynamic_range_db: float
    gain_db: float
    reject: float
    gamma: float
    persistence: float
    """Weight of the frame before."""
    smooth_px: float
    sharpen: float


@dataclass(frozen=True, kw_only=True)
class Tissues:
    """Echo amplitudes, myocardium = 1."""

    blood: float
    outside: float
    outside_spread: float
    pericardium: float
    leaflet: float
    patchiness: float
    muscle_bands: float
    posterior: float
    """Nepers by which tissue behind the atria is brighter than other tissue around the heart."""


@dataclass(frozen=True, kw_only=True)
class Imaging:
    """Everything about a recording that is not the heart."""

    plane: Plane
    beam: Beam
    display: Display
    tissues: Tissues
    drift_mm: float
    breathing_mm: float
    breath_ms: float
    crop: float
    """1: the whole sector fits the square; below 1 its sides are cut off, as in many exports."""


def draw_imaging(seed: int, index: int, heart_length_mm: float, view: View = A4C) -> Imaging:
    """The recording of one view of one patient, as widely as machines and windows differ; ``quality.grade`` narrows it.

    ``heart_length_mm`` (apex to mitral plane) only decides how deep is deep enough. All views of a patient are recorded
    with the machine and through the tissue of the first, the four-chamber view.
    """
    first = _draw(generator(seed, index, "imaging"), heart_length_mm, A4C)
    if view == A4C:
        return first
    own = _draw(generator(seed, index, f"imaging {view.name}"), heart_length_mm, view)
    beam = replace(
        own.beam, axial=first.beam.axial, lateral=first.beam.lateral, spread=first.beam.spread, focus=first.beam.focus
    )
    return replace(own, beam=beam, display=first.display, tissues=first.tissues)


def _draw(rng: np.random.Generator, heart_length_mm: float, view: View) -> Imaging:
    place = _apical if view.window == "apical" else _parasternal
    return Imaging(
        plane=place(rng, heart_length_mm, view),
        beam=_beam(rng),
        display=_display(rng),
        tissues=_tissues(rng),
        drift_mm=float(rng.uniform(0.0, 0.12)),
        breathing_mm=float(abs(rng.normal(0.0, 1.2))),
        breath_ms=float(rng.uniform(2500.0, 5500.0)),
        crop=float(rng.choice([1.0, rng.uniform(0.78, 1.0)])),
    )


def _apical(rng: np.random.Generator, heart_length_mm: float, view: View) -> Plane:
    gap = float(rng.uniform(4.0, 30.0))
    depth = float(max(rng.uniform(115.0, 195.0), rng.uniform(1.25, 1.45) * heart_length_mm + gap))
    return Plane(
        view=view,
        probe=(float(rng.normal(-8.0, 9.0)), -gap),
        yaw=float(rng.normal(0.0, 0.14)),
        slope=float(rng.normal(0.0, 0.07)),
        offset=float(rng.normal(0.0, 2.0)),
        tilt=float(rng.normal(-0.05, 0.12)),
        half_angle=math.radians(float(rng.uniform(31.0, 47.0))),
        depth=depth,
    )


def _parasternal(rng: np.random.Generator, heart_length_mm: float, view: View) -> Plane:
    """The chest wall lies in front of the right ventricle."""
    before = view.distance * float(rng.uniform(0.9, 1.12)) * heart_length_mm
    behind = float(rng.uniform(0.55, 0.85)) * heart_length_mm
    return Plane(
        view=view,
        probe=(float(rng.normal(0.0, 0.06)) * heart_length_mm, -before),
        yaw=float(rng.normal(0.0, 0.07)),
        slope=float(rng.normal(0.0, 0.05)),
        offset=float(rng.normal(0.0, 1.5)),
        tilt=float(rng.normal(0.0, 0.08)),
        half_angle=math.radians(float(rng.uniform(34.0, 47.0))),
        depth=before + behind,
    )


def _beam(rng: np.random.Generator) -> Beam:
    shadows = tuple(
        (
            float(rng.uniform(-1.0, 1.0)),
            float(rng.uniform(0.05, 0.25)),
            float(rng.uniform(0.03, 0.6)),
            float(rng.choice([0.0, rng.uniform(0.0, 0.6)])),
        )
        for _ in range(int(rng.poisson(0.7)))
    )
    return Beam(
        axial=float(rng.uniform(0.8, 1.6)),
        lateral=float(rng.uniform(1.0, 2.2)),
        spread=float(rng.uniform(0.2, 1.3)),
        focus=float(rng.uniform(0.3, 0.8)),
        attenuation=float(rng.uniform(-0.3, 1.6)),
        tgc=tuple(float(value) for value in rng.normal(0.0, 0.28, 8)),
        edge_loss=float(rng.uniform(0.0, 0.85)),
        shadows=shadows,
        near_clutter=float(rng.choice([0.3, 1.0]) * rng.uniform(0.0, 3.0)),
        near_depth=float(rng.uniform(0.02, 0.10)),
        reverberation=float(rng.choice([0.0, rng.uniform(0.1, 0.8)])),
        haze=float(0.16 * rng.random() ** 2),
        noise=float(np.exp(rng.uniform(math.log(0.004), math.log(0.09)))),
        specular=float(rng.uniform(0.2, 1.0)),
    )


def _display(rng: np.random.Generator) -> Display:
    return Display(
        dynamic_range_db=float(rng.uniform(34.0, 62.0)),
        gain_db=float(rng.uniform(-12.0, 4.0)),
        reject=float(rng.uniform(0.0, 0.18)),
        gamma=float(rng.uniform(0.8, 1.9)),
        persistence=float(rng.choice([0.0, rng.uniform(0.1, 0.55)])),
        smooth_px=float(rng.uniform(0.0, 0.8)),
        sharpen=float(rng.choice([0.0, rng.uniform(0.1, 0.7)])),
    )


def _tissues(rng: np.random.Generator) -> Tissues:
    return Tissues(
        blood=float(np.exp(rng.uniform(math.log(0.004), math.log(0.06)))),
        outside=float(np.exp(rng.normal(math.log(0.30), 0.55))),
        outside_spread=float(rng.uniform(0.5, 1.4)),
        pericardium=float(np.exp(rng.normal(math.log(1.9), 0.5))),
        leaflet=float(np.exp(rng.normal(math.log(0.75), 0.55))),
        patchiness=float(rng.uniform(0.25, 0.9)),
        muscle_bands=float(rng.uniform(0.0, 1.5)),
        posterior=float(rng.uniform(0.0, 1.6)),
    )
