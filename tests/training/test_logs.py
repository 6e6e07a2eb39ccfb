"""What a training tells."""

import csv

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cinecor.training.logs import Reporter, write_metrics

HISTORY = [{"epoch": 1, "train_loss": 0.1 + 0.2}, {"epoch": 2, "train_loss": 1e-7}]


def test_metrics_read_back_exactly(tmp_path):
    write_metrics(tmp_path / "metrics.csv", HISTORY)
    with (tmp_path / "metrics.csv").open(newline="") as stream:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    assert rows == HISTORY


def test_tensorboard_gets_each_epoch(tmp_path):
    with Reporter(tmp_path, 2, 0) as reporter:
        for epoch in (1, 2):
            with reporter.epoch(epoch - 1, 3, 0, {"validation_rmse": 1.0}):
                reporter.advance()
            reporter.end_epoch(HISTORY[:epoch], epoch * 3, 2.5)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("epoch_seconds")] == [2.5, 2.5]
    assert [(event.step, round(event.value, 6)) for event in events.Scalars("train_loss")] == [(3, 0.3), (6, 0.0)]
