"""Pads: voices that hold, with common notes tied and little movement."""

from __future__ import annotations

from partimento.compose.arrange.comping import chord_notes
from partimento.compose.arrange.context import EPS, Context, Player, Segment
from partimento.compose.arrange.duty import Duty, pattern_tags
from partimento.compose.arrange.hands import Hand, make_hand, third_note
from partimento.compose.arrange.notes import body_end, final_spans, plays_final, tidy
from partimento.score.score import Note

_LONGEST_TIE = 12.0


def pad_notes(ctx: Context, player: Player, duty: Duty) -> tuple[Note, ...]:
    """All notes of a pad: held chords, or the style's pad pattern when it has one for this instrument."""
    if ctx.pool("pad") or set(pattern_tags(player)) & {"pulse", "arpeggio", "stabs"}:
        return chord_notes(ctx, player, duty, "pad")
    hand = make_hand(ctx, player, bass_duty=False, kind="open" if player.rank == 0 else "close")
    hand.size = min(hand.size, 4)
    notes: list[Note] = []
    stop = body_end(ctx)
    bars = [b for b in ctx.active_bars(player) if b.start < stop - EPS]
    for start, end, bar_index in _stretches(ctx, [(b.start, min(b.end, stop), b.index) for b in bars]):
        has_bass = duty.bass(bar_index) == player.name
        for segment in ctx.segments(start, end):
            notes += _held(ctx, hand, segment, has_bass)
    if plays_final(ctx, player):
        bar = ctx.bar_at(ctx.frame.final_start)
        for start, end in final_spans(ctx):
            chord = ctx.chord_at(start) or ctx.chords[-1].chord
            notes += _held(ctx, hand, Segment(start, end, chord, 0, True), duty.bass(bar.index) == player.name)
    return tidy(ctx, player, _tied(notes, body_end(ctx)))


def _stretches(ctx: Context, spans: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Bars joined where they follow each other within a section, so that a chord is struck once."""
    joined: list[tuple[float, float, int]] = []
    for start, end, index in spans:
        if joined and abs(joined[-1][1] - start) < EPS and ctx.bars[index].in_section:
            joined[-1] = (joined[-1][0], end, joined[-1][2])
        else:
            joined.append((start, end, index))
    return joined


def _held(ctx: Context, hand: Hand, segment: Segment, has_bass: bool) -> list[Note]:
    shape = hand.voicing(ctx, segment, False)
    pitches = list(shape)
    if has_bass and pitches[0] % 12 != segment.chord.bass:
        bottom = hand.bass(segment.chord.bass)
        pitches = [bottom, *(p for p in pitches if p > bottom + 2)]
        third = third_note(hand, segment.chord, hand.centre, bottom + 2)
        if third is not None and all(p % 12 != segment.chord.third for p in pitches):
            pitches.append(third)
    return [Note(segment.start, segment.end - segment.start, p, 74) for p in pitches]


def _tied(notes: list[Note], stop: float) -> list[Note]:
    """Join a note to the next of its pitch when they touch, as long as no breath is due."""
    open_at: dict[int, int] = {}
    kept: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, n.pitch)):
        before = open_at.get(note.pitch)
        if before is not None:
            old = kept[before]
            if abs(old.end - note.start) < EPS and note.end - old.start <= _LONGEST_TIE and note.start < stop - EPS:
                kept[before] = Note(old.start, note.end - old.start, old.pitch, old.velocity)
                continue
        open_at[note.pitch] = len(kept)
        kept.append(note)
    return kept
