"""Small pieces to arrange, made by hand: any style, metre, energy and chords, without the tune-writing half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from partimento.compose.frame import Phrase, Sketch
from partimento.compose.frame_build import build_frame
from partimento.plan.plan import BarRange, Character, KeyAt, MetreAt, Origin, PartPlan, Plan, TempoAt, Value
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, Note, Section
from partimento.score.timing import Key, Metre
from partimento.styles import Style, style

SHAPES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "sus4": (0, 5, 7),
    "9": (0, 4, 7, 10, 14),
    "aug": (0, 4, 8),
    "6": (0, 4, 7, 9),
    "5": (0, 7),
}


def chord(root: int, kind: str = "", bass: int | None = None) -> Chord:
    """A chord by root pitch class and suffix."""
    return Chord(root % 12, SHAPES[kind], (root if bass is None else bass) % 12, f"{root}{kind}")


def parse_metre(text: str) -> Metre:
    """``"7/8"`` → metre."""
    n, d = text.split("/")
    return Metre(int(n), int(d))


def make_plan(
    style_id: str = "pop",
    *,
    metre: str | None = None,
    energies: tuple[float, ...] = (0.3, 0.6, 0.9),
    bars: int = 4,
    tempo: float | None = None,
    key: Key | None = None,
    parts: tuple[PartPlan, ...] | None = None,
    character: Character | None = None,
    ending: str | None = None,
    names: tuple[str, ...] = ("intro", "verse", "chorus", "outro"),
) -> Plan:
    """A plan with one section of ``bars`` bars per energy and the style's ensemble entering by energy."""
    chosen: Style = style(style_id)
    sections = tuple(Section(names[i % len(names)], "abcd"[i % 4], i * bars, bars, energy) for i, energy in enumerate(energies))
    n_bars = bars * len(energies)
    if parts is None:
        parts = ensemble(chosen, sections)
    the_metre = parse_metre(metre or chosen.metres[0])
    bpm = tempo or chosen.tempo[1]
    return Plan(
        caption="test",
        language="en",
        style=Value(style_id),
        tempo=Value((TempoAt(0.0, bpm),)),
        key=Value((KeyAt(0.0, key or Key(chosen.keys[0], next(iter(chosen.modes)))),)),
        metre=Value((MetreAt(0, the_metre),)),
        n_bars=Value(n_bars),
        duration_s=Value(n_bars * the_metre.bar_quarters * 60.0 / bpm),
        sections=Value(sections),
        parts=parts,
        character=Value(character or Character()),
        ending=Value(ending or chosen.ending),
    )


def ensemble(chosen: Style, sections: tuple[Section, ...]) -> tuple[PartPlan, ...]:
    """The style's parts, active in the sections whose energy reaches theirs."""
    parts = []
    for i, part in enumerate(chosen.ensemble):
        spans = [BarRange(s.start_bar, s.end_bar) for s in sections if s.energy >= part.from_energy]
        if spans:
            parts.append(PartPlan(f"{part.instrument} {i}", part.instrument, part.role, Origin.INFERRED, tuple(spans)))
    return tuple(parts)


def part(instrument: str, role: str, *spans: tuple[int, int], **more: object) -> PartPlan:
    """A part by instrument and role, active in the given bars."""
    active = tuple(BarRange(a, b) for a, b in spans)
    return PartPlan(f"{instrument} {role}", instrument, role, Origin.SAID, active, **more)  # type: ignore[arg-type]


def make_sketch(plan: Plan, chords: list[Chord] | None = None, *, per_bar: int = 1, seed: int = 0, tune: bool = True) -> Sketch:
    """A sketch with ``per_bar`` chords a bar and a plain tune of scale notes with a rest at the end of every second bar."""
    frame = build_frame(plan)
    rng = np.random.default_rng(seed)
    key = plan.first_key
    scale = key.scale
    if chords is None:
        chords = [diatonic(key, d) for d in (0, 5, 3, 4)]
    spans: list[ChordSpan] = []
    i = 0
    for bar in frame.bars:
        for k in range(per_bar):
            start = bar.start + bar.quarters * k / per_bar
            end = bar.start + bar.quarters * (k + 1) / per_bar
            spans.append(ChordSpan(start, end, chords[i % len(chords)]))
            i += 1
    melody: list[Note] = []
    pitch = 72
    for bar in frame.bars if tune else ():
        at = bar.start
        stop = bar.end if bar.index % 2 == 0 else bar.start + bar.quarters * 0.5
        while at < stop - 1e-6 and at < frame.final_start:
            length = min(float(rng.choice([0.5, 1.0, 1.0, 2.0])), stop - at)
            steps = [p for p in range(pitch - 4, pitch + 5) if p % 12 in scale and 66 <= p <= 81]
            pitch = int(rng.choice(steps))
            melody.append(Note(at, length, pitch))
            at += length
    phrases = tuple(Phrase(a, min(a + 4, len(frame.bars)), "a", "full") for a in range(0, len(frame.bars), 4))
    return Sketch(frame, tuple(spans), phrases, tuple(melody))


def diatonic(key: Key, degree: int) -> Chord:
    """The triad on a degree (0–6) of a key."""
    scale = key.scale
    root = scale[degree % 7]
    third, fifth = ((scale[(degree + k) % 7] - root) % 12 for k in (2, 4))
    return Chord(root, (0, third, fifth), root, "x")


def random_chords(rng: np.random.Generator, n: int) -> list[Chord]:
    """Any chords at all, some inverted."""
    found = []
    for _ in range(n):
        made = chord(int(rng.integers(12)), str(rng.choice(list(SHAPES))))
        if rng.random() < 0.25:
            made = replace(made, bass=int(rng.choice(made.pitch_classes)))
        found.append(made)
    return found


class Kit:
    """What tests of the arranger build with."""

    plan = staticmethod(make_plan)
    sketch = staticmethod(make_sketch)
    part = staticmethod(part)
    chord = staticmethod(chord)
    random_chords = staticmethod(random_chords)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    """Builders of plans and sketches."""
    return Kit


Builder = Callable[..., Sketch]
