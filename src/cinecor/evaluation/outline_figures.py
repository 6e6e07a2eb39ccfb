"""Figures of outlines: frames with the network's and the true one, and how the Dice coefficient is distributed.

The first is figure 3 of paper 004.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from cinecor.evaluation.figures import BLUE, GREY
from cinecor.evaluation.outline_examples import OutlineExample

SAID, TRUE = "#F0E442", "#56B4E9"
"""Okabe and Ito's yellow and sky blue, which stand out from grey and black."""
ALL = "all"

_SIDE = 2.9  # inches
_LARGEST = 360  # px of a picture's longer side: the page holds all of them
_MARGIN = 0.15  # of what is outlined, shown around it
_BAR, _SPREAD = 0.62, 0.5  # heights, of a row's


def draw_examples(examples: Sequence[OutlineExample]) -> Figure:
    """Frames side by side, cut to what is outlined on them, with both outlines.

    Args:
        examples: of one structure, at least one.
    """
    boxes = [_box(each.said | each.true) for each in examples]
    tallest = max((bottom - top) / (right - left) for left, top, right, bottom in boxes)
    figure = Figure(figsize=(_SIDE * len(examples), _SIDE * tallest + 0.75), layout="constrained")
    for axes, each, box in zip(figure.subplots(1, len(examples), squeeze=False)[0], examples, boxes, strict=True):
        _draw_frame(axes, each, box)
    lines = [Line2D([], [], color=SAID, lw=2, label="network"), Line2D([], [], color=TRUE, lw=2, ls="--", label="true")]
    legend = figure.legend(handles=lines, loc="outside lower center", ncols=2, fontsize=8, labelcolor="white")
    legend.get_frame().set(facecolor="black", edgecolor="black", alpha=1)
    return figure


def dice_by_view(rows: pd.DataFrame) -> Figure:
    """The Dice coefficient of each frame, all together and view by view, and its quartiles; of one view once.

    Args:
        rows: of one structure, with ``view`` and ``dice``; a row a frame, at least one.
    """
    views = rows.assign(view=rows["view"].replace("", "view unknown")).groupby("view", sort=True)
    groups = [(str(view), part["dice"].to_numpy(float)) for view, part in views]
    if len(groups) > 1:
        groups.insert(0, (ALL, rows["dice"].to_numpy(float)))
    figure = Figure(figsize=(5.2, 0.3 * len(groups) + 1.0), layout="constrained")
    axes = figure.add_subplot()
    rng = np.random.default_rng(0)  # up and down alone, so that frames do not hide each other
    for place, (_, values) in enumerate(groups):
        low, middle, high = np.percentile(values, (25, 50, 75))
        axes.barh(place, high - low, _BAR, left=low, color=BLUE, alpha=0.18, lw=0)
        axes.plot([middle, middle], [place - _BAR / 2, place + _BAR / 2], color=BLUE, lw=2)
        size = float(np.clip(600 / len(values), 3, 14))
        jitter = (rng.random(len(values)) - 0.5) * _SPREAD
        axes.scatter(values, place + jitter, s=size, color=GREY, alpha=0.7, lw=0, zorder=3)
    axes.set_yticks(range(len(groups)), [f"{name} ({len(values)})" for name, values in groups], fontsize=8)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.invert_yaxis()
    axes.set_xlabel("Dice coefficient of a frame; bar and line: quartiles and median")
    axes.set_xlim(right=1 + 0.03 * (1 - axes.get_xlim()[0]))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_frame(axes: Axes, each: OutlineExample, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    axes.imshow(_small(each.pixels[top:bottom, left:right]), cmap="gray", vmin=0, vmax=255, extent=_edges(box))
    for mask, colour, style in ((each.said, SAID, "solid"), (each.true, TRUE, "dashed")):
        if mask.any():
            # Beyond the frame there is nothing: an outline along its edge is closed there.
            around = np.pad(mask, 1)[top : bottom + 2, left : right + 2].astype(np.float64)
            across, down = np.arange(left - 1, right + 1), np.arange(top - 1, bottom + 1)
            axes.contour(across, down, around, [0.5], colors=colour, linewidths=1.3, linestyles=style)
    axes.set(xticks=[], yticks=[], xlim=(left - 0.5, right - 0.5), ylim=(bottom - 0.5, top - 0.5))
    axes.set_title(f"{each.title}: Dice {each.dice:.3f}", fontsize=9)
    where = ", ".join(text for text in (each.study, each.view, f"frame {each.frame}") if text)
    axes.set_xlabel(where, fontsize=7, color=GREY, parse_math=False)
    axes.set_anchor("N")
    axes.spines[:].set_visible(False)


def _edges(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a picture whose pixels lie around whole numbers."""
    left, top, right, bottom = box
    return left - 0.5, right - 0.5, bottom - 0.5, top - 0.5


def _box(inside: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is inside with a margin; the whole frame where nothing is."""
    height, width = inside.shape
    if not inside.any():
        return 0, 0, width, height
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    more = round(_MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0]))
    left, top = max(int(columns[0]) - more, 0), max(int(rows[0]) - more, 0)
    return left, top, min(int(columns[-1]) + 1 + more, width), min(int(rows[-1]) + 1 + more, height)


def _small(pixels: np.ndarray) -> np.ndarray:
    scale = _LARGEST / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
