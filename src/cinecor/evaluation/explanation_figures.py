"""Embeddings laid out in a plane, coloured by EF."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

_COLOURS = "viridis"  # even in lightness, for every kind of colour vision and in grey
_UNKNOWN = "#9aa3ad"


def plane(points: Float[np.ndarray, "loops 2"], ef: Float[np.ndarray, " loops"]) -> Figure:
    """Each loop a point, as Fig. 1 of papers 001 and 002 shows them.

    Args:
        points: coordinates, see :func:`cinecor.explain.project`.
        ef: %, NaN where it is not known: these points are grey and lie below the others.
    """
    figure = Figure(figsize=(6.0, 4.6), layout="constrained")
    axes = figure.add_subplot()
    known = np.isfinite(ef)
    size = float(np.clip(4000 / max(len(ef), 1), 6, 60))
    if not known.all():
        axes.scatter(*points[~known].T, s=size, color=_UNKNOWN, lw=0, label="EF not known")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=8, borderaxespad=0)
    if known.any():
        drawn = axes.scatter(*points[known].T, s=size, c=ef[known], cmap=_COLOURS, lw=0, alpha=0.9)
        figure.colorbar(drawn, ax=axes, label="True EF (%)")
    axes.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    axes.set_title(f"n = {len(ef)} loops", fontsize=9, color="#6b7280", loc="left")
    return figure
