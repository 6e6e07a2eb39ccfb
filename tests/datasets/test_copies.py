from __future__ import annotations

from pathlib import Path

import numpy as np

from cinecor.datasets.copies import find_copies
from cinecor.records import Cine, Split, Study


def study(name: str, split: Split | None) -> Study:
    return Study(id=name, cines=(Cine(source=np.zeros((1, 1, 2, 2), np.uint8), modality="US"),), split=split)


def test_only_equal_bytes_are_copies(tmp_path: Path) -> None:
    contents = {"a": b"12345", "b": b"12345", "c": b"54321", "d": b"1234", "e": b"xx", "f": b"xx", "g": b"xx"}
    splits: dict[str, Split] = {
        "a": "train",
        "b": "test",
        "c": "test",
        "d": "test",
        "e": "train",
        "f": "train",
        "g": "train",
    }
    files = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        files.append((study(name, splits[name]), tmp_path / name))
    found = find_copies(files)
    assert [(problem.severity, problem.code, problem.where) for problem in found] == [
        ("error", "LEAKAGE", "a, b"),
        ("warning", "DUPLICATE_ID", "e, f, g"),
    ]
    assert find_copies(files[2:5]) == []


def test_the_same_recording_twice_in_one_study(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"12345")
    one = study("one", "train")
    (found,) = find_copies([(one, tmp_path / "a"), (one, tmp_path / "b")])
    assert (found.severity, found.what, found.where) == ("warning", "a study holds the same recording 2 times", "one")
