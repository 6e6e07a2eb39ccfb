"""Which training cases keep their label, and which are learned from without one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cinecor.errors import DatasetError
from cinecor.records import Cine, Study
from cinecor.training.data import open_data
from cinecor.training.few_labels import draw_labelled
from cinecor.training.recipe import apply_overrides, make_recipe

RECIPE = {
    "task": "classification",
    "target": "group",
    "case": "loop",
    "loss": {"name": "cross_entropy"},
    "monitor": "accuracy",
    "model": {"name": "gan", "options": {"widths": [2]}},
    "clip": {"length": 1, "height": 12, "width": 12},
}


def _study(number, split, group="ab", cines=3, length=1):
    frames = np.full((length, 1, 12, 12), number, np.uint8)
    cine = Cine(source=frames, modality="US", frames=length, height=12, width=12)
    labels = {"group": group[number % 2]} if group else {}
    return Study(id=f"s{number:02d}", patient=f"p{number // 2:02d}", cines=(cine,) * cines, split=split, labels=labels)


@pytest.fixture
def cohort():
    """Twelve patients of two studies each, one of either class; some without a label."""
    splits = ["train"] * 16 + ["validation"] * 4 + ["test"] * 4
    bare = [_study(number, split, "") for number, split in ((30, None), (31, "train"), (32, "test"))]
    held = replace(_study(33, "train", ""), patient="p10")  # who is in the test split
    return [*(_study(number, split) for number, split in enumerate(splits)), *bare, held]


def _cases(patients, each):
    return [
        Study(id=f"{patient}-{place}-{label}", patient=f"{patient}", cines=(), labels={"lvh": float(label)})
        for label in (0, 1)
        for patient in range(patients)
        for place in range(each)
    ]


def test_every_class_keeps_so_many_of_as_many_patients_as_can_be():
    cases = _cases(5, 4)
    for count in (1, 3, 5, 7, 20):
        drawn = draw_labelled(cases, "lvh", count, seed=0)
        assert Counter(case.labels["lvh"] for case in drawn) == {0.0: count, 1.0: count}
        for label in (0.0, 1.0):
            owners = Counter(case.patient_id for case in drawn if case.labels["lvh"] == label)
            assert len(owners) == min(5, count)
            assert max(owners.values()) - min(owners.values()) <= 1
    assert draw_labelled(cases, "lvh", 0, seed=0) == tuple(cases)


def test_fewer_are_part_of_more_and_another_seed_draws_others():
    cases = _cases(6, 3)
    few, more = ({case.id for case in draw_labelled(cases, "lvh", count, 3)} for count in (4, 9))
    assert few < more
    assert {case.id for case in draw_labelled(cases, "lvh", 4, 4)} != few
    assert draw_labelled(cases, "lvh", 4, 3) == draw_labelled(cases, "lvh", 4, 3)
    kept = [case.id for case in draw_labelled(cases, "lvh", 4, 3)]
    assert kept == [case.id for case in cases if case.id in few]


def test_a_class_with_too_few_cases_is_said():
    with pytest.raises(DatasetError, match=r"BAD_LABEL: semi.labels_per_class: class 0 has 4 training cases, 5 were"):
        draw_labelled(_cases(2, 2), "lvh", 5, seed=0)


def test_the_rest_is_learned_from_without_a_label_and_nobody_held_out(cohort):
    words = ["--semi.method", "gan", "--semi.labels_per_class", "2"]
    data = open_data(apply_overrides(make_recipe(RECIPE), words), cohort)
    assert [len(data.splits[split]) for split in data.splits] == [4, 12, 12]
    names = {study.id.split("_")[0] for study in data.unlabelled}
    assert names == {f"s{number:02d}" for number in (*range(16), 30, 31)}
    assert {study.id for study in data.splits["train"]} < {study.id for study in data.unlabelled}
    held = {study.patient_id for split in ("validation", "test") for study in data.splits[split]}
    assert not held & {study.patient_id for study in data.unlabelled}
    divided = data.divided
    assert {name for name, (_, split) in divided.items() if split == "train"} == {each.id for each in data.unlabelled}
    assert {study.id for study in data.undrawn} < set(divided)
    for split in ("validation", "test"):
        assert {study.id for study in data.splits[split]} == {name for name in divided if divided[name][1] == split}
    said = data.describe()
    assert said["labelled"]["cases"] == sorted(study.id for study in data.splits["train"])
    assert (said["labelled"]["per_class"], said["unlabelled"]) == (2, 16 * 3 + 6 - 4)
    assert said["left_out"] == 6  # the loops of a test study without a label, and of a patient who is tested
    assert "4 loops, each a case, for training, 50 more without a label" in said["description"]


def test_patients_kept_apart_are_not_learned_from_without_a_label_either(cohort):
    apart = {study.patient_id for study in cohort if study.split == "test"}
    words = ["--semi.method", "gan", "--semi.labels_per_class", "2", "--split.by", "patient"]
    every = open_data(apply_overrides(make_recipe(RECIPE), words), cohort)
    assert apart & {study.patient_id for study in every.unlabelled}
    kept = open_data(apply_overrides(make_recipe(RECIPE), [*words, "--split.keep_test_apart", "true"]), cohort)
    assert not apart & {study.patient_id for study in (*kept.studies, *kept.unlabelled)}


def test_supervised_alone_sees_nothing_else(cohort):
    data = open_data(apply_overrides(make_recipe(RECIPE), ["--semi.labels_per_class", "2"]), cohort)
    assert (len(data.splits["train"]), data.unlabelled) == (4, ())
    assert len(data.undrawn) == 16 * 3 - 4
    assert not {study.id for study in data.undrawn} & {study.id for study in data.studies}
    assert [split for _, split in data.divided.values()].count("train") == 16 * 3
    assert "unlabelled" not in data.describe()
    assert "labelled" not in open_data(make_recipe(RECIPE), cohort).describe()


def test_the_fingerprint_knows_what_was_labelled_and_what_was_not(cohort):
    prints = {
        open_data(apply_overrides(make_recipe(RECIPE), words), cohort).fingerprint
        for words in (
            [],
            ["--semi.labels_per_class", "2"],
            ["--semi.labels_per_class", "2", "--semi.seed", "1"],
            ["--semi.method", "gan"],
        )
    }
    assert len(prints) == 4
