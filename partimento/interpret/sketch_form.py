"""How often a given tune comes in a piece of a certain length, and what stands around it.

A piece as long as the tune is the tune. In a longer one the tune returns, with bridges between, an intro before and a
tag after it; in a shorter one whole phrases are kept. The tune's own sections (eights, by what repeats in them) are the
form, so that whoever composes knows from the sections alone what returns: runs of sections of the tune's materials are
whole statements, and what is left of a run is the tune's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from partimento.score.score import Note, Section

INTRO, BRIDGE = "i", "z"
"""Materials of what is composed around the tune; an outro has that of the tune's last section, whose end it repeats."""
_LETTERS = "abcdefgh"
_ENERGY = {"intro": 0.3, "upbeat": 0.4, "bridge": 0.5, "interlude": 0.5, "outro": 0.55}
_FIRST_ENERGY, _LAST_ENERGY = 0.45, 0.7
_INTRO_COST = {0: 0.5, 1: 1.2, 2: 0.2, 3: 1.6, 4: 0.0, 8: 0.9}
_OUTRO_COST = {0: 0.3, 1: 0.9, 2: 0.1, 3: 1.2, 4: 0.2}
_BRIDGE_COST = {4: 0.4, 8: 0.0, 12: 0.9, 16: 0.3}
_SAME = 0.6


@dataclass(frozen=True)
class Chunk:
    """A section of the tune: bars of the file and its material's letter."""

    start_bar: int
    n_bars: int
    material: str


@dataclass(frozen=True)
class TunePlan:
    """Where the tune's bars lie in the piece.

    Attributes:
        sections: covering the piece.
        pieces: (first bar in the piece, first bar in the file, bars): stretches of the file, the first statement first;
            the first ``n_given`` of them are the given tune itself, the others its returns.
        n_given: see ``pieces``.
        left_out: bars of the file (from, to; 0-based, exclusive) that are not played.
    """

    sections: tuple[Section, ...]
    pieces: tuple[tuple[int, int, int], ...]
    n_given: int
    left_out: tuple[tuple[int, int], ...] = ()


def chunks_of(bars: list[list[tuple[float, int]]], lead: int) -> tuple[Chunk, ...]:
    """The tune in eights (fours when it is short), equal ones under one letter.

    Args:
        bars: onset in the bar and pitch of each note, bar by bar.
        lead: bars before the first whole one (an upbeat), 0 or 1.
    """
    core = len(bars) - lead
    unit = 8 if core >= 16 or core == 8 else 4 if core in (4, 12) else max(core, 1)
    sizes = [unit] * (core // unit) if core >= unit else [core]
    rest = core - sum(sizes)
    if 0 < rest < 4 or (rest and not sizes):
        sizes[-1] += rest
    elif rest:
        sizes.append(rest)
    found: list[Chunk] = []
    seen: list[tuple[set[tuple[int, float, int]], int, str]] = []
    at = lead
    for size in sizes:
        notes = {(i, round(onset, 3), pitch) for i in range(size) for onset, pitch in bars[at + i]}
        letter = next((m for other, n, m in seen if n == size and _alike(notes, other)), "")
        if not letter:
            letter = _LETTERS[min(len({m for _, _, m in seen}), len(_LETTERS) - 1)]
        seen.append((notes, size, letter))
        found.append(Chunk(at, size, letter))
        at += size
    return tuple(found)


def _alike(a: set[tuple[int, float, int]], b: set[tuple[int, float, int]]) -> bool:
    return bool(a | b) and len(a & b) / len(a | b) >= _SAME


def bars_of(notes: tuple[Note, ...], starts: list[float]) -> list[list[tuple[float, int]]]:
    """Onsets in the bar and pitches, bar by bar; ``starts`` has the start of every bar and the end of the last."""
    out: list[list[tuple[float, int]]] = [[] for _ in starts[:-1]]
    bar = 0
    for note in sorted(notes, key=lambda n: n.start):
        while bar + 1 < len(out) and starts[bar + 1] <= note.start + 1e-6:
            bar += 1
        out[bar].append((note.start - starts[bar], note.pitch))
    return out


def plan_tune(chunks: tuple[Chunk, ...], lead: int, n_bars: int, *, intro: bool = True, unit: float = 4.0) -> TunePlan:
    """Lay the tune out over a piece.

    Args:
        chunks: sections of the tune.
        lead: 1 when an upbeat bar comes first.
        n_bars: bars of the piece.
        intro: whether something may come before the tune (not where chords are given from bar 1 on).
        unit: bars after which given chords repeat; bridges keep to it.
    """
    core = sum(c.n_bars for c in chunks)
    if n_bars >= lead + core:
        return _longer(chunks, lead, n_bars, intro, unit)
    return _shorter(chunks, lead, n_bars)


def _shorter(chunks: tuple[Chunk, ...], lead: int, n_bars: int) -> TunePlan:
    """Whole phrases of four bars from the beginning, then the tune's own last bars, so that it ends as it should."""
    core = sum(c.n_bars for c in chunks)
    first = chunks[0].start_bar
    lead = lead if n_bars - lead >= 4 else 0
    room = n_bars - lead
    tail = room % 4 if room >= 4 else 0
    if tail == 0 and room >= 8:
        tail = 4
    parts: list[Chunk] = []
    left = room - tail
    for chunk in chunks:
        if left <= 0:
            break
        parts.append(Chunk(chunk.start_bar, min(left, chunk.n_bars), chunk.material))
        left -= parts[-1].n_bars
    sections, pieces, at = _statement(parts, lead, 0, _FIRST_ENERGY, first)
    if tail:
        sections.append(Section("outro", chunks[-1].material, at, tail, _FIRST_ENERGY))
        pieces.append((at, first + core - tail, tail))
    return TunePlan(tuple(sections), tuple(pieces), len(pieces), ((first + room - tail, first + core - tail),))


def _statement(
    chunks: list[Chunk] | tuple[Chunk, ...], lead: int, at: int, energy: float, first: int
) -> tuple[list[Section], list[tuple[int, int, int]], int]:
    """Sections and pieces of one statement that begins (with its upbeat bar) at bar ``at``."""
    sections: list[Section] = []
    pieces: list[tuple[int, int, int]] = []
    if lead:
        sections.append(Section("upbeat", INTRO, at, lead, _ENERGY["upbeat"]))
        pieces.append((at, first - lead, lead))
        at += lead
    for i, chunk in enumerate(chunks):
        lift = 0.08 * (chunk.material != "a") + 0.02 * i
        sections.append(Section(chunk.material.upper(), chunk.material, at, chunk.n_bars, round(min(0.9, energy + lift), 3)))
        pieces.append((at, chunk.start_bar, chunk.n_bars))
        at += chunk.n_bars
    return sections, pieces, at


@dataclass(frozen=True)
class _Outline:
    """Bars of intro and outro, returns of the whole tune, bridges with their bars, and sections of a last reprise."""

    intro: int
    returns: int
    bridges: int
    bridge_bars: int
    reprise: int
    outro: int
    cost: float


def _outlines(chunks: tuple[Chunk, ...], extra: int, intro: bool, unit: float) -> Iterator[_Outline]:
    """All ways to fill ``extra`` bars, with what each costs."""
    core = sum(c.n_bars for c in chunks)
    tails = {0: 0} | {k: sum(c.n_bars for c in chunks[-k:]) for k in range(1, len(chunks))}
    bridge_sizes = sorted({*_BRIDGE_COST, int(unit)} - {0})
    for before, before_cost in _INTRO_COST.items():
        if (before and not intro) or (before == 8 and extra < 40):
            continue
        for after, after_cost in _OUTRO_COST.items():
            for reprise, tail in tails.items():
                rest = extra - before - after - tail
                for returns in range(max(0, rest) // core, -1, -1) if rest >= 0 else ():
                    over = rest - returns * core
                    cost = before_cost + after_cost + 0.35 * bool(reprise)
                    if over == 0:
                        yield _Outline(before, returns, 0, 0, reprise, after, cost + 0.8 * _wish(returns, reprise))
                    for size in bridge_sizes:
                        if over and over % size == 0:
                            count = over // size
                            odd = 0.8 * abs(count - _wish(returns, reprise)) + 3.0 * (unit > 4 and size % unit != 0)
                            odd += 1.5 * max(0, count - max(1, returns + bool(reprise)))
                            yield _Outline(
                                before, returns, count, size, reprise, after, cost + odd + _BRIDGE_COST.get(size, 1.0) * count
                            )


def _wish(returns: int, reprise: int) -> int:
    """Bridges wanted: A A B A, A A B A A B A; one before a reprise."""
    return returns // 2 if not reprise else max(1, returns // 2)


def _longer(chunks: tuple[Chunk, ...], lead: int, n_bars: int, intro: bool, unit: float) -> TunePlan:
    """Statements, bridges, intro and outro that fill the piece exactly."""
    extra = n_bars - lead - sum(c.n_bars for c in chunks)
    # An upbeat lies in the last bar of an intro: with one, its own bar is free.
    best = min(_candidates(chunks, extra, lead, intro, unit), key=lambda pair: (pair[0].cost, pair[1], pair[0].intro))
    outline, own_lead = best
    return _laid(chunks, outline, lead, own_lead, n_bars)


def _candidates(chunks: tuple[Chunk, ...], extra: int, lead: int, intro: bool, unit: float) -> list[tuple[_Outline, int]]:
    """Outlines, each with the bars that the upbeat has of its own."""
    found = [(o, lead) for o in _outlines(chunks, extra, intro and not lead, unit)]
    if lead and intro:
        found += [(o, 0) for o in _outlines(chunks, extra + lead, intro, unit) if o.intro]
    if not found:  # bars that no outline fills: one bridge of any length
        found = [(_Outline(0, 0, 1, extra, 0, 0, 0.0) if extra else _Outline(0, 0, 0, 0, 0, 0, 0.0), lead)]
    return found


def _laid(chunks: tuple[Chunk, ...], outline: _Outline, lead: int, own_lead: int, n_bars: int) -> TunePlan:
    sections: list[Section] = []
    pieces: list[tuple[int, int, int]] = []
    at = 0
    first = chunks[0].start_bar
    if outline.intro:
        sections.append(Section("intro", INTRO, 0, outline.intro, _ENERGY["intro"]))
        at = outline.intro
    if lead and not own_lead:
        pieces.append((at - lead, first - lead, lead))
    total = outline.returns + 1
    core = sum(c.n_bars for c in chunks)
    gaps = _gaps(outline.returns, outline.bridges, bool(outline.reprise))
    n_given = 0
    for k in range(total):
        energy = _FIRST_ENERGY + (_LAST_ENERGY - _FIRST_ENERGY) * k / max(1, outline.returns + bool(outline.reprise))
        if k and lead:
            pieces.append((at - lead, first - lead, lead))
        more, places, at = _statement(chunks, own_lead if k == 0 else 0, at, energy, first)
        sections += more
        pieces += places
        n_given = n_given or len(pieces)
        for _ in range(gaps.count(k)):
            name = "bridge" if outline.bridge_bars >= 8 else "interlude"
            sections.append(Section(name, BRIDGE, at, outline.bridge_bars, _ENERGY[name]))
            at += outline.bridge_bars
    if outline.reprise:
        more, places, at = _statement(chunks[-outline.reprise :], 0, at, _LAST_ENERGY, first)
        sections += more
        pieces += places
    if at < n_bars:  # a tag: the tune's last bars once more
        sections.append(Section("outro", chunks[-1].material, at, n_bars - at, _ENERGY["outro"]))
        tail = min(n_bars - at, core)
        pieces.append((n_bars - tail, first + core - tail, tail))
    return TunePlan(tuple(sections), tuple(pieces), n_given)


def _gaps(returns: int, bridges: int, reprise: bool) -> list[int]:
    """After which statement (0-based) each bridge comes: before the last return, spread where there are several."""
    last = returns - 1 + reprise
    if last < 0:
        return [returns] * bridges
    return sorted(round(last * (j + 1) / bridges) for j in range(bridges)) if bridges else []
