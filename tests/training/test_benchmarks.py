"""Rows that fit the data, and rows whose network was exchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.clips import prepare
from cinecor.errors import ConfigError
from cinecor.models.public_weights import PUBLIC
from cinecor.records import Cine
from cinecor.training.benchmarks import fit_rows, plan, select_rows
from cinecor.training.gathering import gather
from cinecor.training.recipe import apply_overrides, load_recipe, make_recipe, network_options
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


MASK, START = "--mask.weights", "--start.weights"


def _of_paper_004(changes, out, *names):
    """The jobs of some rows by name, and what their rows are called."""
    jobs = {job.name: job for job in plan(select_rows("004", only=names), 1, changes, out)}
    rows = gather([Outcome(job=job, failure="not run") for job in jobs.values()])
    return jobs, {row.name: (row.family, row.variant) for row in rows}


def test_weights_of_all_rows_are_of_those_that_have_a_place_for_them(tmp_path):
    names = ("cnn_30x40", "cnn_masked", "lvh_masked_stage_1", "lvh_stage_1")
    asked = [MASK, "fov", START, "views", "--lvh_masked_*:mask.weights", "lv"]
    jobs, called = _of_paper_004(asked, tmp_path, *names)
    assert {name: jobs[name].recipe.mask.weights for name in names} == dict(
        zip(names, (None, "fov", "lv", None), strict=True)
    )
    assert {name: jobs[name].recipe.start.weights for name in names} == dict(
        zip(names, (None, None, "views", "views"), strict=True)
    )
    assert called["cnn_30x40"] == ("VGG", "30x40")
    assert called["cnn_masked"] == ("VGG", "field of view alone")
    assert jobs["cnn_30x40"].recipe == _of_paper_004([], tmp_path, "cnn_30x40")[0]["cnn_30x40"].recipe


def test_a_row_with_a_mask_or_a_start_that_its_paper_has_not_is_called_so(tmp_path):
    asked = ["--cnn_*:mask.weights", "fov", "--cnn_30x40:start.weights", "views"]
    jobs, called = _of_paper_004(asked, tmp_path, "cnn_30x40", "cnn_masked")
    assert jobs["cnn_30x40"].recipe.mask.weights == jobs["cnn_masked"].recipe.mask.weights == "fov"
    assert called["cnn_30x40"] == ("VGG", "30x40, behind a mask, from given weights")
    assert called["cnn_masked"] == ("VGG", "field of view alone")
    _, bare = _of_paper_004(
        [MASK, "null", START, "null", "--model.options.width", "4"], tmp_path, "cnn", "lvh_masked_stage_1"
    )
    assert bare["cnn"] == ("vgg", "whole frames, with width 4")
    assert bare["lvh_masked_stage_1"][1].endswith("with width 4, without a mask, from fresh weights")


@pytest.mark.parametrize("option", [MASK, START])
def test_weights_that_no_row_has_a_place_for_are_refused(option, tmp_path):
    rows = {name: load_recipe(f"004/{name}") for name in ("cnn", "cnn_30x40")}
    with pytest.raises(ConfigError, match=rf"CONFLICT: {option}: no row that is run has a \w+; .*--cnn:{option[2:]}"):
        plan(rows, 1, [option, "somewhere"], tmp_path)
    assert all(
        job.recipe == apply_overrides(rows[job.name], ["--seed", "0"])
        for job in plan(rows, 1, [option, "null"], tmp_path)
    )


def test_paper_004_is_there_with_its_figures():
    rows = select_rows("004")
    one, two, three, four = (
        {name: recipe for name, recipe in rows.items() if table in recipe.published.tables} for table in (1, 2, 3, 4)
    )
    assert list(one) == ["cnn_240x320", "cnn_120x160", "cnn_60x80", "cnn_30x40", "cnn_15x20"]
    assert [recipe.published.epoch_seconds for recipe in one.values()] == [781, 226, 104, 79, None]
    assert [(recipe.clip_spec.height, recipe.clip_spec.width) for recipe in one.values()][2] == (60, 80)
    assert [recipe.published.accuracy for recipe in two.values()] == [0.9205, 0.9364, 0.9136, 0.8367]
    assert two["cnn_masked"].published.ensemble_accuracy == 0.944
    assert two["cnn_masked"].model.options["pooling"] == "average"
    stages = list(three.values())[:4]
    assert [recipe.published.f1 for recipe in stages] == [0.6027, 0.7381, 0.5952, 0.8139]
    assert [recipe.second.freeze for recipe in stages if recipe.second.epochs] == ["head", "head"]
    assert all(
        (recipe.start.freeze, recipe.optimiser.lr, recipe.schedule.factor) == ("trunk", 0.025, 0.85)
        for recipe in stages
    )
    gans = {recipe.semi.labels_per_class: recipe for recipe in four.values() if recipe.semi.method == "gan"}
    assert {count: recipe.published.accuracy for count, recipe in gans.items()} == {
        1: 0.16,
        5: 0.28,
        15: 0.43,
        30: 0.51,
        90: 0.65,
        270: 0.78,
        810: 0.82,
        0: 0.88,
    }
    others = {name.rpartition("_")[0] for name in set(four) - {f"gan_{count or 'all'}" for count in gans}}
    assert others == {"supervised", "fixmatch"}
    vgg16 = two["vgg16"]
    assert (vgg16.start.freeze, vgg16.optimiser.lr, vgg16.schedule.factor) == ("trunk", 0.02, 0.9)
    assert (vgg16.second.freeze, vgg16.second.lr, vgg16.second.factor) == ("none", 0.001, 0.9)


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_imagenets_networks_of_paper_004_see_a_grey_field_of_view_three_times(name):
    recipe = load_recipe(f"004/{name}")
    assert recipe.mask == load_recipe("004/cnn_masked").mask
    assert network_options(recipe)["in_channels"] == 1  # which these networks copy to all three of theirs
    frame = np.random.default_rng(0).integers(0, 256, (1, 3, 224, 224)).astype(np.uint8)
    cine = Cine(source=frame, modality="US", frames=1)
    bare = replace(recipe.clip_spec, mask="")
    seen, red_for_blue = (prepare(each, cine, bare)[0, 0].astype(int) for each in (frame, frame[:, ::-1]))
    assert seen.shape == (224, 224)
    luminance = np.tensordot([0.299, 0.587, 0.114], frame[0].astype(float), 1)
    assert np.abs(seen - luminance).max() <= 1
    assert np.abs(red_for_blue - luminance).max() > 1
    colours = PUBLIC["imagenet-vgg16"].clip
    assert recipe.clip_spec.mean == pytest.approx([np.mean(colours["mean"])])
    assert recipe.clip_spec.std == pytest.approx([np.mean(colours["std"])])


def test_changes_may_be_for_rows_that_are_not_run_but_not_for_rows_that_there_are_not(tmp_path):
    changes = ["--camus:epochs", "7", "--an*:batch_size", "3"]
    (job,) = plan({"any": ROWS["any"]}, 1, changes, tmp_path, known=["any", "camus"])
    assert (job.recipe.epochs, job.recipe.batch_size) == (ROWS["any"].epochs, 3)
    with pytest.raises(ConfigError, match=r"OUT_OF_RANGE: --camus:epochs: no row has this name; rows are any$"):
        plan({"any": ROWS["any"]}, 1, changes, tmp_path)
