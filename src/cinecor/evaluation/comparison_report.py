"""A comparison as files: comparison.csv, .md and .html, pairs.csv, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from cinecor import storage
from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.comparison_figures import draw_all
from cinecor.evaluation.figures import to_svg
from cinecor.records import NOT_FOR_CLINICAL_USE
from cinecor.version import __version__

PAGE, TABLE, TEXT, PAIRS = "comparison.html", "comparison.csv", "comparison.md", "pairs.csv"
_HEAD = ("model", "variant", "seeds", "RMSE", "MAE", "R²", "95 % interval of RMSE", "published RMSE", "MAE", "R²", "")


def write_comparison(
    folder: Path,
    comparison: Comparison,
    *,
    title: str,
    tables: Mapping[str, Sequence[str]] | None = None,
    synthetic: bool = False,
    facts: str = "",
) -> Path:
    """Write all of it, each file whole or not at all.

    Args:
        folder: made where it does not exist.
        comparison: of ``compare``.
        title: of the page.
        tables: names of models by heading, for a page that has the paper's tables one by one; None: one table.
        synthetic: whether the hearts were simulated; the page then says so.
        facts: one line on the data.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    figures = {name: to_svg(figure) for name, figure in draw_all(comparison)}
    for name, svg in figures.items():
        storage.write_text(folder / f"{name}.svg", svg)
    grouped = _group(comparison, tables or {"All models": list(comparison.models["name"])})
    storage.write_text(folder / TABLE, comparison.models.to_csv(index=False, lineterminator="\n"))
    storage.write_text(folder / PAIRS, comparison.pairs.to_csv(index=False, lineterminator="\n"))
    storage.write_text(folder / TEXT, _markdown(comparison, grouped, title, facts, synthetic))
    storage.write_text(folder / PAGE, _page(comparison, grouped, figures, title, facts, synthetic))
    return folder / PAGE


def _group(comparison: Comparison, tables: Mapping[str, Sequence[str]]) -> list[tuple[str, list[dict[str, Any]]]]:
    rows = {row["name"]: row for row in _records(comparison.models)}
    grouped = [(heading, [rows[name] for name in names if name in rows]) for heading, names in tables.items()]
    return [(heading, found) for heading, found in grouped if found]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is not there."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _page(
    comparison: Comparison,
    grouped: list[tuple[str, list[dict[str, Any]]]],
    figures: Mapping[str, str],
    title: str,
    facts: str,
    synthetic: bool,
) -> str:
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("comparison.html").render(
        title=title,
        facts=facts,
        synthetic=synthetic,
        tables=grouped,
        costs=[row for row in _records(comparison.models) if row.get("parameters") is not None],
        pairs=_records(comparison.pairs),
        failures=_records(comparison.failures),
        figures=[(name.replace("-", " ").capitalize(), svg) for name, svg in figures.items()],
        use=NOT_FOR_CLINICAL_USE,
        version=__version__,
    )


def _markdown(
    comparison: Comparison,
    grouped: list[tuple[str, list[dict[str, Any]]]],
    title: str,
    facts: str,
    synthetic: bool,
) -> str:
    lines = [f"# {title}", "", facts + (" **Numbers from synthetic hearts.**" if synthetic else ""), ""]
    for heading, rows in grouped:
        lines += [
            f"## {heading}",
            "",
            f"| {' | '.join(_HEAD)} |",
            "|---|---|" + "--:|" * 4 + "---|" + "--:|" * 3 + "---|",
        ]
        lines += [f"| {' | '.join(_cells(row))} |" for row in rows] + [""]
    failed = [f"* {row['name']}, seed {row['seed']}: {row['reason']}" for row in _records(comparison.failures)]
    return "\n".join([*lines, *(["## Trainings that failed", "", *failed, ""] if failed else [])])


def _cells(row: Mapping[str, Any]) -> list[str]:
    ours = [_spread(row, f"test_{name}") for name in ("rmse", "mae", "r2")]
    low, high = row.get("ensemble_rmse_low"), row.get("ensemble_rmse_high")
    theirs = [_number(row[f"published_{name}"]) for name in ("rmse", "mae", "r2")]
    remark = "collapsed" if row.get("collapsed") is True else ("" if row["seeds"] else "failed")
    interval = f"{_number(low)} to {_number(high)}"
    return [row["name"], f"{row['family']}, {row['variant']}", str(row["seeds"]), *ours, interval, *theirs, remark]


def _spread(row: Mapping[str, Any], name: str) -> str:
    deviation = row.get(f"{name}_sd")
    return _number(row.get(name)) + ("" if deviation is None else f" ± {deviation:.2f}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
