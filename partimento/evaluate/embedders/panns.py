"""PANNs' Cnn14 as a classifier of AudioSet's 527 classes: 32 kHz, ten-second windows without overlap.

Facts: Kong et al., "PANNs: large-scale pretrained audio neural networks", IEEE TASLP 2020, table III; front end of
``pytorch_inference.py`` (window 1024, hop 320, 64 Slaney bands of 50-14000 Hz on power, dB with a floor of 1e-10). The
published file brings its own window and mel filters; its keys are this module's.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from partimento.checkpoints import read_pickled
from partimento.errors import FileError
from partimento.evaluate.embedders.weights import tensors_of, weights_file
from partimento.models.musicgen.keymap import fill

URL = "https://zenodo.org/record/3987831/files/Cnn14_mAP%3D0.431.pth"
N_CLASSES = 527
_WINDOW, _HOP, _BANDS = 1024, 320, 64
_WINDOW_S, _LEAST_S = 10.0, 1.0


class ConvBlock(nn.Module):
    """Two convolutions with batch norm, then average pooling."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor, pool: int) -> Tensor:
        """``[B, C, T, F]``, pooled by ``pool`` both ways."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, pool) if pool > 1 else x


class Cnn14(nn.Module):
    """Log-mel ``[B, T, 64]`` to logits ``[B, 527]``; ``mel [513, 64]`` comes with the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(_BANDS)
        widths = (1, 64, 128, 256, 512, 1024, 2048)
        for index, (channels, width) in enumerate(pairwise(widths), 1):
            setattr(self, f"conv_block{index}", ConvBlock(channels, width))
        self.fc1 = nn.Linear(2048, 2048)
        self.fc_audioset = nn.Linear(2048, N_CLASSES)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Logits; the published model puts a sigmoid behind them."""
        x = self.bn0(log_mel[:, None].transpose(1, 3)).transpose(1, 3)
        for index in range(1, 7):
            x = getattr(self, f"conv_block{index}")(x, 2 if index < 6 else 1)
        x = x.mean(dim=3)
        x = x.max(dim=2).values + x.mean(dim=2)
        found: Tensor = self.fc_audioset(functional.relu(self.fc1(x)))
        return found


class Panns:
    """The classifier."""

    name = "PANNs Cnn14, 10-s windows"
    sample_rate = 32_000

    def __init__(self, net: Cnn14, mel: Tensor) -> None:
        self.net = net.eval()
        self.mel = mel
        self.labels = tuple(f"audioset {i}" for i in range(N_CLASSES))

    @torch.inference_mode()
    def logits(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores ``[W, 527]`` of mono ``samples [n]``; a rest shorter than a second is left out unless it is all there is."""
        size, least = round(_WINDOW_S * self.sample_rate), round(_LEAST_S * self.sample_rate)
        parts = [samples[s : s + size] for s in range(0, len(samples), size)]
        kept = [p for p in parts if len(p) >= least] or [np.pad(samples, (0, max(0, least - len(samples))))]
        return np.concatenate([self.net(self._log_mel(torch.from_numpy(np.ascontiguousarray(p)))[None]).numpy() for p in kept])

    def _log_mel(self, samples: Tensor) -> Tensor:
        """``[T, 64]`` in dB."""
        window = torch.hann_window(_WINDOW)
        spectrum = torch.stft(samples.float(), _WINDOW, _HOP, window=window, center=True, pad_mode="reflect", return_complex=True)
        power = spectrum.abs().square().T @ self.mel
        return 10.0 * torch.log10(torch.clamp(power, min=1e-10))


def from_tensors(tensors: Mapping[str, Tensor], source: str) -> Panns:
    """From the published tensors.

    Raises:
        FileError: they are another network's.
    """
    mel = tensors.get("logmel_extractor.melW")
    if not isinstance(mel, Tensor) or tuple(mel.shape) != (_WINDOW // 2 + 1, _BANDS):
        raise FileError(f"{source} has no logmel_extractor.melW of shape [513, 64]; it is another network's file")
    net = Cnn14()
    own = {name: t for name, t in tensors.items() if not name.startswith(("spectrogram_extractor.", "logmel_extractor."))}
    fill(net, own, source)
    return Panns(net, mel.float())


def load_panns(path: str | None) -> Panns:
    """From the published file.

    Raises:
        FileError, MissingDependencyError: see :func:`weights_file`.
    """
    file = weights_file("panns", path, URL)
    package = read_pickled(file)
    inner = package.get("model", package) if isinstance(package, dict) else package
    return from_tensors(tensors_of(inner, file.name), file.name)
