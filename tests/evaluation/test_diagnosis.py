from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.diagnosis import calibration_error, compare_figures, judge, table_of

GROUPS = ("DCM", "HCM", "NOR")
FEW = Drawing(resamples=200)


def table(count: int = 40, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    true = np.arange(count) % 3
    scores = np.exp(generator.normal(size=(count, 3)) + 1.5 * np.eye(3)[true])
    names = [f"p{place:03d}" for place in generator.permutation(count)]
    return table_of(names, [GROUPS[place] for place in true], GROUPS, scores / scores.sum(1, keepdims=True))


def test_figures_are_scikit_learns() -> None:
    rows = table()
    found = judge(rows, FEW)
    likely = rows[[f"p_{group}" for group in GROUPS]].to_numpy()
    accuracy, z = found.accuracy, 1.959963984540054
    share, count = metrics.accuracy_score(rows["group"], rows["predicted"]), len(rows)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    assert (accuracy.value, accuracy.method) == (pytest.approx(share), "Wilson")
    assert (accuracy.low, accuracy.high) == (pytest.approx(middle - half), pytest.approx(middle + half))
    assert found.log_loss == pytest.approx(metrics.log_loss(rows["group"], likely))
    expected = metrics.confusion_matrix(rows["group"], rows["predicted"])
    np.testing.assert_array_equal(np.array(found.recognised.confusion), expected)
    one_hot = (rows["group"].to_numpy()[:, None] == np.array(GROUPS)).astype(float)
    assert found.brier == pytest.approx(((likely - one_hot) ** 2).sum(1).mean())


def test_the_table_is_sorted_and_says_what_is_most_probable() -> None:
    rows = table_of(["b", "a"], ["NOR", "DCM"], GROUPS, np.array([[0.1, 0.2, 0.7], [0.2, 0.5, 0.3]]), [1, 0])
    assert rows["patient"].tolist() == ["a", "b"]
    assert rows["predicted"].tolist() == ["HCM", "NOR"]
    assert rows["fold"].tolist() == [0, 1]


def test_calibration_error_is_the_gap_between_said_and_so() -> None:
    likely = np.tile([0.75, 0.25], (8, 1))
    assert calibration_error(likely, np.array([0] * 6 + [1] * 2)) == pytest.approx(0.0)
    assert calibration_error(likely, np.array([0] * 8)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: rows.drop(columns="group"), "MISSING_COLUMN"),
        (lambda rows: rows.drop(columns=["p_DCM", "p_HCM"]), "MISSING_COLUMN"),
        (lambda rows: pd.concat([rows, rows.head(1)]), "BAD_LABEL"),
        (lambda rows: rows.assign(group="XYZ"), "BAD_LABEL"),
        (lambda rows: rows.assign(p_DCM=0.9), "BAD_LABEL"),
        (lambda rows: rows.assign(p_DCM=np.nan), "BAD_LABEL"),
    ],
)
def test_a_table_that_is_none_is_refused(change, code) -> None:
    with pytest.raises(DatasetError, match=code):
        judge(change(table()), FEW)


def test_figures_are_compared_patient_by_patient() -> None:
    true = pd.DataFrame({"patient": list("abcde"), "ef": [20.0, 30.0, 50.0, 60.0, 70.0], "rvef": 50.0})
    said = pd.DataFrame({"patient": list("edcba"), "ef": [72.0, 63.0, 51.0, 34.0, 20.0], "edv_ml": 1.0})
    found = compare_figures(said, true, {"ef": "%", "edv_ml": "mL", "rvef": "%"}).set_index("quantity")
    assert found.index.tolist() == ["ef"]
    assert found.loc["ef", "bias"] == pytest.approx(2.0)  # 0, 4, 1, 3, 2
    assert found.loc["ef", "mae"] == pytest.approx(2.0)
    spread = np.std([0, 4, 1, 3, 2], ddof=1)
    assert found.loc["ef", "lower"] == pytest.approx(2 - 1.96 * spread, abs=1e-3)
    assert found.loc["ef", "pearson"] == pytest.approx(np.corrcoef([20, 30, 50, 60, 70], [20, 34, 51, 63, 72])[0, 1])
