"""Keras' ResNet-50 v2: its counts, and a restatement in NumPy that keeps Keras' names and order of axes."""

import numpy as np
import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.public_weights import _keras

TINY = {"depths": (2, 3, 2, 2), "width": 4}
EPS = 1.001e-5


@pytest.mark.parametrize(("outputs", "count"), [(1000, 25_613_800), (None, 23_564_800)])
def test_counts_are_those_of_keras(outputs, count):
    """Keras counts running statistics as parameters."""
    with torch.device("meta"):
        model = create_model("resnet50v2", outputs or 1)
    named = {**dict(model.named_parameters()), **{n: b for n, b in model.named_buffers() if "running" in n}}
    if outputs is None:
        named = {name: tensor for name, tensor in named.items() if not name.startswith("predictions")}
    assert sum(tensor.numel() for tensor in named.values()) == count


def keras_weights(depths, width, classes, rng):
    """Weights of such a network by ``layer/weight``, kernels (height, width, in, out)."""
    found = {}

    def conv(name, side, inside, outside, *, bias):
        found[f"{name}/kernel"] = rng.normal(size=(side, side, inside, outside)) / np.sqrt(side * side * inside)
        if bias:
            found[f"{name}/bias"] = rng.normal(size=outside) * 0.3

    def norm(name, width):
        for weight, low in (("gamma", 0.5), ("beta", -0.5), ("moving_mean", -0.5), ("moving_variance", 0.5)):
            found[f"{name}/{weight}"] = low + rng.random(width)

    conv("conv1_conv", 7, 3, width, bias=True)
    channels = width
    for stage, depth in enumerate(depths, start=2):
        filters = width * 2 ** (stage - 2)
        for number in range(1, depth + 1):
            name = f"conv{stage}_block{number}"
            norm(f"{name}_preact_bn", channels)
            if number == 1:
                conv(f"{name}_0_conv", 1, channels, 4 * filters, bias=True)
            conv(f"{name}_1_conv", 1, channels, filters, bias=False)
            norm(f"{name}_1_bn", filters)
            conv(f"{name}_2_conv", 3, filters, filters, bias=False)
            norm(f"{name}_2_bn", filters)
            conv(f"{name}_3_conv", 1, filters, 4 * filters, bias=True)
            channels = 4 * filters
    norm("post_bn", channels)
    if classes:
        found["predictions/kernel"] = rng.normal(size=(channels, classes))
        found["predictions/bias"] = rng.normal(size=classes)
    return found


def naive_keras(image, weights, depths):
    """One image (height, width, channel): the features and the logits."""

    def conv(x, name, stride=1, pad=0):
        kernel, side = weights[f"{name}/kernel"], len(weights[f"{name}/kernel"])
        x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
        rows, columns = ((n - side) // stride + 1 for n in x.shape[:2])
        y = np.zeros((rows, columns, kernel.shape[-1])) + weights.get(f"{name}/bias", 0.0)
        for i, j in np.ndindex(rows, columns):
            part = x[i * stride : i * stride + side, j * stride : j * stride + side]
            y[i, j] += np.tensordot(part, kernel, 3)
        return y

    def norm_relu(x, name):
        gamma, beta, mean, variance = (
            weights[f"{name}/{weight}"] for weight in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return np.maximum((x - mean) / np.sqrt(variance + EPS) * gamma + beta, 0)

    x = conv(image, "conv1_conv", stride=2, pad=3)
    x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, columns = ((n - 3) // 2 + 1 for n in x.shape[:2])
    x = np.array([[x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((0, 1)) for j in range(columns)] for i in range(rows)])
    for stage, depth in enumerate(depths, start=2):
        for number in range(1, depth + 1):
            name = f"conv{stage}_block{number}"
            stride = 2 if number == depth and stage < 5 else 1
            ready = norm_relu(x, f"{name}_preact_bn")
            shortcut = conv(ready, f"{name}_0_conv") if number == 1 else x[::stride, ::stride]
            y = norm_relu(conv(ready, f"{name}_1_conv"), f"{name}_1_bn")
            y = norm_relu(conv(y, f"{name}_2_conv", stride, 1), f"{name}_2_bn")
            x = shortcut + conv(y, f"{name}_3_conv")
    features = norm_relu(x, "post_bn").mean((0, 1))
    return features, features @ weights["predictions/kernel"] + weights["predictions/bias"]


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    weights = keras_weights(TINY["depths"], TINY["width"], 3, rng)
    model = create_model("resnet50v2", 3, **TINY).double()
    ours = _keras({name: torch.from_numpy(value) for name, value in weights.items()}, "fake.h5")
    model.load_state_dict(ours, strict=True)
    return model.eval(), weights, rng


def test_an_image_gives_what_keras_layers_give_of_it(made):
    model, weights, rng = made
    image = rng.normal(size=(40, 36, 3))
    features, logits = naive_keras(image, weights, TINY["depths"])
    clip = torch.from_numpy(image.transpose(2, 0, 1))[None, :, None]
    with torch.no_grad():
        embedding = model.forward_head(model.forward_features(clip), pre_logits=True)
        np.testing.assert_allclose(embedding[0].numpy(), features, rtol=1e-9)
        np.testing.assert_allclose(model(clip)[0].numpy(), logits, rtol=1e-9)


def test_a_clip_is_the_mean_of_its_frames(made):
    model, _, _ = made
    clip = torch.randn(2, 1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        alone = torch.stack([model(clip[:, :, t : t + 1]) for t in range(3)]).mean(0)
        torch.testing.assert_close(model(clip), alone)
        torch.testing.assert_close(model(clip.repeat(1, 3, 1, 1, 1)), alone)


def test_epsilon_is_keras():
    norms = [layer for layer in create_model("resnet50v2", **TINY).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {layer.eps for layer in norms} == {EPS}


@pytest.mark.parametrize("options", [{"in_channels": 2}, {"depths": (1, 2, 2, 2)}, {"width": 0}, {"dropout": 1.0}])
def test_what_makes_no_network_is_refused(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("resnet50v2", **options)
