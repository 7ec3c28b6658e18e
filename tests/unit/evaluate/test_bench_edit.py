"""The space of a history is measured on edits of all kinds, the same each time."""

import subprocess

import numpy as np
import pytest

from partimento.evaluate.bench_edit import _drawn, measure_space, space_rows
from partimento.evaluate.timed_command import timed


def test_space_of_a_short_history():
    space = measure_space(4, duration_s=4.0, sample_rate=16_000)
    assert space.n_edits == 4
    assert 0 < space.flac_bytes < space.audio_bytes
    assert 0.2 * space.audio_bytes < space.project_bytes < 3 * space.audio_bytes
    first, second = space_rows(space)
    assert first.figure == space.project_bytes / space.audio_bytes
    assert second.figure > first.figure


def test_edits_are_of_all_kinds():
    rng = np.random.Generator(np.random.PCG64(1))
    drawn = [_drawn(rng, ("piano", "bass", "drums", "flute"), 16) for _ in range(200)]
    assert {e.op for e in drawn if e} == {"transpose", "vary", "dynamics", "mute_region", "add", "remove", "gain", "effect"}
    assert 0 < sum(e is None for e in drawn) < 30
    assert any(e.targets == ("all",) and e.op == "effect" for e in drawn if e)


def test_a_timed_command_takes_time_and_memory():
    took = timed("--version")
    assert 0 < took.processor_s < 60
    assert took.wall_s > 0
    ballast = np.ones(40_000_000)  # the caller's memory is not counted
    assert 5 < timed("--version").peak_mb < 200 < ballast.nbytes / 1e6
    with pytest.raises(subprocess.CalledProcessError):
        timed("history", "there is no such project")
