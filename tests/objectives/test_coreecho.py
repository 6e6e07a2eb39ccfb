"""CoReEcho's losses: their values, and which part of a model each gradient reaches."""

import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError
from cinecor.objectives import coreecho_first_stage, coreecho_second_stage, rank_n_contrast


def _models(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(7, 5), nn.Sequential(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 1))


CLIPS = torch.randn(8, 7, generator=torch.Generator().manual_seed(1))
EF = torch.tensor([30.0, 45.0, 55.0, 61.0]).repeat(2)


def _gradients(model):
    return [parameter.grad for parameter in model.parameters()]


def test_the_total_is_contrast_plus_mean_absolute_error():
    encoder, regressor = _models()
    embeddings = encoder(CLIPS)
    stage = coreecho_first_stage(embeddings, EF, regressor)
    error = (regressor(embeddings)[:, 0] - EF).abs().mean()
    torch.testing.assert_close(stage.total, rank_n_contrast(embeddings, EF, 1.0) + error)
    torch.testing.assert_close(stage.predictions, regressor(embeddings)[:, 0])


def test_each_part_teaches_its_own_half_alone():
    encoder, regressor = _models()
    coreecho_first_stage(encoder(CLIPS), EF, regressor, temperature=2.0).total.backward()
    alone, other = _models()
    rank_n_contrast(alone(CLIPS), EF, 2.0).backward()
    for ours, theirs in zip(_gradients(encoder), _gradients(alone), strict=True):
        torch.testing.assert_close(ours, theirs)
    (other(alone(CLIPS).detach())[:, 0] - EF).abs().mean().backward()
    for ours, theirs in zip(_gradients(regressor), _gradients(other), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_second_stage_leaves_the_encoder_alone():
    encoder, regressor = _models()
    coreecho_second_stage(encoder(CLIPS), EF, regressor).backward()
    assert _gradients(encoder) == [None, None]
    assert all(gradient is not None for gradient in _gradients(regressor))


def test_a_regressor_of_two_values_is_refused():
    encoder, _ = _models()
    with pytest.raises(ConfigError, match="one value a clip"):
        coreecho_first_stage(encoder(CLIPS), EF, nn.Linear(5, 2))
