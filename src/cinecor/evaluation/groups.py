"""A comparison within groups of studies (image quality): the same figures, the same draws for all models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cinecor.evaluation.comparison import Comparison, figures_of
from cinecor.evaluation.paired import judge


def by_group(comparison: Comparison, groups: Mapping[str, str]) -> pd.DataFrame:
    """Figures of each model, mean over seeds, on the test studies of each group.

    Args:
        comparison: of ``compare``.
        groups: by study; studies that are in none are left out.

    Returns:
        One row a model and group: ``name group studies``, ``<figure>`` with ``_low`` and ``_high``, and
        ``published_<figure>`` where the training's ``published`` has ``groups`` of these names.
    """
    rows: list[dict[str, Any]] = []
    figures = figures_of(comparison.kind)
    published = {row.name: (row.published or {}).get("groups") or {} for row in comparison.rows}
    for group in dict.fromkeys(groups.values()):
        kept = {name: each[each["study"].map(groups) == group] for name, each in comparison.predictions.items()}
        if not kept or not all(map(len, kept.values())):
            continue
        first = next(iter(kept.values()))
        said = np.stack([each["predicted"].to_numpy(dtype=np.float64) for each in kept.values()])
        true = first["true"].to_numpy(dtype=np.float64)
        judged = judge(said, true, first["patient"].tolist(), comparison.drawing, kind=comparison.kind)
        for place, name in enumerate(kept):
            row: dict[str, Any] = {"name": name, "group": group, "studies": len(first)}
            for figure, make in figures.items():
                value, interval = float(make(said[place], true, None)), judged.intervals[place][figure]
                row |= {figure: value if np.isfinite(value) else None}
                row |= {f"{figure}_low": interval.low, f"{figure}_high": interval.high}
                row |= {f"published_{figure}": published[name].get(group, {}).get(figure)}
            rows.append(row)
    return pd.DataFrame(rows)
