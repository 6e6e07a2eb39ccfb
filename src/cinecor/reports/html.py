"""One page a study, complete in itself: it opens anywhere, prints on paper, and asks no server for anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cinecor import storage
from cinecor.records import CineSummary, Picture, Report
from cinecor.reports import drawing, names, wording
from cinecor.reports.loops import runs

_SCALE_END = 90.0
"""Right end of the EF scale, %; no heart pumps out more, and less room would be lost to the left."""

_MARKER = '<meta name="cinecor-study" content="{}">'
_HEAD_BYTES = 2048
"""The marker stands within so many bytes of the start of a page."""


@dataclass(frozen=True, kw_only=True)
class _Figure:
    title: str
    content: str | Markup


@dataclass(frozen=True, kw_only=True)
class _Figures:
    pictures: tuple[_Figure, ...]
    curves: tuple[_Figure, ...]


def render(report: Report) -> str:
    """The page of a report. Every text in it is escaped; nothing in it runs or loads.

    The same report gives the same page, to the byte.
    """
    environment = Environment(
        loader=PackageLoader("cinecor.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    ef = report.measurement(wording.EF)
    page = environment.get_template("report.html").render(
        report=report,
        ef=ef,
        ef_missing=next((missing for missing in report.not_done if missing.what == wording.EF), None),
        scale_end=_SCALE_END,
        told=tuple(cine for cine in report.cines if cine.told is not None),
        loops=_loops(report),
        loose=_figures(report, None),
        strips=tuple(_figure(picture) for picture in report.pictures if picture.strip),
        marker=Markup(_MARKER.format(names.fingerprint(report))),  # noqa: S704 - hexadecimal digits only
        synthetic=wording.is_synthetic(report),
        wording=wording,
    )
    return wording.encodable(page)


def write(report: Report, folder: Path, taken: Collection[Path] = ()) -> Path:
    """Write the page of a report into ``folder`` and return its path.

    An earlier page of the same study is replaced; that of another study of the same name, or a file in ``taken``,
    is not: the name then ends in ``-2``, ``-3`` …

    Raises:
        StorageError: the page cannot be written.
    """
    marker = _MARKER.format(names.fingerprint(report)).encode()

    def ours(path: Path) -> bool:
        if not path.is_file():
            return False
        with storage.loud(path), path.open("rb") as stream:
            return marker in stream.read(_HEAD_BYTES)

    path = names.free_path(folder, names.stem_for(report.study), ".html", ours, taken)
    storage.write_text(path, render(report))
    return path


def write_all(reports: Iterable[Report], folder: Path) -> list[Path]:
    """Write a page for each report, one after the other; no page of this call replaces another one of it.

    Raises:
        StorageError: a page cannot be written; those before it stand.
    """
    written: list[Path] = []
    for report in reports:
        written.append(write(report, folder, written))
    return written


def _loops(report: Report) -> list[tuple[str, CineSummary, _Figures]]:
    """Name, facts and figures of each loop; once for loops without figures that are alike."""
    shown = {cine.index: _figures(report, cine.index) for cine in report.cines}

    def key(cine: CineSummary) -> tuple[CineSummary, int]:
        figures = shown[cine.index]
        return replace(cine, index=0), cine.index if figures.pictures or figures.curves else -1

    count = len(report.cines)
    return [
        (wording.loops_name([cine.index for cine in alike], count), alike[0], shown[alike[0].index])
        for alike in runs(report.cines, key)
    ]


def _figure(picture: Picture) -> _Figure:
    return _Figure(title=picture.title, content=drawing.png_uri(picture.pixels))


def _figures(report: Report, cine: int | None) -> _Figures:
    """The figures of one loop; for None those that belong to no loop of the report."""
    known = {summary.index for summary in report.cines}

    def belongs(index: int | None) -> bool:
        return index == cine if cine is not None else index not in known

    return _Figures(
        pictures=tuple(_figure(picture) for picture in report.pictures if belongs(picture.cine) and not picture.strip),
        curves=tuple(
            _Figure(title=curve.title, content=Markup(drawing.curve_svg(curve, f"curve{number}")))  # noqa: S704
            for number, curve in enumerate(report.curves)
            if belongs(curve.cine)
        ),
    )
