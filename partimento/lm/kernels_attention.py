"""Attention in compiled code: of one position or four at once to a past of 8 bits, and to a text."""

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

QUERIES = 4
"""That attend to the past at once, where there are many."""


@compiled
def self_attention(
    sizes: Sizes, past: Past, room: Room, layer: int, before: int, new: int, asked: bool, thread: int, phase: int
) -> int:  # fmt: skip
    """Phase: keys and values of ``new`` positions to the past, then, where ``asked``, attention of each to all up to itself."""
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
        query, out = sequence * new * fused + h * head, sequence * new * sizes.attended + h * head
        queries = new if asked else 0
        fours = queries // QUERIES * QUERIES
        for i in range(0, fours, QUERIES):
            _attend_four(sizes, past, room, region, before + i + 1, query + i * fused, out + i * sizes.attended, thread)
        for i in range(fours, queries):
            _attend(sizes, past, room, region, before + i + 1, query + i * fused, out + i * sizes.attended, thread)
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
    top, levels = _top(room.fused, start, head), ((QUERIES + 1) * thread + QUERIES) * head
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
def _round_query(sizes: Sizes, room: Room, query: int, levels: int) -> Any:
    """A query in 8 bits; gives what its products with keys begin with and are multiplied by."""
    top = _top(room.fused, query, sizes.head)
    factor, sums = splat(127.0 / top if top > 0 else 0.0), splat_int(0)
    for i in range(0, sizes.head, 16):
        rounded = to_ints(nearest(floats(room.fused, query + i) * factor))
        put_small(room.bytes, levels + i, rounded)
        sums = sums + rounded
    return splat_int(-128 * total_int(sums)), splat(top / (127 * math.sqrt(sizes.head_width)))


@compiled
def _weigh(past: Past, room: Room, scores: int, steps: int, n: int, end: int) -> float:
    """Scores of the first ``n`` of ``end`` positions to what their values are multiplied by; gives the sum of the shares."""
    for p in range(n, end):
        room.scores[scores + p] = -math.inf
    shares: float = softmax(room.scores, scores, end)
    for p in range(0, end, 16):
        put(room.scores, scores + p, floats(room.scores, scores + p) * floats(past.value_steps, steps + p))
    return shares


@compiled
def _attend(sizes: Sizes, past: Past, room: Room, region: int, n: int, query: int, out: int, thread: int) -> None:
    """Attention of a query to the first ``n`` positions of a region."""
    head, levels = sizes.head, (QUERIES + 1) * thread * sizes.head
    first, scale = _round_query(sizes, room, query, levels)
    scores, steps, end = QUERIES * thread * room.span, region * past.capacity, (n + 15) // 16 * 16
    for p in range(0, end, 16):
        products, keys = first, (steps + p) * head
        for i in range(0, head, 4):
            products = dot(products, block(past.keys, keys + i * 16), quad(room.bytes, levels + i))
        put(room.scores, scores + p, to_floats(products) * floats(past.key_steps, steps + p) * scale)
    shares = _weigh(past, room, scores, steps, n, end)
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
def _attend_four(sizes: Sizes, past: Past, room: Room, region: int, n: int, query: int, out: int, thread: int) -> None:
    """Attention of four queries, the first to the first ``n`` positions and each to one more; as :func:`_attend` of each.

    Each key is read once for all four and each value twice. Positions that a query may not hear get no share of it.
    """
    head, span, levels, apart = sizes.head, room.span, (QUERIES + 1) * thread * sizes.head, 3 * sizes.heads * sizes.head
    l1, l2, l3 = levels + head, levels + 2 * head, levels + 3 * head
    first0, scale0 = _round_query(sizes, room, query, levels)
    first1, scale1 = _round_query(sizes, room, query + apart, l1)
    first2, scale2 = _round_query(sizes, room, query + 2 * apart, l2)
    first3, scale3 = _round_query(sizes, room, query + 3 * apart, l3)
    s0, steps, end = QUERIES * thread * span, region * past.capacity, (n + 3 + 15) // 16 * 16
    s1, s2, s3 = s0 + span, s0 + 2 * span, s0 + 3 * span
    for p in range(0, end, 16):
        c0, c1, c2, c3, keys = first0, first1, first2, first3, (steps + p) * head
        for i in range(0, head, 4):
            key = block(past.keys, keys + i * 16)
            c0, c1 = dot(c0, key, quad(room.bytes, levels + i)), dot(c1, key, quad(room.bytes, l1 + i))
            c2, c3 = dot(c2, key, quad(room.bytes, l2 + i)), dot(c3, key, quad(room.bytes, l3 + i))
        key_steps = floats(past.key_steps, steps + p)
        put(room.scores, s0 + p, to_floats(c0) * key_steps * scale0)
        put(room.scores, s1 + p, to_floats(c1) * key_steps * scale1)
        put(room.scores, s2 + p, to_floats(c2) * key_steps * scale2)
        put(room.scores, s3 + p, to_floats(c3) * key_steps * scale3)
    shares0, shares1 = _weigh(past, room, s0, steps, n, end), _weigh(past, room, s1, steps, n + 1, end)
    shares2, shares3 = _weigh(past, room, s2, steps, n + 2, end), _weigh(past, room, s3, steps, n + 3, end)
    for i in range(0, head, 16):
        _gather_pair(sizes, past, room, steps, end, i, s0, out, splat(1 / shares0), splat(1 / shares1))
        _gather_pair(sizes, past, room, steps, end, i, s2, out + 2 * sizes.attended, splat(1 / shares2), splat(1 / shares3))


@compiled
def _gather_pair(
    sizes: Sizes, past: Past, room: Room, steps: int, end: int, i: int, scores: int, out: int, of_first: Any, of_second: Any
) -> None:  # fmt: skip
    """16 numbers of what two queries hear, by their weights in ``scores`` and behind it."""
    place, also = steps * sizes.head + i * past.capacity, scores + room.span
    a, b, c, d = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    e, f, g, h = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for p in range(0, end, 4):
        value = small(past.values, place + p * 16)
        a, e = fma(splat(room.scores[scores + p]), value, a), fma(splat(room.scores[also + p]), value, e)
        value = small(past.values, place + p * 16 + 16)
        b, f = fma(splat(room.scores[scores + p + 1]), value, b), fma(splat(room.scores[also + p + 1]), value, f)
        value = small(past.values, place + p * 16 + 32)
        c, g = fma(splat(room.scores[scores + p + 2]), value, c), fma(splat(room.scores[also + p + 2]), value, g)
        value = small(past.values, place + p * 16 + 48)
        d, h = fma(splat(room.scores[scores + p + 3]), value, d), fma(splat(room.scores[also + p + 3]), value, h)
    put(room.attended, out + i, ((a + b) + (c + d)) * of_first)
    put(room.attended, out + sizes.attended + i, ((e + f) + (g + h)) * of_second)


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
    scores = QUERIES * thread * room.span
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
