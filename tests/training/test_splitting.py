"""Who is trained on, validated on, tested on."""

from dataclasses import replace

import pytest

from cinecor.errors import DatasetError
from cinecor.training.recipe_fields import SplitPart
from cinecor.training.splitting import keep_labelled, split_studies


def test_the_layouts_splits_are_kept(make_cohort):
    splits = split_studies(make_cohort(5, 2, 3), SplitPart())
    assert {name: len(studies) for name, studies in splits.items()} == {"train": 5, "validation": 2, "test": 3}


def test_patients_are_drawn_where_the_layout_says_nothing(make_study):
    studies = [make_study(number, None, patient=f"p{number // 2}") for number in range(32)]
    splits = split_studies(studies, SplitPart(validation=0.25, test=0.25))
    assert {name: len(each) for name, each in splits.items()} == {"train": 16, "validation": 8, "test": 8}
    patients = [{study.patient_id for study in each} for each in splits.values()]
    assert not patients[0] & patients[1]
    assert not patients[0] & patients[2]
    assert not patients[1] & patients[2]


def test_the_draw_is_a_function_of_its_seed_and_not_of_the_order(make_cohort, make_study):
    studies = [make_study(number, None) for number in range(20)]
    ids = lambda part, each: {study.id for study in split_studies(each, part)["test"]}  # noqa: E731
    assert ids(SplitPart(), studies) == ids(SplitPart(), studies[::-1])
    assert ids(SplitPart(), studies) != ids(SplitPart(seed=1), studies)
    assert ids(SplitPart(by="patient"), make_cohort(16, 2, 2)) == ids(SplitPart(), studies)


def test_a_patient_in_two_splits_is_leakage(make_cohort):
    studies = make_cohort()
    studies[-1] = replace(studies[-1], patient=studies[0].id)
    with pytest.raises(DatasetError, match="LEAKAGE: 1 patients"):
        split_studies(studies, SplitPart())
    split_studies(studies, SplitPart(by="patient"))


def test_half_a_table_of_splits_is_refused(make_cohort):
    studies = make_cohort()
    studies[0] = replace(studies[0], split=None)
    with pytest.raises(DatasetError, match="BAD_SPLIT: 1 of 18"):
        split_studies(studies, SplitPart())


def test_an_empty_split_is_refused(make_cohort):
    with pytest.raises(DatasetError, match="BAD_SPLIT: the test split"):
        split_studies(make_cohort(5, 2, 0), SplitPart())


def test_studies_without_the_target_are_left_out(make_cohort):
    studies = make_cohort()
    for place, value in enumerate([None, float("nan"), "text"]):
        studies[place] = replace(studies[place], labels={} if value is None else {"ef": value})
    assert keep_labelled(studies, "ef") == tuple(studies[3:])
    with pytest.raises(DatasetError, match="BAD_LABEL: none of 18 studies has a number as edv_ml"):
        keep_labelled(studies, "edv_ml")
