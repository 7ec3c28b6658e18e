"""How a style writes tunes: pace, favoured rhythms, intervals and degrees, as data.

``compose/data/tune.yaml`` says for each style (or family of styles) in what its tunes differ from the lead sheets that the
models were fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from partimento.compose.frame import Frame
from partimento.compose.tune_grid import TuneGround
from partimento.compose.tune_model import tune_model
from partimento.score.score import ChordSpan, Note

_EPS = 1e-6
_TRIPLET = "x---x---x---"
MAX_HALVED_BPM = 128.0
"""Tempo above which halved note values would be too quick."""


@cache
def _settings() -> dict[str, Any]:
    text = files("partimento.compose").joinpath("data/tune.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return table


def tune_settings(frame: Frame) -> dict[str, Any]:
    """A style's way with tunes (``compose/data/tune.yaml``; the style file's ``music.tune`` overrules it)."""
    style = frame.style
    table = _settings()
    family = str(style.music.get("family", "default"))
    entry = table.get(style.id) or table.get(family) or table["default"]
    own = style.music.get("tune") or {}
    tilt = {**table["default"]["tilt"], **entry.get("tilt", {}), **own.get("tilt", {})}
    return {**table["default"], **entry, **own, "tilt": tilt}


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a tune moves.

    Attributes:
        scale: 2 writes in halved note values, 0.5 in doubled ones, 1 as lead sheets do.
        rest: what the scale leaves to the density, as a power of two.
    """

    scale: float
    rest: float


def tune_pace(frame: Frame, settings: dict[str, Any]) -> Pace:
    """The pace that meets the style's notes per second at the piece's tempo.

    Lead sheets have about 0.72 notes to the quarter. Doubled values need sections of even length.
    """
    mood = frame.character
    wanted = float(settings["pace"]) * 2.0 ** (1.2 * (mood.density - 0.5) + 0.6 * (mood.energy - 0.5))
    bpm = float(np.mean([p.bpm for p in frame.tempos]))
    apart = float(np.log2(wanted / (0.72 * bpm / 60.0)))
    scale = 2.0 if apart > 0.75 else 0.5 if apart < -0.85 else 1.0
    if bpm > MAX_HALVED_BPM or any(bar.metre.is_compound for bar in frame.bars):  # halves of a jig's eighths are no jig
        scale = min(scale, 1.0)
    whole = all(bar.quarters == bar.metre.bar_quarters for bar in frame.bars[:-1])
    even = all(bar.section.n_bars % 2 == 0 for bar in frame.bars) and len({bar.metre for bar in frame.bars}) == 1
    if scale == 0.5 and not (whole and even):
        scale = 1.0
    return Pace(scale, min(1.2, max(-1.2, apart - float(np.log2(scale)))))


def scaled(ground: TuneGround, scale: float) -> TuneGround:
    """The ground in halved (2) or doubled (0.5) note values: each bar becomes two, or two bars become one."""
    if scale == 1.0:
        return ground
    n = ground.n_bars
    groups = [(b, h) for b in range(n) for h in (0, 1)] if scale == 2.0 else [(b, 0) for b in range(0, n, 2)]
    starts = []
    for b, half in groups:
        bar = ground.metres[b].bar_quarters
        starts.append(ground.starts[b] * scale + half * bar)
    end = ground.starts[-1] * scale
    kept = [i for i, start in enumerate(starts) if start < end - ground.metres[groups[i][0]].bar_quarters / 3 + _EPS or i == 0]
    groups, starts = [groups[i] for i in kept], [starts[i] for i in kept]
    place = {group: i for i, group in enumerate(groups)}

    def _source(group: tuple[int, int]) -> int:
        there = ground.source[group[0]]
        if there < 0:
            return there
        return place.get((there, group[1]) if scale == 2.0 else (there - there % 2, 0), -1)

    def _in_phrase(group: tuple[int, int]) -> int:
        at = ground.in_phrase[group[0]]
        return (2 * (at % 4) + group[1]) % 8 if scale == 2.0 else (at + 1) // 2 % 4 + 4 * (at // 4 % 2)

    bars = [b for b, _ in groups]
    return TuneGround(
        starts=(*starts, end),
        metres=tuple(ground.metres[b] for b in bars),
        keys=tuple(ground.keys[b] for b in bars),
        chords=tuple(ChordSpan(c.start * scale, c.end * scale, c.chord) for c in ground.chords),
        in_phrase=tuple(_in_phrase(group) for group in groups),
        source=tuple(_source(group) for group in groups),
        shift=tuple(ground.shift[b] for b in bars),
        material=tuple(ground.material[b] for b in bars),
        lift=tuple(ground.lift[b] for b in bars),
    )


def forbidden_cells(settings: dict[str, Any], pace: Pace) -> frozenset[tuple[int, str]]:
    """Cells (kind of beat, text) that the style does not have: parts of triplets (swing is played, not written), whole
    triplets where the style has none, and in halved values anything below a sixteenth."""
    plain, dotted = tune_model().vocabularies
    kept_out = {(0, c) for c, at in zip(plain.cells, plain.onsets, strict=True) if set(at) & {2, 4, 8, 10} and c != _TRIPLET}
    kept_out |= {(1, c) for c, at in zip(dotted.cells, dotted.onsets, strict=True) if set(at) & {1, 3, 5, 9, 11}}
    if not settings["triplets"]:
        kept_out.add((0, _TRIPLET))
    if pace.scale == 2.0:
        kept_out |= {(0, c) for c, at in zip(plain.cells, plain.onsets, strict=True) if set(at) & {3, 9}}
    return frozenset(kept_out)


def favoured_degrees(frame: Frame, settings: dict[str, Any]) -> dict[int, float]:
    """Semitones above the tonic → favour, for the mode in which the piece begins."""
    table = settings["degrees"].get("minor" if frame.bars[0].key.is_minor else "major", {})
    return {int(above): float(favour) for above, favour in table.items()}


def style_tilt(frame: Frame, settings: dict[str, Any], pace: Pace) -> dict[str, float]:
    """Shifts of the traits by style, mood and tempo."""
    tilt = {name: float(shift) for name, shift in settings["tilt"].items()}
    mood = frame.character
    moods = {
        "notes_per_bar": 1.6 * pace.rest,
        "non_scale": 0.8 * (mood.tension - 0.5),
        "interval_mean": 0.8 * (mood.energy - 0.5),
        "rest_share": 0.8 * (0.5 - mood.legato),
    }
    for name, shift in moods.items():
        if shift or name in tilt:
            tilt[name] = tilt.get(name, 0.0) + shift
    return tilt


def tempo_tilt(tempo_bpm: float) -> float:
    """Shift of the notes per bar that a tempo calls for, in normal scores; none from 90 to 150."""
    if tempo_bpm > 150:
        return max(-1.2, -1.2 * float(np.log2(tempo_bpm / 150)))
    return min(0.8, 0.8 * float(np.log2(90 / tempo_bpm))) if tempo_bpm < 90 else 0.0


def pushed(frame: Frame, notes: tuple[Note, ...], amount: float, rng: np.random.Generator) -> tuple[Note, ...]:
    """Some notes on strong beats begin half a beat early, as players of pushed styles have it.

    A note is moved when it lasts a beat or more and the note before ends with it and can spare half a beat; never the
    first of a section or the last of the piece, and only in metres with plain beats. Like places are treated alike, so that what
    repeats goes on repeating.

    Args:
        frame: the bars.
        notes: of the tune, sorted.
        amount: share of the places, 0 to 1.
        rng: source of chance.
    """
    if amount <= 0:
        return notes
    starts = [bar.start for bar in frame.bars]
    decided: dict[tuple[float, float, float], bool] = {}
    out = list(notes)
    for i in range(1, len(out) - 1):
        bar = frame.bars[max(0, int(np.searchsorted(starts, out[i].start + _EPS, side="right")) - 1)]
        place = out[i].start - bar.start
        strong = place < _EPS or abs(place - bar.metre.bar_quarters / 2) < _EPS
        opens = bar.in_section == 0 and place < _EPS
        if not strong or opens or bar.metre.denominator > 4 or bar.metre.bar_quarters % 1 > _EPS:
            continue
        touching = abs(out[i - 1].end - out[i].start) < _EPS
        key = (round(place, 4), round(out[i].duration, 4), round(out[i - 1].duration, 4))
        if not touching or out[i].duration < 1.0 - _EPS or out[i - 1].duration < 1.0 - _EPS:
            continue
        if decided.setdefault(key, bool(rng.random() < amount)):
            out[i - 1] = replace(out[i - 1], duration=out[i - 1].duration - 0.5)
            out[i] = replace(out[i], start=out[i].start - 0.5, duration=out[i].duration + 0.5)
    return tuple(out)
