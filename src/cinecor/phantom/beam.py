"""Scatterers through an ultrasound beam: polar space, point spread, attenuation, artefacts; an envelope comes out."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Complex64, Float32

from cinecor.phantom.imaging import Beam, Imaging
from cinecor.phantom.scatterers import COUNT

SAMPLES = 304  # along depth
BEAMS = 128
_BANK = 6  # independent noise fields, rolled at random: drawing new ones would take longer than all the rest

Envelope = Float32[np.ndarray, "sample beam"]


class PolarImager:
    """Makes one envelope after another of a recording.

    Args:
        imaging: the recording.
        rng: for clutter and noise.
    """

    def __init__(self, imaging: Imaging, rng: np.random.Generator) -> None:
        self._plane, self._beam, self._rng = imaging.plane, imaging.beam, rng
        depth = np.linspace(0.0, 1.0, SAMPLES, dtype=np.float32)[:, None]
        across = np.linspace(-1.0, 1.0, BEAMS, dtype=np.float32)[None]
        self._gain = _gain(self._beam, depth, across)
        # Beams lie closer together near the probe, so a cell there holds fewer scatterers.
        # The second factor makes the mean power of myocardium 1, whatever the size of the point spread.
        power = 4.0 * np.pi * self._beam.axial * self._beam.lateral * SAMPLES * BEAMS / (2.0 * COUNT)
        self._density = (np.sqrt(power) / np.sqrt(np.maximum(2.0 * depth, 0.08)))[..., None].astype(np.float32)
        self._clutter = _clutter(self._beam, depth, rng)
        self._bank = _smooth_noise(rng, _BANK, 0.9)
        self._wide = np.clip(np.abs(depth - self._beam.focus) * 1.6, 0.0, 1.0)[..., None]

    def image(
        self,
        positions: Float32[np.ndarray, "scatterer 2"],
        amplitudes: Complex64[np.ndarray, " scatterer"],
        shift_mm: tuple[float, float],
    ) -> Envelope:
        """The envelope of one frame; ``shift_mm`` (u, w) is where the probe has drifted."""
        cells = self._accumulate(positions, amplitudes, shift_mm)
        sharp = cv2.GaussianBlur(cells, (0, 0), sigmaX=self._beam.lateral, sigmaY=self._beam.axial)
        broad = cv2.GaussianBlur(sharp, (0, 0), sigmaX=self._beam.lateral * (0.5 + self._beam.spread), sigmaY=0.01)
        field = sharp + self._wide * (broad * (1.0 + 0.6 * self._beam.spread) - sharp)
        field = field * self._density + self._clutter
        envelope = np.hypot(field[..., 0], field[..., 1]) * self._gain
        return envelope + np.float32(self._beam.noise) * self._noise()

    def _accumulate(
        self,
        positions: Float32[np.ndarray, "scatterer 2"],
        amplitudes: Complex64[np.ndarray, " scatterer"],
        shift_mm: tuple[float, float],
    ) -> Float32[np.ndarray, "sample beam 2"]:
        across = positions[:, 0] - np.float32(self._plane.probe[0] + shift_mm[0])
        down = positions[:, 1] - np.float32(self._plane.probe[1] + shift_mm[1])
        sample = np.hypot(across, down) * np.float32((SAMPLES - 1) / self._plane.depth)
        angle = np.arctan2(across, down) - np.float32(self._plane.tilt)
        beam = (angle * np.float32(0.5 / self._plane.half_angle) + np.float32(0.5)) * (BEAMS - 1)
        row, column = (sample + 0.5).astype(np.int32), (beam + 0.5).astype(np.int32)
        seen = (row < SAMPLES) & (beam > -0.5) & (column < BEAMS)
        cell = row[seen] * BEAMS + column[seen]
        echo = amplitudes[seen]
        parts = [np.bincount(cell, weights, SAMPLES * BEAMS) for weights in (echo.real, echo.imag)]
        return np.stack(parts, axis=-1).reshape(SAMPLES, BEAMS, 2).astype(np.float32)

    def _noise(self) -> Envelope:
        """Electronic noise: the machine's gain lifts it with depth as it lifts the echoes."""
        field = self._bank[int(self._rng.integers(_BANK))]
        rolled = np.roll(field, (int(self._rng.integers(SAMPLES)), int(self._rng.integers(BEAMS))), axis=(0, 1))
        return np.hypot(rolled[..., 0], rolled[..., 1])


def _gain(beam: Beam, depth: Float32[np.ndarray, "sample 1"], across: Float32[np.ndarray, "1 beam"]) -> Envelope:
    sliders = np.interp(depth[:, 0], np.linspace(0.0, 1.0, len(beam.tgc)), beam.tgc)[:, None]
    gain = np.exp(sliders - beam.attenuation * depth) * (1.0 - beam.edge_loss * np.abs(across) ** 2.5)
    for centre, width, left, first in beam.shadows:
        shade = 1.0 - (1.0 - left) * np.exp(-(((across - centre) / width) ** 2))
        gain = gain * np.where(depth >= first, shade, 1.0)
    return gain.astype(np.float32)


def _clutter(
    beam: Beam, depth: Float32[np.ndarray, "sample 1"], rng: np.random.Generator
) -> Float32[np.ndarray, "sample beam 2"]:
    """What does not move with the heart: near field, reverberation between probe and chest wall, haze."""
    near = beam.near_clutter * np.exp(-depth / beam.near_depth)
    bands = sum(np.exp(-0.5 * ((depth - k * 0.07) / 0.008) ** 2) * 0.6**k for k in range(1, 5))
    level = near + beam.reverberation * bands + beam.haze
    wide = cv2.GaussianBlur(_smooth_noise(rng, 1, 1.3)[0], (0, 0), sigmaX=3.0, sigmaY=0.6)
    return (level[..., None] * wide / wide.std()).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, count: int, sigma: float) -> Float32[np.ndarray, "count sample beam 2"]:
    fields = [
        cv2.GaussianBlur(rng.standard_normal((SAMPLES, BEAMS, 2), np.float32), (0, 0), sigmaX=sigma, sigmaY=sigma)
        for _ in range(count)
    ]
    stack = np.stack(fields)
    return stack / stack.std()
