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


def test_vgg16_has_timms_convolutions_and_the_mean_map_under_its_dense_layers():
    from timm.models import vgg

    torch.manual_seed(0)
    shape = [each if each == "M" else each // 16 for each in vgg.cfgs["vgg16"]]
    theirs = vgg.VGG(shape, num_classes=0, mlp_ratio=0.001).eval()
    ours = create_model("vgg16", 2, width=1 / 16, dense=(8,), input_size=(2, 64, 96)).eval()
    convolutions = {name: tensor for name, tensor in theirs.state_dict().items() if name.startswith("features.")}
    ours.trunk.load_state_dict(convolutions, strict=True)
    images = torch.randn(2, 1, 2, 64, 96)
    with torch.no_grad():
        maps = theirs.features(images.transpose(1, 2).flatten(0, 1).repeat(1, 3, 1, 1)).unflatten(0, (2, 2))
        torch.testing.assert_close(ours.forward_features(images), maps.transpose(1, 2))
        torch.testing.assert_close(ours(images), ours.head(maps.mean(1).flatten(1)))
    assert [tuple(layer.weight.shape) for layer in ours.head if isinstance(layer, torch.nn.Linear)] == [
        (8, 32 * 2 * 3),
        (2, 8),
    ]


def test_vgg16_has_as_many_convolutions_as_published():
    with torch.device("meta"):
        network = create_model("vgg16", 1000)
    assert sum(p.numel() for p in network.trunk.parameters()) == 14_714_688
    with pytest.raises(ConfigError, match=r"OUT_OF_RANGE: vgg16\.input_size"):
        create_model("vgg16", input_size=(1, 31, 224))


def test_a_norm_may_stand_before_the_dense_layer():
    network = create_model("resnet50", 3, depths=(1, 1, 1, 1), width=1 / 16, head_norm=True).eval()
    norm, last = network.head
    assert network.output_layer() is last
    norm.running_mean.fill_(2.0)
    features = torch.randn(2, network.num_features, 1, 2, 2)
    expected = last((features.mean((2, 3, 4)) - 2.0) / (1 + norm.eps) ** 0.5)
    torch.testing.assert_close(network.forward_head(features), expected)


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
