"""Runs of notes that a model knows from the tunes it learned from, so that what it writes can be kept from saying them.

A run is nine notes in a row, by intervals and distances of onsets (as :mod:`partimento.metrics.tune_overlap` compares tunes: in
any key, however long the notes are held). Known runs are kept as their CRC-32, sorted, in base64: 5 characters each.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from partimento.score_lm.grid import GridNote, GridScore

N_NOTES = 9
"""Of a run: one more than composed tunes may have in common with a real one (``evaluate compose``)."""


def runs_of(notes: Sequence[GridNote]) -> set[int]:
    """CRC-32 of every run of nine notes of a single line."""
    onsets, pitches = np.array([n.start for n in notes]), np.array([n.pitch for n in notes])
    chain = np.stack([np.diff(pitches), np.diff(onsets)], axis=1).astype("<i4") if len(notes) >= N_NOTES else np.zeros((0, 2))
    return {zlib.crc32(chain[i : i + N_NOTES - 1].tobytes()) for i in range(len(chain) - N_NOTES + 2)}


def remembered(tunes: Iterable[GridScore]) -> str:
    """The runs of tunes (their first part) as text."""
    runs = {run for tune in tunes if tune.tracks for run in runs_of(tune.tracks[0].notes)}
    return base64.b64encode(np.array(sorted(runs), dtype="<u4").tobytes()).decode("ascii")


@cache
def familiar(text: str) -> frozenset[int]:
    """Inverse of :func:`remembered`."""
    return frozenset(np.frombuffer(base64.b64decode(text), dtype="<u4").tolist())
