"""The CNN-RNN networks against Keras' counts."""

import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError, ResourceError
from cinecor.models import cnn_rnn, create_model

KERAS_HEAD, KERAS_BACKBONE = 99_873, 21_802_784
KERAS_RUNNING = 34_432  # of them, running statistics, which PyTorch counts as buffers


@pytest.fixture(scope="module")
def whole():
    with torch.device("meta"):
        return create_model("cnn_rnn", cnn="inception_v3")


def test_the_head_counts_as_in_keras(whole):
    assert sum(p.numel() for name, p in whole.named_parameters() if not name.startswith("cnn.")) == KERAS_HEAD


def test_the_backbone_counts_as_in_keras(whole):
    """Keras' batch norms have no scale: ours have one more number for each of their channels."""
    norms = [layer for layer in whole.cnn.modules() if isinstance(layer, nn.BatchNorm2d)]
    scales = sum(layer.num_features for layer in norms)
    running = 2 * scales
    assert running == KERAS_RUNNING
    assert sum(p.numel() for p in whole.cnn.parameters()) - scales + running == KERAS_BACKBONE


@pytest.mark.parametrize("tuned", [0, 5, 7])
def test_so_many_layers_with_weights_are_tuned(tuned):
    with torch.device("meta"):
        model = create_model("cnn_rnn", cnn="inception_v3", tuned_layers=tuned).train()
    weighted = [layer for layer in model.cnn.modules() if list(layer.parameters(recurse=False))]
    trained = [all(p.requires_grad for p in layer.parameters(recurse=False)) for layer in weighted]
    assert trained == [False] * (len(weighted) - tuned) + [True] * tuned
    assert [layer.training for layer in weighted] == trained


def test_frozen_statistics_stay():
    model = create_model("cnn_rnn", cnn="inception_v3", tuned_layers=0, input_size=(2, 80, 80)).train()
    before = {name: value.clone() for name, value in model.cnn.named_buffers()}
    model(torch.randn(2, 1, 2, 80, 80)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in model.cnn.named_buffers())
    assert all(p.grad is None for p in model.cnn.parameters())


def test_the_order_of_frames_matters():
    model = create_model("cnn_rnn", width=0.05).eval()
    clip = torch.randn(1, 1, 5, 32, 32)
    assert not torch.allclose(model(clip), model(clip.flip(2)), atol=1e-6)


def test_without_a_connection_nothing_starts_at_random(monkeypatch):
    import timm

    def offline(*_args, **_options):
        raise OSError("no route")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ResourceError, match="OFFLINE"):
        cnn_rnn._inception_v3(pretrained=True)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"pretrained": True}, "CONFLICT"),
        ({"tuned_layers": 3}, "CONFLICT"),
        ({"dense": 0}, "OUT_OF_RANGE"),
        ({"dropout": 1.0}, "OUT_OF_RANGE"),
    ],
)
def test_what_makes_no_network_is_refused(options, code):
    with pytest.raises(ConfigError, match=code):
        create_model("cnn_rnn", **options)


@pytest.mark.parametrize(("frame_size", "size"), [(0, (75, 75)), (90, (90, 90))])
def test_frames_too_small_for_inception_are_enlarged(frame_size, size):
    torch.manual_seed(0)
    options = {"cnn": "inception_v3", "tuned_layers": 0}
    small = create_model("cnn_rnn", input_size=(3, 40, 40), frame_size=frame_size, **options).eval()
    large = create_model("cnn_rnn", input_size=(3, *size), **options).eval()
    large.load_state_dict(small.state_dict())
    clip = torch.randn(1, 1, 3, 40, 40)
    frames = torch.nn.functional.interpolate(clip[:, 0], size=size, mode="bilinear")
    torch.testing.assert_close(small(clip), large(frames[:, None]), rtol=1e-4, atol=1e-5)


def test_sizes_below_what_inception_needs_are_refused():
    with pytest.raises(ConfigError, match="75 pixels"):
        create_model("cnn_rnn", cnn="inception_v3", frame_size=40)
    with pytest.raises(ConfigError, match="Inception-v3 alone"):
        create_model("cnn_rnn", frame_size=90)


@pytest.mark.parametrize("channels", [2, 4])
def test_inception_takes_grey_or_three_channels(channels):
    with pytest.raises(ConfigError, match=f"1 channel .* or 3, not {channels}"):
        create_model("cnn_rnn", cnn="inception_v3", in_channels=channels)
