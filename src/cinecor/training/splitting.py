"""Which patients a training sees, chooses by and is judged on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cinecor.datasets.folds import FOLD, assign
from cinecor.datasets.folds import folds as list_folds
from cinecor.errors import DatasetError
from cinecor.records import SPLITS, Split, Study
from cinecor.training.leakage import refuse_leak
from cinecor.training.recipe_fields import SplitPart


def split_studies(
    studies: Sequence[Study], part: SplitPart, target: str = "ef", taken: Mapping[str, Split] | None = None
) -> dict[Split, tuple[Study, ...]]:
    """Studies by split: as their layout has it, or drawn by patient where it says nothing or the recipe asks for it.

    Args:
        studies: all of them with a number as ``target``.
        part: how they are split; studies that it keeps apart are in no split.
        target: which label folds are stratified by where the recipe names none.
        taken: the split of patients that is another run's (``split.like``), whatever the layout says.

    Raises:
        DatasetError: BAD_SPLIT where only some studies have a split (or fold) or a split is empty, LEAKAGE where a
            patient is in several, which ``by: slice`` alone allows.
        ConfigError: OUT_OF_RANGE for a fold that the layout does not have.
    """
    studies = leave_apart(studies, part)
    if part.by in ("fold", "kfold"):
        return _checked(_by_fold(studies, part, part.stratify or target), studies)
    if part.by == "slice":
        return _checked(_draw([study.id for study in studies], part), studies, may_leak=True)
    return _by_patient(studies, part, taken or {})


def _by_patient(
    studies: Sequence[Study], part: SplitPart, taken: Mapping[str, Split]
) -> dict[Split, tuple[Study, ...]]:
    """Patients whose split is taken over where they were, others as the layout has it, or drawn."""
    kept = {study.id: taken[study.patient_id] for study in studies if study.patient_id in taken}
    others = [study for study in studies if study.id not in kept]
    by_layout = part.by == "layout" and any(study.split is not None for study in others)
    if by_layout:
        found = _by_layout(others)
    else:
        drawn = _draw([study.patient_id for study in others], part, least=0 if kept else 1)
        found = {study.id: drawn[study.patient_id] for study in others}
    return _checked(kept | found, studies, cure=_cure(part, bool(kept), by_layout))


def _cure(part: SplitPart, taken: bool, by_layout: bool) -> str:
    """What to do about an empty split."""
    if taken:
        return f"nobody whom {part.like} has there has the target; take another run's splits over"
    return "add some, or have the splits drawn: --split.by patient" if by_layout else "add some"


def leave_apart(studies: Sequence[Study], part: SplitPart) -> Sequence[Study]:
    """The studies without those of patients whom the recipe keeps apart: any of the layout's test split."""
    if not part.keep_test_apart:
        return studies
    apart = {study.patient_id for study in studies if study.split == "test"}
    return [study for study in studies if study.patient_id not in apart]


def _by_fold(studies: Sequence[Study], part: SplitPart, label: str) -> dict[str, Split]:
    """The split of each study: the layout's folds, or folds drawn with a share each of every value of the label."""
    folded = draw_folds(studies, part.folds, part.seed, label) if part.by == "kfold" else studies
    if (count := len(list_folds(folded))) not in (0, part.folds):
        what, cure = f"there are {count} folds, the recipe says {part.folds}", f"give split.folds {count}"
        raise DatasetError("BAD_SPLIT", what, cure, where="split.folds")
    found = {study.id: study.split for study in assign(folded, part.fold) if study.split is not None}
    if part.by == "kfold" and part.validate_on == "part":
        rest = [study for study in studies if found[study.id] != "test"]
        found |= _set_apart(draw_folds(rest, round(1 / part.validation), part.seed, label))
    return found


def _by_layout(studies: Sequence[Study]) -> dict[str, Split]:
    """The split that the layout gives each study; all must have one."""
    found: dict[str, Split] = {study.id: study.split for study in studies if study.split is not None}
    lacking = [study.split for study in studies].count(None)
    if lacking:
        what = f"{lacking} of {len(studies)} studies have no split"
        raise DatasetError("BAD_SPLIT", what, "give all or none a split, or choose split.by=patient")
    return found


def draw_folds(studies: Sequence[Study], folds: int, seed: int, label: str) -> list[Study]:
    """The studies with a fold each as the label ``fold``, patient by patient, every value of a label evenly.

    Patients, in an order that the seed draws, are sorted by the label (numbers by their mean over a patient's studies,
    names by the first of them) and dealt to the folds in turn. Folds of few values (0 and 1, names) hold the same
    number of each to within one patient, those of many values spread alike.

    Raises:
        DatasetError: BAD_LABEL where a study lacks the label, or some are numbers and some names.
    """
    values: dict[str, list[float | str]] = {}
    for study in studies:
        values.setdefault(study.patient_id, []).append(study.labels.get(label, math.nan))
    key = _order_of(values, label)
    patients = sorted(values)
    drawn = [patients[place] for place in np.random.default_rng(seed).permutation(len(patients))]
    fold = {patient: place % folds for place, patient in enumerate(sorted(drawn, key=key))}
    return [replace(study, labels={**study.labels, FOLD: float(fold[study.patient_id])}) for study in studies]


def _set_apart(folded: Sequence[Study]) -> dict[str, Split]:
    """One of these folds is the validation split, the others are trained on."""
    return {study.id: "validation" if study.labels[FOLD] == 0 else "train" for study in folded}


def _order_of(values: Mapping[str, Sequence[float | str]], label: str) -> Callable[[str], Any]:
    """By what patients are sorted."""
    listed = [value for each in values.values() for value in each]
    if all(isinstance(value, str) for value in listed):
        return lambda patient: min(map(str, values[patient]))
    if all(_is_number(value) for value in listed):
        return lambda patient: float(np.mean([float(value) for value in values[patient]]))
    raise DatasetError("BAD_LABEL", f"not every study has a number, or every one a name, as {label}", where=label)


def keep_view(studies: Sequence[Study], view: str | None) -> list[Study]:
    """The studies with the loops of one view alone; all of them where ``view`` is None.

    Raises:
        DatasetError: BAD_LABEL where there is no such loop.
    """
    if view is None:
        return list(studies)
    kept = [replace(study, cines=tuple(cine for cine in study.cines if cine.view == view)) for study in studies]
    kept = [study for study in kept if study.cines]
    if not kept:
        known = sorted({cine.view for study in studies for cine in study.cines if cine.view is not None})
        cure = f"choose of {', '.join(known)}" if known else "leave view out: the data say no views"
        raise DatasetError("BAD_LABEL", f"no loop shows {view}", cure, where="view")
    return kept


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


def _draw(patients: Sequence[str], part: SplitPart, *, least: int = 1) -> Mapping[str, Split]:
    """The split of each; ``least`` so many patients are validated and tested on."""
    unique = sorted(set(patients))
    order = np.random.default_rng(part.seed).permutation(len(unique))
    validation, test = (max(least, round(share * len(unique))) for share in (part.validation, part.test))
    names: dict[Split, int] = {"validation": validation, "test": test}
    names["train"] = len(unique) - validation - test
    listed = [name for name, count in names.items() for _ in range(count)]
    return {unique[place]: name for place, name in zip(order, listed, strict=False)}


def _checked(
    chosen: Mapping[str, Split], studies: Sequence[Study], *, may_leak: bool = False, cure: str = "add some"
) -> dict[Split, tuple[Study, ...]]:
    splits: dict[Split, tuple[Study, ...]] = {
        split: tuple(study for study in studies if chosen[study.id] == split) for split in SPLITS
    }
    _check(splits, cure)
    if not may_leak:
        refuse_leak(splits)
    return splits


def _check(splits: Mapping[Split, Sequence[Study]], cure: str) -> None:
    for split, studies in splits.items():
        if not studies:
            raise DatasetError("BAD_SPLIT", f"the {split} split has no studies with the target", cure)


def _is_number(value: float | str | None) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
