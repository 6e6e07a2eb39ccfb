"""FixMatch's loss against a loop."""

import numpy as np
import pytest
import torch

from cinecor.objectives import consistency_loss


def test_the_strong_view_learns_what_the_weak_one_is_sure_of():
    rng = np.random.default_rng(0)
    weak, strong = rng.normal(0, 3, (2, 12, 4))
    for threshold in (0.0, 0.8, 0.95):
        total = 0.0
        for one, other in zip(weak, strong, strict=True):
            p, q = np.exp(one) / np.exp(one).sum(), np.exp(other) / np.exp(other).sum()
            total += -np.log(q[p.argmax()]) if p.max() >= threshold else 0.0
        found = consistency_loss(torch.from_numpy(weak), torch.from_numpy(strong), threshold)
        assert float(found) == pytest.approx(total / 12)
    assert float(consistency_loss(torch.zeros(3, 4), torch.randn(3, 4), 0.95)) == 0.0


def test_no_gradient_reaches_the_weak_view():
    weak, strong = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    consistency_loss(weak, strong, 0.0).backward()
    assert weak.grad is None
    assert strong.grad.abs().sum() > 0
