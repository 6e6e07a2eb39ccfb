"""Each table of a paper with ours beside it, figure by figure: what its rows published decides which columns there are.

Of networks that decide; one of a single value has its own table (``comparison_report``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.paired import Kind
from cinecor.evaluation.sheets import Sheet

Row = Mapping[str, Any]

_ALWAYS: Mapping[Kind, tuple[str, ...]] = {
    "values": (),
    "yes_or_no": ("accuracy", "f1", "sensitivity", "specificity"),
    "classes": ("accuracy",),
}
_ORDER = (
    *("train_accuracy", "validation_accuracy", "accuracy", "clip_accuracy"),
    *("precision", "sensitivity", "specificity", "f1"),
    *("macro_precision", "macro_recall", "macro_f1", "epoch_seconds", "parameters"),
)
_WORDS = {
    "train_accuracy": "accuracy while learning",
    "validation_accuracy": "validation accuracy",
    "accuracy": "test accuracy",
    "clip_accuracy": "of single clips",
    "f1": "F1",
    "macro_precision": "mean precision",
    "macro_recall": "mean recall",
    "macro_f1": "mean F1",
    "epoch_seconds": "seconds an epoch",
}
_SHARES = {*_ORDER} - {"f1", "macro_f1", "epoch_seconds", "parameters"}
"""Printed in percent, as papers do; F1 is no share of anything."""
_OURS = {"train_accuracy": "epoch_train_accuracy", "validation_accuracy": "validation_accuracy"}
_OURS |= {name: name for name in ("clip_accuracy", "epoch_seconds", "parameters")}
"""Column of ours where it is not ``test_`` the figure."""
_SETTINGS = {"size": "size, pixels", "labels_per_class": "labels a class"}
_COLUMNS = (
    *("table", "name", "family", "variant", "seeds", "of", "height", "width", "labels_per_class"),
    *("figure", "ours", "sd", "low", "high", "published", "published_error"),
)
EACH, TOGETHER = "each network", "their mean"


def tabulate_published(comparison: Comparison, tables: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """A row for each figure of each model in each table: ours, where it lies, and what was published.

    Columns ``table name family variant seeds of height width labels_per_class figure ours sd low high published
    published_error``. ``of`` is ``EACH``, the mean over the seeds of each network's figure, or ``TOGETHER``, the figure
    of the networks' mean probability, where there are several or a paper has it.
    """
    models = {str(row["name"]): row for row in _records(comparison.models)}
    found: list[dict[str, Any]] = []
    for title, names in tables.items():
        rows = [models[name] for name in names if name in models]
        for row in rows:
            for figure in _figures(rows, comparison.kind):
                found += [{"table": title, **_head(row), **cell} for cell in _cells(row, figure)]
    return pd.DataFrame(found, columns=list(_COLUMNS))


def published_sheets(comparison: Comparison, tables: Mapping[str, Sequence[str]]) -> list[Sheet]:
    """The same as it is printed, a sheet for each table that has a row."""
    every = tabulate_published(comparison, tables)
    level = f"{100 * comparison.drawing.level:g} %"
    return [_sheet(str(title), each, level) for title, each in every.groupby("table", sort=False)]


def _figures(rows: Sequence[Row], kind: Kind) -> list[str]:
    """Those that any of the rows published, those that are always said, and what belongs to them."""
    known = {name for name in _ORDER for row in rows if _published(row, name) is not None}
    shown = {*_ALWAYS[kind], *known}
    if any(row.get("clip_accuracy") is not None for row in rows):
        shown.add("clip_accuracy")
    if "epoch_seconds" in shown and any(row.get("parameters") is not None for row in rows):
        shown.add("parameters")
    return [name for name in _ORDER if name in shown]


def _published(row: Row, figure: str) -> float | None:
    value = row.get(f"published_{figure}")
    return row.get(f"published_ensemble_{figure}") if value is None else value


def _head(row: Row) -> dict[str, Any]:
    names = ("name", "family", "variant", "seeds", "height", "width", "labels_per_class")
    return {name: row.get(name) for name in names}


def _cells(row: Row, figure: str) -> Iterable[dict[str, Any]]:
    ours = _OURS.get(figure, f"test_{figure}")
    yield {
        "of": EACH,
        "figure": figure,
        "ours": row.get(ours),
        **{end: row.get(f"{ours}_{end}") for end in ("sd", "low", "high")},
        "published": row.get(f"published_{figure}"),
        "published_error": row.get(f"published_{_erring(figure, row)}_error"),
    }
    if not _has_mean(row):
        return
    together = f"ensemble_{figure}"
    ours_too = row["seeds"] > 1
    yield {
        "of": TOGETHER,
        "figure": figure,
        "ours": row.get(together) if ours_too else None,
        **{end: row.get(f"{together}_{end}") if ours_too else None for end in ("low", "high")},
        "published": row.get(f"published_{together}"),
        "published_error": row.get(f"published_{together}_error"),
    }


def _erring(figure: str, row: Row) -> str:
    """``accuracy`` where a paper's ± is of this figure: of the validation split where it gives no other."""
    leading = "accuracy" if row.get("published_accuracy") is not None else "validation_accuracy"
    return "accuracy" if figure == leading else ""


def _has_mean(row: Row) -> bool:
    return row["seeds"] > 1 or any(row.get(f"published_ensemble_{name}") is not None for name in _ORDER)


def _sheet(title: str, rows: pd.DataFrame, level: str) -> Sheet:
    figures = list(dict.fromkeys(rows["figure"]))
    settings = _settings(rows)
    has_theirs = {name for name in figures if rows.loc[rows["figure"] == name, "published"].notna().any()}
    headings = ["model", "variant", *(_SETTINGS[name] for name in settings), "of"]
    left = [0, 1, len(headings) - 1]
    for name in figures:
        headings += [_heading(name), *(["published"] if name in has_theirs else [])]
    body = [
        _line(dict(zip(each["figure"], _records(each), strict=True)), settings, has_theirs)
        for _, each in rows.groupby(["name", "of"], sort=False)
    ]
    note = (
        f"In brackets {level} intervals over patients, after ± the standard deviation over seeds, or what the paper has"
        " there. Accuracy while learning is of the epoch that was kept, of clips as they were varied, with dropout."
    )
    return Sheet(
        title=f"{title}, ours beside the paper's", headings=tuple(headings), left=tuple(left), rows=body, note=note
    )


def _heading(name: str) -> str:
    return _WORDS.get(name, name) + (", %" if name in _SHARES else "")


def _settings(rows: pd.DataFrame) -> list[str]:
    """What the rows of a table differ in."""
    sizes = rows[["height", "width"]].dropna().drop_duplicates()
    labels = rows["labels_per_class"].dropna()
    return [*(["size"] if len(sizes) > 1 else []), *(["labels_per_class"] if labels.nunique() > 1 else [])]


def _line(cells: Mapping[str, Row], settings: Sequence[str], has_theirs: set[str]) -> tuple[str, ...]:
    row = next(iter(cells.values()))
    variant = ", ".join(text for text in (row["family"], row["variant"]) if text)
    said = [str(row["name"]), variant, *(_setting(row, name) for name in settings), _networks(row)]
    for name, cell in cells.items():
        said += [_ours(cell, name), *([_theirs(cell, name)] if name in has_theirs else [])]
    return tuple(said)


def _setting(row: Row, name: str) -> str:
    if name == "size":
        return "–" if row["height"] is None else f"{row['height']:.0f} × {row['width']:.0f}"
    return "–" if row[name] is None else f"{row[name]:,.4g}"


def _networks(row: Row) -> str:
    seeds = int(row["seeds"])
    if row["of"] == TOGETHER:
        return f"mean of {seeds}" if seeds > 1 else "mean of several"
    return {0: "none trained", 1: "1 network"}.get(seeds, f"each of {seeds}")


def _ours(cell: Row, name: str) -> str:
    if cell["ours"] is None:
        return "–"
    said = _number(cell["ours"], name)
    if cell["sd"] is not None:
        said += f" ± {_number(cell['sd'], name)}"
    return said if cell["low"] is None else f"{said} ({_number(cell['low'], name)} to {_number(cell['high'], name)})"


def _number(value: float, name: str) -> str:
    if name in _SHARES:
        return f"{100 * value:.1f}"
    if name == "parameters":
        return f"{value:,.0f}"
    return f"{value:,.1f}" if name == "epoch_seconds" else f"{value:.3f}"


def _theirs(cell: Row, name: str) -> str:
    """As it was published, to its own digits."""
    if cell["published"] is None:
        return "–"
    factor = 100 if name in _SHARES else 1
    error = "" if cell["published_error"] is None else f" ± {factor * cell['published_error']:.3g}"
    return f"{factor * cell['published']:.6g}{error}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is not there."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
