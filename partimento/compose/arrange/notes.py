"""What all parts share when they finish: keep to their bars and range, never overlap themselves, end with the piece."""

from __future__ import annotations

from collections.abc import Iterable

from partimento.compose.arrange.context import EPS, Context, Player
from partimento.score.score import Note

_SHORTEST = 0.04
_BRIEF = 1.0
_HEARD = 0.3
_HEARD_SHARE = 0.35


def heard_length(chord_length: float) -> float:
    """Least length of a note that tells which chord has begun: long enough not to pass for a tail of the one before."""
    return min(_HEARD, _HEARD_SHARE * chord_length)


def body_end(ctx: Context) -> float:
    """Where ordinary playing stops: the start of the final chord, or the end of the piece."""
    return min(ctx.frame.final_start, ctx.length)


def has_final(ctx: Context) -> bool:
    """True when the piece ends with a final chord."""
    return ctx.frame.final_start < ctx.length - EPS


def plays_final(ctx: Context, player: Player) -> bool:
    """True when the part is there to play the final chord."""
    return has_final(ctx) and player.plan.plays_in(ctx.bar_index(ctx.frame.final_start))


def final_spans(ctx: Context) -> list[tuple[float, float]]:
    """Chords of the ending, start and end: usually one; more when given chords still change after it began.

    A chord given after the release is struck all the same, but briefly.
    """
    start, release = ctx.frame.final_start, min(ctx.frame.final_release, ctx.length)
    spans = []
    for segment in ctx.segments(start, ctx.length):
        brief = segment.start + min(_BRIEF, 0.6 * (ctx.length - segment.start))
        end = min(segment.end, max(release, brief))
        if end - segment.start > _SHORTEST:
            spans.append((segment.start, end))
    if not spans:
        return [(start, release)]
    if spans[0][0] > start + EPS:
        spans[0] = (start, spans[0][1])
    return spans


def tidy(ctx: Context, player: Player, notes: Iterable[Note], *, pitched: bool = True) -> tuple[Note, ...]:
    """Notes within the part's bars and range, sorted, none sounding into the next of its own pitch."""
    spans = _spans(ctx, player)
    low, high = player.instrument.range
    kept: dict[tuple[float, int], Note] = {}
    for note in notes:
        span = next((s for s in spans if s[0] - EPS <= note.start < s[1] - EPS), None)
        if span is None:
            continue
        end = min(note.end, span[1], ctx.length)
        pitch = note.pitch
        if pitched and not low <= pitch <= high:
            pitch = _fold(pitch, low, high)
        if end - note.start < _SHORTEST:
            continue
        key = (round(note.start, 5), pitch)
        old = kept.get(key)
        if old is None or old.end < end:
            kept[key] = Note(note.start, end - note.start, pitch, note.velocity, note.nudge_s)
    ordered = [kept[key] for key in sorted(kept)]
    return _untangle(ordered)


def _spans(ctx: Context, player: Player) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for r in player.plan.active:
        first, last = max(0, r.start_bar), min(len(ctx.bars), r.end_bar)
        if first >= last:
            continue
        span = (ctx.bars[first].start, ctx.bars[last - 1].end)
        if found and span[0] <= found[-1][1] + EPS:
            found[-1] = (found[-1][0], span[1])
        else:
            found.append(span)
    return found


def _fold(pitch: int, low: int, high: int) -> int:
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return max(low, min(high, pitch))


def _untangle(notes: list[Note]) -> tuple[Note, ...]:
    """Cut a note where the next of the same pitch begins."""
    following: dict[int, float] = {}
    kept: list[Note] = []
    for note in reversed(notes):
        limit = following.get(note.pitch)
        if limit is not None and note.end > limit:
            if limit - note.start < _SHORTEST:
                continue
            note = Note(note.start, limit - note.start, note.pitch, note.velocity, note.nudge_s)
        following[note.pitch] = note.start
        kept.append(note)
    return tuple(reversed(kept))
