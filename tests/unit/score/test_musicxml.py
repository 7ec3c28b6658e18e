"""MusicXML: read as it sounds, written so that it reads back."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from partimento.errors import FileError
from partimento.score import musicxml_read
from partimento.score.chord_quality import BASES, parse_quality
from partimento.score.chord_text import make_chord, parse_chord
from partimento.score.musicxml import musicxml_bytes, mxl_bytes, parse_musicxml, read_musicxml, write_musicxml
from partimento.score.musicxml_harmony import read_harmony, write_harmony
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def note(name: str, quarters: float, *extra: str, voice: int = 1) -> str:
    """``note("F#4", 1.5, "<tie type='start'/>")`` with 12 divisions per quarter; ``R`` is a rest."""
    if name == "R":
        pitch = "<rest/>"
    else:
        alter = f"<alter>{name.count('#') - name[1:].count('b')}</alter>"
        pitch = f"<pitch><step>{name[0]}</step>{alter}<octave>{name[-1]}</octave></pitch>"
    head = "".join(e for e in extra if e.startswith(("<chord", "<grace", "<cue")))
    tail = "".join(e for e in extra if not e.startswith(("<chord", "<grace", "<cue")))
    duration = "" if "<grace" in head else f"<duration>{round(quarters * 12)}</duration>"
    return f"<note>{head}{pitch}{duration}{tail}<voice>{voice}</voice></note>"


def harmony(step: str, kind: str, *extra: str, text: str = "") -> str:
    alter = f"<root-alter>{step.count('#') - step[1:].count('b')}</root-alter>"
    shown = f' text="{text}"' if text else ""
    return f"<harmony><root><root-step>{step[0]}</root-step>{alter}</root><kind{shown}>{kind}</kind>{''.join(extra)}</harmony>"


def attributes(beats: str = "4", unit: int = 4, fifths: int = 0, mode: str = "major", more: str = "") -> str:
    return (
        f"<attributes><divisions>12</divisions><key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"
        f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>{more}</attributes>"
    )


def document(*parts: list[str], names: tuple[str, ...] = ("Voice", "Piano"), declared: str = "") -> bytes:
    declarations = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name>{declared}</score-part>'
        for i, name in enumerate(names[: len(parts)], start=1)
    )
    bodies = ""
    for i, measures in enumerate(parts, start=1):
        bodies += (
            f'<part id="P{i}">' + "".join(f'<measure number="{n}">{m}</measure>' for n, m in enumerate(measures)) + "</part>"
        )
    work = "<work><work-title>A Tune</work-title></work>"
    return f'<score-partwise version="4.0">{work}<part-list>{declarations}</part-list>{bodies}</score-partwise>'.encode()


def pitches(score: Score, index: int = 0) -> list[int]:
    return [n.pitch for n in score.tracks[index].notes]


def starts(score: Score, index: int = 0) -> list[float]:
    return [n.start for n in score.tracks[index].notes]


def test_upbeat_chords_key_metre_and_title():
    upbeat = attributes("3", 4, -1, "minor") + note("A4", 1)
    first = harmony("D", "minor") + note("D5", 2) + harmony("A", "dominant", text="7") + note("C#5", 1)
    second = harmony("D", "minor") + note("D5", 2)
    score = parse_musicxml(document([upbeat, first, second]))
    assert score.title == "A Tune"
    assert (str(score.key), str(score.metre)) == ("D minor", "3/4")
    assert starts(score) == [2.0, 3.0, 5.0, 6.0]
    assert score.n_bars == 3
    assert score.length == 9.0
    assert [(c.start, c.end, c.chord.symbol) for c in score.chords] == [(3.0, 5.0, "Dm"), (5.0, 6.0, "A7"), (6.0, 9.0, "Dm")]
    assert score.tracks[0].role == "melody"


def test_ties_join_within_and_across_bars_and_over_a_missing_stop():
    start, stop = "<tie type='start'/>", "<tie type='stop'/>"
    one = attributes() + note("G4", 2) + note("C5", 2, start)
    two = note("C5", 4, stop, start)
    three = note("C5", 1) + note("C5", 3)
    score = parse_musicxml(document([one, two, three]))
    assert [(n.start, n.duration) for n in score.tracks[0].notes] == [(0.0, 2.0), (2.0, 7.0), (9.0, 3.0)]


def test_repeats_endings_and_the_upbeat_that_completes_them():
    left = '<barline location="left"><repeat direction="forward"/></barline>'
    right = '<barline location="right"><repeat direction="backward"/></barline>'

    def ending(number: str, body: str, close: str) -> str:
        return (
            f'<barline location="left"><ending number="{number}" type="start"/></barline>{body}'
            f'<barline location="right"><ending number="{number}" type="stop"/>{close}</barline>'
        )

    measures = [
        attributes() + left + harmony("C", "major") + note("C4", 4),
        harmony("F", "major") + note("D4", 4),
        ending("1", harmony("G", "dominant") + note("E4", 4), '<repeat direction="backward"/>'),
        ending("2", harmony("C", "major") + note("F4", 4), ""),
        left + note("G4", 4) + right,
    ]
    score = parse_musicxml(document([measures[0], *measures[1:]]))
    assert pitches(score) == [60, 62, 64, 60, 62, 65, 67, 67]
    assert [c.chord.symbol for c in score.chords] == ["C", "F", "G7", "C", "F", "C", "C"]
    assert score.chords[-1].end == 32.0
    upbeat = parse_musicxml(document([attributes() + note("C4", 1), note("D4", 4), note("E4", 3) + right]))
    assert starts(upbeat) == [3.0, 4.0, 8.0, 11.0, 12.0, 16.0]
    assert [str(p.metre) for p in upbeat.metres] == ["4/4"]


def test_da_capo_al_fine():
    fine = "<direction><direction-type><words>Fine</words></direction-type></direction>"
    capo = "<direction><direction-type><words>D.C. al Fine</words></direction-type></direction>"
    score = parse_musicxml(document([attributes() + note("C4", 4), note("D4", 4) + fine, note("E4", 4) + capo]))
    assert pitches(score) == [60, 62, 64, 60, 62]


def test_transposing_instruments_sound():
    more = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    measure = attributes(fifths=2, more=more) + harmony("D", "major-seventh") + note("D5", 4)
    score = parse_musicxml(document([measure], names=("Clarinet in B♭",)))
    assert pitches(score) == [72]
    assert score.chords[0].chord.symbol == "Cmaj7"
    assert str(score.key) == "C major"
    assert score.tracks[0].instrument == "clarinet"
    octave = "<transpose><chromatic>0</chromatic><octave-change>-1</octave-change></transpose>"
    assert pitches(parse_musicxml(document([attributes(more=octave) + note("E3", 4)], names=("Contrabass",)))) == [40]


def test_voices_chords_grace_notes_and_backup():
    backup = "<backup><duration>48</duration></backup>"
    grace = note("B4", 0, "<grace/>")
    measure = (
        attributes() + grace + note("C5", 4) + note("E5", 4, "<chord/>") + backup + note("R", 1, voice=2) + note("G4", 3, voice=2)
    )
    score = parse_musicxml(document([measure], names=("Piano",)))
    assert [(n.start, n.duration, n.pitch) for n in score.tracks[0].notes] == [(0, 4, 72), (0, 4, 76), (1, 3, 67)]


def test_triplets_do_not_drift():
    measures = [attributes() + "".join(note("C4", 1 / 3) for _ in range(12))] + [
        "".join(note("C4", 1 / 3) for _ in range(12))
    ] * 9
    score = parse_musicxml(document(measures))
    assert score.length == 40.0
    assert all(abs(n.start * 3 - round(n.start * 3)) < 1e-9 for n in score.tracks[0].notes)


def test_tempo_dynamics_sections_and_changes():
    tempo = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>60</per-minute>"
        "</metronome></direction-type></direction>"
    )
    loud = "<direction><direction-type><dynamics><ff/></dynamics></direction-type></direction>"
    mark = "<direction><direction-type><rehearsal>Chorus</rehearsal></direction-type></direction>"
    key = "<key><fifths>3</fifths><mode>major</mode></key>"
    change = f"<attributes>{key}<time><beats>6</beats><beat-type>8</beat-type></time></attributes>"
    measures = [attributes() + tempo + note("C4", 4), loud + change + mark + '<sound tempo="120"/>' + note("D4", 3)]
    score = parse_musicxml(document(measures))
    assert score.tempos == (TempoPoint(0, 90), TempoPoint(4, 120))
    assert [(p.bar, str(p.metre)) for p in score.metres] == [(0, "4/4"), (1, "6/8")]
    assert [(p.at, str(p.key)) for p in score.keys] == [(0, "C major"), (4, "A major")]
    assert [(s.name, s.start_bar, s.n_bars) for s in score.sections] == [("intro", 0, 1), ("Chorus", 1, 1)]
    assert score.tracks[0].notes[1].velocity > score.tracks[0].notes[0].velocity


def test_drums_are_drum_keys():
    place = "<display-step>{}</display-step><display-octave>{}</display-octave>"
    hit = f"<note><unpitched>{place}</unpitched><duration>12</duration></note>"
    plain = parse_musicxml(document([attributes() + hit.format("F", 4) + hit.format("C", 5)], names=("Drumset",)))
    assert plain.tracks[0].is_drum
    assert pitches(plain) == [36, 38]
    declared = '<midi-instrument id="K"><midi-channel>10</midi-channel><midi-unpitched>43</midi-unpitched></midi-instrument>'
    known = hit.format("G", 5).replace("<duration>", '<instrument id="K"/><duration>')
    assert pitches(parse_musicxml(document([attributes() + known], names=("Drumset",), declared=declared))) == [42]


def test_without_signatures_metre_and_key_are_inferred():
    bare = "<attributes><divisions>12</divisions></attributes>"
    notes = ["G4", "B4", "D5", "F#5", "E5", "D5", "C5", "A4", "G4"]
    measures = [bare + "".join(note(n, 1) for n in notes[:3]), *("".join(note(n, 1) for n in notes[i : i + 3]) for i in (3, 6))]
    score = parse_musicxml(document(measures))
    assert str(score.metre) == "3/4"
    assert str(score.key) == "G major"
    no_mode = attributes(fifths=1).replace("<mode>major</mode>", "")
    assert str(parse_musicxml(document([no_mode + note("B4", 2) + note("E4", 2)])).key) == "E minor"


def test_two_harmonies_before_one_note_share_it():
    measure = attributes() + harmony("C", "major") + harmony("G", "dominant") + note("C5", 4)
    score = parse_musicxml(document([measure]))
    assert [(c.start, c.end, c.chord.symbol) for c in score.chords] == [(0, 2, "C"), (2, 4, "G7")]


@pytest.mark.parametrize(
    ("element", "symbol"),
    [
        (harmony("Bb", "major-seventh"), "Bbmaj7"),
        (harmony("F#", "half-diminished"), "F#m7b5"),
        (harmony("D", "dominant", "<bass><bass-step>F</bass-step><bass-alter>1</bass-alter></bass>"), "D7/F#"),
        (harmony("C", "major", "<inversion>1</inversion>"), "C/E"),
        (
            harmony(
                "G",
                "dominant",
                "<degree><degree-value>9</degree-value><degree-alter>-1</degree-alter><degree-type>add</degree-type></degree>",
            ),
            "G7b9",
        ),
        (
            harmony(
                "G",
                "dominant",
                "<degree><degree-value>5</degree-value><degree-alter>1</degree-alter><degree-type>alter</degree-type></degree>",
            ),
            "G7#5",
        ),
        (harmony("A", "suspended-fourth", text="7sus"), "A7sus4"),
        (harmony("A", "m7", text="m7"), "Am7"),
        (harmony("A", "nonsense"), "A"),
    ],
)
def test_harmony_elements(element, symbol):
    score = parse_musicxml(document([attributes() + element + note("A4", 4)]))
    assert score.chords[0].chord.symbol == symbol


def test_every_quality_survives_as_harmony():
    for i, base in enumerate(BASES):
        chord = make_chord(i % 12, parse_quality(base), (5 * i) % 12)
        again = read_harmony(write_harmony(chord))
        assert again is not None
        assert (again.root, again.intervals, again.bass) == (chord.root, chord.intervals, chord.bass), base
    assert read_harmony(write_harmony(None)) is None


def span(start: float, end: float, text: str) -> ChordSpan:
    chord = parse_chord(text)
    assert chord is not None
    return ChordSpan(start, end, chord)


def full_score() -> Score:
    lead = (
        Note(0.5, 1, 72, 100),
        Note(1.5, 1 / 3, 73),
        Note(1.5 + 1 / 3, 1 / 3, 75),
        Note(1.5 + 2 / 3, 1 / 3, 77),
        Note(3, 4, 70, 40),
    )
    held = (Note(0, 7, 48), Note(0, 2, 55), Note(0, 2, 60), Note(1, 2.25, 64), Note(5, 2, 55))
    kit = (Note(0, 0.25, 36), Note(0, 0.25, 42), Note(1, 0.25, 38), Note(4.75, 0.25, 49))
    return Score(
        (
            Track("Flute", "melody", "flute", 73, False, lead, pan=0.25),
            Track("Grand 钢琴", "chords", "piano", 0, False, held),
            Track("Drums", "drums", "drums", 0, True, kit),
        ),
        length=7.0,
        tempos=(TempoPoint(0, 96), TempoPoint(3.5, 120)),
        metres=(MetrePoint(0, Metre(7, 8, (2, 2, 3))),),
        keys=(KeyPoint(0, Key(10)), KeyPoint(3.5, Key(0, "dorian"))),
        chords=(span(0, 3.5, "Bbmaj7"), span(3.5, 5, "F7b9/A")),
        sections=(Section("A", "A", 0, 1), Section("B", "B", 1, 1)),
        title="<Tune> & more",
    )


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".xml"])
def test_written_scores_read_back(tmp_path, suffix):
    score = full_score()
    again = read_musicxml(write_musicxml(score, tmp_path / f"a{suffix}"))
    for name in ("length", "tempos", "metres", "keys", "chords", "title"):
        assert getattr(again, name) == getattr(score, name), name
    assert [(s.name, s.start_bar, s.n_bars) for s in again.sections] == [("A", 0, 1), ("B", 1, 1)]
    for written, read in zip(score.tracks, again.tracks, strict=True):
        assert (read.name, read.instrument, read.program, read.is_drum, read.pan) == (
            written.name, written.instrument, written.program, written.is_drum, written.pan,
        )  # fmt: skip
        assert [(n.pitch, n.velocity) for n in read.notes] == [(n.pitch, n.velocity) for n in written.notes]
        assert [n.start for n in read.notes] == pytest.approx([n.start for n in written.notes])
        if not read.is_drum:
            assert [n.end for n in read.notes] == pytest.approx([n.end for n in written.notes])


def test_same_score_same_bytes():
    assert musicxml_bytes(full_score()) == musicxml_bytes(full_score())
    assert mxl_bytes(full_score()) == mxl_bytes(full_score())


def test_music21_reads_what_we_write():
    music21 = pytest.importorskip("music21")
    score = replace(full_score(), tracks=full_score().tracks[:2])
    stream = music21.converter.parseData(musicxml_bytes(score).decode(), format="musicxml")
    for part, track in zip(stream.parts, score.tracks, strict=True):
        begun = [n for n in part.flatten().notes if n.tie is None or n.tie.type == "start"]
        heard = [(float(n.offset), p.midi) for n in begun for p in n.pitches]
        onsets = {(round(n.start, 3), n.pitch) for n in track.notes}
        assert onsets <= {(round(at, 3), midi) for at, midi in heard}
    bars = list(stream.parts[0].getElementsByClass("Measure"))
    assert [b.barDuration.quarterLength for b in bars] == [3.5, 3.5]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello", "not readable XML"),
        (b"<score-partwise>", "not readable XML"),
        (b"<html></html>", "no measures"),
        (b"PK\x03\x04garbage", "archive"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><score-partwise>&a;</score-partwise>', "entities"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path, data, says):
    path = tmp_path / "x.musicxml"
    path.write_bytes(data)
    with pytest.raises(FileError, match=says) as caught:
        read_musicxml(path)
    assert "\n" not in str(caught.value)


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


def test_archives_without_or_with_a_broken_container(monkeypatch):
    good = document([attributes() + note("C4", 4)])
    broken = b'<container><rootfile full-path="a & b.xml"/></container>'
    assert pitches(parse_musicxml(archive({"META-INF/container.xml": broken, "a & b.xml": good}))) == [60]
    with pytest.raises(FileError, match="without a MusicXML file"):
        parse_musicxml(archive({"readme.txt": b"x"}))
    monkeypatch.setattr(musicxml_read, "MAX_XML_BYTES", 10_000)
    with pytest.raises(FileError, match="unpacks to more"):
        parse_musicxml(archive({"a.xml": b" " * 50_000}))
