"""Chords of a piece: the user's exactly, and functional harmony of the style where none are given.

Sections of the same material share their progression. A section is either a loop or phrases (opening, half or open
cadence, closing); contrasting materials begin away from the tonic; a key change is prepared by its dominant; an
ending that ends comes by the style's cadence to the tonic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from partimento.compose.frame import Bar, Frame
from partimento.compose.frame_build import bar_position
from partimento.compose.harmony_book import Bars, HarmonyBook, book, extended, numeral, respell
from partimento.score.chord import Chord
from partimento.score.chord_names import make_chord
from partimento.score.score import ChordSpan
from partimento.score.timing import Key, Metre

_EPS = 1e-6
_SLOW_BAR_S = 4.6
"""Bars longer than this get two template bars each, so that the harmony does not stand still."""
_QUICK_BAR_S = 0.85
"""Bars shorter than this share a template bar with their neighbour."""


@dataclass
class _Slot:
    """One chord of one bar before it is placed: a numeral, or a chord made by an enrichment."""

    token: str
    chord: Chord
    start: float
    end: float
    bar: int


def write_chords(frame: Frame, rng: np.random.Generator) -> tuple[ChordSpan, ...]:
    """The chords of a piece.

    Given chords (``plan.chords``) are laid out exactly as given, repeated when the lane loops; bars that the lane does
    not cover, or the whole piece without one, get the style's harmony.

    Returns:
        Spans sorted and not overlapping; time under a given "no chord" has none.
    """
    lane = frame.plan.chords.value
    if lane is None:
        return compose_chords(frame, rng)
    given, covered_to = given_spans(frame)
    if covered_to >= frame.length - _EPS:
        return given
    own = [s for s in compose_chords(frame, rng) if s.end > covered_to + _EPS]
    cut = [ChordSpan(max(s.start, covered_to), s.end, s.chord) for s in own]
    return (*given, *cut)


def given_spans(frame: Frame) -> tuple[tuple[ChordSpan, ...], float]:
    """The plan's chord lane on the bars of the frame, and the quarter note up to which it reaches."""
    lane = frame.plan.chords.value
    assert lane is not None
    spans: list[ChordSpan] = []
    offset = 0.0
    while True:
        for item in lane.chords:
            if offset + item.start_bar >= len(frame.bars) - _EPS:
                break
            start = bar_position(frame, offset + item.start_bar)
            end = bar_position(frame, offset + item.end_bar)
            if offset + item.end_bar >= len(frame.bars) - _EPS:
                end = frame.length
            if item.chord is not None and end > start + _EPS:
                spans.append(ChordSpan(start, end, item.chord))
        offset += max(lane.n_bars, 1e-3)
        if not lane.loop or offset >= len(frame.bars) - _EPS:
            break
    reach = frame.length if lane.loop or offset >= len(frame.bars) - _EPS else bar_position(frame, offset)
    return tuple(spans), reach


def compose_chords(frame: Frame, rng: np.random.Generator) -> tuple[ChordSpan, ...]:
    """Functional harmony for the whole frame in its style."""
    materials: dict[str, list[Bars]] = {}
    slots: list[_Slot] = []
    colours: dict[tuple[str, int], tuple[bool, bool]] = {}
    for section in dict.fromkeys(bar.section for bar in frame.bars):
        bars = [bar for bar in frame.bars if bar.section == section]
        the_book = book(frame.style, bars[0].key.mode)
        if section.material not in materials:
            rank = len([m for m in materials if m != "i"])
            materials[section.material] = [_material(frame, the_book, bars, rank, section.name, materials, rng)]
        tokens = _fitted(materials[section.material][0], bars)
        for bar, row in zip(bars, tokens, strict=True):
            slots += _placed(bar, row, colours, the_book, frame, rng)
    slots = _enriched(frame, slots, rng)
    slots = _prepare_keys(frame, slots)
    if frame.plan.ending.value == "final":
        slots = _final_cadence(frame, slots, rng)
    return tuple(ChordSpan(s.start, s.end, s.chord) for s in slots)


def _bar_seconds(frame: Frame, bar: Bar) -> float:
    bpm = [p.bpm for p in frame.tempos if p.at <= bar.start + _EPS][-1]
    return bar.metre.bar_quarters * 60.0 / bpm


def _phrase_sizes(bars: list[Bar]) -> list[int]:
    """Lengths of a section's phrases in bars."""
    sizes, n = [], 0
    for bar in bars:
        n += 1
        if bar.phrase_end or bar is bars[-1]:
            sizes.append(n)
            n = 0
    return sizes


def _material(
    frame: Frame,
    the_book: HarmonyBook,
    bars: list[Bar],
    rank: int,
    name: str,
    known: dict[str, list[Bars]],
    rng: np.random.Generator,
) -> Bars:
    """Numerals of a new material, bar by bar of the section that brings it first."""
    seconds = _bar_seconds(frame, bars[0])
    used = {row[0] for rows in known.values() for row in rows}
    intro = name in ("intro", "outro", "build", "break", "coda") and len(bars) <= 8
    if intro or rng.random() < the_book.rates["loop_share"]:
        if intro and known and rng.random() < 0.5:
            return known[next(iter(known))][0]
        loops = [loop for loop in the_book.loops if len(bars) % len(loop) == 0] or list(the_book.loops)
        longest = max(len(loop) for loop in loops)
        if longest > 4 and len(bars) % longest == 0:  # a form of its own, such as the twelve-bar blues
            loops = [loop for loop in loops if len(loop) == longest]
        if rank % 2 == 1 and longest <= 4:
            loops = loops + [b for b in the_book.bridges if b not in loops]
        fresh = [loop for loop in loops if loop[0] not in used] or loops
        loop = fresh[int(rng.integers(len(fresh)))]
        return _paced(loop * (-(-len(bars) // len(loop))), len(bars), seconds)
    sizes = _phrase_sizes(bars)
    first = the_book.bridges if rank % 2 == 1 else the_book.openings
    if rank % 2 == 0 and rank > 0:
        first = tuple(p for p in first if p[0] not in used) or first
    opening = first[int(rng.integers(len(first)))]
    result: list[tuple[str, ...]] = []
    for i, size in enumerate(sizes):
        if i == len(sizes) - 1 and (len(sizes) > 1 or rng.random() < 0.5):
            template = the_book.closings[int(rng.integers(len(the_book.closings)))]
        elif i % 2 == 0:
            template = opening
        elif rng.random() < 0.5:
            template = the_book.openings[int(rng.integers(len(the_book.openings)))]
        else:
            template = opening
        result += _stretched(template, size)
    return _paced(tuple(result), len(bars), seconds)


def _paced(rows: Bars, n_bars: int, bar_seconds: float) -> Bars:
    """Two template bars to a very long bar, one to two very short ones."""
    if bar_seconds > _SLOW_BAR_S and all(len(row) == 1 for row in rows):
        doubled = [(*rows[2 * i % len(rows)], *rows[(2 * i + 1) % len(rows)]) for i in range(n_bars)]
        return tuple((row[0],) if row[0] == row[1] else row for row in doubled)
    if bar_seconds < _QUICK_BAR_S and n_bars >= 4:
        spread: list[tuple[str, ...]] = []
        for row in rows:
            spread += [(row[0],), (row[-1],)]
        return tuple(spread[:n_bars])
    return rows[:n_bars]


def _stretched(template: Bars, size: int) -> list[tuple[str, ...]]:
    """A four-bar template in a phrase of another length, its first chord and its cadence kept."""
    rows = list(template)
    if size == 1:
        return [(rows[-2][-1], rows[-1][-1])]
    if size == 2:
        return [(rows[0][0], rows[1][-1]), (rows[2][-1], rows[3][-1])]
    if size == 3:
        return [rows[0], rows[2], rows[3]]
    if size <= 5:
        return rows + [rows[-1]] * (size - 4)
    if size == 6:
        return rows[:2] + rows
    if size == 7:
        return rows[:3] + rows
    repeated: list[tuple[str, ...]] = []
    while len(repeated) < size - 4:
        repeated += rows
    return repeated[: size - 4] + rows


def _fitted(rows: Bars, bars: list[Bar]) -> list[tuple[str, ...]]:
    """A material's numerals on a section that may be shorter or longer than the one that brought it."""
    n = len(bars)
    if n == len(rows):
        return list(rows)
    if n < len(rows):
        keep = min(4, n)
        return list(rows[: n - keep]) + list(rows[-keep:]) if n % 4 == 0 and n > 4 else list(rows[:n])
    out = list(rows)
    while len(out) < n:
        out += list(rows)
    return out[:n]


def split_bar(metre: Metre, quarters: float, n: int) -> list[float]:
    """Where ``n`` chords of a bar begin and the last ends, relative to the bar: on felt beats, the longer share first.

    Args:
        metre: the bar's metre.
        quarters: the bar's sounding length.
        n: chords in the bar, ≥ 1.
    """
    beats = [b for b in metre.beat_quarters if b < quarters - _EPS]
    while len(beats) < n:
        edges = [*beats, quarters]
        widest = max(range(len(beats)), key=lambda i: (edges[i + 1] - edges[i], -i))
        beats.insert(widest + 1, (edges[widest] + edges[widest + 1]) / 2)
    starts = [0.0]
    for k in range(1, n):
        wanted = quarters * k / n
        free = [b for i, b in enumerate(beats) if b > starts[-1] + _EPS and len(beats) - i >= n - k]
        starts.append(min(free, key=lambda b: (abs(b - wanted), -b)))
    return [*starts, quarters]


def _placed(
    bar: Bar,
    row: tuple[str, ...],
    colours: dict[tuple[str, int], tuple[bool, bool]],
    the_book: HarmonyBook,
    frame: Frame,
    rng: np.random.Generator,
) -> list[_Slot]:
    """A bar's numerals as chords in time, each numeral with the same colour (seventh, ninth) throughout the piece."""
    row = row if bar.quarters >= 0.75 * bar.metre.bar_quarters else row[:1]
    edges = split_bar(bar.metre, bar.quarters, len(row))
    tension = frame.character.tension - 0.5
    slots = []
    for k, token in enumerate(row):
        colour_key = (token, bar.key.tonic)
        if colour_key not in colours:
            seventh = rng.random() < the_book.rates["sevenths"] * (1 + tension) + max(0.0, tension) * 0.3
            ninth = rng.random() < the_book.rates["ninths"] * (1 + tension) + max(0.0, tension) * 0.2
            colours[colour_key] = (seventh, ninth)
        seventh, ninth = colours[colour_key]
        chord = numeral(token, bar.key)
        seventh = seventh and not (the_book.dominant_only and chord.root != (bar.key.tonic + 7) % 12)
        chord = extended(chord, bar.key, seventh=seventh, ninth=ninth, dominant=the_book.dominant_sevenths)
        slots.append(_Slot(token, chord, bar.start + edges[k], bar.start + edges[k + 1], bar.index))
    return slots


def _enriched(frame: Frame, slots: list[_Slot], rng: np.random.Generator) -> list[_Slot]:
    """Secondary dominants, ii–V splits, suspensions and borrowed chords, the same in every return of a material.

    Decisions are keyed by material and bar of the section, so that what returns returns with them.
    """
    decisions: dict[tuple[str, int, int], float] = {}
    tension = 0.6 + 0.8 * frame.character.tension
    out: list[_Slot] = []
    for i, slot in enumerate(slots):
        bar = frame.bars[slot.bar]
        following = slots[i + 1] if i + 1 < len(slots) else None
        key = (bar.section.material, bar.in_section, round((slot.start - bar.start) * 24))
        draw = decisions.setdefault(key, float(rng.random()))
        rates = book(frame.style, bar.key.mode).rates
        out += _enrich(slot, following, bar, rates, draw, tension)
    return out


def _enrich(slot: _Slot, following: _Slot | None, bar: Bar, rates: dict[str, float], draw: float, tension: float) -> list[_Slot]:
    """One chord, perhaps split in two; ``draw`` in [0, 1) chooses."""
    long_enough = slot.end - slot.start >= 2.0 - _EPS and slot.end - slot.start >= bar.quarters - _EPS
    beats = split_bar(bar.metre, slot.end - slot.start, 2) if long_enough else []
    key = bar.key
    chord = slot.chord

    def _halves(first: Chord, second: Chord) -> list[_Slot]:
        middle = slot.start + beats[1]
        return [_Slot(slot.token, first, slot.start, middle, slot.bar), _Slot("", second, middle, slot.end, slot.bar)]

    if not long_enough:
        return [slot]
    is_five = chord.root == (key.tonic + 7) % 12 and 4 in chord.intervals and chord.bass == chord.root
    if is_five and draw < rates["iiv"] * tension * 0.8:
        two = numeral("ii7b5" if key.mode == "minor" else "ii7", key)
        return _halves(two, chord)
    if is_five and 10 in chord.intervals and draw > 1 - 0.4 * rates["tritone"] * tension:
        return [_Slot("", numeral("bII7", key), slot.start, slot.end, slot.bar)]
    if is_five and draw > 1 - rates["suspend"] * tension and 5 not in chord.intervals:
        held = make_chord(chord.root, (0, 5, 7, 10) if 10 in chord.intervals else (0, 5, 7))
        return _halves(respell(held, key), chord)
    if following is None or following.chord.root == chord.root:
        return [slot]
    is_four = chord.root == (key.tonic + 5) % 12 and chord.intervals[:2] == (0, 4) and key.mode == "major"
    if is_four and following.chord.root in (key.tonic, (key.tonic + 7) % 12) and draw < rates["mixture"] * tension:
        return _halves(chord, numeral("iv6" if 11 in chord.intervals else "iv", key))
    target = following.chord
    plain = (
        target.root in key.scale and target.root != key.tonic and {0, 7} <= set(target.intervals) and target.bass == target.root
    )
    distinct = (target.root + 7) % 12 != chord.root
    if plain and distinct and not bar.section_end and 0.3 < draw < 0.3 + 0.4 * rates["secondary"] * tension:
        applied = make_chord((target.root + 7) % 12, (0, 4, 7, 10))
        return _halves(chord, respell(applied, key))
    return [slot]


def _prepare_keys(frame: Frame, slots: list[_Slot]) -> list[_Slot]:
    """The dominant of a new key in the last half bar of the old one."""
    for before, after in zip(frame.bars, frame.bars[1:], strict=False):
        if before.key == after.key:
            continue
        dominant = numeral("V7" if after.key.mode in ("major", "minor", "lydian") else "bVII", after.key)
        middle = before.start + split_bar(before.metre, before.quarters, 2)[1]
        kept = [s for s in slots if s.start < middle - _EPS or s.start >= before.end - _EPS]
        slots = []
        for slot in kept:
            if slot.start < before.end - _EPS and slot.end > middle:
                slot = _Slot(slot.token, slot.chord, slot.start, middle, slot.bar)
            slots.append(slot)
        slots.append(_Slot("", dominant, middle, before.end, before.index))
        slots.sort(key=lambda s: s.start)
    return slots


def _final_cadence(frame: Frame, slots: list[_Slot], rng: np.random.Generator) -> list[_Slot]:
    """Tonic from ``final_start`` on, and the style's way into it before."""
    at = frame.final_start
    last_bar = next(bar for bar in reversed(frame.bars) if bar.start <= at + _EPS)
    key = last_bar.key
    the_book = book(frame.style, key.mode)
    way = the_book.endings[int(rng.integers(len(the_book.endings)))]
    tonic = _tonic(frame, the_book, key, rng)
    kept = [s for s in slots if s.start < at - _EPS]
    room = [bar for bar in frame.bars if bar.start < at - _EPS]
    if at > last_bar.start + _EPS:  # the last chord falls inside a bar: the dominant fills the bar up to it
        way = (way[-1][-1:],)
    rows = way[-min(len(way), max(1, len(room) - 2)) :] if len(room) > 2 else (way[-1][-1:],)
    for bar, row in zip(room[len(room) - len(rows) :], rows, strict=True):
        end = min(bar.end, at)
        kept = [_Slot(s.token, s.chord, s.start, min(s.end, bar.start), s.bar) if s.start < bar.start - _EPS else s for s in kept]
        kept = [s for s in kept if s.start < bar.start - _EPS]
        edges = split_bar(bar.metre, end - bar.start, len(row)) if end - bar.start >= 1.0 else [0.0, end - bar.start]
        for token, start, stop in zip(row, edges, edges[1:], strict=False):
            chord = extended(
                numeral(token, key),
                key,
                seventh=the_book.rates["sevenths"] > 0.5,
                ninth=False,
                dominant=the_book.dominant_sevenths,
            )
            kept.append(_Slot(token, chord, bar.start + start, bar.start + stop, bar.index))
    if len(kept) == 1:
        kept = _from_home(kept[0], tonic, last_bar.metre)
    kept.append(_Slot("I", tonic, at, frame.length, last_bar.index))
    return kept


def _from_home(way: _Slot, tonic: Chord, metre: Metre) -> list[_Slot]:
    """All that comes before the last chord of a piece of a bar or less: the tonic first, then the way back if there is time."""
    middle = way.start + split_bar(metre, way.end - way.start, 2)[1] if way.end - way.start >= 2.0 else way.end
    home = replace(way, token="I", chord=tonic, end=middle)
    return [home, replace(way, start=middle)] if middle < way.end - _EPS else [home]


def _tonic(frame: Frame, the_book: HarmonyBook, key: Key, rng: np.random.Generator) -> Chord:
    """The last chord: the tonic in the style's colour, in minor sometimes with the Picardy third."""
    minor = key.is_minor
    if minor and key.mode == "minor" and rng.random() < the_book.rates["picardy"] * (0.6 + 0.8 * frame.character.valence):
        minor = False
    if key.mode == "locrian":
        return numeral("io", key)
    if the_book.rates["sevenths"] < 0.8:
        return numeral("i" if minor else "I", key)
    if the_book.dominant_sevenths:
        return numeral("i7" if minor else "I7", key)
    choices = ("i6", "i9", "i7") if minor else ("I6", "Imaj9", "Imaj7")
    return numeral(choices[int(rng.integers(len(choices)))], key)
