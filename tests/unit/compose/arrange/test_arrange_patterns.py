"""Pattern text, and how it fits other metres."""

from __future__ import annotations

import numpy as np
import pytest

from partimento.compose.arrange.patterns import choose, felt_beats, hits, read_pattern
from partimento.score.timing import Metre

METRES = [(2, 4), (3, 4), (4, 4), (5, 4), (6, 8), (7, 8), (9, 8), (12, 8), (2, 2), (3, 8), (7, 16), (11, 8), (13, 4), (1, 4)]


def at(text: str, metre: Metre, native: str = "4/4", bar: int = 0) -> list[float]:
    return [round(h.at, 4) for h in hits(text, native, metre, bar)]


def test_a_cell_divides_its_beat_by_its_letters() -> None:
    found = hits("x.x- xxx x --.x", "4/4", Metre(), 0)
    assert [round(h.at, 3) for h in found] == [0.0, 0.5, 1.0, 1.333, 1.667, 2.0, 3.75]
    assert [round(h.length, 3) for h in found] == [0.25, 0.5, 0.333, 0.333, 0.333, 1.5, 0.25]


def test_bars_follow_each_other_and_repeat() -> None:
    text = "x... .... .... .... | .... x... .... ...."
    assert [at(text, Metre(), bar=b) for b in range(3)] == [[0.0], [1.0], [0.0]]


def test_backbeats_stay_backbeats_in_other_metres() -> None:
    kick, snare = "x... .... x... ....", ".... x... .... x..."
    assert at(kick, Metre(6, 8)) == [0.0]
    assert at(snare, Metre(6, 8)) == [1.5]
    assert at(snare, Metre(12, 8)) == [1.5, 4.5]
    assert at(snare, Metre(3, 4)) == [2.0]
    assert at(snare, Metre(5, 4)) == [2.0, 4.0]
    assert at(snare, Metre(7, 8)) == [2.0]


def test_running_eighths_keep_running_in_compound_metres() -> None:
    assert at("x.x. x.x. x.x. x.x.", Metre(6, 8)) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert at("x.x. x.x. x.x. x.x.", Metre(7, 8)) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_groups_of_a_metre_are_respected() -> None:
    assert [b for b, _ in felt_beats(Metre(7, 8, (3, 2, 2)))] == [0.0, 1.5, 2.5]


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize(
    "text", ["x.x. x.x. x.x. x.x.", "x x x x", "xxx xxx xxx xxx", "x--- ---- x-x- ..x-", "xxxx ...x x--- x.x."]
)
def test_every_metre_gets_ascending_strokes_within_its_bar(metre: tuple[int, int], text: str) -> None:
    found = hits(text, "4/4", Metre(*metre), 0)
    bar = Metre(*metre).bar_quarters
    starts = [h.at for h in found]
    assert starts == sorted(set(starts))
    assert starts[0] == 0.0
    assert all(h.length > 0 and h.at + h.length <= bar + 1e-9 for h in found)
    assert sum(length for _, length in felt_beats(Metre(*metre))) == pytest.approx(bar)


def test_choice_prefers_words_then_instrument_then_metre_then_energy() -> None:
    lanes = frozenset({"p"})
    pool = [
        read_pattern({"name": "plain", "p": "x x x x", "energy": [0, 0.5]}, lanes),
        read_pattern({"name": "loud", "p": "x x x x", "energy": [0.5, 1]}, lanes),
        read_pattern({"name": "waltz", "p": "x x x", "metre": "3/4"}, lanes),
        read_pattern({"name": "guitar", "p": "x x x x", "for": "guitars"}, lanes),
        read_pattern({"name": "walking", "p": "w w w w", "tags": "walking"}, lanes),
    ]
    rng = np.random.default_rng(0)
    named = {"guitar": choose(pool, rng, 0.9, Metre(), ("banjo", "guitars")), "waltz": choose(pool, rng, 0.9, Metre(3, 4))}
    for name, found in named.items():
        assert found is not None
        assert found.name == name
    assert {p.name for _ in range(30) if (p := choose(pool[:2], rng, 0.9, Metre()))} == {"loud"}
    assert {p.name for _ in range(30) if (p := choose(pool, rng, 0.2, Metre(), tags=("walking",)))} == {"walking"}
