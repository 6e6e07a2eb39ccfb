from __future__ import annotations

import json
import math

import pytest

from cinecor.evaluation.estimate import Estimate, absent


@pytest.mark.parametrize("name", ["value", "low", "high"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_never_leaves(name: str, number: float) -> None:
    with pytest.raises(ValueError, match="finite or absent"):
        Estimate(**{"name": "mae", "value": 1.0, "low": 0.0, "high": 2.0, name: number})


@pytest.mark.parametrize("name", ["value", "low", "high"])
def test_what_is_absent_needs_a_reason(name: str) -> None:
    numbers = {"value": 1.0, "low": 0.0, "high": 2.0, name: None}
    with pytest.raises(ValueError, match="needs a reason"):
        Estimate(name="mae", **numbers)
    assert Estimate(name="mae", **numbers, reason="one patient").reason == "one patient"


def test_plain_values() -> None:
    found = json.loads(json.dumps(absent("icc", "all the same", "%").as_dict(), allow_nan=False))
    assert found == {
        "name": "icc",
        "value": None,
        "low": None,
        "high": None,
        "unit": "%",
        "method": "",
        "reason": "all the same",
    }
