from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.datasets.beating import frames_of, loop, outline

from cinecor import datasets, io
from cinecor.datasets import view_folders
from cinecor.datasets.view_names import VIEWS, find_view, view_named
from cinecor.errors import CinecorError, ConfigError, DatasetError, InputError
from cinecor.records import Cine, Split, Study

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
FOV = np.array([[20.0, 2.0], [38.0, 44.0], [2.0, 44.0]])


def still(view: str, seed: int, channels: int = 1) -> Cine:
    frames = np.repeat(frames_of(seed, 1), channels, axis=1)
    frames[:, 0] ^= 1  # so that colours are no copies of grey
    return Cine(source=frames, modality="US", view=view, frames=1, height=48, width=40)


def make(index: int, views: tuple[str, ...] = ("A4C", "PLAX")) -> Study:
    """A loop of the first view, stills of the others."""
    first = replace(
        loop(views[0], index, 4 + index),
        contours={1: outline(12.0)},
        outlines={"fov": {0: FOV, 2: FOV + 0.25}, "epicardium": {2: outline(15.0)}},
        spacing_mm=(0.5, 0.25),
    )
    others = [still(view, 10 * index + place, 1 + 2 * (place % 2)) for place, view in enumerate(views[1:])]
    labels = {"lvh": float(index % 2), "lvh_grade": "mild" if index % 2 else "none", "ef": 55.5 + index}
    return Study(id=f"p_{index}", cines=(first, *others), split=SPLITS[index % 3], labels=labels)


@pytest.fixture
def studies() -> list[Study]:
    return [make(index) for index in range(3)]


@pytest.fixture
def root(tmp_path: Path, studies: list[Study]) -> Path:
    view_folders.write(iter(studies), tmp_path)
    return tmp_path


def same(found: Study, wanted: Study, tolerance: float) -> None:
    assert (found.id, found.patient_id, found.split) == (wanted.id, wanted.patient_id, wanted.split)
    assert dict(found.labels) == dict(wanted.labels)
    for cine, original in zip(found.cines, wanted.cines, strict=True):
        assert (cine.view, cine.frames, cine.height, cine.width) == (original.view, original.frames, 48, 40)
        assert cine.spacing_mm == original.spacing_mm
        before, after = io.load(original).astype(int), io.load(cine).astype(int)
        assert np.abs(before - after[:, : before.shape[1]]).mean() <= (tolerance if len(before) > 1 else 0)
        drawn = {"lv": original.contours, **original.outlines}
        read = {"lv": cine.contours, **cine.outlines}
        assert {name: set(lines) for name, lines in drawn.items()} == {name: set(lines) for name, lines in read.items()}
        for name, lines in drawn.items():
            for frame in lines:
                np.testing.assert_allclose(read[name][frame], lines[frame], atol=1e-9)


def test_round_trip(root: Path, studies: list[Study]) -> None:
    assert datasets.recognise(root) == "view_folders"
    for found, wanted in zip(view_folders.read(root), studies, strict=True):
        same(found, wanted, 2.5)
        assert found.cines[0].times_ms == pytest.approx(wanted.cines[0].times_ms)
    assert {path.name for path in root.iterdir()} == {"A4C", "PLAX", "patients.csv", "outlines.csv"}


def test_dicom_keeps_every_pixel(tmp_path: Path, studies: list[Study]) -> None:
    view_folders.write(studies, tmp_path, files="dicom")
    for found, wanted in zip(view_folders.read(tmp_path), studies, strict=True):
        same(found, wanted, 0)
    assert {path.suffix for path in tmp_path.glob("*/*")} == {".dcm"}
    assert view_folders.check(tmp_path).problems == ()


def test_all_views_and_several_studies_of_a_patient(tmp_path: Path) -> None:
    first = Study(id="one", cines=tuple(still(view, place) for place, view in enumerate(VIEWS)), labels={})
    visits = [replace(first, id=f"visit{number}", patient="0007") for number in (1, 2)]
    visits[1] = replace(visits[1], cines=(still("SSN", 99),))
    view_folders.write([first, *visits], tmp_path)
    found = view_folders.read(tmp_path)
    assert [(study.id, study.patient) for study in found] == [("one", None), ("visit1", "0007"), ("visit2", "0007")]
    assert {cine.view for cine in found[0].cines} == set(VIEWS)


def test_check_counts_views_and_finds_nothing_wrong_with_what_was_written(root: Path) -> None:
    findings = view_folders.check(root)
    assert findings.problems == ()
    assert findings.notes == ("PLAX: 3 files of 3 patients", "A4C: 3 files of 3 patients")
    assert findings.table[-1]["outlined"] == 3


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """As somebody collects pictures: no table, any format."""
    for name in ("a4c/007_1.png", "a4c/007_2.JPG", "PSAX-av/007_a.bmp", "PSAX-av/8.tif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 255, (9, 8), np.uint8).astype(np.uint8)).save(path)
    return tmp_path


def test_without_a_table_names_say_whose_they_are(bare: Path) -> None:
    assert datasets.recognise(bare) == "view_folders"
    found = view_folders.read(bare)
    assert [(study.id, study.split, dict(study.labels)) for study in found] == [("007", None, {}), ("8", None, {})]
    assert [cine.view for cine in found[0].cines] == ["A4C", "A4C", "PSAX-AV"]
    assert io.load(found[1].cines[0]).shape == (1, 1, 9, 8)


def test_a_folder_that_is_called_as_no_view(bare: Path) -> None:
    (bare / "a4c").rename(bare / "apical_4c")
    with pytest.raises(DatasetError) as caught:
        view_folders.read(bare)
    assert (caught.value.code, caught.value.where) == ("BAD_LABEL", "apical_4c/")
    assert "did you mean" in caught.value.cure
    assert "patients.csv" in caught.value.cure
    rows = [f"{path.parent.name}/{path.name},p{number}" for number, path in enumerate(sorted(bare.glob("*/*.*")))]
    rows = [f"{row},{'A4C' if row.startswith('apical') else ''}" for row in rows]
    (bare / "patients.csv").write_text("file,patient,view\n" + "\n".join(rows))
    views = sorted(str(cine.view) for study in view_folders.read(bare) for cine in study.cines)
    assert views == ["A4C", "A4C", "PSAX-AV", "PSAX-AV"]


def test_names_of_views() -> None:
    assert [find_view(name) for name in ("m-MODE ", "psax", "PSAX ap")] == ["M-mode", "PSAX", None]
    for name, near in {"Mmode": "M-mode", "sc ivc": "SC-IVC", "PSAX_AV": "PSAX-AV", "A4C2": "A4C"}.items():
        with pytest.raises(DatasetError, match=f"did you mean {near}"):
            view_named(name)


def rewrite(root: Path, table: str, before: str, after: str) -> None:
    text = (root / table).read_text()
    assert before in text
    (root / table).write_text(text.replace(before, after, 1 if table == "patients.csv" else -1))


@pytest.mark.parametrize(
    ("table", "before", "after", "code"),
    [
        ("patients.csv", "A4C/p_0_000.avi,p_0", "A4C/p_0_000.avi,p_1", "LEAKAGE"),
        ("patients.csv", "p_0,train", "p_0,test", "LEAKAGE"),
        ("patients.csv", "p_0,train", "p_0,tuning", "BAD_SPLIT"),
        ("patients.csv", "A4C/p_0_000.avi", "../A4C/p_0_000.avi", "UNSAFE_PATH"),
        ("patients.csv", "A4C/p_0_000.avi", "A4C/p_9.avi", "BAD_LABEL"),
        ("patients.csv", "A4C/p_1_000.avi", "A4C/p_0_000.avi", "DUPLICATE_ID"),
        ("patients.csv", ",55.5", ",44", "BAD_LABEL"),
        ("patients.csv", ",55.5", ",555", "BAD_LABEL"),
        ("patients.csv", "0.5,0.25", "0.5,", "BAD_LABEL"),
        ("patients.csv", "patient", "who", "MISSING_COLUMN"),
        ("outlines.csv", "fov", "fow", "BAD_LABEL"),
        ("outlines.csv", "p_0_000.avi,0,fov,20.0", "p_0_000.avi,0,fov,x", "BAD_LABEL"),
        ("outlines.csv", "p_0_000.avi,0,fov", "p_0_000.avi,4,fov", "BAD_LABEL"),
        ("outlines.csv", "A4C/p_0_000.avi", "A4C/p_9.avi", "MISSING_FILE"),
    ],
)
def test_what_is_wrong_is_refused(root: Path, table: str, before: str, after: str, code: str) -> None:
    rewrite(root, table, before, after)
    with pytest.raises(CinecorError) as caught:
        view_folders.read(root)
    assert caught.value.code == code
    findings = view_folders.check(root)
    assert code in {problem.code for problem in findings.problems if problem.severity == "error"}


def test_a_missing_and_a_broken_file(root: Path) -> None:
    (root / "A4C" / "p_0_000.avi").unlink()
    cut = (root / "PLAX" / "p_1_001.png").read_bytes()
    (root / "PLAX" / "p_1_001.png").write_bytes(cut[:20])
    (root / "PLAX" / "notes.txt").write_text("x")
    found = {(problem.severity, problem.where) for problem in view_folders.check(root).problems}
    assert found == {
        ("error", "patients.csv"),
        ("error", "outlines.csv"),
        ("error", "PLAX/p_1_001.png"),
        ("warning", "PLAX/notes.txt"),
    }


def test_an_outline_of_two_points_is_left_out_with_a_warning(root: Path) -> None:
    lines = (root / "outlines.csv").read_text().splitlines()
    gone = next(place for place, line in enumerate(lines) if ",0,fov," in line)
    (root / "outlines.csv").write_text("\n".join(lines[:gone] + lines[gone + 1 :]) + "\n")
    assert set(view_folders.read(root)[0].cines[0].outlines["fov"]) == {2}
    assert [problem.severity for problem in view_folders.check(root).problems] == ["warning"]


def test_the_same_recording_of_two_patients_or_under_two_views(root: Path) -> None:
    shutil.copy(root / "A4C" / "p_0_000.avi", root / "A4C" / "p_2_000.avi")
    shutil.copy(root / "PLAX" / "p_1_001.png", root / "A4C" / "p_1_002.png")
    with (root / "patients.csv").open("a") as table:
        table.write("A4C/p_1_002.png,p_1,validation,,,,,\n")
    rows = (root / "outlines.csv").read_text().splitlines()
    (root / "outlines.csv").write_text("\n".join(row for row in rows if "p_2_000" not in row) + "\n")
    errors = [problem for problem in view_folders.check(root).problems if problem.severity == "error"]
    assert [(problem.code, problem.what) for problem in errors] == [
        ("LEAKAGE", "2 studies hold the same recording, in more than one split"),
        ("BAD_LABEL", "the same recording stands under A4C and PLAX"),
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"view": None}, DatasetError),
        ({"view": "SAX"}, DatasetError),
        ({"source": np.zeros((3, 1, 8, 8), np.float32)}, InputError),
        ({"times_ms": None}, InputError),
    ],
)
def test_what_the_layout_cannot_hold(tmp_path: Path, change: dict, error: type[CinecorError]) -> None:
    study = make(0)
    with pytest.raises(error):
        view_folders.write([replace(study, cines=(replace(study.cines[0], **change),))], tmp_path)
    assert not (tmp_path / "patients.csv").exists()


def test_what_is_there_is_not_written_over(root: Path, studies: list[Study]) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        view_folders.write(studies, root)
    with pytest.raises(DatasetError, match="DUPLICATE_ID"):
        view_folders.write([studies[0], studies[0]], root / "new")
    with pytest.raises(DatasetError, match="column of its own"):
        view_folders.write([replace(studies[0], labels={"view": "A4C"})], root / "other")
