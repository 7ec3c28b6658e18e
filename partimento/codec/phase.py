"""Short-time spectra and finding phases for magnitudes (no weights, same result every time).

:class:`Stft` places one frame every ``hop`` samples with its centre in the middle of "its" samples, so ``n`` samples
give exactly ``ceil(n / hop)`` frames: token frames and spectrum frames are the same thing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

DEFAULT_ITERATIONS = 40
DEFAULT_MOMENTUM = 0.99
_PHASE_SEED = 20_481
_QUIET = 1e-8


class Stft:
    """A short-time Fourier transform and its least-squares inverse (Griffin and Lim 1984, eq. 6).

    Args:
        n_fft: window samples (periodic Hann).
        hop: samples between frames; must divide ``n_fft``, and ``n_fft - hop`` must be even.
    """

    def __init__(self, n_fft: int, hop: int) -> None:
        if n_fft % hop or (n_fft - hop) % 2:
            raise ValueError(f"n_fft {n_fft} must be a multiple of hop {hop} with an even difference")
        self.n_fft, self.hop = n_fft, hop
        self._pad = (n_fft - hop) // 2
        self._window = torch.hann_window(n_fft, dtype=torch.float64).float()

    def window(self, like: Tensor) -> Tensor:
        """The window ``[n_fft]`` on the device of ``like``."""
        return self._window.to(like.device)

    def n_frames(self, n_samples: int) -> int:
        """Frames of a sound: ``ceil(n / hop)``."""
        return -(-n_samples // self.hop)

    def forward(self, wav: Tensor) -> Tensor:
        """``[B, n]`` to complex ``[B, T, n_fft // 2 + 1]``."""
        n_frames = self.n_frames(wav.shape[-1])
        padded = functional.pad(wav, (self._pad, self._pad + n_frames * self.hop - wav.shape[-1]))
        frames = padded.unfold(-1, self.n_fft, self.hop)
        spectrum: Tensor = torch.fft.rfft(frames * self.window(wav))
        return spectrum

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Complex ``[B, T, n_fft // 2 + 1]`` to ``[B, T * hop]``."""
        window = self.window(spectrum)
        frames = torch.fft.irfft(spectrum, n=self.n_fft) * window
        norm = self._overlap_add((window**2).expand(1, frames.shape[1], -1))
        return self._overlap_add(frames) / norm

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """``[B, T, n_fft]`` to ``[B, T * hop]``: the sum of overlapping frames, without the padding."""
        batch, n_frames, _ = frames.shape
        ratio = self.n_fft // self.hop
        parts = frames.reshape(batch, n_frames, ratio, self.hop)
        out = frames.new_zeros(batch, n_frames + ratio - 1, self.hop)
        for j in range(ratio):
            out[:, j : j + n_frames] += parts[:, :, j]
        return out.reshape(batch, -1)[:, self._pad : self._pad + n_frames * self.hop]


def random_phase(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Tensor:
    """Unit phasors from a fixed seed (made on the CPU, so that every device starts alike)."""
    generator = torch.Generator().manual_seed(_PHASE_SEED)
    angle = torch.rand(shape, generator=generator) * (2.0 * torch.pi)
    return torch.polar(torch.ones_like(angle), angle).to(device)


def fast_griffin_lim(
    magnitude: Tensor,
    stft: Stft,
    *,
    iterations: int = DEFAULT_ITERATIONS,
    momentum: float = DEFAULT_MOMENTUM,
    phase: Tensor | None = None,
    fixed_frames: int = 0,
) -> Tensor:
    """Phases for a magnitude spectrogram by the accelerated algorithm of Perraudin et al., "A fast Griffin-Lim
    algorithm" (WASPAA 2013).

    Args:
        magnitude: ``[B, T, F]``, ≥ 0.
        stft: the transform that the magnitudes belong to.
        iterations: rounds of analysis and synthesis.
        momentum: 0 gives the plain algorithm of Griffin and Lim.
        phase: unit phasors ``[B, T, F]`` to start from; None starts from seeded noise.
        fixed_frames: so many frames at the start keep the phases given (they continue a sound made before).

    Returns:
        Complex spectrum ``[B, T, F]`` with the asked magnitudes.
    """
    if phase is None:
        phase = random_phase(tuple(magnitude.shape), magnitude.device)
    head = phase[:, :fixed_frames].clone()
    previous = torch.zeros_like(phase)
    for _ in range(iterations):
        consistent = stft.forward(stft.inverse(magnitude * phase))
        step = consistent + momentum * (consistent - previous)
        previous = consistent
        phase = step / step.abs().clamp_min(1e-12)
        if fixed_frames:
            phase = torch.cat([head, phase[:, fixed_frames:]], dim=1)
    return magnitude * phase


def with_level_kept(spectrum: Tensor, stft: Stft, groups: Tensor) -> Tensor:
    """A spectrum scaled so that the sound made of it has its level.

    Frames of magnitudes that no sound has weaken each other where they overlap; the sound is then softer than its spectrum says.
    A frame's scale depends on the frames up to :func:`level_reach` before and after it.

    Args:
        spectrum: complex ``[B, T, F]``.
        stft: the transform that it belongs to.
        groups: ``[F, groups]``, 1 where a bin is in a group: bins whose energy is made up for together.

    Returns:
        Complex ``[B, T, F]``, each group of each frame louder or softer by at most a factor e.
    """

    def level(values: Tensor) -> Tensor:
        """Half the log of the energy of each group, ``[B, T, groups]``."""
        return 0.5 * torch.log(values.abs() ** 2 @ groups + _QUIET)

    gain = (level(spectrum) - level(stft.forward(stft.inverse(spectrum)))).clamp(-1.0, 1.0)
    return spectrum * (torch.exp(gain) @ groups.T)


def level_reach(stft: Stft) -> int:
    """Frames to each side that a frame shares samples with."""
    return stft.n_fft // stft.hop - 1
