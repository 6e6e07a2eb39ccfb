"""Imports point down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_every_room_is_in_the_picture() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {
        path.name.removesuffix(".py") for path in (ROOT / "src" / "cinecor").iterdir() if not path.name.startswith("_")
    }
    rooms.discard("py.typed")
    missing = {room for room in rooms if f"| `{room}` |" not in picture}
    assert not missing
