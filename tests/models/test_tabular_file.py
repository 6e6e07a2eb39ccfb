from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from cinecor.errors import CheckpointError
from cinecor.models.tabular import Linear, TabularClassifier
from cinecor.models.tabular_file import CLASSIFIER_NAME, SavedClassifier, load_classifier, save_classifier


@pytest.fixture
def saved() -> SavedClassifier:
    part = Linear(centre=[1 / 3], scale=[0.1], weight=[[0.7], [-0.7]], offset=[0.0, 1e-9])
    whole = TabularClassifier(columns=["ef"], groups=["A", "B"], typical=[50.0], parts=[part], temperature=0.7)
    return SavedClassifier(name="test", training_data={"patients": 3}, classifier=whole)


def test_what_is_written_reads_back_to_the_bit(saved, tmp_path) -> None:
    digest = save_classifier(tmp_path / "new", saved)
    found, sha256 = load_classifier(tmp_path / "new")
    assert found == saved
    assert sha256 == digest
    rows = np.linspace(0, 1, 7)[:, None]
    np.testing.assert_array_equal(found.classifier.probabilities(rows), saved.classifier.probabilities(rows))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "CORRUPT"),
        (b"[1]", "CORRUPT"),
        (pickle.dumps({"format": 1}), "CORRUPT"),
        (b'{"format": 2}', "TOO_NEW"),
        (b'{"format": 1, "name": "x", "classifier": {}}', "CORRUPT"),
        (b'{"format": NaN}', "NONFINITE"),
    ],
)
def test_what_cannot_be_trusted_is_refused(content, code, tmp_path) -> None:
    (tmp_path / CLASSIFIER_NAME).write_bytes(content)
    with pytest.raises(CheckpointError, match=code):
        load_classifier(tmp_path)


def test_a_pickle_is_named_and_never_loaded(tmp_path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointError, match="UNSAFE"):
        load_classifier(tmp_path)
    with pytest.raises(CheckpointError, match="MISSING_FILE: nowhere: there is no such folder"):
        load_classifier(tmp_path / "nowhere")
    (tmp_path / "model.joblib").unlink()
    with pytest.raises(CheckpointError, match=f"MISSING_FILE: .* no {CLASSIFIER_NAME}"):
        load_classifier(tmp_path)


def test_a_number_that_is_not_finite_is_not_written(saved, tmp_path) -> None:
    with pytest.raises(CheckpointError, match="NONFINITE"):
        save_classifier(tmp_path, saved.model_copy(update={"metrics": {"accuracy": float("nan")}}))
    values = json.loads(json.dumps(saved.model_dump()))
    values["classifier"]["temperature"] = -1
    (tmp_path / CLASSIFIER_NAME).write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="temperature"):
        load_classifier(tmp_path)
