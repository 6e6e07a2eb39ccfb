"""What a network is shown beside the frames as they are: differences between frames, halves of the picture.

A stream has a name: what it is, and where, if it is not the whole picture.

========================  ==============================================================================
``rgb``                   the frames as they are
``difference``            frame t minus frame t - 1, one frame less; each difference has mean 0 and standard deviation 1
``raw_difference``        the same as it is
``…_left``, ``…_right``   half of the width
``…_half``                half the resolution
========================  ==============================================================================

Source: paper 000's two-stream and fusion networks; the scaling and the halves are those of the code that it built
on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from cinecor.errors import ConfigError

Clip = Float32[np.ndarray, "channel time height width"]

WHOLE = "rgb"
CONTENTS = (WHOLE, "difference", "raw_difference")
PLACES = ("left", "right", "half")
LEAST_STD = 1e-6  # of a difference that is nothing at all, as the reference code has it


def make_streams(clip: Clip, names: Sequence[str]) -> Mapping[str, Float32[np.ndarray, "channel _time _height _width"]]:
    """The streams of a normalised clip, by name.

    Raises:
        ConfigError: UNKNOWN_KEY for a name that is no stream; OUT_OF_RANGE for differences of a single frame, or
            halves of an odd picture.
    """
    return {name: clip if name == WHOLE else _make(clip, name) for name in names}


def _make(clip: Clip, name: str) -> Float32[np.ndarray, "channel _time _height _width"]:
    content, place = split_name(name)
    return _place(_content(clip, content), place)


def split_name(name: str) -> tuple[str, str]:
    """What a stream is and where.

    Raises:
        ConfigError: UNKNOWN_KEY.
    """
    if name in CONTENTS:
        return name, ""
    content, _, place = name.rpartition("_")
    if content not in CONTENTS or place not in PLACES:
        known = f"{', '.join(CONTENTS)}, each with _{', _'.join(PLACES)}"
        raise ConfigError("UNKNOWN_KEY", f"there is no stream {name!r}", f"choose of {known}", where="streams")
    return content, place


def _content(clip: Clip, content: str) -> Float32[np.ndarray, "channel _time height width"]:
    if content == WHOLE:
        return clip
    if clip.shape[1] < 2:
        raise ConfigError("OUT_OF_RANGE", "a single frame has no difference", "give clips of two frames or more")
    change = np.diff(clip, axis=1)
    if content == "raw_difference":
        return change
    mean, deviation = (make(change, axis=(0, 2, 3), keepdims=True) for make in (np.mean, np.std))
    return np.asarray((change - mean) / np.maximum(deviation, LEAST_STD), dtype=np.float32)


def _place(clip: Float32[np.ndarray, "channel time height width"], place: str) -> np.ndarray:
    height, width = clip.shape[2:]
    if (place and width % 2) or (place == "half" and height % 2):
        raise ConfigError("OUT_OF_RANGE", f"a picture of {height}x{width} has no halves", "choose an even size")
    if place == "left":
        return np.ascontiguousarray(clip[..., : width // 2])
    if place == "right":
        return np.ascontiguousarray(clip[..., width // 2 :])
    if place == "half":
        size = (width // 2, height // 2)
        small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in clip.reshape(-1, height, width)]
        return np.stack(small).reshape(*clip.shape[:2], height // 2, width // 2)
    return clip
