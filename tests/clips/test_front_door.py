"""The room's names come when they are asked for, and only what needs torch imports it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cinecor import clips


def test_every_public_name_is_there_and_sorted() -> None:
    assert clips.__all__ == sorted(clips.__all__)
    assert all(getattr(clips, name) is not None for name in clips.__all__)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = clips.other


def test_only_the_dataset_and_its_batches_need_torch() -> None:
    script = (
        "import sys, cinecor.clips as clips\n"
        "for name in set(clips.__all__) - {'ClipDataset', 'collate'}: getattr(clips, name)\n"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
