"""Spectrograms as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WINDOW, _HOP = 2048, 256


def save_spectrograms(
    path: Path, sounds: Mapping[str, NDArray[np.float32]], sample_rate: int, seconds: float = 6.0, title: str = ""
) -> None:
    """Draw the same stretch of several sounds, one above the other (log frequency up to half the rate, 90 dB).

    Args:
        path: PNG; its folder is made if needed.
        sounds: mono samples ``[n]``, full scale ±1, by the name that stands over each.
        sample_rate: Hz.
        seconds: drawn from the beginning.
        title: over everything.
    """
    from matplotlib.figure import Figure
    from scipy.signal import stft

    figure = Figure(figsize=(11, 3.4 * len(sounds)), layout="constrained")
    for axes, (name, samples) in zip(np.ravel(figure.subplots(len(sounds), 1)), sounds.items(), strict=True):
        shown = samples[: int(seconds * sample_rate)]
        shown = np.pad(shown, (0, max(0, _WINDOW - len(shown))))
        hz, at, spectrum = stft(shown, sample_rate, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
        level = 20.0 * np.log10(np.maximum(np.abs(spectrum), 1e-6))
        axes.pcolormesh(at, hz[2:], level[2:], vmin=-100, vmax=-10, cmap="magma", rasterized=True)
        axes.set_yscale("log")
        axes.set_ylim(40, sample_rate / 2)
        axes.set_title(name)
        axes.set_ylabel("Hz")
    if title:
        figure.suptitle(title, fontsize=9, wrap=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)
