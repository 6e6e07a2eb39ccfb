"""The cache against direct preparation, and through all that can happen to it: change, damage, rivals, death."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips.loops import SPEC, make_coloured, make_frames, make_study, write_study

from cinecor import io
from cinecor.clips import Cache, building, cache, cache_index, preparing
from cinecor.clips.preparation import prepare
from cinecor.errors import DatasetError, InputError, ResourceError, StorageError
from cinecor.io import video
from cinecor.records import ClipSpec, Study

Prepared = list[str]
PACKAGE = Path(cache_index.__file__).parents[1]


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """Which sources were decoded and prepared in this process, as they are."""
    names: Prepared = []

    def watched(cine: Any, spec: ClipSpec, mask: Any = None) -> preparing.Outcome:
        names.append(preparing.name_source(cine))
        return original(cine, spec)

    original = preparing.prepare_one
    monkeypatch.setattr(preparing, "prepare_one", watched)
    return names


def build(studies: list[Study], folder: Path, **options: Any) -> Cache:
    return Cache.build(studies, SPEC, folder, **{"workers": 1, "progress": False, **options})


def check(built: Cache, studies: list[Study], spec: ClipSpec = SPEC) -> None:
    """The cache holds what direct decoding and preparation give."""
    for study in studies:
        for number, cine in enumerate(study.cines):
            direct = prepare(io.load(cine), cine, spec)
            assert np.array_equal(built.frames(study.id, number), direct)
            assert built.count_frames(study.id, number) == len(direct)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_cache_is_direct_decoding_and_preparation(tmp_path: Path, channels: Any) -> None:
    spec = replace(SPEC, channels=channels, height=12, width=10)
    studies = [write_study(tmp_path, index) for index in range(3)] + [make_study(7, cines=2)]
    built = Cache.build(studies, spec, tmp_path / "cache", workers=1, progress=False)
    check(built, studies, spec)
    assert len(built) == 5
    assert ("s7", 1) in built
    assert ("s7", 2) not in built


def test_equal_channels_are_on_disk_once(tmp_path: Path) -> None:
    spec, studies = replace(SPEC, channels=3), [make_study(2), make_coloured(3)]
    built = Cache.build(studies, spec, tmp_path, workers=1, progress=False)
    check(built, studies, spec)
    assert [built.count_channels(study.id) for study in studies] == [1, 3]
    (file,) = tmp_path.glob("*/*.u8")
    assert file.stat().st_size == (built.count_frames("s2") + 3 * built.count_frames("c3")) * 16 * 20


def test_frames_are_a_read_only_view_of_the_file(tmp_path: Path) -> None:
    frames = build([make_study(0)], tmp_path).frames("s0")
    assert not frames.flags.owndata
    assert not frames.flags.writeable


def test_processes_build_what_one_builds(tmp_path: Path) -> None:
    studies = [write_study(tmp_path, index) for index in range(6)] + [make_study(9)]
    check(build(studies, tmp_path / "many", workers=2), studies)
    check(build(studies, tmp_path / "one"), studies)
    files = [next((tmp_path / name).rglob("frames-*.u8")).read_bytes() for name in ("many", "one")]
    assert files[0] == files[1], "the order in the file is that of the studies"


def test_a_second_build_decodes_nothing_and_locks_nothing(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = [make_study(index) for index in range(3)]
    build(studies, tmp_path)
    assert len(prepared) == 3
    monkeypatch.setattr(cache, "FileLock", None)
    check(build(studies, tmp_path), studies)
    assert len(prepared) == 3


def test_a_changed_source_is_prepared_again_and_the_others_are_not(tmp_path: Path, prepared: Prepared) -> None:
    studies = [write_study(tmp_path, index) for index in range(3)]
    before = build(studies, tmp_path / "cache")
    old = before.frames("v1").copy()
    video.write(tmp_path / "v1.avi", 255 - make_frames(1, height=32, width=32), 20.0)
    check(build(studies, tmp_path / "cache"), studies)
    assert prepared == ["v0.avi", "v1.avi", "v2.avi", "v1.avi"]
    assert np.array_equal(before.frames("v1"), old), "who has the former cache open keeps what it had"


def test_changed_frames_in_memory_are_prepared_again(tmp_path: Path, prepared: Prepared) -> None:
    study = make_study(0)
    build([study], tmp_path)
    frames = make_frames(0).copy()
    frames[3, 0, 5, 5] ^= 1
    other = replace(study, cines=(replace(study.cines[0], source=frames),))
    check(build([other], tmp_path), [other])
    assert len(prepared) == 2


@pytest.mark.parametrize(
    "change", [{"region": (0, 0, 9, 9)}, {"slice_index": 1}, {"modality": "MR"}, {"spacing_mm": (1.0, 2.0)}]
)
def test_a_changed_header_is_prepared_again(tmp_path: Path, prepared: Prepared, change: dict[str, Any]) -> None:
    study = make_study(0)
    build([study], tmp_path)
    build([replace(study, cines=(replace(study.cines[0], **change),))], tmp_path)
    assert len(prepared) == 2


def test_a_file_that_was_only_touched_is_prepared_again(tmp_path: Path, prepared: Prepared) -> None:
    study = write_study(tmp_path, 0)
    build([study], tmp_path / "cache")
    os.utime(tmp_path / "v0.avi", ns=(1, 1))
    build([study], tmp_path / "cache")
    assert len(prepared) == 2


@pytest.mark.parametrize(
    ("name", "other"),
    [("FORMAT", cache_index.FORMAT + 1), ("digest_code", lambda: "of another version")],
    ids=["layout", "pixels"],
)
def test_what_another_version_of_the_code_made_is_made_anew_and_the_old_frames_go(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    studies = [make_study(index) for index in range(2)]
    build(studies, tmp_path)
    monkeypatch.setattr(cache_index, name, other)
    check(build(studies, tmp_path), studies)
    assert len(prepared) == 4
    assert len(list(tmp_path.rglob("frames-*.u8"))) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda index, frames: index.write_text("{"),
        lambda index, frames: index.write_text("[]"),
        lambda index, frames: index.write_text(json.dumps({"format": cache_index.FORMAT})),
        lambda index, frames: index.unlink(),
        lambda index, frames: frames.write_bytes(frames.read_bytes()[:-1]),
        lambda index, frames: frames.unlink(),
    ],
    ids=["no JSON", "no table", "no entries", "no index", "frames cut", "no frames"],
)
def test_a_damaged_cache_is_built_again(
    tmp_path: Path, prepared: Prepared, damage: Callable[[Path, Path], None]
) -> None:
    studies = [make_study(index) for index in range(2)]
    build(studies, tmp_path)
    damage(next(tmp_path.rglob("index.json")), next(tmp_path.rglob("frames-*.u8")))
    check(build(studies, tmp_path), studies)
    assert len(prepared) > 2


def test_the_code_that_makes_pixels_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = {path.name for pattern in cache_index.MAKERS for path in PACKAGE.glob(pattern)}
    assert watched > {"preparation.py", "sector.py", "video.py", "dicom.py", "nifti.py", "loading.py"}
    digest = cache_index.digest_code.__wrapped__
    before = digest()
    assert before == digest()
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"changed" if path.name == "sector.py" else b"")
    one = digest()
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"changed again" if path.name == "sector.py" else b"")
    assert len({before, one, digest()}) == 3


def test_specifications_and_subsets_live_side_by_side(tmp_path: Path, prepared: Prepared) -> None:
    studies = [make_study(index) for index in range(4)]
    small = replace(SPEC, height=8)
    build(studies[:2], tmp_path)
    Cache.build(studies[:2], small, tmp_path, workers=1, progress=False)
    build(studies[2:], tmp_path)
    assert len(prepared) == 6
    check(build(studies, tmp_path), studies)
    check(Cache.build(studies[:2], small, tmp_path, workers=1, progress=False), studies[:2], small)
    nearest = replace(small, resize="nearest")
    check(Cache.build(studies[:2], nearest, tmp_path, workers=1, progress=False), studies[:2], nearest)
    assert len(prepared) == 8
    Cache.build(studies, replace(SPEC, length=3, mean=(9.0,)), tmp_path, workers=1, progress=False)
    assert len(prepared) == 8, "length and normalisation are not part of the cached pixels"


def test_bad_videos_are_named_together_and_the_good_ones_are_kept(tmp_path: Path, prepared: Prepared) -> None:
    studies = [write_study(tmp_path, index) for index in range(5)]
    cut = (tmp_path / "v1.avi").read_bytes()
    (tmp_path / "v1.avi").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "v3.avi").write_bytes(b"nothing of a video")
    (tmp_path / "v4.avi").unlink()
    with pytest.raises(InputError) as caught:
        build(studies, tmp_path / "cache")
    message = str(caught.value)
    assert message.startswith("CORRUPT: 3 of 5 loops cannot be read: ")
    assert all(f"{name}.avi (" in message for name in ("v1", "v3", "v4"))
    assert "v0" not in message
    prepared.clear()
    good = [studies[0], studies[2]]
    check(build(good, tmp_path / "cache"), good)
    assert prepared == []


def test_one_bad_video_is_its_own_error(tmp_path: Path) -> None:
    studies = [write_study(tmp_path, index) for index in range(2)]
    (tmp_path / "v1.avi").unlink()
    with pytest.raises(DatasetError, match=r"MISSING_FILE: v1\.avi"):
        build(studies, tmp_path / "cache")


def test_bad_frames_in_memory_are_named_by_their_study(tmp_path: Path) -> None:
    study = make_study(3)
    empty = replace(study, cines=(replace(study.cines[0], source=np.zeros((0, 1, 4, 4), np.uint8)),))
    with pytest.raises(InputError) as caught:
        build([empty], tmp_path)
    assert caught.value.where == "s3"


def test_bad_videos_may_be_left_out_by_wish(tmp_path: Path) -> None:
    studies = [write_study(tmp_path, index) for index in range(3)]
    (tmp_path / "v1.avi").write_bytes(b"nothing of a video")
    built = build(studies, tmp_path / "cache", skip_damaged=True)
    assert list(built.failures) == [("v1", 0)]
    check(built, [studies[0], studies[2]])
    with pytest.raises(DatasetError, match="MISSING_FILE: v1"):
        built.frames("v1")


class Bomb(str):
    """Ends the process that unpickles it, as a decoder that crashes would."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_a_decoder_that_dies_takes_only_its_own_loop_with_it(tmp_path: Path) -> None:
    studies = [write_study(tmp_path, index) for index in range(4)]
    deadly = replace(studies[1], cines=(replace(studies[1].cines[0], notes=(Bomb(),)),))
    built = build([studies[0], deadly, *studies[2:]], tmp_path / "cache", workers=2, skip_damaged=True)
    assert {key: error.code for key, error in built.failures.items()} == {("v1", 0): "CORRUPT"}
    check(built, [studies[0], *studies[2:]])


def test_workers_that_cannot_live_are_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_start_worker", partial(os._exit, 3))
    with pytest.raises(ResourceError, match="workers=1"):
        build([make_study(index) for index in range(3)], tmp_path, workers=2)


def test_two_studies_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="DUPLICATE_ID: s1"):
        build([make_study(1), make_study(1)], tmp_path)


def test_a_full_disk_is_loud_and_leaves_what_was_written(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = [make_study(index) for index in range(4)]
    written = 0

    class Full:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, content: Any) -> int:
            nonlocal written
            written += 1
            if written == 3:
                self.stream.write(content[:1])
                raise OSError(errno.ENOSPC, "full")
            return int(self.stream.write(content))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

    original = building.Builder._write
    with monkeypatch.context() as patch:
        patch.setattr(building.Builder, "_write", lambda self, stream, outcomes: original(self, Full(stream), outcomes))
        with pytest.raises(StorageError, match="NO_SPACE"):
            build(studies, tmp_path)
    prepared.clear()
    check(build(studies, tmp_path), studies)
    assert len(prepared) == 2, "two of four were whole"


def test_a_disk_that_is_too_small_is_refused_before_anything_is_decoded(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = building.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(building.shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(StorageError, match="NO_SPACE"):
        build([make_study(0)], tmp_path)
    assert prepared == []


def test_a_file_in_the_folders_place_is_loud(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(StorageError, match="PERMISSION"):
        build([make_study(0)], tmp_path / "cache")


def _build_beside(folder: Path, log: Path, barrier: Any) -> None:
    original = preparing.prepare_one

    def logged(cine: Any, spec: ClipSpec, mask: Any = None) -> preparing.Outcome:
        with log.open("a") as stream:
            stream.write("1\n")
        return original(cine, spec)

    preparing.prepare_one = logged
    studies = [make_study(index) for index in range(20)]
    barrier.wait()
    check(build(studies, folder), studies)


def test_two_processes_at_once_build_one_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, log = context.Barrier(2), tmp_path / "log"
    rivals = [context.Process(target=_build_beside, args=(tmp_path / "cache", log, barrier)) for _ in range(2)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert [rival.exitcode for rival in rivals] == [0, 0]
    assert log.read_text().count("1") == 20, "each loop was prepared once"


def test_who_waits_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    calls: list[float | None] = []

    class Held:
        def __init__(self, path: Path) -> None:
            self.path = path

        def acquire(self, timeout: float | None = None) -> None:
            calls.append(timeout)
            if timeout == 0:
                raise cache.Timeout(str(self.path))

        def release(self) -> None:
            calls.append(-1)

    monkeypatch.setattr(cache, "FileLock", Held)
    build([make_study(0)], tmp_path, progress=True)
    assert calls == [0, None, -1]
    assert "waiting" in capsys.readouterr().err


def test_a_killed_build_leaves_what_it_had_and_the_next_goes_on(tmp_path: Path, prepared: Prepared) -> None:
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from cinecor.clips import building, preparing
        from tests.clips import loops, test_cache

        building.CHECKPOINT_SECONDS = 0.0
        original, done = preparing.prepare_one, []

        def deadly(cine, spec, mask=None):
            if len(done) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(1)
            return original(cine, spec)

        preparing.prepare_one = deadly
        test_cache.build([loops.make_study(index) for index in range(5)], Path({str(tmp_path)!r}))
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert run.returncode == -signal.SIGKILL
    studies = [make_study(index) for index in range(5)]
    check(build(studies, tmp_path), studies)
    assert len(prepared) == 2, "three of five were on disk"


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = f"""
        import multiprocessing, os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from cinecor.clips import preparing
        from tests.clips import loops

        if __name__ == "__main__":
            cines = [loops.make_study(index).cines[0] for index in range(40)]
            outcomes = preparing.prepare_many(cines, loops.SPEC, 2)
            next(outcomes)
            print(*(child.pid for child in multiprocessing.active_children()), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    # The workers hold the pipe too: reading it to its end is waiting for the last of them to end.
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        workers = run.stdout.read().split()
    assert run.returncode == -signal.SIGKILL
    assert len(workers) == 2


def test_a_cache_goes_to_another_process(tmp_path: Path) -> None:
    studies = [make_study(0)]
    built = build(studies, tmp_path)
    built.frames("s0")
    copy = pickle.loads(pickle.dumps(built))
    check(copy, studies)
    assert len(pickle.dumps(built)) < 4000, "no frames travel"


def test_a_cache_that_another_process_replaces_stays_where_it_is_open_and_says_so_where_it_is_not(
    tmp_path: Path,
) -> None:
    study = make_study(0)
    old = build([study], tmp_path)
    build([make_study(0, frames=5)], tmp_path)
    check(old, [study])
    with pytest.raises(DatasetError, match="rebuilt"):
        pickle.loads(pickle.dumps(old)).frames("s0")


@pytest.mark.realdata
def test_real_loops_are_cached_as_they_are_decoded(tmp_path: Path, shared_data: Path) -> None:
    files = [*shared_data.glob("echo_dicom/pydicom*.dcm"), *shared_data.glob("acdc/training/*/*_4d.nii.gz")]
    studies, failures = io.discover(files)
    assert not failures
    built = build(studies, tmp_path)
    check(built, studies)
    assert len(built) > 10
