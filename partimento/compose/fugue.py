"""Fugues and canons: imitation between real voices.

A fugue has an exposition (every voice enters with the subject or, a fifth away, its answer; what went before goes on in
free counterpoint), episodes that lead the subject's head through sequences, entries in related keys, and a final entry
with its cadence (A. Mann, "The Study of Fugue", 1958). The answer is tonal in its first note: a subject that begins on the
dominant is answered on the tonic. A canon repeats its leader exactly after two bars over a ground of two bars.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from partimento.compose.counterpoint import Line, Slot, write_line
from partimento.compose.frame import Bar, Frame
from partimento.compose.harmonising import heard_chords
from partimento.compose.harmony_book import numeral
from partimento.compose.lead import make_track
from partimento.compose.subject import SCHEMES, make_subject
from partimento.interpret.imitation import CANON_DELAY_BARS, entry_order, part_of_voice, subject_bars
from partimento.plan.plan import PartPlan
from partimento.score.chord import Chord
from partimento.score.instruments import instrument
from partimento.score.score import ChordSpan, Note, Track
from partimento.score.timing import Key

_EPS = 1e-6
_BANDS = ((62, 81), (57, 74), (48, 67), (38, 60))
"""Ranges of soprano, alto, tenor and bass, MIDI."""
_SEQUENCES = {
    False: ("I", "IV", "viio", "iii", "vi", "ii", "V", "I"),
    True: ("i", "iv", "bVII", "bIII", "bVI", "iio", "V", "i"),
}
"""Falling fifths for episodes."""
_GROUNDS = {
    False: (("I", "vi", "IV", "V"), ("I", "IV", "ii", "V"), ("I", "V", "vi", "V")),
    True: (("i", "bVI", "iv", "V"), ("i", "bVII", "bVI", "V"), ("i", "iv", "bVII", "V")),
}
"""Harmony of two bars over which every phrase of a canon fits every other: in major, in minor."""
_CENTRES = (0, 4, -2, 5, 1)
"""Where the phrases of a canon lie against the middle of the voice, semitones."""


def is_imitative(frame: Frame) -> bool:
    """True when the plan's form is that of a fugue or canon."""
    names = {bar.section.name for bar in frame.bars}
    return "canon" in names or {"exposition", "final entry"} <= names


def compose_imitation(frame: Frame, rng: np.random.Generator) -> tuple[tuple[Track, ...], tuple[ChordSpan, ...]]:
    """Tracks of all pitched parts, and the chords that their voices sound.

    Args:
        frame: the bars; its sections say which entries come (:mod:`partimento.interpret.imitation`).
        rng: source of chance.
    """
    parts = tuple(p for p in frame.plan.parts if not instrument(p.instrument).is_drum)
    canon = frame.bars[0].section.name == "canon"
    voices = _canon(frame, parts, rng) if canon else _Fugue(frame, parts, rng).voices
    notes: list[list[Note]] = [[] for _ in parts]
    for voice, line in enumerate(voices):
        part = parts[part_of_voice(voice, len(voices), len(parts))]
        low, high = instrument(part.instrument).range
        notes[parts.index(part)] += [_inside(n, low, high) for n in line]
    tracks = tuple(make_track(part, _unison_once(found)) for part, found in zip(parts, notes, strict=True))
    sounding = tuple(n for t in tracks for n in t.notes)
    return tracks, _sure(frame, sounding, heard_chords(frame, sounding, thirds=True))


def _inside(note: Note, low: int, high: int) -> Note:
    """The note by octaves inside a range."""
    pitch = note.pitch + 12 * max(0, -((note.pitch - low) // 12)) if note.pitch < low else note.pitch
    pitch -= 12 * max(0, -((high - pitch) // 12)) if pitch > high else 0
    return note if pitch == note.pitch else replace(note, pitch=pitch)


def _last_chord(voices: list[list[Note]], ranges: list[tuple[int, int]], key: Key, at: float, length: float) -> list[list[Note]]:
    """The voices end together: the tonic in the bass, from there up root, fifth and major third without crossing."""
    wanted = (key.tonic, (key.tonic + 4) % 12, (key.tonic + 7) % 12)
    out: list[list[Note]] = []
    floor = 0
    for i, (line, (low, high)) in enumerate(zip(reversed(voices), reversed(ranges), strict=True)):
        kept = [replace(n, duration=min(n.end, at) - n.start) for n in line if n.start < at - _EPS]
        last = kept[-1].pitch if kept else (low + high) // 2
        classes = (key.tonic,) if i in (0, len(voices) - 1) and len(voices) != 2 else (key.tonic,) if i == 0 else (wanted[1],)
        if len(voices) == 4 and i == 1:
            classes = (wanted[2],)
        found = [p for p in range(max(low - 2, floor + 1), high + 3) if p % 12 in classes]
        pitch = min(found, key=lambda p: abs(p - last), default=last)
        floor = pitch
        out.append([*kept, Note(at, length, pitch)])
    return out[::-1]


def _unison_once(notes: list[Note]) -> list[Note]:
    """One key is struck once where two voices of a keyboard meet."""
    seen: dict[tuple[float, int], Note] = {}
    for note in notes:
        key = (round(note.start, 4), note.pitch)
        if key not in seen or seen[key].duration < note.duration:
            seen[key] = note
    return list(seen.values())


def _sure(frame: Frame, notes: tuple[Note, ...], spans: tuple[ChordSpan, ...]) -> tuple[ChordSpan, ...]:
    """Chords that are really there: bass lowest and third sounding where they begin; a bare voice names none."""
    kept = []
    for span in spans:
        first = [n for n in notes if n.start <= span.start + _EPS < n.end - _EPS]
        early = [n for n in notes if n.start < span.start + (span.end - span.start) / 2 and n.end > span.start + 0.3]
        lowest = min(first, key=lambda n: n.pitch, default=None)
        third = any(n.pitch % 12 == span.chord.third for n in early)
        if lowest is not None and len(first) >= 2 and third and lowest.pitch % 12 == span.chord.bass:
            kept.append(span)
    last = frame.bars[-1]
    if not kept:
        kept = [ChordSpan(last.start, frame.length, numeral("i" if last.key.is_minor else "I", last.key))]
    return tuple(kept)


def _voice_ranges(parts: tuple[PartPlan, ...], count: int) -> list[tuple[int, int]]:
    """A band for each voice inside its instrument."""
    bands = {2: (_BANDS[0], _BANDS[2]), 3: (_BANDS[0], _BANDS[1], _BANDS[3])}.get(count, _BANDS)
    out = []
    for voice in range(count):
        row = instrument(parts[part_of_voice(voice, count, len(parts))].instrument)
        low, high = bands[min(voice, len(bands) - 1)]
        while low < row.range[0] and high + 12 <= row.range[1]:
            low, high = low + 12, high + 12
        while high > row.range[1] and low - 12 >= row.range[0]:
            low, high = low - 12, high - 12
        low, high = max(low, row.range[0]), min(high, row.range[1])
        out.append((low, high) if high - low >= 12 else (row.range[0], min(row.range[1], row.range[0] + 24)))
    return out


# --- the fugue -------------------------------------------------------------------------------------------------------


class _Fugue:
    """Writes the voices section by section, the thematic one first, the others against it."""

    def __init__(self, frame: Frame, parts: tuple[PartPlan, ...], rng: np.random.Generator) -> None:
        self.frame, self.rng = frame, rng
        self.size = subject_bars(frame.bars[0].metre)
        exposition = frame.bars[0].section
        self.count = max(2, exposition.n_bars // self.size)
        self.ranges = _voice_ranges(parts, self.count)
        self.voices: list[list[Note]] = [[] for _ in range(self.count)]
        self.subject = make_subject(frame.bars[0].key, frame.bars[: self.size], rng)
        self._write()

    def _write(self) -> None:
        order = entry_order(self.count)
        key = self.frame.bars[0].key
        for i, voice in enumerate(order):
            answer = i % 2 == 1
            self._entry(self.size * i, voice, _dominant(key) if answer else key, set(order[: i + 1]), tonal=answer)
        everyone = set(range(self.count))
        entries = 0
        for section in list(dict.fromkeys(bar.section for bar in self.frame.bars))[1:]:
            key = self.frame.bars[section.start_bar].key
            if section.name == "entry":
                related = _relative(key) if entries % 2 == 0 else Key((key.tonic + 5) % 12, key.mode)
                self._entry(section.start_bar, order[entries % self.count], related, everyone)
                entries += 1
            elif section.name == "final entry":
                self._entry(section.start_bar, self.count - 1 if self.rng.random() < 0.5 else 0, key, everyone)
                self._close(section.start_bar + self.size, section.end_bar)
            else:
                self._episode(section.start_bar, section.end_bar, key)

    def _entry(self, bar: int, voice: int, key: Key, sounding: set[int], *, tonal: bool = False) -> None:
        """The subject in one voice, free counterpoint in the others that sound."""
        start = self.frame.bars[bar].start
        shift = (key.tonic - self.frame.bars[0].key.tonic) % 12
        pitches = [p + shift for _, _, p in self.subject.notes]
        if self.frame.bars[0].key.is_minor != key.is_minor:
            pitches = [_in_mode(p, key) for p in pitches]
        home = self.frame.bars[0].key.tonic
        if tonal and self.subject.notes[0][2] % 12 == (home + 7) % 12:
            pitches[0] -= 2  # the tonal answer: dominant is answered by tonic
        low, high = self.ranges[voice]
        mean = sum(pitches) / len(pitches)
        outside = {o: sum(not low <= p + o <= high for p in pitches) for o in range(-48, 49, 12)}
        octave = min(outside, key=lambda o: (outside[o], abs(mean + o - (low + high) / 2)))
        notes = [Note(start + o, d, p + octave) for (o, d, _), p in zip(self.subject.notes, pitches, strict=True)]
        self.voices[voice] += notes
        chords = [(start + self.subject.length * i / 4, numeral(t, key), key) for i, t in enumerate(self._scheme(key))]
        self._fill(bar, bar + self.size, chords, sounding - {voice})

    def _scheme(self, key: Key) -> tuple[str, ...]:
        """The subject's harmony in another mode."""
        index = SCHEMES[self.frame.bars[0].key.is_minor].index(self.subject.scheme)
        return SCHEMES[key.is_minor][index]

    def _episode(self, first: int, end: int, key: Key) -> None:
        """The subject's head wanders down a chain of fifths, two voices in turn; the others accompany."""
        bars = self.frame.bars[first:end]
        tokens = _SEQUENCES[key.is_minor]
        head = [(o, d, p) for o, d, p in self.subject.notes if o < bars[0].metre.bar_quarters - _EPS]
        chords: list[tuple[float, Chord, Key]] = []
        leaders = [int(v) for v in self.rng.permutation(self.count)[:2]]
        for i, bar in enumerate(bars):
            half = bar.metre.bar_quarters / 2
            step = len(tokens) - 2 * len(bars) + 2 * i
            chords += [(bar.start + half * k, numeral(tokens[(step + k) % len(tokens)], key), key) for k in (0, 1)]
        for i, bar in enumerate(bars):
            voice = leaders[i % 2]
            low, high = self.ranges[voice]
            base = _nearest_of(chords[2 * i][1], (low + high) // 2 + 3 - i)
            notes = []
            for onset, length, pitch in head:
                chord = chords[2 * i + (onset >= bar.metre.bar_quarters / 2 - _EPS)][1]
                wanted = base + pitch - head[0][2]
                strong = abs(onset - round(onset)) < _EPS and length >= 0.75
                pitch = _nearest_of(chord, wanted) if strong else _in_scale(wanted, key, chord)
                notes.append(Note(bar.start + onset, min(length, bar.metre.bar_quarters - onset), min(high, max(low, pitch))))
            self.voices[voice] += notes
            self._fill(bar.index, bar.index + 1, chords[2 * i : 2 * i + 2], set(range(self.count)) - {voice})

    def _close(self, first: int, end: int) -> None:
        """The dominant, then the tonic held (with a major third in minor, too)."""
        key = self.frame.bars[-1].key
        final = self.frame.final_start
        if first < end and self.frame.bars[first].start < final - _EPS:
            dominant = [(self.frame.bars[first].start, numeral("V7", key), key)]
            self._fill(first, end, dominant, set(range(self.count)), until=final)
        length = max(0.5, self.frame.final_release - final)
        self.voices = _last_chord(self.voices, self.ranges, key, final, length)

    def _fill(
        self, first: int, end: int, chords: list[tuple[float, Chord, Key]], free: set[int], until: float | None = None
    ) -> None:
        """Free counterpoint, the bass first; where others run it walks, where they stand it runs."""
        stop = self.frame.bars[end - 1].end if until is None else until
        for voice in sorted(free, key=lambda v: (v != self.count - 1, v)):
            busy = [n for other in range(self.count) if other != voice for n in self.voices[other]]
            slots = self._slots(first, end, stop, chords, busy)
            others = [(Line(self.voices[o]), o < voice) for o in range(self.count) if o != voice and self.voices[o]]
            before = self.voices[voice][-1].pitch if self.voices[voice] else None
            low, high = self.ranges[voice]
            self.voices[voice] += write_line(slots, others, low, high, self.rng, before=before)

    def _slots(self, first: int, end: int, stop: float, chords: list[tuple[float, Chord, Key]], busy: list[Note]) -> list[Slot]:
        starts = {round(n.start, 4) for n in busy}
        slots: list[Slot] = []
        for bar in self.frame.bars[first:end]:
            edges = [*bar.metre.beat_quarters, bar.metre.bar_quarters]
            for a, b in itertools.pairwise(edges):
                at, size = bar.start + a, b - a
                if at >= stop - _EPS:
                    break
                moving = any(at + _EPS < s < at + size - _EPS for s in starts)
                n = 1 if moving or self.rng.random() < 0.35 else (3 if abs(size - 1.5) < _EPS else 2)
                for k in range(n):
                    place = at + size * k / n
                    _, chord, key = [c for c in chords if c[0] <= place + _EPS][-1]
                    slots.append(Slot(place, min(size / n, stop - place), chord, key, k == 0))
        return slots


def _dominant(key: Key) -> Key:
    return Key((key.tonic + 7) % 12, key.mode)


def _relative(key: Key) -> Key:
    return Key((key.tonic + 3) % 12, "major") if key.is_minor else Key((key.tonic + 9) % 12, "minor")


def _in_mode(pitch: int, key: Key) -> int:
    """The nearest note of a key: a major subject in a minor key and the other way round."""
    return min((p for p in range(pitch - 2, pitch + 3) if p % 12 in key.scale), key=lambda p: (abs(p - pitch), p))


def _in_scale(pitch: int, key: Key, chord: Chord) -> int:
    allowed = set(key.scale) | set(chord.pitch_classes)
    return min((p for p in range(pitch - 3, pitch + 4) if p % 12 in allowed), key=lambda p: (abs(p - pitch), p))


def _nearest_of(chord: Chord, pitch: int) -> int:
    return min((p for p in range(pitch - 8, pitch + 9) if p % 12 in chord.pitch_classes), key=lambda p: (abs(p - pitch), p))


# --- the canon -------------------------------------------------------------------------------------------------------


def _canon(frame: Frame, parts: tuple[PartPlan, ...], rng: np.random.Generator) -> list[list[Note]]:
    """A leader over a repeated ground of two bars; each voice repeats it two bars after the one before."""
    count = len(parts)
    ranges = _voice_ranges(parts, count)
    key = frame.bars[0].key
    grounds = _GROUNDS[key.is_minor]
    ground = grounds[int(rng.integers(len(grounds)))]
    phrases: list[list[Note]] = []
    low, high = max(55, ranges[0][0]), min(84, ranges[0][1])
    for first in range(0, len(frame.bars), CANON_DELAY_BARS):
        bars = frame.bars[first : first + CANON_DELAY_BARS]
        slots = _canon_slots(bars, key, ground, len(phrases), rng)
        origin = bars[0].start
        earlier = [
            (Line([replace(n, start=n.start + origin) for n in p]), None) for p in phrases[max(0, len(phrases) + 1 - count) :]
        ]
        before = phrases[-1][-1].pitch if phrases else None
        centre = (low + high) // 2 + _CENTRES[len(phrases) % len(_CENTRES)]
        line = write_line(slots, earlier, max(low, centre - 8), min(high, centre + 8), rng, before=before)
        phrases.append([replace(n, start=n.start - origin) for n in line])
    voices = []
    for voice in range(count):
        line = []
        for k, first in enumerate(range(voice * CANON_DELAY_BARS, len(frame.bars), CANON_DELAY_BARS)):
            line += [replace(n, start=n.start + frame.bars[first].start) for n in phrases[k]]
        row = instrument(parts[voice].instrument)
        octave = min(range(-48, 49, 12), key=lambda o: (_outside(line, o, row.range), abs(o)))
        voices.append([replace(n, pitch=n.pitch + octave) for n in line])
    limits = [instrument(p.instrument).range for p in parts]
    return _last_chord(voices, limits, key, frame.final_start, max(0.5, frame.final_release - frame.final_start))


def _outside(line: list[Note], octave: int, limits: tuple[int, int]) -> int:
    return sum(not limits[0] <= n.pitch + octave <= limits[1] for n in line)


def _canon_slots(bars: tuple[Bar, ...], key: Key, ground: tuple[str, ...], phrase: int, rng: np.random.Generator) -> list[Slot]:
    """The rhythm of a phrase: calm at first, livelier from phrase to phrase, calm again."""
    length = sum(b.metre.bar_quarters for b in bars)
    livelier = (0.0, 0.25, 0.6, 0.85, 0.5)[phrase % 5]
    slots: list[Slot] = []
    for bar in bars:
        edges = [*bar.metre.beat_quarters, bar.metre.bar_quarters]
        for a, b in itertools.pairwise(edges):
            at, size = bar.start + a, b - a
            chord = numeral(ground[min(len(ground) - 1, int((at - bars[0].start) / length * len(ground) + 1e-9))], key)
            n = 1 if rng.random() >= livelier else (3 if abs(size - 1.5) < _EPS else 2)
            slots += [Slot(at + size * k / n, size / n, chord, key, k == 0) for k in range(n)]
    return slots
