"""What is said of one quantity that has many classes: case by case, and patient by patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cinecor.evaluation import class_table
from cinecor.evaluation.bootstrap import USUAL, Drawing
from cinecor.evaluation.case_words import STUDIES, CaseWords, count
from cinecor.evaluation.estimate import Estimate
from cinecor.evaluation.many_classes import Recognised, recognise
from cinecor.evaluation.quantities import CLASS

CLASSES, CONFUSION = "classes.csv", "confusion.csv"


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """The figures where one row is a clip, a study or a patient."""

    name: str
    """clips, studies or patients."""
    rows: int
    patients: int
    recognised: Recognised
    table: pd.DataFrame
    """One row each, with the probabilities; for figures and for other classifiers, not part of the JSON."""
    words: CaseWords = STUDIES

    @property
    def text(self) -> str:
        """What a row is."""
        return self.words.level(self.name, int(self.table["clips"].max()))

    @property
    def counted(self) -> str:
        """How many rows there are, and of how many patients."""
        rows = self.words.rows(self.name, self.rows)
        return rows if self.name == "patients" else f"{rows} of {count(self.patients, 'patient')}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = self.recognised
        return {
            "level": self.name,
            "rows": self.rows,
            "patients": self.patients,
            **{figure.name: figure.as_dict() for figure in found.figures},
            "classes": [each.as_dict() for each in found.classes],
            "confusion": [list(row) for row in found.confusion],
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassesResult:
    """One quantity of many classes."""

    quantity: str
    classes: tuple[str, ...]
    levels: tuple[Level, ...]
    """From the smallest to the largest; one is left out where it is the same as the next."""
    commonest: str
    """Most frequent class of the training truth, or of what is evaluated where that is not known."""
    warnings: tuple[str, ...]

    @property
    def leading(self) -> Level:
        """Study by study where that is said, else patient by patient."""
        return next((level for level in self.levels if level.name == "studies"), self.levels[-1])

    def level(self, name: str) -> Level:
        """The level of that name."""
        return next(level for level in self.levels if level.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "quantity": self.quantity,
            "classes": list(self.classes),
            "commonest": self.commonest,
            "levels": [level.as_dict() for level in self.levels],
            "warnings": list(self.warnings),
        }

    def lines(self, split: str, level: float) -> Iterator[str]:
        """The main figures for a terminal."""
        for each in self.levels:
            yield f"{self.quantity}, {split}, {each.text}: {each.counted}"
            for figure in each.recognised.figures:
                yield _line(figure.name, figure, level)
            for one in each.recognised.classes:
                yield _line(f"F1 of {one.name}", one.figure("f1"), level)


def judge_classes(
    predictions: pd.DataFrame,
    truth: pd.DataFrame,
    split: str,
    family: str,
    drawing: Drawing = USUAL,
    words: CaseWords = STUDIES,
) -> ClassesResult:
    """All that is said of the quantity ``family`` in one split; ``words`` are those for studies and clips.

    Raises:
        DatasetError: BAD_LABEL where classes, probabilities or the truth of a study are not sound.
    """
    rows = predictions[predictions["split"] == split]
    clips = class_table.by_clip(rows, truth, family)
    tables: dict[str, pd.DataFrame | None] = {
        "clips": clips,
        "studies": class_table.by_study(rows, truth, family),
        "patients": class_table.by_patient(clips),
    }
    sizes = {name: len(table) for name, table in tables.items() if table is not None}
    kept = [name for name, size in sizes.items() if list(sizes.values()).count(size) == 1 or _is_last(name, sizes)]
    classes = class_table.class_names(clips)
    levels = tuple(_level(name, tables[name], classes, drawing, words) for name in kept)
    commonest = _commonest(truth, split, family, classes)
    found = ClassesResult(quantity=family, classes=classes, levels=levels, commonest=classes[commonest], warnings=())
    return replace(found, warnings=tuple(_warnings(found, commonest)))


def tabulate_classes(results: Sequence[ClassesResult]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every figure of every class and level, and every cell of the confusion matrices, as two tables."""
    figures, cells = [], []
    for result in results:
        for level in result.levels:
            head = (result.quantity, level.name)
            found = level.recognised
            figures += [(*head, "", level.rows, *_values(each)) for each in found.figures]
            figures += [(*head, one.name, one.count, *_values(each)) for one in found.classes for each in one.figures]
            cells += [
                (*head, true, called, count)
                for true, row in zip(result.classes, found.confusion, strict=True)
                for called, count in zip(result.classes, row, strict=True)
            ]
    names = ["quantity", "level", "class", "count", "figure", "value", "low", "high", "reason"]
    return pd.DataFrame(figures, columns=names), pd.DataFrame(
        cells, columns=["quantity", "level", "true", "called", "count"]
    )


def _values(figure: Estimate) -> tuple[Any, ...]:
    return figure.name, figure.value, figure.low, figure.high, figure.reason


def _is_last(name: str, sizes: dict[str, int]) -> bool:
    """Of levels that have the same rows the study's is kept, else the last."""
    alike = [other for other, size in sizes.items() if size == sizes[name]]
    return name == ("studies" if "studies" in alike else alike[-1])


def _level(name: str, table: pd.DataFrame | None, classes: Sequence[str], drawing: Drawing, words: CaseWords) -> Level:
    assert table is not None
    likely, true = class_table.probabilities(table), table["true"].to_numpy(np.int64)
    owners = table["patient"].tolist()
    found = recognise(likely, true, classes, owners, drawing=drawing)
    sizes = {"rows": len(table), "patients": len(set(owners))}
    return Level(name=name, recognised=found, table=table, words=words, **sizes)


def _commonest(truth: pd.DataFrame, split: str, family: str, classes: Sequence[str]) -> int:
    rows = truth[truth["quantity"].str.startswith(family + CLASS) & (truth["value"] == 1)]
    known = rows[rows["split"] == "train"] if (rows["split"] == "train").any() else rows[rows["split"] == split]
    counts = known["quantity"].str.partition(CLASS)[2].value_counts()
    return int(np.argmax([counts.get(name, 0) for name in classes]))


def _warnings(result: ClassesResult, commonest: int) -> Iterator[str]:
    """Is it better than saying the same class of everyone?"""
    for level in result.levels:
        counts = np.array(level.recognised.confusion)
        accuracy, always = level.recognised.figure("accuracy"), counts[commonest].sum() / counts.sum()
        said = f"saying {result.commonest} of everything, which is right in {always:.0%} ({level.text})"
        if accuracy.value is not None and accuracy.value <= always:
            yield f"The model is not better than {said}."
        elif accuracy.low is not None and accuracy.low <= always:
            yield f"It cannot be shown that the model is better than {said}."
        never = [name for name, called in zip(result.classes, counts.sum(0), strict=True) if not called]
        if never:
            yield f"Nothing is ever called {' or '.join(never)} ({level.text})."


def _line(name: str, figure: Estimate, level: float) -> str:
    value = "–" if figure.value is None else f"{figure.value:.3f}"
    span = figure.reason if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
    return f"  {name:<16}{value:>8}     {level:.0%} interval {span}"
