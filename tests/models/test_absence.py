"""Weights that are not there are told from damaged ones, and what is missing is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cinecor.errors import CheckpointError
from cinecor.models.absence import check_there, is_file, is_folder
from cinecor.models.checkpoint import read_manifest

NAMES = ("a.json", "b.bin")


def refusal(folder: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        check_there(folder, NAMES)
    assert caught.value.code == "MISSING_FILE"
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_missing_is_said_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert refusal(folder).what == "there is no such folder"
    folder.mkdir()
    assert refusal(folder).what == "the folder has no a.json and no b.bin"
    (folder / "a.json").write_text("{}")
    assert refusal(folder).what == "the folder has no b.bin"
    assert "is a file" in refusal(folder / "a.json").what
    (folder / "b.bin").write_bytes(b"")
    check_there(folder, NAMES)


def test_a_folder_is_named_without_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(tmp_path / "patients" / "run").where == "run"
    monkeypatch.chdir(tmp_path)
    assert refusal(Path()).where == tmp_path.name
    assert str(tmp_path.parent) not in str(refusal(tmp_path))


def test_a_folder_that_cannot_be_looked_into_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(CheckpointError, match=re.escape("manifest.json cannot be read")):
        read_manifest(tmp_path)


def test_a_name_too_long_for_any_file_is_of_nothing(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 100)
    with pytest.raises(OSError, match="too long"):
        folder.exists()
    error = refusal(folder)
    assert error.what == "there is no such folder"
    assert len(error.where) < 70
    with pytest.raises(CheckpointError, match=r"MISSING_FILE: long.*there is no such folder"):
        read_manifest(folder)
    assert not is_file(folder / "manifest.json")
    assert not is_folder(folder)
    assert is_folder(tmp_path)
    (tmp_path / "a.json").write_text("{}")
    assert is_file(tmp_path / "a.json")
    assert not is_file(tmp_path)
    assert not is_folder(tmp_path / "a.json")


def test_a_folder_that_may_not_be_looked_at_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(PermissionError):
        check_there(tmp_path, NAMES)
