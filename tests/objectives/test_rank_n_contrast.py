"""Rank-N-Contrast against loops written down from its definition, and at the ends of what numbers can hold."""

import math

import numpy as np
import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.objectives import rank_n_contrast

DISTANT = {1e3: 1e-5, 1e5: 1e-4, 1e18: None}  # the last: distances so far apart that no gradient can be told by number


def _triple_loop(embeddings, targets, temperature):
    count, total = len(embeddings), 0.0
    logit = [[-math.dist(a, b) / temperature for b in embeddings] for a in embeddings]
    apart = [[sum(abs(p - q) for p, q in zip(a, b, strict=True)) for b in targets] for a in targets]
    for n in range(count):
        for m in range(count):
            if m == n:
                continue
            below = 0.0
            for k in range(count):
                if k != n and apart[n][k] >= apart[n][m]:
                    below += math.exp(logit[n][k])
            total -= math.log(math.exp(logit[n][m]) / below)
    return total / (count * (count - 1))


def _pair_by_pair(embeddings, targets, temperature):
    """Loss and gradient; the softmax of every pair's own set of negatives."""
    count = len(embeddings)
    steps = embeddings[:, None] - embeddings[None]
    distances = np.sqrt((steps**2).sum(-1))
    loss, slope = 0.0, np.zeros((count, count))
    for n in range(count):
        apart = np.abs(targets - targets[n])
        for m in set(range(count)) - {n}:
            among = (apart >= apart[m]) & (np.arange(count) != n)
            logits = -distances[n, among] / temperature
            top = logits.max()
            weights = np.exp(logits - top)
            loss += top + np.log(weights.sum()) + distances[n, m] / temperature
            slope[n, among] += weights / weights.sum()
            slope[n, m] -= 1.0
    pull = np.divide(slope + slope.T, distances, out=np.zeros_like(distances), where=distances > 0)
    gradient = -(pull[:, :, None] * steps).sum(1) / temperature
    return loss / (count * (count - 1)), gradient / (count * (count - 1))


def _sample(count, features=16, seed=0, kind=torch.float64, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    embeddings = (scale * torch.randn(count, features, generator=generator, dtype=torch.float64)).to(kind)
    targets = torch.randint(20, 80, (count // 2,), generator=generator).repeat(2).to(kind)  # ties of both kinds
    return embeddings, targets


def _step(embeddings, targets, temperature=1.0):
    leaf = embeddings.clone().requires_grad_()
    loss = rank_n_contrast(leaf, targets, temperature)
    loss.backward()
    return loss.detach(), leaf.grad


def _agree(ours, theirs, tolerance):
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs)
    assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_loss_is_the_triple_loop(temperature):
    embeddings, targets = _sample(14)
    naive = _triple_loop(embeddings.tolist(), targets[:, None].tolist(), temperature)
    _agree(rank_n_contrast(embeddings, targets, temperature), naive, 1e-12)


@pytest.mark.parametrize("count", [2, 8, 34, 128])
def test_loss_and_gradient_pair_by_pair(count):
    embeddings, targets = _sample(count, seed=count)
    loss, gradient = _step(embeddings, targets, 0.7)
    naive_loss, naive_gradient = _pair_by_pair(embeddings.numpy(), targets.numpy(), 0.7)
    _agree(loss, naive_loss, 1e-12)
    _agree(gradient, naive_gradient, 1e-9)


def test_labels_of_several_dimensions_by_l1_distance():
    embeddings, targets = _sample(12)
    rows = torch.stack([targets, targets.flip(0), targets % 7], dim=1)
    _agree(rank_n_contrast(embeddings, rows), _triple_loop(embeddings.tolist(), rows.tolist(), 1.0), 1e-12)
    column = rank_n_contrast(embeddings, targets[:, None])
    assert column == rank_n_contrast(embeddings, targets)


def test_all_labels_alike_is_the_uniform_contrast():
    embeddings = torch.randn(9, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    distances = torch.cdist(embeddings, embeddings)
    off = distances[~torch.eye(9, dtype=torch.bool)].view(9, 8)
    expected = ((-off).logsumexp(1, keepdim=True) + off).mean()
    torch.testing.assert_close(rank_n_contrast(embeddings, torch.full((9,), 55.0)), expected)


@pytest.mark.parametrize(("scale", "tolerance"), DISTANT.items())
def test_far_apart_in_float32_all_stays_finite_and_right(scale, tolerance):
    embeddings, targets = _sample(24, kind=torch.float32, scale=scale)
    loss, gradient = _step(embeddings, targets)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    naive_loss, naive_gradient = _pair_by_pair(embeddings.double().numpy(), targets.double().numpy(), 1.0)
    _agree(loss, naive_loss, 1e-6)
    if tolerance is not None:
        _agree(gradient, naive_gradient, tolerance)


def test_both_ways_of_summing_give_the_same():
    """The spread of one row decides between sums and logarithms of sums; a lone far point moves all rows over."""
    embeddings, targets = _sample(20, kind=torch.float64)
    far = torch.cat([embeddings, embeddings[:1] + 1e4])
    labels = torch.cat([targets, torch.tensor([200.0], dtype=torch.float64)])
    loss, gradient = _step(far, labels)
    naive_loss, naive_gradient = _pair_by_pair(far.numpy(), labels.numpy(), 1.0)
    _agree(loss, naive_loss, 1e-12)
    _agree(gradient, naive_gradient, 1e-9)


def test_equal_embeddings_pull_nowhere():
    embeddings, targets = _sample(10, kind=torch.float32)
    embeddings[5:] = embeddings[:5]
    loss, gradient = _step(embeddings, targets)
    naive_loss, naive_gradient = _pair_by_pair(embeddings.double().numpy(), targets.double().numpy(), 1.0)
    _agree(loss, naive_loss, 1e-6)
    _agree(gradient, naive_gradient, 1e-5)
    loss, gradient = _step(torch.ones(6, 4), torch.arange(6.0))
    assert loss.isfinite()
    assert not gradient.any()


def test_near_pairs_far_from_the_origin_keep_their_digits():
    embeddings, targets = _sample(12, kind=torch.float32)
    embeddings[6:] = embeddings[:6] * (1 + 1e-4)
    loss, gradient = _step(embeddings + 300.0, targets)
    moved = (embeddings + 300.0).double().numpy()
    naive_loss, naive_gradient = _pair_by_pair(moved, targets.double().numpy(), 1.0)
    _agree(loss, naive_loss, 1e-6)
    _agree(gradient, naive_gradient, 1e-3)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(kind):
    embeddings, targets = _sample(16, kind=torch.float32, scale=300.0)
    low = embeddings.to(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, gradient = _step(low, targets)
    assert loss.dtype == torch.float32
    assert gradient.dtype == kind
    exact, exact_gradient = _step(low.float(), targets)
    assert loss == exact
    torch.testing.assert_close(gradient, exact_gradient.to(kind))


def test_the_order_of_the_batch_does_not_matter():
    embeddings, targets = _sample(30)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(2))
    loss, gradient = _step(embeddings, targets)
    mixed, mixed_gradient = _step(embeddings[order], targets[order])
    torch.testing.assert_close(mixed, loss)
    torch.testing.assert_close(mixed_gradient, gradient[order])


def test_shifting_and_turning_embeddings_changes_nothing():
    embeddings, targets = _sample(20, features=6)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64))[0]
    torch.testing.assert_close(rank_n_contrast(embeddings @ turn + 4.0, targets), rank_n_contrast(embeddings, targets))


def test_descending_puts_embeddings_in_the_order_of_their_labels():
    embeddings, targets = _sample(16, features=2, scale=0.1)
    first = rank_n_contrast(embeddings, targets)
    for _ in range(400):
        loss, gradient = _step(embeddings, targets)
        embeddings = embeddings - 2.0 * gradient
    assert loss < 0.5 * first
    apart = torch.pdist(embeddings), torch.pdist(targets[:, None])
    assert np.corrcoef(*(each.numpy() for each in apart))[0, 1] > 0.9


def test_a_label_that_is_not_finite_is_not_passed_over():
    embeddings, targets = _sample(6)
    targets[2] = math.nan
    assert rank_n_contrast(embeddings, targets).isnan()


def test_whole_numbers_and_no_gradient():
    embeddings, targets = _sample(8)
    with torch.no_grad():
        assert rank_n_contrast(embeddings, targets.long()) == rank_n_contrast(embeddings, targets)


@pytest.mark.parametrize(
    ("embeddings", "targets", "temperature", "code"),
    [
        (torch.zeros(4, 2), torch.zeros(3), 1.0, "CONFLICT"),
        (torch.zeros(4, 2), torch.zeros(4, 1, 1), 1.0, "CONFLICT"),
        (torch.zeros(1, 2), torch.zeros(1), 1.0, "OUT_OF_RANGE"),
        (torch.zeros(4, 2), torch.zeros(4), 0.0, "OUT_OF_RANGE"),
        (torch.zeros(4, 2), torch.zeros(4), math.nan, "OUT_OF_RANGE"),
    ],
)
def test_what_makes_no_loss(embeddings, targets, temperature, code):
    with pytest.raises(ConfigError) as caught:
        rank_n_contrast(embeddings, targets, temperature)
    assert caught.value.code == code
