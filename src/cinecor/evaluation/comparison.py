"""Many trainings side by side: means over seeds, intervals over patients, pairs of models on the same patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing, Interval
from cinecor.evaluation.class_table import probability_columns
from cinecor.evaluation.collapse import is_collapsed, is_one_class
from cinecor.evaluation.comparison_decisions import describe_decisions
from cinecor.evaluation.paired import COMPARED_OF, FIGURES_OF, Difference, Judged, Kind, judge
from cinecor.evaluation.quantities import is_binary
from cinecor.evaluation.regression import Metric, rmse
from cinecor.evaluation.run_row import RunRow, best_epoch

SPLITS = ("test", "validation", "train")
COSTS = (
    *("parameters", "flops", "train_ms_per_clip", "inference_ms_per_clip", "peak_mb"),
    *("train_seconds", "epoch_seconds"),
)
"""What a training may cost, each None where it was not measured; what else a row carries follows."""

BESIDE = (
    *("train_accuracy", "validation_accuracy", "accuracy_error", "ensemble_accuracy_error"),
    *("epoch_seconds", "labels_per_class"),
)
"""What else a paper may say of a row."""

USUAL = Drawing(resamples=2_000)
"""Fewer draws than for one model: the table is written again after every training of a long benchmark."""

FAILURE_COLUMNS = ("name", "seed", "reason")
_NEEDED = ("study", "patient", "quantity", "predicted", "true")


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What many trainings say of their models."""

    models: pd.DataFrame
    """One row a model, in the order in which they were given; ``_describe…`` say its columns."""
    pairs: pd.DataFrame
    """One row for each two models, ``first second``: the differences of the ``compared`` figures (first minus second),
    ``<figure>_difference``, their intervals, ``_low _high``, and in which share of the draws of patients the first was
    better, ``_first_better``."""
    failures: pd.DataFrame
    """``name seed reason`` of the trainings that failed."""
    predictions: Mapping[str, pd.DataFrame]
    """By model ``study patient predicted true``: the mean over seeds, on the test split."""
    rows: tuple[RunRow, ...]
    quantity: str
    """What all of them predict; empty where all failed."""
    kind: Kind
    """What kind of quantity it is."""
    drawing: Drawing

    @property
    def binary(self) -> bool:
        """Whether a decision is predicted, a yes or no or one of many classes, whose figures are the better the larger
        they are."""
        return self.kind != "values"

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that there are of each model, the leading one first."""
        return tuple(figures_of(self.kind))

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the figures of which differences are made."""
        return COMPARED_OF[self.kind]


def figures_of(kind: Kind) -> Mapping[str, Metric]:
    """The figures of a model by the kind of what it predicts."""
    return FIGURES_OF[kind]


def compare(rows: Sequence[RunRow], drawing: Drawing = USUAL) -> Comparison:
    """Compare trainings on their test patients; the order of the rows is the order of the models and nothing else.

    Args:
        rows: trainings; those with a ``failure`` are listed and counted.
        drawing: of patients, one set of draws for all models.

    Raises:
        DatasetError: BAD_SPLIT where a training that did not fail has no test predictions, or where two were tested on
            different patients or against different truth; BAD_LABEL where they predict different quantities;
            DUPLICATE_ID where a model has the same seed twice; MISSING_COLUMN where a table is not one of
            ``table.pair``.
    """
    done = sorted((row for row in rows if not row.failure), key=lambda row: row.seed)
    quantity = _check(rows, done)
    kind = _kind(done)
    by_name = _by_name(rows, done)
    predictions = {name: _mean_over_seeds(each) for name, each in by_name.items() if each}
    judged = _judge_apart(predictions, {row.name: row.apart for row in done}, drawing, kind)
    intervals = {name: found for names, each in judged for name, found in zip(names, each.intervals, strict=True)}
    models = []
    for name, each in by_name.items():
        mean = _describe_mean(predictions.get(name), intervals.get(name, {}), kind)
        own = _describe_model([row for row in rows if row.name == name], each, mean, kind)
        models.append(own | (describe_decisions(each, kind, drawing) if kind != "values" else {}))
    return Comparison(
        models=pd.DataFrame(models, columns=_columns(models)),
        pairs=_pair_table(judged, COMPARED_OF[kind]),
        failures=_failures(rows),
        predictions=predictions,
        rows=tuple(rows),
        quantity=quantity,
        kind=kind,
        drawing=drawing,
    )


def _by_name(rows: Sequence[RunRow], done: Sequence[RunRow]) -> dict[str, list[RunRow]]:
    """The trainings of each model that ended well, in the order in which the models were given."""
    found: dict[str, list[RunRow]] = {row.name: [] for row in rows}
    for row in done:
        found[row.name].append(row)
    return found


def _failures(rows: Sequence[RunRow]) -> pd.DataFrame:
    failed = [(row.name, row.seed, row.failure) for row in rows if row.failure]
    return pd.DataFrame(failed, columns=list(FAILURE_COLUMNS))


def _kind(done: Sequence[RunRow]) -> Kind:
    if done and probability_columns(done[0].pairs["test"]):
        return "classes"
    binary = bool(done) and is_binary(value for row in done for value in row.pairs["test"]["true"])
    return "yes_or_no" if binary else "values"


def _check(rows: Sequence[RunRow], done: Sequence[RunRow]) -> str:
    """Refuse what cannot be compared; else the quantity that all predict."""
    if len({(row.name, row.seed) for row in rows}) < len(rows):
        raise DatasetError("DUPLICATE_ID", "a model has the same seed twice", where="rows")
    for row in done:
        _check_columns(row)
    quantities = sorted({str(value) for row in done for pairs in row.pairs.values() for value in pairs["quantity"]})
    if len(quantities) > 1:
        what = f"the trainings predict {', '.join(quantities)}"
        raise DatasetError("BAD_LABEL", what, "compare trainings of one quantity", where="rows")
    first: dict[str, RunRow] = {}
    for row in done:
        _check_same_test(first.setdefault(row.apart, row).pairs["test"], row)
    return quantities[0] if quantities else ""


def _check_columns(row: RunRow) -> None:
    if "test" not in row.pairs or row.pairs["test"].empty:
        what = f"seed {row.seed} neither failed nor predicted the test split"
        raise DatasetError("BAD_SPLIT", what, "say why in its failure", where=row.name)
    for split, pairs in row.pairs.items():
        missing = [name for name in _NEEDED if name not in pairs.columns]
        if missing:
            what = f"{', '.join(missing)} is missing from the pairs of the {split} split"
            raise DatasetError("MISSING_COLUMN", what, "make them with table.pair", where=row.name)


def _check_same_test(pairs: pd.DataFrame, row: RunRow) -> None:
    one, other = (each.sort_values("study") for each in (pairs, row.pairs["test"]))
    same = all(one[name].tolist() == other[name].tolist() for name in ("study", "patient"))
    if not same or not np.allclose(one["true"].to_numpy(dtype=float), other["true"].to_numpy(dtype=float)):
        what = f"the test patients of seed {row.seed}, or their truth, are not those of the other trainings"
        raise DatasetError("BAD_SPLIT", what, "compare trainings on the same data folder", where=row.name)


def _mean_over_seeds(rows: Sequence[RunRow]) -> pd.DataFrame:
    """The prediction for each test study, mean over the seeds, in the order of the studies' names."""
    together = pd.concat([row.pairs["test"] for row in rows])
    keys, likely = ["study", "patient"], probability_columns(together)
    means = dict.fromkeys(["predicted", "true", *likely], "mean")
    table = together.groupby(keys, sort=True, as_index=False).agg(means)
    if likely:  # the mean of places says nothing, that of probabilities does
        table["predicted"] = table[likely].to_numpy().argmax(1).astype(np.float64)
    return table


def _judge_apart(
    predictions: Mapping[str, pd.DataFrame], apart: Mapping[str, str], drawing: Drawing, kind: Kind
) -> list[tuple[list[str], Judged]]:
    """The models that were tested on the same studies, set against each other; the others apart from them."""
    alike: dict[str, list[str]] = {}
    for name in predictions:
        alike.setdefault(apart[name], []).append(name)
    return [(names, _judge([predictions[name] for name in names], drawing, kind)) for names in alike.values()]


def _judge(tables: Sequence[pd.DataFrame], drawing: Drawing, kind: Kind) -> Judged:
    said = np.stack([_arrays(each)[0] for each in tables])
    return judge(said, _arrays(tables[0])[1], tables[0]["patient"].tolist(), drawing, kind=kind)


def _pair_table(judged: Sequence[tuple[Sequence[str], Judged]], compared: Sequence[str]) -> pd.DataFrame:
    def cells(found: Difference) -> tuple[float | None, ...]:
        return found.value, found.low, found.high, found.first_better

    rows = [
        (names[first], names[second], *(cell for name in compared for cell in cells(found[name])))
        for names, each in judged
        for (first, second), found in each.differences.items()
    ]
    parts = (f"{name}_{part}" for name in compared for part in ("difference", "low", "high", "first_better"))
    return pd.DataFrame(rows, columns=["first", "second", *parts])


def _describe_model(
    given: Sequence[RunRow], done: Sequence[RunRow], mean: Mapping[str, Any], kind: Kind
) -> dict[str, Any]:
    """The row of a model."""
    return _describe(given, done, kind) | dict(mean) | _describe_beside(given, done, kind)


def _describe(given: Sequence[RunRow], done: Sequence[RunRow], kind: Kind) -> dict[str, Any]:
    """What a model is, how many of its trainings ended well, and their figures: ``<split>_<figure>`` the mean over
    seeds, ``_sd`` the standard deviation (n - 1), None of a single seed.

    ``collapsed_seeds`` are those that do no better than the mean of the training truth.
    """
    said: dict[str, Any] = {"name": given[0].name, "family": given[0].family, "variant": given[0].variant}
    said |= {"seeds": len(done), "failed": len(given) - len(done)}
    said["warning"] = "; ".join(dict.fromkeys(row.warning for row in given if row.warning))
    said["collapsed_seeds"] = sum(_is_collapsed(row, kind) for row in done)
    said["collapsed"] = said["collapsed_seeds"] == len(done) if done else None
    for split in SPLITS:
        values = [_figures(row.pairs[split], kind) for row in done if split in row.pairs]
        for figure in figures_of(kind):
            mean, deviation = _spread([value[figure] for value in values])
            said |= {f"{split}_{figure}": mean, f"{split}_{figure}_sd": deviation}
    return said


def _describe_mean(mean: pd.DataFrame | None, found: Mapping[str, Interval], kind: Kind) -> dict[str, Any]:
    """``ensemble_<figure>`` of the mean over seeds, and where it lies: ``_low``, ``_high``."""
    figures = {} if mean is None else _figures(mean, kind)
    said: dict[str, Any] = {}
    for name in figures_of(kind):
        low, high = (found[name].low, found[name].high) if name in found else (None, None)
        said |= {
            f"ensemble_{name}": figures.get(name),
            f"ensemble_{name}_low": low,
            f"ensemble_{name}_high": high,
        }
    return said


def _describe_beside(given: Sequence[RunRow], done: Sequence[RunRow], kind: Kind) -> dict[str, Any]:
    """What stands beside a model's figures, each None where it is not known.

    ``baseline_rmse`` of saying the training mean, or of decisions ``baseline_accuracy`` of saying the commonest
    training class; ``published_<figure>`` and ``difference_<figure>`` (ours, mean over seeds, minus theirs), and
    ``published_ensemble_<figure>`` and ``BESIDE`` where a paper has them; ``gap_<figure>`` (training minus test) and
    ``gap_loss`` (validation minus training, at the best epoch), as figure 15 of paper 000 has them; the costs, mean
    over seeds.
    """
    published = next((row.published for row in given if row.published is not None), {})
    own = [_figures(row.pairs["test"], kind) for row in done]
    return (
        _describe_baseline(done, kind)
        | _describe_published(published, own, tuple(figures_of(kind)))
        | _describe_gaps(done, own, kind)
        | _describe_costs(done)
    )


def _describe_baseline(done: Sequence[RunRow], kind: Kind) -> dict[str, float | None]:
    if kind != "values":
        return {"baseline_rmse": None, "baseline_accuracy": _mean([_commonest_share(row) for row in done])}
    return {"baseline_rmse": _mean([_baseline_rmse(row) for row in done])}


def _describe_published(
    published: Mapping[str, Any], own: Sequence[Mapping[str, float]], names: Sequence[str]
) -> dict[str, float | None]:
    said = {f"published_{name}": published.get(name) for name in names}
    more = (*(f"ensemble_{name}" for name in names), *BESIDE)
    said |= {f"published_{name}": published[name] for name in more if published.get(name) is not None}
    for name in names:
        ours, theirs = _mean([figures[name] for figures in own]), published.get(name)
        said[f"difference_{name}"] = None if ours is None or theirs is None else ours - float(theirs)
    return said


def _describe_gaps(done: Sequence[RunRow], own: Sequence[Mapping[str, float]], kind: Kind) -> dict[str, float | None]:
    trained = [
        (_figures(row.pairs["train"], kind), test) for row, test in zip(done, own, strict=True) if "train" in row.pairs
    ]
    said = {f"gap_{name}": _mean([train[name] - test[name] for train, test in trained]) for name in figures_of(kind)}
    return said | {"gap_loss": _mean([gap for row in done if (gap := _loss_gap(row)) is not None])}


def _describe_costs(done: Sequence[RunRow]) -> dict[str, float | None]:
    names = dict.fromkeys([*COSTS, *(name for row in done for name in row.cost)])
    return {name: _mean([float(row.cost[name]) for row in done if name in row.cost]) for name in names}


def _is_collapsed(row: RunRow, kind: Kind) -> bool:
    said, true = _arrays(row.pairs["test"])
    return is_one_class(said, true, _commonest(row)) if kind == "classes" else is_collapsed(said, true, _baseline(row))


def _commonest(row: RunRow) -> int:
    """Place of the class that most training studies are of, or most test studies where training was not predicted."""
    return int(np.argmax(np.bincount(_arrays(row.pairs.get("train", row.pairs["test"]))[1].astype(np.int64))))


def _commonest_share(row: RunRow) -> float:
    return float(np.mean(_arrays(row.pairs["test"])[1] == _commonest(row)))


def _baseline(row: RunRow) -> float:
    """Mean of the training truth, or of the test truth where the training split was not predicted."""
    known = row.pairs.get("train", row.pairs["test"])
    return float(_arrays(known)[1].mean())


def _baseline_rmse(row: RunRow) -> float:
    true = _arrays(row.pairs["test"])[1]
    return float(rmse(np.full_like(true, _baseline(row)), true))


def _loss_gap(row: RunRow) -> float | None:
    if row.history is None or not {"train_loss", "validation_loss"} <= set(row.history.columns) or row.history.empty:
        return None
    best = row.history.iloc[best_epoch(row.history, row.kept)]
    return float(best["validation_loss"] - best["train_loss"])


def _figures(pairs: pd.DataFrame, kind: Kind) -> dict[str, float]:
    said, true = _arrays(pairs)
    return {name: float(figure(said, true, None)) for name, figure in figures_of(kind).items()}


def _spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    return _mean(values), float(np.std(values, ddof=1)) if len(values) > 1 else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _columns(models: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for model in models for name in model))


def _arrays(pairs: pd.DataFrame) -> tuple[Float[np.ndarray, " studies"], Float[np.ndarray, " studies"]]:
    return pairs["predicted"].to_numpy(dtype=np.float64), pairs["true"].to_numpy(dtype=np.float64)
