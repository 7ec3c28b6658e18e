"""The judge of edits: random cases mean what they say, and a fault is found."""

from dataclasses import replace

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.edit.execute import execute
from partimento.errors import PartimentoError
from partimento.evaluate.edits_cases import EditCase, bars_s, generator, piece_request, random_case, random_region
from partimento.evaluate.edits_null import compare, run_history
from partimento.pipeline import generate
from partimento.plan.edit import OPERATIONS, EditOperation, EditPlan, EditRequest, Region
from partimento.plan.request import GenerateRequest
from partimento.sessions import contents_of


@pytest.fixture(scope="module")
def piece():
    request = GenerateRequest("pop with flute, piano, bass and drums", bars=8, seed=3, sample_rate=16_000)
    return contents_of(generate(request, audio_report=False))


def test_pieces_and_cases_are_the_same_for_a_seed(piece):
    assert piece_request(3, 1) == piece_request(3, 1) != piece_request(4, 1)
    assert piece_request(3, 1).metre
    assert 8 <= piece_request(3, 1).bars <= 16
    cases = [random_case(piece.score, generator(7)) for _ in range(2)]
    assert cases[0] == cases[1]
    assert {random_case(piece.score, generator(i)).op for i in range(150)} == set(OPERATIONS)


def test_regions_mean_the_seconds_that_they_name(piece):
    from partimento.edit.region import resolve

    for i in range(30):
        region, spans = random_region(piece.score, generator(i))
        found = [(s.start_s, s.end_s) for s in resolve(region, piece.score)]
        assert np.allclose(found, spans, atol=1e-6), region


def case(piece, op="gain", targets=("piano",), spans=(), named=("piano",), adds=False, **fields):
    region = Region("bars", 3, 4) if spans else Region()
    return EditCase(op, EditPlan((EditOperation(op, targets, region, **fields),)), frozenset(named), spans, adds)


def test_an_honest_edit_has_no_fault(piece):
    spans = (bars_s(piece.score, 2, 4),)
    made = case(piece, spans=spans, amount=-6.0, unit="dB")
    after = execute(piece, made.plan, EditRequest("x")).contents
    assert compare(made, piece, after) == []


@pytest.mark.parametrize("name", ["piano", "bass"])
def test_one_wrong_bit_is_found(piece, name):
    spans = (bars_s(piece.score, 2, 4),)
    made = case(piece, spans=spans, amount=-6.0, unit="dB")
    after = execute(piece, made.plan, EditRequest("x")).contents
    wrong = after.stems[name].samples.copy()
    wrong[0, 100] += np.float32(2.0**-23)
    spoilt = replace(after, stems={**after.stems, name: Waveform(wrong, 16_000)}, known_mix=None)
    assert any(fault.startswith(name) for fault in compare(made, piece, spoilt))
    assert any(fault.startswith("mix") for fault in compare(made, piece, spoilt))


def test_what_came_in_unasked_is_found(piece):
    made = case(piece, amount=-6.0, unit="dB")
    after = replace(piece, stems={**piece.stems, "harp": piece.stems["piano"]}, known_mix=None)
    assert "harp came in unasked" in compare(made, piece, after)


@pytest.mark.parametrize(
    ("op", "region", "fields"),
    [
        ("extend", (), {"amount": 2.0, "unit": "bars"}),
        ("extend", (2, 4), {}),
        ("trim", (2, 4), {}),
        ("trim", (), {"amount": 5.0, "unit": "bars"}),
        ("set_tempo", (2, 4), {"amount": 1.2, "unit": "factor"}),
    ],
)
def test_what_is_moved_in_time_is_compared_at_its_new_place(piece, op, region, fields):
    spans = (bars_s(piece.score, *region),) if region else ()
    made = case(piece, op, ("all",), spans, tuple(piece.stems), **fields)
    after = execute(piece, made.plan, EditRequest("x")).contents
    assert compare(made, piece, after) == []
    wrong = {name: Waveform(stem.samples * np.float32(0.999), stem.sample_rate) for name, stem in after.stems.items()}
    assert compare(made, piece, replace(after, stems=wrong, known_mix=None))


def test_a_short_history():
    history = run_history(4, 2, 5)
    assert history.replayed
    assert [row.faults for row in history.rows] == [(), ()]
    assert all(row.undone for row in history.rows)


def test_random_edits_leave_what_they_do_not_name(piece):
    done = 0
    for i in range(12):
        made = random_case(piece.score, generator(100 + i))
        try:
            after = execute(piece, made.plan, EditRequest("x")).contents
        except PartimentoError:
            continue
        done += 1
        assert compare(made, piece, after) == [], made.text()
    assert done >= 8
