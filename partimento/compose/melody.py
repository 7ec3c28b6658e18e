"""The tune of a piece: where it sounds, what returns, how it ends; and tunes over plain lead-sheet chords."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from partimento.compose.cells import GROUP_NAMES
from partimento.compose.frame import Bar, Frame, Phrase
from partimento.compose.pitch import CLASS_NAMES
from partimento.compose.tune import N_CANDIDATES, TuneWish, write_tune
from partimento.compose.tune_grid import TuneGround
from partimento.compose.tune_model import TuneModel, tune_model
from partimento.compose.tune_style import (
    favoured_degrees,
    forbidden_cells,
    pushed,
    scaled,
    style_tilt,
    tempo_tilt,
    tune_pace,
    tune_settings,
)
from partimento.plan.plan import PartPlan
from partimento.score.chord import Chord
from partimento.score.instruments import instrument
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre

_EPS = 1e-6
_PITCHED = ("melody", "counter", "chords", "arpeggio", "pad")


def compose_lead_sheet(
    chords: tuple[ChordSpan, ...], metre: Metre, key: Key, n_bars: int, tempo_bpm: float, rng: np.random.Generator
) -> tuple[Note, ...]:
    """A tune over given chords, in no particular style.

    Args:
        chords: sorted, in quarter notes from the start of bar 0. When they begin after the start of bar 0, the tune
            begins with an upbeat to the first chord's bar.
        metre: throughout.
        key: of the piece.
        n_bars: length in bars, ≥ 1.
        tempo_bpm: quarter notes per minute; a very quick or slow tempo calls for fewer or more notes to the bar.
        rng: source of chance.

    Returns:
        A single line on the grid of 1/24 quarter note.
    """
    return lead_sheet_tune(chords, metre, key, n_bars, tempo_bpm, rng, tune_model())


def lead_sheet_tune(
    chords: tuple[ChordSpan, ...],
    metre: Metre,
    key: Key,
    n_bars: int,
    tempo_bpm: float,
    rng: np.random.Generator,
    model: TuneModel,
) -> tuple[Note, ...]:
    """:func:`compose_lead_sheet` with a model of one's own (the fitting of a model uses it)."""
    bar = metre.bar_quarters
    first, offset = 0.0, 0
    if chords and chords[0].start > _EPS:
        first = _upbeat(metre, model, rng)
        offset = 1 if first >= bar / 2 - _EPS else 0
    ground = TuneGround(
        starts=tuple(bar * i for i in range(n_bars + 1)),
        metres=(metre,) * n_bars,
        keys=(key,) * n_bars,
        chords=chords,
        in_phrase=tuple((i - offset) % 8 for i in range(n_bars)),
    )
    wish = TuneWish(
        first_beat=first,
        low=53,
        high=86,
        fixed={"pickup": float(first > 0)},
        tilt={"notes_per_bar": tempo_tilt(tempo_bpm)},
        chordal=0.2,
        n_candidates=_n_candidates(n_bars),
    )
    return write_tune(ground, wish, rng, model)


def _upbeat(metre: Metre, model: TuneModel, rng: np.random.Generator) -> float:
    """Where in bar 0 an upbeat begins, in quarter notes."""
    bar = metre.bar_quarters
    kind = "compound" if metre.is_compound else "triple" if bar == 3 else "duple" if bar <= 2 else "quadruple"
    rows = [(length, weight) for length, weight in model.pickups[kind] if length < bar - _EPS]
    weights = np.array([weight for _, weight in rows])
    return bar - rows[int(rng.choice(len(rows), p=weights / weights.sum()))][0]


def _n_candidates(n_bars: int) -> int:
    """Fewer candidates for long pieces, so that time grows slowly."""
    return max(6, min(N_CANDIDATES, N_CANDIDATES * 40 // max(n_bars, 1)))


# --- the tune of a frame ----------------------------------------------------------------------------------------------


def plan_phrases(frame: Frame, chords: tuple[ChordSpan, ...] = ()) -> tuple[Phrase, ...]:
    """The phrases of a frame: labels by material (``a1``, ``a2`` …), cadences by the chord in their last bar."""
    phrases: list[Phrase] = []
    start = 0
    number = 0
    for bar in frame.bars:
        if bar.in_section == 0:
            number = 0
        if bar.phrase_end or bar.section_end or bar.last:
            number += 1
            phrases.append(Phrase(start, bar.index + 1, f"{bar.section.material}{number}", _cadence(bar, chords)))
            start = bar.index + 1
    return tuple(phrases)


def _cadence(bar: Bar, chords: tuple[ChordSpan, ...]) -> str:
    """``full`` on the tonic, ``half`` on the dominant, else ``open``."""
    inside = [span.chord for span in chords if span.start < bar.end - _EPS and span.end > bar.start + _EPS]
    if inside and inside[-1].root == bar.key.tonic:
        return "full"
    return "half" if inside and inside[-1].root == (bar.key.tonic + 7) % 12 else "open"


class TuneWriter(Protocol):
    """Another way of writing the tune than the rules'."""

    def __call__(
        self,
        frame: Frame,
        chords: tuple[ChordSpan, ...],
        wanted: list[bool],
        bounds: tuple[int, int],
        rng: np.random.Generator,
    ) -> tuple[Note, ...]:
        """A single line in the bars where it is wanted, within the bounds (MIDI numbers)."""
        ...


def write_melody(
    frame: Frame, chords: tuple[ChordSpan, ...], rng: np.random.Generator, writer: TuneWriter | None = None
) -> tuple[tuple[Phrase, ...], tuple[Note, ...]]:
    """The tune of a piece.

    It sounds in the bars where a part leads (role ``melody``, a solo, or a lone chordal instrument). Sections of one
    material share it; a last return varies its endings. With an ending that ends, the last note begins with the last
    chord.

    Args:
        frame: the bars.
        chords: of the whole piece.
        rng: source of chance.
        writer: writes the notes instead of the rules; phrasing and the close remain theirs.

    Returns:
        The phrases, covering all bars, and the notes (none when nothing leads).
    """
    phrases = plan_phrases(frame, chords)
    leads = _leads(frame)
    wanted = [any(_leads_in(part, bar.index) for part in leads) for bar in frame.bars]
    if not any(wanted):
        return phrases, ()
    row = instrument(leads[0].instrument)
    low, high = _bounds(row.best if row.best[1] - row.best[0] >= 12 else row.range)
    if writer is None:
        notes = _by_rules(frame, chords, wanted, (low, high), rng)
    else:
        notes = writer(frame, chords, wanted, (low, high), rng)
    notes = _where_wanted(frame, breathed(frame, phrases, notes), wanted)
    if frame.plan.ending.value == "final" and wanted[-1]:
        notes = _ended(frame, chords, notes, low, high, rng)
    return phrases, _clipped(notes, frame.length)


def _by_rules(
    frame: Frame, chords: tuple[ChordSpan, ...], wanted: list[bool], bounds: tuple[int, int], rng: np.random.Generator
) -> tuple[Note, ...]:
    """The tune as the log-linear models write it, with the style's manners."""
    low, high = bounds
    settings = tune_settings(frame)
    pace = tune_pace(frame, settings)
    ground = scaled(_ground(frame, chords, wanted, rng), pace.scale)
    centre = low + (high - low) * (0.45 + 0.3 * (frame.character.register - 0.5)) + float(rng.uniform(-4.0, 4.0))
    wish = TuneWish(
        first_beat=frame.bars[wanted.index(True)].start * pace.scale,
        low=low,
        high=high,
        centre=min(max(centre, low + 6.0), high - 6.0),
        tilt=style_tilt(frame, settings, pace),
        degrees=favoured_degrees(frame, settings),
        fixed={"pickup": 0.0},
        spread=0.7,
        adapt=True,
        figures={GROUP_NAMES.index(name): float(v) for name, v in settings["figures"].items()},
        intervals={c: float(v) for name, v in settings["intervals"].items() for c in CLASS_NAMES[name]},
        chromatic=float(settings["chromatic"]) + 1.2 * (frame.character.tension - 0.5),
        chordal=float(settings["chordal"]) - 0.8 * (frame.character.tension - 0.5),
        density=0.7 * pace.rest + float(settings["density"]),
        n_candidates=_n_candidates(ground.n_bars),
        forbidden_cells=forbidden_cells(settings, pace),
        temperature=float(settings["temperature"]),
    )
    notes = tuple(replace(n, start=n.start / pace.scale, duration=n.duration / pace.scale) for n in write_tune(ground, wish, rng))
    return pushed(frame, notes, float(settings["push"]), rng)


def _leads(frame: Frame) -> list[PartPlan]:
    """Parts that the tune is written for, the most melodic first."""
    parts = [p for p in frame.plan.parts if p.sketch is None]
    melodic = [p for p in parts if p.role == "melody"]
    soloists = [p for p in parts if p.solo and p.role in _PITCHED and p not in melodic]
    if melodic or soloists:
        return melodic + soloists
    if any(p.role == "melody" for p in frame.plan.parts):
        return []
    chordal = [p for p in parts if p.role in ("chords", "arpeggio")]
    return chordal if len(chordal) == 1 and not any(p.role == "counter" for p in parts) else []


def _leads_in(part: PartPlan, bar: int) -> bool:
    """True when the part carries the tune in a bar: a part that only solos does so in its solos."""
    if part.role == "melody" or not part.solo:
        return part.plays_in(bar)
    return any(r.start_bar <= bar < r.end_bar for r in part.solo)


def _bounds(best: tuple[int, int]) -> tuple[int, int]:
    """At most two octaves and a half inside a comfortable range, not lower than a tune should lie where there is a choice."""
    low, high = best
    if high - low > 30:
        low = max(low, min(55, high - 26))
        high = min(high, low + 30)
    return low, max(high, low + 9)


def _ground(frame: Frame, chords: tuple[ChordSpan, ...], wanted: list[bool], rng: np.random.Generator) -> TuneGround:
    """The frame as a ground: what returns is tied to its first appearance."""
    source = [-1] * len(frame.bars)
    shift = [0] * len(frame.bars)
    firsts: dict[str, Bar] = {}
    sections = list(dict.fromkeys(bar.section for bar in frame.bars))
    materials = list(dict.fromkeys(section.material for section in sections))
    last_of = {section.material: section for section in sections}
    for section in sections:
        opening = frame.bars[section.start_bar]
        if section.material not in firsts:
            if any(wanted[section.start_bar : section.end_bar]):
                firsts[section.material] = opening
            continue
        original = firsts[section.material].section
        for i in range(min(section.n_bars, original.n_bars)):
            at, there = section.start_bar + i, original.start_bar + i
            if there >= at or frame.bars[at].metre != frame.bars[there].metre or not wanted[there]:
                continue
            source[at] = there
            shift[at] = _nearest_shift(frame.bars[at].key.tonic - frame.bars[there].key.tonic)
        if section is last_of[section.material] and section.n_bars >= 4:
            new = _varied(source, section.start_bar, section.end_bar, rng)
            before_close = sum(bar.start < frame.final_start - _EPS for bar in frame.bars[section.start_bar : section.end_bar])
            # Where the piece closes within a short return, the close is new enough: more would leave nothing of it.
            source = new if before_close >= 4 else source
    mean = float(np.mean([bar.section.energy for bar in frame.bars]))
    ends = [bar.index for bar in frame.bars if bar.phrase_end or bar.section_end or bar.last]
    in_phrase = []
    for bar in frame.bars:
        end = next(e for e in ends if e >= bar.index)
        number = sum(1 for e in ends if bar.section.start_bar <= e < bar.index)
        in_phrase.append((3 - (end - bar.index)) % 4 + 4 * (number % 2))
    return TuneGround(
        starts=(*(bar.start for bar in frame.bars), frame.length),
        metres=tuple(bar.metre for bar in frame.bars),
        keys=tuple(bar.key for bar in frame.bars),
        chords=chords,
        in_phrase=tuple(in_phrase),
        source=tuple(source),
        material=tuple(materials.index(bar.section.material) for bar in frame.bars),
        shift=tuple(shift),
        lift=tuple(2.5 * (bar.section.energy - mean) for bar in frame.bars),
    )


def _varied(source: list[int], start: int, end: int, rng: np.random.Generator) -> list[int]:
    """The sources with the last return new in one or two bars: an inner one and, often, the one before its end."""
    found = list(source)
    inner = list(range(start + 1, end - 1))
    if inner:
        found[int(rng.choice(inner))] = -2
    if end - start >= 6 and rng.random() < 0.6:
        found[end - 2] = -2
    return found


def _nearest_shift(semitones: int) -> int:
    """A key change as the smaller way up or down."""
    return (semitones + 6) % 12 - 6


def breathed(frame: Frame, phrases: tuple[Phrase, ...], notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A breath at the end of each phrase: a long note that reaches to the next phrase's first note gives up a quarter of
    itself, at most a quarter note."""
    ends = [frame.bars[phrase.end_bar - 1].end for phrase in phrases[:-1]]
    out = list(notes)
    for end in ends:
        last = int(np.searchsorted([n.start for n in out], end - _EPS)) - 1
        if last < 0 or last + 1 >= len(out):
            continue
        note = out[last]
        if note.duration >= 1.5 - _EPS and note.end >= end - 0.5 - _EPS and out[last + 1].start - note.end < _EPS:
            breath = min(1.0, 0.5 if note.duration < 2.0 - _EPS else note.duration / 4)
            out[last] = replace(note, duration=note.duration - breath)
    return tuple(out)


def _where_wanted(frame: Frame, notes: tuple[Note, ...], wanted: list[bool]) -> tuple[Note, ...]:
    """The notes in bars where something leads, cut where it stops."""
    kept = []
    starts = [bar.start for bar in frame.bars]
    for note in notes:
        bar = max(0, int(np.searchsorted(starts, note.start + _EPS, side="right")) - 1)
        if not wanted[bar]:
            continue
        while bar + 1 < len(wanted) and wanted[bar + 1] and frame.bars[bar].end < note.end - _EPS:
            bar += 1
        end = min(note.end, frame.bars[bar].end)
        kept.append(replace(note, duration=end - note.start))
    return tuple(kept)


def _ended(
    frame: Frame, chords: tuple[ChordSpan, ...], notes: tuple[Note, ...], low: int, high: int, rng: np.random.Generator
) -> tuple[Note, ...]:
    """The last note: with the last chord, near the note before; mostly the tonic, where that belongs to the chord. It is
    held with the chord or let go before, as real last notes are."""
    kept = [replace(n, duration=min(n.end, frame.final_start) - n.start) for n in notes if n.start < frame.final_start - _EPS]
    sounding = [span.chord for span in chords if span.start <= frame.final_start + _EPS < span.end]
    key = frame.bars[-1].key
    before = kept[-1].pitch if kept else (low + high) // 2
    pitch = _last_pitch(sounding[0] if sounding else None, key, before, low, high, float(rng.random()))
    whole = max(frame.final_release - frame.final_start, 1.0 / 24)
    shorter = [d for d in (whole, 2.0, 1.5, 1.0) if d <= whole and (d == whole or whole > 1.5)]
    return (*kept, Note(frame.final_start, shorter[int(rng.integers(len(shorter)))], pitch))


def _last_pitch(chord: Chord | None, key: Key, before: int, low: int, high: int, draw: float) -> int:
    """A near tonic (in four of five), third or fifth; the chord's root or third where it has no tonic."""
    if chord is not None and key.tonic not in chord.pitch_classes:
        classes = {chord.root, chord.third if chord.third is not None else chord.root}
    elif chord is None or draw < 0.8:
        classes = {key.tonic}
    else:
        classes = {chord.third if chord.third is not None else chord.root} if draw < 0.9 else {(chord.root + 7) % 12}
        classes = classes & set(chord.pitch_classes) or {key.tonic}
    inside = [p for p in range(low, high + 1) if p % 12 in classes] or [p for p in range(128) if p % 12 in classes]
    return min(inside, key=lambda p: (abs(p - before), p))


def _clipped(notes: tuple[Note, ...], length: float) -> tuple[Note, ...]:
    """Notes that fit into the piece."""
    fitting = [n for n in notes if n.start < length - _EPS]
    return tuple(replace(n, duration=min(n.end, length) - n.start) for n in fitting if min(n.end, length) - n.start > _EPS)
