"""Several ways to one value a study, side by side: one clip, all clips, the mean over the beats.

Each way is evaluated by itself; their errors are also compared draw by draw of the same patients (``paired``), because
what separates two ways of averaging one network is far smaller than what either misses by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import USUAL, Drawing
from cinecor.evaluation.paired import COMPARED, Difference, judge
from cinecor.evaluation.results import Results

SHOWN = ("mae", "rmse", "r2", "pearson2")
"""Figures of the table; two that papers both call R² stand beside each other under their own names."""


def tabulate(ways: Mapping[str, Results], quantity: str = "ef") -> pd.DataFrame:
    """One row a way: studies, clips, and each figure with the ends of its interval (empty where there are none)."""
    rows = []
    for name, results in ways.items():
        found = results.quantity(quantity)
        row: dict[str, Any] = {"way": name, "studies": found.studies, "clips": found.clips}
        for figure in (found.figure(each) for each in SHOWN):
            row |= {figure.name: figure.value, f"{figure.name}_low": figure.low, f"{figure.name}_high": figure.high}
        rows.append(row)
    return pd.DataFrame(rows)


def compare_ways(
    ways: Mapping[str, Results], quantity: str = "ef", drawing: Drawing = USUAL
) -> dict[tuple[str, str], dict[str, Difference]]:
    """MAE and RMSE of each way minus those of each later one, on the same patients.

    Raises:
        DatasetError: BAD_LABEL where the ways do not have the same studies and truth.
    """
    tables = [_rows(results, quantity) for results in ways.values()]
    first = tables[0]
    for table in tables[1:]:
        if not first[["study", "patient", "true"]].equals(table[["study", "patient", "true"]]):
            raise DatasetError("BAD_LABEL", "the ways were not judged on the same studies", where="ways")
    predicted = np.stack([table["predicted"].to_numpy(np.float64) for table in tables])
    judged = judge(predicted, first["true"].to_numpy(np.float64), tuple(first["patient"]), drawing)
    names = list(ways)
    return {(names[one], names[other]): each for (one, other), each in judged.differences.items()}


def ways_as_text(ways: Mapping[str, Results], differences: Mapping[tuple[str, str], Mapping[str, Difference]]) -> str:
    """The table and the differences for a terminal."""
    level = next(iter(ways.values())).drawing.level
    lines = [f"{'':<14}{'studies':>8}{'clips':>8}" + "".join(f"{name:>24}" for name in SHOWN)]
    for row in tabulate(ways).to_dict("records"):
        cells = [_cell(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in SHOWN]
        lines.append(f"{row['way']:<14}{row['studies']:>8}{row['clips']:>8}" + "".join(f"{cell:>24}" for cell in cells))
    lines.append(f"r2: 1 - SSres/SStot; pearson2: squared correlation; {level:.0%} intervals over patients")
    for (one, other), found in differences.items():
        parts = [f"{name} {_cell(found[name].value, found[name].low, found[name].high, '+.2f')}" for name in COMPARED]
        lines.append(f"{one} minus {other}: {', '.join(parts)}")
    return "\n".join(lines)


def ways_as_dict(
    ways: Mapping[str, Results], differences: Mapping[tuple[str, str], Mapping[str, Difference]]
) -> dict[str, Any]:
    """The results of each way, and the differences, as plain values for JSON."""
    between = [
        {"first": one, "second": other, **{name: asdict(found[name]) for name in COMPARED}}
        for (one, other), found in differences.items()
    ]
    return {"ways": {name: results.as_dict() for name, results in ways.items()}, "differences": between}


def _rows(results: Results, quantity: str) -> pd.DataFrame:
    rows = results.pairs[results.pairs["quantity"] == quantity]
    return rows.sort_values("study").reset_index(drop=True)


def _cell(value: float | None, low: float | None, high: float | None, form: str = ".2f") -> str:
    if value is None or np.isnan(value):
        return "–"
    if low is None or high is None or np.isnan(low) or np.isnan(high):
        return format(value, form)
    return f"{value:{form}} ({low:{form}} to {high:{form}})"
