from __future__ import annotations

import pytest

from cinecor.records import Measurement
from cinecor.reports import wording


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("ef", "Left ventricular ejection fraction"),
        ("ef_beat", "Ejection fraction of one beat"),
        ("rvef", "Right ventricular ejection fraction"),
        ("rv_edv_ml", "Right ventricular end-diastolic volume"),
        ("rv_esv_ml", "Right ventricular end-systolic volume"),
        ("heart_rate", "Heart rate"),
        ("ef of loop 3", "ef of loop 3"),
        ("some_new_thing", "some new thing"),
    ],
)
def test_names(quantity: str, name: str) -> None:
    assert wording.name_of(quantity) == name


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(55.04, "%", "55.0 %"), (74.6, "1/min", "75 beats/min"), (-3.21, "mL", "−3.2 mL"), (1.25, "", "1.2")],
)
def test_figures(value: float, unit: str, text: str) -> None:
    assert wording.figure(value, unit) == text


@pytest.mark.parametrize(
    ("value", "band", "text"),
    [
        (39.99, "reduced", "< 40 %"),
        (40.0, "mildly reduced", "40 – 49 %"),
        (49.99, "mildly reduced", "40 – 49 %"),
        (50.0, "preserved", "≥ 50 %"),
    ],
)
def test_bands(value: float, band: str, text: str) -> None:
    assert wording.band_of(value) == band
    assert wording.band_range(band) == text


def test_intervals() -> None:
    ef = Measurement(name="ef", value=48.0, unit="%", low=39.0, high=57.25, level=0.9)
    assert wording.interval(ef) == "39.0 – 57.2 %"
    assert wording.interval_name(ef) == "90 % interval"
    assert "from reduced to preserved" in wording.band_reach(ef)
    rate = Measurement(name="heart_rate", value=75.0, unit="1/min", low=70.4, high=80.6)
    assert wording.interval(rate) == "70 – 81 beats/min"
    assert wording.interval_name(rate) == "interval"
    alone = Measurement(name="ef", value=48.0, unit="%")
    assert wording.interval(alone) == wording.band_reach(alone) == ""
    assert wording.band_reach(Measurement(name="ef", value=60.0, unit="%", low=55.0, high=65.0)) == ""


def test_loops_and_counts() -> None:
    assert wording.loop_name(0, 1) == "loop"
    assert wording.loop_name(2, 5) == "loop 2"
    assert wording.loops_name([2], 5) == "loop 2"
    assert wording.loops_name([2, 3, 4], 5) == "loops 2–4"
    assert [wording.count_of(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller 心 40 – 49 %", "Müller 心 40 – 49 %"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\r\u2028", "a\\nb\\r\\u2028"),
        ("caf\udce9", "caf\\udce9"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert wording.printable(text) == shown
