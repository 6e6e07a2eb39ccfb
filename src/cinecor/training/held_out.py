"""Who of a data folder a run was trained on: the run's own division, which need not be the layout's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cinecor.evaluation import table
from cinecor.records import Study
from cinecor.training.finishing import TRUTH_NAME, true_values


def as_divided(run: Path, studies: Sequence[Study], target: str, classes: Sequence[str] = ()) -> list[Study]:
    """The studies, those that the run has divided in the splits that it put them in (folds, or splits by draw).

    A study is one of the run's if its name and its true value are those of the run's table; another cohort may have
    the same names. Others keep the split of their layout; without one, they are test beside the run's.

    Args:
        run: its folder; weights that bring no table change nothing.
        studies: with labels.
        target: name of the label that the run learned.
        classes: names of the classes, where that is what the target is.

    Raises:
        DatasetError: a damaged table.
    """
    path = run / TRUTH_NAME
    if not path.exists():
        return list(studies)
    known: dict[str, tuple[Any, dict[str, float]]] = {}
    for row in table.read_truth(path).itertuples():
        known.setdefault(str(row.study), (row.split, {}))[1][str(row.quantity)] = float(str(row.value))
    ours = {study.id for study in studies if study.id in known and _agrees(study, known[study.id][1], target, classes)}
    if not ours:
        return list(studies)
    return [
        replace(study, split=known[study.id][0] if study.id in ours else study.split or "test") for study in studies
    ]


def _agrees(study: Study, values: dict[str, float], target: str, classes: Sequence[str]) -> bool:
    label = study.labels.get(target)
    if not isinstance(label, int | float):
        return False
    wanted = true_values(float(label), target, classes)
    return all(math.isclose(values.get(name, math.nan), value, abs_tol=1e-4) for name, value in wanted)
