"""Requests of the exactness evaluation: real progressions, every style, all hard controls given.

Progressions come from a folder of lead sheets. The sheets are ordered by the SHA-256 of ``partimento-exact:<file name>``;
those that the compose evaluation keeps sealed are not opened. The end of a sheet is used, and only sheets that come
home to their key, so that the key and the chords of a request do not contradict each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partimento.errors import FileError
from partimento.evaluate.compose_data import Progress, Tune, load_tunes, sheet_names, silent, split
from partimento.plan.request import GenerateRequest
from partimento.score.chord_names import chord_symbol
from partimento.score.score import ChordSpan
from partimento.score.timing import Key, Metre
from partimento.styles import style, style_ids

LANE_BARS = (4, 8, 12, 16)
TARGET_S = 30.0
OPEN_SHEETS = 100
"""Usable sheets that may be looked at while levels and constants are chosen; the others are held out."""
_HELD_OUT_STREAM = 1_000_000  # other tempi, lengths and seeds than the open requests


@dataclass(frozen=True, slots=True)
class ExactCase:
    """One request and what it was made from."""

    sheet: str
    style: str
    key: Key
    metre: Metre
    tempo_bpm: float
    lane_bars: int
    bars: int
    request: GenerateRequest


def make_cases(folder: Path, n: int = 100, seed: int = 0, progress: Progress = silent) -> tuple[ExactCase, ...]:
    """Requests from the first ``n`` usable sheets, styles in turn.

    Args:
        folder: folder of MusicXML lead sheets with chord symbols.
        n: how many.
        seed: decides tempo, lengths and the requests' own seeds.
        progress: wraps the reading.

    Raises:
        FileError: when the folder cannot be used.
    """
    ids = style_ids()
    return tuple(_case(tune, ids[i % len(ids)], i, seed) for i, tune in enumerate(_usable(folder, progress)[:n]))


def held_out_cases(folder: Path, n: int = 100, seed: int = 0, progress: Progress = silent) -> tuple[ExactCase, ...]:
    """Requests from the sheets after the first :data:`OPEN_SHEETS`, on which no level, constant or pattern was chosen.

    Where there are fewer such sheets than requests, they come round again in other styles, tempi and lengths. Arguments
    and errors as in :func:`make_cases`.

    Raises:
        FileError: also when no sheet is left.
    """
    tunes = _usable(folder, progress)[OPEN_SHEETS:]
    if not tunes:
        raise FileError(f"{folder} has no usable sheet beyond the first {OPEN_SHEETS}; held-out requests need more sheets")
    ids = style_ids()
    first = _HELD_OUT_STREAM
    return tuple(_case(tunes[i % len(tunes)], ids[(i + i // len(tunes)) % len(ids)], first + i, seed) for i in range(n))


def _usable(folder: Path, progress: Progress) -> list[Tune]:
    """Sheets that come home to their key, in the order of their hashes."""
    work, _ = split(sheet_names(folder))
    ranked = sorted(work, key=lambda name: hashlib.sha256(f"partimento-exact:{name}".encode()).hexdigest())
    tunes, _ = load_tunes(folder, ranked, progress=progress)
    return [t for t in tunes if t.metre.denominator <= 8 and t.metre.bar_quarters >= 1.5 and comes_home(t)]


def comes_home(tune: Tune) -> bool:
    """True when the last chord is the tonic triad (or a chord on it) of the sheet's key: then key and chords agree."""
    last = tune.chords[-1].chord
    return last.root == tune.key.tonic and last.is_minor == tune.key.is_minor


def _case(tune: Tune, style_id: str, index: int, seed: int) -> ExactCase:
    """The request of one sheet in one style."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    chosen = style(style_id)
    low, _, high = chosen.tempo
    tempo = round(float(rng.uniform(low, high)), 1)
    longest = max(size for size in LANE_BARS if size <= max(tune.n_bars, min(LANE_BARS)))
    lane = int(min(longest, rng.choice(LANE_BARS)))
    text = chord_text(tune, lane)
    bar_s = tune.metre.bar_quarters * 60.0 / tempo
    bars = lane * max(1, round(TARGET_S / (lane * bar_s)))
    request = GenerateRequest(
        words=f"{chosen.en} with drums",
        style=style_id,
        chords=text,
        tempo_bpm=tempo,
        key=str(tune.key),
        metre=str(tune.metre),
        bars=bars,
        seed=int(rng.integers(2**31)),
    )
    return ExactCase(tune.name, style_id, tune.key, tune.metre, tempo, lane, bars, request)


def chord_text(tune: Tune, n_bars: int) -> str:
    """Chord text of the last ``n_bars`` bars of a sheet that carry chords, one share per beat where a bar has several."""
    bar = tune.metre.bar_quarters
    total = max(n_bars, round(max(c.end for c in tune.chords) / bar))
    first = total - n_bars
    bars = [_bar_text(tune, first + i, bar) for i in range(n_bars)]
    return " | ".join(bars)


def _bar_text(tune: Tune, index: int, bar: float) -> str:
    """One bar: a chord, or a chord or hold for every beat."""
    beats = tune.metre.numerator
    places = [index * bar + k * bar / beats for k in range(beats)]
    names = [_symbol_at(tune.chords, at + 1e-3, tune.key) for at in places]
    if len(set(names)) == 1:
        return names[0]
    return " ".join(name if k == 0 or name != names[k - 1] else "/" for k, name in enumerate(names))


def _symbol_at(chords: Sequence[ChordSpan], at: float, key: Key) -> str:
    """Symbol of the chord sounding at a position, ``N.C.`` for none; a gap after a chord is filled with it."""
    before = [c for c in chords if c.start <= at]
    return chord_symbol(before[-1].chord, key) if before else "N.C."
