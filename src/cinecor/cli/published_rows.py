"""The rows of a benchmark with what their paper published, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cinecor.training.published import PublishedPart
    from cinecor.training.recipe_fields import Recipe

_VALUES = {"rmse": "RMSE", "mae": "MAE", "r2": "R²"}
_DECISIONS = {"accuracy": "accuracy", "validation_accuracy": "validation", "train_accuracy": "training", "f1": "F1"}
_DECISIONS |= {"macro_f1": "mean F1", "ensemble_accuracy": "ensemble"}
_OUTLINES = {"cross_entropy": "cross-entropy"}
_OTHERS = (
    *("pearson", "sensitivity", "specificity", "precision", "f1", "accuracy"),
    *("macro_precision", "macro_recall", "macro_f1", "cross_entropy"),
    *("accuracy_error", "train_accuracy", "validation_accuracy", "epoch_seconds", "labels_per_class"),
    *("ensemble_accuracy", "ensemble_accuracy_error", "ensemble_f1"),
    *("ensemble_sensitivity", "ensemble_specificity"),
)


def list_published(rows: Mapping[str, Recipe]) -> str:
    """A line for each row of a paper: number, name, kind of network, figures, tables; what has no column stands below.

    There are columns of errors where any row has one, else of decisions, else of outlines; of these those that any row
    has.
    """
    known = {name: recipe.published for name, recipe in rows.items() if recipe.published is not None}
    columns = _shown(list(known.values()))
    headings = ("row", "name", "family", "variant", *columns.values(), "tables")
    cells = [(_cells(name, found, columns), found) for name, found in known.items()]
    widths = [max(map(len, texts)) for texts in zip(headings, *(each for each, _ in cells), strict=True)]
    left = (1, 2, 3, len(headings) - 1)
    lines = [_line(headings, widths, left)]
    for each, found in cells:
        lines.append(_line(each, widths, left))
        lines += [f"     {text}" for text in (*_below(found, columns), found.note) if text]
    return "\n".join(lines)


def _shown(found: Sequence[PublishedPart]) -> dict[str, str]:
    """Heading of each figure that has a column."""
    for headings in (_VALUES, _DECISIONS, _OUTLINES):
        columns = {
            name: text for name, text in headings.items() if any(getattr(each, name) is not None for each in found)
        }
        if columns:
            return columns
    return {}


def _cells(name: str, found: PublishedPart, columns: Mapping[str, str]) -> tuple[str, ...]:
    figures = (_figure(getattr(found, figure), ".2f" if figure in _VALUES else ".6g") for figure in columns)
    return (str(found.row), name, found.family, found.variant, *figures, ", ".join(map(str, found.tables)))


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[int]) -> str:
    put = (
        text.ljust(width) if place in left else text.rjust(width)
        for place, (text, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(put).rstrip()


def _below(found: PublishedPart, columns: Mapping[str, str]) -> list[str]:
    """Published figures that have no column."""
    own = {name: value for name in _OTHERS if name not in columns and (value := getattr(found, name)) is not None}
    return [
        f"{group}: ".removeprefix(": ") + ", ".join(f"{name} {value:g}" for name, value in figures.items())
        for group, figures in ({"": own} | found.groups | found.classes).items()
        if figures
    ]


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
