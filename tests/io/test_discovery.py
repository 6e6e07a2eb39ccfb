"""Any files and folders become studies; one bad file stops nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.errors import LimitError
from cinecor.io import dicom, discovery, nifti, video
from cinecor.io.images import write_png


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (6, 1, 32, 48), dtype=np.uint8)


def test_each_video_still_and_volume_is_a_study(tmp_path: Path, frames: np.ndarray) -> None:
    video.write(tmp_path / "b.avi", np.repeat(frames, 3, axis=1), 20.0)
    write_png(tmp_path / "a.png", frames[0, 0][..., None])
    nifti.write(tmp_path / "c.nii.gz", np.zeros((2, 4, 8, 8), np.float32), spacing_mm=(1.0, 1.0), thickness_mm=8.0)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.avi").write_bytes(b"RIFF")
    studies, failures = io.discover([tmp_path])
    assert [study.id for study in studies] == ["a", "b", "c"]
    assert [len(study.cines) for study in studies] == [1, 1, 4]
    assert failures == []


def test_dicom_is_grouped_by_study_whatever_the_file_names(tmp_path: Path, frames: np.ndarray) -> None:
    for name, uid in (("z/1", "2.25.1"), ("a/9", "2.25.1"), ("b/5", "2.25.2")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        dicom.write_ultrasound(path, frames, frame_ms=20.0, study_uid=uid, patient_id="p", seed=name)
    studies, failures = io.discover([str(tmp_path)])
    assert sorted((study.id, len(study.cines)) for study in studies) == [("2.25.1", 2), ("2.25.2", 1)]
    assert failures == []
    assert {study.patient for study in studies} == {"p"}


def test_a_bad_file_is_a_failure_among_good_ones(tmp_path: Path, frames: np.ndarray) -> None:
    video.write(tmp_path / "good.avi", np.repeat(frames, 3, axis=1), 20.0)
    (tmp_path / "cut.avi").write_bytes((tmp_path / "good.avi").read_bytes()[:700])
    studies, failures = io.discover([tmp_path])
    assert [study.id for study in studies] == ["good"]
    assert [failure.path.name for failure in failures] == ["cut.avi"]
    assert failures[0].error.code in ("TRUNCATED", "CORRUPT")


def test_a_file_given_by_name_must_be_an_image(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    for path, code in ((text, "NOT_RECOGNISED"), (tmp_path / "missing.avi", "NOT_REGULAR_FILE")):
        studies, failures = io.discover([path])
        assert studies == []
        assert [failure.error.code for failure in failures] == [code]


def test_studies_of_the_same_name_are_told_apart(tmp_path: Path, frames: np.ndarray) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        video.write(tmp_path / folder / "loop.avi", np.repeat(frames, 3, axis=1), 20.0)
    studies, _ = io.discover([tmp_path])
    assert [study.id for study in studies] == ["loop", "loop-2"]


def test_links_that_go_in_circles(tmp_path: Path, frames: np.ndarray) -> None:
    video.write(tmp_path / "loop.avi", np.repeat(frames, 3, axis=1), 20.0)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    studies, _ = io.discover([tmp_path])
    assert len(studies) == 1


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_FILES", 3)
    for index in range(5):
        (tmp_path / f"{index}.txt").write_text("x")
    with pytest.raises(LimitError, match="FILES"):
        io.discover([tmp_path])


@pytest.mark.realdata
def test_sunnybrook_is_one_study_of_eleven_slices(shared_data: Path) -> None:
    (study,), failures = io.discover([shared_data / "sunnybrook"])
    assert failures == []
    assert [cine.frames for cine in study.cines] == [20] * 11
    positions = [cine.position_mm for cine in study.cines]
    assert np.allclose(np.diff(positions), 8.0, atol=0.01)
