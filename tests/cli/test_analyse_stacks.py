"""`cinecor analyse` on patients of cine MRI: a folder, a pair of volumes; tables of measurements and of patients."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.inference.painted import ES, paint, paint_labels, save_weights
from tests.inference.test_by_stack import by_ef

from cinecor import datasets
from cinecor.cli import __main__ as cli
from cinecor.models.tabular_file import save_classifier
from cinecor.records import Study


def run(*words: str | Path) -> int:
    return cli._run([str(word) for word in words])


def patient(name: str, ef: float, group: str, false_masks: bool = True) -> Study:
    study = paint(paint_labels(ef), id=name, split="test", labels={
        "group": group, "height_cm": 180.0, "weight_kg": 80.0, "ed_frame": 0.0, "es_frame": float(ES),
    })  # fmt: skip
    false = {frame: np.full((72, 72), 3, np.uint8) for frame in (0, ES)}
    return replace(study, cines=tuple(replace(cine, masks=false if false_masks else {}) for cine in study.cines))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_classifier(folder / "diagnosis", by_ef())
    return save_weights(folder, diagnosis="diagnosis")


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Two whole patients, whose masks and groups are false, and a third one of whom half a file is left."""
    root = tmp_path / "acdc"
    datasets.get("acdc").write(
        [patient(f"patient10{n}", ef, "RV") for n, ef in ((1, 25.0), (2, 65.0), (3, 50.0))], root
    )
    (root / "testing" / "patient102" / "patient102_4d.nii.gz").unlink()  # ED and ES alone
    damaged = root / "testing" / "patient103" / "patient103_4d.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:4000])
    return root


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_of_patients(
    patients: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("analyse", patients, "--weights", weights, "--csv", tmp_path / "out", "--json") == 9
    found = json.loads(capsys.readouterr().out)
    first, second = table(tmp_path / "out" / "patients.csv")
    assert list(first)[:7] == ["patient", "group", "p_DCM", "p_NOR", "p_RV", "LVEF", "RVEF"]
    assert [(row["patient"], row["group"]) for row in (first, second)] == [("patient101", "DCM"), ("patient102", "NOR")]
    for row, ef in ((first, 25.0), (second, 65.0)):
        assert float(row["LVEF"]) == pytest.approx(ef, abs=3.0)
        assert float(row["RVEF"]) == pytest.approx(40.0, abs=6.0)
        assert sum(float(row[name]) for name in ("p_DCM", "p_NOR", "p_RV")) == pytest.approx(1.0, abs=0.002)
        assert float(row["LV EDV index"]) == pytest.approx(float(row["LV EDV"]) / 2, abs=0.002)
    assert [each["file"] for each in found["failures"]] == ["patient103_4d.nii.gz"]
    assert found["studies"][0]["diagnosis"]["group"] == "DCM"
    names = {row["name"] for row in table(tmp_path / "out" / "measurements.csv")}
    assert {"ef", "rvef", "edv_ml", "lv_mass_g", "p_DCM", "edv_ml_index"} <= names


def test_a_pair_of_volumes_as_page_text_and_table(
    patients: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = patients / "testing" / "patient102"
    pair = [folder / "patient102_frame06.nii.gz", folder / "patient102_frame01.nii.gz"]
    page = tmp_path / "page"
    words = ["--weights", weights, "--networks", "1", "--html", page, "--csv", tmp_path / "all.csv"]
    assert run("analyse", *pair, *words) == 0
    shown = capsys.readouterr().out
    assert "most like: NOR, normal" in shown
    assert "typical body surface" in shown
    assert "not done: indexed volumes" in shown
    html = (page / "patient102.html").read_text("utf-8")
    assert "Which patients this heart is most like" in html
    assert "from base to apex" in html
    assert html.count("data:image/png") == 2
    assert {row["model"] for row in table(tmp_path / "all.csv")} == {"unet"}


def test_without_weights_masks_are_measured_and_bare_images_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write = datasets.get("acdc").write
    write(
        [patient("patient001", 50.0, "NOR"), patient("patient002", 50.0, "NOR", false_masks=False)], tmp_path / "acdc"
    )
    assert run("analyse", tmp_path / "acdc", "--json") == 0
    masked, bare = json.loads(capsys.readouterr().out)["studies"]
    assert {each["name"]: each["value"] for each in masked["measurements"]}["ef"] == 0.0
    assert bare["measurements"] == []
    assert "cine MRI needs outlines" in bare["not_done"][0]["reason"]
