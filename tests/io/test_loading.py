from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.errors import ConfigError, InputError, LimitError
from cinecor.io import images, loading, matlab, video
from cinecor.io.dicom_writing import write_ultrasound
from cinecor.io.limits import Limits
from cinecor.io.loading import reader
from cinecor.records import Cine

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 1, 16, 24), dtype=np.uint8)


def test_frames_in_memory() -> None:
    assert io.load(Cine(source=FRAMES, modality="US")) is FRAMES
    floats = FRAMES.astype(np.float32)
    assert io.load(Cine(source=floats, modality="MR")) is floats


@pytest.mark.parametrize("frames", [FRAMES[0], FRAMES.astype(np.float64), FRAMES[:0]])
def test_other_arrays_are_refused(frames: np.ndarray) -> None:
    with pytest.raises(InputError, match="INCONSISTENT"):
        io.load(Cine(source=frames, modality="US"))


def test_video_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "loop.dcm"
    video.write(path, FRAMES, 20.0)
    cine = io.describe(path)
    assert (cine.frames, cine.height, cine.width) == (4, 16, 24)
    np.testing.assert_array_equal(io.load(cine), video.load(path))
    with pytest.raises(LimitError):
        io.load(cine, Limits(frames=3))


@pytest.mark.parametrize("stored", ["explicit", "rle", "jpeg", "video", "memory"])
def test_only_some_frames_are_those_of_the_whole_loop(stored: str, tmp_path: Path) -> None:
    path = tmp_path / "loop"
    if stored == "video":
        video.write(path, FRAMES, 20.0)
    elif stored != "memory":
        write_ultrasound(path, np.repeat(FRAMES, 3, axis=1), frame_ms=20.0, syntax=stored)
    cine = Cine(source=FRAMES, modality="US") if stored == "memory" else io.describe(path)
    whole = io.load(cine)
    for only in ([0], [3], [1, 2], [0, 1, 2, 3]):
        np.testing.assert_array_equal(io.load(cine, only=only), whole[only])
    for wrong in ([4], [0, 9], [-1]):
        with pytest.raises(InputError, match="INCONSISTENT"):
            io.load(cine, only=wrong)
    if stored != "memory":
        with pytest.raises(LimitError):
            io.load(cine, Limits(frames=3), only=[0])


def test_a_loop_that_is_cut_short_is_so_whatever_is_asked_of_it(tmp_path: Path) -> None:
    path = tmp_path / "loop.dcm"
    write_ultrasound(path, FRAMES, frame_ms=20.0)
    data = path.read_bytes()
    cine = io.describe(path)
    path.write_bytes(data[: -FRAMES[0].size])
    with pytest.raises(InputError):
        io.load(cine, only=[0])


def test_stills(tmp_path: Path) -> None:
    paths = []
    for index, frame in enumerate(FRAMES):
        paths.append(tmp_path / f"{index}.png")
        images.write_png(paths[-1], frame.transpose(1, 2, 0))
    assert io.describe(paths[0]).frames == 1
    np.testing.assert_array_equal(io.load(io.describe(paths[2])), FRAMES[2:3])
    np.testing.assert_array_equal(io.load(Cine(source=tuple(paths), modality="US")), FRAMES)
    images.write_png(paths[1], FRAMES[0, :, :8].transpose(1, 2, 0))
    with pytest.raises(InputError, match="INCONSISTENT"):
        io.load(Cine(source=tuple(paths), modality="US"))
    with pytest.raises(LimitError):
        io.load(Cine(source=tuple(paths), modality="US"), Limits(decoded_bytes=16 * 24 * 3))


def test_sources_that_are_no_loop(tmp_path: Path) -> None:
    video.write(tmp_path / "a.avi", FRAMES, 20.0)
    with pytest.raises(InputError, match="UNSUPPORTED"):
        io.load(Cine(source=(tmp_path / "a.avi", tmp_path / "a.avi"), modality="US"))
    with pytest.raises(InputError, match="NO_PIXELS"):
        io.load(Cine(source=(), modality="US"))
    with pytest.raises(InputError, match="NOT_REGULAR_FILE"):
        io.load(Cine(source=tmp_path / "absent", modality="US"))


def test_masks(tmp_path: Path) -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / "mask.png"
    images.write_png(path, mask[..., None])
    cine = Cine(source=FRAMES, modality="US", masks={0: mask, 2: path})
    assert io.load_mask(cine, 0) is mask
    np.testing.assert_array_equal(io.load_mask(cine, 2), mask)
    with pytest.raises(InputError, match="frame 1 has no mask"):
        io.load_mask(cine, 1)


@pytest.mark.parametrize(("kind", "library", "extra"), [("dicom", "pydicom", "dicom"), ("nifti", "nibabel", "mri")])
def test_a_missing_library_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, kind: str, library: str, extra: str
) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {library}", name=library)

    monkeypatch.setattr(loading, "import_module", fail)
    with pytest.raises(ConfigError, match=rf"MISSING_EXTRA: .*{library}.*pip install 'cinecor\[{extra}\]'"):
        loading.reader(kind)


def test_a_fault_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError("No module named cinecor.io.oops", name="cinecor.io.oops")

    monkeypatch.setattr(loading, "import_module", fail)
    with pytest.raises(ModuleNotFoundError):
        loading.reader("video")


def test_the_room_costs_nothing_to_enter() -> None:
    code = (
        "import cinecor.io, sys; print([m for m in ('torch', 'av', 'pydicom', 'nibabel', 'PIL') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_masks_as_planes_of_a_file(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 4, (3, 6, 7)).astype(np.uint8)
    reader("nifti").write(tmp_path / "a.nii.gz", planes, spacing_mm=(1.0, 1.0), thickness_mm=1.0)
    reader("metaimage").write(tmp_path / "a.mhd", planes, spacing_mm=(1.0, 1.0))
    matlab.write(tmp_path / "a.mat", "predicted", planes)
    for name in ("a.nii.gz", "a.mhd", "a.mat"):
        masks = {10: (tmp_path / name, 0), 12: (tmp_path / name, 2)}
        cine = Cine(source=np.zeros((20, 1, 6, 7), np.uint8), modality="US", height=6, width=7, masks=masks)
        np.testing.assert_array_equal(io.load_mask(cine, 10), planes[0])
        np.testing.assert_array_equal(io.load_mask(cine, 12), planes[2])
        with pytest.raises(InputError, match="NO_PIXELS"):
            io.load_mask(cine, 11)
