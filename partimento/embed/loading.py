"""The joint embedding from a checkpoint folder or from the weights that come with the package, used on sound and text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from partimento.checkpoints import model_files, read_manifest
from partimento.codec.packing import filled
from partimento.embed.joint import HOP, MEL_BANDS, MEL_WINDOW, SAMPLE_RATE, JointConfig, JointEmbedding
from partimento.embed.tower import TowerConfig
from partimento.embed.words import padded_ids
from partimento.errors import FileError, ParseError, RequestError

MINI_EMBED = "mini-embed"
LEAST_S = 1.0


class JointEmbedder:
    """Words and sound to vectors of one space; see :class:`partimento.metrics.interfaces.TextEmbedder`.

    Args:
        model: in evaluation mode.
        name: for tables.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, model: JointEmbedding, name: str) -> None:
        self.model, self.name, self.dim = model, name, model.config.dim

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``, one per window; a rest under a second is left out unless it is all."""
        size, least = self.model.config.window_frames * HOP, round(LEAST_S * SAMPLE_RATE)
        parts = [samples[start : start + size] for start in range(0, max(1, len(samples)), size)]
        kept = [part for part in parts if len(part) >= least] or [np.pad(samples, (0, max(0, least - len(samples))))]
        return np.concatenate([self.embed_mel(mel_frames(part)[None]) for part in kept])

    @torch.inference_mode()
    def embed_mel(self, mel: NDArray[np.floating]) -> NDArray[np.float32]:
        """Vectors ``[B, dim]`` of log-mel frames ``[B, T, n_mels]``."""
        found = self.model.embed_audio(torch.from_numpy(np.asarray(mel, dtype=np.float32)))
        return np.asarray(found.numpy())

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors ``[len(texts), dim]``; each text by itself. One without a word of the vocabulary is the zero vector."""
        config = self.model.text.config
        rows = [self.model.embed_words(torch.from_numpy(padded_ids([text], config.words, config.most_words))) for text in texts]
        return np.asarray(torch.cat(rows).numpy())


def mel_frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel frames ``[ceil(n / 640), 128]`` of mono sound at 32 kHz, as ``data encode --features mel`` makes them."""
    from partimento.metrics.mel_distance import MelScale, log_mel

    scale = MelScale(MEL_WINDOW, MEL_BANDS)
    frames = log_mel(samples, SAMPLE_RATE, scale)[: -(-len(samples) // scale.hop)]
    return frames.astype(np.float16).astype(np.float32)


def load_joint(source: str = MINI_EMBED) -> JointEmbedder:
    """An embedder from a checkpoint folder of the trainer, or ``mini-embed``.

    Raises:
        RequestError: there are no built-in weights yet. FileError, ParseError: damaged, or weights that do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(source)
    if not folder.is_dir() and all(entry.name != source for entry in read_manifest().models):
        raise RequestError(f"no joint embedding '{source}': it is no folder and not built in; train one (docs/training.md)")
    weights_path, config_path = model_files(source)
    try:
        data = json.loads(config_path.read_text(encoding="utf-8"))
        config, text = msgspec.convert(data["embed_model"], JointConfig), msgspec.convert(data["text"], TowerConfig)
        weights = load_file(str(weights_path))
    except OSError as error:
        raise FileError(f"{error.filename or weights_path} is missing; give a folder that the trainer wrote") from error
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise ParseError(f"{config_path} does not describe a joint embedding: {error}") from error
    except SafetensorError as error:
        raise FileError(f"{weights_path} is damaged: {error}") from error
    model = filled(JointEmbedding(config, text), weights, weights_path, config_path)
    return JointEmbedder(model, MINI_EMBED if source == MINI_EMBED else f"joint {folder.name}")
