"""Which patients a training sees, chooses by and is judged on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cinecor.errors import DatasetError
from cinecor.records import SPLITS, Split, Study
from cinecor.training.recipe_fields import SplitPart


def split_studies(studies: Sequence[Study], part: SplitPart) -> dict[Split, tuple[Study, ...]]:
    """Studies by split: as their layout has it, or drawn by patient where it says nothing or the recipe asks for it.

    Raises:
        DatasetError: BAD_SPLIT where only some studies have a split or a split is empty, LEAKAGE where a patient is in
            several.
    """
    known = [study.split is not None for study in studies]
    if part.by == "layout" and any(known):
        if not all(known):
            what = f"{known.count(False)} of {len(studies)} studies have no split"
            raise DatasetError("BAD_SPLIT", what, "give all or none a split, or choose split.by=patient")
        chosen: dict[str, Split] = {study.id: study.split for study in studies if study.split is not None}
    else:
        drawn = _draw([study.patient_id for study in studies], part)
        chosen = {study.id: drawn[study.patient_id] for study in studies}
    splits: dict[Split, tuple[Study, ...]] = {
        split: tuple(study for study in studies if chosen[study.id] == split) for split in SPLITS
    }
    _check(splits)
    return splits


def keep_labelled(studies: Sequence[Study], target: str) -> tuple[Study, ...]:
    """The studies whose target is a finite number.

    Raises:
        DatasetError: BAD_LABEL where there is none.
    """
    kept = tuple(study for study in studies if _is_number(study.labels.get(target)))
    if not kept:
        what = f"none of {len(studies)} studies has a number as {target}"
        raise DatasetError("BAD_LABEL", what, "choose another target or add the labels")
    return kept


def _draw(patients: Sequence[str], part: SplitPart) -> Mapping[str, Split]:
    unique = sorted(set(patients))
    order = np.random.default_rng(part.seed).permutation(len(unique))
    validation, test = (max(1, round(share * len(unique))) for share in (part.validation, part.test))
    names: dict[Split, int] = {"validation": validation, "test": test}
    names["train"] = len(unique) - validation - test
    listed = [name for name, count in names.items() for _ in range(count)]
    return {unique[place]: name for place, name in zip(order, listed, strict=False)}


def _check(splits: Mapping[Split, Sequence[Study]]) -> None:
    for split, studies in splits.items():
        if not studies:
            raise DatasetError("BAD_SPLIT", f"the {split} split has no studies with the target", "add some")
    seen: dict[str, str] = {}
    shared = {
        study.patient_id
        for split, studies in splits.items()
        for study in studies
        if seen.setdefault(study.patient_id, split) != split
    }
    if shared:
        what = f"{len(shared)} patients are in more than one split"
        raise DatasetError("LEAKAGE", what, "repair the table, or choose split.by=patient")


def _is_number(value: float | str | None) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
