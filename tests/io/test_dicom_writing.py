from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from tests.io.dicom_files import channels_first, noise, smooth

from cinecor.errors import ConfigError, InputError
from cinecor.io import dicom
from cinecor.records import Cine


def mr_cine(index: int, *, times: tuple[float, ...] | None, position: float | None = None, **more: Any) -> Cine:
    return Cine(
        source=Path("memory"), modality="MR", times_ms=times, position_mm=position, spacing_mm=(1.25, 1.5), **more
    )


@pytest.mark.parametrize("syntax", ["explicit", "rle"])
@pytest.mark.parametrize("shape", [(4, 1, 12, 15), (4, 3, 12, 15), (1, 1, 7, 5), (1, 3, 7, 5)])
def test_ultrasound_round_trip_is_exact(tmp_path: Path, shape: tuple[int, ...], syntax: Any) -> None:
    frames = noise(*shape)
    path = tmp_path / "loop.dcm"
    dicom.write_ultrasound(path, frames, frame_ms=20.5, spacing_mm=(0.4, 0.5), region=(1, 2, 5, 6), syntax=syntax)
    cine = dicom.describe(path)
    assert (cine.modality, cine.frames, cine.height, cine.width) == ("US", shape[0], *shape[2:])
    assert cine.spacing_mm == pytest.approx((0.4, 0.5))
    assert cine.region == (1, 2, 5, 6)
    assert cine.times_ms == (None if shape[0] == 1 else tuple(20.5 * index for index in range(shape[0])))
    loaded = dicom.load(cine)
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, frames)


@pytest.mark.parametrize("syntax", ["explicit", "rle"])
def test_another_reader_sees_the_same_pixels(tmp_path: Path, syntax: Any) -> None:
    frames = noise(3, 3, 9, 11)
    path = tmp_path / "loop.dcm"
    dicom.write_ultrasound(path, frames, frame_ms=20.0, syntax=syntax)
    np.testing.assert_array_equal(channels_first(pydicom.dcmread(path).pixel_array), frames)


@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_round_trip_is_near(tmp_path: Path, colour: bool) -> None:
    frames = channels_first(smooth(3, 32, 48))[:, : 3 if colour else 1]
    path = tmp_path / "loop.dcm"
    dicom.write_ultrasound(path, np.ascontiguousarray(frames), frame_ms=20.0, syntax="jpeg")
    written = pydicom.dcmread(path)
    assert written.PhotometricInterpretation == ("YBR_FULL_422" if colour else "MONOCHROME2")
    assert written.LossyImageCompression == "01"
    loaded = dicom.load(dicom.describe(path))
    assert loaded.shape == frames.shape
    assert np.abs(loaded.astype(int) - frames).mean() < 2.5


def test_what_is_written_without_extras(tmp_path: Path) -> None:
    path = tmp_path / "loop.dcm"
    dicom.write_ultrasound(path, noise(3, 1, 8, 8), frame_ms=None)
    cine = dicom.describe(path)
    assert (cine.spacing_mm, cine.times_ms, cine.region) == (None, None, None)
    assert cine.notes == ("no frame times",)


def test_region_without_spacing_and_spacing_without_region(tmp_path: Path) -> None:
    path = tmp_path / "loop.dcm"
    dicom.write_ultrasound(path, noise(2, 1, 8, 9), frame_ms=20.0, region=(1, 1, 8, 8))
    cine = dicom.describe(path)
    assert (cine.spacing_mm, cine.region) == (None, (1, 1, 8, 8))
    dicom.write_ultrasound(path, noise(2, 1, 8, 9), frame_ms=20.0, spacing_mm=(0.3, 0.2))
    cine = dicom.describe(path)
    assert cine.region == (0, 0, 9, 8)
    assert cine.spacing_mm == pytest.approx((0.3, 0.2))


def test_ids_are_kept_and_seeds_repeat_the_file(tmp_path: Path) -> None:
    frames = noise(2, 1, 8, 8)
    for name in ("a.dcm", "b.dcm"):
        dicom.write_ultrasound(tmp_path / name, frames, frame_ms=20.0, seed="s", patient_id="P1", study_uid="1.2.9")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    dicom.write_ultrasound(tmp_path / "c.dcm", frames, frame_ms=20.0, seed="s", study_uid="1.2.9", instance_number=2)
    uids = {pydicom.dcmread(tmp_path / name).SOPInstanceUID for name in ("a.dcm", "c.dcm")}
    assert len(uids) == 2
    instance = dicom.read_instance(tmp_path / "a.dcm")
    assert (instance.patient, instance.study, instance.order) == ("P1", "1.2.9", (1, 1))
    assert instance.cine is not None
    assert instance.pictures == ()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"frame_ms": 0.0}, "frame_ms"),
        ({"frame_ms": float("nan")}, "frame_ms"),
        ({"frame_ms": 20.0, "spacing_mm": (0.0, 1.0)}, "spacing_mm"),
        ({"frame_ms": 20.0, "spacing_mm": (float("inf"), 1.0)}, "spacing_mm"),
        ({"frame_ms": 20.0, "region": (0, 0, 9, 8)}, "region"),
        ({"frame_ms": 20.0, "region": (4, 0, 4, 8)}, "region"),
    ],
)
def test_settings_that_mean_nothing(tmp_path: Path, options: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError, match="OUT_OF_RANGE") as caught:
        dicom.write_ultrasound(tmp_path / "loop.dcm", noise(2, 1, 8, 8), **options)
    assert caught.value.where == where
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(2, 2, 8, 8), (0, 1, 8, 8)])
def test_frames_that_no_loop_has(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        dicom.write_ultrasound(tmp_path / "loop.dcm", noise(*shape), frame_ms=20.0)


def test_mr_round_trip_is_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    voxels = [rng.integers(0, 65536, (4, 1, 6, 7)).astype(np.float32) for _ in range(3)]
    times = (0.0, 41.0, 80.5, 123.0)
    cines = [mr_cine(index, times=times, position=8.0 * index - 4, thickness_mm=8.0) for index in range(3)]
    paths = dicom.write_mr(tmp_path / "mr", list(zip(cines, voxels, strict=True)), patient_id="P", seed="s")
    assert len(paths) == 12
    assembly = dicom.assemble([picture for path in reversed(paths) for picture in dicom.read_instance(path).pictures])
    assert assembly.failures == ()
    assert [cine.position_mm for cine in assembly.cines] == [-4, 4, 12]
    for cine, expected in zip(assembly.cines, voxels, strict=True):
        assert (cine.frames, cine.height, cine.width) == (4, 6, 7)
        assert cine.spacing_mm == (1.25, 1.5)
        assert cine.thickness_mm == 8
        assert cine.times_ms == times
        loaded = dicom.load(cine)
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, expected)


def test_mr_of_real_numbers_is_near_by_its_rescale_slope(tmp_path: Path) -> None:
    voxels = np.random.default_rng(2).normal(0, 3, (2, 1, 6, 7)).astype(np.float32)
    paths = dicom.write_mr(tmp_path, [(mr_cine(0, times=None), voxels)])
    (cine,) = dicom.assemble([picture for path in paths for picture in dicom.read_instance(path).pictures]).cines
    np.testing.assert_allclose(dicom.load(cine), voxels, atol=1.01 * np.ptp(voxels) / 65535)
    assert cine.times_ms is None


def test_mr_slices_without_position_lie_apart(tmp_path: Path) -> None:
    voxels = np.zeros((1, 1, 4, 4), np.float32)
    paths = dicom.write_mr(tmp_path, [(mr_cine(index, times=None), voxels) for index in range(3)])
    assembly = dicom.assemble([picture for path in paths for picture in dicom.read_instance(path).pictures])
    assert [cine.position_mm for cine in assembly.cines] == [0, 10, 20]


@pytest.mark.parametrize(
    ("voxels", "code"),
    [
        (np.zeros((1, 3, 4, 4), np.float32), "UNSUPPORTED"),
        (np.full((1, 1, 4, 4), np.nan, np.float32), "CORRUPT"),
        (np.full((1, 1, 4, 4), np.inf, np.float32), "CORRUPT"),
    ],
)
def test_mr_that_cannot_be_stored(tmp_path: Path, voxels: np.ndarray, code: str) -> None:
    with pytest.raises(InputError, match=code):
        dicom.write_mr(tmp_path, [(mr_cine(0, times=None), voxels)])
    assert list(tmp_path.iterdir()) == []
