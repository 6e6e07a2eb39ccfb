from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import StorageError
from cinecor.evaluation import Drawing, evaluate, write_report

FEW = Drawing(resamples=100)
MANIFEST = {
    "model": "i3d",
    "training_data": {"description": "30 studies <of> synthetic hearts", "synthetic": True},
    "metrics": {"train": {"rmse": 5.0, "mae": 4.0}, "test": {"rmse": 7.5, "mae": 5.0}},
    "extra": {"calibration": list(range(1000)), "note": "kept"},
}


class Page(HTMLParser):
    """What a page would load, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "srcset", "action", "data", "xlink:href") and not (value or "").startswith("#")
        ]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def results(tables):
    predictions, truth = tables(60, ("ef", "edv_ml"))
    held = predictions[predictions["split"] == "validation"]
    return evaluate(predictions, truth, split="test", validation=held, drawing=FEW)


def test_files(results, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.csv").write_text("epoch,train_rmse,validation_rmse\n0,9,9\n1,8,8.5\n")
    page = write_report(tmp_path / "a" / "b", results, manifest=MANIFEST, run=run)
    assert page == tmp_path / "a" / "b" / "evaluation.html"
    kinds = ("predicted-versus-true", "bland-altman", "calibration")
    figures = {f"{kind}-{quantity}.svg" for kind in kinds for quantity in ("ef", "edv_ml")}
    assert {path.name for path in page.parent.iterdir()} == {
        "evaluation.html",
        "results.json",
        "studies.csv",
        "learning-curves.svg",
        "generalisation-gap.svg",
        "roc-ef.svg",
        *figures,
    }
    for path in page.parent.glob("*.svg"):
        assert not re.search(r"(src|href)=\"(?!#)", path.read_text(encoding="utf-8"))
        assert "<script" not in path.read_text(encoding="utf-8")


def test_results_and_studies_read_back(results, tmp_path: Path) -> None:
    folder = write_report(tmp_path, results, manifest=MANIFEST).parent
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps({**results.as_dict(), "manifest": MANIFEST}))
    with (folder / "studies.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["study"] for row in rows] == results.pairs["study"].tolist()
    assert rows[0]["study"] == "0000"
    assert [float(row["predicted"]) for row in rows] == results.pairs["predicted"].tolist()


def test_page_is_complete_in_itself(results, tmp_path: Path) -> None:
    text = write_report(tmp_path, results, manifest=MANIFEST).read_text(encoding="utf-8")
    page = Page(text)
    assert page.loads == []
    assert not {"script", "link", "iframe", "img", "object", "form"} & set(page.tags)
    assert 'src="http' not in text
    assert "@import" not in text
    assert "url(http" not in text
    assert page.tags.count("svg") == 8
    assert "nan" not in re.findall(r"[a-z]+", page.text.lower())


def test_page_says_what_matters(results, tmp_path: Path) -> None:
    page = Page(write_report(tmp_path, results, manifest=MANIFEST).read_text(encoding="utf-8"))
    assert "not for clinical use" in page.text
    assert "synthetic hearts" in page.text
    assert "Trained on 30 studies <of> synthetic hearts" in page.text  # escaped, so that it is text
    assert "of" not in page.tags
    figure = results.quantity("ef").figure("mae")
    assert f"MAE (%) {figure.value:.2f} {figure.low:.2f} to {figure.high:.2f}" in page.text
    assert '"note": "kept"' in page.text
    assert "999" not in page.text
    for threshold in (35, 40, 45, 50):
        assert f"AUROC of EF < {threshold} %" in page.text
    assert "1 − SSres/SStot" in page.text
    assert "Pearson r²" in page.text
    assert "Split conformal from 15 validation studies: level 90 %" in page.text


def test_synthetic_only_where_the_manifest_says_so(results, tmp_path: Path) -> None:
    real = {**MANIFEST, "training_data": {"description": "a cohort", "synthetic": False}}
    for manifest in (real, None):
        text = write_report(tmp_path, results, manifest=manifest).read_text(encoding="utf-8")
        assert "synthetic hearts" not in text
        assert "not for clinical use" in text


def test_absent_figures_have_their_reason(tables, tmp_path: Path) -> None:
    predictions, truth = tables(4)
    results = evaluate(predictions, truth, split="test", drawing=FEW)
    page = Page(write_report(tmp_path, results).read_text(encoding="utf-8"))
    assert "2 studies are too few (at least 3)" in page.text
    assert "None" not in page.text
    assert "Read this first" in page.text
    assert all(warning in page.text for warning in results.warnings)
    assert results.warnings


def test_hostile_ids_stay_out_of_the_page(tables, tmp_path: Path) -> None:
    predictions, truth = (table.replace({"study": {"0000": "<script>alert(1)</script>"}}) for table in tables(20))
    results = evaluate(predictions, truth, split="test", drawing=FEW)
    assert "<script" not in write_report(tmp_path, results).read_text(encoding="utf-8")


def test_the_same_again(results, tmp_path: Path) -> None:
    one = write_report(tmp_path / "one", results, manifest=MANIFEST).read_bytes()
    assert write_report(tmp_path / "two", results, manifest=MANIFEST).read_bytes() == one
    write_report(tmp_path / "one", results, manifest=MANIFEST)
    assert len(list((tmp_path / "one").iterdir())) == len(list((tmp_path / "two").iterdir()))


def test_no_folder_can_be_made(results, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_report(tmp_path / "file" / "evaluation", results)


def test_a_run_without_history(results, tmp_path: Path) -> None:
    write_report(tmp_path, results, run=tmp_path / "nowhere")
    assert not (tmp_path / "learning-curves.svg").exists()
    assert isinstance(results.pairs, pd.DataFrame)


def test_a_yes_or_no_has_a_page_of_its_own_figures(tables, tmp_path: Path) -> None:
    predictions, truth = tables(60, ("infarct_a4c",))
    likely = predictions.assign(value=1 / (1 + np.exp((predictions["value"] - 45) / 6)))
    sick = truth.assign(value=(truth["value"] < 45).astype(float))
    results = evaluate(likely, sick, split="test", validation=likely[likely["split"] == "validation"], drawing=FEW)
    (result,) = results.quantities
    assert (result.unit, result.agreement, result.calibration) == ("", None, None)
    page = write_report(tmp_path, results)
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.html", "results.json", "studies.csv", "roc.svg"}
    text = Page(page.read_text(encoding="utf-8")).text
    for word in ("Infarct in A4C", "Sensitivity", "Specificity", "Precision", "F1", "Accuracy", "AUROC"):
        assert word in text
    assert not {"RMSE (", "Agreement", "ICC"} & set(re.findall(r"RMSE \(|Agreement|ICC", text))
    assert "auroc" in results.as_text()
