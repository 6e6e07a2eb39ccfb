from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook
from scipy.io import loadmat, savemat
from tests.datasets.beating import disc, frames_of, loop

from cinecor import datasets, io
from cinecor.datasets import hmc_qu
from cinecor.datasets.hmc_qu_workbooks import Key, key_of
from cinecor.errors import CinecorError, ConfigError, DatasetError
from cinecor.io import video
from cinecor.records import Study

SEGMENTS = {"A4C": (3, 9, 14, 16, 12, 6), "A2C": (4, 10, 15, 13, 7, 1)}
MASKS = "LV Ground-truth Segmentation Masks"


def wall(size: float, height: int, width: int) -> np.ndarray:
    return disc(1.3 * size, height, width) - disc(size, height, width)


def make(index: int, views: tuple[str, ...] = ("A4C", "A2C"), side: int = 224, masks: bool = True) -> Study:
    height, width = side, side + (0 if side == 224 else 33)
    cines, labels = [], {}
    for view in views:
        drawn = {frame: wall(0.2 * side + frame, height, width) for frame in range(1, 4)}
        own = masks and view == "A4C"
        cines.append(replace(loop(view, 2 * index + (view == "A2C"), 5, height, width), masks=drawn if own else {}))
        labels |= {f"seg{segment}": float((segment + index) % 5 == 0) for segment in SEGMENTS[view]}
        labels |= {f"infarct_{view.lower()}": max(labels[f"seg{segment}"] for segment in SEGMENTS[view])}
        labels |= {f"reference_frame_{view.lower()}": 1.0, f"end_of_cycle_{view.lower()}": 3.0}
    labels["infarct"] = max(value for name, value in labels.items() if name.startswith("seg"))
    return Study(id=f"ES{index:04d}", cines=tuple(cines), labels=labels)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("side", [224, 150, 480])
def test_round_trip(tmp_path: Path, side: int) -> None:
    studies = [
        make(1, side=side),
        make(2, ("A4C",), side, masks=False),
        make(3, ("A2C",), side),
        replace(make(4, side=side), id="ES0001-2", patient="ES0001"),
        replace(make(5, ("A4C",), side), id="0005x000001"),
    ]
    hmc_qu.write(iter(studies), tmp_path)
    assert datasets.recognise(tmp_path) == "hmc_qu"
    read = {study.id: study for study in hmc_qu.read(tmp_path)}
    assert set(read) == {study.id for study in studies}
    for original in studies:
        study = read[original.id]
        assert (study.patient, study.split, dict(study.labels)) == (original.patient, None, dict(original.labels))
        for cine, first in zip(study.cines, original.cines, strict=True):
            assert (cine.view, cine.frames, cine.height, cine.width) == (first.view, 5, first.height, first.width)
            assert cine.frame_ms == pytest.approx(40)
            assert np.abs(io.load(cine)[:, :1].astype(int) - first.source).mean() < 2.5
            assert set(cine.masks) == set(first.masks)
            for frame, mask in first.masks.items():
                found = io.load_mask(cine, frame)
                assert found.shape == mask.shape
                assert dice(found, mask) >= (1.0 if side <= 224 else 0.97)
    assert hmc_qu.check(tmp_path).problems == ()


def test_the_form_is_the_published_one(tmp_path: Path) -> None:
    hmc_qu.write([make(1), make(2, ("A4C",), masks=False)], tmp_path)
    sheet = load_workbook(tmp_path / "A4C.xlsx").active
    assert {str(cells) for cells in sheet.merged_cells.ranges} == {"A1:A2", "I1:J1", "K1:K2"}
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    segments = [f"SEG{number}" for number in SEGMENTS["A4C"]]
    cycle = "One cardiac-cycle frames"
    assert rows[0] == ["ECHO", *segments, "match with A2C", cycle, None, "LV Wall Ground-truth Segmentation Masks"]
    assert rows[1][8:] == ["Reference Frame", "End of Cycle", None]
    assert rows[2] == ["ES0001_4CH_1", "non-MI", "MI", "MI", "non-MI", "non-MI", "non-MI", "ü", 2, 4, "ü"]
    assert rows[3][0] == "ES0002_4CH_1"
    assert rows[3][7:] == [None, 2, 4, None]
    masks = loadmat(tmp_path / MASKS / "Mask_ES0001_4CH_1.mat")["predicted"]
    assert masks.shape == (3, 224, 224)
    assert set(np.unique(masks)) == {0, 1}
    assert (tmp_path / "HMC-QU" / "A2C" / "ES0001_2CH_1.avi").is_file()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ES0001_4CH_1", Key("ES0001")),
        ("ES0001 _4CH_1", Key("ES0001")),
        (" ES000100 N_4CH_1 ", Key("ES0100")),
        ("ES000100 N_2CH_2", Key("ES0100", 2)),
        ("es 12_4ch", Key("ES0012")),
        ("0005x000001_4CH_1", Key("0005x000001")),
        ("whatever", Key("whatever")),
    ],
)
def test_names(name: str, key: Key) -> None:
    assert key_of(name) == key


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder that the writer did not make: names that differ between table and disk, a head in two rows."""
    videos, names = tmp_path / "HMC-QU" / "A4C", ("ES0001_4CH_1", "ES000100 N_4CH_1", "ES0102 _4CH_1")
    for index, name in enumerate(names):
        video.write(videos / f"{name}.avi", frames_of(index, 8, 60, 90), 40.0)
    book = Workbook()
    sheet = book.active
    sheet.append(
        [
            "ECHO",
            *[f"SEG{n}" for n in SEGMENTS["A4C"]],
            "match with A2C",
            "One cardiac-cycle frames",
            None,
            "LV Wall Ground-truth Segmentation Masks",
        ]
    )
    sheet.append([None] * 8 + ["Reference Frame", "End of Cycle"])
    for cells in ("I1:J1", "A1:A2"):
        sheet.merge_cells(cells)
    sheet.append(["ES0001 _4CH_1", *["non-MI"] * 6, "ü", 3, 6, "ü"])
    sheet.append(["ES000100 N_4CH_1", "MI", *["non-MI"] * 4, "MI", None, 1.0, "5", None])
    sheet.append(["ES000102_4CH_1", *["non-MI "] * 5, "mi", None, None, None, None])
    book.save(tmp_path / "A4C.xlsx")
    (tmp_path / MASKS).mkdir()
    planes = np.stack([disc(20 + plane, 224, 224) for plane in range(4)]).astype(np.float64)
    savemat(tmp_path / MASKS / "Mask_ES0001_4CH_1.mat", {"predicted": planes})
    return tmp_path


def test_as_it_is_published(published: Path) -> None:
    studies = hmc_qu.read(published)
    assert [study.id for study in studies] == ["ES0001", "ES0100", "ES0102"]
    assert [study.labels["infarct"] for study in studies] == [0.0, 1.0, 1.0]
    first, second, third = studies
    assert (first.labels["reference_frame_a4c"], first.labels["end_of_cycle_a4c"]) == (2, 5)
    assert (second.labels["seg3"], second.labels["seg9"], second.labels["seg6"]) == (1.0, 0.0, 1.0)
    assert (second.labels["reference_frame_a4c"], second.labels["end_of_cycle_a4c"]) == (0, 4)
    assert "reference_frame_a4c" not in third.labels
    cine = first.cines[0]
    assert sorted(cine.masks) == [2, 3, 4, 5]
    mask = io.load_mask(cine, 4)
    assert mask.shape == (60, 90)
    assert mask.mean() == pytest.approx(disc(22, 224, 224).mean(), rel=0.05)
    assert mask.any(axis=0).nonzero()[0].mean() == pytest.approx(44.5, abs=1)
    whats = [problem.what for problem in hmc_qu.check(published).problems]
    assert whats == ["there is no A2C"]


def test_one_row_of_head_and_loops_beside_the_workbook(published: Path) -> None:
    (published / "HMC-QU" / "A4C").rename(published / "A4C")
    book = load_workbook(published / "A4C.xlsx")
    sheet = book.active
    sheet.unmerge_cells("A1:A2")
    sheet.unmerge_cells("I1:J1")
    sheet.delete_rows(2)
    book.save(published / "A4C.xlsx")
    assert hmc_qu.read(published)[0].labels["end_of_cycle_a4c"] == 5


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("B3", "maybe", "BAD_LABEL"),
        ("B3", None, "BAD_LABEL"),
        ("I3", 0, "BAD_LABEL"),
        ("I3", 2.5, "BAD_LABEL"),
        ("I3", "first", "BAD_LABEL"),
        ("J3", 2, "BAD_LABEL"),
        ("K3", "perhaps", "BAD_LABEL"),
        ("A4", "ES001_4CH_1", "DUPLICATE_ID"),
        ("A4", "ES0777_4CH_1", "MISSING_FILE"),
        ("A4", "../x_4CH_1", "UNSAFE_PATH"),
        ("B1", "SEG99", "MISSING_COLUMN"),
        ("C1", "SEG3", "MISSING_COLUMN"),
        ("A1", "NAME", "MISSING_COLUMN"),
    ],
)
def test_a_bad_workbook(published: Path, cell: str, value: object, code: str) -> None:
    book = load_workbook(published / "A4C.xlsx")
    book.active[cell] = value
    book.save(published / "A4C.xlsx")
    with pytest.raises(DatasetError) as caught:
        hmc_qu.read(published)
    assert caught.value.code == code
    assert caught.value.where.startswith("A4C.xlsx")
    assert code in [problem.code for problem in hmc_qu.check(published).problems]


def test_other_faults(published: Path) -> None:
    mask = published / MASKS / "Mask_ES0001_4CH_1.mat"
    savemat(mask, {"predicted": 2 * np.ones((7, 224, 224))})
    text = " ".join(f"{problem.code} {problem.what}" for problem in hmc_qu.check(published).problems)
    assert "INCONSISTENT frame 9 of A4C is in the cycle or has a mask, the video has 8" in text
    assert "7 masks of A4C for a cycle of 4 frames" in text
    assert "the masks of A4C hold the labels [2], HMC-QU has 0 and 1" in text
    mask.write_bytes(b"MATLAB 7.3 MAT-file".ljust(600))
    with pytest.raises(CinecorError, match="UNSUPPORTED"):
        hmc_qu.read(published)
    mask.unlink()
    assert all(not cine.masks for study in hmc_qu.read(published) for cine in study.cines)
    videos = published / "HMC-QU" / "A4C"
    (videos / "ES1_4CH_1.avi").write_bytes((videos / "ES0001_4CH_1.avi").read_bytes())
    with pytest.raises(DatasetError, match=r"DUPLICATE_ID: A4C/ES1_4CH_1\.avi"):
        hmc_qu.read(published)
    (videos / "ES1_4CH_1.avi").unlink()
    (published / "A4C.xlsx").write_text("ECHO,SEG3")
    with pytest.raises(DatasetError, match=r"ENCODING: A4C\.xlsx"):
        hmc_qu.read(published)
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        hmc_qu.read(videos)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda study: replace(study, id="a/b"), "UNSAFE_PATH"),
        (lambda study: replace(study, id="ES2"), "UNSAFE_PATH"),
        (lambda study: replace(study, patient="other"), "UNSAFE_PATH"),
        (lambda study: replace(study, id="ES0001"), "DUPLICATE_ID"),
        (lambda study: replace(study, cines=()), "UNSUPPORTED"),
        (lambda study: replace(study, cines=(replace(study.cines[0], view="PLAX"),)), "UNSUPPORTED"),
        (lambda study: replace(study, cines=(replace(study.cines[0], times_ms=None),)), "NO_TIMING"),
        (lambda study: replace(study, labels={"infarct": 1.0}), "BAD_LABEL"),
        (lambda study: replace(study, labels={**study.labels, "seg3": 0.5}), "BAD_LABEL"),
        (lambda study: replace(study, labels={**study.labels, "reference_frame_a4c": 2.0}), "INCONSISTENT"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, change: object, code: str) -> None:
    with pytest.raises(CinecorError) as caught:
        hmc_qu.write([make(1, side=60), change(make(2, side=60))], tmp_path)  # type: ignore[operator]
    assert caught.value.code == code
    assert not (tmp_path / "A4C.xlsx").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "A2C.xlsx").touch()
    with pytest.raises(ConfigError, match="CONFLICT"):
        hmc_qu.write([make(1, side=60)], tmp_path)
