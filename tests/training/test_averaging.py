"""The running mean of weights against a loop."""

import numpy as np
import torch
from torch import nn

from cinecor.training.averaging import Average


def _walk(network, steps):
    """Weights of some steps, as they might be learned."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        with torch.no_grad():
            for tensor in network.state_dict().values():
                if tensor.is_floating_point():
                    tensor += torch.randn(tensor.shape, generator=generator)
                else:
                    tensor += 1
        yield {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_it_is_the_recursion_with_few_weights_at_first():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average, expected = Average(network, 0.3), {name: t.clone() for name, t in network.state_dict().items()}
    for step, state in enumerate(_walk(network, 12)):
        keep = min(0.3, (1 + step) / (10 + step))
        average.update(step)
        for name, tensor in state.items():
            mean = keep * expected[name].double().numpy() + (1 - keep) * tensor.double().numpy()
            expected[name] = torch.from_numpy(mean) if tensor.is_floating_point() else tensor
            np.testing.assert_allclose(
                average.tensors[name].double().numpy(), expected[name].numpy(), rtol=1e-5, atol=1e-6
            )


def test_it_stands_in_for_the_weights_and_gives_them_back():
    network = nn.Linear(2, 2)
    average = Average(network, 0.9)
    list(_walk(network, 1))
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with average.in_place():
        assert all(torch.equal(t, average.tensors[name]) for name, t in network.state_dict().items())
        assert not torch.equal(network.weight, own["weight"])
        assert torch.equal(average.learned()["weight"], own["weight"])
    assert all(torch.equal(t, own[name]) for name, t in network.state_dict().items())


def test_none_is_the_network_itself():
    network = nn.Linear(2, 2)
    average = Average(network, 0.0)
    average.update(0)
    with average.in_place():
        assert average.tensors == {}


def test_it_goes_on_from_where_it_was():
    network = nn.Linear(2, 2)
    first = Average(network, 0.5)
    for step, _ in enumerate(_walk(network, 3)):
        first.update(step)
    second = Average(network, 0.5)
    second.restore(first.tensors)
    for step, _ in enumerate(_walk(network, 2)):
        first.update(3 + step)
        second.update(3 + step)
    assert all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)
