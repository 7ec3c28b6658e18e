"""Sound: the :class:`Waveform` value, files, sample rates, loudness, fades."""

from partimento.audio.fades import crossfade, fade, gain
from partimento.audio.io import read_audio, write_audio
from partimento.audio.loudness import integrated_lufs, peak_dbfs, true_peak_dbtp
from partimento.audio.resample import resample, to_channels
from partimento.audio.waveform import Waveform

__all__ = [
    "Waveform",
    "crossfade",
    "fade",
    "gain",
    "integrated_lufs",
    "peak_dbfs",
    "read_audio",
    "resample",
    "to_channels",
    "true_peak_dbtp",
    "write_audio",
]
