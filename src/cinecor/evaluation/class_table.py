"""Probabilities of many classes: from rows of one class each (``group=DCM``) to one row a clip, study or patient.

Tables keep a row for each class, so that they stay plain numbers; what is judged is which class has the highest
probability, and for that the classes of a study must stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from cinecor.errors import DatasetError
from cinecor.evaluation.quantities import CLASS, class_quantity
from cinecor.evaluation.table import aggregate, check_predictions, check_truth

_TOLERANCE = 1e-3
"""By how much the probabilities of a clip may miss 1: they are written as they were computed, in float32."""

_OWNER = ["study", "patient", "split"]


def families(quantities: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The classes of each quantity that has some, in the order of their names."""
    found: dict[str, list[str]] = {}
    for name in sorted(set(quantities)):
        family, sign, label = name.partition(CLASS)
        if sign:
            found.setdefault(family, []).append(label)
    return {family: tuple(labels) for family, labels in found.items()}


def by_clip(predictions: pd.DataFrame, truth: pd.DataFrame, family: str) -> pd.DataFrame:
    """One row a clip: see :func:`side_by_side`."""
    checked = check_predictions(predictions)
    rows = checked[checked["quantity"].str.startswith(family + CLASS)].assign(clips=1)
    return side_by_side(rows, truth, family, ["cine", "start"])


def by_study(predictions: pd.DataFrame, truth: pd.DataFrame, family: str) -> pd.DataFrame:
    """One row a study, the mean over its clips: see :func:`side_by_side`."""
    means = aggregate(predictions)
    return side_by_side(means[means["quantity"].str.startswith(family + CLASS)], truth, family, [])


def by_patient(clips: pd.DataFrame) -> pd.DataFrame | None:
    """One row a patient, the mean over all clips of ``by_clip``; None where a patient's studies are of several classes.

    The mean of probabilities is a vote in which a sure slice counts more than an unsure one.
    """
    if (clips.groupby(["split", "patient"])["true"].nunique() > 1).any():
        return None
    columns = probability_columns(clips)
    grouped = clips.groupby(["split", "patient"], sort=True)
    table = grouped[columns].mean()
    table["true"], table["clips"] = grouped["true"].first(), grouped["clips"].sum()
    table = table.reset_index()
    table["predicted"] = table[columns].to_numpy().argmax(1)
    quantity = str(clips["quantity"].iloc[0])
    return table.assign(study=table["patient"], quantity=quantity)[_columns([]) + columns]


def side_by_side(rows: pd.DataFrame, truth: pd.DataFrame, family: str, more: Sequence[str]) -> pd.DataFrame:
    """Columns ``study patient split quantity clips predicted true``, ``more``, and a column for each probability.

    ``predicted`` and ``true`` are places of classes, in the order of their names; the first of equal probabilities
    wins.

    Raises:
        DatasetError: BAD_LABEL where a clip lacks a class, its probabilities do not sum to 1, or its study has no
            truth, or not exactly one class.
    """
    known = check_truth(truth)
    classes = families(known["quantity"]).get(family, ())
    columns = [class_quantity(family, name) for name in classes]
    keys = [*_OWNER, *more]
    wide = rows.pivot(index=keys, columns="quantity", values="value").reindex(columns=columns)
    if len(classes) < 2 or set(rows["quantity"]) - set(columns) or bool(wide.isna().to_numpy().any()):
        raise DatasetError("BAD_LABEL", f"classes of {family} are missing", "give every class a row", where=family)
    if bool((np.abs(wide.to_numpy().sum(1) - 1) > _TOLERANCE).any()):
        raise DatasetError("BAD_LABEL", "probabilities of a clip do not sum to 1", "give a softmax", where=family)
    counts = rows.drop_duplicates(keys).set_index(keys)["clips"]
    table = wide.assign(clips=counts).reset_index()
    table["predicted"] = wide.to_numpy().argmax(1)
    table = table.merge(_true_places(known, family, columns), on=_OWNER, how="left", validate="many_to_one")
    if bool(table["true"].isna().any()):
        what = f"{int(table['true'].isna().sum())} row(s) belong to studies without a true class"
        raise DatasetError("BAD_LABEL", what, "let the truth have the same studies, patients and splits", where=family)
    return table.assign(quantity=family, true=table["true"].astype(np.int64))[_columns(more) + columns]


def probability_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns that hold probabilities of classes."""
    return [name for name in table.columns if CLASS in name]


def class_names(table: pd.DataFrame) -> tuple[str, ...]:
    """The classes of such a table, in the order of their places."""
    return tuple(name.partition(CLASS)[2] for name in probability_columns(table))


def probabilities(table: pd.DataFrame) -> Float[np.ndarray, "rows classes"]:
    """The probabilities of such a table."""
    return table[probability_columns(table)].to_numpy(dtype=np.float64)


def patient_table(predictions: pd.DataFrame, family: str) -> pd.DataFrame:
    """What a classifier says of each patient, for another one to build on: ``patient split``, ``p_DCM`` … and ``clips``.

    The mean over all clips of the patient; no truth is needed, or given away.
    """
    checked = check_predictions(predictions)
    rows = checked[checked["quantity"].str.startswith(family + CLASS)]
    keys = ["patient", "split"]
    wide = rows.pivot_table(index=keys, columns="quantity", values="value", aggfunc="mean", sort=True)
    wide.columns = [f"p_{name.partition(CLASS)[2]}" for name in wide.columns]
    clips = rows.drop_duplicates(["study", "cine", "start"]).groupby(keys).size()
    return wide.assign(clips=clips).reset_index()


def _true_places(truth: pd.DataFrame, family: str, columns: Sequence[str]) -> pd.DataFrame:
    rows = truth[truth["quantity"].isin(columns)]
    wide = rows.pivot(index=_OWNER, columns="quantity", values="value").reindex(columns=list(columns))
    values = wide.to_numpy()
    if not (np.isin(values, (0, 1)).all() and (values.sum(1) == 1).all()):
        raise DatasetError("BAD_LABEL", "a study is not of exactly one class", "give 1 once and 0 else", where=family)
    return wide.assign(true=values.argmax(1)).reset_index()[[*_OWNER, "true"]]


def _columns(more: Sequence[str]) -> list[str]:
    return [*_OWNER, *more, "quantity", "clips", "predicted", "true"]
