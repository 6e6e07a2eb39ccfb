"""Figures of many classes: the confusion matrix, and each class against the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cinecor.evaluation import class_table
from cinecor.evaluation.class_results import Level
from cinecor.evaluation.classification import roc
from cinecor.evaluation.figures import BLUE, GREEN, GREY, ORANGE

_COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
_CELL, _MARGIN = 0.55, 1.3  # inches
_DARK = 0.5  # share from which a number is white


def confusion_matrix(level: Level, classes: Sequence[str]) -> Figure:
    """True classes down, called ones across: the number in each cell, shaded by its share of the row."""
    counts = np.array(level.recognised.confusion)
    rows = counts.sum(1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    side = _CELL * len(classes) + _MARGIN
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (down, across), count in np.ndenumerate(counts):
        colour = "white" if shares[down, across] > _DARK else "black"
        axes.text(across, down, str(int(count)), ha="center", va="center", color=colour, fontsize=8)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=45, ha="right", fontsize=8, parse_math=False)
    axes.set_yticks(places, classes, fontsize=8, parse_math=False)
    axes.set(xlabel="Called", ylabel="True")
    axes.set_title(f"{level.text}, n = {level.counted}", fontsize=9, color=GREY)
    return figure


def one_against_rest(level: Level, classes: Sequence[str]) -> Figure | None:
    """Sensitivity against 1 - specificity of each class's probability; None where there is but one true class."""
    likely, true = class_table.probabilities(level.table), level.table["true"].to_numpy()
    drawn = [place for place in range(len(classes)) if 0 < (true == place).sum() < len(true)]
    if not drawn:
        return None
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1)
    for place in drawn:
        false, found = roc(likely[:, place], true == place)
        area = level.recognised.classes[place].figure("auroc").value
        style = "-" if place < len(_COLOURS) else "--"
        name = f"{classes[place]}: {area:.2f}"
        axes.plot(false, found, style, color=_COLOURS[place % len(_COLOURS)], lw=1.4, label=name)
    axes.set(xlabel="1 − specificity", ylabel="Sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    legend = axes.legend(frameon=False, fontsize=8, title="AUROC", title_fontsize=8, loc="lower right")
    for text in legend.get_texts():
        text.set_parse_math(False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
