"""Spectra of pulsed- and continuous-wave Doppler that follow from one heart's volume curve.

What the ventricle takes in each moment runs through the mitral valve, what it gives off through the outflow tract: flow
over area is velocity. The motion of the mitral ring is the tissue's velocity. A pulsed wave hears one place, where all
blood is about equally fast: a hollow envelope. A continuous wave hears the whole line: a filled one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.body import Body
from cinecor.phantom.cycle import contraction, volume

Kind = Literal["mitral", "outflow", "tissue", "aortic"]
PULSED: tuple[Kind, ...] = ("mitral", "outflow", "tissue")
PULSED_SHARES = (0.65, 0.15, 0.20)
_STEP = 1e-4  # of a cycle, for the slope of the volume curve
MITRAL_SHARE = 0.36  # of the mitral ring's area, through which blood runs between the leaflets' tips
FILTER_M_S = 0.07  # slower motion is not shown


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """How a spectrum is drawn."""

    kind: Kind
    top: float
    """Velocity at the strip's upper edge, m/s."""
    bottom: float
    """At its lower edge; negative: away from the probe."""
    hollow: float
    """Slowest velocity of the envelope over its fastest; 0: filled."""
    noise: float
    gain: float


def flow_ml_s(heart: Heart, phase: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """What the left ventricle takes in (positive) or gives off, mL/s: the slope of its volume curve."""
    ahead, behind = (volume(heart.timing, heart.edv, heart.esv, phase + way * _STEP) for way in (1.0, -1.0))
    return np.asarray((ahead - behind) / (2.0 * _STEP) * heart.heart_rate / 60.0)


def velocity_m_s(body: Body, kind: Kind, phase: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The fastest velocity along the beam from the apex, m/s; positive towards the probe.

    Args:
        body: whose.
        kind: ``mitral`` (inflow between the leaflets), ``outflow`` (below the aortic valve), ``aortic`` (the jet
            through that valve), ``tissue`` (the mitral ring).
        phase: of the cycle.
    """
    heart = body.heart
    if kind == "tissue":
        ahead, behind = (contraction(heart.timing, phase + way * _STEP) for way in (1.0, -1.0))
        descent = heart.mapse * (1.0 + heart.apex_share)
        return np.asarray((ahead - behind) / (2.0 * _STEP) * descent * heart.heart_rate / 60_000.0)
    flow, now = flow_ml_s(heart, phase), state(heart, 0.0)
    if kind == "mitral":
        return np.asarray(np.clip(flow, 0.0, None) / (MITRAL_SHARE * math.pi * now.a * now.b))
    radius = 0.95 * body.torso.annulus * body.vessels.size * (0.88 if kind == "aortic" else 1.0)
    return np.asarray(np.clip(flow, None, 0.0) / (math.pi * radius**2))


def draw_spectrum(body: Body, kind: Kind, rng: np.random.Generator) -> Spectrum:
    """Scale, baseline and gain as a hand would set them."""
    phase = np.linspace(0.0, 1.0, 400)
    fastest = float(np.abs(velocity_m_s(body, kind, phase)).max())
    room = max(fastest * float(rng.uniform(1.2, 1.7)), 0.12)
    if kind == "aortic":
        room = max(room, float(rng.uniform(1.6, 2.6)))
    main, other = room, room * float(rng.uniform(0.25, 0.6) if kind != "tissue" else rng.uniform(0.9, 1.1))
    up, down = (main, other) if kind in ("mitral", "tissue") else (other, main)
    return Spectrum(
        kind=kind,
        top=up,
        bottom=-down,
        hollow=0.0 if kind == "aortic" else float(rng.uniform(0.6, 0.8)),
        noise=float(rng.uniform(0.01, 0.06)),
        gain=float(rng.uniform(0.75, 1.15)),
    )


def paint_spectrum(
    body: Body,
    spectrum: Spectrum,
    phases: Float[np.ndarray, " column"],
    height: int,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "height column"]:
    """The spectrum in grey levels, a column for each phase; the baseline is where the velocity is 0."""
    rows = np.linspace(spectrum.top, spectrum.bottom, height, dtype=np.float32)[:, None]
    ripple = 1.0 + 0.05 * cv2.GaussianBlur(rng.standard_normal((1, len(phases))), (0, 0), 3.0)[0]
    power = _envelope(rows, velocity_m_s(body, spectrum.kind, phases) * ripple, spectrum)
    if spectrum.kind == "aortic":  # the same line crosses the stream that fills the ventricle
        power += 0.35 * _envelope(rows, 0.7 * velocity_m_s(body, "mitral", phases) * ripple, spectrum)
    if spectrum.kind != "tissue":
        power += _clicks(rows, body, phases, spectrum)
        slow = np.exp(-((np.abs(rows) / (0.12 * (spectrum.top - spectrum.bottom))) ** 2))
        power += 0.25 * slow * np.abs(np.sin(2.0 * np.pi * phases))[None]  # walls move slowly
        power *= np.abs(rows) > FILTER_M_S * min(1.0, spectrum.top - spectrum.bottom)
    speckle = cv2.GaussianBlur(rng.standard_normal((height, len(phases), 2), np.float32), (0, 0), 1.1)
    speckle = np.hypot(speckle[..., 0], speckle[..., 1])
    level = spectrum.gain * np.sqrt(power + spectrum.noise**2) * (0.25 + speckle / speckle.mean())
    return np.clip(255.0 * (1.0 - np.exp(-1.1 * level)), 0, 255).astype(np.uint8)


def _envelope(
    rows: Float32[np.ndarray, "height 1"], fastest: Float[np.ndarray, " column"], spectrum: Spectrum
) -> Float[np.ndarray, "height column"]:
    """Power between the slowest and the fastest velocity of every column, with soft edges."""
    soft = 0.018 * (spectrum.top - spectrum.bottom)
    way = np.sign(fastest)[None]
    speed, edge = rows * way, np.abs(fastest)[None]
    inner = spectrum.hollow * edge
    rise = 1.0 / (1.0 + np.exp(-np.clip((speed - inner) / soft, -30, 30)))
    fall = 1.0 / (1.0 + np.exp(np.clip((speed - edge) / (0.6 * soft), -30, 30)))
    brighter = 0.55 + 0.45 * np.clip(speed / np.maximum(edge, 1e-6), 0.0, 1.0) ** 2
    return np.asarray(rise * fall * brighter * (edge > 2.0 * soft) * (speed > 0))


def _clicks(
    rows: Float32[np.ndarray, "height 1"], body: Body, phases: Float[np.ndarray, " column"], spectrum: Spectrum
) -> Float[np.ndarray, "height column"]:
    """Valves that open and shut make a short sound of all pitches."""
    timing = body.heart.timing
    beat = np.mod(phases, 1.0)
    moments = (timing.systole, timing.opening) if spectrum.kind != "mitral" else (timing.opening, 0.0, 1.0)
    sound = sum(np.exp(-(((beat - moment) / 0.006) ** 2)) for moment in moments)
    return np.asarray(0.35 * sound[None] * np.exp(-np.abs(rows) / (0.3 * (spectrum.top - spectrum.bottom))))
