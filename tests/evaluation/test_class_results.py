from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import ConfigError
from cinecor.evaluation import Drawing, evaluate, write_report
from cinecor.evaluation.case_words import CaseWords
from cinecor.evaluation.class_table import by_study
from cinecor.evaluation.comparison import RunRow, compare
from cinecor.evaluation.comparison_report import write_comparison

FEW = Drawing(resamples=60)


@pytest.fixture(scope="module")
def tables(class_tables):
    rng = np.random.default_rng(5)
    true = np.repeat(rng.integers(0, 3, 12), 2)
    likely = rng.dirichlet(np.ones(3), 48) + 0.5 * np.eye(3)[np.repeat(true, 2)]
    return class_tables(likely / likely.sum(1, keepdims=True), true)


def test_results_are_said_of_clips_studies_and_patients(tables, tmp_path) -> None:
    results = evaluate(*tables, drawing=FEW)
    found = results.classes_of("group")
    assert [(level.name, level.rows, level.patients) for level in found.levels] == [
        ("clips", 48, 12),
        ("studies", 24, 12),
        ("patients", 12, 12),
    ]
    assert found.leading.name == "studies"
    plain = json.loads(json.dumps(results.as_dict(), allow_nan=False))
    assert np.sum(plain["classes"][0]["levels"][1]["confusion"]) == 24
    text = results.as_text()
    assert "group, test, each patient, the mean over their clips: 12 patients" in text
    assert "group, test, each study, the mean over its clips: 24 studies of 12 patients" in text
    assert "group, test, each clip: 48 clips of 12 patients" in text
    assert "F1 of DCM" in text
    page = write_report(tmp_path, results).read_text("utf-8")
    assert "True class (rows)" in page
    cells = pd.read_csv(tmp_path / "confusion.csv")
    assert cells.groupby("level")["count"].sum().to_dict() == {"clips": 48, "studies": 24, "patients": 12}
    figures = pd.read_csv(tmp_path / "classes.csv")
    assert set(figures["class"].dropna()) == {"DCM", "NOR", "RV"}
    assert (tmp_path / "confusion-patients.svg").exists()
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        results.classes_of("view")


def test_cases_are_called_what_they_are(tables, tmp_path) -> None:
    results = evaluate(*tables, drawing=FEW, words=CaseWords(case="loop", part="frame"))
    text = results.as_text()
    assert "group, test, each loop, the mean over its frames: 24 loops of 12 patients" in text
    assert "group, test, each frame: 48 frames of 12 patients" in text
    assert "group, test, each patient, the mean over their frames: 12 patients" in text
    page = write_report(tmp_path, results).read_text("utf-8")
    for heading in ("Confusion matrix, each loop, the mean over its frames", "Confusion matrix, each frame"):
        assert f"<figcaption>{heading}</figcaption>" in page
    assert "n = 24 loops of 12 patients" in (tmp_path / "confusion-studies.svg").read_text("utf-8")
    assert "stud" not in re.sub("<style.*?</style>", "", page, flags=re.S)
    assert "clip" not in re.sub("<style.*?</style>|clip-path|clipPath", "", page, flags=re.S)


def test_one_patient_is_one(class_tables) -> None:
    said, known = class_tables(np.tile([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]], (4, 1)), np.array([0, 1, 2, 0]), each=1)
    one = [table.assign(patient="p") for table in (said[said["start"] == 0], known)]
    text = evaluate(*one, drawing=FEW, words=CaseWords(case="loop", part="frame")).as_text()
    assert "group, test, each loop, one frame: 4 loops of 1 patient\n" in text


def test_a_level_that_says_the_same_as_the_next_is_left_out(class_tables) -> None:
    said, known = class_tables(np.tile([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]], (4, 1)), np.array([0, 1, 2, 0]), each=1)
    found = evaluate(said[said["start"] == 0], known, drawing=FEW).classes_of("group")
    assert [level.name for level in found.levels] == ["studies"]


def test_a_model_that_says_one_class_of_everything_is_found_out(tables) -> None:
    said, known = tables
    same = said.assign(value=said["quantity"].map({"group=DCM": 0.6, "group=NOR": 0.3, "group=RV": 0.1}))
    warnings = " ".join(evaluate(same, known, drawing=FEW).warnings)
    assert "Nothing is ever called NOR or RV" in warnings
    assert "better than saying" in warnings
    shared = pd.concat([known, known.head(3).assign(split="train", study="other")])
    assert any("1 patient(s) of the test split are in another" in text for text in evaluate(said, shared).warnings)


def _row(name: str, tables, seed: int = 0, **more) -> RunRow:
    return RunRow(name=name, family="", variant="", seed=seed, pairs={"test": by_study(*tables, "group")}, **more)


def test_trainings_of_classes_are_compared_by_the_mean_of_probabilities(tables, tmp_path) -> None:
    said, known = tables
    other = said.assign(value=said.groupby(["study", "start"])["value"].transform(lambda shares: shares.mean()))
    part = [table[table["study"] < "s06"].reset_index(drop=True) for table in tables]
    rows = [
        _row("good", tables, published={"accuracy": 0.9}),
        _row("good", tables, seed=1),
        _row("flat", (other, known)),
        _row("leaky", part, apart="slices", warning="PATIENTS LEAK"),
    ]
    found = compare(rows, FEW)
    assert (found.kind, found.quantity, found.figures[0]) == ("classes", "group", "accuracy")
    models = found.models.set_index("name")
    accuracy = evaluate(*tables, drawing=FEW).classes_of("group").level("studies").recognised.figure("accuracy")
    assert models.loc["good", "ensemble_accuracy"] == pytest.approx(accuracy.value)
    assert models.loc["good", "difference_accuracy"] == pytest.approx(accuracy.value - 0.9)
    assert models["collapsed"].to_dict()["flat"]
    assert found.pairs[["first", "second"]].to_numpy().tolist() == [["good", "flat"]]  # other studies are no pair
    write_comparison(tmp_path, found, title="Paper")
    text = (tmp_path / "comparison.md").read_text("utf-8")
    assert "PATIENTS LEAK" in text
    assert "accuracy of the commonest class" in text
