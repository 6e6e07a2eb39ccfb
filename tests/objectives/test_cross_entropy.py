"""The cross-entropies of outlines against their definitions, in float64."""

import numpy as np
import pytest
import torch

from cinecor.objectives import mean_cross_entropy, summed_cross_entropy


def _pair(seed=0, frames=3):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 1, frames, 4, 5, generator=generator, dtype=torch.float64)
    return logits, torch.rand(2, 1, frames, 4, 5, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition_summed_and_halved(seed):
    logits, share = _pair(seed)
    p, y = 1 / (1 + np.exp(-logits.numpy())), share.numpy()
    assert float(summed_cross_entropy(logits, share)) == pytest.approx(
        -0.5 * (y * np.log(p) + (1 - y) * np.log(1 - p)).sum()
    )


def test_ed_and_es_of_a_batch_are_the_two_sums_of_the_published_code():
    logits, share = _pair(frames=2)
    sums = [
        torch.nn.functional.binary_cross_entropy_with_logits(logits[:, :, k], share[:, :, k], reduction="sum")
        for k in range(2)
    ]
    assert float(summed_cross_entropy(logits, share)) == pytest.approx(float(sum(sums) / 2))


def test_frames_that_nobody_outlined_count_for_nothing():
    logits, share = _pair()
    logits.requires_grad_()
    share[:, :, 1] = torch.nan
    loss = summed_cross_entropy(logits, share)
    loss.backward()
    others = summed_cross_entropy(logits[:, :, ::2].detach(), share[:, :, ::2])
    assert float(loss.detach()) == pytest.approx(float(others))
    assert (logits.grad[:, :, 1] == 0).all()
    assert torch.isfinite(logits.grad).all()
    assert float(summed_cross_entropy(logits.detach(), torch.full_like(share, torch.nan))) == 0.0


def test_it_is_finite_where_a_probability_is_zero():
    logits = torch.tensor([-1e4, 1e4]).reshape(1, 1, 1, 1, 2)
    share = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 1, 2)
    assert float(summed_cross_entropy(logits, share)) == pytest.approx(1e4)


def test_the_mean_is_that_of_a_softmax_of_two():
    logits, share = _pair()
    share = (share > 0.5).double()
    share[0, :, 1] = torch.nan
    two = torch.stack([torch.zeros_like(logits), logits], dim=-1)  # background and structure
    known = ~share.isnan()
    wanted = torch.nn.functional.cross_entropy(two[known], share[known].long())
    assert float(mean_cross_entropy(logits, share)) == pytest.approx(float(wanted))
    assert float(mean_cross_entropy(logits, torch.full_like(share, torch.nan))) == 0.0
