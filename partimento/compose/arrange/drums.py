"""The kit: grooves that stay themselves, with fills, set-ups, crashes, breakdowns and build-ups."""

from __future__ import annotations

from partimento.compose.arrange.context import EPS, Context, Player
from partimento.compose.arrange.grooves import groove
from partimento.compose.arrange.notes import body_end, plays_final, tidy
from partimento.compose.arrange.patterns import Pattern, felt_beats, hits
from partimento.compose.arrange.tables import DRUM_KEYS, LOUDNESS
from partimento.compose.frame import Bar
from partimento.interpret.absence import keys_left_out
from partimento.score.score import Note

_CYMBALS = ("hat", "open", "ride", "bell", "shaker", "pedal", "tamb", "brush")
_CRASH_FROM = 0.5
_STROKE = 0.22
_THIN_BELOW = 0.28

Stroke = tuple[float, str, int]
"""Quarter notes from the bar's start, lane, velocity."""


def drum_notes(ctx: Context, player: Player) -> tuple[Note, ...]:
    """All notes of a drum kit part."""
    notes: list[Note] = []
    stop = body_end(ctx)
    for bar in ctx.active_bars(player):
        if bar.start >= stop - EPS:
            continue
        limit = min(bar.quarters, stop - bar.start)
        for at, lane, velocity in _bar(ctx, player, bar):
            if at < limit - EPS:
                notes.append(Note(bar.start + at, _STROKE, DRUM_KEYS[lane], velocity))
    if plays_final(ctx, player):
        notes += _final(ctx)
    silent = keys_left_out(a.value for a in ctx.plan.absent)
    notes = [n for n in notes if n.pitch not in silent]
    return tidy(ctx, player, notes, pitched=False)


def _bar(ctx: Context, player: Player, bar: Bar) -> list[Stroke]:
    pattern = groove(ctx, bar)
    if pattern is None:
        return []
    strokes = [
        (h.at, lane, LOUDNESS.get(h.sign, 92))
        for lane, text in pattern.lanes.items()
        for h in hits(text, pattern.metre, bar.metre, bar.in_section)
    ]
    if bar.section.name == "build":
        strokes = _build_up(bar, strokes)
    elif bar.energy < _THIN_BELOW and pattern.energy[0] > bar.energy:
        strokes = _thin(strokes)
    strokes = _vary(ctx, player, bar, strokes)
    filled = _fill(ctx, player, bar, strokes)
    return _crash(ctx, player, bar, filled)


def _thin(strokes: list[Stroke]) -> list[Stroke]:
    """A breakdown: cymbals and the first bass drum only."""
    first = min((s[0] for s in strokes if s[1] == "kick"), default=None)
    return [s for s in strokes if s[1] in _CYMBALS or s[1] == "rim" or (s[1] == "kick" and s[0] == first)]


def _build_up(bar: Bar, strokes: list[Stroke]) -> list[Stroke]:
    """A riser: snare strokes double until the section's last bar, where the bass drum holds its breath."""
    part = bar.in_section / max(1, bar.section.n_bars)
    step = 1.0 if part < 0.5 else 0.5 if part < 0.8 else 0.25
    last = bar.section_end
    kept = [s for s in strokes if s[1] not in ("snare", "clap", "open") and not (last and s[1] == "kick")]
    n = int(bar.quarters / step + EPS)
    done = (bar.in_section + 0.5) / max(1, bar.section.n_bars)
    return kept + [(i * step, "snare", int(50 + 40 * done + 18 * i / max(1, n))) for i in range(n)]


def _vary(ctx: Context, player: Player, bar: Bar, strokes: list[Stroke]) -> list[Stroke]:
    """Small changes that leave the groove itself alone: a pick-up on the bass drum, an opened hat, a ghost stroke."""
    amount = float(ctx.music.get("drum_variation", 0.5))
    if amount <= 0 or not strokes:
        return strokes
    dice = ctx.dice("vary", player.name, bar.index)
    u = dice.random(4)
    beats = felt_beats(bar.metre)
    last_at, last_length = beats[-1]
    lanes = {s[1] for s in strokes}
    busy = 0.5 + 0.5 * ctx.frame.character.density
    if u[0] < 0.35 * amount * busy and "kick" in lanes and bar.in_section % 2 == 1:
        strokes = _add(strokes, last_at + last_length / 2, "kick", 78)
    if u[1] < 0.3 * amount and "hat" in lanes and "open" not in lanes and bar.in_section % 4 == 3 and bar.energy > 0.35:
        at = last_at + last_length / 2
        strokes = [s for s in strokes if not (s[1] == "hat" and abs(s[0] - at) < EPS)]
        strokes = _add(strokes, at, "open", 84)
    if u[2] < 0.45 * amount * busy and "snare" in lanes and bar.energy > 0.3:
        slots = [start + length * 0.75 for start, length in beats]
        strokes = _add(strokes, slots[int(u[3] * len(slots))], "snare", 36)
    return strokes


def _add(strokes: list[Stroke], at: float, lane: str, velocity: int) -> list[Stroke]:
    if any(s[1] == lane and abs(s[0] - at) < 0.1 for s in strokes):
        return strokes
    return [*strokes, (at, lane, velocity)]


def _fill(ctx: Context, player: Player, bar: Bar, strokes: list[Stroke]) -> list[Stroke]:
    """A fill over the last beats: always at the end of a section, sometimes at the end of a phrase, often in a solo."""
    if bar.last or bar.section.name == "build":
        return strokes
    wish = 1.0 if bar.section_end else 0.3 * bar.energy if bar.phrase_end else 0.0
    if any(r.start_bar <= bar.index < r.end_bar for r in player.plan.solo):
        wish = max(wish, 0.6)
    if ctx.chance("fill?", player.name, bar.index) >= wish:
        return strokes
    pool = ctx.pool("fills") or ctx.pool("fills", shared=True)
    beats = felt_beats(bar.metre)
    most = 1 if not bar.section_end and not player.plan.solo else len(beats)
    fitting = [p for p in pool if _beats_of(p) <= most and p.energy[0] <= bar.energy <= p.energy[1]]
    fitting = fitting or [p for p in pool if _beats_of(p) <= most]
    if not fitting:
        return strokes
    pattern = fitting[int(ctx.chance("fill", player.name, bar.index) * len(fitting))]
    return _with_fill(pattern, beats, strokes)


def _beats_of(pattern: Pattern) -> int:
    return max(len(text.split()) for text in pattern.lanes.values())


def _with_fill(pattern: Pattern, beats: tuple[tuple[float, float], ...], strokes: list[Stroke]) -> list[Stroke]:
    """Put a fill on the last beats of a bar; the groove stops there, but for lanes that the fill asks to keep."""
    n = _beats_of(pattern)
    span = beats[-n:]
    start = span[0][0]
    keep = set(pattern.options.get("keep", "").split())
    kept = [s for s in strokes if s[0] < start - EPS or s[1] in keep]
    added: list[Stroke] = []
    for lane, text in pattern.lanes.items():
        cells = text.split()
        for (at, length), cell in zip(span[-len(cells) :], cells, strict=True):
            step = length / len(cell)
            added += [(at + i * step, lane, LOUDNESS.get(sign, 92)) for i, sign in enumerate(cell) if sign not in "-."]
    return kept + added


def _crash(ctx: Context, player: Player, bar: Bar, strokes: list[Stroke]) -> list[Stroke]:
    """A crash on the first beat of a section that is loud enough, in styles that crash."""
    entering = any(r.start_bar == bar.index for r in player.plan.active)
    if not ctx.music.get("crash", True) or bar.energy < _CRASH_FROM or not (bar.in_section == 0 or (entering and bar.index)):
        return strokes
    kept = [s for s in strokes if not (s[0] < EPS and s[1] in ("hat", "ride", "open"))]
    return _add([*kept, (0.0, "crash", int(84 + 24 * bar.energy))], 0.0, "kick", 96)


def _final(ctx: Context) -> list[Note]:
    """The last stroke: bass drum and cymbal together with everyone's last chord."""
    at = ctx.frame.final_start
    bar = ctx.bar_at(at)
    pattern: Pattern | None = groove(ctx, bar)
    lanes = set(pattern.lanes) if pattern else {"kick"}
    found: list[tuple[str, int]] = []
    if lanes & {"kick", "snare", "hat", "ride"}:
        found.append(("kick", 98))
    loud = bar.energy >= 0.35 or bar.level > 0.5
    found.append(("crash", 100) if loud and ctx.music.get("crash", True) else ("ride", 76))
    return [Note(at, _STROKE, DRUM_KEYS[lane], velocity) for lane, velocity in found]
