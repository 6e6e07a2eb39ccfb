"""UniFormer against a restatement in plain NumPy, and against the names and shapes of its public checkpoint."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.uniformer import Attention, AttentionBlock, ConvolutionBlock, DropPath, Mlp

TINY = {"depths": (1, 2, 1, 2), "widths": (4, 6, 8, 12), "head_dim": 4}
DEPTHS, WIDTHS = (3, 4, 8, 3), (64, 128, 320, 512)


def published_shapes(outputs):
    """The 331 tensors of ``uniformer_small_k400_16x8.pth``."""
    shapes = {}

    def add(name, weight, bias=None):
        shapes[f"{name}.weight"] = weight
        shapes[f"{name}.bias"] = bias or (weight[0],)

    def add_norm(name, width, *, running):
        add(name, (width,))
        if running:
            shapes.update({f"{name}.running_mean": (width,), f"{name}.running_var": (width,)})
            shapes[f"{name}.num_batches_tracked"] = ()

    for stage, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True), start=1):
        add(f"patch_embed{stage}.norm", (width,))
        before = (3, 64, 128, 320)[stage - 1]
        add(f"patch_embed{stage}.proj", (width, before, *((3, 4, 4) if stage == 1 else (1, 2, 2))))
        ones = (1, 1, 1) if stage < 3 else ()
        for block in range(depth):
            name = f"blocks{stage}.{block}"
            add(f"{name}.pos_embed", (width, 1, 3, 3, 3))
            add_norm(f"{name}.norm1", width, running=stage < 3)
            add_norm(f"{name}.norm2", width, running=stage < 3)
            if stage < 3:
                add(f"{name}.conv1", (width, width, 1, 1, 1))
                add(f"{name}.conv2", (width, width, 1, 1, 1))
                add(f"{name}.attn", (width, 1, 5, 5, 5))
            else:
                add(f"{name}.attn.qkv", (3 * width, width))
                add(f"{name}.attn.proj", (width, width))
            add(f"{name}.mlp.fc1", (4 * width, width, *ones))
            add(f"{name}.mlp.fc2", (width, 4 * width, *ones))
    add_norm("norm", 512, running=True)
    add("head", (outputs, 512))
    return shapes


@pytest.mark.parametrize(("outputs", "parameters"), [(400, 21_400_400), (1, 21_195_713)])
def test_tensors_are_those_of_the_public_checkpoint(outputs, parameters):
    with torch.device("meta"):
        model = create_model("uniformer_small", num_outputs=outputs)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == published_shapes(outputs)
    assert len(shapes) == 331
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert sum(p.numel() for name, p in model.named_parameters() if not name.startswith("head")) == 21_195_200
    assert len(list(model.buffers())) == 45


def test_a_clip_becomes_the_maps_of_the_paper():
    model = create_model("uniformer_small", depths=(1, 1, 1, 1)).eval()
    shapes = []
    for name in ("patch_embed1", "patch_embed2", "patch_embed3", "patch_embed4"):
        getattr(model, name).register_forward_hook(lambda _module, _inputs, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert model.forward_features(torch.zeros(1, 3, 36, 112, 112)).shape == (1, 512, 18, 3, 3)
    assert shapes == [(64, 18, 28, 28), (128, 18, 14, 14), (320, 18, 7, 7), (512, 18, 3, 3)]


# ---- the restatement: float64, loops over kernels and heads, no torch ------------------------------------------------


def naive_conv(x, weight, bias, stride, padding, groups=1):
    x = np.pad(x, [(0, 0), (0, 0), *((side, side) for side in padding)])
    kernel = weight.shape[2:]
    out = [(x.shape[2 + i] - kernel[i]) // stride[i] + 1 for i in range(3)]
    y = np.zeros((len(x), len(weight), *out)) + bias[:, None, None, None]
    for a, b, c in np.ndindex(*kernel):
        part = x[
            :,
            :,
            a : a + stride[0] * out[0] : stride[0],
            b : b + stride[1] * out[1] : stride[1],
            c : c + stride[2] * out[2] : stride[2],
        ]
        if groups == 1:
            y += np.einsum("nithw,oi->nothw", part, weight[:, :, a, b, c])
        else:
            y += part * weight[:, 0, a, b, c][:, None, None, None]
    return y


def naive_batch_norm(x, state):
    mean, var, weight, bias = (
        state[name][:, None, None, None] for name in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def naive_layer_norm(x, state, eps):
    """Over the last axis."""
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + eps) * state["weight"] + state["bias"]


def naive_gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def naive_attention(tokens, state, head_dim):
    width = tokens.shape[-1]
    out = np.zeros_like(tokens)
    for n, sample in enumerate(tokens):
        triple = sample @ state["qkv.weight"].T + state["qkv.bias"]
        query, key, value = triple[:, :width], triple[:, width : 2 * width], triple[:, 2 * width :]
        for head in range(width // head_dim):
            cut = slice(head * head_dim, (head + 1) * head_dim)
            for i, question in enumerate(query[:, cut]):
                scores = np.array([question @ other for other in key[:, cut]]) / math.sqrt(head_dim)
                weights = np.exp(scores - scores.max())
                out[n, i, cut] = (weights / weights.sum()) @ value[:, cut]
    return out @ state["proj.weight"].T + state["proj.bias"]


def part_of(state, prefix):
    return {name.removeprefix(f"{prefix}."): value for name, value in state.items() if name.startswith(f"{prefix}.")}


def naive_convolution_block(x, state):
    x = x + naive_conv(x, state["pos_embed.weight"], state["pos_embed.bias"], (1, 1, 1), (1, 1, 1), groups=0)
    y = naive_batch_norm(x, part_of(state, "norm1"))
    y = naive_conv(y, state["conv1.weight"], state["conv1.bias"], (1, 1, 1), (0, 0, 0))
    y = naive_conv(y, state["attn.weight"], state["attn.bias"], (1, 1, 1), (2, 2, 2), groups=0)
    x = x + naive_conv(y, state["conv2.weight"], state["conv2.bias"], (1, 1, 1), (0, 0, 0))
    y = naive_batch_norm(x, part_of(state, "norm2"))
    y = naive_gelu(naive_conv(y, state["mlp.fc1.weight"], state["mlp.fc1.bias"], (1, 1, 1), (0, 0, 0)))
    return x + naive_conv(y, state["mlp.fc2.weight"], state["mlp.fc2.bias"], (1, 1, 1), (0, 0, 0))


def naive_attention_block(x, state, head_dim):
    x = x + naive_conv(x, state["pos_embed.weight"], state["pos_embed.bias"], (1, 1, 1), (1, 1, 1), groups=0)
    tokens = x.transpose(0, 2, 3, 4, 1).reshape(len(x), -1, x.shape[1])
    tokens = tokens + naive_attention(
        naive_layer_norm(tokens, part_of(state, "norm1"), 1e-6), part_of(state, "attn"), head_dim
    )
    y = naive_layer_norm(tokens, part_of(state, "norm2"), 1e-6)
    y = naive_gelu(y @ state["mlp.fc1.weight"].T + state["mlp.fc1.bias"])
    tokens = tokens + y @ state["mlp.fc2.weight"].T + state["mlp.fc2.bias"]
    return tokens.reshape(len(x), *x.shape[2:], -1).transpose(0, 4, 1, 2, 3)


def naive_embedding(x, state, stride, padding):
    y = naive_conv(x, state["proj.weight"], state["proj.bias"], stride, padding)
    return naive_layer_norm(y.transpose(0, 2, 3, 4, 1), part_of(state, "norm"), 1e-5).transpose(0, 4, 1, 2, 3)


def naive_uniformer(x, state, depths, head_dim):
    for stage in (1, 2, 3, 4):
        where = ((2, 4, 4), (1, 0, 0)) if stage == 1 else ((1, 2, 2), (0, 0, 0))
        x = naive_embedding(x, part_of(state, f"patch_embed{stage}"), *where)
        for block in range(depths[stage - 1]):
            part = part_of(state, f"blocks{stage}.{block}")
            x = naive_convolution_block(x, part) if stage < 3 else naive_attention_block(x, part, head_dim)
    return naive_batch_norm(x, part_of(state, "norm"))


@torch.no_grad()
def shuffled(module):
    """The module in evaluation mode and float64, with all its numbers away from where they start."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in module.double().state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point():
            tensor.add_(0.3 * torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype))
    return module.eval()


def numbers(module):
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def agree(module, x, expected):
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(x)).numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_attention_is_that_of_each_head_by_loops(rng):
    attention = shuffled(Attention(8, 4, 0.1, 0.1))
    x = rng.normal(size=(2, 5, 8))
    agree(attention, x, naive_attention(x, numbers(attention), 4))


def test_a_convolution_block_is_its_three_sums(rng):
    block = shuffled(ConvolutionBlock(5, mlp_ratio=2.0, dropout=0.1, drop_path=0.2))
    x = rng.normal(size=(2, 5, 3, 4, 6))
    agree(block, x, naive_convolution_block(x, numbers(block)))


def test_an_attention_block_is_its_three_sums(rng):
    options = {"mlp_ratio": 2.0, "dropout": 0.1, "attention_dropout": 0.1, "drop_path": 0.2}
    block = shuffled(AttentionBlock(8, head_dim=4, **options))
    x = rng.normal(size=(2, 8, 2, 2, 3))
    agree(block, x, naive_attention_block(x, numbers(block), 4))


@pytest.mark.parametrize("frames", [4, 5])
def test_the_whole_network_by_loops(rng, frames):
    """40 pixels leave 5 and then 2 positions: the odd row and column are dropped."""
    model = shuffled(create_model("uniformer_small", num_outputs=3, **TINY))
    x, state = rng.normal(size=(2, 3, frames, 40, 40)), numbers(model)
    features = naive_uniformer(x, state, TINY["depths"], TINY["head_dim"])
    with torch.no_grad():
        ours = model.forward_features(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours, features, rtol=1e-8, atol=1e-8)
    agree(model, x, features.mean((2, 3, 4)) @ state["head.weight"].T + state["head.bias"])


def test_one_grey_channel_is_shown_three_times():
    model = create_model("uniformer_small", in_channels=1, **TINY).eval()
    grey = torch.randn(2, 1, 4, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(grey), model(grey.repeat(1, 3, 1, 1, 1)))
    create_model("uniformer_small", **TINY).load_state_dict(model.state_dict())


# ---- head and dropouts -------------------------------------------------------------------------------------------


def test_the_head_of_coreecho_is_its_regressor():
    model = create_model("uniformer_small", head="coreecho", **TINY)
    features = TINY["widths"][-1]
    regressor = nn.Sequential(
        nn.BatchNorm1d(features),
        nn.Dropout(0.4),
        nn.Linear(features, features),
        nn.BatchNorm1d(features),
        nn.GELU(),
        nn.Dropout(0.4),
        nn.Linear(features, 1),
    )
    model.head.load_state_dict(shuffled(regressor).float().state_dict())
    assert [layer.p for layer in model.head if isinstance(layer, nn.Dropout)] == [0.4, 0.4]
    maps = torch.randn(3, features, 2, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(model.eval().forward_head(maps), regressor(maps.mean((2, 3, 4))))
    with torch.device("meta"):
        whole = create_model("uniformer_small", head="coreecho")
    shapes = {name: tuple(tensor.shape) for name, tensor in whole.head.state_dict().items()}
    assert shapes["2.weight"] == (512, 512)
    assert shapes["6.weight"] == (1, 512)
    assert {name.split(".")[0] for name in shapes} == {"0", "2", "3", "6"}


def test_dropouts_are_where_the_papers_have_them():
    """Position dropout, two uses of one layer in each MLP, one after each projection."""
    model = create_model("uniformer_small", dropout=0.1, attention_dropout=0.2, drop_path=0.3, **TINY)
    found = Counter(layer.p for layer in model.modules() if isinstance(layer, nn.Dropout))
    blocks = sum(TINY["depths"])
    assert found == {0.1: 1 + blocks + sum(TINY["depths"][2:])}
    rates = [layer._probability for layer in model.modules() if isinstance(layer, DropPath)]
    np.testing.assert_allclose(rates, np.linspace(0, 0.3, blocks))
    assert [layer._dropout for layer in model.modules() if isinstance(layer, Attention)] == [0.2] * 3


def test_a_dropped_path_is_zero_for_some_clips_and_right_on_average():
    torch.manual_seed(0)
    path = DropPath(0.25).train()
    out = path(torch.ones(4000, 2, 3))
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert torch.equal(out.amin((1, 2)), out.amax((1, 2)))
    assert out.mean().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(path.eval()(torch.ones(3, 2)), torch.ones(3, 2))


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    for module in (Mlp(nn.Linear, 4, 8, 0.5), Attention(8, 4, 0.0, 0.5)):
        x = torch.randn(2, 6, module.fc1.in_features if isinstance(module, Mlp) else 8)
        assert not torch.equal(module.train()(x), module(x))
        assert torch.equal(module.eval()(x), module(x))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"in_channels": 2}, "in_channels"),
        ({"head_dim": 5}, "head_dim divides"),
        ({"depths": (0, 1, 1, 1)}, "at least 1"),
        ({"dropout": 1.0}, "dropouts"),
        ({"drop_path": -0.1}, "dropouts"),
        ({"head": "mlp"}, "linear, coreecho"),
    ],
)
def test_what_makes_no_network_is_refused(options, text):
    with pytest.raises(ConfigError, match=text):
        create_model("uniformer_small", **{**TINY, **options})


def test_clips_that_are_too_small_are_refused():
    with pytest.raises(ConfigError, match="needs 32 pixels, the clips have 24"):
        create_model("uniformer_small", **TINY)(torch.zeros(1, 3, 4, 32, 24))
