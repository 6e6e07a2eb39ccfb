"""Random variations of a clip for training: draw, then do.

``draw`` turns the ranges of an :class:`Augmentation` into one :class:`Variation`, plain numbers that can be logged,
stored and replayed; ``apply`` does what they say and draws nothing. All frames of a clip are varied alike (noise
apart), and the direction of time never changes. Grey levels go in and come out (0 to 255, before normalisation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from cinecor.clips import geometry, intensity
from cinecor.errors import ConfigError

Levels: TypeAlias = UInt8[np.ndarray, "channel time height width"] | Float32[np.ndarray, "channel time height width"]
Range: TypeAlias = tuple[float, float]

_DRAWS = 32  # uniform numbers a variation is made of; each has its place whether its range is used or not
SHADOW_CENTRE_DEG = 40.0
"""A shadow's middle beam lies at most so far from straight down."""

_FROM_ZERO = (
    *("pad", "rotation_deg", "shift", "brightness", "speckle", "blur_px"),
    *("elastic_px", "bias", "noise", "window_px"),
)
_BLACK = np.zeros((1, 1, 1, 1), dtype=np.float32)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or not math.isfinite(value):
        raise ConfigError("OUT_OF_RANGE", f"{value} is not between {low:g} and {high:g}", where=name)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges to draw from, uniformly. The default varies nothing."""

    pad: int = 0
    """Pad this many pixels on each side and crop back anywhere: a shift of -pad to pad whole pixels."""
    last_offset: bool = True
    """A frame padded by `pad` can be cropped at 2·pad + 1 offsets on each axis. true: any of them is drawn; false:
    never the last, as in EchoNet-Dynamic's code."""
    rotation_deg: float = 0.0
    """Turned by up to so many degrees to either side."""
    scale: Range = (1.0, 1.0)
    """Factor on the size of what is seen, about the middle: smallest, largest."""
    shift: float = 0.0
    """Moved by up to so much to any side, as a part of the height and of the width."""
    flip: float = 0.0
    """Probability of exchanging left and right."""
    gain: Range = (1.0, 1.0)
    """Factor on grey levels: smallest, largest."""
    brightness: float = 0.0
    """Added or taken away, up to so many grey levels."""
    contrast: Range = (1.0, 1.0)
    """Factor on how far grey levels lie from 64: smallest, largest."""
    gamma: Range = (1.0, 1.0)
    """Exponent on grey levels between black (0) and white (1): smallest, largest."""
    speckle: float = 0.0
    """Speckle of up to this standard deviation, as a part of the grey level."""
    grain_px: Range = (0.5, 1.5)
    """Size of the speckle's grains (sigma), pixels."""
    blur_px: float = 0.0
    """Gaussian blur of up to this sigma, pixels."""
    shadow: float = 0.0
    """Probability of a wedge of beams that is darkened or lost."""
    shadow_deg: Range = (4.0, 20.0)
    """Width of that wedge."""
    narrow: float = 0.0
    """Probability of a narrower sector."""
    narrow_deg: Range = (25.0, 45.0)
    """Half-angle of that sector, drawn for each side."""
    elastic_px: float = 0.0
    """Up to this standard deviation of a smooth random displacement, pixels."""
    bias: float = 0.0
    """Up to this strength of a brightness that is uneven over the image: factors of exp(-bias) to exp(bias)."""
    noise: float = 0.0
    """Up to this standard deviation of Gaussian noise, grey levels."""
    window_px: int = 0
    """Train on a square window of so many pixels a side, anywhere in the frame; 0: on whole frames. Networks that take
    any size learn faster from it, and see whole frames in validation and ever after."""
    swap: float = 0.0
    """Probability that the neighbours of a slice change sides, as in a stack recorded from the other end."""

    def __post_init__(self) -> None:
        for name in _FROM_ZERO:
            _check(name, float(getattr(self, name)), 0.0, math.inf)
        for name in ("flip", "shadow", "narrow", "swap"):
            _check(name, getattr(self, name), 0.0, 1.0)
        for name in ("scale", "gain", "contrast", "gamma", "grain_px", "shadow_deg", "narrow_deg"):
            low, high = getattr(self, name)
            _check(name, low, np.nextafter(0.0, 1.0), high)
            _check(name, high, low, math.inf)


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One draw: what is done to one clip. The default does nothing."""

    offset_px: tuple[int, int] = (0, 0)
    """Down and to the right, whole pixels."""
    rotation_deg: float = 0.0
    """Anticlockwise as seen."""
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    """Down and to the right, as a part of the height and of the width."""
    flip: bool = False
    gain: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    speckle: float = 0.0
    grain_px: float = 1.0
    speckle_seed: int = 0
    blur_px: float = 0.0
    shadow: tuple[float, float, float, float] | None = None
    """Centre (degrees), width (degrees), transmission, first depth (as a part of the height)."""
    sector_deg: tuple[float, float] | None = None
    """Left and right edge of a narrower sector."""
    elastic_px: float = 0.0
    elastic_seed: int = 0
    bias: float = 0.0
    bias_seed: int = 0
    noise: float = 0.0
    noise_seed: int = 0
    window_px: int = 0
    """Side of the window that is left of the frame; 0: all of it."""
    window_at: tuple[float, float] = (0.5, 0.5)
    """Where it lies, down and to the right, as a part of the way that it could."""
    swap: bool = False
    """Channels in reverse order: of neighbouring slices, so that those before come after."""

    def as_dict(self) -> dict[str, Any]:
        """A plain mapping for a log; ``from_dict`` reads it back, also by way of JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Variation:
        """The variation that ``as_dict`` wrote."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**plain)


NONE = Augmentation()
COREECHO = Augmentation(pad=6)
"""112 padded to 124, cropped to 112 anywhere: 13 offsets on each axis (CoReEcho's code)."""
ECHONET = Augmentation(pad=12, last_offset=False)
"""12 pixels on each side, offsets 0 to 23 (EchoNet-Dynamic's code); with ``ClipSpec.padding="after"``."""
TRANSFER = Augmentation(rotation_deg=20.0, scale=(0.8, 1.1), shift=0.1)
"""CoReEcho's transfer to CAMUS and HMC-QU as the paper has it (paper 001, section 3)."""
MADANI = Augmentation(rotation_deg=10.0, shift=0.1)
"""Paper 004's resolution study."""
WIDE = Augmentation(
    rotation_deg=15.0,
    scale=(0.85, 1.15),
    shift=0.08,
    gain=(0.7, 1.4),
    brightness=8.0,
    contrast=(0.8, 1.2),
    gamma=(0.7, 1.4),
    speckle=0.25,
    blur_px=1.0,
    shadow=0.25,
    narrow=0.2,
)
"""Ours, for weights that must bear machines and settings they have not seen; no paper's."""

CINE_MRI = Augmentation(
    rotation_deg=45.0,
    scale=(0.8, 1.25),
    shift=0.08,
    contrast=(0.8, 1.2),
    gamma=(0.7, 1.5),
    gain=(0.85, 1.15),
    blur_px=0.8,
    elastic_px=2.5,
    bias=0.3,
    noise=8.0,
)
"""Ours, for short-axis slices: what nnU-Net and the ACDC challenge's entries vary, without mirroring. Scanners show the
right ventricle on the left: in all 100 patients of ACDC's training set it lies within 65° of there."""

AUGMENTATIONS: Mapping[str, Augmentation] = {
    "none": NONE,
    "coreecho": COREECHO,
    "echonet": ECHONET,
    "transfer": TRANSFER,
    "madani": MADANI,
    "wide": WIDE,
    "cine_mri": CINE_MRI,
}


def beyond_offsets(augmentation: Augmentation) -> list[str]:
    """Names of the ranges that do more than move a clip by whole pixels; ``coreecho`` and ``echonet`` have none."""
    names = [name for name in augmentation.__dataclass_fields__ if getattr(augmentation, name) != getattr(NONE, name)]
    return [name for name in names if name not in ("pad", "last_offset")]


def draw(augmentation: Augmentation, generator: np.random.Generator) -> Variation:
    """One variation out of the ranges.

    Every quantity has its own place in the stream, so that widening one range leaves the others' draws as they were.
    """
    u = generator.random(_DRAWS)
    return Variation(
        offset_px=(_offset(augmentation, u[0]), _offset(augmentation, u[1])),
        rotation_deg=_between((-augmentation.rotation_deg, augmentation.rotation_deg), u[2]),
        scale=_between(augmentation.scale, u[3]),
        shift=(
            _between((-augmentation.shift, augmentation.shift), u[4]),
            _between((-augmentation.shift, augmentation.shift), u[5]),
        ),
        flip=bool(u[6] < augmentation.flip),
        gain=_between(augmentation.gain, u[7]),
        brightness=_between((-augmentation.brightness, augmentation.brightness), u[8]),
        contrast=_between(augmentation.contrast, u[9]),
        gamma=_between(augmentation.gamma, u[10]),
        speckle=_between((0.0, augmentation.speckle), u[11]),
        grain_px=_between(augmentation.grain_px, u[12]),
        speckle_seed=int(u[13] * 2**53),
        blur_px=_between((0.0, augmentation.blur_px), u[14]),
        shadow=_shadow(augmentation, u[16:20]) if u[15] < augmentation.shadow else None,
        sector_deg=_sector(augmentation, u[21:23]) if u[20] < augmentation.narrow else None,
        elastic_px=_between((0.0, augmentation.elastic_px), u[23]),
        elastic_seed=int(u[24] * 2**53),
        bias=_between((0.0, augmentation.bias), u[25]),
        bias_seed=int(u[26] * 2**53),
        noise=_between((0.0, augmentation.noise), u[27]),
        noise_seed=int(u[28] * 2**53),
        window_px=augmentation.window_px,
        window_at=(float(u[29]), float(u[30])),
        swap=bool(u[31] < augmentation.swap),
    )


def apply(
    variation: Variation, clip: Levels, fill: Float32[np.ndarray, "values 1 1 1"] = _BLACK
) -> Float32[np.ndarray, "channel time tall wide"]:
    """The clip as the variation has it, in grey levels.

    In this order: tone, speckle, blur, shadow, narrower sector, uneven brightness, noise (all of which belong to the
    image), then :func:`move`, image and sector together.
    """
    clip = np.ascontiguousarray(clip[::-1]) if variation.swap else clip
    return move(variation, _noisy(variation, _shaded(variation, _toned(variation, clip))), fill)


def move(
    variation: Variation,
    planes: Float32[np.ndarray, "channel time height width"],
    fill: Float32[np.ndarray, "values 1 1 1"] = _BLACK,
) -> Float32[np.ndarray, "channel time tall wide"]:
    """What a variation does to the place of things: all planes through one geometric map.

    ``fill`` (grey level, one for all channels or one a channel) comes in from outside the frame.
    """
    height, width = planes.shape[2:]
    straight = variation.rotation_deg == 0.0 and variation.scale == 1.0 and variation.shift == (0.0, 0.0)
    if straight and variation.elastic_px == 0.0 and variation.window_px == 0:
        return geometry.offset(planes[..., ::-1] if variation.flip else planes, *variation.offset_px, fill)
    size, displacement = size_of(variation, height, width), _displacement_of(variation, height, width)
    return geometry.warp(planes, matrix_of(variation, height, width), fill, size, displacement)


def move_points(
    variation: Variation, points: Float[np.ndarray, "points 2"], height: int, width: int
) -> Float64[np.ndarray, "points 2"]:
    """Where points (x, y) of a frame of that size come to lie."""
    matrix, displacement = matrix_of(variation, height, width), _displacement_of(variation, height, width)
    return geometry.move_points(points, matrix, displacement)


def size_of(variation: Variation, height: int, width: int) -> tuple[int, int]:
    """Height and width that a variation leaves of a frame of that size."""
    side = variation.window_px
    return (min(side, height), min(side, width)) if side else (height, width)


def matrix_of(variation: Variation, height: int, width: int) -> Float64[np.ndarray, "2 3"]:
    """The affine map (x, y) → (x, y) of a variation, pixels of a frame of that size and of what is left of it."""
    down = variation.shift[0] * height + variation.offset_px[0]
    right = variation.shift[1] * width + variation.offset_px[1]
    matrix = geometry.make_matrix(
        height, width, variation.rotation_deg, variation.scale, down, right, flip=variation.flip
    )
    tall, wide = size_of(variation, height, width)
    matrix[:, 2] -= round(variation.window_at[1] * (width - wide)), round(variation.window_at[0] * (height - tall))
    return matrix


def _displacement_of(variation: Variation, height: int, width: int) -> Float32[np.ndarray, "axis tall wide"] | None:
    if variation.elastic_px == 0.0:
        return None
    return geometry.make_displacement(*size_of(variation, height, width), variation.elastic_px, variation.elastic_seed)


def _toned(variation: Variation, clip: Levels) -> Float32[np.ndarray, "channel time height width"]:
    tone = (variation.gain, variation.brightness, variation.contrast, variation.gamma)
    same = tone == (1.0, 0.0, 1.0, 1.0)
    toned = clip.astype(np.float32) if same else intensity.retone(clip, intensity.tone_curve(*tone))
    if variation.speckle > 0:
        toned = intensity.add_speckle(toned, variation.speckle, variation.grain_px, variation.speckle_seed)
    return intensity.blur(toned, variation.blur_px) if variation.blur_px > 0 else toned


def _shaded(
    variation: Variation, clip: Float32[np.ndarray, "channel time height width"]
) -> Float32[np.ndarray, "channel time height width"]:
    height, width = clip.shape[2:]
    if variation.shadow is not None:
        clip = clip * intensity.shadow_mask(height, width, *variation.shadow)
    if variation.sector_deg is not None:
        clip = clip * intensity.sector_mask(height, width, *variation.sector_deg)
    return clip


def _noisy(
    variation: Variation, clip: Float32[np.ndarray, "channel time height width"]
) -> Float32[np.ndarray, "channel time height width"]:
    if variation.bias > 0:
        height, width = clip.shape[2:]
        clip = np.clip(clip * intensity.bias_field(height, width, variation.bias, variation.bias_seed), 0.0, 255.0)
    return intensity.add_noise(clip, variation.noise, variation.noise_seed) if variation.noise > 0 else clip


def _between(limits: Range, u: float) -> float:
    return float(limits[0] + (limits[1] - limits[0]) * u)


def _offset(augmentation: Augmentation, u: float) -> int:
    """Where a crop out of the padded frame moves the image: offset 0 moves it down (right) by the whole padding."""
    offsets = 2 * augmentation.pad + int(augmentation.last_offset or augmentation.pad == 0)
    return augmentation.pad - int(u * offsets)


def _shadow(augmentation: Augmentation, u: Float64[np.ndarray, " 4"]) -> tuple[float, float, float, float]:
    """Centre, width, transmission, first depth."""
    centre = _between((-SHADOW_CENTRE_DEG, SHADOW_CENTRE_DEG), u[0])
    return centre, _between(augmentation.shadow_deg, u[1]), _between((0.0, 0.5), u[2]), _between((0.0, 0.5), u[3])


def _sector(augmentation: Augmentation, u: Float64[np.ndarray, " 2"]) -> tuple[float, float]:
    return -_between(augmentation.narrow_deg, u[0]), _between(augmentation.narrow_deg, u[1])
