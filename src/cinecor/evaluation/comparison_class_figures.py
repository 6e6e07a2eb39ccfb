"""Figures of the classes of a comparison: how many of each are called so, and what the others are called."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.comparison_classes import tabulate_confusion
from cinecor.evaluation.comparison_figures import make_tiles, name_axes
from cinecor.evaluation.figures import BLUE, GREY

_CELL = 0.42  # inches
_DARK = 0.5  # share from which a number is white
_SHOWN = 0.005  # share below which a cell has no number


def class_accuracy(found: pd.DataFrame) -> Figure:
    """Models down, classes across: share of each class's cases that the mean of the seeds calls so, in percent.

    Args:
        found: of ``tabulate_classes``.
    """
    names, classes = (list(dict.fromkeys(found[name])) for name in ("name", "class"))
    shares = found.pivot(index="name", columns="class", values="accuracy").loc[names, classes].to_numpy(float)
    counts = found.drop_duplicates("class")["count"].tolist()
    figure = Figure(figsize=(_CELL * len(classes) + 2.2, 0.75 * _CELL * len(names) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    _shade(axes, shares, percent=True, size=7.0)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=8, parse_math=False)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    several = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])
    axes.set_title(f"Test cases called what they are (%); {several} of each class", fontsize=9, color=GREY)
    return figure


def confusion(comparison: Comparison, found: pd.DataFrame) -> Figure:
    """Of many classes the matrix of the most accurate model, and the accuracy of each class with its interval (paper
    004, figure 5); of a yes or no the matrix of each model (figure 7). Shares of the true class.

    Args:
        comparison: of decisions.
        found: of ``tabulate_classes``.
    """
    counts = tabulate_confusion(comparison)
    if comparison.kind == "classes":
        return _confusion_of_best(comparison, counts, found)
    names = list(comparison.predictions)
    figure, tiles = make_tiles(names, shared=True)
    for axes, name in zip(tiles, names, strict=True):
        classes, shares, rows = _shares(counts, name)
        _shade(axes, shares, percent=False, size=8.0)
        axes.set_xticks(range(len(classes)), classes, fontsize=7.0)
        axes.set_yticks(
            range(len(classes)), [f"{word}\n({n})" for word, n in zip(classes, rows, strict=True)], fontsize=7
        )
    name_axes(figure, "Called", "True (cases)")
    return figure


def _confusion_of_best(comparison: Comparison, counts: pd.DataFrame, found: pd.DataFrame) -> Figure:
    done = comparison.models[comparison.models["name"].isin(list(comparison.predictions))]
    best = done.sort_values(["ensemble_accuracy", "seeds"], ascending=False, kind="stable").iloc[0]
    classes, shares, rows = _shares(counts, best["name"])
    side = _CELL * len(classes) + 1.4
    figure = Figure(figsize=(side + 3.4, side), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[side, 2.9])
    _shade(left, shares, percent=False, size=7.0)
    left.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=8, parse_math=False)
    left.set_yticks(range(len(classes)), classes, fontsize=8, parse_math=False)
    left.set(xlabel="Called", ylabel="True")
    seeds = int(best["seeds"])
    whose = f"{best['name']}, mean of {seeds} networks" if seeds > 1 else str(best["name"])
    left.set_title(f"{whose}; share of the true class, n = {sum(rows)}", fontsize=9, color=GREY, parse_math=False)
    _draw_bars(right, found[found["name"] == best["name"]])
    return figure


def _draw_bars(axes: Axes, found: pd.DataFrame) -> None:
    """Accuracy class by class, the first on top as in the matrix beside, with its interval."""
    value = 100 * found["accuracy"].to_numpy(dtype=np.float64)
    low, high = (100 * pd.to_numeric(found[name]).to_numpy(dtype=np.float64) for name in ("low", "high"))
    spread = np.maximum(np.stack([value - low, high - value]), 0)  # a bar without an interval stays bare
    places = np.arange(len(found))
    axes.barh(places, np.nan_to_num(value), 0.65, color=BLUE, alpha=0.75, xerr=spread, error_kw={"lw": 1, "capsize": 2})
    names = [f"{name} ({count})" for name, count in zip(found["class"], found["count"], strict=True)]
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.set(xlabel="Accuracy (%)", xlim=(0, 102), ylim=(len(found) - 0.5, -0.5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelsize=8)


def _shares(counts: pd.DataFrame, name: str) -> tuple[list[str], np.ndarray, list[int]]:
    """Classes, shares of the true class, and cases of each."""
    own = counts[counts["name"] == name]
    classes = list(dict.fromkeys(own["true"]))
    cells = own.pivot(index="true", columns="called", values="count").loc[classes, classes].to_numpy(float)
    rows = cells.sum(1, keepdims=True)
    return classes, np.divide(cells, rows, out=np.zeros_like(cells), where=rows > 0), rows[:, 0].astype(int).tolist()


def _shade(axes: Axes, shares: np.ndarray, *, percent: bool, size: float) -> None:
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (down, across), share in np.ndenumerate(shares):
        if not np.isfinite(share) or (not percent and share < _SHOWN):
            continue
        text = f"{100 * share:.0f}" if percent else f"{share:.2f}"
        colour = "white" if share > _DARK else "black"
        axes.text(across, down, text, ha="center", va="center", color=colour, fontsize=size)
