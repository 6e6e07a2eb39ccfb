"""torchvision's video networks under our contract: its names, its outputs, its weights."""

import pytest
import torch
from torchvision.models import video

from cinecor.errors import ConfigError, ResourceError
from cinecor.models import checkpoint, create_model, torchvision_weights

NAMES = ("r2plus1d_18", "r3d_18", "mc3_18")


@pytest.mark.parametrize("name", NAMES)
def test_names_weights_and_outputs_are_torchvisions(name):
    torch.manual_seed(0)
    theirs = getattr(video, name)(weights=None, num_classes=1).eval()
    with torch.no_grad():
        for key, tensor in theirs.state_dict().items():
            if tensor.is_floating_point() and "running_var" not in key:
                tensor.add_(0.01 * torch.randn(tensor.shape))
    with torch.device("meta"):
        ours = create_model(name)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    clips = torch.randn(2, 1, 4, 16, 16)
    with torch.no_grad():
        expected = theirs(clips.repeat(1, 3, 1, 1, 1))
        torch.testing.assert_close(ours.eval()(clips.repeat(1, 3, 1, 1, 1)), expected)
        torch.testing.assert_close(ours(clips), expected)  # grey, shown three times


def test_echonet_dynamics_network_has_its_224_tensors():
    with torch.device("meta"):
        shapes = {key: tuple(tensor.shape) for key, tensor in create_model("r2plus1d_18").state_dict().items()}
    assert len(shapes) == 224
    assert shapes["stem.0.weight"] == (45, 3, 1, 7, 7)
    assert shapes["layer1.0.conv1.0.0.weight"] == (144, 64, 1, 3, 3)
    assert shapes["fc.weight"] == (1, 512)
    assert shapes["fc.bias"] == (1,)


def test_kinetics_weights_fill_all_but_the_head(monkeypatch):
    theirs = video.r3d_18(weights=None).state_dict()
    monkeypatch.setattr("cinecor.models.video_resnet.fetch_weights", lambda *_: theirs)
    ours = create_model("r3d_18", 2, pretrained=True).state_dict()
    assert ours["fc.weight"].shape == (2, 512)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs if not key.startswith("fc."))


@pytest.mark.parametrize("name", [*NAMES, "deeplabv3_resnet50"])
@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("invalid hash value")])
def test_without_a_connection_nothing_starts_at_random(monkeypatch, name, error):
    class Weights:
        def get_state_dict(self, **_options):
            raise error

    monkeypatch.setattr(torchvision_weights, "get_weight", lambda _name: Weights())
    with pytest.raises(ResourceError, match=f"OFFLINE: {name}.pretrained"), torch.device("meta"):
        create_model(name, pretrained=True)


@pytest.mark.parametrize("name", ["r2plus1d_18", "deeplabv3_resnet50"])
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"in_channels": 2}, "OUT_OF_RANGE"),
        ({"depths": (1, 0, 1, 1)}, "OUT_OF_RANGE"),
        ({"dropout": 1.0}, "OUT_OF_RANGE"),
        ({"depths": (1, 1, 1, 1), "pretrained": True}, "CONFLICT"),
    ],
)
def test_what_makes_no_network_is_refused(name, options, code):
    with pytest.raises(ConfigError, match=code):
        create_model(name, **options)


def test_saved_weights_are_laid_out_without_fetching_those_they_started_from(monkeypatch):
    def offline(*_):
        raise AssertionError("nothing is to be fetched")

    monkeypatch.setattr("cinecor.models.video_resnet.fetch_weights", offline)
    network = checkpoint._empty_network(checkpoint.Manifest(model="r3d_18", options={"pretrained": True}))
    assert all(parameter.is_meta for parameter in network.parameters())
