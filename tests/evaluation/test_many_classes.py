from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support, roc_auc_score

from cinecor.evaluation import Drawing
from cinecor.evaluation.bootstrap import draw
from cinecor.evaluation.many_classes import OF_CLASS, PLACED, _all_figures, confusion, recognise

FEW = Drawing(resamples=100)
NAMES = ("DCM", "HCM", "NOR", "RV")


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 4, 120)
    likely = rng.dirichlet(np.ones(4), 120) + 0.4 * np.eye(4)[true]
    return likely / likely.sum(1, keepdims=True), true, [f"p{number // 3}" for number in range(120)]


def test_every_figure_is_scikit_learns(sample) -> None:
    likely, true, patients = sample
    found, called = recognise(likely, true, NAMES, patients, drawing=FEW), likely.argmax(1)
    parts = precision_recall_fscore_support(true, called, zero_division=0)
    for place, one in enumerate(found.classes):
        for name, values in zip(("precision", "recall", "f1"), parts, strict=False):
            assert one.figure(name).value == pytest.approx(values[place])
        assert one.figure("auroc").value == pytest.approx(roc_auc_score(true == place, likely[:, place]))
        assert one.count == parts[3][place]
    for name, values in zip(("precision", "recall", "f1"), parts, strict=False):
        assert found.figure(f"macro_{name}").value == pytest.approx(values.mean())
        assert PLACED[f"macro_{name}"](called.astype(float), true.astype(float)) == pytest.approx(values.mean())
    assert found.figure("macro_auroc").value == pytest.approx(roc_auc_score(true, likely, multi_class="ovr"))
    assert found.figure("accuracy").value == pytest.approx(accuracy_score(true, called))
    assert np.array_equal(found.confusion, confusion_matrix(true, called))
    for figure in (*found.figures, *(each for one in found.classes for each in one.figures)):
        assert figure.low < figure.value < figure.high


def test_a_weight_is_a_repeated_row(sample) -> None:
    likely, true, _ = sample
    times = np.random.default_rng(4).integers(0, 3, len(true))
    repeated = _all_figures(likely.repeat(times, 0), true.repeat(times), np.ones(times.sum()))
    both = _all_figures(likely, true, np.stack([times, np.ones(len(true))]).astype(float))
    assert both[:, 0] == pytest.approx(repeated)
    assert both[:, 1] == pytest.approx(_all_figures(likely, true, np.ones(len(true))))


def test_intervals_are_over_patients_not_rows(sample) -> None:
    likely, true, patients = sample
    whole = recognise(likely, true, NAMES, patients, drawing=FEW).figure("accuracy")
    right = (likely.argmax(1) == true).astype(float)
    (oracle,) = draw(lambda w: np.stack([w @ right / w.sum(-1)]), patients, FEW).intervals
    assert (whole.low, whole.high) == pytest.approx((oracle.low, oracle.high))
    copied = recognise(likely.repeat(4, 0), true.repeat(4), NAMES, list(np.repeat(patients, 4)), drawing=FEW)
    assert (copied.figure("accuracy").low, copied.figure("accuracy").high) == pytest.approx((whole.low, whole.high))


def test_what_does_not_exist_says_why() -> None:
    likely = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    true = np.array([0, 0, 1, 1])
    found = recognise(likely, true, NAMES[:3], list("abcd"), drawing=FEW)
    assert found.classes[1].figure("precision").reason == "nothing is called so, which counts as 0 in the mean"
    assert found.classes[1].figure("recall").value == 0
    assert {found.classes[2].figure(name).reason for name in OF_CLASS} == {"nothing is of this class"}
    # the class that nothing is of has no part in the means: scikit-learn's with labels=[0, 1]
    parts = precision_recall_fscore_support(true, likely.argmax(1), labels=[0, 1], zero_division=0, average="macro")
    means = [found.figure(f"macro_{name}").value for name in ("precision", "recall", "f1")]
    assert means == pytest.approx(list(parts[:3]))
    alike = recognise(likely[:2], true[:2], NAMES[:3], ["a", "b"], drawing=FEW)
    assert alike.classes[0].figure("auroc").value is None
    assert alike.figure("macro_auroc").reason


def test_confusion_is_true_down_and_called_across() -> None:
    assert confusion(np.array([1, 1, 0]), np.array([0, 0, 1]), 2).tolist() == [[0, 2], [1, 0]]
