"""Tune overlap: does a tune run along a known one?

Conventions:
    A tune is a single line sorted by onset. It is read as a chain of tokens, one from each note to the next:
    the interval in semitones and either the inter-onset time (``rhythm="ioi"``, default) or the ratio of the next
    inter-onset time to this one (``"ratio"``: the same tune in doubled note values matches). Intervals make it independent of
    the key. ``k`` equal tokens in a row are ``k + 1`` notes in common; lengths are reported in notes. Times are rounded to
    1/24 of a quarter note. How long a note is held, and the rests after it, do not enter: whoever hears the tune does not mind.
    :meth:`Corpus.longest_run` finds the longest common run (longest common substring). :meth:`Corpus.local_alignment`
    is Smith-Waterman on the same tokens (match +1, mismatch -1, gap -1 by default), which bridges an inserted or altered note.
    One query against 326 tunes of 100 notes takes a few hundredths of a second.

References:
    T. F. Smith and M. S. Waterman, "Identification of common molecular subsequences", J. Mol. Biol. 147, 1981.
    M. Mongeau and D. Sankoff, "Comparison of musical sequences", Computers and the Humanities 24, 1990.
    B. Janssen, P. van Kranenburg and A. Volk, "Finding occurrences of melodic segments in folk songs", JNMR 46, 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import IntArray, validate_notes

TICKS = 24
Rhythm = Literal["ioi", "ratio"]
Token = tuple[int, int, int]
Tune = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Onsets, durations and pitches of a single line."""


@dataclass(frozen=True, slots=True)
class Run:
    """The longest run of notes in common with one tune of the corpus.

    Attributes:
        name: of that tune.
        n_notes: length; 0 when nothing is in common.
        query_note: 0-based note of the query at which it begins.
        corpus_note: 0-based note of the corpus tune at which it begins.
    """

    name: str
    n_notes: int
    query_note: int
    corpus_note: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best local alignment with one tune of the corpus.

    Attributes:
        name: of that tune.
        score: Smith-Waterman score, in tokens when a match counts 1.
        share: score divided by the number of tokens of the query, 1 for the tune itself.
    """

    name: str
    score: float
    share: float


def validate(onsets: ArrayLike, durations: ArrayLike, pitches: ArrayLike) -> None:
    """Check that the notes are one line.

    Raises:
        PartimentoError: on arrays that do not match, or two notes with one onset.
    """
    starts, _, _ = validate_notes(onsets, durations, pitches)
    ticks = np.round(starts * TICKS)
    if np.any(np.diff(ticks) <= 0):
        raise PartimentoError("a tune must be a single line sorted by onset, with one note at a time")


def tokens(onsets: ArrayLike, durations: ArrayLike, pitches: ArrayLike, rhythm: Rhythm = "ioi") -> tuple[Token, ...]:
    """The chain of tokens of a tune of N notes: ``[N - 1]``.

    Raises:
        PartimentoError: on notes that are no single line, or an unknown ``rhythm``.
    """
    if rhythm not in ("ioi", "ratio"):
        raise PartimentoError(f"rhythm '{rhythm}' is unknown; use 'ioi' or 'ratio'")
    validate(onsets, durations, pitches)
    starts, lengths, notes = validate_notes(onsets, durations, pitches)
    if len(notes) < 2:
        return ()
    ticks = np.round(np.append(starts, starts[-1] + lengths[-1]) * TICKS).astype(np.int64)
    steps = [int(step) for step in np.diff(ticks)]
    intervals = [int(interval) for interval in np.diff(notes)]
    if rhythm == "ioi":
        return tuple((interval, step, 1) for interval, step in zip(intervals, steps, strict=False))
    chain = []
    for i, interval in enumerate(intervals):
        after, before = max(1, steps[i + 1]), steps[i]
        chain.append((interval, after // gcd(after, before), before // gcd(after, before)))
    return tuple(chain)


class Corpus:
    """Known tunes, ready to be searched.

    Args:
        tunes: name → (onsets, durations, pitches).
        rhythm: how time enters, see the module's head.
    """

    def __init__(self, tunes: Mapping[str, Tune], rhythm: Rhythm = "ioi") -> None:
        self.rhythm: Rhythm = rhythm
        self.names = tuple(tunes)
        self._code: dict[Token, int] = {}
        codes: list[int] = []
        owner: list[int] = []
        place: list[int] = []
        for index, name in enumerate(self.names):
            chain = tokens(*tunes[name], rhythm)
            codes += [self._code.setdefault(token, len(self._code)) for token in chain]
            codes.append(-1)  # a boundary, equal to no token
            owner += [index] * (len(chain) + 1)
            place += range(len(chain) + 1)
        self._codes: IntArray = np.array(codes, dtype=np.int64)
        self._owner: IntArray = np.array(owner, dtype=np.int64)
        self._place: IntArray = np.array(place, dtype=np.int64)

    def _encode(self, query: Tune) -> list[int]:
        """Codes of the query's tokens; -2 for one that the corpus has not."""
        return [self._code.get(token, -2) for token in tokens(*query, self.rhythm)]

    def _without(self, skip: Iterable[str]) -> np.ndarray:
        """True at the tokens of tunes that shall be searched."""
        left_out = [self.names.index(name) for name in skip if name in self.names]
        return ~np.isin(self._owner, left_out)

    def longest_run(self, query: Tune, skip: Iterable[str] = ()) -> Run:
        """The longest run of notes that the query has in common with a tune.

        Args:
            query: onsets, durations and pitches of a single line.
            skip: names of tunes to leave out.
        """
        allowed = self._without(skip)
        best, best_row, best_column = 0, 0, 0
        run = np.zeros(len(self._codes) + 1, dtype=np.int64)
        for row, code in enumerate(self._encode(query)):
            # run[j + 1]: length of the common run that ends at corpus token j and query token `row`
            run[1:] = np.where((self._codes == code) & allowed, run[:-1] + 1, 0)
            longest = int(run.max(initial=0))
            if longest > best:
                best, best_row, best_column = longest, row, int(run.argmax()) - 1
        if best == 0:
            return Run("", 0, 0, 0)
        name = self.names[self._owner[best_column]]
        return Run(name, best + 1, best_row - best + 1, int(self._place[best_column]) - best + 1)

    def local_alignment(
        self, query: Tune, skip: Iterable[str] = (), match: float = 1.0, mismatch: float = -1.0, gap: float = -1.0
    ) -> Alignment:
        """The best Smith-Waterman alignment of the query with a tune.

        Args:
            query: onsets, durations and pitches of a single line.
            skip: names of tunes to leave out.
            match: score of equal tokens, > 0.
            mismatch: score of different ones, < 0.
            gap: score of each token left out on one side, < 0.

        Raises:
            PartimentoError: when the scores have the wrong sign.
        """
        if match <= 0 or mismatch >= 0 or gap >= 0:
            raise PartimentoError(f"match {match:g} must be above 0, mismatch {mismatch:g} and gap {gap:g} below 0")
        codes = self._encode(query)
        if not codes or not len(self._codes):
            return Alignment("", 0.0, 0.0)
        allowed = self._without(skip)
        # Along a row the best of "open a gap anywhere to the left" is a running maximum of score - gap * column. Raising
        # each tune by more than any score can reach keeps the running maximum from crossing into the next tune.
        lift = self._owner * (match * len(codes) + 1.0 - gap * (len(self._codes) + 1))
        slope = -gap * np.arange(len(self._codes)) + lift
        scores, best = np.zeros(len(self._codes)), np.zeros(len(self._codes))
        for code in codes:
            diagonal = np.concatenate([[0.0], scores[:-1]]) + np.where(self._codes == code, match, mismatch)
            row = np.maximum(np.maximum(diagonal, scores + gap), 0.0)
            row = np.maximum.accumulate(row + slope) - slope
            scores = np.where(allowed & (self._codes >= 0), row, 0.0)
            best = np.maximum(best, scores)
        column = int(best.argmax())
        score = round(float(best[column]), 9)
        return Alignment(self.names[self._owner[column]] if score > 0 else "", score, score / (match * len(codes)))


def evaluate(query: Tune, corpus: Corpus, skip: Iterable[str] = ()) -> dict[str, float | str]:
    """Longest run and best alignment of one tune, with the names of the tunes found."""
    left_out = tuple(skip)
    run, alignment = corpus.longest_run(query, left_out), corpus.local_alignment(query, left_out)
    return {
        "longest_run_notes": run.n_notes,
        "longest_run_with": run.name,
        "alignment_score": alignment.score,
        "alignment_share": alignment.share,
        "alignment_with": alignment.name,
    }
