"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side, one process a core: threads inside each would only wait for one another. This comes before
# torch and OpenCV are imported, and what tests start inherits it.
for _name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the project; its tests skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images (../shared/data) are not on this machine")
    return SHARED_DATA
