"""The way of a cohort through `cinecor benchmark 003`, and of a patient nobody has seen through `cinecor analyse`.

Hearts are painted in four grey levels (a phantom's would take minutes), which a very small U-Net learns in seconds.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.inference.painted import ES, paint, paint_labels
from typer.testing import CliRunner

from cinecor import datasets
from cinecor.cli.__main__ import app
from cinecor.phantom import MARK
from cinecor.records import Study
from cinecor.training import cine_mri, sweep
from cinecor.training.cine_mri import BOTH_MEAN, BOTH_STACKED, FIGURES, IMAGES
from cinecor.training.diagnosis import Choice, Inner

FOLDS, EACH = 3, 6
EF = {"DCM": 25.0, "NOR": 60.0}
WAYS = (FIGURES, IMAGES, BOTH_MEAN, BOTH_STACKED)
SMALL = {
    "split.folds": FOLDS,
    "device": "cpu",
    "reference_clips": 2,
    "clip.height": 48,
    "clip.width": 48,
    "clip.spacing_mm": 2.0,
    "augmentation.preset": "none",
    "schedule.name": "constant",
    "schedule.warmup_epochs": 0,
    "segmentation:epochs": 6,
    "segmentation:augmentation.window_px": "null",
    "segmentation:clip.mean": "[100]",
    "segmentation:clip.std": "[100]",
    "segmentation:model.options.widths": "[6, 8]",
    "segmentation:model.options.dropout": 0,
    "segmentation:optimiser.lr": 0.03,
    "images:epochs": 1,
    "images:start.weights": "null",
    "images:model.options.width": 4,
    "images:model.options.depths": "[2, 2, 2, 2]",
}


def patient(name: str, group: str, ef: float, seed: int, split=None) -> Study:
    """ED and ES alone; the new ones are said to be what they are not, and their masks are all ventricle."""
    volume = paint_labels(ef)[[0, ES]]
    labels = {"group": group, "height_cm": 170.0 + seed, "weight_kg": 70.0, "ed_frame": 0.0, "es_frame": 1.0}
    study = paint(volume, id=name, labels=labels, split=split)
    masks = volume if split is None else np.full_like(volume, 3)
    return replace(
        study,
        cines=tuple(
            replace(cine, masks={0: masks[0, place], 1: masks[1, place]}) for place, cine in enumerate(study.cines)
        ),
    )


def run(*words: str | Path) -> str:
    found = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one command makes of twelve patients of two groups."""
    root, patched = tmp_path_factory.mktemp("paper003"), pytest.MonkeyPatch()
    patched.setenv("CINECOR_CACHE", str(root / "cache"))
    # What a network costs is tested elsewhere, and takes a process of its own.
    patched.setattr(sweep, "measure_cost", lambda folder, _: (folder / "cost.json").write_text("{}"))
    few = Inner(folds=2, choices=(Choice(parts=("linear",), pairs=False),))
    patched.setattr(cine_mri, "finish_cohort", partial(cine_mri.finish_cohort, inner=few))
    cohort = [
        patient(f"patient{EACH * place + number:03d}", group, EF[group] + 2 * number, number)
        for place, group in enumerate(EF)
        for number in range(EACH)
    ]
    datasets.get("acdc").write(cohort, root / "acdc")
    (root / "acdc" / MARK).write_text("painted")
    words = [f"--{name}={value}" for name, value in SMALL.items()]
    chosen = ("--only", "segmentation", "--only", "images", "--parallel", "1")
    patched.chdir(root)  # folders as a person types them, from where he is
    said = run("benchmark", "003", "--data", "acdc", "--out", "out", *chosen, *words)
    patched.undo()
    assert "failed" not in said
    return root / "out"


def check_the_diagnoses_by_figures_by_images_and_by_both(out: Path) -> None:
    index = json.loads((out / "cine_mri.json").read_text("utf-8"))
    assert index == {
        "segmentation": [f"runs/segmentation/seed0-fold{fold}" for fold in range(FOLDS)],
        "diagnosis": "diagnosis",
    }
    text = (out / "diagnosis" / "diagnosis.md").read_text("utf-8")
    page = (out / "diagnosis" / "diagnosis.html").read_text("utf-8")
    for way in WAYS:
        assert f"## Confusion, {way}" in text
        assert f"Confusion, {way}" in page
    tables = [pd.read_csv(path) for path in sorted((out / "diagnosis").glob("diagnosis*.csv"))]
    assert len(tables) == len(WAYS)
    for table in tables:
        assert table["patient"].tolist() == [f"patient{number:03d}" for number in range(2 * EACH)]
        assert table.groupby("fold").size().tolist() == [4, 4, 4]
        assert np.allclose(table[["p_DCM", "p_NOR"]].sum(axis=1), 1.0, atol=1e-3)
    figures = pd.read_csv(out / "diagnosis" / "diagnosis.csv")
    assert (figures["group"] == figures["predicted"]).all()


def check_that_a_vote_is_of_the_fold_that_had_not_seen_the_patient(out: Path) -> None:
    folds = pd.read_csv(out / "diagnosis" / "diagnosis.csv").set_index("patient")["fold"]
    votes = pd.read_csv(out / "diagnosis" / "diagnosis-images-vote-of-the-slices.csv").set_index("patient")
    for fold in range(FOLDS):
        own = pd.read_csv(out / "runs" / "images" / f"seed0-fold{fold}" / "patients_test.csv").set_index("patient")
        assert sorted(own.index) == sorted(folds.index[folds == fold])  # as in the segmentation
        assert np.allclose(votes.loc[own.index, "p_DCM"], own["p_DCM"], atol=1e-6)


def check_that_an_unseen_patient_is_measured_and_nothing_leaks(out: Path, tmp_path: Path) -> None:
    rows = []
    for name, group in (("patient901", "HCM"), ("patient902", "NOR")):
        datasets.get("acdc").write([patient(name, group, 27.0, 1, split="test")], tmp_path / name)
        tables = tmp_path / f"tables-{name}"
        run("analyse", tmp_path / name, "--weights", out, "--csv", tables, "--html", tmp_path / "pages")
        with (tables / "patients.csv").open(newline="") as stream:
            (row,) = csv.DictReader(stream)
        assert row.pop("patient") == name
        rows.append(row)
    first, second = rows
    assert first == second  # another name and another group in Info.cfg, the same heart
    assert list(first)[:4] == ["group", "p_DCM", "p_NOR", "LVEF"]
    assert first["group"] == "DCM"
    assert float(first["p_DCM"]) + float(first["p_NOR"]) == pytest.approx(1.0, abs=0.002)
    assert float(first["LVEF"]) == pytest.approx(27.0, abs=8.0)  # the masks beside the images say 0
    page = re.sub(r"base64,[\w+/=]+", "", (tmp_path / "pages" / "patient901.html").read_text("utf-8"))
    assert "Which patients this heart is most like" in page
    assert "HCM" not in page
    assert "synthetic hearts" in page


def test_one_command_diagnoses_a_cohort_and_another_the_next_patient(out: Path, tmp_path: Path) -> None:
    """One test, so that one process alone makes the minute's work that all three look at."""
    check_the_diagnoses_by_figures_by_images_and_by_both(out)
    check_that_a_vote_is_of_the_fold_that_had_not_seen_the_patient(out)
    check_that_an_unseen_patient_is_measured_and_nothing_leaks(out, tmp_path)
