"""``add``: a part composed to fit what is there."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import bars_with, fresh_rngs, merged, new_tune, original_rngs, with_part, without, write_parts
from partimento.edit.region import Span
from partimento.edit.score_double import double
from partimento.edit.score_silence import inactive
from partimento.edit.targets import free_name, instrument_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, PartPlan
from partimento.score.instruments import Instrument
from partimento.score.score import ROLES, Note, Score, Track
from partimento.styles import style

_ENTRY_BARS = 2
_ROLE_PLAYERS = {
    "melody": ("flute", "violin"),
    "counter": ("clarinet", "viola"),
    "chords": ("piano", "guitar"),
    "pad": ("synth_pad", "strings"),
    "arpeggio": ("harp", "guitar"),
    "bass": ("bass", "double_bass"),
    "drums": ("drums",),
    "percussion": ("percussion", "shaker"),
}
"""Who plays a role that is asked for without an instrument, where the style has nobody for it."""


def add(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Add an instrument in a span.

    A part of that instrument which is silent in the span plays on there; otherwise a new part is written. A role among
    the targets (``melody``, ``pad`` …) is kept to, and a solo is a lead line of its own while other tunes rest; else the
    instrument's usual role is taken, unless a tune is there already. A part that doubles another plays its notes.

    Raises:
        RequestError: unknown instrument.
        UnsupportedError: nothing that it could play finds room.
    """
    if operation.doubles:
        return double(piece, operation, span)
    row = instrument_of(operation.instrument or _usual(piece, operation.targets))
    words = operation.words
    solo = _is_solo(operation)
    silent = _silent_part(piece, row, span)
    tried = [silent.role] if silent is not None else _roles(piece, row, operation, span)
    for role in tried:
        part = silent or PartPlan(
            free_name(row.en, {t.name for t in piece.score.tracks}), row.id, role, Origin.SAID, (), words, "added by an edit"
        )
        part = replace(part, active=bars_with(part.active, span))
        plan = with_part(piece.plan, part)
        rngs = original_rngs(piece)
        tune = new_tune(plan, piece.score, fresh_rngs(piece)[1]) if solo and role == "melody" else None
        track = write_parts(plan, piece.score, (part.name,), rngs, tune)[part.name]
        before = piece.score.track(part.name).notes if silent is not None else ()
        notes = merged(before, track.notes, span)
        if _enters(piece.score, notes, span):
            score = piece.score.with_track(replace(track, notes=notes))
            lines = [f"{part.name} ({role}) added in {span}"]
            resting = [t.name for t in piece.score.tracks if t.role == "melody" and t.name != part.name and _plays(t, span)]
            for name in resting if tune is not None else ():
                plan = inactive(plan, name, span, piece)
                score = score.with_track(replace(score.track(name), notes=without(score.track(name).notes, span)))
                lines.append(f"{name} rests in {span} for the solo")
            rendered = (part.name, *(resting if tune is not None else ()))
            return Change(plan, score, rendered, span=span, lines=tuple(lines))
    raise UnsupportedError(f"{row.en} finds nothing to play in {span}; name a role for it (e.g. pad, chords) or another region")


def _is_solo(operation: EditOperation) -> bool:
    """True for a lead line of its own, in contrast to one that plays the tune along."""
    said = (operation.value, *operation.words)
    return "melody" in operation.targets and any("solo" in word.lower() or "独奏" in word for word in said)


def _usual(piece: Piece, targets: tuple[str, ...]) -> str:
    """Who plays a role when nobody is named: the style's own instrument for it, one that is not there yet if possible."""
    role = next((t for t in targets if t in ROLES), "")
    if not role:
        return ""
    there = {track.instrument for track in piece.score.tracks}
    own = [p.instrument for p in style(piece.plan.style.value).ensemble if p.role == role]
    candidates = [*own, *_ROLE_PLAYERS.get(role, ())]
    return next((c for c in candidates if c not in there), candidates[0] if candidates else "")


def _silent_part(piece: Piece, row: Instrument, span: Span) -> PartPlan | None:
    """A part of this instrument that does not play in the span."""
    for part in piece.plan.parts:
        free = not any(part.plays_in(bar) for bar in range(span.start_bar, span.end_bar))
        if part.instrument == row.id and free and any(t.name == part.name for t in piece.score.tracks):
            return part
    return None


def _roles(piece: Piece, row: Instrument, operation: EditOperation, span: Span) -> list[str]:
    """Roles to try, best first."""
    asked = [t for t in operation.targets if t in ROLES]
    if asked:
        return asked
    if row.is_drum:
        return [row.role]
    led = any(_plays(track, span) for track in piece.score.tracks if track.role == "melody")
    wanted = "counter" if row.role == "melody" and led else row.role
    others = ("chords", "pad", "arpeggio", "counter", "melody") if row.poly else ("counter", "pad", "melody")
    return [wanted, *(r for r in others if r != wanted)]


def _plays(track: Track, span: Span) -> bool:
    return any(span.start <= n.start < span.end for n in track.notes)


def _enters(score: Score, notes: tuple[Note, ...], span: Span) -> bool:
    """True when something sounds in the first bars of the span."""
    last = min(span.end_bar, span.start_bar + _ENTRY_BARS) - 1
    end = score.bar_span(last)[1]
    return any(span.start - 1e-6 <= n.start < end for n in notes)
