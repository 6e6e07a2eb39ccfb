"""From a public checkpoint to a report, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.models.public_files import small, write

from cinecor import datasets
from cinecor.cli import __main__ as cli
from cinecor.inference.analyser import NO_REFERENCE
from cinecor.inference.wording import NO_INTERVAL
from cinecor.models.checkpoint import read_manifest
from cinecor.models.public_weights import PUBLIC
from cinecor.phantom import echo_study

KEPT = ("--source", "https://example.org", "--licence", "CC BY-NC 4.0")


def run(*words: str | Path) -> int:
    return cli._run([str(word) for word in words])


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in PUBLIC:
        monkeypatch.setitem(PUBLIC, kind, small(kind))


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "echo"
    datasets.get("echonet_dynamic").write([echo_study(3, 2, max_frames=110)], folder)
    return next((folder / "Videos").iterdir())


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("kind", ["coreecho", "echocotr", "echonet-r2plus1d"])
def test_imported_weights_measure_a_loop(
    kind: str, loop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("import", write(kind, tmp_path), "--as", kind, "--out", out, *KEPT) == 0
    shown = capsys.readouterr().out
    assert PUBLIC[kind].model in shown
    assert PUBLIC[kind].note in shown
    assert run("analyse", loop, "--weights", out, "--clips", "2", "--json") == 0
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    (ef,) = [each for each in study["measurements"] if each["name"] == "ef"]
    assert 0 <= ef["value"] <= 100
    assert ef["low"] is None
    assert "conformal" not in ef["method"]
    assert NO_INTERVAL in study["warnings"]
    assert NO_REFERENCE in study["warnings"]
    assert "CC BY-NC 4.0" in study["provenance"]["trained_on"]


@pytest.mark.usefixtures("tiny")
def test_imported_outlines_answer_for_a_loop(loop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, out = "echonet-deeplabv3", tmp_path / "out"
    assert run("import", write(kind, tmp_path), "--as", kind, "--out", out, *KEPT) == 0
    capsys.readouterr()
    assert run("analyse", loop, "--weights", out, "--json") == 0
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    assert study["measurements"] or study["not_done"][0]["what"] == "ef"
    assert study["provenance"]["model"] == "deeplabv3_resnet50"


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("kind", ["uniformer", "keras-resnet50v2"])
def test_weights_to_start_from_give_no_ef(
    kind: str, loop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("import", write(kind, tmp_path), "--as", kind, "--out", out, *KEPT) == 0
    assert "know nothing of hearts" in capsys.readouterr().out
    assert run("analyse", loop, "--weights", out) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: CONFLICT: out: these weights predict {PUBLIC[kind].target}, not ef")
    assert "weights to start a training from" in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("tiny")
def test_the_input_can_be_given(tmp_path: Path) -> None:
    words = ["--mean", "30", "31", "32", "--std", "50", "51", "52", "--crop", "none", "--step-ms", "80"]
    file = write("coreecho", tmp_path)
    assert run("import", file, "--as", "coreecho", "--out", tmp_path / "out", *KEPT, *words) == 0
    clip = read_manifest(tmp_path / "out").clip
    assert (clip["mean"], clip["std"]) == ([30, 31, 32], [50, 51, 52])
    assert (clip["crop"], clip["step_ms"], clip["length"]) == ("none", 80, 36)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--licence", "MIT"), "OUT_OF_RANGE: source"),
        (("--source", "x"), "OUT_OF_RANGE: licence"),
        ((*KEPT, "--std", "0", "1", "1"), "OUT_OF_RANGE: std"),
        ((*KEPT, "--step-ms", "-1"), "OUT_OF_RANGE: step_ms"),
        (KEPT, "MISSING_FILE: missing.pt"),
    ],
)
def test_what_cannot_be_imported_is_one_line(
    words: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("import", tmp_path / "missing.pt", "--as", "coreecho", "--out", tmp_path / "out", *words) in (2, 6)
    error = capsys.readouterr().err
    assert error.startswith(f"error: {code}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(_address: str) -> Path:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("cinecor.models.hub.fetch_file", fetch)
    words = ("import", "hf://a/b/c.pth", "--as", "uniformer", "--out", tmp_path / "out")
    assert run(*words, "--source", "https://example.org") == 2
    assert "no licence" in capsys.readouterr().err
    assert run(*words, "--licence", "MIT") == 2
    assert "no source" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("{}")
    assert run(*words, *KEPT) == 2
    assert "holds weights already" in capsys.readouterr().err
