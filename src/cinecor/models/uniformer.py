"""UniFormer for video: convolutions that look near by first, attention over all of time and space after.

Li and others, UniFormer: unified transformer for efficient spatial-temporal representation learning, ICLR 2022. It is
the encoder of EchoCoTr (Muhtaseb and Yaqub, 2022) and of CoReEcho (papers 001 and 002), whose dropouts are options
here, as is CoReEcho's head. Written from what papers and codes state; names and shapes of the tensors are those of the
public checkpoints, so that they load strictly.

With the widths of UniFormer-S a clip 3 x 36 x 112 x 112 becomes maps of 64 x 18 x 28 x 28, 128 x 18 x 14 x 14,
320 x 18 x 7 x 7 and 512 x 18 x 3 x 3: the last strides leave out an odd row or column.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.choices import ValueHead
from cinecor.models.colour import COLOURS, check_channels, in_colour
from cinecor.models.dense_head import DenseHead

_SMALLEST = 32  # px: four strides of 4, 2, 2 and 2
_BLOCK_EPS = 1e-6  # of the layer norms in blocks; those after a patch embedding have 1e-5


class UniFormer(DenseHead):
    """Two stages of convolution blocks, two of attention blocks, a batch norm; the head sees the mean over positions.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips, 3 or 1. The weights are those of colour images either way: a clip of one grey
            channel is shown three times.
        depths: blocks of the four stages; UniFormer-S has 3, 4, 8, 3.
        widths: channels of the four stages.
        head_dim: channels of one attention head; it divides the last two widths.
        mlp_ratio: width of the hidden layer of a block, by its channels.
        dropout: probability of dropout after the first patch embedding, in every MLP and after every attention's
            projection. EchoCoTr and CoReEcho have 0.1, UniFormer's own recipe 0.
        attention_dropout: of the attention weights; 0 in all of them.
        drop_path: probability that a clip skips the last block's branches; it rises to this linearly from 0 at the
            first block. EchoCoTr and CoReEcho have 0, UniFormer's own recipe 0.1.
        head: ``linear``, one dense layer, as Kinetics and EchoCoTr have; or ``coreecho``, its regressor: batch norm,
            dropout, dense, batch norm, GELU, dropout, dense.
        head_dropout: both dropouts of the head ``coreecho``.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network, and for clips that are too small for it.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (3, 4, 8, 3),
        widths: tuple[int, int, int, int] = (64, 128, 320, 512),
        head_dim: int = 64,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        drop_path: float = 0.0,
        head: ValueHead = "linear",
        head_dropout: float = 0.4,
    ) -> None:
        super().__init__()
        _check(in_channels, depths, widths, head_dim, (dropout, attention_dropout, drop_path, head_dropout))
        self.num_features = widths[-1]
        self._head, self._within = head, head_dropout
        drops = iter(torch.linspace(0.0, drop_path, sum(depths), device="cpu").tolist())
        convolve = partial(ConvolutionBlock, mlp_ratio=mlp_ratio, dropout=dropout)
        attend = partial(
            AttentionBlock,
            head_dim=head_dim,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            attention_dropout=attention_dropout,
        )
        self.patch_embed1 = PatchEmbedding(COLOURS, widths[0], (3, 4, 4), (2, 4, 4), (1, 0, 0))
        self.patch_embed2 = PatchEmbedding(widths[0], widths[1], (1, 2, 2), (1, 2, 2))
        self.patch_embed3 = PatchEmbedding(widths[1], widths[2], (1, 2, 2), (1, 2, 2))
        self.patch_embed4 = PatchEmbedding(widths[2], widths[3], (1, 2, 2), (1, 2, 2))
        self.pos_drop = nn.Dropout(dropout)
        self.blocks1 = nn.ModuleList(convolve(widths[0], drop_path=next(drops)) for _ in range(depths[0]))
        self.blocks2 = nn.ModuleList(convolve(widths[1], drop_path=next(drops)) for _ in range(depths[1]))
        self.blocks3 = nn.ModuleList(attend(widths[2], drop_path=next(drops)) for _ in range(depths[2]))
        self.blocks4 = nn.ModuleList(attend(widths[3], drop_path=next(drops)) for _ in range(depths[3]))
        self.norm = nn.BatchNorm3d(widths[-1])
        self.reset_classifier(num_outputs)
        _start(self)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The map after the last norm: half the frames, a 32nd of height and width."""
        x = in_colour(*streams)
        if min(x.shape[-2:]) < _SMALLEST:
            what = f"UniFormer needs {_SMALLEST} pixels, the clips have {min(x.shape[-2:])}"
            raise ConfigError("OUT_OF_RANGE", what, "give larger clips", where="clip.height")
        x = self.pos_drop(self.patch_embed1(x))
        for stage in self._after_first():
            x = stage(x)
        normed: Tensor = self.norm(x)
        return normed

    def _after_first(self) -> Iterator[nn.Module]:
        """Every layer between the first patch embedding and the last norm, in order."""
        yield from self.blocks1
        yield self.patch_embed2
        yield from self.blocks2
        yield self.patch_embed3
        yield from self.blocks3
        yield self.patch_embed4
        yield from self.blocks4

    def make_head(self, num_outputs: int) -> nn.Module:
        """A head on the mean over all positions, which CoReEcho makes continuous in EF."""
        features, dropout = self.num_features, self._within
        head: nn.Module = nn.Linear(features, num_outputs)
        if self._head == "coreecho":
            head = nn.Sequential(
                nn.BatchNorm1d(features),
                nn.Dropout(dropout),
                nn.Linear(features, features),
                nn.BatchNorm1d(features),
                nn.GELU(),
                nn.Dropout(dropout),
                head,
            )
        _start(head)
        return head


class PatchEmbedding(nn.Module):
    """A convolution that makes the map smaller, and a layer norm over its channels at each position.

    Args:
        in_channels: of the map.
        width: channels of the smaller map.
        kernel: frames, height, width.
        stride: the same.
        padding: zeros on each side, the same.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        kernel: tuple[int, int, int],
        stride: tuple[int, int, int],
        padding: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.proj = nn.Conv3d(in_channels, width, kernel, stride, padding)

    def forward(self, x: Float[Tensor, "batch channel time height width"]) -> Float[Tensor, "batch feature t h w"]:
        """The smaller map."""
        return self.norm(self.proj(x).movedim(1, -1)).movedim(-1, 1)


class ConvolutionBlock(nn.Module):
    """Adds to a map, in turn: where things are (depth-wise 3x3x3), what is near by (depth-wise 5x5x5), and an MLP.

    Args:
        width: channels.
        mlp_ratio: as for :class:`UniFormer`, as are dropout and drop_path.
        dropout: see mlp_ratio.
        drop_path: of this block.
    """

    def __init__(self, width: int, *, mlp_ratio: float, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.pos_embed = _depth_wise(width, 3)
        self.norm1 = nn.BatchNorm3d(width)
        self.conv1 = nn.Conv3d(width, width, 1)
        self.conv2 = nn.Conv3d(width, width, 1)
        self.attn = _depth_wise(width, 5)
        self.norm2 = nn.BatchNorm3d(width)
        self.mlp = Mlp(partial(nn.Conv3d, kernel_size=1), width, round(width * mlp_ratio), dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Float[Tensor, "batch feature time height width"]) -> Float[Tensor, "batch feature t h w"]:
        """A map of the same shape."""
        x = x + self.pos_embed(x)
        x = x + self.drop_path(self.conv2(self.attn(self.conv1(self.norm1(x)))))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class AttentionBlock(nn.Module):
    """Adds to a map, in turn: where things are, what is anywhere in the clip (joint attention), and an MLP.

    Args:
        width: channels.
        head_dim: as for :class:`UniFormer`, as are the others.
        mlp_ratio: see head_dim.
        dropout: see head_dim.
        attention_dropout: see head_dim.
        drop_path: of this block.
    """

    def __init__(
        self,
        width: int,
        *,
        head_dim: int,
        mlp_ratio: float,
        dropout: float,
        attention_dropout: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.pos_embed = _depth_wise(width, 3)
        self.norm1 = nn.LayerNorm(width, eps=_BLOCK_EPS)
        self.attn = Attention(width, head_dim, dropout, attention_dropout)
        self.norm2 = nn.LayerNorm(width, eps=_BLOCK_EPS)
        self.mlp = Mlp(nn.Linear, width, round(width * mlp_ratio), dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Float[Tensor, "batch feature time height width"]) -> Float[Tensor, "batch feature t h w"]:
        """A map of the same shape."""
        x = x + self.pos_embed(x)
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        tokens = tokens + self.drop_path(self.mlp(self.norm2(tokens)))
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])


class Attention(nn.Module):
    """Multi-head attention among all tokens, by PyTorch's fused kernel; scores are scaled by head_dim ** -0.5.

    Args:
        width: channels of a token; queries, keys and values come of one dense layer, in this order, head by head.
        head_dim: as for :class:`UniFormer`, as are the others.
        dropout: after the projection.
        attention_dropout: of the attention weights.
    """

    def __init__(self, width: int, head_dim: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self._head_dim, self._dropout = head_dim, attention_dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch token feature"]:
        """What each token gathers from all."""
        query, key, value = self.qkv(tokens).unflatten(2, (3, -1, self._head_dim)).permute(2, 0, 3, 1, 4)
        dropout = self._dropout if self.training else 0.0
        gathered = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        mixed: Tensor = self.proj_drop(self.proj(gathered.transpose(1, 2).flatten(2)))
        return mixed


class Mlp(nn.Module):
    """Two dense layers, of tokens or of a map's positions, with a GELU between them and dropout after each.

    Args:
        layer: makes a dense layer of so many inputs and outputs.
        width: channels.
        hidden: units between.
        dropout: probability.
    """

    def __init__(self, layer: type[nn.Linear] | partial[nn.Conv3d], width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = layer(width, hidden)
        self.act = nn.GELU()
        self.fc2 = layer(hidden, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """The same shape."""
        changed: Tensor = self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))
        return changed


class DropPath(nn.Module):
    """In training, takes a branch from some clips of a batch and enlarges it for the others (stochastic depth).

    Args:
        probability: that a clip goes without.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self._probability = probability

    def forward(self, branch: Float[Tensor, "batch first *others"]) -> Float[Tensor, "batch first *others"]:
        """The branch, zero for some clips."""
        if not self.training or self._probability == 0.0:
            return branch
        kept = 1.0 - self._probability
        mask = branch.new_empty((len(branch), *(1 for _ in branch.shape[1:]))).bernoulli_(kept)
        return branch * mask / kept


def _depth_wise(width: int, side: int) -> nn.Conv3d:
    return nn.Conv3d(width, width, side, padding=side // 2, groups=width)


def _start(module: nn.Module) -> None:
    """First weights of dense layers as transformers have them: normal, SD 0.02, cut at 2; zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)


def _check(
    in_channels: int,
    depths: tuple[int, int, int, int],
    widths: tuple[int, int, int, int],
    head_dim: int,
    dropouts: tuple[float, ...],
) -> None:
    check_channels(in_channels, "uniformer_small")
    if min(*depths, *widths, head_dim) < 1 or any(width % head_dim for width in widths[2:]):
        what = f"widths {tuple(widths)} with heads of {head_dim} make no network"
        cure = "head_dim divides the last two widths, all are at least 1"
        raise ConfigError("OUT_OF_RANGE", what, cure, where="uniformer_small.widths")
    if not all(0 <= dropout < 1 for dropout in dropouts):
        what = f"{dropouts} are not all dropouts"
        raise ConfigError("OUT_OF_RANGE", what, "give 0 to below 1", where="uniformer_small.dropout")
