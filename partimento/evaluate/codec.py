"""How well a codec keeps music, beside Opus and beside what perfect codes would give.

    python -m partimento.evaluate.codec CHECKPOINT --data held_out/ [--files 24] [--pictures DIR] [--json F]

Every figure is a mean over files. ``true magnitudes`` and ``true bands`` are the ceiling: phases found for the
original's own spectrum.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.audio.pictures import save_spectrograms
from partimento.metrics.chroma_cosine import chroma_cosine
from partimento.metrics.mel_distance import mel_distance

if TYPE_CHECKING:
    from torch import Tensor

    from partimento.codec.mini import MiniCodec

OPUS_KBPS = (8, 12, 16)
_LOW_BAND_HZ = 6_000.0

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CodecRow:
    """One codec's figures.

    Attributes:
        name: what was measured.
        kbps: bit rate; None for ceilings.
        mel: multi-scale log-mel distance (:mod:`partimento.metrics.mel_distance`), lower is better.
        mel_low: the same from 0 to 6 kHz.
        chroma: chroma cosine, higher is better.
        decode_speed: seconds of sound decoded per second; None for Opus.
    """

    name: str
    kbps: float | None
    mel: float
    mel_low: float
    chroma: float
    decode_speed: float | None = None


@dataclass(frozen=True, slots=True)
class CodecTable:
    """The whole evaluation.

    Attributes:
        n_files, seconds: what was measured on.
        rows: one per codec.
        perplexities: of each codebook over all files.
        cardinality: entries per codebook.
        notes: what was left out, and why.
    """

    n_files: int
    seconds: float
    rows: tuple[CodecRow, ...]
    perplexities: tuple[float, ...]
    cardinality: int
    notes: tuple[str, ...] = field(default=())

    def markdown(self) -> str:
        """The table as text."""
        lines = ["| codec | kbps | mel distance | 0-6 kHz | chroma | decodes |", "|---|---|---|---|---|---|"]
        for r in self.rows:
            rate = "-" if r.kbps is None else f"{r.kbps:g}"
            speed = "-" if r.decode_speed is None else f"{r.decode_speed:.0f}x"
            lines.append(f"| {r.name} | {rate} | {r.mel:.3f} | {r.mel_low:.3f} | {r.chroma:.4f} | {speed} |")
        used = ", ".join(f"{p:.0f}" for p in self.perplexities)
        lines += ["", f"{self.n_files} files, {self.seconds:.0f} s. Perplexity of the codebooks (of {self.cardinality}): {used}."]
        return "\n".join([*lines, *self.notes]) + "\n"


def _measure(
    name: str, sounds: Sequence[Samples], sample_rate: int, decode: Callable[[int], Samples], kbps: float | None, timed: bool
) -> CodecRow:
    """One row; ``decode(i)`` gives the i-th sound as the codec returns it."""
    figures, spent, length = [], 0.0, 0.0
    for i, sound in enumerate(sounds):
        start = time.perf_counter()
        out = decode(i)
        spent += time.perf_counter() - start
        length += len(sound) / sample_rate
        out = np.pad(out, (0, max(0, len(sound) - len(out))))[: len(sound)]
        low = mel_distance(sound, out, sample_rate, high_hz=_LOW_BAND_HZ)
        figures.append((mel_distance(sound, out, sample_rate), low, chroma_cosine(sound, out, sample_rate)))
    mel, low, chroma = (float(v) for v in np.mean(figures, axis=0))
    return CodecRow(name, kbps, mel, low, chroma, length / max(spent, 1e-9) if timed else None)


def opus(samples: Samples, sample_rate: int, kbps: int) -> Samples:
    """Mono ``samples [n]`` through Opus at ``kbps`` and back, by the ``ffmpeg`` program."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        source, packed, back = (str(Path(folder) / name) for name in ("in.wav", "x.opus", "out.wav"))
        soundfile.write(source, samples, sample_rate, subtype="PCM_16")
        quiet = ["ffmpeg", "-v", "error", "-y", "-i"]
        subprocess.run([*quiet, source, "-c:a", "libopus", "-b:a", f"{kbps}k", packed], check=True, capture_output=True)
        to_wav = ["-ar", str(sample_rate), "-ac", "1", "-c:a", "pcm_f32le", back]
        subprocess.run([*quiet, packed, *to_wav], check=True, capture_output=True)
        out, _ = soundfile.read(back, dtype="float32")
    return np.asarray(out, dtype=np.float32)


def load_sounds(folder: Path, sample_rate: int, n_files: int, max_s: float = 20.0) -> list[Samples]:
    """The first ``n_files`` sounds under a folder (or of a rendered dataset's test split), mono, at most ``max_s`` long.

    Raises:
        FileError: no readable sound.
    """
    from partimento.audio.io import read_audio
    from partimento.audio.resample import resample
    from partimento.audio.waveform import Waveform
    from partimento.data.audio_folder import find_training_audio

    sounds = []
    for file in find_training_audio([folder], "test")[0][:n_files]:
        wave = read_audio(file.path)
        mono = resample(Waveform(wave.mono()[None, :], wave.sample_rate), sample_rate)
        sounds.append(mono.samples[0, : int(max_s * sample_rate)])
    return sounds


def evaluate_codec(
    checkpoint: Path,
    data: Path,
    *,
    n_files: int = 24,
    ceilings: bool = True,
    opus_kbps: Sequence[int] = OPUS_KBPS,
    pictures: Path | None = None,
) -> CodecTable:
    """Measure a checkpoint of the mini codec.

    Args:
        checkpoint: folder with ``model.safetensors`` and ``config.json``.
        data: folder of held-out sounds.
        n_files: how many of them.
        ceilings: also find phases for the true magnitudes and bands.
        opus_kbps: bit rates of Opus to compare with.
        pictures: folder for spectrograms and sounds of the first four files.

    Raises:
        FileError: checkpoint or data cannot be read.
    """
    import torch

    from partimento.codec.loading import load_mini_codec
    from partimento.codec.quantize import perplexities

    codec = load_mini_codec(checkpoint)
    rate = codec.sample_rate
    sounds = load_sounds(data, rate, n_files)
    codes = [codec.encode(torch.from_numpy(np.array(s))[None, None]).codes for s in sounds]
    rows, notes = [], []
    for levels in sorted({codec.n_codebooks, max(1, codec.n_codebooks // 2)}):
        kbps = codec.bitrate_kbps * levels / codec.n_codebooks
        decode = partial(_decode, codec, [c[:, :levels] for c in codes])
        rows.append(_measure(f"mini-codec, {levels} codebooks", sounds, rate, decode, kbps, True))
    if ceilings:
        rows.append(_measure("true bands", sounds, rate, partial(_from_bands, codec, sounds), None, True))
        rows.append(_measure("true magnitudes", sounds, rate, partial(_from_magnitudes, codec, sounds), None, True))
    if shutil.which("ffmpeg") is None and opus_kbps:
        notes.append("Opus left out: there is no ffmpeg program here.")
        opus_kbps = ()
    rows += [_measure(f"Opus {k}", sounds, rate, partial(_from_opus, sounds, rate, k), k, False) for k in opus_kbps]
    if pictures is not None:
        for i in range(min(4, len(sounds))):
            pair = {"original": sounds[i], "decoded": _decode(codec, codes, i)}
            save_spectrograms(pictures / f"{i:02d}.png", pair, rate)
            for name, samples in pair.items():
                _write(pictures / f"{i:02d}_{name}.wav", samples, rate)
    used = perplexities(torch.cat(codes, dim=2), codec.cardinality)
    seconds = sum(len(s) for s in sounds) / rate
    return CodecTable(len(sounds), seconds, tuple(rows), tuple(used), codec.cardinality, tuple(notes))


def _decode(codec: MiniCodec, codes: Sequence[Tensor], i: int) -> Samples:
    from partimento.codec.interface import Encoded

    return np.asarray(codec.decode(Encoded(codes[i]))[0, 0].numpy())


def _from_bands(codec: MiniCodec, sounds: Sequence[Samples], i: int) -> Samples:
    import torch

    from partimento.codec.phase import DEFAULT_ITERATIONS

    bands = codec.bands_of(torch.from_numpy(np.array(sounds[i]))[None])
    return np.asarray(codec.sound_of(bands, iterations=DEFAULT_ITERATIONS)[0, 0].numpy())


def _from_magnitudes(codec: MiniCodec, sounds: Sequence[Samples], i: int) -> Samples:
    import torch

    from partimento.codec.phase import fast_griffin_lim

    magnitude = codec.stft.forward(torch.from_numpy(np.array(sounds[i]))[None]).abs()
    return np.asarray(codec.stft.inverse(fast_griffin_lim(magnitude, codec.stft))[0].numpy())


def _from_opus(sounds: Sequence[Samples], sample_rate: int, kbps: int, i: int) -> Samples:
    return opus(sounds[i], sample_rate, kbps)


def _write(path: Path, samples: Samples, sample_rate: int) -> None:
    from partimento.audio.io import write_audio
    from partimento.audio.waveform import Waveform

    write_audio(path, Waveform(np.array(samples)[None, :], sample_rate))
