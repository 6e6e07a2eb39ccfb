"""Rows that fit the data, and rows whose network was exchanged."""

from __future__ import annotations

import pytest

from cinecor.errors import ConfigError
from cinecor.training.benchmarks import fit_rows, plan
from cinecor.training.gathering import gather
from cinecor.training.recipe import load_recipe, make_recipe
from cinecor.training.sweep import Outcome


def _row(layout=""):
    published = {"source": "a paper", "family": "Inception", "variant": "B1", "layout": layout}
    return make_recipe({"published": published})


ROWS = {"any": _row(), "echo": _row("echonet_dynamic"), "camus": _row("camus"), "infarct": _row("hmc_qu")}


def test_rows_of_other_layouts_are_left_out_with_a_line():
    fit, note = fit_rows(ROWS, "echonet_dynamic")
    assert list(fit) == ["any", "echo"]
    assert note == "left out, because the data folder is echonet_dynamic: camus (camus); infarct (hmc_qu)"
    assert fit_rows(fit, "echonet_dynamic", ["any"]) == (fit, "")
    assert list(fit_rows(ROWS, "camus", ["*"])[0]) == ["any", "camus"]
    assert fit_rows({"own": make_recipe({})}, "acdc") == ({"own": make_recipe({})}, "")


@pytest.mark.parametrize(("names", "only"), [(["camus", "any"], ["camus"]), (["camus", "infarct"], ["*"])])
def test_a_row_that_was_named_is_not_left_out_silently(names, only):
    with pytest.raises(ConfigError, match=r"CONFLICT.*camus \(camus\)"):
        fit_rows({name: ROWS[name] for name in names}, "acdc", only)


def test_transfer_rows_say_which_data_they_are_of():
    layouts = {
        name: load_recipe(f"001/{name}").published.layout for name in ("coreecho", "camus_probe", "hmc_qu_probe")
    }
    assert list(layouts.values()) == ["echonet_dynamic", "camus", "hmc_qu"]


@pytest.mark.parametrize(
    ("changes", "called"),
    [
        ([], ("Inception", "B1")),
        (["--epochs", "2", "--model.options.head", "A"], ("Inception", "B1")),
        (["--model.options.width", "0.5"], ("i3d", "B1, with width 0.5")),
        (["--model.name", "r3d_18"], ("r3d_18", "B1, r3d_18 instead of i3d")),
    ],
)
def test_a_row_is_called_by_the_network_that_ran(changes, called, tmp_path):
    jobs = plan({"any": ROWS["any"]}, 1, changes, tmp_path)
    (row,) = gather([Outcome(job=job, failure="not run") for job in jobs])
    assert (row.family, row.variant) == called
