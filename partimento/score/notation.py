"""From sounding notes to written ones: bars, voices, ties and note values.

MusicXML and ABC both need what a :class:`Track` does not have: every note cut at bar lines, every length a value that
can be written, rests in between, and a voice for each line where notes overlap. Times are whole numbers of
:data:`UNITS` per quarter note (48: 64ths and all triplets down to 32nds are exact).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partimento.score.score import Note, Score, Track
from partimento.score.timing import Metre

UNITS = 48
"""Units per quarter note."""
MAX_VOICES = 8
_TYPES = ((384, "breve"), (192, "whole"), (96, "half"), (48, "quarter"), (24, "eighth"), (12, "16th"), (6, "32nd"), (3, "64th"))
_FINE = (8, 6)  # off the 48-grid, onsets go to 32nds or sixteenth triplets, whichever is nearer


@dataclass(frozen=True, slots=True)
class Value:
    """A note value: its name, dots, and whether it is a triplet (three in the time of two)."""

    type: str
    dots: int = 0
    triplet: bool = False


def _value_table() -> dict[int, Value]:
    table: dict[int, Value] = {}
    for units, name in _TYPES:
        table[units] = Value(name)
        for dots in (1, 2):
            dotted = units * (2 ** (dots + 1) - 1)
            if dotted % 2**dots == 0:
                table.setdefault(dotted // 2**dots, Value(name, dots))
    table.update({units * 2 // 3: Value(name, 0, True) for units, name in _TYPES[2:]})
    table[1] = Value("128th", 0, True)
    return table


VALUES: dict[int, Value] = _value_table()
"""Every length in units that one note symbol can have."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One written note, chord or rest.

    Attributes:
        start: units from the start of its bar.
        units: length.
        notes: the notes that begin it or are held (empty: a rest).
        tied_from, tied_to: it continues the symbol before, or goes on in the next.
        whole_bar: a rest of the whole bar, whatever its metre.
    """

    start: int
    units: int
    notes: tuple[Note, ...] = ()
    tied_from: bool = False
    tied_to: bool = False
    whole_bar: bool = False


@dataclass(frozen=True, slots=True)
class WrittenBar:
    """A bar of one part: a list of symbols per voice, each covering the bar (voice 1 always there)."""

    index: int
    units: int
    voices: tuple[tuple[Symbol, ...], ...]


@dataclass(slots=True)
class _Group:
    start: int
    end: int
    notes: tuple[Note, ...]


def to_units(quarter: float) -> int:
    """Nearest written position in units."""
    exact = quarter * UNITS
    near = round(exact)
    if abs(exact - near) < 0.03 and (near % 2 == 0 or near % 3 == 0):
        return near
    return min((round(quarter * parts) * UNITS // parts for parts in _FINE), key=lambda u: (abs(u - exact), u))


def written_bars(score: Score, track: Track) -> list[WrittenBar]:
    """The part as it is written down, bar by bar.

    Notes that start and end together form chords; other overlaps take further voices (at most ``MAX_VOICES``; beyond
    that the oldest line is cut short). ``nudge_s`` is ignored: notation shows what was meant.
    """
    edges = [to_units(start) for start in score.bar_starts] + [to_units(score.length)]
    voices = _voices(_groups(track.notes, edges[-1]))
    bars = []
    for bar in range(len(edges) - 1):
        start, end = edges[bar], edges[bar + 1]
        metre = score.metre_at(bar)
        lines = []
        for number, voice in enumerate(voices):
            inside = [g for g in voice if g.start < end and g.end > start]
            if inside or number == 0:
                lines.append(_fill(inside, start, end, metre))
        bars.append(WrittenBar(bar, end - start, tuple(lines)))
    return bars


def _groups(notes: Sequence[Note], end: int) -> list[_Group]:
    """Chords: notes of equal start and end. A pitch struck again cuts its older note."""
    spans: list[tuple[int, int, Note]] = []
    latest: dict[int, int] = {}
    for note in sorted(notes, key=lambda n: (n.start, n.pitch)):
        start = to_units(note.start)
        stop = min(max(to_units(note.end), start + 1), end)
        if start >= end:
            continue
        previous = latest.get(note.pitch)
        if previous is not None and spans[previous][1] > start:
            if spans[previous][0] == start:
                continue  # the same note twice
            spans[previous] = (spans[previous][0], start, spans[previous][2])
        latest[note.pitch] = len(spans)
        spans.append((start, stop, note))
    grouped: dict[tuple[int, int], list[Note]] = {}
    for start, stop, note in spans:
        grouped.setdefault((start, stop), []).append(note)
    return [_Group(start, stop, tuple(found)) for (start, stop), found in grouped.items()]


def _voices(groups: list[_Group]) -> list[list[_Group]]:
    """Lines without overlaps; higher notes first, so that the tune stays in voice 1 where lines begin together."""
    voices: list[list[_Group]] = []
    for group in sorted(groups, key=lambda g: (g.start, -max(n.pitch for n in g.notes))):
        free = next((v for v in voices if v[-1].end <= group.start), None)
        if free is None and len(voices) < MAX_VOICES:
            free = []
            voices.append(free)
        elif free is None:
            free = min(voices, key=lambda v: v[-1].start)
            free[-1].end = group.start
            if free[-1].end <= free[-1].start:
                free.pop()
        free.append(group)
    return voices or [[]]


def _fill(groups: Sequence[_Group], start: int, end: int, metre: Metre) -> tuple[Symbol, ...]:
    """Symbols of one voice in one bar, rests included."""
    if not groups:
        return (Symbol(0, end - start, whole_bar=True),)
    beats = [round(q * UNITS) for q in metre.beat_quarters]
    symbols: list[Symbol] = []
    at = start
    for group in groups:
        if group.start > at:
            symbols += [Symbol(p, u) for p, u in split(at - start, group.start - at, beats)]
        first, last = max(group.start, start), min(group.end, end)
        pieces = split(first - start, last - first, beats)
        for i, (position, units) in enumerate(pieces):
            tied_from = i > 0 or group.start < start
            tied_to = i + 1 < len(pieces) or group.end > end
            symbols.append(Symbol(position, units, group.notes, tied_from, tied_to))
        at = last
    if at < end:
        symbols += [Symbol(p, u) for p, u in split(at - start, end - at, beats)]
    return tuple(symbols)


def split(position: int, units: int, beats: Sequence[int]) -> list[tuple[int, int]]:
    """Cut a length into writable values so that beats stay visible.

    Args:
        position: units from the start of the bar.
        units: length.
        beats: where the felt beats of the bar are, in units.

    Returns:
        (position, length) pairs that join to the whole, each length in :data:`VALUES`.
    """
    pieces: list[tuple[int, int]] = []
    while units > 0:
        piece = _first_piece(position, units, beats)
        pieces.append((position, piece))
        position += piece
        units -= piece
    return pieces


def _first_piece(position: int, units: int, beats: Sequence[int]) -> int:
    end = position + units
    next_beat = next((b for b in beats if b > position), None)
    on_beat = position in beats
    inside = next_beat is None or end <= next_beat
    if units in VALUES and not (VALUES[units].triplet and not inside and not on_beat):
        plain = VALUES[units].dots == 0
        if inside or on_beat or (plain and not VALUES[units].triplet and position % max(1, units // 2) == 0):
            return units
    if not inside and next_beat is not None and not on_beat:
        return _largest(next_beat - position)
    if on_beat and not inside:
        # From a beat: as many whole beats as make one value.
        ends = [b for b in beats if position < b <= end and b - position in VALUES]
        if ends:
            return ends[-1] - position
    return _largest(units)


def _largest(units: int) -> int:
    """Largest writable length that is not longer; a triplet only where nothing else reaches the end."""
    if units in VALUES:
        return units
    if units % 3:
        # Leave a remainder that straight values can write.
        for third in (64, 32, 16, 8, 4, 2, 1):
            if third <= units and (units - third) % 3 == 0:
                return third
    return max(u for u in VALUES if u <= units and u % 3 == 0) if units >= 3 else max(u for u in VALUES if u <= units)
