"""Fitting the tune models on a handful of made-up sheets: the whole way, small."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from partimento.compose.melody import lead_sheet_tune
from partimento.compose.traits import N_TRAITS
from partimento.compose.tune_model import from_plain
from partimento.errors import FileError
from partimento.score.chord_names import parse_chord
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre
from partimento.train.tune_data import (
    cell_lists,
    form_examples,
    normal_scores,
    open_names,
    pitch_examples,
    read_sheets,
    repeated_bars,
    rhythm_examples,
    sheet_of,
    trait_matrix,
)


def made_up(seed, compound=False, n_bars=16):
    """A sheet whose bars 8-15 repeat bars 0-7."""
    rng = np.random.default_rng(seed)
    metre = Metre(6, 8) if compound else Metre(4, 4)
    bar = metre.bar_quarters
    choices = (
        ([1.5, 1.5], [1.0, 0.5, 1.5], [0.5] * 6, [3.0])
        if compound
        else ([1.0] * 4, [2.0, 2.0], [1.5, 0.5, 2.0], [0.5] * 8, [4.0])
    )
    notes = []
    for b in range(8):
        at = b * bar
        for length in choices[int(rng.integers(len(choices)))]:
            notes.append(Note(at, length, int(rng.choice([60, 62, 64, 65, 67, 69, 71, 72]))))
            at += length
    notes += [replace(n, start=n.start + 8 * bar) for n in notes]
    names = [str(rng.choice(["C", "F", "G7", "Am"])) for _ in range(8)] * 2
    chords = tuple(ChordSpan(b * bar, (b + 1) * bar, parse_chord(name)) for b, name in enumerate(names))
    track = Track("tune", "melody", "flute", 73, False, tuple(notes))
    score = Score((track,), n_bars * bar, metres=(MetrePoint(0, metre),), keys=(KeyPoint(0.0, Key()),), chords=chords)
    sheet = sheet_of(f"{seed}.mxl", score)
    assert sheet is not None
    return sheet


@pytest.fixture(scope="module")
def sheets():
    return tuple(made_up(seed, compound=seed % 4 == 3) for seed in range(8))


def test_sealed_names_are_left_out():
    names = [f"{i:04d}.mxl" for i in range(150)]
    kept = open_names(names)
    assert len(kept) == 50
    assert kept == open_names(reversed(names))


def test_split_is_that_of_the_evaluation():
    from partimento.evaluate.compose_data import split

    names = [f"{i:04d}.mxl" for i in range(150)]
    assert open_names(names) == split(names)[0]


def test_folder_without_sheets_is_refused(tmp_path):
    with pytest.raises(FileError, match="no usable MusicXML"):
        read_sheets(tmp_path)


def test_repetitions_are_found(sheets):
    labels = repeated_bars(sheets[0])
    assert labels[8:16] == [8] * 8
    assert sum(bool(x) for x in labels[:8]) <= 4


def test_examples_leave_out_repeated_bars(sheets):
    scores = normal_scores(trait_matrix(sheets))
    cells = cell_lists(sheets)
    plain, dotted = rhythm_examples(sheets, scores, cells)
    assert len(plain.chosen) <= 6 * 8 * 4
    assert 0 < len(dotted.chosen) <= 2 * 8 * 2
    pitches = pitch_examples(sheets, scores)
    assert len(pitches.chosen) < sum(len(s.notes) for s in sheets) / 2 + 8
    forms = form_examples(sheets, scores)
    assert len(forms.chosen) >= 8 * 14
    assert all(c.shape[0] == len(forms.chosen) for c in forms.contexts.values())
    assert forms.contexts["legal"][np.arange(len(forms.chosen)), forms.chosen].all()


def test_fitted_model_writes_tunes_and_calibration_is_bounded(sheets):
    pytest.importorskip("torch")
    from partimento.train.tune_model import FitSettings, calibrate, fit_all

    settings = FitSettings(epochs=1, rounds=1, batch=256)
    few = sheets[2:5]
    raw = calibrate(fit_all(few, settings), few, settings, verbose=False)
    raw = json.loads(json.dumps(raw))
    model = from_plain(raw)
    assert model.stretch.shape == model.shift.shape == (N_TRAITS,)
    assert np.abs(model.shift[:-3]).max() <= 1.2
    sheet = sheets[0]
    notes = lead_sheet_tune(sheet.chords, sheet.metre, sheet.key, 16, 120.0, np.random.default_rng(0), model)
    assert len(notes) >= 4
    again = lead_sheet_tune(sheet.chords, sheet.metre, sheet.key, 16, 120.0, np.random.default_rng(0), model)
    assert notes == again


def test_fitting_lowers_the_loss(sheets):
    torch = pytest.importorskip("torch")
    from partimento.compose import form
    from partimento.train.tune_model import FitSettings, fit

    examples = form_examples(sheets, normal_scores(trait_matrix(sheets)))
    tables = fit(form.initial_shapes(), lambda p, c: form.logits(p, c, torch), examples, FitSettings(epochs=5))

    def loss(params):
        scores = np.where(examples.contexts["legal"], form.logits(params, examples.contexts, np), -1e9)
        scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -scores[np.arange(len(examples.chosen)), examples.chosen].mean()

    zero = {name: np.zeros(shape) for name, shape in form.initial_shapes().items()}
    assert loss(tables) < 0.7 * loss(zero)
