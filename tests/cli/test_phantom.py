"""What `cinecor phantom` says of its folder makes the folder again."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from cinecor.cli.__main__ import app
from cinecor.phantom import MARK

ASKED = ["--studies", "2", "--seed", "3", "--max-frames", "2", "--view", "PW", "--scanner", "vela", "--scanner", "lyra"]
MORE = ["--split", "test", "--dual", "0.9", "--quality", "good"]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_command_that_is_noted_makes_the_same_folder(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    words = ["phantom", "view_folders", str(first), *ASKED, *MORE, "--workers", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    noted = (first / MARK).read_text("utf-8").rstrip().partition("made by cinecor ")[2].split()
    noted[noted.index("FOLDER")] = str(again)
    assert CliRunner().invoke(app, [*noted, "--workers", "1"]).exit_code == 0
    assert len(_files(first)) > 2
    assert _files(again) == _files(first)
    assert all(word in noted for word in (*ASKED, *MORE))
