"""Written measures of all parts to a score as it sounds: what MusicXML and ABC readers have in common.

Repeats are played out, ties joined, and an upbeat is set right-aligned into a full first bar, so that every bar of the
score is a bar of its metre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from partimento.score.bars import metre_of_length, metre_points, sections_from_marks, starts_of
from partimento.score.chord import Chord
from partimento.score.instrument_match import guess_role, match_instrument
from partimento.score.instruments import instrument
from partimento.score.key_guess import guess_key
from partimento.score.repeats import MeasureMarks, play_order
from partimento.score.score import ChordSpan, KeyPoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint

DEFAULT_TEMPO_BPM = 120.0
_EPS = 1e-6
_MODE_STEP = {"major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "locrian": 11}


@dataclass(slots=True)
class RawNote:
    """A note inside a written measure (times in quarter notes from the measure's start)."""

    start: float
    duration: float
    pitch: int
    velocity: int
    tie_start: bool
    tie_stop: bool
    unpitched: bool = False


@dataclass(slots=True)
class RawMeasure:
    """What one part has in one written measure."""

    notes: list[RawNote] = field(default_factory=list)
    chords: list[tuple[float, Chord | None]] = field(default_factory=list)
    tempos: list[tuple[float, float]] = field(default_factory=list)
    rehearsal: str = ""
    key: tuple[int, str | None] | None = None  # fifths (sounding), mode
    metre: Metre | None = None
    free: bool = False  # senza misura
    length: float = 0.0  # of what sounds or is counted; whole-bar rests leave it 0
    marks: MeasureMarks = field(default_factory=MeasureMarks)


@dataclass(slots=True)
class RawPart:
    """One part."""

    name: str
    program: int | None
    pan: float | None
    is_drum: bool
    measures: list[RawMeasure]


def assemble(parts: list[RawPart], title: str = "", play_repeats: bool = True) -> Score:
    """Lay written measures out in time.

    Args:
        parts: at least one part with at least one measure; shorter parts are filled with empty measures.
        title: of the score.
        play_repeats: unfold repeats and jumps; else every written measure comes once, in the order of the page.
    """
    return _Assembler(parts, title, play_repeats).score()


class _Assembler:
    """Lays the measures of all parts out in time."""

    def __init__(self, parts: list[RawPart], title: str, play_repeats: bool) -> None:
        self.parts = parts
        self.title = title
        self.n_written = max(len(p.measures) for p in parts)
        for part in parts:
            part.measures += [RawMeasure() for _ in range(self.n_written - len(part.measures))]
        self.columns = [[p.measures[i] for p in parts] for i in range(self.n_written)]
        self._written_metres()
        marks = [_merge_marks([m.marks for m in column]) for column in self.columns]
        self.order = play_order(marks) if play_repeats else list(range(len(marks)))
        self._lay_out()

    def _written_metres(self) -> None:
        """Metre in force and real length of every written measure."""
        metre = self._usual_metre()
        self.metres: list[Metre] = []
        self.lengths: list[float] = []
        for column in self.columns:
            metre = next((m.metre for m in column if m.metre is not None), metre)
            free = any(m.free for m in column)
            length = max(m.length for m in column)
            self.metres.append(metre_of_length(length, metre) if free and length else metre)
            self.lengths.append(length or self.metres[-1].bar_quarters)

    def _usual_metre(self) -> Metre:
        """For measures before any time signature: the commonest length in quarters."""
        lengths = [max(m.length for m in column) for column in self.columns]
        counts = Counter(round(length, 6) for length in lengths if length)
        if any(m.metre for m in self.columns[0]) or not counts:
            return Metre()
        return metre_of_length(max(counts.items(), key=lambda item: (item[1], item[0]))[0], Metre())

    def _lay_out(self) -> None:
        """Bars in time: ``starts`` of the played measures and ``bars`` (metre of each sounding bar)."""
        self.starts: list[float] = []
        self.bars: list[Metre] = []
        at = 0.0
        filled, whole = 0.0, None  # an incomplete bar that waits for its rest
        for k, index in enumerate(self.order):
            metre, length = self.metres[index], self.lengths[index]
            nominal = metre.bar_quarters
            if whole is not None:
                if length < nominal - _EPS and filled + length <= whole.bar_quarters + _EPS:
                    self.starts.append(at + filled)
                    filled += length
                    if filled > whole.bar_quarters - _EPS:
                        self.bars.append(whole)
                        at, whole = at + whole.bar_quarters, None
                    continue
                # Before a jump the bar is filled up with silence; elsewhere it is as short as it was written.
                jumped = self.order[k - 1] + 1 != index
                short = whole if jumped else metre_of_length(filled, whole)
                self.bars.append(short)
                at, whole = at + short.bar_quarters, None
            if k == 0 and length < nominal - _EPS:
                self.starts.append(nominal - length)
                self.bars.append(metre)
                at = nominal
            elif length < nominal - _EPS:
                self.starts.append(at)
                filled, whole = length, metre
            else:
                real = metre if length <= nominal + _EPS else metre_of_length(length, metre)
                self.starts.append(at)
                self.bars.append(real)
                at += real.bar_quarters
        if whole is not None:
            self.bars.append(whole)
            at += whole.bar_quarters
        self.length = at

    def score(self) -> Score:
        """The score."""
        tracks = self._tracks()
        return Score(
            tracks=tracks,
            length=self.length,
            tempos=self._tempos(),
            metres=metre_points(self.bars),
            keys=self._keys(tracks),
            chords=self._chords(),
            sections=self._sections(),
            title=self.title,
        )

    def _tracks(self) -> tuple[Track, ...]:
        tracks: list[Track] = []
        used: set[str] = set()
        has_melody = False
        for number, part in enumerate(self.parts, start=1):
            notes = self._notes(part)
            id_ = match_instrument(part.name, part.program, part.is_drum)
            row = instrument(id_)
            role = "melody" if len(self.parts) == 1 and not part.is_drum else guess_role(id_, notes, not has_melody)
            has_melody = has_melody or role == "melody"
            name = " ".join(part.name.split()) or (row.en if len(self.parts) == 1 else f"part {number}")
            unique, n = name, 2
            while unique in used:
                unique, n = f"{name} {n}", n + 1
            used.add(unique)
            program = 0 if part.is_drum else row.program if part.program is None else part.program
            tracks.append(Track(unique, role, id_, program, part.is_drum, notes, pan=part.pan))
        return tuple(tracks)

    def _notes(self, part: RawPart) -> tuple[Note, ...]:
        """Notes of a part as played, ties joined, unisons of two voices kept once."""
        found: dict[tuple[int, int], list[float]] = {}  # (start in 1/960, pitch) → start, end, velocity
        tied: dict[tuple[int, int], tuple[list[float], int]] = {}  # (end in 1/960, pitch) → note that goes on, its measure
        for index, start in zip(self.order, self.starts, strict=True):
            for raw in part.measures[index].notes:
                begin = start + raw.start
                end = begin + raw.duration
                note, measure = tied.pop((round(begin * 960), raw.pitch), (None, -1))
                # Some files leave the second half of a tie out; over a repeat only a written "stop" counts.
                if note is None or not (raw.tie_stop or index >= measure):
                    key = (round(begin * 960), raw.pitch)
                    note = found.setdefault(key, [begin, end, float(raw.velocity)])
                note[1] = max(note[1], end)
                if raw.tie_start:
                    tied[(round(end * 960), raw.pitch)] = (note, index)
        notes = [Note(n[0], n[1] - n[0], pitch, int(n[2])) for (_, pitch), n in found.items()]
        return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))

    def _tempos(self) -> tuple[TempoPoint, ...]:
        points: list[tuple[float, float]] = []
        for k, (index, start) in enumerate(zip(self.order, self.starts, strict=True)):
            jumped = k > 0 and self.order[k - 1] + 1 != index
            if jumped:
                before = [bpm for column in self.columns[:index] for m in column for _, bpm in m.tempos]
                points += [(start, before[-1])] if before else []
            points += sorted((start + at, bpm) for m in self.columns[index] for at, bpm in m.tempos)
        if not points or points[0][0] > self.bars[0].bar_quarters + _EPS:
            points.insert(0, (0.0, DEFAULT_TEMPO_BPM))
        points[0] = (0.0, points[0][1])
        kept: list[TempoPoint] = []
        for at, bpm in points:
            if kept and at <= kept[-1].at + _EPS:
                kept[-1] = TempoPoint(kept[-1].at, bpm)
            elif not kept or bpm != kept[-1].bpm:
                kept.append(TempoPoint(at, bpm))
        return tuple(kept)

    def _keys(self, tracks: Sequence[Track]) -> tuple[KeyPoint, ...]:
        if not any(m.key for column in self.columns for m in column):
            return (KeyPoint(0.0, guess_key([n for t in tracks if not t.is_drum for n in t.notes], self._chords())),)
        written: list[tuple[int, str | None]] = []
        current: tuple[int, str | None] = next(m.key for column in self.columns for m in column if m.key)
        for column in self.columns:
            pitched = [m.key for m, p in zip(column, self.parts, strict=True) if m.key is not None and not p.is_drum]
            current = pitched[0] if pitched else current
            written.append(current)
        regions: list[tuple[float, tuple[int, str | None]]] = []
        for index, start in zip(self.order, self.starts, strict=True):
            if not regions or regions[-1][1] != written[index]:
                regions.append((start if regions else 0.0, written[index]))
        points: list[KeyPoint] = []
        for i, (start, (fifths, mode)) in enumerate(regions):
            end = regions[i + 1][0] if i + 1 < len(regions) else self.length
            key = _key(fifths, {"ionian": "major", "aeolian": "minor"}.get(mode or "", mode))
            key = key or _infer_key(fifths, tracks, start, end)
            if not points or key != points[-1].key:
                points.append(KeyPoint(start, key))
        return tuple(points)

    def _chords(self) -> tuple[ChordSpan, ...]:
        counts = [sum(len(m.chords) for m in part.measures) for part in self.parts]
        if not any(counts):
            return ()
        measures = self.parts[counts.index(max(counts))].measures
        carried: list[Chord | None] = []
        current: Chord | None = None
        for measure in measures:
            carried.append(current)
            if measure.chords:
                current = max(measure.chords, key=lambda c: c[0])[1]
        events: list[tuple[float, Chord | None]] = []
        for k, (index, start) in enumerate(zip(self.order, self.starts, strict=True)):
            chords = sorted(measures[index].chords, key=lambda c: c[0])
            jumped = k > 0 and self.order[k - 1] + 1 != index
            if jumped and not (chords and chords[0][0] < _EPS):
                events.append((start, carried[index]))
            length = self.lengths[index]
            events += [(start + at, chord) for at, chord in chords if at < length - _EPS]
        spans: list[ChordSpan] = []
        for i, (at, chord) in enumerate(events):
            end = events[i + 1][0] if i + 1 < len(events) else self.length
            if chord is not None and end > at + _EPS:
                spans.append(ChordSpan(at, end, chord))
        return tuple(spans)

    def _sections(self) -> tuple[Section, ...]:
        """Rehearsal marks as sections, when the piece has any."""
        names: list[tuple[float, str]] = []
        for index, start in zip(self.order, self.starts, strict=True):
            name = next((m.rehearsal for m in self.columns[index] if m.rehearsal), "")
            if name:
                names.append((start, name))
        return sections_from_marks(names, starts_of(self.bars))


def _merge_marks(marks: Sequence[MeasureMarks]) -> MeasureMarks:
    """Marks of all parts together: files write repeats into every part, signs often into the first only."""
    return MeasureMarks(
        forward=any(m.forward for m in marks),
        backward=max(m.backward for m in marks),
        endings=next((m.endings for m in marks if m.endings), ()),
        segno=any(m.segno for m in marks),
        coda=any(m.coda for m in marks),
        fine=any(m.fine for m in marks),
        to_coda=any(m.to_coda for m in marks),
        jump=next((m.jump for m in marks if m.jump), ""),
    )


def _key(fifths: int, mode: str | None) -> Key | None:
    return Key((fifths * 7 + _MODE_STEP[mode]) % 12, mode) if mode in _MODE_STEP else None


def _infer_key(fifths: int, tracks: Sequence[Track], start: float, end: float) -> Key:
    """Major, or the relative minor when the region's last and lowest note is its tonic."""
    major, minor = Key(fifths * 7 % 12, "major"), Key((fifths * 7 + 9) % 12, "minor")
    notes = [n for t in tracks if not t.is_drum for n in t.notes if start - _EPS <= n.start < end - _EPS]
    if not notes:
        return major
    last = max(n.end for n in notes)
    final = min((n.pitch for n in notes if n.end > last - 0.26), default=notes[-1].pitch)
    return minor if final % 12 == minor.tonic else major
