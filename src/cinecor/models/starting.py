"""Weights that a training starts from: the trunk of a saved network, and its head where that is of use."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Literal

import torch

from cinecor.errors import CheckpointError
from cinecor.models.checkpoint import WEIGHTS_NAME, Manifest, check_fit, load_checkpoint
from cinecor.models.contract import Network

_OTHER = "give weights of the same network, with the options that shape it"


def head_names(network: Network) -> frozenset[str]:
    """Names of the tensors that belong to the head: those that ``reset_classifier`` replaces."""
    tensors = (*network.parameters(), *network.buffers())
    twin = copy.deepcopy(network, {id(tensor): tensor.detach().to("meta") for tensor in tensors})  # takes no memory
    before = twin.state_dict(keep_vars=True)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        twin.reset_classifier(network.num_outputs)
    after = twin.state_dict(keep_vars=True)
    return frozenset(name for name, tensor in before.items() if after.get(name) is not tensor)


def freeze(network: Network, part: Literal["trunk", "head"]) -> None:
    """Take the gradient from all parameters of the head, or from all others."""
    head = head_names(network)
    for name, parameter in network.named_parameters():
        if (name in head) == (part == "head"):
            parameter.requires_grad_(False)


def start_from(network: Network, folder: Path, *, target: str, keep_head: bool = True, sha256: str = "") -> bool:
    """Give a network the trunk of saved weights, and their head where it has the same tensors and predicts ``target``.

    Args:
        network: with its first weights; its head keeps them where the saved one is not taken over.
        folder: of weights and manifest.
        target: what the network will predict.
        keep_head: False leaves the head fresh in any case.
        sha256: of the weights that are meant; empty for whatever is there.

    Returns:
        Whether the head was taken over.

    Raises:
        CheckpointError: MISMATCH where the trunk is not the same, tensor for tensor, or the hash is another; as
            ``load_checkpoint``.
    """
    source, manifest = load_checkpoint(folder)
    check_hash(manifest, sha256, folder)
    found, own = source.state_dict(), network.state_dict()
    heads = head_names(source), head_names(network)
    trunk = {name: tensor for name, tensor in found.items() if name not in heads[0]}
    check_fit({name: own[name] for name in own if name not in heads[1]}, trunk, where=WEIGHTS_NAME, cure=_OTHER)
    same = heads[0] == heads[1] and all(found[name].shape == own[name].shape for name in heads[0])
    kept = keep_head and same and manifest.target == target
    network.load_state_dict(found if kept else trunk, strict=kept)
    return kept


def check_hash(manifest: Manifest, sha256: str, folder: Path) -> None:
    """Stop where weights are not those that are meant.

    Raises:
        CheckpointError: MISMATCH.
    """
    if sha256 not in ("", manifest.weights_sha256):
        what = f"its weights are {manifest.weights_sha256[:12]}…, not {sha256[:12]}… as the recipe has them"
        raise CheckpointError("MISMATCH", what, "give the folder that the recipe was made with", where=folder.name)
