"""How well a codec keeps music, beside Opus and beside what perfect codes would give.

    partimento evaluate codec CHECKPOINT --data held_out/ [--files 24] [--pictures DIR] [--out DIR]

Every figure is a mean over files. ``true magnitudes`` and ``true bands`` are the ceiling: phases found for the
original's own spectrum. What is kept of the music: :mod:`partimento.evaluate.codec_music`.
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
from partimento.checkpoints import WEIGHTS_FILE
from partimento.errors import FileError, RequestError
from partimento.evaluate.codec_music import Heard, HeldOut, Kept, hear, held_out, kept
from partimento.metrics.chroma_cosine import chroma_cosine
from partimento.metrics.mel_distance import mel_distance

if TYPE_CHECKING:
    from torch import Tensor

    from partimento.codec.mini import MiniCodec

OPUS_KBPS = (8, 12, 16)
_LOW_BAND_HZ = 6_000.0
_MEL_GOAL, _CHROMA_GOAL, _KEPT_GOAL, _ONSET_GOAL, _PERPLEXITY_GOAL, _SPEED_GOAL = 0.40, 0.95, 0.95, 0.9, 0.35, 10.0
_RIVAL = "Opus 12"
MOST_FILES = 10_000
_SILENT = 1e-4
_READING = (
    "Onsets: F1 with those heard in the original (50 ms). Beats: F1, and chords: overlap, of what is heard with what is true. "
    "Buzz: sounds with a constant comb of lines that the original lacks."
)

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
        kept: onsets, beats and chords that are still heard.
        decode_speed: seconds of sound decoded per second; None for Opus.
    """

    name: str
    kbps: float | None
    mel: float
    mel_low: float
    chroma: float
    kept: Kept
    decode_speed: float | None = None


@dataclass(frozen=True, slots=True)
class CodecTable:
    """The whole evaluation.

    Attributes:
        measured: the checkpoint's name and the data's.
        n_files, seconds: what was measured on.
        original: what is heard in the sounds themselves.
        rows: one per codec; the first is the one that is measured, with all its codebooks.
        perplexities: of each codebook over all files.
        cardinality: entries per codebook.
        notes: what was left out, and why.
    """

    measured: str
    n_files: int
    seconds: float
    original: Kept
    rows: tuple[CodecRow, ...]
    perplexities: tuple[float, ...]
    cardinality: int
    notes: tuple[str, ...] = field(default=())

    def goals(self) -> dict[str, bool]:
        """What is asked of the codec with all its codebooks, and whether it is so; what no truth is known for is left out."""
        row, by_name = self.rows[0], {r.name: r for r in self.rows}
        found = {f"mel distance {row.mel:.3f} ({_MEL_GOAL} or less)": row.mel <= _MEL_GOAL}
        if _RIVAL in by_name:
            rival = by_name[_RIVAL].mel_low
            found[f"mel distance from 0 to 6 kHz {row.mel_low:.3f} (no more than {_RIVAL}: {rival:.3f})"] = row.mel_low <= rival
        found[f"chroma cosine {row.chroma:.3f} ({_CHROMA_GOAL})"] = row.chroma >= _CHROMA_GOAL
        for name, value, before in (
            ("chord overlap", row.kept.chords, self.original.chords), ("beat F1", row.kept.beats, self.original.beats)
        ):  # fmt: skip
            if value is not None and before:
                found[f"{name} {value / before:.3f} of the original's ({_KEPT_GOAL})"] = value / before >= _KEPT_GOAL
        if row.kept.onsets is not None:
            found[f"onset F1 {row.kept.onsets:.3f} ({_ONSET_GOAL})"] = row.kept.onsets >= _ONSET_GOAL
        share = min(self.perplexities) / self.cardinality
        found[f"perplexity {share:.3f} of a codebook's size at least ({_PERPLEXITY_GOAL})"] = share >= _PERPLEXITY_GOAL
        found[f"no buzz ({row.kept.buzzing} of {self.n_files} sounds)"] = not row.kept.buzzing
        if row.decode_speed is not None:
            fast = row.decode_speed >= _SPEED_GOAL
            found[f"decodes {row.decode_speed:.1f} times as fast as it sounds ({_SPEED_GOAL:g})"] = fast
        return found

    def markdown(self) -> str:
        """The table as text."""
        head = ("codec", "kbps", "mel distance", "0-6 kHz", "chroma", "onsets", "beats", "chords", "buzz", "decodes")
        lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines.append(f"| the original | | | | | {_kept_cells(self.original)} | |")
        for r in self.rows:
            rate = "-" if r.kbps is None else f"{r.kbps:g}"
            speed = "-" if r.decode_speed is None else f"{r.decode_speed:.0f}x"
            cells = (r.name, rate, f"{r.mel:.3f}", f"{r.mel_low:.3f}", f"{r.chroma:.4f}", _kept_cells(r.kept), speed)
            lines.append(f"| {' | '.join(cells)} |")
        used = ", ".join(f"{p:.0f}" for p in self.perplexities)
        amount = f"{self.measured}: {self.n_files} files, {self.seconds:.0f} s."
        measured = f"{amount} Perplexity of the codebooks (of {self.cardinality}): {used}."
        lines += ["", f"{measured} {_READING}", ""]
        lines += [f"- {'met' if met else 'missed'}: {text}" for text, met in self.goals().items()]
        return "\n".join([*lines, *self.notes]) + "\n"


def _kept_cells(values: Kept) -> str:
    """Four cells of a row."""
    cells = ["-" if value is None else f"{value:.3f}" for value in (values.onsets, values.beats, values.chords)]
    return " | ".join([*cells, str(values.buzzing)])


@dataclass(frozen=True, slots=True)
class _Material:
    """Sounds to measure on, and what is heard in them."""

    sounds: Sequence[HeldOut]
    heard: Sequence[Heard]
    sample_rate: int

    def measure(self, name: str, decode: Callable[[int], Samples], kbps: float | None, timed: bool) -> CodecRow:
        """One row; ``decode(i)`` gives the i-th sound as the codec returns it."""
        figures, found, spent, length, rate = [], [], 0.0, 0.0, self.sample_rate
        for i, sound in enumerate(self.sounds):
            start, samples = time.perf_counter(), sound.samples
            out = decode(i)
            spent += time.perf_counter() - start
            length += len(samples) / rate
            out = np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)]
            low = mel_distance(samples, out, rate, high_hz=_LOW_BAND_HZ)
            figures.append((mel_distance(samples, out, rate), low, chroma_cosine(samples, out, rate)))
            found.append(hear(out, rate))
        mel, low, chroma = (float(v) for v in np.mean(figures, axis=0))
        speed = length / max(spent, 1e-9) if timed else None
        return CodecRow(name, kbps, mel, low, chroma, kept(self.sounds, self.heard, found), speed)


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


def load_sounds(folder: Path, sample_rate: int, n_files: int, max_s: float = 20.0) -> list[HeldOut]:
    """The first ``n_files`` sounds under a folder (or of a rendered dataset's test split) that are not silent, mono, at most
    ``max_s`` long.

    Raises:
        FileError: no readable sound, or none that is not silent. RequestError: a number of files out of range.
    """
    from partimento.audio.io import read_audio
    from partimento.audio.resample import resample
    from partimento.audio.waveform import Waveform
    from partimento.data.audio_folder import find_training_audio

    if not 1 <= n_files <= MOST_FILES:
        raise RequestError(f"{n_files} files: 1 to {MOST_FILES} can be measured")
    sounds = []
    for file in find_training_audio([folder], "test")[0]:
        wave = read_audio(file.path)
        mono = resample(Waveform(wave.mono()[None, :], wave.sample_rate), sample_rate)
        samples = mono.samples[0, : int(max_s * sample_rate)]
        if np.abs(samples).max(initial=0.0) > _SILENT:
            sounds.append(held_out(file.path, samples, sample_rate))
        if len(sounds) == n_files:
            break
    if not sounds:
        raise FileError(f"all sounds under {folder} are silent")
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
        checkpoint: folder with ``model.safetensors`` and ``config.json``, a run's folder, or a built-in name.
        data: folder of held-out sounds.
        n_files: how many of them.
        ceilings: also find phases for the true magnitudes and bands.
        opus_kbps: bit rates of Opus to compare with.
        pictures: folder for spectrograms and sounds of the first four files.

    Raises:
        FileError: checkpoint or data cannot be read. RequestError: a number of files out of range.
        MissingDependencyError: ``mir_eval`` is not installed.
    """
    import torch

    from partimento.codec.loading import load_mini_codec
    from partimento.codec.quantize import perplexities
    from partimento.metrics.mir import mir_eval_module
    from partimento.train.state import weights_file

    mir_eval_module("onset")  # not after a minute's work
    file = weights_file(checkpoint)
    source = file.parent if file.name == WEIGHTS_FILE else checkpoint
    codec, measured = load_mini_codec(source), f"{source.name} on {data.resolve().name}"
    rate = codec.sample_rate
    material = load_sounds(data, rate, n_files)
    sounds = [s.samples for s in material]
    test = _Material(material, [hear(s, rate) for s in sounds], rate)
    codes = [codec.encode(torch.from_numpy(np.array(s))[None, None]).codes for s in sounds]
    rows, notes = [], []
    for levels in sorted({codec.n_codebooks, max(1, codec.n_codebooks // 2)}, reverse=True):
        kbps = codec.bitrate_kbps * levels / codec.n_codebooks
        decode = partial(_decode, codec, [c[:, :levels] for c in codes])
        rows.append(test.measure(f"mini-codec, {levels} codebooks", decode, kbps, True))
    if ceilings:
        rows.append(test.measure("true bands", partial(_from_bands, codec, sounds), None, True))
        rows.append(test.measure("true magnitudes", partial(_from_magnitudes, codec, sounds), None, True))
    if shutil.which("ffmpeg") is None and opus_kbps:
        notes.append("Opus left out: there is no ffmpeg program here.")
        opus_kbps = ()
    rows += [test.measure(f"Opus {k}", partial(_from_opus, sounds, rate, k), k, False) for k in opus_kbps]
    if pictures is not None:
        for i in range(min(4, len(sounds))):
            pair = {"original": sounds[i], "decoded": _decode(codec, codes, i)}
            save_spectrograms(pictures / f"{i:02d}.png", pair, rate)
            for name, samples in pair.items():
                _write(pictures / f"{i:02d}_{name}.wav", samples, rate)
    used = perplexities(torch.cat(codes, dim=2), codec.cardinality)
    seconds = sum(len(s) for s in sounds) / rate
    original = kept(material, test.heard, test.heard)
    return CodecTable(measured, len(sounds), seconds, original, tuple(rows), tuple(used), codec.cardinality, tuple(notes))


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
