"""What was asked is measured: honest edits pass, missing ones are found; intents are summed and told."""

from dataclasses import replace

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.edit.execute import execute
from partimento.edit.intents import intents
from partimento.edit.registry import IN_NOTES, WAYS
from partimento.edit.score_dynamics import SHAPES
from partimento.evaluate import edits
from partimento.evaluate.edits_asked import ASKED_OPS, measured
from partimento.evaluate.edits_cases import generator, random_case
from partimento.evaluate.edits_intents import PLAYED, IntentRow, run_piece, summed
from partimento.evaluate.edits_null import History, NullRow
from partimento.pipeline import generate
from partimento.plan.edit import EditRequest
from partimento.plan.request import GenerateRequest
from partimento.sessions import contents_of


@pytest.fixture(scope="module")
def piece():
    request = GenerateRequest("pop with flute, piano, bass and drums", bars=8, seed=3, sample_rate=16_000)
    return contents_of(generate(request, audio_report=False))


def made(piece, op, n=0):
    case = random_case(piece.score, generator(n), (op,))
    return case, execute(piece, case.plan, EditRequest("x")).contents


@pytest.mark.parametrize("op", ASKED_OPS)
def test_honest_edits_hold_and_missing_ones_are_found(piece, op):
    case, after = made(piece, op)
    assert measured(0, case, piece, after).faults == ()
    assert measured(0, case, piece, piece).faults


def test_a_removed_part_that_still_rings_is_found(piece):
    case, after = made(piece, "remove", 2)
    (low, _), *_ = case.spans_s or ((0.0, 0.0),)
    name = next(iter(case.named))
    noise = np.zeros_like(piece.stems[name].samples)
    noise[:, round(low * 16_000) + 4000 : round(low * 16_000) + 4100] = 0.01
    spoilt = replace(after, stems={**after.stems, name: Waveform(noise, 16_000)})
    assert any("still" in fault for fault in measured(0, case, piece, spoilt).faults)


def test_every_way_of_playing_has_a_measure():
    one_beat_or_feel = {"accent", "held", "swing", "straight", "plainer"}  # of a place or a feel; measured in their own tests
    assert set(PLAYED) == {*SHAPES, *WAYS, *IN_NOTES} - one_beat_or_feel


@pytest.mark.slow
def test_every_intent_on_a_piece():
    rows = run_piece(1, 3)
    assert {r.intent for r in rows} == {*intents(), *PLAYED}
    assert np.mean([r.good for r in rows]) > 0.9


def row(**fields):
    base = IntentRow("piece 0", "effect", "warmer", "low/high ratio", "dB", 2.0, 2.0, 0.1, -1.0, True)
    return replace(base, **fields)


def test_a_row_is_good_only_when_all_holds():
    assert row().good
    for wrong in ({"change": -0.1}, {"loudness_change_lu": 1.2}, {"peak_dbtp": 0.1}, {"in_bounds": False}, {"refused": "no"}):
        assert not row(**wrong).good
    assert row(intent="louder", kind="dynamics", loudness_change_lu=3.0).good


def test_tables():
    null = NullRow(0, 0, "gain", "gain piano -6 dB", False, True, (), True)
    bad = NullRow(0, 1, "add", "add all harp", False, True, ("mix differs outside the region at 1–2 s",), True)
    history = History(0, "pop, 8 bars", (null, bad), ("x: refused",), True)
    options = edits.EditsOptions(1, 2)
    found = edits.EditsEvaluation(options, (history,), (), (row(), row(change=-1.0)), (row(),))
    page = edits.to_markdown(found)
    assert "| gain | 1 | 1 | 1 | 1 | 1 | 0 |" in page
    assert "project 0, edit 1: add all harp: mix differs" in page
    assert found.goals["undo and redo give back the bytes"]
    assert not found.goals["what was not named is bit-identical"]
    (figures,) = summed(found.intents)
    assert (figures.n, figures.right, figures.good) == (2, 1, 1)
    assert '"goals"' in edits.to_json(found)
