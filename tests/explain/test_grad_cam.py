"""Grad-CAM on networks whose answer can be written down, and on those of the register."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.explain import grad_cam
from cinecor.models import create_model
from cinecor.models.contract import Network, global_mean

SIZE = (8, 32, 32)


class _Pooled(Network):
    """The clip itself, averaged over blocks of 2 × 4 × 4, is the map; the head is a linear layer on its mean."""

    def __init__(self, weights):
        super().__init__()
        self.num_features, self.num_outputs = len(weights[0]), len(weights)
        self.head = nn.Linear(self.num_features, self.num_outputs)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor(weights))

    def forward_features(self, *streams):
        return functional.avg_pool3d(streams[0], (2, 4, 4))

    def forward_head(self, features, *, pre_logits=False):
        return global_mean(features) if pre_logits else self.head(global_mean(features))

    def reset_classifier(self, num_outputs):
        raise NotImplementedError

    def output_layer(self):
        return self.head


def _clip(channels=1, batch=1, seed=0):
    return torch.randn(batch, channels, *SIZE, generator=torch.Generator().manual_seed(seed))


def test_a_linear_head_on_the_mean_in_closed_form():
    weights = [[1.0, -2.0, 0.5], [0.0, 1.0, 0.0]]
    clip = _clip(3, batch=2)
    maps = functional.avg_pool3d(clip, (2, 4, 4))
    for output, row in enumerate(weights):
        mixed = sum(weight * maps[:, place] for place, weight in enumerate(row))[:, None]
        wanted = functional.interpolate(mixed, size=SIZE, mode="trilinear")[:, 0]
        for signed, heat in ((True, wanted), (False, wanted.clamp(min=0.0))):
            expected = heat / heat.abs().amax(dim=(1, 2, 3), keepdim=True)
            found = grad_cam(_Pooled(weights), clip, output=output, signed=signed)
            torch.testing.assert_close(found, expected)


def test_a_bright_spot_is_found_where_and_when_it_is():
    clip = torch.zeros(1, 1, *SIZE)
    clip[0, 0, 4:6, 8:12, 20:24] = 1.0
    heat = grad_cam(_Pooled([[1.0]]), clip)[0]
    time, row, column = divmod(int(heat.argmax()), 32 * 32)[0], *divmod(int(heat.argmax()) % (32 * 32), 32)
    assert time in (4, 5)
    assert 8 <= row < 12
    assert 20 <= column < 24
    assert heat.max() == 1.0
    assert not heat[:, :, :8].any()


def test_the_sign_says_what_raises_and_what_lowers():
    clip = torch.zeros(1, 1, *SIZE)
    clip[..., :16] = 1.0
    network = _Pooled([[-3.0]])
    assert not grad_cam(network, clip).any()
    heat = grad_cam(network, clip, signed=True)
    assert heat.min() == -1.0
    assert heat[..., 28:].abs().max() == 0.0


def test_brighter_clips_and_steeper_heads_show_the_same_map():
    clip = _clip()
    torch.testing.assert_close(grad_cam(_Pooled([[1.0]]), 5.0 * clip), grad_cam(_Pooled([[0.2]]), clip))


MAPPED = {
    "i3d": {"depth": "3", "width": 0.1},
    "i3d_outline": {"depth": "stem", "width": 0.1},
    "fusion": {"kind": "new_combination", "width": 0.1},
    "cnn_rnn": {"width": 0.1},
}


@pytest.mark.parametrize("name", MAPPED)
def test_networks_of_the_register(name):
    torch.manual_seed(0)
    network = create_model(name, 2, **MAPPED[name]).eval()
    first = _clip(batch=2)
    streams = [first] if len(network.streams) == 1 else [first[..., ::2, ::2], first[..., ::2, ::2].diff(dim=2)]
    heat = grad_cam(network, *streams, output=1, signed=True)
    assert heat.shape == (2, *streams[0].shape[2:])
    torch.testing.assert_close(heat.abs().amax(dim=(1, 2, 3)), torch.ones(2))
    torch.testing.assert_close(grad_cam(network, *(each[1:] for each in streams), output=1, signed=True), heat[1:])
    assert all(parameter.grad is None for parameter in network.parameters())
    with torch.inference_mode():
        torch.testing.assert_close(grad_cam(network, *(each.clone() for each in streams), output=1, signed=True), heat)


def test_frames_by_themselves_are_weighted_by_themselves():
    """The map of a CNN-RNN against the gradient taken by hand, frame by frame."""
    torch.manual_seed(1)
    network, clip = create_model("cnn_rnn", width=0.1).eval(), _clip()
    frames = clip.transpose(1, 2).flatten(0, 1)
    maps = network.cnn.layers(frames).detach().requires_grad_()
    sequence = global_mean(maps)[None]
    for rnn in network.rnns:
        sequence = rnn(sequence)[0]
    network.head(sequence[:, -1]).sum().backward()
    pairs = zip(maps.grad, maps, strict=True)
    by_frame = torch.stack([(slope.mean((1, 2))[:, None, None] * one).sum(0) for slope, one in pairs])
    wanted = functional.interpolate(by_frame[None, None], size=SIZE, mode="trilinear")[0, 0]
    torch.testing.assert_close(grad_cam(network, clip, signed=True)[0], wanted / wanted.abs().max())


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("unet", {}, "outline"),
        ("two_stream", {"width": 0.05, "input_size": SIZE}, "positions"),
        ("two_stream", {"width": 0.05, "input_size": SIZE, "reading": "halves"}, "halves"),
    ],
)
def test_networks_that_cannot_be_explained_say_why(name, options, why):
    network = create_model(name, **options).eval()
    with pytest.raises(ConfigError, match=why) as caught:
        grad_cam(network, *([_clip(), _clip().diff(dim=2)][: len(network.streams)]))
    assert caught.value.code == "CONFLICT"


def test_an_output_that_there_is_not():
    with pytest.raises(ConfigError, match="output 1"):
        grad_cam(_Pooled([[1.0]]), _clip(), output=1)
