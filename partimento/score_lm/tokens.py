"""Grid scores to tokens and back.

Bars may come in another order than they sound: for filling a gap, the bars behind it come first, then those before it,
then the gap's own (suffix, prefix, middle; Bavarian et al., "Efficient Training of Language Models to Fill in the
Middle", 2022, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from partimento.errors import RequestError
from partimento.score.score import ROLES
from partimento.score_lm.grid import Conditions, GridBar, GridChord, GridNote, GridScore, GridTrack
from partimento.score_lm.traits import BOUNDS, N_LOW, N_SHADES, N_SPAN, SMALLEST_LOW, Traits, dice
from partimento.score_lm.vocabulary import (
    END,
    LONG,
    MAX_LEFT,
    MIDDLE,
    MODES,
    PITCH_LOW,
    PREFIX,
    REPEATS,
    SOURCES,
    START,
    SUFFIX,
    Vocabulary,
    pitch_offset,
)

Content = tuple[tuple[int, int, int], ...]
"""Notes of a part that begin in a bar: (ticks from the bar's start, pitch, length)."""
LIKE_ENOUGH = 0.4
"""Bars less like each other than this are not said to be variants (see :func:`likeness`)."""
_SAME_DISTANCE = 0.1
"""What it counts for that a bar is as far back as the one that the bar before was like: sections return as a whole."""


def likeness(a: Content, b: Content) -> float:
    """How much of a bar is another one's, 0 to 1: mean Dice coefficient of rhythms, tunes, and tunes from their first note."""
    sets = [
        (
            frozenset((start, ticks) for start, _, ticks in notes),
            frozenset((start, pitch) for start, pitch, _ in notes),
            frozenset((start, pitch - notes[0][1]) for start, pitch, _ in notes),
        )
        for notes in (a, b)
    ]
    return sum(dice(x, y) for x, y in zip(*sets, strict=True)) / 3.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Bars ``first`` to ``last`` (exclusive), said after a marker token (None for a piece in plain order)."""

    marker: int | None
    first: int
    last: int


def plain(grid: GridScore) -> tuple[Segment, ...]:
    """All bars as they sound."""
    return (Segment(None, 0, len(grid.bars)),)


def with_gap(grid: GridScore, first: int, last: int) -> tuple[Segment, ...]:
    """Bars ``first`` to ``last`` (exclusive) said last."""
    n = len(grid.bars)
    if not 0 <= first < last <= n:
        raise RequestError(f"bars {first + 1} to {last} are not a part of a piece of {n} bars")
    return (Segment(SUFFIX, last, n), Segment(PREFIX, 0, first), Segment(MIDDLE, first, last))


def contents(grid: GridScore) -> list[list[Content]]:
    """Notes by track and bar."""
    out = []
    for track in grid.tracks:
        rows: list[list[tuple[int, int, int]]] = [[] for _ in grid.bars]
        bar = 0
        for note in track.notes:
            while bar + 1 < len(grid.bars) and grid.bars[bar + 1].start <= note.start:
                bar += 1
            rows[bar].append((note.start - grid.bars[bar].start, note.pitch, note.ticks))
        out.append([tuple(row) for row in rows])
    return out


def given_header(grid: GridScore, vocabulary: Vocabulary) -> list[int]:
    """The header as far as it is given and not drawn: all but the tune's traits and ``START``."""
    v, c, first = vocabulary, grid.conditions, grid.bars[0]
    out = [] if c.source is None else [v.source[SOURCES.index(c.source)]]
    if c.style is not None and c.style in v.styles:
        out.append(v.style[v.styles.index(c.style)])
    for span, shade in ((v.energy, c.energy), (v.valence, c.valence)):
        out += [] if shade is None else [span[shade]]
    out += [v.tonic[first.key[0]], v.mode[MODES.index(first.key[1])], v.metre[v.metres.index(first.metre)], v.tempo[first.tempo]]
    for track in grid.tracks:
        out += [v.role[ROLES.index(track.role)], v.instrument[v.instruments.index(track.instrument)]]
    out += [] if c.density is None else [v.density[c.density]]
    return out


def header(grid: GridScore, vocabulary: Vocabulary) -> list[int]:
    """Tokens of what is known of the whole piece, to ``START``."""
    v, traits = vocabulary, grid.conditions.traits
    out = given_header(grid, vocabulary)
    if traits is not None:
        low = traits.low - pitch_offset(grid.bars[0].key[0]) - SMALLEST_LOW
        out += [v.lowest[min(N_LOW - 1, max(0, low))], v.span[min(N_SPAN - 1, traits.span)]]
        out += [v.trait[i * N_SHADES + shade] for i, shade in enumerate(traits.shades)]
    return [*out, START]


class BarWriter:
    """Says bars, remembering what has been said of each part."""

    def __init__(self, grid: GridScore, vocabulary: Vocabulary, left: int) -> None:
        self.grid, self.v, self.left = grid, vocabulary, left
        self.contents = contents(grid)
        self.levels = [dict(track.levels) for track in grid.tracks]
        self.drums = [track.is_drum for track in grid.tracks]
        self.tonic = grid.bars[0].key[0]
        self.offset = pitch_offset(self.tonic)
        self.base = 0
        self.bar: GridBar = grid.bars[0]
        self.said: list[tuple[int, int]] = []
        self.distances: list[int] = []
        self.reset(0)

    def reset(self, base: int) -> None:
        """Nothing has been said; parts may repeat bars from ``base`` on."""
        self.base, self.bar = base, self.grid.bars[0]
        self.said = [(-1, -1)] * len(self.grid.tracks)
        self.distances = [-1] * len(self.grid.tracks)

    def bar_token(self, index: int) -> int:
        """The token that begins a bar."""
        return self.v.bar[min(MAX_LEFT, len(self.grid.bars) - 1 - index + self.left)]

    def write_bar(self, index: int, fresh: bool) -> Iterator[int]:
        """Tokens of a bar; ``fresh`` says the chord that is sounding, too."""
        yield from self.opening(index, fresh)
        for track in range(len(self.grid.tracks)):
            if self.contents[track][index]:
                yield from self.part(track, index)

    def opening(self, index: int, fresh: bool) -> Iterator[int]:
        """What a bar begins with, before its notes."""
        bar, v = self.grid.bars[index], self.v
        yield self.bar_token(index)
        if bar.section >= 0:
            yield v.section[bar.section]
        if bar.metre != self.bar.metre:
            yield v.metre[v.metres.index(bar.metre)]
        if bar.key != self.bar.key:
            yield v.tonic[(bar.key[0] - self.tonic) % 12]
            yield v.mode[MODES.index(bar.key[1])]
        if bar.tempo != self.bar.tempo:
            yield v.tempo[bar.tempo]
        self.bar = bar
        yield from self._chords(bar, fresh)

    def _chords(self, bar: GridBar, fresh: bool) -> Iterator[int]:
        v = self.v
        inside = [c for c in self.grid.chords if bar.start <= c.start < bar.start + bar.ticks]
        before = [c for c in self.grid.chords if c.start < bar.start]
        if fresh and before and not (inside and inside[0].start == bar.start):
            inside.insert(0, replace(before[-1], start=bar.start))
        for chord in inside:
            yield v.change[chord.start - bar.start]
            if chord.root is None:
                yield v.root[12]
                continue
            yield v.root[(chord.root - self.tonic) % 12]
            yield v.quality[chord.quality]
            if chord.bass != chord.root:
                yield v.bass[(chord.bass - self.tonic) % 12]

    def part(self, track: int, index: int) -> Iterator[int]:
        """Tokens of a part's bar."""
        v, notes, (length, level) = self.v, self.contents[track][index], self.said[track]
        yield v.track[track]
        now = self.levels[track].get(index, 4)
        found = self._earlier(track, index, now)
        if found is not None:
            self.distances[track] = found[0]
            yield (v.repeat if found[1] else v.like)[found[0]]
            if found[1]:
                self.said[track] = (length, now)
                return
        if now != level:
            yield v.level[now]
        at = -1
        for start, pitch, ticks in notes:
            if start != at:
                yield v.at[start]
                at = start
            if self.drums[track]:
                yield v.drum[pitch]
                continue
            if ticks != length:
                yield from [v.long[0]] * ((ticks - 1) // LONG)
                yield v.ticks[(ticks - 1) % LONG + 1]
                length = ticks
            yield v.pitch[pitch - self.offset - PITCH_LOW]
        self.said[track] = (length, now)

    def _earlier(self, track: int, index: int, level: int) -> tuple[int, bool] | None:
        """The earlier bar most like this one: place in :data:`REPEATS`, and whether it is the very same; None when none is."""
        notes = self.contents[track][index]
        same, best = [], (LIKE_ENOUGH, -1)
        for i, distance in enumerate(REPEATS):
            source = index - distance
            if source < self.base:
                break
            there = self.contents[track][source]
            if not there or self.grid.bars[source].metre != self.bar.metre:
                continue
            if there == notes and self.levels[track].get(source, 4) == level:
                same.append(i)
            elif not same:
                value = likeness(notes, there) + (_SAME_DISTANCE if i == self.distances[track] else 0.0)
                best = max(best, (value, i), key=lambda pair: pair[0])
        if same:
            return (self.distances[track] if self.distances[track] in same else same[0]), True
        return (best[1], False) if best[1] >= 0 else None


def encode(
    grid: GridScore,
    vocabulary: Vocabulary,
    segments: Sequence[Segment] | None = None,
    *,
    left: int = 0,
    ended: bool = True,
    chords: bool = True,
) -> list[int]:
    """Tokens of a piece, or of an excerpt.

    Args:
        grid: the piece.
        vocabulary: the words.
        segments: order of bars; None says them as they sound.
        left: bars that follow the excerpt in its piece.
        ended: say ``END`` at the end of a plain order (a gap always ends with it).
        chords: say the chords; a model that hears them beside every token needs no words for them.
    """
    out = header(grid, vocabulary)
    writer = BarWriter(grid if chords else replace(grid, chords=()), vocabulary, left)
    for segment in segments or plain(grid):
        if segment.marker is not None:
            out.append(segment.marker)
        if segment.marker in (SUFFIX, PREFIX):
            writer.reset(segment.first)
        for index in range(segment.first, segment.last):
            out += writer.write_bar(index, fresh=index == segment.first and segment.marker != MIDDLE and index > 0)
        if segment.marker == MIDDLE or (segment.marker is None and ended):
            out.append(END)
    return out


def decode(tokens: Sequence[int], vocabulary: Vocabulary) -> GridScore:
    """The piece that tokens in plain order say; exact inverse of :func:`encode`.

    Raises:
        RequestError: they are not a piece.
    """
    from partimento.score_lm.walk import Walk

    try:
        start = list(tokens).index(START)
    except ValueError:
        raise RequestError("these tokens have no header and are no piece") from None
    conditions, bar, parts = _read_header(tokens[:start], vocabulary)
    bars, chords = _read_bars(tokens[start + 1 :], vocabulary, bar)
    if not bars:
        raise RequestError("these tokens have no bars and are no piece")
    grid = GridScore(bars, tuple(GridTrack(role, name, ()) for role, name in parts), chords, conditions)
    walk = Walk(vocabulary, grid, [range(len(bars))])
    for token in tokens:
        walk.feed(token)
    tracks = tuple(
        replace(track, notes=tuple(sorted(walk.notes[i])), levels=tuple(sorted(walk.levels[i].items())))
        for i, track in enumerate(grid.tracks)
    )
    return replace(grid, tracks=tracks)


def _read_header(tokens: Sequence[int], v: Vocabulary) -> tuple[Conditions, GridBar, list[tuple[str, str]]]:
    """Conditions, a first bar, and (role, instrument) of the parts."""
    said = [v.kinds[t] for t in tokens]
    found = dict(said)
    roles = [ROLES[value] for kind, value in said if kind == "role"]
    names = [v.instruments[value] for kind, value in said if kind == "instrument"]
    if not {"tonic", "mode", "metre", "tempo"} <= found.keys() or len(roles) != len(names):
        raise RequestError("the header lacks the key, the metre, the tempo or a part's instrument")
    conditions = Conditions(
        SOURCES[found["source"]] if "source" in found else None,
        v.styles[found["style"]] if "style" in found else None,
        found.get("energy"), found.get("valence"), found.get("density"), _read_traits(said, found),
    )  # fmt: skip
    bar = GridBar(0, v.metres[found["metre"]], (found["tonic"], MODES[found["mode"]]), found["tempo"])
    return conditions, bar, list(zip(roles, names, strict=True))


def _read_traits(said: Sequence[tuple[str, int]], found: dict[str, int]) -> Traits | None:
    """The traits that a header says; None when it does not say them all."""
    shades = {value // N_SHADES: value % N_SHADES for kind, value in said if kind == "trait"}
    if not {"lowest", "span"} <= found.keys() or len(shades) < len(BOUNDS):
        return None
    low = found["lowest"] + SMALLEST_LOW + pitch_offset(found["tonic"])
    return Traits(low, found["span"], tuple(shades[i] for i in range(len(BOUNDS))))


def _read_bars(tokens: Sequence[int], v: Vocabulary, bar: GridBar) -> tuple[tuple[GridBar, ...], tuple[GridChord, ...]]:
    """Bars and chord changes after the header."""
    tonic = bar.key[0]
    bars: list[GridBar] = []
    chords: list[GridChord] = []
    for token in tokens:
        kind, value = v.kinds[token]
        if kind == "bar":
            bars.append(replace(bars[-1], start=bars[-1].start + bars[-1].ticks, section=-1) if bars else bar)
        elif kind == "section":
            bars[-1] = replace(bars[-1], section=value)
        elif kind == "metre":
            bars[-1] = replace(bars[-1], metre=v.metres[value])
        elif kind == "tonic":
            bars[-1] = replace(bars[-1], key=((value + tonic) % 12, bars[-1].key[1]))
        elif kind == "mode":
            bars[-1] = replace(bars[-1], key=(bars[-1].key[0], MODES[value]))
        elif kind == "tempo":
            bars[-1] = replace(bars[-1], tempo=value)
        elif kind == "change":
            chords.append(GridChord(bars[-1].start + value, None))
        elif kind == "root" and value < 12:
            root = (value + tonic) % 12
            chords[-1] = replace(chords[-1], root=root, bass=root)
        elif kind == "quality":
            chords[-1] = replace(chords[-1], quality=value)
        elif kind == "bass":
            chords[-1] = replace(chords[-1], bass=(value + tonic) % 12)
    return tuple(bars), tuple(chords)


def excerpt(grid: GridScore, first: int, last: int) -> GridScore:
    """Bars ``first`` to ``last`` (exclusive) as a piece of their own; the chord that sounds at its start begins there."""
    bars = grid.bars[first:last]
    start, end = bars[0].start, bars[-1].start + bars[-1].ticks
    before = [c for c in grid.chords if c.start <= start]
    chords = ([replace(before[-1], start=start)] if before else []) + [c for c in grid.chords if start < c.start < end]
    tracks = tuple(
        replace(
            t,
            notes=tuple(
                GridNote(n.start - start, n.pitch, n.ticks if t.is_drum else min(n.ticks, end - n.start))
                for n in t.notes
                if start <= n.start < end
            ),
            levels=tuple((b - first, level) for b, level in t.levels if first <= b < last),
        )
        for t in grid.tracks
    )
    moved = tuple(replace(b, start=b.start - start) for b in bars)
    return GridScore(moved, tracks, tuple(replace(c, start=c.start - start) for c in chords), grid.conditions)
