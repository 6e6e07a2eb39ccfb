"""Figures of a comparison: predictions, agreement and learning of each model; gaps and performance of all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.figures import BLUE, GREEN, GREY, ORANGE

_MARKERS = "osD^vP*Xph<>"
_COLUMNS = 4
_TILE = 2.6  # inches


def draw_all(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Name and figure of everything that can be drawn."""
    if comparison.predictions:
        yield "predicted-versus-true", predicted_versus_true(comparison)
        yield "bland-altman", bland_altman(comparison)
        yield "generalisation-gap", generalisation_gap(comparison)
        yield "performance-against-gap", performance_against_gap(comparison)
    if any(row.history is not None for row in comparison.rows):
        yield "learning-curves", learning_curves(comparison)


def predicted_versus_true(comparison: Comparison) -> Figure:
    """A panel for each model, each test study a point, mean over seeds."""
    figure, tiles = _tiles(list(comparison.predictions))
    for axes, (name, pairs) in zip(tiles, comparison.predictions.items(), strict=True):
        axes.plot([0, 90], [0, 90], color=GREY, lw=0.8)
        axes.scatter(pairs["true"], pairs["predicted"], s=6, color=BLUE, alpha=0.5, lw=0)
        axes.set(xlim=(0, 90), ylim=(0, 90), aspect="equal")
        axes.set_title(name, fontsize=8)
    figure.supxlabel("True EF (%)", fontsize=9)
    figure.supylabel("Predicted EF (%)", fontsize=9)
    return figure


def bland_altman(comparison: Comparison) -> Figure:
    """A panel for each model: difference against mean, bias and limits of agreement."""
    figure, tiles = _tiles(list(comparison.predictions))
    for axes, (name, pairs) in zip(tiles, comparison.predictions.items(), strict=True):
        difference = (pairs["predicted"] - pairs["true"]).to_numpy()
        axes.scatter((pairs["predicted"] + pairs["true"]) / 2, difference, s=6, color=BLUE, alpha=0.5, lw=0)
        spread = 1.96 * difference.std(ddof=1) if len(difference) > 1 else 0.0
        for level, style in ((0.0, "-"), (-spread, "--"), (spread, "--")):
            axes.axhline(difference.mean() + level, color=ORANGE, lw=0.9, ls=style)
        axes.set_title(name, fontsize=8)
    figure.supxlabel("Mean of predicted and true EF (%)", fontsize=9)
    figure.supylabel("Predicted − true (%)", fontsize=9)
    return figure


def learning_curves(comparison: Comparison) -> Figure:
    """A panel for each model: training and validation loss, a line for each seed."""
    with_history = [row for row in comparison.rows if row.history is not None]
    names = list(dict.fromkeys(row.name for row in with_history))
    figure, tiles = _tiles(names)
    for axes, name in zip(tiles, names, strict=True):
        for row in with_history:
            if row.name == name and row.history is not None:
                axes.plot(row.history["epoch"], row.history["train_loss"], color=ORANGE, lw=1)
                axes.plot(row.history["epoch"], row.history["validation_loss"], color=BLUE, lw=1)
        axes.set_title(name, fontsize=8)
        axes.set_yscale("log")
    figure.supxlabel("Epoch", fontsize=9)
    figure.supylabel("Loss: training orange, validation blue", fontsize=9)
    return figure


def generalisation_gap(comparison: Comparison) -> Figure:
    """Bars of test minus training error, and of validation minus training loss at the end (paper 000, Fig. 15)."""
    models = _measured(comparison)
    figure = Figure(figsize=(max(5.0, 0.42 * len(models) + 2), 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(models))
    for offset, name, colour in ((-0.2, "rmse", BLUE), (0.2, "mae", GREEN)):
        upper.bar(
            places + offset, models[f"test_{name}"] - models[f"train_{name}"], 0.4, color=colour, label=name.upper()
        )
    upper.set_ylabel("Test − training (%)", fontsize=8)
    upper.legend(frameon=False, fontsize=8)
    lower.bar(places, [_loss_gap(comparison, name) for name in models["name"]], 0.6, color=ORANGE)
    lower.set_ylabel("Validation − training loss", fontsize=8)
    lower.set_xticks(places, models["name"], rotation=60, ha="right", fontsize=7)
    for axes in (upper, lower):
        axes.axhline(0, color=GREY, lw=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def performance_against_gap(comparison: Comparison) -> Figure:
    """Test RMSE against test minus training RMSE, a marker for each family (paper 000, Fig. 16)."""
    models = _measured(comparison)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for place, (family, rows) in enumerate(models.groupby("family", sort=False)):
        gap = rows["test_rmse"] - rows["train_rmse"]
        axes.scatter(gap, rows["test_rmse"], marker=_MARKERS[place % len(_MARKERS)], s=36, label=str(family))
        for x, y, name in zip(gap, rows["test_rmse"], rows["name"], strict=True):
            axes.annotate(str(name), (x, y), textcoords="offset points", xytext=(4, 3), fontsize=6)
    axes.set_xlabel("Test − training RMSE (%)")
    axes.set_ylabel("Test RMSE (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
    return figure


def _measured(comparison: Comparison) -> pd.DataFrame:
    return comparison.models[comparison.models["seeds"] > 0].reset_index(drop=True)


def _loss_gap(comparison: Comparison, name: str) -> float:
    """Mean over seeds, of the last epoch; 0 where no history was kept."""
    last = [row.history.iloc[-1] for row in comparison.rows if row.name == name and row.history is not None]
    return float(np.mean([row["validation_loss"] - row["train_loss"] for row in last])) if last else 0.0


def _tiles(names: list[str]) -> tuple[Figure, list[Axes]]:
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(_TILE * columns, _TILE * rows), layout="constrained")
    tiles = [figure.add_subplot(rows, columns, place + 1) for place in range(len(names))]
    for axes in tiles:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    return figure, tiles
