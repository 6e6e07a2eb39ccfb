"""Diagnoses as files: diagnosis.csv, .md and .html, importances.csv, agreement.csv and two pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from cinecor import storage
from cinecor.evaluation.diagnosis import Judged, compare_figures
from cinecor.evaluation.diagnosis_figures import agreements, importances
from cinecor.evaluation.estimate import Estimate
from cinecor.evaluation.figures import to_svg
from cinecor.evaluation.sheets import Sheet
from cinecor.records import NOT_FOR_CLINICAL_USE
from cinecor.version import __version__

PAGE, TABLE, TEXT = "diagnosis.html", "diagnosis.csv", "diagnosis.md"
IMPORTANCES, AGREEMENT = "importances.csv", "agreement.csv"
COMPARED = {"ef": "%", "edv_ml": "mL", "esv_ml": "mL", "rvef": "%", "rv_edv_ml": "mL", "lv_mass_g": "g"}
"""Figures of predicted masks that are compared with experts', and their units."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """All that is said of a cohort's diagnoses."""

    ways: Mapping[str, Judged]
    """Ways to diagnose, by name; the first is the one of the figures of the heart."""
    chosen: Sequence[tuple[str, ...]]
    """Fold, what was chosen, its temperature, log loss and accuracy in the inner cross-validation."""
    importances: pd.DataFrame
    """``figure permutation impurity``."""
    families: pd.DataFrame
    """``family permutation``: of figures of one kind, shuffled together."""
    predicted: pd.DataFrame
    """``patient`` and figures of the masks that were diagnosed."""
    expert: pd.DataFrame | None = None
    """The same of experts' masks, where they are others."""
    overlap: pd.DataFrame | None = None
    """``phase structure patients dice low high hausdorff95_mm``."""
    warnings: Sequence[str] = field(default_factory=tuple)


def write_account(folder: Path, account: Account, *, title: str, facts: str, synthetic: bool = False) -> Path:
    """Write all of it, each file whole or not at all.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    first = next(iter(account.ways.values()))
    _write_table(folder / TABLE, first.table)
    for name, judged in list(account.ways.items())[1:]:
        _write_table(folder / f"diagnosis-{re.sub(r'[^a-z]+', '-', name.lower())}.csv", judged.table)
    _write_table(folder / IMPORTANCES, account.importances)
    pictures = {"What the diagnosis rests on": to_svg(importances(account.importances))}
    agreement = None
    if account.expert is not None:
        agreement = compare_figures(account.predicted, account.expert, COMPARED)
        _write_table(folder / AGREEMENT, agreement)
        drawn = agreements(account.predicted, account.expert, COMPARED)
        pictures |= {} if drawn is None else {"Figures of predicted masks against experts'": to_svg(drawn)}
    for number, svg in enumerate(pictures.values()):
        storage.write_text(folder / ("importances.svg" if number == 0 else "agreement.svg"), svg)
    sheets = [*_sheets(account), *([] if agreement is None else [_agreement_sheet(agreement)])]
    words: dict[str, Any] = {"title": title, "facts": facts, "synthetic": synthetic, "warnings": list(account.warnings)}
    storage.write_text(folder / TEXT, to_markdown(sheets, **words))
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("diagnosis.html").render(
        **words, sheets=sheets, figures=pictures, use=NOT_FOR_CLINICAL_USE, version=__version__
    )
    storage.write_text(folder / PAGE, page)
    return folder / PAGE


def to_markdown(sheets: Sequence[Sheet], title: str, facts: str, warnings: Sequence[str], *, synthetic: bool) -> str:
    """The tables as Markdown."""
    lines = [f"# {_cell(title)}", "", _cell(facts) + (" **Numbers from synthetic hearts.**" if synthetic else ""), ""]
    lines += [f"* {_cell(text)}" for text in warnings] + ([""] if warnings else [])
    for sheet in sheets:
        rule = ["---" if place in sheet.left else "--:" for place in range(len(sheet.headings))]
        head, *body = [f"| {' | '.join(map(_cell, row))} |" for row in (sheet.headings, *sheet.rows)]
        note = [_cell(sheet.note), ""] if sheet.note else []
        lines += [f"## {_cell(sheet.title)}", "", *note, head, f"|{'|'.join(rule)}|", *body, ""]
    return "\n".join(lines)


def _sheets(account: Account) -> list[Sheet]:
    first = next(iter(account.ways.values()))
    found = [_ways_sheet(account.ways), _groups_sheet(first)]
    found += [_confusion_sheet(judged, name) for name, judged in account.ways.items()]
    headings = ("outer fold", "chosen", "temperature", "inner log loss", "inner accuracy")
    note = "Each by a cross-validation among the patients of the other folds."
    found.append(Sheet(title="What was chosen", headings=headings, left=(0, 1), rows=list(account.chosen), note=note))
    wrong = first.table[first.table["group"] != first.table["predicted"]]
    columns = ("patient", "group", "predicted", *(f"p_{group}" for group in first.groups))
    rows = [tuple(_plain(row[name]) for name in columns) for row in wrong.to_dict("records")]
    found.append(Sheet(title="Wrong diagnoses", headings=columns, left=(0, 1, 2), rows=rows))
    if account.overlap is not None:
        found.append(_frame_sheet("Masks against experts'", account.overlap, left=2))
    found.append(_frame_sheet("Kinds of figures", account.families, left=1, note=_SHUFFLED))
    found.append(_frame_sheet("Single figures", account.importances, left=1, note=_SHUFFLED))
    return found


_SHUFFLED = (
    "Permutation: log loss added on patients that the classifier did not learn from, when the figure is shuffled among"
    " them. Figures that say the same share their importance; kinds are shuffled together."
)


def _ways_sheet(ways: Mapping[str, Judged]) -> Sheet:
    rows = [
        (
            name,
            str(len(judged.table)),
            _estimate(judged.accuracy),
            *(
                _estimate(judged.recognised.figure(figure))
                for figure in ("macro_f1", "macro_precision", "macro_recall", "macro_auroc")
            ),
            *(f"{value:.3f}" for value in (judged.log_loss, judged.brier, judged.calibration_error)),
        )
        for name, judged in ways.items()
    ]
    headings = (
        *("way", "patients", "accuracy", "F1", "precision", "recall", "AUROC"),
        *("log loss", "Brier", "calibration error"),
    )
    note = (
        "Of every patient by a classifier that has learned from others alone (the weights of both ways together from"
        " others' probabilities); 95 % intervals: accuracy Wilson's, the others by drawing patients."
    )
    return Sheet(title="Diagnosis", headings=headings, left=(0,), rows=rows, note=note)


def _groups_sheet(judged: Judged) -> Sheet:
    rows = [
        (each.name, str(each.count), *(_estimate(each.figure(name)) for name in ("precision", "recall", "f1", "auroc")))
        for each in judged.recognised.classes
    ]
    headings = ("group", "patients", "precision", "recall", "F1", "AUROC")
    return Sheet(title="By group", headings=headings, left=(0,), rows=rows)


def _confusion_sheet(judged: Judged, way: str) -> Sheet:
    rows = [
        (group, *map(str, counts)) for group, counts in zip(judged.groups, judged.recognised.confusion, strict=True)
    ]
    note = "True group down, predicted across."
    return Sheet(title=f"Confusion, {way}", headings=("", *judged.groups), left=(0,), rows=rows, note=note)


def _agreement_sheet(agreement: pd.DataFrame) -> Sheet:
    return _frame_sheet("Predicted masks against experts'", agreement, left=2)


def _frame_sheet(title: str, frame: pd.DataFrame, *, left: int, note: str = "") -> Sheet:
    rows = [tuple(_plain(value) for value in row) for row in frame.itertuples(index=False, name=None)]
    headings = tuple(str(name).replace("_", " ") for name in frame.columns)
    return Sheet(title=title, headings=headings, left=tuple(range(left)), rows=rows, note=note)


def _estimate(found: Estimate) -> str:
    if found.value is None:
        return "–"
    return f"{found.value:.3f}" + ("" if found.low is None else f" ({found.low:.3f} to {found.high:.3f})")


def _plain(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    storage.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def _cell(text: str) -> str:
    """One line that ends no cell and opens no tag."""
    return re.sub(r"([\\|`*])", r"\\\1", " ".join(str(text).split())).replace("<", "&lt;")
