"""Rows as they are listed: a column for each figure that any of them published, and nothing left out."""

from __future__ import annotations

import re

import pytest

from cinecor.cli.published_rows import list_published
from cinecor.training.benchmarks import select_rows


@pytest.mark.parametrize(
    ("paper", "tables", "only", "columns"),
    [
        ("000", (), [], ["RMSE", "MAE", "R²"]),
        ("001", (5,), [], ["accuracy", "F1"]),
        ("004", (2,), [], ["accuracy", "training", "ensemble"]),
        ("004", (3,), [], ["accuracy", "F1", "ensemble"]),
        ("004", (), ["*_mask"], ["cross-entropy"]),
        ("004", (), ["fixmatch_*"], []),
    ],
)
def test_there_are_the_columns_that_a_row_has_a_figure_for(paper, tables, only, columns):
    head, *_ = list_published(select_rows(paper, tables, only)).splitlines()
    assert re.split("  +", head.strip()) == ["row", "name", "family", "variant", *columns, "tables"]


@pytest.mark.parametrize("paper", ["000", "001", "003", "004"])
def test_every_figure_stands_there_once(paper):
    rows = {name: recipe for name, recipe in select_rows(paper).items() if recipe.published is not None}
    head, *lines = list_published(rows).splitlines()
    wide = head.index("tables")
    for name, recipe in rows.items():
        place = next(place for place, line in enumerate(lines) if re.match(rf" *{recipe.published.row}  {name} ", line))
        assert lines[place][head.index("variant") :].startswith(recipe.published.variant)
        assert lines[place][wide:] == ", ".join(map(str, recipe.published.tables))
        below = []
        for line in lines[place + 1 :]:
            if not line.startswith("     "):
                break
            below.append(line)
        figures = recipe.published.model_dump(exclude={"row", "rmse", "mae", "r2", "r2_mean", "r2_sd"})
        said = " ".join(re.split("[ ,]+", f"{lines[place][:wide]} {' '.join(below)}"))
        for value in figures.values():
            if isinstance(value, float):
                assert f"{value:g}" in said.split(" "), (name, value, said)
