"""What a compiled step works on: arrays that numba takes as they are, all flat.

Widths are padded with zeros: activations to whole groups of 64 (:data:`~partimento.lm.quantize.GROUP`), heads and outputs to
whole vectors of 16 (:mod:`partimento.lm.packed`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

VECTOR = 16
"""Numbers that are worked on at once."""


class Sizes(NamedTuple):
    """Of a model; all but ``width`` and ``head_width`` padded.

    Attributes:
        layers, heads: how many.
        head, head_width: numbers of a head, and those that are not padding.
        width: numbers that normalisation goes over.
        d: of an embedding.
        attended: of all heads.
        ffn: of the feed-forward part.
        logits: of all codebooks.
    """

    layers: int
    heads: int
    head: int
    head_width: int
    width: int
    d: int
    attended: int
    ffn: int
    logits: int


class Model(NamedTuple):
    """Weights.

    Attributes:
        weights: uint8, in reading order.
        scales: float16 as uint16, 16 outputs for each group of inputs.
        places: int64 ``[matrices, 6]``: start in ``weights``, start in ``scales``, blocks of 16 outputs, groups of inputs, bits,
            what is done with results (:data:`~partimento.lm.kernels_product.SET` and the like).
        norms: float32 ``[norms, 2, d]``: factors, then what is added.
        epsilon: of the normalisation.
    """

    weights: NDArray[Any]
    scales: NDArray[Any]
    places: NDArray[Any]
    norms: NDArray[Any]
    epsilon: float


class Past(NamedTuple):
    """Keys and values of the past, 8 bits each with a scale per head and position, by layer, sequence and head.

    Attributes:
        keys: uint8 (128 is zero), by 16 positions, then 4 numbers of each.
        key_steps: float32, one per position.
        values: int8, by 16 numbers, then positions.
        value_steps: as ``key_steps``.
        sequences: how many.
        capacity: positions, a multiple of 16.
    """

    keys: NDArray[Any]
    key_steps: NDArray[Any]
    values: NDArray[Any]
    value_steps: NDArray[Any]
    sequences: int
    capacity: int


class Text(NamedTuple):
    """What the first sequences listen to, float32.

    Attributes:
        keys: by layer, sequence, head, number, position.
        values: by layer, sequence, head, position, number.
        heard: by sequence and position: 0 to hear, -inf not to.
        sequences: how many.
        length: positions, a multiple of 16.
    """

    keys: NDArray[Any]
    values: NDArray[Any]
    heard: NDArray[Any]
    sequences: int
    length: int


class Room(NamedTuple):
    """Where a step works; ``x`` holds the embeddings before it and ``logits`` the result.

    Attributes:
        x, fused, attended, inner, logits: float32, by row (sequence, then position).
        levels, steps, sums: activations in 8 bits, scales and sums of their groups.
        scores: float32, for each thread four times ``span``.
        bytes: uint8, for each thread five heads: four queries and a key.
        counts: int64, for each phase pieces taken and pieces done; zero before a step.
        span: positions that attention may go over.
    """

    x: NDArray[Any]
    fused: NDArray[Any]
    attended: NDArray[Any]
    inner: NDArray[Any]
    logits: NDArray[Any]
    levels: NDArray[Any]
    steps: NDArray[Any]
    sums: NDArray[Any]
    scores: NDArray[Any]
    bytes: NDArray[Any]
    counts: NDArray[Any]
    span: int
