from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cinecor.errors import InputError, LimitError
from cinecor.io import images
from cinecor.io.limits import Limits

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GREY = COLOUR[..., :1]


def saved(tmp_path: Path, image: Image.Image, form: str = "PNG", **options: object) -> Path:
    path = tmp_path / "picture"
    image.save(path, form, **options)
    return path


@pytest.mark.parametrize("pixels", [COLOUR, GREY])
def test_png_round_trip(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "a.png"
    images.write_png(path, pixels)
    loaded = images.load(path)
    assert loaded.shape == (1, pixels.shape[2], 20, 30)
    np.testing.assert_array_equal(loaded[0].transpose(1, 2, 0), pixels)
    cine = images.describe(path)
    assert (cine.frames, cine.height, cine.width) == (1, 20, 30)


def test_jpeg(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    loaded = images.load(saved(tmp_path, Image.fromarray(smooth), "JPEG", quality=95))
    assert loaded.shape == (1, 1, 40, 60)
    assert np.abs(loaded[0, 0].astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("form", ["TIFF", "BMP"])
@pytest.mark.parametrize("pixels", [COLOUR, GREY])
def test_tiff_and_bitmap(tmp_path: Path, form: str, pixels: np.ndarray) -> None:
    picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    path = saved(tmp_path, picture, form)
    np.testing.assert_array_equal(images.load(path)[0].transpose(1, 2, 0), pixels)
    assert (images.describe(path).height, images.describe(path).width) == (20, 30)


def test_pages_are_no_loop(tmp_path: Path) -> None:
    page = Image.fromarray(COLOUR)
    path = saved(tmp_path, page, "TIFF", save_all=True, append_images=[page, page])
    with pytest.raises(InputError, match="3 pages"):
        images.describe(path)


@pytest.mark.parametrize("form", ["TIFF", "BMP"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_any_damage_is_an_error_of_ours_or_none(tmp_path: Path, form: str, compression: str | None) -> None:
    options = {"compression": compression} if compression and form == "TIFF" else {}
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, form, **options)
    content, rng, path = buffer.getvalue(), np.random.default_rng(1), tmp_path / "a"
    refused = 0
    for _ in range(60):
        damaged = bytearray(content[: int(rng.integers(20, len(content)))] if rng.random() < 0.5 else content)
        for place in rng.integers(4, len(damaged), 6):
            damaged[place] = int(rng.integers(0, 256))
        path.write_bytes(damaged)
        try:
            images.load(path)
        except (InputError, LimitError):
            refused += 1
    assert refused > 20


def test_sixteen_bits_palette_and_transparency(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 65535, 32896]], np.uint16)
    np.testing.assert_array_equal(images.load(saved(tmp_path, Image.fromarray(deep)))[0, 0], [[0, 1, 255, 128]])
    indexed = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "L").convert("P")
    indexed.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    path = saved(tmp_path, indexed)
    assert images.load(path)[0, :, 0, 1].tolist() == [40, 50, 60]
    assert images.load_labels(path).tolist() == [[0, 1, 2]]
    clear = Image.fromarray(np.full((2, 2, 4), 9, np.uint8))
    assert images.load(saved(tmp_path, clear)).shape == (1, 3, 2, 2)


def test_an_orientation_tag_is_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    path = saved(tmp_path, Image.fromarray(COLOUR), "PNG", exif=exif)
    cine = images.describe(path)
    assert (cine.height, cine.width) == (30, 20)
    np.testing.assert_array_equal(images.load(path)[0].transpose(1, 2, 0), np.rot90(COLOUR, -1))


def test_labels_are_not_colours(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    images.write_png(path, GREY)
    np.testing.assert_array_equal(images.load_labels(path), GREY[..., 0])
    images.write_png(path, COLOUR)
    with pytest.raises(InputError, match="UNSUPPORTED"):
        images.load_labels(path)


def code_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        images.load(path)
    return caught.value.code


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_cut_and_damaged(tmp_path: Path, form: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, form)
    content = buffer.getvalue()
    path = tmp_path / "a"
    path.write_bytes(content[: len(content) * 2 // 3])
    assert code_of(path) == "TRUNCATED"
    if form == "PNG":  # its checksums tell; a JPEG has none
        damaged = bytearray(content)
        damaged[60] ^= 255
        path.write_bytes(damaged)
        assert code_of(path) == "CORRUPT"


def test_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"GIF89a" + bytes(20))
    assert code_of(path) == "NOT_RECOGNISED"
    path.write_bytes(b"")
    assert code_of(path) == "EMPTY"
    assert code_of(tmp_path) == "NOT_REGULAR_FILE"


def test_a_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("1", (20_000, 20_000)))
    with pytest.raises(LimitError, match="PIXELS"):
        images.load(path)
    with pytest.raises(LimitError, match="PIXELS"):
        images.describe(path)
    images.write_png(path, COLOUR)
    with pytest.raises(LimitError, match="BYTES"):
        images.load(path, Limits(bytes=10))
