"""The codec for fast engines: matrices of the recurrent layers as float16, everything that is summed in float32.

An LSTM reads its matrices anew at every frame and does little with each number, so their size is its cost. float16 keeps 11
binary digits of a weight where bfloat16 keeps 8. Layers run side by side, a few frames behind each other, one core each: cores
meet once per block of frames and not once per frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from partimento.codec.seanet import Conv, ConvTranspose, Recurrent, SeanetDecoder

BLOCK_FRAMES = 10
"""Frames between one layer of an LSTM and the next, when both run at once."""
_LARGEST = float(torch.finfo(torch.float16).max)

Map = Callable[..., Iterable[Any]]


def has_half_products() -> bool:
    """Whether PyTorch multiplies float32 by packed float16 matrices here (x86 processors)."""
    return "fbgemm" in torch.backends.quantized.supported_engines


def quicken(decoder: SeanetDecoder) -> None:
    """Prepare a decoder for fast engines, in place; float32 matrices that are replaced are given up.

    Where this machine has no such products, or a weight is beyond float16's range, recurrent layers stay as they are.
    """
    for module in decoder.modules():
        if isinstance(module, Conv | ConvTranspose):
            module.quick = True
    if not has_half_products():
        return
    for index, layer in enumerate(decoder.layers):
        if isinstance(layer, Recurrent) and all(float(p.abs().max()) <= _LARGEST for p in layer.parameters()):
            decoder.layers[index] = HalfRecurrent(layer)


class HalfRecurrent(nn.Module):
    """A forward LSTM with a skip path, its matrices in float16.

    Args:
        source: whose weights it takes.
    """

    def __init__(self, source: Recurrent) -> None:
        super().__init__()
        lstm = source.lstm
        self.width, self.n_levels = lstm.hidden_size, lstm.num_layers
        self._levels: list[tuple[Any, Any]] = []
        for weights in lstm.all_weights:
            w_in, w_back, b_in, b_back = (cast(Tensor, weight).detach() for weight in weights)
            self._levels.append((_packed(w_in, b_in + b_back), _packed(w_back, None)))

    def start(self, x: Tensor) -> list[Tensor]:
        """The state of each level before the first frame, ``[2, B, C]``, for rows like ``x [n, B, C]``."""
        return [x.new_zeros(2, x.shape[1], self.width) for _ in range(self.n_levels)]

    def forward(self, x: Tensor, state: list[Tensor] | None = None, do: Map = map) -> Tensor:
        """The next ``[n, B, C]``; ``state`` is carried on in place.

        Args:
            x: rows.
            state: of :meth:`start`; None for a sound of its own.
            do: a ``map`` that may run several calls at once.
        """
        state = self.start(x) if state is None else state
        blocks = list(torch.split(x, BLOCK_FRAMES))
        # In turn t, level l has block t - l: what it reads was made in the turn before.
        for turn in range(len(blocks) + self.n_levels - 1):
            levels = [level for level in range(self.n_levels) if 0 <= turn - level < len(blocks)]
            made = list(do(self._level, levels, [blocks[turn - i] for i in levels], [state[i] for i in levels]))
            for level, block in zip(levels, made, strict=True):
                blocks[turn - level] = block
        return torch.cat(blocks) + x

    @torch.inference_mode()
    def _level(self, level: int, x: Tensor, state: Tensor) -> Tensor:
        """The next ``[m, B, C]`` of one level."""
        packed_in, packed_back = self._levels[level]
        (n, batch, width), product = x.shape, torch.ops.quantized.linear_dynamic_fp16
        gates = product(x.reshape(n * batch, width), packed_in).view(n, batch, 4 * width)
        out = torch.empty_like(x)
        h, c = state
        for here, result in zip(gates, out, strict=True):
            now = here.add_(product(h, packed_back))
            # Order of gates: input, forget, cell, output.
            doors, cell, opened = now[..., : 2 * width], now[..., 2 * width : 3 * width], now[..., 3 * width :]
            doors.sigmoid_(), cell.tanh_(), opened.sigmoid_()
            c.mul_(doors[..., width:]).addcmul_(doors[..., :width], cell)
            h = torch.mul(opened, torch.tanh(c), out=result)
        state[0] = h
        return out


def _packed(weight: Tensor, bias: Tensor | None) -> Any:
    """A matrix ``[outputs, inputs]`` in the order that the products want."""
    return torch.ops.quantized.linear_prepack_fp16(weight.float().contiguous(), bias)


def elu_into(x: Tensor, out: Tensor) -> Tensor:
    """ELU of ``x`` written to ``out``; a few 1e-8 off, in half the time: powers of 2 have a fast kernel, ELU has none."""
    torch.mul(x, 1.4426950408889634, out=out)  # log2(e)
    out.clamp_max_(0.0).exp2_().sub_(1.0)
    return torch.maximum(out, x, out=out)
