"""Frames behind a network's outline: what is left out is black, everywhere and always by the same weights."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import expit
from tests.clips.bright import save_bright
from tests.clips.loops import make_frames, make_study

from cinecor.clips import Cache, prepare
from cinecor.clips.masking import FOLDER, NetworkMask, identify, load_mask
from cinecor.clips.preparing import prepare_many
from cinecor.errors import CheckpointError, ConfigError
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import Cine, ClipSpec

SEEN = ClipSpec(length=1, height=16, width=20)
SPEC = ClipSpec(length=4, height=16, width=20)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with a mask in it."""
    save_bright(tmp_path / "run" / FOLDER, SEEN, structures=("fov", "epicardium"))
    return tmp_path / "run"


@pytest.fixture
def mask(run: Path) -> NetworkMask:
    return NetworkMask(run / FOLDER, "fov")


@pytest.fixture
def spec(mask: NetworkMask) -> ClipSpec:
    return replace(SPEC, mask=mask.identity)


def test_it_is_what_the_network_draws(mask: NetworkMask) -> None:
    frames = make_frames(3)
    shown = mask(frames, Cine(source=frames, modality="US"))
    np.testing.assert_array_equal(shown, frames[:, 0] >= 77)
    assert 0.1 < shown.mean() < 0.95


def test_frames_of_another_size_are_outlined_on_their_own_grid(mask: NetworkMask) -> None:
    frames = make_frames(3, height=48, width=60)
    shown = mask(frames, Cine(source=frames, modality="US"))
    for frame, found in zip(frames[:, 0], shown, strict=True):
        small = cv2.resize(frame, (20, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
        likely = cv2.resize(expit(40 * (small - 76.5) / 255), (60, 48), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(found, likely >= 0.5)


def test_what_is_outside_is_black_and_what_is_inside_stays(mask: NetworkMask, spec: ClipSpec) -> None:
    frames = make_frames(5)
    out = prepare(frames, Cine(source=frames, modality="US"), spec, mask=mask)
    np.testing.assert_array_equal(out, np.where(frames >= 77, frames, 0))


def test_no_frame_is_prepared_with_another_mask(run: Path, mask: NetworkMask, spec: ClipSpec, tmp_path: Path) -> None:
    study = make_study(0)
    other = NetworkMask(run / FOLDER, "epicardium")
    for wanted, given in ((spec, None), (SPEC, mask), (spec, other)):
        with pytest.raises(ConfigError, match="belongs to the weights"):
            prepare(study.cines[0].source, study.cines[0], wanted, mask=given)
        with pytest.raises(ConfigError, match="belongs to the weights"):
            Cache.build([study], wanted, tmp_path / "cache", progress=False, mask=given)


def test_masked_and_bare_frames_live_side_by_side(mask: NetworkMask, spec: ClipSpec, tmp_path: Path) -> None:
    studies = [make_study(index) for index in range(2)]
    masked = Cache.build(studies, spec, tmp_path / "cache", progress=False, mask=mask)
    bare = Cache.build(studies, SPEC, tmp_path / "cache", progress=False)
    for study in studies:
        frames = study.cines[0].source
        np.testing.assert_array_equal(masked.frames(study.id), np.where(frames >= 77, frames, 0))
        np.testing.assert_array_equal(bare.frames(study.id), frames)


def test_workers_read_the_network_themselves(mask: NetworkMask, spec: ClipSpec) -> None:
    cines = [make_study(index).cines[0] for index in range(2)]
    again = pickle.loads(pickle.dumps(mask))
    for outcome, cine in zip(prepare_many(cines, spec, 2, again), cines, strict=True):
        np.testing.assert_array_equal(outcome.frames, np.where(cine.source >= 77, cine.source, 0))


def test_the_mask_of_a_run_is_the_one_it_was_trained_behind(run: Path, spec: ClipSpec) -> None:
    assert load_mask(run, SPEC) is None
    found = load_mask(run, spec)
    assert found is not None
    assert found.identity == spec.mask
    save_bright(run / FOLDER, SEEN, level=100.0, structures=("fov", "epicardium"))
    with pytest.raises(CheckpointError, match="MISMATCH"):
        load_mask(run, spec)
    (run / FOLDER / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=rf"MISSING_FILE: {run.name}/mask: the folder has no manifest\.json"):
        load_mask(run, spec)
    (run / FOLDER / "manifest.json").write_text("[]")
    with pytest.raises(CheckpointError, match=rf"CORRUPT: {run.name}/mask/manifest\.json: "):
        load_mask(run, spec)
    shutil.rmtree(run / FOLDER)
    with pytest.raises(CheckpointError, match=f"MISSING_FILE: {run.name}/mask: there is no such folder"):
        load_mask(run, spec)


def test_weights_that_cannot_be_a_mask(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"they outline fov, epicardium"):
        NetworkMask(run / FOLDER, "lv")
    save_bright(tmp_path / "masked", replace(SEEN, mask=identify("fov", "0" * 64)))
    with pytest.raises(ConfigError, match="a mask themselves"):
        NetworkMask(tmp_path / "masked", "fov")
    values = Manifest(model="unet", clip=SEEN.as_dict(), extra={"task": "regression"})
    save_checkpoint(tmp_path / "values", create_model("unet", widths=(1, 1)), values)
    with pytest.raises(ConfigError, match="not trained to outline"):
        NetworkMask(tmp_path / "values", "fov")
