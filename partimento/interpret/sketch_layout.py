"""A given tune (or given parts) on the bars of the piece: notes, chords, tempo, metres and keys moved to where they sound."""

from __future__ import annotations

from dataclasses import dataclass, replace

from partimento.interpret.grid import Grid
from partimento.interpret.sketch_form import INTRO, TunePlan, bars_of, chunks_of, plan_tune
from partimento.interpret.sketches import Sketch, bar_quarter
from partimento.plan.plan import ChordAt, ChordLane, KeyAt, MetreAt, Origin, TempoAt, Value
from partimento.score.score import Note, Section, Track
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, quarters_at

_EPS = 1e-6
_RETARD_BARS = 2
"""Tempo changes in the last bars of a statement belong to an ending: they are kept where the piece ends only."""
_SAME_TEMPO = 0.005


@dataclass(frozen=True)
class Layout:
    """What a sketch brings into the plan.

    Attributes:
        tracks: on the piece's bars, the first statement only.
        sections: covering the piece.
        tempo, metre, key: lanes.
        duration_s: length with these lanes.
        chords: of the file, laid out over the piece; None when it has none.
        remarks: lines for the user.
    """

    tracks: tuple[Track, ...]
    sections: Value[tuple[Section, ...]]
    tempo: tuple[TempoAt, ...]
    metre: tuple[MetreAt, ...]
    key: tuple[KeyAt, ...]
    duration_s: float
    chords: ChordLane | None
    remarks: tuple[str, ...]


def lay_out(sketch: Sketch, grid: Grid, given_chords: ChordLane | None, *, own_tempo: bool) -> Layout:
    """Fit a sketch to the bars of a piece.

    Args:
        sketch: in the key of the piece.
        grid: length, first metre and first tempo of the piece.
        given_chords: chords given as a control: they run from bar 1 on, so that nothing comes before the tune.
        own_tempo: the tempo is the file's; its changes are kept.
    """
    n_bars = grid.n_bars.value
    lead = 1 if sketch.pickup else 0
    chunks = chunks_of(_tune_bars(sketch), lead)
    unit = given_chords.n_bars if given_chords is not None else 4.0
    placed = plan_tune(chunks, lead, n_bars, intro=given_chords is None, unit=unit)
    metre = _metres(sketch, placed, grid)
    tempo, changes_lost = _tempos(sketch, placed, grid, own_tempo=own_tempo)
    remarks = [*_said_of_form(sketch, placed, n_bars)]
    if changes_lost:
        remarks.append("the file's tempo changes are not kept: another tempo was asked for")
    return Layout(
        tuple(replace(t, notes=_notes(sketch, placed, metre, t.notes)) for t in sketch.tracks),
        Value(placed.sections, Origin.GIVEN, (), "the given tune"),
        tempo,
        metre,
        _keys(sketch, placed),
        _seconds(tempo, metre, n_bars),
        _chords(sketch, placed, n_bars),
        tuple(remarks),
    )


def _tune_bars(sketch: Sketch) -> list[list[tuple[float, int]]]:
    """The tune bar by bar; all given notes where nothing leads."""
    starts = [bar_quarter(sketch.source, bar) for bar in range(sketch.n_bars + 1)]
    notes = sketch.tracks[sketch.tune].notes if sketch.tune is not None else tuple(n for t in sketch.tracks for n in t.notes)
    return bars_of(notes, starts)


def _said_of_form(sketch: Sketch, placed: TunePlan, n_bars: int) -> list[str]:
    """What was added or left out."""
    remarks = []
    for start, end in placed.left_out:
        if end > start:
            what = f"bars {start + 1} to {end}" if end > start + 1 else f"bar {end}"
            remarks.append(f"the given notes last {sketch.n_bars} bars and the piece {n_bars}: {what} of them are left out")
    added = [s.name for s in placed.sections if s.name in ("intro", "bridge", "interlude", "outro")]
    returns = len(placed.pieces) > placed.n_given
    if (added or returns) and not placed.left_out:
        what = ", ".join(dict.fromkeys(added))
        text = "the tune returns" if returns else ""
        text += (" with " if text else "composed around the tune: ") + what if what else ""
        remarks.append(f"the given notes last {sketch.n_bars} bars and the piece {n_bars}: {text}")
    return remarks


def _metres(sketch: Sketch, placed: TunePlan, grid: Grid) -> tuple[MetreAt, ...]:
    """Metre changes of the file wherever its bars sound."""
    first = grid.metre.value[0].metre
    if first != sketch.source.metre:
        return grid.metre.value
    wanted = [first] * grid.n_bars.value
    for at, source, count in placed.pieces:
        for i in range(count):
            if 0 <= at + i < len(wanted):
                wanted[at + i] = sketch.source.metre_at(source + i)
    points: list[MetreAt] = []
    for bar, metre in enumerate(wanted):
        if not points or points[-1].metre != metre:
            points.append(MetreAt(bar, metre))
    return tuple(points)


def _keys(sketch: Sketch, placed: TunePlan) -> tuple[KeyAt, ...]:
    """Key changes of the file wherever its bars sound."""
    points = [KeyAt(0.0, sketch.key)]
    for at, source, count in placed.pieces:
        for i in range(count):
            key = sketch.source.key_at(bar_quarter(sketch.source, source + i) + _EPS)
            key = sketch.key if key == sketch.source.key else key
            if key != points[-1].key:
                points.append(KeyAt(float(at + i), key))
        end = at + count
        if points[-1].key != sketch.key and not any(p[0] == end for p in placed.pieces):
            points.append(KeyAt(float(end), sketch.key))
    return tuple(points)


def _tempos(sketch: Sketch, placed: TunePlan, grid: Grid, *, own_tempo: bool) -> tuple[tuple[TempoAt, ...], bool]:
    """Tempo changes of the file wherever its bars sound, and whether some are lost."""
    source = sketch.source
    points = [p for p in source.tempos if p.at < bar_quarter(source, sketch.n_bars) - _EPS]
    varies = any(abs(p.bpm / points[0].bpm - 1.0) > _SAME_TEMPO for p in points)
    if not varies or not own_tempo or len(grid.tempo.value) > 1:
        return grid.tempo.value, varies
    scale = grid.tempo.value[0].bpm / sketch.time.tempo_bpm
    last_piece = max(placed.pieces, key=lambda p: p[0])
    ends_with_tune = last_piece[0] + last_piece[2] >= grid.n_bars.value
    lane: list[TempoAt] = []
    usual = points[0].bpm
    for at, first, count in sorted(placed.pieces):
        closing = ends_with_tune and (at, first, count) == last_piece
        cut = first + count >= sketch.n_bars and not closing
        until = first + count - (min(_RETARD_BARS, count) if cut else 0)
        lane.append(TempoAt(float(at), source.tempo_map.bpm_at(bar_quarter(source, first) + _EPS)))
        for point in points:
            bar = _file_bar(sketch, point.at)
            if first < bar < until:
                lane.append(TempoAt(at + bar - first, point.bpm))
        if cut and count > _RETARD_BARS:
            before = source.tempo_map.bpm_at(bar_quarter(source, until) - _EPS)
            lane.append(TempoAt(float(at + until - first), before))
        if not closing:
            lane.append(TempoAt(float(at + count), usual))
    return _tidied(lane, points[0].bpm, scale, grid.n_bars.value), False


def _tidied(lane: list[TempoAt], first_bpm: float, scale: float, n_bars: int) -> tuple[TempoAt, ...]:
    """In order, the later of two at one place, nothing that changes nothing."""
    by_bar: dict[float, float] = {0.0: first_bpm}
    for point in lane:
        by_bar[round(point.bar, 6)] = point.bpm
    out: list[TempoAt] = []
    for bar in sorted(by_bar):
        bpm = min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, by_bar[bar] * scale))
        if bar < n_bars and (not out or out[-1].bpm != bpm):
            out.append(TempoAt(bar, bpm))
    return tuple(out)


def _file_bar(sketch: Sketch, quarter: float) -> float:
    """Fractional bar of the file at a position."""
    bar = sketch.source.bar_at(quarter)
    start = bar_quarter(sketch.source, bar)
    return bar + (quarter - start) / sketch.source.metre_at(bar).bar_quarters


def _seconds(tempo: tuple[TempoAt, ...], metres: tuple[MetreAt, ...], n_bars: int) -> float:
    """Length of the piece (tempo points that ramp are not the file's, and never come here)."""
    total = 0.0
    for i, point in enumerate(tempo):
        end = tempo[i + 1].bar if i + 1 < len(tempo) else float(n_bars)
        total += (quarters_at(metres, end) - quarters_at(metres, point.bar)) * 60.0 / point.bpm
    return total


def _notes(sketch: Sketch, placed: TunePlan, metres: tuple[MetreAt, ...], notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Notes of the first statement at their place; what is left out falls away, what reaches into it is cut."""
    out = []
    given = placed.pieces[: placed.n_given]
    for at, first, count in given:
        start, end = bar_quarter(sketch.source, first), bar_quarter(sketch.source, first + count)
        shift = quarters_at(metres, at) - start
        following = any(f == first + count and a == at + count for a, f, _ in given)
        for note in notes:
            if start - _EPS <= note.start < end - _EPS:
                length = note.duration if following or first + count >= sketch.n_bars else min(note.duration, end - note.start)
                out.append(replace(note, start=max(0.0, note.start + shift), duration=length))
    return tuple(sorted(out, key=lambda n: (n.start, n.pitch)))


def _chords(sketch: Sketch, placed: TunePlan, n_bars: int) -> ChordLane | None:
    """The file's chords over the whole piece: under each statement its own; before, between and after it phrases of them.

    An intro takes the chords of the tune's last bars, which lead back to its beginning; an outro repeats the last ones; a
    bridge takes those of the second section.
    """
    lane = sketch.chords
    if lane is None:
        return None
    lead = 1 if sketch.pickup else 0
    wanted: list[int | None] = [None] * n_bars
    for at, first, count in placed.pieces:
        for i in range(count):
            if 0 <= at + i < n_bars and not (first + i < lead and wanted[at + i] is not None):
                wanted[at + i] = first + i
    core = sketch.n_bars - lead
    for section in placed.sections:
        for i in range(section.n_bars):
            bar = section.start_bar + i
            if wanted[bar] is not None and not (wanted[bar] or 0) < lead:
                continue
            if section.material == INTRO or section.name == "outro":
                wanted[bar] = lead + (core - section.n_bars + i) % core
            else:
                wanted[bar] = lead + (core // 4 + i) % core if core < 16 else lead + (core // 2 + i) % core
    chords: list[ChordAt] = []
    for bar, source in enumerate(wanted):
        assert source is not None
        for item in lane.chords:
            start, end = max(item.start_bar, float(source)), min(item.end_bar, float(source + 1))
            if end - start < _EPS:
                continue
            span = ChordAt(bar + start - source, bar + end - source, item.chord)
            before = chords[-1] if chords else None
            joined = before is not None and source > 0 and bar > 0 and wanted[bar - 1] == source - 1 and item.start_bar < source
            if joined and before is not None and before.chord == span.chord and abs(before.end_bar - span.start_bar) < _EPS:
                chords[-1] = replace(before, end_bar=span.end_bar)
            else:
                chords.append(span)
    return ChordLane(tuple(chords), float(n_bars), loop=False) if chords else None
