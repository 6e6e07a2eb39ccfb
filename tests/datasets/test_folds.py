from __future__ import annotations

import pytest

from cinecor.datasets.findings import find_leaks
from cinecor.datasets.folds import assign, folds
from cinecor.errors import ConfigError, DatasetError
from cinecor.records import Study


def studies(*places: float | str | None) -> list[Study]:
    labels = [{} if place is None else {"fold": place if isinstance(place, str) else float(place)} for place in places]
    return [Study(id=str(index), cines=(), labels=label) for index, label in enumerate(labels)]


def test_each_study_is_tested_once_and_chosen_by_once() -> None:
    cohort = studies(*[index % 5 for index in range(23)])
    assert folds(cohort) == (0, 1, 2, 3, 4)
    tested, chosen = [], []
    for fold in range(5):
        split = assign(cohort, fold)
        assert [study.id for study in split] == [study.id for study in cohort]
        of = {name: {study.labels["fold"] for study in split if study.split == name} for name in ("test", "validation")}
        assert of == {"test": {fold}, "validation": {(fold + 1) % 5}}
        assert {study.split for study in split} == {"train", "validation", "test"}
        tested += [study.id for study in split if study.split == "test"]
        chosen += [study.id for study in split if study.split == "validation"]
    assert sorted(tested) == sorted(chosen) == sorted(study.id for study in cohort)


def test_faults() -> None:
    assert folds(studies(None, None)) == ()
    for cohort in (studies(0, 1, None), studies(0, 1, 2.5), studies(0, 1, "2"), studies(0, 1, -1)):
        with pytest.raises(DatasetError, match="BAD_SPLIT"):
            folds(cohort)
    with pytest.raises(DatasetError, match="there are 2 folds"):
        assign(studies(0, 1), 0)
    with pytest.raises(ConfigError, match="choose one from 0 to 2"):
        assign(studies(0, 1, 2), 3)


def test_a_patient_in_two_folds() -> None:
    cohort = [Study(id=str(index), patient="p", cines=(), labels={"fold": float(index)}) for index in range(3)]
    with pytest.raises(DatasetError, match="LEAKAGE: 1 patients"):
        assign(cohort, 0)
    problems = find_leaks(cohort)
    assert [(problem.code, problem.what) for problem in problems] == [
        ("LEAKAGE", "1 patient has studies in several folds")
    ]
    assert find_leaks(studies(0, 1, 2)) == []
