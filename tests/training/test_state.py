"""The state of a run on disk."""

import hashlib
import io

import pytest
import torch

from cinecor.errors import CheckpointError, StorageError
from cinecor.training.state import State, load_state, save_state


@pytest.fixture
def state():
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimiser.step()
    return State(
        recipe="r",
        data="d",
        epoch=2,
        step=5,
        loss_sum=1 / 3,
        history=[{"epoch": 1, "validation_rmse": 0.1}],
        model=model.state_dict(),
        optimiser=optimiser.state_dict(),
        best=model.state_dict(),
    )


def test_round_trip_is_exact(tmp_path, state):
    save_state(tmp_path / "last.ckpt", state)
    again = load_state(tmp_path / "last.ckpt")
    for name in ("recipe", "data", "epoch", "step", "loss_sum", "history", "format"):
        assert getattr(again, name) == getattr(state, name)
    assert all(torch.equal(again.model[name], tensor) for name, tensor in state.model.items())
    assert str(again.optimiser) == str(state.optimiser)


def test_every_flipped_byte_is_found(tmp_path, state):
    path = tmp_path / "last.ckpt"
    save_state(path, state)
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with pytest.raises(CheckpointError, match="CORRUPT"):
            load_state(path)


@pytest.mark.parametrize(("values", "code"), [({"format": 99}, "TOO_NEW"), ({"surprise": 1}, "CORRUPT")])
def test_states_of_other_versions_are_refused(tmp_path, state, values, code):
    plain = {name: getattr(state, name) for name in state.__dataclass_fields__}
    buffer = io.BytesIO()
    torch.save({**plain, **values}, buffer)
    content = buffer.getvalue()
    (tmp_path / "x").write_bytes(b"cinecor run state 1\n" + hashlib.sha256(content).digest() + content)
    with pytest.raises(CheckpointError, match=code):
        load_state(tmp_path / "x")


def test_a_pickle_is_not_run(tmp_path):
    (tmp_path / "x").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(CheckpointError, match="CORRUPT"):
        load_state(tmp_path / "x")


def test_a_full_disk_is_loud_and_leaves_the_earlier_state(tmp_path, state, monkeypatch):
    save_state(tmp_path / "last.ckpt", state)
    before = (tmp_path / "last.ckpt").read_bytes()

    def refuse(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cinecor.storage.os.fsync", refuse)
    with pytest.raises(StorageError, match="NO_SPACE"):
        save_state(tmp_path / "last.ckpt", state)
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
