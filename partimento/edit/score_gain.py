"""``gain`` and ``fade``: louder, softer, in and out."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.contents import EffectStep, SoundStep
from partimento.edit.region import Span, quarter_span
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation, check_gain

DEFAULT_GAIN_DB = 3.0
"""What "louder" means when no figure is given (``value`` ``softer`` turns its sign)."""
DEFAULT_FADE_S = 3.0


def gain(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Change the level of stems by ``amount`` dB (or by a ``factor``).

    Raises:
        RequestError: beyond ±24 dB.
    """
    names = tracks_of(operation.targets, piece.score)
    gain_db = gain_of(operation)
    plan, score = piece.plan, piece.score
    lines = tuple(f"{name} {gain_db:+.1f} dB in {span}" for name in names)
    if not span.whole:
        step = SoundStep("effects", span.start, span.end, (EffectStep("gain", {"gain_db": gain_db}),))
        return Change(plan, score, steps=dict.fromkeys(names, (step,)), span=span, limits=gain_db > 0, lines=lines)
    for name in names:
        track = score.track(name)
        score = score.with_track(replace(track, gain_db=track.gain_db + gain_db))
    parts = tuple(replace(p, gain_db=p.gain_db + gain_db) if p.name in names else p for p in plan.parts)
    plan = replace(plan, parts=parts)
    return Change(plan, score, gains_db=dict.fromkeys(names, gain_db), span=span, limits=gain_db > 0, lines=lines)


def gain_of(operation: EditOperation) -> float:
    """The gain in dB that an operation asks for."""
    from math import log10

    amount = operation.amount
    if amount is None:
        gain_db = -DEFAULT_GAIN_DB if operation.value in ("softer", "quieter") else DEFAULT_GAIN_DB
    elif operation.unit == "factor":
        if amount <= 0:
            raise RequestError(f"a level of {amount:g} times: use a factor above 0, or remove the part")
        gain_db = 20.0 * log10(amount)
    else:
        gain_db = amount
    return check_gain(gain_db)


def fade(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Fade in (``value`` ``in``) or out: over the region, or over ``amount`` seconds or bars at the piece's edge.

    Raises:
        RequestError: longer than the piece.
    """
    names = tracks_of(operation.targets, piece.score)
    score, into = piece.score, operation.value == "in"
    if span.whole:
        length = _fade_s(piece, operation)
        if not 0 < length <= score.duration_s:
            raise RequestError(f"a fade of {length:g} s: the piece lasts {score.duration_s:.2f} s")
        quarters = score.tempo_map.quarters
        if into:
            span = quarter_span(score, 0.0, quarters(length))
        else:
            span = quarter_span(score, quarters(score.duration_s - length), score.length)
    elif not into and span.end < score.length - 1e-6:
        raise RequestError(f"a fade-out in {span} would leave silence behind it; let it reach the end, or use softer")
    elif into and span.start > 1e-6:
        raise RequestError(f"a fade-in in {span} would leave silence before it; let it begin at the start")
    step = SoundStep("fade_in" if into else "fade_out", span.start, span.end)
    lines = (f"{', '.join(names)}: fade-{'in' if into else 'out'} over {span.end_s - span.start_s:.1f} s",)
    return Change(piece.plan, score, steps=dict.fromkeys(names, (step,)), span=span, lines=lines)


def _fade_s(piece: Piece, operation: EditOperation) -> float:
    """Length of a fade in seconds."""
    if operation.amount is None:
        return min(DEFAULT_FADE_S, 0.25 * piece.score.duration_s)
    if operation.unit == "bars":
        return operation.amount * piece.score.duration_s / piece.score.n_bars
    return operation.amount
