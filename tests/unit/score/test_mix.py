"""The mix: stems that add up to it, at the right loudness, each independent of the others."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from partimento.audio.loudness import SILENCE_LUFS, integrated_lufs, true_peak_dbtp
from partimento.audio.measure import spectral_centroid_hz
from partimento.audio.waveform import Waveform
from partimento.score.mix import (
    MAX_TRUE_PEAK_DBTP,
    OTHER_PEAK_OVER_LUFS_DB,
    PEAK_OVER_LUFS_DB,
    ROLE_LUFS,
    TARGET_LUFS,
    active_lufs,
    level_gain_db,
    mix,
    on_16_bit_grid,
    pan_of,
    render_mix,
    stem_before_common_gain,
)
from partimento.score.room import add_room, impulse_response
from partimento.score.sampler import render_tracks
from partimento.score.score import Note, Score, Track
from partimento.score.timing import TempoPoint

RATE = 44_100


def track(name: str, role: str, instrument: str = "piano", program: int = 0, pitch: int = 60, **more) -> Track:
    is_drum = role == "drums"
    notes = tuple(Note(q * 0.5, 0.4, 36 if is_drum else pitch + q % 5, 90) for q in range(12))
    return Track(name, role, instrument, program, is_drum, notes, **more)


def band() -> Score:
    tracks = (
        track("tune", "melody", "flute", 73, 72), track("keys", "chords", "piano", 0, 60), track("low", "bass", "bass", 33, 36),
        track("kit", "drums", "drums", 0), track("pad", "pad", "strings", 48, 60), track("arp", "arpeggio", "guitar", 25, 64),
    )  # fmt: skip
    return Score(tracks, 8.0, (TempoPoint(0.0, 120.0),))


@pytest.fixture(scope="module")
def played():
    score = band()
    stems = render_tracks(score)
    return score, stems, mix(score, stems)


def noise(seconds: float, level: float = 0.1, seed: int = 0, channels: int = 2) -> Waveform:
    data = np.random.default_rng(seed).normal(0, level, (channels, round(seconds * RATE)))
    return Waveform(data.astype(np.float32), RATE)


def score_of(*tracks: Track, length: float = 8.0) -> Score:
    return Score(tracks, length, (TempoPoint(0.0, 120.0),))


def db(x) -> float:
    return 10 * float(np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-30))


def test_stems_add_up_to_the_mix(played):
    _, _, mixed = played
    residual = mixed.audio.samples.astype(float) - sum(w.samples.astype(float) for w in mixed.stems.values())
    assert db(residual) < -130


def as_written(wave: Waveform) -> np.ndarray:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave.samples.T, RATE, "PCM_16", format="WAV")
    buffer.seek(0)
    return soundfile.read(buffer)[0].T


def test_stems_add_up_as_16_bit_files(played):
    _, _, mixed = played
    rounded = np.rint(mixed.audio.samples * 32768.0) - sum(np.rint(w.samples * 32768.0) for w in mixed.stems.values())
    assert db(rounded / 32768.0) < -84, "each rounded on its own"
    whole, stems = on_16_bit_grid(mixed.stems)
    exact = as_written(whole) - sum(as_written(w) for w in stems.values())
    assert not exact.any()
    assert db(whole.samples - mixed.audio.samples) < -90


def test_loudness_and_peak_are_met_by_one_gain(played):
    score, stems, mixed = played
    assert mixed.lufs == pytest.approx(integrated_lufs(mixed.audio), abs=0.1)
    assert mixed.true_peak_dbtp == pytest.approx(true_peak_dbtp(mixed.audio), abs=0.01)
    assert true_peak_dbtp(mixed.audio) <= MAX_TRUE_PEAK_DBTP
    at_target, at_peak = abs(mixed.lufs - TARGET_LUFS) < 0.05, mixed.true_peak_dbtp > MAX_TRUE_PEAK_DBTP - 0.05
    assert at_target or (at_peak and mixed.lufs < TARGET_LUFS), "as loud as the target, or as the peak allows"
    gain = 10 ** (mixed.common_gain_db / 20)
    for name, stem in mixed.stems.items():
        raw = stem_before_common_gain(score, name, stems[name])
        np.testing.assert_array_equal(stem.samples, raw.samples * np.float32(gain))


def test_rendering_and_mixing_in_one_go_gives_the_same_bytes(played):
    score, _, mixed = played
    again = render_mix(score)
    np.testing.assert_array_equal(again.audio.samples, mixed.audio.samples)
    assert list(again.stems) == list(mixed.stems)
    assert all(np.array_equal(again.stems[name].samples, stem.samples) for name, stem in mixed.stems.items())


def test_an_offset_goes_and_the_rest_stays():
    time_s = np.arange(6 * RATE) / RATE
    for frequency_hz, low_db, high_db in (
        (0.0, -300, -80),
        (1.0, -30, -15),
        (30.0, -0.5, 0.2),
        (60.0, -0.2, 0.3),
    ):
        wave = Waveform(0.3 * np.cos(2 * np.pi * frequency_hz * time_s).astype(np.float32)[None], RATE)
        out = stem_before_common_gain(score_of(track("a", "bass", pan=0.0)), "a", wave, level_db=0.0).samples
        settled = slice(3 * RATE, 5 * RATE)
        assert low_db < db(out[:, settled]) - db(wave.samples[:, settled]) < high_db


def test_peaks_are_rounded_by_a_curve_without_memory():
    loud = noise(4.0, 0.02, channels=1).samples.copy()
    loud[0, RATE : RATE + 40] *= 40.0
    for role in ("drums", "melody", "percussion"):
        part = score_of(track("a", role, pan=0.0))
        plain, rounded = (
            stem_before_common_gain(part, "a", Waveform(x, RATE), level_db=0.0, lufs=lufs).samples
            for x, lufs in ((loud, 100.0), (loud, -20.0))
        )
        highest = 10 ** ((PEAK_OVER_LUFS_DB.get(role, OTHER_PEAK_OVER_LUFS_DB) - 20.0) / 20)
        assert np.abs(plain).max() > 1.5 * highest > 1.5 * 0.9 * np.abs(rounded).max()
        assert np.abs(plain[:, :RATE] - rounded[:, :RATE]).max() < 1e-6, "what is below the knee stays"


def test_rounded_drums_are_as_bright_and_as_sharp(played):
    _, stems, mixed = played
    dry, wet = stems["kit"], mixed.stems["kit"]
    level = 10 ** ((active_lufs(dry) - active_lufs(wet)) / 20)
    assert spectral_centroid_hz(wet) == pytest.approx(spectral_centroid_hz(dry), rel=0.1)
    before, after = (float(np.sort(rise)[-12:].mean()) for rise in (_rises(dry.samples), _rises(wet.samples * level)))
    assert after > 0.8 * before


def _rises(samples):
    """Rise of the level of each 5 ms over the 5 ms before."""
    power = np.sqrt((samples.mean(axis=0)[: samples.shape[1] // 220 * 220].reshape(-1, 220) ** 2).mean(axis=1))
    return np.maximum(np.diff(power), 0.0)


def test_steady_sound_reaches_the_target_and_peaky_sound_the_ceiling():
    steady = mix(score_of(track("a", "melody")), {"a": noise(4.0)})
    assert integrated_lufs(steady.audio) == pytest.approx(TARGET_LUFS, abs=0.1)
    clicks = np.zeros((2, 4 * RATE), np.float32)
    clicks[:, ::RATE] = 1.0
    peaky = mix(score_of(track("a", "melody")), {"a": Waveform(clicks, RATE)})
    assert peaky.true_peak_dbtp == pytest.approx(MAX_TRUE_PEAK_DBTP, abs=0.05)
    assert peaky.lufs < TARGET_LUFS - 3


def test_stems_that_cancel_in_the_mix_do_not_clip_alone():
    a = noise(4.0, 0.3)
    b = Waveform(-a.samples * 0.98, RATE)
    mixed = mix(score_of(track("a", "melody"), track("b", "melody", pan=0.0)), {"a": a, "b": b})
    assert max(float(np.abs(w.samples).max()) for w in mixed.stems.values()) <= 1.0


def test_a_stem_does_not_depend_on_the_others(played):
    score, stems, _ = played
    for name in ("tune", "kit"):
        alone = render_tracks(score, tracks=[name])
        only = score_of(score.track(name))
        few = stem_before_common_gain(only, name, alone[name])
        np.testing.assert_array_equal(few.samples, stem_before_common_gain(score, name, stems[name]).samples)
    part = mix(score, {name: stems[name] for name in ("low", "tune")})
    assert list(part.stems) == ["tune", "low"], "in score order"
    kept = mix(score, {"tune": stems["tune"]}, common_gain_db=part.common_gain_db)
    np.testing.assert_array_equal(kept.stems["tune"].samples, part.stems["tune"].samples)


def test_same_bytes_every_time(played):
    score, stems, mixed = played
    again = mix(score, stems)
    assert again.audio.samples.tobytes() == mixed.audio.samples.tobytes()


def test_roles_have_their_loudness(played):
    score, stems, _ = played
    for name, wave in stems.items():
        part = score.track(name)
        gain = 10 ** (level_gain_db(part, wave) / 20)
        assert active_lufs(Waveform(wave.samples * np.float32(gain), RATE)) == pytest.approx(ROLE_LUFS[part.role], abs=0.05)
    assert ROLE_LUFS["melody"] > ROLE_LUFS["bass"] > ROLE_LUFS["chords"] > ROLE_LUFS["pad"]
    louder = replace(score.track("keys"), gain_db=6.0)
    assert level_gain_db(louder, stems["keys"]) == pytest.approx(level_gain_db(score.track("keys"), stems["keys"]) + 6.0)


def test_active_loudness_agrees_with_bs1770_and_ignores_rests(played):
    _, stems, mixed = played
    for wave in (*stems.values(), mixed.audio, noise(3.0), noise(1.0, channels=1)):
        assert active_lufs(wave) == pytest.approx(integrated_lufs(wave), abs=0.12)
    mostly_silent = Waveform(np.pad(noise(2.0).samples, ((0, 0), (0, 10 * RATE))), RATE)
    assert active_lufs(mostly_silent) == pytest.approx(active_lufs(noise(2.0)), abs=0.6)
    assert active_lufs(Waveform(np.zeros((2, 1000), np.float32), RATE)) == SILENCE_LUFS


def test_places_front_parts_in_the_middle_and_spreads_the_rest():
    for role in ("melody", "bass", "drums"):
        assert pan_of(track("x", role)) == 0.0
    keys, guitar = pan_of(track("keys", "chords", "piano")), pan_of(track("gtr", "chords", "guitar"))
    assert -0.5 < keys < -0.1
    assert 0.1 < guitar < 0.5
    assert pan_of(track("violins", "counter", "violin", pitch=76)) < 0 < pan_of(track("cellos", "counter", "cello", pitch=50))
    assert abs(pan_of(track("low keys", "chords", "piano", pitch=36))) < abs(keys) / 2
    assert pan_of(track("x", "chords", pan=0.8)) == 0.8
    assert pan_of(track("unknown", "chords", "nothing known")) != 0.0
    assert all(abs(pan_of(track(f"p{i}", "percussion", "shaker"))) <= 0.5 for i in range(50))


def test_panning_keeps_the_power():
    wave = noise(3.0, channels=1)
    energies = []
    for pan in (-1.0, -0.4, 0.0, 0.7, 1.0):
        part = track("a", "bass", pan=pan)
        out = stem_before_common_gain(score_of(part), "a", wave, level_db=0.0).samples
        energies.append(db(out))
        if pan == 1.0:
            assert db(out[0]) < db(out[1]) - 20, "only the room is heard on the far side"
    assert max(energies) - min(energies) < 0.3


def test_every_stem_carries_its_own_room():
    data = np.zeros((2, 3 * RATE), np.float32)
    data[:, RATE] = 0.5
    wet = {}
    for role in ("pad", "melody", "drums", "bass"):
        out = stem_before_common_gain(score_of(track("a", role, pan=0.0)), "a", Waveform(data, RATE), level_db=0.0).samples
        assert np.abs(out[:, :RATE]).max() < 1e-8
        wet[role] = db(out[:, RATE + 500 : RATE + RATE // 2])
        assert not np.array_equal(out[0], out[1]), "the room is stereo"
    assert wet["pad"] > wet["melody"] > wet["drums"] > wet["bass"]


def test_room_decays_faster_at_the_top_and_has_no_low_end():
    room = impulse_response(RATE)
    assert np.sum(room.astype(float) ** 2, axis=1) == pytest.approx([1.0, 1.0], rel=1e-5)
    assert np.abs(np.corrcoef(room)[0, 1]) < 0.1, "left and right are different"
    assert not room[:, : round(0.005 * RATE)].any()
    assert np.abs(room[:, -20:]).max() < 1e-6

    def slope(low_hz, high_hz):
        bands = []
        for at in (0.1, 0.3):
            part = room[0, round(at * RATE) : round(at * RATE) + 4096] * np.hanning(4096)
            power = np.abs(np.fft.rfft(part)) ** 2
            freq = np.fft.rfftfreq(4096, 1 / RATE)
            bands.append(10 * np.log10(power[(freq > low_hz) & (freq < high_hz)].sum()))
        return (bands[0] - bands[1]) / 0.2

    assert slope(300, 1200) == pytest.approx(60 / 1.08, rel=0.25)
    assert slope(6000, 10000) > 1.5 * slope(300, 1200)
    power = np.abs(np.fft.rfft(room[0], 1 << 17)) ** 2
    freq = np.fft.rfftfreq(1 << 17, 1 / RATE)
    assert 10 * np.log10(power[(freq > 20) & (freq < 60)].mean() / power[(freq > 400) & (freq < 2000)].mean()) < -18


def test_room_by_blocks_is_the_whole_convolution():
    rng = np.random.default_rng(2)
    send = rng.normal(0, 0.1, 300_000).astype(np.float32)
    send[120_000:160_000] = 0.0
    out = np.zeros((2, len(send)), np.float32)
    add_room(send[None], 1.0, out, RATE)
    size = 1 << 19
    for channel in range(2):
        exact = np.fft.irfft(np.fft.rfft(send, size) * np.fft.rfft(impulse_response(RATE)[channel], size), size)[: len(send)]
        assert db(out[channel] - exact) < db(exact) - 90
    wrapped = np.zeros((2, len(send)), np.float32)
    add_room(send[None], 1.0, wrapped, RATE, wrap=True)
    np.testing.assert_array_equal(wrapped[:, RATE:], out[:, RATE:])
    assert db(wrapped[:, :RATE] - out[:, :RATE]) > -60, "what rings past the end returns at the start"


def test_far_away_changes_leave_every_bit():
    wave = noise(20.0, 0.05)
    changed = wave.samples.copy()
    changed[:, -RATE:] *= 0.5
    part = score_of(track("a", "melody"), length=40.0)
    a = stem_before_common_gain(part, "a", wave, level_db=0.0, lufs=-26.0).samples
    b = stem_before_common_gain(part, "a", Waveform(changed, RATE), level_db=0.0, lufs=-26.0).samples
    assert np.array_equal(a[:, : 15 * RATE], b[:, : 15 * RATE])


def test_the_end_is_faded_only_when_something_still_sounds():
    part = score_of(track("a", "melody"))
    out = stem_before_common_gain(part, "a", noise(4.0), level_db=0.0).samples
    assert np.abs(out[:, -5:]).max() < 1e-3 * np.abs(out).max()
    assert db(out[:, -RATE // 2 : -int(0.42 * RATE)]) > db(out[:, :RATE]) - 1, "at most 0.4 s are faded"
    silent_end = noise(4.0).samples.copy()
    silent_end[:, 2 * RATE :] = 0.0
    out = stem_before_common_gain(part, "a", Waveform(silent_end, RATE), level_db=0.0)
    longer = stem_before_common_gain(part, "a", Waveform(np.pad(silent_end, ((0, 0), (0, RATE))), RATE), level_db=0.0)
    np.testing.assert_array_equal(out.samples, longer.samples[:, : 4 * RATE])
    looped = stem_before_common_gain(part, "a", noise(4.0), level_db=0.0, loop=True).samples
    assert db(looped[:, -200:]) > db(looped) - 2, "a loop is not faded"


def test_silence_and_nothing():
    score = score_of(track("a", "melody"))
    quiet = mix(score, {"a": Waveform(np.zeros((2, 4 * RATE), np.float32), RATE)})
    assert (quiet.lufs, quiet.common_gain_db) == (SILENCE_LUFS, 0.0)
    assert not quiet.audio.samples.any()
    none = mix(score, {})
    assert none.audio.samples.shape == (2, 4 * RATE)
    assert none.stems == {}
