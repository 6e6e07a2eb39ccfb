"""Cutting against a loop over every pixel row, for both conventions of padding."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from cinecor.clips.cutting import cut, gather, normalise, padding_levels
from cinecor.records import ClipSpec

COREECHO_MEAN, COREECHO_STD = (32.49, 32.62, 32.93), (49.87, 49.88, 50.13)  # of its published code, times 255


def make_frames(channels: int = 1, dtype: str = "uint8") -> np.ndarray:
    levels = np.random.default_rng(0).integers(0, 256, (9, channels, 6, 5))
    return levels.astype(dtype)


def naive(frames: np.ndarray, indices: list[int], spec: ClipSpec) -> np.ndarray:
    """As the references do it, one frame after the other."""
    channels = frames.shape[1]
    mean, std = np.broadcast_to(spec.mean, channels), np.broadcast_to(spec.std, channels)
    clip = np.zeros((channels, len(indices), *frames.shape[2:]))
    for time, index in enumerate(indices):
        for channel in range(channels):
            if index >= 0:
                clip[channel, time] = (frames[index, channel].astype(float) - mean[channel]) / std[channel]
            elif spec.padding == "before":
                clip[channel, time] = (0.0 - mean[channel]) / std[channel]
    return clip


@pytest.mark.parametrize("padding", ["before", "after"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_cut_is_the_naive_loop(padding: Literal["before", "after"], dtype: str, channels: Literal[1, 3]) -> None:
    mean, std = ((32.5,), (50.0,)) if channels == 1 else (COREECHO_MEAN, COREECHO_STD)
    spec = ClipSpec(length=6, height=6, width=5, channels=channels, mean=mean, std=std, padding=padding)
    frames = make_frames(channels, dtype)
    indices = [8, 0, 3, 3, -1, -1]
    clip = cut(frames, np.array(indices), spec)
    assert clip.dtype == np.float32
    np.testing.assert_allclose(clip, naive(frames, indices, spec), rtol=1e-5, atol=1e-6)


def test_zeros_after_normalisation_are_exactly_zero_and_before_it_exactly_black() -> None:
    frames, indices = make_frames(), np.array([0, -1])
    frames[0, 0, 0, 0] = 0
    after = cut(frames, indices, ClipSpec(length=2, mean=(32.49,), std=(49.87,), padding="after"))
    before = cut(frames, indices, ClipSpec(length=2, mean=(32.49,), std=(49.87,), padding="before"))
    assert np.all(after[:, 1] == 0.0)
    np.testing.assert_allclose(before[:, 1], before[0, 0, 0, 0], rtol=1e-6)


def test_one_mean_serves_all_channels() -> None:
    spec = ClipSpec(length=2, channels=3, mean=(10.0,), std=(2.0,))
    clip = cut(make_frames(3), np.array([1, -1]), spec)
    np.testing.assert_allclose(clip[:, 0], (make_frames(3)[1] - 10.0) / 2.0)
    assert np.all(clip[:, 1] == -5.0)


def test_the_frames_are_left_as_they_were() -> None:
    frames = make_frames()
    frames.flags.writeable = False
    before = frames.copy()
    cut(frames, np.array([0, -1]), ClipSpec(length=2))
    gather(frames, np.array([0, -1]), ClipSpec())[:] = 7
    assert np.array_equal(frames, before)


@pytest.mark.parametrize("std", [0.5, 1.0, 1.9, 2.0, 2.1, 50.0, 255.0, 1e4])
def test_every_level_is_normalised_at_any_spread(std: float) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    spec = ClipSpec(mean=(37.25,), std=(std,))
    expected = (np.arange(256.0) - 37.25) / std
    np.testing.assert_allclose(normalise(levels, spec).ravel(), expected, rtol=3e-6, atol=3e-6 * 255 / std)
    np.testing.assert_allclose(normalise(levels.astype(np.float32), spec).ravel(), expected, rtol=1e-6)


def test_gather_then_normalise_is_cut() -> None:
    spec = ClipSpec(length=3, mean=(3.0,), std=(4.0,))
    frames, indices = make_frames(), np.array([2, 4, 8])
    assert np.array_equal(normalise(gather(frames, indices, ClipSpec()), spec), cut(frames, indices, spec))


def test_padding_levels_normalise_to_the_padding() -> None:
    assert padding_levels(ClipSpec(mean=(9.0,), padding="before")).item() == 0.0
    assert padding_levels(ClipSpec(mean=(9.0,), padding="after")).item() == 9.0
