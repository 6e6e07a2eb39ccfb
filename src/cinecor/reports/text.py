"""A report as text for a terminal; the same words with and without colour."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cinecor.records import BeatEf, CineSummary, Diagnosis, Measurement, Provenance, Report
from cinecor.reports import wording
from cinecor.reports.loops import runs

_INDENT = 2


def render(reports: Iterable[Report], *, colour: bool = False, width: int = 100) -> str:
    """Reports as text, one after the other, with an empty line between them.

    Args:
        reports: what to show.
        colour: whether to write the escape codes of a terminal; leave it out for files and pipes.
        width: columns to fold at.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for number, report in enumerate(reports):
        if number:
            console.print()
        console.print(_report(report))
    lines = stream.getvalue().splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _report(report: Report) -> Group:
    title = f"{wording.printable(report.study)}  ·  {wording.modality_of(report)}"
    parts: list[Text | Padding | Table] = [Text(title, style="bold")]
    parts += [_indented(_headline(found)) for found in report.measurements if found.name == wording.EF]
    if report.diagnosis is not None:
        parts.append(_indented(_diagnosis(report.diagnosis)))
    others = wording.beside_ef(report)
    if others:
        parts.append(_indented(_measurements(others)))
    parts += [_indented(_beat(beat, len(report.cines))) for beat in report.beats]
    parts += [_indented(loops) for loops in _loops(report.cines)]
    parts += [
        _indented(_labelled("not done", f"{wording.name_of(it.what)}: {it.reason}", "yellow")) for it in report.not_done
    ]
    parts += [_indented(_labelled("warning", warning, "yellow")) for warning in report.warnings]
    parts += [_indented(Text(line, style="dim")) for line in _provenance(report.provenance)]
    parts.append(_indented(Text(wording.printable(report.provenance.use), style="bold")))
    return Group(*parts)


def _provenance(made: Provenance) -> Iterator[str]:
    """What made the report; numbers from geometry alone have neither weights nor training."""
    weights = f", weights {made.weights_sha256[:12]}" if made.weights_sha256 else ""
    yield wording.printable(f"cinecor {made.version}, {made.model}{weights}")
    if made.trained_on:
        yield wording.printable(f"trained on {made.trained_on}")
    if made.diagnosis:
        weights = f", {made.diagnosis_sha256[:12]}" if made.diagnosis_sha256 else ""
        yield wording.printable(f"groups by {made.diagnosis}{weights}")
    if made.segmentation:
        weights = f", weights {made.segmentation_sha256[:12]}" if made.segmentation_sha256 else ""
        yield wording.printable(f"beats by {made.segmentation}{weights}")
        yield wording.printable(f"trained on {made.segmentation_trained_on}")
    for used in made.networks:
        yield wording.printable(f"{wording.used_network(used)} by {used.model}, weights {used.weights_sha256[:12]}")
        yield wording.printable(f"trained on {used.trained_on}")


def _headline(ef: Measurement) -> Text:
    text = Text(f"{wording.name_of(ef.name)}: ").append(wording.figure(ef.value, ef.unit), style="bold")
    if interval := wording.interval(ef):
        text.append(f"  ({wording.interval_name(ef)} {interval})")
    band = wording.band_of(ef.value)
    text.append("\nrange: ").append(band, style="bold red" if band == wording.REDUCED else "bold")
    text.append(f", {wording.band_range(band)} (ESC 2021)")
    if reach := wording.band_reach(ef):
        text.append(f"\n{reach}")
    if ef.method:
        text.append(f"\n{wording.printable(ef.method)}", style="dim")
    return text


def _diagnosis(diagnosis: Diagnosis) -> Text:
    """The most probable group, and how probable each is."""
    ranked = wording.ranked(diagnosis)
    name, words, _ = ranked[0]
    chances = ", ".join(f"{name} {value:.0f} %" for name, _, value in ranked)
    text = Text("most like: ").append(wording.printable(f"{name}, {words}"), style="bold")
    text.append(wording.printable(f"  ({chances})"))
    return text.append(f"\n{wording.printable(diagnosis.method)}", style="dim") if diagnosis.method else text


def _measurements(measurements: Sequence[Measurement]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for column in range(4):
        table.add_column(justify="right" if column == 1 else "left", overflow="fold")
    for found in measurements:
        interval = wording.interval(found)
        shown = f"{wording.interval_name(found)} {interval}" if interval else ""
        table.add_row(
            *(
                Text(wording.printable(cell))
                for cell in (
                    wording.name_of(found.name),
                    wording.figure(found.value, found.unit),
                    shown,
                    found.method,
                )
            )
        )
    return table


def _beat(beat: BeatEf, loops: int) -> Text:
    where = "beat" if loops == 1 else f"{wording.loop_name(beat.cine, loops)}, beat"
    said = f"{where} of systole {beat.systole}: EF {wording.figure(beat.ef, '%')} by the clip from frame {beat.start}"
    outlined = f", {wording.figure(beat.ef_outline, '%')} by outlines" if beat.ef_outline is not None else ""
    return Text(said + outlined)


def _loops(cines: Sequence[CineSummary]) -> Iterator[Text]:
    """What is said of each loop; once for loops that follow one another and are alike (a short-axis stack)."""
    for alike in runs(cines, lambda cine: _cine(cine).plain):
        name = wording.loops_name([cine.index for cine in alike], len(cines))
        yield Text(f"{name}: ").append_text(_cine(alike[0]))


def _cine(cine: CineSummary) -> Text:
    view = wording.printable(wording.view_of(cine))
    facts = [view, wording.count_of(cine.frames, "frame"), f"{cine.width} × {cine.height}"]
    facts.append("frame times unknown" if cine.frame_ms is None else f"{cine.frame_ms:.1f} ms a frame")
    if cine.heart_rate_bpm is not None:
        facts.append(f"{cine.heart_rate_bpm:.0f} beats/min")
    text = Text(", ".join(facts))
    for beat, (start, middle, end) in enumerate(cine.beats, start=1):
        text.append(f"\n  beat {beat}: ED frame {start}, ES frame {middle}, next ED frame {end}")
    if not cine.beats and (cine.ed_frames or cine.es_frames):
        text.append(f"\n  ED frames {_numbers(cine.ed_frames)}; ES frames {_numbers(cine.es_frames)}; no complete beat")
    for note in cine.notes:
        text.append(f"\n  {wording.printable(note)}", style="dim")
    return text


def _labelled(label: str, message: str, style: str) -> Text:
    return Text(f"{label}: ", style=style).append(Text(wording.printable(message), style="default"))


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, values)) or "none"


def _indented(part: Text | Table) -> Padding:
    return Padding(part, (0, 0, 0, _INDENT))
