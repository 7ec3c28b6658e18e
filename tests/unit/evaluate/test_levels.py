"""The loudness table: figures of real mixes."""

from __future__ import annotations

import pytest

from partimento.evaluate import levels
from partimento.score.mix import MAX_TRUE_PEAK_DBTP, TARGET_LUFS


def test_a_piece_is_measured_and_shown(monkeypatch):
    monkeypatch.setattr(levels, "style_ids", lambda: ("house",))
    monkeypatch.setattr(levels, "DURATION_S", 8.0)
    (row,) = levels.measure_levels(seeds=(3,))
    assert row.lufs <= TARGET_LUFS + 0.05
    assert row.true_peak_dbtp <= MAX_TRUE_PEAK_DBTP
    assert row.lufs > TARGET_LUFS - 4
    assert row.brightness == pytest.approx(1.0, abs=0.12)
    assert row.drums_dbtp is not None
    assert row.drums_dbtp < 0.0
    page = levels.levels_page([row])
    assert "house" in page
    assert f"{row.lufs:.2f}" in page
