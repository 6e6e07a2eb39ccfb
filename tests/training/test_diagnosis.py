from __future__ import annotations

import numpy as np
import pytest

from cinecor.errors import DatasetError
from cinecor.models.tabular import softmax
from cinecor.training import diagnosis, diagnosis_parts
from cinecor.training.diagnosis import (
    FEATURES,
    PAIRS,
    Choice,
    Inner,
    Nested,
    fit_diagnosis,
    fit_temperature,
    log_loss,
    nest,
    rows_of,
)
from cinecor.training.diagnosis_importance import impurity, permutation

COLUMNS = ("a", "b", "noise")
INNER = Inner(folds=3, choices=(Choice(parts=("linear",), pairs=False), Choice(parts=("extra",), pairs=True)))


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    settings = {name: dict(values) for name, values in diagnosis_parts.SETTINGS.items()}
    for name in ("forest", "extra", "boosting"):
        settings[name]["n_estimators"] = 15
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis_parts, "SETTINGS", settings)
        yield


def cohort(each: int = 10, spread: float = 0.6, seed: int = 0) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Three groups that two figures tell apart, and a third that tells nothing; folds dealt group by group."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(["DCM", "MINF", "NOR"], each)
    middles = {"DCM": (0, 0), "MINF": (0, 3), "NOR": (3, 0)}
    rows = np.array([[*middles[label], 0.0] for label in labels]) + spread * generator.normal(size=(len(labels), 3))
    return rows, labels.tolist(), np.arange(len(labels)) % 3


def nested(rows, labels, folds, **changes):
    return nest(rows, labels, folds, **({"inner": INNER, "columns": COLUMNS} | changes))


@pytest.fixture(scope="module")
def plain() -> Nested:
    """The cohort as it is, cross-validated."""
    return nested(*cohort())


def test_groups_that_can_be_told_apart_are(plain) -> None:
    _, labels, _ = cohort()
    found = plain
    assert found.groups == ("DCM", "MINF", "NOR")
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)
    right = np.searchsorted(found.groups, labels)
    assert (found.probabilities.argmax(axis=1) == right).mean() >= 0.9


def test_what_cannot_be_told_apart_is_not() -> None:
    """With shuffled labels an honest cross-validation is at chance, however well the classifiers learn by heart."""
    rows, labels, folds = cohort(each=20)
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    found = nested(rows, shuffled, folds)
    right = np.searchsorted(found.groups, shuffled)
    assert (found.probabilities.argmax(axis=1) == right).mean() < 0.55
    assert log_loss(found.probabilities, right) > 0.9


def test_a_fold_has_no_say_in_what_it_is_judged_by(plain) -> None:
    """Whatever is true of the held-out patients, and whatever they measure, their fold's classifier stays the same."""
    rows, labels, folds = cohort()
    before = plain
    changed, other = rows.copy(), list(labels)
    for place in np.flatnonzero(folds == 1):
        changed[place] += 100.0
        other[place] = {"DCM": "MINF", "MINF": "NOR", "NOR": "DCM"}[other[place]]
    after = nested(changed, other, folds)
    assert after.classifiers[1] == before.classifiers[1]
    assert after.chosen[1] == before.chosen[1]
    assert after.classifiers[0] != before.classifiers[0]


def test_the_same_seed_gives_the_same_and_the_classifier_stands_alone() -> None:
    rows, labels, _ = cohort()
    one, chosen = fit_diagnosis(rows, labels, inner=INNER, columns=COLUMNS)
    other, _ = fit_diagnosis(rows, labels, inner=INNER, columns=COLUMNS)
    assert one == other
    assert one.columns == list(COLUMNS)
    assert one.temperature == chosen.temperature
    np.testing.assert_allclose(one.typical, np.median(rows, axis=0))


def test_pairs_have_a_rule_where_it_was_chosen() -> None:
    rows, labels, _ = cohort()
    anew, plain = (Inner(folds=3, choices=(Choice(parts=("extra",), pairs=pairs),)) for pairs in (True, False))
    found, _ = fit_diagnosis(rows, labels, inner=anew, columns=COLUMNS)
    assert [rule.groups for rule in found.pairs] == [PAIRS[0]]  # HCM is not there
    single, _ = fit_diagnosis(rows, labels, inner=plain, columns=COLUMNS)
    assert single.pairs == []


def test_figures_that_are_missing_do_not_stop_it() -> None:
    rows, labels, folds = cohort()
    rows[::7, 0] = np.nan
    found = nested(rows, labels, folds)
    assert np.isfinite(found.probabilities).all()


def test_temperature_makes_shy_probabilities_bold_and_bold_ones_shy() -> None:
    generator = np.random.default_rng(2)
    scores = generator.normal(size=(4000, 3)) * 1.5
    true = softmax(scores)
    right = np.array([generator.choice(3, p=row) for row in true])
    for factor in (0.5, 1.0, 2.0):
        assert fit_temperature(softmax(scores * factor), right) == pytest.approx(factor, rel=0.08)


def test_rows_have_the_columns_in_order_and_nan_where_unknown() -> None:
    rows = rows_of([{"ef": 50.0, "more": 1.0}, {}])
    assert rows.shape == (2, len(FEATURES))
    assert rows[0, FEATURES.index("ef")] == 50.0
    assert np.isnan(rows[1]).all()


def test_what_is_learned_from_knows_no_name_and_no_raw_volume() -> None:
    assert not {"patient", "fold", "group", "edv_ml", "rv_edv_ml", "lv_mass_g"} & set(FEATURES)
    assert len(set(FEATURES)) == len(FEATURES)


def test_too_few_patients_and_folds_are_refused() -> None:
    rows, labels, folds = cohort(each=4)
    with pytest.raises(DatasetError, match="BAD_LABEL: group: too few patients of DCM"):
        nested(rows, labels, folds, inner=Inner(folds=5))
    with pytest.raises(DatasetError, match="BAD_SPLIT"):
        nested(rows, labels, np.zeros(len(labels), dtype=np.int64))
    with pytest.raises(DatasetError, match="stratify"):
        nested(rows, labels, (np.array(labels) == "NOR").astype(np.int64))


def test_importance_is_that_of_the_figures_that_tell(plain) -> None:
    rows, labels, folds = cohort()
    table = permutation(plain, rows, labels, folds, COLUMNS, {name: (name,) for name in COLUMNS})
    assert table["figure"].iloc[-1] == "noise"
    by_name = table.set_index("figure")["permutation"]
    assert by_name["a"] > 0.2
    assert abs(by_name["noise"]) < 0.1
    both = permutation(plain, rows, labels, folds, COLUMNS, {"all": COLUMNS, "none": ()})
    assert both["figure"].tolist() == ["all", "none"]
    assert both["permutation"].iloc[1] == pytest.approx(0.0)
    shares = impurity(rows, labels, COLUMNS)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["noise"] < min(shares["a"], shares["b"])


def test_choices_offer_single_classifiers_first() -> None:
    assert [choice.parts for choice in diagnosis.CHOICES[:4]] == [("forest",), ("extra",), ("boosting",), ("linear",)]
    assert {choice.pairs for choice in diagnosis.CHOICES} == {False, True}
