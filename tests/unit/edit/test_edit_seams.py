"""Where a part falls silent, what rings into the region is gone within 50 ms, and before it nothing changes."""

import numpy as np
import pytest

from partimento.edit.execute import execute
from partimento.edit.region import resolve
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region

GONE_AFTER_S = 0.05


@pytest.mark.parametrize(
    ("op", "name", "instrument"),
    [
        ("mute_region", "piano", ""), ("mute_region", "drums", ""), ("remove", "flute", ""), ("remove", "bass", ""),
        ("replace", "piano", "church_organ"), ("replace", "flute", "oboe"),
    ],
)  # fmt: skip
def test_no_tail_rings_into_a_silent_region(piece, op, name, instrument):
    region = Region("bars", 3.0, None if op == "replace" else 3.0)
    done = execute(piece, EditPlan((EditOperation(op, (name,), region, instrument=instrument),)), EditRequest("as asked"))
    (span,) = resolve(region, piece.score)
    stem, old = done.contents.stems[name], piece.stems[name]
    start, end = span.samples(old.sample_rate)
    n = round(GONE_AFTER_S * old.sample_rate)
    seam = n if end < old.n_samples else 0
    assert np.abs(old.samples[:, start + n : end - seam]).max() > 0.0, "there was something to silence"
    assert not stem.samples[:, start + n : end - seam].any()
    assert np.array_equal(stem.samples[:, :start], old.samples[:, :start])
