"""``extend`` and ``trim``: longer, shorter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from partimento.edit.change import SEAM_S, Change, Kept, Piece
from partimento.edit.contents import SoundStep
from partimento.edit.lanes import chord_lane, free_sketches, key_lane
from partimento.edit.region import Span, bar_span, quarter_span
from partimento.edit.wanted_length import wanted_length
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import BarRange, Origin, Plan, Value
from partimento.score.score import ChordSpan, Note, Score, Section, Track

MAX_ADDED_BARS = 500
DEFAULT_BARS = 8
"""What "longer" means when no figure is given."""
_END_FADE_S = 0.4
_EPS = 1e-6


def extend(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play more before the ending: ``amount`` bars (or seconds, rounded to bars), a repeat of what precedes the end.

    With a region, its last bars are repeated after it (all of it where no amount is given). What reaches the end of the
    piece is repeated before itself, so that the piece still ends with its ending. With ``value`` ``to`` the amount is the
    new length, and what is longer already is cut.

    Raises:
        RequestError: no or too many bars, or it is as long as that. UnsupportedError: tempo or metre change in the piece.
    """
    score = piece.score
    even_bars(score)
    there = span.end_bar - span.start_bar
    wanted = _wanted_bars(operation, score, there)
    if wanted is not None and wanted <= there and operation.value == "to":
        if wanted == there:
            raise RequestError(f"{span} has {there} bars already; give another length")
        return trim(piece, replace(operation, op="trim"), span)
    size = (DEFAULT_BARS if span.whole else there) if wanted is None else wanted - there
    at, bars = (_before_ending(score), list(range(_before_ending(score)))) if span.whole else _repeated(score, span)
    source = [bars[(i - size) % len(bars)] for i in range(size)]
    if not 1 <= len(source) <= MAX_ADDED_BARS:
        raise RequestError(f"{len(source)} bars more: give 1 to {MAX_ADDED_BARS}")
    join = score.bar_starts[at] if at < score.n_bars else score.length
    if join >= score.length - _EPS:
        raise UnsupportedError("the last bar cannot be repeated after the ending; repeat an earlier region")
    added = score.metre.bar_quarters * len(source)
    new = replace(
        score, tracks=_longer_tracks(score, join, source), length=score.length + added,
        chords=_longer_chords(score, join, source), sections=_longer(score, at, source),
        keys=tuple(replace(k, at=_behind(k.at, join, added)) for k in score.keys),
    )  # fmt: skip
    plan = replanned(piece.plan, new, lambda bar: _extended(bar, at, source), operation)
    rate = piece.sample_rate
    low_n, n = round(score.tempo_map.seconds(join) * rate), round(score.duration_s * rate)
    behind = round(new.tempo_map.seconds(join + added) * rate)
    kept = (Kept(0, 0, low_n), Kept(low_n, behind, min(n - low_n, round(new.duration_s * rate) - behind)))
    line = f"{len(source)} bars more after bar {at}, from bars {min(source) + 1}–{max(source) + 1}"
    return Change(
        plan, new, tuple(t.name for t in new.tracks), kept=tuple(k for k in kept if k.n > 0),
        moved=lambda quarter: _behind(quarter, join, added), lines=(line,),
    )  # fmt: skip


def _repeated(score: Score, span: Span) -> tuple[int, list[int]]:
    """Where a region is repeated, and which bars: at the end of the piece it is played before itself, and where the last
    section was there before without the ending, from there."""
    bars = list(range(span.start_bar, span.end_bar))
    if span.end_bar < score.n_bars or span.start_bar == 0:
        return span.end_bar, bars
    own = next((s for s in score.sections if (s.start_bar, s.end_bar) == (span.start_bar, span.end_bar)), None)
    same = [s for s in score.sections if own is not None and s.start_bar < own.start_bar and s.n_bars == own.n_bars
            and (s.name, s.material) == (own.name, own.material)]  # fmt: skip
    return span.start_bar, list(range(same[-1].start_bar, same[-1].end_bar)) if same else bars


def _behind(quarter: float, join: float, added: float) -> float:
    """A position after ``added`` quarter notes were put in at ``join``."""
    return quarter + added if quarter >= join - _EPS else quarter


def _longer_tracks(score: Score, join: float, source: list[int]) -> tuple[Track, ...]:
    """Tracks with the notes of the source bars put in at ``join``; nothing is held across the joins."""
    size = score.metre.bar_quarters
    end = join + size * len(source)
    tracks = []
    for track in score.tracks:
        notes = [replace(n, duration=min(n.duration, join - n.start)) for n in track.notes if n.start < join - _EPS]
        for i, bar in enumerate(source):
            offset = join + i * size - score.bar_starts[bar]
            copies = in_bar(track.notes, score, bar)
            notes += [replace(n, start=n.start + offset, duration=min(n.duration, end - n.start - offset)) for n in copies]
        notes += [replace(n, start=n.start + end - join) for n in track.notes if n.start >= join - _EPS]
        tracks.append(replace(track, notes=tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))))
    return tuple(tracks)


def _longer_chords(score: Score, join: float, source: list[int]) -> tuple[ChordSpan, ...]:
    """Chords with those of the source bars put in at ``join``."""
    size = score.metre.bar_quarters
    end = join + size * len(source)
    chords = [replace(c, end=min(c.end, join)) for c in score.chords if c.start < join - _EPS]
    for i, bar in enumerate(source):
        chords += chords_between(score, *score.bar_span(bar), join + i * size)
    return (*chords, *chords_between(score, join, score.length, end))


def chords_between(score: Score, low: float, high: float, at: float) -> list[ChordSpan]:
    """The chords of a stretch, moved to begin at ``at``."""
    return [
        ChordSpan(max(c.start, low) + at - low, min(c.end, high) + at - low, c.chord)
        for c in score.chords if c.start < high - _EPS and c.end > low + _EPS
    ]  # fmt: skip


def trim(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Cut out the region (``value`` ``keep``: cut everything else).

    With an ``amount`` keep that much from its start, with ``value`` ``off`` cut that much from its end; without a region
    that is said of the whole piece. Cuts fall on bar lines.

    Raises:
        RequestError: nothing would be left, or nothing would go.
    """
    score = piece.score
    even_bars(score)
    there = span.end_bar - span.start_bar
    edge = operation.region.kind in ("first_bars", "last_bars", "seconds", "fraction")  # it says itself how much goes
    if span.whole or (operation.amount is not None and not edge and operation.value in ("to", "off")):
        wanted = _wanted_bars(operation, score, there)
        if wanted is None:
            raise RequestError("say what to cut: a length to keep (20 s, 8 bars) or a region to take out")
        gone = [(span.start_bar + max(1 if span.whole else 0, min(wanted, there)), span.end_bar)]
    elif operation.value == "keep":
        gone = [(0, span.start_bar), (span.end_bar, score.n_bars)]
    else:
        gone = [(span.start_bar, span.end_bar)]
    gone = [(a, b) for a, b in gone if b > a]
    left = [b for b in range(score.n_bars) if not any(a <= b < e for a, e in gone)]
    if not left or len(left) == score.n_bars:
        raise RequestError(f"the piece has {score.n_bars} bars and {len(left)} would be left; give another length or region")
    return _kept_bars(piece, left, operation)


def _kept_bars(piece: Piece, left: list[int], operation: EditOperation) -> Change:
    """Only some bars of the piece."""
    score, rate = piece.score, piece.sample_rate
    runs: list[list[int]] = []
    for bar in left:
        if runs and runs[-1][1] == bar:
            runs[-1][1] = bar + 1
        else:
            runs.append([bar, bar + 1])
    notes: dict[str, list[Note]] = {t.name: [] for t in score.tracks}
    chords: list[ChordSpan] = []
    kept: list[Kept] = []
    at, offsets = 0.0, []
    for first, last in runs:
        part = bar_span(score, first, last)
        offset = at - part.start
        offsets.append((part, offset))
        for track in score.tracks:
            inside = [n for n in track.notes if part.start - _EPS <= n.start < part.end - _EPS]
            notes[track.name] += [
                replace(n, start=max(0.0, n.start + offset), duration=min(n.duration, part.end - n.start)) for n in inside
            ]
        chords += chords_between(score, part.start, part.end, at)
        start, end = part.samples(rate)
        place = round(score.tempo_map.seconds(at) * rate)
        seam = round(SEAM_S * rate) if kept else 0  # the join of two runs is a cross-fade, not a click
        kept.append(Kept(start + seam, place + seam, end - start - seam))
        at += part.end - part.start
    renumber = {bar: i for i, bar in enumerate(left)}
    sections = _shorter(score, renumber)
    key = score.key_at(offsets[0][0].start)
    keys = [replace(score.keys[0], key=key)]
    keys += [replace(k, at=k.at + offset) for part, offset in offsets for k in score.keys if part.start < k.at < part.end]
    tracks = tuple(replace(t, notes=tuple(notes[t.name])) for t in score.tracks)
    new = replace(score, tracks=tracks, length=at, chords=tuple(chords), sections=sections, keys=tuple(keys))
    n_new = round(new.duration_s * rate)
    kept = [replace(k, n=min(k.n, n_new - k.new)) for k in kept]
    plan = replanned(piece.plan, new, lambda bar: [renumber[bar]] if bar in renumber else [], operation)
    steps, n_faded = {}, 0
    if left[-1] != score.n_bars - 1:
        end_s = new.duration_s
        tail = quarter_span(new, new.tempo_map.quarters(max(0.0, end_s - _END_FADE_S)), new.length)
        steps = {t.name: (SoundStep("fade_out", tail.start, tail.end),) for t in new.tracks}
        n_faded = n_new - tail.samples(rate)[0]
        plan = replace(plan, ending=Value("loop", Origin.INFERRED, operation.words, "cut before its ending"))
    line = f"{score.n_bars} bars → {len(left)}: " + ", ".join(f"bars {a + 1}–{b}" for a, b in runs) + " kept"

    def move(quarter: float) -> float:
        """Where an old position is found."""
        for part, offset in offsets:
            if quarter <= part.end:
                return max(part.start, quarter) + offset
        return at

    return Change(plan, new, (), steps, kept=tuple(kept), n_faded=n_faded, moved=move, lines=(line,))


def even_bars(score: Score) -> None:
    """Refuse what bar-wise copying cannot do."""
    if len(score.tempos) > 1 or len(score.metres) > 1:
        raise UnsupportedError("a piece whose tempo or metre changes cannot be lengthened or cut by bars; set one tempo first")


def _wanted_bars(operation: EditOperation, score: Score, there: int) -> int | None:
    """How many bars there shall be in the place of some; None when no amount is given."""
    wanted = wanted_length(operation, float(there), 1.0, score.tempo_bpm / 60.0 / score.metre.bar_quarters)
    return None if wanted is None else max(1, round(wanted))


def _before_ending(score: Score) -> int:
    """The bar before which more music goes: the last section if it is an ending or one of several, else the last bar."""
    if len(score.sections) > 1:
        return score.sections[-1].start_bar
    return max(1, score.n_bars - 1)


def in_bar(notes: tuple[Note, ...], score: Score, bar: int) -> list[Note]:
    low, high = score.bar_span(bar)
    return [n for n in notes if low - _EPS <= n.start < high - _EPS]


def _extended(bar: int, at: int, source: list[int]) -> list[int]:
    """Where an old bar is found afterwards."""
    own = bar if bar < at else bar + len(source)
    return [own, *(at + i for i, b in enumerate(source) if b == bar)]


def _longer(score: Score, at: int, source: list[int]) -> tuple[Section, ...]:
    """Sections after repeating bars: the copies bring their own names."""
    rows = [s for s in score.sections for _ in range(s.n_bars)]
    if len(rows) != score.n_bars:
        return ()
    order = [(s, b - s.start_bar) for b, s in enumerate(rows)]
    return grouped([*order[:at], *(order[b] for b in source), *order[at:]])


def _shorter(score: Score, renumber: dict[int, int]) -> tuple[Section, ...]:
    rows = [s for s in score.sections for _ in range(s.n_bars)]
    if len(rows) != score.n_bars:
        return ()
    return grouped([(rows[bar], bar - rows[bar].start_bar) for bar in renumber])


def grouped(bars: list[tuple[Section, int]]) -> tuple[Section, ...]:
    """Bars with their old section and place in it → sections."""
    out: list[Section] = []
    before: tuple[Section, int] | None = None
    for i, (section, place) in enumerate(bars):
        if before is not None and before[0] == section and place == before[1] + 1:
            out[-1] = replace(out[-1], n_bars=out[-1].n_bars + 1)
        else:
            out.append(replace(section, start_bar=i, n_bars=1))
        before = (section, place)
    return tuple(out)


def replanned(plan: Plan, score: Score, bars: Callable[[int], list[int]], operation: EditOperation) -> Plan:
    """The plan of a score whose bars have moved."""
    plan = free_sketches(plan, [p.name for p in plan.parts])
    parts = []
    for part in plan.parts:
        active, solo = _ranges(part.active, bars), _ranges(part.solo, bars)
        silent = not any(t.notes for t in score.tracks if t.name == part.name)
        parts.append(replace(part, active=() if silent else active or (BarRange(0, score.n_bars),), solo=solo))
    dynamics = tuple({round(float(b), 6): replace(d, bar=float(b)) for d in plan.dynamics.value
                      for b in (bars(int(d.bar)) or [0])[:1]}.values())  # fmt: skip
    dynamics = tuple(sorted(dynamics, key=lambda d: d.bar))
    plan = replace(
        plan, parts=tuple(parts), n_bars=Value(score.n_bars, Origin.SAID, operation.words),
        duration_s=Value(score.duration_s, Origin.INFERRED, (), f"{score.n_bars} bars"),
        sections=replace(plan.sections, value=score.sections), key=replace(plan.key, value=key_lane(score)),
        dynamics=replace(plan.dynamics, value=dynamics), tempo=replace(plan.tempo, value=plan.tempo.value[:1]),
    )  # fmt: skip
    if plan.chords.value is not None:
        plan = replace(plan, chords=replace(plan.chords, value=chord_lane(score)))
    return plan


def _ranges(ranges: tuple[BarRange, ...], bars: Callable[[int], list[int]]) -> tuple[BarRange, ...]:
    moved = sorted({new for r in ranges for old in range(r.start_bar, r.end_bar) for new in bars(old)})
    out: list[BarRange] = []
    for bar in moved:
        if out and out[-1].end_bar == bar:
            out[-1] = BarRange(out[-1].start_bar, bar + 1)
        else:
            out.append(BarRange(bar, bar + 1))
    return tuple(out)
