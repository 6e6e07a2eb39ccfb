"""Paper 004's network at its five sizes of frame."""

import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.dense_head import DenseNorm

SIZES = {(240, 320): 6, (120, 160): 5, (60, 80): 4, (30, 40): 3, (15, 20): 2}


@pytest.mark.parametrize("size", SIZES)
def test_kernels_pooling_and_what_is_left_of_the_frame(size):
    with torch.device("meta"):
        network = create_model("vgg", 15, input_size=(1, *size))
        features = network.forward_features(torch.zeros(2, 1, 1, *size))
        assert network(torch.zeros(2, 1, 1, *size)).shape == (2, 15)
    assert features.shape[2:] == (1, 3, 5)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    sides = [conv.kernel_size[0] for conv in convolutions]
    assert sides[:2] == ([7, 7] if size == (240, 320) else [3, 3])
    assert set(sides[2:]) == {3}
    assert all(conv.stride == (1, 1) and conv.padding[0] == conv.kernel_size[0] // 2 for conv in convolutions)
    pooling = [layer for layer in network.modules() if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)]
    kind = nn.MaxPool2d if size >= (60, 80) else nn.AvgPool2d
    assert [type(layer) for layer in pooling] == [kind] * SIZES[size]
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d)]
    assert len(norms) == len(convolutions) + 2
    widths = [16, 32, 64, 128, 128, 128][: SIZES[size]]
    assert [conv.out_channels for conv in convolutions] == [width for width in widths for _ in range(2)]


def test_pooling_can_be_chosen():
    network = create_model("vgg", width=1, pooling="average", input_size=(1, 120, 160))
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in network.modules())


def test_it_is_what_its_layers_say_one_after_the_other():
    torch.manual_seed(0)
    network = create_model("vgg", 3, width=3, convolutions=1, dense=(5,), input_size=(2, 12, 16)).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
    x = torch.randn(2, 1, 2, 12, 16)
    maps = []
    with torch.no_grad():
        for frame in x.unbind(2):
            for stage in network.stages:
                conv, norm, _, _ = stage
                frame = nn.functional.conv2d(frame, conv.weight, padding=1)
                shape = (1, -1, 1, 1)
                deviation = (norm.running_var.view(shape) + norm.eps).sqrt()
                frame = ((frame - norm.running_mean.view(shape)) / deviation).relu()
                high, wide = frame.shape[2] // 2, frame.shape[3] // 2
                frame = frame[:, :, : 2 * high, : 2 * wide].unflatten(3, (wide, 2)).unflatten(2, (high, 2)).mean((3, 5))
            maps.append(frame)
        first, norm, _, _, last = network.head
        hidden = (sum(maps) / 2).flatten(1) @ first.weight.T
        hidden = ((hidden - norm.running_mean) / (norm.running_var + norm.eps).sqrt()).relu()
        torch.testing.assert_close(network(x), hidden @ last.weight.T + last.bias, rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_can_be_learned_from():
    norm = DenseNorm(4).train()
    norm(torch.randn(8, 4) * 3 + 5)
    before = norm.running_mean.clone()
    one = torch.randn(1, 4)
    torch.testing.assert_close(norm(one), (one - before) / (norm.running_var + norm.eps).sqrt())
    assert torch.equal(norm.running_mean, before)
    network = create_model("vgg", width=2, dense=(3,), input_size=(1, 12, 16)).train()
    network(torch.randn(1, 1, 1, 12, 16)).sum().backward()


@pytest.mark.parametrize(
    "options",
    [
        {"width": 0},
        {"convolutions": 0},
        {"dense": (0,)},
        {"input_size": (1, 5, 80)},
        {"dropout": 1.0},
        {"norm_momentum": 0.0},
        {"first_kernel": 4},
    ],
)
def test_what_makes_no_network_is_refused(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("vgg", **options)
