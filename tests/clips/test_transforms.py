"""Variation of clips: drawn numbers stay in range and replay; what is done agrees with naive versions of it."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import ndimage

from cinecor.clips.geometry import make_displacement
from cinecor.clips.intensity import bias_field
from cinecor.clips.randomness import make_generator
from cinecor.clips.transforms import (
    AUGMENTATIONS,
    COREECHO,
    ECHONET,
    NONE,
    WIDE,
    Augmentation,
    Variation,
    apply,
    draw,
    matrix_of,
    move_points,
)
from cinecor.errors import ConfigError

SIDE = 24
VARIATIONS = {
    "nothing": Variation(),
    "offset": Variation(offset_px=(3, -2)),
    "flip": Variation(flip=True),
    "rotation": Variation(rotation_deg=12.5),
    "scale": Variation(scale=0.8),
    "shift": Variation(shift=(0.1, -0.05)),
    "tone": Variation(gain=1.2, brightness=-4.0, contrast=1.3, gamma=0.8),
    "blur": Variation(blur_px=0.8),
    "shadow": Variation(shadow=(10.0, 12.0, 0.3, 0.2)),
    "sector": Variation(sector_deg=(-30.0, 20.0)),
    "elastic": Variation(elastic_px=1.5, elastic_seed=3),
    "bias": Variation(bias=0.4, bias_seed=5),
    "all but speckle": Variation(
        offset_px=(1, 2), rotation_deg=-5.0, scale=1.1, gain=0.9, blur_px=0.5, shadow=(0.0, 9.0, 0.1, 0.0), flip=True
    ),
}


def make_clip(channels: int = 1, frames: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (channels, frames, SIDE, SIDE), dtype=np.uint8)


def grey(level: float) -> np.ndarray:
    return np.full((1, 1, 1, 1), level, dtype=np.float32)


def pad_and_crop(clip: np.ndarray, pad: int, down: int, right: int, fill: float) -> np.ndarray:
    """The references' way: a padded frame, and a crop out of it at an offset."""
    padded = np.pad(clip.astype(np.float32), ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    return padded[:, :, down : down + SIDE, right : right + SIDE]


@pytest.mark.parametrize("fill", [0.0, 32.5])
def test_offset_is_padding_and_cropping_back(fill: float) -> None:
    clip, pad = make_clip(), 6
    for down in range(2 * pad + 1):
        for right in (0, 1, pad, 2 * pad):
            moved = apply(Variation(offset_px=(pad - down, pad - right)), clip, grey(fill))
            np.testing.assert_array_equal(moved, pad_and_crop(clip, pad, down, right, fill))


def test_an_offset_beyond_the_frame_leaves_nothing() -> None:
    assert np.all(apply(Variation(offset_px=(SIDE + 3, 0)), make_clip(), grey(7.0)) == 7.0)


@pytest.mark.parametrize(
    ("augmentation", "offsets"),
    [
        (COREECHO, set(range(-6, 7))),
        (ECHONET, set(range(-11, 13))),
        (NONE, {0}),
        (Augmentation(last_offset=False), {0}),
    ],
)
def test_every_crop_offset_of_the_references_is_drawn_and_no_other(
    augmentation: Augmentation, offsets: set[int]
) -> None:
    drawn = [draw(augmentation, make_generator(0, 0, index)).offset_px for index in range(600)]
    assert {down for down, _ in drawn} == offsets
    assert {right for _, right in drawn} == offsets


@pytest.mark.parametrize("variation", VARIATIONS.values(), ids=VARIATIONS.keys())
@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_varied_is_each_frame_varied(variation: Variation, channels: int) -> None:
    clip = make_clip(channels)
    fill = np.arange(channels, dtype=np.float32).reshape(-1, 1, 1, 1) + 20
    whole = apply(variation, clip, fill)
    assert whole.shape == clip.shape
    assert whole.dtype == np.float32
    for channel in range(channels):
        for frame in range(clip.shape[1]):
            alone = apply(variation, clip[channel : channel + 1, frame : frame + 1], fill[channel : channel + 1])
            np.testing.assert_array_equal(whole[channel, frame], alone[0, 0])


@pytest.mark.parametrize("variation", VARIATIONS.values(), ids=VARIATIONS.keys())
def test_bytes_and_floats_of_the_same_levels_vary_alike(variation: Variation) -> None:
    clip = make_clip()
    kept = clip.copy()
    np.testing.assert_allclose(apply(variation, clip), apply(variation, clip.astype(np.float32)), atol=1e-3)
    assert np.array_equal(clip, kept), "the input is not written to"


def test_the_default_does_nothing() -> None:
    assert np.array_equal(apply(Variation(), make_clip()), make_clip())
    drawn = draw(NONE, make_generator(0, 0, 0))
    seeds = ("grain_px", "speckle_seed", "elastic_seed", "bias_seed", "noise_seed", "window_at")
    assert drawn == replace(Variation(), **{name: getattr(drawn, name) for name in seeds})


@pytest.mark.parametrize("flip", [False, True])
def test_warp_is_scipys_affine_transform(flip: bool) -> None:
    angle, scale, shift = 17.0, 1.15, (0.08, -0.03)
    image = ndimage.gaussian_filter(np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE)), 2).astype(np.float32)
    variation = Variation(rotation_deg=angle, scale=scale, shift=shift, flip=flip)
    ours = apply(variation, image[None, None], grey(0.0))[0, 0]
    # Rows grow downwards, so that a turn that is anticlockwise as seen has this form in (row, column).
    turn = np.deg2rad(angle)
    forward = (
        scale
        * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        @ np.diag([1, -1 if flip else 1])
    )
    backward, centre = np.linalg.inv(forward), np.array([(SIDE - 1) / 2, (SIDE - 1) / 2])
    moved = centre + np.array(shift) * SIDE
    theirs = ndimage.affine_transform(image, backward, centre - backward @ moved, order=1, mode="constant")
    inner = (slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=2.0)  # OpenCV rounds places to 1/32 pixel


def test_a_quarter_turn_is_anticlockwise() -> None:
    clip = make_clip()
    np.testing.assert_allclose(apply(Variation(rotation_deg=90.0), clip), np.rot90(clip, axes=(2, 3)), atol=1e-3)


def test_the_fill_comes_in_from_outside() -> None:
    clip = np.full((1, 2, SIDE, SIDE), 200, dtype=np.uint8)
    shrunk = apply(Variation(scale=0.5), clip, grey(33.0))
    assert np.all(shrunk[..., 0, :] == 33.0)
    assert np.all(shrunk[..., SIDE // 2, SIDE // 2] == 200.0)


def test_blur_is_scipys() -> None:
    clip = make_clip(frames=2)
    ours = apply(Variation(blur_px=1.2), clip)
    for frame in range(2):
        theirs = ndimage.gaussian_filter(clip[0, frame].astype(np.float64), 1.2, mode="reflect", truncate=4 / 1.2)
        np.testing.assert_allclose(ours[0, frame], theirs, atol=0.05)


def test_tone_keeps_black_and_the_order_of_levels() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    for index in range(50):
        drawn = draw(WIDE, make_generator(1, 0, index))
        tone = Variation(gain=drawn.gain, brightness=drawn.brightness, contrast=drawn.contrast, gamma=drawn.gamma)
        levels = apply(tone, ramp).ravel()
        assert levels[0] == 0.0
        assert np.all(np.diff(levels) >= 0)
        assert levels.max() <= 255.0


def test_gain_multiplies_and_brightness_adds() -> None:
    level = np.full((1, 1, 2, 2), 100, dtype=np.uint8)
    np.testing.assert_allclose(apply(Variation(gain=1.5), level), 150.0, rtol=1e-6)
    np.testing.assert_allclose(apply(Variation(brightness=-30.0), level), 70.0, rtol=1e-6)
    np.testing.assert_allclose(apply(Variation(gamma=2.0), level), 100 * 100 / 255, rtol=1e-6)
    np.testing.assert_allclose(apply(Variation(contrast=2.0), level), 64 + 2 * 36, rtol=1e-6)


def test_speckle_has_the_strength_it_says_is_new_in_each_frame_and_the_same_in_each_channel() -> None:
    flat = np.full((3, 6, 96, 96), 100, dtype=np.uint8)
    for grain in (0.5, 1.5):
        varied = apply(Variation(speckle=0.1, grain_px=grain, speckle_seed=5), flat)
        assert varied[0].std() / 100 == pytest.approx(0.1, rel=0.05)
        assert varied[0].mean() == pytest.approx(100, rel=0.01)
        assert np.array_equal(varied[0], varied[2])
        assert abs(np.corrcoef(varied[0, 0].ravel(), varied[0, 1].ravel())[0, 1]) < 0.2
    again = apply(Variation(speckle=0.1, grain_px=1.5, speckle_seed=5), flat)
    other = apply(Variation(speckle=0.1, grain_px=1.5, speckle_seed=6), flat)
    assert np.array_equal(varied, again)
    assert not np.array_equal(varied, other)


def test_a_shadow_darkens_its_beams_below_its_depth_only() -> None:
    flat = np.full((1, 1, 112, 112), 200, dtype=np.uint8)
    shaded = apply(Variation(shadow=(0.0, 10.0, 0.25, 0.5)), flat)[0, 0]
    assert np.all(shaded[:56] == 200.0)
    assert shaded[100, 55] == pytest.approx(50.0)
    assert shaded[100, 5] == 200.0


def test_a_narrower_sector_is_black_outside_its_edges() -> None:
    flat = np.full((1, 1, 112, 112), 200, dtype=np.uint8)
    narrow = apply(Variation(sector_deg=(-20.0, 40.0)), flat)[0, 0]
    assert narrow[100, 55] == 200.0
    assert narrow[60, 10] == 0.0  # 37° to the left
    assert narrow[60, 95] == 200.0  # 33° to the right


def test_draws_are_a_function_of_seed_epoch_and_index() -> None:
    one = draw(WIDE, make_generator(1, 2, 3))
    assert one == draw(WIDE, make_generator(1, 2, 3))
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0), (2, 1, 3)):
        assert one != draw(WIDE, make_generator(*other))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_draws_stay_in_their_ranges(name: str) -> None:
    ranges = AUGMENTATIONS[name]
    for index in range(200):
        drawn = draw(ranges, make_generator(0, 0, index))
        assert abs(drawn.rotation_deg) <= ranges.rotation_deg
        assert max(map(abs, drawn.shift)) <= ranges.shift
        assert abs(drawn.brightness) <= ranges.brightness
        assert 0 <= drawn.speckle <= ranges.speckle
        assert 0 <= drawn.blur_px <= ranges.blur_px
        assert 0 <= drawn.elastic_px <= ranges.elastic_px
        assert 0 <= drawn.bias <= ranges.bias
        assert 0 <= drawn.noise <= ranges.noise
        assert drawn.window_px == ranges.window_px
        assert all(0 <= place <= 1 for place in drawn.window_at)
        for quantity in ("scale", "gain", "contrast", "gamma", "grain_px"):
            low, high = getattr(ranges, quantity)
            assert low <= getattr(drawn, quantity) <= high


def test_chances_are_the_probabilities_that_were_given() -> None:
    ranges = Augmentation(flip=0.5, shadow=0.3, narrow=0.1)
    drawn = [draw(ranges, make_generator(0, 0, index)) for index in range(2000)]
    assert np.mean([one.flip for one in drawn]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([one.shadow is not None for one in drawn]) == pytest.approx(0.3, abs=0.05)
    assert np.mean([one.sector_deg is not None for one in drawn]) == pytest.approx(0.1, abs=0.03)


def test_widening_one_range_leaves_the_other_draws_alone() -> None:
    plain = draw(WIDE, make_generator(0, 0, 9))
    wider = draw(replace(WIDE, rotation_deg=45.0, shadow=1.0), make_generator(0, 0, 9))
    for name in {field.name for field in fields(Variation)} - {"rotation_deg", "shadow"}:
        assert getattr(plain, name) == getattr(wider, name)


def test_newer_quantities_took_no_place_of_the_older_ones() -> None:
    """The numbers of a variation came from these places before there were any others."""
    drawn, u = draw(WIDE, make_generator(3, 1, 4)), make_generator(3, 1, 4).random(23)
    assert drawn.rotation_deg == pytest.approx(-15 + 30 * u[2])
    assert drawn.scale == pytest.approx(0.85 + 0.3 * u[3])
    assert drawn.blur_px == pytest.approx(u[14])
    assert (drawn.sector_deg is not None) == (u[20] < 0.2)


def test_a_displaced_pixel_shows_what_lies_where_it_looks() -> None:
    image = ndimage.gaussian_filter(np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE)), 2).astype(np.float32)
    variation = Variation(elastic_px=1.5, elastic_seed=8, rotation_deg=20.0, scale=1.1)
    ours = apply(variation, image[None, None], grey(0.0))[0, 0]
    aside = make_displacement(SIDE, SIDE, 1.5, 8)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    matrix = matrix_of(variation, SIDE, SIDE)
    back = np.linalg.inv(matrix[:, :2])
    x, y = np.einsum("ij,jrc->irc", back, np.stack([columns + aside[0], rows + aside[1]]) - matrix[:, 2, None, None])
    theirs = ndimage.map_coordinates(image, [y, x], order=1, mode="constant")
    inner = (slice(6, -6), slice(6, -6))
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=2.0)  # OpenCV rounds places to 1/32 pixel


def test_displacements_are_smooth_and_of_the_strength_that_they_say() -> None:
    fields = np.stack([make_displacement(96, 96, 2.4, seed) for seed in range(40)])
    assert fields.std() == pytest.approx(2.1, abs=0.35)  # 2.4 at the knots, less between them
    assert np.abs(np.diff(fields, axis=-1)).max() < 0.9  # pixels never pass each other
    assert np.array_equal(make_displacement(96, 96, 2.4, 1), fields[1])


def test_points_go_where_their_picture_goes() -> None:
    image = np.zeros((64, 64), np.float32)
    image[20:23, 40:43] = 200
    variation = Variation(elastic_px=1.0, elastic_seed=4, rotation_deg=15.0, window_px=56, window_at=(0.3, 0.8))
    moved = apply(variation, image[None, None])[0, 0]
    rows, columns = np.mgrid[:56, :56]
    centre = [(part * moved).sum() / moved.sum() for part in (columns, rows)]
    np.testing.assert_allclose(move_points(variation, np.array([[41.0, 21.0]]), 64, 64)[0], centre, atol=0.2)


@pytest.mark.parametrize("at", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])
def test_a_window_is_cut_out_of_the_frame(at: tuple[float, float]) -> None:
    clip = make_clip()
    cut = apply(Variation(window_px=16, window_at=at), clip)
    top, left = (round(part * (SIDE - 16)) for part in at)
    np.testing.assert_allclose(cut, clip[..., top : top + 16, left : left + 16], atol=1e-3)


def test_a_window_is_no_larger_than_the_frame() -> None:
    assert apply(Variation(window_px=100), make_clip()).shape == make_clip().shape


def test_uneven_brightness_is_smooth_and_within_its_strength() -> None:
    fields = np.stack([bias_field(48, 40, 0.3, seed) for seed in range(30)])
    assert np.log(fields).std() == pytest.approx(0.3 / np.sqrt(3), abs=0.04)
    assert np.abs(np.log(fields)).max() < 0.3 * 1.4  # between its places a cubic may overshoot a little
    assert np.abs(np.diff(np.log(fields), axis=-1)).max() < 0.08
    clip = np.full((1, 2, 48, 40), 100, np.uint8)
    np.testing.assert_allclose(apply(Variation(bias=0.3, bias_seed=7), clip)[0, 1], 100 * fields[7], rtol=1e-5)


def test_noise_has_the_strength_that_it_says_and_is_new_in_each_frame() -> None:
    clip = np.full((3, 2, 64, 64), 100, np.uint8)
    noisy = apply(Variation(noise=6.0, noise_seed=1), clip)
    assert noisy.std() == pytest.approx(6.0, rel=0.03)
    assert np.array_equal(noisy[0], noisy[2])
    assert abs(np.corrcoef(noisy[0, 0].ravel(), noisy[0, 1].ravel())[0, 1]) < 0.05


def test_a_variation_survives_a_log() -> None:
    for index in range(20):
        drawn = draw(
            replace(WIDE, shadow=1.0, narrow=1.0, flip=0.5, pad=6, noise=4.0, elastic_px=1.0),
            make_generator(0, 0, index),
        )
        read = Variation.from_dict(json.loads(json.dumps(drawn.as_dict())))
        assert read == drawn
        assert np.array_equal(apply(read, make_clip()), apply(drawn, make_clip()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"pad": -1}, {"flip": 1.5}, {"scale": (0.0, 1.0)}, {"scale": (1.2, 0.8)}, {"gain": (1.0, float("inf"))},
        {"speckle": float("nan")}, {"shadow": -0.1}, {"elastic_px": -1.0}, {"bias": -0.1}, {"window_px": -2},
    ],
)  # fmt: skip
def test_ranges_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        Augmentation(**wrong)
    assert caught.value.where in wrong
