"""``pan``: parts to the left, to the right, to the middle."""

from __future__ import annotations

import math

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.edit.change import Change, Piece
from partimento.edit.contents import EffectStep, SoundStep
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation

_STEPS = 24
_NEAR = 0.02


def pan(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Place parts at ``amount``, -1 (left) to 1 (right), wherever they are now; their loudness stays.

    Raises:
        RequestError: no place, or one that is none. UnsupportedError: silence, or all of them are there already.
    """
    if operation.amount is None or not -1.0 <= operation.amount <= 1.0:
        raise RequestError(f"a place of {operation.amount}: give -1 (left) to 1 (right), e.g. pan the guitar 30 % left")
    names = tracks_of(operation.targets, piece.score)
    rate = piece.sample_rate
    start, end = span.samples(rate)
    first, last = (None, None) if span.whole else (span.start, span.end)
    steps, lines = {}, []
    for name in names:
        wave = piece.stems[name].part(start, end)
        now = place_of(wave)
        if now is None or abs(now - operation.amount) < _NEAR:
            continue
        chain = _chain(wave, operation.amount)
        steps[name] = (SoundStep("effects", first, last, chain),)
        lines.append(f"{name} {_told(now)} → {_told(operation.amount)} in {span}")
    if not steps:
        raise UnsupportedError(f"{', '.join(names)} in {span}: silent, or {_told(operation.amount)} already")
    return Change(piece.plan, piece.score, steps=steps, span=span, lines=tuple(lines))


def place_of(wave: Waveform) -> float | None:
    """Where a sound stands, -1 to 1 by the law of constant power; None for silence."""
    left, right = (float(np.sqrt(np.mean(np.square(c, dtype=np.float64)))) for c in wave.samples)
    if max(left, right) < 1e-5:
        return None
    return math.atan2(right, left) * 4.0 / math.pi - 1.0


def _chain(wave: Waveform, wanted: float) -> tuple[EffectStep, ...]:
    """The panner's position that brings a sound to a place, and the gain that keeps its power."""
    left, right = (c.astype(np.float64) for c in wave.samples)
    powers = float(left @ left), float(right @ right), float(left @ right)

    def after(position: float) -> tuple[float, float]:
        """Powers of the two channels."""
        near, far = (powers[0], powers[1]) if position > 0 else (powers[1], powers[0])
        turn = abs(position) * math.pi / 2.0
        given = near * math.cos(turn) ** 2
        taken = far + near * math.sin(turn) ** 2 + 2.0 * powers[2] * math.sin(turn)
        return (given, taken) if position > 0 else (taken, given)

    low, high = -1.0, 1.0
    for _ in range(_STEPS):
        position = (low + high) / 2.0
        a, b = after(position)
        at = math.atan2(math.sqrt(max(b, 0.0)), math.sqrt(max(a, 0.0))) * 4.0 / math.pi - 1.0
        low, high = (position, high) if at < wanted else (low, position)
    position = round(wanted if abs(wanted) == 1.0 else (low + high) / 2.0, 4)
    a, b = after(position)
    gain_db = 10.0 * math.log10((powers[0] + powers[1]) / max(a + b, 1e-12))
    return EffectStep("pan", {"position": position}), EffectStep("gain", {"gain_db": round(gain_db, 3)})


def _told(place: float) -> str:
    """A place for people."""
    return "in the middle" if abs(place) < 0.03 else f"{abs(100 * place):.0f} % {'left' if place < 0 else 'right'}"
