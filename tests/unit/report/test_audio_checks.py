"""Audio-level checks on a rendered score: passing when it keeps the plan, failing when it does not."""

from dataclasses import replace

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.plan.plan import KeyAt, Origin, TempoAt, Value
from partimento.plan.result import Performance, Report
from partimento.plan.serial import from_json, to_json
from partimento.report import make_report, report_table
from partimento.report.audio_checks import check_audio
from partimento.score.mix import mix
from partimento.score.sampler import render_tracks
from partimento.score.timing import Key, TempoPoint


def render(score):
    mixed = mix(score, render_tracks(score))
    return Performance(mixed.audio, mixed.stems, score)


_CACHE = {}


@pytest.fixture
def performance(score):
    """The score of the conftest, rendered once."""
    if "kept" not in _CACHE:
        _CACHE["kept"] = render(score)
    return _CACHE["kept"]


def findings(plan, performance):
    return {f.control: f for f in check_audio(plan, performance)}


def test_a_faithful_performance(plan, performance):
    found = findings(plan, performance)
    assert [f for f in found.values() if f.verdict == "fail"] == []
    assert found["tempo"].value == pytest.approx(120.0, rel=0.003)
    assert found["tempo (beats)"].value == pytest.approx(120.0, rel=0.003)
    assert found["chords"].value > 0.85
    assert found["key"].verdict == "pass"
    assert found["section energy"].value > 0.9
    for control in ("duration", "loudness", "true peak", "stems", "faults", "instrument: violin", "ending"):
        assert found[control].verdict == "pass"


def test_wrong_tempo_is_heard(plan, score):
    slow = render(replace(score, tempos=(TempoPoint(0.0, 116.0),)))
    found = findings(plan, slow)
    assert found["tempo"].verdict == "fail"
    assert found["tempo"].value == pytest.approx(116.0, rel=0.003)
    assert found["tempo (beats)"].verdict == "fail"
    assert found["duration"].verdict == "fail"


def test_far_off_tempo_is_not_hidden_behind_not_measurable(plan, score):
    slow = render(replace(score, tempos=(TempoPoint(0.0, 87.0),)))
    assert findings(plan, slow)["tempo"].verdict == "fail"


def test_changing_tempo_is_measured_against_its_own_course(plan, score):
    points = (TempoAt(0.0, 100.0), TempoAt(8.0, 140.0, ramp=True))
    ramped = replace(plan, tempo=Value(points, Origin.SAID))
    steps = tuple(TempoPoint(q * 0.5, 100.0 + 40.0 * (q + 0.5) / 64.0) for q in range(64))
    found = findings(ramped, render(replace(score, tempos=steps)))
    assert found["tempo"].verdict == "pass"
    assert found["tempo"].value == pytest.approx(100.0, rel=0.005)
    assert found["tempo (beats)"].verdict == "not measurable"


def test_wrong_chords_and_key_are_heard(plan, score, bend):
    wrong = score
    for name in ("piano", "bass", "violin"):
        wrong = bend(wrong, name, lambda n: replace(n, pitch=n.pitch + 3))
    found = findings(plan, render(wrong))
    assert found["chords"].verdict == "fail"
    assert found["key"].verdict == "fail"


def test_neighbouring_key_is_not_decided_by_ear(plan, performance):
    relative = replace(plan, key=Value((KeyAt(0.0, Key(9, "minor")),), Origin.GIVEN))
    assert findings(relative, performance)["key"].verdict == "not measurable"


def test_stem_where_it_should_be_silent(plan, score, bend):
    early = bend(score, "violin", lambda n: replace(n, start=n.start - 12))
    found = findings(plan, render(early))
    assert found["instrument: violin"].verdict == "fail"
    assert "outside its bars" in found["instrument: violin"].heard


def test_missing_and_late_stems(plan, performance):
    without = replace(performance, stems={k: v for k, v in performance.stems.items() if k != "violin"})
    found = findings(plan, without)
    assert found["instrument: violin"].heard == "no such stem"
    assert found["stems"].verdict == "fail"
    violin = performance.stems["violin"]
    late = violin.samples.copy()
    late[:, : int(12.5 * violin.sample_rate)] = 0
    stems = {**performance.stems, "violin": Waveform(late, violin.sample_rate)}
    assert findings(plan, replace(performance, stems=stems))["instrument: violin"].verdict == "fail"


def test_level_and_faults(plan, performance):
    loud = Waveform(np.clip(performance.audio.samples * 8, -1, 1), performance.audio.sample_rate)
    found = findings(plan, replace(performance, audio=loud))
    assert found["loudness"].verdict == "fail"
    assert found["true peak"].verdict == "fail"
    assert "clipped" in found["faults"].heard


def test_silence_is_a_failure(plan, performance):
    silent = Waveform(np.zeros_like(performance.audio.samples), performance.audio.sample_rate)
    found = findings(plan, Performance(silent))
    assert found["faults"].verdict == "fail"
    assert found["loudness"].verdict == "fail"
    assert found["chords"].verdict == "fail"
    assert found["instruments"].verdict == "not measurable"


def test_report_table_and_json(plan, performance):
    report = make_report(plan, performance)
    assert report.passed
    table = report_table(report)
    assert "notes" in table
    assert "sound" in table
    assert table.splitlines()[-1].startswith(f"{sum(f.verdict == 'pass' for f in report.findings)} passed, 0 failed")
    assert from_json(to_json(report), Report) == report
    assert "comb search" in report_table(report, how=True)
    notes_only = make_report(plan, performance, audio_level=False)
    assert {f.level for f in notes_only.findings} == {"score"}
    assert make_report(plan, performance) == report


def test_wide_characters_keep_the_columns(plan, performance):
    chinese = replace(plan, unknown=("莫名其妙",), style_label="流行")
    from partimento.tables import display_width

    lines = report_table(make_report(chinese, performance, audio_level=False)).splitlines()
    column = display_width(lines[0][: lines[0].index("asked")])
    row = next(line for line in lines if "莫名其妙" in line)
    assert display_width(row[: row.index("莫名其妙")]) == column
