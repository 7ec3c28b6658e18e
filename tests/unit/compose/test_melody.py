from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from partimento.compose.frame_build import build_frame
from partimento.compose.harmony import write_chords
from partimento.compose.melody import breathed, compose_lead_sheet, plan_phrases, write_melody
from partimento.compose.tune_style import pushed, scaled, tempo_tilt, tune_pace, tune_settings
from partimento.plan.plan import BarRange, KeyAt, Origin, PartPlan, Value
from partimento.score.chord_names import parse_chord
from partimento.score.instruments import instrument
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre

SETTINGS = {
    "pace",
    "density",
    "triplets",
    "push",
    "temperature",
    "figures",
    "intervals",
    "chromatic",
    "chordal",
    "degrees",
    "tilt",
}
METRES = ["4/4", "3/4", "2/4", "5/4", "6/8", "7/8", "12/8", "9/8", "2/2", "3/8", "11/8", "7/16"]


def tune_of(plan, seed=0):
    frame = build_frame(plan)
    rng = np.random.default_rng(seed)
    chords = write_chords(frame, rng)
    phrases, notes = write_melody(frame, chords, rng)
    return frame, chords, phrases, notes


def lead(name="flute", bars=16, **fields):
    return PartPlan(name, name, "melody", Origin.SAID, fields.pop("active", (BarRange(0, bars),)), **fields)


def spans(text, bar=4.0):
    return tuple(ChordSpan(i * bar, (i + 1) * bar, parse_chord(name)) for i, name in enumerate(text.split()))


def assert_line(notes, length):
    assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(notes))
    assert all(n.start >= 0 and n.end <= length + 1e-6 for n in notes)


@pytest.mark.parametrize("metre", METRES)
def test_tune_in_any_metre_is_one_line_in_range(plan_of, metre):
    frame, _, _, notes = tune_of(plan_of("folk", metre=metre, parts=(lead(),), bpm=110.0))
    assert len(notes) >= len(frame.bars) / 2
    assert_line(notes, frame.length)
    low, high = instrument("flute").best
    assert all(low <= n.pitch <= high for n in notes)
    assert all(abs(n.start * 48 - round(n.start * 48)) < 1e-6 for n in notes)


def test_last_note_comes_with_the_last_chord_on_the_tonic(plan_of):
    last = []
    for seed in range(8):
        frame, _, _, notes = tune_of(plan_of(key=Key(2, "major"), parts=(lead(),)), seed)
        assert notes[-1].start == pytest.approx(frame.final_start)
        assert notes[-1].end <= frame.final_release + 1e-6
        last.append(notes[-1].pitch % 12)
    assert set(last) <= {2, 6, 9}
    assert last.count(2) >= 5


def test_material_returns_as_itself_and_its_last_turn_varies(plan_of):
    plan = plan_of("pop", sections="A:a:8:0.5 B:b:8:0.6 A:a:8:0.5 B:b:8:0.6 A:a:8:0.5", parts=(lead(bars=40),), ending="loop")
    frame, _, _, notes = tune_of(plan, 1)

    def bars_of(first):
        return [
            [(n.start - bar.start, n.pitch) for n in notes if bar.start <= n.start < bar.end]
            for bar in frame.bars[first : first + 7]
        ]

    same = [a == b for a, b in zip(bars_of(0), bars_of(16), strict=True)]
    last = [a == b for a, b in zip(bars_of(0), bars_of(32), strict=True)]
    other = [a == b for a, b in zip(bars_of(0), bars_of(8), strict=True)]
    assert sum(same) >= 6
    assert 3 <= sum(last) <= 6
    assert sum(other) <= 2


def test_short_return_that_closes_the_piece_is_new_only_in_its_close(plan_of):
    """Four bars of which the last holds the final chord: one more new bar would leave little that returns."""
    plan = plan_of("salsa", sections="I:i:4:0.4 A:a:8:0.6 I:i:4:0.4", parts=(lead(bars=16),), ending="final")
    for seed in range(4):
        frame, _, _, notes = tune_of(plan, seed)
        assert frame.final_start == frame.bars[15].start

        def onsets(index, notes=notes, bars=frame.bars):
            return [n.start - bars[index].start for n in notes if bars[index].start <= n.start < bars[index].end]

        assert [onsets(i) for i in range(3)] == [onsets(12 + i) for i in range(3)]


def test_return_in_another_key_is_transposed(plan_of):
    base = plan_of("folk", sections="A:a:8:0.5 A:a:8:0.5 C:c:8:0.5", parts=(lead(bars=24),), ending="loop")
    plan = replace(base, key=Value((KeyAt(0, Key(0, "major")), KeyAt(8, Key(2, "major")))))
    _frame, _, _, notes = tune_of(plan, 2)
    first = {round(n.start, 3): n.pitch for n in notes if n.start < 12.0}
    later = {round(n.start - 32.0, 3): n.pitch for n in notes if 32.0 <= n.start < 44.0}
    common = sorted(set(first) & set(later))
    assert len(common) >= 4
    assert sum((later[at] - first[at]) % 12 == 2 for at in common) >= 0.6 * len(common)


def test_tune_is_silent_where_nothing_leads(plan_of):
    part = lead(active=(BarRange(4, 8), BarRange(12, 16)))
    frame, _, _, notes = tune_of(plan_of(parts=(part,)))
    bars = {max(b.index for b in frame.bars if b.start <= n.start + 1e-6) for n in notes}
    assert bars <= {*range(4, 8), *range(12, 16)}
    assert min(bars) == 4
    assert all(n.end <= frame.bars[8].start + 1e-6 for n in notes if n.start < frame.bars[8].start)


def test_no_lead_no_tune(plan_of):
    bass = PartPlan("bass", "bass", "bass", Origin.SAID, (BarRange(0, 16),))
    _, _, phrases, notes = tune_of(plan_of(parts=(bass,)))
    assert notes == ()
    assert phrases[-1].end_bar == 16


def test_soloist_gets_a_tune_in_its_solo_only(plan_of):
    piano = PartPlan("piano", "piano", "chords", Origin.SAID, (BarRange(0, 16),), solo=(BarRange(8, 12),))
    bass = PartPlan("bass", "bass", "bass", Origin.SAID, (BarRange(0, 16),))
    _frame, _, _, notes = tune_of(plan_of(parts=(piano, bass)))
    assert notes
    assert all(32.0 <= n.start < 48.0 for n in notes)


def test_lone_chordal_instrument_gets_a_tune(plan_of):
    piano = PartPlan("piano", "piano", "chords", Origin.SAID, (BarRange(0, 16),))
    _, _, _, notes = tune_of(plan_of(parts=(piano,)))
    assert len(notes) > 16


def test_phrases_cover_the_piece_and_name_their_cadences(plan_of):
    frame, chords, phrases, _ = tune_of(plan_of("classical", sections="A:a:8:0.5 B:b:8:0.6 A:a:8:0.5"))
    assert phrases == plan_phrases(frame, chords)
    assert phrases[0].start_bar == 0
    assert phrases[-1].end_bar == len(frame.bars)
    assert all(a.end_bar == b.start_bar for a, b in itertools.pairwise(phrases))
    assert phrases[0].label == phrases[4].label == "a1"
    assert phrases[-1].cadence == "full"


def test_lead_sheet_begins_with_an_upbeat_when_its_chords_begin_later():
    chords = tuple(replace(s, start=s.start + 4.0, end=s.end + 4.0) for s in spans("C F G C Am F G C"))
    for seed in range(3):
        notes = compose_lead_sheet(chords, Metre(4, 4), Key(0, "major"), 9, 120.0, np.random.default_rng(seed))
        assert 0 < notes[0].start < 4.0
        assert_line(notes, 36.0)


def test_lead_sheet_without_upbeat_begins_on_the_downbeat_mostly_and_fits_its_chords():
    chords = spans("C F G7 C Am Dm G7 C " * 4)
    fit, total = 0, 0
    for seed in range(4):
        notes = compose_lead_sheet(chords, Metre(4, 4), Key(0, "major"), 32, 120.0, np.random.default_rng(seed))
        assert_line(notes, 128.0)
        for note in notes:
            if note.start % 4 == 0:
                total += 1
                fit += note.pitch % 12 in chords[int(note.start // 4)].chord.pitch_classes
    assert fit >= 0.6 * total


def test_same_seed_same_tune_and_seeds_differ():
    chords = spans("C F G7 C " * 4)

    def tune(seed):
        return compose_lead_sheet(chords, Metre(4, 4), Key(0, "major"), 16, 120.0, np.random.default_rng(seed))

    assert tune(5) == tune(5)
    assert len({tune(seed) for seed in range(5)}) == 5


def test_few_bars_and_no_chords_still_give_a_tune():
    assert compose_lead_sheet((), Metre(4, 4), Key(0, "minor"), 2, 90.0, np.random.default_rng(0))


def test_quick_tempi_call_for_fewer_notes():
    assert tempo_tilt(120) == 0
    assert tempo_tilt(240) < 0 < tempo_tilt(50)


@pytest.mark.parametrize(
    ("style_id", "bpm", "metre", "scale"),
    [("baroque", 80, "4/4", 2.0), ("ambient", 110, "4/4", 0.5), ("folk", 110, "4/4", 1.0), ("celtic", 110, "6/8", 1.0)],
)
def test_pace_halves_or_doubles_note_values(plan_of, style_id, bpm, metre, scale):
    frame = build_frame(plan_of(style_id, bpm=float(bpm), metre=metre))
    assert tune_pace(frame, tune_settings(frame)).scale == scale


def test_scaled_ground_keeps_what_returns(plan_of):
    from partimento.compose.melody import _ground

    frame = build_frame(plan_of("baroque", sections="A:a:4:0.5 B:b:4:0.5 A:a:4:0.5", ending="loop"))
    chords = write_chords(frame, np.random.default_rng(0))
    ground = _ground(frame, chords, [True] * 12, np.random.default_rng(0))
    double, half = scaled(ground, 2.0), scaled(ground, 0.5)
    assert (double.n_bars, half.n_bars) == (24, 6)
    assert double.starts[-1] == 2 * ground.starts[-1] == 4 * half.starts[-1]
    assert double.source[16] == 0
    assert half.source[4] in (0, -2)
    assert double.in_phrase[:8] == tuple(range(8))


def test_every_style_has_settings_that_exist(plan_of):
    from partimento.compose.cells import GROUP_NAMES
    from partimento.compose.pitch import CLASS_NAMES
    from partimento.compose.traits import INDEX
    from partimento.styles import style_ids

    for style_id in style_ids():
        settings = tune_settings(build_frame(plan_of(style_id)))
        assert set(settings) == SETTINGS
        assert set(settings["figures"]) <= set(GROUP_NAMES)
        assert set(settings["intervals"]) <= set(CLASS_NAMES)
        assert set(settings["tilt"]) <= set(INDEX)
        assert 0.3 <= settings["pace"] <= 6


def test_chinese_tunes_are_pentatonic(plan_of):
    _, _, _, notes = tune_of(plan_of("chinese", key=Key(0, "major"), parts=(lead(),)))
    assert sum(n.pitch % 12 in (0, 2, 4, 7, 9) for n in notes) >= 0.95 * len(notes)


def test_pushed_notes_begin_early_and_alike(plan_of):
    frame = build_frame(plan_of("salsa", sections="A:a:4:0.5", ending="loop"))
    notes = tuple(Note(2.0 * i, 2.0, 60 + i) for i in range(8))
    rng = np.random.default_rng(0)
    assert pushed(frame, notes, 0.0, rng) == notes
    moved = pushed(frame, notes, 1.0, rng)
    assert [n.start for n in moved] == [0.0, 1.5, 3.5, 5.5, 7.5, 9.5, 11.5, 14.0]
    assert_line(moved, 16.0)
    assert moved[-1].end == notes[-1].end
    some = pushed(frame, notes, 0.5, np.random.default_rng(3))
    middles = {n.start % 4 for n in some[1:-1:2]}
    assert len(middles) <= 2


def test_phrases_end_with_a_breath(plan_of):
    frame = build_frame(plan_of(sections="A:a:8:0.5", ending="loop"))
    notes = (Note(12.0, 4.0, 60), Note(16.0, 4.0, 62), Note(20.0, 12.0, 64))
    assert [n.duration for n in breathed(frame, plan_phrases(frame), notes)] == [3.0, 4.0, 12.0]
