"""A player alone: the tune in one hand, bass and chords in the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from partimento.compose.arrange.comping import chord_notes
from partimento.compose.arrange.context import EPS, Context, Player
from partimento.compose.arrange.duty import Duty
from partimento.compose.frame import Sketch
from partimento.plan.plan import BarRange
from partimento.score.score import Note, Track

_GUITARISH = 50


def lonely_bars(ctx: Context, player: Player) -> tuple[BarRange, ...]:
    """Bars in which a part plays the tune on a chord instrument and nobody else has chords or bass."""
    others = [p for p in ctx.players if p.name != player.name and p.role not in ("drums", "percussion")]
    alone = [
        bar.index for bar in ctx.active_bars(player) if not any(p.plan.plays_in(bar.index) and p.role != "melody" for p in others)
    ]
    ranges: list[BarRange] = []
    for index in alone:
        if ranges and ranges[-1].end_bar == index:
            ranges[-1] = BarRange(ranges[-1].start_bar, index + 1)
        else:
            ranges.append(BarRange(index, index + 1))
    return tuple(ranges)


def second_hand(ctx: Context, player: Player, bars: tuple[BarRange, ...], tune: tuple[Note, ...]) -> tuple[Note, ...]:
    """Bass and chords under a tune that the same player plays.

    Args:
        bars: where.
        tune: the notes of the other hand, so that no key is struck twice.
    """
    alone = Player(replace(player.plan, active=bars, role="chords"), player.instrument, 0)
    found = chord_notes(ctx, alone, Duty(ctx), "second_hand", second=True)
    ordered = sorted(tune, key=lambda n: n.start)
    kept: list[Note] = []
    first = 0
    for note in found:
        while first < len(ordered) and ordered[first].end < note.start - 16:
            first += 1
        clash = False
        for other in ordered[first:]:
            if other.start >= note.end - EPS:
                break
            if other.end > note.start + EPS and other.pitch == note.pitch:
                clash = True
        if not clash:
            kept.append(note)
    return tuple(kept)


def accompany(sketch: Sketch, tracks: tuple[Track, ...], rng: np.random.Generator) -> tuple[Track, ...]:
    """Give tune players on chord instruments their second hand where nobody else accompanies.

    Args:
        sketch: chords and tune.
        tracks: the tracks of the tune's parts.
        rng: draws one integer.

    Returns:
        The same tracks in the same order, some with more notes.
    """
    ctx = Context(sketch, int(rng.integers(2**62)))
    by_name = {p.name: p for p in ctx.players}
    first_alone = True
    done = []
    for track in tracks:
        player = by_name.get(track.name)
        if (
            player is not None
            and player.role == "melody"
            and player.instrument.poly
            and player.plan.sketch is None
            and first_alone
        ):
            bars = lonely_bars(ctx, player)
            if bars:
                first_alone = False
                extra = second_hand(ctx, player, bars, track.notes)
                track = replace(track, notes=tuple(sorted((*track.notes, *extra), key=lambda n: (n.start, n.pitch))))
        done.append(track)
    return tuple(done)
