"""Who of a data folder a run was trained on."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from cinecor.datasets import view_folders
from cinecor.errors import DatasetError
from cinecor.evaluation.table import read_truth
from cinecor.models.checkpoint import load_extra_tensors
from cinecor.records import SPLITS, Cine, Study
from cinecor.training import predictions_of, train
from cinecor.training.cases import make_cases
from cinecor.training.held_out import divide
from cinecor.training.kept_cases import CASES_NAME, read_cases
from cinecor.training.recipe import make_recipe

SIDE, VIEWS, EACH = 16, ("A2C", "A4C"), 3
RECIPE = {
    "task": "classification",
    "target": "view",
    "case": "loop",
    "loss": {"name": "cross_entropy"},
    "monitor": "loss",
    "model": {"name": "gan", "options": {"widths": [4, 6]}},
    "clip": {"length": 1, "height": SIDE, "width": SIDE, "mean": [127.5], "std": [127.5]},
    "sampling": {"test_clips": 1},
    "augmentation": {"pad": 1},
    "split": {"validation": 0.15, "test": 0.3},
    "semi": {"labels_per_class": 1, "generator_width": 2},
    "batch_size": 8,
    "epochs": 1,
    "device": "cpu",
    "reference_clips": 100,
}
METHODS = ("none", "gan")
PATIENTS = 7
COUNT = len(VIEWS) * EACH


def _patients(first=0, count=PATIENTS, seed=0, loops=EACH):
    """Patients with some pictures of each view, none with a split."""
    rng = np.random.default_rng(seed)
    for number in range(first, first + count):
        cines = []
        for place, view in enumerate(VIEWS):
            for _ in range(loops):
                frames = rng.integers(0, 60, (1, 1, SIDE, SIDE)).astype(np.uint8)
                frames[..., 8 * place : 8 * place + 8, :] += 150
                cines.append(Cine(source=frames, modality="US", view=view, frames=1, height=SIDE, width=SIDE))
        yield Study(id=f"{number:04d}", cines=tuple(cines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("cohort") / "data"
    view_folders.write(_patients(), root)
    return root


@pytest.fixture(scope="module", params=METHODS)
def run(request, folder, tmp_path_factory):
    recipe = make_recipe({**RECIPE, "semi": {**RECIPE["semi"], "method": request.param}})
    return train(recipe, folder, tmp_path_factory.mktemp("runs") / request.param, cache=folder.parent / "cache")


def _cases(root, run):
    studies = view_folders.read(root)
    return [
        replace(case, labels={"view": float(VIEWS.index(str(case.labels["view"])))})
        for case in make_cases(studies, "loop", run.recipe.clip_spec)
    ]


def _splits(run, root):
    division = divide(run.folder, _cases(root, run))
    return division, {study.id: study.split for study in division.studies}


def _forget(run, tmp_path):
    """The run as an earlier version left it."""
    shutil.copytree(run.folder, tmp_path / "old")
    (tmp_path / "old" / CASES_NAME).unlink()
    return replace(run, folder=tmp_path / "old")


def _patients_of(studies, split):
    return {study.patient_id for study in studies if study.split == split}


def test_what_was_not_drawn_is_training_and_no_patient_is_in_two_splits(run, folder):
    truth = read_truth(run.folder / "truth.csv").drop_duplicates("study")
    division, found = _splits(run, folder)
    held = {split: set(truth[truth["split"] == split]["study"]) for split in ("validation", "test")}
    assert {split: {name for name in found if found[name] == split} for split in held} == held
    assert list(found.values()).count("train") == COUNT * PATIENTS - len(held["validation"]) - len(held["test"])
    assert (truth["split"] == "train").sum() == 2
    patients = [_patients_of(division.studies, split) for split in SPLITS]
    assert sum(map(len, patients)) == len(set.union(*patients)) == PATIENTS
    assert division.told == "42 of 42 cases are the run's own and keep its split"
    assert division.doubt == ""


def test_evaluation_of_its_own_folder_is_of_what_its_tables_hold(run, folder, tmp_path):
    saved, truth, _ = predictions_of(run.folder)
    said, again, _ = predictions_of(run.folder, folder, cache=tmp_path, device="cpu")
    assert (
        again.sort_values(["study", "quantity"])
        .reset_index(drop=True)
        .equals(truth.sort_values(["study", "quantity"]).reset_index(drop=True))
    )
    key = ["study", "quantity"]
    left, right = (each.sort_values(key)["value"].to_numpy() for each in (saved, said))
    np.testing.assert_allclose(left, right, atol=1e-4)


def test_a_copy_is_the_runs_own_and_another_cohort_with_its_names_is_not(run, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "moved", copy_function=shutil.copyfile)
    assert _splits(run, tmp_path / "moved")[1] == _splits(run, folder)[1]
    view_folders.write(_patients(seed=1), tmp_path / "others")
    assert [path.name for path in sorted((tmp_path / "others").rglob("*.*"))] == [
        path.name for path in sorted(folder.rglob("*.*"))
    ]
    division, found = _splits(run, tmp_path / "others")
    assert set(found.values()) == {None}  # test as a whole
    assert division.told == "none of 42 cases is the run's own"
    assert division.doubt.startswith(
        "42 cases bear the name of one of the run's cases or patients, with other pictures"
    )
    _, truth, _ = predictions_of(run.folder, tmp_path / "others", cache=tmp_path / "cache", device="cpu")
    assert truth["study"].nunique() == 42


def test_an_extended_folder_keeps_its_patients_where_they_were(run, folder, tmp_path):
    """A loop that comes first gives those after it other numbers; whose name changed, goes by the pictures."""
    shutil.copytree(folder, tmp_path / "more")
    (tmp_path / "more" / "patients.csv").unlink()
    more = next(_patients(900, 1, seed=2, loops=2))
    view_folders.write([more], tmp_path / "new")
    first = sorted((tmp_path / "new" / VIEWS[0]).iterdir())[0]
    before = {study.patient_id: study.split for study in divide(run.folder, _cases(folder, run)).studies}
    for view in VIEWS:
        for path in (tmp_path / "new" / view).iterdir():
            shutil.copyfile(path, tmp_path / "more" / view / path.name)
    for number in range(PATIENTS):
        (tmp_path / "more" / VIEWS[0] / f"{number:04d}_-1.png").write_bytes(first.read_bytes() + b"%d" % number)
    renamed = sorted((tmp_path / "more").rglob("0000_*.png"))
    for path in renamed:
        path.rename(path.with_name(path.name.replace("0000_", "anna_", 1)))
    division = divide(run.folder, _cases(tmp_path / "more", run))
    after = {study.patient_id: {each.split for each in division.studies if each.patient_id == study.patient_id}
             for study in division.studies}  # fmt: skip
    assert after == {
        **{"anna" if name == "0000" else name: {split} for name, split in before.items()},
        "0900": {"test"},
    }
    assert division.told == "42 of 53 cases are the run's own and keep its split; 7 more of its patients go with them"


def test_a_run_of_an_earlier_version_is_refused_where_it_would_leak(run, folder, tmp_path):
    old = _forget(run, tmp_path)
    if run.recipe.semi.method != "none":
        with pytest.raises(
            DatasetError, match=r"LEAKAGE: old: \d+ of these cases may be among \d+ that the run learned"
        ):
            _splits(old, folder)
    else:
        division, _ = _splits(old, folder)
        patients = [_patients_of(division.studies, split) for split in SPLITS]
        assert sum(map(len, patients)) == len(set.union(*patients))
        assert "earlier version" in division.doubt
    again = train(run.recipe, folder, old.folder, cache=folder.parent / "cache")  # finished: the list is all it adds
    assert again.manifest == run.manifest
    assert read_cases(old.folder) == read_cases(run.folder)
    assert _splits(old, folder)[1] == _splits(run, folder)[1]


def test_novelty_is_judged_by_all_that_was_learned_from(run):
    """Of 4 training patients, two pictures kept their label."""
    count = len(load_extra_tensors(run.folder)["reference_embeddings"])
    kept = [split for _, _, split, _ in read_cases(run.folder).rows].count("train")
    assert count == (2 if run.recipe.semi.method == "none" else kept)
    assert kept > 2


def test_the_command_says_whose_cases_they_are(run, folder, tmp_path, monkeypatch):
    from cinecor.cli.__main__ import app

    monkeypatch.setenv("CINECOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("cinecor.evaluation.write_report", lambda folder, *_, **__: folder)
    words = ["evaluate", str(run.folder), "--data", str(folder), "--device", "cpu", "--out", str(tmp_path / "page")]
    answer = CliRunner().invoke(app, words, standalone_mode=False)
    assert answer.exception is None
    assert "42 of 42 cases are the run's own and keep its split\n" in answer.output


def test_another_cohort_with_the_same_names_keeps_its_splits(finished, cohort, make_study):
    others = [replace(make_study(number + 50, "test"), id=study.id) for number, study in enumerate(cohort)]
    division = divide(finished.folder, others)
    assert [study.split for study in division.studies] == ["test"] * len(cohort)
    assert "18 cases bear the name" in division.doubt


def test_new_patients_of_the_runs_cohort_are_test(finished, cohort, make_study):
    found = divide(finished.folder, [*cohort, make_study(500, None)]).studies
    assert [study.split for study in found] == [*(study.split for study in cohort), "test"]


def _rewritten(study, split=None, **labels):
    """The same heart in a file that was written anew."""
    (cine,) = study.cines
    return replace(
        study, split=split, cines=(replace(cine, source=cine.source[:, :, :, ::-1]),), labels={**study.labels, **labels}
    )


def test_a_measured_number_knows_a_cohort_whose_files_were_written_anew(finished, cohort):
    division = divide(finished.folder, [_rewritten(study) for study in cohort])
    assert [study.split for study in division.studies] == [study.split for study in cohort]
    others = [_rewritten(study, "test", ef=study.labels["ef"] + (number > 0)) for number, study in enumerate(cohort)]
    division = divide(finished.folder, others)  # one agrees by chance
    assert [study.split for study in division.studies] == ["test"] * len(cohort)
    assert division.told == "none of 18 cases is the run's own"


def test_slices_of_one_file_go_by_their_names(finished, cohort, tmp_path):
    """Where cases were split without regard to patients, one picture is in several splits."""
    rows = read_cases(finished.folder).rows
    for name in ("truth.csv", "manifest.json"):
        shutil.copyfile(finished.folder / name, tmp_path / name)
    lines = ["study,patient,split,picture", *(f"{name},anna,{split},{rows[0][3]}" for name, _, split, _ in rows)]
    (tmp_path / CASES_NAME).write_text("\n".join(lines) + "\n")
    slices = [replace(study, split=None, patient="anna", cines=cohort[0].cines) for study in cohort]
    found = divide(tmp_path, [*slices, replace(slices[-1], id="unnamed")]).studies
    assert [study.split for study in found] == [*(study.split for study in cohort), "train"]


def test_a_table_that_was_changed_is_refused(finished, cohort, tmp_path):
    for name in ("truth.csv", "manifest.json"):
        shutil.copyfile(finished.folder / name, tmp_path / name)
    (tmp_path / CASES_NAME).write_text("study,patient,split,picture\n0001,0001,tset,abc\n")
    with pytest.raises(DatasetError, match=r"BAD_SPLIT: cases\.csv"):
        divide(tmp_path, cohort)


def test_weights_without_tables_divide_nothing(cohort, tmp_path):
    assert divide(tmp_path, cohort).studies == cohort
    assert divide(tmp_path, cohort).told == ""
