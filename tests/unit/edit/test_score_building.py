"""Build-ups end above what was there, accents strike, eighths swing at a ratio, tempo moves gradually, misses are told."""

import re

import numpy as np
import pytest

from partimento.audio.loudness import true_peak_dbtp
from partimento.edit.ceiling import MAX_LIMITED_DB, MAX_TRUE_PEAK_DBTP
from partimento.edit.execute import execute
from partimento.edit.region import resolve
from partimento.edit.score_swing import swing_ratio
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region


def run(piece, op, targets=("all",), region=None, **fields):
    plan = EditPlan((EditOperation(op, targets, region or Region(), **fields),))
    return execute(piece, plan, EditRequest("x"))


def notes_in(contents, name, low, high):
    return [n for n in contents.score.track(name).notes if low <= n.start < high]


@pytest.mark.parametrize("region", [Region("last_bars", 1), Region("bars", 1, 3), Region()])
def test_a_build_up_ends_louder_than_it_was(piece, region):
    done = run(piece, "dynamics", value="build_up", region=region)
    low, high = 0.0, piece.score.length
    if region.kind == "last_bars":
        low, high = piece.score.bar_starts[max(0, piece.score.n_bars - 5)], piece.score.bar_starts[-1]
    if region.kind == "bars":
        low, high = 0.0, piece.score.bar_starts[3]
    for track in piece.score.tracks:
        old = [n for n in track.notes if low <= n.start < high]
        new = notes_in(done.contents, track.name, low, high)
        if old and not track.is_drum:
            assert new[0].velocity < old[0].velocity
            assert new[-1].velocity >= old[-1].velocity
    assert len(notes_in(done.contents, "drums", low, high)) > len(notes_in(piece, "drums", low, high))
    finding = next(f for f in done.report.findings if f.control == "louder: build up")
    assert finding.verdict == "pass"
    assert finding.value > 0.5


@pytest.mark.parametrize(
    ("words", "region", "first", "end"),
    [
        ("a snare roll build-up before the last bar", Region("last_bars", 1), -5, -1),
        ("build up to the last bar", Region("last_bars", 1), -5, -1),
        ("a build-up in the last bar", Region("last_bars", 1), -1, None),
        ("a build-up before bar 4", Region("bars", 1, 3), 0, 3),
        ("在最后一小节之前加一段军鼓渐强", Region("last_bars", 1), -5, -1),
    ],
)
def test_where_a_build_up_arrives_nothing_changes(piece, words, region, first, end):
    done = run(piece, "dynamics", value="build_up", region=region, words=(words,))
    n_bars = piece.score.n_bars
    low = piece.score.bar_starts[max(0, n_bars + first if first < 0 else first)]
    high = piece.score.length if end is None else piece.score.bar_starts[n_bars + end if end < 0 else end]
    for old, new in zip(piece.score.tracks, done.contents.score.tracks, strict=True):
        assert [n for n in new.notes if not low <= n.start < high] == [n for n in old.notes if not low <= n.start < high]
    for line in (line for line in done.changed if "builds up" in line):
        before, after = (re.findall(r"\d+", part) for part in line.split("velocity ")[1].split(", and")[0].split("→"))
        assert int(after[0]) < int(before[0])
        assert len(after) == 1 or int(after[1]) > int(before[1])
    assert end is None or any("–" in line for line in done.changed if "builds up" in line)


def test_an_accent_is_louder_and_fuller_and_nothing_else_changes(piece):
    done = run(piece, "dynamics", ("piano",), Region("bars", 2, 2), value="accent")
    low, high = piece.score.bar_span(1)
    old, new = notes_in(piece, "piano", low, high), notes_in(done.contents, "piano", low, high)
    assert len(new) > len(old)
    assert np.mean([n.velocity for n in new]) > np.mean([n.velocity for n in old]) + 8
    assert all(21 <= n.pitch <= 108 for n in new)
    assert {f.control for f in done.report.findings if f.heard.startswith("all ")} == {
        f"unchanged: {t.name}" for t in piece.score.tracks if t.name != "piano"
    }


def test_eighths_swing_and_come_back(piece):
    swung = run(piece, "dynamics", value="swing")
    names = tuple(t.name for t in piece.score.tracks)
    (span,) = resolve(Region(), piece.score)
    assert swing_ratio(swung.contents.score, names, span) == pytest.approx(2.0, abs=0.1)
    assert any("swing ratio" in line and "→ 2.0" in line for line in swung.changed)
    back = run(swung.contents, "dynamics", value="straight")
    assert swing_ratio(back.contents.score, names, span) == pytest.approx(1.0, abs=0.1)
    with pytest.raises(UnsupportedError, match="already"):
        run(back.contents, "dynamics", value="straight")


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a_tempo_moves_gradually_and_what_lies_before_stays(piece, factor):
    region = Region("last_bars", 2)
    done = run(piece, "set_tempo", region=region, value="gradually", amount=factor, unit="factor")
    (span,) = resolve(region, piece.score)
    inside = [p.bpm for p in done.contents.score.tempos if p.at >= span.start - 1e-6]
    assert len(inside) >= span.end - span.start
    assert inside == sorted(inside, reverse=factor < 1)
    assert inside[-1] == pytest.approx(factor * piece.score.tempo_bpm, rel=0.05)
    first = span.samples(16_000)[0]
    assert np.array_equal(done.contents.mix.samples[:, :first], piece.mix.samples[:, :first])
    assert any("gradually" in line for line in done.changed)


def test_a_gain_that_does_not_fit_is_a_miss(piece):
    done = run(piece, "gain", ("piano",), amount=24.0, unit="dB")
    missed = [f for f in done.report.findings if f.verdict == "fail"]
    assert {f.control for f in missed} == {"edit: gain", "gain: piano"}
    assert all("not fully: asked +24.0 dB" in f.heard for f in missed)
    assert np.array_equal(done.contents.stems["bass"].samples, piece.stems["bass"].samples)
    assert true_peak_dbtp(done.contents.mix) <= max(MAX_TRUE_PEAK_DBTP, true_peak_dbtp(piece.mix)) + 0.02


def test_short_peaks_give_way_before_the_level_does(piece):
    # The parent's own peaks are rounded already: 3 dB more would take energy away, and the report would say so.
    done = run(piece, "gain", amount=MAX_LIMITED_DB - 2.0, unit="dB")
    assert not [f for f in done.report.findings if f.verdict == "fail" and f.control.startswith(("gain", "edit"))]
    assert true_peak_dbtp(done.contents.mix) <= max(MAX_TRUE_PEAK_DBTP, true_peak_dbtp(piece.mix)) + 0.02


def test_a_solo_is_a_line_of_its_own_over_the_chords(piece):
    done = run(piece, "add", ("melody",), Region("bars", 2, 3), instrument="guitar", words=("guitar solo",))
    low, high = piece.score.bar_starts[1], piece.score.bar_starts[3]
    solo = notes_in(done.contents, "guitar", 0.0, piece.score.length)
    assert solo
    assert all(low <= n.start < high and 40 <= n.pitch <= 88 for n in solo)
    flute = piece.score.track("flute").notes
    assert not notes_in(done.contents, "flute", low, high)
    assert [n for n in done.contents.score.track("flute").notes if n.start >= high] == [n for n in flute if n.start >= high]
    tune = {(n.start, n.pitch % 12) for n in flute if low <= n.start < high}
    assert {(n.start, n.pitch % 12) for n in solo} != tune
    assert not [f for f in done.report.findings if f.verdict == "fail"]


def test_what_reaches_the_end_is_repeated_before_it(piece):
    n = piece.score.n_bars
    done = run(piece, "extend", region=Region("last_bars", 2), amount=2.0, unit="factor", words=("repeat the end",))
    assert done.contents.score.n_bars == n + 2
    end = piece.score.bar_starts[n - 2]
    moved = [(n.start + 8.0, n.pitch) for n in piece.score.track("bass").notes if n.start >= end]
    last = done.contents.score.bar_starts[n]
    assert [(m.start, m.pitch) for m in done.contents.score.track("bass").notes if m.start >= last] == moved
