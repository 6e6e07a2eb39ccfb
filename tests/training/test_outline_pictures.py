"""Frames to look at: what is drawn on one is what the table says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cinecor.clips import Cache, ClipDataset, Sampling
from cinecor.models import create_model
from cinecor.records import Cine, ClipSpec, Study
from cinecor.training.outline_pictures import picture_outlines
from cinecor.training.outline_scores import judge_outlines
from cinecor.training.task import Task

TALL, WIDE = 48, 64
SPEC = ClipSpec(length=1, height=24, width=32)


def square(left: float, top: float, side: float) -> np.ndarray:
    return np.array([(left, top), (left + side, top), (left + side, top + side), (left, top + side)])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    """Three patients; loops of three frames, of which two are outlined, and one loop without any."""
    rng = np.random.default_rng(0)
    studies = []
    for number in range(3):
        frames = rng.integers(0, 255, (3, 1, TALL, WIDE)).astype(np.uint8)
        fov = {frame: square(10.0 + 3 * number, 8.0 + frame, 25.0) for frame in (0, 2)}
        outlines = {"fov": fov, "epicardium": {2: square(20.0, 15.0, 8.0 + number)}}
        cine = Cine(source=frames, modality="US", view="A4C", frames=3, height=TALL, width=WIDE, outlines=outlines)
        bare = replace(cine, view="PLAX", outlines={})
        studies.append(Study(id=f"s{number}", cines=(bare, cine), split="test"))
    cache = Cache.build(studies, SPEC, tmp_path_factory.mktemp("cache"))
    how, structures = Sampling(how="outlined"), ("fov", "epicardium")
    return ClipDataset(studies, cache, SPEC, sampling=how, targets=(), structures=structures)


def test_pictures_and_table_agree(clips: ClipDataset) -> None:
    torch.manual_seed(0)
    task, device = Task(create_model("unet", 2, widths=(4, 6))), torch.device("cpu")
    rows = judge_outlines(task, clips, device)
    shown = list(picture_outlines(task, clips, device, rows))
    assert [(each.structure, each.title) for each in shown] == [
        (structure, title) for structure in ("fov", "epicardium") for title in ("best", "median", "lowest")
    ]
    for structure in ("fov", "epicardium"):
        assert len({each.study for each in shown if each.structure == structure}) == 3
    assert any(each.said.any() for each in shown)
    for each in shown:
        (study,) = [study for study in clips.studies if study.id == each.study]
        cine = study.cines[1]
        assert (each.pixels == cine.source[each.frame, 0]).all()
        common, total = np.sum(each.said & each.true), each.said.sum() + each.true.sum()
        assert each.dice == pytest.approx(2 * common / total)
        left, top = cine.outlines[each.structure][each.frame][0]
        down, across = np.nonzero(each.true)
        assert (across.min(), down.min()) == pytest.approx((left, top), abs=1)
        assert each.view == "A4C"
    lowest = next(each for each in shown if (each.structure, each.title) == ("fov", "lowest"))
    assert lowest.dice == rows.loc[rows["structure"] == "fov", "dice"].min()
