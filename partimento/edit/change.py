"""What an operation gives back, and the seam between old samples and new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.audio.fades import fade_curve
from partimento.audio.waveform import Waveform
from partimento.edit.contents import SoundStep
from partimento.edit.region import Span
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.score.score import Score

SEAM_S = 0.012
"""Cross-fade where new samples begin; it lies inside the changed stretch."""
OUT_SEAM_S = 0.06
"""Cross-fade where they end: longer, because something may still ring."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What an executor sees.

    Attributes:
        plan, score: as they are.
        request: of the first version (SoundFont, seed), or None.
        stems: by track name.
        seed: numbers that all chance of this operation derives from.
        mix: gives the sum of the stems, without reading them all where it is known.
    """

    plan: Plan
    score: Score
    request: GenerateRequest | None
    stems: Mapping[str, Waveform]
    seed: tuple[int, ...]
    mix: Callable[[], Waveform] | None = None

    @property
    def sample_rate(self) -> int:
        """Hz of the stems."""
        return next(iter(self.stems.values())).sample_rate


@dataclass(frozen=True, slots=True)
class Kept:
    """Samples that stay: ``n`` from ``old`` of the parent come to ``new``."""

    old: int
    new: int
    n: int


@dataclass(frozen=True)
class Change:
    """What an operation does.

    Attributes:
        plan, score: afterwards.
        rendered: tracks whose notes or instrument changed: their stems are made again.
        steps: track → changes of its stem as sound (added to what was done before).
        treated: track → its stem after ``steps`` where that is known already.
        rounded: what is treated has the depth of stems already, and the mix is known not to clip.
        gains_db: track → gain that its stem gets from now on.
        span: samples outside it stay; None where ``kept`` says it.
        kept: for operations that move things in time: which samples stay, for every stem.
        n_faded: samples at the end of the last kept stretch that are faded out all the same.
        moved: how later steps of a stem move in time: old quarter note → new one.
        holds_level: rendered stems keep the gain that they had, so that louder playing is louder in the mix.
        limits: where the mix would clip, short peaks of what changed give way before all of it is lowered.
        lines: for people.
    """

    plan: Plan
    score: Score
    rendered: tuple[str, ...] = ()
    steps: Mapping[str, tuple[SoundStep, ...]] = field(default_factory=dict)
    treated: Mapping[str, Waveform] = field(default_factory=dict)
    rounded: bool = False
    gains_db: Mapping[str, float] = field(default_factory=dict)
    span: Span | None = None
    kept: tuple[Kept, ...] | None = None
    n_faded: int = 0
    moved: Callable[[float], float] | None = None
    holds_level: bool = False
    limits: bool = False
    lines: tuple[str, ...] = ()


Executor = Callable[[Piece, EditOperation, Span], Change]
"""One operation on one stretch of a score."""


def kept_outside(span: Span, sample_rate: int, n_samples: int) -> tuple[Kept, ...]:
    """Everything before and after a span."""
    start, end = span.samples(sample_rate)
    end = min(end, n_samples)
    pieces = (Kept(0, 0, start), Kept(end, end, n_samples - end))
    return tuple(k for k in pieces if k.n > 0)


def splice(old: Waveform, new: Waveform, kept: tuple[Kept, ...]) -> Waveform:
    """``new`` with the kept samples of ``old`` in their places, bit for bit.

    The cross-fades lie outside the kept stretches, over what the old sound goes on with there.

    Args:
        old: the parent's stem.
        new: the stem made again, any length.
        kept: ascending in ``new``.
    """
    if not kept:
        return new
    out = new.samples.copy()
    source = old.samples
    ends = [0, *(k.new + k.n for k in kept)]
    starts = [*(k.new for k in kept[1:]), out.shape[1]]
    for piece, following in zip(kept, starts, strict=True):
        _fade_after(out, source, piece, min(round(SEAM_S * new.sample_rate), following - piece.new - piece.n))
    for piece, before in zip(kept, ends[:-1], strict=True):
        _fade_before(out, source, piece, min(round(OUT_SEAM_S * new.sample_rate), piece.new - before))
    for piece in kept:
        out[:, piece.new : piece.new + piece.n] = source[:, piece.old : piece.old + piece.n]
    return Waveform(out, new.sample_rate)


def _fade_after(out: NDArray[np.float32], source: NDArray[np.float32], piece: Kept, n: int) -> None:
    """From the old sound into the new one, after a kept stretch."""
    at, from_ = piece.new + piece.n, piece.old + piece.n
    n = min(n, out.shape[1] - at, source.shape[1] - from_)
    if n > 0:
        rise = fade_curve(n)
        out[:, at : at + n] = source[:, from_ : from_ + n] * (1 - rise) + out[:, at : at + n] * rise


def _fade_before(out: NDArray[np.float32], source: NDArray[np.float32], piece: Kept, n: int) -> None:
    """From the new sound into the old one, before a kept stretch."""
    n = min(n, piece.new, piece.old)
    if n > 0:
        rise = fade_curve(n)
        fresh, old = slice(piece.new - n, piece.new), slice(piece.old - n, piece.old)
        out[:, fresh] = out[:, fresh] * (1 - rise) + source[:, old] * rise
