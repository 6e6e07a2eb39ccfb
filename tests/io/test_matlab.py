from __future__ import annotations

import io
import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from cinecor.errors import CinecorError, InputError, LimitError
from cinecor.io import matlab
from cinecor.io.limits import Limits

MASKS = np.random.default_rng(0).integers(0, 3, (4, 6, 5)).astype(np.float64)


def save(path: Path, packed: bool = True, **arrays: object) -> Path:
    savemat(path, arrays, do_compression=packed)
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_what_scipy_writes_is_read(tmp_path: Path, dtype: str, packed: bool) -> None:
    path = save(tmp_path / "m.mat", packed, predicted=MASKS.astype(dtype), note="text", one=1.0, cells={"a": [1, 2]})
    assert matlab.recognise(path)
    assert matlab.shape(path) == (4, 6, 5)
    for plane, expected in enumerate(loadmat(path)["predicted"]):
        np.testing.assert_array_equal(matlab.load_mask(path, plane, (None, None)), expected)


def test_what_is_written_is_read_by_scipy(tmp_path: Path) -> None:
    matlab.write(tmp_path / "m.mat", "predicted", MASKS)
    np.testing.assert_array_equal(loadmat(tmp_path / "m.mat")["predicted"], MASKS)
    np.testing.assert_array_equal(matlab.load_mask(tmp_path / "m.mat", 3, (6, 5)), MASKS[3])


def test_masks_take_the_size_of_the_frame(tmp_path: Path) -> None:
    path = save(tmp_path / "m.mat", predicted=MASKS)
    large = matlab.load_mask(path, 1, (18, 20))
    np.testing.assert_array_equal(large, np.kron(MASKS[1], np.ones((3, 4))))
    for size in ((6, 5), (7, 11), (422, 636), (13, 5)):
        there = matlab.load_mask(path, 2, size)
        assert there.shape == size
        np.testing.assert_array_equal(matlab.resample(there, (6, 5)), MASKS[2])


def test_what_is_no_mask(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"predicted": MASKS + 0.5}, "UNSUPPORTED"),
        ({"predicted": MASKS * 200}, "UNSUPPORTED"),
        ({"predicted": np.full((2, 2, 2), np.nan)}, "UNSUPPORTED"),
        ({"predicted": MASKS[0]}, "NO_PIXELS"),
        ({"predicted": MASKS * 1j}, "NO_PIXELS"),
        ({"a": MASKS, "b": MASKS}, "INCONSISTENT"),
    ]
    for number, (arrays, code) in enumerate(cases):
        path = save(tmp_path / f"{number}.mat", **arrays)
        with pytest.raises(InputError) as caught:
            matlab.load_mask(path, 0, (None, None))
        assert caught.value.code == code
    with pytest.raises(InputError, match="no plane 4"):
        matlab.load_mask(save(tmp_path / "m.mat", predicted=MASKS), 4, (None, None))


def test_other_versions_and_files(tmp_path: Path) -> None:
    for content, code in (
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512), "UNSUPPORTED"),
        (b"MATLAB 5.0".ljust(128), "NOT_RECOGNISED"),
        (b"", "EMPTY"),
        (b"\x89HDF", "NOT_RECOGNISED"),
    ):
        (tmp_path / "m.mat").write_bytes(content)
        with pytest.raises(InputError) as caught:
            matlab.load_mask(tmp_path / "m.mat", 0, (None, None))
        assert caught.value.code == code
    with pytest.raises(InputError, match="NOT_REGULAR_FILE"):
        matlab.load_mask(tmp_path / "absent.mat", 0, (None, None))


def test_sizes_are_checked_before_anything_is_unpacked(tmp_path: Path) -> None:
    path = save(tmp_path / "m.mat", predicted=np.zeros((40, 512, 512)))
    with pytest.raises(LimitError, match="RATIO"):
        matlab.shape(path)
    path = save(tmp_path / "n.mat", predicted=MASKS)
    with pytest.raises(LimitError, match="BYTES"):
        matlab.shape(path, Limits(decoded_bytes=300))
    with pytest.raises(LimitError, match="FRAMES"):
        matlab.shape(path, Limits(frames=3))


@pytest.mark.parametrize("packed", [True, False])
def test_no_damage_does_worse_than_an_error_of_ours(tmp_path: Path, packed: bool) -> None:
    buffer = io.BytesIO()
    savemat(buffer, {"predicted": MASKS}, do_compression=packed)
    content, path, dice = buffer.getvalue(), tmp_path / "m.mat", random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 3)):
            damaged[dice.randrange(100, min(len(content), 260))] = dice.choice((0, 1, 127, 128, 255))
        path.write_bytes(bytes(damaged[: dice.choice((len(content), dice.randrange(len(content))))]))
        with suppress(CinecorError):
            matlab._decode.__wrapped__(path, Limits(), None)


def test_a_flipped_bit_of_a_packed_array_is_found(tmp_path: Path) -> None:
    content = bytearray(save(tmp_path / "m.mat", predicted=MASKS).read_bytes())
    content[-2] ^= 1  # in the checksum
    (tmp_path / "n.mat").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"CORRUPT|TRUNCATED"):
        matlab.shape(tmp_path / "n.mat")
