"""Each score-level check passes on a score that keeps the plan and fails on one that breaks it."""

from dataclasses import replace

import pytest

from partimento.plan.plan import (
    BarRange,
    Character,
    Conflict,
    DynamicAt,
    KeyAt,
    MetreAt,
    Order,
    Origin,
    TempoAt,
    Value,
)
from partimento.report.score_checks import check_score
from partimento.score.score import MetrePoint, Note, Track
from partimento.score.timing import Key, Metre, TempoPoint


def verdicts(plan, score):
    return {f.control: f.verdict for f in check_score(plan, score)}


def line(plan, score, control):
    return next(f for f in check_score(plan, score) if f.control == control)


def test_a_score_that_keeps_the_plan_has_no_failure(plan, score):
    findings = check_score(plan, score)
    assert [f for f in findings if f.verdict == "fail"] == []
    controls = {f.control for f in findings}
    for wanted in ("tempo", "grid", "metre", "bars", "duration", "ending", "chords", "chord tones", "key", "ranges", "parts",
                   "instrument: piano", "instrument: violin", "absent: guitar", "order: violin", "section energy", "form",
                   "dynamics", "style"):  # fmt: skip
        assert wanted in controls


def test_wrong_tempo(plan, score):
    slow = replace(score, tempos=(TempoPoint(0.0, 117.0),))
    assert verdicts(plan, slow)["tempo"] == "fail"
    assert verdicts(plan, slow)["duration"] == "fail"
    assert line(plan, slow, "tempo").value == pytest.approx(117.0)


def test_tempo_may_move_a_little_when_nobody_said_it(plan, score):
    free = replace(plan, tempo=Value((TempoAt(0.0, 120.0),), Origin.INFERRED), duration_s=Value(16.0 / 1.015, Origin.GIVEN))
    fast = replace(score, tempos=(TempoPoint(0.0, 121.8),))
    assert verdicts(free, fast)["tempo"] == "pass"
    assert verdicts(free, fast)["duration"] == "pass"


def test_tempo_wrong_in_one_bar_only(plan, score):
    tempos = (TempoPoint(0.0, 120.0), TempoPoint(8.0, 90.0), TempoPoint(12.0, 120.0))
    assert verdicts(plan, replace(score, tempos=tempos))["tempo"] == "fail"


def test_ramp_is_followed(plan, score):
    ramped = replace(plan, tempo=Value((TempoAt(0.0, 100.0), TempoAt(8.0, 140.0, ramp=True)), Origin.SAID))
    steps = tuple(TempoPoint(q * 0.5, 100.0 + 40.0 * (q + 0.5) / 64.0) for q in range(64))
    assert verdicts(ramped, replace(score, tempos=steps))["tempo"] == "pass"
    assert verdicts(ramped, score)["tempo"] == "fail"


def test_onsets_off_the_grid(plan, score, bend):
    off = bend(score, "piano", lambda n: replace(n, start=n.start + 0.09))
    off = bend(off, "bass", lambda n: replace(n, start=n.start + 0.06))
    assert verdicts(plan, off)["grid"] == "fail"


def test_wrong_metre(plan, score):
    waltz = replace(plan, metre=Value((MetreAt(0, Metre(3, 4)),), Origin.GIVEN))
    assert verdicts(waltz, score)["metre"] == "fail"
    # The label alone does not help: the notes still repeat every four quarters.
    labelled = replace(score, metres=(MetrePoint(0, Metre(3, 4)),))
    found = line(waltz, labelled, "metre")
    assert "4-quarter bars" in found.heard


def test_bars_and_duration(plan, score):
    assert verdicts(replace(plan, n_bars=Value(12, Origin.GIVEN)), score)["bars"] == "fail"
    assert verdicts(replace(plan, duration_s=Value(20.0, Origin.GIVEN)), score)["duration"] == "fail"


def test_ending_too_early_and_not_held(plan, score, bend):
    early = score
    for name in ("piano", "bass", "violin", "drums"):
        early = bend(early, name, lambda n: n if n.start < 24 else None)
    assert verdicts(plan, early)["ending"] == "fail"
    short = score
    for name in ("piano", "bass", "violin", "drums"):
        short = bend(short, name, lambda n: replace(n, duration=0.2))
    assert verdicts(plan, short)["ending"] == "fail"


def test_fade_and_loop(plan, score, bend):
    fade = replace(plan, ending=Value("fade", Origin.SAID))
    assert verdicts(fade, score)["ending"] == "fail"
    faded = score
    for name in ("piano", "bass", "violin", "drums"):
        faded = bend(faded, name, lambda n: replace(n, velocity=25) if n.start >= 28 else n)
    assert verdicts(fade, faded)["ending"] == "pass"
    loop = replace(plan, ending=Value("loop", Origin.SAID))
    assert verdicts(loop, score)["ending"] == "fail"


def test_wrong_bass(plan, score, bend):
    wrong = bend(score, "bass", lambda n: replace(n, pitch=n.pitch + 1) if 8 <= n.start < 12 else n)
    found = line(plan, wrong, "chords")
    assert found.verdict == "fail"
    assert "bar 3 F: bass F# instead of F" in found.heard
    assert found.value == pytest.approx(7 / 8)


def test_wrong_third(plan, score, bend):
    wrong = bend(score, "piano", lambda n: replace(n, pitch=n.pitch - 1) if n.pitch % 12 == 4 and n.start < 4 else n)
    assert "bar 1 C: no E" in line(plan, wrong, "chords").heard


def test_slash_chord_needs_its_bass(plan, score, bend):
    lane = plan.chords.value
    first = replace(lane.chords[0], chord=replace(lane.chords[0].chord, bass=4, symbol="C/E"))
    inverted = replace(plan, chords=Value(replace(lane, chords=(first, *lane.chords[1:])), Origin.GIVEN))
    assert verdicts(inverted, score)["chords"] == "fail"
    mended = bend(score, "bass", lambda n: replace(n, pitch=28 if n.start % 2 == 0 else 36) if n.start % 16 < 4 else n)
    assert verdicts(inverted, mended)["chords"] == "pass"


def test_anticipated_chord_is_there(plan, score, bend):
    early = bend(score, "piano", lambda n: replace(n, start=n.start - 0.5, duration=1.4) if n.start % 4 == 0 and n.start else n)
    assert verdicts(plan, early)["chords"] == "pass"
    assert verdicts(plan, early)["chord tones"] == "pass"


def test_too_few_chord_tones(plan, score, bend):
    wrong = bend(score, "piano", lambda n: replace(n, pitch=n.pitch + 1) if n.start % 4 >= 2 and n.start < 28 else n)
    assert verdicts(plan, wrong)["chord tones"] == "fail"


def test_silent_comping_is_not_hidden(plan, score, bend):
    hole = bend(score, "piano", lambda n: n if not 4 <= n.start < 8 else None)
    hole = bend(hole, "bass", lambda n: n if not 4 <= n.start < 8 else None)
    assert "bar 2 Am: silent" in line(plan, hole, "chords").heard
    # Where the plan lets nobody comp, silence is as asked.
    resting = tuple(
        replace(p, active=(BarRange(0, 1), BarRange(2, 8))) if p.role in ("chords", "bass") else p for p in plan.parts
    )
    found = line(replace(plan, parts=resting), hole, "chords")
    assert found.verdict == "pass"
    assert "1 where nothing comps by plan" in found.heard


def test_wrong_key(plan, score):
    wrong = replace(plan, key=Value((KeyAt(0.0, Key(6, "major")),), Origin.GIVEN))
    assert verdicts(wrong, score)["key"] == "fail"


def test_missing_late_and_stray_parts(plan, score, bend):
    without = replace(score, tracks=tuple(t for t in score.tracks if t.name != "violin"))
    assert verdicts(plan, without)["instrument: violin"] == "fail"
    late = bend(score, "violin", lambda n: n if n.start >= 24 else None)
    assert "nothing at the start of bars 5–8" in line(plan, late, "instrument: violin").heard
    stray = bend(score, "violin", lambda n: replace(n, start=n.start - 8))
    assert verdicts(plan, stray)["instrument: violin"] == "fail"
    upbeat = score.with_track(replace(score.track("violin"), notes=(Note(15.5, 0.5, 72), *score.track("violin").notes)))
    assert verdicts(plan, upbeat)["instrument: violin"] == "pass"


def test_wrong_program_and_extra_track(plan, score):
    assert verdicts(plan, score.with_track(replace(score.track("violin"), program=41)))["instrument: violin"] == "fail"
    extra = score.with_track(Track("flute", "counter", "flute", 73, False, (Note(0, 1, 72),)))
    assert verdicts(plan, extra)["parts"] == "fail"


@pytest.mark.parametrize(
    ("word", "expected"),
    [("drums", "fail"), ("percussion", "fail"), ("bass", "fail"), ("strings", "fail"), ("melody", "fail"), ("keyboard", "fail"),
     ("flute", "pass"), ("synth", "pass"), ("brass", "pass"), ("voice", "pass"), ("*", "pass")],
)  # fmt: skip
def test_bans(plan, score, word, expected):
    banned = replace(plan, absent=(Value(word, Origin.SAID),))
    assert verdicts(banned, score)[f"absent: {word}"] == expected


def test_ban_of_everything_else(plan, score):
    parts = tuple(replace(p, origin=Origin.INFERRED) if p.name == "bass" else p for p in plan.parts)
    banned = replace(plan, parts=parts, absent=(Value("*", Origin.SAID),))
    assert "bass" in line(banned, score, "absent: *").heard


def test_guitar_ban_knows_every_guitar(plan, score):
    for instrument, program in (("acoustic_guitar", 25), ("distorted_guitar", 30)):
        with_guitar = score.with_track(Track("g", "chords", instrument, program, False, (Note(0, 1, 52),)))
        assert verdicts(plan, with_guitar)["absent: guitar"] == "fail"
    with_banjo = score.with_track(Track("b", "arpeggio", "banjo", 105, False, (Note(0, 1, 60),)))
    assert verdicts(plan, with_banjo)["absent: guitar"] == "pass"


def test_order_in_time(plan, score):
    wrong = replace(plan, orders=(Order("violin", "piano"),))
    assert verdicts(wrong, score)["order: piano"] == "fail"
    rest = replace(plan, orders=(Order("*", "violin"),))
    assert verdicts(rest, score)["order: violin"] == "pass"
    absent = replace(plan, orders=(Order("piano", "flute"),))
    assert "flute does not play" in line(absent, score, "order: flute").heard


def test_dynamics_follow_the_lane(plan, score):
    rising = replace(plan, dynamics=Value((DynamicAt(0.0, 0.2), DynamicAt(8.0, 0.9)), Origin.SAID))
    falling = replace(plan, dynamics=Value((DynamicAt(0.0, 0.9), DynamicAt(8.0, 0.2)), Origin.SAID))
    assert verdicts(rising, score)["dynamics"] == "pass"
    assert verdicts(falling, score)["dynamics"] == "fail"
    assert verdicts(plan, score)["dynamics"] == "not measurable"


def test_section_energy_against_the_notes(plan, score):
    first, second = plan.sections.value
    swapped = replace(plan, sections=Value((replace(first, energy=0.9), replace(second, energy=0.2))))
    assert verdicts(swapped, score)["section energy"] == "fail"


def test_form(plan, score, bend):
    assert verdicts(plan, score)["form"] == "not measurable"  # given chords repeat, and only B has a tune
    plan = replace(plan, chords=Value(None))
    first, second = plan.sections.value
    same = replace(plan, sections=Value((first, replace(second, material="a"))))
    assert verdicts(same, score)["form"] == "pass"
    other = score
    for name in ("piano", "bass"):
        other = bend(other, name, lambda n: replace(n, pitch=n.pitch + 6) if n.start >= 16 else n)
    assert verdicts(same, other)["form"] == "fail"
    twice = bend(score, "violin", lambda n: None)
    assert verdicts(plan, twice)["form"] == "fail"  # B repeats A note by note


def test_ranges(plan, score, bend):
    low = bend(score, "violin", lambda n: replace(n, pitch=n.pitch - 24))
    assert verdicts(plan, low)["ranges"] == "fail"


def test_solo(plan, score):
    parts = tuple(replace(p, solo=(BarRange(4, 8),)) if p.name == "violin" else p for p in plan.parts)
    assert verdicts(replace(plan, parts=parts), score)["solo: violin"] == "pass"
    rival = score.with_track(Track("flute", "counter", "flute", 73, False, tuple(Note(16 + 0.5 * i, 0.4, 76) for i in range(24))))
    assert verdicts(replace(plan, parts=parts), rival)["solo: violin"] == "fail"


def test_gain(plan, score):
    parts = tuple(replace(p, gain_db=-6.0) if p.name == "drums" else p for p in plan.parts)
    assert verdicts(replace(plan, parts=parts), score)["level: drums"] == "fail"
    softer = score.with_track(replace(score.track("drums"), gain_db=-6.0))
    assert verdicts(replace(plan, parts=parts), softer)["level: drums"] == "pass"


def test_sketch_kept(plan, score, bend):
    sketch = score.track("violin")
    parts = tuple(replace(p, sketch=0) if p.name == "violin" else p for p in plan.parts)
    kept = replace(plan, parts=parts, sketch=(sketch,))
    assert verdicts(kept, score)["sketch: violin"] == "pass"
    changed = bend(score, "violin", lambda n: replace(n, pitch=n.pitch + 1) if n.start == 20 else n)
    assert "12 of 13 notes" in line(kept, changed, "sketch: violin").heard
    shorter = bend(score, "violin", lambda n: replace(n, duration=n.duration / 2))
    assert verdicts(kept, shorter)["sketch: violin"] == "fail"
    cut = replace(kept, sketch_left_out=(6,))
    assert verdicts(cut, score)["sketch: violin"] == "fail"
    assert f"{len(sketch.notes)} of {len(sketch.notes) + 6} notes" in line(cut, score, "sketch: violin").heard
    assert "6 left out" in line(cut, score, "sketch: violin").heard


def test_swing(plan, score, bend):
    swung = replace(plan, character=Value(Character(swing=1.0), Origin.SAID))
    assert verdicts(swung, score)["swing"] == "fail"
    late = bend(score, "drums", lambda n: replace(n, nudge_s=0.5 / 6) if n.start % 1 == 0.5 else n)
    assert verdicts(swung, late)["swing"] == "pass"


def test_dropped_wishes_and_unknown_words_are_listed(plan, score):
    asked = replace(plan, conflicts=(Conflict("bars", "16 s", "12 bars", "the duration wins"),), unknown=("blorpy",))
    found = verdicts(asked, score)
    assert found["dropped: bars"] == "fail"
    assert found["words"] == "not measurable"


def test_empty_score_fails(plan, score):
    silent = replace(score, tracks=tuple(replace(t, notes=()) for t in score.tracks))
    found = verdicts(plan, silent)
    assert found["notes"] == "fail"
    assert found["instrument: piano"] == "fail"
