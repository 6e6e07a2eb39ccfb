"""Two processes with a part of the batch each learn what one process learns of the whole."""

import os

import pytest
import torch
from torch import distributed, multiprocessing, nn

from cinecor.objectives import coreecho_first_stage, gather_across, rank_n_contrast

CLIPS = torch.randn(10, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
EF = torch.tensor([25.0, 38.0, 44.0, 55.0, 55.0, 61.0, 30.0, 44.0, 70.0, 66.0], dtype=torch.float64)
PARTS = {"even": (5, 5), "uneven": (6, 4)}


def _models():
    torch.manual_seed(4)
    return nn.Linear(6, 3).double(), nn.Linear(3, 1).double()


def _learn(rank, store, folder):
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    found = {}
    for name, parts in PARTS.items():
        clips, targets = CLIPS.split(parts)[rank], EF.split(parts)[rank]
        encoder, regressor = _models()
        embeddings = encoder(clips)
        embeddings.retain_grad()
        whole, labels = gather_across(embeddings, targets)
        loss = rank_n_contrast(whole, labels)
        loss.backward()
        distributed.all_reduce(encoder.weight.grad)
        encoder.weight.grad /= 2  # the mean that DistributedDataParallel takes; making one costs seconds
        found[name] = loss.detach(), encoder.weight.grad, embeddings.grad, labels
        if name == "even":
            stage = coreecho_first_stage(encoder(clips), targets, regressor, across=True)
            found["stage"] = stage.contrast.detach(), stage.error.detach()
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    multiprocessing.spawn(_learn, args=(folder / "store", folder), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("name", PARTS)
def test_loss_and_gradients_are_those_of_one_process(learned, name):
    encoder, _ = _models()
    embeddings = encoder(CLIPS)
    embeddings.retain_grad()
    loss = rank_n_contrast(embeddings, EF)
    loss.backward()
    for rank in (0, 1):
        theirs, weight, part, labels = learned[rank][name]
        torch.testing.assert_close(theirs, loss.detach())
        torch.testing.assert_close(labels, EF)
        torch.testing.assert_close(weight, encoder.weight.grad)
        torch.testing.assert_close(part / 2, embeddings.grad.split(PARTS[name])[rank])


def test_the_first_stage_across_processes(learned):
    encoder, regressor = _models()
    whole = coreecho_first_stage(encoder(CLIPS), EF, regressor)
    contrasts, errors = zip(*(each["stage"] for each in learned), strict=True)
    for contrast in contrasts:
        torch.testing.assert_close(contrast, whole.contrast.detach())
    torch.testing.assert_close(torch.stack(errors).mean(), whole.error.detach())


def test_alone_nothing_is_gathered():
    embeddings, targets = gather_across(CLIPS, EF)
    assert embeddings is CLIPS
    assert targets is EF
