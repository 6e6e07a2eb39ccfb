"""Samples of a generator: cut out of a run's pictures as they were put in, and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cinecor.evaluation.samples import COLUMNS, FOLDER, ROWS, choose_epochs, draw_samples, read_samples, sample_name


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_cut_where_they_lie(tmp_path, channels):
    assert read_samples(tmp_path) == {}
    (tmp_path / FOLDER).mkdir()
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (ROWS * 5, COLUMNS * 6, channels)).astype(np.uint8)
    for epoch in (1, 7, 10):
        Image.fromarray(whole[..., 0] if channels == 1 else whole).save(tmp_path / FOLDER / sample_name(epoch))
    found = read_samples(tmp_path)
    assert list(found) == [1, 10]
    assert found[10].shape == (8, 5, 6, channels)
    for place in range(8):
        down, across = divmod(place, COLUMNS)
        assert (found[10][place] == whole[5 * down : 5 * down + 5, 6 * across : 6 * across + 6]).all()


def test_the_epochs_of_the_paper_and_the_last_are_shown():
    assert choose_epochs(range(1, 51)) == [1, 2, 3, 4, 13, 50]
    assert choose_epochs([3, 1]) == [1, 3]
    assert choose_epochs([]) == []


def test_one_training_has_a_row_for_each_epoch_and_several_have_one_each():
    pictures = np.arange(8 * 4 * 5, dtype=np.uint8).reshape(8, 4, 5, 1)
    alone = draw_samples({"": {1: pictures, 9: pictures}})
    assert [axes.get_ylabel() for axes in alone.axes if axes.get_ylabel()] == ["epoch 1", "epoch 9"]
    assert len(alone.axes) == 8
    assert (np.asarray(alone.axes[3].images[0].get_array()) == pictures[3, ..., 0]).all()
    both = draw_samples({"a": {1: pictures}, "b": {1: pictures, 2: pictures}})
    assert [axes.get_ylabel() for axes in both.axes if axes.get_ylabel()] == ["a", "b"]
    shown = np.asarray(both.axes[0].images[0].get_array())
    assert (shown[4:, 5:] == pictures[3, ..., 0]).all()
    assert np.asarray(both.axes[1].images[0].get_array()).min() == 255  # `a` has no second epoch
