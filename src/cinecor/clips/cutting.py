"""Prepared frames and a row of indices become what a network sees."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from cinecor.clips.interpolation import resample
from cinecor.clips.sampling import ABSENT
from cinecor.records import ClipSpec, Frames

LEAST_STD = 2.0
"""Grey levels; below it the running average of ``_normalise_bytes`` would lose digits."""


def cut(
    frames: Frames, indices: Int64[np.ndarray, " length"], spec: ClipSpec
) -> Float32[np.ndarray, "channel length height width"]:
    """The frames at ``indices``, normalised; zeros where an index is -1. Of a whole loop or heartbeat, splines from the
    first index to the last.

    ``spec.padding`` says which zeros: ``before`` normalisation they are black (CoReEcho), ``after`` it they are the
    mean grey (EchoNet-Dynamic, EchoCoTr).
    """
    if spec.time != "frames":
        return normalise(gather(frames, indices, spec), spec)
    clip = normalise(_pick(frames, indices).swapaxes(0, 1), spec)
    absent = indices == ABSENT
    if absent.any():
        clip[:, absent] = normalise(padding_levels(spec), spec)
    return clip


def gather(
    frames: Frames, indices: Int64[np.ndarray, " length"], spec: ClipSpec
) -> UInt8[np.ndarray, "channel length height width"] | Float32[np.ndarray, "channel length height width"]:
    """The frames at ``indices`` in grey levels, channels first; black where an index is -1."""
    if spec.time != "frames":
        return resample(frames, int(indices[0]), int(indices[-1]), len(indices))
    picked = np.array(_pick(frames, indices))
    picked[indices == ABSENT] = 0
    return picked.swapaxes(0, 1)


def normalise(
    clip: UInt8[np.ndarray, "channel length height width"] | Float32[np.ndarray, "channel length height width"],
    spec: ClipSpec,
) -> Float32[np.ndarray, "channel length height width"]:
    """(grey level - mean) / std, channel by channel."""
    if clip.dtype == np.uint8 and min(spec.std) >= LEAST_STD:
        return _normalise_bytes(clip, spec)
    result = clip.astype(np.float32, order="C")
    result -= _column(spec.mean)
    result *= 1 / _column(spec.std)
    return result


def _normalise_bytes(
    clip: UInt8[np.ndarray, "channel length height width"], spec: ClipSpec
) -> Float32[np.ndarray, "channel length height width"]:
    """The same in one pass over the bytes, half as long: it is most of the cost of a clip from the cache.

    OpenCV's running average makes w·level + (1 - w)·start of each pixel; with w = 1 / std the start follows.
    """
    result = np.empty(clip.shape, dtype=np.float32)
    means, stds = np.broadcast_to(spec.mean, len(clip)), np.broadcast_to(spec.std, len(clip))
    for source, target, mean, std in zip(clip, result, means.tolist(), stds.tolist(), strict=True):
        weight = 1 / std
        target.fill(-mean * weight / (1 - weight))
        cv2.accumulateWeighted(source.reshape(-1, source.shape[-1]), target.reshape(-1, source.shape[-1]), weight)
    return result


def _pick(
    frames: Frames, indices: Int64[np.ndarray, " length"]
) -> UInt8[np.ndarray, "length channel height width"] | Float32[np.ndarray, "length channel height width"]:
    """The frames at ``indices``, any frame where an index is -1; a view, not a copy, of evenly spaced ones."""
    first, last, step = int(indices[0]), int(indices[-1]), int(indices[1] - indices[0]) if len(indices) > 1 else 1
    if 0 <= first <= last < len(frames) and step > 0 and np.array_equal(indices, np.arange(first, last + 1, step)):
        return frames[first : last + 1 : step]
    return frames.take(np.maximum(indices, 0), axis=0)


def padding_levels(spec: ClipSpec) -> Float32[np.ndarray, "values 1 1 1"]:
    """The grey level that stands for "no image": 0, or the mean where zeros come after normalisation.

    One for all channels, or one a channel.
    """
    mean = _column(spec.mean)
    return np.zeros_like(mean) if spec.padding == "before" else mean


def _column(values: tuple[float, ...]) -> Float32[np.ndarray, "values 1 1 1"]:
    return np.asarray(values, dtype=np.float32)[:, None, None, None]
