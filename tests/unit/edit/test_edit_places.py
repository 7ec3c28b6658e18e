"""Where and what an edit touches: seconds from the end, beside sections, parts that are spared, roles without a player."""

from dataclasses import replace

import pytest

from partimento.edit.execute import execute
from partimento.edit.region import resolve
from partimento.edit.targets import tracks_of, without_spared
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.score.score import ROLES, Section


def test_seconds_from_the_end(piece) -> None:
    score = piece.score
    (span,) = resolve(Region("seconds", -2.0), score)
    assert span.start_s == pytest.approx(score.duration_s - 2.0, abs=1e-3)
    assert span.end_s == pytest.approx(score.duration_s)
    with pytest.raises(RequestError, match="lasts"):
        resolve(Region("seconds", -score.duration_s - 1.0), score)


def test_beside_a_section(piece) -> None:
    score = piece.score
    first, last = score.sections[0], score.sections[-1]
    with pytest.raises(RequestError, match="nothing is before"):
        resolve(Region("before", name=first.name), score)
    with pytest.raises(RequestError, match="nothing is after"):
        resolve(Region("after", name=last.name), score)
    if len(score.sections) > 1:
        (span,) = resolve(Region("after", name=first.name, which=1), score)
        assert (span.start_bar, span.end_bar) == (first.end_bar, score.n_bars)


def test_a_place_that_is_not_there_names_those_that_are(piece) -> None:
    for region in (Region("section", name="bridge"), Region("after", name="bridge")):
        with pytest.raises(RequestError) as refused:
            resolve(region, piece.score)
        assert piece.score.sections[0].name in str(refused.value)
        assert "\n" not in str(refused.value)


def test_spared_parts_are_left_out(piece) -> None:
    everything = EditOperation("gain", ("all",), amount=-6.0, unit="dB", spare=("drums", "kazoo"))
    left = without_spared(everything, piece.score).targets
    assert set(left) == set(tracks_of(("all",), piece.score)) - set(tracks_of(("drums",), piece.score))
    with pytest.raises(RequestError, match="nothing is left"):
        without_spared(EditOperation("gain", ("drums",), amount=-6.0, spare=("drums",)), piece.score)
    tempo = EditOperation("set_tempo", amount=90.0, unit="bpm", spare=("drums",))
    assert without_spared(tempo, piece.score) == tempo


def test_a_role_without_an_instrument_finds_a_player(piece) -> None:
    edited = execute(piece, EditPlan((EditOperation("add", ("pad",), instrument=""),)), EditRequest("add pads"))
    new = [t for t in edited.contents.score.tracks if t.name not in {o.name for o in piece.score.tracks}]
    assert [t.role for t in new] == ["pad"]
    assert new[0].notes
    assert "pad" in ROLES


def test_all_but_a_place(piece) -> None:
    score = piece.score
    n = score.n_bars
    (rest,) = resolve(Region("except", start=-1.0), score)
    assert (rest.start_bar, rest.end_bar) == (0, n - 1)
    spans = resolve(Region("except", start=2.0, end=2.0), score)
    assert [(s.start_bar, s.end_bar) for s in spans] == [(0, 1), (2, n)]
    with pytest.raises(RequestError, match="nothing is left"):
        resolve(Region("except", start=1.0, end=float(n)), score)


def test_just_before_a_section(piece) -> None:
    n = piece.score.n_bars
    middle = tuple(Section(name, a, b, name) for name, a, b in (("verse", 0, 2), ("chorus", 2, n - 2)))
    score = replace(piece.score, sections=middle)
    (bar,) = resolve(Region("before", start=1.0, name="chorus", which=-1), score)
    assert (bar.start_bar, bar.end_bar) == (1, 2)
    (beat,) = resolve(Region("before", end=1.0, name="chorus"), score)
    assert (beat.start, beat.end) == (bar.end - 1.0, bar.end)
    for region in (Region("before", start=9.0, name="chorus"), Region("before", end=9.0, name="chorus")):
        with pytest.raises(RequestError, match="before it"):
            resolve(region, score)
