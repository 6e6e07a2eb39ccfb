"""Prepared frames and a row of indices become what a network sees."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from cinecor.clips.sampling import ABSENT
from cinecor.records import ClipSpec, Frames


def cut(
    frames: Frames, indices: Int64[np.ndarray, " length"], spec: ClipSpec
) -> Float32[np.ndarray, "channel length height width"]:
    """The frames at ``indices``, normalised; zeros where an index is -1.

    ``spec.padding`` says which zeros: ``before`` normalisation they are black (CoReEcho), ``after`` it they are the
    mean grey (EchoNet-Dynamic, EchoCoTr).
    """
    clip = normalise(gather(frames, indices), spec)
    clip[:, indices == ABSENT] = (padding_levels(spec) - _column(spec.mean)) / _column(spec.std)
    return clip


def gather(
    frames: Frames, indices: Int64[np.ndarray, " length"]
) -> UInt8[np.ndarray, "channel length height width"] | Float32[np.ndarray, "channel length height width"]:
    """The frames at ``indices`` in grey levels, channels first; black where an index is -1."""
    picked: np.ndarray = frames.take(np.maximum(indices, 0), axis=0)
    picked[indices == ABSENT] = 0
    return picked.swapaxes(0, 1)


def normalise(
    clip: UInt8[np.ndarray, "channel length height width"] | Float32[np.ndarray, "channel length height width"],
    spec: ClipSpec,
) -> Float32[np.ndarray, "channel length height width"]:
    """(grey level - mean) / std, channel by channel."""
    result: np.ndarray = np.subtract(clip, _column(spec.mean), dtype=np.float32)
    result /= _column(spec.std)
    return result


def padding_levels(spec: ClipSpec) -> Float32[np.ndarray, "values 1 1 1"]:
    """The grey level that stands for "no image": 0, or the mean where zeros come after normalisation.

    One for all channels, or one a channel.
    """
    mean = _column(spec.mean)
    return np.zeros_like(mean) if spec.padding == "before" else mean


def _column(values: tuple[float, ...]) -> Float32[np.ndarray, "values 1 1 1"]:
    return np.asarray(values, dtype=np.float32)[:, None, None, None]
