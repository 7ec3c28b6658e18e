"""Sound on the 24-bit grid, where stems add up to their mix without any residual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from partimento.audio.parallel import map_in_order
from partimento.audio.waveform import Waveform
from partimento.errors import FileError

STEP_24 = 2.0**-23
"""One step of a 24-bit sample."""
STEM_BITS = 20
"""Depth of stems that we render: their rounding noise is 122 dB below full scale, under that of any converter and far under
the 16-bit samples that they are made of, and a history takes a third less space than with 24 bits. Recordings keep 24."""
CHUNK_SAMPLES = 1 << 14
"""Samples worked on at once: what fits the processor's cache."""
_TOP = 1.0 - STEP_24
_CHUNKS_AT_ONCE = 32  # for one core, before it takes the next ones


def quantised(wave: Waveform, bits: int = 24, like: Waveform | None = None, out: NDArray[np.float32] | None = None) -> Waveform:
    """The sound rounded to 24 bits or fewer: what is stored is then what is heard, bit for bit.

    Args:
        wave: the sound.
        bits: 16 to 24. Fewer bits take less space (:data:`STEM_BITS`).
        like: where the sound has the very samples of this one (of 24 bits), they stay as they are.
        out: receives the samples, by default new memory; may be those of ``wave`` where they are no longer needed.
    """
    out = np.empty(wave.samples.shape, np.float32) if out is None else out
    work = np.empty((wave.n_channels, min(CHUNK_SAMPLES, wave.n_samples)), np.float32)
    top = float(2 ** (bits - 1))
    for at in range(0, wave.n_samples, CHUNK_SAMPLES):
        place = slice(at, at + CHUNK_SAMPLES)
        # Scaling by a power of two and rounding to 24 bits are exact in single precision.
        steps = np.multiply(wave.samples[:, place], np.float32(top), out=work[:, : min(CHUNK_SAMPLES, wave.n_samples - at)])
        np.rint(steps, out=steps)
        np.clip(steps, -top, top - 1.0, out=steps)
        np.multiply(steps, np.float32(1.0 / top), out=steps)
        if like is not None and like.n_samples == wave.n_samples and like.n_channels == wave.n_channels:
            np.copyto(steps, like.samples[:, place], where=wave.samples[:, place] == like.samples[:, place])
        out[:, place] = steps
    return Waveform(out, wave.sample_rate)


def exact_sum(stems: Mapping[str, Waveform]) -> Waveform:
    """Sum of quantised stems: exact in double precision, then 24 bits again, whatever the order.

    Raises:
        FileError: there are no stems.
    """
    if not stems:
        raise FileError("a project needs at least one stem")
    waves = list(stems.values())
    out = np.empty((waves[0].n_channels, waves[0].n_samples), np.float32)
    samples = [wave.samples for wave in waves]

    def add_up(first: int) -> None:
        for at in range(first, min(out.shape[1], first + _CHUNKS_AT_ONCE * CHUNK_SAMPLES), CHUNK_SAMPLES):
            chunk = slice(at, at + CHUNK_SAMPLES)
            out[:, chunk] = _clipped(_total(s[:, chunk] for s in samples))

    map_in_order(add_up, range(0, out.shape[1], _CHUNKS_AT_ONCE * CHUNK_SAMPLES))
    return Waveform(out, waves[0].sample_rate)


def sum_after(mix: Waveform, old: Mapping[str, Waveform], new: Mapping[str, Waveform]) -> tuple[Waveform, tuple[int, int]]:
    """:func:`exact_sum` of ``new``, bit for bit, from the sum of ``old``: only stems that are not the same object count.

    Args:
        mix: ``exact_sum(old)``.
        old, new: stems; those that did not change are one object in both, and are not even read.

    Returns:
        The sum, and the stretch outside which it equals ``mix`` (first sample, first after it; equal when nothing differs).

    Raises:
        FileError: there are no new stems.
    """
    gone = [wave for name, wave in old.items() if new.get(name) is not wave]
    come = [wave for name, wave in new.items() if old.get(name) is not wave]
    sizes = {(w.n_channels, w.n_samples) for w in (mix, *gone, *come)}
    if not new or len(sizes) != 1 or len(gone) + len(come) >= len(new) + 1:
        return exact_sum(new), (0, next(iter(new.values())).n_samples if new else 0)
    if not gone and not come:
        return mix, (0, 0)
    before, after = [w.samples for w in gone], [w.samples for w in come]
    out, first, end = mix.samples.copy(), mix.n_samples, 0
    for at in range(0, mix.n_samples, CHUNK_SAMPLES):
        chunk = slice(at, at + CHUNK_SAMPLES)
        if len(before) == len(after) == 1 and np.array_equal(before[0][:, chunk], after[0][:, chunk]):
            continue
        change = _total(s[:, chunk] for s in after) - _total(s[:, chunk] for s in before)
        where = np.flatnonzero(change.any(axis=0))
        if len(where) == 0:
            continue
        first, end = min(first, at + int(where[0])), at + int(where[-1]) + 1
        was = mix.samples[:, chunk]
        if was.max() >= _TOP or was.min() <= -1.0:  # clipped: what was cut off is in the stems only
            out[:, chunk] = _clipped(_total(w.part(at, at + CHUNK_SAMPLES).samples for w in new.values()))
        else:
            out[:, chunk] = _clipped(was + change)
    return Waveform(out, mix.sample_rate), (min(first, end), end)


def _total(parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Sum in double precision; 0 of nothing."""
    total: NDArray[np.float64] = np.zeros((1, 1))
    for index, part in enumerate(parts):
        if index == 0:
            total = part.astype(np.float64)
        else:
            total += part
    return total


def _clipped(total: NDArray[np.float64]) -> NDArray[np.float32]:
    """24-bit samples."""
    return np.clip(total, -1.0, _TOP).astype(np.float32)
