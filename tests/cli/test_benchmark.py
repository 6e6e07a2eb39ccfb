"""What `cinecor benchmark` says of trainings that failed beside one that did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cinecor.cli.__main__ import app
from cinecor.datasets import view_folders
from cinecor.errors import SOME_FAILED
from cinecor.records import Cine, Study
from cinecor.training import sweep

SPLITS = ("train", "train", "validation", "test", "test")
SMALL = ["--epochs", "1", "--batch_size", "4", "--device", "cpu", "--reference_clips", "0"]
NETWORK = ["--cnn_15x20:model.options.width", "2", "--cnn_15x20:model.options.dense", "[8]"]


def _study(number: int, split: str) -> Study:
    """A still of each of two views: bright on the left, or on the right."""
    rng, cines = np.random.default_rng(number), []
    for view, half in (("A4C", slice(0, 20)), ("PLAX", slice(20, 40))):
        source = rng.integers(0, 40, (1, 1, 30, 40)).astype(np.uint8)
        source[..., half] += 150
        cines.append(Cine(source=source, modality="US", view=view, frames=1, times_ms=(0.0,)))
    return Study(id=f"p{number}", cines=tuple(cines), split=split)


def test_failed_trainings_are_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "measure_cost", lambda folder, _: (folder / "cost.json").write_text("{}"))
    monkeypatch.setenv("CINECOR_CACHE", str(tmp_path / "cache"))
    view_folders.write([_study(number, split) for number, split in enumerate(SPLITS)], tmp_path / "data", files="dicom")
    rows = ["--only", "cnn_15x20", "--only", "cnn_masked"]
    words = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *rows, *SMALL, *NETWORK]
    said = CliRunner().invoke(app, ["benchmark", "004", *words])
    assert said.exit_code == SOME_FAILED, said.output
    assert said.output.rstrip().endswith("1 of 2 trainings ended, 1 failed")
    for page in ("comparison.md", "comparison.html"):
        text = (tmp_path / "out" / page).read_text("utf-8")
        assert "5 studies, 1 of 2 trainings ended, 1 failed." in text
        assert "--cnn_masked:mask.weights MASK" in text
    notice = next(line for line in said.output.splitlines() if line.startswith("will fail"))
    assert "cnn_masked (--mask.weights: a run of 004/fov_mask)" in notice
    assert said.output.index(notice) < said.output.index("[1/2]")
