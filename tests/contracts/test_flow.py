"""The whole way on the command line: synthetic hearts, a check, a training, its evaluation, an analysis, in one go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cinecor.cli import __main__ as cli

SMALL = [
    "--epochs",
    "2",
    "--schedule.warmup_epochs",
    "0",
    "--clip.height",
    "24",
    "--clip.width",
    "24",
    "--clip.length",
    "8",
    "--clip.step_ms",
    "80",
]


def run(*words: str | Path) -> int:
    return cli._run([str(word) for word in words])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow") / "cohort"
    assert (
        run(
            "phantom",
            "echonet_dynamic",
            folder,
            "--studies",
            "24",
            "--seed",
            "3",
            "--max-frames",
            "40",
            "--workers",
            "1",
        )
        == 0
    )
    return folder


def test_a_cohort_is_sound_and_not_overwritten(cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", cohort, "--json") == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "echonet_dynamic"
    assert run("check", cohort) == 0
    assert "no problems found" in capsys.readouterr().out
    assert run("phantom", "echonet_dynamic", cohort, "--studies", "1") == 5
    assert "not empty" in capsys.readouterr().err


@pytest.mark.slow
def test_train_evaluate_and_analyse(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CINECOR_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "run"
    assert run("train", "demo", "--data", cohort, "--out", made, "--print-config", "--seed", "5") == 0
    assert "seed: 5" in capsys.readouterr().out
    assert run("train", "demo", "--data", cohort, "--out", made, *SMALL) == 0
    assert "synthetic hearts" in capsys.readouterr().out
    assert run("evaluate", made, "--split", "train") == 0
    assert "rmse" in capsys.readouterr().out
    assert (made / "evaluation_train" / "evaluation.html").is_file()
    assert run("evaluate", made, "--data", cohort, "--split", "all", "--out", tmp_path / "all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["quantities"][0]["studies"] == 24
    loop = sorted((cohort / "Videos").iterdir())[0]
    assert run("analyse", loop, "--weights", made, "--clips", "2") == 0
    assert "not for clinical use" in capsys.readouterr().out


def test_analyse_gives_the_same_in_every_form(cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loops = sorted((cohort / "Videos").iterdir())[:6]
    options = ["--json", "--html", tmp_path / "html", "--csv", tmp_path / "all.csv", "--clips", "2"]
    assert run("analyse", *loops, *options) == 0
    studies = json.loads(capsys.readouterr().out)["studies"]
    assert len(studies) == len(list((tmp_path / "html").glob("*.html"))) == 6
    for study in studies:
        assert set(study) >= {"study", "modality", "cines", "measurements", "not_done", "warnings", "provenance"}
        found = [each for each in study["measurements"] if each["name"] == "ef"]
        assert found or study["not_done"]
        for ef in found:
            assert 0 <= ef["low"] <= ef["value"] <= ef["high"] <= 100
    assert (tmp_path / "all.csv").is_file()
    assert all("synthetic hearts" in page.read_text("utf-8") for page in (tmp_path / "html").glob("*.html"))


def test_one_bad_file_among_good_ones(cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = sorted((cohort / "Videos").iterdir())[1]
    cut = tmp_path / "cut.avi"
    cut.write_bytes(loop.read_bytes()[: loop.stat().st_size // 2])
    assert run("analyse", cut, "--clips", "1") == 3
    assert capsys.readouterr().err.startswith("error: TRUNCATED: cut.avi")
    assert run("analyse", cut, loop, "--clips", "1") == 9
    shown = capsys.readouterr()
    assert "ejection fraction" in shown.out
    assert "TRUNCATED" in shown.err


def test_a_layout_given_to_analyse_is_read_as_one(cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cinecor.cli.studies import find_studies

    studies, failures = find_studies([cohort])
    assert failures == []
    assert len(studies) == 24
    assert all(study.labels for study in studies)
