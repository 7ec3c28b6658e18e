"""MIDI: any score survives the trip to the tick; any bytes are read or refused."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.errors import FileError
from partimento.score.midi import TICKS_PER_QUARTER, midi_bytes, parse_midi
from partimento.score.score import Note, Score, Track
from partimento.score.timing import TempoPoint

NOTES = st.builds(
    Note,
    st.floats(0, 40, allow_nan=False),
    st.floats(0.01, 8, allow_nan=False),
    st.integers(0, 127),
    st.integers(1, 127),
    st.sampled_from([0.0, 0.0, 0.012, -0.02]),
)


def sort(notes: list[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))


@st.composite
def scores(draw: st.DrawFn) -> Score:
    tracks = []
    for i in range(draw(st.integers(1, 4))):
        drum = draw(st.booleans())
        notes = sort(draw(st.lists(NOTES, min_size=1, max_size=12)))
        program = draw(st.integers(0, 127))
        tracks.append(Track(f"t{i}", "drums" if drum else "chords", "drums" if drum else "piano", program, drum, notes))
    tempos = (TempoPoint(0, draw(st.floats(20, 400))), TempoPoint(7.25, draw(st.floats(20, 400))))
    return Score(tuple(tracks), 50.0, tempos)


@settings(max_examples=60, deadline=None)
@given(scores())
def test_notes_survive_to_the_tick(score):
    again = parse_midi(midi_bytes(score))
    assert parse_midi(midi_bytes(again)) == again
    tolerance = 0.5 / TICKS_PER_QUARTER + 1e-9
    for written, read in zip(score.tracks, again.tracks, strict=True):
        pitches = [n.pitch for n in written.notes]
        alone = [n for n in written.notes if pitches.count(n.pitch) == 1 and n.nudge_s == 0]
        for note in alone:
            found = [n for n in read.notes if n.pitch == note.pitch]
            assert len(found) == 1
            assert found[0].velocity == note.velocity
            assert abs(found[0].start - note.start) <= tolerance
            assert abs(found[0].end - note.end) <= max(tolerance, 1 / TICKS_PER_QUARTER)
        assert {n.pitch for n in read.notes} == set(pitches)


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"", b"MThd", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x40"]))
def test_any_bytes_are_read_or_refused(tail, head):
    with contextlib.suppress(FileError):
        parse_midi(head + tail)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(data):
    good = midi_bytes(Score((Track("a", "melody", "piano", 0, False, (Note(0, 1, 60), Note(1, 1, 64))),), 4.0))
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FileError):
        parse_midi(bytes(bad[: data.draw(st.integers(10, len(bad)))])).bar_starts  # noqa: B018
