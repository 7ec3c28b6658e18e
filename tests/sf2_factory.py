"""Small SoundFonts for tests, written from samples and generator values (SoundFont 2.04, section 4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SAMPLE_RATE = 44_100
_GAP_SAMPLES = 46  # of silence after each sample, as the specification asks


@dataclass
class Sample:
    """Sample data with its header values; loop points count from the start of the data."""

    data: np.ndarray
    root_key: int = 69
    loop: tuple[int, int] = (0, 0)
    rate: int = SAMPLE_RATE
    correction: int = 0


@dataclass
class Zone:
    """One instrument zone: sample index, generators by number, modulators as five numbers, ranges."""

    sample: int = 0
    gens: dict[int, int] = field(default_factory=dict)
    keys: tuple[int, int] = (0, 127)
    velocities: tuple[int, int] = (0, 127)
    mods: Sequence[tuple[int, int, int, int, int]] = ()


@dataclass
class Preset:
    """A preset of one instrument, with its own (additive) generators and an optional global zone of the instrument."""

    zones: Sequence[Zone]
    bank: int = 0
    program: int = 0
    gens: dict[int, int] = field(default_factory=dict)
    common: dict[int, int] | None = None
    name: str = "test"


def sine(freq_hz: float, n: int, rate: int = SAMPLE_RATE, level: float = 0.5) -> np.ndarray:
    """A sine of ``n`` samples starting at zero."""
    return level * np.sin(2 * np.pi * freq_hz * np.arange(n) / rate)


def looped_sine(root_key: int = 69, level: float = 0.5, rate: int = SAMPLE_RATE) -> Sample:
    """A sine at 440 Hz (100 samples a period at 44.1 kHz, so slightly above A4) that loops without a seam."""
    period = 100
    wave = level * np.sin(2 * np.pi * np.arange(30 * period) / period)
    return Sample(wave, root_key, (10 * period, 20 * period), rate)


def sf2_bytes(presets: Sequence[Preset], samples: Sequence[Sample], name: bytes = b"Test font") -> bytes:
    """The file."""
    phdr = pbag = pgen = inst = ibag = imod = igen = b""
    n_pbag = n_pgen = n_ibag = n_imod = n_igen = 0
    for index, preset in enumerate(presets):
        phdr += struct.pack("<20sHHHIII", preset.name.encode(), preset.program, preset.bank, n_pbag, 0, 0, 0)
        gens = [*preset.gens.items(), (41, index)]
        pbag += struct.pack("<HH", n_pgen, 0)
        pgen += b"".join(_gen(*g) for g in gens)
        n_pbag, n_pgen = n_pbag + 1, n_pgen + len(gens)
        inst += struct.pack("<20sH", preset.name.encode(), n_ibag)
        if preset.common is not None:
            ibag += struct.pack("<HH", n_igen, n_imod)
            igen += b"".join(_gen(*g) for g in preset.common.items())
            n_ibag, n_igen = n_ibag + 1, n_igen + len(preset.common)
        for zone in preset.zones:
            ranges = [(43, zone.keys[0] | zone.keys[1] << 8), (44, zone.velocities[0] | zone.velocities[1] << 8)]
            rows = [*ranges, *zone.gens.items(), (53, zone.sample)]
            ibag += struct.pack("<HH", n_igen, n_imod)
            igen += b"".join(_gen(*g) for g in rows)
            imod += b"".join(struct.pack("<HHhHH", *m) for m in zone.mods)
            n_ibag, n_igen, n_imod = n_ibag + 1, n_igen + len(rows), n_imod + len(zone.mods)
    phdr += struct.pack("<20sHHHIII", b"EOP", 0, 0, n_pbag, 0, 0, 0)
    inst += struct.pack("<20sH", b"EOI", n_ibag)
    pbag += struct.pack("<HH", n_pgen, 0)
    ibag += struct.pack("<HH", n_igen, n_imod)
    zero_mod, zero_gen = bytes(10), bytes(4)
    smpl, shdr = _samples(samples)
    tables = {
        b"phdr": phdr, b"pbag": pbag, b"pmod": zero_mod, b"pgen": pgen + zero_gen, b"inst": inst, b"ibag": ibag,
        b"imod": imod + zero_mod, b"igen": igen + zero_gen, b"shdr": shdr,
    }  # fmt: skip
    info = _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"INAM", name + bytes(2 - len(name) % 2))
    body = _chunk(b"LIST", b"INFO" + info) + _chunk(b"LIST", b"sdta" + _chunk(b"smpl", smpl))
    body += _chunk(b"LIST", b"pdta" + b"".join(_chunk(k, v) for k, v in tables.items()))
    return _chunk(b"RIFF", b"sfbk" + body)


def _samples(samples: Sequence[Sample]) -> tuple[bytes, bytes]:
    smpl, shdr, at = b"", b"", 0
    for sample in samples:
        data = np.clip(np.round(np.asarray(sample.data) * 32767), -32768, 32767).astype("<i2")
        n = len(data)
        shdr += struct.pack(
            "<20sIIIIIBbHH", b"s", at, at + n, at + sample.loop[0], at + sample.loop[1], sample.rate,
            sample.root_key, sample.correction, 0, 1,
        )  # fmt: skip
        smpl += data.tobytes() + bytes(2 * _GAP_SAMPLES)
        at += n + _GAP_SAMPLES
    return smpl, shdr + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _gen(number: int, value: int) -> bytes:
    return struct.pack("<HH", number, value & 0xFFFF)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)
