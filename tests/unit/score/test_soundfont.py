"""Reading SoundFont files: what is in them, and what is said of broken ones."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import sf2_factory as sf2
import soundfile
from sf2_factory import Preset, Sample, Zone

from partimento.errors import FileError, PartimentoError
from partimento.score import sf2_zones as sf
from partimento.score.sampler import NoteCache, preset_for, render_track
from partimento.score.score import Note, Score, Track
from partimento.score.soundfont import SoundFont, find_soundfont, open_soundfont
from partimento.score.timing import TempoPoint


def font_of(tmp_path: Path, presets, samples=None) -> SoundFont:
    path = tmp_path / "font.sf2"
    path.write_bytes(sf2.sf2_bytes(presets, samples or [sf2.looped_sine()]))
    return SoundFont(path)


def test_default_font_is_found_opened_and_licensed():
    info = find_soundfont(None)
    assert info.name == "TimGM6mb"
    assert info.licence == "GPL-2.0-or-later"
    assert len(info.sha256) == 64
    font = open_soundfont(info.path)
    assert open_soundfont(info.path) is font, "an opened font stays open"
    assert len(font.presets) == 136
    assert font.preset_name(0, 0) == "Piano 1"
    assert {p for bank, p in font.presets if bank == 128} == {0, 8, 16, 24, 25, 32, 40, 48}


def test_a_path_is_used_as_it_is_and_its_own_name_is_read(tmp_path):
    path = tmp_path / "my font.sf2"
    path.write_bytes(sf2.sf2_bytes([Preset([Zone()])], [sf2.looped_sine()], b"Home made"))
    info = find_soundfont(str(path))
    assert (info.path, info.name, info.licence) == (path, "Home made", "unknown")


@pytest.mark.parametrize("name", ["/nowhere/x.sf2", "no-such-font", "\0", "x" * 5000, ""])
def test_missing_files_are_one_clear_line(name):
    with pytest.raises(FileError) as caught:
        find_soundfont(name)
    assert "\n" not in str(caught.value)


def test_a_folder_an_empty_file_and_other_files_are_refused(tmp_path):
    (tmp_path / "empty.sf2").write_bytes(b"")
    (tmp_path / "text.sf2").write_text("hello " * 100)
    (tmp_path / "wave.sf2").write_bytes(b"RIFF" + struct.pack("<I", 4) + b"WAVE" + bytes(40))
    for path in (tmp_path, tmp_path / "empty.sf2", tmp_path / "text.sf2", tmp_path / "wave.sf2"):
        with pytest.raises(FileError):
            find_soundfont(str(path))


def test_every_truncation_is_refused(tmp_path):
    data = sf2.sf2_bytes([Preset([Zone()])], [Sample(sf2.sine(440, 200), loop=(10, 110))])
    path = tmp_path / "cut.sf2"
    for n in range(1, len(data) - 2, 7):
        path.write_bytes(data[:n])
        with pytest.raises(FileError):
            SoundFont(path)


def play_all(font: SoundFont) -> np.ndarray:
    parts = []
    for bank, program in font.presets:
        track = Track("x", "drums" if bank == 128 else "melody", "piano", program, bank == 128, (Note(0.0, 0.1, 60, 90),))
        score = Score((track,), 0.2, (TempoPoint(0.0, 60.0),))
        font.regions(bank, program)
        parts.append(render_track(font, score, track, 8_000, NoteCache()))
    return np.stack(parts)


def test_damaged_files_are_refused_or_play_finite_sound(tmp_path):
    mods = [(0x0502, 8, -2000, 0, 0), (0x0102, 48, 400, 0, 2)]
    zone = Zone(0, {54: 1, 8: 8000, 11: 2000, 7: 300, 26: -3000}, mods=mods)
    presets = [Preset([zone, Zone(1, {54: 3})], 0, 0, {51: 1}, {9: 100}), Preset([Zone(1)], 128, 0)]
    data = bytearray(sf2.sf2_bytes(presets, [sf2.looped_sine(), Sample(sf2.sine(300, 800), loop=(100, 700))]))
    rng = np.random.default_rng(7)
    path = tmp_path / "broken.sf2"
    table_start = data.index(b"pdta")
    outcomes = {"refused": 0, "played": 0}
    for _ in range(250):
        broken = bytearray(data)
        for _ in range(int(rng.integers(1, 6))):
            at = int(rng.integers(table_start, len(broken)) if rng.random() < 0.8 else rng.integers(0, 120))
            broken[at] = int(rng.integers(0, 256))
        path.write_bytes(broken)
        try:
            sound = play_all(SoundFont(path)) if SoundFont(path).presets else np.zeros(1)
        except PartimentoError:
            outcomes["refused"] += 1
            continue
        assert np.isfinite(sound).all()
        outcomes["played"] += 1
    assert min(outcomes.values()) > 10, outcomes


def test_zone_values_combine_as_the_specification_says(tmp_path):
    zones = [
        Zone(0, {48: 100, 17: -250}, keys=(0, 59)),
        Zone(0, {58: 72}, keys=(60, 127), velocities=(0, 80)),
    ]
    font = font_of(tmp_path, [Preset(zones, gens={48: 50, 52: 7, 43: 40 | 100 << 8, 54: 1}, common={48: 30, 9: 60})])
    low, high = font.regions(0, 0)
    assert low.gens[sf.GEN_ATTENUATION] == 150, "zone's own value plus the preset's"
    assert high.gens[sf.GEN_ATTENUATION] == 80, "the instrument's global value plus the preset's"
    assert low.gens[sf.GEN_FILTER_Q] == 60
    assert low.gens[sf.GEN_FINE_TUNE] == 7
    assert low.gens[sf.GEN_PAN] == -250
    assert low.gens[sf.GEN_SAMPLE_MODES] == 0, "a preset may not choose sample modes"
    assert (low.keys, high.keys) == ((40, 59), (60, 100)), "ranges intersect"
    assert (low.root_key, high.root_key) == (69, 72)
    assert high.sounds(60, 80)
    assert not high.sounds(60, 81)
    assert low.gens[sf.GEN_FILTER_CENTS] == 13500
    assert low.gens[sf.GEN_SCALE_TUNING] == 100


def test_values_are_clipped_to_the_limits_of_the_specification(tmp_path):
    font = font_of(tmp_path, [Preset([Zone(0, {48: 32000, 8: -32000, 38: 32000, 34: -32768})])])
    gens = font.regions(0, 0)[0].gens
    assert gens[sf.GEN_ATTENUATION] == 1440
    assert gens[sf.GEN_FILTER_CENTS] == 1500
    assert gens[sf.GEN_VOL_ENV + 5] == 8000
    assert gens[sf.GEN_VOL_ENV + 1] == -12000


def test_modulators_replace_the_default_one_and_resting_controllers_drop_out(tmp_path):
    quiet = Zone(0, mods=[(0x0502, 48, 400, 0, 0), (0x0081, 6, 50, 0, 0), (0x0102, 8, -2400, 0, 0)])
    (region,) = font_of(tmp_path, [Preset([quiet])]).regions(0, 0)
    by_dest = {m.dest: m for m in region.modulators}
    assert set(by_dest) == {48, 8}, "the modulation wheel rests at zero"
    assert by_dest[48].amount == 400
    assert region.timbre_follows_velocity
    assert by_dest[8].value(60, 127) == pytest.approx(0.0)
    assert by_dest[8].value(60, 64) == pytest.approx(-2400 * 63 / 127)


def test_velocity_is_loudness_by_its_square(tmp_path):
    (region,) = font_of(tmp_path, [Preset([Zone()])]).regions(0, 0)
    (mod,) = region.modulators
    for velocity in (1, 20, 64, 100, 127):
        centibels = mod.value(60, velocity)
        assert centibels == pytest.approx(min(960.0, 400 * np.log10(127 / velocity)), abs=1e-6)


def test_nearest_preset_is_chosen_and_named(tmp_path):
    presets = [
        Preset([Zone()], 0, 40, name="violin"), Preset([Zone()], 0, 46, name="harp"), Preset([Zone()], 8, 3, name="other"),
        Preset([Zone()], 128, 8, name="room"), Preset([Zone()], 128, 0, name="kit"),
    ]  # fmt: skip
    font = font_of(tmp_path, presets)
    assert preset_for(font, 40, False).exact
    for program, name in ((41, "violin"), (45, "harp"), (47, "harp"), (3, "other"), (4, "other"), (120, "harp")):
        choice = preset_for(font, program, False)
        assert (choice.name, choice.exact) == (name, program == 3)
    assert [preset_for(font, kit, True).name for kit in (8, 9, 0, 25)] == ["room", "room", "kit", "kit"]
    melodic = font_of(tmp_path, presets[:1])
    with pytest.raises(PartimentoError, match="no drum kit"):
        preset_for(melodic, 0, True)


def test_sample_data_16_and_24_bit(tmp_path):
    data = np.array([0.0, 0.25, -0.5, 0.75] * 20)
    font = font_of(tmp_path, [Preset([Zone()])], [Sample(data)])
    np.testing.assert_allclose(font.wave(0), data, atol=1 / 32000)
    raw = sf2.sf2_bytes([Preset([Zone()])], [Sample(data)])
    at = raw.index(b"pdta") - 8
    n = len(data) + 46
    low = bytes([128]) * n
    chunk = b"sm24" + struct.pack("<I", n) + low + bytes(n & 1)
    raw = raw[:at] + chunk + raw[at:]
    fixed = bytearray(raw)
    struct.pack_into("<I", fixed, 4, len(raw) - 8)
    (tmp_path / "fine.sf2").write_bytes(fixed)
    fine = SoundFont(tmp_path / "fine.sf2").wave(0)
    np.testing.assert_allclose(fine - font.wave(0), 0.5 / 32768, atol=1e-8)


def test_vorbis_samples_of_sf3_files(tmp_path):
    tone = sf2.sine(440, 20_000)
    stream = io.BytesIO()
    soundfile.write(stream, tone, 44_100, format="OGG", subtype="VORBIS")
    packed = stream.getvalue()
    padded = packed + bytes(-len(packed) % 2)
    values = np.frombuffer(padded, "<i2") / 32767.0
    raw = bytearray(sf2.sf2_bytes([Preset([Zone(0, {54: 1})])], [Sample(values, 69, (1000, 18_000))]))
    header = raw.index(b"shdr") + 8
    struct.pack_into("<IIII", raw, header + 20, 0, len(packed), 1000, 18_000)
    struct.pack_into("<H", raw, header + 44, 0x11)
    data_at = raw.index(b"smpl") + 8
    raw[data_at : data_at + len(padded)] = padded
    (tmp_path / "packed.sf3").write_bytes(raw)
    font = SoundFont(tmp_path / "packed.sf3")
    wave = font.wave(0)
    assert abs(len(wave) - 20_000) < 200
    assert np.corrcoef(wave[1000:19_000], tone[1000:19_000])[0, 1] > 0.99
    raw[data_at + 200 : data_at + len(packed)] = bytes(len(packed) - 200)
    raw[data_at : data_at + 4] = b"junk"
    (tmp_path / "bad.sf3").write_bytes(raw)
    with pytest.raises(FileError, match="cannot be decoded"):
        SoundFont(tmp_path / "bad.sf3").wave(0)


def test_known_mistakes_of_the_default_font_are_put_right():
    path = find_soundfont(None).path
    plain = {r.sample: r for r in SoundFont(path, corrected=False).regions(0, 78)}
    font = SoundFont(path)
    whistle = font.regions(0, 78)[0]
    assert whistle.correction_cents - plain[whistle.sample].correction_cents == 904
    assert all(any(r.sounds(key, 80) for r in font.regions(0, 78)) for key in range(60, 102))
