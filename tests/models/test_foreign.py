"""Files of others: what is read, and what is refused without being run."""

import argparse
import pickle
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch

from cinecor.errors import CheckpointError, CinecorError, ConfigError, LimitError
from cinecor.models.foreign import read_weights

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.num_batches_tracked": torch.tensor(3)}


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def code_of(path: Path) -> str:
    with pytest.raises(CinecorError) as caught:
        read_weights(path)
    assert caught.value.where == path.name
    return caught.value.code


def same(found):
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_pytorch_files_with_metrics_and_options_beside_the_tensors(tmp_path, zipped):
    beside = {"r2": np.float64(0.8), "mae": np.float32(4), "best": True, "opt": argparse.Namespace(lr=1e-4), "e": [1]}
    path = tmp_path / "best.pth"
    torch.save({"state_dict": TENSORS, **beside}, path, _use_new_zipfile_serialization=zipped)
    found = read_weights(path)
    same(found["state_dict"])
    assert found["r2"] == 0.8


def test_numbers_of_the_first_numpy_are_read_too(tmp_path):
    new, old = tmp_path / "new.pt", tmp_path / "old.pt"
    torch.save({"state_dict": TENSORS, "loss": np.float64(16.5)}, new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename.endswith("data.pkl"):
                assert b"numpy._core.multiarray\n" in content
                content = content.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
            target.writestr(part, content)
    assert read_weights(old)["loss"] == 16.5


def test_safetensors(tmp_path):
    safetensors.torch.save_file(TENSORS, tmp_path / "a.safetensors")
    same(read_weights(tmp_path / "a.safetensors"))


def test_hdf5_by_layer_and_weight_however_deep(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model_weights/conv1/conv1/kernel:0"] = np.ones((3, 2), np.float32)
        file["bn/gamma:0"] = np.zeros(4, np.float32)
        file["step"] = 7
        file["elsewhere"] = h5py.ExternalLink("/nowhere.h5", "x")
    found = read_weights(tmp_path / "a.h5")
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {"conv1/kernel": (3, 2), "bn/gamma": (4,)}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, zipped):
    path, made = tmp_path / "evil.pth", tmp_path / "made"
    torch.save({"state_dict": TENSORS, "x": Evil(made)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"UNSAFE: evil.pth: it would run code when read \(getattr\)"):
        read_weights(path)
    assert not made.exists()


def test_a_bare_pickle_is_refused(tmp_path):
    path, made = tmp_path / "evil.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(Evil(made)))
    assert code_of(path) in ("UNSAFE", "CORRUPT")
    assert not made.exists()


def test_damage_is_corrupt(tmp_path):
    path = tmp_path / "a.pth"
    torch.save(TENSORS, path)
    whole = path.read_bytes()
    for content in (
        b"",
        b"no weights at all, and long enough",
        whole[: len(whole) // 2],
        b"PK" + bytes(64),
        b"\x80\x02.",
    ):
        path.write_bytes(content)
        assert code_of(path) == "CORRUPT"
    safetensors.torch.save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-8])
    assert code_of(path) == "CORRUPT"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert code_of(path) == "CORRUPT"
    assert code_of(tmp_path / "missing.pth") == "MISSING_FILE"
    assert code_of(tmp_path) == "CORRUPT"


def test_files_that_unpack_to_far_more_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10**6))
    assert code_of(tmp_path / "bomb.pt") == "RATIO"
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("conv/kernel:0", (10**6, 10**6), np.float32)  # declared, never written
    assert code_of(tmp_path / "bomb.h5") == "RATIO"
    monkeypatch.setattr("cinecor.models.foreign.MAX_WEIGHTS_BYTES", 10)
    with pytest.raises(LimitError, match="BYTES"):
        read_weights(tmp_path / "bomb.pt")


def test_without_h5py_the_cure_is_named(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["bn/gamma:0"] = np.zeros(4, np.float32)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"MISSING_EXTRA: a.h5: .*pip install 'cinecor\[keras\]'"):
        read_weights(tmp_path / "a.h5")
