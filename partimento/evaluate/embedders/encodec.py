"""EnCodec's encoder as an embedder: one vector per second, the mean of its frames before quantising.

Gui et al., "Adapting Fréchet Audio Distance for generative music evaluation", ICASSP 2024, use it among others. Do not
judge a model by the codec that it speaks: it has been trained to match that codec's frames.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from partimento.codec.encodec import EncodecCodec
from partimento.codec.encodec_layout import config_from_transformers, weights_from_transformers
from partimento.errors import UnsupportedError
from partimento.evaluate.embedders.weights import hub_folder
from partimento.models.musicgen.folder import read_config, read_tensors
from partimento.models.musicgen.keymap import fill

HUB_ID = "facebook/encodec_24khz"


class EncodecFrames:
    """The embedder."""

    def __init__(self, codec: EncodecCodec, name: str) -> None:
        self.codec = codec.eval()
        self.name = f"{name}, mean per second"
        self.sample_rate = codec.sample_rate
        self.dim = codec.config.seanet.dimension

    @torch.inference_mode()
    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``."""
        n = max(1, len(samples) // self.sample_rate)
        size = self.sample_rate
        padded = np.pad(samples, (0, max(0, n * size - len(samples))))[: n * size]
        sound = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))[None, None]
        frames = self.codec.encoder(sound)[0]
        return np.stack([part.mean(dim=1).numpy() for part in frames.chunk(n, dim=1)])


def load_encodec(path: str | None) -> EncodecFrames:
    """From a folder or id, in the layout of transformers.

    Raises:
        FileError, ParseError: not an EnCodec. UnsupportedError: the stereo one. MissingDependencyError: not to be had.
    """
    folder = hub_folder("encodec", path, HUB_ID)
    codec = EncodecCodec(config_from_transformers(read_config(folder)))
    if codec.channels != 1:
        raise UnsupportedError(f"{folder} is a codec of {codec.channels} channels; a mono one is needed, e.g. {HUB_ID}")
    fill(codec, weights_from_transformers(read_tensors(folder)), str(folder))
    return EncodecFrames(codec, f"EnCodec {folder.name if path else HUB_ID}")
