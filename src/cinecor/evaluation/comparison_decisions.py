"""What a comparison says besides of trainings that decide: yes or no, or one of many classes.

Of each network by itself and of the mean of several (seeds); of whole cases and of single clips; of the validation
split and of the epoch that was kept. Intervals are over patients, all networks of a model in the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from cinecor.evaluation.bootstrap import Drawing, intervals
from cinecor.evaluation.class_table import probability_columns
from cinecor.evaluation.paired import FIGURES_OF, Kind
from cinecor.evaluation.regression import Metric
from cinecor.evaluation.run_row import RunRow, best_epoch

_CLIP = ["study", "patient", "cine", "start"]
_NOTHING = {"low": None, "high": None}


def describe_decisions(done: Sequence[RunRow], kind: Kind, drawing: Drawing) -> dict[str, Any]:
    """Further columns of a model's row.

    ``test_<figure>_low``, ``_high`` and ``validation_accuracy_low``, ``_high``: where the mean over seeds of each
    network's figure lies. ``epoch_train_accuracy`` and ``_sd``: share of the labelled clips called right in the epoch
    that was kept, varied and with dropout as they were learned from. ``clips``; ``clip_accuracy`` with ``_sd``,
    ``_low``, ``_high``: of single clips; ``ensemble_clip_accuracy`` with ``_low``, ``_high``: of the mean of the seeds.
    And what a study varies (``RunRow.setting``), mean over seeds. Each None where it is not known.
    """
    figures = FIGURES_OF[kind]
    tested = _locate([row.pairs["test"] for row in done], figures, drawing)
    said: dict[str, Any] = {f"test_{name}_{end}": value for name, ends in tested.items() for end, value in ends.items()}
    checked = [row.pairs["validation"] for row in done if "validation" in row.pairs and len(row.pairs["validation"])]
    found = _locate(checked, {"accuracy": figures["accuracy"]}, drawing)["accuracy"]
    said |= {f"validation_accuracy_{end}": value for end, value in found.items()}
    said |= _spread("epoch_train_accuracy", [value for row in done if (value := _while_learned(row)) is not None])
    said |= _describe_clips([row.clips for row in done if row.clips is not None], drawing)
    names = dict.fromkeys(name for row in done for name in row.setting)
    return said | {name: float(np.mean([row.setting[name] for row in done if name in row.setting])) for name in names}


def _locate(
    tables: Sequence[pd.DataFrame], figures: Mapping[str, Metric], drawing: Drawing
) -> dict[str, dict[str, float | None]]:
    """Ends of the interval of each figure's mean over tables; none where the tables are not of the same cases."""
    ordered = [each.sort_values("study", kind="stable") for each in tables]
    if not ordered or any(each["study"].tolist() != ordered[0]["study"].tolist() for each in ordered):
        return {name: dict(_NOTHING) for name in figures}
    said = [each["predicted"].to_numpy(dtype=np.float64) for each in ordered]
    true, owners = ordered[0]["true"].to_numpy(dtype=np.float64), ordered[0]["patient"].tolist()

    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        means = [np.mean([figure(each, true, weights) for each in said], axis=0) for figure in figures.values()]
        return np.stack(means)

    found = intervals(statistic, owners, drawing)
    return {name: {"low": each.low, "high": each.high} for name, each in zip(figures, found, strict=True)}


def _while_learned(row: RunRow) -> float | None:
    history = row.history
    if history is None or "train_accuracy" not in history.columns or history.empty:
        return None
    return float(history["train_accuracy"].iloc[best_epoch(history, row.kept)])


def _describe_clips(tables: Sequence[pd.DataFrame], drawing: Drawing) -> dict[str, Any]:
    """Of single clips, where a case has several."""
    names = ("clips", "clip_accuracy", "clip_accuracy_sd", "clip_accuracy_low", "clip_accuracy_high")
    together = ("ensemble_clip_accuracy", "ensemble_clip_accuracy_low", "ensemble_clip_accuracy_high")
    said: dict[str, Any] = dict.fromkeys((*names, *together))
    if not tables or len(tables[0]) == tables[0]["study"].nunique():
        return said
    ordered = [each.sort_values(_CLIP, kind="stable").reset_index(drop=True) for each in tables]
    right = [(each["predicted"] == each["true"]).to_numpy() for each in ordered]
    said |= {"clips": len(ordered[0]), **_spread("clip_accuracy", [float(each.mean()) for each in right])}
    if any(not each[_CLIP].equals(ordered[0][_CLIP]) for each in ordered):
        return said  # drawn at random, for each seed others
    owners, columns = ordered[0]["patient"].to_numpy(), probability_columns(ordered[0])
    called = np.mean([each[columns].to_numpy() for each in ordered], axis=0).argmax(1)
    mean = called == ordered[0]["true"].to_numpy()
    for name, each in (("clip_accuracy", right), ("ensemble_clip_accuracy", [mean])):
        low, high = _locate_share(np.stack(each), owners, drawing)
        said |= {f"{name}_low": low, f"{name}_high": high}
    return said | {"ensemble_clip_accuracy": float(mean.mean())}


def _locate_share(
    right: Bool[np.ndarray, "networks clips"], owners: np.ndarray, drawing: Drawing
) -> tuple[float | None, float | None]:
    """Where the share of right clips lies, mean over networks; counted by patient first, as there are many clips."""
    patients, place = np.unique(owners, return_inverse=True)
    hits = np.bincount(place, weights=right.mean(0), minlength=len(patients))
    all_ = np.bincount(place, minlength=len(patients)).astype(np.float64)

    def statistic(weights: Float[np.ndarray, "*draws patients"]) -> Float[np.ndarray, "figures ..."]:
        return np.asarray((weights @ hits) / (weights @ all_))[None]

    (found,) = intervals(statistic, patients.tolist(), drawing)
    return found.low, found.high


def _spread(name: str, values: Sequence[float]) -> dict[str, float | None]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {name: float(np.mean(values)) if values else None, f"{name}_sd": deviation}
