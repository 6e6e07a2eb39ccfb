"""timm's image networks under our contract: its names, its outputs, its weights."""

import pytest
import timm
import torch

from cinecor.errors import ConfigError, ResourceError
from cinecor.models import checkpoint, create_model

NAMES = ("resnetv2_50", "resnet50")


@pytest.mark.parametrize("name", NAMES)
def test_names_weights_and_outputs_are_timms(name):
    torch.manual_seed(0)
    theirs = timm.create_model(name, num_classes=0, zero_init_last=False, layers=[1, 1, 1, 1]).eval()
    with torch.device("meta"):
        ours = create_model(name, 2, depths=(1, 1, 1, 1))
    ours.trunk.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    ours.reset_classifier(2)
    images = torch.randn(2, 1, 2, 32, 32)
    with torch.no_grad():
        features = theirs(images.transpose(1, 2).flatten(0, 1).repeat(1, 3, 1, 1)).unflatten(0, (2, 2)).mean(1)
        found = ours.eval().forward_head(ours.forward_features(images), pre_logits=True)
    torch.testing.assert_close(found, features, rtol=1e-4, atol=1e-5)  # grey, shown three times, mean of the frames


def test_the_second_kind_is_another_network_than_keras():
    with torch.device("meta"):
        timms, keras = (
            sum(parameter.numel() for parameter in create_model(name).parameters())
            for name in ("resnetv2_50", "resnet50v2")
        )
    assert timms != keras


@pytest.mark.parametrize("name", NAMES)
def test_imagenet_weights_are_asked_of_the_hub_and_missed_plainly(monkeypatch, name):
    asked = {}
    make = timm.create_model

    def hub(model, *, pretrained, **options):
        asked.update(model=model, pretrained=pretrained)
        return make(model, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", hub)
    with torch.device("meta"):
        create_model(name, pretrained=True)
    assert asked == {"model": name, "pretrained": True}

    def offline(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ResourceError, match=f"OFFLINE: {name}.pretrained"):
        create_model(name, pretrained=True)


def test_saved_weights_are_laid_out_without_fetching_those_they_started_from(monkeypatch):
    make = timm.create_model

    def fresh(model, *, pretrained, **options):
        assert not pretrained
        return make(model, pretrained=pretrained, **options)

    monkeypatch.setattr(timm, "create_model", fresh)
    network = checkpoint._empty_network(checkpoint.Manifest(model="resnet50", options={"pretrained": True}))
    assert network.num_features == 2048


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"in_channels": 2}, "OUT_OF_RANGE"),
        ({"depths": (1, 0, 1, 1)}, "OUT_OF_RANGE"),
        ({"width": 0.0}, "OUT_OF_RANGE"),
        ({"dropout": 1.0}, "OUT_OF_RANGE"),
        ({"depths": (1, 1, 1, 1), "pretrained": True}, "CONFLICT"),
        ({"width": 0.5, "pretrained": True}, "CONFLICT"),
    ],
)
def test_what_makes_no_network_is_refused(name, options, code):
    with pytest.raises(ConfigError, match=code):
        create_model(name, **options)
