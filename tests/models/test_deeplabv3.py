"""DeepLabV3 under our contract: torchvision's names and outputs, frame by frame."""

import pytest
import torch
from torchvision.models.segmentation import deeplabv3_resnet50

from cinecor.errors import ConfigError
from cinecor.models import create_model


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    theirs = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=1, aux_loss=False).eval()
    with torch.device("meta"):
        ours = create_model("deeplabv3_resnet50")
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    return ours.eval(), theirs


def test_each_frame_is_what_torchvision_gives_of_it(pair):
    ours, theirs = pair
    clips = torch.randn(2, 1, 2, 32, 48)
    frames = clips.transpose(1, 2).flatten(0, 1).repeat(1, 3, 1, 1)
    with torch.no_grad():
        expected = theirs(frames)["out"].unflatten(0, (2, 2)).transpose(1, 2)
        torch.testing.assert_close(ours(clips), expected)
        torch.testing.assert_close(ours(clips.repeat(1, 3, 1, 1, 1)), expected)


def test_frames_that_do_not_divide_are_refused(pair):
    with pytest.raises(ConfigError, match="multiples of 8"):
        pair[0](torch.zeros(1, 3, 1, 32, 36))


def test_the_backbone_starts_from_imagenet(monkeypatch):
    from torchvision.models.resnet import resnet50

    with torch.device("cpu"):
        theirs = resnet50(weights=None).state_dict()
    monkeypatch.setattr("cinecor.models.deeplabv3.fetch_weights", lambda *_: theirs)
    ours = create_model("deeplabv3_resnet50", pretrained=True).state_dict()
    kept = [key for key in theirs if not key.startswith("fc.")]
    assert kept
    assert all(torch.equal(ours[f"backbone.{key}"], theirs[key]) for key in kept)
