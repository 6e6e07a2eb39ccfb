from __future__ import annotations

import numpy as np
import pytest

from cinecor.errors import DatasetError
from cinecor.evaluation import class_table

NAMES = ("DCM", "NOR", "RV")


@pytest.fixture
def tables(class_tables):
    rng = np.random.default_rng(0)
    likely, true = rng.dirichlet(np.ones(3), 16), np.repeat([0, 1, 2, 0], 2)
    return likely, true, *class_tables(likely, true)


def test_clips_studies_and_patients_are_means_of_probabilities(tables) -> None:
    likely, true, said, known = tables
    clips = class_table.by_clip(said.sample(frac=1, random_state=1), known, "group")
    assert class_table.class_names(clips) == NAMES
    assert class_table.probabilities(clips) == pytest.approx(likely)
    assert clips["true"].tolist() == np.repeat(true, 2).tolist()
    studies = class_table.by_study(said, known, "group")
    assert class_table.probabilities(studies) == pytest.approx(likely.reshape(8, 2, 3).mean(1))
    assert studies["clips"].tolist() == [2] * 8
    patients = class_table.by_patient(clips)
    means = likely.reshape(4, 4, 3).mean(1)
    assert class_table.probabilities(patients) == pytest.approx(means)
    assert patients["predicted"].tolist() == means.argmax(1).tolist()
    assert patients["true"].tolist() == true[::2].tolist()
    given = class_table.patient_table(said, "group")
    assert given.columns.tolist() == ["patient", "split", "p_DCM", "p_NOR", "p_RV", "clips"]
    assert given[["p_DCM", "p_NOR", "p_RV"]].to_numpy() == pytest.approx(means)
    assert given["clips"].tolist() == [4] * 4


def test_a_patient_of_two_classes_has_no_vote(class_tables) -> None:
    said, known = class_tables(np.full((4, 3), 1 / 3), np.array([0, 1]))
    assert class_table.by_patient(class_table.by_clip(said, known, "group")) is None


def test_families_are_what_stands_before_the_sign() -> None:
    assert class_table.families(["view=PLAX", "ef", "view=A4C", "group=NOR"]) == {
        "group": ("NOR",),
        "view": ("A4C", "PLAX"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said, known: (said.drop(index=2), known), "classes of group are missing"),
        (lambda said, known: (said.assign(value=0.9), known), "do not sum to 1"),
        (lambda said, known: (said, known.assign(value=1.0)), "not of exactly one class"),
        (lambda said, known: (said, known[known["study"] != "s01"]), "without a true class"),
        (lambda said, known: (said.replace("group=RV", "group=X"), known), "classes of group are missing"),
    ],
)
def test_tables_that_are_not_sound_are_refused(tables, change, message: str) -> None:
    said, known = change(*tables[2:])
    with pytest.raises(DatasetError, match=message):
        class_table.by_clip(said, known, "group")
