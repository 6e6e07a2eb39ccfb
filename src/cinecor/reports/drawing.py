"""Pictures and curves of a report as text that fits into a page: no file beside it, no request to anywhere."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cinecor.records import Curve

_INK, _QUIET, _LINE, _FIRST, _SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
_THEME = {_INK: "--ink", _QUIET: "--quiet", _LINE: "--accent", _FIRST: "--ed", _SECOND: "--es"}
"""Stand-ins drawn with, and the page's colours that replace them, so that a curve follows a dark or light theme."""

_MARKERS = {"ED": ("o", _FIRST), "ES": ("v", _SECOND)}
"""Shape and colour, so that the marks are told apart without colour."""

_WIDTH, _HEIGHT = 7.4, 2.5
"""Inches at 72 points."""


def png_uri(pixels: UInt8[np.ndarray, "height width channel"]) -> str:
    """A grey or RGB image as a PNG data URI."""
    grey = pixels.shape[-1] == 1
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels)).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def curve_svg(curve: Curve, name: str) -> str:
    """A curve over time with its marks, as an ``<svg>`` element whose colours are those of the page.

    Args:
        curve: what to draw; marks outside it are left out.
        name: unique within the page; keeps the ids inside this drawing apart from those of others.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.fonttype": "none",  # text stays text: small, sharp, read aloud
        "svg.hashsalt": name,  # the same report gives the same bytes
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": _INK,
        "axes.edgecolor": _QUIET,
        "axes.labelcolor": _INK,
        "xtick.color": _QUIET,
        "ytick.color": _QUIET,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(curve.times_ms, curve.values, color=_LINE, linewidth=1.6, zorder=2)
        for label, frames in curve.marks.items():
            _mark(axes, curve, label, frames)
        axes.set_xlabel(curve.axis)
        axes.set_ylabel(f"{curve.title} ({curve.unit})" if curve.unit else curve.title, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01, y=0.12)
        if curve.marks:
            axes.legend(
                loc="lower right", bbox_to_anchor=(1, 1), ncols=len(curve.marks), frameon=False, borderaxespad=0
            )
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _themed(stream.getvalue())


def _mark(axes: object, curve: Curve, label: str, frames: tuple[int, ...]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    inside = [frame for frame in frames if 0 <= frame < len(curve.values)]
    marker, colour = _MARKERS.get(label, ("s", _INK))
    axes.plot(
        curve.times_ms[inside],
        curve.values[inside],
        marker,
        color=colour,
        markersize=7,
        label=label,
        zorder=3,
        clip_on=False,
    )


def _themed(svg: str) -> str:
    """The element alone, scaling with its box, with the page's colours in place of the stand-ins."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    element = element.replace("<svg", '<svg aria-hidden="true"', 1)
    for stand_in, variable in _THEME.items():
        element = element.replace(stand_in, f"var({variable})")
    return element
