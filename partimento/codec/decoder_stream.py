"""EnCodec's decoder on a stream: exact, and fast on CPUs.

Sound is kept time by time (rows of channels, ``[n, C]``), so that every convolution is a matrix product on shifted rows and
a transposed convolution is one whose result needs no rearranging: with a kernel of ``taps * stride`` its output block t is
the sum over taps j of ``x[t - j] @ W_j``. Every layer keeps the rows that the next chunk needs, so chunks of any size put
together equal the whole. Late layers, which have many rows and see few neighbours, run in tiles that fit a core's cache,
each by one core.

Weights are laid out for this once; the modules' parameters become views of that memory, so nothing is stored twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from partimento.codec.quick import HalfRecurrent, elu_into
from partimento.codec.seanet import Conv, ConvTranspose, Elu, Recurrent, ResidualBlock, SeanetDecoder, pad_edges
from partimento.threads import one_thread

CHUNK_FRAMES = 50
"""Frames that pass the wide layers together: each of their weights is fetched once for all of them."""
TILE_ROWS = 400
"""Rows before the narrow layers that pass these together, so that what lies between them stays in the cache."""
WIDE_STAGES = 2
"""Transposed convolutions before the tiles begin."""
_NARROW = 4  # a convolution to so few channels is one product with all taps, then a sum along diagonals

Memory = dict[nn.Module, Any]
"""What the layers of one stream remember; an empty one starts a stream."""


def lay_out(decoder: SeanetDecoder) -> None:
    """Move the convolutions' weights into the order that the products want; done once, results do not change.

    A convolution's weight ``[N, C, k]`` becomes a view of ``[k, C, N]`` (of ``[C, k, N]`` for few outputs), a transposed
    one's ``[C, N, k]`` a view of ``[C, k, N]``.
    """
    with torch.inference_mode(False), torch.no_grad():
        for module in decoder.modules():
            if isinstance(module, nn.Conv1d):
                there, back = ((1, 2, 0), (2, 0, 1)) if module.out_channels <= _NARROW else ((2, 1, 0), (2, 1, 0))
            elif isinstance(module, nn.ConvTranspose1d):
                there, back = (0, 2, 1), (0, 2, 1)
            else:
                continue
            weight = module.weight
            if not weight.data.permute(there).is_contiguous():
                weight.data = weight.data.permute(there).contiguous().permute(back)


def _elu(layer: Conv | ConvTranspose, x: Tensor, out: Tensor) -> Tensor:
    """ELU of what goes into a layer, written to ``out``."""
    return elu_into(x, out) if layer.quick else cast(Tensor, torch.ops.aten.elu.out(x, out=out))


def _edges(body: Tensor, left: int, right: int, mode: str) -> tuple[Tensor, Tensor]:
    """The rows that padding puts before and after ``[n, C]``."""
    if body.shape[0] > left + right + 2:
        head, tail = body[: left + 1], body[body.shape[0] - right - 1 :]
    else:
        head = tail = body
    before = pad_edges(head.t()[None], left, 0, mode)[0].t()[:left]
    after = pad_edges(tail.t()[None], 0, right, mode)[0].t()
    return before, after[after.shape[0] - right :]


def _window(layer: Conv, x: Tensor, memory: Memory, last: bool, active: bool) -> Tensor | None:
    """Rows that a convolution can now look at: those kept, then ``x`` (``active``: behind an ELU), padded where the sound
    begins or ends; None while they are too few."""
    started, kept = memory.get(layer, (False, x[:0]))
    n_kept, n = kept.shape[0], kept.shape[0] + x.shape[0]
    waits = not started and not last and n <= max(layer.left, layer.right)  # too little to reflect yet
    left, right = 0 if started or waits else layer.left, layer.right if last else 0
    rows = x.new_empty(left + n + right, x.shape[1])
    body = rows[left : left + n]
    body[:n_kept] = kept
    if active:
        _elu(layer, x, body[n_kept:])
    else:
        body[n_kept:] = x
    if waits or not n:
        memory[layer] = (False, rows)
        return None
    if left or right:
        rows[:left], rows[left + n :] = _edges(body, left, right, layer.pad_mode)
    memory[layer] = (True, rows[max(0, rows.shape[0] - layer.reach) :].clone())
    return rows if rows.shape[0] > layer.reach else None


def _convolved(layer: Conv, rows: Tensor) -> Tensor:
    """``[reach + m, C]`` to ``[m, N]``."""
    conv = layer.conv
    bias = cast(Tensor, conv.bias)
    n, taps, step = rows.shape[0] - layer.reach, conv.kernel_size[0], conv.dilation[0]
    if conv.out_channels <= _NARROW:
        width = taps * conv.out_channels
        every = rows @ conv.weight.permute(1, 2, 0).reshape(rows.shape[1], width)
        diagonals = every.as_strided((n, taps, conv.out_channels), (width, step * width + conv.out_channels, 1))
        return diagonals.sum(dim=1) + bias
    weight = conv.weight.permute(2, 1, 0)
    out = torch.addmm(bias, rows[:n], weight[0])
    for tap in range(1, taps):
        out.addmm_(rows[tap * step : tap * step + n], weight[tap])
    return out


def _conv(layer: Conv, x: Tensor, memory: Memory, last: bool, active: bool = True) -> Tensor:
    """ELU (unless not ``active``), then a convolution: the next rows."""
    rows = _window(layer, x, memory, last, active)
    return x.new_zeros(0, layer.conv.out_channels) if rows is None else _convolved(layer, rows)


def _upsampled(layer: ConvTranspose, x: Tensor, memory: Memory, last: bool) -> Tensor:
    """ELU, then a transposed convolution: the next rows, ``stride`` for each of ``x``."""
    conv, stride = layer.conv, layer.stride
    bias, behind = cast(Tensor, conv.bias), conv.kernel_size[0] // stride - 1
    skip, kept = memory.get(layer, (layer.left, x.new_zeros(behind, x.shape[1])))
    n = x.shape[0] + (behind if last else 0)
    rows = x.new_empty(behind + n, x.shape[1])
    rows[:behind] = kept
    _elu(layer, x, rows[behind : behind + x.shape[0]])
    rows[behind + x.shape[0] :] = 0
    weight = conv.weight.permute(0, 2, 1)
    y = torch.empty(0)
    for tap in range(behind + 1):
        part = weight[:, tap * stride : (tap + 1) * stride].reshape(x.shape[1], -1)
        here = rows[behind - tap : behind - tap + n]
        y = torch.addmm(bias.repeat(stride), here, part) if tap == 0 else y.addmm_(here, part)
    y = y.view(n * stride, conv.out_channels)
    drop = min(skip, y.shape[0])
    memory[layer] = (skip - drop, rows[rows.shape[0] - behind :].clone())
    return y[drop : y.shape[0] - (layer.right if last else 0)]


def _residual(block: ResidualBlock, x: Tensor, memory: Memory, last: bool) -> Tensor:
    """The next rows of a residual block; its skip path waits for the look-ahead."""
    first, second = cast(Conv, block.block[1]), cast(Conv, block.block[3])
    inner = _conv(first, x, memory, last)
    y = _convolved(second, _elu(second, inner, torch.empty_like(inner)))
    skip = x if block.shortcut is None else _convolved(block.shortcut, x)
    kept = memory.get(block, skip[:0])
    old = min(kept.shape[0], y.shape[0])
    y[:old] += kept[:old]
    y[old:] += skip[: y.shape[0] - old]
    memory[block] = torch.cat([kept[old:], skip[y.shape[0] - old :]])
    return y


def _through(layers: list[nn.Module], x: Tensor, memory: Memory, last: bool) -> Tensor:
    """The next rows of several layers. The ELU before each convolution is part of its step."""
    for layer in layers:
        if isinstance(layer, ResidualBlock):
            x = _residual(layer, x, memory, last)
        elif isinstance(layer, ConvTranspose):
            x = _upsampled(layer, x, memory, last)
        else:
            x = _conv(cast(Conv, layer), x, memory, last)
    return x


def _recurrent(layer: Recurrent, x: Tensor, memory: Memory) -> Tensor:
    """The next ``[n, B, C]`` of an LSTM with a skip path; its input products are one for all rows."""
    lstm, n, batch, width = layer.lstm, *x.shape
    state = memory.setdefault(layer, x.new_zeros(lstm.num_layers, 2, batch, width))
    y = x
    for level in range(lstm.num_layers):
        w_in, w_back, b_in, b_back = (cast(Tensor, weight) for weight in lstm.all_weights[level])
        gates = torch.addmm(b_in + b_back, y.reshape(n * batch, width), w_in.t()).view(n, batch, 4 * width)
        h, c = state[level]
        out, now = torch.empty_like(x), torch.empty_like(gates[0]) if n else gates
        w_back = w_back.t()
        # Order of gates: input, forget, cell, output.
        doors, cell, opened = now[..., : 2 * width], now[..., 2 * width : 3 * width], now[..., 3 * width :]
        let, keep = doors[..., :width], doors[..., width:]
        for here, result in zip(gates, out, strict=True):
            torch.addmm(here, h, w_back, out=now)
            doors.sigmoid_(), cell.tanh_(), opened.sigmoid_()
            c.mul_(keep).addcmul_(let, cell)
            h = torch.mul(opened, torch.tanh(c), out=result)
        state[level, 0] = h
        y = out
    return y + x


def _halo(layers: list[nn.Module]) -> int:
    """Rows on each side of a tile that its samples depend on, or more."""
    need = 0
    for layer in reversed(layers):
        if isinstance(layer, ConvTranspose):
            need = -(-(need + layer.surplus) // layer.stride) + 1
        else:
            need += cast(Conv, layer.block[1] if isinstance(layer, ResidualBlock) else layer).reach
    return need


@dataclass(slots=True)
class _Rows:
    """Rows before the narrow layers that are still needed; the first ``lead`` of them are only context."""

    rows: Tensor
    lead: int = 0


@contextmanager
def _workers(n: int) -> Iterator[Callable[..., Iterable[Tensor]]]:
    """A ``map`` by threads with one core each: products of tiles are too small to be shared out among cores."""
    if n == 1:
        yield map
        return
    with one_thread(), ThreadPoolExecutor(n) as pool:
        yield pool.map


class DecoderStream:
    """Decodes latent frames as they come; holds back the few samples that still depend on what follows.

    Args:
        decoder: without group norm, which looks at all of a sound; its weights are laid out anew (:func:`lay_out`).
        batch: sounds decoded together (they share the recurrent weights' way through memory).
    """

    def __init__(self, decoder: SeanetDecoder, batch: int) -> None:
        lay_out(decoder)
        layers = [layer for layer in decoder.layers if not isinstance(layer, Elu)]
        ups = [i for i, layer in enumerate(layers) if isinstance(layer, ConvTranspose)]
        first = ups[0] if ups else len(layers) - 1
        cut = ups[WIDE_STAGES] if len(ups) > WIDE_STAGES else len(layers) - 1
        self._first, self._recurrents = cast(Conv, layers[0]), layers[1:first]
        self._wide, self._narrow = layers[first:cut], layers[cut:]
        self._halo, self._per_row = _halo(self._narrow), math.prod(cast(ConvTranspose, layers[i]).stride for i in ups if i >= cut)
        self._shared: Memory = {}
        self._own: list[Memory] = [{} for _ in range(batch)]
        self._waiting: list[_Rows] = []

    def push(self, latent: Tensor, last: bool = False) -> Tensor:
        """The samples ``[B, C, n]`` that latent frames ``[B, D, t]`` settle; ``last`` ends the stream."""
        chunks = torch.split(latent, CHUNK_FRAMES, dim=-1)
        sounds = [self._chunk(chunk, last and i + 1 == len(chunks)) for i, chunk in enumerate(chunks)]
        return torch.cat(sounds, dim=-1)

    def _chunk(self, latent: Tensor, last: bool) -> Tensor:
        """The same for a few frames."""
        rows = [_conv(self._first, x.t(), memory, last, active=False) for x, memory in zip(latent, self._own, strict=True)]
        if self._recurrents:
            together = torch.stack(rows, dim=1)
            for layer in self._recurrents:
                together = self._remembering(layer, together)
            rows = list(together.unbind(dim=1))
        rows = [_through(self._wide, x, memory, last) for x, memory in zip(rows, self._own, strict=True)]
        self._waiting = self._waiting or [_Rows(x[:0]) for x in rows]
        for held, x in zip(self._waiting, rows, strict=True):
            held.rows = torch.cat([held.rows, x])
        return self._settled(last)

    def _remembering(self, layer: nn.Module, x: Tensor) -> Tensor:
        """The next ``[n, B, C]`` of a recurrent layer."""
        if not isinstance(layer, HalfRecurrent):
            return _recurrent(cast(Recurrent, layer), x, self._shared)
        with _workers(min(layer.n_levels, torch.get_num_threads())) as do:
            return cast(Tensor, layer(x, self._shared.setdefault(layer, layer.start(x)), do))

    def _settled(self, last: bool) -> Tensor:
        """Samples ``[B, C, n]`` of the waiting rows that have all their neighbours, tile by tile."""
        held, halo = self._waiting[0], self._halo
        n, lead = held.rows.shape[0], held.lead
        end = n if last else max(lead, n - halo)
        workers = torch.get_num_threads() if held.rows.device.type == "cpu" else 1
        n_tiles = -(-(end - lead) // (TILE_ROWS * workers)) * workers or 1
        bounds = [lead + (end - lead) * i // n_tiles for i in range(n_tiles + 1)]
        jobs = [(h.rows, *pair, last) for h in self._waiting for pair in pairwise(bounds)]
        with _workers(min(workers, len(jobs))) as do:
            sounds = list(do(self._tile, *zip(*jobs, strict=True)))
        for h in self._waiting:
            keep = max(0, end - halo)
            h.rows, h.lead = h.rows[keep:].clone(), end - keep
        per_item = [torch.cat(sounds[i : i + n_tiles]).t() for i in range(0, len(sounds), n_tiles)]
        return torch.stack(per_item)

    @torch.inference_mode()
    def _tile(self, rows: Tensor, start: int, end: int, last: bool) -> Tensor:
        """Samples ``[n, channels]`` of rows ``start`` to ``end``: a stream of these and their neighbours, whose ends are cut."""
        since, until = max(0, start - self._halo), min(rows.shape[0], end + self._halo)
        sound = _through(self._narrow, rows[since:until], {}, last and until == rows.shape[0])
        return sound[(start - since) * self._per_row : (end - since) * self._per_row]
