"""Part-writing for single-line instruments: the voices of a quartet, a horn that holds, the bones of a countermelody.

Each voice is the cheapest path through the chords' notes (Viterbi): small steps, its own register, the note that the
chord still lacks, no crossing, no parallel fifths or octaves with the voices written before it, the tune and the bass
(rules as in Piston, "Harmony", ch. 2). Voices are written one after another, so a voice that joins later changes none
of the earlier ones.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.compose.arrange.context import EPS, Context, Player, Segment
from partimento.compose.arrange.notes import body_end, final_spans, heard_length, plays_final, tidy
from partimento.compose.arrange.patterns import Pattern, hits
from partimento.compose.frame import Bar
from partimento.score.chord import Chord
from partimento.score.score import Note

Floats = NDArray[np.float64]
_FAR = 9
_OCTAVE = 12
_BRIDGE = 1.0
_SOON = 1.0
_PERFECT = (0, 7)
_HIGH_WINDS = 88
_SYLLABLE = 0.5
_SUNG_CROSSING = 12.0
_SUNG_SPACING = 1.2


class Sounding:
    """Looks up what a line sounds at a time.

    Args:
        notes: of one line, any order.
        target: the register where the line lives (MIDI pitch).
        is_tune: it is the tune.
    """

    def __init__(
        self, notes: tuple[Note, ...] | list[Note], target: float, *, is_tune: bool = False, is_bass: bool = False
    ) -> None:
        self.notes = sorted(notes, key=lambda n: n.start)
        self.starts = [n.start for n in self.notes]
        self.target = target
        self.is_tune = is_tune
        self.is_bass = is_bass

    def at(self, time: float) -> int | None:
        """Pitch at a time; the latest note wins."""
        i = bisect.bisect_right(self.starts, time + EPS) - 1
        return self.notes[i].pitch if i >= 0 and self.notes[i].end > time + EPS else None

    def before(self, time: float) -> int | None:
        """Pitch just before a time; short rests are bridged."""
        i = bisect.bisect_left(self.starts, time - EPS) - 1
        return self.notes[i].pitch if i >= 0 and self.notes[i].end > time - _BRIDGE else None

    def moves(self, time: float) -> tuple[int, int] | None:
        """Pitches before and at a time, when the line moves there."""
        was, now = self.before(time), self.at(time)
        return None if was is None or now is None or was == now else (was, now)


@dataclass
class Ensemble:
    """Lines written so far, in the order of writing."""

    lines: list[Sounding] = field(default_factory=list)

    def add(self, notes: tuple[Note, ...] | list[Note], target: float, *, is_bass: bool = False) -> None:
        """Remember a finished line."""
        self.lines.append(Sounding(notes, target, is_bass=is_bass))


def target_of(player: Player, ctx: Context) -> float:
    """The register of a single-line part: a comfortable place of its instrument, lower for each twin before it."""
    low, high = player.instrument.best
    if player.instrument.family == "winds" and high >= _HIGH_WINDS and player.role == "counter":
        return min(high - 5.0, low + 0.6 * (high - low))
    before = [p for p in ctx.players if p.instrument.id == player.instrument.id]
    twins = before.index(player)
    shift = 8.0 * (ctx.frame.character.register - 0.5)
    return max(low + 3.0, low + 0.42 * (high - low) - 5.0 * twins + shift)


def line_segments(ctx: Context, player: Player) -> list[Segment]:
    """Chords in the bars of a part, cut at bar lines, up to the final chord."""
    stop = body_end(ctx)
    found: list[Segment] = []
    for bar in ctx.active_bars(player):
        if bar.start < stop - EPS:
            found += ctx.segments(bar.start, min(bar.end, stop))
    if plays_final(ctx, player):
        for start, end in final_spans(ctx):
            chord = ctx.chord_at(start) or ctx.chords[-1].chord
            found.append(Segment(start, end, chord, -1, True))
    return found


@dataclass(frozen=True, slots=True)
class Musts:
    """Bars in which a line has no choice: it is the lowest and sounds the bass; it is the last to sound the third."""

    bass: frozenset[int] = frozenset()
    third: frozenset[int] = frozenset()


def skeleton(ctx: Context, player: Player, segments: list[Segment], ensemble: Ensemble, musts: Musts) -> list[int]:
    """One chord note per segment.

    Args:
        segments: of the part's bars.
        ensemble: lines written before.
        musts: bars in which it must sound the bass, or the third when no line before does.
    """
    if not segments:
        return []
    middle = sum(n.pitch for n in ctx.melody) / len(ctx.melody) if ctx.melody else 76.0
    tune = Sounding(ctx.melody, middle, is_tune=True)
    lines = [tune, *ensemble.lines]
    target = target_of(player, ctx)
    best_low, best_high = player.instrument.best
    if musts.bass:
        target = best_low + 0.25 * (best_high - best_low) if sings(player) else max(best_low + 4.0, target - 9.0)
    low, high = player.instrument.range
    low, high = max(low, best_low - 3), min(high, best_high + 3)
    heard = [[line.at(s.start) for line in lines] for s in segments]
    grid = [_candidates(s.chord, low, high, ctx.bar_index(s.start), h[1:], musts) for s, h in zip(segments, heard, strict=True)]
    left = [[line.before(s.start) for line in lines] for s in segments]
    holds = [ctx.bar_index(s.start) in musts.bass for s in segments]
    costs = [
        _static(g, s.chord, h, lines, target, ctx, player, i, holds_bass=holds[i])
        for i, (g, s, h) in enumerate(zip(grid, segments, heard, strict=True))
    ]
    total, back = costs[0], []
    for i in range(1, len(segments)):
        cost = total[:, None] + _moves(grid[i - 1], grid[i], left[i], heard[i], segments[i - 1].chord == segments[i].chord)
        back.append(np.argmin(cost, axis=0))
        total = cost.min(axis=0) + costs[i]
    path = [int(np.argmin(total))]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return [int(grid[i][k]) for i, k in enumerate(reversed(path))]


def _candidates(chord: Chord, low: int, high: int, bar: int, others: list[int | None], musts: Musts) -> Floats:
    classes: tuple[int, ...] = chord.pitch_classes
    if bar in musts.bass:
        classes = (chord.bass,)
    elif bar in musts.third and chord.third is not None and all(p is None or p % 12 != chord.third for p in others):
        classes = (chord.third,)
    return np.array([p for p in range(low, high + 1) if p % 12 in classes], dtype=np.float64)


def _static(
    grid: Floats,
    chord: Chord,
    heard: list[int | None],
    lines: list[Sounding],
    target: float,
    ctx: Context,
    player: Player,
    i: int,
    *,
    holds_bass: bool = False,
) -> Floats:
    """Cost of each candidate by itself: register, what the chord lacks, crossing, unison, clash with the tune."""
    cost = 0.12 * np.abs(grid - target) + 0.03 * np.maximum(0, np.abs(grid - target) - 7) ** 2
    classes = grid % 12
    present = {p % 12 for p in heard if p is not None}
    if chord.third is not None:
        cost += np.where(classes == chord.third, 0.0, 2.5 if chord.third not in present else 0.2)
        cost += np.where((classes == chord.third) & (chord.third in present), 0.9, 0.0)
    if chord.seventh is not None and chord.seventh not in present:
        cost -= np.where(classes == chord.seventh, 0.8, 0.0)
    doubled = np.isin(classes, list(present)) if present else np.zeros(grid.shape, bool)
    cost += np.where(doubled, 0.5, 0.0)
    above = min((p for p, line in zip(heard, lines, strict=True) if p is not None and line.target > target), default=None)
    sung = sings(player)
    if holds_bass and sung:
        cost += 0.8 * np.maximum(0.0, grid - target)
    if above is not None and not holds_bass:
        cost += (_SUNG_SPACING if sung else 0.15) * np.maximum(0, above - grid - _OCTAVE)
    for pitch, line in zip(heard, lines, strict=True):
        if pitch is None:
            continue
        cost += np.where(grid == pitch, 2.5, 0.0)
        cost += np.where(np.abs(grid - pitch) == 1, 3.0, 0.0) + (
            np.where((grid - pitch) % 12 == 1, 1.2, 0.0) if line.is_tune else 0.0
        )
        if line.is_bass:
            cost += np.where(grid < pitch + 3, _SUNG_CROSSING if sung else 5.0, 0.0)
        elif line.target > target:
            cost += np.where(grid > pitch, _SUNG_CROSSING if sung else 2.6 if not line.is_tune else 1.8, 0.0)
        else:
            cost += np.where(grid < pitch + (2 if line.is_tune else 0), _SUNG_CROSSING if sung else 2.6, 0.0)
    wobble = ctx.dice("line", player.name, i).random(grid.size) if i % 8 == 0 else 0.0
    return np.asarray(cost + 0.3 * wobble, dtype=np.float64)


def _moves(before: Floats, after: Floats, heard: list[int | None], now: list[int | None], same_chord: bool) -> Floats:
    """Cost of every move: leaps, staying on one note for ever, parallels with each line.

    Args:
        heard, now: pitches of the other lines just before and at the move.
    """
    leap = after[None, :] - before[:, None]
    size = np.abs(leap)
    cost = 0.16 * size + np.where(size > 5, 0.5, 0.0) + np.where(size > _FAR, 3.0, 0.0) + np.where(size == 6, 0.8, 0.0)
    cost = cost + np.where(size > _OCTAVE, 12.0, 0.0)
    if same_chord:
        cost = cost - np.where((size > 0) & (size <= 4), 0.5, 0.0)
    for was, is_ in zip(heard, now, strict=True):
        if was is None or is_ is None or was == is_:
            continue
        alike = (np.sign(leap) == np.sign(is_ - was)) & (_gap(before, was)[:, None] == _gap(after, is_)[None, :])
        cost = cost + np.where(alike & np.isin(_gap(after, is_), _PERFECT)[None, :], 9.0, 0.0)
    return np.asarray(cost, dtype=np.float64)


def _gap(pitches: Floats, other: int) -> Floats:
    """Interval within the octave from the lower to the upper of two voices."""
    return np.asarray(np.abs(pitches - other) % 12, dtype=np.float64)


def without_parallels(ctx: Context, notes: list[Note], plain: list[int], ensemble: Ensemble) -> list[Note]:
    """Take back ornaments of a line that run in parallel fifths or octaves with another line.

    Args:
        notes: of the line, in order.
        plain: the unadorned pitch of each note.
    """
    lines = [Sounding(ctx.melody, 0.0, is_tune=True), *ensemble.lines]
    found = list(notes)
    for k in range(1, len(found)):
        if not _parallel(found[k - 1], found[k], lines):
            continue
        # The ornament is this note or, where this one is plain, the note before it.
        for index in (k, k - 1):
            if found[index].pitch != plain[index]:
                old = found[index]
                found[index] = Note(old.start, old.duration, plain[index], old.velocity)
                break
    return found


def _parallel(first: Note, second: Note, lines: list[Sounding]) -> bool:
    if first.pitch == second.pitch:
        return False
    for line in lines:
        move = line.moves(second.start)
        if move is None or (move[1] > move[0]) != (second.pitch > first.pitch):
            continue
        gap = abs(second.pitch - move[1]) % 12
        if gap in _PERFECT and abs(first.pitch - move[0]) % 12 == gap:
            return True
    return False


def section_notes(ctx: Context, player: Player, ensemble: Ensemble, musts: Musts) -> tuple[Note, ...]:
    """All notes of a voice in a section: chord notes in the rhythm of the style's ``voices`` patterns.

    Letters: ``x`` the voice's note, ``s`` a step towards its next note, ``u`` a chord note above, ``l`` below.
    """
    segments = line_segments(ctx, player)
    pitches = skeleton(ctx, player, segments, ensemble, musts)
    notes: list[Note] = []
    plain: list[int] = []
    for i, (segment, pitch) in enumerate(zip(segments, pitches, strict=True)):
        bar = ctx.bar_at(segment.start)
        final = segment.index == -1
        pattern = None if final else _rhythm(ctx, player, bar)
        if sings(player) and not final:
            notes += _with_the_tune(ctx, segment, pitch)
        elif pattern is None:
            notes.append(Note(segment.start, segment.end - segment.start, pitch, 80))
        else:
            upcoming = pitches[i + 1] if i + 1 < len(pitches) and segments[i + 1].start - segment.end < EPS else pitch
            notes += _played(player, pattern, bar, segment, pitch, upcoming, must_start=bar.index in musts.bass)
        plain += [pitch] * (len(notes) - len(plain))
    notes = without_parallels(ctx, notes, plain, ensemble)
    notes = _joined(notes) if player.role == "pad" else notes
    done = tidy(ctx, player, notes)
    ensemble.add(done, target_of(player, ctx), is_bass=bool(musts.bass))
    return done


def sings(player: Player) -> bool:
    """True for one singer of a group: the words are the tune's, so the rhythm is, too."""
    return player.instrument.family == "voices" and not player.instrument.poly and player.role in ("bass", "counter")


def _with_the_tune(ctx: Context, segment: Segment, pitch: int) -> list[Note]:
    """The voice's note on every syllable of the tune that is not too quick, from the start of the chord on."""
    starts = [segment.start]
    for note in ctx.tune_in(segment.start, segment.end):
        if note.start >= starts[-1] + _SYLLABLE - EPS and note.start < segment.end - 0.25:
            starts.append(note.start)
    ends = [*starts[1:], segment.end]
    return [Note(a, b - a, pitch, 84 if i == 0 else 76) for i, (a, b) in enumerate(zip(starts, ends, strict=True))]


def _rhythm(ctx: Context, player: Player, bar: Bar) -> Pattern | None:
    if player.role == "pad":
        return None
    return ctx.pattern("voices", f"voice {player.name}", bar, (player.instrument.id, player.instrument.family))


def _played(
    player: Player, pattern: Pattern, bar: Bar, segment: Segment, pitch: int, upcoming: int, *, must_start: bool
) -> list[Note]:
    """One chord's stretch of a voice in rhythm; it sounds where the chord starts, or (off-beats) within a beat."""
    strokes = [h for h in hits(pattern.lanes["p"], pattern.metre, bar.metre, bar.in_section) if h.at < bar.quarters - EPS]
    events = [(bar.start + h.at, min(bar.start + h.at + h.length, segment.end), h.sign) for h in strokes]
    mine = [e for e in events if segment.start - EPS <= e[0] < segment.end - EPS]
    told = segment.start + heard_length(segment.end - segment.start)
    soon = segment.start + min(_SOON, 0.45 * (segment.end - segment.start)) + EPS
    if not mine or (mine[0][0] > segment.start + EPS and (must_start or mine[0][0] > soon)):
        mine.insert(0, (segment.start, min(mine[0][0] if mine else segment.end, segment.end), "x"))
    # What follows so soon that the chord's own note could not be heard is left out.
    mine = [mine[0], *(e for e in mine[1:] if e[0] >= told - EPS)]
    notes = []
    for k, (start, end, sign) in enumerate(mine):
        sounding = pitch
        if k == 0:
            end = max(end, min(told, mine[1][0] if len(mine) > 1 else segment.end))
        last = k == len(mine) - 1
        if sign == "s" and k:
            sounding = passing(bar, pitch, upcoming) if last else pitch
        elif sign in "ul" and k:
            sounding = neighbour(segment.chord, pitch, 1 if sign == "u" else -1, player.instrument.range)
        notes.append(Note(start, max(end - start, 0.06), sounding, 84 if k == 0 else 74))
    return notes


def passing(bar: Bar, pitch: int, upcoming: int) -> int:
    """The scale note between two pitches a third or more apart, next to the second; else the first."""
    gap = upcoming - pitch
    if abs(gap) < 3:
        return pitch
    scale = bar.key.scale
    step = -1 if gap > 0 else 1
    for distance in (1, 2):
        if (upcoming + step * distance) % 12 in scale:
            return upcoming + step * distance
    return pitch


def neighbour(chord: Chord, pitch: int, direction: int, limits: tuple[int, int]) -> int:
    """The next chord note above (1) or below (-1), within limits."""
    for distance in range(3, 9):
        candidate = pitch + direction * distance
        if limits[0] <= candidate <= limits[1] and candidate % 12 in chord.pitch_classes:
            return candidate
    return pitch


def _joined(notes: list[Note]) -> list[Note]:
    """Tie repeated notes that touch, up to two bars or so."""
    kept: list[Note] = []
    for note in notes:
        if kept and kept[-1].pitch == note.pitch and abs(kept[-1].end - note.start) < EPS and note.end - kept[-1].start <= 8.0:
            kept[-1] = Note(kept[-1].start, note.end - kept[-1].start, note.pitch, kept[-1].velocity)
        else:
            kept.append(note)
    return kept
