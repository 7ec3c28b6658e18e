"""Countermelodies: they hold or rest while the tune speaks and answer when it breathes; sections stab in rhythm.

Kinds (option ``kind`` of a ``counter`` pattern): ``answer`` (long notes under the tune, a figure in its rests),
``hold`` (long notes only), ``stabs`` (the pattern's rhythm; chords when the instrument plays chords), ``run`` (scale
runs in the rests, stabs else), ``motion`` (steady motion through the pattern's rhythm).
"""

from __future__ import annotations

from partimento.compose.arrange.context import EPS, Context, Player, Segment
from partimento.compose.arrange.hands import make_hand
from partimento.compose.arrange.lines import Ensemble, Musts, line_segments, neighbour, skeleton, target_of
from partimento.compose.arrange.notes import tidy
from partimento.compose.arrange.patterns import Pattern, felt_beats, hits
from partimento.compose.arrange.voicing import place
from partimento.compose.frame import Bar
from partimento.score.score import Note

_LEAST_REST = 1.4
_BREATH = 0.25
_LONGEST_WALK = 5


def counter_notes(ctx: Context, player: Player, ensemble: Ensemble, musts: Musts) -> tuple[Note, ...]:
    """All notes of a countermelody."""
    segments = line_segments(ctx, player)
    pitches = skeleton(ctx, player, segments, ensemble, musts)
    notes: list[Note] = []
    for i, (segment, pitch) in enumerate(zip(segments, pitches, strict=True)):
        bar = ctx.bar_at(segment.start)
        upcoming = pitches[i + 1] if i + 1 < len(pitches) and segments[i + 1].start - segment.end < EPS else pitch
        pattern = _pattern(ctx, player, bar)
        kind = str(pattern.options.get("kind", "answer")) if pattern else "answer"
        if segment.index == -1:
            notes += _chorded(ctx, player, segment, segment.start, segment.end, pitch, 92)
        elif kind in ("stabs", "motion") and pattern is not None:
            notes += _rhythmic(ctx, player, pattern, bar, segment, pitch, upcoming, kind)
        else:
            rests = _openings(ctx, player, bar, segment, kind)
            notes += _held(ctx, player, segment, pitch, rests, bar)
            for start, end in rests:
                notes += _figure(ctx, player, bar, start, end, pitch, upcoming, fast=kind == "run")
    done = tidy(ctx, player, _breathing(ctx, player, notes))
    ensemble.add(done, target_of(player, ctx))
    return done


def _openings(ctx: Context, player: Player, bar: Bar, segment: Segment, kind: str) -> list[tuple[float, float]]:
    """Where the line may move: rests of the tune and its long notes after their beginning; anywhere without a tune."""
    if kind == "hold":
        return []
    if not ctx.tune_sounds(bar.index) or not ctx.melody:
        half = segment.start + 0.5 * (segment.end - segment.start)
        return [(half, segment.end)] if segment.end - half >= _LEAST_REST and bar.in_section % 2 else []
    found = ctx.tune_rests(segment.start, segment.end, _LEAST_REST)
    if not found and ctx.chance("under long", player.name, round(segment.start, 3)) < 0.35 + 0.4 * bar.energy:
        for note in ctx.tune_in(segment.start, segment.end):
            start, end = max(note.start + 0.5, segment.start), min(note.end, segment.end)
            if end - start >= _LEAST_REST:
                return [(start, end)]
    return found


def _pattern(ctx: Context, player: Player, bar: Bar) -> Pattern | None:
    return ctx.pattern("counter", f"counter {player.rank}", bar, (player.instrument.id, player.instrument.family))


def _held(ctx: Context, player: Player, segment: Segment, pitch: int, rests: list[tuple[float, float]], bar: Bar) -> list[Note]:
    """A long note until the answer begins; in soft bars without a tune nearby it may simply last."""
    end = min((r[0] for r in rests), default=segment.end)
    if end - segment.start < 0.4:
        return []
    return _chorded(ctx, player, segment, segment.start, end, pitch, 70)


def _chorded(ctx: Context, player: Player, segment: Segment, start: float, end: float, pitch: int, velocity: int) -> list[Note]:
    """The line's note; an instrument that plays chords adds one below (a sixth, third or fourth) from the chord."""
    notes = [Note(start, max(end - start, 0.06), pitch, velocity)]
    if player.instrument.poly and player.instrument.family in ("brass", "strings", "winds", "synth", "voices"):
        below = neighbour(segment.chord, pitch, -1, (max(player.instrument.range[0], 52), player.instrument.range[1]))
        if below != pitch:
            notes.append(Note(start, max(end - start, 0.06), below, velocity - 6))
    return notes


def _rhythmic(
    ctx: Context, player: Player, pattern: Pattern, bar: Bar, segment: Segment, pitch: int, upcoming: int, kind: str
) -> list[Note]:
    """Stabs or steady motion in the pattern's rhythm."""
    strokes = hits(pattern.lanes["p"], pattern.metre, bar.metre, bar.in_section)
    events = [(bar.start + h.at, bar.start + h.at + h.length, h.sign) for h in strokes]
    mine = [e for e in events if segment.start - EPS <= e[0] < segment.end - EPS]
    entering = any(r.start_bar == bar.index for r in player.plan.active)
    if not strokes and entering and segment.start < bar.start + EPS:
        mine = [(segment.start, segment.end, "o")]
    notes: list[Note] = []
    poly = player.instrument.poly and kind == "stabs"
    shape: tuple[int, ...] = (pitch,)
    if poly:
        hand = make_hand(ctx, player, bass_duty=False, kind="close")
        # Stabs fall between the phrases or double their accents, so they may sit as high as the tune.
        hand.previous, hand.size, hand.centre, hand.under_tune = (), 3, max(hand.centre, 66.0), False
        shape = hand.voicing(ctx, segment, False)
    line = _motion(ctx, player, segment, bar, len(mine), pitch, upcoming) if kind == "motion" and mine else [pitch] * len(mine)
    for (start, end, sign), current in zip(mine, line, strict=True):
        velocity = {"X": 108, "x": 92, "o": 74}.get(sign, 84)
        sounding = shape if poly else (current,)
        notes += [Note(start, max(min(end, segment.end) - start, 0.06), p, velocity) for p in sounding]
    return notes


def _motion(ctx: Context, player: Player, segment: Segment, bar: Bar, n: int, pitch: int, upcoming: int) -> list[int]:
    """``n`` notes from a pitch towards the coming one; long runs turn at a chord note on the way."""
    if n <= _LONGEST_WALK:
        return _walk(ctx, player, segment, bar, n, pitch, upcoming, 0)
    first = n // 2
    u = ctx.chance("turning point", player.name, round(segment.start, 3))
    middle = pitch if u < 0.2 else neighbour(segment.chord, pitch, 1 if u < 0.6 else -1, player.instrument.best)
    walk = _walk(ctx, player, segment, bar, first, pitch, middle, 1)
    return walk + _motion(ctx, player, segment, bar, n - first, middle, upcoming)


def _walk(ctx: Context, player: Player, segment: Segment, bar: Bar, n: int, pitch: int, upcoming: int, part: int) -> list[int]:
    """``n`` notes by step from a pitch so that the next step reaches the coming one: away first, then home, or straight."""
    degrees = _degrees(bar, pitch, upcoming)
    away = 1 if ctx.chance("motion", player.name, round(segment.start, 3), part, n) < 0.5 else -1
    low, high = player.instrument.best
    if away > 0 and pitch + n > high:
        away = -1
    elif away < 0 and pitch - n < low:
        away = 1
    spare = max(0, n - abs(degrees))
    ups = (spare // 2) * away
    steps = [away] * abs(ups) + [1 if degrees > 0 else -1] * abs(degrees) + [-away] * abs(ups)
    if ctx.chance("turn", player.name, round(segment.start, 3), part, n) < 0.4:
        steps = steps[len(steps) // 2 :] + steps[: len(steps) // 2]
    line = [pitch]
    for step in steps[: n - 1]:
        line.append(scale_step(bar, line[-1], step))
    while len(line) < n:
        line.append(neighbour(segment.chord, line[-1], -away, player.instrument.range) if len(line) == 1 else line[-2])
    return line


def _degrees(bar: Bar, pitch: int, upcoming: int) -> int:
    """Steps of the scale between two pitches, signed."""
    scale = bar.key.scale
    between = sum(p % 12 in scale for p in range(min(pitch, upcoming) + 1, max(pitch, upcoming) + 1))
    return between if upcoming > pitch else -between


def scale_step(bar: Bar, pitch: int, direction: int) -> int:
    """The next note of the key above or below."""
    scale = bar.key.scale
    for distance in (1, 2, 3):
        if (pitch + direction * distance) % 12 in scale:
            return pitch + direction * distance
    return pitch


def _figure(
    ctx: Context, player: Player, bar: Bar, start: float, end: float, pitch: int, upcoming: int, *, fast: bool
) -> list[Note]:
    """An answer in a rest of the tune: steps of the scale that lead to the line's next note."""
    beats = felt_beats(bar.metre)
    triple = abs(beats[0][1] - 1.5) < EPS
    step = 0.25 if fast else 0.5
    begin = start + (0.5 if not fast else 0.25)
    begin = max(begin, _on_grid(begin, bar.start, step))
    room = int((end - begin) / step + EPS)
    most = 8 if fast else (6 if triple else 5)
    n = min(room, most)
    if n < 2 or ctx.chance("answer", player.name, round(start, 3)) > 0.55 + 0.45 * bar.energy:
        return [Note(start, end - start, pitch, 66)] if end - start > 0.4 else []
    begin = end - n * step if ctx.chance("late", player.name, round(start, 3)) < 0.4 else begin
    line = [upcoming]
    direction = 1 if ctx.chance("way", player.name, round(start, 3)) < 0.5 else -1
    low, high = player.instrument.best
    if direction > 0 and upcoming - 2 * n < low:
        direction = -1
    elif direction < 0 and upcoming + 2 * n > high:
        direction = 1
    for _ in range(n):
        line.append(scale_step(bar, line[-1], -direction))
    figure = line[1:][::-1]
    chord = ctx.chord_at(begin)
    if chord is not None and figure[0] % 12 not in chord.pitch_classes:
        figure[0] = min(
            (place(pc, figure[0] - 6, figure[0] + 6, figure[0]) for pc in chord.pitch_classes), key=lambda p: abs(p - figure[0])
        )
    return [Note(begin + i * step, step, p, 82 + (6 if i == 0 else 0)) for i, p in enumerate(figure)]


def _on_grid(at: float, origin: float, step: float) -> float:
    n = round((at - origin) / step)
    return origin + n * step


def _breathing(ctx: Context, player: Player, notes: list[Note]) -> list[Note]:
    """Join repeated long notes, and let wind players breathe at the ends of phrases."""
    ordered = sorted(notes, key=lambda n: (n.start, n.pitch))
    kept: list[Note] = []
    last: dict[int, int] = {}
    for note in ordered:
        at = last.get(note.pitch)
        long = note.duration >= 1.5
        if (
            at is not None
            and long
            and abs(kept[at].end - note.start) < EPS
            and kept[at].duration >= 1.5
            and note.end - kept[at].start <= 8.0
        ):
            kept[at] = Note(kept[at].start, note.end - kept[at].start, note.pitch, kept[at].velocity)
            continue
        last[note.pitch] = len(kept)
        kept.append(note)
    if player.instrument.family not in ("winds", "brass", "voices"):
        return kept
    ends = {round(ctx.bars[p.end_bar - 1].end, 4) for p in ctx.sketch.phrases if 0 < p.end_bar <= len(ctx.bars)}
    return [
        Note(n.start, n.duration - _BREATH, n.pitch, n.velocity) if n.duration >= 1.0 and round(n.end, 4) in ends else n
        for n in kept
    ]
