from __future__ import annotations

import pytest

from cinecor.errors import InputError
from cinecor.inference.diagnosis import Diagnoser, load_diagnoser
from cinecor.models.tabular import Linear, TabularClassifier
from cinecor.models.tabular_file import SavedClassifier, save_classifier

COLUMNS = ["ef", "edv_ml_index", "rvef", "body_surface_m2"]


@pytest.fixture
def saved() -> SavedClassifier:
    part = Linear(
        centre=[50.0, 80.0, 50.0, 1.8],
        scale=[10.0, 20.0, 10.0, 1.0],
        weight=[[-1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]],
        offset=[0.0, 0.0, 0.0],
    )
    whole = TabularClassifier(
        columns=COLUMNS, groups=["DCM", "NOR", "RV"], typical=[55.0, 75.0, 52.0, 1.8], parts=[part]
    )
    return SavedClassifier(name="test", training_data={"synthetic": True}, classifier=whole)


def test_a_folder_diagnoses(saved, tmp_path) -> None:
    digest = save_classifier(tmp_path, saved)
    diagnoser = load_diagnoser(tmp_path)
    assert (diagnoser.groups, diagnoser.name, diagnoser.sha256) == (("DCM", "NOR", "RV"), "test", digest)
    assert diagnoser.synthetic
    found = diagnoser.probabilities({"ef": 20.0, "edv_ml_index": 150.0, "rvef": 50.0, "body_surface_m2": 2.0})
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.__getitem__) == "DCM"


def test_without_the_bodys_size_volumes_are_divided_by_the_typical_one(saved) -> None:
    diagnoser = Diagnoser(saved)
    bare = {"ef": 40.0, "edv_ml": 180.0, "rvef": 50.0}
    whole = {**bare, "edv_ml_index": 100.0, "body_surface_m2": 1.8}
    assert diagnoser.probabilities(bare) == pytest.approx(diagnoser.probabilities(whole))
    assert diagnoser.missing(bare) == ("edv_ml_index", "body_surface_m2")
    assert diagnoser.missing(whole) == ()


def test_what_is_typical_stands_in_but_not_for_most(saved) -> None:
    diagnoser = Diagnoser(saved)
    some = {"ef": 40.0, "edv_ml_index": 100.0, "body_surface_m2": 1.8}
    assert diagnoser.probabilities(some) == diagnoser.probabilities({**some, "rvef": 52.0})
    with pytest.raises(InputError, match="INCONSISTENT: 3 of the 4"):
        diagnoser.probabilities({"body_surface_m2": 1.8})
