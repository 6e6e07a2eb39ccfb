from __future__ import annotations

import pytest

from cinecor.evaluation.quantities import label, unit, with_unit


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
    ],
)
def test_units(quantity: str, sign: str) -> None:
    assert unit(quantity) == sign
    assert with_unit("True", quantity) == (f"True ({sign})" if sign else "True")


def test_labels() -> None:
    assert label("ef") == "Ejection fraction"
    assert label("something_new") == "something_new"
