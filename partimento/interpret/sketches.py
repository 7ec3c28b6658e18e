"""Given files: a tune to keep (``--melody``) or tracks to arrange around (``--midi``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from partimento.interpret.grid import FileTime
from partimento.interpret.parts import Draft
from partimento.plan.plan import ChordAt, ChordLane, Origin
from partimento.plan.request import GenerateRequest
from partimento.score.score import Score, Track
from partimento.score.timing import Key

MAX_SKETCH_TRACKS = 12


@dataclass
class Sketch:
    """What the files hold."""

    tracks: tuple[Track, ...]
    drafts: list[Draft]
    time: FileTime
    key: Key
    chords: ChordLane | None
    remarks: tuple[str, ...] = ()


def load(request: GenerateRequest) -> Sketch | None:
    """Read ``request.melody`` and ``request.midi``.

    Raises:
        FileError, ParseError: when a file cannot be read or holds no notes.
    """
    if request.melody is None and request.midi is None:
        return None
    from partimento.score.io import read_score

    tracks: list[Track] = []
    first: Score | None = None
    remarks: list[str] = []
    if request.melody is not None:
        first = read_score(Path(request.melody))
        tracks.append(replace(tune_of(first), role="melody"))
    if request.midi is not None:
        score = read_score(Path(request.midi))
        if first is None:
            first = score
        tracks += [t for t in score.tracks if t.notes]
    assert first is not None
    if len(tracks) > MAX_SKETCH_TRACKS:
        remarks.append(f"only the first {MAX_SKETCH_TRACKS} of {len(tracks)} given tracks are kept")
        tracks = tracks[:MAX_SKETCH_TRACKS]
    tracks = _unique_names(tracks)
    drafts = [
        Draft(
            t.instrument,
            t.role,
            Origin.GIVEN,
            (),
            "given notes",
            None if t.is_drum else t.program,
            sketch=i,
            name=t.name,
            follows=t.instrument,
        )
        for i, t in enumerate(tracks)
    ]
    time = FileTime(first.tempo_bpm, first.metre, first.n_bars)
    return Sketch(tuple(tracks), drafts, time, first.key, _chords(first), tuple(remarks))


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


def _chords(score: Score) -> ChordLane | None:
    """Chord symbols of the file, placed in bars."""
    if not score.chords:
        return None

    def bar(quarter: float) -> float:
        index = score.bar_at(quarter)
        start, end = score.bar_span(index)
        return index + (quarter - start) / (end - start)

    chords = tuple(ChordAt(bar(c.start), min(float(score.n_bars), bar(c.end)), c.chord) for c in score.chords if c.end > c.start)
    return ChordLane(chords, float(score.n_bars))
