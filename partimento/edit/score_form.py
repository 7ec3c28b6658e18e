"""``copy`` and ``move``: a stretch is played again elsewhere, or goes there.

Everything is counted in whole bars. Notes do not sound over the new joins; what lies before the first and behind the last bar
that changes its place keeps its samples.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from partimento.edit.change import Change, Kept, Piece
from partimento.edit.region import Span, resolve
from partimento.edit.score_length import MAX_ADDED_BARS, chords_between, even_bars, grouped, in_bar, replanned
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation, Region
from partimento.score.score import ChordSpan, KeyPoint, Note, Score, Section, Track

_ENDINGS = frozenset({"outro", "ending", "coda", "end"})
_EPS = 1e-6


def copy(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play a stretch again where ``to`` says; without it, right behind itself.

    Raises:
        RequestError: the whole piece, or a place that is not there. UnsupportedError: tempo or metre changes in the piece.
    """
    source = _source(span)
    at = _place(operation.to, piece.score, source) if operation.to is not None else span.end_bar
    if len(source) > MAX_ADDED_BARS:
        raise RequestError(f"{len(source)} bars more: give up to {MAX_ADDED_BARS}")
    bars = list(range(piece.score.n_bars))
    return _rearranged(piece, [*bars[:at], *source, *bars[at:]], operation, f"{span} played again {_told(at, piece.score)}")


def move(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play a stretch where ``to`` says instead of where it is. Raises: as :func:`copy`."""
    source = _source(span)
    if operation.to is None:
        raise RequestError("say where it shall go, e.g. before the last chorus, or to the beginning")
    at = _place(operation.to, piece.score, source)
    if span.start_bar <= at <= span.end_bar:
        raise RequestError(f"{span} is there already; name another place")
    bars = list(range(piece.score.n_bars))
    order = [b for b in bars[:at] if b not in source] + source + [b for b in bars[at:] if b not in source]
    return _rearranged(piece, order, operation, f"{span} moved {_told(at, piece.score)}")


def _source(span: Span) -> list[int]:
    """The bars of a stretch.

    Raises:
        RequestError: it is everything.
    """
    if span.whole:
        raise RequestError("say which section or bars, e.g. the bridge, or bars 5 to 8")
    return list(range(span.start_bar, span.end_bar))


def _place(to: Region, score: Score, source: list[int]) -> int:
    """The bar before which something goes; at the end, an ending stays the end.

    Raises:
        RequestError: the place is not there.
    """
    if to.kind == "first_bars":
        return 0
    if to.kind == "last_bars":
        last = score.sections[-1] if score.sections else None
        ends = last is not None and (last.name.lower() in _ENDINGS or last.start_bar in source)
        return last.start_bar if last is not None and ends and last.start_bar > 0 else score.n_bars
    beside = replace(to, kind="section", start=None, end=None) if to.name else Region("bars", to.start, to.start)
    found = [s for s in resolve(beside, score) if s.start_bar not in source] or list(resolve(beside, score))
    own = _exact(to, score, source)
    if to.kind == "after":
        return own[1] if own else found[-1].end_bar
    return own[0] if own else found[0].start_bar


def _exact(to: Region, score: Score, source: list[int]) -> tuple[int, int] | None:
    """The one section that is meant where several of its name follow each other: counted, else the first or the last."""
    named = [s for s in score.sections if s.name.lower() == to.name.lower() and s.start_bar not in source] if to.name else []
    if not named:
        return None
    every = [s for s in score.sections if s.name.lower() == to.name.lower()]
    index = to.which - 1 if to.which > 0 else to.which if to.which < 0 else 0 if to.kind == "before" else -1
    pool = every if to.which else named
    if not -len(pool) <= index < len(pool):
        raise RequestError(f"there is no {to.name} number {to.which}; there are {len(pool)}")
    return pool[index].start_bar, pool[index].end_bar


def _told(at: int, score: Score) -> str:
    """A place for people."""
    if at == 0:
        return "at the beginning"
    return "at the end" if at == score.n_bars else f"before what was bar {at + 1}"


@dataclass(frozen=True)
class _Order:
    """Bars in their new order.

    Attributes:
        score: as it was.
        bars: old numbers.
        starts: where each begins now, in quarter notes, and the new end.
    """

    score: Score
    bars: list[int]
    starts: list[float]

    def new_bars(self, old: int) -> list[int]:
        """Where an old bar is found."""
        return [i for i, b in enumerate(self.bars) if b == old]

    def moved(self, quarter: float) -> float:
        """Where an old position is first found; behind the last bar that is left, its end."""
        bar = min(bisect_right(self.score.bar_starts, quarter + _EPS) - 1, self.score.n_bars - 1)
        places = self.new_bars(max(0, bar))
        if not places:
            return self.starts[-1]
        return self.starts[places[0]] + quarter - self.score.bar_starts[max(0, bar)]


def _rearranged(piece: Piece, bars: list[int], operation: EditOperation, line: str) -> Change:
    """The piece with its bars in another order."""
    score, rate = piece.score, piece.sample_rate
    even_bars(score)
    if bars == list(range(score.n_bars)):
        raise RequestError("it is there already; name another place")
    size = score.metre.bar_quarters
    starts = [i * size for i in range(len(bars) + 1)]
    if bars[-1] == score.n_bars - 1:  # the last bar of a piece may be cut short
        starts[-1] = starts[-2] + score.length - score.bar_starts[-1]
    order = _Order(score, bars, starts)
    new = replace(
        score, length=order.starts[-1], tracks=tuple(_track(t, order) for t in score.tracks), chords=_chords(order),
        keys=_keys(order), sections=_sections(order),
    )  # fmt: skip
    plan = replanned(piece.plan, new, order.new_bars, operation)
    head = next((i for i, b in enumerate(bars) if b != i), len(bars))
    tail = next((i for i in range(len(bars)) if bars[-1 - i] != score.n_bars - 1 - i), 0)
    short = score.length < score.bar_starts[-1] + size - _EPS
    if head == score.n_bars and (tail or short):  # the ending stays the end; a last bar that is cut short is played in full
        head -= max(tail, 1)
    tail = min(tail, len(bars) - head, score.n_bars - head)
    seconds = score.tempo_map.seconds
    kept = [Kept(0, 0, round(seconds(head * size) * rate))]
    if tail:
        old = round(seconds(score.bar_starts[score.n_bars - tail]) * rate)
        at = round(new.tempo_map.seconds(order.starts[len(bars) - tail]) * rate)
        n = min(round(score.duration_s * rate) - old, round(new.duration_s * rate) - at)
        kept.append(Kept(old, at, n))
    return Change(
        plan, new, tuple(t.name for t in new.tracks), kept=tuple(k for k in kept if k.n > 0), moved=order.moved,
        lines=(line, f"sections now: {', '.join(s.name for s in new.sections) or 'unnamed'}"),
    )  # fmt: skip


def _track(track: Track, order: _Order) -> Track:
    """A track's notes in their new places, cut where what followed them no longer does."""
    score = order.score
    ends: list[float] = [order.starts[-1]] * len(order.bars)
    for i in range(len(order.bars) - 2, -1, -1):
        ends[i] = ends[i + 1] if order.bars[i + 1] == order.bars[i] + 1 else order.starts[i + 1]
    notes: list[Note] = []
    for i, bar in enumerate(order.bars):
        offset = order.starts[i] - score.bar_starts[bar]
        notes += [
            replace(n, start=n.start + offset, duration=min(n.duration, ends[i] - n.start - offset))
            for n in in_bar(track.notes, score, bar)
        ]
    return replace(track, notes=tuple(sorted(notes, key=lambda n: (n.start, n.pitch))))


def _chords(order: _Order) -> tuple[ChordSpan, ...]:
    """The chords of each bar; one that went on over a bar line goes on."""
    out: list[ChordSpan] = []
    for i, bar in enumerate(order.bars):
        follows = i > 0 and order.bars[i - 1] == bar - 1
        for chord in chords_between(order.score, *order.score.bar_span(bar), order.starts[i]):
            held = follows and out and abs(out[-1].end - chord.start) < _EPS and out[-1].chord == chord.chord
            old_start = order.score.bar_starts[bar]
            if held and not any(abs(c.start - old_start) < _EPS for c in order.score.chords):
                out[-1] = replace(out[-1], end=chord.end)
            else:
                out.append(chord)
    return tuple(out)


def _keys(order: _Order) -> tuple[KeyPoint, ...]:
    """The key of each bar, where it changes."""
    score = order.score
    out: list[KeyPoint] = []
    for i, bar in enumerate(order.bars):
        low, high = score.bar_span(bar)
        points = [(low, score.key_at(low)), *((k.at, k.key) for k in score.keys if low + _EPS < k.at < high - _EPS)]
        for at, key in points:
            if not out or out[-1].key != key:
                out.append(KeyPoint(order.starts[i] + at - low, key))
    return tuple(out)


def _sections(order: _Order) -> tuple[Section, ...]:
    """Sections: what moved brings its name."""
    rows = [s for s in order.score.sections for _ in range(s.n_bars)]
    if len(rows) != order.score.n_bars:
        return ()
    return grouped([(rows[b], b - rows[b].start_bar) for b in order.bars])
