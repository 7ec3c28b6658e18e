"""The parts of a step in compiled code but for attention: products with quantised weights, normalisation, rounding.

What a row becomes does not depend on the rows beside it: results are the same in any batch.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from partimento.lm.kernel_data import Model, Room, Sizes
from partimento.lm.lanes import (
    block,
    dot,
    floats,
    fma,
    halves,
    high_halves,
    larger,
    largest,
    low_halves,
    nearest,
    power_of_two,
    put,
    put_small,
    quad,
    size,
    splat,
    splat_int,
    to_floats,
    to_ints,
    total,
    total_int,
    zero_below,
)  # fmt: skip
from partimento.lm.quantize import GROUP
from partimento.lm.sharing import compiled, done, meet, take

SET, ADD, GELU = 0, 1, 2
"""What a product does with its results: write, add to what is there, write GELU of it."""
_PIECE_BYTES = 64 << 10
"""Weights that a thread takes at once: the last piece of a product is waited for, and each costs a count."""


@compiled
def exponential(x: Any) -> Any:
    """e to ``x``, zero below -87; within 2e-7 of the value (Cephes, ``expf``)."""
    whole = nearest(larger(x, splat(-87.0)) * splat(1.44269504))
    rest = fma(whole, splat(2.12194440e-4), fma(whole, splat(-0.693359375), larger(x, splat(-87.0))))
    y = fma(splat(1.9875691500e-4), rest, splat(1.3981999507e-3))
    y = fma(y, rest, splat(8.3334519073e-3))
    y = fma(y, rest, splat(4.1665795894e-2))
    y = fma(y, rest, splat(1.6666665459e-1))
    y = fma(y, rest, splat(5.0000001201e-1))
    y = fma(y, rest * rest, rest) + splat(1.0)
    return zero_below(x, splat(-87.0), y * power_of_two(whole))


@compiled
def gelu(x: Any) -> Any:
    """x times the share of the normal distribution below it; by Abramowitz and Stegun's 7.1.26, which is within 1.5e-7."""
    z = size(x) * splat(0.70710678)
    t = splat(1.0) / fma(z, splat(0.3275911), splat(1.0))
    y = fma(splat(1.061405429), t, splat(-1.453152027))
    y = fma(y, t, splat(1.421413741))
    y = fma(y, t, splat(-0.284496736))
    y = fma(y, t, splat(0.254829592))
    beyond = splat(0.5) * y * t * exponential(splat(0.0) - z * z)
    return larger(x, splat(0.0)) - size(x) * beyond


@compiled
def round_group(room: Room, group: int, a: Any, b: Any, c: Any, d: Any) -> None:
    """A group of activations in 8 bits."""
    top = largest(larger(larger(size(a), size(b)), larger(size(c), size(d))))
    factor = splat(127.0 / top if top > 0 else 0.0)
    first, second = to_ints(nearest(a * factor)), to_ints(nearest(b * factor))
    third, fourth = to_ints(nearest(c * factor)), to_ints(nearest(d * factor))
    start = group * GROUP
    put_small(room.levels, start, first)
    put_small(room.levels, start + 16, second)
    put_small(room.levels, start + 32, third)
    put_small(room.levels, start + 48, fourth)
    room.steps[group] = top / 127
    room.sums[group] = total_int(first + second + third + fourth)


@compiled
def round_rows(room: Room, numbers: NDArray[Any], width: int, rows: int, phase: int) -> int:
    """Phase: rows of ``width`` numbers in 8 bits."""
    groups = width // GROUP
    while True:
        row = take(room.counts, phase, rows)
        if row < 0:
            break
        for g in range(row * groups, (row + 1) * groups):
            i = g * GROUP
            round_group(room, g, floats(numbers, i), floats(numbers, i + 16), floats(numbers, i + 32), floats(numbers, i + 48))
        done(room.counts, phase)
    return meet(room.counts, phase, rows)


@compiled
def _normed(model: Model, room: Room, i: int, scale: int, shift: int, middle: Any, factor: Any) -> Any:
    """16 normalised numbers."""
    return fma((floats(room.x, i) - middle) * factor, floats(model.norms, scale), floats(model.norms, shift))


@compiled
def norm_rows(model: Model, sizes: Sizes, room: Room, norm: int, rows: int, phase: int) -> int:
    """Phase: rows of ``x`` normalised, in 8 bits."""
    while True:
        row = take(room.counts, phase, rows)
        if row < 0:
            break
        start, d = row * sizes.d, sizes.d
        sums, squares = splat(0.0), splat(0.0)
        for i in range(start, start + d, 16):
            sums = sums + floats(room.x, i)
        mean = total(sums) / sizes.width
        middle = splat(mean)
        for i in range(start, start + d, 16):
            off = floats(room.x, i) - middle
            squares = fma(off, off, squares)
        power = (total(squares) - (d - sizes.width) * mean * mean) / sizes.width  # less what the padding's zeros are off
        factor, scale, shift = splat(1 / math.sqrt(power + model.epsilon)), 2 * norm * d, (2 * norm + 1) * d
        for i in range(0, d, GROUP):
            a = _normed(model, room, start + i, scale + i, shift + i, middle, factor)
            b = _normed(model, room, start + i + 16, scale + i + 16, shift + i + 16, middle, factor)
            c = _normed(model, room, start + i + 32, scale + i + 32, shift + i + 32, middle, factor)
            e = _normed(model, room, start + i + 48, scale + i + 48, shift + i + 48, middle, factor)
            round_group(room, (start + i) // GROUP, a, b, c, e)
        done(room.counts, phase)
    return meet(room.counts, phase, rows)


@compiled
def _end(out: NDArray[Any], i: int, result: Any, kind: int) -> None:
    """What is done with 16 results."""
    if kind == ADD:
        result = floats(out, i) + result
    elif kind == GELU:
        result = gelu(result)
    put(out, i, result)


@compiled
def _two8(model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, j: int, kind: int) -> None:
    """16 outputs of two rows, to ``i`` and ``j``, from weights of 8 bits (0 to 255 for -128 to 127)."""
    y0, y1, g0, g1 = splat(0.0), splat(0.0), row * groups, (row + 1) * groups
    for g in range(groups):
        c0, c1 = splat_int(-128 * room.sums[g0 + g]), splat_int(-128 * room.sums[g1 + g])
        for k in range(16):
            levels = block(model.weights, w + g * 1024 + k * 64)
            c0 = dot(c0, levels, quad(room.levels, (g0 + g) * GROUP + k * 4))
            c1 = dot(c1, levels, quad(room.levels, (g1 + g) * GROUP + k * 4))
        scales = halves(model.scales, s + g * 16)
        y0 = fma(to_floats(c0), scales * splat(room.steps[g0 + g]), y0)
        y1 = fma(to_floats(c1), scales * splat(room.steps[g1 + g]), y1)
    _end(out, i, y0, kind)
    _end(out, j, y1, kind)


@compiled
def _one8(model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, kind: int) -> None:
    """The same of one row."""
    y, g0 = splat(0.0), row * groups
    for g in range(groups):
        c = splat_int(-128 * room.sums[g0 + g])
        for j in range(16):
            c = dot(c, block(model.weights, w + g * 1024 + j * 64), quad(room.levels, (g0 + g) * GROUP + j * 4))
        y = fma(to_floats(c), halves(model.scales, s + g * 16) * splat(room.steps[g0 + g]), y)
    _end(out, i, y, kind)


@compiled
def _two4(model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, j: int, kind: int) -> None:
    """16 outputs of two rows, to ``i`` and ``j``, from weights of 4 bits (0 to 15 for -8 to 7)."""
    y0, y1, g0, g1 = splat(0.0), splat(0.0), row * groups, (row + 1) * groups
    for g in range(groups):
        c0, c1 = splat_int(-8 * room.sums[g0 + g]), splat_int(-8 * room.sums[g1 + g])
        a0, a1 = (g0 + g) * GROUP, (g1 + g) * GROUP
        for k in range(8):
            both = block(model.weights, w + g * 512 + k * 64)
            levels = low_halves(both)
            c0, c1 = dot(c0, levels, quad(room.levels, a0 + k * 8)), dot(c1, levels, quad(room.levels, a1 + k * 8))
            levels = high_halves(both)
            c0, c1 = dot(c0, levels, quad(room.levels, a0 + k * 8 + 4)), dot(c1, levels, quad(room.levels, a1 + k * 8 + 4))
        scales = halves(model.scales, s + g * 16)
        y0 = fma(to_floats(c0), scales * splat(room.steps[g0 + g]), y0)
        y1 = fma(to_floats(c1), scales * splat(room.steps[g1 + g]), y1)
    _end(out, i, y0, kind)
    _end(out, j, y1, kind)


@compiled
def _one4(model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, kind: int) -> None:
    """The same of one row."""
    y, g0 = splat(0.0), row * groups
    for g in range(groups):
        c, a = splat_int(-8 * room.sums[g0 + g]), (g0 + g) * GROUP
        for j in range(8):
            both = block(model.weights, w + g * 512 + j * 64)
            c = dot(c, low_halves(both), quad(room.levels, a + j * 8))
            c = dot(c, high_halves(both), quad(room.levels, a + j * 8 + 4))
        y = fma(to_floats(c), halves(model.scales, s + g * 16) * splat(room.steps[g0 + g]), y)
    _end(out, i, y, kind)


@compiled
def product(model: Model, room: Room, matrix: int, rows: int, out: NDArray[Any], stride: int, phase: int) -> int:
    """Phase: the rounded rows times a matrix, to rows of ``stride`` numbers of ``out``."""
    w0, s0, blocks = model.places[matrix, 0], model.places[matrix, 1], model.places[matrix, 2]
    groups, bits, kind = model.places[matrix, 3], model.places[matrix, 4], model.places[matrix, 5]
    piece_blocks = max(1, _PIECE_BYTES // (groups * 128 * bits))
    pieces = (blocks + piece_blocks - 1) // piece_blocks
    while True:
        piece = take(room.counts, phase, pieces)
        if piece < 0:
            break
        for o in range(piece * piece_blocks, min((piece + 1) * piece_blocks, blocks)):
            w, s = w0 + o * groups * 128 * bits, s0 + o * groups * 16
            for row in range(0, rows - 1, 2):
                if bits == 8:
                    _two8(model, room, w, s, groups, row, out, row * stride + o * 16, (row + 1) * stride + o * 16, kind)
                else:
                    _two4(model, room, w, s, groups, row, out, row * stride + o * 16, (row + 1) * stride + o * 16, kind)
            if rows % 2 and bits == 8:
                _one8(model, room, w, s, groups, rows - 1, out, (rows - 1) * stride + o * 16, kind)
            elif rows % 2:
                _one4(model, room, w, s, groups, rows - 1, out, (rows - 1) * stride + o * 16, kind)
        done(room.counts, phase)
    return meet(room.counts, phase, pieces)
