"""The style files: heads, bodies, and that a new style is a new file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from partimento.compose.arrange import arrange
from partimento.compose.arrange.patterns import felt_beats, read_pattern
from partimento.compose.arrange.tables import LANES, LOUDNESS
from partimento.compose.frame import Frame, Sketch
from partimento.compose.frame_build import build_frame
from partimento.plan.plan import BarRange, KeyAt, MetreAt, Origin, PartPlan, Plan, TempoAt, Value
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, Section
from partimento.score.timing import Key, Metre
from partimento.styles import Style, style, style_ids
from partimento.styles.style import _build

FAMILIES = {"pop", "rock", "folk", "jazz", "blues", "latin", "classical", "baroque", "electronic", "ambient", "world", "funk"}
LETTERS = {
    "drums": "".join(LOUDNESS),
    "fills": "".join(LOUDNESS),
    "bass": "12345678awrnx",
    "chords": "XxogdDuntlmbfOp123456789",
    "pad": "Xxo123456789",
    "arpeggio": "123456789",
    "counter": "Xxoul",
    "voices": "xsul",
    "percussion": "Xxog123456789*",
    "second_hand": "Xxobfmd123456789O",
    "left_hand": "bfO",
}
NEW = """
en: surf
zh: 冲浪摇滚
tempo: [130, 150, 170]
metres: ["4/4"]
modes: {minor: 1}
keys: [4, 9]
ensemble:
  - {instrument: electric_guitar, role: melody}
  - {instrument: guitar, role: chords}
  - {instrument: bass, role: bass}
  - {instrument: drums, role: drums, from_energy: 0.2}
forms: ["A:a:8:0.6"]
music:
  family: rock
  drums: [{kick: "x... x.x. x... x.x.", snare: ".... X.X. .... X...", ride: "x.x. x.x. x.x. x.x."}]
  bass: [{p: "1-5- 8-5- 1-5- 8-5-"}]
  chords: [{right: "d-d- u-d- d-d- u-d-"}]
"""


def sketch_in(chosen: Style) -> Sketch:
    """Eight bars of a style with its whole ensemble."""
    section = Section("A", "a", 0, 8, 0.6)
    parts = tuple(
        PartPlan(f"{p.instrument} {i}", p.instrument, p.role, Origin.INFERRED, (BarRange(0, 8),))
        for i, p in enumerate(chosen.ensemble)
    )
    plan = Plan(
        caption="",
        language="en",
        style=Value("rock"),
        tempo=Value((TempoAt(0.0, chosen.tempo[1]),)),
        key=Value((KeyAt(0.0, Key(4, "minor")),)),
        metre=Value((MetreAt(0, Metre()),)),
        n_bars=Value(8),
        duration_s=Value(8 * 240.0 / chosen.tempo[1]),
        sections=Value((section,)),
        parts=parts,
    )
    frame = build_frame(plan)
    frame = Frame(plan, chosen, frame.bars, frame.tempos, frame.length, frame.final_start, frame.final_release)
    chord = Chord(4, (0, 3, 7), 4, "Em")
    return Sketch(frame, tuple(ChordSpan(b.start, b.end, chord) for b in frame.bars), (), ())


def test_there_are_thirty() -> None:
    assert len(style_ids()) == 30


@pytest.mark.parametrize("style_id", style_ids())
def test_head_is_usable(style_id: str) -> None:
    found = style(style_id)
    assert 4 <= len(found.ensemble) <= 9
    assert len({p.role for p in found.ensemble}) >= 3
    assert sum(p.from_energy == 0 for p in found.ensemble) >= 1
    lengths = [f.n_bars for f in found.forms]
    assert min(lengths) <= 8
    assert max(lengths) >= 64
    longest = max(found.forms, key=lambda f: f.n_bars)
    materials = [s.material for s in longest.sections]
    assert len(set(materials)) >= 3
    assert len(materials) > len(set(materials))
    assert all(re.fullmatch(r"\d+/\d+", m) for m in found.metres)
    for mode in found.modes:
        Key(0, mode)
    assert all(0 <= k <= 11 for k in found.keys)
    assert found.music["family"] in FAMILIES
    assert found.tempo[0] >= 20
    assert found.tempo[2] <= 240


@pytest.mark.parametrize("style_id", style_ids())
def test_patterns_are_well_formed(style_id: str) -> None:
    music = style(style_id).music
    assert {"drums", "bass", "chords"} <= set(music)
    for kind, letters in LETTERS.items():
        for raw in music.get(kind, ()):
            pattern = read_pattern(raw, LANES[kind])
            assert pattern.lanes or kind == "counter", f"{kind}: no lane in {raw}"
            n, d = pattern.metre.split("/")
            beats = len(felt_beats(Metre(int(n), int(d))))
            for text in pattern.lanes.values():
                assert set(text) <= set(letters + ".-| "), f"{kind}: unknown letters in '{text}'"
                for bar in text.split("|"):
                    cells = bar.split()
                    assert all(len(c) in (1, 2, 3, 4, 6, 8) for c in cells), f"{kind}: odd cell in '{text}'"
                    assert kind == "fills" or len(cells) == beats, f"{kind}: {len(cells)} cells for {beats} beats in '{text}'"
            known = {"voicing", "hold", "left_always", "octave", "vary", "kind", "lock", "runs", "keep", "when"}
            unknown = set(pattern.options) - known
            assert not unknown, f"{kind}: unknown options {unknown}"
            assert pattern.options.get("when", "own") in ("own", "given"), f"{kind}: when is 'own' or 'given'"


def test_a_new_style_is_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "surf.yaml"
    path.write_text(NEW, encoding="utf-8")
    surf = _build("surf", yaml.safe_load(path.read_text(encoding="utf-8")))
    tracks = {t.role: t for t in arrange(sketch_in(surf), np.random.default_rng(0))}
    assert set(tracks) == {"chords", "bass", "drums"}
    bass = {round(n.start % 4, 3) for n in tracks["bass"].notes}
    assert {0.0, 0.5, 1.0, 1.5} <= bass
    snares = {round(n.start % 4, 3) for n in tracks["drums"].notes if n.pitch == 38 and n.start < 12}
    assert {1.0, 1.5, 3.0} <= snares
