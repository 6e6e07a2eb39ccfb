"""A comparison as files: comparison.csv, .md and .html, pairs.csv, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from cinecor import storage
from cinecor.evaluation.case_words import case_word, count
from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.comparison_classes import tabulate_classes, tabulate_confusion
from cinecor.evaluation.comparison_figures import draw_all
from cinecor.evaluation.comparison_published import published_sheets, tabulate_published
from cinecor.evaluation.comparison_studies import draw_studies
from cinecor.evaluation.figures import to_png, to_svg
from cinecor.evaluation.groups import by_group
from cinecor.evaluation.quantities import label, unit
from cinecor.evaluation.sheets import Sheet, as_markdown, escape, without_empty
from cinecor.records import NOT_FOR_CLINICAL_USE
from cinecor.version import __version__

PAGE, TABLE, TEXT, PAIRS = "comparison.html", "comparison.csv", "comparison.md", "pairs.csv"
GROUPS = "groups.csv"
PUBLISHED, CLASSES, CONFUSION = "published.csv", "class_accuracy.csv", "confusion.csv"
OTHERS = "Other models"
"""Heading of the models that no table names."""

_DIGITS = {"rmse": 2, "mae": 2}
"""Of figures in the target's unit; all others lie between -1 and 1 and have three."""
_WORDS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "pearson": "r", "auroc": "AUROC", "f1": "F1"}
_WORDS |= {"macro_f1": "mean F1", "macro_precision": "mean precision", "macro_recall": "mean recall"}
_TITLES = {
    "predicted-versus-true": "Predicted against true",
    "bland-altman": "Bland–Altman",
    "learning-curves": "Learning curves",
    "generalisation-gap": "From training to test: the gap",
    "performance-against-gap": "Performance and generalisation",
    "accuracy-curves": "Accuracy, epoch by epoch",
    "resolution": "Accuracy and time against resolution",
    "label-efficiency": "Accuracy against the number of labels",
    "class-accuracy": "Accuracy class by class",
    "confusion": "Confusion matrix",
    "samples": "What the generators make, epoch by epoch",
}
_COSTS = {
    "parameters": ("parameters", 1.0, 0),
    "flops": ("GFLOP a clip", 1e-9, 2),
    "train_ms_per_clip": ("training, ms a clip", 1.0, 1),
    "inference_ms_per_clip": ("inference, ms a clip", 1.0, 1),
    "peak_mb": ("memory, MB", 1.0, 0),
    "train_seconds": ("whole training, s", 1.0, 0),
    "epoch_seconds": ("an epoch, s", 1.0, 1),
}
"""Heading, factor and digits of each cost that is printed."""
_CASES: Mapping[str, str] = {"study": "studies", "loop": "loops", "frame": "frames", "masked": "frames"}

Row = Mapping[str, Any]


def write_comparison(
    folder: Path,
    comparison: Comparison,
    *,
    title: str,
    tables: Mapping[str, Sequence[str]] | None = None,
    synthetic: bool = False,
    facts: str = "",
    groups: Mapping[str, str] | None = None,
) -> Path:
    """Write all of it, each file whole or not at all.

    Args:
        folder: made where it does not exist; earlier files of the same names are replaced.
        comparison: of ``compare``.
        title: of the page.
        tables: names of models by heading, for a page that has the paper's tables one by one; a model may stand in
            several. Those that stand in none follow under a heading of their own, those that were not run are named.
            None: one table.
        synthetic: whether the hearts were simulated; the page then says so.
        facts: one line on the data.
        groups: of the studies (image quality), for a table of each model within each group, and groups.csv.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    figures = _write_figures(folder, comparison)
    sheets, missing = _sheets(comparison, tables)
    if comparison.binary:
        sheets = published_sheets(comparison, tables or {}) + sheets
        for name, found in _decision_tables(comparison, tables or {}).items():
            storage.write_text(folder / name, found.to_csv(index=False, lineterminator="\n"))
    grouped = by_group(comparison, groups or {})
    if len(grouped):
        storage.write_text(folder / GROUPS, grouped.to_csv(index=False, lineterminator="\n"))
        sheets.insert(len(sheets) - 1, _group_sheet(grouped, comparison))
    storage.write_text(folder / TABLE, comparison.models.to_csv(index=False, lineterminator="\n"))
    storage.write_text(folder / PAIRS, comparison.pairs.to_csv(index=False, lineterminator="\n"))
    words = {"title": title, "facts": _facts(comparison, facts), "synthetic": synthetic, "missing": missing}
    storage.write_text(folder / TEXT, _markdown(comparison, sheets, words))
    storage.write_text(folder / PAGE, _page(comparison, sheets, words, figures))
    return folder / PAGE


def _write_figures(folder: Path, comparison: Comparison) -> dict[str, str]:
    """Each as SVG, for the page too; those of what a paper studied as PNG besides. Returns the SVG by name."""
    figures: dict[str, str] = {}
    for name, figure in draw_studies(comparison):
        figures[name] = to_svg(figure)
        storage.write_bytes(folder / f"{name}.png", to_png(figure))
    figures |= {name: to_svg(figure) for name, figure in draw_all(comparison)}
    for name, svg in figures.items():
        storage.write_text(folder / f"{name}.svg", svg)
    return figures


def _decision_tables(comparison: Comparison, tables: Mapping[str, Sequence[str]]) -> dict[str, pd.DataFrame]:
    found = {
        PUBLISHED: tabulate_published(comparison, tables),
        CLASSES: tabulate_classes(comparison),
        CONFUSION: tabulate_confusion(comparison),
    }
    return {name: table for name, table in found.items() if len(table)}


def _sheets(comparison: Comparison, tables: Mapping[str, Sequence[str]] | None) -> tuple[list[Sheet], list[str]]:
    """Every table but the pairs, and the names that tables ask for and nobody ran."""
    rows = {str(row["name"]): row for row in _records(comparison.models)}
    asked = _asked(list(rows), tables)
    found = {title: [rows[name] for name in names if name in rows] for title, names in asked.items()}
    level = f"{100 * comparison.drawing.level:g} %"
    more = ", all figures" if comparison.binary else ""  # what was published stands in a table of its own
    sheets = [_test_sheet(title + more, each, level, comparison.figures) for title, each in found.items() if each]
    sheets += _sheets_of_done([row for row in rows.values() if row["seeds"]], comparison.figures)
    missing = list(dict.fromkeys(name for names in asked.values() for name in names if name not in rows))
    return sheets, missing


def _asked(run: Sequence[str], tables: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    """Names of models by heading; those that stand in no table under a heading of their own."""
    if tables is None:
        return {"All models": list(run)}
    named = {name for names in tables.values() for name in names}
    rest = [name for name in run if name not in named]
    return {title: list(names) for title, names in tables.items()} | ({OTHERS: rest} if rest else {})


def _sheets_of_done(done: Sequence[Row], names: Sequence[str]) -> list[Sheet]:
    """What there is to say of trainings that ended well: from training to test, costs where they were measured."""
    if not done:
        return []
    costly = any(row[name] is not None for row in done for name in _COSTS)
    return [_split_sheet(done, names), *([_cost_sheet(done)] if costly else [])]


def _test_sheet(title: str, rows: Sequence[Row], level: str, names: Sequence[str]) -> Sheet:
    figures = tuple(_word(name) for name in names)
    published = [f"{whose} {figure}" for whose in ("published", "ours − published") for figure in figures]
    together = f"{figures[0]} of the seeds' mean ({level} interval)"
    headings = ("model", "variant", "seeds", *figures, together, *published, "")
    last = len(headings) - 1
    left, cells = (0, 1, 3 + len(names), last), [_test_cells(row, names) for row in rows]
    return without_empty(Sheet(title=title, headings=headings, left=left, rows=cells), keep=(0, 1, 2, last))


def _test_cells(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    ours = [_spread(row, f"test_{name}", _digits(name)) for name in names]
    theirs = [_number(row[f"published_{name}"], _digits(name)) for name in names]
    apart = [_number(row[f"difference_{name}"], _digits(name), sign="+") for name in names]
    lead = f"ensemble_{names[0]}"
    interval = _interval(row[f"{lead}_low"], row[f"{lead}_high"])
    together = "–" if row[lead] is None else f"{row[lead]:.2f} ({interval})"
    if row.get(f"published_{lead}") is not None:
        together += f"; published {_number(row[f'published_{lead}'], _digits(names[0]))}"
    variant = ", ".join(text for text in (row["family"], row["variant"]) if text)
    return (row["name"], variant, str(row["seeds"]), *ours, together, *theirs, *apart, _remark(row))


def _remark(row: Row) -> str:
    """What must not be overlooked."""
    remarks = [row["warning"]] if row["warning"] else []
    if row["failed"]:
        remarks.append(f"{row['failed']} of {row['seeds'] + row['failed']} failed" if row["seeds"] else "failed")
    if row["collapsed_seeds"]:
        remarks.append("collapsed" if row["collapsed"] else f"{row['collapsed_seeds']} of {row['seeds']} collapsed")
    return ", ".join(remarks)


def _group_sheet(grouped: pd.DataFrame, comparison: Comparison) -> Sheet:
    names, level = comparison.figures, f"{100 * comparison.drawing.level:g} %"
    words = tuple(_word(name) for name in names)
    lead = f"{words[0]} ({level} interval)"
    headings = ("model", "group", "studies", *words, lead, *(f"published {word}" for word in words))
    cells = [
        (
            *(row["name"], row["group"], str(row["studies"])),
            *(_number(row[name], _digits(name)) for name in names),
            _interval(row[f"{names[0]}_low"], row[f"{names[0]}_high"]),
            *(_number(row[f"published_{name}"], _digits(name)) for name in names),
        )
        for row in _records(grouped)
    ]
    note = "Of the mean prediction over seeds, on the test studies of each group."
    return Sheet(title="By group", headings=headings, left=(0, 1, 3 + len(names)), rows=cells, note=note)


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _digits(name: str) -> int:
    return _DIGITS.get(name, 3)


def _split_sheet(rows: Sequence[Row], names: Sequence[str]) -> Sheet:
    splits, decides = {"train": "training", "validation": "validation", "test": "test"}, "baseline_accuracy" in rows[0]
    headings = (
        "model",
        *(f"{word} {_word(name)}" for name in names for word in splits.values()),
        "accuracy of the commonest class" if decides else "RMSE of the mean",
    )
    cells = [
        (
            row["name"],
            *(_spread(row, f"{split}_{name}", _digits(name)) for name in names for split in splits),
            _number(row["baseline_accuracy"], 3) if decides else _number(row["baseline_rmse"], 2),
        )
        for row in rows
    ]
    said = "accuracy of saying the commonest class" if decides else "RMSE of saying the mean"
    note = f"Mean ± SD over seeds. The last column is the test {said} of the training truth for everyone."
    return without_empty(Sheet(title="From training to test", headings=headings, left=(0,), rows=cells, note=note))


def _cost_sheet(rows: Sequence[Row]) -> Sheet:
    known = {name: each for name, each in _COSTS.items() if any(row[name] is not None for row in rows)}
    cells = [
        (
            row["name"],
            *(
                "–" if row[name] is None else f"{factor * row[name]:,.{digits}f}"
                for name, (_, factor, digits) in known.items()
            ),
        )
        for row in rows
    ]
    headings = ("model", *(heading for heading, _, _ in known.values()))
    return Sheet(title="What they cost", headings=headings, left=(0,), rows=cells)


def _pair_sheet(comparison: Comparison) -> Sheet:
    level = f"{100 * comparison.drawing.level:g} % interval"
    names, better = comparison.compared, "above" if comparison.binary else "below"
    headings = ("first", "second", *(text for name in names for text in (_word(name), level, "first better")))
    cells = [
        (row["first"], row["second"], *(text for name in names for text in _pair_cells(row, name)))
        for row in _records(comparison.pairs)
    ]
    note = (
        f"First minus second, of the mean over seeds: {better} 0 the first is better. Paired bootstrap over patients,"
        f" {comparison.drawing.resamples} draws; “first better” is the share of them in which it is. The intervals are"
        " not widened for the number of pairs: among many pairs some miss 0 by chance."
    )
    return Sheet(title="Two by two, on the same patients", headings=headings, left=(0, 1, 3, 6), rows=cells, note=note)


def _pair_cells(row: Row, name: str) -> tuple[str, str, str]:
    share = row[f"{name}_first_better"]
    interval = _interval(row[f"{name}_low"], row[f"{name}_high"], sign="+")
    return _number(row[f"{name}_difference"], 2, sign="+"), interval, "–" if share is None else f"{100 * share:.0f} %"


def _page(comparison: Comparison, sheets: Sequence[Sheet], words: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("comparison.html").render(
        **words,
        sheets=sheets,
        pairs=_pair_sheet(comparison),
        failures=_records(comparison.failures),
        figures=[(_TITLES[name], svg) for name, svg in figures.items()],
        use=NOT_FOR_CLINICAL_USE,
        version=__version__,
    )


def _markdown(comparison: Comparison, sheets: Sequence[Sheet], words: Mapping[str, Any]) -> str:
    synthetic = " **Numbers from synthetic hearts.**" if words["synthetic"] else ""
    lines = [f"# {escape(words['title'])}", "", escape(words["facts"]) + synthetic, ""]
    if words["missing"]:
        lines += ["Not run: " + ", ".join(map(escape, words["missing"])) + ".", ""]
    failed = [
        f"* {escape(row['name'])}, seed {row['seed']}: {escape(row['reason'])}" for row in _records(comparison.failures)
    ]
    lines += ["## Trainings that failed", "", *failed, ""] if failed else []
    lines += [line for sheet in sheets for line in as_markdown(sheet)]
    return "\n".join(lines)


def _facts(comparison: Comparison, facts: str) -> str:
    """The caller's line, then what all tables share."""
    ours = ""
    if comparison.quantity:
        sign = f", {unit(comparison.quantity)}" if unit(comparison.quantity) else ""
        ours = (
            f"{label(comparison.quantity)}{sign}, {_count_cases(comparison)}; mean ± SD over seeds; intervals over"
            f" patients of the mean prediction over seeds, {comparison.drawing.resamples} bootstrap draws."
        )
    return " ".join(text for text in (facts, ours) if text)


def _count_cases(comparison: Comparison) -> str:
    """How many cases the first model was tested on, and of how many patients where that is another number."""
    name, table = next(iter(comparison.predictions.items()))
    case = next(row.case for row in comparison.rows if row.name == name)
    patients = table["patient"].nunique()
    owners = "" if patients == len(table) else f" of {count(patients, 'patient')}"
    return count(len(table), f"test {case_word(case)}") + owners


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is not there."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _spread(row: Row, name: str, digits: int) -> str:
    deviation = row[f"{name}_sd"]
    return _number(row[name], digits) + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def _number(value: float | None, digits: int, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.{digits}f}"


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "–" if low is None else f"{_number(low, 2, sign)} to {_number(high, 2, sign)}"
