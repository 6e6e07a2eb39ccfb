"""Figures of what a comparison varies: size of frames, number of labels; and of classes, one by one.

Which of them there are is decided by what the rows have: frames of several sizes in one family, few labels, classes,
generators. Ours are filled and joined by lines, what a paper has is hollow and dashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator, ScalarFormatter

from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.comparison_class_figures import class_accuracy, confusion
from cinecor.evaluation.comparison_classes import tabulate_classes
from cinecor.evaluation.comparison_figures import COLOURS, MARKERS, draw_by_epoch
from cinecor.evaluation.figures import BLUE, GREEN, GREY, ORANGE
from cinecor.evaluation.run_row import RunRow, best_epoch
from cinecor.evaluation.samples import draw_samples

_HOLLOW: dict[str, Any] = {"ls": "--", "mfc": "white", "lw": 1.0, "ms": 5}
_APART = 0.06
"""By which part curves of the same numbers of labels lie beside each other, so that no bar hides another."""
_CURVES = {"train_accuracy": ORANGE, "validation_accuracy": BLUE}


def draw_studies(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each that can be drawn."""
    if not comparison.binary or comparison.models.empty:
        return
    sizes, labels = _of_sizes(comparison), _of_labels(comparison)
    if len(sizes):
        yield "resolution", resolution(sizes)
    if len(labels):
        yield "label-efficiency", label_efficiency(labels, comparison)
    if any(_has_accuracy(row) for row in comparison.rows):
        yield "accuracy-curves", accuracy_curves(comparison)
    if comparison.predictions:
        found = tabulate_classes(comparison)
        if comparison.kind == "classes":
            yield "class-accuracy", class_accuracy(found)
        yield "confusion", confusion(comparison, found)
    samples = {row.name: row.samples for row in reversed(comparison.rows) if row.samples}  # of the first seed
    if samples:
        yield "samples", draw_samples(dict(reversed(samples.items())))


def resolution(models: pd.DataFrame) -> Figure:
    """Accuracy, and seconds of an epoch, against the size of frames (paper 004, figure 2)."""
    figure = Figure(figsize=(9.0, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    pixels = models["height"] * models["width"]
    curves = (
        ("training", ORANGE, "epoch_train_accuracy", "published_train_accuracy"),
        ("validation", BLUE, "validation_accuracy", "published_validation_accuracy"),
        ("test", GREEN, "test_accuracy", "published_accuracy"),
    )
    for place, (word, colour, ours, theirs) in enumerate(curves):
        _draw_ours(left, pixels, models, ours, f"{word}, ours", colour, MARKERS[place], 100.0)
        _draw_theirs(left, pixels, models, theirs, f"{word}, published", colour, MARKERS[place], 100.0)
    _draw_ours(right, pixels, models, "epoch_seconds", "ours", BLUE, "o", 1.0)
    _draw_theirs(right, pixels, models, "published_epoch_seconds", "published", BLUE, "o", 1.0)
    left.set_ylabel("Accuracy (%)")
    right.set_ylabel("Training and validation, an epoch (s)")
    right.set_yscale("log")
    right.yaxis.set_major_formatter(ScalarFormatter())
    for axes in (left, right):
        axes.set_xscale("log")
        names = [f"{height:.0f} × {width:.0f}" for height, width in zip(models["height"], models["width"], strict=True)]
        axes.set_xticks(pixels, names)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("Frame, pixels (height × width)")
        _finish(axes)
    return figure


def label_efficiency(models: pd.DataFrame, comparison: Comparison) -> Figure:
    """Test accuracy against labels of each class, a curve for each family (paper 004, figure 8).

    Families are those of the paper's rows, whatever network ran in them: here they are ways of learning.
    """
    models = models.assign(family=_published_families(models, comparison))
    figure = Figure(figsize=(6.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    families = models["family"].nunique()
    for place, (family, rows) in enumerate(models.groupby("family", sort=False)):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        ours = rows.sort_values("labels_per_class", kind="stable")
        apart = 1 + _APART * (place - (families - 1) / 2)
        _draw_ours(
            axes, apart * ours["labels_per_class"], ours, "test_accuracy", f"{family}, ours", colour, marker, 100.0
        )
        paper = ours.assign(at=ours["labels_per_class"])
        if "published_labels_per_class" in paper.columns:
            paper["at"] = paper["published_labels_per_class"].fillna(paper["labels_per_class"]).astype(float)
        paper = paper.sort_values("at", kind="stable")
        _draw_theirs(axes, paper["at"], paper, "published_accuracy", f"{family}, published", colour, marker, 100.0)
    first = next(iter(comparison.predictions.values()))
    chance = 100.0 / max(2, sum("=" in name for name in first.columns))
    axes.axhline(chance, color=GREY, lw=0.9, ls=":")
    axes.annotate(
        "chance", (1, chance), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8, color=GREY
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="Labels per class", ylabel="Test accuracy (%)", ylim=(0, 102))
    _finish(axes)
    return figure


def accuracy_curves(comparison: Comparison) -> Figure:
    """A panel for each model: training and validation accuracy, a line for each seed, a dot at the epoch kept."""

    def draw(axes: Axes, rows: list[RunRow]) -> None:
        for row in rows:
            _draw_accuracy(axes, row)
        axes.set_ylim(-2, 102)

    return draw_by_epoch([row for row in comparison.rows if _has_accuracy(row)], draw, "Accuracy (%)")


def _of_sizes(comparison: Comparison) -> pd.DataFrame:
    """Models of one family and of the same tables of a paper that differ in the size of frames, from small to large;
    the largest such group."""
    models = comparison.models
    if not {"height", "width"} <= set(models.columns):
        return models.iloc[:0]
    tables = {row.name: str((row.published or {}).get("tables", ())) for row in comparison.rows}
    groups = models[models["height"].notna()].groupby(["family", models["name"].map(tables)], sort=False)
    alike = [rows for _, rows in groups if len(rows) > 1 and not rows[["height", "width"]].duplicated().any()]
    return max(alike, key=len).sort_values(["height", "width"]) if alike else models.iloc[:0]


def _published_families(models: pd.DataFrame, comparison: Comparison) -> list[str]:
    """What a paper calls the families of its rows; our name for them where it does not."""
    named = {row.name: str((row.published or {}).get("family", "")) for row in comparison.rows}
    pairs = zip(models["name"].astype(str), models["family"].astype(str), strict=True)
    return [named[name] or family for name, family in pairs]


def _of_labels(comparison: Comparison) -> pd.DataFrame:
    """Models that learned from few labels, where these differ in number."""
    models = comparison.models
    if "labels_per_class" not in models.columns:
        return models.iloc[:0]
    few = models[models["labels_per_class"].notna()]
    return few if few["labels_per_class"].nunique() > 1 else few.iloc[:0]


def _draw_ours(
    axes: Axes, across: Any, rows: pd.DataFrame, name: str, word: str, colour: str, marker: str, factor: float
) -> None:
    """With bars for intervals over patients, where there are some."""
    up = _values(rows, name, factor)
    if not np.isfinite(up).any():
        return
    ends = np.stack([up - _values(rows, f"{name}_low", factor), _values(rows, f"{name}_high", factor) - up])
    if np.isfinite(ends).any():
        axes.errorbar(across, up, yerr=np.maximum(ends, 0), color=colour, ls="", lw=1.2, capsize=2.5)
    axes.plot(across, up, color=colour, marker=marker, ms=5, lw=1.5, label=word)


def _draw_theirs(
    axes: Axes, across: Any, rows: pd.DataFrame, name: str, word: str, colour: str, marker: str, factor: float
) -> None:
    up = _values(rows, name, factor)
    known = np.isfinite(up)
    if known.any():
        axes.plot(np.asarray(across, float)[known], up[known], color=colour, marker=marker, label=word, **_HOLLOW)


def _values(rows: pd.DataFrame, name: str, factor: float) -> np.ndarray:
    """A column in percent or as it is; not a number where it is not there."""
    if name not in rows.columns:
        return np.full(len(rows), np.nan)
    return factor * pd.to_numeric(rows[name]).to_numpy(dtype=np.float64)


def _has_accuracy(row: RunRow) -> bool:
    return row.history is not None and len(row.history) > 0 and "validation_accuracy" in row.history.columns


def _draw_accuracy(axes: Axes, row: RunRow) -> None:
    history = row.history
    assert history is not None
    for name, colour in _CURVES.items():
        if name in history.columns:
            axes.plot(history["epoch"], 100 * history[name], color=colour, lw=1, alpha=0.8)
    kept = history.iloc[best_epoch(history, row.kept)]
    axes.plot([kept["epoch"]], [100 * kept["validation_accuracy"]], color=BLUE, marker="o", ms=3.5, ls="")


def _finish(axes: Axes) -> None:
    """What all have; the legend above, so that it covers nothing, in the order in which things were drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    shown = {str(line.get_label()): line for line in lines}
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": -(-len(shown) // 2)}
    axes.legend(shown.values(), shown.keys(), frameon=False, fontsize=8, **place)
