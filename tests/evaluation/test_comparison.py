"""Many trainings side by side, against numpy and a loop over draws."""

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.comparison import RunRow, compare

FEW = Drawing(resamples=400, seed=1)


def _pairs(noise, seed, count=60):
    rng = np.random.default_rng(99)
    true = rng.normal(55, 12, count)
    said = true + np.random.default_rng(seed).normal(0, noise, count)
    names = [f"s{number:03d}" for number in range(count)]
    return pd.DataFrame({"study": names, "patient": names, "predicted": said, "true": true})


def _row(name, noise, seed, **changes):
    pairs = {split: _pairs(noise, 10 * seed + place) for place, split in enumerate(("train", "validation", "test"))}
    return RunRow(**{"name": name, "family": "F", "variant": "V", "seed": seed, "pairs": pairs, **changes})


ROWS = [_row("good", 4, 0), _row("bad", 9, 0), _row("good", 4, 1), _row("bad", 9, 1)]


@pytest.fixture(scope="module")
def comparison():
    return compare(ROWS, FEW)


def test_means_and_deviations_over_seeds(comparison):
    errors = [row.pairs["test"]["predicted"] - row.pairs["test"]["true"] for row in ROWS if row.name == "good"]
    rmses = [float(np.sqrt(np.mean(error**2))) for error in errors]
    (good,) = comparison.models[comparison.models["name"] == "good"].to_dict("records")
    assert good["test_rmse"] == pytest.approx(np.mean(rmses))
    assert good["test_rmse_sd"] == pytest.approx(np.std(rmses, ddof=1))
    assert good["seeds"] == 2


def test_the_ensemble_is_the_mean_over_seeds_with_an_interval(comparison):
    tests = [row.pairs["test"] for row in ROWS if row.name == "good"]
    error = (tests[0]["predicted"] + tests[1]["predicted"]) / 2 - tests[0]["true"]
    (good,) = comparison.models[comparison.models["name"] == "good"].to_dict("records")
    assert good["ensemble_mae"] == pytest.approx(np.abs(error).mean())
    assert good["ensemble_mae_low"] < good["ensemble_mae"] < good["ensemble_mae_high"]


def test_pairs_are_judged_on_the_same_draws(comparison):
    (pair,) = comparison.pairs.to_dict("records")
    one, other = (comparison.predictions[name] for name in ("good", "bad"))
    errors = [(each["predicted"] - each["true"]).to_numpy() for each in (one, other)]
    expected = np.sqrt(np.mean(errors[0] ** 2)) - np.sqrt(np.mean(errors[1] ** 2))
    assert pair["rmse_difference"] == pytest.approx(expected)
    rng, differences = np.random.default_rng(5), []
    for _ in range(2000):
        drawn = rng.integers(0, len(one), len(one))
        differences.append(np.sqrt(np.mean(errors[0][drawn] ** 2)) - np.sqrt(np.mean(errors[1][drawn] ** 2)))
    assert pair["rmse_low"] == pytest.approx(np.quantile(differences, 0.025), abs=0.4)
    assert pair["rmse_high"] == pytest.approx(np.quantile(differences, 0.975), abs=0.4)
    assert pair["first_better"] == pytest.approx(np.mean(np.array(differences) < 0), abs=0.05)


def test_exchanging_two_models_turns_the_sign(comparison):
    (pair,) = comparison.pairs.to_dict("records")
    (turned,) = compare([row for name in ("bad", "good") for row in ROWS if row.name == name], FEW).pairs.to_dict(
        "records"
    )
    assert (turned["first"], turned["second"]) == ("bad", "good")
    assert turned["rmse_difference"] == pytest.approx(-pair["rmse_difference"])


def test_failures_are_told_and_counted():
    failed = RunRow(name="bad", family="F", variant="V", seed=2, failure="NONFINITE: it diverged")
    lost = RunRow(name="lost", family="F", variant="V", seed=0, failure="OOM", published={"rmse": 7.0})
    comparison = compare([*ROWS, failed, lost], FEW)
    assert comparison.failures.to_dict("records") == [
        {"name": "bad", "seed": 2, "reason": "NONFINITE: it diverged"},
        {"name": "lost", "seed": 0, "reason": "OOM"},
    ]
    by_name = comparison.models.set_index("name")
    assert list(by_name["failed"]) == [0, 1, 1]
    assert by_name.loc["lost", "seeds"] == 0
    assert by_name.loc["lost", "published_rmse"] == 7.0


def test_a_collapse_is_flagged():
    flat = _pairs(4, 0)
    flat["predicted"] = flat["true"].mean()
    comparison = compare([_row("flat", 4, 0, pairs={"test": flat}), ROWS[0]], FEW)
    assert comparison.models.set_index("name")["collapsed"].to_dict() == {"flat": True, "good": False}


def test_costs_and_published_numbers_stand_beside():
    row = _row("x", 4, 0, cost={"parameters": 10, "flops": 4}, published={"rmse": 7.1, "mae": 5.4, "r2": 0.66})
    (found,) = compare([row], FEW).models.to_dict("records")
    assert (found["parameters"], found["flops"], found["published_mae"]) == (10, 4, 5.4)


def test_other_patients_are_refused():
    with pytest.raises(DatasetError, match="BAD_SPLIT"):
        compare([ROWS[0], _row("other", 4, 0, pairs={"test": _pairs(4, 0, 59)})], FEW)


def test_it_can_be_written(comparison, tmp_path):
    from cinecor.evaluation.comparison_report import write_comparison

    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [9.0, 4.0], "validation_loss": [10.0, 6.0]})
    lost = RunRow(name="<lost>", family="F", variant="V", seed=0, failure="OOM & out", published={"rmse": 7.0})
    cost = {"parameters": 10, "flops": 4e9, "train_ms_per_clip": 3.0, "inference_ms_per_clip": 1.0, "peak_mb": 5.0}
    written = compare([*ROWS, _row("third", 6, 0, history=history, cost=cost), lost], FEW)
    tables = {"Table 1": ["good", "bad"], "Table 2": ["<lost>"], "Table 3": ["nobody"]}
    page = write_comparison(tmp_path, written, title="Paper", tables=tables, synthetic=True, facts="60 hearts.")
    text = page.read_text()
    assert "&lt;lost&gt;" in text
    assert "<lost>" not in text
    assert "synthetic hearts" in text
    assert "Table 2" in text
    assert "Table 3" not in text
    assert {path.name for path in tmp_path.iterdir()} == {
        "comparison.html",
        "comparison.csv",
        "comparison.md",
        "pairs.csv",
        *(f"{name}.svg" for name in ("predicted-versus-true", "bland-altman", "generalisation-gap")),
        *(f"{name}.svg" for name in ("performance-against-gap", "learning-curves")),
    }
    again = write_comparison(
        tmp_path / "again", written, title="Paper", tables=tables, synthetic=True, facts="60 hearts."
    )
    assert again.read_bytes() == page.read_bytes()
    assert list(pd.read_csv(tmp_path / "comparison.csv")["name"]) == ["good", "bad", "third", "<lost>"]
    markdown = (tmp_path / "comparison.md").read_text()
    assert markdown.count("| good |") == 1
    assert "OOM & out" in markdown


def test_nothing_but_failures_can_be_written(tmp_path):
    from cinecor.evaluation.comparison_report import write_comparison

    lost = RunRow(name="lost", family="F", variant="V", seed=0, failure="OOM")
    assert "OOM" in write_comparison(tmp_path, compare([lost], FEW), title="Paper").read_text()
