"""Given notes on the piece: the first statement exactly, then its returns; who sounds what is left between them.

The plan's sections say what returns: a section whose material the given notes have brought. Runs of such sections are
whole statements, and what is left of a run is the tune's end; an outro is the tune's last bars once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from partimento.compose.frame import Frame, Sketch
from partimento.compose.lead import make_track
from partimento.compose.tune_variation import developed, varied
from partimento.plan.plan import PartPlan
from partimento.score.instruments import instrument
from partimento.score.score import ChordSpan, Note, Section, Track

_EPS = 1e-6
INTRO = "i"
"""Material before a given tune (:mod:`partimento.interpret.sketch_form` sets it)."""
_TAG = "outro"
"""Name of a section that brings the tune's end once more."""
_LEAST_HOLE_BARS = 2


@dataclass(frozen=True, slots=True)
class Return:
    """Bars that come again: from ``source`` (quarter notes) to ``at``, ``length`` quarter notes; ``number`` counts statements
    from 1 (the tag of an outro is 0); ``pickup`` is how much of an upbeat comes before."""

    at: float
    source: float
    length: float
    number: int
    pickup: float = 0.0


def tune_part(frame: Frame) -> PartPlan | None:
    """The first part of role ``melody`` that has a sketch."""
    return next((p for p in frame.plan.parts if p.role == "melody" and p.sketch is not None), None)


def given_tune(frame: Frame) -> tuple[Note, ...]:
    """The user's tune with its returns as a single line: empty when there is none."""
    part = tune_part(frame)
    return tuple(_line(laid_out(frame, part))) if part is not None else ()


def sketch_tracks(sketch: Sketch) -> tuple[Track, ...]:
    """Tracks of all parts that have given notes, in plan order; the tune's part also has what was composed for it."""
    frame = sketch.frame
    lead = tune_part(frame)
    composed = composed_between(frame, given_tune(frame), sketch.chords)
    tracks = []
    for part in frame.plan.parts:
        if part.sketch is not None:
            more = composed if part is lead else ()
            tracks.append(make_track(part, (*laid_out(frame, part), *_playable(part, more))))
    return tuple(tracks)


def laid_out(frame: Frame, part: PartPlan) -> tuple[Note, ...]:
    """The given notes of a part with their returns, within the piece and the part's active bars.

    A tune given alone returns varied; of several given parts all return as they are, so that they go on fitting.
    """
    assert part.sketch is not None
    notes = [n for n in frame.plan.sketch[part.sketch].notes if n.start < frame.length - _EPS]
    alone = sum(p.sketch is not None for p in frame.plan.parts) == 1
    out = list(notes)
    comings = returns(frame)
    last = max((r.number for r in comings), default=0)
    for again in comings:
        copied = _copied(notes, again, out)
        if alone and part.role == "melody" and again.number:
            copied = varied(frame, part, copied, again.number, last)
        out += copied
    kept = []
    for note in sorted(out, key=lambda n: (n.start, n.pitch)):
        bar = max(b.index for b in frame.bars if b.start <= note.start + _EPS)
        if part.plays_in(bar) and note.start < frame.length - _EPS:
            kept.append(note if note.end <= frame.length + _EPS else replace(note, duration=frame.length - note.start))
    return tuple(kept)


def _copied(notes: list[Note], again: Return, before: list[Note]) -> list[Note]:
    """The notes of a return; an upbeat waits for the last note of what comes before."""
    shift = again.at - again.source
    body = [n for n in notes if again.source - _EPS <= n.start < again.source + again.length - _EPS]
    out = [replace(n, start=n.start + shift) for n in body]
    if again.pickup:
        upbeat = [n for n in notes if again.source - again.pickup - _EPS <= n.start < again.source - _EPS]
        busy = max((n.end for n in before if n.start < again.at - _EPS), default=0.0)
        out += [replace(n, start=n.start + shift) for n in upbeat if n.start + shift >= busy - _EPS]
    return out


def returns(frame: Frame) -> tuple[Return, ...]:
    """Where given notes come again."""
    starts = [n.start for p in frame.plan.parts if p.sketch is not None for n in frame.plan.sketch[p.sketch].notes]
    sections = list(dict.fromkeys(bar.section for bar in frame.bars))
    if not starts:
        return ()
    first_at, last_at = min(starts), max(starts)
    holding = [i for i, s in enumerate(sections) if s.material != INTRO and _start(frame, s) <= last_at + _EPS]
    first = next((i for i in holding if _end(frame, sections[i]) > first_at + _EPS), None)
    if first is None:
        return ()
    given = sections[first : holding[-1] + 1]
    pickup = max(0.0, _start(frame, given[0]) - first_at)
    statement = [s for s in given if s.name != _TAG] or given
    known = {s.material for s in statement}
    out: list[Return] = []
    number = 0
    run: list[Section] = []
    for section in [*sections[holding[-1] + 1 :], None]:
        if section is not None and section.material in known and section.name != _TAG:
            run.append(section)
            continue
        while run:
            whole = len(run) >= len(statement)
            sources = statement if whole else statement[-len(run) :]
            number += 1
            for k, source in enumerate(sources):
                out += _section_return(frame, run[k], source, number, pickup if whole and k == 0 else 0.0)
            run = run[len(sources) :]
        if section is not None and section.name == _TAG:
            out += _tag(frame, section, statement[-1])
    return tuple(out)


def _section_return(frame: Frame, section: Section, source: Section, number: int, pickup: float) -> list[Return]:
    """One section again; a shorter one brings the end of its source, a longer one all of it."""
    at, end = _start(frame, section), _end(frame, section)
    start, stop = _start(frame, source), _end(frame, source)
    if section.n_bars < source.n_bars:
        start = max(start, stop - (end - at))
    if frame.bars[section.start_bar].metre != frame.bars[source.start_bar].metre:
        return []
    return [Return(at, start, min(stop - start, end - at), number, pickup)]


def _tag(frame: Frame, section: Section, source: Section) -> list[Return]:
    """The last bars of the tune once more."""
    bars = min(section.n_bars, source.n_bars)
    at = frame.bars[section.end_bar - bars].start
    stop = _end(frame, source)
    length = frame.bars[section.end_bar - 1].end - at
    start = frame.bars[source.end_bar - bars].start
    return [Return(at, start, min(length, stop - start), 0)]


def _start(frame: Frame, section: Section) -> float:
    return frame.bars[section.start_bar].start


def _end(frame: Frame, section: Section) -> float:
    return frame.bars[section.end_bar - 1].end


def holes(frame: Frame, tune: tuple[Note, ...]) -> tuple[tuple[int, int], ...]:
    """Stretches of bars (from, to; exclusive) after the first statement that need a tune of their own: bridges, and bars
    that a short tune leaves in its section."""
    given = (n for p in frame.plan.parts if p.sketch is not None for n in frame.plan.sketch[p.sketch].notes)
    last_given = max((n.start for n in given), default=0.0)
    sounding: set[int] = set()
    for bar in frame.bars:
        if any(n.start < bar.end - _EPS and n.end > bar.start + _EPS for n in tune):
            sounding.add(bar.index)
    found: list[tuple[int, int]] = []
    for bar in frame.bars:
        if bar.index in sounding or bar.end <= last_given or bar.section.material == INTRO:
            continue
        if found and found[-1][1] == bar.index:
            found[-1] = (found[-1][0], bar.index + 1)
        else:
            found.append((bar.index, bar.index + 1))
    return tuple(h for h in found if h[1] - h[0] >= _LEAST_HOLE_BARS)


def composed_between(frame: Frame, tune: tuple[Note, ...], chords: tuple[ChordSpan, ...]) -> tuple[Note, ...]:
    """What the tune's player has between the returns: the tune's opening motif, developed over the chords there."""
    part = tune_part(frame)
    if part is None or not tune:
        return ()
    notes: list[Note] = []
    for start, end in holes(frame, tune):
        if part.plays_in(start):
            notes += developed(frame, tune, chords, start, end)
    return tuple(notes)


def _playable(part: PartPlan, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Composed notes brought into the instrument's range by octaves."""
    low, high = instrument(part.instrument).range
    out = []
    for note in notes:
        pitch = note.pitch
        while pitch > high:
            pitch -= 12
        while pitch < low:
            pitch += 12
        out.append(replace(note, pitch=pitch))
    return tuple(out)


def _line(notes: tuple[Note, ...]) -> list[Note]:
    """The highest of simultaneous notes, for harmonising and for parts that double the tune."""
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        if line and note.start < line[-1].start + _EPS:
            continue
        if line and line[-1].end > note.start + _EPS:
            line[-1] = replace(line[-1], duration=note.start - line[-1].start)
        line.append(note)
    return line
