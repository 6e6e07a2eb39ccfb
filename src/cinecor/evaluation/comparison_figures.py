"""Figures of a comparison: predictions, agreement and learning of each model; gaps and performance of all.

Names of models and families are set as plain text (``parse_math=False``): a dollar sign in one is no formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox, BboxBase

from cinecor.evaluation.agreement import FEWEST, limits
from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.figures import BLUE, GREEN, GREY, ORANGE
from cinecor.evaluation.quantities import EF, label, unit, with_unit
from cinecor.evaluation.run_row import RunRow, best_epoch

MARKERS = "osD^vP*Xph<>"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
_ACROSS = 5
_TILE = 1.8  # inches, a panel; then the room beside, below and above all panels, and for each panel's name
_LEFT, _FOOT, _HEAD, _TITLE = 0.6, 0.48, 0.3, 0.35
_DPI = 150  # of the points, which are pixels: as curves those of 42 models would make a page of 12 MB
_LOG_FROM = 4.0
"""Largest over smallest loss from which the scale is logarithmic; below 2.5 it might have no number at all."""

_NAME, _APART = 6.0, 5.0  # points: the type of names beside points, and their distance from them
_LARGEST_NAMED = 60
"""Points beyond which no names are written beside them."""


def draw_all(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Name and figure of everything that can be drawn."""
    if comparison.predictions and not comparison.binary:
        yield "predicted-versus-true", predicted_versus_true(comparison)
        yield "bland-altman", bland_altman(comparison)
    if any(_has_losses(row) for row in comparison.rows):
        yield "learning-curves", learning_curves(comparison)
    if not comparison.binary and len(_with_gap(comparison)):
        yield "generalisation-gap", generalisation_gap(comparison)
        yield "performance-against-gap", performance_against_gap(comparison)


def predicted_versus_true(comparison: Comparison) -> Figure:
    """A panel for each model, each test study a point, mean over seeds; the same scale for all."""
    figure, tiles = make_tiles(list(comparison.predictions), shared=True)
    low, high = _range(comparison)
    for axes, pairs in zip(tiles, comparison.predictions.values(), strict=True):
        axes.plot([low, high], [low, high], color=GREY, lw=0.8)
        _scatter(axes, pairs["true"], pairs["predicted"])
    tiles[0].set(xlim=(low, high), ylim=(low, high))
    name = label(comparison.quantity)
    across, up = (with_unit(f"{name}, {word}", comparison.quantity) for word in ("true", "predicted"))
    name_axes(figure, across, up)
    return figure


def bland_altman(comparison: Comparison) -> Figure:
    """A panel for each model: difference against mean, bias and limits of agreement; the same scale for all."""
    figure, tiles = make_tiles(list(comparison.predictions), shared=True)
    for axes, pairs in zip(tiles, comparison.predictions.values(), strict=True):
        difference = (pairs["predicted"] - pairs["true"]).to_numpy(dtype=np.float64)
        axes.axhline(0, color=GREY, lw=0.8)
        _scatter(axes, (pairs["predicted"] + pairs["true"]) / 2, pairs["predicted"] - pairs["true"])
        if len(difference) >= FEWEST:
            for level, style in zip(limits(difference, np.ones(len(difference))), ("-", "--", "--"), strict=True):
                axes.axhline(float(level), color=ORANGE, lw=0.9, ls=style)
    largest = max(float((pairs["predicted"] - pairs["true"]).abs().max()) for pairs in comparison.predictions.values())
    tiles[0].set(xlim=_range(comparison), ylim=(-1.05 * largest - 1e-9, 1.05 * largest + 1e-9))
    across, up = (with_unit(text, comparison.quantity) for text in ("Mean of predicted and true", "Predicted − true"))
    name_axes(figure, across, up)
    return figure


def learning_curves(comparison: Comparison) -> Figure:
    """A panel for each model: training and validation loss, a line for each seed, a dot at the epoch that was kept."""

    def draw(axes: Axes, rows: list[RunRow]) -> None:
        losses = [end for row in rows for end in _draw_losses(axes, row)]
        if 0 < _LOG_FROM * min(losses) < max(losses):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            axes.yaxis.set_minor_locator(NullLocator())

    return draw_by_epoch([row for row in comparison.rows if _has_losses(row)], draw, "Loss")


def draw_by_epoch(rows: Sequence[RunRow], draw: Callable[[Axes, list[RunRow]], None], up: str) -> Figure:
    """A panel for each model, training and validation against the epoch; ``draw`` is given the rows of one."""
    names = list(dict.fromkeys(row.name for row in rows))
    figure, tiles = make_tiles(names, shared=False)
    for axes, name in zip(tiles, names, strict=True):
        draw(axes, [row for row in rows if row.name == name])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    lines = [Line2D([], [], color=colour, lw=1.5) for colour in (ORANGE, BLUE)]
    figure.legend(lines, ["training", "validation"], loc="upper right", ncols=2, frameon=False, fontsize=8, borderpad=0)
    name_axes(figure, "Epoch", up)
    return figure


def generalisation_gap(comparison: Comparison) -> Figure:
    """Bars of training minus test figures and of validation minus training loss (paper 000, figure 15).

    Orange where the model does better on what it was trained on, green where it does not.
    """
    models = _with_gap(comparison)
    panels = [name for name in ("rmse", "mae", "r2", "loss") if models[f"gap_{name}"].notna().any()]
    figure = Figure(figsize=(2.1 * len(panels) + 2.2, 0.2 * len(models) + 1.4), layout="constrained")
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = np.arange(len(models))
    for axes, name in zip(every, panels, strict=True):
        gap = models[f"gap_{name}"].to_numpy(dtype=np.float64)
        better_trained = gap < 0 if name in ("rmse", "mae") else gap > 0
        axes.barh(places, gap, 0.7, color=np.where(better_trained, ORANGE, GREEN).tolist())
        axes.axvline(0, color=GREY, lw=0.8)
        axes.set_xlabel(_GAPS[name].format(_in_unit(comparison.quantity)), fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    every[0].set_yticks(places, models["name"].tolist(), fontsize=7, parse_math=False)
    every[0].set_ylim(len(models) - 0.5, -0.5)  # the first model on top
    signs = [Patch(color=ORANGE), Patch(color=GREEN)]
    figure.legend(
        signs,
        ["better on training", "better on test or validation"],
        loc="outside upper right",
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    return figure


_GAPS = {
    "rmse": "Training − test RMSE{}",
    "mae": "Training − test MAE{}",
    "r2": "Training − test R²",
    "loss": "Validation − training loss",
}


def performance_against_gap(comparison: Comparison) -> Figure:
    """How much worse than on training studies against how bad, a marker for each family (paper 000, figure 16).

    As in the paper a collapsed model lies at the bottom right: a large error, and a small gap because nothing was
    learned. The dotted line is the error of saying the training mean. Names stand where there is room.
    """
    models = _with_gap(comparison)
    figure = Figure(figsize=(8.4, 5.4), layout="constrained")
    axes = figure.add_subplot()
    gap = -models["gap_rmse"]
    families = models["family"].replace("", "other")
    for place, family in enumerate(dict.fromkeys(families)):
        rows = families == family
        axes.plot(
            models["test_rmse"][rows],
            gap[rows],
            ls="",
            marker=MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            ms=6,
            label=str(place),  # its name below: matplotlib hides a label that begins with _
        )
    baseline = float(models["baseline_rmse"].mean())
    axes.margins(0.08)
    if baseline <= 1.2 * float(models["test_rmse"].max()):
        axes.axvline(baseline, color=GREY, lw=0.9, ls=":")
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_xlabel(f"Test RMSE{_in_unit(comparison.quantity)}")
    axes.set_ylabel(f"Test − training RMSE{_in_unit(comparison.quantity)}")
    axes.spines[["top", "right"]].set_visible(False)
    legend = figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    for text, family in zip(legend.get_texts(), dict.fromkeys(families), strict=True):
        text.set(text=family, parse_math=False)
    if len(models) <= _LARGEST_NAMED:
        _name_points(figure, axes, models["test_rmse"].tolist(), gap.tolist(), models["name"].tolist())
    return figure


def _name_points(
    figure: Figure, axes: Axes, across: Sequence[float], up: Sequence[float], names: Sequence[str]
) -> None:
    """Write names to the right, left, above or below of points, the best model first, where they cover nothing."""
    figure.draw_without_rendering()
    places = axes.transData.transform(np.column_stack([across, up]))
    frame, apart = axes.get_window_extent(), _APART * figure.dpi / 72
    taken = [Bbox.from_bounds(x - apart / 2, y - apart / 2, apart, apart) for x, y in places]
    for at in np.argsort(across, kind="stable"):
        free = [box for box in _boxes(places[at], names[at], figure.dpi) if _is_free(box, frame, taken)]
        if free:
            taken.append(free[0])
            axes.annotate(
                names[at],
                (across[at], up[at]),
                xytext=72 / figure.dpi * (free[0].min + np.array([0, free[0].height / 2]) - places[at]),
                textcoords="offset points",
                va="center",
                fontsize=_NAME,
                parse_math=False,
            )


def _boxes(place: Float[np.ndarray, " two"], name: str, dpi: float) -> list[Bbox]:
    """Where a name may stand beside its point, the best first."""
    height, apart, width = (points * dpi / 72 for points in (_NAME, _APART, 0.64 * _NAME * len(name)))
    x, y = place
    middles = ((x + apart + width / 2, y), (x - apart - width / 2, y), (x, y + 2 * apart), (x, y - 2 * apart))
    return [Bbox.from_bounds(left - width / 2, low - height / 2, width, height) for left, low in middles]


def _is_free(box: Bbox, frame: BboxBase, taken: Sequence[Bbox]) -> bool:
    inside = box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
    return bool(inside) and box.count_overlaps(taken) == 0


def _with_gap(comparison: Comparison) -> pd.DataFrame:
    """Models whose training studies were predicted too."""
    models = comparison.models
    return models[models["gap_rmse"].notna()].reset_index(drop=True) if len(models) else models


def _has_losses(row: RunRow) -> bool:
    needed = {"epoch", "train_loss", "validation_loss"}
    return row.history is not None and len(row.history) > 0 and needed <= set(row.history.columns)


def _draw_losses(axes: Axes, row: RunRow) -> tuple[float, float]:
    """Both curves of one training; the smallest and the largest loss of them."""
    history = row.history
    assert history is not None
    for name, colour in (("train_loss", ORANGE), ("validation_loss", BLUE)):
        axes.plot(history["epoch"], history[name], color=colour, lw=1, alpha=0.8)
    kept = history.iloc[best_epoch(history, row.kept)]
    axes.plot([kept["epoch"]], [kept["validation_loss"]], color=BLUE, marker="o", ms=3.5, ls="")
    losses = history[["train_loss", "validation_loss"]].to_numpy(dtype=np.float64)
    return float(losses.min()), float(losses.max())


def _scatter(axes: Axes, across: pd.Series[float], up: pd.Series[float]) -> None:
    axes.scatter(across, up, s=4, color=BLUE, alpha=0.4, lw=0, rasterized=True)


def _range(comparison: Comparison) -> tuple[float, float]:
    """From the smallest to the largest of all models' values; EF from 0 to 90 % at least."""
    values = np.concatenate([pairs[["true", "predicted"]].to_numpy(float) for pairs in comparison.predictions.values()])
    low, high = float(values.min()), float(values.max())
    if comparison.quantity == EF:
        return min(0.0, low - 1), max(90.0, high + 1)
    margin = 0.05 * max(high - low, 1e-6)
    return low - margin, high + margin


def _in_unit(quantity: str) -> str:
    return f" ({unit(quantity)})" if unit(quantity) else ""


def make_tiles(names: Sequence[str], *, shared: bool) -> tuple[Figure, list[Axes]]:
    """A small panel for each name; those with one scale share its numbers.

    Placed by hand: matplotlib's layout engines take ten seconds for the 42 models of paper 000.
    """
    columns = min(_ACROSS, len(names))
    rows = -(-len(names) // columns)
    gap = 0.15 if shared else 0.45  # inches, between panels from side to side
    wide, high = _LEFT + columns * (_TILE + gap) + 0.1, _FOOT + rows * (_TILE + _TITLE) + _HEAD
    figure = Figure(figsize=(max(wide, 3.4), high), dpi=_DPI)
    tiles: list[Axes] = []
    for place, name in enumerate(names):
        down, across = divmod(place, columns)
        left, bottom = _LEFT + across * (_TILE + gap), high - _HEAD - (down + 1) * (_TILE + _TITLE)
        share = tiles[0] if shared and tiles else None
        box = (left / figure.get_figwidth(), bottom / high, _TILE / figure.get_figwidth(), _TILE / high)
        axes = figure.add_axes(box, sharex=share, sharey=share)
        axes.set_title(name, fontsize=7, pad=3, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        lowest = place + columns >= len(names)
        axes.tick_params(labelsize=6, labelleft=not shared or across == 0, labelbottom=not shared or lowest)
        tiles.append(axes)
    return figure, tiles


def name_axes(figure: Figure, across: str, up: str) -> None:
    """One name for each axis of all panels."""
    width, height = figure.get_size_inches()
    figure.supxlabel(across, fontsize=9, y=0.08 / height, va="bottom")
    figure.supylabel(up, fontsize=9, x=0.05 / width, ha="left")
