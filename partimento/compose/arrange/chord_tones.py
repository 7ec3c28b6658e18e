"""The share of chord notes in what accompanies: walking and anticipating basses are reined in where it sinks too low."""

from __future__ import annotations

from partimento.compose.arrange.context import EPS, Context
from partimento.compose.arrange.voicing import place
from partimento.score.score import Note

_ROLES = ("chords", "pad", "arpeggio", "bass")
_LEAST_SHARE = 0.925
_EARLY = 0.5


def keep_to_chords(ctx: Context, written: dict[str, tuple[Note, ...]]) -> None:
    """Replace passing notes of basses by chord notes until at least 92.5 % of accompanying time is chord notes.

    Args:
        written: part -> its notes; changed in place.
    """
    names = [p.name for p in ctx.players if p.role in _ROLES and p.name in written]
    total = sum(n.duration for name in names for n in written[name])
    foreign = {name: [(i, t) for i, n in enumerate(written[name]) if (t := _foreign_time(ctx, n)) > EPS] for name in names}
    excess = sum(t for found in foreign.values() for _, t in found) - (1.0 - _LEAST_SHARE) * total
    if excess <= 0:
        return
    basses = [p for p in ctx.players if p.name in foreign and p.role == "bass"]
    for player in basses:
        notes = list(written[player.name])
        # Every second one first, so that some colour stays wherever it can.
        order = foreign[player.name][::2] + foreign[player.name][1::2]
        for i, time in order:
            if excess <= 0:
                break
            chord = ctx.chord_at(notes[i].start)
            if chord is None:
                continue
            old = notes[i]
            low, high = player.instrument.range
            pitch = min((place(pc, low, high, old.pitch) for pc in chord.pitch_classes), key=lambda p: (abs(p - old.pitch), p))
            span = ctx.chord_index(old.start)
            end = min(old.end, ctx.chords[span].end) if span is not None else old.end
            notes[i] = Note(old.start, end - old.start, pitch, old.velocity, old.nudge_s)
            if old.end > end + EPS:
                following = ctx.chord_at(end)
                if following is not None:
                    root = place(following.bass, low, high, old.pitch)
                    notes.append(Note(end, old.end - end, root, old.velocity, old.nudge_s))
            excess -= time
        written[player.name] = tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))


def _foreign_time(ctx: Context, note: Note) -> float:
    """Quarter notes of a note that are foreign to the chords under it; a short anticipation counts for its chord."""
    found = 0.0
    for segment in ctx.segments(note.start, note.end):
        chord = segment.chord
        if note.pitch % 12 == chord.bass or note.pitch % 12 in chord.pitch_classes:
            continue
        upcoming = ctx.next_chord(segment.start)
        if upcoming is not None and note.end > upcoming.start + EPS and note.start >= upcoming.start - _EARLY - EPS:
            continue
        found += segment.end - segment.start
    return found
