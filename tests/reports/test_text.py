from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from cinecor.records import CineSummary, Measurement, NotDone
from cinecor.reports.text import render


def test_what_a_report_says(make_report) -> None:
    text = render([make_report()])
    assert text.startswith("0X1A2B  ·  Echocardiography\n")
    for part in (
        "Left ventricular ejection fraction: 48.1 %  (90 % interval 39.0 – 57.2 %)",
        "range: mildly reduced, 40 – 49 % (ESC 2021)",
        "The interval reaches from reduced to preserved",
        "loop 0: A4C, 60 frames, 120 × 112, 20.0 ms a frame, 75 beats/min",
        "beat 1: ED frame 0, ES frame 20, next ED frame 40",
        "frame times from CineRate",
        "loop 1: view unknown, 1 frame, 112 × 112, frame times unknown",
        "not done: ef of loop 1: the loop has one frame",
        "warning: the weights were trained on synthetic hearts only",
        "cinecor 0.1.0, i3d, weights 0123456789ab",
        "trained on 800 studies of synthetic hearts",
        "not for clinical use",
    ):
        assert part in text, part
    assert re.search(r"End-diastolic volume +110\.0 mL +single-plane Simpson", text)
    assert re.search(r"Heart rate +75 beats/min +95 % interval 70 – 81 beats/min", text)


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 200])
def test_widths(make_report, make_stack, width: int) -> None:
    """Nothing is lost or reaches beyond the width, and no line ends in blanks."""
    reports = [make_report(), make_stack()]
    text = render(reports, width=width)
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)
    untabled = [replace(report, measurements=report.measurements[:1]) for report in reports]
    narrow, wide = (render(untabled, width=columns) for columns in (width, 500))
    assert "".join(narrow.split()) == "".join(wide.split())


def test_colour_changes_no_word(make_report) -> None:
    plain, coloured = render([make_report()]), render([make_report()], colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r" *$", "", re.sub(r"\x1b\[[0-9;]*m", "", coloured), flags=re.MULTILINE) == plain


def test_reports_stand_apart(make_report, make_stack) -> None:
    text = render([make_report(), make_stack()])
    assert text == render([make_report()]) + "\n" + render([make_stack()])
    assert render([]) == ""


def test_a_stack_is_said_once(make_stack) -> None:
    text = render([make_stack(12)])
    assert "loops 0–11: SAX, 30 frames, 256 × 216, 33.3 ms a frame\n" in text
    assert text.count("SAX") == 1
    assert "Right ventricular end-diastolic volume" in text


def test_loops_that_differ_are_said_apart(make_stack) -> None:
    report = make_stack(6)
    cines = list(report.cines)
    cines[2] = replace(cines[2], notes=("blurred",))
    text = render([replace(report, cines=tuple(cines))])
    assert [line.split(":")[0].strip() for line in text.splitlines() if "SAX" in line] == [
        "loops 0–1",
        "loop 2",
        "loops 3–5",
    ]
    assert text.count("blurred") == 1


def test_only_loops_that_follow_one_another_share_a_line(make_stack) -> None:
    report = make_stack(6)
    kept = tuple(cine for cine in report.cines if cine.index not in (0, 3))
    text = render([replace(report, cines=kept)])
    assert [line.split(":")[0].strip() for line in text.splitlines() if "SAX" in line] == ["loops 1–2", "loops 4–5"]


def test_one_loop_has_no_number(make_stack) -> None:
    assert "  loop: SAX" in render([make_stack(1)])


def test_geometry_has_neither_weights_nor_training(make_stack) -> None:
    text = render([make_stack()])
    assert "  cinecor 0.1.0, none (geometry of masks)\n" in text
    assert "weights" not in text
    assert "trained on" not in text
    assert "not for clinical use" in text


def test_marks_without_a_complete_beat(make_report) -> None:
    cine = CineSummary(
        index=0, view="A4C", frames=9, frame_ms=30.0, spacing_mm=None, height=9, width=9, ed_frames=(2, 8)
    )
    assert "ED frames 2, 8; ES frames none; no complete beat" in render([make_report(cines=(cine,))])


def test_nothing_in_a_file_steers_the_terminal(make_report) -> None:
    evil = "x\x1b[2J\nEF: 60 %\u202e[bold]"
    cine = CineSummary(index=0, view=evil, frames=1, frame_ms=None, spacing_mm=None, height=1, width=1, notes=(evil,))
    made = replace(make_report().provenance, model=evil, trained_on=evil)
    report = make_report(
        study=evil,
        cines=(cine,),
        warnings=(evil,),
        not_done=(NotDone(what=evil, reason=evil),),
        measurements=(
            Measurement(name="ef", value=50.0, unit="%", method=evil),
            Measurement(name=evil, value=1.0, unit=evil, method=evil),
        ),
        provenance=made,
    )
    text = render([report], width=1000)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("EF") for line in text.splitlines())
    assert text.count("[bold]") == 12
    assert render([make_report(study="caf\udce9")]).encode()
