from partimento.score.heard import chords_of
from partimento.score.score import Note, Score, Track


def score(*bars: tuple[int, ...]) -> Score:
    """One bar of 4/4 per chord: its notes held."""
    notes = tuple(Note(4.0 * i, 4.0, p) for i, pitches in enumerate(bars) for p in pitches)
    return Score((Track("piano", "chords", "piano", 0, False, notes),), 4.0 * len(bars))


def test_plain_chords_are_heard() -> None:
    spans = chords_of(score((48, 52, 55, 60), (45, 52, 57, 60), (53, 57, 60), (43, 53, 59, 62), (48, 52, 55)))
    assert [(s.start, s.end, s.chord.symbol) for s in spans] == [
        (0.0, 4.0, "C"),
        (4.0, 8.0, "Am"),
        (8.0, 12.0, "F"),
        (12.0, 16.0, "G7"),
        (16.0, 20.0, "C"),
    ]


def test_a_change_in_the_middle_of_a_bar_and_silence() -> None:
    notes = [Note(0.0, 2.0, p) for p in (48, 52, 55)] + [Note(2.0, 2.0, p) for p in (43, 47, 50, 55)]
    silent_after = Score((Track("piano", "chords", "piano", 0, False, tuple(notes)),), 8.0)
    assert [(s.start, s.end, s.chord.symbol) for s in chords_of(silent_after)] == [(0.0, 2.0, "C"), (2.0, 4.0, "G")]


def test_drums_have_no_harmony_and_passing_notes_change_none() -> None:
    kit = Track("drums", "drums", "drums", 0, True, (Note(0.0, 0.25, 36), Note(1.0, 0.25, 38)))
    assert chords_of(Score((kit,), 4.0)) == ()
    held = score((48, 52, 55))
    run = Track("flute", "melody", "flute", 73, False, tuple(Note(0.5 * i, 0.5, p) for i, p in enumerate((72, 74, 76, 77))))
    (span,) = chords_of(held.with_track(run))
    assert span.chord.symbol == "C"
