from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.errors import CinecorError, InputError, LimitError
from cinecor.io import metaimage
from cinecor.io.limits import Limits
from cinecor.records import Cine

VOXELS = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)


def by_hand(folder: Path, voxels: np.ndarray, met: str, data: bytes | None = None, **changes: str | None) -> Path:
    """A file as ITK writes one, with a spacing as CAMUS has it: twice as fine along the beam."""
    planes, height, width = voxels.shape
    keys: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": "0.30800000000000005 0.154 1",
        "DimSize": f"{width} {height} {planes}",
        "ElementType": met,
        "ElementDataFile": "loop.raw",
    }
    keys |= changes
    keys["ElementDataFile"] = keys.pop("ElementDataFile")  # it ends the header
    (folder / "loop.raw").write_bytes(voxels.tobytes() if data is None else data)
    path = folder / "loop.mhd"
    path.write_text("".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None))
    return path


def test_round_trip(tmp_path: Path) -> None:
    metaimage.write(tmp_path / "a.mhd", VOXELS, spacing_mm=(0.154, 0.308))
    cine = io.describe(tmp_path / "a.mhd")
    assert (cine.frames, cine.height, cine.width, cine.modality) == (3, 5, 7, "US")
    assert cine.spacing_mm == (0.154, 0.308)
    np.testing.assert_array_equal(io.load(cine)[:, 0], VOXELS)
    np.testing.assert_array_equal(metaimage.load_mask(tmp_path / "a.mhd", 2), VOXELS[2])


@pytest.mark.parametrize(
    ("met", "dtype"),
    [("MET_UCHAR", "u1"), ("MET_SHORT", "<i2"), ("MET_USHORT", "<u2"), ("MET_INT", "<i4"), ("MET_FLOAT", "<f4")],
)
def test_as_others_write_it(tmp_path: Path, met: str, dtype: str) -> None:
    voxels = (VOXELS // 2).astype(dtype)
    cine = io.describe(by_hand(tmp_path, voxels, met))
    assert cine.spacing_mm == pytest.approx((0.154, 0.308))
    np.testing.assert_array_equal(io.load(cine)[:, 0], voxels)
    big = voxels.astype(np.dtype(dtype).newbyteorder(">"))
    for key in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        path = by_hand(tmp_path, big, met, **{"BinaryDataByteOrderMSB": None, key: "True"})
        np.testing.assert_array_equal(metaimage.load(Cine(source=path, modality="US"))[:, 0], voxels)


def test_packed_local_padded_and_flat(tmp_path: Path) -> None:
    packed = zlib.compress(VOXELS.tobytes())
    path = by_hand(tmp_path, VOXELS, "MET_UCHAR", packed, CompressedData="True")
    np.testing.assert_array_equal(io.load(io.describe(path))[:, 0], VOXELS)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 1
    (tmp_path / "loop.raw").write_bytes(bytes(damaged))
    with pytest.raises(InputError, match=r"CORRUPT|TRUNCATED"):
        io.load(io.describe(path))
    for size in ("10", "-1"):
        path = by_hand(tmp_path, VOXELS, "MET_UCHAR", b"0123456789" + VOXELS.tobytes(), HeaderSize=size)
        np.testing.assert_array_equal(io.load(io.describe(path))[:, 0], VOXELS)
    path = by_hand(tmp_path, VOXELS, "MET_UCHAR", ElementDataFile="LOCAL")
    path.write_bytes(path.read_bytes() + VOXELS.tobytes())
    np.testing.assert_array_equal(io.load(io.describe(path))[:, 0], VOXELS)
    path = by_hand(tmp_path, VOXELS[:1], "MET_UCHAR", NDims="2", DimSize="7 5", ElementSpacing="2 1")
    assert io.describe(path).spacing_mm == (1, 2)
    np.testing.assert_array_equal(io.load(io.describe(path))[0, 0], VOXELS[0])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DimSize": "7 5"}, ""),
        ({"DimSize": "7 5 2000000000"}, "FRAMES"),
        ({"DimSize": "9000000 9000000 1"}, "PIXELS"),
        ({"DimSize": "7 5 -3"}, "UNSUPPORTED"),
        ({"DimSize": "7 5 3 1"}, "UNSUPPORTED"),
        ({"DimSize": "7 five 3"}, "CORRUPT"),
        ({"DimSize": "7 5 nan"}, "CORRUPT"),
        ({"DimSize": None}, "CORRUPT"),
        ({"DimSize": "7 5 4"}, "TRUNCATED"),
        ({"ElementType": "MET_OTHER"}, "UNSUPPORTED"),
        ({"ElementNumberOfChannels": "3"}, "UNSUPPORTED"),
        ({"ElementSpacing": "0 1 1"}, "CORRUPT"),
        ({"ElementSpacing": "1"}, "CORRUPT"),
        ({"BinaryData": "False"}, "UNSUPPORTED"),
        ({"ElementDataFile": "../loop.raw"}, "UNSUPPORTED"),
        ({"ElementDataFile": "/etc/passwd"}, "UNSUPPORTED"),
        ({"ElementDataFile": "C:\\x"}, "UNSUPPORTED"),
        ({"ElementDataFile": "LIST"}, "UNSUPPORTED"),
        ({"ElementDataFile": "loop%03d.raw 1 3 1"}, "UNSUPPORTED"),
        ({"ElementDataFile": "absent.raw"}, "NOT_REGULAR_FILE"),
        ({"ElementDataFile": None}, "CORRUPT"),
    ],
)
def test_hostile_headers(tmp_path: Path, changes: dict[str, str | None], code: str) -> None:
    path = by_hand(tmp_path, VOXELS, "MET_UCHAR", **changes)
    if not code:  # fewer planes than there are bytes
        assert len(io.load(io.describe(path))) == 1
        return
    with pytest.raises(CinecorError) as caught:
        io.load(io.describe(path))
    assert caught.value.code == code


def test_other_faults(tmp_path: Path) -> None:
    (tmp_path / "empty.mhd").touch()
    with pytest.raises(InputError, match="EMPTY"):
        metaimage.describe(tmp_path / "empty.mhd")
    path = by_hand(tmp_path, np.full((1, 2, 2), np.nan, "<f4"), "MET_FLOAT")
    with pytest.raises(InputError, match="CORRUPT"):
        io.load(io.describe(path))
    with pytest.raises(InputError, match="UNSUPPORTED"):
        metaimage.load_mask(by_hand(tmp_path, np.full((1, 2, 2), 0.5, "<f4"), "MET_FLOAT"), 0)
    with pytest.raises(InputError, match="INCONSISTENT"):
        metaimage.load_mask(by_hand(tmp_path, VOXELS, "MET_UCHAR"), 3)
    bomb = zlib.compress(bytes(100 * 1024 * 1024))
    path = by_hand(tmp_path, VOXELS, "MET_UCHAR", bomb, CompressedData="True", DimSize="1024 1024 100")
    with pytest.raises(LimitError, match="RATIO"):
        io.load(io.describe(path))
    with pytest.raises(LimitError, match="BYTES"):
        metaimage.load(Cine(source=by_hand(tmp_path, VOXELS, "MET_UCHAR"), modality="US"), Limits(bytes=3))
