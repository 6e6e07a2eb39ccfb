from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.datasets import acdc
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.records import Cine, Split, Study

PHASES, HEIGHT, WIDTH = 6, 20, 24


def disc_mask(radius: float) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(y - 9.0, x - 13.0)
    return (2 * (distance < radius + 2) + (distance < radius)).astype(np.uint8)


def make(name: str, split: Split | None, seed: int = 0, slices: int = 3, ed: int = 4, es: int = 1) -> Study:
    rng = np.random.default_rng(seed)
    cines = tuple(
        Cine(
            source=rng.integers(0, 1000, (PHASES, 1, HEIGHT, WIDTH)).astype(np.float32),
            modality="MR",
            view="SAX",
            frames=PHASES,
            height=HEIGHT,
            width=WIDTH,
            spacing_mm=(1.25, 1.5),
            slice_index=index,
            position_mm=8.0 * index,
            thickness_mm=8.0,
            masks={ed: disc_mask(5 + index / 2), es: disc_mask(3 + index / 2)},
        )
        for index in range(slices)
    )
    labels = {"group": "DCM", "height_cm": 184.5, "weight_kg": 95.0, "ed_frame": ed, "es_frame": es}
    return Study(id=name, cines=cines, split=split, labels=labels)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [make("patient001", "train", 1), make("patient002", "train", 2, slices=2), make("patient101", "test", 3)]


@pytest.fixture
def root(tmp_path: Path, studies: list[Study]) -> Path:
    acdc.write(iter(studies), tmp_path / "database")
    return tmp_path / "database"


def test_round_trip(root: Path, studies: list[Study]) -> None:
    read = acdc.read(root)
    assert [(study.id, study.split) for study in read] == [(study.id, study.split) for study in studies]
    for study, original in zip(read, studies, strict=True):
        assert dict(study.labels) == dict(original.labels)
        assert len(study.cines) == len(original.cines)
        for cine, first in zip(study.cines, original.cines, strict=True):
            np.testing.assert_array_equal(io.load(cine), first.source)
            assert (cine.frames, cine.height, cine.width, cine.view, cine.modality) == (6, HEIGHT, WIDTH, "SAX", "MR")
            assert cine.spacing_mm == pytest.approx(first.spacing_mm)
            assert cine.thickness_mm == pytest.approx(8.0)
            assert sorted(cine.masks) == sorted(first.masks)
            for frame, mask in first.masks.items():
                np.testing.assert_array_equal(io.load_mask(cine, frame), mask)


def test_the_form_is_the_published_one(root: Path) -> None:
    folder = root / "training" / "patient001"
    assert sorted(path.name for path in folder.iterdir()) == [
        "Info.cfg",
        "patient001_4d.nii.gz",
        "patient001_frame02.nii.gz",
        "patient001_frame02_gt.nii.gz",
        "patient001_frame05.nii.gz",
        "patient001_frame05_gt.nii.gz",
    ]
    info = (folder / "Info.cfg").read_text()
    assert info == "ED: 5\nES: 2\nGroup: DCM\nHeight: 184.5\nNbFrame: 6\nWeight: 95.0\n"
    assert (root / "testing" / "patient101").is_dir()


def test_without_the_loops_there_are_two_frames(root: Path, studies: list[Study], tmp_path: Path) -> None:
    for path in root.glob("*/*/*_4d.nii.gz"):
        path.unlink()
    for study, original in zip(acdc.read(root), studies, strict=True):
        places = {"ed_frame": 1, "es_frame": 0, "ed_phase": 4, "es_phase": 1, "phases": 6}
        assert dict(study.labels) == {**original.labels, **places}
        for cine, first in zip(study.cines, original.cines, strict=True):
            assert cine.frames == 2
            assert "frames 2, 5 of 6" in cine.notes
            assert isinstance(first.source, np.ndarray)
            np.testing.assert_array_equal(io.load(cine), first.source[[1, 4]])
            np.testing.assert_array_equal(io.load_mask(cine, 1), first.masks[4])
    acdc.write(acdc.read(root), tmp_path / "again")
    again = acdc.read(tmp_path / "again")
    assert [dict(study.labels) for study in again] == [dict(study.labels) for study in acdc.read(root)]


def test_a_folder_of_one_split_or_of_patients_alone(root: Path, tmp_path: Path) -> None:
    assert {study.split for study in acdc.read(root / "testing")} == {"test"}
    acdc.write([make("p", None), make("q", "validation")], tmp_path / "own")
    read = {study.id: study.split for study in acdc.read(tmp_path / "own")}
    assert read == {"p": None, "q": "validation"}
    assert acdc.recognise(root)
    assert acdc.recognise(root / "training")
    assert acdc.recognise(root / "training" / "patient001")
    assert [study.id for study in acdc.read(root / "training" / "patient001")] == ["patient001"]


def test_measured_volumes(root: Path) -> None:
    for study in acdc.read(root, measured=True):
        volumes = []
        for radius in (5, 3):
            voxels = sum(int((disc_mask(radius + index / 2) == 3).sum()) for index in range(len(study.cines)))
            volumes.append(voxels * 1.25 * 1.5 * 8 / 1000)
        assert study.labels["edv_ml"] == pytest.approx(volumes[0])
        assert study.labels["esv_ml"] == pytest.approx(volumes[1])
        assert study.labels["ef"] == pytest.approx(100 * (1 - volumes[1] / volumes[0]))


def test_check_finds_nothing_wrong_with_what_was_written(root: Path) -> None:
    findings = acdc.check(root)
    assert findings.problems == ()
    assert "CC BY-NC-SA 4.0" in findings.as_text()
    assert [row["loops"] for row in findings.table] == [5, 3, 8]


def spoil(root: Path, old: str, new: str) -> None:
    path = root / "training" / "patient001" / "Info.cfg"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("ED: 5\n", "", "MISSING_COLUMN"),
        ("ED: 5", "ED:", "MISSING_COLUMN"),
        ("ED: 5", "ED: 7", "BAD_LABEL"),
        ("ED: 5", "ED: 0", "BAD_LABEL"),
        ("ED: 5", "ED: 2", "BAD_LABEL"),
        ("ED: 5", "ED: x", "BAD_LABEL"),
        ("ED: 5", "ED 5", "BAD_LABEL"),
        ("ED: 5", "ED: 5\nED: 5", "BAD_LABEL"),
        ("Height: 184.5", "Height: nan", "BAD_LABEL"),
        ("Weight: 95.0", "Weight: -1", "BAD_LABEL"),
        ("NbFrame: 6", "NbFrame: 7", "INCONSISTENT"),
    ],
)
def test_a_bad_info(root: Path, old: str, new: str, code: str) -> None:
    spoil(root, old, new)
    with pytest.raises(CinecorError) as caught:
        acdc.read(root)
    assert caught.value.code == code
    assert caught.value.where.startswith("patient001/")
    findings = acdc.check(root)
    assert findings.problems[0].code == code
    assert findings.table[-1]["studies"] == 2


def test_other_faults_of_info(root: Path) -> None:
    path = root / "training" / "patient001" / "Info.cfg"
    path.write_bytes(b"ED: 5\xff\n")
    with pytest.raises(DatasetError, match="ENCODING"):
        acdc.read(root)
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        acdc.read_info(path.parent)


def test_missing_and_damaged_volumes(root: Path) -> None:
    folder = root / "training" / "patient001"
    (folder / "patient001_frame05_gt.nii.gz").unlink()
    assert [problem.code for problem in acdc.check(root).problems] == ["NO_PIXELS"]
    assert sorted(acdc.read(root)[0].cines[0].masks) == [1]
    (folder / "patient001_4d.nii.gz").unlink()
    (folder / "patient001_frame02.nii.gz").unlink()
    with pytest.raises(DatasetError, match=r"MISSING_FILE: patient001/patient001_frame02\.nii\.gz"):
        acdc.read(root)
    other = root / "training" / "patient002" / "patient002_frame05_gt.nii.gz"
    content = bytearray(other.read_bytes())
    content[-30] ^= 255
    other.write_bytes(content)
    codes = {problem.where.partition("/")[0]: problem.code for problem in acdc.check(root).problems}
    assert set(codes) == {"patient001", "patient002"}
    assert codes["patient002"] in ("CORRUPT", "TRUNCATED")


def test_patients_and_recordings_in_two_splits(root: Path, tmp_path: Path) -> None:
    source, target = root / "training" / "patient001", root / "testing" / "patient001"
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    findings = acdc.check(root)
    assert [problem.code for problem in findings.problems] == ["LEAKAGE", "LEAKAGE", "DUPLICATE_ID"]
    assert "1 patient has studies in train and test" in findings.problems[0].what
    with pytest.raises(DatasetError, match="DUPLICATE_ID"):
        acdc.read(root)


def test_odd_masks_are_noted(tmp_path: Path) -> None:
    study = make("patient001", "train")
    swapped = {**study.labels, "ed_frame": 1, "es_frame": 4, "group": "XYZ"}
    acdc.write([replace(study, labels=swapped)], tmp_path)
    whats = [problem.what for problem in acdc.check(tmp_path).problems]
    assert len(whats) == 2
    assert "group 'XYZ' is none of" in whats[0]
    assert "voxels at ED" in whats[1]
    strange = replace(
        study, id="b", cines=tuple(replace(cine, masks={4: disc_mask(4) * 5, 1: disc_mask(3)}) for cine in study.cines)
    )
    acdc.write([strange], tmp_path)
    assert "a mask holds the label 15" in acdc.check(tmp_path).problems[0].what


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"id": "../x"}, DatasetError, "UNSAFE_PATH"),
        ({"id": "patient001"}, DatasetError, "DUPLICATE_ID"),
        ({"labels": {"group": "DCM"}}, DatasetError, "BAD_LABEL"),
        ({"cines": ()}, InputError, "INCONSISTENT"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, change: dict[str, object], error: type[CinecorError], code: str
) -> None:
    with pytest.raises(error) as caught:
        acdc.write([make("patient001", "train"), replace(make("patient002", "train"), **change)], tmp_path)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_slices_that_make_no_stack_are_not_written(tmp_path: Path) -> None:
    study = make("patient001", "train")
    short = replace(study.cines[0], source=np.zeros((2, 1, HEIGHT, WIDTH), np.float32))
    with pytest.raises(InputError, match="INCONSISTENT"):
        acdc.write([replace(study, cines=(*study.cines, short))], tmp_path)


def test_nothing_is_overwritten(root: Path, studies: list[Study]) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        acdc.write(studies, root)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        acdc.read(tmp_path)
    assert acdc.check(tmp_path / "absent").problems[0].code == "MISSING_FILE"


@pytest.mark.realdata
def test_all_training_patients(shared_data: Path) -> None:
    studies = acdc.read(shared_data / "acdc" / "training")
    assert [study.id for study in studies] == [f"patient{number:03d}" for number in range(1, 101)]
    assert {study.split for study in studies} == {"train"}
    assert Counter(study.labels["group"] for study in studies) == dict.fromkeys(acdc.GROUPS, 20)
    assert sum(len(study.cines) for study in studies) == 951
    for study in studies:
        assert study.labels["ed_frame"] != study.labels["es_frame"]
        assert sorted(study.cines[0].masks) == sorted({int(study.labels["ed_frame"]), int(study.labels["es_frame"])})
        assert len({(cine.height, cine.width, cine.frames) for cine in study.cines}) == 1


@pytest.mark.realdata
def test_patient090_has_its_loop_and_begins_elsewhere(shared_data: Path) -> None:
    study = next(study for study in acdc.read(shared_data / "acdc" / "training") if study.id == "patient090")
    assert (study.labels["ed_frame"], study.labels["es_frame"]) == (3, 10)
    assert "phases" not in study.labels
    assert len(study.cines) == 7
    assert {cine.frames for cine in study.cines} == {12}
    assert study.cines[3].source == shared_data / "acdc/training/patient090/patient090_4d.nii.gz"
    frames = io.load(study.cines[3])
    assert frames.shape[0] == 12
    assert io.load_mask(study.cines[3], 3).shape == frames.shape[2:]


@pytest.mark.realdata
def test_real_ejection_fractions(shared_data: Path) -> None:
    import nibabel

    studies = acdc.read(shared_data / "acdc" / "training")
    for study in (studies[0], studies[30], studies[89]):
        volumes = []
        folder = shared_data / "acdc" / "training" / study.id
        for path in sorted(folder.glob("*_gt.nii.gz")):
            image = nibabel.load(path)
            voxel = float(np.prod(image.header.get_zooms()))
            volumes.append(int((np.asanyarray(image.dataobj) == 3).sum()) * voxel / 1000)
        measured = acdc.measure(study)
        assert measured["edv_ml"] == pytest.approx(volumes[0], rel=1e-5)
        assert measured["esv_ml"] == pytest.approx(volumes[1], rel=1e-5)


def test_for_an_analysis_neither_group_nor_phases_need_be_known(root: Path) -> None:
    training = root / "training"
    (training / "patient001" / "Info.cfg").write_text("Height: 180.0\nWeight: 70.0\n")
    (training / "patient002" / "patient002_4d.nii.gz").unlink()
    (training / "patient002" / "Info.cfg").write_text("Group:\nNbFrame: 6\n")
    (root / "testing" / "patient101" / "patient101_4d.nii.gz").write_bytes(b"\x1f\x8bno")
    with pytest.raises(DatasetError):
        acdc.read(root)
    studies, failures = acdc.read_each(root)
    assert [dict(study.labels) for study in studies] == [{"height_cm": 180.0, "weight_kg": 70.0}, {}]
    assert [study.cines[0].frames for study in studies] == [6, 2]
    assert all(cine.view == "SAX" and not cine.masks for study in studies for cine in study.cines)
    assert [failure.path.name for failure in failures] == ["patient101"]


def test_of_patients_kept_apart_the_group_need_not_be_known(root: Path) -> None:
    for folder, code in ((root / "testing", ""), (root / "training", "MISSING_COLUMN")):
        info = next(iter(sorted(folder.iterdir()))) / "Info.cfg"
        before = info.read_text()
        info.write_text("".join(line for line in before.splitlines(True) if not line.startswith("Group")))
        if code:
            with pytest.raises(DatasetError, match=code):
                acdc.read(root)
        else:
            assert "group" not in next(each for each in acdc.read(root) if each.id == info.parent.name).labels
            assert not acdc.check(root).errors
        info.write_text(before)


def test_for_an_analysis_a_patient_without_info_is_not_lost(root: Path) -> None:
    everyone = [study.id for study in acdc.read_each(root)[0]]
    lost = root / "training" / everyone[0] / "Info.cfg"
    before = lost.read_text()
    lost.unlink()
    studies, failures = acdc.read_each(root)
    lost.write_text(before)
    assert (sorted(study.id for study in studies), failures) == (sorted(everyone), [])
    assert "ed_frame" not in next(study for study in studies if study.id == everyone[0]).labels


def test_for_an_analysis_what_is_known_is_kept(root: Path) -> None:
    studies, failures = acdc.read_each(root)
    assert failures == []
    assert [(study.id, study.labels) for study in studies] == [(study.id, study.labels) for study in acdc.read(root)]
