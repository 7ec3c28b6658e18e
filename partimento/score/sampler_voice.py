"""A region played at a key: its numbers in natural units, its envelopes, and its sound before the volume envelope.

The signal path of *SoundFont 2.04* section 9.1: sample -> pitch -> low-pass filter -> volume envelope. Rendering offline
allows what a live player cannot afford: the loop is unrolled in the sample itself and the whole note is resampled by a
long windowed sinc (soxr), so that there is neither aliasing nor interpolation noise and the pitch is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.fades import fade_curve
from partimento.score import sf2_zones as sf
from partimento.score.sampler_envelope import (
    ENVELOPE_RANGE_DB,
    FLOOR_DB,
    MIN_RELEASE_S,
    Envelope,
    Lfo,
    envelope_of,
    hertz_of,
    modulation_curve,
    seconds_of,
)
from partimento.score.sampler_filter import OPEN_CENTS, FilterPath, between, constant_filter, moving_filter, still_cutoff
from partimento.score.sf2_zones import Region

Samples = NDArray[np.float32]

ATTENUATION_FACTOR = 0.4
"""Of the initialAttenuation generator only this part is applied. The specification says 1, but the E-mu hardware that
fonts were balanced on applied 0.4, and FluidSynth and the editors follow the hardware."""
CONTROL_SAMPLES = 32
"""Distance of the points at which slow movements (filter, tremolo) are computed; linear in between."""
_SHOT_FADE_SAMPLES = 200  # at the end of a sample that is not looped, so that it cannot stop with a step
_MIN_LOOP_SAMPLES = 2  # the specification asks for 32; fonts hold loops of 5
_MIN_SHOT_SAMPLES = 8
_PITCH_OVERSAMPLING = 2
_LAG_SAMPLES = 512  # read beyond what is needed, and again while the resampler keeps its last block; times the ratio
_LAGS_AT_MOST = 64
_CHUNK_SAMPLES = 8192  # worked on at once, so that everything stays in the processor's cache


@dataclass(frozen=True, eq=False, slots=True)
class Voice:
    """A region at a key and (where the timbre follows it) a velocity.

    Attributes:
        region: whence it comes.
        speed_hz: sample rate at which the sample has to be read to sound at the key.
        start, end, loop_start, loop_end: in samples of the wave, in order and inside it.
        looped: the sample repeats between the loop points (until the release when ``exits_loop``).
        gain: linear, without velocity.
        pan: -0.5 (left) to 0.5 (right).
        volume, modulation: envelopes.
        mod_lfo, vib_lfo: oscillators.
        mod_lfo_to_pitch, vib_lfo_to_pitch, mod_env_to_pitch: cents.
        filter_cents, filter_q_db: low-pass cutoff (absolute cents, 0 = 8.176 Hz) and resonance.
        mod_lfo_to_filter, mod_env_to_filter: cents.
        tremolo_db: change of level by the modulation LFO.
    """

    region: Region
    speed_hz: float
    start: int
    end: int
    loop_start: int
    loop_end: int
    looped: bool
    exits_loop: bool
    gain: float
    pan: float
    volume: Envelope
    modulation: Envelope
    mod_lfo: Lfo
    vib_lfo: Lfo
    mod_lfo_to_pitch: float
    vib_lfo_to_pitch: float
    mod_env_to_pitch: float
    filter_cents: float
    filter_q_db: float
    mod_lfo_to_filter: float
    mod_env_to_filter: float
    tremolo_db: float

    @property
    def bends(self) -> bool:
        """True when the pitch moves by itself."""
        depths = (self.mod_lfo_to_pitch, self.vib_lfo_to_pitch, self.mod_env_to_pitch)
        return max(abs(depth) for depth in depths) >= 0.5

    @property
    def depends_on_length(self) -> bool:
        """True when already the sound before the volume envelope depends on when the key is let go."""
        return (self.looped and self.exits_loop) or (abs(self.mod_env_to_pitch) >= 0.5 and self.modulation.sustain < 1000)

    @property
    def steady(self) -> bool:
        """True when a long note begins exactly as a short one does: a loop whose pitch nothing moves."""
        return self.looped and not self.exits_loop and not self.bends

    @property
    def pitch_source(self) -> tuple[int, float, int, int, int, bool]:
        """All that the unfiltered sound of a steady voice follows from, besides the font and the rate of the result."""
        return (self.region.sample, self.speed_hz, self.start, self.loop_start, self.loop_end, self.region.percussive)

    def colour(self, cutoff: float | None) -> tuple[Any, ...] | None:
        """All that the filter and the tremolo do, None when that is nothing.

        Args:
            cutoff: see :func:`cutoff_of`.
        """
        closes = self.closes_on_release()
        if cutoff == OPEN_CENTS and self.filter_q_db == 0 and not self.tremolo_db and not closes:
            return None
        moves = (self.mod_env_to_filter, self.modulation, self.mod_lfo_to_filter) if cutoff is None else cutoff
        tremolo = (self.tremolo_db, self.mod_lfo) if self.tremolo_db or self.mod_lfo_to_filter else None
        return (moves, self.filter_cents, self.filter_q_db, closes, tremolo)

    def closes_on_release(self) -> bool:
        """True when letting go moves the filter audibly while the note dies away."""
        heard_s = self.volume.release_s * 0.6  # 60 dB
        return abs(self.mod_env_to_filter) * min(1.0, heard_s / self.modulation.release_s) >= 150.0

    def wave_end(self, sample_rate: int) -> float:
        """Output samples until the wave ends by itself (infinite for a loop)."""
        if self.looped:
            return math.inf
        depth = abs(self.mod_lfo_to_pitch) + abs(self.vib_lfo_to_pitch) + abs(self.mod_env_to_pitch) if self.bends else 0.0
        return float((self.end - self.start) * sample_rate / self.speed_hz * 2.0 ** (depth / 1200.0) + 1.0)

    def decay_end(self, sample_rate: int) -> float:
        """Output samples until a held note has died away (infinite when it is sustained)."""
        env = self.volume
        if env.sustain < 10 * FLOOR_DB:
            return math.inf
        return (env.delay_s + env.attack_s + env.hold_s + env.decay_s * FLOOR_DB / ENVELOPE_RANGE_DB) * sample_rate + 1.0


def make_voice(region: Region, key: int, velocity: int, wave_samples: int) -> Voice | None:
    """Numbers of a region for a note; None when the wave is too short to sound.

    Args:
        region: whose ranges hold the key and velocity.
        key, velocity: MIDI numbers.
        wave_samples: length of the region's sample data.
    """
    gens = region.gens.copy()
    for mod in region.modulators:
        if mod.dest != sf.GEN_ATTENUATION:
            gens[mod.dest] += mod.value(key, velocity)
    if gens[sf.GEN_KEY] >= 0:
        key = int(gens[sf.GEN_KEY])
    cents = (key - region.root_key) * gens[sf.GEN_SCALE_TUNING] + region.correction_cents
    cents += 100.0 * gens[sf.GEN_COARSE_TUNE] + gens[sf.GEN_FINE_TUNE]
    moved = int(gens[sf.GEN_START] - region.gens[sf.GEN_START])
    end = min(max(region.end, 0), wave_samples)
    start = min(max(region.start + moved, 0), end)
    loop_end = min(region.loop_end, wave_samples)
    loop_start = max(region.loop_start, 0)
    mode = int(gens[sf.GEN_SAMPLE_MODES]) & 3
    looped = mode in (1, 3) and loop_end - loop_start >= _MIN_LOOP_SAMPLES and start < loop_end
    if end - start < _MIN_SHOT_SAMPLES and not looped:
        return None
    return Voice(
        region=region,
        speed_hz=float(region.sample_rate_hz * 2.0 ** (min(max(cents, -9600.0), 9600.0) / 1200.0)),
        start=start,
        end=end,
        loop_start=loop_start,
        loop_end=loop_end,
        looped=looped,
        exits_loop=mode == 3,
        gain=float(10.0 ** (-ATTENUATION_FACTOR * gens[sf.GEN_ATTENUATION] / 200.0)),
        pan=float(gens[sf.GEN_PAN]) / 1000.0,
        volume=envelope_of(gens, sf.GEN_VOL_ENV, key, MIN_RELEASE_S),
        modulation=envelope_of(gens, sf.GEN_MOD_ENV, key, 0.001),
        mod_lfo=Lfo(seconds_of(gens[sf.GEN_MOD_LFO_DELAY]), hertz_of(gens[sf.GEN_MOD_LFO_FREQ])),
        vib_lfo=Lfo(seconds_of(gens[sf.GEN_VIB_LFO_DELAY]), hertz_of(gens[sf.GEN_VIB_LFO_FREQ])),
        mod_lfo_to_pitch=float(gens[sf.GEN_MOD_LFO_TO_PITCH]),
        vib_lfo_to_pitch=float(gens[sf.GEN_VIB_LFO_TO_PITCH]),
        mod_env_to_pitch=float(gens[sf.GEN_MOD_ENV_TO_PITCH]),
        filter_cents=float(gens[sf.GEN_FILTER_CENTS]),
        filter_q_db=min(max(float(gens[sf.GEN_FILTER_Q]) / 10.0, 0.0), 96.0),
        mod_lfo_to_filter=float(gens[sf.GEN_MOD_LFO_TO_FILTER]),
        mod_env_to_filter=float(gens[sf.GEN_MOD_ENV_TO_FILTER]),
        tremolo_db=float(gens[sf.GEN_MOD_LFO_TO_VOLUME]) / 10.0,
    )


@lru_cache(maxsize=1 << 14)
def velocity_gain(region: Region, key: int, velocity: int) -> float:
    """Linear gain of the velocity: the attenuation modulators, by default (velocity / 127) squared (section 8.4.1).

    The default velocity-to-filter modulator (section 8.4.2) is *not* applied unless the file states it, as in
    FluidSynth: most fonts were voiced without it, and FluidR3 switches it off in nearly every filtered zone.
    """
    fixed = int(region.gens[sf.GEN_VELOCITY])
    velocity = fixed if fixed > 0 else velocity
    centibels = sum(m.value(key, velocity) for m in region.modulators if m.dest == sf.GEN_ATTENUATION)
    return float(10.0 ** (-min(max(centibels, -200.0), 1440.0) / 200.0))


@dataclass(frozen=True, eq=False, slots=True)
class Body:
    """A note before its volume envelope and gain.

    Attributes:
        held: with the filter as it moves while the key is down, ``[n]``.
        closed: with the filter where it goes after the release, or None when that makes no difference.
    """

    held: Samples
    closed: Samples | None

    @property
    def n_bytes(self) -> int:
        """Memory used."""
        return self.held.nbytes * (2 if self.closed is not None else 1)


def render_body(wave: Samples, voice: Voice, n: int, sample_rate: int, off: int | None = None) -> Body:
    """The sound of a voice before its volume envelope.

    The pitch is changed by a long windowed sinc. Drum samples of a lower rate than the output are read by third-order
    interpolation instead, as every live player does: its images above half the sample's own rate are what makes the 12-kHz
    cymbals of small fonts bright, and noise has no partials that they could clash with.

    Args:
        wave: data of the voice's sample.
        voice: what to play.
        n: samples to render; fewer come back when the sample is not looped and shorter.
        sample_rate: Hz of the result.
        off: sample at which the key is let go; only for a voice that ``depends_on_length``.
    """
    plain = pitched(wave, voice, n, sample_rate, off)
    if not voice.looped or voice.exits_loop:
        plain = _faded_end(plain, n)
    return coloured(plain, voice, sample_rate, cutoff_of(voice, len(plain), sample_rate))


def cutoff_of(voice: Voice, n: int, sample_rate: int) -> float | None:
    """The cutoff of a voice whose filter hardly moves in its first ``n`` samples, else None."""
    return still_cutoff(_filter_path(voice, n, sample_rate), sample_rate)


def _filter_path(voice: Voice, n: int, sample_rate: int) -> FilterPath:
    """Where the filter is while the key is down."""
    if not voice.mod_env_to_filter and not voice.mod_lfo_to_filter:
        return FilterPath(np.full(1, voice.filter_cents), n)
    time_s = _control_times(n, sample_rate)
    cents = np.full(len(time_s), voice.filter_cents)
    if voice.mod_env_to_filter:
        cents += voice.mod_env_to_filter * modulation_curve(voice.modulation, time_s)
    if voice.mod_lfo_to_filter:
        cents += voice.mod_lfo_to_filter * voice.mod_lfo.at(time_s)
    return FilterPath(cents, CONTROL_SAMPLES)


def _control_times(n: int, sample_rate: int) -> NDArray[np.float64]:
    """Times in seconds of the control points of ``n`` samples."""
    return np.arange(0, n + CONTROL_SAMPLES, CONTROL_SAMPLES) / sample_rate


def coloured(plain: Samples, voice: Voice, sample_rate: int, cutoff: float | None) -> Body:
    """A sound at its pitch through the voice's filter and tremolo; the sound itself where they do nothing.

    Args:
        plain: ``[n]``, see :func:`pitched`.
        voice: what to play.
        sample_rate: Hz.
        cutoff: see :func:`cutoff_of`.
    """
    if cutoff is None:
        held = moving_filter(plain, _filter_path(voice, len(plain), sample_rate), voice.filter_q_db, sample_rate)
    else:
        held = constant_filter(plain, cutoff, voice.filter_q_db, sample_rate)
    closed = constant_filter(plain, voice.filter_cents, voice.filter_q_db, sample_rate) if voice.closes_on_release() else None
    if voice.tremolo_db:
        points = 10.0 ** (voice.tremolo_db / 20.0 * voice.mod_lfo.at(_control_times(len(plain), sample_rate)))
        level = between(points, CONTROL_SAMPLES, len(plain))
        held = held * level
        closed = None if closed is None else closed * level
    return Body(held, closed)


def pitched(wave: Samples, voice: Voice, n: int, sample_rate: int, off: int | None = None) -> Samples:
    """The unrolled wave at the voice's pitch; see :func:`render_body`.

    Returns:
        ``n`` samples; fewer when the sample is not looped and shorter, perhaps more when the voice is steady.
    """
    import soxr

    if voice.bends:
        return _bent(wave, voice, n, sample_rate, off)
    read_between = voice.region.percussive and voice.speed_hz < sample_rate
    if voice.steady and not read_between:
        return _streamed(wave, voice, n, sample_rate)
    source = _unrolled(wave, voice, math.ceil(n * voice.speed_hz / sample_rate) + 64, off, sample_rate)
    if read_between:
        return _read_at(source, np.arange(n, dtype=np.float64) * (voice.speed_hz / sample_rate))
    return np.asarray(soxr.resample(source, voice.speed_hz, sample_rate, quality="HQ")[:n])


def _streamed(wave: Samples, voice: Voice, n: int, sample_rate: int) -> Samples:
    """A steady voice at its pitch, at least ``n`` samples: the resampler is never told that the sound ends, so that its last
    block is as in a longer sound."""
    import soxr

    stream = soxr.ResampleStream(voice.speed_hz, sample_rate, 1, quality="HQ")
    ratio = voice.speed_hz / sample_rate
    lag = math.ceil(_LAG_SAMPLES * max(1.0, ratio))
    read = math.ceil(n * ratio) + lag
    source = _unrolled(wave, voice, read + _LAGS_AT_MOST * lag, None, sample_rate)
    parts = [stream.resample_chunk(source[:read])]
    while (done := sum(map(len, parts))) < n:
        last = read + lag >= len(source)
        parts.append(stream.resample_chunk(source[read : read + lag], last=last))
        read += lag
        if last and done + len(parts[-1]) < n:
            raise ArithmeticError(f"the resampler gave {done + len(parts[-1])} of {n} samples at a ratio of {ratio}")
    return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts))


def _faded_end(plain: Samples, n: int) -> Samples:
    """The end of a sample that stops by itself, faded over a few milliseconds."""
    if len(plain) >= n:
        return plain
    plain = plain.copy()
    fade = min(_SHOT_FADE_SAMPLES, len(plain) // 4)
    if fade:
        plain[-fade:] *= fade_curve(fade)[::-1]
    return plain


def _unrolled(wave: Samples, voice: Voice, n: int, off: int | None, sample_rate: int) -> Samples:
    """The first ``n`` samples that are read from the wave, the loop written out."""
    if not voice.looped:
        return wave[voice.start : min(voice.end, voice.start + n)]
    head = wave[voice.start : voice.loop_end]
    loop = wave[voice.loop_start : voice.loop_end]
    if voice.exits_loop and off is not None:
        read = off * voice.speed_hz / sample_rate
        rounds = max(0, math.ceil((read - len(head)) / len(loop)))
        return np.concatenate([head, np.tile(loop, rounds), wave[voice.loop_end : max(voice.end, voice.loop_end)]])[:n]
    rounds = max(0, math.ceil((n - len(head)) / len(loop)))
    return np.concatenate([head, np.tile(loop, rounds)])[:n] if rounds else head[:n]


def _bent(wave: Samples, voice: Voice, n: int, sample_rate: int, off: int | None) -> Samples:
    """As the plain path, with the pitch moved by the oscillators and the modulation envelope.

    The wave is first resampled to its nominal pitch at twice the rate, then read at a moving position by third-order
    interpolation, whose error is far below the sample's own noise at that rate.
    """
    import soxr

    time_s = np.arange(0, n + CONTROL_SAMPLES, CONTROL_SAMPLES) / sample_rate
    cents = np.zeros(len(time_s))
    if voice.mod_env_to_pitch:
        off_s = math.inf if off is None else off / sample_rate
        cents += voice.mod_env_to_pitch * modulation_curve(voice.modulation, time_s, off_s)
    if voice.mod_lfo_to_pitch:
        cents += voice.mod_lfo_to_pitch * voice.mod_lfo.at(time_s)
    if voice.vib_lfo_to_pitch:
        cents += voice.vib_lfo_to_pitch * voice.vib_lfo.at(time_s)
    speed = np.exp2(np.clip(cents, -6000.0, 6000.0) / 1200.0)
    # in samples of the unbent note at twice the rate; summed in double precision
    position = np.cumsum(between(speed, CONTROL_SAMPLES, n), dtype=np.float64)
    position -= position[0]
    position *= _PITCH_OVERSAMPLING
    rate = sample_rate * _PITCH_OVERSAMPLING
    base_off = None if off is None else math.ceil(position[min(off, n - 1)] / _PITCH_OVERSAMPLING)
    source = _unrolled(wave, voice, math.ceil(position[-1] * voice.speed_hz / rate) + 64, base_off, sample_rate)
    return _read_at(soxr.resample(source, voice.speed_hz, rate, quality="HQ"), position)


def _read_at(source: Samples, position: NDArray[np.float64]) -> Samples:
    """``source`` at these ascending positions by third-order interpolation, until it ends."""
    base = np.pad(source, (1, 3))
    position = position[: int(np.searchsorted(position, len(source)))]
    out = np.empty(len(position), np.float32)
    for at in range(0, len(position), _CHUNK_SAMPLES):
        part = position[at : at + _CHUNK_SAMPLES]
        whole = part.astype(np.int64)
        _catmull_rom(base, whole, (part - whole).astype(np.float32), out[at : at + _CHUNK_SAMPLES])
    return out


def _catmull_rom(base: Samples, whole: NDArray[np.int64], x: Samples, out: Samples) -> None:
    """Third-order interpolation between ``base[whole + 1]`` and ``base[whole + 2]`` at the fraction ``x``."""
    a, b, c, d = (base[i : len(base) - 3 + i].take(whole) for i in range(4))
    half = np.float32(0.5)
    np.multiply(x, 3 * (b - c) + d - a, out=out)
    out += 2 * a - 5 * b + 4 * c - d
    out *= x
    out += c - a
    out *= x * half
    out += b
