"""Edits do what they say and leave every sample that nobody named."""

import numpy as np
import pytest

from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.effects import chains_for, treat
from partimento.edit.execute import execute
from partimento.edit.intents import MEASURES, intents
from partimento.edit.region import resolve
from partimento.edit.rendering import chain
from partimento.errors import PartimentoError, RequestError, UnsupportedError
from partimento.plan.edit import OPERATIONS, EditOperation, EditPlan, EditRequest, Region

BARS_2_3 = Region("bars", 2, 3)
LAST = Region("last_bars", 1)


def run(piece, op, targets=("all",), region=None, request=None, **fields):
    operation = EditOperation(op, targets, region or Region(), **fields)
    return execute(piece, EditPlan((operation,)), request or EditRequest("x"))


def same(a, b, start=0, end=None):
    return np.array_equal(a.samples[:, start:end], b.samples[:, start:end])


def failed(edited):
    return [(f.control, f.asked, f.heard) for f in edited.contents.report.findings if f.verdict == "fail"]


REGION_EDITS = [
    ("add", ("all",), {"instrument": "violin"}),
    ("add", ("pad",), {"instrument": "strings"}),
    ("remove", ("drums",), {}),
    ("extract", ("piano",), {}),
    ("replace", ("piano",), {"instrument": "harp"}),
    ("gain", ("piano", "bass"), {"amount": -6.0, "unit": "dB"}),
    ("mute_region", ("all",), {}),
    ("set_chords", ("all",), {"value": "Am | F"}),
    ("transpose", ("flute",), {"amount": -3.0}),
    ("transpose", ("all",), {"amount": 2.0}),
    ("set_key", ("all",), {"value": "D minor"}),
    ("restyle", ("all",), {"value": "bossa_nova"}),
    ("vary", ("all",), {}),
    ("vary", ("piano",), {}),
    ("effect", ("bass",), {"value": "darker"}),
    ("effect", ("all",), {"value": "spacious"}),
    ("dynamics", ("piano",), {"value": "softer"}),
]


@pytest.mark.parametrize("region", [BARS_2_3, LAST, Region("seconds", 1.3, 3.7)], ids=["bars", "last", "seconds"])
@pytest.mark.parametrize(("op", "targets", "fields"), REGION_EDITS, ids=[f"{e[0]}-{e[1][0]}" for e in REGION_EDITS])
def test_outside_the_region_every_sample_is_the_parents(piece, op, targets, fields, region):
    if op == "set_chords" and region.kind == "seconds":
        with pytest.raises(RequestError, match="whole bars"):
            run(piece, op, targets, region, **fields)
        return
    edited = run(piece, op, targets, region, **fields)
    (span,) = resolve(region, piece.score)
    start, end = span.samples(16_000)
    after = edited.contents
    assert same(piece.mix, after.mix, 0, start)
    assert same(piece.mix, after.mix, end)
    assert not same(piece.mix, after.mix, start, end)
    for name, stem in after.stems.items():
        if name in piece.stems:
            assert same(piece.stems[name], stem, 0, start)
            assert same(piece.stems[name], stem, end)
        else:
            assert not stem.samples[:, :start].any()
            assert not stem.samples[:, end:].any()
    assert all(f.verdict != "fail" for f in edited.report.findings)
    assert true_peak_dbtp(after.mix) < 0.0


@pytest.mark.parametrize(
    ("op", "targets", "fields", "touched"),
    [
        ("add", ("all",), {"instrument": "strings"}, {"string section"}),
        ("remove", ("drums",), {}, set()),
        ("extract", ("piano", "bass"), {}, set()),
        ("replace", ("piano",), {"instrument": "harp"}, {"harp"}),
        ("gain", ("bass",), {"amount": -4.0}, {"bass"}),
        ("set_key", ("all",), {"value": "D minor"}, {"flute", "piano", "bass"}),
        ("set_chords", ("all",), {"value": "Am | F | C | G"}, {"flute", "piano", "bass"}),
        ("transpose", ("all",), {"amount": 2.0}, {"flute", "piano", "bass"}),
        ("vary", ("all",), {"keep": ("melody", "chords", "groove")}, {"piano", "bass"}),
        ("effect", ("bass",), {"value": "warmer"}, {"bass"}),
    ],
)
def test_stems_that_were_not_named_are_the_parents(piece, op, targets, fields, touched):
    edited = run(piece, op, targets, **fields)
    after = edited.contents
    assert {n for n, s in after.stems.items() if n not in piece.stems or not same(s, piece.stems[n])} == touched
    assert [f for f in failed(edited) if f[0] != "key"] == []
    assert {p.name for p in after.plan.parts} == {t.name for t in after.score.tracks} == set(after.stems)


def test_added_part_plays_in_range_and_in_its_bars(piece):
    after = run(piece, "add", region=BARS_2_3, instrument="cello").contents
    track = after.score.track("cello")
    assert track.notes
    assert {after.score.bar_at(n.start) for n in track.notes} <= {1, 2}
    assert all(36 <= n.pitch <= 76 for n in track.notes)
    assert np.abs(after.stems["cello"].samples).max() > 0.003


@pytest.mark.parametrize(("old", "new"), [("piano", "harp"), ("bass", "tuba"), ("flute", "violin"), ("piano", "violin")])
def test_replacing_keeps_the_onsets(piece, old, new):
    after = run(piece, "replace", (old,), instrument=new).contents
    before = {round(n.start, 3) for n in piece.score.track(old).notes}
    track = after.score.track(new)
    kept = {round(n.start, 3) for n in track.notes}
    assert len(before & kept) >= 0.9 * len(before)
    assert track.program != piece.score.track(old).program
    assert track.role == piece.score.track(old).role


def test_a_drum_kit_replaced_by_an_instrument_is_written_anew(piece):
    after = run(piece, "replace", ("drums",), instrument="marimba").contents
    assert not after.score.track("marimba").is_drum
    assert after.score.track("marimba").notes


def test_tempo_by_so_many_beats_per_minute(piece):
    before = piece.score.tempo_bpm
    assert run(piece, "set_tempo", amount=-10.0, unit="bpm_change").contents.score.tempo_bpm == pytest.approx(before - 10)
    assert run(piece, "set_tempo", amount=12.0, unit="bpm_change").contents.score.tempo_bpm == pytest.approx(before + 12)


@pytest.mark.parametrize(
    "words", ["more energy in the first half", "make it calmer", "play it more expressively", "10 bpm faster"]
)
def test_what_the_reader_says_the_executors_can_do(piece, words):
    from partimento.interpret.edit_reader import read_edit

    edited = execute(piece, read_edit(words)[0], EditRequest(words))
    assert edited.changed
    assert edited.contents.score != piece.score


def test_tempo_changes_length_and_nothing_else(piece):
    edited = run(piece, "set_tempo", amount=1.25, unit="factor")
    assert edited.contents.score.tempo_bpm == pytest.approx(1.25 * piece.score.tempo_bpm)
    assert edited.contents.mix.duration_s == pytest.approx(8.0 / 1.25, abs=0.01)
    assert [t.notes for t in edited.contents.score.tracks] == [t.notes for t in piece.score.tracks]
    assert failed(edited) == []


def test_tempo_in_a_region_moves_what_follows_bit_for_bit(piece):
    edited = run(piece, "set_tempo", region=BARS_2_3, amount=0.8, unit="factor")
    assert failed(edited) == []
    (span,) = resolve(BARS_2_3, piece.score)
    start, end = span.samples(16_000)
    longer = edited.contents.mix.n_samples - piece.mix.n_samples
    n = piece.mix.n_samples - end - 1
    assert same(piece.mix, edited.contents.mix, 0, start)
    for name, stem in edited.contents.stems.items():
        old = piece.stems[name]
        shifts = [s for s in (longer - 1, longer, longer + 1) if end + s + n <= stem.n_samples]
        assert any(np.array_equal(old.samples[:, end : end + n], stem.samples[:, end + s : end + s + n]) for s in shifts)


def test_key_and_transposition_move_notes_and_chords(piece):
    after = run(piece, "transpose", amount=2.0).contents
    assert [c.chord.root for c in after.score.chords] == [(c.chord.root + 2) % 12 for c in piece.score.chords]
    basses = zip(piece.score.track("bass").notes, after.score.track("bass").notes, strict=True)
    moved = [(b.pitch - a.pitch) % 12 for a, b in basses]
    assert set(moved) == {2}
    minor = run(piece, "set_key", value="A minor")
    assert str(minor.contents.score.key) == "A minor"
    assert [f for f in failed(minor) if f[0] == "key"] == []


def test_metre(piece):
    edited = run(piece, "set_metre", value="3/4")
    assert str(edited.contents.score.metre) == "3/4"
    assert edited.contents.score.n_bars == piece.score.n_bars
    tune = [n.pitch for n in edited.contents.score.track("flute").notes]
    old = [n.pitch for n in piece.score.track("flute").notes]
    assert len(tune) >= 0.8 * len(old)
    assert [f for f in failed(edited) if f[0] in ("metre", "bars", "duration")] == []


def test_extend_and_trim(piece):
    longer = run(piece, "extend", amount=2.0, unit="bars").contents
    assert longer.score.n_bars == 6
    assert longer.plan.n_bars.value == 6
    edited = run(piece, "trim", region=Region("bars", 2, 2))
    assert edited.contents.score.n_bars == 3
    assert all(f.verdict != "fail" for f in edited.report.findings)
    with pytest.raises(RequestError, match="would be left"):
        run(piece, "trim", amount=9.0, unit="bars")


def test_fade_and_crescendo(piece):
    faded = run(piece, "fade", value="out", amount=2.0, unit="s").contents
    assert same(piece.mix, faded.mix, 0, 6 * 16_000 - 10)
    assert np.abs(faded.mix.samples[:, -50:]).max() < 1e-3
    track = run(piece, "dynamics", ("piano",), value="crescendo").contents.score.track("piano")
    change = [b.velocity - a.velocity for a, b in zip(piece.score.track("piano").notes, track.notes, strict=True)]
    assert change[0] < 0 < change[-1]


def test_an_effect_stays_when_the_stem_is_rendered_again(piece):
    dark = run(piece, "effect", ("piano",), value="darker").contents
    again = run(dark, "transpose", ("piano",), amount=12.0).contents
    plain = run(piece, "transpose", ("piano",), amount=12.0).contents
    centroid = MEASURES["centroid_octaves"][2]
    assert centroid(again.stems["piano"]) < centroid(plain.stems["piano"]) - 0.05


def test_a_part_comes_back_where_it_was_removed(piece):
    gone = run(piece, "remove", ("drums",), BARS_2_3).contents
    back = run(gone, "add", region=BARS_2_3, instrument="drums").contents
    assert set(back.stems) == set(piece.stems)
    (span,) = resolve(BARS_2_3, piece.score)
    start, end = span.samples(16_000)
    assert np.abs(back.stems["drums"].samples[:, start + 2000 : end - 2000]).max() > 0.01


def test_compound_and_forced_regions(piece):
    plan = EditPlan((EditOperation("remove", ("drums",)), EditOperation("add", instrument="strings", region=BARS_2_3)))
    after = execute(piece, plan, EditRequest("remove the drums and add strings")).contents
    assert "drums" not in after.stems
    assert "string section" in after.stems
    forced = run(piece, "gain", request=EditRequest("x", bars=(1, 2), stem="bass"), amount=-3.0).contents
    assert same(forced.stems["piano"], piece.stems["piano"])
    assert not same(forced.stems["bass"], piece.stems["bass"])


def test_same_edit_gives_the_same_samples(piece):
    first, second = (run(piece, "vary", region=BARS_2_3).contents for _ in range(2))
    other = run(piece, "vary", region=BARS_2_3, request=EditRequest("x", seed=5)).contents
    assert same(first.mix, second.mix)
    assert not same(first.mix, other.mix)


@pytest.mark.parametrize(
    ("op", "targets", "region", "fields", "message"),
    [
        ("remove", ("drums",), Region("bars", 3, 9), {}, "bars 3-9: the piece has bars 1 to 4"),
        ("remove", ("drums",), Region("seconds", 20, 30), {}, "the piece lasts 8.00 s"),
        ("remove", ("drums",), Region("section", name="bridge"), {}, "no section 'bridge'; there are: verse, chorus"),
        ("remove", ("harp",), Region(), {}, "no stem 'harp'; there are: flute, piano, bass, drums"),
        ("add", ("all",), Region(), {"instrument": "violen"}, "unknown instrument 'violen'; nearest: violin"),
        ("remove", ("all",), Region(), {}, "nothing would be left"),
        ("set_tempo", ("all",), Region(), {"amount": 900.0, "unit": "bpm"}, "outside 20 to 400"),
        ("effect", ("all",), Region(), {"value": "purple"}, "there are: warmer"),
        ("set_metre", ("all",), BARS_2_3, {"value": "3/4"}, "whole piece"),
        ("restyle", ("all",), Region(), {"value": "martian"}, "unknown style"),
        ("remove", ("drums",), Region("before", name="piano"), {}, "nothing is before"),
    ],
)
def test_refusals_are_one_clear_line(piece, op, targets, region, fields, message):
    with pytest.raises(PartimentoError, match=message) as error:
        run(piece, op, targets, region, **fields)
    assert "\n" not in str(error.value)


def test_every_operation_has_an_executor(piece):
    from partimento.edit.registry import EXECUTORS, executor

    assert set(EXECUTORS) == set(OPERATIONS)
    with pytest.raises(UnsupportedError, match="cannot be done"):
        executor("translate")


def test_softer_is_less_treble_where_nothing_is_struck():
    at = np.arange(64_000) / 16_000
    waves = (np.sign(np.sin(2 * np.pi * hz * at)) for hz in (110.3, 139.1, 164.2, 220.9))
    sounds = {f"part {i}": Waveform(np.stack([w, w]).astype(np.float32) * 0.05, 16_000) for i, w in enumerate(waves)}
    done = treat("softer", sounds, dict.fromkeys(sounds, "pad"))
    assert done.intent == intents()["softer"].stand_in
    assert {step.effect for steps in done.chains.values() for step in steps} == {"high_shelf", "gain"}
    assert done.after < done.before
    assert done.intent.measure == "centroid_octaves"


def test_sounds_that_may_be_forgotten_come_out_the_same(piece):
    roles = {t.name: t.role for t in piece.score.tracks}
    kept = treat("spacious", dict(piece.stems), roles)
    lent = dict(piece.stems)
    again = treat("spacious", lent, roles, again=lambda: dict(piece.stems))
    assert lent == {}
    assert again.chains == kept.chains
    assert all(same(wave, again.waves[name]) for name, wave in kept.waves.items())


@pytest.mark.parametrize("intent", sorted(intents()))
def test_an_intent_moves_its_figure_and_keeps_the_loudness(piece, intent):
    roles = {t.name: t.role for t in piece.score.tracks}
    chains, line = chains_for(intent, dict(piece.stems), roles)
    figure = MEASURES[intents()[intent].measure][2]
    from partimento.audio.exact import exact_sum

    after = exact_sum({name: chain(piece.stems[name], steps) for name, steps in chains.items()})
    moved = figure(after) - figure(piece.mix)
    assert moved * intents()[intent].change > 0, line
    assert abs(integrated_lufs(after) - integrated_lufs(piece.mix)) < 0.5
