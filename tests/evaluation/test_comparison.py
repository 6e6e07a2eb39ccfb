"""Many trainings side by side, against numpy and loops."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, mean_absolute_error, r2_score, roc_auc_score, root_mean_squared_error

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.comparison import COSTS, RunRow, compare

FEW = Drawing(resamples=300, seed=1)
ORACLES = {
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
    "r2": r2_score,
    "pearson": lambda true, said: np.corrcoef(true, said)[0, 1],
}


@pytest.fixture(scope="module")
def rows(run_row):
    return [run_row("good", 4, 0), run_row("bad", 9, 0), run_row("good", 4, 1), run_row("bad", 9, 1)]


@pytest.fixture(scope="module")
def comparison(rows):
    return compare(rows, FEW)


def _model(comparison, name):
    (found,) = comparison.models[comparison.models["name"] == name].to_dict("records")
    return found


def _lost(**changes):
    return RunRow(**{"name": "lost", "family": "F", "variant": "V", "seed": 0, "failure": "OOM", **changes})


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("figure", list(ORACLES))
def test_means_and_deviations_over_seeds(rows, comparison, split, figure):
    each = [row.pairs[split] for row in rows if row.name == "good"]
    values = [ORACLES[figure](pairs["true"], pairs["predicted"]) for pairs in each]
    good = _model(comparison, "good")
    assert good[f"{split}_{figure}"] == pytest.approx(np.mean(values))
    assert good[f"{split}_{figure}_sd"] == pytest.approx(np.std(values, ddof=1))
    assert good["seeds"] == 2


def test_one_seed_has_no_deviation(run_row):
    (found,) = compare([run_row("x", 4, 0)], FEW).models.to_dict("records")
    assert found["test_rmse_sd"] is None


@pytest.mark.parametrize("figure", list(ORACLES))
def test_the_ensemble_is_the_mean_over_seeds_with_an_interval(rows, comparison, figure):
    tests = [row.pairs["test"] for row in rows if row.name == "good"]
    together = (tests[0]["predicted"] + tests[1]["predicted"]) / 2
    good = _model(comparison, "good")
    assert good[f"ensemble_{figure}"] == pytest.approx(ORACLES[figure](tests[0]["true"], together))
    assert good[f"ensemble_{figure}_low"] < good[f"ensemble_{figure}"] < good[f"ensemble_{figure}_high"]
    assert comparison.predictions["good"]["predicted"].to_numpy() == pytest.approx(together.to_numpy())


def test_pairs_are_judged_on_the_same_draws(comparison):
    (pair,) = comparison.pairs.to_dict("records")
    parts = [f"{name}_{part}" for name in ("rmse", "mae") for part in ("difference", "low", "high", "first_better")]
    assert comparison.pairs.columns.tolist() == ["first", "second", *parts]
    one, other = (comparison.predictions[name] for name in ("good", "bad"))
    errors = [(each["predicted"] - each["true"]).to_numpy() for each in (one, other)]
    rng, differences = np.random.default_rng(FEW.seed), []
    for drawn in rng.integers(0, len(one), (FEW.resamples, len(one))):
        differences.append(np.sqrt(np.mean(errors[0][drawn] ** 2)) - np.sqrt(np.mean(errors[1][drawn] ** 2)))
    whole = np.sqrt(np.mean(errors[0] ** 2)) - np.sqrt(np.mean(errors[1] ** 2))
    assert pair["rmse_difference"] == pytest.approx(whole)
    assert pair["rmse_first_better"] == pytest.approx(np.mean(np.array(differences) < 0))
    assert pair["rmse_low"] == pytest.approx(np.quantile(differences, 0.025), abs=0.4)  # BCa is near the percentiles
    assert pair["rmse_high"] == pytest.approx(np.quantile(differences, 0.975), abs=0.4)


def test_exchanging_two_models_turns_the_sign(rows, comparison):
    (pair,) = comparison.pairs.to_dict("records")
    (turned,) = compare(sorted(rows, key=lambda row: row.name), FEW).pairs.to_dict("records")
    assert (turned["first"], turned["second"]) == (pair["second"], pair["first"]) == ("bad", "good")
    for figure in ("rmse", "mae"):
        assert turned[f"{figure}_difference"] == pytest.approx(-pair[f"{figure}_difference"])
        assert turned[f"{figure}_low"] == pytest.approx(-pair[f"{figure}_high"])
        assert turned[f"{figure}_first_better"] == pytest.approx(1 - pair[f"{figure}_first_better"])


def test_the_order_of_rows_and_of_studies_changes_no_number(rows, comparison):
    def shuffled(row):
        return dataclasses.replace(row, pairs={split: each[::-1] for split, each in row.pairs.items()})

    turned = compare([shuffled(row) for row in reversed(rows)], FEW)
    assert list(turned.models["name"]) == ["bad", "good"]
    expected = comparison.models.sort_values("name").reset_index(drop=True)
    pd.testing.assert_frame_equal(turned.models, expected, rtol=1e-12)


def test_every_two_models_make_a_pair(run_row):
    comparison = compare([run_row(name, 4 + place, place) for place, name in enumerate("abcd")], FEW)
    assert list(zip(comparison.pairs["first"], comparison.pairs["second"], strict=True)) == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")
    ]  # fmt: skip


def test_failures_are_told_and_counted(rows):
    failed = RunRow(name="bad", family="F", variant="V", seed=2, failure="NONFINITE: it diverged")
    comparison = compare([*rows, failed, _lost(published={"rmse": 7.0})], FEW)
    assert comparison.failures.to_dict("records") == [
        {"name": "bad", "seed": 2, "reason": "NONFINITE: it diverged"},
        {"name": "lost", "seed": 0, "reason": "OOM"},
    ]
    by_name = comparison.models.set_index("name")
    assert list(by_name["failed"]) == [0, 1, 1]
    assert by_name.loc["lost", "seeds"] == 0
    assert by_name.loc["lost", "published_rmse"] == 7.0
    assert pd.isna(by_name.loc["lost", "collapsed"])
    assert pd.isna(by_name.loc["lost", "difference_rmse"])
    assert "lost" not in comparison.predictions


def test_a_failed_seed_changes_no_figure_of_the_others(rows, comparison):
    failed = RunRow(name="good", family="F", variant="V", seed=2, failure="OOM")
    with_it, without = _model(compare([failed, *rows], FEW), "good"), _model(comparison, "good")
    assert (with_it.pop("failed"), without.pop("failed")) == (1, 0)
    assert with_it == without


@pytest.mark.parametrize("rows_of", [[], [_lost()]])
def test_nothing_that_ended_well(rows_of):
    comparison = compare(rows_of, FEW)
    assert len(comparison.models) == len(comparison.failures) == len(rows_of)
    assert comparison.pairs.empty
    assert comparison.quantity == ""


def test_collapse_is_no_better_than_the_training_mean(run_row, pairs):
    """Constant at the training mean, constant at the test's own mean, and worse than both: all are collapses."""
    shifted = pairs(4, 0, split="train").assign(true=lambda table: table["true"] + 3)
    test = pairs(4, 0)
    said = {
        "training mean": shifted["true"].mean(),
        "test mean": test["true"].mean(),
        "upside down": 2 * test["true"].mean() - test["true"],
        "weak": test["true"].mean() + 0.3 * (test["true"] - test["true"].mean()),
    }
    rows = [
        run_row(name, 4, 0, pairs={"train": shifted, "test": test.assign(predicted=each)})
        for name, each in said.items()
    ]
    comparison = compare(rows, FEW)
    assert comparison.models.set_index("name")["collapsed"].to_dict() == {
        "training mean": True, "test mean": True, "upside down": True, "weak": False
    }  # fmt: skip
    error = test["true"] - shifted["true"].mean()
    assert comparison.models["baseline_rmse"].tolist() == pytest.approx([np.sqrt((error**2).mean())] * 4)


def test_one_collapsed_seed_is_counted_and_does_not_condemn_the_model(run_row, pairs):
    flat = pairs(4, 0).assign(predicted=lambda table: table["true"].mean())
    found = _model(compare([run_row("x", 4, 0), run_row("x", 4, 1, pairs={"test": flat})], FEW), "x")
    assert (found["collapsed_seeds"], found["collapsed"]) == (1, False)


def test_published_numbers_and_what_lies_between(run_row):
    published = {"source": "paper, table 1", "rmse": 7.1, "mae": 5.4, "r2": None}
    found = _model(compare([run_row("x", 4, seed, published=published) for seed in (0, 1)], FEW), "x")
    assert (found["published_rmse"], found["published_mae"], found["published_r2"]) == (7.1, 5.4, None)
    assert found["difference_rmse"] == pytest.approx(found["test_rmse"] - 7.1)
    assert found["difference_mae"] == pytest.approx(found["test_mae"] - 5.4)
    assert found["difference_r2"] is None
    assert "published_ensemble_rmse" not in found
    several = {**published, "ensemble_rmse": 6.5}
    assert _model(compare([run_row("x", 4, 0, published=several)], FEW), "x")["published_ensemble_rmse"] == 6.5


def test_costs_are_means_over_the_seeds_that_have_them(run_row):
    one = run_row("x", 4, 0, cost={"parameters": 10, "flops": 4, "train_seconds": 100.0, "threads": 2})
    other = run_row("x", 4, 1, cost={"parameters": 10, "train_seconds": 300.0})
    found = _model(compare([one, other, run_row("x", 4, 2)], FEW), "x")
    assert (found["parameters"], found["flops"], found["train_seconds"], found["threads"]) == (10, 4, 200, 2)
    assert set(COSTS) <= set(found)
    assert found["peak_mb"] is None


def test_gaps_are_those_of_figure_15(run_row):
    """Training minus test, and validation minus training loss at the epoch that was kept, mean over seeds."""
    histories = [
        pd.DataFrame(
            {
                "epoch": [1, 2, 3],
                "train_loss": [90.0, 40.0, 10.0],
                "validation_loss": [95.0, loss, 80.0],
                "validation_rmse": [9.7, 7.0, 8.9],
            }
        )
        for loss in (50.0, 60.0)
    ]
    found = _model(compare([run_row("x", 4, seed, history=each) for seed, each in enumerate(histories)], FEW), "x")
    assert found["gap_loss"] == pytest.approx((10 + 20) / 2)
    for figure in ORACLES:
        assert found[f"gap_{figure}"] == pytest.approx(found[f"train_{figure}"] - found[f"test_{figure}"])
    assert found["gap_rmse"] < 0 < found["gap_r2"]


def test_without_a_history_there_is_no_gap_of_losses(run_row, pairs):
    found = _model(compare([run_row("x", 4, 0, pairs={"test": pairs(4, 0)})], FEW), "x")
    assert (found["gap_loss"], found["gap_rmse"], found["train_rmse"]) == (None, None, None)


def _other_patient(table):
    return table.assign(patient=["someone", *table["patient"][1:]])


def _other_truth(table):
    return table.assign(true=table["true"] + 1)


@pytest.mark.parametrize("changed", [lambda table: table[:-1], _other_patient, _other_truth])
@pytest.mark.parametrize(("name", "seed"), [("other", 0), ("good", 1)])
def test_other_patients_or_truth_are_refused_between_models_and_between_seeds(run_row, pairs, changed, name, seed):
    with pytest.raises(DatasetError, match="BAD_SPLIT"):
        compare([run_row("good", 4, 0), run_row(name, 4, seed, pairs={"test": changed(pairs(4, 0))})], FEW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "good", "seed": 0}, "DUPLICATE_ID"),
        ({"pairs": {}}, "BAD_SPLIT"),
        ({"pairs": {"test": pd.DataFrame({"study": ["a"], "patient": ["a"], "predicted": [1.0]})}}, "MISSING_COLUMN"),
    ],
)
def test_what_cannot_be_compared_is_refused(run_row, changes, code):
    with pytest.raises(DatasetError, match=code):
        compare([run_row("good", 4, 0), run_row(**{"name": "odd", "noise": 4, "seed": 0, **changes})], FEW)


def test_two_quantities_are_refused(run_row, pairs):
    volumes = {"test": pairs(4, 0).assign(quantity="edv_ml")}
    with pytest.raises(DatasetError, match="BAD_LABEL"):
        compare([run_row("good", 4, 0), run_row("volume", 4, 0, pairs=volumes)], FEW)


def _decided(name, noise, seed, pairs):
    """A training that says how likely each heart is below 50 %."""
    table = pairs(noise, seed)
    likely = 1 / (1 + np.exp((table["predicted"] - 50) / 5))
    test = table.assign(quantity="infarct", true=(table["true"] < 50).astype(float), predicted=likely)
    return RunRow(name=name, family="F", variant="", seed=0, pairs={"test": test}, published={"f1": 0.8})


def test_a_yes_or_no_has_its_own_figures(pairs):
    sharp, dull = (_decided(name, noise, 3, pairs) for name, noise in (("sharp", 2), ("dull", 25)))
    found = compare([sharp, dull], FEW)
    assert found.binary
    assert found.figures == ("auroc", "sensitivity", "specificity", "precision", "f1", "accuracy")
    table = dull.pairs["test"]
    called, sick = table["predicted"] >= 0.5, table["true"] > 0
    row = found.models.set_index("name").loc["dull"]
    assert row["test_f1"] == pytest.approx(f1_score(sick, called))
    assert row["ensemble_auroc"] == pytest.approx(roc_auc_score(sick, table["predicted"]))
    assert row["ensemble_auroc_low"] < row["ensemble_auroc"] < row["ensemble_auroc_high"]
    assert row["difference_f1"] == pytest.approx(row["test_f1"] - 0.8)
    (pair,) = found.pairs.to_dict("records")
    assert pair["auroc_difference"] > 0
    assert pair["auroc_first_better"] > 0.95
    assert pair["f1_low"] <= pair["f1_difference"] <= pair["f1_high"]
