"""`cinecor explain`: which studies are shown, and a folder of files from a folder of loops."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cinecor import datasets
from cinecor.cli import __main__ as cli
from cinecor.cli.explain import _choose
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.phantom import population
from cinecor.records import ClipSpec, Study


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    options = {"depth": "stem", "width": 0.1}
    spec = ClipSpec(length=8, step_ms=70.0, height=32, width=32, crop="sector")
    manifest = Manifest(model="i3d", options=options, clip=spec.as_dict())
    save_checkpoint(tmp_path / "weights", create_model("i3d", **options), manifest)
    return tmp_path / "weights"


def test_a_data_folder(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies = list(population("echonet_dynamic", 3, 0, max_frames=60))
    datasets.get("echonet_dynamic").write(studies, tmp_path / "data")
    words = [
        "explain",
        str(weights),
        "--data",
        str(tmp_path / "data"),
        "--split",
        "all",
        "--out",
        str(tmp_path / "out"),
    ]
    assert cli._run([*words, "--shown", "2", "--clips", "1", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "explanation.html")
    names = sorted(path.suffix for path in (tmp_path / "out").iterdir())
    assert names == [".csv", ".gif", ".gif", ".html", ".json", ".png", ".png"]
    assert len((tmp_path / "out" / "embeddings.csv").read_text().splitlines()) == 4
    assert cli._run([*words[:5], "nowhere", *words[6:]]) == 5


def test_nothing_to_explain(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._run(["explain", str(weights), "--out", str(tmp_path)]) == 2
    assert "nothing to explain" in capsys.readouterr().err


@pytest.mark.parametrize(("count", "chosen"), [(0, ""), (1, "a"), (2, "ae"), (3, "ace"), (9, "abcde")])
def test_the_shown_are_spread_over_ef(count: int, chosen: str) -> None:
    studies = [Study(id=name, cines=(), labels={"ef": float(ord(name))}) for name in "ecbad"]
    assert "".join(_choose(studies, count)) == chosen
