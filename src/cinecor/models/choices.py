"""How the options of networks are spelt. No torch here, so that they can be listed at no cost."""

from __future__ import annotations

from typing import Literal, TypeAlias

Depth: TypeAlias = Literal["stem", "3", "3+4", "3+4+5"]
Conv2: TypeAlias = Literal["1x1x1", "3x3x3", "3x1x1", "3x3x3+3x3x3"]
HeadKind: TypeAlias = Literal["OG", "A", "B", "C"]
NormKind: TypeAlias = Literal["batch", "layer"]
NormAxes: TypeAlias = Literal["channel", "channel+space", "channel+space+time"]
Conv1Start: TypeAlias = Literal["glorot", "smooth"]
StreamNorm: TypeAlias = Literal["instance", "batch", "layer"]
Reading: TypeAlias = Literal["full", "halves", "half_resolution"]
FusionReading: TypeAlias = Literal["auto", "full", "halves", "half_resolution"]
FusionKind: TypeAlias = Literal["combination", "new_combination", "dual_input", "dual_input_truncated", "single_input"]
Split: TypeAlias = Literal["copy", "channels"]
FrameNetwork: TypeAlias = Literal["inception_v3", "i3d_mini_2d"]
Recurrent: TypeAlias = Literal["gru", "lstm"]
SequenceNorm: TypeAlias = Literal["none", "layer"]
Pooling: TypeAlias = Literal["auto", "max", "average"]
DiscriminatorForm: TypeAlias = Literal["two_outputs", "k_logits"]
DiscriminatorNorm: TypeAlias = Literal["batch", "weight"]
ValueHead: TypeAlias = Literal["linear", "coreecho"]
PublicWeights: TypeAlias = Literal[
    "uniformer", "coreecho", "echocotr", "echonet-r2plus1d", "echonet-deeplabv3", "keras-resnet50v2", "imagenet-vgg16"
]
Drop: TypeAlias = Literal["channels", "values"]
Enlargement: TypeAlias = Literal["bilinear", "transposed"]
UNetNorm: TypeAlias = Literal["batch", "none"]
