"""Attention in compiled code: of single positions to a past of 8 bits, and to a text."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from partimento.lm.kernel_data import Past, Room, Sizes, Text
from partimento.lm.kernels import exponential
from partimento.lm.lanes import (
    block,
    dot,
    floats,
    fma,
    larger,
    largest,
    nearest,
    put,
    put_small,
    quad,
    size,
    small,
    splat,
    splat_int,
    to_floats,
    to_ints,
    total,
    total_int,
)  # fmt: skip
from partimento.lm.sharing import compiled, done, meet, take


@compiled
def self_attention(sizes: Sizes, past: Past, room: Room, layer: int, before: int, new: int, thread: int, phase: int) -> int:
    """Phase: keys and values of ``new`` positions to the past, then attention of each to all up to itself."""
    pieces, head, fused = past.sequences * sizes.heads, sizes.head, 3 * sizes.heads * sizes.head
    while True:
        piece = take(room.counts, phase, pieces)
        if piece < 0:
            break
        sequence, h = piece // sizes.heads, piece % sizes.heads
        region = (layer * past.sequences + sequence) * sizes.heads + h
        for i in range(new):
            start = (sequence * new + i) * fused + h * head
            _keep_key(past, room, region, before + i, start + sizes.heads * head, head, thread)
            _keep_value(past, room, region, before + i, start + 2 * sizes.heads * head, head)
        for i in range(new):
            row = sequence * new + i
            _attend(sizes, past, room, region, before + i + 1, row * fused + h * head, row * sizes.attended + h * head, thread)
        done(room.counts, phase)
    return meet(room.counts, phase, pieces)


@compiled
def _top(numbers: NDArray[Any], start: int, n: int) -> float:
    """The largest size of ``n`` numbers."""
    top = splat(0.0)
    for i in range(start, start + n, 16):
        top = larger(top, size(floats(numbers, i)))
    result: float = largest(top)
    return result


@compiled
def _keep_key(past: Past, room: Room, region: int, position: int, start: int, head: int, thread: int) -> None:
    """Round a key and put its numbers where :func:`_attend` reads them, by fours between those of 15 other positions."""
    top, levels = _top(room.fused, start, head), 2 * thread * head
    factor = splat(127.0 / top if top > 0 else 0.0)
    for i in range(0, head, 16):
        put_small(room.bytes, levels + i, to_ints(nearest(floats(room.fused, start + i) * factor)) + splat_int(128))
    place = (region * past.capacity + position // 16 * 16) * head + position % 16 * 4
    for i in range(head):
        past.keys[place + i // 4 * 64 + i % 4] = room.bytes[levels + i]
    past.key_steps[region * past.capacity + position] = top / 127


@compiled
def _keep_value(past: Past, room: Room, region: int, position: int, start: int, head: int) -> None:
    """Round a value and put it away by 16 numbers."""
    top = _top(room.fused, start, head)
    factor = splat(127.0 / top if top > 0 else 0.0)
    for i in range(0, head, 16):
        place = region * past.capacity * head + i * past.capacity + position * 16
        put_small(past.values, place, to_ints(nearest(floats(room.fused, start + i) * factor)))
    past.value_steps[region * past.capacity + position] = top / 127


@compiled
def _attend(sizes: Sizes, past: Past, room: Room, region: int, n: int, query: int, out: int, thread: int) -> None:
    """Attention of a query to the first ``n`` positions of a region."""
    head = sizes.head
    top, levels = _top(room.fused, query, head), (2 * thread + 1) * head
    factor, sums = splat(127.0 / top if top > 0 else 0.0), splat_int(0)
    for i in range(0, head, 16):
        rounded = to_ints(nearest(floats(room.fused, query + i) * factor))
        put_small(room.bytes, levels + i, rounded)
        sums = sums + rounded
    first, scale = splat_int(-128 * total_int(sums)), splat(top / (127 * math.sqrt(sizes.head_width)))
    scores, steps, end = thread * room.span, region * past.capacity, (n + 15) // 16 * 16
    for p in range(0, end, 16):
        products, keys = first, (steps + p) * head
        for i in range(0, head, 4):
            products = dot(products, block(past.keys, keys + i * 16), quad(room.bytes, levels + i))
        put(room.scores, scores + p, to_floats(products) * floats(past.key_steps, steps + p) * scale)
    for p in range(n, end):
        room.scores[scores + p] = -math.inf
    shares = softmax(room.scores, scores, end)
    for p in range(0, end, 16):
        put(room.scores, scores + p, floats(room.scores, scores + p) * floats(past.value_steps, steps + p))
    for i in range(0, head, 16):
        place = steps * head + i * past.capacity
        a, b, c, d = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for p in range(0, end, 4):
            a = fma(splat(room.scores[scores + p]), small(past.values, place + p * 16), a)
            b = fma(splat(room.scores[scores + p + 1]), small(past.values, place + p * 16 + 16), b)
            c = fma(splat(room.scores[scores + p + 2]), small(past.values, place + p * 16 + 32), c)
            d = fma(splat(room.scores[scores + p + 3]), small(past.values, place + p * 16 + 48), d)
        put(room.attended, out + i, ((a + b) + (c + d)) * splat(1 / shares))


@compiled
def softmax(scores: NDArray[Any], start: int, n: int) -> float:
    """Scores to shares, in place, times their sum, which is given."""
    top, shares = floats(scores, start), splat(0.0)
    for i in range(start + 16, start + n, 16):
        top = larger(top, floats(scores, i))
    middle = splat(largest(top))
    for i in range(start, start + n, 16):
        share = exponential(floats(scores, i) - middle)
        put(scores, i, share)
        shares = shares + share
    result: float = total(shares)
    return result


@compiled
def cross_attention(sizes: Sizes, text: Text, room: Room, layer: int, new: int, thread: int, phase: int) -> int:
    """Phase: attention of the queries in ``fused`` to the text."""
    pieces, head, length = text.sequences * sizes.heads, sizes.head, text.length
    scores = thread * room.span
    while True:
        piece = take(room.counts, phase, pieces)
        if piece < 0:
            break
        sequence, h = piece // sizes.heads, piece % sizes.heads
        region = ((layer * text.sequences + sequence) * sizes.heads + h) * head * length
        for i in range(new):
            query = (sequence * new + i) * sizes.heads * head + h * head
            out = (sequence * new + i) * sizes.attended + h * head
            for p in range(0, length, 16):
                sums = splat(0.0)
                for k in range(head):
                    sums = fma(splat(room.fused[query + k]), floats(text.keys, region + k * length + p), sums)
                put(room.scores, scores + p, sums + floats(text.heard, sequence * length + p))
            shares = softmax(room.scores, scores, length)
            for k in range(0, head, 16):
                sums = splat(0.0)
                for p in range(length):
                    sums = fma(splat(room.scores[scores + p]), floats(text.values, region + p * head + k), sums)
                put(room.attended, out + k, sums * splat(1 / shares))
        done(room.counts, phase)
    return meet(room.counts, phase, pieces)
