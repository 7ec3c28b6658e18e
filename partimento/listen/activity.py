"""When a stem sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.listen.energy import level_curve

SILENT_DB = -65.0
BELOW_PEAK_DB = 45.0


@dataclass(frozen=True, slots=True)
class ActiveRange:
    """A stretch in which something sounds, in seconds."""

    start_s: float
    end_s: float


def active_ranges(stem: Waveform, gap_s: float = 0.5, frame_s: float = 0.02) -> tuple[ActiveRange, ...]:
    """Stretches in which a stem sounds.

    A frame sounds when its RMS is above both :data:`SILENT_DB` (full scale) and :data:`BELOW_PEAK_DB` below the stem's
    loudest frame.

    Args:
        stem: the stem alone.
        gap_s: shorter silences do not split a stretch.
        frame_s: time resolution.
    """
    curve = level_curve(stem, frame_s)
    if curve.db.size == 0:
        return ()
    sounding = curve.db > max(SILENT_DB, float(curve.db.max()) - BELOW_PEAK_DB)
    padded = np.concatenate([[False], sounding, [False]]).astype(np.int8)
    starts = np.flatnonzero(np.diff(padded) == 1) * curve.frame_s
    ends = np.flatnonzero(np.diff(padded) == -1) * curve.frame_s
    out: list[ActiveRange] = []
    for start, end in zip(starts, ends, strict=True):
        if out and start - out[-1].end_s <= gap_s:
            out[-1] = ActiveRange(out[-1].start_s, round(float(end), 3))
        else:
            out.append(ActiveRange(round(float(start), 3), round(min(float(end), stem.duration_s), 3)))
    return tuple(out)


def stem_activity(stems: Mapping[str, Waveform], gap_s: float = 0.5) -> dict[str, tuple[ActiveRange, ...]]:
    """:func:`active_ranges` of every stem."""
    return {name: active_ranges(stem, gap_s) for name, stem in stems.items()}


def active_share(ranges: tuple[ActiveRange, ...], start_s: float, end_s: float) -> float:
    """Share of ``start_s`` to ``end_s`` that the ranges cover, 0 to 1."""
    if end_s <= start_s:
        return 0.0
    covered = sum(max(0.0, min(r.end_s, end_s) - max(r.start_s, start_s)) for r in ranges)
    return covered / (end_s - start_s)
