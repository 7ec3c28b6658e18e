"""A small plan with a score that keeps it, to be bent in the tests."""

from dataclasses import replace

import pytest

from partimento.plan.plan import (
    BarRange,
    ChordAt,
    ChordLane,
    KeyAt,
    MetreAt,
    Order,
    Origin,
    PartPlan,
    Plan,
    TempoAt,
    Value,
)
from partimento.score.chord_names import make_chord
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint

MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
PROGRESSION = ((0, MAJOR), (9, MINOR), (5, MAJOR), (7, MAJOR))
N_BARS = 8
BPM = 120.0


def given(value):
    return Value(value, Origin.GIVEN)


def _chords():
    return tuple(ChordAt(float(i), i + 1.0, make_chord(root, steps)) for i, (root, steps) in enumerate(PROGRESSION))


def _part(name, role, start, instrument=None):
    return PartPlan(name, instrument or name, role, Origin.SAID, (BarRange(start, N_BARS),))


@pytest.fixture
def plan():
    """C major, 4/4, 120 bpm, eight bars of C Am F G; the violin enters in bar 5; no guitar."""
    return Plan(
        caption="test",
        language="en",
        style=Value("pop", Origin.SAID),
        tempo=given((TempoAt(0.0, BPM),)),
        key=given((KeyAt(0.0, Key(0, "major")),)),
        metre=given((MetreAt(0, Metre(4, 4)),)),
        n_bars=given(N_BARS),
        duration_s=given(16.0),
        sections=Value((Section("A", "a", 0, 4, 0.4), Section("B", "b", 4, 4, 0.8))),
        parts=(_part("piano", "chords", 0), _part("bass", "bass", 0), _part("violin", "melody", 4), _part("drums", "drums", 0)),
        chords=given(ChordLane(_chords(), 4.0)),
        absent=(Value("guitar", Origin.SAID),),
        orders=(Order("piano", "violin"),),
    )


def _comping(final_bar):
    piano, bass = [], []
    for bar in range(N_BARS):
        root, steps = PROGRESSION[bar % 4]
        if bar == final_bar:
            piano += [Note(4.0 * bar, 3.5, 60 + (root + s) % 12, 90) for s in steps]
            bass.append(Note(4.0 * bar, 3.5, 36 + root, 90))
            continue
        loud = 70 if bar < 4 else 95
        for beat in range(4):
            piano += [Note(4.0 * bar + beat, 0.9, 60 + (root + s) % 12, loud) for s in steps]
        fifth = root + 7 if root + 7 < 16 else root - 5
        for beat in range(4):
            pitch = 36 + (root if beat % 2 == 0 else fifth)
            bass.append(Note(4.0 * bar + beat, 0.9, max(28, pitch), loud))
    return piano, bass


def _tune():
    pitches = (72, 76, 79, 76, 72, 69, 76, 72, 69, 72, 77, 72)
    return [Note(16.0 + i, 0.8, pitch, 95) for i, pitch in enumerate(pitches)] + [Note(28.0, 3.0, 79, 90)]


def _beat():
    out = []
    for bar in range(N_BARS - 1):
        loud = 60 if bar < 4 else 100
        for eighth in range(8):
            out.append(Note(4.0 * bar + 0.5 * eighth, 0.2, 42, loud))
            if eighth in (0, 4):
                out.append(Note(4.0 * bar + 0.5 * eighth, 0.2, 36, loud))
            if eighth in (2, 6):
                out.append(Note(4.0 * bar + 0.5 * eighth, 0.2, 38, loud))
    return [*out, Note(28.0, 1.0, 36, 100), Note(28.0, 1.0, 49, 100)]


def _sorted(notes):
    return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))


@pytest.fixture
def score():
    """A score that keeps the plan."""
    piano, bass = _comping(N_BARS - 1)
    spans = tuple(ChordSpan(4.0 * bar, 4.0 * bar + 4, make_chord(*PROGRESSION[bar % 4])) for bar in range(N_BARS))
    return Score(
        tracks=(
            Track("piano", "chords", "piano", 0, False, _sorted(piano)),
            Track("bass", "bass", "bass", 33, False, _sorted(bass)),
            Track("violin", "melody", "violin", 40, False, _sorted(_tune())),
            Track("drums", "drums", "drums", 0, True, _sorted(_beat())),
        ),
        length=32.0,
        tempos=(TempoPoint(0.0, BPM),),
        metres=(MetrePoint(0, Metre(4, 4)),),
        keys=(KeyPoint(0.0, Key(0, "major")),),
        chords=spans,
    )


@pytest.fixture
def bend():
    """Change the notes of one track by a function Note -> Note | None."""

    def change(score, name, function):
        track = score.track(name)
        notes = [new for note in track.notes if (new := function(note)) is not None]
        return score.with_track(replace(track, notes=_sorted(notes)))

    return change
