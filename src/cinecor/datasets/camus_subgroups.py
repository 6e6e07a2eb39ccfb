"""CAMUS's lists of patients: ``subgroup_training.txt`` and its two sisters, and the thirty files of the ten folds.

::

    subgroup_training.txt  subgroup_validation.txt  subgroup_testing.txt         one split
    subGroup1_training.txt … subGroup10_testing.txt                              ten folds of 400, 50 and 50 patients

A file names a patient a line. Every patient is tested on in one fold, and the validation patients of a fold are the
test patients of the next.

Source: Leclerc et al., IEEE Trans. Med. Imaging 38(9), 2198–2210, 2019, and the lists that their authors give out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cinecor.datasets.findings import Problem
from cinecor.datasets.folds import FOLD
from cinecor.datasets.pairs import read_lines
from cinecor.errors import DatasetError
from cinecor.records import Split, Study
from cinecor.storage import write_text

FOLDER = "database_split"
PARTS: Mapping[str, Split] = {"training": "train", "validation": "validation", "testing": "test"}
_NAME = re.compile(r"sub_?group_?(\d{0,3})_?(training|validation|testing)\.txt", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """What the lists say of each patient."""

    splits: Mapping[str, Split] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)
    """The fold, from 0, in which a patient is tested on."""
    problems: tuple[Problem, ...] = ()

    @property
    def patients(self) -> set[str]:
        """Everybody that a list names."""
        return {*self.splits, *self.folds}


def find_lists(places: Iterable[Path]) -> list[Path]:
    """The lists in the first of some folders that has any."""
    for place in places:
        found = sorted(path for path in place.iterdir() if _NAME.fullmatch(path.name)) if place.is_dir() else []
        if found:
            return found
    return []


def read_subgroups(paths: Iterable[Path]) -> Subgroups:
    """What the lists say, and all that is wrong with them.

    Problems: LEAKAGE for a patient in two parts of a fold, or tested on in two folds; BAD_SPLIT for a fold that lacks
    one of its lists, or whose validation patients are not those that the next one tests on; MISSING_FILE, ENCODING,
    DUPLICATE_ID.
    """
    problems: list[Problem] = []
    lists: dict[str, dict[Split, set[str]]] = {}
    for path in paths:
        match = _NAME.fullmatch(path.name)
        assert match is not None
        number = match[1].lstrip("0")
        lists.setdefault(number, {})[PARTS[match[2].lower()]] = _read_list(path, problems)
    for number, parts in lists.items():
        problems += _shared(number, parts)
    splits = {name: split for split, names in lists.pop("", {}).items() for name in names}
    folds, found = _folds(lists)
    return Subgroups(splits=splits, folds=folds, problems=(*problems, *found))


def write_subgroups(studies: Iterable[Study], folder: Path) -> None:
    """Write the lists of the splits, where studies have one, and those of the folds, where they have one.

    Raises:
        StorageError: the folder cannot be written.
    """
    listed = list(studies)
    if any(study.split is not None for study in listed):
        for part, split in PARTS.items():
            _write_list(folder / f"subgroup_{part}.txt", [study.id for study in listed if study.split == split])
    folds = sorted({int(study.labels[FOLD]) for study in listed if FOLD in study.labels})
    for fold, following in zip(folds, folds[1:] + folds[:1], strict=True):
        names: Mapping[int, str] = {following: "validation", fold: "testing"}
        members: dict[str, list[str]] = {part: [] for part in PARTS}
        for study in listed:
            if FOLD in study.labels:
                members[names.get(int(study.labels[FOLD]), "training")].append(study.id)
        for part, listed_names in members.items():
            _write_list(folder / f"subGroup{fold + 1}_{part}.txt", listed_names)


def _read_list(path: Path, problems: list[Problem]) -> set[str]:
    try:
        names = [line.strip() for line in read_lines(path) if line.strip()]
    except DatasetError as error:
        problems.append(Problem.of(error, path.name))
        return set()
    if len(set(names)) < len(names):
        what = f"{len(names) - len(set(names))} patients are listed twice"
        problems.append(Problem(severity="warning", code="DUPLICATE_ID", what=what, where=path.name))
    return set(names)


def _write_list(path: Path, names: Iterable[str]) -> None:
    write_text(path, "".join(f"{name}\n" for name in sorted(names)))


def _shared(number: str, parts: Mapping[Split, set[str]]) -> list[Problem]:
    """Patients in two parts of one split, and parts that are missing."""
    where = f"subgroup {number}".strip()
    missing = [part for part, split in PARTS.items() if split not in parts]
    problems = [Problem(code="BAD_SPLIT", what=f"there is no list of {part}", where=where) for part in missing]
    names = list(parts)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if count := len(parts[one] & parts[other]):
                what = f"{count} patient{'s are' if count > 1 else ' is'} in {one} and {other}"
                cure = "list each patient once"
                problems.append(Problem(code="LEAKAGE", what=what, where=where, cure=cure))
    return problems


def _folds(lists: Mapping[str, Mapping[Split, set[str]]]) -> tuple[dict[str, int], list[Problem]]:
    """The fold in which each patient is tested on, from 0."""
    order = sorted(lists, key=int)
    folds: dict[str, int] = {}
    problems: list[Problem] = []
    for place, number in enumerate(order):
        tested = lists[number].get("test", set())
        if again := tested & folds.keys():
            what = f"{len(again)} patients are tested on in another fold too"
            problems.append(Problem(code="LEAKAGE", what=what, where=f"subgroup {number}", cure="list each once"))
        folds |= dict.fromkeys(tested, place)
        following = lists[order[(place + 1) % len(order)]].get("test", set())
        if lists[number].get("validation", following) != following:
            what = "the validation patients are not those that the next fold tests on"
            problems.append(
                Problem(code="BAD_SPLIT", what=what, where=f"subgroup {number}", cure="copy the lists again")
            )
    return folds, problems
