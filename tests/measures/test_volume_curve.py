"""The volume of half ellipsoids that beat: known in closed form."""

import numpy as np
import pytest

from cinecor.errors import InputError
from cinecor.measures import volume_curve

FRAME_MS = 20.0
SIZE = 96


def _loop(ef=60.0, frames=110, cycle=45, soft=2.0):
    """Probabilities of the lower half of an ellipse (apex up) whose solid of revolution beats with this EF."""
    systole = np.sin(np.pi * (np.arange(frames) % cycle) / cycle) ** 2
    volumes = 1.0 - ef / 100 * systole
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    maps = []
    for volume in volumes:
        long, half = 56.0, 17.0 * np.sqrt(volume)  # constant length: volume goes with the square of the width
        down = (rows - 76.0) / long
        inside = 1.0 - np.hypot((columns - 48.0) / half, down)
        edge = np.minimum(inside * half, 76.5 - rows)
        maps.append(1 / (1 + np.exp(-soft * np.clip(edge, -20, 20))))
    return np.stack(maps).astype(np.float32), volumes * (2 / 3) * np.pi * 17.0**2 * 56.0


@pytest.mark.parametrize("ef", [15.0, 40.0, 65.0])
def test_ef_of_every_beat(ef):
    maps, _ = _loop(ef)
    curve = volume_curve(maps, None, np.arange(len(maps)) * FRAME_MS)
    assert len(curve.phases) == len(curve.beats.beats) >= 1
    assert curve.ejection_fractions == pytest.approx([ef] * len(curve.phases), abs=2.0)
    assert curve.beats.heart_rate_bpm == pytest.approx(60_000 / 45 / FRAME_MS, rel=0.03)


def test_volumes_are_in_ml():
    maps, volumes = _loop()
    curve = volume_curve(maps, (2.0, 2.0), np.arange(len(maps)) * FRAME_MS)
    np.testing.assert_allclose(curve.volumes.max(), volumes.max() * 8 / 1000, rtol=0.04)
    larger = volume_curve(maps, (4.0, 4.0), np.arange(len(maps)) * FRAME_MS)
    np.testing.assert_allclose(larger.volumes, 8 * curve.volumes)
    assert larger.ejection_fractions == pytest.approx(curve.ejection_fractions)


def test_single_broken_frames_change_little():
    maps, _ = _loop()
    whole = volume_curve(maps, None, np.arange(len(maps)) * FRAME_MS)
    broken = maps.copy()
    broken[20] = 0.0
    broken[22, :50] = 0.0
    broken[60] = 1.0
    curve = volume_curve(broken, None, np.arange(len(maps)) * FRAME_MS)
    assert curve.found.sum() == len(maps) - 1
    assert curve.ejection_fractions == pytest.approx(whole.ejection_fractions, abs=1.0)


def test_less_than_a_beat_has_the_ef_of_its_extremes():
    maps, _ = _loop(50.0)
    curve = volume_curve(maps[:26], None, np.arange(26) * FRAME_MS)
    assert curve.beats.beats == ()
    ((ed, es),) = curve.phases
    assert ed < 4
    assert abs(es - 22) <= 2
    assert curve.ejection_fractions[0] == pytest.approx(50.0, abs=2.5)


def test_frame_times_are_not_needed_for_ef():
    maps, _ = _loop(60.0)
    curve = volume_curve(maps)
    assert curve.ejection_fractions == pytest.approx([60.0] * len(curve.phases), abs=2.0)
    assert curve.beats.heart_rate_bpm is None


def test_nothing_is_an_error():
    with pytest.raises(InputError, match="EMPTY"):
        volume_curve(np.zeros((20, 32, 32), np.float32))
    with pytest.raises(InputError, match="EMPTY"):
        volume_curve(_loop()[0][:3])
