"""Taking a recording apart: drums, bass and what carries the tune. The one place for it.

With the ``demucs`` package and its weights on this machine, Hybrid Transformer Demucs does it (Rouard, Massa and Défossez,
2023). Otherwise steady and struck sound are told apart by median filters of the spectrogram (Fitzgerald, "Harmonic/percussive
separation using median filtering", DAFx 2010) and the steady part is split at 200 Hz. The result says which.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from partimento.audio.resample import resample, to_channels
from partimento.audio.waveform import Waveform
from partimento.errors import FileError, MissingDependencyError, RequestError

Method = Literal["demucs", "harmonic"]
STEMS = ("drums", "bass", "vocals", "other", "melody")
"""What can be asked for; ``melody`` is vocals and other together."""
SPLIT_HZ = 200.0
"""Below it the steady part counts as bass when there is no demucs."""
_DEMUCS = "htdemucs"
_DEMUCS_WEIGHTS = "955717e8-*.th"  # how the download of `htdemucs` is named in torch's hub folder
_WINDOW_S = 0.093  # 4096 samples at 44.1 kHz, as in the paper
_STEADY_S = 0.4
_STRUCK_HZ = 350.0
_BLOCK_S = 30.0
_OVERLAP_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """Parts of a recording.

    Attributes:
        stems: name → sound, as long as the recording and with its rate and channels.
        method: what took it apart.
    """

    stems: Mapping[str, Waveform]
    method: Method


def has_demucs() -> bool:
    """Whether ``demucs`` is installed and its weights have been downloaded (nothing is fetched here)."""
    if importlib.util.find_spec("demucs") is None or importlib.util.find_spec("torch") is None:
        return False
    from pathlib import Path

    import torch

    return any((Path(torch.hub.get_dir()) / "checkpoints").glob(_DEMUCS_WEIGHTS))


def separate(wave: Waveform, want: Sequence[str] = ("melody",), method: Method | None = None) -> Separation:
    """Parts of a recording.

    Args:
        wave: the recording.
        want: some of :data:`STEMS`.
        method: None takes demucs where it is present, else harmonic separation.

    Returns:
        The wanted stems. Those of harmonic separation (drums, bass, melody) sum to the recording.

    Raises:
        RequestError: an unknown stem, or no samples.
        MissingDependencyError: demucs is asked for, or needed for vocals and other, and not there.
    """
    unknown = [name for name in want if name not in STEMS]
    if unknown or not want:
        raise RequestError(f"no stem is called {', '.join(unknown) or 'nothing'}; there are: {', '.join(STEMS)}")
    if not wave.n_samples:
        raise RequestError("a recording without samples cannot be taken apart; give one with sound")
    present = method != "harmonic" and has_demucs()
    needed = method == "demucs" or "vocals" in want or "other" in want
    if needed and not present:
        raise MissingDependencyError(
            "telling vocals from other instruments needs demucs and its weights: pip install demucs, then run it once "
            f"(demucs -n {_DEMUCS} FILE); without it there are: drums, bass, melody"
        )
    stems = _by_demucs(wave) if present else _by_medians(wave)
    return Separation({name: stems[name] for name in want}, "demucs" if present else "harmonic")


def _by_demucs(wave: Waveform) -> dict[str, Waveform]:
    """Demucs's four stems and ``melody``; no random shifts, so equal input gives equal output."""
    import torch
    from demucs.apply import apply_model  # type: ignore[import-not-found,unused-ignore]
    from demucs.pretrained import get_model  # type: ignore[import-not-found,unused-ignore]

    try:
        model: Any = get_model(_DEMUCS)
    except Exception as error:  # its loader raises whatever torch.load and its own checks raise
        raise FileError(f"the weights of {_DEMUCS} cannot be read ({error}); delete and download them again") from error
    pair = to_channels(resample(wave, int(model.samplerate)), 2)
    with torch.inference_mode():
        found = apply_model(model.eval(), torch.from_numpy(pair.samples.copy())[None], shifts=0)[0].numpy()
    stems = {name: found[i] for i, name in enumerate(model.sources)}
    stems["melody"] = stems["vocals"] + stems["other"]
    out = {}
    for name, samples in stems.items():
        back = resample(Waveform(samples, pair.sample_rate), wave.sample_rate).samples
        fitted = np.pad(back, ((0, 0), (0, max(0, wave.n_samples - back.shape[1]))))[:, : wave.n_samples]
        out[name] = to_channels(Waveform(fitted, wave.sample_rate), min(2, wave.n_channels))
    return out


def _by_medians(wave: Waveform) -> dict[str, Waveform]:
    """Drums, bass and melody; they sum to the recording."""
    from scipy.signal import butter, sosfiltfilt

    steady = np.stack([_steady(channel, wave.sample_rate) for channel in wave.samples])
    high = steady
    if wave.sample_rate > 4 * SPLIT_HZ:
        filter_ = butter(4, SPLIT_HZ, "highpass", fs=wave.sample_rate, output="sos")
        high = sosfiltfilt(filter_, steady, axis=1, padlen=min(steady.shape[1] - 1, wave.sample_rate // 10))
    parts = {"drums": wave.samples - steady, "bass": steady - high, "melody": high}
    return {name: Waveform(np.asarray(samples, np.float32), wave.sample_rate) for name, samples in parts.items()}


def _steady(channel: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """The steady part of one channel, in blocks that overlap so that memory stays small."""
    block, overlap = round(_BLOCK_S * rate), round(_OVERLAP_S * rate)
    out = np.zeros(channel.size)
    ramp = np.linspace(0.0, 1.0, 2 * overlap, endpoint=False)
    for start in range(0, channel.size, block):
        first, last = max(0, start - overlap), min(channel.size, start + block + overlap)
        part = _steady_block(channel[first:last].astype(np.float64), rate)
        if start:
            n = min(ramp.size, part.size)
            out[first : first + n] *= 1.0 - ramp[:n]
            part[:n] *= ramp[:n]
            out[first : first + n] += part[:n]
            out[first + n : last] = part[n:]
        else:
            out[first:last] = part
    return out


def _steady_block(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Soft mask from two medians: along time for steady sound, along frequency for struck sound."""
    from scipy.fft import irfft, rfft
    from scipy.ndimage import median_filter

    n_fft = 1 << max(6, round(np.log2(_WINDOW_S * rate)))
    hop = n_fft // 4
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft))  # twice: Hann, which sums to 2 at this hop
    padded = np.pad(samples, (n_fft, n_fft + -samples.size % hop))
    spectrum = rfft(np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop] * window, axis=1)
    magnitude = np.abs(spectrum).astype(np.float32)
    along_time = 2 * round(_STEADY_S * rate / hop / 2) + 1
    along_frequency = 2 * round(_STRUCK_HZ * n_fft / rate / 2) + 1
    steady = median_filter(magnitude, size=(along_time, 1), mode="nearest") ** 2
    struck = median_filter(magnitude, size=(1, along_frequency), mode="nearest") ** 2
    mask = np.where(steady + struck > 0, steady / np.maximum(steady + struck, 1e-30), 0.5)
    frames = irfft(spectrum * mask, n=n_fft, axis=1) * window
    out = np.zeros(padded.size)
    for i, frame in enumerate(frames):
        out[i * hop : i * hop + n_fft] += frame
    return np.asarray(out[n_fft : n_fft + samples.size] / 2.0)
