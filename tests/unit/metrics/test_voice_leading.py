"""Textbook faults, one at a time."""

from __future__ import annotations

import math

import pytest

from partimento.errors import PartimentoError
from partimento.metrics.voice_leading import REST, count_parallels, evaluate, slices


def _line(pitches: list[int], length: float = 1.0) -> tuple[list[float], list[float], list[int]]:
    return [i * length for i in range(len(pitches))], [length] * len(pitches), pitches


def _counts(*parts: list[int]) -> dict[str, int]:
    return count_parallels(slices([_line(p) for p in parts])[1])


def test_parallel_fifths_and_octaves() -> None:
    assert _counts([67, 69], [60, 62]) == {"successions": 1, "fifths": 1, "octaves": 0}
    assert _counts([79, 81], [60, 62]) == {"successions": 1, "fifths": 1, "octaves": 0}  # a twelfth
    assert _counts([72, 74], [60, 62]) == {"successions": 1, "fifths": 0, "octaves": 1}
    assert _counts([60, 62], [60, 62]) == {"successions": 1, "fifths": 0, "octaves": 1}  # unisons


def test_what_is_no_parallel() -> None:
    assert _counts([67, 67], [60, 60])["successions"] == 0  # repeated
    assert _counts([67, 69], [60, 60])["successions"] == 0  # oblique
    assert _counts([64, 65], [60, 62]) == {"successions": 1, "fifths": 0, "octaves": 0}  # thirds
    assert _counts([67, 74], [60, 55]) == {"successions": 1, "fifths": 0, "octaves": 0}  # fifth to twelfth, contrary
    assert _counts([67, 68], [60, 62])["fifths"] == 0  # to a diminished fifth


def test_all_pairs_count() -> None:
    assert _counts([72, 74], [67, 69], [60, 62]) == {"successions": 3, "fifths": 1, "octaves": 1}


def test_short_rests_are_bridged_and_long_ones_separate() -> None:
    upper = ([0, 1], [0.6, 0.6], [67, 69])
    assert count_parallels(slices([upper, _line([60, 62])])[1])["fifths"] == 1
    upper = ([0, 3], [1, 1], [67, 69])
    lower = ([0, 3], [1, 1], [60, 62])
    _, pitches = slices([upper, lower])
    assert (pitches == REST).any()
    assert count_parallels(pitches)["successions"] == 0


def test_crossing_and_spacing_are_shares_of_time() -> None:
    soprano = ([0, 3], [3, 1], [72, 59])  # the last of four beats is below the alto
    alto = ([0], [4], [64])
    tenor = ([0], [4], [50])
    bass = ([0], [4], [40])
    figures = evaluate([soprano, alto, tenor, bass])
    assert figures["crossing_share"] == pytest.approx(1 / 12)
    assert figures["spacing_semitones"] == pytest.approx((8 * 3 + 5 + 14 * 4) / 8)
    assert figures["wide_spacing_share"] == pytest.approx(4 / 8)
    assert figures["mean_motion_semitones"] == pytest.approx(13)


def test_chords_in_a_part_keep_the_outer_note() -> None:
    upper = ([0, 0], [1, 1], [60, 64])
    lower = ([0, 0], [1, 1], [40, 47])
    _, pitches = slices([upper, lower])
    assert pitches.tolist() == [[64], [40]]


def test_silence_and_bad_input() -> None:
    figures = evaluate([([], [], []), ([], [], [])])
    assert figures["successions"] == 0
    assert math.isnan(figures["parallel_fifths_per_100"])
    assert math.isnan(figures["spacing_semitones"])
    with pytest.raises(PartimentoError, match="at least two"):
        evaluate([_line([60])])
