"""From a sketch to its parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from partimento.compose.arrange.bass import bass_notes
from partimento.compose.arrange.chord_tones import keep_to_chords
from partimento.compose.arrange.comping import chord_notes
from partimento.compose.arrange.context import Context, Player
from partimento.compose.arrange.counter import counter_notes
from partimento.compose.arrange.drums import drum_notes
from partimento.compose.arrange.duty import Duty, is_section
from partimento.compose.arrange.lines import Ensemble, Musts, section_notes, target_of
from partimento.compose.arrange.lowest import keep_bass_lowest
from partimento.compose.arrange.notes import tidy
from partimento.compose.arrange.pad import pad_notes
from partimento.compose.arrange.percussion import percussion_notes
from partimento.compose.arrange.second_hand import lonely_bars, second_hand
from partimento.compose.arrange.thirds import sound_thirds
from partimento.compose.frame import Sketch
from partimento.score.score import Note, Track

_PROGRAM_WORDS = {
    "guitars": (
        ("distort", 30),
        ("heavy", 30),
        ("crunch", 29),
        ("overdriv", 29),
        ("clean", 27),
        ("muted", 28),
        ("palm", 28),
        ("nylon", 24),
        ("jazz", 26),
    ),
    "bass": (
        ("slap", 36),
        ("pop", 37),
        ("fretless", 35),
        ("acoustic", 32),
        ("upright", 32),
        ("pick", 34),
        ("synth", 38),
        ("808", 39),
        ("sub", 39),
    ),
    "strings": (("pizz", 45), ("pluck", 45), ("tremolo", 44)),
    "keys": (("honky", 3), ("bright", 1), ("rhodes", 4), ("wurl", 4), ("fm", 5), ("rock", 18), ("percussive", 17)),
    "brass": (("mute", 59),),
}
"""Instrument family → adjective (its beginning) → General MIDI program."""
_KIT_WORDS = (("brush", 40), ("electronic", 24), ("808", 25), ("orchestral", 48), ("jazz", 32), ("power", 16), ("room", 8))
"""Adjective of a kit (its beginning) → General MIDI drum kit."""
_ELECTRONIC_KIT = 24


def arrange(sketch: Sketch, rng: np.random.Generator) -> tuple[Track, ...]:
    """Write every part of the plan that is neither the tune nor given by the user.

    Args:
        sketch: bars, chords and tune.
        rng: draws one integer; parts throw their own dice from it, so that one part's notes do not depend on another's.

    Returns:
        One track per such part, in the plan's order. Velocities are relative (80 is plain) and timing is exact until
        :func:`partimento.compose.arrange.perform`.
    """
    ctx = Context(sketch, int(rng.integers(2**62)))
    duty = Duty(ctx)
    written: dict[str, tuple[Note, ...]] = {}
    ensemble = Ensemble()
    mine = [p for p in ctx.players if p.role != "melody" and p.plan.sketch is None]
    lowest = {duty.bass(bar.index) for bar in ctx.bars}
    for player in sorted(mine, key=lambda p: (_ORDER[p.role], p.name not in lowest, p.instrument.poly)):
        written[player.name] = _write(ctx, player, duty, ensemble)
    keep_bass_lowest(ctx, duty, written)
    keep_to_chords(ctx, written)
    sound_thirds(ctx, written)
    return tuple(_track(ctx, p, written[p.name]) for p in mine)


_ORDER = {"bass": 0, "pad": 1, "chords": 1, "arpeggio": 1, "counter": 2, "drums": 3, "percussion": 3}
"""Order of writing: the bass before the voices that must not run parallel with it, countermelodies last."""


def _write(ctx: Context, player: Player, duty: Duty, ensemble: Ensemble) -> tuple[Note, ...]:
    """One part's notes."""
    role = player.role
    if role == "drums":
        return drum_notes(ctx, player)
    if role == "percussion":
        return percussion_notes(ctx, player)
    if player.instrument.is_drum:
        return percussion_notes(ctx, player)
    if role == "bass" and player.instrument.family != "voices":
        notes = bass_notes(ctx, player)
        ensemble.add(notes, target_of(player, ctx) - 12, is_bass=True)
        return notes
    if _is_voice(ctx, player):
        return _with_solo(ctx, player, section_notes(ctx, player, ensemble, _musts(ctx, player, duty)))
    if role == "counter":
        return _with_solo(ctx, player, counter_notes(ctx, player, ensemble, Musts(_musts(ctx, player, duty).bass)))
    if role == "pad":
        return pad_notes(ctx, player, duty)
    if role == "chords" and _leads_alone(ctx, player):
        return _both_hands(ctx, player)
    notes = chord_notes(ctx, player, duty, role)
    return _with_solo(ctx, player, notes)


def _is_voice(ctx: Context, player: Player) -> bool:
    """True for a single line that is one voice of the harmony."""
    singer = player.instrument.family == "voices" and player.role in ("bass", "counter") and not player.instrument.poly
    return is_section(player) or singer or (player.role == "counter" and _is_chamber(ctx, player))


def _musts(ctx: Context, player: Player, duty: Duty) -> Musts:
    """Where a line has to sound the bass, and where it is the last voice that could sound the third."""
    voices = sorted((p for p in ctx.players if p.plan.sketch is None and _is_voice(ctx, p)), key=lambda p: _ORDER[p.role])
    bass, third = set(), set()
    for bar in ctx.active_bars(player):
        if duty.bass(bar.index) == player.name:
            bass.add(bar.index)
        here = [p.name for p in voices if p.plan.plays_in(bar.index) and p.name != duty.bass(bar.index)]
        if here and here[-1] == player.name and duty.third(bar.index) is None:
            third.add(bar.index)
    return Musts(frozenset(bass), frozenset(third))


def _is_chamber(ctx: Context, player: Player) -> bool:
    """True when counter parts have to be the harmony: a quartet, or a style that writes voices."""
    harmonic = any(p.role in ("chords", "pad", "arpeggio") for p in ctx.players)
    return not player.instrument.poly and (not harmonic or bool(ctx.music.get("chamber", False)))


def _leads_alone(ctx: Context, player: Player) -> bool:
    """True for the first chord part of a plan in which nobody has the tune that was written."""
    return bool(ctx.melody) and not ctx.tune_players and player.rank == 0 and player.instrument.poly


def _both_hands(ctx: Context, player: Player) -> tuple[Note, ...]:
    """The tune and what goes under it in one part."""
    tune = tidy(ctx, player, ctx.melody)
    bars = lonely_bars(ctx, player)
    under = second_hand(ctx, player, bars or player.plan.active, tune)
    return tuple(sorted((*tune, *under), key=lambda n: (n.start, n.pitch)))


def _with_solo(ctx: Context, player: Player, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """In bars of the part's solo it plays the tune, when no tune part is playing there."""
    bars = [r for r in player.plan.solo if not any(ctx.tune_sounds(b) for b in range(r.start_bar, r.end_bar))]
    if not bars or not ctx.melody or _leads_alone(ctx, player):
        return notes
    tune = tidy(ctx, Player(replace(player.plan, active=tuple(bars)), player.instrument, 0), ctx.melody)
    if not player.instrument.poly:  # one note at a time: the tune instead of the line
        inside = [(ctx.bars[r.start_bar].start, ctx.bars[min(r.end_bar, len(ctx.bars)) - 1].end) for r in bars]
        notes = tuple(_cut(n, inside) for n in notes if not any(a - 1e-6 <= n.start < b - 1e-6 for a, b in inside))
    starts = {(round(n.start, 4), n.pitch) for n in tune}
    kept = [n for n in notes if (round(n.start, 4), n.pitch) not in starts]
    return tuple(sorted((*kept, *tune), key=lambda n: (n.start, n.pitch)))


def _cut(note: Note, spans: list[tuple[float, float]]) -> Note:
    """A note that ends where the next of some spans begins."""
    end = min((a for a, _ in spans if note.start < a), default=note.end)
    return note if note.end <= end else replace(note, duration=end - note.start)


def _track(ctx: Context, player: Player, notes: tuple[Note, ...]) -> Track:
    info = player.instrument
    return Track(player.name, player.role, info.id, program_of(ctx, player), info.is_drum, notes, player.plan.gain_db)


def program_of(ctx: Context, player: Player) -> int:
    """General MIDI program of a part: asked for, else by its adjectives, else the style's kit or the instrument's own."""
    if player.plan.program is not None:
        return player.plan.program
    info = player.instrument
    if info.is_drum:
        for stem, program in _KIT_WORDS:
            if player.role == "drums" and player.has_word(stem):
                return program
        if info.id == "drum_machine" and ctx.frame.style.kit < _ELECTRONIC_KIT:
            return _ELECTRONIC_KIT
        return ctx.frame.style.kit if player.role == "drums" else 0
    for stem, program in _PROGRAM_WORDS.get(info.family, ()):
        if player.has_word(stem):
            return program
    return info.program
