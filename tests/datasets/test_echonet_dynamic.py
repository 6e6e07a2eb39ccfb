from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cinecor import io
from cinecor.datasets import echonet_dynamic
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError, StorageError
from cinecor.io import video
from cinecor.records import Cine, Study

HEADER = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\n"
SPLITS = ("train", "train", "validation", "test")


def ventricle(length: float, width: float, tilt: float = 0.2) -> np.ndarray:
    """Half an ellipse, hinge – apex – hinge, in a frame of 112 × 112."""
    angle = np.linspace(0, np.pi, 61)
    upright = np.stack([-width * np.cos(angle), -length * np.sin(angle)], axis=1)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return upright @ turn.T + [58.0, 85.0]


def make(index: int, split: str | None = None) -> Study:
    rng = np.random.default_rng(index)
    count = 12 + index
    noise = rng.gamma(1, 40, (count, 112, 112)).clip(0, 255).astype(np.uint8)
    frames = np.stack([cv2.GaussianBlur(frame, (3, 3), 0) for frame in noise])[:, None]
    edv, esv = 100 + index + rng.random(), 40 + rng.random()
    cine = Cine(
        source=frames,
        modality="US",
        view="A4C",
        frames=count,
        height=112,
        width=112,
        times_ms=tuple(1000 * frame / (50 + index) for frame in range(count)),
        contours={9: ventricle(50, 22), 2: ventricle(42, 14)},
    )
    labels = {"ef": 100 * (1 - esv / edv), "edv_ml": edv, "esv_ml": esv, "ed_frame": 9, "es_frame": 2}
    return Study(id=f"000{index}", cines=(cine,), split=split or SPLITS[index], labels=labels)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [make(index) for index in range(4)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, studies: list[Study]) -> Path:
    root = tmp_path_factory.mktemp("echonet") / "data"
    echonet_dynamic.write(iter(studies), root)
    return root


@pytest.fixture
def root(tmp_path: Path, written: Path) -> Path:
    """A copy that a test may spoil."""
    (tmp_path / "Videos").mkdir()
    for path in (written / "Videos").iterdir():
        (tmp_path / "Videos" / path.name).write_bytes(path.read_bytes())
    for name in ("FileList.csv", "VolumeTracings.csv"):
        (tmp_path / name).write_text((written / name).read_text())
    return tmp_path


def dice(one: np.ndarray, other: np.ndarray) -> float:
    masks = [cv2.fillPoly(np.zeros((1120, 1120), np.uint8), [np.round(c * 10).astype(int)], 1) for c in (one, other)]
    return float(2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum()))


def test_round_trip(written: Path, studies: list[Study]) -> None:
    read = echonet_dynamic.read(written)
    assert [(study.id, study.split, study.patient) for study in read] == [(s.id, s.split, None) for s in studies]
    for study, original in zip(read, studies, strict=True):
        assert dict(study.labels) == dict(original.labels)
        cine, first = study.cines[0], original.cines[0]
        assert (cine.view, cine.modality, cine.frames, cine.height, cine.width) == ("A4C", "US", first.frames, 112, 112)
        np.testing.assert_allclose(cine.times_ms, first.times_ms, rtol=1e-12)
        assert set(cine.contours) == {2, 9}
        for frame, contour in cine.contours.items():
            assert dice(contour, first.contours[frame]) >= 0.99
            gaps = np.linalg.norm(contour[[0, -1]] - first.contours[frame][[0, -1]], axis=1)
            assert gaps.max() < 1.5  # the hinges stay the hinges
        assert np.abs(io.load(cine).astype(int) - first.source).mean() < 2.5


def test_the_form_is_the_published_one(written: Path) -> None:
    lines = (written / "FileList.csv").read_text().splitlines()
    assert lines[0] + "\n" == HEADER
    assert lines[1].startswith("0000,")
    assert lines[3].endswith(",112,112,52,14,VAL")
    tracings = (written / "VolumeTracings.csv").read_text().splitlines()
    assert tracings[0] == "FileName,X1,Y1,X2,Y2,Frame"
    assert len(tracings) == 1 + 4 * 2 * 21
    first = tracings[1].split(",")
    assert first[0] == "0000.avi"
    assert first[-1] == "2"  # the smaller outline is listed first
    apex_y, base_y = float(first[2]), float(first[4])
    assert apex_y < base_y
    assert sorted(path.name for path in (written / "Videos").iterdir()) == [f"000{index}.avi" for index in range(4)]


def test_check_finds_nothing_wrong_with_what_was_written(written: Path) -> None:
    findings = echonet_dynamic.check(written)
    assert findings.problems == ()
    assert findings.exit_code == 0
    assert [row["studies"] for row in findings.table] == [2, 1, 1, 4]


def test_as_stanford_writes_it(root: Path) -> None:
    rows = [
        "0000.avi,55.5,44.5,100,112,112,51,12,TRAIN",  # a name with its suffix
        "0001,55.5,44.5,100,112,112,51.5,13,train",
        "0002.AVI,55.5,44.5,100,112,112,,14,Val",
        "0003,55.5,44.5,100,112,112,51,15,tEsT",
    ]
    (root / "FileList.csv").write_text(HEADER + "\n".join(rows) + "\n")
    kept = [line for line in (root / "VolumeTracings.csv").read_text().splitlines() if not line.startswith("0001.avi")]
    (root / "VolumeTracings.csv").write_text("\n".join(line for line in kept if not line.endswith("0003.avi,9")) + "\n")
    read = echonet_dynamic.read(root)
    assert [study.id for study in read] == ["0000", "0001", "0002", "0003"]
    assert [study.split for study in read] == ["train", "train", "validation", "test"]
    assert read[0].cines[0].times_ms == pytest.approx([1000 * index / 51 for index in range(12)])
    assert "ed_frame" not in read[1].labels
    assert read[1].cines[0].contours == {}
    assert read[2].cines[0].times_ms is None
    assert read[2].cines[0].notes == ("no frame times in FileList.csv",)
    assert read[3].labels["ed_frame"] == 9


def test_the_table_wins_over_the_container(root: Path) -> None:
    text = (root / "FileList.csv").read_text().replace(",50,12,TRAIN", ",25,12,TRAIN")
    (root / "FileList.csv").write_text(text)
    cine = echonet_dynamic.read(root)[0].cines[0]
    assert cine.frame_ms == pytest.approx(40)
    assert video.describe(root / "Videos" / "0000.avi").frame_ms == pytest.approx(20)


def spoil(root: Path, line: int, **fields: str) -> None:
    lines = (root / "FileList.csv").read_text().splitlines()
    names, row = lines[0].split(","), lines[line].split(",")
    for name, value in fields.items():
        row[names.index(name)] = value
    lines[line] = ",".join(row)
    (root / "FileList.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"FileName": "../0001"}, "UNSAFE_PATH"),
        ({"FileName": "/etc/passwd"}, "UNSAFE_PATH"),
        ({"FileName": "a\\b"}, "UNSAFE_PATH"),
        ({"FileName": ".avi"}, "UNSAFE_PATH"),
        ({"FileName": "C:evil"}, "UNSAFE_PATH"),
        ({"FileName": "nul.x"}, "UNSAFE_PATH"),
        ({"FileName": "0000"}, "DUPLICATE_ID"),
        ({"FileName": "0000.avi"}, "DUPLICATE_ID"),
        ({"FileName": "0000", "Split": "TEST"}, "LEAKAGE"),
        ({"EF": "nan"}, "BAD_LABEL"),
        ({"EF": "inf"}, "BAD_LABEL"),
        ({"EF": ""}, "BAD_LABEL"),
        ({"EF": "100.1"}, "BAD_LABEL"),
        ({"EF": "-1"}, "BAD_LABEL"),
        ({"EF": "5_5"}, "BAD_LABEL"),
        ({"ESV": "500"}, "BAD_LABEL"),
        ({"EDV": "-3"}, "BAD_LABEL"),
        ({"NumberOfFrames": "1e12"}, "BAD_LABEL"),
        ({"NumberOfFrames": "12.5"}, "BAD_LABEL"),
        ({"Split": "TRAIN2"}, "BAD_SPLIT"),
        ({"Split": ""}, "BAD_SPLIT"),
        ({"FileName": "9999"}, "MISSING_FILE"),
    ],
)
def test_a_bad_row(root: Path, fields: dict[str, str], code: str) -> None:
    spoil(root, 2, **fields)
    with pytest.raises(DatasetError) as caught:
        echonet_dynamic.read(root)
    assert caught.value.code == code
    assert "line 3" in caught.value.where or code == "MISSING_FILE"
    findings = echonet_dynamic.check(root)
    assert findings.problems[0].code == code
    assert findings.exit_code == 5


def test_missing_videos_are_raised_or_loudly_left_out(root: Path) -> None:
    for index in (1, 3):
        (root / "Videos" / f"000{index}.avi").unlink()
    with pytest.raises(DatasetError, match=r"MISSING_FILE: Videos/0001.avi.*1 more such problems"):
        echonet_dynamic.read(root)
    with pytest.warns(UserWarning, match="2 of 4 videos are missing"):
        assert [study.id for study in echonet_dynamic.read(root, missing="omit")] == ["0000", "0002"]
    assert [problem.code for problem in echonet_dynamic.check(root).problems] == ["MISSING_FILE"] * 2


def test_all_problems_at_once_with_leakage_first(root: Path) -> None:
    (root / "Videos" / "0002.avi").unlink()
    spoil(root, 1, EF="150")
    (root / "Videos" / "0003.avi").write_bytes((root / "Videos" / "0001.avi").read_bytes())  # train and test
    (root / "Videos" / "stray.avi").write_bytes(b"RIFF")
    spoil(root, 2, EF="12.5")
    findings = echonet_dynamic.check(root)
    assert findings.problems[0].code == "LEAKAGE"
    assert "the same recording, in more than one split" in findings.problems[0].what
    assert [(problem.severity, problem.code) for problem in findings.problems[1:]] == [
        ("error", "BAD_LABEL"),
        ("error", "MISSING_FILE"),
        ("error", "INCONSISTENT"),  # 13 frames where the table says 15
        ("warning", "MISSING_FILE"),
        ("warning", "BAD_LABEL"),  # EF does not follow from the volumes
    ]
    text = findings.as_text()
    assert text.index("LEAKAGE") < text.index("INCONSISTENT")
    assert "does not follow from EDV and ESV" in text


def test_damaged_and_cut_videos_are_found(root: Path) -> None:
    content = (root / "Videos" / "0001.avi").read_bytes()
    (root / "Videos" / "0001.avi").write_bytes(content[: len(content) // 2])
    (root / "Videos" / "0002.avi").write_bytes(b"")
    (root / "Videos" / "0003.avi").write_text("not a video")
    codes = {problem.where: problem.code for problem in echonet_dynamic.check(root).problems}
    assert codes == {
        "Videos/0001.avi": "TRUNCATED",
        "Videos/0002.avi": "EMPTY",
        "Videos/0003.avi": "NOT_RECOGNISED",
    }


def test_tracings_that_are_wrong(root: Path) -> None:
    path = root / "VolumeTracings.csv"
    lines = path.read_text().splitlines()
    extra = [
        "0000.avi,1,2,x,4,5",
        "0001.avi,1,2,3,4,1.5",
        "0001.avi,1,2,3,4,7",
        "strange.avi,1,2,3,4,5",
        "0003.avi,1,2,3,4,900",
    ]
    path.write_text("\n".join(lines + extra) + "\n")
    with pytest.raises(DatasetError, match="four coordinates") as caught:
        echonet_dynamic.read(root)
    assert caught.value.where == f"VolumeTracings.csv, line {len(lines) + 1}"
    findings = echonet_dynamic.check(root)
    assert findings.errors == 2
    whats = " ".join(problem.what for problem in findings.problems)
    assert "the outline of frame 7 is left out" in whats
    assert "1 traced videos are not in FileList.csv" in whats
    path.unlink()
    assert all(not study.cines[0].contours for study in echonet_dynamic.read(root))
    assert echonet_dynamic.check(root).errors == 0


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"MISSING_FILE: FileList\.csv"):
        echonet_dynamic.read(tmp_path)
    findings = echonet_dynamic.check(tmp_path)
    assert [problem.code for problem in findings.problems] == ["MISSING_FILE"]
    (tmp_path / "FileList.csv").write_text("FileName,EF\n")
    with pytest.raises(DatasetError, match="the header lacks ESV, EDV, Split"):
        echonet_dynamic.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        (lambda study: replace(study, id="a/b"), DatasetError, "UNSAFE_PATH"),
        (lambda study: replace(study, id="0000"), DatasetError, "DUPLICATE_ID"),
        (lambda study: replace(study, split=None), DatasetError, "BAD_SPLIT"),
        (lambda study: replace(study, labels={"ef": 50.0}), DatasetError, "BAD_LABEL"),
        (lambda study: replace(study, labels={**study.labels, "ef": float("nan")}), DatasetError, "BAD_LABEL"),
        (lambda study: replace(study, cines=study.cines * 2), InputError, "UNSUPPORTED"),
        (lambda study: with_cine(study, times_ms=None), InputError, "NO_TIMING"),
        (lambda study: with_cine(study, source=np.zeros((3, 1, 8, 8), np.float32)), InputError, "UNSUPPORTED"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, change: object, error: type[CinecorError], code: str) -> None:
    with pytest.raises(error) as caught:
        echonet_dynamic.write([make(0), change(make(1))], tmp_path / "out")  # type: ignore[operator]
    assert caught.value.code == code
    assert not (tmp_path / "out" / "FileList.csv").exists()


def with_cine(study: Study, **fields: object) -> Study:
    return replace(study, cines=(replace(study.cines[0], **fields),))  # type: ignore[arg-type]


def test_nothing_is_overwritten(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        echonet_dynamic.write([make(0)], root)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError):
        echonet_dynamic.write([make(0)], blocked / "deeper")
