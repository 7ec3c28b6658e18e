"""Lengths that are said: so long, so much more, so much less; last notes held; chords counted; pieces of the kit; modes."""

from dataclasses import replace

import pytest

from partimento.edit.change import Piece
from partimento.edit.execute import execute
from partimento.edit.region import resolve
from partimento.edit.registry import executor
from partimento.edit.score_pitch import key_meant
from partimento.edit.wanted_length import wanted_length
from partimento.errors import RequestError
from partimento.interpret.absence import keys_left_out
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.score.score import Note, Section
from partimento.score.timing import Key


def _edited(piece, *operations):
    return execute(piece, EditPlan(operations), EditRequest("x"))


def _score_after(piece, operation, sections=None):
    """The score after an operation, without a sound."""
    score = piece.score if sections is None else replace(piece.score, sections=sections)
    (span,) = resolve(operation.region, score)
    made = Piece(piece.plan, score, piece.request, piece.stems, (0,), lambda: piece.mix)
    return executor(operation.op)(made, operation, span).score


def _halves(piece):
    n = piece.score.n_bars
    return (Section("verse", "a", 0, n // 2), Section("chorus", "b", n // 2, n - n // 2))


@pytest.mark.parametrize(
    ("op", "amount", "unit", "value", "wanted"),
    [
        ("extend", 4.0, "bars", "", 14.0), ("extend", 4.0, "bars", "to", 4.0), ("extend", 1.5, "factor", "", 15.0),
        ("extend", 4.0, "s", "", 12.0), ("trim", 4.0, "bars", "to", 4.0), ("trim", 4.0, "bars", "off", 6.0),
        ("trim", 0.5, "factor", "to", 5.0), ("trim", 0.25, "factor", "off", 7.5), ("trim", 4.0, "bars", "", 4.0),
    ],
)  # fmt: skip
def test_one_reading_of_to_off_and_more(op, amount, unit, value, wanted):
    asked = EditOperation(op, amount=amount, unit=unit, value=value)
    assert wanted_length(asked, 10.0, 1.0, 0.5) == pytest.approx(wanted)


def test_nothing_left_is_refused():
    with pytest.raises(RequestError, match="nothing would be left"):
        wanted_length(EditOperation("trim", amount=12.0, unit="bars", value="off"), 10.0, 1.0, 0.5)
    assert wanted_length(EditOperation("trim"), 10.0, 1.0, 0.5) is None


def test_the_whole_piece_gets_the_length_that_is_said(piece):
    n = piece.score.n_bars
    for op, amount, unit, value, bars in (
        ("extend", n + 3.0, "bars", "to", n + 3), ("extend", 2.0, "bars", "to", 2), ("extend", 3.0, "bars", "", n + 3),
        ("extend", 2.0, "factor", "", 2 * n), ("trim", 1.0, "bars", "off", n - 1), ("trim", 2.0, "bars", "to", 2),
        ("trim", 0.5, "factor", "to", round(n / 2)),
    ):  # fmt: skip
        asked = EditOperation(op, amount=amount, unit=unit, value=value)
        assert _score_after(piece, asked).n_bars == bars, asked


def test_a_section_gets_the_length_that_is_said(piece):
    sections = _halves(piece)
    verse = Region("section", name="verse")
    old = sections[0].n_bars
    for op, amount, unit, value, bars in (
        ("extend", 1.0, "bars", "", old + 1), ("extend", 2.0, "factor", "", 2 * old), ("extend", None, "", "", 2 * old),
        ("trim", 1.0, "bars", "off", old - 1), ("trim", 1.0, "bars", "to", 1), ("trim", None, "", "off", 0),
    ):  # fmt: skip
        after = _score_after(piece, EditOperation(op, region=verse, amount=amount, unit=unit, value=value), sections)
        assert sum(s.n_bars for s in after.sections if s.name == "verse") == bars, (op, amount, unit, value)
        assert after.n_bars == piece.score.n_bars + bars - old


def test_a_length_that_is_there_is_refused(piece):
    with pytest.raises(RequestError, match="already"):
        _score_after(piece, EditOperation("extend", amount=float(piece.score.n_bars), unit="bars", value="to"))


def test_last_notes_are_held_and_the_tempo_stays(piece):
    done = _edited(piece, EditOperation("dynamics", ("flute",), value="held", amount=2.0, unit="bars"))
    old, new = piece.score, done.contents.score
    bar = old.metre.bar_quarters
    last = max(new.track("flute").notes, key=lambda n: n.end)
    assert last.duration == pytest.approx(2 * bar)
    assert new.tempos == old.tempos
    assert new.n_bars >= old.n_bars
    assert new.length >= last.end - 1e-6
    start = round(old.tempo_map.seconds(last.start) * 16_000)
    for name, stem in piece.stems.items():
        assert (done.contents.stems[name].samples[:, :start] == stem.samples[:, :start]).all(), name
    tail = done.contents.stems["flute"].samples[:, piece.stems["flute"].n_samples :]
    assert tail.shape[1] > 0
    assert abs(tail).max() > 1e-3
    assert not [f for f in done.report.findings if f.verdict == "fail"]


def test_shorter_last_notes_need_no_bars(piece):
    done = _edited(piece, EditOperation("dynamics", ("piano",), value="held", amount=0.5, unit="factor"))
    assert done.contents.score.length == piece.score.length
    old, new = (max(s.track("piano").notes, key=lambda n: n.end).duration for s in (piece.score, done.contents.score))
    assert new < old
    assert (done.contents.stems["drums"].samples == piece.stems["drums"].samples).all()


def test_drums_hold_nothing(piece):
    with pytest.raises(RequestError, match="drums"):
        _edited(piece, EditOperation("dynamics", ("drums",), value="held"))


def test_one_chord_by_its_number(piece):
    there = []
    for chord in piece.score.chords:
        if not there or there[-1][1] != chord.chord:
            there.append((chord.start, chord.chord))
    done = _edited(piece, EditOperation("set_chords", ("chords",), value="Abm", goes="2"))
    after = done.contents.score.chord_at(there[1][0])
    assert (after.root, after.intervals[:3]) == (8, (0, 3, 7))
    assert done.contents.score.chord_at(0.0) == piece.score.chord_at(0.0)
    with pytest.raises(RequestError, match="no chord number 99"):
        _edited(piece, EditOperation("set_chords", ("chords",), value="G", goes="99"))


def test_a_piece_of_the_kit_goes_and_the_rest_plays_on(piece):
    keys = keys_left_out(["hi_hat"])
    done = _edited(piece, EditOperation("remove", ("drums",), goes="hi_hat"))
    old, new = piece.score.track("drums").notes, done.contents.score.track("drums").notes
    assert any(n.pitch in keys for n in old)
    assert new == tuple(n for n in old if n.pitch not in keys)
    assert "hi_hat" in {a.value for a in done.contents.plan.absent}
    assert (done.contents.stems["piano"].samples == piece.stems["piano"].samples).all()
    inside = _edited(piece, EditOperation("mute_region", ("drums",), Region("bars", 2, 2), goes="hi_hat"))
    bars = {piece.score.bar_at(n.start) for n in inside.contents.score.track("drums").notes if n.pitch in keys}
    assert 1 not in bars
    assert bars
    with pytest.raises(RequestError, match="no hi-hat"):
        _edited(done.contents, EditOperation("remove", ("drums",), goes="hi_hat"))


def test_modes_are_seen_from_the_key_that_is_there():
    assert key_meant("minor", Key(0, "major")) == Key(0, "minor")
    assert key_meant("relative", Key(0, "major")) == Key(9, "minor")
    assert key_meant("relative", Key(9, "minor")) == Key(0, "major")
    assert key_meant("D minor", Key(0, "major")) == Key(2, "minor")


def test_minor_and_relative_are_done(piece):
    key = piece.score.key
    other = "minor" if key.mode == "major" else "major"
    assert _edited(piece, EditOperation("set_key", value=other)).contents.score.key == Key(key.tonic, other)
    assert _edited(piece, EditOperation("set_key", value="relative")).contents.score.key == key_meant("relative", key)


def test_the_report_says_what_stands_in(piece):
    done = _edited(piece, EditOperation("replace", ("flute",), instrument="harmonica", stands_for="kazoo"))
    assert any("kazoo" in line and "harmonica" in line for line in done.changed)
    assert any("kazoo" in f.heard for f in done.report.findings)


def test_where_nothing_else_accompanies_what_answers_the_tune_is_thinned(piece):
    flute, bass = piece.score.track("flute"), piece.score.track("bass")
    eighths = tuple(Note(i / 2.0, 0.5, 60, 80) for i in range(16))
    halves = tuple(Note(2.0 * i, 2.0, 48, 80) for i in range(4))
    tracks = (flute, replace(flute, name="violin 2", role="counter", notes=eighths), replace(bass, notes=halves))
    score = replace(piece.score, tracks=tracks)
    (span,) = resolve(Region(), score)
    change = executor("dynamics")(Piece(piece.plan, score, None, {}, (0,)), EditOperation("dynamics", value="sparser"), span)
    assert change.rendered == ("violin 2",)
    assert len(change.score.track("violin 2").notes) == 8
    assert change.score.track("flute") == flute
