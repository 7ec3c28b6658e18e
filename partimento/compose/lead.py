"""The tune handed to the parts that play it: turns, doubling, registers.

One melody part plays the whole tune. Several take turns phrase by phrase and join in the loudest sections; words that
ask for a solo decide before that. A part never plays outside its active bars or its instrument's range.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from partimento.compose.frame import Frame, Phrase, Sketch
from partimento.plan.plan import PartPlan
from partimento.score.instruments import Instrument, instrument
from partimento.score.score import Note, Track

_TUTTI_ENERGY = 0.72
"""Sections with at least this energy are played by all melody parts together."""
_EPS = 1e-6


def lead_parts(frame: Frame) -> tuple[PartPlan, ...]:
    """Parts that play the composed tune: role ``melody``, without notes of their own."""
    return tuple(p for p in frame.plan.parts if p.role == "melody" and p.sketch is None)


def make_track(part: PartPlan, notes: Iterable[Note]) -> Track:
    """A track for a part of the plan."""
    row = instrument(part.instrument)
    program = row.program if part.program is None else part.program
    ordered = tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))
    return Track(part.name, part.role, part.instrument, program, row.is_drum, ordered, part.gain_db)


def lead_tracks(sketch: Sketch, rng: np.random.Generator) -> tuple[Track, ...]:
    """Tracks of all parts with role ``melody`` that have no given notes, in plan order."""
    parts = lead_parts(sketch.frame)
    if not parts:
        return ()
    turns = take_turns(sketch, parts, rng)
    shifts = {part.name: octave_shift(instrument(part.instrument), sketch.melody, sketch.frame) for part in parts}
    notes: dict[str, list[Note]] = {part.name: [] for part in parts}
    for note in sketch.melody:
        bar = _bar_of(sketch.frame, note.start)
        phrase = _phrase_of(sketch.phrases, bar)
        for part in turns[phrase]:
            if part.plays_in(bar):
                notes[part.name].append(_placed(note, part, shifts[part.name]))
        if not any(part.plays_in(bar) for part in turns[phrase]):
            for part in parts:
                if part.plays_in(bar):
                    notes[part.name].append(_placed(note, part, shifts[part.name]))
                    break
    lines = {part.name: _held_back(sketch.frame, part, notes[part.name]) for part in parts}
    if not _is_carried(sketch.frame):
        lines = {name: _closing(sketch.frame, line) for name, line in lines.items()}
    return tuple(make_track(part, lines[part.name]) for part in parts)


def _is_carried(frame: Frame) -> bool:
    """True when another part with pitches holds the last chord."""
    last = frame.bars[-1].index
    return any(p.role not in ("melody", "drums", "percussion") and p.plays_in(last) for p in frame.plan.parts)


def _closing(frame: Frame, notes: list[Note]) -> list[Note]:
    """The last note of a tune that ends a piece alone is held as its last chord would be."""
    if not notes or notes[-1].start < frame.final_start - _EPS:
        return notes
    return [*notes[:-1], replace(notes[-1], duration=max(notes[-1].duration, frame.final_release - notes[-1].start))]


def take_turns(sketch: Sketch, parts: tuple[PartPlan, ...], rng: np.random.Generator) -> list[tuple[PartPlan, ...]]:
    """Who plays each phrase.

    Solos come first; sections of high energy are played by all; elsewhere the parts alternate, each phrase going to
    the part that has played least, so that every part is heard. A part that would never be heard joins in wherever it
    is active.
    """
    turns: list[tuple[PartPlan, ...]] = []
    played = {part.name: 0 for part in parts}
    order = {part.name: i for i, part in enumerate(parts)}
    for phrase in sketch.phrases:
        bars = range(phrase.start_bar, phrase.end_bar)
        solo = tuple(p for p in parts if any(r.start_bar < phrase.end_bar and r.end_bar > phrase.start_bar for r in p.solo))
        free = tuple(p for p in parts if all(p.plays_in(b) for b in bars)) or tuple(
            p for p in parts if any(p.plays_in(b) for b in bars)
        )
        energy = sketch.frame.bars[phrase.start_bar].section.energy
        if solo:
            chosen = solo
        elif len(free) > 1 and energy >= _TUTTI_ENERGY and rng.random() < 0.8:
            chosen = free
        else:
            chosen = tuple(sorted(free, key=lambda p: (played[p.name], order[p.name])))[:1]
        for part in chosen:
            played[part.name] += phrase.end_bar - phrase.start_bar
        turns.append(chosen)
    for part in parts:
        if played[part.name]:
            continue
        for i, phrase in enumerate(sketch.phrases):
            if any(part.plays_in(b) for b in range(phrase.start_bar, phrase.end_bar)):
                turns[i] = (*turns[i], part)
    return turns


def octave_shift(row: Instrument, melody: tuple[Note, ...], frame: Frame) -> int:
    """Semitones (whole octaves) that bring a tune best into an instrument's comfortable range.

    The plan's register moves the wish up or down by at most half an octave.
    """
    if not melody:
        return 0
    pitches = np.array([n.pitch for n in melody])
    wish = (row.best[0] + row.best[1]) / 2 + 12.0 * (frame.character.register - 0.5)

    def _cost(shift: int) -> float:
        moved = pitches + shift
        outside = np.maximum(0, row.range[0] - moved) + np.maximum(0, moved - row.range[1])
        strained = np.maximum(0, row.best[0] - moved) + np.maximum(0, moved - row.best[1])
        return float(50.0 * outside.mean() + 4.0 * strained.mean() + abs(moved.mean() - wish) / 6.0)

    return min(range(-48, 49, 12), key=lambda s: (_cost(s), abs(s), s))


def _placed(note: Note, part: PartPlan, shift: int) -> Note:
    """The note in the part's register; what still lies outside the instrument's range goes to the nearest octave inside."""
    low, high = instrument(part.instrument).range
    pitch = note.pitch + shift
    while pitch > high:
        pitch -= 12
    while pitch < low:
        pitch += 12
    return replace(note, pitch=min(max(pitch, 0), 127))


def _held_back(frame: Frame, part: PartPlan, notes: list[Note]) -> list[Note]:
    """Notes cut where the part falls silent."""
    kept = []
    for note in notes:
        bar = _bar_of(frame, note.start)
        while bar + 1 < len(frame.bars) and part.plays_in(bar + 1) and frame.bars[bar].end < note.end:
            bar += 1
        end = min(note.end, frame.bars[bar].end)
        if end > note.start + _EPS:
            kept.append(note if end >= note.end - _EPS else replace(note, duration=end - note.start))
    return kept


def _bar_of(frame: Frame, at: float) -> int:
    """0-based bar of a position."""
    low, high = 0, len(frame.bars) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if frame.bars[middle].start <= at + _EPS:
            low = middle
        else:
            high = middle - 1
    return low


def _phrase_of(phrases: tuple[Phrase, ...], bar: int) -> int:
    """Index of the phrase that holds a bar."""
    for i, phrase in enumerate(phrases):
        if phrase.start_bar <= bar < phrase.end_bar:
            return i
    return len(phrases) - 1
