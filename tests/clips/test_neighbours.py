"""Slices with those beside them: a naive loop, the ends of the stack, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from cinecor.clips import Augmentation, Cache, ClipDataset, Sampling, cut
from cinecor.clips.dataset import STREAM
from cinecor.clips.neighbours import show_neighbours
from cinecor.clips.resident import find_obstacle
from cinecor.errors import ConfigError
from cinecor.records import STRUCTURES, Cine, ClipSpec, Study

SPEC = ClipSpec(length=1, height=24, width=24, crop="centre", spacing_mm=2.0, mean=(60.0,), std=(40.0,), neighbours=1)
ALONE = replace(SPEC, neighbours=0)
SLICES, PHASES = 4, 3


def _study(positions=(30.0, 10.0, 20.0, 0.0)):
    rng = np.random.default_rng(5)
    cines = []
    for place, position in enumerate(positions):
        frames = rng.integers(0, 255, (PHASES, 1, 30, 30), dtype=np.uint8)
        masks = {0: rng.integers(0, 4, (30, 30), dtype=np.uint8)}
        size = {"frames": PHASES, "height": 30, "width": 30, "spacing_mm": (2.0, 2.0)}
        cine = Cine(source=frames, modality="MR", slice_index=place, position_mm=position, masks=masks, **size)
        cines.append(cine)
    return Study(id="noise", cines=tuple(cines), labels={})


def _clips(study, folder, spec, transform=None):
    cache = Cache.build([study], spec, folder, progress=False)
    how = {"sampling": Sampling(how="first"), "transform": transform, "targets": (), "structures": STRUCTURES}
    return ClipDataset([study], cache, spec, seed=3, **how), cache


def test_neighbours_by_hand():
    slices = [
        np.full((2, 1, 3, 3), value, np.uint8) + np.arange(2, dtype=np.uint8)[:, None, None, None]
        for value in (10, 20, 30)
    ]
    for place in range(3):
        shown = show_neighbours(slices, place, 2)
        assert shown.shape == (2, 5, 3, 3)
        for phase in range(2):
            wanted = [10 * (at + 1) + phase if 0 <= at < 3 else 0 for at in range(place - 2, place + 3)]
            assert shown[phase, :, 1, 1].tolist() == wanted


def test_a_neighbour_of_fewer_phases_gives_the_nearest():
    ten = np.arange(10, dtype=np.uint8)[:, None, None, None]
    five = np.arange(5, dtype=np.uint8)[:, None, None, None]
    shown = show_neighbours([five, ten, None], 1, 1)[:, :, 0, 0]
    assert shown[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert shown[:, 1].tolist() == list(range(10))
    assert not shown[:, 2].any()


def test_a_clip_holds_the_slices_by_position(tmp_path):
    study = _study()
    dataset, cache = _clips(study, tmp_path, SPEC)
    order = [3, 1, 2, 0]  # by position
    black = (0.0 - 60.0) / 40.0
    for item in range(len(dataset)):
        _, number = dataset.origin(item)
        place = order.index(number)
        clip = dataset[item].inputs[STREAM]
        assert clip.shape == (3, 1, 24, 24)
        for plane, at in enumerate(range(place - 1, place + 2)):
            if not 0 <= at < SLICES:
                np.testing.assert_allclose(clip[plane], black, atol=1e-5)
                continue
            alone = cut(cache.frames(study.id, order[at]), np.array([0]), ALONE)
            np.testing.assert_allclose(clip[plane], alone[0], atol=1e-5)


def test_masks_are_those_of_the_slice_itself(tmp_path):
    study = _study()
    (with_them, _), (without, _) = _clips(study, tmp_path, SPEC), _clips(study, tmp_path, ALONE)
    for one, other in zip(with_them, without, strict=True):
        for name in STRUCTURES:
            np.testing.assert_array_equal(one.masks[name], other.masks[name])


def test_all_planes_are_varied_alike(tmp_path):
    study = _study()
    ranges = Augmentation(rotation_deg=30.0, scale=(0.8, 1.2), gamma=(0.7, 1.4), window_px=16)
    (with_them, _), (without, _) = _clips(study, tmp_path, SPEC, ranges), _clips(study, tmp_path, ALONE, ranges)
    for one, other in zip(with_them, without, strict=True):
        np.testing.assert_allclose(one.inputs[STREAM][1], other.inputs[STREAM][0], atol=1e-5)


def test_sides_are_exchanged_and_nothing_else(tmp_path):
    study = _study()
    ranges = Augmentation(rotation_deg=30.0, gain=(0.8, 1.2))
    (plain, _), (swapped, _) = (_clips(study, tmp_path, SPEC, each) for each in (ranges, replace(ranges, swap=1.0)))
    for one, other in zip(plain, swapped, strict=True):
        np.testing.assert_allclose(one.inputs[STREAM][::-1], other.inputs[STREAM], atol=1e-5)


def test_half_of_the_clips_are_exchanged(tmp_path):
    dataset, _ = _clips(_study(), tmp_path, SPEC, Augmentation(swap=0.5))
    drawn = []
    for epoch in range(60):
        dataset.set_epoch(epoch)
        drawn += [dataset.describe(item)[1].swap for item in range(len(dataset))]
    assert 0.35 < np.mean(drawn) < 0.65


def test_loops_that_are_no_slices_are_refused(tmp_path):
    study = _study(positions=(0.0, 8.0, None, 16.0))
    with pytest.raises(ConfigError, match="no slices of a stack") as caught:
        _clips(study, tmp_path, SPEC)
    assert caught.value.code == "CONFLICT"


def test_no_clips_of_neighbours_on_the_device(tmp_path):
    dataset, _ = _clips(_study(), tmp_path, SPEC)
    assert "neighbouring slices" in find_obstacle(dataset)


@pytest.mark.parametrize("wrong", [{"neighbours": -1}, {"channels": 3}, {"time": "cycle"}])
def test_what_does_not_go_together(wrong):
    with pytest.raises(ConfigError):
        replace(SPEC, **wrong)


def test_planes_of_the_input():
    assert (ALONE.planes, SPEC.planes, replace(SPEC, neighbours=2).planes) == (1, 3, 5)
    assert ClipSpec.from_dict(SPEC.as_dict()) == SPEC
