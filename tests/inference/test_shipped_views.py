"""The weights in the package that tell views: small, sound, honest about where they come from, better than a guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.clips.masking import FOLDER
from cinecor.inference import SHIPPED_VIEWS, Analyser, load_analyser
from cinecor.models.checkpoint import read_manifest
from cinecor.phantom import VIEW_NAMES, view_study
from cinecor.records import Cine, Study


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return load_analyser(views="package")


def test_they_are_small_and_say_that_hearts_were_synthetic() -> None:
    assert sum(path.stat().st_size for path in SHIPPED_VIEWS.rglob("*")) <= 4_000_000
    for folder in (SHIPPED_VIEWS, SHIPPED_VIEWS / FOLDER):
        assert read_manifest(folder).training_data["synthetic"] is True
    assert read_manifest(SHIPPED_VIEWS).extra["classes"] == sorted(VIEW_NAMES)


@pytest.mark.parametrize("style", ["lyra", "carina"])  # one make that was learned from, one that was not
def test_views_of_unseen_synthetic_patients_are_told(analyser: Analyser, style: str) -> None:
    study = view_study(4, 990_018, frames=2, style=style, quality="good", dual=0.0)
    bare = replace(study, cines=tuple(replace(cine, view=None) for cine in study.cines))
    told = [cine.view for cine in analyser.analyse(bare).cines]
    right = [one == other for one, other in zip(told, VIEW_NAMES, strict=True)]
    assert sum(right) >= 14


def test_noise_is_no_view(analyser: Analyser) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (12, 1, 600, 800), dtype=np.uint8)
    times = tuple(40.0 * index for index in range(12))
    cine = Cine(source=frames, modality="US", frames=12, height=600, width=800, times_ms=times)
    (found,) = analyser.analyse(Study(id="x", cines=(cine,))).cines
    assert found.view is None
    assert found.told is not None
    assert found.told.doubt
