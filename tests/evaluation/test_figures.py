from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from cinecor.evaluation import Drawing, evaluate, figures

FEW = Drawing(resamples=100)


@pytest.fixture
def results(tables):
    predictions, truth = tables(60, ("ef", "edv_ml"))
    held = predictions[predictions["split"] == "validation"]
    return evaluate(predictions, truth, split="test", validation=held, drawing=FEW)


def test_predicted_versus_true(results) -> None:
    for quantity, sign, bands in (("ef", "%", 3), ("edv_ml", "mL", 0)):
        result = results.quantity(quantity)
        figure = figures.predicted_versus_true(results.pairs, result)
        (axes,) = figure.axes
        assert axes.get_xlabel() == f"True ({sign})"
        assert axes.get_ylabel() == f"Predicted ({sign})"
        assert axes.get_xlim() == axes.get_ylim()
        rows = results.pairs[results.pairs["quantity"] == quantity]
        drawn = np.asarray(axes.collections[0].get_offsets())
        assert drawn == pytest.approx(rows[["true", "predicted"]].to_numpy())
        low, high = axes.get_xlim()
        assert (drawn > low).all()
        assert (drawn < high).all()
        assert len(axes.texts) == bands
        assert f"n = {result.studies} studies" in axes.get_title()


def test_bland_altman(results) -> None:
    result = results.quantity("edv_ml")
    (axes,) = figures.bland_altman(results.pairs, result).axes
    assert axes.get_xlabel() == "Mean of predicted and true (mL)"
    assert axes.get_ylabel() == "Predicted − true (mL)"
    lines = [line.get_ydata()[0] for line in axes.lines]
    agreement = result.agreement
    assert lines == [0, agreement.bias.value, agreement.lower.value, agreement.upper.value]
    rows = results.pairs[results.pairs["quantity"] == "edv_ml"]
    drawn = np.asarray(axes.collections[0].get_offsets())
    assert drawn[:, 1] == pytest.approx((rows["predicted"] - rows["true"]).to_numpy())


def test_calibration_curve(results) -> None:
    result = results.quantity("ef")
    figure = figures.calibration_curve(result)
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Level of the interval (%)"
    assert axes.get_ylabel() == "Truth inside (%)"
    low, high = axes.get_ylim()
    assert all(low <= 100 * point.coverage <= high for point in result.calibration.curve)


def test_low_coverage_is_in_the_picture(tables) -> None:
    predictions, truth = tables(60)
    held = predictions[predictions["split"] == "validation"]
    off = predictions.assign(
        value=predictions["value"].where(predictions["split"] != "test", predictions["value"] + 40)
    )
    result = evaluate(off, truth, split="test", validation=held, drawing=FEW).quantity("ef")
    axes = figures.calibration_curve(result).axes[0]
    assert result.calibration.coverage.value == 0
    assert axes.get_ylim()[0] <= 0


def test_roc_curves(results) -> None:
    found = results.quantity("ef")
    axes = figures.roc_curves(results.pairs, found).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels] == [f"EF < {each} %" for each in (35, 40, 45, 50)]
    for line, detection in zip(axes.get_lines(), found.detections, strict=False):
        x, y = line.get_data()
        assert np.trapezoid(y, x) / 1e4 == pytest.approx(detection.auroc.value)


def test_no_class_no_roc_curve(tables) -> None:
    predictions, truth = tables(40)
    healthy = truth.assign(value=60.0 + np.arange(len(truth)) % 7)
    results = evaluate(predictions, healthy, split="test", drawing=FEW)
    assert figures.roc_curves(results.pairs, results.quantity("ef")) is None


def test_no_intervals_no_calibration_curve(tables) -> None:
    assert figures.calibration_curve(evaluate(*tables(40), split="test", drawing=FEW).quantity("ef")) is None


def test_two_studies_and_constant_values(tables) -> None:
    predictions, truth = tables(4, ("edv_ml",))
    results = evaluate(predictions.assign(value=50.0), truth.assign(value=50.0), split="test", drawing=FEW)
    for draw in (figures.predicted_versus_true, figures.bland_altman):
        ET.fromstring(figures.to_svg(draw(results.pairs, results.quantity("edv_ml"))))


def test_learning_curves() -> None:
    history = pd.DataFrame(
        {"epoch": [0, 1, 2], "train_rmse": [9, 8, 7], "validation_rmse": [9, 8.5, 8], "validation_loss": [3, 2, 1]}
    )
    figure = figures.learning_curves(history)
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Epoch"
    assert "RMSE" in axes.get_ylabel()
    assert [line.get_label() for line in axes.lines] == ["train", "validation"]
    assert list(axes.lines[1].get_ydata()) == [9, 8.5, 8]
    assert len(figures.learning_curves(history.drop(columns="train_rmse")).axes) == 2
    assert figures.learning_curves(history[["epoch"]]) is None
    assert figures.learning_curves(history.drop(columns="epoch")) is None


def test_generalisation_gap() -> None:
    metrics = {
        "train": {"rmse": 5.0, "mae": 4.0},
        "validation": {"rmse": 6.0, "mae": 4.5},
        "test": {"rmse": 7.5, "mae": None},
    }
    figure = figures.generalisation_gap(metrics)
    assert figure is not None
    (axes,) = figure.axes
    assert [patch.get_height() for patch in axes.patches] == [5, 6, 7.5]
    assert [text.get_text() for text in axes.texts] == ["gap +2.50"]
    assert "unit" in axes.get_ylabel()
    assert figures.generalisation_gap({"test": metrics["test"]}) is None
    assert figures.generalisation_gap({}) is None


def test_svg_is_text_and_the_same_again(results) -> None:
    result = results.quantity("ef")
    one, two = (figures.to_svg(figures.predicted_versus_true(results.pairs, result)) for _ in range(2))
    assert one == two
    assert one.startswith("<svg")
    assert ">True (%)<" in one
    ET.fromstring(one)
