"""MONAI's BasicUNet on every frame of a clip: five sizes, instance normalisation, leaky rectifiers.

Falk and others, U-Net: deep learning for cell counting, detection, and morphometry, Nature Methods 16:67, 2019, as
MONAI has it; the medical field's own implementation, beside the faster one of ``unet``. MONAI takes seconds to import,
so it is an extra, and only this network asks for it. Layers and names of tensors are MONAI's, but for the last layer.
"""

from __future__ import annotations

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError
from cinecor.models.map_head import MapHead

SIZES = 5
"""From the frame's own down by halves."""
LEAST = 32  # px: the smallest map of such a frame has more than one position, which its normalisation needs


class MonaiUNet(MapHead):
    """Logits of every pixel of every frame; frames are seen one by one, so that any number of them makes a clip.

    Args:
        num_outputs: structures; each is a logit of its own.
        in_channels: of the clips.
        widths: channels at each of the five sizes, from the frame's own down, and of the last map.
        norm: instance, of each frame by itself, or batch.
        upsample: by a transposed convolution (deconv), bilinear (nontrainable) or by moving channels (pixelshuffle).
        dropout: probability, behind every normalisation.

    Raises:
        ConfigError: MISSING_EXTRA without MONAI; OUT_OF_RANGE for options that make no network, and for frames below
            32 pixels.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        widths: tuple[int, int, int, int, int, int] = (32, 32, 64, 128, 256, 32),
        norm: Literal["instance", "batch"] = "instance",
        upsample: Literal["deconv", "nontrainable", "pixelshuffle"] = "deconv",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(widths) < 1 or in_channels < 1:
            raise ConfigError("OUT_OF_RANGE", f"{tuple(widths)} are not widths", where="monai_unet.widths")
        if not 0 <= dropout < 1:
            what = f"{dropout} is not a dropout"
            raise ConfigError("OUT_OF_RANGE", what, "give 0 to below 1", where="monai_unet.dropout")
        self.network = _basic_unet()(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=1,
            features=tuple(widths),
            norm=(norm, {"affine": True}),
            bias=False,  # a normalisation follows
            dropout=dropout,
            upsample=upsample,
        )
        self.network.final_conv = nn.Identity()
        self.num_features = widths[SIZES]
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The decoder's last map, as large as the frames."""
        (x,) = streams
        if min(x.shape[-2:]) < LEAST:
            what = f"frames of {x.shape[-2]} x {x.shape[-1]} pixels are too small for {SIZES} sizes"
            raise ConfigError("OUT_OF_RANGE", what, f"give {LEAST} pixels or more", where="clip.height")
        maps = self.network(x.transpose(1, 2).flatten(0, 1))
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)


def _basic_unet() -> Any:
    try:
        from monai.networks.nets import BasicUNet
    except ImportError as error:
        cure = "pip install 'cinecor[monai]', or choose model.name unet"
        raise ConfigError("MISSING_EXTRA", "MONAI is not installed", cure, where="monai_unet") from error
    return BasicUNet
