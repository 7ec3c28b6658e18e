"""Ways of playing are heard: louder is louder, a drop drops, jazzier has sevenths; what falls silent is silent."""

import numpy as np
import pytest

from partimento.audio.loudness import integrated_lufs
from partimento.edit.execute import execute
from partimento.edit.score_dynamics import SHAPES
from partimento.edit.score_jazz import with_ninth, with_seventh
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.score.chord_text import parse_chords
from partimento.score.text import parse_key

BARS_2_3 = Region("bars", 2, 3)


def run(piece, op, targets=("all",), region=None, **fields):
    plan = EditPlan((EditOperation(op, targets, region or Region(), **fields),))
    return execute(piece, plan, EditRequest("x"))


def chord(text, key="C major"):
    return parse_chords(text, parse_key(key))[0][0].chord


def test_louder_and_softer_playing_is_heard(piece):
    before = integrated_lufs(piece.stems["piano"])
    after = {v: run(piece, "dynamics", ("piano",), value=v).contents for v in ("louder", "softer", "calmer")}
    assert integrated_lufs(after["softer"].stems["piano"]) < before - 1.0
    assert integrated_lufs(after["louder"].stems["piano"]) > before + 1.0
    assert abs(integrated_lufs(after["calmer"].stems["piano"]) - before) < 1.0


@pytest.mark.parametrize("value", SHAPES)
def test_no_way_of_playing_silences_a_part(piece, value):
    after = run(piece, "dynamics", value=value, region=BARS_2_3).contents
    for old, new in zip(piece.score.tracks, after.score.tracks, strict=True):
        assert new.notes
        assert len(new.notes) <= len(old.notes) or value == "build_up"
        assert all(12 <= n.velocity <= 124 or n in old.notes for n in new.notes)


def test_a_drop_holds_its_breath_and_hits(piece):
    after = run(piece, "dynamics", value="drop").contents
    bar = piece.score.bar_span(0)[1]
    assert not any(n.start < bar - 1e-6 for t in after.score.tracks for n in t.notes)
    loud = [np.mean([n.velocity for t in c.score.tracks for n in t.notes if n.start >= bar]) for c in (piece, after)]
    assert loud[1] > loud[0] + 5


def test_jazzier_keeps_the_tune_and_enriches_the_chords(piece):
    after = run(piece, "effect", value="jazzier").contents
    tune = [(n.start, n.pitch, n.duration) for t in piece.score.tracks if t.role == "melody" for n in t.notes]
    assert [(n.start, n.pitch, n.duration) for t in after.score.tracks if t.role == "melody" for n in t.notes] == tune
    tones = [np.mean([len(c.chord.intervals) for c in one.score.chords]) for one in (piece, after)]
    assert tones[1] > tones[0]
    assert not [f for f in after.report.findings if f.verdict == "fail" and f.control in ("chords", "chord tones")]


def test_jazzier_ends_where_all_is_there(piece):
    sevenths = run(piece, "effect", value="jazzier").contents
    ninths = run(sevenths, "effect", value="jazzier").contents
    assert ninths.score.chords != sevenths.score.chords
    with pytest.raises(UnsupportedError, match="already"):
        run(ninths, "effect", value="jazzier")


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("C", "Cmaj7"), ("G", "G7"), ("Am", "Am7"), ("Bdim", "Bm7b5"), ("Bb", "Bbmaj7"), ("E", "E7"), ("C6", "C6")],
)
def test_sevenths_by_function(text, symbol):
    assert with_seventh(chord(text), parse_key("C major")).intervals == chord(symbol).intervals


def test_ninths_only_where_the_scale_has_them():
    key = parse_key("C major")
    assert with_ninth(chord("Dm7"), key).intervals == chord("Dm9").intervals
    assert with_ninth(chord("Em7"), key).intervals == chord("Em7").intervals


def test_silence_reaches_to_the_edges_of_the_region(piece):
    after = run(piece, "remove", ("piano",), BARS_2_3).contents
    start, end = (round(piece.score.tempo_map.seconds(piece.score.bar_starts[b]) * 16_000) for b in (1, 3))
    assert not after.stems["piano"].samples[:, start + 170 : end - 170].any()


def test_a_part_that_only_rings_on_keeps_its_sound_outside(piece):
    short = run(piece, "add", ("pad",), BARS_2_3, instrument="strings").contents
    gone = run(short, "remove", ("string section",), Region("bars", 1, 2))
    rest = run(gone.contents, "remove", ("string section",), Region("seconds", 3.7, 7.0))
    assert all(f.verdict != "fail" for f in (*gone.report.findings, *rest.report.findings))
    start, end = (round(s * 16_000) for s in (3.7, 7.0))
    for part in (slice(0, start), slice(end, None)):
        assert np.array_equal(gone.contents.mix.samples[:, part], rest.contents.mix.samples[:, part])


def test_where_nothing_plays_nothing_is_replaced(piece):
    silent = run(piece, "remove", ("piano",), BARS_2_3).contents
    with pytest.raises(RequestError, match="plays nothing"):
        run(silent, "replace", ("piano",), BARS_2_3, instrument="harp")


def test_in_minor_dominants_keep_their_leading_note(piece):
    chords = run(piece, "set_chords", value="C | D7 | G7 | Am").contents
    minor = run(chords, "set_key", value="C minor").contents
    assert [c.chord.symbol for c in minor.score.chords][:4] == ["Cm", "D7", "G7", "Ab"]
    major = run(minor, "set_key", value="C major").contents
    assert [c.chord.symbol for c in major.score.chords] == [c.chord.symbol for c in chords.score.chords]


def test_a_part_without_a_note_left_keeps_what_rings_on_beside_the_region(piece):
    flute = piece.score.track("flute")
    at = piece.score.tempo_map.seconds
    first, last = flute.notes[0], flute.notes[-1]
    region = Region("seconds", max(0.0, at(first.start) - 0.01), at(last.start) + 0.05)
    after = run(piece, "replace", ("flute",), region, instrument="oboe").contents
    assert not after.score.track("flute").notes
    end = round(region.end * 16_000) + 1
    before = piece.stems["flute"].samples[:, end:]
    assert before.any(), "the last note ends behind the region"
    assert (after.stems["flute"].samples[:, end:] == before).all()
    assert "flute" not in run(piece, "replace", ("flute",), instrument="oboe").contents.stems
