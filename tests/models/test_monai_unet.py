"""MONAI's network under our contract says what MONAI's own says."""

import sys

import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.models import create_model

WIDTHS = (2, 3, 4, 5, 6, 3)


@pytest.mark.parametrize("options", [{}, {"norm": "batch", "upsample": "nontrainable"}])
def test_logits_are_monais(options):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(1)
    ours = create_model("monai_unet", 2, widths=WIDTHS, **options).eval()
    norm = (options.get("norm", "instance"), {"affine": True})
    kwargs = {"norm": norm, "upsample": options.get("upsample", "deconv")}
    theirs = nets.BasicUNet(2, 1, 2, WIDTHS, bias=False, **kwargs).eval()
    weights = {name.removeprefix("network."): value for name, value in ours.network.state_dict().items()}
    weights["final_conv.weight"] = ours.head.weight[..., 0]
    weights["final_conv.bias"] = ours.head.bias
    theirs.load_state_dict(weights, strict=True)
    clips = torch.randn(2, 1, 3, 36, 44)
    with torch.no_grad():
        for frame in range(3):
            torch.testing.assert_close(ours(clips)[:, :, frame], theirs(clips[:, :, frame]))


def test_without_monai_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(ConfigError, match=r"MISSING_EXTRA.*cinecor\[monai\]"):
        create_model("monai_unet")


@pytest.mark.parametrize("wrong", [{"widths": (0, 3, 4, 5, 6, 3)}, {"in_channels": 0}, {"dropout": 1.0}])
def test_options_that_make_no_network(wrong):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("monai_unet", **wrong)


def test_frames_below_its_sizes_are_refused():
    with pytest.raises(ConfigError, match="give 32 pixels"):
        create_model("monai_unet", widths=WIDTHS)(torch.zeros(1, 1, 1, 31, 40))
