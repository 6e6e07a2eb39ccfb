"""The plain numbers say what scikit-learn says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cinecor.training import diagnosis_parts
from cinecor.training.diagnosis_parts import fit_part

KINDS = {
    "forest": RandomForestClassifier,
    "extra": ExtraTreesClassifier,
    "boosting": GradientBoostingClassifier,
    "linear": LogisticRegression,
}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch) -> None:
    settings = {name: dict(values) for name, values in diagnosis_parts.SETTINGS.items()}
    for name in ("forest", "extra", "boosting"):
        settings[name]["n_estimators"] = 12
    monkeypatch.setattr(diagnosis_parts, "SETTINGS", settings)


def cohort(groups: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(groups)
    labels = np.arange(count) % groups
    rows = generator.normal(size=(count, 7)) * 10.0 ** np.arange(7) + labels[:, None] * 3.0
    rows[:, 3] = 1.0  # a figure that is the same for all
    return rows, np.array([f"G{label}" for label in labels])


@pytest.mark.parametrize("groups", [2, 5])
@pytest.mark.parametrize("name", KINDS)
def test_it_is_scikit_learns_to_rounding(name: str, groups: int) -> None:
    if (name, groups) == ("boosting", 2):
        pytest.skip("not offered for two groups")
    rows, labels = cohort(groups)
    settings = diagnosis_parts.SETTINGS[name]
    known, asked = rows[:40], rows[20:]
    if name == "linear":
        scaler = StandardScaler().fit(known)
        oracle = LogisticRegression(**settings).fit(scaler.transform(known), labels[:40])
        expected = oracle.predict_proba(scaler.transform(asked))
    else:
        expected = KINDS[name](random_state=3, **settings).fit(known, labels[:40]).predict_proba(asked)
    found = fit_part(name, known, labels[:40], seed=3).probabilities(asked)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_boosting_of_two_groups_is_refused() -> None:
    rows, labels = cohort(2)
    with pytest.raises(ValueError, match="boosting"):
        fit_part("boosting", rows, labels, seed=0)
