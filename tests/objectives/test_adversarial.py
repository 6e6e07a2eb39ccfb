"""Eqs. 1 to 4 of paper 004 against a softmax over K + 1 classes in plain numpy."""

import numpy as np
import pytest
import torch

from cinecor.objectives import (
    class_loss,
    discriminator_loss,
    generated_loss,
    mean_feature_difference,
    real_loss,
    squared_feature_difference,
)

K, N = 5, 7


def _draw(seed):
    """K logits, and p over K + 1 classes of which the last logit is 0."""
    logits = np.random.default_rng(seed).normal(0, 2, (N, K))
    whole = np.exp(np.concatenate([logits, np.zeros((N, 1))], axis=1))
    return logits, whole / whole.sum(1, keepdims=True)


def test_the_four_equations():
    targets = np.arange(N) % K
    (known, p), (_, p_real), (_, p_made) = _draw(0), _draw(1), _draw(2)
    real, made = (np.log((1 - each[:, K]) / each[:, K]) for each in (p_real, p_made))
    two = -np.mean([np.log(p[i, y] / (1 - p[i, K])) for i, y in enumerate(targets)])
    three = -np.mean(np.log(1 - p_real[:, K]))
    four = -np.mean(np.log(p_made[:, K]))
    found = class_loss(torch.from_numpy(known), torch.from_numpy(targets))
    assert float(found) == pytest.approx(two)
    assert float(real_loss(torch.from_numpy(real))) == pytest.approx(three)
    assert float(generated_loss(torch.from_numpy(made))) == pytest.approx(four)
    for weight in (1.0, 0.5):
        total = discriminator_loss(found, torch.from_numpy(real), torch.from_numpy(made), weight)
        assert float(total) == pytest.approx(two + weight * (three + four))


def test_classes_may_count_by_weights():
    logits, p = _draw(3)
    targets, weights = np.arange(N) % K, np.arange(1.0, K + 1)
    each = [-np.log(p[i, y] / (1 - p[i, K])) for i, y in enumerate(targets)]
    found = class_loss(torch.from_numpy(logits), torch.from_numpy(targets), torch.from_numpy(weights))
    assert float(found) == pytest.approx(np.average(each, weights=weights[targets]))


def test_certain_logits_give_finite_losses():
    far = torch.tensor([-200.0, 200.0])
    assert torch.isfinite(real_loss(far))
    assert float(generated_loss(far)) == pytest.approx(100.0)


def test_features_are_matched_pair_by_pair_or_by_their_means():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, N, 3))
    pairs = np.mean([(one[i, j] - other[i, j]) ** 2 for i in range(N) for j in range(3)])
    means = np.mean([abs(one[:, j].mean() - other[:, j].mean()) for j in range(3)])
    given = torch.from_numpy(one), torch.from_numpy(other)
    assert float(squared_feature_difference(*given)) == pytest.approx(pairs)
    assert float(mean_feature_difference(*given)) == pytest.approx(means)
    shuffled = given[1][torch.randperm(N)]
    assert float(mean_feature_difference(given[0], shuffled)) == pytest.approx(means)
