"""Everything struck that is not a kit: hand drums, bells, shakers by their own patterns; kettledrums and taiko in tune.

Letters of a pattern: ``X x o g`` as for drums on the instrument's first key; digits ``1`` ``2`` ``3`` its first, second,
third key. For pitched drums ``1`` is the chord's bass, ``5`` its fifth, ``*`` a roll.
"""

from __future__ import annotations

from partimento.compose.arrange.context import EPS, Context, Player
from partimento.compose.arrange.notes import body_end, final_spans, plays_final, tidy
from partimento.compose.arrange.patterns import Hit, Pattern, felt_beats, hits
from partimento.compose.arrange.tables import LOUDNESS
from partimento.compose.arrange.voicing import place
from partimento.compose.frame import Bar
from partimento.score.score import Note

_STROKE = 0.2
_ROLL_STEP = 0.125
_BUSY = 5


def percussion_notes(ctx: Context, player: Player) -> tuple[Note, ...]:
    """All notes of a percussion part."""
    notes: list[Note] = []
    stop = body_end(ctx)
    pitched = not player.instrument.is_drum
    sounded_from: int | None = None
    for bar in ctx.active_bars(player):
        if bar.start >= stop - EPS:
            continue
        found = _bar(ctx, player, bar, pitched)
        entering = any(r.start_bar == bar.index for r in player.plan.active)
        if not found and entering:
            found = [(0.0, _keys(ctx, player, bar, 0.0)[0], 84)]
        notes += [
            Note(bar.start + at, _STROKE, key, velocity)
            for at, key, velocity in found
            if bar.start + at < min(bar.end, stop) - EPS
        ]
        sounded_from = bar.index if found else sounded_from
    if plays_final(ctx, player):
        notes += _final(ctx, player, pitched)
    return tidy(ctx, player, notes, pitched=pitched)


def _pattern(ctx: Context, player: Player, bar: Bar) -> Pattern | None:
    return ctx.pattern(
        "percussion", f"perc {player.instrument.id}{player.rank}", bar, (player.instrument.id, player.instrument.family)
    )


def _bar(ctx: Context, player: Player, bar: Bar, pitched: bool) -> list[tuple[float, int, int]]:
    pattern = _pattern_for(ctx, player, bar)
    if pattern is None:
        return []
    found: list[tuple[float, int, int]] = []
    for hit in hits(pattern.lanes["p"], pattern.metre, bar.metre, bar.in_section):
        if hit.sign == "*":
            found += _roll(ctx, player, bar, hit)
            continue
        key = _key(ctx, player, bar, hit, pitched)
        found.append((hit.at, key, _velocity(hit, ctx, player, bar)))
    if not pitched:
        found = _alive(ctx, player, bar, found)
    if bar.section_end and not bar.last and pitched and bar.energy > 0.55:
        found = [f for f in found if f[0] < bar.quarters - 1.0 - EPS]
        found += _roll(ctx, player, bar, Hit(max(0.0, bar.quarters - 1.0), 1.0, "*"))
    return found


def _alive(ctx: Context, player: Player, bar: Bar, found: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Hands vary: a light stroke left out, a doubled one; hand drums roll over their skins at the end of a section."""
    keys = player.instrument.keys
    if bar.section_end and not bar.last and len(keys) > 1 and len(found) >= _BUSY and bar.energy > 0.35:
        start = felt_beats(bar.metre)[-1][0]
        roll = [(start + i * 0.25, keys[min(i * len(keys) // 4, len(keys) - 1)], 74 + 9 * i) for i in range(4)]
        return [f for f in found if f[0] < start - EPS] + [r for r in roll if r[0] < bar.quarters - EPS]
    u = ctx.chance("alive", player.name, bar.index)
    if len(found) < _BUSY or u > 0.5:
        return found
    k = 1 + int(2 * u * (len(found) - 1))
    at, key, velocity = found[k]
    if u < 0.25 and velocity < 88:
        return [f for i, f in enumerate(found) if i != k]
    doubled = at + 0.25
    free = all(abs(f[0] - doubled) > 0.2 for f in found) and doubled < bar.quarters - EPS
    return sorted([*found, (doubled, key, 46)]) if free else found


def _pattern_for(ctx: Context, player: Player, bar: Bar) -> Pattern | None:
    """The style's pattern for this instrument, else the shared one."""
    own = [p for p in ctx.pool("percussion") if set(p.families) & {player.instrument.id}]
    if own:
        return _pattern(ctx, player, bar)
    shared = ctx.pool("percussion", shared=True)
    fitting = [p for p in shared if player.instrument.id in p.families] or [p for p in shared if not p.families]
    if not fitting:
        return None
    suited = [p for p in fitting if p.metre == str(bar.metre)] or [p for p in fitting if p.metre == "4/4"] or fitting
    level = [p for p in suited if p.energy[0] <= bar.section.energy <= p.energy[1]] or suited
    return level[int(ctx.chance("perc", player.name, bar.section.material) * len(level))]


def _keys(ctx: Context, player: Player, bar: Bar, at: float) -> tuple[int, ...]:
    if player.instrument.is_drum:
        return player.instrument.keys
    chord = ctx.chord_at(bar.start + at)
    low, high = player.instrument.best
    bass = bar.key.tonic if chord is None else chord.bass
    fifth = bass if chord is None else (chord.root + next((i for i in chord.intervals if i in (7, 6, 8)), 0)) % 12
    return place(bass, low, high, low + 5), place(fifth, low, high, low + 5)


def _key(ctx: Context, player: Player, bar: Bar, hit: Hit, pitched: bool) -> int:
    keys = _keys(ctx, player, bar, hit.at)
    if pitched:
        return keys[1 if hit.sign == "5" else 0]
    return keys[(int(hit.sign) - 1) % len(keys)] if hit.sign.isdigit() else keys[0]


def _velocity(hit: Hit, ctx: Context, player: Player, bar: Bar) -> int:
    spread = ctx.chance("hand", player.name, bar.index, round(hit.at, 3))
    return int(LOUDNESS.get(hit.sign, 84) - 6 + 12 * spread)


def _roll(ctx: Context, player: Player, bar: Bar, hit: Hit) -> list[tuple[float, int, int]]:
    key = _keys(ctx, player, bar, hit.at)[0]
    n = max(1, round(hit.length / _ROLL_STEP))
    return [(hit.at + i * _ROLL_STEP, key, int(48 + 44 * i / n)) for i in range(n)]


def _final(ctx: Context, player: Player, pitched: bool) -> list[Note]:
    start = ctx.frame.final_start
    spans = final_spans(ctx) or [(start, ctx.frame.final_release)]
    bar = ctx.bar_at(start)
    key = _keys(ctx, player, bar, start - bar.start)[0]
    return [Note(start, max(_STROKE, 0.5 * (spans[0][1] - start)) if pitched else _STROKE, key, 98)]
