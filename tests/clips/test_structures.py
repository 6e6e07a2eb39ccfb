"""Structures of a clip from label masks and outlines: they go where the picture goes."""

import numpy as np
import pytest

from cinecor.clips import Augmentation, Cache, ClipDataset, Sampling
from cinecor.clips.dataset import STREAM
from cinecor.clips.structures import cover, known_frames, label_masks
from cinecor.clips.transforms import draw
from cinecor.records import STRUCTURES, Cine, ClipSpec, Study

SPEC = ClipSpec(length=1, height=48, width=48, crop="centre", spacing_mm=2.0)
SIZE = 60
LEVELS = np.array([0, 80, 160, 240])


def _labels(shift=0):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    away = np.hypot(rows - 30 - shift, columns - 32)
    beside = np.hypot(rows - 28, columns - 12) < 6
    return np.select([away < 8, away < 13, beside], [3, 2, 1], 0).astype(np.uint8)


def _study(modality="MR", **changes):
    masks = {0: _labels(), 2: _labels(6)}
    frames = np.stack([LEVELS[_labels()], np.zeros((SIZE, SIZE)), LEVELS[_labels(6)]]).astype(np.uint8)[:, None]
    cine = Cine(
        source=frames,
        modality=modality,
        frames=3,
        height=SIZE,
        width=SIZE,
        spacing_mm=(1.6, 1.6),
        masks=masks,
        **changes,
    )
    return Study(id="rings", cines=(cine,), labels={})


def _dataset(study, folder, transform=None, structures=STRUCTURES):
    cache = Cache.build([study], SPEC, folder, progress=False)
    return ClipDataset(
        [study],
        cache,
        SPEC,
        sampling=Sampling(how="outlined"),
        transform=transform,
        structures=structures,
        targets=(),
        seed=1,
    )


def _dice(one, other):
    return 2 * np.minimum(one, other).sum() / (one.sum() + other.sum())


RANGES = [
    None,
    Augmentation(pad=3, flip=1.0),
    Augmentation(rotation_deg=40.0, scale=(0.8, 1.2), shift=0.1),
    Augmentation(rotation_deg=40.0, elastic_px=2.0),
    Augmentation(elastic_px=2.0, window_px=40, flip=0.5),
    Augmentation(window_px=36),
]


@pytest.mark.parametrize("transform", RANGES)
def test_every_frame_with_a_mask_comes_with_its_structures(tmp_path, transform):
    clips = _dataset(_study(), tmp_path, transform)
    assert [clips[place].indices for place in range(len(clips))] == [(0,), (2,)]
    side = 48 if transform is None or not transform.window_px else transform.window_px
    for clip in clips:
        picture = 255 * clip.inputs[STREAM][0, 0]
        assert picture.shape == (side, side)
        shown = sum(level * clip.masks[name][0] for level, name in zip(LEVELS[1:], STRUCTURES, strict=True))
        assert _dice(picture, shown) > 0.98  # the picture is the mask's own levels, moved and resized as one


def test_an_order_of_structures_is_kept_and_others_are_left_out(tmp_path):
    clip = _dataset(_study(), tmp_path, structures=("myocardium", "lv"))[0]
    assert list(clip.masks) == ["myocardium", "lv"]
    assert clip.masks["myocardium"].sum() > clip.masks["lv"].sum() > 0


def test_frames_without_labels_are_unknown():
    covered = cover({3: _labels()}, ("rv", "lv"), np.array([2, 3, -1]), SPEC)
    assert covered.shape == (2, 3, 48, 48)
    assert [bool(np.isnan(covered[:, place]).all()) for place in range(3)] == [True, False, True]


def test_unknown_frames_stay_unknown_where_known_ones_move():
    variation = draw(Augmentation(rotation_deg=30.0, window_px=20), np.random.default_rng(0))
    covered = cover({3: _labels()}, ("lv",), np.array([3, 4]), SPEC, variation)
    assert covered.shape == (1, 2, 20, 20)
    assert np.isfinite(covered[:, 0]).all()
    assert np.isnan(covered[:, 1]).all()


def test_an_outline_stands_in_for_the_ventricle_where_there_is_no_mask(tmp_path):
    turns = np.linspace(0, 2 * np.pi, 50)
    outline = np.stack([32 + 8 * np.cos(turns), 30 + 8 * np.sin(turns)], axis=1)
    clips = _dataset(_study(contours={0: outline + 9, 1: outline}), tmp_path)
    assert [clip.indices[0] for clip in clips] == [0, 1, 2]
    assert _dice(clips[0].masks["lv"], clips[1].masks["lv"]) > 0.95  # the mask of frame 0, not its outline
    assert np.isnan(clips[1].masks["rv"]).all()


def test_masks_of_echo_have_labels_of_their_own():
    echo = _study("US").cines[0]
    assert not label_masks(echo)
    assert known_frames(echo, STRUCTURES) == ()
    assert known_frames(_study().cines[0], ("rv",)) == (0, 2)


def _box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def test_outlines_of_other_structures_are_filled_beside_each_other(tmp_path):
    outlines = {"fov": {0: _box(6, 6, 53, 53), 1: _box(6, 6, 29, 53)}, "epicardium": {1: _box(16, 16, 25, 25)}}
    clips = _dataset(_study("US", outlines=outlines), tmp_path, structures=("fov", "epicardium"))
    assert [clip.indices[0] for clip in clips] == [0, 1]
    first, second = (clip.masks for clip in clips)
    pixel = 2.0 / 1.6  # of the clip, in recorded ones
    assert first["fov"].sum() == pytest.approx((47 / pixel) ** 2, rel=0.01)
    assert second["fov"].sum() == pytest.approx(23 * 47 / pixel**2, rel=0.01)
    assert second["epicardium"].sum() == pytest.approx((9 / pixel) ** 2, rel=0.03)
    assert np.isnan(first["epicardium"]).all()  # nobody drew it, which is not that it is not there


def test_an_outline_beside_label_masks_takes_nothing_from_them(tmp_path):
    study = _study(outlines={"fov": {1: _box(6, 6, 53, 53), 2: _box(6, 6, 53, 53)}})
    clips = _dataset(study, tmp_path, structures=("lv", "fov"))
    assert [clip.indices[0] for clip in clips] == [0, 1, 2]
    known = [[bool(np.isfinite(clip.masks[name]).all()) for name in ("lv", "fov")] for clip in clips]
    assert known == [[True, False], [False, True], [True, True]]
    assert known_frames(study.cines[0], ("fov",)) == (1, 2)
