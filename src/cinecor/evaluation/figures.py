"""Figures of an evaluation, each a matplotlib Figure without global state.

Colours are Okabe and Ito's, which stay apart for colour-blind readers and in grey.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cinecor.evaluation.bands import BANDS
from cinecor.evaluation.classification import HALF, roc
from cinecor.evaluation.quantities import EF, with_unit
from cinecor.evaluation.results import QuantityResult

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6b7280"
_SHADES = {"HFrEF": "#f6cfc4", "HFmrEF": "#fbe7b2", "HFpEF": "#dff0e7"}
_SIZE = (5.2, 4.6)  # inches
_SCORES = {"rmse": "RMSE in the target's unit", "mae": "MAE in the target's unit"}
_SCORES |= {"loss": "Loss", "accuracy": "Accuracy"}
_LOWEST = 40.0  # %, where the scale of coverage begins unless something lies below


def to_svg(figure: Figure) -> str:
    """The figure as an SVG element: text stays text, the same data give the same bytes."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cinecor"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def to_png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as a PNG file; the same data give the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()


def predicted_versus_true(pairs: pd.DataFrame, result: QuantityResult) -> Figure:
    """Each study a point, the identity line, ESC bands behind EF."""
    figure, axes = _axes(_SIZE)
    rows = pairs[pairs["quantity"] == result.quantity]
    low, high = _range(rows, result.quantity)
    if result.quantity == EF:
        for band in BANDS:
            axes.axvspan(max(band.low, low), min(band.high, high), color=_SHADES[band.name], lw=0, zorder=0)
            axes.text(
                0.5 * (max(band.low, low) + min(band.high, high)),
                high - 1,
                band.name,
                ha="center",
                va="top",
                fontsize=7,
            )
    axes.plot([low, high], [low, high], color=GREY, lw=1, zorder=1)
    axes.scatter(rows["true"], rows["predicted"], s=_dot(len(rows)), color=BLUE, alpha=0.6, lw=0, zorder=2)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel(with_unit("True", result.quantity))
    axes.set_ylabel(with_unit("Predicted", result.quantity))
    axes.set_title(f"n = {result.counted}", fontsize=9, color=GREY)
    return figure


def bland_altman(pairs: pd.DataFrame, result: QuantityResult) -> Figure:
    """Difference against mean, with bias, limits of agreement and their intervals."""
    figure, axes = _axes((6.0, 4.2))
    rows = pairs[pairs["quantity"] == result.quantity]
    axes.scatter(
        0.5 * (rows["predicted"] + rows["true"]),
        rows["predicted"] - rows["true"],
        s=_dot(len(rows)),
        color=BLUE,
        alpha=0.6,
        lw=0,
    )
    axes.axhline(0, color=GREY, lw=0.8)
    for line, name, colour in (
        ("bias", "bias", ORANGE),
        ("lower", "lower limit", GREEN),
        ("upper", "upper limit", GREEN),
    ):
        assert result.agreement is not None
        estimate = getattr(result.agreement, line)
        if estimate.value is None:
            continue
        axes.axhline(estimate.value, color=colour, lw=1.4, ls="-" if line == "bias" else "--")
        if estimate.low is not None and estimate.high is not None:
            axes.axhspan(estimate.low, estimate.high, color=colour, alpha=0.12, lw=0)
        axes.annotate(
            f"{name} {estimate.value:+.1f}",
            (1.0, estimate.value),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            ha="right",
            va="bottom",
        )
    axes.set_xlabel(with_unit("Mean of predicted and true", result.quantity))
    axes.set_ylabel(with_unit("Predicted − true", result.quantity))
    axes.set_title(f"n = {result.words.count(result.studies)}", fontsize=9, color=GREY)
    return figure


def roc_curve(pairs: pd.DataFrame, result: QuantityResult) -> Figure | None:
    """Sensitivity against 1 - specificity of every threshold of a probability; None where all studies are of a kind."""
    rows = pairs[pairs["quantity"] == result.quantity]
    sick = rows["true"].to_numpy(float) > HALF
    if sick.all() or not sick.any():
        return None
    false, found = roc(rows["predicted"].to_numpy(float), sick)
    figure, axes = _axes(_SIZE)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1)
    axes.plot(false, found, color=BLUE, lw=1.5)
    marked = {name: result.figure(name).value for name in ("sensitivity", "specificity")}
    axes.plot([1 - (marked["specificity"] or 0)], [marked["sensitivity"] or 0], "o", color=ORANGE, label="from ½ on")
    axes.set(xlabel="1 − specificity", ylabel="Sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_title(f"n = {result.words.count(result.studies)}, {int(sick.sum())} positive", fontsize=9, color=GREY)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def roc_curves(pairs: pd.DataFrame, result: QuantityResult) -> Figure | None:
    """Sensitivity against false alarms for each threshold of EF, None where no threshold parts the studies."""
    rows = pairs[pairs["quantity"] == result.quantity]
    predicted, true = rows["predicted"].to_numpy(float), rows["true"].to_numpy(float)
    found = [each for each in result.detections if each.auroc.value is not None]
    if not found:
        return None
    figure, axes = _axes(_SIZE)
    for detection, colour in zip(found, (BLUE, ORANGE, GREEN, "black"), strict=False):
        false, right = roc(-predicted, true < detection.threshold)
        area = detection.auroc_drawn
        span = "" if area.low is None else f" ({area.low:.2f} to {area.high:.2f})"
        name = f"EF < {detection.threshold:g} %: {detection.auroc.value:.2f}{span}"
        axes.plot(100 * false, 100 * right, color=colour, lw=1.4, label=name)
    axes.plot([0, 100], [0, 100], color=GREY, lw=0.8)
    axes.set(xlabel="False alarms (%)", ylabel="Found (%)", aspect="equal")
    axes.legend(frameon=False, fontsize=8, title="AUROC", title_fontsize=8, loc="lower right")
    return figure


def calibration_curve(result: QuantityResult) -> Figure | None:
    """Coverage of the intervals against their level, None where there are no intervals."""
    if result.calibration is None or not result.calibration.curve:
        return None
    points = result.calibration.curve
    figure, axes = _axes(_SIZE)
    levels = [100 * point.level for point in points]
    axes.fill_between(
        levels,
        [100 * point.expected_low for point in points],
        [100 * point.expected_high for point in points],
        color=GREY,
        alpha=0.2,
        lw=0,
        label="by chance",
    )
    axes.plot([50, 100], [50, 100], color=GREY, lw=1)
    covered = np.array([100 * point.coverage for point in points])
    spread = np.array([[100 * (point.coverage - point.low), 100 * (point.high - point.coverage)] for point in points]).T
    axes.errorbar(levels, covered, yerr=np.maximum(spread, 0), fmt="o", color=BLUE, capsize=2, label="covered")
    bottom = min(_LOWEST, *(100 * min(point.low, point.expected_low) - 2 for point in points))
    axes.set(xlabel="Level of the interval (%)", ylabel="Truth inside (%)", xlim=(45, 100), ylim=(bottom, 102))
    axes.legend(frameon=False, fontsize=8)
    return figure


def learning_curves(history: pd.DataFrame) -> Figure | None:
    """Every ``train_`` and ``validation_`` column of a run's metrics.csv, the best epoch of the first metric marked."""
    names = [name.removeprefix("validation_") for name in history.columns if name.startswith("validation_")]
    names = [name for name in names if f"train_{name}" in history.columns] or names
    if not names or "epoch" not in history.columns:
        return None
    names = names[:3]
    figure = Figure(figsize=(3.4 * len(names), 3.0), layout="constrained")
    for place, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), place + 1)
        for prefix, colour in (("train", ORANGE), ("validation", BLUE)):
            if f"{prefix}_{name}" in history.columns:
                axes.plot(history["epoch"], history[f"{prefix}_{name}"], color=colour, lw=1.5, label=prefix)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="Epoch", ylabel=_SCORES.get(name, name))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    return figure


def generalisation_gap(metrics: dict[str, Any]) -> Figure | None:
    """Training, validation and test metrics of the best epoch side by side, and the gap from training to test."""
    splits = [split for split in ("train", "validation", "test") if isinstance(metrics.get(split), dict)]
    names = [name for name in ("rmse", "mae") if all(metrics[split].get(name) is not None for split in splits)]
    if len(splits) < 2 or not names:
        return None
    figure, axes = _axes((5.2, 3.4))
    width = 0.8 / len(splits)
    for place, (split, colour) in enumerate(zip(splits, (ORANGE, BLUE, GREEN), strict=False)):
        heights = [metrics[split][name] for name in names]
        places = np.arange(len(names)) + (place - 0.5 * (len(splits) - 1)) * width
        axes.bar(places, heights, width, color=colour, label=split)
    for place, name in enumerate(names):
        gap = metrics[splits[-1]][name] - metrics[splits[0]][name]
        axes.text(
            place,
            max(metrics[split][name] for split in splits),
            f"gap {gap:+.2f}",
            ha="center",
            va="bottom",
            fontsize=8,
        )
    axes.set_xticks(range(len(names)), [name.upper() for name in names])
    axes.set_ylabel("Error in the target's unit")
    axes.margins(y=0.15)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _axes(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _dot(count: int) -> float:
    return float(np.clip(2500 / max(count, 1), 5, 28))


def _range(rows: pd.DataFrame, quantity: str) -> tuple[float, float]:
    values = np.concatenate([rows["true"].to_numpy(float), rows["predicted"].to_numpy(float)])
    low, high = float(values.min()), float(values.max())
    if quantity == EF:
        return min(0.0, low - 1), max(90.0, high + 1)
    margin = 0.05 * max(high - low, 1.0)
    return low - margin, high + margin
