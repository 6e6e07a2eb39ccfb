"""Beat to beat: a network that outlines what is white, and one that says how bright a clip is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.inference.white import CYCLE, EF, FRAME_MS, White, make_predictor, make_study
from torch import nn

from cinecor.errors import ConfigError
from cinecor.inference import Analyser, Settings, load_analyser
from cinecor.inference.agreement import GOOD_HALF_WIDTH, contradiction, tolerated
from cinecor.inference.instruments import Instruments
from cinecor.inference.novelty import Novelty
from cinecor.models.contract import Network
from cinecor.records import ClipSpec, Report

CLIP = ClipSpec(length=8, step_ms=75.0, height=32, width=32, crop="sector", mean=(0.0,), std=(1.0,))


class _Mean(Network):
    """EF is the mean grey level of the clip's first frame over the whole clip's, as a share: another one each clip."""

    num_features, num_outputs = 2, 1

    def forward_features(self, *streams):
        (x,) = streams
        return torch.stack([x.mean((1, 2, 3, 4)), x[:, :, 0].mean((1, 2, 3))], dim=1)

    def forward_head(self, features, *, pre_logits=False):
        return features if pre_logits else features[:, :1]

    def reset_classifier(self, num_outputs):
        self.num_outputs = num_outputs

    def output_layer(self):
        return nn.Linear(2, 1)


def _judging(**changes):
    return make_predictor(network=_Mean().eval(), spec=CLIP, **changes)


def _analyser(outliner=None, **changes):
    return Analyser(Instruments(ef=_judging(**changes), outliner=outliner or make_predictor()))


@pytest.fixture(scope="module")
def study():
    return make_study()


@pytest.fixture(scope="module")
def report(study) -> Report:
    return _analyser().analyse(study)


def test_every_systole_has_its_clip(report, study):
    systoles = [beat.systole for beat in report.beats]
    assert np.abs(np.array(systoles) - (CYCLE // 2 + CYCLE * np.arange(3))).max() <= 1
    half = 8 * 75.0 / FRAME_MS / 2
    assert [beat.start for beat in report.beats][:2] == [max(systole - round(half), 0) for systole in systoles[:2]]
    last = len(study.cines[0].source) - 1
    assert all((beat.start * FRAME_MS + 7 * 75.0) <= (last + 0.5) * FRAME_MS for beat in report.beats)


def test_ef_is_the_mean_over_the_beats(report):
    ef = report.measurement("ef")
    assert ef.value == pytest.approx(np.mean([beat.ef for beat in report.beats]))
    assert ef.clips == tuple((0, beat.start) for beat in report.beats)
    assert "mean over 3 beats" in ef.method
    assert "evenly spread" in ef.method  # what its interval was made for
    assert [each.value for each in report.measurements if each.name == "ef_beat"] == [beat.ef for beat in report.beats]


def test_the_value_of_a_beat_is_that_of_its_clip_alone(report, study):
    from cinecor.clips import cut, prepare
    from cinecor.clips.sampling import choose_listed

    cine = study.cines[0]
    frames = prepare(cine.source, cine, CLIP)
    for beat in report.beats:
        indices = choose_listed(len(frames), CLIP, (beat.start,), cine.times_ms)[0]
        assert beat.ef == pytest.approx(cut(frames, indices, CLIP).mean(), abs=1e-3)


def test_outlines_say_their_own(report):
    assert report.measurement("ef_outline").value == pytest.approx(EF, abs=2.5)
    by_beat = [each.value for each in report.measurements if each.name == "ef_outline_beat"]
    assert len(by_beat) == len(report.cines[0].beats)
    inside = [beat.ef_outline for beat in report.beats if beat.ef_outline is not None]
    assert inside == by_beat
    assert report.measurement("edv_ml") is not None
    assert not any(line.what == "volumes" for line in report.not_done)


def test_pictures_show_the_outline_over_a_beat(report):
    assert [picture.title.split(",")[0] for picture in report.pictures if not picture.strip] == [
        "End-diastole",
        "End-systole",
    ]
    (strip,) = [picture for picture in report.pictures if picture.strip]
    assert strip.pixels.shape[1] > 5 * strip.pixels.shape[0]
    assert {curve.title for curve in report.curves} == {"LV volume", "Area of the left ventricle"}
    area = next(curve for curve in report.curves if curve.title.startswith("Area"))
    assert area.marks["ES"] == tuple(beat.systole for beat in report.beats)


@pytest.mark.parametrize(("apart", "warned"), [(9.9, False), (10.1, True)])
def test_ways_that_contradict_each_other_are_warned_of(study, monkeypatch, apart, warned):
    """Both half-widths are 5; the values of the clips are as far as that from what the outlines say."""
    by_outlines = Analyser(Instruments(ef=make_predictor())).analyse(study).measurement("ef").value
    judging = _judging(half_width=5.0)
    value = by_outlines - apart
    monkeypatch.setattr(
        type(judging), "values", lambda _self, clips: (np.full(len(clips), value), np.zeros((len(clips), 2)))
    )
    report = Analyser(Instruments(ef=judging, outliner=make_predictor(half_width=5.0))).analyse(study)
    assert any("at least one of the two is wrong" in text for text in report.warnings) is warned
    ef, other = report.measurement("ef"), report.measurement("ef_outline")
    assert (ef.high < other.low) is warned  # the intervals have nothing in common


def test_the_limit_is_where_the_intervals_part():
    one, other = _judging(half_width=5.0), make_predictor(half_width=3.0)
    limit = tolerated(one, other)
    assert limit == 8.0
    assert contradiction(60.0, 60.0 - limit, limit) == contradiction(52.0, 60.0, limit) == ""
    assert "8.1 points, more than 8.0" in contradiction(60.0, 51.9, limit)
    assert tolerated(_judging(half_width=None), other) == GOOD_HALF_WIDTH + 3.0
    assert tolerated(_judging(half_width=30.0), other) == GOOD_HALF_WIDTH + 3.0  # a poor network is not excused


def test_without_outlines_that_hold_clips_are_spread_evenly_and_it_is_said(study):
    report = _analyser(make_predictor(network=White(2.0).eval())).analyse(study)
    assert report.beats == ()
    assert report.measurement("ef_outline") is None
    assert "clips" in report.measurement("ef").method
    assert any("not beat to beat" in text and "no left ventricle was found" in text for text in report.warnings)


def test_where_no_systole_is_clips_are_spread_evenly_beside_the_outlines():
    half = make_study(frames=CYCLE // 2 + 3)  # the ventricle hardly grows again
    report = _analyser().analyse(half)
    assert report.beats == ()
    assert report.measurement("ef") is not None
    assert report.measurement("ef_outline").value > 40
    assert any("no systole" in text for text in report.warnings)


def test_what_is_unlike_the_training_is_refused(study):
    near = np.random.default_rng(0).normal(500.0, 0.01, (40, 2))
    refused = _analyser(novelty=Novelty(near)).analyse(study)
    assert refused.measurement("ef") is None
    assert "unlike" in refused.not_done[0].reason


def test_frame_times_are_not_needed(study):
    silent = replace(study, cines=(replace(study.cines[0], times_ms=None),))
    by_frames = replace(CLIP, step_ms=None, period=3)
    judging = make_predictor(network=_Mean().eval(), spec=by_frames)
    report = Analyser(Instruments(ef=judging, outliner=make_predictor())).analyse(silent)
    assert len(report.beats) == 3
    assert report.curves == ()


def test_only_clips_with_outlines_make_a_pair(weights):
    with pytest.raises(ConfigError, match="predicts values"):
        load_analyser(weights, segmentation=weights)
    with pytest.raises(ConfigError, match="its own beats"):
        load_analyser(segmentation="package")


def test_the_weights_in_the_package_find_beats(weights):
    analyser = load_analyser(weights, Settings(clips=2), segmentation="package")
    report = analyser.analyse(make_study())
    assert report.provenance.segmentation == "unet"
    assert len(report.provenance.segmentation_sha256) == 64
    assert "synthetic" in report.provenance.segmentation_trained_on
