"""Ways side by side: their figures, and differences on the same patients."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from cinecor.errors import DatasetError
from cinecor.evaluation import Drawing, evaluate
from cinecor.evaluation.ways import compare_ways, tabulate, ways_as_dict, ways_as_text

FEW = Drawing(resamples=200)


def _tables(noise, seed, studies=40):
    rng = np.random.default_rng(seed)
    true = np.random.default_rng(0).uniform(20, 70, studies)
    rows = {"study": [f"s{i}" for i in range(studies)], "patient": [f"p{i}" for i in range(studies)]}
    truth = pd.DataFrame({**rows, "split": "test", "quantity": "ef", "value": true})
    return truth.assign(value=true + rng.normal(0, noise, studies), cine=0, start=0), truth


@pytest.fixture(scope="module")
def ways():
    return {
        name: evaluate(*_tables(noise, seed), drawing=FEW) for seed, (name, noise) in enumerate([("a", 9), ("b", 4)])
    }


def test_the_table_has_both_that_are_called_r2(ways):
    table = tabulate(ways).set_index("way")
    for seed, (name, noise) in enumerate([("a", 9), ("b", 4)]):
        predictions, truth = _tables(noise, seed)
        assert table.loc[name, "r2"] == pytest.approx(r2_score(truth["value"], predictions["value"]))
        correlation = np.corrcoef(truth["value"], predictions["value"])[0, 1]
        assert table.loc[name, "pearson2"] == pytest.approx(correlation**2)
        assert table.loc[name, "mae"] == pytest.approx(mean_absolute_error(truth["value"], predictions["value"]))
        assert table.loc[name, "mae_low"] < table.loc[name, "mae"] < table.loc[name, "mae_high"]


def test_differences_are_those_of_the_figures(ways):
    (pair, found), *others = compare_ways(ways, drawing=FEW).items()
    assert (pair, others) == (("a", "b"), [])
    table = tabulate(ways).set_index("way")
    for name in ("mae", "rmse"):
        assert found[name].value == pytest.approx(table.loc["a", name] - table.loc["b", name])
        assert 0 < found[name].low < found[name].value < found[name].high  # b misses by half as much


def test_text_and_json_hold_them(ways):
    differences = compare_ways(ways, drawing=FEW)
    text = ways_as_text(ways, differences)
    assert "pearson2" in text
    assert "a minus b: rmse +" in text
    plain = json.loads(json.dumps(ways_as_dict(ways, differences), allow_nan=False))
    assert set(plain["ways"]) == {"a", "b"}
    assert plain["differences"][0]["mae"]["value"] == pytest.approx(differences["a", "b"]["mae"].value)


def test_other_studies_are_not_compared(ways):
    with pytest.raises(DatasetError, match="same studies"):
        compare_ways({**ways, "c": evaluate(*_tables(4, 2, studies=30), drawing=FEW)}, drawing=FEW)
