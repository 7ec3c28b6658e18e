"""VGGish as FAD wants it: 16 kHz, no PCA, no quantising, no activation behind the last layer.

Facts: Hershey et al., "CNN architectures for large-scale audio classification", ICASSP 2017; front end of Google's
``vggish_params.py`` (25 ms windows, 10 ms hop, 64 HTK mel bands of 125-7500 Hz on magnitudes, ``log(x + 0.01)``, patches of
96 frames).
Weights: the torch conversion by harritaylor/torchvggish (Apache-2.0); its keys are this module's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from partimento.checkpoints import read_pickled
from partimento.evaluate.embedders.weights import tensors_of, weights_file
from partimento.models.musicgen.keymap import fill

URL = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"
_SHA256_PREFIX = "10086976"
_WINDOW, _HOP, _N_FFT, _BANDS, _PATCH = 400, 160, 512, 64, 96
_LOW_HZ, _HIGH_HZ, _OFFSET = 125.0, 7500.0, 0.01
_BATCH = 64


class VggishNet(nn.Module):
    """Patches ``[B, 1, 96, 64]`` to ``[B, 128]``."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool"):
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * 4 * 6, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 128)
        )

    def forward(self, patches: Tensor) -> Tensor:
        """The weights come from TensorFlow: channels last when flattened."""
        found: Tensor = self.embeddings(self.features(patches).permute(0, 2, 3, 1).flatten(1))
        return found


def mel_matrix() -> NDArray[np.float64]:
    """HTK filters ``[257, 64]`` with slopes that are straight in mel, bin 0 left out."""

    def mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """HTK scale."""
        return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))

    bins = mel(np.linspace(0.0, 8000.0, _N_FFT // 2 + 1))[:, None]
    edges = np.linspace(mel(_LOW_HZ), mel(_HIGH_HZ), _BANDS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    filters = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    filters[0] = 0.0
    return np.asarray(filters)


def patches(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel patches ``[N, 96, 64]`` of mono ``samples [n]`` at 16 kHz; shorter sound is filled up with silence."""
    least = _WINDOW + (_PATCH - 1) * _HOP
    samples = np.pad(np.asarray(samples, dtype=np.float64), (0, max(0, least - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW)
    magnitude = np.abs(np.fft.rfft(frames * window, _N_FFT, axis=1))
    log = np.log(magnitude @ mel_matrix() + _OFFSET)
    n = len(log) // _PATCH
    return np.asarray(log[: n * _PATCH].reshape(n, _PATCH, _BANDS), dtype=np.float32)


class Vggish:
    """The embedder."""

    name = "VGGish, no PCA, no final activation"
    sample_rate = 16_000
    dim = 128

    def __init__(self, net: VggishNet) -> None:
        self.net = net.eval()

    @torch.inference_mode()
    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, 128]``, one per 0.96 s of mono ``samples [n]``."""
        inputs = torch.from_numpy(patches(samples))[:, None]
        return np.concatenate([self.net(part).numpy() for part in torch.split(inputs, _BATCH)])


def load_vggish(path: str | None) -> Vggish:
    """From the published file.

    Raises:
        FileError, MissingDependencyError: see :func:`weights_file`.
    """
    file = weights_file("vggish", path, URL, "" if path else _SHA256_PREFIX)
    net = VggishNet()
    fill(net, tensors_of(read_pickled(file), file.name), file.name)
    return Vggish(net)
