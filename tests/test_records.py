"""The nouns hold what they promise."""

from __future__ import annotations

import dataclasses
import math
import pickle
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.records import Batch, Caliper, Cine, ClipSpec, Measurement, NotDone, Provenance, Report, Study


def test_frame_interval_is_the_mean_of_uneven_times() -> None:
    frames = np.zeros((4, 1, 2, 2), np.uint8)
    cine = Cine(source=frames, modality="US", times_ms=(0.0, 10.0, 30.0, 60.0))
    assert cine.frame_ms == pytest.approx(20.0)
    assert Cine(source=frames, modality="US").frame_ms is None
    assert Cine(source=frames[:1], modality="US", times_ms=(0.0,)).frame_ms is None


def test_a_caliper_is_as_long_as_its_ends_are_apart() -> None:
    assert Caliper(frame=2, start=(1.0, 2.0), end=(4.0, 6.0)).length == 5.0


def test_a_study_stands_for_its_patient_where_none_is_known() -> None:
    assert Study(id="a", cines=()).patient_id == "a"
    assert Study(id="a", cines=(), patient="p").patient_id == "p"


def test_nouns_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClipSpec().length = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 0},
        {"period": 0},
        {"height": 0},
        {"step_ms": 0.0},
        {"step_ms": math.inf},
        {"std": (0.0,)},
        {"mean": (1.0, 2.0)},
        {"mean": (math.nan,)},
    ],
)
def test_a_clip_specification_refuses_nonsense(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        ClipSpec(**wrong)  # type: ignore[arg-type]
    assert caught.value.code == "OUT_OF_RANGE"
    assert caught.value.where == next(iter(wrong))


def test_a_clip_specification_survives_json() -> None:
    import json

    spec = ClipSpec(length=36, period=4, channels=3, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0), padding="after")
    assert ClipSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
    assert spec.span == 141
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        ClipSpec.from_dict({"lenght": 3})


def test_a_measurement_is_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        Measurement(name="ef", value=math.nan, unit="%")
    with pytest.raises(ValueError, match="finite"):
        Measurement(name="ef", value=50.0, unit="%", low=-math.inf)


def test_a_report_finds_its_measurement() -> None:
    ef = Measurement(name="ef", value=55.0, unit="%")
    report = Report(
        study="s",
        modality="US",
        cines=(),
        measurements=(ef,),
        not_done=(NotDone(what="volumes", reason="no masks"),),
        warnings=(),
        provenance=Provenance(version="0", model="m", weights_sha256="0", trained_on="nothing"),
    )
    assert report.measurement("ef") is ef
    assert report.measurement("edv_ml") is None


def test_a_batch_moves_whole() -> None:
    batch = Batch(
        inputs={"rgb": torch.zeros(2, 1, 4, 8, 8)},
        targets={"ef": torch.zeros(2)},
        studies=("a", "b"),
        cines=(0, 0),
        starts=(0, 3),
    )
    moved = batch.to("meta")
    assert moved.inputs["rgb"].device.type == "meta"
    assert moved.targets["ef"].device.type == "meta"
    assert moved.studies == batch.studies


def test_shapes_are_checked_in_tests() -> None:
    with pytest.raises(Exception, match="inputs"):
        Batch(inputs={"rgb": torch.zeros(2, 4, 8, 8)}, targets={}, studies=(), cines=(), starts=())


def test_naming_things_needs_no_torch() -> None:
    code = "import sys, cinecor.records, cinecor.errors, cinecor.storage; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_study_goes_to_another_process_and_back() -> None:
    cine = Cine(source=Path("loop.avi"), modality="US", masks=MappingProxyType({3: Path("mask.nii")}))
    there = pickle.loads(pickle.dumps(Study(id="a", cines=(cine,), labels=MappingProxyType({"ef": 55.0}))))
    assert (there.id, there.labels, there.cines[0].source) == ("a", {"ef": 55.0}, Path("loop.avi"))
    assert (there.cines[0].contours, there.cines[0].masks) == ({}, {3: Path("mask.nii")})
    with pytest.raises(TypeError):
        there.labels["ef"] = 1.0
