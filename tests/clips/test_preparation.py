"""From recorded frames to the network's frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cinecor.clips import prepare
from cinecor.clips.preparation import prepare_located, square_of
from cinecor.clips.sector import find_sector
from cinecor.errors import ConfigError, InputError
from cinecor.phantom import echo_study
from cinecor.records import Cine, ClipSpec

WHOLE = ClipSpec(height=32, width=40)
SECTOR = ClipSpec(height=64, width=64, crop="sector")


def test_without_crop_it_is_luminance_and_area_averaging() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 1, 64, 80), dtype=np.uint8)
    out = prepare(frames, Cine(source=frames, modality="US"), WHOLE)
    means = frames[:, 0].reshape(3, 32, 2, 40, 2).mean(axis=(2, 4))
    assert out.shape == (3, 1, 32, 40)
    np.testing.assert_allclose(out[:, 0], means, atol=0.51)


@pytest.mark.parametrize(("height", "width"), [(64, 80), (61, 97), (600, 800), (20, 30)])
def test_the_nearest_pixel_is_the_one_that_pillow_takes(height: int, width: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, height, width), dtype=np.uint8)
    out = prepare(frames, Cine(source=frames, modality="US"), replace(WHOLE, resize="nearest"))
    for frame, small in zip(frames, out, strict=True):
        wanted = Image.fromarray(frame[0]).resize((40, 32), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(small[0], np.asarray(wanted))


def test_a_frame_of_the_right_size_is_untouched() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 40), dtype=np.uint8)
    np.testing.assert_array_equal(prepare(frames, Cine(source=frames, modality="US"), WHOLE), frames)


def test_three_channels() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 40), dtype=np.uint8)
    spec = ClipSpec(height=32, width=40, channels=3)
    out = prepare(frames, Cine(source=frames, modality="US"), spec)
    np.testing.assert_array_equal(out, np.repeat(frames, 3, axis=1))


def test_the_same_heart_on_a_screen_and_as_a_crop_looks_the_same() -> None:
    (small,) = echo_study(4, 5, max_frames=40).cines
    (screen,) = echo_study(4, 5, max_frames=40, overlays=True).cines
    one, other = (prepare(cine.source, cine, SECTOR).astype(float) for cine in (small, screen))
    frames = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one[::8, 0], other[::8, 0], strict=True)]
    assert np.mean(frames) > 0.85


def test_nothing_outside_the_sector_is_left() -> None:
    (cine,) = echo_study(4, 5, max_frames=30, overlays=True).cines
    shouting = cine.source.copy()
    left, top, right, bottom = cine.region or (0, 0, 0, 0)
    outside = np.ones(shouting.shape[2:], bool)
    outside[max(top - 40, 0) : bottom + 40, max(left - 40, 0) : right + 40] = False
    shouting[:, :, outside] = 255
    np.testing.assert_array_equal(prepare(shouting, cine, SECTOR), prepare(cine.source, cine, SECTOR))


def test_the_square_is_square_in_millimetres() -> None:
    (cine,) = echo_study(4, 5, max_frames=30).cines
    stretched = np.repeat(cine.source, 2, axis=2)
    flat = Cine(source=stretched, modality="US", spacing_mm=(0.5, 1.0))
    left, top, right, bottom = square_of(find_sector(stretched), flat)
    assert (bottom - top) * 0.5 == pytest.approx((right - left) * 1.0, abs=1.0)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.3)])
def test_the_centre_has_the_size_that_is_asked_for(spacing: tuple[float, float]) -> None:
    rows, columns = np.mgrid[0:200, 0:150]
    disc = ((rows - 99.5) * spacing[0]) ** 2 + ((columns - 74.5) * spacing[1]) ** 2 < 30.0**2
    frames = np.uint8(disc * 255)[None, None]
    spec = ClipSpec(height=96, width=96, crop="centre", spacing_mm=1.5)
    out, (left, top, right, bottom) = prepare_located(
        frames, Cine(source=frames, modality="MR", spacing_mm=spacing), spec
    )
    pixel = (bottom - top) * spacing[0] / 96 * (right - left) * spacing[1] / 96
    assert pixel == pytest.approx(1.5**2, rel=0.02)
    assert out.sum() / 255 * pixel == pytest.approx(np.pi * 30**2, rel=0.02)
    inside = np.argwhere(out[0, 0] > 127)
    np.testing.assert_allclose(inside.mean(axis=0), [47.5, 47.5], atol=0.6)


def test_a_frame_that_is_smaller_than_the_centre_has_black_around_it() -> None:
    frames = np.full((1, 1, 20, 30), 200, np.uint8)
    spec = ClipSpec(height=40, width=40, crop="centre", spacing_mm=1.0)
    out = prepare(frames, Cine(source=frames, modality="MR", spacing_mm=(1.0, 1.0)), spec)
    expected = np.zeros((40, 40), np.uint8)
    expected[10:30, 5:35] = 200
    np.testing.assert_array_equal(out[0, 0], expected)


def test_a_centre_needs_the_size_of_pixels() -> None:
    frames = np.zeros((1, 1, 20, 30), np.uint8)
    spec = ClipSpec(height=40, width=40, crop="centre", spacing_mm=1.0)
    with pytest.raises(InputError, match="INCONSISTENT"):
        prepare(frames, Cine(source=frames, modality="MR"), spec)


@pytest.mark.parametrize("wrong", [{"crop": "centre"}, {"spacing_mm": 1.0}, {"crop": "centre", "spacing_mm": 0.0}])
def test_crop_and_spacing_go_together(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="spacing_mm"):
        ClipSpec(**wrong)


def test_voxels_without_a_range_are_mapped_by_percentiles() -> None:
    voxels = np.linspace(-500, 3000, 4 * 32 * 40, dtype=np.float32).reshape(4, 1, 32, 40)
    out = prepare(voxels, Cine(source=voxels, modality="MR"), WHOLE)
    assert out.dtype == np.uint8
    assert out.min() == 0
    assert out.max() == 255
    assert np.all(np.diff(out.ravel().astype(int)) >= 0)


def test_no_frames_and_no_sector() -> None:
    empty = np.zeros((0, 1, 8, 8), np.uint8)
    with pytest.raises(InputError, match="EMPTY"):
        prepare(empty, Cine(source=empty, modality="US"), WHOLE)
    black = np.zeros((4, 1, 64, 64), np.uint8)
    with pytest.raises(InputError, match="NOT_RECOGNISED"):
        prepare(black, Cine(source=black, modality="US"), SECTOR)
