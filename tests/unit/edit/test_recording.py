"""Edits of recordings do what they say, measured, and leave every sample that nobody named."""

import numpy as np
import pytest
from recording_factory import BAR_S, recording

from partimento.audio.loudness import true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept
from partimento.edit.effects import treat
from partimento.edit.recording import contents_of_recording, execute_recording, places
from partimento.edit.recording_change import below, seam_db, through
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_loop import find_loop
from partimento.edit.recording_region import resolve_heard
from partimento.errors import PartimentoError, RequestError, UnsupportedError
from partimento.listen.metre import MetreGuess
from partimento.listen.tempo import Beats, track_beats
from partimento.plan.edit import OPERATIONS, EditOperation, EditPlan, EditRequest, Region
from partimento.score.mix import active_lufs

RATE = 22_050
BARS_3_5 = Region("bars", 3, 5)


@pytest.fixture(scope="module")
def take():
    return recording()


def run(wave, op, region=None, request=None, targets=("all",), **fields):
    operation = EditOperation(op, targets, region or Region(), **fields)
    return execute_recording(contents_of_recording(wave), EditPlan((operation,)), request or EditRequest("x"))


def failed(edited):
    return [(f.control, f.asked, f.heard) for f in edited.report.findings if f.verdict == "fail"]


def finding(edited, control):
    return next(f for f in edited.report.findings if f.control == control)


def test_bars_and_beats_are_heard_where_they_are(take):
    ear = Ear(take)
    assert ear.beats.tempo_bpm == pytest.approx(120, rel=0.005)
    lines = np.array(ear.bars) / RATE
    assert len(lines) == 11
    assert np.abs(lines - np.arange(11) * BAR_S).max() < 0.04
    assert str(ear.key.key) == "C major"


@pytest.mark.parametrize(
    ("region", "start", "end"),
    [
        (Region("bars", 3, 5), 4.0, 10.0),
        (Region("bars", 9), 16.0, 20.0),
        (Region("first_bars", 2), 0.0, 4.0),
        (Region("last_bars", 1), 18.0, 20.0),
        (Region("fraction", 0.5, 1.0), 10.0, 20.0),
        (Region("seconds", 3.3, 7.7), 3.3, 7.7),
        (Region("seconds", -3.3), 16.7, 20.0),
        (Region("seconds", 3.97, 8.03), 4.0, 8.0),
        (Region("all"), 0.0, 20.0),
    ],
)
def test_regions_lie_where_they_are_said(take, region, start, end):
    found = resolve_heard(region, Ear(take))
    assert found.start / RATE == pytest.approx(start, abs=0.04)
    assert found.end / RATE == pytest.approx(end, abs=0.04)
    if region.kind == "seconds":  # edges only ever move inwards
        low = region.start + 20 if region.start < 0 else region.start
        assert found.start >= round(low * RATE)
        assert found.end <= (20 * RATE if region.end is None else round(region.end * RATE))


@pytest.mark.parametrize(
    "region",
    [
        Region("bars", 11, 12), Region("seconds", 21, 22), Region("seconds", 5, 5), Region("seconds", -30),
        Region("last_bars", 40),
        Region("section", name="chorus"), Region("after", name="piano"), Region("while", name="drums"), Region("odd"),
    ],
)  # fmt: skip
def test_regions_that_are_not_there_are_refused_with_a_way_out(take, region):
    with pytest.raises(PartimentoError, match=r"bars|seconds|lasts|less than") as error:
        resolve_heard(region, Ear(take))
    assert "\n" not in str(error.value)


def test_without_a_pulse_bars_are_refused_and_seconds_work():
    rng = np.random.default_rng(1)
    noise = Waveform(rng.normal(0, 0.1, (1, 6 * RATE)).astype(np.float32), RATE)
    for wave in (noise, Waveform(np.zeros((2, 6 * RATE), np.float32), RATE)):
        with pytest.raises(UnsupportedError, match="seconds"):
            run(wave, "gain", Region("bars", 1, 2), amount=-3.0, unit="dB")
        with pytest.raises(UnsupportedError, match="factor"):
            run(wave, "set_tempo", amount=100.0, unit="bpm")
        edited = run(wave, "gain", Region("seconds", 1, 2), amount=-3.0, unit="dB")
        assert np.array_equal(edited.contents.mix.samples[:, 2 * RATE :], wave.samples[:, 2 * RATE :])


SAME_LENGTH = [
    ("gain", {"amount": -6.0, "unit": "dB"}),
    ("gain", {"amount": 3.0, "unit": "dB"}),
    ("mute_region", {}),
    ("transpose", {"amount": -2.0, "unit": "semitones"}),
    ("effect", {"value": "warmer"}),
    ("effect", {"value": "spacious"}),
    ("effect", {"value": "telephone"}),
    ("dynamics", {"value": "crescendo"}),
    ("remove", {}),
]


@pytest.mark.parametrize("region", [BARS_3_5, Region("last_bars", 2), Region("seconds", 1.23, 7.7)], ids=["bars", "last", "s"])
@pytest.mark.parametrize(("op", "fields"), SAME_LENGTH, ids=[f"{o}-{next(iter(f.values()), '')}" for o, f in SAME_LENGTH])
def test_outside_the_region_every_sample_is_the_sources(take, op, fields, region):
    edited = run(take, op, region, **fields)
    where = resolve_heard(region, Ear(take), exact=op in ("mute_region", "remove"))
    after = edited.contents.mix
    assert after.n_samples == take.n_samples
    assert np.array_equal(after.samples[:, : where.start], take.samples[:, : where.start])
    assert np.array_equal(after.samples[:, where.end :], take.samples[:, where.end :])
    assert not np.array_equal(after.samples, take.samples)
    assert not failed(edited)
    assert true_peak_dbtp(after) <= max(-0.1, true_peak_dbtp(take)) + 0.02


def test_gain_is_given_as_far_as_it_does_not_clip(take):
    assert finding(run(take, "gain", amount=-6.0, unit="dB"), "loudness").value == pytest.approx(-6.0, abs=0.05)
    edited = run(take, "gain", amount=20.0, unit="dB")
    assert true_peak_dbtp(edited.contents.mix) <= -0.09
    assert any("would clip" in line for line in edited.changed)
    some = run(take, "gain", Region("bars", 3, 4), amount=0.3 - true_peak_dbtp(take) + 2.5, unit="dB")
    assert any("short peaks limited by up to" in line for line in some.changed)
    assert not failed(some)
    assert true_peak_dbtp(some.contents.mix) <= -0.09
    with pytest.raises(RequestError, match="24"):
        run(take, "gain", amount=60.0, unit="dB")


def test_fades_end_in_silence_and_leave_the_rest(take):
    out = run(take, "fade", value="out", amount=5.0, unit="s").contents.mix
    assert np.array_equal(out.samples[:, : 15 * RATE], take.samples[:, : 15 * RATE])
    assert np.abs(out.samples[:, -30:]).max() < 1e-4
    into = run(take, "fade", value="in", amount=1.0, unit="bars").contents.mix
    assert np.array_equal(into.samples[:, round(2.1 * RATE) :], take.samples[:, round(2.1 * RATE) :])
    with pytest.raises(RequestError, match="silence behind"):
        run(take, "fade", BARS_3_5, value="out")
    with pytest.raises(RequestError, match="lasts"):
        run(take, "fade", value="out", amount=50.0, unit="s")


@pytest.mark.parametrize(("amount", "unit", "factor"), [(132, "bpm", 1.1), (1.2, "factor", 1.2), (-12, "bpm_change", 0.9)])
def test_tempo_is_what_was_asked_and_the_length_exact(take, amount, unit, factor):
    edited = run(take, "set_tempo", amount=float(amount), unit=unit)
    after = edited.contents.mix
    heard = Ear(take).beats.tempo_bpm
    exact = factor if unit == "factor" else amount / heard if unit == "bpm" else (heard + amount) / heard
    assert after.n_samples == round(take.n_samples / exact)
    assert min(abs(Ear(after).beats.tempo_bpm * m / (120 * factor) - 1) for m in (0.5, 1, 2)) < 0.01
    assert not failed(edited)


def test_a_tempo_that_counts_double_is_reached_the_near_way(take):
    edited = run(take, "set_tempo", amount=62.0, unit="bpm")
    assert edited.contents.mix.n_samples == pytest.approx(take.n_samples * 60 / 62, rel=0.01)
    assert "counted as" in edited.changed[0]


def test_tempo_in_a_region_moves_what_follows_unchanged(take):
    edited = run(take, "set_tempo", Region("seconds", 4.2, 8.2), amount=2.0, unit="factor")
    after, before = edited.contents.mix, take
    assert after.n_samples == before.n_samples - 2 * RATE
    assert np.array_equal(after.samples[:, : round(4.2 * RATE)], before.samples[:, : round(4.2 * RATE)])
    assert np.array_equal(after.samples[:, round(6.2 * RATE) :], before.samples[:, round(8.2 * RATE) :])
    assert any("sooner" in line for line in edited.changed)
    assert not failed(edited)


@pytest.mark.parametrize("steps", [-5.0, 1.0, 3.0])
def test_transposing_moves_pitch_within_five_cents(take, steps):
    edited = run(take, "transpose", amount=steps, unit="semitones")
    assert abs(finding(edited, "pitch").value - 100 * steps) < 5
    assert edited.contents.mix.n_samples == take.n_samples
    assert Ear(edited.contents.mix).key.key.tonic == steps % 12
    assert not failed(edited)


def test_keys_are_reached_the_short_way_and_modes_stay(take):
    edited = run(take, "set_key", value="A major")
    assert "-3 semitones" in edited.changed[0]
    assert str(Ear(edited.contents.mix).key.key) == "A major"
    with pytest.raises(UnsupportedError, match="minor into major"):
        run(take, "set_key", value="A minor")
    with pytest.raises(RequestError, match="already"):
        run(take, "set_key", value="C major")


def test_a_loop_lengthens_by_bars_on_the_beat(take):
    edited = run(take, "extend", amount=4.0, unit="bars")
    after = edited.contents.mix
    assert after.duration_s == pytest.approx(28.0, abs=0.05)
    beats = track_beats(after, around_bpm=120)
    assert beats.tempo_bpm == pytest.approx(120, rel=0.005)
    assert np.abs(np.diff(beats.times_s) - 0.5).max() < 0.06
    assert not failed(edited)
    assert np.array_equal(after.samples[:, -8 * RATE :], take.samples[:, -8 * RATE :])


@pytest.mark.parametrize(("amount", "unit", "bars"), [(None, "", 8), (2.0, "factor", 10), (6.0, "s", 3), (24.0, "bars", 24)])
def test_extensions_are_counted_in_bars_seconds_or_times(take, amount, unit, bars):
    edited = run(take, "extend", amount=amount, unit=unit)
    assert edited.contents.mix.duration_s == pytest.approx(20.0 + bars * BAR_S, abs=0.25)
    assert not failed(edited)


def test_a_region_is_repeated_after_itself(take):
    edited = run(take, "extend", Region("bars", 3, 4), amount=3.0, unit="factor")
    assert edited.contents.mix.duration_s == pytest.approx(28.0, abs=0.1)
    assert not failed(edited)


def test_the_loop_joins_places_that_are_alike(take):
    loop = find_loop(Ear(take))
    assert loop is not None
    assert loop.n_bars in (4, 8)  # the chords come again every four bars
    assert loop.likeness > 0.8
    assert find_loop(Ear(take), 40) is None


def test_trim_keeps_the_start_the_region_or_what_is_outside_it(take):
    start = run(take, "trim", amount=7.0, unit="s").contents.mix
    assert start.n_samples == 7 * RATE
    assert np.array_equal(start.samples[:, : 6 * RATE], take.samples[:, : 6 * RATE])
    part = run(take, "trim", Region("seconds", 5, 9), value="keep").contents.mix
    assert part.n_samples == 4 * RATE
    assert np.array_equal(part.samples[:, RATE : 3 * RATE], take.samples[:, 6 * RATE : 8 * RATE])
    edited = run(take, "trim", BARS_3_5)
    assert edited.contents.mix.duration_s == pytest.approx(14.0, abs=0.06)
    assert not failed(edited)
    with pytest.raises(RequestError, match="lasts"):
        run(take, "trim", amount=30.0, unit="s")
    with pytest.raises(RequestError, match="what to cut"):
        run(take, "trim")


_NEEDS_MORE = (
    "add", "remove", "extract", "replace", "set_chords", "set_metre", "restyle", "vary", "copy", "move", "trade", "pan",
)  # fmt: skip


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_is_done_or_refused_in_one_line_that_names_a_way(take, op):
    fields = {
        "gain": {"amount": -1.0}, "set_tempo": {"amount": 1.1, "unit": "factor"}, "transpose": {"amount": 1.0},
        "set_key": {"value": "D major"}, "effect": {"value": "brighter"}, "dynamics": {"value": "crescendo"},
        "trim": {"amount": 5.0, "unit": "s"}, "extend": {"amount": 4.0, "unit": "bars"}, "fade": {"value": "out"},
    }.get(op, {})  # fmt: skip
    region = Region("seconds", 1, 2) if op == "mute_region" else Region()
    if op in _NEEDS_MORE:
        with pytest.raises(UnsupportedError, match=r"separating|generate|model") as error:
            run(take, op, region, **fields)
        assert "\n" not in str(error.value)
    else:
        assert not failed(run(take, op, region, **fields))


def test_one_instrument_of_a_recording_cannot_be_named(take):
    with pytest.raises(UnsupportedError, match="separating"):
        run(take, "effect", targets=("bass",), value="warmer")
    with pytest.raises(UnsupportedError, match="generate"):
        run(take, "effect", value="jazzier")


def test_several_operations_are_done_in_order_and_what_all_keep_is_told(take):
    plan = EditPlan((
        EditOperation("gain", region=Region("seconds", 2.2, 3.2), amount=-6.0, unit="dB"),
        EditOperation("trim", region=Region("seconds", 10, 12)),
        EditOperation("fade", value="out", amount=1.0, unit="s"),
    ))  # fmt: skip
    edited = execute_recording(contents_of_recording(take), plan, EditRequest("x"))
    after = edited.contents.mix
    assert len(edited.kept) >= 3
    for k in edited.kept:
        assert np.array_equal(after.samples[:, k.new : k.new + k.n], take.samples[:, k.old : k.old + k.n])
    assert sum(k.n for k in edited.kept) > 0.8 * after.n_samples
    assert not failed(edited)


def test_the_requests_region_overrules_the_words(take):
    edited = run(take, "gain", Region("bars", 1, 2), EditRequest("x", from_s=10.1, to_s=12.3), amount=-6.0, unit="dB")
    differs = np.flatnonzero((edited.contents.mix.samples != take.samples).any(axis=0))
    assert differs[0] >= 10.0 * RATE
    assert differs[-1] <= 12.3 * RATE


def test_kept_stretches_follow_through_two_changes():
    first = (Kept(0, 0, 10), Kept(20, 10, 30))
    second = (Kept(0, 0, 5), Kept(8, 5, 20))
    assert through(first, second) == (Kept(0, 0, 5), Kept(8, 5, 2), Kept(20, 7, 18))


def test_nothing_clips_and_loudness_stays_when_peaks_are_limited(take):
    hot = Waveform(take.samples * np.float32(2.6), RATE)
    held, lines = below(hot, -0.1)
    assert true_peak_dbtp(held) <= -0.1
    assert len(lines) == 2
    assert abs(active_lufs(held) - active_lufs(hot)) < 1.2
    assert below(take, -0.1) == (take, ())


def test_a_cut_without_a_fade_is_heard_as_a_click():
    t = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 200 * t)
    cut = tone.copy()
    cut[2 * RATE :] = 0.3 * np.sin(2 * np.pi * 200 * t[2 * RATE :] + 2.0)
    # Out of silence, which has no bends of its own: what is heard at the place is then all the seam's.
    silence = Waveform(np.zeros((1, 4 * RATE), np.float32), RATE)
    assert seam_db(Waveform(tone.astype(np.float32), RATE), 2 * RATE, silence, (2 * RATE,)) < 1.0
    assert seam_db(Waveform(cut.astype(np.float32), RATE), 2 * RATE, silence, (2 * RATE,)) > 15.0
    at = 2 * RATE + 27
    silent = np.where(np.arange(4 * RATE) < at, tone, 0.0)
    old, new = (Waveform(x[None].astype(np.float32), RATE) for x in (tone, silent))
    assert seam_db(new, at, old, (at,)) > 15.0
    assert seam_db(old, at, old, (at,)) < 1.0


def test_the_same_edit_gives_the_same_samples(take):
    for op, fields in (("set_tempo", {"amount": 1.07, "unit": "factor"}), ("effect", {"value": "lofi"})):
        first, second = (run(take, op, **fields).contents.mix.samples for _ in range(2))
        assert np.array_equal(first, second)


def test_a_recording_gets_the_length_that_is_said(take):
    assert run(take, "trim", amount=7.0, unit="s", value="off").contents.mix.n_samples == 13 * RATE
    assert run(take, "trim", amount=0.5, unit="factor", value="to").contents.mix.n_samples == 10 * RATE
    assert run(take, "extend", amount=12.0, unit="s", value="to").contents.mix.n_samples == 12 * RATE
    longer = run(take, "extend", amount=28.0, unit="s", value="to").contents.mix
    assert longer.duration_s == pytest.approx(28.0, abs=0.1)
    for value, seconds in (("to", 18.0), ("off", 16.0)):  # of bars 3 to 5 (6 s): two bars are left, two bars go
        made = run(take, "trim", BARS_3_5, amount=2.0, unit="bars", value=value).contents.mix
        assert made.duration_s == pytest.approx(seconds, abs=0.06), value


def test_the_last_bars_of_a_region_are_repeated(take):
    made = run(take, "extend", Region("bars", 3, 6), amount=2.0, unit="bars").contents.mix
    assert made.duration_s == pytest.approx(24.0, abs=0.1)


def test_a_held_last_note_stretches_the_last_bar(take):
    made = run(take, "dynamics", value="held").contents.mix
    assert made.duration_s == pytest.approx(22.0, abs=0.1)
    with pytest.raises(UnsupportedError, match="last bar"):
        run(take, "dynamics", value="held", amount=2.0, unit="bars")


def test_what_sounds_for_more_than_half_a_bar_before_the_first_line_is_bar_1(take):
    ear = Ear(take)
    times = tuple(0.33 + 0.5 * k for k in range(38))
    vars(ear).update(
        beats=Beats(times, 120.0, 0.9),
        metre=MetreGuess(4, False, "4/4", times[3::4], 1.0, (0.0, 0.0, 0.0, 2.0)),
        _rise_at_beats=1.0,
    )
    assert np.allclose(np.array(ear.bars[:3]) / RATE, (0.0, 1.83, 3.83), atol=0.001)
    assert resolve_heard(Region("bars", 1, 1), ear).start == 0
    late = Ear(Waveform(np.concatenate([np.zeros((2, round(1.2 * RATE)), np.float32), take.samples], axis=1), RATE))
    begins = late.bars[0] / RATE
    assert begins == pytest.approx(1.2, abs=0.05)
    assert f"bar 1 begins at {begins:.2f} s" in resolve_heard(Region("bars", 2, 3), late).how


@pytest.mark.parametrize("hz", [(440,), (220, 277, 330)])
def test_held_tones_have_no_bars(hz):
    t = np.arange(12 * RATE) / RATE
    tone = Waveform(np.sum([0.2 * np.sin(2 * np.pi * f * t) for f in hz], axis=0, dtype=np.float32)[None], RATE)
    with pytest.raises(UnsupportedError, match="--from"):
        run(tone, "gain", Region("bars", 2, 3), amount=-3.0, unit="dB")


@pytest.mark.parametrize("bar", range(2, 10))
def test_a_bar_faded_into_silence_does_not_click(bar):
    for channels in (2, 6):
        assert finding(run(recording(n_channels=channels), "mute_region", Region("bars", bar, bar)), "seams").value <= 6.0


def test_how_long_a_recording_becomes_is_said(take):
    length = finding(run(take, "extend", amount=4.0, unit="bars"), "length")
    assert length.asked == "4 bars more: about 28.00 s"
    assert length.verdict == "pass"


def test_a_dry_run_says_where(take):
    lines = places(take, EditPlan((EditOperation("remove", ("all",), Region("bars", 1, 1)),)), EditRequest("x"))
    assert lines[0].startswith("mute region: 0.00–2.0")
    assert "sure" in lines[0]


@pytest.mark.parametrize("value", ["spacious", "reverb", "distant"])
def test_room_on_one_channel_is_about_that_on_two(take, value):
    done = {}
    for wave in (take, Waveform(take.samples.mean(axis=0, keepdims=True), RATE)):
        found = treat(value, {"a": wave}, {"a": ""})
        assert found.moved
        done[wave.n_channels] = next(step.parameters["wet_db"] for step in found.chains["a"] if step.effect == "reverberate")
    assert done[1] <= done[2] + 2.0
    assert done[1] <= -9.0
