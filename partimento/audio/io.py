"""Reading and writing sound files (wav, flac, ogg, mp3 and whatever else libsndfile knows).

Files are encoded in memory and written whole (:func:`partimento.paths.write_bytes`), so a full disk or Ctrl-C leaves
no half file. Two containers carry something that differs from run to run; it is taken out, because the same request
must give the same bytes: the clock in a float WAV's PEAK chunk and the random serial number of an Ogg stream.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.errors import FileError
from partimento.paths import check_output, read_bytes, write_bytes

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
DEPTHS = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}
TAGS = ("title", "artist", "comment", "copyright", "license", "software", "genre")
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def read_audio(path: str | os.PathLike[str]) -> Waveform:
    """Read a sound file at its own rate and channels.

    Raises:
        FileError: missing, empty, a directory, not audio, without samples, or holding values that are not numbers.
    """
    import soundfile

    data = read_bytes(path, "audio")
    try:
        samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
        raise FileError(f"cannot read {path} as audio ({_reason(error)}); wav, flac, ogg and mp3 are known") from error
    if samples.shape[0] == 0:
        raise FileError(f"{path} holds no samples")
    if not np.isfinite(samples).all():
        raise FileError(f"{path} holds samples that are not numbers (NaN or infinity)")
    return Waveform(np.ascontiguousarray(samples.T), int(sample_rate))


def write_audio(
    path: str | os.PathLike[str], wave: Waveform, *, depth: str = "16", tags: Mapping[str, str] | None = None
) -> Path:
    """Write a sound file; the suffix chooses the format.

    Args:
        path: ends in ``.wav``, ``.flac``, ``.ogg`` or ``.mp3``.
        wave: the sound; values beyond ±1 are clipped by integer formats.
        depth: ``16``, ``24`` or ``float`` (wav only; flac takes 16 or 24, ogg and mp3 have none).
        tags: any of :data:`TAGS`.

    Raises:
        FileError: unknown suffix, a rate or depth that the format cannot hold, or the file cannot be written.
    """
    check_output(path)
    check_format(path)
    return write_bytes(path, encode_audio(wave, Path(path).suffix, depth=depth, tags=tags))


def check_format(path: str | os.PathLike[str], depth: str = "16", sample_rate: int | None = None, channels: int = 1) -> None:
    """Raise FileError unless :func:`write_audio` can write it (asked before long work begins).

    Args:
        path: whose suffix must be known.
        depth: as for :func:`write_audio`.
        sample_rate: Hz, when it is known already.
        channels: as far as known.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise FileError(f"cannot write {path}: '{suffix}' is not one of {', '.join(FORMATS)}")
    if depth not in DEPTHS:
        raise FileError(f"depth '{depth}' is not one of {', '.join(DEPTHS)}")
    if suffix == ".flac" and depth == "float":
        raise FileError("flac holds 16 or 24 bit, not float; choose one of them or write wav")
    if suffix == ".mp3" and ((sample_rate is not None and sample_rate not in _MP3_RATES) or channels > 2):
        rates = ", ".join(map(str, _MP3_RATES))
        found = f"{channels} at {sample_rate}" if channels > 2 else f"{sample_rate} Hz"
        raise FileError(f"mp3 holds 1-2 channels at {rates} Hz, not {found}; choose one of them or write wav")


def encode_audio(wave: Waveform, suffix: str, *, depth: str = "16", tags: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a sound file; arguments as in :func:`write_audio`."""
    import soundfile

    suffix = suffix.lower()
    check_format(f"audio{suffix}", depth, wave.sample_rate, wave.n_channels)
    subtype = {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}.get(suffix, DEPTHS[depth])
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(buffer, "w", wave.sample_rate, wave.n_channels, subtype, format=FORMATS[suffix]) as file:
            for name, text in (tags or {}).items():
                setattr(file, name, text)
            # libsndfile's Vorbis encoder overflows its stack on very long single writes.
            for start in range(0, wave.n_samples, 1 << 16):
                file.write(_steps(wave.samples[:, start : start + (1 << 16)].T, subtype))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise FileError(f"cannot encode {wave.n_channels} channels at {wave.sample_rate} Hz as {suffix}: {error}") from error
    data = buffer.getvalue()
    if suffix == ".wav" and depth == "float":
        return without_clock(data)
    if suffix == ".ogg":
        return _with_serial(data, 1)
    return data


def _steps(block: NDArray[np.float32], subtype: str) -> NDArray[Any]:
    """Round to the integers of a PCM format ourselves: libsndfile scales by one step less and truncates."""
    if subtype == "PCM_16":
        narrow: NDArray[np.int16] = np.clip(np.rint(block * np.float32(2**15)), -(2**15), 2**15 - 1).astype(np.int16)
        return narrow
    if subtype == "PCM_24":
        wide: NDArray[np.int32] = np.clip(np.rint(block * np.float32(2**23)), -(2**23), 2**23 - 1).astype(np.int32) << 8
        return wide
    return block


def _reason(error: BaseException) -> str:
    """libsndfile's words without the description of our buffer."""
    return str(error).split(": ", 1)[-1].rstrip(".")


def without_clock(data: bytes) -> bytes:
    """Set the time stamp of a RIFF file's PEAK chunk to zero."""
    out = bytearray(data)
    at = 12
    while at + 8 <= len(out):
        name, size = bytes(out[at : at + 4]), struct.unpack_from("<I", out, at + 4)[0]
        if name == b"PEAK":
            out[at + 12 : at + 16] = bytes(4)
            break
        at += 8 + size + (size & 1)
    return bytes(out)


@cache
def _ogg_crc_table() -> tuple[int, ...]:
    """CRC-32 table of the Ogg container (RFC 3533: polynomial 0x04c11db7, not reflected)."""
    table = []
    for value in range(256):
        crc = value << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7) & 0xFFFFFFFF if crc & 0x80000000 else (crc << 1) & 0xFFFFFFFF
        table.append(crc)
    return tuple(table)


def _with_serial(data: bytes, serial: int) -> bytes:
    """Give every Ogg page this stream serial number and its new checksum (RFC 3533, section 6)."""
    table = _ogg_crc_table()
    out = bytearray(data)
    at = 0
    while at + 27 <= len(out):
        n_segments = out[at + 26]
        size = 27 + n_segments + sum(out[at + 27 : at + 27 + n_segments])
        struct.pack_into("<I", out, at + 14, serial)
        struct.pack_into("<I", out, at + 22, 0)
        crc = 0
        for byte in out[at : at + size]:
            crc = ((crc << 8) & 0xFFFFFFFF) ^ table[(crc >> 24) ^ byte]
        struct.pack_into("<I", out, at + 22, crc)
        at += size
    return bytes(out)
