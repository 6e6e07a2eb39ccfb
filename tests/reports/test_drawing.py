from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from cinecor.records import Curve
from cinecor.reports.drawing import curve_svg, png_uri


def curve(**changes) -> Curve:
    times = np.arange(50) * 25.0
    full = {
        "title": "LV volume",
        "times_ms": times,
        "values": 90 + 30 * np.cos(times / 130),
        "unit": "mL",
        "marks": {"ED": (0, 33), "ES": (16,)},
    }
    return Curve(**{**full, **changes})


def texts(svg: str) -> list[str]:
    return ["".join(found.itertext()) for found in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_lossless(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, channels), dtype=np.uint8)
    uri = png_uri(pixels)
    head, content = uri.split(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert image.mode == ("L" if channels == 1 else "RGB")
    assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_axes_carry_units() -> None:
    found = texts(curve_svg(curve(), "c"))
    assert "Time (ms)" in found
    assert "LV volume (mL)" in found
    assert {"ED", "ES"} <= set(found)
    assert "Motion" in texts(curve_svg(curve(title="Motion", unit="", marks={}), "c"))


def test_colours_are_those_of_the_page() -> None:
    svg = curve_svg(curve(), "c")
    for variable in ("--ink", "--quiet", "--accent", "--ed", "--es"):
        assert f"var({variable})" in svg
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]", svg)
    assert not re.search(r'<svg[^>]* (width|height)="', svg)


def test_a_picture_is_a_function_of_its_curve_and_name() -> None:
    assert curve_svg(curve(), "a") == curve_svg(curve(), "a")
    assert curve_svg(curve(), "a") != curve_svg(curve(values=np.arange(50.0)), "a")
    ids = [set(re.findall(r'<clipPath id="([^"]+)"', curve_svg(curve(), name))) for name in ("a", "b")]
    assert not ids[0] & ids[1]


def test_marks_outside_the_curve_are_left_out() -> None:
    within = curve_svg(curve(marks={"ED": (0,)}), "c")
    assert curve_svg(curve(marks={"ED": (0, 50, -1, 999)}), "c") == within


@pytest.mark.parametrize("title", ["EF $x$", "50 % & <b>", "µ"])
def test_titles_are_text(title: str) -> None:
    assert f"{title} (mL)" in texts(curve_svg(curve(title=title), "c"))


def test_short_and_constant_curves() -> None:
    for values in ([5.0], [5.0, 5.0], []):
        times = np.arange(float(len(values)))
        ET.fromstring(curve_svg(curve(times_ms=times, values=np.array(values), marks={"ED": (0,)}), "c"))
