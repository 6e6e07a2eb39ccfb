"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the project; its tests skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real images (../shared/data) are not on this machine")
    return SHARED_DATA
