"""SEANet, the convolutional encoder and decoder of EnCodec (Défossez et al., "High Fidelity Neural Audio Compression",
2022, section 3.1).

Weights are plain: weight norm is folded into them when they are loaded (:mod:`partimento.codec.encodec_layout`). The
decoder's way of running on a stream, which is also its fast one, is in :mod:`partimento.codec.decoder_stream`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class SeanetConfig:
    """Shape of encoder and decoder; the defaults are MusicGen's 32 kHz codec.

    Attributes:
        channels: audio channels.
        dimension: numbers per token frame.
        n_filters: channels next to the waveform; each stride doubles them.
        ratios: strides in the decoder's order (the encoder uses them backwards); their product is the hop.
        n_residual_layers: residual blocks per stride.
        kernel, last_kernel, residual_kernel: samples.
        dilation_base: residual block j is dilated by ``dilation_base ** j``.
        compress: a residual block's inner channels are this many times fewer.
        lstm_layers: 0 for none.
        causal: pad on the left only.
        pad_mode: as in :func:`torch.nn.functional.pad`. MusicGen's published copies disagree ("reflect" in the layout of
            transformers, "constant" in AudioCraft's default configuration), so it always comes from the checkpoint.
        trim_right_ratio: share of a causal transposed convolution's surplus that is cut on the right.
        conv_shortcut: residual blocks' skip path is a 1x1 convolution, not the identity.
        group_norm: normalise each convolution's output over all time and channels (the 48 kHz model).
    """

    channels: int = 1
    dimension: int = 128
    n_filters: int = 64
    ratios: tuple[int, ...] = (8, 5, 4, 4)
    n_residual_layers: int = 1
    kernel: int = 7
    last_kernel: int = 7
    residual_kernel: int = 3
    dilation_base: int = 2
    compress: int = 2
    lstm_layers: int = 2
    causal: bool = False
    pad_mode: str = "reflect"
    trim_right_ratio: float = 1.0
    conv_shortcut: bool = False
    group_norm: bool = False

    @property
    def hop(self) -> int:
        """Samples per token frame."""
        return math.prod(self.ratios)


def pad_edges(x: Tensor, left: int, right: int, mode: str) -> Tensor:
    """Pad the last axis; reflection also works on inputs shorter than the padding (zeros are put in first)."""
    if mode != "reflect":
        return functional.pad(x, (left, right), mode)
    extra = max(0, max(left, right) - x.shape[-1] + 1)
    padded = functional.pad(functional.pad(x, (0, extra)), (left, right), mode)
    return padded[..., : padded.shape[-1] - extra]


class Conv(nn.Module):
    """Convolution that gives ``ceil(n / stride)`` samples.

    Attributes:
        quick: of a codec for fast engines (:mod:`partimento.codec.quick`).
    """

    quick = False

    def __init__(self, config: SeanetConfig, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation)
        self.norm = nn.GroupNorm(1, outputs) if config.group_norm else None
        self.pad_mode, self.stride = config.pad_mode, stride
        self.reach = (kernel - 1) * dilation
        total = self.reach + 1 - stride
        self.right = 0 if config.causal else total // 2
        self.left = total - self.right

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, n]`` to ``[B, C', ceil(n / stride)]``."""
        extra = -x.shape[-1] % self.stride
        y: Tensor = self.conv(pad_edges(x, self.left, self.right + extra, self.pad_mode))
        return y if self.norm is None else self.norm(y)


class ConvTranspose(nn.Module):
    """Transposed convolution that gives ``n * stride`` samples; ``quick`` as of :class:`Conv`."""

    quick = False

    def __init__(self, config: SeanetConfig, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inputs, outputs, kernel, stride)
        self.norm = nn.GroupNorm(1, outputs) if config.group_norm else None
        self.stride = stride
        self.surplus = kernel - stride
        self.right = math.ceil(self.surplus * config.trim_right_ratio) if config.causal else self.surplus // 2
        self.left = self.surplus - self.right

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, n]`` to ``[B, C', n * stride]``."""
        y = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        return cast(Tensor, y[..., self.left : y.shape[-1] - self.right])


class Recurrent(nn.Module):
    """Forward LSTM with a skip path."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, layers)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, n]`` to the same shape."""
        steps = x.permute(2, 0, 1)
        return cast(Tensor, self.lstm(steps)[0] + steps).permute(1, 2, 0)


class Elu(nn.Module):
    """ELU with alpha 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return functional.elu(x)


class ResidualBlock(nn.Module):
    """ELU, convolution, ELU, 1x1 convolution, added to the (projected) input."""

    def __init__(self, config: SeanetConfig, width: int, dilation: int) -> None:
        super().__init__()
        inner = width // config.compress
        first = Conv(config, width, inner, config.residual_kernel, dilation=dilation)
        self.block = nn.ModuleList([Elu(), first, Elu(), Conv(config, inner, width, 1)])
        self.shortcut = Conv(config, width, width, 1) if config.conv_shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, n]`` to the same shape."""
        y = x
        for layer in self.block:
            y = layer(y)
        return y + (x if self.shortcut is None else self.shortcut(x))


class _Stack(nn.Module):
    """Layers one after the other; their numbers are those of the published checkpoints."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Through all layers."""
        for layer in self.layers:
            x = layer(x)
        return x


class SeanetEncoder(_Stack):
    """``[B, C, n]`` to ``[B, dimension, ceil(n / hop)]``."""

    def __init__(self, config: SeanetConfig) -> None:
        width = config.n_filters
        layers: list[nn.Module] = [Conv(config, config.channels, width, config.kernel)]
        for ratio in reversed(config.ratios):
            layers += [ResidualBlock(config, width, config.dilation_base**j) for j in range(config.n_residual_layers)]
            layers += [Elu(), Conv(config, width, 2 * width, 2 * ratio, stride=ratio)]
            width *= 2
        if config.lstm_layers:
            layers.append(Recurrent(width, config.lstm_layers))
        super().__init__([*layers, Elu(), Conv(config, width, config.dimension, config.last_kernel)])


class SeanetDecoder(_Stack):
    """``[B, dimension, T]`` to ``[B, C, T * hop]``."""

    def __init__(self, config: SeanetConfig) -> None:
        width = config.n_filters * 2 ** len(config.ratios)
        layers: list[nn.Module] = [Conv(config, config.dimension, width, config.kernel)]
        if config.lstm_layers:
            layers.append(Recurrent(width, config.lstm_layers))
        for ratio in config.ratios:
            layers += [Elu(), ConvTranspose(config, width, width // 2, 2 * ratio, stride=ratio)]
            width //= 2
            layers += [ResidualBlock(config, width, config.dilation_base**j) for j in range(config.n_residual_layers)]
        super().__init__([*layers, Elu(), Conv(config, width, config.channels, config.last_kernel)])
