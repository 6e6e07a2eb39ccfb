"""Figures of a diagnosis: what it rests on, and how figures of predicted masks agree with experts'."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cinecor.evaluation.figures import BLUE, GREEN, GREY, ORANGE

SHOWN = 20  # figures of a heart


def importances(table: pd.DataFrame) -> Figure:
    """The most important figures: how much worse patients are diagnosed without each, and the trees' impurity.

    Args:
        table: ``figure permutation impurity``, the most important first.
    """
    rows = table.head(SHOWN).iloc[::-1]
    figure = Figure(figsize=(8.2, 0.24 * len(rows) + 1.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name, colour, label in (
        (left, "permutation", BLUE, "Log loss added by shuffling it"),
        (right, "impurity", ORANGE, "Share of the forest's impurity"),
    ):
        axes.barh(range(len(rows)), rows[name], color=colour)
        axes.set_xlabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_yticks(range(len(rows)), rows["figure"], fontsize=8)
    return figure


def agreements(predicted: pd.DataFrame, true: pd.DataFrame, names: dict[str, str]) -> Figure | None:
    """Bland–Altman plots side by side of figures of predicted and experts' masks; None where they share none."""
    both = predicted.merge(true, on="patient", suffixes=("", "_true"))
    shown = {name: unit for name, unit in names.items() if f"{name}_true" in both.columns}
    if not shown:
        return None
    figure = Figure(figsize=(3.1 * len(shown), 3.0), layout="constrained")
    for axes, (name, unit) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        said, is_so = (both[each].to_numpy(dtype=np.float64) for each in (name, f"{name}_true"))
        apart = said - is_so
        axes.scatter((said + is_so) / 2, apart, s=12, color=BLUE, alpha=0.6, lw=0)
        axes.axhline(0, color=GREY, lw=0.8)
        bias, spread = np.nanmean(apart), 1.96 * np.nanstd(apart, ddof=1)
        axes.axhline(bias, color=ORANGE, lw=1.4)
        for limit in (bias - spread, bias + spread):
            axes.axhline(limit, color=GREEN, lw=1.2, ls="--")
        axes.set_xlabel(f"Mean of both ({unit})")
        axes.set_title(f"{name}: {bias:+.1f} ± {spread:.1f} {unit}", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("Predicted − expert")
    return figure
