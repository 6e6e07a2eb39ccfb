from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cinecor.errors import StorageError
from cinecor.records import Measurement, NotDone, Picture
from cinecor.reports.html import render, write, write_all


class Page(HTMLParser):
    """What a browser makes of a page: tags, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


def test_page_asks_no_server_for_anything(make_report) -> None:
    text = render(make_report())
    page = Page(text)
    assert not page.names() & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                assert str(value).startswith(("#", "data:image/png;base64,")), (tag, name)
            assert not name.startswith("on")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "default-src 'none'" in text


def test_page_says_what_the_report_says(make_report) -> None:
    page = Page(render(make_report()))
    for part in (
        "not for clinical use",
        "Measured with weights trained on synthetic hearts.",
        "0X1A2B",
        "Echocardiography",
        "48.1 %",
        "90 % interval 39.0 – 57.2 %",
        "mildly reduced",
        "The interval reaches from reduced to preserved",
        "End-diastolic volume 110.0 mL",
        "the loop has one frame",
        "Trained on 800 studies of synthetic hearts",
        "0123456789abcdef" * 4,
    ):
        assert part in page.text, part
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text


def test_cohorts_of_people_are_not_called_synthetic(make_report) -> None:
    made = replace(make_report().provenance, trained_on="1000 studies of a cohort")
    assert "synthetic" not in render(make_report(provenance=made, warnings=()))


def test_geometry_has_neither_weights_nor_training(make_stack) -> None:
    page = Page(render(make_stack()))
    assert "Weights" not in page.text
    assert "SHA-256" not in page.text
    assert "Trained on" not in page.text
    assert "none (geometry of masks)" in page.text


def test_a_stack_is_said_once_but_figures_stand_with_their_loop(make_stack) -> None:
    page = Page(render(make_stack(10)))
    assert page.text.count("Time between frames") == 1
    assert "Loops 0–9 SAX" in page.text
    picture = Picture(title="mid", pixels=np.zeros((4, 4, 1), np.uint8), cine=4)
    page = Page(render(replace(make_stack(10), pictures=(picture,))))
    assert re.findall(r"Loops? [\d–]+", page.text) == ["Loops 0–3", "Loop 4", "Loops 5–9"]


def test_not_measured(make_report) -> None:
    reason = "no loop shows the left ventricle"
    page = Page(render(make_report(measurements=(), not_done=(NotDone(what="ef", reason=reason),))))
    assert f"not measured {reason}" in page.text
    assert "range (ESC" not in page.text


@pytest.mark.parametrize("value", [-4.0, 0.0, 39.99, 40.0, 50.0, 88.0, 100.0, 140.0])
def test_the_mark_stays_on_the_scale(make_report, value: float) -> None:
    ef = Measurement(name="ef", value=value, unit="%", low=value - 10, high=value + 10, level=0.9)
    text = render(make_report(measurements=(ef,)))
    places = [float(found) for found in re.findall(r'class="dot" style="left:([\d.-]+)%', text)]
    assert places == [pytest.approx(100 * min(max(value, 0), 90) / 90, abs=0.01)]


def test_hostile_text_is_text(make_report) -> None:
    evil = "\"><script>alert('x')</script><img src=http://evil/x.png>"
    report = make_report(
        study=evil,
        cines=tuple(replace(cine, view=evil, notes=(evil,)) for cine in make_report().cines),
        measurements=(Measurement(name=evil, value=1.0, unit=evil, method=evil),),
        not_done=(NotDone(what="ef", reason=evil), NotDone(what=evil, reason=evil)),
        warnings=(evil,),
        pictures=tuple(replace(picture, title=evil) for picture in make_report().pictures),
        curves=tuple(replace(curve, title=evil, unit=evil, marks={evil: (3,)}) for curve in make_report().curves),
        provenance=replace(make_report().provenance, model=evil, trained_on=evil),
    )
    page = Page(render(report))
    assert "script" not in page.names()
    assert all(str(found.get("src")).startswith("data:") for tag, found in page.tags if tag == "img")
    assert evil in page.text


def test_pictures_are_the_pixels(make_report) -> None:
    report = make_report()
    sources = [str(found["src"]) for tag, found in Page(render(report)).tags if tag == "img"]
    for picture, source in zip(report.pictures, sources, strict=True):
        content = base64.b64decode(source.removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        assert np.array_equal(pixels.reshape(picture.pixels.shape), picture.pixels)


def test_a_strip_stands_under_the_ejection_fraction_and_nowhere_else(make_report) -> None:
    strip = Picture(title="looked at <here>", pixels=np.zeros((4, 24, 3), np.uint8), cine=0, strip=True)
    text = render(make_report(pictures=(strip,), curves=()))
    assert text.count("<img") == 1
    assert text.index('class="headline"') < text.index('class="strip"') < text.index('class="loop"')
    assert "looked at &lt;here&gt;" in text


def test_figures_of_no_loop_are_shown_too(make_report) -> None:
    loose = Picture(title="loose", pixels=np.zeros((4, 4, 1), np.uint8), cine=7)
    text = render(make_report(pictures=(loose,), curves=()))
    assert text.count("<img") == 1


def test_the_same_report_is_the_same_page(make_report) -> None:
    assert render(make_report()) == render(make_report())


def test_an_earlier_page_of_the_study_is_replaced(make_report, tmp_path: Path) -> None:
    first = write(make_report(), tmp_path)
    again = write(make_report(warnings=("new",)), tmp_path)
    assert first == again == tmp_path / "0X1A2B.html"
    assert "new" in again.read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_page_of_another_study_is_never_replaced(make_report, make_stack, tmp_path: Path) -> None:
    one = write(make_report(study="a"), tmp_path)
    before = one.read_bytes()
    other = write(replace(make_stack(), study="a"), tmp_path)
    foreign = tmp_path / "b.html"
    foreign.write_text("someone's own page")
    mine = write(make_report(study="b"), tmp_path)
    assert (other.name, mine.name) == ("a-2.html", "b-2.html")
    assert one.read_bytes() == before
    assert foreign.read_text() == "someone's own page"
    assert write(replace(make_stack(), study="a"), tmp_path) == other


def test_one_call_writes_as_many_pages_as_reports(make_report, tmp_path: Path) -> None:
    paths = write_all([make_report(), make_report(), make_report(study="../../x")], tmp_path / "new")
    assert len(set(paths)) == 3
    assert {path.parent for path in paths} == {tmp_path / "new"}
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    assert write_all([make_report(), make_report()], tmp_path / "new") == paths[:2]


def test_a_folder_of_the_same_name_and_odd_bytes(make_report, tmp_path: Path) -> None:
    (tmp_path / "0X1A2B.html").mkdir()
    assert write(make_report(), tmp_path).name == "0X1A2B-2.html"
    page = write(make_report(study="caf\udce9"), tmp_path)
    assert "caf\\udce9" in page.read_text(encoding="utf-8")
    with pytest.raises(StorageError):
        write(make_report(), page)
