"""Chord changes heard in written notes: for songs with a written-out accompaniment and no symbols.

Each half of a bar (the whole of a short one) takes the chord whose notes last longest in it, lowest notes counting more, with
a price for changing; the best path is found by dynamic programming.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.score.harmony import chord_in_key
from partimento.score.score import ChordSpan, Score

_QUALITIES = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 7, 10), (0, 3, 6), (0, 3, 6, 9))
_PRIOR = (0.10, 0.08, 0.02, -0.02, -0.04, -0.04)
_BASS = 0.25
_CHANGE = 0.12
_DIATONIC = 0.06
_MIN_HALF = 1.5
"""Quarter notes: halves of a bar shorter than this are not told apart."""


def _templates() -> tuple[NDArray[np.float64], list[tuple[int, tuple[int, ...]]]]:
    rows: list[NDArray[np.float64]] = []
    names: list[tuple[int, tuple[int, ...]]] = []
    for root in range(12):
        for quality in _QUALITIES:
            row = np.full(12, -1.0)
            row[[(root + i) % 12 for i in quality]] = 1.0
            rows.append(row)
            names.append((root, quality))
    return np.array(rows), names


def chords_of(score: Score) -> tuple[ChordSpan, ...]:
    """Chords heard under a score; stretches without pitched notes have none."""
    cells: list[tuple[float, float]] = []
    for bar in range(score.n_bars):
        start, end = score.bar_span(bar)
        middle = (start + end) / 2
        halves = end - start >= 2 * _MIN_HALF and not score.metre_at(bar).numerator % 2
        cells += [(start, middle), (middle, end)] if halves else [(start, end)]
    weights, basses = _heard(score, cells)
    templates, names = _templates()
    total = weights.sum(axis=1, keepdims=True)
    fit = (weights / np.maximum(total, 1e-9)) @ templates.T
    fit += np.tile(_PRIOR, 12)
    for i, (root, quality) in enumerate(names):
        inside = {(root + step) % 12 for step in quality}
        fit[:, i] += _BASS * (basses == root)
        fit[:, i] += _DIATONIC * np.array([inside <= set(score.key_at(start).scale) for start, _ in cells])
    path = _best_path(fit)
    spans: list[ChordSpan] = []
    for (start, end), choice, heard in zip(cells, path, total[:, 0], strict=True):
        if heard <= 0:
            continue
        root, quality = names[choice]
        if spans and spans[-1].end == start and (spans[-1].chord.root, spans[-1].chord.intervals) == (root, quality):
            spans[-1] = ChordSpan(spans[-1].start, end, spans[-1].chord)
        else:
            spans.append(ChordSpan(start, end, chord_in_key(root, quality, score.key_at(start))))
    return tuple(spans)


def _heard(score: Score, cells: list[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Quarter notes that each pitch class sounds in each cell ``[N, 12]``, and the lowest note's pitch class ``[N]`` or -1."""
    weights = np.zeros((len(cells), 12))
    lowest = np.full(len(cells), 128)
    starts = np.array([start for start, _ in cells])
    for track in score.tracks:
        if not track.has_pitch:
            continue
        for note in track.notes:
            i = max(0, int(np.searchsorted(starts, note.start + 1e-6, side="right")) - 1)
            while i < len(cells) and cells[i][0] < note.end - 1e-6:
                weights[i, note.pitch % 12] += min(note.end, cells[i][1]) - max(note.start, cells[i][0])
                lowest[i] = min(lowest[i], note.pitch)
                i += 1
    return weights, np.where(lowest < 128, lowest % 12, -1)


def _best_path(fit: NDArray[np.float64]) -> list[int]:
    """Choices with the highest sum of ``fit [N, C]`` minus the price of each change."""
    best = fit[0]
    back = []
    for row in fit[1:]:
        stay, move = best, float(best.max()) - _CHANGE
        back.append(np.where(stay >= move, np.arange(len(best)), int(best.argmax())))
        best = np.maximum(stay, move) + row
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]
