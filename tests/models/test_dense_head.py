"""The head that many networks share keeps the names that their checkpoints have."""

import pytest
import torch
from tests.contracts.test_models import SMALL

from cinecor.models import create_model
from cinecor.models.dense_head import DenseHead
from cinecor.models.starting import head_names

NAMES = {
    "r2plus1d_18": {"fc.weight", "fc.bias"},
    "resnet50v2": {"predictions.weight", "predictions.bias"},
    "resnetv2_50": {"head.weight", "head.bias"},
    "resnet50": {"head.weight", "head.bias"},
    "uniformer_small": {"head.weight", "head.bias"},
    "cnn_rnn": {f"head.{layer}.{part}" for layer in (1, 3) for part in ("weight", "bias")},
    "two_stream": {
        *(f"heads.{stream}.1.{part}" for stream in (0, 1) for part in ("weight", "bias")),
        *(f"fusion.{layer}.{part}" for layer in (0, 3) for part in ("weight", "bias")),
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_the_heads_tensors_are_called_as_ever(name):
    network = create_model(name, 2, **SMALL[name])
    assert isinstance(network, DenseHead)
    assert head_names(network) == NAMES[name]


def test_dropout_comes_before_a_head_that_has_none_within():
    torch.manual_seed(0)
    network = create_model("resnet50v2", 2, **{**SMALL["resnet50v2"], "dropout": 0.5})
    features = torch.rand(64, network.num_features, 1, 2, 2)
    whole = network.eval().forward_head(features)
    torch.manual_seed(1)
    found = network.train().forward_head(features)
    torch.manual_seed(1)
    dropped = torch.nn.functional.dropout(features.mean((2, 3, 4)), 0.5)
    torch.testing.assert_close(found, network.predictions(dropped))
    assert not torch.equal(found, whole)
