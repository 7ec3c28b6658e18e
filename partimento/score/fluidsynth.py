"""FluidSynth as another engine, through the system's ``libfluidsynth`` (2.x) where it is installed.

The built-in player (:mod:`partimento.score.sampler`) needs no system library and is the default; FluidSynth is what it is
compared with in the tests. FluidSynth starts and stops notes on a grid of 64 samples. Reverb and chorus are off.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, MissingDependencyError

BLOCK_SAMPLES = 64
_POLYPHONY = 1024
_FLUSH_BLOCKS = 64  # rendered and dropped, so that nothing of earlier notes is left
_RENDER_GAIN = 1.0
# FluidSynth's resting MIDI volume of 100 lowers everything by 40 log10(127/100) dB; the built-in player has no such gain.
_FULL_VOLUME, _VOLUME_CC = 127, 7


@cache
def _library() -> ctypes.CDLL | None:
    """The shared library with its argument types set, or None where there is none."""
    name = ctypes.util.find_library("fluidsynth")
    if name is None:
        return None
    try:
        lib = ctypes.CDLL(name)
        for function, arguments, result in _SIGNATURES:
            bound = getattr(lib, function)
            bound.argtypes, bound.restype = arguments, result
    except (OSError, AttributeError):
        return None
    return lib


_P, _I, _S, _D = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_double
_SIGNATURES: tuple[tuple[str, list[Any], Any], ...] = (
    ("new_fluid_settings", [], _P),
    ("delete_fluid_settings", [_P], None),
    ("fluid_settings_setnum", [_P, _S, _D], _I),
    ("fluid_settings_setint", [_P, _S, _I], _I),
    ("new_fluid_synth", [_P], _P),
    ("delete_fluid_synth", [_P], None),
    ("fluid_synth_sfload", [_P, _S, _I], _I),
    ("fluid_synth_program_select", [_P, _I, _I, _I, _I], _I),
    ("fluid_synth_all_sounds_off", [_P, _I], _I),
    ("fluid_synth_cc", [_P, _I, _I, _I], _I),
    ("fluid_synth_noteon", [_P, _I, _I, _I], _I),
    ("fluid_synth_noteoff", [_P, _I, _I], _I),
    ("fluid_synth_write_float", [_P, _I, _P, _I, _I, _P, _I, _I], _I),
    ("fluid_set_log_function", [_I, _P, _P], _P),
)


def available() -> bool:
    """True when FluidSynth can be used."""
    return _library() is not None


class Synth:
    """One FluidSynth instance with one SoundFont, rendered offline.

    Args:
        path: the SoundFont.
        sample_rate: Hz, 8000 to 96000.

    Raises:
        MissingDependencyError: FluidSynth is not installed.
        FileError: FluidSynth cannot read the font.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        lib = _library()
        if lib is None:
            raise MissingDependencyError(
                "FluidSynth is not installed; install the system package libfluidsynth 2 or use the built-in engine"
            )
        self._lib, self._synth, self._settings = lib, None, lib.new_fluid_settings()
        for level in range(3):  # panic, error, warning: their news is in the return values
            lib.fluid_set_log_function(level, None, None)
        for name, value in ((b"synth.sample-rate", float(sample_rate)), (b"synth.gain", _RENDER_GAIN)):
            lib.fluid_settings_setnum(self._settings, name, value)
        for name, number in ((b"synth.reverb.active", 0), (b"synth.chorus.active", 0), (b"synth.polyphony", _POLYPHONY)):
            lib.fluid_settings_setint(self._settings, name, number)
        self._synth = lib.new_fluid_synth(self._settings)
        self._path = path
        self._font = lib.fluid_synth_sfload(self._synth, str(path).encode(), 0)
        if self._font < 0:
            self.close()
            raise FileError(f"FluidSynth cannot read the SoundFont {path}; use another copy")

    def select(self, bank: int, program: int) -> None:
        """Silence everything and go to a preset of the font (bank 128 for drum kits).

        Raises:
            FileError: the font has no such preset.
        """
        lib = self._lib
        lib.fluid_synth_all_sounds_off(self._synth, -1)
        if lib.fluid_synth_program_select(self._synth, 0, self._font, bank, program) < 0:
            raise FileError(f"FluidSynth cannot play bank {bank} program {program} of {self._path}; use another SoundFont")
        lib.fluid_synth_cc(self._synth, 0, _VOLUME_CC, _FULL_VOLUME)
        self._write(np.empty((2, _FLUSH_BLOCKS * BLOCK_SAMPLES), np.float32), 0, _FLUSH_BLOCKS)

    def close(self) -> None:
        """Free the instance."""
        if self._synth is not None:
            self._lib.delete_fluid_synth(self._synth)
        if self._settings is not None:
            self._lib.delete_fluid_settings(self._settings)
        self._synth = self._settings = None

    def __enter__(self) -> Synth:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def render(self, notes: list[tuple[int, int, int, int]], n: int) -> NDArray[np.float32]:
        """Play notes with the preset selected last.

        Args:
            notes: (onset sample, length in samples, key, velocity).
            n: samples to render.

        Returns:
            ``[2, n]``.
        """
        steps: list[tuple[int, int, int, int]] = []  # block, 0 = off or 1 = on, key, velocity
        for on, length, key, velocity in notes:
            first = round(on / BLOCK_SAMPLES)
            steps.append((first, 1, key, velocity))
            steps.append((max(first + 1, round((on + length) / BLOCK_SAMPLES)), 0, key, 0))
        n_blocks = -(-n // BLOCK_SAMPLES)
        out = np.zeros((2, n_blocks * BLOCK_SAMPLES), np.float32)
        at = 0
        for block, kind, key, velocity in sorted(steps):
            at = self._write(out, at, min(block, n_blocks))
            if kind:
                self._lib.fluid_synth_noteon(self._synth, 0, key, velocity)
            else:
                self._lib.fluid_synth_noteoff(self._synth, 0, key)
        self._write(out, at, n_blocks)
        return out[:, :n]

    def _write(self, out: NDArray[np.float32], at: int, until: int) -> int:
        """Render blocks ``at`` to ``until`` into ``out``; the block reached."""
        if until > at:
            left, right = out[0].ctypes.data, out[1].ctypes.data
            count, offset = (until - at) * BLOCK_SAMPLES, at * BLOCK_SAMPLES
            self._lib.fluid_synth_write_float(self._synth, count, left, offset, 1, right, offset, 1)
        return max(at, until)
