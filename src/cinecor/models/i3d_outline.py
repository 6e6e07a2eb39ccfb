"""I3D with a second head that outlines the left ventricle: one trunk learns both.

Paper 000 says that models with segmentation heads are in its appendix, which is not public. This is the obvious one,
and our reading: the trunk's last map, enlarged in two steps to the clip's size, beside the stem's first map where
walls are still sharp. Outlines are known on two frames of each loop; the loss counts those alone.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, cat, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.choices import Conv2, Depth, NormAxes, NormKind
from cinecor.models.contract import OutliningNetwork
from cinecor.models.i3d import I3D
from cinecor.models.inception import NormFactory, conv_norm_relu
from cinecor.models.initialisation import glorot

_STEM = 64  # channels of the first convolution


class I3DOutline(OutliningNetwork):
    """Values of a clip, and a map of the left ventricle on each of its frames.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips.
        depth: as in ``i3d``: which inception modules follow the stem.
        conv2: as in ``i3d``: the second convolution.
        norm: as in ``i3d``: batch or layer normalisation; of the decoder, too.
        norm_axes: as in ``i3d``: over which layer normalisation takes mean and variance of a sample.
        norm_momentum: as in ``i3d``: share of the newest batch in the running statistics.
        decoder_width: filters of the decoder's two convolutions.
        dropout: as in ``i3d``: of the head.
        width: as in ``i3d``: a factor on all widths; on the decoder's filters, too.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        depth: Depth = "3",
        conv2: Conv2 = "1x1x1",
        norm: NormKind = "batch",
        norm_axes: NormAxes = "channel+space",
        norm_momentum: float = 0.01,
        decoder_width: int = 32,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if decoder_width < 1:
            raise ConfigError("OUT_OF_RANGE", f"{decoder_width} filters", "give at least 1", where="decoder_width")
        self.i3d = I3D(
            num_outputs,
            in_channels=in_channels,
            depth=depth,
            conv2=conv2,
            norm=norm,
            norm_axes=norm_axes,
            norm_momentum=norm_momentum,
            dropout=dropout,
            width=width,
        )
        self.num_features, self.num_outputs = self.i3d.num_features, num_outputs
        filters, stem = (max(1, round(n * width)) for n in (decoder_width, _STEM))
        factory = NormFactory(norm, norm_axes, norm_momentum, 3)
        self.narrow = conv_norm_relu(self.num_features, filters, (1, 1, 1), factory)
        self.sharpen = conv_norm_relu(filters + stem, filters, (3, 3, 3), factory)
        self.last = nn.Conv3d(filters, 1, 1)
        for layer in (self.narrow, self.sharpen, self.last):
            glorot(layer)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The trunk's last map."""
        return self.i3d.forward_features(*streams)

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value"]:
        """The values, or the embedding (mean over positions)."""
        return self.i3d.forward_head(features, pre_logits=pre_logits)

    def forward_maps(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> tuple[Float[Tensor, "batch feature t h w"], Float[Tensor, "batch 1 time height width"]]:
        """The trunk's last map, and the logit of each pixel to lie in the left ventricle."""
        (x,) = streams
        stem = self.i3d.conv1(x)
        features = self.i3d.forward_after_stem(stem)
        coarse = functional.interpolate(self.narrow(features), size=stem.shape[2:], mode="trilinear")
        logits = self.last(self.sharpen(cat([coarse, stem], dim=1)))
        return features, functional.interpolate(logits, size=x.shape[2:], mode="trilinear")

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh head for the values; the decoder stays."""
        self.num_outputs = num_outputs
        self.i3d.reset_classifier(num_outputs)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer of the values' head."""
        return self.i3d.output_layer()
