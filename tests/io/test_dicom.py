from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tests.io.dicom_files import (
    big_endian,
    channels_first,
    encapsulated,
    image,
    jpeg_frames,
    jpeg_lossless,
    noise,
    pillow_pixels,
    planes,
    put,
    save,
    smooth,
    without_jfif,
)

from cinecor.errors import InputError
from cinecor.io import dicom
from cinecor.records import Cine

GREY, COLOUR = noise(3, 10, 13), noise(3, 10, 13, 3, seed=1)


def load(path: Path) -> np.ndarray:
    return dicom.load(dicom.describe(path))


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated", "big", "rle"])
def test_lossless_syntaxes_are_exact(tmp_path: Path, pixels: np.ndarray, syntax: str) -> None:
    dataset = big_endian(pixels) if syntax == "big" else image(pixels)
    if syntax == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset["PixelData"].VR = "OW"
    if syntax == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    if syntax == "rle":
        dataset.compress(RLELossless)
    path = save(dataset, tmp_path / "loop.dcm")
    cine = dicom.describe(path)
    assert (cine.modality, cine.frames, cine.height, cine.width, cine.source) == ("US", 3, 10, 13, path)
    frames = dicom.load(cine)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames, channels_first(pixels))


def test_the_order_of_the_colours_on_disk(tmp_path: Path) -> None:
    dataset = image(COLOUR, PlanarConfiguration=1)
    dataset.PixelData = planes(COLOUR).tobytes()
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "planes.dcm")), channels_first(COLOUR))
    del dataset.PlanarConfiguration
    dataset.PixelData = COLOUR.tobytes()
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "unsaid.dcm")), channels_first(COLOUR))


def test_monochrome1_is_turned(tmp_path: Path) -> None:
    path = save(image(GREY, PhotometricInterpretation="MONOCHROME1"), tmp_path / "loop.dcm")
    np.testing.assert_array_equal(load(path), 255 - GREY[:, None])


def test_more_bits_of_ultrasound_are_shifted_down(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(0, 4096, (2, 6, 7)).astype(np.uint16)
    path = save(image(values, BitsStored=12, HighBit=11), tmp_path / "loop.dcm")
    np.testing.assert_array_equal(load(path), (values // 16).astype(np.uint8)[:, None])


def test_signed_ultrasound_is_moved_up(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(-128, 128, (2, 6, 8)).astype(np.int8)
    path = save(image(values), tmp_path / "loop.dcm")
    np.testing.assert_array_equal(load(path), (values.astype(int) + 128)[:, None])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("small_values", [False, True])
def test_palette(tmp_path: Path, bits: int, small_values: bool) -> None:
    rng = np.random.default_rng(4)
    high = 256 if bits == 8 or small_values else 65536
    tables = rng.integers(0, high, (3, 256))
    dataset = image(GREY, PhotometricInterpretation="PALETTE COLOR")
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, bits])
        content = table.astype(np.uint8 if bits == 8 else "<u2").tobytes()
        setattr(dataset, f"{name}PaletteColorLookupTableData", content)
    frames = load(save(dataset, tmp_path / "loop.dcm"))
    eight = tables >> 8 if high == 65536 else tables
    np.testing.assert_array_equal(frames, np.moveaxis(eight[:, GREY], 0, 1))


def test_uncompressed_luminance_and_chrominance_become_rgb(tmp_path: Path) -> None:
    ybr = np.zeros((1, 2, 2, 3), np.uint8)
    ybr[0] = [[[76, 85, 255], [150, 44, 21]], [[29, 255, 107], [128, 128, 128]]]  # red, green, blue, grey
    frames = load(save(image(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "still.dcm"))
    expected = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [128, 128, 128]]])
    assert np.abs(frames[0].astype(int) - np.moveaxis(expected, -1, 0)).max() <= 3


def test_luminance_and_chrominance_become_what_pydicom_makes_of_them(tmp_path: Path) -> None:
    every = np.stack(np.meshgrid(np.arange(256), np.arange(0, 256, 5), np.arange(0, 256, 5), indexing="ij"), axis=-1)
    ybr = every.reshape(1, 832, 832, 3).astype(np.uint8)
    frames = load(save(image(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "still.dcm"))
    expected = pydicom.pixels.convert_color_space(ybr, "YBR_FULL", "RGB")
    np.testing.assert_array_equal(frames, channels_first(expected))


@pytest.mark.parametrize("jfif", [True, False], ids=["jfif", "bare"])
@pytest.mark.parametrize("stated", ["YBR_FULL_422", "YBR_FULL", "RGB"])
def test_jpeg_of_luminance_and_chrominance(tmp_path: Path, stated: str, jfif: bool) -> None:
    """Pillow's JPEG is YCbCr 4:2:2; the header may lie, the stream's own marks tell."""
    pixels = smooth(2, 24, 32)
    encoded = jpeg_frames(pixels, subsampling="4:2:2")
    expected = pillow_pixels(encoded)
    kept = encoded if jfif else [without_jfif(frame) for frame in encoded]
    dataset = encapsulated(pixels, kept, PhotometricInterpretation=stated)
    frames = load(save(dataset, tmp_path / "loop.dcm"))
    assert np.abs(frames.astype(int) - channels_first(expected)).mean() < 2.0
    assert np.abs(frames.astype(int) - channels_first(pixels)).mean() < 4.0


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL_422"])
def test_jpeg_tagged_rgb_is_not_converted(tmp_path: Path, stated: str) -> None:
    pixels = smooth(2, 24, 32)
    encoded = jpeg_frames(pixels, keep_rgb=True)
    dataset = encapsulated(pixels, encoded, PhotometricInterpretation=stated)
    frames = load(save(dataset, tmp_path / "loop.dcm"))
    assert np.abs(frames.astype(int) - channels_first(pixels)).mean() < 2.0


def test_bare_jpeg_without_subsampling_is_what_the_header_says(tmp_path: Path) -> None:
    pixels = smooth(1, 24, 32)
    encoded = [without_jfif(frame) for frame in jpeg_frames(pixels, subsampling="4:4:4")]
    converted = load(save(encapsulated(pixels, encoded, PhotometricInterpretation="YBR_FULL"), tmp_path / "ybr.dcm"))
    assert np.abs(converted.astype(int) - channels_first(pixels)).mean() < 3.0
    raw = load(save(encapsulated(pixels, encoded, PhotometricInterpretation="RGB"), tmp_path / "rgb.dcm"))
    assert np.abs(raw.astype(int) - channels_first(pixels)).mean() > 20.0


def test_grey_jpeg(tmp_path: Path) -> None:
    pixels = np.ascontiguousarray(smooth(2, 24, 32)[..., 0])
    dataset = encapsulated(pixels, jpeg_frames(pixels))
    frames = load(save(dataset, tmp_path / "loop.dcm"))
    assert frames.shape == (2, 1, 24, 32)
    assert np.abs(frames.astype(int) - pixels[:, None]).mean() < 2.0


@pytest.mark.parametrize("pixels", [noise(2, 40, 50), noise(2, 40, 50, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT"])
def test_jpeg_2000_lossless_is_exact(tmp_path: Path, pixels: np.ndarray, photometric: str) -> None:
    dataset = image(pixels)
    if pixels.ndim == 4:
        dataset.PhotometricInterpretation = photometric
    dataset.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    assert dataset.PhotometricInterpretation in ("MONOCHROME2", photometric)
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "loop.dcm")), channels_first(pixels))


def test_jpeg_2000_lossy_is_near(tmp_path: Path) -> None:
    pixels = smooth(2, 32, 48)
    dataset = image(pixels, PhotometricInterpretation="YBR_ICT")
    dataset.compress(JPEG2000, encoding_plugin="pylibjpeg", j2k_cr=[4])
    frames = load(save(dataset, tmp_path / "loop.dcm"))
    assert np.abs(frames.astype(int) - channels_first(pixels)).mean() < 2.0


def test_jpeg_ls_by_the_example_of_its_standard(tmp_path: Path) -> None:
    """ITU T.87 section H.3: a picture of 4 × 4 and its encoding; no free library here encodes JPEG-LS."""
    picture = np.array([[0, 0, 90, 74], [68, 50, 43, 205], [64, 145, 145, 145], [100, 145, 145, 145]], np.uint8)
    encoded = bytes.fromhex(
        "ffd8 fff7000b080004000401011100 ffda0008010100000000"
        "c000006c80208e01c0000057400000 6ee6000001bc18000005d800009160 ffd9".replace(" ", "")
    )
    dataset = encapsulated(np.stack([picture] * 2), [encoded] * 2, JPEGLSLossless)
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "loop.dcm")), np.stack([picture] * 2)[:, None])


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
def test_lossless_jpeg_is_exact(tmp_path: Path, syntax: str) -> None:
    dataset = encapsulated(GREY, [jpeg_lossless(picture) for picture in GREY], syntax)
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "loop.dcm")), GREY[:, None])


def test_lossless_jpeg_of_sixteen_bits_is_exact(tmp_path: Path) -> None:
    values = np.random.default_rng(6).integers(0, 65536, (1, 9, 8)).astype(np.uint16)
    dataset = encapsulated(values, [jpeg_lossless(values[0])], JPEGLosslessSV1, modality="MR")
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "mr.dcm")), values[:, None])


def test_frames_split_over_fragments_by_an_extended_offset_table(tmp_path: Path) -> None:
    dataset = image(GREY)
    dataset.compress(RLELossless)
    encoded = list(generate_frames(dataset.PixelData, number_of_frames=3))
    content, offsets, lengths = pydicom.encaps.encapsulate_extended(encoded)
    put(dataset, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths, PixelData=content)
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "loop.dcm")), GREY[:, None])


def test_mr_is_rescaled_to_float32(tmp_path: Path) -> None:
    values = np.random.default_rng(5).integers(-2000, 2000, (1, 5, 6)).astype(np.int16)
    path = save(image(values, modality="MR", RescaleSlope="0.5", RescaleIntercept="-7"), tmp_path / "mr.dcm")
    frames = load(path)
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, (values * 0.5 - 7).astype(np.float32)[:, None])


@pytest.mark.parametrize("signed", [False, True])
def test_monochrome1_mr_is_turned_within_its_range(tmp_path: Path, signed: bool) -> None:
    values = np.arange(12, dtype=np.int16 if signed else np.uint16).reshape(1, 3, 4)
    dataset = image(values, modality="MR", PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    expected = (-1.0 if signed else 4095.0) - values
    np.testing.assert_array_equal(load(save(dataset, tmp_path / "mr.dcm")), expected[:, None])


def test_a_slope_of_zero_counts_as_none(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint16).reshape(1, 3, 4)
    path = save(image(values, modality="MR", RescaleSlope="0"), tmp_path / "mr.dcm")
    np.testing.assert_array_equal(load(path), values[:, None])


def test_voxels_that_become_infinite(tmp_path: Path) -> None:
    values = np.full((1, 3, 4), 60000, np.uint16)
    path = save(image(values, modality="MR", RescaleSlope="1e300"), tmp_path / "mr.dcm")
    with pytest.raises(InputError, match="CORRUPT"):
        load(path)


def test_without_preamble(tmp_path: Path) -> None:
    dataset = image(GREY)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path = tmp_path / "old.dcm"
    del dataset.file_meta
    dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert path.read_bytes()[128:132] != b"DICM"
    np.testing.assert_array_equal(load(path), GREY[:, None])


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"Modality": "CT"}, "WRONG_MODALITY"),
        ({"Modality": "NAME OF SOMEONE"}, "WRONG_MODALITY"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.2"}, "UNSUPPORTED"),
        ({"NumberOfFrames": 0}, "CORRUPT"),
        ({"NumberOfFrames": -4}, "CORRUPT"),
        ({"Rows": 0}, "CORRUPT"),
        ({"BitsAllocated": 12}, "UNSUPPORTED"),
        ({"BitsAllocated": 1}, "UNSUPPORTED"),
        ({"BitsStored": 9}, "CORRUPT"),
        ({"SamplesPerPixel": 4}, "UNSUPPORTED"),
        ({"NumberOfFrames": 4}, "TRUNCATED"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, attributes: dict[str, Any], code: str) -> None:
    path = save(image(GREY, **attributes), tmp_path / "loop.dcm")
    for read in (dicom.describe, dicom.read_instance):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == code
        assert caught.value.where == "loop.dcm"
        assert "NAME" not in str(caught.value)


def test_modality_by_storage_class_where_it_is_not_stated(tmp_path: Path) -> None:
    ultrasound = put(image(GREY), Modality="")
    assert dicom.describe(save(ultrasound, tmp_path / "us.dcm")).modality == "US"
    mr = put(image(GREY[:1], modality="MR"), Modality="")
    assert dicom.describe(save(mr, tmp_path / "mr.dcm")).modality == "MR"


@pytest.mark.parametrize("photometric", ["HSV", "CMYK", "YBR_PARTIAL_420"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_colours_that_are_not_known(tmp_path: Path, pixels: np.ndarray, photometric: str) -> None:
    path = save(image(pixels, PhotometricInterpretation=photometric), tmp_path / "loop.dcm")
    with pytest.raises(InputError, match="UNSUPPORTED"):
        load(path)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.826.0.1.3680043.99", "1.2.840.10008.1.2.4.102"])
def test_syntaxes_that_are_not_read(tmp_path: Path, syntax: str) -> None:
    path = save(encapsulated(GREY, [b"\0\0"] * 3, syntax), tmp_path / "loop.dcm")
    with pytest.raises(InputError, match=r"UNSUPPORTED: loop\.dcm: transfer syntax"):
        dicom.describe(path)


def test_frames_in_memory_are_given_back(tmp_path: Path) -> None:
    frames = noise(2, 1, 4, 4)
    assert dicom.load(Cine(source=frames, modality="US")) is frames


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "shape", "spacing", "region"),
    [
        ("dcm4che_US-PAL-8-10x-echo.dcm", (10, 3, 430, 600), None, None),
        ("pydicom_examples_palette.dcm", (1, 3, 350, 800), (0.26229, 0.26229), (120, 60, 800, 350)),
        ("pydicom_examples_rgb_color.dcm", (1, 3, 240, 320), None, None),
        ("pydicom_examples_ybr_color.dcm", (30, 3, 240, 320), (0.5105, 0.5105), (84, 31, 320, 240)),
        ("pydicomdata_OBXXXX1A_rle_2frame.dcm", (2, 3, 600, 800), (0.26229, 0.26229), (120, 60, 800, 519)),
        ("pydicomdata_US1_J2KI.dcm", (1, 3, 480, 640), None, None),
        ("pydicomdata_US1_UNCI.dcm", (1, 3, 480, 640), None, None),
    ],
)
def test_real_echo_files(shared_data: Path, name: str, shape: tuple[int, ...], spacing: Any, region: Any) -> None:
    cine = dicom.describe(shared_data / "echo_dicom" / name)
    assert (cine.frames, cine.height, cine.width) == (shape[0], *shape[2:])
    assert cine.spacing_mm == (None if spacing is None else pytest.approx(spacing, rel=1e-4))
    assert cine.region == region
    frames = dicom.load(cine)
    assert frames.shape == shape
    assert frames.dtype == np.uint8
    assert frames.std() > 5


@pytest.mark.realdata
def test_the_real_apical_loop_is_timed_and_grey_where_it_is_tissue(shared_data: Path) -> None:
    cine = dicom.describe(shared_data / "echo_dicom" / "pydicom_examples_ybr_color.dcm")
    assert cine.frame_ms == pytest.approx(33.333)
    assert cine.times_ms is not None
    assert len(cine.times_ms) == 30


@pytest.mark.realdata
def test_a_real_still_is_the_same_lossless_and_lossy(shared_data: Path) -> None:
    plain, lossy = (load(shared_data / "echo_dicom" / f"pydicomdata_US1_{name}.dcm") for name in ("UNCI", "J2KI"))
    assert np.abs(plain.astype(int) - lossy).mean() < 3.0
