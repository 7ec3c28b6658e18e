"""Models that come with a package of their own: PaSST (classes) and TRILL (embeddings).

PaSST: Koutini et al., "Efficient training of audio transformers with patchout", Interspeech 2022; 32 kHz, ten-second
windows without overlap, logits of 527 classes. TRILL: Shor et al., "Towards learning a universal non-semantic representation of
speech", Interspeech 2020; 16 kHz, the 512 numbers of layer 19 per window; used by MusicLM.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, MissingDependencyError

TRILL_URL = "https://tfhub.dev/google/nonsemantic-speech-benchmark/trill/3"


class Passt:
    """The classifier, by ``hear21passt``."""

    name = "PaSST, 10-s windows"
    sample_rate = 32_000

    def __init__(self, model: Any) -> None:
        self.model = model.eval()
        self.labels = tuple(f"audioset {i}" for i in range(527))

    def logits(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores ``[W, 527]`` of mono ``samples [n]``; windows below 0.15 s are dropped, as AudioCraft does."""
        import torch

        size = 10 * self.sample_rate
        parts = [samples[s : s + size] for s in range(0, len(samples), size)]
        kept = [p for p in parts if len(p) > 0.15 * self.sample_rate] or [samples]
        with torch.inference_mode():
            rows = [self.model(torch.from_numpy(np.ascontiguousarray(p))[None].float()).numpy() for p in kept]
        return np.concatenate(rows)


def load_passt(path: str | None) -> Passt:
    """From the package, which fetches its own weights.

    Raises:
        FileError: a path was given (the package has its own place for weights).
        MissingDependencyError: its weights cannot be fetched.
    """
    if path is not None:
        raise FileError("passt takes no path: hear21passt keeps its weights in torch's hub folder")
    module = importlib.import_module("hear21passt.base")
    try:
        return Passt(module.get_basic_model(mode="logits"))
    except OSError as error:
        raise MissingDependencyError(f"hear21passt cannot fetch its weights: {error}") from error


class Trill:
    """The embedder, by ``tensorflow_hub``."""

    name = "TRILL layer 19"
    sample_rate = 16_000
    dim = 512

    def __init__(self, model: Any) -> None:
        self.model = model

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, 512]`` of mono ``samples [n]``, at least a second of it."""
        padded = np.pad(samples, (0, max(0, self.sample_rate - len(samples))))
        found = self.model(samples=np.asarray(padded, dtype=np.float32)[None], sample_rate=self.sample_rate)["layer19"]
        return np.asarray(found, dtype=np.float32).reshape(-1, self.dim)


def load_trill(path: str | None) -> Trill:
    """From a SavedModel folder, or TensorFlow Hub.

    Raises:
        FileError: the folder is missing. MissingDependencyError: it cannot be fetched.
    """
    hub = importlib.import_module("tensorflow_hub")
    if path is not None and not Path(path).is_dir():
        raise FileError(f"{path} is not a folder; trill takes the SavedModel of {TRILL_URL}")
    try:
        return Trill(hub.load(path or TRILL_URL))
    except OSError as error:
        raise MissingDependencyError(f"TRILL cannot be fetched; get {TRILL_URL} and give trill:FOLDER") from error
