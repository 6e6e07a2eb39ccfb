"""Phases of one heart in files of their own: put together by name, or because two were given alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.io import nifti

SHAPE = (4, 10, 12)


@pytest.fixture
def make(tmp_path: Path):
    def write(name: str, level: float, shape: tuple[int, ...] = SHAPE, thickness: float = 8.0) -> Path:
        voxels = np.full(shape, level, np.uint8 if "_gt" in name else np.float32)
        nifti.write(tmp_path / name, voxels, spacing_mm=(1.5, 1.5), thickness_mm=thickness)
        return tmp_path / name

    return write


def levels(study) -> list[float]:
    return [float(frame.mean()) for frame in io.load(study.cines[0])]


def test_numbered_phases_are_one_study_in_their_order(make, tmp_path: Path) -> None:
    for phase in (12, 1, 3):
        make(f"heart_frame{phase:02d}.nii.gz", phase)
    make("other_frame01.nii", 7)
    studies, failures = io.discover([tmp_path])
    assert failures == []
    assert [study.id for study in studies] == ["heart", "other_frame01"]
    joined = studies[0]
    assert len(joined.cines) == 4
    assert all(cine.frames == 3 for cine in joined.cines)
    assert levels(joined) == [1, 3, 12]
    assert [cine.position_mm for cine in joined.cines] == [0, 8, 16, 24]
    assert joined.labels == {}


def test_masks_belong_to_their_phase(make, tmp_path: Path) -> None:
    for phase in (1, 9):
        make(f"heart_frame{phase:02d}.nii.gz", phase)
    make("heart_frame09_gt.nii.gz", 3)
    make("heart_frame05_gt.nii.gz", 2)  # of a phase that is not there
    studies, _ = io.discover([tmp_path])
    assert [study.id for study in studies] == ["heart", "heart_frame05_gt"]
    assert sorted(studies[0].cines[2].masks) == [1]
    assert (io.load_mask(studies[0].cines[2], 1) == 3).all()


def test_phases_named_ed_and_es_say_which_is_which(make, tmp_path: Path) -> None:
    make("heart_es.nii.gz", 2)
    make("heart_ed.nii.gz", 1)
    ((study,), _) = io.discover([tmp_path])
    assert (study.id, levels(study)) == ("heart", [1, 2])
    assert study.labels == {"ed_frame": 0.0, "es_frame": 1.0}


def test_two_volumes_given_alone_are_one_heart(make, tmp_path: Path) -> None:
    paths = [make("big.nii.gz", 5), make("a.nii.gz", 6)]
    ((study,), _) = io.discover(paths)
    assert levels(study) == [5, 6]  # in the order given
    assert len(io.discover([tmp_path])[0]) == 2  # but not where they merely lie in one folder
    assert len(io.discover([*paths, make("c.nii.gz", 7)])[0]) == 3


def test_volumes_that_differ_stay_apart(make, tmp_path: Path) -> None:
    paths = [make("heart_frame01.nii.gz", 1), make("heart_frame02.nii.gz", 2, thickness=5.0)]
    assert [len(study.cines) for study in io.discover([tmp_path])[0]] == [4, 4]
    assert len(io.discover(paths)[0]) == 2
    assert len(io.discover([paths[0], make("x.nii.gz", 2, (3, 10, 12))])[0]) == 2


def test_loops_are_left_as_they_are(make, tmp_path: Path) -> None:
    make("heart_frame01.nii.gz", 1, (5, 4, 10, 12))
    make("heart_frame02.nii.gz", 1, (5, 4, 10, 12))
    assert [study.cines[0].frames for study in io.discover([tmp_path])[0]] == [5, 5]


@pytest.mark.realdata
def test_a_real_pair_is_the_patient_that_the_layout_reads(shared_data: Path) -> None:
    from cinecor import datasets

    folder = shared_data / "acdc" / "training" / "patient001"
    ((study,), _) = io.discover([folder / "patient001_frame01.nii.gz", folder / "patient001_frame12.nii.gz"])
    (read,) = datasets.get("acdc").read(folder)
    assert study.id == read.id
    for mine, theirs in zip(study.cines, read.cines, strict=True):
        assert np.array_equal(io.load(mine), io.load(theirs))
        assert (mine.spacing_mm, mine.position_mm) == (theirs.spacing_mm, theirs.position_mm)
