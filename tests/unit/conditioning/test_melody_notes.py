import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.conditioning.melody import HOP, RATE_HZ, one_hot, prepare_melody
from partimento.conditioning.melody_notes import melody_from_notes, played_s
from partimento.errors import RequestError
from partimento.models.score_performer import ScorePerformer
from partimento.plan.request import GenerateRequest
from partimento.score.score import Note, Score, Track
from partimento.score.timing import TempoPoint

# Quarter notes, halves and eighths, up and down, with rests: pitch and length; None is a rest.
TUNE = (
    (67, 1), (71, 1), (74, 2), (72, 0.5), (71, 0.5), (69, 1), (67, 2), (None, 1), (66, 1), (69, 1), (64, 3), (None, 0.5),
    (79, 0.5), (78, 1), (75, 1), (73, 2), (70, 1), (68, 1), (67, 4),
)  # fmt: skip


def notes_of(tune, nudge_s=0.0):
    at, notes = 0.0, []
    for pitch, length in tune:
        if pitch is not None:
            notes.append(Note(at, length, pitch, 90, nudge_s))
        at += length
    return tuple(notes), at


def score_of(tune, bpm=90.0, instrument="flute", program=73):
    notes, length = notes_of(tune)
    return Score((Track("tune", "melody", instrument, program, False, notes),), length, (TempoPoint(0.0, bpm),))


def classes(frames):
    assert (frames.sum(axis=1) == 1).all()
    return frames.argmax(axis=1)


def clear_of_borders(score, n):
    """Frames whose middle is a hop (128 ms) or more from every begin and end of a note."""
    borders = np.array([moment for note in score.tracks[0].notes for moment in played_s(score, note)])
    return np.abs(np.arange(n)[:, None] * HOP / RATE_HZ - borders).min(axis=1) >= HOP / RATE_HZ


@pytest.mark.parametrize(("instrument", "program", "bpm"), [("flute", 73, 90.0), ("violin", 40, 70.0), ("piano", 0, 110.0)])
def test_notes_agree_with_their_sound(instrument, program, bpm):
    score = score_of(TUNE, bpm, instrument, program)
    sound = ScorePerformer().play(score, GenerateRequest("a", sample_rate=RATE_HZ)).audio
    heard = classes(prepare_melody(sound, solo=True).window(0.0, 30.0, repeated=False))
    told = classes(melody_from_notes(score, score.tracks[0].notes, 30.0).window(0.0, 30.0, repeated=False))
    assert len(heard) == len(told)
    clear = clear_of_borders(score, len(told))
    assert clear.sum() > 30
    assert (heard == told)[clear].mean() >= 0.9


@pytest.mark.parametrize("low", [0, 21, 36, 60, 84, 115])
def test_every_pitch_is_its_class(low):
    score = score_of([(pitch, 2) for pitch in range(low, low + 13)], 120.0)
    told = classes(melody_from_notes(score, score.tracks[0].notes, 30.0).window(0.0, 30.0, repeated=False))
    clear = clear_of_borders(score, len(told))
    sounding = [
        next(n.pitch for n in score.tracks[0].notes if n.start <= 2 * i * HOP / RATE_HZ < n.end) for i in np.where(clear)[0]
    ]
    assert told[clear].tolist() == [pitch % 12 for pitch in sounding]


def test_rests_are_what_silence_is():
    silence = classes(one_hot(np.zeros(4 * RATE_HZ, np.float32)))
    score = score_of([(None, 4), (69, 4), (None, 4)], 60.0)
    told = classes(melody_from_notes(score, score.tracks[0].notes, 30.0).window(0.0, 30.0, repeated=False))
    at = np.arange(len(told)) * HOP / RATE_HZ
    outside = (at < 4 - 0.26) | (at > 8 + 0.26)
    assert (told[outside] == silence[0]).all()
    assert (told[(at > 4) & (at < 8)] == 9).all()


def test_short_tunes_come_again_and_long_ones_end_as_recordings_do():
    score = score_of([(60, 2), (64, 2)], 60.0)
    melody = melody_from_notes(score, score.tracks[0].notes, 90.0)
    assert melody.method == "notes"
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    hum = np.concatenate([np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) for p in (60, 64)]).astype(np.float32)
    hummed = prepare_melody(Waveform(hum, RATE_HZ), solo=True)
    for window in ((0.0, 30.0, False), (0.0, 30.0, True), (18.0, 30.0, True), (3.0, 4.0, True)):
        ours, theirs = melody.window(*window), hummed.window(*window)
        assert ours.shape == theirs.shape
        assert (ours == theirs).all(axis=1).mean() > 0.9
    assert melody_from_notes(score, score.tracks[0].notes, 3.0).mono.size == 3 * RATE_HZ


def test_tempo_changes_and_played_beginnings():
    notes, length = notes_of([(60, 4), (67, 4)], nudge_s=0.5)
    score = Score((), length, (TempoPoint(0.0, 60.0), TempoPoint(4.0, 120.0)))
    told = classes(melody_from_notes(score, notes, 30.0).window(0.0, 30.0, repeated=False))
    at = np.arange(len(told)) * HOP / RATE_HZ
    assert told[(at > 4.6) & (at < 5.9)].tolist() == [7] * ((at > 4.6) & (at < 5.9)).sum()
    assert (told[(at > 0.6) & (at < 4.3)] == 0).all()


def test_what_is_refused():
    score = score_of([(60, 0.1)], 120.0)
    with pytest.raises(RequestError, match=r"notes last 0\.0500 s; 0\.1 s or more"):
        melody_from_notes(score, score.tracks[0].notes, 30.0)
    late = score_of([(None, 40), (60, 4)], 60.0)
    with pytest.raises(RequestError, match="first note is at 40 s of 30 s; give a longer --duration"):
        melody_from_notes(late, late.tracks[0].notes, 30.0)
