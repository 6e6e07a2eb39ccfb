from __future__ import annotations

from pathlib import Path

import pytest

from cinecor.datasets.pairs import MOST_BYTES, read_pairs, read_phases, read_positive
from cinecor.errors import DatasetError


def test_as_it_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_bytes(b"\xef\xbb\xbfED: 1\r\n\r\nES:18 \r\nNbFrame : 20\r\nNote: a: b\r\nEmpty:\r\n")
    pairs = read_pairs(path, ("ED", "ES"))
    assert pairs == {"ED": "1", "ES": "18", "NbFrame": "20", "Note": "a: b", "Empty": ""}
    assert read_phases(pairs, "a.cfg") == (20, 1, 18)
    assert read_positive(pairs, "ES", "a.cfg") == 18.0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"ED 1", "BAD_LABEL"),
        (b"ED: 1\nED: 2", "BAD_LABEL"),
        (b"ES: 1", "MISSING_COLUMN"),
        (b"ED: ", "MISSING_COLUMN"),
        ("ED: ü".encode("latin-1"), "ENCODING"),
        ("ED: 1".encode("utf-16"), "ENCODING"),
        (b"ED: 1\n" + b"\n" * MOST_BYTES, "BAD_LABEL"),
    ],
)
def test_faults(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.cfg").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_pairs(tmp_path / "a.cfg", ("ED",))
    assert caught.value.code == code
    assert caught.value.where == "a.cfg"


@pytest.mark.parametrize(
    "phases", [("0", "2", "3"), ("1", "1", "3"), ("1", "4", "3"), ("1.5", "2", "3"), ("1", "x", "3")]
)
def test_frames_that_are_none(phases: tuple[str, str, str]) -> None:
    with pytest.raises(DatasetError, match="BAD_LABEL"):
        read_phases(dict(zip(("ED", "ES", "NbFrame"), phases, strict=True)), "a")
    with pytest.raises(DatasetError, match="BAD_LABEL"):
        read_positive({"Height": "-1"}, "Height", "a")
