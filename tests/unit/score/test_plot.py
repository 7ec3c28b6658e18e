"""Piano-roll pictures."""

from __future__ import annotations

import pytest

from partimento.errors import FileError
from partimento.score.chord_text import parse_chord
from partimento.score.plot import PLOT_SUFFIXES, plot_score
from partimento.score.score import ChordSpan, Note, Score, Section, Track


def score() -> Score:
    chord = parse_chord("F#m7b5/E")
    assert chord is not None
    lead = Track("Lead 主", "melody", "flute", 73, False, (Note(0, 1, 69, 20), Note(1, 3, 96, 127)))
    kit = Track("Kit", "drums", "drums", 0, True, (Note(0, 0.1, 36), Note(1, 0.1, 38), Note(2, 0.1, 80)))
    empty = Track("Silent", "pad", "strings", 48, False, ())
    return Score(
        (lead, kit, empty), 8.0, chords=(ChordSpan(0, 8, chord),), sections=(Section("verse", "A", 0, 2),), title="A & B"
    )


@pytest.mark.parametrize("suffix", PLOT_SUFFIXES)
def test_pictures_are_the_same_every_time(tmp_path, suffix):
    first = plot_score(score(), tmp_path / f"a{suffix}").read_bytes()
    assert first.startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix])
    assert plot_score(score(), tmp_path / f"b{suffix}").read_bytes() == first


def test_notes_change_the_picture_and_the_title_is_shown(tmp_path):
    plain = plot_score(score(), tmp_path / "a.svg").read_text(encoding="utf-8")
    named = plot_score(score(), tmp_path / "b.svg", title="Other").read_text(encoding="utf-8")
    other = plot_score(score().with_track(Track("Silent", "pad", "strings", 48, False, (Note(0, 1, 60),))), tmp_path / "c.svg")
    assert plain != named
    assert plain != other.read_text(encoding="utf-8")
    assert "A &amp; B" in plain
    assert "Other" in named


def test_a_score_without_parts_still_has_a_picture(tmp_path):
    assert plot_score(Score((), 4.0), tmp_path / "a.png").stat().st_size > 1000


def test_bad_paths(tmp_path):
    with pytest.raises(FileError, match=r"\.png"):
        plot_score(score(), tmp_path / "a.gif")
    with pytest.raises(FileError, match="directory"):
        plot_score(score(), tmp_path)
