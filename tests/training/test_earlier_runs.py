"""Whom the runs that a training builds upon had is not tested on later."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cinecor.errors import CheckpointError, ConfigError, DatasetError
from cinecor.records import SPLITS
from cinecor.training import train
from cinecor.training.data import open_data
from cinecor.training.earlier_runs import read_earlier, refuse_learned
from cinecor.training.held_out import divide
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME, KeptCases, read_cases
from cinecor.training.recipe import apply_overrides, fingerprint, make_recipe, resolve
from cinecor.training.start import pin_start
from cinecor.training.taken_splits import TAKEN_NAME, read_division


def _split(studies, recipe):
    return open_data(recipe, studies).splits


def _said(recipe, splits, studies=()):
    said: list[str] = []
    everybody = [study for each in splits.values() for study in each]
    refuse_learned(recipe, splits, [*everybody, *studies], Path("nowhere"), said.append)
    return said


def _places(splits):
    return {study.id: split for split, studies in splits.items() for study in studies}


def test_the_same_division_is_let_through_in_silence(start, cohort):
    assert _said(start(), _split(cohort, start())) == []


def test_whoever_was_learned_from_is_not_judged_by(start, cohort, tmp_path):
    recipe = start("--split.by", "patient", "--split.seed", "3")
    splits = _split(cohort, recipe)
    before = {study.id: study.split for study in cohort}
    judged = {study.id: split for split in ("validation", "test") for study in splits[split]}
    moved = sum(SPLITS.index(before[name]) < SPLITS.index(split) for name, split in judged.items())
    assert moved > 0
    with pytest.raises(
        DatasetError, match=rf"LEAKAGE: start\.weights: {moved} of the {len(judged)} patients .*split\.like"
    ):
        train(recipe, cohort, tmp_path / "run")
    assert not (tmp_path / "run" / "recipe.yaml").exists()
    later_split = [replace(study, split=None if study.split == "train" else "test") for study in cohort]
    with pytest.raises(DatasetError, match="LEAKAGE"):  # chosen by is known, too
        _said(recipe, {"test": [study for study in later_split if study.split]})


def test_a_mask_has_seen_people_too(tiny, finished, cohort):
    recipe = apply_overrides(tiny, ["--mask.weights", str(finished.folder)])
    assert _said(recipe, _split(cohort, recipe)) == []
    with pytest.raises(DatasetError, match=r"LEAKAGE: mask\.weights: 10 of the 10 patients"):
        _said(recipe, {"test": [study for study in cohort if study.split == "train"]})


def test_other_people_of_the_same_names_are_told(start, make_study):
    strangers = [replace(make_study(100 + number, "test"), id=f"{number:04d}") for number in range(5)]
    (line,) = _said(start(), {"test": strangers})
    assert "5 of the 5 patients" in line
    assert "taken for other people" in line


def test_one_picture_says_whose_folder_it_is(start, cohort, make_study):
    """New loops of known patients, of whom no loop that is judged was known."""
    again = [replace(make_study(900 + number, "test"), patient=study.patient_id) for number, study in enumerate(cohort)]
    known = {"train": [cohort[0]], "test": again[1:]}
    with pytest.raises(DatasetError, match=r"LEAKAGE: start\.weights: 13 of the 17 patients"):
        _said(start(), known)
    with pytest.raises(DatasetError, match="LEAKAGE"):  # nor need a loop that is known be one of the recipe's
        _said(start(), {"test": again[1:]}, [cohort[0]])


def test_another_view_of_known_patients_is_theirs(tiny, start, finished, cohort, make_study, tmp_path):
    """Each view in a file of its own: the recipe's are of nobody's pictures, the folder is."""
    both = [
        replace(study, split=None, cines=(*study.cines, replace(make_study(950 + number, None).cines[0], view="A2C")))
        for number, study in enumerate(cohort)
    ]
    recipe = start("--view", "A2C", "--split.by", "patient", "--split.seed", "3")
    with pytest.raises(DatasetError, match="LEAKAGE"):
        train(recipe, both, tmp_path / "run")
    taken = open_data(apply_overrides(recipe, ["--split.like", str(finished.folder)]), both).splits
    assert _places(taken) == {study.id: study.split for study in cohort}


def test_weights_without_a_list_are_told(start, finished, cohort, tmp_path):
    for name in ("model.safetensors", "manifest.json"):
        shutil.copyfile(finished.folder / name, tmp_path / name)
    (line,) = _said(start("--start.weights", str(tmp_path)), _split(cohort, start()))
    assert "no list of its patients" in line
    with pytest.raises(CheckpointError, match=r"MISSING_FILE: split\.like: .* has no cases\.csv"):
        _split(cohort, start("--split.like", str(tmp_path)))
    with pytest.raises(CheckpointError, match=r"MISSING_FILE: split\.like: there is no folder nowhere"):
        _split(cohort, start("--split.like", "nowhere"))


def test_splits_are_taken_over_and_others_are_drawn(start, finished, cohort, make_study):
    recipe = start("--split.by", "patient", "--split.seed", "3", "--split.like", str(finished.folder))
    renamed = [replace(study, id=f"case-{study.id}", split=None) for study in cohort]
    more = [make_study(200 + number, None) for number in range(16)]
    places = _places(_split([*more, *renamed], recipe))
    assert {study.id: places[f"case-{study.id}"] for study in cohort} == {study.id: study.split for study in cohort}
    assert sorted(places[study.id] for study in more) == ["test"] * 2 + ["train"] * 12 + ["validation"] * 2
    assert _places(_split(renamed, recipe)) == {f"case-{study.id}": study.split for study in cohort}
    assert _places(_split([*renamed, more[0]], recipe))[more[0].id] == "train"  # an eighth of one is none


def test_the_other_runs_split_goes_before_the_layouts(start, finished, cohort, make_study):
    recipe = start("--split.like", str(finished.folder))
    swapped = [replace(study, split="train" if study.split == "test" else "test") for study in cohort]
    stranger = make_study(300, "validation")
    places = _places(_split([*swapped, stranger], recipe))
    assert places == {study.id: study.split for study in [*cohort, stranger]}


def test_all_studies_of_a_patient_go_together(start, finished, cohort, make_study):
    again = [replace(make_study(400 + number, None), patient=study.patient_id) for number, study in enumerate(cohort)]
    recipe = start("--split.by", "patient", "--split.like", str(finished.folder))
    places = _places(_split([*cohort, *again], recipe))
    assert [places[study.id] for study in again] == [study.split for study in cohort]


@pytest.mark.parametrize("by", ["fold", "kfold"])
def test_two_divisions_are_one_too_many(tiny, by):
    with pytest.raises(ConfigError, match=r"CONFLICT: split\.like"):
        apply_overrides(tiny, ["--split.by", by, "--split.like", "RUN"])


def test_where_the_other_run_lies_does_not_count(tiny):
    there, elsewhere = (apply_overrides(tiny, ["--split.like", place]) for place in ("there", "elsewhere"))
    assert fingerprint(there) == fingerprint(elsewhere)
    assert fingerprint(there) != fingerprint(tiny)


def test_a_chain_of_runs_knows_all_of_its_patients(start, finished, cohort, make_study, tmp_path):
    """A second run on other people, and a third on those of the first: it builds upon both."""
    others = [replace(make_study(500 + number, study.split), id=f"b-{number}") for number, study in enumerate(cohort)]
    second = train(start(), others, tmp_path / "second")
    assert read_earlier(second.folder) == replace(
        read_cases(finished.folder), rows=tuple(sorted(read_cases(finished.folder).rows))
    )
    assert not (finished.folder / EARLIER_NAME).exists()
    bare = [replace(study, split=None) for study in (*cohort, *others)]
    known = read_division(str(second.folder), bare)
    assert known == {study.patient_id: study.split for study in (*cohort, *others)}
    third = apply_overrides(start(), ["--start.weights", str(second.folder)])
    with pytest.raises(DatasetError, match="LEAKAGE"):
        train(third, [replace(study, split=_turned(study.split)) for study in cohort], tmp_path / "third")


def _turned(split):
    return {"train": "test", "test": "train"}.get(split, split)


def test_evaluation_keeps_whom_an_earlier_run_learned_from_apart(start, cohort, make_study, tmp_path):
    others = [replace(make_study(500 + number, study.split), id=f"b-{number}") for number, study in enumerate(cohort)]
    second = train(start(), others, tmp_path / "second")
    bare = [replace(study, split=None) for study in cohort]
    alone = divide(second.folder, [*bare, make_study(600, None)])
    assert [study.split for study in alone.studies] == [*(study.split for study in cohort), "test"]
    assert alone.told == "none of 19 cases is the run's own; 18 more of runs that it builds upon go with those"
    beside = divide(second.folder, [*bare, *(replace(study, split=None) for study in others)])
    assert [study.split for study in beside.studies] == [study.split for study in (*cohort, *others)]
    assert beside.told == (
        "18 of 36 cases are the run's own and keep its split; 18 more of runs that it builds upon go with those"
    )
    assert beside.doubt == ""


@pytest.mark.parametrize("like", [False, True])
def test_a_run_goes_on_where_those_before_it_are_gone(like, start, finished, cohort, tmp_path):
    first = tmp_path / "first"
    shutil.copytree(finished.folder, first)
    words = ["--split.by", "patient", "--split.seed", "3", "--split.like", str(first)] if like else []
    run = train(start("--start.weights", str(first), *words), cohort, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.folder.glob("*.csv")}
    shutil.rmtree(first)
    assert train(run.recipe, cohort, run.folder).manifest == run.manifest
    for name in ("manifest.json", "model.safetensors"):
        (run.folder / name).unlink()
    assert train(run.recipe, cohort, run.folder).manifest == run.manifest
    assert {path.name: path.read_bytes() for path in run.folder.glob("*.csv")} == before
    assert {CASES_NAME, EARLIER_NAME} <= set(before)
    assert (TAKEN_NAME in before) == like


def test_whoever_goes_on_is_checked_again(start, finished, cohort, tmp_path):
    """Nothing but the lists is there of a training that was killed in its first epoch."""
    words = ["--split.by", "patient", "--split.seed", "3"]
    run = train(start(*words, "--split.like", str(finished.folder)), cohort, tmp_path / "run")
    for path in run.folder.iterdir():
        if path.is_file() and path.name not in (CASES_NAME, EARLIER_NAME, TAKEN_NAME, "recipe.yaml"):
            path.unlink()
    with pytest.raises(ConfigError, match="another recipe"):  # splits of its own are another training
        train(start(*words), cohort, run.folder)
    (run.folder / "recipe.yaml").unlink()
    (run.folder / ".lock").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="holds no run"):
        train(start(*words), cohort, run.folder)


def test_a_begun_run_knows_those_before_it_without_them(start, finished, cohort, tmp_path):
    """The table of patients was changed between two calls, and the run before is gone."""
    first = tmp_path / "first"
    shutil.copytree(finished.folder, first)
    recipe = start("--start.weights", str(first))
    run = train(recipe, cohort, tmp_path / "run")
    shutil.rmtree(first)
    for name in ("manifest.json", "model.safetensors", "last.ckpt"):
        (run.folder / name).unlink()
    with pytest.raises(DatasetError, match="LEAKAGE: run: 10 patients"):
        train(run.recipe, [replace(study, split=_turned(study.split)) for study in cohort], run.folder)


def test_weights_that_were_trained_anew_since_are_not_those_of_the_recipe(start, finished, cohort, tmp_path):
    recipe = pin_start(resolve(start()))
    moved = {"test": [study for study in cohort if study.split == "train"]}
    with pytest.raises(DatasetError, match="LEAKAGE"):
        _said(recipe, moved)
    other = recipe.start.model_copy(update={"sha256": "f" * 64})
    assert _said(recipe.model_copy(update={"start": other}), moved) == []


def test_slices_leak_by_name_and_are_not_refused(start, cohort):
    recipe = start()
    slices = recipe.model_copy(update={"split": recipe.split.model_copy(update={"by": "slice"})})
    moved = {"test": [study for study in cohort if study.split == "train"]}
    assert _said(slices, moved) == []
    with pytest.raises(DatasetError, match="LEAKAGE"):
        _said(recipe, moved)


def test_a_run_whose_own_runs_are_unknown_is_told(start, finished, cohort, make_study, tmp_path):
    others = [replace(make_study(500 + number, study.split), id=f"b-{number}") for number, study in enumerate(cohort)]
    second = train(start(), others, tmp_path / "second")
    recipe = start("--start.weights", str(second.folder))
    assert _said(recipe, {"test": cohort[-2:]}) == []
    (second.folder / EARLIER_NAME).unlink()
    (line,) = _said(recipe, {"test": cohort[-2:]})
    assert "no list of the patients of the runs before it" in line
    assert train(start(), others, second.folder).manifest == second.manifest  # once more adds it
    assert (second.folder / EARLIER_NAME).exists() is False  # the list of its own cases was there


def test_a_run_of_an_earlier_version_gets_its_lists(start, cohort, make_study, tmp_path):
    others = [replace(make_study(500 + number, study.split), id=f"b-{number}") for number, study in enumerate(cohort)]
    second = train(start(), others, tmp_path / "second")
    lists = [(second.folder / name).read_bytes() for name in (CASES_NAME, EARLIER_NAME)]
    for name in (CASES_NAME, EARLIER_NAME):
        (second.folder / name).unlink()
    train(start(), others, second.folder)
    assert [(second.folder / name).read_bytes() for name in (CASES_NAME, EARLIER_NAME)] == lists


def test_of_several_splits_the_first_counts():
    rows = (("0001", "anna", "train", "X"), ("0001", "anna", "test", "X"))
    for each in (rows, rows[::-1]):
        assert KeptCases(each).find("0001", ["X"]) == "train"
        assert KeptCases(each).find("renamed", ["X"]) == "train"


def test_the_newest_run_that_learned_from_somebody_counts(start, finished, cohort, tmp_path):
    """A third run takes over the splits of the second, and not those of the first, which are older."""
    moved = [replace(study, split="train" if study.split == "test" else study.split) for study in cohort[:-1]]
    second = train(start(), [*moved, cohort[-1]], tmp_path / "second")
    again = [replace(study, split=None) for study in cohort]
    places = read_division(str(second.folder), again)
    assert places == {study.patient_id: study.split for study in [*moved, cohort[-1]]}


def test_figures_of_whom_an_earlier_run_learned_from_are_doubted(start, finished, cohort, tmp_path):
    second = train(start(), cohort, tmp_path / "second")
    assert divide(second.folder, cohort).doubt == ""
    text = (second.folder / EARLIER_NAME).read_text()
    (second.folder / EARLIER_NAME).write_text(text.replace(",test,", ",train,", 2))
    assert divide(second.folder, cohort).doubt.startswith("2 cases that the run holds out were learned from")


def test_two_runs_that_contradict_each_other_are_told_apart(start, finished, cohort, tmp_path):
    second = train(
        start("--start.weights", "null", "--split.by", "patient", "--split.seed", "3"), cohort, tmp_path / "2"
    )
    recipe = start("--split.like", str(finished.folder), "--mask.weights", str(second.folder))
    with pytest.raises(
        DatasetError, match=rf"LEAKAGE: mask\.weights: .*; train {second.folder} again with --split\.like"
    ):
        _said(recipe, _split(cohort, recipe))


def test_a_run_of_nobody_here_is_refused(start, finished, make_study):
    strangers = [make_study(800 + number, None) for number in range(16)]
    with pytest.raises(DatasetError, match=r"BAD_SPLIT: split\.like: none of 16 studies"):
        _split(strangers, start("--split.like", str(finished.folder)))


def test_a_split_without_the_target_names_the_run(start, finished, cohort):
    bare = [replace(study, labels={}) if study.split == "test" else study for study in cohort]
    with pytest.raises(
        DatasetError, match=r"BAD_SPLIT: the test split .*nobody whom .*finished has there has the target"
    ):
        _split(bare, start("--split.like", str(finished.folder)))


def test_without_a_label_nobody_is_learned_from_whom_the_other_run_holds_out(finished, cohort, make_study):
    recipe = make_recipe(
        {
            "task": "classification",
            "target": "thick",
            "loss": {"name": "bce"},
            "monitor": "loss",
            "model": {"name": "gan", "options": {"widths": [4, 6]}},
            "clip": {"length": 1, "height": 24, "width": 24},
            "augmentation": {"pad": 1},
            "split": {"by": "patient", "like": str(finished.folder)},
            "semi": {"method": "gan"},
        }
    )
    labelled = [replace(make_study(700 + number, None), labels={"thick": float(number % 2)}) for number in range(16)]
    data = open_data(recipe, [*labelled, *(replace(study, split=None, labels={}) for study in cohort)])
    bare = {study.id for study in data.unlabelled} - {study.id for study in labelled}
    assert bare == {study.id for study in cohort if study.split == "train"}
