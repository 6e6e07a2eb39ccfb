"""Dice and its loss, against a loop over pixels and the definitions."""

import math

import numpy as np
import torch

from cinecor.objectives import dice_and_cross_entropy, dice_coefficient


def _naive_loss(logits, share):
    total, frames = 0.0, 0
    for wide, wanted in zip(logits.flatten(0, 2), share.flatten(0, 2), strict=True):
        if math.isnan(float(wanted[0, 0])):
            continue
        both = each = entropy = 0.0
        for logit, part in zip(wide.flatten().tolist(), wanted.flatten().tolist(), strict=True):
            p = 1 / (1 + math.exp(-logit))
            both, each = both + p * part, each + p * p + part * part
            entropy -= part * math.log(p) + (1 - part) * math.log(1 - p)
        total += 1 - (2 * both + 1) / (each + 1) + entropy / wanted.numel()
        frames += 1
    return total / frames


def _example(seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 2, 3, 5, 4, generator=generator, dtype=torch.float64)
    share = torch.rand(2, 2, 3, 5, 4, generator=generator, dtype=torch.float64)
    share[0, 1, 2] = torch.nan
    return logits, share


def test_the_loss_is_a_loop_over_pixels():
    logits, share = _example()
    np.testing.assert_allclose(float(dice_and_cross_entropy(logits, share)), _naive_loss(logits, share), rtol=1e-12)


def test_pooled_the_overlap_is_of_all_outlined_frames_of_a_structure():
    logits, share = _example()
    total, frames = 0.0, 0
    for structure in range(2):
        said, wanted = logits[:, structure].flatten(0, 1), share[:, structure].flatten(0, 1)
        kept = [i for i in range(len(wanted)) if not math.isnan(float(wanted[i, 0, 0]))]
        p, q = (pixels[kept].numpy().ravel() for pixels in (torch.sigmoid(said), wanted))
        overlap = (2 * sum(p * q) + 1) / (sum(p**2) + sum(q**2) + 1)
        entropy = np.mean(-(q * np.log(p) + (1 - q) * np.log(1 - p)))
        total, frames = total + len(kept) * (1 - overlap + entropy), frames + len(kept)
    np.testing.assert_allclose(float(dice_and_cross_entropy(logits, share, pooled=True)), total / frames, rtol=1e-12)


def test_pooled_an_empty_frame_costs_its_few_pixels_only():
    share = torch.zeros(1, 1, 2, 12, 12)
    share[:, :, 0, 3:9, 3:9] = 1.0
    logits = torch.where(share > 0, 9.0, -9.0)
    logits[0, 0, 1, 0, 0] = 9.0
    alone, pooled = (dice_and_cross_entropy(logits, share, pooled=pooled) for pooled in (False, True))
    assert alone - pooled > 0.2


def test_frames_without_an_outline_leave_no_gradient():
    logits, share = _example()
    logits.requires_grad_()
    dice_and_cross_entropy(logits, share).backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[0, 1, 2].any()
    assert logits.grad[0, 1, 1].all()


def test_nothing_outlined_is_no_loss():
    logits, share = _example()
    assert float(dice_and_cross_entropy(logits, torch.full_like(share, torch.nan))) == 0.0


def test_the_coefficient():
    said, true = torch.zeros(1, 10, 10), torch.zeros(1, 10, 10)
    said[0, :4], true[0, 2:6] = 0.9, 0.8
    torch.testing.assert_close(dice_coefficient(said, true), torch.tensor([(2 * 20 + 1) / (80 + 1)]))
    assert dice_coefficient(true, true).tolist() == [1.0]
    assert math.isnan(dice_coefficient(said, torch.full_like(true, torch.nan))[0])


def test_a_good_outline_costs_less_than_a_bad_one():
    share = torch.zeros(1, 1, 1, 12, 12)
    share[..., 3:9, 3:9] = 1.0
    good, bad = (share - 0.5) * 12, (torch.roll(share, 4, -1) - 0.5) * 12
    assert dice_and_cross_entropy(good, share) < 0.02
    assert dice_and_cross_entropy(bad, share) > 0.5
