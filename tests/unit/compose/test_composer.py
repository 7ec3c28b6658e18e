from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from partimento.compose import compose
from partimento.compose.frame import Sketch
from partimento.compose.frame_build import build_frame
from partimento.compose.harmony import write_chords
from partimento.compose.lead import lead_tracks
from partimento.compose.melody import write_melody
from partimento.plan.plan import BarRange, Origin, PartPlan
from partimento.score.instruments import instrument
from partimento.score.timing import Key
from partimento.styles import style_ids


def melodic(name, *active, **fields):
    ranges = tuple(BarRange(a, b) for a, b in active) or (BarRange(0, 16),)
    return PartPlan(name, name, "melody", Origin.SAID, ranges, **fields)


def leads_of(plan, seed=0):
    frame = build_frame(plan)
    rng = np.random.default_rng(seed)
    chords = write_chords(frame, rng)
    phrases, melody = write_melody(frame, chords, rng)
    sketch = Sketch(frame, chords, phrases, melody)
    return sketch, {track.name: track for track in lead_tracks(sketch, rng)}


@pytest.mark.parametrize("style_id", style_ids())
def test_every_style_composes_all_its_parts_for_exactly_the_duration(plan_of, style_id):
    plan = plan_of(style_id, sections="A:a:4:0.4 B:b:4:0.9", bpm=110.0, duration_s=17.3)
    score = compose(plan, np.random.default_rng(2))
    assert score.duration_s == pytest.approx(17.3, abs=1e-9)
    assert [t.name for t in score.tracks] == [p.name for p in plan.parts]
    assert all(n.end <= score.length + 1e-6 for t in score.tracks for n in t.notes)
    assert score.n_bars == len(build_frame(plan).bars)
    last = max(n.start for t in score.tracks for n in t.notes)
    assert score.tempo_map.seconds(last) >= 0.85 * 17.3


def test_same_seed_same_score(plan_of):
    plan = plan_of("jazz", key=Key(5, "major"))
    assert compose(plan, np.random.default_rng(9)) == compose(plan, np.random.default_rng(9))
    assert compose(plan, np.random.default_rng(9)) != compose(plan, np.random.default_rng(10))


def test_score_does_not_depend_on_the_hash_seed():
    code = (
        "import hashlib, numpy as np\n"
        "from partimento.compose import compose_lead_sheet\n"
        "from partimento.score.chord_names import parse_chord\n"
        "from partimento.score.score import ChordSpan\n"
        "from partimento.score.timing import Key, Metre\n"
        "spans = tuple(ChordSpan(4.0*i, 4.0*i+4, parse_chord(c)) for i, c in enumerate('C F G7 C'.split()))\n"
        "tune = compose_lead_sheet(spans, Metre(4, 4), Key(0, 'major'), 4, 120.0, np.random.default_rng(1))\n"
        "tune = compose_lead_sheet(spans, Metre(4, 4), Key(0, 'major'), 4, 120.0, np.random.default_rng(1))\n"
        "print(hashlib.sha256(repr(tune).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(runs) == 1


def test_one_lead_plays_the_whole_tune_in_its_range(plan_of):
    for name in ("double_bass", "piccolo", "tuba", "voice", "glockenspiel"):
        sketch, tracks = leads_of(plan_of(parts=(melodic(name),)))
        assert [n.start for n in tracks[name].notes] == [n.start for n in sketch.melody]
        low, high = instrument(name).range
        assert all(low <= n.pitch <= high for n in tracks[name].notes)


def test_two_leads_take_turns_in_quiet_sections(plan_of):
    sketch, tracks = leads_of(plan_of(sections="A:a:16:0.4", parts=(melodic("flute"), melodic("violin"))))
    flute = {n.start for n in tracks["flute"].notes}
    violin = {n.start for n in tracks["violin"].notes}
    assert flute
    assert violin
    assert not flute & violin
    assert flute | violin == {n.start for n in sketch.melody}


def test_solo_is_played_alone(plan_of):
    _sketch, tracks = leads_of(
        plan_of(sections="A:a:16:0.9", parts=(melodic("flute"), melodic("violin", solo=(BarRange(8, 12),))))
    )
    inside = [n for n in tracks["flute"].notes if 32.0 <= n.start < 48.0]
    assert inside == []
    assert [n for n in tracks["violin"].notes if 32.0 <= n.start < 48.0]


def test_a_part_plays_only_in_its_active_bars_and_is_heard_there(plan_of):
    _sketch, tracks = leads_of(plan_of(parts=(melodic("flute", (0, 8)), melodic("violin", (8, 16)), melodic("oboe", (12, 16)))))
    assert all(n.end <= 32.0 + 1e-6 for n in tracks["flute"].notes)
    assert all(n.start >= 32.0 for n in tracks["violin"].notes)
    assert all(n.start >= 48.0 for n in tracks["oboe"].notes)
    assert all(tracks[name].notes for name in ("flute", "violin", "oboe"))


@pytest.mark.parametrize(
    ("words", "seconds", "tempo_bpm", "metre"),
    [
        ("happy pop song", 8.0, 97.0, "3/4"),
        ("rock with drums", 5.0, 50.0, "4/4"),
        ("piano starts, then drums enter", 2.0, 97.0, "6/8"),
        ("string quartet", 5.0, 50.0, "7/8"),
        ("epic orchestral music", 2.0, 50.0, "4/4"),
        ("ambient with a fade-out", 5.0, 97.0, "7/8"),
        ("a funky loop", 3.0, 200.0, "4/4"),
    ],
)
def test_very_short_pieces_keep_all_that_is_asked(words, seconds, tempo_bpm, metre):
    from partimento.interpret import make_plan
    from partimento.plan.request import GenerateRequest
    from partimento.report.score_checks import check_score

    plan = make_plan(GenerateRequest(words=words, duration_s=seconds, tempo_bpm=tempo_bpm, metre=metre))
    score = compose(plan, np.random.default_rng(5))
    assert score.n_bars == plan.n_bars.value
    assert score.duration_s == pytest.approx(seconds)
    assert [f for f in check_score(plan, score) if f.verdict == "fail"] == []
