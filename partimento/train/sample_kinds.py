"""What a task lets hear or see of its model while it trains, and how each kind becomes files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from partimento.audio.pictures import save_spectrograms
from partimento.audio.waveform import Waveform
from partimento.score.score import Score


@dataclass(frozen=True, slots=True, eq=False)
class Sounds:
    """Sounds that are compared in one picture.

    Attributes:
        name: of the files.
        sounds: ``[channels, n]`` by name.
        sample_rate: Hz.
        caption: what was asked for; empty for nothing.
    """

    name: str
    sounds: dict[str, NDArray[np.float32]]
    sample_rate: int
    caption: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Written music.

    Attributes:
        name: of the files.
        score: the music.
        caption: what was given.
    """

    name: str
    score: Score
    caption: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """How near every text (column) is to every sound (row) of a batch; pairs belong on the diagonal.

    Attributes:
        name: of the file.
        values: ``[n, n]``.
        caption: title.
    """

    name: str
    values: NDArray[np.float32]
    caption: str = ""


Sample: TypeAlias = Sounds | Piece | Matrix


@dataclass(frozen=True, slots=True)
class Written:
    """Files of one sample.

    Attributes:
        sounds: FLAC by name.
        scores: MIDI.
    """

    sounds: dict[str, Path]
    scores: tuple[Path, ...] = ()


def write_sounding(sample: Sample, folder: Path) -> Written:
    """Write what of a sample can be played: sounds as FLAC, pieces as MIDI. Raises FileError."""
    from partimento.audio.io import write_audio
    from partimento.score.midi import write_midi

    if isinstance(sample, Piece):
        return Written({}, (write_midi(sample.score, folder / f"{sample.name}.mid"),))
    if isinstance(sample, Matrix):
        return Written({})
    single = len(sample.sounds) == 1
    return Written({
        name: write_audio(folder / (f"{sample.name}.flac" if single else f"{sample.name}-{name}.flac"),
                          Waveform(np.nan_to_num(sound), sample.sample_rate))
        for name, sound in sample.sounds.items()
    })  # fmt: skip


def draw(sample: Sample, folder: Path) -> Path:
    """Draw spectrograms, a piano roll or a matrix; returns the PNG. Raises ImportError without matplotlib, and FileError."""
    path = folder / f"{sample.name}.png"
    if isinstance(sample, Piece):
        from partimento.score.plot import plot_score

        return plot_score(sample.score, path, sample.caption)
    if isinstance(sample, Matrix):
        _draw_matrix(sample, path)
        return path
    mono = {name: np.nan_to_num(sound).mean(axis=0) for name, sound in sample.sounds.items()}
    save_spectrograms(path, mono, sample.sample_rate, title=sample.caption)
    return path


def _draw_matrix(sample: Matrix, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(sample.values, cmap="magma", interpolation="nearest")
    axes.set(xlabel="texts", ylabel="sounds", title=sample.caption)
    figure.colorbar(shown, ax=axes)
    figure.savefig(path, dpi=80)
