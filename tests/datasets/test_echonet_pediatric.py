from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.datasets.beating import loop, outline

from cinecor import datasets, io
from cinecor.datasets import echonet_pediatric
from cinecor.datasets.folds import assign, folds
from cinecor.errors import CinecorError, ConfigError, DatasetError
from cinecor.records import Study

HEADER = "FileName,EF,Sex,Age,Weight,Height,Split\n"


def make(index: int, views: tuple[str, ...] = ("A4C", "PSAX"), fold: int | None = None) -> Study:
    cines = tuple(
        replace(loop(view, 7 * index + place, 6, rate=50), contours={5: outline(9.0, 20), 0: outline(13.5)})
        for place, view in enumerate(views)
    )
    labels = {"ef": 55.5 + index, "fold": float(index % 10 if fold is None else fold), "sex": "F", "age_years": 7.0}
    labels |= {"weight_kg": 21.5, "height_cm": 120.0} if index else {}
    return Study(id=f"CR{index:04d}-CR9{index:03d}", patient=f"CR{index:04d}", cines=cines, labels=labels)


@pytest.fixture
def studies() -> list[Study]:
    return [make(0), make(1, ("A4C",)), make(2, ("PSAX",)), replace(make(3), id="0004x7", patient=None)]


@pytest.fixture
def root(tmp_path: Path, studies: list[Study]) -> Path:
    echonet_pediatric.write(iter(studies), tmp_path)
    return tmp_path


def test_round_trip(root: Path, studies: list[Study]) -> None:
    assert datasets.recognise(root) == "echonet_pediatric"
    read = {study.id: study for study in echonet_pediatric.read(root)}
    assert set(read) == {study.id for study in studies}
    for original in studies:
        study = read[original.id]
        assert (study.patient, study.split, dict(study.labels)) == (original.patient, None, dict(original.labels))
        for cine, first in zip(study.cines, original.cines, strict=True):
            assert (cine.view, cine.frames, cine.height, cine.width) == (first.view, 6, 48, 40)
            assert cine.times_ms == pytest.approx(first.times_ms)
            assert np.abs(io.load(cine)[:, :1].astype(int) - first.source).mean() < 2.5
            assert set(cine.contours) == {0, 5}
            for frame in (0, 5):
                np.testing.assert_array_equal(cine.contours[frame], first.contours[frame])


def test_the_form_is_the_published_one(root: Path) -> None:
    lines = (root / "A4C" / "FileList.csv").read_text().splitlines()
    assert lines[0] + "\n" == HEADER
    assert lines[1:3] == ["CR0000-CR9000-000000.avi,55.5,F,7.0,,,0", "CR0001-CR9001-000000.avi,56.5,F,7.0,21.5,120.0,1"]
    tracings = (root / "PSAX" / "VolumeTracings.csv").read_text().splitlines()
    assert tracings[0] == "FileName,X,Y,Frame"
    assert tracings[1].startswith("CR0000-CR9000-000001.avi,")
    assert tracings[1].endswith(",5")
    assert len(tracings) == 1 + 3 * 45
    assert echonet_pediatric.check(root).problems == ()


def test_folds(tmp_path: Path) -> None:
    echonet_pediatric.write([make(index, ("A4C",)) for index in range(10)], tmp_path)
    studies = echonet_pediatric.read(tmp_path)
    assert folds(studies) == tuple(range(10))
    split = {study.patient: study.split for study in assign(studies, 9)}
    assert [name for name, of in split.items() if of == "test"] == ["CR0009"]
    assert [name for name, of in split.items() if of == "validation"] == ["CR0000"]


def test_as_stanford_writes_it(root: Path) -> None:
    """Several loops of a study, words where a reader saw no systole, and the other form of the tracings."""
    videos = root / "A4C" / "Videos"
    (videos / "CR0000-CR9000-000033.avi").write_bytes((videos / "CR0001-CR9001-000000.avi").read_bytes())
    (root / "A4C" / "FileList.csv").write_text(
        f"{HEADER}CR0000-CR9000-000000.avi,55.5,M,3,,,4\nCR0000-CR9000-000033.avi,55.5,M,3,14.2,97,4\n"
    )
    (root / "PSAX" / "FileList.csv").unlink()
    rows = [f"CR0000-CR9000-000033.avi,{x},{y},No Systolic" for x, y in outline(9.0).tolist()]
    rows += [f"CR0000-CR9000-000033.avi,{x},{y},4" for x, y in outline(9.0).tolist()]
    rows += ["CR0000-CR9000-000000.avi,1,1,2", "CR0000-CR9000-000000.avi,2,2,2", "CR0000-CR9000-000000.avi,3,1,900"]
    (root / "A4C" / "VolumeTracings.csv").write_text("FileName,X,Y,Frame\n" + "\n".join(rows) + "\n")
    (study,) = echonet_pediatric.read(root)
    assert study.labels == {"ef": 55.5, "fold": 4, "sex": "M", "age_years": 3, "weight_kg": 14.2, "height_cm": 97}
    assert [cine.view for cine in study.cines] == ["A4C", "A4C"]
    assert [set(cine.contours) for cine in study.cines] == [set(), {4}]
    text = " ".join(problem.what for problem in echonet_pediatric.check(root).problems)
    assert "25 points of frame 'No Systolic' are left out" in text
    assert "encloses nothing and is left out" in text
    assert "there is no PSAX" in text
    chords = ["20,10,20,40", "10,38,30,38", "12,30,28,30", "15,15,25,15"]
    lines = "".join(f"CR0000-CR9000-000000.avi,{chord},3\n" for chord in chords)
    (root / "A4C" / "VolumeTracings.csv").write_text(f"FileName,X1,Y1,X2,Y2,Frame\n{lines}")
    assert set(echonet_pediatric.read(root)[0].cines[0].contours) == {3}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,10", "BAD_SPLIT"),
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,TRAIN", "BAD_SPLIT"),
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,-1", "BAD_SPLIT"),
        ("CR0000-CR9000-000000.avi,155,F,7,,,1", "BAD_LABEL"),
        ("CR0000-CR9000-000000.avi,,F,7,,,1", "BAD_LABEL"),
        ("CR0000-CR9000-000000.avi,55.5,F,old,,,1", "BAD_LABEL"),
        ("../CR0000-CR9000-000000.avi,55.5,F,7,,,1", "UNSAFE_PATH"),
        ("CR0000-CR9000-000077.avi,55.5,F,7,,,1", "MISSING_FILE"),
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,0\nCR0000-CR9000-000000,55.5,F,7,,,0", "DUPLICATE_ID"),
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,0\nCR0000-CR9000-000000,55.5,F,7,,,1", "LEAKAGE"),
        ("CR0000-CR9000-000000.avi,50,F,7,,,0", "BAD_LABEL"),  # PSAX says 55.5
        ("CR0000-CR9000-000000.avi,55.5,F,7,,,1", "LEAKAGE"),  # PSAX says 0
    ],
)
def test_a_bad_row(root: Path, row: str, code: str) -> None:
    (root / "A4C" / "FileList.csv").write_text(f"{HEADER}{row}\n")
    with pytest.raises(CinecorError) as caught:
        echonet_pediatric.read(root)
    assert caught.value.code == code
    assert "FileList.csv, line " in caught.value.where
    assert code in [problem.code for problem in echonet_pediatric.check(root).problems]


def test_a_patient_in_two_folds(tmp_path: Path) -> None:
    second = replace(make(0, fold=5), id="CR0000-CR8888", cines=make(5).cines)
    echonet_pediatric.write([make(0), second], tmp_path)
    with pytest.raises(DatasetError, match="LEAKAGE: 1 patient has studies in several folds"):
        echonet_pediatric.read(tmp_path)
    assert echonet_pediatric.check(tmp_path).problems[0].code == "LEAKAGE"


def test_other_faults(root: Path) -> None:
    (root / "A4C" / "Videos" / "stray.avi").write_bytes(b"RIFF")
    (root / "PSAX" / "VolumeTracings.csv").write_text("FileName,X,Y,Frame\nCR0000-CR9000-000001.avi,a,1,2\n")
    codes = [(problem.severity, problem.code) for problem in echonet_pediatric.check(root).problems]
    assert codes == [("error", "BAD_LABEL"), ("warning", "MISSING_FILE")]
    (root / "A4C" / "FileList.csv").write_text("FileName,EF\n")
    with pytest.raises(DatasetError, match=r"MISSING_COLUMN: A4C/FileList.csv: the header lacks Split"):
        echonet_pediatric.read(root)
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        echonet_pediatric.read(root / "A4C")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda study: replace(study, id="a/b", patient=None), "UNSAFE_PATH"),
        (lambda study: replace(study, patient=None), "UNSAFE_PATH"),
        (lambda study: replace(study, patient="other"), "UNSAFE_PATH"),
        (lambda study: replace(study, id="CR0000-CR9000", patient="CR0000"), "DUPLICATE_ID"),
        (lambda study: replace(study, cines=()), "UNSUPPORTED"),
        (lambda study: replace(study, cines=(replace(study.cines[0], view="A2C"),)), "UNSUPPORTED"),
        (lambda study: replace(study, cines=(replace(study.cines[0], times_ms=None),)), "NO_TIMING"),
        (lambda study: replace(study, labels={"ef": 50.0}), "BAD_LABEL"),
        (lambda study: replace(study, labels={"ef": 50.0, "fold": 11.0}), "BAD_SPLIT"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, change: object, code: str) -> None:
    with pytest.raises(CinecorError) as caught:
        echonet_pediatric.write([make(0), change(make(1))], tmp_path)  # type: ignore[operator]
    assert caught.value.code == code
    assert not echonet_pediatric.recognise(tmp_path)


def test_nothing_is_overwritten(root: Path) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        echonet_pediatric.write([make(9)], root)
