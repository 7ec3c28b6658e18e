"""MERT: a self-supervised model of music, by transformers' HuBERT (the same network without MERT's training heads).

24 kHz mono, windows of five seconds, one vector per window: the mean over time of one hidden layer. Li et al., "MERT:
acoustic music understanding model with large-scale self-supervised training", ICLR 2024. Only configurations that are
plain HuBERT are taken (MERT-v1-95M); others would give other figures under the same name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from partimento.errors import FileError, UnsupportedError
from partimento.evaluate.embedders.weights import hub_folder

HUB_ID = "m-a-p/MERT-v1-95M"
LAYER = 7
"""Hidden layer that is averaged (0 is the input of the first)."""
_WINDOW_S, _LEAST_S = 5.0, 0.5


class Mert:
    """The embedder."""

    sample_rate = 24_000

    def __init__(self, model: Any, name: str, layer: int = LAYER) -> None:
        self.model = model.eval()
        self.layer = min(layer, int(model.config.num_hidden_layers))
        self.name = f"{name}, layer {self.layer}"
        self.dim = int(model.config.hidden_size)

    @torch.inference_mode()
    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``."""
        size, least = round(_WINDOW_S * self.sample_rate), round(_LEAST_S * self.sample_rate)
        parts = [samples[s : s + size] for s in range(0, len(samples), size)]
        kept = [p for p in parts if len(p) >= least] or [np.pad(samples, (0, max(0, least - len(samples))))]
        rows = []
        for part in kept:
            centred = (part - part.mean()) / np.sqrt(part.var() + 1e-7)
            inputs = torch.from_numpy(np.ascontiguousarray(centred, dtype=np.float32))[None]
            states = self.model(inputs, output_hidden_states=True).hidden_states
            rows.append(states[self.layer].mean(dim=1).numpy())
        return np.concatenate(rows)


def load_mert(path: str | None) -> Mert:
    """From a folder or id.

    Raises:
        FileError: not one that can be read. UnsupportedError: a MERT that is not plain HuBERT.
        MissingDependencyError: not to be had.
    """
    from transformers import HubertConfig, HubertModel

    folder = hub_folder("mert", path, HUB_ID)
    config = _config(folder)
    if config.get("feature_extractor_cqt") or config.get("attention_relax", -1) > 0 or config.get("deepnorm"):
        raise UnsupportedError(f"{folder} is a MERT with parts that HuBERT does not have; {HUB_ID} can be used")
    known = {k: v for k, v in config.items() if k not in ("model_type", "auto_map", "architectures", "torch_dtype", "dtype")}
    try:
        model = HubertModel.from_pretrained(folder, config=HubertConfig(**known), local_files_only=True)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise FileError(f"{folder} cannot be read as a MERT: {str(error).splitlines()[0]}") from error
    return Mert(model, f"MERT {folder.name if path else HUB_ID}")


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{folder / 'config.json'} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise FileError(f"{folder / 'config.json'} is not a JSON object")
    return found
