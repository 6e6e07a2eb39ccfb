"""A training that learns outlines alone: bright sectors with a ring in them, no ejection fraction anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation.segmentation import read_masks
from cinecor.records import Cine, Study
from cinecor.training import score_outlines, train
from cinecor.training.data import open_data
from cinecor.training.gathering import gather_outlines
from cinecor.training.outline_scores import draw_truth, keep_outlined, mean_by_study, mean_by_view, summarise_outlines
from cinecor.training.recipe import make_recipe
from cinecor.training.recipe_fields import PublishedPart
from cinecor.training.sweep import Job, Outcome

RECIPE = {
    "task": "segmentation",
    "target": "outlined",
    "structures": ["fov", "epicardium"],
    "model": {"name": "unet", "options": {"widths": [6, 12, 16]}},
    "clip": {"length": 1, "height": 24, "width": 32, "resize": "nearest"},
    "optimiser": {"lr": 0.02},
    "loss": {"name": "bce"},
    "monitor": "loss",
    "batch_size": 4,
    "epochs": 10,
    "device": "cpu",
    "reference_clips": 4,
}
TALL, WIDE = 72, 96


def ring(x: float, y: float, radius: float) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)


def study(number: int, split: str | None, outlined: bool = True) -> Study:
    """Two loops: of one three frames are outlined, and the ring on one alone; of the other none."""
    rng = np.random.default_rng(number)
    x, y, big = float(rng.uniform(40, 56)), float(rng.uniform(32, 40)), float(rng.uniform(24, 30))
    rows, columns = np.mgrid[:TALL, :WIDE]
    away = np.hypot(columns - x, rows - y)
    frame = np.select([away < 10, away < big], [220, 120], 0) + rng.integers(0, 20, (4, 1, TALL, WIDE))
    fov = {index: ring(x, y, big) for index in (0, 1, 3)}
    outlines = {"fov": fov, "epicardium": {1: ring(x, y, 10.0)}} if outlined else {}
    common = {"modality": "US", "frames": 4, "height": TALL, "width": WIDE}
    cines = [
        Cine(source=np.zeros((4, 1, TALL, WIDE), np.uint8), view="PLAX", **common),
        Cine(source=frame.astype(np.uint8), view="A4C", spacing_mm=(0.5, 0.5), outlines=outlines, **common),
    ]
    return Study(id=f"{number:03d}", cines=tuple(cines), split=split)


@pytest.fixture(scope="module")
def cohort() -> list[Study]:
    splits = ["train"] * 8 + ["validation"] * 3 + ["test"] * 3
    return [study(number, split, outlined=number != 2) for number, split in enumerate(splits)]


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    return train(make_recipe(RECIPE), cohort, tmp_path_factory.mktemp("runs") / "run")


def test_it_learns_both_outlines(run):
    test = run.manifest.metrics["test"]
    assert test["dice_fov"] > 0.95
    assert test["dice_epicardium"] > 0.8
    assert 0 < test["cross_entropy"] < 0.2
    assert (test["studies"], test["frames"]) == (3, 9)
    assert run.manifest.metrics["train"]["studies"] == 7  # one has no outlines
    assert run.manifest.training_data["left_out"] == 1
    assert "Dice fov" in run.summary()
    assert run.manifest.extra["structures"] == ["fov", "epicardium"]


def test_the_tables_hold_every_outlined_frame(run):
    frames = pd.read_csv(run.folder / "frames.csv", dtype={"study": str})
    assert sorted(zip(frames["study"], frames["frame"], frames["structure"], strict=True)) == sorted(
        (name, frame, structure)
        for name in ("011", "012", "013")
        for frame, structure in [(0, "fov"), (1, "fov"), (3, "fov"), (1, "epicardium")]
    )
    assert set(frames["view"]) == {"A4C"}
    masks = read_masks(run.folder / "masks.csv")
    first = frames[(frames["study"] == "011") & (frames["structure"] == "fov")]
    row = masks[(masks["study"] == "011") & (masks["structure"] == "fov")]
    assert row["dice"].item() == pytest.approx(first["dice"].mean())
    assert row["hd95_mm"].item() == pytest.approx(first["hd95_mm"].mean())
    assert (run.folder / "truth.csv").read_text().count("outlined,3.0") == 13


def test_new_data_are_judged_as_the_run_judged_its_own(run, cohort, tmp_path):
    from cinecor.datasets import view_folders

    listed = [Study(id=each.id, cines=each.cines[1:], split=each.split) for each in cohort[11:]]
    view_folders.write(listed, tmp_path / "data", files="dicom")
    rows, manifest = score_outlines(run.folder, tmp_path / "data", cache=tmp_path / "cache", device="cpu")
    assert manifest["target"] == "outlined"
    found, kept = summarise_outlines(rows), run.manifest.metrics["test"]
    assert found == pytest.approx({name: kept[name] for name in found}, rel=1e-4)


def test_views_are_summarised_one_by_one(run):
    frames = pd.read_csv(run.folder / "frames.csv", dtype={"study": str, "patient": str})
    views = np.where(frames["frame"] == 1, "A2C", "A4C")
    found = mean_by_view(frames.assign(view=views))
    assert set(zip(found["structure"], found["phase"], strict=True)) == {
        ("fov", "A2C"),
        ("fov", "A4C"),
        ("epicardium", "A2C"),
    }
    mine = frames[(frames["study"] == "012") & (frames["structure"] == "fov") & (frames["frame"] != 1)]
    row = found[(found["study"] == "012") & (found["structure"] == "fov") & (found["phase"] == "A4C")]
    assert row["dice"].item() == pytest.approx(mine["dice"].mean())
    assert mean_by_view(frames.assign(view="")).empty


def test_the_command_writes_a_page_and_with_data_pictures(run, cohort, tmp_path):
    from cinecor.cli.__main__ import app
    from cinecor.datasets import view_folders

    listed = [Study(id=each.id, cines=each.cines[1:], split=each.split) for each in cohort[11:]]
    view_folders.write(listed, tmp_path / "data", files="dicom")
    command = ["evaluate", str(run.folder), "--device", "cpu", "--out"]
    answer = CliRunner().invoke(
        app, [*command, str(tmp_path / "with"), "--data", str(tmp_path / "data")], standalone_mode=False
    )
    assert answer.exception is None
    assert f"report: {tmp_path / 'with' / 'evaluation.html'}" in answer.output
    page = (tmp_path / "with" / "evaluation.html").read_text("utf-8")
    assert "9 frames of 3 studies" in page
    for structure in ("fov", "epicardium"):
        picture = (tmp_path / "with" / f"outlines-{structure}.svg").read_text("utf-8")
        assert picture in page
        assert all(f"{study}, A4C, frame" in picture for study in ("011", "012", "013"))
    CliRunner().invoke(app, [*command, str(tmp_path / "without")], standalone_mode=False)
    assert "--data DATA" in (tmp_path / "without" / "evaluation.html").read_text("utf-8")
    assert not (tmp_path / "without" / "outlines-fov.svg").exists()
    assert (tmp_path / "without" / "dice-fov.svg").exists()


def test_the_command_prints_what_the_run_kept(run):
    from cinecor.cli.__main__ import app

    answer = CliRunner().invoke(app, ["evaluate", str(run.folder), "--json"], standalone_mode=False)
    assert answer.exception is None
    results = json.loads(answer.output)
    assert results["dice_fov"] == pytest.approx(run.manifest.metrics["test"]["dice_fov"])
    said = {each["structure"]: each["dice"] for each in results["structures"]}
    assert said["fov"]["low"] <= said["fov"]["value"] <= said["fov"]["high"]
    answer = CliRunner().invoke(app, ["evaluate", str(run.folder)], standalone_mode=False)
    assert "9 frames of 3 studies" in answer.output
    with pytest.raises(ConfigError, match="give --data"):
        score_outlines(run.folder, split="train")


def test_a_benchmark_tabulates_it_beside_the_paper(run, tmp_path):
    recipe = run.recipe.model_copy(update={"published": PublishedPart(source="paper", cross_entropy=0.3984)})
    job = Job(name="fov_mask", recipe=recipe, folder=run.folder)
    done, failed = gather_outlines([Outcome(job=job), Outcome(job=replace(job, name="other"), failure="OOM")])
    assert done.cross_entropy == pytest.approx(run.manifest.metrics["test"]["cross_entropy"])
    assert (done.frames, done.published, [each.structure for each in done.overlaps]) == (
        9,
        0.3984,
        ["fov", "epicardium"],
    )
    assert (failed.failure, failed.overlaps) == ("OOM", ())


def test_truth_is_drawn_on_the_recorded_grid(cohort):
    cine = cohort[0].cines[1]
    outline = cine.outlines["epicardium"][1]
    (drawn,) = draw_truth(cine, 1, ["epicardium"])
    rows, columns = np.mgrid[:TALL, :WIDE]
    inside = np.hypot(columns - outline[:, 0].mean(), rows - outline[:, 1].mean()) < 10
    assert drawn.shape == (TALL, WIDE)
    assert (drawn != inside).sum() < 20  # of 314


def test_loops_without_outlines_are_left_out(cohort):
    kept = keep_outlined(cohort[0], ["epicardium"])
    assert [cine.view for cine in kept.cines] == ["A4C"]
    assert kept.labels["outlined"] == 1.0
    assert keep_outlined(cohort[2], ["fov"]) is cohort[2]
    with pytest.raises(DatasetError, match="has a number as outlined"):
        open_data(make_recipe(RECIPE), cohort[2:3])


def test_a_mean_over_studies_is_of_their_means():
    rows = pd.DataFrame(
        {
            "study": ["a", "a", "b"],
            "patient": ["a", "a", "b"],
            "cine": [0, 0, 0],
            "view": "",
            "frame": [0, 1, 0],
            "structure": "fov",
            "dice": [1.0, 0.5, 0.25],
            "hd95_mm": [1.0, np.nan, np.nan],
            "cross_entropy": [0.1, 0.2, 0.3],
        }
    )
    found = summarise_outlines(rows)
    assert found == {"studies": 2, "frames": 3, "cross_entropy": pytest.approx(0.2), "dice_fov": 0.5}
    assert mean_by_study(rows)["hd95_mm"].tolist()[0] == 1.0


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"structures": []}, "structures"),
        ({"structures": ["epicardium", "fov"]}, "structures"),
        ({"target": "ef"}, "structures"),
        ({"target": "lvh"}, "target"),
        ({"loss": {"name": "mse"}}, "loss.name"),
    ],
)
def test_what_does_not_go_together_is_refused(change, where):
    with pytest.raises(ConfigError, match="CONFLICT") as caught:
        make_recipe({**RECIPE, **change})
    assert caught.value.where == where


def test_ventricles_alone_need_no_ejection_fraction():
    assert make_recipe({**RECIPE, "structures": ["rv"]}).kind == "outlines"
