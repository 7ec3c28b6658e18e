"""The parts of a step in compiled code but for attention and products: normalisation, rounding.

What a row becomes does not depend on the rows beside it: results are the same in any batch.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from partimento.lm.kernel_data import Model, Room, Sizes
from partimento.lm.lanes import (
    floats,
    fma,
    larger,
    largest,
    nearest,
    power_of_two,
    put_small,
    size,
    splat,
    to_ints,
    total,
    total_int,
    zero_below,
)  # fmt: skip
from partimento.lm.quantize import GROUP
from partimento.lm.sharing import compiled, done, meet, take


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
