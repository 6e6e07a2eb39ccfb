from __future__ import annotations

import contextlib
import logging
import os
import sys
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless
from tests.io.dicom_files import encapsulated, image, item, jpeg_frames, mr_picture, noise, put, save, smooth

from cinecor.errors import CinecorError, ConfigError, InputError, LimitError
from cinecor.io import dicom, dicom_header
from cinecor.io.dicom_codestream import read_codestream
from cinecor.io.dicom_seam import reading
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine

GREY = noise(4, 12, 16)
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.90"


def read_all(path: Path, limits: Limits = DEFAULT) -> np.ndarray:
    dicom.read_instance(path, limits)
    return dicom.load(dicom.describe(path, limits), limits)


def attempt(path: Path) -> tuple[Cine, np.ndarray] | CinecorError:
    """What reading a damaged file comes to; a failure of cinecor's own types would be a bug, not damage."""
    try:
        cine = dicom.describe(path)
        return cine, dicom.load(cine)
    except CinecorError as failure:
        outcome = failure
    assert type(outcome.__cause__).__name__ != "TypeCheckError"
    assert "\n" not in str(outcome)
    return outcome


def rle(pixels: np.ndarray, **attributes: Any) -> Any:
    dataset = image(pixels, **attributes)
    dataset.compress(RLELossless)
    return dataset


def jpeg(pixels: np.ndarray, **attributes: Any) -> Any:
    return encapsulated(pixels, jpeg_frames(pixels), PhotometricInterpretation="YBR_FULL_422", **attributes)


def deflated() -> Any:
    dataset = image(GREY)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


def regions() -> Any:
    box = {"RegionLocationMinX0": 1, "RegionLocationMinY0": 2, "RegionLocationMaxX1": 9, "RegionLocationMaxY1": 8}
    more = {"RegionSpatialFormat": 1, "RegionDataType": 1, "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3}
    return item(**box, **more, PhysicalDeltaX=0.03, PhysicalDeltaY=0.03)


KINDS = {
    "explicit": lambda: image(GREY, FrameTimeVector=[0, 20, 20, 20], SequenceOfUltrasoundRegions=[regions()]),
    "rle": lambda: rle(GREY, FrameTime=33),
    "jpeg": lambda: jpeg(smooth(3, 16, 16), CineRate=30),
    "deflated": deflated,
    "mr": lambda: mr_picture(noise(8, 8).astype(np.uint16), z=3, trigger=20),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_short(tmp_path: Path, kind: str) -> None:
    """Whatever is missing, a typed failure tells; only the last padding byte may go unnoticed."""
    whole = save(KINDS[kind](), tmp_path / "whole.dcm").read_bytes()
    expected = read_all(tmp_path / "whole.dcm")
    path = tmp_path / "cut.dcm"
    for size in (*range(0, len(whole) - 16, max(len(whole) // 24, 1)), 131, 132, 133, 200):
        path.write_bytes(whole[:size])
        outcome = attempt(path)
        if isinstance(outcome, CinecorError):
            assert outcome.where == "cut.dcm" or "encoded frame" in outcome.what
        else:
            # Encoded frames may be whole though the end of the file is not.
            assert kind in ("rle", "jpeg"), size
            assert outcome[1].shape == expected.shape
            assert size > 0.9 * len(whole)


def test_a_cut_file_is_told_as_truncated(tmp_path: Path) -> None:
    whole = save(image(GREY), tmp_path / "whole.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    for missing in (1, 100, GREY.size - 1, GREY.size):
        path.write_bytes(whole[:-missing])
        for read in (dicom.describe, dicom.read_instance):
            with pytest.raises(InputError, match="TRUNCATED"):
                read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes(tmp_path: Path, kind: str) -> None:
    """Damage of one to four bytes makes a typed failure, or frames of the shape that was promised."""
    whole = np.frombuffer(save(KINDS[kind](), tmp_path / "whole.dcm").read_bytes(), np.uint8)
    rng = np.random.default_rng(sorted(KINDS).index(kind))
    path = tmp_path / "damaged.dcm"
    outcomes: set[bool] = set()
    for _ in range(45):
        damaged = whole.copy()
        places = rng.integers(0, len(whole), rng.integers(1, 5))
        damaged[places] ^= rng.integers(1, 256, len(places), dtype=np.uint8)
        path.write_bytes(damaged.tobytes())
        outcome = attempt(path)
        outcomes.add(isinstance(outcome, CinecorError))
        if not isinstance(outcome, CinecorError):
            cine, frames = outcome
            assert (len(frames), *frames.shape[2:]) == (cine.frames, cine.height, cine.width)
            assert frames.shape[1] in (1, 3)
    assert outcomes == {True, False}


def test_fewer_encapsulated_frames_than_declared(tmp_path: Path) -> None:
    for dataset in (rle(GREY, NumberOfFrames=4), jpeg(smooth(4, 16, 16))):
        dataset.NumberOfFrames = 7
        path = save(dataset, tmp_path / "loop.dcm")
        with pytest.raises(InputError) as caught:
            read_all(path)
        assert caught.value.code == "TRUNCATED"


def test_more_encapsulated_frames_than_declared(tmp_path: Path) -> None:
    dataset = rle(GREY)
    dataset.NumberOfFrames = 2
    np.testing.assert_array_equal(read_all(save(dataset, tmp_path / "loop.dcm")), GREY[:2, None])


@pytest.mark.parametrize("kind", ["explicit", "rle"])
def test_no_pixel_data(tmp_path: Path, kind: str) -> None:
    dataset = KINDS[kind]()
    del dataset.PixelData
    with pytest.raises(InputError, match="TRUNCATED"):
        dicom.describe(save(dataset, tmp_path / "loop.dcm"))


def test_objects_without_an_image(tmp_path: Path) -> None:
    report = image(GREY, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    for keyword in ("PixelData", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(report, keyword)
    with pytest.raises(InputError, match="NO_PIXELS"):
        dicom.describe(save(report, tmp_path / "report.dcm"))
    with pytest.raises(InputError, match="TRUNCATED"):
        dicom.describe(save(put(report, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1"), tmp_path / "loop.dcm"))


@pytest.mark.parametrize("content", [b"1.0 2.0\n3.0 4.0\n" * 20, b"GIF89a" + bytes(300), bytes(range(256)) * 4])
def test_files_that_are_no_dicom(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        dicom.describe(path)
    assert caught.value.code in ("NOT_RECOGNISED", "CORRUPT", "TRUNCATED")


def test_text_is_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "contour.txt"
    path.write_bytes(b"112.50 101.00\n113.00 100.50\n" * 40)
    with pytest.raises(InputError, match="NOT_RECOGNISED"):
        dicom.describe(path)


def test_empty_missing_and_irregular_files(tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.touch()
    with pytest.raises(InputError, match="EMPTY"):
        dicom.describe(path)
    os.mkfifo(tmp_path / "pipe.dcm")
    for other in (tmp_path, tmp_path / "pipe.dcm"):
        with pytest.raises(InputError, match="NOT_REGULAR_FILE"):
            dicom.describe(other)


@contextlib.contextmanager
def little_memory(most: int) -> Any:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["explicit", "rle", "jpeg"])
def test_header_that_asks_for_58_gib(tmp_path: Path, kind: str) -> None:
    dataset = KINDS[kind]()
    put(dataset, Rows=4096, Columns=4096, NumberOfFrames=3712 if dataset.SamplesPerPixel == 1 else 1238)
    path = save(dataset, tmp_path / "bomb.dcm")
    for read in (dicom.describe, dicom.read_instance, read_all):
        with little_memory(8 * 1024**2), pytest.raises(LimitError, match="BYTES"):
            read(path)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(bytes=500), "BYTES"),
        (Limits(pixels=12 * 16 - 1), "PIXELS"),
        (Limits(frames=3), "FRAMES"),
        (Limits(decoded_bytes=GREY.size - 1), "BYTES"),
    ],
)
def test_limits(tmp_path: Path, limits: Limits, code: str) -> None:
    path = save(image(GREY), tmp_path / "loop.dcm")
    with pytest.raises(LimitError, match=code):
        dicom.describe(path, limits)
    exact = Limits(pixels=12 * 16, frames=4, decoded_bytes=GREY.size)
    assert read_all(path, exact).shape == (4, 1, 12, 16)


def test_phases_count_together_against_the_limits(tmp_path: Path) -> None:
    pictures = [mr_picture(noise(8, 8).astype(np.uint16), z=0, trigger=20 * phase) for phase in range(4)]
    paths = [save(picture, tmp_path / f"{index}.dcm") for index, picture in enumerate(pictures)]
    (cine,) = dicom.assemble([picture for path in paths for picture in dicom.read_instance(path).pictures]).cines
    assert len(dicom.load(cine, Limits(decoded_bytes=4 * 64 * 4))) == 4
    with pytest.raises(LimitError, match="BYTES"):
        dicom.load(cine, Limits(decoded_bytes=4 * 64 * 4 - 1))


def test_deflated_bomb(tmp_path: Path) -> None:
    whole = save(deflated(), tmp_path / "loop.dcm").read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    content = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path = tmp_path / "bomb.dcm"
    path.write_bytes(whole[:start] + packer.compress(content + bytes(4 * 1024**2)) + packer.flush())
    with pytest.raises(LimitError, match="RATIO"):
        dicom.describe(path, Limits(ratio_from_bytes=1024**2))
    with pytest.raises(LimitError, match="BYTES"):
        dicom.describe(path, Limits(decoded_bytes=1024**2))


def test_element_that_claims_four_gib(tmp_path: Path) -> None:
    whole = save(image(GREY, FrameTime=33), tmp_path / "loop.dcm").read_bytes()
    at = whole.rindex(b"\xe0\x7f\x10\x00OB") + 8
    path = tmp_path / "claims.dcm"
    path.write_bytes(whole[:at] + b"\xfe\xff\xff\xff" + whole[at + 4 :])
    with little_memory(8 * 1024**2), pytest.raises(InputError, match="TRUNCATED"):
        dicom.describe(path)


def test_sequences_too_deep(tmp_path: Path) -> None:
    start = save(image(GREY), tmp_path / "loop.dcm").read_bytes()
    at = start.index(b"\xe0\x7f\x10\x00OB")
    opening = b"\x18\x00\x11\x60SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path = tmp_path / "deep.dcm"
    path.write_bytes(start[:at] + opening * 3000 + start[at:])
    with pytest.raises(CinecorError) as caught:
        dicom.describe(path)
    assert caught.value.code == "NESTING"


def test_encoded_frame_larger_than_the_header_says(tmp_path: Path) -> None:
    """The decoder would allocate what the frame asks for."""
    pixels = smooth(2, 16, 16)
    frames = [bytearray(frame) for frame in jpeg_frames(pixels)]
    for frame in frames:
        at = frame.index(b"\xff\xc0")
        frame[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    dataset = encapsulated(pixels, [bytes(frame) for frame in frames])
    with little_memory(8 * 1024**2), pytest.raises(InputError, match="INCONSISTENT"):
        read_all(save(dataset, tmp_path / "loop.dcm"))


@pytest.mark.parametrize(
    ("frame", "syntax", "code"),
    [
        (b"", JPEG, "CORRUPT"),
        (b"no image", JPEG, "CORRUPT"),
        (b"\xff\xd8", JPEG, "TRUNCATED"),
        (b"\xff\xd8\xff\xe0\x00\x10JF", JPEG, "TRUNCATED"),
        (b"\xff\xd8\x00\x00", JPEG, "CORRUPT"),
        (b"\xff\xd8\xff\xda\x00\x08" + bytes(20), JPEG, "CORRUPT"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(20), JPEG, "CORRUPT"),
        (b"no image", JPEG_2000, "CORRUPT"),
        (b"\xff\x4f\xff\x51\x00\x29", JPEG_2000, "TRUNCATED"),
        (b"\x00\x00\x00\x0cjP  " + bytes(40), JPEG_2000, "CORRUPT"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JPEG_2000, "TRUNCATED"),
    ],
)
def test_heads_of_encoded_frames(frame: bytes, syntax: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        read_codestream(frame, syntax)


def test_fill_bytes_and_jp2_boxes_are_passed_over() -> None:
    (frame,) = jpeg_frames(smooth(1, 16, 24))
    found = read_codestream(frame[:2] + b"\xff\xff\xff" + frame[2:], JPEG)
    assert found is not None
    assert found.shape == (16, 24, 3)
    size = bytes.fromhex("ff4fff51 002f 0000 0000001e 00000014 00000006 00000004") + bytes(16) + b"\x00\x03"
    for content in (size, b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00\x00\x00\x00jp2c" + size):
        found = read_codestream(content, JPEG_2000)
        assert found is not None
        assert found.shape == (16, 24, 3)
    assert read_codestream(b"anything", str(RLELossless)) is None


def test_what_is_damaged_stays_out_of_logs_and_messages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = image(GREY, PatientID="SECRET77", FrameTime=33)
    whole = save(dataset, tmp_path / "whole.dcm").read_bytes()
    path = tmp_path / "loop.dcm"
    path.write_bytes(whole.replace(b"33", b"XX").replace(b"SECRET77", b"SECRET7\\"))
    with caplog.at_level(logging.DEBUG):
        outcome = attempt(path)
    assert isinstance(outcome, CinecorError)
    assert "SECRET" not in str(outcome)
    assert "SECRET" not in caplog.text


def test_encapsulated_garbage(tmp_path: Path) -> None:
    dataset = rle(GREY)
    dataset.PixelData = encapsulate([b"\x01\x00\x00\x00" + bytes(80)] * 4)
    with pytest.raises(InputError) as caught:
        read_all(save(dataset, tmp_path / "loop.dcm"))
    assert caught.value.code in ("CORRUPT", "TRUNCATED")


def test_deflated_file_without_the_length_of_its_meta_information(tmp_path: Path) -> None:
    whole = save(deflated(), tmp_path / "loop.dcm").read_bytes()
    path = tmp_path / "bare.dcm"
    path.write_bytes(whole[:132] + whole[144:])
    with pytest.raises(InputError, match="CORRUPT"):
        dicom.describe(path)


def test_header_of_endless_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(image(GREY), tmp_path / "loop.dcm")
    monkeypatch.setattr(dicom_header, "MAX_READS", 20)
    with pytest.raises(LimitError, match="NESTING"):
        dicom.describe(path)


def test_multi_frame_mr_whose_slices_cannot_be_told_apart(tmp_path: Path) -> None:
    dataset = image(noise(4, 6, 7).astype(np.uint16), modality="MR", TriggerTime=20)
    with pytest.raises(InputError, match="INCONSISTENT"):
        dicom.describe(save(dataset, tmp_path / "mr.dcm"))


def test_threads_read_together_and_leave_the_warnings_as_they_were(tmp_path: Path) -> None:
    good = save(image(GREY, FrameTime=33), tmp_path / "good.dcm")
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(good.read_bytes()[:-100])
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, [good, cut] * 10))
    assert warnings.filters == before
    for index, outcome in enumerate(outcomes):
        if index % 2:
            assert isinstance(outcome, InputError)
        else:
            assert not isinstance(outcome, CinecorError)
            np.testing.assert_array_equal(outcome[1], GREY[:, None])


def test_without_the_dicom_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(image(GREY), tmp_path / "loop.dcm")
    monkeypatch.setitem(sys.modules, "pylibjpeg", None)
    with pytest.raises(ConfigError, match="MISSING_EXTRA"):
        dicom.describe(path)


@pytest.mark.parametrize(
    ("raised", "family", "code"),
    [
        (RecursionError(), LimitError, "NESTING"),
        (MemoryError(), LimitError, "BYTES"),
        (StopIteration(), InputError, "TRUNCATED"),
        (EOFError(), InputError, "TRUNCATED"),
        (NotImplementedError(), InputError, "UNSUPPORTED"),
        (zlib.error(), InputError, "CORRUPT"),
        (KeyError("SECRET"), InputError, "CORRUPT"),
    ],
)
def test_failures_of_the_library_become_ours(raised: Exception, family: type[CinecorError], code: str) -> None:
    with pytest.raises(family) as caught, reading(Path("folder") / "loop.dcm"):
        raise raised
    assert (caught.value.code, caught.value.where) == (code, "loop.dcm")
    assert "SECRET" not in str(caught.value)
