"""Voicings and ladders."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from partimento.compose.arrange.voicing import ladder, mud, parallels, strum, voice

KINDS = ("close", "drop2", "open", "shell", "triad")


@pytest.mark.parametrize("kind", KINDS)
def test_third_is_in_and_range_is_kept(kit: Any, kind: str) -> None:
    for root in range(12):
        for suffix in ("", "m", "7", "maj7", "m7b5", "sus4", "9", "dim7"):
            chord = kit.chord(root, suffix)
            shape = voice(chord, kind, 4, 50, 77, 62.0, 74)
            assert chord.third in {p % 12 for p in shape}
            assert list(shape) == sorted(set(shape))
            assert shape[0] >= 50
            assert shape[-1] <= 77
            assert {p % 12 for p in shape} <= set(chord.pitch_classes)


def test_voices_move_little(kit: Any) -> None:
    before: tuple[int, ...] = ()
    for root, suffix in ((2, "m7"), (7, "7"), (0, "maj7"), (9, "m7"), (2, "m7"), (7, "7"), (0, "6")):
        after = voice(kit.chord(root, suffix), "close", 4, 48, 77, 60.0, 76, before)
        if before:
            assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 5
        before = after


def test_top_voice_stays_under_the_ceiling(kit: Any) -> None:
    assert all(voice(kit.chord(r, "7"), "close", 4, 48, 84, 66.0, 67)[-1] <= 67 for r in range(12))


def test_mud_punishes_low_thirds_and_parallels_are_counted() -> None:
    assert mud((40, 44, 47)) > mud((40, 47, 56))
    assert parallels((48, 55), (50, 57)) == 1
    assert parallels((48, 55), (50, 58)) == 0


def test_strum_is_a_guitar_hand(kit: Any) -> None:
    for root in range(12):
        for suffix in ("", "m", "7", "m7"):
            chord = kit.chord(root, suffix)
            shape = strum(chord, 40, 84, 76, chord.bass)
            assert shape[0] % 12 == chord.bass
            assert 3 <= len(shape) <= 6
            assert chord.third in {p % 12 for p in shape}
            assert all(b > a for a, b in pairwise(shape))


def test_ladder_climbs_chord_notes(kit: Any) -> None:
    rungs = ladder(kit.chord(0, "m7"), 60, 8)
    assert list(rungs) == [60, 63, 67, 70, 72, 75, 79, 82]
