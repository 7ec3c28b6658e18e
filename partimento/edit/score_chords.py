"""``set_chords``: other chords under the same tune."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, original_rngs, within, write_parts
from partimento.edit.lanes import chord_lane, free_sketches
from partimento.edit.region import Span, quarter_span
from partimento.edit.score_replace import into_range
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, Plan, Value
from partimento.score.chord_text import parse_chords
from partimento.score.harmony import nearest_chord_tone
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, Note, Score
from partimento.score.timing import Key

ACCOMPANYING = ("counter", "chords", "pad", "arpeggio", "bass")
"""Roles that follow the chords."""


def set_chords(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Put the chords ``value`` (repeated to fill the span) under the tune, which gives way where it clashes.

    With ``goes`` only that chord makes way for ``value``, wherever it stands in the span (``first``, ``last`` or a number:
    that one).

    Raises:
        ParseError: the chords do not parse.
        RequestError: the region does not begin and end on bar lines, or the chord that shall go is not there.
    """
    if operation.goes:
        return _exchanged(piece, operation, span)
    bars = parse_chords(operation.value, piece.score.key_at(span.start))
    edges = (piece.score.bar_starts[span.start_bar], piece.score.bar_span(span.end_bar - 1)[1])
    if abs(edges[0] - span.start) > 1e-6 or abs(edges[1] - span.end) > 1e-6:
        raise RequestError("chords are set by whole bars; give the region in bars")
    chords: list[ChordSpan] = []
    for i, bar in enumerate(range(span.start_bar, span.end_bar)):
        start, end = piece.score.bar_span(bar)
        chords += [
            ChordSpan(start + slot.start * (end - start), start + slot.end * (end - start), slot.chord)
            for slot in bars[i % len(bars)]
            if slot.chord is not None
        ]
    score, plan = with_chords(piece, tuple(chords), span, operation)
    score, names = follow_chords(piece, plan, score, span)
    plan = free_sketches(plan, names)
    line = f"chords in {span}: {' '.join(c.chord.symbol for c in chords[:8])}{' …' if len(chords) > 8 else ''}"
    return Change(plan, score, names, span=span, lines=(line,))


def _exchanged(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """One chord in the place of another; what is played over the other chords stays.

    Raises:
        RequestError: it is not there.
    """
    key = piece.score.key_at(span.start)
    comes = next((slot.chord for bar in parse_chords(operation.value, key) for slot in bar if slot.chord is not None), None)
    if comes is None:
        raise RequestError(f"'{operation.value}' is no chord; say e.g. G7")
    there = [replace(c, start=max(c.start, span.start), end=min(c.end, span.end)) for c in piece.score.chords
             if min(c.end, span.end) > max(c.start, span.start) + 1e-6]  # fmt: skip
    going = _going(operation.goes, there, key)
    if not going:
        known = " ".join(dict.fromkeys(c.chord.symbol for c in there)) or "none"
        raise RequestError(f"there is no chord {operation.goes} in {span}; there are: {known}")
    if all(c.chord.intervals == comes.intervals and c.chord.root == comes.root for c in going):
        raise RequestError(f"it is {comes.symbol} already; name another chord or place")
    new = tuple(replace(c, chord=comes) if c in going else c for c in there)
    hull = quarter_span(piece.score, min(c.start for c in going), max(c.end for c in going))
    score, plan = with_chords(piece, new, span, operation)
    touched: dict[str, None] = {}
    for start, end in _stretches(going):
        score, changed = follow_chords(piece, plan, score, quarter_span(piece.score, start, end))
        touched |= dict.fromkeys(changed)
    bars = sorted({piece.score.bar_at(c.start) + 1 for c in going})
    goes = f"{_ordinal(operation.goes)} chord" if operation.goes.removeprefix("-").isdigit() else operation.goes
    line = f"{goes} → {comes.symbol} in bar{'s' if len(bars) > 1 else ''} {', '.join(map(str, bars))}"
    return Change(free_sketches(plan, tuple(touched)), score, tuple(touched), span=hull, lines=(line,))


def _going(name: str, there: list[ChordSpan], key: Key) -> list[ChordSpan]:
    """The chords that are meant: exactly so named, else those of that root with the same third (a Gadd9 for "the G").

    Raises:
        RequestError: a number that there are not so many chords for.
    """
    if name in ("first", "last"):
        return there[:1] if name == "first" else there[-1:]
    if name.removeprefix("-").isdigit():
        runs = [list(group) for _, group in groupby(there, key=lambda c: (c.chord.root, c.chord.intervals, c.chord.bass))]
        index = int(name) - (0 if name.startswith("-") else 1)
        if not -len(runs) <= index < len(runs):
            raise RequestError(f"there is no chord number {name}: there are {len(runs)}, a chord that goes on counted once")
        return runs[index]
    wanted = next((slot.chord for bar in parse_chords(name, key) for slot in bar if slot.chord is not None), None)
    if wanted is None:
        return []
    same = [c for c in there if (c.chord.root, c.chord.intervals, c.chord.bass) == (wanted.root, wanted.intervals, wanted.bass)]
    kind = [c for c in there if c.chord.root == wanted.root and set(wanted.intervals) <= set(c.chord.intervals)]
    return same or kind


def _ordinal(number: str) -> str:
    """``"2"`` → ``"2nd"``, ``"-2"`` → ``"2nd last"``."""
    digits = number.removeprefix("-")
    teen = digits[-2:] in ("11", "12", "13")
    end = "th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(digits[-1], "th")
    return f"{digits}{end}{' last' if number.startswith('-') else ''}"


def _stretches(chords: list[ChordSpan]) -> list[tuple[float, float]]:
    """Where chords stand, neighbours joined."""
    out: list[tuple[float, float]] = []
    for chord in chords:
        if out and abs(out[-1][1] - chord.start) < 1e-6:
            out[-1] = (out[-1][0], chord.end)
        else:
            out.append((chord.start, chord.end))
    return out


def with_chords(piece: Piece, chords: tuple[ChordSpan, ...], span: Span, operation: EditOperation) -> tuple[Score, Plan]:
    """Score and plan with other chords in a span."""
    kept: list[ChordSpan] = []
    for at in piece.score.chords:
        if at.start < span.start - 1e-6:
            kept.append(replace(at, end=min(at.end, span.start)))
        if at.end > span.end + 1e-6:
            kept.append(replace(at, start=max(at.start, span.end)))
    score = replace(piece.score, chords=tuple(sorted((*kept, *chords), key=lambda c: c.start)))
    return score, replace(piece.plan, chords=Value(chord_lane(score), Origin.SAID, operation.words))


def follow_chords(
    piece: Piece, plan: Plan, score: Score, span: Span, *, keep_tune: bool = False
) -> tuple[Score, tuple[str, ...]]:
    """Tune and accompaniment of a span fitted to the score's chords; returns the names of the tracks that changed."""
    changed: list[str] = []
    tunes = [] if keep_tune else [t for t in score.tracks if t.role == "melody" and not t.is_drum]
    for track in tunes:
        row = instruments().get(track.instrument)
        limits = row.range if row is not None else (0, 127)
        notes = tuple(_fitted(n, score, limits) for n in within(track.notes, span))
        if notes != within(track.notes, span):
            score = score.with_track(replace(track, notes=merged(track.notes, notes, span)))
            changed.append(track.name)
    names = [
        t.name for t in score.tracks
        if t.role in ACCOMPANYING and not t.is_drum and within(t.notes, span) and any(p.name == t.name for p in plan.parts)
    ]  # fmt: skip
    if names:
        written = write_parts(plan, score, names, original_rngs(piece))
        for name in names:
            track = score.track(name)
            score = score.with_track(replace(track, notes=merged(track.notes, written[name].notes, span)))
    return score, (*changed, *names)


def _fitted(note: Note, score: Score, limits: tuple[int, int]) -> Note:
    """A tune note that clashes (long, or on the chord's start, and a semitone from a chord note) moves to the chord."""
    chord = score.chord_at(note.start)
    if chord is None or note.pitch % 12 in chord.pitch_classes:
        return note
    clash = any((note.pitch + d) % 12 in chord.pitch_classes for d in (-1, 1))
    on_beat = abs(note.start - round(note.start)) < 1e-3
    if note.duration < 0.75 and not (clash and on_beat):
        return note
    return replace(note, pitch=into_range(nearest_chord_tone(note.pitch, chord), *limits))
