"""Image quality: the hearts stay, the artefacts go."""

import numpy as np
import pytest

from cinecor.errors import ConfigError
from cinecor.phantom import camus_study, echo_study
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.quality import grade


def test_good_images_show_the_same_hearts():
    rough, good = (echo_study(3, 4, max_frames=24, quality=quality) for quality in ("any", "good"))
    assert rough.labels == good.labels
    assert rough.cines[0].times_ms == good.cines[0].times_ms
    assert not np.array_equal(rough.cines[0].source, good.cines[0].source)


def test_good_images_have_slighter_artefacts():
    for index in range(20):
        rough = draw_imaging(1, index, 120.0)
        good = grade(rough, "good", np.random.default_rng(0))
        assert good.beam.shadows == ()
        assert good.beam.noise < rough.beam.noise
        assert abs(good.plane.yaw) <= abs(rough.plane.yaw)


def test_another_quality_is_refused():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        grade(draw_imaging(1, 0, 120.0), "splendid", np.random.default_rng(0))
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        camus_study(0, 0, max_frames=2, quality="splendid")
