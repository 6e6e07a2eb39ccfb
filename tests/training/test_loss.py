"""What is minimised."""

import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.objectives import dice_and_cross_entropy
from cinecor.records import Batch
from cinecor.training.loss import compare_values, make_loss
from cinecor.training.recipe import make_recipe
from cinecor.training.recipe_fields import LossPart


def test_losses_of_values_are_what_their_names_say():
    said, true = torch.tensor([0.0, 0.0]), torch.tensor([1.0, -10.0])
    assert compare_values(LossPart(name="mse"))(said, true) == 101 / 2
    assert compare_values(LossPart(name="l1"))(said, true) == 11 / 2
    assert compare_values(LossPart(name="huber", delta=5))(said, true) == (0.5 + 5 * (10 - 2.5)) / 2


def _batch(**parts):
    return Batch(**{"inputs": {}, "targets": {}, "studies": ("a",), "cines": (0,), "starts": (0,), **parts})


def test_a_regression_compares_the_target():
    loss = make_loss(make_recipe({"loss": {"name": "l1"}, "target": "edv_ml"}))
    assert loss(torch.tensor([[90.0]]), _batch(targets={"edv_ml": torch.tensor([100.0])})) == 10


def test_outlines_are_a_second_loss_with_a_weight():
    recipe = make_recipe({"model": {"name": "i3d_outline"}, "loss": {"name": "mse", "outline": 3.0}})
    logits, share = torch.randn(1, 1, 2, 6, 6), torch.rand(1, 2, 6, 6)
    share[:, 1] = torch.nan
    batch = _batch(targets={"ef": torch.tensor([50.0])}, masks={"lv": share})
    expected = 25 + 3 * dice_and_cross_entropy(logits[:, :, :1], share[:, None, :1])
    torch.testing.assert_close(make_loss(recipe)((torch.tensor([[55.0]]), logits), batch), expected)


def test_only_a_network_with_outlines_can_have_their_loss():
    with pytest.raises(ConfigError, match=r"loss\.outline: i3d has no head"):
        make_recipe({"loss": {"outline": 1.0}})


def test_a_segmentation_compares_outlines():
    recipe = make_recipe(
        {"task": "segmentation", "model": {"name": "unet"}, "loss": {"name": "dice"}, "monitor": "loss"}
    )
    logits, share = torch.randn(1, 1, 1, 6, 6), torch.rand(1, 1, 6, 6)
    expected = dice_and_cross_entropy(logits, share[:, None])
    torch.testing.assert_close(make_loss(recipe)(logits, _batch(masks={"lv": share})), expected)
