"""Many trainings side by side: means over seeds, intervals over patients, pairs of models on the same patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing, Interval, intervals
from cinecor.evaluation.regression import mae, r2, rmse

FIGURES = {"rmse": rmse, "mae": mae, "r2": r2}
COLLAPSED = 0.02
"""R² up to which a model is no better than the mean: the paper's collapses have -0.07 to 0."""

USUAL = Drawing(resamples=2_000)


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRow:
    """One training: a model with one seed."""

    name: str
    family: str
    variant: str
    seed: int
    pairs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """By split what was predicted beside what is true, as ``table.pair`` gives it."""
    history: pd.DataFrame | None = None
    """The run's metrics.csv."""
    published: Mapping[str, Any] | None = None
    cost: Mapping[str, float | int] = field(default_factory=dict)
    failure: str = ""
    """Why there is nothing; empty where it ended well."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What many trainings say of their models."""

    models: pd.DataFrame
    """One row a model, in the order in which they were given."""
    pairs: pd.DataFrame
    """One row for each two models: the difference of RMSE and MAE (first minus second), its interval, and in which
    part of the draws of patients the first was better."""
    failures: pd.DataFrame
    """``name seed reason`` of the trainings that failed."""
    predictions: Mapping[str, pd.DataFrame]
    """By model ``study patient predicted true``: the mean over seeds, on the test split."""
    rows: tuple[RunRow, ...]


def compare(rows: Sequence[RunRow], drawing: Drawing = USUAL) -> Comparison:
    """Compare trainings on their test patients.

    Raises:
        DatasetError: BAD_SPLIT where two trainings were tested on different patients, or with different truth.
    """
    done = [row for row in rows if not row.failure]
    by_name = {name: [row for row in done if row.name == name] for name in dict.fromkeys(row.name for row in rows)}
    predictions = {name: _mean_over_seeds(each) for name, each in by_name.items() if each}
    _check_same_patients(predictions)
    failures = [(row.name, row.seed, row.failure) for row in rows if row.failure]
    models = [_describe(name, each, rows, predictions.get(name), drawing) for name, each in by_name.items()]
    return Comparison(
        models=pd.DataFrame(models),
        pairs=pd.DataFrame(_compare_pairs(predictions, drawing), columns=list(PAIR_COLUMNS)),
        failures=pd.DataFrame(failures, columns=["name", "seed", "reason"]),
        predictions=predictions,
        rows=tuple(rows),
    )


PAIR_COLUMNS = (
    "first",
    "second",
    "rmse_difference",
    "rmse_low",
    "rmse_high",
    "mae_difference",
    "mae_low",
    "mae_high",
    "first_better",
)


def _mean_over_seeds(rows: Sequence[RunRow]) -> pd.DataFrame:
    """The prediction for each test study, mean over the seeds, in the order of the studies' names."""
    together = pd.concat([row.pairs["test"] for row in rows])
    keys = ["study", "patient"]
    return together.groupby(keys, sort=True, as_index=False).agg({"predicted": "mean", "true": "mean"})


def _check_same_patients(predictions: Mapping[str, pd.DataFrame]) -> None:
    first: pd.DataFrame | None = None
    for name, each in predictions.items():
        if first is None:
            first = each
        elif list(each["study"]) != list(first["study"]) or not np.allclose(each["true"], first["true"]):
            what = "its test patients, or their truth, are not those of the other models"
            raise DatasetError("BAD_SPLIT", what, "compare trainings on the same data folder", where=name)


def _describe(
    name: str, done: Sequence[RunRow], rows: Sequence[RunRow], mean: pd.DataFrame | None, drawing: Drawing
) -> dict[str, Any]:
    """One row of the table of models."""
    any_row = next(row for row in rows if row.name == name)
    said: dict[str, Any] = {"name": name, "family": any_row.family, "variant": any_row.variant, "seeds": len(done)}
    said["failed"] = sum(row.name == name and bool(row.failure) for row in rows)
    for split in ("test", "validation", "train"):
        values = [_figures(row.pairs[split]) for row in done if split in row.pairs]
        for figure in FIGURES if values else ():
            each = [value[figure] for value in values]
            said[f"{split}_{figure}"] = float(np.mean(each))
            said[f"{split}_{figure}_sd"] = float(np.std(each, ddof=1)) if len(each) > 1 else None
    if mean is not None:
        said |= _intervals(mean, drawing)
        said["collapsed"] = bool(said["test_r2"] <= COLLAPSED)
    published = any_row.published or {}
    for figure in FIGURES:
        said[f"published_{figure}"] = published.get(figure)
    costs = [row.cost for row in done if row.cost]
    return said | {key: float(np.mean([cost[key] for cost in costs])) for key in (costs[0] if costs else ())}


def _figures(pairs: pd.DataFrame) -> dict[str, float]:
    said, true = _arrays(pairs)
    return {name: float(figure(said, true)) for name, figure in FIGURES.items()}


def _intervals(mean: pd.DataFrame, drawing: Drawing) -> dict[str, float | None]:
    """Of the mean over seeds: its figures and where they lie."""
    said, true = _arrays(mean)

    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        return np.stack([figure(said, true, weights) for figure in FIGURES.values()])

    found = intervals(statistic, mean["patient"].tolist(), drawing)
    limits: dict[str, float | None] = {}
    for (name, figure), interval in zip(FIGURES.items(), found, strict=True):
        limits |= {
            f"ensemble_{name}": float(figure(said, true)),
            f"ensemble_{name}_low": interval.low,
            f"ensemble_{name}_high": interval.high,
        }
    return limits


def _compare_pairs(predictions: Mapping[str, pd.DataFrame], drawing: Drawing) -> Iterator[tuple[Any, ...]]:
    for (first, one), (second, other) in combinations(predictions.items(), 2):
        yield (first, second, *_compare_two(one, other, drawing))


def _compare_two(one: pd.DataFrame, other: pd.DataFrame, drawing: Drawing) -> tuple[float | None, ...]:
    """Paired bootstrap: each draw of patients judges both."""
    (said, true), (other_said, _) = _arrays(one), _arrays(other)
    draws: list[np.ndarray] = []

    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        both = np.stack([figure(said, true, weights) - figure(other_said, true, weights) for figure in (rmse, mae)])
        if weights.ndim > 1:
            draws.append(both[0].ravel())
        return both

    found: list[Interval] = intervals(statistic, one["patient"].tolist(), drawing)
    now = statistic(np.ones(len(one)))
    better = float(np.mean(np.concatenate(draws)[: drawing.resamples] < 0)) if draws else None
    ends = [(float(value), interval.low, interval.high) for value, interval in zip(now, found, strict=True)]
    return (*ends[0], *ends[1], better)


def _arrays(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return pairs["predicted"].to_numpy(dtype=np.float64), pairs["true"].to_numpy(dtype=np.float64)
