from __future__ import annotations

import pytest

from cinecor.datasets.labels import check_labels, number, number_or_text
from cinecor.errors import DatasetError


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), (" 2.5 ", 2.5), ("-1e-3", -0.001)])
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-Infinity", "1_000", "0x10", "1,5"])
def test_no_numbers(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("0", 0.0), ("-12", -12.0), ("1e2", 100.0)])
def test_labels_that_are_numbers(text: str, value: float) -> None:
    assert number_or_text(text) == value


@pytest.mark.parametrize("text", ["0001", "-01", "DCM", "nan", ""])
def test_labels_that_are_text(text: str) -> None:
    assert number_or_text(text) == text


def test_possible_hearts() -> None:
    check_labels({})
    check_labels({"ef": 0.0, "edv_ml": 80.0, "esv_ml": 80.0, "group": "DCM"})
    check_labels({"ef": 100.0, "esv_ml": 300.0})


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({"ef": 100.5}, "ef 100.5 is not a number from 0 to 100"),
        ({"ef": -0.1}, "ef -0.1"),
        ({"ef": float("nan")}, "ef is not a finite number"),
        ({"ef": "55"}, "ef '55'"),
        ({"edv_ml": 2001.0}, "edv_ml 2001"),
        ({"height_cm": float("inf")}, "height_cm is not a finite number"),
        ({"edv_ml": 50.0, "esv_ml": 50.1}, "edv_ml is below esv_ml"),
    ],
)
def test_impossible_hearts(labels: dict[str, float | str], what: str) -> None:
    with pytest.raises(DatasetError, match=f"BAD_LABEL: row 3: {what}"):
        check_labels(labels, where="row 3")
