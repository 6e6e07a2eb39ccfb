"""Few labels: which training cases keep theirs, and which cases are learned from without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np

from cinecor.errors import DatasetError
from cinecor.records import Split, Study
from cinecor.training.recipe_fields import LIKE, Recipe
from cinecor.training.splitting import leave_apart

_DRAW = 0x1ABE1  # keeps this stream apart from those of clips and of order


def draw_labelled(studies: Sequence[Study], target: str, each: int, seed: int) -> tuple[Study, ...]:
    """So many cases of each class, in the order of ``studies``.

    The patients of a class are drawn one after the other, a case of each, until all have given one; then a second
    of each, and so on: few labels are of as many patients as can be. A draw of fewer is part of a draw of more.

    Args:
        studies: cases with the place of their class, or 0 or 1, as ``target``.
        target: name of the label.
        each: cases of each class; 0: all of them.
        seed: of the draw.

    Raises:
        DatasetError: BAD_LABEL where a class has fewer.
    """
    if each == 0:
        return tuple(studies)
    chosen: set[str] = set()
    for place in sorted({float(study.labels[target]) for study in studies}):
        ordered = _in_turn([study for study in studies if study.labels[target] == place], seed, int(place))
        if len(ordered) < each:
            what = f"class {int(place)} has {len(ordered)} training cases, {each} were to keep their label"
            raise DatasetError("BAD_LABEL", what, "give fewer, or 0 for all", where="semi.labels_per_class")
        chosen |= {study.id for study in ordered[:each]}
    return tuple(study for study in studies if study.id in chosen)


def _in_turn(studies: Sequence[Study], seed: int, place: int) -> list[Study]:
    """A case of each patient, a second of each …; patients, and the cases of each, in random order."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, place, _DRAW))))
    by_patient: dict[str, list[Study]] = {}
    for number in generator.permutation(len(studies)):
        by_patient.setdefault(studies[number].patient_id, []).append(studies[number])
    return [study for turn in zip_longest(*by_patient.values()) for study in turn if study is not None]


def find_unlabelled(
    recipe: Recipe,
    cases: Sequence[Study],
    splits: Mapping[Split, Sequence[Study]],
    taken: Mapping[str, Split] | None = None,
) -> tuple[Study, ...]:
    """What is learned from without a label: the training split, and cases that have none and are of nobody held out.

    The latter only where cases are split as the layout has it or by patient: of folds, those without a label are in
    none, and slices know no patients.

    Args:
        recipe: says whether anything is.
        cases: all there are.
        splits: those with a label.
        taken: the split of patients that is another run's, whatever the layout says.
    """
    if recipe.semi.method == "none":
        return ()
    if recipe.split.by not in LIKE:
        return tuple(splits["train"])
    known = {study.id for studies in splits.values() for study in studies}
    held = {study.patient_id for split in ("validation", "test") for study in splits[split]}
    bare = [case for case in leave_apart(cases, recipe.split) if case.id not in known and case.patient_id not in held]
    return (*splits["train"], *(case for case in bare if _may_be_learned_from(case, recipe.split.by, taken or {})))


def _may_be_learned_from(case: Study, by: str, taken: Mapping[str, Split]) -> bool:
    split = taken.get(case.patient_id, case.split if by == "layout" else None)
    return split in (None, "train")
