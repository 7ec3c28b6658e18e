"""Are the asked-for instruments there and the forbidden ones not? And of stems: is the named one there, or gone?

Conventions:
    Presence is a set of names per piece. *Asked* names should be present, *forbidden* ones not; others do not count. For
    a stem, the question is put to a separator (passed in): the named stem is there when its level is above ``PRESENT_DB``
    relative to the whole in at least a tenth of the one-second windows. Instruct-MusicGen's P-Demucs is the special
    case of Demucs' four stems and its own threshold; figures of different separators are not comparable.

References:
    Zhang et al., "Instruct-MusicGen", 2024, section 5.2 (P-Demucs).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError

PRESENT_DB = -30.0
ACTIVE_SHARE = 0.1
_SILENT = 1e-5

Separator = Callable[[NDArray[np.float32], int], Mapping[str, NDArray[np.float32]]]
"""``(mono samples [n], sample_rate) → stems by name, each [n]``."""


@dataclass(frozen=True)
class Presence:
    """Counts over pieces: asked and found, forbidden and found."""

    asked: int
    asked_found: int
    forbidden: int
    forbidden_found: int

    @property
    def recall(self) -> float:
        """Share of the asked that is there (1 where nothing was asked)."""
        return self.asked_found / self.asked if self.asked else 1.0

    @property
    def absence(self) -> float:
        """Share of the forbidden that is indeed not there (1 where nothing was)."""
        return 1.0 - self.forbidden_found / self.forbidden if self.forbidden else 1.0


def presence(
    asked: Sequence[Collection[str]], forbidden: Sequence[Collection[str]], heard: Sequence[Collection[str] | None]
) -> Presence:
    """Count over pieces; ``None`` in ``heard`` is a silent piece, which has nothing that was asked and earns no absence either.

    Raises:
        RequestError: lists of different lengths, or a name asked for and forbidden at once.
    """
    if not len(asked) == len(forbidden) == len(heard):
        raise RequestError(f"{len(asked)} asked, {len(forbidden)} forbidden, {len(heard)} heard: one of each per piece is needed")
    for index, (yes, no) in enumerate(zip(asked, forbidden, strict=True)):
        both = set(yes) & set(no)
        if both:
            raise RequestError(f"piece {index}: {', '.join(sorted(both))} asked for and forbidden at once")
    return Presence(
        sum(len(set(a)) for a in asked),
        sum(len(set(a) & set(h or ())) for a, h in zip(asked, heard, strict=True)),
        sum(len(set(f)) for f in forbidden),
        sum(len(set(f) if h is None else set(f) & set(h)) for f, h in zip(forbidden, heard, strict=True)),
    )


def stem_present(stem: NDArray[np.floating], whole: NDArray[np.floating], sample_rate: int) -> bool:
    """Is a separated stem ``[n]`` there, against the whole ``[n]``?

    Raises:
        RequestError: shapes differ or are empty.
    """
    a, b = np.asarray(stem, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise RequestError(f"a mono stem of the length of the whole is needed, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise RequestError("the stem or the whole holds samples that are not finite")
    n = max(1, len(a) // sample_rate)
    windows = [np.array_split(x, n) for x in (a, b)]
    loudest = max(float(np.sqrt(np.mean(w**2))) for w in windows[1])
    if loudest < _SILENT:
        return False
    levels = [float(np.sqrt(np.mean(w**2))) for w in windows[0]]
    return float(np.mean([level > loudest * 10.0 ** (PRESENT_DB / 20.0) for level in levels])) >= ACTIVE_SHARE


def stem_score(samples: NDArray[np.floating], sample_rate: int, separate: Separator, name: str, *, there: bool) -> float:
    """1 when the named stem is there (or gone, with ``there=False``) in mono ``samples [n]``, else 0; silence scores 0 both ways.

    Raises:
        RequestError: the separator has no stem of that name.
    """
    sound = np.asarray(samples, dtype=np.float32)
    if not np.any(np.abs(sound) > _SILENT):
        return 0.0
    stems = separate(sound, sample_rate)
    if name not in stems:
        raise RequestError(f"the separator gives {', '.join(sorted(stems))}; it has no stem '{name}'")
    return float(stem_present(stems[name], sound, sample_rate) == there)


def evaluate(
    asked: Sequence[Collection[str]], forbidden: Sequence[Collection[str]], heard: Sequence[Collection[str] | None]
) -> dict[str, float]:
    """All scores by name (``instrument_recall``, ``instrument_absence``)."""
    found = presence(asked, forbidden, heard)
    return {"instrument_recall": found.recall, "instrument_absence": found.absence}
