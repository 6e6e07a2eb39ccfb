from __future__ import annotations

import math

import pytest

from cinecor import records
from cinecor.errors import InputError
from cinecor.measures import classify_ef, ejection_fraction, stroke_volume_ml
from cinecor.measures.ejection_fraction import MILDLY_REDUCED_EF, PRESERVED_EF


@pytest.mark.parametrize(
    ("edv", "esv", "ef"), [(120.0, 48.0, 60.0), (200.0, 134.0, 33.0), (100.0, 100.0, 0.0), (80.0, 0.0, 100.0)]
)
def test_ejection_fraction_is_the_share_ejected(edv: float, esv: float, ef: float) -> None:
    assert ejection_fraction(edv, esv) == pytest.approx(ef)
    assert stroke_volume_ml(edv, esv) == pytest.approx(edv * ef / 100)


def test_ejection_fraction_knows_no_unit() -> None:
    assert ejection_fraction(0.120, 0.048) == pytest.approx(ejection_fraction(120.0, 48.0))


@pytest.mark.parametrize(
    ("edv", "esv"),
    [(0.0, 0.0), (-10.0, -20.0), (100.0, 101.0), (100.0, -1.0), (math.nan, 50.0), (100.0, math.nan), (math.inf, 50.0)],
)
def test_volumes_of_no_heart_are_refused(edv: float, esv: float) -> None:
    with pytest.raises(InputError) as failure:
        ejection_fraction(edv, esv)
    assert failure.value.code == "INCONSISTENT"


@pytest.mark.parametrize(
    ("ef", "name"),
    [(0.0, "HFrEF"), (39.99, "HFrEF"), (40.0, "HFmrEF"), (49.99, "HFmrEF"), (50.0, "HFpEF"), (100.0, "HFpEF")],
)
def test_classes_change_at_40_and_50(ef: float, name: str) -> None:
    assert classify_ef(ef) == name


@pytest.mark.parametrize("ef", [-0.1, 100.1, math.nan])
def test_an_impossible_ef_has_no_class(ef: float) -> None:
    with pytest.raises(InputError):
        classify_ef(ef)


def test_records_cut_at_the_same_values() -> None:
    assert (records.REDUCED_EF, records.PRESERVED_EF) == (MILDLY_REDUCED_EF, PRESERVED_EF)
