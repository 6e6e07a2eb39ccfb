"""Views that networks told, in every form of a report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import jsonschema
import pytest

from cinecor.records import CineSummary, Measurement, Provenance, Report, ToldView, UsedNetwork
from cinecor.reports import html, names, text, wording
from cinecor.reports import json as report_json
from cinecor.reports.csv import dumps

SURE = ToldView(probabilities={"PLAX": 0.0204, "A4C": 0.9712, "A5C": 0.0084}, novelty=0.61239)
UNSURE = ToldView(probabilities={"PLAX": 0.4, "A4C": 0.25, "PW": 0.35}, doubt="no view reaches 50 %")
MUTE = ToldView(probabilities={}, doubt="no <sector> was found")


@pytest.fixture
def report(make_report) -> Report:
    def summary(index: int, told: ToldView | None, view: str | None) -> CineSummary:
        return CineSummary(
            index=index, view=view, frames=30, frame_ms=20.0, spacing_mm=None, height=600, width=800, told=told
        )

    cines = (summary(0, SURE, "A4C"), summary(1, UNSURE, None), summary(2, MUTE, None), summary(3, None, "A2C"))
    networks = (
        UsedNetwork(role="views", model="vgg", weights_sha256="ab" * 32, trained_on="a clinic"),
        UsedNetwork(role="mask of views", model="unet", weights_sha256="cd" * 32, trained_on="Synthetic hearts"),
    )
    made = Provenance(version="1", model="i3d", weights_sha256="ef" * 32, trained_on="a clinic", networks=networks)
    lvh = Measurement(name="lvh", value=81.25, unit="%", method="vgg, one frame")
    return make_report(cines=cines, measurements=(lvh,), provenance=made, pictures=(), curves=())


def test_the_most_probable_view_is_told_unless_there_is_doubt() -> None:
    assert SURE.ranked == (("A4C", 0.9712), ("PLAX", 0.0204), ("A5C", 0.0084))
    assert (SURE.view, UNSURE.view, MUTE.view) == ("A4C", None, None)


def test_json_has_all_of_it_and_keeps_its_form(report: Report, make_report) -> None:
    plain = report_json.to_json([report, make_report()])
    jsonschema.validate(plain, report_json.schema())
    first, second, third, fourth = plain["studies"][0]["cines"]
    assert list(first["told"]["probabilities"]) == ["A4C", "PLAX", "A5C"]
    assert first["told"] == {
        "probabilities": {"A4C": 0.971, "PLAX": 0.02, "A5C": 0.008},
        "novelty": 0.612,
        "doubt": "",
    }
    assert [cine["view_source"] for cine in (first, second, third, fourth)] == ["told", None, None, "stated"]
    assert second["told"]["doubt"] == "no view reaches 50 %"
    assert fourth["told"] is None
    assert plain["studies"][0]["provenance"]["networks"][1]["role"] == "mask of views"
    assert plain["schema"] == 1


def test_an_earlier_report_is_still_of_this_form(make_report) -> None:
    plain = report_json.to_json([make_report()])
    for cine in plain["studies"][0]["cines"]:
        del cine["told"], cine["view_source"]
    del plain["studies"][0]["provenance"]["networks"]
    jsonschema.validate(plain, report_json.schema())


def test_text_says_how_the_view_is_known(report: Report) -> None:
    said = text.render([report], width=200)
    assert "loop 0: A4C (told, 97 %), 30 frames" in said
    assert "loop 1: view unknown (no view reaches 50 %; PLAX 40 %, PW 35 %, A4C 25 %), 30 frames" in said
    assert "loop 2: view unknown (no <sector> was found), 30 frames" in said
    assert "loop 3: A2C, 30 frames" in said
    assert "Left ventricular hypertrophy, probability" in said
    assert "views told by vgg, weights abababababab" in said
    assert "mask of views by unet" in said


def test_the_page_has_a_table_of_views(report: Report, make_report) -> None:
    page = html.render(report)
    assert 'id="views"' in page
    assert page.count("<code>abab") == 1
    assert "no &lt;sector&gt; was found" in page
    assert "<sector>" not in page
    assert "PLAX 2 %" in page
    assert wording.is_synthetic(report)
    assert 'id="views"' not in html.render(make_report())


def test_the_table_has_a_row_for_each_told_loop(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(dumps([report]), newline="")))
    told = [row for row in rows if row["name"] == "view"]
    assert [(row["loop"], row["view"], row["value"]) for row in told] == [
        ("0", "A4C", "0.971"),
        ("1", "", "0.4"),
        ("2", "", ""),
    ]
    assert told[1]["not_done"] == "no view reaches 50 %"
    assert rows[0]["networks"] == f"views: vgg {'ab' * 32}; mask of views: unet {'cd' * 32}"


def test_another_word_on_the_view_is_no_other_study(report: Report) -> None:
    cines = report.cines
    unknown = replace(report, cines=(replace(cines[0], view=None, told=None), *cines[1:]))
    stated = replace(report, cines=(replace(cines[0], view="A4C", told=None), *cines[1:]))
    assert names.fingerprint(report) == names.fingerprint(unknown)
    assert names.fingerprint(report) != names.fingerprint(stated)


@pytest.mark.parametrize(
    ("share", "shown"),
    [(1.0, "100 %"), (0.9999, "99 %"), (0.5, "50 %"), (0.4999, "49 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_only_certainty_is_called_so(share: float, shown: str) -> None:
    assert wording.percent(share) == shown
