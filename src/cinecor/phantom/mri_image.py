"""One short-axis slice as balanced SSFP shows it: bright blood, grey muscle, dark lungs, in a body, through coils."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cinecor.phantom.anatomy import Heart
from cinecor.phantom.tissue import Tissue, classify

HEART_MM = 150.0  # side of the square in which tissue is looked up
SUBSLICES = 3  # thin slices averaged over the thickness: partial volume
RIGHT, MYOCARDIUM, LEFT = 1, 2, 3  # labels of a mask, as ACDC has them

_SIGNAL = {
    Tissue.LV_CAVITY: 1.0,
    Tissue.RV_CAVITY: 0.93,
    Tissue.LA_CAVITY: 0.96,
    Tissue.RA_CAVITY: 0.92,
    Tissue.LV_WALL: 0.36,
    Tissue.RV_WALL: 0.38,
    Tissue.LV_PAPILLARY: 0.4,
    Tissue.ATRIAL_WALL: 0.4,
    Tissue.ATRIAL_SEPTUM: 0.4,
    Tissue.MITRAL: 0.7,
    Tissue.TRICUSPID: 0.7,
    Tissue.PERICARDIUM: 0.3,
    Tissue.FAT: 0.8,
}  # blood of the left ventricle = 1 (bSSFP at 1.5 T)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """How a patient was scanned. Millimetres and radians."""

    size: int
    spacing: float
    turn: float
    """Of the heart in the image."""
    centre: tuple[float, float]
    """Of the left ventricle, from the middle of the image: to the right, down."""
    body: tuple[float, float]
    """Half-axes of the chest: across, front to back."""
    noise: float
    """Standard deviation in each channel, blood = 1."""
    bias: tuple[float, float, float]
    """Coil sensitivity: slope to the right, slope down, curvature."""
    resolution: float
    """Part of k-space that was sampled, along each axis."""
    gain: float
    """Scanner units of the signal of blood."""
    fat: float


def draw_scan(rng: np.random.Generator) -> Scan:
    """The scan of one patient: sizes and spacings as in ACDC (0.70 to 1.95 mm)."""
    spacing = float(np.clip(rng.normal(1.45, 0.25), 0.75, 1.92))
    field = float(rng.uniform(270.0, 350.0))
    return Scan(
        size=int(np.clip(round(field / spacing / 2) * 2, 154, 384)),
        spacing=spacing,
        turn=float(rng.normal(0.55, 0.25)),
        centre=(float(rng.normal(12.0, 12.0)), float(rng.normal(0.0, 12.0))),
        body=(float(rng.uniform(150.0, 190.0)), float(rng.uniform(105.0, 135.0))),
        noise=float(rng.uniform(0.012, 0.04)),
        bias=(float(rng.normal(0.0, 0.12)), float(rng.normal(-0.3, 0.15)), float(rng.uniform(0.1, 0.5))),
        resolution=float(rng.uniform(0.65, 0.95)),
        gain=float(rng.uniform(180.0, 900.0)),
        fat=float(rng.uniform(0.75, 1.15)),
    )


class SliceImager:
    """Images and masks of one slice of one patient.

    Args:
        heart: whose.
        scan: how.
        height_mm: position of the slice along the long axis, from the apex.
        thickness_mm: of the slice.
        shift_mm: where breathing has moved the slice (right, down).
        rng: for the body's texture and noise.
    """

    def __init__(
        self,
        heart: Heart,
        scan: Scan,
        height_mm: float,
        thickness_mm: float,
        shift_mm: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        self._heart, self._scan, self._rng = heart, scan, rng
        self._heights = height_mm + (np.arange(SUBSLICES) - (SUBSLICES - 1) / 2) * thickness_mm / SUBSLICES
        self._height = height_mm
        step = (np.arange(scan.size) + 0.5 - scan.size / 2) * scan.spacing
        self._right, self._down = np.meshgrid(step, step)
        across, along = self._right - scan.centre[0] - shift_mm[0], self._down - scan.centre[1] - shift_mm[1]
        cos, sin = np.cos(scan.turn), np.sin(scan.turn)
        self._x, self._y = cos * across + sin * along, sin * across - cos * along
        self._near = np.flatnonzero((np.abs(self._x) < HEART_MM / 2) & (np.abs(self._y) < HEART_MM / 2))
        self._body = _body(scan, self._right, self._down, self._x, self._y, rng)
        self._coils = _coils(scan, self._right, self._down)

    def image(self, phase: float) -> Float32[np.ndarray, "height width"]:
        """The slice at a phase of the cycle, scanner units."""
        signal = np.zeros(len(self._near))
        table = np.zeros(len(Tissue))
        for name, value in _SIGNAL.items():
            table[name] = value
        table[Tissue.FAT] *= self._scan.fat
        body = self._body.ravel()[self._near]
        for height in self._heights:
            labels = self._labels(height, phase)
            signal += np.where(labels == Tissue.OUTSIDE, body, table[labels]) / SUBSLICES
        picture = self._body.copy()
        picture.ravel()[self._near] = signal
        return self._scanned(picture * self._coils)

    def mask(self, phase: float) -> UInt8[np.ndarray, "height width"]:
        """Labels of the slice's middle plane; papillary muscles count as cavity, as ACDC's experts have it."""
        labels = self._labels(self._height, phase)
        found = np.zeros(len(labels), np.uint8)
        found[np.isin(labels, (Tissue.RV_CAVITY, Tissue.TRICUSPID))] = RIGHT
        found[labels == Tissue.LV_WALL] = MYOCARDIUM
        found[np.isin(labels, (Tissue.LV_CAVITY, Tissue.LV_PAPILLARY, Tissue.MITRAL))] = LEFT
        mask = np.zeros((self._scan.size, self._scan.size), np.uint8)
        mask.ravel()[self._near] = found
        return mask

    def _labels(self, height: float, phase: float) -> UInt8[np.ndarray, " points"]:
        x, y = self._x.ravel()[self._near], self._y.ravel()[self._near]
        return classify(self._heart, np.stack([x, y, np.full(len(x), height)], axis=1), phase)

    def _scanned(self, picture: Float[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
        """Through k-space: its outer part is missing (Gibbs ringing, blur), noise is complex, the magnitude is kept."""
        space = np.fft.fftshift(np.fft.fft2(picture))
        size, kept = self._scan.size, int(self._scan.size * self._scan.resolution / 2)
        window = np.zeros(size)
        window[size // 2 - kept : size // 2 + kept] = np.hanning(2 * kept) ** 0.35
        space *= window[:, None] * window[None]
        scanned = np.fft.ifft2(np.fft.ifftshift(space))
        noise = self._rng.normal(0.0, self._scan.noise, (2, size, size))
        return (np.abs(scanned + noise[0] + 1j * noise[1]) * self._scan.gain).astype(np.float32)


def _body(
    scan: Scan,
    right: Float[np.ndarray, "height width"],
    down: Float[np.ndarray, "height width"],
    x: Float[np.ndarray, "height width"],
    y: Float[np.ndarray, "height width"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "height width"]:
    """All but the heart: skin fat, muscle, lungs, liver, spine, fat around the heart, vessels."""
    across, deep = scan.body
    texture = cv2.resize(
        rng.normal(0.0, 1.0, (24, 24)).astype(np.float32), right.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    shape = np.sqrt((right / across) ** 2 + (down / deep) ** 2)
    body = np.where(shape < 1.0, scan.fat * 0.9, 0.0)
    body = np.where(shape < rng.uniform(0.86, 0.94), 0.42, body)  # chest wall
    for side in (-1.0, 1.0):
        lung = ((right - side * 0.45 * across) / (0.42 * across)) ** 2 + ((down + 0.05 * deep) / (0.72 * deep)) ** 2
        body = np.where(lung < 1.0, 0.06 + 0.02 * texture, body)
    liver = ((right + 0.4 * across) / (0.45 * across)) ** 2 + ((down - 0.62 * deep) / (0.42 * deep)) ** 2
    body = np.where((liver < 1.0) & (shape < 0.85), 0.42 + 0.03 * texture, body)
    spine = (right / 20.0) ** 2 + ((down - 0.72 * deep) / 22.0) ** 2
    body = np.where(spine < 1.0, 0.35, body)
    aorta = ((right + 18.0) / 11.0) ** 2 + ((down - 0.45 * deep) / 11.0) ** 2
    body = np.where(aorta < 1.0, 0.9, body)
    around = np.hypot((x + 22.0) / 78.0, y / 58.0) + 0.02 * texture
    body = np.where(around < 1.0, scan.fat * (0.6 + 0.08 * np.clip(texture, -1, 1)), body)
    soft = cv2.GaussianBlur(body.astype(np.float32), (0, 0), 0.8)
    return np.asarray(np.clip(soft, 0.0, None), dtype=np.float64)


def _coils(
    scan: Scan, right: Float[np.ndarray, "height width"], down: Float[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width"]:
    """Surface coils in front of the chest: brighter towards them."""
    u, v = right / 150.0, down / 150.0
    return np.asarray(np.exp(scan.bias[0] * u + scan.bias[1] * v + scan.bias[2] * (0.3 - u * u - v * v) * 0.5))
