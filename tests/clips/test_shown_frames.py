"""Clips of which only the shown frames are prepared are those of the whole loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.clips.bright import save_bright

from cinecor import io
from cinecor.clips import Sampling, cut, find_sector, prepare
from cinecor.clips.masking import FOLDER, NetworkMask
from cinecor.clips.sampling import as_tested
from cinecor.clips.shown_frames import cut_shown
from cinecor.errors import InputError
from cinecor.io.dicom_writing import write_ultrasound
from cinecor.phantom import echo_study
from cinecor.records import Cine, ClipSpec

PLAIN = ClipSpec(length=1, height=24, width=24)


@pytest.fixture(scope="module")
def cine() -> Cine:
    return echo_study(1, 0, max_frames=40).cines[0]


@pytest.fixture(scope="module")
def mask(tmp_path_factory: pytest.TempPathFactory) -> NetworkMask:
    folder = tmp_path_factory.mktemp("run") / FOLDER
    save_bright(folder, ClipSpec(length=1, height=32, width=32, crop="sector"))
    return NetworkMask(folder, "fov")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("changes", [{}, {"crop": "sector"}, {"length": 4, "period": 3}, {"length": 6, "time": "loop"}])
@pytest.mark.parametrize("sampling", [Sampling(how="first"), Sampling(how="even", clips=3)])
def test_they_are_those_of_the_loop_prepared_whole(
    cine: Cine, mask: NetworkMask, sampling: Sampling, changes: dict[str, object], masked: bool
) -> None:
    spec = replace(PLAIN, **changes, mask=mask.identity if masked else "")
    drawn = mask if masked else None
    frames = prepare(cine.source, cine, spec, mask=drawn)
    rows = sampling.choose("", len(frames), cine.times_ms, spec, np.random.default_rng(0))
    clips, starts = cut_shown(cine.source, cine, spec, sampling, drawn)
    np.testing.assert_array_equal(clips, np.stack([cut(frames, row, spec) for row in rows]))
    assert starts == tuple(rows[:, 0])


def test_a_short_loop_is_filled_up_as_ever(cine: Cine) -> None:
    short = replace(cine, source=cine.source[:3], frames=3, times_ms=cine.times_ms[:3])
    spec = replace(PLAIN, length=5)
    (clip,), _ = cut_shown(short.source, short, spec, Sampling(how="first"))
    assert clip[:, :3].any()
    assert not clip[:, 3:].any()


def test_no_other_frame_is_prepared(cine: Cine, mask: NetworkMask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    drawn = NetworkMask.__call__

    def count(self, frames, *rest):
        seen.append(len(frames))
        return drawn(self, frames, *rest)

    monkeypatch.setattr(NetworkMask, "__call__", count)
    cut_shown(cine.source, cine, replace(PLAIN, mask=mask.identity), Sampling(how="even", clips=3), mask)
    assert seen == [3]


@pytest.mark.parametrize("changes", [{}, {"crop": "sector"}, {"length": 6, "time": "loop"}])
def test_a_file_gives_the_clips_of_its_frames(
    cine: Cine, changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "loop.dcm"
    write_ultrasound(path, cine.source, frame_ms=cine.frame_ms)
    written, spec, sampling = io.describe(path), replace(PLAIN, **changes), Sampling(how="even", clips=3)
    expected, starts = cut_shown(io.load(written), written, spec, sampling)
    asked: list[int | None] = []
    load = io.load
    monkeypatch.setattr(io, "load", lambda *args, only=None: asked.append(only and len(only)) or load(*args, only=only))
    clips, again = cut_shown(None, written, spec, sampling)
    np.testing.assert_array_equal(clips, expected)
    assert again == starts
    assert asked == [None if changes else 3]  # frames that were decoded


def test_a_sector_that_is_not_there(cine: Cine) -> None:
    black = np.zeros_like(cine.source)
    with pytest.raises(InputError, match="no ultrasound sector"):
        cut_shown(black, cine, replace(PLAIN, crop="sector"), Sampling(how="first"))


def test_the_sector_is_that_of_all_frames(cine: Cine) -> None:
    """Found on one frame it would be found by its brightness, and lie elsewhere."""
    spec = replace(PLAIN, crop="sector", height=48, width=48)
    whole = find_sector(cine.source, cine.region)
    assert find_sector(cine.source[:1], cine.region) != whole
    (clip,), _ = cut_shown(cine.source, cine, spec, Sampling(how="first"))
    np.testing.assert_array_equal(clip, cut(prepare(cine.source[:1], cine, spec, whole), np.array([0]), spec))


@pytest.mark.parametrize(
    ("extra", "how", "clips"),
    [
        ({"from_first": True, "clips_per_loop": 5}, "first", 1),
        ({"every_start": True}, "all", 1),
        ({"clips_per_loop": 5}, "even", 5),
        ({}, "even", 1),
    ],
)
def test_weights_are_asked_as_they_were_tested(extra: dict[str, object], how: str, clips: int) -> None:
    assert (as_tested(extra).how, as_tested(extra).clips) == (how, clips)
