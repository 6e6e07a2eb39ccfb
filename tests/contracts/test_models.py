"""What every registered network promises. A new one is tested by existing."""

from copy import deepcopy
from functools import lru_cache
from typing import get_args

import pytest
import torch

from cinecor.models import create_model, list_models
from cinecor.models.checkpoint import Manifest, load_checkpoint, save_checkpoint
from cinecor.models.choices import FusionKind
from cinecor.models.contract import OutliningNetwork
from cinecor.models.gan import Discriminator
from cinecor.models.readings import stream_size

SMALL = {"i3d": {"width": 0.1, "input_size": (6, 32, 32)}, "unet": {"widths": (4, 6, 8)}}
SIZE = (6, 32, 32)
SMALL |= {
    "i3d_outline": {"width": 0.1, "decoder_width": 20},
    "two_stream": {"width": 0.1, "input_size": SIZE},
    "fusion": {"width": 0.05, "task_width": 80},
    "cnn_rnn": {"width": 0.05, "input_size": SIZE},
    "monai_unet": {"widths": (2, 3, 4, 5, 6, 3)},
    "uniformer_small": {"depths": (1, 1, 2, 1), "widths": (8, 8, 16, 24), "head_dim": 8},
    "resnet50v2": {"depths": (2, 2, 2, 2), "width": 4},
    "vgg": {"width": 4, "dense": (8, 6), "input_size": SIZE},
    "vgg16": {"width": 1 / 16, "dense": (8,), "input_size": SIZE},
    "gan": {"widths": (4, 6)},
    **{name: {"depths": (1, 1, 1, 1), "width": 1 / 16} for name in ("resnetv2_50", "resnet50")},
    **{name: {"depths": (1, 1, 1, 1)} for name in ("r2plus1d_18", "r3d_18", "mc3_18", "deeplabv3_resnet50")},
}
VARIANTS = {
    "i3d": [
        {},
        *({"depth": depth} for depth in ("stem", "3+4", "3+4+5")),
        *({"conv2": conv2} for conv2 in ("3x3x3", "3x1x1", "3x3x3+3x3x3")),
        *({"head": head} for head in ("OG", "B", "C")),
        *({"norm": "layer", "norm_axes": axes} for axes in ("channel", "channel+space", "channel+space+time")),
        {"in_channels": 3},
        {"pool_after": True, "conv1_stride": (1, 1, 1), "conv2_relu": True},
        {"conv1_start": "smooth"},
    ],
    "i3d_outline": [{}, {"norm": "layer"}, {"in_channels": 3}],
    "two_stream": [
        {},
        *({"norm": norm} for norm in ("instance", "layer")),
        *({"reading": reading} for reading in ("halves", "half_resolution")),
    ],
    "fusion": [
        *({"kind": kind} for kind in get_args(FusionKind)),
        {"kind": "single_input", "split": "channels"},
        {"kind": "dual_input", "norm": "layer", "conv2": "3x3x3"},
        {"kind": "combination", "reading": "halves"},
    ],
    "cnn_rnn": [
        {},
        {"rnn": "lstm"},
        {"cnn_norm": "layer"},
        {"rnn_norm": "layer"},
        {"in_channels": 3, "rnn_widths": (6, 5), "dense": 3},
    ],
    "unet": [
        *({}, {"widths": (3, 5)}, {"in_channels": 3}, {"dropout": 0.2}),
        {"up": "transposed", "norm": "none", "drop": "values", "dropout": 0.2, "kernel": 5},
    ],
    "monai_unet": [{}, {"norm": "batch"}, {"in_channels": 3}, {"upsample": "nontrainable"}, {"dropout": 0.2}],
    "uniformer_small": [{}, {"head": "coreecho"}, {"mlp_ratio": 1.5, "head_dim": 4}],
    "resnet50v2": [{}, {"depths": (2, 3, 2, 2)}],
    **{name: [{}, {"width": 0.1}] for name in ("resnetv2_50", "resnet50")},
    "vgg": [{}, {"pooling": "max", "convolutions": 1}, {"first_kernel": 7, "in_channels": 3, "dense": ()}],
    "vgg16": [{}, {"dense": ()}],
    "gan": [{}, {"form": "k_logits", "in_channels": 3}, {"norm": "weight"}],
    **{name: [{}] for name in ("r2plus1d_18", "r3d_18", "mc3_18", "deeplabv3_resnet50")},
}
CASES = [(name, options) for name in list_models() for options in VARIANTS[name]]


@lru_cache(maxsize=4)  # what the tests of one case ask for
def _first(name, num_outputs, options):
    torch.manual_seed(0)
    return create_model(name, num_outputs, **dict(options))


def _make(name, options, num_outputs=1):
    """A network of the test's own, copied: to make one takes longer than most tests."""
    return deepcopy(_first(name, num_outputs, tuple({**SMALL[name], **options}.items())))


def _clips(model, batch=3):
    generator = torch.Generator().manual_seed(1)
    channels = next(p for p in model.parameters() if p.ndim > 3).shape[1]
    sizes = [stream_size(name, SIZE) for name in model.streams]
    return [torch.randn(batch, channels, *size, generator=generator) for size in sizes]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request):
    return request.param


def test_shapes(case):
    name, options = case
    model = _make(name, options, 2).eval()
    x = _clips(model)
    features = model.forward_features(*x)
    assert features.shape[:2] == (3, model.num_features)
    assert model(*x).shape == ((3, 2, 6, 32, 32) if model.dense else (3, 2))
    torch.testing.assert_close(model(*x), model.forward_head(features), rtol=0, atol=0)
    embedding = model.forward_head(features, pre_logits=True)
    torch.testing.assert_close(embedding, features.mean((2, 3, 4)))


def test_the_gradient_reaches_every_parameter(case):
    name, options = case
    model = _make(name, {**options, "dropout": 0.0}).train()
    outputs = [model(*_clips(model))]
    if isinstance(model, OutliningNetwork):
        outputs.append(model.forward_maps(*_clips(model))[1])
    if isinstance(model, Discriminator):
        outputs.append(model.forward_real(model.forward_features(*_clips(model))))
    sum(output.square().sum() for output in outputs).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        # a bias before a batch normalisation has no effect; its gradient is rounding
        if "conv1.0" not in key:
            assert parameter.grad.abs().max() > 0, key


def test_evaluation_is_deterministic_and_a_batch_is_its_elements(case):
    name, options = case
    model = _make(name, options).eval()
    x = _clips(model)
    whole = model(*x)
    assert torch.equal(whole, model(*x))
    torch.testing.assert_close(
        whole, torch.cat([model(*(stream[i : i + 1] for stream in x)) for i in range(3)]), rtol=1e-4, atol=1e-5
    )


def test_the_head_can_be_replaced(case):
    name, options = case
    model = _make(name, options).eval()
    features = model.forward_features(*_clips(model))
    model.reset_classifier(4)
    assert model.num_outputs == 4
    assert model(*_clips(model)).shape[:2] == (3, 4)
    assert torch.equal(model.forward_features(*_clips(model)), features)


def test_the_last_bias_is_what_a_silent_network_says(case):
    name, options = case
    model = _make(name, options).eval()
    before = model(*_clips(model))
    model.set_output_bias(55.0)
    torch.testing.assert_close(model(*_clips(model)), before + 55.0, rtol=1e-4, atol=1e-4)


def test_a_checkpoint_restores_it(case, tmp_path):
    name, options = case
    model = _make(name, options).eval()
    save_checkpoint(tmp_path, model, Manifest(model=name, options={**SMALL[name], **options}))
    loaded, _ = load_checkpoint(tmp_path)
    assert torch.equal(loaded(*_clips(model)), model(*_clips(model)))


def test_the_output_can_be_scaled(case):
    name, options = case
    model = _make(name, options, 2).eval()
    before = model(*_clips(model))
    model.scale_output(3.0, 40.0)
    torch.testing.assert_close(model(*_clips(model)), before * 3 + 40, rtol=1e-4, atol=1e-4)
