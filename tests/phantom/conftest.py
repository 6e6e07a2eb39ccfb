"""Hearts that several tests look at."""

from __future__ import annotations

import pytest

from cinecor.phantom.anatomy import Heart
from cinecor.phantom.population import draw_heart


@pytest.fixture(params=[0, 3, 7, 12])
def heart(request: pytest.FixtureRequest) -> Heart:
    return draw_heart(5, request.param)
