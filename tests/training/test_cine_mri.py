"""From kept masks to diagnoses: synthetic ventricles whose runs have outlined them nearly right."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import DatasetError
from cinecor.inference.diagnosis import load_diagnoser
from cinecor.measures import index_to_body, measure_stack
from cinecor.records import Cine, Study
from cinecor.training import diagnosis_parts
from cinecor.training.cine_mri import BOTH_MEAN, FIGURES, IMAGES, INDEX, finish_cohort, segmentation_runs
from cinecor.training.diagnosis import Choice, Inner
from cinecor.training.mask_keeping import MaskKeeper
from cinecor.training.recipe import make_recipe
from cinecor.training.sweep import Job, Outcome

GROUPS = {"DCM": (26.0, 24.0, 8.0), "HCM": (17.0, 9.0, 15.0), "NOR": (18.0, 12.0, 9.0)}
"""Radius of the cavity at ED and ES, thickness of the wall, mm."""
FOLDS, EACH, SIZE = 3, 6, 96
INNER = Inner(folds=3, choices=tuple(Choice(parts=(name,), pairs=False) for name in ("extra", "linear")))


@pytest.fixture(autouse=True)
def few_trees(monkeypatch) -> None:
    settings = {name: dict(values) for name, values in diagnosis_parts.SETTINGS.items()}
    for name in ("forest", "extra", "boosting"):
        settings[name]["n_estimators"] = 10
    monkeypatch.setattr(diagnosis_parts, "SETTINGS", settings)


def labels(inner: float, wall: float, slices: int = 3) -> np.ndarray:
    y, x = np.indices((SIZE, SIZE)) - SIZE / 2
    mask = np.zeros(x.shape, np.uint8)
    mask[np.hypot(x - 30, y) < 14] = 1
    mask[np.hypot(x, y) < inner + wall] = 2
    mask[np.hypot(x, y) < inner] = 3
    return np.repeat(mask[None], slices, axis=0)


def study(number: int, group: str, generator: np.random.Generator) -> Study:
    wide, narrow, wall = (value * generator.normal(1.0, 0.03) for value in GROUPS[group])
    ed, es = labels(wide, wall), labels(narrow, wall * 1.3)
    cines = tuple(
        Cine(
            source=np.zeros((2, 1, SIZE, SIZE), np.uint8),
            modality="MR",
            view="SAX",
            frames=2,
            height=SIZE,
            width=SIZE,
            spacing_mm=(1.0, 1.0),
            position_mm=10.0 * place,
            thickness_mm=10.0,
            masks={0: ed[place], 1: es[place]},
        )
        for place in range(len(ed))
    )
    said = {"group": group, "ed_frame": 0.0, "es_frame": 1.0, "height_cm": 170.0, "weight_kg": 70.0}
    return Study(id=f"patient{number:03d}", cines=cines, labels=said)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    generator = np.random.default_rng(0)
    return [study(number, list(GROUPS)[number % 3], generator) for number in range(3 * EACH)]


def outcomes_of(studies: list[Study], out, *, shift: float = 0.0) -> list[Outcome]:
    """Runs that have kept masks of their fold's patients: the true ones, shrunk by a margin."""
    structures = ["rv", "myocardium", "lv"]
    found = []
    for fold in range(FOLDS):
        recipe = make_recipe(
            {
                "task": "segmentation",
                "structures": structures,
                "model": {"name": "unet"},
                "loss": {"name": "dice"},
                "monitor": "loss",
                "split": {"by": "kfold", "folds": FOLDS, "fold": fold},
            }
        )
        folder = out / "runs" / "segmentation" / f"seed0-fold{fold}"
        keeper = MaskKeeper(folder, structures)
        for each in [one for place, one in enumerate(studies) if place // 3 % FOLDS == fold]:
            ed, es = (np.stack([cine.masks[frame] for cine in each.cines]) for frame in (0, 1))
            keeper(each, {"ed": np.roll(ed, int(shift), axis=2), "es": es})
        keeper.finish()
        found.append(Outcome(job=Job(name="segmentation", recipe=recipe, folder=folder, folds=tuple(range(FOLDS)))))
    return found


def image_outcomes(studies: list[Study], out) -> list[Outcome]:
    """Image classifiers that are right of every patient and a little unsure."""
    found = []
    for fold in range(FOLDS):
        recipe = make_recipe(
            {
                "task": "classification",
                "target": "group",
                "case": "masked",
                "model": {"name": "i3d"},
                "loss": {"name": "cross_entropy"},
                "monitor": "loss",
                "split": {"by": "kfold", "folds": FOLDS, "fold": fold},
            }
        )
        folder = out / "runs" / "images" / f"seed0-fold{fold}"
        folder.mkdir(parents=True)
        own = [one for place, one in enumerate(studies) if place // 3 % FOLDS == fold]
        rows = [
            {"patient": each.id, "split": "test"}
            | {f"p_{name}": 0.8 if each.labels["group"] == name else 0.1 for name in GROUPS}
            for each in own
        ]
        pd.DataFrame(rows).to_csv(folder / "patients_test.csv", index=False)
        found.append(Outcome(job=Job(name="images", recipe=recipe, folder=folder, folds=tuple(range(FOLDS)))))
    return found


def test_a_cohort_is_diagnosed_and_the_folder_diagnoses_the_next_patient(studies, tmp_path) -> None:
    outcomes = [*outcomes_of(studies, tmp_path), *image_outcomes(studies, tmp_path)]
    said: list[str] = []
    page = finish_cohort(outcomes, studies, tmp_path, synthetic=True, inner=INNER, report=said.append)
    assert page is not None
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["diagnosis"] == "diagnosis"
    assert index["segmentation"] == [f"runs/segmentation/seed0-fold{fold}" for fold in range(FOLDS)]
    table = pd.read_csv(page.parent / "diagnosis.csv")
    assert table["patient"].tolist() == sorted(each.id for each in studies)
    assert (table["group"] == table["predicted"]).mean() > 0.85
    text = (page.parent / "diagnosis.md").read_text("utf-8")
    for words in (FIGURES, IMAGES, BOTH_MEAN, "synthetic hearts", "myocardium", "Predicted masks against experts"):
        assert words in text
    agreement = pd.read_csv(page.parent / "agreement.csv").set_index("quantity")
    assert agreement.loc["ef", "mae"] == pytest.approx(0.0, abs=1e-9)
    assert any("nested accuracy" in line for line in said)

    diagnoser = load_diagnoser(tmp_path / "diagnosis")
    assert diagnoser.synthetic
    generator = np.random.default_rng(9)
    for group in GROUPS:
        new = study(99, group, generator)
        ed, es = (np.stack([cine.masks[frame] for cine in new.cines]) for frame in (0, 1))
        found = diagnoser.probabilities(index_to_body(measure_stack(ed, es, (1.0, 1.0), 10.0), 170.0, 70.0))
        assert max(found, key=found.__getitem__) == group

    said.clear()
    before = page.stat().st_mtime_ns
    finish_cohort(outcomes, studies, tmp_path, synthetic=True, inner=INNER, report=said.append)
    assert said == ["diagnosis: done before"]
    assert page.stat().st_mtime_ns == before
    renamed = [replace(each, labels={**each.labels, "group": "NOR"}) for each in studies]
    assert finish_cohort(outcomes, renamed, tmp_path, synthetic=True, inner=INNER) is None
    assert "diagnosis" not in json.loads((tmp_path / INDEX).read_text())


def test_a_vote_of_images_that_does_not_name_every_patient_is_left_out_and_said(studies, tmp_path) -> None:
    outcomes = [*outcomes_of(studies, tmp_path), *image_outcomes(studies, tmp_path)]
    votes = outcomes[-1].job.folder / "patients_test.csv"
    table = pd.read_csv(votes)
    table.iloc[1:].to_csv(votes, index=False)
    page = finish_cohort(outcomes, studies, tmp_path, synthetic=True, inner=INNER)
    text = page.with_suffix(".md").read_text("utf-8")
    assert f"vote is left out: it says nothing of {table['patient'][0]}" in text
    assert IMAGES not in text
    pd.concat([table, table.iloc[:1]]).to_csv(votes, index=False)
    with pytest.raises(DatasetError, match="LEAKAGE"):
        finish_cohort(outcomes, studies, tmp_path, synthetic=True, inner=INNER)


def test_nothing_is_said_while_folds_are_missing(studies, tmp_path) -> None:
    outcomes = outcomes_of(studies[:3], tmp_path)
    assert segmentation_runs(outcomes[:2]) == {}
    assert segmentation_runs([*outcomes[:2], replace(outcomes[2], failure="out of memory")]) == {}
    assert list(segmentation_runs(outcomes[::-1])) == [0, 1, 2]
    assert finish_cohort(outcomes[:2], studies, tmp_path, synthetic=False) is None
    assert not (tmp_path / INDEX).exists()


def test_a_study_that_two_folds_have_tested_is_a_leak(studies, tmp_path) -> None:
    outcomes = outcomes_of(studies[:9], tmp_path)
    keeper = MaskKeeper(outcomes[1].job.folder, ["rv", "myocardium", "lv"])
    first = studies[0]
    keeper(first, {"ed": np.stack([cine.masks[0] for cine in first.cines])})
    with pytest.raises(DatasetError, match="LEAKAGE"):
        finish_cohort(outcomes, studies[:9], tmp_path, synthetic=False)
