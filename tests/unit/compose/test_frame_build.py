from __future__ import annotations

from dataclasses import replace

import pytest

from partimento.compose.frame_build import build_frame, fit_sections, key_points, metre_points, phrase_ends
from partimento.plan.plan import DynamicAt, KeyAt, MetreAt, TempoAt, Value
from partimento.score.score import Score, Section
from partimento.score.timing import Key, Metre, TempoMap


def test_duration_is_met_exactly_by_the_last_bar(plan_of):
    frame = build_frame(plan_of(bpm=97.0, duration_s=40.0))
    assert TempoMap(frame.tempos).seconds(frame.length) == pytest.approx(40.0, abs=1e-9)
    assert frame.bars[-1].end == pytest.approx(frame.length)
    assert {bar.quarters for bar in frame.bars[:-1]} == {4.0}
    assert 4.0 / 3 <= frame.bars[-1].quarters <= 16.0 / 3 + 1e-6


def test_bars_agree_with_the_scores_own(plan_of):
    for seconds in (31.0, 32.0, 32.4, 33.3, 34.0):
        frame = build_frame(plan_of(duration_s=seconds))
        score = Score((), frame.length, frame.tempos, metre_points(frame), key_points(frame))
        assert tuple(bar.start for bar in frame.bars) == score.bar_starts


@pytest.mark.parametrize(("bpm", "seconds", "bars"), [(120, 32, 16), (60, 2, 1), (140, 9.1, 5), (180, 300, 225), (30, 50, 6)])
def test_last_chord_begins_in_the_final_share_and_is_let_go_before_the_end(plan_of, bpm, seconds, bars):
    frame = build_frame(plan_of(sections=f"A:a:{bars}:0.5", bpm=float(bpm), duration_s=float(seconds)))
    at = TempoMap(frame.tempos).seconds
    assert at(frame.final_start) >= 0.85 * seconds
    assert frame.final_start < frame.final_release < frame.length
    assert at(frame.final_release) <= seconds - 0.05 * min(1.0, seconds / 30) or seconds < 3


def test_the_last_chord_of_a_long_piece_rings_out(plan_of):
    """Short pieces hold it at the cost of what rings on; where there is time nothing is cut."""
    frame = build_frame(plan_of(sections="A:a:24:0.5", bpm=100.0, duration_s=57.6))
    at = TempoMap(frame.tempos).seconds
    assert 57.6 - at(frame.final_release) >= 0.5 * (57.6 - at(frame.final_start)) - 1e-6


def test_ending_prefers_a_downbeat(plan_of):
    frame = build_frame(plan_of())
    assert frame.final_start == frame.bars[-1].start


@pytest.mark.parametrize("ending", ["loop", "fade"])
def test_pieces_that_do_not_end_have_no_last_chord(plan_of, ending):
    frame = build_frame(plan_of(ending=ending))
    assert frame.final_start == frame.final_release == frame.length


def test_fade_lowers_the_last_levels_only(plan_of):
    frame = build_frame(plan_of(ending="fade"))
    assert frame.bars[0].level == pytest.approx(0.5)
    assert frame.bars[-1].level < 0.25


def test_tempo_ramp_takes_the_time_of_a_linear_change(plan_of):
    frame = build_frame(plan_of(tempo=(TempoAt(0, 60.0), TempoAt(4, 120.0, ramp=True)), duration_s=60.0))
    tempo = TempoMap(frame.tempos)
    # 16 quarters whose tempo rises from 60 to 120: the integral of 60 / bpm is 16 * ln 2 seconds.
    assert tempo.seconds(16.0) == pytest.approx(16 * 0.693147, rel=2e-3)
    assert tempo.bpm_at(20.0) == 120.0


def test_lanes_reach_their_bars(plan_of):
    frame = build_frame(
        plan_of(
            key=None,
            metre="4/4",
            dynamics=(DynamicAt(0, 0.2), DynamicAt(16, 1.0)),
            duration_s=32.0,
        )
    )
    levels = [bar.level for bar in frame.bars]
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(0.225)


def test_key_and_metre_changes(plan_of):
    plan = replace(
        plan_of(),
        metre=Value((MetreAt(0, Metre(4, 4)), MetreAt(4, Metre(3, 4)))),
        key=Value((KeyAt(0, Key(0, "major")), KeyAt(8, Key(2, "major")))),
        duration_s=Value((16 + 36) * 0.5),
    )
    frame = build_frame(plan)
    assert [bar.metre for bar in frame.bars][3:5] == [Metre(4, 4), Metre(3, 4)]
    assert frame.bars[8].key == Key(2, "major")
    assert [p.at for p in key_points(frame)] == [0.0, frame.bars[8].start]


def test_sections_are_cut_and_stretched_at_the_end():
    rows = (Section("A", "a", 0, 8), Section("B", "b", 8, 8))
    assert [s.n_bars for s in fit_sections(rows, 10)] == [8, 2]
    assert [s.n_bars for s in fit_sections(rows, 20)] == [8, 12]
    assert [s.n_bars for s in fit_sections(rows, 5)] == [5]


@pytest.mark.parametrize(
    ("bars", "seconds", "ends"),
    [
        (8, 2.0, {4, 8}),
        (12, 2.0, {4, 8, 12}),
        (9, 2.0, {4, 9}),
        (10, 2.0, {4, 6, 10}),
        (3, 2.0, {3}),
        (16, 0.8, {8, 16}),
        (4, 6.0, {2, 4}),
    ],
)
def test_phrases(bars, seconds, ends):
    assert phrase_ends(bars, seconds) == frozenset(ends)


def test_every_section_ends_with_a_phrase(plan_of):
    frame = build_frame(plan_of(sections="i:i:3:0.2 A:a:7:0.5 B:b:6:0.7"))
    assert all(bar.phrase_end for bar in frame.bars if bar.section_end)
    assert [bar.index for bar in frame.bars if bar.last] == [15]
