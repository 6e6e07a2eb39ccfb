"""Networks that decide, compared: scikit-learn's figures, an evaluation's intervals, a paper's numbers beside."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.class_table import by_clip, by_study, probabilities
from cinecor.evaluation.comparison import compare
from cinecor.evaluation.comparison_classes import tabulate_classes, tabulate_confusion
from cinecor.evaluation.comparison_published import EACH, TOGETHER, published_sheets, tabulate_published
from cinecor.evaluation.comparison_report import write_comparison
from cinecor.evaluation.comparison_studies import draw_studies
from cinecor.evaluation.many_classes import recognise
from cinecor.evaluation.run_row import RunRow

FEW = Drawing(resamples=100, seed=3)
STUDIES = 24
SIZES = {"small": (30.0, 40.0), "large": (60.0, 80.0)}
PAPER = {"train_accuracy": 0.9, "validation_accuracy": 0.8, "accuracy_error": 0.01, "epoch_seconds": 100.0}
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "train_accuracy": [0.2, 0.4, 0.6], "validation_loss": [3.0, 1.0, 2.0]}
).assign(train_loss=1.0, validation_accuracy=0.5)


@pytest.fixture(scope="module")
def make(class_tables):
    """``make(name, seed, **more)``: a training of three classes, two clips a study, two studies a patient."""
    true = np.arange(STUDIES) % 3

    def row(name, seed=0, **more):
        rng = np.random.default_rng(100 * len(name) + seed)
        likely = rng.dirichlet(np.ones(3), 2 * STUDIES) + 0.5 * np.eye(3)[np.repeat(true, 2)]
        tables = class_tables(likely / likely.sum(1, keepdims=True), true)
        clips, cases = by_clip(*tables, "group"), by_study(*tables, "group")
        head = {"name": name, "family": "VGG", "variant": "", "seed": seed, "history": HISTORY, "kept": 3}
        return RunRow(**{**head, "pairs": {"test": cases, "validation": cases}, "clips": clips, **more})

    return row


@pytest.fixture(scope="module")
def rows(make):
    sized = [
        make(name, published={**PAPER, "tables": (1,)}, cost={"epoch_seconds": 2.0, "parameters": 7}, setting=setting)
        for name, (height, width) in SIZES.items()
        for setting in [{"height": height, "width": width}]
    ]
    whole = {"accuracy": 0.92, "accuracy_error": 0.02, "ensemble_accuracy": 0.95, "tables": (2,)}
    return [*sized, *(make("several", seed, published=whole) for seed in range(3))]


@pytest.fixture(scope="module")
def comparison(rows):
    return compare(rows, FEW)


def _mean(rows, name, kind):
    tables = [getattr(row, kind) if kind == "clips" else row.pairs[kind] for row in rows if row.name == name]
    return tables[0], np.mean([probabilities(each) for each in tables], axis=0)


def test_single_clips_and_their_mean_over_seeds_are_those_of_scikit_learn(rows, comparison):
    model = comparison.models.set_index("name").loc["several"]
    alone = [accuracy_score(row.clips["true"], row.clips["predicted"]) for row in rows if row.name == "several"]
    assert model["clips"] == 2 * STUDIES
    assert model["clip_accuracy"] == pytest.approx(np.mean(alone))
    assert model["clip_accuracy_sd"] == pytest.approx(np.std(alone, ddof=1))
    table, likely = _mean(rows, "several", "clips")
    assert model["ensemble_clip_accuracy"] == pytest.approx(accuracy_score(table["true"], likely.argmax(1)))
    true, owners = table["true"].to_numpy(), table["patient"].tolist()
    whole = recognise(likely, true, ("a", "b", "c"), owners, drawing=FEW).figure("accuracy")
    found = (model["ensemble_clip_accuracy_low"], model["ensemble_clip_accuracy_high"])
    assert found == pytest.approx((whole.low, whole.high))


def test_one_network_has_the_interval_of_its_mean_and_several_that_of_each(comparison):
    models = comparison.models.set_index("name")
    for end in ("low", "high"):
        assert models.loc["small", f"test_accuracy_{end}"] == models.loc["small", f"ensemble_accuracy_{end}"]
    several = models.loc["several"]
    assert several["test_accuracy_low"] <= several["test_accuracy"] <= several["test_accuracy_high"]
    assert several["test_accuracy_high"] < several["ensemble_accuracy_high"]  # alone each does worse


def test_clips_that_differ_from_seed_to_seed_have_no_mean(make):
    other = make("x", 1)
    moved = other.clips.assign(start=other.clips["start"] + 5)
    model = compare([make("x"), make("x", 1, clips=moved)], FEW).models.iloc[0]
    assert model["clip_accuracy"] is not None
    assert pd.isna(model["ensemble_clip_accuracy"])
    single = make("y").clips.drop_duplicates("study")
    assert pd.isna(compare([make("y", clips=single)], FEW).models.iloc[0]["clip_accuracy"])


def test_what_is_called_what_is_scikit_learns_with_intervals_of_an_evaluation(rows, comparison):
    table, likely = _mean(rows, "several", "test")
    true, called = table["true"].to_numpy(), likely.argmax(1)
    cells = tabulate_confusion(comparison).query("name == 'several'")
    assert cells["count"].to_numpy().reshape(3, 3).tolist() == confusion_matrix(true, called).tolist()
    found = tabulate_classes(comparison).query("name == 'several'")
    assert found["accuracy"].tolist() == pytest.approx(recall_score(true, called, average=None))
    assert found["count"].tolist() == np.bincount(true).tolist()
    whole = recognise(likely, true, ("DCM", "NOR", "RV"), table["patient"].tolist(), drawing=FEW)
    ends = [(each.figure("recall").low, each.figure("recall").high) for each in whole.classes]
    assert found[["low", "high"]].to_numpy(float) == pytest.approx(np.array(ends, float), nan_ok=True)


def test_each_table_has_what_its_rows_published(comparison):
    tables = {"Table 1": ["small", "large", "never"], "Table 2": ["several"], "Table 3": ["never"]}
    found = tabulate_published(comparison, tables)
    shown = {title: list(dict.fromkeys(each["figure"])) for title, each in found.groupby("table")}
    leading = ["train_accuracy", "validation_accuracy", "accuracy", "clip_accuracy", "epoch_seconds", "parameters"]
    assert shown == {"Table 1": leading, "Table 2": ["accuracy", "clip_accuracy"]}
    one = found[(found["name"] == "small")].set_index("figure")
    assert (one.loc["train_accuracy", "ours"], one.loc["train_accuracy", "published"]) == (0.6, 0.9)  # epoch 3 was kept
    assert one["published_error"].dropna().to_dict() == {"validation_accuracy": 0.01}
    both = found[(found["name"] == "several") & (found["figure"] == "accuracy")].set_index("of")
    assert both["published"].to_dict() == {EACH: 0.92, TOGETHER: 0.95}
    model = comparison.models.set_index("name").loc["several"]
    assert both["ours"].to_dict() == {EACH: model["test_accuracy"], TOGETHER: model["ensemble_accuracy"]}
    first, second = published_sheets(comparison, tables)
    assert first.rows[0][:5] == ("small", "VGG", "30 × 40", "1 network", "60.0")
    assert "80 ± 1" in first.rows[0]
    assert [row[2] for row in second.rows] == ["each of 3", "mean of 3"]
    assert {len(row) for row in second.rows} == {len(second.headings)}


def test_figures_follow_from_what_rows_have(make, comparison, tmp_path):
    assert [name for name, _ in draw_studies(comparison)] == [
        *("resolution", "accuracy-curves", "class-accuracy", "confusion"),
    ]
    figure = dict(draw_studies(comparison))["resolution"]
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["validation, published"].get_xydata().tolist() == [[1200, 80], [4800, 80]]
    ours = comparison.models.set_index("name").loc[["small", "large"], "validation_accuracy"]
    assert lines["validation, ours"].get_ydata().tolist() == pytest.approx((100 * ours).tolist())
    pictures = {2: np.zeros((8, 6, 6, 1), np.uint8)}
    few = [
        make(f"gan{'x' * int(labels)}", setting={"labels_per_class": labels}, published=paper, samples=pictures)
        for labels, paper in ((1.0, {"accuracy": 0.16}), (5.0, {"accuracy": 0.28, "labels_per_class": 7}))
    ]
    found = compare(few, FEW)
    drawn = dict(draw_studies(found))
    assert {"label-efficiency", "samples"} <= set(drawn)
    lines = {line.get_label(): line for line in drawn["label-efficiency"].axes[0].lines}
    assert lines["VGG, published"].get_xydata() == pytest.approx(np.array([[1, 16], [7, 28]]))
    assert lines["VGG, ours"].get_ydata() == pytest.approx(100 * found.models["test_accuracy"].to_numpy(float))
    named = [replace(row, published={**row.published, "family": way}) for row, way in zip(few, ("A", "B"), strict=True)]
    curves = dict(draw_studies(compare(named, FEW)))["label-efficiency"].axes[0].lines
    assert {line.get_label() for line in curves} >= {"A, ours", "A, published", "B, ours", "B, published"}
    write_comparison(tmp_path, found, title="T", tables={"Table 4": [row.name for row in few]})
    written = {path.name for path in tmp_path.iterdir()}
    assert {"published.csv", "class_accuracy.csv", "confusion.csv", "label-efficiency.png", "samples.svg"} <= written
    text = (tmp_path / "comparison.md").read_text("utf-8")
    assert re.findall("## (Table.*)", text) == ["Table 4, ours beside the paper's", "Table 4, all figures"]


def _printed(folder, found, **more):
    """Headings and rows of each table of the page's text, by its title."""
    write_comparison(folder, found, title="T", **more)
    parts = (folder / "comparison.md").read_text("utf-8").split("\n## ")[1:]
    cells = {part.splitlines()[0]: re.findall(r"^\|(.*)\|$", part, flags=re.MULTILINE) for part in parts}
    return {title: [[cell.strip() for cell in line.split("|")] for line in lines] for title, lines in cells.items()}


def test_columns_that_say_nothing_are_left_out_and_what_is_left_keeps_its_heading(make, tmp_path):
    paper = {"macro_f1": 0.5}
    head, _, row = _printed(tmp_path, compare([make("x", published=paper)], FEW))["All models, all figures"]
    assert "–" not in row
    assert head[-3:] == ["published mean F1", "ours − published mean F1", ""]
    assert row[-3] == "0.500"
    assert len(head) == len(row) == 3 + 4 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("case", "patients", "said"),
    [
        ("loop", 12, "24 test loops of 12 patients;"),
        ("masked", 1, "24 test frames of 1 patient;"),
        ("study", 24, "24 test studies;"),
    ],
)
def test_cases_are_called_what_they_are(case, patients, said, make, tmp_path):
    row = make("x", case=case)
    pairs = {
        split: each.assign(patient=[f"p{place % patients}" for place in range(len(each))])
        for split, each in row.pairs.items()
    }
    write_comparison(tmp_path, compare([replace(row, pairs=pairs, clips=None)], FEW), title="T")
    assert f", {said} mean" in (tmp_path / "comparison.md").read_text("utf-8")


def test_a_yes_or_no_has_its_own_figures_and_a_matrix_each(tmp_path):
    rng = np.random.default_rng(0)
    true = np.arange(30) % 2
    names = [f"p{number}" for number in range(30)]
    head = {
        "study": names,
        "patient": names,
        "split": "test",
        "quantity": "lvh",
        "clips": 1,
        "true": true.astype(float),
    }
    pairs = pd.DataFrame({**head, "predicted": 0.5 * true + rng.uniform(0, 0.6, 30)})
    published = {"ensemble_accuracy": 0.92, "ensemble_f1": 0.83, "sensitivity": 0.77}
    row = RunRow(name="gan", family="GAN", variant="", seed=0, pairs={"test": pairs}, published=published)
    found = compare([row], FEW)
    called = pairs["predicted"] >= 0.5
    cells = tabulate_confusion(found)
    assert cells["count"].to_numpy().reshape(2, 2).tolist() == confusion_matrix(true, called).tolist()
    assert cells["true"].tolist() == ["no", "no", "yes", "yes"]
    table = tabulate_published(found, {"Table 3": ["gan"]}).set_index(["of", "figure"])
    assert list(table.loc[EACH].index) == ["accuracy", "sensitivity", "specificity", "f1"]
    assert table.loc[(EACH, "f1"), "ours"] == pytest.approx(f1_score(true, called))
    assert (table.loc[(TOGETHER, "f1"), "published"], table.loc[(EACH, "sensitivity"), "published"]) == (0.83, 0.77)
    assert pd.isna(table.loc[(TOGETHER, "f1"), "ours"])  # of one network there is no mean
    assert [name for name, _ in draw_studies(found)] == ["confusion"]
    head, _, line = _printed(tmp_path, compare([replace(row, pairs={"train": pairs[1:], "test": pairs})], FEW))[
        "From training to test"
    ]
    assert (head[-1], line[-1]) == ("accuracy of the commonest class", "0.500")  # yes, of 29
