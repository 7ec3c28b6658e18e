"""Fugues and canons: entries, answers, exact imitation, voice leading."""

import itertools

import numpy as np
import pytest

from partimento.compose import compose
from partimento.compose.counterpoint import Line, Slot, write_line
from partimento.compose.frame_build import build_frame
from partimento.compose.fugue import is_imitative
from partimento.compose.harmony_book import numeral
from partimento.compose.subject import make_subject
from partimento.interpret import make_plan
from partimento.interpret.imitation import entry_order, subject_bars
from partimento.metrics import voice_leading
from partimento.plan.request import GenerateRequest
from partimento.score.score import Note
from partimento.score.timing import Key


def score_of(words: str, seed: int = 0, **controls):
    plan = make_plan(GenerateRequest(words=words, **controls))
    return plan, compose(plan, np.random.default_rng(seed))


def entry(notes, start, n):
    return [(round(x.start - start, 4), x.pitch) for x in notes if x.start >= start - 1e-6][:n]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("words", "voices"), [("a fugue in D minor", 4), ("fugue for violin, viola and cello in G major", 3)])
def test_an_exposition_answers_at_the_fifth(words, voices, seed):
    plan, score = score_of(words, seed, bars=16)
    assert len(score.tracks) == voices
    frame = build_frame(plan)
    assert is_imitative(frame)
    step = 4.0 * subject_bars(plan.first_metre)
    order = entry_order(voices)
    first = score.tracks[order[0]].notes
    subject = [(round(n.start, 4), n.pitch) for n in first if n.start < step - 1e-6]
    assert len(subject) >= 6
    for i, voice in enumerate(order):
        line = score.tracks[voice].notes
        assert line[0].start == pytest.approx(step * i)  # silent until it enters with the theme
        theme = entry(line, step * i, len(subject))
        assert [at for at, _ in theme] == [at for at, _ in subject]
        intervals = {(b - a) % 12 for (_, a), (_, b) in zip(subject[1:], theme[1:], strict=True)}
        assert intervals == {7 if i % 2 else 0}
        opening = (theme[0][1] - subject[0][1]) % 12
        assert opening in ((5, 7) if i % 2 else (0,))  # tonal where the subject begins on the dominant


def test_a_fugue_ends_on_its_tonic_with_the_theme_before():
    plan, score = score_of("a fugue in D minor", 3, bars=20)
    names = [s.name for s in plan.sections.value]
    assert (names[0], names[-1]) == ("exposition", "final entry")
    assert "episode" in names
    last = [t.notes[-1] for t in score.tracks]
    assert {n.pitch % 12 for n in last} <= {2, 6, 9}
    assert min(last, key=lambda n: n.pitch).pitch % 12 == 2
    assert score.chords[-1].chord.root == 2


@pytest.mark.parametrize("metre", ["3/4", "6/8", "7/8", "2/4", "5/4"])
def test_other_metres(metre):
    plan, score = score_of("fugue for string quartet", 1, metre=metre, bars=26)
    assert len(score.tracks) == 4
    assert all(n.end <= score.length + 1e-6 for t in score.tracks for n in t.notes)
    assert is_imitative(build_frame(plan))


def test_a_keyboard_plays_all_voices():
    plan, score = score_of("fugue for organ in C major", 1, bars=16)
    assert {p.instrument for p in plan.parts} == {"organ"}
    together = max(
        sum(n.start <= at + 0.01 < n.end for t in score.tracks for n in t.notes) for at in np.arange(32.0, score.length - 6, 1.0)
    )
    assert together >= 4


@pytest.mark.parametrize(("words", "n"), [("canon for two violins in D major", 2), ("卡农，小提琴、中提琴和大提琴", 3)])
def test_a_canon_is_exact(words, n):
    plan, score = score_of(words, 2, bars=16)
    assert len(score.tracks) == n
    delay = 2 * plan.first_metre.bar_quarters
    final = build_frame(plan).final_start
    leader = [(round(x.start, 4), x.pitch) for x in score.tracks[0].notes if x.start < final - 1e-6]
    for voice, track in enumerate(score.tracks[1:], start=1):
        found = [(round(x.start - voice * delay, 4), x.pitch) for x in track.notes if x.start < final - 1e-6]
        assert len({(b - a) % 12 for (_, a), (_, b) in zip(leader, found, strict=False)}) == 1
        assert [at for at, _ in found] == [at for at, _ in leader[: len(found)]]


@pytest.mark.parametrize("seed", [1, 2])
def test_voices_are_led_as_in_real_quartets(seed):
    _, score = score_of("a fugue in G minor", seed, bars=24)
    lines = [tuple(np.array([getattr(n, f) for n in t.notes]) for f in ("start", "duration", "pitch")) for t in score.tracks]
    found = voice_leading.evaluate(lines)
    assert found["parallel_fifths_per_100"] <= 1.3  # the 95th percentile of real quartets
    assert found["parallel_octaves_per_100"] <= 12.0
    assert found["crossing_share"] <= 0.06


def test_same_seed_same_fugue_other_seed_another():
    notes = [[t.notes for t in score_of("a fugue in D minor", seed)[1].tracks] for seed in (1, 1, 2)]
    assert notes[0] == notes[1] != notes[2]


@pytest.mark.parametrize(
    "controls", [{"words": "fugue", "chords": "C | F"}, {"words": "fugue", "bars": 4}, {"words": "fugue, then the drums enter"}]
)
def test_what_is_not_composed_is_said(controls):
    plan = make_plan(GenerateRequest(**controls))
    assert any("imitation is not composed" in r for r in plan.remarks)
    assert not is_imitative(build_frame(plan))


def test_no_imitation_without_the_word():
    assert not is_imitative(build_frame(make_plan(GenerateRequest(words="baroque trio"))))


def test_subjects_are_singable():
    plan = make_plan(GenerateRequest(words="a fugue in D minor"))
    bars = build_frame(plan).bars[:2]
    for seed in range(5):
        subject = make_subject(Key(2, "minor"), bars, np.random.default_rng(seed))
        pitches = [p for _, _, p in subject.notes]
        assert 5 <= max(pitches) - min(pitches) <= 14
        assert sum(d for _, d, _ in subject.notes) == pytest.approx(8.0)
        assert pitches[0] % 12 in (2, 9)


def test_a_line_avoids_parallels_and_crossing():
    key = Key()
    above = Line([Note(float(i), 1.0, p) for i, p in enumerate((72, 74, 76, 77, 76, 74, 72))])
    slots = [Slot(float(i), 1.0, numeral(t, key), key, True) for i, t in enumerate(("I", "V", "I", "IV", "I", "V", "I"))]
    line = write_line(slots, [(above, True)], 55, 76, np.random.default_rng(0))
    for i, (a, b) in enumerate(itertools.pairwise(line)):
        assert a.pitch < above.at(float(i))
        first, second = above.at(float(i)) - a.pitch, above.at(float(i + 1)) - b.pitch
        assert not (first % 12 == second % 12 and first % 12 in (0, 7) and a.pitch != b.pitch)
