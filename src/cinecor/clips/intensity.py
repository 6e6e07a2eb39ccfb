"""Grey levels of a clip made otherwise: tone, speckle, blur, shadow, uneven brightness, noise.

What is random in them is a function of a seed; nothing here draws one, see ``transforms``.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

BLACK_LEVELS = 8.0
"""Grey levels below which the tone curve returns to 0: what is blank stays blank (MJPEG leaves a few levels there)."""
PIVOT = 64.0
"""Grey level about which contrast turns: well below mid-grey, as most of an echo frame is blood and background."""
BYTE_MEAN, BYTE_STD = 127.5, math.sqrt((256**2 - 1) / 12)
"""Of bytes drawn uniformly."""
BIAS_KNOTS = 3
"""A brightness field is drawn at so many places along each side."""
SOFT_DEG = 2.0
"""Width of the soft edge of a shadow or of a narrowed sector, degrees."""


def tone_curve(
    gain: float = 1.0, brightness: float = 0.0, contrast: float = 1.0, gamma: float = 1.0
) -> Float32[np.ndarray, " 256"]:
    """What each grey level becomes: gamma, then contrast about ``PIVOT``, then gain, then brightness (levels).

    Black stays black, and nothing leaves 0 to 255.
    """
    levels = np.arange(256, dtype=np.float64)
    curve = 255.0 * (levels / 255.0) ** gamma
    curve = (PIVOT + contrast * (curve - PIVOT)) * gain + brightness
    curve = np.clip(curve, 0.0, 255.0) * np.minimum(levels / BLACK_LEVELS, 1.0)
    return np.asarray(curve, dtype=np.float32)


def retone(
    clip: UInt8[np.ndarray, "channel time height width"] | Float32[np.ndarray, "channel time height width"],
    curve: Float32[np.ndarray, " 256"],
) -> Float32[np.ndarray, "channel time height width"]:
    """Every grey level through the curve; between whole levels it is linear, beyond 0 and 255 it is level."""
    if clip.dtype == np.uint8:
        rows = np.ascontiguousarray(clip).reshape(-1, clip.shape[-1])
        return np.asarray(cv2.LUT(rows, curve), dtype=np.float32).reshape(clip.shape)
    return np.asarray(np.interp(clip, np.arange(256), curve), dtype=np.float32)


def add_speckle(
    clip: Float32[np.ndarray, "channel time height width"], strength: float, grain_px: float, seed: int
) -> Float32[np.ndarray, "channel time height width"]:
    """Multiplicative noise of standard deviation ``strength`` in grains of ``grain_px`` (sigma), new in every frame.

    All channels of a frame share it, so that grey stays grey. The noise is a function of ``seed`` alone: random bytes,
    smoothed, which a grain of a pixel or more makes nearly Gaussian (and ten times faster to draw).
    """
    generator = np.random.Generator(np.random.Philox(seed))
    raw = generator.integers(0, 256, clip.shape[1:], dtype=np.uint8)
    kernel = cv2.getGaussianKernel(_odd(grain_px), grain_px, cv2.CV_32F)
    noise = np.empty(raw.shape, dtype=np.float32)
    for source, target in zip(raw, noise, strict=True):
        cv2.sepFilter2D(source, cv2.CV_32F, kernel, kernel, dst=target, borderType=cv2.BORDER_REFLECT)
    gain = strength / (BYTE_STD * float(np.sum(kernel**2)))
    noise *= gain
    noise += 1.0 - BYTE_MEAN * gain
    varied = clip * noise
    return np.clip(varied, 0.0, 255.0, out=varied)


def blur(
    clip: Float32[np.ndarray, "channel time height width"], sigma_px: float
) -> Float32[np.ndarray, "channel time height width"]:
    """Each frame smoothed by a Gaussian; the edge is mirrored."""
    result = np.empty_like(clip)
    size = (_odd(sigma_px), _odd(sigma_px))
    for source, target in zip(_planes(clip), _planes(result), strict=True):
        cv2.GaussianBlur(source, size, sigma_px, dst=target, borderType=cv2.BORDER_REFLECT)
    return result


def shadow_mask(
    height: int, width: int, centre_deg: float, width_deg: float, transmission: float, depth: float
) -> Float32[np.ndarray, "height width"]:
    """What a shadow lets through: ``transmission`` in a wedge of beams from ``depth`` (of the height) on, else 1.

    The beams leave from the middle of the top edge, 0° straight down, as in an apical view cropped to its sector.
    """
    inside = _ramp((width_deg / 2 - np.abs(beam_angles(height, width) - centre_deg)) / SOFT_DEG)
    inside[: int(depth * height)] = 0.0
    return (1.0 - (1.0 - transmission) * inside).astype(np.float32)


def sector_mask(height: int, width: int, left_deg: float, right_deg: float) -> Float32[np.ndarray, "height width"]:
    """1 between the two edges of a narrower sector (degrees from straight down, left is negative), 0 outside."""
    angles = beam_angles(height, width)
    return _ramp(np.minimum(angles - left_deg, right_deg - angles) / SOFT_DEG).astype(np.float32)


@lru_cache(maxsize=16)
def beam_angles(height: int, width: int) -> Float[np.ndarray, "height width"]:
    """Angle of the beam through each pixel, degrees from straight down; read-only."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    angles: np.ndarray = np.degrees(np.arctan2(columns - (width - 1) / 2, rows + 0.5))
    angles.flags.writeable = False
    return angles


def bias_field(height: int, width: int, strength: float, seed: int) -> Float32[np.ndarray, "height width"]:
    """Factors of a brightness that is uneven over the image, as a coil's is: exp of a smooth field of ±``strength``.

    Drawn at ``BIAS_KNOTS`` x ``BIAS_KNOTS`` places; a function of the arguments alone.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    knots = generator.uniform(-strength, strength, (BIAS_KNOTS, BIAS_KNOTS)).astype(np.float32)
    return np.exp(np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32))


def add_noise(
    clip: Float32[np.ndarray, "channel time height width"], strength: float, seed: int
) -> Float32[np.ndarray, "channel time height width"]:
    """Gaussian noise of standard deviation ``strength`` (grey levels), new in every pixel; a function of ``seed``.

    All channels of a frame share it, so that grey stays grey.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    noise = generator.standard_normal(clip.shape[1:], dtype=np.float32) * np.float32(strength)
    return np.clip(clip + noise, 0.0, 255.0)


def _ramp(values: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    return np.asarray(np.clip(values + 0.5, 0.0, 1.0))


def _odd(sigma_px: float) -> int:
    """Kernel size that holds three sigmas on each side."""
    return 2 * int(np.ceil(3 * sigma_px)) + 1


def _planes(clip: Float32[np.ndarray, "channel time height width"]) -> Float32[np.ndarray, "plane height width"]:
    return clip.reshape(-1, *clip.shape[2:])
