"""Audio-level checks of level: loudness, peaks, stems, activity, sections, faults, duration."""

from __future__ import annotations

import numpy as np

from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.listen.activity import active_ranges
from partimento.listen.energy import level_curve, rank_correlation, stretch_levels
from partimento.listen.quality import measure_quality
from partimento.listen.spectrum import Sound
from partimento.plan.plan import PartPlan, Plan
from partimento.plan.result import Finding, Performance
from partimento.report.grid import PlanGrid, level_at
from partimento.report.shape_checks import FADE_S, FADE_SHARE, LEAST_BARS
from partimento.report.wording import bars, finding, some, source
from partimento.score.mix import MAX_TRUE_PEAK_DBTP, TARGET_LUFS

LOUDNESS_TOLERANCE_LU = 1.0
DURATION_TOLERANCE_S = 0.05
STEM_RESIDUAL_DBFS = -84.0
LEAST_CORRELATION = 0.4
FINAL_SHARE = 0.88  # an ending that ends may begin its last chord here
_ENTRY_BARS = 2
_EARLY_S = 0.6  # an upbeat
_RING_S = 3.5  # what a cymbal or a room needs to die away
_QUIETER_DB = 30.0


def check_levels(plan: Plan, performance: Performance, grid: PlanGrid, sound: Sound) -> tuple[Finding, ...]:
    """Findings on duration, loudness, stems, section levels and faults."""
    wave = performance.audio
    out = [_duration(plan, wave), *_loudness(wave)]
    if performance.stems:
        out.append(_residual(performance))
        out += [_activity(part, plan, performance, grid) for part in plan.parts]
    elif plan.parts:
        reason = "the performer gives no stems"
        out.append(finding("instruments", f"{len(plan.parts)} parts", reason, "activity of stems", None, level="audio"))
    out += [_sections(plan, sound, grid), _quality(sound)]
    return tuple(out)


def _duration(plan: Plan, wave: Waveform) -> Finding:
    """Length of the file."""
    asked = plan.duration_s.value
    good = abs(wave.duration_s - asked) <= DURATION_TOLERANCE_S
    heard = f"{wave.duration_s:.3f} s"
    return finding(
        "duration", f"{asked:.3f} s", heard, "samples", good, level="audio", origin=source(plan.duration_s), value=wave.duration_s
    )


def _loudness(wave: Waveform) -> tuple[Finding, ...]:
    """Integrated loudness against the target and true peak against the ceiling (one gain serves both)."""
    lufs, peak = integrated_lufs(wave), true_peak_dbtp(wave)
    off = lufs - TARGET_LUFS
    limited = peak > MAX_TRUE_PEAK_DBTP - 0.3 and off < 0
    good = abs(off) <= LOUDNESS_TOLERANCE_LU or limited
    heard = f"{lufs:.1f} LUFS" + (
        " (the true peak stands at its ceiling, and nothing is limited)" if limited and abs(off) > 1 else ""
    )
    return (
        finding("loudness", f"{TARGET_LUFS:g} LUFS, or what the true peak leaves", heard, "BS.1770 integrated", good,
                level="audio", origin="default", value=lufs),
        finding("true peak", f"at most {MAX_TRUE_PEAK_DBTP:g} dBTP", f"{peak:.2f} dBTP", "4x oversampled peak",
                peak <= MAX_TRUE_PEAK_DBTP + 0.05, level="audio", origin="default", value=peak),
    )  # fmt: skip


def _residual(performance: Performance) -> Finding:
    """Mix minus the sum of the stems."""
    left = performance.audio.samples.astype(np.float32, copy=True)
    for stem in performance.stems.values():
        n = min(left.shape[1], stem.n_samples)
        left[:, :n] -= stem.samples[:, :n]
    peak = float(np.abs(left).max(initial=0.0))
    db = 20.0 * np.log10(max(peak, 1e-9))
    how = "largest sample of the mix minus all stems"
    asked = f"stems sum to the mix, residual at most {STEM_RESIDUAL_DBFS:g} dBFS"
    return finding(
        "stems", asked, f"{db:.0f} dBFS", how, db <= STEM_RESIDUAL_DBFS, level="audio", origin="default", value=float(db)
    )


def _activity(part: PartPlan, plan: Plan, performance: Performance, grid: PlanGrid) -> Finding:
    """Does the stem sound where the part shall play and nowhere else?"""
    control = f"instrument: {part.instrument}" + ("" if part.name == part.instrument else f" ({part.name})")
    how = "level of the stem against its own loudest frame"
    stem = performance.stems.get(part.name)
    origin = str(part.origin)
    if stem is None:
        return finding(control, part.role, "no such stem", how, False, level="audio", origin=origin)
    n_bars = plan.n_bars.value
    wanted = [
        (grid.bar_seconds(r.start_bar), grid.bar_seconds(min(r.end_bar, n_bars)), r) for r in part.active if r.start_bar < n_bars
    ]
    if not wanted:
        return finding(control, f"{part.role}, silent", "it has no bars", how, None, level="audio", origin=origin)
    sounding = active_ranges(stem)
    late = []
    for start, end, span in wanted:
        until = min(end, grid.bar_seconds(span.start_bar + _ENTRY_BARS)) + 0.1
        if not any(r.start_s < until and r.end_s > start for r in sounding):
            late.append(bars([span]))
    stray = _stray_seconds(stem, [(a, b) for a, b, _ in wanted])
    faults = ["silent at the start of " + some(late)] if late else []
    if stray > 0.25:
        faults.append(f"{stray:.1f} s of sound outside its bars")
    total = sum(r.end_s - r.start_s for r in sounding)
    heard = "; ".join(faults) or f"sounds for {total:.1f} s, from {sounding[0].start_s:.1f} s"
    return finding(
        control,
        f"{part.role}, {bars([r for _, _, r in wanted])}",
        heard,
        how,
        not faults,
        level="audio",
        origin=origin,
        value=total,
    )


def _stray_seconds(stem: Waveform, wanted: list[tuple[float, float]]) -> float:
    """Seconds in which the stem is within 30 dB of its loudest frame outside the wanted stretches and their ring."""
    curve = level_curve(stem)
    if curve.db.size == 0:
        return 0.0
    at = (np.arange(curve.db.size) + 0.5) * curve.frame_s
    outside = np.ones(curve.db.size, bool)
    for start, end in wanted:
        outside &= (at < start - _EARLY_S) | (at > end + _RING_S)
    return float((outside & (curve.db > float(curve.db.max()) - _QUIETER_DB)).sum() * curve.frame_s)


def _sections(plan: Plan, sound: Sound, grid: PlanGrid) -> Finding:
    """Levels and liveliness of the sections against their asked energies (with the dynamics lane)."""
    wave = sound.wave
    until = _body_end_s(plan, wave, grid)
    sections = [s for s in plan.sections.value if grid.bar_seconds(s.start_bar + LEAST_BARS) <= until + 0.05]
    edges = [(grid.bar_seconds(s.start_bar), min(until, grid.bar_seconds(s.end_bar))) for s in sections]
    levels = [stretch_levels(wave, edge)[0] for edge in edges]
    lively = [_liveliness(sound, *edge) for edge in edges]
    wanted = [s.energy + level_at(plan.dynamics.value, (s.start_bar + s.end_bar) / 2) for s in sections]
    asked = some([f"{s.name} {s.energy:.2f}" for s in sections], 6)
    rows = zip(sections, levels, lively, strict=True)
    heard = some([f"{s.name} {v:.1f} dB, liveliness {x:.2f}" for s, v, x in rows], 6)
    how = "rank correlation of asked energy and dynamics with section levels (RMS), and with mean spectral flux"
    found = [rank_correlation(wanted, v) for v in (levels, lively)] if np.ptp(wanted or [0.0]) >= 0.15 else []
    value = max((v for v in found if v is not None), default=None)
    good = None if value is None else value >= LEAST_CORRELATION
    heard = heard if value is not None else f"{heard} (too alike, too few or too short to compare)".strip()
    return finding("section energy", asked, heard, how, good, level="audio", origin=source(plan.sections), value=value)


def _body_end_s(plan: Plan, wave: Waveform, grid: PlanGrid) -> float:
    """Where the ending begins: the bar of the last chord, or the fade-out."""
    if plan.ending.value == "final":
        return min(FINAL_SHARE * wave.duration_s, grid.bar_seconds(max(1, plan.n_bars.value - 1)))
    if plan.ending.value == "fade":
        return wave.duration_s - min(FADE_S, FADE_SHARE * wave.duration_s)
    return wave.duration_s


def _liveliness(sound: Sound, start_s: float, end_s: float) -> float:
    """Mean rise of the logarithmic mel spectrum in a stretch: many, sharp and bright onsets make it large."""
    low, high = (round(t * sound.onset_frame_rate_hz) for t in (start_s, end_s))
    level = np.log1p(1e3 * sound.mel[low : max(high, low + 3)])
    return float(np.maximum(np.diff(level, axis=0), 0.0).mean() * 100.0)


def _quality(sound: Sound) -> Finding:
    """Clicks, clipping, offset, holes, stuck loops, buzz."""
    found = measure_quality(sound)
    heard = ", ".join(found.flags) or "none found"
    how = "detectors for clicks, clipping, offset, holes, stuck loops, buzz"
    return finding("faults", "none", heard, how, not found.flags, level="audio", origin="default", value=len(found.flags))
