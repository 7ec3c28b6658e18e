"""Given files: a tune to keep (``--melody``) or tracks to arrange around (``--midi``)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from partimento.interpret.grid import FileTime
from partimento.interpret.parts import Draft
from partimento.plan.plan import ChordAt, ChordLane, Conflict, Origin
from partimento.plan.request import GenerateRequest
from partimento.score.harmony import transpose_chord
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, Note, Score, Track
from partimento.score.timing import Key, Metre

MAX_SKETCH_TRACKS = 12
_EPS = 1e-6
_PICKUP_SHARE = 0.5
"""A tune that begins in the second half of its first bar begins with an upbeat."""


@dataclass(frozen=True)
class Sketch:
    """What the files hold.

    Attributes:
        tracks: the given tracks, on the file's own bars.
        drafts: a part for each.
        tune: index of the track that carries the tune, None when there are only drums.
        is_melody: the tune was given as a tune (``--melody``), not as finished parts.
        source: tempo, metres and keys of the file.
        key: first key.
        n_bars: bars up to the last note.
        chords: chord symbols of the file, in its bars.
        remarks: lines for the user.
    """

    tracks: tuple[Track, ...]
    drafts: tuple[Draft, ...]
    tune: int | None
    is_melody: bool
    source: Score
    key: Key
    n_bars: int
    chords: ChordLane | None
    remarks: tuple[str, ...] = ()

    @property
    def time(self) -> FileTime:
        """Mean tempo, metre (of the first whole bar) and bars."""
        length = bar_quarter(self.source, self.n_bars)
        mean_bpm = 60.0 * length / self.source.tempo_map.seconds(length)
        return FileTime(mean_bpm, self.source.metre, self.n_bars)

    @property
    def pickup(self) -> float:
        """Quarter notes of upbeat before bar 1 (the file's bar 0 holds nothing else); 0 without one."""
        starts = [t.notes[0].start for t in self.tracks if t.notes]
        bar = self.source.metre.bar_quarters
        first = min(starts, default=0.0)
        return bar - first if bar * _PICKUP_SHARE - _EPS <= first < bar - _EPS and self.n_bars > 1 else 0.0


def load(request: GenerateRequest) -> Sketch | None:
    """Read what is to be played of ``request.melody`` and ``request.midi``; None where that is nothing.

    Raises:
        FileError, ParseError: when a file cannot be read or holds no notes.
    """
    melody = None if request.melody_is_heard else request.melody
    return None if melody is None and request.midi is None else read_sketch(melody, request.midi)


def read_sketch(melody: str | None, midi: str | None) -> Sketch:
    """Read a tune, parts to be kept, or both.

    Args:
        melody, midi: paths of score files, at least one of them.

    Raises:
        As of :func:`load`.
    """
    from partimento.score.io import read_score

    tracks: list[Track] = []
    first: Score | None = None
    remarks: list[str] = []
    if melody is not None:
        first = read_score(Path(melody))
        tracks.append(replace(tune_of(first), role="melody"))
    if midi is not None:
        score = read_score(Path(midi))
        if first is None:
            first = score
        tracks += [t for t in score.tracks if t.notes]
    assert first is not None
    if not tracks:
        from partimento.errors import FileError

        raise FileError(f"{midi} holds no notes: give a file with at least one part that plays")
    if len(tracks) > MAX_SKETCH_TRACKS:
        remarks.append(f"only the first {MAX_SKETCH_TRACKS} of {len(tracks)} given tracks are kept")
        tracks = tracks[:MAX_SKETCH_TRACKS]
    tracks = _unique_names(tracks)
    end = max(n.end for t in tracks for n in t.notes)
    n_bars = _bars_to(first, end)
    tune = 0 if melody is not None else _tune_index(tracks)
    return Sketch(
        tuple(tracks),
        tuple(_draft(i, t) for i, t in enumerate(tracks)),
        tune,
        melody is not None,
        first,
        first.key,
        n_bars,
        _chords(first, n_bars),
        tuple(remarks),
    )


def _draft(index: int, track: Track) -> Draft:
    return Draft(
        track.instrument,
        track.role,
        Origin.GIVEN,
        (),
        "given notes",
        None if track.is_drum else track.program,
        sketch=index,
        name=track.name,
        follows=track.instrument,
    )


def _tune_index(tracks: list[Track]) -> int | None:
    """The given track that leads: marked as melody, else the highest pitched one."""
    pitched = [i for i, t in enumerate(tracks) if not t.is_drum]
    marked = [i for i in pitched if tracks[i].role == "melody"]
    if marked:
        return marked[0]
    return max(pitched, key=lambda i: sum(n.pitch for n in tracks[i].notes) / len(tracks[i].notes), default=None)


def tune_of(score: Score) -> Track:
    """The track that carries the tune: one marked so, else the highest that mostly sounds one note at a time."""
    pitched = [t for t in score.tracks if t.notes and not t.is_drum]
    if not pitched:
        from partimento.errors import FileError

        raise FileError("the melody file holds no pitched notes: give a MIDI, MusicXML or ABC file with a tune")
    marked = [t for t in pitched if t.role == "melody"]
    if marked:
        return marked[0]

    def rank(track: Track) -> tuple[float, float]:
        together = sum(b.start < a.end - 1e-3 for a, b in zip(track.notes, track.notes[1:], strict=False)) / len(track.notes)
        return (together < 0.3, sum(n.pitch for n in track.notes) / len(track.notes))

    return max(pitched, key=rank)


def _unique_names(tracks: list[Track]) -> list[Track]:
    taken: set[str] = set()
    out = []
    for track in tracks:
        name, k = track.name, 2
        while name in taken:
            name, k = f"{track.name} {k}", k + 1
        taken.add(name)
        out.append(replace(track, name=name))
    return out


# --- bars of the file ----------------------------------------------------------------------------------------------


def bar_quarter(score: Score, bar: float) -> float:
    """Quarter notes at a fractional 0-based bar; bars after the last go on in the last metre."""
    last = score.n_bars - 1
    whole = int(bar)
    if whole <= last:
        return score.bar_starts[whole] + (bar - whole) * score.metre_at(whole).bar_quarters
    return score.bar_starts[last] + (bar - last) * score.metre_at(last).bar_quarters


def _bars_to(score: Score, end: float) -> int:
    """Bars that hold everything before ``end`` (quarter notes): silence after the last note is not part of the tune."""
    n = 1
    while bar_quarter(score, n) < end - 0.05:
        n += 1
    return n


def rebarred(sketch: Sketch, metre: Metre) -> Sketch:
    """The same notes counted in another metre throughout (``--metre`` against the file's)."""
    from partimento.score.score import MetrePoint

    source = replace(sketch.source, metres=(MetrePoint(0, metre),), tracks=())
    end = max(n.end for t in sketch.tracks for n in t.notes)
    n_bars = _bars_to(source, end)
    return replace(sketch, source=source, n_bars=n_bars, chords=_chords(source, n_bars))


def _chords(score: Score, n_bars: int) -> ChordLane | None:
    """Chord symbols of the file, placed in bars."""
    if not score.chords:
        return None

    def bar(quarter: float) -> float:
        index = min(score.bar_at(quarter), n_bars)
        start, end = score.bar_span(min(index, score.n_bars - 1))
        return index + (quarter - start) / (end - start)

    found = _spans_within(score.chords, bar_quarter(score, n_bars))
    chords = tuple(ChordAt(bar(c.start), min(float(n_bars), bar(c.end)), c.chord) for c in found if c.end > c.start)
    return ChordLane(chords, float(n_bars)) if chords else None


def _spans_within(spans: tuple[ChordSpan, ...], end: float) -> tuple[ChordSpan, ...]:
    """Spans up to ``end``; the last reaches there when nothing follows it."""
    kept = [replace(s, end=min(s.end, end)) for s in spans if s.start < end - _EPS]
    return tuple(kept)


# --- key -----------------------------------------------------------------------------------------------------------


def in_key(sketch: Sketch, asked: Key) -> tuple[Sketch, Key, tuple[Conflict, ...], tuple[str, ...]]:
    """The sketch moved by the nearest interval so that it stands in an asked key.

    A relative key (the same signature) moves nothing. Where major is asked for a minor tune or the other way round, the
    tonic is moved, the tune keeps its mode, and the conflict is listed.

    Returns:
        The sketch, the key it is in now, conflicts and remarks.
    """
    if asked == sketch.key or set(asked.scale) == set(sketch.key.scale):
        return sketch, asked, (), ()
    shift = (asked.tonic - sketch.key.tonic + 6) % 12 - 6
    conflicts: tuple[Conflict, ...] = ()
    key = asked
    if asked.is_minor != sketch.key.is_minor:
        key = Key(asked.tonic, sketch.key.mode)
        mode = "minor" if sketch.key.is_minor else "major"
        reason = f"the given tune is in {mode}: it moves to the tonic and keeps its notes"
        conflicts = (Conflict("key", str(key), str(asked), reason),)
    if shift == 0:
        return replace(sketch, key=key), key, conflicts, ()
    tracks = tuple(moved(t, shift) for t in sketch.tracks)
    keys = tuple(replace(k, key=k.key.transposed(shift)) for k in sketch.source.keys)
    spans = tuple(replace(c, chord=transpose_chord(c.chord, shift, key)) for c in sketch.source.chords)
    source = replace(sketch.source, keys=keys, chords=spans, tracks=())
    remark = f"the given notes are transposed by {shift:+d} semitones, from {sketch.key} to {key}"
    return (
        replace(sketch, tracks=tracks, source=source, key=key, chords=_chords(source, sketch.n_bars)),
        key,
        conflicts,
        (remark,),
    )


def moved(track: Track, semitones: int, instrument: str | None = None) -> Track:
    """A track some semitones higher, by whole octaves brought back into its instrument's range, notes outside one by one.

    Args:
        track: pitched (a drum track is returned as it is).
        semitones: interval.
        instrument: plays it from now on; its own when None.
    """
    if track.is_drum or not track.notes:
        return track
    row = instruments()[instrument or track.instrument]
    low, high = row.range
    pitches = [n.pitch + semitones for n in track.notes]
    centre = sum(pitches) / len(pitches)

    def cost(octaves: int) -> tuple[float, int]:
        outside = sum(max(0, low - p - 12 * octaves) + max(0, p + 12 * octaves - high) for p in pitches)
        strained = max(0.0, row.best[0] - centre - 12 * octaves) + max(0.0, centre + 12 * octaves - row.best[1])
        return (10.0 * outside / len(pitches) + strained, abs(octaves))

    octaves = min(range(-4, 5), key=lambda o: (cost(o), o))
    notes = []
    for note, pitch in zip(track.notes, pitches, strict=True):
        at = pitch + 12 * octaves
        at += 12 * math.ceil(max(0, low - at) / 12)
        at -= 12 * math.ceil(max(0, at - high) / 12)
        notes.append(replace(note, pitch=min(127, max(0, at))))
    return replace(track, notes=tuple(sorted(notes, key=lambda n: (n.start, n.pitch))))


def upper_line(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """The highest of notes that sound together, one at a time."""
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        if line and note.start < line[-1].start + _EPS:
            continue
        if line and line[-1].end > note.start + _EPS:
            line[-1] = replace(line[-1], duration=note.start - line[-1].start)
        line.append(note)
    return tuple(line)
