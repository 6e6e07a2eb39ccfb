"""An explanation as files: the table reads back, the page holds everything and asks for nothing."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cinecor.evaluation import explanation_figures
from cinecor.evaluation.explanation_report import PAGE, PLANE, SCORE, TABLE, score, write_explanation
from cinecor.records import Explanation, Picture


def _loops(count: int, *, shown: int = 1) -> list[Explanation]:
    generator = np.random.default_rng(0)
    made = []
    for place in range(count):
        picture = Picture(title="frames 3, 9", pixels=np.full((20, 40, 3), place, np.uint8), cine=0, strip=True)
        frames = generator.integers(0, 255, (4, 3, 16, 16)).astype(np.uint8)
        made.append(
            Explanation(
                study=f"<b>study {place:03d}",
                patient=f"{place:03d}",
                cine=0,
                predicted=40.0 + place,
                true=None if place == 1 else 41.5 + place,
                embedding=np.array([40.0 + place, generator.normal()]),
                novelty=0.5,
                picture=picture if place < shown else None,
                frames=frames if place < shown else None,
                frame_ms=70.0,
            )
        )
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loops = _loops(20)
    points = np.array([[each.predicted, -each.predicted] for each in loops])
    folder = tmp_path_factory.mktemp("explained")
    page = write_explanation(folder, loops, points=points, manifest={"model": "i3d", "training_data": {"synthetic": 1}})
    assert page == folder / PAGE
    return folder


def test_the_table_reads_back(folder: Path) -> None:
    table = pd.read_csv(folder / TABLE, dtype={"patient": str})
    loops = _loops(20)
    assert list(table["patient"]) == [each.patient for each in loops]
    assert list(table.columns[-4:]) == ["umap_1", "umap_2", "feature_0", "feature_1"]
    np.testing.assert_allclose(table[["feature_0", "feature_1"]], [each.embedding for each in loops], rtol=1e-5)
    assert table["true"].isna().tolist() == [place == 1 for place in range(20)]


def test_the_score_is_of_the_loops_whose_ef_is_known(folder: Path) -> None:
    saved = json.loads((folder / SCORE).read_text("utf-8"))
    assert saved["loops"] == 19
    assert saved == score(_loops(20)).as_dict()
    assert saved["order"]["value"] > 0.8


def test_the_pictures_are_the_pixels(folder: Path) -> None:
    (strip,) = folder.glob("*.png")
    assert np.asarray(Image.open(strip)).shape == (20, 40, 3)
    (moving,) = folder.glob("*.gif")
    with Image.open(moving) as loop:
        assert loop.n_frames == 4
        assert loop.info["duration"] == 70
        assert loop.info["loop"] == 0
    assert "<" not in strip.name


def test_the_page_holds_everything_and_escapes_names(folder: Path) -> None:
    page = (folder / PAGE).read_text("utf-8")
    assert "<b>study" not in page
    assert "&lt;b&gt;study 000" in page
    assert "synthetic hearts" in page
    assert "<svg" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert (folder / PLANE).is_file()


def test_few_loops_without_a_plane(tmp_path: Path) -> None:
    page = write_explanation(tmp_path, _loops(2)).read_text("utf-8")
    assert "too few" in page
    assert not (tmp_path / PLANE).exists()
    assert "<svg" not in page


def test_colours_are_ef_and_the_unknown_are_grey() -> None:
    ef = np.array([30.0, np.nan, 60.0])
    figure = explanation_figures.plane(np.arange(6.0).reshape(3, 2), ef)
    grey, coloured = figure.axes[0].collections
    assert len(grey.get_offsets()) == 1
    assert coloured.get_array().tolist() == [30.0, 60.0]
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    assert stream.getbuffer().nbytes > 1000
