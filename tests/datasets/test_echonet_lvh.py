from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.datasets.beating import loop

from cinecor import datasets, io
from cinecor.datasets import echonet_lvh
from cinecor.errors import CinecorError, ConfigError, DatasetError
from cinecor.records import Caliper, Split, Study

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
HEADER = ",HashedFileName,Calc,CalcValue,Frame,X1,X2,Y1,Y2,Frames,FPS,Width,Height,split\n"
PIXEL = 0.5  # mm


def make(index: int, split: Split | None = None) -> Study:
    lengths = {"ivsd": (9.0, 0), "lvidd": (16.0, 0), "lvpwd": (8.0, 0), "lvids": (10.0, 5)}
    calipers = {
        name: Caliper(frame=frame, start=(10.0, 5.0), end=(10.0 + 0.6 * mm / PIXEL, 5.0 + 0.8 * mm / PIXEL))
        for name, (mm, frame) in lengths.items()
    }
    cine = replace(loop("PLAX", index, 6 + index, 64, 80, rate=50), spacing_mm=(PIXEL, PIXEL), calipers=calipers)
    labels = {f"{name}_mm": mm for name, (mm, _) in lengths.items()}
    return Study(id=f"0X{index:04X}", cines=(cine,), split=split or SPLITS[index % 3], labels=labels)


@pytest.fixture
def studies() -> list[Study]:
    return [make(index) for index in range(5)]


@pytest.fixture
def root(tmp_path: Path, studies: list[Study]) -> Path:
    echonet_lvh.write(iter(studies), tmp_path)
    return tmp_path


def test_round_trip(root: Path, studies: list[Study]) -> None:
    assert datasets.recognise(root) == "echonet_lvh"
    read = echonet_lvh.read(root)
    derived = {"lvh": 0.0, "lvh_grade": "none", "lvh_pattern": "none"}  # walls of 9 and 8 mm
    assert [(study.id, study.split, dict(study.labels)) for study in read] == [
        (study.id, study.split, {**study.labels, **derived}) for study in studies
    ]
    for study, original in zip(read, studies, strict=True):
        cine, first = study.cines[0], original.cines[0]
        assert (cine.view, cine.frames, cine.height, cine.width) == ("PLAX", first.frames, 64, 80)
        assert dict(cine.calipers) == dict(first.calipers)
        assert cine.spacing_mm == pytest.approx((PIXEL, PIXEL))
        assert cine.times_ms == pytest.approx(first.times_ms)
        assert np.abs(io.load(cine)[:, :1].astype(int) - first.source).mean() < 2.5
    assert [path.parent.name for path in sorted(root.glob("Batch*/*.avi"))] == [
        "Batch1",
        "Batch1",
        "Batch2",
        "Batch3",
        "Batch4",
    ]


def test_check_finds_nothing_wrong_with_what_was_written(root: Path) -> None:
    findings = echonet_lvh.check(root)
    assert findings.problems == ()
    assert "measurements, not diagnoses" in findings.as_text()
    assert "hypertrophy: none 5; too little was measured: 0" in findings.as_text()


def test_hypertrophy_follows_from_the_walls(tmp_path: Path) -> None:
    walls = {"thick": (14.2, 13.0), "septal": (18.0, 10.0), "thin": (9.0, 10.4)}
    made = []
    for name, (septum, posterior) in walls.items():
        study, labels = make(len(name)), {"ivsd_mm": septum, "lvpwd_mm": posterior}
        made.append(replace(study, id=name, labels=labels))
    echonet_lvh.write(made, tmp_path)
    found = {study.id: study.labels for study in echonet_lvh.read(tmp_path)}
    assert {name: (labels["lvh"], labels["lvh_grade"], labels["lvh_pattern"]) for name, labels in found.items()} == {
        "thick": (1.0, "moderate", "concentric"),
        "septal": (1.0, "severe", "asymmetric"),
        "thin": (0.0, "none", "none"),
    }
    echonet_lvh.write(echonet_lvh.read(tmp_path), tmp_path / "again")  # what is derived is not written
    assert "lvh" not in (tmp_path / "again" / "MeasurementsList.csv").read_text()


def test_as_stanford_writes_it(root: Path) -> None:
    rows = [
        "0,0X0000,IVSd,1.1,3,10,10,20,42,6,50.0,80,64,train",
        "7,0X0001,LVPWd,0.95,2,10.5,10.5,20,39,7,,80,64,val",
        "9,0X0000,LVIDd,4.4,3,10,10,20,62,6,50.0,80,64,train",
    ]
    (root / "MeasurementsList.csv").write_text(HEADER + "\n".join(rows) + "\n")
    one, two = echonet_lvh.read(root)
    assert one.labels == {"ivsd_mm": 11.0, "lvidd_mm": 44.0, "lvh": 1.0, "lvh_grade": "mild"}
    assert one.cines[0].spacing_mm == pytest.approx(((0.5 + 44 / 42) / 2,) * 2)
    assert one.cines[0].calipers["lvidd"] == Caliper(frame=3, start=(10.0, 20.0), end=(10.0, 62.0))
    assert (two.split, two.labels, two.cines[0].times_ms) == ("validation", {"lvpwd_mm": 9.5}, None)
    whats = [problem.what for problem in echonet_lvh.check(root).problems]
    assert whats == ["3 videos are not in MeasurementsList.csv (or their rows have a problem)", whats[1]]
    assert whats[1].startswith("its calipers imply pixels of 0.500 to 1.048 mm")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("0,0X0000,IVSd,1.1,3,10,10,20,42,6,50,80,64,train\n1,0X0000,LVIDd,1,3,1,1,2,4,6,50,80,64,test", "LEAKAGE"),
        (
            "0,0X0000,IVSd,1.1,3,10,10,20,42,6,50,80,64,train\n1,0X0000,ivsd,1,3,1,1,2,4,6,50,80,64,train",
            "DUPLICATE_ID",
        ),
        ("0,../0X0000,IVSd,1.1,3,10,10,20,42,6,50,80,64,train", "UNSAFE_PATH"),
        ("0,C:0X0000,IVSd,1.1,3,10,10,20,42,6,50,80,64,train", "UNSAFE_PATH"),
        ("0,0X0000,Aorta,1.1,3,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,,3,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,-1,3,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,110,3,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,nan,3,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,1.1,3.5,10,10,20,42,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,1.1,3,10,10,20,x,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,1.1,3,10,10,20,20,6,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,1.1,3,10,10,20,42,1e12,50,80,64,train", "BAD_LABEL"),
        ("0,0X0000,IVSd,1.1,3,10,10,20,42,6,50,80,64,fold1", "BAD_SPLIT"),
        ("0,0XFFFF,IVSd,1.1,3,10,10,20,42,6,50,80,64,train", "MISSING_FILE"),
    ],
)
def test_a_bad_row(root: Path, row: str, code: str) -> None:
    (root / "MeasurementsList.csv").write_text(f"{HEADER}{row}\n")
    with pytest.raises(DatasetError) as caught:
        echonet_lvh.read(root)
    assert caught.value.code == code
    assert "line " in caught.value.where
    findings = echonet_lvh.check(root)
    assert findings.problems[0].code == code
    assert findings.exit_code == 5


def test_videos_that_are_wrong(root: Path) -> None:
    content = (root / "Batch1" / "0X0000.avi").read_bytes()
    (root / "Batch2" / "0X0001.avi").write_bytes(content)  # train, and the size of another
    (root / "Batch3" / "0X0002.avi").write_bytes(content[: len(content) // 2])
    found = {(problem.code, problem.where) for problem in echonet_lvh.check(root).problems}
    assert ("LEAKAGE", "0X0000, 0X0001") in found
    assert ("INCONSISTENT", "0X0001") in found
    assert ("TRUNCATED", "Batch3/0X0002.avi") in found
    (root / "Batch4" / "0X0000.avi").write_bytes(content)
    with pytest.raises(DatasetError, match=r"DUPLICATE_ID: Batch4/0X0000\.avi"):
        echonet_lvh.read(root)


def test_tables_that_are_wrong(root: Path) -> None:
    path = root / "MeasurementsList.csv"
    path.write_text(path.read_text().replace("CalcValue", "Value"))
    with pytest.raises(DatasetError, match="the header lacks CalcValue"):
        echonet_lvh.read(root)
    assert [problem.code for problem in echonet_lvh.check(root).problems] == ["MISSING_COLUMN"]
    path.write_bytes(HEADER.encode("utf-16"))
    with pytest.raises(DatasetError, match="ENCODING"):
        echonet_lvh.read(root)
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        echonet_lvh.read(root / "Batch1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda study: replace(study, id="a/b"), "UNSAFE_PATH"),
        (lambda study: replace(study, id="0X0000"), "DUPLICATE_ID"),
        (lambda study: replace(study, split=None), "BAD_SPLIT"),
        (lambda study: replace(study, labels={}), "BAD_LABEL"),
        (lambda study: replace(study, labels={"ivss_mm": 9.0}), "BAD_LABEL"),
        (lambda study: replace(study, cines=study.cines * 2), "UNSUPPORTED"),
        (lambda study: replace(study, cines=(replace(study.cines[0], times_ms=None),)), "NO_TIMING"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, change: object, code: str) -> None:
    with pytest.raises(CinecorError) as caught:
        echonet_lvh.write([make(0), change(make(1))], tmp_path)  # type: ignore[operator]
    assert caught.value.code == code
    assert not (tmp_path / "MeasurementsList.csv").exists()


def test_nothing_is_overwritten(root: Path) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        echonet_lvh.write([make(9)], root)
