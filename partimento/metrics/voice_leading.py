"""Voice leading of an ensemble of single lines: parallels, crossings, spacing.

Conventions:
    Lines are given from the highest part to the lowest. Onsets are rounded to 1/24 of a quarter note; a rest of at most
    ``BRIDGE_QUARTERS`` is bridged (a short note still leads to the next), longer rests separate. Time is cut wherever a
    line changes; two lines make a *succession* where both sound before and after a cut and both change pitch.
    Parallels are successions in the same direction between two intervals of the same class: perfect fifths (7 semitones plus
    octaves) or unisons and octaves (0 plus octaves); they are counted over all pairs of lines and given per 100 successions.
    A succession of repeated notes is no motion and no parallel. Crossings and spacing are shares of the time in which
    two neighbouring lines sound: crossed where the upper is below the lower; spacing is the distance of neighbouring lines,
    the lowest pair apart, because textbooks allow it more than an octave. Doubling a line in octaves, which orchestras do,
    shows as parallel octaves: compare with real scores, not with 0.

References:
    E. Aldwell, C. Schachter and A. Cadwallader, "Harmony and Voice Leading", chapters 5 and 6.
    D. Huron, "Tone and Voice", Music Perception 19, 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import FloatArray, IntArray, validate_notes

TICKS = 24
BRIDGE_QUARTERS = 0.5
REST = -1
WIDE_SEMITONES = 12
Line = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Onsets, durations and pitches of one part."""


def validate(lines: Sequence[Line]) -> None:
    """Check the input.

    Raises:
        PartimentoError: on fewer than two lines or arrays that do not match.
    """
    if len(lines) < 2:
        raise PartimentoError(f"voice leading needs at least two lines, got {len(lines)}")
    for onsets, durations, pitches in lines:
        validate_notes(onsets, durations, pitches)


def slices(lines: Sequence[Line], bridge_quarters: float = BRIDGE_QUARTERS) -> tuple[FloatArray, IntArray]:
    """Cut an ensemble into stretches in which nothing changes.

    Args:
        lines: at least two parts, from the highest to the lowest. Of simultaneous notes of a part the highest is kept, in
            the last part the lowest.
        bridge_quarters: rests up to this long are filled by the note before them.

    Returns:
        lengths in quarter notes ``[S]`` and sounding pitches ``[lines, S]`` (-1 where a line rests).
    """
    validate(lines)
    parts = [_single_line(line, bridge_quarters, keep_lowest=i == len(lines) - 1) for i, line in enumerate(lines)]
    edges = np.unique(np.concatenate([np.concatenate([starts, ends]) for starts, ends, _ in parts]))
    pitches = np.full((len(lines), max(0, len(edges) - 1)), REST, dtype=np.int64)
    for row, (starts, ends, notes) in enumerate(parts):
        first, after = np.searchsorted(edges, starts), np.searchsorted(edges, ends)
        for begin, end, pitch in zip(first, after, notes, strict=True):
            pitches[row, begin:end] = pitch
    return np.diff(edges) / TICKS, pitches


def _single_line(line: Line, bridge_quarters: float, keep_lowest: bool) -> tuple[IntArray, IntArray, IntArray]:
    """One note at a time, in ticks: (starts, ends, pitches); overlaps cut, short rests bridged."""
    onsets, durations, notes = validate_notes(*line)
    starts = np.round(onsets * TICKS).astype(np.int64)
    ends = np.maximum(starts + 1, np.round((onsets + durations) * TICKS).astype(np.int64))
    order = np.lexsort((notes if keep_lowest else -notes, starts))
    starts, ends, notes = starts[order], ends[order], notes[order]
    first = np.append(True, np.diff(starts) > 0)[: len(starts)]
    starts, ends, notes = starts[first], ends[first], notes[first]
    gap = starts[1:] - ends[:-1]
    ends[:-1] = np.where(gap <= bridge_quarters * TICKS, starts[1:], ends[:-1])
    return starts, ends, notes


def count_parallels(pitches: IntArray) -> dict[str, int]:
    """Count over all pairs of lines.

    Args:
        pitches: sounding pitches ``[lines, S]``, -1 for rests.

    Returns:
        ``successions`` in which both lines move, ``fifths`` and ``octaves`` among them that are parallel.
    """
    counts = {"successions": 0, "fifths": 0, "octaves": 0}
    for upper, lower in combinations(pitches, 2):
        sounding = (upper != REST) & (lower != REST)
        both = sounding[1:] & sounding[:-1]
        up, low = np.diff(upper), np.diff(lower)
        moving = both & (up != 0) & (low != 0)
        interval = np.abs(upper - lower) % 12
        parallel = moving & (np.sign(up) == np.sign(low)) & (interval[1:] == interval[:-1])
        counts["successions"] += int(moving.sum())
        counts["fifths"] += int((parallel & (interval[1:] == 7)).sum())
        counts["octaves"] += int((parallel & (interval[1:] == 0)).sum())
    return counts


def crossing_share(lengths: FloatArray, pitches: IntArray) -> float:
    """Share of the time of neighbouring lines sounding together in which they are crossed, 0 to 1."""
    upper, lower = pitches[:-1], pitches[1:]
    together = (upper != REST) & (lower != REST)
    time = (together * lengths).sum()
    return float(((together & (upper < lower)) * lengths).sum() / time) if time > 0 else float("nan")


def spacing(lengths: FloatArray, pitches: IntArray) -> tuple[float, float]:
    """Mean distance in semitones of neighbouring lines but the lowest pair, and the share of time beyond an octave."""
    upper, lower = pitches[:-2], pitches[1:-1]
    together = (upper != REST) & (lower != REST)
    time = (together * lengths).sum()
    if time <= 0:
        return float("nan"), float("nan")
    distance = np.abs(upper - lower)
    wide = (together & (distance > WIDE_SEMITONES)) * lengths
    return float((distance * together * lengths).sum() / time), float(wide.sum() / time)


def mean_motion(pitches: IntArray) -> float:
    """Mean size in semitones of the steps and leaps of all lines, repeated notes left out."""
    steps = np.abs(np.diff(pitches, axis=1))
    moving = (pitches[:, 1:] != REST) & (pitches[:, :-1] != REST) & (steps > 0)
    return float(steps[moving].mean()) if moving.any() else float("nan")


def evaluate(lines: Sequence[Line]) -> dict[str, float]:
    """All figures of an ensemble, lines from the highest to the lowest."""
    lengths, pitches = slices(lines)
    counts = count_parallels(pitches)
    per_100 = 100.0 / counts["successions"] if counts["successions"] else float("nan")
    mean_spacing, wide = spacing(lengths, pitches)
    return {
        "successions": float(counts["successions"]),
        "parallel_fifths_per_100": counts["fifths"] * per_100,
        "parallel_octaves_per_100": counts["octaves"] * per_100,
        "crossing_share": crossing_share(lengths, pitches),
        "spacing_semitones": mean_spacing,
        "wide_spacing_share": wide,
        "mean_motion_semitones": mean_motion(pitches),
    }
