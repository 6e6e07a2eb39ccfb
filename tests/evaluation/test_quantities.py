from __future__ import annotations

import pytest

from cinecor.evaluation.quantities import is_binary, label, unit, with_unit


@pytest.mark.parametrize(
    ("quantity", "sign"),
    [
        ("ef", "%"),
        ("edv_ml", "mL"),
        ("length_mm", "mm"),
        ("area_mm2", "mm²"),
        ("beat_ms", "ms"),
        ("heart_rate_bpm", "1/min"),
        ("lv_mass_g", "g"),
        ("ratio", ""),
        ("infarct_a4c", ""),
    ],
)
def test_units(quantity: str, sign: str) -> None:
    assert unit(quantity) == sign
    assert with_unit("True", quantity) == (f"True ({sign})" if sign else "True")


def test_labels() -> None:
    assert label("ef") == "Ejection fraction"
    assert label("something_new") == "something_new"


def test_yes_or_no() -> None:
    assert is_binary([0.0, 1.0, 1.0])
    assert not is_binary([0.0, 1.0, 0.5])
