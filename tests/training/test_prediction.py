"""What a network says of every clip."""

import numpy as np
import pytest
import torch

from cinecor.models import create_model
from cinecor.training.data import open_data
from cinecor.training.loading import make_loader
from cinecor.training.prediction import embed_clips, predict_values, to_predictions
from cinecor.training.task import Task

CPU = torch.device("cpu")


@pytest.fixture
def clips(tiny, cohort, tmp_path):
    data = open_data(tiny, cohort, tmp_path)
    return data.make_dataset(data.build_cache(), "test", "test")


@pytest.fixture
def task():
    torch.manual_seed(0)
    return Task(create_model("i3d", depth="stem", width=0.1)).train()


def test_values_are_the_networks_own_clip_by_clip(task, clips):
    rows = predict_values(task, make_loader(clips, 0, CPU, batch_size=5), CPU)
    assert len(rows) == len(clips) == 12
    for row, clip in zip(rows, clips, strict=True):
        with torch.no_grad():
            value = task.network(torch.from_numpy(clip.inputs["rgb"])[None]).item()
        assert (row.study, row.cine, row.start) == (clip.study, clip.cine, clip.start)
        assert row.value == pytest.approx(value, abs=1e-4)
        assert row.targets["ef"] == pytest.approx(clip.targets["ef"])


def test_it_can_be_ended_early(task, clips):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_values(task, make_loader(clips, 0, CPU), CPU, stop)


def test_workers_change_nothing(task, clips):
    values = [
        [row.value for row in predict_values(task, make_loader(clips, workers, CPU, batch_size=4), CPU)]
        for workers in (0, 1)
    ]
    assert values[0] == values[1]


def test_embeddings_are_those_of_the_network(task, clips):
    found = embed_clips(task, make_loader(clips, 0, CPU, batch_size=5), CPU)
    assert found.shape == (12, task.network.num_features)
    x = torch.from_numpy(np.stack([clip.inputs["rgb"] for clip in clips]))
    torch.testing.assert_close(found, task.embed(x))


def test_rows_become_records(task, clips, cohort):
    rows = predict_values(task, make_loader(clips, 0, CPU), CPU)
    records = to_predictions(rows, clips.studies, "test", "ef")
    assert {record.patient for record in records} == {study.id for study in cohort[-4:]}
    assert [record.value for record in records] == [row.value for row in rows]
