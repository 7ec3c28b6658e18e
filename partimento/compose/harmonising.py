"""Chords for given notes: under a tune alone by functional harmony, under several given parts by what they sound."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from partimento.compose.frame import Bar, Frame
from partimento.compose.harmony import compose_chords, split_bar
from partimento.compose.harmony_book import book, extended, numeral, respell
from partimento.score.chord import Chord
from partimento.score.chord_names import make_chord
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key

_EPS = 1e-6
_MAJOR_CHORDS = {
    "I": 0.0, "V": 0.2, "IV": 0.3, "vi": 0.7, "ii": 0.8, "V7": 0.5, "iii": 1.6, "II7": 2.6, "VI7": 3.6, "III7": 3.6,
    "V7/IV": 3.0, "bVII": 2.0, "iv": 2.3, "viio7": 2.6,
}  # fmt: skip
_MINOR_CHORDS = {
    "i": 0.0, "V": 0.4, "V7": 0.4, "iv": 0.3, "bVI": 0.7, "bIII": 0.8, "bVII": 0.7, "v": 1.2, "iio": 1.6, "V7/iv": 2.8,
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


def chords_under(
    frame: Frame, tune: tuple[Note, ...], parts: tuple[Note, ...], rng: np.random.Generator
) -> tuple[ChordSpan, ...]:
    """Chords for given notes.

    Args:
        frame: the bars.
        tune: the given tune with its returns, one note at a time.
        parts: all pitched given notes with their returns.
        rng: for the style's own harmony where no given notes are (intro, bridge).
    """
    if is_harmony(parts):
        comps = any(p.sketch is None and p.role in ("chords", "pad", "arpeggio") for p in frame.plan.parts)
        spans = heard_chords(frame, parts, thirds=comps)
    else:
        spans = _coloured(frame, harmonise(frame, tune), tune)
    free = _free_bars(frame, parts)
    if not free:
        return spans
    own = [s for s in compose_chords(frame, rng) if _bar_index(frame, s.start) in free]
    kept = [s for s in spans if _bar_index(frame, s.start) not in free]
    return tuple(sorted((*kept, *own), key=lambda s: s.start))


def _bar_index(frame: Frame, at: float) -> int:
    return next(b.index for b in reversed(frame.bars) if b.start <= at + _EPS)


def _free_bars(frame: Frame, notes: tuple[Note, ...]) -> set[int]:
    """Bars of sections in which hardly any given note begins."""
    busy = {_bar_index(frame, n.start) for n in notes}
    free: set[int] = set()
    for section in dict.fromkeys(bar.section for bar in frame.bars):
        bars = range(section.start_bar, section.end_bar)
        if sum(b in busy for b in bars) <= 0.3 * section.n_bars:
            free.update(bars)
    return free


def _coloured(frame: Frame, spans: tuple[ChordSpan, ...], tune: tuple[Note, ...]) -> tuple[ChordSpan, ...]:
    """Sevenths where the style has them and the tune allows."""
    out = []
    for i, span in enumerate(spans):
        bar = frame.bars[_bar_index(frame, span.start)]
        style_book = book(frame.style, bar.key.mode)
        rate = style_book.rates["sevenths"]
        five = span.chord.root == (bar.key.tonic + 7) % 12
        wanted = rate >= 0.5 and (five or not style_book.dominant_only) and (i + 1 < len(spans) or rate >= 0.8)
        rich = extended(span.chord, bar.key, seventh=wanted, ninth=False, dominant=style_book.dominant_sevenths)
        fits = _misfit(rich, bar, span.start, span.end, tune) <= _misfit(span.chord, bar, span.start, span.end, tune) + 0.2
        out.append(replace(span, chord=rich) if wanted and fits else span)
    return tuple(out)


def harmonise(frame: Frame, tune: tuple[Note, ...]) -> tuple[ChordSpan, ...]:
    """Chords for a tune: the cheapest path (Viterbi) through the key's chords, one per bar or half bar.

    A chord pays for the sounding time of notes foreign to it (more on strong beats), for its distance from the
    tonic, and for moves that functional harmony avoids; changing inside a bar pays a little. The last chord is the tonic.
    """
    cells = _cells(frame)
    best: list[list[float]] = []
    back: list[list[int]] = []
    choices = [_choices(bar.key) for bar, _, _ in cells]
    # The piece, and the tune's first whole bar after an upbeat, begin at home.
    downbeat = next((bar.start for bar in frame.bars if tune and bar.start >= tune[0].start - _EPS), 0.0)
    opening = {0.0, downbeat}
    for i, (bar, start, end) in enumerate(cells):
        local = [rank + _misfit(chord, bar, start, end, tune) for chord, rank in choices[i]]
        if i == len(cells) - 1 and frame.plan.ending.value == "final":
            local = [
                cost + (0.0 if chord.root == bar.key.tonic else 6.0) for (chord, _), cost in zip(choices[i], local, strict=True)
            ]
        if start in opening:
            local = [
                cost + (0.0 if chord.root == bar.key.tonic else 0.7) for (chord, _), cost in zip(choices[i], local, strict=True)
            ]
        if i == 0:
            best.append(local)
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


# --- chords that several given parts sound --------------------------------------------------------------------------

_HARMONY_LAYERS = 1.5
"""Given notes with at least this many sounding at a time are harmony, not a line."""
_QUALITIES: dict[tuple[int, ...], float] = {
    (0, 4, 7): 0.0, (0, 3, 7): 0.0, (0, 4, 7, 10): 0.1, (0, 3, 7, 10): 0.15, (0, 4, 7, 11): 0.15, (0, 3, 6): 0.25,
    (0, 3, 6, 10): 0.3, (0, 3, 6, 9): 0.35, (0, 5, 7): 0.35, (0, 4, 8): 0.5, (0, 7): 0.3,
}  # fmt: skip
"""Chord types with what they cost against a plain triad."""
_MISSING = {0: 0.6, 3: 0.45, 4: 0.45, 5: 0.45, 6: 0.3, 7: 0.12, 8: 0.3, 9: 0.3, 10: 0.35, 11: 0.35}
"""What a chord note that does not sound costs, by its interval."""
_BASS = {0: 0.0, 3: 0.2, 4: 0.2, 7: 0.3, 6: 0.35, 10: 0.4, 11: 0.45}
_FOREIGN, _FOREIGN_BASS, _OFF_KEY = 2.6, 0.7, 0.12
_CHANGE_AT = (0.25, 0.5, 1.0)
"""What a new chord costs at a bar's beginning, at its middle, on another beat."""


@dataclass(frozen=True)
class _Cell:
    """A felt beat: its bar, its limits, sounding share of each pitch class, and the lowest note's pitch class."""

    bar: Bar
    start: float
    end: float
    weight: tuple[float, ...]
    bass: int | None


def is_harmony(notes: tuple[Note, ...]) -> bool:
    """True when given pitched notes sound together often enough to be chords."""
    if not notes:
        return False
    edges = sorted([(n.start, 1) for n in notes] + [(n.end, -1) for n in notes])
    sounding = covered = total = 0.0
    at = edges[0][0]
    for place, step in edges:
        covered += (place - at) * (sounding > 0)
        total += (place - at) * sounding
        at, sounding = place, sounding + step
    return covered > 0 and total / covered >= _HARMONY_LAYERS


def heard_chords(frame: Frame, notes: tuple[Note, ...], *, thirds: bool = True) -> tuple[ChordSpan, ...]:
    """The chords that given parts sound, beat by beat (Viterbi): sounding time against chord notes, the lowest note as
    bass, and a price for changing, least at a bar's beginning.

    Args:
        frame: the bars.
        notes: all pitched given notes.
        thirds: name chords with their third also where none sounds (something else will play it); else open fifths.
    """
    cells = _beat_cells(frame, notes)
    chords = [
        (make_chord(root, intervals), cost)
        for root in range(12)
        for intervals, cost in _QUALITIES.items()
        if thirds is False or intervals != (0, 7)
    ]
    local = np.array([[_cell_cost(chord, cost, cell) for chord, cost in chords] for cell in cells])
    best = local[0].copy()
    back = np.zeros(local.shape, dtype=np.int64)
    for i in range(1, len(cells)):
        change = _change(cells[i])
        source = int(np.argmin(best))
        moved = best[source] + change
        stays = best <= moved
        back[i] = np.where(stays, np.arange(len(chords)), source)
        best = np.where(stays, best, moved) + local[i]
    path = [int(np.argmin(best))]
    for i in range(len(cells) - 1, 0, -1):
        path.append(int(back[i][path[-1]]))
    path.reverse()
    spans = _joined([(c.bar, c.start, c.end, respell(chords[k][0], c.bar.key)) for c, k in zip(cells, path, strict=True)])
    return tuple(_inverted(span, cells) for span in spans)


def _beat_cells(frame: Frame, notes: tuple[Note, ...]) -> list[_Cell]:
    ordered = sorted(notes, key=lambda n: n.start)
    cells = []
    first = 0
    longest = max(n.duration for n in ordered)
    for bar in frame.bars:
        beats = [b for b in bar.metre.beat_quarters if b < bar.quarters - _EPS]
        for a, b in itertools.pairwise([*beats, bar.quarters]):
            start, end = bar.start + a, bar.start + b
            while first < len(ordered) and ordered[first].start < start - longest - _EPS:
                first += 1
            weight = np.zeros(12)
            low: Note | None = None
            for note in itertools.takewhile(lambda n: n.start < end - _EPS, ordered[first:]):  # noqa: B023
                overlap = min(note.end, end) - max(note.start, start)
                if overlap > 0.05 * (end - start):
                    weight[note.pitch % 12] += overlap
                    if note.start < start + 0.5 * (end - start) and (low is None or note.pitch < low.pitch):
                        low = note
            total = float(weight.sum())
            share = tuple(float(w) for w in weight / total) if total > 0 else ()
            cells.append(_Cell(bar, start, end, share, None if low is None else low.pitch % 12))
    return cells


def _cell_cost(chord: Chord, cost: float, cell: _Cell) -> float:
    """What a chord costs over a beat."""
    off_key = sum(pc not in cell.bar.key.scale for pc in chord.pitch_classes)
    if not cell.weight:
        return 0.05 * cost + 0.02 * off_key
    inside = sum(cell.weight[pc] for pc in chord.pitch_classes)
    found = cost + _FOREIGN * (1.0 - inside) + _OFF_KEY * off_key
    for interval in chord.intervals:
        if cell.weight[(chord.root + interval) % 12] < 0.03:
            found += _MISSING.get(interval % 12, 0.3)
    if cell.bass is not None:
        found += _BASS.get((cell.bass - chord.root) % 12, _FOREIGN_BASS) if cell.bass in chord.pitch_classes else _FOREIGN_BASS
    return found


def _change(cell: _Cell) -> float:
    place = cell.start - cell.bar.start
    if place < _EPS:
        return _CHANGE_AT[0]
    return _CHANGE_AT[1] if abs(place - cell.bar.metre.bar_quarters / 2) < _EPS else _CHANGE_AT[2]


def _inverted(span: ChordSpan, cells: list[_Cell]) -> ChordSpan:
    """The chord over the bass that sounds where it begins."""
    bass = next((c.bass for c in cells if abs(c.start - span.start) < _EPS), None)
    if bass is None or bass == span.chord.root or bass not in span.chord.pitch_classes:
        return span
    key = next(c.bar.key for c in cells if abs(c.start - span.start) < _EPS)
    return replace(span, chord=respell(replace(span.chord, bass=bass), key))
