"""Beats that were judged one by one, in every form of a report."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from cinecor.records import BeatEf, Measurement, Report
from cinecor.reports import csv, html, json, text, wording

BEATS = (
    BeatEf(cine=0, systole=20, start=4, ef=47.00049, ef_outline=50.25),
    BeatEf(cine=0, systole=55, start=30, ef=49.5),
)


@pytest.fixture
def report(make_report) -> Report:
    plain = make_report()
    found = (
        *plain.measurements,
        Measurement(name="ef_outline", value=51.0, unit="%", low=45.0, high=57.0, level=0.9),
        *(Measurement(name="ef_beat", value=beat.ef, unit="%", clips=((0, beat.start),)) for beat in BEATS),
        Measurement(name="ef_outline_beat", value=50.25, unit="%"),
        Measurement(name="ef_outline_beat", value=33.3, unit="%"),
    )
    made = replace(plain.provenance, segmentation="unet", segmentation_sha256="fedcba9876543210" * 4)
    made = replace(made, trained_on="patients", segmentation_trained_on="outlines of synthetic hearts")
    return replace(plain, measurements=found, beats=BEATS, provenance=made)


def test_json_has_them_and_follows_the_schema(report) -> None:
    plain = json.to_json([report])
    jsonschema.Draft202012Validator(json.schema()).validate(plain)
    (study,) = plain["studies"]
    assert study["beats"] == [
        {"cine": 0, "systole": 20, "start": 4, "ef": 47.0, "ef_outline": 50.25},
        {"cine": 0, "systole": 55, "start": 30, "ef": 49.5, "ef_outline": None},
    ]
    assert study["provenance"]["segmentation"] == "unet"


def test_without_a_segmentation_there_are_none(make_report) -> None:
    (study,) = json.to_json([make_report()])["studies"]
    assert study["beats"] == []
    assert study["provenance"]["segmentation"] == ""
    assert "Beat to beat" not in html.render(make_report())


def test_what_the_table_shows_is_not_listed_again_and_all_else_is(report) -> None:
    listed = [(each.name, each.value) for each in wording.beside_ef(report)]
    assert [each for each in listed if each[0].startswith("ef_")] == [("ef_outline", 51.0), ("ef_outline_beat", 33.3)]
    assert ("edv_ml", 110.04) in listed


def test_text_has_a_line_for_each(report) -> None:
    shown = text.render([report], width=200)
    assert "loop 0, beat of systole 20: EF 47.0 % by the clip from frame 4, 50.2 % by outlines" in shown
    assert "loop 0, beat of systole 55: EF 49.5 % by the clip from frame 30\n" in shown
    assert "beats by unet, weights fedcba987654" in shown


def test_the_page_has_the_table_and_says_who_found_the_beats(report) -> None:
    page = html.render(report)
    assert page.count('<th scope="row">20</th>') == page.count('<th scope="row">55</th>') == 1
    assert "EF by outlines" in page
    assert "fedcba9876543210" in page
    assert "Measured with weights trained on synthetic hearts." in page  # the second weights were


def test_csv_has_a_row_for_each_measurement(report) -> None:
    rows = csv.dumps([report]).splitlines()
    assert sum(",ef_beat," in row for row in rows) == 2
    assert {"segmentation", "segmentation_sha256", "segmentation_trained_on"} <= set(rows[0].split(","))
