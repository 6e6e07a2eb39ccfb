"""The two tables that evaluation works from: what a model said of each clip, and what is true of each study.

Ids are text (``0001`` stays ``0001``, ``NA`` stays ``NA``); every row has every column; every number is finite.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cinecor import storage
from cinecor.errors import DatasetError
from cinecor.records import SPLITS, Prediction

PREDICTION_COLUMNS = ("study", "patient", "split", "cine", "start", "quantity", "value")
INTERVAL_COLUMNS = ("low", "high")
TRUTH_COLUMNS = ("study", "patient", "split", "quantity", "value")
PAIR_COLUMNS = ("study", "patient", "split", "quantity", "clips", "predicted", "true")

_QUANTITY = re.compile(r"\w[\w.-]*(=\w[\w. +-]*)?")
"""Files of figures carry the name of their quantity; what follows = is one of its classes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Line ends inside an id would not read back from CSV as they were."""

_TEXT = ("study", "patient", "split", "quantity")
_WHOLE = ("cine", "start")
_CLIP_KEY = ["study", "cine", "start", "quantity"]
_STUDY_KEY = ["study", "quantity"]


def is_quantity(name: str) -> bool:
    """Whether a quantity may be called so."""
    return _QUANTITY.fullmatch(name) is not None


def read_predictions(path: Path) -> pd.DataFrame:
    """The predictions in a CSV file, one row a clip and quantity.

    Columns ``study patient split cine start quantity value``, and ``low high`` where the predictions carry intervals.

    Raises:
        DatasetError: MISSING_FILE, ENCODING, MISSING_COLUMN, BAD_LABEL, BAD_SPLIT or DUPLICATE_ID.
    """
    return check_predictions(_read(path, PREDICTION_COLUMNS, INTERVAL_COLUMNS), where=path.name)


def read_truth(path: Path) -> pd.DataFrame:
    """What is true of each study, from a CSV file with the columns ``study patient split quantity value``.

    Raises:
        DatasetError: MISSING_FILE, ENCODING, MISSING_COLUMN, BAD_LABEL, BAD_SPLIT or DUPLICATE_ID.
    """
    return check_truth(_read(path, TRUTH_COLUMNS, ()), where=path.name)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write predictions or truth as CSV, whole or not at all; numbers are written so that they read back exactly.

    Raises:
        DatasetError: the table is not one that could be read back.
        StorageError: the file cannot be written.
    """
    checked = (check_predictions if "cine" in table.columns else check_truth)(table, where=path.name)
    storage.write_text(path, checked.to_csv(index=False, lineterminator="\n"))


def from_predictions(predictions: Iterable[Prediction]) -> pd.DataFrame:
    """The table of predictions that were made in this process.

    Raises:
        DatasetError: as for ``read_predictions``.
    """
    rows = [asdict(prediction) for prediction in predictions]
    return check_predictions(pd.DataFrame(rows, columns=list(PREDICTION_COLUMNS)))


def check_predictions(table: pd.DataFrame, *, where: str = "predictions") -> pd.DataFrame:
    """A copy of a prediction table with the right types, refused if any row is wrong.

    Raises:
        DatasetError: MISSING_COLUMN, BAD_LABEL, BAD_SPLIT or DUPLICATE_ID.
    """
    optional = INTERVAL_COLUMNS if set(INTERVAL_COLUMNS) & set(table.columns) else ()
    checked = _check(table, PREDICTION_COLUMNS + optional, _CLIP_KEY, where)
    if optional and bool((checked["low"] > checked["high"]).any()):
        raise DatasetError("BAD_LABEL", "an interval ends before it begins", "low must not be above high", where=where)
    return checked


def check_truth(table: pd.DataFrame, *, where: str = "truth") -> pd.DataFrame:
    """A copy of a truth table with the right types, refused if any row is wrong.

    Raises:
        DatasetError: MISSING_COLUMN, BAD_LABEL, BAD_SPLIT or DUPLICATE_ID.
    """
    return _check(table, TRUTH_COLUMNS, _STUDY_KEY, where)


def aggregate(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a study and quantity: the mean over its clips, their number (``clips``) and their SD (``spread``).

    Intervals are averaged end by end, which is right where their width is the same for every clip (split conformal
    prediction) or where there is one row a study. Rows come sorted by study: nothing later depends on their order.
    """
    checked = check_predictions(predictions)
    groups = checked.groupby(["study", "patient", "split", "quantity"], sort=True)["value"]
    table = groups.agg(value="mean", clips="size", spread="std").fillna({"spread": 0.0}).reset_index()
    if "low" in checked.columns:
        ends = checked.groupby(_STUDY_KEY, sort=True)[["low", "high"]].mean().reset_index()
        table = table.merge(ends, on=_STUDY_KEY, validate="one_to_one")
    return table


def pair(predictions: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Study by study what was predicted beside what is true, for the quantities that both tables have.

    Columns ``study patient split quantity clips predicted true`` and ``low high`` where the predictions carry them.

    Raises:
        DatasetError: BAD_LABEL where a predicted study has no truth; BAD_SPLIT where the tables put a study into
            different splits or with different patients.
    """
    predicted, known = aggregate(predictions), check_truth(truth)
    predicted = predicted[predicted["quantity"].isin(known["quantity"])]
    if predicted.empty:
        raise DatasetError("BAD_LABEL", "no predicted quantity has a true value", where="predictions")
    pairs = predicted.merge(
        known, on=_STUDY_KEY, how="left", suffixes=("", "_true"), validate="one_to_one", indicator=True
    )
    unknown = int((pairs["_merge"] != "both").sum())
    if unknown:
        raise DatasetError(
            "BAD_LABEL", f"{unknown} predicted value(s) belong to studies without a true value", where="truth"
        )
    for column in ("split", "patient"):
        differing = int((pairs[column] != pairs[f"{column}_true"]).sum())
        if differing:
            raise DatasetError(
                "BAD_SPLIT", f"{differing} row(s) have another {column} in the truth", where="predictions"
            )
    columns = [*PAIR_COLUMNS, *(name for name in INTERVAL_COLUMNS if name in pairs.columns)]
    return pairs.rename(columns={"value": "predicted", "value_true": "true"})[columns]


def _read(path: Path, required: Sequence[str], optional: Sequence[str]) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DatasetError("MISSING_FILE", "there is no such table", where=path.name) from error
    except UnicodeDecodeError as error:
        raise DatasetError("ENCODING", "this is not UTF-8 text", "save the table as UTF-8", where=path.name) from error
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise DatasetError("ENCODING", f"this is not CSV ({error})", where=path.name) from error
    header = rows[0] if rows else []
    _check_header(header, required, optional, path.name)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            what = f"row {number} has {len(row)} fields, the header has {len(header)}"
            raise DatasetError("MISSING_COLUMN", what, where=path.name)
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def _check_header(header: Sequence[str], required: Sequence[str], optional: Sequence[str], where: str) -> None:
    missing = [name for name in required if name not in header]
    strange = [name for name in header if name not in (*required, *optional)]
    if missing:
        raise DatasetError(
            "MISSING_COLUMN", f"{', '.join(missing)} is missing", f"have {', '.join(required)}", where=where
        )
    if strange or len(set(header)) != len(header):
        what = f"the columns {', '.join(header)} are not those of this table"
        raise DatasetError("MISSING_COLUMN", what, f"have {', '.join(required)}", where=where)


def _check(table: pd.DataFrame, columns: Sequence[str], key: list[str], where: str) -> pd.DataFrame:
    _check_header([str(name) for name in table.columns], columns, (), where)
    checked = table[list(columns)].reset_index(drop=True)
    for name in columns:
        if name in _TEXT:
            checked[name] = _text(checked[name], name, where)
        elif name in _WHOLE:
            checked[name] = _whole(checked[name], name, where)
        else:
            checked[name] = _numbers(checked[name], name, where)
    if not checked["quantity"].map(is_quantity).all():
        raise DatasetError("BAD_LABEL", "a quantity is not a plain name", "name it like ef or edv_ml", where=where)
    if not checked["split"].isin(SPLITS).all():
        raise DatasetError("BAD_SPLIT", "a split is none of train, validation, test", where=where)
    repeated = int(checked.duplicated(key).sum())
    if repeated:
        raise DatasetError("DUPLICATE_ID", f"{repeated} row(s) repeat an earlier {' + '.join(key)}", where=where)
    _check_owners(checked, where)
    return checked


def _check_owners(table: pd.DataFrame, where: str) -> None:
    owners = table.groupby("study")[["patient", "split"]].nunique()
    for column in ("patient", "split"):
        several = int((owners[column] > 1).sum())
        if several:
            raise DatasetError("BAD_SPLIT", f"{several} study(ies) have more than one {column}", where=where)


def _text(column: pd.Series[Any], name: str, where: str) -> pd.Series[str]:
    if not all(isinstance(value, str) and value for value in column):
        raise DatasetError("BAD_LABEL", f"{name} must be text and not empty", "keep ids as text", where=where)
    if any(_CONTROL.search(value) for value in column):
        raise DatasetError("BAD_LABEL", f"{name} holds control characters", "write plain text", where=where)
    return column.astype(object)


def _numbers(column: pd.Series[Any], name: str, where: str) -> pd.Series[float]:
    try:
        values = np.asarray([float(value) for value in column], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError("BAD_LABEL", f"{name} holds something that is not a number", where=where) from error
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DatasetError("BAD_LABEL", f"{name} holds {bad} value(s) that are not finite", where=where)
    return pd.Series(values, index=column.index, name=name)


def _whole(column: pd.Series[Any], name: str, where: str) -> pd.Series[int]:
    values = _numbers(column, name, where)
    if bool((values != values.round()).any()):
        raise DatasetError("BAD_LABEL", f"{name} holds a number that is not whole", where=where)
    return values.astype(np.int64)
