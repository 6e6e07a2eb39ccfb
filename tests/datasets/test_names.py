from __future__ import annotations

import pytest

from cinecor.datasets.names import plain_name
from cinecor.errors import DatasetError


@pytest.mark.parametrize("name", ["0001", "0X1A2B", "patient001", "NA", "a b", "a.b", "ä", "-x", "console"])
def test_plain(name: str) -> None:
    assert plain_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/b",
        "/a",
        "a\\b",
        "c:a",
        "a\0b",
        "a\nb",
        ".hidden",
        " a",
        "a ",
        "a.",
        "CON",
        "nul.avi",
        "x" * 201,
        "a*b",
    ],
)
def test_unsafe(name: str) -> None:
    with pytest.raises(DatasetError, match="UNSAFE_PATH: here"):
        plain_name(name, where="here")
