"""Score files by name: the right format, whole or not at all, one clear line when it fails."""

from __future__ import annotations

import os

import pytest

from partimento.errors import FileError
from partimento.score.chord_text import parse_chord
from partimento.score.instrument_match import guess_role, instrument_by_name, instrument_by_program, match_instrument
from partimento.score.instruments import instruments
from partimento.score.io import SCORE_SUFFIXES, check_score_path, lead_sheet, read_score, write_score
from partimento.score.key_guess import guess_key
from partimento.score.score import ChordSpan, KeyPoint, Note, Score, Track
from partimento.score.timing import Key


def score() -> Score:
    am = parse_chord("Am7")
    assert am is not None
    lead = Track("Lead", "melody", "flute", 73, False, (Note(0, 1, 69), Note(1, 1, 72), Note(2, 2, 76)))
    bass = Track("Bass", "bass", "bass", 33, False, (Note(0, 4, 33),))
    return Score((lead, bass), 4.0, keys=(KeyPoint(0, Key(9, "minor")),), chords=(ChordSpan(0, 4, am),), title="Four")


@pytest.mark.parametrize("suffix", [*SCORE_SUFFIXES, ".MID", ".MusicXML"])
def test_every_format_keeps_notes_chords_and_names(tmp_path, suffix):
    path = write_score(score(), tmp_path / f"x{suffix}")
    again = read_score(path)
    assert [(t.name, t.instrument, [(n.start, n.duration, n.pitch) for n in t.notes]) for t in again.tracks] == [
        (t.name, t.instrument, [(n.start, n.duration, n.pitch) for n in t.notes]) for t in score().tracks
    ]
    assert (again.chords, again.keys, again.title, again.length) == (score().chords, score().keys, "Four", 4.0)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_content_outweighs_a_wrong_ending(tmp_path):
    midi = write_score(score(), tmp_path / "a.mid")
    xml = write_score(score(), tmp_path / "b.musicxml")
    midi.rename(tmp_path / "a.musicxml")
    xml.rename(tmp_path / "b.mid")
    assert read_score(tmp_path / "a.musicxml").title == "Four"
    assert read_score(tmp_path / "b.mid").title == "Four"


@pytest.mark.parametrize("name", ["x.wav", "x", "x.mid.txt"])
def test_unknown_endings_list_the_known(tmp_path, name):
    for action in (lambda p: write_score(score(), p), check_score_path, read_score):
        with pytest.raises(FileError, match=r"\.musicxml"):
            action(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SCORE_SUFFIXES)
@pytest.mark.parametrize("data", [b"", b"\x00", b"garbage \xff\xfe", b"PK\x03\x04", b"MThd"])
def test_corrupt_files_are_one_line(tmp_path, suffix, data):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        read_score(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        read_score(tmp_path / "none.mid")
    folder = tmp_path / "d.mid"
    folder.mkdir()
    for action in (read_score, lambda p: write_score(score(), p)):
        with pytest.raises(FileError, match="directory"):
            action(folder)
    with pytest.raises(FileError, match="does not exist"):
        write_score(score(), tmp_path / "no" / "x.mid")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="permission"):
        write_score(score(), tmp_path / "x.mid")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_score(score(), tmp_path / "x.mid")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileError, match="No space left"):
        write_score(Score(score().tracks[:1], 4.0), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.mid"]


def test_lead_sheet_takes_the_tune_as_one_line():
    chords = Track("Piano", "chords", "piano", 0, False, (Note(0, 4, 48), Note(0, 4, 52)))
    tune = Track("Tune", "melody", "violin", 40, False, (Note(0, 2, 67), Note(0, 2, 72), Note(1, 2, 71), Note(3, 1, 74)))
    track, spans = lead_sheet(Score((chords, tune), 4.0))
    assert [(n.start, n.duration, n.pitch) for n in track.notes] == [(0, 1, 72), (1, 2, 71), (3, 1, 74)]
    assert spans == ()
    assert lead_sheet(Score((chords,), 4.0))[0].name == "Piano"
    kit = Track("Kit", "drums", "drums", 0, True, (Note(0, 1, 36),))
    with pytest.raises(FileError, match="no pitched notes"):
        lead_sheet(Score((kit,), 4.0))


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("Violino II", "violin"), ("Vlc.", "cello"), ("Singstimme\nVoice", "voice"), ("Pianoforte", "piano"), ("钢琴", "piano"),
        ("B♭ Clarinet", "clarinet"), ("Horn in F", "french_horn"), ("Drumset", "drums"), ("Acoustic Guitar 2", "acoustic_guitar"),
        ("", None), ("Zzz", None),
    ],
)  # fmt: skip
def test_instruments_by_name(name, id_):
    assert instrument_by_name(name) == id_


def test_instruments_by_program_and_roles():
    table = instruments()
    for program in range(128):
        row = table[instrument_by_program(program)]
        assert not row.is_drum
    for id_, row in table.items():
        if not row.is_drum and not row.like and id_ in ("piano", "violin", "flute", "trumpet", "bass", "harp", "choir"):
            assert instrument_by_program(row.program) == id_
    assert match_instrument("Staff 1", 40, False) == "violin"
    assert match_instrument("Bass", 52, False) == "choir"
    assert match_instrument("Flute", None, True) == "drums"
    line = (Note(0, 1, 60), Note(1, 1, 62))
    block = (Note(0, 2, 60), Note(0, 2, 64), Note(0, 2, 67))
    assert guess_role("violin", line, True) == "melody"
    assert guess_role("violin", line, False) == "counter"
    assert guess_role("piano", block, True) == "chords"
    assert guess_role("bass", line, True) == "bass"
    assert guess_role("drums", line, True) == "drums"


@pytest.mark.parametrize("key", [Key(t, m) for t in (0, 3, 7, 10) for m in ("major", "minor")], ids=str)
def test_guessing_the_key(key):
    degrees = (0, 1, 2, 3, 4, 2, 0, 4, 3, 1, 0)
    line = [Note(i, 1, 60 + key.scale[d]) for i, d in enumerate(degrees)]
    assert guess_key(line) == key
    assert guess_key([]) == Key()
