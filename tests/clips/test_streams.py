"""What networks are shown beside the frames: against loops and means."""

import numpy as np
import pytest

from cinecor.clips import Cache, ClipDataset
from cinecor.clips.streams import make_streams
from cinecor.errors import ConfigError
from cinecor.records import Cine, ClipSpec, Study


def _clip(frames=5, height=6, width=8, channels=1):
    return np.random.default_rng(0).normal(size=(channels, frames, height, width)).astype(np.float32)


def test_the_frames_are_the_frames():
    clip = _clip()
    assert make_streams(clip, ("rgb",))["rgb"] is clip


def test_differences_are_each_scaled():
    clip = _clip(channels=3)
    stream = make_streams(clip, ("difference",))["difference"]
    for t in range(4):
        change = clip[:, t + 1].astype(float) - clip[:, t]
        np.testing.assert_allclose(stream[:, t], (change - change.mean()) / change.std(), rtol=1e-4, atol=1e-5)


def test_raw_differences_add_up():
    clip = _clip()
    stream = make_streams(clip, ("raw_difference",))["raw_difference"]
    np.testing.assert_allclose(clip[:, 0] + stream.sum(axis=1), clip[:, -1], atol=1e-5)


def test_frames_that_stand_still_have_no_difference():
    still = np.ones((1, 3, 4, 4), np.float32)
    assert not make_streams(still, ("difference",))["difference"].any()


def test_halves_make_the_whole():
    clip = _clip()
    both = make_streams(clip, ("rgb_left", "rgb_right"))
    np.testing.assert_array_equal(np.concatenate([both["rgb_left"], both["rgb_right"]], axis=3), clip)


def test_half_resolution_is_the_mean_of_four_pixels():
    clip = _clip()
    stream = make_streams(clip, ("raw_difference_half",))["raw_difference_half"]
    change = np.diff(clip, axis=1)
    np.testing.assert_allclose(stream, change.reshape(1, 4, 3, 2, 4, 2).mean(axis=(3, 5)), atol=1e-6)


@pytest.mark.parametrize("name", ["flow", "rgb_top", "_left", "difference_", "left"])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        make_streams(_clip(), (name,))


@pytest.mark.parametrize(("frames", "width", "name"), [(1, 8, "difference"), (4, 7, "rgb_left"), (4, 7, "rgb_half")])
def test_what_cannot_be_made_is_refused(frames, width, name):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        make_streams(_clip(frames, width=width), (name,))


def test_a_dataset_gives_the_streams_that_are_asked_for(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (9, 1, 8, 8), dtype=np.uint8)
    study = Study(id="a", cines=(Cine(source=frames, modality="US", frames=9),), labels={"ef": 50.0})
    spec = ClipSpec(length=6, height=8, width=8)
    cache = Cache.build([study], spec, tmp_path, progress=False)
    plain = ClipDataset([study], cache, spec)[0].inputs["rgb"]
    inputs = ClipDataset([study], cache, spec, streams=("rgb_left", "difference_right"))[0].inputs
    assert {name: stream.shape for name, stream in inputs.items()} == {
        "rgb_left": (1, 6, 8, 4),
        "difference_right": (1, 5, 8, 4),
    }
    np.testing.assert_array_equal(inputs["rgb_left"], plain[..., :4])
