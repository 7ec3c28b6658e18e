"""From dry stems to a mix that is their sum.

Each stem is brought to the loudness of its role, its highest peaks rounded by a fixed curve, placed, and given its own share
of one room; then a single gain for all brings the sum to the target loudness. There is no compressor or limiter on the sum,
so the stems add up to the mix, and until that last gain a stem does not depend on the others.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio.fades import fade_curve
from partimento.audio.loudness import SILENCE_LUFS, true_peak_dbtp
from partimento.audio.parallel import map_in_order, summed
from partimento.audio.recursive import lfilter
from partimento.audio.transforms import rfft
from partimento.audio.waveform import Waveform
from partimento.score.instruments import instruments
from partimento.score.room import add_room_stretch, room_stretch
from partimento.score.sampler import DEFAULT_SAMPLE_RATE, render_tracks
from partimento.score.score import Score, Track
from partimento.score.soundfont import SoundFontInfo, find_soundfont

Samples = NDArray[np.float32]

TARGET_LUFS = -14.0
"""Integrated loudness of the mix (ITU-R BS.1770-4), as streaming services play it."""
MAX_TRUE_PEAK_DBTP = -1.0
"""Largest true peak of the mix."""
ROLE_LUFS = {
    "melody": -17.0, "drums": -19.0, "bass": -20.0, "counter": -21.5, "chords": -20.5, "arpeggio": -21.0,
    "percussion": -25.0, "pad": -21.5,
}  # fmt: skip
"""Loudness of a stem of each role while it plays, before the common gain: tune, bass and drums in front, pads behind. What
is held stands a little nearer than what is struck, which has the peaks that limit how loud all of it may be."""
PEAK_OVER_LUFS_DB = {"drums": 8.0, "percussion": 10.5, "bass": 11.0}
"""How far the highest peaks of a dry stem may stand above its loudness, by role: rounded off by a fixed curve, as tape does,
so that single strokes and chord attacks do not decide how loud the whole piece may be. Sparse percussion is left its edge."""
OTHER_PEAK_OVER_LUFS_DB = 7.75
"""The same for all other roles."""
ROOM_DB = {
    "melody": -13.0, "drums": -19.0, "bass": -27.0, "counter": -12.0, "chords": -14.0, "arpeggio": -13.0,
    "percussion": -15.0, "pad": -11.0,
}  # fmt: skip
"""Level of each role's share of the room against its dry sound."""
ROLE_PAN = {"chords": 0.3, "arpeggio": 0.45, "counter": 0.35, "pad": 0.15, "percussion": 0.4}
"""How far from the middle a role stands; the others are in the middle."""
_FAMILY_SIDE = {
    "keys": -1.0, "guitars": 1.0, "strings": -1.0, "winds": -1.0, "brass": 1.0, "mallets": 1.0, "synth": -1.0,
    "voices": -1.0, "percussion": 1.0, "drums": 1.0, "bass": 1.0,
}  # fmt: skip
_PAN_JITTER = 0.08  # by name, so that two parts of one kind do not stand on one spot
_LOW_PITCH, _HIGH_PITCH = 48, 60  # below the first a part is pulled to the middle; strings below the second sit right
_KNEE = 0.5  # of the highest peak: below nothing is changed
_OFFSET_HZ = 10.0
_OFFSET_STEP = 16
_MAX_LEVEL_GAIN_DB = 40.0
_END_FADE_S = 0.4
_END_SILENCE_DB = -66.0
_PEAK_MARGIN_DB = 0.01
_STEPS_AT_ONCE = 32  # of 0.1 s; what fits the processor's cache


@dataclass(frozen=True)
class Mixed:
    """A finished mix.

    Attributes:
        audio: the mix, stereo; the sum of ``stems``.
        stems: by track name, in score order.
        common_gain_db: the gain that all stems got at the end.
        lufs: integrated loudness of ``audio``.
        true_peak_dbtp: true peak of ``audio``.
    """

    audio: Waveform
    stems: dict[str, Waveform]
    common_gain_db: float
    lufs: float
    true_peak_dbtp: float


def mix(score: Score, stems: Mapping[str, Waveform], *, common_gain_db: float | None = None, loop: bool = False) -> Mixed:
    """Mix dry stems.

    Args:
        score: names the role, instrument, level and place of each stem.
        stems: dry stems by track name (:func:`partimento.score.sampler.render_tracks`), all of one length and rate.
        common_gain_db: use this last gain instead of the one that meets the loudness and peak targets (to keep the
            level of an earlier mix).
        loop: the piece repeats without a seam: the room rings on into the start and nothing is faded.
    """
    names = [track.name for track in score.tracks if track.name in stems]
    sample_rate = next((w.sample_rate for w in stems.values()), 44_100)
    placed = map_in_order(lambda name: _placed(score.track(name), stems[name], loop), names)
    return _mixed(score, dict(zip(names, placed, strict=True)), sample_rate, common_gain_db)


def render_mix(score: Score, soundfont: str | SoundFontInfo | None = None, sample_rate: int = DEFAULT_SAMPLE_RATE) -> Mixed:
    """``mix(score, render_tracks(score, soundfont, sample_rate))``, to the last bit, in less memory: a dry stem is
    forgotten as soon as it has its place.

    Raises:
        RequestError, FileError: see :func:`partimento.score.sampler.render_tracks`.
    """
    info = soundfont if isinstance(soundfont, SoundFontInfo) else find_soundfont(soundfont)

    def one(name: str) -> Samples:
        return _placed(score.track(name), render_tracks(score, info, sample_rate, [name])[name])

    names = [track.name for track in score.tracks]
    return _mixed(score, dict(zip(names, map_in_order(one, names), strict=True)), sample_rate, None)


def _mixed(score: Score, raw: dict[str, Samples], sample_rate: int, common_gain_db: float | None) -> Mixed:
    """The mix of placed stems, which are changed in place."""
    if not raw:
        silence = Waveform(np.zeros((2, round(score.duration_s * sample_rate)), np.float32), sample_rate)
        return Mixed(silence, {}, 0.0, SILENCE_LUFS, true_peak_dbtp(silence))
    total = summed(list(raw.values()))
    lufs, peak_dbtp = active_lufs(Waveform(total, sample_rate)), true_peak_dbtp(Waveform(total, sample_rate))
    if common_gain_db is None:
        common_gain_db = _common_gain_db(lufs, peak_dbtp, list(raw.values()))
    factor = np.float32(10.0 ** (common_gain_db / 20.0))
    map_in_order(lambda samples: np.multiply(samples, factor, out=samples), (total, *raw.values()))
    moved_db = 0.0 if lufs <= SILENCE_LUFS else common_gain_db
    final = {name: Waveform(samples, sample_rate) for name, samples in raw.items()}
    return Mixed(Waveform(total, sample_rate), final, common_gain_db, lufs + moved_db, peak_dbtp + moved_db)


def _common_gain_db(lufs: float, peak_dbtp: float, stems: list[Samples]) -> float:
    """The gain to the target loudness, or less where the mix or a stem would come too near to full scale."""
    if lufs <= SILENCE_LUFS:
        return 0.0
    loudest = max(map_in_order(lambda stem: float(max(stem.max(), -stem.min())), stems))
    stem_room_db = -20.0 * math.log10(max(loudest, 1e-6))  # stems cancel in the mix; alone they must not clip either
    return min(TARGET_LUFS - lufs, MAX_TRUE_PEAK_DBTP - peak_dbtp - _PEAK_MARGIN_DB, stem_room_db - _PEAK_MARGIN_DB)


def on_16_bit_grid(stems: Mapping[str, Waveform]) -> tuple[Waveform, dict[str, Waveform]]:
    """Stems rounded to 16-bit values, and the mix as their sum: written as 16 bit they add up without any residual.

    Rounding mix and stems each on its own leaves a difference of a few steps (about -90 dBFS for ten stems).

    Args:
        stems: at least one, all of one length and rate.

    Returns:
        The mix and the stems, every sample a multiple of 2^-15.
    """
    rounded = {name: np.rint(wave.samples * np.float32(32768.0)) for name, wave in stems.items()}
    sample_rate = next(iter(stems.values())).sample_rate
    step = np.float32(1.0 / 32768.0)
    whole = Waveform(summed(list(rounded.values())) * step, sample_rate)
    return whole, {name: Waveform(samples * step, sample_rate) for name, samples in rounded.items()}


def stem_before_common_gain(
    score: Score, name: str, wave: Waveform, *, level_db: float | None = None, lufs: float | None = None, loop: bool = False
) -> Waveform:
    """A stem as it goes into the sum: levelled, placed, with its share of the room. Depends on no other stem.

    Args:
        score: holds the track ``name``.
        name: of the track.
        wave: its dry stem.
        level_db: gain to use instead of :func:`level_gain_db` (to keep the level of an earlier mix).
        lufs: loudness above which peaks are rounded, instead of the wave's own (when ``wave`` is a part of a stem).
        loop: see :func:`mix`.
    """
    return Waveform(_placed(score.track(name), wave, loop, level_db, lufs), wave.sample_rate)


def _placed(
    track: Track, wave: Waveform, loop: bool = False, level_db: float | None = None, lufs: float | None = None
) -> Samples:
    """See :func:`stem_before_common_gain`; a new array, made a stretch at a time."""
    if wave.n_channels == 1:
        wave = Waveform(np.broadcast_to(wave.samples, (2, wave.n_samples)), wave.sample_rate)
    if lufs is None:
        lufs = active_lufs(wave)
    gain = 10.0 ** ((_level_gain_db(track, lufs) if level_db is None else level_db) / 20.0)
    angle = (pan_of(track) + 1.0) * math.pi / 4.0
    sides = [np.float32(math.sqrt(2.0) * side * gain) for side in (math.cos(angle), math.sin(angle))]
    room_gain = gain * 10.0 ** (ROOM_DB[track.role] / 20.0)
    highest = 10.0 ** ((lufs + PEAK_OVER_LUFS_DB.get(track.role, OTHER_PEAK_OVER_LUFS_DB)) / 20.0)
    out = np.zeros((2, wave.n_samples), np.float32)
    for at, part in _clean_loop(wave) if loop else _clean(wave):
        if lufs > SILENCE_LUFS:
            _round_peaks(part, highest)
        for channel, factor in enumerate(sides):
            out[channel, at : at + part.shape[1]] += part[channel % len(part)] * factor
        add_room_stretch(part, at, room_gain, out, wave.sample_rate, wrap=loop)
    if not loop:
        _fade_end(out, wave.sample_rate)
    return out


def _round_peaks(part: Samples, highest: float) -> None:
    """Bend what is above the knee towards ``highest``, in place: a curve without memory, straight below the knee.

    Made of operations that are rounded alike on every machine.
    """
    knee = np.float32(_KNEE * highest)
    over = np.flatnonzero(np.abs(part.reshape(-1)) > knee)
    if len(over):
        loud = part.reshape(-1)[over]
        space = np.float32(highest) - knee
        beyond = (np.abs(loud) - knee) / space
        part.reshape(-1)[over] = np.copysign(knee + space * beyond / np.sqrt(1.0 + beyond * beyond), loud)


def _clean(wave: Waveform) -> Iterator[tuple[int, Samples]]:
    """Stretches of the sound (where they begin, ``[1 or 2, n]``) without what cannot be heard below 10 Hz: some samples of
    common SoundFonts (an alto saxophone's in TimGM6mb) have an offset of a twentieth of full scale, which costs headroom.

    What a one-pole low-pass lets through is taken away. It is followed on means of 16 samples, whose aliases fall into
    the zeros of the mean, and drawn as straight lines in between: many times as fast as the filter on every sample.
    """
    channels = wave.samples[:1] if _is_mono(wave) else wave.samples
    step = _OFFSET_STEP
    pole = math.exp(-2.0 * math.pi * _OFFSET_HZ * step / wave.sample_rate)
    b, a = np.array([1.0 - pole]), np.array([1.0, -pole])
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    state = np.zeros((len(channels), 1))
    last = np.zeros((len(channels), 2), np.float32)  # a row knows only those before it, so that nothing comes early
    stretch = room_stretch(wave.sample_rate) // step * step
    for at in range(0, wave.n_samples, stretch):
        part = channels[:, at : at + stretch]
        short = -part.shape[1] % step
        rows = (np.pad(part, ((0, 0), (0, short))) if short else part).reshape(len(channels), -1, step)
        low, state = lfilter(b, a, np.add.reduce(rows, axis=2) * np.float32(1.0 / step), state)
        ends = np.concatenate([last, low], axis=1, dtype=np.float32)
        last = ends[:, -2:]
        lines = np.diff(ends[:, :-1])[:, :, None] * ramp
        lines += ends[:, :-2, None]
        yield at, np.subtract(part, lines.reshape(len(channels), -1)[:, : part.shape[1]])


def _clean_loop(wave: Waveform) -> Iterator[tuple[int, Samples]]:
    """As :func:`_clean` for a seamless loop, which must stay one: its mean is taken out."""
    channels = wave.samples[:1] if _is_mono(wave) else wave.samples
    mean = channels.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    stretch = room_stretch(wave.sample_rate)
    for at in range(0, wave.n_samples, stretch):
        yield at, channels[:, at : at + stretch] - mean


def _is_mono(wave: Waveform) -> bool:
    """True when both channels are one piece of memory (or there is one channel)."""
    return wave.n_channels == 1 or wave.samples.strides[0] == 0


def level_gain_db(track: Track, wave: Waveform) -> float:
    """Gain that brings a dry stem to the loudness of its role, plus what the track asks for (``gain_db``)."""
    return _level_gain_db(track, active_lufs(wave))


def _level_gain_db(track: Track, lufs: float) -> float:
    """See :func:`level_gain_db`."""
    if lufs <= SILENCE_LUFS:
        return track.gain_db
    return min(max(ROLE_LUFS[track.role] - lufs, -_MAX_LEVEL_GAIN_DB), _MAX_LEVEL_GAIN_DB) + track.gain_db


def active_lufs(wave: Waveform) -> float:
    """Loudness of a stem over the time in which it plays.

    BS.1770-4 with its gates on 0.4-s blocks every 0.1 s; the K-weighting is applied to the spectrum of each 0.1 s, many
    times faster than the filters and within 0.05 LU of them. At least :data:`SILENCE_LUFS`.
    """
    step = wave.sample_rate // 10
    n_steps = max(4, -(-wave.n_samples // step))
    weights = _k_weights(step, wave.sample_rate)
    energy = np.zeros(n_steps)
    channels = wave.samples[:1] if _is_mono(wave) else wave.samples[:2]
    whole = wave.n_samples // step
    for channel in channels:
        steps = channel[: whole * step].reshape(whole, step)
        for at in range(0, whole, _STEPS_AT_ONCE):
            energy[at : min(whole, at + _STEPS_AT_ONCE)] += _weighted(steps[at : at + _STEPS_AT_ONCE], weights)
        if whole * step < wave.n_samples:
            rest = np.zeros((1, step), np.float32)
            rest[0, : wave.n_samples - whole * step] = channel[whole * step :]
            energy[whole] += _weighted(rest, weights)[0]
    if wave.n_channels > len(channels):
        energy *= 2.0
    blocks = (energy[:-3] + energy[1:-2] + energy[2:-1] + energy[3:]) / 4.0
    gate = 10.0 ** ((SILENCE_LUFS + 0.691) / 10.0)
    kept = blocks[blocks > gate]
    if not len(kept):
        return SILENCE_LUFS
    kept = kept[kept > 0.1 * kept.mean()]
    return max(SILENCE_LUFS, -0.691 + 10.0 * math.log10(float(kept.mean())))


def _weighted(steps: Samples, weights: Samples) -> NDArray[np.float64]:
    """Weighted energy of each row of ``steps``."""
    parts = rfft(steps).view(np.float32)  # real and imaginary parts side by side
    np.square(parts, out=parts)
    return np.asarray(parts @ weights, dtype=np.float64)


@lru_cache(maxsize=4)
def _k_weights(step: int, sample_rate: int) -> NDArray[np.float32]:
    """Factors from squared parts of the ``rfft`` of ``step`` samples to K-weighted mean square, each twice in a row.

    The filters are the analogue prototypes of BS.1770-4's.
    """
    s = 2j * math.pi * np.fft.rfftfreq(step, 1.0 / sample_rate)
    w, q, high = 2 * math.pi * 1681.974450955533, 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    shelf = (high * s**2 + high**0.4996667741545416 * w / q * s + w**2) / (s**2 + w / q * s + w**2)
    w, q = 2 * math.pi * 38.13547087602444, 0.5003270373238773
    cut = s**2 / (s**2 + w / q * s + w**2)
    factors = np.abs(shelf * cut) ** 2 * 2.0 / step**2
    factors[0] /= 2.0
    if step % 2 == 0:
        factors[-1] /= 2.0
    return np.repeat(np.asarray(factors, dtype=np.float32), 2)


def pan_of(track: Track) -> float:
    """Place of a track, -1 (left) to 1 (right): its own, else by role, instrument and register.

    Tune, bass and kit are in the middle; accompaniment stands to the side of its family (keyboards left, guitars right;
    strings high left, low right, as an orchestra sits), low parts nearer to the middle. It never depends on other tracks.
    """
    if track.pan is not None:
        return min(max(track.pan, -1.0), 1.0)
    width = ROLE_PAN.get(track.role, 0.0)
    if width == 0.0:
        return 0.0
    row = instruments().get(track.instrument)
    side = _FAMILY_SIDE.get(row.family if row else "", -1.0)
    pitches = sorted(note.pitch for note in track.notes)
    middle = pitches[len(pitches) // 2] if pitches else _HIGH_PITCH
    if row is not None and row.family == "strings" and middle < _HIGH_PITCH:
        side = -side
    if not track.is_drum and middle < _LOW_PITCH:
        width *= 0.3
    jitter = (zlib.crc32(track.name.encode("utf-8")) % 1000 / 999.0 - 0.5) * 2.0 * _PAN_JITTER
    return side * (width + jitter)


def _fade_end(samples: Samples, sample_rate: int) -> None:
    """Fade the end out, in place, when something still sounds there."""
    n = samples.shape[1]
    last = float(np.abs(samples[:, max(0, n - sample_rate // 20) :]).max(initial=0.0))
    if last == 0.0 or last <= float(max(samples.max(), -samples.min())) * 10.0 ** (_END_SILENCE_DB / 20.0):
        return
    length = min(n, round(_END_FADE_S * sample_rate))
    samples[:, n - length :] *= fade_curve(length)[::-1]
