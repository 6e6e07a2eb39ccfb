"""Predictions for evaluation."""

from dataclasses import replace

import pytest

from cinecor.errors import ConfigError, DatasetError
from cinecor.training import predictions_of, score_run, scoring


def test_the_saved_tables_are_given_by_split(finished):
    predictions, truth, manifest = predictions_of(finished.folder, None, "test")
    assert set(predictions["split"]) == set(truth["split"]) == {"test"}
    assert manifest["weights_sha256"] == finished.manifest.weights_sha256
    everything, truth, _ = predictions_of(finished.folder, None, "all")
    assert len(everything) == 3 * 18
    assert len(truth) == 18


def test_new_predictions_equal_the_saved_ones(finished, cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "read_folder", lambda root: ("echonet_dynamic", cohort))
    saved, truth, _ = predictions_of(finished.folder, None, "all")
    new, new_truth, _ = predictions_of(finished.folder, tmp_path, "all", cache=tmp_path)
    assert new.drop(columns="value").equals(saved.drop(columns="value"))
    assert new["value"].to_numpy() == pytest.approx(saved["value"].to_numpy(), abs=1e-3)
    assert new_truth.equals(truth)


@pytest.mark.parametrize("moved", [None, "train"])
def test_the_runs_own_division_counts_not_the_layouts(finished, cohort, tmp_path, monkeypatch, moved):
    others = [replace(study, split=moved) for study in cohort]
    monkeypatch.setattr(scoring, "read_folder", lambda root: ("echonet_dynamic", others))
    saved, truth, _ = predictions_of(finished.folder, None, "test")
    new, new_truth, _ = predictions_of(finished.folder, tmp_path, "test", cache=tmp_path)
    assert new_truth.equals(truth)
    assert set(new["study"]) == set(saved["study"])


def test_it_is_told_which_cases_are_the_runs_own_and_warns_of_names_without_pictures(
    finished, cohort, make_study, tmp_path, monkeypatch
):
    others = [replace(make_study(number + 50, "test"), id=study.id) for number, study in enumerate(cohort[:3])]
    for studies, own, warnings in ((cohort, "18 of 18 cases are", 0), (others, "none of 3 cases is", 1)):
        monkeypatch.setattr(scoring, "read_folder", lambda root, studies=studies: ("echonet_dynamic", studies))
        heard = []
        results, _ = score_run(finished.folder, tmp_path, "test", cache=tmp_path, tell=heard.append)
        assert [each.told.startswith(f"{own} the run's own") for each in heard] == [True]
        assert sum("with other pictures" in text for text in results.warnings[:1]) == warnings


def test_data_without_splits_are_test_as_a_whole(finished, make_study, tmp_path, monkeypatch):
    studies = [make_study(number, None) for number in range(100, 103)]
    monkeypatch.setattr(scoring, "read_folder", lambda root: ("dicom_folder", studies))
    predictions, truth, _ = predictions_of(finished.folder, tmp_path, "validation", cache=tmp_path)
    assert set(predictions["study"]) == {"0100", "0101", "0102"}
    assert set(truth["split"]) == {"test"}


def test_what_cannot_be_scored_is_explained(finished, cohort, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE: split: 'tset' is no split"):
        predictions_of(finished.folder, None, "tset")
    for name in ("model.safetensors", "manifest.json"):
        (tmp_path / name).write_bytes((finished.folder / name).read_bytes())
    with pytest.raises(ConfigError, match=r"CONFLICT: .*no saved predictions; give --data"):
        predictions_of(tmp_path)
    monkeypatch.setattr(scoring, "read_folder", lambda root: ("echonet_dynamic", cohort[:10]))
    with pytest.raises(DatasetError, match="BAD_SPLIT: no study is in test"):
        predictions_of(finished.folder, tmp_path, "test", cache=tmp_path)
