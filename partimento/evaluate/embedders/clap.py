"""CLAP: words and sound in one space, by transformers.

48 kHz mono, windows of ten seconds without overlap. Published scores mostly use LAION's
``music_audioset_epoch_15_esc_90.14``; its conversion is the default. Wu et al., "Large-scale contrastive language-audio
pretraining", ICASSP 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from partimento.errors import FileError
from partimento.evaluate.embedders.weights import hub_folder

HUB_ID = "laion/larger_clap_music"
_WINDOW_S, _LEAST_S = 10.0, 1.0


class Clap:
    """The embedder of both.

    Args:
        model, processor: of transformers.
        name: for tables.
    """

    sample_rate = 48_000

    def __init__(self, model: Any, processor: Any, name: str) -> None:
        self.model = model.eval()
        self.processor = processor
        self.name = name
        self.dim = int(model.config.projection_dim)

    @torch.inference_mode()
    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``; a rest shorter than a second is left out unless it is all there is."""
        size, least = round(_WINDOW_S * self.sample_rate), round(_LEAST_S * self.sample_rate)
        parts = [samples[s : s + size] for s in range(0, len(samples), size)]
        kept = [p for p in parts if len(p) >= least] or [samples]
        out = []
        for part in kept:
            extractor = getattr(self.processor, "feature_extractor", self.processor)
            inputs = extractor(part, sampling_rate=self.sample_rate, return_tensors="pt")
            out.append(_tensor(self.model.get_audio_features(**inputs)))
        return np.concatenate(out)

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors ``[len(texts), dim]``; each text by itself, so that it does not depend on the others' lengths."""
        tokenizer = getattr(self.processor, "tokenizer", self.processor)
        rows = []
        for text in texts:
            inputs = tokenizer([text], return_tensors="pt", truncation=True, max_length=77)
            rows.append(_tensor(self.model.get_text_features(**inputs)))
        return np.concatenate(rows)


def _tensor(found: Any) -> NDArray[np.float32]:
    """Features as an array; newer versions of transformers wrap them."""
    tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return np.asarray(tensor.float().numpy())


def load_clap(path: str | None) -> Clap:
    """From a folder or id.

    Raises:
        FileError: not a CLAP. MissingDependencyError: not to be had.
    """
    from transformers import AutoProcessor, ClapModel

    folder = hub_folder("clap", path, HUB_ID)
    try:
        model = ClapModel.from_pretrained(folder, local_files_only=True)
        processor: Any = AutoProcessor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise FileError(f"{folder} cannot be read as a CLAP: {str(error).splitlines()[0]}") from error
    return Clap(model, processor, f"CLAP {folder.name if path else HUB_ID}")
