"""Parts at a side, parts that change places, sections that go or come again, sparser and busier, behind and ahead of the beat."""

import numpy as np
import pytest

from partimento.edit.execute import execute
from partimento.edit.score_pan import place_of
from partimento.errors import PartimentoError, RequestError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region


def _edit(piece, *operations):
    return execute(piece, EditPlan(operations), EditRequest("as asked"))


def _same(piece, after, names):
    return all(np.array_equal(piece.stems[n].samples, after.stems[n].samples) for n in names)


def test_a_part_goes_where_it_is_sent_and_the_others_stay(piece):
    for amount in (-1.0, -0.4, 0.5):
        done = _edit(piece, EditOperation("pan", ("piano",), amount=amount, unit="position"))
        assert place_of(done.contents.stems["piano"]) == pytest.approx(amount, abs=0.03)
        assert _same(piece, done.contents, ("flute", "bass", "drums"))
        old, new = (float(np.mean(c.stems["piano"].samples ** 2)) for c in (piece, done.contents))
        assert 10 * abs(np.log10(new / old)) < 0.5
        assert not [f for f in done.report.findings if f.verdict == "fail"]


def test_a_part_that_is_there_already_or_nowhere_is_told(piece):
    with pytest.raises(PartimentoError, match="already"):
        _edit(piece, EditOperation("pan", ("bass",), amount=0.0, unit="position"))
    with pytest.raises(RequestError, match="-1"):
        _edit(piece, EditOperation("pan", ("bass",), amount=1.5, unit="position"))


def test_two_parts_trade_their_notes(piece):
    after = _edit(piece, EditOperation("trade", ("flute", "piano"))).contents
    onsets = {t.name: {round(n.start, 3) for n in t.notes} for t in piece.score.tracks}
    now = {t.name: {round(n.start, 3) for n in t.notes} for t in after.score.tracks}
    assert now["piano"] == onsets["flute"]
    assert now["flute"] == onsets["piano"]
    assert after.score.track("piano").role == piece.score.track("flute").role
    assert _same(piece, after, ("bass", "drums"))
    with pytest.raises(RequestError, match="drums"):
        _edit(piece, EditOperation("trade", ("flute", "drums")))


def test_bars_are_played_again_elsewhere(piece):
    n = piece.score.n_bars
    after = _edit(piece, EditOperation("copy", region=Region("bars", 1, 1), to=Region("before", float(n)))).contents
    assert after.score.n_bars == n + 1
    size = piece.score.metre.bar_quarters
    first = [(round(x.start, 3), x.pitch) for x in piece.score.track("bass").notes if x.start < size - 1e-6]
    again = [
        (round(x.start - (n - 1) * size, 3), x.pitch)
        for x in after.score.track("bass").notes
        if (n - 1) * size - 1e-6 <= x.start < n * size - 1e-6
    ]
    assert again == first
    end = round(piece.score.tempo_map.seconds(piece.score.bar_starts[n - 1]) * 16_000)
    assert all(np.array_equal(piece.stems[k].samples[:, :end], after.stems[k].samples[:, :end]) for k in piece.stems)


def test_bars_move_and_the_length_stays(piece):
    n = piece.score.n_bars
    done = _edit(piece, EditOperation("move", region=Region("bars", 2, 2), to=Region("first_bars", 4.0)))
    assert done.contents.score.n_bars == n
    assert done.contents.mix.n_samples == piece.mix.n_samples
    assert not [f for f in done.report.findings if f.verdict == "fail"]
    with pytest.raises(RequestError, match="there already"):
        _edit(piece, EditOperation("move", region=Region("bars", 2, 2), to=Region("before", 2.0)))
    with pytest.raises(RequestError, match="where"):
        _edit(piece, EditOperation("move", region=Region("bars", 2, 2)))
    with pytest.raises(RequestError, match="which"):
        _edit(piece, EditOperation("copy", to=Region("last_bars", 4.0)))


@pytest.mark.parametrize("first", [1, 3])
def test_a_last_bar_that_is_cut_short_does_not_spoil_what_is_played_again_at_the_end(piece, first):
    score = piece.score
    assert score.length < score.bar_starts[-1] + score.metre.bar_quarters
    done = _edit(piece, EditOperation("copy", region=Region("bars", first, first + 1), to=Region("last_bars", 4.0)))
    assert done.contents.score.n_bars == score.n_bars + 2
    kept = [f for f in done.report.findings if f.control.startswith("kept")]
    assert [f.verdict for f in kept] == ["pass"] * len(piece.stems)


def test_sparser_and_busier_change_the_accompaniment_only(piece):
    def count(contents):
        return sum(len(t.notes) for t in contents.score.tracks)

    fewer, more = (_edit(piece, EditOperation("dynamics", value=v)).contents for v in ("sparser", "busier"))
    assert count(fewer) < count(piece) < count(more)
    assert _same(piece, fewer, ("flute",))
    assert _same(piece, more, ("flute",))


def test_laid_back_is_late_and_pushed_early_against_the_drums(piece):
    def lateness(contents):
        return np.mean([n.nudge_s for t in contents.score.tracks if not t.is_drum for n in t.notes])

    late, early = (_edit(piece, EditOperation("dynamics", value=v)).contents for v in ("laid_back", "pushed"))
    assert lateness(early) < lateness(piece) - 0.01 < lateness(piece) + 0.01 < lateness(late)
    assert _same(piece, late, ("drums",))


def test_from_a_section_on_is_to_the_end(piece):
    from partimento.edit.region import resolve

    name = piece.score.sections[-1].name
    (span,) = resolve(Region("from", name=name, which=-1), piece.score)
    assert span.end_bar == piece.score.n_bars
