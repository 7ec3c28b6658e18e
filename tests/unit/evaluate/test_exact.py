"""The exactness evaluation: requests from progressions, one case all the way, figures and tables."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from partimento.errors import FileError
from partimento.evaluate import exact, exact_cases
from partimento.evaluate.compose_data import Tune
from partimento.evaluate.exact_cases import ExactCase, _case, chord_text, comes_home, held_out_cases, make_cases
from partimento.score.chord_names import make_chord
from partimento.score.chord_text import parse_chords
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre

C, AM, F, G7 = make_chord(0, (0, 4, 7)), make_chord(9, (0, 3, 7)), make_chord(5, (0, 4, 7)), make_chord(7, (0, 4, 7, 10))


def _tune() -> Tune:
    spans = [
        (0, 4, C),
        (4, 8, AM),
        (8, 10, F),
        (10, 12, G7),
        (12, 16, C),
        (16, 19, F),
        (19, 20, G7),
        (20, 24, AM),
        (24, 28, G7),
        (28, 32, C),
    ]
    return Tune(
        name="tune.mxl",
        notes=tuple(Note(float(i), 1.0, 60 + i % 7) for i in range(32)),
        chords=tuple(ChordSpan(float(a), float(b), c) for a, b, c in spans),
        metre=Metre(4, 4),
        key=Key(0, "major"),
        n_bars=8,
        tempo_bpm=120.0,
    )


def test_chord_text_reads_back_to_the_same_chords():
    tune = _tune()
    text = chord_text(tune, 8)
    assert text == "C | Am | F / G7 / | C | F / / G7 | Am | G7 | C"
    bars = parse_chords(text)
    for i, bar in enumerate(bars):
        for slot in bar:
            at = 4.0 * (i + slot.start) + 0.01
            span = next(c for c in tune.chords if c.start <= at < c.end)
            assert slot.chord.root == span.chord.root
            assert slot.chord.intervals == span.chord.intervals
    assert chord_text(tune, 4) == "F / / G7 | Am | G7 | C"


def test_only_tunes_that_come_home_are_taken():
    tune = _tune()
    assert comes_home(tune)
    assert not comes_home(replace(tune, chords=tune.chords[:-1]))
    assert not comes_home(replace(tune, key=Key(0, "minor")))


def _request(style: str = "pop") -> ExactCase:
    return _case(_tune(), style, 3, 0)


def test_requests_are_seeded_and_whole():
    case = _request()
    assert case == _request()
    assert case.bars % case.lane_bars == 0
    assert case.request.tempo_bpm == case.tempo_bpm
    assert case.request.metre == "4/4"
    assert case != _case(_tune(), "pop", 4, 0)


def test_an_empty_folder_is_refused(tmp_path):
    from partimento.errors import FileError

    with pytest.raises(FileError):
        make_cases(tmp_path)


def test_held_out_requests_share_no_sheet_with_the_open_ones(monkeypatch):
    tunes = [replace(_tune(), name=f"{i}.mxl") for i in range(140)]
    monkeypatch.setattr(exact_cases, "_usable", lambda folder, progress: tunes)
    seen, unseen = make_cases(Path("x"), 100), held_out_cases(Path("x"), 100)
    assert {c.sheet for c in unseen} == {f"{i}.mxl" for i in range(100, 140)}
    assert not {c.sheet for c in seen} & {c.sheet for c in unseen}
    assert len({(c.sheet, c.style) for c in unseen}) == 100, "a sheet that comes again comes in another style"
    assert not {c.request.seed for c in seen} & {c.request.seed for c in unseen}
    monkeypatch.setattr(exact_cases, "_usable", lambda folder, progress: tunes[:100])
    with pytest.raises(FileError, match="more sheets"):
        held_out_cases(Path("x"), 1)


def test_one_case_from_the_notes():
    row = exact.run_case(0, _request(), audio=False)
    assert row.failed == ()
    assert row.comb_bpm is None
    evaluation = exact.ExactEvaluation((row,), 0, False)
    assert exact.goals(evaluation) == {
        "score-level checks hold always": True,
        "every chord's bass and third where it starts": True,
    }
    assert "| style |" in exact.to_markdown(evaluation)


@pytest.mark.slow
def test_one_case_with_sound():
    row = exact.run_case(0, _request("waltz"))
    assert abs(row.comb_bpm / row.tempo_bpm - 1) < 0.01
    assert row.chords_block > 0.8
    assert row.chords_mix > 0.7
    assert abs(row.duration_error_s) < 1e-4
    evaluation = exact.ExactEvaluation((row,), 0, True)
    body = json.loads(exact.to_json(evaluation))
    assert body["figures"]["requests"] == 1
    assert body["rows"][0]["sheet"] == "tune.mxl"


def test_a_failed_check_is_counted():
    from partimento.pipeline import compose_score, make_plan

    case = _request()

    def detuned(asked, plan):
        score = compose_score(asked.request)
        bass = next(t for t in score.tracks if t.role == "bass")
        return score.with_track(replace(bass, notes=tuple(replace(n, pitch=n.pitch + 1) for n in bass.notes)))

    row = exact.run_case(0, case, audio=False, planner=lambda c: make_plan(c.request), composer=detuned)
    assert any(text.startswith("chords") for text in row.failed)
    evaluation = exact.ExactEvaluation((row,), 0, False)
    assert not exact.goals(evaluation)["score-level checks hold always"]
    assert "chords" in exact.to_markdown(evaluation)
