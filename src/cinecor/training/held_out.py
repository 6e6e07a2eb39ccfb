"""Who of a data folder a run was trained on: the run's own division, which need not be the layout's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from cinecor.errors import DatasetError
from cinecor.evaluation import table
from cinecor.models.checkpoint import Manifest, read_manifest
from cinecor.records import Split, Study
from cinecor.training.earlier_runs import is_earlier, read_earlier
from cinecor.training.finishing import TRUTH_NAME, true_values
from cinecor.training.kept_cases import KeptCases, place_patients, read_cases
from cinecor.training.recipe_fields import OUTLINED_FRAMES

MAJORITY = 0.5
"""Of the cases with a known name, more must agree in what was measured: an EF in whole percent agrees by chance in one
of forty."""

_OLD = (
    "the run is of an earlier version, which kept no list of its pictures: its cases are known by name and true value "
    "alone. Train once more as before, which adds the list to a finished run."
)


@dataclass(frozen=True)
class Division:
    """The cases of a folder in the splits of a run."""

    studies: list[Study]
    told: str = ""
    """How many are the run's own; empty for weights without tables, which divide nothing."""
    doubt: str = ""
    """What may make figures look better than they are; empty where nothing may."""


@dataclass(frozen=True)
class _Known:
    """What a run says of its cases."""

    manifest: Manifest
    kept: KeptCases | None
    """None for a run of an earlier version."""
    splits: Mapping[str, Split]
    """Of the cases with a label, by name."""
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What is true of them, by name and quantity."""

    @property
    def measures(self) -> bool:
        """Whether what is true of a case is a measured number, by which it can be known; a class is that of many."""
        return self.manifest.extra.get("task") != "classification" and self.manifest.target != OUTLINED_FRAMES

    @property
    def names(self) -> set[str]:
        """Cases and patients."""
        return set(self.splits) | (set(self.kept.patients) | {row[0] for row in self.kept.rows} if self.kept else set())

    def agrees(self, study: Study) -> bool:
        """Whether name and true value are those of one of the run's cases."""
        target, classes = self.manifest.target, self.manifest.extra.get("classes", [])
        label, values = study.labels.get(target), self.values.get(study.id, {})
        if study.id not in self.splits or not isinstance(label, int | float):
            return False
        wanted = true_values(float(label), target, classes)
        return all(math.isclose(values.get(name, math.nan), value, abs_tol=1e-4) for name, value in wanted)


def divide(run: Path, studies: Sequence[Study]) -> Division:
    """The studies, each of the run's patients in the split that the run put them in (folds, or splits by draw).

    A study is one of the run's if its pictures are, wherever its files lie and whatever they are called by now. Where
    no picture is the run's, but most names go with the numbers measured of them, the folder is the run's in other
    files. All studies of one of the run's patients go with the patient. Others keep the split of their layout; without
    one, they are test beside the run's. Patients of the runs that it builds upon are in the split that those had them
    in. A run of an earlier version knows its cases by name and true value alone.

    Args:
        run: its folder; weights that bring no table change nothing.
        studies: of one data folder, all of them.

    Raises:
        DatasetError: LEAKAGE where an earlier version learned from cases of which it kept no list, and some of these
            may be among them; MISSING_FILE for a file that cannot be opened; a damaged table.
    """
    if not (run / TRUTH_NAME).exists():
        return Division(list(studies))
    known = _read(run)
    own = _find_own(known, studies)
    patients = place_patients(own, studies, known.kept.patients if known.kept else {})
    mine = _by_name(patients, studies) | own
    earlier = _by_name(read_earlier(run).place_patients(studies), studies)
    splits = earlier | mine
    others = [study for study in studies if study.id not in splits]
    told = _tell(len(own), len(mine) - len(own), len(splits) - len(mine), len(studies))
    if own:
        _refuse_unknown(known, others, run)
        doubt = _doubt_own(known, sum(is_earlier(earlier.get(name), split) for name, split in mine.items()))
    else:
        doubt = _doubt_names(known, sum(not known.names.isdisjoint((each.id, each.patient_id)) for each in others))
    beside: Split | None = "test" if splits else None
    return Division([replace(each, split=splits.get(each.id, each.split or beside)) for each in studies], told, doubt)


def _by_name(patients: Mapping[str, Split], studies: Sequence[Study]) -> dict[str, Split]:
    """The split of each study of these patients, by its name."""
    return {study.id: patients[study.patient_id] for study in studies if study.patient_id in patients}


def _read(run: Path) -> _Known:
    splits: dict[str, Split] = {}
    values: dict[str, dict[str, float]] = {}
    for row in table.read_truth(run / TRUTH_NAME).itertuples():
        name, split = str(row.study), cast("Split", row.split)
        splits[name] = split
        values.setdefault(name, {})[str(row.quantity)] = float(str(row.value))
    return _Known(read_manifest(run), read_cases(run), splits, values)


def _find_own(known: _Known, studies: Sequence[Study]) -> dict[str, Split]:
    """The split of each study that is the run's own, by name."""
    agreeing = {study.id: known.splits[study.id] for study in studies if known.agrees(study)}
    if known.kept is None:
        return agreeing
    found = known.kept.find_own(studies)
    if found or not known.measures:
        return found
    named = sum(study.id in known.splits for study in studies)
    return agreeing if len(agreeing) > MAJORITY * named else {}


def _refuse_unknown(known: _Known, others: Sequence[Study], run: Path) -> None:
    """Stop where an earlier version learned without labels from cases that may be among these."""
    learned = known.manifest.training_data.get("unlabelled", 0)
    recipe: Mapping[str, Any] = known.manifest.extra.get("recipe", {})
    by_layout = recipe.get("split", {}).get("by") == "layout"
    unsure = sum(study.split is None or not by_layout for study in others)
    if known.kept is None and learned and unsure:
        what = (
            f"{unsure} of these cases may be among {learned} that the run learned from without a label: it has no list"
        )
        cure = "train once more as before, which adds the list to a finished run, or evaluate without --data"
        raise DatasetError("LEAKAGE", what, cure, where=run.name)


def _doubt_own(known: _Known, known_before: int) -> str:
    if known_before:
        return (
            f"{known_before} cases that the run holds out were learned from, or chosen by, in runs that it builds upon:"
            " figures of them are too good."
        )
    return "" if known.kept else _OLD


def _doubt_names(known: _Known, named: int) -> str:
    if known.kept is None:
        return _OLD
    if not named:
        return ""
    return (
        f"{named} cases bear the name of one of the run's cases or patients, with other pictures, and were taken for "
        "other people's: if they are the same people's, these figures are too good."
    )


def _tell(own: int, theirs: int, before: int, count: int) -> str:
    one = own == 1
    said = f"{own} of {count} cases {'is' if one else 'are'} the run's own and {'keeps' if one else 'keep'} its split"
    said = said if own else f"none of {count} cases is the run's own"
    said += f"; {theirs} more of its patients go with them" if theirs else ""
    return said + (f"; {before} more of runs that it builds upon go with those" if before else "")
