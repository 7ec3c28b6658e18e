"""Given chords are heard where they start: whoever comps touches a third that nobody sounds there.

Off-beat comping (a skank, a bossa), arpeggios that begin with the root and the hands of a stride leave the third to a later
beat. Where the user wrote the chords, it is set softly on the chord's start as well and let go when the pattern strikes.
"""

from __future__ import annotations

import bisect

from partimento.compose.arrange.context import EPS, Context, Player
from partimento.compose.arrange.notes import heard_length, tidy
from partimento.compose.arrange.voicing import place
from partimento.score.score import ChordSpan, Note

_AT_ONCE = 0.125  # quarter notes within which a chord is struck
_LONGEST = 1.0
_HELD = 2.0
_SOFTER = 8
_VELOCITY = 72
_ORDER = ("pad", "chords", "arpeggio", "counter")
_HARMONY = ("chords", "pad", "arpeggio", "counter")


def sound_thirds(ctx: Context, written: dict[str, tuple[Note, ...]]) -> None:
    """Add the missing thirds where the chords are given.

    Args:
        ctx: the piece.
        written: part -> its notes; changed in place.
    """
    if ctx.plan.chords.value is None:
        return
    able = [p for p in ctx.players if p.role in _HARMONY and p.name in written and not p.instrument.is_drum]
    able.sort(key=lambda p: (not p.instrument.poly, _ORDER.index(p.role), p.rank))
    pitched = {p.name for p in ctx.players if p.role not in ("drums", "percussion") and not p.instrument.is_drum}
    changed = set()
    for span in ctx.chords:
        third, bar = span.chord.third, ctx.bar_index(span.start)
        here = [p for p in able if p.plan.plays_in(bar)]
        if third is None or span.end - span.start <= _AT_ONCE or not here:
            continue
        sounding = [n.pitch for name in pitched if name in written for n in _at(written[name], span.start)]
        tune = ctx.tune_in(span.start, span.start + 2 * _AT_ONCE) if ctx.tune_sounds(bar) else []
        sounding += [n.pitch for n in tune if n.start <= span.start + _AT_ONCE and n.end > span.start + _AT_ONCE]
        if third not in {pitch % 12 for pitch in sounding}:
            written[here[0].name] = _with_third(here[0], written[here[0].name], span, third, min(sounding, default=0))
            changed.add(here[0].name)
        changed |= _hold_the_only_one(here, written, span, third)
    for player in able:
        if player.name in changed:
            written[player.name] = tidy(ctx, player, written[player.name])


def _hold_the_only_one(here: list[Player], written: dict[str, tuple[Note, ...]], span: ChordSpan, third: int) -> set[str]:
    """Let the third ring where it is struck but once in a chord, as over power chords: distortion brings a major one.

    Returns:
        The part that was changed, if any.
    """
    found = []
    for player in here:
        notes = written[player.name]
        first = bisect.bisect_left(notes, span.start - EPS, key=lambda n: n.start)
        last = bisect.bisect_left(notes, span.end - EPS, key=lambda n: n.start)
        found += [(player, i) for i in range(first, last) if notes[i].pitch % 12 == third]
    if len(found) != 1 or not found[0][0].instrument.poly:
        return set()
    name, i = found[0][0].name, found[0][1]
    note = written[name][i]
    end = min(span.end, span.start + _HELD)
    if note.start > span.start + _AT_ONCE or note.end >= end - EPS:
        return set()
    held = Note(note.start, end - note.start, note.pitch, note.velocity, note.nudge_s)
    written[name] = (*written[name][:i], held, *written[name][i + 1 :])
    return {name}


def _at(notes: tuple[Note, ...], at: float) -> list[Note]:
    """Notes that sound where a chord starts (``notes`` by time)."""
    end = bisect.bisect_right(notes, at + _AT_ONCE, key=lambda n: n.start)
    return [n for n in notes[max(0, end - 48) : end] if n.end > at + _AT_ONCE + EPS]


def _with_third(player: Player, notes: tuple[Note, ...], span: ChordSpan, third: int, floor: int) -> tuple[Note, ...]:
    """The part with the third at the start of a chord, above ``floor`` where its range allows."""
    low, high = player.instrument.range
    at = span.start
    if not player.instrument.poly:
        held = [n for n in _at(notes, at) if n.pitch > floor]
        if held:
            old = held[-1]
            pitch = place(third, low, high, old.pitch)
            pitch += 12 if pitch <= floor and pitch + 12 <= high else 0
            return _replaced(notes, old, Note(old.start, old.duration, pitch, old.velocity, old.nudge_s), span)
    near = min(notes, key=lambda n: (abs(n.start - at - 0.5), -n.pitch), default=None)
    pitch = place(third, low, high, near.pitch if near is not None else (low + high) // 2)
    pitch += 12 if pitch <= floor and pitch + 12 <= high else 0
    upcoming = [n.start for n in notes if n.start > at + _AT_ONCE]
    following = min(upcoming, default=span.end)
    least = at + heard_length(span.end - span.start) if player.instrument.poly else at
    end = min(at + _LONGEST, span.end, max(following, least))
    velocity = max(1, near.velocity - _SOFTER) if near is not None else _VELOCITY
    return tuple(sorted((*notes, Note(at, end - at, pitch, velocity)), key=lambda n: (n.start, n.pitch)))


def _replaced(notes: tuple[Note, ...], old: Note, new: Note, span: ChordSpan) -> tuple[Note, ...]:
    """One note in the place of another; what began before the chord keeps its pitch until there."""
    parts = [new]
    if old.start < span.start - _AT_ONCE:
        parts = [
            Note(old.start, span.start - old.start, old.pitch, old.velocity, old.nudge_s),
            Note(span.start, old.end - span.start, new.pitch, old.velocity, old.nudge_s),
        ]
    kept = [n for n in notes if n is not old]
    return tuple(sorted((*kept, *parts), key=lambda n: (n.start, n.pitch)))
