"""MIDI files: what is written, what is read back, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace

import mido
import pytest

from partimento.errors import FileError
from partimento.score.chord_text import parse_chord
from partimento.score.midi import TICKS_PER_QUARTER, midi_bytes, parse_midi, read_midi, write_midi
from partimento.score.midi_write import assign_channels
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint


def span(start: float, end: float, text: str) -> ChordSpan:
    chord = parse_chord(text)
    assert chord is not None
    return ChordSpan(start, end, chord)


def part(name: str, *notes: Note, role: str = "melody", program: int = 0, drum: bool = False, **more) -> Track:
    return Track(name, role, "drums" if drum else "piano", program, drum, notes, **more)


SCORE = Score(
    tracks=(
        part("Lead 主旋律", Note(0, 1, 72, 100), Note(1 + 1 / 3, 1 / 3, 74, 1), Note(3.5, 4, 76, 127), program=73, pan=-0.3),
        part("Bass", Note(0, 3.5, 36), Note(3.5, 3, 38), role="bass", program=33, gain_db=-4.5),
        part("Kit", Note(0, 0.1, 36), Note(1, 0.1, 42), role="drums", program=40, drum=True, gain_db=2.0),
        part("Shaker", Note(0.5, 0.1, 82), role="percussion", drum=True),
    ),
    length=11.5,
    tempos=(TempoPoint(0, 97.3), TempoPoint(3.5, 140)),
    metres=(MetrePoint(0, Metre(7, 8, (2, 2, 3))), MetrePoint(1, Metre(4, 4))),
    keys=(KeyPoint(0, Key(2, "dorian")), KeyPoint(3.5, Key(10, "minor"))),
    chords=(span(0, 2, "Dm7"), span(3.5, 7.5, "F#m7b5/E")),
    sections=(Section("intro", "X", 0, 1, 0.2), Section("verse", "A", 1, 2, 0.9)),
    title="Été 曲",
)


def test_everything_comes_back():
    again = parse_midi(midi_bytes(SCORE))
    assert replace(again, tracks=()) == replace(SCORE, tracks=())
    for written, read in zip(SCORE.tracks, again.tracks, strict=True):
        assert replace(read, notes=()) == replace(written, notes=())
        for a, b in zip(written.notes, read.notes, strict=True):
            assert abs(a.start - b.start) <= 0.5 / TICKS_PER_QUARTER + 1e-9
            assert abs(a.end - b.end) <= 0.5 / TICKS_PER_QUARTER + 1e-9
            assert (a.pitch, a.velocity) == (b.pitch, b.velocity)


def test_same_score_same_bytes_and_a_stable_second_trip(tmp_path):
    data = midi_bytes(SCORE)
    assert data == midi_bytes(SCORE)
    assert midi_bytes(parse_midi(data)) == data
    path = write_midi(SCORE, tmp_path / "a.mid")
    assert path.read_bytes() == data
    assert read_midi(path).title == SCORE.title


def test_other_programs_see_plain_midi():
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(SCORE)), charset="utf-8")
    assert file.type == 1
    assert file.ticks_per_beat >= 480
    events = [(t.name, m) for t in file.tracks for m in t]
    kinds = {m.type for _, m in events}
    assert {"set_tempo", "time_signature", "key_signature", "marker", "program_change", "end_of_track"} <= kinds
    assert [m.text for _, m in events if m.type == "marker"] == ["intro", "verse"]
    assert [m.text for name, m in events if m.type == "text" and name == "chords"] == ["Dm7", "N.C.", "F#m7b5/E", "N.C."]
    assert {m.channel for name, m in events if name in ("Kit", "Shaker") and not m.is_meta} == {9}
    levels = {(name, m.control): m.value for name, m in events if m.type == "control_change"}
    assert levels[("Bass", 7)] == 77
    assert levels[("Lead 主旋律", 10)] == 45
    assert file.length == pytest.approx(SCORE.duration_s, abs=0.01)
    assert [m.key for _, m in events if m.type == "key_signature"] == ["Am", "Bbm"]


def test_pretty_midi_agrees_on_seconds():
    pretty_midi = pytest.importorskip("pretty_midi")
    heard = pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes(SCORE)))
    lead = next(i for i in heard.instruments if i.name.startswith("Lead"))
    for note, written in zip(lead.notes, SCORE.tracks[0].notes, strict=True):
        assert note.start == pytest.approx(SCORE.tempo_map.seconds(written.start), abs=0.002)


def test_nudges_are_played_and_quantising_takes_them_back():
    notes = (Note(0, 1, 60, 80, 0.02), Note(1, 0.5, 62, 80, -0.015), Note(1.5, 0.5, 64, 80, 0.0), Note(2, 2, 65, 80, 0.03))
    score = Score((part("a", *notes),), 4.0, tempos=(TempoPoint(0, 90),))
    played = parse_midi(midi_bytes(score)).tracks[0].notes
    for a, b in zip(notes, played, strict=True):
        assert score.tempo_map.seconds(b.start) == pytest.approx(score.tempo_map.seconds(a.start) + a.nudge_s, abs=0.001)
    snapped = parse_midi(midi_bytes(score), quantize=True).tracks[0].notes
    for a, b in zip(notes, snapped, strict=True):
        assert b.start == a.start
        assert b.duration == a.duration
        assert b.nudge_s == pytest.approx(a.nudge_s, abs=0.001)


def test_a_pitch_struck_again_ends_its_older_note():
    notes = (Note(0, 4, 60, 80), Note(1, 1, 60, 90), Note(3, 0.5, 60, 70), Note(3, 1, 60, 60))
    read = parse_midi(midi_bytes(Score((part("a", *notes),), 4.0))).tracks[0].notes
    assert [(n.start, n.end) for n in read] == [(0, 1), (1, 3), (3, 4)]


def test_more_than_fifteen_parts_share_or_open_a_port():
    tracks = tuple(part(f"p{i}", Note(0, 1, 60 + i), program=i) for i in range(18))
    places = assign_channels(tracks)
    assert len(set(places)) == 18
    assert all(channel != 9 for _, channel in places)
    assert {port for port, _ in places} == {0, 1}
    again = parse_midi(midi_bytes(Score(tracks, 4.0)))
    assert [(t.name, t.program, t.notes[0].pitch) for t in again.tracks] == [(f"p{i}", i, 60 + i) for i in range(18)]
    same = tuple(part(f"p{i}", Note(0, 1, 60), program=5) for i in range(18))
    assert len(set(assign_channels(same))) == 1


def foreign(*tracks: list, type_: int = 1, ticks: int = 480) -> bytes:
    file = mido.MidiFile(type=type_, ticks_per_beat=ticks)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def test_foreign_type_0_file_is_split_by_channel():
    on, off = "note_on", "note_off"
    data = foreign(
        [
            mido.Message("program_change", channel=0, program=40),
            mido.Message("program_change", channel=1, program=32),
            mido.Message(on, channel=0, note=67, velocity=90),
            mido.Message(on, channel=1, note=43, velocity=90),
            mido.Message(on, channel=9, note=38, velocity=90),
            mido.Message(on, channel=0, note=67, velocity=0, time=480),
            mido.Message(off, channel=1, note=43, time=480),
            mido.Message(off, channel=9, note=38, time=960),
        ],
        type_=0,
    )
    score = parse_midi(data)
    assert [(t.instrument, t.is_drum, t.notes[0].duration) for t in score.tracks] == [
        ("violin", False, 1.0), ("double_bass", False, 2.0), ("drums", True, 4.0),
    ]  # fmt: skip
    assert score.length == 4.0
    assert score.tempo_bpm == 120


def test_key_is_guessed_and_names_find_instruments():
    scale = [67, 69, 71, 72, 74, 76, 78, 79, 78, 74, 71, 67]
    messages = [mido.MetaMessage("track_name", name="Violoncello")]
    for pitch in scale:
        messages += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)]
    score = parse_midi(foreign(messages))
    assert score.key == Key(7)
    assert score.tracks[0].instrument == "cello"
    assert score.n_bars == 3


def test_a_change_of_metre_inside_a_bar_ends_the_bar():
    data = foreign(
        [mido.MetaMessage("time_signature", numerator=4), mido.MetaMessage("time_signature", numerator=3, time=480 * 6)],
        [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=480 * 9)],
    )
    assert [(p.bar, str(p.metre)) for p in parse_midi(data).metres] == [(0, "4/4"), (1, "2/4"), (2, "3/4")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"RIFF1234", "MThd"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0", "readable"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x00\x01\xe0", "no notes"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\xe7\x28MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "SMPTE"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path, data, says):
    path = tmp_path / "x.mid"
    path.write_bytes(data)
    with pytest.raises(FileError, match=says) as caught:
        read_midi(path)
    assert "\n" not in str(caught.value)


def test_endless_files_are_refused():
    far = [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=2**27)]
    with pytest.raises(FileError, match="at most"):
        parse_midi(foreign(far, ticks=24))
