"""The page of outlines holds the figures that it was given, and loads nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecor.evaluation.outline_examples import OutlineExample
from cinecor.evaluation.outline_report import name_of, write_outline_report
from cinecor.evaluation.segmentation import Overlap, summarise_masks

MANIFEST = {
    "model": "unet",
    "training_data": {"description": "30 studies <of> synthetic hearts", "synthetic": True},
    "extra": {"recipe": {"published": {"cross_entropy": 0.3984, "source": "the paper, field of view"}}},
}
RESULTS = {"frames": 5, "studies": 5, "cross_entropy": 0.01234}


def rows() -> pd.DataFrame:
    views = ["A4C", "PLAX", "A4C", "PLAX", "A4C"]
    common = {"structure": "fov", "study": list("abcde"), "patient": list("abcde")}
    return pd.DataFrame({**common, "view": views, "dice": [0.9, 0.8, 0.95, 0.7, 0.85], "hd95_mm": [1.0, 2, 3, 4, 5]})


def summaries(phase: str) -> list[Overlap]:
    named = rows().assign(phase=rows()["view"] if phase == "view" else phase)
    return summarise_masks(named[["study", "patient", "phase", "structure", "dice", "hd95_mm"]])


def write(folder: Path, **more: object) -> str:
    page = write_outline_report(folder, "test", rows(), summaries("frames"), summaries("view"), RESULTS, **more)
    return page.read_text("utf-8")


def test_figures_and_intervals_are_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_loss": [1.1, 0.6]})
    history.to_csv(tmp_path / "run" / "metrics.csv", index=False)
    mask = np.zeros((30, 40), bool)
    mask[5:20, 5:30] = True
    shown = {"pixels": np.zeros((30, 40), np.uint8), "said": mask, "true": mask, "frame": 0, "dice": 1.0}
    example = OutlineExample(title="best", structure="fov", study="a<b", view="A4C", **shown)
    out = tmp_path / "out"
    text = write(out, examples=[example], manifest=MANIFEST, run=tmp_path / "run")
    (whole,) = summaries("frames")
    assert whole.dice.value == pytest.approx(0.84)
    assert f"0.840 ({whole.dice.low:.3f} to {whole.dice.high:.3f})" in text
    assert "5 frames of 5 studies; cross-entropy 0.0123 a pixel, published, on other data, 0.3984 (the paper" in text
    by_view = {each.phase: each for each in summaries("view")}
    assert by_view["PLAX"].dice.value == pytest.approx(0.75)
    assert by_view["PLAX"].dice.low is None  # two patients
    assert '<td>PLAX</td><td class="n">2</td><td>0.750</td><td>3.00</td>' in text
    assert "Field of view: frames with the network" in text
    assert "numbers from synthetic hearts" in text
    assert "&lt;of&gt;" in text
    assert "a<b" not in text
    loaded = re.findall(r"""(?:src|href|data)=["']([^"']{5})""", text)
    assert loaded
    assert all(start.startswith("#") or start == "data:" for start in loaded)
    names = {path.name for path in out.iterdir()}
    figures = {"outlines-fov.svg", "dice-fov.svg", "learning-curves.svg"}
    assert names == {"evaluation.html", "outlines.json", *figures}
    assert all((out / name).read_text("utf-8") in text for name in figures)
    assert json.loads((out / "outlines.json").read_text("utf-8")) == RESULTS


def test_without_pictures_the_page_says_how_to_have_them(tmp_path: Path) -> None:
    text = write(tmp_path)
    assert "--data DATA" in text
    assert "published" not in text
    assert "View by view" in text
    assert not (tmp_path / "outlines-fov.svg").exists()


def test_one_view_has_no_table_of_views(tmp_path: Path) -> None:
    alike = rows().assign(view="A4C")
    page = write_outline_report(tmp_path, "test", alike, summaries("frames"), summaries("frames"), RESULTS)
    assert "View by view" not in page.read_text("utf-8")


def test_words() -> None:
    assert (name_of("fov"), name_of("liver")) == ("Field of view", "liver")
