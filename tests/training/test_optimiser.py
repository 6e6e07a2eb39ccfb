"""Optimisers, losses, cut gradients."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from cinecor.training.optimiser import cut_gradients, make_optimiser, set_rate
from cinecor.training.recipe_fields import OptimiserName, OptimiserPart


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))


@pytest.mark.parametrize("name", get_args(OptimiserName))
def test_each_optimiser_descends_and_can_be_resumed(name):
    model, x = _model(), torch.randn(16, 4)
    optimiser = make_optimiser(model, OptimiserPart(name=name, lr=0.01, weight_decay=0.01))
    first = None
    for _ in range(20):
        optimiser.zero_grad()
        loss = (model(x) - 1).square().mean()
        first = first or loss.item()
        loss.backward()
        optimiser.step()
    assert loss.item() < first
    state = optimiser.state_dict()
    make_optimiser(_model(), OptimiserPart(name=name)).load_state_dict(state)


def test_weight_decay_spares_biases_and_norms():
    model = _model()
    optimiser = make_optimiser(model, OptimiserPart(name="adamw", weight_decay=0.5))
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert [decay[id(p)] for p in model.parameters()] == [0.5, 0, 0, 0, 0.5, 0]


def test_the_head_can_decay_alone():
    model, part = _model(), OptimiserPart(name="adam", head_decay=0.06)
    optimiser = make_optimiser(model, part, {"2.weight", "2.bias"})
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert [decay[id(p)] for p in model.parameters()] == [0, 0, 0, 0, 0.06, 0]
    assert len(make_optimiser(model, OptimiserPart(name="adam"), {"2.weight"}).param_groups) == 2


def test_decay_of_the_head_is_twice_the_l2_of_keras():
    """The gradient of 0.03 times the sum of squares is 0.06 times the weights, which is what adam is given."""
    ours, theirs = nn.Linear(3, 1, bias=False), nn.Linear(3, 1, bias=False)
    theirs.load_state_dict(ours.state_dict())
    one = make_optimiser(ours, OptimiserPart(name="adam", lr=0.1, head_decay=0.06), {"weight"})
    other = torch.optim.Adam(theirs.parameters(), lr=0.1)
    for _ in range(3):
        one.zero_grad()
        other.zero_grad()
        ours(torch.ones(2, 3)).square().mean().backward()
        (theirs(torch.ones(2, 3)).square().mean() + 0.03 * theirs.weight.square().sum()).backward()
        one.step()
        other.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_the_rate_reaches_every_group():
    optimiser = make_optimiser(_model(), OptimiserPart())
    set_rate(optimiser, 0.123)
    assert {group["lr"] for group in optimiser.param_groups} == {0.123}


@pytest.mark.parametrize("by", ["norm", "value"])
def test_gradients_are_cut(by):
    model = nn.Linear(3, 1, bias=False)
    model.weight.grad = torch.tensor([[3.0, 4.0, 0.0]])
    cut_gradients(model, 0.0, by)
    assert model.weight.grad.tolist() == [[3.0, 4.0, 0.0]]
    cut_gradients(model, 1.0, by)
    expected = [0.6, 0.8, 0.0] if by == "norm" else [1.0, 1.0, 0.0]
    assert all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(model.weight.grad[0].tolist(), expected, strict=True))


def test_madgrad_is_the_papers_recursion():
    """Defazio and Jelassi, arXiv 2101.11075, algorithm 1, with weight decay in the gradient and momentum 0.9."""
    layer = torch.nn.Linear(3, 2, bias=False)
    start = layer.weight.detach().double().clone()
    optimiser = make_optimiser(layer, OptimiserPart(name="madgrad", lr=0.02, momentum=0.9, weight_decay=0.1))
    weight, gradients, squares = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for step in range(6):
        gradient = torch.from_numpy(np.random.default_rng(step).normal(size=(2, 3)))
        layer.weight.grad = gradient.float()
        optimiser.step()
        decayed, lamb = gradient + 0.1 * weight, 0.02 * (step + 1) ** 0.5
        gradients += lamb * decayed
        squares += lamb * decayed**2
        weight = 0.9 * weight + 0.1 * (start - gradients / (squares ** (1 / 3) + 1e-6))
        torch.testing.assert_close(layer.weight.detach().double(), weight, rtol=1e-4, atol=1e-5)


def test_all_can_decay_as_in_torch():
    (group,) = make_optimiser(_model(), OptimiserPart(name="adamw", weight_decay=0.1, decay_all=True)).param_groups
    assert group["weight_decay"] == 0.1
    assert len(group["params"]) == len(list(_model().parameters()))
