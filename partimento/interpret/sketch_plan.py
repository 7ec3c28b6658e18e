"""What given notes decide in a plan: style of a bare tune, key, tempo, metre, form and chords; who plays them from where."""

from __future__ import annotations

from dataclasses import dataclass, replace

from partimento.interpret.ensembles import wants_orchestra
from partimento.interpret.grid import Grid, choose_grid
from partimento.interpret.parts import Draft
from partimento.interpret.reading import Reading
from partimento.interpret.sketch_cast import ORCHESTRAL_LEAD, accompaniment, cast
from partimento.interpret.sketch_layout import lay_out
from partimento.interpret.sketches import Sketch, in_key, rebarred
from partimento.interpret.style_choice import StyleChoice
from partimento.plan.plan import BarRange, ChordLane, Conflict, KeyAt, MetreAt, Origin, PartPlan, TempoAt, Value
from partimento.plan.request import GenerateRequest
from partimento.score.score import Section, Track
from partimento.score.timing import quarters_at
from partimento.styles import style

_QUICK_WALTZ_BPM = 100.0
_SLOW_BPM = 80.0
_LEEWAY = 0.02


@dataclass(frozen=True)
class PlacedSketch:
    """Given notes on the bars of the piece, with all that follows from them.

    Attributes:
        tracks: given tracks on the piece's bars.
        left_out: for each track, how many given notes have no place in the piece.
        drafts: their parts.
        reading: the words without the player who took the tune.
        accompaniment: see :func:`partimento.interpret.sketch_cast.accompaniment`.
        chords, key, grid, sections: fields of the plan.
        conflicts, remarks: for the user.
    """

    tracks: tuple[Track, ...]
    left_out: tuple[int, ...]
    drafts: tuple[Draft, ...]
    reading: Reading
    accompaniment: str
    chords: Value[ChordLane | None]
    key: Value[tuple[KeyAt, ...]]
    grid: Grid
    sections: Value[tuple[Section, ...]]
    conflicts: tuple[Conflict, ...]
    remarks: tuple[str, ...]


def style_of_tune(sketch: Sketch, choice: StyleChoice) -> StyleChoice:
    """A style that suits a tune when neither words nor controls say one: by metre and tempo."""
    if choice.value.origin is not Origin.DEFAULT or not sketch.is_melody:
        return choice
    metre, bpm = sketch.source.metre, sketch.time.tempo_bpm
    if metre.is_compound:
        id_ = "celtic" if bpm / 1.5 >= _SLOW_BPM else "ballad"
    elif metre.bar_quarters == 3.0:
        id_ = "waltz" if bpm >= _QUICK_WALTZ_BPM else "folk"
    elif metre.bar_quarters == 2.0:
        id_ = "folk"
    else:
        id_ = "ballad" if bpm < _SLOW_BPM else choice.style.id
    if id_ == choice.style.id:
        return choice
    reason = f"a tune in {metre} at {bpm:.0f} bpm"
    return StyleChoice(Value(id_, Origin.INFERRED, (), reason), style(id_), "", choice.facts, choice.conflicts)


def place(
    sketch: Sketch,
    request: GenerateRequest,
    reading: Reading,
    choice: StyleChoice,
    chords: Value[ChordLane | None],
    key: Value[tuple[KeyAt, ...]],
) -> PlacedSketch:
    """Resolve everything that given notes decide.

    Args:
        sketch: as read.
        request, reading, choice: what is asked.
        chords: given or said chords.
        key: the key asked for, else the sketch's.
    """
    sketch, at_key, conflicts, remarks = in_key(sketch, key.value[0].key)
    grid = choose_grid(request, reading, choice, None, file=sketch.time)
    metre = grid.metre.value[0].metre
    if metre != sketch.source.metre:
        reason = "given beats the file's; its notes keep their lengths"
        conflicts += (Conflict("metre", str(metre), str(sketch.source.metre), reason),)
        sketch = rebarred(sketch, metre)
        grid = choose_grid(request, reading, choice, None, file=sketch.time)
    if reading.form is not None:
        conflicts += (Conflict("form", "the given tune's", " ".join(reading.form.words), "the given notes are the form"),)
    own_tempo = request.tempo_bpm is None and grid.tempo.origin is Origin.GIVEN
    band = accompaniment(sketch, reading, style_asked=choice.asked)
    sketch, rest, cast_remarks = cast(sketch, reading, ORCHESTRAL_LEAD if wants_orchestra(reading, choice) else None)
    layout = lay_out(sketch, grid, chords.value, own_tempo=own_tempo)
    if chords.value is None and layout.chords is not None:
        chords = Value(layout.chords, Origin.GIVEN)
    keys = replace(key, value=layout.key if len(layout.key) > 1 else (KeyAt(0.0, at_key),))
    return PlacedSketch(
        layout.tracks,
        tuple(len(given.notes) - len(kept.notes) for given, kept in zip(sketch.tracks, layout.tracks, strict=True)),
        sketch.drafts,
        replace(reading, instruments=rest),
        band,
        chords,
        keys,
        _with_lanes(grid, layout.tempo, layout.metre, layout.duration_s),
        _even(layout.sections) if band == "none" and not rest else layout.sections,
        conflicts,
        (*sketch.remarks, *remarks, *cast_remarks, *layout.remarks),
    )


def _even(sections: Value[tuple[Section, ...]]) -> Value[tuple[Section, ...]]:
    """Sections of one energy: given notes alone are as loud as they are given."""
    return replace(sections, value=tuple(replace(s, energy=0.5) for s in sections.value))


def _with_lanes(grid: Grid, tempo: tuple[TempoAt, ...], metre: tuple[MetreAt, ...], duration_s: float) -> Grid:
    """The grid with the file's lanes; a length that follows from the bars is theirs, an asked one is met by the tempo."""
    if len(grid.tempo.value) > 1 and tempo == grid.tempo.value and metre == grid.metre.value:
        return grid
    asked = grid.duration_s.origin in (Origin.GIVEN, Origin.SAID)
    if asked and 0 < abs(duration_s / grid.duration_s.value - 1.0) <= _LEEWAY and len(tempo) > 1:
        ratio = duration_s / grid.duration_s.value
        tempo = tuple(replace(t, bpm=t.bpm * ratio) for t in tempo)
    length = grid.duration_s if asked else replace(grid.duration_s, value=duration_s)
    return replace(grid, tempo=replace(grid.tempo, value=tempo), metre=replace(grid.metre, value=metre), duration_s=length)


def from_first_note(parts: tuple[PartPlan, ...], tracks: tuple[Track, ...], grid: Grid) -> tuple[PartPlan, ...]:
    """Parts with given notes begin where these begin (after an intro)."""
    out = []
    starts_of_bars = [quarters_at(grid.metre.value, bar) for bar in range(grid.n_bars.value)]
    for part in parts:
        if part.sketch is not None and tracks[part.sketch].notes:
            first_note = tracks[part.sketch].notes[0].start
            first = max(i for i, at in enumerate(starts_of_bars) if at <= first_note + 1e-6)
            active = tuple(BarRange(max(r.start_bar, first), r.end_bar) for r in part.active if r.end_bar > first)
            part = replace(part, active=active or part.active)
        out.append(part)
    return tuple(out)
