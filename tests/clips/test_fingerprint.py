"""Whether two sources hold the same, and whether one is what it was."""

import os
import shutil

import numpy as np
import pytest

from cinecor.clips.fingerprint import EDGE_BYTES, content, fingerprint
from cinecor.errors import DatasetError
from cinecor.records import Cine


@pytest.mark.parametrize("size", [0, 10, 5 * EDGE_BYTES, 100 * EDGE_BYTES])
def test_a_copy_holds_the_same_whatever_it_is_called_and_whenever_it_was_made(tmp_path, size):
    first, copy = tmp_path / "first.bin", tmp_path / "elsewhere" / "other.bin"
    first.write_bytes(np.random.default_rng(0).bytes(size))
    copy.parent.mkdir()
    shutil.copyfile(first, copy)
    os.utime(copy, (1.0, 1.0))
    assert content(first) == content(copy)
    assert fingerprint(Cine(source=first, modality="US")) != fingerprint(Cine(source=copy, modality="US"))
    assert content((first, copy)) == content((copy, first)) != content(first)
    copy.write_bytes(first.read_bytes() + b"x")
    assert content(first) != content(copy)


def test_files_that_begin_and_end_alike_are_told_apart(tmp_path):
    """Raw volumes of one grid: the same header, the same size, black at both ends."""
    found = set()
    for number in range(5):
        volume = np.zeros((20, 64, 64), np.int16)
        volume[:, 2:-2, 2:-2] = np.random.default_rng(number).integers(1, 900, (20, 60, 60))
        volume[0] = volume[-1] = 0
        path = tmp_path / f"{number}.nii"
        path.write_bytes(bytes(352) + volume.tobytes())
        found.add(content(path))
    assert len(found) == 5


def test_the_order_of_files_counts(tmp_path):
    paths = tmp_path / "a", tmp_path / "b"
    for path in paths:
        path.write_text(path.name)
    assert content(paths) != content(paths[::-1])


def test_frames_in_memory_count_by_all_their_bytes():
    frames = np.random.default_rng(0).integers(0, 255, (3, 1, 8, 8), np.uint8)
    other = frames.copy()
    assert content(frames) == content(other) == content(np.asfortranarray(frames))
    other[1, 0, 4, 4] ^= 1
    assert content(frames) != content(other)
    assert content(frames) != content(frames.reshape(1, 3, 8, 8))


def test_a_file_that_is_gone_is_said(tmp_path):
    with pytest.raises(DatasetError, match="MISSING_FILE: gone"):
        content(tmp_path / "gone")
