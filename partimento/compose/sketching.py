"""Given notes: a user's tune kept exactly and harmonised, other given tracks kept as they are."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from partimento.compose.frame import Bar, Frame
from partimento.compose.harmony import split_bar
from partimento.compose.harmony_book import numeral
from partimento.compose.lead import make_track
from partimento.plan.plan import PartPlan
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, Note, Track
from partimento.score.timing import Key

_EPS = 1e-6
_MAJOR_CHORDS = {
    "I": 0.0, "V": 0.2, "IV": 0.3, "vi": 0.7, "ii": 0.8, "V7": 0.5, "iii": 1.6, "II7": 1.9, "VI7": 2.0, "III7": 2.1,
    "V7/IV": 2.1, "bVII": 2.0, "iv": 2.3, "viio7": 2.6,
}  # fmt: skip
_MINOR_CHORDS = {
    "i": 0.0, "V": 0.4, "V7": 0.4, "iv": 0.3, "bVI": 0.7, "bIII": 0.8, "bVII": 0.7, "v": 1.2, "iio": 1.6, "V7/iv": 2.0,
    "IV": 1.8, "bII": 2.4,
}  # fmt: skip
_MODE_CHORDS = {
    "dorian": {"i": 0.0, "IV": 0.3, "bVII": 0.4, "v": 0.8, "ii": 1.0, "bIII": 0.7},
    "mixolydian": {"I": 0.0, "bVII": 0.3, "IV": 0.3, "v": 0.8, "ii": 1.0, "vi": 0.9},
    "lydian": {"I": 0.0, "II": 0.3, "V": 0.4, "vi": 0.7, "iii": 0.9, "vii": 1.0},
    "phrygian": {"i": 0.0, "bII": 0.3, "bvii": 0.6, "bIII": 0.6, "bVI": 0.7, "iv": 0.8},
    "locrian": {"io": 0.0, "bII": 0.3, "bIII": 0.8, "bV": 0.6, "bVI": 0.6, "iv": 0.8},
}
"""Numerals that may stand under a tune, with what each costs against the tonic."""


def given_tune(frame: Frame) -> tuple[Note, ...]:
    """The user's tune laid out on the frame: empty when there is none.

    The tune is the first part of role ``melody`` that has a sketch. Its notes are kept as they are; when it is
    shorter than the piece it returns at the next section (at the next phrase, where no section begins any more).
    """
    for part in frame.plan.parts:
        if part.role == "melody" and part.sketch is not None:
            return tuple(_line(laid_out(frame, part)))
    return ()


def sketch_tracks(frame: Frame) -> tuple[Track, ...]:
    """Tracks of all parts that have given notes, in plan order."""
    return tuple(make_track(part, laid_out(frame, part)) for part in frame.plan.parts if part.sketch is not None)


def laid_out(frame: Frame, part: PartPlan) -> tuple[Note, ...]:
    """The given notes of a part, within the piece and the part's active bars; a tune returns, other parts do not."""
    assert part.sketch is not None
    notes = [n for n in frame.plan.sketch[part.sketch].notes if n.start < frame.length - _EPS]
    if part.role == "melody" and notes:
        notes = _returned(frame, notes)
    kept = []
    for note in notes:
        bar = max(b.index for b in frame.bars if b.start <= note.start + _EPS)
        if part.plays_in(bar):
            kept.append(note if note.end <= frame.length + _EPS else replace(note, duration=frame.length - note.start))
    return tuple(kept)


def _returned(frame: Frame, notes: list[Note]) -> list[Note]:
    """The tune, again and again until the piece ends."""
    end = max(n.end for n in notes)
    out = list(notes)
    at = 0.0
    while True:
        wanted = at + end
        starts = [b.start for b in frame.bars if b.in_section == 0 and b.start >= wanted - _EPS]
        starts = starts or [b.end for b in frame.bars if b.phrase_end and b.end >= wanted - _EPS and b.end < frame.length - _EPS]
        if not starts or frame.length - starts[0] < 0.5 * end:
            return out
        at = starts[0]
        out += [replace(n, start=n.start + at) for n in notes if n.start + at < frame.length - _EPS]


def _line(notes: tuple[Note, ...]) -> list[Note]:
    """The highest of simultaneous notes, for harmonising and for parts that double the tune."""
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        if line and note.start < line[-1].start + _EPS:
            continue
        if line and line[-1].end > note.start + _EPS:
            line[-1] = replace(line[-1], duration=note.start - line[-1].start)
        line.append(note)
    return line


def harmonise(frame: Frame, tune: tuple[Note, ...]) -> tuple[ChordSpan, ...]:
    """Chords for a tune: the cheapest path (Viterbi) through the key's chords, one per bar or half bar.

    A chord pays for the sounding time of notes foreign to it (more on strong beats), for its distance from the
    tonic, and for moves that functional harmony avoids; changing inside a bar pays a little. The last chord is the tonic.
    """
    cells = _cells(frame)
    best: list[list[float]] = []
    back: list[list[int]] = []
    choices = [_choices(bar.key) for bar, _, _ in cells]
    for i, (bar, start, end) in enumerate(cells):
        local = [rank + _misfit(chord, bar, start, end, tune) for chord, rank in choices[i]]
        if i == len(cells) - 1 and frame.plan.ending.value == "final":
            local = [
                cost + (0.0 if chord.root == bar.key.tonic else 6.0) for (chord, _), cost in zip(choices[i], local, strict=True)
            ]
        if i == 0:
            best.append(
                [cost + (0.0 if chord.root == bar.key.tonic else 0.7) for (chord, _), cost in zip(choices[i], local, strict=True)]
            )
            back.append([0] * len(local))
            continue
        same_bar = cells[i - 1][0].index == bar.index
        row, source = [], []
        for j, cost in enumerate(local):
            moves = [
                best[-1][k] + _move(choices[i - 1][k][0], choices[i][j][0], bar.key, same_bar) for k in range(len(choices[i - 1]))
            ]
            k = int(np.argmin(moves))
            row.append(moves[k] + cost)
            source.append(k)
        best.append(row)
        back.append(source)
    path = [int(np.argmin(best[-1]))]
    for i in range(len(cells) - 1, 0, -1):
        path.append(back[i][path[-1]])
    path.reverse()
    return _joined([(bar, start, end, choices[i][path[i]][0]) for i, (bar, start, end) in enumerate(cells)])


def _cells(frame: Frame) -> list[tuple[Bar, float, float]]:
    """Half bars where the bar has at least four felt quarters, else bars."""
    cells = []
    for bar in frame.bars:
        edges = split_bar(bar.metre, bar.quarters, 2) if bar.quarters >= 4.0 - _EPS else [0.0, bar.quarters]
        cells += [(bar, bar.start + a, bar.start + b) for a, b in itertools.pairwise(edges)]
    return cells


def _choices(key: Key) -> list[tuple[Chord, float]]:
    """Chords of a key with their ranks."""
    table = _MODE_CHORDS.get(key.mode, _MINOR_CHORDS if key.is_minor else _MAJOR_CHORDS)
    return [(numeral(token, key), 0.35 * rank) for token, rank in table.items()]


def _misfit(chord: Chord, bar: Bar, start: float, end: float, tune: tuple[Note, ...]) -> float:
    """What the notes sounding in ``[start, end)`` cost over a chord."""
    cost = 0.0
    span = end - start
    beats = [bar.start + b for b in bar.metre.beat_quarters]
    for note in tune:
        overlap = min(note.end, end) - max(note.start, start)
        if overlap <= _EPS or note.pitch % 12 in chord.pitch_classes:
            continue
        strong = any(abs(note.start - b) < _EPS for b in beats[:1]) or note.start < start + _EPS
        on_beat = any(abs(note.start - b) < _EPS for b in beats)
        clash = 1.4 if (note.pitch - 1) % 12 in chord.pitch_classes and (note.pitch + 1) % 12 not in chord.pitch_classes else 1.0
        cost += 4.0 * clash * overlap / span * (1.6 if strong else 1.0 if on_beat else 0.5)
    return cost


def _move(before: Chord, after: Chord, key: Key, same_bar: bool) -> float:
    """What going from one chord to the next costs."""
    if before == after:
        return 0.0 if same_bar else 0.25
    cost = 0.9 if same_bar else 0.1
    five = (key.tonic + 7) % 12
    if before.is_dominant and (after.root - before.root) % 12 != 5:
        cost += 1.2 if not (before.root == five and after.root == (key.tonic + 9) % 12) else 0.3
    if before.root == five and after.root in ((key.tonic + 5) % 12, (key.tonic + 2) % 12):
        cost += 0.8
    if (after.root - before.root) % 12 in (5, 7):
        cost -= 0.2
    return cost


def _joined(cells: list[tuple[Bar, float, float, Chord]]) -> tuple[ChordSpan, ...]:
    """Equal neighbours inside a bar become one span."""
    spans: list[ChordSpan] = []
    last_bar = -1
    for bar, start, end, chord in cells:
        if spans and bar.index == last_bar and spans[-1].chord == chord:
            spans[-1] = replace(spans[-1], end=end)
        else:
            spans.append(ChordSpan(start, end, chord))
        last_bar = bar.index
    return tuple(spans)
