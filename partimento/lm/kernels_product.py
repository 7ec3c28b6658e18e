"""Products with quantised weights in compiled code.

What a row becomes does not depend on the rows beside it: its groups are added up in the same order wherever it stands.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from partimento.lm.kernel_data import Model, Room
from partimento.lm.kernels import gelu
from partimento.lm.lanes import (
    block,
    dot,
    floats,
    fma,
    halves,
    high_halves,
    low_halves,
    put,
    quad,
    splat,
    splat_int,
    to_floats,
)  # fmt: skip
from partimento.lm.quantize import GROUP
from partimento.lm.sharing import compiled, done, meet, take

SET, ADD, GELU = 0, 1, 2
"""What a product does with its results: write, add to what is there, write GELU of it."""
_PIECE_BYTES = 64 << 10
"""Weights that a thread takes at once for few rows: the last piece of a product is waited for, and each costs a count."""
_TILE_ROWS, _TILE_BLOCKS = 4, 2
"""What is worked on at once where there are many rows. As many sums as registers hold: each weight is read for 4 rows and each
activation for 2 blocks, and no sum waits for the one before."""


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
def _tile8(
    model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, stride: int, kind: int
) -> None:  # fmt: skip
    """32 outputs of four rows, ``stride`` apart from ``i`` on."""
    w1, s1 = w + groups * 1024, s + groups * 16
    y0, y1, y2, y3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    z0, z1, z2, z3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for g in range(groups):
        g0 = row * groups + g
        g1, g2, g3 = g0 + groups, g0 + 2 * groups, g0 + 3 * groups
        c0, c1 = splat_int(-128 * room.sums[g0]), splat_int(-128 * room.sums[g1])
        c2, c3 = splat_int(-128 * room.sums[g2]), splat_int(-128 * room.sums[g3])
        d0, d1, d2, d3 = c0, c1, c2, c3
        for k in range(16):
            a, b = block(model.weights, w + g * 1024 + k * 64), block(model.weights, w1 + g * 1024 + k * 64)
            q0, q1 = quad(room.levels, g0 * GROUP + k * 4), quad(room.levels, g1 * GROUP + k * 4)
            q2, q3 = quad(room.levels, g2 * GROUP + k * 4), quad(room.levels, g3 * GROUP + k * 4)
            c0, c1, c2, c3 = dot(c0, a, q0), dot(c1, a, q1), dot(c2, a, q2), dot(c3, a, q3)
            d0, d1, d2, d3 = dot(d0, b, q0), dot(d1, b, q1), dot(d2, b, q2), dot(d3, b, q3)
        scales, more = halves(model.scales, s + g * 16), halves(model.scales, s1 + g * 16)
        t0, t1, t2, t3 = splat(room.steps[g0]), splat(room.steps[g1]), splat(room.steps[g2]), splat(room.steps[g3])
        y0, z0 = fma(to_floats(c0), scales * t0, y0), fma(to_floats(d0), more * t0, z0)
        y1, z1 = fma(to_floats(c1), scales * t1, y1), fma(to_floats(d1), more * t1, z1)
        y2, z2 = fma(to_floats(c2), scales * t2, y2), fma(to_floats(d2), more * t2, z2)
        y3, z3 = fma(to_floats(c3), scales * t3, y3), fma(to_floats(d3), more * t3, z3)
    _end(out, i, y0, kind)
    _end(out, i + 16, z0, kind)
    _end(out, i + stride, y1, kind)
    _end(out, i + stride + 16, z1, kind)
    _end(out, i + 2 * stride, y2, kind)
    _end(out, i + 2 * stride + 16, z2, kind)
    _end(out, i + 3 * stride, y3, kind)
    _end(out, i + 3 * stride + 16, z3, kind)


@compiled
def _tile4(
    model: Model, room: Room, w: int, s: int, groups: int, row: int, out: NDArray[Any], i: int, stride: int, kind: int
) -> None:  # fmt: skip
    """The same from weights of 4 bits."""
    w1, s1 = w + groups * 512, s + groups * 16
    y0, y1, y2, y3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    z0, z1, z2, z3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for g in range(groups):
        g0 = row * groups + g
        g1, g2, g3 = g0 + groups, g0 + 2 * groups, g0 + 3 * groups
        c0, c1 = splat_int(-8 * room.sums[g0]), splat_int(-8 * room.sums[g1])
        c2, c3 = splat_int(-8 * room.sums[g2]), splat_int(-8 * room.sums[g3])
        d0, d1, d2, d3 = c0, c1, c2, c3
        for k in range(8):
            a, b = block(model.weights, w + g * 512 + k * 64), block(model.weights, w1 + g * 512 + k * 64)
            low, also = low_halves(a), low_halves(b)
            q0, q1 = quad(room.levels, g0 * GROUP + k * 8), quad(room.levels, g1 * GROUP + k * 8)
            q2, q3 = quad(room.levels, g2 * GROUP + k * 8), quad(room.levels, g3 * GROUP + k * 8)
            c0, c1, c2, c3 = dot(c0, low, q0), dot(c1, low, q1), dot(c2, low, q2), dot(c3, low, q3)
            d0, d1, d2, d3 = dot(d0, also, q0), dot(d1, also, q1), dot(d2, also, q2), dot(d3, also, q3)
            high, also = high_halves(a), high_halves(b)
            q0, q1 = quad(room.levels, g0 * GROUP + k * 8 + 4), quad(room.levels, g1 * GROUP + k * 8 + 4)
            q2, q3 = quad(room.levels, g2 * GROUP + k * 8 + 4), quad(room.levels, g3 * GROUP + k * 8 + 4)
            c0, c1, c2, c3 = dot(c0, high, q0), dot(c1, high, q1), dot(c2, high, q2), dot(c3, high, q3)
            d0, d1, d2, d3 = dot(d0, also, q0), dot(d1, also, q1), dot(d2, also, q2), dot(d3, also, q3)
        scales, more = halves(model.scales, s + g * 16), halves(model.scales, s1 + g * 16)
        t0, t1, t2, t3 = splat(room.steps[g0]), splat(room.steps[g1]), splat(room.steps[g2]), splat(room.steps[g3])
        y0, z0 = fma(to_floats(c0), scales * t0, y0), fma(to_floats(d0), more * t0, z0)
        y1, z1 = fma(to_floats(c1), scales * t1, y1), fma(to_floats(d1), more * t1, z1)
        y2, z2 = fma(to_floats(c2), scales * t2, y2), fma(to_floats(d2), more * t2, z2)
        y3, z3 = fma(to_floats(c3), scales * t3, y3), fma(to_floats(d3), more * t3, z3)
    _end(out, i, y0, kind)
    _end(out, i + 16, z0, kind)
    _end(out, i + stride, y1, kind)
    _end(out, i + stride + 16, z1, kind)
    _end(out, i + 2 * stride, y2, kind)
    _end(out, i + 2 * stride + 16, z2, kind)
    _end(out, i + 3 * stride, y3, kind)
    _end(out, i + 3 * stride + 16, z3, kind)


@compiled
def _few(
    model: Model, room: Room, w: int, s: int, groups: int, bits: int, row: int, rows: int, out: NDArray[Any], i: int, stride: int,
    kind: int,
) -> None:  # fmt: skip
    """16 outputs, from ``i`` on in the first row, of the rows from ``row`` on."""
    for r in range(row, rows - 1, 2):
        if bits == 8:
            _two8(model, room, w, s, groups, r, out, i + r * stride, i + (r + 1) * stride, kind)
        else:
            _two4(model, room, w, s, groups, r, out, i + r * stride, i + (r + 1) * stride, kind)
    if (rows - row) % 2 and bits == 8:
        _one8(model, room, w, s, groups, rows - 1, out, i + (rows - 1) * stride, kind)
    elif (rows - row) % 2:
        _one4(model, room, w, s, groups, rows - 1, out, i + (rows - 1) * stride, kind)


@compiled
def product(model: Model, room: Room, matrix: int, rows: int, out: NDArray[Any], stride: int, phase: int) -> int:
    """Phase: the rounded rows times a matrix, to rows of ``stride`` numbers of ``out``."""
    w0, s0, blocks = model.places[matrix, 0], model.places[matrix, 1], model.places[matrix, 2]
    groups, bits, kind = model.places[matrix, 3], model.places[matrix, 4], model.places[matrix, 5]
    size, tiled = groups * 128 * bits, rows // _TILE_ROWS * _TILE_ROWS
    piece_blocks = _TILE_BLOCKS if tiled else max(1, _PIECE_BYTES // size)
    pieces = (blocks + piece_blocks - 1) // piece_blocks
    while True:
        piece = take(room.counts, phase, pieces)
        if piece < 0:
            break
        first, end = piece * piece_blocks, min((piece + 1) * piece_blocks, blocks)
        row, w, s = tiled if end - first == _TILE_BLOCKS else 0, w0 + first * size, s0 + first * groups * 16
        for r in range(0, row, _TILE_ROWS):
            if bits == 8:
                _tile8(model, room, w, s, groups, r, out, r * stride + first * 16, stride, kind)
            else:
                _tile4(model, room, w, s, groups, r, out, r * stride + first * 16, stride, kind)
        for o in range(first, end):
            _few(model, room, w0 + o * size, s0 + o * groups * 16, groups, bits, row, rows, out, o * 16, stride, kind)
        done(room.counts, phase)
    return meet(room.counts, phase, pieces)
