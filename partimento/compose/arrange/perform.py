"""From a written score to a played one: loudness that breathes, accents, swing, and the small delays of people.

Written positions stay as they are; everything in time happens in ``Note.nudge_s``. Sizes follow measurements of
ensemble playing: asynchronies of a few to some tens of milliseconds (Rasch, "Synchronization in performed ensemble
music", 1979), swing ratios that shrink as the tempo grows (Friberg & Sundström, "Swing ratios and ensemble timing in
jazz performance", Music Perception 19, 2002).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from partimento.compose.arrange.context import Context
from partimento.compose.arrange.patterns import felt_beats
from partimento.compose.frame import Sketch
from partimento.compose.frame_build import dynamic_at, fade_share
from partimento.plan.plan import Plan
from partimento.score.score import Note, Score, Track

Floats = NDArray[np.float64]

_ROLE_LEVEL = {
    "melody": 10.0,
    "counter": -4.0,
    "chords": -6.0,
    "pad": -14.0,
    "arpeggio": -9.0,
    "bass": 2.0,
    "drums": 0.0,
    "percussion": -9.0,
}
_ROLE_SIGMA_S = {
    "melody": 0.006,
    "counter": 0.007,
    "chords": 0.005,
    "pad": 0.009,
    "arpeggio": 0.004,
    "bass": 0.004,
    "drums": 0.0025,
    "percussion": 0.0035,
}
_DRIFT = 0.6
_LEVEL_SPAN = 62.0
_ENERGY_SPAN = 22.0
_GHOST = 52
_HARD_SWING = 1.0 / 6.0
_FASTEST_SWING_BPM = 330.0


@dataclass(frozen=True)
class _Bars:
    """The bars as arrays, for look-ups of many notes at once."""

    start: Floats
    end: Floats
    energy: Floats
    level: Floats


def perform(score: Score, plan: Plan, sketch: Sketch, rng: np.random.Generator) -> Score:
    """Give every note its loudness and its small delay.

    Args:
        score: as written; velocities are read as accents around 80, nudges that are there are kept and added to.
        plan: tells which tracks are the user's own; those are left untouched.
        sketch: bars with energy and level, phrases.
        rng: draws one integer.

    Returns:
        The same notes; only ``velocity`` and ``nudge_s`` differ. Played onsets of a track keep the written order, none
        is before 0, and no nudge carries a note past the end.
    """
    ctx = Context(sketch, int(rng.integers(2**62)))
    given = {p.name for p in plan.parts if p.sketch is not None}
    bars = _Bars(*(np.array([getattr(b, f) for b in ctx.bars], dtype=np.float64) for f in ("start", "end", "energy", "level")))
    clock = _Clock(score)
    tracks = tuple(t if t.name in given or not t.notes else _played(ctx, bars, clock, t) for t in score.tracks)
    return replace(score, tracks=tracks)


class _Clock:
    """Quarter notes to seconds for arrays."""

    def __init__(self, score: Score) -> None:
        tempo = score.tempo_map
        self.duration_s = score.duration_s
        self._at = np.array([p.at for p in score.tempos] + [max(score.tempos[-1].at, score.length) + 64.0])
        self._seconds = np.array([tempo.seconds(float(q)) for q in self._at])
        self._bpm = np.array([p.bpm for p in score.tempos])

    def seconds(self, quarters: Floats) -> Floats:
        """Seconds from the start at positions in quarter notes."""
        return np.asarray(np.interp(quarters, self._at, self._seconds), dtype=np.float64)

    def bpm(self, quarters: Floats) -> Floats:
        """Quarter notes per minute at positions in quarter notes."""
        index = np.searchsorted(self._at[:-1], quarters + 1e-9, side="right") - 1
        return np.asarray(self._bpm[np.maximum(index, 0)], dtype=np.float64)


def _played(ctx: Context, bars: _Bars, clock: _Clock, track: Track) -> Track:
    start = np.array([n.start for n in track.notes])
    bar = np.clip(np.searchsorted(bars.start, start + 1e-6, side="right") - 1, 0, len(bars.start) - 1)
    dice = ctx.dice("perform", track.name)
    velocity = _velocities(ctx, bars, clock, track, start, bar, dice)
    nudge = _nudges(ctx, clock, track, start, bar, dice)
    notes = [
        Note(n.start, n.duration, n.pitch, int(v), float(s))
        for n, v, s in zip(track.notes, velocity, np.round(nudge, 5), strict=True)
    ]
    return replace(track, notes=tuple(notes))


def _velocities(
    ctx: Context, bars: _Bars, clock: _Clock, track: Track, start: Floats, bar: NDArray[np.intp], dice: np.random.Generator
) -> Floats:
    """MIDI velocities: the written accent, moved by dynamics, energy, metre, phrase and chance."""
    written = np.array([n.velocity for n in track.notes], dtype=np.float64)
    ghost = written < _GHOST
    along = np.clip((start - bars.start[bar]) / np.maximum(bars.end[bar] - bars.start[bar], 1e-6), 0.0, 1.0)
    following = np.minimum(bar + 1, len(bars.level) - 1)
    level = bars.level[bar] + (bars.level[following] - bars.level[bar]) * along
    if ctx.plan.ending.value == "fade":
        level = _fading(ctx, clock, start, bar)
    change = _LEVEL_SPAN * (level - 0.5) + _ENERGY_SPAN * (bars.energy[bar] - 0.5) + 8.0 * (ctx.frame.character.energy - 0.5)
    change += _accents(ctx, start, bar) * (0.5 if track.is_drum else 1.0)
    if track.role in ("melody", "counter", "arpeggio", "pad"):
        change += _arc(ctx, bars, start) * (1.0 if track.role != "pad" else 0.5)
    humanize = ctx.frame.character.humanize
    spread = float(ctx.music.get("feel", {}).get("velocity_spread", 4.0)) * (0.3 + 1.4 * humanize)
    change += dice.normal(0.0, 1.0, start.size) * spread
    played = written + _ROLE_LEVEL.get(track.role, 0.0) + np.where(ghost, 0.45, 1.0) * change
    return np.clip(np.round(played), np.where(ghost, 10, 18), 124)


def _fading(ctx: Context, clock: _Clock, start: Floats, bar: NDArray[np.intp]) -> Floats:
    """Levels of a piece that fades out, note by note: in a short piece a bar is longer than the fade."""
    points = ctx.plan.dynamics.value
    plain = np.array([dynamic_at(points, b.index + 0.5) for b in ctx.bars])[bar]
    left = clock.duration_s - clock.seconds(start)
    return np.asarray(plain * [fade_share(float(s), clock.duration_s) for s in left], dtype=np.float64)


def _accents(ctx: Context, start: Floats, bar: NDArray[np.intp]) -> Floats:
    """Metric weight: the bar's first beat above its other beats, above what lies between."""
    out = np.empty(start.size)
    weights: dict[tuple[str, float], float] = {}
    for i, (at, index) in enumerate(zip(start, bar, strict=True)):
        here = ctx.bars[int(index)]
        position = round(float(at) - here.start, 4)
        key = (str(here.metre), position)
        if key not in weights:
            beats = [b for b, _ in felt_beats(here.metre)]
            if abs(position) < 1e-3:
                weights[key] = 5.0
            elif any(abs(position - b) < 1e-3 for b in beats):
                middle = len(beats) % 2 == 0 and abs(position - beats[len(beats) // 2]) < 1e-3
                weights[key] = 2.5 if middle else 0.5
            else:
                weights[key] = -3.0 if abs(position * 2 - round(position * 2)) < 1e-3 else -5.0
        out[i] = weights[key]
    return out


def _arc(ctx: Context, bars: _Bars, start: Floats) -> Floats:
    """The rise and fall of a phrase: up to its later middle, then down."""
    phrases = [p for p in ctx.sketch.phrases if p.end_bar > p.start_bar and p.start_bar < len(ctx.bars)]
    if not phrases:
        return np.zeros(start.size)
    begins = np.array([bars.start[p.start_bar] for p in phrases])
    ends = np.array([bars.end[min(p.end_bar, len(ctx.bars)) - 1] for p in phrases])
    index = np.clip(np.searchsorted(begins, start + 1e-6, side="right") - 1, 0, len(phrases) - 1)
    along = np.clip((start - begins[index]) / np.maximum(ends[index] - begins[index], 1e-6), 0.0, 1.0)
    return np.asarray(10.0 * np.sin(np.pi * along**1.25) - 5.0, dtype=np.float64)


def _nudges(ctx: Context, clock: _Clock, track: Track, start: Floats, bar: NDArray[np.intp], dice: np.random.Generator) -> Floats:
    """Seconds between written and played onsets."""
    feel = ctx.music.get("feel", {})
    humanize = ctx.frame.character.humanize
    late = float(feel.get("late_ms", {}).get(track.role, 0.0)) / 1000.0 * min(1.0, 2.0 * humanize)
    sigma = _ROLE_SIGMA_S.get(track.role, 0.005) * 2.0 * humanize * float(feel.get("looseness", 1.0))
    moments, inverse = np.unique(np.round(start, 5), return_inverse=True)
    shake = dice.normal(0.0, 1.0, moments.size)
    drift = np.empty_like(shake)
    value = 0.0
    for i, x in enumerate(shake):
        value = _DRIFT * value + (1.0 - _DRIFT**2) ** 0.5 * x
        drift[i] = value
    together = late + sigma * np.clip(drift, -2.5, 2.5)
    own = np.array([n.nudge_s for n in track.notes])
    nudge = together[inverse] + own + _swing(ctx, clock, start, bar)
    begin = clock.seconds(start)
    end = clock.seconds(np.array([n.end for n in track.notes]))
    return _ordered(begin, end, nudge, moments.size, np.asarray(inverse), clock.duration_s)


def _swing(ctx: Context, clock: _Clock, start: Floats, bar: NDArray[np.intp]) -> Floats:
    """Delay of off-beat notes in seconds: eighths, or sixteenths where the style swings those."""
    asked = ctx.frame.character.swing
    amount = ctx.frame.style.swing if asked is None else asked
    if amount <= 0:
        return np.zeros(start.size)
    sixteenths = int(ctx.music.get("feel", {}).get("swing_unit", 8)) == 16
    shift = np.zeros(start.size)
    bpm = clock.bpm(start)
    for i, (at, index) in enumerate(zip(start, bar, strict=True)):
        here = ctx.bars[int(index)]
        position = float(at) - here.start
        beat = max((b for b in felt_beats(here.metre) if b[0] <= position + 1e-6), default=(0.0, 1.0))
        p = position - beat[0]
        if abs(beat[1] - 1.0) > 1e-6 or (abs(3 * p - round(3 * p)) < 0.02 and abs(p) > 0.02):
            continue
        rate = bpm[i] * (2.0 if sixteenths else 1.0)
        ratio = 0.5 + _HARD_SWING * amount * min(1.0, max(0.25, (_FASTEST_SWING_BPM - rate) / 150.0))
        q = (p * 2.0) % 1.0 if sixteenths else p
        warped = q * 2.0 * ratio if q <= 0.5 else ratio + (q - 0.5) * 2.0 * (1.0 - ratio)
        shift[i] = (warped - q) * (0.5 if sixteenths else 1.0) * 60.0 / bpm[i]
    return shift


def _ordered(begin: Floats, end: Floats, nudge: Floats, n_moments: int, inverse: NDArray[np.intp], duration_s: float) -> Floats:
    """Keep played onsets in written order, at or after 0, and ends within the piece."""
    nudge = np.minimum(nudge, np.maximum(duration_s - end, 0.0))
    played = np.maximum(begin + nudge, 0.0)
    first = np.full(n_moments, np.inf)
    np.minimum.at(first, inverse, begin)
    gap_after = np.append(np.diff(first), np.inf)[inverse]
    gap_before = np.append(np.inf, np.diff(first))[inverse]
    played = np.minimum(played, begin + 0.45 * gap_after)
    played = np.maximum(played, begin - 0.45 * gap_before)
    return np.asarray(played - begin, dtype=np.float64)
