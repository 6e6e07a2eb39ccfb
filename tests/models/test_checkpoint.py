"""Weights on disk: round trips, and every damage by its code."""

import hashlib
import json

import pytest
import safetensors.torch
import torch

from cinecor.errors import CheckpointError, StorageError
from cinecor.models import create_model
from cinecor.models.checkpoint import (
    Manifest,
    load_checkpoint,
    load_extra_tensors,
    read_manifest,
    save_checkpoint,
    weights_sha256,
)

OPTIONS = {"depth": "stem", "width": 0.1, "conv1_stride": (1, 2, 2)}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return create_model("i3d", **OPTIONS).eval()


@pytest.fixture
def manifest():
    return Manifest(model="i3d", options=OPTIONS, clip={"length": 4}, metrics={"mae": 3.5}, extra={"note": [1, 2]})


@pytest.fixture
def folder(tmp_path, model, manifest):
    save_checkpoint(tmp_path / "run", model, manifest)
    return tmp_path / "run"


def _code(folder) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    return caught.value.code


def _edit(folder, **values) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _replace_weights(folder, tensors) -> None:
    content = safetensors.torch.save(tensors)
    (folder / "model.safetensors").write_bytes(content)
    _edit(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def test_round_trip_is_exact(folder, model, manifest):
    loaded, read = load_checkpoint(folder)
    assert weights_sha256(loaded) == weights_sha256(model)
    assert not loaded.training
    assert read.metrics == manifest.metrics
    assert read.extra == manifest.extra
    assert read.clip == {"length": 4}
    assert read.versions["torch"] == torch.__version__
    x = torch.randn(1, 1, 4, 16, 16)
    torch.testing.assert_close(loaded(x), model(x), rtol=0, atol=0)


def test_the_hash_tells_one_bit(model):
    before = weights_sha256(model)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0].mul_(1 + 2e-7)
    assert weights_sha256(model) != before


@pytest.mark.parametrize(("kind", "tolerance"), [("float16", 1e-3), ("bfloat16", 8e-3)])
def test_half_precision_is_restored_to_float32(tmp_path, model, manifest, kind, tolerance):
    save_checkpoint(tmp_path, model, manifest.model_copy(update={"storage": kind}))
    loaded, _ = load_checkpoint(tmp_path)
    for (name, ours), theirs in zip(model.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert theirs.dtype == ours.dtype, name
        torch.testing.assert_close(theirs, ours, rtol=tolerance, atol=1e-6)
    full = sum(tensor.nbytes for tensor in model.state_dict().values())
    assert (tmp_path / "model.safetensors").stat().st_size < 0.75 * full


def test_extra_tensors_travel_with_the_weights(tmp_path, model, manifest):
    reference = torch.randn(5, 3)
    save_checkpoint(tmp_path, model, manifest, tensors={"reference": reference})
    assert torch.equal(load_extra_tensors(tmp_path)["reference"], reference)
    load_checkpoint(tmp_path)


def test_a_loaded_network_can_be_trained_on(folder):
    loaded, _ = load_checkpoint(folder)
    loaded.train()(torch.randn(2, 1, 4, 16, 16)).sum().backward()
    assert all(p.grad is not None for p in loaded.parameters())


def test_every_flipped_byte_is_found(folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    for position in range(0, len(content), len(content) // 20):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert _code(folder) in ("CORRUPT", "UNSAFE")


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_damaged_files_are_corrupt(folder, name, content):
    (folder / name).write_bytes(content)
    assert _code(folder) == "CORRUPT"


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_a_missing_file_is_named_alone(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"MISSING_FILE: {folder.name}: the folder has no {name};"):
        load_checkpoint(folder)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 64])
def test_a_file_of_another_kind_with_the_right_hash_is_corrupt(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    _edit(folder, weights_sha256=hashlib.sha256(content).hexdigest())
    assert _code(folder) == "CORRUPT"


def test_a_torn_pair_is_found(tmp_path, folder, model, manifest):
    with torch.no_grad():
        model.output_bias().add_(1.0)
    save_checkpoint(tmp_path / "other", model, manifest)
    (tmp_path / "other" / "model.safetensors").replace(folder / "model.safetensors")
    assert _code(folder) == "CORRUPT"


def test_pickles_are_never_loaded(folder, model):
    torch.save(model.state_dict(), folder / "model.safetensors")
    assert _code(folder) == "UNSAFE"
    for path in folder.iterdir():
        path.unlink()
    torch.save(model.state_dict(), folder / "best.pt")
    assert _code(folder) == "UNSAFE"


def test_a_later_format_is_too_new(folder):
    _edit(folder, format=2, something_new=1)
    assert _code(folder) == "TOO_NEW"


@pytest.mark.parametrize(
    "values",
    [
        {"model": "no such model"},
        {"options": {"depht": "stem"}},
        {"options": {**OPTIONS, "width": 0.2}},
        {"options": {**OPTIONS, "head": "C"}},
        {"num_outputs": 2},
    ],
)
def test_weights_of_another_network_do_not_match(folder, values):
    _edit(folder, **values)
    assert _code(folder) == "MISMATCH"


def test_a_huge_network_costs_no_memory(folder):
    _edit(folder, options={"depth": "3+4+5", "width": 8.0, "head": "OG", "input_size": [10**4, 10**3, 10**3]})
    assert _code(folder) == "MISMATCH"


def test_tensors_of_another_kind_do_not_match(folder):
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith("bias"))
    _replace_weights(folder, {**tensors, name: tensors[name].to(torch.int64)})
    assert _code(folder) == "MISMATCH"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, folder, model, manifest, value):
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    next(tensor for tensor in tensors.values() if tensor.is_floating_point()).view(-1)[0] = value
    _replace_weights(folder, tensors)
    assert _code(folder) == "NONFINITE"
    with torch.no_grad():
        model.output_bias().fill_(value)
    with pytest.raises(CheckpointError, match="NONFINITE"):
        save_checkpoint(tmp_path / "new", model, manifest)
    assert not (tmp_path / "new").exists()


def test_overflow_of_half_precision_is_refused(tmp_path, model, manifest):
    with torch.no_grad():
        model.output_bias().fill_(1e6)
    with pytest.raises(CheckpointError, match="NONFINITE"):
        save_checkpoint(tmp_path, model, manifest.model_copy(update={"storage": "float16"}))


def test_a_manifest_holds_no_nan(tmp_path, folder, model, manifest):
    with pytest.raises(CheckpointError, match="NONFINITE"):
        save_checkpoint(tmp_path / "new", model, manifest.model_copy(update={"metrics": {"mae": float("nan")}}))
    (folder / "manifest.json").write_text('{"format": 1, "model": "i3d", "metrics": {"mae": NaN}}')
    with pytest.raises(CheckpointError, match="NONFINITE"):
        read_manifest(folder)


def test_an_oversized_manifest_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("cinecor.models.checkpoint.MAX_MANIFEST_BYTES", 10)
    assert _code(folder) == "CORRUPT"


def test_a_failed_save_leaves_what_was_there(folder, model, manifest, monkeypatch):
    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr("cinecor.storage.os.fsync", _no_space)
    with torch.no_grad():
        model.output_bias().add_(1.0)
    with pytest.raises(StorageError, match="NO_SPACE"):
        save_checkpoint(folder, model, manifest)
    assert (folder / "model.safetensors").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.safetensors"]
    load_checkpoint(folder)


def _no_space(handle):
    raise OSError(28, "No space left on device")
