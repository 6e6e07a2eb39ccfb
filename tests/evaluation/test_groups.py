"""Figures within groups of studies, against scikit-learn on the part."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.comparison import compare
from cinecor.evaluation.comparison_report import write_comparison
from cinecor.evaluation.groups import by_group

FEW = Drawing(resamples=100, seed=1)
GROUPS = {f"test{n:03d}": "poor" if n % 3 == 0 else "good and medium" for n in range(1, 59)}


@pytest.fixture(scope="module")
def comparison(run_row):
    published = {"groups": {"poor": {"mae": 6.81, "pearson": 0.693}}}
    return compare([run_row("one", 4, 0, published=published), run_row("two", 9, 0)], FEW)


def test_each_group_is_scored_by_itself(comparison):
    found = by_group(comparison, GROUPS).set_index(["name", "group"])
    assert found.index.tolist() == [(name, group) for group in ("good and medium", "poor") for name in ("one", "two")]
    for (name, group), row in found.iterrows():
        part = comparison.predictions[name]
        part = part[[GROUPS.get(study) == group for study in part["study"]]]
        assert row["studies"] == len(part)
        assert row["mae"] == pytest.approx(mean_absolute_error(part["true"], part["predicted"]))
        assert row["pearson"] == pytest.approx(np.corrcoef(part["true"], part["predicted"])[0, 1])
        assert row["mae_low"] < row["mae"] < row["mae_high"]
    assert found.loc[("one", "poor"), "published_mae"] == 6.81
    assert found["published_mae"].notna().sum() == 1
    assert by_group(comparison, {}).empty


def test_they_stand_on_the_page_and_in_a_table(comparison, tmp_path):
    write_comparison(tmp_path, comparison, title="T", groups=GROUPS)
    text = (tmp_path / "comparison.md").read_text("utf-8")
    assert "## By group" in text
    assert "| one | poor | 19 |" in text
    assert (tmp_path / "groups.csv").read_text("utf-8").startswith("name,group,studies,rmse,")
    write_comparison(tmp_path / "none", comparison, title="T")
    assert "By group" not in (tmp_path / "none" / "comparison.html").read_text("utf-8")
