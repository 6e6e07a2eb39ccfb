"""The front door: what `cinecor` exports, and how light it opens."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cinecor


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert cinecor.__all__ == sorted(cinecor.__all__)
    for name in set(cinecor.__all__) - {"__version__"}:
        assert getattr(cinecor, name).__module__.startswith("cinecor."), name
    assert dir(cinecor) == cinecor.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'analyze'"):
        _ = cinecor.analyze


LIGHT = {
    "cinecor": ["torch", "pydicom", "av", "pandas", "lightning"],
    "cinecor.io": ["torch", "pydicom", "nibabel", "pandas", "lightning"],
    "cinecor.phantom": ["torch", "pydicom", "pandas", "lightning"],
    "cinecor.datasets": ["torch", "pydicom", "nibabel", "lightning"],
    "cinecor.measures": ["torch", "pandas", "lightning"],
    "cinecor.models": ["torch", "lightning"],
    "cinecor.cli.__main__": ["torch", "pydicom", "av", "pandas", "lightning", "matplotlib"],
}


@pytest.mark.parametrize("module", LIGHT)
def test_importing_stays_light(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {LIGHT[module]} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
