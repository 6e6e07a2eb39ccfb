"""A diagnosis in every form of a report, and the table of patients."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from cinecor import reports
from cinecor.records import Curve, Diagnosis, Provenance, Report

CHANCES = {"DCM": 0.07, "HCM": 0.9004, "NOR": 0.0296}


@pytest.fixture
def report(make_stack) -> Report:
    made = Provenance(
        version="0",
        model="unet",
        weights_sha256="a" * 64,
        trained_on="ACDC",
        diagnosis="trees",
        diagnosis_sha256="b" * 64,
    )
    curve = Curve(title="LV volume", times_ms=np.arange(3.0), values=np.array([3.0, 1.0, 2.0]), unit="mL", axis="Frame")
    return replace(
        make_stack(), provenance=made, diagnosis=Diagnosis(probabilities=CHANCES, method="trees"), curves=(curve,)
    )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_most_probable_group() -> None:
    assert Diagnosis(probabilities=CHANCES).group == "HCM"
    assert Diagnosis(probabilities={"B": 0.5, "A": 0.5}).group == "B"


def test_json(report: Report, make_report) -> None:
    plain = reports.to_json([report, make_report()])
    jsonschema.validate(plain, reports.json.schema())
    assert plain["studies"][0]["diagnosis"] == {
        "group": "HCM",
        "probabilities": {"DCM": 0.07, "HCM": 0.9, "NOR": 0.03},
        "method": "trees",
    }
    assert plain["studies"][0]["provenance"]["diagnosis"] == "trees"
    assert plain["studies"][1]["diagnosis"] is None
    assert json.loads(reports.json.dumps([report])) == reports.to_json([report])


def test_text(report: Report) -> None:
    text = reports.text.render([report])
    assert "most like: HCM, hypertrophic cardiomyopathy  (HCM 90 %, DCM 7 %, NOR 3 %)" in text
    assert f"groups by trees, {'b' * 12}" in text


def test_page(report: Report, make_report) -> None:
    page = reports.html.render(report)
    assert "Which patients this heart is most like" in page
    assert page.index("hypertrophic cardiomyopathy") < page.index("dilated cardiomyopathy")
    assert 'style="width:90.0%"' in page
    assert ">Frame<" in page
    assert "b" * 64 in page
    assert "most like" not in reports.html.render(make_report())


def test_measurements(report: Report) -> None:
    found = {row["name"]: row for row in rows(reports.csv.dumps([report]))}
    assert (found["p_HCM"]["value"], found["p_HCM"]["method"]) == ("0.9", "trees")
    assert found["ef"]["diagnosis"] == "trees"


def test_patients(report: Report, make_stack) -> None:
    other = replace(
        make_stack(),
        study="=b",
        diagnosis=Diagnosis(probabilities={"RV": 1.0}),
        measurements=(),
        warnings=("one", "two"),
    )
    first, second = rows(reports.patients.dumps([report, other]))
    assert list(first)[:8] == ["patient", "group", "p_DCM", "p_HCM", "p_NOR", "p_RV", "LVEF", "RVEF"]
    assert (first["group"], first["p_HCM"], first["p_RV"]) == ("HCM", "0.9", "")
    assert float(first["LVEF"]) == pytest.approx(report.measurement("ef").value, abs=0.001)
    assert (second["patient"], second["group"], second["LVEF"], second["warnings"]) == ("'=b", "RV", "", "one; two")
    (bare,) = rows(reports.patients.dumps([make_stack()]))
    assert list(bare)[:3] == ["patient", "group", "LVEF"]
    assert bare["group"] == ""


def test_names_of_indices() -> None:
    names = [reports.text.wording.name_of(name) for name in ("edv_ml_index", "lv_mass_g_index", "odd_index")]
    assert names == ["End-diastolic volume index", "LV mass index", "odd index"]
