"""Which pieces are learned from, and which are held out: by their tunes, so that one tune stays on one side everywhere."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from partimento.score.score import Score

_SHARES = (("test", 0.06), ("valid", 0.12))


def melody_group(score: Score) -> str:
    """A name shared by scores whose tune begins alike in any key: SHA-256 of the first intervals and length ratios.

    Pieces are put into splits by it, so the same tune in two collections stays on one side.
    """
    track = max(score.tracks, key=lambda t: (t.role == "melody", len(t.notes)), default=None)
    notes = [] if track is None else list(track.notes)[:25]
    steps = [(b.pitch - a.pitch, round(4.0 * (b.start - a.start))) for a, b in pairwise(notes)]
    return hashlib.sha256(repr(steps).encode()).hexdigest()[:16]


def split_of(group: str) -> str:
    """``train`` (88 %), ``valid`` or ``test`` (6 % each), from the group's name alone."""
    place = int(hashlib.sha256(f"split {group}".encode()).hexdigest()[:8], 16) / 2**32
    return next((name for name, end in _SHARES if place < end), "train")
