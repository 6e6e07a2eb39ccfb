"""Folds as jobs, and their runs as one row in which every patient is tested once."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from cinecor.errors import ConfigError
from cinecor.evaluation import table
from cinecor.evaluation.comparison import compare
from cinecor.records import SPLITS, Study
from cinecor.training.benchmarks import plan
from cinecor.training.gathering import FAIR, POOR, gather, group_by_quality
from cinecor.training.recipe import make_recipe
from cinecor.training.sweep import Outcome

FOLDED = make_recipe({"split": {"by": "kfold", "folds": 3}, "published": {"source": "a paper", "mae": 5.0}})
PARTS = {split: place for place, split in enumerate(("test", "validation", "train"))}


def _write_run(job, seed=0):
    """A run of nine patients in three folds, with an error of 1 and more of the fold's number."""
    fold = job.recipe.split.fold
    rows = [
        {"study": f"s{n}", "patient": f"p{n}", "split": split, "quantity": "ef", "value": 40.0 + n}
        for n in range(9)
        for split, place in PARTS.items()
        if (n % 3 - fold) % 3 == place
    ]
    truth = pd.DataFrame(rows)
    table.write(truth, job.folder / "truth.csv")
    for split in SPLITS:
        said = truth[truth["split"] == split].assign(cine=0, start=0, value=lambda t: t["value"] + 1 + fold)
        table.write(said[list(table.PREDICTION_COLUMNS)], job.folder / f"predictions_{split}.csv")
    (job.folder / "metrics.csv").write_text("epoch,train_loss,validation_loss\n1,2,3\n")
    if fold == 0:  # the network is the same in all
        (job.folder / "cost.json").write_text(json.dumps({"parameters": 7}))


def test_a_recipe_with_folds_makes_a_job_for_each_fold_and_seed(tmp_path):
    plain = make_recipe({})
    jobs = plan({"folded": FOLDED, "plain": plain}, 2, [], tmp_path)
    assert [job.title for job in jobs] == [
        *("folded, seed 0, fold 0", "folded, seed 0, fold 1", "folded, seed 0, fold 2", "plain, seed 0"),
        *("folded, seed 1, fold 0", "folded, seed 1, fold 1", "folded, seed 1, fold 2", "plain, seed 1"),
    ]
    assert jobs[1].folder == tmp_path / "runs" / "folded" / "seed0-fold1"
    assert [job.recipe.split.fold for job in jobs[:3]] == [0, 1, 2]
    assert jobs[3].folds == ()
    assert [job.measured for job in jobs[:4]] == [True, False, False, True]
    (one,) = plan({"folded": FOLDED}, 1, ["--split.fold", "2"], tmp_path)
    assert (one.folds, one.recipe.split.fold) == ((2,), 2)
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        plan({"folded": FOLDED}, 1, ["--split.fold=3"], tmp_path)


def test_folds_are_pooled_when_all_have_ended(tmp_path):
    jobs = plan({"folded": FOLDED}, 1, [], tmp_path)
    for job in jobs:
        _write_run(job)
    assert gather([Outcome(job=job) for job in jobs[:2]]) == []
    (row,) = gather([Outcome(job=job) for job in jobs[::-1]])
    assert list(row.pairs) == ["test"]
    tested = row.pairs["test"].sort_values("study")
    assert tested["study"].tolist() == [f"s{n}" for n in range(9)]
    assert (tested["predicted"] - tested["true"]).tolist() == pytest.approx([1, 2, 3] * 3)
    assert row.cost == {"parameters": 7}
    (model,) = compare([row]).models.to_dict("records")
    assert (model["test_mae"], model["difference_mae"]) == (pytest.approx(2.0), pytest.approx(-3.0))
    assert model["ensemble_mae_low"] <= 2.0 <= model["ensemble_mae_high"]


def test_an_epoch_costs_its_part_of_the_training(tmp_path):
    (job,) = plan({"folded": FOLDED}, 1, ["--split.fold", "0"], tmp_path)
    _write_run(job)
    (job.folder / "metrics.csv").write_text("epoch,train_loss,validation_loss\n1,2,3\n2,2,3\n3,2,3\n")
    (job.folder / "timing.json").write_text(json.dumps({"train_seconds": 30.6}))
    (row,) = gather([Outcome(job=replace(job, folds=()))])
    assert row.cost == {"parameters": 7, "train_seconds": 30.6, "epoch_seconds": 10.2}
    (job.folder / "timing.json").write_text(json.dumps({"train_seconds": 30.6, "epoch_seconds": [20.0, 5.5, 5.1]}))
    (job.folder / "manifest.json").write_text(json.dumps({"metrics": {"best_epoch": 2}}))
    (row,) = gather([Outcome(job=replace(job, folds=()))])
    assert row.cost == {"parameters": 7, "train_seconds": 30.6, "epoch_seconds": 5.5}  # the median
    assert row.kept == 2


def test_a_fold_that_failed_fails_its_row(tmp_path):
    jobs = plan({"folded": FOLDED}, 1, [], tmp_path)
    _write_run(jobs[0])
    failures = ["", "OOM", "OOM"]
    (row,) = gather([Outcome(job=job, failure=why) for job, why in zip(jobs, failures, strict=True)])
    assert (row.name, row.failure, dict(row.pairs)) == ("folded", "fold 1: OOM; fold 2: OOM", {})


def test_image_quality_of_the_view_makes_two_groups():
    grades = {"a": "Poor", "b": "Good", "c": "Medium", "d": "Superb"}
    studies = [Study(id=name, cines=(), labels={"quality_a4c": grade}) for name, grade in grades.items()]
    found = group_by_quality([*studies, Study(id="e", cines=())], "A4C")
    assert list(found.items()) == [("b", FAIR), ("c", FAIR), ("a", POOR)]
    assert group_by_quality(studies, "A2C") == group_by_quality(studies, None) == {}
