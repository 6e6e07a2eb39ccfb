"""Heat over frames: where its colours lie, and what a report and an explanation hold of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from cinecor import io
from cinecor.errors import ConfigError
from cinecor.inference import SHIPPED, Settings, explain_all, load_analyser, load_predictor
from cinecor.inference.heat import LOWERS, RAISES, THICKEST, heated_clip, overlay
from cinecor.inference.loop import open_loop
from cinecor.phantom import echo_study
from cinecor.records import Explanation, Study


@pytest.fixture(scope="module")
def study() -> Study:
    return echo_study(3, 2, max_frames=110)


def test_orange_raises_blue_lowers_nothing_stays_grey() -> None:
    heat = np.array([[1.0, -1.0, 0.0, 0.5]], dtype=np.float32)
    frame = np.full((1, 4), 100, dtype=np.uint8)
    pixels = overlay(frame, heat).transpose(1, 2, 0)[0]
    for place, (colour, opacity) in enumerate(((RAISES, 1.0), (LOWERS, 1.0), (RAISES, 0.0), (RAISES, 0.5))):
        share = THICKEST * opacity
        np.testing.assert_allclose(pixels[place], 100 * (1 - share) + np.array(colour) * share, atol=0.5)


def test_heat_is_enlarged_to_the_frame() -> None:
    heat = np.zeros((4, 4), dtype=np.float32)
    heat[1, 2] = 1.0
    changed = (overlay(np.full((40, 40), 50, dtype=np.uint8), heat) != 50).any(axis=0)
    rows, columns = np.nonzero(changed)
    assert pytest.approx(rows.mean(), abs=0.5) == 14.5
    assert pytest.approx(columns.mean(), abs=0.5) == 24.5
    assert changed[14, 24]
    assert not changed[:5].any()


def test_a_clip_from_ed_to_es(weights: Path, study: Study) -> None:
    predictor = load_predictor(weights, Settings(clips=2))
    recorded = io.load(study.cines[0])
    loop = open_loop(study.cines[0], 0, recorded, predictor.spec, 2)
    heated = heated_clip(predictor, loop, recorded)
    assert heated.indices[0] == loop.beat_starts[0]
    assert heated.frames.shape == (len(heated.indices), 3, 360, 360)
    assert list(heated.shown) == sorted(set(heated.shown))
    es = next(frame for frame in loop.beats.es if frame > heated.indices[0])
    assert abs(heated.indices[heated.shown[-1]] - es) <= 60.0 / loop.cine.frame_ms
    strip = heated.strip()
    assert strip.strip
    assert strip.pixels.shape == (220, 224 * len(heated.shown) - 4, 3)
    assert all(str(heated.indices[place]) in strip.title for place in heated.shown)


def test_a_short_loop_shows_the_frames_that_it_has(weights: Path, study: Study) -> None:
    cine = study.cines[0]
    times = tuple(range(0, 600, 30))
    short = replace(cine, source=io.load(cine)[:20], frames=20, times_ms=tuple(map(float, times)), contours={})
    predictor = load_predictor(weights, Settings(clips=2))
    recorded = io.load(short)
    loop = open_loop(short, 0, recorded, predictor.spec, 2)
    heated = heated_clip(predictor, loop, recorded)
    assert min(heated.indices) >= 0
    assert len(heated.frames) == len(heated.indices) < predictor.spec.length


def test_the_report_has_a_strip_where_it_is_asked_for(weights: Path, study: Study) -> None:
    plain, explained = (
        load_analyser(weights, Settings(clips=2, explain=asked)).analyse(study) for asked in (False, True)
    )
    assert [picture.strip for picture in plain.pictures] == [False, False]
    assert [picture.strip for picture in explained.pictures] == [False, False, True]
    assert explained.measurements == plain.measurements


def test_a_network_of_outlines_is_not_explained() -> None:
    with pytest.raises(ConfigError, match="outlines"):
        load_analyser(SHIPPED, Settings(explain=True))
    with pytest.raises(ConfigError, match="outlines"):
        list(explain_all(load_predictor(SHIPPED, Settings()), []))


def test_explanations_of_studies(make_weights: Callable[..., Path], study: Study) -> None:
    predictor = load_predictor(make_weights(reference=torch.rand(40, 48)), Settings(clips=2))
    still = replace(study, id="still", cines=(replace(study.cines[0], frames=1),))
    unlabelled = replace(study, id="other", labels=MappingProxyType({}))
    first, failure, last = explain_all(predictor, [study, still, unlabelled], shown=[study.id])
    assert isinstance(failure, io.Failure)
    assert "still" in failure.error.what
    assert isinstance(first, Explanation)
    assert isinstance(last, Explanation)
    assert first.true == study.labels["ef"]
    assert last.true is None
    assert first.novelty is not None
    assert first.picture is not None
    assert first.frame_ms == 60.0
    assert last.picture is None
    np.testing.assert_array_equal(first.embedding, last.embedding)
    assert first.embedding.shape == (predictor.network.num_features,)
    report = load_analyser(make_weights(), Settings(clips=2)).analyse(study)
    ef = report.measurement("ef")
    assert ef is not None
    assert first.predicted == pytest.approx(ef.value)
