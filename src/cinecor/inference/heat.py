"""A clip under its heat map: which places and moments raised the value, and which lowered it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cinecor.clips import cut, prepare
from cinecor.clips.sampling import ABSENT
from cinecor.inference.loop import PICTURE, Loop
from cinecor.inference.predictor import Predictor
from cinecor.inference.strip import SHOWN, side_by_side, spread
from cinecor.records import Frames, Picture

RAISES, LOWERS = (213, 94, 0), (0, 114, 178)
"""RGB, Okabe and Ito's orange and blue: apart for every kind of colour vision."""

THICKEST = 0.65  # opacity where the heat is 1: tissue still shows through
_TITLE = "Where the network looked (Grad-CAM): orange raised its value, blue lowered it; frames {frames}"
_RAISED = "Where the network looked (Grad-CAM): orange raised its value; frames {frames}"


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatedClip:
    """The frames of one clip under its heat map."""

    cine: int
    indices: tuple[int, ...]
    """Frame index in the recording of each."""
    frames: UInt8[np.ndarray, "time 3 height width"]
    shown: tuple[int, ...]
    """Places in ``frames`` of those that a strip shows, from ED to ES where a beat was found."""
    signed: bool

    def strip(self) -> Picture:
        """A few frames side by side."""
        row = side_by_side([self.frames[place].transpose(1, 2, 0) for place in self.shown])
        numbers = ", ".join(str(self.indices[place]) for place in self.shown)
        title = (_TITLE if self.signed else _RAISED).format(frames=numbers)
        return Picture(title=title, pixels=row, cine=self.cine, strip=True)


def heated_clip(predictor: Predictor, loop: Loop, recorded: Frames, *, signed: bool = True) -> HeatedClip:
    """The clip from the first beat's ED, or the middle one of those that are averaged, under its heat map.

    Raises:
        ConfigError: CONFLICT for a network that has no feature map to show.
    """
    start = loop.beat_starts[0] if loop.beat_starts else loop.starts[len(loop.starts) // 2]
    indices = loop.row(predictor.spec, start)
    heat = predictor.heat(cut(loop.frames, indices, predictor.spec), signed=signed)
    there = indices != ABSENT  # a short loop's clip ends in frames that are none
    chosen = indices[there]
    large = replace(predictor.spec, height=PICTURE, width=PICTURE, channels=1, mask="", mean=(0.0,), std=(255.0,))
    kinds, places = np.unique(chosen, return_inverse=True)
    frames = prepare(recorded, loop.cine, large)[kinds][places]
    return HeatedClip(
        cine=loop.index,
        indices=tuple(int(index) for index in chosen),
        frames=np.stack([overlay(frame[0], each) for frame, each in zip(frames, heat[there], strict=True)]),
        shown=_shown(chosen, loop),
        signed=signed,
    )


def overlay(
    frame: UInt8[np.ndarray, "height width"], heat: Float32[np.ndarray, "low narrow"]
) -> UInt8[np.ndarray, "3 height width"]:
    """A grey frame in colours: orange over what is above 0, blue over what is below, the stronger the thicker.

    Args:
        frame: of any size.
        heat: -1 to 1; enlarged to the frame's size.
    """
    height, width = frame.shape
    large = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    opacity = THICKEST * np.abs(large)
    colours = np.where(large[None] > 0, np.reshape(RAISES, (3, 1, 1)), np.reshape(LOWERS, (3, 1, 1)))
    return np.rint(frame * (1.0 - opacity) + colours * opacity).astype(np.uint8)


def _shown(indices: np.ndarray, loop: Loop) -> tuple[int, ...]:
    """Places in the clip, evenly from its first frame to the beat's ES, or over all of it."""
    es = next((frame for frame in loop.beats.es if frame > indices[0]), None)
    last = len(indices) - 1
    if loop.beat_starts and es is not None:
        last = max(int(np.abs(indices - es).argmin()), min(SHOWN, len(indices)) - 1)
    return spread(0, last)
