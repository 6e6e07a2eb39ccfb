from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import Drawing, evaluate

FEW = Drawing(resamples=200)


def of(predictions: pd.DataFrame, split: str) -> pd.DataFrame:
    return predictions[predictions["split"] == split].reset_index(drop=True)


def plain(results) -> dict:
    return json.loads(json.dumps(results.as_dict(), allow_nan=False))


def small(true: list[float], predicted: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [
        {"study": f"s{i}", "patient": f"p{i}", "split": "test", "quantity": "ef", "value": value}
        for i, value in enumerate(true)
    ]
    truth = pd.DataFrame(rows)
    return truth.assign(value=predicted, cine=0, start=0), truth


def test_figures_are_those_of_sklearn_on_study_means(tables) -> None:
    predictions, truth = tables(80)
    results = evaluate(predictions, truth, split="test", drawing=FEW)
    found = results.quantity("ef")
    means = of(predictions, "test").groupby("study")["value"].mean()
    true = truth.set_index("study").loc[means.index, "value"]
    assert found.figure("mae").value == pytest.approx(mean_absolute_error(true, means))
    assert found.figure("r2").value == pytest.approx(r2_score(true, means))
    assert [each.threshold for each in found.detections] == [35, 40, 45, 50]
    for each in found.detections:
        assert each.auroc.value == each.auroc_drawn.value == pytest.approx(roc_auc_score(true < each.threshold, -means))
    training = truth[truth["split"] == "train"]["value"]
    assert found.baseline.mean == pytest.approx(training.mean())
    assert (found.studies, found.patients, found.clips) == (40, 40, 120)


def test_intervals_contain_the_point(tables) -> None:
    found = evaluate(*tables(80), split="test", drawing=FEW).quantity("ef")
    for figure in (*found.figures, found.baseline.skill, found.agreement.bias, found.right_band):
        assert figure.low < figure.value < figure.high, figure
        assert figure.reason == ""


def test_order_of_rows_does_not_matter(tables) -> None:
    predictions, truth = tables(60, each=2)
    validation = of(predictions, "validation")
    one = plain(evaluate(predictions, truth, split="test", validation=validation, drawing=FEW))
    other = plain(
        evaluate(
            predictions.sample(frac=1, random_state=1),
            truth.sample(frac=1, random_state=2),
            split="test",
            validation=validation.sample(frac=1, random_state=3),
            drawing=FEW,
        )
    )
    assert flat(one) == pytest.approx(flat(other))


def flat(value, name="") -> dict:
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in flat(part, f"{name}.{key}").items()}
    if isinstance(value, list):
        return {k: v for number, part in enumerate(value) for k, v in flat(part, f"{name}.{number}").items()}
    return {name: value}


def test_bands_and_confusion(tables) -> None:
    results = evaluate(*tables(80), split="test", drawing=FEW)
    found, pairs = results.quantity("ef"), results.pairs
    inside = pairs[(pairs["true"] >= 40) & (pairs["true"] < 50)]
    middle = found.bands[1]
    assert middle.studies == len(inside)
    assert middle.figures[0].value == pytest.approx((inside["predicted"] - inside["true"]).abs().mean())
    assert sum(band.studies for band in found.bands[:3]) == found.studies == np.sum(found.confusion)
    assert found.right_band.value == pytest.approx(np.trace(np.array(found.confusion)) / found.studies)


def test_other_quantities_have_no_bands_and_their_unit(tables) -> None:
    results = evaluate(*tables(40, ("edv_ml", "ef")), split="test", drawing=FEW)
    assert [found.quantity for found in results.quantities] == ["ef", "edv_ml"]  # EF first
    volume = plain(results)["quantities"][1]
    assert (volume["bands"], volume["confusion"], volume["right_band"]) == ([], [], None)
    assert (volume["mae"]["unit"], volume["r2"]["unit"]) == ("mL", "")
    assert volume["agreement"]["bias"]["unit"] == "mL"


def test_conformal_intervals_from_validation(tables) -> None:
    predictions, truth = tables(120)
    results = evaluate(
        of(predictions, "test"), truth, validation=of(predictions, "validation"), interval_level=0.8, drawing=FEW
    )
    found = results.quantity("ef").calibration
    assert found.calibration_studies == 30
    assert found.level == 0.8
    errors = (results.pairs["predicted"] - results.pairs["true"]).abs()
    assert found.coverage.value == pytest.approx((errors <= found.mean_width / 2).mean())
    assert evaluate(predictions, truth, split="test", drawing=FEW).quantity("ef").calibration is None


def test_validation_is_not_calibrated_on_itself(tables) -> None:
    predictions, truth = tables(120)
    held = of(predictions, "validation")
    assert evaluate(held, truth, validation=held, drawing=FEW).quantity("ef").calibration is None


def test_own_intervals_come_first_and_narrow_ones_are_named(tables) -> None:
    predictions, truth = tables(120)
    own = predictions.assign(low=predictions["value"] - 1, high=predictions["value"] + 1)
    results = evaluate(own, truth, split="test", validation=of(own, "validation"), drawing=FEW)
    found = results.quantity("ef").calibration
    assert found.source == "intervals of the predictions"
    assert found.mean_width == pytest.approx(2)
    assert any("which chance does not explain" in text for text in results.warnings)


def test_warnings(tables) -> None:
    predictions, truth = tables(40)
    truth.loc[truth["study"] == "0001", "patient"] = truth.loc[truth["study"] == "0000", "patient"].item()
    some = of(predictions, "test")
    warnings = "\n".join(evaluate(some[some["study"] != "0002"], truth, drawing=FEW).warnings)
    assert "1 patient(s) of the test split are in another split" in warnings
    assert "ef: 1 of 20 studies of the split have no prediction." in warnings
    assert "ef: 19 patient(s) are few" in warnings


def test_one_split_is_scored(tables) -> None:
    predictions, truth = tables(40)
    with pytest.raises(ConfigError) as conflict:
        evaluate(predictions, truth, drawing=FEW)
    assert conflict.value.code == "CONFLICT"
    with pytest.raises(DatasetError) as absent:
        evaluate(of(predictions, "test"), truth, split="train", drawing=FEW)
    assert absent.value.code == "BAD_SPLIT"
    with pytest.raises(ConfigError):
        evaluate(of(predictions, "test"), truth, drawing=FEW).quantity("esv_ml")
    unknown = of(predictions, "test").replace({"study": {"0000": "9999"}})
    with pytest.raises(DatasetError, match="without a true value"):
        evaluate(unknown, truth, drawing=FEW)


@pytest.mark.parametrize(
    ("true", "predicted", "absent"),
    [
        ([55.0], [52.0], {"r2", "pearson", "pearson2", "icc"}),
        ([55.0, 60.0], [52.0, 61.0], {"r2", "pearson", "pearson2", "icc"}),
        ([55.0] * 6, [50.0, 51, 52, 53, 54, 56], {"r2", "pearson", "pearson2"}),
        ([50.0, 51, 52, 53, 54, 56], [55.0] * 6, {"pearson", "pearson2"}),
        ([0.1 + 0.2] * 6, [0.3] * 6, {"r2", "pearson", "pearson2", "icc"}),
        ([50.0, 60, 70], [50.0, 60, 70], set()),
        ([30.0, 60, 70, 55], [33.0, 63, 73, 58], set()),
    ],
)
def test_what_does_not_exist_is_said(true: list[float], predicted: list[float], absent: set[str]) -> None:
    results = evaluate(*small(true, predicted), drawing=FEW)
    found = results.quantity("ef")
    assert {figure.name for figure in found.figures if figure.value is None} == absent
    assert all(figure.reason for figure in found.figures if figure.value is None or figure.low is None)
    plain(results)
    assert "nan" not in results.as_text().lower().replace("reason", "")
    assert "NaN" not in json.dumps(results.as_dict())


def test_constant_predictions_are_called_constant() -> None:
    results = evaluate(*small([30.0, 45, 50, 60, 65, 70], [55.0] * 6), drawing=FEW)
    assert any("nearly constant" in text for text in results.warnings)
    reason = results.quantity("ef").figure("pearson").reason
    assert reason == "the predictions are all the same"


def test_text_for_a_terminal(tables) -> None:
    results = evaluate(*tables(40), split="test", drawing=FEW)
    text = results.as_text()
    assert text.startswith("ef, test: 20 studies of 20 patients\n")
    figure = results.quantity("ef").figure("mae")
    assert f"{figure.value:.2f} %   95% interval {figure.low:.2f} to {figure.high:.2f}" in text
    assert text.splitlines()[-1].startswith("warning: ")
    for name in ("rmse", "mae", "r2", "pearson", "icc", "bias", "skill"):
        assert f"\n  {name} " in text


def test_plain_results(tables) -> None:
    found = plain(evaluate(*tables(40), split="test", drawing=Drawing(resamples=99, seed=3, level=0.9)))
    assert (found["schema"], found["split"]) == (1, "test")
    assert (found["resamples"], found["seed"], found["level"]) == (99, 3, 0.9)
    assert found["quantities"][0]["bands"][0]["range"] == "EF < 40 %"


@pytest.mark.parametrize("seed", range(6))
def test_random_little_cohorts_never_break(seed: int) -> None:
    """Any few studies give plain results: ties, one class, perfect and constant predictions among them."""
    rng = np.random.default_rng(seed)
    for _ in range(8):
        studies = int(rng.integers(1, 9))
        true = rng.choice([30.0, 40.0, 45.5, 50.0, 61.0], studies)
        predicted = true if rng.random() < 0.2 else rng.choice([30.0, 45.5, 55.0], studies)
        predictions, truth = small(list(true), list(predicted))
        patients = {f"s{i}": f"p{i % int(rng.integers(1, 6))}" for i in range(studies)}
        for table in (predictions, truth):
            table["patient"] = table["study"].map(patients)
        plain(evaluate(predictions, truth, drawing=Drawing(resamples=50)))
