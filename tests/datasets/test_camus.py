from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
import pytest
from tests.datasets.beating import frames_of, loop, radius, rings

from cinecor import datasets, io
from cinecor.datasets import camus
from cinecor.datasets.folds import assign
from cinecor.errors import CinecorError, ConfigError, DatasetError
from cinecor.records import Split, Study

Edition = Literal["nifti", "metaimage"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
COUNTS = {"A4C": 6, "A2C": 8}


def make(index: int, split: Split | None = None, views: tuple[str, ...] = ("A4C", "A2C"), every: bool = True) -> Study:
    cines, labels = (
        [],
        {"ef": 60.0, "edv_ml": 100.0 + index, "esv_ml": 40.0 + 0.4 * index, "sex": "F", "age_years": 56.0},
    )
    for view in views:
        count = COUNTS[view]
        frames = range(count) if every else (0, count - 1)
        masks = {frame: rings(radius(frame, count)) for frame in frames}
        cines.append(replace(loop(view, 10 * index + count, count, rate=40), spacing_mm=(0.154, 0.308), masks=masks))
        name = view.lower()
        labels |= {f"ed_frame_{name}": 0, f"es_frame_{name}": count - 1, f"quality_{name}": "Good"}
    return Study(id=f"patient{index:04d}", cines=tuple(cines), split=split, labels={**labels, "fold": index % 3})


@pytest.fixture
def studies() -> list[Study]:
    return [make(index, SPLITS[index % 3], every=index != 1) for index in range(6)]


@pytest.fixture(params=["nifti", "metaimage"])
def edition(request: pytest.FixtureRequest) -> Edition:
    return request.param


def test_round_trip(tmp_path: Path, studies: list[Study], edition: Edition) -> None:
    camus.write(iter(studies), tmp_path, edition=edition)
    assert datasets.recognise(tmp_path) == "camus"
    read = {study.id: study for study in camus.read(tmp_path)}
    assert {study.id: study.split for study in read.values()} == {study.id: study.split for study in studies}
    for original in studies:
        study = read[original.id]
        assert dict(study.labels) == dict(original.labels)
        for cine, first in zip(study.cines, original.cines, strict=True):
            np.testing.assert_array_equal(io.load(cine), first.source)
            assert io.load(cine).dtype == np.uint8
            sizes = (cine.view, cine.modality, cine.frames, cine.height, cine.width)
            assert sizes == (first.view, "US", first.frames, 48, 40)
            assert cine.spacing_mm == pytest.approx((0.154, 0.308), rel=1e-6)
            kept = set(first.masks) if edition == "nifti" else {0, len(first.source) - 1}
            assert set(cine.masks) == kept
            for frame in kept:
                np.testing.assert_array_equal(io.load_mask(cine, frame), first.masks[frame])
            assert (cine.times_ms is None) == (edition == "metaimage")
            assert cine.times_ms is None or cine.times_ms == pytest.approx(first.times_ms)


def test_what_was_written_is_in_order(tmp_path: Path, studies: list[Study], edition: Edition) -> None:
    camus.write(studies, tmp_path, edition=edition)
    findings = camus.check(tmp_path)
    assert findings.problems == ()
    assert [row["loops"] for row in findings.table] == [4, 4, 4, 12]


def test_the_form_of_the_present_edition(tmp_path: Path, studies: list[Study]) -> None:
    camus.write(studies[:3], tmp_path)
    folder = tmp_path / "database_nifti" / "patient0000"
    names = [
        f"patient0000_{code}_{name}{gt}.nii.gz"
        for code in ("2CH", "4CH")
        for name in ("ED", "ES", "half_sequence")
        for gt in ("", "_gt")
    ]
    assert {path.name for path in folder.iterdir()} == {*names, "Info_2CH.cfg", "Info_4CH.cfg"}
    assert (folder / "Info_2CH.cfg").read_text() == (
        "ED: 1\nES: 8\nNbFrame: 8\nSex: F\nAge: 56.0\nImageQuality: Good\n"
        "EF: 60.0\nEDV: 100.0\nESV: 40.0\nFrameRate: 40.0\n"
    )
    image = nibabel.load(folder / "patient0000_4CH_half_sequence.nii.gz")
    assert image.shape == (40, 48, 6)
    assert image.header.get_zooms()[:2] == pytest.approx((0.308, 0.154))
    assert nibabel.load(folder / "patient0000_4CH_ED_gt.nii.gz").shape == (40, 48)
    assert (tmp_path / "database_split" / "subgroup_testing.txt").read_text() == "patient0002\n"
    assert (tmp_path / "database_split" / "subGroup3_validation.txt").read_text() == "patient0000\n"


def published(folder: Path, code: str, count: int, reverse: bool = False) -> np.ndarray:
    """A view as CREATIS ships it: by nibabel, float, with negative directions, odd spacing; perhaps from ES to ED."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = frames_of(count, count)[:, 0]
    masks = np.stack([rings(radius(index, count)) for index in range(count)])
    if reverse:
        frames, masks = frames[::-1], masks[::-1]
    ends = {"ED": count - 1 if reverse else 0, "ES": 0 if reverse else count - 1}
    affine = np.diag([-0.2310256, -0.1540171, 1.0, 1.0])
    stem = f"{folder.name}_{code}"
    for name, voxels in (("half_sequence", frames), *((name, frames[place]) for name, place in ends.items())):
        nibabel.save(nibabel.Nifti1Image(voxels.T.astype(np.float32), affine), folder / f"{stem}_{name}.nii.gz")
    for name, voxels in (("half_sequence", masks), *((name, masks[place]) for name, place in ends.items())):
        nibabel.save(nibabel.Nifti1Image(voxels.T, affine), folder / f"{stem}_{name}_gt.nii.gz")
    lines = [f"ED: {ends['ED'] + 1}", f"ES: {ends['ES'] + 1}", f"NbFrame: {count}", "Sex: M", "Age: 71"]
    lines += ["ImageQuality: Poor", "EF: 53.7", "FrameRate: 52.4"]
    (folder / f"Info_{code}.cfg").write_text("\r\n".join(lines) + "\r\n")
    return frames


def test_as_creatis_ships_it(tmp_path: Path) -> None:
    folder = tmp_path / "database_nifti" / "patient0007"
    four, two = published(folder, "4CH", 7), published(folder, "2CH", 5, reverse=True)
    for root in (tmp_path, tmp_path / "database_nifti", folder):
        (study,) = camus.read(root)
        assert study.labels == {
            "ef": 53.7, "sex": "M", "age_years": 71.0,
            "ed_frame_a4c": 0, "es_frame_a4c": 6, "quality_a4c": "Poor",
            "ed_frame_a2c": 4, "es_frame_a2c": 0, "quality_a2c": "Poor",
        }  # fmt: skip
        for cine, frames in zip(study.cines, (four, two), strict=True):
            np.testing.assert_array_equal(io.load(cine)[:, 0], frames)
            assert io.load(cine).dtype == np.uint8
            assert cine.spacing_mm == pytest.approx((0.1540171, 0.2310256))
            assert cine.frame_ms == pytest.approx(1000 / 52.4)
        np.testing.assert_array_equal(io.load_mask(study.cines[1], 4), rings(radius(0, 5)))
    assert camus.check(tmp_path).errors == 0


def test_without_loops_there_are_two_frames(tmp_path: Path, edition: Edition) -> None:
    studies = [make(0, "train", every=False), make(1, "train", every=False)]
    camus.write(studies, tmp_path / "a", edition=edition)
    for path in (tmp_path / "a").rglob("*sequence*"):
        path.unlink()
    read = camus.read(tmp_path / "a")
    for study, original in zip(read, studies, strict=True):
        assert study.labels["phases_a2c"] == 8
        assert (study.labels["ed_frame_a2c"], study.labels["es_phase_a2c"], study.labels["es_frame_a2c"]) == (0, 7, 1)
        for cine, first in zip(study.cines, original.cines, strict=True):
            np.testing.assert_array_equal(io.load(cine), first.source[[0, -1]])
            np.testing.assert_array_equal(io.load_mask(cine, 1), first.masks[len(first.source) - 1])
            assert cine.notes == (f"frames 1, {len(first.source)} of {len(first.source)}",)
    camus.write(read, tmp_path / "b", edition=edition)
    assert [dict(study.labels) for study in camus.read(tmp_path / "b")] == [dict(study.labels) for study in read]


def test_the_first_edition_counts_its_test_patients_anew(tmp_path: Path) -> None:
    labels = {name: value for name, value in make(1).labels.items() if name != "fold"}
    camus.write([replace(make(1, "train"), labels=labels)], tmp_path, edition="metaimage")
    camus.write([replace(make(1, "test"), cines=make(3).cines, labels=labels)], tmp_path, edition="metaimage")
    assert [(study.id, study.split) for study in camus.read(tmp_path)] == [
        ("patient0001", "train"),
        ("testing_patient0001", "test"),
    ]
    assert camus.check(tmp_path).errors == 0


def lists(folder: Path, patients: list[str], count: int = 10) -> None:
    """Subgroup files as their authors give them out."""
    folder.mkdir()
    size = len(patients) // count
    blocks = [patients[place * size : (place + 1) * size] for place in range(count)]
    for number in range(count):
        following = (number + 1) % count
        parts = {"testing": blocks[number], "validation": blocks[following]}
        parts["training"] = [
            name for place, block in enumerate(blocks) if place not in (number, following) for name in block
        ]
        for part, names in parts.items():
            (folder / f"subGroup{number + 1}_{part}.txt").write_text("\r\n".join(names) + "\r\n")
    (folder / "overallInfo.txt").write_text("Sub group 1\n")


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Twenty patients of one small view, and the thirty lists of ten folds beside them."""
    studies = [
        replace(make(index, None, ("A4C",)), labels=dict(list(make(index, None, ("A4C",)).labels.items())[:-1]))
        for index in range(20)
    ]
    camus.write(studies, tmp_path / "data")
    lists(tmp_path / "lists", [f"patient{index:04d}" for index in range(20)])
    return tmp_path


def test_ten_folds_from_thirty_lists(cohort: Path) -> None:
    assert {study.split for study in camus.read(cohort / "data")} == {None}
    studies = camus.read(cohort / "data", subgroups=cohort / "lists")
    assert [study.labels["fold"] for study in studies] == [index // 2 for index in range(20)]
    split = {study.id: study.split for study in assign(studies, 9)}
    assert [name for name, of in split.items() if of == "test"] == ["patient0018", "patient0019"]
    assert [name for name, of in split.items() if of == "validation"] == ["patient0000", "patient0001"]
    (cohort / "lists").rename(cohort / "data" / "database_split")
    assert [study.labels["fold"] for study in camus.read(cohort / "data" / "database_nifti")] == [
        index // 2 for index in range(20)
    ]
    with pytest.raises(DatasetError, match="no list of a subgroup"):
        camus.read(cohort / "data", subgroups=cohort / "absent")


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("subGroup1_training.txt", "patient0000\n", "LEAKAGE"),
        ("subGroup4_testing.txt", "patient0000\n", "LEAKAGE"),
        ("subGroup4_validation.txt", None, "BAD_SPLIT"),
        ("subGroup2_testing.txt", "", "BAD_SPLIT"),
    ],
)
def test_lists_that_are_wrong(cohort: Path, name: str, change: str | None, code: str) -> None:
    path = cohort / "lists" / name
    if change is None:
        path.unlink()
    else:
        path.write_text(path.read_text() + change if change else "patient0002\n")
    (cohort / "lists").rename(cohort / "data" / "database_split")
    with pytest.raises(DatasetError) as caught:
        camus.read(cohort / "data")
    codes = [problem.code for problem in camus.check(cohort / "data").problems]
    assert caught.value.code == next(found for found in codes if found == caught.value.code)
    assert code in codes


def test_a_patient_in_two_splits(tmp_path: Path, studies: list[Study]) -> None:
    camus.write([make(index, SPLITS[index]) for index in range(3)], tmp_path)
    path = tmp_path / "database_split" / "subgroup_testing.txt"
    path.write_text("patient0002\npatient0000\npatient0000\nstranger\n")
    with pytest.raises(DatasetError, match="LEAKAGE: subgroup: 1 patient is in test and train"):
        camus.read(tmp_path)
    findings = camus.check(tmp_path)
    assert [(problem.severity, problem.code) for problem in findings.problems] == [
        ("error", "LEAKAGE"),
        ("warning", "MISSING_FILE"),
        ("warning", "DUPLICATE_ID"),
    ]
    path.write_bytes("patient000ü".encode("latin-1"))
    with pytest.raises(DatasetError, match="ENCODING"):
        camus.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("ED: 1\n", "", "MISSING_COLUMN"),
        ("NbFrame: 6\n", "", "MISSING_COLUMN"),
        ("ED: 1\n", "ED: 7\n", "BAD_LABEL"),
        ("ED: 1\n", "ED: 6\n", "BAD_LABEL"),
        ("ED: 1\n", "ED 1\n", "BAD_LABEL"),
        ("NbFrame: 6", "NbFrame: 7", "INCONSISTENT"),
        ("EF: 60.0", "EF: 160.0", "BAD_LABEL"),
        ("EF: 60.0", "EF: nan", "BAD_LABEL"),
        ("Age: 56.0", "Age: old", "BAD_LABEL"),
        ("FrameRate: 40.0", "FrameRate: 0", "BAD_LABEL"),
    ],
)
def test_bad_settings(tmp_path: Path, old: str, new: str, code: str) -> None:
    camus.write([make(0, "train"), make(1, "train")], tmp_path)
    path = tmp_path / "database_nifti" / "patient0000" / "Info_4CH.cfg"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CinecorError) as caught:
        camus.read(tmp_path)
    assert caught.value.code == code
    findings = camus.check(tmp_path)
    assert findings.problems[0].code == code
    assert findings.table[-1]["studies"] == 1


def test_what_check_alone_finds(tmp_path: Path) -> None:
    swapped = make(0)
    labels = {**swapped.labels, "ed_frame_a4c": 5, "es_frame_a4c": 0, "quality_a2c": "Superb", "esv_ml": 50.0}
    odd = make(1)
    strange = replace(odd.cines[0], masks={frame: mask * 40 for frame, mask in odd.cines[0].masks.items()})
    copy = replace(make(0), id="patient0009", split="test")
    cohort = [
        replace(swapped, labels=labels),
        replace(odd, cines=(strange, odd.cines[1])),
        copy,
        make(2, "train", ("A4C",)),
    ]
    camus.write([replace(study, split=study.split or "validation") for study in cohort], tmp_path)
    (tmp_path / "database_nifti" / "patient0001" / "Info_2CH.cfg").write_text(
        (tmp_path / "database_nifti" / "patient0001" / "Info_2CH.cfg").read_text().replace("EF: 60.0", "EF: 61.0")
    )
    found = {(problem.severity, problem.code) for problem in camus.check(tmp_path).problems}
    text = " ".join(problem.what for problem in camus.check(tmp_path).problems)
    assert ("error", "LEAKAGE") in found
    for part in (
        "the same recording, in more than one split", "a mask holds the label 120", "none of Good, Medium, Poor",
        "EF 60.0 % does not follow", "pixels at ED and", "there is no A2C", "ef is 60.0 in one view and 61.0",
    ):  # fmt: skip
        assert part in text
    for path in tmp_path.rglob("patient0002_4CH_*gt*"):
        path.unlink()
    assert "NO_PIXELS" in [problem.code for problem in camus.check(tmp_path).problems]


def with_cine(study: Study, **fields: object) -> Study:
    return replace(study, cines=(replace(study.cines[0], **fields), *study.cines[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda study: replace(study, id="../x"), "UNSAFE_PATH"),
        (lambda study: replace(study, id="patient0000"), "DUPLICATE_ID"),
        (lambda study: replace(study, cines=()), "UNSUPPORTED"),
        (lambda study: replace(study, cines=study.cines[:1] * 2), "UNSUPPORTED"),
        (lambda study: with_cine(study, view="PLAX"), "UNSUPPORTED"),
        (lambda study: with_cine(study, spacing_mm=None), "UNSUPPORTED"),
        (lambda study: with_cine(study, source=np.zeros((6, 3, 48, 40), np.uint8)), "UNSUPPORTED"),
        (lambda study: replace(study, labels={"ef": 50.0}), "BAD_LABEL"),
        (lambda study: replace(study, labels={**study.labels, "ed_frame_a4c": 6}), "BAD_LABEL"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, change: object, code: str) -> None:
    with pytest.raises(CinecorError) as caught:
        camus.write([make(0), change(make(1))], tmp_path)  # type: ignore[operator]
    assert caught.value.code == code
    with pytest.raises(ConfigError, match="CONFLICT"):
        camus.write([make(0)], tmp_path)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        camus.read(tmp_path)
    assert not camus.recognise(tmp_path / "absent")
    (tmp_path / "patient0001").mkdir()
    (tmp_path / "patient0001" / "Info_4CH.cfg").write_text("ED: 1\nES: 2\nNbFrame: 2\n")
    with pytest.raises(DatasetError, match="neither the loop nor ED and ES"):
        camus.read(tmp_path)
