from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from tests.io.dicom_files import ENHANCED_MR, image, item, mr_picture, put, save

from cinecor.errors import InputError
from cinecor.io import dicom
from cinecor.io.dicom_series import Assembly, assemble, frames_of_slice


def voxels(number: int, height: int = 4, width: int = 5) -> np.ndarray:
    return np.full((height, width), number, np.uint16)


def write(folder: Path, datasets: Iterable[Dataset]) -> list[Path]:
    """One file each, named against their order so that names never help."""
    named = list(datasets)
    return [save(dataset, folder / f"{len(named) - index:03d}.dcm") for index, dataset in enumerate(named)]


def read(paths: Sequence[Path]) -> Assembly:
    return assemble([picture for path in paths for picture in dicom.read_instance(path).pictures])


def numbers(cine: Any) -> list[int]:
    """Which pictures a slice is made of, in its order."""
    return [int(frame[0, 0, 0]) for frame in dicom.load(cine)]


def stack(slices: Sequence[float], phases: int, **attributes: Any) -> list[Dataset]:
    """Pictures of value 10 × slice + phase, phases 40 ms apart."""
    return [
        mr_picture(voxels(10 * index + phase), z=z, trigger=40.0 * phase, InstanceNumber=1, **attributes)
        for index, z in enumerate(slices)
        for phase in range(phases)
    ]


def test_slices_by_position_and_phases_by_trigger_time(tmp_path: Path) -> None:
    """SliceLocation and InstanceNumber say the opposite, and are not believed."""
    datasets = stack([-8, 0, 8], 3)
    for number, dataset in enumerate(datasets):
        put(dataset, SliceLocation=100 - number, InstanceNumber=100 - number)
    paths = write(tmp_path, datasets)
    for order in (paths, paths[::-1], sorted(paths)):
        assembly = read(order)
        assert assembly.failures == ()
        assert [cine.position_mm for cine in assembly.cines] == [-8, 0, 8]
        assert [numbers(cine) for cine in assembly.cines] == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]
        for cine in assembly.cines:
            assert (cine.modality, cine.frames, cine.height, cine.width) == ("MR", 3, 4, 5)
            assert cine.times_ms == (0, 40, 80)
            assert cine.spacing_mm == (1.25, 1.5)
            assert cine.thickness_mm == 8  # by positions: SliceThickness is 6
            assert cine.notes == ("frame times from TriggerTime",)


def test_position_along_an_oblique_normal(tmp_path: Path) -> None:
    row, column = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.0, 1.0])
    normal = np.cross(row, column)
    # Slices may shift within their plane; only the way along the normal tells them apart.
    datasets = [
        mr_picture(
            voxels(index),
            z=0,
            trigger=0.0,
            ImageOrientationPatient=[*row.tolist(), *column.tolist()],
            ImagePositionPatient=(normal * depth + row * shift).round(9).tolist(),
        )
        for index, (depth, shift) in enumerate([(5.0, 0.0), (15.0, 3.0), (25.0, -30.0)])
    ]
    cines = read(write(tmp_path, datasets)).cines
    assert [cine.position_mm for cine in cines] == pytest.approx([5, 15, 25])
    assert [cine.thickness_mm for cine in cines] == pytest.approx([10, 10, 10])


def test_missing_phases_are_told(tmp_path: Path) -> None:
    datasets = stack([0, 8, 16], 4)
    del datasets[6]  # slice 1, phase 2
    cines = read(write(tmp_path, datasets)).cines
    assert [cine.frames for cine in cines] == [4, 3, 4]
    assert "3 of 4 phases" in cines[1].notes
    assert all("phases" not in note for cine in (cines[0], cines[2]) for note in cine.notes)
    assert cines[1].times_ms == (0, 40, 120)


def test_a_missing_slice_is_told(tmp_path: Path) -> None:
    cines = read(write(tmp_path, stack([0, 8, 24, 32], 2))).cines
    assert [cine.thickness_mm for cine in cines] == [8, 16, 8, 8]
    assert "the next slice lies 16.0 mm on, where 8.0 mm is usual" in cines[1].notes
    assert all("lies" not in note for index in (0, 2, 3) for note in cines[index].notes)


def test_temporal_position_where_triggers_repeat(tmp_path: Path) -> None:
    datasets = [
        mr_picture(voxels(phase), z=0, trigger=0.0, TemporalPositionIdentifier=phase + 1, InstanceNumber=9 - phase)
        for phase in range(4)
    ]
    (cine,) = read(write(tmp_path, datasets)).cines
    assert numbers(cine) == [0, 1, 2, 3]
    assert cine.times_ms is None
    assert "no frame times" in cine.notes


def test_instance_number_where_nothing_else_tells(tmp_path: Path) -> None:
    datasets = [
        mr_picture(voxels(phase), z=0, trigger=None, InstanceNumber=phase + 1, NominalInterval=800)
        for phase in (2, 0, 3, 1)
    ]
    (cine,) = read(write(tmp_path, datasets)).cines
    assert numbers(cine) == [0, 1, 2, 3]
    assert cine.times_ms == (0, 200, 400, 600)
    assert cine.notes == ("frame times from NominalInterval",)


def test_the_same_picture_twice_counts_once(tmp_path: Path) -> None:
    datasets = stack([0, 8], 2)
    paths = [*write(tmp_path, datasets), save(datasets[0], tmp_path / "copy.dcm")]
    assert [cine.frames for cine in read(paths).cines] == [2, 2]


def test_slices_that_are_series_of_their_own_are_one_stack(tmp_path: Path) -> None:
    datasets = stack([16, 0, 8], 2)
    for index, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = f"1.2.3.{index // 2}"
    cines = read(write(tmp_path, datasets)).cines
    assert [cine.position_mm for cine in cines] == [0, 8, 16]
    assert [cine.thickness_mm for cine in cines] == [8, 8, 8]


def test_repeated_series_stay_apart(tmp_path: Path) -> None:
    datasets = [*stack([0, 8], 2, SeriesInstanceUID="1.2.3.1"), *stack([0, 8], 2, SeriesInstanceUID="1.2.3.2")]
    cines = read(write(tmp_path, datasets)).cines
    assert [cine.position_mm for cine in cines] == [0, 8, 0, 8]
    assert [cine.frames for cine in cines] == [2, 2, 2, 2]


def test_magnitude_and_phase_pictures_stay_apart(tmp_path: Path) -> None:
    magnitude = stack([0], 3, ImageType=["ORIGINAL", "PRIMARY", "M"])
    phase = stack([0], 3, ImageType=["ORIGINAL", "PRIMARY", "P"])
    assert [cine.frames for cine in read(write(tmp_path, [*magnitude, *phase])).cines] == [3, 3]


def test_long_axes_of_other_planes_are_stacks_of_their_own(tmp_path: Path) -> None:
    long_axis = stack([0], 2, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    cines = read(write(tmp_path, [*stack([0, 8], 2), *long_axis])).cines
    assert [cine.frames for cine in cines] == [2, 2, 2]
    assert [cine.thickness_mm for cine in cines] == [8, 8, 6]  # alone: what SliceThickness says


def test_pictures_without_position(tmp_path: Path) -> None:
    datasets = stack([0], 3)
    for dataset in datasets:
        del dataset.ImagePositionPatient
    (cine,) = read(write(tmp_path, datasets)).cines
    assert numbers(cine) == [0, 1, 2]
    assert cine.position_mm is None
    assert "no slice position" in cine.notes


def test_slices_without_position_cannot_be_told_apart(tmp_path: Path) -> None:
    datasets = stack([0, 8], 2, SeriesInstanceUID="1.2.3.1")
    for dataset in datasets:
        del dataset.ImagePositionPatient
    good = stack([0, 8], 2, SeriesInstanceUID="1.2.3.2")
    assembly = read(write(tmp_path, [*datasets, *good]))
    assert [error.code for _, error in assembly.failures] == ["INCONSISTENT"]
    assert [cine.frames for cine in assembly.cines] == [2, 2]


@pytest.mark.parametrize(
    "attributes",
    [
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImageOrientationPatient": [0] * 6},
        {"ImagePositionPatient": [1, 2]},
    ],
)
def test_geometry_of_nonsense_counts_as_none(tmp_path: Path, attributes: dict[str, Any]) -> None:
    (cine,) = read(write(tmp_path, stack([0], 2, **attributes))).cines
    assert cine.position_mm is None


def test_phases_that_differ_in_size(tmp_path: Path) -> None:
    paths = write(tmp_path, stack([0], 3))
    (cine,) = read(paths).cines
    save(mr_picture(voxels(1, 6, 7), z=0, trigger=40), paths[1])
    with pytest.raises(InputError, match="INCONSISTENT"):
        dicom.load(cine)
    save(image(np.zeros((2, 4, 5), np.uint16), modality="MR"), paths[1])
    with pytest.raises(InputError, match="2 frames, where one phase of a slice is one"):
        dicom.load(cine)


def enhanced(order: Sequence[tuple[int, int]], **shared: Any) -> Dataset:
    """An enhanced MR file whose frames are the slice and phase given, 10 mm and 30 ms apart."""
    pixels = np.stack([voxels(10 * place + phase) for place, phase in order])
    dataset = image(pixels, modality="MR", SOPClassUID=ENHANCED_MR)
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[1.1, 1.2], SliceThickness=7)],
            **shared,
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 10 * place])],
            CardiacSynchronizationSequence=[item(NominalCardiacTriggerDelayTime=30.0 * phase)],
        )
        for place, phase in order
    ]
    return dataset


def test_enhanced_file_of_several_slices(tmp_path: Path) -> None:
    order = [(1, 2), (0, 0), (1, 0), (0, 2), (0, 1), (1, 1)]
    path = save(enhanced(order), tmp_path / "enhanced.dcm")
    cines = read([path]).cines
    assert [(cine.source, cine.slice_index) for cine in cines] == [(path, 0), (path, 1)]
    assert [numbers(cine) for cine in cines] == [[0, 1, 2], [10, 11, 12]]
    for cine in cines:
        assert cine.times_ms == (0, 30, 60)
        assert (cine.spacing_mm, cine.thickness_mm) == ((1.1, 1.2), 10)
    whole = dicom.describe(path)
    assert (whole.frames, whole.slice_index, whole.notes) == (6, None, ("2 slices in one file",))
    assert [int(frame[0, 0, 0]) for frame in dicom.load(whole)] == [10 * place + phase for place, phase in order]


def test_enhanced_file_of_one_slice(tmp_path: Path) -> None:
    path = save(enhanced([(0, 1), (0, 0)]), tmp_path / "enhanced.dcm")
    cine = dicom.describe(path)
    assert (cine.frames, cine.slice_index, cine.thickness_mm) == (2, 0, 7)
    assert numbers(cine) == [0, 1]


@pytest.mark.parametrize("index", [-1, 2, 99])
def test_no_such_slice(tmp_path: Path, index: int) -> None:
    pictures = dicom.read_instance(save(enhanced([(0, 0), (1, 0)]), tmp_path / "enhanced.dcm")).pictures
    assert [frames_of_slice(pictures, place) for place in (0, 1)] == [(0,), (1,)]
    with pytest.raises(InputError, match="INCONSISTENT"):
        frames_of_slice(pictures, index)


def test_nothing_to_assemble() -> None:
    assert assemble([]) == Assembly((), ())


@pytest.mark.realdata
def test_sunnybrook_short_axis(shared_data: Path) -> None:
    paths = sorted((shared_data / "sunnybrook").rglob("*.dcm"))
    assert len(paths) == 220
    assembly = read(paths)
    assert assembly.failures == ()
    assert len(assembly.cines) == 11
    positions = [cine.position_mm for cine in assembly.cines]
    np.testing.assert_allclose(np.diff(np.array(positions, float)), 8.0, atol=0.01)
    for cine in assembly.cines:
        assert cine.frames == 20
        assert cine.thickness_mm == pytest.approx(8.0, abs=0.01)
        assert cine.times_ms is not None
        assert min(np.diff(cine.times_ms)) > 10
    frames = dicom.load(assembly.cines[5])
    assert frames.shape == (20, 1, assembly.cines[5].height, assembly.cines[5].width)
    assert frames.dtype == np.float32
    # Neighbours in time are alike, half a beat apart less so.
    near = np.abs(np.diff(frames, axis=0)).mean()
    assert near < np.abs(frames[10:] - frames[:10]).mean()
