from __future__ import annotations

import numpy as np
import pytest

from cinecor import io
from cinecor.clips.fingerprint import fingerprint
from cinecor.errors import DatasetError, InputError
from cinecor.records import Cine, ClipSpec, Study
from cinecor.training.cases import make_cases

PLAIN, ROI = ClipSpec(length=1), ClipSpec(length=1, crop="roi")


@pytest.fixture
def study() -> Study:
    """Two slices of three frames: the first outlined in frames 0 and 2, the second in frame 0, where it is empty."""
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 1, 12, 12), np.uint8)
    heart = np.zeros((2, 12, 12), np.uint8)
    heart[0, 2:5, 3:6], heart[1, 4:8, 4:10] = 1, 2
    masks = ({0: heart[0], 2: heart[1]}, {0: np.zeros((12, 12), np.uint8)})
    cines = tuple(
        Cine(source=each, modality="MR", view="SAX", frames=3, height=12, width=12, masks=known)
        for each, known in zip(frames, masks, strict=True)
    )
    return Study(id="p1", cines=cines, labels={"group": "DCM"})


def test_studies_stay_as_they_are(study) -> None:
    assert make_cases([study], "study", PLAIN) == [study]


def test_each_frame_is_a_case_of_its_patient(study) -> None:
    cases = make_cases([study], "frame", PLAIN)
    assert [case.id for case in cases][::3] == ["p1_loop00_frame00", "p1_loop01_frame00"]
    assert {case.patient_id for case in cases} == {"p1"}
    for number, case in enumerate(cases):
        loop, frame = divmod(number, 3)
        assert np.array_equal(io.load(case.cines[0]), study.cines[loop].source[frame : frame + 1])
        assert case.labels == {"group": "DCM", "view": "SAX"}
    assert len({fingerprint(case.cines[0]) for case in cases}) == 6
    assert [case.id for case in make_cases([study], "masked", PLAIN)] == [
        "p1_loop00_frame00",
        "p1_loop00_frame02",
        "p1_loop01_frame00",
    ]
    assert [len(case.cines) for case in make_cases([study], "loop", PLAIN)] == [1, 1]


def test_the_box_is_that_of_the_frames_own_mask_and_else_of_the_loops(study) -> None:
    boxes = {case.id: case.cines[0].region for case in make_cases([study], "frame", ROI)}
    assert boxes == {
        "p1_loop00_frame00": (3, 2, 6, 5),
        "p1_loop00_frame01": (3, 2, 10, 8),
        "p1_loop00_frame02": (4, 4, 10, 8),
    }
    assert [case.cines[0].region for case in make_cases([study], "loop", ROI)] == [(3, 2, 10, 8)]
    assert len(make_cases([study], "study", ROI)[0].cines) == 1
    bare = Study(id="p2", cines=(study.cines[1],))
    with pytest.raises(DatasetError, match=r"BAD_LABEL: clip\.crop: no loop has an expert's masks"):
        make_cases([bare], "loop", ROI)


def test_a_frame_that_is_not_there_is_refused(study) -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match="there is no frame 3 among its 3"):
        io.load(replace(study.cines[0], frame_index=3))
