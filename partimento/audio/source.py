"""A recording with the samples as its file holds them, so that what an edit leaves alone is written back bit for bit.

``Waveform`` is float32 and cannot hold 32-bit integers or doubles exactly; a :class:`Source` keeps the file's own numbers
beside it, and :func:`encode_source` copies them wherever an edit kept them.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.io import FORMATS, check_format, encode_audio, read_audio, without_clock
from partimento.audio.waveform import Waveform
from partimento.errors import FileError
from partimento.paths import read_bytes

AUDIO_SUFFIXES = frozenset((*FORMATS, ".oga", ".opus", ".aiff", ".aif", ".w64", ".caf", ".au"))
"""Files that are taken for recordings by their names."""
DTYPES: dict[str, str] = {
    "PCM_S8": "int16", "PCM_U8": "int16", "PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32",
    "FLOAT": "float32", "DOUBLE": "float64",
}  # fmt: skip
"""Sample formats without loss, and the arrays that hold them exactly."""
_UNKNOWN_SIZE = 0x7FFF_0000
_FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31}
_SHOWN = {"PCM_S8": "8 bit", "PCM_U8": "8 bit", "PCM_16": "16 bit", "PCM_24": "24 bit", "PCM_32": "32 bit",
          "FLOAT": "32-bit float", "DOUBLE": "64-bit float"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Source:
    """A sound file.

    Attributes:
        path: where it was read.
        wave: its sound.
        raw: ``[n, channels]``, the file's own numbers (see :data:`DTYPES`; float32 for lossy formats).
        container, subtype: libsndfile's names, e.g. ``WAV`` and ``PCM_24``.
        tags: title, artist and the like.
        missing_s: seconds that the file's header promises and that are not there: it is cut off.
    """

    path: Path
    wave: Waveform
    raw: NDArray[Any]
    container: str
    subtype: str
    tags: dict[str, str]
    missing_s: float = 0.0

    @property
    def cut_off(self) -> str:
        """A line on sound that is missing at the end, empty when the file is whole."""
        if not self.missing_s:
            return ""
        return (
            f"{self.path} is cut off: its header promises {self.missing_s:.2f} s more than the {self.wave.duration_s:.2f} s there"
        )

    @property
    def lossy(self) -> bool:
        """True when the file holds no samples but a description of them (mp3, ogg, telephone codecs)."""
        return self.subtype not in DTYPES

    def __str__(self) -> str:
        depth = _SHOWN.get(self.subtype, "lossy")
        return f"{self.container.lower()}, {depth}, {self.wave.sample_rate} Hz, {self.wave.n_channels} channel(s)"


@dataclass(frozen=True, slots=True)
class Copied:
    """``n`` samples from ``old`` of a source that come to ``new`` unchanged."""

    old: int
    new: int
    n: int


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read a sound file with its own numbers.

    Raises:
        FileError: as :func:`partimento.audio.io.read_audio`.
    """
    import soundfile

    data = read_bytes(path, "audio")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            kind = DTYPES.get(file.subtype, "float32")
            raw = file.read(dtype=kind, always_2d=True)
            container, subtype, rate = file.format, file.subtype, int(file.samplerate)
            tags = {k: v for k, v in file.copy_metadata().items() if v}
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError):
        read_audio(path)  # raises with the reason
        raise FileError(f"cannot read {path} as audio; wav, flac, ogg and mp3 are known") from None
    if raw.shape[0] == 0:
        raise FileError(f"{path} holds no samples")
    scale = _FULL_SCALE.get(kind)
    samples = (raw / scale if scale else raw).T.astype(np.float32)
    if not np.isfinite(samples).all():
        raise FileError(f"{path} holds samples that are not numbers (NaN or infinity)")
    missing_s = _missing_s(data) if data[:4] == b"RIFF" else 0.0
    return Source(Path(path), Waveform(np.ascontiguousarray(samples), rate), raw, container, subtype, tags, missing_s)


def _missing_s(data: bytes) -> float:
    """Seconds by which the data chunk of a WAV file is shorter than its header says.

    Sizes of 0 and of almost 4 GiB are those of programs that write to a pipe and know no length: nothing is missing there.
    Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF chunks).
    """
    at, bytes_per_s = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(data[at + 16 : at + 20], "little")
        if name == b"data":
            lacking = size - (len(data) - at - 8)
            return lacking / bytes_per_s if bytes_per_s and lacking > 1 and size < _UNKNOWN_SIZE else 0.0
        at += 8 + size + size % 2
    return 0.0


def target_subtype(source: Source, suffix: str) -> str:
    """Sample format of an edited copy: the source's own where the container holds it, else 24 bit (or the codec's).

    Raises:
        FileError: unknown suffix.
    """
    suffix = suffix.lower()
    check_format(f"audio{suffix}")
    if suffix in (".ogg", ".mp3"):
        return {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}[suffix]
    if suffix == ".flac":
        return {"PCM_16": "PCM_16", "PCM_S8": "PCM_16", "PCM_U8": "PCM_16"}.get(source.subtype, "PCM_24")
    if source.subtype == "PCM_S8":  # wav's 8-bit samples are unsigned
        return "PCM_U8"
    return source.subtype if not source.lossy else "PCM_24"


def exact_in(source: Source, suffix: str) -> bool:
    """True when samples that an edit keeps are the source's own in a file of this suffix."""
    if source.lossy or suffix.lower() in (".ogg", ".mp3"):
        return False
    return DTYPES[target_subtype(source, suffix)] == DTYPES[source.subtype] and (
        source.subtype != "PCM_32" or target_subtype(source, suffix) == "PCM_32"
    )


def encode_source(source: Source, wave: Waveform, copied: tuple[Copied, ...], suffix: str) -> bytes:
    """An edited copy as the bytes of a file, in the source's sample format and with its tags.

    Args:
        source: what was edited.
        wave: the sound afterwards, at the source's rate and channels; integer formats clip it.
        copied: stretches whose numbers are taken from the source itself.
        suffix: ``.wav``, ``.flac``, ``.ogg`` or ``.mp3``.

    Raises:
        FileError: the format cannot hold these channels or this rate.
    """
    import soundfile

    subtype = target_subtype(source, suffix)
    if subtype not in DTYPES:
        return encode_audio(wave, suffix, tags=_known(source.tags))
    kind = DTYPES[subtype]
    out = _numbers(wave, subtype)
    if exact_in(source, suffix):
        for part in copied:
            out[part.new : part.new + part.n] = source.raw[part.old : part.old + part.n]
    container = source.container if source.container in ("WAV", "WAVEX", "RF64") and suffix == ".wav" else FORMATS[suffix]
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(buffer, "w", wave.sample_rate, wave.n_channels, subtype, format=container) as file:
            for name, text in _known(source.tags).items():
                setattr(file, name, text)
            file.write(out)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise FileError(f"cannot encode {wave.n_channels} channels at {wave.sample_rate} Hz as {suffix}: {error}") from error
    data = buffer.getvalue()
    return without_clock(data) if kind.startswith("float") else data


def _known(tags: dict[str, str]) -> dict[str, str]:
    """The tags, without the encoder's mark that libsndfile adds again itself."""
    return {name: text for name, text in tags.items() if name != "software"}


def _numbers(wave: Waveform, subtype: str) -> NDArray[Any]:
    """A sound in a sample format: rounded to its steps (not truncated, as libsndfile would)."""
    kind = DTYPES[subtype]
    samples = wave.samples.T
    if kind.startswith("float"):
        return np.array(samples, kind)
    bits = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}[subtype]
    full = 2.0 ** (bits - 1)
    steps = np.clip(np.rint(samples.astype(np.float64) * full), -full, full - 1).astype(np.int64)
    shift = (16 if kind == "int16" else 32) - bits
    return np.ascontiguousarray((steps << shift).astype(kind))
