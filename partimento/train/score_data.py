"""Windows of scores as token sequences, in ever new shapes: excerpts, keys, views, gaps, conditions left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError
from partimento.score_lm.grid import TEMPOS, TICKS, Conditions, GridNote, GridScore, GridTrack
from partimento.score_lm.tokens import Segment, encode, excerpt, plain, with_gap
from partimento.score_lm.traits import density_of, traits_of
from partimento.score_lm.vocabulary import PAD, START, Vocabulary
from partimento.score_lm.walk import FEATURES, Walk
from partimento.train.recipe import ScoreTraining

Ints = NDArray[np.int64]

LEAD_INSTRUMENT = "voice"
CHANNELS = 3 + len(FEATURES)
"""Of a batch: token, whether it is to be learned, milliseconds of music, features."""
_GIVEN_KINDS = frozenset(("section", "metre", "tonic", "mode", "tempo", "change", "root", "quality", "bass"))
"""What a writer is given, never draws. (That a bar is over is learned: the next one's token.)"""
_DRAWN_KINDS = frozenset(("density", "lowest", "span", "trait"))
"""What of the header a writer draws."""
_LEAD_CENTRE = 69.0


def lead_of(grid: GridScore) -> GridScore:
    """The tune alone as a single line for a voice, in the octave of a lead sheet; its chords stay.

    The tune is what all parts with the role ``melody`` play (else the highest part): of notes that begin together the
    highest, each cut where the next one begins.
    """
    pitched = [t for t in grid.tracks if t.notes and not t.is_drum]
    named = [t for t in pitched if t.role == "melody"]
    if not pitched:
        return replace(grid, tracks=())
    tracks = named or [max(pitched, key=lambda t: sum(n.pitch for n in t.notes) / len(t.notes))]
    top: dict[int, GridNote] = {}
    for note in (n for t in tracks for n in t.notes):
        if note.start not in top or note.pitch > top[note.start].pitch:
            top[note.start] = note
    starts = sorted(top)
    mean = float(np.mean([top[s].pitch for s in starts]))
    shift = 12 * round((_LEAD_CENTRE - mean) / 12)
    line = [
        GridNote(s, min(127, max(0, top[s].pitch + shift)), max(1, min(top[s].ticks, following - s)))
        for s, following in zip(starts, [*starts[1:], 1 << 40], strict=True)
    ]
    return replace(grid, tracks=(GridTrack("melody", LEAD_INSTRUMENT, tuple(line), _flat_levels(grid, line)),))


def _flat_levels(grid: GridScore, notes: Sequence[GridNote]) -> tuple[tuple[int, int], ...]:
    """The middle level in every bar with notes: a tune is written before it is played."""
    starts = np.array([b.start for b in grid.bars])
    bars = np.unique(np.searchsorted(starts, [n.start for n in notes], side="right") - 1)
    return tuple((int(b), 4) for b in bars)


def described(grid: GridScore, *, traits: bool = False) -> GridScore:
    """With its density among its conditions; a tune alone with its traits, too."""
    found = traits_of(grid) if traits else None
    return replace(grid, conditions=replace(grid.conditions, density=density_of(grid), traits=found))


def transposed(grid: GridScore, semitones: int) -> GridScore:
    """Every pitched note, chord and key moved; notes that would leave the MIDI range stay in their octave's edge."""

    def key(tonic: int, mode: str) -> tuple[int, str]:
        return (tonic + semitones) % 12, mode

    tracks = tuple(
        t if t.is_drum else replace(t, notes=tuple(replace(n, pitch=min(127, max(0, n.pitch + semitones))) for n in t.notes))
        for t in grid.tracks
    )
    chords = tuple(
        c if c.root is None else replace(c, root=(c.root + semitones) % 12, bass=(c.bass + semitones) % 12) for c in grid.chords
    )
    bars, said = tuple(replace(b, key=key(*b.key)) for b in grid.bars), grid.conditions
    if said.traits is not None:
        said = replace(said, traits=replace(said.traits, low=said.traits.low + semitones))
    return GridScore(bars, tracks, chords, said)


def sequence(
    grid: GridScore,
    vocabulary: Vocabulary,
    segments: Sequence[Segment] | None = None,
    *,
    past: int = 0,
    left: int = 0,
    ended: bool = True,
    chords: bool = True,
) -> Ints:
    """Tokens with everything beside them ``[T, CHANNELS]``.

    ``past`` is the number of bars before ``grid`` in its piece; other arguments as of :func:`partimento.score_lm.tokens.encode`.
    """
    order = segments or plain(grid)
    tokens = encode(grid, vocabulary, order, left=left, ended=ended, chords=chords)
    walk = Walk(vocabulary, grid, [range(s.first, s.last) for s in order], past=past, left=left)
    out = np.zeros((len(tokens), CHANNELS), dtype=np.int64)
    learn = False
    for i, token in enumerate(tokens):
        walk.feed(token)
        kind = vocabulary.kinds[token][0]
        out[i, 0] = token
        out[i, 1] = (learn and kind not in _GIVEN_KINDS and token > START) or (not learn and kind in _DRAWN_KINDS)
        out[i, 3:] = walk.features()
        learn = learn or token == START
        if kind == "bar":
            bar = grid.bars[walk.bar]
            out[i, 2] = round(bar.ticks * 60_000 / TICKS / TEMPOS[bar.tempo])
    return out


class ScoreWindows:
    """Draws training windows from a dataset.

    Args:
        lines: of :func:`partimento.data.scores.read_scores`, one split.
        settings: shares and odds.
        vocabulary: the words.
        length: tokens of a window.
        chords: chords are said as tokens, too.
        on_skip: gets the id of a piece that cannot be worded, and the reason; it is left out.

    Raises:
        FileError: none of the lines is of a source that the recipe wants.
    """

    def __init__(
        self,
        lines: Sequence[dict[str, Any]],
        settings: ScoreTraining,
        vocabulary: Vocabulary,
        length: int,
        *,
        chords: bool = False,
        on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:
        self.settings, self.vocabulary, self.length, self.chords = settings, vocabulary, length, chords
        self._pieces: dict[str, list[GridScore]] = {}
        self._leads: dict[str, list[GridScore]] = {}
        for line in lines:
            grid = line["piece"]
            if settings.shares.get(line["source"], 0.0) > 0 and all(b.metre in vocabulary.metres for b in grid.bars):
                try:
                    lead = lead_of(grid)
                    sequence(excerpt(grid, 0, min(2, len(grid.bars))), vocabulary, chords=chords)
                except (LookupError, TypeError, ValueError) as error:
                    on_skip(str(line["id"]), f"cannot be worded ({type(error).__name__}: {error})")
                    continue
                self._pieces.setdefault(line["source"], []).append(described(grid))
                self._leads.setdefault(line["source"], []).append(described(lead, traits=True))
        if not self._pieces:
            raise FileError(f"no pieces of {', '.join(settings.shares)}; build some with 'partimento data scores'")
        self._sources = sorted(self._pieces)
        weights = np.array([settings.shares[s] for s in self._sources])
        self._weights = weights / weights.sum()

    @property
    def n_pieces(self) -> int:
        """Pieces to draw from."""
        return sum(map(len, self._pieces.values()))

    def leads(self, rng: np.random.Generator, n: int) -> list[GridScore]:
        """Tunes of ``n`` random pieces."""
        pool = [lead for source in self._sources for lead in self._leads[source] if lead.tracks]
        return [pool[int(rng.integers(len(pool)))] for _ in range(n)] if pool else []

    def batch(self, rng: np.random.Generator, n: int) -> Ints:
        """``[n, length, CHANNELS]``: windows one after another in each row, the last one cut where the row ends."""
        out = np.full((n, self.length, CHANNELS), PAD, dtype=np.int64)
        for row in out:
            at = 0
            while at < self.length:
                window = self.draw(rng)[: self.length - at]
                row[at : at + len(window)] = window
                at += len(window) + 1
        return out

    def draw(self, rng: np.random.Generator) -> Ints:
        """One window: an excerpt of a random piece in a random key."""
        s = self.settings
        source = self._sources[int(rng.choice(len(self._sources), p=self._weights))]
        pool = self._leads if rng.random() < s.lead_share else self._pieces
        grid = pool[source][int(rng.integers(len(pool[source])))]
        n = len(grid.bars)
        # From the beginning in half of the windows, and to the end in a quarter, so that openings and endings are learned.
        where = rng.random()
        first = 0 if where < 1 / 2 else int(rng.integers(0, max(1, n - 4)))
        if where >= 3 / 4:
            first = max(0, n - int(rng.integers(4, s.max_bars)))
        last = min(n, first + s.max_bars)
        grid = transposed(excerpt(grid, first, last), int(rng.integers(-5, 7)))
        if rng.random() < s.chordless:
            grid = replace(grid, chords=())
        grid = replace(grid, conditions=self._conditions(grid, rng))
        if rng.random() < s.gap_share and len(grid.bars) >= 3:
            return self._gapped(grid, rng, first, n - last)
        rows = sequence(grid, self.vocabulary, past=first, left=n - last, ended=last == n, chords=self.chords)
        return rows[: self.length]

    def _gapped(self, grid: GridScore, rng: np.random.Generator, past: int, left: int) -> Ints:
        """Bars before and after a gap, then the gap; as many bars as fit."""
        whole = len(grid.bars)
        grid = excerpt(grid, 0, min(whole, self.settings.gap_bars * 3))
        while True:
            n = len(grid.bars)
            behind = left + whole - n
            width = int(rng.integers(1, min(self.settings.gap_bars, n - 1) + 1))
            first = int(rng.integers(0, n - width + 1))
            segments = with_gap(grid, first, first + width)
            rows = sequence(grid, self.vocabulary, segments, past=past, left=behind, chords=self.chords)
            if len(rows) <= self.length or n <= 3:
                return rows[: self.length]
            grid = excerpt(grid, 0, max(3, n * 2 // 3))

    def _conditions(self, grid: GridScore, rng: np.random.Generator) -> Conditions:
        """What is said of the piece, each left out now and then."""
        c = grid.conditions
        said = {
            name: value if rng.random() >= self.settings.condition_dropout else None
            for name, value in (
                ("source", c.source), ("style", c.style), ("energy", c.energy), ("valence", c.valence), ("density", c.density)
            )
        }  # fmt: skip
        traits = c.traits if rng.random() >= self.settings.trait_dropout else None
        return Conditions(**said, traits=traits)  # type: ignore[arg-type]
