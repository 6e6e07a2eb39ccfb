from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cinecor import io
from cinecor.datasets import dicom_folder
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.records import Cine, Study

RNG = np.random.default_rng(0)


def echo(name: str, patient: str | None, split: str | None, loops: int = 1, **labels: float | str) -> Study:
    cines = tuple(
        Cine(
            source=RNG.integers(0, 256, (5 + index, 1, 24, 32), dtype=np.uint8),
            modality="US",
            frames=5 + index,
            height=24,
            width=32,
            spacing_mm=(0.5, 0.5),
            region=(2, 1, 30, 23),
            times_ms=tuple(20.0 * frame for frame in range(5 + index)),
        )
        for index in range(loops)
    )
    return Study(id=name, cines=cines, patient=patient, split=split, labels=labels)


def mri(name: str) -> Study:
    cines = tuple(
        Cine(
            source=RNG.integers(0, 900, (4, 1, 16, 20)).astype(np.float32),
            modality="MR",
            frames=4,
            height=16,
            width=20,
            spacing_mm=(1.5, 1.5),
            times_ms=tuple(30.0 * frame for frame in range(4)),
            slice_index=index,
            position_mm=8.0 * index,
            thickness_mm=8.0,
        )
        for index in range(3)
    )
    return Study(id=name, cines=cines, patient="P-MR", split="test", labels={"ef": 41.25, "group": "DCM"})


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [
        echo("0001", "A", "train", ef=100 / 3, edv_ml=120.0, esv_ml=80.0, ed_frame=3),
        echo("S2", "B", "validation", loops=2, ef=60.0, group="0007"),
        echo("S3", None, None),
        mri("S4"),
    ]


@pytest.fixture
def root(tmp_path: Path, studies: list[Study]) -> Path:
    dicom_folder.write(iter(studies), tmp_path / "data")
    return tmp_path / "data"


def test_round_trip(root: Path, studies: list[Study]) -> None:
    read = {study.id: study for study in dicom_folder.read(root)}
    assert sorted(read) == ["0001", "S2", "S3", "S4"]
    for original in studies:
        study = read[original.id]
        assert dict(study.labels) == dict(original.labels)
        assert (study.split, study.patient) == (original.split, original.patient)
        assert len(study.cines) == len(original.cines)
        for cine, first in zip(study.cines, original.cines, strict=True):
            np.testing.assert_array_equal(io.load(cine), first.source)
            assert (cine.modality, cine.frames, cine.height, cine.width) == (
                first.modality,
                first.frames,
                first.height,
                first.width,
            )
            assert cine.spacing_mm == pytest.approx(first.spacing_mm)
            assert cine.times_ms == pytest.approx(first.times_ms)


def test_check_finds_nothing_wrong_with_what_was_written(root: Path) -> None:
    findings = dicom_folder.check(root)
    assert findings.errors == 0
    assert [problem.what for problem in findings.problems] == ["1 of 4 studies have no labels in labels.csv"]
    assert {row["split"]: row["studies"] for row in findings.table} == {
        "train": 1,
        "validation": 1,
        "test": 1,
        "-": 1,
        "all": 4,
    }


def test_without_a_table_there_are_no_labels(root: Path) -> None:
    (root / "labels.csv").unlink()
    read = dicom_folder.read(root)
    assert len(read) == 4
    assert all(not study.labels and study.split is None for study in read)
    assert dicom_folder.check(root).problems == ()


def test_a_patient_in_two_splits_is_found_first(tmp_path: Path) -> None:
    dicom_folder.write([echo("a", "Smith", "train"), echo("b", "Smith", "test")], tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("no image")
    findings = dicom_folder.check(tmp_path / "out")
    assert [problem.code for problem in findings.problems] == ["LEAKAGE", "NOT_RECOGNISED"]
    assert "Smith" not in findings.as_text()
    assert findings.exit_code == 5


def test_what_is_no_image_is_passed_over_and_what_is_damaged_is_not(root: Path) -> None:
    (root / "notes.txt").write_text("no image")
    (root / "empty").touch()
    assert len(dicom_folder.read(root)) == 4
    content = (root / "0001" / "loop-00.dcm").read_bytes()
    (root / "0001" / "loop-00.dcm").write_bytes(content[: len(content) - 1000])
    with pytest.raises(InputError, match=r"TRUNCATED: 0001/loop-00\.dcm"):
        dicom_folder.read(root)
    codes = [problem.code for problem in dicom_folder.check(root).problems if problem.severity == "error"]
    assert codes == ["TRUNCATED", "MISSING_FILE"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("60.0", "160", "BAD_LABEL"),
        ("60.0", "sixty", "BAD_LABEL"),
        ("80.0", "180.0", "BAD_LABEL"),
        (",validation,", ",val,", "BAD_SPLIT"),
        (",S2,", ",0001,", "DUPLICATE_ID"),
        (",S2,", ",../S2,", "UNSAFE_PATH"),
        ("2.25.", "2.26.", "MISSING_FILE"),
    ],
)
def test_a_bad_row(root: Path, old: str, new: str, code: str) -> None:
    text = (root / "labels.csv").read_text()
    assert old in text
    (root / "labels.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(DatasetError) as caught:
        dicom_folder.read(root)
    assert caught.value.code == code
    assert caught.value.where.startswith("labels.csv, line ")
    assert code in [problem.code for problem in dicom_folder.check(root).problems]


def test_folders_that_are_none(tmp_path: Path) -> None:
    assert not dicom_folder.recognise(tmp_path)
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DatasetError, match="MISSING_FILE"):
            dicom_folder.read(folder)
        assert [problem.code for problem in dicom_folder.check(folder).problems] == ["MISSING_FILE"]


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"id": "a/b"}, DatasetError, "UNSAFE_PATH"),
        ({"id": "0001"}, DatasetError, "DUPLICATE_ID"),
        ({"labels": {"ef": 101.0}}, DatasetError, "BAD_LABEL"),
        ({"cines": (Cine(source=np.zeros((2, 1, 4, 4), np.float32), modality="US"),)}, InputError, "UNSUPPORTED"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, studies: list[Study], change: dict[str, object], error: type[CinecorError], code: str
) -> None:
    with pytest.raises(error) as caught:
        dicom_folder.write([studies[0], replace(studies[1], **change)], tmp_path / "out")  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not (tmp_path / "out" / "labels.csv").exists()


def test_nothing_is_overwritten(root: Path, studies: list[Study]) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        dicom_folder.write(studies, root)


def test_the_bodys_size_comes_with_cine_mr(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((2, 1, 8, 9)).astype(np.float32)
    cines = [
        Cine(source=frames, modality="MR", frames=2, spacing_mm=(1.0, 1.0), position_mm=8.0 * place, thickness_mm=8.0)
        for place in range(3)
    ]
    dicom_folder.write([Study(id="a", cines=tuple(cines))], tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientSize, dataset.PatientWeight = "1.8", "0"
        dataset.save_as(path)
    (study,) = dicom_folder.read(tmp_path / "out")
    assert study.labels == {"height_cm": pytest.approx(180.0)}
    assert {cine.stack for cine in study.cines} == {0}


@pytest.mark.realdata
def test_real_files(shared_data: Path) -> None:
    assert dicom_folder.recognise(shared_data / "sunnybrook")
    findings = dicom_folder.check(shared_data / "sunnybrook")
    assert findings.errors == 0
    assert findings.table[-1]["studies"] == 1
    assert findings.table[-1]["loops"] == 11
    assert findings.table[-1]["frames"] == 220
    assert dicom_folder.check(shared_data / "echo_dicom").table[-1]["studies"] >= 4
