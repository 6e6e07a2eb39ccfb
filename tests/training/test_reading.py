"""Data folders, and whether their hearts are synthetic."""

from dataclasses import replace

import pytest

from cinecor import datasets
from cinecor.errors import DatasetError
from cinecor.training import train
from cinecor.training.reading import is_synthetic, read_folder, read_once


@pytest.fixture
def folder(cohort, tmp_path):
    times = tuple(float(frame * 20) for frame in range(10))
    studies = [
        replace(
            study,
            cines=(replace(study.cines[0], times_ms=times),),
            labels={**study.labels, "edv_ml": 100.0, "esv_ml": 50.0},
        )
        for study in cohort
    ]
    datasets.get("echonet_dynamic").write(studies, tmp_path / "data")
    return tmp_path / "data"


def test_a_folder_in_a_published_layout_is_trained_on_from_disk(folder, tiny, cohort, tmp_path):
    layout, studies = read_folder(folder)
    assert layout == "echonet_dynamic"
    assert [study.id for study in studies] == [study.id for study in cohort]
    run = train(tiny, folder, tmp_path / "run", cache=tmp_path / "cache")
    assert run.manifest.training_data["layout"] == "echonet_dynamic"
    assert run.manifest.training_data["synthetic"] is False
    assert run.manifest.training_data["description"] == "10 studies for training (echonet dynamic layout)"


def test_a_mark_says_that_the_hearts_are_synthetic(folder):
    _, studies = read_folder(folder)
    assert not is_synthetic(studies, folder)
    (folder / "SYNTHETIC.txt").write_text("phantom")
    assert is_synthetic(studies, folder)


def test_notes_of_the_phantom_say_so_too(cohort):
    assert is_synthetic(cohort, None)
    bare = [replace(study, cines=(replace(study.cines[0], notes=()),)) for study in cohort]
    assert not is_synthetic(bare, None)
    assert not is_synthetic([*cohort, *bare], None)


def test_missing_and_unknown_folders_are_refused(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match="MISSING_FILE"):
            read_folder(root)


def test_within_read_once_a_folder_is_read_a_single_time(folder):
    with read_once():
        first, studies = read_folder(folder)
        (folder / "FileList.csv").unlink()
        again = read_folder(folder / ".." / folder.name)
        assert again == (first, studies)
        again[1].clear()  # whoever has the list may change it
        assert read_folder(folder)[1] == studies
        with pytest.raises(DatasetError, match="MISSING_FILE"):
            read_folder(folder / "nowhere")
    with pytest.raises(DatasetError):
        read_folder(folder)
