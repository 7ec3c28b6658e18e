"""Levels of a recording: ``gain``, ``fade``, ``mute_region``, and swells as volume (``dynamics``)."""

from __future__ import annotations

import numpy as np

from partimento.audio.fades import fade_curve
from partimento.audio.loudness import SILENCE_LUFS, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.ceiling import MAX_LIMITED_DB
from partimento.edit.change import Kept
from partimento.edit.recording_change import Outcome, below, ceiling_of, limited_to, measured, outside, part, put
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_region import Stretch
from partimento.edit.score_gain import DEFAULT_FADE_S, gain_of
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.mix import active_lufs

_MUTE_FADE_S = 0.01
_SWELL_DB = 8.0
_RAMP_GAINS_DB = {"softer": -3.0, "harder": 3.0, "more_energy": 2.5, "calmer": -2.5}
_SWELLS = {"crescendo": (-1.0, 0.0), "build_up": (-1.0, 0.0), "diminuendo": (0.0, -1.0), "decrescendo": (0.0, -1.0)}
_GAIN_TOLERANCE_DB = 0.5


def gain(ear: Ear, operation: EditOperation, stretch: Stretch) -> Outcome:
    """Change the level by ``amount`` dB or a ``factor``; what would clip is limited as far as short peaks may be.

    Raises:
        RequestError: beyond ±24 dB.
    """
    return _gained(ear, gain_of(operation), stretch)


def _gained(ear: Ear, asked_db: float, stretch: Stretch) -> Outcome:
    """The stretch at another level: upwards its peaks give way by at most :data:`MAX_LIMITED_DB`, then the gain does."""
    wave = ear.wave
    old = part(wave, stretch.start, stretch.end)
    ceiling = ceiling_of(wave)
    room_db = ceiling - true_peak_dbtp(old) + MAX_LIMITED_DB
    gain_db = min(asked_db, room_db) if asked_db > 0 else asked_db
    new, limited_db = _at(old, gain_db, ceiling)
    before, after = active_lufs(old), active_lufs(new)
    if limited_db > 0.0 and gain_db < room_db:  # what the limiter took off the loudness, as far as there is room
        gain_db = min(room_db, gain_db + max(0.0, asked_db - (after - before)))
        new, limited_db = _at(old, gain_db, ceiling)
        after = active_lufs(new)
    made = put(wave, new, stretch)
    lines = [f"{gain_db:+.1f} dB in {stretch}"]
    lines += [f"short peaks limited by up to {limited_db:.1f} dB"] if limited_db > 0.0 else []
    if gain_db < asked_db - 0.05:
        lines.append(f"{asked_db:+.1f} dB were asked; more than {gain_db:+.1f} dB would clip")
    heard = f"{before:.1f} → {after:.1f} LUFS"
    good = None if before <= SILENCE_LUFS else abs(after - before - asked_db) < _GAIN_TOLERANCE_DB
    if good is False and asked_db > 0:
        heard += f"; not fully: asked {asked_db:+.1f} dB, got {after - before:+.1f} dB, because the peak would clip"
    finding = measured("loudness", f"{asked_db:+.1f} dB", heard, "BS.1770 of the region", good, after - before)
    return Outcome(made, outside(stretch, wave.n_samples), tuple(lines), (finding,))


def _at(wave: Waveform, gain_db: float, ceiling_dbtp: float) -> tuple[Waveform, float]:
    """A sound with a gain, and how far its peaks had to be limited (dB) where it is louder."""
    new = Waveform(wave.samples * np.float32(10.0 ** (gain_db / 20.0)), wave.sample_rate)
    return limited_to(new, ceiling_dbtp) if gain_db > 0 else (new, 0.0)


def fade(ear: Ear, operation: EditOperation, stretch: Stretch) -> Outcome:
    """Fade in (``value`` ``in``) or out: over the region, or over ``amount`` seconds or bars at the recording's edge.

    Raises:
        RequestError: longer than the recording, or with sound left behind a fade-out.
    """
    wave, into = ear.wave, operation.value == "in"
    n = wave.n_samples
    start, end = stretch.start, stretch.end
    if stretch.whole:
        size = round(_fade_s(ear, operation) * wave.sample_rate)
        if not 0 < size <= n:
            raise RequestError(f"a fade of {size / wave.sample_rate:g} s: the recording lasts {wave.duration_s:.2f} s")
        start, end = (0, size) if into else (n - size, n)
    elif not into and end < n:
        raise RequestError(f"a fade-out in {stretch} would leave silence behind it; let it reach the end, or use softer")
    elif into and start > 0:
        raise RequestError(f"a fade-in in {stretch} would leave silence before it; let it begin at the start")
    curve = fade_curve(end - start)
    samples = wave.samples.copy()
    samples[:, start:end] *= curve if into else curve[::-1]
    where = ear.bars_text(start, end)
    line = f"fade-{'in' if into else 'out'} over {(end - start) / wave.sample_rate:.2f} s: {where}"
    edge = part(Waveform(samples, wave.sample_rate), *((0, 64) if into else (n - 64, n)))
    level = true_peak_dbtp(edge)
    finding = measured("fade", "silence at the edge", f"{level:.0f} dBTP", "peak of the last 64 samples", level < -40.0, level)
    kept = outside(Stretch(start, end, False, where), n)
    return Outcome(Waveform(samples, wave.sample_rate), kept, (line,), (finding,))


def _fade_s(ear: Ear, operation: EditOperation) -> float:
    """Length of a fade at the edge, in seconds."""
    if operation.amount is None:
        return min(DEFAULT_FADE_S, 0.25 * ear.wave.duration_s)
    if operation.unit == "bars":
        return operation.amount * ear.bar_samples / ear.wave.sample_rate
    return operation.amount


def mute(ear: Ear, operation: EditOperation, stretch: Stretch) -> Outcome:
    """Silence a region, with short fades inside it.

    Raises:
        RequestError: it is everything.
    """
    wave = ear.wave
    if stretch.whole:
        raise RequestError("everything would be silent; say where, e.g. in bars 9 to 12")
    size = min(round(_MUTE_FADE_S * wave.sample_rate), stretch.n_samples // 4)
    samples = wave.samples.copy()
    first = stretch.start + (size if stretch.start else 0)
    last = stretch.end - (size if stretch.end < wave.n_samples else 0)
    samples[:, first:last] = 0.0
    samples[:, stretch.start : first] *= fade_curve(first - stretch.start)[::-1]
    samples[:, last : stretch.end] *= fade_curve(stretch.end - last)
    peak = float(np.abs(samples[:, first:last]).max(initial=0.0))
    finding = measured(
        "silence", str(stretch), "digital silence" if peak == 0 else f"peak {peak:.2g}", "largest sample", peak == 0
    )
    return Outcome(Waveform(samples, wave.sample_rate), outside(stretch, wave.n_samples), (f"silent in {stretch}",), (finding,))


def dynamics(ear: Ear, operation: EditOperation, stretch: Stretch) -> Outcome:
    """Swells and degrees of force, as far as volume can: how it is played is in the recording and stays.

    Raises:
        UnsupportedError: a way of playing that volume cannot give.
    """
    value = operation.value.lower().replace(" ", "_")
    strength = operation.amount if operation.amount is not None and operation.unit in ("strength", "factor", "") else 1.0
    if value in _RAMP_GAINS_DB:
        done = _gained(ear, _RAMP_GAINS_DB[value] * strength, stretch)
        remark = f"'{operation.value}' as volume only: how it is played cannot be changed in a recording"
        return Outcome(done.wave, done.kept, (*done.lines, remark), done.findings)
    if value not in _SWELLS:
        raise UnsupportedError(
            f"'{operation.value}' is a way of playing, which a recording does not let change; "
            "a piece made by `partimento generate` does (here: louder, softer, crescendo, diminuendo)"
        )
    from_, to = (x * _SWELL_DB * strength for x in _SWELLS[value])
    old = part(ear.wave, stretch.start, stretch.end)
    ramp = 10.0 ** (np.linspace(from_, to, old.n_samples) / 20.0)
    new, lines = below(Waveform((old.samples * ramp).astype(np.float32), old.sample_rate), ceiling_of(ear.wave))
    third = max(1, old.n_samples // 3)
    change = [active_lufs(part(new, a, a + third)) - active_lufs(part(old, a, a + third)) for a in (0, old.n_samples - third)]
    line = f"{value} from {from_:+.1f} to {to:+.1f} dB in {stretch}"
    finding = measured("swell", f"{from_:+.1f} → {to:+.1f} dB", f"first third {change[0]:+.1f} dB, last {change[1]:+.1f} dB",
                       "BS.1770 of the thirds", (change[1] - change[0]) * (to - from_) > 0)  # fmt: skip
    made = put(ear.wave, new, stretch)
    kept: tuple[Kept, ...] = outside(stretch, ear.wave.n_samples)
    return Outcome(made, kept, (line, *lines), (finding,))
