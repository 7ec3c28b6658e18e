"""The space of a history is measured on edits of all kinds, the same each time."""

import numpy as np

from partimento.evaluate.bench_edit import _drawn, measure_space, space_rows


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
