"""One clip, all clips and beats of the same loops, by a network whose value of a clip can be told from its frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cinecor.clips import cut
from cinecor.clips.sampling import choose_listed
from cinecor.datasets import echonet_dynamic
from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.phantom import echo_study
from cinecor.records import ClipSpec
from cinecor.training import beat_to_beat
from cinecor.training.beat_to_beat import BEATS, EVERY, ONE, predict_ways, score_ways
from cinecor.training.reading import read_folder

CLIP = ClipSpec(length=8, period=2, height=24, width=24)
FRAME = ClipSpec(length=1, height=16, width=16)
SPLITS = ("test", "test", "test", "train")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("beats")
    studies = [echo_study(index, 0, max_frames=40, split=split) for index, split in enumerate(SPLITS)]
    echonet_dynamic.write(studies, made / "data")
    torch.manual_seed(0)
    options = {"depth": "stem", "width": 0.1, "input_size": [8, 24, 24]}
    network = create_model("i3d", **options)
    nn.init.normal_(network.output_layer().weight, std=5.0)
    network.set_output_bias(55.0)
    save_checkpoint(made / "run", network, Manifest(model="i3d", options=options, clip=CLIP.as_dict()))
    options = {"widths": [2, 4]}
    outliner = create_model("unet", **options)
    save_checkpoint(made / "outliner", outliner, Manifest(model="unet", options=options, clip=FRAME.as_dict()))
    return made


def _systoles(monkeypatch, *frames):
    """Maps whose cavity is one pixel smaller in these frames than elsewhere."""

    def outline(_task, prepared, _spec, _device, _output):
        maps = np.ones((len(prepared), 4, 4))
        for frame in frames:
            maps[frame, : 1 + frame % 3] = 0.0
        return maps

    monkeypatch.setattr(beat_to_beat, "outline_frames", outline)


def _predict(folder, split="test", **options):
    return predict_ways(folder / "run", folder / "outliner", folder / "data", split, cache=folder / "cache", **options)


def test_each_way_has_its_clips(folder, monkeypatch):
    _systoles(monkeypatch, 12, 33)
    ways = _predict(folder, compat=True)
    frames = {study.id: study.cines[0].frames for study in read_folder(folder / "data")[1] if study.split == "test"}
    for study, count in frames.items():
        starts = {name: sorted(rows[rows["study"] == study]["start"]) for name, rows in ways.predictions.items()}
        assert starts[ONE] == [0]
        assert starts[EVERY] == list(range(count - 14))
        assert starts[BEATS] == [4, min(33 - 8, count - 15)]
    assert ways.without_systole == ()
    assert set(ways.truth["study"]) == set(frames)


def test_a_clip_has_one_value_whichever_way_it_is_asked_for(folder, monkeypatch):
    from cinecor.clips import Cache
    from cinecor.models.checkpoint import load_checkpoint

    _systoles(monkeypatch, 12, 33)
    ways = _predict(folder, compat=True)
    by_start = ways.predictions[EVERY].set_index(["study", "start"])["value"]
    for name in (ONE, BEATS):
        rows = ways.predictions[name].set_index(["study", "start"])["value"]
        assert rows.to_numpy() == pytest.approx(by_start.loc[rows.index].to_numpy(), abs=1e-4)
    network, _ = load_checkpoint(folder / "run")
    studies = [study for study in read_folder(folder / "data")[1] if study.split == "test"]
    frames = Cache.build(studies, CLIP, folder / "cache").frames(studies[0].id)
    clip = cut(frames, choose_listed(len(frames), CLIP, (4,))[0], CLIP)
    with torch.no_grad():
        value = float(network.eval()(torch.from_numpy(clip)[None])[0, 0])
    assert by_start[studies[0].id, 4] == pytest.approx(value, abs=1e-3)


def test_a_loop_without_a_systole_has_all_its_clips_and_is_named(folder, monkeypatch):
    _systoles(monkeypatch)
    ways = _predict(folder, stride=5)
    assert len(ways.without_systole) == 3
    assert ways.predictions[BEATS].equals(ways.predictions[EVERY])
    assert sorted(ways.predictions[EVERY]["start"].unique())[:3] == [0, 5, 10]


def test_all_splits_are_judged_as_one(folder, monkeypatch):
    _systoles(monkeypatch, 12)
    results = score_ways(_predict(folder, "all", compat=True), "all")
    assert {name: each.quantity("ef").studies for name, each in results.items()} == dict.fromkeys(
        (ONE, EVERY, BEATS), 4
    )


@pytest.mark.parametrize(("run", "segmentation", "where"), [("outliner", "outliner", "run"), ("run", "run", "segm")])
def test_only_clips_with_outlines_make_a_pair(folder, run, segmentation, where):
    with pytest.raises(ConfigError, match="CONFLICT") as caught:
        predict_ways(folder / run, folder / segmentation, folder / "data")
    assert caught.value.where.startswith(where)


def test_what_is_no_split_or_stride_is_refused(folder):
    for change in ({"split": "holdout"}, {"stride": 0}):
        with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
            _predict(folder, **change)
