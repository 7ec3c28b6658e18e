"""Parts that double another, one chord in the place of another, less jazz, and places without a name."""

from dataclasses import replace

import pytest

from partimento.edit.execute import execute
from partimento.edit.region import resolve
from partimento.edit.score_jazz import as_triad
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.score.chord_names import parse_chord
from partimento.score.score import Section
from partimento.score.timing import Key


def _edited(piece, *operations):
    return execute(piece, EditPlan(operations), EditRequest("x"))


def _same_stems(before, after, but):
    return all((after.stems[n].samples == s.samples).all() for n, s in before.stems.items() if n not in but)


def test_a_part_doubles_another_an_octave_higher(piece):
    done = _edited(piece, EditOperation("add", (), instrument="glockenspiel", doubles="flute", amount=12.0, unit="semitones"))
    old, new = piece.score.track("flute"), done.contents.score.tracks[-1]
    assert new.instrument == "glockenspiel"
    assert [n.start for n in new.notes] == [n.start for n in old.notes]
    assert {(b.pitch - a.pitch) % 12 for a, b in zip(old.notes, new.notes, strict=True)} == {0}
    assert _same_stems(piece, done.contents, ())
    assert abs(done.contents.stems[new.name].samples).max() > 0


def test_thirds_follow_the_scale_and_stay_in_the_region(piece):
    region = Region("bars", 1, 1)
    operation = EditOperation("add", (), region, "violin", doubles="melody", amount=4.0, unit="semitones")
    done = _edited(piece, operation)
    new = done.contents.score.tracks[-1]
    end = piece.score.bar_span(0)[1]
    assert new.notes
    assert all(n.start < end for n in new.notes)
    key = piece.score.key_at(0.0)
    lines = {round(n.start, 4): n.pitch for n in piece.score.track("flute").notes}
    for note in new.notes:
        model = lines[round(note.start, 4)]
        assert model % 12 not in key.scale or note.pitch % 12 in key.scale


def test_what_cannot_be_doubled_is_said_in_one_line(piece):
    for operation, kind in (
        (EditOperation("add", (), instrument="flute", doubles="drums"), UnsupportedError),
        (EditOperation("add", (), instrument="flute", doubles="harp"), RequestError),
        (EditOperation("add", (), instrument="flute", doubles="bass", amount=99.0, unit="semitones"), RequestError),
    ):
        with pytest.raises(kind) as refused:
            _edited(piece, operation)
        assert "\n" not in str(refused.value)


def test_one_chord_makes_way_for_another(piece):
    old = piece.score.chords[0].chord
    new = f"{old.symbol[:2] if old.symbol[1:2] in ('#', 'b') else old.symbol[:1]}sus4"
    done = _edited(piece, EditOperation("set_chords", ("chords",), Region("bars", 1, 1), value=new, goes="first"))
    after = done.contents.score.chords
    assert after[0].chord.symbol == new
    unchanged = [c for c in piece.score.chords if c.start >= piece.score.bar_span(0)[1] - 1e-6]
    assert list(after[-len(unchanged) :]) == unchanged
    assert (done.contents.stems["drums"].samples == piece.stems["drums"].samples).all()


def test_a_chord_that_is_not_there_is_named_with_those_that_are(piece):
    with pytest.raises(RequestError, match="there are"):
        _edited(piece, EditOperation("set_chords", ("chords",), value="G7", goes="F#dim7"))
    with pytest.raises(RequestError, match="already"):
        symbol = piece.score.chords[0].chord.symbol
        _edited(piece, EditOperation("set_chords", ("chords",), value=symbol, goes=symbol))


def test_jazz_is_taken_back(piece):
    jazzed = _edited(piece, EditOperation("effect", value="jazzier")).contents
    plain = _edited(jazzed, EditOperation("effect", value="plainer")).contents
    assert all(len(c.chord.intervals) <= 3 for c in plain.score.chords)
    assert sum(len(c.chord.intervals) for c in plain.score.chords) < sum(len(c.chord.intervals) for c in jazzed.score.chords)
    with pytest.raises(UnsupportedError, match="already"):
        _edited(plain, EditOperation("effect", value="plainer"))


@pytest.mark.parametrize(("symbol", "triad"), [("G7", "G"), ("Am9", "Am"), ("Cmaj7", "C"), ("Dsus4", "Dsus4"), ("Bm7b5", "Bdim")])
def test_triads(symbol, triad):
    chord, wanted = parse_chord(symbol), parse_chord(triad)
    assert as_triad(chord, Key(0, "major")).intervals == wanted.intervals


def test_sections_are_counted_and_found_between(piece):
    n = piece.score.n_bars
    assert n >= 3
    names = ("verse", "bridge", "chorus")
    edges = (0, 1, 2, n)
    sections = tuple(Section(name, "ABC"[i], edges[i], edges[i + 1] - edges[i]) for i, name in enumerate(names))
    score = replace(piece.score, sections=sections)
    bars = lambda region: [(s.start_bar, s.end_bar) for s in resolve(region, score)]  # noqa: E731
    assert bars(Region("section", which=2)) == [(1, 2)]
    assert bars(Region("section", which=-1)) == [(2, n)]
    verse, chorus = Region("section", name="verse"), Region("section", name="chorus")
    assert bars(Region("between", others=(verse, chorus))) == [(1, 2)]
    assert bars(Region("except", others=(verse, chorus))) == [(1, 2)]
    with pytest.raises(RequestError, match="nothing lies between"):
        bars(Region("between", others=(chorus, verse)))
    with pytest.raises(RequestError, match="number 7"):
        bars(Region("section", which=7))
