"""Composers to compare with: an order-2 Markov chain over real tunes, and a random walk.

Both take what any composer of the evaluation takes (:data:`Composer`) and fill the same number of bars. The chain's tokens are
a note with the silence after it: (interval to it, duration, rest), as they stand in the sheets, so locally it *is* real
music; what it lacks is harmony, metre, form and an end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from partimento.evaluate.compose_data import TICKS, Tune
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre

Composer = Callable[[tuple[ChordSpan, ...], Metre, Key, int, float, np.random.Generator], tuple[Note, ...]]
"""(chords, metre, key, n_bars, tempo_bpm, rng) → the tune's notes."""

Token = tuple[int, int, int]
LOWEST, HIGHEST = 55, 84
"""Range of both baselines: G3 to C6, the range of a lead sheet."""
WALK_STEPS = (-3, -2, -1, 0, 1, 2, 3)
WALK_DURATIONS = (0.5, 1.0, 1.5, 2.0)


def default_composer() -> Composer:
    """The project's own tune writer."""
    from partimento.compose import compose_lead_sheet

    return compose_lead_sheet


def tokens_of(tune: Tune) -> list[Token]:
    """(interval from the note before, duration in ticks, rest after it in ticks) of each note but the first."""
    onsets, durations, pitches = tune.arrays
    starts = np.round(onsets * TICKS).astype(int)
    lengths = np.round(durations * TICKS).astype(int)
    rests = np.append(starts[1:] - starts[:-1] - lengths[:-1], 0)
    return [
        (int(interval), int(length), int(rest))
        for interval, length, rest in zip(np.diff(pitches), lengths[1:], rests[1:], strict=True)
    ]


class MarkovComposer:
    """Order-2 Markov chain over (interval, duration, rest) tokens, falling back to order 1 and 0 where a context is new.

    Args:
        tunes: training tunes.
    """

    def __init__(self, tunes: Sequence[Tune]) -> None:
        self._after: dict[tuple[Token, ...], list[Token]] = defaultdict(list)
        self._openings: list[tuple[int, int]] = []
        for tune in tunes:
            chain = tokens_of(tune)
            for i, token in enumerate(chain):
                for order in range(min(2, i) + 1):
                    self._after[tuple(chain[i - order : i])].append(token)
            first = tune.notes[0]
            self._openings.append(((first.pitch - tune.key.tonic) % 12, round(first.duration * TICKS)))

    def __call__(
        self,
        chords: tuple[ChordSpan, ...],
        metre: Metre,
        key: Key,
        n_bars: int,
        tempo_bpm: float,
        rng: np.random.Generator,
    ) -> tuple[Note, ...]:
        """A tune of ``n_bars`` bars; chords and tempo do not matter to it."""
        end = round(n_bars * metre.bar_quarters * TICKS)
        degree, length = self._openings[rng.integers(len(self._openings))]
        pitch = 60 + (key.tonic + degree) % 12
        at = 0
        notes: list[Note] = []
        context: tuple[Token, ...] = ()
        while True:
            notes.append(Note(at / TICKS, min(length, end - at) / TICKS, pitch))
            at += length + (context[-1][2] if context else 0)
            if at >= end:
                return tuple(notes)
            token = self._next(context, pitch, rng)
            context = (*context, token)[-2:]
            pitch, length = pitch + token[0], token[1]

    def _next(self, context: tuple[Token, ...], pitch: int, rng: np.random.Generator) -> Token:
        """Draw the next token that stays inside the range, from the longest context that offers one."""
        for order in range(len(context), -1, -1):
            choices = [t for t in self._after.get(context[len(context) - order :], ()) if LOWEST <= pitch + t[0] <= HIGHEST]
            if choices:
                return choices[rng.integers(len(choices))]
        return (0, TICKS, 0)


def random_walk(
    chords: tuple[ChordSpan, ...], metre: Metre, key: Key, n_bars: int, tempo_bpm: float, rng: np.random.Generator
) -> tuple[Note, ...]:
    """Scale steps of -3 to 3 and durations of 0.5 to 2 quarter notes, all equally likely, from the tonic on."""
    end = n_bars * metre.bar_quarters
    ladder = [p for p in range(LOWEST, HIGHEST + 1) if p % 12 in key.scale]
    rung = ladder.index(60 + key.tonic)
    at = 0.0
    notes: list[Note] = []
    while at < end:
        length = min(float(rng.choice(WALK_DURATIONS)), end - at)
        notes.append(Note(at, length, ladder[rung]))
        at += length
        rung = int(np.clip(rung + rng.choice(WALK_STEPS), 0, len(ladder) - 1))
    return tuple(notes)
