"""Whole arrangements: every style in many metres and energies."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from partimento.compose.arrange import accompany, arrange
from partimento.compose.frame import Sketch
from partimento.plan.plan import BarRange, Character
from partimento.report.harmony_checks import chord_passes, chord_tone_share, comping_tracks, held_to_chords
from partimento.score.instruments import instrument
from partimento.score.score import Score, Track
from partimento.styles import style_ids

METRES = ("4/4", "3/4", "5/4", "6/8", "7/8", "12/8")


def write(sketch: Sketch, seed: int = 0) -> tuple[Track, ...]:
    return arrange(sketch, np.random.default_rng(seed))


def as_score(sketch: Sketch, tracks: tuple[Track, ...]) -> Score:
    return Score(tracks, sketch.frame.length, chords=sketch.chords)


def check_harmony(sketch: Sketch, tracks: tuple[Track, ...], *, with_tune: bool = False) -> None:
    """Bass lowest and third there at every chord's start; nine tenths chord notes."""
    comping = comping_tracks(as_score(sketch, tracks))
    plan = sketch.frame.plan
    roles = ("chords", "pad", "arpeggio", "bass")
    for found in chord_passes(comping, sketch.chords):
        bar = max(b.index for b in sketch.frame.bars if b.start <= found.span.start + 1e-6)
        if any(p.plays_in(bar) for p in plan.parts if p.role in roles):
            assert found.there, f"bar {bar}: {found}"
    share = chord_tone_share(held_to_chords(comping), sketch.chords)
    assert with_tune or share is None or share >= 0.9


def check_parts(sketch: Sketch, tracks: tuple[Track, ...]) -> None:
    """Ranges, single lines, entrances exactly as planned, nothing after the end."""
    bars = sketch.frame.bars
    for track in tracks:
        part = sketch.frame.plan.part(track.name)
        info = instrument(part.instrument)
        assert all(n.end <= sketch.frame.length + 1e-6 for n in track.notes)
        assert list(track.notes) == sorted(track.notes, key=lambda n: (n.start, n.pitch))
        for note in track.notes:
            bar = max(b.index for b in bars if b.start <= note.start + 1e-6)
            assert part.plays_in(bar), f"{track.name} plays in bar {bar}"
        for span in part.active:
            limit = bars[min(span.start_bar + 1, len(bars) - 1)].end
            assert any(bars[span.start_bar].start - 1e-6 <= n.start < limit for n in track.notes), f"{track.name} is late"
        if not info.is_drum:
            assert all(info.range[0] <= n.pitch <= info.range[1] for n in track.notes)
            if not info.poly and part.role != "percussion":
                assert all(a.end <= b.start + 1e-6 for a, b in pairwise(track.notes)), track.name


@pytest.mark.parametrize("style_id", style_ids())
def test_every_style_arranges_in_every_metre(kit: Any, style_id: str) -> None:
    for metre in METRES:
        sketch = kit.sketch(kit.plan(style_id, metre=metre))
        tracks = write(sketch)
        assert [t.name for t in tracks] == [p.name for p in sketch.frame.plan.parts if p.role != "melody"]
        check_parts(sketch, tracks)
        check_harmony(sketch, tracks)


@pytest.mark.parametrize("style_id", style_ids())
def test_any_chords_are_honoured(kit: Any, style_id: str) -> None:
    rng = np.random.default_rng(3)
    for per_bar, metre in ((2, "4/4"), (3, "4/4"), (2, "7/8")):
        plan = kit.plan(style_id, metre=metre, energies=(0.5, 0.95))
        sketch = kit.sketch(plan, kit.random_chords(rng, 24), per_bar=per_bar)
        check_harmony(sketch, write(sketch))


def test_same_seed_same_notes_and_seeds_differ(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("jazz"))
    assert write(sketch, 5) == write(sketch, 5)
    assert write(sketch, 5) != write(sketch, 6)


@pytest.mark.parametrize("style_id", ["pop", "funk", "bossa_nova", "disco"])
def test_a_part_does_not_change_when_one_joins_or_leaves(kit: Any, style_id: str) -> None:
    plan = kit.plan(style_id, energies=(0.9, 0.9))
    full = {t.name: t for t in write(kit.sketch(plan))}
    for gone in plan.parts:
        if gone.role in ("drums", "percussion", "counter"):
            less = replace(plan, parts=tuple(p for p in plan.parts if p is not gone))
            for track in write(kit.sketch(less)):
                if track.role in ("bass", "drums", "percussion", "chords", "pad", "arpeggio"):
                    assert track == full[track.name]


def test_everything_lands_on_the_final_chord(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("pop", energies=(0.9,), ending="final"))
    frame = sketch.frame
    assert frame.final_start < frame.length
    for track in write(sketch):
        last = [n for n in track.notes if n.start >= frame.final_start - 1e-6]
        assert last, track.name
        assert all(abs(n.start - frame.final_start) < 1e-6 for n in last)
        if not track.is_drum:
            assert max(n.end for n in last) == pytest.approx(frame.final_release)


def test_loops_play_to_the_end(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("house", energies=(0.9,), ending="loop"))
    drums = next(t for t in write(sketch) if t.role == "drums")
    assert max(n.start for n in drums.notes) > sketch.frame.length - 1.0


def test_fills_close_sections_and_a_crash_opens_the_next(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("rock", energies=(0.7, 0.9), bars=8))
    drums = next(t for t in write(sketch) if t.role == "drums")
    bars = sketch.frame.bars
    toms_or_snares = {38, 41, 43, 47, 50}

    def strokes(bar: int) -> int:
        return sum(n.pitch in toms_or_snares and bars[bar].start <= n.start < bars[bar].end for n in drums.notes)

    assert strokes(7) > strokes(5)
    assert any(n.pitch == 49 and abs(n.start - bars[8].start) < 1e-6 for n in drums.notes)


def test_bars_vary_but_the_groove_stays(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("pop", energies=(0.6,), bars=16))
    drums = next(t for t in write(sketch) if t.role == "drums")
    bars = [
        frozenset((round(n.start - b.start, 3), n.pitch) for n in drums.notes if b.start <= n.start < b.end)
        for b in sketch.frame.bars[1:15]
    ]
    assert len(set(bars)) >= 3
    backbeats = {(1.0, 38), (3.0, 38)}
    assert sum(backbeats <= b for b in bars) >= 12


def test_bass_locks_to_the_bass_drum(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("hip_hop", energies=(0.5,), bars=8))
    tracks = {t.role: t for t in write(sketch)}
    kicks = {round(n.start, 3) for n in tracks["drums"].notes if n.pitch == 36}
    bass = {round(n.start, 3) for n in tracks["bass"].notes}
    assert len(bass & kicks) >= 0.7 * len(bass)


def test_words_change_how_a_part_plays(kit: Any) -> None:
    spans = (0, 8)
    tune = kit.part("flute", "melody", spans)

    def one(instrument_id: str, role: str, *words: str) -> Track:
        plan = kit.plan("pop", energies=(0.5, 0.5), parts=(tune, kit.part(instrument_id, role, spans, style_words=words)))
        return write(kit.sketch(plan))[0]

    assert one("electric_guitar", "chords", "distorted").program == 30
    assert one("bass", "bass", "slapped").program == 36
    plain, short = one("piano", "chords"), one("piano", "chords", "staccato")
    assert np.mean([n.duration for n in short.notes]) < 0.6 * np.mean([n.duration for n in plain.notes])
    walking = one("bass", "bass", "walking")
    assert len({n.pitch for n in walking.notes}) > len({n.pitch for n in one("bass", "bass").notes})
    strummed, picked = one("acoustic_guitar", "chords", "strummed"), one("acoustic_guitar", "chords", "fingerpicked")
    assert len(strummed.notes) / len({n.start for n in strummed.notes}) > 2
    assert len(picked.notes) / len({n.start for n in picked.notes}) < 2


def test_lone_piano_plays_tune_and_accompaniment(kit: Any) -> None:
    plan = kit.plan("classical", energies=(0.5, 0.5), parts=(kit.part("piano", "chords", (0, 8)),))
    sketch = kit.sketch(plan)
    (track,) = write(sketch)
    tune = {(n.start, n.pitch) for n in sketch.melody}
    assert tune <= {(n.start, n.pitch) for n in track.notes}
    low = [n for n in track.notes if n.pitch < 60]
    assert len(low) > 8
    check_harmony(sketch, (track,), with_tune=True)


def test_tune_player_alone_gets_a_second_hand(kit: Any) -> None:
    plan = kit.plan("classical", energies=(0.5, 0.5), parts=(kit.part("piano", "melody", (0, 8)),))
    sketch = kit.sketch(plan)
    lead = Track("piano melody", "melody", "piano", 0, False, sketch.melody)
    (both,) = accompany(sketch, (lead,), np.random.default_rng(0))
    assert set(sketch.melody) <= set(both.notes)
    check_harmony(sketch, (both,), with_tune=True)
    with_bass = replace(plan, parts=(*plan.parts, kit.part("bass", "bass", (0, 8))))
    (alone,) = accompany(kit.sketch(with_bass), (lead,), np.random.default_rng(0))
    assert alone == lead


def test_quartet_writes_lines_without_many_parallels(kit: Any) -> None:
    parts = (
        kit.part("violin", "melody", (0, 16)),
        replace(kit.part("violin", "counter", (0, 16)), name="violin 2"),
        kit.part("viola", "counter", (0, 16)),
        kit.part("cello", "bass", (0, 16)),
    )
    sketch = kit.sketch(kit.plan("classical", energies=(0.3, 0.5, 0.6, 0.8), parts=parts))
    tracks = write(sketch)
    check_harmony(sketch, tracks)
    second, viola, cello = (list(t.notes) for t in tracks)
    assert np.mean([n.pitch for n in second]) > np.mean([n.pitch for n in viola]) > np.mean([n.pitch for n in cello])


def test_twelve_parts_keep_their_places(kit: Any) -> None:
    names = (
        ("flute", "melody"), ("oboe", "counter"), ("clarinet", "counter"), ("french_horn", "pad"), ("trumpet", "counter"),
        ("trombone", "pad"), ("tuba", "bass"), ("timpani", "percussion"), ("harp", "arpeggio"), ("strings", "pad"),
        ("piano", "chords"), ("cello", "counter"),
    )  # fmt: skip
    sketch = kit.sketch(kit.plan("cinematic", energies=(0.4, 0.9), parts=tuple(kit.part(i, r, (0, 8)) for i, r in names)))
    tracks = write(sketch)
    check_parts(sketch, tracks)
    check_harmony(sketch, tracks)
    low = [n for t in tracks if t.role not in ("bass", "percussion") for n in t.notes if n.pitch < 43]
    assert len(low) <= 0.02 * sum(len(t.notes) for t in tracks)


def test_late_entrances_and_breaks_are_exact(kit: Any) -> None:
    parts = (
        kit.part("piano", "chords", (0, 12)),
        replace(kit.part("bass", "bass", (2, 4)), active=(BarRange(2, 4), BarRange(6, 12))),
        kit.part("drums", "drums", (5, 9)),
        kit.part("violin", "melody", (8, 12)),
    )
    sketch = kit.sketch(kit.plan("pop", parts=parts))
    tracks = write(sketch)
    check_parts(sketch, tracks)
    check_harmony(sketch, tracks)


def test_character_moves_density_register_and_length(kit: Any) -> None:
    def piano(character: Character) -> Track:
        parts = (kit.part("flute", "melody", (0, 12)), kit.part("piano", "chords", (0, 12)))
        return write(kit.sketch(kit.plan("pop", parts=parts, character=character), tune=False))[0]

    low, high = piano(Character(register=0.0)), piano(Character(register=1.0))
    assert np.mean([n.pitch for n in high.notes]) > np.mean([n.pitch for n in low.notes]) + 2
    short, long = piano(Character(legato=0.0)), piano(Character(legato=1.0))
    assert np.mean([n.duration for n in long.notes]) > 1.3 * np.mean([n.duration for n in short.notes])
