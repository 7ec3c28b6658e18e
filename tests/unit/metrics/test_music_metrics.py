"""Metrics of music by mir_eval: conventions, ends of the scale, refusals."""

import itertools

import numpy as np
import pytest

from partimento.errors import MissingDependencyError, RequestError
from partimento.metrics import chord_recall as cr
from partimento.metrics import instrument_presence as ip
from partimento.metrics.beat_f1 import beat_f1
from partimento.metrics.chord_overlap import majmin_overlap
from partimento.metrics.melody_accuracy import melody_accuracy
from partimento.metrics.mir import mir_eval_module
from partimento.metrics.note_onset_f1 import note_f1
from partimento.metrics.structure_boundaries import boundary_f1


def test_beats_are_not_trimmed_and_each_counts_once():
    beats = np.arange(8) * 0.5
    assert beat_f1(beats, beats + 0.06) == 1.0
    assert beat_f1(beats, beats + 0.08) == 0.0
    assert beat_f1(beats, beats[::2]) == pytest.approx(2 / 3)
    assert beat_f1(beats[:2], beats[:2]) == 1.0  # all before five seconds
    assert (beat_f1([], []), beat_f1(beats, [])) == (1.0, 0.0)
    for bad in ([1.0, 0.5], [-1.0], [np.nan]):
        with pytest.raises(RequestError):
            beat_f1(beats, bad)


REFERENCE = [(0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min7"), (4.0, 6.0, "G:7/3")]


def test_chords_by_depth():
    heard = [(0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min"), (4.0, 6.0, "G:7")]
    found = cr.evaluate(REFERENCE, heard)
    assert found["root"] == found["majmin"] == 1.0
    assert found["sevenths"] == pytest.approx(2 / 3)
    assert found["sevenths_inv"] == found["chord_rec_star"] == pytest.approx(1 / 3)
    assert cr.chord_recall(REFERENCE, REFERENCE)["sevenths_inv"] == 1.0
    assert cr.chord_recall(REFERENCE, [])["root"] == 0.0
    assert np.isnan(cr.chord_recall([(0.0, 1.0, "C:sus4")], [(0.0, 1.0, "C:maj")])["majmin"])


def test_chords_agree_with_our_own_overlap():
    rng = np.random.default_rng(0)
    labels = ["C:maj", "A:min", "F:maj7", "G:7", "D:min7", "N", "E:dim"]
    for _ in range(20):
        cuts = np.concatenate([[0], np.sort(rng.uniform(0, 10, 7)), [10]])
        spans = [(float(a), float(b), labels[rng.integers(7)]) for a, b in itertools.pairwise(cuts)]
        other = [(float(i), float(i + 1), labels[rng.integers(7)]) for i in range(10)]
        assert cr.chord_recall(spans, other, ["majmin"])["majmin"] == pytest.approx(majmin_overlap(spans, other), abs=1e-6)


def test_bad_chords_are_refused():
    for reference, estimate in (([], REFERENCE), ([(0, 1, "H:maj")], REFERENCE), ([(0, 2, "C:maj"), (1, 3, "D:maj")], [])):
        with pytest.raises(RequestError):
            cr.chord_recall(reference, estimate)
    with pytest.raises(RequestError, match="unknown comparison"):
        cr.chord_recall(REFERENCE, REFERENCE, ["thirteenths"])


def test_melody_octaves_and_silence():
    line = np.array([0.0, 220.0, 220.0, 330.0, 0.0])
    assert melody_accuracy(line, line) == {"rpa": 1.0, "rca": 1.0, "chroma_accuracy": 1.0}
    octave = melody_accuracy(line, line * 2)
    assert (octave["rpa"], octave["rca"], octave["chroma_accuracy"]) == (0.0, 1.0, 1.0)
    silent = melody_accuracy(line, np.zeros(5))
    assert (silent["rpa"], silent["chroma_accuracy"]) == (0.0, pytest.approx(0.4))
    with pytest.raises(RequestError, match="no melody"):
        melody_accuracy(np.zeros(5), line)
    with pytest.raises(RequestError):
        melody_accuracy(line, line[:-1])


def test_notes():
    notes = np.array([[0.0, 0.5, 60], [0.5, 1.0, 64], [1.0, 2.0, 67]])
    late = notes + np.array([0.04, 0.3, 0])
    assert note_f1(notes, notes, offsets=True) == 1.0
    assert note_f1(notes, late) == 1.0
    assert note_f1(notes, late, offsets=True) == 0.0
    assert note_f1(notes, notes + np.array([0, 0, 1])) == 0.0
    assert (note_f1(np.zeros((0, 3)), []), note_f1(notes, [])) == (1.0, 0.0)
    with pytest.raises(RequestError, match="ends after"):
        note_f1(notes, [[1.0, 1.0, 60]])


def test_boundaries_without_the_ends():
    assert boundary_f1([0, 10, 20, 30], [0, 10.4, 20, 30]) == 1.0
    assert boundary_f1([0, 10, 20, 30], [0, 12, 20, 30]) == 0.5
    assert boundary_f1([0, 10, 20, 30], [0, 12, 20, 30], 3.0) == 1.0
    assert (boundary_f1([0, 30], [0, 30]), boundary_f1([0, 30], [0, 10, 30])) == (1.0, 0.0)
    with pytest.raises(RequestError, match="start and end"):
        boundary_f1([0], [0, 30])


def test_presence_counts():
    found = ip.presence([{"piano", "bass"}, set()], [{"drums"}, {"voice"}], [{"piano", "drums"}, {"flute"}])
    assert (found.recall, found.absence) == (0.5, 0.5)
    assert ip.evaluate([set()], [set()], [{"x"}]) == {"instrument_recall": 1.0, "instrument_absence": 1.0}
    silent = ip.presence([{"piano"}], [{"drums"}], [None])
    assert (silent.recall, silent.absence) == (0.0, 0.0)
    with pytest.raises(RequestError, match="forbidden at once"):
        ip.presence([{"piano"}], [{"piano"}], [set()])
    with pytest.raises(RequestError, match="per piece"):
        ip.presence([{"piano"}], [], [])


def test_stems_there_and_gone_and_silence_wins_nothing():
    rate = 8_000
    t = np.arange(4 * rate) / rate
    bass, lead = 0.3 * np.sin(2 * np.pi * 80 * t), 0.3 * np.sin(2 * np.pi * 880 * t)

    def separate(sound, sample_rate):
        spectrum = np.fft.rfft(sound)
        hz = np.fft.rfftfreq(len(sound), 1 / sample_rate)
        return {
            "bass": np.fft.irfft(np.where(hz < 300, spectrum, 0), len(sound)),
            "other": np.fft.irfft(np.where(hz < 300, 0, spectrum), len(sound)),
        }

    both = bass + lead
    assert ip.stem_score(both, rate, separate, "bass", there=True) == 1.0
    assert ip.stem_score(lead, rate, separate, "bass", there=True) == 0.0
    assert ip.stem_score(lead, rate, separate, "bass", there=False) == 1.0
    for there in (True, False):
        assert ip.stem_score(np.zeros(rate), rate, separate, "bass", there=there) == 0.0
    with pytest.raises(RequestError, match="no stem 'drums'"):
        ip.stem_score(both, rate, separate, "drums", there=True)


def test_without_mir_eval_there_is_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mir_eval.beat", None)
    with pytest.raises(MissingDependencyError, match=r"partimento\[eval\]"):
        mir_eval_module("beat")
