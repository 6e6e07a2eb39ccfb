"""Who is trained on, validated on, tested on."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from cinecor.errors import ConfigError, DatasetError
from cinecor.training.recipe import make_recipe
from cinecor.training.recipe_fields import SplitPart
from cinecor.training.splitting import draw_folds, keep_labelled, keep_view, split_studies


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
    with pytest.raises(DatasetError, match=r"BAD_SPLIT: the test split .*: --split\.by patient$"):
        split_studies(make_cohort(5, 2, 0), SplitPart())
    assert all(split_studies(make_cohort(5, 2, 0), SplitPart(by="patient")).values())  # as the line says
    with pytest.raises(DatasetError, match=r"BAD_SPLIT: the train split .*; add some$"):
        split_studies(make_cohort(2, 0, 0), SplitPart(by="patient"))  # where it would not help it is not said


def test_studies_without_the_target_are_left_out(make_cohort):
    studies = make_cohort()
    for place, value in enumerate([None, float("nan"), "text"]):
        studies[place] = replace(studies[place], labels={} if value is None else {"ef": value})
    assert keep_labelled(studies, "ef") == tuple(studies[3:])
    with pytest.raises(DatasetError, match="BAD_LABEL: none of 18 studies has a number as edv_ml"):
        keep_labelled(studies, "edv_ml")


def _binary(make_study, number, patient=None):
    study = make_study(number, None, patient=patient)
    return replace(study, labels={"infarct": float(number % 3 > 0)})


def test_drawn_folds_are_stratified_as_scikit_learn_stratifies(make_study):
    studies = [_binary(make_study, number) for number in range(43)]
    sick = np.array([study.labels["infarct"] for study in studies])
    theirs = StratifiedKFold(5, shuffle=True, random_state=0).split(sick, sick)
    expected = [sorted((len(test), sick[test].sum()) for _, test in theirs)]
    drawn = draw_folds(studies, 5, 3, "infarct")
    parts = [[study.labels["infarct"] for study in drawn if study.labels["fold"] == fold] for fold in range(5)]
    assert [sorted((len(part), sum(part)) for part in parts)] == expected


def test_every_study_is_tested_once_and_no_patient_is_in_two_parts(make_study):
    studies = [_binary(make_study, number, patient=f"p{number // 2}") for number in range(30)]
    tested = []
    for fold in range(5):
        splits = split_studies(studies, SplitPart(by="kfold", fold=fold, seed=1), "infarct")
        tested += [study.id for study in splits["test"]]
        owners = [{study.patient_id for study in each} for each in splits.values()]
        assert sum(map(len, owners)) == 15
        assert {name: len(each) for name, each in splits.items()} == {"train": 18, "validation": 6, "test": 6}
        assert "fold" not in splits["train"][0].labels
    assert sorted(tested) == [study.id for study in studies]


def test_folds_of_many_values_spread_alike_and_follow_the_seed(make_study):
    studies = [make_study(number, None) for number in range(40)]
    drawn = draw_folds(studies, 4, 0, "ef")
    means = [np.mean([s.labels["ef"] for s in drawn if s.labels["fold"] == fold]) for fold in range(4)]
    # Dealt in order, the folds lie between one another: their means differ by less than the mean step of one round.
    assert np.ptp(means) < np.ptp([study.labels["ef"] for study in studies]) / 10
    binary = [replace(study, labels={"infarct": 0.0}) for study in studies]
    folds = [[s.labels["fold"] for s in draw_folds(binary, 4, seed, "infarct")] for seed in (0, 0, 1)]
    assert folds[0] == folds[1] != folds[2]


def test_the_layouts_folds(make_cohort):
    studies = [replace(s, labels={**s.labels, "fold": float(n % 3)}) for n, s in enumerate(make_cohort())]
    splits = split_studies(studies, SplitPart(by="fold", fold=2, folds=3))
    assert {name: {s.labels["fold"] for s in each} for name, each in splits.items()} == {
        "train": {1.0},
        "validation": {0.0},
        "test": {2.0},
    }
    with pytest.raises(ConfigError, match="OUT_OF_RANGE: fold: there is no fold 3"):
        split_studies(studies, SplitPart(by="fold", fold=3, folds=3))
    with pytest.raises(DatasetError, match=r"BAD_SPLIT: split.folds: there are 3 folds, the recipe says 5"):
        split_studies(studies, SplitPart(by="fold"))
    with pytest.raises(DatasetError, match="BAD_SPLIT: there are 0 folds"):
        split_studies(make_cohort(), SplitPart(by="fold"))


def test_loops_of_one_view(make_cohort):
    studies = make_cohort(2, 1, 1)
    other = replace(studies[0].cines[0], view="A2C")
    studies[1] = replace(studies[1], cines=(other, studies[1].cines[0]))
    studies[2] = replace(studies[2], cines=(other,))
    assert keep_view(studies, None) == studies
    kept = keep_view(studies, "A4C")
    assert [(study.id, len(study.cines)) for study in kept] == [("0000", 1), ("0001", 1), ("0003", 1)]
    assert kept[1].cines[0] is studies[1].cines[1]
    with pytest.raises(DatasetError, match="BAD_LABEL: view: no loop shows PLAX; choose of A2C, A4C"):
        keep_view(studies, "PLAX")


@pytest.mark.parametrize("by", ["patient", "kfold", "slice"])
def test_the_layouts_test_patients_can_be_kept_apart(make_cohort, make_study, by):
    studies = [replace(study, labels={"ef": float(place)}) for place, study in enumerate(make_cohort(20, 5, 6))]
    tested = {study.patient_id for study in studies if study.split == "test"}
    again = make_study(99, "train", patient=min(tested))  # another examination of one of them
    part = SplitPart(by=by, keep_test_apart=True, folds=5)
    seen = [study for each in split_studies([*studies, again], part).values() for study in each]
    assert len(seen) == 25
    assert not tested & {study.patient_id for study in seen}
    everybody = split_studies(studies, SplitPart(by=by, folds=5))
    assert sum(map(len, everybody.values())) == 31


def test_the_layouts_splits_have_no_patients_to_keep_apart():
    with pytest.raises(ConfigError, match="CONFLICT"):
        make_recipe({"split": {"keep_test_apart": True}})
