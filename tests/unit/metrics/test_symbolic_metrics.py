"""Golden figures of the symbolic metrics on tiny hand-made music."""

from __future__ import annotations

import math

import numpy as np
import pytest

from partimento.errors import PartimentoError
from partimento.metrics import empty_beat_rate, groove_consistency, pitch_class_entropy, polyphony, scale_consistency
from partimento.score.timing import Key


class TestPitchClassEntropy:
    def test_even_use_gives_log2_of_the_count(self) -> None:
        assert pitch_class_entropy.pitch_class_entropy([60, 72, 64, 52]) == pytest.approx(1.0)
        assert pitch_class_entropy.pitch_class_entropy(range(60, 72)) == pytest.approx(math.log2(12))

    def test_weights_replace_counts(self) -> None:
        # 3/4 and 1/4: 0.811 bits
        assert pitch_class_entropy.pitch_class_entropy([60, 67], [3.0, 1.0]) == pytest.approx(0.8112781, abs=1e-6)

    def test_windows_are_averaged(self) -> None:
        onsets, pitches = [0, 1, 2, 3, 4, 5, 12], [60, 60, 67, 67, 60, 60, 62]
        # bar 0: 1 bit, bar 1: 0, bar 2 empty (left out), bar 3: 0
        assert pitch_class_entropy.windowed_entropy(onsets, pitches, 4.0) == pytest.approx(1 / 3)

    def test_nothing_and_nonsense(self) -> None:
        assert math.isnan(pitch_class_entropy.pitch_class_entropy([]))
        assert pitch_class_entropy.pitch_class_entropy([61]) == 0.0
        with pytest.raises(PartimentoError, match="0 to 127"):
            pitch_class_entropy.pitch_class_entropy([60.5])
        with pytest.raises(PartimentoError, match="weights"):
            pitch_class_entropy.pitch_class_entropy([60], [1.0, 2.0])


class TestScaleConsistency:
    def test_one_foreign_note(self) -> None:
        pitches = [60, 62, 64, 65, 67, 69, 71, 61]
        assert scale_consistency.scale_consistency(pitches) == pytest.approx(7 / 8)
        assert scale_consistency.best_scale(pitches)[0] == Key(0)
        assert scale_consistency.in_scale_rate(pitches, Key(9, "minor")) == pytest.approx(7 / 8)
        assert scale_consistency.in_scale_rate(pitches, Key(6)) == pytest.approx(3 / 8)  # F and B and C sharp

    def test_chromatic_scale_fits_seven_of_twelve(self) -> None:
        assert scale_consistency.scale_consistency(range(12)) == pytest.approx(7 / 12)

    def test_no_notes(self) -> None:
        assert math.isnan(scale_consistency.scale_consistency([]))
        assert math.isnan(scale_consistency.evaluate([], Key())["in_scale_rate"])


class TestGrooveConsistency:
    def test_identical_bars_give_one(self) -> None:
        assert groove_consistency.groove_consistency([0, 1, 4, 5, 8, 9], steps=4) == 1.0

    def test_neighbours_and_all_pairs_differ(self) -> None:
        # bars 1000, 1000, 0100: neighbours differ in 0 and 2 of 4, all pairs in 0, 2 and 2
        onsets = [0, 4, 9]
        assert groove_consistency.groove_consistency(onsets, steps=4) == pytest.approx(1 - (0 + 0.5) / 2)
        assert groove_consistency.groove_similarity(onsets, steps=4) == pytest.approx(1 - (0 + 0.5 + 0.5) / 3)

    def test_all_pairs_agrees_with_brute_force(self) -> None:
        onsets = np.sort(np.random.default_rng(3).uniform(0, 40, 60))
        vectors = groove_consistency.groove_vectors(onsets, 3.0, 12)
        pairs = [(vectors[i] != vectors[j]).mean() for i in range(len(vectors)) for j in range(i)]
        assert groove_consistency.groove_similarity(onsets, 3.0, 12) == pytest.approx(1 - np.mean(pairs))

    def test_one_bar_is_undefined(self) -> None:
        assert math.isnan(groove_consistency.groove_consistency([0, 1]))
        with pytest.raises(PartimentoError, match="bar length"):
            groove_consistency.groove_consistency([0, 1], bar_quarters=0)


class TestEmptyBeatRate:
    def test_held_notes_fill_their_beats(self) -> None:
        # beats 0 and 1 filled by one note, 2 empty, 3 filled
        assert empty_beat_rate.empty_beat_rate([0.5, 3.0], [1.5, 0.25]) == pytest.approx(1 / 4)

    def test_length_adds_silence(self) -> None:
        assert empty_beat_rate.empty_beat_rate([0], [1], length=4) == pytest.approx(3 / 4)
        assert empty_beat_rate.empty_beat_rate([], [], length=4) == 1.0

    def test_no_beats(self) -> None:
        assert math.isnan(empty_beat_rate.empty_beat_rate([], []))

    def test_refuses_zero_durations(self) -> None:
        with pytest.raises(PartimentoError, match="durations more than 0"):
            empty_beat_rate.empty_beat_rate([0], [0])


class TestPolyphony:
    def test_two_of_three_beats_doubled(self) -> None:
        # C for 3, E for 2 beats, then a beat of silence before a last note
        onsets, durations = [0, 1, 4], [3, 2, 1]
        assert polyphony.polyphony(onsets, durations) == pytest.approx((1 + 2 + 2 + 1) / 4)
        assert polyphony.polyphony_rate(onsets, durations) == pytest.approx(2 / 5)
        assert polyphony.polyphony_rate(onsets, durations, threshold=1) == pytest.approx(4 / 5)

    def test_single_line_is_one(self) -> None:
        assert polyphony.polyphony([0, 1, 2], [1, 1, 1]) == 1.0

    def test_no_notes(self) -> None:
        assert math.isnan(polyphony.polyphony([], []))
        assert math.isnan(polyphony.polyphony_rate([], []))
