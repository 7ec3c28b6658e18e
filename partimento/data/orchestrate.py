"""A written score, played by others: an excerpt in another key, tempo and ensemble, with or without a rhythm section.

Every choice is drawn from the generator given. The tune and chords stay as written (in the new key), so they remain
true annotations of the sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from partimento.score.chord import Chord
from partimento.score.instruments import Instrument, instruments
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Metre, TempoPoint

_ROOT = re.compile(r"^[A-G][#b]*")
_GROOVES: dict[int, tuple[dict[int, str], ...]] = {
    16: (
        {36: "x.......x.......", 38: "....x.......x...", 42: "x.x.x.x.x.x.x.x."},
        {36: "x..x..x.x..x..x.", 38: "....x.......x...", 42: "xxxxxxxxxxxxxxxx"},
        {36: "x...x...x...x...", 39: "....x.......x...", 46: "..x...x...x...x."},
        {36: "x.........x.....", 37: "....x.......x..x", 51: "x..xx..xx..xx..x"},
        {36: "x.....x...x.....", 38: "....x..x.x..x...", 42: "x.x.x.xxx.x.x.x.", 49: "x..............."},
        {36: "x.x...x...x..x..", 38: "....x..x....x..x", 42: "x.xxx.x.x.xxx.x.", 46: "..............x."},
        {41: "x..x..x.x..x....", 45: "..x..x.....x..x.", 54: "x.x.x.x.x.x.x.x."},
        {60: "..x..x..x..x..x.", 61: "x..x..x..x..x..x", 70: "xxxxxxxxxxxxxxxx"},
    ),
    12: (
        {36: "x...........", 38: "....x...x...", 42: "x.x.x.x.x.x."},
        {36: "x.....x.....", 37: "......x.....", 51: "x..x..x..x.."},
        {36: "x.........x.", 40: "....x.......", 44: "....x...x..."},
    ),
}  # fmt: skip
"""Drum patterns by steps of a bar (sixteenths), General MIDI key to hits."""
_KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)


@dataclass(frozen=True, slots=True)
class OrchestrationOdds:
    """How often what is done, as shares of items.

    Attributes:
        drums, bass, pad, double: a part of that kind is added.
        thin: only some of the parts play.
        split: a chordal part's top line goes to another instrument.
        foreign: a part goes to any instrument, not to one of its role.
    """

    drums: float = 0.45
    bass: float = 0.4
    pad: float = 0.25
    double: float = 0.3
    thin: float = 0.3
    split: float = 0.4
    foreign: float = 0.35


def transposed_chord(chord: Chord, semitones: int, flats: bool) -> Chord:
    """The chord ``semitones`` higher, its symbol respelled with flats or sharps."""
    names = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B") if flats else (
        "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")  # fmt: skip
    root, bass = (chord.root + semitones) % 12, (chord.bass + semitones) % 12
    body, slash, _ = chord.symbol.rpartition("/") if re.search(r"/[A-G][#b]*$", chord.symbol) else (chord.symbol, "", "")
    symbol = _ROOT.sub(names[root], body) + (f"/{names[bass]}" if slash else "")
    return Chord(root, chord.intervals, bass, symbol)


def excerpt(score: Score, first_bar: int, n_bars: int) -> Score:
    """Bars ``first_bar`` to ``first_bar + n_bars`` (exclusive, clamped), as a score of its own.

    Notes that begin before are left out; notes that end after are cut off. Tracks without notes are left out.
    """
    starts = score.bar_starts
    last = min(first_bar + n_bars, len(starts))
    low, high = starts[first_bar], starts[last] if last < len(starts) else score.length
    tracks = []
    for track in score.tracks:
        notes = tuple(
            replace(n, start=n.start - low, duration=min(n.end, high) - n.start) for n in track.notes if low <= n.start < high
        )
        if notes:
            tracks.append(replace(track, notes=notes))
    chords = tuple(
        ChordSpan(max(c.start, low) - low, min(c.end, high) - low, c.chord)
        for c in score.chords
        if c.end > low and c.start < high
    )
    metres = [MetrePoint(0, score.metre_at(first_bar))]
    metres += [MetrePoint(m.bar - first_bar, m.metre) for m in score.metres if first_bar < m.bar < last]
    keys = [KeyPoint(0.0, score.key_at(low)), *(KeyPoint(k.at - low, k.key) for k in score.keys if low < k.at < high)]
    sections = []
    for s in score.sections:
        begin, end = max(s.start_bar, first_bar), min(s.end_bar, last)
        if begin < end:
            sections.append(Section(s.name, s.material, begin - first_bar, end - begin, s.energy))
    bpm = score.tempo_map.bpm_at(low)
    return Score(
        tuple(tracks), high - low, (TempoPoint(0.0, bpm),), tuple(metres), tuple(keys), chords, tuple(sections), score.title
    )


def orchestrate(score: Score, rng: np.random.Generator, seconds: float, odds: OrchestrationOdds | None = None) -> Score:
    """A random excerpt of about ``seconds``, re-orchestrated; see the module's text.

    Raises:
        ValueError: the score has no notes.
    """
    odds = odds or OrchestrationOdds()
    bpm = float(np.clip(score.tempo_bpm * 2.0 ** rng.uniform(-0.6, 0.6), 50.0, 180.0))
    n_bars = max(2, round(seconds * bpm / 60.0 / score.metre.bar_quarters))
    piece = excerpt(score, int(rng.integers(0, max(1, score.n_bars - n_bars + 1))), n_bars)
    if not piece.tracks:
        raise ValueError("no notes in this excerpt")
    piece = _moved(piece, int(rng.integers(-6, 7)), bpm)
    lines = [(t.role, t.notes) for t in piece.tracks]
    if rng.random() < odds.split:
        lines = [part for role, notes in lines for part in _split_top(role, notes)]
    if len(lines) > 1 and rng.random() < odds.thin:
        keep = rng.permutation(len(lines))[: int(rng.integers(1, len(lines)))]
        lines = [lines[i] for i in sorted(keep)]
    if rng.random() < odds.double:
        role, notes = lines[int(rng.integers(len(lines)))]
        lines.append((role, notes))
    if rng.random() < odds.bass:
        lines.append(("bass", _bass_line(piece, rng)))
    if rng.random() < odds.pad:
        lines.append(("pad", _pad(piece)))
    tracks: list[Track] = []
    for role, notes in lines:
        if len(notes) >= 2:
            tracks.append(_cast(role, notes, rng, odds.foreign, {t.name for t in tracks}))
    if rng.random() < odds.drums:
        tracks += _drums(piece, rng)
    if not tracks:
        raise ValueError("nothing left to play in this excerpt")
    return replace(piece, tracks=tuple(tracks))


def _moved(score: Score, semitones: int, bpm: float) -> Score:
    """The score in another key and at one tempo."""
    tracks = tuple(
        t if t.is_drum else replace(t, notes=tuple(replace(n, pitch=min(127, max(0, n.pitch + semitones))) for n in t.notes))
        for t in score.tracks
    )
    keys = tuple(KeyPoint(k.at, k.key.transposed(semitones)) for k in score.keys)
    flats = keys[0].key.prefers_flats
    chords = tuple(replace(c, chord=transposed_chord(c.chord, semitones, flats)) for c in score.chords)
    return replace(score, tracks=tracks, keys=keys, chords=chords, tempos=(TempoPoint(0.0, bpm),))


def _split_top(role: str, notes: tuple[Note, ...]) -> list[tuple[str, tuple[Note, ...]]]:
    """The highest note of every onset, and the rest; unchanged when there is no rest to speak of."""
    top: dict[float, Note] = {}
    for note in notes:
        if note.start not in top or note.pitch > top[note.start].pitch:
            top[note.start] = note
    rest = tuple(n for n in notes if top[n.start] is not n)
    if len(rest) < 0.3 * len(notes):
        return [(role, notes)]
    return [("melody", tuple(top[at] for at in sorted(top))), ("chords", rest)]


def _sounding(score: Score, at: float) -> list[int]:
    """Pitches that sound at a quarter note, low to high, drums aside."""
    return sorted(n.pitch for t in score.tracks if not t.is_drum for n in t.notes if n.start <= at + 1e-6 < n.end)


def _bass_line(score: Score, rng: np.random.Generator) -> tuple[Note, ...]:
    """The lowest sounding pitch class, struck every so often in the bass octave."""
    step, share = float(rng.choice([0.5, 1.0, 2.0])), float(rng.choice([0.45, 0.95]))
    notes = []
    for at in np.arange(0.0, score.length - 1e-6, step):
        chord, pitches = score.chord_at(float(at)), _sounding(score, float(at))
        if chord is not None or pitches:
            low = chord.bass if chord is not None else pitches[0] % 12
            notes.append(Note(float(at), min(step * share, score.length - float(at)), 28 + (low - 28) % 12, 84))
    return tuple(notes)


def _pad(score: Score) -> tuple[Note, ...]:
    """Held chords, one per bar: the written chord, else up to four pitch classes that the bar holds."""
    notes = []
    for bar in range(score.n_bars):
        low, high = score.bar_span(bar)
        chord = score.chord_at(low)
        inside = [n for t in score.tracks if not t.is_drum for n in t.notes if n.start < high and n.end > low]
        weight = np.zeros(12)
        for n in inside:
            weight[n.pitch % 12] += min(n.end, high) - max(n.start, low)
        found = [int(c) for c in np.argsort(-weight, kind="stable")[:4] if weight[c] > 0]
        classes = sorted(chord.pitch_classes if chord is not None else found)
        notes += [Note(low, high - low, 55 + (c - 55) % 12, 70) for c in classes]
    return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))


def _overlaps(notes: tuple[Note, ...]) -> bool:
    """True when more than a tenth of the notes begin while the one before still sounds."""
    both = sum(b.start < a.end - 0.05 for a, b in pairwise(notes))
    return both > 0.1 * len(notes)


def _cast(role: str, notes: tuple[Note, ...], rng: np.random.Generator, foreign: float, taken: set[str]) -> Track:
    """Give a part to an instrument that can play it, in its range, with dynamics and articulation of its own."""
    poly = _overlaps(notes)
    playable = [i for i in instruments().values() if not i.is_drum and i.family != "percussion" and (i.poly or not poly)]
    alike = [i for i in playable if i.role == role or (role == "counter" and i.role == "melody")]
    choices = playable if not alike or rng.random() < foreign else alike
    chosen = choices[int(rng.integers(len(choices)))]
    shift = _octaves_into(chosen, notes)
    level, spread, length = rng.uniform(55, 112), rng.uniform(2, 12), rng.uniform(0.65, 1.0)
    played = []
    for note in notes:
        accent = 6.0 if note.start % 1.0 == 0 else 0.0
        velocity = int(np.clip(level + accent + rng.normal(0.0, spread), 20, 127))
        pitch = _folded(note.pitch + shift, chosen)
        nudge = float(rng.normal(0.0, 0.006))
        played.append(Note(note.start, note.duration * length, pitch, velocity, nudge))
    name = chosen.en.title()
    while name in taken:
        name += " 2"
    played.sort(key=lambda n: (n.start, n.pitch))
    return Track(name, role, chosen.id, chosen.program, False, tuple(played))


def _octaves_into(chosen: Instrument, notes: tuple[Note, ...]) -> int:
    """Octaves, in semitones, that bring the middle of the part nearest to the instrument's best register."""
    middle = float(np.median([n.pitch for n in notes]))
    aim = sum(chosen.best) / 2.0
    return 12 * round((aim - middle) / 12.0)


def _folded(pitch: int, chosen: Instrument) -> int:
    """The pitch, moved by octaves into the instrument's range."""
    low, high = chosen.range
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return max(low, min(127, pitch))


def _drums(score: Score, rng: np.random.Generator) -> list[Track]:
    """A drum track on a pattern that fits the metre, or none."""
    metre: Metre = score.metre
    patterns = _GROOVES.get(round(metre.bar_quarters * 4))
    if patterns is None:
        return []
    groove = dict(patterns[int(rng.integers(len(patterns)))])
    if len(groove) > 1 and rng.random() < 0.3:
        groove.pop(sorted(groove)[int(rng.integers(len(groove)))])
    notes = []
    for bar in range(score.n_bars):
        low, high = score.bar_span(bar)
        for key, pattern in groove.items():
            for step, mark in enumerate(pattern):
                at = low + step / 4.0
                if at < high - 1e-6 and rng.random() < (0.97 if mark == "x" else 0.015):
                    soft = 16.0 if key in (42, 44, 46, 51, 70) else 0.0
                    velocity = int(np.clip(rng.normal(94.0 - soft + (8.0 if step % 4 == 0 else 0.0), 10.0), 20, 127))
                    notes.append(Note(at, 0.2, key, velocity, float(rng.normal(0.0, 0.004))))
    if not notes:
        return []
    notes.sort(key=lambda n: (n.start, n.pitch))
    kit = int(_KITS[int(rng.integers(len(_KITS)))])
    return [Track("Drums", "drums", "drums", kit, True, tuple(notes))]
