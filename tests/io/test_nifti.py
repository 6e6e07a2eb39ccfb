"""NIfTI: every voxel type, orientation, time, and damage that nibabel alone would not see."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cinecor.errors import CinecorError, InputError, LimitError
from cinecor.io import nifti
from cinecor.io.limits import Limits
from cinecor.records import Cine


def save(path: Path, voxels: np.ndarray, zooms: tuple[float, ...] = (1.5, 1.2, 8.0), unit: str = "msec") -> Path:
    """A file made by nibabel itself."""
    image = nib.Nifti1Image(voxels, np.eye(4))
    image.header.set_zooms(zooms[: voxels.ndim])
    image.header.set_xyzt_units("mm", unit)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64, np.int8, np.uint32])
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_every_voxel_type(tmp_path: Path, dtype: type, ending: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (5, 7, 3)).astype(dtype)
    path = save(tmp_path / f"a.{ending}", voxels)
    cines = nifti.slice_cines(path)
    assert len(cines) == 3
    for index, cine in enumerate(cines):
        frames = nifti.load(cine)
        assert frames.dtype == np.float32
        assert frames.shape == (1, 1, 7, 5)
        np.testing.assert_array_equal(frames[0, 0], voxels[:, :, index].T.astype(np.float32))


def test_directions_are_those_of_the_patient(tmp_path: Path) -> None:
    row, column = np.array([0.693, 0.674, 0.256]), np.array([0.022, 0.335, -0.942])  # DICOM: left, back, head
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = 1.4 * row, 1.4 * -column, 8.0 * np.cross(row, -column)
    affine[:2] *= -1  # NIfTI: right, front, head; rows run upwards, as converters write them
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 2), np.int16), affine), tmp_path / "a.nii")
    for cine in nifti.slice_cines(tmp_path / "a.nii"):
        np.testing.assert_allclose(cine.directions, [*row, *-column], atol=1e-3)


@pytest.mark.parametrize("axes", [(1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0)])
def test_axes_of_the_scanner_say_nothing_of_the_patient(tmp_path: Path, axes: tuple[float, float]) -> None:
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 2), np.int16), np.diag([*axes, 8.0, 1.0])), tmp_path / "a.nii")
    assert nifti.slice_cines(tmp_path / "a.nii")[0].directions is None


def test_scaling_is_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(2.0, -5.0)
    nib.save(image, tmp_path / "a.nii")
    # nibabel stores the scaled values again with this slope; what comes back is what was given.
    expected = np.asarray(nib.load(tmp_path / "a.nii").dataobj, dtype=np.float32)[:, :, 1].T
    np.testing.assert_allclose(nifti.load(nifti.slice_cines(tmp_path / "a.nii")[1])[0, 0], expected)


@pytest.mark.parametrize(
    ("unit", "step", "expected"), [("msec", 40.0, 40.0), ("sec", 0.04, 40.0), ("usec", 40000.0, 40.0)]
)
def test_a_4d_file_has_times_in_its_unit(tmp_path: Path, unit: str, step: float, expected: float) -> None:
    voxels = np.random.default_rng(0).random((4, 6, 2, 9)).astype(np.float32)
    path = save(tmp_path / "a.nii.gz", voxels, (1.5, 1.2, 8.0, step), unit)
    first, second = nifti.slice_cines(path)
    assert first.frames == 9
    assert first.spacing_mm == pytest.approx((1.2, 1.5))
    assert first.thickness_mm == pytest.approx(8.0)
    assert second.position_mm == pytest.approx(8.0)
    assert first.frame_ms == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(nifti.load(second)[:, 0], voxels[:, :, 1].transpose(2, 1, 0))


def test_no_time_where_the_header_says_none(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.zeros((3, 3, 2, 4), np.float32), (1.0, 1.0, 1.0, 0.0))
    assert nifti.describe(path).times_ms is None


def test_phases_in_files_of_their_own(tmp_path: Path) -> None:
    ed, es = (np.random.default_rng(seed).random((4, 5, 3)).astype(np.float32) for seed in (1, 2))
    paths = (save(tmp_path / "ed.nii.gz", ed), save(tmp_path / "es.nii.gz", es))
    frames = nifti.load(Cine(source=paths, modality="MR", slice_index=2))
    np.testing.assert_array_equal(frames[:, 0], np.stack([ed[:, :, 2].T, es[:, :, 2].T]))
    other = save(tmp_path / "other.nii", np.zeros((4, 6, 3), np.float32))
    with pytest.raises(InputError, match="differ in size"):
        nifti.load(Cine(source=(paths[0], other), modality="MR", slice_index=0))
    with pytest.raises(InputError, match="no slice 7"):
        nifti.load(Cine(source=paths, modality="MR", slice_index=7))


def test_masks(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 4, (4, 5, 3)).astype(np.uint8)
    path = save(tmp_path / "gt.nii.gz", labels)
    np.testing.assert_array_equal(nifti.load_mask(path, 1), labels[:, :, 1].T)
    with pytest.raises(InputError, match="no mask"):
        nifti.load_mask(save(tmp_path / "x.nii", np.full((3, 3, 1), 0.5, np.float32)), 0)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("shape", [(3, 6, 5), (4, 3, 6, 5)])
def test_what_is_written_is_read(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    voxels = np.random.default_rng(0).random(shape).astype(np.float32)
    path = tmp_path / f"a.{ending}"
    nifti.write(path, voxels, spacing_mm=(1.25, 1.5), thickness_mm=7.0, frame_ms=33.0 if len(shape) == 4 else None)
    cines = nifti.slice_cines(path)
    assert cines[0].spacing_mm == pytest.approx((1.25, 1.5))
    assert cines[0].thickness_mm == pytest.approx(7.0)
    stacked = np.stack([nifti.load(cine)[:, 0] for cine in cines], axis=1)
    np.testing.assert_array_equal(stacked if len(shape) == 4 else stacked[0], voxels)


def test_a_flipped_bit_in_the_stream_is_found(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 255, (16, 16, 4)).astype(np.uint8))
    sound = nifti.load(nifti.describe(path))
    content = bytearray(path.read_bytes())
    found = 0
    for place in range(40, len(content) - 1, 37):
        damaged = bytes(content[:place]) + bytes([content[place] ^ 0x10]) + bytes(content[place + 1 :])
        path.write_bytes(damaged)
        try:
            frames = nifti.load(nifti.describe(path))
        except CinecorError:
            found += 1
        else:  # padding between two blocks of the stream was hit: nothing that counts
            np.testing.assert_array_equal(frames, sound)
    assert found > 10


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_a_file_cut_short(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"a.{ending}", np.random.default_rng(0).random((9, 9, 4)).astype(np.float32))
    whole = path.read_bytes()
    for share in (0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError) as caught:
            nifti.load(nifti.describe(path))
        assert caught.value.code in ("TRUNCATED", "CORRUPT")


def test_random_damage_is_never_a_crash(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.random.default_rng(0).random((6, 5, 2, 3)).astype(np.float32), (1, 1, 1, 9))
    whole, rng, refused = path.read_bytes(), np.random.default_rng(3), 0
    for _ in range(250):
        content = bytearray(whole)
        for place in rng.integers(0, 400, rng.integers(1, 6)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(bytes(content))
        try:
            for cine in nifti.slice_cines(path, Limits(decoded_bytes=1 << 24)):
                nifti.load(cine, Limits(decoded_bytes=1 << 24))
        except CinecorError:
            refused += 1
    assert refused > 20


def test_limits_are_checked_on_the_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.zeros((64, 64, 10, 5), np.float32), (1, 1, 1, 9))
    with pytest.raises(LimitError, match="BYTES"):
        nifti.describe(path, Limits(decoded_bytes=1000))
    with pytest.raises(LimitError, match="FRAMES"):
        nifti.describe(path, Limits(frames=20))
    bomb = tmp_path / "bomb.nii.gz"
    bomb.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(80 << 20)))
    with pytest.raises(LimitError):
        nifti.load(nifti.describe(bomb), Limits(decoded_bytes=8 << 20))


def test_what_is_not_a_volume_of_numbers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="UNSUPPORTED"):
        nifti.describe(save(tmp_path / "c.nii", np.zeros((3, 3, 2), np.complex64)))
    nan = np.zeros((3, 3, 2), np.float32)
    nan[1, 1, 1] = np.nan
    with pytest.raises(InputError, match="CORRUPT"):
        nifti.load(nifti.describe(save(tmp_path / "n.nii", nan)))


@pytest.mark.realdata
def test_acdc_image_and_mask_lie_on_each_other(shared_data: Path) -> None:
    folder = shared_data / "acdc" / "training" / "patient001"
    cine = nifti.slice_cines(folder / "patient001_frame01.nii.gz")[5]
    mask = nifti.load_mask(folder / "patient001_frame01_gt.nii.gz", 5)
    image = nifti.load(cine)[0, 0]
    assert image.shape == mask.shape
    assert image[mask == 3].mean() > 1.5 * image[mask == 2].mean()  # bright blood, grey muscle


def test_planes_as_the_frames_of_a_loop(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (5, 6, 7)).astype(np.uint8)
    for name, voxels in (("time", planes), ("float", planes.astype(np.float32)), ("still", planes[0])):
        path = tmp_path / f"{name}.nii.gz"
        nifti.write(path, voxels, spacing_mm=(0.154, 0.308), thickness_mm=1.0)
        cine = nifti.loop_cine(path)
        assert (cine.modality, cine.frames, cine.height, cine.width) == ("US", len(voxels.reshape(-1, 6, 7)), 6, 7)
        assert cine.spacing_mm == pytest.approx((0.154, 0.308))
        frames = nifti.load(cine)
        assert frames.dtype == np.uint8
        np.testing.assert_array_equal(frames[:, 0], voxels.reshape(-1, 6, 7))
    nifti.write(tmp_path / "half.nii", planes + np.float32(0.5), spacing_mm=(1.0, 1.0), thickness_mm=1.0)
    np.testing.assert_array_equal(nifti.load(nifti.loop_cine(tmp_path / "half.nii"))[:, 0], planes + np.float32(0.5))
    nifti.write(tmp_path / "both.nii", np.stack([planes, planes]), spacing_mm=(1.0, 1.0), thickness_mm=1.0)
    with pytest.raises(InputError, match="UNSUPPORTED"):
        nifti.loop_cine(tmp_path / "both.nii")
    with pytest.raises(InputError, match="INCONSISTENT"):
        nifti.load(Cine(source=tmp_path / "both.nii", modality="US"))
