"""How loud pieces of every style become, and what holds them back: loudness and true peak of mixes, and their drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partimento.audio.loudness import true_peak_dbtp
from partimento.audio.measure import spectral_centroid_hz
from partimento.audio.waveform import Waveform
from partimento.evaluate.compose_data import Progress, silent
from partimento.pipeline import compose_score
from partimento.plan.request import GenerateRequest
from partimento.score.mix import MAX_TRUE_PEAK_DBTP, TARGET_LUFS, active_lufs, mix
from partimento.score.sampler import render_tracks
from partimento.styles import style, style_ids
from partimento.tables import markdown_table

DURATION_S = 24.0
NEAR_LU = 1.0


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One piece.

    Attributes:
        style, seed: what was asked.
        lufs, true_peak_dbtp: of the mix.
        drums_dbtp, rest_dbtp: true peaks of the drum kit and percussion, and of all else (None where there is none).
        brightness: spectral centroid of the drums in the mix over that of the dry ones.
    """

    style: str
    seed: int
    lufs: float
    true_peak_dbtp: float
    drums_dbtp: float | None = None
    rest_dbtp: float | None = None
    brightness: float | None = None


def measure_levels(seeds: Sequence[int] = (0, 1), progress: Progress = silent) -> list[LevelRow]:
    """A piece of every style per seed (about a second each)."""
    asked = [(name, seed) for name in style_ids() for seed in seeds]
    return [_row(name, seed) for name, seed in progress(asked, len(asked), "levels")]


def _row(name: str, seed: int) -> LevelRow:
    """Compose, render and measure one piece."""
    request = GenerateRequest(style(name).en, style=name, duration_s=DURATION_S, seed=seed)
    score = compose_score(request)
    dry = render_tracks(score)
    mixed = mix(score, dry)
    struck = [t.name for t in score.tracks if t.role in ("drums", "percussion")]
    others = [t.name for t in score.tracks if t.name not in struck]
    brightness = None
    if struck:
        level = {n: 10.0 ** ((active_lufs(mixed.stems[n]) - active_lufs(dry[n])) / 20.0) for n in struck}
        plain = _together([Waveform(dry[n].samples * np.float32(level[n]), dry[n].sample_rate) for n in struck])
        brightness = spectral_centroid_hz(_together([mixed.stems[n] for n in struck])) / spectral_centroid_hz(plain)
    drums_dbtp, rest_dbtp = (
        true_peak_dbtp(_together([mixed.stems[n] for n in names])) if names else None for names in (struck, others)
    )
    return LevelRow(name, seed, mixed.lufs, mixed.true_peak_dbtp, drums_dbtp, rest_dbtp, brightness)


def _together(waves: Sequence[Waveform]) -> Waveform:
    """Their sum."""
    return Waveform(np.sum([w.samples for w in waves], axis=0, dtype=np.float32), waves[0].sample_rate)


def levels_page(rows: Sequence[LevelRow]) -> str:
    """Figures and rows as Markdown."""
    with_drums = [r for r in rows if r.drums_dbtp is not None]
    figures = [(what, *_figures(some)) for what, some in (("styles with drums", with_drums), ("all", rows)) if some]
    bright = [r.brightness for r in with_drums if r.brightness is not None]
    head = ("pieces", "median LUFS", "quietest", f"within {NEAR_LU:g} LU of {TARGET_LUFS:g}", "highest true peak (dBTP)")
    lines = ["# Loudness", "", f"`partimento bench levels`; {DURATION_S:g} s per piece; goal: median within "]
    lines[-1] += f"{NEAR_LU:g} LU of {TARGET_LUFS:g} LUFS with drums, true peak <= {MAX_TRUE_PEAK_DBTP:g} dBTP, no limiter."
    lines += ["", markdown_table(head, figures), ""]
    if bright:
        lines += [f"Brightness of the drums against the dry ones: median {np.median(bright):.3f}, {min(bright):.3f} to "]
        lines[-1] += f"{max(bright):.3f}."
    cells = [
        (r.style, str(r.seed), f"{r.lufs:.2f}", *("–" if v is None else f"{v:.1f}" for v in (r.drums_dbtp, r.rest_dbtp)))
        for r in rows
    ]
    return "\n".join([*lines, "", markdown_table(("style", "seed", "LUFS", "drums dBTP", "rest dBTP"), cells), ""])


def _figures(rows: Sequence[LevelRow]) -> tuple[str, ...]:
    """Cells of one line of the summary."""
    lufs = [r.lufs for r in rows]
    near = np.mean([abs(x - TARGET_LUFS) <= NEAR_LU for x in lufs])
    peak = max(r.true_peak_dbtp for r in rows)
    return f"{np.median(lufs):.2f}", f"{min(lufs):.2f}", f"{100 * near:.0f} %", f"{peak:.2f}"
