"""The trunk of saved weights in a new network."""

import pytest
import torch

from cinecor.errors import CheckpointError
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.models.starting import freeze, head_names, start_from

STEM = {"depth": "stem", "width": 0.1}
NETWORKS = {
    "i3d": STEM,
    "two_stream": {"input_size": (8, 32, 32)},
    "fusion": {"kind": "combination", "width": 0.05},
    "cnn_rnn": {"width": 0.05},
    "uniformer_small": {"depths": (1, 1, 1, 1), "widths": (4, 4, 8, 8), "head_dim": 4, "head": "coreecho"},
    "r2plus1d_18": {"depths": (1, 1, 1, 1)},
    "unet": {"widths": (4, 8)},
}


def _make(name: str, outputs: int = 1, seed: int = 0, **options):
    torch.manual_seed(seed)
    return create_model(name, outputs, **{**NETWORKS[name], **options})


def _save(folder, name: str, outputs: int = 1, **options):
    network = _make(name, outputs, seed=1, **options)
    manifest = save_checkpoint(folder, network, Manifest(model=name, options={**NETWORKS[name], **options}))
    return network, manifest


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_is_what_a_reset_replaces(name):
    network = _make(name)
    before, stream = {key: value.clone() for key, value in network.state_dict().items()}, torch.get_rng_state()
    head = head_names(network)
    assert all((before[key] == value).all() for key, value in network.state_dict().items())
    assert (torch.get_rng_state() == stream).all()
    layer = network.output_layer()
    assert {key for key, value in network.named_parameters() if value is layer.weight or value is layer.bias} <= head
    trunk = {key: value for key, value in network.state_dict(keep_vars=True).items() if key not in head}
    network.reset_classifier(3)
    assert trunk
    assert {key for key, value in network.state_dict(keep_vars=True).items() if trunk.get(key) is value} == set(trunk)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("outputs", [1, 5])
def test_the_trunk_is_taken_over_and_the_head_where_it_fits(name, outputs, tmp_path):
    saved, _ = _save(tmp_path, name, outputs)
    network, fresh = _make(name), _make(name)
    kept = start_from(network, tmp_path, target="ef")
    assert kept == (outputs == 1)
    head, source = head_names(network), saved.state_dict()
    for key, value in network.state_dict().items():
        expected = source[key] if kept or key not in head else fresh.state_dict()[key]
        assert torch.equal(value, expected), key


def test_a_head_for_another_target_or_unwanted_is_fresh(tmp_path):
    _save(tmp_path, "i3d")
    assert not start_from(_make("i3d"), tmp_path, target="edv_ml")
    assert not start_from(_make("i3d"), tmp_path, target="ef", keep_head=False)


def test_a_head_of_another_kind_is_fresh(tmp_path):
    saved, _ = _save(tmp_path, "uniformer_small", 7, head="linear")
    network = _make("uniformer_small")
    assert not start_from(network, tmp_path, target="ef")
    assert torch.equal(network.norm.weight, saved.norm.weight)
    assert torch.equal(network.blocks4[0].attn.qkv.weight, saved.blocks4[0].attn.qkv.weight)


@pytest.mark.parametrize(("name", "options"), [("i3d", {"width": 0.2}), ("i3d", {"depth": "3"}), ("cnn_rnn", {})])
def test_another_trunk_is_refused(name, options, tmp_path):
    _save(tmp_path, "i3d")
    with pytest.raises(CheckpointError, match="MISMATCH"):
        start_from(_make(name, **options), tmp_path, target="ef")


def test_other_weights_than_those_that_are_meant_are_refused(tmp_path):
    _, manifest = _save(tmp_path, "i3d")
    assert start_from(_make("i3d"), tmp_path, target="ef", sha256=manifest.weights_sha256)
    with pytest.raises(CheckpointError, match="MISMATCH"):
        start_from(_make("i3d"), tmp_path, target="ef", sha256="0" * 64)


def test_a_frozen_trunk_leaves_the_head_to_train():
    network = _make("uniformer_small")
    freeze(network, "trunk")
    assert {name for name, p in network.named_parameters() if p.requires_grad} <= head_names(network)
    assert network.output_layer().weight.requires_grad
